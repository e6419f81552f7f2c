/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Block: pages of the page allocator, and the references that we hold: block.c.
 */
#ifndef GOALLOC_BLOCK_H
#define GOALLOC_BLOCK_H

#include <linux/mm.h>
#include "types.h"

struct page *goblock_get(struct goheap *h, int nid, gfp_t gfp,
			 unsigned int order, unsigned long keep);
/**
 * struct goblock_left - what became of pages that were given back
 * @shared: pages that somebody else still has: the last put frees them
 * @lost: pages of which references of ours had been put: they stay, for good
 */
struct goblock_left {
	unsigned long shared;
	unsigned long lost;
};

struct goblock_left goblock_give_back(struct goheap *h, struct page *page,
				      unsigned long n, bool charged);
bool goblock_is_shared(struct page *page, unsigned long n);
unsigned long goblock_lost(struct page *page, unsigned long n);
unsigned long goblock_shared(struct page *page, unsigned long n);

#endif /* GOALLOC_BLOCK_H */
