/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goalloc: Go's memory allocator for kernel modules.
 *
 * The names are those of the kmalloc() family with go for k, and the functions
 * do the same.  Unless its kernel-doc says otherwise, the following holds for
 * every function:
 *
 *   Size: 0 returns ZERO_SIZE_PTR.  Up to 32 KiB a size is rounded up to one of
 *   67 size classes.  Above, it is rounded up to whole pages, of 8 KiB or, where
 *   they are larger, of the kernel's, up to GOALLOC_MAX_SIZE.
 *   Alignment: the largest power of two that divides the size, as kmalloc().
 *   Where DMA is not coherent an object has its cache lines to itself whenever
 *   one of kmalloc() has; but objects below 16 bytes without pointers share.
 *   Context: task, softirq, hardirq and NMI, under raw spinlocks and with
 *   interrupts off, on PREEMPT_RT too.  In atomic context @gfp must be
 *   GFP_ATOMIC or GFP_NOWAIT.
 *   GFP_DMA, GFP_DMA32 and __GFP_HIGHMEM cause one warning and return NULL.
 *   Limit: if the module's parameter memory_limit would be exceeded, the call
 *   returns NULL.  Only __GFP_NOFAIL may exceed it.
 *   __GFP_ACCOUNT charges objects above 32 KiB to the caller's memory cgroup,
 *   but not smaller ones.
 *   Contents are undefined without __GFP_ZERO, unless the kernel runs with
 *   init_on_alloc=1.
 *   Owner: an object counts as the module's whose code has called, also if that
 *   has got the address of one of these functions.  What gorealloc() leaves where
 *   it is stays whose it was.
 */
#ifndef _LINUX_GOALLOC_H
#define _LINUX_GOALLOC_H

#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/goalloc_class.h>
#include <linux/moduleparam.h>
#include <linux/numa.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>
#include <uapi/linux/goalloc.h>

/* An arena; on x86-64 also the largest block of the page allocator. */
#define GOALLOC_MAX_SIZE	(4UL << 20)

/*
 * Whose objects a module allocates: a byte that goalloc fills when it sees the
 * module being loaded.  All files of a module share it.  goalloc finds it by a
 * parameter that nobody can set, since its name contains a =, and that has no
 * file in sysfs.
 */
#define GOALLOC_OWNER_UNKNOWN	176
#define GOALLOC_OWNER_PARAM	"goalloc=__goalloc_owner"

extern u8 __goalloc_owner;
u8 __weak __attribute__((__visibility__("hidden"))) __read_mostly
__goalloc_owner = GOALLOC_OWNER_UNKNOWN;

__module_param_call("goalloc=", __goalloc_owner, &param_ops_byte,
		    &__goalloc_owner, 0, -1, 0);

/* What the functions below compile to. */
void *__gomalloc_by(size_t size, gfp_t gfp, unsigned long owner) __alloc_size(1);
void *gomalloc_class_by(size_t size, gfp_t gfp, unsigned long class, unsigned long owner)
	__alloc_size(1);
void *gomalloc_noscan_by(size_t size, gfp_t gfp, unsigned long owner) __alloc_size(1);
void *gomalloc_node_by(size_t size, gfp_t gfp, int node, unsigned long owner)
	__alloc_size(1);
void *gorealloc_by(const void *p, size_t size, gfp_t gfp, unsigned long owner)
	__realloc_size(2);
size_t gomalloc_bulk_by(gfp_t gfp, size_t size, size_t n, void **p, unsigned long owner);
void *gomemdup_by(const void *src, size_t len, gfp_t gfp, unsigned long owner)
	__realloc_size(2);
char *gostrdup_by(const char *s, gfp_t gfp, unsigned long owner);

/**
 * gomalloc - allocate memory
 * @size: bytes wanted
 * @gfp: as for kmalloc()
 *
 * The class of a constant size is found by the compiler.
 *
 * Context: any that @gfp permits; may sleep with __GFP_DIRECT_RECLAIM.
 * Return: the object, or NULL if there is no memory, if @size is above
 * GOALLOC_MAX_SIZE, or if @gfp asks for another zone.
 */
static __always_inline __alloc_size(1) void *gomalloc(size_t size, gfp_t gfp)
{
	if (__builtin_constant_p(size) && size - 1 < GOALLOC_CLASS_MAX_SIZE)
		return gomalloc_class_by(size, gfp, goalloc_size_class(size),
					 __goalloc_owner);
	return __gomalloc_by(size, gfp, __goalloc_owner);
}

/**
 * gomalloc_noscan - allocate memory that will hold no pointers
 * @size: bytes wanted
 * @gfp: as for kmalloc()
 *
 * Such objects have spans of their own, apart from objects with pointers.
 * Below 16 bytes several objects share one 16-byte block.  They are aligned to
 * 8, 4, 2 or 1, the largest that divides @size.
 *
 * Context: as gomalloc().
 * Return: as gomalloc().
 */
static __always_inline __alloc_size(1)
void *gomalloc_noscan(size_t size, gfp_t gfp)
{
	return gomalloc_noscan_by(size, gfp, __goalloc_owner);
}

/**
 * gomalloc_node - allocate memory of one NUMA node
 * @size: bytes wanted
 * @gfp: as for kmalloc(); __GFP_THISNODE excludes all other nodes
 * @node: the node, or NUMA_NO_NODE for the nearest
 *
 * Context: as gomalloc().
 * Return: as gomalloc().
 */
static __always_inline __alloc_size(1)
void *gomalloc_node(size_t size, gfp_t gfp, int node)
{
	return gomalloc_node_by(size, gfp, node, __goalloc_owner);
}

/**
 * gorealloc - change the size of an object
 * @p: the object, or NULL or ZERO_SIZE_PTR to allocate one
 * @size: bytes wanted; 0 frees @p
 * @gfp: as for kmalloc()
 *
 * The object stays where it is if @size fits its class and its address suits the
 * alignment of @size.  An object of whole pages grows into free pages behind it,
 * and moves when it shrinks to half of its pages or fewer.  As with krealloc(),
 * __GFP_ZERO is honoured for the whole object only if every call for this
 * object, the first included, passes it.
 *
 * Context: as gomalloc().
 * Return: the object, ZERO_SIZE_PTR for @size 0, or NULL, which leaves @p
 * intact.
 */
static __always_inline __realloc_size(2)
void *gorealloc(const void *p, size_t size, gfp_t gfp)
{
	return gorealloc_by(p, size, gfp, __goalloc_owner);
}

/**
 * gofree - free an object
 * @p: the object; NULL and ZERO_SIZE_PTR are ignored
 *
 * A pointer that is not the start of a live object is reported and counted, and
 * nothing else happens.  With check=0 a pointer to a small object is believed.
 *
 * Context: any, NMI included.
 */
void gofree(const void *p);

/* What gofree_sized() compiles to. */
void __gofree_sized(const void *p, size_t size);
void gofree_class(const void *p, size_t size, unsigned long class);

/**
 * gofree_sized - free an object of known size
 * @p: the object, as for gofree(), but not of gomalloc_noscan()
 * @size: the size that it was allocated with, or its gosize()
 *
 * With check=1 a wrong @size is reported, and the object stays allocated.  With
 * check=0 @size is trusted, which saves looking up the span.
 *
 * Context: any, NMI included.
 */
static __always_inline void gofree_sized(const void *p, size_t size)
{
	if (__builtin_constant_p(size) && size - 1 < GOALLOC_CLASS_MAX_SIZE)
		gofree_class(p, size, goalloc_size_class(size));
	else
		__gofree_sized(p, size);
}

/**
 * gofree_sensitive - clear an object, then free it
 * @p: the object, as for gofree()
 *
 * Context: any, NMI included.
 */
void gofree_sensitive(const void *p);

/**
 * gosize - the usable size of an object
 * @p: the object; for NULL and ZERO_SIZE_PTR it is 0
 *
 * Context: any.
 * Return: the bytes that may be used, at least as many as were asked for; 0 if
 * @p is not a live object, which is reported.
 */
size_t gosize(const void *p);

/**
 * goalloc_owns - is an address in an object of goalloc's?
 * @p: any address
 *
 * Pages of objects up to GOALLOC_CLASS_MAX_SIZE are shared by several objects and
 * used again at once, so that they must not be sent by reference: a caller of
 * sendpage_ok() asks this, too.  Every page has references of goalloc's, which
 * makes get_page() and put_page() harmless.  A page of a larger object that
 * another part of the kernel still references when the object is freed goes to no
 * other caller before it is put.
 *
 * Context: any, NMI included.
 * Return: whether it is.
 */
bool goalloc_owns(const void *p);

/**
 * gomalloc_size_roundup - the usable size that gomalloc() would return
 * @size: bytes wanted
 *
 * Context: any.
 * Return: gosize() of an object allocated with @size; @size itself if it is 0
 * or above GOALLOC_MAX_SIZE.
 */
size_t gomalloc_size_roundup(size_t size);

/**
 * gomalloc_bulk - allocate many objects of one size
 * @gfp: as for kmalloc()
 * @size: bytes wanted for each
 * @n: number of objects
 * @p: array for @n pointers
 *
 * Context: as gomalloc().
 * Return: @n; or 0, and then nothing is allocated and @p is undefined.
 */
static __always_inline
size_t gomalloc_bulk(gfp_t gfp, size_t size, size_t n, void **p)
{
	return gomalloc_bulk_by(gfp, size, n, p, __goalloc_owner);
}

/**
 * gofree_bulk - free many objects
 * @n: number of objects
 * @p: the objects, each as for gofree()
 *
 * Context: any, NMI included.
 */
void gofree_bulk(size_t n, void **p);

/**
 * gomemdup - copy memory
 * @src: the bytes to copy
 * @len: number of bytes
 * @gfp: as for kmalloc()
 *
 * Context: as gomalloc().
 * Return: the copy, or NULL.
 */
static __always_inline __realloc_size(2)
void *gomemdup(const void *src, size_t len, gfp_t gfp)
{
	return gomemdup_by(src, len, gfp, __goalloc_owner);
}

/**
 * gostrdup - copy a string
 * @s: the string, or NULL
 * @gfp: as for kmalloc()
 *
 * Context: as gomalloc().
 * Return: the copy, or NULL.
 */
static __always_inline char *gostrdup(const char *s, gfp_t gfp)
{
	return gostrdup_by(s, gfp, __goalloc_owner);
}

/**
 * goalloc_read_memstats - read all statistics
 * @m: the result; every field is set
 *
 * MemStats' identities hold in every result, even while other CPUs allocate:
 * heap_sys = heap_idle + heap_inuse, heap_alloc <= heap_inuse, heap_objects =
 * mallocs - frees, sys = the sum of its parts, and the sums over by_size = the
 * totals.  heap_released and the totals never fall.
 *
 * Context: task, may sleep: with hundreds of CPUs it takes milliseconds.  Other
 * CPUs are not stopped.
 */
void goalloc_read_memstats(struct goalloc_memstats *m);

/**
 * goalloc_free_os_memory - give free memory back to the kernel
 *
 * Empty the caches of all CPUs and give back all free pages, except for the
 * reserve for contexts that may not call the page allocator.
 *
 * Context: task, may sleep.
 * Return: bytes given back.
 */
size_t goalloc_free_os_memory(void);

void goalloc_call_rcu(struct rcu_head *head);

/**
 * gofree_rcu - free an object after a grace period
 * @ptr: the object; NULL is ignored
 * @field: the name of its struct rcu_head, at any offset
 *
 * Context: any but NMI.
 */
#define gofree_rcu(ptr, field)						\
do {									\
	typeof(ptr) ___p = (ptr);					\
									\
	if (___p)							\
		goalloc_call_rcu(&___p->field);				\
} while (0)

/**
 * gozalloc - allocate zeroed memory
 * @size: bytes wanted
 * @gfp: as for kmalloc()
 *
 * Context: as gomalloc().
 * Return: as gomalloc(); all bytes up to gosize() are zero.
 */
static inline __alloc_size(1) void *gozalloc(size_t size, gfp_t gfp)
{
	return gomalloc(size, gfp | __GFP_ZERO);
}

/**
 * gomalloc_array - allocate an array
 * @n: elements
 * @size: bytes of each
 * @gfp: as for kmalloc()
 *
 * Context: as gomalloc().
 * Return: as gomalloc(); NULL if @n times @size overflows.
 */
static inline __alloc_size(1, 2)
void *gomalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return gomalloc(bytes, gfp);
}

/**
 * gocalloc - allocate a zeroed array
 * @n: elements
 * @size: bytes of each
 * @gfp: as for kmalloc()
 *
 * Context: as gomalloc().
 * Return: as gomalloc_array().
 */
static inline __alloc_size(1, 2)
void *gocalloc(size_t n, size_t size, gfp_t gfp)
{
	return gomalloc_array(n, size, gfp | __GFP_ZERO);
}

/**
 * gorealloc_array - change the size of an array
 * @p: the array, as for gorealloc()
 * @n: elements
 * @size: bytes of each
 * @gfp: as for kmalloc()
 *
 * Context: as gomalloc().
 * Return: as gorealloc(); NULL, with @p intact, if @n times @size overflows.
 */
static inline __realloc_size(2, 3)
void *gorealloc_array(void *p, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return gorealloc(p, bytes, gfp);
}

DEFINE_FREE(gofree, void *, if (!IS_ERR_OR_NULL(_T)) gofree(_T))

/*
 * Call sites.  A client that says
 *
 *	#define GOALLOC_SITES
 *
 * before it includes this file has each place that allocates counted: the file
 * sites in debugfs says how many objects of how many bytes are live that were
 * allocated there.  The functions are then macros of the same names; what is called
 * by its address is not counted.
 */
#define GOALLOC_SITE_PARAM	"goalloc=site"

/**
 * struct goalloc_site - a place that allocates
 * @file: its file
 * @function: its function
 * @line: its line
 * @id: its number, which goalloc fills when the module is loaded; 0 for none
 * @owner: the module's number
 */
struct goalloc_site {
	const char *file;
	const char *function;
	unsigned int line;
	u16 id;
	u8 owner;
};

/* What they compile to. */
void *gomalloc_at(size_t size, gfp_t gfp, const struct goalloc_site *site)
	__alloc_size(1);
void *gomalloc_noscan_at(size_t size, gfp_t gfp,
			 const struct goalloc_site *site) __alloc_size(1);
void *gomalloc_node_at(size_t size, gfp_t gfp, int node,
		       const struct goalloc_site *site) __alloc_size(1);
void *gorealloc_at(const void *p, size_t size, gfp_t gfp,
		   const struct goalloc_site *site) __realloc_size(2);
size_t gomalloc_bulk_at(gfp_t gfp, size_t size, size_t n, void **p,
			const struct goalloc_site *site);
void *gomemdup_at(const void *src, size_t len, gfp_t gfp,
		  const struct goalloc_site *site) __realloc_size(2);
char *gostrdup_at(const char *s, gfp_t gfp, const struct goalloc_site *site);

#ifdef GOALLOC_SITES

/* goalloc finds the site as it finds the byte above. */
#define goalloc_here()							\
({									\
	static struct goalloc_site ___site = {				\
		.file = __FILE__,					\
		.function = __func__,					\
		.line = __LINE__,					\
		.owner = GOALLOC_OWNER_UNKNOWN,				\
	};								\
	static const struct kernel_param				\
	__used __section("__param")					\
	__aligned(__alignof__(struct kernel_param)) ___param = {	\
		.name = GOALLOC_SITE_PARAM,				\
		.mod = THIS_MODULE,					\
		.ops = &param_ops_byte,					\
		.level = -1,						\
		.arg = &___site,					\
	};								\
									\
	&___site;							\
})

static inline __alloc_size(1, 2)
void *goalloc_array_at(size_t n, size_t size, gfp_t gfp,
		       const struct goalloc_site *site)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return gomalloc_at(bytes, gfp, site);
}

static inline __realloc_size(2, 3)
void *gorealloc_array_at(void *p, size_t n, size_t size, gfp_t gfp,
			 const struct goalloc_site *site)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return gorealloc_at(p, bytes, gfp, site);
}

#define gomalloc(size, gfp)						\
	gomalloc_at(size, gfp, goalloc_here())
#define gozalloc(size, gfp)						\
	gomalloc_at(size, (gfp) | __GFP_ZERO, goalloc_here())
#define gomalloc_noscan(size, gfp)					\
	gomalloc_noscan_at(size, gfp, goalloc_here())
#define gomalloc_node(size, gfp, node)					\
	gomalloc_node_at(size, gfp, node, goalloc_here())
#define gomalloc_array(n, size, gfp)					\
	goalloc_array_at(n, size, gfp, goalloc_here())
#define gocalloc(n, size, gfp)						\
	goalloc_array_at(n, size, (gfp) | __GFP_ZERO, goalloc_here())
#define gorealloc(p, size, gfp)						\
	gorealloc_at(p, size, gfp, goalloc_here())
#define gorealloc_array(p, n, size, gfp)				\
	gorealloc_array_at(p, n, size, gfp, goalloc_here())
#define gomalloc_bulk(gfp, size, n, p)					\
	gomalloc_bulk_at(gfp, size, n, p, goalloc_here())
#define gomemdup(src, len, gfp)						\
	gomemdup_at(src, len, gfp, goalloc_here())
#define gostrdup(s, gfp)						\
	gostrdup_at(s, gfp, goalloc_here())

#endif /* GOALLOC_SITES */

#endif /* _LINUX_GOALLOC_H */
