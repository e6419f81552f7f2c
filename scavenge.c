// SPDX-License-Identifier: GPL-2.0
/*
 * Scavenge: what the heap gives back to the kernel, and what it puts off.
 *
 * An arena with no page in use goes back at once, but for a reserve that keeps
 * a workload at the edge from taking and giving the same pages; when asked for,
 * every free run goes.  A block of the page allocator goes back as it came if
 * all of it goes, else it is split into single pages.
 *
 * None of this can be done where a free may happen, so it is a worker's: an
 * irq_work, which may be raised in any context, queues it.  The same worker
 * fills up the reserves and finishes the frees that NMIs had to leave.
 *
 * Task context only, but for goheap_kick().
 */

#include <linux/mm.h>
#include <linux/rcupdate.h>
#include "internal.h"

/* Keep an arena's worth, and an eighth of what is in use, from coming and going. */
static bool can_spare(struct gonode *node, unsigned long npages, bool all)
{
	unsigned long keep = node->reserve;

	if (!all)
		keep += max(GO_ARENA_PAGES, (node->sys - node->free) / 8);
	/* The reserve is of long runs: many short ones are none. */
	return node->free >= npages + keep &&
	       node->big >= npages + node->reserve;
}

/**
 * goscavenge_arena - is there an arena with no page in use to give back?
 * @node: the node, locked
 * @all: spare only the reserve
 *
 * Context: any but NMI.
 * Return: whether there is; it is the first of the list.
 */
bool goscavenge_arena(struct gonode *node, bool all)
{
	struct goarena *a = list_first_entry_or_null(&node->arenas,
						     struct goarena, list);

	return a && a->nfree == a->npages && can_spare(node, a->npages, all);
}

/* The smallest run that can go, and how much of it can. */
static struct gospan *spare_run(struct gonode *node, unsigned long *n)
{
	unsigned long spare = node->big - min_t(unsigned long, node->big,
						node->reserve);
	struct gospan *s;

	for (s = gorun_find(node, 1, 1); s; s = gorun_next(node, s)) {
		*n = s->npages;
		if (*n < GO_RESERVE_RUN || *n <= spare)
			return s;
		/* What is left of a run of the reserve must be one. */
		*n = min_t(unsigned long, spare, s->npages - GO_RESERVE_RUN);
		if (*n)
			return s;
	}
	return NULL;
}

static struct gospan *first_run_of(struct goarena *a)
{
	unsigned int i = 0;

	while (a->span[i]->state != GO_SPAN_FREE)
		i++;
	return a->span[i];
}

/* Take pages that are to go out of the heap. */
static struct gospan *detach(struct gonode *node, bool all,
			     struct gospan *spare[2], struct goarena **arena)
{
	struct gospan *s = NULL;
	unsigned long flags, n;
	struct goarena *a;

	raw_spin_lock_irqsave(&node->lock, flags);
	if (goscavenge_arena(node, all)) {
		s = first_run_of(list_first_entry(&node->arenas,
						  struct goarena, list));
		n = s->npages;
	} else if (all) {
		s = spare_run(node, &n);
	}
	if (s) {
		a = gospan_arena(node->heap, s->base);
		s = gorun_cut(node, s, n, 1, spare);
		gorun_disown(node, a, s);
		*arena = a;
	}
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return s;
}

static void *arena_page(struct goarena *a, unsigned int i)
{
	return (void *)(a->base + ((unsigned long)i << GO_PAGE_SHIFT));
}

static unsigned int block_pages(unsigned int order)
{
	return order == GO_ORDER_SPLIT ? 1 : 1U << (order - 1 - GO_PAGE_ORDER);
}

/*
 * Make single pages of the block, if any, that crosses the boundary before a
 * page.  goheap.give_back keeps others from doing the same; entries of pages
 * that the heap gets meanwhile are beyond that block.
 */
static void split_at(struct goarena *a, unsigned int i)
{
	unsigned int head = i, order;

	if (i >= GO_ARENA_PAGES || READ_ONCE(a->order[i]))
		return;
	while (head && !READ_ONCE(a->order[head]))
		head--;
	order = READ_ONCE(a->order[head]);
	if (!order || head + block_pages(order) <= i)
		return;
	split_page(virt_to_page(arena_page(a, head)), order - 1);
	memset(a->order + head, GO_ORDER_SPLIT, block_pages(order));
}

static void free_block(void *p, unsigned int order)
{
	struct page *page = virt_to_page(p);
	unsigned int k;

	if (order != GO_ORDER_SPLIT) {
		__free_pages(page, order - 1);
		return;
	}
	for (k = 0; k < 1U << GO_PAGE_ORDER; k++)
		__free_page(page + k);
}

/*
 * Give the page allocator a stretch of an arena.  What has gone may be the
 * heap's again at once: it is not looked at any more.
 */
static void free_blocks(struct goarena *a, unsigned int i, unsigned int n)
{
	unsigned int order, end = i + n;

	split_at(a, i);
	split_at(a, end);
	while (i < end) {
		order = a->order[i];
		WRITE_ONCE(a->order[i], 0);
		free_block(arena_page(a, i), order);
		i += block_pages(order);
	}
}

/*
 * Give one run back; returns its bytes, or 0 when none is to go.  An arena that
 * has left the map goes on a list: somebody may still be looking at it.
 */
static size_t give_back_run(struct gonode *node, bool all,
			    struct list_head *arenas)
{
	struct gofix *fix = &node->heap->fix[GO_FIX_SPAN];
	struct gospan *spare[2] = {}, *s;
	struct goarena *a;
	size_t bytes = 0;

	spare[0] = gofix_alloc(fix, GFP_KERNEL | __GFP_NOWARN);
	if (!spare[0])
		return 0;
	s = detach(node, all, spare, &a);
	if (s) {
		bytes = (size_t)s->npages << GO_PAGE_SHIFT;
		free_blocks(a, gorun_index(s->base), s->npages);
		gofix_free(fix, s);
		if (!a->npages)
			list_add(&a->list, arenas);
	}
	if (spare[0])
		gofix_free(fix, spare[0]);
	return bytes;
}

/* Metadata may still be read by a walk, or by the look-up of a bad address. */
static size_t give_back_metadata(struct goheap *h, struct list_head *arenas)
{
	struct goarena *a, *next;
	LIST_HEAD(chunks);
	size_t bytes = 0;
	unsigned int i;

	for (i = 0; i < GO_NR_FIX; i++)
		bytes += gofix_detach(&h->fix[i], &chunks);
	if (list_empty(arenas) && !bytes)
		return 0;
	synchronize_rcu();
	gofix_release(&chunks);
	list_for_each_entry_safe(a, next, arenas, list)
		gofix_free(&h->fix[GO_FIX_ARENA], a);
	return bytes;
}

static void trim_centrals(struct gonode *node)
{
	unsigned int spc;

	for (spc = 0; spc < GO_NR_SPANCLASSES; spc++)
		gocentral_trim(node->heap, &node->central[spc]);
}

/**
 * goscavenge - give memory back to the kernel
 * @h: the heap
 * @all: all that can go, the spans that mcentrals keep and free runs in arenas
 *	that are in use included; not only whole arenas beyond the reserve
 *
 * Context: task, may sleep.
 * Return: bytes given back.
 */
size_t goscavenge(struct goheap *h, bool all)
{
	size_t n, bytes = 0;
	LIST_HEAD(arenas);
	int nid;

	mutex_lock(&h->give_back);
	for_each_gonode(h, nid) {
		if (all)
			trim_centrals(h->node[nid]);
		do {
			n = give_back_run(h->node[nid], all, &arenas);
			bytes += n;
			cond_resched();
		} while (n);
	}
	if (all || bytes)
		bytes += give_back_metadata(h, &arenas);
	mutex_unlock(&h->give_back);
	return bytes;
}

/**
 * goscavenge_top_up - fill the reserves
 * @h: the heap
 *
 * Context: task, may sleep.
 */
void goscavenge_top_up(struct goheap *h)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY;
	unsigned int i;
	int nid;

	for (i = 0; i < GO_NR_FIX; i++)
		gofix_top_up(&h->fix[i], gfp);
	for_each_gonode(h, nid)
		goheap_top_up(h->node[nid], gfp);
}

static void work_fn(struct work_struct *work)
{
	struct goheap *h = container_of(work, struct goheap, work);

	gomcache_drain_deferred(h);
	goscavenge_top_up(h);
	goscavenge(h, false);
}

static void kick_fn(struct irq_work *kick)
{
	struct goheap *h = container_of(kick, struct goheap, kick);

	if (!READ_ONCE(h->stopped))
		queue_work(system_unbound_wq, &h->work);
}

/**
 * goheap_kick - have done soon what cannot be done here
 * @h: the heap
 *
 * Context: any, NMI included.
 */
void goheap_kick(struct goheap *h)
{
	irq_work_queue(&h->kick);
}

/**
 * goscavenge_init - make the worker
 * @h: the heap
 *
 * Context: task.
 */
void goscavenge_init(struct goheap *h)
{
	mutex_init(&h->give_back);
	INIT_WORK(&h->work, work_fn);
	init_irq_work(&h->kick, kick_fn);
}

/**
 * goscavenge_stop - wait for the worker, for good
 * @h: the heap, which nobody uses any more
 *
 * Context: task, may sleep.
 */
void goscavenge_stop(struct goheap *h)
{
	WRITE_ONCE(h->stopped, true);
	/* A kick that missed the flag may have queued work; its last one cannot. */
	irq_work_sync(&h->kick);
	cancel_work_sync(&h->work);
	irq_work_sync(&h->kick);
}
