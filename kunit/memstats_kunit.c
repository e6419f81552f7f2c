// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of MemStats: that the numbers are true.
 *
 * First exactly: for what is known to have happened on a heap where nothing
 * else does, every counter moves by what it must and the others stay.  Then by
 * another way: as Go's TestReadMemStats does, all spans are walked and what is
 * live in them is counted again.  Then under load: a reader beside threads on
 * all CPUs never sees an identity broken or a total fall, and when all is quiet
 * the totals are what the threads themselves have counted.
 */

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>
#include "alloc.h"
#include "api.h"
#include "hooks.h"
#include "mcache.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "source.h"
#include "span.h"

static struct goalloc_memstats *memstats(struct kunit *test)
{
	struct goalloc_memstats *m = gotest_memstats(test, gotest_heap(test));

	gotest_expect_identities(test, m);
	return m;
}

static void memstats_of_nothing(struct kunit *test)
{
	struct goalloc_memstats *m = memstats(test);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, m->mallocs, 0);
	KUNIT_EXPECT_EQ(test, m->frees, 0);
	KUNIT_EXPECT_EQ(test, m->total_alloc, 0);
	KUNIT_EXPECT_EQ(test, m->total_requested, 0);
	KUNIT_EXPECT_EQ(test, m->heap_alloc, 0);
	KUNIT_EXPECT_EQ(test, m->heap_inuse, 0);
	KUNIT_EXPECT_EQ(test, m->heap_released, 0);
	KUNIT_EXPECT_GE(test, m->heap_sys,
			(u64)GO_RESERVE_PAGES * GO_PAGE_SIZE);
	KUNIT_EXPECT_GT(test, m->gc_sys, 0);
	KUNIT_EXPECT_GT(test, m->other_sys, 0);
	KUNIT_EXPECT_GT(test, m->mcache_sys, 0);
	for (i = 0; i < GO_NR_CLASSES; i++) {
		KUNIT_EXPECT_EQ(test, m->by_size[i].size, go_class_size[i]);
		KUNIT_EXPECT_EQ(test, m->by_size[i].mallocs, 0);
		KUNIT_EXPECT_EQ(test, m->by_size[i].frees, 0);
	}
}

/* A reader walks the CPUs whose caches have held anything, and no others. */
static void memstats_walks_users(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned int cpu;
	void *p;

	KUNIT_EXPECT_TRUE(test, cpumask_empty(&h->cpus));
	gotest_pin(test, h);
	cpu = raw_smp_processor_id();
	p = gotest_alloc(h, GO_SPC(6, 0), GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, cpumask_equal(&h->cpus, cpumask_of(cpu)));
	gotest_free(h, p);
	godrain_all(h);
	KUNIT_EXPECT_EQ(test, memstats(test)->by_size[6].mallocs, 1);
}

/* There is no collector, and no figure pretends that there is. */
static void memstats_invents_nothing(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct goalloc_memstats *m;

	gotest_free(h, gotest_alloc(h, GO_SPC(6, 0), GFP_KERNEL));
	goscavenge_all(h);
	m = memstats(test);
	KUNIT_EXPECT_EQ(test, m->lookups, 0);
	KUNIT_EXPECT_EQ(test, m->stack_inuse, 0);
	KUNIT_EXPECT_EQ(test, m->stack_sys, 0);
	KUNIT_EXPECT_EQ(test, m->buck_hash_sys, 0);
	KUNIT_EXPECT_EQ(test, m->next_gc | m->last_gc | m->pause_total_ns, 0);
	KUNIT_EXPECT_EQ(test, m->num_gc | m->num_forced_gc, 0);
	KUNIT_EXPECT_EQ(test, m->gc_cpu_fraction | m->enable_gc | m->debug_gc,
			0);
	KUNIT_EXPECT_NULL(test, memchr_inv(m->pause_ns, 0,
					   sizeof(m->pause_ns)));
	KUNIT_EXPECT_NULL(test, memchr_inv(m->pause_end, 0,
					   sizeof(m->pause_end)));
}

/* What @n objects of a class, each asked for as @size bytes, have changed. */
static void expect_mallocs(struct kunit *test, unsigned int class,
			   unsigned int n, size_t size,
			   const struct goalloc_memstats *a,
			   const struct goalloc_memstats *b)
{
	u64 bytes = (u64)n * go_class_size[class];

	KUNIT_EXPECT_EQ(test, b->mallocs - a->mallocs, n);
	KUNIT_EXPECT_EQ(test, b->by_size[class].mallocs -
			a->by_size[class].mallocs, n);
	KUNIT_EXPECT_EQ(test, b->heap_objects - a->heap_objects, n);
	KUNIT_EXPECT_EQ(test, b->heap_alloc - a->heap_alloc, bytes);
	KUNIT_EXPECT_EQ(test, b->total_alloc - a->total_alloc, bytes);
	KUNIT_EXPECT_EQ(test, b->total_requested - a->total_requested,
			n * size);
	KUNIT_EXPECT_EQ(test, b->frees, a->frees);
	KUNIT_EXPECT_EQ(test, b->large_total_alloc, a->large_total_alloc);
	KUNIT_EXPECT_EQ(test, b->failures, a->failures);
	KUNIT_EXPECT_EQ(test, b->heap_released, a->heap_released);
}

static void expect_frees(struct kunit *test, unsigned int class,
			 unsigned int n, const struct goalloc_memstats *a,
			 const struct goalloc_memstats *b)
{
	u64 bytes = (u64)n * go_class_size[class];

	KUNIT_EXPECT_EQ(test, b->frees - a->frees, n);
	KUNIT_EXPECT_EQ(test, b->by_size[class].frees -
			a->by_size[class].frees, n);
	KUNIT_EXPECT_EQ(test, a->heap_objects - b->heap_objects, n);
	KUNIT_EXPECT_EQ(test, a->heap_alloc - b->heap_alloc, bytes);
	KUNIT_EXPECT_EQ(test, b->mallocs, a->mallocs);
	KUNIT_EXPECT_EQ(test, b->total_alloc, a->total_alloc);
	KUNIT_EXPECT_EQ(test, b->total_requested, a->total_requested);
	KUNIT_EXPECT_EQ(test, b->misuses, a->misuses);
}

static void expect_pair(struct kunit *test, unsigned int spc)
{
	unsigned int class = GO_SPC_CLASS(spc), i;
	size_t size = go_class_size[class] - 1;
	struct goheap *h = gotest_heap(test);
	struct goalloc_memstats *a, *b, *c;
	void *p[3];

	a = memstats(test);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = goalloc_pop(h, spc, size, GFP_KERNEL,
				   GO_OBJ_LIVE, true, 0);
	b = memstats(test);
	expect_mallocs(test, class, ARRAY_SIZE(p), size, a, b);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		gotest_free(h, p[i]);
	c = memstats(test);
	expect_frees(test, class, ARRAY_SIZE(p), b, c);
	kunit_kfree(test, a);
	kunit_kfree(test, b);
	kunit_kfree(test, c);
}

static void memstats_of_each_class(struct kunit *test)
{
	unsigned int spc;

	for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++)
		expect_pair(test, spc);
}

/* What goes past the mcache is counted as all else. */
static void memstats_past_the_mcache(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *mc = gotest_pin(test, h);
	struct goalloc_memstats *a, *b;
	void *p[3];

	a = memstats(test);
	p[0] = goalloc_on_node(h, first_memory_node, GO_SPC(6, 0), 60,
			       GFP_KERNEL, GO_OBJ_LIVE, _RET_IP_);
	preempt_disable();
	gomcache_enter(mc);
	p[1] = goalloc_pop(h, GO_SPC(6, 0), 60, GFP_ATOMIC, GO_OBJ_LIVE, true, 0);
	p[2] = goalloc_pop(h, GO_SPC(6, 1), 60, GFP_ATOMIC, GO_OBJ_LIVE, true, 0);
	gomcache_leave(mc);
	preempt_enable();
	b = memstats(test);
	expect_mallocs(test, 6, 3, 60, a, b);
	preempt_disable();
	gomcache_enter(mc);
	gotest_free(h, p[0]);
	gotest_free(h, p[1]);
	gomcache_leave(mc);
	preempt_enable();
	gotest_free(h, p[2]);
	expect_frees(test, 6, 3, b, memstats(test));
}

static const size_t large_sizes[] = {
	GO_MAX_SMALL + 1, 40960, 65536, 100000, 1UL << 20, GOALLOC_MAX_SIZE,
};

static void memstats_of_large(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct goalloc_memstats *a, *b, *c;
	struct gospan *s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(large_sizes); i++) {
		size_t bytes = round_up(large_sizes[i], GO_PAGE_SIZE);

		a = memstats(test);
		s = gosource_large(h, NUMA_NO_NODE, large_sizes[i],
				   GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, s);
		b = memstats(test);
		KUNIT_EXPECT_EQ(test, b->mallocs, a->mallocs + 1);
		KUNIT_EXPECT_EQ(test, b->by_size[0].mallocs,
				a->by_size[0].mallocs + 1);
		KUNIT_EXPECT_EQ(test, b->heap_alloc, a->heap_alloc + bytes);
		KUNIT_EXPECT_EQ(test, b->heap_inuse, a->heap_inuse + bytes);
		KUNIT_EXPECT_EQ(test, b->total_alloc, a->total_alloc + bytes);
		KUNIT_EXPECT_EQ(test, b->large_alloc, a->large_alloc + bytes);
		KUNIT_EXPECT_EQ(test, b->total_requested,
				a->total_requested + large_sizes[i]);
		gotest_free(h, (void *)s->base);
		c = memstats(test);
		KUNIT_EXPECT_EQ(test, c->frees, b->frees + 1);
		KUNIT_EXPECT_EQ(test, c->by_size[0].frees,
				b->by_size[0].frees + 1);
		KUNIT_EXPECT_EQ(test, c->heap_alloc, a->heap_alloc);
		KUNIT_EXPECT_EQ(test, c->heap_inuse, a->heap_inuse);
		KUNIT_EXPECT_EQ(test, c->large_alloc, 0);
		KUNIT_EXPECT_EQ(test, c->large_total_alloc,
				b->large_total_alloc);
	}
}

/* A page that is given back is in HeapReleased and no more in HeapSys. */
static void memstats_released(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct goalloc_memstats *a, *b;
	void *p[64];
	size_t bytes;
	int i;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = gotest_alloc(h, GO_SPC(67, 0), GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		gotest_free(h, p[i]);
	godrain_all(h);
	gotest_settle(h);
	a = memstats(test);
	bytes = goscavenge_all(h);
	b = memstats(test);
	KUNIT_EXPECT_GT(test, b->heap_released, a->heap_released);
	KUNIT_EXPECT_EQ(test, b->heap_released - a->heap_released,
			a->heap_sys - b->heap_sys);
	KUNIT_EXPECT_EQ(test, bytes, a->sys - b->sys);
	KUNIT_EXPECT_EQ(test, b->heap_inuse, 0);
	KUNIT_EXPECT_EQ(test, b->mallocs, a->mallocs);
	KUNIT_EXPECT_EQ(test, b->total_alloc, a->total_alloc);
}

static void nmi_alloc(void *arg)
{
	struct goheap *h = arg;

	gotest_alloc(h, GO_SPC(6, 0), GFP_ATOMIC);
}

static void memstats_failures(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct goalloc_memstats *m;
	int on_stack;

	gotest_run_in(GOTEST_NMI, nmi_alloc, h);
	gotest_free(h, &on_stack);
	m = memstats(test);
	KUNIT_EXPECT_EQ(test, m->failures, 1);
	KUNIT_EXPECT_EQ(test, m->misuses, 1);
	KUNIT_EXPECT_EQ(test, m->mallocs, 0);
}

static void memstats_of_the_api(struct kunit *test)
{
	struct goalloc_memstats *a, *b;

	a = gotest_memstats(test, &goalloc_heap);
	b = kunit_kmalloc(test, sizeof(*b), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b);
	memset(b, 0xff, sizeof(*b));
	goalloc_read_memstats(b);
	KUNIT_EXPECT_MEMEQ(test, a, b, sizeof(*a));
}

/**
 * struct recount - what a walk has found
 * @pages: of spans in use
 * @idle: free pages
 * @bytes: in live objects
 * @live: objects by class
 * @spans: descriptors
 */
struct recount {
	u64 pages;
	u64 idle;
	u64 bytes;
	u64 live[GO_NR_CLASSES];
	u64 spans;
};

static void count_span(struct gospan *s, void *data)
{
	unsigned int class = GO_SPC_CLASS(s->spanclass), i;
	struct recount *r = data;

	r->spans++;
	if (s->state == GO_SPAN_FREE || s->state == GO_SPAN_DYING ||
	    (s->state == GO_SPAN_SMALL && !s->cached &&
	     s->navail + s->nback == s->nelems)) {
		r->idle += s->npages;
		return;
	}
	r->pages += s->npages;
	if (s->state == GO_SPAN_LARGE) {
		r->live[0]++;
		r->bytes += s->elemsize;
		return;
	}
	for (i = 0; i < s->nelems; i++) {
		if (!goobj_is_live(s->objstate[i]))
			continue;
		r->live[class]++;
		r->bytes += s->elemsize;
	}
}

static void expect_recount(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct goalloc_memstats *m = memstats(test);
	struct recount *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, r);
	gospan_walk(h, count_span, r);
	KUNIT_EXPECT_EQ(test, m->heap_inuse, r->pages << GO_PAGE_SHIFT);
	KUNIT_EXPECT_EQ(test, m->heap_idle, r->idle << GO_PAGE_SHIFT);
	KUNIT_EXPECT_EQ(test, m->heap_alloc, r->bytes);
	KUNIT_EXPECT_EQ(test, m->mspan_inuse,
			r->spans * h->node[first_memory_node]->fix[GO_FIX_SPAN].size);
	for (i = 0; i < GO_NR_CLASSES; i++)
		KUNIT_EXPECT_EQ_MSG(test, m->by_size[i].mallocs -
				    m->by_size[i].frees, r->live[i],
				    "class %u", i);
	kunit_kfree(test, r);
	kunit_kfree(test, m);
}

#define NR_SLOTS	400

/* An object of class i % 68, in one of the ways there are. */
static void *random_object(struct goheap *h, unsigned int i, u32 r)
{
	unsigned int class = i % GO_NR_CLASSES;
	struct gospan *s;

	if (!class) {
		s = gosource_large(h, NUMA_NO_NODE, 32769 + r % 200000,
				   GFP_KERNEL);
		return s ? (void *)s->base : NULL;
	}
	if (r % 4 == 0)
		return goalloc_tiny(1 + r / 4 % 15, GFP_KERNEL, GO_OBJ_LIVE, h, _RET_IP_);
	if (r % 4 == 1)
		return goalloc_on_node(h, first_memory_node,
					   GO_SPC(class, 0),
					   go_class_size[class], GFP_KERNEL,
					   GO_OBJ_LIVE, _RET_IP_);
	return gotest_alloc(h, GO_SPC(class, r % 2), GFP_KERNEL);
}

static void memstats_recounted(struct kunit *test)
{
	unsigned int i, n = GOTEST_LOOPS(40000);
	struct goheap *h = gotest_heap(test);
	struct rnd_state rnd;
	void **p;
	u32 r;

	if (!static_key_enabled(&goalloc_check))
		kunit_skip(test, "check=0 keeps no states");
	p = kunit_kcalloc(test, NR_SLOTS, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	gotest_random(test, &rnd);
	expect_recount(test);
	for (i = 0; i < n; i++) {
		r = prandom_u32_state(&rnd);
		if (p[r % NR_SLOTS]) {
			gotest_free(h, p[r % NR_SLOTS]);
			p[r % NR_SLOTS] = NULL;
		} else {
			p[r % NR_SLOTS] = random_object(h, r % NR_SLOTS,
							r / NR_SLOTS);
		}
		if (i % (n / 10) == 0)
			expect_recount(test);
		if (i % (n / 3) == 0)
			godrain_all(h);
	}
	for (i = 0; i < NR_SLOTS; i++)
		if (p[i])
			gotest_free(h, p[i]);
	expect_recount(test);
	godrain_all(h);
	goscavenge_all(h);
	expect_recount(test);
}

/**
 * struct load - what the threads do
 * @h: the heap
 * @mallocs: how many objects they have allocated, tiny ones not counted
 * @bytes: what they have asked for
 * @tinies: how many tiny ones
 * @shelf: where they leave objects for each other
 */
struct load {
	struct goheap *h;
	atomic64_t mallocs;
	atomic64_t bytes;
	atomic64_t tinies;
	void *shelf[64];
};

/* An object, and what of it is to be counted. */
static void *load_object(struct load *l, u32 r)
{
	unsigned int class = 1 + r / 64 % (GO_NR_CLASSES - 1);
	size_t size = go_class_size[class] - 1;
	void *p;

	if (r % 7 == 0) {
		size = 1 + r % 15;
		p = goalloc_tiny(size, GFP_KERNEL, GO_OBJ_LIVE, l->h, _RET_IP_);
		atomic64_add(!!p, &l->tinies);
	} else if (r % 31 == 0) {
		size = GO_MAX_SMALL + 1 + r % 50000;
		p = gosource_large(l->h, NUMA_NO_NODE, size, GFP_KERNEL);
		p = p ? (void *)((struct gospan *)p)->base : NULL;
		atomic64_add(!!p, &l->mallocs);
	} else {
		p = goalloc_pop(l->h, GO_SPC(class, r & 1), size,
				GFP_KERNEL,
				   GO_OBJ_LIVE, true, 0);
		atomic64_add(!!p, &l->mallocs);
	}
	atomic64_add(p ? size : 0, &l->bytes);
	return p;
}

static int load_fn(void *arg)
{
	struct load *l = arg;
	struct rnd_state rnd;
	void *old;
	u32 r;

	prandom_seed_state(&rnd, (unsigned long)current);
	while (!kthread_should_stop()) {
		r = prandom_u32_state(&rnd);
		old = xchg(&l->shelf[r % 64], load_object(l, r));
		if (old)
			gotest_free(l->h, old);
		if (r % 32 == 0)
			cond_resched();
	}
	return 0;
}

/* Totals that only grow; returns how many did not. */
static unsigned int fallen(const struct goalloc_memstats *a,
			   const struct goalloc_memstats *b)
{
	unsigned int i, n = 0;

	n += b->mallocs < a->mallocs;
	n += b->frees < a->frees;
	n += b->total_alloc < a->total_alloc;
	n += b->total_requested < a->total_requested;
	n += b->heap_released < a->heap_released;
	n += b->large_total_alloc < a->large_total_alloc;
	n += b->tiny_allocs < a->tiny_allocs;
	n += b->tiny_frees < a->tiny_frees;
	n += b->tiny_frees > b->tiny_allocs;
	for (i = 0; i < GO_NR_CLASSES; i++) {
		n += b->by_size[i].mallocs < a->by_size[i].mallocs;
		n += b->by_size[i].frees < a->by_size[i].frees;
		n += b->by_size[i].mallocs < b->by_size[i].frees;
	}
	return n;
}

static void read_under_load(struct kunit *test, struct goheap *h)
{
	struct goalloc_memstats *a = gotest_memstats(test, h), *b;
	unsigned int i, worse = 0;

	b = kunit_kmalloc(test, sizeof(*b), GFP_KERNEL);
	if (!b)
		return;
	for (i = 0; i < GOTEST_LOOPS(5000); i++) {
		gostats_read(h, b);
		gotest_expect_identities(test, b);
		worse += fallen(a, b);
		swap(a, b);
		if (i % 100 == 99)
			godrain_all(h);
		if (i % 500 == 499)
			goscavenge_all(h);
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, worse, 0);
}

static void memstats_under_load(struct kunit *test)
{
	struct load *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	struct goheap *h = gotest_heap(test);
	struct goalloc_memstats *m;
	struct gotest_crew crew;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, l);
	l->h = h;
	gotest_crew_start(test, &crew, load_fn, l);
	read_under_load(test, h);
	gotest_crew_stop(test, &crew);
	for (i = 0; i < ARRAY_SIZE(l->shelf); i++)
		if (l->shelf[i])
			gotest_free(h, l->shelf[i]);
	godrain_all(h);
	m = memstats(test);
	KUNIT_EXPECT_EQ(test, m->heap_objects, 0);
	KUNIT_EXPECT_EQ(test, m->tiny_allocs, atomic64_read(&l->tinies));
	KUNIT_EXPECT_EQ(test, m->tiny_frees, atomic64_read(&l->tinies));
	KUNIT_EXPECT_EQ(test, m->total_requested, atomic64_read(&l->bytes));
	/* The blocks of tiny objects are between one and all in number. */
	KUNIT_EXPECT_GE(test, m->mallocs - atomic64_read(&l->mallocs),
			!!m->tiny_allocs);
	KUNIT_EXPECT_LE(test, m->mallocs - atomic64_read(&l->mallocs),
			m->tiny_allocs);
	KUNIT_EXPECT_EQ(test, m->misuses, 0);
	KUNIT_EXPECT_EQ(test, m->failures, 0);
}

static struct kunit_case memstats_cases[] = {
	KUNIT_CASE(memstats_of_nothing),
	KUNIT_CASE(memstats_walks_users),
	KUNIT_CASE(memstats_invents_nothing),
	KUNIT_CASE(memstats_of_each_class),
	KUNIT_CASE(memstats_past_the_mcache),
	KUNIT_CASE(memstats_of_large),
	KUNIT_CASE(memstats_released),
	KUNIT_CASE(memstats_failures),
	KUNIT_CASE(memstats_of_the_api),
	KUNIT_CASE(memstats_recounted),
	KUNIT_CASE(memstats_under_load),
	{}
};

static struct kunit_suite memstats_suite = {
	.name = "goalloc_memstats",
	.init = gotest_heap_init,
	.exit = gotest_heap_exit,
	.test_cases = memstats_cases,
};

kunit_test_suite(memstats_suite);
