// SPDX-License-Identifier: GPL-2.0
/*
 * The shrinker: does it count what goes, and does it go, and without allocating?
 * All scans are made as reclaim makes them, for lockdep to see.
 */

#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include "heap.h"
#include "mcache.h"
#include "numa.h"
#include "objects.h"
#include "reclaim/reclaim.h"
#include "source.h"

/* As if this task had asked for memory while it held a lock of a file system. */
static unsigned long scan(struct goheap *h, int nid, unsigned long nr)
{
	unsigned int nofs = memalloc_nofs_save(), noreclaim;
	unsigned long n;

	noreclaim = memalloc_noreclaim_save();
	fs_reclaim_acquire(GFP_KERNEL);
	n = goshrink_scan(h, nid, nr);
	fs_reclaim_release(GFP_KERNEL);
	memalloc_noreclaim_restore(noreclaim);
	memalloc_nofs_restore(nofs);
	return n;
}

static int shrink_init(struct kunit *test)
{
	int err = gotest_heap_init(test);

	if (!err) {
		gotest_settle(gotest_heap(test));
		goscavenge_all(gotest_heap(test));
	}
	return err;
}

static struct gospan *run_new(struct kunit *test, int nid, unsigned long npages)
{
	struct gospan *s = gosource_pages(gotest_heap(test), nid, npages, 1,
					GFP_KERNEL | __GFP_THISNODE);

	KUNIT_ASSERT_NOT_NULL(test, s);
	return s;
}

/* Only the reserve is there: nothing to give. */
static void shrink_nothing(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	int nid;

	for_each_gonode(h, nid) {
		KUNIT_EXPECT_EQ(test, goshrink_count(h, nid), 0);
		KUNIT_EXPECT_EQ(test, scan(h, nid, 100), SHRINK_STOP);
		KUNIT_EXPECT_EQ(test, h->node[nid]->runs.free, GO_RESERVE_PAGES);
	}
}

/* What is counted goes, to the page, and from no other node. */
static void shrink_exact(struct kunit *test)
{
	static const unsigned int len[] = { 1, 3, 40, 200, 7, 64, 15, 16 };
	struct gospan *s[MAX_NUMNODES > 4 ? 4 : MAX_NUMNODES][16];
	struct goheap *h = gotest_heap(test);
	unsigned long n, released;
	unsigned int i, k = 0;
	int nid;

	for_each_gonode(h, nid) {
		if (k == ARRAY_SIZE(s))
			break;
		for (i = 0; i < 16; i++)
			s[k][i] = run_new(test, nid, i % 2 ? 1 : len[i / 2]);
		for (i = 0; i < 16; i += 2)
			goheap_free(h, s[k][i]);
		k++;
	}
	k = 0;
	for_each_gonode(h, nid) {
		if (k == ARRAY_SIZE(s))
			break;
		n = goshrink_count(h, nid);
		KUNIT_EXPECT_GE(test, n, (346 - GO_RESERVE_PAGES) <<
				GO_PAGE_ORDER);
		KUNIT_EXPECT_EQ(test, scan(h, nid, 10), 10);
		KUNIT_EXPECT_EQ(test, goshrink_count(h, nid), n - 10);
		released = gotest_memstats(test, h)->scavenged_shrinker;
		KUNIT_EXPECT_EQ(test, scan(h, nid, n + 1000), n - 10);
		KUNIT_EXPECT_EQ(test, goshrink_count(h, nid), 0);
		KUNIT_EXPECT_EQ(test, gotest_memstats(test, h)->
				scavenged_shrinker - released,
				(n - 10) << PAGE_SHIFT);
		KUNIT_EXPECT_EQ(test, h->node[nid]->runs.free, GO_RESERVE_PAGES);
		for (i = 1; i < 16; i += 2)
			goheap_free(h, s[k][i]);
		k++;
	}
}

/* The span that an mcentral keeps counts, and goes. */
static void shrink_kept_span(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned int spc = GO_SPC(51, 0);
	struct gocentral *c = gosource_span(h, first_memory_node, spc,
					     GFP_KERNEL | __GFP_THISNODE);
	unsigned long n;

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_EXPECT_EQ(test, c->nspans, 1);
	n = goshrink_count(h, first_memory_node);
	KUNIT_EXPECT_GE(test, n, go_class_pages[51] << GO_PAGE_ORDER);
	KUNIT_EXPECT_EQ(test, scan(h, first_memory_node, n), n);
	KUNIT_EXPECT_EQ(test, c->nspans, 0);
	KUNIT_EXPECT_EQ(test, goshrink_count(h, first_memory_node), 0);
}

/* Caches are counted; they are emptied when all else was not enough. */
static void shrink_drains_caches(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	int nid = h->node[numa_mem_id()]->nid;
	struct gospan *s;
	void *p[8];
	int i;

	for (i = 0; i < 8; i++)
		p[i] = gotest_alloc(h, GO_SPC(60, 0), GFP_KERNEL);
	for (i = 0; i < 8; i++)
		gotest_free(h, p[i]);
	KUNIT_EXPECT_GT(test, gostack_n(&c->stack[GO_SPC(60, 0)]), 0);
	s = run_new(test, nid, GO_ARENA_PAGES);
	goheap_free(h, s);

	KUNIT_EXPECT_GE(test, goshrink_count(h, nid), c->bytes >> PAGE_SHIFT);
	KUNIT_EXPECT_EQ(test, scan(h, nid, 64), 64);
	KUNIT_EXPECT_GT(test, gostack_n(&c->stack[GO_SPC(60, 0)]), 0);
	scan(h, nid, 100000);
	KUNIT_EXPECT_EQ(test, c->bytes, 0);
	KUNIT_EXPECT_EQ(test, goshrink_count(h, nid), 0);
}

struct scanner {
	struct goheap *h;
	struct completion end;
	unsigned long went;
};

static int scan_fn(void *arg)
{
	struct scanner *s = arg;

	s->went = scan(s->h, first_memory_node, 10);
	complete_all(&s->end);
	return 0;
}

/*
 * Another task is giving back: reclaim waits for it, or it would be told that
 * there is nothing.
 */
static void shrink_waits(struct kunit *test)
{
	struct scanner s = { .h = gotest_heap(test) };
	struct task_struct *task;

	init_completion(&s.end);
	goheap_free(s.h, run_new(test, first_memory_node, GO_ARENA_PAGES));
	mutex_lock(&s.h->node[first_memory_node]->give_back);
	task = kthread_run(scan_fn, &s, "gotest/scan");
	if (!IS_ERR(task))
		KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&s.end,
								  HZ / 20), 0);
	mutex_unlock(&s.h->node[first_memory_node]->give_back);
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	wait_for_completion(&s.end);
	KUNIT_EXPECT_EQ(test, s.went, 10);
}

static void shrink_no_such_node(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	int nid;

	for (nid = 0; nid < nr_node_ids; nid++) {
		if (h->node[nid]->nid == nid)
			continue;
		KUNIT_EXPECT_EQ(test, goshrink_count(h, nid), 0);
		KUNIT_EXPECT_EQ(test, scan(h, nid, 10), SHRINK_STOP);
	}
}

static struct kunit_case shrink_cases[] = {
	KUNIT_CASE(shrink_nothing),
	KUNIT_CASE(shrink_exact),
	KUNIT_CASE(shrink_kept_span),
	KUNIT_CASE(shrink_drains_caches),
	KUNIT_CASE(shrink_waits),
	KUNIT_CASE(shrink_no_such_node),
	{}
};

static struct kunit_suite shrink_suite = {
	.name = "goalloc_shrink",
	.init = shrink_init,
	.exit = gotest_heap_exit,
	.test_cases = shrink_cases,
};

kunit_test_suites(&shrink_suite);
