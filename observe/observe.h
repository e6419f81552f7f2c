/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Observe: what looks at the allocator and is called by no part of it.
 *
 *   stats.c         MemStats: how the counters are read together
 *   classes.c       the size classes: facts, and how full their spans are
 *   verify.c        walks everything and checks it
 *   report.c        says what is wrong, in words
 *   debug.c         the parameter debug=
 *   fault.c         the knobs of fault injection
 *   debugfs.c       /sys/kernel/debug/goalloc
 *   debugfs_heap.c  its files that look at spans and pages
 */
#ifndef GOALLOC_OBSERVE_H
#define GOALLOC_OBSERVE_H

#include <linux/percpu.h>
#include <linux/seq_file.h>
#include <linux/goalloc.h>
#include "types.h"

struct dentry;

/* The span classes of small objects. */
#define for_each_gospc(spc)						\
	for ((spc) = GO_SPC(1, 0); (spc) < GO_NR_SPANCLASSES; (spc)++)

/* A counter of the mcaches, summed over all CPUs. */
#define gostats_sum_cpus(h, counter)					\
({									\
	unsigned long __sum = 0;					\
	int __cpu;							\
									\
	for_each_possible_cpu(__cpu)					\
		__sum += READ_ONCE(per_cpu_ptr((h)->mcache,		\
					       __cpu)->counter);	\
	__sum;								\
})

/**
 * struct gostats_spc - the counters of a span class
 * @mallocs: objects handed out
 * @frees: objects taken back
 * @requested: bytes asked for
 * @cached: objects on the stacks of CPUs
 */
struct gostats_spc {
	unsigned long mallocs;
	unsigned long frees;
	unsigned long requested;
	unsigned long cached;
};

/**
 * struct gostats_large - the counters of large objects
 * @mallocs: objects handed out
 * @frees: objects taken back
 * @alloced: bytes handed out
 * @freed: bytes taken back
 * @requested: bytes asked for
 */
struct gostats_large {
	unsigned long mallocs;
	unsigned long frees;
	unsigned long alloced;
	unsigned long freed;
	unsigned long requested;
};

/* stats.c */
void gostats_read(struct goheap *h, struct goalloc_memstats *m);
size_t gostats_fixed(struct goheap *h);
void gostats_read_spc(struct goheap *h, unsigned int spc,
		      struct gostats_spc *st);
void gostats_read_large(struct goheap *h, struct gostats_large *large);

/* verify.c */
unsigned int goverify(struct goheap *h, struct seq_file *m);

/* report.c */
void goreport_init(void);
void goreport_leaks(struct goheap *h);

/* debug.c */
int godebug_set(const char *val);
int godebug_get(char *buf);

/* fault.c */
#ifdef CONFIG_FAULT_INJECTION
void gofault_init(struct dentry *dir);
#else
static inline void gofault_init(struct dentry *dir) { }
#endif

/* debugfs.c */
void godebugfs_init(void);
void godebugfs_exit(void);

#endif /* GOALLOC_OBSERVE_H */
