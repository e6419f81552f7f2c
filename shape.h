/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shape: what the objects and the spans of a span class are like: shape.c.
 */
#ifndef GOALLOC_SHAPE_H
#define GOALLOC_SHAPE_H

#include "types.h"

/**
 * struct goshape - what the objects and the spans of a span class are like
 * @size: bytes of an object; 0 if there is no such span class
 * @magic: ceil(2^32 / @size)
 * @nelems: objects of a span as long as is good
 * @npages: length of that, in 8 KiB pages
 * @align: what it is aligned to, in 8 KiB pages
 * @keeps: what a free object holds is kept, for it has a constructor or readers
 * @typesafe: readers under RCU may have a free object, so that a span goes only
 *	a grace period after the last of its objects was freed
 * @closed: no span is made any more
 * @ctor: called for each object when its span is made, or NULL
 */
struct goshape {
	u32 size;
	u32 magic;
	u16 nelems;
	u8 npages;
	u8 align;
	bool keeps;
	bool typesafe;
	bool closed;
	void (*ctor)(void *obj);
};

/*
 * By span class.  Those of size classes are set before there is a heap, and that of
 * a cache while nothing uses its span class: see cache.c.
 */
extern struct goshape goshapes[GO_ALL_SPANCLASSES];

/* One more than the last span class that has ever had a shape. */
extern unsigned int goshape_end;

/* The span classes that small objects may be of, those of caches included. */
#define for_each_goshape(spc)						\
	for ((spc) = GO_SPC(1, 0); (spc) < READ_ONCE(goshape_end); (spc)++)

/* Those of caches. */
#define for_each_gocache_spc(spc)					\
	for ((spc) = GO_NR_SPANCLASSES; (spc) < READ_ONCE(goshape_end); (spc)++)

/* Is a span class that of a named cache? */
static inline bool goshape_is_cache(unsigned int spc)
{
	return spc >= GO_NR_SPANCLASSES;
}

void goshape_init(void);
bool goshape_fit(struct goshape *shape, size_t size);

#endif /* GOALLOC_SHAPE_H */
