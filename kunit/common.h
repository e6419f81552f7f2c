/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all suites share.
 *
 * Tests of the layers below the API work on a heap of their own, made before
 * each case and verified and ended after it: what a case leaves live is a
 * failure, and so is anything that goverify() finds broken.  Tests of the API
 * work on the one heap there is; that is verified too.
 */
#ifndef GOALLOC_KUNIT_COMMON_H
#define GOALLOC_KUNIT_COMMON_H

#include <kunit/test.h>
#include <linux/goalloc.h>
#include <linux/prandom.h>
#include "types.h"

/* For a suite's .init and .exit: a heap of the test's own. */
int gotest_heap_init(struct kunit *test);
void gotest_heap_exit(struct kunit *test);

/* For a suite's .exit where the API's heap is used. */
void gotest_verify_exit(struct kunit *test);

static inline struct goheap *gotest_heap(struct kunit *test)
{
	return test->priv;
}

/* The span of an address. */
struct gospan *gotest_span_of(struct goheap *h, const void *p);

/* MemStats of a heap; freed with the test. */
struct goalloc_memstats *gotest_memstats(struct kunit *test, struct goheap *h);

/* Fail the test where an identity of MemStats does not hold. */
void gotest_expect_identities(struct kunit *test,
			      const struct goalloc_memstats *m);

/*
 * Give back all that can go, or what the background would, had it the time;
 * returns the bytes.
 */
size_t gotest_scavenge(struct goheap *h, bool all);

/* Run what makes the kernel warn. */
extern bool gotest_warns;

/* Begin a sequence of random numbers, and say with which seed. */
void gotest_random(struct kunit *test, struct rnd_state *rnd);

/* How many objects of one kind of metadata are in use. */
unsigned long gotest_fix_inuse(struct goheap *h, unsigned int kind);

/* Misuses of a kind that a heap has counted. */
static inline long gotest_misuses(struct goheap *h, enum gomisuse kind)
{
	return atomic_long_read(&h->misuse[kind]);
}

#endif /* GOALLOC_KUNIT_COMMON_H */
