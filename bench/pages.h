/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many pages an allocator holds.
 *
 * goalloc: MemStats' Sys, which includes its metadata.  kmalloc: the kernel's
 * count of slab pages (large kmallocs are among them), and as the kernel keeps
 * part of it per CPU, these parts are added in.  The slab count is of the whole
 * machine: it is exact on a quiet one, and as it is written by others without a
 * lock, a busy one adds what these others do.
 */
#ifndef GOALLOC_BENCH_PAGES_H
#define GOALLOC_BENCH_PAGES_H

#include <linux/goalloc.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/percpu.h>
#include <linux/vmstat.h>

static inline s64 node_stat(enum node_stat_item item)
{
	s64 pages = atomic_long_read(&vm_node_stat[item]);
	struct per_cpu_nodestat *pcp;
	int node, cpu;

	/* Up to a hundred pages a CPU have not been added yet. */
	for_each_online_node(node) {
		for_each_online_cpu(cpu) {
			pcp = per_cpu_ptr(NODE_DATA(node)->per_cpu_nodestats,
					  cpu);
			pages += READ_ONCE(pcp->vm_node_stat_diff[item]);
		}
	}
	return pages;
}

static inline u64 kmalloc_pages(void)
{
	return max(0LL, node_stat(NR_SLAB_RECLAIMABLE_B) +
			node_stat(NR_SLAB_UNRECLAIMABLE_B));
}

static inline u64 goalloc_pages(struct goalloc_memstats *m)
{
	goalloc_read_memstats(m);
	return m->sys >> PAGE_SHIFT;
}

#endif /* GOALLOC_BENCH_PAGES_H */
