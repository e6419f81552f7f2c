// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl advise: what the events add up to.
 *
 * The peak is when the live objects that were seen took the most of kmalloc(); what
 * each call site held at that moment is wanted, too.  A new peak may come with every
 * event, and to copy all sites each time would take too long.  So a peak is only a
 * number, its epoch, that goes up.  A site that changes first notes what it has if
 * that is of an older epoch than the last peak: it has not changed since, so this is
 * what it had then.  At the end all do so.
 *
 * A free has no event where kfree_rcu() frees in bulk, or where the event was lost.
 * An address that is allocated again must have been free: then the older object
 * goes, and is counted.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "advise.h"
#include "ctl.h"

/* An object that is live, by its address; one with @ptr 0 is an empty place. */
struct object {
	uint64_t ptr;
	uint64_t ns;
	struct amount is;
	uint32_t site;
	uint32_t class;
};

void advise_begin(struct advice *a)
{
	memset(a, 0, sizeof(*a));
	a->short_ptr = 1;
}

void advise_free(struct advice *a)
{
	size_t i;

	for (i = 0; i < a->nsites; i++) {
		free(a->site[i].name);
		free(a->site[i].module);
	}
	free(a->site);
	free(a->modules);
	free(a->index);
	free(a->object);
}

/* What goalloc saves; negative if it takes more. */
int64_t advise_saved(const struct amount *m)
{
	return m->kmalloc - m->goalloc;
}

static void add(struct amount *to, const struct amount *m)
{
	to->objects += m->objects;
	to->requested += m->requested;
	to->kmalloc += m->kmalloc;
	to->goalloc += m->goalloc;
}

static void take(struct amount *from, const struct amount *m)
{
	from->objects -= m->objects;
	from->requested -= m->requested;
	from->kmalloc -= m->kmalloc;
	from->goalloc -= m->goalloc;
}

/* Before it changes: what it had at the last peak is what it has. */
static void note_peak(struct advice *a, struct tally *t)
{
	if (t->epoch == a->epoch)
		return;
	t->epoch = a->epoch;
	t->peak = t->live;
}

static void come(struct advice *a, struct tally *t, const struct amount *m)
{
	note_peak(a, t);
	add(&t->all, m);
	add(&t->live, m);
}

static void go(struct advice *a, struct tally *t, const struct amount *m)
{
	note_peak(a, t);
	take(&t->live, m);
}

static uint64_t hash_text(const char *name, const char *module)
{
	uint64_t h = 14695981039346656037ULL;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211ULL;
	for (; *module; module++)
		h = (h ^ (unsigned char)*module) * 1099511628211ULL;
	return h ^ h >> 32;
}

static int grow_index(struct advice *a)
{
	size_t room = a->room_index ? a->room_index * 2 : 1024, i, at;
	uint32_t *index = calloc(room, sizeof(*index));

	if (!index)
		return 1;
	for (i = 0; i < a->nsites; i++) {
		at = hash_text(a->site[i].name, a->site[i].module) % room;
		while (index[at])
			at = (at + 1) % room;
		index[at] = i + 1;
	}
	free(a->index);
	a->index = index;
	a->room_index = room;
	return 0;
}

static int add_site(struct advice *a, const struct event *e, size_t at)
{
	size_t room = a->room_sites ? a->room_sites * 2 : 256;
	struct site *s;

	if (a->nsites == a->room_sites) {
		s = reallocarray(a->site, room, sizeof(*s));
		if (!s)
			return 1;
		a->site = s;
		a->room_sites = room;
	}
	s = &a->site[a->nsites];
	memset(s, 0, sizeof(*s));
	s->name = strdup(e->site);
	s->module = strdup(e->module);
	if (!s->name || !s->module) {
		free(s->name);
		free(s->module);
		return 1;
	}
	a->index[at] = ++a->nsites;
	return 0;
}

/* The number of an event's site, which is added if it is not there. */
static int find_site(struct advice *a, const struct event *e, uint32_t *number)
{
	const struct site *s;
	size_t at;

	if (2 * a->nsites >= a->room_index && grow_index(a))
		return 1;
	at = hash_text(e->site, e->module) % a->room_index;
	for (; a->index[at]; at = (at + 1) % a->room_index) {
		s = &a->site[a->index[at] - 1];
		if (!strcmp(s->name, e->site) && !strcmp(s->module, e->module))
			break;
	}
	if (!a->index[at] && add_site(a, e, at))
		return 1;
	*number = a->index[at] - 1;
	return 0;
}

static size_t home_of(const struct advice *a, uint64_t ptr)
{
	return (ptr * 0x9e3779b97f4a7c15ULL >> 20) % a->room_objects;
}

/* The place of an object, or the empty one where it would be. */
static struct object *find_object(const struct advice *a, uint64_t ptr)
{
	size_t at = home_of(a, ptr);

	while (a->object[at].ptr && a->object[at].ptr != ptr)
		at = (at + 1) % a->room_objects;
	return &a->object[at];
}

static int grow_objects(struct advice *a)
{
	size_t room = a->room_objects, i;
	struct object *old = a->object, *new;

	new = calloc(room ? room * 2 : 4096, sizeof(*new));
	if (!new)
		return 1;
	a->object = new;
	a->room_objects = room ? room * 2 : 4096;
	for (i = 0; i < room; i++)
		if (old[i].ptr)
			*find_object(a, old[i].ptr) = old[i];
	free(old);
	return 0;
}

/* Those behind an object that has gone move up, so that no search ends there. */
static void remove_object(struct advice *a, struct object *o)
{
	size_t hole = o - a->object, at = hole, home;

	for (;;) {
		at = (at + 1) % a->room_objects;
		if (!a->object[at].ptr)
			break;
		home = home_of(a, a->object[at].ptr);
		if ((at - home + a->room_objects) % a->room_objects <
		    (at - hole + a->room_objects) % a->room_objects)
			continue;
		a->object[hole] = a->object[at];
		hole = at;
	}
	a->object[hole].ptr = 0;
	a->nobjects--;
}

static void forget_object(struct advice *a, struct object *o)
{
	go(a, &a->site[o->site].t, &o->is);
	go(a, &a->class[o->class], &o->is);
	go(a, &a->total, &o->is);
	remove_object(a, o);
}

static void add_free(struct advice *a, const struct event *e)
{
	struct object *o = a->room_objects ? find_object(a, e->ptr) : NULL;
	struct site *s;

	if (!e->ptr)
		return;
	a->frees++;
	if (!o || !o->ptr) {
		a->before++;
		return;
	}
	s = &a->site[o->site];
	if (e->ns && o->ns && e->ns >= o->ns) {
		s->freed++;
		s->lived_ns += e->ns - o->ns;
	}
	forget_object(a, o);
}

/* Whatever was at the address is no more. */
static void add_unseen_free(struct advice *a, uint64_t ptr)
{
	struct object *o = a->room_objects ? find_object(a, ptr) : NULL;

	if (!o || !o->ptr)
		return;
	a->unseen++;
	forget_object(a, o);
}

/* What goalloc would take; as much as kmalloc() where it would take nothing. */
static void weigh(struct advice *a, const struct event *e, struct object *o)
{
	uint64_t bytes = advise_size(e->requested, &o->class);

	o->is = (struct amount){ 1, e->requested, e->kmalloc, bytes };
	if (!bytes)
		a->too_large++;
	if (!bytes || e->zone)
		o->is.goalloc = e->kmalloc;
	if (e->zone)
		add(&a->zone, &o->is);
	if (e->accounted)
		add(&a->accounted, &o->is);
}

static int add_kmalloc(struct advice *a, const struct event *e)
{
	struct object o = { .ptr = e->ptr, .ns = e->ns };

	if (find_site(a, e, &o.site) ||
	    (2 * a->nobjects >= a->room_objects && grow_objects(a)))
		return 1;
	weigh(a, e, &o);
	come(a, &a->site[o.site].t, &o.is);
	come(a, &a->class[o.class], &o.is);
	come(a, &a->total, &o.is);
	if (e->ptr == ADVISE_HIDDEN) {
		a->hidden++;
	} else {
		*find_object(a, e->ptr) = o;
		a->nobjects++;
	}
	if (a->total.live.kmalloc > a->total.peak.kmalloc) {
		a->epoch++;
		note_peak(a, &a->total);
	}
	return 0;
}

static void note_time(struct advice *a, const struct event *e)
{
	if (!e->ns)
		return;
	if (!a->first)
		a->first = e->ns;
	if (e->ns < a->last)
		a->backwards++;
	else
		a->last = e->ns;
}

/**
 * advise_add - count an event
 * @a: the advice
 * @e: the event
 *
 * Return: 0, or 1 for want of memory, which has been said.
 */
int advise_add(struct advice *a, const struct event *e)
{
	note_time(a, e);
	if (e->kind == EVENT_KFREE) {
		add_free(a, e);
		return 0;
	}
	if (!e->ptr) {
		a->failed++;
		return 0;
	}
	a->short_ptr &= e->ptr <= UINT32_MAX;
	add_unseen_free(a, e->ptr);
	if (e->kind == EVENT_CACHE)
		add(&a->cache, &(struct amount){ 1, e->requested, e->kmalloc, 0 });
	else if (add_kmalloc(a, e))
		return !!complain("advise", "no memory");
	return 0;
}

static int compare_saved(const void *x, const void *y)
{
	const struct site *a = x, *b = y;
	int64_t s = advise_saved(&a->t.peak), t = advise_saved(&b->t.peak);

	if (s == t) {
		s = advise_saved(&a->t.all);
		t = advise_saved(&b->t.all);
	}
	if (s != t)
		return s < t ? 1 : -1;
	return strcmp(a->module, b->module) ?: strcmp(a->name, b->name);
}

/* The sums of each module; sites are few enough to look at all of them. */
static int add_modules(struct advice *a)
{
	const struct site *s;
	struct site *m;

	a->modules = calloc(a->nsites + 1, sizeof(*a->modules));
	if (!a->modules)
		return complain("advise", "no memory");
	for (s = a->site; s < a->site + a->nsites; s++) {
		for (m = a->modules; m->module; m++)
			if (!strcmp(m->module, s->module))
				break;
		a->nmodules += !m->module;
		m->module = s->module;
		m->name = "";
		add(&m->t.all, &s->t.all);
		add(&m->t.peak, &s->t.peak);
		m->freed += s->freed;
		m->lived_ns += s->lived_ns;
	}
	return 0;
}

/**
 * advise_end - all events have been added
 * @a: the advice
 *
 * Sites and modules are in order then, those that save most at the peak first.
 *
 * Return: 0, or an exit status when it has said why not.
 */
int advise_end(struct advice *a)
{
	size_t i;

	for (i = 0; i < a->nsites; i++)
		note_peak(a, &a->site[i].t);
	for (i = 0; i < ADVISE_CLASSES; i++)
		note_peak(a, &a->class[i]);
	if (add_modules(a))
		return 1;
	if (a->nsites)
		qsort(a->site, a->nsites, sizeof(*a->site), compare_saved);
	qsort(a->modules, a->nmodules, sizeof(*a->modules), compare_saved);
	return 0;
}
