/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pages that an allocator holds.
 *
 * For goalloc they are MemStats' Sys, which includes its metadata.  For kmalloc
 * they are the kernel's count of slab pages, which includes large kmallocs.
 * The kernel keeps parts of this count per CPU, and they are added here.  The
 * count is that of the whole machine: it is exact only if nothing else
 * allocates.
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

	/* The per-CPU parts: up to about a hundred pages each. */
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
