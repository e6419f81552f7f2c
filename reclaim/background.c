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
 * of mcaches and frees the idle spans of mcentrals that were not used for a
 * whole tick.
 *
 * What a node holds beyond scavenge_retain percent of its peak, plus its
 * reserve, goes in turns of a millisecond.  A pause after each keeps the turns,
 * and the time that CPUs spend on trimming their mcaches, to scavenge_cpu
 * percent of one CPU.
 *
 * Only the heap of the API has a background; tests call its parts.
 */

#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include "api.h"
#include "central.h"
#include "numa.h"
#include "param.h"
#include "reclaim.h"

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

/* The heap of the API has a background.  Guarded by kernel_param_lock(). */
static bool running;

/**
 * gobackground_excess - what a node holds beyond its goal
 * @node: the node
 *
 * Context: any but NMI.
 * Return: the pages beyond it, as far as they are free.
 */
unsigned long gobackground_excess(struct gonode *node)
{
	unsigned long flags, peak, sys, nfree, goal;
	unsigned int i;

	raw_spin_lock_irqsave(&node->lock, flags);
	peak = node->peak;
	sys = node->sys;
	nfree = node->runs.free;
	raw_spin_unlock_irqrestore(&node->lock, flags);

	for (i = 0; i < GO_PEAKS; i++)
		peak = max(peak, READ_ONCE(node->peaks[i]));
	goal = peak * READ_ONCE(scavenge_retain.value) / 100 + node->reserve;
	return sys > goal ? min(sys - goal, nfree) : 0;
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

/* Free the spans that a node's mcentrals kept idle since the last tick. */
static unsigned long trim_idle_spans(struct gonode *node)
{
	unsigned long pages = 0;
	struct gocentral *c;
	unsigned int spc;

	for (spc = 0; spc < GO_NR_SPANCLASSES; spc++) {
		c = &node->central[spc];
		if (READ_ONCE(c->idle))
			pages += gocentral_trim_idle(c) *
				 go_class_pages[GO_SPC_CLASS(spc)];
	}
	return pages;
}

/**
 * gobackground_tick - do what is due every tenth of the window
 * @h: the heap
 *
 * Context: task, may sleep.
 */
void gobackground_tick(struct goheap *h)
{
	unsigned long idle;
	u64 start;
	int nid;

	godrain_trim_idle(h);
	for_each_gonode(h, nid) {
		idle = trim_idle_spans(h->node[nid]);
		begin_peak(h->node[nid], h->ticks, idle);
	}
	h->ticks++;
	/* Near the limit only a charge kicks the worker; a free does not. */
	start = ktime_get_ns();
	golimit_keep(h, false);
	atomic64_add(ktime_get_ns() - start, &h->trim_ns);
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
 * Context: task, may sleep.
 * Return: whether the time was used up, so that there may be more to do.
 */
bool gobackground_turn(struct goheap *h)
{
	struct goscavenge sc = {
		.who = GO_BY_BACKGROUND,
		.nid = NUMA_NO_NODE,
		.want_of = worthwhile_excess,
		.until = ktime_get_ns() + TURN_NS,
	};

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

static void run_background(struct work_struct *work)
{
	struct goheap *h = container_of(to_delayed_work(work), struct goheap,
					background);
	unsigned int window = READ_ONCE(scavenge_window_ms.value);
	unsigned long next;
	bool more = true;
	u64 start;

	if (!window)
		return;
	/* Ticks are not put off by pauses: they say what is needed. */
	if (time_after_eq(jiffies, h->next_tick)) {
		gobackground_tick(h);
		goscavenge_reap(h);
		h->next_tick = jiffies + tick_length(window);
	}
	if (time_after_eq(jiffies, h->next_turn)) {
		start = ktime_get_ns();
		more = gobackground_turn(h);
		h->next_turn = jiffies +
			       pause_after(ktime_get_ns() - start +
					atomic64_xchg(&h->trim_ns, 0));
	}
	next = more && time_before(h->next_turn, h->next_tick) ?
	       h->next_turn : h->next_tick;
	queue_delayed_work(system_unbound_wq, &h->background,
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
	INIT_DELAYED_WORK(&h->background, run_background);
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
	running = true;
	h->next_tick = jiffies + tick_length(scavenge_window_ms.value);
	h->next_turn = jiffies;
	queue_delayed_work(system_unbound_wq, &h->background, 1);
	kernel_param_unlock(THIS_MODULE);
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
		running = false;
		kernel_param_unlock(THIS_MODULE);
	}
	cancel_delayed_work_sync(&h->background);
}

/* Run the background at once, from the start: its parameters have changed. */
static void wake_background(struct goheap *h)
{
	cancel_delayed_work_sync(&h->background);
	h->next_tick = jiffies;
	h->next_turn = jiffies;
	queue_delayed_work(system_unbound_wq, &h->background, 0);
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
