// SPDX-License-Identifier: GPL-2.0
/*
 * All that can go: goscavenge_all() leaves the reserve and what is in use.
 *
 * The worker does not run, so that no reserve is filled behind a test's back.
 */

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/preempt.h>
#include "heap.h"
#include "observe/observe.h"
#include "objects.h"
#include "pages.h"
#include "reclaim/reclaim.h"
#include "source.h"

/* A heap with nothing live gives back all but the reserve. */
static const struct left {
	const char *name;
	unsigned int run[6];
} lefts[] = {
	{ "less than the reserve", { 20, 30 } },
	{ "the reserve", { 64 } },
	{ "one run", { 200 } },
	{ "short ones only", { 1, 2, 3, 14, 15, 15 } },
	{ "short ones and a long one", { 1, 15, 70, 3 } },
	{ "a bit more than the reserve", { 40, 25 } },
	{ "two that are nearly the reserve", { 61, 63 } },
	{ "many", { 31, 31, 31, 17, 16, 100 } },
	{ "just long enough", { 16, 16, 16, 16, 16, 16 } },
};

KUNIT_ARRAY_PARAM_DESC(left, lefts, name);

static void all_but_reserve(struct kunit *test)
{
	const struct left *l = test->param_value;
	struct gonode *node = gotest_node(test);
	struct gospan *s[6], *wall[6];
	unsigned long big = 0;
	unsigned int i, n;

	gotest_arena_new(test);
	for (n = 0; n < ARRAY_SIZE(s) && l->run[n]; n++) {
		s[n] = gotest_run_take(test, l->run[n], 1);
		wall[n] = gotest_run_take(test, 1, 1);
	}
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_EQ(test, node->runs.free, 0);
	for (i = 0; i < n; i++) {
		gotest_run_end(test, s[i]);
		big += l->run[i] >= GO_RESERVE_RUN ? l->run[i] : 0;
	}
	node->reserve = GO_RESERVE_PAGES;
	goscavenge_all(gotest_heap(test));
	/* The reserve is whole if it was, and there is nothing else. */
	KUNIT_EXPECT_EQ(test, node->runs.big, min_t(unsigned long, big,
						    GO_RESERVE_PAGES));
	KUNIT_EXPECT_EQ(test, node->runs.free, node->runs.big);
	KUNIT_EXPECT_EQ(test, node->sys, node->runs.free + n);
	for (i = 0; i < n; i++)
		gotest_run_end(test, wall[i]);
}

/* Runs of 70 pages leave too much of their blocks: the rest goes straight back. */
static bool trim_many(struct goheap *h)
{
	struct gospan *s[60];
	unsigned int i, n;

	for (n = 0; n < ARRAY_SIZE(s); n++) {
		s[n] = gosource_pages(h, NUMA_NO_NODE, 70, 1, GFP_KERNEL);
		if (!s[n])
			break;
	}
	for (i = 0; i < n; i++)
		goheap_free(h, s[i]);
	goscavenge_all(h);
	return n == ARRAY_SIZE(s);
}

static void trims_for_good(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct sysinfo before, after;
	unsigned int i;

	if (IS_ENABLED(CONFIG_KASAN) || num_online_cpus() > 1)
		kunit_skip(test, "checkers and CPUs keep memory for themselves");
	KUNIT_EXPECT_TRUE(test, trim_many(h));
	si_meminfo(&before);
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_TRUE(test, trim_many(h));
	si_meminfo(&after);
	KUNIT_EXPECT_LT(test, before.freeram, after.freeram + 100);
}

struct giver {
	struct goheap *h;
	bool begun;
	bool done;
	struct completion end;
};

static int give_all_back(void *arg)
{
	struct giver *g = arg;

	WRITE_ONCE(g->begun, true);
	goscavenge_all(g->h);
	WRITE_ONCE(g->done, true);
	complete(&g->end);
	return 0;
}

/* Memory goes only when no look-up can be reading it any more. */
static void waits_for_readers(struct kunit *test)
{
	struct giver g = { .h = gotest_heap(test) };
	unsigned int i, cpu;
	struct task_struct *task;
	struct gospan *s;

	if (num_online_cpus() < 2)
		kunit_skip(test, "takes two CPUs");
	s = gosource_pages(g.h, NUMA_NO_NODE, GO_ARENA_PAGES, 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	goheap_free(g.h, s);
	init_completion(&g.end);
	task = kthread_create(give_all_back, &g, "gotest/give");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));

	/* To bind it may sleep, so this CPU is kept by affinity until then. */
	gotest_pin(test, g.h);
	cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
	kthread_bind(task, cpu);
	preempt_disable();
	wake_up_process(task);
	while (!READ_ONCE(g.begun))
		cpu_relax();
	for (i = 0; i < 200 && !READ_ONCE(g.done); i++)
		mdelay(5);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(g.done));
	preempt_enable();
	wait_for_completion(&g.end);
	KUNIT_EXPECT_GE(test, gotest_memstats(test, g.h)->heap_released,
			GO_ARENA_SIZE);
}

/*
 * What Go's tests call swiss cheese: when little is used of many pages, that is
 * all that is held.
 */
static const struct cheese {
	const char *name;
	unsigned int npages;
	unsigned int keep;
} cheeses[] = {
	{ "every other page", 1, 2 },
	{ "every third of three pages", 3, 3 },
	{ "one page in ten", 1, 10 },
	{ "one page in a hundred", 1, 100 },
	{ "lengths and holes at random", 0, 4 },
};

KUNIT_ARRAY_PARAM_DESC(cheese, cheeses, name);

#define NR_RUNS		(IS_ENABLED(CONFIG_KASAN) ? 1024 : 4096)

static void make_holes(struct kunit *test, struct gospan **run)
{
	const struct cheese *c = test->param_value;
	struct rnd_state rnd;
	unsigned int i;

	gotest_random(test, &rnd);
	for (i = 0; i < NR_RUNS; i++)
		run[i] = gotest_run_new(test, c->npages ?:
					1 + prandom_u32_state(&rnd) % 8, 1);
	for (i = 0; i < NR_RUNS; i++) {
		if (c->npages ? i % c->keep == 0 :
				prandom_u32_state(&rnd) % c->keep == 0)
			continue;
		gotest_run_end(test, run[i]);
		run[i] = NULL;
	}
}

static void swiss_cheese(struct kunit *test)
{
	struct gospan **run = kunit_kcalloc(test, NR_RUNS, sizeof(*run),
					    GFP_KERNEL);
	struct goheap *h = gotest_heap(test);
	struct gonode *node = gotest_node(test);
	unsigned long used = 0, i;

	KUNIT_ASSERT_NOT_NULL(test, run);
	make_holes(test, run);
	for (i = 0; i < NR_RUNS; i++)
		used += run[i] ? run[i]->npages : 0;

	goscavenge_all(h);
	KUNIT_EXPECT_GE(test, node->sys, used);
	KUNIT_EXPECT_LE(test, node->sys, used + used / 10);
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);

	/* What is left grows together again, when pages come back between. */
	for (i = 0; i < NR_RUNS; i++)
		if (run[i])
			gotest_run_end(test, run[i]);
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
	goscavenge_all(h);
	KUNIT_EXPECT_EQ(test, node->sys, 0);
}

static struct kunit_case scavenge_all_cases[] = {
	KUNIT_CASE_PARAM(all_but_reserve, left_gen_params),
	KUNIT_CASE(trims_for_good),
	KUNIT_CASE(waits_for_readers),
	KUNIT_CASE_PARAM(swiss_cheese, cheese_gen_params),
	{}
};

static struct kunit_suite scavenge_all_suite = {
	.name = "goalloc_scavenge_all",
	.init = gotest_pages_init,
	.exit = gotest_pages_exit,
	.test_cases = scavenge_all_cases,
};

kunit_test_suite(scavenge_all_suite);
