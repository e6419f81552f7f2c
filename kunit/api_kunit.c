// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the API: what include/linux/goalloc.h promises, function by
 * function, as another module would find it.
 *
 * Shortage of memory comes from asking in what passes for an NMI, where there are
 * no pages to be had.
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
#include "calls.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"

/* Nothing was handed out, taken back or found wrong in between. */
void gotest_expect_unmoved(struct kunit *test,
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

struct resize {
	const char *name;
	size_t from;
	size_t to;
	bool noscan;
	bool stays;
	bool either;
};

static const struct resize resizes[] = {
	{ "within its class", 100, 112, false, true },
	{ "to the next class", 100, 113, false, false },
	{ "smaller", 1000, 10, false, true },
	{ "small to large", 20000, 100000, false, false },
	{ "large within its pages", 40000, 40960, false, true },
	{ "large to larger", 40000, 40961, false, false, true },
	{ "large to largest", 40000, GOALLOC_MAX_SIZE, false, false },
	{ "large to most of it", 80000, 50000, false, true },
	{ "large to half of it", 80000, 40000, false, false },
	{ "large to small", 40000, 1, false, false },
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
	if (!param->either)
		KUNIT_EXPECT_EQ(test, HIDE(p) == HIDE(q), param->stays);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)q,
					   param->to & -param->to));
	KUNIT_EXPECT_NULL(test, memchr_inv(HIDE(q), pattern, kept));
	KUNIT_EXPECT_GE(test, gosize(q), param->to);
	KUNIT_EXPECT_EQ(test, GO_SPC_NOSCAN(spanclass_of(q)), param->noscan);
	if (param->from >= GO_TINY_SIZE)
		KUNIT_EXPECT_EQ(test, memstats(test)->heap_objects, live + 1);
	gofree(q);
}

/* In place or not, the address suits the size, as with gomalloc(). */
static void api_realloc_aligns(struct kunit *test)
{
	unsigned long from, to;
	void *p;

	for (from = 64; from <= 8192; from += 328)
		for (to = 64; to <= 8192; to += 128) {
			p = gorealloc(gomalloc(from, GFP_KERNEL), to, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p);
			KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED((unsigned long)p,
							       to & -to),
					      "%lu to %lu", from, to);
			gofree(p);
		}
}

/* An array that grows by small steps leaves no hole of each length. */
static void api_realloc_grows(struct kunit *test)
{
	unsigned int stayed = 0;
	u64 base, most = 0;
	void *p, *was;
	size_t size;

	/* On another node it would grow there, too. */
	gotest_pin(test, &goalloc_heap);
	goscavenge_all(&goalloc_heap);
	base = memstats(test)->heap_sys;
	p = gomalloc(SZ_64K, GFP_KERNEL);
	for (size = SZ_64K + SZ_32K; p && size <= SZ_2M; size += SZ_32K) {
		was = p;
		p = gorealloc(p, size, GFP_KERNEL);
		stayed += p == was;
		most = max(most, memstats(test)->heap_sys - base);
		/* All of its pages lead to it, those that it grew by, too. */
		KUNIT_EXPECT_TRUE(test, goalloc_owns(p + size - 1));
		KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	}
	KUNIT_EXPECT_NOT_NULL(test, p);
	KUNIT_EXPECT_GT(test, stayed, 0);
	KUNIT_EXPECT_LE(test, most, 2 * SZ_2M + SZ_1M);
	gofree(p);
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
	gotest_expect_unmoved(test, before);
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

static struct kunit_case api_cases[] = {
	KUNIT_CASE(api_array),
	KUNIT_CASE_PARAM(api_realloc, resizes_gen_params),
	KUNIT_CASE(api_realloc_aligns),
	KUNIT_CASE(api_realloc_grows),
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
	KUNIT_CASE(api_free_os_memory),
	KUNIT_CASE_PARAM(api_in_context, context_gen_params),
	{}
};

static struct kunit_suite api_suite = {
	.name = "goalloc_api",
	.init = gotest_api_init,
	.exit = gotest_api_exit,
	.test_cases = api_cases,
};

kunit_test_suite(api_suite);
