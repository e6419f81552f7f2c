// SPDX-License-Identifier: GPL-2.0
/*
 * What /sys/kernel/debug/goalloc shows.
 *
 * One file for each question, described in Documentation/ABI/.  Each starts
 * with a line that names its format and version; readers should ignore keys
 * they do not know.  Addresses are never shown.  Reading stops nobody: figures
 * of different lines may be of slightly different moments, but those of
 * memstats and of metrics always agree with each other.
 *
 * Here are the files that show counters; debugfs_heap.c has those that look at
 * the heap itself.
 */

#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include "internal.h"
#include "observe.h"

static struct dentry *dir;

#define put(m, name, value) \
	seq_printf(m, "%s: %llu\n", name, (unsigned long long)(value))

static void put_memstats(struct seq_file *m, const struct goalloc_memstats *s)
{
	put(m, "Alloc", s->alloc);
	put(m, "TotalAlloc", s->total_alloc);
	put(m, "Sys", s->sys);
	put(m, "Lookups", s->lookups);
	put(m, "Mallocs", s->mallocs);
	put(m, "Frees", s->frees);
	put(m, "HeapAlloc", s->heap_alloc);
	put(m, "HeapSys", s->heap_sys);
	put(m, "HeapIdle", s->heap_idle);
	put(m, "HeapInuse", s->heap_inuse);
	put(m, "HeapReleased", s->heap_released);
	put(m, "HeapObjects", s->heap_objects);
	put(m, "StackInuse", s->stack_inuse);
	put(m, "StackSys", s->stack_sys);
	put(m, "MSpanInuse", s->mspan_inuse);
	put(m, "MSpanSys", s->mspan_sys);
	put(m, "MCacheInuse", s->mcache_inuse);
	put(m, "MCacheSys", s->mcache_sys);
	put(m, "BuckHashSys", s->buck_hash_sys);
	put(m, "GCSys", s->gc_sys);
	put(m, "OtherSys", s->other_sys);
	put(m, "NextGC", s->next_gc);
	put(m, "LastGC", s->last_gc);
	put(m, "PauseTotalNs", s->pause_total_ns);
	put(m, "NumGC", s->num_gc);
	put(m, "NumForcedGC", s->num_forced_gc);
	put(m, "GCCPUFraction", s->gc_cpu_fraction);
	put(m, "EnableGC", s->enable_gc);
	put(m, "DebugGC", s->debug_gc);
	put(m, "TotalRequested", s->total_requested);
	put(m, "LargeAlloc", s->large_alloc);
	put(m, "LargeTotalAlloc", s->large_total_alloc);
	put(m, "TinyAllocs", s->tiny_allocs);
	put(m, "TinyFrees", s->tiny_frees);
	put(m, "Misuses", s->misuses);
	put(m, "Failures", s->failures);
	put(m, "ScavengedBackground", s->scavenged_background);
	put(m, "ScavengedShrinker", s->scavenged_shrinker);
	put(m, "ScavengedLimit", s->scavenged_limit);
	put(m, "ScavengedByHand", s->scavenged_by_hand);
	put(m, "ScavengeCycles", s->scavenge_cycles);
	put(m, "ScavengeNs", s->scavenge_ns);
	put(m, "MemoryLimit", s->memory_limit);
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
	put_memstats(m, s);
	for (i = 0; i < GOALLOC_NR_CLASSES; i++) {
		b = &s->by_size[i];
		seq_printf(m, "BySize[%u].Size: %llu\n", i, b->size);
		seq_printf(m, "BySize[%u].Mallocs: %llu\n", i, b->mallocs);
		seq_printf(m, "BySize[%u].Frees: %llu\n", i, b->frees);
	}
	kfree(s);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(memstats);

static void put_metrics(struct seq_file *m, const struct goalloc_memstats *s)
{
	/* What has been given back is gone: none of it is held. */
	put(m, "/memory/classes/heap/objects:bytes", s->heap_alloc);
	put(m, "/memory/classes/heap/unused:bytes",
	    s->heap_inuse - s->heap_alloc);
	put(m, "/memory/classes/heap/free:bytes", s->heap_idle);
	put(m, "/memory/classes/heap/released:bytes", 0);
	put(m, "/memory/classes/heap/stacks:bytes", s->stack_inuse);
	put(m, "/memory/classes/metadata/mspan/inuse:bytes", s->mspan_inuse);
	put(m, "/memory/classes/metadata/mspan/free:bytes",
	    s->mspan_sys - s->mspan_inuse);
	put(m, "/memory/classes/metadata/mcache/inuse:bytes", s->mcache_inuse);
	put(m, "/memory/classes/metadata/mcache/free:bytes",
	    s->mcache_sys - s->mcache_inuse);
	put(m, "/memory/classes/metadata/other:bytes", s->gc_sys);
	put(m, "/memory/classes/os-stacks:bytes", s->stack_sys);
	put(m, "/memory/classes/other:bytes", s->other_sys);
	put(m, "/memory/classes/profiling/buckets:bytes", s->buck_hash_sys);
	put(m, "/memory/classes/total:bytes", s->sys);
	put(m, "/gc/heap/allocs:bytes", s->total_alloc);
	put(m, "/gc/heap/allocs:objects", s->mallocs);
	put(m, "/gc/heap/frees:bytes", s->total_alloc - s->heap_alloc);
	put(m, "/gc/heap/frees:objects", s->frees);
	put(m, "/gc/heap/objects:objects", s->heap_objects);
	put(m, "/gc/heap/tiny/allocs:objects", s->tiny_allocs);
	put(m, "/gc/heap/goal:bytes", s->next_gc);
	/* Go's word for no limit is the largest that it can say. */
	put(m, "/gc/gomemlimit:bytes", s->memory_limit ?: S64_MAX);
	put(m, "/gc/cycles/automatic:gc-cycles", s->num_gc - s->num_forced_gc);
	put(m, "/gc/cycles/forced:gc-cycles", s->num_forced_gc);
	put(m, "/gc/cycles/total:gc-cycles", s->num_gc);
}

/* Go's histograms: a bucket for each class, the last one for all above. */
static void put_histograms(struct seq_file *m, const struct goalloc_memstats *s)
{
	unsigned int i;

	for (i = 1; i < GOALLOC_NR_CLASSES; i++)
		seq_printf(m, "/gc/heap/allocs-by-size:bytes[%llu]: %llu\n",
			   s->by_size[i].size, s->by_size[i].mallocs);
	put(m, "/gc/heap/allocs-by-size:bytes[+Inf]", s->by_size[0].mallocs);
	for (i = 1; i < GOALLOC_NR_CLASSES; i++)
		seq_printf(m, "/gc/heap/frees-by-size:bytes[%llu]: %llu\n",
			   s->by_size[i].size, s->by_size[i].frees);
	put(m, "/gc/heap/frees-by-size:bytes[+Inf]", s->by_size[0].frees);
}

static int metrics_show(struct seq_file *m, void *unused)
{
	struct goalloc_memstats *s = kmalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return -ENOMEM;
	goalloc_read_memstats(s);
	seq_puts(m, "# goalloc-metrics v1\n");
	put_metrics(m, s);
	put_histograms(m, s);
	kfree(s);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(metrics);

/* What a CPU's stacks hold and have done. */
static void show_mcache(struct seq_file *m, int cpu)
{
	struct gomcache *c = per_cpu_ptr(goalloc_heap.mcache, cpu);
	unsigned long objects = 0, bytes = 0, mallocs = 0, frees = 0, n;
	unsigned int spc;

	for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++) {
		n = READ_ONCE(c->stack[spc].top) - READ_ONCE(c->stack[spc].slot);
		/* Its storage is just changing. */
		n = n <= GO_STACK_MAX ? n : 0;
		objects += n;
		bytes += n * go_class_size[GO_SPC_CLASS(spc)];
		mallocs += READ_ONCE(c->stack[spc].mallocs);
		frees += READ_ONCE(c->stack[spc].frees);
	}
	seq_printf(m, "%5d %8lu %9lu %9lu %14lu %14lu %10lu %10lu %10lu %12lu %12lu\n",
		   cpu, objects, bytes, READ_ONCE(c->bytes), mallocs, frees,
		   READ_ONCE(c->refills), READ_ONCE(c->flushes),
		   READ_ONCE(c->nested), READ_ONCE(c->tiny_mallocs),
		   READ_ONCE(c->tiny_frees));
}

/* Who finds the CPU's cache busy, wants a node or is in NMI goes past it. */
static void show_past_mcaches(struct seq_file *m)
{
	unsigned long mallocs = 0, frees = 0;
	unsigned int spc;
	int nid;

	for_each_gonode(&goalloc_heap, nid) {
		struct gocentral *c = goalloc_heap.node[nid]->central;

		for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++) {
			mallocs += READ_ONCE(c[spc].mallocs);
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
	for_each_possible_cpu(cpu)
		show_mcache(m, cpu);
	show_past_mcaches(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(mcaches);

static int verify_show(struct seq_file *m, void *unused)
{
	goverify(&goalloc_heap, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(verify);

/* Write 1 to do it; reading says how much went then. */
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
 * godebugfs_init - make the files
 *
 * A kernel without debugfs does without them.
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
	gofault_init(dir);
}

/**
 * godebugfs_add - make a file of a part above observe/
 * @name: its name
 * @fops: its functions, which are there until godebugfs_exit()
 *
 * Context: task, after godebugfs_init().
 */
void godebugfs_add(const char *name, const struct file_operations *fops)
{
	debugfs_create_file(name, 0400, dir, NULL, fops);
}

/**
 * godebugfs_exit - remove the files
 *
 * Context: task.
 */
void godebugfs_exit(void)
{
	debugfs_remove_recursive(dir);
}
