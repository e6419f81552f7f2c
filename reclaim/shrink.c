// SPDX-License-Identifier: GPL-2.0
/*
 * Shrink: gives back what the heap has idle when the kernel is short of memory.
 *
 * SLUB has no shrinker: it frees a slab as soon as that is empty, but for a
 * few, and nothing makes it give up partial ones or what CPUs hold.  goalloc
 * keeps free pages on purpose, so it must be asked.  Reclaim asks for each node
 * how much there is, and then for some of it.  Pages of free runs go first,
 * then the spans that mcentrals keep idle; the caches of the node's CPUs are
 * emptied only if that does not suffice, because they would soon fetch the
 * objects again. The reserve stays: the contexts that need it cannot reclaim.
 *
 * A scan runs inside an allocation of any caller, under whatever locks that
 * caller holds.  So nothing here allocates, enters a file system or does I/O,
 * which makes it safe for GFP_NOFS and GFP_NOIO too.  Nor does the holder of
 * the node's give_back allocate, and he holds it for a millisecond, so a scan
 * waits for it: a task that was turned away could conclude that nothing is left
 * and call the OOM killer while kswapd is giving back.  The hotplug lock is
 * only tried, and the wait for the caches has an end.  GFP_ATOMIC and
 * GFP_NOWAIT never get here.  What has to wait for a grace period is left to
 * the worker.
 */

#include <linux/mm.h>
#include "api.h"
#include "compat.h"
#include "reclaim.h"

/* Pages that the kernel asks for at a time: a walk of the arenas must pay. */
#define SHRINK_PAGES	((4UL << 20) >> PAGE_SHIFT)

static struct shrinker *shrinker;

/* The node's own heap; NULL if it has no memory and shares another's. */
static struct gonode *own_node(struct goheap *h, int nid)
{
	return h->node[nid]->nid == nid ? h->node[nid] : NULL;
}

/**
 * goshrink_count - count the pages of a node that could go
 * @h: the heap
 * @nid: the node
 *
 * Context: any but NMI.
 * Return: how many, in pages of the kernel.
 */
unsigned long goshrink_count(struct goheap *h, int nid)
{
	struct gonode *node = own_node(h, nid);

	return node ? goidle_pages(node) : 0;
}

/**
 * goshrink_scan - give back some of a node's memory
 * @h: the heap
 * @nid: the node
 * @nr: how many pages of the kernel are wanted
 *
 * Context: task, in reclaim.
 * Return: how many pages of the kernel went, or %SHRINK_STOP for none.
 */
unsigned long goshrink_scan(struct goheap *h, int nid, unsigned long nr)
{
	struct goscavenge sc = {
		.who = GO_BY_SHRINKER,
		.nid = nid,
		.caches = true,
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
 * goshrink_init - register the shrinker
 *
 * Context: task.
 * Return: 0 or -ENOMEM.
 */
int goshrink_init(void)
{
	shrinker = goalloc_shrinker_new(shrink_count, shrink_scan,
					SHRINK_PAGES);
	if (!shrinker)
		return -ENOMEM;
	goidle_start(&goalloc_heap);
	return 0;
}

/**
 * goshrink_exit - unregister the shrinker
 *
 * Context: task, may sleep.
 */
void goshrink_exit(void)
{
	goidle_stop();
	goalloc_shrinker_free(shrinker);
}
