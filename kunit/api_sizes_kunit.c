// SPDX-License-Identifier: GPL-2.0
/*
 * The API: every size, how it is aligned, and what is zero.
 *
 * Alignment is looked at for every size there is, with neighbours alive so that
 * not all objects are the first of their span.
 */

#include <linux/sizes.h>
#include <linux/string.h>
#include "api.h"
#include "calls.h"
#include "reclaim/reclaim.h"

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
	gotest_expect_unmoved(test, before);
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
	gotest_expect_unmoved(test, before);
	KUNIT_EXPECT_EQ(test, memstats(test)->failures, before->failures);
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

/* Objects of every kind are ours; what is freed, or never was, is not. */
static void api_owns(struct kunit *test)
{
	static const size_t sizes[] = { 8, 64, 4096, SZ_32K, SZ_64K, SZ_1M };
	unsigned int i;
	void *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = gomalloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_TRUE(test, goalloc_owns(p));
		KUNIT_EXPECT_TRUE(test, goalloc_owns(p + sizes[i] - 1));
		gofree(p);
	}
	p = gomalloc_noscan(3, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, goalloc_owns(p));
	gofree(p);
	p = kmalloc(64, GFP_KERNEL);
	KUNIT_EXPECT_FALSE(test, goalloc_owns(p));
	kfree(p);
	KUNIT_EXPECT_FALSE(test, goalloc_owns(NULL));
	KUNIT_EXPECT_FALSE(test, goalloc_owns(ZERO_SIZE_PTR));
	KUNIT_EXPECT_FALSE(test, goalloc_owns(&i));
	KUNIT_EXPECT_FALSE(test, goalloc_owns((void *)ULONG_MAX));
}

static struct kunit_case api_sizes_cases[] = {
	KUNIT_CASE(api_owns),
	KUNIT_CASE(api_zero_size),
	KUNIT_CASE(api_too_large),
	KUNIT_CASE(api_every_size),
	KUNIT_CASE(api_every_aligned_size),
	KUNIT_CASE(api_large),
	KUNIT_CASE(api_zeroes),
	KUNIT_CASE(api_zeroes_to_the_end),
	KUNIT_CASE(api_noscan_apart),
	{}
};

static struct kunit_suite api_sizes_suite = {
	.name = "goalloc_api_sizes",
	.init = gotest_api_init,
	.exit = gotest_api_exit,
	.test_cases = api_sizes_cases,
};

kunit_test_suite(api_sizes_suite);
