// SPDX-License-Identifier: GPL-2.0
/*
 * The page heap: what new pages and large objects are, and everything at once.
 *
 * How free runs are kept is tested in runs_kunit.c, where pages come from in
 * source_kunit.c, and what goes back in block_kunit.c and scavenge_kunit.c.
 */

#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include "alloc.h"
#include "compat.h"
#include "heap.h"
#include "large.h"
#include "objects.h"
#include "observe/observe.h"
#include "pages.h"
#include "reclaim/reclaim.h"
#include "source.h"
#include "span.h"

/* Pages of the kernel's are clean if it cleans them, and only then. */
static void needzero_new(struct kunit *test)
{
	struct gospan *s = gotest_run_new(test, 100, 1);

	KUNIT_EXPECT_EQ(test, !!s->needzero, !want_init_on_alloc(0));
	if (!s->needzero)
		KUNIT_EXPECT_NULL(test, memchr_inv((void *)s->base, 0,
						   100 * GO_PAGE_SIZE));
	gotest_run_end(test, s);
}

/* Large objects. */

static const size_t larges[] = {
	GO_MAX_SMALL + 1, 40000, SZ_64K, SZ_64K + 1, 100000, 3 * SZ_128K, SZ_1M,
	SZ_1M + 1, 3 * SZ_1M, SZ_4M - 1, SZ_4M,
};

static void large_name(const size_t *size, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%zu", *size);
}

KUNIT_ARRAY_PARAM(large, larges, large_name);

static void large(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	const size_t *size = test->param_value;
	unsigned long bytes = round_up(*size, GO_PAGE_SIZE), base;
	struct gonode *node = gotest_node(test);
	struct gospan *s;
	unsigned long idx;

	s = gosource_large(h, first_memory_node, *size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	base = s->base;
	KUNIT_EXPECT_EQ(test, s->state, GO_SPAN_LARGE);
	KUNIT_EXPECT_EQ(test, s->elemsize, bytes);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(base, *size & -*size));
	KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, (void *)base + bytes - 1),
			    s);
	KUNIT_EXPECT_FALSE(test, gospan_index(s, (void *)base, &idx));
	KUNIT_EXPECT_EQ(test, node->large_mallocs, 1);
	KUNIT_EXPECT_EQ(test, node->large_alloced, bytes);
	KUNIT_EXPECT_EQ(test, node->large_requested, *size);
	gotest_run_fill(s);
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);

	/* It has been written to, whatever its pages were when they came. */
	s->needzero = false;
	gotest_free(h, (void *)base);
	KUNIT_EXPECT_EQ(test, node->large_frees, 1);
	KUNIT_EXPECT_EQ(test, node->large_freed, bytes);
	KUNIT_EXPECT_EQ(test, node->runs.free + node->kept_pages, node->sys);
	golarge_flush(node, 1);
	KUNIT_EXPECT_EQ(test, node->runs.free, node->sys);
	s = gotest_run_new(test, bytes >> GO_PAGE_SHIFT, *size % SZ_4M ? 1 : 512);
	KUNIT_EXPECT_EQ(test, s->base, base);
	KUNIT_EXPECT_TRUE(test, s->needzero);
	gotest_run_end(test, s);
}

static void *take_large(struct goheap *h, size_t size, gfp_t gfp)
{
	return goalloc_large(h, first_memory_node, size, false, gfp, GO_OBJ_LIVE,
			     _RET_IP_);
}

/* What a large object leaves is what the next of its length gets. */
static void large_is_kept(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gonode *node = gotest_node(test);
	const size_t size = 5 * GO_PAGE_SIZE;
	struct gospan *s, *t;
	unsigned long base;

	s = gosource_large(h, first_memory_node, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	base = s->base;
	s->needzero = false;
	gotest_free(h, (void *)base);
	KUNIT_EXPECT_EQ(test, node->kept_pages, 5);
	KUNIT_EXPECT_TRUE(test, s->needzero);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, h)->heap_inuse, 0);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, h)->heap_objects, 0);
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
	/* Not of another length. */
	t = gosource_large(h, first_memory_node, size + 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_EXPECT_EQ(test, node->kept_pages, 5);
	gotest_free(h, (void *)t->base);
	KUNIT_EXPECT_EQ(test, node->kept_pages, 11);
	t = gosource_large(h, first_memory_node, size, GFP_NOWAIT);
	KUNIT_EXPECT_PTR_EQ(test, t, s);
	KUNIT_EXPECT_EQ(test, t->base, base);
	KUNIT_EXPECT_EQ(test, t->elemsize, size);
	KUNIT_EXPECT_EQ(test, node->kept_pages, 6);
	KUNIT_EXPECT_EQ(test, node->large_mallocs, 3);
	KUNIT_EXPECT_EQ(test, node->large_alloced, 3 * size + GO_PAGE_SIZE);
	gotest_free(h, (void *)base);
}

/* Its alignment is that of its own size, not of what was there before. */
static void large_kept_is_aligned(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	void *p[8], *q;
	unsigned int i, n;

	/* Seven pages and a bit have no alignment; eight pages have their own. */
	for (n = 0; n < ARRAY_SIZE(p); n++) {
		p[n] = take_large(h, SZ_64K - 1, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[n]);
		if (n % 2)
			gotest_run_end(test, gotest_run_new(test, 1, 1));
	}
	for (i = 0; i < n; i++)
		gotest_free(h, p[i]);
	for (i = 0; i < n; i++) {
		p[i] = take_large(h, SZ_64K, GFP_KERNEL);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(virt_to_phys(p[i]), SZ_64K));
	}
	for (i = 0; i < n; i++)
		gotest_free(h, p[i]);
	q = take_large(h, SZ_64K, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_NULL(test, memchr_inv(q, 0, SZ_64K));
	gotest_free(h, q);
}

/* Not too much is kept, nothing that is not needed, and nothing at the limit. */
static void large_kept_goes(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gonode *node = gotest_node(test);
	void *p[40];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = take_large(h, SZ_64K, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		gotest_free(h, p[i]);
	KUNIT_EXPECT_EQ(test, node->kept_pages, GO_KEPT_LEAST);
	gobackground_tick(h);
	KUNIT_EXPECT_TRUE(test, gobackground_tick(h));
	/* All but one are needed in this tick. */
	for (i = 0; i < GO_KEPT_LEAST / 8 - 1; i++)
		p[i] = take_large(h, SZ_64K, GFP_KERNEL);
	for (i = 0; i < GO_KEPT_LEAST / 8 - 1; i++)
		gotest_free(h, p[i]);
	gobackground_turn(h);
	KUNIT_EXPECT_EQ(test, node->kept_pages, GO_KEPT_LEAST - 8);
	/* A longer one has use for them before the heap grows. */
	p[0] = take_large(h, node->runs.free << GO_PAGE_SHIFT | 1, GFP_KERNEL);
	KUNIT_EXPECT_LT(test, node->kept_pages, GO_KEPT_LEAST - 8);
	gotest_free(h, p[0]);
	h->limit = 1;
	p[0] = take_large(h, SZ_64K, GFP_NOWAIT | __GFP_NOWARN);
	KUNIT_EXPECT_NULL(test, p[0]);
	h->limit = 0;
	goscavenge_all(h);
	KUNIT_EXPECT_EQ(test, node->kept_pages, 0);
	KUNIT_EXPECT_EQ(test, node->sys, 0);
}

/* The same with growing and giving back, contents for a model. */
static void random_growth(struct kunit *test)
{
	unsigned int i, k, steps = IS_ENABLED(CONFIG_KASAN) ? 300 : 5000;
	struct gospan *s[64] = {};
	struct rnd_state rnd;
	u32 r;

	gotest_random(test, &rnd);
	for (i = 0; i < steps; i++) {
		r = prandom_u32_state(&rnd);
		k = r % ARRAY_SIZE(s);
		if (r >> 8 & 1 && i % 128 == 0)
			gotest_scavenge(gotest_heap(test), r & BIT(9));
		if (s[k]) {
			KUNIT_EXPECT_TRUE(test, gotest_run_intact(s[k]));
			gotest_run_end(test, s[k]);
			s[k] = NULL;
			continue;
		}
		s[k] = gotest_run_new(test, 1 + (r >> 10) % (r & BIT(9) ? 8 : 200),
				      1 << (r >> 20) % 5);
		gotest_run_fill(s[k]);
	}
	KUNIT_EXPECT_EQ(test, goverify(gotest_heap(test), NULL), 0);
	for (k = 0; k < ARRAY_SIZE(s); k++)
		if (s[k])
			gotest_run_end(test, s[k]);
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_EQ(test, gotest_node(test)->sys, 0);
}

/* All CPUs at once, with the worker and a task that gives back. */

struct storm {
	struct work_struct work;
	struct goheap *h;
	struct rnd_state rnd;
	unsigned int bad;
};

static void storm_step(struct storm *st, struct gospan **s)
{
	u32 r = prandom_u32_state(&st->rnd);

	if (r % 256 == 0)
		gotest_scavenge(st->h, r & BIT(8));
	if (*s) {
		st->bad += !gotest_run_intact(*s);
		goheap_free(st->h, *s);
		*s = NULL;
		return;
	}
	*s = gosource_pages(st->h, NUMA_NO_NODE, 1 + r / 16 %
			  (r & BIT(30) ? 8 : 64), 1 << r / 4096 % 4,
			  r & BIT(31) ? GFP_KERNEL : GFP_NOWAIT | __GFP_NOWARN);
	if (*s)
		gotest_run_fill(*s);
}

static void storm_fn(struct work_struct *work)
{
	struct storm *st = container_of(work, struct storm, work);
	unsigned int i, steps = IS_ENABLED(CONFIG_KASAN) ? 300 : 5000;
	struct gospan *s[16] = {};

	for (i = 0; i < steps; i++) {
		storm_step(st, &s[i % 7 * i % ARRAY_SIZE(s)]);
		cond_resched();
	}
	for (i = 0; i < ARRAY_SIZE(s); i++)
		if (s[i])
			goheap_free(st->h, s[i]);
}

static void storm(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct rnd_state rnd;
	struct storm *st;
	unsigned int i;

	st = kunit_kcalloc(test, 6, sizeof(*st), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, st);
	gotest_random(test, &rnd);
	enable_work(&h->work);
	for (i = 0; i < 6; i++) {
		st[i].h = h;
		prandom_seed_state(&st[i].rnd, prandom_u32_state(&rnd));
		INIT_WORK(&st[i].work, storm_fn);
		queue_work(system_dfl_wq, &st[i].work);
	}
	for (i = 0; i < 6; i++) {
		flush_work(&st[i].work);
		KUNIT_EXPECT_EQ(test, st[i].bad, 0);
	}
	irq_work_sync(&h->kick);
	disable_work_sync(&h->work);
	goscavenge_all(h);
	KUNIT_EXPECT_EQ(test, gotest_node(test)->sys, 0);
}

static struct kunit_case heap_cases[] = {
	KUNIT_CASE(needzero_new),
	KUNIT_CASE_PARAM(large, large_gen_params),
	KUNIT_CASE(large_is_kept),
	KUNIT_CASE(large_kept_is_aligned),
	KUNIT_CASE(large_kept_goes),
	KUNIT_CASE(random_growth),
	KUNIT_CASE(storm),
	{}
};

static struct kunit_suite heap_suite = {
	.name = "goalloc_heap",
	.init = gotest_pages_init,
	.exit = gotest_pages_exit,
	.test_cases = heap_cases,
};

kunit_test_suite(heap_suite);
