// SPDX-License-Identifier: GPL-2.0
/*
 * Memory in short pieces: no block of more than some order can be had, as in a
 * machine that has run for long.  Each size must be served as long as kmalloc()
 * could serve it, from shorter spans, down to half of an 8 KiB page.
 */

#include <linux/mm.h>
#include <linux/sizes.h>
#include "api.h"
#include "central.h"
#include "hooks.h"
#include "numa.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "span.h"
#include "tiny.h"

/* Objects of a size: more than a CPU's stack takes of the larger ones. */
#define NR		40

/* From now on the page allocator has blocks up to this order. */
static void blocks_up_to(unsigned int order)
{
#ifdef CONFIG_FAULT_INJECTION
	WRITE_ONCE(goalloc_fail_above, order);
#endif
}

static int short_init(struct kunit *test)
{
	int err = gotest_api_init(test);

	if (err)
		return err;
	if (!IS_ENABLED(CONFIG_FAULT_INJECTION))
		kunit_skip(test, "no CONFIG_FAULT_INJECTION");
	gotest_cool(&goalloc_heap);
	return 0;
}

static void short_exit(struct kunit *test)
{
	blocks_up_to(UINT_MAX);
	gotest_cool(&goalloc_heap);
	gotest_api_exit(test);
}

/* Get objects of a size, each as good as one of a long span. */
static unsigned int get_objects(struct kunit *test, void **p, size_t size,
				gfp_t gfp)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		p[i] = gomalloc(size, gfp | __GFP_NOWARN);
		if (!p[i])
			break;
		KUNIT_EXPECT_GE(test, gosize(p[i]), size);
		KUNIT_EXPECT_TRUE(test, goalloc_owns(p[i]));
		KUNIT_EXPECT_EQ(test, (unsigned long)p[i] & ((size & -size) - 1),
				0);
		gotest_fill(p[i], size);
	}
	return i;
}

static void put_objects(struct kunit *test, void **p, size_t size,
			unsigned int n)
{
	while (n--) {
		KUNIT_EXPECT_TRUE(test, gotest_intact(p[n], size));
		gofree(p[n]);
	}
}

/* All that kmalloc() gets from blocks of an order, in each context. */
static void short_serves(struct kunit *test)
{
	static const gfp_t gfps[] = { GFP_KERNEL, GFP_NOWAIT, GFP_ATOMIC };
	unsigned int i, class, n, order = *(const unsigned int *)test->param_value;
	void **p = kunit_kcalloc(test, NR, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < ARRAY_SIZE(gfps); i++) {
		for (class = 1; class < GO_NR_CLASSES; class++) {
			if (get_order(go_class_size[class]) > order)
				continue;
			blocks_up_to(order);
			n = get_objects(test, p, go_class_size[class], gfps[i]);
			KUNIT_EXPECT_EQ_MSG(test, n, NR, "%u bytes, gfp %x",
					    go_class_size[class], gfps[i]);
			KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
			put_objects(test, p, go_class_size[class], n);
			KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
			blocks_up_to(UINT_MAX);
			gotest_cool(&goalloc_heap);
		}
	}
}

static const unsigned int orders[] = { 0, 1, 2, 3 };

static void describe_order(const unsigned int *order, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "order %u", *order);
}

KUNIT_ARRAY_PARAM(order, orders, describe_order);

/* The pages of half are counted as what they are, and all go back. */
static void short_accounts(struct kunit *test)
{
	struct goalloc_memstats *b, *a;
	void *p[NR];

	blocks_up_to(0);
	b = gotest_memstats(test, &goalloc_heap);
	KUNIT_EXPECT_EQ(test, get_objects(test, p, SZ_4K, GFP_KERNEL), NR);
	a = gotest_memstats(test, &goalloc_heap);
	/* Of some pages the other half has come, too. */
	KUNIT_EXPECT_GE(test, a->heap_sys - b->heap_sys, NR * SZ_4K);
	KUNIT_EXPECT_LE(test, a->heap_sys - b->heap_sys, NR * SZ_8K);
	KUNIT_EXPECT_EQ(test, a->sys, atomic_long_read(&goalloc_heap.held));
	KUNIT_EXPECT_EQ(test, a->heap_inuse - b->heap_inuse, NR * SZ_4K);
	gotest_expect_identities(test, a);
	put_objects(test, p, SZ_4K, NR);
	godrain_all(&goalloc_heap);
	a = gotest_memstats(test, &goalloc_heap);
	KUNIT_EXPECT_EQ(test, a->heap_inuse, b->heap_inuse);
	gotest_cool(&goalloc_heap);
	a = gotest_memstats(test, &goalloc_heap);
	/* What was idle before may have gone, too. */
	KUNIT_EXPECT_LE(test, a->heap_sys, b->heap_sys);
	KUNIT_EXPECT_GE(test, a->heap_released - b->heap_released, NR * SZ_4K);
}

/* The other half of a page is not ours, whatever it is taken for. */
static void short_other_half(struct kunit *test)
{
	long misuses = gotest_misuses(&goalloc_heap, GO_FOREIGN);
	unsigned int class, bad = 0;
	unsigned long base, off;
	struct gospan *s;
	void *p;

	if (!static_key_enabled(&goalloc_check))
		kunit_skip(test, "check=0 promises nothing");
	for (class = 1; go_class_size[class] <= PAGE_SIZE; class++) {
		blocks_up_to(0);
		p = gomalloc(go_class_size[class], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		s = gotest_span_of(&goalloc_heap, p);
		KUNIT_ASSERT_TRUE(test, s->half);
		base = round_down(s->base, GO_PAGE_SIZE);
		for (off = 0; off < GO_PAGE_SIZE; off += 8) {
			if (base + off - s->base < PAGE_SIZE)
				continue;
			bad += goalloc_owns((void *)base + off);
			gofree((void *)base + off);
		}
		KUNIT_EXPECT_EQ(test, gotest_misuses(&goalloc_heap, GO_FOREIGN),
				misuses += PAGE_SIZE / 8);
		gofree(p);
		gotest_cool(&goalloc_heap);
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
}

/* The other half of a page with tiny objects: no word is read, or changed. */
static void short_other_half_tiny(struct kunit *test)
{
	long misuses = gotest_misuses(&goalloc_heap, GO_FOREIGN);
	unsigned int i, n, bad = 0;
	unsigned long base, off;
	struct gospan *s;
	void *p[NR];

	blocks_up_to(0);
	for (n = 0; n < NR; n++) {
		p[n] = gomalloc_noscan(8, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[n]);
	}
	for (i = 0; i < n; i++) {
		s = gotest_span_of(&goalloc_heap, p[i]);
		if (!s->half)
			continue;
		base = round_down(s->base, GO_PAGE_SIZE);
		for (off = 0; off < GO_PAGE_SIZE; off += 8) {
			if (base + off - s->base < PAGE_SIZE)
				continue;
			bad += gotiny_holds(s, (void *)base + off);
			gofree((void *)base + off);
			misuses++;
		}
		break;
	}
	KUNIT_EXPECT_LT(test, i, n);
	KUNIT_EXPECT_EQ(test, bad, 0);
	KUNIT_EXPECT_EQ(test, gotest_misuses(&goalloc_heap, GO_FOREIGN),
			misuses);
	while (n--)
		gofree(p[n]);
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
}

/* An atomic caller has the reserve before it gets NULL, preempted or not. */
static void short_reserve(struct kunit *test)
{
	void *p[NR];

	goworker_top_up(&goalloc_heap);
	blocks_up_to(0);
	KUNIT_EXPECT_EQ(test, get_objects(test, p, SZ_8K, GFP_NOWAIT), NR);
	put_objects(test, p, SZ_8K, NR);
}

/* With memory again, spans are as long as they should be. */
static void short_no_longer(struct kunit *test)
{
	void *p[2];

	blocks_up_to(1);
	p[0] = gomalloc(27264, GFP_KERNEL | __GFP_NOWARN);
	KUNIT_EXPECT_NULL(test, p[0]);
	blocks_up_to(3);
	p[0] = gomalloc(27264, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p[0]);
	KUNIT_EXPECT_EQ(test, gotest_span_of(&goalloc_heap, p[0])->nelems, 1);
	blocks_up_to(UINT_MAX);
	p[1] = gomalloc(27264, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p[1]);
	KUNIT_EXPECT_EQ(test, gotest_span_of(&goalloc_heap, p[1])->nelems, 3);
	gofree(p[0]);
	gofree(p[1]);
}

static struct kunit_case short_cases[] = {
	KUNIT_CASE_PARAM(short_serves, order_gen_params),
	KUNIT_CASE(short_accounts),
	KUNIT_CASE(short_other_half),
	KUNIT_CASE(short_other_half_tiny),
	KUNIT_CASE(short_reserve),
	KUNIT_CASE(short_no_longer),
	{}
};

static struct kunit_suite short_suite = {
	.name = "goalloc_short",
	.init = short_init,
	.exit = short_exit,
	.test_cases = short_cases,
};

kunit_test_suites(&short_suite);
