// SPDX-License-Identifier: GPL-2.0
/*
 * mcache: what each CPU has for itself; the slow halves of the fast paths.
 *
 * For every span class a CPU has a stack of free objects and, behind it, a
 * current span.  An empty stack is refilled from the span's own bits without a
 * lock, and from the mcentral only when the span has nothing left.  A full one
 * gives its older half back; so every free is a fast one, whichever CPU
 * allocated the object.
 *
 * A stack has no storage until it is first used.  Each miss, an empty stack
 * met by an allocation or a full one met by a free, doubles its capacity, up to
 * GO_STACK_BYTES of objects or two, and as long as the CPU's budget lasts; when
 * that is used up, a stack that has been idle since it was last looked at gives
 * all it has.
 *
 * Whoever is on the CPU with preemption off and @busy set owns the cache.  Who
 * finds @busy set has interrupted the owner: it goes to the mcentral, and an
 * NMI that can have no lock leaves what it frees on a list for the worker.
 */

#include <linux/sched.h>
#include "internal.h"
#include "fastpath.h"

#define STORAGE_MIN	16

/* The slots that there are for so many objects. */
static unsigned int storage_of(unsigned int cap)
{
	return cap ? max_t(unsigned int, roundup_pow_of_two(cap), STORAGE_MIN) :
		     0;
}

static struct gofix *storage_fix(struct goheap *h, unsigned int slots)
{
	return &h->fix[GO_FIX_STACK + ilog2(slots) - ilog2(STORAGE_MIN)];
}

static unsigned int max_cap(unsigned int spc)
{
	return clamp_t(unsigned int,
		       GO_STACK_BYTES / go_class_size[GO_SPC_CLASS(spc)],
		       2, GO_STACK_MAX);
}

/* Of what a stack has, @slot is the memory, @n are there and @cap may be. */
static void set_storage(struct gostack *s, struct goslot *slot, unsigned int n,
			unsigned int cap)
{
	WRITE_ONCE(s->slot, slot);
	WRITE_ONCE(s->top, slot + n);
	s->limit = slot + cap;
}

/**
 * gomcache_empty_stack - give up a stack: its objects, its span, its storage
 * @h: the heap
 * @c: the cache, which is the caller's
 * @spc: the span class
 *
 * Context: any but NMI.
 */
void gomcache_empty_stack(struct goheap *h, struct gomcache *c,
			  unsigned int spc)
{
	struct gostack *s = &c->stack[spc];

	if (s->top != s->slot)
		gocentral_free(h, s->slot, gostack_n(s), false);
	if (s->span)
		gocentral_uncache(h, s->span);
	WRITE_ONCE(s->span, NULL);
	if (!s->slot)
		return;
	gomcache_count(&c->flushes, 1);
	c->bytes -= gostack_cap(s) * go_class_size[GO_SPC_CLASS(spc)];
	gofix_free(storage_fix(h, storage_of(gostack_cap(s))), s->slot);
	set_storage(s, NULL, 0, 0);
}

/* Give back the objects that have been on a stack longest. */
static void flush(struct goheap *h, struct gostack *s, unsigned int n)
{
	unsigned int left = gostack_n(s) - n;

	gocentral_free(h, s->slot, n, false);
	memmove(s->slot, s->slot + n, left * sizeof(*s->slot));
	WRITE_ONCE(s->top, s->slot + left);
}

/* Find room in the budget: look at some stacks for one that is idle. */
static void empty_idle_stack(struct goheap *h, struct gomcache *c,
			     const struct gostack *but)
{
	unsigned int tries = 16;
	struct gostack *s;
	u32 mark;

	while (tries--) {
		if (++c->hand == GO_NR_SPANCLASSES)
			c->hand = 0;
		s = &c->stack[c->hand];
		if (s == but || !s->slot)
			continue;
		mark = s->mallocs + s->frees;
		if (s->mark == mark) {
			/* In steps, for somebody waits: the rest the next time. */
			if (gostack_n(s) > GO_BATCH)
				flush(h, s, GO_BATCH);
			else
				gomcache_empty_stack(h, c, c->hand);
			return;
		}
		s->mark = mark;
	}
}

/*
 * Let a stack hold more.  False when it can hold nothing.  Not inline: most misses
 * are of stacks that cannot grow, and should not save registers for this.
 */
static noinline bool raise_cap(struct goheap *h, struct gomcache *c,
			       unsigned int spc, unsigned int cap)
{
	unsigned int size = go_class_size[GO_SPC_CLASS(spc)];
	struct gostack *s = &c->stack[spc];
	unsigned int old = gostack_cap(s);
	unsigned int storage = storage_of(cap);
	struct goslot *slot = s->slot;

	if (c->bytes + (cap - old) * size > GO_MCACHE_BUDGET)
		empty_idle_stack(h, c, s);
	if (c->bytes + (cap - old) * size > GO_MCACHE_BUDGET)
		return old;
	if (storage > storage_of(old)) {
		slot = gofix_pop(storage_fix(h, storage));
		/* The page allocator must not be asked here: the worker will. */
		if (gofix_low(storage_fix(h, storage)))
			goheap_kick(h);
		if (!slot)
			return old;
		if (old) {
			memcpy(slot, s->slot, gostack_n(s) * sizeof(*slot));
			gofix_free(storage_fix(h, storage_of(old)), s->slot);
		}
	}
	c->bytes += (cap - old) * size;
	set_storage(s, slot, gostack_n(s), cap);
	return true;
}

/* The stack has missed.  False when it can hold nothing. */
static bool note_miss(struct goheap *h, struct gomcache *c, unsigned int spc)
{
	unsigned int old = gostack_cap(&c->stack[spc]), most = max_cap(spc);

	return old == most ||
	       raise_cap(h, c, spc, min(old ? 2 * old : GO_STACK_MIN, most));
}

/* Fill an empty stack, from the current span or else from the mcentral. */
static bool refill(struct goheap *h, struct gomcache *c, unsigned int spc,
		   struct gocentral *from)
{
	struct gostack *s = &c->stack[spc];
	struct gospan *span = s->span;
	unsigned int want, n = 0;

	gomcache_count(&c->refills, 1);
	if (!note_miss(h, c, spc))
		return false;
	want = clamp_t(unsigned int, gostack_cap(s) / 2, 1, GO_BATCH);
	if (span)
		n = gospan_take(span, s->slot, want);
	if (!n)
		n = gocentral_refill(h, from, &span, s->slot, want);
	WRITE_ONCE(s->span, span);
	WRITE_ONCE(s->top, s->slot + n);
	return n;
}

/* One object from the stack, or past it when the cache is not ours to use. */
static bool try_alloc(struct goheap *h, unsigned int spc, size_t size,
		      struct gocentral *from, struct goslot *slot)
{
	struct gomcache *c;
	struct gostack *s;
	bool ok = false;

	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	s = &c->stack[spc];
	if (!from)
		from = &goheap_node(h, NUMA_NO_NODE)->central[spc];

	if (!c->busy && !in_nmi()) {
		gomcache_enter(c);
		ok = s->top != s->slot || refill(h, c, spc, from);
		if (ok) {
			*slot = s->top[-1];
			WRITE_ONCE(s->top, s->top - 1);
			gomcache_count(&s->mallocs, 1);
			gomcache_count(&s->requested, size);
		}
		gomcache_leave(c);
		if (!ok && !s->slot)
			ok = gocentral_take(from, size, slot);
	} else {
		this_cpu_inc(h->mcache->nested);
		ok = gocentral_take(from, size, slot);
	}
	preempt_enable();
	return ok;
}

/* Not worth waiting for, nor any warning: there are other nodes. */
static gfp_t near_gfp(gfp_t gfp)
{
	return (gfp & ~(__GFP_DIRECT_RECLAIM | __GFP_NOFAIL)) | __GFP_NOWARN |
	       __GFP_THISNODE;
}

/*
 * Where to get objects when the node's mcentral has none: from new pages of the
 * node, from what other nodes' mcentrals have, the nearest first, or from new
 * pages of wherever there are any.
 */
static struct gocentral *more(struct goheap *h, struct gonode *node,
			      unsigned int spc, gfp_t gfp)
{
	nodemask_t left = gonuma_others(h, node->nid);
	struct gocentral *c;
	int nid;

	if (!nodes_empty(left)) {
		c = gocentral_grow(h, node->nid, spc, near_gfp(gfp));
		if (c)
			return c;
	}
	while ((nid = gonuma_nearest(node->nid, &left)) != NUMA_NO_NODE) {
		c = &h->node[nid]->central[spc];
		if (READ_ONCE(c->nonempty))
			return c;
	}
	return gocentral_grow(h, node->nid, spc, gfp);
}

/**
 * gomcache_alloc_slow - allocate when the fast path could not
 * @h: the heap
 * @spc: the span class
 * @size: what was asked for
 * @gfp: as for gomalloc()
 *
 * Context: any that @gfp permits.
 * Return: the object, or NULL.
 */
void *gomcache_alloc_slow(struct goheap *h, unsigned int spc, size_t size,
			  gfp_t gfp)
{
	struct gonode *node = goheap_node(h, NUMA_NO_NODE);
	struct gocentral *from = &node->central[spc];
	struct goslot slot;

	might_alloc(gfp);
	while (!try_alloc(h, spc, size, from, &slot)) {
		from = in_nmi() ? NULL : more(h, node, spc, gfp);
		if (!from && !goheap_wait(h, gfp))
			return NULL;
	}
	return gomcache_hand_out(slot.obj, slot.state, spc, gfp);
}

/**
 * gomcache_take - take an object of one node, past the mcaches
 * @h: the heap
 * @nid: the node
 * @spc: the span class
 * @size: what was asked for
 * @gfp: as for gomalloc(); with __GFP_THISNODE no other node will do
 * @slot: the object, for the caller to make live
 *
 * Context: any that @gfp permits.
 * Return: false when there is no memory.
 */
bool gomcache_take(struct goheap *h, int nid, unsigned int spc, size_t size,
		   gfp_t gfp, struct goslot *slot)
{
	struct gocentral *got, *c = &goheap_node(h, nid)->central[spc];

	might_alloc(gfp);
	while (!gocentral_take(c, size, slot)) {
		got = in_nmi() ? NULL : gocentral_grow(h, nid, spc, gfp);
		if (got)
			c = got;
		else if (!goheap_wait(h, gfp))
			return false;
	}
	return true;
}

/**
 * gomcache_alloc_node - allocate from one node, past the mcaches
 * @h: the heap
 * @nid: the node
 * @spc: the span class
 * @size: what was asked for
 * @gfp: as for gomalloc(); with __GFP_THISNODE no other node will do
 *
 * Context: any that @gfp permits.
 * Return: the object, or NULL.
 */
void *gomcache_alloc_node(struct goheap *h, int nid, unsigned int spc,
			  size_t size, gfp_t gfp)
{
	struct goslot slot;

	if (!gomcache_take(h, nid, spc, size, gfp, &slot))
		return NULL;
	return gomcache_hand_out(slot.obj, slot.state, spc, gfp);
}

/**
 * gomcache_hand_out_zeroed - clear an object and hand it out
 * @obj: the object
 * @state: its state byte; NULL with check=0 if it has been used before
 * @spc: its span class
 * @gfp: as for gomalloc()
 *
 * All of it is cleared, so that gorealloc() may grow it in place.  An object
 * that has never been handed out since the kernel zeroed its pages is zero.
 *
 * Context: any.
 * Return: @obj.
 */
void *gomcache_hand_out_zeroed(void *obj, u8 *state, unsigned int spc,
			       gfp_t gfp)
{
	if (!state || *state != GO_OBJ_FRESH)
		memset(obj, 0, go_class_size[GO_SPC_CLASS(spc)]);
	return gomcache_make_live(obj, state, spc, gfp);
}

/* Push an object that is already marked free; the cache is ours. */
static void push_slow(struct goheap *h, struct gomcache *c, unsigned int spc,
		      struct goslot *obj)
{
	struct gostack *s = &c->stack[spc];

	if (s->top == s->limit) {
		gomcache_count(&c->flushes, 1);
		note_miss(h, c, spc);
	}
	if (!s->slot) {
		gocentral_free(h, obj, 1, true);
		return;
	}
	if (s->top == s->limit)
		flush(h, s, (gostack_n(s) + 1) / 2);
	*s->top = *obj;
	WRITE_ONCE(s->top, s->top + 1);
	gomcache_count(&s->frees, 1);
}

/**
 * gomcache_defer - leave a free to the worker
 * @h: the heap
 * @p: the object, which is nobody's any more; every one has room for the link
 *
 * Context: preemption is off; any, NMI included.
 */
void gomcache_defer(struct goheap *h, void *p)
{
	llist_add(p, &this_cpu_ptr(h->mcache)->deferred);
	goheap_kick(h);
}

/* Free a small object that the caller has claimed. */
static void free_small(struct goheap *h, struct gospan *sp, unsigned int idx,
		       void *p)
{
	struct goslot slot = {
		.obj = p,
		.state = static_branch_likely(&goalloc_check) ?
			 sp->objstate + idx : NULL,
	};
	struct gomcache *c;

	goleak_free(p);
	if (want_init_on_free())
		memset(p, 0, sp->elemsize);

	c = this_cpu_ptr(h->mcache);
	if (in_nmi()) {
		gomcache_defer(h, p);
	} else if (c->busy) {
		this_cpu_inc(h->mcache->nested);
		gocentral_free(h, &slot, 1, true);
	} else {
		gomcache_enter(c);
		push_slow(h, c, sp->spanclass, &slot);
		gomcache_leave(c);
	}
}

/* Free an object of whole pages; false when it is none. */
static bool free_large(struct goheap *h, struct gospan *sp, void *p)
{
	/* Who makes it dying frees it, and nobody else. */
	if (sp->base != (unsigned long)p ||
	    cmpxchg(&sp->state, GO_SPAN_LARGE, GO_SPAN_DYING) != GO_SPAN_LARGE)
		return false;
	goleak_free(p);
	if (want_init_on_free())
		memset(p, 0, sp->elemsize);
	if (in_nmi())
		gomcache_defer(h, p);
	else
		goheap_free_large(h, sp);
	return true;
}

static bool is_live(const struct gospan *s, unsigned int idx)
{
	if (static_branch_likely(&goalloc_check))
		return READ_ONCE(s->objstate[idx]) >= GO_OBJ_LIVE;
	return idx < s->nelems;
}

/* Make an object free that is live in a way; no interrupt shall do it, too. */
static bool claim(struct gospan *s, unsigned int idx, enum goobj_state live)
{
	unsigned long flags;
	bool mine;

	if (!static_branch_likely(&goalloc_check))
		return live == GO_OBJ_LIVE && idx < s->nelems;
	local_irq_save(flags);
	mine = s->objstate[idx] == live;
	if (mine)
		s->objstate[idx] = GO_OBJ_FREE;
	local_irq_restore(flags);
	return mine;
}

/**
 * gomcache_classify - what is wrong with a pointer
 * @h: the heap
 * @p: the pointer, which is no live object's
 *
 * Context: preemption is off.
 * Return: the kind of misuse that freeing it is.
 */
enum gomisuse gomcache_classify(struct goheap *h, const void *p)
{
	const struct gospan *s = gospan_of(h, p);
	unsigned int idx;

	switch (s->state) {
	case GO_SPAN_SMALL:
		if (gospan_index(s, p, &idx) && idx < s->nelems)
			return GO_DOUBLE_FREE;
		/* It may have been a tiny object, in a block that is free now. */
		return gospan_needs_tiny(s->spanclass) && !is_live(s, idx) ?
			GO_DOUBLE_FREE : GO_INTERIOR;
	case GO_SPAN_LARGE:
	case GO_SPAN_DYING:
		return s->base == (unsigned long)p ? GO_DOUBLE_FREE :
						     GO_INTERIOR;
	default:
		return gospan_in_free_run(h, p) ? GO_DOUBLE_FREE : GO_FOREIGN;
	}
}

/* A block of tiny objects, the last of which has gone. */
static void free_block(struct goheap *h, struct gospan *s, unsigned int idx)
{
	if (static_branch_likely(&goalloc_check))
		s->objstate[idx] = GO_OBJ_FREE;
	free_small(h, s, idx, gospan_object(s, idx));
}

/**
 * gomcache_free_slow - free when the fast path could not
 * @h: the heap
 * @p: what was passed to gofree(), NULL included
 * @caller: by whom
 *
 * Context: any.
 */
void gomcache_free_slow(struct goheap *h, void *p, unsigned long caller)
{
	enum gomisuse kind = GO_NR_MISUSES;
	struct gospan *s;
	unsigned int idx;
	bool last;

	if (ZERO_OR_NULL_PTR(p))
		return;
	preempt_disable();
	s = gospan_of(h, p);
	if (gotiny_holds(s, p)) {
		idx = ((unsigned long)p - s->base) / GO_TINY_SIZE;
		if (!gotiny_free(h, s, p, &last))
			kind = gotiny_inside(s, p) ? GO_INTERIOR :
						     GO_DOUBLE_FREE;
		else if (last)
			free_block(h, s, idx);
	} else if (gospan_index(s, p, &idx) && claim(s, idx, GO_OBJ_LIVE)) {
		free_small(h, s, idx, p);
	} else if (gospan_index(s, p, &idx) && claim(s, idx, GO_OBJ_DEBUG)) {
		godebug_free(h, s, idx, caller);
	} else if (s->state != GO_SPAN_LARGE || !free_large(h, s, p)) {
		kind = gomcache_classify(h, p);
	}
	preempt_enable();

	if (kind != GO_NR_MISUSES)
		gomisuse_report(h, kind, p, 0, caller);
}

/**
 * gomcache_fix_init - make the allocators of what this file needs
 * @h: the heap
 *
 * Context: any.
 */
void gomcache_fix_init(struct goheap *h)
{
	unsigned int i;

	BUILD_BUG_ON(STORAGE_MIN << (GO_NR_FIX_STACK - 1) != GO_STACK_MAX);
	for (i = 0; i < GO_NR_FIX_STACK; i++)
		gofix_init(&h->fix[GO_FIX_STACK + i],
			   (STORAGE_MIN << i) * sizeof(struct goslot),
			   i ? 2 : 16);
}
