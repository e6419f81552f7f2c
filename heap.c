// SPDX-License-Identifier: GPL-2.0
/*
 * The page heap: runs of 8 KiB pages between the mcentrals and alloc_pages().
 *
 * Each NUMA node has its own, under one lock; how it keeps its free runs is
 * runs.c's business.
 *
 * The heap grows until an eighth of what it holds is free, by at most an arena and
 * at least 1 MiB, and when memory is short by just what is asked for.  A block of
 * the page allocator stays one until a part of it is to be given back on its own.
 * Some free pages in longer runs are a reserve: only contexts that cannot call the
 * page allocator get them, and a worker fills it up again.
 *
 * The mcentrals and large objects take and free runs here, in any context but
 * NMI.  Growing and giving back call the page allocator with no lock held.
 */

#include <linux/mm.h>
#include <linux/sched.h>
#include "internal.h"

/* The smallest growth that is not forced: 1 MiB. */
#define GROW_ORDER_MIN	(20 - PAGE_SHIFT)
#define GROW_ORDER_MAX	min_t(int, GO_ARENA_SHIFT - PAGE_SHIFT, MAX_PAGE_ORDER)

/**
 * goheap_may_grow - may the caller call the page allocator?
 * @gfp: what it asked for
 *
 * On PREEMPT_RT the page allocator takes sleeping locks, so that nothing which
 * cannot be preempted may call it.  Elsewhere such a caller could hold a raw
 * spinlock, which nests with none of the page allocator's: it gets the reserve
 * first.
 *
 * Context: any.
 * Return: see enum gogrow.
 */
enum gogrow goheap_may_grow(gfp_t gfp)
{
	if (unlikely(in_nmi()))
		return GO_GROW_NEVER;
	if (gfpflags_allow_blocking(gfp) || preemptible())
		return GO_GROW_FIRST;
	return IS_ENABLED(CONFIG_PREEMPT_RT) ? GO_GROW_NEVER : GO_GROW_LAST;
}

/* Is this the caller's to take, or the reserve? */
static bool may_take(struct gonode *node, struct gospan *s,
		     unsigned long npages, bool reserve)
{
	unsigned long rest = s->npages - npages;

	if (reserve || s->npages < GO_RESERVE_RUN)
		return true;
	/* A short rest is none of the reserve. */
	if (rest < GO_RESERVE_RUN)
		npages = s->npages;
	return node->big >= npages + node->reserve;
}

static void init_span(struct gospan *s, unsigned long base,
		      unsigned long npages, bool needzero)
{
	*s = gospan_nil;
	s->base = base;
	s->npages = npages;
	s->needzero = needzero;
}

/* The descriptors that cutting a run may take. */
static bool get_spares(struct goheap *h, struct gospan *spare[2],
		       unsigned long align, gfp_t gfp)
{
	struct gofix *f = &h->fix[GO_FIX_SPAN];

	if (!spare[0])
		spare[0] = gofix_alloc(f, gfp);
	if (!spare[1] && align > 1)
		spare[1] = gofix_alloc(f, gfp);
	if (gofix_low(f))
		goheap_kick(h);
	return spare[0] && (spare[1] || align == 1);
}

static void put_spares(struct goheap *h, struct gospan *spare[2])
{
	if (spare[0])
		gofix_free(&h->fix[GO_FIX_SPAN], spare[0]);
	if (spare[1])
		gofix_free(&h->fix[GO_FIX_SPAN], spare[1]);
}

/* What has been in use lately is not given back: see background.c. */
static void note_peak(struct gonode *node)
{
	lockdep_assert_held(&node->lock);
	node->peak = max(node->peak, node->sys - node->free);
}

/* Take pages that the node has. */
static struct gospan *take_run(struct gonode *node, unsigned long npages,
			       unsigned long align, struct gospan *spare[2],
			       bool reserve)
{
	unsigned long flags;
	struct gospan *s;
	bool low;

	raw_spin_lock_irqsave(&node->lock, flags);
	s = gorun_find(node, npages, align);
	if (s && may_take(node, s, npages, reserve))
		s = gorun_cut(node, s, npages, align, spare);
	else
		s = NULL;
	note_peak(node);
	low = node->big < node->reserve;
	raw_spin_unlock_irqrestore(&node->lock, flags);

	if (reserve && low)
		goheap_kick(node->heap);
	return s;
}

static void free_descriptors(struct goheap *h, struct list_head *dead)
{
	struct gospan *s, *next;

	list_for_each_entry_safe(s, next, dead, list)
		gofix_free(&h->fix[GO_FIX_SPAN], s);
}

/**
 * goheap_free - free a run of pages
 * @h: the heap
 * @s: the run, from goheap_alloc(); the descriptor goes with it
 *
 * Context: any but NMI.
 */
void goheap_free(struct goheap *h, struct gospan *s)
{
	struct gonode *node;
	struct goarena *a;
	unsigned long flags;
	LIST_HEAD(dead);

	preempt_disable();
	a = gospan_arena(h, s->base);
	node = a->node;
	preempt_enable();

	raw_spin_lock_irqsave(&node->lock, flags);
	gorun_free(node, a, s, &dead);
	raw_spin_unlock_irqrestore(&node->lock, flags);

	free_descriptors(h, &dead);
}

/**
 * goheap_free_large - free a large object
 * @h: the heap
 * @s: its span, which the caller made %GO_SPAN_DYING
 *
 * Context: any but NMI.
 */
void goheap_free_large(struct goheap *h, struct gospan *s)
{
	struct gonode *node;
	unsigned long flags;
	bool accounted;

	preempt_disable();
	node = gospan_arena(h, s->base)->node;
	preempt_enable();

	/* Before the pages go, for those who read MemStats. */
	raw_spin_lock_irqsave(&node->lock, flags);
	node->large_frees++;
	node->large_freed += s->elemsize;
	accounted = s->accounted;
	if (accounted)
		list_add_tail(&s->list, &node->accounted);
	raw_spin_unlock_irqrestore(&node->lock, flags);

	if (accounted) {
		/* The worker's: nobody else may have these pages. */
		goheap_kick(h);
		return;
	}
	s->needzero = true;
	goheap_free(h, s);
}

/*
 * Enter new pages: @s is what the caller takes of them, @rest is free.  False
 * when part of the arena is another node's.
 */
static bool enter_pages(struct gonode *node, struct gospan *s,
			struct gospan *rest, struct goarena **spare,
			unsigned int order)
{
	unsigned int i = gorun_index(s->base), n = s->npages, k;
	struct goheap *h = node->heap;
	unsigned long flags;
	struct goarena *a;
	LIST_HEAD(dead);
	bool ok = false;

	n += rest ? rest->npages : 0;
	raw_spin_lock_irqsave(&node->lock, flags);
	a = gospan_arena(h, s->base);
	if (a == &goarena_nil && *spare && gospan_arena_enter(h, *spare)) {
		a = *spare;
		*spare = NULL;
		list_add(&a->list, &node->arenas);
	}
	if (a->node == node) {
		for (k = 0; k < n; k++)
			a->order[i + k] = order == GO_ORDER_SPLIT ? order : 0;
		if (order != GO_ORDER_SPLIT)
			a->order[i] = order + 1;
		a->npages += n;
		node->sys += n;
		node->changes++;
		gorun_enter(a, s);
		if (rest)
			gorun_free(node, a, rest, &dead);
		note_peak(node);
		ok = true;
	}
	raw_spin_unlock_irqrestore(&node->lock, flags);

	free_descriptors(h, &dead);
	return ok;
}

/* The arena of new pages, should they be its first. */
static struct goarena *new_arena(struct goheap *h, unsigned long base,
				 struct gonode *node, gfp_t gfp)
{
	struct goarena *a;

	if (!gospan_map_cover(h, base, gfp & ~__GFP_NOFAIL))
		return NULL;
	a = gofix_alloc(&h->fix[GO_FIX_ARENA], gfp);
	if (!a)
		return NULL;
	*a = goarena_nil;
	a->base = round_down(base, GO_ARENA_SIZE);
	a->node = node;
	return a;
}

/*
 * A block of the page allocator becomes ours: the first @npages of @total are
 * the caller's, the rest is free.
 */
static struct gospan *adopt(struct goheap *h, struct page *page,
			    unsigned int order, unsigned long total,
			    unsigned long npages, gfp_t gfp)
{
	unsigned long base = (unsigned long)page_address(page);
	struct gonode *node = h->node[page_to_nid(page)];
	bool needzero = !want_init_on_alloc(gfp & ~__GFP_ZERO);
	struct gospan *spare[2] = {}, *s = NULL;
	struct goarena *a;

	/* What we keep about pages is nobody's in particular. */
	gfp &= ~__GFP_ACCOUNT;
	a = new_arena(h, base, node, gfp);
	if (a && get_spares(h, spare, total > npages ? 2 : 1, gfp)) {
		init_span(spare[0], base, npages, needzero);
		if (spare[1])
			init_span(spare[1], base + (npages << GO_PAGE_SHIFT),
				  total - npages, needzero);
		if (enter_pages(node, spare[0], spare[1], &a, order)) {
			s = spare[0];
			spare[0] = NULL;
			spare[1] = NULL;
		}
	}
	put_spares(h, spare);
	if (a)
		gofix_free(&h->fix[GO_FIX_ARENA], a);
	return s;
}

/* What the page allocator is asked with, whatever the object wants. */
static gfp_t page_gfp(gfp_t gfp)
{
	return gfp & ~(__GFP_ZERO | __GFP_ACCOUNT | __GFP_MOVABLE | __GFP_COMP);
}

/* A larger block than is needed is taken only if it costs nobody anything. */
static gfp_t greedy_gfp(gfp_t gfp)
{
	gfp &= ~(__GFP_RECLAIM | __GFP_HIGH | __GFP_MEMALLOC |
		 __GFP_RETRY_MAYFAIL | __GFP_NOFAIL);
	return gfp | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC |
	       __GFP_THISNODE;
}

/*
 * The page allocator is called here and nowhere else in this file; @bytes are
 * what the heap will keep of the block.
 */
static struct page *get_block(struct goheap *h, int nid, gfp_t gfp,
			      unsigned int order, unsigned long bytes)
{
	struct page *page;

	if (!golimit_charge(h, bytes, gfp))
		return NULL;
	page = gofault() ? NULL :
			   alloc_pages_node(nid, gfp & ~__GFP_NOFAIL, order);
	if (!page)
		golimit_uncharge(h, bytes);
	return page;
}

static struct gospan *grow_by(struct goheap *h, int nid, unsigned int order,
			      unsigned long npages, gfp_t gfp)
{
	struct page *page = get_block(h, nid, gfp, order, PAGE_SIZE << order);
	struct gospan *s;

	if (!page)
		return NULL;
	s = adopt(h, page, order, 1UL << (order - GO_PAGE_ORDER), npages, gfp);
	if (!s) {
		__free_pages(page, order);
		golimit_uncharge(h, PAGE_SIZE << order);
	}
	return s;
}

/*
 * Make single pages a block again, of which only the first has a reference.  False
 * when somebody has one to another: any page may be looked at for a moment by who
 * took it for what it was before.
 */
static bool join_pages(struct page *page, unsigned int order)
{
	unsigned long i;

	for (i = 1; i < 1UL << order; i++)
		if (!page_ref_freeze(page + i, 1))
			break;
	if (i == 1UL << order)
		return true;
	while (--i)
		page_ref_unfreeze(page + i, 1);
	return false;
}

/**
 * goheap_free_rest - free the pages of a split block from one on
 * @page: the block
 * @i: the first page to go
 * @order: of the block
 * @gfp: what it was allocated with
 *
 * They go in pieces as large as can be: alone they would take longer than all
 * else.  Pages that are charged, each for itself, do go alone.
 *
 * Context: what @gfp permits.
 */
void goheap_free_rest(struct page *page, unsigned long i, unsigned int order,
		      gfp_t gfp)
{
	bool alone = gfp & __GFP_ACCOUNT ||
		     IS_ENABLED(CONFIG_MEM_ALLOC_PROFILING);
	unsigned int k;

	for (; i < 1UL << order; i += 1UL << k) {
		k = alone ? 0 : __ffs(i);
		if (!join_pages(page + i, k))
			k = 0;
		__free_pages(page + i, k);
	}
}

/* Just what is needed: what the block has beyond that goes straight back. */
static struct gospan *grow_exactly(struct goheap *h, int nid,
				   unsigned int order, unsigned long npages,
				   gfp_t gfp)
{
	unsigned long i, used = npages << GO_PAGE_ORDER;
	struct gospan *s;
	struct page *page;

	if (order > MAX_PAGE_ORDER)
		return NULL;
	if (used == 1UL << order)
		return grow_by(h, nid, order, npages, gfp);

	page = get_block(h, nid, gfp, order, PAGE_SIZE * used);
	if (!page)
		return NULL;
	split_page(page, order);
	goheap_free_rest(page, used, order, gfp);
	s = adopt(h, page, GO_ORDER_SPLIT, npages, npages, gfp);
	if (s)
		return s;
	for (i = 0; i < used; i++)
		__free_page(page + i);
	golimit_uncharge(h, PAGE_SIZE * used);
	return NULL;
}

/*
 * A long run leaves a long rest of its block: is that more than the heap should
 * have idle?
 */
static bool too_idle(struct gonode *node, unsigned long need,
		     unsigned int order)
{
	unsigned long rest = (PAGE_SIZE << order) - need;

	return rest && need > PAGE_SIZE << (GROW_ORDER_MIN - 1) &&
	       READ_ONCE(node->free) + (rest >> GO_PAGE_SHIFT) >
	       READ_ONCE(node->sys) / 16;
}

/*
 * Get the pages from the page allocator, with more, at best so many that an eighth
 * of what we have is free: there may be pages, but in pieces.  They are of another
 * node when that one has none left.
 */
static struct gospan *grow(struct goheap *h, struct gonode *node,
			   unsigned long npages, unsigned long align, gfp_t gfp)
{
	/* A block is aligned to its own size. */
	unsigned long need = max(npages, align) << GO_PAGE_SHIFT;
	unsigned long nfree = READ_ONCE(node->free);
	unsigned long step = (max(READ_ONCE(node->sys) / 8, nfree) - nfree)
			     << GO_PAGE_SHIFT;
	unsigned int order = clamp_t(int, ilog2((step >> PAGE_SHIFT) | 1),
				     GROW_ORDER_MIN, GROW_ORDER_MAX);
	struct gospan *s;

	gfp = page_gfp(gfp);
	for (; order >= GROW_ORDER_MIN && PAGE_SIZE << order >= need; order--) {
		if (too_idle(node, need, order))
			continue;
		s = grow_by(h, node->nid, order, npages, greedy_gfp(gfp));
		if (s)
			return s;
	}
	return grow_exactly(h, node->nid, get_order(need), npages, gfp);
}

/*
 * Take pages that the node has, be it in idle spans of its mcentrals.  Not through
 * all of these, as they may be many and none of them what is looked for.
 */
static struct gospan *take_or_trim(struct gonode *node, unsigned long npages,
				   unsigned long align,
				   struct gospan *spare[2], gfp_t gfp)
{
	unsigned int i, tries = gfpflags_allow_blocking(gfp) ? 64 : 4;
	bool reserve = goheap_may_grow(gfp) != GO_GROW_FIRST;
	struct gospan *s = take_run(node, npages, align, spare, reserve);
	struct gocentral *c;

	/* The largest first, as most of its pages come in one piece. */
	for (i = GO_NR_SPANCLASSES; !s && tries && i--; ) {
		c = &node->central[i];
		while (!s && tries && READ_ONCE(c->idle)) {
			gocentral_trim(c, GO_BATCH);
			s = take_run(node, npages, align, spare, reserve);
			tries--;
		}
	}
	return s;
}

/* The nodes have what the page allocator has not: look at all, the near first. */
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
	/* Somebody may have freed some here meanwhile. */
	for (nid = node->nid; !s && nid != NUMA_NO_NODE;
	     nid = gonuma_nearest(node->nid, &left))
		s = take_or_trim(h->node[nid], npages, align, spare, gfp);
	return s;
}

/* Take what the node has, else make it grow, else look elsewhere. */
static struct gospan *take_or_grow(struct goheap *h, int nid,
				   unsigned long npages, unsigned long align,
				   struct gospan *spare[2], gfp_t gfp)
{
	enum gogrow may = goheap_may_grow(gfp);
	struct gonode *node = goheap_node(h, nid);
	struct gospan *s;

	s = take_or_trim(node, npages, align, spare, gfp);
	if (!s && may != GO_GROW_NEVER)
		s = grow(h, node, npages, align, gfp);
	if (!s)
		s = take_elsewhere(node, npages, align, spare, gfp);
	return s;
}

static struct gospan *try_alloc(struct goheap *h, int nid,
				unsigned long npages, unsigned long align,
				gfp_t gfp)
{
	struct gospan *spare[2] = {}, *s = NULL;

	/* What is free then is to go. */
	if (golimit_over(h) && !(gfp & __GFP_NOFAIL))
		return NULL;
	if (get_spares(h, spare, align, gfp))
		s = take_or_grow(h, nid, npages, align, spare, gfp);
	put_spares(h, spare);
	return s;
}

/**
 * goheap_alloc - allocate a run of pages
 * @h: the heap
 * @nid: the node to take them from if possible
 * @npages: how many, at most GO_ARENA_PAGES
 * @align: power of two, in pages
 * @gfp: what the caller may do to get memory
 *
 * Context: what @gfp permits, any but NMI.
 * Return: the run, in no state, or NULL.
 */
struct gospan *goheap_alloc(struct goheap *h, int nid, unsigned long npages,
			    unsigned long align, gfp_t gfp)
{
	struct gospan *s = try_alloc(h, nid, npages, align, gfp);

	/* Somebody else may be quicker to take the room. */
	while (!s && golimit_make_room(h, max(npages, align) << GO_PAGE_SHIFT,
				       gfp))
		s = try_alloc(h, nid, npages, align, gfp);
	return s;
}

/*
 * An object that is to be charged to the caller's memory cgroup: only the page
 * allocator can do that, and it charges pages.  So it gets pages of its own,
 * and when it is freed they have to go back, for the charge goes with them.
 */
static struct gospan *alloc_accounted(struct goheap *h, int nid,
				      unsigned long npages,
				      unsigned long align, gfp_t gfp)
{
	unsigned long need = max(npages, align) << GO_PAGE_SHIFT;
	struct gospan *s;

	nid = goheap_node(h, nid)->nid;
	gfp = page_gfp(gfp) | __GFP_ACCOUNT;
	s = grow_exactly(h, nid, get_order(need), npages, gfp);
	if (!s && golimit_make_room(h, need, gfp))
		s = grow_exactly(h, nid, get_order(need), npages, gfp);
	if (s)
		s->accounted = true;
	return s;
}

/* Where the page allocator cannot be asked nobody can be charged. */
static bool is_accounted(gfp_t gfp)
{
	return IS_ENABLED(CONFIG_MEMCG) && gfp & __GFP_ACCOUNT &&
	       goheap_may_grow(gfp) != GO_GROW_NEVER;
}

/**
 * goheap_wait - there is no memory: does the caller want to wait for some?
 * @h: the heap
 * @gfp: what it asked with
 *
 * Context: what @gfp permits.
 * Return: whether to try again; else the failure has been counted.
 */
bool goheap_wait(struct goheap *h, gfp_t gfp)
{
	if (!(gfp & __GFP_NOFAIL) || !gfpflags_allow_blocking(gfp)) {
		atomic_long_inc(&h->failures);
		return false;
	}
	schedule_timeout_uninterruptible(1);
	return true;
}

/**
 * goheap_alloc_large - allocate an object of whole pages
 * @h: the heap
 * @nid: the node to take them from if possible
 * @size: bytes, at most GOALLOC_MAX_SIZE
 * @gfp: as for gomalloc()
 *
 * Context: what @gfp permits, any but NMI.
 * Return: the object, not zeroed, aligned as kmalloc() does; or NULL.
 */
struct gospan *goheap_alloc_large(struct goheap *h, int nid, size_t size,
				  gfp_t gfp)
{
	unsigned long npages = DIV_ROUND_UP(size, GO_PAGE_SIZE);
	unsigned long align = max((size & -size) >> GO_PAGE_SHIFT, 1UL);
	struct gonode *node;
	struct gospan *s;
	unsigned long flags;

	do {
		s = is_accounted(gfp) ?
		    alloc_accounted(h, nid, npages, align, gfp) :
		    goheap_alloc(h, nid, npages, align, gfp);
	} while (!s && goheap_wait(h, gfp));
	if (!s)
		return NULL;

	preempt_disable();
	node = gospan_arena(h, s->base)->node;
	preempt_enable();

	raw_spin_lock_irqsave(&node->lock, flags);
	s->state = GO_SPAN_LARGE;
	s->elemsize = npages << GO_PAGE_SHIFT;
	node->large_mallocs++;
	node->large_alloced += s->elemsize;
	node->large_requested += size;
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return s;
}

/**
 * goheap_top_up - fill the reserve of a node
 * @node: the node
 * @gfp: what the caller may do to get memory
 *
 * Context: what @gfp permits.
 */
void goheap_top_up(struct gonode *node, gfp_t gfp)
{
	struct goheap *h = node->heap;
	struct gospan *s;

	while (READ_ONCE(node->big) < node->reserve) {
		s = grow(h, node, node->reserve, 1, gfp | __GFP_THISNODE);
		if (!s)
			return;
		goheap_free(h, s);
	}
}
