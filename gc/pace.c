// SPDX-License-Identifier: GPL-2.0
/*
 * Pace: when the next cycle is due, and who helps.
 *
 * As in Go, the heap may grow by GOGC percent of what the last cycle has found live,
 * and to 4 MiB at least before the first.  That is the goal.  A cycle begins before
 * it, at the trigger, when seven tenths of the way are gone, so that it can be done in
 * time; and while it marks, who allocates helps, by so many bytes for each of its own
 * that all is marked when the goal is reached.  Go takes as many as could be there to
 * scan; here it is what the last cycle has scanned, and what was allocated since.  What
 * the cycle itself scans is a credit that allocations use up first; and where there is
 * neither that nor anything to scan they wait for it.
 *
 * A limit lowers the goal, as GOMEMLIMIT does: rather than exceed it, collect.  But a
 * heap whose live objects come near the limit would collect all the time; so a
 * sixteenth of them may be allocated between two cycles in any case, until
 * allocations fail.
 *
 * Bytes are counted when a stack is refilled, which is when the fast path ends, and
 * not for each object: so a CPU may be some objects of each size ahead.
 */

#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/wait.h>
#include "gc/gc.h"
#include "held.h"
#include "observe/observe.h"

/* Go's heapMinimum, at GOGC=100. */
#define GOAL_LEAST	SZ_4M

/* Beside a sixteenth of what is live, so much may be allocated between two cycles. */
#define STEP_LEAST	SZ_64K

/* The fixed point of gogcheap.ratio; and more than this nobody has to scan. */
#define RATIO_ONE	256
#define RATIO_MOST	(64 * RATIO_ONE)

/* What an allocation scans at most before it goes on. */
#define HELP_MOST	SZ_256K

/* And for how long it waits for the cycle to do that, in jiffies. */
#define WAIT_MOST	2

/* The goal that a limit leaves, of what is not the heap's own structures. */
static unsigned long limit_goal(struct gogcheap *g)
{
	unsigned long limit = goheld_most(&g->heap);
	unsigned long fixed = gostats_fixed(&g->heap) + limit / 16;

	return limit - min(limit, fixed);
}

/**
 * gopace_set - set goal and trigger
 * @g: the heap
 *
 * From what was live after the last cycle.
 *
 * Context: task.
 */
void gopace_set(struct gogcheap *g)
{
	unsigned long live = READ_ONCE(g->stats.marked), goal, least;
	long percent = READ_ONCE(g->percent);

	if (percent < 0) {
		WRITE_ONCE(g->goal, ULONG_MAX);
		WRITE_ONCE(g->trigger, ULONG_MAX);
		return;
	}
	least = mult_frac((unsigned long)GOAL_LEAST, percent, 100UL);
	goal = max(live + mult_frac(live, percent, 100UL), least);
	if (goheld_is_limited(&g->heap))
		goal = min(goal, limit_goal(g));
	goal = max(goal, live + live / 16 + STEP_LEAST);
	WRITE_ONCE(g->goal, goal);
	WRITE_ONCE(g->trigger, live + (goal - live) / 10 * 7);
}

/**
 * gopace_init - begin
 * @g: the heap
 *
 * Context: task.
 */
void gopace_init(struct gogcheap *g)
{
	init_waitqueue_head(&g->lagging);
	gopace_set(g);
}

/**
 * gopace_begin - a cycle begins to mark
 * @g: the heap, in which no section is open
 *
 * Context: task.
 */
void gopace_begin(struct gogcheap *g)
{
	unsigned long live = atomic_long_read(&g->live), goal = g->goal;
	unsigned long work, room;

	work = g->stats.scanned + live - min(live, g->stats.marked);
	room = max(goal - min(goal, live), live / 16 + 1);
	g->born = live;
	g->ratio = min(work / (room / RATIO_ONE + 1), (unsigned long)RATIO_MOST);
	atomic_long_set(&g->credit, 0);
}

/**
 * gopace_marked - a cycle has marked
 * @g: the heap
 * @marked: bytes that it has marked
 * @scanned: bytes that it has scanned
 *
 * What was allocated meanwhile is live too, as far as it knows.
 *
 * Context: task.
 */
void gopace_marked(struct gogcheap *g, unsigned long marked,
		   unsigned long scanned)
{
	long born = atomic_long_read(&g->live) - g->born;

	g->stats.marked = marked + max(born, 0L);
	g->stats.scanned = scanned;
	atomic_long_add((long)marked - (long)g->born, &g->live);
	gopace_set(g);
}

/**
 * gopace_is_due - is a cycle due?
 * @g: the heap
 *
 * Context: any.
 * Return: whether one is.
 */
bool gopace_is_due(struct gogcheap *g)
{
	return atomic_long_read(&g->live) >= READ_ONCE(g->trigger);
}

/**
 * gopace_is_late - should a cycle have begun long ago?
 * @g: the heap
 *
 * Context: any.
 * Return: whether one should.
 */
bool gopace_is_late(struct gogcheap *g)
{
	return atomic_long_read(&g->live) >= READ_ONCE(g->goal);
}

/**
 * gopace_hurry - have a cycle be due now, for there is no memory
 * @g: the heap
 *
 * Context: any.
 */
void gopace_hurry(struct gogcheap *g)
{
	/* Until the next cycle has marked. */
	WRITE_ONCE(g->trigger, 0);
}

/**
 * gopace_wait_marked - wait until the cycle under way has marked; not for ever
 * @g: the heap
 *
 * Context: task, may sleep.
 */
void gopace_wait_marked(struct gogcheap *g)
{
	wait_event_timeout(g->lagging, !READ_ONCE(g->pub.marking), HZ / 10);
}

/* Use up to @bytes of the credit; returns how many that was. */
static long take_credit(struct gogcheap *g, long bytes)
{
	long credit = atomic_long_read(&g->credit);

	while (credit > 0)
		if (atomic_long_try_cmpxchg(&g->credit, &credit,
					    credit - min(credit, bytes)))
			return min(credit, bytes);
	return 0;
}

/*
 * There is nothing to help with, as nothing but one long list is left, say.  The cycle
 * needs no section to end now, so that one may wait for it.
 */
static void wait_for_credit(struct gogcheap *g, long bytes)
{
	wait_event_timeout(g->lagging, !READ_ONCE(g->pub.marking) ||
			   atomic_long_read(&g->credit) > 0, WAIT_MOST);
	take_credit(g, bytes);
}

/**
 * gopace_allocated - some bytes have been allocated, or are about to be
 * @g: the heap, with a section open
 * @bytes: how many
 * @may_help: the caller may sleep
 *
 * Context: any but NMI; task if it @may_help.
 */
void gopace_allocated(struct gogcheap *g, unsigned long bytes, bool may_help)
{
	long help;

	atomic_long_add(bytes, &g->live);
	if (!READ_ONCE(g->pub.marking) || !may_help)
		return;
	help = min(bytes * g->ratio / RATIO_ONE, (unsigned long)HELP_MOST);
	help -= take_credit(g, help);
	if (help > 0)
		help -= gomark_some(g, help);
	if (help > 0)
		wait_for_credit(g, help);
}
