// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the tiny allocator: objects below 16 bytes that share a block.
 *
 * Go never frees them, so all that matters here is ours alone: that a free is
 * exact whatever the order, that the block goes when its last object does and
 * it is no CPU's current one, not before and not twice, and that a free which
 * comes twice is known for one even when its block is long gone.  The block
 * itself is an object of class 2; its mcache's counters tell when it returns.
 */

#include "../tiny.c"

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>
#include "alloc.h"
#include "hooks.h"
#include "mcache.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "source.h"
#include "span.h"
#include "tiny.h"

#define BLOCK(p)	((unsigned long)(p) & ~(GO_TINY_SIZE - 1UL))

static void *alloc_tiny(struct kunit *test, size_t size)
{
	void *p = goalloc_tiny(size, GFP_KERNEL, GO_OBJ_LIVE,
			       gotest_heap(test), _RET_IP_);

	KUNIT_ASSERT_NOT_NULL(test, p);
	return p;
}

static size_t size_of(struct goheap *h, const void *p)
{
	struct gospan *s;
	size_t size = 0;

	preempt_disable();
	s = gospan_of(h, p);
	if (gotiny_holds(s, p))
		size = gotiny_size(s, p);
	preempt_enable();
	return size;
}

/* This CPU takes another block, whatever room is left in the one it has. */
static void turn_over(struct goheap *h)
{
	struct gospan *s;
	void *block;

	preempt_disable();
	block = gotiny_drain(this_cpu_ptr(h->mcache));
	if (block) {
		s = gospan_of(h, block);
		s->objstate[gotiny_index(s, block)] = GO_OBJ_LIVE;
		gotest_free(h, block);
	}
	preempt_enable();
}

static u64 blocks_live(struct kunit *test)
{
	return gotest_memstats(test, gotest_heap(test))->heap_objects;
}

static long all_misuses(struct goheap *h)
{
	long n = 0;
	int i;

	for (i = 0; i < GO_NR_MISUSES; i++)
		n += gotest_misuses(h, i);
	return n;
}

/* Each size behind each offset that others leave. */
static void tiny_alignment(struct kunit *test)
{
	static const u8 want[GO_TINY_SIZE] = {
		0, 1, 2, 1, 4, 1, 2, 1, 8, 1, 2, 1, 4, 1, 2, 1,
	};
	struct goheap *h = gotest_heap(test);
	unsigned int size, before;
	void *p, *q;

	gotest_pin(test, h);
	for (size = 1; size < GO_TINY_SIZE; size++) {
		for (before = 1; before < GO_TINY_SIZE; before++) {
			turn_over(h);
			q = alloc_tiny(test, before);
			p = alloc_tiny(test, size);
			KUNIT_EXPECT_EQ_MSG(test, (unsigned long)p % want[size],
					    0, "%u after %u", size, before);
			if (ALIGN(before, want[size]) + size <= GO_TINY_SIZE &&
			    ALIGN(before, want[size]) <= GO_TINY_LAST)
				KUNIT_EXPECT_PTR_EQ(test, p, q +
						    ALIGN(before, want[size]));
			else
				KUNIT_EXPECT_NE(test, BLOCK(p), BLOCK(q));
			KUNIT_EXPECT_EQ(test, size_of(h, p), size);
			KUNIT_EXPECT_EQ(test, size_of(h, q), before);
			gotest_free(h, p);
			gotest_free(h, q);
		}
	}
}

struct packing {
	const char *name;
	u8 size[GO_TINY_SIZE + 1];
	u8 off[GO_TINY_SIZE + 1];
};

static const struct packing packings[] = {
	{ "fifteen of one", { [0 ... 14] = 1 },
	  { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 } },
	{ "eight of two", { [0 ... 7] = 2 }, { 0, 2, 4, 6, 8, 10, 12, 14 } },
	{ "five of three", { [0 ... 4] = 3 }, { 0, 3, 6, 9, 12 } },
	{ "four of four", { [0 ... 3] = 4 }, { 0, 4, 8, 12 } },
	{ "two of eight", { 8, 8 }, { 0, 8 } },
	{ "one of twelve", { 12, 4 }, { 0, 12 } },
	{ "fifteen", { 15 }, { 0 } },
	{ "gaps", { 1, 8, 0 }, { 0, 8 } },
	{ "rising", { 1, 2, 4, 8 }, { 0, 2, 4, 8 } },
	{ "odd ones", { 3, 5, 7 }, { 0, 3, 8 } },
};

static void packing_desc(const struct packing *param, char *buf)
{
	strscpy(buf, param->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(packings, packings, packing_desc);

/* All in one block, each with its own size, and not an object more. */
static void tiny_packs(struct kunit *test)
{
	const struct packing *param = test->param_value;
	struct goheap *h = gotest_heap(test);
	void *p[GO_TINY_SIZE + 1];
	unsigned int i, n;

	gotest_pin(test, h);
	for (n = 0; param->size[n]; n++) {
		p[n] = alloc_tiny(test, param->size[n]);
		KUNIT_EXPECT_EQ(test, BLOCK(p[n]), BLOCK(p[0]));
		KUNIT_EXPECT_EQ(test, p[n] - p[0], param->off[n]);
	}
	KUNIT_EXPECT_EQ(test, blocks_live(test), 1);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ(test, size_of(h, p[i]), param->size[i]);
	if (param->off[n - 1] + param->size[n - 1] > GO_TINY_LAST) {
		p[n] = alloc_tiny(test, 1);
		KUNIT_EXPECT_NE(test, BLOCK(p[n]), BLOCK(p[0]));
		gotest_free(h, p[n]);
	}
	for (i = 0; i < n; i++) {
		KUNIT_EXPECT_EQ(test, size_of(h, p[i]), param->size[i]);
		gotest_free(h, p[i]);
		KUNIT_EXPECT_EQ(test, size_of(h, p[i]), 0);
	}
	turn_over(h);
	KUNIT_EXPECT_EQ(test, blocks_live(test), 0);
}

/* Every byte of every object belongs to it alone. */
static void tiny_no_overlap(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned int i, bad = 0, n = GOTEST_LOOPS(10000);
	struct rnd_state rnd;
	u8 **p;

	p = kunit_kcalloc(test, n, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	gotest_random(test, &rnd);
	for (i = 0; i < n; i++) {
		size_t size = 1 + prandom_u32_state(&rnd) % 15;

		p[i] = alloc_tiny(test, size);
		bad += size_of(h, p[i]) != size;
		gotest_fill(p[i], size);
		if (i % 3 == 1) {
			bad += !gotest_intact(p[i - 1], size_of(h, p[i - 1]));
			gotest_free(h, p[i - 1]);
			p[i - 1] = NULL;
		}
	}
	for (i = 0; i < n; i++) {
		if (!p[i])
			continue;
		bad += !gotest_intact(p[i], size_of(h, p[i]));
		gotest_free(h, p[i]);
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
	KUNIT_EXPECT_EQ(test, all_misuses(h), 0);
}

/* The @nth order of the objects 0 to 3. */
static void permute(unsigned int nth, unsigned int order[4])
{
	unsigned int i, k;

	for (i = 0; i < 4; i++)
		order[i] = i;
	for (i = 4; i > 1; i--) {
		k = nth % i;
		nth /= i;
		swap(order[i - 1], order[k]);
	}
}

/* A block that is no CPU's current one goes with its last object. */
static void tiny_frees_in_any_order(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned int nth, i, order[4];
	void *p[4];

	gotest_pin(test, h);
	for (nth = 0; nth < 24; nth++) {
		permute(nth, order);
		for (i = 0; i < 4; i++)
			p[i] = alloc_tiny(test, 4);
		turn_over(h);
		for (i = 0; i < 4; i++) {
			KUNIT_EXPECT_EQ(test, blocks_live(test), 1);
			gotest_free(h, p[order[i]]);
		}
		KUNIT_EXPECT_EQ(test, blocks_live(test), 0);
	}
	KUNIT_EXPECT_EQ(test, all_misuses(h), 0);
}

/* The current block stays though it is empty, and begins again. */
static void tiny_current_stays(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	void *p, *q;

	p = alloc_tiny(test, 4);
	KUNIT_EXPECT_EQ(test, c->tiny, BLOCK(p));
	gotest_free(h, p);
	KUNIT_EXPECT_EQ(test, blocks_live(test), 1);
	q = alloc_tiny(test, 2);
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	KUNIT_EXPECT_EQ(test, size_of(h, q), 2);
	gotest_free(h, q);
	turn_over(h);
	KUNIT_EXPECT_EQ(test, c->tiny, 0);
	KUNIT_EXPECT_EQ(test, blocks_live(test), 0);
	/* The same block, from the start, with no memory of what was. */
	q = alloc_tiny(test, 3);
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	KUNIT_EXPECT_EQ(test, size_of(h, q), 3);
	KUNIT_EXPECT_EQ(test, size_of(h, q + 4), 0);
	gotest_free(h, q);
}

/*
 * Two free an object at the same time, and the block is begun again in between: the
 * later one has set a bit where nothing starts.  It is in nobody's way.
 */
static void tiny_survives_late_free(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	void *p = alloc_tiny(test, 4);
	u16 late = GO_TINY_START(8);
	bool due;

	*c->tiny_back |= late;
	gotest_free(h, p);
	KUNIT_EXPECT_EQ(test, gotiny_take(c, 8, GO_OBJ_LIVE, &due), 0);
	*c->tiny_back |= late;
	gotest_free(h, p);
	turn_over(h);
	KUNIT_EXPECT_EQ(test, blocks_live(test), 0);
}

/* The last free of a retired block, and no other, has the block. */
static void tiny_last_free_has_block(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	u16 back = GO_TINY_RETIRED;
	u32 out = GO_TINY_START(0) | GO_TINY_START(8) | GO_TINY_END(8);
	struct gotiny_words w = { &out, &back };
	void *p = (void *)GO_TINY_SIZE;

	gotest_pin(test, h);
	KUNIT_EXPECT_EQ(test, gotiny_free(h, p, w), GOTINY_ONE);
	KUNIT_EXPECT_EQ(test, gotiny_free(h, p, w), GOTINY_NONE);
	KUNIT_EXPECT_EQ(test, gotiny_free(h, p + 8, w), GOTINY_LAST);
	KUNIT_EXPECT_EQ(test, out, 0);
	KUNIT_EXPECT_EQ(test, gotiny_free(h, p + 8, w), GOTINY_NONE);
	this_cpu_sub(h->mcache->tiny_frees, 2);
}

/* Of two blocks the one with more room is kept as the current one. */
static void tiny_keeps_the_roomier(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	void *a, *b, *d, *e;

	a = alloc_tiny(test, 14);
	b = alloc_tiny(test, 8);
	KUNIT_EXPECT_NE(test, BLOCK(a), BLOCK(b));
	KUNIT_EXPECT_EQ(test, c->tiny, BLOCK(b));
	d = alloc_tiny(test, 15);
	KUNIT_EXPECT_EQ(test, c->tiny, BLOCK(b));
	e = alloc_tiny(test, 8);
	KUNIT_EXPECT_PTR_EQ(test, e, b + 8);
	KUNIT_EXPECT_EQ(test, blocks_live(test), 3);
	/* Neither a nor d is current any more. */
	gotest_free(h, d);
	gotest_free(h, a);
	KUNIT_EXPECT_EQ(test, blocks_live(test), 1);
	gotest_free(h, b);
	gotest_free(h, e);
}

/* Twice is once too often: at once, and when the block has gone. */
static void tiny_double_free(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned int off, current_block;
	void *p[4];
	long n = 0;

	if (!static_key_enabled(&goalloc_check))
		kunit_skip(test, "check=0 promises nothing");
	gotest_pin(test, h);
	for (current_block = 0; current_block < 2; current_block++) {
		for (off = 0; off < 4; off++)
			p[off] = alloc_tiny(test, 4);
		if (!current_block)
			turn_over(h);
		for (off = 0; off < 4; off++) {
			gotest_free(h, p[off]);
			KUNIT_EXPECT_EQ(test, all_misuses(h), n);
			gotest_free(h, p[off]);
			KUNIT_EXPECT_EQ(test, all_misuses(h), ++n);
			KUNIT_EXPECT_EQ(test, gotest_misuses(h, GO_DOUBLE_FREE),
					n);
		}
		turn_over(h);
		KUNIT_EXPECT_EQ(test, blocks_live(test), 0);
		for (off = 0; off < 4; off++) {
			gotest_free(h, p[off]);
			KUNIT_EXPECT_EQ(test, gotest_misuses(h, GO_DOUBLE_FREE),
					++n);
		}
		KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
	}
}

/* Inside a tiny object is not its start; which word for it may be argued. */
static void tiny_interior(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	void *p, *q;
	int off;

	gotest_pin(test, h);
	p = alloc_tiny(test, 8);
	q = alloc_tiny(test, 4);
	gotest_fill(p, 8);
	gotest_fill(q, 4);
	for (off = 1; off < 8; off++) {
		gotest_free(h, p + off);
		KUNIT_EXPECT_EQ(test, all_misuses(h), off);
		KUNIT_EXPECT_EQ(test, size_of(h, p), 8);
		KUNIT_EXPECT_EQ(test, size_of(h, q), 4);
	}
	KUNIT_EXPECT_TRUE(test, gotest_intact(p, 8));
	KUNIT_EXPECT_TRUE(test, gotest_intact(q, 4));
	gotest_free(h, p);
	gotest_free(h, q);
	KUNIT_EXPECT_EQ(test, all_misuses(h), 7);
}

/* A plain object of 16 bytes in the same span is not taken for a block. */
static void tiny_beside_plain(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned int i;
	void *p[8];

	gotest_pin(test, h);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = i % 2 ? gotest_alloc(h, GO_TINY_SPC, GFP_KERNEL) :
			       alloc_tiny(test, 9);
	for (i = 1; i < ARRAY_SIZE(p); i += 2) {
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_EQ(test, size_of(h, p[i]), 0);
		gotest_free(h, p[i] + 4);
		KUNIT_EXPECT_EQ(test, gotest_misuses(h, GO_INTERIOR),
				(i + 1) / 2);
	}
	for (i = 0; i < ARRAY_SIZE(p); i++)
		gotest_free(h, p[i]);
	KUNIT_EXPECT_EQ(test, gotest_misuses(h, GO_DOUBLE_FREE), 0);
	turn_over(h);
	KUNIT_EXPECT_EQ(test, blocks_live(test), 0);
}

static void tiny_drain_retires(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	void *p = alloc_tiny(test, 5);

	godrain_all(h);
	KUNIT_EXPECT_EQ(test, c->tiny, 0);
	KUNIT_EXPECT_EQ(test, size_of(h, p), 5);
	KUNIT_EXPECT_EQ(test, blocks_live(test), 1);
	gotest_free(h, p);
	KUNIT_EXPECT_EQ(test, blocks_live(test), 0);

	/* One that was empty goes at once. */
	gotest_free(h, alloc_tiny(test, 5));
	godrain_all(h);
	KUNIT_EXPECT_EQ(test, blocks_live(test), 0);
}

static void tiny_counts(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct goalloc_memstats *m;
	void *p[20];
	int i;

	gotest_pin(test, h);
	for (i = 0; i < 20; i++)
		p[i] = alloc_tiny(test, 2);
	for (i = 0; i < 5; i++)
		gotest_free(h, p[i]);
	m = gotest_memstats(test, h);
	KUNIT_EXPECT_EQ(test, m->tiny_allocs, 20);
	KUNIT_EXPECT_EQ(test, m->tiny_frees, 5);
	KUNIT_EXPECT_EQ(test, m->total_requested, 40);
	KUNIT_EXPECT_EQ(test, m->mallocs, 3);
	KUNIT_EXPECT_EQ(test, m->total_alloc, 3 * GO_TINY_SIZE);
	KUNIT_EXPECT_EQ(test, m->by_size[2].mallocs, 3);
	for (i = 5; i < 20; i++)
		gotest_free(h, p[i]);
	gotest_free(h, p[19]);
	m = gotest_memstats(test, h);
	KUNIT_EXPECT_EQ(test, m->tiny_frees, 20);
	KUNIT_EXPECT_EQ(test, m->misuses, 1);
}

static void tiny_zeroes(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned int round, size, bad = 0;
	void *p;

	gotest_pin(test, h);
	for (round = 0; round < 4; round++) {
		for (size = 1; size < GO_TINY_SIZE; size++) {
			void *q = goalloc_tiny(1, GFP_KERNEL, GO_OBJ_LIVE, h, _RET_IP_);

			gotest_fill(q, 1);
			p = goalloc_tiny(size, GFP_KERNEL | __GFP_ZERO,
					 GO_OBJ_LIVE, h, _RET_IP_);
			KUNIT_ASSERT_NOT_NULL(test, p);
			bad += !!memchr_inv(p, 0, size);
			/* Only what is asked for: q may be beside it. */
			bad += !gotest_intact(q, 1);
			memset(p, 0xff, size);
			gotest_free(h, p);
			gotest_free(h, q);
		}
		turn_over(h);
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
}

/* The cache is in use: a block of its own, which goes with its object. */
static void tiny_in_window(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	unsigned long current_block;
	void *p, *q;

	p = alloc_tiny(test, 4);
	current_block = c->tiny;
	preempt_disable();
	gomcache_enter(c);
	q = goalloc_tiny(4, GFP_ATOMIC, GO_OBJ_LIVE, h, _RET_IP_);
	gomcache_leave(c);
	preempt_enable();
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_NE(test, BLOCK(q), BLOCK(p));
	KUNIT_EXPECT_EQ(test, c->tiny, current_block);
	KUNIT_EXPECT_EQ(test, blocks_live(test), 2);

	preempt_disable();
	gomcache_enter(c);
	gotest_free(h, q);
	gomcache_leave(c);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, blocks_live(test), 1);
	gotest_free(h, p);
	KUNIT_EXPECT_EQ(test, all_misuses(h), 0);
}

static size_t kind_size(unsigned int i)
{
	return 1 + i % (GO_TINY_SIZE - 1);
}

static void *kind_alloc(struct goheap *h, unsigned int i, gfp_t gfp)
{
	return goalloc_tiny(kind_size(i), gfp, GO_OBJ_LIVE, h, _RET_IP_);
}

static const struct gotest_kind tinies = {
	.alloc = kind_alloc,
	.size = kind_size,
};

KUNIT_ARRAY_PARAM_DESC(context, gotest_contexts, name);

static void tiny_in_context(struct kunit *test)
{
	const struct gotest_context_param *param = test->param_value;
	struct goheap *h = gotest_heap(test);
	struct gotest_batch *b = gotest_batch_new(test, h, &tinies, 45);

	/* An NMI has to find a span. */
	if (param->context == GOTEST_NMI)
		gosource_span(h, NUMA_NO_NODE, GO_TINY_SPC, GFP_KERNEL);
	gotest_run_in(param->context, gotest_batch_alloc, b);
	gotest_run_in(param->context, gotest_batch_free, b);
	gotest_batch_alloc(b);
	gotest_run_in(param->context, gotest_batch_free, b);
	KUNIT_EXPECT_EQ(test, b->bad, 0);
	KUNIT_EXPECT_EQ(test, all_misuses(h), 0);
	godrain_all(h);
	gotest_settle(h);
	KUNIT_EXPECT_EQ(test, blocks_live(test), 0);
}

/* A freer and the CPU that turns to another block race for the last bit. */
static void tiny_exchange(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gotest_exchange *x = gotest_exchange_new(test, h, &tinies, 64);
	struct gotest_crew crew;
	int i;

	gotest_crew_start(test, &crew, gotest_trade, x);
	for (i = 0; i < 20; i++) {
		usleep_range(4000, 8000);
		godrain_all(h);
	}
	gotest_crew_stop(test, &crew);
	gotest_exchange_end(test, x);
	KUNIT_EXPECT_EQ(test, all_misuses(h), 0);
	godrain_all(h);
	KUNIT_EXPECT_EQ(test, blocks_live(test), 0);
}

static struct kunit_case tiny_cases[] = {
	KUNIT_CASE(tiny_alignment),
	KUNIT_CASE_PARAM(tiny_packs, packings_gen_params),
	KUNIT_CASE(tiny_no_overlap),
	KUNIT_CASE(tiny_frees_in_any_order),
	KUNIT_CASE(tiny_current_stays),
	KUNIT_CASE(tiny_survives_late_free),
	KUNIT_CASE(tiny_last_free_has_block),
	KUNIT_CASE(tiny_keeps_the_roomier),
	KUNIT_CASE(tiny_double_free),
	KUNIT_CASE(tiny_interior),
	KUNIT_CASE(tiny_beside_plain),
	KUNIT_CASE(tiny_drain_retires),
	KUNIT_CASE(tiny_counts),
	KUNIT_CASE(tiny_zeroes),
	KUNIT_CASE(tiny_in_window),
	KUNIT_CASE_PARAM(tiny_in_context, context_gen_params),
	KUNIT_CASE(tiny_exchange),
	{}
};

static struct kunit_suite tiny_suite = {
	.name = "goalloc_tiny",
	.init = gotest_heap_init,
	.exit = gotest_heap_exit,
	.test_cases = tiny_cases,
};

kunit_test_suite(tiny_suite);
