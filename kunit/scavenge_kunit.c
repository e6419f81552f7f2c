// SPDX-License-Identifier: GPL-2.0
/*
 * What goes back to the kernel: how much the background asks for, which pages
 * are chosen, what an idle cache loses.  Ticks are made by the tests; no case
 * waits for time to pass.
 */

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
#include "alloc.h"
#include "fixalloc.h"
#include "heap.h"
#include "mcache.h"
#include "numa.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "runs.h"
#include "source.h"
#include "span.h"

#define MIB_PAGES	(SZ_1M >> GO_PAGE_SHIFT)

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

static struct gonode *node_of(struct kunit *test)
{
	return gotest_heap(test)->node[first_memory_node];
}

static struct gospan *run_new(struct kunit *test, unsigned long npages)
{
	struct gospan *s = gosource_pages(gotest_heap(test), first_memory_node,
					npages, 1, GFP_KERNEL | __GFP_THISNODE);

	KUNIT_ASSERT_NOT_NULL(test, s);
	return s;
}

static void run_end(struct kunit *test, struct gospan *s)
{
	goheap_free(gotest_heap(test), s);
}

/* The shortest free run of at least so many pages, or NULL. */
static struct gospan *find_run(struct gonode *node, unsigned long npages)
{
	unsigned long flags;
	struct gospan *s;

	raw_spin_lock_irqsave(&node->lock, flags);
	s = goruns_find(&node->runs, npages, 1);
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return s;
}

/* All that the background would give back, however slow the machine. */
static void turns(struct kunit *test)
{
	while (gobackground_turn(gotest_heap(test)))
		;
}

/* Ask for pages of the node as somebody would. */
static unsigned long ask(struct kunit *test, unsigned long want, u64 until)
{
	struct goscavenge sc = {
		.who = GO_BY_SHRINKER,
		.nid = node_of(test)->nid,
		.want = want,
		.until = until,
	};
	struct goheap *h = gotest_heap(test);
	unsigned long n = goscavenge(h, &sc);

	goscavenge_reap(h);
	return n;
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
	{ "nothing used lately", 0, 0, 0, 0, 8 * MIB_PAGES },
	{ "nothing but the reserve", 0, 0, 0, 64, 8 * MIB_PAGES - 64 },
	{ "half of it", 4, 4, 0, 0, 4 * MIB_PAGES - 25 },
	{ "half of it lately", 0, 4, 0, 0, 8 * MIB_PAGES - 537 },
	{ "half of it long ago", 1, 1, 4, 0, 8 * MIB_PAGES - 537 },
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
	struct gonode *node = node_of(test);
	struct gospan *s[8];
	unsigned int i;

	for (i = 0; i < 8; i++)
		s[i] = run_new(test, MIB_PAGES);
	KUNIT_EXPECT_EQ(test, node->sys, 8 * MIB_PAGES);
	for (i = g->used; i < 8; i++)
		run_end(test, s[i]);
	node->peak = g->peak * MIB_PAGES;
	node->peaks[7] = g->older * MIB_PAGES;
	node->reserve = g->reserve;
	KUNIT_EXPECT_EQ(test, gobackground_excess(node), g->excess);
	KUNIT_EXPECT_EQ(test, gotest_scavenge(gotest_heap(test), false) >>
			GO_PAGE_SHIFT >= g->excess, true);
	KUNIT_EXPECT_EQ(test, node->sys, 8 * MIB_PAGES - g->excess);
	KUNIT_EXPECT_EQ(test, node->scavenged[GO_BY_BACKGROUND], g->excess);
	KUNIT_EXPECT_EQ(test, gobackground_excess(node), 0);
	for (i = 0; i < g->used; i++)
		run_end(test, s[i]);
}

/* Taking pages notes the peak, whether they are new or were held. */
static void scavenge_notes_peak(struct kunit *test)
{
	struct gonode *node = node_of(test);
	struct gospan *s[2];

	s[0] = run_new(test, 3 * MIB_PAGES);
	KUNIT_EXPECT_EQ(test, node->peak, 3 * MIB_PAGES);
	run_end(test, s[0]);
	KUNIT_EXPECT_EQ(test, node->peak, 3 * MIB_PAGES);
	gobackground_tick(gotest_heap(test));
	KUNIT_EXPECT_EQ(test, node->peak, 0);
	s[0] = run_new(test, MIB_PAGES);
	s[1] = run_new(test, MIB_PAGES);
	KUNIT_EXPECT_EQ(test, node->peak, 2 * MIB_PAGES);
	run_end(test, s[0]);
	run_end(test, s[1]);
	KUNIT_EXPECT_EQ(test, node->peak, 2 * MIB_PAGES);
}

/* A peak is kept for the window's ten ticks, and not for longer. */
static void scavenge_window(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gonode *node = node_of(test);
	unsigned int i;

	run_end(test, run_new(test, GO_ARENA_PAGES));
	for (i = 0; i <= GO_PEAKS; i++) {
		turns(test);
		KUNIT_EXPECT_EQ(test, node->sys, GO_ARENA_PAGES);
		gobackground_tick(h);
	}
	turns(test);
	KUNIT_EXPECT_EQ(test, node->sys, 0);
	KUNIT_EXPECT_EQ(test, node->scavenged[GO_BY_BACKGROUND],
			GO_ARENA_PAGES);
	gotest_settle(h);
	KUNIT_EXPECT_TRUE(test, list_empty(&h->dead));
}

/* A few pages are not worth breaking a block for. */
static void scavenge_not_for_little(struct kunit *test)
{
	struct gonode *node = node_of(test);
	struct gospan *s = run_new(test, GO_ARENA_PAGES);

	run_end(test, s);
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
		s[i] = run_new(test, GO_ARENA_PAGES);
		a[i] = gospan_arena(gotest_heap(test), s[i]->base);
	}
	/* One arena at a time, so that each has one user. */
	for (i = 0; i < 4; i++) {
		run_end(test, s[i]);
		s[i] = run_new(test, used[i]);
		rest[i] = run_new(test, GO_ARENA_PAGES - used[i]);
	}
	for (i = 0; i < 4; i++)
		run_end(test, rest[i]);
	for (k = 0; k < 4; k++) {
		i = order[k];
		n = GO_ARENA_PAGES - used[i];
		KUNIT_EXPECT_EQ(test, a[i]->npages, GO_ARENA_PAGES);
		KUNIT_EXPECT_EQ(test, ask(test, n, U64_MAX), n);
		KUNIT_EXPECT_EQ(test, a[i]->npages, used[i]);
	}
	KUNIT_EXPECT_EQ(test, node_of(test)->runs.free, 0);
	KUNIT_EXPECT_EQ(test, ask(test, 1, U64_MAX), 0);
	for (i = 0; i < 4; i++)
		run_end(test, s[i]);
}

static void scavenge_longest_run_first(struct kunit *test)
{
	struct gonode *node = node_of(test);
	unsigned int i, forth;
	struct gospan *s[7];

	for (forth = 0; forth < 2; forth++) {
		run_end(test, run_new(test, GO_ARENA_PAGES));
		for (i = 0; i < 6; i++)
			s[i] = run_new(test, i % 2 ? 1 : forth ? 10 + 10 * i :
								 50 - 10 * i);
		s[6] = run_new(test, GO_ARENA_PAGES - 10 - 30 - 50 - 3);
		for (i = 0; i < 6; i += 2)
			run_end(test, s[i]);
		/* Part of the longest; its rest is shorter than the next. */
		KUNIT_EXPECT_EQ(test, ask(test, 35, U64_MAX), 35);
		KUNIT_EXPECT_EQ(test, node->runs.free, 10 + 30 + 15);
		KUNIT_EXPECT_NOT_NULL(test, find_run(node, 30));
		KUNIT_EXPECT_NULL(test, find_run(node, 31));
		KUNIT_EXPECT_EQ(test, ask(test, 31, U64_MAX), 31);
		KUNIT_EXPECT_EQ(test, node->runs.free, 10 + 14);
		KUNIT_EXPECT_EQ(test, goverify(gotest_heap(test), NULL), 0);
		for (i = 1; i < 6; i += 2)
			run_end(test, s[i]);
		run_end(test, s[6]);
		ask(test, GO_ARENA_PAGES, U64_MAX);
		KUNIT_EXPECT_EQ(test, node->sys, 0);
	}
}

/* Who is out of time stops after what is under way. */
static void scavenge_in_time(struct kunit *test)
{
	struct gospan *s[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		s[i] = run_new(test, GO_ARENA_PAGES);
	for (i = 0; i < 4; i++)
		run_end(test, s[i]);
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
	struct gofixalloc *f = &h->fix[GO_FIX_SPAN];
	struct gospan *s = run_new(test, GO_ARENA_PAGES);
	unsigned long chunks;
	void **all = NULL, **p;

	run_end(test, s);
	while ((p = gofixalloc_pop(f))) {
		*p = all;
		all = p;
	}
	chunks = f->nchunks;
	KUNIT_EXPECT_EQ(test, ask(test, 100, U64_MAX), 0);
	KUNIT_EXPECT_EQ(test, ask(test, GO_ARENA_PAGES, U64_MAX),
			GO_ARENA_PAGES);
	KUNIT_EXPECT_LE(test, f->nchunks, chunks);
	while ((p = all)) {
		all = *p;
		gofixalloc_free(f, p);
	}
}

/* The total is the sum of who did it, as MemStats shows it. */
static void scavenge_by_whom(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct goalloc_memstats *a, *b;
	struct gospan *s[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		s[i] = run_new(test, GO_ARENA_PAGES);
	a = gotest_memstats(test, h);
	for (i = 0; i < 3; i++)
		run_end(test, s[i]);
	node_of(test)->peak = 2 * GO_ARENA_PAGES * 100 / 105 + 1;
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

/* The stacks of caches. */

#define SPC_BUSY	GO_SPC(8, 0)
#define SPC_IDLE	GO_SPC(9, 0)

static void use(struct goheap *h, unsigned int spc)
{
	gotest_free(h, gotest_alloc(h, spc, GFP_KERNEL));
}

/* A tick, and what it has queued is done. */
static void tick(struct goheap *h)
{
	int cpu;

	gobackground_tick(h);
	for_each_online_cpu(cpu)
		flush_work(&per_cpu_ptr(h->mcache, cpu)->trim);
}

static void scavenge_idle_stack(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	unsigned int i;

	use(h, SPC_IDLE);
	for (i = 0; i < 3; i++) {
		use(h, SPC_BUSY);
		KUNIT_EXPECT_GT(test, gostack_cap(&c->stack[SPC_BUSY]), 0);
		/* Used since the last tick, and only then. */
		KUNIT_EXPECT_EQ(test, gostack_cap(&c->stack[SPC_IDLE]) > 0, i < 2);
		tick(h);
		KUNIT_EXPECT_GT(test, gostack_cap(&c->stack[SPC_BUSY]), 0);
	}
	KUNIT_EXPECT_EQ(test, gostack_n(&c->stack[SPC_IDLE]), 0);
	KUNIT_EXPECT_NULL(test, c->stack[SPC_IDLE].slot);
	KUNIT_EXPECT_NULL(test, c->stack[SPC_IDLE].span);
	tick(h);
	KUNIT_EXPECT_EQ(test, gostack_cap(&c->stack[SPC_BUSY]), 0);
	KUNIT_EXPECT_EQ(test, c->bytes, 0);
}

static void scavenge_idle_tiny(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);

	gotest_free(h, goalloc_tiny(h, 3, GFP_KERNEL));
	KUNIT_EXPECT_NE(test, c->tiny, 0);
	tick(h);
	gotest_free(h, goalloc_tiny(h, 3, GFP_KERNEL));
	tick(h);
	KUNIT_EXPECT_NE(test, c->tiny, 0);
	tick(h);
	KUNIT_EXPECT_EQ(test, c->tiny, 0);
}

/* The tiny block that a drain retires is on no stack afterwards. */
static void scavenge_drained_tiny(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);

	gotest_free(h, goalloc_tiny(h, 3, GFP_KERNEL));
	godrain_all(h);
	KUNIT_EXPECT_EQ(test, c->tiny, 0);
	KUNIT_EXPECT_EQ(test, c->bytes, 0);
	gotest_free(h, goalloc_tiny(h, 3, GFP_KERNEL));
	godrain_node(h, h->node[numa_mem_id()]->nid);
	KUNIT_EXPECT_EQ(test, c->bytes, 0);
}

/* Idle caches and mcentrals give up all they have in a window. */
static void scavenge_idle_heap(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned int i;

	for (i = GO_SPC(1, 0); i < GO_NR_SPANCLASSES; i++)
		use(h, i);
	KUNIT_EXPECT_GE(test, gotest_memstats(test, h)->heap_sys, SZ_1M);
	tick(h);
	tick(h);
	tick(h);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, h)->heap_inuse, 0);
	for (i = 0; i <= GO_PEAKS; i++)
		tick(h);
	turns(test);
	KUNIT_EXPECT_LT(test, gotest_memstats(test, h)->heap_sys, SZ_128K);
}

/* The caches of a node's CPUs are emptied, those of others are not. */
static void scavenge_drains_node(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	int nid, mine = gonuma_heap(h, NUMA_NO_NODE)->nid;
	struct gomcache *c = gotest_pin(test, h);

	mine = h->node[numa_mem_id()]->nid;
	use(h, SPC_BUSY);
	for_each_gonode(h, nid)
		if (nid != mine)
			godrain_node(h, nid);
	KUNIT_EXPECT_GT(test, c->bytes, 0);
	godrain_node(h, mine);
	KUNIT_EXPECT_EQ(test, c->bytes, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&h->draining), 0);
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
	KUNIT_CASE(scavenge_in_time),
	KUNIT_CASE(scavenge_without_memory),
	KUNIT_CASE(scavenge_by_whom),
	KUNIT_CASE(scavenge_idle_stack),
	KUNIT_CASE(scavenge_idle_tiny),
	KUNIT_CASE(scavenge_drained_tiny),
	KUNIT_CASE(scavenge_idle_heap),
	KUNIT_CASE(scavenge_drains_node),
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
