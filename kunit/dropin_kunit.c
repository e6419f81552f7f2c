// SPDX-License-Identifier: GPL-2.0
/*
 * Dropin: what a module finds behind the names of <linux/slab.h>.
 *
 * The header is the last that is included, so that all others, this suite's
 * helpers too, have the kernel's functions, and the cases have those of
 * goalloc_dropin.h.  Memory of the kernel's comes from kasprintf(), vmalloc() and
 * zones.
 */

#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sprintf.h>
#include <linux/vmalloc.h>
#include "calls.h"
#include "dropin.h"
#include "dropin_cache.h"
#include "hooks.h"
#include <linux/goalloc_dropin.h>

#define SIZE	200
#define MANY	100

static long events(enum godropin_event event)
{
	return atomic_long_read(&godropin_events[event]);
}

static char *foreign(struct kunit *test)
{
	char *p = kasprintf(GFP_KERNEL, "%0*d", SIZE, 1);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_FALSE(test, goalloc_owns(p));
	return p;
}

/* An object is ours, holds what is written to it, and goes. */
static void expect_ours(struct kunit *test, void *p, size_t size)
{
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE(test, goalloc_owns(p));
	KUNIT_EXPECT_GE(test, ksize(p), size);
	memset(p, 0x5a, size);
	kfree(p);
}

static void dropin_allocates(struct kunit *test)
{
	struct goalloc_memstats *before = memstats(test);
	size_t size = HIDE((size_t)SIZE);
	void *(*pointer)(size_t size, gfp_t gfp) = kmalloc;
	char *p;

	expect_ours(test, kmalloc(SIZE, GFP_KERNEL), SIZE);
	expect_ours(test, kmalloc(size, GFP_KERNEL), SIZE);
	expect_ours(test, kmalloc(SZ_1M, GFP_KERNEL), SZ_1M);
	expect_ours(test, pointer(SIZE, GFP_KERNEL), SIZE);
	expect_ours(test, kmalloc_node(size, GFP_KERNEL, 0), SIZE);
	expect_ours(test, kmalloc_track_caller(size, GFP_KERNEL), SIZE);
	expect_ours(test, kmalloc_array(size, 3, GFP_KERNEL), 3 * SIZE);
	expect_ours(test, kmalloc_array_node(size, 3, GFP_KERNEL, 0), 3 * SIZE);
	expect_ours(test, kvmalloc(size, GFP_KERNEL), SIZE);
	expect_ours(test, kvmalloc_array(size, 3, GFP_KERNEL), 3 * SIZE);
	expect_ours(test, kmemdup("abc", 4, GFP_KERNEL), 4);
	expect_ours(test, kvmemdup("abc", 4, GFP_KERNEL), 4);
	KUNIT_EXPECT_NULL(test, kmalloc_array(SIZE_MAX, HIDE((size_t)2), GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, kvcalloc(SIZE_MAX, HIDE((size_t)2), GFP_KERNEL));
	KUNIT_EXPECT_PTR_EQ(test, kmalloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_EQ(test, kmalloc_size_roundup(520), 576);

	p = kcalloc(size, 3, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 3 * SIZE));
	expect_ours(test, krealloc(p, 4 * SIZE, GFP_KERNEL), 4 * SIZE);
	p = kstrndup("abcdef", 3, GFP_KERNEL);
	KUNIT_EXPECT_STREQ(test, p, "abc");
	expect_ours(test, p, 4);
	p = kstrdup("abcdef", GFP_KERNEL);
	KUNIT_EXPECT_STREQ(test, p, "abcdef");
	expect_ours(test, p, 7);
	KUNIT_EXPECT_EQ(test, memstats(test)->heap_objects,
			before->heap_objects);
}

/* Each way to free takes what the kernel has allocated. */
static void dropin_frees_foreign(struct kunit *test)
{
	struct goalloc_memstats *before = memstats(test);
	long n = events(GODROPIN_FOREIGN);
	void (*pointer)(const void *p) = kfree;
	void *many[MANY];
	unsigned int i;

	kfree(foreign(test));
	kvfree(foreign(test));
	kvfree(vmalloc(SIZE));
	kfree_sensitive(foreign(test));
	kvfree_sensitive(foreign(test), SIZE);
	pointer(foreign(test));
	kfree_const(kstrdup_const("constant", GFP_KERNEL));
	kfree_const(foreign(test));
	{
		void *p __free(kfree) = foreign(test);
		void *q __free(kvfree) = foreign(test);

		KUNIT_EXPECT_PTR_NE(test, p, q);
	}
	for (i = 0; i < MANY; i++)
		many[i] = i % 3 ? kmalloc(SIZE, GFP_KERNEL) : foreign(test);
	kfree_bulk(MANY, many);
	KUNIT_EXPECT_EQ(test, events(GODROPIN_FOREIGN) - n,
			10 + DIV_ROUND_UP(MANY, 3));

	/* And none of this is a mistake, nor is nothing. */
	kfree(NULL);
	kfree(ZERO_SIZE_PTR);
	kvfree(NULL);
	KUNIT_EXPECT_EQ(test, memstats(test)->misuses, before->misuses);
	KUNIT_EXPECT_EQ(test, memstats(test)->heap_objects,
			before->heap_objects);
}

/* What is ours is freed as ours, and a second free is a mistake. */
static void dropin_frees_ours(struct kunit *test)
{
	struct goalloc_memstats *before = memstats(test);
	long n = events(GODROPIN_FOREIGN);
	size_t size;

	kfree_sensitive(kmalloc(SIZE, GFP_KERNEL));
	kfree_const(kstrdup("abc", GFP_KERNEL));
	{
		void *p __free(kfree) = kmalloc(SIZE, GFP_KERNEL);

		KUNIT_EXPECT_TRUE(test, goalloc_owns(p));
	}
	KUNIT_EXPECT_EQ(test, memstats(test)->misuses, before->misuses);
	if (static_key_enabled(&goalloc_check) && gotest_warns) {
		for (size = 64; size <= SZ_1M; size *= SZ_16K / 64) {
			void *p = kmalloc(size, GFP_KERNEL);

			kfree(p);
			kfree(p);
		}
		KUNIT_EXPECT_EQ(test, memstats(test)->misuses,
				before->misuses + 2);
	}
	KUNIT_EXPECT_EQ(test, events(GODROPIN_FOREIGN), n);
	KUNIT_EXPECT_EQ(test, memstats(test)->heap_objects,
			before->heap_objects);
}

/* Zones and what is too large are the kernel's, and are counted. */
static void dropin_passes_on(struct kunit *test)
{
	struct goalloc_memstats *before = memstats(test);
	long zone = events(GODROPIN_ZONE), far = events(GODROPIN_VIRTUAL);
	long huge = events(GODROPIN_HUGE);
	void *p, *q;

	p = kmalloc(SIZE, GFP_KERNEL | GFP_DMA);
	q = krealloc(p, 2 * SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_FALSE(test, goalloc_owns(q));
	KUNIT_EXPECT_GE(test, ksize(q), 2 * SIZE);
	kfree(q);

	/* From here to there. */
	p = kmalloc(SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x5a, SIZE);
	q = krealloc(p, 2 * SIZE, GFP_KERNEL | GFP_DMA);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_FALSE(test, goalloc_owns(q));
	KUNIT_EXPECT_NULL(test, memchr_inv(q, 0x5a, SIZE));
	kfree(q);
	KUNIT_EXPECT_EQ(test, events(GODROPIN_ZONE) - zone, 2);

	/* Where there is nothing to be had what there is stays. */
	p = kmalloc(SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x5a, SIZE);
	KUNIT_EXPECT_NULL(test, krealloc(p, HIDE(4 * GOALLOC_MAX_SIZE),
					 GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0x5a, SIZE));
	kfree(p);
	KUNIT_EXPECT_NULL(test, kmalloc(HIDE(4 * GOALLOC_MAX_SIZE),
					GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_EQ(test, events(GODROPIN_HUGE) - huge, 2);

	p = kvzalloc(GOALLOC_MAX_SIZE + 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(p));
	KUNIT_EXPECT_EQ(test, events(GODROPIN_VIRTUAL) - far, 1);
	kvfree(p);

	p = kvmalloc(SZ_64K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x5a, SZ_64K);
	q = kvrealloc(p, 2 * GOALLOC_MAX_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(q));
	KUNIT_EXPECT_NULL(test, memchr_inv(q, 0x5a, SZ_64K));
	q = kvrealloc(q, 4 * GOALLOC_MAX_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_NULL(test, memchr_inv(q, 0x5a, SZ_64K));
	kvfree(q);
	KUNIT_EXPECT_EQ(test, memstats(test)->misuses, before->misuses);
	KUNIT_EXPECT_EQ(test, memstats(test)->heap_objects,
			before->heap_objects);
}

struct late {
	int value;
	struct rcu_head rcu;
	char rest[SIZE];
};

static void dropin_rcu(struct kunit *test)
{
	struct goalloc_memstats *before = memstats(test);
	struct late *p = kmalloc(sizeof(*p), GFP_KERNEL);
	struct late *q = (struct late *)kasprintf(GFP_KERNEL, "%0*zu",
						  (int)sizeof(*q), SIZE_MAX);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, q);
	rcu_read_lock();
	kfree_rcu(p, rcu);
	kvfree_rcu(q, rcu);
	/* They are still there; reading MemStats here might sleep. */
	p->value = 1;
	q->value = 1;
	rcu_read_unlock();
	p = NULL;
	kfree_rcu(p, rcu);
	kfree_rcu_mightsleep(kmalloc(SIZE, GFP_KERNEL));
	kvfree_rcu_mightsleep(foreign(test));
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, memstats(test)->heap_objects,
			before->heap_objects);
	KUNIT_EXPECT_EQ(test, memstats(test)->misuses, before->misuses);
}

static unsigned int constructed;

static void construct(void *object)
{
	constructed++;
	memset(object, 0xc7, SIZE);
}

/* Aligned, of the right size, constructed once, and gone. */
static void dropin_cache(struct kunit *test)
{
	struct goalloc_memstats *before = memstats(test);
	struct kmem_cache *s = kmem_cache_create("dropin", SIZE, 64, 0,
						 construct);
	void *many[MANY], *p;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	constructed = 0;
	KUNIT_EXPECT_EQ(test, kmem_cache_size(s), SIZE);
	for (i = 0; i < 3; i++) {
		p = kmem_cache_alloc(s, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_TRUE(test, goalloc_owns(p));
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p, 64));
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0xc7, SIZE));
		KUNIT_EXPECT_EQ(test, constructed, i + 1);
		/* Others may have the memory in between. */
		kmem_cache_free(s, p);
		kfree(kzalloc(256, GFP_KERNEL));
	}
	constructed = 0;
	KUNIT_ASSERT_EQ(test, kmem_cache_alloc_bulk(s, GFP_KERNEL, MANY, many),
			MANY);
	KUNIT_EXPECT_EQ(test, constructed, MANY);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(many[i], 0xc7, SIZE));
	kmem_cache_free_bulk(s, MANY, many);
	KUNIT_EXPECT_EQ(test, godropin_cache_live((void *)s), 0);
	kmem_cache_destroy(s);
	KUNIT_EXPECT_EQ(test, memstats(test)->misuses, before->misuses);
}

struct aligned {
	u64 words[12];
} ____cacheline_aligned;

static void dropin_cache_plain(struct kunit *test)
{
	struct kmem_cache *s = KMEM_CACHE(aligned, SLAB_ACCOUNT);
	u64 *p;

	KUNIT_ASSERT_NOT_NULL(test, s);
	p = kmem_cache_zalloc(s, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, sizeof(struct aligned)));
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p, SMP_CACHE_BYTES));
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
	s = kmem_cache_create("dropin", SIZE, NULL, 0);
	KUNIT_ASSERT_NOT_NULL(test, s);
	kmem_cache_destroy(s);
	/* Bad ones are refused, and none need not be destroyed. */
	KUNIT_EXPECT_NULL(test, kmem_cache_create("dropin", 0, 0, 0, NULL));
	KUNIT_EXPECT_NULL(test, kmem_cache_create("dropin", SIZE, 24, 0, NULL));
	kmem_cache_destroy(NULL);
}

/* With objects out it stays, says so, and can be destroyed later. */
static void dropin_cache_left(struct kunit *test)
{
	struct kmem_cache *s = kmem_cache_create("dropin_left", SIZE, 0, 0,
						 NULL);
	long left = events(GODROPIN_LEFT);
	void *p[2];

	KUNIT_ASSERT_NOT_NULL(test, s);
	p[0] = kmem_cache_alloc(s, GFP_KERNEL);
	p[1] = kmem_cache_alloc_node(s, GFP_KERNEL, 0);
	kmem_cache_destroy(s);
	KUNIT_EXPECT_EQ(test, events(GODROPIN_LEFT) - left, 2);
	kmem_cache_free(s, p[0]);
	kmem_cache_free(s, p[1]);
	kmem_cache_destroy(s);
	KUNIT_EXPECT_EQ(test, events(GODROPIN_LEFT) - left, 2);
}

/* What RCU readers may look at after its free is the kernel's. */
static void dropin_cache_kernels(struct kunit *test)
{
	long n = events(GODROPIN_CACHE);
	struct kmem_cache *s;
	void *p;

	s = kmem_cache_create("dropin_rcu", SIZE, 0, SLAB_TYPESAFE_BY_RCU,
			      NULL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, events(GODROPIN_CACHE) - n, 1);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_FALSE(test, goalloc_owns(p));
	KUNIT_EXPECT_EQ(test, kmem_cache_size(s), SIZE);
	kmem_cache_free(s, p);
	kmem_cache_shrink(s);
	kmem_cache_destroy(s);
}

static void dropin_pool(struct kunit *test)
{
	struct goalloc_memstats *before = memstats(test);
	struct kmem_cache *s = kmem_cache_create("dropin_pool", SIZE, 0, 0,
						 NULL);
	mempool_t *pool[2];
	unsigned int i;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, s);
	pool[0] = mempool_create_kmalloc_pool(2, SIZE);
	pool[1] = mempool_create_slab_pool(2, s);
	for (i = 0; i < ARRAY_SIZE(pool); i++) {
		KUNIT_ASSERT_NOT_NULL(test, pool[i]);
		p = mempool_alloc(pool[i], GFP_KERNEL);
		KUNIT_EXPECT_TRUE(test, goalloc_owns(p));
		mempool_free(p, pool[i]);
		mempool_destroy(pool[i]);
	}
	kmem_cache_destroy(s);
	KUNIT_EXPECT_EQ(test, memstats(test)->heap_objects,
			before->heap_objects);
}

static struct kunit_case dropin_cases[] = {
	KUNIT_CASE(dropin_allocates),
	KUNIT_CASE(dropin_frees_foreign),
	KUNIT_CASE(dropin_frees_ours),
	KUNIT_CASE(dropin_passes_on),
	KUNIT_CASE(dropin_rcu),
	KUNIT_CASE(dropin_cache),
	KUNIT_CASE(dropin_cache_plain),
	KUNIT_CASE(dropin_cache_left),
	KUNIT_CASE(dropin_cache_kernels),
	KUNIT_CASE(dropin_pool),
	{}
};

static struct kunit_suite dropin_suite = {
	.name = "goalloc_dropin",
	.exit = gotest_verify_exit,
	.test_cases = dropin_cases,
};

kunit_test_suite(dropin_suite);
