/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interfaces between the parts of gobench.
 *
 *   gobench_main.c  the workloads, and the module
 *   loops.c         the loops of loops.h, once for each allocator
 *   order.c         random numbers and orders
 *   measure.c       runs the loops and prints rows of results
 *
 * A row is "BENCH workload,param,allocator,measure,total,ops".
 * scripts/bench-report divides the total by the operations, compares and draws.
 */
#ifndef GOBENCH_H
#define GOBENCH_H

#include <linux/slab.h>
#include <linux/types.h>
#include "loop.h"

/**
 * enum bench_allocator - what is measured
 * @NONE: the empty loop, whose cost is subtracted from the others
 * @GO: goalloc
 * @K: kmalloc
 * @CACHE: a kmem_cache of the size
 * @NR_ALLOCATORS: the number of these
 */
enum bench_allocator { NONE, GO, K, CACHE, NR_ALLOCATORS };

/**
 * struct loop - a loop for each allocator; NULL where it does not apply
 * @fn: by enum bench_allocator
 */
struct loop {
	bench_loop fn[NR_ALLOCATORS];
};

/* loops.c */
extern const struct loop loop_warm, loop_sized, loop_zeroed, loop_tiny;
extern const struct loop loop_fifo, loop_lifo, loop_random, loop_bulk;
extern const struct loop loop_tiny_batch, loop_realloc;
extern const struct loop loop_fill, loop_drain;
extern const struct loop loop_fill_sizes, loop_replace, loop_timed_replace;
extern const struct loop loop_const_8, loop_const_64, loop_const_512;
extern const struct loop loop_cache_warm, loop_cache_sized, loop_cache_zeroed;
extern const struct loop loop_cache_tiny, loop_cache_fill, loop_cache_drain;
extern const struct loop loop_cache_fifo, loop_cache_lifo, loop_cache_random;
extern const struct loop loop_cache_tiny_batch, loop_cache_bulk;
extern const struct loop loop_const_1024, loop_const_8192, loop_const_sized_64;

/* measure.c */
extern const char *const bench_names[NR_ALLOCATORS];
bool bench_in_ns(void);
void bench_row(const char *workload, const char *param,
	       enum bench_allocator a, const char *measure, u64 total,
	       u64 ops);
int bench_on_cpu(int cpu, bench_loop fn, struct bench *b);
void bench_count(bool on);
void bench_counted(const char *workload, const char *param,
		   enum bench_allocator a, u64 ops);
int bench_measure(const char *workload, const char *param,
		  const struct loop *loop, struct bench *b, u64 ops);
int bench_measure_init(bool marks, unsigned int rounds);
void bench_measure_exit(void);

#endif /* GOBENCH_H */
