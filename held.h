/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Held: the account of what a heap holds of the kernel.
 *
 * Each place that asks the kernel for memory charges the heap first and
 * uncharges it when the memory has gone back.  This file has only the count, so
 * that the lowest files can keep it; reclaim/limit.c reads the parameter
 * memory_limit and gives memory back.
 */
#ifndef GOALLOC_HELD_H
#define GOALLOC_HELD_H

#include <linux/gfp.h>
#include "hooks.h"

/* The most bytes that may be held. */
static inline unsigned long goheld_most(const struct goheap *h)
{
	return READ_ONCE(h->limit) ?: ULONG_MAX;
}

static inline bool goheld_is_limited(const struct goheap *h)
{
	return READ_ONCE(h->limit);
}

/* What is held should stay below this. */
static inline unsigned long goheld_comfort(const struct goheap *h)
{
	return goheld_most(h) / 20 * 19;
}

static inline unsigned long goheld_bytes(const struct goheap *h)
{
	return atomic_long_read(&h->held);
}

/*
 * Charge @bytes before the kernel is asked for them; @h is NULL where there is no
 * limit.  False if that is beyond the limit and @gfp lacks __GFP_NOFAIL.  What is
 * refused is never added, not even for a moment: it would have another caller
 * refused, and goheld_over() true.  Any context but NMI.
 */
static inline bool goheld_charge(struct goheap *h, unsigned long bytes,
				 gfp_t gfp)
{
	unsigned long most;
	long held;

	if (!h)
		return true;
	most = gfp & __GFP_NOFAIL ? ULONG_MAX : goheld_most(h);
	held = atomic_long_read(&h->held);
	do {
		if (held + bytes > most)
			return false;
	} while (!atomic_long_try_cmpxchg(&h->held, &held, held + bytes));
	if (held + bytes > goheld_comfort(h))
		gohooks_kick(h);
	return true;
}

/* Memory has gone back to the kernel.  Any context. */
static inline void goheld_uncharge(struct goheap *h, unsigned long bytes)
{
	if (h)
		atomic_long_sub(bytes, &h->held);
}

/*
 * Is more held than the limit says?  It was lowered, or __GFP_NOFAIL went beyond.
 * Any context.
 */
static inline bool goheld_over(const struct goheap *h)
{
	return unlikely(goheld_bytes(h) > goheld_most(h));
}

#endif /* GOALLOC_HELD_H */
