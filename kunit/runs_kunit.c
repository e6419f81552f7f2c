// SPDX-License-Identifier: GPL-2.0
/*
 * Runs: which run is taken, what becomes of the rest, what merges.
 *
 * In the spirit of the tests of Go's page allocator: free pages as a picture,
 * what is asked for, and what the picture must be then.
 *
 * runs.c needs no heap, so there is none here: see field.h.  It is included as a
 * whole, as WireGuard's selftests are in what they test: its static functions
 * are at hand and none is exported.  Only &gospan_nil is goalloc.ko's, so that
 * the other suites may use this copy on real heaps.
 */

#include "../runs.c"

#include <linux/bitmap.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "field.h"
#include "runs.h"

/* Pictures: the first pages of an arena, the rest of which is in use. */

#define PICTURE		32

struct ask {
	unsigned int npages;
	unsigned int align;
	int at;
};

static const struct picture {
	const char *name;
	const char *before;
	struct ask ask[5];
	const char *after;
} pictures[] = {
	{ "all free, one",
	  "................................",
	  { { 1, 1, 0 }, { 1, 1, 1 } },
	  "xx.............................." },
	{ "all free, all",
	  "................................",
	  { { 32, 1, 0 }, { 1, 1, -1 } },
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	{ "all free, more than all",
	  "................................",
	  { { 33, 1, -1 } },
	  "................................" },
	{ "none free",
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	  { { 1, 1, -1 } },
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	{ "the last one",
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.",
	  { { 1, 1, 31 }, { 1, 1, -1 } },
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	{ "best fit, not first",
	  "....x..x...x.......x.....x......",
	  { { 2, 1, 5 }, { 3, 1, 8 }, { 5, 1, 20 }, { 6, 1, 26 },
	    { 7, 1, 12 } },
	  "....xxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	{ "lowest of the best",
	  "...x..x..x...x..x...x..x..x...x.",
	  { { 2, 1, 4 }, { 2, 1, 7 }, { 2, 1, 14 }, { 3, 1, 0 },
	    { 1, 1, 31 } },
	  "xxxxxxxxxx...xxxx...x..x..x...xx" },
	{ "the rest is a fit",
	  "........x......xxxxxxxxxxxxxxxxx",
	  { { 4, 1, 9 }, { 2, 1, 13 }, { 7, 1, 0 }, { 1, 1, 7 },
	    { 1, 1, -1 } },
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	{ "every other",
	  ".x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x",
	  { { 2, 1, -1 }, { 1, 1, 0 }, { 1, 1, 2 }, { 1, 1, 4 } },
	  "xxxxxx.x.x.x.x.x.x.x.x.x.x.x.x.x" },
	{ "aligned, with a front and a back",
	  "x..............x................",
	  { { 2, 8, 8 }, { 6, 1, 1 }, { 16, 16, 16 } },
	  "xxxxxxx.xx.....xxxxxxxxxxxxxxxxx" },
	{ "aligned, front only",
	  "x...xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	  { { 2, 2, 2 }, { 1, 2, -1 }, { 1, 1, 1 } },
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	{ "aligned, back only",
	  "xxxx....xxxxxxxxxxxxxxxxxxxxxxxx",
	  { { 3, 4, 4 }, { 1, 2, -1 } },
	  "xxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxx" },
	{ "long enough, but not aligned",
	  "x....xxxx.....xxxx......xxxxxxxx",
	  { { 4, 8, -1 }, { 4, 4, 20 }, { 4, 2, 10 }, { 4, 1, 1 } },
	  "xxxxxxxxx.xxxxxxxx..xxxxxxxxxxxx" },
	{ "aligned only in a longer one",
	  "x..xxxx..xxxxx..xxxxxxx.....xxxx",
	  { { 2, 4, 24 }, { 2, 2, 14 }, { 2, 2, 26 }, { 2, 2, -1 } },
	  "x..xxxx..xxxxxxxxxxxxxx.xxxxxxxx" },
	{ "more that do not align than are tried",
	  "x.x.x.x.x.x.x.x.x.x....xxxxxxxxx",
	  { { 1, 2, 20 }, { 1, 1, 1 } },
	  "xxx.x.x.x.x.x.x.x.x.x..xxxxxxxxx" },
	{ "the same, and none is longer",
	  "x.x.x.x.x.x.x.x.x.xx.xxxxxxxxxxx",
	  { { 1, 2, 20 }, { 1, 2, -1 } },
	  "x.x.x.x.x.x.x.x.x.xxxxxxxxxxxxxx" },
};

KUNIT_ARRAY_PARAM_DESC(picture, pictures, name);

/* Make the first arena look so; returns what is in use, by page. */
static struct gospan **paint(struct gotest_field *f, const char *picture)
{
	unsigned int i, n = strlen(picture);
	struct kunit *test = f->test;
	struct gospan **used;

	used = kunit_kcalloc(test, PICTURE + 1, sizeof(*used), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, used);
	KUNIT_ASSERT_EQ(test, n, PICTURE);
	for (i = 0; i < n; i++) {
		used[i] = gotest_field_take(f, 1, 1);
		KUNIT_ASSERT_NOT_NULL(test, used[i]);
		KUNIT_ASSERT_EQ(test, used[i]->base,
				GOTEST_FIELD_BASE + i * GO_PAGE_SIZE);
	}
	used[n] = gotest_field_take(f, GO_ARENA_PAGES - n, 1);
	KUNIT_ASSERT_NOT_NULL(test, used[n]);
	for (i = 0; i < n; i++) {
		if (picture[i] == 'x')
			continue;
		gotest_field_free(f, used[i]);
		used[i] = NULL;
	}
	return used;
}

static void free_painted(struct gotest_field *f, struct gospan **used)
{
	unsigned int i;

	for (i = 0; i <= PICTURE; i++)
		if (used[i])
			gotest_field_free(f, used[i]);
	gotest_field_end(f);
}

/* Free runs as they are in the trees, painted. */
static void photograph(struct gotest_field *f, char *buf)
{
	struct gospan *s;
	unsigned int i;

	memset(buf, 'x', PICTURE);
	buf[PICTURE] = 0;
	gotest_field_lock(f);
	for (s = goruns_find(&f->runs, 1, 1); s;
	     s = goruns_after(&f->runs, s->npages, s->base)) {
		i = (s->base - GOTEST_FIELD_BASE) >> GO_PAGE_SHIFT;
		if (i + s->npages <= PICTURE)
			memset(buf + i, '.', s->npages);
	}
	gotest_field_unlock(f);
}

static void expect_picture(struct gotest_field *f, const char *picture)
{
	unsigned int i, expected = 0, free = 0;
	char buf[PICTURE + 1];

	for (i = 0; i < PICTURE; i++) {
		free += picture[i] == '.';
		/* Neighbours are one run. */
		expected += picture[i] == '.' && picture[i + 1] != '.';
	}
	photograph(f, buf);
	KUNIT_EXPECT_STREQ(f->test, buf, picture);
	KUNIT_EXPECT_EQ(f->test, gotest_field_expect_sound(f), expected);
	KUNIT_EXPECT_EQ(f->test, f->runs.free, free);
}

static void runs_picture(struct kunit *test)
{
	const struct picture *p = test->param_value;
	struct gotest_field *f = gotest_field_new(test, 1);
	struct gospan **used = paint(f, p->before), *s;
	const struct ask *a;

	expect_picture(f, p->before);
	for (a = p->ask; a < p->ask + ARRAY_SIZE(p->ask) && a->npages; a++) {
		s = gotest_field_take(f, a->npages, a->align);
		KUNIT_EXPECT_EQ_MSG(test, s ? (long)(s->base - GOTEST_FIELD_BASE) >>
				    GO_PAGE_SHIFT : -1, a->at,
				    "%u pages aligned to %u", a->npages,
				    a->align);
		if (!s)
			continue;
		KUNIT_EXPECT_EQ(test, s->npages, a->npages);
		used[(s->base - GOTEST_FIELD_BASE) >> GO_PAGE_SHIFT] = s;
	}
	expect_picture(f, p->after);
	free_painted(f, used);
}

/* Merging: a run is freed between neighbours of all kinds. */

static const struct merge {
	const char *name;
	const char *before;
	unsigned int freed;
	unsigned int npages;
	const char *after;
} merges[] = {
	{ "used, used", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 10, 3,
	  "xxxxxxxxxx...xxxxxxxxxxxxxxxxxxx" },
	{ "free, used", "xxxxxx....xxxxxxxxxxxxxxxxxxxxxx", 10, 3,
	  "xxxxxx.......xxxxxxxxxxxxxxxxxxx" },
	{ "used, free", "xxxxxxxxxxxxx..xxxxxxxxxxxxxxxxx", 10, 3,
	  "xxxxxxxxxx.....xxxxxxxxxxxxxxxxx" },
	{ "free, free", "xxxxxx....xxx..xxxxxxxxxxxxxxxxx", 10, 3,
	  "xxxxxx.........xxxxxxxxxxxxxxxxx" },
	{ "free singles", "xxxxxxxxx.x.xxxxxxxxxxxxxxxxxxxx", 10, 1,
	  "xxxxxxxxx...xxxxxxxxxxxxxxxxxxxx" },
	{ "free, but not next", "xxxxxxx..xxxxx..xxxxxxxxxxxxxxxx", 10, 3,
	  "xxxxxxx..x...x..xxxxxxxxxxxxxxxx" },
	{ "arena's begin, used", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0, 2,
	  "..xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	{ "arena's begin, free", "xx.....xxxxxxxxxxxxxxxxxxxxxxxxx", 0, 2,
	  ".......xxxxxxxxxxxxxxxxxxxxxxxxx" },
};

KUNIT_ARRAY_PARAM_DESC(merge, merges, name);

/* Make one run of single pages in use. */
static struct gospan *join_pages_in_use(struct gotest_field *f,
					struct gospan **used,
					unsigned int npages)
{
	unsigned long base = used[0]->base;
	struct gospan *s;
	unsigned int i;

	for (i = 0; i < npages; i++) {
		gotest_field_free(f, used[i]);
		used[i] = NULL;
	}
	s = gotest_field_take(f, npages, 1);
	KUNIT_ASSERT_NOT_NULL(f->test, s);
	KUNIT_ASSERT_EQ(f->test, s->base, base);
	return s;
}

/* The run must be made before its neighbours are free. */
static void runs_merge(struct kunit *test)
{
	const struct merge *m = test->param_value;
	struct gotest_field *f = gotest_field_new(test, 1);
	struct gospan **used, *s;
	unsigned int i;

	used = paint(f, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	s = join_pages_in_use(f, used + m->freed, m->npages);
	for (i = 0; i < PICTURE; i++) {
		if (m->before[i] == 'x')
			continue;
		gotest_field_free(f, used[i]);
		used[i] = NULL;
	}
	expect_picture(f, m->before);
	gotest_field_free(f, s);
	expect_picture(f, m->after);
	free_painted(f, used);
}

/* A run at the very end of an arena merges with the one before it. */
static void runs_merge_at_end(struct kunit *test)
{
	struct gotest_field *f = gotest_field_new(test, 2);
	struct gospan *s[4];

	s[0] = gotest_field_take(f, GO_ARENA_PAGES - 2, 1);
	s[1] = gotest_field_take(f, 1, 1);
	s[2] = gotest_field_take(f, 1, 1);
	KUNIT_ASSERT_EQ(test, s[2]->base,
			GOTEST_FIELD_BASE + GO_ARENA_SIZE - GO_PAGE_SIZE);
	s[3] = gotest_field_take(f, GO_ARENA_PAGES, 1);
	gotest_field_free(f, s[2]);
	gotest_field_free(f, s[1]);
	KUNIT_EXPECT_EQ(test, gotest_field_expect_sound(f), 1);
	/* The arena behind it is free, too, and stays a run of its own. */
	gotest_field_free(f, s[3]);
	KUNIT_EXPECT_EQ(test, gotest_field_expect_sound(f), 2);
	gotest_field_free(f, s[0]);
	KUNIT_EXPECT_EQ(test, gotest_field_expect_sound(f), 2);
	gotest_field_end(f);
}

/* Runs end where the arena ends, even if the next is free. */
static void runs_stay_in_their_arena(struct kunit *test)
{
	struct gotest_field *f = gotest_field_new(test, GOTEST_FIELD_ARENAS);
	struct gospan *s[GOTEST_FIELD_ARENAS];
	unsigned int i;

	for (i = 0; i < GOTEST_FIELD_ARENAS; i++)
		s[i] = gotest_field_take(f, GO_ARENA_PAGES,
					 GO_ARENA_PAGES);
	KUNIT_EXPECT_EQ(test, f->runs.free, 0);
	/* From both ends and from the middle. */
	for (i = 0; i < GOTEST_FIELD_ARENAS; i++)
		gotest_field_free(f, s[i * 3 % GOTEST_FIELD_ARENAS]);
	KUNIT_EXPECT_EQ(test, gotest_field_expect_sound(f), GOTEST_FIELD_ARENAS);
	KUNIT_EXPECT_NULL(test, gotest_field_take(f, GO_ARENA_PAGES + 1, 1));
	gotest_field_end(f);
}

/* The order of the trees. */

static const struct place {
	unsigned int npages;
	unsigned int page;
} places[] = {
	{ 1, 3 }, { 1, 90 }, { 2, 0 }, { 15, 40 }, { 16, 60 }, { 127, 100 },
	{ 128, 700 }, { 128, 1600 }, { 129, 900 }, { 300, 1100 },
	{ 300, 2000 }, { 511, 512 },
};

static struct gospan *new_descriptors(struct kunit *test, unsigned int n)
{
	struct gospan *s = kunit_kcalloc(test, n, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	return s;
}

/* Runs that are in the trees and nowhere else; returned in the trees' order. */
static struct gospan *insert_places(struct gotest_field *f)
{
	struct gospan *s = new_descriptors(f->test, ARRAY_SIZE(places));
	unsigned int i, k;

	gotest_field_lock(f);
	for (k = 0; k < ARRAY_SIZE(places); k++) {
		/* In no order. */
		i = k * 5 % ARRAY_SIZE(places);
		s[i].base = GOTEST_FIELD_BASE + places[i].page * GO_PAGE_SIZE;
		s[i].npages = places[i].npages;
		goruns_insert(&f->runs, &s[i]);
	}
	gotest_field_unlock(f);
	return s;
}

static void remove_places(struct gotest_field *f, struct gospan s[])
{
	unsigned int i;

	gotest_field_lock(f);
	for (i = 0; i < ARRAY_SIZE(places); i++)
		goruns_remove(&f->runs, &s[i]);
	gotest_field_unlock(f);
	gotest_field_end(f);
}

static struct gospan *run_after(struct gotest_field *f, unsigned long npages,
				unsigned long base)
{
	struct gospan *s;

	gotest_field_lock(f);
	s = goruns_after(&f->runs, npages, base);
	gotest_field_unlock(f);
	return s;
}

/* By length, then by address; from one tree to the next, and within the last. */
static void runs_after(struct kunit *test)
{
	struct gospan *s, *want;
	struct gotest_field *f = gotest_field_new(test, 0);
	unsigned int i, n = ARRAY_SIZE(places);

	KUNIT_EXPECT_NULL(test, run_after(f, 0, 0));
	s = insert_places(f);
	KUNIT_EXPECT_PTR_EQ(test, run_after(f, 0, 0), &s[0]);
	for (i = 0; i < n; i++) {
		want = i + 1 < n ? &s[i + 1] : NULL;
		KUNIT_EXPECT_PTR_EQ(test, run_after(f, s[i].npages, s[i].base),
				    want);
		/* Places between two runs lead to the second of them. */
		KUNIT_EXPECT_PTR_EQ(test, run_after(f, s[i].npages,
						    s[i].base - 1), &s[i]);
		KUNIT_EXPECT_PTR_EQ(test, run_after(f, s[i].npages,
						    s[i].base + 1), want);
		gotest_field_lock(f);
		KUNIT_EXPECT_PTR_EQ(test, goruns_next(&f->runs, &s[i]), want);
		gotest_field_unlock(f);
	}
	KUNIT_EXPECT_NULL(test, run_after(f, GO_ARENA_PAGES, 0));
	KUNIT_EXPECT_PTR_EQ(test, run_after(f, 128, ULONG_MAX), &s[8]);
	remove_places(f, s);
}

/* The first run that is long enough, for every length. */
static void runs_from(struct kunit *test)
{
	struct gospan *s, *want;
	struct gotest_field *f = gotest_field_new(test, 0);
	unsigned int n, i;

	s = insert_places(f);
	gotest_field_lock(f);
	for (n = 1; n <= GO_ARENA_PAGES; n++) {
		want = NULL;
		for (i = ARRAY_SIZE(places); i--; )
			if (places[i].npages >= n)
				want = &s[i];
		KUNIT_EXPECT_PTR_EQ(test, first_run_from(&f->runs, n), want);
		KUNIT_EXPECT_PTR_EQ(test, goruns_find(&f->runs, n, 1), want);
	}
	gotest_field_unlock(f);
	remove_places(f, s);
}

/* Only runs of GO_RESERVE_RUN pages or more count as big; each change counts. */
static void runs_count(struct kunit *test)
{
	static const unsigned int lengths[] = {
		1, GO_RESERVE_RUN - 1, GO_RESERVE_RUN, GO_RUN_MAX, 512,
	};
	struct gospan *s = new_descriptors(test, ARRAY_SIZE(lengths));
	struct gotest_field *f = gotest_field_new(test, 0);
	unsigned long free = 0, big = 0, changes = f->runs.changes;
	unsigned int i;

	gotest_field_lock(f);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		s[i].base = GOTEST_FIELD_BASE + i * GO_ARENA_SIZE;
		s[i].npages = lengths[i];
		goruns_insert(&f->runs, &s[i]);
		free += lengths[i];
		big += lengths[i] >= GO_RESERVE_RUN ? lengths[i] : 0;
		KUNIT_EXPECT_EQ(test, s[i].state, GO_SPAN_FREE);
		KUNIT_EXPECT_EQ(test, f->runs.free, free);
		KUNIT_EXPECT_EQ(test, f->runs.big, big);
		KUNIT_EXPECT_TRUE(test, test_bit(min(lengths[i], GO_RUN_MAX),
						 f->runs.nonempty));
		KUNIT_EXPECT_NE(test, f->runs.changes, changes);
		changes = f->runs.changes;
	}
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		goruns_remove(&f->runs, &s[i]);
		KUNIT_EXPECT_EQ(test, s[i].state, GO_SPAN_NONE);
		KUNIT_EXPECT_NE(test, f->runs.changes, changes);
		changes = f->runs.changes;
	}
	gotest_field_unlock(f);
	gotest_field_end(f);
}

/* A cut uses as many descriptors as it leaves pieces, and no more. */
static const struct cut {
	const char *name;
	unsigned int npages;
	unsigned int align;
	unsigned int used;
} cuts[] = {
	{ "all of it", 509, 1, 0 },
	{ "the front", 100, 1, 1 },
	{ "the back", 508, 4, 1 },
	{ "amid", 64, 64, 2 },
};

KUNIT_ARRAY_PARAM_DESC(cut, cuts, name);

static void runs_cut(struct kunit *test)
{
	const struct cut *c = test->param_value;
	struct gotest_field *f = gotest_field_new(test, 1);
	struct gospan *front = gotest_field_take(f, 3, 1), *spare[2], *run, *s;
	unsigned int used;

	spare[0] = gotest_descriptor_new(test);
	spare[1] = gotest_descriptor_new(test);
	gotest_field_lock(f);
	s = goruns_find(&f->runs, c->npages, c->align);
	KUNIT_EXPECT_EQ(test, misaligned_pages(&f->runs, s, c->align),
			c->align == 1 ? 0 : c->align - 3);
	run = s;
	s = goruns_cut(&f->runs, &f->arena[0], s, c->npages, c->align, spare);
	/* Readers may know the run's own descriptor. */
	KUNIT_EXPECT_PTR_NE(test, s, run);
	gotest_field_unlock(f);
	used = !spare[0] + !spare[1];
	KUNIT_EXPECT_EQ(test, used, c->used);
	KUNIT_EXPECT_EQ(test, s->npages, c->npages);
	KUNIT_EXPECT_EQ(test, s->state, GO_SPAN_NONE);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(s->base - GOTEST_FIELD_BASE,
					   c->align * GO_PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, gotest_field_expect_sound(f), c->used);
	kfree(spare[0]);
	kfree(spare[1]);
	gotest_field_free(f, s);
	gotest_field_free(f, front);
	gotest_field_end(f);
}

/* Needzero. */

/* Left, middle, right, one bit each: clean or dirty. */
static void expect_dirt_kept(struct gotest_field *f, unsigned int dirty)
{
	struct gospan *s[3], *all;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		s[i] = gotest_field_take(f, 100 + i, 1);
		KUNIT_ASSERT_NOT_NULL(f->test, s[i]);
		s[i]->needzero = !!(dirty & BIT(i));
	}
	gotest_field_free(f, s[0]);
	gotest_field_free(f, s[2]);
	gotest_field_free(f, s[1]);
	all = gotest_field_take(f, GO_ARENA_PAGES, 1);
	KUNIT_ASSERT_NOT_NULL(f->test, all);
	KUNIT_EXPECT_EQ_MSG(f->test, !!all->needzero, !!dirty, "dirty: %x",
			    dirty);
	all->needzero = false;
	gotest_field_free(f, all);
}

static void runs_merge_dirt(struct kunit *test)
{
	struct gotest_field *f = gotest_field_new(test, 1);
	unsigned int dirty;

	for (dirty = 0; dirty < 8; dirty++)
		expect_dirt_kept(f, dirty);
	gotest_field_end(f);
}

/* Both parts of a split inherit. */
static void runs_split_dirt(struct kunit *test)
{
	struct gotest_field *f = gotest_field_new(test, 1);
	struct gospan *s, *part[3];
	unsigned int clean, i;

	for (clean = 0; clean < 2; clean++) {
		s = gotest_field_take(f, GO_ARENA_PAGES, 1);
		s->needzero = !clean;
		gotest_field_free(f, s);
		part[0] = gotest_field_take(f, 1, 1);
		part[1] = gotest_field_take(f, 4, 64);
		part[2] = gotest_field_take(f, GO_ARENA_PAGES - 68, 1);
		for (i = 0; i < 3; i++) {
			KUNIT_ASSERT_NOT_NULL(test, part[i]);
			KUNIT_EXPECT_EQ(test, !!part[i]->needzero, !clean);
		}
		for (i = 0; i < 3; i++)
			gotest_field_free(f, part[i]);
	}
	gotest_field_end(f);
}

static struct kunit_case runs_cases[] = {
	KUNIT_CASE_PARAM(runs_picture, picture_gen_params),
	KUNIT_CASE_PARAM(runs_merge, merge_gen_params),
	KUNIT_CASE(runs_merge_at_end),
	KUNIT_CASE(runs_stay_in_their_arena),
	KUNIT_CASE(runs_after),
	KUNIT_CASE(runs_from),
	KUNIT_CASE(runs_count),
	KUNIT_CASE_PARAM(runs_cut, cut_gen_params),
	KUNIT_CASE(runs_merge_dirt),
	KUNIT_CASE(runs_split_dirt),
	{}
};

static struct kunit_suite runs_suite = {
	.name = "goalloc_runs",
	.test_cases = runs_cases,
};

kunit_test_suite(runs_suite);
