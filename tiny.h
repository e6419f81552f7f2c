/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tiny: several objects of less than 16 bytes in one block: tiny.c.
 */
#ifndef GOALLOC_TINY_H
#define GOALLOC_TINY_H

#include "types.h"

void *gotiny_take(struct goheap *h, unsigned int size);
void *gotiny_install(struct goheap *h, void *block, unsigned int size);
void *gotiny_drain(struct gomcache *c);
bool gotiny_holds(const struct gospan *s, const void *p);
bool gotiny_free(struct goheap *h, struct gospan *s, void *p, bool *last);
size_t gotiny_size(const struct gospan *s, const void *p);
bool gotiny_inside(const struct gospan *s, const void *p);

/* The index of a tiny object's block in its span. */
static inline unsigned int gotiny_index(const struct gospan *s, const void *p)
{
	return ((unsigned long)p - s->base) / GO_TINY_SIZE;
}

#endif /* GOALLOC_TINY_H */
