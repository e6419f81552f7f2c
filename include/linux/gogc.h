/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gogc: heaps that are collected, marked and swept as Go's.
 *
 * A module makes a heap of its own, allocates in it, and frees nothing: what can no
 * longer be reached from the roots that it has named is found and freed while it
 * runs on.  The rules:
 *
 *   Sections: whatever touches objects of the heap does so between gogc_enter() and
 *   gogc_exit().  Outside of sections everything that is to live must be reachable
 *   from a root.  So when no section is open no stack holds a pointer, and none is
 *   ever scanned.  A section nests and may sleep; the shorter it is, the sooner a
 *   cycle can begin.
 *   Stores: a pointer in a root or in an object that others can reach is overwritten
 *   with gogc_store().  A new object that nobody else has seen may be filled with
 *   plain stores.
 *   Pointers: an object is searched word by word for pointers into the heap, to the
 *   start of an object or to its inside, but not behind its end; exactly where
 *   gogc_alloc_typed() has said so; and not at all if it came from
 *   gogc_alloc_noscan().  The memory of other allocators is searched only where it is
 *   a root.
 *   Contents: objects are zero, but those of gogc_alloc_noscan(), unless __GFP_ZERO.
 *   Sizes and alignment are those of gomalloc(), but for 0, which gives an object.
 *
 * gofree() knows none of these objects and reports them as not its own.
 */
#ifndef _LINUX_GOGC_H
#define _LINUX_GOGC_H

#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <linux/gfp.h>
#include <linux/types.h>
#include <uapi/linux/goalloc.h>

/**
 * struct gogc - a collected heap
 * @marking: overwritten pointers are to be noted
 *
 * It begins with this; the rest is the collector's.
 */
struct gogc {
	unsigned int marking;
};

/**
 * struct gogc_options - what a heap is to be like
 * @name: what reports call it
 * @percent: Go's GOGC: how much may be allocated between two cycles, in parts of what
 *	was live after the last; 0 is 100; below 0 no cycle begins but by
 *	gogc_collect(), and the heap is an arena, which goes as a whole
 * @limit: the most bytes that it may hold of the kernel; 0 for no limit
 */
struct gogc_options {
	const char *name;
	int percent;
	unsigned long limit;
};

/**
 * struct gogc_type - where the pointers in an object are
 * @size: bytes, a multiple of a pointer's
 * @pointers: a bit for each word of these that may be a pointer
 *
 * It must stay as long as the heap.
 */
struct gogc_type {
	size_t size;
	const unsigned long *pointers;
};

/**
 * gogc_create - make a collected heap
 * @options: what it is to be like; NULL for nothing in particular
 *
 * Context: task, may sleep.
 * Return: the heap, or an ERR_PTR(): -ENOMEM.
 */
struct gogc *gogc_create(const struct gogc_options *options);

/**
 * gogc_destroy - end a collected heap, with all that is in it
 * @g: the heap, NULL or an ERR_PTR(), which nobody uses any more
 *
 * The time that it takes depends on the memory that the heap holds, and not on how
 * its objects refer to each other.
 *
 * Context: task, may sleep.
 * Return: 0; -EBUSY if a section is open, and then nothing has happened.
 */
int gogc_destroy(struct gogc *g);

/**
 * gogc_enter - begin a section
 * @g: the heap
 *
 * Waits while a cycle is about to begin, for a few milliseconds at most.
 *
 * Context: task, may sleep.  In atomic context use gogc_tryenter().
 */
void gogc_enter(struct gogc *g);

/**
 * gogc_tryenter - begin a section, if that takes no waiting
 * @g: the heap
 *
 * Context: any but NMI, and not under the locks of the scheduler.
 * Return: whether it has begun.
 */
bool gogc_tryenter(struct gogc *g);

/**
 * gogc_exit - end a section
 * @g: the heap
 *
 * Context: that of the gogc_enter() or gogc_tryenter() it ends; a task may have moved
 * to another CPU.
 */
void gogc_exit(struct gogc *g);

DEFINE_GUARD(gogc, struct gogc *, gogc_enter(_T), gogc_exit(_T))

/**
 * gogc_alloc - allocate an object that may hold pointers
 * @g: the heap, with a section open
 * @size: bytes wanted
 * @gfp: as for gomalloc()
 *
 * It lives to the end of the section, and on if it can be reached from a root then.
 *
 * Context: any that @gfp permits but NMI; may sleep with __GFP_DIRECT_RECLAIM, and
 * then may mark or sweep for a while.
 * Return: the object, which is zero; or NULL.
 */
void *gogc_alloc(struct gogc *g, size_t size, gfp_t gfp);

/**
 * gogc_alloc_noscan - allocate an object that will hold no pointers into the heap
 * @g: the heap, with a section open
 * @size: bytes wanted
 * @gfp: as for gomalloc()
 *
 * Context: as gogc_alloc().
 * Return: the object, or NULL.
 */
void *gogc_alloc_noscan(struct gogc *g, size_t size, gfp_t gfp);

/**
 * gogc_alloc_typed - allocate an object whose pointers are known, or an array of them
 * @g: the heap, with a section open
 * @type: where the pointers are
 * @n: how many elements
 * @gfp: as for gomalloc()
 *
 * Context: as gogc_alloc().
 * Return: the object, which is zero; or NULL.
 */
void *gogc_alloc_typed(struct gogc *g, const struct gogc_type *type, size_t n,
		       gfp_t gfp);

/**
 * gogc_memdup - copy memory to a new object that holds no pointers
 * @g: the heap, with a section open
 * @src: the bytes to copy
 * @len: how many
 * @gfp: as for gomalloc()
 *
 * Context: as gogc_alloc().
 * Return: the copy, or NULL.
 */
void *gogc_memdup(struct gogc *g, const void *src, size_t len, gfp_t gfp);

/**
 * gogc_strdup - copy a string
 * @g: the heap, with a section open
 * @s: the string, or NULL
 * @gfp: as for gomalloc()
 *
 * Context: as gogc_alloc().
 * Return: the copy, or NULL.
 */
char *gogc_strdup(struct gogc *g, const char *s, gfp_t gfp);

/* Note a pointer that is about to be overwritten while the heap is marked. */
void __gogc_shade(struct gogc *g, const void *old);

/**
 * gogc_store - store a pointer in a root or in an object
 * @g: the heap, with a section open
 * @slot: where
 * @value: the pointer, or NULL
 *
 * What the slot held is what the running cycle, if there is one, must not miss.  Who
 * reads the slot without a lock finds the contents of the object that it points to.
 *
 * Context: any but NMI.
 */
#define gogc_store(g, slot, value)					\
do {									\
	struct gogc *___g = (g);					\
	typeof(slot) ___slot = (slot);					\
	typeof(*___slot) ___value = (value);				\
									\
	BUILD_BUG_ON(sizeof(*___slot) != sizeof(void *));		\
	if (unlikely(READ_ONCE(___g->marking)))				\
		__gogc_shade(___g, (const void *)READ_ONCE(*___slot));	\
	/* After the contents. */					\
	smp_store_release(___slot, ___value);				\
} while (0)

/**
 * gogc_add_roots - have an array of pointers keep alive what they point to
 * @g: the heap
 * @start: the first
 * @n: how many
 *
 * The memory must stay until gogc_remove_roots().
 *
 * Context: task, may sleep.
 * Return: 0; -ENOMEM; -EINVAL if there cannot be pointers there; -EEXIST if
 * that is the start of roots already.
 */
int gogc_add_roots(struct gogc *g, void *start, size_t n);

/**
 * gogc_remove_roots - the opposite
 * @g: the heap
 * @start: as it was added
 *
 * Context: task, may sleep.
 * Return: 0, or -ENOENT if no roots begin there.
 */
int gogc_remove_roots(struct gogc *g, void *start);

static inline int gogc_add_root(struct gogc *g, void *slot)
{
	return gogc_add_roots(g, slot, 1);
}

static inline int gogc_remove_root(struct gogc *g, void *slot)
{
	return gogc_remove_roots(g, slot);
}

/**
 * gogc_collect - run a cycle now (Go's runtime.GC)
 * @g: the heap, in which the caller has no section open
 *
 * A cycle that is under way is waited for, and then another one, so that all that
 * was garbage at the call is freed.
 *
 * Context: task, may sleep.
 */
void gogc_collect(struct gogc *g);

/**
 * gogc_set_percent - change Go's GOGC (debug.SetGCPercent)
 * @g: the heap
 * @percent: as in struct gogc_options, but 0 is 0
 *
 * Context: task, may sleep.
 * Return: what it was.
 */
int gogc_set_percent(struct gogc *g, int percent);

/**
 * gogc_set_limit - change the limit (debug.SetMemoryLimit)
 * @g: the heap
 * @bytes: as in struct gogc_options
 *
 * Context: task, may sleep.
 * Return: what it was.
 */
unsigned long gogc_set_limit(struct gogc *g, unsigned long bytes);

/**
 * gogc_read_memstats - read all statistics of a collected heap
 * @g: the heap
 * @m: the result; every field is set
 *
 * Context: task, may sleep.
 */
void gogc_read_memstats(struct gogc *g, struct goalloc_memstats *m);

#endif /* _LINUX_GOGC_H */
