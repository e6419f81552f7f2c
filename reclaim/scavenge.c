// SPDX-License-Identifier: GPL-2.0
/*
 * Scavenge: how memory goes back to the kernel, and what the heap puts off.
 *
 * Those who want memory back - the background, the shrinker, the limit, a hand -
 * say how much; here is decided which.  The least used arenas are emptied first,
 * longest run first, so that blocks as large as they came go back, and what
 * stays is full.  The reserve stays.  A block of the page allocator goes back as
 * it came if all of it goes, else it is split into single pages.
 *
 * Pages leave the heap under its lock and go to the page allocator without.  A
 * mutex keeps those who give back apart.  Nothing allocates while it is held, so
 * that reclaim may wait for it.  Arenas, and metadata that nobody uses, go after
 * a grace period, when it is free again.
 *
 * What cannot be done where a free may happen is a worker's: an irq_work, which
 * may be raised in any context, queues it.  It fills up the reserves, finishes
 * the frees that NMIs had to leave, and reaps.
 *
 * Task context only, but for goheap_kick().
 */

#include <linux/mm.h>
#include <linux/rcupdate.h>
#include "internal.h"

/* Arenas by how much of them is in use: nothing, up to an eighth, ... */
#define SHARES	9

static unsigned int share(const struct goarena *a)
{
	unsigned int n = READ_ONCE(a->npages), nfree = READ_ONCE(a->nfree);

	/* They may change between the two. */
	return DIV_ROUND_UP((n - min(n, nfree)) * 8, GO_ARENA_PAGES);
}

/* How much of a run can go, if so much is wanted. */
static unsigned long spare_of(struct gonode *node, struct gospan *s,
			      unsigned long want)
{
	unsigned long n = min_t(unsigned long, s->npages, want);
	unsigned long spare = node->big - min(node->big, node->reserve);

	/* The reserve is of long runs: many short ones are none. */
	if (s->npages < GO_RESERVE_RUN || s->npages <= spare)
		return n;
	/* What is left of a run of the reserve must be one. */
	return min3(n, spare, (unsigned long)s->npages - GO_RESERVE_RUN);
}

/* The run of an arena of which the most can go, and how much. */
static struct gospan *best_run(struct gonode *node, struct goarena *a,
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
		    spare_of(node, s, want) > *n) {
			*n = spare_of(node, s, want);
			best = s;
		}
		i += s->npages;
	}
	return best;
}

/* Take pages that are to go out of the heap. */
static struct gospan *detach(struct gonode *node, struct goarena *a,
			     struct gospan *spare[2], struct goscavenge *sc)
{
	unsigned long flags, n;
	struct gospan *s;

	raw_spin_lock_irqsave(&node->lock, flags);
	s = best_run(node, a, sc->want, &n);
	if (s && n < s->npages && !spare[0])
		s = NULL;
	if (s) {
		s = gorun_cut(node, s, n, 1, spare);
		gorun_disown(node, a, s);
		node->scavenged[sc->who] += n;
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

/* Give one run of an arena back; false when none is to go. */
static bool give_back_run(struct gonode *node, struct goarena *a,
			  struct goscavenge *sc)
{
	struct gofix *fix = &node->heap->fix[GO_FIX_SPAN];
	/* Nothing may allocate here: without one only whole runs can go. */
	struct gospan *spare[2] = { gofix_pop(fix) };
	struct gospan *s = detach(node, a, spare, sc);

	if (s) {
		free_blocks(a, gorun_index(s->base), s->npages);
		golimit_uncharge(node->heap,
				 (unsigned long)s->npages << GO_PAGE_SHIFT);
		sc->want -= s->npages;
		gofix_free(fix, s);
	}
	if (spare[0])
		gofix_free(fix, spare[0]);
	return s;
}

/* Take an object that was charged to a memory cgroup out of the heap. */
static struct gospan *detach_accounted(struct gonode *node, struct goarena **a)
{
	unsigned long flags;
	struct gospan *s;

	raw_spin_lock_irqsave(&node->lock, flags);
	s = list_first_entry_or_null(&node->accounted, struct gospan, list);
	if (s) {
		list_del(&s->list);
		*a = gospan_arena(node->heap, s->base);
		gorun_disown(node, *a, s);
		node->scavenged[GO_BY_BACKGROUND] += s->npages;
	}
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return s;
}

/* Those that are freed must go, needed or not: the charge goes with them. */
static void give_back_accounted(struct gonode *node)
{
	struct goheap *h = node->heap;
	struct goarena *a;
	struct gospan *s;

	lockdep_assert_held(&h->give_back);
	while ((s = detach_accounted(node, &a))) {
		free_blocks(a, gorun_index(s->base), s->npages);
		golimit_uncharge(h, (unsigned long)s->npages << GO_PAGE_SHIFT);
		gofix_free(&h->fix[GO_FIX_SPAN], s);
		/* Somebody may still be looking at it. */
		if (!READ_ONCE(a->npages))
			list_add(&a->list, &h->dead);
		cond_resched();
	}
}

static void scavenge_arena(struct gonode *node, struct goarena *a,
			   struct goscavenge *sc)
{
	while (sc->want && give_back_run(node, a, sc)) {
		cond_resched();
		if (ktime_get_ns() > sc->until)
			sc->want = 0;
		if (!READ_ONCE(a->npages)) {
			/* Somebody may still be looking at it. */
			list_add(&a->list, &node->heap->dead);
			return;
		}
	}
}

/* The first arena of a node from an index of the map on: set at its own. */
static struct goarena *next_arena(struct gonode *node, unsigned long *i)
{
	struct goarena *a = NULL;
	struct goarenamap *map;

	rcu_read_lock();
	map = rcu_dereference(node->heap->map);
	for (; *i < map->nr; ++*i) {
		a = READ_ONCE(map->arena[*i]);
		if (a->node == node)
			break;
	}
	/* It stays when we do: only who holds give_back takes arenas away. */
	if (*i >= map->nr)
		a = NULL;
	rcu_read_unlock();
	return a;
}

/**
 * goscavenge_node - give free pages of a node back
 * @node: the node
 * @sc: what is wanted; counts down
 *
 * Context: task; goheap.give_back is held.
 * Return: pages given back.
 */
unsigned long goscavenge_node(struct gonode *node, struct goscavenge *sc)
{
	unsigned long i, nfree[SHARES] = {}, before = node->released;
	struct goarena *a;
	unsigned int k;

	lockdep_assert_held(&node->heap->give_back);
	give_back_accounted(node);
	sc->want -= min(sc->want, node->released - before);
	for (i = 0; (a = next_arena(node, &i)); i++)
		nfree[share(a)] += READ_ONCE(a->nfree);
	for (k = 0; k < SHARES; k++)
		for (i = 0; nfree[k] && sc->want && (a = next_arena(node, &i));
		     i++)
			if (share(a) == k)
				scavenge_arena(node, a, sc);
	return node->released - before;
}

/**
 * goscavenge_account - say what a pass took and gave
 * @h: the heap
 * @start: when it began, by ktime_get_ns()
 * @pages: what went back
 *
 * Context: any.
 */
void goscavenge_account(struct goheap *h, u64 start, unsigned long pages)
{
	atomic64_add(ktime_get_ns() - start, &h->scavenge_ns);
	if (pages)
		atomic_long_inc(&h->cycles);
}

/* Metadata that nobody uses. */
static size_t release_chunks(struct goheap *h)
{
	LIST_HEAD(chunks);
	size_t bytes = 0;
	unsigned int i;

	for (i = 0; i < GO_NR_FIX; i++)
		bytes += gofix_detach(&h->fix[i], &chunks);
	if (bytes)
		synchronize_rcu();
	gofix_release(h, &chunks);
	return bytes;
}

/**
 * goscavenge_reap - give back metadata, and arenas that have left the map
 * @h: the heap
 *
 * A walk, or the look-up of a bad address, may still be reading it.
 *
 * Context: task, may sleep.
 * Return: bytes given back.
 */
size_t goscavenge_reap(struct goheap *h)
{
	struct goarena *a, *next;
	LIST_HEAD(dead);

	mutex_lock(&h->give_back);
	list_splice_init(&h->dead, &dead);
	mutex_unlock(&h->give_back);
	if (!list_empty(&dead))
		synchronize_rcu();
	list_for_each_entry_safe(a, next, &dead, list)
		gofix_free(&h->fix[GO_FIX_ARENA], a);
	return release_chunks(h);
}

/**
 * goscavenge_trim_centrals - have the mcentrals give up the spans they keep
 * @node: whose
 *
 * Context: task.
 */
static void goscavenge_trim_centrals(struct gonode *node)
{
	struct gocentral *c;

	for (c = node->central; c < node->central + GO_NR_SPANCLASSES; c++)
		while (READ_ONCE(c->idle)) {
			gocentral_trim(c, GO_BATCH);
			cond_resched();
		}
}

/**
 * goscavenge_harder - give pages of a node back, free or not yet
 * @node: the node
 * @sc: what is wanted; counts down
 *
 * First what is free; if that is not enough the idle spans; and only then what
 * the CPUs have cached.
 *
 * Context: task; goheap.give_back is held.
 * Return: pages given back.
 */
unsigned long goscavenge_harder(struct gonode *node, struct goscavenge *sc)
{
	unsigned long pages = goscavenge_node(node, sc);

	if (sc->want) {
		goscavenge_trim_centrals(node);
		pages += goscavenge_node(node, sc);
	}
	if (sc->want) {
		gomcache_drain_node(node->heap, node->nid);
		goscavenge_trim_centrals(node);
		pages += goscavenge_node(node, sc);
	}
	return pages;
}

/**
 * goscavenge - give memory back to the kernel
 * @h: the heap
 * @all: all that can go, the spans that mcentrals keep included; else what the
 *	background would give back, had it the time
 *
 * Context: task, may sleep.
 * Return: bytes given back.
 */
size_t goscavenge(struct goheap *h, bool all)
{
	struct goscavenge sc = {
		.who = all ? GO_BY_HAND : GO_BY_BACKGROUND,
		.until = U64_MAX,
	};
	u64 start = ktime_get_ns();
	unsigned long pages = 0;
	int nid;

	mutex_lock(&h->give_back);
	for_each_gonode(h, nid) {
		if (all)
			goscavenge_trim_centrals(h->node[nid]);
		sc.want = all ? ULONG_MAX : gobackground_excess(h->node[nid]);
		pages += goscavenge_node(h->node[nid], &sc);
	}
	mutex_unlock(&h->give_back);
	goscavenge_account(h, start, pages);
	return ((size_t)pages << GO_PAGE_SHIFT) +
	       (all || pages ? goscavenge_reap(h) : 0);
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
	int nid;

	gomcache_drain_deferred(h);
	mutex_lock(&h->give_back);
	for_each_gonode(h, nid)
		give_back_accounted(h->node[nid]);
	mutex_unlock(&h->give_back);
	golimit_keep(h, true);
	goscavenge_top_up(h);
	if (!list_empty_careful(&h->dead))
		goscavenge_reap(h);
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
	mutex_init(&h->finish);
	INIT_LIST_HEAD(&h->dead);
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
