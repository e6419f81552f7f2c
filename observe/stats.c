// SPDX-License-Identifier: GPL-2.0
/*
 * MemStats: where each counter lives, and how they are read together.
 *
 * A CPU counts what its mcache hands out and takes back, an mcentral what goes
 * past the mcaches, a node its pages and large objects, a gofix its metadata.
 * Nobody stops for a reader, and the identities of MemStats hold all the same,
 * because of the order of reading:
 *
 *   1. mallocs, of everybody          so that M <= what was ever allocated by t
 *   2. the pages, node by node, at t
 *   3. frees, of everybody            so that F >= what was ever freed by t
 *
 * M - F is then at most what was live at t, class by class, and that fits into
 * the spans that were in use at t: HeapAlloc <= HeapInuse.  (Idle spans, which
 * mcentrals keep, are none of these: an mcentral says so only after the last
 * object was counted as freed, and no more before the first one is handed out.)  Where a class has
 * F > M, because objects came and went while we were reading, M is taken to be
 * F, which is still no more than has been allocated; and as the maximum of two
 * counters that never fall it never falls either.  With nobody at work all of
 * it is exact.
 *
 * Every part counts for itself; this file calls none of them.
 */

#include <linux/export.h>
#include <linux/goalloc.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include "api.h"
#include "central.h"
#include "mcache.h"
#include "numa.h"
#include "observe.h"

/* A counter of a span class: of all CPUs, and past the mcaches of all nodes. */
#define sum_of(h, spc, counter)						\
({									\
	u64 sum = 0;							\
	int i;								\
									\
	for_each_possible_cpu(i)					\
		sum += READ_ONCE(per_cpu_ptr((h)->mcache,		\
					     i)->stack[spc].counter);	\
	for_each_gonode(h, i)						\
		sum += READ_ONCE((h)->node[i]->central[spc].counter);	\
	sum;								\
})

/**
 * gostats_read_spc - the counters of one span class
 * @h: the heap
 * @spc: the span class
 * @st: filled in; frees never exceed mallocs
 *
 * Context: any but NMI.
 */
void gostats_read_spc(struct goheap *h, unsigned int spc,
		      struct gostats_spc *st)
{
	int cpu;

	st->frees = sum_of(h, spc, frees);
	st->requested = sum_of(h, spc, requested);
	/* An object that we see freed, or its size, we shall see allocated. */
	smp_rmb();
	st->mallocs = max_t(u64, sum_of(h, spc, mallocs), st->frees);
	st->cached = 0;
	for_each_possible_cpu(cpu)
		st->cached += gostack_peek(&per_cpu_ptr(h->mcache,
							cpu)->stack[spc]);
}

/* A node's pages and large objects, all of one moment. */
static void read_node(struct gonode *node, struct goalloc_memstats *m,
		      u64 *large_freed)
{
	u64 *scavenged[] = {
		[GO_BY_BACKGROUND] = &m->scavenged_background,
		[GO_BY_SHRINKER] = &m->scavenged_shrinker,
		[GO_BY_LIMIT] = &m->scavenged_limit,
		[GO_BY_HAND] = &m->scavenged_by_hand,
	};
	struct goalloc_by_size *large = &m->by_size[0];
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&node->lock, flags);
	m->heap_sys += (u64)node->sys << GO_PAGE_SHIFT;
	m->heap_idle += (u64)(node->runs.free + gocentral_idle_pages(node)) <<
			GO_PAGE_SHIFT;
	m->heap_released += (u64)node->released << GO_PAGE_SHIFT;
	m->pages_shared += node->shared;
	m->pages_lost += node->lost;
	for (i = 0; i < GO_NR_SCAVENGERS; i++)
		*scavenged[i] += (u64)node->scavenged[i] << GO_PAGE_SHIFT;
	large->mallocs += node->large_mallocs;
	large->frees += node->large_frees;
	m->large_total_alloc += node->large_alloced;
	*large_freed += node->large_freed;
	m->total_requested += node->large_requested;
	raw_spin_unlock_irqrestore(&node->lock, flags);
}

/* A gofix's chunks and objects, of one moment: never more in use than held. */
static void read_fix(struct gofixalloc *f, u64 *sys, u64 *inuse)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&f->lock, flags);
	*sys += (u64)f->nchunks * (PAGE_SIZE << f->order);
	*inuse += (u64)f->inuse * f->size;
	raw_spin_unlock_irqrestore(&f->lock, flags);
}

static size_t map_bytes(struct goheap *h)
{
	size_t n;

	rcu_read_lock();
	n = struct_size_t(struct goarenamap, arena,
			  rcu_dereference(h->map)->nr);
	rcu_read_unlock();
	return n;
}

static size_t mcache_bytes(void)
{
	return num_possible_cpus() * sizeof(struct gomcache);
}

static size_t node_bytes(struct goheap *h)
{
	size_t n = nr_node_ids * sizeof(struct gonode *);
	int nid;

	for_each_gonode(h, nid)
		n += sizeof(struct gonode);
	return n;
}

/**
 * gostats_fixed - the part of Sys that is there from the beginning
 * @h: the heap
 *
 * Context: any but NMI.
 * Return: bytes.
 */
size_t gostats_fixed(struct goheap *h)
{
	return map_bytes(h) + mcache_bytes() + node_bytes(h);
}

static void read_metadata(struct goheap *h, struct goalloc_memstats *m)
{
	u64 percpu = mcache_bytes(), unused = 0;
	unsigned int i;

	read_fix(&h->fix[GO_FIX_SPAN], &m->mspan_sys, &m->mspan_inuse);

	m->mcache_sys = percpu;
	m->mcache_inuse = percpu;
	for (i = GO_FIX_STACK; i < GO_NR_FIX; i++)
		read_fix(&h->fix[i], &m->mcache_sys, &m->mcache_inuse);

	for (i = GO_FIX_ARENA; i < GO_FIX_STACK; i++)
		read_fix(&h->fix[i], &m->gc_sys, &unused);
	m->gc_sys += map_bytes(h);
	m->other_sys = node_bytes(h);
}

static void read_misc(struct goheap *h, struct goalloc_memstats *m)
{
	struct gomcache *c;
	int i;

	for_each_possible_cpu(i) {
		c = per_cpu_ptr(h->mcache, i);
		m->tiny_frees += READ_ONCE(c->tiny_frees);
	}
	/* An object that we see freed we shall see allocated. */
	smp_rmb();
	for_each_possible_cpu(i) {
		c = per_cpu_ptr(h->mcache, i);
		m->tiny_allocs += READ_ONCE(c->tiny_mallocs);
	}
	for (i = 0; i < GO_NR_MISUSES; i++)
		m->misuses += atomic_long_read(&h->misuse[i]);
	m->failures = atomic_long_read(&h->failures);
	m->scavenge_cycles = atomic_long_read(&h->cycles);
	m->scavenge_ns = atomic64_read(&h->scavenge_ns);
	m->memory_limit = READ_ONCE(h->limit);
}

/* What follows from what has been read. */
static void derive(struct goalloc_memstats *m, u64 freed)
{
	struct goalloc_by_size *b;
	unsigned int i;

	for (i = 0; i < GO_NR_CLASSES; i++) {
		b = &m->by_size[i];
		b->size = go_class_size[i];
		b->mallocs = max(b->mallocs, b->frees);
		m->mallocs += b->mallocs;
		m->frees += b->frees;
		m->total_alloc += b->size * b->mallocs;
		freed += b->size * b->frees;
	}
	m->total_alloc += m->large_total_alloc;
	m->heap_alloc = m->total_alloc - freed;
	m->alloc = m->heap_alloc;
	m->heap_objects = m->mallocs - m->frees;
	m->heap_inuse = m->heap_sys - m->heap_idle;
	m->sys = m->heap_sys + m->stack_sys + m->mspan_sys + m->mcache_sys +
		 m->buck_hash_sys + m->gc_sys + m->other_sys;
}

/**
 * gostats_read - read MemStats
 * @h: the heap
 * @m: filled in whole
 *
 * Context: any but NMI.
 */
void gostats_read(struct goheap *h, struct goalloc_memstats *m)
{
	u64 large_freed = 0;
	unsigned int spc;
	int nid;

	memset(m, 0, sizeof(*m));
	for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++)
		m->total_requested += sum_of(h, spc, requested);
	/* Sizes are counted after their objects: TotalRequested <= TotalAlloc. */
	smp_rmb();
	for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++)
		m->by_size[GO_SPC_CLASS(spc)].mallocs += sum_of(h, spc, mallocs);
	/* 1 before 2, see above. */
	smp_rmb();
	for_each_gonode(h, nid)
		read_node(h->node[nid], m, &large_freed);
	/* 2 before 3. */
	smp_rmb();
	for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++)
		m->by_size[GO_SPC_CLASS(spc)].frees += sum_of(h, spc, frees);

	m->large_alloc = m->large_total_alloc - large_freed;
	read_metadata(h, m);
	read_misc(h, m);
	derive(m, large_freed);
}

void goalloc_read_memstats(struct goalloc_memstats *m)
{
	gostats_read(&goalloc_heap, m);
}
EXPORT_SYMBOL_GPL(goalloc_read_memstats);
