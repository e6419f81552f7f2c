// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the API: what include/linux/goalloc.h promises, function by
 * function, as another module would find it.
 *
 * Sizes are hidden from the compiler where it would otherwise see through the
 * test, and refuse to build what must fail.  Alignment is looked at for every
 * size there is, with neighbours alive so that not all objects are the first of
 * their span.  Shortage of memory comes from asking in what passes for an NMI,
 * where there are no pages to be had.  At the end everything at once, at
 * random, against a model that knows only what was asked for.
 */

#include <linux/cleanup.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/preempt.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>
#include "api.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "span.h"

#define TOO_MUCH	(GOALLOC_MAX_SIZE + 1)

/* A size, or a pointer, of which the compiler knows nothing. */
#define HIDE(x)							\
({									\
	typeof((x) + 0) __x = (x);					\
									\
	OPTIMIZER_HIDE_VAR(__x);					\
	__x;								\
})

static unsigned long align_of(size_t size)
{
	return size & -size;
}

static struct goalloc_memstats *memstats(struct kunit *test)
{
	return gotest_memstats(test, &goalloc_heap);
}

/* Nothing was handed out, taken back or found wrong in between. */
static void expect_unmoved(struct kunit *test,
			   const struct goalloc_memstats *before)
{
	const struct goalloc_memstats *m = memstats(test);

	KUNIT_EXPECT_EQ(test, m->mallocs, before->mallocs);
	KUNIT_EXPECT_EQ(test, m->frees, before->frees);
	KUNIT_EXPECT_EQ(test, m->tiny_allocs, before->tiny_allocs);
	KUNIT_EXPECT_EQ(test, m->tiny_frees, before->tiny_frees);
	KUNIT_EXPECT_EQ(test, m->misuses, before->misuses);
	KUNIT_EXPECT_EQ(test, m->total_requested, before->total_requested);
}

static void api_zero_size(struct kunit *test)
{
	struct goalloc_memstats *before = memstats(test);
	void *p[3];

	KUNIT_EXPECT_PTR_EQ(test, gomalloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, gozalloc(0, GFP_ATOMIC), ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, gomalloc_noscan(0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, gomalloc_node(0, GFP_KERNEL, 0),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, gomalloc_array(0, 8, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, gocalloc(8, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, gomemdup("", 0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, gorealloc(NULL, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, gorealloc(ZERO_SIZE_PTR, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_EQ(test, gomalloc_bulk(GFP_KERNEL, 0, 3, p), 3);
	KUNIT_EXPECT_PTR_EQ(test, p[2], ZERO_SIZE_PTR);
	KUNIT_EXPECT_EQ(test, gosize(ZERO_SIZE_PTR), 0);
	KUNIT_EXPECT_EQ(test, gosize(NULL), 0);
	p[0] = NULL;
	gofree_bulk(3, p);
	gofree(NULL);
	gofree(ZERO_SIZE_PTR);
	gofree_sized(NULL, 100);
	gofree_sized(ZERO_SIZE_PTR, 0);
	gofree_sensitive(NULL);
	gofree_sensitive(ZERO_SIZE_PTR);
	expect_unmoved(test, before);
}

static void api_too_large(struct kunit *test)
{
	static const size_t sizes[] = {
		TOO_MUCH, 2 * GOALLOC_MAX_SIZE, 1UL << 31, 1UL << 32,
		(1UL << 32) + 64, SIZE_MAX / 2, SIZE_MAX - 8, SIZE_MAX,
	};
	struct goalloc_memstats *before = memstats(test);
	unsigned int i;
	void *p[2];

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = HIDE(sizes[i]);

		KUNIT_EXPECT_NULL(test, gomalloc(size, GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, gomalloc_noscan(size, GFP_ATOMIC));
		KUNIT_EXPECT_NULL(test, gomalloc_node(size, GFP_KERNEL, 0));
		KUNIT_EXPECT_NULL(test, gozalloc(size, GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, gomalloc_array(1, size, GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, gorealloc(NULL, size, GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, gomemdup(p, size, GFP_KERNEL));
		KUNIT_EXPECT_EQ(test, gomalloc_bulk(GFP_KERNEL, size, 2, p), 0);
		KUNIT_EXPECT_EQ(test, gomalloc_size_roundup(size), size);
	}
	expect_unmoved(test, before);
	KUNIT_EXPECT_EQ(test, memstats(test)->failures, before->failures);
}

static void api_array(struct kunit *test)
{
	size_t half = HIDE(SIZE_MAX / 2 + 1);
	u8 *p, *q;

	KUNIT_EXPECT_NULL(test, gomalloc_array(half, 2, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, gomalloc_array(2, half, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, gocalloc(half, 3, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, gocalloc(1UL << 32, 1UL << 32, GFP_KERNEL));

	p = gomalloc_array(7, 100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, gosize(p), gomalloc_size_roundup(700));
	gotest_fill(p, 700);
	KUNIT_EXPECT_NULL(test, gorealloc_array(p, half, 2, GFP_KERNEL));
	KUNIT_EXPECT_TRUE(test, gotest_intact(p, 700));
	q = gorealloc_array(p, 70, 100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_EQ(test, gosize(q), gomalloc_size_roundup(7000));
	memset(q, 0xff, 7000);
	gofree(q);

	q = gocalloc(70, 100, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, gotest_all_zero(q, 7000));
	gofree(q);
}

#define NR_RING		16

/* Every size, where that takes no time; an odd number, to get all residues. */
#define STEP		(IS_ENABLED(CONFIG_KASAN) ? 9 : 1)

/* Every small size, and its neighbours still there. */
static void api_every_size(struct kunit *test)
{
	unsigned int misaligned = 0, wrong = 0;
	void *ring[NR_RING] = {};
	size_t size;
	void *p;

	for (size = 1; size <= GO_MAX_SMALL; size += size < 512 ? 1 : STEP) {
		p = gomalloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		misaligned += !IS_ALIGNED((unsigned long)p, align_of(size));
		wrong += gosize(p) < size ||
			 gosize(p) != gomalloc_size_roundup(size);
		gofree(ring[size % NR_RING]);
		ring[size % NR_RING] = p;
	}
	gofree_bulk(NR_RING, ring);
	KUNIT_EXPECT_EQ(test, misaligned, 0);
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/* Whole spans of each size that promises more than its class would give. */
static void api_every_aligned_size(struct kunit *test)
{
	unsigned int misaligned = 0, i;
	void *p[NR_RING];
	size_t size;

	for (size = 64; size <= GO_MAX_SMALL; size += STEP * 64) {
		KUNIT_ASSERT_EQ(test, NR_RING,
				gomalloc_bulk(GFP_KERNEL, size, NR_RING, p));
		for (i = 0; i < NR_RING; i++)
			misaligned += !IS_ALIGNED((unsigned long)p[i],
						  align_of(size));
		gofree_bulk(NR_RING, p);
	}
	KUNIT_EXPECT_EQ(test, misaligned, 0);
}

static void expect_large(struct kunit *test, size_t size, bool zero)
{
	void *odd = gomalloc(GO_MAX_SMALL + 1, GFP_KERNEL), *p;

	p = gomalloc(size, zero ? GFP_KERNEL | __GFP_ZERO : GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL_MSG(test, p, "%zu bytes", size);
	KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED((unsigned long)p,
					       align_of(size)),
			      "%zu bytes at %p", size, p);
	KUNIT_EXPECT_EQ(test, gosize(p), round_up(size, GO_PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, gosize(p), gomalloc_size_roundup(size));
	if (zero)
		KUNIT_EXPECT_TRUE(test, gotest_all_zero(p, round_up(size, 8192)));
	if (p)
		memset(HIDE(p), 0xff, round_up(size, GO_PAGE_SIZE));
	gofree(p);
	gofree(odd);
}

static void api_large(struct kunit *test)
{
	size_t size;

	for (size = GO_MAX_SMALL * 2; size <= GOALLOC_MAX_SIZE; size *= 2) {
		expect_large(test, size - 1, false);
		expect_large(test, size, true);
		expect_large(test, size - GO_PAGE_SIZE, true);
		expect_large(test, size - size / 4, false);
		if (size < GOALLOC_MAX_SIZE)
			expect_large(test, size + 1, true);
	}
}

/* Zero in every class, whatever was there before. */
static void api_zeroes(struct kunit *test)
{
	unsigned int class, noscan, round, i, dirty = 0;
	void *p[8];

	for (round = 0; round < 2; round++) {
		for (class = 1; class < GO_NR_CLASSES; class++) {
			size_t size = go_class_size[class];

			noscan = class & 1;
			for (i = 0; i < 16; i++) {
				void **q = &p[i % 8];

				if (i >= 8)
					gofree(*q);
				*q = noscan ?
				     gomalloc_noscan(size, GFP_KERNEL |
						     __GFP_ZERO) :
				     gozalloc(size, GFP_KERNEL);
				dirty += !gotest_all_zero(*q, size);
				memset(*q, 0xff, size);
			}
			gofree_bulk(8, p);
			/* Pages go round between the classes. */
			if (class % 8 == round)
				godrain_all(&goalloc_heap);
		}
	}
	KUNIT_EXPECT_EQ(test, dirty, 0);
}

/* All of the object, not only what was asked for. */
static void api_zeroes_to_the_end(struct kunit *test)
{
	size_t size;
	void *p;

	for (size = 1; size < 5000; size += 37) {
		p = gomalloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		memset(HIDE(p), 0xff, gosize(p));
		gofree(p);
		p = gozalloc(size, GFP_KERNEL);
		KUNIT_EXPECT_TRUE(test, gotest_all_zero(p, gosize(p)));
		gofree(p);
	}
}

struct resize {
	const char *name;
	size_t from;
	size_t to;
	bool noscan;
	bool stays;
};

static const struct resize resizes[] = {
	{ "within its class", 100, 112, false, true },
	{ "to the next class", 100, 113, false, false },
	{ "smaller", 1000, 10, false, true },
	{ "small to large", 20000, 100000, false, false },
	{ "large within its pages", 40000, 40960, false, true },
	{ "large to larger", 40000, 40961, false, false },
	{ "large to largest", 40000, GOALLOC_MAX_SIZE, false, false },
	{ "large to small", 40000, 1, false, true },
	{ "noscan", 64, 65, true, false },
	{ "noscan, large", 32768, 32769, true, false },
	{ "tiny to tiny", 3, 9, true, false },
	{ "tiny, smaller", 12, 4, true, true },
	{ "tiny to small", 15, 16, true, false },
};

static void resize_desc(const struct resize *param, char *buf)
{
	strscpy(buf, param->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(resizes, resizes, resize_desc);

static unsigned int spanclass_of(const void *p)
{
	unsigned int spc;

	preempt_disable();
	spc = gospan_of(&goalloc_heap, p)->spanclass;
	preempt_enable();
	return spc;
}

static void api_realloc(struct kunit *test)
{
	const struct resize *param = test->param_value;
	size_t kept = min(param->from, param->to);
	u64 live = memstats(test)->heap_objects;
	u8 *p, *q, pattern;

	p = param->noscan ? gomalloc_noscan(param->from, GFP_KERNEL) :
			    gomalloc(param->from, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	gotest_fill(HIDE(p), param->from);
	pattern = *p;
	q = gorealloc(p, param->to, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_EQ(test, HIDE(p) == HIDE(q), param->stays);
	KUNIT_EXPECT_NULL(test, memchr_inv(HIDE(q), pattern, kept));
	KUNIT_EXPECT_GE(test, gosize(q), param->to);
	KUNIT_EXPECT_EQ(test, GO_SPC_NOSCAN(spanclass_of(q)), param->noscan);
	if (param->from >= GO_TINY_SIZE)
		KUNIT_EXPECT_EQ(test, memstats(test)->heap_objects, live + 1);
	gofree(q);
}

static void api_realloc_from_nothing(struct kunit *test)
{
	struct goalloc_memstats *before;
	void *p;

	p = gorealloc(NULL, 100, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE(test, gotest_all_zero(p, 100));
	before = memstats(test);
	KUNIT_EXPECT_PTR_EQ(test, gorealloc(p, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_EQ(test, memstats(test)->frees, before->frees + 1);
	p = gorealloc(ZERO_SIZE_PTR, 100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, gosize(p), 112);
	gofree(p);
}

/* When every call asks for zeroes, all that was never written is zero. */
static void api_realloc_zero_tail(struct kunit *test)
{
	static const size_t steps[] = { 100, 50, 112, 3, 60, 500, 7, 40000, 40960, 90000 };
	size_t size = 0, written = 0;
	unsigned int i;
	u8 *p = NULL;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		size = steps[i];
		p = gorealloc(p, size, GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, p);
		OPTIMIZER_HIDE_VAR(p);
		written = min(written, size);
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0x77, written));
		KUNIT_EXPECT_TRUE_MSG(test,
				      gotest_all_zero(p + written, size - written),
				      "after step %u", i);
		memset(p, 0x77, size);
		written = size;
	}
	gofree(p);
}

struct shortage {
	void *p;
	void *result;
	size_t size;
	size_t n;
	void *bulk[300];
};

static void realloc_fn(void *arg)
{
	struct shortage *w = arg;

	w->result = gorealloc(w->p, w->size, GFP_ATOMIC);
}

static void api_realloc_fails(struct kunit *test)
{
	struct shortage *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	struct goalloc_memstats *before;

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->p = gomalloc(1000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w->p);
	gotest_fill(w->p, 1000);
	before = memstats(test);
	KUNIT_EXPECT_NULL(test, gorealloc(w->p, HIDE(TOO_MUCH), GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, gorealloc(w->p, HIDE(SIZE_MAX), GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, memstats(test)->failures, before->failures);
	w->size = 100000;
	gotest_run_in(GOTEST_NMI, realloc_fn, w);
	KUNIT_EXPECT_NULL(test, w->result);
	expect_unmoved(test, before);
	KUNIT_EXPECT_EQ(test, gosize(w->p), 1024);
	KUNIT_EXPECT_TRUE(test, gotest_intact(w->p, 1000));
	gofree(w->p);
}

static void api_bulk(struct kunit *test)
{
	static const size_t sizes[] = { 1, 8, 64, 520, 4096, 32768, 70000 };
	unsigned int i, k, bad;
	void *p[40];

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_ASSERT_EQ(test, ARRAY_SIZE(p),
				gomalloc_bulk(GFP_KERNEL, sizes[i],
					      ARRAY_SIZE(p), p));
		for (k = 0; k < ARRAY_SIZE(p); k++)
			gotest_fill(p[k], sizes[i]);
		for (k = 0, bad = 0; k < ARRAY_SIZE(p); k++)
			bad += !gotest_intact(p[k], sizes[i]) ||
			       gosize(p[k]) != gomalloc_size_roundup(sizes[i]);
		KUNIT_EXPECT_EQ(test, bad, 0);
		/* Holes in what is freed are fine. */
		gofree(p[3]);
		p[3] = NULL;
		gofree_bulk(ARRAY_SIZE(p), p);
		KUNIT_ASSERT_EQ(test, 5, gomalloc_bulk(GFP_KERNEL | __GFP_ZERO,
						       sizes[i], 5, p));
		for (k = 0; k < 5; k++)
			KUNIT_EXPECT_TRUE(test, gotest_all_zero(p[k], sizes[i]));
		gofree_bulk(5, p);
	}
	KUNIT_EXPECT_EQ(test, gomalloc_bulk(GFP_KERNEL, 64, 0, p), 0);
	gofree_bulk(0, p);
}

static void bulk_fn(void *arg)
{
	struct shortage *w = arg;

	w->n = gomalloc_bulk(GFP_ATOMIC, w->size, ARRAY_SIZE(w->bulk), w->bulk);
}

/* Some there are, but not as many: then none. */
static void api_bulk_all_or_none(struct kunit *test)
{
	struct shortage *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	struct goalloc_memstats *before;

	KUNIT_ASSERT_NOT_NULL(test, w);
	gofree(gomalloc(1024, GFP_KERNEL));
	before = memstats(test);
	w->n = 1;
	w->size = 1024;
	gotest_run_in(GOTEST_NMI, bulk_fn, w);
	gotest_settle(&goalloc_heap);
	KUNIT_EXPECT_EQ(test, w->n, 0);
	KUNIT_EXPECT_GT(test, memstats(test)->mallocs, before->mallocs);
	KUNIT_EXPECT_EQ(test, memstats(test)->heap_objects,
			before->heap_objects);
	KUNIT_EXPECT_EQ(test, memstats(test)->misuses, before->misuses);
}

struct with_head {
	char before[40];
	struct rcu_head rcu;
};

struct rcu_place {
	size_t size;
	size_t off;
};

static const struct rcu_place rcu_places[] = {
	{ 16, 0 }, { 24, 8 }, { 64, 0 }, { 64, 48 }, { 100, 96 - 16 },
	{ 520, 504 }, { 1152, 1136 }, { 8192, 8192 - 16 }, { 9472, 9000 },
	{ 32768, 20000 }, { 40000, 0 }, { 100000, 17000 },
	{ 1UL << 20, (1UL << 20) - 16 },
	{ GOALLOC_MAX_SIZE, GOALLOC_MAX_SIZE - 16 },
};

/* An rcu_head anywhere leads to its object, and not before its time. */
static void api_rcu(struct kunit *test)
{
	struct goalloc_memstats *before = memstats(test);
	unsigned int i, n = 0;
	void *p, *neighbour;

	for (i = 0; i < ARRAY_SIZE(rcu_places); i++) {
		neighbour = gomalloc(rcu_places[i].size, GFP_KERNEL);
		p = gomalloc(rcu_places[i].size, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, p);
		if (p) {
			rcu_read_lock();
			goalloc_call_rcu(p + rcu_places[i].off);
			KUNIT_EXPECT_GE(test, gosize(p), rcu_places[i].size);
			rcu_read_unlock();
			n++;
		}
		gofree(neighbour);
	}
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, n, ARRAY_SIZE(rcu_places));
	KUNIT_EXPECT_EQ(test, memstats(test)->heap_objects,
			before->heap_objects);
	KUNIT_EXPECT_EQ(test, memstats(test)->misuses, before->misuses);
}

static void api_rcu_field(struct kunit *test)
{
	struct goalloc_memstats *before = memstats(test);
	struct with_head *p, *none = NULL;
	int i;

	for (i = 0; i < 100; i++) {
		p = gozalloc(sizeof(*p), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		gofree_rcu(p, rcu);
	}
	gofree_rcu(none, rcu);
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, memstats(test)->frees, before->frees + 100);
	KUNIT_EXPECT_EQ(test, memstats(test)->misuses, before->misuses);
}

/* What it was asked for with, or what it is: both are its size. */
static void api_free_sized(struct kunit *test)
{
	struct goalloc_memstats *before = memstats(test);
	unsigned int n = 0;
	size_t size;
	void *p;

	for (size = 1; size <= 100000; size += 1 + size / 5) {
		p = gomalloc(size, GFP_KERNEL);
		gofree_sized(p, size);
		p = gomalloc(size, GFP_KERNEL);
		gofree_sized(p, gosize(p));
		p = gozalloc(size, GFP_KERNEL);
		KUNIT_EXPECT_TRUE(test, gotest_all_zero(p, size));
		if (p)
			memset(p, 0xff, size);
		gofree_sized(p, size);
		n += 3;
	}
	KUNIT_EXPECT_EQ(test, memstats(test)->frees, before->frees + n);
	KUNIT_EXPECT_EQ(test, memstats(test)->misuses, before->misuses);
}

static void api_free_sensitive(struct kunit *test)
{
	static const size_t sizes[] = { 1, 8, 100, 1024, 32768, 50000 };
	unsigned int i;
	size_t size;
	u8 *p;

	gotest_pin(test, &goalloc_heap);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = gomalloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		OPTIMIZER_HIDE_VAR(p);
		size = gosize(p);
		memset(p, 0xff, size);
		gofree_sensitive(p);
		/* The pages are still ours: one may look. */
		KUNIT_EXPECT_TRUE(test, gotest_all_zero(p, size));
	}
	p = gomalloc_noscan(5, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0xff, 5);
	gofree_sensitive(p);
	KUNIT_EXPECT_TRUE(test, gotest_all_zero(HIDE(p), 5));
}

static void api_duplicates(struct kunit *test)
{
	static const char text[] = "The quick brown fox";
	char *p, *big;

	p = gostrdup(text, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_STREQ(test, p, text);
	KUNIT_EXPECT_EQ(test, gosize(p), 24);
	gofree(p);
	p = gostrdup("", GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_STREQ(test, p, "");
	gofree(p);
	KUNIT_EXPECT_NULL(test, gostrdup(NULL, GFP_KERNEL));

	big = kunit_kmalloc(test, 50000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, big);
	get_random_bytes(big, 50000);
	p = gomemdup(big, 50000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_MEMEQ(test, p, big, 50000);
	gofree(p);
}

static void *use_cleanup(bool keep)
{
	void *p __free(gofree) = gomalloc(100, GFP_KERNEL);
	void *none __free(gofree) = NULL;
	void *err __free(gofree) = ERR_PTR(-ENOMEM);

	if (keep && !none && IS_ERR(err))
		return no_free_ptr(p);
	return NULL;
}

static void api_cleanup(struct kunit *test)
{
	struct goalloc_memstats *before = memstats(test);
	void *p;

	KUNIT_EXPECT_NULL(test, use_cleanup(false));
	KUNIT_EXPECT_EQ(test, memstats(test)->frees, before->frees + 1);
	p = use_cleanup(true);
	KUNIT_EXPECT_EQ(test, gosize(p), 112);
	gofree(p);
	KUNIT_EXPECT_EQ(test, memstats(test)->misuses, before->misuses);
}

static const gfp_t flags[] = {
	GFP_KERNEL, GFP_ATOMIC, GFP_NOWAIT, GFP_NOIO, GFP_NOFS, GFP_USER,
	GFP_KERNEL_ACCOUNT, GFP_KERNEL | __GFP_NOWARN,
	GFP_KERNEL | __GFP_NORETRY, GFP_KERNEL | __GFP_RETRY_MAYFAIL,
	GFP_KERNEL | __GFP_NOFAIL, GFP_KERNEL | __GFP_COMP,
	GFP_KERNEL | __GFP_MOVABLE, GFP_KERNEL | __GFP_RECLAIMABLE,
	GFP_ATOMIC | __GFP_NOMEMALLOC, GFP_KERNEL | __GFP_WRITE,
	GFP_KERNEL | __GFP_THISNODE, GFP_KERNEL | __GFP_HARDWALL,
};

/* From an empty heap, so that each gets as far as the page allocator. */
static void api_flags(struct kunit *test)
{
	static const size_t sizes[] = { 5, 640, 300000 };
	unsigned int i, k;
	void *p, *q;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		goalloc_free_os_memory();
		for (k = 0; k < ARRAY_SIZE(sizes); k++) {
			p = gomalloc(sizes[k], flags[i]);
			KUNIT_EXPECT_NOT_NULL_MSG(test, p, "%#x", flags[i]);
			q = gomalloc_noscan(sizes[k], flags[i] | __GFP_ZERO);
			KUNIT_EXPECT_TRUE(test, gotest_all_zero(q, sizes[k]));
			gofree(p);
			gofree(q);
		}
	}
}

static void api_node(struct kunit *test)
{
	static const size_t sizes[] = { 1, 64, 5000, 32768, 100000 };
	unsigned int i;
	void *p;
	int nid;

	for_each_node_state(nid, N_MEMORY) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			p = gomalloc_node(sizes[i], GFP_KERNEL |
					  __GFP_THISNODE | __GFP_ZERO, nid);
			KUNIT_ASSERT_NOT_NULL(test, p);
			KUNIT_EXPECT_EQ(test, page_to_nid(virt_to_page(p)),
					nid);
			KUNIT_EXPECT_TRUE(test, gotest_all_zero(p, sizes[i]));
			memset(HIDE(p), 0xff, gosize(p));
			gofree(p);
		}
	}
	p = gomalloc_node(64, GFP_KERNEL, NUMA_NO_NODE);
	KUNIT_EXPECT_EQ(test, gosize(p), 64);
	gofree(p);
	KUNIT_EXPECT_NULL(test, gomalloc_node(64, GFP_KERNEL, -2));
	KUNIT_EXPECT_NULL(test, gomalloc_node(64, GFP_KERNEL, nr_node_ids));
	KUNIT_EXPECT_NULL(test, gomalloc_node(64, GFP_KERNEL, INT_MAX));
}

/* Objects with pointers and objects without never share a page. */
static void api_noscan_apart(struct kunit *test)
{
	unsigned int i, together = 0, wrong = 0;
	void *p[64], *q[64];

	for (i = 0; i < 64; i++) {
		p[i] = gomalloc(8 + 8 * i, GFP_KERNEL);
		q[i] = gomalloc_noscan(8 + 8 * i, GFP_KERNEL);
		wrong += GO_SPC_NOSCAN(spanclass_of(p[i])) ||
			 !GO_SPC_NOSCAN(spanclass_of(q[i]));
	}
	for (i = 0; i < 64 * 64; i++)
		together += (unsigned long)p[i / 64] >> GO_PAGE_SHIFT ==
			    (unsigned long)q[i % 64] >> GO_PAGE_SHIFT;
	gofree_bulk(64, p);
	gofree_bulk(64, q);
	KUNIT_EXPECT_EQ(test, together, 0);
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

static void api_free_os_memory(struct kunit *test)
{
	struct goalloc_memstats *m;
	u64 released;
	void *p[200];
	size_t bytes;
	int i;

	KUNIT_ASSERT_EQ(test, gomalloc_bulk(GFP_KERNEL, 30000, 200, p), 200);
	for (i = 0; i < 200; i++)
		gotest_fill(p[i], 30000);
	for (i = 0; i < 200; i++)
		if (i % 50)
			gofree(p[i]);
	released = memstats(test)->heap_released;
	bytes = goalloc_free_os_memory();
	m = memstats(test);
	KUNIT_EXPECT_GE(test, bytes, 190 * 30000);
	KUNIT_EXPECT_GE(test, m->heap_released - released, 190 * 30000);
	KUNIT_EXPECT_LE(test, m->heap_idle, (u64)num_online_nodes() *
			GO_RESERVE_PAGES * GO_PAGE_SIZE);
	for (i = 0; i < 200; i += 50) {
		KUNIT_EXPECT_TRUE(test, gotest_intact(p[i], 30000));
		gofree(p[i]);
	}
}

KUNIT_ARRAY_PARAM_DESC(context, gotest_contexts, name);

static const size_t context_sizes[] = {
	1, 16, 100, 640, 4096, 20000, 32769, 65536,
};

static size_t kind_size(unsigned int i)
{
	return context_sizes[i];
}

static void *kind_alloc(struct goheap *h, unsigned int i, gfp_t gfp)
{
	void *p = gomalloc(kind_size(i), gfp | __GFP_ZERO);

	if (gotest_all_zero(p, kind_size(i)))
		return p;
	gofree(p);
	return NULL;
}

static void kind_free(struct goheap *h, void *p)
{
	gofree(p);
}

static bool kind_sane(const void *p, unsigned int i)
{
	return gosize(p) == gomalloc_size_roundup(kind_size(i));
}

static const struct gotest_kind sizes_of_all_kinds = {
	.alloc = kind_alloc,
	.size = kind_size,
	.free = kind_free,
	.sane = kind_sane,
};

/* There and here, from a heap that holds no more than it must. */
static void api_in_context(struct kunit *test)
{
	const struct gotest_context_param *param = test->param_value;
	struct goalloc_memstats *before = memstats(test);
	struct gotest_batch *b;

	b = gotest_batch_new(test, &goalloc_heap, &sizes_of_all_kinds,
			     ARRAY_SIZE(context_sizes));
	if (param->context != GOTEST_NMI) {
		goalloc_free_os_memory();
		gotest_run_in(param->context, gotest_batch_alloc, b);
		gotest_batch_free(b);
	}
	gotest_batch_alloc(b);
	gotest_run_in(param->context, gotest_batch_free, b);
	KUNIT_EXPECT_EQ(test, b->bad, 0);
	gotest_settle(&goalloc_heap);
	KUNIT_EXPECT_EQ(test, memstats(test)->heap_objects,
			before->heap_objects);
	KUNIT_EXPECT_EQ(test, memstats(test)->large_alloc,
			before->large_alloc);
	KUNIT_EXPECT_EQ(test, memstats(test)->misuses, before->misuses);
}

#define NR_SLOTS	256

/**
 * struct slot - an object as the model knows it
 * @p: where it is
 * @size: what was asked for
 * @pattern: what it is full of
 * @noscan: how it was asked for
 */
struct slot {
	u8 *p;
	size_t size;
	u8 pattern;
	bool noscan;
};

static size_t random_size(struct rnd_state *rnd)
{
	u32 r = prandom_u32_state(rnd), bits = r % 100;

	r >>= 8;
	if (bits < 20)
		return 1 + r % 16;
	if (bits < 70)
		return 1 + r % 512;
	if (bits < 95)
		return 1 + r % GO_MAX_SMALL;
	return 1 + r % 200000;
}

/* Fill a slot anew; returns whether what it got is as promised. */
static bool model_alloc(struct slot *s, struct rnd_state *rnd)
{
	u32 r = prandom_u32_state(rnd);
	gfp_t gfp = r & 1 ? GFP_KERNEL : GFP_NOWAIT;
	unsigned long align;
	bool ok = true;

	s->size = random_size(rnd);
	s->noscan = r & 2;
	s->pattern = r >> 8;
	align = align_of(s->size);
	if (s->noscan && s->size < GO_TINY_SIZE)
		align = min(align, 8UL);
	gfp |= r & 4 ? __GFP_ZERO : 0;
	s->p = s->noscan ? gomalloc_noscan(s->size, gfp) :
			   gomalloc(s->size, gfp);
	if (!s->p)
		return !(r & 1);
	ok = IS_ALIGNED((unsigned long)s->p, align) && gosize(s->p) >= s->size;
	if (r & 4)
		ok = ok && gotest_all_zero(s->p, s->size);
	memset(s->p, s->pattern, s->size);
	return ok;
}

static bool model_resize(struct slot *s, struct rnd_state *rnd)
{
	size_t size = random_size(rnd), kept = min(size, s->size);
	u8 *p = gorealloc(s->p, size, GFP_KERNEL);

	if (!p)
		return false;
	s->p = p;
	s->size = size;
	if (memchr_inv(p, s->pattern, kept) || gosize(p) < size)
		return false;
	memset(p, s->pattern, size);
	return true;
}

static void model_free(struct slot *s, unsigned int how)
{
	if (how == 0 && !s->noscan)
		gofree_sized(s->p, gosize(s->p));
	else if (how == 1)
		gofree_sensitive(s->p);
	else
		gofree(s->p);
	s->p = NULL;
}

static void api_random(struct kunit *test)
{
	unsigned int i, bad = 0, n = GOTEST_LOOPS(100000);
	struct slot *slots, *s;
	struct rnd_state rnd;
	u32 r;

	slots = kunit_kcalloc(test, NR_SLOTS, sizeof(*slots), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, slots);
	gotest_random(test, &rnd);
	for (i = 0; i < n && !bad; i++) {
		r = prandom_u32_state(&rnd);
		s = &slots[r % NR_SLOTS];
		r /= NR_SLOTS;
		if (!s->p) {
			bad += !model_alloc(s, &rnd);
			continue;
		}
		bad += !!memchr_inv(s->p, s->pattern, s->size);
		if (r % 4 == 0)
			bad += !model_resize(s, &rnd);
		else
			model_free(s, r % 8);
		if (!(i % 1024)) {
			cond_resched();
			bad += goverify(&goalloc_heap, NULL);
		}
	}
	for (s = slots; s < slots + NR_SLOTS; s++)
		if (s->p)
			gofree(s->p);
	KUNIT_EXPECT_EQ_MSG(test, bad, 0, "at step %u", i);
}

static struct kunit_case api_cases[] = {
	KUNIT_CASE(api_zero_size),
	KUNIT_CASE(api_too_large),
	KUNIT_CASE(api_array),
	KUNIT_CASE(api_every_size),
	KUNIT_CASE(api_every_aligned_size),
	KUNIT_CASE(api_large),
	KUNIT_CASE(api_zeroes),
	KUNIT_CASE(api_zeroes_to_the_end),
	KUNIT_CASE_PARAM(api_realloc, resizes_gen_params),
	KUNIT_CASE(api_realloc_from_nothing),
	KUNIT_CASE(api_realloc_zero_tail),
	KUNIT_CASE(api_realloc_fails),
	KUNIT_CASE(api_bulk),
	KUNIT_CASE(api_bulk_all_or_none),
	KUNIT_CASE(api_rcu),
	KUNIT_CASE(api_rcu_field),
	KUNIT_CASE(api_free_sized),
	KUNIT_CASE(api_free_sensitive),
	KUNIT_CASE(api_duplicates),
	KUNIT_CASE(api_cleanup),
	KUNIT_CASE(api_flags),
	KUNIT_CASE(api_node),
	KUNIT_CASE(api_noscan_apart),
	KUNIT_CASE(api_free_os_memory),
	KUNIT_CASE_PARAM(api_in_context, context_gen_params),
	KUNIT_CASE(api_random),
	{}
};

static struct kunit_suite api_suite = {
	.name = "goalloc_api",
	.init = gotest_api_init,
	.exit = gotest_api_exit,
	.test_cases = api_cases,
};

kunit_test_suite(api_suite);
