// SPDX-License-Identifier: GPL-2.0
/*
 * The page heap: which run is taken, what becomes of the rest, what goes back.
 *
 * In the spirit of the tests of Go's page allocator: free pages as a picture,
 * what is asked for, and what the picture must be then; and a long random walk
 * beside a model that is too dumb to be wrong, a byte for each page.  For these
 * the heap is one arena, or a few, that are ours from end to end, and runs are
 * taken as heap.c does, but without growing.
 *
 * The worker is kept from running, so that nothing moves but what a test moves;
 * reserves are nothing unless a test says otherwise.
 */

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include "block.h"
#include "common.h"
#include "fixalloc.h"
#include "heap.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "runs.h"
#include "source.h"
#include "span.h"

#define MIB_PAGES	(SZ_1M >> GO_PAGE_SHIFT)

static int heap_init(struct kunit *test)
{
	int nid, err = gotest_heap_init(test);
	struct goheap *h = gotest_heap(test);

	if (err)
		return err;
	irq_work_sync(&h->kick);
	disable_work_sync(&h->work);
	for_each_node_state(nid, N_MEMORY)
		h->node[nid]->reserve = 0;
	goscavenge_all(h);
	return 0;
}

static void heap_exit(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);

	if (!h)
		return;
	enable_work(&h->work);
	gotest_heap_exit(test);
}

/* All is on one node, the nearest when the test begins. */
static struct gonode *node_of(struct kunit *test)
{
	return gotest_heap(test)->node[first_memory_node];
}

static struct gospan *run_new(struct kunit *test, unsigned long npages,
			      unsigned long align)
{
	struct gospan *s;

	s = gosource_pages(gotest_heap(test), first_memory_node, npages, align,
			 GFP_KERNEL | __GFP_THISNODE);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, s->npages, npages);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(s->base, align * GO_PAGE_SIZE));
	return s;
}

static void run_end(struct kunit *test, struct gospan *s)
{
	goheap_free(gotest_heap(test), s);
}

/* As heap.c does it, but without growing. */
static struct gospan *run_take(struct kunit *test, unsigned long npages,
			       unsigned long align)
{
	struct gofixalloc *fix = &gotest_heap(test)->fix[GO_FIX_SPAN];
	struct gonode *node = node_of(test);
	struct gospan *spare[2], *s;
	unsigned long flags;
	int i;

	spare[0] = gofixalloc_alloc(fix, GFP_KERNEL);
	spare[1] = gofixalloc_alloc(fix, GFP_KERNEL);
	raw_spin_lock_irqsave(&node->lock, flags);
	s = goruns_find(&node->runs, npages, align);
	if (s)
		s = goruns_cut(&node->runs, gospan_arena(node->heap, s->base),
			       s, npages, align, spare);
	raw_spin_unlock_irqrestore(&node->lock, flags);
	for (i = 0; i < 2; i++)
		if (spare[i])
			gofixalloc_free(fix, spare[i]);
	return s;
}

/* An arena that is ours from end to end, and free. */
static unsigned long arena_new(struct kunit *test)
{
	struct gospan *s = run_new(test, GO_ARENA_PAGES, 1);
	unsigned long base = s->base;

	run_end(test, s);
	return base;
}

static struct gospan *look_up(struct kunit *test, unsigned long addr)
{
	struct gospan *s;

	preempt_disable();
	s = gospan_of(gotest_heap(test), (void *)addr);
	preempt_enable();
	return s;
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

/* Make an arena look so; returns what is in use, by page. */
static struct gospan **paint(struct kunit *test, unsigned long arena,
			     const char *picture)
{
	unsigned int i, n = strlen(picture);
	struct gospan **used;

	used = kunit_kcalloc(test, PICTURE + 1, sizeof(*used), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, used);
	KUNIT_ASSERT_EQ(test, n, PICTURE);
	for (i = 0; i < n; i++) {
		used[i] = run_take(test, 1, 1);
		KUNIT_ASSERT_NOT_NULL(test, used[i]);
		KUNIT_ASSERT_EQ(test, used[i]->base, arena + i * GO_PAGE_SIZE);
	}
	used[n] = run_take(test, GO_ARENA_PAGES - n, 1);
	KUNIT_ASSERT_NOT_NULL(test, used[n]);
	for (i = 0; i < n; i++) {
		if (picture[i] == 'x')
			continue;
		run_end(test, used[i]);
		used[i] = NULL;
	}
	return used;
}

/* Free runs as they are in the trees, painted. */
static void photograph(struct kunit *test, unsigned long arena, char *buf,
		       unsigned int *runs)
{
	struct gonode *node = node_of(test);
	unsigned long flags;
	struct gospan *s;
	unsigned int i;

	memset(buf, 'x', PICTURE);
	buf[PICTURE] = 0;
	*runs = 0;
	raw_spin_lock_irqsave(&node->lock, flags);
	for (s = goruns_find(&node->runs, 1, 1); s;
	     s = goruns_after(&node->runs, s->npages, s->base)) {
		i = (s->base - arena) >> GO_PAGE_SHIFT;
		++*runs;
		if (i + s->npages <= PICTURE)
			memset(buf + i, '.', s->npages);
	}
	raw_spin_unlock_irqrestore(&node->lock, flags);
}

static void expect_picture(struct kunit *test, unsigned long arena,
			   const char *picture)
{
	unsigned int i, runs, expected = 0, free = 0;
	char buf[PICTURE + 1];

	for (i = 0; i < PICTURE; i++) {
		free += picture[i] == '.';
		/* Neighbours are one run. */
		expected += picture[i] == '.' && picture[i + 1] != '.';
	}
	photograph(test, arena, buf, &runs);
	KUNIT_EXPECT_STREQ(test, buf, picture);
	KUNIT_EXPECT_EQ(test, runs, expected);
	KUNIT_EXPECT_EQ(test, node_of(test)->runs.free, free);
}

static void picture(struct kunit *test)
{
	const struct picture *p = test->param_value;
	unsigned long arena = arena_new(test);
	struct gospan **used = paint(test, arena, p->before), *s;
	const struct ask *a;
	unsigned int i;

	expect_picture(test, arena, p->before);
	for (a = p->ask; a < p->ask + ARRAY_SIZE(p->ask) && a->npages; a++) {
		s = run_take(test, a->npages, a->align);
		KUNIT_EXPECT_EQ_MSG(test, s ? (long)(s->base - arena) >>
				    GO_PAGE_SHIFT : -1, a->at,
				    "%u pages aligned to %u", a->npages,
				    a->align);
		if (!s)
			continue;
		KUNIT_EXPECT_EQ(test, s->npages, a->npages);
		used[(s->base - arena) >> GO_PAGE_SHIFT] = s;
	}
	expect_picture(test, arena, p->after);
	KUNIT_EXPECT_EQ(test, goverify(gotest_heap(test), NULL), 0);
	for (i = 0; i <= PICTURE; i++)
		if (used[i])
			run_end(test, used[i]);
	KUNIT_EXPECT_EQ(test, node_of(test)->runs.free, GO_ARENA_PAGES);
}

/* Coalescing: a run is freed between neighbours of all kinds. */

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
static struct gospan *join(struct kunit *test, struct gospan **used,
			   unsigned int npages)
{
	unsigned long base = used[0]->base;
	struct gospan *s, *apart;
	unsigned int i;

	/* Longer free runs must not be nearer. */
	for (i = 0; i < npages; i++) {
		run_end(test, used[i]);
		used[i] = NULL;
	}
	apart = look_up(test, base);
	if (apart->base != base || apart->npages != npages)
		return NULL;
	s = run_take(test, npages, 1);
	if (s && s->base != base) {
		run_end(test, s);
		return NULL;
	}
	return s;
}

/* The run must be made before its neighbours are free. */
static void merge(struct kunit *test)
{
	const struct merge *m = test->param_value;
	unsigned long arena = arena_new(test);
	struct gospan **used, *s;
	unsigned int i;

	used = paint(test, arena, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	s = join(test, used + m->freed, m->npages);
	KUNIT_ASSERT_NOT_NULL(test, s);
	for (i = 0; i < PICTURE; i++) {
		if (m->before[i] == 'x')
			continue;
		run_end(test, used[i]);
		used[i] = NULL;
	}
	expect_picture(test, arena, m->before);
	run_end(test, s);
	expect_picture(test, arena, m->after);
	KUNIT_EXPECT_EQ(test, goverify(gotest_heap(test), NULL), 0);
	for (i = 0; i <= PICTURE; i++)
		if (used[i])
			run_end(test, used[i]);
}

/* Runs end where the arena ends, even if the next is ours and free. */
static void arenas_stay_apart(struct kunit *test)
{
	struct gospan *s[12], *l, *r;
	unsigned int i, k, pairs = 0;

	for (i = 0; i < ARRAY_SIZE(s); i++)
		s[i] = run_new(test, GO_ARENA_PAGES, 1);
	for (i = 0; i < ARRAY_SIZE(s); i++)
		for (k = 0; k < ARRAY_SIZE(s); k++)
			pairs += s[i]->base + GO_ARENA_SIZE == s[k]->base;
	for (i = 0; i < ARRAY_SIZE(s); i++)
		run_end(test, s[i]);

	/* Every run there is, is an arena. */
	raw_spin_lock_irq(&node_of(test)->lock);
	l = goruns_find(&node_of(test)->runs, 1, 1);
	for (k = 0, r = l; r; r = goruns_after(&node_of(test)->runs, r->npages,
				r->base))
		k += r->npages == GO_ARENA_PAGES &&
		     IS_ALIGNED(r->base, GO_ARENA_SIZE);
	raw_spin_unlock_irq(&node_of(test)->lock);
	KUNIT_EXPECT_EQ(test, k, ARRAY_SIZE(s));
	KUNIT_EXPECT_NULL(test, run_take(test, GO_ARENA_PAGES + 1, 1));
	if (!pairs)
		kunit_skip(test, "no two arenas are neighbours");
}

/* Alignment. */

static void aligned(struct kunit *test)
{
	static const unsigned int lengths[] = { 1, 3, 8, 31, 100, 512 };
	unsigned int align, i, n = 0;
	struct gospan *s[70], *odd[10];

	for (i = 0; i < ARRAY_SIZE(odd); i++)
		odd[i] = run_new(test, 2 * i + 1, 1);
	for (align = 1; align <= GO_ARENA_PAGES; align *= 2)
		for (i = 0; i < ARRAY_SIZE(lengths); i++)
			if (align * lengths[i] <= 16 * GO_ARENA_PAGES)
				s[n++] = run_new(test, lengths[i], align);
	KUNIT_EXPECT_EQ(test, goverify(gotest_heap(test), NULL), 0);
	while (n)
		run_end(test, s[--n]);
	for (i = 0; i < ARRAY_SIZE(odd); i++)
		run_end(test, odd[i]);
}

/*
 * Many runs are long enough and none is aligned; growth then brings one that
 * is just that, and it must be found.
 */
static void aligned_is_found(struct kunit *test)
{
	struct gonode *node = node_of(test);
	struct gospan *s[3 * 8], *want;
	unsigned int i;

	for (i = 0; i < 3; i++)
		s[i] = run_new(test, GO_ARENA_PAGES, 1);
	while (i)
		run_end(test, s[--i]);
	for (i = 0; i < ARRAY_SIZE(s); i += 2) {
		s[i] = run_take(test, 1, 128);
		KUNIT_ASSERT_NOT_NULL(test, s[i]);
		s[i + 1] = run_take(test, 127, 1);
		KUNIT_ASSERT_NOT_NULL(test, s[i + 1]);
	}
	for (i = 1; i < ARRAY_SIZE(s); i += 2)
		run_end(test, s[i]);
	KUNIT_EXPECT_EQ(test, node->runs.free, 12 * 127);
	KUNIT_EXPECT_NULL(test, run_take(test, 96, 128));
	want = run_new(test, 96, 128);
	KUNIT_EXPECT_EQ(test, node->sys, 3 * GO_ARENA_PAGES + 128);
	run_end(test, want);
	for (i = 0; i < ARRAY_SIZE(s); i += 2)
		run_end(test, s[i]);
}

/* Growing. */

static const struct growth {
	const char *name;
	unsigned int arenas;
	unsigned int npages;
	unsigned int align;
	unsigned int pages;
} growths[] = {
	{ "empty, a page", 0, 1, 1, MIB_PAGES },
	{ "empty, half a growth", 0, MIB_PAGES / 2, 1, MIB_PAGES },
	{ "empty, more than half: exactly", 0, MIB_PAGES / 2 + 1, 1,
	  MIB_PAGES / 2 + 1 },
	{ "empty, 1 MiB", 0, MIB_PAGES, 1, MIB_PAGES },
	{ "empty, more than that: exactly", 0, MIB_PAGES + 1, 1,
	  MIB_PAGES + 1 },
	{ "empty, aligned", 0, 3, 64, MIB_PAGES },
	{ "empty, aligned to more", 0, 3, 256, 3 },
	{ "empty, an arena", 0, 512, 1, 512 },
	{ "4 MiB, a page", 1, 1, 1, MIB_PAGES },
	{ "8 MiB, a page", 2, 1, 1, MIB_PAGES },
	{ "12 MiB, a page", 3, 1, 1, MIB_PAGES },
	{ "16 MiB, a page", 4, 1, 1, 2 * MIB_PAGES },
	{ "20 MiB, a page", 5, 1, 1, 2 * MIB_PAGES },
	{ "40 MiB, a page", 10, 1, 1, 4 * MIB_PAGES },
};

KUNIT_ARRAY_PARAM_DESC(growth, growths, name);

static void growth(struct kunit *test)
{
	const struct growth *g = test->param_value;
	struct gonode *node = node_of(test);
	struct gospan *s[10], *last;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, node->sys, 0);
	for (i = 0; i < g->arenas; i++)
		s[i] = run_new(test, GO_ARENA_PAGES, 1);
	KUNIT_EXPECT_EQ(test, node->sys, g->arenas * GO_ARENA_PAGES);
	last = run_new(test, g->npages, g->align);
	KUNIT_EXPECT_EQ(test, node->sys - g->arenas * GO_ARENA_PAGES,
			g->pages);
	KUNIT_EXPECT_EQ(test, node->runs.free, g->pages - g->npages);
	run_end(test, last);
	for (i = 0; i < g->arenas; i++)
		run_end(test, s[i]);
	KUNIT_EXPECT_EQ(test, node->runs.free, node->sys);
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_EQ(test, node->sys, 0);
}

/* Pages go back in pieces, but one that somebody looks at goes when he is done. */
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

/* What is free in pieces counts: 16 MiB with an eighth free grow by the least. */
static void growth_in_pieces(struct kunit *test)
{
	struct gonode *node = node_of(test);
	struct gospan *arena[3], **s, *last;
	unsigned int i;

	s = kunit_kcalloc(test, GO_ARENA_PAGES, sizeof(*s), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	for (i = 0; i < ARRAY_SIZE(arena); i++)
		arena[i] = run_new(test, GO_ARENA_PAGES, 1);
	arena_new(test);
	for (i = 0; i < GO_ARENA_PAGES; i++)
		s[i] = run_new(test, 1, 1);
	for (i = 0; i < GO_ARENA_PAGES; i += 2)
		run_end(test, s[i]);
	KUNIT_EXPECT_EQ(test, node->sys, 4 * GO_ARENA_PAGES);
	KUNIT_EXPECT_EQ(test, node->runs.free, GO_ARENA_PAGES / 2);
	last = run_new(test, 2, 1);
	KUNIT_EXPECT_EQ(test, node->sys, 4 * GO_ARENA_PAGES + MIB_PAGES);
	run_end(test, last);
	for (i = 1; i < GO_ARENA_PAGES; i += 2)
		run_end(test, s[i]);
	for (i = 0; i < ARRAY_SIZE(arena); i++)
		run_end(test, arena[i]);
}

/* A heap that can serve from what it has does not grow. */
static void no_growth(struct kunit *test)
{
	struct gospan *s[GO_ARENA_PAGES / 4];
	unsigned int i;

	arena_new(test);
	for (i = 0; i < ARRAY_SIZE(s); i++)
		s[i] = run_new(test, 4, 4);
	KUNIT_EXPECT_EQ(test, node_of(test)->sys, GO_ARENA_PAGES);
	KUNIT_EXPECT_EQ(test, node_of(test)->runs.free, 0);
	for (i = 0; i < ARRAY_SIZE(s); i++)
		run_end(test, s[i]);
}

/* The reserve. */

static void reserve_is_left_alone(struct kunit *test)
{
	struct gonode *node = node_of(test);
	struct gospan *s[40];
	unsigned int i;

	node->reserve = GO_RESERVE_PAGES;
	gosource_top_up(node, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(s); i++) {
		s[i] = run_new(test, i % 7 + 1, 1);
		KUNIT_EXPECT_GE(test, node->runs.big, node->reserve);
	}
	for (i = 0; i < ARRAY_SIZE(s); i++)
		run_end(test, s[i]);
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
	struct gonode *node = node_of(test);
	struct gospan *s[5] = {};
	unsigned long sys;
	unsigned int i;

	if (!IS_ENABLED(CONFIG_PREEMPT_COUNT))
		kunit_skip(test, "nobody can tell that preemption is off");
	node->reserve = GO_RESERVE_PAGES;
	gosource_top_up(node, GFP_KERNEL);
	sys = node->sys;
	s[0] = run_new(test, node->runs.big - GO_RESERVE_PAGES, 1);
	for (i = 1; i < 5; i++) {
		s[i] = alloc_atomic(test, GO_RESERVE_PAGES / 4);
		KUNIT_EXPECT_NOT_NULL(test, s[i]);
	}
	KUNIT_EXPECT_EQ(test, node->sys, sys);
	KUNIT_EXPECT_EQ(test, node->runs.free, 0);
	gosource_top_up(node, GFP_KERNEL);
	KUNIT_EXPECT_GE(test, node->runs.big, node->reserve);
	for (i = 0; i < 5; i++)
		if (s[i])
			run_end(test, s[i]);
}

/* Giving back. */

/* A heap with nothing live gives back all but what is needed at once. */
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
	struct gonode *node = node_of(test);
	struct gospan *s[6], *wall[6];
	unsigned long big = 0;
	unsigned int i, n;

	arena_new(test);
	for (n = 0; n < ARRAY_SIZE(s) && l->run[n]; n++) {
		s[n] = run_take(test, l->run[n], 1);
		wall[n] = run_take(test, 1, 1);
	}
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_EQ(test, node->runs.free, 0);
	for (i = 0; i < n; i++) {
		run_end(test, s[i]);
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
		run_end(test, wall[i]);
}

/* Of a block of the page allocator some pages go back, the others live on. */

static void fill(const struct gospan *s)
{
	memset((void *)s->base, hash_long(s->base, 8),
	       s->npages * GO_PAGE_SIZE);
}

static bool intact(const struct gospan *s)
{
	return !memchr_inv((void *)s->base, (u8)hash_long(s->base, 8),
			   s->npages * GO_PAGE_SIZE);
}

/* Pages that somebody has, of those from @base on. */
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
		l = run_take(test, p->first, 1);
	s = run_take(test, p->npages, 1);
	if (back)
		r = run_take(test, back, 1);
	if (l)
		run_end(test, l);
	if (r)
		run_end(test, r);
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

static void partial(struct kunit *test)
{
	const struct part *p = test->param_value;
	unsigned long base = arena_new(test);
	struct gospan *s = part_of(test, p), *more[8];
	struct gonode *node = node_of(test);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_EQ(test, s->base, base + p->first * GO_PAGE_SIZE);
	fill(s);
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_EQ(test, node->sys, p->npages);
	/* Every page of what is left is ours on its own. */
	KUNIT_EXPECT_EQ(test, referenced(s->base, p->npages),
			p->npages << GO_PAGE_ORDER);

	expect_orders(test, s);

	/* Others use what went back, perhaps we ourselves. */
	for (i = 0; i < ARRAY_SIZE(more); i++) {
		more[i] = run_new(test, 100, 1);
		fill(more[i]);
	}
	KUNIT_EXPECT_TRUE(test, intact(s));
	for (i = 0; i < ARRAY_SIZE(more); i++) {
		KUNIT_EXPECT_TRUE(test, intact(more[i]));
		run_end(test, more[i]);
	}
	run_end(test, s);
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_EQ(test, node->sys, 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&node->arenas));
}

/* What went back is free, or most of it would not be somebody else's yet. */
static void really_free(struct kunit *test)
{
	struct gospan *s, *t;
	unsigned long base;

	base = arena_new(test);
	s = run_take(test, 77, 1);
	KUNIT_EXPECT_EQ(test, referenced(base, GO_ARENA_PAGES) > 0, true);
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_LT(test, referenced(base + 77 * GO_PAGE_SIZE,
					 GO_ARENA_PAGES - 77), 100);
	run_end(test, s);
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_LT(test, referenced(base, GO_ARENA_PAGES), 100);

	/* And an odd length, whose block was split when it came. */
	t = run_new(test, 300, 1);
	base = t->base;
	KUNIT_EXPECT_EQ(test, node_of(test)->sys, 300);
	KUNIT_EXPECT_EQ(test, referenced(base, 300), 300 << GO_PAGE_ORDER);
	KUNIT_EXPECT_LT(test, referenced(base + 300 * GO_PAGE_SIZE, 212), 100);
	run_end(test, t);
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_EQ(test, node_of(test)->sys, 0);
	KUNIT_EXPECT_LT(test, referenced(base, 300), 100);
}

/* Needzero. */

/* Pages of the kernel's are clean if it cleans them, and only then. */
static void needzero_new(struct kunit *test)
{
	struct gospan *s = run_new(test, 100, 1);

	KUNIT_EXPECT_EQ(test, !!s->needzero, !want_init_on_alloc(0));
	if (!s->needzero)
		KUNIT_EXPECT_NULL(test, memchr_inv((void *)s->base, 0,
						   100 * GO_PAGE_SIZE));
	run_end(test, s);
}

/* Left, middle, right, one bit each: clean or dirty. */
static void needzero_merge_of(struct kunit *test, unsigned int dirty)
{
	struct gospan *s[3], *all;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		s[i] = run_take(test, 100 + i, 1);
		KUNIT_ASSERT_NOT_NULL(test, s[i]);
		s[i]->needzero = !!(dirty & BIT(i));
	}
	run_end(test, s[0]);
	run_end(test, s[2]);
	run_end(test, s[1]);
	all = run_take(test, GO_ARENA_PAGES - 1, 1);
	KUNIT_ASSERT_NOT_NULL(test, all);
	KUNIT_EXPECT_EQ_MSG(test, !!all->needzero, !!dirty, "dirty: %x",
			    dirty);
	all->needzero = false;
	run_end(test, all);
}

static void needzero_merge(struct kunit *test)
{
	unsigned long base = arena_new(test);
	struct gospan *last;
	unsigned int dirty;

	/* Begin with all of it clean but a page that stays in use. */
	KUNIT_ASSERT_NE(test, base, 0);
	last = run_take(test, GO_ARENA_PAGES - 1, 1);
	KUNIT_ASSERT_NOT_NULL(test, last);
	last->needzero = false;
	run_end(test, last);
	last = run_take(test, GO_ARENA_PAGES, 1);
	last->needzero = false;
	run_end(test, last);
	for (dirty = 0; dirty < 8; dirty++)
		needzero_merge_of(test, dirty);
}

/* Both parts of a split inherit. */
static void needzero_split(struct kunit *test)
{
	struct gospan *s, *part[3];
	unsigned int clean, i;

	arena_new(test);
	for (clean = 0; clean < 2; clean++) {
		s = run_take(test, GO_ARENA_PAGES, 1);
		s->needzero = !clean;
		run_end(test, s);
		part[0] = run_take(test, 1, 1);
		part[1] = run_take(test, 4, 64);
		part[2] = run_take(test, GO_ARENA_PAGES - 68, 1);
		for (i = 0; i < 3; i++) {
			KUNIT_ASSERT_NOT_NULL(test, part[i]);
			KUNIT_EXPECT_EQ(test, !!part[i]->needzero, !clean);
		}
		for (i = 0; i < 3; i++)
			run_end(test, part[i]);
	}
}

/* Large objects. */

static const size_t larges[] = {
	GO_MAX_SMALL + 1, 40000, SZ_64K, SZ_64K + 1, 100000, 3 * SZ_128K, SZ_1M,
	SZ_1M + 1, 3 * SZ_1M, SZ_4M - 1, SZ_4M,
};

static void large_name(const size_t *size, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%zu", *size);
}

KUNIT_ARRAY_PARAM(large, larges, large_name);

static void large(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	const size_t *size = test->param_value;
	unsigned long bytes = round_up(*size, GO_PAGE_SIZE), base;
	struct gonode *node = node_of(test);
	struct gospan *s;
	unsigned int idx;

	s = gosource_large(h, first_memory_node, *size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	base = s->base;
	KUNIT_EXPECT_EQ(test, s->state, GO_SPAN_LARGE);
	KUNIT_EXPECT_EQ(test, s->elemsize, bytes);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(base, *size & -*size));
	KUNIT_EXPECT_PTR_EQ(test, look_up(test, base + bytes - 1), s);
	KUNIT_EXPECT_FALSE(test, gospan_index(s, (void *)base, &idx));
	KUNIT_EXPECT_EQ(test, node->large_mallocs, 1);
	KUNIT_EXPECT_EQ(test, node->large_alloced, bytes);
	KUNIT_EXPECT_EQ(test, node->large_requested, *size);
	fill(s);
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);

	/* It has been written to, whatever its pages were when they came. */
	s->needzero = false;
	s->state = GO_SPAN_DYING;
	goheap_free_large(h, s);
	KUNIT_EXPECT_EQ(test, node->large_frees, 1);
	KUNIT_EXPECT_EQ(test, node->large_freed, bytes);
	KUNIT_EXPECT_EQ(test, node->runs.free, node->sys);
	s = run_new(test, bytes >> GO_PAGE_SHIFT, *size % SZ_4M ? 1 : 512);
	KUNIT_EXPECT_EQ(test, s->base, base);
	KUNIT_EXPECT_TRUE(test, s->needzero);
	run_end(test, s);
}

/* The model: a byte for each page, 0 when it is free. */

#define MODEL_ARENAS	3
#define MODEL_PAGES	(MODEL_ARENAS * GO_ARENA_PAGES)
#define MODEL_RUNS	255

struct model {
	unsigned long base[MODEL_ARENAS];
	u8 owner[MODEL_PAGES];
	struct gospan *run[MODEL_RUNS + 1];
	unsigned int live;
};

static unsigned long model_addr(const struct model *m, unsigned int page)
{
	return m->base[page / GO_ARENA_PAGES] +
	       page % GO_ARENA_PAGES * GO_PAGE_SIZE;
}

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

static int model_page(const struct model *m, unsigned long addr)
{
	int i;

	for (i = 0; i < MODEL_ARENAS; i++)
		if (addr - m->base[i] < GO_ARENA_SIZE)
			return i * GO_ARENA_PAGES +
			       (addr - m->base[i]) / GO_PAGE_SIZE;
	return -1;
}

static struct model *model_new(struct kunit *test)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct gospan *s[MODEL_ARENAS];
	int i, k;

	KUNIT_ASSERT_NOT_NULL(test, m);
	for (i = 0; i < MODEL_ARENAS; i++) {
		s[i] = run_new(test, GO_ARENA_PAGES, 1);
		for (k = i; k && m->base[k - 1] > s[i]->base; k--)
			m->base[k] = m->base[k - 1];
		m->base[k] = s[i]->base;
	}
	for (i = 0; i < MODEL_ARENAS; i++)
		run_end(test, s[i]);
	return m;
}

static void model_alloc(struct kunit *test, struct model *m,
			unsigned int npages, unsigned int align)
{
	unsigned int longest, owner = 1;
	int page = model_find(m, npages, &longest);
	struct gospan *s = run_take(test, npages, align);

	if (!s) {
		KUNIT_EXPECT_LT_MSG(test, longest, npages + align - 1,
				    "%u pages aligned to %u", npages, align);
		return;
	}
	if (align == 1) {
		KUNIT_ASSERT_GE(test, page, 0);
		KUNIT_ASSERT_EQ(test, s->base, model_addr(m, page));
	}
	page = model_page(m, s->base);
	KUNIT_ASSERT_GE(test, page, 0);
	KUNIT_ASSERT_EQ(test, s->npages, npages);
	KUNIT_ASSERT_TRUE(test, IS_ALIGNED(s->base, align * GO_PAGE_SIZE));
	KUNIT_ASSERT_GE(test, model_free(m, page), npages);
	while (m->run[owner])
		owner++;
	m->run[owner] = s;
	m->live++;
	memset(m->owner + page, owner, npages);
}

static void model_end(struct kunit *test, struct model *m, unsigned int owner)
{
	struct gospan *s = m->run[owner];
	int page;

	if (!s)
		return;
	page = model_page(m, s->base);
	KUNIT_ASSERT_NULL(test, memchr_inv(m->owner + page, owner, s->npages));
	memset(m->owner + page, 0, s->npages);
	m->run[owner] = NULL;
	m->live--;
	run_end(test, s);
}

/* Every page is in the run that the model says; free runs are as long. */
static void model_compare(struct kunit *test, struct model *m)
{
	unsigned int page, free = 0, bad = 0, n;
	struct gospan *s;

	for (page = 0; page < MODEL_PAGES; page++) {
		s = look_up(test, model_addr(m, page));
		free += !m->owner[page];
		if (m->owner[page]) {
			bad += s != m->run[m->owner[page]];
		} else if (!(page % GO_ARENA_PAGES) || m->owner[page - 1]) {
			n = model_free(m, page);
			bad += s->state != GO_SPAN_FREE || s->npages != n ||
			       s->base != model_addr(m, page) ||
			       look_up(test, model_addr(m, page + n - 1)) != s;
		}
	}
	KUNIT_ASSERT_EQ(test, bad, 0);
	KUNIT_ASSERT_EQ(test, free, node_of(test)->runs.free);
}

/* Mostly short runs, some long, some aligned. */
static void model_step(struct kunit *test, struct model *m,
		       struct rnd_state *rnd)
{
	u32 r = prandom_u32_state(rnd);
	unsigned int npages = 1 + (r >> 8) % (r % 4 ? 8 : r % 64 ? 60 : 512);
	unsigned int align = r % 3 ? 1 : 1 << (r >> 20) % 10;

	/* Long stretches of mostly allocating, then of mostly freeing. */
	if (m->live < MODEL_RUNS &&
	    (r >> 4) % 16 < (prandom_u32_state(rnd) % 64 ? 9 : 16))
		model_alloc(test, m, npages, align);
	else
		model_end(test, m, 1 + r % MODEL_RUNS);
}

static void random_walk(struct kunit *test)
{
	unsigned int i, steps = IS_ENABLED(CONFIG_KASAN) ? 3000 : 60000;
	struct model *m = model_new(test);
	struct rnd_state rnd;

	gotest_random(test, &rnd);
	for (i = 0; i < steps; i++) {
		model_step(test, m, &rnd);
		if (i % 64 == 0)
			model_compare(test, m);
	}
	KUNIT_EXPECT_EQ(test, goverify(gotest_heap(test), NULL), 0);
	KUNIT_EXPECT_EQ(test, node_of(test)->sys, MODEL_PAGES);
	for (i = 1; i <= MODEL_RUNS; i++)
		model_end(test, m, i);
	model_compare(test, m);
	for (i = 0; i < MODEL_ARENAS; i++)
		KUNIT_EXPECT_EQ(test, look_up(test, m->base[i])->npages,
				GO_ARENA_PAGES);
}

/* The same with growing and giving back, contents for a model. */
static void random_growth(struct kunit *test)
{
	unsigned int i, k, steps = IS_ENABLED(CONFIG_KASAN) ? 300 : 5000;
	struct gospan *s[64] = {};
	struct rnd_state rnd;
	u32 r;

	gotest_random(test, &rnd);
	for (i = 0; i < steps; i++) {
		r = prandom_u32_state(&rnd);
		k = r % ARRAY_SIZE(s);
		if (r >> 8 & 1 && i % 128 == 0)
			gotest_scavenge(gotest_heap(test), r & BIT(9));
		if (s[k]) {
			KUNIT_EXPECT_TRUE(test, intact(s[k]));
			run_end(test, s[k]);
			s[k] = NULL;
			continue;
		}
		s[k] = run_new(test, 1 + (r >> 10) % (r & BIT(9) ? 8 : 200),
			       1 << (r >> 20) % 5);
		fill(s[k]);
	}
	KUNIT_EXPECT_EQ(test, goverify(gotest_heap(test), NULL), 0);
	for (k = 0; k < ARRAY_SIZE(s); k++)
		if (s[k])
			run_end(test, s[k]);
	goscavenge_all(gotest_heap(test));
	KUNIT_EXPECT_EQ(test, node_of(test)->sys, 0);
}

/* All CPUs at once, with the worker and somebody who gives back. */

struct storm {
	struct work_struct work;
	struct goheap *h;
	struct rnd_state rnd;
	unsigned int bad;
};

static void storm_step(struct storm *st, struct gospan **s)
{
	u32 r = prandom_u32_state(&st->rnd);

	if (r % 256 == 0)
		gotest_scavenge(st->h, r & BIT(8));
	if (*s) {
		st->bad += !intact(*s);
		goheap_free(st->h, *s);
		*s = NULL;
		return;
	}
	*s = gosource_pages(st->h, NUMA_NO_NODE, 1 + r / 16 %
			  (r & BIT(30) ? 8 : 64), 1 << r / 4096 % 4,
			  r & BIT(31) ? GFP_KERNEL : GFP_NOWAIT | __GFP_NOWARN);
	if (*s)
		fill(*s);
}

static void storm_fn(struct work_struct *work)
{
	struct storm *st = container_of(work, struct storm, work);
	unsigned int i, steps = IS_ENABLED(CONFIG_KASAN) ? 300 : 5000;
	struct gospan *s[16] = {};

	for (i = 0; i < steps; i++) {
		storm_step(st, &s[i % 7 * i % ARRAY_SIZE(s)]);
		cond_resched();
	}
	for (i = 0; i < ARRAY_SIZE(s); i++)
		if (s[i])
			goheap_free(st->h, s[i]);
}

static void storm(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct rnd_state rnd;
	struct storm *st;
	unsigned int i;

	st = kunit_kcalloc(test, 6, sizeof(*st), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, st);
	gotest_random(test, &rnd);
	enable_work(&h->work);
	for (i = 0; i < 6; i++) {
		st[i].h = h;
		prandom_seed_state(&st[i].rnd, prandom_u32_state(&rnd));
		INIT_WORK(&st[i].work, storm_fn);
		queue_work(system_unbound_wq, &st[i].work);
	}
	for (i = 0; i < 6; i++) {
		flush_work(&st[i].work);
		KUNIT_EXPECT_EQ(test, st[i].bad, 0);
	}
	irq_work_sync(&h->kick);
	disable_work_sync(&h->work);
	goscavenge_all(h);
	KUNIT_EXPECT_EQ(test, node_of(test)->sys, 0);
}

/* Runs of 70 pages leave too much of their blocks: that goes straight back. */
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

static int give_back(void *arg)
{
	struct giver *g = arg;

	WRITE_ONCE(g->begun, true);
	goscavenge_all(g->h);
	WRITE_ONCE(g->done, true);
	complete(&g->end);
	return 0;
}

/* Whoever looks an address up may still be reading what is to go. */
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
	task = kthread_create(give_back, &g, "gotest/give");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));

	preempt_disable();
	cpu = cpumask_any_but(cpu_online_mask, smp_processor_id());
	kthread_bind(task, cpu);
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

static struct kunit_case heap_cases[] = {
	KUNIT_CASE_PARAM(picture, picture_gen_params),
	KUNIT_CASE_PARAM(merge, merge_gen_params),
	KUNIT_CASE(arenas_stay_apart),
	KUNIT_CASE(aligned),
	KUNIT_CASE(aligned_is_found),
	KUNIT_CASE_PARAM(growth, growth_gen_params),
	KUNIT_CASE(rest_looked_at),
	KUNIT_CASE(growth_in_pieces),
	KUNIT_CASE(no_growth),
	KUNIT_CASE(reserve_is_left_alone),
	KUNIT_CASE(reserve_when_atomic),
	KUNIT_CASE_PARAM(all_but_reserve, left_gen_params),
	KUNIT_CASE_PARAM(partial, part_gen_params),
	KUNIT_CASE(really_free),
	KUNIT_CASE(needzero_new),
	KUNIT_CASE(needzero_merge),
	KUNIT_CASE(needzero_split),
	KUNIT_CASE_PARAM(large, large_gen_params),
	KUNIT_CASE(trims_for_good),
	KUNIT_CASE(waits_for_readers),
	KUNIT_CASE(random_walk),
	KUNIT_CASE(random_growth),
	KUNIT_CASE(storm),
	{}
};

static struct kunit_suite heap_suite = {
	.name = "goalloc_heap",
	.init = heap_init,
	.exit = heap_exit,
	.test_cases = heap_cases,
};

kunit_test_suites(&heap_suite);
