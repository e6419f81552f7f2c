/* SPDX-License-Identifier: GPL-2.0 */
/*
 * api: the heap that the exported functions work on, and what they do: api.c.
 */
#ifndef GOALLOC_API_H
#define GOALLOC_API_H

#include "types.h"

extern struct goheap goalloc_heap;

void *goapi_alloc(size_t size, gfp_t gfp, int nid, bool noscan,
		  unsigned long caller, unsigned long owner);
void *goapi_alloc_node(size_t size, gfp_t gfp, int node, unsigned long caller,
		       unsigned long owner);
void *goapi_realloc(const void *p, size_t size, gfp_t gfp, unsigned long caller,
		    unsigned long owner);
size_t goapi_bulk(gfp_t gfp, size_t size, size_t n, void **p,
		  unsigned long caller, unsigned long owner);

#endif /* GOALLOC_API_H */
