// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of named caches.
 *
 * What they share with the size classes, which is nearly all, is tested there.
 * Here: their shapes, their constructors, what is kept while an object is free, how
 * they end, and that each part of the heap knows them.
 */

#include <linux/delay.h>
#include <linux/gocache.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "cache.h"
#include "calls.h"
#include "central.h"
#include "hooks.h"
#include "mcache.h"
#include "numa.h"
#include "observe/observe.h"
#include "owner.h"
#include "reclaim/reclaim.h"
#include "source.h"
#include "span.h"
#include "stack.h"

/* Enough for several spans, and for what stacks and magazines hold. */
#define MANY	600

/* A cache that is destroyed with the case, if that has not done it. */
static void destroy(void *c)
{
	if (((struct gocache *)c)->state == GO_CACHE_HERE)
		gocache_destroy(c);
}

static struct gocache *cache_new(struct kunit *test, size_t size, size_t align,
				 unsigned int flags, void (*ctor)(void *obj))
{
	struct gocache *c = gocache_create("test", size, align, flags, ctor);

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, destroy, c), 0);
	return c;
}

/* Nothing of a cache is left, and its place is free. */
static void expect_gone(struct kunit *test, struct gocache *c)
{
	if (c->state == GO_CACHE_GONE) {
		/* It may have been in the stacks of other CPUs. */
		godrain_all(&goalloc_heap);
		gocentral_wait_for_readers();
		mutex_lock(&gocaches_lock);
		gocache_retire(c);
		mutex_unlock(&gocaches_lock);
	}
	KUNIT_EXPECT_EQ(test, c->state, GO_CACHE_FREE);
}

static unsigned int spans_of(const struct gocache *c)
{
	unsigned int n = 0;
	int nid;

	for_each_gonode(&goalloc_heap, nid)
		n += goalloc_heap.node[nid]->central[c->spc].nspans;
	return n;
}

static void bad_arguments(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, gocache_create(NULL, 8, 0, 0, NULL));
	KUNIT_EXPECT_NULL(test, gocache_create("bad", 0, 0, 0, NULL));
	KUNIT_EXPECT_NULL(test, gocache_create("bad", SZ_32K + 1, 0, 0, NULL));
	KUNIT_EXPECT_NULL(test, gocache_create("bad", SIZE_MAX, 0, 0, NULL));
	KUNIT_EXPECT_NULL(test, gocache_create("bad", 64, 24, 0, NULL));
	KUNIT_EXPECT_NULL(test, gocache_create("bad", 64, SZ_16K, 0, NULL));
	KUNIT_EXPECT_NULL(test, gocache_create("bad", 64, 0, BIT(31), NULL));
	gocache_destroy(NULL);
}

/* All shapes: exact indices, short spans, little waste. */
static void shapes(struct kunit *test)
{
	struct gospan s = { .base = SZ_1M };
	unsigned int size, i, bad = 0, wasteful = 0;
	struct goshape shape;
	unsigned long idx;

	for (size = 8; size <= GO_MAX_SMALL; size += 8) {
		KUNIT_ASSERT_TRUE(test, goshape_fit(&shape, size));
		s.magic = shape.magic;
		bad += shape.nelems > GO_MAX_NELEMS || !shape.nelems ||
		       shape.npages > 8;
		wasteful += shape.npages * GO_PAGE_SIZE -
			    shape.nelems * size > shape.npages * GO_PAGE_SIZE / 7;
		for (i = 0; i <= shape.nelems; i++) {
			bad += !gospan_index(&s, (void *)s.base + i * size,
					     &idx) || idx != i;
			bad += gospan_index(&s, (void *)s.base + i * size + 1,
					    &idx);
			bad += gospan_index(&s, (void *)s.base + i * size + 7,
					    &idx);
			bad += gospan_index(&s, (void *)s.base + i * size +
					    size - 1, &idx);
		}
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
	KUNIT_EXPECT_EQ(test, wasteful, 0);
	KUNIT_EXPECT_FALSE(test, goshape_fit(&shape, 0));
	KUNIT_EXPECT_FALSE(test, goshape_fit(&shape, 12));
	KUNIT_EXPECT_FALSE(test, goshape_fit(&shape, GO_MAX_SMALL + 8));
}

static const struct measure {
	const char *name;
	size_t size;
	size_t align;
	size_t whole;
	unsigned int flags;
} measures[] = {
	{ "1", 1, 0, 8 },
	{ "8", 8, 0, 8 },
	{ "24", 24, 0, 24 },
	{ "27", 27, 0, 32 },
	{ "40", 40, 4, 40 },
	{ "72", 72, 0, 72 },
	{ "100 to 64", 100, 64, 128 },
	{ "100 to lines", 100, 0, 128, GOCACHE_HWCACHE_ALIGN },
	{ "20 to lines", 20, 0, 32, GOCACHE_HWCACHE_ALIGN },
	{ "520", 520, 0, 520 },
	{ "600 to 512", 600, 512, 1024 },
	{ "1000", 1000, 0, 1000 },
	{ "1000, typesafe", 1000, 0, 1008, GOCACHE_TYPESAFE_BY_RCU },
	{ "2104", 2104, 0, 2104 },
	{ "3000 to 4096", 3000, 4096, 4096 },
	{ "4000", 4000, 0, 4000 },
	{ "5000", 5000, 0, 5000 },
	{ "8 to 8192", 8, 8192, 8192 },
	{ "10000", 10000, 0, 10000 },
	{ "20000", 20000, 0, 20000 },
	{ "32768", 32768, 0, 32768 },
};

KUNIT_ARRAY_PARAM_DESC(measures, measures, name);

/* Objects are of just the size, aligned, and each other's neighbours unharmed. */
static void exact_sizes(struct kunit *test)
{
	const struct measure *m = test->param_value;
	struct gocache *c = cache_new(test, m->size, m->align, m->flags, NULL);
	unsigned int i, n = m->size > 4096 ? 40 : MANY, bad = 0;
	void **p = kunit_kcalloc(test, n, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, gocache_size(c), m->size);
	for (i = 0; i < n; i++) {
		p[i] = gocache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		bad += gosize(p[i]) != m->whole || !goalloc_owns(p[i]) ||
		       !IS_ALIGNED((unsigned long)p[i], m->align ?: 8) ||
		       spanclass_of(p[i]) != c->spc;
		if (m->size >= 8)
			gotest_fill(p[i], m->size);
	}
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	for (i = 0; i < n; i++) {
		bad += m->size >= 8 && !gotest_intact(p[i], m->size);
		if (i % 2)
			gocache_free(c, p[i]);
		else
			gofree(p[i]);
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
	gocache_destroy(c);
	expect_gone(test, c);
}

#define CONSTRUCTED	0x600d600d600d600dUL

static atomic_t constructions;

static void construct(void *obj)
{
	u64 *p = obj;

	p[0] = CONSTRUCTED;
	p[12] = CONSTRUCTED;
	atomic_inc(&constructions);
}

static bool is_constructed(const void *obj)
{
	const u64 *p = obj;

	return p[0] == CONSTRUCTED && p[12] == CONSTRUCTED;
}

/* Each object is constructed once in the life of its span, and stays so. */
static void constructor(struct kunit *test)
{
	void **p = kunit_kcalloc(test, MANY, sizeof(*p), GFP_KERNEL);
	unsigned int i, round, bad = 0, spans;
	struct gocache *c;

	KUNIT_ASSERT_NOT_NULL(test, p);
	atomic_set(&constructions, 0);
	c = cache_new(test, 104, 0, 0, construct);
	KUNIT_EXPECT_EQ(test, atomic_read(&constructions), 0);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < MANY; i++) {
			p[i] = gocache_alloc(c, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p[i]);
			bad += !is_constructed(p[i]);
			memset(p[i] + 8, 0x5a, 88);
		}
		spans = spans_of(c);
		/* A few spans may have gone, and others have come. */
		KUNIT_EXPECT_GE(test, atomic_read(&constructions),
				spans * goshapes[c->spc].nelems);
		KUNIT_EXPECT_LT(test, atomic_read(&constructions),
				(spans + 8) * goshapes[c->spc].nelems);
		KUNIT_EXPECT_EQ(test, atomic_read(&constructions) %
				goshapes[c->spc].nelems, 0);
		for (i = 0; i < MANY; i++) {
			bad += !is_constructed(p[i]);
			gocache_free(c, p[i]);
		}
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
	/* What comes back to its span is kept there, too. */
	godrain_all(&goalloc_heap);
	p[0] = gocache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, is_constructed(p[0]));
	KUNIT_EXPECT_EQ(test, atomic_read(&constructions) %
			goshapes[c->spc].nelems, 0);
	gocache_free(c, p[0]);
}

/* Objects of a cache that one context allocates and another frees. */
struct handful {
	struct gocache *c;
	unsigned int n;
	unsigned int bad;
	void *p[MANY];
};

static struct handful *handful_new(struct kunit *test, struct gocache *c,
				   unsigned int n)
{
	struct handful *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->c = c;
	f->n = n;
	return f;
}

/* In an NMI there may be none, and in an interrupt few. */
static void take_handful(void *arg)
{
	struct handful *f = arg;
	unsigned int i;

	for (i = 0; i < f->n; i++) {
		f->p[i] = gocache_alloc(f->c, GFP_ATOMIC | __GFP_NOWARN);
		if (f->p[i] && goshapes[f->c->spc].ctor)
			f->bad += !is_constructed(f->p[i]);
	}
}

static void free_handful(void *arg)
{
	struct handful *f = arg;
	unsigned int i;

	for (i = 0; i < f->n; i++) {
		if (f->p[i] && goshapes[f->c->spc].ctor)
			f->bad += !is_constructed(f->p[i]);
		gocache_free(f->c, f->p[i]);
	}
}

KUNIT_ARRAY_PARAM_DESC(contexts, gotest_contexts, name);

/* Any context allocates, any frees, and what is kept is kept. */
static void all_contexts(struct kunit *test)
{
	const struct gotest_context_param *param = test->param_value;
	struct gocache *plain = cache_new(test, 72, 0, 0, NULL);
	struct gocache *made = cache_new(test, 104, 0, 0, construct);
	struct handful *f = handful_new(test, plain, 100);
	struct handful *g = handful_new(test, made, MANY);

	gotest_run_in(param->context, take_handful, f);
	gotest_run_in(param->context, free_handful, f);
	/* More than a stack holds, so that in NMI the worker gets some. */
	gotest_run_in(GOTEST_TASK, take_handful, g);
	gotest_run_in(param->context, free_handful, g);
	gotest_settle(&goalloc_heap);
	gotest_run_in(GOTEST_TASK, take_handful, g);
	gotest_run_in(GOTEST_TASK, free_handful, g);
	KUNIT_EXPECT_EQ(test, f->bad + g->bad, 0);
	gocache_destroy(plain);
	gocache_destroy(made);
	expect_gone(test, plain);
	expect_gone(test, made);
}

static void zeroed(struct kunit *test)
{
	struct gocache *c = cache_new(test, 200, 0, 0, NULL);
	struct gocache *safe = cache_new(test, 200, 0,
					 GOCACHE_TYPESAFE_BY_RCU, NULL);
	struct gocache *made = cache_new(test, 200, 0, 0, construct);
	long bad = gotest_misuses(&goalloc_heap, GO_BAD_CACHE);
	struct gocache *caches[] = { c, safe };
	unsigned int i, k;
	void *p;

	for (k = 0; k < 2; k++)
		for (i = 0; i < 100; i++) {
			p = gocache_zalloc(caches[k], GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p);
			KUNIT_EXPECT_TRUE(test, gotest_all_zero(p, 200));
			memset(p, 0xff, 200);
			gocache_free(caches[k], p);
		}
	KUNIT_EXPECT_NULL(test, gocache_zalloc(made, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, gotest_misuses(&goalloc_heap, GO_BAD_CACHE),
			bad + 1);
}

/* What a cache still has when it is destroyed is reported, and can be freed. */
static void destroyed_with_objects(struct kunit *test)
{
	struct gocache *c = cache_new(test, 88, 0, 0, NULL);
	long bad = gotest_misuses(&goalloc_heap, GO_BAD_CACHE);
	unsigned int i;
	void *p[3];

	for (i = 0; i < 3; i++) {
		p[i] = gocache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		gotest_fill(p[i], 88);
	}
	gocache_destroy(c);
	KUNIT_EXPECT_EQ(test, gotest_misuses(&goalloc_heap, GO_BAD_CACHE),
			bad + 1);
	KUNIT_EXPECT_EQ(test, c->state, GO_CACHE_GONE);
	/* Nobody gets their memory meanwhile. */
	gotest_cool(&goalloc_heap);
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_TRUE(test, gotest_intact(p[i], 88));
	/* And not another cache its place. */
	KUNIT_EXPECT_PTR_NE(test, cache_new(test, 24, 0, 0, NULL), c);
	gofree(p[0]);
	gocache_free(c, p[1]);
	gofree(p[2]);
	expect_gone(test, c);
	KUNIT_EXPECT_EQ(test, gotest_misuses(&goalloc_heap, GO_BAD_CACHE),
			bad + 1);
}

static void destroyed_twice(struct kunit *test)
{
	struct gocache *c = cache_new(test, 88, 0, 0, NULL);
	long bad = gotest_misuses(&goalloc_heap, GO_BAD_CACHE);

	gocache_destroy(c);
	KUNIT_EXPECT_EQ(test, gotest_misuses(&goalloc_heap, GO_BAD_CACHE), bad);
	gocache_destroy(c);
	KUNIT_EXPECT_EQ(test, gotest_misuses(&goalloc_heap, GO_BAD_CACHE),
			bad + 1);
}

struct late {
	struct rcu_head rcu;
	long payload[5];
};

/* Objects on their way through RCU are not left. */
static void destroyed_while_freeing(struct kunit *test)
{
	struct gocache *c = cache_new(test, sizeof(struct late), 0, 0, NULL);
	long bad = gotest_misuses(&goalloc_heap, GO_BAD_CACHE);
	struct late *p;
	unsigned int i;

	for (i = 0; i < 50; i++) {
		p = gocache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		gofree_rcu(p, rcu);
	}
	gocache_destroy(c);
	KUNIT_EXPECT_EQ(test, gotest_misuses(&goalloc_heap, GO_BAD_CACHE), bad);
	expect_gone(test, c);
}

/* What a module has not destroyed is closed when it goes, and said. */
static void left_by_a_module(struct kunit *test)
{
	struct gocache *c = cache_new(test, 48, 0, 0, NULL);
	long bad = gotest_misuses(&goalloc_heap, GO_BAD_CACHE);
	void *p = gocache_alloc(c, GFP_KERNEL);

	c->owner = GO_OBJ_LIVE + GO_NR_OWNERS - 1;
	gocaches_leave(GO_OBJ_LIVE + GO_NR_OWNERS - 2);
	KUNIT_EXPECT_EQ(test, c->state, GO_CACHE_HERE);
	gocaches_leave(c->owner);
	KUNIT_EXPECT_EQ(test, c->state, GO_CACHE_GONE);
	KUNIT_EXPECT_EQ(test, gotest_misuses(&goalloc_heap, GO_BAD_CACHE),
			bad + 1);
	gofree(p);
	expect_gone(test, c);
}

/* A free is checked as any other is, and for its cache. */
static void wrong_frees(struct kunit *test)
{
	struct gocache *a = cache_new(test, 64, 0, 0, NULL);
	struct gocache *b = cache_new(test, 64, 0, 0, NULL);
	struct goheap *h = &goalloc_heap;
	long wrong = gotest_misuses(h, GO_WRONG_CACHE);
	long twice = gotest_misuses(h, GO_DOUBLE_FREE);
	long inside = gotest_misuses(h, GO_INTERIOR);
	long foreign = gotest_misuses(h, GO_FOREIGN);
	void *p = gocache_alloc(a, GFP_KERNEL), *q = gomalloc(HIDE(64UL), GFP_KERNEL);
	void *big = gomalloc(HIDE(100000UL), GFP_KERNEL);

	if (!static_branch_likely(&goalloc_check))
		goto out;
	KUNIT_ASSERT_NOT_NULL(test, p);
	gocache_free(b, p);
	gocache_free(a, q);
	gocache_free(a, big);
	KUNIT_EXPECT_EQ(test, gotest_misuses(h, GO_WRONG_CACHE), wrong + 3);
	KUNIT_EXPECT_EQ(test, gosize(p), 64);
	KUNIT_EXPECT_EQ(test, gosize(q), 64);
	gocache_free(a, p + 8);
	KUNIT_EXPECT_EQ(test, gotest_misuses(h, GO_INTERIOR), inside + 1);
	gocache_free(a, NULL);
	gocache_free(a, &wrong);
	KUNIT_EXPECT_EQ(test, gotest_misuses(h, GO_FOREIGN), foreign + 1);
	gocache_free(a, p);
	gocache_free(a, p);
	KUNIT_EXPECT_EQ(test, gotest_misuses(h, GO_DOUBLE_FREE), twice + 1);
	KUNIT_EXPECT_EQ(test, gotest_misuses(h, GO_WRONG_CACHE), wrong + 3);
	p = NULL;
out:
	gocache_free(a, p);
	gofree(q);
	gofree(big);
}

/* Others free what a cache has, and gorealloc() moves it. */
static void other_calls(struct kunit *test)
{
	struct gocache *c = cache_new(test, 136, 0, 0, NULL);
	long misuses = goalloc_heap.misuse[GO_WRONG_SIZE].counter;
	void *p = gocache_alloc_node(c, GFP_KERNEL, first_memory_node);

	KUNIT_ASSERT_NOT_NULL(test, p);
	if (static_branch_likely(&goalloc_check))
		gofree_sized(p, HIDE(136UL));
	else
		gofree(p);
	p = gocache_alloc_node(c, GFP_KERNEL, NUMA_NO_NODE);
	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x5a, 136);
	p = gorealloc(p, HIDE(4000UL), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_NE(test, spanclass_of(p), c->spc);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0x5a, 136));
	gofree(p);
	p = gocache_alloc(c, GFP_KERNEL);
	gofree_sensitive(p);
	KUNIT_EXPECT_NULL(test, gocache_alloc_node(c, GFP_KERNEL, nr_node_ids));
	KUNIT_EXPECT_EQ(test, goalloc_heap.misuse[GO_WRONG_SIZE].counter, misuses);
	gocache_destroy(c);
	expect_gone(test, c);
}

/* Bulk is all or nothing, and a wrong one among them harms no other. */
static void bulk(struct kunit *test)
{
	struct gocache *a = cache_new(test, 64, 0, 0, NULL);
	struct gocache *b = cache_new(test, 64, 0, 0, NULL);
	long wrong = gotest_misuses(&goalloc_heap, GO_WRONG_CACHE);
	void **p = kunit_kcalloc(test, MANY, sizeof(*p), GFP_KERNEL), *q;
	unsigned int i, bad = 0;

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, gocache_alloc_bulk(a, GFP_KERNEL, MANY, p), MANY);
	for (i = 0; i < MANY; i++) {
		bad += gosize(p[i]) != 64 || spanclass_of(p[i]) != a->spc;
		gotest_fill(p[i], 64);
	}
	for (i = 0; i < MANY; i++)
		bad += !gotest_intact(p[i], 64);
	KUNIT_EXPECT_EQ(test, bad, 0);
	q = p[MANY / 2];
	if (static_branch_likely(&goalloc_check)) {
		p[MANY / 2] = gocache_alloc(b, GFP_KERNEL);
		gocache_free_bulk(a, MANY, p);
		KUNIT_EXPECT_EQ(test, gotest_misuses(&goalloc_heap,
						     GO_WRONG_CACHE), wrong + 1);
		gocache_free(b, p[MANY / 2]);
		gocache_free(a, q);
	} else {
		gocache_free_bulk(a, MANY, p);
	}
	KUNIT_EXPECT_EQ(test, gocache_alloc_bulk(a, GFP_KERNEL, 0, p), 0);
	KUNIT_EXPECT_EQ(test, gocache_alloc_bulk(a, GFP_KERNEL | __GFP_ZERO, 9,
						 p), 9);
	KUNIT_EXPECT_TRUE(test, gotest_all_zero(p[8], 64));
	gocache_free_bulk(a, 9, p);
}

/* While a reader may have an object, its span stays what it is. */
static void typesafe(struct kunit *test)
{
	struct gocache *c = cache_new(test, 104, 0, GOCACHE_TYPESAFE_BY_RCU,
				      construct);
	struct gospan *s;
	void *p;

	p = gocache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	s = gotest_span_of(&goalloc_heap, p);
	rcu_read_lock();
	gocache_free(c, p);
	rcu_read_unlock();
	godrain_all(&goalloc_heap);

	rcu_read_lock();
	p = gocache_alloc(c, GFP_NOWAIT);
	gocache_free(c, p);
	preempt_disable();
	/* Nothing may take it now, however short memory is. */
	if (this_cpu_ptr(goalloc_heap.mcache)->stack[c->spc].slot) {
		gomcache_enter(this_cpu_ptr(goalloc_heap.mcache));
		gostack_empty(&goalloc_heap, this_cpu_ptr(goalloc_heap.mcache),
			      c->spc);
		gomcache_leave(this_cpu_ptr(goalloc_heap.mcache));
	}
	KUNIT_EXPECT_EQ(test, s->central->idle, 1);
	KUNIT_EXPECT_EQ(test, gocentral_trim(s->central, GO_BATCH), 0);
	KUNIT_EXPECT_EQ(test, s->spanclass, c->spc);
	KUNIT_EXPECT_TRUE(test, is_constructed(p));
	preempt_enable();
	rcu_read_unlock();

	/* And then it goes as others do. */
	gocentral_wait_for_readers();
	KUNIT_EXPECT_EQ(test, gocentral_trim(s->central, GO_BATCH), 1);
	KUNIT_EXPECT_EQ(test, spans_of(c), 0);

	/* All memory that is free means these, too. */
	p = gocache_alloc(c, GFP_KERNEL);
	gocache_free(c, p);
	goalloc_free_os_memory();
	KUNIT_EXPECT_EQ(test, spans_of(c), 0);
}

/* There are so many places, and what is destroyed makes room. */
static void all_places(struct kunit *test)
{
	struct gocache *c[GO_NR_CACHES];
	unsigned int i, n, round;
	char name[20];

	for (round = 0; round < 2; round++) {
		for (n = 0; n < GO_NR_CACHES; n++) {
			snprintf(name, sizeof(name), "cache %u of many", n);
			c[n] = gocache_create(name, 8 * (n + 1), 0, 0, NULL);
			if (!c[n])
				break;
			gocache_free(c[n], gocache_alloc(c[n], GFP_KERNEL));
		}
		KUNIT_EXPECT_GE(test, n, GO_NR_CACHES - 4);
		KUNIT_EXPECT_NULL(test, gocache_create("one more", 8, 0, 0, NULL));
		KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
		for (i = 0; i < n; i++)
			gocache_destroy(c[i]);
	}
}

/* MemStats has the objects of caches in a line of their own, for ever. */
static void memstats_of_caches(struct kunit *test)
{
	struct gocache *c = cache_new(test, 5000, 0, 0, NULL);
	struct goalloc_memstats *before, *during, *after;
	struct handful *f = handful_new(test, c, 50);

	before = memstats(test);
	gotest_run_in(GOTEST_TASK, take_handful, f);
	during = memstats(test);
	gotest_expect_identities(test, during);
	KUNIT_EXPECT_EQ(test, during->cache_mallocs, before->cache_mallocs + 50);
	KUNIT_EXPECT_EQ(test, during->cache_alloc, before->cache_alloc + 250000);
	KUNIT_EXPECT_EQ(test, during->mallocs, before->mallocs + 50);
	KUNIT_EXPECT_EQ(test, during->heap_alloc, before->heap_alloc + 250000);
	KUNIT_EXPECT_EQ(test, during->total_requested,
			before->total_requested + 250000);
	gotest_run_in(GOTEST_TASK, free_handful, f);
	gocache_destroy(c);
	expect_gone(test, c);
	c = cache_new(test, 8, 0, 0, NULL);
	after = memstats(test);
	gotest_expect_identities(test, after);
	KUNIT_EXPECT_EQ(test, after->cache_mallocs, during->cache_mallocs);
	KUNIT_EXPECT_EQ(test, after->cache_total_alloc,
			during->cache_total_alloc);
	KUNIT_EXPECT_EQ(test, after->cache_frees, before->cache_frees + 50);
	KUNIT_EXPECT_EQ(test, after->cache_alloc, before->cache_alloc);
}

/* What a cache's creator has is counted as its own, exactly. */
static void owners_of_objects(struct kunit *test)
{
	struct gocache *c = cache_new(test, 1000, 0, 0, NULL);
	struct handful *f = handful_new(test, c, 77);
	struct goowners_count *n;

	if (!static_branch_likely(&goalloc_check))
		kunit_skip(test, "nobody knows with check=0");
	gotest_run_in(GOTEST_TASK, take_handful, f);
	mutex_lock(&goowners_lock);
	n = goowners_count(&goalloc_heap);
	mutex_unlock(&goowners_lock);
	KUNIT_ASSERT_NOT_NULL(test, n);
	KUNIT_EXPECT_EQ(test, n[(__goalloc_owner - GO_OBJ_LIVE) *
				GOOWNERS_CLASSES + GO_NR_CLASSES].objects, 77);
	KUNIT_EXPECT_EQ(test, n[(__goalloc_owner - GO_OBJ_LIVE) *
				GOOWNERS_CLASSES + GO_NR_CLASSES].bytes, 77000);
	kvfree(n);
	gotest_run_in(GOTEST_TASK, free_handful, f);
}

/* A cache's free spans go to the heap when that is asked for. */
static void shrunk(struct kunit *test)
{
	struct gocache *c = cache_new(test, 3000, 0, 0, NULL);
	struct handful *f = handful_new(test, c, MANY);
	unsigned int most;

	gotest_run_in(GOTEST_TASK, take_handful, f);
	most = spans_of(c);
	gotest_run_in(GOTEST_TASK, free_handful, f);
	gocache_shrink(c);
	KUNIT_EXPECT_LT(test, spans_of(c), most);
	gotest_cool(&goalloc_heap);
	KUNIT_EXPECT_EQ(test, spans_of(c), 0);
}

static struct gocache *traded;

static void *traded_alloc(struct goheap *h, unsigned int i, gfp_t gfp)
{
	void *p = gocache_alloc(traded, gfp);

	if (p && !is_constructed(p)) {
		gocache_free(traded, p);
		return NULL;
	}
	return p ? p + 8 : NULL;
}

static size_t traded_size(unsigned int i)
{
	return 88;
}

static void traded_free(struct goheap *h, void *p)
{
	gocache_free(traded, p - 8);
}

static bool traded_sane(const void *p, unsigned int i)
{
	return is_constructed(p - 8);
}

static const struct gotest_kind traded_kind = {
	.alloc = traded_alloc,
	.size = traded_size,
	.free = traded_free,
	.sane = traded_sane,
};

/* All CPUs free each other's objects, while other caches come and go. */
static void crowd(struct kunit *test)
{
	struct gotest_exchange *x;
	struct gotest_crew crew;
	struct gocache *other;
	unsigned int i;

	traded = cache_new(test, 104, 0, GOCACHE_TYPESAFE_BY_RCU, construct);
	x = gotest_exchange_new(test, &goalloc_heap, &traded_kind, 200);
	gotest_background(true);
	gotest_crew_start(test, &crew, gotest_trade, x);
	for (i = 0; i < 20; i++) {
		other = gocache_create("passing", 8 + i * 8, 0, 0, NULL);
		KUNIT_ASSERT_NOT_NULL(test, other);
		gocache_free(other, gocache_alloc(other, GFP_KERNEL));
		if (i % 4 == 0)
			goalloc_free_os_memory();
		gotest_expect_identities(test, memstats(test));
		gocache_shrink(traded);
		gocache_destroy(other);
		msleep(20);
	}
	gotest_crew_stop(test, &crew);
	gotest_background(false);
	gotest_exchange_end(test, x);
	gocache_destroy(traded);
	expect_gone(test, traded);
}

static struct kunit_case cache_cases[] = {
	KUNIT_CASE(bad_arguments),
	KUNIT_CASE(shapes),
	KUNIT_CASE_PARAM(exact_sizes, measures_gen_params),
	KUNIT_CASE(constructor),
	KUNIT_CASE_PARAM(all_contexts, contexts_gen_params),
	KUNIT_CASE(zeroed),
	KUNIT_CASE(destroyed_with_objects),
	KUNIT_CASE(destroyed_twice),
	KUNIT_CASE(destroyed_while_freeing),
	KUNIT_CASE(left_by_a_module),
	KUNIT_CASE(wrong_frees),
	KUNIT_CASE(other_calls),
	KUNIT_CASE(bulk),
	KUNIT_CASE(typesafe),
	KUNIT_CASE(all_places),
	KUNIT_CASE(memstats_of_caches),
	KUNIT_CASE(owners_of_objects),
	KUNIT_CASE(shrunk),
	KUNIT_CASE(crowd),
	{}
};

static struct kunit_suite cache_suite = {
	.name = "goalloc_cache",
	.init = gotest_api_init,
	.exit = gotest_api_exit,
	.test_cases = cache_cases,
};

kunit_test_suite(cache_suite);
