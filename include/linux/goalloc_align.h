/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The alignment of kmalloc() on machines where DMA is not coherent.
 *
 * There, an object that a device writes must have its cache lines to itself,
 * and drivers pass kmalloc() memory to devices in the belief that it has.
 * Up to 6.4 kmalloc() aligns every object to ARCH_DMA_MINALIGN.  Since then
 * architectures may say that ARCH_KMALLOC_MINALIGN is smaller: a short object
 * is bounced, unless kmalloc_size_roundup() of its size says that it has whole
 * lines, and one of 2 * ARCH_DMA_MINALIGN or more never is.
 *
 * So sizes are made larger before their class is looked up.  Where DMA is
 * coherent, as on x86, nothing is left of it.
 */
#ifndef _LINUX_GOALLOC_ALIGN_H
#define _LINUX_GOALLOC_ALIGN_H

#include <linux/align.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/types.h>

/*
 * goalloc_dma_size - a size whose class is fit for DMA where kmalloc()'s is
 * @size: 1 to 32768
 * @least: ARCH_KMALLOC_MINALIGN
 * @dma: ARCH_DMA_MINALIGN
 *
 * Below 2 * @dma that is what kmalloc() would take, so that an object that is
 * not bounced is as well aligned as one of kmalloc().
 *
 * Return: @size, or more.
 */
static __always_inline size_t goalloc_dma_size(size_t size, size_t least,
					       size_t dma)
{
	if (dma <= 8)
		return size;
	size = ALIGN(size, least);
	if (size >= 2 * dma)
		return ALIGN(size, dma);
	if (size > 64 && size <= 96)
		return 96;
	if (size > 128 && size <= 192)
		return 192;
	return size <= 8 ? 8 : roundup_pow_of_two(size);
}

/* The size of which to look up the class, for an object of @size. */
static __always_inline size_t goalloc_class_size(size_t size)
{
	return goalloc_dma_size(size, ARCH_KMALLOC_MINALIGN, ARCH_DMA_MINALIGN);
}

#endif /* _LINUX_GOALLOC_ALIGN_H */
