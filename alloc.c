// SPDX-License-Identifier: GPL-2.0
/*
 * Alloc: the slow half of allocation.
 *
 * A stack that is empty is refilled, from the current span or the mcentral;
 * when these have nothing, source.c finds an mcentral that has, or makes a
 * span, and the allocation starts again.  A cache that is busy, and an NMI, go
 * past the mcache to the mcentral for a single object.
 *
 * The loop is here and not in the layers below, because only this layer knows
 * that an object, not a span, is wanted: between the growth and the second try
 * another CPU may have freed one or taken the new ones.
 *
 * Objects of whole pages, tiny ones and those that debug= suspects come from
 * here, too.  Any context that the gfp permits.
 */

#include <linux/goalloc.h>
#include <linux/poison.h>
#include "alloc.h"
#include "central.h"
#include "free.h"
#include "gfp.h"
#include "heap.h"
#include "large.h"
#include "numa.h"
#include "redzone.h"
#include "sample.h"
#include "site.h"
#include "source.h"
#include "span.h"
#include "stack.h"
#include "tiny.h"
#include "transfer.h"

/* What CPUs have left for others, of the class and node of an mcentral. */
static struct gotransfer *transfer_of(const struct gocentral *c)
{
	return &c->node->transfer[c->spanclass];
}

/*
 * Hand out an object that the slow way has got.  What one of a cache keeps while it is
 * free is not cleared by init_on_alloc=1.
 */
static __always_inline void *hand_out(struct goslot slot, unsigned int spc,
				      gfp_t gfp, unsigned long owner)
{
	if (unlikely(goshapes[spc].keeps) && !(gfp & __GFP_ZERO))
		return goalloc_make_live(slot.obj, slot.state, spc, gfp, owner);
	return goalloc_hand_out(slot.obj, slot.state, spc, gfp, owner);
}

/* Have a sample kept of an object that is due, and mark it. */
static noinline void *sample_object(void *obj, u8 *state, size_t size,
				    unsigned int due, unsigned long caller)
{
	/* The sample first: who sees the mark looks for it. */
	if (gohooks_sample(obj, size, due, caller))
		WRITE_ONCE(*state, goobj_sampled_of(*state));
	return obj;
}

/**
 * goalloc_due - finish an allocation that has reached the next sample
 * @size: what was asked for
 * @gfp: as for gomalloc()
 * @how: whose it will be, and GO_DUE_CLEAR if goalloc_pop() was to clear it
 * @h: the heap
 * @s: the stack that it has popped; the object stands above its top
 * @caller: by which caller
 *
 * The arguments are in an order that lets the fast path leave them where they
 * are.
 *
 * Context: any that @gfp permits; the cache is the caller's and preemption off,
 * and both have ended at the end.
 * Return: the object.
 */
void *goalloc_due(size_t size, gfp_t gfp, unsigned long how, struct goheap *h,
		  struct gostack *s, unsigned long caller)
{
	struct gomcache *c = this_cpu_ptr(h->mcache);
	unsigned int due = gosample_is_due(h, s, size);
	unsigned int spc = s - c->stack;
	struct goslot slot = *s->top;

	gomcache_leave(c);
	preempt_enable();
	if (how & GO_DUE_CLEAR)
		hand_out(slot, spc, gfp, how & ~GO_DUE_CLEAR);
	else
		goleak_alloc(slot.obj, goshapes[spc].size,
			     !GO_SPC_NOSCAN(spc), gfp);
	return due ? sample_object(slot.obj, slot.state, size, due, caller) :
		     slot.obj;
}

/* Not inline: the caller would save registers and guard its stack for this. */
static noinline struct goslot take_past_mcache(struct goheap *h,
					       struct gocentral *from,
					       size_t size, unsigned int *due)
{
	struct goslot slot = {};

	if (gocentral_take(from, size, &slot) ||
	    gotransfer_take_one(transfer_of(from), size, &slot))
		*due = gosample_past(h, size);
	return slot;
}

/*
 * Take an object from the stack, or past the cache if that cannot be used.  Sets
 * @due if it is to be sampled.
 */
static struct goslot try_take(struct goheap *h, unsigned int spc, size_t size,
			      struct gocentral *from, unsigned int *due)
{
	struct goslot slot = {};
	struct gomcache *c;
	struct gostack *s;

	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	s = &c->stack[spc];
	if (!from)
		from = &gonuma_heap(h, NUMA_NO_NODE)->central[spc];

	if (!c->busy && !in_nmi()) {
		gomcache_enter(c);
		if (s->top != s->slot || gostack_refill(h, c, spc, from)) {
			slot = s->top[-1];
			WRITE_ONCE(s->top, s->top - 1);
			gomcache_count(&s->mallocs, 1);
			if (gomcache_ask(s, size))
				*due = gosample_is_due(h, s, size);
		}
		gomcache_leave(c);
		if (!slot.obj && !s->slot)
			slot = take_past_mcache(h, from, size, due);
	} else {
		this_cpu_inc(h->mcache->nested);
		slot = take_past_mcache(h, from, size, due);
	}
	preempt_enable();
	return slot;
}

/**
 * goalloc_refill - fill a stack that a batch has emptied
 * @h: the heap
 * @c: the cache, which is the caller's
 * @spc: the span class
 *
 * Context: any.
 * Return: whether it has objects now.
 */
bool goalloc_refill(struct goheap *h, struct gomcache *c, unsigned int spc)
{
	struct gonode *node = gonuma_heap(h, NUMA_NO_NODE);

	return !in_nmi() && gostack_refill(h, c, spc, &node->central[spc]);
}

/* Twice, so that the loop does not ask for each object whether check=1. */
static __always_inline void take_objects(struct gostack *s, unsigned int n,
					 void **p, unsigned long owner,
					 bool check)
{
	struct goslot *top = s->top, *end = top - n;

	/* Four at a time, as the rest of an iteration is as long as the move. */
#pragma GCC unroll 4
	while (top > end) {
		top--;
		*p++ = top->obj;
		if (check)
			*top->state = owner;
	}
	WRITE_ONCE(s->top, end);
}

/**
 * goalloc_take - take objects off a stack that has them, and mark them live
 * @s: the stack, which is the caller's
 * @n: how many
 * @p: where to put them
 * @owner: whose they will be
 *
 * Not inline: the loop needs the registers that its caller does.
 *
 * Context: any.
 */
void goalloc_take(struct gostack *s, unsigned int n, void **p,
		  unsigned long owner)
{
	if (static_branch_likely(&goalloc_check))
		take_objects(s, n, p, owner, true);
	else
		take_objects(s, n, p, owner, false);
}

/* Have a sample kept of an object of whole pages. */
static noinline void sample_large(struct gospan *s, size_t size,
				  unsigned int due, unsigned long caller)
{
	if (gohooks_sample((void *)s->base, size, due, caller))
		WRITE_ONCE(s->sampled, true);
}

/* Hand out an object of whole pages; @s may be NULL. */
static __always_inline void *hand_out_large(struct goheap *h, struct gospan *s,
					    size_t size, bool noscan, gfp_t gfp,
					    unsigned long owner,
					    unsigned long caller)
{
	unsigned int due;

	if (!s)
		return NULL;
	due = gosample_past(h, size);
	if (due)
		sample_large(s, size, due, caller);
	if (want_init_on_alloc(gfp) && s->needzero)
		memset((void *)s->base, 0, s->elemsize);
	s->spanclass = GO_SPC(0, noscan);
	WRITE_ONCE(s->owner, owner);
	goleak_alloc((void *)s->base, s->elemsize, !noscan, gfp);
	return (void *)s->base;
}

/*
 * There is no memory but what the kernel keeps for tasks that free memory.  If
 * the caller is one, it gets pages of its own, which go back there when they are
 * freed.  Not with check=0, where gofree_sized() believes in a small object, and
 * not if readers may have it when it is free.
 */
static void *take_last_pages(struct goheap *h, int nid, unsigned int spc,
			     size_t size, gfp_t gfp, unsigned long owner,
			     unsigned long caller)
{
	const struct goshape *shape = &goshapes[spc];
	struct gospan *s;
	void *p;

	if (likely(!gogfp_may_have_last_pages(gfp)) || in_nmi() ||
	    !static_branch_likely(&goalloc_check) || shape->typesafe)
		return NULL;
	/* The alignment of a cache's objects is in their whole size. */
	s = gosource_last(h, nid, goshape_is_cache(spc) ? shape->size : size,
			  gfp);
	p = hand_out_large(h, s, size, GO_SPC_NOSCAN(spc), gfp, owner, caller);
	if (p && goshape_is_cache(spc)) {
		/* For gocache_free(). */
		s->spanclass = spc;
		if (shape->ctor)
			shape->ctor(p);
	}
	return p;
}

/**
 * goalloc_slow - allocate when the fast path could not
 * @size: what was asked for
 * @gfp: as for gomalloc()
 * @owner: whose it will be
 * @h: the heap; here, as for goalloc_due()
 * @spc: the span class
 * @caller: by which caller
 *
 * Context: any that @gfp permits.
 * Return: the object, or NULL.
 */
void *goalloc_slow(size_t size, gfp_t gfp, unsigned long owner,
		   struct goheap *h, unsigned int spc, unsigned long caller)
{
	struct gonode *node = gonuma_heap(h, NUMA_NO_NODE);
	struct gocentral *from = &node->central[spc];
	unsigned int due = 0;
	struct goslot slot;
	void *p;

	might_alloc(gfp);
	for (;;) {
		slot = try_take(h, spc, size, from, &due);
		if (likely(slot.obj)) {
			p = hand_out(slot, spc, gfp, owner);
			return unlikely(due) ?
			       sample_object(p, slot.state, size, due,
					     caller) : p;
		}
		from = in_nmi() ? NULL : gosource_objects(h, node, spc, gfp);
		if (likely(from))
			continue;
		p = take_last_pages(h, node->nid, spc, size, gfp, owner, caller);
		if (p || !gosource_wait(h, gfp))
			return p;
	}
}

/* Take an object of one node, past the mcaches; false when there is none. */
static bool take_on_node(struct goheap *h, int nid, unsigned int spc,
			 size_t size, gfp_t gfp, struct goslot *slot)
{
	struct gocentral *got, *c = &gonuma_heap(h, nid)->central[spc];

	might_alloc(gfp);
	while (!gocentral_take(c, size, slot) &&
	       !gotransfer_take_one(transfer_of(c), size, slot)) {
		got = in_nmi() ? NULL : gosource_span(h, nid, spc, gfp);
		if (!got)
			return false;
		c = got;
	}
	return true;
}

/**
 * goalloc_on_node - allocate from one node, past the mcaches
 * @h: the heap
 * @nid: the node
 * @spc: the span class
 * @size: what was asked for
 * @gfp: as for gomalloc(); with __GFP_THISNODE no other node will do
 * @owner: whose it will be
 * @caller: by which caller
 *
 * The mcaches may hold objects of other nodes.
 *
 * Context: any that @gfp permits.
 * Return: the object, or NULL.
 */
void *goalloc_on_node(struct goheap *h, int nid, unsigned int spc, size_t size,
		      gfp_t gfp, unsigned long owner, unsigned long caller)
{
	struct goslot slot;
	unsigned int due;
	void *p;

	while (!take_on_node(h, nid, spc, size, gfp, &slot)) {
		p = take_last_pages(h, nid, spc, size, gfp, owner, caller);
		if (p || !gosource_wait(h, gfp))
			return p;
	}
	p = hand_out(slot, spc, gfp, owner);
	due = gosample_past(h, size);
	return due ? sample_object(p, slot.state, size, due, caller) : p;
}

/**
 * goalloc_zeroed - hand out an object and clear it
 * @obj: the object
 * @state: its state byte; NULL with check=0 if it has been used before
 * @spc: its span class
 * @gfp: as for gomalloc()
 * @owner: whose it will be
 *
 * The whole object is cleared, so that gorealloc() may grow it in place.  One
 * that has never been handed out since the kernel zeroed its pages is zero.
 *
 * Context: any.
 * Return: @obj.
 */
void *goalloc_zeroed(void *obj, u8 *state, unsigned int spc, gfp_t gfp,
		     unsigned long owner)
{
	bool fresh = state && *state == GO_OBJ_FRESH;

	/* First, so that memset() is called as the last thing. */
	goalloc_make_live(obj, state, spc, gfp, owner);
	return fresh ? obj : memset(obj, 0, goshapes[spc].size);
}

/**
 * goalloc_large - allocate an object of whole pages
 * @h: the heap
 * @nid: the node to take it from if possible
 * @size: bytes, at most GOALLOC_MAX_SIZE
 * @noscan: it will hold no pointers
 * @gfp: as for gomalloc()
 * @owner: whose it will be
 * @caller: by which caller
 *
 * Context: any that @gfp permits; in NMI it fails.
 * Return: the object, or NULL.
 */
void *goalloc_large(struct goheap *h, int nid, size_t size, bool noscan,
		    gfp_t gfp, unsigned long owner, unsigned long caller)
{
	might_alloc(gfp);
	if (in_nmi()) {
		atomic_long_inc(&h->failures);
		return NULL;
	}
	return hand_out_large(h, gosource_large(h, nid, size, gfp), size, noscan,
			      gfp, owner, caller);
}

/**
 * goalloc_extend - let an object of whole pages grow where it is
 * @h: the heap
 * @p: the object, live and the caller's
 * @size: bytes wanted, more than it has
 * @gfp: as for gomalloc()
 * @caller: by which caller
 *
 * For the heap profile the old object is freed and the new one allocated.
 *
 * Context: any that @gfp permits.
 * Return: whether it has them now; else nothing has changed.
 */
bool goalloc_extend(struct goheap *h, void *p, size_t size, gfp_t gfp,
		    unsigned long caller)
{
	struct gospan *s;
	unsigned int due;
	size_t old;

	if (size > GOALLOC_MAX_SIZE || in_nmi())
		return false;
	preempt_disable();
	s = gospan_of(h, p);
	preempt_enable();
	old = s->elemsize;
	if (!golarge_extend(h, s, size, gfp))
		return false;
	if (s->sampled) {
		WRITE_ONCE(s->sampled, false);
		gohooks_unsample(p, true);
	}
	due = gosample_past(h, size);
	if (due)
		sample_large(s, size, due, caller);
	if (want_init_on_alloc(gfp))
		memset(p + old, 0, s->elemsize - old);
	if (unlikely(s->site))
		gosite_count(s->site, s->elemsize - old, 0);
	goleak_free(p);
	goleak_alloc(p, s->elemsize, !GO_SPC_NOSCAN(s->spanclass), gfp);
	return true;
}

/* Zeroing is a tail call, so the common path spills nothing. */
static __always_inline void *clear_tiny(void *p, size_t size, gfp_t gfp)
{
	return unlikely(want_init_on_alloc(gfp)) ? memset(p, 0, size) : p;
}

/*
 * The tiny object at @p is due to be sampled.  It moves to a block of its own; if
 * there is none it stays, without a sample.  Its size has been counted.
 */
static void *sample_tiny(struct goheap *h, void *p, size_t size,
			 unsigned int due, unsigned long owner,
			 unsigned long caller)
{
	/* There is an object, so that no other is waited for. */
	const gfp_t now = GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC;
	void *q = goalloc_pop(h, GO_TINY_SPC, 0, now, owner, true, caller);

	if (!q)
		return p;
	/* No caller gets or gives back what goes here: the trace is not told. */
	if (!gohooks_sample(q, size, due, caller)) {
		gofree_any(h, q, true);
		return p;
	}
	gotiny_install_alone(h, q, size);
	this_cpu_inc(h->mcache->tiny_mallocs);
	gofree_slow(p, h, 0);
	return q;
}

/**
 * goalloc_tiny_due - finish a tiny allocation that has reached the next sample
 * @size: what was asked for
 * @gfp: as for gomalloc()
 * @off: where in the current block the object is
 * @h: the heap
 * @owner: whose it will be
 * @caller: by which caller
 *
 * Context: as goalloc_due().
 * Return: the object.
 */
void *goalloc_tiny_due(size_t size, gfp_t gfp, int off, struct goheap *h,
		       unsigned long owner, unsigned long caller)
{
	struct gomcache *c = this_cpu_ptr(h->mcache);
	unsigned int due = gosample_is_due(h, &c->stack[GO_TINY_SPC], size);
	void *p = (void *)c->tiny + off;

	gomcache_leave(c);
	this_cpu_inc(h->mcache->tiny_mallocs);
	preempt_enable();
	if (due)
		p = sample_tiny(h, p, size, due, owner, caller);
	return clear_tiny(p, size, gfp);
}

/**
 * goalloc_tiny_block - make a new block of tiny objects
 * @size: bytes of the object at its front, 1 to GO_TINY_SIZE - 1
 * @gfp: as for gomalloc()
 * @owner: whose it will be
 * @h: the heap
 * @caller: by which caller
 *
 * Context: any that @gfp permits.
 * Return: the object, or NULL.
 */
void *goalloc_tiny_block(size_t size, gfp_t gfp, unsigned long owner,
			 struct goheap *h, unsigned long caller)
{
	/* A block has to be in a span. */
	void *p = goalloc_pop(h, GO_TINY_SPC, size,
			      (gfp & ~__GFP_ZERO) | __GFP_NOMEMALLOC, owner,
			      true, caller);
	void *old;

	if (!p)
		return take_last_pages(h, NUMA_NO_NODE, GO_TINY_SPC, size,
				       gfp, owner, caller);
	old = gotiny_install(h, p, size, owner);
	if (old)
		gofree_block(old, h);
	this_cpu_inc(h->mcache->tiny_mallocs);
	return clear_tiny(p, size, gfp);
}

/**
 * goalloc_tiny_turn - allocate a tiny object for which the current block will not do
 * @size: as for goalloc_tiny_block()
 * @gfp: as for gomalloc()
 * @owner: whose it will be
 * @h: the heap
 * @caller: by which caller
 *
 * Context: as goalloc_due().
 * Return: the object, or NULL.
 */
void *goalloc_tiny_turn(size_t size, gfp_t gfp, unsigned long owner,
			struct goheap *h, unsigned long caller)
{
	struct gomcache *c = this_cpu_ptr(h->mcache);
	void *p = gotiny_turn(h, c, size, owner);

	gomcache_leave(c);
	preempt_enable();
	if (unlikely(!p))
		return goalloc_tiny_block(size, gfp, owner, h, caller);
	this_cpu_inc(h->mcache->tiny_mallocs);
	return clear_tiny(p, size, gfp);
}

/**
 * goalloc_tiny - allocate a tiny object
 * @size: bytes, 1 to GO_TINY_SIZE - 1
 * @gfp: as for gomalloc()
 * @owner: whose it will be
 * @h: the heap; here, so that the exported function moves no argument
 * @caller: by which caller
 *
 * Context: any that @gfp permits.
 * Return: the object, or NULL.
 */
void *goalloc_tiny(size_t size, gfp_t gfp, unsigned long owner,
		   struct goheap *h, unsigned long caller)
{
	return goalloc_pop_tiny(size, gfp, owner, h, true, caller);
}

/* Check the span of an object that is taken, and whether it is still poison. */
static void check_suspected(struct goheap *h, struct gospan *s,
			    unsigned int idx, unsigned int flags,
			    unsigned long caller)
{
	void *p = gospan_object(s, idx);

	if ((flags & GO_DEBUG_SANITY) && !in_nmi() && !gocentral_is_sane(s))
		gohooks_misuse(h, GO_INSANE, p, 0, caller);
	if (s->objstate[idx] == GO_OBJ_POISONED &&
	    !goredzone_is_poisoned(s, idx))
		gohooks_misuse(h, GO_USED_FREE, p, 0, caller);
}

/**
 * goalloc_suspected - allocate an object that debug= suspects
 * @h: the heap
 * @size: bytes, as goredzone_suspects() was asked
 * @gfp: as for gomalloc()
 * @noscan: it will hold no pointers
 * @flags: what goredzone_suspects() said
 * @caller: the caller that asks
 * @owner: whose it will be
 * @site: the call site that counts it, or 0
 *
 * Context: any that @gfp permits.
 * Return: the object, or NULL.
 */
void *goalloc_suspected(struct goheap *h, size_t size, gfp_t gfp, bool noscan,
			unsigned int flags, unsigned long caller, unsigned long owner,
			unsigned int site)
{
	unsigned int spc, idx, due;
	struct goslot slot;
	struct gospan *s;

	spc = GO_SPC(gosizeclass_of(goredzone_whole_size(size)), noscan);
	while (!take_on_node(h, NUMA_NO_NODE, spc, size, gfp, &slot))
		if (!gosource_wait(h, gfp))
			return NULL;
	preempt_disable();
	s = gospan_of(h, slot.obj);
	idx = slot.state - s->objstate;
	check_suspected(h, s, idx, flags, caller);
	goredzone_write(s, idx, size, flags, caller, owner, site);
	if (site)
		gosite_count(site, size, 1);
	preempt_enable();

	if (want_init_on_alloc(gfp))
		memset(slot.obj, 0, size);
	else if (flags & GO_DEBUG_POISON)
		memset(slot.obj, POISON_INUSE, size);
	*slot.state = GO_OBJ_DEBUG;
	goleak_alloc(slot.obj, size, !noscan, gfp);
	/* The state has no room to say so; its free looks for a sample. */
	due = gosample_past(h, size);
	if (due)
		gohooks_sample(slot.obj, size, due | GOSAMPLE_UNMARKED, caller);
	return slot.obj;
}
