// SPDX-License-Identifier: GPL-2.0
/*
 * Stacks: what one holds and in which order, when it grows, what makes it give way.
 *
 * All of it on this CPU's cache of a private heap, where nothing else moves.  The
 * conservation law is checked after each case.
 */

#include "mcache.h"
#include "objects.h"
#include "reclaim/reclaim.h"
#include "transfer.h"

#define SPC_64		GO_SPC(6, 0)

#define MANY		512

/* All classes, where that takes no time. */
#define CLASS_STEP	(IS_ENABLED(CONFIG_KASAN) ? 7 : 1)

static unsigned int stack_bytes(const struct gomcache *c, unsigned int spc)
{
	return gostack_room(&c->stack[spc]) * go_class_size[GO_SPC_CLASS(spc)];
}

/* The cache's own sum of its capacities, against ours. */
static void expect_within_budget(struct kunit *test, const struct gomcache *c)
{
	unsigned long bytes = 0;
	unsigned int spc;

	for (spc = 0; spc < GO_NR_SPANCLASSES; spc++)
		bytes += stack_bytes(c, spc);
	KUNIT_EXPECT_EQ(test, c->bytes, bytes);
	KUNIT_EXPECT_LE(test, c->bytes, c->heap->cpu_budget);
}

static void expect_sane_stack(struct kunit *test, const struct gomcache *c,
			      unsigned int spc)
{
	const struct gostack *s = &c->stack[spc];

	KUNIT_EXPECT_LE(test, gostack_n(s), gostack_cap(s));
	KUNIT_EXPECT_LE(test, gostack_cap(s), gotransfer_cap(spc));
	if (gostack_other(s)) {
		KUNIT_EXPECT_EQ(test, gostack_cap(s), gotransfer_cap(spc));
		KUNIT_EXPECT_LE(test, gostack_other(s)->n, gostack_cap(s));
	}
}

static void stack_is_lazy(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	unsigned int spc, used = 0;
	u64 before;
	void *p;

	gotest_expect_empty(test, h, raw_smp_processor_id());
	before = gotest_memstats(test, h)->mcache_inuse;
	p = gotest_alloc(h, SPC_64, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	for (spc = 0; spc < GO_NR_SPANCLASSES; spc++)
		used += !!c->stack[spc].slot;
	KUNIT_EXPECT_EQ(test, used, 1);
	KUNIT_EXPECT_EQ(test, c->bytes, stack_bytes(c, SPC_64));
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, h)->mcache_inuse - before,
			(2 * GO_STACK_MIN + 2) * sizeof(struct goslot));
	gotest_free(h, p);
}

static void stack_reuses_last_first(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	void *p[3], *q;
	int i;

	gotest_pin(test, h);
	for (i = 0; i < 3; i++)
		p[i] = gotest_alloc(h, SPC_64, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, p[1], p[0] + 64);
	KUNIT_EXPECT_PTR_EQ(test, p[2], p[1] + 64);
	for (i = 0; i < 3; i++)
		gotest_free(h, p[i]);
	for (i = 3; i-- > 0;) {
		q = gotest_alloc(h, SPC_64, GFP_KERNEL);
		KUNIT_EXPECT_PTR_EQ(test, q, p[i]);
	}
	for (i = 0; i < 3; i++)
		gotest_free(h, p[i]);
}

static void stack_grows_on_misses(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	unsigned int spc, round, cap;

	for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc += CLASS_STEP) {
		for (round = 0, cap = 0; round < 8; round++) {
			KUNIT_EXPECT_TRUE(test, gotest_burst(h, spc, cap + 1));
			KUNIT_EXPECT_GE(test, gostack_room(&c->stack[spc]), cap);
			cap = gostack_room(&c->stack[spc]);
			expect_sane_stack(test, c, spc);
		}
		KUNIT_EXPECT_EQ(test, cap, 2 * gotransfer_cap(spc));
		godrain_all(h);
	}
}

static void stack_keeps_its_budget(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	unsigned int spc, round;

	for (round = 0; round < 4; round++) {
		for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES;
		     spc += CLASS_STEP) {
			KUNIT_EXPECT_TRUE(test, gotest_burst(h, spc, 4 << round));
			/* So that it is not for want of storage. */
			gotest_settle(h);
			expect_sane_stack(test, c, spc);
			expect_within_budget(test, c);
		}
	}
}

/* A stack that was busy long ago does not keep what a busy one needs. */
static void stack_idle_gives_way(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	unsigned int spc, full, round;

	for (spc = GO_SPC(20, 0); spc < GO_NR_SPANCLASSES &&
	     c->bytes < GO_MCACHE_BUDGET * 15 / 16; spc++)
		for (round = 0; round < 5; round++)
			gotest_burst(h, spc, 110);
	full = 2 * gotransfer_cap(SPC_64);
	for (round = 0; round < 20 && gostack_room(&c->stack[SPC_64]) < full;
	     round++) {
		gotest_burst(h, SPC_64, MANY);
		/* Storage for larger stacks is the worker's to get. */
		gotest_settle(h);
	}
	KUNIT_EXPECT_EQ(test, gostack_room(&c->stack[SPC_64]), full);
	expect_within_budget(test, c);
}

/* A full stack gives up its older half, at most GO_FLUSH, and keeps the newest. */
static void stack_flushes_older_half(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	struct gostack *s = &c->stack[SPC_64];
	unsigned int i, cap, flushed;
	void **p;

	p = kunit_kcalloc(test, MANY, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	/* It may not grow to a magazine's length. */
	h->cpu_budget = 100 * 64;
	for (i = 0; i < MANY; i++)
		p[i] = gotest_alloc(h, SPC_64, GFP_KERNEL);
	cap = gostack_cap(s);
	KUNIT_ASSERT_LT(test, cap, gotransfer_cap(SPC_64));
	flushed = min((cap + 1) / 2, GO_FLUSH);
	for (i = 0; i < MANY; i++) {
		unsigned int n = gostack_n(s);
		unsigned long flushes = c->flushes;

		gotest_free(h, p[i]);
		KUNIT_EXPECT_EQ(test, gostack_n(s),
				n == cap ? cap - flushed + 1 : n + 1);
		KUNIT_EXPECT_EQ(test, c->flushes - flushes, n == cap);
		KUNIT_EXPECT_PTR_EQ(test, s->top[-1].obj, p[i]);
		KUNIT_EXPECT_PTR_EQ(test, s->slot[0].obj,
				    p[i + 1 - gostack_n(s)]);
	}
}

static struct kunit_case stack_cases[] = {
	KUNIT_CASE(stack_is_lazy),
	KUNIT_CASE(stack_reuses_last_first),
	KUNIT_CASE(stack_grows_on_misses),
	KUNIT_CASE(stack_keeps_its_budget),
	KUNIT_CASE(stack_idle_gives_way),
	KUNIT_CASE(stack_flushes_older_half),
	{}
};

static struct kunit_suite stack_suite = {
	.name = "goalloc_stack",
	.init = gotest_heap_init,
	.exit = gotest_heap_exit,
	.test_cases = stack_cases,
};

kunit_test_suite(stack_suite);
