// SPDX-License-Identifier: GPL-2.0
/*
 * The tables of sizeclass.h as the compiler has them, for one length of a page.
 * scripts/check builds and runs this for each; KUnit's goalloc_sizeclass suite
 * sees those of the kernel that it runs on.
 *
 *	cc -DPAGE_SHIFT=N -DHEADER='"sizeclass.h"' -I<headers that are empty>
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;

#define goalloc_class_size(n)	(n)
#define GO_SIZECLASS_TABLES
#include HEADER

#define PAGE		(1UL << GO_PAGE_SHIFT)

/* Go's sizes: the API promises them on every machine. */
static const u16 sizes[] = {
	0, 8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240,
	256, 288, 320, 352, 384, 416, 448, 480, 512, 576, 640, 704, 768, 896, 1024,
	1152, 1280, 1408, 1536, 1792, 2048, 2304, 2688, 3072, 3200, 3456, 4096, 4864,
	5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880, 12288, 13568,
	14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768,
};

static void expect(int ok, const char *what, unsigned int class)
{
	if (ok)
		return;
	fprintf(stderr, "pages of %lu, class %u: %s\n", PAGE, class, what);
	exit(1);
}

/* The index of an object as gospan_index() computes it, or -1. */
static long index_of(unsigned int class, unsigned long off)
{
	uint64_t q = off * (uint64_t)go_class_magic[class];

	return (u32)q < go_class_magic[class] ? (long)(q >> 32) : -1;
}

static void check_span(unsigned int class)
{
	unsigned long size = sizes[class], off;
	unsigned long bytes = go_class_pages[class] * PAGE;
	unsigned int n = go_class_nelems[class];

	expect(go_class_size[class] == size, "is not of Go's size", class);
	expect(n == bytes / size && n && n <= GO_MAX_NELEMS, "has a wrong number", class);
	expect(bytes - n * size <= bytes / 8, "wastes more than an eighth", class);
	expect(go_class_pages[class] <= GO_MAX_SPAN_PAGES, "is too long", class);
	/* kmalloc()'s promise, for its first object and so for all. */
	expect(go_class_align[class] * PAGE % (size & -size) == 0,
	       "is not aligned", class);
	for (off = 0; off < bytes; off++)
		expect(index_of(class, off) == (off % size ? -1 : (long)(off / size)),
		       "has a wrong magic", class);
}

/* As span.c's bits_size(); a block of metadata is in one page of the kernel. */
static void check_bits(unsigned int class, unsigned int tiny)
{
	unsigned int n = go_class_nelems[class], words = (n + 63) / 64, i = 0;
	unsigned int need = 2 * words * 8 + (tiny ? n * 6 : 0) + n + 1;
	unsigned long have;

	while (i < GO_NR_FIX_BITS && go_bits_sizes[i] < need)
		i++;
	expect(i < GO_NR_FIX_BITS, "has no bit block", class);
	have = go_bits_sizes[i];
	expect(have <= 1UL << PAGE_SHIFT, "has bits of several pages", class);
}

static void check_size(unsigned long size)
{
	unsigned int class = gosizeclass_of(size);

	expect(class && sizes[class] >= size, "is too short for its sizes", class);
	expect(sizes[class] % (size & -size) == 0, "does not align a size", class);
}

int main(void)
{
	unsigned long size;
	unsigned int class;

	expect(sizeof(sizes) / sizeof(*sizes) == GO_NR_CLASSES, "is not there", 0);
	expect(GO_PAGE_SHIFT >= PAGE_SHIFT && GO_PAGE_SHIFT >= 13, "has short pages", 0);
	for (class = 1; class < GO_NR_CLASSES; class++) {
		check_span(class);
		check_bits(class, class == 2);
	}
	for (size = 1; size <= GO_MAX_SMALL; size++)
		check_size(size);
	return 0;
}
