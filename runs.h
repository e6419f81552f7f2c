/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs: the free pages of a node as a data structure: runs.c.
 */
#ifndef GOALLOC_RUNS_H
#define GOALLOC_RUNS_H

#include <linux/math.h>
#include "types.h"

void goruns_init(struct goruns *r, raw_spinlock_t *lock, unsigned long shift);
void goruns_insert(struct goruns *r, struct gospan *s);
void goruns_remove(struct goruns *r, struct gospan *s);
struct gospan *goruns_find(struct goruns *r, unsigned long npages,
			   unsigned long align);
struct gospan *goruns_after(struct goruns *r, unsigned long npages,
			    unsigned long base);
struct gospan *goruns_next(struct goruns *r, struct gospan *s);
struct gospan *goruns_cut(struct goruns *r, struct goarena *a,
			  struct gospan *s, unsigned long npages,
			  unsigned long align, struct gospan *spare[2]);
void goruns_free(struct goruns *r, struct goarena *a, struct gospan *s,
		 struct list_head *dead);
void goruns_map(struct goarena *a, struct gospan *s, struct gospan *to);
void goruns_add_arena(struct goruns *r, struct goarena *a);
void goruns_remove_arena(struct goruns *r, struct goarena *a);
void goruns_file_arena(struct goruns *r, struct goarena *a);

/* The list that an arena belongs on. */
static inline unsigned int goruns_use(const struct goarena *a)
{
	if (!a->npages)
		return GO_USE_EMPTY;
	if (!a->nfree)
		return GO_USE_FULL;
	return GO_USE_NONE + DIV_ROUND_UP((a->npages - a->nfree) * 8,
					  GO_ARENA_PAGES);
}

#endif /* GOALLOC_RUNS_H */
