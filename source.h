/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Source: where pages, spans and large objects come from: source.c.
 */
#ifndef GOALLOC_SOURCE_H
#define GOALLOC_SOURCE_H

#include "types.h"

struct gospan *gosource_pages(struct goheap *h, int nid, unsigned long npages,
			      unsigned long align, gfp_t gfp);
struct gocentral *gosource_span(struct goheap *h, int nid, unsigned int spc,
				gfp_t gfp);
struct gocentral *gosource_objects(struct goheap *h, struct gonode *node,
				   unsigned int spc, gfp_t gfp);
struct gospan *gosource_large(struct goheap *h, int nid, size_t size,
			      gfp_t gfp);
struct gospan *gosource_last(struct goheap *h, int nid, size_t size, gfp_t gfp);
bool gosource_wait(struct goheap *h, gfp_t gfp);
void gosource_top_up(struct gonode *node, gfp_t gfp);

#endif /* GOALLOC_SOURCE_H */
