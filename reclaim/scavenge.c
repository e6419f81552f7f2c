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
 * blocks, so that how full an arena is matters more than where it lies.  The
 * lists of arenas by use (runs.c) say which is next.  So a pass costs what it
 * gives back, whatever is held beside that: an arena comes once, each of its
 * runs once, and an arena with nothing free not at all.  Only of the last
 * arena, when less is wanted than it has, the long runs are looked for first.
 *
 * The reserve stays: the contexts that need it cannot reclaim.
 *
 * Pages leave the heap under their node's lock, which is held for some dozens
 * of steps, and go to the page allocator without it.  The node's mutex
 * give_back keeps the arena where it is meanwhile.  It is taken anew for each
 * arena and for each millisecond, and nothing allocates or waits while it is
 * held.  So a task in reclaim may wait for it, and need not be told that there
 * is nothing.  An arena that is left without a page is retired later, by
 * goscavenge_reap(): a walk may still be reading it, so its memory goes after a
 * grace period.
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
#include "large.h"
#include "numa.h"
#include "reclaim.h"
#include "runs.h"
#include "shape.h"
#include "span.h"
#include "trace.h"
#include "transfer.h"

/* How long a growing heap may give back first. */
#define SHED_NS		(10 * NSEC_PER_MSEC)

/* How long give_back is held at a time. */
#define HOLD_NS		NSEC_PER_MSEC

/* How many spans of an arena are looked at under one hold of its lock. */
#define STEPS		64

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

/**
 * struct arena_walk - giving back an arena, run by run
 * @node: its node
 * @a: the arena
 * @page: where to go on
 * @least: how long a run must be
 * @spare: for what is left of a run; nothing may allocate here, so that without
 *	one only whole runs go
 * @sc: what is wanted
 */
struct arena_walk {
	struct gonode *node;
	struct goarena *a;
	unsigned int page;
	unsigned int least;
	struct gospan *spare[2];
	struct goscavenge *sc;
};

/* The next free run, if it is among the next few spans. */
static struct gospan *find_run(struct arena_walk *w)
{
	struct goarena *a = w->a;
	unsigned int steps;
	struct gospan *s;

	lockdep_assert_held(&w->node->lock);
	for (steps = 0; steps < STEPS && w->page < GO_ARENA_PAGES; steps++) {
		s = a->span[w->page++];
		if (s == &gospan_nil)
			continue;
		/* The walk may have been put down in its midst. */
		w->page = gospan_page_index(a, s->base) + s->npages;
		if (s->state == GO_SPAN_FREE && s->npages >= w->least)
			return s;
	}
	return NULL;
}

/* Take the next run out of the heap, or the part of it that may go. */
static struct gospan *detach_run(struct arena_walk *w)
{
	struct gonode *node = w->node;
	unsigned long flags, n = 0;
	struct gospan *s;

	raw_spin_lock_irqsave(&node->lock, flags);
	s = find_run(w);
	if (s)
		n = pages_to_spare(node, s, w->sc->want);
	if (!n || (n < s->npages && !w->spare[0])) {
		s = NULL;
	} else {
		s = goruns_cut(&node->runs, w->a, s, n, 1, w->spare);
		goheap_disown(node, s, w->sc->who);
		w->sc->want -= n;
		w->sc->gone += n;
	}
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return s;
}

static void give_back_run(struct arena_walk *w)
{
	struct gofixalloc *f = &w->node->fix[GO_FIX_SPAN];
	struct gospan *s;

	if (!w->spare[0])
		w->spare[0] = gofixalloc_reuse(f) ?: gofixalloc_pop(f);
	s = detach_run(w);
	if (s)
		goheap_release(w->node, s);
}

static void heed_time(struct goscavenge *sc, u64 now)
{
	if (now > sc->until) {
		sc->stopped = true;
		sc->want = 0;
	}
}

/*
 * Walk an arena once for all that it has; else, for the longest runs first,
 * once for those of at least each power of two.  False when give_back has been
 * held for long enough, something has gone, and there may be more.
 */
static bool walk_arena(struct arena_walk *w)
{
	u64 now, hold = ktime_get_ns() + HOLD_NS;
	unsigned long gone = w->sc->gone;

	lockdep_assert_held(&w->node->give_back);
	w->least = w->sc->want < READ_ONCE(w->a->nfree) ? GO_ARENA_PAGES : 1;
	for (; w->least; w->least /= 2)
		for (w->page = 0; w->page < GO_ARENA_PAGES && w->sc->want;) {
			give_back_run(w);
			cond_resched();
			now = ktime_get_ns();
			heed_time(w->sc, now);
			if (now > hold && w->sc->want && w->sc->gone > gone)
				return false;
		}
	return true;
}

static bool scavenge_arena(struct gonode *node, struct goarena *a,
			   struct goscavenge *sc)
{
	struct arena_walk w = { .node = node, .a = a, .sc = sc };
	bool done = walk_arena(&w);

	goheap_put_spares(node->heap, w.spare);
	return done;
}

/* The free pages of a node beyond so many, asked when it is our turn. */
static unsigned long free_beyond(struct gonode *node, unsigned long keep)
{
	unsigned long nfree = READ_ONCE(node->runs.free);

	return nfree > keep ? nfree - keep : 0;
}

/* Others may give back as well, so that this is asked again and again. */
static void limit_want(struct gonode *node, struct goscavenge *sc)
{
	if (sc->want_of)
		sc->want = min(sc->want, sc->want_of(node));
	if (sc->keep)
		sc->want = min(sc->want, free_beyond(node, sc->keep));
}

/* The arena that is next on a list, or NULL; it stays as give_back is held. */
static struct goarena *next_arena(struct gonode *node, unsigned int use)
{
	unsigned long flags;
	struct goarena *a;

	lockdep_assert_held(&node->give_back);
	raw_spin_lock_irqsave(&node->lock, flags);
	a = list_first_entry_or_null(&node->runs.arenas[use], struct goarena,
				     list);
	if (a)
		list_move_tail(&a->list, &node->runs.arenas[use]);
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return a;
}

/*
 * Give back free pages of the arenas on a list.  Those that come to it go
 * behind the ones that are there, so that their number says when it has been
 * walked.
 */
static void scavenge_list(struct gonode *node, unsigned int use,
			  struct goscavenge *sc)
{
	unsigned long left = READ_ONCE(node->runs.narenas[use]);
	struct goarena *a;

	while (sc->want && left) {
		mutex_lock(&node->give_back);
		limit_want(node, sc);
		a = sc->want ? next_arena(node, use) : NULL;
		/* Once more if it took too long: what has gone is progress. */
		if (!a || scavenge_arena(node, a, sc))
			left--;
		mutex_unlock(&node->give_back);
		cond_resched();
	}
}

/* Give back free pages of a node, the least used arenas first. */
static void scavenge_free(struct gonode *node, struct goscavenge *sc)
{
	unsigned int use;

	/* What another task has taken out has gone when it is our turn. */
	mutex_lock(&node->give_back);
	mutex_unlock(&node->give_back);
	for (use = GO_USE_NONE; use < GO_USE_FULL; use++)
		scavenge_list(node, use, sc);
}

/*
 * Make free pages of what a node's transfer caches and mcentrals have idle: of as
 * much as there is now, for a busy load may make more of it as fast.
 */
static void trim_centrals(struct gonode *node)
{
	unsigned int n, left;
	struct gocentral *c;

	golarge_flush_all(node);
	gotransfer_flush_all(node);
	for (c = node->central; c < node->central + READ_ONCE(goshape_end); c++) {
		left = READ_ONCE(c->idle);
		while (left) {
			n = gocentral_trim(c, left);
			left = n ? left - n : 0;
			cond_resched();
		}
	}
}

/*
 * Free pages first; then transfer caches and idle spans; and last what the CPUs
 * cache, because they would soon fetch it again.  Waiting for them holds nothing
 * up.
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
	u64 took, start = ktime_get_ns();
	int nid;

	sc->gone = 0;
	sc->stopped = false;
	for_each_gonode(h, nid) {
		if (sc->nid != NUMA_NO_NODE && sc->nid != nid)
			continue;
		if (sc->want_of)
			sc->want = sc->stopped ? 0 : ULONG_MAX;
		limit_want(h->node[nid], sc);
		if (sc->want)
			scavenge_node(h->node[nid], sc);
	}
	took = ktime_get_ns() - start;
	atomic64_add(took, &h->scavenge_ns);
	trace_heap_scavenge(sc->who, sc->gone, took);
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
		if (goheap_has_empty(h->node[nid]))
			return true;
	return false;
}

/* Retire the arenas that are left without a page. */
static void retire_arenas(struct gonode *node, struct list_head *dead)
{
	struct goarena *a;
	unsigned int i;

	while (goheap_has_empty(node)) {
		mutex_lock(&node->give_back);
		for (i = 0; i < GO_BATCH; i++) {
			a = goheap_retire_arena(node);
			if (!a)
				break;
			list_add(&a->list, dead);
		}
		mutex_unlock(&node->give_back);
		cond_resched();
	}
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
 * goscavenge_reap - free arenas without pages, and unused metadata
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
	int nid;

	for_each_gonode(h, nid)
		retire_arenas(h->node[nid], &dead);
	if (!list_empty(&dead))
		synchronize_rcu();
	list_for_each_entry_safe(a, next, &dead, list)
		gospan_arena_free(h, a);
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
		.want = ULONG_MAX,
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

/*
 * Idle spans that wait for a grace period, as readers may have their objects, go
 * after one.
 */
static void trim_typesafe(struct goheap *h)
{
	bool any = false;
	unsigned int spc;
	int nid;

	for_each_gonode(h, nid)
		for_each_gocache_spc(spc)
			any |= goshapes[spc].typesafe &&
			       READ_ONCE(h->node[nid]->central[spc].idle);
	if (!any)
		return;
	gocentral_wait_for_readers();
	for_each_gonode(h, nid)
		trim_centrals(h->node[nid]);
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
	trim_typesafe(h);
	bytes = goscavenge(h, &sc) << GO_PAGE_SHIFT;
	return bytes + goscavenge_reap(h);
}

size_t goalloc_free_os_memory(void)
{
	godrain_all(&goalloc_heap);
	return goscavenge_all(&goalloc_heap);
}
EXPORT_SYMBOL_GPL(goalloc_free_os_memory);
