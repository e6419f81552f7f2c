// SPDX-License-Identifier: GPL-2.0
/*
 * Bulk: batches, which are allocated and freed without a look at each object's
 * span.  What needs more than a push stops a batch, and exactly there.
 */

#include <linux/percpu.h>
#include "alloc.h"
#include "free.h"
#include "objects.h"
#include "observe/observe.h"

#define SPC_64		GO_SPC(6, 0)
#define NR_OBJECTS	300

struct batch {
	void *p[NR_OBJECTS];
};

static struct batch *batch_new(struct kunit *test)
{
	struct batch *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	if (static_key_enabled(&goalloc_free_detour))
		kunit_skip(test, "each free goes the long way");
	return b;
}

/* Allocate @n objects of a class, one at a time. */
static void fill_batch(struct kunit *test, void **p, unsigned int spc,
		       unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		p[i] = gotest_alloc(gotest_heap(test), spc, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
}

/* A batch that the stack has comes in one piece, and goes in one. */
static void bulk_in_one_piece(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	struct batch *b = batch_new(test);
	unsigned int round, n, in_pieces = 0;
	unsigned long misses;

	for (round = 0; round < 100; round++) {
		misses = c->refills + c->flushes;
		n = goalloc_pop_many(h, SPC_64, 64, GFP_KERNEL, GO_OBJ_LIVE,
				     GO_BULK, b->p);
		/* At first the stack is too small; and where one is to be sampled. */
		if (n < GO_BULK) {
			fill_batch(test, b->p + n, SPC_64, GO_BULK - n);
			in_pieces += round >= 10;
			for (n = 0; n < GO_BULK; n++)
				gotest_free(h, b->p[n]);
			continue;
		}
		KUNIT_EXPECT_EQ(test, gofree_many(h, n, b->p, 0), 0);
		/* Two magazines: empty, or full, once on each way. */
		if (round >= 10)
			KUNIT_EXPECT_LE(test, c->refills + c->flushes - misses, 2);
	}
	/* A sample comes every 512 KiB. */
	KUNIT_EXPECT_LT(test, in_pieces, 9);
}

/* More than the stack has room for, and more than one hold of the cache frees. */
static void bulk_past_full(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct batch *b = batch_new(test);
	size_t n;

	gotest_pin(test, h);
	fill_batch(test, b->p, SPC_64, NR_OBJECTS);
	for (n = NR_OBJECTS; n > GO_BULK; n -= GO_BULK)
		KUNIT_EXPECT_EQ(test, gofree_many(h, n, b->p, 0), n - GO_BULK);
	KUNIT_EXPECT_EQ(test, gofree_many(h, n, b->p, 0), 0);
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
}

/* Objects of all classes, in an order that has nothing to do with their spans. */
static void bulk_of_all_classes(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct batch *b = batch_new(test);
	unsigned int i, n = 0, spc;
	size_t left, was;

	gotest_pin(test, h);
	while (n + GO_NR_SPANCLASSES <= NR_OBJECTS)
		for_each_gospc(spc)
			fill_batch(test, &b->p[n++], spc, 1);
	for (i = 0; i < n; i++)
		swap(b->p[i], b->p[i * 7 % n]);
	for (left = n; left;) {
		was = left;
		left = gofree_many(h, left, b->p, 0);
		/* With check=0 the blocks of tiny objects are not believed. */
		if (left == was)
			gotest_free(h, b->p[--left]);
	}
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, h)->frees, n);
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
}

/*
 * What is wrong stops a batch, wherever it stands: an object that is in it twice,
 * the inside of one, an address before its span, one behind it, and one so far away
 * that 64 bits cannot tell the product of its distance.
 */
static void bulk_stops_at_bad(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct batch *b = batch_new(test);
	unsigned int i, at;
	void *bad[5], *was;

	if (!static_key_enabled(&goalloc_check))
		kunit_skip(test, "check=0 believes");
	gotest_pin(test, h);
	for (at = 0; at < 8; at++) {
		fill_batch(test, b->p, SPC_64, 8);
		bad[0] = b->p[at == 7 ? 0 : 7];
		bad[1] = b->p[at] + 8;
		bad[2] = b->p[at] - (1UL << 20);
		bad[3] = b->p[at] + (1UL << 20);
		bad[4] = (void *)((unsigned long)b->p[at] ^ BIT(38));
		for (i = at == 7; i < ARRAY_SIZE(bad); i++) {
			was = b->p[at];
			b->p[at] = bad[i];
			KUNIT_EXPECT_EQ(test, gofree_many(h, 8, b->p, 0), at + 1);
			b->p[at] = was;
			fill_batch(test, b->p + at + 1, SPC_64, 7 - at);
			/* The last first: what was there is there again. */
			bad[0] = b->p[at == 7 ? 0 : 7];
		}
		KUNIT_EXPECT_EQ(test, gofree_many(h, 8, b->p, 0), 0);
	}
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
}

/* What a stack that has given a batch says of it is not believed for ever. */
static void bulk_doubts_stack(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	struct gostack *s = &c->stack[SPC_64];
	struct batch *b = batch_new(test);
	u8 other[8];
	int i, why;

	if (!static_key_enabled(&goalloc_check))
		kunit_skip(test, "check=0 has no states");
	fill_batch(test, b->p, SPC_64, 64);
	KUNIT_ASSERT_EQ(test, gofree_many(h, 64, b->p, 0), 0);
	for (why = 0; why < 4; why++) {
		KUNIT_ASSERT_EQ(test, 8,
				goalloc_pop_many(h, SPC_64, 64, GFP_KERNEL,
						 GO_OBJ_LIVE, 8, b->p));
		memset(other, GO_OBJ_LIVE, sizeof(other));
		for (i = 0; i < 8; i++)
			s->top[i].state = &other[i];
		if (why == 0)
			c->flushes++;
		else if (why == 1)
			c->refills++;
		else if (why == 2)
			atomic_long_inc(&h->uncarved);
		else
			swap(b->p[0], b->p[7]);
		KUNIT_EXPECT_EQ(test, gofree_many(h, 8, b->p, 0), 0);
		KUNIT_EXPECT_NULL(test, memchr_inv(other, GO_OBJ_LIVE, 8));
	}
}

/* A span that goes is counted, and has to be before its states go. */
static void bulk_counts_spans(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	long n = atomic_long_read(&h->uncarved);

	gotest_free(h, gotest_alloc(h, SPC_64, GFP_KERNEL));
	gotest_cool(h);
	KUNIT_EXPECT_GT(test, atomic_long_read(&h->uncarved), n);
}

static struct kunit_case bulk_cases[] = {
	KUNIT_CASE(bulk_in_one_piece),
	KUNIT_CASE(bulk_past_full),
	KUNIT_CASE(bulk_of_all_classes),
	KUNIT_CASE(bulk_stops_at_bad),
	KUNIT_CASE(bulk_doubts_stack),
	KUNIT_CASE(bulk_counts_spans),
	{}
};

static struct kunit_suite bulk_suite = {
	.name = "goalloc_bulk",
	.init = gotest_heap_init,
	.exit = gotest_heap_exit,
	.test_cases = bulk_cases,
};

kunit_test_suite(bulk_suite);
