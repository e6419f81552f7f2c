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

void *goalloc_slow(size_t size, gfp_t gfp, unsigned long owner,
		   struct goheap *h, unsigned int spc, unsigned long caller);
void *goalloc_due(size_t size, gfp_t gfp, unsigned long how, struct goheap *h,
		  struct gostack *s, unsigned long caller);
bool goalloc_refill(struct goheap *h, struct gomcache *c, unsigned int spc);
void goalloc_take(struct gostack *s, unsigned int n, void **p,
		  unsigned long owner);
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
void *goalloc_tiny_turn(size_t size, gfp_t gfp, unsigned long owner,
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
	void *obj, *raw;
	u8 *state;

	goalloc_might_sleep(gfp);
	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	/* What the slow paths need of the class they compute from this. */
	raw = (void *)c + gostack_offset(spc);
	OPTIMIZER_HIDE_VAR(raw);
	s = gostack_at(raw, 0);
	if (unlikely(!gomcache_try_enter(c)))
		goto slow;
	top = s->top;
	if (unlikely(top == s->slot)) {
		gomcache_leave(c);
		goto slow;
	}
	obj = top[-1].obj;
	if (clear)
		state = top[-1].state;
	else if (static_branch_likely(&goalloc_check))
		*top[-1].state = owner;
	gostack_move_top(s, -1);
	gomcache_count(&s->mallocs, 1);
	if (gomcache_ask(s, size))
		return goalloc_due(size, gfp,
				   owner | (clear ? GO_DUE_CLEAR : 0), h, s,
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
	return goalloc_slow(size, gfp, owner, h,
			    (raw - (void *)c) / sizeof(struct gostack),
			    caller ?: _RET_IP_);
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
	if (unlikely(!gomcache_try_enter(c)))
		goto slow;
	off = gotiny_take(c, size, owner, &due);
	if (unlikely(due))
		return goalloc_tiny_due(size, gfp, off, h, owner,
					caller ?: _RET_IP_);
	if (unlikely(off < 0))
		return goalloc_tiny_turn(size, gfp, owner, h,
					 caller ?: _RET_IP_);
	p = (void *)c->tiny + off;
	gomcache_leave(c);
	this_cpu_inc(h->mcache->tiny_mallocs);
	preempt_enable();
	return clear && want_init_on_alloc(gfp) ? memset(p, 0, size) : p;

slow:
	preempt_enable();
	return goalloc_tiny_block(size, gfp, owner, h, caller ?: _RET_IP_);
}

/* How many of @n objects come before the one that is due to be sampled? */
static __always_inline unsigned int goalloc_not_due(const struct gostack *s,
						    unsigned int n, size_t size)
{
	if (likely(s->requested + (long)(n * size) < 0))
		return n;
	return s->requested < 0 ? ~s->requested / size : 0;
}

/* Note what a batch is about to be taken from: see gofree_many(). */
static __always_inline void goalloc_note_taken(struct goheap *h,
					       struct gomcache *c,
					       struct gostack *s)
{
	c->taken.stack = s;
	c->taken.top = s->top;
	c->taken.misses = c->refills + c->flushes;
	c->taken.uncarved = atomic_long_read(&h->uncarved);
}

/*
 * Allocate up to @want without zeroing, at most GO_BULK.  Returns how many: what is
 * lacking is to be allocated one at a time, as the next is due to be sampled, or
 * there are none here.
 */
static __always_inline unsigned int goalloc_pop_many(struct goheap *h,
						     unsigned int spc,
						     size_t size, gfp_t gfp,
						     unsigned long owner,
						     unsigned int want,
						     void **p)
{
	unsigned int i, n, done = 0;
	struct gomcache *c;
	struct gostack *s;

	goalloc_might_sleep(gfp);
	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	s = &c->stack[spc];
	if (likely(gomcache_try_enter(c))) {
		do {
			goalloc_note_taken(h, c, s);
			n = min(want - done, gostack_n(s));
			n = goalloc_not_due(s, n, size);
			goalloc_take(s, n, p + done, owner);
			gomcache_count(&s->mallocs, n);
			gomcache_ask(s, n * size);
			done += n;
		} while (done < want && s->top == s->slot &&
			 goalloc_refill(h, c, spc));
		gomcache_leave(c);
	}
	preempt_enable();
	for (i = 0; IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) && i < done; i++)
		goleak_alloc(p[i], goshapes[spc].size,
			     !GO_SPC_NOSCAN(spc), gfp);
	return done;
}

#endif /* GOALLOC_ALLOC_H */
