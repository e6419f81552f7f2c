/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tiny: several objects of less than 16 bytes in one block: tiny.c.
 */
#ifndef GOALLOC_TINY_H
#define GOALLOC_TINY_H

#include "types.h"

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

void *gotiny_take(struct goheap *h, unsigned int size);
void *gotiny_install(struct goheap *h, void *block, unsigned int size);
void *gotiny_drain(struct gomcache *c);
enum gotiny_freed gotiny_free(struct goheap *h, struct gospan *s, void *p,
			      atomic_t *word);
size_t gotiny_size(const struct gospan *s, const void *p);
bool gotiny_inside(const struct gospan *s, const void *p);

/* The index of a tiny object's block in its span. */
static inline unsigned int gotiny_index(const struct gospan *s, const void *p)
{
	return ((unsigned long)p - s->base) / GO_TINY_SIZE;
}

/* The word of an address, or NULL if it has none.  Preemption is off. */
static inline atomic_t *gotiny_word(const struct gospan *s, const void *p)
{
	unsigned int idx = gotiny_index(s, p);
	atomic_t *words;

	/* As in gospan_index(): with these words goes the base read before. */
	smp_rmb();
	words = READ_ONCE(s->tiny);
	return words ? words + idx : NULL;
}

/* Does a word say that its block holds tiny objects? */
static inline bool gotiny_lives(const atomic_t *word)
{
	return word && (atomic_read(word) & GO_TINY_LIVE);
}

/* Is an address in a block of tiny objects?  Preemption is off. */
static inline bool gotiny_holds(const struct gospan *s, const void *p)
{
	return gotiny_lives(gotiny_word(s, p));
}

#endif /* GOALLOC_TINY_H */
