// SPDX-License-Identifier: GPL-2.0
/*
 * Idle: how much could go if the kernel were short of memory, and telling it so.
 *
 * The shrinker is asked only when memory is short.  Before that, what the heap
 * has idle looks to everybody as if it were in use: MemAvailable falls by it,
 * and programs that size their caches by that, or the overcommit heuristics,
 * believe that there is less than there is.  NR_KERNEL_MISC_RECLAIMABLE is the
 * kernel's count for memory of this kind, and MemAvailable adds it.
 *
 * It is brought up to date by ticks of the background and by the worker, and not
 * where pages move: a second of delay does no harm to what is an estimate, and
 * the paths that allocate are spared.
 */

#include <linux/mm.h>
#include "central.h"
#include "numa.h"
#include "reclaim.h"

/* The heap that the kernel is told of.  Guarded by @telling. */
static struct goheap *told_heap;
static DEFINE_MUTEX(telling);

/**
 * goidle_pages - count the pages of a node that could go
 * @node: the node
 *
 * Exact for free pages and idle spans.  The caches are taken at their capacity,
 * transfer caches at what they hold: how many pages these objects would free
 * cannot be told.
 *
 * Context: any but NMI.
 * Return: how many, in pages of the kernel.
 */
unsigned long goidle_pages(struct gonode *node)
{
	unsigned long flags, n;

	raw_spin_lock_irqsave(&node->lock, flags);
	n = node->runs.free - min(node->runs.big, node->reserve);
	raw_spin_unlock_irqrestore(&node->lock, flags);
	n += READ_ONCE(node->kept_pages);
	return (n << GO_PAGE_ORDER) + gocentral_idle_pages(node) +
	       ((atomic_long_read(&node->cached) +
		 atomic_long_read(&node->transferred[false]) +
		 atomic_long_read(&node->transferred[true])) >> PAGE_SHIFT);
}

/* Tell the kernel that so many pages of a node could go. */
static void tell_pages(struct gonode *node, unsigned long pages)
{
	lockdep_assert_held(&telling);
	mod_node_page_state(NODE_DATA(node->nid), NR_KERNEL_MISC_RECLAIMABLE,
			    (long)(pages - node->told));
	node->told = pages;
}

/**
 * goidle_tell - tell the kernel what could go now
 * @h: a heap; nothing is told of any but that of the API
 *
 * Context: task, may sleep.
 */
void goidle_tell(struct goheap *h)
{
	int nid;

	mutex_lock(&telling);
	if (told_heap == h)
		for_each_gonode(h, nid)
			tell_pages(h->node[nid], goidle_pages(h->node[nid]));
	mutex_unlock(&telling);
}

/**
 * goidle_start - begin to tell the kernel
 * @h: the heap of the API
 *
 * Context: task, may sleep.
 */
void goidle_start(struct goheap *h)
{
	mutex_lock(&telling);
	told_heap = h;
	mutex_unlock(&telling);
}

/**
 * goidle_stop - take back all that the kernel was told, for good
 *
 * Context: task, may sleep.
 */
void goidle_stop(void)
{
	struct goheap *h;
	int nid;

	mutex_lock(&telling);
	h = told_heap;
	for_each_gonode(h, nid)
		tell_pages(h->node[nid], 0);
	told_heap = NULL;
	mutex_unlock(&telling);
}
