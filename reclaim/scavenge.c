// SPDX-License-Identifier: GPL-2.0
/*
 * Scavenge: gives pages back to the kernel, and decides which.
 *
 * The background, the shrinker, the limit and goalloc_free_os_memory() say how
 * much.  The least used arenas are emptied first, and of an arena the longest
 * run first: pages then go back in large blocks, and what stays is full.
 * Go scavenges from the top of its address space down, because a page it has
 * released keeps its address and costs no more than a fault to use again.  Here
 * a released page is gone, and the page allocator has most use for whole
 * blocks, so that how full an arena is matters more than where it lies.  No
 * list of arenas by use is kept: each allocation of pages would have to update
 * it, while a pass that walks the map is rare.
 *
 * The reserve stays: the contexts that need it cannot reclaim.
 *
 * Pages leave the heap under their node's lock and go to the page allocator
 * without it.  The mutex give_back serializes the tasks that do this.  Nothing
 * allocates while it is held, so that a task in reclaim may wait for it.  A
 * walk may still be reading an arena or a descriptor that has gone: their
 * memory goes after a grace period, for which the mutex is dropped.
 *
 * Task context only.
 */

#include <linux/export.h>
#include <linux/goalloc.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include "api.h"
#include "block.h"
#include "central.h"
#include "fixalloc.h"
#include "heap.h"
#include "held.h"
#include "hooks.h"
#include "numa.h"
#include "reclaim.h"
#include "runs.h"
#include "span.h"

/* Shares of an arena in use: none, up to an eighth, ... up to eight eighths. */
/* How long a growing heap may give back first. */
#define SHED_NS	(10 * NSEC_PER_MSEC)

#define SHARES	9

static unsigned int used_share(const struct goarena *a)
{
	unsigned int n = READ_ONCE(a->npages), nfree = READ_ONCE(a->nfree);

	/* The arena may change between the two reads. */
	return DIV_ROUND_UP((n - min(n, nfree)) * 8, GO_ARENA_PAGES);
}

/* How many pages of a run may go if @want are wanted: the reserve stays. */
static unsigned long pages_to_spare(struct gonode *node, struct gospan *s,
				    unsigned long want)
{
	unsigned long n = min_t(unsigned long, s->npages, want);
	unsigned long spare = node->runs.big -
			      min(node->runs.big, node->reserve);

	lockdep_assert_held(&node->lock);
	/* Only runs of at least GO_RESERVE_RUN pages count as reserve. */
	if (s->npages < GO_RESERVE_RUN || s->npages <= spare)
		return n;
	/* The part of the run that stays must still count. */
	return min3(n, spare, (unsigned long)s->npages - GO_RESERVE_RUN);
}

/* The run of an arena of which the most pages may go, and how many: @n. */
static struct gospan *best_run_of(struct gonode *node, struct goarena *a,
				  unsigned long want, unsigned long *n)
{
	struct gospan *s, *best = NULL;
	unsigned int i = 0;

	lockdep_assert_held(&node->lock);
	*n = 0;
	while (i < GO_ARENA_PAGES) {
		s = a->span[i];
		if (s == &gospan_nil) {
			i++;
			continue;
		}
		if (s->state == GO_SPAN_FREE &&
		    pages_to_spare(node, s, want) > *n) {
			*n = pages_to_spare(node, s, want);
			best = s;
		}
		i += s->npages;
	}
	return best;
}

/* Take out of the heap the run, or the part of it, that goes next. */
static struct gospan *detach_run(struct gonode *node, struct goarena *a,
				 struct gospan *spare[2], struct goscavenge *sc)
{
	unsigned long flags, n;
	struct gospan *s;

	raw_spin_lock_irqsave(&node->lock, flags);
	s = best_run_of(node, a, sc->want, &n);
	if (s && n < s->npages && !spare[0])
		s = NULL;
	if (s) {
		s = goruns_cut(&node->runs, a, s, n, 1, spare);
		goheap_disown(node, s, sc->who);
		sc->want -= n;
		sc->gone += n;
	}
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return s;
}

/* Give back one run of an arena; false when none may go. */
static bool give_back_run(struct gonode *node, struct goarena *a,
			  struct goscavenge *sc)
{
	struct goheap *h = node->heap;
	/* Nothing may allocate here: without a spare only whole runs go. */
	struct gofixalloc *f = &node->fix[GO_FIX_SPAN];
	struct gospan *spare[2] = { gofixalloc_reuse(f) ?: gofixalloc_pop(f) };
	struct gospan *s = detach_run(node, a, spare, sc);

	if (s)
		goheap_release(node, s);
	goheap_put_spares(h, spare);
	return s;
}

/* A walk may still be looking at an arena that goes. */
static bool retire_arena(struct gonode *node, struct goarena *a)
{
	if (READ_ONCE(a->npages) || !goheap_retire_arena(node, a))
		return false;
	list_add(&a->list, &node->heap->dead);
	return true;
}

static void scavenge_arena(struct gonode *node, struct goarena *a,
			   struct goscavenge *sc)
{
	lockdep_assert_held(&node->heap->give_back);
	while (sc->want && give_back_run(node, a, sc)) {
		cond_resched();
		if (ktime_get_ns() > sc->until) {
			sc->stopped = true;
			sc->want = 0;
		}
		if (retire_arena(node, a))
			return;
	}
}

/* The node's first arena from place @i of the map on; @i becomes its place. */
static struct goarena *next_arena_of(struct gonode *node, unsigned long *i)
{
	struct goarena *a;

	lockdep_assert_held(&node->heap->give_back);
	rcu_read_lock();
	while ((a = gospan_next_arena(node->heap, i)) && a->node != node)
		++*i;
	rcu_read_unlock();
	/* It stays: arenas leave the map under give_back only. */
	return a;
}

/* Give back free pages of the arenas with @share eighths in use. */
static void scavenge_share(struct gonode *node, unsigned int share,
			   struct goscavenge *sc)
{
	struct goarena *a;
	unsigned long i;

	for (i = 0; sc->want && (a = next_arena_of(node, &i)); i++)
		if (used_share(a) == share)
			scavenge_arena(node, a, sc);
}

/* Give back free pages of a node, the least used arenas first. */
static void scavenge_free(struct gonode *node, struct goscavenge *sc)
{
	unsigned long i, nfree[SHARES] = {};
	struct goarena *a;
	unsigned int k;

	lockdep_assert_held(&node->heap->give_back);
	for (i = 0; (a = next_arena_of(node, &i)); i++)
		nfree[used_share(a)] += READ_ONCE(a->nfree);
	for (k = 0; k < SHARES; k++)
		if (nfree[k])
			scavenge_share(node, k, sc);
}

/* Make the idle spans of a node's mcentrals free pages. */
static void trim_centrals(struct gonode *node)
{
	struct gocentral *c;

	for (c = node->central; c < node->central + GO_NR_SPANCLASSES; c++)
		while (READ_ONCE(c->idle)) {
			gocentral_trim(c, GO_BATCH);
			cond_resched();
		}
}

/*
 * Free pages first; then idle spans; and last what the CPUs cache, because they
 * would soon fetch it again.
 */
static void scavenge_node(struct gonode *node, struct goscavenge *sc)
{
	scavenge_free(node, sc);
	if (sc->caches && sc->want) {
		trim_centrals(node);
		scavenge_free(node, sc);
	}
	if (sc->caches && sc->want) {
		godrain_node(node->heap, node->nid);
		trim_centrals(node);
		scavenge_free(node, sc);
	}
}

/* The free pages of a node beyond so many, asked when it is our turn. */
static unsigned long free_beyond(struct gonode *node, unsigned long keep)
{
	unsigned long nfree = READ_ONCE(node->runs.free);

	return nfree > keep ? nfree - keep : 0;
}

/**
 * goscavenge - give memory back to the kernel
 * @h: the heap
 * @sc: what is wanted; @sc->want counts down
 *
 * Context: task, may sleep; also in reclaim.
 * Return: pages given back.
 */
unsigned long goscavenge(struct goheap *h, struct goscavenge *sc)
{
	u64 start = ktime_get_ns();
	int nid;

	sc->gone = 0;
	sc->stopped = false;
	mutex_lock(&h->give_back);
	for_each_gonode(h, nid) {
		if (sc->nid != NUMA_NO_NODE && sc->nid != nid)
			continue;
		if (sc->want_of)
			sc->want = sc->want_of(h->node[nid]);
		if (sc->keep)
			sc->want = free_beyond(h->node[nid], sc->keep);
		if (sc->want)
			scavenge_node(h->node[nid], sc);
	}
	mutex_unlock(&h->give_back);
	atomic64_add(ktime_get_ns() - start, &h->scavenge_ns);
	if (sc->gone)
		atomic_long_inc(&h->cycles);
	/* Arenas may wait to be reaped, and not every caller can reap them. */
	if (sc->gone && sc->who != GO_BY_HAND)
		gohooks_kick(h);
	return sc->gone;
}

/**
 * goscavenge_has_arenas - are there arenas to reap?
 * @h: the heap
 *
 * Context: any.
 * Return: whether there are.
 */
bool goscavenge_has_arenas(struct goheap *h)
{
	int nid;

	for_each_gonode(h, nid)
		if (READ_ONCE(h->node[nid]->empty))
			return true;
	return !list_empty_careful(&h->dead);
}

/* Retire the arenas that large objects have left without a page. */
static void retire_empty_arenas(struct goheap *h)
{
	struct goarena *a;
	unsigned long i;
	int nid;

	for_each_gonode(h, nid)
		for (i = 0; READ_ONCE(h->node[nid]->empty) &&
		     (a = next_arena_of(h->node[nid], &i)); i++)
			retire_arena(h->node[nid], a);
}

/* Give back chunks of metadata that are not in use. */
static size_t release_chunks(struct goheap *h)
{
	LIST_HEAD(chunks);
	size_t bytes = 0;
	unsigned int i;
	int nid;

	gofixalloc_settle(h);
	for_each_gonode(h, nid)
		for (i = 0; i < GO_NR_FIX; i++)
			bytes += gofixalloc_detach(&h->node[nid]->fix[i],
						   &chunks);
	if (bytes)
		synchronize_rcu();
	gofixalloc_release(h, &chunks);
	return bytes;
}

/**
 * goscavenge_reap - free arenas that have left the map, and unused metadata
 * @h: the heap
 *
 * Waits for a grace period first: a walk, or the look-up of a bad address, may
 * still be reading them.
 *
 * Context: task, may sleep.
 * Return: bytes given back.
 */
size_t goscavenge_reap(struct goheap *h)
{
	struct goarena *a, *next;
	LIST_HEAD(dead);

	mutex_lock(&h->give_back);
	retire_empty_arenas(h);
	list_splice_init(&h->dead, &dead);
	mutex_unlock(&h->give_back);
	if (!list_empty(&dead))
		synchronize_rcu();
	list_for_each_entry_safe(a, next, &dead, list)
		gofixalloc_free(h, a);
	return release_chunks(h);
}

/*
 * The heap is about to grow; see struct gohooks.  Only for a moment: an allocation
 * waits, and what is left is the background's.
 */
static void shed_free_pages(struct gonode *node, unsigned long keep)
{
	struct goscavenge sc = {
		.who = GO_BY_BACKGROUND,
		.nid = node->nid,
		.keep = keep,
		.until = ktime_get_ns() + SHED_NS,
	};

	goscavenge(node->heap, &sc);
}

/**
 * goscavenge_init - have the heap shed free pages before it grows by more
 *
 * Context: task, before there is a heap.
 */
void goscavenge_init(void)
{
	gohooks.shed = shed_free_pages;
}

/**
 * goscavenge_all - give back all that may go, idle spans included
 * @h: the heap
 *
 * Context: task, may sleep.
 * Return: bytes given back.
 */
size_t goscavenge_all(struct goheap *h)
{
	struct goscavenge sc = {
		.who = GO_BY_HAND,
		.nid = NUMA_NO_NODE,
		.want = ULONG_MAX,
		.until = U64_MAX,
	};
	size_t bytes;
	int nid;

	/* First, so that their pages join the free runs and go in one piece. */
	for_each_gonode(h, nid)
		trim_centrals(h->node[nid]);
	bytes = goscavenge(h, &sc) << GO_PAGE_SHIFT;
	return bytes + goscavenge_reap(h);
}

size_t goalloc_free_os_memory(void)
{
	godrain_all(&goalloc_heap);
	return goscavenge_all(&goalloc_heap);
}
EXPORT_SYMBOL_GPL(goalloc_free_os_memory);
