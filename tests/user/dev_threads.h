/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads for the tests of /dev/goalloc.  They cannot use the harness's EXPECT
 * macros, so they count failures, and join_threads() returns the sum.
 */
#ifndef DEV_THREADS_H
#define DEV_THREADS_H

#include <pthread.h>
#include <stdint.h>

#define NR_THREADS	4

typedef void *(*thread_fn)(void *arg);

static pthread_t threads[NR_THREADS];
static int thread_failures;

static inline void failed_unless(int ok)
{
	if (!ok)
		__atomic_add_fetch(&thread_failures, 1, __ATOMIC_RELAXED);
}

/* Start NR_THREADS threads, whose argument is their number. */
static inline int start_threads(thread_fn fn)
{
	intptr_t i;
	int err = 0;

	thread_failures = 0;
	for (i = 0; i < NR_THREADS; i++)
		err |= pthread_create(&threads[i], NULL, fn, (void *)i);
	return err;
}

static inline int join_threads(void)
{
	int i;

	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	return thread_failures;
}

static inline int run_threads(thread_fn fn)
{
	int err = start_threads(fn);

	return err ? err : join_threads();
}

#endif /* DEV_THREADS_H */
