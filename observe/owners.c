// SPDX-License-Identifier: GPL-2.0
/*
 * Owners: how much each module holds.
 *
 * Nothing counts while objects come and go.  A reading walks over all spans and
 * counts their state bytes, which takes some 20 ms for each GiB of small objects
 * and is done for one arena at a time in an RCU read-side section, without a
 * lock.  So nothing stops for it, and the objects that come and go meanwhile may
 * be in it or not; what stays in its place is counted exactly.
 *
 * Which caller allocated an object is told where debug=U or the heap profile knows
 * it.
 *
 * What the bytes of an object are is what gosize() says: those of its class, or
 * for a tiny object and for one that debug= suspects those that were asked for.
 *
 * Task context only; may sleep.
 */

#include <linux/debugfs.h>
#include <linux/goalloc.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include "api.h"
#include "gov.h"
#include "hooks.h"
#include "observe.h"
#include "owner.h"
#include "redzone.h"
#include "shape.h"
#include "site.h"
#include "span.h"
#include "tiny.h"

/**
 * struct walk - a walk over all objects
 * @found: told of each, or of several that are alike
 * @data: passed to it
 * @states: how often a span has each state
 */
struct walk {
	void (*found)(const struct goowners_found *f, void *data);
	void *data;
	u16 states[U8_MAX + 1];
};

static void tell(struct walk *w, u8 owner, unsigned int spc, size_t bytes,
		 unsigned int n, unsigned long site, unsigned int at)
{
	const struct goowners_found f = {
		.owner = owner,
		.class = goshape_is_cache(spc) ? GO_NR_CLASSES :
						 GO_SPC_CLASS(spc),
		.spc = spc,
		.bytes = bytes,
		.n = n,
		.site = site,
		.at = at,
	};

	w->found(&f, w->data);
}

/* The tiny objects of a block. */
static void walk_block(struct walk *w, const struct gospan *s, unsigned int idx)
{
	const void *block = gospan_object(s, idx);
	unsigned long site = 0;
	unsigned int off;
	u8 state, owner;
	size_t size;

	if (!gotiny_any(s, block))
		return;
	/* Its owner is written before its words. */
	smp_rmb();
	state = READ_ONCE(s->objstate[idx]);
	if (goobj_is_tiny(state)) {
		owner = goobj_tiny_owner(state);
	} else if (goobj_is_sampled(state)) {
		owner = goobj_sampled_owner(state);
		site = goprofile_caller(block);
	} else {
		return;
	}
	for (off = 0; off <= GO_TINY_LAST; off++) {
		size = gotiny_size(s, block + off);
		if (size)
			tell(w, owner, GO_TINY_SPC, size, 1,
			     site, 0);
	}
}

/*
 * Its record is in its pages, which stay ours while it is live and the lock of
 * its mcentral is held.
 */
static void walk_recorded(struct walk *w, const struct gospan *s,
			  unsigned int idx, unsigned int spc)
{
	struct gocentral *c = READ_ONCE(s->central);
	struct gosite_record r = {};
	unsigned long flags, site = 0;
	u8 state = 0;

	if (!c)
		return;
	raw_spin_lock_irqsave(&c->lock, flags);
	if (s->state == GO_SPAN_SMALL && s->central == c && idx < s->nelems)
		state = READ_ONCE(s->objstate[idx]);
	if (state == GO_OBJ_DEBUG) {
		r.owner = goredzone_owner(s, idx);
		r.bytes = goredzone_size(s, idx);
		r.id = goredzone_site(s, idx);
		site = goredzone_caller(s, idx);
	} else if (state == GO_OBJ_SITED) {
		gosite_read(s, idx, &r);
	}
	raw_spin_unlock_irqrestore(&c->lock, flags);
	if (r.bytes)
		tell(w, r.owner, spc, r.bytes, 1, site, r.id);
}

/* The heap profile has a sample of it, or had one before the rate was changed. */
static void walk_sampled(struct walk *w, const struct gospan *s,
			 unsigned int idx, unsigned int spc)
{
	unsigned long site = goprofile_caller(gospan_object(s, idx));
	u8 state = READ_ONCE(s->objstate[idx]);

	if (!goobj_is_sampled(state))
		return;
	if (site)
		tell(w, goobj_sampled_owner(state), spc, goshapes[spc].size, 1,
		     site, 0);
	else
		w->states[goobj_sampled_owner(state)]++;
}

/* Is it a block that holds one tiny object, a sample? */
static bool is_sampled_block(const struct gospan *s, unsigned int idx, u8 state)
{
	return goobj_is_sampled(state) &&
	       gospan_needs_tiny(READ_ONCE(s->spanclass)) &&
	       gotiny_any(s, gospan_object(s, idx));
}

static void walk_small(struct walk *w, const struct gospan *s)
{
	unsigned int spc = READ_ONCE(s->spanclass);
	unsigned int i, n = READ_ONCE(s->nelems);
	const u8 *states = READ_ONCE(s->objstate);
	u8 state;

	memset(w->states, 0, sizeof(w->states));
	for (i = 0; i < n && i < GO_MAX_NELEMS; i++) {
		state = READ_ONCE(states[i]);
		if (state == GO_OBJ_DEBUG || state == GO_OBJ_SITED)
			walk_recorded(w, s, i, spc);
		else if (goobj_is_tiny(state) || is_sampled_block(s, i, state))
			walk_block(w, s, i);
		else if (goobj_is_sampled(state))
			walk_sampled(w, s, i, spc);
		else
			w->states[state]++;
	}
	for (i = GO_OBJ_LIVE; i <= U8_MAX; i++)
		if (w->states[i])
			tell(w, i, spc, goshapes[spc].size, w->states[i], 0, 0);
}

static void walk_large(struct walk *w, const struct gospan *s)
{
	u8 owner = READ_ONCE(s->owner);
	unsigned long site = 0;

	if (!goobj_is_plain(owner))
		return;
	if (READ_ONCE(s->sampled))
		site = goprofile_caller((void *)READ_ONCE(s->base));
	tell(w, owner, 0, READ_ONCE(s->elemsize), 1, site, READ_ONCE(s->site));
}

static void walk_span(struct gospan *s, void *data)
{
	u8 state = READ_ONCE(s->state);

	if (state == GO_SPAN_SMALL)
		walk_small(data, s);
	else if (state == GO_SPAN_LARGE)
		walk_large(data, s);
}

/* Those that are virtually contiguous. */
static void walk_areas(struct walk *w)
{
	struct gov_found f = {};

	while (gov_next(f.p, &f)) {
		tell(w, f.owner, 0, f.bytes, 1,
		     f.is_sampled ? goprofile_caller(f.p) : 0, 0);
		cond_resched();
	}
}

/**
 * goowners_walk - tell of each live object whose it is
 * @h: the heap
 * @found: told of each, or of several that are alike; it does not sleep
 * @data: passed to it
 *
 * With check=0 there is nothing to tell.
 *
 * Context: task, may sleep.
 * Return: 0 or -ENOMEM.
 */
int goowners_walk(struct goheap *h,
		  void (*found)(const struct goowners_found *f, void *data),
		  void *data)
{
	struct walk *w;

	if (!static_branch_likely(&goalloc_check))
		return 0;
	w = gohooks_fault() ? NULL : kzalloc(sizeof(*w), GFP_KERNEL);
	if (!w)
		return -ENOMEM;
	w->found = found;
	w->data = data;
	gospan_walk(h, walk_span, w);
	if (h == &goalloc_heap)
		walk_areas(w);
	kfree(w);
	return 0;
}

static void add_found(const struct goowners_found *f, void *data)
{
	struct goowners_count *c = data;

	c += (f->owner - GO_OBJ_LIVE) * GOOWNERS_CLASSES + f->class;
	c->objects += f->n;
	c->bytes += f->n * f->bytes;
}

/* What one owner has in all its classes. */
static struct goowners_count sum_of(const struct goowners_count *c)
{
	struct goowners_count sum = {};
	unsigned int i;

	for (i = 0; i < GOOWNERS_CLASSES; i++) {
		sum.objects += c[i].objects;
		sum.bytes += c[i].bytes;
	}
	return sum;
}

/* Of those whose modules have gone, free the numbers of which nothing is left. */
static void settle(const struct goowners_count *c)
{
	struct goowners_count sum;
	struct goowner *o;
	unsigned int i;

	lockdep_assert_held(&goowners_lock);
	for (i = 0; i < GO_NR_OWNERS; i++) {
		o = &goowners[i];
		sum = sum_of(c + i * GOOWNERS_CLASSES);
		o->objects = max(o->objects, sum.objects);
		o->bytes = max(o->bytes, sum.bytes);
		if (o->state == GO_OWNER_GONE && !sum.objects)
			goowner_leave(GO_OBJ_LIVE + i, false);
	}
}

/**
 * goowners_count - count the objects of all owners, by size class
 * @h: the heap
 *
 * Context: task, may sleep; goowners_lock is held.
 * Return: GOOWNERS_CLASSES counts of each owner, of which the first is that of large
 * objects and the last that of the objects of caches, for the caller to kvfree();
 * NULL if there is no memory.
 */
struct goowners_count *goowners_count(struct goheap *h)
{
	struct goowners_count *c;

	lockdep_assert_held(&goowners_lock);
	c = gohooks_fault() ? NULL :
	    kvcalloc(GO_NR_OWNERS * GOOWNERS_CLASSES, sizeof(*c), GFP_KERNEL);
	if (c && goowners_walk(h, add_found, c)) {
		kvfree(c);
		c = NULL;
	}
	if (c && static_branch_likely(&goalloc_check))
		settle(c);
	return c;
}

static const char *state_word(const struct goowner *o)
{
	if (o->state == GO_OWNER_GONE)
		return "gone";
	return o->mod ? "loaded" : "-";
}

/* Show what a reading has found of each owner. */
static void show_owners(struct seq_file *m, const struct goowners_count *c)
{
	struct goowners_count sum;
	const struct goowner *o;
	unsigned int i;

	lockdep_assert_held(&goowners_lock);
	seq_puts(m, "owner                                                          objects          bytes   peak-objects     peak-bytes state\n");
	for (i = 0; i < GO_NR_OWNERS; i++) {
		o = &goowners[i];
		if (o->state == GO_OWNER_FREE)
			continue;
		sum = sum_of(c + i * GOOWNERS_CLASSES);
		seq_printf(m, "%-55s %14lu %14lu %14lu %14lu %s\n", o->name,
			   sum.objects, sum.bytes, o->objects, o->bytes,
			   state_word(o));
	}
	seq_printf(m, "left by modules that have gone: %ld objects, %ld bytes\n",
		   atomic_long_read(&goalloc_heap.left_objects),
		   atomic_long_read(&goalloc_heap.left_bytes));
	if (goowners_full)
		seq_printf(m, "table full: %u modules count as unknown\n",
			   goowners_full);
}

static void show_classes(struct seq_file *m, const struct goowners_count *c)
{
	unsigned int i, class;

	lockdep_assert_held(&goowners_lock);
	seq_puts(m, "owner                                                   class   size        objects          bytes\n");
	for (i = 0; i < GO_NR_OWNERS; i++) {
		for (class = 0; class < GOOWNERS_CLASSES; class++, c++)
			if (c->objects)
				seq_printf(m, "%-55s %5u %6u %14lu %14lu\n",
					   goowners[i].name, class,
					   class < GO_NR_CLASSES ?
					   go_class_size[class] : 0,
					   c->objects, c->bytes);
	}
}

/* Show a reading of all owners in one way or the other. */
static int show_reading(struct seq_file *m,
			void (*show)(struct seq_file *m,
				     const struct goowners_count *c))
{
	struct goowners_count *c;

	if (!static_branch_likely(&goalloc_check)) {
		seq_puts(m, "owners need check=1\n");
		return 0;
	}
	mutex_lock(&goowners_lock);
	c = goowners_count(&goalloc_heap);
	if (c)
		show(m, c);
	mutex_unlock(&goowners_lock);
	kvfree(c);
	return c ? 0 : -ENOMEM;
}

static int owners_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "# goalloc-owners v1\n");
	return show_reading(m, show_owners);
}
DEFINE_SIZED_ATTRIBUTE(owners, SZ_16K);

static int owners_classes_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "# goalloc-owners-classes v1\n");
	return show_reading(m, show_classes);
}
DEFINE_SIZED_ATTRIBUTE(owners_classes, SZ_64K);

/**
 * goowners_init - make the files in debugfs
 * @dir: where
 *
 * Context: task.
 */
void goowners_init(struct dentry *dir)
{
	debugfs_create_file("owners", 0400, dir, NULL, &owners_fops);
	debugfs_create_file("owners_classes", 0400, dir, NULL,
			    &owners_classes_fops);
}
