/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Alloc: the fast half of allocation, and what alloc.c offers.
 *
 * Most allocations execute only this: pop an object from the CPU's stack of its
 * class and mark it live.  The slot keeps the address of the state byte beside
 * the object, so that nothing is looked up.  The object itself is not
 * touched.  api.c instantiates these inlines.
 */
#ifndef GOALLOC_ALLOC_H
#define GOALLOC_ALLOC_H

#include <linux/instruction_pointer.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include "hooks.h"
#include "leak.h"
#include "mcache.h"

void *goalloc_slow(struct goheap *h, unsigned int spc, size_t size, gfp_t gfp,
		   unsigned long caller);
void *goalloc_due(size_t size, gfp_t gfp, struct gostack *s, struct goheap *h,
		  bool clear, unsigned long caller);
void *goalloc_on_node(struct goheap *h, int nid, unsigned int spc, size_t size,
		      gfp_t gfp);
void *goalloc_zeroed(void *obj, u8 *state, unsigned int spc, gfp_t gfp);
void *goalloc_large(struct goheap *h, int nid, size_t size, bool noscan,
		    gfp_t gfp, unsigned long caller);
bool goalloc_extend(struct goheap *h, void *p, size_t size, gfp_t gfp,
		    unsigned long caller);
void *goalloc_tiny(struct goheap *h, size_t size, gfp_t gfp);
void *goalloc_suspected(struct goheap *h, size_t size, gfp_t gfp, bool noscan,
			unsigned int flags, unsigned long caller);

/* Mark an object live that has been taken for a caller. */
static __always_inline void *goalloc_make_live(void *obj, u8 *state,
					       unsigned int spc, gfp_t gfp)
{
	if (static_branch_likely(&goalloc_check))
		*state = GO_OBJ_LIVE;
	goleak_alloc(obj, go_class_size[GO_SPC_CLASS(spc)],
		     !GO_SPC_NOSCAN(spc), gfp);
	return obj;
}

/* Zeroing is a tail call, so the common path spills nothing. */
static __always_inline void *goalloc_hand_out(void *obj, u8 *state,
					      unsigned int spc, gfp_t gfp)
{
	if (unlikely(want_init_on_alloc(gfp)))
		return goalloc_zeroed(obj, state, spc, gfp);
	return goalloc_make_live(obj, state, spc, gfp);
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
 */
static __always_inline void *goalloc_pop(struct goheap *h, unsigned long spc,
					 size_t size, gfp_t gfp, bool clear)
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
		*top->state = GO_OBJ_LIVE;
	gomcache_count(&s->mallocs, 1);
	if (gomcache_ask(s, size))
		return goalloc_due(size, gfp, s, h, clear, _RET_IP_);
	gomcache_leave(c);
	preempt_enable();

	if (clear)
		return goalloc_hand_out(obj, state, spc, gfp);
	goleak_alloc(obj, go_class_size[GO_SPC_CLASS(spc)],
		     !GO_SPC_NOSCAN(spc), gfp);
	return obj;

slow:
	preempt_enable();
	return goalloc_slow(h, spc, size, gfp, _RET_IP_);
}

/* Allocate several without zeroing; returns how many the stack had. */
static __always_inline unsigned int goalloc_pop_many(struct goheap *h,
						     unsigned int spc,
						     size_t size, gfp_t gfp,
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
				*top->state = GO_OBJ_LIVE;
		}
		WRITE_ONCE(s->top, top);
		gomcache_count(&s->mallocs, n);
		gomcache_ask(s, n * size);
		gomcache_leave(c);
	}
	preempt_enable();
	for (i = 0; IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) && i < n; i++)
		goleak_alloc(p[i], go_class_size[GO_SPC_CLASS(spc)],
			     !GO_SPC_NOSCAN(spc), gfp);
	return n;
}

#endif /* GOALLOC_ALLOC_H */
