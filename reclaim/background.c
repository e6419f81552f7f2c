// SPDX-License-Identifier: GPL-2.0
/*
 * Background: gives back what has not been needed for a while.
 *
 * Go keeps 10 % more than the peak of the last collection.  Without a collector
 * the recent peak is the most that was in use in the last scavenge_window_ms.
 * Allocations note it when they take pages; every tenth of the window, a tick,
 * the background notes a new one and forgets the oldest.  It also empties the
 * stacks of the mcaches, and takes the spans the mcentrals keep, that a whole
 * tick has not used.
 *
 * What the heap holds beyond scavenge_retain percent of the peak, and the reserve,
 * goes, in turns of a millisecond, with pauses that keep all this to scavenge_cpu
 * percent of one CPU.  The time the mcaches' CPUs spend on it counts.
 *
 * The heap of the API has a background; those of tests call its parts.
 */

#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include "api.h"
#include "central.h"
#include "numa.h"
#include "reclaim.h"

#define TURN_NS		NSEC_PER_MSEC

static unsigned int scavenge_window_ms = 10000;
static unsigned int scavenge_retain = 105;
static unsigned int scavenge_cpu = 1;
/* Under the lock of the module's parameters. */
static bool running;

/**
 * gobackground_excess - what a node holds beyond its goal
 * @node: the node
 *
 * Context: any but NMI.
 * Return: pages that are free and may go.
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
	goal = peak * READ_ONCE(scavenge_retain) / 100 + node->reserve;
	return sys > goal ? min(sys - goal, nfree) : 0;
}

/* Pages that were idle in mcentrals for all of the tick did not make the peak. */
static void begin_peak(struct gonode *node, unsigned int tick, unsigned long idle)
{
	unsigned long flags, peak;

	raw_spin_lock_irqsave(&node->lock, flags);
	peak = node->peak - min(node->peak, idle);
	WRITE_ONCE(node->peaks[tick % GO_PEAKS], peak);
	node->peak = node->sys - node->runs.free;
	raw_spin_unlock_irqrestore(&node->lock, flags);
}

/**
 * gobackground_tick - a tenth of the window is over
 * @h: the heap
 *
 * Context: task, may sleep.
 */
void gobackground_tick(struct goheap *h)
{
	struct gocentral *c;
	unsigned long idle;
	unsigned int spc;
	u64 start;
	int nid;

	godrain_trim_idle(h);
	for_each_gonode(h, nid) {
		idle = 0;
		for (spc = 0; spc < GO_NR_SPANCLASSES; spc++) {
			c = &h->node[nid]->central[spc];
			if (READ_ONCE(c->idle))
				idle += gocentral_trim_idle(c) *
					go_class_pages[GO_SPC_CLASS(spc)];
		}
		begin_peak(h->node[nid], h->ticks, idle);
	}
	h->ticks++;
	/* What has become free near the limit since anybody asked for more. */
	start = ktime_get_ns();
	golimit_keep(h, false);
	atomic64_add(ktime_get_ns() - start, &h->trim_ns);
}

/* Less is not worth breaking a block for. */
static unsigned long worthwhile_excess(struct gonode *node)
{
	unsigned long excess = gobackground_excess(node);

	return excess < GO_RESERVE_RUN ? 0 : excess;
}

/**
 * gobackground_turn - give back for a moment
 * @h: the heap
 *
 * Context: task, may sleep.
 * Return: whether there is more to do.
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
	return ktime_get_ns() > sc.until;
}

/* How long to pause after so much work, in jiffies. */
static unsigned long pause_after(u64 spent)
{
	unsigned int percent = READ_ONCE(scavenge_cpu);

	return nsecs_to_jiffies64(div_u64(spent * (100 - percent), percent)) +
	       1;
}

static unsigned long tick_length(unsigned int window_ms)
{
	return max(msecs_to_jiffies(window_ms / GO_PEAKS), 1UL);
}

static void background_fn(struct work_struct *work)
{
	struct goheap *h = container_of(to_delayed_work(work), struct goheap,
					background);
	unsigned int window = READ_ONCE(scavenge_window_ms);
	unsigned long next;
	bool more = true;
	u64 start;

	if (!window)
		return;
	/* Ticks are in time, whatever the turns have cost. */
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
 * gobackground_init - make the background, which does nothing yet
 * @h: the heap
 *
 * Context: task.
 */
void gobackground_init(struct goheap *h)
{
	INIT_DELAYED_WORK(&h->background, background_fn);
}

/**
 * gobackground_start - let the background begin
 * @h: the heap of the API
 *
 * Context: task.
 */
void gobackground_start(struct goheap *h)
{
	kernel_param_lock(THIS_MODULE);
	running = true;
	h->next_tick = jiffies + tick_length(scavenge_window_ms);
	h->next_turn = jiffies;
	queue_delayed_work(system_unbound_wq, &h->background, 1);
	kernel_param_unlock(THIS_MODULE);
}

/**
 * gobackground_stop - end the background
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

/* A number between two, kept in *kp->arg; 0 too if the first is 0. */
static int set_between(const char *val, const struct kernel_param *kp,
		       unsigned int least, unsigned int most)
{
	unsigned int n;
	int err = kstrtouint(val, 0, &n);

	if (err)
		return err;
	if (n < least || n > most)
		return -EINVAL;
	WRITE_ONCE(*(unsigned int *)kp->arg, n);
	/* What has changed is heeded at once. */
	if (running) {
		goalloc_heap.next_tick = jiffies;
		goalloc_heap.next_turn = jiffies;
		mod_delayed_work(system_unbound_wq, &goalloc_heap.background,
				 0);
	}
	return 0;
}

static int window_set(const char *val, const struct kernel_param *kp)
{
	unsigned int n;

	if (!kstrtouint(val, 0, &n) && n && n < 100)
		return -EINVAL;
	return set_between(val, kp, 0, 3600 * MSEC_PER_SEC);
}

static const struct kernel_param_ops window_ops = {
	.set = window_set,
	.get = param_get_uint,
};
module_param_cb(scavenge_window_ms, &window_ops, &scavenge_window_ms, 0644);
MODULE_PARM_DESC(scavenge_window_ms, "give back what was not needed for so long; 100 to 3600000, 0 for never (default 10000)");

static int retain_set(const char *val, const struct kernel_param *kp)
{
	return set_between(val, kp, 100, 1000);
}

static const struct kernel_param_ops retain_ops = {
	.set = retain_set,
	.get = param_get_uint,
};
module_param_cb(scavenge_retain, &retain_ops, &scavenge_retain, 0644);
MODULE_PARM_DESC(scavenge_retain, "percent of the recent peak to keep; 100 to 1000 (default 105)");

static int cpu_set(const char *val, const struct kernel_param *kp)
{
	return set_between(val, kp, 1, 100);
}

static const struct kernel_param_ops cpu_ops = {
	.set = cpu_set,
	.get = param_get_uint,
};
module_param_cb(scavenge_cpu, &cpu_ops, &scavenge_cpu, 0644);
MODULE_PARM_DESC(scavenge_cpu, "percent of a CPU that giving back may take in the background; 1 to 100 (default 1)");
