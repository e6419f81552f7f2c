// SPDX-License-Identifier: GPL-2.0
/*
 * What goes back to the kernel: how much the background asks for, which pages
 * are chosen, what an idle cache loses.  Ticks are made by the tests; no case
 * waits for time to pass.
 */

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "central.h"
#include "compat.h"
#include "fixalloc.h"
#include "heap.h"
#include "numa.h"
#include "objects.h"
#include "observe/observe.h"
#include "pages.h"
#include "reclaim/reclaim.h"
#include "source.h"
#include "span.h"

/* As in goalloc_heap: nothing is held when a case begins. */
static int scavenge_init(struct kunit *test)
{
	int nid, err = gotest_heap_init(test);
	struct goheap *h = gotest_heap(test);

	if (err)
		return err;
	gotest_settle(h);
	for_each_gonode(h, nid)
		h->node[nid]->reserve = 0;
	goscavenge_all(h);
	gotest_settle(h);
	for_each_gonode(h, nid)
		h->node[nid]->peak = 0;
	return 0;
}

/* All that the background would give back, however slow the machine. */
static void turns(struct kunit *test)
{
	while (gobackground_turn(gotest_heap(test)))
		;
}

/* Ask for pages of the node, as reclaim does. */
static unsigned long ask(struct kunit *test, unsigned long want, u64 until)
{
	struct goscavenge sc = {
		.who = GO_BY_SHRINKER,
		.nid = gotest_node(test)->nid,
		.want = want,
		.until = until,
	};

	return goscavenge(gotest_heap(test), &sc);
}

/* What the background wants of a node with 8 MiB, so much of it in use. */
static const struct goal {
	const char *name;
	unsigned int used;	/* MiB */
	unsigned int peak;
	unsigned int older;
	unsigned int reserve;	/* pages */
	unsigned int excess;
} goals[] = {
	{ "nothing used lately", 0, 0, 0, 0, 8 * GOTEST_MIB_PAGES },
	{ "nothing but the reserve", 0, 0, 0, 64, 8 * GOTEST_MIB_PAGES - 64 },
	{ "half of it", 4, 4, 0, 0, 4 * GOTEST_MIB_PAGES - 25 },
	{ "half of it lately", 0, 4, 0, 0, 8 * GOTEST_MIB_PAGES - 537 },
	{ "half of it long ago", 1, 1, 4, 0, 8 * GOTEST_MIB_PAGES - 537 },
	{ "all of it lately", 0, 8, 0, 0, 0 },
	{ "all of it long ago", 0, 0, 8, 64, 0 },
	{ "all of it", 8, 8, 0, 0, 0 },
	{ "nearly all of it", 7, 7, 0, 0, 84 },
	{ "nearly all of it but the reserve", 7, 7, 0, 64, 20 },
};

KUNIT_ARRAY_PARAM_DESC(goal, goals, name);

static void scavenge_goal(struct kunit *test)
{
	const struct goal *g = test->param_value;
	struct gonode *node = gotest_node(test);
	struct gospan *s[8];
	unsigned int i;

	for (i = 0; i < 8; i++)
		s[i] = gotest_run_new(test, GOTEST_MIB_PAGES, 1);
	KUNIT_EXPECT_EQ(test, node->sys, 8 * GOTEST_MIB_PAGES);
	for (i = g->used; i < 8; i++)
		gotest_run_end(test, s[i]);
	node->peak = g->peak * GOTEST_MIB_PAGES;
	node->peaks[7] = g->older * GOTEST_MIB_PAGES;
	node->reserve = g->reserve;
	KUNIT_EXPECT_EQ(test, gobackground_excess(node), g->excess);
	KUNIT_EXPECT_EQ(test, gotest_scavenge(gotest_heap(test), false) >>
			GO_PAGE_SHIFT >= g->excess, true);
	KUNIT_EXPECT_EQ(test, node->sys, 8 * GOTEST_MIB_PAGES - g->excess);
	KUNIT_EXPECT_EQ(test, node->scavenged[GO_BY_BACKGROUND],
			g->excess << GO_PAGE_ORDER);
	KUNIT_EXPECT_EQ(test, gobackground_excess(node), 0);
	for (i = 0; i < g->used; i++)
		gotest_run_end(test, s[i]);
}

/* Taking pages notes the peak, whether they are new or were held. */
static void scavenge_notes_peak(struct kunit *test)
{
	struct gonode *node = gotest_node(test);
	struct gospan *s[2];

	s[0] = gotest_run_new(test, 3 * GOTEST_MIB_PAGES, 1);
	KUNIT_EXPECT_EQ(test, node->peak, 3 * GOTEST_MIB_PAGES);
	gotest_run_end(test, s[0]);
	KUNIT_EXPECT_EQ(test, node->peak, 3 * GOTEST_MIB_PAGES);
	gobackground_tick(gotest_heap(test));
	KUNIT_EXPECT_EQ(test, node->peak, 0);
	s[0] = gotest_run_new(test, GOTEST_MIB_PAGES, 1);
	s[1] = gotest_run_new(test, GOTEST_MIB_PAGES, 1);
	KUNIT_EXPECT_EQ(test, node->peak, 2 * GOTEST_MIB_PAGES);
	gotest_run_end(test, s[0]);
	gotest_run_end(test, s[1]);
	KUNIT_EXPECT_EQ(test, node->peak, 2 * GOTEST_MIB_PAGES);
}

/* A peak is kept for the window's ten ticks, and not for longer. */
static void scavenge_window(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gonode *node = gotest_node(test);
	unsigned int i;

	gotest_run_end(test, gotest_run_new(test, GO_ARENA_PAGES, 1));
	for (i = 0; i <= GO_PEAKS; i++) {
		turns(test);
		KUNIT_EXPECT_EQ(test, node->sys, GO_ARENA_PAGES);
		gobackground_tick(h);
	}
	turns(test);
	KUNIT_EXPECT_EQ(test, node->sys, 0);
	KUNIT_EXPECT_EQ(test, node->scavenged[GO_BY_BACKGROUND],
			GO_ARENA_PAGES << GO_PAGE_ORDER);
	gotest_settle(h);
	KUNIT_EXPECT_FALSE(test, goscavenge_has_arenas(h));
	KUNIT_EXPECT_EQ(test, gotest_arenas(node), 0);
}

/* A few pages are not worth breaking a block for. */
static void scavenge_not_for_little(struct kunit *test)
{
	struct gonode *node = gotest_node(test);
	struct gospan *s = gotest_run_new(test, GO_ARENA_PAGES, 1);

	gotest_run_end(test, s);
	node->peak = (GO_ARENA_PAGES - GO_RESERVE_RUN) * 100 / 105 + 2;
	KUNIT_EXPECT_GT(test, gobackground_excess(node), 0);
	turns(test);
	KUNIT_EXPECT_EQ(test, node->sys, GO_ARENA_PAGES);
	node->peak = 200;
	turns(test);
	KUNIT_EXPECT_EQ(test, node->sys, 210);
}

/* The arena with the least in use is emptied first, its longest run first. */
static void scavenge_least_used_first(struct kunit *test)
{
	static const unsigned int used[] = { 300, 20, 130, 500 };
	static const unsigned int order[] = { 1, 2, 0, 3 };
	struct gospan *s[4], *rest[4];
	struct goarena *a[4];
	unsigned int i, k, n;

	for (i = 0; i < 4; i++) {
		s[i] = gotest_run_new(test, GO_ARENA_PAGES, 1);
		a[i] = gospan_arena(gotest_heap(test), s[i]->base);
	}
	/* One arena at a time, so that each has one user. */
	for (i = 0; i < 4; i++) {
		gotest_run_end(test, s[i]);
		s[i] = gotest_run_new(test, used[i], 1);
		rest[i] = gotest_run_new(test, GO_ARENA_PAGES - used[i], 1);
	}
	for (i = 0; i < 4; i++)
		gotest_run_end(test, rest[i]);
	for (k = 0; k < 4; k++) {
		i = order[k];
		n = GO_ARENA_PAGES - used[i];
		KUNIT_EXPECT_EQ(test, a[i]->npages, GO_ARENA_PAGES);
		KUNIT_EXPECT_EQ(test, a[i]->use, GO_USE_NONE +
				DIV_ROUND_UP(used[i] * 8, GO_ARENA_PAGES));
		KUNIT_EXPECT_EQ(test, ask(test, n, U64_MAX), n);
		KUNIT_EXPECT_EQ(test, a[i]->npages, used[i]);
		KUNIT_EXPECT_EQ(test, a[i]->use, GO_USE_FULL);
	}
	KUNIT_EXPECT_EQ(test, gotest_node(test)->runs.free, 0);
	KUNIT_EXPECT_EQ(test, ask(test, 1, U64_MAX), 0);
	for (i = 0; i < 4; i++)
		gotest_run_end(test, s[i]);
}

static void scavenge_longest_run_first(struct kunit *test)
{
	struct gonode *node = gotest_node(test);
	unsigned int i, forth;
	struct gospan *s[7];

	for (forth = 0; forth < 2; forth++) {
		gotest_run_end(test, gotest_run_new(test, GO_ARENA_PAGES, 1));
		for (i = 0; i < 6; i++)
			s[i] = gotest_run_new(test, i % 2 ? 1 : forth ? 10 + 10 * i :
								 50 - 10 * i, 1);
		s[6] = gotest_run_new(test, GO_ARENA_PAGES - 10 - 30 - 50 - 3, 1);
		for (i = 0; i < 6; i += 2)
			gotest_run_end(test, s[i]);
		/* Part of the longest; its rest is shorter than the next. */
		KUNIT_EXPECT_EQ(test, ask(test, 35, U64_MAX), 35);
		KUNIT_EXPECT_EQ(test, node->runs.free, 10 + 30 + 15);
		KUNIT_EXPECT_NOT_NULL(test, gotest_run_find(node, 30));
		KUNIT_EXPECT_NULL(test, gotest_run_find(node, 31));
		KUNIT_EXPECT_EQ(test, ask(test, 31, U64_MAX), 31);
		KUNIT_EXPECT_EQ(test, node->runs.free, 10 + 14);
		KUNIT_EXPECT_EQ(test, goverify(gotest_heap(test), NULL), 0);
		for (i = 1; i < 6; i += 2)
			gotest_run_end(test, s[i]);
		gotest_run_end(test, s[6]);
		ask(test, GO_ARENA_PAGES, U64_MAX);
		KUNIT_EXPECT_EQ(test, node->sys, 0);
	}
}

/* Each node is asked what it wants, and gives back that. */

static unsigned long want_by_node(struct gonode *node)
{
	return 10 + node->nid;
}

/* A whole arena of each node is free. */
static void free_arena_each(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gospan *s;
	int nid;

	for_each_gonode(h, nid) {
		s = gosource_pages(h, nid, GO_ARENA_PAGES, 1,
				   GFP_KERNEL | __GFP_THISNODE);
		KUNIT_ASSERT_NOT_NULL(test, s);
		goheap_free(h, s);
		KUNIT_ASSERT_EQ(test, h->node[nid]->sys, GO_ARENA_PAGES);
	}
}

static void scavenge_want_of(struct kunit *test)
{
	struct goscavenge sc = {
		.who = GO_BY_SHRINKER,
		.nid = NUMA_NO_NODE,
		.want = 100,	/* which @want_of replaces */
		.want_of = want_by_node,
		.until = U64_MAX,
	};
	struct goheap *h = gotest_heap(test);
	unsigned long pages, sum = 0;
	int nid;

	free_arena_each(test);
	pages = goscavenge(h, &sc);
	for_each_gonode(h, nid) {
		sum += 10 + nid;
		KUNIT_EXPECT_EQ(test, h->node[nid]->sys,
				GO_ARENA_PAGES - 10 - nid);
	}
	KUNIT_EXPECT_EQ(test, pages, sum);
	KUNIT_EXPECT_EQ(test, sc.want, 0);
}

/* With a node named no other gives back, whatever it wants. */
static void scavenge_of_node(struct kunit *test)
{
	struct goscavenge sc = {
		.who = GO_BY_SHRINKER,
		.want_of = want_by_node,
		.until = U64_MAX,
	};
	struct goheap *h = gotest_heap(test);
	int nid, i;

	free_arena_each(test);
	/* No heap is this node's. */
	sc.nid = nr_node_ids;
	KUNIT_EXPECT_EQ(test, goscavenge(h, &sc), 0);
	for_each_gonode(h, nid) {
		sc.nid = nid;
		KUNIT_EXPECT_EQ(test, goscavenge(h, &sc), 10 + nid);
		for_each_gonode(h, i)
			KUNIT_EXPECT_EQ(test, h->node[i]->sys, i > nid ?
					GO_ARENA_PAGES :
					GO_ARENA_PAGES - 10 - i);
	}
}

/* Who gives back of one node does not hold up another. */
static void scavenge_node_by_node(struct kunit *test)
{
	struct goscavenge sc = {
		.who = GO_BY_SHRINKER,
		.want_of = want_by_node,
		.until = U64_MAX,
	};
	struct goheap *h = gotest_heap(test);
	int nid;

	if (gonuma_next(h, first_memory_node + 1) >= nr_node_ids)
		kunit_skip(test, "takes two nodes");
	free_arena_each(test);
	/* The task that gives back would be another one. */
	mutex_lock_nested(&gotest_node(test)->give_back, SINGLE_DEPTH_NESTING);
	for_each_gonode(h, nid) {
		sc.nid = nid;
		if (nid != first_memory_node)
			KUNIT_EXPECT_EQ(test, goscavenge(h, &sc), 10 + nid);
	}
	mutex_unlock(&gotest_node(test)->give_back);
}

struct asker {
	struct gonode *node;
	struct completion end;
};

/* Ask for more than there is, what the caches have included. */
static int ask_for_all(void *arg)
{
	struct asker *a = arg;
	struct goscavenge sc = {
		.who = GO_BY_LIMIT,
		.nid = a->node->nid,
		.caches = true,
		.want = ULONG_MAX,
		.until = U64_MAX,
	};

	goscavenge(a->node->heap, &sc);
	complete_all(&a->end);
	return 0;
}

/* Whoever waits for a CPU to empty its cache keeps nobody from giving back. */
static void scavenge_waits_alone(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	struct asker a = { .node = h->node[numa_mem_id()] };
	struct task_struct *task;
	unsigned int i;

	gotest_free(h, gotest_alloc(h, GO_SPC(20, 0), GFP_KERNEL));
	KUNIT_ASSERT_GT(test, c->bytes, 0);
	init_completion(&a.end);
	/* One drain does not come to an end. */
	atomic_inc(&h->draining);
	task = kthread_run(ask_for_all, &a, "gotest/ask");
	for (i = 0; !IS_ERR(task) && READ_ONCE(c->bytes) && i < 1000; i++)
		usleep_range(100, 1000);
	/* The cache has been emptied, and the other waits for that one. */
	KUNIT_EXPECT_EQ(test, c->bytes, 0);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&a.node->give_back));
	KUNIT_EXPECT_FALSE(test, completion_done(&a.end));
	atomic_dec(&h->draining);
	wake_up_all(&h->drained);
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	wait_for_completion(&a.end);
}

/* Of arenas with holes all that is free goes, and what is in use stays. */
static void scavenge_holes(struct kunit *test)
{
	struct gonode *node = gotest_node(test);
	struct gospan **s;
	unsigned int i, n = 6 * GO_ARENA_PAGES;

	s = kunit_kcalloc(test, n, sizeof(*s), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	for (i = 0; i < n; i++)
		s[i] = gotest_run_new(test, 1, 1);
	for (i = 0; i < n; i += 2)
		gotest_run_end(test, s[i]);
	/* How much of an arena is in use differs, and so does its list. */
	for (i = 1; i < n; i += 2)
		if (i % GO_ARENA_PAGES < i / GO_ARENA_PAGES * 64) {
			gotest_run_end(test, s[i]);
			s[i] = NULL;
		}
	KUNIT_EXPECT_EQ(test, ask(test, 3, U64_MAX), 3);
	KUNIT_EXPECT_EQ(test, goverify(gotest_heap(test), NULL), 0);
	ask(test, ULONG_MAX, U64_MAX);
	KUNIT_EXPECT_EQ(test, node->runs.free, 0);
	KUNIT_EXPECT_EQ(test, node->runs.narenas[GO_USE_FULL] +
			node->runs.narenas[GO_USE_EMPTY], gotest_arenas(node));
	KUNIT_EXPECT_EQ(test, goverify(gotest_heap(test), NULL), 0);
	for (i = 1; i < n; i += 2)
		if (s[i])
			gotest_run_end(test, s[i]);
}

/* Out of time, it stops after what is under way. */
static void scavenge_in_time(struct kunit *test)
{
	struct gospan *s[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		s[i] = gotest_run_new(test, GO_ARENA_PAGES, 1);
	for (i = 0; i < 4; i++)
		gotest_run_end(test, s[i]);
	KUNIT_EXPECT_EQ(test, ask(test, ULONG_MAX, ktime_get_ns() - 1),
			GO_ARENA_PAGES);
	KUNIT_EXPECT_EQ(test, ask(test, ULONG_MAX,
				  ktime_get_ns() + NSEC_PER_SEC * 60),
			3 * GO_ARENA_PAGES);
}

/* Without a descriptor whole runs go, and nothing is asked of the kernel. */
static void scavenge_without_memory(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gofixalloc *f = &gotest_node(test)->fix[GO_FIX_SPAN];
	struct gospan *s = gotest_run_new(test, GO_ARENA_PAGES, 1);
	unsigned long chunks;
	void **all = NULL, **p;

	gotest_run_end(test, s);
	/* The worker would get more descriptors. */
	gotest_worker(h, false);
	while ((p = gofixalloc_reuse(f) ?: gofixalloc_pop(f))) {
		*p = all;
		all = p;
	}
	chunks = f->nchunks;
	KUNIT_EXPECT_EQ(test, ask(test, 100, U64_MAX), 0);
	KUNIT_EXPECT_EQ(test, ask(test, GO_ARENA_PAGES, U64_MAX),
			GO_ARENA_PAGES);
	KUNIT_EXPECT_LE(test, f->nchunks, chunks);
	gotest_worker(h, true);
	while ((p = all)) {
		all = *p;
		gofixalloc_free(h, p);
	}
}

/* The total is the sum of what each scavenger gave back. */
static void scavenge_by_whom(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct goalloc_memstats *a, *b;
	struct gospan *s[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		s[i] = gotest_run_new(test, GO_ARENA_PAGES, 1);
	a = gotest_memstats(test, h);
	for (i = 0; i < 3; i++)
		gotest_run_end(test, s[i]);
	gotest_node(test)->peak = 2 * GO_ARENA_PAGES * 100 / 105 + 1;
	turns(test);
	ask(test, 100, U64_MAX);
	goscavenge_all(h);
	b = gotest_memstats(test, h);
	KUNIT_EXPECT_EQ(test, b->scavenged_background -
			a->scavenged_background, GO_ARENA_SIZE);
	KUNIT_EXPECT_EQ(test, b->scavenged_shrinker - a->scavenged_shrinker,
			100 * GO_PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, b->scavenged_by_hand - a->scavenged_by_hand,
			2 * GO_ARENA_SIZE - 100 * GO_PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, b->scavenged_limit, 0);
	KUNIT_EXPECT_EQ(test, b->heap_released, b->scavenged_background +
			b->scavenged_shrinker + b->scavenged_limit +
			b->scavenged_by_hand);
	/* A turn, an ask and the rest: each pass gave something back. */
	KUNIT_EXPECT_EQ(test, b->scavenge_cycles - a->scavenge_cycles, 3);
	KUNIT_EXPECT_GT(test, b->scavenge_ns, a->scavenge_ns);
	KUNIT_EXPECT_EQ(test, b->num_gc, 0);
}

static void use_stack(struct goheap *h, unsigned int spc)
{
	gotest_free(h, gotest_alloc(h, spc, GFP_KERNEL));
}

/* A tick, and what it has queued is done. */
static void tick_and_wait(struct goheap *h)
{
	int cpu;

	gobackground_tick(h);
	for_each_online_cpu(cpu)
		flush_work(&per_cpu_ptr(h->mcache, cpu)->trim);
}

/* Idle caches and mcentrals give up all they have in a window. */
static void scavenge_idle_heap(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned int i;

	for (i = GO_SPC(1, 0); i < GO_NR_SPANCLASSES; i++)
		use_stack(h, i);
	KUNIT_EXPECT_GE(test, gotest_memstats(test, h)->heap_sys, SZ_1M);
	tick_and_wait(h);
	tick_and_wait(h);
	tick_and_wait(h);
	/* What a stack has left that gave way is marked by ticks, and goes in turns. */
	turns(test);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, h)->heap_inuse, 0);
	for (i = 0; i <= GO_PEAKS; i++)
		tick_and_wait(h);
	turns(test);
	KUNIT_EXPECT_LT(test, gotest_memstats(test, h)->heap_sys, SZ_128K);
}

/* A tick only looks; what it finds goes in turns, and both are counted. */
static void scavenge_spans_in_turns(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	u64 spent = atomic64_read(&h->scavenge_ns);
	struct gocentral *c;
	unsigned int idle;

	gotest_pin(test, h);
	c = &h->node[numa_mem_id()]->central[GO_SPC(67, 0)];
	KUNIT_EXPECT_TRUE(test, gotest_burst(h, GO_SPC(67, 0), 64));
	godrain_all(h);
	idle = c->idle;
	KUNIT_EXPECT_GT(test, idle, GO_BATCH);
	gobackground_tick(h);
	gobackground_tick(h);
	KUNIT_EXPECT_EQ(test, c->idle, idle);
	KUNIT_EXPECT_GT(test, atomic64_read(&h->scavenge_ns), spent);
	KUNIT_EXPECT_GT(test, atomic64_read(&h->trim_ns), 0);
	spent = atomic64_read(&h->scavenge_ns);
	/* Its own work alone: there is nothing else to give back yet. */
	turns(test);
	KUNIT_EXPECT_EQ(test, c->idle, 0);
	KUNIT_EXPECT_GT(test, atomic64_read(&h->scavenge_ns), spent);
}

/* With nothing to do the background ends its ticks. */
static void scavenge_rests(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned int tries = 100;

	h->next_tick = jiffies;
	mod_delayed_work(system_dfl_wq, &h->background, 0);
	while (--tries &&
	       (h->rest != GO_RESTING || work_busy(&h->background.work)))
		msleep(100);
	KUNIT_EXPECT_GT(test, tries, 0);
}

/* What makes something for it to do ends its rest. */
static void expect_awake(struct kunit *test, const char *after)
{
	struct goheap *h = gotest_heap(test);

	gotest_settle(h);
	KUNIT_EXPECT_EQ_MSG(test, h->rest, GO_TICKING, "after %s", after);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&h->background));
	cancel_delayed_work_sync(&h->background);
	h->rest = GO_RESTING;
}

static void scavenge_wakes(struct kunit *test)
{
	struct gocentral *c = &gotest_node(test)->central[GO_SPC(67, 0)];
	struct goheap *h = gotest_heap(test);
	struct goslot slot = {};
	struct gospan *s;

	h->rest = GO_RESTING;
	use_stack(h, GO_SPC(8, 0));
	expect_awake(test, "the first use of a cache");
	s = gosource_large(h, NUMA_NO_NODE, SZ_64K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	expect_awake(test, "a large allocation");
	gotest_free(h, (void *)s->base);
	expect_awake(test, "a large free");
	c = gosource_span(h, gotest_node(test)->nid, GO_SPC(67, 0), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c);
	while (!slot.obj && gocentral_take(c, 1, &slot))
		;
	expect_awake(test, "a new span");
	gocentral_free(h, &slot, 1, true);
	expect_awake(test, "the last free in a span");
	h->rest = GO_TICKING;
}

/* Caches in use by everybody are trimmed and drained under their users. */
static int use_all(void *arg)
{
	struct goheap *h = arg;
	int bad = 0;
	void *p;
	u32 r;

	while (!kthread_should_stop()) {
		r = get_random_u32();
		p = gotest_alloc(h, GO_SPC(1 + r % 40, r >> 8 & 1), GFP_KERNEL);
		if (!p)
			continue;
		gotest_fill(p, 8);
		cond_resched();
		bad += !gotest_intact(p, 8);
		gotest_free(h, p);
	}
	return bad;
}

static void scavenge_under_load(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gotest_crew crew;
	unsigned int i;
	int nid;

	gotest_crew_start(test, &crew, use_all, h);
	for (i = 0; i < GOTEST_LOOPS(300); i++) {
		gobackground_tick(h);
		gobackground_turn(h);
		for_each_gonode(h, nid)
			godrain_node(h, nid);
		if (i % 16 == 0)
			goscavenge_all(h);
		usleep_range(100, 1000);
	}
	gotest_crew_stop(test, &crew);
}

static struct kunit_case scavenge_cases[] = {
	KUNIT_CASE_PARAM(scavenge_goal, goal_gen_params),
	KUNIT_CASE(scavenge_notes_peak),
	KUNIT_CASE(scavenge_window),
	KUNIT_CASE(scavenge_not_for_little),
	KUNIT_CASE(scavenge_least_used_first),
	KUNIT_CASE(scavenge_longest_run_first),
	KUNIT_CASE(scavenge_want_of),
	KUNIT_CASE(scavenge_of_node),
	KUNIT_CASE(scavenge_node_by_node),
	KUNIT_CASE(scavenge_waits_alone),
	KUNIT_CASE(scavenge_holes),
	KUNIT_CASE(scavenge_in_time),
	KUNIT_CASE(scavenge_without_memory),
	KUNIT_CASE(scavenge_by_whom),
	KUNIT_CASE(scavenge_idle_heap),
	KUNIT_CASE(scavenge_spans_in_turns),
	KUNIT_CASE(scavenge_rests),
	KUNIT_CASE(scavenge_wakes),
	KUNIT_CASE(scavenge_under_load),
	{}
};

static struct kunit_suite scavenge_suite = {
	.name = "goalloc_scavenge",
	.init = scavenge_init,
	.exit = gotest_heap_exit,
	.test_cases = scavenge_cases,
};

kunit_test_suites(&scavenge_suite);
