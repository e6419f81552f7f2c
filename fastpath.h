/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two fast paths, as inlines: all that most calls ever execute.
 *
 * Pop an object from the CPU's stack of its class; push it back.  No lock, no
 * atomic, no interrupts off: preemption is off, and @busy tells an interrupt
 * that it has hit the window.  The object itself is not touched.  With check=1
 * a free verifies that the pointer is the start of a live object, by its
 * span's magic and its state byte; the slot keeps the byte's address, so that
 * the next allocation need not look it up.
 *
 * api.c instantiates them; the slow halves are in mcache.c.
 */
#ifndef GOALLOC_FASTPATH_H
#define GOALLOC_FASTPATH_H

#include <linux/instruction_pointer.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include "internal.h"

/* Size 1..GO_MAX_SMALL to class, keeping kmalloc()'s promise of alignment. */
static __always_inline unsigned int gosize_class(size_t size)
{
	if (likely(size <= GO_SMALL_SIZE_MAX))
		return go_size_to_class8[(size + 7) / 8];
	if (unlikely(size % 256 == 0))
		return go_size_to_class256[size / 256];
	return go_size_to_class128[(size - GO_SMALL_SIZE_MAX + 127) / 128];
}

/* Tell kmemleak, where it can be told: its own metadata takes sleeping locks. */
static __always_inline void goleak_alloc(const void *p, size_t size, bool scan,
					 gfp_t gfp)
{
	if (!IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) || irqs_disabled() ||
	    (IS_ENABLED(CONFIG_PREEMPT_RT) && !preemptible()))
		return;
	kmemleak_alloc(p, size, 1, gfp & ~__GFP_ZERO);
	if (!scan)
		kmemleak_no_scan(p);
}

static __always_inline void goleak_free(const void *p)
{
	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) && !in_nmi())
		kmemleak_free(p);
}

/* An object that has been taken for a caller is his. */
static __always_inline void *gomcache_make_live(void *obj, u8 *state,
						unsigned int spc, gfp_t gfp)
{
	if (static_branch_likely(&goalloc_check))
		*state = GO_OBJ_LIVE;
	goleak_alloc(obj, go_class_size[GO_SPC_CLASS(spc)],
		     !GO_SPC_NOSCAN(spc), gfp);
	return obj;
}

/* Clearing is a tail call, so that who does not clear saves no registers. */
static __always_inline void *gomcache_hand_out(void *obj, u8 *state,
					       unsigned int spc, gfp_t gfp)
{
	if (unlikely(want_init_on_alloc(gfp)))
		return gomcache_hand_out_zeroed(obj, state, spc, gfp);
	return gomcache_make_live(obj, state, spc, gfp);
}

static __always_inline void gomcache_enter(struct gomcache *c)
{
	c->busy = true;
	barrier();
}

static __always_inline void gomcache_leave(struct gomcache *c)
{
	barrier();
	c->busy = false;
}

/* Only this CPU writes. */
static __always_inline void gomcache_count(unsigned long *counter,
					   unsigned long by)
{
	/* A reader of another CPU takes either value. */
	data_race(*counter += by);
}

static __always_inline void *gomcache_alloc(struct goheap *h, unsigned int spc,
					    size_t size, gfp_t gfp)
{
	struct gomcache *c;
	struct gostack *s;
	struct goslot *slot;
	void *obj;
	u8 *state;

	if (IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) || IS_ENABLED(CONFIG_LOCKDEP))
		might_alloc(gfp);

	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	if (unlikely(c->busy))
		goto slow;
	gomcache_enter(c);
	s = &c->stack[spc];
	if (unlikely(!s->n)) {
		gomcache_leave(c);
		goto slow;
	}
	slot = &s->slot[--s->n];
	obj = slot->obj;
	state = slot->state;
	gomcache_count(&s->mallocs, 1);
	gomcache_count(&s->requested, size);
	gomcache_leave(c);
	preempt_enable();
	return gomcache_hand_out(obj, state, spc, gfp);

slow:
	preempt_enable();
	return gomcache_alloc_slow(h, spc, size, gfp);
}

/* Push an object if it is live; @state is its state byte, NULL with check=0. */
static __always_inline bool gomcache_push(struct goheap *h, void *p,
					  unsigned int spc, u8 *state)
{
	struct gomcache *c = this_cpu_ptr(h->mcache);
	struct goslot *slot;
	struct gostack *s;
	unsigned int n;

	if (unlikely(c->busy))
		return false;
	/* An NMI cannot tell kmemleak: the worker will. */
	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) && in_nmi())
		return false;
	gomcache_enter(c);
	s = &c->stack[spc];
	n = s->n;
	/* Only now: an interrupt may have freed it since it was looked up. */
	if ((static_branch_likely(&goalloc_check) &&
	     unlikely(*state != GO_OBJ_LIVE)) || unlikely(n == s->cap)) {
		gomcache_leave(c);
		return false;
	}
	goleak_free(p);
	if (static_branch_likely(&goalloc_check))
		*state = GO_OBJ_FREE;
	s->n = n + 1;
	slot = &s->slot[n];
	slot->obj = p;
	slot->state = state;
	gomcache_count(&s->frees, 1);
	gomcache_leave(c);
	return true;
}

static __always_inline void gomcache_free(struct goheap *h, void *p,
					  unsigned long caller)
{
	struct gospan *s;
	unsigned int idx;
	u8 *state = NULL;

	preempt_disable();
	s = gospan_of(h, p);
	if (static_branch_likely(&goalloc_check)) {
		if (unlikely(!gospan_index(s, p, &idx)))
			goto slow;
		state = s->objstate + idx;
	} else if (unlikely(gospan_needs_tiny(s->spanclass))) {
		goto slow;
	}
	if (unlikely(want_init_on_free()))
		goto slow;
	if (unlikely(!gomcache_push(h, p, s->spanclass, state)))
		goto slow;
	preempt_enable();
	return;

slow:
	preempt_enable();
	gomcache_free_slow(h, p, caller);
}

#endif /* GOALLOC_FASTPATH_H */
