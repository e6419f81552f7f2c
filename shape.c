// SPDX-License-Identifier: GPL-2.0
/*
 * Shape: what the objects and the spans of a span class are like.
 *
 * The fast paths take what they need of a size class from the tables of
 * sizeclass.h, which the compiler may fold.  All that makes, checks or describes a
 * span, and all that fills stacks, reads the shape of its span class here.  So a
 * span class need not be that of a size class.
 */

#define GO_SIZECLASS_TABLES
#include "shape.h"

struct goshape goshapes[GO_ALL_SPANCLASSES];
unsigned int goshape_end = GO_NR_SPANCLASSES;

/* The longest span of a cache, 64 KiB. */
#define MOST_PAGES	(65536UL >> GO_PAGE_SHIFT)

/* Of a span no more than one part of so many need go to waste. */
#define WASTE_PART	16

/**
 * goshape_init - set the shapes of the size classes
 *
 * Context: any, before there is a heap.
 */
void goshape_init(void)
{
	unsigned int spc, class;

	for_each_gospc(spc) {
		class = GO_SPC_CLASS(spc);
		goshapes[spc] = (struct goshape) {
			.size = go_class_size[class],
			.magic = go_class_magic[class],
			.nelems = go_class_nelems[class],
			.npages = go_class_pages[class],
			.align = go_class_align[class],
		};
	}
}

/* The length of a span that wastes little; or the least, if all waste more. */
static unsigned int good_length(unsigned int size)
{
	unsigned int n, tail, best = 0, least = 0;

	for (n = DIV_ROUND_UP(size, GO_PAGE_SIZE); n <= MOST_PAGES; n++) {
		tail = (n << GO_PAGE_SHIFT) % size;
		if (!best || tail * best < least * n) {
			best = n;
			least = tail;
		}
		if (tail * WASTE_PART <= n << GO_PAGE_SHIFT)
			break;
	}
	return best;
}

/**
 * goshape_fit - find the shape for objects of a size
 * @shape: filled in, but for what is particular about a cache
 * @size: bytes, a multiple of 8
 *
 * gospan_index() is exact if the product of @size and of a span's bytes and one
 * object more is below 2^32, as it is for these.
 *
 * Context: any.
 * Return: false if there can be no such span.
 */
bool goshape_fit(struct goshape *shape, size_t size)
{
	BUILD_BUG_ON(((u64)(MOST_PAGES << GO_PAGE_SHIFT) + GO_MAX_SMALL) *
		     GO_MAX_SMALL >> 32);

	if (!size || size % 8 || size > GO_MAX_SMALL)
		return false;
	memset(shape, 0, sizeof(*shape));
	shape->size = size;
	shape->magic = DIV_ROUND_UP_ULL(1ULL << 32, size);
	shape->npages = good_length(size);
	shape->nelems = (shape->npages << GO_PAGE_SHIFT) / size;
	shape->align = 1;
	return true;
}
