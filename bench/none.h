/* SPDX-License-Identifier: GPL-2.0 */
/*
 * No allocator: the loops with their loads and stores, but without calls.  What
 * they cost is subtracted from what the allocators cost.
 */

static __always_inline void *none_alloc(struct bench *b, size_t size, gfp_t gfp)
{
	return (void *)size;
}

static __always_inline void none_free(struct bench *b, void *p)
{
	barrier_data(p);
}

static __always_inline void none_free_sized(struct bench *b, void *p,
					    size_t size)
{
	barrier_data(p);
}

static __always_inline void *none_zalloc(struct bench *b, size_t size,
					 gfp_t gfp)
{
	return (void *)size;
}

static __always_inline void *none_alloc_tiny(struct bench *b, size_t size,
					     gfp_t gfp)
{
	return (void *)size;
}

static __always_inline void none_alloc_bulk(struct bench *b, size_t size,
					    unsigned int n, void **p)
{
	barrier_data(p);
}

static __always_inline void none_free_bulk(struct bench *b, unsigned int n,
					   void **p)
{
	barrier_data(p);
}

static __always_inline void *none_resize(void *p, size_t size, gfp_t gfp)
{
	return (void *)size;
}

static __always_inline size_t none_usable(const void *p)
{
	return (size_t)p;
}

#define ALLOCATOR none_
#include "loops.h"
