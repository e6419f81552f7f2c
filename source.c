// SPDX-License-Identifier: GPL-2.0
/*
 * Source: where pages come from: free runs, idle spans, other nodes, the
 * kernel.
 *
 * A caller that needs pages asks here, and each place is tried in turn: the
 * free runs of the node; the spans that its mcentrals keep idle; the page
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

#include <linux/mm.h>
#include <linux/sched.h>
#include "block.h"
#include "central.h"
#include "compat.h"
#include "gfp.h"
#include "heap.h"
#include "held.h"
#include "hooks.h"
#include "numa.h"
#include "source.h"
#include "span.h"

/* The smallest growth that is not forced: 1 MiB. */
#define GROW_ORDER_MIN	(20 - PAGE_SHIFT)
/* Free pages that are not worth giving back before the heap grows: 512 KiB. */
#define GO_SHED_MIN	(512UL >> (GO_PAGE_SHIFT - 10))

#define GROW_ORDER_MAX	min_t(int, GO_ARENA_SHIFT - PAGE_SHIFT, MAX_PAGE_ORDER)

/*
 * Grow by @keep pages of a block of the page allocator, in 8 KiB: the first
 * @npages are the caller's, and what the block has beyond @keep goes straight
 * back.
 */
static struct gospan *grow_by_block(struct goheap *h, int nid,
				    unsigned int order, unsigned long keep,
				    unsigned long npages, gfp_t gfp)
{
	unsigned long n = keep << GO_PAGE_ORDER;
	struct gospan *s;
	struct page *page;

	if (order > MAX_PAGE_ORDER)
		return NULL;
	page = goblock_get(h, nid, gfp, order, n);
	if (!page)
		return NULL;
	s = goheap_adopt(h, page, keep, npages, gfp);
	if (!s)
		goblock_give_back(h, page, n, gfp & __GFP_ACCOUNT);
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
static struct gospan *grow_node(struct goheap *h, struct gonode *node,
				unsigned long npages, unsigned long align,
				gfp_t gfp)
{
	/* A block is aligned to its own size. */
	unsigned long need = max(npages, align) << GO_PAGE_SHIFT;
	unsigned long nfree = READ_ONCE(node->runs.free);
	unsigned long step = (max(READ_ONCE(node->sys) / 8, nfree) - nfree)
			     << GO_PAGE_SHIFT;
	unsigned int order = clamp_t(int, ilog2((step >> PAGE_SHIFT) | 1),
				     GROW_ORDER_MIN, GROW_ORDER_MAX);
	struct gospan *s;

	gfp = gogfp_for_pages(gfp);
	for (; order >= GROW_ORDER_MIN && PAGE_SIZE << order >= need; order--) {
		if (leaves_too_much(node, need, order))
			continue;
		s = grow_by_block(h, node->nid, order,
				  1UL << (order - GO_PAGE_ORDER), npages,
				  gogfp_greedy(gfp));
		if (s)
			return s;
	}
	return grow_by_block(h, node->nid, get_order(need), npages, npages,
			     gfp);
}

/*
 * Take pages that the node has, if need be from idle spans of its mcentrals.
 * Not all of these are tried, as there may be many and none of any help.
 */
static struct gospan *take_or_trim(struct gonode *node, unsigned long npages,
				   unsigned long align,
				   struct gospan *spare[2], gfp_t gfp)
{
	unsigned int i, tries = gfpflags_allow_blocking(gfp) ? 64 : 4;
	bool reserve = gogfp_may_grow(gfp) != GO_GROW_FIRST;
	struct gospan *s = goheap_take(node, npages, align, spare, reserve);
	struct gocentral *c;

	/* The largest first, as most of its pages come in one piece. */
	for (i = GO_NR_SPANCLASSES; !s && tries && i--; ) {
		c = &node->central[i];
		while (!s && tries && READ_ONCE(c->idle)) {
			gocentral_trim(c, GO_BATCH);
			s = goheap_take(node, npages, align, spare, reserve);
			tries--;
		}
	}
	return s;
}

/* The page allocator has none: look at all nodes, the nearest first. */
static struct gospan *take_elsewhere(struct gonode *node, unsigned long npages,
				     unsigned long align,
				     struct gospan *spare[2], gfp_t gfp)
{
	struct goheap *h = node->heap;
	struct gospan *s = NULL;
	nodemask_t left;
	int nid;

	if (gfp & __GFP_THISNODE)
		return NULL;
	left = gonuma_others(h, node->nid);
	/* At the node itself once more, for what was freed meanwhile. */
	for (nid = node->nid; !s && nid != NUMA_NO_NODE;
	     nid = gonuma_nearest(node->nid, &left))
		s = take_or_trim(h->node[nid], npages, align, spare, gfp);
	return s;
}

/*
 * No free run is long enough.  If many pages are free all the same, they are of
 * objects that have grown since, and of no use to this one: they go before the
 * heap grows by more.  The background would only come in a while, and an array
 * that grows by small steps would leave a hole of each length until then.
 */
static void shed_short_runs(struct gonode *node, unsigned long npages,
			    gfp_t gfp)
{
	unsigned long nfree = READ_ONCE(node->runs.free);
	unsigned long used = READ_ONCE(node->sys) - nfree;
	unsigned long keep = max(used / 4, GO_SHED_MIN) + node->reserve;

	if (npages > GO_MAX_SMALL >> GO_PAGE_SHIFT && nfree > keep &&
	    gfpflags_allow_blocking(gfp))
		gohooks_shed(node, keep);
}

/* Take what the node has, else make it grow, else look elsewhere. */
static struct gospan *take_or_grow(struct goheap *h, int nid,
				   unsigned long npages, unsigned long align,
				   struct gospan *spare[2], gfp_t gfp)
{
	struct gonode *node = gonuma_heap(h, nid);
	struct gospan *s;

	s = take_or_trim(node, npages, align, spare, gfp);
	if (!s && gogfp_may_grow(gfp) != GO_GROW_NEVER) {
		shed_short_runs(node, npages, gfp);
		s = grow_node(h, node, npages, align, gfp);
	}
	if (!s)
		s = take_elsewhere(node, npages, align, spare, gfp);
	return s;
}

static struct gospan *try_pages(struct goheap *h, int nid,
				unsigned long npages, unsigned long align,
				gfp_t gfp)
{
	struct gospan *spare[2] = {}, *s = NULL;

	/* Over the limit, pages that are free are to go. */
	if (goheld_over(h) && !(gfp & __GFP_NOFAIL))
		return NULL;
	if (goheap_get_spares(h, spare, align, gfp))
		s = take_or_grow(h, nid, npages, align, spare, gfp);
	goheap_put_spares(h, spare);
	return s;
}

/**
 * gosource_pages - get a run of pages
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
	unsigned long need = max(npages, align) << GO_PAGE_SHIFT;
	struct gospan *s = try_pages(h, nid, npages, align, gfp);

	/* Again, because another caller may be quicker to take the room. */
	while (!s && gohooks_make_room(h, need, gfp))
		s = try_pages(h, nid, npages, align, gfp);
	return s;
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
	unsigned int class = GO_SPC_CLASS(spc);
	struct gocentral *c;
	struct gospan *s;

	s = gosource_pages(h, nid, go_class_pages[class], go_class_align[class],
			   gfp);
	if (!s)
		return NULL;
	if (!gospan_carve(h, s, spc, gfp)) {
		goheap_free(h, s);
		return NULL;
	}
	c = &gospan_node(h, s)->central[spc];
	gocentral_add(c, s);
	return c;
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
		c = gosource_span(h, node->nid, spc, gogfp_near(gfp));
		if (c)
			return c;
	}
	while ((nid = gonuma_nearest(node->nid, &left)) != NUMA_NO_NODE) {
		c = &h->node[nid]->central[spc];
		if (READ_ONCE(c->nonempty))
			return c;
	}
	return gosource_span(h, node->nid, spc, gfp);
}

/*
 * Get pages for an object that is charged to the caller's memory cgroup.  Only
 * the page allocator can charge, and it charges pages.  So the object gets
 * pages of its own, which have to go back when it is freed, and the charge with
 * them.
 */
static struct gospan *get_accounted(struct goheap *h, int nid,
				    unsigned long npages, unsigned long align,
				    gfp_t gfp)
{
	unsigned long need = max(npages, align) << GO_PAGE_SHIFT;
	struct gospan *s;

	nid = gonuma_heap(h, nid)->nid;
	gfp = gogfp_for_pages(gfp) | __GFP_ACCOUNT;
	s = grow_by_block(h, nid, get_order(need), npages, npages, gfp);
	if (!s && gohooks_make_room(h, need, gfp))
		s = grow_by_block(h, nid, get_order(need), npages, npages, gfp);
	if (s)
		s->accounted = true;
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
	unsigned long npages = DIV_ROUND_UP(size, GO_PAGE_SIZE);
	unsigned long align = max((size & -size) >> GO_PAGE_SHIFT, 1UL);
	struct gospan *s;

	do {
		s = is_accounted(gfp) ?
		    get_accounted(h, nid, npages, align, gfp) :
		    gosource_pages(h, nid, npages, align, gfp);
	} while (!s && gosource_wait(h, gfp));
	if (s)
		goheap_make_large(gospan_node(h, s), s, size);
	return s;
}

/**
 * gosource_top_up - fill the reserve of a node
 * @node: the node
 * @gfp: what the caller may do to get memory
 *
 * Context: what @gfp permits.
 */
void gosource_top_up(struct gonode *node, gfp_t gfp)
{
	struct goheap *h = node->heap;
	struct gospan *s;

	while (READ_ONCE(node->runs.big) < node->reserve) {
		s = grow_node(h, node, node->reserve, 1, gfp | __GFP_THISNODE);
		if (!s)
			return;
		goheap_free(h, s);
	}
}
