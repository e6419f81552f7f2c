// SPDX-License-Identifier: GPL-2.0
/*
 * Background: gives back what has not been needed for a while.
 *
 * How much to keep?  Go keeps 10 % more than was in use at the end of the last
 * collection, TCMalloc releases a set number of bytes a second, jemalloc lets
 * each page age for ten seconds, and SLUB keeps a set number of free slabs.
 * Here no collection says what is needed; a rate does not follow the load; the
 * age of a page does not tell how many pages will be wanted next.  So the goal
 * is the recent peak, the most that was in use in the last scavenge_window_ms:
 * a load that returns within that time finds its pages still here.
 *
 * Allocations note the peak when they take pages.  A tick, every tenth of the
 * window, begins a new peak and forgets the oldest.  It also empties the stacks
 * of mcaches, and marks the magazines of transfer caches and the idle spans of
 * mcentrals, that were not used for a whole tick.
 *
 * What a node holds beyond scavenge_retain percent of its peak, plus its
 * reserve, goes in turns of a millisecond, and so does what was marked.  A pause
 * after each keeps all of this work, the ticks and the trims of CPUs as well, to
 * scavenge_cpu percent of one CPU.
 *
 * When there is nothing to give back, and only use can change that, the ticks
 * end: an idle machine is not woken.  Whoever makes something idle kicks the
 * worker then, which has them go on (gohooks_wake()).  The timer is deferrable,
 * so that while they go on no sleeping CPU is woken for them either.
 *
 * Only the heap of the API has a background; tests call its parts.
 */

#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include "api.h"
#include "central.h"
#include "large.h"
#include "numa.h"
#include "param.h"
#include "reclaim.h"
#include "shape.h"
#include "transfer.h"

#define TURN_NS		NSEC_PER_MSEC

/**
 * struct background_param - a parameter of the background
 * @value: its value
 * @least: the least value it takes
 * @most: the greatest value it takes
 * @or_zero: it also takes 0
 */
struct background_param {
	unsigned int value;
	unsigned int least;
	unsigned int most;
	bool or_zero;
};

static struct background_param scavenge_window_ms = {
	.value = 10000,
	.least = 100,
	.most = 3600 * MSEC_PER_SEC,
	.or_zero = true,
};

static struct background_param scavenge_retain = {
	.value = 105,
	.least = 100,
	.most = 1000,
};

static struct background_param scavenge_cpu = {
	.value = 1,
	.least = 1,
	.most = 100,
};

/*
 * The heap of the API has a background.  Written under kernel_param_lock(); the
 * worker reads it without.
 */
static bool running;

/* The free pages of a node that would be too many after such a peak. */
static unsigned long excess_after(struct gonode *node, unsigned long peak,
				  unsigned long sys, unsigned long nfree)
{
	unsigned long goal = peak * READ_ONCE(scavenge_retain.value) / 100 +
			     node->reserve;

	return sys > goal ? min(sys - goal, nfree) : 0;
}

/**
 * gobackground_excess - what a node holds beyond its goal
 * @node: the node
 *
 * Context: any but NMI.
 * Return: the pages beyond it, as far as they are free.
 */
unsigned long gobackground_excess(struct gonode *node)
{
	unsigned long flags, peak, sys, nfree;
	unsigned int i;

	raw_spin_lock_irqsave(&node->lock, flags);
	peak = node->peak;
	sys = node->sys;
	nfree = node->runs.free;
	raw_spin_unlock_irqrestore(&node->lock, flags);

	for (i = 0; i < GO_PEAKS; i++)
		peak = max(peak, READ_ONCE(node->peaks[i]));
	return excess_after(node, peak, sys, nfree);
}

/* Will there be nothing beyond the goal when all peaks are forgotten? */
static bool is_lean(struct gonode *node)
{
	unsigned long flags, sys, nfree;

	raw_spin_lock_irqsave(&node->lock, flags);
	sys = node->sys;
	nfree = node->runs.free;
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return !gocentral_idle_pages(node) && !gotransfer_any(node) &&
	       !READ_ONCE(node->kept_pages) &&
	       excess_after(node, sys - nfree, sys, nfree) < GO_RESERVE_RUN;
}

/*
 * End the peak of this tick and begin the next.  @idle pages were in spans that
 * mcentrals kept idle all through the tick: they were not needed, so they do
 * not count.
 */
static void begin_peak(struct gonode *node, unsigned int tick,
		       unsigned long idle)
{
	unsigned long flags, peak;

	raw_spin_lock_irqsave(&node->lock, flags);
	peak = node->peak - min(node->peak, idle);
	WRITE_ONCE(node->peaks[tick % GO_PEAKS], peak);
	node->peak = node->sys - node->runs.free;
	raw_spin_unlock_irqrestore(&node->lock, flags);
}

/*
 * Mark what a node's transfer caches, its mcentrals and large objects that have gone
 * kept idle since the last tick.  Returns the pages of the latter two.
 */
static unsigned long mark_idle(struct gonode *node)
{
	unsigned long pages = golarge_mark_idle(node);
	unsigned int spc;

	for_each_goshape(spc) {
		gotransfer_mark_idle(&node->transfer[spc]);
		if (READ_ONCE(node->central[spc].idle))
			pages += gocentral_mark_idle(&node->central[spc]) *
				 goshapes[spc].npages;
	}
	return pages;
}

/*
 * Put into their spans the objects of magazines that were marked.  Returns false
 * if it is time to stop.
 */
static bool trim_transfers(struct gonode *node, u64 until)
{
	unsigned int spc;

	for_each_goshape(spc)
		while (gotransfer_trim_idle(&node->transfer[spc])) {
			if (ktime_get_ns() >= until)
				return false;
			cond_resched();
		}
	return true;
}

/*
 * Free spans and runs that were marked, which this tick has not needed either.
 * Returns false if it is time to stop.
 */
static bool trim_idle_spans(struct gonode *node, u64 until)
{
	unsigned long flags, n, pages = 0;
	bool in_time = true;
	unsigned int spc;

	while (in_time && (n = golarge_trim_idle(node))) {
		pages += n;
		in_time = ktime_get_ns() < until;
	}

	for_each_goshape(spc)
		while (in_time && READ_ONCE(node->central[spc].stale)) {
			n = gocentral_trim_idle(&node->central[spc]);
			pages += n * goshapes[spc].npages;
			in_time = ktime_get_ns() < until;
			cond_resched();
		}
	raw_spin_lock_irqsave(&node->lock, flags);
	node->peak -= min(node->peak, pages);
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return in_time;
}

/**
 * gobackground_tick - do what is due every tenth of the window
 * @h: the heap
 *
 * This only looks: gobackground_turn() gives back what it has found.
 *
 * Context: task, may sleep.
 * Return: whether there may be something to do at the next tick.
 */
bool gobackground_tick(struct goheap *h)
{
	bool more = godrain_trim_idle(h);
	u64 start = ktime_get_ns();
	int nid;

	for_each_gonode(h, nid) {
		begin_peak(h->node[nid], h->ticks,
			   mark_idle(h->node[nid]));
		more |= !is_lean(h->node[nid]);
	}
	h->ticks++;
	goidle_tell(h);
	goreclaim_spent(h, ktime_get_ns() - start);
	return more;
}

/* A few pages are not worth a pass. */
static unsigned long worthwhile_excess(struct gonode *node)
{
	unsigned long excess = gobackground_excess(node);

	return excess < GO_RESERVE_RUN ? 0 : excess;
}

/**
 * gobackground_turn - give back for a millisecond at most
 * @h: the heap
 *
 * Objects that lie in transfer caches first, for they may make spans idle, and
 * then idle spans, for their pages join free runs.
 *
 * Context: task, may sleep.
 * Return: whether the time was used up, so that there may be more to do.
 */
bool gobackground_turn(struct goheap *h)
{
	u64 start = ktime_get_ns();
	struct goscavenge sc = {
		.who = GO_BY_BACKGROUND,
		.nid = NUMA_NO_NODE,
		.want_of = worthwhile_excess,
		.until = start + TURN_NS,
	};
	bool in_time = true;
	int nid;

	for_each_gonode(h, nid)
		in_time = in_time && trim_transfers(h->node[nid], sc.until) &&
			  trim_idle_spans(h->node[nid], sc.until);
	atomic64_add(ktime_get_ns() - start, &h->scavenge_ns);
	/* Near the limit only a charge kicks the worker; a free does not. */
	if (!in_time || golimit_keep(h, false, sc.until))
		return true;
	goscavenge(h, &sc);
	return sc.stopped;
}

/* The pause, in jiffies, after @spent nanoseconds of work. */
static unsigned long pause_after(u64 spent)
{
	unsigned int percent = READ_ONCE(scavenge_cpu.value);

	return nsecs_to_jiffies64(div_u64(spent * (100 - percent), percent)) +
	       1;
}

/* The time between ticks, in jiffies. */
static unsigned long tick_length(unsigned int window_ms)
{
	return max(msecs_to_jiffies(window_ms / GO_PEAKS), 1UL);
}

/*
 * Free what has to wait for a grace period.  What that takes is read off the
 * task, because most of the time it sleeps.
 */
static void reap(struct goheap *h)
{
	u64 start = READ_ONCE(current->se.sum_exec_runtime);

	h->reaped = h->ticks;
	goscavenge_reap(h);
	goreclaim_spent(h, READ_ONCE(current->se.sum_exec_runtime) - start);
}

/* A turn, and the pause after it; returns whether there is more to do. */
static bool take_turn(struct goheap *h)
{
	u64 start = ktime_get_ns(), spent;
	bool more = gobackground_turn(h);

	spent = ktime_get_ns() - start;
	if (h->reaped != h->ticks)
		reap(h);
	spent += atomic64_xchg(&h->trim_ns, 0);
	h->next_turn = jiffies + pause_after(spent);
	return more;
}

/*
 * Rest when a tick, and the next one too, has found nothing to do: what had
 * changed before others saw that we rest is seen by the second.  Returns false
 * if there is to be no other tick.
 */
static bool rest_unless(struct goheap *h, bool more)
{
	if (!more && READ_ONCE(h->rest) == GO_RESTING)
		return false;
	WRITE_ONCE(h->rest, more ? GO_TICKING : GO_RESTING);
	return true;
}

static void run_background(struct work_struct *work)
{
	struct goheap *h = container_of(to_delayed_work(work), struct goheap,
					background);
	unsigned int window = READ_ONCE(scavenge_window_ms.value);
	unsigned long next;
	bool more;

	if (!window) {
		/* Nothing is given back, so the kernel should know of it. */
		goidle_tell(h);
		queue_delayed_work(goreclaim_wq, &h->background, HZ);
		return;
	}
	/* Ticks are not put off by pauses: they say what is needed. */
	if (time_after_eq(jiffies, h->next_tick)) {
		more = gobackground_tick(h);
		h->next_tick = jiffies + tick_length(window);
		if (!rest_unless(h, more))
			return;
	}
	more = time_before(jiffies, h->next_turn) || take_turn(h);
	next = more && time_before(h->next_turn, h->next_tick) ?
	       h->next_turn : h->next_tick;
	queue_delayed_work(goreclaim_wq, &h->background,
			   time_after(next, jiffies) ? next - jiffies : 1);
}

/**
 * gobackground_init - make the background; gobackground_start() starts it
 * @h: the heap
 *
 * Context: task.
 */
void gobackground_init(struct goheap *h)
{
	INIT_DEFERRABLE_WORK(&h->background, run_background);
}

/**
 * gobackground_start - start the background
 * @h: the heap of the API
 *
 * Context: task.
 */
void gobackground_start(struct goheap *h)
{
	kernel_param_lock(THIS_MODULE);
	WRITE_ONCE(running, true);
	h->next_tick = jiffies + tick_length(scavenge_window_ms.value);
	h->next_turn = jiffies;
	queue_delayed_work(goreclaim_wq, &h->background, 1);
	kernel_param_unlock(THIS_MODULE);
}

/**
 * gobackground_resume - have the ticks go on, if there may be something to do
 * @h: the heap; gohooks_wake() has kicked its worker, or another kick it is
 *
 * Context: task.
 */
void gobackground_resume(struct goheap *h)
{
	if (READ_ONCE(h->rest) != GO_WOKEN || !READ_ONCE(running))
		return;
	WRITE_ONCE(h->rest, GO_TICKING);
	queue_delayed_work(goreclaim_wq, &h->background,
			   tick_length(READ_ONCE(scavenge_window_ms.value)));
}

/**
 * gobackground_stop - stop the background, if the heap has one
 * @h: the heap
 *
 * Context: task, may sleep.
 */
void gobackground_stop(struct goheap *h)
{
	if (h == &goalloc_heap) {
		kernel_param_lock(THIS_MODULE);
		WRITE_ONCE(running, false);
		kernel_param_unlock(THIS_MODULE);
		/* The worker may be about to resume it. */
		flush_work(&h->work);
	}
	cancel_delayed_work_sync(&h->background);
}

/* Run the background at once, from the start: its parameters have changed. */
static void wake_background(struct goheap *h)
{
	cancel_delayed_work_sync(&h->background);
	WRITE_ONCE(h->rest, GO_TICKING);
	h->next_tick = jiffies;
	h->next_turn = jiffies;
	/* The worker may have queued it again. */
	mod_delayed_work(goreclaim_wq, &h->background, 0);
}

static int background_param_set(const char *val, const struct kernel_param *kp)
{
	struct background_param *p = container_of((unsigned int *)kp->arg,
						  struct background_param,
						  value);
	unsigned int n;
	int err = goparam_uint(val, p->or_zero ? 0 : p->least, p->most, &n);

	if (err)
		return err;
	if (n && n < p->least)
		return -EINVAL;
	WRITE_ONCE(p->value, n);
	if (running)
		wake_background(&goalloc_heap);
	return 0;
}

static const struct kernel_param_ops background_param_ops = {
	.set = background_param_set,
	.get = param_get_uint,
};

module_param_cb(scavenge_window_ms, &background_param_ops,
		&scavenge_window_ms.value, 0644);
MODULE_PARM_DESC(scavenge_window_ms, "give back what was not needed for so long; 100 to 3600000, 0 for never (default 10000)");
module_param_cb(scavenge_retain, &background_param_ops, &scavenge_retain.value,
		0644);
MODULE_PARM_DESC(scavenge_retain, "percent of the recent peak to keep; 100 to 1000 (default 105)");
module_param_cb(scavenge_cpu, &background_param_ops, &scavenge_cpu.value,
		0644);
MODULE_PARM_DESC(scavenge_cpu, "percent of a CPU that giving back may take in the background; 1 to 100 (default 1)");
