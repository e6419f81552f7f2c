// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks: when one is split, what goes back to the page allocator, what stays.
 *
 * block.c is included, so that the splitting itself is tested, on an arena of
 * the test's own.  The other cases look at what a heap gives back, page by page:
 * the reference counts of pages tell whose they are.
 */

#include <linux/mm.h>
#include <linux/preempt.h>
#include "../block.c"

#include "block.h"
#include "pages.h"
#include "reclaim/reclaim.h"
#include "span.h"

/* Pages go back in pieces; one that has another reference goes with that. */
static void rest_looked_at(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL, 4);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	split_page(page, 4);
	get_page(page + 4);
	get_page(page + 9);
	goblock_free_rest(page, 1, 4, GFP_KERNEL);
	for (i = 4; i < 14; i += 5) {
		KUNIT_EXPECT_EQ(test, page_count(page + i), 1);
		__free_page(page + i);
	}
	KUNIT_EXPECT_EQ(test, page_count(page), 1);
	__free_page(page);
}

/* A block of the page allocator as it is in an arena, which is the test's own. */
struct stage {
	struct goarena *a;
	struct page *page;
	unsigned int first;
};

#define STAGE_ORDER	6
#define STAGE_PAGES	(1U << (STAGE_ORDER - GO_PAGE_ORDER))

static void set_stage(struct kunit *test, struct stage *st)
{
	unsigned long base;

	st->page = alloc_pages(GFP_KERNEL, STAGE_ORDER);
	KUNIT_ASSERT_NOT_NULL(test, st->page);
	st->a = kunit_kzalloc(test, sizeof(*st->a), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, st->a);
	base = (unsigned long)page_address(st->page);
	st->a->base = round_down(base, GO_ARENA_SIZE);
	st->first = gospan_page_index(base);
	st->a->order[st->first] = STAGE_ORDER + 1;
	KUNIT_EXPECT_EQ(test, block_pages(STAGE_ORDER + 1), STAGE_PAGES);
	KUNIT_EXPECT_EQ(test, block_pages(GO_ORDER_SPLIT), 1);
	KUNIT_EXPECT_PTR_EQ(test, arena_page(st->a, st->first),
			    page_address(st->page));
}

/* Pages of the stage whose entry in order[] is this. */
static unsigned int count_orders(const struct stage *st, u8 order)
{
	unsigned int i, n = 0;

	for (i = 0; i < STAGE_PAGES; i++)
		n += st->a->order[st->first + i] == order;
	return n;
}

/* Where a boundary splits the block, in its pages; one beyond is its end. */
static const struct split {
	const char *name;
	int at;
	bool splits;
} splits[] = {
	{ "before it", -1, false },
	{ "at its begin", 0, false },
	{ "behind its first page", 1, true },
	{ "in the middle", STAGE_PAGES / 2, true },
	{ "before its last page", STAGE_PAGES - 1, true },
	{ "at its end", STAGE_PAGES, false },
	{ "at the arena's end", GO_ARENA_PAGES, false },
};

KUNIT_ARRAY_PARAM_DESC(split, splits, name);

static void split(struct kunit *test)
{
	const struct split *s = test->param_value;
	unsigned int at = s->at;
	struct stage st;

	set_stage(test, &st);
	if (s->at < (int)GO_ARENA_PAGES)
		at += st.first;
	/* Blocks at the begin of an arena have no page before them. */
	split_block_at(st.a, s->at < 0 && !st.first ? 0 : at);
	KUNIT_EXPECT_EQ(test, count_orders(&st, GO_ORDER_SPLIT),
			s->splits ? STAGE_PAGES : 0);
	KUNIT_EXPECT_EQ(test, st.a->order[st.first],
			s->splits ? GO_ORDER_SPLIT : STAGE_ORDER + 1);
	KUNIT_EXPECT_EQ(test, page_count(st.page + 1), s->splits ? 1 : 0);
	goblock_give_back(st.a, st.first, STAGE_PAGES);
	KUNIT_EXPECT_EQ(test, count_orders(&st, 0), STAGE_PAGES);
}

/* Of a block the front, the middle or the back goes, and the rest stays. */
static void give_back_part(struct kunit *test)
{
	unsigned int first, n = STAGE_PAGES / 4, i, kept;
	struct stage st;

	for (first = 0; first < STAGE_PAGES; first += n) {
		set_stage(test, &st);
		goblock_give_back(st.a, st.first + first, n);
		KUNIT_EXPECT_EQ(test, count_orders(&st, 0), n);
		KUNIT_EXPECT_EQ(test, count_orders(&st, GO_ORDER_SPLIT),
				STAGE_PAGES - n);
		for (i = 0, kept = 0; i < STAGE_PAGES << GO_PAGE_ORDER; i++)
			if (st.a->order[st.first + (i >> GO_PAGE_ORDER)])
				kept += page_count(st.page + i) == 1;
		KUNIT_EXPECT_EQ(test, kept,
				(STAGE_PAGES - n) << GO_PAGE_ORDER);
		if (first)
			goblock_give_back(st.a, st.first, first);
		if (first + n < STAGE_PAGES)
			goblock_give_back(st.a, st.first + first + n,
					  STAGE_PAGES - first - n);
	}
}

/* Pages that are in use, of those from @base on. */
static unsigned int referenced(unsigned long base, unsigned long npages)
{
	struct page *page = virt_to_page((void *)base);
	unsigned long i, n = npages << GO_PAGE_ORDER;
	unsigned int used = 0;

	for (i = 0; i < n; i++)
		used += page_ref_count(page + i) > 0;
	return used;
}

static const struct part {
	const char *name;
	unsigned int first;
	unsigned int npages;
} parts[] = {
	{ "first page", 0, 1 },
	{ "second page", 1, 1 },
	{ "last page", 511, 1 },
	{ "amid", 200, 101 },
	{ "all but the first", 1, 511 },
	{ "all but the last", 0, 511 },
	{ "the lower half", 0, 256 },
	{ "the upper half", 256, 256 },
};

KUNIT_ARRAY_PARAM_DESC(part, parts, name);

/* Take an arena apart so that only one part of it is in use. */
static struct gospan *part_of(struct kunit *test, const struct part *p)
{
	unsigned int back = GO_ARENA_PAGES - p->first - p->npages;
	struct gospan *l = NULL, *s, *r = NULL;

	if (p->first)
		l = gotest_run_take(test, p->first, 1);
	s = gotest_run_take(test, p->npages, 1);
	if (back)
		r = gotest_run_take(test, back, 1);
	if (l)
		gotest_run_end(test, l);
	if (r)
		gotest_run_end(test, r);
	return s;
}

/* Nothing but the run is its arena's, page by page. */
static void expect_orders(struct kunit *test, const struct gospan *s)
{
	unsigned int i, first = gospan_page_index(s->base);
	struct goarena *a;

	preempt_disable();
	a = gospan_arena(gotest_heap(test), s->base);
	preempt_enable();
	for (i = 0; i < GO_ARENA_PAGES; i++)
		if (i < first || i >= first + s->npages)
			KUNIT_ASSERT_EQ(test, a->order[i], 0);
		else
			KUNIT_ASSERT_TRUE(test, a->order[i] || i > first);
}

static void give_back_beside(struct kunit *test)
{
	const struct part *p = test->param_value;
	unsigned long base = gotest_arena_new(test);
	struct gospan *s = part_of(test, p), *more[8];
	struct gonode *node = gotest_node(test);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_EQ(test, s->base, base + p->first * GO_PAGE_SIZE);
	gotest_run_fill(s);
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_EQ(test, node->sys, p->npages);
	/* Every page of what is left has a reference of its own. */
	KUNIT_EXPECT_EQ(test, referenced(s->base, p->npages),
			p->npages << GO_PAGE_ORDER);

	expect_orders(test, s);

	/* What went back is used again, perhaps by this heap. */
	for (i = 0; i < ARRAY_SIZE(more); i++) {
		more[i] = gotest_run_new(test, 100, 1);
		gotest_run_fill(more[i]);
	}
	KUNIT_EXPECT_TRUE(test, gotest_run_intact(s));
	for (i = 0; i < ARRAY_SIZE(more); i++) {
		KUNIT_EXPECT_TRUE(test, gotest_run_intact(more[i]));
		gotest_run_end(test, more[i]);
	}
	gotest_run_end(test, s);
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_EQ(test, node->sys, 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&node->arenas));
}

/* What went back is free, or most of it would still have references. */
static void really_free(struct kunit *test)
{
	struct gospan *s, *t;
	unsigned long base;

	base = gotest_arena_new(test);
	s = gotest_run_take(test, 77, 1);
	KUNIT_EXPECT_EQ(test, referenced(base, GO_ARENA_PAGES) > 0, true);
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_LT(test, referenced(base + 77 * GO_PAGE_SIZE,
					 GO_ARENA_PAGES - 77), 100);
	gotest_run_end(test, s);
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_LT(test, referenced(base, GO_ARENA_PAGES), 100);

	/* And an odd length, whose block was split when it came. */
	t = gotest_run_new(test, 300, 1);
	base = t->base;
	KUNIT_EXPECT_EQ(test, gotest_node(test)->sys, 300);
	KUNIT_EXPECT_EQ(test, referenced(base, 300), 300 << GO_PAGE_ORDER);
	KUNIT_EXPECT_LT(test, referenced(base + 300 * GO_PAGE_SIZE, 212), 100);
	gotest_run_end(test, t);
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_EQ(test, gotest_node(test)->sys, 0);
	KUNIT_EXPECT_LT(test, referenced(base, 300), 100);
}

static struct kunit_case block_cases[] = {
	KUNIT_CASE(rest_looked_at),
	KUNIT_CASE_PARAM(split, split_gen_params),
	KUNIT_CASE(give_back_part),
	KUNIT_CASE_PARAM(give_back_beside, part_gen_params),
	KUNIT_CASE(really_free),
	{}
};

static struct kunit_suite block_suite = {
	.name = "goalloc_block",
	.init = gotest_pages_init,
	.exit = gotest_pages_exit,
	.test_cases = block_cases,
};

kunit_test_suite(block_suite);
