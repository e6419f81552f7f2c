/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Heap: the pages of a node, under its lock: heap.c.
 */
#ifndef GOALLOC_HEAP_H
#define GOALLOC_HEAP_H

#include "types.h"

bool goheap_get_spares(struct goheap *h, struct gospan *spare[2],
		       unsigned long align, gfp_t gfp);
void goheap_put_spares(struct goheap *h, struct gospan *spare[2]);
struct gospan *goheap_take(struct gonode *node, unsigned long npages,
			   unsigned long align, struct gospan *spare[2],
			   bool reserve);
void goheap_free(struct goheap *h, struct gospan *s);
struct gospan *goheap_adopt(struct goheap *h, struct page *page,
			    unsigned int order, unsigned long total,
			    unsigned long npages, gfp_t gfp);
void goheap_disown(struct gonode *node, struct goarena *a, struct gospan *s);
void goheap_make_large(struct gonode *node, struct gospan *s, size_t size);
void goheap_free_large(struct goheap *h, struct gospan *s);

#endif /* GOALLOC_HEAP_H */
