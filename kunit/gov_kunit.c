// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of memory that need not be physically contiguous.
 *
 * What the heap gives is tested elsewhere.  Here: when it is asked, what vmalloc()
 * gives instead, and that this is counted, checked and freed.  The sweeps of
 * fault_kunit.c have each of its requests fail.
 */

#include <linux/gov.h>
#include <linux/fault-inject.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "calls.h"
#include "gov.h"
#include "hooks.h"
#include "observe/observe.h"
#include "owner.h"
#include "reclaim/reclaim.h"

/* More than the heap has in one piece. */
#define AREA	(GOALLOC_MAX_SIZE + 100000UL)

static void expect_back(struct kunit *test, const struct goalloc_memstats *was)
{
	struct goalloc_memstats *now = memstats(test);

	gotest_expect_identities(test, now);
	KUNIT_EXPECT_EQ(test, now->vmalloc_sys, was->vmalloc_sys);
	KUNIT_EXPECT_EQ(test, now->vmalloc_mallocs - now->vmalloc_frees,
			was->vmalloc_mallocs - was->vmalloc_frees);
	KUNIT_EXPECT_EQ(test, now->failures, was->failures);
	KUNIT_EXPECT_EQ(test, now->misuses, was->misuses);
	KUNIT_EXPECT_EQ(test, now->heap_objects, was->heap_objects);
}

static const size_t sizes[] = {
	1, 100, 4096, 4097, 32768, 100000, SZ_1M, GOALLOC_MAX_SIZE,
	GOALLOC_MAX_SIZE + 1, AREA, SZ_16M,
};

/* The heap's as far as it goes, then vmalloc()'s; all of it there, and freed. */
static void all_sizes(struct kunit *test)
{
	struct goalloc_memstats *was = memstats(test);
	unsigned int i;
	size_t size;
	u8 *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size = HIDE(sizes[i]);
		p = govmalloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_GE(test, govsize(p), size);
		if (size > GOALLOC_MAX_SIZE) {
			KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(p));
			KUNIT_EXPECT_EQ(test, govsize(p), PAGE_ALIGN(size));
			KUNIT_EXPECT_FALSE(test, goalloc_owns(p));
		} else {
			KUNIT_EXPECT_EQ(test, govsize(p), gosize(p));
		}
		memset(p, 0x5a, govsize(p));
		govfree(p);
	}
	govfree(NULL);
	govfree(govmalloc(0, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, govsize(NULL), 0);
	expect_back(test, was);
}

static void zeroed(struct kunit *test)
{
	size_t big = HIDE(AREA);
	unsigned int i;
	u8 *p;

	for (i = 0; i < 2; i++) {
		p = govzalloc(i ? big : HIDE(3000UL), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, govsize(p)));
		memset(p, 0xff, govsize(p));
		govfree(p);
	}
	p = govcalloc(HIDE(1000UL), HIDE(5000UL), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, govsize(p)));
	govfree(p);
}

/* What cannot be is refused, without a word more than that. */
static void refused(struct kunit *test)
{
	struct goalloc_memstats *was = memstats(test);
	size_t most = HIDE(SIZE_MAX), area = HIDE(AREA);
	void *p;

	KUNIT_EXPECT_NULL(test, govmalloc(most, GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, govmalloc(most / 2, GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, govmalloc_array(HIDE(1UL << 33), HIDE(1UL << 33),
						GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, govcalloc(most, HIDE(2UL), GFP_KERNEL));
	/* It may not sleep, so that vmalloc() is not for it. */
	KUNIT_EXPECT_NULL(test, govmalloc(area, GFP_ATOMIC | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, govmalloc(area, GFP_NOWAIT | __GFP_NOWARN));
	p = govmalloc(area, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x5a, area);
	KUNIT_EXPECT_NULL(test, govrealloc(p, most, GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0x5a, area));
	govfree(p);
	expect_back(test, was);
}

/* A free of anything else is reported, and changes nothing. */
static void bad_frees(struct kunit *test)
{
	size_t size = HIDE(AREA);
	long foreign = gotest_misuses(&goalloc_heap, GO_FOREIGN);
	u8 *p = govmalloc(size, GFP_KERNEL), *q = vmalloc(size);
	struct goalloc_memstats *was = memstats(test);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, q);
	govfree(q);
	govfree(p + PAGE_SIZE);
	gofree(HIDE(p));
	KUNIT_EXPECT_EQ(test, govsize(q), 0);
	KUNIT_EXPECT_EQ(test, gotest_misuses(&goalloc_heap, GO_FOREIGN),
			foreign + 4);
	KUNIT_EXPECT_EQ(test, memstats(test)->vmalloc_sys, was->vmalloc_sys);
	memset(p, 0x5a, size);
	memset(q, 0x5a, size);
	govfree(p);
	govfree(p);
	KUNIT_EXPECT_EQ(test, gotest_misuses(&goalloc_heap, GO_FOREIGN),
			foreign + 5);
	KUNIT_EXPECT_EQ(test, memstats(test)->vmalloc_sys,
			was->vmalloc_sys - PAGE_ALIGN(size));
	vfree(q);
}

/* From the heap to vmalloc() and back, with what it holds. */
static void resized(struct kunit *test)
{
	static const size_t steps[] = {
		100, 5000, 300000, AREA, AREA + 50000, 2 * AREA, AREA + 70000,
		400000, 200, AREA,
	};
	struct goalloc_memstats *was = memstats(test);
	size_t size, last = 0;
	unsigned int i;
	u8 *p = NULL;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		size = HIDE(steps[i]);
		p = govrealloc(p, size, GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_GE(test, govsize(p), size);
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0x5a, min(size, last)));
		if (size > last)
			KUNIT_EXPECT_NULL(test, memchr_inv(p + last, 0,
							   size - last));
		KUNIT_EXPECT_EQ(test, is_vmalloc_addr(p),
				size > GOALLOC_MAX_SIZE);
		memset(p, 0x5a, size);
		last = size;
	}
	KUNIT_EXPECT_PTR_EQ(test, govrealloc(p, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	expect_back(test, was);
}

/* Where memory is in short pieces vmalloc() makes one of them. */
static void in_pieces(struct kunit *test)
{
#ifdef CONFIG_FAULT_INJECTION
	struct goalloc_memstats *was;
	size_t size = HIDE(2000000UL);
	void *p;

	gotest_cool(&goalloc_heap);
	was = memstats(test);
	WRITE_ONCE(goalloc_fail_above, 0);
	p = govmalloc(size, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, govmalloc(size, GFP_ATOMIC | __GFP_NOWARN));
	WRITE_ONCE(goalloc_fail_above, UINT_MAX);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(p));
	memset(p, 0x5a, size);
	KUNIT_EXPECT_EQ(test, memstats(test)->failures, was->failures + 1);
	KUNIT_EXPECT_EQ(test, memstats(test)->vmalloc_sys,
			was->vmalloc_sys + PAGE_ALIGN(size));
	govfree(p);
	KUNIT_EXPECT_EQ(test, memstats(test)->vmalloc_sys, was->vmalloc_sys);
#else
	kunit_skip(test, "no CONFIG_FAULT_INJECTION");
#endif
}

/* memory_limit is for them, too. */
static void limited(struct kunit *test)
{
	size_t size = HIDE(SZ_8M + 0UL);
	void *p, *q;

	gotest_cool(&goalloc_heap);
	golimit_set(&goalloc_heap, goalloc_heap.held.counter + SZ_8M + SZ_4M);
	p = govmalloc(size, GFP_KERNEL | __GFP_NOWARN);
	q = govmalloc(size, GFP_KERNEL | __GFP_NOWARN);
	KUNIT_EXPECT_NOT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, q);
	govfree(q);
	q = govmalloc(size, GFP_KERNEL | __GFP_NOFAIL);
	KUNIT_EXPECT_NOT_NULL(test, q);
	govfree(p);
	govfree(q);
	golimit_set(&goalloc_heap, 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&goalloc_heap.held),
			memstats(test)->sys);
}

/* They are their module's, as large objects are. */
static void owned(struct kunit *test)
{
	size_t size = HIDE(AREA), bytes;
	struct goowners_count *n;
	void *p[3];
	int i;

	if (!static_branch_likely(&goalloc_check))
		kunit_skip(test, "nobody knows with check=0");
	for (i = 0; i < 3; i++) {
		p[i] = govmalloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	bytes = 3 * govsize(p[0]);
	mutex_lock(&goowners_lock);
	n = goowners_count(&goalloc_heap);
	mutex_unlock(&goowners_lock);
	KUNIT_ASSERT_NOT_NULL(test, n);
	n += (__goalloc_owner - GO_OBJ_LIVE) * GOOWNERS_CLASSES;
	KUNIT_EXPECT_EQ(test, n->objects, 3);
	KUNIT_EXPECT_EQ(test, n->bytes, bytes);
	kvfree(n - (__goalloc_owner - GO_OBJ_LIVE) * GOOWNERS_CLASSES);
	for (i = 0; i < 3; i++)
		govfree(p[i]);
}

static int keep(const void *p)
{
	void *q __free(govfree) = (void *)p;

	return govsize(q) > 0;
}

static void at_scope_end(struct kunit *test)
{
	struct goalloc_memstats *was = memstats(test);

	KUNIT_EXPECT_EQ(test, keep(govmalloc(HIDE(AREA), GFP_KERNEL)), 1);
	KUNIT_EXPECT_EQ(test, keep(NULL), 0);
	expect_back(test, was);
}

/* Many at once: the tree finds each. */
static void many(struct kunit *test)
{
	struct goalloc_memstats *was = memstats(test);
	size_t size = HIDE(GOALLOC_MAX_SIZE + 1);
	struct gov_found f = {};
	void *p[12], *last = NULL;
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = govmalloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		*(u64 *)p[i] = i;
	}
	while (gov_next(f.p, &f)) {
		KUNIT_EXPECT_TRUE(test, !last || f.p > last);
		last = f.p;
		n++;
	}
	KUNIT_EXPECT_EQ(test, n, ARRAY_SIZE(p));
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		n = (i * 5) % ARRAY_SIZE(p);
		KUNIT_EXPECT_EQ(test, *(u64 *)p[n], n);
		KUNIT_EXPECT_EQ(test, govsize(p[n]), PAGE_ALIGN(size));
		govfree(p[n]);
	}
	expect_back(test, was);
}

static struct kunit_case gov_cases[] = {
	KUNIT_CASE(all_sizes),
	KUNIT_CASE(zeroed),
	KUNIT_CASE(refused),
	KUNIT_CASE(bad_frees),
	KUNIT_CASE(resized),
	KUNIT_CASE(in_pieces),
	KUNIT_CASE(limited),
	KUNIT_CASE(owned),
	KUNIT_CASE(at_scope_end),
	KUNIT_CASE(many),
	{}
};

static struct kunit_suite gov_suite = {
	.name = "goalloc_gov",
	.init = gotest_api_init,
	.exit = gotest_api_exit,
	.test_cases = gov_cases,
};

kunit_test_suite(gov_suite);
