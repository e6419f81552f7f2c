// SPDX-License-Identifier: GPL-2.0
/*
 * MemStats: where each counter lives, and how they are read together.
 *
 * A CPU counts what its mcache hands out and takes back, an mcentral and a
 * transfer cache what goes past the mcaches, a node its pages and large objects, a gofixalloc its
 * metadata.  Each part counts for itself; this file only reads.
 *
 * Go stops the world to read MemStats, which a module cannot do.  Atomic totals
 * would give all CPUs one cache line to fight for, and a sequence count on each
 * CPU would lengthen every allocation.  So nothing stops for a reader, and the
 * identities of MemStats hold because of the order of reading:
 *
 *   1. mallocs, of all CPUs and nodes     M <= what was allocated by t
 *   2. the pages, node by node            at t, between 1 and 3
 *   3. frees, of all CPUs and nodes       F >= what was freed by t
 *
 * M - F is then at most what was live at t, class by class, and that fits into
 * the spans that were in use at t: HeapAlloc <= HeapInuse.  The idle spans of
 * mcentrals are not in use.  An mcentral counts a span as idle only after its
 * last object was counted as freed, and ends that before the first one is
 * handed out.
 *
 * The objects of named caches are of many sizes, so that their bytes are summed up
 * along with their number, in the same order, and are as true.  When a cache has gone
 * its counters begin again, and what they had counted is added to what all such have;
 * a reader who meets that reads anew.
 *
 * Only those CPUs are walked whose mcaches have ever held an object: a machine may
 * have room for hundreds that it never gets.  A CPU enters the mask before its
 * first object is counted, and the mask is read after what has been seen counted
 * before: whoever sees an object freed finds in the mask the CPU that counted it
 * as allocated.  Still a walk reads 136 cache lines of each CPU, and so it lets
 * others run after each.
 *
 * Objects may come and go while this runs, so that a class has F > M.  M is
 * then taken to be F, which is still no more than has been allocated; and as
 * the maximum of two counters that never fall it never falls either.  All
 * figures are exact when nothing allocates or frees meanwhile.
 */

#include <linux/export.h>
#include <linux/goalloc.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include "api.h"
#include "cache.h"
#include "central.h"
#include "gov.h"
#include "mcache.h"
#include "numa.h"
#include "observe.h"
#include "span.h"

/* A counter of a span class: that of the mcaches, and that past them. */
#define sum_of(h, spc, counter)						\
({									\
	u64 sum = gostats_sum_cpus(h, stack[spc].counter);		\
	int i;								\
									\
	for_each_gonode(h, i)						\
		sum += READ_ONCE((h)->node[i]->central[spc].counter);	\
	sum;								\
})

/* What a class's transfer caches have counted past the mcaches, or hold. */
#define sum_transferred(h, spc, counter)				\
({									\
	u64 sum = 0;							\
	int i;								\
									\
	for_each_gonode(h, i)						\
		sum += READ_ONCE((h)->node[i]->transfer[spc].counter);	\
	sum;								\
})

/* The bytes asked for of a class. */
static u64 sum_requested(struct goheap *h, unsigned int spc)
{
	u64 sum = sum_transferred(h, spc, requested);
	int i;

	for_each_gomcache(h, i)
		sum += gomcache_requested(per_cpu_ptr(h->mcache, i), spc);
	for_each_gonode(h, i)
		sum += READ_ONCE(h->node[i]->central[spc].requested);
	return sum;
}

/**
 * gostats_read_spc - read the counters of one span class
 * @h: the heap
 * @spc: the span class
 * @st: filled in; frees never exceed mallocs
 *
 * Context: task.
 */
void gostats_read_spc(struct goheap *h, unsigned int spc,
		      struct gostats_spc *st)
{
	int cpu;

	st->frees = sum_of(h, spc, frees);
	st->requested = sum_requested(h, spc);
	/* An object whose free or size is seen must be seen allocated. */
	smp_rmb();
	st->mallocs = max_t(u64, sum_of(h, spc, mallocs) +
				 sum_transferred(h, spc, mallocs), st->frees);
	st->cached = sum_transferred(h, spc, objects);
	/* See gostack_peek(). */
	rcu_read_lock();
	for_each_gomcache(h, cpu)
		st->cached += gostack_peek(&per_cpu_ptr(h->mcache,
							cpu)->stack[spc]);
	rcu_read_unlock();
}

static void add_large(const struct gonode *node, struct gostats_large *large)
{
	lockdep_assert_held(&node->lock);
	large->mallocs += node->large_mallocs;
	large->frees += node->large_frees;
	large->alloced += node->large_alloced;
	large->freed += node->large_freed;
	large->requested += node->large_requested;
}

/**
 * gostats_read_large - read the counters of large objects
 * @h: the heap
 * @large: filled in: the sum over all nodes, each at one moment
 *
 * Context: any but NMI.
 */
void gostats_read_large(struct goheap *h, struct gostats_large *large)
{
	struct gonode *node;
	unsigned long flags;
	int nid;

	memset(large, 0, sizeof(*large));
	for_each_gonode(h, nid) {
		node = h->node[nid];
		raw_spin_lock_irqsave(&node->lock, flags);
		add_large(node, large);
		raw_spin_unlock_irqrestore(&node->lock, flags);
	}
}

/* A node's pages and large objects, all at one moment. */
static void read_node(struct gonode *node, struct goalloc_memstats *m,
		      struct gostats_large *large)
{
	u64 *scavenged[] = {
		[GO_BY_BACKGROUND] = &m->scavenged_background,
		[GO_BY_SHRINKER] = &m->scavenged_shrinker,
		[GO_BY_LIMIT] = &m->scavenged_limit,
		[GO_BY_HAND] = &m->scavenged_by_hand,
	};
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&node->lock, flags);
	m->heap_sys += ((u64)node->sys << GO_PAGE_SHIFT) -
		       ((u64)node->halves << PAGE_SHIFT);
	m->heap_idle += ((u64)(node->runs.free + node->kept_pages) << GO_PAGE_SHIFT) +
			((u64)(gocentral_idle_pages(node) + node->paired) <<
			 PAGE_SHIFT);
	m->heap_released += (u64)node->released << PAGE_SHIFT;
	m->pages_shared += node->shared;
	m->pages_lost += node->lost;
	for (i = 0; i < GO_NR_SCAVENGERS; i++)
		*scavenged[i] += (u64)node->scavenged[i] << PAGE_SHIFT;
	add_large(node, large);
	raw_spin_unlock_irqrestore(&node->lock, flags);
}

static void read_nodes(struct goheap *h, struct goalloc_memstats *m)
{
	struct gostats_large large = {};
	int nid;

	for_each_gonode(h, nid)
		read_node(h->node[nid], m, &large);
	m->by_size[0].mallocs = large.mallocs;
	m->by_size[0].frees = large.frees;
	m->total_requested += large.requested;
	m->large_total_alloc = large.alloced;
	m->large_alloc = large.alloced - large.freed;
}

/* A gofixalloc's bytes, at one moment: never more in use than held. */
static void read_fix(struct gofixalloc *f, u64 *sys, u64 *inuse)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&f->lock, flags);
	*sys += (u64)f->nchunks * (PAGE_SIZE << f->order);
	*inuse += (u64)f->inuse * f->size;
	raw_spin_unlock_irqrestore(&f->lock, flags);
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
 * gostats_fixed - the part of Sys that a heap has from its beginning
 * @h: the heap
 *
 * Context: any but NMI.
 * Return: bytes.
 */
size_t gostats_fixed(struct goheap *h)
{
	return gospan_map_bytes(h) + mcache_bytes() + node_bytes(h);
}

static void read_metadata_of(struct gonode *node, struct goalloc_memstats *m)
{
	u64 unused = 0;
	unsigned int i;

	read_fix(&node->fix[GO_FIX_SPAN], &m->mspan_sys, &m->mspan_inuse);
	for (i = GO_FIX_STACK; i < GO_NR_FIX; i++)
		read_fix(&node->fix[i], &m->mcache_sys, &m->mcache_inuse);
	for (i = GO_FIX_ARENA; i < GO_FIX_STACK; i++)
		read_fix(&node->fix[i], &m->gc_sys, &unused);
}

static void read_metadata(struct goheap *h, struct goalloc_memstats *m)
{
	int nid;

	m->mcache_sys = mcache_bytes();
	m->mcache_inuse = m->mcache_sys;
	for_each_gonode(h, nid)
		read_metadata_of(h->node[nid], m);
	m->gc_sys += gospan_map_bytes(h);
	m->other_sys = node_bytes(h);
	m->buck_hash_sys = READ_ONCE(h->profile) + READ_ONCE(h->sites);
}

/* What is virtually contiguous is the API's. */
static void read_vmalloc(struct goheap *h, struct goalloc_memstats *m)
{
	struct gov_stats st;

	if (h != &goalloc_heap)
		return;
	gov_read(&st);
	m->vmalloc_mallocs = st.mallocs;
	m->vmalloc_frees = st.frees;
	m->vmalloc_sys = st.bytes;
}

/* A tiny object may be freed by a CPU whose mcache has never held anything. */
static void read_tiny(struct goheap *h, struct goalloc_memstats *m)
{
	int cpu;

	for_each_possible_cpu(cpu)
		m->tiny_frees += READ_ONCE(per_cpu_ptr(h->mcache,
						       cpu)->tiny_frees);
	/* An object whose free is seen must be seen allocated. */
	smp_rmb();
	for_each_possible_cpu(cpu)
		m->tiny_allocs += READ_ONCE(per_cpu_ptr(h->mcache,
							cpu)->tiny_mallocs);
}

static void read_heap_counters(struct goheap *h, struct goalloc_memstats *m)
{
	unsigned int i;

	read_tiny(h, m);
	for (i = 0; i < GO_NR_MISUSES; i++)
		m->misuses += atomic_long_read(&h->misuse[i]);
	m->failures = atomic_long_read(&h->failures);
	m->left_objects = atomic_long_read(&h->left_objects);
	m->left_bytes = atomic_long_read(&h->left_bytes);
	m->scavenge_cycles = atomic_long_read(&h->cycles);
	m->scavenge_ns = atomic64_read(&h->scavenge_ns);
	m->memory_limit = READ_ONCE(h->limit);
}

/* Add the objects of caches, of which so many bytes were freed. */
static void derive_caches(struct goalloc_memstats *m, u64 freed)
{
	m->cache_mallocs = max(m->cache_mallocs, m->cache_frees);
	m->cache_total_alloc = max(m->cache_total_alloc, freed);
	m->cache_alloc = m->cache_total_alloc - freed;
	m->mallocs += m->cache_mallocs;
	m->frees += m->cache_frees;
	m->total_alloc += m->cache_total_alloc;
	m->heap_alloc += m->cache_alloc;
}

/* Compute what follows from what has been read. */
static void derive_totals(struct goalloc_memstats *m, u64 cache_freed)
{
	u64 freed = m->large_total_alloc - m->large_alloc;
	struct goalloc_by_size *b;
	unsigned int i;

	m->total_alloc = m->large_total_alloc;
	for (i = 0; i < GO_NR_CLASSES; i++) {
		b = &m->by_size[i];
		b->size = go_class_size[i];
		b->mallocs = max(b->mallocs, b->frees);
		m->mallocs += b->mallocs;
		m->frees += b->frees;
		m->total_alloc += b->size * b->mallocs;
		freed += b->size * b->frees;
	}
	m->heap_alloc = m->total_alloc - freed;
	derive_caches(m, cache_freed);
	/* A tiny object that is sampled is counted before its block. */
	m->total_requested = min(m->total_requested, m->total_alloc);
	m->alloc = m->heap_alloc;
	m->heap_objects = m->mallocs - m->frees;
	m->heap_inuse = m->heap_sys - m->heap_idle;
	m->sys = m->heap_sys + m->stack_sys + m->mspan_sys + m->mcache_sys +
		 m->buck_hash_sys + m->gc_sys + m->other_sys + m->vmalloc_sys;
}

/* A counter of bytes of a node; those of CPUs have a reader in mcache.h. */
#define requested_of(of, spc)		READ_ONCE((of)[spc].requested)

/*
 * Add what one CPU or one node has counted, by span class, as allocated; @ask is
 * how to read what was asked for, of @from.
 */
#define add_mallocs(m, of, ask, from)					\
do {									\
	struct goalloc_by_size *b = (m)->by_size;			\
	unsigned int spc;						\
	u64 n;								\
									\
	for_each_goshape(spc)						\
		(m)->total_requested += ask(from, spc);			\
	/* After its object is a size counted: TotalRequested <= TotalAlloc. */ \
	smp_rmb();							\
	for_each_gospc(spc)						\
		b[GO_SPC_CLASS(spc)].mallocs += READ_ONCE((of)[spc].mallocs); \
	for_each_gocache_spc(spc) {					\
		n = READ_ONCE((of)[spc].mallocs);			\
		(m)->cache_mallocs += n;				\
		(m)->cache_total_alloc += n * goshapes[spc].size;	\
	}								\
} while (0)

/* The same of what it has counted as freed; the bytes of caches' to @freed. */
#define add_frees(m, of, freed)						\
do {									\
	struct goalloc_by_size *b = (m)->by_size;			\
	unsigned int spc;						\
	u64 n;								\
									\
	for_each_gospc(spc)						\
		b[GO_SPC_CLASS(spc)].frees += READ_ONCE((of)[spc].frees); \
	for_each_gocache_spc(spc) {					\
		n = READ_ONCE((of)[spc].frees);				\
		(m)->cache_frees += n;					\
		*(freed) += n * goshapes[spc].size;			\
	}								\
} while (0)

static void read_mallocs(struct goheap *h, struct goalloc_memstats *m)
{
	struct gomcache *c;
	struct gonode *node;
	int i;

	for_each_gomcache(h, i) {
		c = per_cpu_ptr(h->mcache, i);
		add_mallocs(m, c->stack, gomcache_requested, c);
		cond_resched();
	}
	for_each_gonode(h, i) {
		node = h->node[i];
		add_mallocs(m, node->central, requested_of, node->central);
		add_mallocs(m, node->transfer, requested_of, node->transfer);
	}
}

static void read_frees(struct goheap *h, struct goalloc_memstats *m, u64 *freed)
{
	int i;

	for_each_gomcache(h, i) {
		add_frees(m, per_cpu_ptr(h->mcache, i)->stack, freed);
		cond_resched();
	}
	for_each_gonode(h, i)
		add_frees(m, h->node[i]->central, freed);
}

/* What caches that are gone have handed out, and taken back: all of it. */
static void add_past_caches(struct goheap *h, struct goalloc_memstats *m,
			    u64 *freed)
{
	if (h != &goalloc_heap)
		return;
	m->cache_mallocs += gocaches_past.objects;
	m->cache_frees += gocaches_past.objects;
	m->cache_total_alloc += gocaches_past.bytes;
	*freed += gocaches_past.bytes;
}

/* Read what has to be read in this order; returns the bytes of caches freed. */
static u64 read_in_order(struct goheap *h, struct goalloc_memstats *m)
{
	u64 freed = 0;

	memset(m, 0, sizeof(*m));
	read_mallocs(h, m);
	/* 1 before 2, see above. */
	smp_rmb();
	read_nodes(h, m);
	/* 2 before 3. */
	smp_rmb();
	read_frees(h, m, &freed);
	add_past_caches(h, m, &freed);
	return freed;
}

/**
 * gostats_read - read MemStats
 * @h: the heap
 * @m: filled in whole
 *
 * Context: task, may sleep.
 */
void gostats_read(struct goheap *h, struct goalloc_memstats *m)
{
	unsigned int seq;
	u64 freed;

	might_sleep();
	/* Again if a cache's span class has become another's meanwhile. */
	do {
		seq = read_seqcount_begin(&gocaches_seq);
		freed = read_in_order(h, m);
	} while (read_seqcount_retry(&gocaches_seq, seq));

	read_metadata(h, m);
	read_vmalloc(h, m);
	read_heap_counters(h, m);
	derive_totals(m, freed);
}

void goalloc_read_memstats(struct goalloc_memstats *m)
{
	gostats_read(&goalloc_heap, m);
}
EXPORT_SYMBOL_GPL(goalloc_read_memstats);
