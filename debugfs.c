// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/goalloc: what the heap looks like, in Go's words.
 *
 * A reader of the counters and of the walk, with no knowledge of its own.  Each
 * file starts with a line that names its format and version; readers should
 * ignore keys they do not know.  Addresses are never shown.  Reading stops
 * nobody: figures of different lines may be of slightly different moments, but
 * those of memstats always agree with each other.
 */

#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include "classes.h"
#include "internal.h"

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

static void show_class(struct seq_file *m, const struct goclass_occupancy *o,
		       unsigned int spc)
{
	unsigned int class = GO_SPC_CLASS(spc), i;
	unsigned int size = go_class_size[class];
	unsigned long tail = ((unsigned long)go_class_pages[class] <<
			      GO_PAGE_SHIFT) - go_class_nelems[class] * size;
	struct gostats_spc st;
	u64 total;

	gostats_read_spc(&goalloc_heap, spc, &st);
	if (!o->spans && !st.mallocs)
		return;
	total = (u64)st.mallocs * size;
	seq_printf(m, "%5u %6u %6u %6lu %8u %9lu %7lu %8lu %9lu %5llu ",
		   class, size, GO_SPC_NOSCAN(spc), o->spans,
		   go_class_nelems[class], st.mallocs - st.frees, st.cached,
		   o->free, tail * o->spans,
		   total ? div64_u64((total - min(total, (u64)st.requested)) *
				     100, total) : 0);
	for (i = 0; i < 10; i++)
		seq_printf(m, " %4u", o->decile[i]);
	seq_putc(m, '\n');
}

static int sizeclasses_show(struct seq_file *m, void *unused)
{
	struct goclass_occupancy *o = kvcalloc(GO_NR_SPANCLASSES, sizeof(*o),
					       GFP_KERNEL);
	unsigned int spc;

	if (!o)
		return -ENOMEM;
	goclasses_walk(&goalloc_heap, o);
	seq_puts(m, "# goalloc-sizeclasses v1\n");
	seq_puts(m, "# tail: bytes lost at the end of spans; round: % of all bytes handed out lost to rounding up;\n");
	seq_puts(m, "# 10%..100%: spans by how many of their objects are live or cached\n");
	seq_puts(m, "class   size noscan  spans objs/spn      live  cached     free      tail round    10%  20%  30%  40%  50%  60%  70%  80%  90% 100%\n");
	for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++)
		show_class(m, o + spc, spc);
	kvfree(o);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sizeclasses);

/* TCMalloc's tiers of the page heap, in pages: up to these, and above. */
#define TIER_SMALL	((256UL << 10) >> GO_PAGE_SHIFT)
#define TIER_MEDIUM	((1UL << 20) >> GO_PAGE_SHIFT)

/**
 * struct pageheap - the runs, counted
 * @runs: free runs by length
 * @used: pages in use, by the length of their span's tier
 * @arenas: arenas held
 * @empty: of those, without a page in use
 */
struct pageheap {
	unsigned int runs[GO_ARENA_PAGES + 1];
	unsigned long used[3];
	unsigned long arenas;
	unsigned long empty;
};

static unsigned int tier(unsigned long npages)
{
	return npages <= TIER_SMALL ? 0 : npages <= TIER_MEDIUM ? 1 : 2;
}

static void add_run(struct gospan *s, void *data)
{
	unsigned int n = READ_ONCE(s->npages);
	struct pageheap *p = data;

	if (!n || n > GO_ARENA_PAGES)
		return;
	if (READ_ONCE(s->state) == GO_SPAN_FREE)
		p->runs[n]++;
	else
		p->used[tier(n)] += n;
}

static void show_tiers(struct seq_file *m, const struct pageheap *p)
{
	static const char * const name[] = {
		"small", "medium", "large",
	};
	unsigned long runs[3] = {}, pages[3] = {};
	unsigned int i, t;

	for (i = 1; i <= GO_ARENA_PAGES; i++) {
		t = tier(i);
		runs[t] += p->runs[i];
		pages[t] += (unsigned long)p->runs[i] * i;
	}
	seq_puts(m, "tier      free-runs  free-bytes  used-bytes\n");
	for (t = 0; t < 3; t++)
		seq_printf(m, "%-8s %10lu %11lu %11lu\n", name[t], runs[t],
			   pages[t] << GO_PAGE_SHIFT,
			   p->used[t] << GO_PAGE_SHIFT);
}

static void add_arena(struct goarena *a, void *data)
{
	struct pageheap *p = data;

	p->arenas++;
	p->empty += READ_ONCE(a->nfree) == READ_ONCE(a->npages);
}

static void show_node(struct seq_file *m, struct gonode *node)
{
	unsigned long flags, sys, free, released;

	raw_spin_lock_irqsave(&node->lock, flags);
	sys = node->sys;
	free = node->free;
	released = node->released;
	raw_spin_unlock_irqrestore(&node->lock, flags);
	seq_printf(m, "node %d: %lu bytes held, %lu free, %lu given back\n",
		   node->nid, sys << GO_PAGE_SHIFT, free << GO_PAGE_SHIFT,
		   released << GO_PAGE_SHIFT);
}

static int pageheap_show(struct seq_file *m, void *unused)
{
	struct pageheap *p = kvzalloc(sizeof(*p), GFP_KERNEL);
	unsigned int i, largest = 0;
	int nid;

	if (!p)
		return -ENOMEM;
	gospan_walk(&goalloc_heap, add_run, p);
	gospan_walk_arenas(&goalloc_heap, add_arena, p);
	seq_puts(m, "# goalloc-pageheap v1\n");
	seq_printf(m, "arenas: %lu, %lu of them empty\n", p->arenas, p->empty);
	for_each_gonode(&goalloc_heap, nid)
		show_node(m, goalloc_heap.node[nid]);
	show_tiers(m, p);
	for (i = 1; i <= GO_ARENA_PAGES; i++)
		if (p->runs[i])
			largest = i;
	seq_printf(m, "largest-run: %lu bytes\n",
		   (unsigned long)largest << GO_PAGE_SHIFT);
	seq_puts(m, "pages  free-runs\n");
	for (i = 1; i <= GO_ARENA_PAGES; i++)
		if (p->runs[i])
			seq_printf(m, "%5u %10u\n", i, p->runs[i]);
	kvfree(p);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pageheap);

static int verify_show(struct seq_file *m, void *unused)
{
	goverify(&goalloc_heap, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(verify);

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
	debugfs_create_file("sizeclasses", 0400, dir, NULL, &sizeclasses_fops);
	debugfs_create_file("pageheap", 0400, dir, NULL, &pageheap_fops);
	debugfs_create_file("verify", 0400, dir, NULL, &verify_fops);
	gofault_init(dir);
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
