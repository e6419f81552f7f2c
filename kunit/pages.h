/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of the page heap share: runs of pages of one node, taken with
 * and without growing, on a heap where nothing else moves.
 */
#ifndef GOALLOC_KUNIT_PAGES_H
#define GOALLOC_KUNIT_PAGES_H

#include <linux/sizes.h>
#include "common.h"

#define GOTEST_MIB_PAGES	(SZ_1M >> GO_PAGE_SHIFT)

/*
 * For a suite's .init and .exit: a heap that holds nothing, has no reserve, and
 * whose worker does not run.
 */
int gotest_pages_init(struct kunit *test);
void gotest_pages_exit(struct kunit *test);

/* Stop the heap's worker, or let it run again. */
void gotest_worker(struct goheap *h, bool on);

/* All runs are of this node. */
struct gonode *gotest_node(struct kunit *test);

/* How many arenas the node has. */
unsigned long gotest_arenas(const struct gonode *node);

/* Get a run, growing the heap if necessary; a failure ends the test. */
struct gospan *gotest_run_new(struct kunit *test, unsigned long npages,
			      unsigned long align);

/* Take a run of what the node has, as heap.c does; or NULL. */
struct gospan *gotest_run_take(struct kunit *test, unsigned long npages,
			       unsigned long align);

/* The shortest free run of at least so many pages, or NULL. */
struct gospan *gotest_run_find(struct gonode *node, unsigned long npages);

/* Free a run. */
void gotest_run_end(struct kunit *test, struct gospan *s);

/* Get an arena that is the heap's from end to end, and free; returns its base. */
unsigned long gotest_arena_new(struct kunit *test);

/* Write something all over a run; is it still there? */
void gotest_run_fill(const struct gospan *s);
bool gotest_run_intact(const struct gospan *s);

#endif /* GOALLOC_KUNIT_PAGES_H */
