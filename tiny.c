// SPDX-License-Identifier: GPL-2.0
/*
 * Tiny objects: several of less than 16 bytes in one 16-byte block.
 *
 * Go's tiny allocator, with what Go forbids: its objects may be freed.  A block
 * is an ordinary object of class 2, noscan, and has a word out of line whose
 * bits say where live objects start, where objects have ended, and whether the
 * block is some CPU's current one.  A free clears its start bit.  The last bit
 * is cleared either by a free or by the CPU that turns to another block; the
 * one that does so frees the block.  The word is atomic, so that this is exact
 * in every context: a start bit that is not set is a double free, always.  A
 * count of live objects would be shorter, but could not tell a double free from
 * the free of a neighbour.
 *
 * A CPU hands out its current block from front to back; space that is freed
 * meanwhile returns with the block, as it does in Go.
 */

#include <linux/mm.h>
#include "hooks.h"
#include "mcache.h"
#include "span.h"
#include "tiny.h"

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

/**
 * gotiny_take - hand out the next piece of the CPU's current block
 * @h: the heap
 * @size: bytes, 1 to GO_TINY_SIZE - 1
 *
 * Context: any.
 * Return: the object, or NULL when the block has no room or the cache is busy.
 */
void *gotiny_take(struct goheap *h, unsigned int size)
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

/*
 * A block has stopped being a CPU's current one.  Return it if nothing in it is
 * live; the caller then owns it.
 */
static void *retire_block(unsigned long block, atomic_t *word)
{
	int old = atomic_fetch_andnot(GO_TINY_HOLD, word);

	if ((old & GO_TINY_LIVE) != GO_TINY_HOLD)
		return NULL;
	atomic_set(word, 0);
	return (void *)block;
}

/* Of a new block and the current one, make current what has more room. */
static void *make_block_current(struct goheap *h, unsigned long block,
				atomic_t *word, unsigned int off)
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
	return block ? retire_block(block, word) : NULL;
}

/**
 * gotiny_install - make a new block of tiny objects
 * @h: the heap
 * @block: an object of GO_TINY_SPC; the first tiny object is at its front
 * @size: bytes of that object
 *
 * Context: any.
 * Return: a block that has become empty, for the caller to free, or NULL.
 */
void *gotiny_install(struct goheap *h, void *block, unsigned int size)
{
	struct gospan *s;
	unsigned int idx;
	atomic_t *word;

	preempt_disable();
	s = gospan_of(h, block);
	idx = gotiny_index(s, block);
	word = &s->tiny[idx];
	atomic_set(word, GO_TINY_HOLD | object_bits(0, size));
	if (static_branch_likely(&goalloc_check))
		s->objstate[idx] = GO_OBJ_TINY;
	preempt_enable();

	return make_block_current(h, (unsigned long)block, word, size);
}

/**
 * gotiny_drain - take a CPU's current block away
 * @c: this CPU's cache, or a dead one's
 *
 * Context: preemption is off.
 * Return: the block if it is empty, for the caller to free, or NULL.
 */
void *gotiny_drain(struct gomcache *c)
{
	unsigned long block;
	atomic_t *word;

	gomcache_enter(c);
	block = c->tiny;
	word = c->tiny_word;
	c->tiny = 0;
	gomcache_leave(c);
	return block ? retire_block(block, word) : NULL;
}

/**
 * gotiny_free - free a tiny object
 * @h: the heap
 * @s: its span
 * @p: the object
 * @word: from gotiny_word(), which gotiny_lives()
 *
 * Context: preemption is off.
 * Return: see enum gotiny_freed.
 */
enum gotiny_freed gotiny_free(struct goheap *h, struct gospan *s, void *p,
			      atomic_t *word)
{
	int bit = GO_TINY_START(block_offset(p));
	int old;

	if (want_init_on_free() && (atomic_read(word) & bit))
		memset(p, 0, gotiny_size(s, p));
	old = atomic_fetch_andnot(bit, word);
	if (!(old & bit))
		return GOTINY_NONE;
	this_cpu_inc(h->mcache->tiny_frees);
	if ((old & GO_TINY_LIVE) != bit)
		return GOTINY_ONE;
	atomic_set(word, 0);
	return GOTINY_LAST;
}

/* The bits of an address's block; none if its span is no more. */
static u32 read_word(const struct gospan *s, const void *p)
{
	atomic_t *word = gotiny_word(s, p);

	return word ? atomic_read(word) : 0;
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
	unsigned long word = read_word(s, p);
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
	unsigned long word = read_word(s, p);

	word &= GENMASK(off, 0);
	if (!word)
		return false;
	start = __fls(word);
	return start + gotiny_size(s, p - off + start) > off;
}
