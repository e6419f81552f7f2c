// SPDX-License-Identifier: GPL-2.0
/*
 * fixalloc: objects of one size for the allocator's own metadata.
 *
 * Span descriptors, arenas, bit blocks and the storage of stacks come from
 * here.  kmalloc() would do, but then goalloc could be called only where
 * kmalloc() can, which on PREEMPT_RT is not under a raw spinlock, and kmemleak
 * would report each object that only our pages point to.
 *
 * Objects live in chunks, aligned blocks of pages with a header: an object
 * finds its chunk by masking, and a chunk without live objects can go back.
 * Go's fixalloc has no headers and keeps its chunks for ever.
 *
 * A reserve of free objects is left to contexts that cannot call the page
 * allocator; other callers get a new chunk before they touch it.  Chunks go
 * back only after a grace period: the look-up of a bad address may still be
 * reading a descriptor that is no longer one.
 *
 * Objects are allocated and freed in any context but NMI; chunks go back in
 * task context only.
 */

#include <linux/mm.h>
#include "fixalloc.h"
#include "gfp.h"
#include "held.h"
#include "hooks.h"

/**
 * struct gofixalloc_chunk - the header of a chunk
 * @list: on its allocator's list while it has free objects
 * @free: its free objects, linked through their first word
 * @inuse: objects handed out
 * @order: of the chunk
 */
struct gofixalloc_chunk {
	struct list_head list;
	void **free;
	unsigned int inuse;
	unsigned int order;
};

/* Objects start here, on a cache line of their own. */
#define CHUNK_HEADER	ALIGN(sizeof(struct gofixalloc_chunk), 64)

static size_t chunk_bytes(const struct gofixalloc *f)
{
	return PAGE_SIZE << f->order;
}

/**
 * gofixalloc_init - make an allocator
 * @f: the allocator
 * @size: bytes of its objects
 * @reserve: free objects to leave to contexts that cannot get more
 *
 * Context: any.
 */
void gofixalloc_init(struct gofixalloc *f, unsigned int size,
		     unsigned int reserve)
{
	memset(f, 0, sizeof(*f));
	raw_spin_lock_init(&f->lock);
	INIT_LIST_HEAD(&f->chunks);
	f->size = ALIGN(size, 8);
	f->reserve = reserve;
	/* Four objects at the least, so that the header costs little. */
	f->order = get_order(max(4 * size, 8192U));
	f->perchunk = (chunk_bytes(f) - CHUNK_HEADER) / f->size;
}

/* Get one more chunk from the page allocator.  No lock is held. */
static bool add_chunk(struct gofixalloc *f, gfp_t gfp)
{
	struct gofixalloc_chunk *c;
	unsigned long flags;
	struct page *page;
	unsigned int i;
	void **obj;

	if (!goheld_charge(f->heap, chunk_bytes(f), gfp))
		return false;
	gfp &= ~(__GFP_ZERO | __GFP_ACCOUNT | __GFP_MOVABLE | __GFP_NOFAIL |
		 __GFP_THISNODE);
	page = gohooks_fault_block(f->order) ? NULL :
	       alloc_pages(gfp, f->order);
	if (!page) {
		goheld_uncharge(f->heap, chunk_bytes(f));
		return false;
	}

	c = page_address(page);
	c->free = NULL;
	c->inuse = 0;
	c->order = f->order;
	for (i = f->perchunk; i--;) {
		obj = (void *)c + CHUNK_HEADER + i * f->size;
		*obj = c->free;
		c->free = obj;
	}

	raw_spin_lock_irqsave(&f->lock, flags);
	list_add_tail(&c->list, &f->chunks);
	f->nchunks++;
	f->nfree += f->perchunk;
	raw_spin_unlock_irqrestore(&f->lock, flags);
	return true;
}

/* Take a free object if more than @keep are left. */
static void *pop_object(struct gofixalloc *f, unsigned int keep)
{
	struct gofixalloc_chunk *c;
	unsigned long flags;
	void **obj = NULL;

	raw_spin_lock_irqsave(&f->lock, flags);
	if (f->nfree > keep) {
		c = list_first_entry(&f->chunks, struct gofixalloc_chunk, list);
		obj = c->free;
		c->free = *obj;
		c->inuse++;
		if (!c->free)
			list_del(&c->list);
		f->nfree--;
		f->inuse++;
	}
	raw_spin_unlock_irqrestore(&f->lock, flags);
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
 * Return: the object, contents undefined, or NULL.
 */
void *gofixalloc_alloc(struct gofixalloc *f, gfp_t gfp)
{
	enum gogrow may = gogfp_may_grow(gfp);
	void *obj = pop_object(f, may == GO_GROW_FIRST ? f->reserve : 0);

	if (likely(obj) || may == GO_GROW_NEVER)
		return obj;
	add_chunk(f, gfp);
	return pop_object(f, 0);
}

/**
 * gofixalloc_free - free an object
 * @f: its allocator
 * @p: the object
 *
 * Context: any but NMI.
 */
void gofixalloc_free(struct gofixalloc *f, void *p)
{
	struct gofixalloc_chunk *c;
	unsigned long flags;
	void **obj = p;

	c = (void *)((unsigned long)p & ~(chunk_bytes(f) - 1));
	raw_spin_lock_irqsave(&f->lock, flags);
	if (!c->free)
		list_add(&c->list, &f->chunks);
	*obj = c->free;
	c->free = obj;
	f->nfree++;
	f->inuse--;
	/* Empty chunks wait at the tail, where they are used last. */
	if (!--c->inuse)
		list_move_tail(&c->list, &f->chunks);
	raw_spin_unlock_irqrestore(&f->lock, flags);
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
	while (gofixalloc_low(f))
		if (!add_chunk(f, gfp))
			return false;
	return true;
}

/* One empty chunk that the reserve can spare, off the list, or NULL. */
static struct gofixalloc_chunk *detach_empty_chunk(struct gofixalloc *f)
{
	struct gofixalloc_chunk *c = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&f->lock, flags);
	if (f->nfree >= f->reserve + f->perchunk) {
		c = list_last_entry(&f->chunks, struct gofixalloc_chunk, list);
		if (c->inuse) {
			c = NULL;
		} else {
			list_del(&c->list);
			f->nchunks--;
			f->nfree -= f->perchunk;
		}
	}
	raw_spin_unlock_irqrestore(&f->lock, flags);
	return c;
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
	struct gofixalloc_chunk *c;
	size_t bytes = 0;

	while ((c = detach_empty_chunk(f))) {
		list_add(&c->list, out);
		bytes += chunk_bytes(f);
	}
	return bytes;
}

/**
 * gofixalloc_release - give detached chunks back to the kernel
 * @h: the heap that was charged for them, or NULL
 * @chunks: from gofixalloc_detach(), a grace period ago
 *
 * Context: task.
 */
void gofixalloc_release(struct goheap *h, struct list_head *chunks)
{
	struct gofixalloc_chunk *c, *next;

	list_for_each_entry_safe(c, next, chunks, list) {
		goheld_uncharge(h, PAGE_SIZE << c->order);
		__free_pages(virt_to_page(c), c->order);
	}
}
