/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goalloc: memory that need not be physically contiguous, for kernel modules.
 *
 * They are what kvmalloc() is.  What <linux/goalloc.h> says of gfp flags, the limit and
 * owners holds here, too; but vmalloc() is called only where @gfp permits to sleep.
 */
#ifndef _LINUX_GOV_H
#define _LINUX_GOV_H

#include <linux/cleanup.h>
#include <linux/goalloc.h>

/* The most bytes that may be asked for: how many there are is another matter. */
#define GOV_MAX_SIZE	(1UL << 46)

/* What the functions below compile to. */
void *govmalloc_by(size_t size, gfp_t gfp, unsigned long owner) __alloc_size(1);
void *govrealloc_by(const void *p, size_t size, gfp_t gfp, unsigned long owner)
	__realloc_size(2);

/**
 * govmalloc - allocate memory that need not be physically contiguous
 * @size: bytes wanted
 * @gfp: as for kvmalloc()
 *
 * Up to GOALLOC_MAX_SIZE it is contiguous if the heap has it without trying hard, and
 * with __GFP_RETRY_MAYFAIL also if it must try.  Above a page, and where @gfp permits
 * to sleep, it is vmalloc()'s otherwise.
 *
 * Context: any that @gfp permits.
 * Return: as gomalloc(); what is vmalloc()'s is aligned to a page.
 */
static __always_inline __alloc_size(1) void *govmalloc(size_t size, gfp_t gfp)
{
	return govmalloc_by(size, gfp, __goalloc_owner);
}

/**
 * govzalloc - allocate zeroed memory that need not be physically contiguous
 * @size: bytes wanted
 * @gfp: as for kvmalloc()
 *
 * Context: as govmalloc().
 * Return: as govmalloc().
 */
static __always_inline __alloc_size(1) void *govzalloc(size_t size, gfp_t gfp)
{
	return govmalloc(size, gfp | __GFP_ZERO);
}

/**
 * govmalloc_array - allocate an array that need not be physically contiguous
 * @n: elements
 * @size: bytes of each
 * @gfp: as for kvmalloc()
 *
 * Context: as govmalloc().
 * Return: as govmalloc(); NULL if @n times @size overflows.
 */
static inline __alloc_size(1, 2)
void *govmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return govmalloc(bytes, gfp);
}

/**
 * govcalloc - allocate a zeroed array that need not be physically contiguous
 * @n: elements
 * @size: bytes of each
 * @gfp: as for kvmalloc()
 *
 * Context: as govmalloc().
 * Return: as govmalloc_array().
 */
static inline __alloc_size(1, 2)
void *govcalloc(size_t n, size_t size, gfp_t gfp)
{
	return govmalloc_array(n, size, gfp | __GFP_ZERO);
}

/**
 * govrealloc - change the size of such memory
 * @p: from govmalloc() or gomalloc(), or NULL or ZERO_SIZE_PTR to allocate
 * @size: bytes wanted; 0 frees @p
 * @gfp: as for kvmalloc()
 *
 * Of __GFP_ZERO the same is true as for gorealloc().
 *
 * Context: as govmalloc().
 * Return: the memory, ZERO_SIZE_PTR for @size 0, or NULL, which leaves @p intact.
 */
static __always_inline __realloc_size(2)
void *govrealloc(const void *p, size_t size, gfp_t gfp)
{
	return govrealloc_by(p, size, gfp, __goalloc_owner);
}

/**
 * govfree - free what govmalloc() or gomalloc() has allocated
 * @p: the memory; NULL and ZERO_SIZE_PTR are ignored
 *
 * Anything else is reported and counted, and nothing happens.
 *
 * Context: as gofree() if it is physically contiguous.  Otherwise as vfree(): interrupts,
 * but not NMI, or a task that may sleep.
 */
void govfree(const void *p);

/**
 * govsize - the usable size of such memory
 * @p: the memory; for NULL and ZERO_SIZE_PTR it is 0
 *
 * Context: any but NMI.
 * Return: the bytes that may be used; 0 if @p is none, which is reported.
 */
size_t govsize(const void *p);

DEFINE_FREE(govfree, void *, if (!IS_ERR_OR_NULL(_T)) govfree(_T))

#endif /* _LINUX_GOV_H */
