/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Free: the fast half of freeing, and what free.c offers.
 *
 * Most frees execute only this: find the span, check by its magic and by the
 * object's state byte that the pointer is the start of a live object, and push
 * it on the CPU's stack.  The object itself is not touched.  With check=0
 * the pointer is believed.  api.c instantiates these inlines.
 */
#ifndef GOALLOC_FREE_H
#define GOALLOC_FREE_H

#include <linux/instruction_pointer.h>
#include <linux/mm.h>
#include "hooks.h"
#include "leak.h"
#include "mcache.h"
#include "span.h"

void gofree_slow(void *p, struct goheap *h, unsigned long caller);
void gofree_rest(void *p, struct gospan *s, struct goheap *h,
		 unsigned long caller);
size_t gofree_many(struct goheap *h, size_t n, void **p, unsigned int spc);
void gofree_block(void *block, struct goheap *h);
enum gomisuse gofree_classify(struct goheap *h, const void *p);

/* Let a free use this CPU's cache, if it may.  Preemption is off. */
static __always_inline bool gofree_try_enter(struct gomcache *c)
{
	/* An NMI cannot tell kmemleak: the worker will. */
	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) && in_nmi())
		return false;
	return gomcache_try_enter(c);
}

/* Put a live object on its stack if there is room.  The caller owns the cache. */
static __always_inline bool gofree_put(struct gostack *s, void *p, u8 *state,
				       bool check)
{
	struct goslot *top = s->top;

	if (unlikely(top == s->limit))
		return false;
	goleak_free(p);
	if (check)
		*state = GO_OBJ_FREE;
	top->obj = p;
	top->state = state;
	gostack_move_top(s, 1);
	gomcache_count(&s->frees, 1);
	return true;
}

/*
 * Push an object if it is live; @state is its state byte, NULL with check=0.
 * Preemption is off.
 */
static __always_inline bool gofree_push(struct gomcache *c, struct gostack *s,
					void *p, u8 *state, bool check)
{
	bool done;

	if (unlikely(!gofree_try_enter(c)))
		return false;
	done = gofree_put(s, p, state, check);
	gomcache_leave(c);
	return done;
}

/*
 * Free an object of span @s, which must be of @class if it is @sized.
 * Compiled for each value of check= on its own, so that there are no more
 * branches than needed.  Preemption is off.
 */
static __always_inline bool gofree_try(struct goheap *h, struct gospan *s,
				       void *p, bool sized, unsigned int class,
				       bool check)
{
	struct gomcache *c;
	unsigned long idx;
	u8 *state = NULL;

	if (static_branch_unlikely(&goalloc_free_detour) ||
	    (check && unlikely(!gospan_index(s, p, &idx))) ||
	    (sized && unlikely(GO_SPC_CLASS(s->spanclass) != class)))
		return false;
	if (check) {
		state = s->objstate + idx;
		/* Before the cache is taken, for tiny objects, which go on. */
		if (unlikely(!goobj_is_plain(*state)))
			return false;
	}
	c = this_cpu_ptr(h->mcache);
	return gofree_push(c, gostack_of(c, s), p, state, check);
}

/*
 * Free any pointer.  The slow path handles NULL and foreign ones.  It is told the
 * caller, or 0 if the object is @ours; by value, that would be loaded too early.
 */
static __always_inline void gofree_any(struct goheap *h, void *p, bool ours)
{
	struct gospan *s;

	preempt_disable();
	/* All of it twice: what the two have in common would end in a jump. */
	if (static_branch_likely(&goalloc_check)) {
		s = gospan_of(h, p);
		if (likely(gofree_try(h, s, p, false, 0, true))) {
			preempt_enable();
			return;
		}
	} else {
		s = gospan_of(h, p);
		if (likely(gofree_try(h, s, p, false, 0, false))) {
			preempt_enable();
			return;
		}
	}
	/* So that gcc has no copy of it made for the call on the way above. */
	OPTIMIZER_HIDE_VAR(s);
	gofree_rest(p, s, h, ours ? 0 : _RET_IP_);
}

static __always_inline void gofree_fast(struct goheap *h, void *p)
{
	gofree_any(h, p, false);
}

#endif /* GOALLOC_FREE_H */
