// SPDX-License-Identifier: GPL-2.0
/*
 * gobench: the loops of loops.h for each allocator.
 *
 * A loop is written once.  What differs is here: which functions it calls, and
 * where an allocator has nothing that corresponds, no loop.
 */

#include <linux/goalloc.h>
#include <linux/slab.h>
#include "gobench.h"
#include "latency.h"

/* Nobody: the loop, the loads and stores, and no call. */
#define LOOP(name)			none_##name
#define ALLOC(b, size, gfp)		((void *)(unsigned long)(size))
#define FREE(b, p)			barrier_data(p)
#define FREE_SIZED(b, p, size)		barrier_data(p)
#define ZALLOC(b, size, gfp)		((void *)(unsigned long)(size))
#define ALLOC_TINY(b, size, gfp)	((void *)(unsigned long)(size))
#define ALLOC_BULK(b, size, n, p)	barrier_data(p)
#define FREE_BULK(b, n, p)		barrier_data(p)
#define REALLOC(p, size, gfp)		((void *)(unsigned long)(size))
#include "loops.h"

#define LOOP(name)			go_##name
#define ALLOC(b, size, gfp)		gomalloc(size, gfp)
#define FREE(b, p)			gofree(p)
#define FREE_SIZED(b, p, size)		gofree_sized(p, size)
#define ZALLOC(b, size, gfp)		gozalloc(size, gfp)
#define ALLOC_TINY(b, size, gfp)	gomalloc_noscan(size, gfp)
#define ALLOC_BULK(b, size, n, p)	gomalloc_bulk(GFP_NOWAIT, size, n, p)
#define FREE_BULK(b, n, p)		gofree_bulk(n, p)
#define REALLOC(p, size, gfp)		gorealloc(p, size, gfp)
#include "loops.h"

static void kmalloc_bulk(size_t size, unsigned int n, void **p)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		p[i] = kmalloc(size, GFP_NOWAIT);
}

#define LOOP(name)			k_##name
#define ALLOC(b, size, gfp)		kmalloc(size, gfp)
#define FREE(b, p)			kfree(p)
#define FREE_SIZED(b, p, size)		kfree(p)
#define ZALLOC(b, size, gfp)		kzalloc(size, gfp)
#define ALLOC_TINY(b, size, gfp)	kmalloc(size, gfp)
#define ALLOC_BULK(b, size, n, p)	kmalloc_bulk(size, n, p)
#define FREE_BULK(b, n, p)		kfree_bulk(n, p)
#define REALLOC(p, size, gfp)		krealloc(p, size, gfp)
#include "loops.h"

#define ONE_SIZE
#define LOOP(name)			cache_##name
#define ALLOC(b, size, gfp)		kmem_cache_alloc((b)->cache, gfp)
#define FREE(b, p)			kmem_cache_free((b)->cache, p)
#define FREE_SIZED(b, p, size)		kmem_cache_free((b)->cache, p)
#define ZALLOC(b, size, gfp)		kmem_cache_zalloc((b)->cache, gfp)
#define ALLOC_TINY(b, size, gfp)	kmem_cache_alloc((b)->cache, gfp)
#define ALLOC_BULK(b, size, n, p)	\
	((void)kmem_cache_alloc_bulk((b)->cache, GFP_NOWAIT, n, p))
#define FREE_BULK(b, n, p)		kmem_cache_free_bulk((b)->cache, n, p)
#include "loops.h"

#define LOOPS(name)							\
const struct loop loop_##name = {					\
	{ none_##name, go_##name, k_##name, cache_##name }		\
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
LOOPS_SIZES(const_8);
LOOPS_SIZES(const_64);
LOOPS_SIZES(const_512);
LOOPS_SIZES(const_1024);
LOOPS_SIZES(const_8192);
LOOPS_SIZES(fill_sizes);
LOOPS_SIZES(replace);
LOOPS_SIZES(timed_replace);
LOOPS_SIZES(realloc);
