// SPDX-License-Identifier: GPL-2.0
/*
 * Large objects: each has pages of its own, and what it leaves is kept for a while.
 *
 * To cut a run of pages out of the free ones, and to let it grow together with
 * them again, takes two descriptors, two trees and an entry in the arena map for
 * each page: 1,800 instructions for an object of 64 KiB.  But what was freed is
 * often what is asked for next.  So up to GO_KEPT_MAX pages a freed object stays as
 * it is, in the map too, and the next one of its length gets it.  mimalloc keeps
 * such pages for a thread, jemalloc's large extents are in its tcache; here they
 * are the node's, under the lock that has to be taken for the counters anyway,
 * because what 256 CPUs kept of a mebibyte each could be a quarter of a gigabyte.
 *
 * What is kept no other object and no span can use.  So it has a bound, it goes
 * when nothing has needed it for a tick of the background, and it goes before the
 * heap grows.
 */

#include <linux/mm.h>
#include <linux/sched.h>
#include "fixalloc.h"
#include "gfp.h"
#include "heap.h"
#include "held.h"
#include "hooks.h"
#include "large.h"
#include "runs.h"
#include "span.h"

/* A run has become an object; @size is what the caller has asked for. */
static void count_object(struct gonode *node, struct gospan *s, size_t size)
{
	lockdep_assert_held(&node->lock);
	s->state = GO_SPAN_LARGE;
	s->large = s->base;
	s->elemsize = gospan_bytes(s);
	node->large_mallocs++;
	node->large_alloced += s->elemsize;
	node->large_requested += size;
}

/**
 * golarge_make - make a run a large object
 * @node: the node of the run
 * @s: the run
 * @size: what the caller asked for
 *
 * Context: any but NMI.
 */
void golarge_make(struct gonode *node, struct gospan *s, size_t size)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&node->lock, flags);
	count_object(node, s, size);
	raw_spin_unlock_irqrestore(&node->lock, flags);
	gohooks_wake(node->heap);
}

/* Put a run on its list, behind @at. */
static void add_kept(struct gonode *node, struct gospan *s, struct list_head *at)
{
	lockdep_assert_held(&node->lock);
	list_add(&s->list, at);
	node->kept_changes++;
	WRITE_ONCE(node->kept_pages, node->kept_pages + s->npages);
}

/* Take a kept run off its list. */
static void take_kept(struct gonode *node, struct gospan *s)
{
	lockdep_assert_held(&node->lock);
	list_del(&s->list);
	node->kept_changes++;
	WRITE_ONCE(node->kept_pages, node->kept_pages - s->npages);
	node->kept_low = min(node->kept_low, node->kept_pages);
}

/* The newest kept run of that length and alignment; not all are looked at. */
static struct gospan *find_kept(struct gonode *node, unsigned long npages,
				unsigned long align)
{
	unsigned int tries = 4;
	struct gospan *s;

	lockdep_assert_held(&node->lock);
	list_for_each_entry(s, &node->kept[npages], list) {
		if (IS_ALIGNED(s->base + node->runs.shift,
			       align << GO_PAGE_SHIFT))
			return s;
		if (!--tries)
			break;
	}
	return NULL;
}

/**
 * golarge_take - make a large object of a kept run
 * @node: the node
 * @npages: its length
 * @align: power of two, in pages
 * @size: what the caller asked for
 *
 * Context: any but NMI.
 * Return: the object, or NULL.
 */
struct gospan *golarge_take(struct gonode *node, unsigned long npages,
			    unsigned long align, size_t size)
{
	struct gospan *s = NULL;
	unsigned long flags;

	if (npages > GO_KEPT_MAX || !READ_ONCE(node->kept_pages))
		return NULL;
	raw_spin_lock_irqsave(&node->lock, flags);
	s = find_kept(node, npages, align);
	if (s) {
		take_kept(node, s);
		count_object(node, s, size);
	}
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return s;
}

/**
 * golarge_extend - let a large object grow into the free pages behind it
 * @h: the heap
 * @s: its span, which is the caller's
 * @size: bytes wanted, more than it has
 * @gfp: what the caller may do to get memory
 *
 * Pages that are charged to a memory cgroup cannot be had there.
 *
 * Context: what @gfp permits, any but NMI.
 * Return: whether it has the bytes now; else nothing has changed.
 */
bool golarge_extend(struct goheap *h, struct gospan *s, size_t size, gfp_t gfp)
{
	unsigned long n = DIV_ROUND_UP(size, GO_PAGE_SIZE) - s->npages;
	struct gospan *spare[2] = {}, *more = NULL;
	struct gonode *node = gospan_node(h, s);
	unsigned long flags;

	/* Over the limit what is free is to go. */
	if (s->apart || gfp & __GFP_ACCOUNT || goheld_over(h))
		return false;
	if (goheap_get_spares(node, spare, 1, false, gfp)) {
		raw_spin_lock_irqsave(&node->lock, flags);
		more = goheap_take_behind(node, s, n, spare);
		if (more) {
			s->npages += n;
			goruns_map(gospan_arena(h, s->base), s, s);
			node->large_alloced += n << GO_PAGE_SHIFT;
			node->large_requested += size - s->elemsize;
			s->elemsize = s->npages << GO_PAGE_SHIFT;
		}
		raw_spin_unlock_irqrestore(&node->lock, flags);
	}
	if (more)
		gofixalloc_free_rcu(h, more);
	goheap_put_spares(h, spare);
	return more;
}

/* Keep a run, if there is room. */
static bool keep_run(struct gonode *node, struct gospan *s)
{
	unsigned long most = max(node->sys / GO_KEPT_PART, GO_KEPT_LEAST);

	lockdep_assert_held(&node->lock);
	if (s->npages > GO_KEPT_MAX || node->kept_pages + s->npages > most ||
	    goheld_over(node->heap))
		return false;
	s->state = GO_SPAN_DYING;
	add_kept(node, s, &node->kept[s->npages]);
	return true;
}

/**
 * golarge_free - free a large object
 * @h: the heap
 * @s: its span, of which the caller has taken @large
 * @give_back: what goheap_must_give_back() said
 *
 * Context: any but NMI; with @give_back one in which the page allocator may be
 * called.
 */
void golarge_free(struct goheap *h, struct gospan *s, bool give_back)
{
	struct gonode *node = gospan_node(h, s);
	unsigned long flags;
	bool kept;

	/* Before the pages go, for those that read MemStats. */
	s->needzero = true;
	raw_spin_lock_irqsave(&node->lock, flags);
	node->large_frees++;
	node->large_freed += s->elemsize;
	kept = !give_back && keep_run(node, s);
	raw_spin_unlock_irqrestore(&node->lock, flags);
	if (!kept)
		goheap_end_run(h, s, give_back);
	gohooks_wake(h);
}

/* Take the oldest of the longest kept runs, @most pages at most. */
static struct gospan *detach_kept(struct gonode *node, unsigned long most)
{
	unsigned int n = min_t(unsigned long, most, GO_KEPT_MAX);
	struct gospan *s = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&node->lock, flags);
	while (n && list_empty(&node->kept[n]))
		n--;
	if (n) {
		s = list_last_entry(&node->kept[n], struct gospan, list);
		take_kept(node, s);
	}
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return s;
}

/*
 * Make a kept run a free one.  Where somebody has got a page of it meanwhile and the
 * page allocator may not be called, it is kept on, the last to be had; returns false.
 */
static bool end_kept(struct gonode *node, struct gospan *s)
{
	bool give_back = goheap_must_give_back(s);
	unsigned long flags;

	if (likely(!give_back || gogfp_may_free_pages())) {
		goheap_end_run(node->heap, s, give_back);
		return true;
	}
	raw_spin_lock_irqsave(&node->lock, flags);
	add_kept(node, s, node->kept[s->npages].prev);
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return false;
}

/**
 * golarge_flush - make kept runs free ones
 * @node: the node
 * @want: how many
 *
 * Context: any but NMI.
 * Return: how many went.
 */
unsigned int golarge_flush(struct gonode *node, unsigned int want)
{
	struct gospan *s;
	unsigned int n;

	if (!READ_ONCE(node->kept_pages))
		return 0;
	for (n = 0; n < want; n++) {
		s = detach_kept(node, GO_KEPT_MAX);
		if (!s || !end_kept(node, s))
			break;
	}
	return n;
}

/**
 * golarge_flush_all - make all kept runs free ones
 * @node: the node
 *
 * As many pages as there are now, for a busy load may leave more of them as fast.
 *
 * Context: task, may sleep.
 */
void golarge_flush_all(struct gonode *node)
{
	unsigned long left = READ_ONCE(node->kept_pages);
	struct gospan *s;

	while (left) {
		s = detach_kept(node, GO_KEPT_MAX);
		if (!s)
			break;
		left -= min_t(unsigned long, left, s->npages);
		end_kept(node, s);
		cond_resched();
	}
}

/**
 * golarge_mark_idle - note how much was not needed since the last call
 * @node: the node
 *
 * golarge_trim_idle() gives it up.
 *
 * Context: any but NMI.
 * Return: how many pages.
 */
unsigned long golarge_mark_idle(struct gonode *node)
{
	unsigned long flags, stale;

	raw_spin_lock_irqsave(&node->lock, flags);
	stale = node->kept_low;
	WRITE_ONCE(node->kept_stale, stale);
	node->kept_low = node->kept_pages;
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return stale;
}

/**
 * golarge_trim_idle - make a run free that was marked
 * @node: the node
 *
 * Context: any but NMI.
 * Return: its pages; 0 when all have gone.
 */
unsigned long golarge_trim_idle(struct gonode *node)
{
	unsigned long npages, left = READ_ONCE(node->kept_stale);
	struct gospan *s;

	left = min(left, READ_ONCE(node->kept_low));
	s = left ? detach_kept(node, left) : NULL;
	npages = s ? s->npages : 0;
	WRITE_ONCE(node->kept_stale, s ? left - npages : 0);
	if (s)
		end_kept(node, s);
	return npages;
}

/**
 * golarge_init - make the lists of a node
 * @node: the node
 *
 * Context: any.
 */
void golarge_init(struct gonode *node)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(node->kept); i++)
		INIT_LIST_HEAD(&node->kept[i]);
}
