/* SPDX-License-Identifier: GPL-2.0 */
/*
 * api: the heap that the exported functions work on, and what they do: api.c.
 */
#ifndef GOALLOC_API_H
#define GOALLOC_API_H

#include "types.h"

struct goalloc_site;

extern struct goheap goalloc_heap;

/* A way to allocate an object, by the site that asks. */
typedef void *(*goapi_alloc_fn)(size_t size, gfp_t gfp, bool noscan,
				unsigned long caller,
				const struct goalloc_site *site);

void *goapi_alloc(size_t size, gfp_t gfp, int nid, bool noscan,
		  unsigned long caller, unsigned long owner);
void *goapi_alloc_node(size_t size, gfp_t gfp, int node, unsigned long caller,
		       unsigned long owner);
bool goapi_has_node(int node, gfp_t gfp);
void *goapi_realloc(const void *p, size_t size, gfp_t gfp, unsigned long caller,
		    unsigned long owner);
void *goapi_realloc_by(const void *p, size_t size, gfp_t gfp,
		       unsigned long caller, goapi_alloc_fn alloc,
		       const struct goalloc_site *site);
void goapi_tell(const void *p, size_t size, gfp_t gfp, int nid,
		unsigned long caller, unsigned long owner);
size_t goapi_bulk(gfp_t gfp, size_t size, size_t n, void **p,
		  unsigned long caller, unsigned long owner);

#endif /* GOALLOC_API_H */
