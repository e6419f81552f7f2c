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

struct goshape goshapes[GO_NR_SPANCLASSES];

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
