// SPDX-License-Identifier: GPL-2.0
/*
 * Cycle: one after the other.
 *
 * A work item of each heap runs its cycles.  A cycle sweeps what the last one has left,
 * has no section open for a moment, turns the colour and has overwritten pointers
 * noted, marks, and sweeps, all while others allocate.  Why it frees the right objects
 * is said in gc.c.
 *
 * It is run when an allocation has reached the trigger, when somebody asks, and when
 * there was none for two minutes though something was allocated.  An allocation that
 * may not sleep cannot queue the work, whose locks it may have interrupted, so an
 * irq_work does.
 *
 * Go lets the collector have a quarter of the CPUs.  Here one worker marks, on
 * whichever CPU the scheduler gives it, and allocations help it if it does not keep up.
 */

#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/workqueue.h>
#include "gc/gc.h"

/* Go's forcegcperiod. */
#define IDLE_CYCLE	(120 * HZ)

/* Buffers that are kept between cycles. */
#define BUFS_KEPT	4

static bool gctrace;
module_param(gctrace, bool, 0644);
MODULE_PARM_DESC(gctrace, "log a line for each cycle of a collected heap, as Go's GODEBUG=gctrace=1 (default off)");

static struct workqueue_struct *cycle_wq;

/* What a line of the trace says of a cycle. */
struct trace {
	u64 start;
	u64 pause;
	u64 marked;
	u64 end;
	unsigned long before;
	unsigned long grown;
	unsigned long after;
	unsigned long goal;
};

/* Nanoseconds that this task has run. */
static u64 time_run(void)
{
	return READ_ONCE(current->se.sum_exec_runtime);
}

static void note_pause(struct gogcheap *g, u64 closed, u64 opened)
{
	struct gogc_stats *s = &g->stats;
	unsigned int i = (g->started - 1) % GOALLOC_NR_PAUSES;

	WRITE_ONCE(s->pause_total, s->pause_total + opened - closed);
	WRITE_ONCE(s->pause[i], opened - closed);
	WRITE_ONCE(s->pause_end[i], ktime_get_real_ns());
}

/* Have no section open, and change what is to change then. */
static bool begin_marking(struct gogcheap *g, struct trace *t)
{
	u64 closed;

	if (!gosection_close(g, &closed)) {
		gosection_relax(g);
		return false;
	}
	gomark_forget_overwritten(g);
	gopace_begin(g);
	WRITE_ONCE(g->colour, g->colour ^ GOGC_COLOUR);
	WRITE_ONCE(g->pub.marking, 1);
	WRITE_ONCE(g->started, g->started + 1);
	gosection_open(g);
	t->pause = ktime_get_ns() - closed;
	note_pause(g, closed, closed + t->pause);
	gosection_relax(g);
	return true;
}

/* Mark; all that has the old colour then is garbage. */
static void mark_heap(struct gogcheap *g, struct trace *t)
{
	struct gomarker m;

	t->before = atomic_long_read(&g->live);
	t->goal = g->goal;
	gomark_all(g, &m);
	WRITE_ONCE(g->pub.marking, 0);
	t->grown = atomic_long_read(&g->live);
	gopace_marked(g, atomic_long_xchg(&g->found, 0), m.scanned);
	t->marked = ktime_get_ns();
	t->after = g->stats.marked;
	WRITE_ONCE(g->stats.last, ktime_get_real_ns());
	/* It may be swept by whoever wakes up. */
	if (!READ_ONCE(g->dying))
		gosweep_begin(g);
	wake_up_all(&g->lagging);
}

static unsigned long to_mib(unsigned long bytes)
{
	return DIV_ROUND_CLOSEST(bytes, 1UL << 20);
}

/* Go's line, with a heap's name in front and without the parts that are not ours. */
static void print_trace(struct gogcheap *g, const struct trace *t)
{
	u64 age = t->end - g->stats.began, us = div_u64(t->marked - t->start, 1000);
	u64 percent = div64_u64(100 * atomic64_read(&g->stats.cpu),
				(age ?: 1) * num_online_cpus());

	pr_info("goalloc: %s: gc %lu @%llu.%03llus %llu%%: %llu.%03llu+%llu.%03llu+%llu.%03llu ms clock, %lu->%lu->%lu MB, %lu MB goal, %u P%s\n",
		g->name, g->started, div_u64(age, NSEC_PER_SEC),
		div_u64(age, NSEC_PER_MSEC) % 1000, percent,
		div_u64(t->pause, NSEC_PER_MSEC), div_u64(t->pause, 1000) % 1000,
		div_u64(us, 1000), us % 1000,
		div_u64(t->end - t->marked, NSEC_PER_MSEC),
		div_u64(t->end - t->marked, 1000) % 1000,
		to_mib(t->before), to_mib(t->grown),
		to_mib(t->after), to_mib(t->goal), num_online_cpus(),
		g->is_forced ? " (forced)" : "");
}

static void run_cycle(struct gogcheap *g)
{
	struct trace t = { .start = ktime_get_ns() };
	u64 ran = time_run();

	if (!begin_marking(g, &t))
		return;
	mark_heap(g, &t);
	if (READ_ONCE(g->dying))
		return;
	gosweep_all(g);
	gogrey_trim(g, BUFS_KEPT);
	atomic64_add(time_run() - ran, &g->stats.cpu);
	t.end = ktime_get_ns();
	if (READ_ONCE(gctrace))
		print_trace(g, &t);
	/* What it has freed is seen by whoever sees that it is done. */
	smp_store_release(&g->swept, g->started);
	wake_up_all(&g->done);
	mod_delayed_work(cycle_wq, &g->idle, IDLE_CYCLE);
}

/* Is a cycle wanted that has not begun? */
static bool take_request(struct gogcheap *g)
{
	bool wanted;

	spin_lock(&g->collect);
	wanted = g->wanted > g->started;
	g->is_forced = wanted;
	g->stats.forced += wanted;
	spin_unlock(&g->collect);
	return wanted;
}

static void run_cycles(struct work_struct *work)
{
	struct gogcheap *g = container_of(work, struct gogcheap, work);

	while (!READ_ONCE(g->dying) && (take_request(g) || gopace_is_due(g)))
		run_cycle(g);
}

static void kick_cycle(struct irq_work *kick)
{
	struct gogcheap *g = container_of(kick, struct gogcheap, kick);

	queue_work(cycle_wq, &g->work);
}

/* A cycle that begins after now. */
static unsigned long want_cycle(struct gogcheap *g)
{
	unsigned long want;

	spin_lock(&g->collect);
	want = READ_ONCE(g->started) + 1;
	g->wanted = max(g->wanted, want);
	spin_unlock(&g->collect);
	queue_work(cycle_wq, &g->work);
	return want;
}

/* Nothing has happened for a while; if there may be garbage, look. */
static void run_idle(struct work_struct *work)
{
	struct gogcheap *g = container_of(to_delayed_work(work),
					  struct gogcheap, idle);

	if (READ_ONCE(g->percent) >= 0 &&
	    atomic_long_read(&g->live) != READ_ONCE(g->stats.marked))
		want_cycle(g);
	else
		mod_delayed_work(cycle_wq, &g->idle, IDLE_CYCLE);
}

/**
 * gocycle_ask - have a cycle run, for it is due
 * @g: the heap
 * @gfp: what the caller may do
 *
 * Context: any but NMI.
 */
void gocycle_ask(struct gogcheap *g, gfp_t gfp)
{
	if (gfpflags_allow_blocking(gfp))
		queue_work(cycle_wq, &g->work);
	else
		irq_work_queue(&g->kick);
}

/**
 * gocycle_run - run a cycle, and wait for it
 * @g: the heap
 *
 * Context: task, may sleep.
 */
void gocycle_run(struct gogcheap *g)
{
	unsigned long want = want_cycle(g);

	/* With what the cycle has freed. */
	wait_event(g->done, smp_load_acquire(&g->swept) >= want);
}

/**
 * gocycle_stats - fill in what MemStats says of cycles
 * @g: the heap
 * @m: the rest of it
 *
 * Context: task.
 */
void gocycle_stats(struct gogcheap *g, struct goalloc_memstats *m)
{
	const struct gogc_stats *s = &g->stats;
	u64 age = (ktime_get_ns() - s->began) * num_online_cpus();

	m->next_gc = READ_ONCE(g->goal);
	m->last_gc = READ_ONCE(s->last);
	m->pause_total_ns = READ_ONCE(s->pause_total);
	memcpy(m->pause_ns, s->pause, sizeof(m->pause_ns));
	memcpy(m->pause_end, s->pause_end, sizeof(m->pause_end));
	m->num_gc = READ_ONCE(g->swept);
	m->num_forced_gc = READ_ONCE(s->forced);
	m->gc_cpu_fraction = div64_u64(atomic64_read(&s->cpu) * 1000,
				       div_u64(age, 1000) ?: 1);
	m->enable_gc = READ_ONCE(g->percent) >= 0;
}

/**
 * gocycle_init - begin without a cycle
 * @g: the heap
 *
 * Context: task.
 */
void gocycle_init(struct gogcheap *g)
{
	spin_lock_init(&g->collect);
	init_waitqueue_head(&g->done);
	raw_spin_lock_init(&g->cursor_lock);
	INIT_WORK(&g->work, run_cycles);
	INIT_DELAYED_WORK(&g->idle, run_idle);
	init_irq_work(&g->kick, kick_cycle);
	g->stats.began = ktime_get_ns();
	queue_delayed_work(cycle_wq, &g->idle, IDLE_CYCLE);
}

/**
 * gocycle_stop - have no cycle run any more
 * @g: the heap, which nobody uses
 *
 * Context: task, may sleep.
 */
void gocycle_stop(struct gogcheap *g)
{
	WRITE_ONCE(g->dying, true);
	irq_work_sync(&g->kick);
	cancel_work_sync(&g->work);
	cancel_delayed_work_sync(&g->idle);
	/* Either may have queued the other. */
	cancel_work_sync(&g->work);
	cancel_delayed_work_sync(&g->idle);
}

/**
 * gocycle_start - make what runs cycles
 *
 * Context: task.
 * Return: 0 or -ENOMEM.
 */
int gocycle_start(void)
{
	cycle_wq = alloc_workqueue("gogc", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return cycle_wq ? 0 : -ENOMEM;
}

/**
 * gocycle_end - free it
 *
 * Context: task.
 */
void gocycle_end(void)
{
	destroy_workqueue(cycle_wq);
}
