// SPDX-License-Identifier: GPL-2.0
/*
 * Tiny objects: several of less than 16 bytes in one 16-byte block.
 *
 * Go's tiny allocator, with what Go forbids: its objects may be freed.  A block
 * is an ordinary object of class 2, noscan, and has a word out of line whose
 * bits say where live objects start, where objects have ended, and whether the
 * block is some CPU's current one.  A free clears its start bit; whoever clears
 * the last bit, a freer or the CPU that turns to another block, frees the
 * block.  The word is atomic, so that this is exact in every context: a start
 * bit that is not set is a double free, always.
 *
 * A CPU hands out its current block from front to back and never looks back:
 * space that is freed in it returns with the block.
 */

#include "internal.h"
#include "fastpath.h"

static unsigned int block_index(const struct gospan *s, const void *p)
{
	return ((unsigned long)p - s->base) / GO_TINY_SIZE;
}

static unsigned int block_offset(const void *p)
{
	return (unsigned long)p % GO_TINY_SIZE;
}

/* The bits of an object; one that ends with the block needs no end. */
static int object_bits(unsigned int off, unsigned int size)
{
	unsigned long bits = GO_TINY_START(off);

	if (off + size < GO_TINY_SIZE)
		bits |= GO_TINY_END(off + size);
	return bits;
}

static unsigned int tiny_align(unsigned int off, unsigned int size)
{
	return ALIGN(off, min(size & -size, 8U));
}

/* The next piece of this CPU's current block, or NULL. */
static void *take_current(struct goheap *h, unsigned int size)
{
	struct gomcache *c;
	struct gostack *s;
	unsigned int off;
	void *p = NULL;

	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	if (!c->busy) {
		gomcache_enter(c);
		off = tiny_align(c->tiny_off, size);
		if (c->tiny && off + size <= GO_TINY_SIZE) {
			atomic_or(object_bits(off, size), c->tiny_word);
			c->tiny_off = off + size;
			p = (void *)c->tiny + off;
			s = &c->stack[GO_TINY_SPC];
			gomcache_count(&s->requested, size);
		}
		gomcache_leave(c);
	}
	preempt_enable();
	return p;
}

/* Nobody's current block any more: it may have been empty for long. */
static void retire(struct goheap *h, unsigned long block, atomic_t *word)
{
	int old = atomic_fetch_andnot(GO_TINY_HOLD, word);
	struct gospan *s;

	if ((old & GO_TINY_LIVE) != GO_TINY_HOLD)
		return;
	atomic_set(word, 0);
	preempt_disable();
	s = gospan_of(h, (void *)block);
	s->objstate[block_index(s, (void *)block)] = GO_OBJ_LIVE;
	preempt_enable();
	gomcache_free(h, (void *)block);
}

/* Make a block current if it has more room than the one that is. */
static void install(struct goheap *h, unsigned long block, atomic_t *word,
		    unsigned int off)
{
	struct gomcache *c;

	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	if (!c->busy) {
		gomcache_enter(c);
		if (!c->tiny || off < c->tiny_off) {
			swap(c->tiny, block);
			swap(c->tiny_word, word);
			c->tiny_off = off;
		}
		gomcache_leave(c);
	}
	preempt_enable();
	if (block)
		retire(h, block, word);
}

/* A new block, and the object at its front. */
static void *new_block(struct goheap *h, unsigned int size, gfp_t gfp)
{
	struct gospan *s;
	unsigned int idx;
	atomic_t *word;
	void *p;

	p = gomcache_alloc(h, GO_TINY_SPC, size, gfp);
	if (!p)
		return NULL;

	preempt_disable();
	s = gospan_of(h, p);
	idx = block_index(s, p);
	word = &s->tiny[idx];
	atomic_set(word, GO_TINY_HOLD | object_bits(0, size));
	if (static_branch_likely(&goalloc_check))
		s->objstate[idx] = GO_OBJ_TINY;
	preempt_enable();

	install(h, (unsigned long)p, word, size);
	return p;
}

/**
 * gotiny_alloc - allocate a tiny object
 * @h: the heap
 * @size: bytes, 1 to GO_TINY_SIZE - 1
 * @gfp: as for gomalloc()
 *
 * Context: any that @gfp permits.
 * Return: the object, or NULL.
 */
void *gotiny_alloc(struct goheap *h, size_t size, gfp_t gfp)
{
	void *p = take_current(h, size);

	if (!p)
		p = new_block(h, size, gfp & ~__GFP_ZERO);
	if (!p)
		return NULL;
	this_cpu_inc(h->mcache->tiny_mallocs);
	if (want_init_on_alloc(gfp))
		memset(p, 0, size);
	return p;
}

/**
 * gotiny_holds - is an address in a block of tiny objects?
 * @s: the span of the address
 * @p: the address
 *
 * Context: preemption is off.
 * Return: whether it is.
 */
bool gotiny_holds(const struct gospan *s, const void *p)
{
	return s->tiny && (atomic_read(&s->tiny[block_index(s, p)]) &
			   GO_TINY_LIVE);
}

/**
 * gotiny_free - free a tiny object
 * @h: the heap
 * @s: its span
 * @p: the object, for which gotiny_holds()
 * @last: set if its block is now the caller's, to free
 *
 * Context: preemption is off.
 * Return: false when no live object starts there.
 */
bool gotiny_free(struct goheap *h, struct gospan *s, void *p, bool *last)
{
	unsigned int idx = block_index(s, p);
	int bit = GO_TINY_START(block_offset(p));
	atomic_t *word = &s->tiny[idx];
	int old;

	if (want_init_on_free() && (atomic_read(word) & bit))
		memset(p, 0, gotiny_size(s, p));
	old = atomic_fetch_andnot(bit, word);
	if (!(old & bit))
		return false;
	this_cpu_inc(h->mcache->tiny_frees);
	*last = (old & GO_TINY_LIVE) == bit;
	if (*last)
		atomic_set(word, 0);
	return true;
}

/**
 * gotiny_size - how many bytes a tiny object has
 * @s: its span
 * @p: the object, for which gotiny_holds()
 *
 * Context: preemption is off.
 * Return: the bytes, or 0 when no live object starts there.
 */
size_t gotiny_size(const struct gospan *s, const void *p)
{
	unsigned int off = block_offset(p);
	unsigned long word = (u32)atomic_read(&s->tiny[block_index(s, p)]);
	unsigned long ends;

	if (!(word & GO_TINY_START(off)))
		return 0;
	ends = word >> 16 & ~GENMASK(off, 0);
	return (ends ? __ffs(ends) : GO_TINY_SIZE) - off;
}

/**
 * gotiny_inside - is an address inside a live tiny object?
 * @s: its span
 * @p: the address, for which gotiny_holds(), and where no live object starts
 *
 * Context: preemption is off.
 * Return: whether it is.
 */
bool gotiny_inside(const struct gospan *s, const void *p)
{
	unsigned int off = block_offset(p), start;
	unsigned long word = (u32)atomic_read(&s->tiny[block_index(s, p)]);

	word &= GENMASK(off, 0);
	if (!word)
		return false;
	start = __fls(word);
	return start + gotiny_size(s, p - off + start) > off;
}

/**
 * gotiny_drain - take a CPU's current block away
 * @h: the heap
 * @c: this CPU's cache, or a dead one's
 *
 * Context: task.
 */
void gotiny_drain(struct goheap *h, struct gomcache *c)
{
	unsigned long block;
	atomic_t *word;

	preempt_disable();
	gomcache_enter(c);
	block = c->tiny;
	word = c->tiny_word;
	c->tiny = 0;
	gomcache_leave(c);
	preempt_enable();
	if (block)
		retire(h, block, word);
}
