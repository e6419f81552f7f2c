/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of the API share.
 *
 * Sizes are hidden from the compiler where it would otherwise see through the
 * test, and refuse to build what must fail.
 */
#ifndef GOALLOC_KUNIT_CALLS_H
#define GOALLOC_KUNIT_CALLS_H

#include "api.h"
#include "objects.h"

#define TOO_MUCH	(GOALLOC_MAX_SIZE + 1)

/* A size, or a pointer, of which the compiler knows nothing. */
#define HIDE(x)							\
({									\
	typeof((x) + 0) __x = (x);					\
									\
	OPTIMIZER_HIDE_VAR(__x);					\
	__x;								\
})

static inline unsigned long align_of(size_t size)
{
	return size & -size;
}

static inline struct goalloc_memstats *memstats(struct kunit *test)
{
	return gotest_memstats(test, &goalloc_heap);
}

static inline unsigned int spanclass_of(const void *p)
{
	return gotest_span_of(&goalloc_heap, p)->spanclass;
}

/* Nothing was handed out, taken back or found wrong in between. */
void gotest_expect_unmoved(struct kunit *test,
			   const struct goalloc_memstats *before);

#endif /* GOALLOC_KUNIT_CALLS_H */
