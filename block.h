/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Block: blocks of the page allocator: block.c.
 */
#ifndef GOALLOC_BLOCK_H
#define GOALLOC_BLOCK_H

#include <linux/mm_types.h>
#include "types.h"

struct page *goblock_get(struct goheap *h, int nid, gfp_t gfp,
			 unsigned int order, unsigned long bytes);
void goblock_free_rest(struct page *page, unsigned long i, unsigned int order,
		       gfp_t gfp);
void goblock_free_pages(struct page *page, unsigned long n);
void goblock_give_back(struct goarena *a, unsigned int i, unsigned int n);

#endif /* GOALLOC_BLOCK_H */
