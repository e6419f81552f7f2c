/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A field: free runs of pages with a lock, trees and arenas of their own, and no
 * heap.  The addresses are made up, because runs.c never looks at the memory
 * itself.
 */
#ifndef GOALLOC_KUNIT_FIELD_H
#define GOALLOC_KUNIT_FIELD_H

#include <linux/spinlock.h>
#include "common.h"

#define GOTEST_FIELD_ARENAS	4

/*
 * Where the first arena claims to be; the others follow it without a gap.
 * Where RAM begins in the middle of 4 MiB, no arena is aligned as its address
 * is.
 */
#define GOTEST_FIELD_BASE	0xffff888100200000UL

/**
 * struct gotest_field - runs with a lock and some arenas of their own
 * @test: whose
 * @lock: guards @runs
 * @runs: the free runs
 * @n: how many arenas there are
 * @arena: the arenas, side by side
 * @table: what their pages belong to
 */
struct gotest_field {
	struct kunit *test;
	raw_spinlock_t lock;	/* of the runs */
	struct goruns runs;
	unsigned int n;
	struct goarena arena[GOTEST_FIELD_ARENAS];
	struct gospan *table[GOTEST_FIELD_ARENAS][GO_ARENA_PAGES];
};

static inline void gotest_field_lock(struct gotest_field *f)
{
	raw_spin_lock_irq(&f->lock);
}

static inline void gotest_field_unlock(struct gotest_field *f)
{
	raw_spin_unlock_irq(&f->lock);
}

/* Some arenas, all of whose pages are free. */
struct gotest_field *gotest_field_new(struct kunit *test, unsigned int n);

/* All must be free again, a run for each arena; then the descriptors go. */
void gotest_field_end(struct gotest_field *f);

/* Memory for the descriptor of a run; kfree() it. */
struct gospan *gotest_descriptor_new(struct kunit *test);

/* Take a run, as heap.c does, or NULL; and free it. */
struct gospan *gotest_field_take(struct gotest_field *f, unsigned long npages,
				 unsigned long align);
void gotest_field_free(struct gotest_field *f, struct gospan *s);

/* Trees, bitmap, counts and map say the same; returns how many runs are free. */
unsigned int gotest_field_expect_sound(struct gotest_field *f);

#endif /* GOALLOC_KUNIT_FIELD_H */
