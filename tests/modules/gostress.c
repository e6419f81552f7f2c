// SPDX-License-Identifier: GPL-2.0
/*
 * gostress: allocate and free on all CPUs and in all contexts at once.
 *
 * There are two threads for each CPU.  A thread allocates an object, fills it
 * and puts it on a shelf, in place of an object that another thread, mostly on
 * another CPU, has left there.  It frees that object at once, after a grace
 * period, or by posting it to a mailbox, which an interrupt empties.  Each
 * thread has three interrupts: a timer in hardirq, a timer in softirq and an
 * irq_work.  They allocate, too.  The hardirq timer fires so often that it
 * interrupts the fast paths.
 *
 * Meanwhile MemStats is read and FreeOSMemory called, over and over, and
 * tests/guest/stress.sh takes a CPU down and up and reads debugfs.  At the end
 * no object may be lost, changed or misused.
 *
 * The module is an ordinary client, so that it runs on any kernel.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/goalloc.h>
#include <linux/hash.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "compat.h"

static unsigned int seconds = 10;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "how long to run (default 10)");

static unsigned int period_us = IS_ENABLED(CONFIG_KASAN) ? 2000 : 200;
module_param(period_us, uint, 0444);
MODULE_PARM_DESC(period_us, "microseconds between two hardirq timers of a thread (default 200, with KASAN 2000)");

#define NR_SLOTS	512

static const size_t sizes[] = {
	1, 5, 8, 12, 16, 48, 64, 100, 520, 1024, 2560, 4096, 9000, 32768,
	40000, 200000,
};

/* Objects that an interrupt is to free, one for each slot of the shelf. */
struct mailbox {
	void *p[NR_SLOTS];
	unsigned int next;
};

struct worker {
	struct task_struct *task;
	struct rnd_state rnd;
	struct hrtimer hard_timer;
	struct hrtimer soft_timer;
	struct irq_work irq_work;
	struct mailbox hard;
	struct mailbox soft;
	struct mailbox irq;
	/* Counters; each context has its own, so that none needs a lock. */
	unsigned long rounds;
	unsigned long failures;
	unsigned long task_bad;
	unsigned long interrupts;
	unsigned long hard_bad;
	unsigned long soft_bad;
	unsigned long irq_bad;
};

static void *shelf[NR_SLOTS];
static struct worker *workers;
static unsigned int nr_workers;

/* The number of a slot decides the size of its objects. */
static size_t gostress_size(unsigned int i)
{
	return sizes[i % ARRAY_SIZE(sizes)];
}

static bool gostress_is_intact(const void *p, unsigned int i)
{
	return !memchr_inv(p, hash_ptr((void *)p, 8), gostress_size(i));
}

/* The way that makes noscan objects, which gofree_sized() does not take. */
#define WAY_NOSCAN	0

/* The number of a slot also decides the way to allocate its objects. */
static unsigned int gostress_way(unsigned int i)
{
	return i / ARRAY_SIZE(sizes) % 6;
}

/* Allocate the object of a slot. */
static void *gostress_alloc(struct worker *w, unsigned int i)
{
	size_t size = gostress_size(i);
	void *p, *many[4];

	switch (gostress_way(i)) {
	case WAY_NOSCAN:
		return gomalloc_noscan(size, GFP_KERNEL);
	case 1:
		return gomalloc_node(size, GFP_KERNEL, numa_mem_id());
	case 2:
		p = gozalloc(size, GFP_KERNEL);
		w->task_bad += p && memchr_inv(p, 0, size);
		return p;
	case 3:
		return gorealloc(gomalloc(size / 2, GFP_KERNEL), size,
				 GFP_KERNEL);
	case 4:
		if (!gomalloc_bulk(GFP_KERNEL, size, ARRAY_SIZE(many), many))
			return NULL;
		gofree_bulk(ARRAY_SIZE(many) - 1, many + 1);
		return many[0];
	default:
		return gomalloc(size, GFP_KERNEL);
	}
}

/* Leave an object to an interrupt, and free the one that is there already. */
static void gostress_post(struct mailbox *box, void *p, unsigned int i)
{
	p = xchg(&box->p[i], p);
	gofree(p);
}

/* Check an object and free it in a random way. */
static void gostress_free(struct worker *w, void *p, unsigned int i)
{
	w->task_bad += !gostress_is_intact(p, i);
	switch (prandom_u32_state(&w->rnd) % 8) {
	case 0:
		gostress_post(&w->hard, p, i);
		break;
	case 1:
		gostress_post(&w->soft, p, i);
		break;
	case 2:
		gostress_post(&w->irq, p, i);
		irq_work_queue(&w->irq_work);
		break;
	case 3:
		gofree_sensitive(p);
		break;
	case 4:
		if (gostress_size(i) >= sizeof(struct rcu_head))
			goalloc_call_rcu(p);
		else
			gofree(p);
		break;
	case 5:
		if (gostress_way(i) != WAY_NOSCAN)
			gofree_sized(p, gostress_size(i));
		else
			gofree(p);
		break;
	default:
		gofree(p);
	}
}

/* In an interrupt: free the objects in @n slots of the box, and allocate. */
static unsigned int gostress_serve_mailbox(struct mailbox *box, unsigned int n)
{
	unsigned int i, bad = 0;
	void *p;

	while (n--) {
		i = box->next++ % NR_SLOTS;
		p = xchg(&box->p[i], NULL);
		if (p) {
			bad += !gostress_is_intact(p, i);
			gofree(p);
		}
		if (i % 4)
			continue;
		p = i % 8 ? gomalloc(64, GFP_ATOMIC | __GFP_NOWARN) :
			    gomalloc_noscan(3, GFP_ATOMIC | __GFP_NOWARN);
		gofree(p);
	}
	return bad;
}

static ktime_t gostress_period(void)
{
	return ns_to_ktime((u64)period_us * NSEC_PER_USEC);
}

static enum hrtimer_restart gostress_hard_timer(struct hrtimer *timer)
{
	struct worker *w = container_of(timer, struct worker, hard_timer);

	w->interrupts++;
	w->hard_bad += gostress_serve_mailbox(&w->hard, 8);
	/* Forward from now, not from the due time: tasks must make progress. */
	hrtimer_forward_now(timer, gostress_period());
	return HRTIMER_RESTART;
}

static enum hrtimer_restart gostress_soft_timer(struct hrtimer *timer)
{
	struct worker *w = container_of(timer, struct worker, soft_timer);

	w->soft_bad += gostress_serve_mailbox(&w->soft, 32);
	hrtimer_forward_now(timer, 5 * gostress_period());
	return HRTIMER_RESTART;
}

static void gostress_irq_work(struct irq_work *work)
{
	struct worker *w = container_of(work, struct worker, irq_work);

	w->irq_bad += gostress_serve_mailbox(&w->irq, NR_SLOTS / 8);
}

static int gostress_thread(void *data)
{
	struct worker *w = data;
	unsigned int i;
	void *p, *old;

	hrtimer_start(&w->hard_timer, gostress_period(), HRTIMER_MODE_REL_HARD);
	hrtimer_start(&w->soft_timer, gostress_period(), HRTIMER_MODE_REL_SOFT);
	while (!kthread_should_stop()) {
		i = prandom_u32_state(&w->rnd) % NR_SLOTS;
		p = gostress_alloc(w, i);
		if (p)
			memset(p, hash_ptr(p, 8), gostress_size(i));
		else
			w->failures++;
		old = xchg(&shelf[i], p);
		if (old)
			gostress_free(w, old, i);
		w->rounds++;
		cond_resched();
	}
	hrtimer_cancel(&w->hard_timer);
	hrtimer_cancel(&w->soft_timer);
	irq_work_sync(&w->irq_work);
	return 0;
}

static unsigned int gostress_broken_identities(const struct goalloc_memstats *m)
{
	return (m->heap_sys != m->heap_idle + m->heap_inuse) +
	       (m->heap_alloc > m->heap_inuse) +
	       (m->heap_objects != m->mallocs - m->frees) +
	       (m->total_requested > m->total_alloc);
}

static int gostress_trim_thread(void *calls)
{
	while (!kthread_should_stop()) {
		goalloc_free_os_memory();
		(*(unsigned long *)calls)++;
		cond_resched();
	}
	return 0;
}

static void gostress_start_worker(struct worker *w, unsigned int i)
{
	struct task_struct *task;

	prandom_seed_state(&w->rnd, get_random_u64());
	hrtimer_setup(&w->hard_timer, gostress_hard_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_HARD);
	hrtimer_setup(&w->soft_timer, gostress_soft_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	w->irq_work = IRQ_WORK_INIT_HARD(gostress_irq_work);
	task = kthread_create(gostress_thread, w, "gostress/%u", i);
	if (IS_ERR(task))
		return;
	w->task = get_task_struct(task);
	wake_up_process(task);
}

static void gostress_empty_mailbox(struct mailbox *box)
{
	unsigned int i;

	for (i = 0; i < NR_SLOTS; i++)
		gofree(box->p[i]);
}

/* Stop a thread and free its mailboxes; returns how many errors it found. */
static unsigned long gostress_stop_worker(struct worker *w)
{
	if (!w->task)
		return 1;
	kthread_stop(w->task);
	put_task_struct(w->task);
	gostress_empty_mailbox(&w->hard);
	gostress_empty_mailbox(&w->soft);
	gostress_empty_mailbox(&w->irq);
	return w->task_bad + w->hard_bad + w->soft_bad + w->irq_bad;
}

static u64 gostress_live_objects(struct goalloc_memstats *m)
{
	rcu_barrier();
	goalloc_free_os_memory();
	goalloc_read_memstats(m);
	return m->heap_objects;
}

static unsigned long gostress_stop_all(void)
{
	unsigned long bad = 0, rounds = 0, failures = 0, interrupts = 0;
	unsigned int i;

	for (i = 0; i < nr_workers; i++) {
		bad += gostress_stop_worker(&workers[i]);
		rounds += workers[i].rounds;
		failures += workers[i].failures;
		interrupts += workers[i].interrupts;
	}
	for (i = 0; i < NR_SLOTS; i++) {
		bad += shelf[i] && !gostress_is_intact(shelf[i], i);
		gofree(shelf[i]);
	}
	pr_info("%lu rounds, %lu failures, %lu interrupts, %lu bad\n", rounds,
		failures, interrupts, bad);
	return bad + failures + !interrupts;
}

static int gostress_run(struct goalloc_memstats *m)
{
	unsigned long bad = 0, reads = 0, calls = 0;
	u64 before = gostress_live_objects(m), misuses = m->misuses, after;
	struct task_struct *freer;
	unsigned long end;
	unsigned int i;

	for (i = 0; i < nr_workers; i++)
		gostress_start_worker(&workers[i], i);
	freer = kthread_run(gostress_trim_thread, &calls, "gostress/free");
	for (end = jiffies + seconds * HZ; time_before(jiffies, end); reads++) {
		goalloc_read_memstats(m);
		bad += gostress_broken_identities(m);
		cond_resched();
	}
	if (!IS_ERR(freer))
		kthread_stop(freer);
	pr_info("MemStats read %lu times, %lu identities broken; memory given back %lu times\n",
		reads, bad, calls);
	bad += gostress_stop_all() + !calls;
	after = gostress_live_objects(m);
	pr_info("%llu objects before, %llu after, %llu misuses\n", before,
		after, m->misuses - misuses);
	return !bad && after == before && m->misuses == misuses ? 0 : -EIO;
}

static int __init gostress_init(void)
{
	struct goalloc_memstats *m = kmalloc(sizeof(*m), GFP_KERNEL);
	int err = -ENOMEM;

	nr_workers = 2 * num_online_cpus();
	workers = kvcalloc(nr_workers, sizeof(*workers), GFP_KERNEL);
	if (m && workers)
		err = gostress_run(m);
	kvfree(workers);
	kfree(m);
	return err;
}
module_init(gostress_init);

static void __exit gostress_exit(void)
{
}
module_exit(gostress_exit);

MODULE_DESCRIPTION("Allocates and frees with goalloc on all CPUs and in all contexts");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
