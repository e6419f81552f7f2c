// SPDX-License-Identifier: GPL-2.0
/*
 * Source: where pages come from, and by how much the heap grows for them.
 *
 * The worker is kept from running, so that nothing moves but what a test moves;
 * there is no reserve unless a test says otherwise.
 */

#include <linux/preempt.h>
#include "observe/observe.h"
#include "pages.h"
#include "reclaim/reclaim.h"
#include "source.h"

static void pages_are_aligned(struct kunit *test)
{
	static const unsigned int lengths[] = { 1, 3, 8, 31, 100, 512 };
	unsigned int align, i, n = 0;
	struct gospan *s[70], *odd[10];

	for (i = 0; i < ARRAY_SIZE(odd); i++)
		odd[i] = gotest_run_new(test, 2 * i + 1, 1);
	for (align = 1; align <= GO_ARENA_PAGES; align *= 2)
		for (i = 0; i < ARRAY_SIZE(lengths); i++)
			if (align * lengths[i] <= 16 * GO_ARENA_PAGES)
				s[n++] = gotest_run_new(test, lengths[i], align);
	KUNIT_EXPECT_EQ(test, goverify(gotest_heap(test), NULL), 0);
	while (n)
		gotest_run_end(test, s[--n]);
	for (i = 0; i < ARRAY_SIZE(odd); i++)
		gotest_run_end(test, odd[i]);
}

/*
 * Many runs are long enough and none is aligned; growth then brings one that
 * is just that, and it must be found.
 */
static void aligned_is_found(struct kunit *test)
{
	struct gonode *node = gotest_node(test);
	struct gospan *s[3 * 8], *want;
	unsigned int i;

	for (i = 0; i < 3; i++)
		s[i] = gotest_run_new(test, GO_ARENA_PAGES, 1);
	while (i)
		gotest_run_end(test, s[--i]);
	for (i = 0; i < ARRAY_SIZE(s); i += 2) {
		s[i] = gotest_run_take(test, 1, 128);
		KUNIT_ASSERT_NOT_NULL(test, s[i]);
		s[i + 1] = gotest_run_take(test, 127, 1);
		KUNIT_ASSERT_NOT_NULL(test, s[i + 1]);
	}
	for (i = 1; i < ARRAY_SIZE(s); i += 2)
		gotest_run_end(test, s[i]);
	KUNIT_EXPECT_EQ(test, node->runs.free, 12 * 127);
	KUNIT_EXPECT_NULL(test, gotest_run_take(test, 96, 128));
	/* A caller that may not sleep does not have the others given back. */
	want = gosource_pages(gotest_heap(test), node->nid, 96, 128,
			      GFP_NOWAIT);
	KUNIT_ASSERT_NOT_NULL(test, want);
	KUNIT_EXPECT_EQ(test, node->sys, 3 * GO_ARENA_PAGES + 128);
	gotest_run_end(test, want);
	for (i = 0; i < ARRAY_SIZE(s); i += 2)
		gotest_run_end(test, s[i]);
}

/* Growing. */

static const struct growth {
	const char *name;
	unsigned int arenas;
	unsigned int npages;
	unsigned int align;
	unsigned int pages;
} growths[] = {
	{ "empty, a page", 0, 1, 1, GOTEST_MIB_PAGES },
	{ "empty, half a growth", 0, GOTEST_MIB_PAGES / 2, 1, GOTEST_MIB_PAGES },
	{ "empty, more than half: exactly", 0, GOTEST_MIB_PAGES / 2 + 1, 1,
	  GOTEST_MIB_PAGES / 2 + 1 },
	{ "empty, 1 MiB", 0, GOTEST_MIB_PAGES, 1, GOTEST_MIB_PAGES },
	{ "empty, more than that: exactly", 0, GOTEST_MIB_PAGES + 1, 1,
	  GOTEST_MIB_PAGES + 1 },
	{ "empty, aligned", 0, 3, 64, GOTEST_MIB_PAGES },
	{ "empty, aligned to more", 0, 3, 256, 3 },
	{ "empty, an arena", 0, 512, 1, 512 },
	{ "4 MiB, a page", 1, 1, 1, GOTEST_MIB_PAGES },
	{ "8 MiB, a page", 2, 1, 1, GOTEST_MIB_PAGES },
	{ "12 MiB, a page", 3, 1, 1, GOTEST_MIB_PAGES },
	{ "16 MiB, a page", 4, 1, 1, 2 * GOTEST_MIB_PAGES },
	{ "20 MiB, a page", 5, 1, 1, 2 * GOTEST_MIB_PAGES },
	{ "40 MiB, a page", 10, 1, 1, 4 * GOTEST_MIB_PAGES },
};

KUNIT_ARRAY_PARAM_DESC(growth, growths, name);

static void growth(struct kunit *test)
{
	const struct growth *g = test->param_value;
	struct gonode *node = gotest_node(test);
	struct gospan *s[10], *last;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, node->sys, 0);
	for (i = 0; i < g->arenas; i++)
		s[i] = gotest_run_new(test, GO_ARENA_PAGES, 1);
	KUNIT_EXPECT_EQ(test, node->sys, g->arenas * GO_ARENA_PAGES);
	last = gotest_run_new(test, g->npages, g->align);
	KUNIT_EXPECT_EQ(test, node->sys - g->arenas * GO_ARENA_PAGES,
			g->pages);
	KUNIT_EXPECT_EQ(test, node->runs.free, g->pages - g->npages);
	gotest_run_end(test, last);
	for (i = 0; i < g->arenas; i++)
		gotest_run_end(test, s[i]);
	KUNIT_EXPECT_EQ(test, node->runs.free, node->sys);
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_EQ(test, node->sys, 0);
}

/* What is free in pieces counts: 16 MiB with an eighth free grow by the least. */
static void growth_in_pieces(struct kunit *test)
{
	struct gonode *node = gotest_node(test);
	struct gospan *arena[3], **s, *last;
	unsigned int i;

	s = kunit_kcalloc(test, GO_ARENA_PAGES, sizeof(*s), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	for (i = 0; i < ARRAY_SIZE(arena); i++)
		arena[i] = gotest_run_new(test, GO_ARENA_PAGES, 1);
	gotest_arena_new(test);
	for (i = 0; i < GO_ARENA_PAGES; i++)
		s[i] = gotest_run_new(test, 1, 1);
	for (i = 0; i < GO_ARENA_PAGES; i += 2)
		gotest_run_end(test, s[i]);
	KUNIT_EXPECT_EQ(test, node->sys, 4 * GO_ARENA_PAGES);
	KUNIT_EXPECT_EQ(test, node->runs.free, GO_ARENA_PAGES / 2);
	last = gotest_run_new(test, 2, 1);
	KUNIT_EXPECT_EQ(test, node->sys, 4 * GO_ARENA_PAGES + GOTEST_MIB_PAGES);
	gotest_run_end(test, last);
	for (i = 1; i < GO_ARENA_PAGES; i += 2)
		gotest_run_end(test, s[i]);
	for (i = 0; i < ARRAY_SIZE(arena); i++)
		gotest_run_end(test, arena[i]);
}

/* A heap that can serve from what it has does not grow. */
static void no_growth(struct kunit *test)
{
	struct gospan *s[GO_ARENA_PAGES / 4];
	unsigned int i;

	gotest_arena_new(test);
	for (i = 0; i < ARRAY_SIZE(s); i++)
		s[i] = gotest_run_new(test, 4, 4);
	KUNIT_EXPECT_EQ(test, gotest_node(test)->sys, GO_ARENA_PAGES);
	KUNIT_EXPECT_EQ(test, gotest_node(test)->runs.free, 0);
	for (i = 0; i < ARRAY_SIZE(s); i++)
		gotest_run_end(test, s[i]);
}

/* The reserve. */

static void reserve_is_left_alone(struct kunit *test)
{
	struct gonode *node = gotest_node(test);
	struct gospan *s[40];
	unsigned int i;

	node->reserve = GO_RESERVE_PAGES;
	goworker_top_up(node->heap);
	for (i = 0; i < ARRAY_SIZE(s); i++) {
		s[i] = gotest_run_new(test, i % 7 + 1, 1);
		KUNIT_EXPECT_GE(test, node->runs.big, node->reserve);
	}
	for (i = 0; i < ARRAY_SIZE(s); i++)
		gotest_run_end(test, s[i]);
}

static struct gospan *alloc_atomic(struct kunit *test, unsigned long npages)
{
	struct gospan *s;

	preempt_disable();
	s = gosource_pages(gotest_heap(test), first_memory_node, npages, 1,
			   GFP_NOWAIT | __GFP_NOWARN | __GFP_THISNODE);
	preempt_enable();
	return s;
}

static void reserve_when_atomic(struct kunit *test)
{
	struct gonode *node = gotest_node(test);
	struct gospan *s[5] = {};
	unsigned long sys;
	unsigned int i;

	if (!IS_ENABLED(CONFIG_PREEMPT_COUNT))
		kunit_skip(test, "the code cannot tell that preemption is off");
	node->reserve = GO_RESERVE_PAGES;
	goworker_top_up(node->heap);
	sys = node->sys;
	s[0] = gotest_run_new(test, node->runs.big - GO_RESERVE_PAGES, 1);
	for (i = 1; i < 5; i++) {
		s[i] = alloc_atomic(test, GO_RESERVE_PAGES / 4);
		KUNIT_EXPECT_NOT_NULL(test, s[i]);
	}
	KUNIT_EXPECT_EQ(test, node->sys, sys);
	KUNIT_EXPECT_EQ(test, node->runs.free, 0);
	goworker_top_up(node->heap);
	KUNIT_EXPECT_GE(test, node->runs.big, node->reserve);
	for (i = 0; i < 5; i++)
		if (s[i])
			gotest_run_end(test, s[i]);
}

static struct kunit_case source_cases[] = {
	KUNIT_CASE(pages_are_aligned),
	KUNIT_CASE(aligned_is_found),
	KUNIT_CASE_PARAM(growth, growth_gen_params),
	KUNIT_CASE(growth_in_pieces),
	KUNIT_CASE(no_growth),
	KUNIT_CASE(reserve_is_left_alone),
	KUNIT_CASE(reserve_when_atomic),
	{}
};

static struct kunit_suite source_suite = {
	.name = "goalloc_source",
	.init = gotest_pages_init,
	.exit = gotest_pages_exit,
	.test_cases = source_cases,
};

kunit_test_suite(source_suite);
