// SPDX-License-Identifier: GPL-2.0
/*
 * Hooks: what a low file asks for is counted and passed on, hook or no hook.
 *
 * hooks.c is included, with switches and hooks of its own under other names:
 * those of goalloc.ko stay as they are.
 */

#define goalloc_check	hooks_own_check
#define goalloc_debug	hooks_own_debug
#define goalloc_watch	hooks_own_watch
#define goalloc_detour	hooks_own_detour
#define goalloc_free_detour	hooks_own_free_detour
#define goalloc_fail	hooks_own_fail
#define goalloc_fail_above	hooks_own_fail_above
#include "../hooks.c"
#undef goalloc_check
#undef goalloc_debug
#undef goalloc_watch
#undef goalloc_detour
#undef goalloc_free_detour
#undef goalloc_fail
#undef goalloc_fail_above

#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "common.h"
#include "hooks.h"

/* What the hooks were called with last. */
static struct {
	struct goheap *h;
	enum gomisuse kind;
	const void *p;
	size_t size;
	unsigned long caller;
	unsigned long bytes;
	gfp_t gfp;
	long counted;
	bool answer;
} seen;

static void note_misuse(struct goheap *h, enum gomisuse kind, const void *p,
			size_t size, unsigned long caller)
{
	seen.h = h;
	seen.kind = kind;
	seen.p = p;
	seen.size = size;
	seen.caller = caller;
	seen.counted = gotest_misuses(h, kind);
}

static bool note_make_room(struct goheap *h, unsigned long bytes, gfp_t gfp)
{
	seen.h = h;
	seen.bytes = bytes;
	seen.gfp = gfp;
	return seen.answer;
}

/* A heap that is nothing but its counters. */
static int hooks_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct goheap), GFP_KERNEL);
	memset(&seen, 0, sizeof(seen));
	return test->priv ? 0 : -ENOMEM;
}

static void hooks_exit(struct kunit *test)
{
	memset(&gohooks, 0, sizeof(gohooks));
}

/* Nothing is called, the misuse is counted, and no room is made. */
static void hooks_unregistered(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	int i, k;

	for (i = 0; i < GO_NR_MISUSES; i++) {
		gohooks_misuse(h, i, h, 8, 0);
		for (k = 0; k < GO_NR_MISUSES; k++)
			KUNIT_EXPECT_EQ(test, gotest_misuses(h, k), k <= i);
	}
	KUNIT_EXPECT_FALSE(test, gohooks_make_room(h, SZ_1M, GFP_KERNEL));
	KUNIT_EXPECT_PTR_EQ(test, seen.h, NULL);
}

/* The hook gets all that is known, after the misuse was counted. */
static void hooks_misuse(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);

	gohooks.misuse = note_misuse;
	gohooks_misuse(h, GO_WRONG_SIZE, test, 123, 456);
	KUNIT_EXPECT_PTR_EQ(test, seen.h, h);
	KUNIT_EXPECT_EQ(test, seen.kind, GO_WRONG_SIZE);
	KUNIT_EXPECT_PTR_EQ(test, seen.p, (const void *)test);
	KUNIT_EXPECT_EQ(test, seen.size, 123);
	KUNIT_EXPECT_EQ(test, seen.caller, 456);
	KUNIT_EXPECT_EQ(test, seen.counted, 1);
	KUNIT_EXPECT_EQ(test, gotest_misuses(h, GO_WRONG_SIZE), 1);
}

/* What the hook answers is the answer. */
static void hooks_make_room(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);

	gohooks.make_room = note_make_room;
	KUNIT_EXPECT_FALSE(test, gohooks_make_room(h, SZ_64K, GFP_NOWAIT));
	seen.answer = true;
	KUNIT_EXPECT_TRUE(test, gohooks_make_room(h, SZ_1M, GFP_NOFS));
	KUNIT_EXPECT_PTR_EQ(test, seen.h, h);
	KUNIT_EXPECT_EQ(test, seen.bytes, SZ_1M);
	KUNIT_EXPECT_EQ(test, seen.gfp, GFP_NOFS);
}

static struct kunit_case hooks_cases[] = {
	KUNIT_CASE(hooks_unregistered),
	KUNIT_CASE(hooks_misuse),
	KUNIT_CASE(hooks_make_room),
	{}
};

static struct kunit_suite hooks_suite = {
	.name = "goalloc_hooks",
	.init = hooks_init,
	.exit = hooks_exit,
	.test_cases = hooks_cases,
};

kunit_test_suite(hooks_suite);
