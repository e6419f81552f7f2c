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
	return go_size_to_class[(size - 1) / 8 + size / 256];
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
	WRITE_ONCE(c->busy, true);
	barrier();
}

static __always_inline void gomcache_leave(struct gomcache *c)
{
	barrier();
	WRITE_ONCE(c->busy, false);
}

/* Only this CPU writes. */
static __always_inline void gomcache_count(unsigned long *counter,
					   unsigned long by)
{
	/* A reader of another CPU takes either value. */
	data_race(*counter += by);
}

/* For checkers only: nobody else gains from a call more. */
static __always_inline void gomcache_might_alloc(gfp_t gfp)
{
	if (IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) || IS_ENABLED(CONFIG_LOCKDEP))
		might_alloc(gfp);
}

/*
 * Allocate.  Where nothing can have to be cleared, @clear false, the object is
 * made live at once; else who clears it must know what its state was.
 */
static __always_inline void *gomcache_pop(struct goheap *h, unsigned long spc,
					  size_t size, gfp_t gfp, bool clear)
{
	struct gomcache *c;
	struct gostack *s;
	struct goslot *top;
	u8 *state;
	void *obj;

	gomcache_might_alloc(gfp);
	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	if (unlikely(c->busy))
		goto slow;
	gomcache_enter(c);
	s = &c->stack[spc];
	top = s->top;
	if (unlikely(top == s->slot)) {
		gomcache_leave(c);
		goto slow;
	}
	top--;
	WRITE_ONCE(s->top, top);
	obj = top->obj;
	if (clear)
		state = top->state;
	else if (static_branch_likely(&goalloc_check))
		*top->state = GO_OBJ_LIVE;
	gomcache_count(&s->mallocs, 1);
	gomcache_count(&s->requested, size);
	gomcache_leave(c);
	preempt_enable();

	if (clear)
		return gomcache_hand_out(obj, state, spc, gfp);
	goleak_alloc(obj, go_class_size[GO_SPC_CLASS(spc)],
		     !GO_SPC_NOSCAN(spc), gfp);
	return obj;

slow:
	preempt_enable();
	return gomcache_alloc_slow(h, spc, size, gfp);
}

static __always_inline void *gomcache_alloc(struct goheap *h, unsigned int spc,
					    size_t size, gfp_t gfp)
{
	return gomcache_pop(h, spc, size, gfp, true);
}

/* Several at once, where nothing is to be cleared; returns how many there were. */
static __always_inline unsigned int gomcache_pop_many(struct goheap *h,
						      unsigned int spc,
						      size_t size, gfp_t gfp,
						      unsigned int want,
						      void **p)
{
	unsigned int i, n = 0;
	struct gomcache *c;
	struct gostack *s;
	struct goslot *top;

	gomcache_might_alloc(gfp);
	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	if (likely(!c->busy)) {
		gomcache_enter(c);
		s = &c->stack[spc];
		n = min(want, gostack_n(s));
		top = s->top;
		for (i = 0; i < n; i++) {
			p[i] = (--top)->obj;
			if (static_branch_likely(&goalloc_check))
				*top->state = GO_OBJ_LIVE;
		}
		WRITE_ONCE(s->top, top);
		gomcache_count(&s->mallocs, n);
		gomcache_count(&s->requested, n * size);
		gomcache_leave(c);
	}
	preempt_enable();
	for (i = 0; IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) && i < n; i++)
		goleak_alloc(p[i], go_class_size[GO_SPC_CLASS(spc)],
			     !GO_SPC_NOSCAN(spc), gfp);
	return n;
}

/* May this CPU's cache be freed to?  Preemption is off. */
static __always_inline bool gomcache_may_push(const struct gomcache *c)
{
	if (unlikely(c->busy))
		return false;
	/* An NMI cannot tell kmemleak: the worker will. */
	return !IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) || !in_nmi();
}

/* Put an object on its stack, if it is live and there is room.  @c is ours. */
static __always_inline bool gomcache_put(struct gomcache *c, void *p,
					 unsigned int spc, u8 *state,
					 bool check)
{
	struct gostack *s = &c->stack[spc];
	struct goslot *top = s->top;

	/* Only now: an interrupt may have freed it since it was looked up. */
	if ((check && unlikely(*state != GO_OBJ_LIVE)) ||
	    unlikely(top == s->limit))
		return false;
	goleak_free(p);
	if (check)
		*state = GO_OBJ_FREE;
	top->obj = p;
	top->state = state;
	WRITE_ONCE(s->top, top + 1);
	gomcache_count(&s->frees, 1);
	return true;
}

/*
 * Push an object if it is live; @state is its state byte, NULL with check=0.
 * Preemption is off.
 */
static __always_inline bool gomcache_push(struct goheap *h, void *p,
					  unsigned int spc, u8 *state,
					  bool check)
{
	struct gomcache *c = this_cpu_ptr(h->mcache);
	bool done;

	if (unlikely(!gomcache_may_push(c)))
		return false;
	gomcache_enter(c);
	done = gomcache_put(c, p, spc, state, check);
	gomcache_leave(c);
	return done;
}

/*
 * Free an object, of a class if one is given: 0 is any.  Compiled for each value
 * of check= on its own, so that there are no more branches than are needed.
 */
static __always_inline bool gomcache_try_free(struct goheap *h, void *p,
					      unsigned int class, bool check)
{
	struct gospan *s = gospan_of(h, p);
	unsigned int idx;

	if (want_init_on_free())
		return false;
	if (!check)
		return gomcache_push(h, p, s->pushclass, NULL, false);
	if (unlikely(!gospan_index(s, p, &idx)) ||
	    (class && unlikely(GO_SPC_CLASS(s->spanclass) != class)))
		return false;
	return gomcache_push(h, p, s->spanclass, s->objstate + idx, true);
}

/* The last of @n objects, at most GO_BATCH of them; returns how many are left. */
static __always_inline size_t gomcache_free_many(struct goheap *h, size_t n,
						 void **p, bool check)
{
	size_t end = n - min_t(size_t, n, GO_BATCH);
	struct gomcache *c;
	struct gospan *s;
	unsigned int idx;
	bool ok = true;

	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	if (likely(gomcache_may_push(c)) && !want_init_on_free()) {
		gomcache_enter(c);
		while (ok && n > end) {
			s = gospan_of(h, p[n - 1]);
			if (check)
				ok = gospan_index(s, p[n - 1], &idx) &&
				     gomcache_put(c, p[n - 1], s->spanclass,
						  s->objstate + idx, true);
			else
				ok = gomcache_put(c, p[n - 1], s->pushclass,
						  NULL, false);
			n -= ok;
		}
		gomcache_leave(c);
	}
	preempt_enable();
	return n;
}

/* What is no object of ours, NULL included, is for the slow half to tell. */
static __always_inline void gomcache_free(struct goheap *h, void *p)
{
	preempt_disable();
	if (static_branch_likely(&goalloc_check)) {
		if (likely(gomcache_try_free(h, p, 0, true))) {
			preempt_enable();
			return;
		}
	} else if (likely(gomcache_try_free(h, p, 0, false))) {
		preempt_enable();
		return;
	}
	preempt_enable();
	gomcache_free_slow(h, p, _RET_IP_);
}

#endif /* GOALLOC_FASTPATH_H */
