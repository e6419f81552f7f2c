/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goalloc: named caches of objects of one size, for kernel modules.
 *
 * They are what kmem_cache is: the objects of a cache have spans of their own, are of
 * just its size, and are counted and checked by themselves.  What <linux/goalloc.h>
 * says of contexts, gfp flags and the limit holds here, too, and gofree(), gosize(),
 * gofree_rcu() and goalloc_owns() take an object of a cache as any other.  An object
 * counts as the module's that has created the cache.
 */
#ifndef _LINUX_GOCACHE_H
#define _LINUX_GOCACHE_H

#include <linux/bits.h>
#include <linux/goalloc.h>

struct gocache;

/* The most bytes of an object, and the most that it can be aligned to. */
#define GOCACHE_MAX_SIZE	(32UL << 10)
#define GOCACHE_MAX_ALIGN	(8UL << 10)

/* The longest name, with the byte at its end; what is longer is cut. */
#define GOCACHE_NAME_LEN	32

/* Flags of gocache_create(): align to cache lines, as SLAB_HWCACHE_ALIGN. */
#define GOCACHE_HWCACHE_ALIGN	BIT(0)

/*
 * As SLAB_TYPESAFE_BY_RCU: who finds an object under RCU may read it though it be
 * freed meanwhile, for its memory stays an object of this cache until a grace period
 * has ended; but it may be another object by then.
 */
#define GOCACHE_TYPESAFE_BY_RCU	BIT(1)

struct gocache *__gocache_create(const char *name, size_t size, size_t align,
				 unsigned int flags, void (*ctor)(void *obj),
				 unsigned long owner);

/**
 * gocache_create - create a cache
 * @name: what it is called in debugfs and in reports; copied
 * @size: bytes of an object, at most GOCACHE_MAX_SIZE
 * @align: what objects are aligned to, a power of two up to GOCACHE_MAX_ALIGN, or 0
 *	for 8
 * @flags: GOCACHE_*
 * @ctor: called once for each object when its span is made, in any context that
 *	allocates from the cache, or NULL.  What it writes stays while the object is
 *	free, so that it must be freed as the constructor has left it, and not by
 *	gofree_sensitive().
 *
 * Sizes are rounded up to @align.  With a constructor or GOCACHE_TYPESAFE_BY_RCU an
 * object is 8 bytes longer.  There can be 64 caches.
 *
 * Context: task, may sleep.
 * Return: the cache, or NULL, and then the log says why.
 */
static inline struct gocache *gocache_create(const char *name, size_t size,
					     size_t align, unsigned int flags,
					     void (*ctor)(void *obj))
{
	return __gocache_create(name, size, align, flags, ctor,
				__goalloc_owner);
}

/**
 * gocache_destroy - destroy a cache
 * @c: the cache, from which nobody allocates any more; NULL is ignored
 *
 * If it still has objects, also when those on their way through gofree_rcu() and
 * call_rcu() have been waited for, that is reported with the callers that are known
 * to have allocated them.  The objects stay what they are, and can be freed with
 * gofree(); the cache's place is free again after the last one.
 *
 * Context: task, may sleep.
 */
void gocache_destroy(struct gocache *c);

/**
 * gocache_alloc - allocate an object of a cache
 * @c: the cache
 * @gfp: as for kmem_cache_alloc(); __GFP_ZERO is refused if there is a constructor
 *
 * Context: any that @gfp permits.
 * Return: the object, or NULL.
 */
void *gocache_alloc(struct gocache *c, gfp_t gfp) __malloc;

/**
 * gocache_alloc_node - allocate an object of a cache on a NUMA node
 * @c: the cache
 * @gfp: as for gocache_alloc(); __GFP_THISNODE excludes all other nodes
 * @node: the node, or NUMA_NO_NODE for the nearest
 *
 * Context: any that @gfp permits.
 * Return: the object, or NULL.
 */
void *gocache_alloc_node(struct gocache *c, gfp_t gfp, int node) __malloc;

/**
 * gocache_zalloc - allocate a zeroed object of a cache
 * @c: the cache, which has no constructor
 * @gfp: as for gocache_alloc()
 *
 * Context: any that @gfp permits.
 * Return: the object, or NULL.
 */
static inline void *gocache_zalloc(struct gocache *c, gfp_t gfp)
{
	return gocache_alloc(c, gfp | __GFP_ZERO);
}

/**
 * gocache_free - free an object of a cache
 * @c: the cache
 * @p: the object; NULL is ignored
 *
 * With check=1 an object of another cache, or of none, is reported and stays.  With
 * check=0 it is believed, which saves looking up the span.
 *
 * Context: any, NMI included.
 */
void gocache_free(struct gocache *c, void *p);

/**
 * gocache_alloc_bulk - allocate many objects of a cache
 * @c: the cache
 * @gfp: as for gocache_alloc()
 * @n: number of objects
 * @p: array for @n pointers
 *
 * Context: any that @gfp permits.
 * Return: @n; or 0, and then nothing is allocated and @p is undefined.
 */
size_t gocache_alloc_bulk(struct gocache *c, gfp_t gfp, size_t n, void **p);

/**
 * gocache_free_bulk - free many objects of a cache
 * @c: the cache
 * @n: number of objects
 * @p: the objects, each as for gocache_free()
 *
 * Context: any, NMI included.
 */
void gocache_free_bulk(struct gocache *c, size_t n, void **p);

/**
 * gocache_size - the size that a cache was created with
 * @c: the cache
 *
 * Context: any.
 * Return: the bytes of an object that may be used.
 */
size_t gocache_size(const struct gocache *c);

/**
 * gocache_shrink - give a cache's free spans to the heap
 * @c: the cache
 *
 * The CPUs keep what they have in their stacks.
 *
 * Context: task, may sleep.
 */
void gocache_shrink(struct gocache *c);

#endif /* _LINUX_GOCACHE_H */
