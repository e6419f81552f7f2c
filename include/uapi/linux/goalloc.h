/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * goalloc: what user space sees of it.
 *
 * The ioctls of /dev/goalloc and the MemStats structure.  Every structure has
 * fixed-width fields in natural alignment and no pointers; @pad fields and
 * unknown flags must be zero and are refused with EINVAL when they are not;
 * unknown commands get ENOTTY.  An object is named by a handle that means
 * something to its file descriptor only: no kernel address ever leaves.
 */
#ifndef _UAPI_LINUX_GOALLOC_H
#define _UAPI_LINUX_GOALLOC_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define GOALLOC_NR_CLASSES	68	/* class 0 is "large" */
#define GOALLOC_NR_PAUSES	256

/**
 * struct goalloc_by_size - what MemStats says of one size class
 * @size: bytes of an object of the class
 * @mallocs: objects ever allocated
 * @frees: objects ever freed
 */
struct goalloc_by_size {
	__u64 size;
	__u64 mallocs;
	__u64 frees;
};

/**
 * struct goalloc_memstats - Go's MemStats, field for field
 *
 * The names are Go's in kernel spelling (HeapSys is heap_sys), and so are the
 * meanings, with one exception that a Go reader would stumble over: memory
 * that is given back to the kernel is gone, so @heap_sys is what is held now
 * and @heap_released only ever grows.  The collector's fields are zero: there
 * is no collector.  The fields behind @by_size are ours.
 *
 * @alloc: same as @heap_alloc
 * @total_alloc: bytes ever allocated, in whole objects of their class
 * @sys: bytes held of the kernel: the sum of all the _sys fields
 * @lookups: zero, as in Go
 * @mallocs: objects ever allocated
 * @frees: objects ever freed
 * @heap_alloc: bytes in live objects
 * @heap_sys: bytes in pages held of the kernel for objects
 * @heap_idle: bytes in free pages
 * @heap_inuse: bytes in spans in use
 * @heap_released: bytes ever given back to the kernel
 * @heap_objects: live objects, @mallocs - @frees
 * @stack_inuse: zero
 * @stack_sys: zero
 * @mspan_inuse: bytes of span descriptors in use
 * @mspan_sys: bytes held for span descriptors
 * @mcache_inuse: bytes of per-CPU caches in use
 * @mcache_sys: bytes held for per-CPU caches
 * @buck_hash_sys: zero
 * @gc_sys: bytes held for bitmaps, object states and the arena map
 * @other_sys: bytes held for mcentrals and page heaps
 * @next_gc: zero
 * @last_gc: zero
 * @pause_total_ns: zero
 * @pause_ns: zero
 * @pause_end: zero
 * @num_gc: zero
 * @num_forced_gc: zero
 * @gc_cpu_fraction: zero
 * @enable_gc: zero
 * @debug_gc: zero
 * @by_size: per class, all 68; entry 0 counts the large objects
 * @total_requested: bytes ever asked for; @total_alloc minus this is what
 *	rounding up to classes has cost
 * @large_alloc: bytes in live large objects
 * @large_total_alloc: bytes ever allocated in large objects
 * @tiny_allocs: tiny objects ever allocated inside 16-byte blocks (the blocks
 *	are what @mallocs counts)
 * @tiny_frees: tiny objects ever freed
 * @misuses: bad calls that were caught
 * @failures: allocations that returned NULL for want of memory
 * @scavenged_background: of @heap_released, what was not needed for a while
 * @scavenged_shrinker: of @heap_released, what the kernel asked for, being short
 *	of memory
 * @scavenged_limit: of @heap_released, what memory_limit made go
 * @scavenged_by_hand: of @heap_released, what FreeOSMemory gave back
 * @scavenge_cycles: passes of all these that gave something back
 * @scavenge_ns: time spent in them
 * @memory_limit: the most that @sys may be; 0 for no limit
 */
struct goalloc_memstats {
	__u64 alloc;
	__u64 total_alloc;
	__u64 sys;
	__u64 lookups;
	__u64 mallocs;
	__u64 frees;
	__u64 heap_alloc;
	__u64 heap_sys;
	__u64 heap_idle;
	__u64 heap_inuse;
	__u64 heap_released;
	__u64 heap_objects;
	__u64 stack_inuse;
	__u64 stack_sys;
	__u64 mspan_inuse;
	__u64 mspan_sys;
	__u64 mcache_inuse;
	__u64 mcache_sys;
	__u64 buck_hash_sys;
	__u64 gc_sys;
	__u64 other_sys;
	__u64 next_gc;
	__u64 last_gc;
	__u64 pause_total_ns;
	__u64 pause_ns[GOALLOC_NR_PAUSES];
	__u64 pause_end[GOALLOC_NR_PAUSES];
	__u64 num_gc;
	__u64 num_forced_gc;
	__u64 gc_cpu_fraction;
	__u64 enable_gc;
	__u64 debug_gc;
	struct goalloc_by_size by_size[GOALLOC_NR_CLASSES];
	__u64 total_requested;
	__u64 large_alloc;
	__u64 large_total_alloc;
	__u64 tiny_allocs;
	__u64 tiny_frees;
	__u64 misuses;
	__u64 failures;
	__u64 scavenged_background;
	__u64 scavenged_shrinker;
	__u64 scavenged_limit;
	__u64 scavenged_by_hand;
	__u64 scavenge_cycles;
	__u64 scavenge_ns;
	__u64 memory_limit;
};

/* Flags of GOALLOC_IOC_ALLOC. */
#define GOALLOC_ALLOC_ZERO	(1U << 0)	/* contents are zero */
#define GOALLOC_ALLOC_NOSCAN	(1U << 1)	/* holds no pointers */
#define GOALLOC_ALLOC_FLAGS	(GOALLOC_ALLOC_ZERO | GOALLOC_ALLOC_NOSCAN)

/**
 * struct goalloc_ioc_alloc - allocate an object
 * @size: in: bytes wanted; 0 is legal
 * @flags: in: GOALLOC_ALLOC_*
 * @pad: must be zero
 * @handle: out: names the object in later calls on this descriptor
 * @usable: out: bytes that may be used, at least @size
 */
struct goalloc_ioc_alloc {
	__u64 size;
	__u32 flags;
	__u32 pad;
	__u64 handle;
	__u64 usable;
};

/**
 * struct goalloc_ioc_size - how large is an object
 * @handle: in: the object
 * @usable: out: bytes that may be used
 */
struct goalloc_ioc_size {
	__u64 handle;
	__u64 usable;
};

/**
 * struct goalloc_ioc_io - copy between an object and user memory
 * @handle: in: the object
 * @offset: in: where in the object
 * @len: in: how many bytes; all of them are copied or the call fails
 * @buf: in: address of the user's buffer
 */
struct goalloc_ioc_io {
	__u64 handle;
	__u64 offset;
	__u64 len;
	__u64 buf;
};

/* Our range: 'g' 0x80-0x9f, unused in ioctl-number.rst. */
#define GOALLOC_IOC_MAGIC	'g'
#define GOALLOC_IOC_ALLOC	_IOWR(GOALLOC_IOC_MAGIC, 0x80, struct goalloc_ioc_alloc)
#define GOALLOC_IOC_FREE	_IOW(GOALLOC_IOC_MAGIC, 0x81, __u64)
#define GOALLOC_IOC_READ	_IOW(GOALLOC_IOC_MAGIC, 0x82, struct goalloc_ioc_io)
#define GOALLOC_IOC_WRITE	_IOW(GOALLOC_IOC_MAGIC, 0x83, struct goalloc_ioc_io)
#define GOALLOC_IOC_SIZE	_IOWR(GOALLOC_IOC_MAGIC, 0x84, struct goalloc_ioc_size)
#define GOALLOC_IOC_MEMSTATS	_IOR(GOALLOC_IOC_MAGIC, 0x85, struct goalloc_memstats)

#endif /* _UAPI_LINUX_GOALLOC_H */
