// SPDX-License-Identifier: GPL-2.0
/*
 * What is wrong, and how we say it.
 *
 * Misuse is caught where it happens and reported here: counted by kind, and
 * printed, rate-limited, with what the address is to us.  goverify() walks
 * everything and checks each structure against its neighbours: spans against
 * their bitmaps and lists, arenas against their runs, and the conservation law,
 * handed out + cached + free = capacity, class by class.  One lock is held for
 * one span, one arena or a few free runs at a time; sums over many of them are
 * only compared when nothing moved meanwhile.
 *
 * Anyone may report; debugfs, the tests and the module's exit verify.
 */

#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "internal.h"

#undef pr_fmt
#define pr_fmt(fmt) "goalloc: " fmt

/* After this many lines more would not help. */
#define MAX_LINES	20

/* Free runs that are looked at under one hold of their node's lock. */
#define RUNS_AT_ONCE	64

static const char * const misuse_name[GO_NR_MISUSES] = {
	[GO_DOUBLE_FREE] = "double free",
	[GO_INTERIOR] = "free inside an object",
	[GO_FOREIGN] = "not our pointer",
	[GO_WRONG_SIZE] = "wrong size in gofree_sized()",
	[GO_BAD_ZONE] = "allocation from a zone we do not have",
	[GO_OVERFLOW] = "write behind the end",
	[GO_USED_FREE] = "write after free",
	[GO_INSANE] = "broken span",
};

static const char * const state_name[] = {
	[GO_OBJ_FRESH] = "never used",
	[GO_OBJ_FREE] = "free",
	[GO_OBJ_POISONED] = "free",
	[GO_OBJ_LIVE] = "live",
	[GO_OBJ_TINY] = "tiny block",
	[GO_OBJ_DEBUG] = "live",
};

/* What an address is to us, in words. */
static void describe(struct goheap *h, const void *p, char *buf, size_t len)
{
	unsigned int idx, n;
	struct gospan *s;

	preempt_disable();
	s = gospan_of(h, p);
	switch (s->state) {
	case GO_SPAN_SMALL:
		gospan_index(s, p, &idx);
		idx = min_t(unsigned int, idx, s->nelems);
		n = scnprintf(buf, len,
			      "object %u of a span of %u-byte objects%s, %s",
			      idx, s->elemsize,
			      GO_SPC_NOSCAN(s->spanclass) ? ", noscan" : "",
			      state_name[s->objstate[idx] % GO_NR_OBJ_STATES]);
		godebug_describe(s, idx, buf + n, len - n);
		break;
	case GO_SPAN_LARGE:
	case GO_SPAN_DYING:
		snprintf(buf, len, "in a large object of %u bytes",
			 s->elemsize);
		break;
	case GO_SPAN_FREE:
		snprintf(buf, len, "in a free run of %u pages", s->npages);
		break;
	default:
		snprintf(buf, len, "in no span");
	}
	preempt_enable();
}

/* The whole line: what was done, to what, by whom, and what that is to us. */
static void compose(struct goheap *h, enum gomisuse kind, const void *p,
		    size_t size, unsigned long caller, char *buf, size_t len)
{
	size_t n = scnprintf(buf, len, "%s: %p", misuse_name[kind], p);

	if (kind == GO_WRONG_SIZE)
		n += scnprintf(buf + n, len - n, ", size %zu", size);
	if (caller)
		n += scnprintf(buf + n, len - n, ", by %pS: ", (void *)caller);
	else
		n += scnprintf(buf + n, len - n,
			       ", found when it came back to its span: ");
	describe(h, p, buf + n, len - n);
}

/**
 * gomisuse_report - a caller did something wrong
 * @h: the heap
 * @kind: what
 * @p: the pointer it passed
 * @size: the size it passed, if any
 * @caller: its address; 0 when found later, at the object's span
 *
 * Context: any.
 */
void gomisuse_report(struct goheap *h, enum gomisuse kind, const void *p,
		     size_t size, unsigned long caller)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 10);
	char line[sizeof(h->report)];

	atomic_long_inc(&h->misuse[kind]);
	if (kind == GO_BAD_ZONE) {
		WARN_ONCE(1, "goalloc: %s, by %pS\n", misuse_name[kind],
			  (void *)caller);
		return;
	}
	compose(h, kind, p, size, caller, line, sizeof(line));
	if (!atomic_xchg(&h->reporting, 1)) {
		strscpy(h->report, line, sizeof(h->report));
		atomic_set(&h->reporting, 0);
	}
	if (__ratelimit(&limit))
		pr_err("%s\n", line);
}

/**
 * struct verify - a walk in progress
 * @h: the heap
 * @m: where to write, or NULL
 * @mute: count, but do not write
 * @errors: found so far
 * @capacity: objects by span class
 * @free: of those, in their spans
 * @whole: wholly free spans, by span class
 * @sys: pages in arenas
 * @idle: of those, free
 */
struct verify {
	struct goheap *h;
	struct seq_file *m;
	bool mute;
	unsigned int errors;
	unsigned long capacity[GO_NR_SPANCLASSES];
	unsigned long free[GO_NR_SPANCLASSES];
	unsigned long whole[GO_NR_SPANCLASSES];
	unsigned long sys;
	unsigned long idle;
};

static __printf(2, 3) void broken(struct verify *v, const char *fmt, ...)
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

/* Free objects must not be marked live; only then are bits and bytes one. */
static unsigned int count_live_in(const struct gospan *s,
				  const unsigned long *bits)
{
	unsigned int idx, n = 0;

	for_each_set_bit(idx, bits, s->nelems)
		n += s->objstate[idx] >= GO_OBJ_LIVE;
	return n;
}

/* A small span, its mcentral's lock held. */
static const char *check_span(const struct gospan *s)
{
	unsigned int class = GO_SPC_CLASS(s->spanclass);
	unsigned int left = s->navail + s->nback;

	if (s->elemsize != go_class_size[class] ||
	    s->npages != go_class_pages[class] ||
	    s->nelems != go_class_nelems[class] ||
	    s->magic != go_class_magic[class])
		return "is not as its class says";
	if (bitmap_weight(s->back, s->nelems) != s->nback)
		return "miscounts what came back";
	if (count_live_in(s, s->back))
		return "has live objects that came back";
	if (s->cached)
		return s->bucket == GO_BUCKET_NONE ? NULL :
						     "is cached and on a list";
	if (bitmap_weight(s->avail, s->nelems) != s->navail)
		return "miscounts what it has to give";
	if (bitmap_intersects(s->avail, s->back, s->nelems))
		return "has objects that are free twice";
	if (count_live_in(s, s->avail))
		return "has live objects to give";
	if (s->bucket != (left ? fls(s->nelems - left) : GO_BUCKET_NONE))
		return "is on the wrong list";
	return NULL;
}

static void verify_span(struct gospan *s, void *data)
{
	struct gocentral *c = READ_ONCE(s->central);
	const char *what = NULL;
	struct verify *v = data;
	unsigned long flags;
	unsigned int spc = 0;

	if (!c || READ_ONCE(s->state) != GO_SPAN_SMALL)
		return;
	raw_spin_lock_irqsave(&c->lock, flags);
	/* It may have gone to the heap before we had the lock. */
	if (s->state == GO_SPAN_SMALL && s->central == c) {
		spc = s->spanclass;
		what = spc == c->spanclass ? check_span(s) :
					     "is at another class's mcentral";
		v->capacity[spc] += s->nelems;
		v->free[spc] += s->nback + (s->cached ? 0 : s->navail);
		v->whole[spc] += s->bucket == 0;
	}
	raw_spin_unlock_irqrestore(&c->lock, flags);
	if (what)
		broken(v, "a span of class %u %s", GO_SPC_CLASS(spc), what);
}

/**
 * goverify_span - check one span
 * @h: the heap
 * @s: the span
 *
 * Context: any but NMI.
 * Return: whether it is as it should be.
 */
bool goverify_span(struct goheap *h, struct gospan *s)
{
	struct gocentral *c = READ_ONCE(s->central);
	unsigned long flags;
	bool sane = true;

	if (!c)
		return true;
	raw_spin_lock_irqsave(&c->lock, flags);
	if (s->state == GO_SPAN_SMALL && s->central == c)
		sane = !check_span(s);
	raw_spin_unlock_irqrestore(&c->lock, flags);
	return sane;
}

/* One stretch of an arena; returns its pages, 0 when the map is wrong. */
static unsigned int check_run(struct goarena *a, unsigned int i,
			      const char **what)
{
	struct gospan *s = a->span[i];
	unsigned int k;

	if (s->base != a->base + ((unsigned long)i << GO_PAGE_SHIFT) ||
	    !s->npages || i + s->npages > GO_ARENA_PAGES) {
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
		if (a->span[i]->state == GO_SPAN_FREE)
			idle += n;
	}
	if (!what && (pages != a->npages || idle != a->nfree))
		what = "miscounts its pages";
	v->sys += a->npages;
	v->idle += a->nfree;
out:
	raw_spin_unlock_irqrestore(&node->lock, flags);
	if (what)
		broken(v, "an arena of node %d %s", node->nid, what);
}

/**
 * struct runs - a walk over a node's free runs
 * @npages: length of the last one that was looked at, 0 before the first
 * @base: its address
 * @free: pages seen
 * @big: of these, pages of runs that the reserve is made of
 * @changes: the node's when the walk began
 */
struct runs {
	unsigned long npages;
	unsigned long base;
	unsigned long free;
	unsigned long big;
	unsigned long changes;
};

/* Is the run behind where the walk is, in the order of the trees? */
static bool run_is_behind(const struct gospan *s, const struct runs *r)
{
	return s->npages > r->npages ||
	       (s->npages == r->npages && s->base > r->base);
}

/* The first run behind where the walk is. */
static struct gospan *resume(struct gonode *node, const struct runs *r)
{
	unsigned int t = min_t(unsigned long, r->npages, GO_RUN_MAX);
	struct rb_node *rb = node->runs[t].rb_root.rb_node;
	struct gospan *s, *best = NULL;

	while (rb) {
		s = rb_entry(rb, struct gospan, rb);
		if (run_is_behind(s, r)) {
			best = s;
			rb = rb->rb_left;
		} else {
			rb = rb->rb_right;
		}
	}
	if (!best && t < GO_RUN_MAX)
		best = gorun_find(node, t + 1, 1);
	return best;
}

/* A few runs under one hold; true if there are more of them. */
static bool verify_some_runs(struct gonode *node, struct runs *r,
			     const char **what)
{
	struct gospan *s;
	unsigned int i;

	lockdep_assert_held(&node->lock);
	if (!r->npages)
		r->changes = node->changes;
	s = resume(node, r);
	for (i = 0; s && i < RUNS_AT_ONCE; i++, s = gorun_next(node, s)) {
		if (s->state != GO_SPAN_FREE || !run_is_behind(s, r)) {
			*what = "has runs out of order";
			return false;
		}
		r->npages = s->npages;
		r->base = s->base;
		r->free += s->npages;
		r->big += s->npages >= GO_RESERVE_RUN ? s->npages : 0;
	}
	/* What has moved behind our back has been counted twice, or never. */
	if (!s && node->changes == r->changes &&
	    (r->free != node->free || r->big != node->big))
		*what = "miscounts its free runs";
	return s;
}

/* The trees of a node against its counts. */
static void verify_runs(struct verify *v, struct gonode *node)
{
	const char *what = NULL;
	struct runs r = { 0 };
	unsigned long flags;
	bool more;

	do {
		raw_spin_lock_irqsave(&node->lock, flags);
		more = verify_some_runs(node, &r, &what);
		raw_spin_unlock_irqrestore(&node->lock, flags);
		cond_resched();
	} while (more);
	if (what)
		broken(v, "node %d %s", node->nid, what);
}

/* Something that changes whenever anything does: counters that never fall. */
static unsigned long activity(struct goheap *h)
{
	unsigned long sum = 0;
	struct gostats_spc st;
	struct gomcache *c;
	unsigned int spc;
	int i;

	for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++) {
		gostats_read_spc(h, spc, &st);
		sum += st.mallocs + st.frees;
	}
	for_each_possible_cpu(i) {
		c = per_cpu_ptr(h->mcache, i);
		sum += READ_ONCE(c->refills) + READ_ONCE(c->flushes);
	}
	for_each_gonode(h, i)
		sum += READ_ONCE(h->node[i]->changes);
	return sum;
}

/* Objects in the spans that mcaches hold. */
static unsigned long held(struct goheap *h, unsigned int spc)
{
	unsigned long n = 0;
	struct gospan *s;
	int cpu;

	/* The span may be gone when we look: its descriptor is still there. */
	rcu_read_lock();
	for_each_possible_cpu(cpu) {
		s = READ_ONCE(per_cpu_ptr(h->mcache, cpu)->stack[spc].span);
		if (s)
			n += READ_ONCE(s->navail);
	}
	rcu_read_unlock();
	return n;
}

/* The conservation laws; only meaningful when nothing moves. */
static void verify_sums(struct verify *v)
{
	unsigned long sys = 0, idle = 0, live, kept;
	struct gostats_spc st;
	unsigned int spc;
	int nid;

	for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++) {
		kept = 0;
		for_each_gonode(v->h, nid)
			kept += v->h->node[nid]->central[spc].idle;
		if (kept != v->whole[spc])
			broken(v, "class %u%s: %lu idle spans, mcentrals say %lu",
			       GO_SPC_CLASS(spc),
			       GO_SPC_NOSCAN(spc) ? " noscan" : "",
			       v->whole[spc], kept);
		gostats_read_spc(v->h, spc, &st);
		live = st.mallocs - st.frees;
		if (v->capacity[spc] != live + st.cached + held(v->h, spc) +
					v->free[spc])
			broken(v, "class %u%s: %lu live + %lu cached + %lu held + %lu free != %lu",
			       GO_SPC_CLASS(spc),
			       GO_SPC_NOSCAN(spc) ? " noscan" : "", live,
			       st.cached, held(v->h, spc), v->free[spc],
			       v->capacity[spc]);
	}
	for_each_gonode(v->h, nid) {
		sys += v->h->node[nid]->sys;
		idle += v->h->node[nid]->free;
	}
	if (sys != v->sys || idle != v->idle)
		broken(v, "arenas hold %lu pages, %lu free; nodes say %lu, %lu",
		       v->sys, v->idle, sys, idle);
}

/* Is anybody in the middle of something, or has left something undone? */
static bool unfinished(struct goheap *h)
{
	struct gomcache *c;
	int cpu;

	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(h->mcache, cpu);
		if (READ_ONCE(c->busy) || !llist_empty(&c->deferred))
			return true;
	}
	return false;
}

/**
 * goverify - walk everything and check it
 * @h: the heap
 * @m: where to write what is broken, or that nothing is; NULL for the log
 *
 * Context: task, may sleep.
 * Return: how many things are broken; or 1 when there is no memory to look.
 */
unsigned int goverify(struct goheap *h, struct seq_file *m)
{
	struct verify *v = kzalloc(sizeof(*v), GFP_KERNEL);
	unsigned long before;
	unsigned int errors;
	bool quiet;
	int nid;

	if (!v) {
		if (m)
			seq_puts(m, "no memory to verify\n");
		return 1;
	}
	v->h = h;
	v->m = m;
	before = activity(h);
	for_each_gonode(h, nid)
		verify_runs(v, h->node[nid]);
	gospan_walk_arenas(h, verify_arena, v);
	gospan_walk(h, verify_span, v);
	quiet = !unfinished(h) && activity(h) == before;
	errors = v->errors;
	if (quiet) {
		v->mute = true;
		verify_sums(v);
		v->mute = false;
		/* Somebody may have begun to move while we were adding up. */
		quiet = !unfinished(h) && activity(h) == before;
		if (v->errors != errors && quiet)
			verify_sums(v);
		errors = quiet ? v->errors : errors;
	}
	if (m && !errors)
		seq_puts(m, quiet ? "ok\n" : "ok (in motion: sums not compared)\n");
	kfree(v);
	return errors;
}

/**
 * goverify_leaks - name what is still live when a heap ends
 * @h: the heap, whose caches are empty
 *
 * Context: task.
 */
void goverify_leaks(struct goheap *h)
{
	struct gostats_spc st;
	unsigned long live = 0;
	unsigned int spc;
	int nid;

	for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++) {
		gostats_read_spc(h, spc, &st);
		if (st.mallocs == st.frees)
			continue;
		live += st.mallocs - st.frees;
		pr_warn("leaked: %lu objects of %u bytes%s\n",
			st.mallocs - st.frees, go_class_size[GO_SPC_CLASS(spc)],
			GO_SPC_NOSCAN(spc) ? ", noscan" : "");
	}
	for_each_gonode(h, nid) {
		struct gonode *n = h->node[nid];

		if (n->large_mallocs == n->large_frees)
			continue;
		live += n->large_mallocs - n->large_frees;
		pr_warn("leaked: %lu large objects, %lu bytes\n",
			n->large_mallocs - n->large_frees,
			n->large_alloced - n->large_freed);
	}
	if (live)
		pr_warn("%lu objects leaked; their pages stay, for good\n",
			live);
}
