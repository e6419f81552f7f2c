// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks: the references that each page has, what goes back, and what stays.
 *
 * block.c is included, so that it is tested on pages of the test's own.  The
 * other cases look at what a heap gives back, page by page: the reference counts
 * of pages tell whose they are.
 */

#include <linux/mm.h>
#include <linux/preempt.h>
#include "../block.c"

#include "block.h"
#include "heap.h"
#include "large.h"
#include "objects.h"
#include "pages.h"
#include "reclaim/reclaim.h"
#include "source.h"
#include "span.h"

#define BLOCK_ORDER	5
#define BLOCK_PAGES	(1UL << BLOCK_ORDER)

/* The first @keep pages of a block, which are on no heap's account. */
static struct page *get_pages(struct kunit *test, unsigned long keep)
{
	struct page *page = goblock_get(NULL, numa_mem_id(), GFP_KERNEL,
					BLOCK_ORDER, keep);

	KUNIT_ASSERT_NOT_NULL(test, page);
	return page;
}

/* Every page has our references, those beyond what is kept have none of ours. */
static void every_page_is_held(struct kunit *test)
{
	struct page *page = get_pages(test, BLOCK_PAGES - 3);
	struct goblock_left left;
	unsigned long i;

	for (i = 0; i < BLOCK_PAGES - 3; i++) {
		KUNIT_EXPECT_EQ(test, page_ref_count(page + i), GO_PAGE_REFS);
		KUNIT_EXPECT_FALSE(test, PageCompound(page + i));
		/* Harmless, whatever the block's history. */
		get_page(page + i);
		put_page(page + i);
	}
	for (; i < BLOCK_PAGES; i++)
		KUNIT_EXPECT_LT(test, page_ref_count(page + i), GO_PAGE_REFS);
	KUNIT_EXPECT_FALSE(test, goblock_is_shared(page, BLOCK_PAGES - 3));
	KUNIT_EXPECT_EQ(test, goblock_lost(page, BLOCK_PAGES - 3), 0);
	left = goblock_give_back(NULL, page, BLOCK_PAGES - 3, false);
	KUNIT_EXPECT_EQ(test, left.shared, 0);
	KUNIT_EXPECT_EQ(test, left.lost, 0);
}

/* A page that somebody has goes with the last put, and all others at once. */
static void shared_page_stays(struct kunit *test)
{
	struct page *page = get_pages(test, BLOCK_PAGES);
	struct goblock_left left;

	get_page(page + 4);
	get_page(page + 9);
	KUNIT_EXPECT_TRUE(test, goblock_is_shared(page, BLOCK_PAGES));
	KUNIT_EXPECT_FALSE(test, goblock_is_shared(page, 4));
	left = goblock_give_back(NULL, page, BLOCK_PAGES, false);
	KUNIT_EXPECT_EQ(test, left.shared, 2);
	KUNIT_EXPECT_EQ(test, left.lost, 0);
	KUNIT_EXPECT_EQ(test, page_ref_count(page + 4), 1);
	KUNIT_EXPECT_EQ(test, page_ref_count(page + 9), 1);
	put_page(page + 4);
	put_page(page + 9);
}

/* A page of which references of ours were put is seen, and never given back. */
static void lost_page_stays(struct kunit *test)
{
	struct page *page = get_pages(test, BLOCK_PAGES);
	struct goblock_left left;

	put_page(page + 7);
	put_page(page + 7);
	KUNIT_EXPECT_TRUE(test, goblock_is_shared(page, BLOCK_PAGES));
	KUNIT_EXPECT_EQ(test, goblock_lost(page, BLOCK_PAGES), 1);
	KUNIT_EXPECT_EQ(test, goblock_lost(page, 7), 0);
	left = goblock_give_back(NULL, page, BLOCK_PAGES, false);
	KUNIT_EXPECT_EQ(test, left.lost, 1);
	KUNIT_EXPECT_EQ(test, left.shared, 0);
	KUNIT_EXPECT_EQ(test, page_ref_count(page + 7), GO_PAGE_REFS - 2);
	/* For the test alone. */
	page_ref_sub(page + 7, GO_PAGE_REFS - 3);
	__free_page(page + 7);
}

/* Charged pages go one by one, and all of them go. */
static void charged_pages_go_alone(struct kunit *test)
{
	struct page *page = get_pages(test, BLOCK_PAGES);
	struct goblock_left left;

	get_page(page);
	left = goblock_give_back(NULL, page, BLOCK_PAGES, true);
	KUNIT_EXPECT_EQ(test, left.shared, 1);
	KUNIT_EXPECT_EQ(test, left.lost, 0);
	put_page(page);
}

/* The largest block that begins at each page, up to the end. */
static void joins_what_aligns(struct kunit *test)
{
	struct page *page = get_pages(test, BLOCK_PAGES);
	unsigned long i;
	unsigned int k;

	for (i = 0; i < BLOCK_PAGES; i++) {
		k = join_order(page + i, BLOCK_PAGES - i);
		KUNIT_EXPECT_LE(test, i + (1UL << k), BLOCK_PAGES);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(page_to_pfn(page + i),
						   1UL << k));
		if (i)
			KUNIT_EXPECT_EQ(test, k, min(__ffs(i),
						     (unsigned long)
						     ilog2(BLOCK_PAGES - i)));
	}
	KUNIT_EXPECT_EQ(test, join_order(page, BLOCK_PAGES), BLOCK_ORDER);
	goblock_give_back(NULL, page, BLOCK_PAGES, false);
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
	KUNIT_EXPECT_EQ(test, gotest_arenas(node), 0);
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

/* A large object of which somebody has a page is not handed out again. */
static void shared_object_waits(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gonode *node = gotest_node(test);
	struct gospan *s = gosource_large(h, node->nid, SZ_64K, GFP_KERNEL);
	struct page *page;

	KUNIT_ASSERT_NOT_NULL(test, s);
	page = virt_to_page((void *)s->base) + 5;
	get_page(page);
	KUNIT_EXPECT_TRUE(test, goheap_must_give_back(s));
	s->large = 0;
	s->state = GO_SPAN_DYING;
	golarge_free(h, s, goheap_must_give_back(s));
	KUNIT_EXPECT_EQ(test, node->shared, 1);
	KUNIT_EXPECT_EQ(test, node->lost, 0);
	KUNIT_EXPECT_EQ(test, node->runs.free, node->sys);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	KUNIT_EXPECT_EQ(test, gotest_misuses(h, GO_LOST_PAGE), 0);
	put_page(page);
}

/* One of which references of ours were put is reported, and its page stays. */
static void robbed_object_is_reported(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gonode *node = gotest_node(test);
	struct gospan *s = gosource_large(h, node->nid, SZ_64K, GFP_KERNEL);
	struct page *page;

	KUNIT_ASSERT_NOT_NULL(test, s);
	page = virt_to_page((void *)s->base) + 15;
	put_page(page);
	s->large = 0;
	s->state = GO_SPAN_DYING;
	golarge_free(h, s, goheap_must_give_back(s));
	KUNIT_EXPECT_EQ(test, gotest_misuses(h, GO_LOST_PAGE), 1);
	KUNIT_EXPECT_EQ(test, node->lost, 1);
	KUNIT_EXPECT_EQ(test, node->shared, 0);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), GO_PAGE_REFS - 1);
	page_ref_sub(page, GO_PAGE_REFS - 2);
	__free_page(page);
}

/* An arena that large objects leave empty is retired with the next reaping. */
static void empty_arena_is_retired(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gonode *node = gotest_node(test);
	struct gospan *s = gosource_large(h, node->nid, GO_ARENA_SIZE,
					  GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->apart = GO_SPAN_ACCOUNTED;
	s->large = 0;
	s->state = GO_SPAN_DYING;
	golarge_free(h, s, goheap_must_give_back(s));
	KUNIT_EXPECT_EQ(test, node->sys, 0);
	KUNIT_EXPECT_EQ(test, node->runs.narenas[GO_USE_EMPTY], 1);
	KUNIT_EXPECT_TRUE(test, goscavenge_has_arenas(h));
	goscavenge_reap(h);
	KUNIT_EXPECT_EQ(test, node->runs.narenas[GO_USE_EMPTY], 0);
	KUNIT_EXPECT_EQ(test, gotest_arenas(node), 0);
	KUNIT_EXPECT_FALSE(test, goscavenge_has_arenas(h));
}

struct freer {
	struct goheap *h;
	void *p;
};

static void free_it(void *arg)
{
	struct freer *f = arg;

	gotest_free(f->h, f->p);
}

KUNIT_ARRAY_PARAM_DESC(context, gotest_contexts, name);

/* What somebody has stays as it was, however and wherever the object is freed. */
static void shared_object_keeps_its_bytes(struct kunit *test)
{
	const struct gotest_context_param *param = test->param_value;
	struct goheap *h = gotest_heap(test);
	struct gospan *s = gosource_large(h, NUMA_NO_NODE, SZ_64K, GFP_KERNEL);
	struct freer f = { .h = h };
	struct page *page;

	KUNIT_ASSERT_NOT_NULL(test, s);
	f.p = (void *)s->base;
	memset(f.p, 'A', SZ_64K);
	page = virt_to_page(f.p);
	get_page(page);
	gotest_worker(h, true);
	gotest_run_in(param->context, free_it, &f);
	gotest_settle(h);
	gotest_worker(h, false);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 'A', PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	put_page(page);
}

static struct kunit_case block_cases[] = {
	KUNIT_CASE(every_page_is_held),
	KUNIT_CASE(shared_page_stays),
	KUNIT_CASE(lost_page_stays),
	KUNIT_CASE(charged_pages_go_alone),
	KUNIT_CASE(joins_what_aligns),
	KUNIT_CASE_PARAM(give_back_beside, part_gen_params),
	KUNIT_CASE(really_free),
	KUNIT_CASE(shared_object_waits),
	KUNIT_CASE_PARAM(shared_object_keeps_its_bytes, context_gen_params),
	KUNIT_CASE(robbed_object_is_reported),
	KUNIT_CASE(empty_arena_is_retired),
	{}
};

static struct kunit_suite block_suite = {
	.name = "goalloc_block",
	.init = gotest_pages_init,
	.exit = gotest_pages_exit,
	.test_cases = block_cases,
};

kunit_test_suite(block_suite);
