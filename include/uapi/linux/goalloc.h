/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * goalloc's interface to user space: the ioctls of /dev/goalloc and the
 * MemStats structure.
 *
 * Every structure has fixed-width fields in natural alignment and no pointers,
 * so that it is the same for 32-bit programs.  @pad fields and unknown flags
 * must be zero; otherwise the call fails with EINVAL.  An unknown command fails
 * with ENOTTY.  A handle names an object, and is valid only on the file
 * descriptor that made the object.  Kernel addresses never reach user space.
 *
 * Structures grow at their end, and the command encodes the size of the
 * structure that the program was compiled with.  If it is shorter than the
 * module's, the missing fields count as zero.  If it is longer, the call
 * succeeds when the unknown fields are zero, and fails with E2BIG otherwise.
 * If it is shorter than GOALLOC_*_SIZE_VER0, the size in the first version, the
 * call fails with EINVAL.  For structures that only return data (INFO,
 * MEMSTATS, FREE_OS_MEMORY and the entries of BYSIZE) any multiple of 8 bytes
 * is valid.
 */
#ifndef _UAPI_LINUX_GOALLOC_H
#define _UAPI_LINUX_GOALLOC_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define GOALLOC_NR_CLASSES	68	/* class 0 is "large" */
#define GOALLOC_NR_PAUSES	256

/**
 * struct goalloc_by_size - MemStats' counts of one size class
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
 * The names are Go's in kernel spelling (HeapSys is heap_sys), and the meanings
 * are Go's, too, with one exception.  Go keeps the addresses of memory that it
 * has released; here such memory is gone.  So @heap_sys is what is held now,
 * and the value of @heap_released is cumulative.  The collector's fields are
 * zero but for collected heaps, as the default heap has no collector.  The fields
 * after @by_size are not in Go.
 *
 * @alloc: same as @heap_alloc
 * @total_alloc: bytes ever allocated, in whole objects of their class
 * @sys: bytes taken from the kernel: the sum of all the _sys fields
 * @lookups: zero, as in Go
 * @mallocs: objects ever allocated
 * @frees: objects ever freed
 * @heap_alloc: bytes in live objects
 * @heap_sys: bytes in pages taken from the kernel for objects
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
 * @buck_hash_sys: tables of the heap profile and of call sites
 * @gc_sys: bytes held for bitmaps, object states and the arena map
 * @other_sys: bytes held for mcentrals and page heaps
 * @next_gc: of a collected heap: bytes that the next cycle is to keep it below
 * @last_gc: when the last cycle had marked, in ns since 1970
 * @pause_total_ns: ns for which sections had to wait
 * @pause_ns: the same of the last cycles, a ring
 * @pause_end: when these ended, in ns since 1970
 * @num_gc: cycles
 * @num_forced_gc: those that were asked for
 * @gc_cpu_fraction: of the time of all CPUs, what cycles took, in millionths
 * @enable_gc: 1 unless it is an arena
 * @debug_gc: zero
 * @by_size: per class, all 68; entry 0 counts the large objects
 * @total_requested: bytes ever asked for; @total_alloc minus this is the cost
 *	of rounding up to classes
 * @large_alloc: bytes in live large objects
 * @large_total_alloc: bytes ever allocated in large objects
 * @tiny_allocs: tiny objects ever allocated inside 16-byte blocks (the blocks
 *	are what @mallocs counts)
 * @tiny_frees: tiny objects ever freed
 * @misuses: bad calls that were caught
 * @failures: allocations that returned NULL because there was no memory
 * @scavenged_background: part of @heap_released that was idle for a while
 * @scavenged_shrinker: part of @heap_released that memory pressure took
 * @scavenged_limit: part of @heap_released that memory_limit took
 * @scavenged_by_hand: part of @heap_released that FreeOSMemory gave back
 * @scavenge_cycles: passes of these four that gave something back
 * @scavenge_ns: nanoseconds spent in these passes, in looking for what to give
 *	back, and by CPUs that empty their caches for it
 * @memory_limit: the limit of @sys; 0 for no limit
 * @pages_shared: pages of the kernel's that went back while another part of it
 *	had a reference to them; the last put frees them
 * @pages_lost: pages of the kernel's that are out of use for good, because
 *	put_page() or kfree() took references that were the heap's
 * @left_objects: objects that modules have left when they were unloaded
 * @left_bytes: the bytes of these
 * @cache_mallocs: part of @mallocs that is in no class of @by_size, for it was
 *	allocated from named caches
 * @cache_frees: the same part of @frees
 * @cache_total_alloc: the same part of @total_alloc
 * @cache_alloc: the same part of @alloc
 * @vmalloc_sys: bytes of live objects that are only virtually contiguous; they are in
 *	@sys and in no other field
 * @vmalloc_mallocs: such objects ever allocated
 * @vmalloc_frees: such objects ever freed
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
	__u64 pages_shared;
	__u64 pages_lost;
	__u64 left_objects;
	__u64 left_bytes;
	__u64 cache_mallocs;
	__u64 cache_frees;
	__u64 cache_total_alloc;
	__u64 cache_alloc;
	__u64 vmalloc_sys;
	__u64 vmalloc_mallocs;
	__u64 vmalloc_frees;
};

/* Flags of GOALLOC_IOC_ALLOC, ALLOC_BULK and of sizes in GOALLOC_IOC_RUN. */
#define GOALLOC_ALLOC_ZERO	(1U << 0)	/* contents are zero */
#define GOALLOC_ALLOC_NOSCAN	(1U << 1)	/* holds no pointers */
#define GOALLOC_ALLOC_NODE	(1U << 2)	/* on the given NUMA node */
#define GOALLOC_ALLOC_FLAGS	\
	(GOALLOC_ALLOC_ZERO | GOALLOC_ALLOC_NOSCAN | GOALLOC_ALLOC_NODE)

/**
 * struct goalloc_class - a size class
 * @size: bytes of an object; 0 in entry 0, which stands for large objects
 * @pages: pages of a span, of page_size bytes each
 * @objects: objects in a span
 * @pad: zero
 */
struct goalloc_class {
	__u32 size;
	__u32 pages;
	__u32 objects;
	__u32 pad;
};

/* Features of a module, in struct goalloc_ioc_info.features. */
#define GOALLOC_FEATURE_CHECK	(1ULL << 0)	/* every free is verified */
#define GOALLOC_FEATURE_DEBUG	(1ULL << 1)	/* red zones, poison or users */
#define GOALLOC_FEATURE_MMAP	(1ULL << 2)
#define GOALLOC_FEATURE_RUN	(1ULL << 3)

#define GOALLOC_ABI_VERSION	1

/**
 * struct goalloc_ioc_info - the module's version, features and limits
 * @version: GOALLOC_ABI_VERSION of the module; it changes if a meaning changes
 * @nr_classes: size classes, including the large one
 * @features: GOALLOC_FEATURE_*
 * @max_size: bytes of the largest object
 * @page_size: granularity of large objects in bytes
 * @max_bulk: the most objects of one BULK call
 * @max_objects: objects that a descriptor may hold; 0: no limit
 * @max_bytes: bytes that a descriptor may hold; 0: no limit
 * @max_total: bytes that all descriptors together may hold; 0: no limit
 * @objects: objects that this descriptor holds
 * @bytes: bytes that this descriptor holds: its objects, rounded up to classes,
 *	and what the module keeps for each
 * @peak_bytes: the most that @bytes ever was
 * @total: bytes that all descriptors hold, with the pages that only their
 *	objects keep
 * @nr_cpus: CPUs online
 * @nr_nodes: NUMA nodes with memory
 * @classes: the size classes
 */
struct goalloc_ioc_info {
	__u32 version;
	__u32 nr_classes;
	__u64 features;
	__u64 max_size;
	__u64 page_size;
	__u64 max_bulk;
	__u64 max_objects;
	__u64 max_bytes;
	__u64 max_total;
	__u64 objects;
	__u64 bytes;
	__u64 peak_bytes;
	__u64 total;
	__u32 nr_cpus;
	__u32 nr_nodes;
	struct goalloc_class classes[GOALLOC_NR_CLASSES];
};

/**
 * struct goalloc_ioc_alloc - allocate an object
 * @size: in: bytes wanted; 0 is legal
 * @flags: in: GOALLOC_ALLOC_*
 * @node: in: the NUMA node with GOALLOC_ALLOC_NODE, otherwise zero
 * @handle: out: names the object in later calls on this descriptor
 * @usable: out: bytes that may be used, at least @size
 * @size_class: out: size class; 0 for large objects and for objects of size 0
 * @pad: must be zero
 */
struct goalloc_ioc_alloc {
	__u64 size;
	__u32 flags;
	__u32 node;
	__u64 handle;
	__u64 usable;
	__u32 size_class;
	__u32 pad;
};

#define GOALLOC_ALLOC_SIZE_VER0	40

/**
 * struct goalloc_ioc_realloc - change the size of an object
 * @handle: in: the object, which keeps its handle
 * @size: in: bytes wanted
 * @usable: out: bytes that may be used; new bytes are zero
 * @size_class: out: size class
 * @pad: must be zero
 */
struct goalloc_ioc_realloc {
	__u64 handle;
	__u64 size;
	__u64 usable;
	__u32 size_class;
	__u32 pad;
};

#define GOALLOC_REALLOC_SIZE_VER0	32

/**
 * struct goalloc_ioc_stat - get the properties of an object
 * @handle: in: the object
 * @size: out: bytes that were asked for
 * @usable: out: bytes that may be used
 * @flags: out: GOALLOC_ALLOC_* that it was allocated with
 * @size_class: out: size class
 * @node: out: NUMA node of its first byte; ~0 if it has no bytes
 * @maps: out: areas of processes in which it is mapped
 * @map_offset: out: its offset for mmap(2)
 * @map_length: out: its length for mmap(2), the only valid one; 0 if the object
 *	does not consist of whole pages
 */
struct goalloc_ioc_stat {
	__u64 handle;
	__u64 size;
	__u64 usable;
	__u32 flags;
	__u32 size_class;
	__u32 node;
	__u32 maps;
	__u64 map_offset;
	__u64 map_length;
};

#define GOALLOC_STAT_SIZE_VER0	56

/**
 * struct goalloc_ioc_io - copy between an object and user memory
 * @handle: in: the object
 * @offset: in: offset in the object
 * @len: in: number of bytes; all of them are copied, or the call fails
 * @buf: in: address of the user's buffer
 */
struct goalloc_ioc_io {
	__u64 handle;
	__u64 offset;
	__u64 len;
	__u64 buf;
};

#define GOALLOC_IO_SIZE_VER0	32

/* The pattern that FILL writes and VERIFY expects, at byte i of an object. */
#define GOALLOC_PATTERN_BYTE	0	/* the lowest byte of the seed */
#define GOALLOC_PATTERN_MIX	1	/* byte i % 8 of a hash of seed and i / 8 */

/**
 * struct goalloc_ioc_pattern - fill an object with a pattern, or verify it
 * @handle: in: the object
 * @offset: in: offset in the object
 * @len: in: number of bytes
 * @seed: in: seed of the pattern
 * @pattern: in: GOALLOC_PATTERN_*
 * @pad: must be zero
 * @good: out: for FILL, bytes that were filled; for VERIFY, bytes before the
 *	first difference, which is @len if there is none
 *
 * GOALLOC_PATTERN_MIX is splitmix64: z ^ z >> 31, little endian, where
 * z = (y ^ y >> 27) * 0x94d049bb133111eb,
 * y = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 and
 * x = seed + (i / 8 + 1) * 0x9e3779b97f4a7c15.
 */
struct goalloc_ioc_pattern {
	__u64 handle;
	__u64 offset;
	__u64 len;
	__u64 seed;
	__u32 pattern;
	__u32 pad;
	__u64 good;
};

#define GOALLOC_PATTERN_SIZE_VER0	48

#define GOALLOC_BULK_MAX	65536

/**
 * struct goalloc_ioc_alloc_bulk - allocate many objects
 * @size: in: bytes wanted for each
 * @flags: in: GOALLOC_ALLOC_*
 * @node: in: as for ALLOC
 * @count: in: number of objects, at most GOALLOC_BULK_MAX
 * @handles: in: address of an array of __u64 for the handles
 * @done: out: number of objects that were allocated
 *
 * If memory or a limit is exhausted, at a bad address and at a signal the call
 * ends early.  As with write(2), it succeeds if at least one object was
 * allocated.
 */
struct goalloc_ioc_alloc_bulk {
	__u64 size;
	__u32 flags;
	__u32 node;
	__u64 count;
	__u64 handles;
	__u64 done;
};

#define GOALLOC_ALLOC_BULK_SIZE_VER0	40

/**
 * struct goalloc_ioc_free_bulk - free many objects
 * @count: in: number of objects, at most GOALLOC_BULK_MAX
 * @handles: in: address of an array of __u64 with the handles
 * @done: out: number of objects that were freed, in the order of the array
 *
 * The call ends early, as ALLOC_BULK does, at a bad address, an unknown handle
 * and a signal.
 */
struct goalloc_ioc_free_bulk {
	__u64 count;
	__u64 handles;
	__u64 done;
};

#define GOALLOC_FREE_BULK_SIZE_VER0	24

/**
 * struct goalloc_class_stats - statistics of a span class
 * @size_class: size class; 0 for all large objects
 * @noscan: 1 for objects without pointers
 * @size: bytes of an object
 * @objects: objects in a span
 * @spans: spans of the class
 * @mallocs: objects ever allocated
 * @frees: objects ever freed
 * @requested: bytes ever asked for
 * @live: live objects
 * @cached: objects in the stacks of the CPUs
 * @free: free objects in the spans
 * @inuse: bytes of the spans
 * @tail: bytes of @inuse that are lost at the ends of spans
 *
 * The fields are not read at the same instant: they may disagree slightly while
 * objects are allocated and freed.
 */
struct goalloc_class_stats {
	__u32 size_class;
	__u32 noscan;
	__u64 size;
	__u64 objects;
	__u64 spans;
	__u64 mallocs;
	__u64 frees;
	__u64 requested;
	__u64 live;
	__u64 cached;
	__u64 free;
	__u64 inuse;
	__u64 tail;
};

/**
 * struct goalloc_ioc_bysize - read the statistics of all span classes
 * @buf: in: address of an array of struct goalloc_class_stats
 * @entry_size: in: the program's size of an entry; if it is smaller than the
 *	module's, only the first fields are stored, and if it is larger, the
 *	rest is filled with zeroes
 * @nr: in: entries that @buf has room for; out: entries that the module has
 */
struct goalloc_ioc_bysize {
	__u64 buf;
	__u32 entry_size;
	__u32 nr;
};

#define GOALLOC_BYSIZE_SIZE_VER0	16

/**
 * struct goalloc_ioc_free_os_memory - give free memory back to the kernel
 * @released: out: bytes that went back to the kernel
 */
struct goalloc_ioc_free_os_memory {
	__u64 released;
};

#define GOALLOC_RUN_SIZES	16
#define GOALLOC_RUN_CPUS	1024
#define GOALLOC_RUN_BUCKETS	40
#define GOALLOC_RUN_MAX_NS	60000000000ULL
#define GOALLOC_RUN_MAX_LIVE	65536

/**
 * struct goalloc_run_size - a kind of object in a workload
 * @min: the smallest size in bytes, at least 1
 * @max: the largest size; all sizes from @min to @max are equally likely
 * @weight: frequency relative to the other kinds
 * @flags: GOALLOC_ALLOC_ZERO and _NOSCAN
 */
struct goalloc_run_size {
	__u32 min;
	__u32 max;
	__u32 weight;
	__u32 flags;
};

/* The order in which a workload's objects are freed. */
#define GOALLOC_RUN_RANDOM	0	/* at random, about half of them live */
#define GOALLOC_RUN_FIFO	1	/* allocate all, then free the oldest first */
#define GOALLOC_RUN_LIFO	2	/* allocate all, then free the newest first */

/* Flags of a workload. */
#define GOALLOC_RUN_TOUCH	(1U << 0)	/* write to all of each object */
#define GOALLOC_RUN_UNTIMED	(1U << 1)	/* no histograms: only throughput */
#define GOALLOC_RUN_FLAGS	(GOALLOC_RUN_TOUCH | GOALLOC_RUN_UNTIMED)

/* How a workload ended. */
#define GOALLOC_RUN_COMPLETE	0	/* all operations were done */
#define GOALLOC_RUN_TIME	1	/* the time was up */
#define GOALLOC_RUN_SIGNAL	2	/* a signal came */

/**
 * struct goalloc_run_hist - a histogram of latencies
 * @count: number of latencies
 * @total_ns: their sum
 * @min_ns: the shortest
 * @max_ns: the longest
 * @bucket: [0] counts latencies of 0 ns, [i] those of 2^(i-1) to 2^i - 1 ns;
 *	the last bucket also counts all longer ones
 */
struct goalloc_run_hist {
	__u64 count;
	__u64 total_ns;
	__u64 min_ns;
	__u64 max_ns;
	__u64 bucket[GOALLOC_RUN_BUCKETS];
};

/**
 * struct goalloc_ioc_run - run a workload inside the kernel
 * @count: in: operations of each CPU; 0: until the time is up
 * @duration_ns: in: the longest time, up to GOALLOC_RUN_MAX_NS; 0 means that
 * @seed: in: seed of the random numbers
 * @live: in: the most objects that a CPU holds, 1 to GOALLOC_RUN_MAX_LIVE
 * @order: in: GOALLOC_RUN_RANDOM, _FIFO or _LIFO
 * @realloc_percent: in: percent of frees that change an object's size instead
 * @remote_percent: in: percent of frees that another CPU does
 * @flags: in: GOALLOC_RUN_TOUCH, _UNTIMED
 * @nr_sizes: in: entries of @sizes, at least 1
 * @cpus: in: a bit for each CPU that takes part; none: all CPUs online
 * @sizes: in: the kinds of objects
 * @status: out: GOALLOC_RUN_COMPLETE, _TIME or _SIGNAL
 * @nr_cpus: out: CPUs that took part
 * @elapsed_ns: out: from the start of the first CPU to the end of the last
 * @mallocs: out: objects allocated
 * @frees: out: objects freed, as many as @mallocs: frees after the last
 *	operation are included
 * @reallocs: out: objects whose size was changed
 * @failures: out: allocations that got no memory
 * @bytes: out: bytes asked for
 * @malloc_hist: out: latencies of allocations
 * @free_hist: out: latencies of frees
 *
 * The worst case, @live objects of the largest size on each CPU and a slot of 8
 * bytes for each, is charged to the descriptor's account for as long as it takes.
 */
struct goalloc_ioc_run {
	__u64 count;
	__u64 duration_ns;
	__u64 seed;
	__u32 live;
	__u32 order;
	__u32 realloc_percent;
	__u32 remote_percent;
	__u32 flags;
	__u32 nr_sizes;
	__u64 cpus[GOALLOC_RUN_CPUS / 64];
	struct goalloc_run_size sizes[GOALLOC_RUN_SIZES];
	__u32 status;
	__u32 nr_cpus;
	__u64 elapsed_ns;
	__u64 mallocs;
	__u64 frees;
	__u64 reallocs;
	__u64 failures;
	__u64 bytes;
	struct goalloc_run_hist malloc_hist;
	struct goalloc_run_hist free_hist;
};

#define GOALLOC_RUN_SIZE_VER0	1192

/* Our range: 'g' 0x80-0x9f, unused in ioctl-number.rst. */
#define GOALLOC_IOC_MAGIC	'g'
#define GOALLOC_IOC_ALLOC	\
	_IOWR(GOALLOC_IOC_MAGIC, 0x80, struct goalloc_ioc_alloc)
#define GOALLOC_IOC_FREE	\
	_IOW(GOALLOC_IOC_MAGIC, 0x81, __u64)
#define GOALLOC_IOC_READ	\
	_IOW(GOALLOC_IOC_MAGIC, 0x82, struct goalloc_ioc_io)
#define GOALLOC_IOC_WRITE	\
	_IOW(GOALLOC_IOC_MAGIC, 0x83, struct goalloc_ioc_io)
#define GOALLOC_IOC_STAT	\
	_IOWR(GOALLOC_IOC_MAGIC, 0x84, struct goalloc_ioc_stat)
#define GOALLOC_IOC_MEMSTATS	\
	_IOR(GOALLOC_IOC_MAGIC, 0x85, struct goalloc_memstats)
#define GOALLOC_IOC_INFO	\
	_IOR(GOALLOC_IOC_MAGIC, 0x86, struct goalloc_ioc_info)
#define GOALLOC_IOC_REALLOC	\
	_IOWR(GOALLOC_IOC_MAGIC, 0x87, struct goalloc_ioc_realloc)
#define GOALLOC_IOC_FILL	\
	_IOWR(GOALLOC_IOC_MAGIC, 0x88, struct goalloc_ioc_pattern)
#define GOALLOC_IOC_VERIFY	\
	_IOWR(GOALLOC_IOC_MAGIC, 0x89, struct goalloc_ioc_pattern)
#define GOALLOC_IOC_ALLOC_BULK	\
	_IOWR(GOALLOC_IOC_MAGIC, 0x8a, struct goalloc_ioc_alloc_bulk)
#define GOALLOC_IOC_FREE_BULK	\
	_IOWR(GOALLOC_IOC_MAGIC, 0x8b, struct goalloc_ioc_free_bulk)
#define GOALLOC_IOC_BYSIZE	\
	_IOWR(GOALLOC_IOC_MAGIC, 0x8c, struct goalloc_ioc_bysize)
#define GOALLOC_IOC_FREE_OS_MEMORY	\
	_IOR(GOALLOC_IOC_MAGIC, 0x8d, struct goalloc_ioc_free_os_memory)
#define GOALLOC_IOC_RUN	\
	_IOWR(GOALLOC_IOC_MAGIC, 0x8e, struct goalloc_ioc_run)

#endif /* _UAPI_LINUX_GOALLOC_H */
