// SPDX-License-Identifier: GPL-2.0
/*
 * Sweep: what was not reached is free again.
 *
 * When everything that can be reached has the new colour, a live object of the old
 * one is garbage, and nobody touches it any more but the sweeper of its span.  What a
 * CPU has on its stacks is free, not live, and what is allocated meanwhile has the new
 * colour, so that neither need be looked for.  Eight state bytes are compared at
 * once, and 64 objects go back to their span under one hold of a lock.
 *
 * A walk over all spans is shared by all that sweep: an allocation that finds its
 * stack empty, before it makes the heap grow, and the cycle, which does the rest.  In
 * Go, too, who allocates sweeps first, for the size that it needs; there each size has
 * a list of its spans, here the next spans in memory are swept, whatever they hold,
 * until enough has come back or enough was looked at.
 *
 * To destroy a heap is to sweep it when nothing at all is marked.
 */

#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/sched.h>
#include <linux/string.h>
#include "central.h"
#include "free.h"
#include "gc/gc.h"
#include "span.h"

/* The most spans that an allocation sweeps, and when it has enough. */
#define SPANS_AT_ONCE	32
#define OBJECTS_ENOUGH	GO_BATCH

#define BYTES_OF(byte)	((byte) * 0x0101010101010101ULL)

/* Which of eight bytes are 0: a bit for each. */
static unsigned long zero_bytes(u64 bytes)
{
	u64 low = BYTES_OF(0x7f);
	u64 zero = ~(((bytes & low) + low) | bytes | low) >> 7;

	/* Each byte's bit is moved to another place of the highest byte. */
	return zero * 0x0102040810204080ULL >> 56;
}

/*
 * Which of the @n objects from @state on, at most 64, are dead: in state @dead but for
 * the bits that are not in @mask.
 */
static unsigned long find_dead(const u8 *state, unsigned int n, u8 mask,
			       u8 dead)
{
	unsigned long found = 0;
	unsigned int i;
	__le64 eight;

	for (i = 0; i + 8 <= n; i += 8) {
		/* Other bytes may be changing; those of dead objects are not. */
		data_race(memcpy(&eight, state + i, sizeof(eight)));
		found |= zero_bytes((le64_to_cpu(eight) & BYTES_OF(mask)) ^
				    BYTES_OF(dead)) << i;
	}
	for (; i < n; i++)
		if ((READ_ONCE(state[i]) & mask) == dead)
			found |= BIT(i);
	return found;
}

/* Free the dead objects of a small span; returns how many. */
static unsigned int sweep_small(struct gospan *s, u8 mask, u8 dead)
{
	unsigned int i, word, n = READ_ONCE(s->nelems), freed = 0;
	u8 *state = READ_ONCE(s->objstate);
	unsigned long found, bits;

	for (word = 0; word * BITS_PER_LONG < n; word++, state += BITS_PER_LONG) {
		found = find_dead(state, min_t(unsigned int, BITS_PER_LONG,
					       n - word * BITS_PER_LONG),
				  mask, dead);
		if (!found)
			continue;
		/* From here on the span stays: the objects are ours. */
		bits = found;
		for_each_set_bit(i, &bits, BITS_PER_LONG)
			WRITE_ONCE(state[i], GO_OBJ_FREE);
		gocentral_free_word(s, word, found);
		freed += hweight_long(found);
	}
	return freed;
}

/* Free a large object if it is dead and nobody else does. */
static void sweep_large(struct goheap *h, struct gospan *s, u8 mask, u8 dead)
{
	u8 owner = READ_ONCE(s->owner);

	if ((owner & mask) == dead && try_cmpxchg(&s->owner, &owner, 0))
		gofree_slow((void *)READ_ONCE(s->base), h, 0);
}

/* An RCU reader; the span may be another one by now, or none. */
static unsigned int sweep_span(struct goheap *h, struct gospan *s, u8 mask,
			       u8 dead)
{
	/* With what it leads to. */
	if (smp_load_acquire(&s->magic))
		return sweep_small(s, mask, dead);
	if (READ_ONCE(s->state) == GO_SPAN_LARGE)
		sweep_large(h, s, mask, dead);
	return 0;
}

/*
 * Sweep the next span; false at the end.  Adds to @freed what has come back for
 * @spc.
 */
static bool sweep_next(struct gogcheap *g, unsigned int spc, unsigned int *freed)
{
	u8 dead = GO_OBJ_LIVE | (g->colour ^ GOGC_COLOUR);
	unsigned int n;
	struct gospan *s;
	unsigned long flags;

	rcu_read_lock();
	raw_spin_lock_irqsave(&g->cursor_lock, flags);
	s = gomark_next_span(&g->heap, &g->cursor);
	raw_spin_unlock_irqrestore(&g->cursor_lock, flags);
	if (s) {
		n = sweep_span(&g->heap, s, (u8)~(GOGC_BITS & ~GOGC_COLOUR), dead);
		*freed += READ_ONCE(s->spanclass) == spc ? n : 0;
	} else {
		WRITE_ONCE(g->sweeping, false);
	}
	rcu_read_unlock();
	return s;
}

/**
 * gosweep_begin - begin to sweep
 * @g: the heap, which has been marked
 *
 * Context: task.
 */
void gosweep_begin(struct gogcheap *g)
{
	g->cursor = (struct gocursor){};
	/* The colours too are seen by whoever sees this. */
	smp_store_release(&g->sweeping, true);
}

/**
 * gosweep_for - sweep a little, for an allocation
 * @g: the heap
 * @spc: the span class of which there are no objects
 *
 * Context: any but NMI.
 */
void gosweep_for(struct gogcheap *g, unsigned int spc)
{
	unsigned int tries = SPANS_AT_ONCE, freed = 0;

	atomic_inc(&g->sweepers);
	smp_mb__after_atomic();	/* the cycle sees us, or we that it is done */
	while (tries-- && smp_load_acquire(&g->sweeping) &&
	       freed < OBJECTS_ENOUGH && sweep_next(g, spc, &freed))
		;
	smp_mb__before_atomic();	/* it is done before we are */
	atomic_dec(&g->sweepers);
}

/**
 * gosweep_all - sweep all that is left
 * @g: the heap
 *
 * Waits for those that are sweeping.
 *
 * Context: task, may sleep; only the cycle.
 */
void gosweep_all(struct gogcheap *g)
{
	unsigned int freed = 0;

	while (READ_ONCE(g->sweeping) && sweep_next(g, 0, &freed))
		cond_resched();
	smp_mb();	/* whoever comes later sees that it is done */
	while (atomic_read(&g->sweepers))
		usleep_range(20, 100);
	smp_mb();	/* and what they did is seen */
}

/**
 * gosweep_everything - free all objects
 * @g: the heap, which nobody uses
 *
 * Context: task, may sleep.
 */
void gosweep_everything(struct gogcheap *g)
{
	struct gocursor c = {};
	struct gospan *s;

	do {
		rcu_read_lock();
		s = gomark_next_span(&g->heap, &c);
		if (s)
			sweep_span(&g->heap, s, (u8)~GOGC_BITS, GO_OBJ_LIVE);
		rcu_read_unlock();
		cond_resched();
	} while (s);
}
