// SPDX-License-Identifier: GPL-2.0
/*
 * gobench: the loops of loops.h for each allocator.
 *
 * A loop is written once, in loops.h.  This file has the functions that it
 * calls for each allocator.  If an allocator has no such function, it has no
 * such loop.
 */

#include <linux/compiler.h>
#include <linux/goalloc.h>
#include <linux/gocache.h>
#include <linux/slab.h>
#include "gobench.h"
#include "latency.h"
#include "none.h"

/* --- goalloc -------------------------------------------------------------- */

static __always_inline void *go_alloc(struct bench *b, size_t size, gfp_t gfp)
{
	return gomalloc(size, gfp);
}

static __always_inline void go_free(struct bench *b, void *p)
{
	gofree(p);
}

static __always_inline void go_free_sized(struct bench *b, void *p, size_t size)
{
	gofree_sized(p, size);
}

static __always_inline void *go_zalloc(struct bench *b, size_t size, gfp_t gfp)
{
	return gozalloc(size, gfp);
}

static __always_inline void *go_alloc_tiny(struct bench *b, size_t size,
					   gfp_t gfp)
{
	return gomalloc_noscan(size, gfp);
}

static __always_inline void go_alloc_bulk(struct bench *b, size_t size,
					  unsigned int n, void **p)
{
	gomalloc_bulk(GFP_NOWAIT, size, n, p);
}

static __always_inline void go_free_bulk(struct bench *b, unsigned int n,
					 void **p)
{
	gofree_bulk(n, p);
}

static __always_inline void *go_resize(void *p, size_t size, gfp_t gfp)
{
	return gorealloc(p, size, gfp);
}

static __always_inline size_t go_usable(const void *p)
{
	return gosize(p);
}

#define ALLOCATOR go_
#include "loops.h"

/* --- kmalloc -------------------------------------------------------------- */

static __always_inline void *k_alloc(struct bench *b, size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp);
}

static __always_inline void k_free(struct bench *b, void *p)
{
	kfree(p);
}

static __always_inline void k_free_sized(struct bench *b, void *p, size_t size)
{
	kfree(p);
}

static __always_inline void *k_zalloc(struct bench *b, size_t size, gfp_t gfp)
{
	return kzalloc(size, gfp);
}

static __always_inline void *k_alloc_tiny(struct bench *b, size_t size,
					  gfp_t gfp)
{
	return kmalloc(size, gfp);
}

static __always_inline void k_alloc_bulk(struct bench *b, size_t size,
					 unsigned int n, void **p)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		p[i] = kmalloc(size, GFP_NOWAIT);
}

static __always_inline void k_free_bulk(struct bench *b, unsigned int n,
					void **p)
{
	kfree_bulk(n, p);
}

static __always_inline void *k_resize(void *p, size_t size, gfp_t gfp)
{
	return krealloc(p, size, gfp);
}

static __always_inline size_t k_usable(const void *p)
{
	return ksize(p);
}

#define ALLOCATOR k_
#include "loops.h"

/* --- a named cache of goalloc, beside a kmem_cache ------------------------- */

static __always_inline void *named_alloc(struct bench *b, size_t size,
					 gfp_t gfp)
{
	return gocache_alloc(b->named, gfp);
}

static __always_inline void named_free(struct bench *b, void *p)
{
	gocache_free(b->named, p);
}

static __always_inline void named_free_sized(struct bench *b, void *p,
					     size_t size)
{
	gocache_free(b->named, p);
}

static __always_inline void *named_zalloc(struct bench *b, size_t size,
					  gfp_t gfp)
{
	return gocache_zalloc(b->named, gfp);
}

static __always_inline void *named_alloc_tiny(struct bench *b, size_t size,
					      gfp_t gfp)
{
	return gocache_alloc(b->named, gfp);
}

static __always_inline void named_alloc_bulk(struct bench *b, size_t size,
					     unsigned int n, void **p)
{
	if (!gocache_alloc_bulk(b->named, GFP_NOWAIT, n, p))
		memset(p, 0, n * sizeof(*p));
}

static __always_inline void named_free_bulk(struct bench *b, unsigned int n,
					    void **p)
{
	gocache_free_bulk(b->named, n, p);
}

#define ALLOCATOR named_
#define ONE_SIZE
#include "loops.h"

/* --- a kmem_cache --------------------------------------------------------- */

static __always_inline void *cache_alloc(struct bench *b, size_t size,
					 gfp_t gfp)
{
	return kmem_cache_alloc(b->cache, gfp);
}

static __always_inline void cache_free(struct bench *b, void *p)
{
	kmem_cache_free(b->cache, p);
}

static __always_inline void cache_free_sized(struct bench *b, void *p,
					     size_t size)
{
	kmem_cache_free(b->cache, p);
}

static __always_inline void *cache_zalloc(struct bench *b, size_t size,
					  gfp_t gfp)
{
	return kmem_cache_zalloc(b->cache, gfp);
}

static __always_inline void *cache_alloc_tiny(struct bench *b, size_t size,
					      gfp_t gfp)
{
	return kmem_cache_alloc(b->cache, gfp);
}

static __always_inline void cache_alloc_bulk(struct bench *b, size_t size,
					     unsigned int n, void **p)
{
	if (!kmem_cache_alloc_bulk(b->cache, GFP_NOWAIT, n, p))
		memset(p, 0, n * sizeof(*p));
}

static __always_inline void cache_free_bulk(struct bench *b, unsigned int n,
					    void **p)
{
	kmem_cache_free_bulk(b->cache, n, p);
}

#define ALLOCATOR cache_
#define ONE_SIZE
#include "loops.h"

#define LOOPS(name)							\
const struct loop loop_##name = {					\
	{ none_##name, go_##name, k_##name, cache_##name }		\
}

#define LOOPS_CACHE(name)						\
const struct loop loop_cache_##name = {					\
	{ none_##name, named_##name, NULL, cache_##name }		\
}

#define LOOPS_SIZES(name)						\
const struct loop loop_##name = {					\
	{ none_##name, go_##name, k_##name, NULL }			\
}

LOOPS(warm);
LOOPS(sized);
LOOPS(zeroed);
LOOPS(tiny);
LOOPS(fill);
LOOPS(drain);
LOOPS(fifo);
LOOPS(lifo);
LOOPS(random);
LOOPS(tiny_batch);
LOOPS(bulk);
LOOPS_CACHE(warm);
LOOPS_CACHE(sized);
LOOPS_CACHE(zeroed);
LOOPS_CACHE(tiny);
LOOPS_CACHE(fill);
LOOPS_CACHE(drain);
LOOPS_CACHE(fifo);
LOOPS_CACHE(lifo);
LOOPS_CACHE(random);
LOOPS_CACHE(tiny_batch);
LOOPS_CACHE(bulk);
LOOPS_SIZES(const_8);
LOOPS_SIZES(const_64);
LOOPS_SIZES(const_512);
LOOPS_SIZES(const_1024);
LOOPS_SIZES(const_8192);
LOOPS_SIZES(const_sized_64);
LOOPS_SIZES(fill_sizes);
LOOPS_SIZES(replace);
LOOPS_SIZES(timed_replace);
LOOPS_SIZES(realloc);
