// SPDX-License-Identifier: GPL-2.0
/*
 * Lifecycle: how a heap begins and ends.
 *
 * There is one heap for the API; tests make their own.  A heap begins with its
 * nodes, the arena map and the mcaches, or not at all; its reserves are filled
 * as far as there is memory.
 *
 * A node has a page heap of its own if it has memory that a module can get: not
 * if all of it is movable, as that of CXL devices often is.  All others share
 * one.  A node that gets such memory later gets its page heap before the first
 * page of that can be had, or else another node's heap would hold some of its
 * arenas.  So the memory-hotplug notifier makes it, and not the first caller
 * that misses it; SLUB does the same.  No node loses its page heap: what an
 * offline node had has gone back, or it could not have gone offline.
 *
 * It ends when nothing calls it any more.  Objects may still be live then, and
 * a module's exit cannot fail.  Their pages may be in use, by a device too, so
 * they stay allocated for good and are reported; everything else goes back to
 * the kernel.
 *
 * Task context only.
 */

#include <linux/jiffies.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include "central.h"
#include "fixalloc.h"
#include "held.h"
#include "hooks.h"
#include "large.h"
#include "lifecycle.h"
#include "numa.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "runs.h"
#include "shape.h"
#include "span.h"
#include "stack.h"
#include "transfer.h"

static struct gonode *new_node(struct goheap *h, int nid)
{
	struct gonode *node = gohooks_fault() ? NULL :
			      kvzalloc_node(sizeof(*node), GFP_KERNEL, nid);
	unsigned int i;

	if (!node)
		return NULL;
	raw_spin_lock_init(&node->lock);
	node->heap = h;
	node->nid = nid;
	node->reserve = GO_RESERVE_PAGES;
	node->retry = jiffies;
	node->in_pieces = jiffies;
	mutex_init(&node->give_back);
	goruns_init(&node->runs, &node->lock, h->map->shift);
	golarge_init(node);
	gospan_fix_init(node);
	gotransfer_fix_init(node);
	for (i = 0; i < GO_ALL_SPANCLASSES; i++) {
		gocentral_init(&node->central[i], node, i);
		gotransfer_init(&node->transfer[i], node, i);
	}
	return node;
}

/* Give a node a page heap of its own, if it has none. */
static int add_node(struct goheap *h, int nid)
{
	struct gonode *shared = READ_ONCE(h->node[nid]), *node;
	unsigned int spc;

	if (gonuma_is_own(h, nid))
		return 0;
	node = new_node(h, nid);
	if (!node)
		return -ENOMEM;
	/* All of it is there before any CPU sees it. */
	if (cmpxchg(&h->node[nid], shared, node) != shared) {
		kvfree(node);
		return 0;
	}
	/* A cache may have been created meanwhile. */
	for_each_gocache_spc(spc)
		gotransfer_shape(&node->transfer[spc], spc);
	if (shared)
		goheld_charge(h, sizeof(*node), __GFP_NOFAIL);
	return 0;
}

/* N_NORMAL_MEMORY says the same, but newer kernels set it at boot only. */
static bool has_normal_memory(int nid)
{
	unsigned int i;

	for (i = 0; i <= ZONE_NORMAL; i++)
		if (populated_zone(&NODE_DATA(nid)->node_zones[i]))
			return true;
	return false;
}

static int add_nodes(struct goheap *h)
{
	int nid, err = 0;

	for_each_online_node(nid)
		if (!err && has_normal_memory(nid))
			err = add_node(h, nid);
	return err;
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

/* Nodes without memory of their own share the first one's heap. */
static int init_nodes(struct goheap *h)
{
	int nid;

	h->node = gohooks_fault() ? NULL :
		  kcalloc(nr_node_ids, sizeof(*h->node), GFP_KERNEL);
	if (!h->node || add_nodes(h))
		return -ENOMEM;
	for (nid = 0; nid < nr_node_ids; nid++)
		if (!h->node[nid])
			h->node[nid] = h->node[gonuma_next(h, 0)];
	return 0;
}

/*
 * Memory comes or goes.  Before it comes, a page heap for its node cannot be had
 * on that node, but it is there in time.  Without one the memory stays offline.
 */
static int note_memory(struct notifier_block *nb, unsigned long action,
		       void *data)
{
	struct goheap *h = container_of(nb, struct goheap, memory);
	const struct memory_notify *what = data;
	struct page *page;

	/* MEM_ONLINE too, as the first may have come before we listened. */
	if (action != MEM_GOING_ONLINE && action != MEM_ONLINE)
		return NOTIFY_DONE;
	/* Not sooner: what is coming may hold its own struct pages. */
	page = pfn_to_page(what->start_pfn);
	if (is_zone_movable_page(page))
		return NOTIFY_DONE;
	if (add_node(h, page_to_nid(page)))
		return notifier_from_errno(-ENOMEM);
	/* There may be a reserve to fill. */
	if (action == MEM_ONLINE)
		gohooks_kick(h);
	return NOTIFY_OK;
}

static int watch_memory(struct goheap *h)
{
	int err;

	h->memory.notifier_call = note_memory;
	err = register_memory_notifier(&h->memory);
	if (err)
		return err;
	/* What came meanwhile. */
	err = add_nodes(h);
	if (err)
		unregister_memory_notifier(&h->memory);
	return err;
}

/**
 * golifecycle_begin - make a heap
 * @h: the heap
 *
 * Context: task.
 * Return: 0 or an error.
 */
int golifecycle_begin(struct goheap *h)
{
	int err;

	memset(h, 0, sizeof(*h));
	raw_spin_lock_init(&h->map_lock);
	goworker_init(h);
	gobackground_init(h);
	gostack_init(h);

	err = gospan_map_init(h);
	if (err)
		return err;
	err = init_nodes(h);
	if (err)
		goto err_nodes;
	err = godrain_init(h);
	if (err)
		goto err_nodes;
	goheld_charge(h, gostats_fixed(h), __GFP_NOFAIL);
	err = watch_memory(h);
	if (err)
		goto err_drain;
	goworker_top_up(h);
	return 0;

err_drain:
	/* Memory that came online may have kicked it. */
	goworker_stop(h);
	godrain_exit(h);
err_nodes:
	exit_nodes(h);
	gospan_map_exit(h);
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
	struct goruns *r;
	unsigned int i;
	int nid;

	gospan_walk(h, abandon_span, h);
	for_each_gonode(h, nid) {
		r = &h->node[nid]->runs;
		for (i = 0; i < GO_NR_USES; i++)
			list_for_each_entry_safe(a, next, &r->arenas[i], list)
				gospan_arena_free(h, a);
	}
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

	unregister_memory_notifier(&h->memory);
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
	exit_nodes(h);
	gospan_map_exit(h);
}
