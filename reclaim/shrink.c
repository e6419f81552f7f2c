// SPDX-License-Identifier: GPL-2.0
/*
 * Shrink: what the heap has idle goes when the kernel is short of memory.
 *
 * Reclaim asks, for each node, how much there is, and then for so much of it.
 * Pages of free runs go first, then the spans that mcentrals keep; the caches of
 * the node's CPUs are emptied only if that was not enough, because their owners
 * fill them again.  The reserve stays: those who need it cannot reclaim.
 *
 * This runs inside somebody's allocation, with whatever locks he holds.  So
 * nothing here allocates, touches a file system or does I/O, which makes it good
 * for GFP_NOFS and GFP_NOIO as well.  Whoever holds give_back allocates nothing
 * either, so it is waited for: turned away, a task could believe that there is
 * nothing left, and call the OOM killer while kswapd is giving back.  The hotplug
 * lock is only tried, and the wait for the caches has an end.  GFP_ATOMIC and
 * GFP_NOWAIT never get here.  What has to wait for a grace period is left to the
 * worker.
 */

#include <linux/mm.h>
#include <linux/percpu.h>
#include "api.h"
#include "central.h"
#include "compat.h"
#include "numa.h"
#include "reclaim.h"

/* Pages the kernel asks for at a time: walking the arenas has to be worth it. */
#define SHRINK_PAGES	((4UL << 20) >> PAGE_SHIFT)

static struct shrinker *shrinker;

static struct gonode *own_node(struct goheap *h, int nid)
{
	return h->node[nid]->nid == nid ? h->node[nid] : NULL;
}

/* Bytes that the caches of a node's CPUs may hold. */
static unsigned long cached_bytes(struct goheap *h, int nid)
{
	unsigned long n = 0;
	int cpu;

	for_each_online_cpu(cpu)
		if (gonuma_heap(h, cpu_to_mem(cpu))->nid == nid)
			n += READ_ONCE(per_cpu_ptr(h->mcache, cpu)->bytes);
	return n;
}

/**
 * goshrink_count - how much of a node's memory could go?
 * @h: the heap
 * @nid: the node
 *
 * Exact for pages that are free now; what the caches have is taken at their
 * capacity, for nobody can tell what it will free.
 *
 * Context: any but NMI.
 * Return: pages of the kernel's.
 */
unsigned long goshrink_count(struct goheap *h, int nid)
{
	struct gonode *node = own_node(h, nid);
	unsigned long flags, n;

	if (!node)
		return 0;
	raw_spin_lock_irqsave(&node->lock, flags);
	n = node->runs.free - min(node->runs.big, node->reserve);
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return ((n + gocentral_idle_pages(node)) << GO_PAGE_ORDER) +
	       (cached_bytes(h, nid) >> PAGE_SHIFT);
}

/**
 * goshrink_scan - make some of a node's memory go
 * @h: the heap
 * @nid: the node
 * @nr: pages of the kernel's that are wanted
 *
 * Context: task, in reclaim.
 * Return: pages of the kernel's that went, or %SHRINK_STOP.
 */
unsigned long goshrink_scan(struct goheap *h, int nid, unsigned long nr)
{
	struct goscavenge sc = {
		.who = GO_BY_SHRINKER,
		.nid = nid,
		.harder = true,
		.want = DIV_ROUND_UP(nr, 1UL << GO_PAGE_ORDER),
		.until = U64_MAX,
	};
	unsigned long pages;

	if (!own_node(h, nid))
		return SHRINK_STOP;
	pages = goscavenge(h, &sc);
	return pages ? pages << GO_PAGE_ORDER : SHRINK_STOP;
}

static unsigned long shrink_count(struct shrinker *s,
				  struct shrink_control *sc)
{
	return goshrink_count(&goalloc_heap, sc->nid);
}

static unsigned long shrink_scan(struct shrinker *s, struct shrink_control *sc)
{
	return goshrink_scan(&goalloc_heap, sc->nid, sc->nr_to_scan);
}

/**
 * goshrink_init - tell the kernel what can go
 *
 * Context: task.
 * Return: 0 or -ENOMEM.
 */
int goshrink_init(void)
{
	shrinker = goalloc_shrinker_new(shrink_count, shrink_scan,
					SHRINK_PAGES);
	return shrinker ? 0 : -ENOMEM;
}

/**
 * goshrink_exit - let the kernel ask no more
 *
 * Context: task, may sleep.
 */
void goshrink_exit(void)
{
	goalloc_shrinker_free(shrinker);
}
