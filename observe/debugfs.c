// SPDX-License-Identifier: GPL-2.0
/*
 * What /sys/kernel/debug/goalloc shows.
 *
 * One file for each question; Documentation/ABI/ describes them.  The first
 * line of a file names its format and version, and a reader should ignore keys
 * that it does not know.  Addresses of
 * objects are never shown.  Reading does not stop
 * the heap, so lines may be of slightly different moments; only the figures of
 * memstats and of metrics always agree with each other.
 *
 * debugfs and not sysfs, since the files are tables and long lists, which sysfs
 * does not want, and since they may change with the allocator.  What programs
 * rely on is an ioctl of /dev/goalloc.
 *
 * The files that show counters are here; those that look at the heap itself
 * are in debugfs_heap.c.  A part of the module above observe/ adds its files
 * itself, with godebugfs_add(), so that nothing here calls upwards.
 */

#include <linux/debugfs.h>
#include <linux/goalloc.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include "api.h"
#include "mcache.h"
#include "numa.h"
#include "observe.h"
#include "shape.h"

static struct dentry *dir;

static void show_value(struct seq_file *m, const char *name, u64 value)
{
	seq_printf(m, "%s: %llu\n", name, value);
}

static void show_memstats(struct seq_file *m, const struct goalloc_memstats *s)
{
	show_value(m, "Alloc", s->alloc);
	show_value(m, "TotalAlloc", s->total_alloc);
	show_value(m, "Sys", s->sys);
	show_value(m, "Lookups", s->lookups);
	show_value(m, "Mallocs", s->mallocs);
	show_value(m, "Frees", s->frees);
	show_value(m, "HeapAlloc", s->heap_alloc);
	show_value(m, "HeapSys", s->heap_sys);
	show_value(m, "HeapIdle", s->heap_idle);
	show_value(m, "HeapInuse", s->heap_inuse);
	show_value(m, "HeapReleased", s->heap_released);
	show_value(m, "HeapObjects", s->heap_objects);
	show_value(m, "StackInuse", s->stack_inuse);
	show_value(m, "StackSys", s->stack_sys);
	show_value(m, "MSpanInuse", s->mspan_inuse);
	show_value(m, "MSpanSys", s->mspan_sys);
	show_value(m, "MCacheInuse", s->mcache_inuse);
	show_value(m, "MCacheSys", s->mcache_sys);
	show_value(m, "BuckHashSys", s->buck_hash_sys);
	show_value(m, "GCSys", s->gc_sys);
	show_value(m, "OtherSys", s->other_sys);
	show_value(m, "NextGC", s->next_gc);
	show_value(m, "LastGC", s->last_gc);
	show_value(m, "PauseTotalNs", s->pause_total_ns);
	show_value(m, "NumGC", s->num_gc);
	show_value(m, "NumForcedGC", s->num_forced_gc);
	show_value(m, "GCCPUFraction", s->gc_cpu_fraction);
	show_value(m, "EnableGC", s->enable_gc);
	show_value(m, "DebugGC", s->debug_gc);
	show_value(m, "TotalRequested", s->total_requested);
	show_value(m, "LargeAlloc", s->large_alloc);
	show_value(m, "LargeTotalAlloc", s->large_total_alloc);
	show_value(m, "TinyAllocs", s->tiny_allocs);
	show_value(m, "TinyFrees", s->tiny_frees);
	show_value(m, "Misuses", s->misuses);
	show_value(m, "Failures", s->failures);
	show_value(m, "ScavengedBackground", s->scavenged_background);
	show_value(m, "ScavengedShrinker", s->scavenged_shrinker);
	show_value(m, "ScavengedLimit", s->scavenged_limit);
	show_value(m, "ScavengedByHand", s->scavenged_by_hand);
	show_value(m, "ScavengeCycles", s->scavenge_cycles);
	show_value(m, "ScavengeNs", s->scavenge_ns);
	show_value(m, "MemoryLimit", s->memory_limit);
	show_value(m, "PagesShared", s->pages_shared);
	show_value(m, "PagesLost", s->pages_lost);
	show_value(m, "LeftObjects", s->left_objects);
	show_value(m, "LeftBytes", s->left_bytes);
	show_value(m, "CacheMallocs", s->cache_mallocs);
	show_value(m, "CacheFrees", s->cache_frees);
	show_value(m, "CacheTotalAlloc", s->cache_total_alloc);
	show_value(m, "CacheAlloc", s->cache_alloc);
	show_value(m, "VmallocSys", s->vmalloc_sys);
	show_value(m, "VmallocMallocs", s->vmalloc_mallocs);
	show_value(m, "VmallocFrees", s->vmalloc_frees);
}

static int memstats_show(struct seq_file *m, void *unused)
{
	struct goalloc_memstats *s = kmalloc(sizeof(*s), GFP_KERNEL);
	const struct goalloc_by_size *b;
	unsigned int i;

	if (!s)
		return -ENOMEM;
	goalloc_read_memstats(s);
	seq_puts(m, "# goalloc-memstats v1\n");
	show_memstats(m, s);
	for (i = 0; i < GOALLOC_NR_CLASSES; i++) {
		b = &s->by_size[i];
		seq_printf(m, "BySize[%u].Size: %llu\n", i, b->size);
		seq_printf(m, "BySize[%u].Mallocs: %llu\n", i, b->mallocs);
		seq_printf(m, "BySize[%u].Frees: %llu\n", i, b->frees);
	}
	kfree(s);
	return 0;
}
DEFINE_SIZED_ATTRIBUTE(memstats, SZ_16K);

static void show_metrics(struct seq_file *m, const struct goalloc_memstats *s)
{
	/* In Go, released memory is still mapped.  Here it has gone. */
	show_value(m, "/memory/classes/heap/objects:bytes", s->heap_alloc);
	show_value(m, "/memory/classes/heap/unused:bytes",
		   s->heap_inuse - s->heap_alloc);
	show_value(m, "/memory/classes/heap/free:bytes", s->heap_idle);
	show_value(m, "/memory/classes/heap/released:bytes", 0);
	show_value(m, "/memory/classes/heap/stacks:bytes", s->stack_inuse);
	show_value(m, "/memory/classes/metadata/mspan/inuse:bytes", s->mspan_inuse);
	show_value(m, "/memory/classes/metadata/mspan/free:bytes",
		   s->mspan_sys - s->mspan_inuse);
	show_value(m, "/memory/classes/metadata/mcache/inuse:bytes", s->mcache_inuse);
	show_value(m, "/memory/classes/metadata/mcache/free:bytes",
		   s->mcache_sys - s->mcache_inuse);
	show_value(m, "/memory/classes/metadata/other:bytes", s->gc_sys);
	show_value(m, "/memory/classes/os-stacks:bytes", s->stack_sys);
	show_value(m, "/memory/classes/other:bytes",
		   s->other_sys + s->vmalloc_sys);
	show_value(m, "/memory/classes/profiling/buckets:bytes", s->buck_hash_sys);
	show_value(m, "/memory/classes/total:bytes", s->sys);
	show_value(m, "/gc/heap/allocs:bytes", s->total_alloc);
	show_value(m, "/gc/heap/allocs:objects", s->mallocs);
	show_value(m, "/gc/heap/frees:bytes", s->total_alloc - s->heap_alloc);
	show_value(m, "/gc/heap/frees:objects", s->frees);
	show_value(m, "/gc/heap/objects:objects", s->heap_objects);
	show_value(m, "/gc/heap/tiny/allocs:objects", s->tiny_allocs);
	show_value(m, "/gc/heap/goal:bytes", s->next_gc);
	/* Go says no limit with the largest number of its type. */
	show_value(m, "/gc/gomemlimit:bytes", s->memory_limit ?: S64_MAX);
	show_value(m, "/gc/cycles/automatic:gc-cycles", s->num_gc - s->num_forced_gc);
	show_value(m, "/gc/cycles/forced:gc-cycles", s->num_forced_gc);
	show_value(m, "/gc/cycles/total:gc-cycles", s->num_gc);
}

/* Go's histograms: a bucket for each class, and one for all larger objects. */
static void show_histograms(struct seq_file *m,
			    const struct goalloc_memstats *s)
{
	unsigned int i;

	for (i = 1; i < GOALLOC_NR_CLASSES; i++)
		seq_printf(m, "/gc/heap/allocs-by-size:bytes[%llu]: %llu\n",
			   s->by_size[i].size, s->by_size[i].mallocs);
	show_value(m, "/gc/heap/allocs-by-size:bytes[+Inf]", s->by_size[0].mallocs);
	for (i = 1; i < GOALLOC_NR_CLASSES; i++)
		seq_printf(m, "/gc/heap/frees-by-size:bytes[%llu]: %llu\n",
			   s->by_size[i].size, s->by_size[i].frees);
	show_value(m, "/gc/heap/frees-by-size:bytes[+Inf]", s->by_size[0].frees);
}

static int metrics_show(struct seq_file *m, void *unused)
{
	struct goalloc_memstats *s = kmalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return -ENOMEM;
	goalloc_read_memstats(s);
	seq_puts(m, "# goalloc-metrics v1\n");
	show_metrics(m, s);
	show_histograms(m, s);
	kfree(s);
	return 0;
}
DEFINE_SIZED_ATTRIBUTE(metrics, SZ_16K);

/* Show what the stacks of a CPU hold and what they have done. */
static void show_mcache(struct seq_file *m, int cpu)
{
	struct gomcache *c = per_cpu_ptr(goalloc_heap.mcache, cpu);
	unsigned long objects = 0, bytes = 0, mallocs = 0, frees = 0, n;
	unsigned int spc;

	/* See gostack_peek(). */
	rcu_read_lock();
	for_each_goshape(spc) {
		n = gostack_peek(&c->stack[spc]);
		objects += n;
		bytes += n * goshapes[spc].size;
		mallocs += READ_ONCE(c->stack[spc].mallocs);
		frees += READ_ONCE(c->stack[spc].frees);
	}
	rcu_read_unlock();
	seq_printf(m, "%5d %8lu %9lu %9lu %14lu %14lu %10lu %10lu %10lu %12lu %12lu\n",
		   cpu, objects, bytes, READ_ONCE(c->bytes), mallocs, frees,
		   READ_ONCE(c->refills), READ_ONCE(c->flushes),
		   READ_ONCE(c->nested), READ_ONCE(c->tiny_mallocs),
		   READ_ONCE(c->tiny_frees));
}

/*
 * Show what was done without an mcache: in interrupts that found it busy, in
 * NMI and by gomalloc_node().
 */
static void show_past_mcaches(struct seq_file *m)
{
	unsigned long mallocs = 0, frees = 0;
	unsigned int spc;
	int nid;

	for_each_gonode(&goalloc_heap, nid) {
		struct gotransfer *t = goalloc_heap.node[nid]->transfer;
		struct gocentral *c = goalloc_heap.node[nid]->central;

		for_each_goshape(spc) {
			mallocs += READ_ONCE(c[spc].mallocs) +
				   READ_ONCE(t[spc].mallocs);
			frees += READ_ONCE(c[spc].frees);
		}
	}
	seq_printf(m, "past the mcaches: %lu mallocs, %lu frees\n", mallocs,
		   frees);
}

static int mcaches_show(struct seq_file *m, void *unused)
{
	int cpu;

	seq_puts(m, "# goalloc-mcaches v1\n");
	seq_puts(m, "  cpu  objects     bytes  capacity        mallocs          frees    refills    flushes     nested tiny-mallocs   tiny-frees\n");
	for_each_possible_cpu(cpu) {
		show_mcache(m, cpu);
		cond_resched();
	}
	show_past_mcaches(m);
	return 0;
}
DEFINE_SIZED_ATTRIBUTE(mcaches, SZ_1K + 160 * num_possible_cpus());

static int verify_show(struct seq_file *m, void *unused)
{
	goverify(&goalloc_heap, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(verify);

/* Bytes that the last write of 1 to free_os_memory has given back. */
static u64 last_freed;

static int free_os_memory_get(void *data, u64 *val)
{
	*val = READ_ONCE(last_freed);
	return 0;
}

static int free_os_memory_set(void *data, u64 val)
{
	if (val != 1)
		return -EINVAL;
	WRITE_ONCE(last_freed, goalloc_free_os_memory());
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(free_os_memory_fops, free_os_memory_get,
			 free_os_memory_set, "%llu\n");

/**
 * godebugfs_init - make the directory and the files of observe/
 *
 * Errors are ignored, as debugfs recommends: the allocator works without the
 * files.
 *
 * Context: task.
 */
void godebugfs_init(void)
{
	dir = debugfs_create_dir("goalloc", NULL);
	debugfs_create_file("memstats", 0400, dir, NULL, &memstats_fops);
	debugfs_create_file("metrics", 0400, dir, NULL, &metrics_fops);
	debugfs_create_file("mcaches", 0400, dir, NULL, &mcaches_fops);
	debugfs_create_file("verify", 0400, dir, NULL, &verify_fops);
	debugfs_create_file_unsafe("free_os_memory", 0600, dir, NULL,
				   &free_os_memory_fops);
	godebugfs_heap_init(dir);
	goowners_init(dir);
	gocaches_files(dir);
	godropin_files(dir);
	gosites_files(dir);
	goprofile_files(dir);
	gofault_init(dir);
}

/**
 * godebugfs_add - make a file for a part of the module above observe/
 * @name: the name of the file
 * @fops: the functions that serve it; valid until godebugfs_exit()
 *
 * Context: task, after godebugfs_init().
 */
void godebugfs_add(const char *name, const struct file_operations *fops)
{
	debugfs_create_file(name, 0400, dir, NULL, fops);
}

/**
 * godebugfs_exit - remove all files
 *
 * Context: task.
 */
void godebugfs_exit(void)
{
	debugfs_remove_recursive(dir);
}
