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
enum gotiny_freed gotiny_free(struct goheap *h, struct gospan *s, void *p);
size_t gotiny_size(const struct gospan *s, const void *p);
bool gotiny_inside(const struct gospan *s, const void *p);

/* The index of a tiny object's block in its span. */
static inline unsigned int gotiny_index(const struct gospan *s, const void *p)
{
	return ((unsigned long)p - s->base) / GO_TINY_SIZE;
}

/* Is an address in a block of tiny objects?  Preemption is off. */
static inline bool gotiny_holds(const struct gospan *s, const void *p)
{
	return s->tiny &&
	       (atomic_read(&s->tiny[gotiny_index(s, p)]) & GO_TINY_LIVE);
}

#endif /* GOALLOC_TINY_H */
