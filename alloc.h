/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Alloc: the fast half of allocation, and what alloc.c offers.
 *
 * Most allocations execute only this: pop an object from the CPU's stack of its
 * class and mark it live.  The slot keeps the address of the state byte beside
 * the object, so that nothing is looked up.  The object itself is not
 * touched.  api.c instantiates these inlines.
 *
 * An @owner is the state byte of a live object of that owner: GO_OBJ_LIVE for an
 * unknown one.
 */
#ifndef GOALLOC_ALLOC_H
#define GOALLOC_ALLOC_H

#include <linux/instruction_pointer.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include "hooks.h"
#include "leak.h"
#include "mcache.h"
#include "shape.h"
#include "tiny.h"

/* Beside an owner: the object is to be cleared. */
#define GO_DUE_CLEAR	BIT(8)

void *goalloc_slow(struct goheap *h, unsigned int spc, size_t size, gfp_t gfp,
		   unsigned long owner, unsigned long caller);
void *goalloc_due(size_t size, gfp_t gfp, struct gostack *s, struct goheap *h,
		  unsigned long how, unsigned long caller);
void *goalloc_on_node(struct goheap *h, int nid, unsigned int spc, size_t size,
		      gfp_t gfp, unsigned long owner,
		      unsigned long caller);
void *goalloc_zeroed(void *obj, u8 *state, unsigned int spc, gfp_t gfp,
		     unsigned long owner);
void *goalloc_large(struct goheap *h, int nid, size_t size, bool noscan,
		    gfp_t gfp, unsigned long owner, unsigned long caller);
bool goalloc_extend(struct goheap *h, void *p, size_t size, gfp_t gfp,
		    unsigned long caller);
void *goalloc_tiny(size_t size, gfp_t gfp, unsigned long owner,
		   struct goheap *h, unsigned long caller);
void *goalloc_tiny_block(size_t size, gfp_t gfp, unsigned long owner,
			 struct goheap *h, unsigned long caller);
void *goalloc_tiny_due(size_t size, gfp_t gfp, int off, struct goheap *h,
		       unsigned long owner, unsigned long caller);
void *goalloc_suspected(struct goheap *h, size_t size, gfp_t gfp, bool noscan,
			unsigned int flags, unsigned long caller, unsigned long owner,
			unsigned int site);

/* Mark an object live that has been taken for a caller. */
static __always_inline void *goalloc_make_live(void *obj, u8 *state,
					       unsigned int spc, gfp_t gfp,
					       unsigned long owner)
{
	if (static_branch_likely(&goalloc_check))
		*state = owner;
	goleak_alloc(obj, goshapes[spc].size,
		     !GO_SPC_NOSCAN(spc), gfp);
	return obj;
}

/* Zeroing is a tail call, so the common path spills nothing. */
static __always_inline void *goalloc_hand_out(void *obj, u8 *state,
					      unsigned int spc, gfp_t gfp,
					      unsigned long owner)
{
	if (unlikely(want_init_on_alloc(gfp)))
		return goalloc_zeroed(obj, state, spc, gfp, owner);
	return goalloc_make_live(obj, state, spc, gfp, owner);
}

/* For kernels that check: the others would only pay for a call. */
static __always_inline void goalloc_might_sleep(gfp_t gfp)
{
	if (IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) || IS_ENABLED(CONFIG_LOCKDEP))
		might_alloc(gfp);
}

/*
 * Allocate from the stack.  With @clear false no zeroing is needed and the
 * object is marked live here.  Otherwise its old state decides whether it is
 * zeroed.
 * A @caller of 0 is that of the function that this is in.
 */
static __always_inline void *goalloc_pop(struct goheap *h, unsigned long spc,
					 size_t size, gfp_t gfp, unsigned long owner,
					 bool clear,
					 unsigned long caller)
{
	struct gomcache *c;
	struct gostack *s;
	struct goslot *top;
	u8 *state;
	void *obj;

	goalloc_might_sleep(gfp);
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
		*top->state = owner;
	gomcache_count(&s->mallocs, 1);
	if (gomcache_ask(s, size))
		return goalloc_due(size, gfp, s, h,
				   owner | (clear ? GO_DUE_CLEAR : 0),
				   caller ?: _RET_IP_);
	gomcache_leave(c);
	preempt_enable();

	if (clear)
		return goalloc_hand_out(obj, state, spc, gfp, owner);
	goleak_alloc(obj, goshapes[spc].size,
		     !GO_SPC_NOSCAN(spc), gfp);
	return obj;

slow:
	preempt_enable();
	return goalloc_slow(h, spc, size, gfp, owner, caller ?: _RET_IP_);
}

/*
 * Take a tiny object, of @size below GO_TINY_SIZE, from the current block; if it
 * cannot be had there, from a new one.  Not cleared, unless it is @clear.
 */
static __always_inline void *goalloc_pop_tiny(size_t size, gfp_t gfp,
					      unsigned long owner,
					      struct goheap *h, bool clear,
					      unsigned long caller)
{
	struct gomcache *c;
	bool due = false;
	void *p;
	int off;

	goalloc_might_sleep(gfp);
	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	if (unlikely(c->busy))
		goto slow;
	gomcache_enter(c);
	off = gotiny_take(c, size, owner, &due);
	if (off < 0)
		off = gotiny_again(c, size, owner, &due);
	if (unlikely(due))
		return goalloc_tiny_due(size, gfp, off, h, owner,
					caller ?: _RET_IP_);
	p = (void *)c->tiny + off;
	gomcache_leave(c);
	if (unlikely(off < 0))
		goto slow;
	this_cpu_inc(h->mcache->tiny_mallocs);
	preempt_enable();
	return clear && want_init_on_alloc(gfp) ? memset(p, 0, size) : p;

slow:
	preempt_enable();
	return goalloc_tiny_block(size, gfp, owner, h, caller ?: _RET_IP_);
}

/* Allocate several without zeroing; returns how many the stack had. */
static __always_inline unsigned int goalloc_pop_many(struct goheap *h,
						     unsigned int spc,
						     size_t size, gfp_t gfp,
						     unsigned long owner,
						     unsigned int want,
						     void **p)
{
	unsigned int i, n = 0;
	struct gomcache *c;
	struct gostack *s;
	struct goslot *top;

	goalloc_might_sleep(gfp);
	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	if (likely(!c->busy)) {
		gomcache_enter(c);
		s = &c->stack[spc];
		n = min(want, gostack_n(s));
		/* One of them is due to be sampled: one at a time. */
		if (unlikely(s->requested + (long)(n * size) >= 0))
			n = 0;
		top = s->top;
		for (i = 0; i < n; i++) {
			p[i] = (--top)->obj;
			if (static_branch_likely(&goalloc_check))
				*top->state = owner;
		}
		WRITE_ONCE(s->top, top);
		gomcache_count(&s->mallocs, n);
		gomcache_ask(s, n * size);
		gomcache_leave(c);
	}
	preempt_enable();
	for (i = 0; IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) && i < n; i++)
		goleak_alloc(p[i], goshapes[spc].size,
			     !GO_SPC_NOSCAN(spc), gfp);
	return n;
}

#endif /* GOALLOC_ALLOC_H */
