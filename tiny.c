// SPDX-License-Identifier: GPL-2.0
/*
 * Tiny objects: several of less than 16 bytes in one 16-byte block.
 *
 * Go's tiny allocator, with what Go forbids: its objects may be freed.  A block
 * is an ordinary object of class 2, noscan, and has two words out of line.  One
 * says where objects that were handed out start and end.  Only the CPU whose
 * current block it is hands out of it, so that no atomic is needed there.  The
 * other says which have come back, and whether the CPU has turned to another
 * block.  It is atomic, so that this is exact in every context: a bit that is
 * set already is a double free.  (Of two frees of one object at the very same
 * time the second may be missed if all else has come back and the block is begun
 * again between two of its instructions; the bit that it leaves is in nobody's
 * way, but an object that is handed out there later is lost with its block.)
 * Whoever sets the last bit, a free or the CPU that turns away, has the block and
 * frees it.  A count of live objects
 * would be shorter, but could not tell a double free from the free of a
 * neighbour.
 *
 * A CPU hands out its current block from front to back, and begins again when
 * all of it has come back; other space that is freed meanwhile returns with the
 * block, as it does in Go.  No object starts at the last byte, whose bit says
 * that the CPU has turned away.
 *
 * All objects of a block are of one owner, whom its state byte names: a CPU that
 * allocates for another turns to another block, and leaves what room there was.
 * An owner for each of up to 15 objects would take as many bytes as the block.
 *
 * The fast halves of both ways are inlines in tiny.h.
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

/**
 * struct tiny_block - a block, its words and its owner
 * @block: the block, or 0
 * @owner: whose its objects are
 * @w: its words
 */
struct tiny_block {
	unsigned long block;
	u8 owner;
	struct gotiny_words w;
};

/*
 * A block has stopped being a CPU's current one.  Return it if nothing in it is
 * live; the caller then owns it.
 */
static void *retire_block(const struct tiny_block *b)
{
	u16 new, old = READ_ONCE(*b->w.back);

	do {
		new = old | GO_TINY_RETIRED;
	} while (!try_cmpxchg(b->w.back, &old, new));
	if (!gotiny_is_whole(*b->w.out, new))
		return NULL;
	WRITE_ONCE(*b->w.out, 0);
	return (void *)b->block;
}

static struct tiny_block current_block(const struct gomcache *c)
{
	return (struct tiny_block){
		c->tiny, c->tiny_owner, { c->tiny_out, c->tiny_back },
	};
}

static void set_current(struct gomcache *c, const struct tiny_block *b,
			unsigned int off)
{
	WRITE_ONCE(c->tiny, b->block);
	c->tiny_owner = b->owner;
	c->tiny_out = b->w.out;
	c->tiny_back = b->w.back;
	c->tiny_off = off;
}

/* Of a block that the cache has now and its current one, the other is @b then. */
static void keep_roomier(struct gomcache *c, struct tiny_block *b,
			 unsigned int off)
{
	struct tiny_block old;

	/* But one of another owner's is not kept. */
	if (c->tiny && off >= c->tiny_off && b->owner == c->tiny_owner)
		return;
	old = current_block(c);
	set_current(c, b, off);
	*b = old;
}

/* Of a new block and the current one, make current what has more room. */
static void *make_block_current(struct goheap *h, struct tiny_block b,
				unsigned int off)
{
	struct gomcache *c;

	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	if (!c->busy) {
		gomcache_note_use(h);
		gomcache_enter(c);
		keep_roomier(c, &b, off);
		gomcache_leave(c);
	}
	preempt_enable();
	return b.block ? retire_block(&b) : NULL;
}

/* A block has one object, at its front, and no CPU hands out of it any more. */
static void close_block(struct gotiny_words w, unsigned int size)
{
	WRITE_ONCE(*w.back, GO_TINY_RETIRED);
	/* Afterwards, as in gotiny_install(). */
	smp_store_release(w.out, gotiny_front(size));
}

/* A block has one object, at its front, and room for more. */
static void open_block(struct gotiny_words w, unsigned int size)
{
	/* It still says what came back when it was a block before. */
	WRITE_ONCE(*w.back, 0);
	/* Afterwards, because a free looks at this one first. */
	smp_store_release(w.out, gotiny_front(size));
}

/**
 * gotiny_install - make a new block of tiny objects
 * @h: the heap
 * @block: an object of GO_TINY_SPC; the first tiny object is at its front
 * @size: bytes of that object
 * @owner: whose it is, and those that follow
 *
 * If it has been sampled, it holds this object alone.
 *
 * Context: any.
 * Return: a block that has become empty, for the caller to free, or NULL.
 */
void *gotiny_install(struct goheap *h, void *block, unsigned int size,
		     unsigned long owner)
{
	struct tiny_block b = { .block = (unsigned long)block, .owner = owner };
	struct gospan *s;

	preempt_disable();
	s = gospan_of(h, block);
	b.w = gotiny_words_of(s, block);
	if (static_branch_likely(&goalloc_check)) {
		u8 *state = s->objstate + gotiny_index(s, block);

		if (unlikely(goobj_is_sampled(*state))) {
			close_block(b.w, size);
			preempt_enable();
			return NULL;
		}
		*state = goobj_tiny_of(owner);
	}
	open_block(b.w, size);
	preempt_enable();

	return make_block_current(h, b, size);
}

/* Take a block off a stack that has one, with @size bytes in it. */
static struct tiny_block pop_block(struct goheap *h, struct gostack *s,
				   unsigned int size, unsigned long owner)
{
	struct goslot *top = s->top - 1;
	struct tiny_block b = {
		(unsigned long)top->obj, owner,
		gotiny_words_of(gospan_of(h, top->obj), top->obj),
	};

	if (static_branch_likely(&goalloc_check))
		*top->state = goobj_tiny_of(owner);
	open_block(b.w, size);
	WRITE_ONCE(s->top, top);
	gomcache_count(&s->mallocs, 1);
	gomcache_ask(s, size);
	return b;
}

/* Put a block back on a stack that has room. */
static void push_block(struct goheap *h, struct gostack *s, void *block)
{
	struct gospan *span = gospan_of(h, block);
	struct goslot *top = s->top;

	top->obj = block;
	top->state = NULL;
	if (static_branch_likely(&goalloc_check)) {
		top->state = span->objstate + gotiny_index(span, block);
		*top->state = GO_OBJ_FREE;
	}
	WRITE_ONCE(s->top, top + 1);
	gomcache_count(&s->frees, 1);
}

/**
 * gotiny_turn - turn to another block of the CPU's own
 * @h: the heap
 * @c: its cache, which is the caller's
 * @size: bytes of the tiny object that it begins with
 * @owner: whose it is, and those that follow
 *
 * This is what goalloc_tiny_block() does, in one piece, where there is a block on
 * the stack and nothing more to do than that.
 *
 * Context: any.
 * Return: the tiny object, or NULL.
 */
void *gotiny_turn(struct goheap *h, struct gomcache *c, unsigned int size,
		  unsigned long owner)
{
	struct gostack *s = &c->stack[GO_TINY_SPC];
	struct tiny_block b;
	void *p, *old;

	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) ||
	    static_branch_unlikely(&goalloc_free_detour) || s->top == s->slot ||
	    s->requested + (long)size >= 0)
		return NULL;
	b = pop_block(h, s, size, owner);
	p = (void *)b.block;
	keep_roomier(c, &b, size);
	old = b.block ? retire_block(&b) : NULL;
	if (old)
		push_block(h, s, old);
	return p;
}

/**
 * gotiny_install_alone - make a block that holds one tiny object, a sample
 * @h: the heap
 * @block: an object of GO_TINY_SPC, live and plain
 * @size: bytes of the tiny object, which is at its front
 *
 * So the free of the object is that of the block, which looks for the sample.
 *
 * Context: any.
 */
void gotiny_install_alone(struct goheap *h, void *block, unsigned int size)
{
	struct gospan *s;

	u8 *state;

	preempt_disable();
	s = gospan_of(h, block);
	state = s->objstate + gotiny_index(s, block);
	WRITE_ONCE(*state, goobj_sampled_of(*state));
	close_block(gotiny_words_of(s, block), size);
	preempt_enable();
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
	const struct tiny_block none = {};
	struct tiny_block b;

	gomcache_enter(c);
	b = current_block(c);
	set_current(c, &none, GO_TINY_SIZE);
	gomcache_leave(c);
	return b.block ? retire_block(&b) : NULL;
}

/* Where live objects of a block start; nowhere if its span is no more. */
static unsigned long live_starts(struct gotiny_words w)
{
	return w.out ? READ_ONCE(*w.out) & GO_TINY_STARTS &
		       ~READ_ONCE(*w.back) : 0;
}

/**
 * gotiny_any - is any object of a block live?
 * @s: its span
 * @block: the block
 *
 * Context: preemption is off.
 * Return: whether one is.
 */
bool gotiny_any(const struct gospan *s, const void *block)
{
	return live_starts(gotiny_words_of(s, block));
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
	struct gotiny_words w = gotiny_words_of(s, p);
	unsigned int off = block_offset(p);
	unsigned long ends;

	if (!(live_starts(w) & GO_TINY_START(off)))
		return 0;
	ends = READ_ONCE(*w.out) >> 16 & ~GENMASK(off, 0);
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
	unsigned long starts = live_starts(gotiny_words_of(s, p)) &
			       GENMASK(off, 0);

	if (!starts)
		return false;
	start = __fls(starts);
	return start + gotiny_size(s, p - off + start) > off;
}
