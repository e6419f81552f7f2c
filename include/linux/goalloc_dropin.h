/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The names of <linux/slab.h>, served by goalloc: for a module that exists and is
 * not to be edited.
 *
 * One line of the module's Kbuild, or the same on make's command line with
 * -nostdinc before it:
 *
 *	NOSTDINC_FLAGS += -I$(GOALLOC)/include/dropin -I$(GOALLOC)/include
 *
 * The directory dropin/ has a <linux/slab.h> that includes the kernel's and then
 * this file; and so for the few other headers that declare what is redefined
 * here.  -include of this file would do, too, but it comes before the first line
 * of the source: a pr_fmt() that is defined there is a redefinition then, and
 * comes too late for what the kernel's headers have made of it, as do DEBUG and
 * DEFAULT_SYMBOL_NAMESPACE.  Tried: with the directory the kernel's lib/test_*.c,
 * null_blk and XFS build without a word; with -include test_meminit and null_blk
 * build, with a warning for each file that defines pr_fmt().
 *
 * The names are macros without arguments where a module may want the address of
 * a function.  A function that only some kernels have is named in the body of a
 * macro at most, which nobody expands on the others.
 *
 * What stays the kernel's is passed on, and counted in debugfs' file dropin:
 *
 *   memory of a zone (GFP_DMA, GFP_DMA32), which goalloc does not have;
 *   sizes above GOALLOC_MAX_SIZE, and what kvmalloc() gets from vmalloc();
 *   caches with SLAB_TYPESAFE_BY_RCU, SLAB_CACHE_DMA or SLAB_CACHE_DMA32;
 *   kstrdup_const(), which alone knows what is constant, and the functions that
 *   are not named here: kasprintf(), memdup_user(), devm_kmalloc() and so on.
 *
 * Each free takes both: what is not goalloc's goes to the kernel.  The other way
 * round, what the module allocates and the kernel frees needs goalloc_guard.ko:
 * without it the kernel puts a page that is not its own.
 *
 * What this is not for:
 *
 *   Pages that somebody references.  A page of small objects is shared, and used
 *   again at once when they are freed.  sendpage_ok() says so, as it does of
 *   slab pages, but what asks PageSlab() itself is not told.
 *   Memory cgroups.  __GFP_ACCOUNT and SLAB_ACCOUNT charge objects above 32 KiB
 *   only.
 *   Usercopy.  The kernel has no bounds of goalloc's objects, nor the region of
 *   kmem_cache_create_usercopy(): copies are checked against pages, not objects.
 *   Caches that are given to the kernel (dst_ops.kmem_cachep): it would take them
 *   for its own.
 *   Constructors that acquire something: they run for each allocation.
 *   krealloc() and ksize() by the kernel of what the module has allocated, and so
 *   kfree_sensitive(), which asks for the size: it warns, and the guard clears.
 */
#ifndef _LINUX_GOALLOC_DROPIN_H
#define _LINUX_GOALLOC_DROPIN_H

#include <linux/goalloc.h>
#include <linux/goalloc_dropin_calls.h>
#include <linux/kernel.h>
#include <linux/mempool.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

/* Zones that goalloc has no memory of. */
#define GODROPIN_ZONES		(__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM)

/* Caches that stay the kernel's. */
#define GODROPIN_KERNELS	(SLAB_TYPESAFE_BY_RCU | SLAB_CACHE_DMA | \
				 SLAB_CACHE_DMA32)

/* kmalloc(), and all that is made of it. */

static __always_inline __alloc_size(1)
void *godropin_kmalloc(size_t size, gfp_t gfp)
{
	if (unlikely(gfp & GODROPIN_ZONES || size > GOALLOC_MAX_SIZE))
		return godropin_pass(size, gfp, NUMA_NO_NODE);
	return gomalloc(size, gfp);
}

static __always_inline __alloc_size(1)
void *godropin_kmalloc_node(size_t size, gfp_t gfp, int node)
{
	if (unlikely(gfp & GODROPIN_ZONES || size > GOALLOC_MAX_SIZE))
		return godropin_pass(size, gfp, node);
	return gomalloc_node(size, gfp, node);
}

static __always_inline __alloc_size(1)
void *godropin_kzalloc(size_t size, gfp_t gfp)
{
	return godropin_kmalloc(size, gfp | __GFP_ZERO);
}

static __always_inline __alloc_size(1)
void *godropin_kzalloc_node(size_t size, gfp_t gfp, int node)
{
	return godropin_kmalloc_node(size, gfp | __GFP_ZERO, node);
}

static __always_inline __alloc_size(1, 2)
void *godropin_kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return godropin_kmalloc(bytes, gfp);
}

static __always_inline __alloc_size(1, 2)
void *godropin_kmalloc_array_node(size_t n, size_t size, gfp_t gfp, int node)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return godropin_kmalloc_node(bytes, gfp, node);
}

static __always_inline __alloc_size(1, 2)
void *godropin_kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return godropin_kmalloc_array(n, size, gfp | __GFP_ZERO);
}

static __always_inline __alloc_size(1, 2)
void *godropin_kcalloc_node(size_t n, size_t size, gfp_t gfp, int node)
{
	return godropin_kmalloc_array_node(n, size, gfp | __GFP_ZERO, node);
}

static inline size_t godropin_size_roundup(size_t size)
{
	return size > GOALLOC_MAX_SIZE ? kmalloc_size_roundup(size) :
					 gomalloc_size_roundup(size);
}

static __always_inline __realloc_size(2)
void *godropin_krealloc(const void *p, size_t size, gfp_t gfp)
{
	return godropin_krealloc_by(p, size, gfp, __goalloc_owner);
}

static __always_inline __realloc_size(2, 3)
void *godropin_krealloc_array(void *p, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return godropin_krealloc(p, bytes, gfp);
}

/* A multiple of @align is aligned to it.  The node is a wish. */
static __always_inline __realloc_size(2)
void *godropin_krealloc_align(const void *p, size_t size, size_t align,
			      gfp_t gfp, int node)
{
	return godropin_krealloc(p, ALIGN(size, max_t(size_t, align, 1)), gfp);
}

/* Copies. */

static inline __realloc_size(2)
void *godropin_kmemdup(const void *src, size_t len, gfp_t gfp)
{
	void *p = godropin_kmalloc(len, gfp);

	return p && len ? memcpy(p, src, len) : p;
}

static inline __realloc_size(2, 3)
void *godropin_kmemdup_array(const void *src, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return godropin_kmemdup(src, bytes, gfp);
}

static inline char *godropin_kmemdup_nul(const char *s, size_t len, gfp_t gfp)
{
	char *p;

	if (!s || len + 1 < len)
		return NULL;
	p = godropin_kmalloc(len + 1, gfp);
	if (!p)
		return NULL;
	memcpy(p, s, len);
	p[len] = 0;
	return p;
}

static inline char *godropin_kstrdup(const char *s, gfp_t gfp)
{
	return s ? godropin_kmemdup_nul(s, strlen(s), gfp) : NULL;
}

static inline char *godropin_kstrndup(const char *s, size_t max, gfp_t gfp)
{
	return s ? godropin_kmemdup_nul(s, strnlen(s, max), gfp) : NULL;
}

/* What may be virtually contiguous. */

static __always_inline __alloc_size(1)
void *godropin_kvmalloc(size_t size, gfp_t gfp)
{
	return godropin_kvmalloc_by(size, gfp, NUMA_NO_NODE, __goalloc_owner);
}

static __always_inline __alloc_size(1)
void *godropin_kvmalloc_node(size_t size, gfp_t gfp, int node)
{
	return godropin_kvmalloc_by(size, gfp, node, __goalloc_owner);
}

static __always_inline __alloc_size(1)
void *godropin_kvzalloc(size_t size, gfp_t gfp)
{
	return godropin_kvmalloc(size, gfp | __GFP_ZERO);
}

static __always_inline __alloc_size(1)
void *godropin_kvzalloc_node(size_t size, gfp_t gfp, int node)
{
	return godropin_kvmalloc_node(size, gfp | __GFP_ZERO, node);
}

static __always_inline __alloc_size(1, 2)
void *godropin_kvmalloc_array_node(size_t n, size_t size, gfp_t gfp, int node)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return godropin_kvmalloc_node(bytes, gfp, node);
}

static __always_inline __alloc_size(1, 2)
void *godropin_kvmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	return godropin_kvmalloc_array_node(n, size, gfp, NUMA_NO_NODE);
}

static __always_inline __alloc_size(1, 2)
void *godropin_kvcalloc_node(size_t n, size_t size, gfp_t gfp, int node)
{
	return godropin_kvmalloc_array_node(n, size, gfp | __GFP_ZERO, node);
}

static __always_inline __alloc_size(1, 2)
void *godropin_kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	return godropin_kvmalloc_array(n, size, gfp | __GFP_ZERO);
}

/*
 * It is not told the old size any more since kmem_cache_create() takes a
 * structure, and is a macro.
 */
#ifdef kmem_cache_create
static __always_inline __realloc_size(2)
void *godropin_kvrealloc(const void *p, size_t size, gfp_t gfp)
{
	return godropin_kvrealloc_by(p, 0, size, gfp, __goalloc_owner);
}

static __always_inline __realloc_size(2)
void *godropin_kvrealloc_align(const void *p, size_t size, size_t align,
			       gfp_t gfp, int node)
{
	return godropin_kvrealloc(p, ALIGN(size, max_t(size_t, align, 1)), gfp);
}
#else
static __always_inline __realloc_size(3)
void *godropin_kvrealloc(const void *p, size_t old, size_t size, gfp_t gfp)
{
	return godropin_kvrealloc_by(p, old, size, gfp, __goalloc_owner);
}
#endif

static inline __realloc_size(2)
void *godropin_kvmemdup(const void *src, size_t len, gfp_t gfp)
{
	void *p = godropin_kvmalloc(len, gfp);

	return p && len ? memcpy(p, src, len) : p;
}

static inline void godropin_kvfree_sensitive(const void *p, size_t len)
{
	if (ZERO_OR_NULL_PTR(p))
		return;
	memzero_explicit((void *)p, len);
	godropin_free(p);
}

/* __free(kfree) makes a name of its argument before that is expanded. */

static inline void godropin_free_scoped(void *p)
{
	void *object = *(void **)p;

	if (!IS_ERR_OR_NULL(object))
		godropin_free(object);
}

static inline void godropin_free_scoped_sensitive(void *p)
{
	void *object = *(void **)p;

	if (!IS_ERR_OR_NULL(object))
		godropin_free_sensitive(object);
}

static inline void godropin_free_scoped_const(void *p)
{
	void *object = *(void **)p;

	if (!IS_ERR_OR_NULL(object))
		godropin_free_const(object);
}

/* After a grace period: the kernel's macro takes what is the kernel's. */

#define godropin_free_rcu_2(ptr, field)					\
do {									\
	typeof(ptr) ___object = (ptr);					\
									\
	if (goalloc_owns(___object))					\
		gofree_rcu(___object, field);				\
	else								\
		kvfree_rcu_arg_2(___object, field);			\
} while (0)

/* On 6.1 the field may be left out. */
#define godropin_free_rcu_1(ptr)	godropin_free_mightsleep(ptr)
#define godropin_free_rcu(...)						\
	CONCATENATE(godropin_free_rcu_, COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

/* Caches. */

static inline struct kmem_cache *
godropin_cache_create_usercopy(const char *name, unsigned int size,
			       unsigned int align, slab_flags_t flags,
			       unsigned int useroffset, unsigned int usersize,
			       void (*ctor)(void *))
{
	if (flags & GODROPIN_KERNELS)
		return godropin_cache_pass(kmem_cache_create_usercopy
				(name, size, align, flags, useroffset,
				 usersize, ctor));
	return godropin_cache_create_by(name, size, align, flags, ctor);
}

static inline struct kmem_cache *
godropin_cache_create_5(const char *name, unsigned int size,
			unsigned int align, slab_flags_t flags,
			void (*ctor)(void *))
{
	return godropin_cache_create_usercopy(name, size, align, flags, 0, 0,
					      ctor);
}

/*
 * There may be a structure for what is rarely given, or NULL for that.  The other
 * way has five arguments.
 */
#ifdef kmem_cache_create
static inline struct kmem_cache *
godropin_cache_create_4(const char *name, unsigned int size,
			struct kmem_cache_args *args, slab_flags_t flags)
{
	struct kmem_cache_args none = {};

	if (flags & GODROPIN_KERNELS)
		return godropin_cache_pass(__kmem_cache_create_args
				(name, size, args ?: &none, flags));
	return godropin_cache_create_by(name, size, args ? args->align : 0,
					flags, args ? args->ctor : NULL);
}

#undef kmem_cache_create
#define kmem_cache_create(...)						\
	CONCATENATE(godropin_cache_create_, COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#define __kmem_cache_create_args	godropin_cache_create_4
#else
#define kmem_cache_create		godropin_cache_create_5
#endif

#define kmem_cache_create_usercopy	godropin_cache_create_usercopy

static __always_inline void *godropin_cache_alloc(struct kmem_cache *s,
						  gfp_t gfp)
{
	return godropin_cache_alloc_by(s, gfp, NUMA_NO_NODE, __goalloc_owner);
}

static __always_inline void *godropin_cache_zalloc(struct kmem_cache *s,
						   gfp_t gfp)
{
	return godropin_cache_alloc(s, gfp | __GFP_ZERO);
}

static __always_inline void *godropin_cache_alloc_node(struct kmem_cache *s,
						       gfp_t gfp, int node)
{
	return godropin_cache_alloc_by(s, gfp, node, __goalloc_owner);
}

static inline int godropin_cache_alloc_bulk(struct kmem_cache *s, gfp_t gfp,
					    size_t n, void **p)
{
	return godropin_cache_alloc_bulk_by(s, gfp, n, p, __goalloc_owner);
}

/*
 * A list_lru has lists of a memory cgroup for objects that are charged to it;
 * goalloc's are not.
 */
static inline void *godropin_cache_alloc_lru(struct kmem_cache *s,
					     struct list_lru *lru, gfp_t gfp)
{
	return godropin_cache_is_ours(s) ? godropin_cache_alloc(s, gfp) :
					   kmem_cache_alloc_lru(s, lru, gfp);
}

/* Pools. */

static inline void *godropin_mempool_kmalloc(gfp_t gfp, void *size)
{
	return godropin_kmalloc((size_t)size, gfp);
}

static inline void *godropin_mempool_kvmalloc(gfp_t gfp, void *size)
{
	return godropin_kvmalloc((size_t)size, gfp);
}

static inline void godropin_mempool_free(void *p, void *size)
{
	godropin_free(p);
}

static inline void *godropin_mempool_alloc_slab(gfp_t gfp, void *s)
{
	return godropin_cache_alloc(s, gfp);
}

static inline void godropin_mempool_free_slab(void *p, void *s)
{
	godropin_cache_free(s, p);
}

#undef mempool_init_slab_pool
#undef mempool_create_slab_pool
#undef mempool_init_kmalloc_pool
#undef mempool_create_kmalloc_pool
#undef mempool_init_kvmalloc_pool
#undef mempool_create_kvmalloc_pool
#define mempool_init_slab_pool(pool, n, s)				\
	mempool_init(pool, n, godropin_mempool_alloc_slab,		\
		     godropin_mempool_free_slab, (void *)(s))
#define mempool_create_slab_pool(n, s)					\
	mempool_create(n, godropin_mempool_alloc_slab,			\
		       godropin_mempool_free_slab, (void *)(s))
#define mempool_init_kmalloc_pool(pool, n, size)			\
	mempool_init(pool, n, godropin_mempool_kmalloc,			\
		     godropin_mempool_free, (void *)(unsigned long)(size))
#define mempool_create_kmalloc_pool(n, size)				\
	mempool_create(n, godropin_mempool_kmalloc,			\
		       godropin_mempool_free, (void *)(unsigned long)(size))
#define mempool_init_kvmalloc_pool(pool, n, size)			\
	mempool_init(pool, n, godropin_mempool_kvmalloc,		\
		     godropin_mempool_free, (void *)(unsigned long)(size))
#define mempool_create_kvmalloc_pool(n, size)				\
	mempool_create(n, godropin_mempool_kvmalloc,			\
		       godropin_mempool_free, (void *)(unsigned long)(size))
#define mempool_kmalloc			godropin_mempool_kmalloc
#define mempool_kfree			godropin_mempool_free
#define mempool_kvmalloc		godropin_mempool_kvmalloc
#define mempool_kvfree			godropin_mempool_free
#define mempool_alloc_slab		godropin_mempool_alloc_slab
#define mempool_free_slab		godropin_mempool_free_slab

/*
 * From here on the names are goalloc's.  Those with _noprof are what a kernel
 * that can profile its allocations makes of the others.
 */
#undef kmalloc
#undef kmalloc_node
#undef kzalloc
#undef kzalloc_node
#undef kmalloc_array
#undef kmalloc_array_node
#undef kcalloc
#undef kcalloc_node
#undef kmalloc_track_caller
#undef kmalloc_node_track_caller
#undef kmalloc_noprof
#undef kmalloc_node_noprof
#undef kzalloc_noprof
#undef kmalloc_array_noprof
#undef krealloc
#undef krealloc_noprof
#undef krealloc_array
#undef krealloc_array_noprof
#undef krealloc_node_align
#undef kmemdup
#undef kmemdup_noprof
#undef kmemdup_array
#undef kmemdup_nul
#undef kstrdup
#undef kstrndup
#define kmalloc				godropin_kmalloc
#define kmalloc_node			godropin_kmalloc_node
#define kzalloc				godropin_kzalloc
#define kzalloc_node			godropin_kzalloc_node
#define kmalloc_array			godropin_kmalloc_array
#define kmalloc_array_node		godropin_kmalloc_array_node
#define kcalloc				godropin_kcalloc
#define kcalloc_node			godropin_kcalloc_node
#define kmalloc_track_caller		godropin_kmalloc
#define kmalloc_node_track_caller	godropin_kmalloc_node
#define kmalloc_noprof			godropin_kmalloc
#define kmalloc_node_noprof		godropin_kmalloc_node
#define kzalloc_noprof			godropin_kzalloc
#define kmalloc_array_noprof		godropin_kmalloc_array
#define kmalloc_size_roundup		godropin_size_roundup
#define krealloc			godropin_krealloc
#define krealloc_noprof			godropin_krealloc
#define krealloc_array			godropin_krealloc_array
#define krealloc_array_noprof		godropin_krealloc_array
#define krealloc_node_align		godropin_krealloc_align
#define ksize(p)			godropin_ksize(p)
#define kmemdup				godropin_kmemdup
#define kmemdup_noprof			godropin_kmemdup
#define kmemdup_array			godropin_kmemdup_array
#define kmemdup_nul			godropin_kmemdup_nul
#define kstrdup				godropin_kstrdup
#define kstrndup			godropin_kstrndup

#undef kvmalloc
#undef kvmalloc_node
#undef kvzalloc
#undef kvzalloc_node
#undef kvmalloc_array
#undef kvcalloc
#undef kvcalloc_node
#undef kvmalloc_noprof
#undef kvmalloc_node_noprof
#undef kvmalloc_array_noprof
#undef kvcalloc_noprof
#undef kvrealloc
#undef kvrealloc_node_align
#undef kvmemdup
#define kvmalloc			godropin_kvmalloc
#define kvmalloc_node			godropin_kvmalloc_node
#define kvzalloc			godropin_kvzalloc
#define kvzalloc_node			godropin_kvzalloc_node
#define kvmalloc_array			godropin_kvmalloc_array
#define kvcalloc			godropin_kvcalloc
#define kvcalloc_node			godropin_kvcalloc_node
#define kvmalloc_noprof			godropin_kvmalloc
#define kvmalloc_node_noprof		godropin_kvmalloc_node
#define kvmalloc_array_noprof		godropin_kvmalloc_array
#define kvcalloc_noprof			godropin_kvcalloc
#define kvrealloc			godropin_kvrealloc
#define kvrealloc_node_align		godropin_kvrealloc_align
#define kvmemdup			godropin_kvmemdup

#undef kfree_rcu
#undef kvfree_rcu
#undef kfree_rcu_mightsleep
#undef kvfree_rcu_mightsleep
#define kfree				godropin_free
#define kvfree				godropin_free
#define kfree_sensitive			godropin_free_sensitive
#define kvfree_sensitive		godropin_kvfree_sensitive
#define kfree_const			godropin_free_const
#define kfree_bulk			godropin_free_bulk
#define kfree_rcu			godropin_free_rcu
#define kvfree_rcu			godropin_free_rcu
#define kfree_rcu_mightsleep(ptr)	godropin_free_mightsleep(ptr)
#define kvfree_rcu_mightsleep(ptr)	godropin_free_mightsleep(ptr)
#define kvfree_rcu_barrier()						\
do {									\
	rcu_barrier();							\
	(kvfree_rcu_barrier)();						\
} while (0)
#define kvfree_rcu_barrier_on_cache(s)					\
do {									\
	rcu_barrier();							\
	if (!godropin_cache_is_ours(s))					\
		(kvfree_rcu_barrier_on_cache)(s);			\
} while (0)
#define __free_kfree			godropin_free_scoped
#define __free_kvfree			godropin_free_scoped
#define __free_kfree_sensitive		godropin_free_scoped_sensitive
#define __free_kfree_const		godropin_free_scoped_const
/* Where the name was expanded before, as by a macro around __free(). */
#define __free_godropin_free		godropin_free_scoped
#define __free_godropin_free_sensitive	godropin_free_scoped_sensitive
#define __free_godropin_free_const	godropin_free_scoped_const

#undef KMEM_CACHE
#undef KMEM_CACHE_USERCOPY
#undef kmem_cache_alloc
#undef kmem_cache_alloc_noprof
#undef kmem_cache_zalloc
#undef kmem_cache_alloc_node
#undef kmem_cache_alloc_node_noprof
#undef kmem_cache_alloc_lru
#undef kmem_cache_alloc_lru_noprof
#undef kmem_cache_alloc_bulk
#undef kmem_cache_alloc_bulk_noprof
#define KMEM_CACHE(type, flags)						\
	godropin_cache_create_5(#type, sizeof(struct type),		\
				__alignof__(struct type), flags, NULL)
#define KMEM_CACHE_USERCOPY(type, flags, field)				\
	godropin_cache_create_usercopy(#type, sizeof(struct type),	\
				       __alignof__(struct type), flags,	\
				       offsetof(struct type, field),	\
				       sizeof_field(struct type, field), NULL)
#define kmem_cache_alloc		godropin_cache_alloc
#define kmem_cache_alloc_noprof		godropin_cache_alloc
#define kmem_cache_zalloc		godropin_cache_zalloc
#define kmem_cache_alloc_node		godropin_cache_alloc_node
#define kmem_cache_alloc_node_noprof	godropin_cache_alloc_node
#define kmem_cache_alloc_lru		godropin_cache_alloc_lru
#define kmem_cache_alloc_lru_noprof	godropin_cache_alloc_lru
#define kmem_cache_alloc_bulk		godropin_cache_alloc_bulk
#define kmem_cache_alloc_bulk_noprof	godropin_cache_alloc_bulk
#define kmem_cache_free			godropin_cache_free
#define kmem_cache_free_bulk		godropin_cache_free_bulk
#define kmem_cache_destroy		godropin_cache_destroy
#define kmem_cache_size			godropin_cache_size
#define kmem_cache_shrink		godropin_cache_shrink
/* It may be true without a charge, as for memory that is not the caller's. */
#define kmem_cache_charge(p, gfp)					\
	(goalloc_owns(p) || (kmem_cache_charge)(p, gfp))

#endif /* _LINUX_GOALLOC_DROPIN_H */
