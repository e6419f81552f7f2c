// SPDX-License-Identifier: GPL-2.0
/*
 * Caches: how named caches begin and end, and what each holds.
 *
 * What a cache is in the heap is in cache.c, which argues it.  Here is what looks
 * beyond one span class: to create a cache may take the place of one that was destroyed
 * and whose last objects are in the stacks of CPUs, and to destroy one says who has
 * left what in it.
 *
 * A cache that was destroyed with objects is misuse, as for kmem_cache.  It is
 * reported, with the sizes and callers that a verdict names, and not refused: the
 * caller's exit goes on in any case, and would leave a cache that nobody can name any
 * more.  Its objects can still be freed.
 *
 * The file `caches` shows all of them at about one moment: their counters, and what a
 * walk over the spans has found.
 */

#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include "api.h"
#include "cache.h"
#include "central.h"
#include "hooks.h"
#include "observe.h"
#include "owner.h"
#include "reclaim/reclaim.h"

#undef pr_fmt
#define pr_fmt(fmt) "goalloc: " fmt

/* Free the places of caches that have gone; returns whether one still has none. */
static bool retire_gone(void)
{
	struct gocache *c;
	bool any = false;

	lockdep_assert_held(&gocaches_lock);
	for (c = gocaches; c < gocaches + GO_NR_CACHES; c++)
		if (c->state == GO_CACHE_GONE)
			any |= !gocache_retire(c);
	return any;
}

struct gocache *__gocache_create(const char *name, size_t size, size_t align,
				 unsigned int flags, void (*ctor)(void *obj),
				 unsigned long owner)
{
	struct goshape shape;
	struct gocache *c;
	bool gone;

	might_sleep();
	if (!name || !gocache_fit(&shape, size, align, flags, ctor)) {
		pr_err("no cache %s can be created of %zu bytes, aligned to %zu, with flags %#x\n",
		       name ?: "without a name", size, align, flags);
		return NULL;
	}
	mutex_lock(&gocaches_lock);
	gone = retire_gone();
	c = gocache_open(name, size, align, flags, &shape, owner);
	if (!c && gone) {
		/*
		 * Their last objects may be in the stacks of CPUs, and typesafe
		 * spans wait for a grace period.
		 */
		godrain_all(&goalloc_heap);
		gocentral_wait_for_readers();
		retire_gone();
		c = gocache_open(name, size, align, flags, &shape, owner);
	}
	mutex_unlock(&gocaches_lock);
	if (!c)
		pr_err("no place for cache %s: there are %u\n", name,
		       GO_NR_CACHES);
	return c;
}
EXPORT_SYMBOL_GPL(__gocache_create);

/* The objects of a cache that are live. */
static unsigned long count_live(const struct gocache *c)
{
	struct gostats_spc st;

	gostats_read_spc(&goalloc_heap, c->spc, &st);
	return st.mallocs - st.frees;
}

/*
 * Say what a cache has left.  With check=0, or without memory for a walk, only how
 * many objects these are.
 */
static void report_left(const struct gocache *c, unsigned long live,
			unsigned long caller)
{
	struct goverdict v = { .spc = c->spc };
	char name[GOCACHE_NAME_LEN + 8];

	gohooks_misuse(&goalloc_heap, GO_BAD_CACHE, NULL, c->size, caller);
	snprintf(name, sizeof(name), "cache %s", c->name);
	if (goverdict_find(&goalloc_heap, &v) || !v.objects) {
		v.objects = live;
		v.bytes = live * goshapes[c->spc].size;
	}
	goverdict_pronounce(&v, name, NULL);
}

void gocache_destroy(struct gocache *c)
{
	unsigned long live;

	might_sleep();
	if (!c)
		return;
	mutex_lock(&gocaches_lock);
	if (c->state != GO_CACHE_HERE) {
		mutex_unlock(&gocaches_lock);
		gohooks_misuse(&goalloc_heap, GO_BAD_CACHE, NULL, c->size,
			       _RET_IP_);
		return;
	}
	/* Frees that are on their way through an NMI, or through RCU. */
	godrain_deferred(&goalloc_heap);
	if (count_live(c))
		rcu_barrier();
	gocache_close(c);
	live = count_live(c);
	if (live)
		report_left(c, live, _RET_IP_);
	else
		gocache_retire(c);
	mutex_unlock(&gocaches_lock);
}
EXPORT_SYMBOL_GPL(gocache_destroy);

/**
 * gocaches_leave - close what a module has not destroyed
 * @owner: its number
 *
 * Its constructors have gone with it.
 *
 * Context: task, may sleep.
 */
void gocaches_leave(u8 owner)
{
	struct gocache *c;

	mutex_lock(&gocaches_lock);
	for (c = gocaches; c < gocaches + GO_NR_CACHES; c++)
		if (c->state == GO_CACHE_HERE && c->owner == owner) {
			gohooks_misuse(&goalloc_heap, GO_BAD_CACHE, NULL,
				       c->size, 0);
			pr_warn("%s left cache %s\n", goowner_of(owner)->name,
				c->name);
			gocache_close(c);
			gocache_retire(c);
		}
	mutex_unlock(&gocaches_lock);
}

static void show_cache(struct seq_file *m, const struct gocache *c,
		       const struct goclass_occupancy *o)
{
	const struct goshape *shape = &goshapes[c->spc];
	struct gostats_spc st;
	unsigned long live;

	lockdep_assert_held(&gocaches_lock);
	gostats_read_spc(&goalloc_heap, c->spc, &st);
	live = st.mallocs - st.frees;
	seq_printf(m, "%6lu %6u %9u %9lu %12lu %7lu %7lu %11lu %9lu %14lu %14lu %c%c%c %-20s %s\n",
		   c->size, shape->size, shape->nelems, live,
		   live * shape->size, st.cached, o->spans, o->bytes,
		   goclasses_tail(o, shape->size) +
		   o->objects * (shape->size - c->size), st.mallocs, st.frees,
		   c->state == GO_CACHE_GONE ? 'G' : '-',
		   shape->keeps && !shape->typesafe ? 'C' : '-',
		   shape->typesafe ? 'T' : '-',
		   goowner_of(c->owner)->name, c->name);
}

static int caches_show(struct seq_file *m, void *unused)
{
	struct goclass_occupancy *o = goclasses_walk(&goalloc_heap);
	struct gocache *c;

	if (!o)
		return -ENOMEM;
	seq_puts(m, "# goalloc-caches v1\n");
	seq_puts(m, "# size: as asked for; whole: what an object takes; waste: bytes of spans that are in no object's size\n");
	seq_puts(m, "# flg: G destroyed, but objects or spans are left; C constructor; T typesafe by RCU\n");
	seq_puts(m, "  size  whole objs/span   objects        bytes  cached   spans  span-bytes     waste        mallocs          frees flg owner                name\n");
	mutex_lock(&gocaches_lock);
	for (c = gocaches; c < gocaches + GO_NR_CACHES; c++)
		if (c->state != GO_CACHE_FREE)
			show_cache(m, c, o + c->spc);
	mutex_unlock(&gocaches_lock);
	kvfree(o);
	return 0;
}
DEFINE_SIZED_ATTRIBUTE(caches, SZ_16K);

/**
 * gocaches_files - make the file in debugfs
 * @dir: where
 *
 * Context: task.
 */
void gocaches_files(struct dentry *dir)
{
	debugfs_create_file("caches", 0400, dir, NULL, &caches_fops);
}
