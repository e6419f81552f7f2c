// SPDX-License-Identifier: GPL-2.0
/*
 * Verify: walks everything and checks it.
 *
 * Each structure is checked against its neighbours: spans against their bitmaps
 * and lists, arenas against their runs, and each class against the conservation
 * law, handed out + cached + free = capacity.  One lock is held for one span,
 * one arena or a few free runs at a time, so that the walk may run under load.
 * To stop all CPUs would make the sums exact, but not on a machine in use.  So
 * sums over many spans are compared only when nothing has moved meanwhile.
 *
 * The pages are looked at, too: what has fewer references than ours was put, or
 * passed to kfree(), by somebody who had no right to.  That is misuse, and counted
 * as such.
 *
 * Findings are words and not codes: most of them are read by people, in debugfs
 * or in the log of a test.
 *
 * Task context only; may sleep.
 */

#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include "block.h"
#include "cache.h"
#include "central.h"
#include "hooks.h"
#include "mcache.h"
#include "numa.h"
#include "observe.h"
#include "owner.h"
#include "runs.h"
#include "site.h"
#include "span.h"
#include "tiny.h"
#include "transfer.h"

#undef pr_fmt
#define pr_fmt(fmt) "goalloc: " fmt

/* More lines than this would not help. */
#define MAX_LINES	20

/* Free runs that are checked under one hold of their node's lock. */
#define RUNS_AT_ONCE	64

/* Kept runs of a length that are checked; of more there is no sum. */
#define KEPT_AT_ONCE	1024

/**
 * struct verify - a walk in progress
 * @h: the heap
 * @m: where to write; NULL for the log
 * @mute: count findings, but do not write them
 * @errors: findings so far
 * @capacity: objects by span class
 * @free: of those, in their spans
 * @uncached: those in spans that no mcache holds
 * @whole: wholly free spans, by span class
 * @sys: pages in arenas
 * @idle: of those, free
 * @halves: pages of which the heap has half
 * @shared: pages to which others have references, too
 * @marked: objects that say that there is a sample of them, and there is none
 * @name: what a span class is called
 */
struct verify {
	struct goheap *h;
	struct seq_file *m;
	bool mute;
	unsigned int errors;
	unsigned long capacity[GO_ALL_SPANCLASSES];
	unsigned long free[GO_ALL_SPANCLASSES];
	unsigned long uncached[GO_ALL_SPANCLASSES];
	unsigned long whole[GO_ALL_SPANCLASSES];
	unsigned long sys;
	unsigned long idle;
	unsigned long halves;
	unsigned long shared;
	unsigned long marked;
	char name[GOCACHE_NAME_LEN + 8];
};

/* Count a finding, and write it if there are not too many. */
static __printf(2, 3) void note_broken(struct verify *v, const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;

	if (++v->errors > MAX_LINES || v->mute)
		return;
	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	if (v->m)
		seq_printf(v->m, "broken: %pV\n", &vaf);
	else
		pr_err("verify: %pV\n", &vaf);
	va_end(args);
}

/* What a span class is called, until that is asked for again. */
static const char *name_class(struct verify *v, unsigned int spc)
{
	if (goshape_is_cache(spc))
		snprintf(v->name, sizeof(v->name), "cache %s",
			 gocache_of(spc)->name);
	else
		snprintf(v->name, sizeof(v->name), "class %u%s",
			 GO_SPC_CLASS(spc), GO_SPC_NOSCAN(spc) ? " noscan" : "");
	return v->name;
}

/* What the pages of a span or free run have lost; they are ours, under its lock. */
static unsigned long count_references(struct verify *v, const struct gospan *s)
{
	struct page *page = virt_to_page((void *)s->base);
	unsigned long n = gospan_nr_pages(s);

	if (!goblock_is_shared(page, n))
		return 0;
	v->shared += goblock_shared(page, n);
	return goblock_lost(page, n);
}

/* Look at the references to the pages of an arena, one span at a time. */
static void verify_pages(struct goarena *a, void *data)
{
	unsigned long flags, lost, addr;
	struct gonode *node = a->node;
	struct verify *v = data;
	struct gospan *s;
	unsigned int i, n;

	for (i = 0; i < GO_ARENA_PAGES; i += n) {
		n = 1;
		lost = 0;
		addr = 0;
		raw_spin_lock_irqsave(&node->lock, flags);
		s = a->span[i];
		if (gospan_arena(v->h, a->base) == a &&
		    gospan_begins_at(s, a, i)) {
			addr = s->base;
			n = max(s->npages, 1U);
			lost = count_references(v, s);
		}
		raw_spin_unlock_irqrestore(&node->lock, flags);
		if (!lost)
			continue;
		gohooks_misuse(v->h, GO_LOST_PAGE, (void *)addr, 0, 0);
		note_broken(v, "%lu pages of a span of %u have lost references",
			    lost, n);
	}
}

/* Does a state byte say anything, and of an owner that there is? */
static bool state_makes_sense(const struct gospan *s, unsigned int idx)
{
	u8 state = READ_ONCE(s->objstate[idx]);
	struct gosite_record r;

	if (goobj_is_plain(state))
		return goowner_is_taken(state);
	if (goobj_is_sampled(state))
		return goowner_is_taken(goobj_sampled_owner(state));
	/* A block without objects may be one of an owner that has gone. */
	if (goobj_is_tiny(state))
		return goowner_is_taken(goobj_tiny_owner(state)) ||
		       !gotiny_any(s, gospan_object(s, idx));
	if (state == GO_OBJ_SITED && gosite_read(s, idx, &r))
		return goowner_is_taken(r.owner) &&
		       rcu_access_pointer(gosites[r.id >> GO_SITES_SHIFT]);
	return state < GO_OBJ_NR_SPECIAL;
}

static const char *check_states(const struct gospan *s)
{
	unsigned int idx;

	lockdep_assert_held(&s->central->lock);
	for (idx = 0; idx < s->nelems; idx++)
		if (!state_makes_sense(s, idx))
			return "has an object of nobody";
	return NULL;
}

/* Does an object say that there is a sample of it? */
static bool is_marked(const struct gospan *s, unsigned int idx)
{
	u8 state = READ_ONCE(s->objstate[idx]);
	struct gosite_record r;

	return goobj_is_sampled(state) ||
	       (state == GO_OBJ_SITED && gosite_read(s, idx, &r) &&
		r.is_sampled);
}

/* Objects that are marked as samples, and of which there is none. */
static unsigned long count_marked(const struct gospan *s)
{
	unsigned long n = 0;
	unsigned int idx;

	lockdep_assert_held(&s->central->lock);
	for (idx = 0; idx < s->nelems; idx++)
		n += is_marked(s, idx) && !goprofile_has(gospan_object(s, idx));
	return n;
}

/* Is there a sample of what is no object that says so?  At rest only. */
static bool is_stray_sample(const void *p, void *data)
{
	struct verify *v = data;
	unsigned long idx;
	struct gospan *s;
	bool stray;

	preempt_disable();
	s = gospan_with(v->h, p);
	if (s->state == GO_SPAN_SMALL)
		stray = !gospan_index(s, p, &idx) || idx >= s->nelems ||
			(!is_marked(s, idx) &&
			 s->objstate[idx] != GO_OBJ_DEBUG);
	else if (s->state == GO_SPAN_LARGE)
		stray = !READ_ONCE(s->sampled);
	else
		/* It may be another heap's. */
		stray = s->state != GO_SPAN_NONE;
	preempt_enable();
	return stray;
}

static void verify_span(struct gospan *s, void *data)
{
	struct gocentral *c = READ_ONCE(s->central);
	u8 owner = READ_ONCE(s->owner);
	const char *what = NULL;
	struct verify *v = data;
	unsigned long flags;
	unsigned int spc = 0;

	if (owner && READ_ONCE(s->state) == GO_SPAN_LARGE &&
	    !goowner_is_taken(owner))
		note_broken(v, "a large object is nobody's");
	if (READ_ONCE(s->state) == GO_SPAN_LARGE)
		v->marked += READ_ONCE(s->sampled) &&
			     !goprofile_has((void *)s->base);
	if (!c || READ_ONCE(s->state) != GO_SPAN_SMALL)
		return;
	raw_spin_lock_irqsave(&c->lock, flags);
	/* It may have gone to the heap before the lock was taken. */
	if (s->state == GO_SPAN_SMALL && s->central == c) {
		spc = s->spanclass;
		what = spc == c->spanclass ? gocentral_check(s) :
					     "is at another class's mcentral";
		if (!what && static_branch_likely(&goalloc_check))
			what = check_states(s);
		v->capacity[spc] += s->nelems;
		v->free[spc] += s->nback + (s->cached ? 0 : s->navail);
		v->uncached[spc] += s->cached ? 0 : s->nback + s->navail;
		v->whole[spc] += s->bucket == 0;
		v->marked += count_marked(s);
	}
	raw_spin_unlock_irqrestore(&c->lock, flags);
	if (what)
		note_broken(v, "a span of %s %s", name_class(v, spc), what);
}

/* Check a span or run in the map; returns its pages, 0 if the map is wrong. */
static unsigned int check_run(struct goarena *a, unsigned int i,
			      const char **what)
{
	struct gospan *s = a->span[i];
	unsigned int k;

	lockdep_assert_held(&a->node->lock);
	if (!gospan_begins_at(s, a, i) || !s->npages ||
	    i + s->npages > GO_ARENA_PAGES) {
		*what = "has a page that leads to another's span";
		return 0;
	}
	for (k = 1; k < s->npages; k++)
		if (a->span[i + k] != (s->state == GO_SPAN_FREE &&
				       k < s->npages - 1 ? &gospan_nil : s))
			*what = "has a span with pages of another";
	if (s->state == GO_SPAN_FREE && i + s->npages < GO_ARENA_PAGES &&
	    a->span[i + s->npages]->state == GO_SPAN_FREE)
		*what = "has neighbouring runs that did not merge";
	return s->npages;
}

static void verify_arena(struct goarena *a, void *data)
{
	unsigned int i, n, pages = 0, idle = 0;
	struct gonode *node = a->node;
	const char *what = NULL;
	struct verify *v = data;
	unsigned long flags;

	raw_spin_lock_irqsave(&node->lock, flags);
	if (gospan_arena(v->h, a->base) != a || a->node != node)
		goto out;
	for (i = 0; i < GO_ARENA_PAGES && !what; i += n) {
		n = 1;
		if (a->span[i] == &gospan_nil)
			continue;
		n = check_run(a, i, &what);
		pages += n;
		v->halves += a->span[i]->half &&
			     !(a->span[i]->apart & GO_SPAN_PAIRED);
		if (a->span[i]->state == GO_SPAN_FREE)
			idle += n;
	}
	if (!what && (pages != a->npages || idle != a->nfree))
		what = "miscounts its pages";
	else if (!what && a->use != goruns_use(a))
		what = "is not on the list of those as full as it is";
	v->sys += a->npages;
	v->idle += a->nfree;
out:
	raw_spin_unlock_irqrestore(&node->lock, flags);
	if (what)
		note_broken(v, "an arena of node %d %s", node->nid, what);
}

/**
 * struct run_walk - a walk over a node's free runs
 * @npages: length of the last run that was checked, 0 before the first
 * @base: its address
 * @free: pages seen
 * @big: of these, pages in runs that count towards the reserve
 * @changes: goruns.changes of the node when the walk began
 */
struct run_walk {
	unsigned long npages;
	unsigned long base;
	unsigned long free;
	unsigned long big;
	unsigned long changes;
};

/* Does the run come after the last one checked, in the order of the trees? */
static bool run_is_behind(const struct gospan *s, const struct run_walk *r)
{
	return s->npages > r->npages ||
	       (s->npages == r->npages && s->base > r->base);
}

/* Check the next few runs; true if there are more. */
static bool verify_some_runs(struct gonode *node, struct run_walk *r,
			     const char **what)
{
	struct gospan *s;
	unsigned int i;

	lockdep_assert_held(&node->lock);
	if (!r->npages)
		r->changes = node->runs.changes;
	s = goruns_after(&node->runs, r->npages, r->base);
	for (i = 0; s && i < RUNS_AT_ONCE; i++) {
		if (s->state != GO_SPAN_FREE || !run_is_behind(s, r)) {
			*what = "has runs out of order";
			return false;
		}
		r->npages = s->npages;
		r->base = s->base;
		r->free += s->npages;
		r->big += s->npages >= GO_RESERVE_RUN ? s->npages : 0;
		s = goruns_next(&node->runs, s);
	}
	/*
	 * Runs that moved while the lock was dropped may be counted twice or
	 * not at all.
	 */
	if (!s && node->runs.changes == r->changes &&
	    (r->free != node->runs.free || r->big != node->runs.big))
		*what = "miscounts its free runs";
	return s;
}

/* Check what large objects have left, one length at a time. */
static void verify_kept(struct verify *v, struct gonode *node)
{
	unsigned long flags, before, pages = 0;
	bool wrong = false, cut = false;
	struct gospan *s;
	unsigned int i, n;

	before = READ_ONCE(node->kept_changes);
	for (i = 1; i <= GO_KEPT_MAX; i++) {
		n = 0;
		raw_spin_lock_irqsave(&node->lock, flags);
		list_for_each_entry(s, &node->kept[i], list) {
			wrong |= s->state != GO_SPAN_DYING || s->npages != i;
			pages += i;
			if (++n == KEPT_AT_ONCE) {
				cut = true;
				break;
			}
		}
		raw_spin_unlock_irqrestore(&node->lock, flags);
	}
	raw_spin_lock_irqsave(&node->lock, flags);
	cut |= node->kept_changes != before;
	wrong |= !cut && node->kept_pages != pages;
	raw_spin_unlock_irqrestore(&node->lock, flags);
	if (wrong)
		note_broken(v, "node %d keeps runs that are none, or miscounts",
			    node->nid);
}

/* Check the trees of a node against its counts. */
static void verify_runs(struct verify *v, struct gonode *node)
{
	struct run_walk r = {};
	const char *what = NULL;
	unsigned long flags;
	bool more;

	do {
		raw_spin_lock_irqsave(&node->lock, flags);
		more = verify_some_runs(node, &r, &what);
		raw_spin_unlock_irqrestore(&node->lock, flags);
		cond_resched();
	} while (more);
	if (what)
		note_broken(v, "node %d %s", node->nid, what);
}

/* A sum of counters that never fall: it changes whenever anything moves. */
static unsigned long total_activity(struct goheap *h)
{
	unsigned long sum = gostats_sum_cpus(h, refills) +
			    gostats_sum_cpus(h, flushes);
	struct gostats_spc st;
	unsigned int spc;
	int nid;

	for_each_goshape(spc) {
		gostats_read_spc(h, spc, &st);
		sum += st.mallocs + st.frees;
	}
	for_each_gonode(h, nid)
		sum += READ_ONCE(h->node[nid]->runs.changes) +
		       gotransfer_left(h->node[nid]);
	return sum;
}

static const char *check_magazines(const struct gotransfer *t)
{
	unsigned int nfull = 0, nempty = 0;
	const struct gomagazine *m;
	unsigned long objects = 0;

	lockdep_assert_held(&t->lock);
	for (m = t->full; m && nfull <= t->nfull; m = m->next, nfull++) {
		if (!m->n || m->n > t->cap)
			return "has a magazine that cannot be full";
		objects += m->n;
	}
	for (m = t->empty; m && nempty <= t->nempty; m = m->next, nempty++)
		if (m->n)
			return "has objects in an empty magazine";
	if (nfull != t->nfull || nempty != t->nempty || objects != t->objects)
		return "miscounts its magazines";
	return nfull > t->most ? "holds more than its share" : NULL;
}

/* The objects that are handed out next, and stand for the others. */
static bool has_live_object(const struct gotransfer *t)
{
	const struct gomagazine *m = t->full;
	unsigned int i;

	lockdep_assert_held(&t->lock);
	for (i = 0; m && i < m->n; i++)
		if (m->slot[i].state && goobj_is_live(*m->slot[i].state))
			return true;
	return false;
}

/* Check the transfer caches of a node. */
static void verify_transfers(struct verify *v, struct gonode *node)
{
	struct gotransfer *t;
	unsigned long flags;
	const char *what;
	unsigned int spc;

	for_each_goshape(spc) {
		t = &node->transfer[spc];
		raw_spin_lock_irqsave(&t->lock, flags);
		what = check_magazines(t);
		if (!what && static_branch_likely(&goalloc_check) &&
		    has_live_object(t))
			what = "has a live object";
		raw_spin_unlock_irqrestore(&t->lock, flags);
		if (what)
			note_broken(v, "a transfer cache of %s %s",
				    name_class(v, spc), what);
	}
}

/* Count the free objects of a class in the spans that mcaches hold. */
static unsigned long objects_held(struct goheap *h, unsigned int spc)
{
	unsigned long n = 0;
	struct gospan *s;
	int cpu;

	/* A span that has gone meanwhile still has its descriptor. */
	rcu_read_lock();
	for_each_gomcache(h, cpu) {
		s = READ_ONCE(per_cpu_ptr(h->mcache, cpu)->stack[spc].span);
		if (s)
			n += READ_ONCE(s->navail);
	}
	rcu_read_unlock();
	return n;
}

/* The conservation law of a class, and its idle spans. */
static void verify_class_sums(struct verify *v, unsigned int spc)
{
	unsigned long live, held, idle = 0, nfree = 0;
	struct gostats_spc st;
	int nid;

	for_each_gonode(v->h, nid) {
		idle += v->h->node[nid]->central[spc].idle;
		nfree += v->h->node[nid]->central[spc].nfree;
	}
	if (nfree != v->uncached[spc])
		note_broken(v, "%s: %lu free in spans, mcentrals say %lu",
			    name_class(v, spc), v->uncached[spc], nfree);
	if (idle != v->whole[spc])
		note_broken(v, "%s: %lu idle spans, mcentrals say %lu",
			    name_class(v, spc), v->whole[spc], idle);

	gostats_read_spc(v->h, spc, &st);
	live = st.mallocs - st.frees;
	held = objects_held(v->h, spc);
	if (v->capacity[spc] != live + st.cached + held + v->free[spc])
		note_broken(v, "%s: %lu live + %lu cached + %lu held + %lu free != %lu",
			    name_class(v, spc), live, st.cached, held,
			    v->free[spc], v->capacity[spc]);
}

/* The samples of the heap profile, and the objects that they are of. */
static void verify_samples(struct verify *v)
{
	unsigned long strays = goprofile_walk(is_stray_sample, v);

	if (strays)
		note_broken(v, "%lu samples are of no object that is marked",
			    strays);
	if ((long)v->marked > goprofile_forgotten())
		note_broken(v, "%lu objects are marked and no samples, %ld were forgotten",
			    v->marked, goprofile_forgotten());
}

/* The sums over classes and nodes; they agree only when nothing moves. */
static void verify_sums(struct verify *v)
{
	unsigned long sys = 0, idle = 0, halves = 0;
	unsigned int spc;
	int nid;

	verify_samples(v);

	for_each_goshape(spc)
		verify_class_sums(v, spc);
	for_each_gonode(v->h, nid) {
		sys += v->h->node[nid]->sys;
		idle += v->h->node[nid]->runs.free;
		halves += v->h->node[nid]->halves;
	}
	if (sys != v->sys || idle != v->idle)
		note_broken(v, "arenas hold %lu pages, %lu free; nodes say %lu, %lu",
			    v->sys, v->idle, sys, idle);
	if (halves != v->halves)
		note_broken(v, "%lu pages are halves; nodes say %lu",
			    v->halves, halves);
}

/*
 * Is any CPU in the middle of an operation, has it put off a free, or is a magazine
 * being broken up?
 */
static bool is_unfinished(struct goheap *h)
{
	int cpu, nid;

	for_each_gonode(h, nid)
		if (gotransfer_is_leaving(h->node[nid]))
			return true;
	for_each_possible_cpu(cpu)
		if (READ_ONCE(per_cpu_ptr(h->mcache, cpu)->busy))
			return true;
	return !llist_empty(&h->deferred) || !llist_empty(&h->dying);
}

/* Has nothing moved since total_activity() was @before? */
static bool is_at_rest(struct goheap *h, unsigned long before)
{
	return !is_unfinished(h) && total_activity(h) == before;
}

/*
 * Compare the sums if nothing has moved since @before; false if something has.
 * The first pass only counts: another CPU may begin to move while it adds up,
 * and what it finds then means nothing.
 */
static bool verify_at_rest(struct verify *v, unsigned long before)
{
	unsigned int errors = v->errors;

	if (!is_at_rest(v->h, before))
		return false;
	v->mute = true;
	verify_sums(v);
	v->mute = false;
	if (!is_at_rest(v->h, before)) {
		v->errors = errors;
		return false;
	}
	if (v->errors != errors)
		verify_sums(v);
	return true;
}

static void say_ok(const struct verify *v, bool compared)
{
	seq_puts(v->m, compared ? "ok" : "ok (in motion: sums not compared)");
	if (v->shared)
		seq_printf(v->m, ", others have references to %lu pages",
			   v->shared);
	seq_putc(v->m, '\n');
}

/**
 * goverify - walk everything and check it
 * @h: the heap
 * @m: where to write what is broken, or that nothing is; NULL for the log
 *
 * Context: task, may sleep.
 * Return: 0 if nothing is broken; else 1 or more, also when there is no memory
 * for the walk.
 */
unsigned int goverify(struct goheap *h, struct seq_file *m)
{
	struct verify *v = kzalloc(sizeof(*v), GFP_KERNEL);
	unsigned long before;
	unsigned int errors;
	bool compared;
	int nid;

	if (!v) {
		if (m)
			seq_puts(m, "no memory to verify\n");
		return 1;
	}
	v->h = h;
	v->m = m;
	before = total_activity(h);
	for_each_gonode(h, nid)
		verify_runs(v, h->node[nid]);
	for_each_gonode(h, nid) {
		verify_kept(v, h->node[nid]);
		verify_transfers(v, h->node[nid]);
	}
	gospan_walk_arenas(h, verify_arena, v);
	gospan_walk(h, verify_span, v);
	gospan_walk_arenas(h, verify_pages, v);
	compared = verify_at_rest(v, before);
	errors = v->errors;
	if (m && !errors)
		say_ok(v, compared);
	kfree(v);
	return errors;
}
