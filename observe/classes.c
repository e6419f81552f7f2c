// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics of span classes: what their counters say, and what a walk over
 * their spans finds.
 *
 * For debugfs and for /dev/goalloc.  Nothing stops for it: the walk goes over
 * one arena at a time in an RCU read-side section and takes no lock, and the
 * figures of a class are of slightly different moments.  What is shown of a
 * span is clamped to what a span of its class can have.
 */

#include <linux/mm.h>
#include <linux/slab.h>
#include "internal.h"
#include "classes.h"

static void add_span(struct gospan *s, void *data)
{
	struct goclass_occupancy *o = data;
	unsigned int spc, n, used;

	if (READ_ONCE(s->state) != GO_SPAN_SMALL)
		return;
	spc = READ_ONCE(s->spanclass);
	if (spc < GO_SPC(1, 0) || spc >= GO_NR_SPANCLASSES)
		return;
	n = go_class_nelems[GO_SPC_CLASS(spc)];
	used = goclasses_used(s, n);
	o += spc;
	o->spans++;
	o->free += n - used;
	o->decile[used ? (used * 10 - 1) / n : 0]++;
}

/**
 * goclasses_walk - count the spans of all span classes
 * @h: the heap
 * @o: GO_NR_SPANCLASSES of them, zeroed
 *
 * Context: task, may sleep.
 */
void goclasses_walk(struct goheap *h, struct goclass_occupancy *o)
{
	gospan_walk(h, add_span, o);
}

/* The bytes of a span, and which of them no object can have. */
static void fill_spans(struct goalloc_class_stats *st)
{
	unsigned long bytes = (unsigned long)go_class_pages[st->size_class] <<
			      GO_PAGE_SHIFT;

	st->inuse = st->spans * bytes;
	st->tail = st->spans * (bytes - st->objects * st->size);
}

static void read_small(struct goheap *h, unsigned int spc,
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
	fill_spans(st);
}

static void read_large(struct goheap *h, struct goalloc_class_stats *st)
{
	struct gonode *node;
	unsigned long flags;
	int nid;

	for_each_gonode(h, nid) {
		node = h->node[nid];
		raw_spin_lock_irqsave(&node->lock, flags);
		st->mallocs += node->large_mallocs;
		st->frees += node->large_frees;
		st->requested += node->large_requested;
		st->inuse += node->large_alloced - node->large_freed;
		raw_spin_unlock_irqrestore(&node->lock, flags);
	}
	st->objects = 1;
	st->live = st->mallocs - st->frees;
	st->spans = st->live;
}

/**
 * goclasses_read - read the statistics of all span classes
 * @h: the heap
 * @st: room for GO_NR_SPANCLASSES of them, zeroed
 *
 * Context: task, may sleep.
 * Return: how many there are: the large objects, then the small classes, each
 * with and without pointers; or 0 if there is no memory for the walk.
 */
unsigned int goclasses_read(struct goheap *h, struct goalloc_class_stats *st)
{
	struct goclass_occupancy *o;
	unsigned int spc;

	o = kvcalloc(GO_NR_SPANCLASSES, sizeof(*o), GFP_KERNEL);
	if (!o)
		return 0;
	goclasses_walk(h, o);
	read_large(h, st++);
	for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++)
		read_small(h, spc, o + spc, st++);
	kvfree(o);
	return GO_NR_SPANCLASSES - 1;
}
