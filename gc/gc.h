/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gc: collected heaps.
 *
 *   section.c  when nobody has a pointer in its hands
 *   grey.c     objects that are marked and not yet scanned
 *   mark.c     from the roots to everything that can be reached
 *   sweep.c    what was not reached is free again
 *   pace.c     when the next cycle is due, and who helps
 *   cycle.c    one cycle after the other
 *   gc.c       the API; and why a cycle frees the right objects
 *
 * A file calls only those above it in this list.
 *
 * Locking: a collected heap adds to types.h
 *
 *   gogcheap.grey_lock   the lists of buffers and their count
 *   gogcheap.cursor_lock the cursor of the sweep
 *   gogcheap.collect     (a spinlock) wanted, forced
 *   gogcheap.roots_lock  (a mutex) the roots
 *   gogc_cpu.lock        what a CPU has overwritten
 *
 * None is held together with another, but for buffers, which are asked for with
 * roots_lock held.  They are raw, but for the mutex.
 *
 * Without a lock:
 *
 *   colour, marking     change while no section is open
 *   phase               belongs to the cycle; others read it, and change GOGC_OPEN and
 *                       GOGC_LATE into each other by cmpxchg()
 *   next_late           is one word, written by whoever makes it late
 *   live                is atomic; goal, trigger and ratio are one word each, and the
 *                       cycle's, or gogc_set_percent()'s
 *   state bytes         of a live object change from the old colour to the new by
 *                       cmpxchg(), by whoever comes first; what has the old colour when
 *                       the marking is done belongs to the sweeper of its span
 *   gospan.rescan       is set by whoever could not queue an object of the span, and
 *                       cleared by the cycle before it looks at them all
 *   started, swept      are the cycle's
 */
#ifndef GOALLOC_GC_H
#define GOALLOC_GC_H

#include <linux/gogc.h>
#include <linux/lockdep.h>
#include <linux/percpu.h>
#include <linux/swait.h>
#include "types.h"

/*
 * The state byte of a live object of a collected heap is GO_OBJ_LIVE and these bits.
 * What an object is allocated with, and what it is marked with, is the heap's colour,
 * which each cycle turns.
 */
#define GOGC_COLOUR		BIT(0)
#define GOGC_TYPED		BIT(1)
#define GOGC_BITS		(GOGC_COLOUR | GOGC_TYPED)

/* Overwritten pointers that a CPU collects; as many as move under one lock. */
#define GOGC_OVERWRITTEN	GO_BATCH

/**
 * enum gogc_phase - what a section has to do to begin
 * @GOGC_OPEN: to count itself
 * @GOGC_LATE: to wait for a moment, and to count itself as in the next: a cycle should
 *	have begun
 * @GOGC_ORDERED: to count itself, with barriers: a cycle is about to begin, or has
 * @GOGC_CLOSING: to wait
 */
enum gogc_phase {
	GOGC_OPEN,
	GOGC_LATE,
	GOGC_ORDERED,
	GOGC_CLOSING,
};

/**
 * struct gogc_cpu - what a CPU has overwritten while the heap is marked
 * @lock: see above
 * @n: how many
 * @old: the pointers
 */
struct gogc_cpu {
	raw_spinlock_t lock;
	unsigned int n;
	const void *old[GOGC_OVERWRITTEN];
};

/**
 * struct gogreybuf - a page of grey objects
 * @next: on a list
 * @n: how many
 * @obj: where each is to be scanned from: the start of an object, or for large ones
 *	what is left of it
 */
struct gogreybuf {
	struct gogreybuf *next;
	unsigned long n;
	void *obj[];
};

#define GOGREY_MAX	((PAGE_SIZE - sizeof(struct gogreybuf)) / sizeof(void *))

/**
 * struct gocursor - how far a walk over spans has come
 * @arena: in which arena of the map
 * @page: at which page of it
 */
struct gocursor {
	unsigned long arena;
	unsigned int page;
};

/**
 * struct gogc_stats - what MemStats and the trace say of cycles
 * @pause_total: nanoseconds in which sections had to wait
 * @pause: of the last cycles, the longest such time of each
 * @pause_end: when each ended
 * @last: when the last cycle was marked
 * @forced: cycles that gogc_collect() asked for, and by the clock
 * @cpu: nanoseconds spent in marking and sweeping
 * @began: when the heap did
 * @marked: bytes that the last cycle has found live
 * @scanned: bytes that it has searched
 */
struct gogc_stats {
	u64 pause_total;
	u64 pause[GOALLOC_NR_PAUSES];
	u64 pause_end[GOALLOC_NR_PAUSES];
	u64 last;
	u64 forced;
	atomic64_t cpu;
	u64 began;
	unsigned long marked;
	unsigned long scanned;
};

/**
 * struct gogcheap - a collected heap
 * @pub: what users see of it
 * @colour: what new objects are marked with
 * @phase: enum gogc_phase
 * @overflowed: a span has objects that could not be queued
 * @sweeping: there may be spans that the last cycle has not swept
 * @dying: it is being destroyed
 * @sections: open sections that began on a CPU, less those that ended there
 * @heap: its memory
 * @cpu: what CPUs have overwritten
 * @map: for lockdep, a section
 * @next_late: sections are not to wait for a late cycle before this, in jiffies
 * @closer: where the cycle waits for sections to end
 * @opened: where sections wait to begin
 * @grey_lock: see above
 * @full: buffers with grey objects
 * @empty: buffers without
 * @nbufs: all buffers
 * @begun: how often anybody but the cycle has begun to mark
 * @ended: how often that has ended
 * @found: bytes that were marked, by all
 * @roots_lock: see above
 * @roots: arrays of pointers
 * @cursor_lock: see above
 * @cursor: what is swept next
 * @sweepers: who sweep
 * @percent: see struct gogc_options
 * @live: bytes that the last cycle has found live or left unmarked, and those
 *	allocated since
 * @born: what @live was when the running cycle began
 * @trigger: the next cycle begins when @live reaches this
 * @goal: what @live should not exceed
 * @ratio: bytes to scan for each allocated while the heap is marked, in 256ths
 * @credit: bytes that the cycle has scanned, and no allocation has counted on
 * @lagging: where allocations wait for that
 * @collect: see above
 * @wanted: up to which cycle callers wait
 * @is_forced: the next cycle is one that was asked for
 * @started: cycles that have begun to mark
 * @swept: cycles that are done
 * @done: where callers wait for cycles
 * @work: runs cycles
 * @kick: queues @work where that cannot be done
 * @idle: has one run when there was none for two minutes
 * @stats: see there
 * @name: see struct gogc_options
 */
struct gogcheap {
	struct gogc pub;
	u8 colour;
	u8 phase;
	bool overflowed;
	bool sweeping;
	bool dying;
	int __percpu *sections;
	struct goheap heap;
	struct gogc_cpu __percpu *cpu;
#ifdef CONFIG_LOCKDEP
	struct lockdep_map map;
#endif
	unsigned long next_late;
	struct swait_queue_head closer;
	wait_queue_head_t opened;
	raw_spinlock_t grey_lock;
	struct gogreybuf *full;
	struct gogreybuf *empty;
	unsigned long nbufs;
	atomic_t begun;
	atomic_t ended;
	atomic_long_t found;
	struct mutex roots_lock;	/* scanning roots sleeps */
	struct list_head roots;
	raw_spinlock_t cursor_lock;
	struct gocursor cursor;
	atomic_t sweepers;
	int percent;
	atomic_long_t live;
	unsigned long born;
	unsigned long trigger;
	unsigned long goal;
	unsigned long ratio;
	atomic_long_t credit;
	wait_queue_head_t lagging;
	spinlock_t collect;	/* for tasks only */
	unsigned long wanted;
	bool is_forced;
	unsigned long started;
	unsigned long swept;
	wait_queue_head_t done;
	struct work_struct work;
	struct irq_work kick;
	struct delayed_work idle;
	struct gogc_stats stats;
	char name[32];
};

static inline struct gogcheap *gogcheap_of(struct gogc *g)
{
	return container_of(g, struct gogcheap, pub);
}

/* Is a state byte that of a live object of a collected heap? */
static __always_inline bool gogc_is_live(u8 state)
{
	return (state & ~GOGC_BITS) == GO_OBJ_LIVE;
}

/* section.c */
int gosection_init(struct gogcheap *g);
void gosection_exit(struct gogcheap *g);
void gosection_wait(struct gogcheap *g);
bool gosection_try_slow(struct gogcheap *g);
void gosection_leave_slow(struct gogcheap *g);
bool gosection_any(struct gogcheap *g);
bool gosection_close(struct gogcheap *g, u64 *closed);
void gosection_open(struct gogcheap *g);
void gosection_relax(struct gogcheap *g);
void gosection_hold_up(struct gogcheap *g, bool must);
void gosection_wait_if_late(struct gogcheap *g);

static inline void gosection_assert(struct gogcheap *g)
{
#ifdef CONFIG_LOCKDEP
	/* Code that an interrupt runs has no section of its task's. */
	WARN_ONCE(debug_locks && !lock_is_held(&g->map),
		  "goalloc: %s is used outside of a section\n", g->name);
#endif
}

static inline void gosection_note_begin(struct gogcheap *g)
{
#ifdef CONFIG_LOCKDEP
	lock_map_acquire_read(&g->map);
#endif
}

static inline void gosection_note_end(struct gogcheap *g)
{
#ifdef CONFIG_LOCKDEP
	lock_map_release(&g->map);
#endif
}

/* The caller is going to wait until no section is open. */
static inline void gosection_note_none(struct gogcheap *g)
{
#ifdef CONFIG_LOCKDEP
	lock_map_acquire(&g->map);
	lock_map_release(&g->map);
#endif
}

/* Begin a section if there is no more to it than to count. */
static __always_inline bool gosection_try_open(struct gogcheap *g)
{
	bool open;

	preempt_disable();
	open = READ_ONCE(g->phase) == GOGC_OPEN;
	if (likely(open))
		this_cpu_inc(*g->sections);
	preempt_enable();
	return open;
}

static __always_inline void gosection_leave(struct gogcheap *g)
{
	preempt_disable();
	if (likely(READ_ONCE(g->phase) == GOGC_OPEN))
		this_cpu_dec(*g->sections);
	else
		gosection_leave_slow(g);
	preempt_enable();
}

/**
 * struct gomarker - somebody who marks
 * @g: the heap
 * @buf: its own buffer, or NULL
 * @marked: bytes of the objects that it has marked
 * @scanned: bytes that it has searched
 */
struct gomarker {
	struct gogcheap *g;
	struct gogreybuf *buf;
	unsigned long marked;
	unsigned long scanned;
};

/* grey.c */
void gogrey_init(struct gogcheap *g);
void gogrey_exit(struct gogcheap *g);
void gogrey_begin(struct gomarker *m, struct gogcheap *g);
void gogrey_end(struct gomarker *m);
bool gogrey_make_room(struct gomarker *m);
void gogrey_stock(struct gogcheap *g);
bool gogrey_take(struct gomarker *m);
bool gogrey_has(struct gogcheap *g);
bool gogrey_is_quiet(struct gogcheap *g, int *begun);
void gogrey_trim(struct gogcheap *g, unsigned long keep);

/* mark.c */
struct gospan *gomark_next_span(struct goheap *h, struct gocursor *c);
int gomark_init(struct gogcheap *g);
void gomark_exit(struct gogcheap *g);
int gomark_add_roots(struct gogcheap *g, void *start, size_t n);
int gomark_remove_roots(struct gogcheap *g, void *start);
void gomark_overwritten(struct gogcheap *g, const void *old);
void gomark_forget_overwritten(struct gogcheap *g);
void gomark_all(struct gogcheap *g, struct gomarker *m);
unsigned long gomark_some(struct gogcheap *g, unsigned long bytes);

/* sweep.c */
void gosweep_begin(struct gogcheap *g);
void gosweep_for(struct gogcheap *g, unsigned int spc);
void gosweep_all(struct gogcheap *g);
void gosweep_everything(struct gogcheap *g);

/* pace.c */
void gopace_init(struct gogcheap *g);
void gopace_begin(struct gogcheap *g);
void gopace_marked(struct gogcheap *g, unsigned long marked, unsigned long scanned);
void gopace_set(struct gogcheap *g);
bool gopace_is_due(struct gogcheap *g);
bool gopace_is_late(struct gogcheap *g);
void gopace_hurry(struct gogcheap *g);
void gopace_wait_marked(struct gogcheap *g);
void gopace_allocated(struct gogcheap *g, unsigned long bytes, bool may_help);

/* cycle.c */
void gocycle_init(struct gogcheap *g);
void gocycle_stop(struct gogcheap *g);
void gocycle_ask(struct gogcheap *g, gfp_t gfp);
void gocycle_run(struct gogcheap *g);
void gocycle_stats(struct gogcheap *g, struct goalloc_memstats *m);
int gocycle_start(void);
void gocycle_end(void);

#endif /* GOALLOC_GC_H */
