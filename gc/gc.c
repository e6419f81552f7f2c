// SPDX-License-Identifier: GPL-2.0
/*
 * gc: collected heaps, and why a cycle frees the right objects.
 *
 * A collected heap is a heap like the default one, with a state byte for each object,
 * in which nobody frees but the collector.  It is marked and swept while its users run,
 * by Yuasa's algorithm (1990): what could be reached when the cycle began, the snapshot,
 * is marked whatever becomes of it; what is allocated since is born marked; and the
 * rest is garbage.
 *
 * A cycle in full.  No section is open for a moment: gogcheap.colour turns, so that all
 * live objects are unmarked, marking is set, and sections go on.  The cycle marks
 * from the roots.  Meanwhile gogc_store() notes what it overwrites.  When all is marked,
 * marking is cleared, without another pause, and the sweep begins.
 *
 * What is reachable is never freed.  No section is open at the snapshot, so that
 * what its users will ever get at is reachable from the roots by pointers in memory.
 * Say an object X of the snapshot were unmarked at the end of the marking.  Take a
 * path to it, of pointers as they were at the snapshot, and on it the last object that
 * was scanned, or the root, so that the next one, Y, is unmarked or marked and not
 * scanned.  The latter cannot be: there is no grey object.  When the slot that held Y
 * was scanned, Y was not in it, or it would be marked.  So somebody had overwritten
 * it, and who did that first has noted Y before it stored, for it was in a section that
 * began after the snapshot, and sections see what was set before they begin.  The
 * note was there before the scan saw the store, and so it was there when the
 * marking was about to end and looked at all notes: or whoever had taken it was marking
 * then, which would have been seen.  So Y was marked.  Who overwrites a slot later need
 * note nothing, and two that do it at once need not agree on who was first: both have
 * read Y, or the second has read what is no part of the snapshot's path.  New objects
 * are marked, by the state byte that the allocation writes anyway.  With that, what a
 * section finds by reading is of the snapshot or new, and in both cases stays.
 *
 * What was garbage at a cycle's start is freed by its end.  It is marked only if it is
 * found from a root or noted.  What is noted was in a slot that a section could get at,
 * and so in the snapshot or new.  Notes of sections that had not seen the last cycle's end
 * are forgotten when the next one begins.  What remains is a word that is no pointer
 * and looks like one: see gogc_alloc_typed().  The sweep looks at all spans before
 * the cycle ends.  What becomes garbage later is freed by the next cycle.
 *
 * The pause does not grow with the heap.  From the moment that sections have to wait to
 * the moment that they may go on, a cycle waits for open ones to end and stores a
 * few words and a count for each CPU.  No root, no stack and no object is looked at.
 *
 * Others do it differently.  Dijkstra's barrier notes what is stored, not what is
 * overwritten; then what a section reads and keeps while it removes the last pointer
 * to it is lost, unless its stack is scanned at the end, again and again, in a pause.
 * Go's hybrid barrier does both: it notes what is overwritten, and what is stored as
 * long as the stack of who stores has not been scanned.  Here no stack has pointers
 * when a cycle begins, as if all had been scanned, and so half of it will do.  The
 * price of the snapshot is garbage that lives a cycle longer; the price of no stacks is
 * that users have to say where their sections are.
 *
 * Allocation is that of alloc.h, with the colour for an owner, and with neither samples
 * nor sites.  With check=0 the state bytes are written all the same.  kmemleak is told of
 * large objects only: what nobody points to here is no leak.
 *
 * The contracts are in include/linux/gogc.h.
 */

#include <linux/err.h>
#include <linux/export.h>
#include <linux/goalloc.h>
#include <linux/gogc.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "alloc.h"
#include "gc/gc.h"
#include "gfp.h"
#include "held.h"
#include "lifecycle.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "sample.h"
#include "span.h"

/* Free memory goes back as that of the default heap does, from the first on. */
static void begin_background(struct goheap *h)
{
	h->next_tick = jiffies;
	h->next_turn = jiffies;
	WRITE_ONCE(h->rest, GO_RESTING);
}

/* Nothing wakes a background that does not rest. */
static void end_background(struct goheap *h)
{
	cancel_delayed_work_sync(&h->background);
	WRITE_ONCE(h->rest, GO_TICKING);
	flush_work(&h->work);
	cancel_delayed_work_sync(&h->background);
	WRITE_ONCE(h->rest, GO_TICKING);
}

static int begin_heap(struct gogcheap *g, const struct gogc_options *options)
{
	int err;

	err = gosection_init(g);
	if (err)
		return err;
	err = gomark_init(g);
	if (err)
		goto err_section;
	err = golifecycle_begin(&g->heap);
	if (err)
		goto err_mark;
	gosample_leave_out(&g->heap);
	golimit_set(&g->heap, options->limit);
	begin_background(&g->heap);
	gogrey_init(g);
	gopace_init(g);
	gocycle_init(g);
	return 0;

err_mark:
	gomark_exit(g);
err_section:
	gosection_exit(g);
	return err;
}

struct gogc *gogc_create(const struct gogc_options *options)
{
	static const struct gogc_options none;
	struct gogcheap *g;
	int err;

	BUILD_BUG_ON(GO_OBJ_LIVE & GOGC_BITS);
	if (!options)
		options = &none;
	g = gohooks_fault() ? NULL : kvzalloc(sizeof(*g), GFP_KERNEL);
	if (!g)
		return ERR_PTR(-ENOMEM);
	strscpy(g->name, options->name ?: "unnamed", sizeof(g->name));
	g->percent = options->percent ?: 100;
	err = begin_heap(g, options);
	if (err) {
		kvfree(g);
		return ERR_PTR(err);
	}
	return &g->pub;
}
EXPORT_SYMBOL_GPL(gogc_create);

int gogc_destroy(struct gogc *gc)
{
	struct gogcheap *g = gogcheap_of(gc);

	if (IS_ERR_OR_NULL(gc))
		return 0;
	if (gosection_any(g))
		return -EBUSY;
	gocycle_stop(g);
	gogrey_exit(g);
	end_background(&g->heap);
	gosweep_everything(g);
	golifecycle_end(&g->heap);
	gomark_exit(g);
	gosection_exit(g);
	kvfree(g);
	return 0;
}
EXPORT_SYMBOL_GPL(gogc_destroy);

/* Begin a section when a cycle is late, is about to begin, or has. */
static noinline void enter_slow(struct gogcheap *g)
{
	if (READ_ONCE(g->phase) == GOGC_LATE)
		gosection_wait_if_late(g);
	while (!gosection_try_open(g) && !gosection_try_slow(g))
		gosection_wait(g);
}

void gogc_enter(struct gogc *gc)
{
	struct gogcheap *g = gogcheap_of(gc);

	if (unlikely(!gosection_try_open(g)))
		enter_slow(g);
	gosection_note_begin(g);
}
EXPORT_SYMBOL_GPL(gogc_enter);

bool gogc_tryenter(struct gogc *gc)
{
	struct gogcheap *g = gogcheap_of(gc);

	if (unlikely(!gosection_try_open(g)) && !gosection_try_slow(g))
		return false;
	gosection_note_begin(g);
	return true;
}
EXPORT_SYMBOL_GPL(gogc_tryenter);

void gogc_exit(struct gogc *gc)
{
	struct gogcheap *g = gogcheap_of(gc);

	gosection_note_end(g);
	gosection_leave(g);
}
EXPORT_SYMBOL_GPL(gogc_exit);

void __gogc_shade(struct gogc *gc, const void *old)
{
	struct gogcheap *g = gogcheap_of(gc);

	gosection_assert(g);
	if (old)
		gomark_overwritten(g, old);
}
EXPORT_SYMBOL_GPL(__gogc_shade);

/*
 * Take an object from the CPU's stack; false if that cannot be.  Its old state says
 * whether it is clear already.
 */
static __always_inline bool pop_object(struct gogcheap *g, unsigned long spc,
				       size_t size, struct goslot *slot, u8 *old)
{
	struct goheap *h = &g->heap;
	struct gomcache *c;
	struct gostack *s;
	bool done = false;

	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	if (likely(gomcache_try_enter(c))) {
		s = &c->stack[spc];
		if (likely(s->top != s->slot)) {
			*slot = s->top[-1];
			WRITE_ONCE(s->top, s->top - 1);
			*old = *slot->state;
			WRITE_ONCE(*slot->state, GO_OBJ_LIVE | g->colour);
			gomcache_count(&s->mallocs, 1);
			gomcache_ask(s, size);
			done = true;
		}
		gomcache_leave(c);
	}
	preempt_enable();
	return done;
}

/* The state byte of a small object. */
static u8 *state_of(struct goheap *h, void *p)
{
	unsigned long idx = 0;
	struct gospan *s;
	u8 *state;

	preempt_disable();
	s = gospan_of(h, p);
	gospan_index(s, p, &idx);
	state = s->objstate + idx;
	preempt_enable();
	return state;
}

/* What the CPU's stack of a class has, in bytes: it was just filled. */
static unsigned long stacked_bytes(struct goheap *h, unsigned int spc)
{
	unsigned int n;

	preempt_disable();
	n = gostack_n(&this_cpu_ptr(h->mcache)->stack[spc]);
	preempt_enable();
	return n * go_class_size[GO_SPC_CLASS(spc)];
}

/* Count what was allocated, help to mark, and have a cycle run if one is due. */
static void account(struct gogcheap *g, unsigned long bytes, gfp_t gfp)
{
	bool may_sleep = gfpflags_allow_blocking(gfp);

	gopace_allocated(g, bytes, may_sleep);
	if (unlikely(gopace_is_due(g)) && !READ_ONCE(g->pub.marking)) {
		gocycle_ask(g, gfp);
		if (gopace_is_late(g))
			gosection_hold_up(g, false);
	}
	if (may_sleep)
		cond_resched();
}

/*
 * There is no memory.  If a cycle is under way, wait for what it frees; true if it has
 * freed.  If not, one begins when the section has ended, and sections wait for it.
 */
static bool find_memory(struct gogcheap *g, gfp_t gfp)
{
	bool swept = false;

	if (READ_ONCE(g->percent) < 0)
		return false;
	if (gfpflags_allow_blocking(gfp)) {
		gopace_wait_marked(g);
		while (READ_ONCE(g->sweeping)) {
			gosweep_for(g, 0);
			cond_resched();
			swept = true;
		}
	}
	if (!swept) {
		gopace_hurry(g);
		gocycle_ask(g, gfp);
		gosection_hold_up(g, true);
	}
	return swept;
}

/*
 * Allocate a small object when the stack is empty, or in use: sweep first, so that
 * the heap does not grow by what is garbage.
 */
static noinline void *alloc_slow(struct gogcheap *g, unsigned int spc,
				 size_t size, gfp_t gfp)
{
	u8 colour = GO_OBJ_LIVE | READ_ONCE(g->colour);
	struct goheap *h = &g->heap;
	void *p;

	gosection_assert(g);
	if (READ_ONCE(g->sweeping))
		gosweep_for(g, spc);
	do {
		p = goalloc_slow(size, gfp, colour, h, spc, _RET_IP_);
	} while (!p && find_memory(g, gfp));
	if (!p)
		return NULL;
	if (!static_branch_likely(&goalloc_check))
		WRITE_ONCE(*state_of(h, p), colour);
	goleak_free(p);
	account(g, stacked_bytes(h, spc) + go_class_size[GO_SPC_CLASS(spc)], gfp);
	return p;
}

static noinline void *alloc_large(struct gogcheap *g, size_t size, gfp_t gfp,
				  bool noscan)
{
	void *p;

	gosection_assert(g);
	if (size > GOALLOC_MAX_SIZE)
		return NULL;
	account(g, size, gfp);
	if (READ_ONCE(g->sweeping))
		gosweep_for(g, GO_SPC(0, noscan));
	do {
		p = goalloc_large(&g->heap, NUMA_NO_NODE, size, noscan, gfp,
				  GO_OBJ_LIVE | READ_ONCE(g->colour), _RET_IP_);
	} while (!p && find_memory(g, gfp));
	return p;
}

/* Allocate an object; @clear if it is to be zero. */
static __always_inline void *alloc_object(struct gogcheap *g, size_t size,
					  gfp_t gfp, bool noscan, bool clear)
{
	unsigned int class;
	struct goslot slot;
	u8 old;

	if (unlikely(gfp & GO_GFP_FORBIDDEN)) {
		gohooks_misuse(&g->heap, GO_BAD_ZONE, NULL, size, _RET_IP_);
		return NULL;
	}
	if (unlikely(size > GO_MAX_SMALL))
		return alloc_large(g, size, clear ? gfp | __GFP_ZERO : gfp, noscan);
	goalloc_might_sleep(gfp);
	class = gosizeclass_of(size ?: 1);
	if (unlikely(!pop_object(g, GO_SPC(class, noscan), size, &slot, &old)))
		return alloc_slow(g, GO_SPC(class, noscan), size,
				  clear ? gfp | __GFP_ZERO : gfp);
	if (clear && old != GO_OBJ_FRESH)
		memset(slot.obj, 0, go_class_size[class]);
	return slot.obj;
}

void *gogc_alloc(struct gogc *g, size_t size, gfp_t gfp)
{
	return alloc_object(gogcheap_of(g), size, gfp, false, true);
}
EXPORT_SYMBOL_GPL(gogc_alloc);

void *gogc_alloc_noscan(struct gogc *g, size_t size, gfp_t gfp)
{
	return alloc_object(gogcheap_of(g), size, gfp, true,
			    want_init_on_alloc(gfp));
}
EXPORT_SYMBOL_GPL(gogc_alloc_noscan);

/* Say of an object that its type stands behind it. */
static void set_type(struct gogcheap *g, void *p, const struct gogc_type *type)
{
	struct gospan *s;
	u8 *state;

	preempt_disable();
	s = gospan_of(&g->heap, p);
	state = s->state == GO_SPAN_LARGE ? &s->owner : state_of(&g->heap, p);
	((const struct gogc_type **)(p + s->elemsize))[-1] = type;
	/* After the type, for whoever scans it by that. */
	smp_store_release(state, (u8)(*state | GOGC_TYPED));
	preempt_enable();
}

void *gogc_alloc_typed(struct gogc *gc, const struct gogc_type *type, size_t n,
		       gfp_t gfp)
{
	struct gogcheap *g = gogcheap_of(gc);
	size_t size;
	void *p;

	if (!type->size || type->size % sizeof(void *) ||
	    check_mul_overflow(type->size, n, &size) ||
	    check_add_overflow(size, sizeof(type), &size))
		return NULL;
	p = alloc_object(g, size, gfp, false, true);
	if (p)
		set_type(g, p, type);
	return p;
}
EXPORT_SYMBOL_GPL(gogc_alloc_typed);

void *gogc_memdup(struct gogc *g, const void *src, size_t len, gfp_t gfp)
{
	void *p = gogc_alloc_noscan(g, len, gfp);

	return p ? memcpy(p, src, len) : NULL;
}
EXPORT_SYMBOL_GPL(gogc_memdup);

char *gogc_strdup(struct gogc *g, const char *s, gfp_t gfp)
{
	return s ? gogc_memdup(g, s, strlen(s) + 1, gfp) : NULL;
}
EXPORT_SYMBOL_GPL(gogc_strdup);

int gogc_add_roots(struct gogc *g, void *start, size_t n)
{
	return gomark_add_roots(gogcheap_of(g), start, n);
}
EXPORT_SYMBOL_GPL(gogc_add_roots);

int gogc_remove_roots(struct gogc *g, void *start)
{
	return gomark_remove_roots(gogcheap_of(g), start);
}
EXPORT_SYMBOL_GPL(gogc_remove_roots);

void gogc_collect(struct gogc *gc)
{
	struct gogcheap *g = gogcheap_of(gc);

	might_sleep();
	/* It would wait for the caller's own section. */
	gosection_note_none(g);
	gocycle_run(g);
}
EXPORT_SYMBOL_GPL(gogc_collect);

int gogc_set_percent(struct gogc *gc, int percent)
{
	struct gogcheap *g = gogcheap_of(gc);
	int old = xchg(&g->percent, percent);

	gopace_set(g);
	if (gopace_is_due(g))
		gocycle_ask(g, GFP_KERNEL);
	return old;
}
EXPORT_SYMBOL_GPL(gogc_set_percent);

unsigned long gogc_set_limit(struct gogc *gc, unsigned long bytes)
{
	struct gogcheap *g = gogcheap_of(gc);
	unsigned long old = READ_ONCE(g->heap.limit);

	golimit_set(&g->heap, bytes);
	gopace_set(g);
	if (gopace_is_due(g))
		gocycle_ask(g, GFP_KERNEL);
	return old;
}
EXPORT_SYMBOL_GPL(gogc_set_limit);

void gogc_read_memstats(struct gogc *gc, struct goalloc_memstats *m)
{
	struct gogcheap *g = gogcheap_of(gc);
	u64 own = sizeof(*g) + num_possible_cpus() * sizeof(struct gogc_cpu) +
		  READ_ONCE(g->nbufs) * PAGE_SIZE;

	gostats_read(&g->heap, m);
	gocycle_stats(g, m);
	m->gc_sys += own;
	m->sys += own;
}
EXPORT_SYMBOL_GPL(gogc_read_memstats);
