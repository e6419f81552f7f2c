// SPDX-License-Identifier: GPL-2.0
/*
 * The page heap of a node: its free runs and its arenas, under one lock.
 *
 * Everything here is a short piece of work under gonode.lock: take a run, free
 * one, adopt new pages, forget those that go.  source.c decides what to try
 * when there is no run, and runs.c keeps the free runs.  The lock is one for a
 * node and not for an arena, because a best fit looks at the whole node; a hold
 * is a few hundred instructions, paid once for a span and not for an object.
 *
 * Some free pages in longer runs are a reserve: only contexts that cannot call
 * the page allocator get them, and a worker fills it up again.
 *
 * Descriptors are allocated before the lock is taken and freed after it is
 * dropped, so that no lock but the map's is ever taken under it.
 */

#include <linux/mm.h>
#include "block.h"
#include "fixalloc.h"
#include "gfp.h"
#include "heap.h"
#include "held.h"
#include "hooks.h"
#include "runs.h"
#include "span.h"
#include "trace.h"

/* May the caller take a run, or does the reserve need it? */
static bool may_take_run(struct gonode *node, struct gospan *s,
			 unsigned long npages, bool reserve)
{
	unsigned long rest = s->npages - npages;

	lockdep_assert_held(&node->lock);
	if (reserve || s->npages < GO_RESERVE_RUN)
		return true;
	/*
	 * Only runs of GO_RESERVE_RUN pages or more count towards the reserve.
	 */
	if (rest < GO_RESERVE_RUN)
		npages = s->npages;
	return node->runs.big >= npages + node->reserve;
}

static void init_span(struct gospan *s, unsigned long base,
		      unsigned long npages, bool needzero)
{
	*s = gospan_nil;
	s->base = base;
	s->npages = npages;
	s->needzero = needzero;
}

/* Note the most pages in use, which the background does not give back. */
static void note_peak(struct gonode *node)
{
	lockdep_assert_held(&node->lock);
	node->peak = max(node->peak, node->sys - node->runs.free);
}

/**
 * goheap_take - take pages that the node has
 * @node: the node
 * @npages: how many
 * @align: power of two, in pages
 * @spare: from goheap_get_spares()
 * @reserve: the caller may have the reserve
 *
 * Context: any but NMI.
 * Return: the run, in state %GO_SPAN_NONE, or NULL.
 */
struct gospan *goheap_take(struct gonode *node, unsigned long npages,
			   unsigned long align, struct gospan *spare[2],
			   bool reserve)
{
	unsigned long flags;
	struct gospan *s;
	unsigned long left;

	raw_spin_lock_irqsave(&node->lock, flags);
	s = goruns_find(&node->runs, npages, align);
	if (s && may_take_run(node, s, npages, reserve))
		s = goruns_cut(&node->runs, gospan_arena(node->heap, s->base),
			       s, npages, align, spare);
	else
		s = NULL;
	note_peak(node);
	left = node->runs.big;
	raw_spin_unlock_irqrestore(&node->lock, flags);

	if (reserve && left < node->reserve) {
		if (s)
			trace_reserve(node->nid, npages, left);
		gohooks_kick(node->heap);
	}
	return s;
}

/**
 * goheap_take_behind - take the free pages behind a span, if there are as many
 * @node: the node, locked
 * @s: the span
 * @npages: how many
 * @spare: from goheap_get_spares()
 *
 * Context: the node's lock is held.
 * Return: the pages, or NULL.
 */
struct gospan *goheap_take_behind(struct gonode *node, struct gospan *s,
				  unsigned long npages, struct gospan *spare[2])
{
	struct goarena *a = gospan_arena(node->heap, s->base);
	unsigned int i = gospan_page_index(a, s->base) + s->npages;
	struct gospan *run = i < GO_ARENA_PAGES ? a->span[i] : &gospan_nil;

	lockdep_assert_held(&node->lock);
	if (run->state != GO_SPAN_FREE || run->npages < npages ||
	    !may_take_run(node, run, npages, false))
		return NULL;
	run = goruns_cut(&node->runs, a, run, npages, 1, spare);
	note_peak(node);
	return run;
}

static void free_descriptors(struct goheap *h, struct list_head *dead)
{
	struct gospan *s, *next;

	list_for_each_entry_safe(s, next, dead, list)
		gofixalloc_free_rcu(h, s);
}

static struct page *pages_of(const struct gospan *s)
{
	return virt_to_page((void *)s->base);
}

/**
 * goheap_disown - forget pages that go back to the kernel
 * @node: their node, locked
 * @s: the pages, which are in use or cut out; then goheap_release() has them go
 * @who: for whom
 *
 * An arena without pages stays in the map until goheap_retire_arena().
 *
 * Context: the node's lock is held.
 */
void goheap_disown(struct gonode *node, struct gospan *s, enum goscavenger who)
{
	struct goarena *a = gospan_arena(node->heap, s->base);

	lockdep_assert_held(&node->lock);
	goruns_map(a, s, &gospan_nil);
	a->npages -= s->npages;
	goruns_file_arena(&node->runs, a);
	node->sys -= s->npages;
	node->halves -= s->half;
	node->runs.changes++;
	node->released += gospan_nr_pages(s);
	node->scavenged[who] += gospan_nr_pages(s);
}

/**
 * goheap_release - give pages that were disowned back to the kernel
 * @node: their node
 * @s: the pages; the descriptor goes with them
 *
 * Context: any in which the page allocator may be called.
 */
void goheap_release(struct gonode *node, struct gospan *s)
{
	struct goheap *h = node->heap;
	struct goblock_left left;
	unsigned long flags;

	left = goblock_give_back(h, pages_of(s), gospan_nr_pages(s),
				 s->apart & GO_SPAN_ACCOUNTED);
	gofixalloc_free_rcu(h, s);
	if (likely(!left.shared && !left.lost))
		return;
	raw_spin_lock_irqsave(&node->lock, flags);
	node->shared += left.shared;
	node->lost += left.lost;
	raw_spin_unlock_irqrestore(&node->lock, flags);
}

/**
 * goheap_retire_arena - take an arena without pages out of the map
 * @node: its node
 *
 * Context: the node's give_back is held.
 * Return: the arena, to be freed after a grace period; NULL if there is none.
 */
struct goarena *goheap_retire_arena(struct gonode *node)
{
	unsigned long flags;
	struct goarena *a;

	lockdep_assert_held(&node->give_back);
	raw_spin_lock_irqsave(&node->lock, flags);
	a = list_first_entry_or_null(&node->runs.arenas[GO_USE_EMPTY],
				     struct goarena, list);
	if (a) {
		goruns_remove_arena(&node->runs, a);
		gospan_arena_leave(node->heap, a);
	}
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return a;
}

/* The arena of a span, which stays as long as the span does. */
static struct goarena *arena_of_span(struct goheap *h, const struct gospan *s)
{
	struct goarena *a;

	preempt_disable();
	a = gospan_arena(h, s->base);
	preempt_enable();
	return a;
}

static void free_run(struct goarena *a, struct gospan *s)
{
	struct gonode *node = a->node;
	unsigned long flags;
	LIST_HEAD(dead);

	raw_spin_lock_irqsave(&node->lock, flags);
	goruns_free(&node->runs, a, s, &dead);
	raw_spin_unlock_irqrestore(&node->lock, flags);

	free_descriptors(node->heap, &dead);
}

/* Make half a page a whole one, if the heap has the other half by now. */
static bool make_whole(struct gonode *node, struct gospan *s)
{
	lockdep_assert_held(&node->lock);
	if (!(s->apart & GO_SPAN_PAIRED))
		return false;
	node->paired--;
	s->base = round_down(s->base, GO_PAGE_SIZE);
	s->half = false;
	s->apart = GO_SPAN_COMMON;
	s->needzero = true;
	return true;
}

/*
 * The pages of a run are to go, whatever the heap may need.  Only half a page may
 * have been made whole meanwhile; then it is a run as others are.
 */
static void give_back_run_at_once(struct gonode *node, struct gospan *s)
{
	bool stays, shared = goblock_is_shared(pages_of(s), gospan_nr_pages(s));
	struct goheap *h = node->heap;
	unsigned long flags;
	LIST_HEAD(dead);

	if (unlikely(shared && goblock_lost(pages_of(s), gospan_nr_pages(s))))
		gohooks_misuse(h, GO_LOST_PAGE, (void *)s->base, 0, 0);
	raw_spin_lock_irqsave(&node->lock, flags);
	stays = make_whole(node, s) && !shared;
	if (stays)
		goruns_free(&node->runs, gospan_arena(h, s->base), s, &dead);
	else
		goheap_disown(node, s, GO_BY_BACKGROUND);
	raw_spin_unlock_irqrestore(&node->lock, flags);
	free_descriptors(h, &dead);
	if (stays)
		return;
	goheap_release(node, s);
	/* There may be an arena to retire. */
	if (goheap_has_empty(node))
		gohooks_kick(node->heap);
}

/**
 * goheap_must_give_back - are pages to go to the kernel when they are freed?
 * @s: the pages
 *
 * They are if they are charged to a memory cgroup, for the charge goes with
 * them; if the kernel had them for those that free memory; if they are half a
 * page, which makes no run; or if somebody else has a reference to one: then no
 * other caller may have that page before it is put.
 *
 * Context: any.
 * Return: whether they are.
 */
bool goheap_must_give_back(const struct gospan *s)
{
	return s->apart | s->half ||
	       goblock_is_shared(pages_of(s), gospan_nr_pages(s));
}

/**
 * goheap_end_run - free a run of pages, or give it back
 * @h: the heap
 * @s: the run, which the caller owns; its descriptor is freed, too
 * @give_back: its pages are to go, and the page allocator may be called
 *
 * Context: any but NMI.
 */
void goheap_end_run(struct goheap *h, struct gospan *s, bool give_back)
{
	struct goarena *a = arena_of_span(h, s);

	if (unlikely(give_back))
		give_back_run_at_once(a->node, s);
	else
		free_run(a, s);
}

/**
 * goheap_free - free a run of pages
 * @h: the heap
 * @s: the run, which the caller owns; its descriptor is freed, too
 *
 * Where the page allocator cannot be called, a run of which somebody has a page
 * stays in the heap.  That can only be a span: large.c sees to its own.
 *
 * Context: any but NMI.
 */
void goheap_free(struct goheap *h, struct gospan *s)
{
	goheap_end_run(h, s,
		       goheap_must_give_back(s) && gogfp_may_free_pages());
}

/* Does the heap have the other half of a page already? */
static bool has_other_half(const struct goarena *a, const struct gospan *s)
{
	lockdep_assert_held(&a->node->lock);
	return s->half && a->span[gospan_page_index(a, s->base)] != &gospan_nil;
}

/**
 * goheap_pair_half - keep a page that is the other half of a span's
 * @h: the heap
 * @page: the page, from goblock_get(), which could not be adopted
 *
 * It stays without use as long as the span does.  Given back, it would be the
 * first that the page allocator hands out again.
 *
 * Context: any but NMI.
 * Return: whether it is the heap's now.
 */
bool goheap_pair_half(struct goheap *h, struct page *page)
{
	struct gonode *node = h->node[page_to_nid(page)];
	unsigned long flags;
	struct gospan *s;
	bool paired;

	/* Pages of the kernel's last ones do not become a run. */
	if (page_is_pfmemalloc(page))
		return false;
	raw_spin_lock_irqsave(&node->lock, flags);
	/* The map may not cover the page; that of one node is of one node. */
	s = gospan_of(h, page_address(page));
	paired = s->half && !s->apart;
	if (paired) {
		s->apart = GO_SPAN_PAIRED;
		node->halves--;
		node->paired++;
	}
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return paired;
}

/*
 * Enter new pages: @s is what the caller takes of them, @rest is free.  False
 * when part of the arena is another node's, or part of the page another span's.
 */
static bool enter_pages(struct gonode *node, struct gospan *s,
			struct gospan *rest, struct goarena **spare)
{
	unsigned int n = s->npages + (rest ? rest->npages : 0);
	struct goheap *h = node->heap;
	unsigned long flags;
	struct goarena *a;
	LIST_HEAD(dead);
	bool ok = false;

	raw_spin_lock_irqsave(&node->lock, flags);
	a = gospan_arena(h, s->base);
	if (a == &goarena_nil && *spare && gospan_arena_enter(h, *spare)) {
		a = *spare;
		*spare = NULL;
		goruns_add_arena(&node->runs, a);
	}
	if (a->node == node && !has_other_half(a, s)) {
		a->npages += n;
		node->sys += n;
		node->halves += s->half;
		node->runs.changes++;
		goruns_map(a, s, s);
		if (rest)
			goruns_free(&node->runs, a, rest, &dead);
		goruns_file_arena(&node->runs, a);
		note_peak(node);
		ok = true;
	}
	raw_spin_unlock_irqrestore(&node->lock, flags);

	free_descriptors(h, &dead);
	return ok;
}

/* Is the arena of an address in the map?  Another node's will do as well. */
static bool has_arena(struct goheap *h, unsigned long addr)
{
	bool has;

	preempt_disable();
	has = gospan_arena(h, addr) != &goarena_nil;
	preempt_enable();
	return has;
}

/*
 * Enter new pages, and their arena if they are its first.  It may leave the map
 * after it was seen there, and then one has to be made after all.
 */
static bool enter_with_arena(struct gonode *node, struct gospan *s,
			     struct gospan *rest, gfp_t gfp)
{
	struct goheap *h = node->heap;
	struct goarena *a = NULL;
	bool ok;

	if (has_arena(h, s->base)) {
		if (enter_pages(node, s, rest, &a))
			return true;
		if (has_arena(h, s->base))
			return false;
	}
	a = gospan_arena_new(node, s->base, gfp);
	ok = a && enter_pages(node, s, rest, &a);
	if (a)
		gospan_arena_free(h, a);
	return ok;
}

/**
 * goheap_adopt - make new pages the heap's
 * @h: the heap
 * @page: the first of them, from goblock_get()
 * @n: how many, in pages of the kernel; one may be half of an 8 KiB page
 * @npages: how many the caller takes, in 8 KiB; the rest is free
 * @gfp: what the caller may do to get memory
 *
 * Context: what @gfp permits, any but NMI.
 * Return: the caller's run, or NULL; then the pages are still the caller's.
 */
struct gospan *goheap_adopt(struct goheap *h, struct page *page,
			    unsigned long n, unsigned long npages, gfp_t gfp)
{
	unsigned long total = DIV_ROUND_UP(n, 1UL << GO_PAGE_ORDER);
	void *addr = kasan_reset_tag(page_address(page));
	unsigned long base = (unsigned long)addr;
	struct gonode *node = h->node[page_to_nid(page)];
	bool needzero = !want_init_on_alloc(gfp & ~__GFP_ZERO);
	struct gospan *spare[2] = {}, *s = NULL;

	/* What the heap keeps about pages is charged to no memory cgroup. */
	gfp &= ~__GFP_ACCOUNT;
	if (gospan_map_cover(h, base, gfp) &&
	    goheap_get_spares(node, spare, total > npages ? 2 : 1, true, gfp)) {
		init_span(spare[0], base, npages, needzero);
		spare[0]->half = n < 1UL << GO_PAGE_ORDER;
		/* Before others see it: they may pair half a page. */
		spare[0]->apart = page_is_pfmemalloc(page) ? GO_SPAN_LAST :
							     GO_SPAN_COMMON;
		if (spare[1])
			init_span(spare[1], base + (npages << GO_PAGE_SHIFT),
				  total - npages, needzero);
		if (enter_with_arena(node, spare[0], spare[1], gfp)) {
			s = spare[0];
			spare[0] = NULL;
			spare[1] = NULL;
			trace_heap_grow(node->nid, addr, n << PAGE_SHIFT);
		}
	}
	goheap_put_spares(h, spare);
	return s;
}
