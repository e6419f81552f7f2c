// SPDX-License-Identifier: GPL-2.0
/*
 * Spans: carving, taking, and which span an address is in.
 *
 * The arena map must know its own pages to the byte and call everything else
 * foreign without looking at it: user addresses, stacks, module text, memory of
 * other allocators, addresses that are none.  A span must hand out each of its
 * objects once, the lowest address first, and its bits must be those of its
 * class and no more.  All of it on a heap of the test's own.
 */

#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "central.h"
#include "api.h"
#include "heap.h"
#include "large.h"
#include "observe/observe.h"
#include "pages.h"
#include "reclaim/reclaim.h"
#include "source.h"
#include "span.h"
#include "tiny.h"

static struct gospan *span_new(struct kunit *test, unsigned int spc)
{
	unsigned int class = GO_SPC_CLASS(spc);
	struct gospan *s = gotest_run_new(test, go_class_pages[class],
				   go_class_align[class]);

	KUNIT_ASSERT_TRUE(test, gospan_carve(gotest_heap(test), s, spc,
					     GFP_KERNEL));
	return s;
}

static void span_end(struct kunit *test, struct gospan *s)
{
	gospan_uncarve(gotest_heap(test), s);
	goheap_free(gotest_heap(test), s);
}

/* Addresses that are not the heap's. */

static const struct wild {
	const char *name;
	unsigned long addr;
} wild[] = {
	{ "NULL", 0 },
	{ "ZERO_SIZE_PTR", (unsigned long)ZERO_SIZE_PTR },
	{ "first user page", PAGE_SIZE },
	{ "user address", 0x7f1234567000 },
	{ "past user space", 0x800000000000 },
	{ "not canonical", 0x8000000000000000 },
	{ "not canonical, inverted", 0x7fffffffffffffff },
	{ "an error", -ENOMEM },
	{ "last byte there is", ULONG_MAX },
	{ "last arena there is", -GO_ARENA_SIZE },
};

KUNIT_ARRAY_PARAM_DESC(wild, wild, name);

static void foreign_wild(struct kunit *test)
{
	const struct wild *w = test->param_value;
	struct gospan *s = gotest_span_of(gotest_heap(test), (void *)w->addr);
	unsigned long idx;

	KUNIT_EXPECT_PTR_EQ(test, s, &gospan_nil);
	KUNIT_EXPECT_FALSE(test, gospan_index(s, (void *)w->addr, &idx));
}

static int some_data = 1;

static void foreign_kernel(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	void *big = kmalloc(SZ_64K, GFP_KERNEL), *small = kmalloc(8, GFP_KERNEL);
	void *v = vmalloc(SZ_64K), *ours = gomalloc(64, GFP_KERNEL);
	unsigned long stack;

	stack = (unsigned long)&stack;
	KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, (void *)stack), &gospan_nil);
	KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, foreign_kernel), &gospan_nil);
	KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, kfree), &gospan_nil);
	KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, &some_data), &gospan_nil);
	KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, h), &gospan_nil);
	KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, big), &gospan_nil);
	KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, small), &gospan_nil);
	KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, v), &gospan_nil);
	/* Another heap's object is foreign, too. */
	KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, ours), &gospan_nil);
	KUNIT_EXPECT_PTR_NE(test, gotest_span_of(&goalloc_heap, ours), &gospan_nil);
	gofree(ours);
	vfree(v);
	kfree(small);
	kfree(big);
}

/* The map's own ends. */
static void foreign_edges(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned long begin = -h->map->shift;
	unsigned long end = begin + (h->map->nr << GO_L2_SHIFT);

	KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, (void *)begin - 1), &gospan_nil);
	KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, (void *)begin - GO_ARENA_SIZE),
			    &gospan_nil);
	KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, (void *)end), &gospan_nil);
	KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, (void *)end + GO_ARENA_SIZE),
			    &gospan_nil);
	/* The last entry, whose page can hardly be ours this early. */
	gotest_span_of(h, (void *)end - 1);
}

/* Every page of a run is in it, and the bytes beside it are not. */
static void pages_of_run(struct kunit *test)
{
	static const unsigned int lengths[] = { 1, 2, 3, 10, 127, 128, 512 };
	struct goheap *h = gotest_heap(test);
	struct gospan *s;
	unsigned int i;
	void *p, *end;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		s = gotest_run_new(test, lengths[i], 1);
		end = (void *)s->base + (lengths[i] << GO_PAGE_SHIFT);
		for (p = (void *)s->base; p < end; p += GO_PAGE_SIZE) {
			KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, p), s);
			KUNIT_EXPECT_PTR_EQ(test,
					    gotest_span_of(h, p + GO_PAGE_SIZE - 1),
					    s);
		}
		KUNIT_EXPECT_PTR_NE(test, gotest_span_of(h, (void *)s->base - 1), s);
		KUNIT_EXPECT_PTR_NE(test, gotest_span_of(h, end), s);
		goheap_free(h, s);
	}
}

/* When a span has gone, an address in it is in nothing that can be freed. */
static void pages_after_free(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gospan *s = span_new(test, GO_SPC(65, 0));
	void *base = (void *)s->base, *p;
	unsigned long idx;

	span_end(test, s);
	for (p = base; p < base + 10 * GO_PAGE_SIZE; p += 128) {
		s = gotest_span_of(h, p);
		KUNIT_EXPECT_TRUE(test, s == &gospan_nil ||
				  s->state == GO_SPAN_FREE);
		KUNIT_EXPECT_FALSE(test, gospan_index(s, p, &idx));
	}
}

/* The map. */

/* The number of the first arena of so many times 4 GiB; and 16 TiB of them. */
#define L2(i)		((unsigned long)(i) * GO_L2_ARENAS)
#define FAR		4096

/* Where arenas begin is a matter of physical addresses, and not of ours. */
#define ODD_SHIFT	(SZ_2M - PAGE_OFFSET)

/* A heap that is a map of so many times 4 GiB, and nothing else. */
static struct goheap *map_new(struct kunit *test, unsigned long nr)
{
	struct goheap *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	struct goarenamap *map;
	unsigned long i;

	map = kunit_kzalloc(test, struct_size(map, l2, nr), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, h);
	KUNIT_ASSERT_NOT_NULL(test, map);
	map->nil = kunit_kzalloc(test, sizeof(*map->nil), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, map->nil);
	for (i = 0; i < GO_L2_ARENAS; i++) {
		map->nil->spans[i] = (unsigned long)goarena_nil.span -
				     i * GO_ARENA_TABLE;
		map->nil->arena[i] = &goarena_nil;
	}
	raw_spin_lock_init(&h->map_lock);
	map->shift = ODD_SHIFT;
	map->nr = nr;
	map->first = nr;
	for (i = 0; i < nr; i++)
		map->l2[i] = map->nil;
	h->map = map;
	return h;
}

static void map_end(struct goheap *h)
{
	unsigned long i, next;

	for (i = h->map->first; i < h->map->nr; i = next) {
		next = h->map->l2[i]->next;
		kvfree(h->map->l2[i]);
	}
}

static unsigned long arena_addr(struct goheap *h, unsigned long number)
{
	return (number << GO_ARENA_SHIFT) - h->map->shift;
}

/* An arena with one span, of one page. */
static struct goarena *arena_new(struct kunit *test, struct goheap *h,
				 unsigned long number)
{
	struct goarena *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	struct gospan *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int k = number % GO_L2_ARENAS;

	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_ASSERT_NOT_NULL(test, s);
	*a = goarena_nil;
	a->span = kunit_kmalloc(test, GO_ARENA_TABLE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, a->span);
	memcpy(a->span, goarena_nil.span, GO_ARENA_TABLE);
	a->base = arena_addr(h, number);
	a->span[0] = s;
	s->base = a->base;
	KUNIT_ASSERT_TRUE(test, gospan_map_cover(h, a->base, GFP_KERNEL));
	h->map->l2[number / GO_L2_ARENAS]->arena[k] = a;
	h->map->l2[number / GO_L2_ARENAS]->spans[k] =
		(unsigned long)a->span - k * GO_ARENA_TABLE;
	return a;
}

/* The map knows physical addresses without asking for them. */
static void map_is_physical(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	void *p = (void *)__get_free_page(GFP_KERNEL);
	struct gospan *s = gotest_run_new(test, GO_ARENA_PAGES, 1);
	struct goarena *a = gospan_arena(h, s->base);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, (unsigned long)p + h->map->shift,
			__pa(p));
	KUNIT_EXPECT_EQ(test, __pa((void *)a->base) % GO_ARENA_SIZE, 0);
	KUNIT_EXPECT_EQ(test, a->base, s->base);
	free_page((unsigned long)p);
	goheap_free(h, s);
}

/* What is covered costs memory, and what lies between does not. */
static void map_covers_far(struct kunit *test)
{
	static const unsigned long place[] = {
		L2(FAR), 0, 1, L2(1), L2(FAR / 2),
	};
	static const unsigned int l2s[] = { 1, 2, 2, 3, 4 };
	struct goheap *h = map_new(test, FAR + 1);
	size_t empty = gospan_map_bytes(h);
	unsigned long at, last = 0;
	unsigned int i, n = 0;

	KUNIT_EXPECT_LT(test, empty, SZ_64K);
	for (i = 0; i < ARRAY_SIZE(place); i++) {
		at = arena_addr(h, place[i]);
		KUNIT_EXPECT_TRUE(test, gospan_map_cover(h, at, GFP_KERNEL));
		KUNIT_EXPECT_EQ(test, gospan_map_bytes(h), empty +
				l2s[i] * sizeof(struct goarenal2));
		KUNIT_EXPECT_EQ(test, atomic_long_read(&h->held),
				l2s[i] * sizeof(struct goarenal2));
		KUNIT_EXPECT_PTR_EQ(test, gospan_arena(h, at), &goarena_nil);
		KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, (void *)at),
				    &gospan_nil);
	}
	for (at = h->map->first; at < h->map->nr; at = h->map->l2[at]->next) {
		KUNIT_EXPECT_TRUE(test, !n || at > last);
		last = at;
		n++;
	}
	KUNIT_EXPECT_EQ(test, n, 4);
	/* Nothing is below it or behind it. */
	KUNIT_EXPECT_FALSE(test, gospan_map_cover(h, arena_addr(h, 0) - 1,
						  GFP_KERNEL));
	KUNIT_EXPECT_FALSE(test, gospan_map_cover(h, arena_addr(h, L2(FAR + 1)),
						  GFP_KERNEL));
	map_end(h);
}

/* At the limit it does not grow, but for who may not fail. */
static void map_heeds_limit(struct kunit *test)
{
	struct goheap *h = map_new(test, 2);

	h->limit = 1;
	/* As if it had been kicked already: it has no worker. */
	atomic_set(&h->kick.node.a_flags, IRQ_WORK_PENDING);
	KUNIT_EXPECT_FALSE(test, gospan_map_cover(h, arena_addr(h, 0),
						  GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&h->held), 0);
	KUNIT_EXPECT_TRUE(test, gospan_map_cover(h, arena_addr(h, 0),
						 GFP_KERNEL | __GFP_NOFAIL));
	map_end(h);
}

/* Each byte of an arena's first page is found, whatever its neighbours are. */
static void map_finds(struct kunit *test)
{
	static const unsigned long place[] = {
		0, 1, L2(1) - 1, L2(1), L2(FAR) + 77,
	};
	struct goheap *h = map_new(test, FAR + 1);
	struct goarena *a[ARRAY_SIZE(place)];
	unsigned int i;
	void *p;

	for (i = 0; i < ARRAY_SIZE(place); i++)
		a[i] = arena_new(test, h, place[i]);
	for (i = 0; i < ARRAY_SIZE(place); i++) {
		p = (void *)a[i]->base;
		KUNIT_EXPECT_PTR_EQ(test, gospan_arena(h, a[i]->base), a[i]);
		KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, p), a[i]->span[0]);
		KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, p + GO_PAGE_SIZE - 1),
				    a[i]->span[0]);
		KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, p + GO_PAGE_SIZE),
				    &gospan_nil);
		KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(h, p - 1), &gospan_nil);
	}
	map_end(h);
}

/* Carving. */

static void expect_carved(struct kunit *test, const struct gospan *s,
			  unsigned int spc)
{
	unsigned int class = GO_SPC_CLASS(spc), n = go_class_nelems[class];

	KUNIT_EXPECT_EQ(test, s->state, GO_SPAN_SMALL);
	KUNIT_EXPECT_EQ(test, s->spanclass, spc);
	KUNIT_EXPECT_EQ(test, s->elemsize, go_class_size[class]);
	KUNIT_EXPECT_EQ(test, s->magic, go_class_magic[class]);
	KUNIT_EXPECT_EQ(test, s->npages, go_class_pages[class]);
	KUNIT_EXPECT_EQ(test, s->nelems, n);
	KUNIT_EXPECT_EQ(test, s->navail, n);
	KUNIT_EXPECT_EQ(test, s->nback, 0);
	KUNIT_EXPECT_EQ(test, s->bucket, GO_BUCKET_NONE);
	KUNIT_EXPECT_FALSE(test, s->cached);
	KUNIT_EXPECT_TRUE(test, bitmap_full(s->avail, n));
	KUNIT_EXPECT_TRUE(test, bitmap_empty(s->back, n));
	KUNIT_EXPECT_EQ(test, !!s->tiny, spc == GO_TINY_SPC);
	KUNIT_EXPECT_NULL(test, memchr_inv(s->objstate, s->needzero ?
					   GO_OBJ_FREE : GO_OBJ_FRESH, n));
	/* The waste at the end is never live. */
	KUNIT_EXPECT_EQ(test, s->objstate[n], GO_OBJ_FREE);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(s->base, go_class_align[class] *
					   GO_PAGE_SIZE));
}

/* The bit block is as long as what is in it. */
static void expect_fits(struct kunit *test, struct goheap *h,
			const struct gospan *s, const unsigned long inuse[])
{
	const struct gofixalloc *fix = &gospan_node(h, s)->fix[GO_FIX_BITS];
	void *end = s->objstate + s->nelems + 1;
	unsigned int i, used = 0;

	for (i = 0; i < GO_NR_FIX_BITS; i++) {
		if (fix[i].inuse == inuse[i])
			continue;
		used++;
		KUNIT_EXPECT_EQ(test, fix[i].inuse, inuse[i] + 1);
		KUNIT_EXPECT_LE(test, end - (void *)s->avail, fix[i].size);
	}
	KUNIT_EXPECT_EQ(test, used, 1);
	KUNIT_EXPECT_GE(test, s->back - s->avail, BITS_TO_LONGS(s->nelems));
	if (s->tiny)
		KUNIT_EXPECT_GE(test, s->objstate - (u8 *)s->tiny,
				s->nelems * (sizeof(u32) + sizeof(u16)));
}

static void bits_inuse(struct goheap *h, unsigned long inuse[])
{
	unsigned int i;

	for (i = 0; i < GO_NR_FIX_BITS; i++)
		inuse[i] = gotest_fix_inuse(h, GO_FIX_BITS + i);
}

static void carve_as(struct kunit *test, unsigned int spc, bool needzero)
{
	unsigned long before[GO_NR_FIX_BITS], after[GO_NR_FIX_BITS];
	unsigned int class = GO_SPC_CLASS(spc), i;
	struct goheap *h = gotest_heap(test);
	struct gospan *s = gotest_run_new(test, go_class_pages[class],
				   go_class_align[class]);

	bits_inuse(h, before);
	s->needzero = needzero;
	KUNIT_ASSERT_TRUE(test, gospan_carve(h, s, spc, GFP_KERNEL));
	expect_carved(test, s, spc);
	expect_fits(test, h, s, before);
	for (i = 0; s->tiny && i < s->nelems; i++)
		KUNIT_EXPECT_EQ(test, s->tiny[i], 0);
	/* So that the next span to get these bits finds them dirty. */
	memset(s->avail, 0xff, (void *)(s->objstate + s->nelems + 1) -
			       (void *)s->avail);

	gospan_uncarve(h, s);
	KUNIT_EXPECT_EQ(test, s->magic, 0);
	KUNIT_EXPECT_EQ(test, s->state, GO_SPAN_NONE);
	KUNIT_EXPECT_TRUE(test, s->needzero);
	KUNIT_EXPECT_PTR_EQ(test, s->objstate, gospan_nil.objstate);
	KUNIT_EXPECT_NULL(test, s->avail);
	bits_inuse(h, after);
	KUNIT_EXPECT_MEMEQ(test, before, after, sizeof(before));
	goheap_free(h, s);
}

static void carve(struct kunit *test)
{
	unsigned int spc;

	for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++) {
		carve_as(test, spc, true);
		carve_as(test, spc, false);
	}
}

/* Every byte of a span: whose it is, which object, and whether its start. */
static const unsigned int every_byte_of[] = {
	1, 2, 3, 5, 35, 49, 50, 60, 65, 67,
};

static void class_name(const unsigned int *class, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%u", go_class_size[*class]);
}

KUNIT_ARRAY_PARAM(class, every_byte_of, class_name);

static void every_byte(struct kunit *test)
{
	const unsigned int *class = test->param_value;
	struct gospan *s = span_new(test, GO_SPC(*class, 0));
	struct goheap *h = gotest_heap(test);
	unsigned long off, bytes = s->npages * GO_PAGE_SIZE;
	unsigned long idx;
	unsigned int bad = 0;
	void *p;

	for (off = 0; off < bytes; off++) {
		p = (void *)s->base + off;
		bad += gotest_span_of(h, p) != s;
		bad += gospan_index(s, p, &idx) != (off % s->elemsize == 0);
		bad += idx != off / s->elemsize;
		if (off % s->elemsize == 0)
			bad += gospan_object(s, idx) != p;
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
	span_end(test, s);
}

/* What a reader that has loaded its descriptor finds in a span that is gone. */
static void expect_stale(struct kunit *test, const struct gospan *s,
			 unsigned long base, unsigned int nelems)
{
	unsigned int i, bad = 0;
	unsigned long idx;

	for (i = 0; i < nelems; i++)
		bad += gospan_index(s, (void *)base + i * 64, &idx) &&
		       (idx > nelems || s->objstate[idx] >= GO_OBJ_LIVE);
	bad += !!gotiny_words_of(s, (void *)base).out;
	bad += s->large == base;
	KUNIT_EXPECT_EQ(test, bad, 0);
}

/*
 * A free that is delayed between loading the descriptor and reading it: while
 * it has preemption off, the span goes, and its pages serve others.
 */
static void stale_reader(struct kunit *test)
{
	struct gospan *s = span_new(test, GO_SPC(5, 0)), *other[40];
	struct goheap *h = gotest_heap(test);
	unsigned int i, n, nelems = s->nelems;
	unsigned long base = s->base;
	u8 *states = s->objstate;

	preempt_disable();
	span_end(test, s);
	expect_stale(test, s, base, nelems);
	for (n = 0; n < ARRAY_SIZE(other); n++) {
		other[n] = gosource_pages(h, first_memory_node, 1, 1,
					  GFP_NOWAIT | __GFP_NOWARN);
		if (!other[n])
			break;
		if (!gospan_carve(h, other[n], GO_SPC(1 + n % 8, 0),
				  GFP_NOWAIT | __GFP_NOWARN)) {
			goheap_free(h, other[n]);
			break;
		}
		memset(other[n]->objstate, GO_OBJ_LIVE, other[n]->nelems);
		KUNIT_EXPECT_PTR_NE(test, other[n], s);
		KUNIT_EXPECT_PTR_NE(test, other[n]->objstate, states);
		expect_stale(test, s, base, nelems);
	}
	for (i = 0; i < nelems; i++)
		KUNIT_EXPECT_LT(test, states[i], GO_OBJ_LIVE);
	preempt_enable();
	KUNIT_EXPECT_GE(test, n, 4);
	for (i = 0; i < n; i++)
		span_end(test, other[i]);
}

/* Large objects come and go though no grace period ends. */
static void descriptors_are_reused(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gofixalloc *f = gotest_node(test)->fix;
	unsigned long chunks = f[GO_FIX_SPAN].nchunks;
	struct gospan *s;
	unsigned int i;

	preempt_disable();
	for (i = 0; i < 1000; i++) {
		s = gosource_large(h, first_memory_node,
				   (5 + i % 3) * GO_PAGE_SIZE,
				   GFP_NOWAIT | __GFP_NOWARN);
		if (!s)
			break;
		KUNIT_EXPECT_EQ(test, s->large, s->base);
		s->large = 0;
		golarge_free(h, s, false);
	}
	preempt_enable();
	KUNIT_EXPECT_EQ(test, i, 1000);
	KUNIT_EXPECT_LE(test, f[GO_FIX_SPAN].nchunks, chunks + 1);
}

/* But a span is only carved with a descriptor that no reader can know. */
static void carved_is_new(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gofixalloc *f = &gotest_node(test)->fix[GO_FIX_SPAN];
	unsigned long before;
	struct gocentral *c;
	struct gospan *s;

	/* No grace period ends meanwhile. */
	preempt_disable();
	s = gosource_large(h, first_memory_node, 5 * GO_PAGE_SIZE,
			   GFP_NOWAIT | __GFP_NOWARN);
	if (s) {
		s->large = 0;
		golarge_free(h, s, false);
		golarge_flush(gotest_node(test), 1);
	}
	before = f->nwait;
	c = gosource_span(h, first_memory_node, GO_SPC(5, 0),
			  GFP_NOWAIT | __GFP_NOWARN);
	if (c) {
		/* Those that wait for readers to go still do. */
		KUNIT_EXPECT_GE(test, f->nwait, before);
	}
	preempt_enable();
	KUNIT_EXPECT_GT(test, before, 0);
	KUNIT_ASSERT_NOT_NULL(test, c);
	gocentral_trim(c, 1);
}

/* Taking. */

static struct goslot *slots_new(struct kunit *test)
{
	struct goslot *slot;

	slot = kunit_kcalloc(test, GO_MAX_NELEMS + 1, sizeof(*slot),
			     GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, slot);
	return slot;
}

/* Pop @n: they must be the lowest set bits of @model, in order. */
static void expect_pops(struct kunit *test, struct gospan *s,
			struct goslot *slot, unsigned int n,
			unsigned long *model)
{
	unsigned int idx, bad = 0;

	while (n--) {
		idx = find_first_bit(model, s->nelems);
		bad += slot[n].obj != gospan_object(s, idx);
		bad += slot[n].state != s->objstate + idx;
		if (idx < s->nelems)
			__clear_bit(idx, model);
	}
	KUNIT_EXPECT_EQ_MSG(test, bad, 0, "class %u",
			    GO_SPC_CLASS(s->spanclass));
	KUNIT_EXPECT_EQ(test, s->navail, bitmap_weight(model, s->nelems));
	KUNIT_EXPECT_TRUE(test, bitmap_equal(s->avail, model, s->nelems));
}

static void take_all(struct kunit *test, struct gospan *s,
		     struct goslot *slot, unsigned int want)
{
	DECLARE_BITMAP(model, GO_MAX_NELEMS);
	unsigned int n, sum = 0;

	bitmap_copy(model, s->avail, s->nelems);
	KUNIT_EXPECT_EQ(test, gospan_take(s, slot, 0), 0);
	while (sum < s->nelems && s->navail) {
		unsigned int left = s->navail;

		/* One more than may be written to. */
		slot[want].obj = test;
		n = gospan_take(s, slot, want);
		KUNIT_EXPECT_EQ(test, n, min(want, left));
		KUNIT_EXPECT_PTR_EQ(test, slot[want].obj, test);
		expect_pops(test, s, slot, n, model);
		sum += n;
		if (!n)
			break;
	}
	KUNIT_EXPECT_EQ(test, gospan_take(s, slot, want), 0);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(s->avail, s->nelems));
}

static void take(struct kunit *test)
{
	static const unsigned int wants[] = { 1, 7, 32, 64, GO_MAX_NELEMS };
	struct goslot *slot = slots_new(test);
	unsigned int class, i;

	for (class = 1; class < GO_NR_CLASSES; class++) {
		struct gospan *s = span_new(test, GO_SPC(class, 1));

		for (i = 0; i < ARRAY_SIZE(wants); i++) {
			bitmap_set(s->avail, 0, s->nelems);
			s->navail = s->nelems;
			take_all(test, s, slot, wants[i]);
		}
		span_end(test, s);
	}
}

/* The same with holes. */
static void take_with_holes(struct kunit *test)
{
	const unsigned int rounds = IS_ENABLED(CONFIG_KASAN) ? 2 : 20;
	struct goslot *slot = slots_new(test);
	unsigned int class, i, k;
	struct rnd_state rnd;

	gotest_random(test, &rnd);
	for (class = 1; class < GO_NR_CLASSES; class++) {
		struct gospan *s = span_new(test, GO_SPC(class, 0));

		for (k = 0; k < rounds; k++) {
			for (i = 0; i < s->nelems; i++)
				__assign_bit(i, s->avail,
					     prandom_u32_state(&rnd) % 3 == 0);
			s->navail = bitmap_weight(s->avail, s->nelems);
			take_all(test, s, slot, 1 + prandom_u32_state(&rnd) %
						     GO_BATCH);
		}
		span_end(test, s);
	}
}

/* Walking. */

struct walked {
	struct gospan *wanted[3];
	unsigned int seen[3];
	unsigned long pages;
	unsigned long free;
};

static void note(struct gospan *s, void *data)
{
	struct walked *w = data;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(w->wanted); i++)
		w->seen[i] += s == w->wanted[i];
	w->pages += s->npages;
	if (s->state == GO_SPAN_FREE)
		w->free += s->npages;
}

/* A walk comes by each span and free run once. */
static void walk(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned long sys = 0, free = 0;
	struct walked w = {};
	unsigned int i;
	int nid;

	w.wanted[0] = span_new(test, GO_SPC(1, 0));
	w.wanted[1] = span_new(test, GO_SPC(65, 1));
	w.wanted[2] = gotest_run_new(test, 200, 1);
	gospan_walk(h, note, &w);
	for_each_node_state(nid, N_MEMORY) {
		sys += h->node[nid]->sys;
		free += h->node[nid]->runs.free;
	}
	for (i = 0; i < ARRAY_SIZE(w.seen); i++)
		KUNIT_EXPECT_EQ(test, w.seen[i], 1);
	KUNIT_EXPECT_EQ(test, w.pages, sys);
	KUNIT_EXPECT_EQ(test, w.free, free);
	KUNIT_EXPECT_EQ(test, sys - free, 1 + 10 + 200);
	span_end(test, w.wanted[0]);
	span_end(test, w.wanted[1]);
	goheap_free(h, w.wanted[2]);
}

/* Which arenas a walk has come to, in order. */
struct arenas_walked {
	unsigned long base[8];
	unsigned int n;
};

static void note_base(struct gospan *s, void *data)
{
	struct arenas_walked *w = data;

	if (w->n < ARRAY_SIZE(w->base))
		w->base[w->n] = s->base;
	w->n++;
}

/* Where the arenas are. */
static const struct map_place {
	const char *name;
	unsigned int nr;
	unsigned long number[6];
} map_places[] = {
	{ "an empty map", 0 },
	{ "the first", 1, { 0 } },
	{ "the last of all", 1, { L2(FAR + 1) - 1 } },
	{ "neighbours", 3, { 0, 1, 2 } },
	{ "with holes", 3, { 1, 5, 900 } },
	{ "across a second level's end", 2, { L2(1) - 1, L2(1) } },
	{ "both ends", 2, { 0, L2(FAR + 1) - 1 } },
	{ "ends of second levels far apart", 4,
	  { L2(1) - 1, L2(100), L2(2000) + 7, L2(FAR) } },
};

KUNIT_ARRAY_PARAM_DESC(map_place, map_places, name);

/* Make a look at what the map has not got fatal. */
static void break_what_is_not_there(struct goarenamap *map)
{
	unsigned long i;

	/* The beginning of a walk, and what it tries first when it goes on. */
	for (i = map->nr - 1; i > 1; i--)
		if (map->l2[i] == map->nil && map->l2[i - 1] == map->nil)
			map->l2[i] = NULL;
}

static void walk_arenas(struct kunit *test)
{
	const struct map_place *p = test->param_value;
	struct goheap *h = map_new(test, FAR + 1);
	struct arenas_walked w = {};
	unsigned int i;

	for (i = 0; i < p->nr; i++)
		arena_new(test, h, p->number[i]);
	break_what_is_not_there(h->map);
	gospan_walk(h, note_base, &w);
	KUNIT_EXPECT_EQ(test, w.n, p->nr);
	for (i = 0; i < p->nr; i++)
		KUNIT_EXPECT_EQ(test, w.base[i], arena_addr(h, p->number[i]));
	map_end(h);
}

static struct kunit_case span_cases[] = {
	KUNIT_CASE_PARAM(foreign_wild, wild_gen_params),
	KUNIT_CASE(foreign_kernel),
	KUNIT_CASE(foreign_edges),
	KUNIT_CASE(pages_of_run),
	KUNIT_CASE(pages_after_free),
	KUNIT_CASE(map_is_physical),
	KUNIT_CASE(map_covers_far),
	KUNIT_CASE(map_heeds_limit),
	KUNIT_CASE(map_finds),
	KUNIT_CASE(carve),
	KUNIT_CASE_PARAM(every_byte, class_gen_params),
	KUNIT_CASE(stale_reader),
	KUNIT_CASE(descriptors_are_reused),
	KUNIT_CASE(carved_is_new),
	KUNIT_CASE(take),
	KUNIT_CASE(take_with_holes),
	KUNIT_CASE(walk),
	KUNIT_CASE_PARAM(walk_arenas, map_place_gen_params),
	{}
};

static struct kunit_suite span_suite = {
	.name = "goalloc_span",
	.init = gotest_heap_init,
	.exit = gotest_heap_exit,
	.test_cases = span_cases,
};

kunit_test_suites(&span_suite);
