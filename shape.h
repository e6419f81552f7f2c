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
 */
struct goshape {
	u32 size;
	u32 magic;
	u16 nelems;
	u8 npages;
	u8 align;
};

/* By span class; those of size classes are set before there is a heap. */
extern struct goshape goshapes[GO_NR_SPANCLASSES];

void goshape_init(void);

#endif /* GOALLOC_SHAPE_H */
