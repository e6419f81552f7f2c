// SPDX-License-Identifier: GPL-2.0
/*
 * Runs: which run is taken, what becomes of the rest, what merges.
 *
 * In the spirit of the tests of Go's page allocator: free pages as a picture,
 * what is asked for, and what the picture must be then; and a long random walk
 * beside a model that is too dumb to be wrong, a byte for each page.
 *
 * runs.c needs no heap, so there is none here.  It is included as a whole, as
 * WireGuard's selftests are in what they test: its static functions are at hand
 * and none is exported.  The arenas are the test's own, and their addresses are
 * made up, because runs.c never looks at the memory itself.  Only &gospan_nil is
 * goalloc.ko's, so that the other suites may use this copy on real heaps.
 */

#include "../runs.c"

#include <linux/bitmap.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "common.h"
#include "runs.h"
#include "span.h"

#define MAX_ARENAS	4

/* Where the first arena claims to be; the others follow it without a gap. */
#define FIELD_BASE	0xffff888100000000UL

/**
 * struct field - runs with a lock and some arenas of their own
 * @test: whose
 * @lock: guards @runs
 * @runs: the free runs
 * @n: how many arenas there are
 * @arena: the arenas, side by side
 */
struct field {
	struct kunit *test;
	raw_spinlock_t lock;	/* of the runs */
	struct goruns runs;
	unsigned int n;
	struct goarena arena[MAX_ARENAS];
};

static void lock_field(struct field *f)
{
	raw_spin_lock_irq(&f->lock);
}

static void unlock_field(struct field *f)
{
	raw_spin_unlock_irq(&f->lock);
}

static struct goarena *arena_of_run(struct field *f, const struct gospan *s)
{
	return &f->arena[(s->base - FIELD_BASE) >> GO_ARENA_SHIFT];
}

static struct gospan *new_descriptor(struct kunit *test)
{
	struct gospan *s = kzalloc(sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	return s;
}

static void free_run(struct field *f, struct gospan *s)
{
	struct gospan *next;
	LIST_HEAD(dead);

	lock_field(f);
	goruns_free(&f->runs, arena_of_run(f, s), s, &dead);
	unlock_field(f);
	list_for_each_entry_safe(s, next, &dead, list)
		kfree(s);
}

static struct gospan *take_run(struct field *f, unsigned long npages,
			       unsigned long align)
{
	struct gospan *spare[2], *s;

	spare[0] = new_descriptor(f->test);
	spare[1] = new_descriptor(f->test);
	lock_field(f);
	s = goruns_find(&f->runs, npages, align);
	if (s)
		s = goruns_cut(&f->runs, arena_of_run(f, s), s, npages, align,
			       spare);
	unlock_field(f);
	kfree(spare[0]);
	kfree(spare[1]);
	return s;
}

/* Some arenas, all of whose pages are free. */
static struct field *new_field(struct kunit *test, unsigned int n)
{
	struct field *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	unsigned int i, k;
	struct gospan *s;

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->n = n;
	raw_spin_lock_init(&f->lock);
	goruns_init(&f->runs, &f->lock);
	for (i = 0; i < n; i++) {
		f->arena[i].base = FIELD_BASE + i * GO_ARENA_SIZE;
		f->arena[i].npages = GO_ARENA_PAGES;
		for (k = 0; k < GO_ARENA_PAGES; k++)
			f->arena[i].span[k] = &gospan_nil;
		s = new_descriptor(test);
		s->base = f->arena[i].base;
		s->npages = GO_ARENA_PAGES;
		free_run(f, s);
	}
	return f;
}

/* All is free again, an arena a run; then the descriptors can go. */
static void end_field(struct field *f)
{
	struct gospan *s;
	unsigned int i;

	KUNIT_EXPECT_EQ(f->test, f->runs.free, f->n * GO_ARENA_PAGES);
	for (i = 0; i < f->n; i++) {
		s = f->arena[i].span[0];
		KUNIT_EXPECT_EQ(f->test, s->npages, GO_ARENA_PAGES);
		lock_field(f);
		goruns_remove(&f->runs, s);
		unlock_field(f);
		kfree(s);
	}
	KUNIT_EXPECT_EQ(f->test, f->runs.free, 0);
	KUNIT_EXPECT_EQ(f->test, f->runs.big, 0);
	KUNIT_EXPECT_TRUE(f->test, bitmap_empty(f->runs.nonempty,
						GO_RUN_MAX + 1));
}

/* The map of an arena is right; returns its free pages. */
static unsigned long check_map(struct goarena *a, unsigned int *bad)
{
	unsigned long nfree = 0;
	struct gospan *s, *want;
	unsigned int i, k;

	for (i = 0; i < GO_ARENA_PAGES; i += s->npages) {
		s = a->span[i];
		if (s == &gospan_nil || !s->npages ||
		    s->base != a->base + i * GO_PAGE_SIZE ||
		    i + s->npages > GO_ARENA_PAGES) {
			++*bad;
			return 0;
		}
		for (k = 1; k < s->npages; k++) {
			want = s->state == GO_SPAN_FREE && k < s->npages - 1 ?
			       &gospan_nil : s;
			*bad += a->span[i + k] != want;
		}
		if (s->state != GO_SPAN_FREE)
			continue;
		nfree += s->npages;
		if (i + s->npages < GO_ARENA_PAGES)
			*bad += a->span[i + s->npages]->state == GO_SPAN_FREE;
	}
	*bad += nfree != a->nfree;
	return nfree;
}

/* Trees, bitmap, counts and map say the same; returns how many runs are free. */
static unsigned int expect_sound(struct field *f)
{
	unsigned long nfree = 0, in_trees = 0, big = 0;
	unsigned int i, bad = 0, runs = 0;
	struct gospan *s, *last = NULL;

	for (i = 0; i < f->n; i++)
		nfree += check_map(&f->arena[i], &bad);
	for (i = 0; i <= GO_RUN_MAX; i++)
		bad += test_bit(i, f->runs.nonempty) ==
		       RB_EMPTY_ROOT(&f->runs.tree[i].rb_root);
	lock_field(f);
	for (s = goruns_after(&f->runs, 0, 0); s;
	     s = goruns_after(&f->runs, s->npages, s->base)) {
		bad += s->state != GO_SPAN_FREE;
		bad += last && !run_before(&last->rb, &s->rb);
		in_trees += s->npages;
		big += s->npages >= GO_RESERVE_RUN ? s->npages : 0;
		last = s;
		runs++;
	}
	unlock_field(f);
	KUNIT_EXPECT_EQ(f->test, bad, 0);
	KUNIT_EXPECT_EQ(f->test, in_trees, nfree);
	KUNIT_EXPECT_EQ(f->test, f->runs.free, nfree);
	KUNIT_EXPECT_EQ(f->test, f->runs.big, big);
	return runs;
}

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
static struct gospan **paint(struct field *f, const char *picture)
{
	unsigned int i, n = strlen(picture);
	struct kunit *test = f->test;
	struct gospan **used;

	used = kunit_kcalloc(test, PICTURE + 1, sizeof(*used), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, used);
	KUNIT_ASSERT_EQ(test, n, PICTURE);
	for (i = 0; i < n; i++) {
		used[i] = take_run(f, 1, 1);
		KUNIT_ASSERT_NOT_NULL(test, used[i]);
		KUNIT_ASSERT_EQ(test, used[i]->base,
				FIELD_BASE + i * GO_PAGE_SIZE);
	}
	used[n] = take_run(f, GO_ARENA_PAGES - n, 1);
	KUNIT_ASSERT_NOT_NULL(test, used[n]);
	for (i = 0; i < n; i++) {
		if (picture[i] == 'x')
			continue;
		free_run(f, used[i]);
		used[i] = NULL;
	}
	return used;
}

static void free_painted(struct field *f, struct gospan **used)
{
	unsigned int i;

	for (i = 0; i <= PICTURE; i++)
		if (used[i])
			free_run(f, used[i]);
	end_field(f);
}

/* Free runs as they are in the trees, painted. */
static void photograph(struct field *f, char *buf)
{
	struct gospan *s;
	unsigned int i;

	memset(buf, 'x', PICTURE);
	buf[PICTURE] = 0;
	lock_field(f);
	for (s = goruns_find(&f->runs, 1, 1); s;
	     s = goruns_after(&f->runs, s->npages, s->base)) {
		i = (s->base - FIELD_BASE) >> GO_PAGE_SHIFT;
		if (i + s->npages <= PICTURE)
			memset(buf + i, '.', s->npages);
	}
	unlock_field(f);
}

static void expect_picture(struct field *f, const char *picture)
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
	KUNIT_EXPECT_EQ(f->test, expect_sound(f), expected);
	KUNIT_EXPECT_EQ(f->test, f->runs.free, free);
}

static void runs_picture(struct kunit *test)
{
	const struct picture *p = test->param_value;
	struct field *f = new_field(test, 1);
	struct gospan **used = paint(f, p->before), *s;
	const struct ask *a;

	expect_picture(f, p->before);
	for (a = p->ask; a < p->ask + ARRAY_SIZE(p->ask) && a->npages; a++) {
		s = take_run(f, a->npages, a->align);
		KUNIT_EXPECT_EQ_MSG(test, s ? (long)(s->base - FIELD_BASE) >>
				    GO_PAGE_SHIFT : -1, a->at,
				    "%u pages aligned to %u", a->npages,
				    a->align);
		if (!s)
			continue;
		KUNIT_EXPECT_EQ(test, s->npages, a->npages);
		used[(s->base - FIELD_BASE) >> GO_PAGE_SHIFT] = s;
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
static struct gospan *join_pages_in_use(struct field *f, struct gospan **used,
					unsigned int npages)
{
	unsigned long base = used[0]->base;
	struct gospan *s;
	unsigned int i;

	for (i = 0; i < npages; i++) {
		free_run(f, used[i]);
		used[i] = NULL;
	}
	s = take_run(f, npages, 1);
	KUNIT_ASSERT_NOT_NULL(f->test, s);
	KUNIT_ASSERT_EQ(f->test, s->base, base);
	return s;
}

/* The run must be made before its neighbours are free. */
static void runs_merge(struct kunit *test)
{
	const struct merge *m = test->param_value;
	struct field *f = new_field(test, 1);
	struct gospan **used, *s;
	unsigned int i;

	used = paint(f, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	s = join_pages_in_use(f, used + m->freed, m->npages);
	for (i = 0; i < PICTURE; i++) {
		if (m->before[i] == 'x')
			continue;
		free_run(f, used[i]);
		used[i] = NULL;
	}
	expect_picture(f, m->before);
	free_run(f, s);
	expect_picture(f, m->after);
	free_painted(f, used);
}

/* A run at the very end of an arena merges with the one before it. */
static void runs_merge_at_end(struct kunit *test)
{
	struct field *f = new_field(test, 2);
	struct gospan *s[4];

	s[0] = take_run(f, GO_ARENA_PAGES - 2, 1);
	s[1] = take_run(f, 1, 1);
	s[2] = take_run(f, 1, 1);
	KUNIT_ASSERT_EQ(test, s[2]->base,
			FIELD_BASE + GO_ARENA_SIZE - GO_PAGE_SIZE);
	s[3] = take_run(f, GO_ARENA_PAGES, 1);
	free_run(f, s[2]);
	free_run(f, s[1]);
	KUNIT_EXPECT_EQ(test, expect_sound(f), 1);
	/* The arena behind it is free, too, and stays a run of its own. */
	free_run(f, s[3]);
	KUNIT_EXPECT_EQ(test, expect_sound(f), 2);
	free_run(f, s[0]);
	KUNIT_EXPECT_EQ(test, expect_sound(f), 2);
	end_field(f);
}

/* Runs end where the arena ends, even if the next is free. */
static void runs_stay_in_their_arena(struct kunit *test)
{
	struct field *f = new_field(test, MAX_ARENAS);
	struct gospan *s[MAX_ARENAS];
	unsigned int i;

	for (i = 0; i < MAX_ARENAS; i++)
		s[i] = take_run(f, GO_ARENA_PAGES, 1);
	KUNIT_EXPECT_EQ(test, f->runs.free, 0);
	/* From both ends and from the middle. */
	for (i = 0; i < MAX_ARENAS; i++)
		free_run(f, s[i * 3 % MAX_ARENAS]);
	KUNIT_EXPECT_EQ(test, expect_sound(f), MAX_ARENAS);
	KUNIT_EXPECT_NULL(test, take_run(f, GO_ARENA_PAGES + 1, 1));
	end_field(f);
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
static struct gospan *insert_places(struct field *f)
{
	struct gospan *s = new_descriptors(f->test, ARRAY_SIZE(places));
	unsigned int i, k;

	lock_field(f);
	for (k = 0; k < ARRAY_SIZE(places); k++) {
		/* In no order. */
		i = k * 5 % ARRAY_SIZE(places);
		s[i].base = FIELD_BASE + places[i].page * GO_PAGE_SIZE;
		s[i].npages = places[i].npages;
		goruns_insert(&f->runs, &s[i]);
	}
	unlock_field(f);
	return s;
}

static void remove_places(struct field *f, struct gospan s[])
{
	unsigned int i;

	lock_field(f);
	for (i = 0; i < ARRAY_SIZE(places); i++)
		goruns_remove(&f->runs, &s[i]);
	unlock_field(f);
	end_field(f);
}

static struct gospan *run_after(struct field *f, unsigned long npages,
				unsigned long base)
{
	struct gospan *s;

	lock_field(f);
	s = goruns_after(&f->runs, npages, base);
	unlock_field(f);
	return s;
}

/* By length, then by address; from one tree to the next, and within the last. */
static void runs_after(struct kunit *test)
{
	struct gospan *s, *want;
	struct field *f = new_field(test, 0);
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
		lock_field(f);
		KUNIT_EXPECT_PTR_EQ(test, next_run(&f->runs, &s[i]), want);
		unlock_field(f);
	}
	KUNIT_EXPECT_NULL(test, run_after(f, GO_ARENA_PAGES, 0));
	KUNIT_EXPECT_PTR_EQ(test, run_after(f, 128, ULONG_MAX), &s[8]);
	remove_places(f, s);
}

/* The first run that is long enough, for every length. */
static void runs_from(struct kunit *test)
{
	struct gospan *s, *want;
	struct field *f = new_field(test, 0);
	unsigned int n, i;

	s = insert_places(f);
	lock_field(f);
	for (n = 1; n <= GO_ARENA_PAGES; n++) {
		want = NULL;
		for (i = ARRAY_SIZE(places); i--; )
			if (places[i].npages >= n)
				want = &s[i];
		KUNIT_EXPECT_PTR_EQ(test, first_run_from(&f->runs, n), want);
		KUNIT_EXPECT_PTR_EQ(test, goruns_find(&f->runs, n, 1), want);
	}
	unlock_field(f);
	remove_places(f, s);
}

/* Only runs of GO_RESERVE_RUN pages or more count as big; each change counts. */
static void runs_count(struct kunit *test)
{
	static const unsigned int lengths[] = {
		1, GO_RESERVE_RUN - 1, GO_RESERVE_RUN, GO_RUN_MAX, 512,
	};
	struct gospan *s = new_descriptors(test, ARRAY_SIZE(lengths));
	struct field *f = new_field(test, 0);
	unsigned long free = 0, big = 0, changes = f->runs.changes;
	unsigned int i;

	lock_field(f);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		s[i].base = FIELD_BASE + i * GO_ARENA_SIZE;
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
	unlock_field(f);
	end_field(f);
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
	struct field *f = new_field(test, 1);
	struct gospan *front = take_run(f, 3, 1), *spare[2], *s;
	unsigned int used;

	spare[0] = new_descriptor(test);
	spare[1] = new_descriptor(test);
	lock_field(f);
	s = goruns_find(&f->runs, c->npages, c->align);
	KUNIT_EXPECT_EQ(test, misaligned_pages(s, c->align),
			c->align == 1 ? 0 : c->align - 3);
	s = goruns_cut(&f->runs, &f->arena[0], s, c->npages, c->align, spare);
	unlock_field(f);
	used = !spare[0] + !spare[1];
	KUNIT_EXPECT_EQ(test, used, c->used);
	KUNIT_EXPECT_EQ(test, s->npages, c->npages);
	KUNIT_EXPECT_EQ(test, s->state, GO_SPAN_NONE);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(s->base, c->align * GO_PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, expect_sound(f), c->used);
	kfree(spare[0]);
	kfree(spare[1]);
	free_run(f, s);
	free_run(f, front);
	end_field(f);
}

/* Needzero. */

/* Left, middle, right, one bit each: clean or dirty. */
static void expect_dirt_kept(struct field *f, unsigned int dirty)
{
	struct gospan *s[3], *all;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		s[i] = take_run(f, 100 + i, 1);
		KUNIT_ASSERT_NOT_NULL(f->test, s[i]);
		s[i]->needzero = !!(dirty & BIT(i));
	}
	free_run(f, s[0]);
	free_run(f, s[2]);
	free_run(f, s[1]);
	all = take_run(f, GO_ARENA_PAGES, 1);
	KUNIT_ASSERT_NOT_NULL(f->test, all);
	KUNIT_EXPECT_EQ_MSG(f->test, !!all->needzero, !!dirty, "dirty: %x",
			    dirty);
	all->needzero = false;
	free_run(f, all);
}

static void runs_merge_dirt(struct kunit *test)
{
	struct field *f = new_field(test, 1);
	unsigned int dirty;

	for (dirty = 0; dirty < 8; dirty++)
		expect_dirt_kept(f, dirty);
	end_field(f);
}

/* Both parts of a split inherit. */
static void runs_split_dirt(struct kunit *test)
{
	struct field *f = new_field(test, 1);
	struct gospan *s, *part[3];
	unsigned int clean, i;

	for (clean = 0; clean < 2; clean++) {
		s = take_run(f, GO_ARENA_PAGES, 1);
		s->needzero = !clean;
		free_run(f, s);
		part[0] = take_run(f, 1, 1);
		part[1] = take_run(f, 4, 64);
		part[2] = take_run(f, GO_ARENA_PAGES - 68, 1);
		for (i = 0; i < 3; i++) {
			KUNIT_ASSERT_NOT_NULL(test, part[i]);
			KUNIT_EXPECT_EQ(test, !!part[i]->needzero, !clean);
		}
		for (i = 0; i < 3; i++)
			free_run(f, part[i]);
	}
	end_field(f);
}

/* The model: a byte for each page, 0 when it is free. */

#define MODEL_ARENAS	3
#define MODEL_PAGES	(MODEL_ARENAS * GO_ARENA_PAGES)
#define MODEL_RUNS	255

struct model {
	struct field *f;
	u8 owner[MODEL_PAGES];
	struct gospan *run[MODEL_RUNS + 1];
	unsigned int live;
};

/* Free pages from one on, in its arena. */
static unsigned int model_free(const struct model *m, unsigned int page)
{
	unsigned int n = 0;

	do {
		if (m->owner[page + n])
			break;
		n++;
	} while ((page + n) % GO_ARENA_PAGES);
	return n;
}

/* Best fit, lowest address; and how long the longest run is. */
static int model_find(const struct model *m, unsigned int npages,
		      unsigned int *longest)
{
	unsigned int page, n, best = UINT_MAX;
	int found = -1;

	*longest = 0;
	for (page = 0; page < MODEL_PAGES; page += max(n, 1U)) {
		n = model_free(m, page);
		*longest = max(*longest, n);
		if (n >= npages && n < best) {
			best = n;
			found = page;
		}
	}
	return found;
}

static void model_take(struct model *m, unsigned int npages,
		       unsigned int align)
{
	struct gospan *s = take_run(m->f, npages, align);
	struct kunit *test = m->f->test;
	unsigned int longest, owner = 1;
	int page = model_find(m, npages, &longest);

	if (!s) {
		KUNIT_EXPECT_LT_MSG(test, longest, npages + align - 1,
				    "%u pages aligned to %u", npages, align);
		return;
	}
	if (align == 1) {
		KUNIT_ASSERT_GE(test, page, 0);
		KUNIT_ASSERT_EQ(test, s->base,
				FIELD_BASE + page * GO_PAGE_SIZE);
	}
	page = (s->base - FIELD_BASE) / GO_PAGE_SIZE;
	KUNIT_ASSERT_LT(test, page, MODEL_PAGES);
	KUNIT_ASSERT_EQ(test, s->npages, npages);
	KUNIT_ASSERT_TRUE(test, IS_ALIGNED(s->base, align * GO_PAGE_SIZE));
	KUNIT_ASSERT_GE(test, model_free(m, page), npages);
	while (m->run[owner])
		owner++;
	m->run[owner] = s;
	m->live++;
	memset(m->owner + page, owner, npages);
}

static void model_end(struct model *m, unsigned int owner)
{
	struct gospan *s = m->run[owner];
	unsigned int page;

	if (!s)
		return;
	page = (s->base - FIELD_BASE) / GO_PAGE_SIZE;
	KUNIT_ASSERT_NULL(m->f->test, memchr_inv(m->owner + page, owner,
						 s->npages));
	memset(m->owner + page, 0, s->npages);
	m->run[owner] = NULL;
	m->live--;
	free_run(m->f, s);
}

/* Every page is in the run that the model says; free runs are as long. */
static void model_compare(struct model *m)
{
	unsigned int page, free = 0, bad = 0, n;
	struct goarena *a = m->f->arena;
	struct gospan *s;

	for (page = 0; page < MODEL_PAGES; page++) {
		s = a[page / GO_ARENA_PAGES].span[page % GO_ARENA_PAGES];
		free += !m->owner[page];
		if (m->owner[page]) {
			bad += s != m->run[m->owner[page]];
		} else if (!(page % GO_ARENA_PAGES) || m->owner[page - 1]) {
			n = model_free(m, page);
			bad += s->state != GO_SPAN_FREE || s->npages != n ||
			       s->base != FIELD_BASE + page * GO_PAGE_SIZE;
		}
	}
	KUNIT_ASSERT_EQ(m->f->test, bad, 0);
	KUNIT_ASSERT_EQ(m->f->test, free, m->f->runs.free);
	expect_sound(m->f);
}

/* Mostly short runs, some long, some aligned. */
static void model_step(struct model *m, struct rnd_state *rnd)
{
	u32 r = prandom_u32_state(rnd);
	unsigned int npages = 1 + (r >> 8) % (r % 4 ? 8 : r % 64 ? 60 : 512);
	unsigned int align = r % 3 ? 1 : 1 << (r >> 20) % 10;

	/* Long stretches of mostly allocating, then of mostly freeing. */
	if (m->live < MODEL_RUNS &&
	    (r >> 4) % 16 < (prandom_u32_state(rnd) % 64 ? 9 : 16))
		model_take(m, npages, align);
	else
		model_end(m, 1 + r % MODEL_RUNS);
}

static void runs_random_walk(struct kunit *test)
{
	unsigned int i, steps = IS_ENABLED(CONFIG_KASAN) ? 3000 : 60000;
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct rnd_state rnd;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->f = new_field(test, MODEL_ARENAS);
	gotest_random(test, &rnd);
	for (i = 0; i < steps; i++) {
		model_step(m, &rnd);
		if (i % 64 == 0)
			model_compare(m);
	}
	for (i = 1; i <= MODEL_RUNS; i++)
		model_end(m, i);
	model_compare(m);
	end_field(m->f);
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
	KUNIT_CASE(runs_random_walk),
	{}
};

static struct kunit_suite runs_suite = {
	.name = "goalloc_runs",
	.test_cases = runs_cases,
};

kunit_test_suite(runs_suite);
