// SPDX-License-Identifier: GPL-2.0
/*
 * verify: whatever is broken must be found, or all the other tests mean little.
 *
 * Each case breaks one thing of a sound heap by hand, asks, and mends it.
 */

#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/string.h>
#include "heap.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "runs.h"
#include "source.h"
#include "span.h"

#define SPC_64	GO_SPC(5, 0)

/* What there is to break. */
struct scene {
	struct goheap *h;
	struct gospan *small;
	struct gospan *large;
	struct gospan *free;
	struct goarena *arena;
	struct gonode *node;
	struct gocentral *central;
	unsigned int live;
};

static void *u32_elemsize(struct scene *s) { return &s->small->elemsize; }
static void *u32_npages(struct scene *s) { return &s->small->npages; }
static void *u32_magic(struct scene *s) { return &s->small->magic; }
static void *u16_nelems(struct scene *s) { return &s->small->nelems; }
static void *u16_navail(struct scene *s) { return &s->small->navail; }
static void *u16_nback(struct scene *s) { return &s->small->nback; }
static void *u8_bucket(struct scene *s) { return &s->small->bucket; }
static void *u8_spanclass(struct scene *s) { return &s->small->spanclass; }
static void *u8_avail(struct scene *s) { return s->small->avail; }
static void *u8_back(struct scene *s) { return s->small->back; }
static void *u32_free_npages(struct scene *s) { return &s->free->npages; }
static void *u32_arena_npages(struct scene *s) { return &s->arena->npages; }
static void *u32_arena_nfree(struct scene *s) { return &s->arena->nfree; }
static void *u32_sys(struct scene *s) { return &s->node->sys; }
static void *u32_free(struct scene *s) { return &s->node->runs.free; }
static void *u32_big(struct scene *s) { return &s->node->runs.big; }
static void *u32_mallocs(struct scene *s) { return &s->central->mallocs; }
static void *u32_frees(struct scene *s) { return &s->central->frees; }

struct flip {
	const char *name;
	void *(*where)(struct scene *s);
	unsigned int size;
};

/* The lowest bit of each is flipped. */
static const struct flip flips[] = {
	{ "bytes of an object", u32_elemsize, 4 },
	{ "pages of a span", u32_npages, 4 },
	{ "magic", u32_magic, 4 },
	{ "objects of a span", u16_nelems, 2 },
	{ "objects to give", u16_navail, 2 },
	{ "objects that came back", u16_nback, 2 },
	{ "list", u8_bucket, 1 },
	{ "span class", u8_spanclass, 1 },
	{ "bit of an object to give", u8_avail, 1 },
	{ "bit of one that came back", u8_back, 1 },
	{ "pages of a free run", u32_free_npages, 4 },
	{ "pages of an arena", u32_arena_npages, 4 },
	{ "free pages of an arena", u32_arena_nfree, 4 },
	{ "pages of a node", u32_sys, 4 },
	{ "free pages of a node", u32_free, 4 },
	{ "pages in long runs", u32_big, 4 },
	{ "mallocs", u32_mallocs, 4 },
	{ "frees", u32_frees, 4 },
};

static void flip_desc(const struct flip *flip, char *buf)
{
	strscpy(buf, flip->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(flips, flips, flip_desc);

/* One object of each kind is live, all else is free and nothing cached. */
static void set(struct kunit *test, struct scene *s)
{
	struct goheap *h = gotest_heap(test);
	unsigned long idx;
	void *p;

	p = gotest_alloc(h, SPC_64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	s->large = gosource_large(h, NUMA_NO_NODE, 5 * GO_PAGE_SIZE,
				  GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s->large);
	godrain_all(h);
	gotest_settle(h);

	s->h = h;
	preempt_disable();
	s->small = gospan_of(h, p);
	gospan_index(s->small, p, &idx);
	s->arena = gospan_arena(h, s->small->base);
	preempt_enable();
	s->live = idx;
	s->node = s->arena->node;
	s->central = s->small->central;
	raw_spin_lock_irq(&s->node->lock);
	s->free = goruns_find(&s->node->runs, 1, 1);
	raw_spin_unlock_irq(&s->node->lock);
	KUNIT_ASSERT_NOT_NULL(test, s->free);
	KUNIT_ASSERT_EQ(test, goverify(h, NULL), 0);
}

static void unset(struct kunit *test, struct scene *s)
{
	KUNIT_EXPECT_EQ(test, goverify(s->h, NULL), 0);
	gotest_free(s->h, gospan_object(s->small, s->live));
	gotest_free(s->h, (void *)s->large->base);
}

static void flip_bit(struct scene *s, const struct flip *flip)
{
	void *p = flip->where(s);

	if (flip->size == 4)
		*(u32 *)p ^= 1;
	else if (flip->size == 2)
		*(u16 *)p ^= 1;
	else
		*(u8 *)p ^= 1;
}

static void verify_flipped(struct kunit *test)
{
	const struct flip *flip = test->param_value;
	struct scene s;

	set(test, &s);
	flip_bit(&s, flip);
	KUNIT_EXPECT_NE(test, goverify(s.h, NULL), 0);
	flip_bit(&s, flip);
	unset(test, &s);
}

/* Counters that went back, and those that went too far. */
static void verify_conservation(struct kunit *test)
{
	struct scene s;
	int by;

	set(test, &s);
	for (by = -1; by <= 1; by += 2) {
		s.central->mallocs += by;
		KUNIT_EXPECT_NE(test, goverify(s.h, NULL), 0);
		s.central->mallocs -= by;
	}
	unset(test, &s);
}

static void verify_live_to_give(struct kunit *test)
{
	struct scene s;
	u8 *state;

	set(test, &s);
	state = s.small->objstate + !s.live;
	*state = GO_OBJ_LIVE;
	KUNIT_EXPECT_NE(test, goverify(s.h, NULL), 0);
	*state = GO_OBJ_FREE;
	unset(test, &s);
}

/* In both bitmaps, with all the counts as they should be. */
static void verify_free_twice(struct kunit *test)
{
	unsigned int twice, never;
	struct scene s;

	set(test, &s);
	twice = find_first_bit(s.small->avail, s.small->nelems);
	never = find_last_bit(s.small->avail, s.small->nelems);
	KUNIT_ASSERT_NE(test, twice, never);
	__set_bit(twice, s.small->back);
	__clear_bit(never, s.small->avail);
	s.small->nback++;
	s.small->navail--;
	KUNIT_EXPECT_NE(test, goverify(s.h, NULL), 0);
	s.small->nback--;
	s.small->navail++;
	__set_bit(never, s.small->avail);
	__clear_bit(twice, s.small->back);
	unset(test, &s);
}

static void verify_page_of_another(struct kunit *test)
{
	struct goarena *a;
	struct scene s;
	unsigned int i;

	set(test, &s);
	preempt_disable();
	a = gospan_arena(s.h, s.large->base);
	preempt_enable();
	for (i = 0; i < 5; i++) {
		a->span[gospan_page_index(a, s.large->base) + i] = &gospan_nil;
		KUNIT_EXPECT_NE(test, goverify(s.h, NULL), 0);
		a->span[gospan_page_index(a, s.large->base) + i] = s.large;
	}
	unset(test, &s);
}

/* Freed beside a free run, and not merged with it. */
static void verify_unmerged(struct kunit *test)
{
	struct gospan *run;
	unsigned long flags;
	struct goarena *a;
	struct scene s;

	set(test, &s);
	run = gosource_pages(s.h, NUMA_NO_NODE, 2, 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, run);
	preempt_disable();
	a = gospan_arena(s.h, run->base);
	preempt_enable();
	KUNIT_ASSERT_EQ(test, a->span[gospan_page_index(a, run->base) + 2]->state,
			GO_SPAN_FREE);

	raw_spin_lock_irqsave(&a->node->lock, flags);
	goruns_insert(&a->node->runs, run);
	a->nfree += 2;
	raw_spin_unlock_irqrestore(&a->node->lock, flags);
	KUNIT_EXPECT_NE(test, goverify(s.h, NULL), 0);
	raw_spin_lock_irqsave(&a->node->lock, flags);
	goruns_remove(&a->node->runs, run);
	a->nfree -= 2;
	raw_spin_unlock_irqrestore(&a->node->lock, flags);

	goheap_free(s.h, run);
	unset(test, &s);
}

/* The last page of each kind of span is put, or held, by somebody else. */
static void verify_references(struct kunit *test)
{
	struct gospan *of[3];
	struct page *page;
	struct scene s;
	int i;

	set(test, &s);
	of[0] = s.small;
	of[1] = s.large;
	of[2] = s.free;
	for (i = 0; i < ARRAY_SIZE(of); i++) {
		page = virt_to_page((void *)of[i]->base) +
		       (of[i]->npages << GO_PAGE_ORDER) - 1;
		get_page(page);
		KUNIT_EXPECT_EQ(test, goverify(s.h, NULL), 0);
		put_page(page);
		KUNIT_EXPECT_EQ(test, gotest_misuses(s.h, GO_LOST_PAGE), i);
		put_page(page);
		KUNIT_EXPECT_EQ(test, goverify(s.h, NULL), 1);
		KUNIT_EXPECT_EQ(test, gotest_misuses(s.h, GO_LOST_PAGE), i + 1);
		KUNIT_EXPECT_NOT_NULL(test, strstr(s.h->report,
						   "found later"));
		get_page(page);
	}
	unset(test, &s);
}

#define NR_RUNS		400

/* Of many runs, which take many holds, each is counted once. */
static void verify_many_runs(struct kunit *test)
{
	struct gospan **run = kunit_kcalloc(test, NR_RUNS, sizeof(*run),
					    GFP_KERNEL);
	unsigned int i, runs = 0;
	struct gospan *s;
	struct scene sc;

	KUNIT_ASSERT_NOT_NULL(test, run);
	set(test, &sc);
	for (i = 0; i < NR_RUNS; i++) {
		run[i] = gosource_pages(sc.h, sc.node->nid, 1 + i % 3, 1,
					GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, run[i]);
	}
	for (i = 0; i < NR_RUNS; i += 2)
		goheap_free(sc.h, run[i]);
	gotest_settle(sc.h);
	raw_spin_lock_irq(&sc.node->lock);
	for (s = goruns_find(&sc.node->runs, 1, 1); s;
	     s = goruns_after(&sc.node->runs, s->npages, s->base))
		runs++;
	raw_spin_unlock_irq(&sc.node->lock);
	/* Some of them lie side by side, and are one. */
	KUNIT_EXPECT_GE(test, runs, NR_RUNS / 4);
	KUNIT_EXPECT_EQ(test, goverify(sc.h, NULL), 0);
	for (i = 0; i < 2; i++) {
		unsigned long *count = i ? &sc.node->runs.free : &sc.node->runs.big;

		++*count;
		KUNIT_EXPECT_NE(test, goverify(sc.h, NULL), 0);
		--*count;
	}
	for (i = 1; i < NR_RUNS; i += 2)
		goheap_free(sc.h, run[i]);
	unset(test, &sc);
}

static struct kunit_case verify_cases[] = {
	KUNIT_CASE_PARAM(verify_flipped, flips_gen_params),
	KUNIT_CASE(verify_conservation),
	KUNIT_CASE(verify_live_to_give),
	KUNIT_CASE(verify_free_twice),
	KUNIT_CASE(verify_page_of_another),
	KUNIT_CASE(verify_unmerged),
	KUNIT_CASE(verify_references),
	KUNIT_CASE(verify_many_runs),
	{}
};

static struct kunit_suite verify_suite = {
	.name = "goalloc_verify",
	.init = gotest_heap_init,
	.exit = gotest_heap_exit,
	.test_cases = verify_cases,
};

kunit_test_suite(verify_suite);
