/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tiny: several objects of less than 16 bytes in one block: tiny.c.
 */
#ifndef GOALLOC_TINY_H
#define GOALLOC_TINY_H

#include <linux/mm.h>
#include "mcache.h"

/**
 * enum gotiny_freed - what became of a free
 * @GOTINY_NONE: no live object starts there
 * @GOTINY_ONE: the object is free
 * @GOTINY_LAST: so is its block, which is the caller's to free
 */
enum gotiny_freed {
	GOTINY_NONE,
	GOTINY_ONE,
	GOTINY_LAST,
};

void *gotiny_install(struct goheap *h, void *block, unsigned int size,
		     unsigned long owner);
void *gotiny_turn(struct goheap *h, struct gomcache *c, unsigned int size,
		  unsigned long owner);
void gotiny_install_alone(struct goheap *h, void *block, unsigned int size);
void *gotiny_drain(struct gomcache *c);
size_t gotiny_size(const struct gospan *s, const void *p);
bool gotiny_any(const struct gospan *s, const void *block);
bool gotiny_inside(const struct gospan *s, const void *p);

/* The index of a tiny object's block in its span. */
static inline unsigned int gotiny_index(const struct gospan *s, const void *p)
{
	return ((unsigned long)p - s->base) / GO_TINY_SIZE;
}

/**
 * struct gotiny_words - the two words of a 16-byte block
 * @out: what was handed out; NULL if it has no words
 * @back: what came back
 */
struct gotiny_words {
	u32 *out;
	u16 *back;
};

/*
 * Find the words for an address.  Its span may be no more, and what gospan_of() has
 * found is its span only if it is in there.  Preemption is off.
 */
static __always_inline bool
gotiny_find_words(const struct gospan *s, const void *p, struct gotiny_words *w)
{
	unsigned long idx = ((unsigned long)p - s->base) / GO_TINY_SIZE;
	unsigned int n = READ_ONCE(s->nelems);
	u32 *words;

	if (idx >= n)
		return false;
	/* As in gospan_index(): with these words goes the base read before. */
	smp_rmb();
	words = READ_ONCE(s->tiny);
	w->out = words + idx;
	w->back = (u16 *)(words + n) + idx;
	return words;
}

/* The same; without words both are NULL. */
static inline struct gotiny_words gotiny_words_of(const struct gospan *s,
						  const void *p)
{
	struct gotiny_words w;

	return gotiny_find_words(s, p, &w) ? w : (struct gotiny_words){};
}

/* Do the words say that their block holds tiny objects? */
static inline bool gotiny_lives(struct gotiny_words w)
{
	return w.out && READ_ONCE(*w.out);
}

/* Is an address in a block of tiny objects?  Preemption is off. */
static inline bool gotiny_holds(const struct gospan *s, const void *p)
{
	return gotiny_lives(gotiny_words_of(s, p));
}

/* The bits of what was handed out, with one more object. */
static __always_inline u32 gotiny_bits(u64 out, unsigned long off,
				       unsigned long end)
{
	out |= GO_TINY_START(off);
	out |= GO_TINY_END(end);
	/* So that gcc sets both bits in 64 bits, which takes fewer instructions. */
	OPTIMIZER_HIDE_VAR(out);
	/* An end at 16 is beyond the word: that object ends with the block. */
	return out;
}

/* The same for an object at the front, alone; a load is less than a shift needs. */
static __always_inline u32 gotiny_front(unsigned long size)
{
#define FRONT(size)	(GO_TINY_START(0) | GO_TINY_END(size))
	static const u32 front[GO_TINY_SIZE] = {
		0, FRONT(1), FRONT(2), FRONT(3), FRONT(4), FRONT(5), FRONT(6),
		FRONT(7), FRONT(8), FRONT(9), FRONT(10), FRONT(11), FRONT(12),
		FRONT(13), FRONT(14), FRONT(15),
	};
#undef FRONT

	return front[size];
}

/* The bit of an object that starts at an address; likewise. */
static __always_inline u16 gotiny_start(const void *p)
{
	static const u16 start[GO_TINY_SIZE] = {
		BIT(0), BIT(1), BIT(2), BIT(3), BIT(4), BIT(5), BIT(6), BIT(7),
		BIT(8), BIT(9), BIT(10), BIT(11), BIT(12), BIT(13), BIT(14),
		BIT(15),
	};

	return start[(unsigned long)p % GO_TINY_SIZE];
}

/* Where an object would stand: aligned to what divides its size, at most 8. */
static __always_inline unsigned long gotiny_place(unsigned long off,
						  unsigned long size)
{
	static const u8 mask_of[GO_TINY_SIZE] = {
		0, 0, 1, 0, 3, 0, 1, 0, 7, 0, 1, 0, 3, 0, 1, 0,
	};
	unsigned long mask = mask_of[size];

	return (off + mask) & ~mask;
}

/*
 * Has all come back that was handed out?  A bit where nothing starts has been left by
 * the second of two frees of one object at once.
 */
static __always_inline bool gotiny_is_whole(u32 out, u16 back)
{
	return !(u16)(out & ~back);
}

/*
 * Hand out the next piece of the CPU's current block, or, if all that it gave has
 * come back, the first one again; for MemStats the block is then freed and
 * allocated.  Returns its offset, or -1 when there is no room, or the block is
 * another's; without a block it is nobody's.  @due if it reaches the next sample.
 * The caller owns @c.
 */
static __always_inline int gotiny_take(struct gomcache *c, unsigned long size,
				       unsigned long owner, bool *due)
{
	struct gotiny_words w = { c->tiny_out, c->tiny_back };
	struct gostack *s = &c->stack[GO_TINY_SPC];
	unsigned long off = 0;
	u32 out;

	if (unlikely(c->tiny_owner != (u8)owner))
		return -1;
	out = *w.out;
	/* What the frees did to the objects comes before what is done now. */
	if (gotiny_is_whole(out, smp_load_acquire(w.back))) {
		WRITE_ONCE(*w.out, gotiny_front(size));
		/* Afterwards, so that what is freed twice is never found live. */
		smp_store_release(w.back, 0);
		gomcache_count(&s->frees, 1);
		gomcache_count(&s->mallocs, 1);
	} else {
		off = gotiny_place(c->tiny_off, size);
		if (unlikely(off + size > GO_TINY_SIZE || off > GO_TINY_LAST))
			return -1;
		WRITE_ONCE(*w.out, gotiny_bits(out, off, off + size));
	}
	c->tiny_off = off + size;
	*due = gomcache_ask(s, size);
	return off;
}

/*
 * Free a tiny object, if one starts there; its block has the words @w.  Whoever
 * sets the last bit, a free or the CPU that gives the block up, has the block.
 * Preemption is off.
 */
static __always_inline enum gotiny_freed
gotiny_free(struct goheap *h, void *p, struct gotiny_words w)
{
	u16 out, new, old = READ_ONCE(*w.back);
	const u16 bit = gotiny_start(p);

	do {
		/*
		 * Read after @old: if that says that no more is handed out of the
		 * block, this is final.  And before our bit is there, with which
		 * the block may be another's.
		 */
		smp_rmb();
		out = READ_ONCE(*w.out);
		/* Nothing starts at the last byte, so that bit is never set. */
		if (unlikely(!(out & bit)))
			return GOTINY_NONE;
		if (unlikely(old & bit))
			return GOTINY_NONE;
		new = old | bit;
	} while (unlikely(!try_cmpxchg(w.back, &old, new)));
	this_cpu_inc(h->mcache->tiny_frees);
	if (likely(!(new & GO_TINY_RETIRED)) || !gotiny_is_whole(out, new))
		return GOTINY_ONE;
	WRITE_ONCE(*w.out, 0);
	return GOTINY_LAST;
}

#endif /* GOALLOC_TINY_H */
