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
void gofree_block(void *block, struct goheap *h);
enum gomisuse gofree_classify(struct goheap *h, const void *p);

/* May a free use this CPU's cache?  Preemption is off. */
static __always_inline bool gofree_may_push(const struct gomcache *c)
{
	if (unlikely(c->busy))
		return false;
	/* An NMI cannot tell kmemleak: the worker will. */
	return !IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) || !in_nmi();
}

/* Put a live object on its stack if there is room.  The caller owns @c. */
static __always_inline bool gofree_put(struct gomcache *c, void *p,
				       unsigned int spc, u8 *state, bool check)
{
	struct gostack *s = &c->stack[spc];
	struct goslot *top = s->top;

	/* Checked here: an interrupt may have freed it since the look-up. */
	if ((check && unlikely(!goobj_is_plain(*state))) ||
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
static __always_inline bool gofree_push(struct goheap *h, void *p,
					unsigned int spc, u8 *state, bool check)
{
	struct gomcache *c = this_cpu_ptr(h->mcache);
	bool done;

	if (unlikely(!gofree_may_push(c)))
		return false;
	gomcache_enter(c);
	done = gofree_put(c, p, spc, state, check);
	gomcache_leave(c);
	return done;
}

/*
 * Free an object of span @s, which must be of @class unless that is 0.
 * Compiled for each value of check= on its own, so that there are no more
 * branches than needed.  Preemption is off.
 */
static __always_inline bool gofree_try(struct goheap *h, struct gospan *s,
				       void *p, unsigned int class, bool check)
{
	unsigned long idx;

	if (static_branch_unlikely(&goalloc_free_detour))
		return false;
	if (!check)
		return gofree_push(h, p, s->pushclass, NULL, false);
	if (unlikely(!gospan_index(s, p, &idx)) ||
	    (class && unlikely(GO_SPC_CLASS(s->spanclass) != class)))
		return false;
	return gofree_push(h, p, s->spanclass, s->objstate + idx, true);
}

/*
 * Free the last GO_BATCH of @n objects, or fewer, which must be of span class @spc
 * unless that is 0; returns how many are left.
 */
static __always_inline size_t gofree_many(struct goheap *h, size_t n, void **p,
					  unsigned int spc, bool check)
{
	size_t end = n - min_t(size_t, n, GO_BATCH);
	struct goarenamap *map = h->map;
	unsigned long shift = map->shift;
	struct gomcache *c;
	struct gospan *s;
	unsigned long idx;
	bool ok = true;

	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	if (likely(gofree_may_push(c)) &&
	    !static_branch_unlikely(&goalloc_free_detour)) {
		gomcache_enter(c);
		while (ok && n > end) {
			s = gospan_of_shifted(map, shift, p[n - 1]);
			if (check)
				ok = gospan_index(s, p[n - 1], &idx) &&
				     (!spc || s->spanclass == spc) &&
				     gofree_put(c, p[n - 1], s->spanclass,
						s->objstate + idx, true);
			else
				ok = gofree_put(c, p[n - 1], s->pushclass,
						NULL, false);
			n -= ok;
		}
		gomcache_leave(c);
	}
	preempt_enable();
	return n;
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
		if (likely(gofree_try(h, s, p, 0, true))) {
			preempt_enable();
			return;
		}
	} else {
		s = gospan_of(h, p);
		if (likely(gofree_try(h, s, p, 0, false))) {
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
