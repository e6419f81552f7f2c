// SPDX-License-Identifier: GPL-2.0
/*
 * Lifecycle: how a heap begins and ends.
 *
 * There is one heap for the API; tests make their own.  A heap begins with its
 * nodes, the arena map and the mcaches, or not at all; its reserves are filled
 * as far as there is memory.
 *
 * It ends when nothing calls it any more.  Objects may still be live then, and
 * a module's exit cannot fail.  Their pages may be in use, by a device too, so
 * they stay allocated for good and are reported; everything else goes back to
 * the kernel.
 *
 * Task context only.
 */

#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include "central.h"
#include "fixalloc.h"
#include "held.h"
#include "hooks.h"
#include "lifecycle.h"
#include "numa.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "runs.h"
#include "span.h"
#include "stack.h"

static int init_node(struct goheap *h, int nid)
{
	struct gonode *node = gohooks_fault() ? NULL :
			      kvzalloc(sizeof(*node), GFP_KERNEL);
	unsigned int i;

	if (!node)
		return -ENOMEM;
	raw_spin_lock_init(&node->lock);
	node->heap = h;
	node->nid = nid;
	node->reserve = GO_RESERVE_PAGES;
	INIT_LIST_HEAD(&node->arenas);
	goruns_init(&node->runs, &node->lock);
	gospan_fix_init(node);
	gostack_fix_init(node);
	for (i = 0; i < GO_NR_SPANCLASSES; i++)
		gocentral_init(&node->central[i], node, i);
	h->node[nid] = node;
	return 0;
}

static void exit_nodes(struct goheap *h)
{
	int nid;

	if (!h->node)
		return;
	for_each_gonode(h, nid)
		kvfree(h->node[nid]);
	kfree(h->node);
	h->node = NULL;
}

/* Nodes without memory share the first one's heap. */
static int init_nodes(struct goheap *h)
{
	int nid;

	h->node = gohooks_fault() ? NULL :
		  kcalloc(nr_node_ids, sizeof(*h->node), GFP_KERNEL);
	if (!h->node)
		return -ENOMEM;
	for_each_node_state(nid, N_MEMORY)
		if (init_node(h, nid))
			return -ENOMEM;
	for (nid = 0; nid < nr_node_ids; nid++)
		if (!h->node[nid])
			h->node[nid] = h->node[first_memory_node];
	return 0;
}

/**
 * golifecycle_begin - make a heap
 * @h: the heap
 *
 * Context: task.
 * Return: 0 or -ENOMEM.
 */
int golifecycle_begin(struct goheap *h)
{
	int err;

	memset(h, 0, sizeof(*h));
	raw_spin_lock_init(&h->map_lock);
	goworker_init(h);
	gobackground_init(h);

	err = init_nodes(h);
	if (err)
		goto err_nodes;
	err = gospan_map_init(h);
	if (err)
		goto err_nodes;
	err = godrain_init(h);
	if (err)
		goto err_map;
	goheld_charge(h, gostats_fixed(h), __GFP_NOFAIL);
	goworker_top_up(h);
	return 0;

err_map:
	gospan_map_exit(h);
err_nodes:
	exit_nodes(h);
	return err;
}

/* Free the metadata of a span that still has live objects; its pages stay. */
static void abandon_span(struct gospan *s, void *data)
{
	struct goheap *h = data;

	if (s->state == GO_SPAN_SMALL)
		gospan_uncarve(h, s);
	if (s->state != GO_SPAN_FREE)
		gofixalloc_free(h, s);
}

/* Free the metadata of all that still has live objects. */
static void abandon_arenas(struct goheap *h)
{
	struct goarena *a, *next;
	int nid;

	gospan_walk(h, abandon_span, h);
	for_each_gonode(h, nid)
		list_for_each_entry_safe(a, next, &h->node[nid]->arenas, list)
			gofixalloc_free(h, a);
}

/* Take out the chunks of a node's metadata, none of which is in use. */
static void detach_metadata(struct gonode *node, struct list_head *chunks)
{
	struct gofixalloc *f;

	for (f = node->fix; f < node->fix + GO_NR_FIX; f++) {
		f->reserve = 0;
		gofixalloc_detach(f, chunks);
		WARN_ON(f->inuse);
	}
}

/**
 * golifecycle_end - end a heap
 * @h: the heap, which nothing uses any more
 *
 * Pages that hold live objects stay allocated; everything else goes back to the
 * kernel.
 *
 * Context: task, may sleep.
 */
void golifecycle_end(struct goheap *h)
{
	LIST_HEAD(chunks);
	int nid;

	gobackground_stop(h);
	goworker_stop(h);
	godrain_end(h);
	goreport_leaks(h);
	for_each_gonode(h, nid)
		h->node[nid]->reserve = 0;
	goscavenge_all(h);
	/* A late kick does nothing, but it must not outlive the heap. */
	irq_work_sync(&h->kick);
	godrain_exit(h);
	abandon_arenas(h);
	gofixalloc_settle(h);
	for_each_gonode(h, nid)
		detach_metadata(h->node[nid], &chunks);
	synchronize_rcu();
	gofixalloc_release(h, &chunks);
	gospan_map_exit(h);
	exit_nodes(h);
}
