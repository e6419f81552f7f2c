/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Transfer: magazines of free objects between the stacks and the mcentrals:
 * transfer.c.
 */
#ifndef GOALLOC_TRANSFER_H
#define GOALLOC_TRANSFER_H

#include "shape.h"
#include "types.h"

void gotransfer_init(struct gotransfer *t, struct gonode *node,
		     unsigned int spc);
void gotransfer_shape(struct gotransfer *t, unsigned int spc);
void gotransfer_fix_init(struct gonode *node);
struct gomagazine *gotransfer_new(struct goheap *h, unsigned int cap);
void gotransfer_top_up(struct gotransfer *t, gfp_t gfp);
struct gomagazine *gotransfer_take(struct gotransfer *t,
				   struct gomagazine *empty);
unsigned int gotransfer_copy(struct gotransfer *t, struct goslot *slot,
			     unsigned int want);
bool gotransfer_take_one(struct gotransfer *t, size_t size,
			 struct goslot *slot);
struct gomagazine *gotransfer_leave(struct goheap *h, unsigned int spc,
				    struct gomagazine *m);
bool gotransfer_store(struct goheap *h, unsigned int spc, struct gomagazine *m);
unsigned int gotransfer_flush(struct gotransfer *t, unsigned int want);
void gotransfer_empty(struct gotransfer *t);
void gotransfer_flush_all(struct gonode *node);
bool gotransfer_any(const struct gonode *node);
void gotransfer_mark_idle(struct gotransfer *t);
bool gotransfer_trim_idle(struct gotransfer *t);
unsigned int gotransfer_left(const struct gonode *node);
bool gotransfer_is_leaving(const struct gonode *node);

/* The objects of a full magazine of a span class. */
static inline unsigned int gotransfer_cap(unsigned int spc)
{
	return clamp_t(unsigned int,
		       GO_MAGAZINE_BYTES / goshapes[spc].size,
		       GO_MAGAZINE_MIN, GO_MAGAZINE_MAX);
}

/* Has the storage for @cap objects room for @more? */
static inline bool gotransfer_suits(unsigned int cap, unsigned int more)
{
	return max(fls(cap), 4) == max(fls(more), 4);
}

/* Is there anything to take?  Whoever needs to be sure takes the lock. */
static inline bool gotransfer_has(const struct gotransfer *t)
{
	return READ_ONCE(t->nfull);
}

#endif /* GOALLOC_TRANSFER_H */
