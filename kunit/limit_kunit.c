// SPDX-License-Identifier: GPL-2.0
/*
 * memory_limit: all that is held counts, nothing goes beyond it but
 * __GFP_NOFAIL, and what is idle goes before anybody fails.
 */

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include "heap.h"
#include "held.h"
#include "hooks.h"
#include "numa.h"
#include "objects.h"
#include "reclaim/reclaim.h"
#include "source.h"

#define LARGE	SZ_64K

/* Without a reserve, which would serve some when others are refused. */
static int limit_init(struct kunit *test)
{
	int nid, err = gotest_heap_init(test);
	struct goheap *h = gotest_heap(test);

	if (err)
		return err;
	gotest_settle(h);
	for_each_gonode(h, nid)
		h->node[nid]->reserve = 0;
	goscavenge_all(h);
	return 0;
}

static void limit_exit(struct kunit *test)
{
	if (gotest_heap(test))
		golimit_set(gotest_heap(test), 0);
	gotest_heap_exit(test);
}

static unsigned long held(struct kunit *test)
{
	return atomic_long_read(&gotest_heap(test)->held);
}

/* Quiet, all that is counted is all that MemStats knows. */
static void expect_held(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);

	gotest_settle(h);
	KUNIT_EXPECT_EQ(test, held(test), gotest_memstats(test, h)->sys);
}

static struct gospan *large(struct kunit *test, gfp_t gfp)
{
	return gosource_large(gotest_heap(test), NUMA_NO_NODE, LARGE,
				  gfp | __GFP_NOWARN);
}

static void large_end(struct kunit *test, struct gospan *s)
{
	gotest_free(gotest_heap(test), (void *)s->base);
}

/* Take large objects until there are no more; they form a list. */
static struct list_head *fill_up(struct kunit *test, gfp_t gfp, unsigned int *n)
{
	struct list_head *list = kunit_kzalloc(test, sizeof(*list), GFP_KERNEL);
	struct gospan *s;

	KUNIT_ASSERT_NOT_NULL(test, list);
	INIT_LIST_HEAD(list);
	for (*n = 0; *n < 4096; ++*n) {
		s = large(test, gfp);
		if (!s)
			break;
		list_add(&s->list, list);
	}
	return list;
}

static void end_all(struct kunit *test, struct list_head *list)
{
	struct gospan *s, *next;

	list_for_each_entry_safe(s, next, list, list)
		large_end(test, s);
	INIT_LIST_HEAD(list);
}

static void limit_counts_all(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct list_head *list;
	unsigned int n, i;
	void *p[64];

	expect_held(test);
	for (i = 0; i < 64; i++)
		p[i] = gotest_alloc(h, GO_SPC(2 + i, 0), GFP_KERNEL);
	golimit_set(h, held(test) + SZ_8M);
	list = fill_up(test, GFP_KERNEL, &n);
	expect_held(test);
	end_all(test, list);
	for (i = 0; i < 64; i++)
		gotest_free(h, p[i]);
	expect_held(test);
	godrain_all(h);
	goscavenge_all(h);
	expect_held(test);
}

/* As much as fits, to the object; then NULL, counted; then the same again. */
static void limit_is_hard(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned long limit = held(test) + SZ_8M;
	struct list_head *list;
	unsigned int n, i, k;
	u64 failures;
	void *p[16];

	golimit_set(h, limit);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, h)->memory_limit, limit);
	for (i = 0; i < 3; i++) {
		failures = gotest_memstats(test, h)->failures;
		list = fill_up(test, GFP_KERNEL, &n);
		KUNIT_EXPECT_LE(test, held(test), limit);
		/* All but what metadata takes. */
		KUNIT_EXPECT_GE(test, n, (SZ_8M - SZ_256K) / LARGE);
		KUNIT_EXPECT_LE(test, n, (SZ_8M + SZ_512K) / LARGE);
		KUNIT_EXPECT_EQ(test, gotest_memstats(test, h)->failures,
				failures + 1);
		/* What is left is too short for one, or for many smaller. */
		for (k = 0; k < ARRAY_SIZE(p); k++) {
			p[k] = gotest_alloc(h, GO_SPC(67, 0), GFP_KERNEL);
			if (!p[k])
				break;
		}
		KUNIT_EXPECT_LT(test, k, ARRAY_SIZE(p));
		KUNIT_EXPECT_LE(test, held(test), limit);
		while (k--)
			gotest_free(h, p[k]);
		end_all(test, list);
	}
	golimit_set(h, 0);
	list = fill_up(test, GFP_KERNEL, &n);
	KUNIT_EXPECT_EQ(test, n, 4096);
	end_all(test, list);
}

/* Below what is in use: nothing is taken, what is free goes, the rest stays. */
static void limit_lowered(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gospan *s[32], *t;
	unsigned int i;
	void *p, *q;

	p = gotest_alloc(h, GO_SPC(8, 0), GFP_KERNEL);
	for (i = 0; i < 32; i++)
		s[i] = large(test, GFP_KERNEL);
	for (i = 0; i < 32; i += 2)
		large_end(test, s[i]);
	KUNIT_EXPECT_GE(test, gotest_memstats(test, h)->heap_idle, 16 * LARGE);
	/* By one page only, and without a kick to give it back. */
	h->limit = held(test) - GO_PAGE_SIZE;
	KUNIT_EXPECT_NULL(test, large(test, GFP_NOWAIT));
	golimit_set(h, SZ_1M);
	KUNIT_EXPECT_NULL(test, large(test, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, large(test, GFP_NOWAIT));
	gotest_settle(h);
	KUNIT_EXPECT_LE(test, gotest_memstats(test, h)->heap_idle,
			SZ_64K);
	KUNIT_EXPECT_GT(test, gotest_memstats(test, h)->scavenged_limit, 0);
	gotest_free(h, p);
	/* What a cache has is still to be had. */
	p = gotest_alloc(h, GO_SPC(8, 0), GFP_KERNEL | __GFP_NOFAIL);
	q = gotest_alloc(h, GO_SPC(8, 0), GFP_NOWAIT);
	KUNIT_EXPECT_NOT_NULL(test, q);
	gotest_free(h, q);
	golimit_set(h, held(test) + SZ_1M);
	t = large(test, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, t);
	if (t)
		large_end(test, t);
	gotest_free(h, p);
	for (i = 1; i < 32; i += 2)
		large_end(test, s[i]);
	expect_held(test);
}

/* Beyond 95 % what is free goes, and no more than that. */
static void limit_is_eager(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gospan *s[64];
	unsigned long was;
	unsigned int i;

	for (i = 0; i < 64; i++)
		s[i] = large(test, GFP_KERNEL);
	for (i = 0; i < 64; i += 2)
		large_end(test, s[i]);
	was = held(test);
	h->limit = was + was / 10;
	golimit_keep(h, true, U64_MAX);
	KUNIT_EXPECT_EQ(test, held(test), was);
	h->limit = was;
	golimit_keep(h, true, U64_MAX);
	KUNIT_EXPECT_LE(test, held(test), was / 20 * 19);
	KUNIT_EXPECT_GE(test, held(test), was / 20 * 19 - GO_PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, h)->scavenged_limit,
			was - held(test));
	h->limit = held(test);
	for (i = 1; i < 64; i += 2)
		large_end(test, s[i]);
	/* Without an allocation since. */
	while (gobackground_turn(h))
		;
	KUNIT_EXPECT_LE(test, held(test), h->limit / 20 * 19);
}

/* Growing beyond 95 % calls the worker. */
static void limit_calls_worker(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gospan *s = gosource_pages(h, NUMA_NO_NODE, GO_ARENA_PAGES, 1,
					GFP_KERNEL);
	struct list_head *list;
	unsigned int n;

	KUNIT_ASSERT_NOT_NULL(test, s);
	h->limit = held(test) + SZ_1M;
	goheap_free(h, s);
	list = fill_up(test, GFP_KERNEL, &n);
	gotest_settle(h);
	end_all(test, list);
	s = large(test, GFP_KERNEL);
	gohooks_kick(h);
	gotest_settle(h);
	KUNIT_EXPECT_LE(test, held(test), h->limit / 20 * 19);
	if (s)
		large_end(test, s);
}

/* A caller that may sleep empties caches and gives back rather than fail. */
static void limit_makes_room(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned int n, i;
	struct list_head *list;
	struct gospan *s;
	void *p[64];

	for (i = 0; i < 64; i++)
		p[i] = gotest_alloc(h, GO_SPC(60, 0), GFP_KERNEL);
	golimit_set(h, held(test) + SZ_1M);
	list = fill_up(test, GFP_KERNEL, &n);
	/* The worker may still have found some. */
	while ((s = large(test, GFP_NOWAIT))) {
		list_add(&s->list, list);
		gotest_settle(h);
	}
	for (i = 0; i < 64; i++)
		gotest_free(h, p[i]);
	/* 640 KiB of objects are free, some of them in this CPU's cache. */
	for (i = 0; i < 4; i++) {
		s = large(test, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, s);
		if (s)
			list_add(&s->list, list);
	}
	KUNIT_EXPECT_LE(test, held(test), h->limit);
	end_all(test, list);
}

/* Free pages that are of no use one by one make room for some in a row. */
static void limit_makes_room_of_pieces(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gospan *s, *page[128];
	struct list_head *list;
	unsigned int n, i;

	for (i = 0; i < ARRAY_SIZE(page); i++) {
		page[i] = gosource_pages(h, NUMA_NO_NODE, 1, 1, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, page[i]);
	}
	golimit_set(h, held(test) + SZ_1M);
	list = fill_up(test, GFP_KERNEL, &n);
	gotest_settle(h);
	for (i = 0; i < ARRAY_SIZE(page); i += 2)
		goheap_free(h, page[i]);
	s = large(test, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, s);
	KUNIT_EXPECT_LE(test, held(test), h->limit);
	if (s)
		large_end(test, s);
	for (i = 1; i < ARRAY_SIZE(page); i += 2)
		goheap_free(h, page[i]);
	end_all(test, list);
}

static void limit_nofail(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct list_head *list;
	struct gospan *s;
	unsigned int n;
	void *p;

	golimit_set(h, held(test) + SZ_1M);
	list = fill_up(test, GFP_KERNEL, &n);
	p = gotest_alloc(h, GO_SPC(67, 0), GFP_KERNEL | __GFP_NOFAIL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	s = large(test, GFP_KERNEL | __GFP_NOFAIL);
	KUNIT_EXPECT_NOT_NULL(test, s);
	KUNIT_EXPECT_NULL(test, large(test, GFP_KERNEL));
	gotest_free(h, p);
	large_end(test, s);
	end_all(test, list);
	expect_held(test);
}

/* On all CPUs at once: not by a page. */
static int push(void *arg)
{
	struct goheap *h = arg;
	struct gospan *s[16] = {};
	int i, bad = 0;

	while (!kthread_should_stop()) {
		i = get_random_u32_below(ARRAY_SIZE(s));
		if (s[i]) {
			gotest_free(h, (void *)s[i]->base);
			s[i] = NULL;
		} else {
			s[i] = gosource_large(h, NUMA_NO_NODE, LARGE,
					      GFP_NOWAIT | __GFP_NOWARN);
		}
		bad += atomic_long_read(&h->held) > 2 * h->limit;
		cond_resched();
	}
	for (i = 0; i < ARRAY_SIZE(s); i++)
		if (s[i])
			gotest_free(h, (void *)s[i]->base);
	return bad;
}

/*
 * MemStats does not read all nodes at one moment: what goes from one and comes to
 * another may be seen at both, but not again and again.
 */
static bool beyond(struct kunit *test, unsigned long limit)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (gotest_memstats(test, gotest_heap(test))->sys <= limit)
			return false;
	return true;
}

static void limit_under_load(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gotest_crew crew;
	unsigned int i, bad = 0;
	unsigned long limit;

	gotest_settle(h);
	limit = held(test) + SZ_1M;
	golimit_set(h, limit);
	gotest_crew_start(test, &crew, push, h);
	for (i = 0; i < GOTEST_LOOPS(300); i++) {
		bad += beyond(test, limit);
		usleep_range(100, 1000);
	}
	gotest_crew_stop(test, &crew);
	KUNIT_EXPECT_EQ(test, bad, 0);
	expect_held(test);
}

/* Ask for too much all the time, or for a page that there is always room for. */
static int charge_and_uncharge(void *arg)
{
	bool greedy = smp_processor_id() & 1;
	struct goheap *h = arg;
	int refused = 0;

	while (!kthread_should_stop()) {
		if (greedy)
			refused += goheld_charge(h, SZ_1G, GFP_NOWAIT);
		else if (goheld_charge(h, PAGE_SIZE, GFP_NOWAIT))
			goheld_uncharge(h, PAGE_SIZE);
		else
			refused++;
		cond_resched();
	}
	return refused;
}

/* No caller is refused for what another was refused; the crew says how many. */
static void limit_spares_the_modest(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned long held = goheld_bytes(h);
	struct gotest_crew crew;

	golimit_set(h, held + SZ_1M);
	gotest_crew_start(test, &crew, charge_and_uncharge, h);
	msleep(200);
	gotest_crew_stop(test, &crew);
	golimit_set(h, 0);
	gotest_settle(h);
	KUNIT_EXPECT_EQ(test, goheld_bytes(h), held);
}

static struct kunit_case limit_cases[] = {
	KUNIT_CASE(limit_counts_all),
	KUNIT_CASE(limit_is_hard),
	KUNIT_CASE(limit_lowered),
	KUNIT_CASE(limit_is_eager),
	KUNIT_CASE(limit_calls_worker),
	KUNIT_CASE(limit_makes_room),
	KUNIT_CASE(limit_makes_room_of_pieces),
	KUNIT_CASE(limit_nofail),
	KUNIT_CASE(limit_under_load),
	KUNIT_CASE(limit_spares_the_modest),
	{}
};

static struct kunit_suite limit_suite = {
	.name = "goalloc_limit",
	.init = limit_init,
	.exit = limit_exit,
	.test_cases = limit_cases,
};

kunit_test_suites(&limit_suite);
