// SPDX-License-Identifier: GPL-2.0
/*
 * Size classes and span classes: what each is, and what the heap has of it.
 *
 * For debugfs and for /dev/goalloc.  The latter knows nothing of spans, so what
 * it tells of classes is put together here, in the structures of its ABI.
 *
 * The statistics of a class are its counters and what a walk over its spans
 * finds.  A count of free objects that every refill and flush keeps up to date
 * would make the walk needless, and would cost each of them something, while
 * few readers ever ask.  Nor does the walk stop the heap: it goes over one
 * arena at a time in an RCU read-side section and takes no lock.  The price is
 * that the figures of a class are of slightly different moments, so what a
 * span says is clamped to what a span of its class can have.
 */

#include <linux/goalloc.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "api.h"
#include "hooks.h"
#include "numa.h"
#include "observe.h"
#include "span.h"

/**
 * goclasses_info - tell what INFO tells of the allocator
 * @info: the answer; fields that are not of the allocator are left alone
 *
 * Context: any.
 */
void goclasses_info(struct goalloc_ioc_info *info)
{
	unsigned int i;

	info->nr_classes = GOALLOC_NR_CLASSES;
	info->page_size = GO_PAGE_SIZE;
	if (static_branch_likely(&goalloc_check))
		info->features |= GOALLOC_FEATURE_CHECK;
	if (static_branch_unlikely(&goalloc_debug))
		info->features |= GOALLOC_FEATURE_DEBUG;
	for (i = 1; i < GOALLOC_NR_CLASSES; i++) {
		info->classes[i].size = go_class_size[i];
		info->classes[i].pages = go_class_pages[i];
		info->classes[i].objects = go_class_nelems[i];
	}
}

/**
 * goclasses_find - find the size class that serves a size
 * @size: bytes
 * @noscan: whether gomalloc_noscan() is asked for them
 *
 * Context: any.
 * Return: the size class; 0 for large objects and for no bytes.
 */
u32 goclasses_find(size_t size, bool noscan)
{
	size_t rounded;
	u32 class;

	if (!size || size > GO_MAX_SMALL)
		return 0;
	if (noscan && size < GO_TINY_SIZE)
		return GO_SPC_CLASS(GO_TINY_SPC);
	rounded = gomalloc_size_roundup(size);
	for (class = 1; go_class_size[class] < rounded; class++)
		;
	return class;
}

/**
 * goclasses_used - count the objects of a small span that are not in it
 * @s: the span; it may change meanwhile
 * @nelems: objects that it has
 *
 * Context: RCU read-side section.
 * Return: how many are live or in the stack of a CPU; at most @nelems.
 */
unsigned int goclasses_used(const struct gospan *s, unsigned int nelems)
{
	unsigned int left = READ_ONCE(s->navail) + READ_ONCE(s->nback);

	return nelems - min(left, nelems);
}

static void add_occupancy(struct gospan *s, void *data)
{
	struct goclass_occupancy *o = data;
	unsigned int spc, n, used;

	if (READ_ONCE(s->state) != GO_SPAN_SMALL)
		return;
	spc = READ_ONCE(s->spanclass);
	if (spc < GO_SPC(1, 0) || spc >= GO_ALL_SPANCLASSES)
		return;
	n = clamp_t(unsigned int, READ_ONCE(s->nelems), 1, GO_MAX_NELEMS);
	used = goclasses_used(s, n);
	o += spc;
	o->spans++;
	o->bytes += READ_ONCE(s->bytes);
	o->objects += n;
	o->free += n - used;
	o->decile[used ? (used * 10 - 1) / n : 0]++;
}

/**
 * goclasses_walk - count the spans of all span classes
 * @h: the heap
 *
 * Context: task, may sleep.
 * Return: what there is of each, by span class, for the caller to kvfree(); NULL if
 * there is no memory.
 */
struct goclass_occupancy *goclasses_walk(struct goheap *h)
{
	struct goclass_occupancy *o = kvcalloc(GO_ALL_SPANCLASSES, sizeof(*o),
					       GFP_KERNEL);

	if (o)
		gospan_walk(h, add_occupancy, o);
	return o;
}

/**
 * goclasses_tail - the bytes at the ends of spans that no object has
 * @o: what a walk has found of a class
 * @size: of its objects
 *
 * Context: any.
 * Return: the bytes.
 */
unsigned long goclasses_tail(const struct goclass_occupancy *o,
			     unsigned int size)
{
	unsigned long bytes = o->bytes;

	/* The walk may have met a span while it changed. */
	return bytes - min(bytes, o->objects * size);
}

static void read_small_class(struct goheap *h, unsigned int spc,
			     const struct goclass_occupancy *o,
			     struct goalloc_class_stats *st)
{
	unsigned int class = GO_SPC_CLASS(spc);
	struct gostats_spc counts;

	gostats_read_spc(h, spc, &counts);
	st->size_class = class;
	st->noscan = GO_SPC_NOSCAN(spc);
	st->size = go_class_size[class];
	st->objects = go_class_nelems[class];
	st->spans = o->spans;
	st->mallocs = counts.mallocs;
	st->frees = counts.frees;
	st->requested = counts.requested;
	st->live = counts.mallocs - counts.frees;
	st->cached = counts.cached;
	st->free = o->free;
	st->inuse = o->bytes;
	st->tail = goclasses_tail(o, st->size);
}

static void read_large_objects(struct goheap *h, struct goalloc_class_stats *st)
{
	struct gostats_large large;

	gostats_read_large(h, &large);
	st->mallocs = large.mallocs;
	st->frees = large.frees;
	st->requested = large.requested;
	st->inuse = large.alloced - large.freed;
	st->objects = 1;
	st->live = st->mallocs - st->frees;
	st->spans = st->live;
}

static void read_classes(struct goheap *h, const struct goclass_occupancy *o,
			 struct goalloc_class_stats *st)
{
	unsigned int spc;

	read_large_objects(h, st++);
	for_each_gospc(spc)
		read_small_class(h, spc, o + spc, st++);
}

/**
 * goclasses_read - read the statistics of all span classes of the API's heap
 * @nr: how many there are
 *
 * Context: task, may sleep.
 * Return: the large objects, then the small classes, each with and without
 * pointers, for the caller to kvfree(); NULL if there is no memory.
 */
struct goalloc_class_stats *goclasses_read(unsigned int *nr)
{
	struct goalloc_class_stats *st;
	struct goclass_occupancy *o;

	*nr = GO_NR_SPANCLASSES - GO_SPC(1, 0) + 1;
	st = kvcalloc(*nr, sizeof(*st), GFP_KERNEL);
	o = goclasses_walk(&goalloc_heap);
	if (st && o) {
		read_classes(&goalloc_heap, o, st);
	} else {
		kvfree(st);
		st = NULL;
	}
	kvfree(o);
	return st;
}
