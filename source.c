// SPDX-License-Identifier: GPL-2.0
/*
 * Source: where pages come from: free runs, what is kept or idle, other nodes, the
 * kernel.
 *
 * A caller that needs pages asks here, and each place is tried in turn: the
 * free runs of the node; the runs that large objects have left and the spans that
 * its mcentrals keep idle; a few magazines of its transfer caches; the page
 * allocator; and last the other nodes, the nearest first.  The order is by what
 * it costs and by how long the memory stays good: a free run is a few hundred
 * instructions away, a block of the page allocator some thousands, and another
 * node's memory is slow for as long as it is used.
 *
 * The heap grows until an eighth of what it holds is free, by at most an arena
 * and at least 1 MiB; when memory is short, by just the pages that are needed.
 * Go grows by at least 4 MiB of address space.  Pages that are taken here are
 * real, so a smaller step, in proportion to the heap, wastes less.
 *
 * The page allocator is called with no lock held.  Any context but NMI.
 */

#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include "block.h"
#include "central.h"
#include "compat.h"
#include "gfp.h"
#include "heap.h"
#include "held.h"
#include "large.h"
#include "hooks.h"
#include "numa.h"
#include "shape.h"
#include "source.h"
#include "span.h"
#include "transfer.h"

/* The most magazines that are broken up before a heap grows. */
#define FLUSH_TRIES	16

/* The smallest growth that is not forced: 1 MiB. */
#define GROW_ORDER_MIN	(20 - PAGE_SHIFT)
/* Free pages that are not worth giving back before the heap grows: 512 KiB. */
#define GO_SHED_MIN	(512UL >> (GO_PAGE_SHIFT - 10))

#define GROW_ORDER_MAX	min_t(int, GO_ARENA_SHIFT - PAGE_SHIFT, MAX_PAGE_ORDER)

/**
 * struct want - pages that are wanted
 * @h: the heap
 * @nid: the node that they should be of
 * @npages: how many, in 8 KiB
 * @align: power of two, in pages
 * @gfp: what the page allocator is asked with
 * @caller: the caller's own flags, which say what it may do, and get metadata, but
 *	not from the kernel's last pages
 * @last: there is no other way, so that the reserve is better than nothing
 * @carve: for a span, whose descriptor must be new to all readers
 */
struct want {
	struct goheap *h;
	int nid;
	unsigned long npages;
	unsigned long align;
	gfp_t gfp;
	gfp_t caller;
	bool last;
	bool carve;
};

/* Bytes of the block that is needed: a block is aligned to its own size. */
static unsigned long needed_bytes(const struct want *w)
{
	return max(w->npages, w->align) << GO_PAGE_SHIFT;
}

/*
 * Grow by @keep pages of a block of the page allocator, in pages of the kernel:
 * the first ones are what is wanted, and what the block has beyond @keep goes
 * straight back.
 */
static struct gospan *grow_by_block(const struct want *w, int nid,
				    unsigned int order, unsigned long keep,
				    gfp_t gfp)
{
	bool charged = gfp & __GFP_ACCOUNT;
	struct gospan *s;
	struct page *page;

	if (order > MAX_PAGE_ORDER)
		return NULL;
	page = goblock_get(w->h, nid, gfp, order, keep);
	if (!page)
		return NULL;
	s = goheap_adopt(w->h, page, keep, w->npages, w->caller);
	if (!s)
		goblock_give_back(w->h, page, keep, charged);
	return s;
}

/*
 * A long run may leave a long rest of its block.  Would that be more than the
 * heap should have idle?
 */
static bool leaves_too_much(struct gonode *node, unsigned long need,
			    unsigned int order)
{
	unsigned long rest = (PAGE_SIZE << order) - need;

	return rest && need > PAGE_SIZE << (GROW_ORDER_MIN - 1) &&
	       READ_ONCE(node->runs.free) + (rest >> GO_PAGE_SHIFT) >
	       READ_ONCE(node->sys) / 16;
}

/*
 * Get the pages from the page allocator and more with them, at best until an
 * eighth of what the node holds is free.  Smaller blocks are tried next,
 * because memory may be there in pieces only, and last just what is needed,
 * which may come from another node.
 */
static struct gospan *grow_node(const struct want *w, struct gonode *node)
{
	unsigned long need = needed_bytes(w);
	unsigned long nfree = READ_ONCE(node->runs.free);
	unsigned long step = (max(READ_ONCE(node->sys) / 8, nfree) - nfree)
			     << GO_PAGE_SHIFT;
	unsigned int order = clamp_t(int, ilog2((step >> PAGE_SHIFT) | 1),
				     GROW_ORDER_MIN, GROW_ORDER_MAX);
	gfp_t gfp = gogfp_for_pages(w->gfp);
	struct gospan *s;

	for (; order >= GROW_ORDER_MIN && PAGE_SIZE << order >= need; order--) {
		if (leaves_too_much(node, need, order))
			continue;
		s = grow_by_block(w, node->nid, order, 1UL << order,
				  gogfp_greedy(gfp));
		if (s)
			return s;
	}
	return grow_by_block(w, node->nid, get_order(need),
			     w->npages << GO_PAGE_ORDER, gfp);
}

/* May the reserve be had?  By callers that get it first, and at last. */
static bool may_have_reserve(const struct want *w)
{
	return gogfp_may_grow(w->caller) != GO_GROW_FIRST;
}

/*
 * Take pages that the node has, if need be from what large objects have left, and
 * from idle spans of its mcentrals.  Not all of these are tried, as there may be many
 * and none of any help.
 */
static struct gospan *take_or_trim(const struct want *w, struct gonode *node,
				   struct gospan *spare[2], bool reserve)
{
	unsigned int i, tries = gfpflags_allow_blocking(w->gfp) ? 64 : 4;
	struct gospan *s = goheap_take(node, w->npages, w->align, spare,
				       reserve);
	unsigned int flushes = tries / 2;
	struct gocentral *c;

	while (!s && flushes-- && golarge_flush(node, 8))
		s = goheap_take(node, w->npages, w->align, spare, reserve);
	/* The largest first, as most of its pages come in one piece. */
	for (i = READ_ONCE(goshape_end); !s && tries && i--; ) {
		c = &node->central[i];
		while (!s && tries && READ_ONCE(c->idle)) {
			gocentral_trim(c, GO_BATCH);
			s = goheap_take(node, w->npages, w->align, spare,
					reserve);
			tries--;
		}
	}
	return s;
}

/*
 * How many magazines are broken up before something else is tried.  A hundred objects
 * and more may be in one, and a caller that may not sleep might have interrupts off.
 */
static unsigned int flush_tries(const struct want *w)
{
	return gfpflags_allow_blocking(w->caller) ||
	       gogfp_may_grow(w->caller) == GO_GROW_NEVER ? FLUSH_TRIES : 2;
}

/*
 * Take pages that the node has, also those that transfer caches hold, whose objects
 * may be all that keeps spans from being idle.  They are of most use to the classes
 * that fill them, so they come last; the largest first, as above.  Not @all of them
 * for a caller that may have the heap grow, which shall not wait long for what others
 * have left.
 */
static struct gospan *take_or_flush(const struct want *w, struct gonode *node,
				    struct gospan *spare[2], bool reserve,
				    bool all)
{
	struct gospan *s = take_or_trim(w, node, spare, reserve);
	unsigned int n, tries = all ? UINT_MAX : flush_tries(w);
	unsigned int i = READ_ONCE(goshape_end);

	while (!s && tries && i--) {
		n = gotransfer_flush(&node->transfer[i], tries);
		if (!n)
			continue;
		tries -= n;
		s = take_or_trim(w, node, spare, reserve);
	}
	return s;
}

/* The page allocator has none: look at all nodes, the nearest first. */
static struct gospan *take_elsewhere(const struct want *w, struct gonode *node,
				     struct gospan *spare[2])
{
	bool reserve = may_have_reserve(w) ||
		       (w->last && !gfpflags_allow_blocking(w->caller));
	struct gospan *s = NULL;
	nodemask_t left;
	int nid;

	if (w->gfp & __GFP_THISNODE)
		return NULL;
	left = gonuma_others(w->h, node->nid);
	/* At the node itself once more, for what was freed meanwhile. */
	for (nid = node->nid; !s && nid != NUMA_NO_NODE;
	     nid = gonuma_nearest(node->nid, &left))
		s = take_or_flush(w, w->h->node[nid], spare, reserve,
				  w->last && gfpflags_allow_blocking(w->caller));
	return s;
}

/*
 * No free run is long enough.  If many pages are free all the same, they are of
 * objects that have grown since, and of no use to this one: they go before the
 * heap grows by more.  The background would only come in a while, and an array
 * that grows by small steps would leave a hole of each length until then.
 */
static void shed_short_runs(const struct want *w, struct gonode *node)
{
	unsigned long nfree = READ_ONCE(node->runs.free);
	unsigned long used = READ_ONCE(node->sys) - nfree;
	unsigned long keep = max(used / 4, GO_SHED_MIN) + node->reserve;

	if (w->npages > GO_MAX_SMALL >> GO_PAGE_SHIFT && nfree > keep &&
	    gfpflags_allow_blocking(w->gfp))
		gohooks_shed(node, keep);
}

/* Take what the node has, else make it grow, else look elsewhere. */
static struct gospan *take_or_grow(const struct want *w, struct gonode *node,
				   struct gospan *spare[2])
{
	struct gospan *s;

	s = take_or_flush(w, node, spare, may_have_reserve(w), false);
	if (!s && gogfp_may_grow(w->caller) != GO_GROW_NEVER) {
		shed_short_runs(w, node);
		s = grow_node(w, node);
	}
	if (!s)
		s = take_elsewhere(w, node, spare);
	return s;
}

static struct gospan *try_pages(const struct want *w)
{
	struct gonode *node = gonuma_heap(w->h, w->nid);
	struct gospan *spare[2] = {}, *s = NULL;

	/* Over the limit, pages that are free are to go. */
	if (goheld_over(w->h) && !(w->caller & __GFP_NOFAIL))
		return NULL;
	if (goheap_get_spares(node, spare, w->align, w->carve, w->caller))
		s = take_or_grow(w, node, spare);
	goheap_put_spares(w->h, spare);
	return s;
}

static struct gospan *get_pages(const struct want *w)
{
	struct gospan *s = try_pages(w);

	/* Again, because another caller may be quicker to take the room. */
	while (!s && gohooks_make_room(w->h, needed_bytes(w), w->gfp))
		s = try_pages(w);
	/* And if others have made it since we were refused. */
	if (!s && goheld_is_limited(w->h) && gfpflags_allow_blocking(w->gfp))
		s = try_pages(w);
	return s;
}

/**
 * gosource_pages - get a run of pages that may be carved
 * @h: the heap
 * @nid: the node to take them from if possible
 * @npages: how many, at most GO_ARENA_PAGES
 * @align: power of two, in pages
 * @gfp: what the caller may do to get memory
 *
 * Context: what @gfp permits, any but NMI.
 * Return: the run, in state %GO_SPAN_NONE, or NULL.
 */
struct gospan *gosource_pages(struct goheap *h, int nid, unsigned long npages,
			      unsigned long align, gfp_t gfp)
{
	const struct want w = {
		.h = h,
		.nid = nid,
		.npages = npages,
		.align = align,
		.gfp = gfp,
		.caller = gogfp_for_all(gfp),
		.last = true,
		.carve = true,
	};

	return get_pages(&w);
}

/* So many pages are tried for one that is half of a new 8 KiB. */
#define HALF_TRIES	16

/*
 * Get one page of the kernel, half of an 8 KiB page: memory is in single pages.
 * If the heap has the other half in a span already, keep the page with that, and
 * try another one.  Those that cannot be kept go back when all is tried, so that
 * none comes twice.
 */
static struct gospan *get_half_page(const struct want *w)
{
	int nid = gonuma_heap(w->h, w->nid)->nid;
	gfp_t gfp = gogfp_for_pages(w->gfp);
	struct page *page[HALF_TRIES];
	struct gospan *s = NULL;
	unsigned int tries, n = 0;

	if (!GO_PAGE_ORDER || gogfp_may_grow(w->caller) == GO_GROW_NEVER)
		return NULL;
	for (tries = 0; !s && tries < HALF_TRIES; tries++) {
		page[n] = goblock_get(w->h, nid, gfp, 0, 1);
		if (!page[n])
			break;
		s = goheap_adopt(w->h, page[n], 1, 1, w->caller);
		if (!s && !goheap_pair_half(w->h, page[n]))
			n++;
	}
	while (n)
		goblock_give_back(w->h, page[--n], 1, false);
	return s;
}

/* How long memory that was in pieces is taken to be so. */
#define PIECES_FOR	(HZ / 10)

/*
 * How to ask for a span as long as is good.  The page allocator may reclaim and
 * compact for it once, if the order is one for which that helps; but when it has
 * done so in vain it is not to do that for each span.
 */
static gfp_t ideal_gfp(const struct want *w, gfp_t gfp)
{
	struct gonode *node = gonuma_heap(w->h, w->nid);

	gfp = gogfp_ideal(gfp);
	if (get_order(needed_bytes(w)) > PAGE_ALLOC_COSTLY_ORDER ||
	    time_before(jiffies, READ_ONCE(node->in_pieces)))
		gfp &= ~__GFP_DIRECT_RECLAIM;
	return gfp;
}

static void note_pieces(const struct want *w)
{
	if (gfpflags_allow_blocking(w->gfp))
		WRITE_ONCE(gonuma_heap(w->h, w->nid)->in_pieces,
			   jiffies + PIECES_FOR);
}

/*
 * Get pages for a span of a class: as many as are good, or as memory is short or
 * in pieces as few as hold one object.  The page allocator tries hard only for
 * what kmalloc() would ask it for as well.
 */
static struct gospan *get_span_pages(struct want *w,
				     const struct goshape *shape)
{
	unsigned long least = DIV_ROUND_UP(shape->size, GO_PAGE_SIZE);
	bool half = GO_PAGE_ORDER && shape->size <= PAGE_SIZE;
	gfp_t gfp = gogfp_for_all(w->gfp);
	struct gospan *s;

	w->npages = shape->npages;
	w->align = shape->align;
	w->last = !half && w->npages == least;
	w->gfp = w->last ? gfp : ideal_gfp(w, gfp);
	s = get_pages(w);
	if (!s)
		note_pieces(w);
	if (!s && w->npages > least) {
		w->npages = least;
		w->last = !half;
		w->gfp = w->last ? gfp : ideal_gfp(w, gfp);
		s = get_pages(w);
	}
	if (!s && half) {
		w->gfp = gfp;
		s = get_half_page(w);
	}
	if (!s && !w->last && !gfpflags_allow_blocking(w->caller)) {
		w->last = true;
		s = get_pages(w);
	}
	return s;
}

/* Have a constructor make the objects of a span that is nobody's yet. */
static void construct_objects(const struct gospan *s, void (*ctor)(void *obj))
{
	unsigned int i;

	for (i = 0; i < s->nelems; i++)
		ctor(gospan_object(s, i));
}

/* Make a span; pages are asked for with @gfp, all else is by @caller. */
static struct gocentral *make_span(struct goheap *h, int nid, unsigned int spc,
				   gfp_t gfp, gfp_t caller)
{
	struct want w = {
		.h = h,
		.nid = nid,
		.gfp = gfp,
		.caller = gogfp_for_all(caller),
		.carve = true,
	};
	const struct goshape *shape = &goshapes[spc];
	struct gocentral *c;
	struct gospan *s;

	/* An allocation from a cache that has been destroyed. */
	if (WARN_ON_ONCE(shape->closed))
		return NULL;
	s = get_span_pages(&w, shape);
	if (!s)
		return NULL;
	if (!gospan_carve(h, s, spc, w.caller)) {
		goheap_free(h, s);
		return NULL;
	}
	if (unlikely(shape->ctor))
		construct_objects(s, shape->ctor);
	c = &gospan_node(h, s)->central[spc];
	gocentral_add(c, s);
	return c;
}

/**
 * gosource_span - get a new span for the mcentral of a class
 * @h: the heap
 * @nid: the node to take it from if possible
 * @spc: the span class
 * @gfp: what the caller may do to get memory
 *
 * The span goes on its mcentral's list, from where any caller may take it.
 *
 * Context: what @gfp permits, any but NMI.
 * Return: the mcentral that got it, which is another node's when that one has
 * no memory; or NULL.
 */
struct gocentral *gosource_span(struct goheap *h, int nid, unsigned int spc,
				gfp_t gfp)
{
	return make_span(h, nid, spc, gfp, gfp);
}

/**
 * gosource_objects - find an mcentral with objects of a class
 * @h: the heap
 * @node: the node whose mcentral has none
 * @spc: the span class
 * @gfp: what the caller may do to get memory
 *
 * New pages of the node come first, then what other nodes' mcentrals have, the
 * nearest first, and last new pages of any node.
 *
 * Context: what @gfp permits, any but NMI.
 * Return: the mcentral, or NULL.
 */
struct gocentral *gosource_objects(struct goheap *h, struct gonode *node,
				   unsigned int spc, gfp_t gfp)
{
	nodemask_t left = gonuma_others(h, node->nid);
	struct gocentral *c;
	int nid;

	if (!nodes_empty(left)) {
		c = make_span(h, node->nid, spc, gogfp_near(gfp), gfp);
		if (c)
			return c;
	}
	while ((nid = gonuma_nearest(node->nid, &left)) != NUMA_NO_NODE) {
		c = &h->node[nid]->central[spc];
		if (READ_ONCE(c->nonempty) ||
		    gotransfer_has(&h->node[nid]->transfer[spc]))
			return c;
	}
	return make_span(h, node->nid, spc, gfp, gfp);
}

/*
 * Get pages for an object that is charged to the caller's memory cgroup.  Only
 * the page allocator can charge, and it charges pages.  So the object gets
 * pages of its own, which have to go back when it is freed, and the charge with
 * them.
 */
static struct gospan *get_accounted(const struct want *w)
{
	unsigned int order = get_order(needed_bytes(w));
	unsigned long n = w->npages << GO_PAGE_ORDER;
	gfp_t gfp = gogfp_for_pages(w->gfp) | __GFP_ACCOUNT;
	int nid = gonuma_heap(w->h, w->nid)->nid;
	struct gospan *s = grow_by_block(w, nid, order, n, gfp);

	while (!s && gohooks_make_room(w->h, needed_bytes(w), gfp))
		s = grow_by_block(w, nid, order, n, gfp);
	if (s)
		s->apart |= GO_SPAN_ACCOUNTED;
	return s;
}

/* Where the page allocator cannot be asked, no memory cgroup can be charged. */
static bool is_accounted(gfp_t gfp)
{
	return IS_ENABLED(CONFIG_MEMCG) && gfp & __GFP_ACCOUNT &&
	       gogfp_may_grow(gfp) != GO_GROW_NEVER;
}

/**
 * gosource_wait - there is no memory: does the caller want to wait for some?
 * @h: the heap
 * @gfp: what it asked with
 *
 * Context: what @gfp permits.
 * Return: whether to try again; else the failure has been counted.
 */
bool gosource_wait(struct goheap *h, gfp_t gfp)
{
	if (!(gfp & __GFP_NOFAIL) || !gfpflags_allow_blocking(gfp)) {
		atomic_long_inc(&h->failures);
		return false;
	}
	schedule_timeout_uninterruptible(1);
	return true;
}

/* The alignment, in pages, that kmalloc() gives a large object. */
static unsigned long kmalloc_alignment(size_t size)
{
	return max((size & -size) >> GO_PAGE_SHIFT, 1UL);
}

/* Whole pages for one object; @last as in struct want. */
static struct want want_large(struct goheap *h, int nid, size_t size, gfp_t gfp,
			      bool last)
{
	return (struct want) {
		.h = h,
		.nid = nid,
		.npages = DIV_ROUND_UP(size, GO_PAGE_SIZE),
		.align = kmalloc_alignment(size),
		.gfp = gfp,
		.caller = gogfp_for_all(gfp),
		.last = last,
	};
}

/**
 * gosource_large - get an object of whole pages
 * @h: the heap
 * @nid: the node to take them from if possible
 * @size: bytes, at most GOALLOC_MAX_SIZE
 * @gfp: as for gomalloc()
 *
 * Context: what @gfp permits, any but NMI.
 * Return: the object, not zeroed, aligned as kmalloc() does; or NULL.
 */
struct gospan *gosource_large(struct goheap *h, int nid, size_t size,
			      gfp_t gfp)
{
	const struct want w = want_large(h, nid, size, gfp, true);
	struct gospan *s;

	/* Over the limit, what is kept is to go. */
	s = is_accounted(gfp) || goheld_over(h) ? NULL :
	    golarge_take(gonuma_heap(h, nid), w.npages, w.align, size);
	if (s)
		return s;
	do {
		s = is_accounted(gfp) ? get_accounted(&w) : get_pages(&w);
	} while (!s && gosource_wait(h, gfp));
	if (s)
		golarge_make(gospan_node(h, s), s, size);
	return s;
}

/**
 * gosource_last - get a small object by itself, of the kernel's last pages
 * @h: the heap
 * @nid: the node to take it from if possible
 * @size: bytes, at most GO_MAX_SMALL
 * @gfp: as for gomalloc(); gogfp_may_have_last_pages()
 *
 * In a span it would bring these pages to everybody.
 *
 * Context: what @gfp permits, any but NMI.
 * Return: the object, not zeroed; or NULL, which has not been counted.
 */
struct gospan *gosource_last(struct goheap *h, int nid, size_t size, gfp_t gfp)
{
	const struct want w = want_large(h, nid, size, gfp, false);
	struct gospan *s;

	s = GO_PAGE_ORDER && size <= PAGE_SIZE ? get_half_page(&w) :
						 get_pages(&w);
	if (s)
		golarge_make(gospan_node(h, s), s, size);
	return s;
}

/**
 * gosource_top_up - fill the reserve of a node
 * @node: the node
 * @gfp: what the caller may do to get memory
 *
 * A node may have no memory for it: all is in use, or has gone offline.  Each
 * caller that finds the reserve low asks for this, and asking the kernel for
 * memory may ask for it again, so a node that had none is left alone for a while.
 *
 * Context: what @gfp permits; calls must not overlap.
 */
void gosource_top_up(struct gonode *node, gfp_t gfp)
{
	const struct want w = {
		.h = node->heap,
		.nid = node->nid,
		.npages = node->reserve,
		.align = 1,
		.gfp = gfp | __GFP_THISNODE,
		.caller = gfp,
	};
	struct gospan *s;

	while (READ_ONCE(node->runs.big) < node->reserve &&
	       time_after_eq(jiffies, node->retry)) {
		s = grow_node(&w, node);
		if (s)
			goheap_free(node->heap, s);
		else
			node->retry = jiffies + HZ;
	}
}
