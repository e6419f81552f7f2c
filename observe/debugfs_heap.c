// SPDX-License-Identifier: GPL-2.0
/*
 * The files in debugfs that look at the heap: spans, free runs and pages.
 *
 * sizeclasses and pageheap are sums, whose length does not depend on the heap.
 * heapmap has a line for each arena and spans has one for each span.  A heap of
 * gigabytes has millions of spans, too many to be copied before the first line
 * is shown, so these two are streams.  Each read(2) fills its buffer in one RCU
 * read-side section, without a lock, and the next one goes on at the address
 * where it ended.
 *
 * The section keeps the memory of arenas and descriptors from being freed.
 * Their contents may change meanwhile, so all of it is clamped before it is
 * used, and a line may describe a span as it never was.  Locks would avoid
 * that, and would make a reader of debugfs hold up allocations; a picture does
 * not need it.
 *
 * An arena is named by its distance from the lowest one that the map has room
 * for, in arenas, which tells no address.
 */

#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include "api.h"
#include "numa.h"
#include "observe.h"
#include "shape.h"
#include "span.h"

static void show_span_class(struct seq_file *m,
			    const struct goclass_occupancy *o, unsigned int spc)
{
	unsigned int class = GO_SPC_CLASS(spc), i;
	unsigned int size = go_class_size[class];
	struct gostats_spc st;
	u64 total;

	gostats_read_spc(&goalloc_heap, spc, &st);
	if (!o->spans && !st.mallocs)
		return;
	total = (u64)st.mallocs * size;
	seq_printf(m, "%5u %6u %6u %6lu %8u %9lu %7lu %8lu %9lu %5llu ",
		   class, size, GO_SPC_NOSCAN(spc), o->spans,
		   go_class_nelems[class], st.mallocs - st.frees, st.cached,
		   o->free, goclasses_tail(o, size),
		   total ? div64_u64((total - min(total, (u64)st.requested)) *
				     100, total) : 0);
	for (i = 0; i < 10; i++)
		seq_printf(m, " %4u", o->decile[i]);
	seq_putc(m, '\n');
}

static int sizeclasses_show(struct seq_file *m, void *unused)
{
	struct goclass_occupancy *o = goclasses_walk(&goalloc_heap);
	unsigned int spc;

	if (!o)
		return -ENOMEM;
	seq_puts(m, "# goalloc-sizeclasses v1\n");
	seq_puts(m, "# tail: bytes lost at the end of spans; round: % of all bytes handed out lost to rounding up;\n");
	seq_puts(m, "# 10%..100%: spans by how many of their objects are live or cached\n");
	seq_puts(m, "class   size noscan  spans objs/spn      live  cached     free      tail round    10%  20%  30%  40%  50%  60%  70%  80%  90% 100%\n");
	for_each_gospc(spc)
		show_span_class(m, o + spc, spc);
	kvfree(o);
	return 0;
}
DEFINE_SIZED_ATTRIBUTE(sizeclasses, SZ_32K);

/* TCMalloc's tiers of the page heap end at these lengths, in pages. */
#define TIER_SMALL	((256UL << 10) >> GO_PAGE_SHIFT)
#define TIER_MEDIUM	((1UL << 20) >> GO_PAGE_SHIFT)

/**
 * struct pageheap - what walks over all spans and arenas have counted
 * @runs: free runs by length
 * @used: pages in use, by the tier of their span
 * @arenas: arenas held
 * @empty: arenas without a page in use
 */
struct pageheap {
	unsigned int runs[GO_ARENA_PAGES + 1];
	unsigned long used[3];
	unsigned long arenas;
	unsigned long empty;
};

static unsigned int find_tier(unsigned long npages)
{
	return npages <= TIER_SMALL ? 0 : npages <= TIER_MEDIUM ? 1 : 2;
}

static void count_span_pages(struct gospan *s, void *data)
{
	unsigned int n = READ_ONCE(s->npages);
	struct pageheap *p = data;

	if (!n || n > GO_ARENA_PAGES)
		return;
	if (READ_ONCE(s->state) == GO_SPAN_FREE)
		p->runs[n]++;
	else
		p->used[find_tier(n)] += n;
}

static void show_tiers(struct seq_file *m, const struct pageheap *p)
{
	static const char * const name[] = {
		"small", "medium", "large",
	};
	unsigned long runs[3] = {}, pages[3] = {};
	unsigned int i, t;

	for (i = 1; i <= GO_ARENA_PAGES; i++) {
		t = find_tier(i);
		runs[t] += p->runs[i];
		pages[t] += (unsigned long)p->runs[i] * i;
	}
	seq_puts(m, "tier      free-runs  free-bytes  used-bytes\n");
	for (t = 0; t < 3; t++)
		seq_printf(m, "%-8s %10lu %11lu %11lu\n", name[t], runs[t],
			   pages[t] << GO_PAGE_SHIFT,
			   p->used[t] << GO_PAGE_SHIFT);
}

static void count_arena(struct goarena *a, void *data)
{
	struct pageheap *p = data;

	p->arenas++;
	p->empty += READ_ONCE(a->nfree) == READ_ONCE(a->npages);
}

static void show_node_pages(struct seq_file *m, struct gonode *node)
{
	unsigned long flags, sys, free, released;

	raw_spin_lock_irqsave(&node->lock, flags);
	sys = (node->sys << GO_PAGE_SHIFT) - (node->halves << PAGE_SHIFT);
	free = node->runs.free;
	released = node->released;
	raw_spin_unlock_irqrestore(&node->lock, flags);
	seq_printf(m, "node %d: %lu bytes held, %lu free, %lu given back\n",
		   node->nid, sys, free << GO_PAGE_SHIFT,
		   released << PAGE_SHIFT);
}

/*
 * The unusable free index, as /sys/kernel/debug/extfrag has it for the page
 * allocator: the part of the free memory that is in runs too short for a
 * request of so many pages.
 */
static void show_unusable(struct seq_file *m, const struct pageheap *p)
{
	unsigned long free = 0, usable, index;
	unsigned int want, i;

	for (i = 1; i <= GO_ARENA_PAGES; i++)
		free += (unsigned long)p->runs[i] * i;
	seq_puts(m, "wanted-pages  unusable-free-index\n");
	for (want = 1; want <= GO_ARENA_PAGES; want *= 2) {
		usable = 0;
		for (i = want; i <= GO_ARENA_PAGES; i++)
			usable += (unsigned long)p->runs[i] *
				  rounddown(i, want);
		index = free ? (free - usable) * 1000 / free : 0;
		seq_printf(m, "%12u %5lu.%03lu\n", want, index / 1000,
			   index % 1000);
	}
}

static int pageheap_show(struct seq_file *m, void *unused)
{
	struct pageheap *p = kvzalloc(sizeof(*p), GFP_KERNEL);
	unsigned int i, largest = 0;
	int nid;

	if (!p)
		return -ENOMEM;
	gospan_walk(&goalloc_heap, count_span_pages, p);
	gospan_walk_arenas(&goalloc_heap, count_arena, p);
	seq_puts(m, "# goalloc-pageheap v1\n");
	seq_printf(m, "arenas: %lu, %lu of them empty\n", p->arenas, p->empty);
	for_each_gonode(&goalloc_heap, nid)
		show_node_pages(m, goalloc_heap.node[nid]);
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
	show_unusable(m, p);
	kvfree(p);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pageheap);

/*
 * --- streams ----------------------------------------------------------------
 *
 * The position in a file is 0 for the heading, else 1 + the number of an arena
 * (heapmap) or of a page (spans).  These numbers count from the beginning of
 * the map, which never moves, so that a stream goes on at the right place
 * whatever has come or gone before it.
 */

/* The name of an arena in the output, which is not an address. */
static unsigned long arena_name(const struct goarena *a)
{
	return (a->base + goalloc_heap.map->shift) >> GO_ARENA_SHIFT;
}

/*
 * The span or free run that begins at page @i, or NULL.  @npages is its length,
 * else 1.
 */
static struct gospan *span_at(struct goarena *a, unsigned int i,
			      unsigned int *npages)
{
	struct gospan *s = READ_ONCE(a->span[i]);

	*npages = 1;
	if (s == &gospan_nil || !gospan_begins_at(s, a, i))
		return NULL;
	*npages = clamp_t(u32, READ_ONCE(s->npages), 1, GO_ARENA_PAGES - i);
	return s;
}

/* The character for a span: for a small one a digit, by how full it is. */
static char heapmap_char(const struct gospan *s)
{
	unsigned int n, used;

	switch (READ_ONCE(s->state)) {
	case GO_SPAN_FREE:
		return '.';
	case GO_SPAN_SMALL:
		n = READ_ONCE(s->nelems);
		used = goclasses_used(s, n);
		return !used ? 'c' : used >= n ? '9' : '0' + used * 10 / n;
	case GO_SPAN_LARGE:
	case GO_SPAN_DYING:
		return 'L';
	default:
		return '?';
	}
}

static int heapmap_show(struct seq_file *m, void *v)
{
	unsigned int i, n, k;
	struct goarena *a = v;
	struct gospan *s;
	char c;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "# goalloc-heapmap v1\n");
		seq_puts(m, "# arena, node, and 512 pages of 8 KiB: '-' not ours, '.' free, L large object,\n");
		seq_puts(m, "# c small span with nothing live or cached, 0 to 9 small span by how full it is\n");
		return 0;
	}
	seq_printf(m, "%6lu %3d ", arena_name(a), a->node->nid);
	for (i = 0; i < GO_ARENA_PAGES; i += n) {
		s = span_at(a, i, &n);
		c = s ? heapmap_char(s) : '-';
		for (k = 0; k < n; k++)
			seq_putc(m, c);
	}
	seq_putc(m, '\n');
	return 0;
}

static void *heapmap_at(loff_t *pos)
{
	unsigned long number = *pos - 1;
	struct goarena *a;

	if (!*pos)
		return SEQ_START_TOKEN;
	a = gospan_next_arena(&goalloc_heap, &number);
	*pos = number + 1;
	return a;
}

static void *stream_start(struct seq_file *m, loff_t *pos)
	__acquires(RCU)
{
	rcu_read_lock();
	return heapmap_at(pos);
}

static void *heapmap_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return heapmap_at(pos);
}

static void stream_stop(struct seq_file *m, void *v)
	__releases(RCU)
{
	rcu_read_unlock();
}

static const struct seq_operations heapmap_sops = {
	.start	= stream_start,
	.next	= heapmap_next,
	.stop	= stream_stop,
	.show	= heapmap_show,
};
DEFINE_SEQ_ATTRIBUTE(heapmap);

/**
 * struct spans_place - a position in the walk over all spans
 * @a: the arena
 * @i: the page in it
 */
struct spans_place {
	struct goarena *a;
	unsigned int i;
};

static const char *span_state_name(u32 state)
{
	switch (state) {
	case GO_SPAN_FREE:
		return "free";
	case GO_SPAN_SMALL:
		return "small";
	case GO_SPAN_LARGE:
		return "large";
	case GO_SPAN_DYING:
		return "dying";
	default:
		return "none";
	}
}

static void show_span(struct seq_file *m, const struct spans_place *at)
{
	unsigned int npages, spc, class, n = 0, used = 0, size = 0;
	struct gospan *s = span_at(at->a, at->i, &npages);
	u32 state;

	/* The span has gone since it was found; it gets no line. */
	if (!s)
		return;
	state = READ_ONCE(s->state);
	spc = min_t(unsigned int, READ_ONCE(s->spanclass),
		    GO_ALL_SPANCLASSES - 1);
	class = state != GO_SPAN_SMALL ? 0 :
		goshape_is_cache(spc) ? GO_NR_CLASSES : GO_SPC_CLASS(spc);
	if (state == GO_SPAN_SMALL) {
		n = min_t(unsigned int, READ_ONCE(s->nelems), GO_MAX_NELEMS);
		used = goclasses_used(s, n);
		size = goshapes[spc].size;
	} else if (state != GO_SPAN_FREE) {
		n = 1;
		used = 1;
		size = READ_ONCE(s->elemsize);
	}
	seq_printf(m, "%6lu %5u %5u  %-5s %5u %8u %6u %7u %7u %6u\n",
		   arena_name(at->a), at->i, npages, span_state_name(state), class,
		   size, state == GO_SPAN_FREE ? 0 : GO_SPC_NOSCAN(spc), n,
		   used, READ_ONCE(s->cached));
}

static int spans_show(struct seq_file *m, void *v)
{
	if (v != SEQ_START_TOKEN) {
		show_span(m, v);
		return 0;
	}
	seq_puts(m, "# goalloc-spans v1\n");
	seq_puts(m, "# class 68: objects of a named cache\n");
	seq_puts(m, "# used: objects live or in a CPU's stack; cached: a CPU's current span\n");
	seq_puts(m, " arena  page pages  state class     size noscan objects    used cached\n");
	return 0;
}

/* Find the first span or free run at @pos or behind it, and set @pos. */
static void *spans_at(struct seq_file *m, loff_t *pos)
{
	unsigned long number, found;
	struct spans_place *at = m->private;
	unsigned int n;

	if (!*pos)
		return SEQ_START_TOKEN;
	number = (*pos - 1) / GO_ARENA_PAGES;
	at->i = (*pos - 1) % GO_ARENA_PAGES;
	for (;; number = found + 1, at->i = 0) {
		found = number;
		at->a = gospan_next_arena(&goalloc_heap, &found);
		if (!at->a)
			return NULL;
		if (found != number)
			at->i = 0;
		for (; at->i < GO_ARENA_PAGES; at->i++) {
			if (!span_at(at->a, at->i, &n))
				continue;
			*pos = 1 + (loff_t)found * GO_ARENA_PAGES + at->i;
			return at;
		}
	}
}

static void *spans_start(struct seq_file *m, loff_t *pos)
	__acquires(RCU)
{
	rcu_read_lock();
	return spans_at(m, pos);
}

static void *spans_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return spans_at(m, pos);
}

static const struct seq_operations spans_sops = {
	.start	= spans_start,
	.next	= spans_next,
	.stop	= stream_stop,
	.show	= spans_show,
};

static int spans_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &spans_sops, sizeof(struct spans_place));
}

/* DEFINE_SEQ_ATTRIBUTE() cannot allocate a place for each open file. */
static const struct file_operations spans_fops = {
	.owner		= THIS_MODULE,
	.open		= spans_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= seq_release_private,
};

/**
 * godebugfs_heap_init - make the files that look at the heap
 * @dir: the directory
 *
 * Context: task.
 */
void godebugfs_heap_init(struct dentry *dir)
{
	debugfs_create_file("sizeclasses", 0400, dir, NULL, &sizeclasses_fops);
	debugfs_create_file("pageheap", 0400, dir, NULL, &pageheap_fops);
	debugfs_create_file("heapmap", 0400, dir, NULL, &heapmap_fops);
	debugfs_create_file("spans", 0400, dir, NULL, &spans_fops);
}
