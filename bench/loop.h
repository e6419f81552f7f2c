/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the loops of loops.h work on.  They are compiled for the kernel, by
 * loops.c, and for the peers of user space, by peers.c: this file is what both
 * need, with the random numbers and orders that are the same for all.
 */
#ifndef GOALLOC_BENCH_LOOP_H
#define GOALLOC_BENCH_LOOP_H

#include <linux/types.h>

#ifndef __KERNEL__
#include <stdbool.h>
#include <stddef.h>
#include <sys/cdefs.h>

typedef __u32 u32;
typedef __u64 u64;

#define gfp_t			unsigned int
#define GFP_NOWAIT		0
#define __PASTE_NOW(a, b)	a##b
#define __PASTE(a, b)		__PASTE_NOW(a, b)

static __always_inline void barrier_data(const void *p)
{
	asm volatile("" : : "r" (p) : "memory");
}
#endif

struct gocache;
struct kmem_cache;
struct latency;

/**
 * struct bench - the arguments of a loop
 * @size: bytes of an object
 * @n: objects in a batch, or steps
 * @reps: how often the batch is repeated
 * @p: the objects
 * @slots: how many of @p a random replacement chooses from; a power of two
 * @order: a permutation of the batch
 * @sizes: BENCH_SIZES random sizes
 * @cache: the kmem_cache of %CACHE
 * @named: the same of goalloc, for the workloads that are of caches
 * @rnd: state of the random numbers, which is the same for each allocator
 * @lat: latencies of alloc and of free, for the timed loop
 */
struct bench {
	size_t size;
	unsigned int n;
	unsigned int reps;
	void **p;
	unsigned int slots;
	const u32 *order;
	const u32 *sizes;
	struct kmem_cache *cache;
	struct gocache *named;
	u32 rnd;
	struct latency *lat;
};

#define BENCH_SIZES	1024
#define BENCH_BATCH	4096

/* How often a batch is repeated, and how much longer for a clock. */
#define BENCH_REPS(n)	((n) < 1024 ? 1024 / (n) : 1)
#define BENCH_CLOCK	20

/* Objects that a producer hands over at a time, and how often that counts. */
#define BENCH_HANDED	256
#define BENCH_HANDOVERS	32

typedef void (*bench_loop)(struct bench *b);

/* order.c */
u32 bench_random(u32 *state);
void bench_shuffle(u32 *order, unsigned int n);

#endif /* GOALLOC_BENCH_LOOP_H */
