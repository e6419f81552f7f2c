/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Statistics of span classes, for those who show them: classes.c.
 */
#ifndef GOALLOC_CLASSES_H
#define GOALLOC_CLASSES_H

#include <linux/minmax.h>
#include "internal.h"

/**
 * struct goclass_occupancy - the spans of a class by how full they are
 * @spans: how many
 * @free: objects free in them
 * @decile: spans with up to 10 %, 20 %, ... of their objects out
 */
struct goclass_occupancy {
	unsigned long spans;
	unsigned long free;
	unsigned int decile[10];
};

/* Objects of a small span that are not in it; it may change as we look. */
static inline unsigned int goclasses_used(const struct gospan *s,
					  unsigned int nelems)
{
	unsigned int left = READ_ONCE(s->navail) + READ_ONCE(s->nback);

	return nelems - min(left, nelems);
}

void goclasses_walk(struct goheap *h, struct goclass_occupancy *o);
unsigned int goclasses_read(struct goheap *h, struct goalloc_class_stats *st);

#endif /* GOALLOC_CLASSES_H */
