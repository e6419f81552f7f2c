// SPDX-License-Identifier: GPL-2.0
/*
 * Free: the slow half.
 *
 * What the fast half does not take comes here: a full stack, a cache that is
 * busy, a tiny or large object, one that debug= suspected, a call site counts
 * or the heap profile has a sample of, and a pointer that is no live object.  A
 * pointer is believed only after its object has been claimed: its state goes from
 * live to free with interrupts off, so that of two frees one is misuse.  Two CPUs
 * that free a small object in the same instant may both pass; an atomic exchange
 * would prevent that, at a cost for every free, and the span finds the second one
 * when both are back.  A claimed object goes to the CPU's stack, past a busy cache
 * to its span, or in NMI, where no lock may be taken, on a list for the worker.
 *
 * A free never fails and never asks for memory.  Any context.
 */

#include <linux/poison.h>
#include "central.h"
#include "free.h"
#include "gfp.h"
#include "heap.h"
#include "large.h"
#include "redzone.h"
#include "shape.h"
#include "site.h"
#include "stack.h"
#include "tiny.h"
#include "trace.h"

/*
 * Leave a free to the worker; every object has room for the link.  One of a cache
 * that keeps what it holds has it at its end.
 */
static void defer_free(struct goheap *h, const struct gospan *s, void *p)
{
	if (goshapes[s->spanclass].keeps)
		p += s->elemsize - sizeof(struct llist_node);
	llist_add(p, &h->deferred);
	gohooks_kick(h);
}

/* Free a small object that the caller has claimed. */
static void free_small(struct goheap *h, struct gospan *sp, unsigned int idx,
		       void *p)
{
	struct gomcache *c = this_cpu_ptr(h->mcache);

	goleak_free(p);
	if (want_init_on_free() && !goshapes[sp->spanclass].keeps)
		memset(p, 0, sp->elemsize);

	if (in_nmi()) {
		defer_free(h, sp, p);
	} else if (c->busy) {
		this_cpu_inc(h->mcache->nested);
		gocentral_free_one(h, p);
	} else {
		gomcache_enter(c);
		gostack_push(h, c, sp->spanclass, p,
			     static_branch_likely(&goalloc_check) ?
			     sp->objstate + idx : NULL);
		gomcache_leave(c);
	}
}

/* Tell the trace of a free.  Not inline, for those that are not traced. */
static noinline void trace_object(unsigned long caller, const void *p,
				  size_t size)
{
	/* A block of tiny objects is nobody's. */
	if (caller)
		trace_free(caller, p, size);
}

/* Claim an object of whole pages; false when it is none. */
static bool claim_large(struct gospan *sp, const void *p)
{
	unsigned long base = (unsigned long)p;

	/*
	 * The caller that takes the address away owns the span and frees it.
	 * The descriptor may be that of another object by now, but not of one
	 * with this address.
	 */
	if (READ_ONCE(sp->large) != base ||
	    cmpxchg(&sp->large, base, 0) != base)
		return false;
	WRITE_ONCE(sp->owner, 0);
	WRITE_ONCE(sp->state, GO_SPAN_DYING);
	return true;
}

/*
 * Free an object of whole pages that the caller has claimed; preemption is as
 * gofree() found it.  Pages that somebody else has are not written to: the page
 * allocator clears them in the end, and a free that is left to the worker is
 * linked through the span.
 */
static void free_large(struct goheap *h, struct gospan *sp)
{
	void *p = (void *)sp->base;
	bool gives_back;

	/* The marks are nothing of the pages'. */
	if (unlikely(sp->sampled)) {
		WRITE_ONCE(sp->sampled, false);
		gohooks_unsample(p, true);
	}
	if (unlikely(sp->site)) {
		gosite_count(sp->site, -(long)sp->elemsize, -1);
		WRITE_ONCE(sp->site, 0);
	}
	gives_back = goheap_must_give_back(sp);
	if (want_init_on_free() && !gives_back)
		memset(p, 0, sp->elemsize);
	if (in_nmi() || (gives_back && !gogfp_may_free_pages())) {
		llist_add(&sp->dying, &h->dying);
		gohooks_kick(h);
	} else {
		goleak_free(p);
		golarge_free(h, sp, gives_back);
	}
}

static bool is_live_object(const struct gospan *s, unsigned int idx)
{
	if (static_branch_likely(&goalloc_check))
		return goobj_is_live(READ_ONCE(s->objstate[idx]));
	return idx < s->nelems;
}

/*
 * Mark the object free if its state is from @least to @most.  Interrupts are off
 * so that a handler cannot claim it too.
 */
static bool claim_object(struct gospan *s, unsigned int idx,
			 enum goobj_state least, unsigned int most)
{
	unsigned long flags;
	bool mine;

	if (!static_branch_likely(&goalloc_check))
		return least == GO_OBJ_LIVE && idx < s->nelems;
	local_irq_save(flags);
	mine = s->objstate[idx] >= least && s->objstate[idx] <= most;
	if (mine)
		s->objstate[idx] = GO_OBJ_FREE;
	local_irq_restore(flags);
	return mine;
}

/* The same for an object that the heap profile has a sample of. */
static bool claim_sampled(struct gospan *s, unsigned int idx, const void *p)
{
	if (!claim_object(s, idx, GO_OBJ_SAMPLED, GO_OBJ_LIVE - 1))
		return false;
	/* While nobody else can have the address. */
	gohooks_unsample(p, true);
	return true;
}

/**
 * gofree_classify - what is wrong with a pointer
 * @h: the heap
 * @p: the pointer, which is not that of a live object
 *
 * Context: preemption is off.
 * Return: the kind of misuse that freeing it is.
 */
enum gomisuse gofree_classify(struct goheap *h, const void *p)
{
	const struct gospan *s = gospan_with(h, p);
	unsigned long idx;

	switch (s->state) {
	case GO_SPAN_SMALL:
		if (gospan_index(s, p, &idx) && idx < s->nelems)
			return GO_DOUBLE_FREE;
		/*
		 * It may have been a tiny object in a block that is now free.
		 */
		idx = min_t(unsigned long, gotiny_index(s, p), s->nelems);
		return gospan_needs_tiny(s->spanclass) &&
		       !is_live_object(s, idx) ? GO_DOUBLE_FREE : GO_INTERIOR;
	case GO_SPAN_LARGE:
	case GO_SPAN_DYING:
		return s->base == (unsigned long)p ? GO_DOUBLE_FREE :
						     GO_INTERIOR;
	default:
		return gospan_in_free_run(h, p) ? GO_DOUBLE_FREE : GO_FOREIGN;
	}
}

/**
 * struct batch - what a batch of frees knows of the last object's span
 * @base: as in the span
 * @bytes: as in the span
 * @objstate: as in the span
 * @magic: as in the span
 * @spanclass: as in the span
 * @stack: the stack that the objects go to
 */
struct batch {
	unsigned long base;
	unsigned long bytes;
	u8 *objstate;
	u32 magic;
	unsigned int spanclass;
	struct gostack *stack;
};

/*
 * Read an object's span.  It does not become another small one meanwhile, as
 * preemption is off; and it stays this one while an object of it is live, or on a
 * stack.
 */
static __always_inline void look_up(struct goheap *h, struct gomcache *c,
				    struct batch *b, const void *p)
{
	const struct gospan *s = gospan_of(h, p);

	b->base = s->base;
	/* As in gospan_index(). */
	smp_rmb();
	/* With what it leads to, as there. */
	b->magic = smp_load_acquire(&s->magic);
	b->objstate = s->objstate;
	b->bytes = s->bytes;
	b->spanclass = s->spanclass;
	b->stack = gostack_of(c, s);
}

/*
 * The state byte of the object at @p; NULL if there is none.  Only what is in the
 * span that was read need not be looked up: of an address that is far from it, the
 * product could look like that of another.
 */
static __always_inline u8 *find_state(struct goheap *h, struct gomcache *c,
				      struct batch *b, const void *p)
{
	unsigned long addr = (unsigned long)kasan_reset_tag(p);
	u64 q;

	if (addr - b->base >= b->bytes)
		look_up(h, c, b, p);
	q = (addr - b->base) * (u64)b->magic;
	if (unlikely((u32)q >= b->magic))
		return NULL;
	return b->objstate + ((s64)q >> 32);
}

/* Free an object for which there is no room on its stack. */
static noinline bool put_on_full(struct goheap *h, struct gomcache *c,
				 unsigned int spc, void *p, u8 *state)
{
	if (in_nmi())
		return false;
	if (state)
		*state = GO_OBJ_FREE;
	goleak_free(p);
	gostack_push(h, c, spc, p, state);
	return true;
}

/*
 * Free the last of @n objects and those before it, up to the first that needs more
 * than a push; returns how many are left.  The caller owns the cache.
 */
static __always_inline size_t put_each(struct goheap *h, struct gomcache *c,
				       size_t n, void **p, unsigned int spc,
				       bool check)
{
	struct batch b = {};
	u8 *state = NULL;

	for (; n; n--) {
		if (check) {
			state = find_state(h, c, &b, p[n - 1]);
			if (unlikely(!state) ||
			    unlikely(!goobj_is_plain(*state)) ||
			    (spc && unlikely(b.spanclass != spc)))
				break;
		} else {
			look_up(h, c, &b, p[n - 1]);
			if (unlikely(b.stack == c->stack))
				break;
		}
		if (unlikely(!gofree_put(b.stack, p[n - 1], state, check)) &&
		    !put_on_full(h, c, b.spanclass, p[n - 1], state))
			break;
	}
	return n;
}

/*
 * The same where the objects come back in the order in which the last batch went,
 * the last first: what the stack has above its top still says where their states
 * are.  That is so as long as no span has ceased to be one, and no stack of this CPU
 * has got other storage.
 */
static __always_inline size_t put_as_taken(struct goheap *h, struct gomcache *c,
					   size_t n, void **p, unsigned int spc,
					   bool check)
{
	const struct gotaken *t = &c->taken;
	struct gostack *s = t->stack;
	struct goslot *top;

	/* kmemleak would have to be told of each. */
	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) || !s ||
	    (spc && s != &c->stack[spc]) ||
	    t->misses != c->refills + c->flushes ||
	    t->uncarved != atomic_long_read(&h->uncarved))
		return n;
	for (top = s->top; n && top < t->top; top++, n--) {
		if (top->obj != p[n - 1] ||
		    (check && !goobj_is_plain(*top->state)))
			break;
		if (check)
			*top->state = GO_OBJ_FREE;
		else
			top->state = NULL;
	}
	gomcache_count(&s->frees, top - s->top);
	WRITE_ONCE(s->top, top);
	return n;
}

/* Not inline, for the registers, and each for one value of check=. */
static noinline size_t put_checked(struct goheap *h, struct gomcache *c,
				   size_t n, void **p, unsigned int spc)
{
	return put_each(h, c, n, p, spc, true);
}

static noinline size_t put_believed(struct goheap *h, struct gomcache *c,
				    size_t n, void **p)
{
	return put_each(h, c, n, p, 0, false);
}

/**
 * gofree_many - free the last GO_BULK of some objects, or fewer
 * @h: the heap
 * @n: how many objects there are
 * @p: the objects
 * @spc: the span class that they must be of, 0 for any; with check=0 that is believed
 *
 * Context: any.
 * Return: how many are left; the last of these may need more than a push.
 */
size_t gofree_many(struct goheap *h, size_t n, void **p, unsigned int spc)
{
	size_t left = min_t(size_t, n, GO_BULK), end = n - left;
	struct gomcache *c;

	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	if (!static_branch_unlikely(&goalloc_free_detour) &&
	    likely(gofree_try_enter(c))) {
		if (static_branch_likely(&goalloc_check)) {
			left = put_as_taken(h, c, left, p + end, spc, true);
			if (left)
				left = put_checked(h, c, left, p + end, spc);
		} else {
			left = put_as_taken(h, c, left, p + end, 0, false);
			if (left)
				left = put_believed(h, c, left, p + end);
		}
		gomcache_leave(c);
	}
	preempt_enable();
	return end + left;
}

/**
 * gofree_block - free a block of tiny objects that has become empty
 * @block: the block, which the caller owns
 * @h: the heap
 *
 * Context: any.
 */
void gofree_block(void *block, struct goheap *h)
{
	struct gospan *s;

	preempt_disable();
	s = gospan_of(h, block);
	s->objstate[gotiny_index(s, block)] = GO_OBJ_LIVE;
	preempt_enable();
	gofree_any(h, block, true);
}

/* Free a block whose only object was a sample. */
static noinline void free_sampled_block(struct goheap *h, struct gospan *s,
					unsigned int idx)
{
	void *block = gospan_object(s, idx);

	gohooks_unsample(block, true);
	s->objstate[idx] = GO_OBJ_FREE;
	free_small(h, s, idx, block);
}

/* Push the block, as the fast half of a free would. */
static __always_inline bool push_block(struct goheap *h, void *block, u8 *state,
				       bool check)
{
	struct gomcache *c = this_cpu_ptr(h->mcache);

	return !static_branch_unlikely(&goalloc_free_detour) &&
	       likely(gofree_push(c, &c->stack[GO_TINY_SPC], block, state, check));
}

/* Free the block of tiny objects that @p was the last of. */
static void free_block_of(struct goheap *h, struct gospan *s, void *p)
{
	unsigned int idx = gotiny_index(s, p);
	void *block = PTR_ALIGN_DOWN(p, GO_TINY_SIZE);

	if (static_branch_likely(&goalloc_check)) {
		if (unlikely(goobj_is_sampled(s->objstate[idx]))) {
			free_sampled_block(h, s, idx);
			return;
		}
		if (push_block(h, block, s->objstate + idx, true))
			return;
		s->objstate[idx] = GO_OBJ_FREE;
	} else if (push_block(h, block, NULL, false)) {
		return;
	}
	free_small(h, s, idx, block);
}

/* Cover what a suspected object held, with poison or zeroes, if asked to. */
static void cover_suspected(struct gospan *s, unsigned int idx,
			    unsigned int flags)
{
	/* In NMI it is linked through its first word, which spoils poison. */
	if ((flags & GO_DEBUG_POISON) && !in_nmi()) {
		goredzone_fill(s, idx, POISON_FREE);
		s->objstate[idx] = GO_OBJ_POISONED;
	} else if (want_init_on_free()) {
		goredzone_fill(s, idx, 0);
	}
}

/* The call site of a suspected object has one less. */
static void free_suspected_site(struct gospan *s, unsigned int idx)
{
	unsigned int site = goredzone_site(s, idx);

	if (site)
		gosite_count(site, -(long)goredzone_size(s, idx), -1);
}

/*
 * Free an object that was under suspicion; the caller has claimed it.  It goes
 * to its span at once, so that poison waits there for the next suspect, whose
 * allocation checks it.
 */
static void free_suspected(struct goheap *h, struct gospan *s, unsigned int idx,
			   unsigned long caller)
{
	unsigned int flags = goredzone_flags(s, idx);
	void *p = gospan_object(s, idx);

	gohooks_unsample(p, false);
	if (trace_free_enabled())
		trace_object(caller, p, goredzone_size(s, idx));
	goleak_free(p);
	if (goredzone_is_intact(s, idx)) {
		free_suspected_site(s, idx);
	} else {
		/* The report names its owner only if it is marked live. */
		s->objstate[idx] = GO_OBJ_DEBUG;
		gohooks_misuse(h, GO_OVERFLOW, p, 0, caller);
		s->objstate[idx] = GO_OBJ_FREE;
		flags = 0;
	}
	goredzone_note_free(s, idx, caller);
	cover_suspected(s, idx, flags);
	if (in_nmi()) {
		defer_free(h, s, p);
		return;
	}
	if ((flags & GO_DEBUG_SANITY) && !gocentral_is_sane(s))
		gohooks_misuse(h, GO_INSANE, p, 0, caller);
	gocentral_free_one(h, p);
}

/*
 * Free an object that its call site has counted; the caller has claimed it.  If
 * its record was written over, nobody knows the site, and whether there is a
 * sample.
 */
static noinline void free_sited(struct goheap *h, struct gospan *s,
				unsigned int idx, unsigned long caller)
{
	void *p = gospan_object(s, idx);
	struct gosite_record r;

	if (likely(gosite_read(s, idx, &r))) {
		gosite_count(r.id, -(long)r.bytes, -1);
	} else {
		atomic_long_inc(&gosite_lost);
		gohooks_misuse(h, GO_OVERFLOW, p, 0, caller);
		gohooks_unsample(p, false);
	}
	if (r.is_sampled)
		gohooks_unsample(p, true);
	if (trace_free_enabled())
		trace_object(caller, p, r.bytes);
	free_small(h, s, idx, p);
}

/*
 * Free a tiny object and all that may have to be done with it; false when there is
 * none.  Once it is free its block may be handed out again, so the trace is told
 * before; of two frees at once it may be told twice.
 */
static bool free_tiny_object(struct goheap *h, struct gospan *s, void *p,
			     struct gotiny_words w, unsigned long caller)
{
	size_t size = gotiny_size(s, p);
	enum gotiny_freed freed;

	if (!size)
		return false;
	if (want_init_on_free())
		memset(p, 0, size);
	if (trace_free_enabled())
		trace_object(caller, p, size);
	freed = gotiny_free(h, p, w);
	if (freed == GOTINY_LAST)
		free_block_of(h, s, p);
	return freed;
}

/*
 * Free the object at @p; of tiny ones only those that are cleared or traced are
 * still live here.  Returns GO_NR_MISUSES, or what is wrong with @p.
 */
static enum gomisuse free_any(struct goheap *h, struct gospan *s, void *p,
			      unsigned long caller)
{
	struct gotiny_words w = gotiny_words_of(s, p);
	unsigned long idx;

	if (gotiny_lives(w)) {
		if (!free_tiny_object(h, s, p, w, caller))
			return gotiny_inside(s, p) ? GO_INTERIOR :
						     GO_DOUBLE_FREE;
	} else if (gospan_index(s, p, &idx) &&
		   (claim_object(s, idx, GO_OBJ_LIVE, U8_MAX) ||
		    claim_sampled(s, idx, p))) {
		if (trace_free_enabled())
			trace_object(caller, p, s->elemsize);
		free_small(h, s, idx, p);
	} else if (gospan_index(s, p, &idx) &&
		   claim_object(s, idx, GO_OBJ_DEBUG, GO_OBJ_DEBUG)) {
		free_suspected(h, s, idx, caller);
	} else if (gospan_index(s, p, &idx) &&
		   claim_object(s, idx, GO_OBJ_SITED, GO_OBJ_SITED)) {
		free_sited(h, s, idx, caller);
	} else {
		return gofree_classify(h, p);
	}
	return GO_NR_MISUSES;
}

/*
 * Free what is no tiny object.  Preemption is off, and on again at the end.
 * Not inline, so that a tiny object need not save registers for all this.
 */
static noinline void free_other(struct goheap *h, struct gospan *s, void *p,
				unsigned long caller)
{
	enum gomisuse kind;

	if (ZERO_OR_NULL_PTR(p)) {
		preempt_enable();
		return;
	}
	s = gospan_if_with(s, p);
	if (claim_large(s, p)) {
		/* It is ours and stays; its pages may take a while to go. */
		preempt_enable();
		if (trace_free_enabled())
			trace_object(caller, p, s->elemsize);
		free_large(h, s);
		return;
	}
	kind = free_any(h, s, p, caller);
	preempt_enable();
	if (kind != GO_NR_MISUSES)
		gohooks_misuse(h, kind, p, 0, caller);
}

static noinline void free_last_tiny(struct goheap *h, struct gospan *s, void *p)
{
	free_block_of(h, s, p);
	preempt_enable();
}

/**
 * gofree_rest - free what the fast path has looked up and could not free
 * @p: what was passed to gofree(), NULL included
 * @s: what gospan_of() says of it, since when preemption is off
 * @h: the heap
 * @caller: by which caller
 *
 * Most often it is a tiny object, so that is looked for first.
 *
 * Context: any; preemption is off, and on again at the end.
 */
void gofree_rest(void *p, struct gospan *s, struct goheap *h,
		 unsigned long caller)
{
	enum gotiny_freed freed = GOTINY_NONE;
	struct gotiny_words w;

	if (gotiny_find_words(s, p, &w) &&
	    !static_branch_unlikely(&goalloc_free_detour))
		freed = gotiny_free(h, p, w);
	if (likely(freed == GOTINY_ONE))
		preempt_enable();
	else if (freed == GOTINY_LAST)
		free_last_tiny(h, s, p);
	else
		free_other(h, s, p, caller);
}

/**
 * gofree_slow - free, whatever it is
 * @p: what was passed to gofree(), NULL included
 * @h: the heap
 * @caller: by which caller
 *
 * Context: any.
 */
void gofree_slow(void *p, struct goheap *h, unsigned long caller)
{
	preempt_disable();
	gofree_rest(p, gospan_of(h, p), h, caller);
}
