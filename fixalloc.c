// SPDX-License-Identifier: GPL-2.0
/*
 * fixalloc: objects of one size for the allocator's own metadata.
 *
 * Span descriptors, arenas, bit blocks and the storage of stacks come from
 * here.  kmalloc() would do, but then goalloc could be called only where
 * kmalloc() can, which on PREEMPT_RT is not under a raw spinlock, and kmemleak
 * would report each object that only our pages point to.
 *
 * Objects live in chunks, and a chunk is one page of the kernel: memory may be
 * there in single pages only, and then that must be enough.  So there is no
 * room for a header in front of the objects, half a page each or a page; what
 * a header would say stands in struct page, in the fields that belong to
 * whoever has the page.  An object finds its chunk by its address, and a chunk
 * without live objects can go back.  Go's fixalloc has no headers and keeps its
 * chunks for ever.
 *
 * Each node has an allocator of each kind, with a lock of its own, for what
 * describes the node's memory.  An object goes back to the one that it came
 * from.
 *
 * A reserve of free objects is left to contexts that cannot call the page
 * allocator; other callers get a new chunk before they touch it.
 *
 * The look-up of a bad address may still be reading an object that was freed,
 * so some are freed with gofixalloc_free_rcu(): gofixalloc_alloc() hands them
 * out again only after a grace period, and chunks go back after one, too.  In
 * between they are on a list.  Nobody is called when the grace period ends;
 * whoever finds too little free asks whether it has, so that a free costs next
 * to nothing and works in every context.  For a use that such readers do not
 * mind, gofixalloc_reuse() takes an object from that list.  Large objects come
 * and go this way, and however many do, few descriptors wait.  What waits
 * otherwise is what was freed during one grace period, which the worker starts.
 *
 * Objects are allocated and freed in any context but NMI; chunks go back in
 * task context only.
 */

#include <linux/mm.h>
#include <linux/rcupdate.h>
#include "fixalloc.h"
#include "gfp.h"
#include "held.h"
#include "hooks.h"
#include "numa.h"

/**
 * union chunk - what page->private of a chunk's first page says
 * @word: all of it
 * @free: the offset of its first free object plus one, or 0; the others are
 *	linked through their first word
 * @inuse: objects handed out
 * @nid: the node of its allocator
 * @kind: which of the node's allocators that is
 */
union chunk {
	unsigned long word;
	struct {
		u16 free;
		u16 inuse;
		u16 nid;
		u16 kind;
	};
};

static size_t chunk_bytes(const struct gofixalloc *f)
{
	return PAGE_SIZE << f->order;
}

/* A free may look up where a chunk belongs while its counts change. */
static union chunk read_chunk(const struct page *page)
{
	return (union chunk) { .word = READ_ONCE(page->private) };
}

static void write_chunk(struct page *page, union chunk c)
{
	WRITE_ONCE(page->private, c.word);
}

/* The first free object of a chunk, or NULL. */
static void **first_free(struct page *page, union chunk c)
{
	return c.free ? page_address(page) + c.free - 1 : NULL;
}

static u16 free_at(const void *obj)
{
	return obj ? offset_in_page(obj) + 1 : 0;
}

/**
 * gofixalloc_init - make an allocator of a node
 * @node: the node
 * @kind: which one
 * @size: bytes of its objects
 * @reserve: free objects to leave to contexts that cannot get more
 *
 * Context: any.
 */
void gofixalloc_init(struct gonode *node, unsigned int kind, unsigned int size,
		     unsigned int reserve)
{
	struct gofixalloc *f = &node->fix[kind];

	BUILD_BUG_ON(sizeof(union chunk) != sizeof(long));
	BUILD_BUG_ON(MAX_NUMNODES > U16_MAX);

	memset(f, 0, sizeof(*f));
	raw_spin_lock_init(&f->lock);
	INIT_LIST_HEAD(&f->chunks);
	f->node = node;
	f->kind = kind;
	f->size = ALIGN(size, 8);
	f->reserve = reserve;
	f->order = get_order(f->size);
	/* Behind the first page, an object would not find its chunk. */
	f->perchunk = f->order ? 1 : PAGE_SIZE / f->size;
}

static struct page *get_chunk(struct gofixalloc *f, gfp_t gfp)
{
	struct goheap *h = f->node->heap;
	struct page *page;

	if (!goheld_charge(h, chunk_bytes(f), gfp))
		return NULL;
	gfp &= ~(__GFP_ZERO | __GFP_ACCOUNT | __GFP_MOVABLE | __GFP_NOFAIL |
		 __GFP_THISNODE);
	page = gohooks_fault_block(f->order) ? NULL :
	       alloc_pages_node(f->node->nid, gfp, f->order);
	if (!page)
		goheld_uncharge(h, chunk_bytes(f));
	return page;
}

/* Get one more chunk from the page allocator.  No lock is held. */
static bool add_chunk(struct gofixalloc *f, gfp_t gfp)
{
	union chunk c = { .free = 1, .nid = f->node->nid, .kind = f->kind };
	struct page *page = get_chunk(f, gfp);
	void *obj, *next = NULL;
	unsigned long flags;
	unsigned int i;

	if (!page)
		return false;
	for (i = f->perchunk; i--; next = obj) {
		obj = page_address(page) + i * f->size;
		*(void **)obj = next;
	}
	write_chunk(page, c);

	raw_spin_lock_irqsave(&f->lock, flags);
	list_add_tail(&page->lru, &f->chunks);
	f->nchunks++;
	f->nfree += f->perchunk;
	raw_spin_unlock_irqrestore(&f->lock, flags);
	return true;
}

/* Put an object back into its chunk. */
static void put_object(struct gofixalloc *f, void *p)
{
	struct page *page = virt_to_page(p);
	union chunk c = read_chunk(page);

	lockdep_assert_held(&f->lock);
	if (!c.free)
		list_add(&page->lru, &f->chunks);
	*(void **)p = first_free(page, c);
	c.free = free_at(p);
	/* Empty chunks wait at the tail, where they are used last. */
	if (!--c.inuse)
		list_move_tail(&page->lru, &f->chunks);
	write_chunk(page, c);
	f->nfree++;
}

static void *unlink_first(void ***list)
{
	void **p = *list;

	*list = *p;
	return p;
}

/* Make objects free that have waited for a grace period, if there are any. */
static void end_wait(struct gofixalloc *f)
{
	unsigned int n = GO_BATCH;

	lockdep_assert_held(&f->lock);
	if (f->waiting && poll_state_synchronize_rcu_full(&f->grace)) {
		for (; f->waiting && n; n--) {
			put_object(f, unlink_first(&f->waiting));
			f->nwait--;
		}
	}
	if (!f->waiting && f->young) {
		f->waiting = f->young;
		f->young = NULL;
		get_state_synchronize_rcu_full(&f->grace);
	}
}

/* Take a free object if more than @keep are left. */
static void *pop_object(struct gofixalloc *f, unsigned int keep)
{
	unsigned long flags;
	struct page *page;
	void **obj = NULL;
	union chunk c;

	raw_spin_lock_irqsave(&f->lock, flags);
	if (f->nfree <= keep && f->nwait)
		end_wait(f);
	if (f->nfree > keep) {
		page = list_first_entry(&f->chunks, struct page, lru);
		c = read_chunk(page);
		obj = first_free(page, c);
		c.free = free_at(*obj);
		c.inuse++;
		if (!c.free)
			list_del(&page->lru);
		write_chunk(page, c);
		f->nfree--;
		f->inuse++;
	}
	raw_spin_unlock_irqrestore(&f->lock, flags);
	return obj;
}

/* The node has none, and no memory: take one of another node, the nearest. */
static void *pop_elsewhere(struct gofixalloc *f)
{
	struct gonode *node = f->node;
	nodemask_t left = gonuma_others(node->heap, node->nid);
	void *obj = NULL;
	int nid;

	while (!obj && (nid = gonuma_nearest(node->nid, &left)) != NUMA_NO_NODE)
		obj = pop_object(&node->heap->node[nid]->fix[f->kind], 0);
	return obj;
}

/**
 * gofixalloc_pop - allocate an object if there is one
 * @f: the allocator
 *
 * Context: any but NMI.
 * Return: the object, contents undefined, or NULL.
 */
void *gofixalloc_pop(struct gofixalloc *f)
{
	return pop_object(f, 0);
}

/**
 * gofixalloc_alloc - allocate an object
 * @f: the allocator
 * @gfp: what the caller may do to get memory
 *
 * Context: any but NMI.
 * Return: the object, which is another node's when this one has no memory,
 * contents undefined; or NULL.  No reader has seen it since a grace period.
 */
void *gofixalloc_alloc(struct gofixalloc *f, gfp_t gfp)
{
	enum gogrow may = gogfp_may_grow(gfp);
	void *obj = pop_object(f, may == GO_GROW_FIRST ? f->reserve : 0);

	if (likely(obj))
		return obj;
	/* The worker sees to it that a grace period begins. */
	if (READ_ONCE(f->nwait))
		gohooks_kick(f->node->heap);
	if (may != GO_GROW_NEVER) {
		add_chunk(f, gfp);
		obj = pop_object(f, 0);
	}
	return obj ?: pop_elsewhere(f);
}

/**
 * gofixalloc_reuse - take an object of which readers may still know
 * @f: the allocator
 *
 * Context: any but NMI.
 * Return: the object, contents undefined, or NULL when none is waiting.
 */
void *gofixalloc_reuse(struct gofixalloc *f)
{
	unsigned long flags;
	void *obj = NULL;

	if (!READ_ONCE(f->nwait))
		return NULL;
	raw_spin_lock_irqsave(&f->lock, flags);
	if (f->nwait) {
		obj = unlink_first(f->young ? &f->young : &f->waiting);
		f->nwait--;
		f->inuse++;
	}
	raw_spin_unlock_irqrestore(&f->lock, flags);
	return obj;
}

/* The allocator that an object came from. */
static struct gofixalloc *fix_of(struct goheap *h, const void *p)
{
	union chunk c = read_chunk(virt_to_page(p));

	return &h->node[c.nid]->fix[c.kind];
}

/**
 * gofixalloc_free - free an object
 * @h: the heap of its allocator
 * @p: the object, of which no reader can know
 *
 * Context: any but NMI.
 */
void gofixalloc_free(struct goheap *h, void *p)
{
	struct gofixalloc *f = fix_of(h, p);
	unsigned long flags;

	raw_spin_lock_irqsave(&f->lock, flags);
	put_object(f, p);
	f->inuse--;
	raw_spin_unlock_irqrestore(&f->lock, flags);
}

/**
 * gofixalloc_free_rcu - free an object after a grace period
 * @h: the heap of its allocator
 * @p: the object; its first word is overwritten at once, the rest stays
 *
 * Context: any but NMI.
 */
void gofixalloc_free_rcu(struct goheap *h, void *p)
{
	struct gofixalloc *f = fix_of(h, p);
	unsigned long flags;

	raw_spin_lock_irqsave(&f->lock, flags);
	*(void **)p = f->young;
	f->young = p;
	f->nwait++;
	f->inuse--;
	raw_spin_unlock_irqrestore(&f->lock, flags);
}

/* End the wait of as many as possible; returns whether any are left. */
static bool end_waits(struct gofixalloc *f)
{
	unsigned long flags, nfree;
	bool more, left;

	do {
		raw_spin_lock_irqsave(&f->lock, flags);
		nfree = f->nfree;
		end_wait(f);
		more = f->nfree != nfree;
		left = f->nwait;
		raw_spin_unlock_irqrestore(&f->lock, flags);
	} while (more && left);
	return left;
}

/**
 * gofixalloc_settle - make free what was freed with gofixalloc_free_rcu()
 * @h: the heap
 *
 * Context: task, may sleep.
 */
void gofixalloc_settle(struct goheap *h)
{
	/* What waits before the first, and what had yet to begin waiting. */
	unsigned int i, periods = 2;
	bool left;
	int nid;

	for (;; periods--) {
		left = false;
		for_each_gonode(h, nid)
			for (i = 0; i < GO_NR_FIX; i++)
				left |= end_waits(&h->node[nid]->fix[i]);
		if (!left || !periods)
			return;
		synchronize_rcu();
	}
}

/**
 * gofixalloc_top_up - fill the reserve
 * @f: the allocator
 * @gfp: as for alloc_pages()
 *
 * Context: what @gfp permits.
 * Return: whether it is full.
 */
bool gofixalloc_top_up(struct gofixalloc *f, gfp_t gfp)
{
	if (READ_ONCE(f->nwait) && end_waits(f))
		/* Others do not start a grace period, they only wait for it. */
		start_poll_synchronize_rcu();
	while (gofixalloc_low(f))
		if (!add_chunk(f, gfp))
			return false;
	return true;
}

/* One empty chunk that the reserve can spare, off the list, or NULL. */
static struct page *detach_empty_chunk(struct gofixalloc *f)
{
	struct page *page = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&f->lock, flags);
	if (f->nfree >= f->reserve + f->perchunk) {
		page = list_last_entry(&f->chunks, struct page, lru);
		if (read_chunk(page).inuse) {
			page = NULL;
		} else {
			list_del(&page->lru);
			f->nchunks--;
			f->nfree -= f->perchunk;
		}
	}
	raw_spin_unlock_irqrestore(&f->lock, flags);
	return page;
}

/**
 * gofixalloc_detach - take out the empty chunks that the reserve can spare
 * @f: the allocator
 * @out: where to put them
 *
 * Context: task.
 * Return: bytes taken out.
 */
size_t gofixalloc_detach(struct gofixalloc *f, struct list_head *out)
{
	struct page *page;
	size_t bytes = 0;

	while ((page = detach_empty_chunk(f))) {
		list_add(&page->lru, out);
		bytes += chunk_bytes(f);
	}
	return bytes;
}

/**
 * gofixalloc_release - give detached chunks back to the kernel
 * @h: the heap that was charged for them
 * @chunks: from gofixalloc_detach(), a grace period ago
 *
 * Context: task.
 */
void gofixalloc_release(struct goheap *h, struct list_head *chunks)
{
	struct page *page, *next;
	union chunk c;
	unsigned int order;

	list_for_each_entry_safe(page, next, chunks, lru) {
		c = read_chunk(page);
		order = h->node[c.nid]->fix[c.kind].order;
		set_page_private(page, 0);
		goheld_uncharge(h, PAGE_SIZE << order);
		__free_pages(page, order);
	}
}
