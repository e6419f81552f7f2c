// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl advise: goalloc's size classes.
 *
 * These are the module's own tables, compiled here a second time, so that the advice
 * cannot differ from what goalloc does.  Only the machine's part is left out: where
 * DMA is not coherent, goalloc rounds as kmalloc() does there, and saves less.
 */
#include <stdint.h>
#include <stddef.h>
#include <sys/cdefs.h>

#include "advise.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;

/* In place of headers of the kernel's; the sizes are those of any page. */
#define PAGE_SHIFT			12
#define _LINUX_GOALLOC_ALIGN_H
#define goalloc_class_size(size)	(size)

#define GO_SIZECLASS_TABLES
#include "../sizeclass.h"

#define PAGE		8192ULL
#define MAX_SIZE	(4ULL << 20)

_Static_assert(ADVISE_CLASSES == GO_NR_CLASSES, "another number of classes");

/**
 * advise_size - what gomalloc() would take for an object
 * @size: bytes asked for
 * @class: its size class, 0 for a large one
 *
 * Return: bytes; 0 if gomalloc() refuses the size.
 */
uint64_t advise_size(uint64_t size, unsigned int *class)
{
	*class = 0;
	if (!size || size > MAX_SIZE)
		return 0;
	if (size > GO_MAX_SMALL)
		return (size + PAGE - 1) / PAGE * PAGE;
	*class = gosizeclass_of(size);
	return go_class_size[*class];
}

/* Bytes of the fewest spans that hold so many objects of a class, not 0. */
uint64_t advise_spans(unsigned int class, uint64_t objects)
{
	uint64_t n = go_class_nelems[class];

	return (objects + n - 1) / n * go_class_pages[class] * PAGE;
}
