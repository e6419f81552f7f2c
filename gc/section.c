// SPDX-License-Identifier: GPL-2.0
/*
 * Sections: when nobody has a pointer into the heap in its hands.
 *
 * Go finds the pointers that are on stacks.  A module cannot: a kernel's stacks have
 * no maps of where pointers are, registers of other CPUs are out of reach, and a
 * pointer that was cast to an integer, or halved, is no uncommon sight.  So a user
 * says when it has pointers in its hands, and a cycle begins at a moment when nobody
 * has.  That moment is short: a cycle needs it for a few stores only.
 *
 * Sections are counted by CPU, as the readers of a percpu_rw_semaphore are.  While
 * no cycle is about to begin one adds 1 to its CPU's count, without a barrier, and
 * takes it off again wherever it ends.  A cycle first has all sections count with
 * barriers, and waits for a grace period until all do, while they go on as ever.
 * Then it closes the heap: sections that would begin wait, and when the sum of all
 * counts is 0, nobody is inside.  Once it is closed the sum only falls, but for
 * sections that count themselves, see that it is closed, and take that back; they
 * make it look too high, never too low.
 *
 * A section nests, and nobody knows which sections a task has open: there is no
 * room for that in a task.  So a section that would begin within another one waits
 * like all others, and the cycle for it.  Therefore a cycle does not wait for long.
 * If sections do not end in time it opens the heap, lets them do for a while, and
 * comes again, a little more patient each time, up to a tenth of a second.  So a task
 * that holds a section open for minutes, which it may, does not stop the others:
 * they wait for a fifth of the time at most until it ends.  A percpu_rw_semaphore
 * would stop them, and a nested section would wait for ever.
 *
 * Code in atomic context cannot wait: gogc_tryenter() fails instead.
 *
 * When the heap has grown to its goal and the cycle that should have begun long
 * before has not even had a CPU, sections wait for it, too, for as short a time and as
 * seldom.  There is no better place for that: whoever allocates has a section open.
 */

#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include "gc/gc.h"
#include "hooks.h"

/* How long sections may be kept waiting, at first and at most, in jiffies. */
#define PATIENCE_MIN	2UL
#define PATIENCE_MAX	max(HZ / 10UL, PATIENCE_MIN)

/* And for how many times as long they are left alone then. */
#define REST		4

/**
 * gosection_init - make the counts
 * @g: the heap
 *
 * Context: task.
 * Return: 0 or -ENOMEM.
 */
int gosection_init(struct gogcheap *g)
{
#ifdef CONFIG_LOCKDEP
	static struct lock_class_key key;

	lockdep_init_map(&g->map, "gogc_section", &key, 0);
#endif
	init_swait_queue_head(&g->closer);
	init_waitqueue_head(&g->opened);
	g->sections = gohooks_fault() ? NULL : alloc_percpu(int);
	return g->sections ? 0 : -ENOMEM;
}

/**
 * gosection_exit - free the counts
 * @g: the heap
 *
 * Context: task.
 */
void gosection_exit(struct gogcheap *g)
{
	free_percpu(g->sections);
}

/**
 * gosection_any - is a section open?
 * @g: the heap; if others may begin sections the answer may be late
 *
 * Context: any.
 * Return: whether one is.
 */
bool gosection_any(struct gogcheap *g)
{
	int cpu, sum = 0;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(g->sections, cpu));
	/* What sections have done is seen by whoever sees them ended. */
	smp_mb();
	return sum;
}

/* One section less; the cycle may wait for that. */
static void count_end(struct gogcheap *g)
{
	smp_mb();	/* what it did is seen before its end */
	this_cpu_dec(*g->sections);
	smp_mb();	/* its end is seen, or the phase here: close_once() */
	if (READ_ONCE(g->phase) == GOGC_CLOSING)
		swake_up_one(&g->closer);
}

/**
 * gosection_try_slow - begin a section when a cycle is about to begin, or has
 * @g: the heap
 *
 * Context: any but NMI.
 * Return: false if it would have to wait.
 */
bool gosection_try_slow(struct gogcheap *g)
{
	bool open;

	preempt_disable();
	this_cpu_inc(*g->sections);
	smp_mb();	/* it is counted before the phase is read, and all else */
	open = READ_ONCE(g->phase) != GOGC_CLOSING;
	if (unlikely(!open))
		count_end(g);
	preempt_enable();
	return open;
}

/**
 * gosection_leave_slow - end a section when a cycle is about to begin, or has
 * @g: the heap
 *
 * Context: any but NMI; preemption is off.
 */
void gosection_leave_slow(struct gogcheap *g)
{
	count_end(g);
}

/**
 * gosection_wait - wait until sections may begin
 * @g: the heap
 *
 * Context: task, may sleep.
 */
void gosection_wait(struct gogcheap *g)
{
	might_sleep();
	wait_event(g->opened, READ_ONCE(g->phase) != GOGC_CLOSING);
}

/**
 * gosection_hold_up - have sections wait for a cycle that is late
 * @g: the heap
 * @must: there is no memory: also if they have just done so
 *
 * Context: any but NMI.
 */
void gosection_hold_up(struct gogcheap *g, bool must)
{
	if (READ_ONCE(g->phase) != GOGC_OPEN ||
	    (!must && time_before(jiffies, READ_ONCE(g->next_late))))
		return;
	WRITE_ONCE(g->next_late, jiffies + (1 + REST) * PATIENCE_MIN);
	cmpxchg(&g->phase, (u8)GOGC_OPEN, (u8)GOGC_LATE);
}

/**
 * gosection_wait_if_late - wait for a cycle that is late; not for long
 * @g: the heap
 *
 * Context: task, may sleep.
 */
void gosection_wait_if_late(struct gogcheap *g)
{
	might_sleep();
	wait_event_timeout(g->opened, READ_ONCE(g->phase) == GOGC_OPEN ||
			   READ_ONCE(g->swept) != READ_ONCE(g->started),
			   PATIENCE_MIN);
	/* That was long enough, also for others. */
	cmpxchg(&g->phase, (u8)GOGC_LATE, (u8)GOGC_OPEN);
}

/* Have sections wait, and wait for those that are open; not for ever. */
static bool close_once(struct gogcheap *g, unsigned long patience)
{
	WRITE_ONCE(g->phase, GOGC_CLOSING);
	smp_mb();	/* that is seen, or their counts here */
	if (!gosection_any(g))
		return true;
	swait_event_idle_timeout_exclusive(g->closer, !gosection_any(g),
					   patience);
	return !gosection_any(g);
}

/**
 * gosection_close - have no section open
 * @g: the heap
 * @closed: set to how long sections have had to wait in vain, in ns, and last to
 *	when they began to wait
 *
 * Context: task, may sleep; only the cycle.
 * Return: true when there is none, until gosection_open(); false if the heap is being
 * destroyed.
 */
bool gosection_close(struct gogcheap *g, u64 *closed)
{
	unsigned long patience = PATIENCE_MIN;

	xchg(&g->phase, (u8)GOGC_ORDERED);
	/* Sections that have begun without barriers are seen after this. */
	synchronize_rcu();
	while (!READ_ONCE(g->dying)) {
		*closed = ktime_get_ns();
		if (close_once(g, patience))
			return true;
		gosection_open(g);
		g->stats.pause_total += ktime_get_ns() - *closed;
		schedule_timeout_idle(REST * patience);
		patience = min(2 * patience, PATIENCE_MAX);
	}
	return false;
}

/**
 * gosection_open - let sections begin
 * @g: the heap
 *
 * What was stored before is seen in them.
 *
 * Context: task; only the cycle.
 */
void gosection_open(struct gogcheap *g)
{
	/* With what is stored before. */
	smp_store_release(&g->phase, GOGC_ORDERED);
	wake_up_all(&g->opened);
}

/**
 * gosection_relax - let sections do without barriers again
 * @g: the heap, which gosection_open() has opened
 *
 * Context: task, may sleep; only the cycle.
 */
void gosection_relax(struct gogcheap *g)
{
	/* Then all have seen what was stored before it was opened. */
	synchronize_rcu();
	WRITE_ONCE(g->phase, GOGC_OPEN);
}
