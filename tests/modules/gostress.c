// SPDX-License-Identifier: GPL-2.0
/*
 * gostress: everybody at once, for so many seconds.
 *
 * Two threads for each CPU allocate objects of every kind, write all over them
 * and leave them on a shelf, from where whoever comes next, mostly on another
 * CPU, takes them to free: itself, after a grace period, or by leaving them to
 * an interrupt.  A timer in hard interrupt, one in soft interrupt and an
 * irq_work of each thread do that, and allocate as well; the first comes so
 * often that it hits the fast paths in the middle.  Meanwhile MemStats is read
 * and FreeOSMemory called, over and over; tests/guest/stress.sh takes a CPU down
 * and up and reads debugfs.  At the end nothing may be lost, changed or
 * misused.  A client like any other, so that it runs on any kernel.
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
MODULE_PARM_DESC(seconds, "how long");

static unsigned int period_us = IS_ENABLED(CONFIG_KASAN) ? 2000 : 200;
module_param(period_us, uint, 0444);
MODULE_PARM_DESC(period_us, "from one interrupt of a thread to the next");

#define NR_SLOTS	512

static const size_t sizes[] = {
	1, 5, 8, 12, 16, 48, 64, 100, 520, 1024, 2560, 4096, 9000, 32768,
	40000, 200000,
};

/* Objects of slots, to be freed by a context. */
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
	/* What happened; one field for each who writes. */
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

/* What a slot holds follows from its number. */
static size_t size_of(unsigned int i)
{
	return sizes[i % ARRAY_SIZE(sizes)];
}

static bool good(const void *p, unsigned int i)
{
	return !memchr_inv(p, hash_ptr((void *)p, 8), size_of(i));
}

/* Which way; noscan objects are not for gofree_sized(). */
#define GET_NOSCAN	0

static unsigned int way(unsigned int i)
{
	return i / ARRAY_SIZE(sizes) % 6;
}

/* The ways to get an object; zeroed where that can be seen. */
static void *get(struct worker *w, unsigned int i)
{
	size_t size = size_of(i);
	void *p, *many[4];

	switch (way(i)) {
	case GET_NOSCAN:
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

static void post(struct mailbox *box, void *p, unsigned int i)
{
	p = xchg(&box->p[i], p);
	gofree(p);
}

/* The ways to get rid of one. */
static void put(struct worker *w, void *p, unsigned int i)
{
	w->task_bad += !good(p, i);
	switch (prandom_u32_state(&w->rnd) % 8) {
	case 0:
		post(&w->hard, p, i);
		break;
	case 1:
		post(&w->soft, p, i);
		break;
	case 2:
		post(&w->irq, p, i);
		irq_work_queue(&w->irq_work);
		break;
	case 3:
		gofree_sensitive(p);
		break;
	case 4:
		if (size_of(i) >= sizeof(struct rcu_head))
			goalloc_call_rcu(p);
		else
			gofree(p);
		break;
	case 5:
		if (way(i) != GET_NOSCAN)
			gofree_sized(p, size_of(i));
		else
			gofree(p);
		break;
	default:
		gofree(p);
	}
}

/* In an interrupt: free some of what is in the box, and allocate. */
static unsigned int serve(struct mailbox *box, unsigned int n)
{
	unsigned int i, bad = 0;
	void *p;

	while (n--) {
		i = box->next++ % NR_SLOTS;
		p = xchg(&box->p[i], NULL);
		if (p) {
			bad += !good(p, i);
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

static ktime_t period(void)
{
	return ns_to_ktime((u64)period_us * NSEC_PER_USEC);
}

static enum hrtimer_restart hard_fn(struct hrtimer *timer)
{
	struct worker *w = container_of(timer, struct worker, hard_timer);

	w->interrupts++;
	w->hard_bad += serve(&w->hard, 8);
	/* From now, however long it took: tasks must come to something. */
	hrtimer_forward_now(timer, period());
	return HRTIMER_RESTART;
}

static enum hrtimer_restart soft_fn(struct hrtimer *timer)
{
	struct worker *w = container_of(timer, struct worker, soft_timer);

	w->soft_bad += serve(&w->soft, 32);
	hrtimer_forward_now(timer, 5 * period());
	return HRTIMER_RESTART;
}

static void irq_fn(struct irq_work *work)
{
	struct worker *w = container_of(work, struct worker, irq_work);

	w->irq_bad += serve(&w->irq, NR_SLOTS / 8);
}

static int worker_fn(void *data)
{
	struct worker *w = data;
	unsigned int i;
	void *p, *old;

	hrtimer_start(&w->hard_timer, period(), HRTIMER_MODE_REL_HARD);
	hrtimer_start(&w->soft_timer, period(), HRTIMER_MODE_REL_SOFT);
	while (!kthread_should_stop()) {
		i = prandom_u32_state(&w->rnd) % NR_SLOTS;
		p = get(w, i);
		if (p)
			memset(p, hash_ptr(p, 8), size_of(i));
		else
			w->failures++;
		old = xchg(&shelf[i], p);
		if (old)
			put(w, old, i);
		w->rounds++;
		cond_resched();
	}
	hrtimer_cancel(&w->hard_timer);
	hrtimer_cancel(&w->soft_timer);
	irq_work_sync(&w->irq_work);
	return 0;
}

static unsigned int identities_broken(const struct goalloc_memstats *m)
{
	return (m->heap_sys != m->heap_idle + m->heap_inuse) +
	       (m->heap_alloc > m->heap_inuse) +
	       (m->heap_objects != m->mallocs - m->frees) +
	       (m->total_requested > m->total_alloc);
}

static int free_os_memory(void *calls)
{
	while (!kthread_should_stop()) {
		goalloc_free_os_memory();
		(*(unsigned long *)calls)++;
		cond_resched();
	}
	return 0;
}

static void start(struct worker *w, unsigned int i)
{
	struct task_struct *task;

	prandom_seed_state(&w->rnd, get_random_u64());
	hrtimer_setup(&w->hard_timer, hard_fn, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_HARD);
	hrtimer_setup(&w->soft_timer, soft_fn, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	w->irq_work = IRQ_WORK_INIT_HARD(irq_fn);
	task = kthread_create(worker_fn, w, "gostress/%u", i);
	if (IS_ERR(task))
		return;
	w->task = get_task_struct(task);
	wake_up_process(task);
}

static void empty(struct mailbox *box)
{
	unsigned int i;

	for (i = 0; i < NR_SLOTS; i++)
		gofree(box->p[i]);
}

/* Stop it, free what it has left; what it found wrong. */
static unsigned long stop(struct worker *w)
{
	if (!w->task)
		return 1;
	kthread_stop(w->task);
	put_task_struct(w->task);
	empty(&w->hard);
	empty(&w->soft);
	empty(&w->irq);
	return w->task_bad + w->hard_bad + w->soft_bad + w->irq_bad;
}

static u64 live_objects(struct goalloc_memstats *m)
{
	rcu_barrier();
	goalloc_free_os_memory();
	goalloc_read_memstats(m);
	return m->heap_objects;
}

static unsigned long stop_all(void)
{
	unsigned long bad = 0, rounds = 0, failures = 0, interrupts = 0;
	unsigned int i;

	for (i = 0; i < nr_workers; i++) {
		bad += stop(&workers[i]);
		rounds += workers[i].rounds;
		failures += workers[i].failures;
		interrupts += workers[i].interrupts;
	}
	for (i = 0; i < NR_SLOTS; i++) {
		bad += shelf[i] && !good(shelf[i], i);
		gofree(shelf[i]);
	}
	pr_info("%lu rounds, %lu failures, %lu interrupts, %lu bad\n", rounds,
		failures, interrupts, bad);
	return bad + failures + !interrupts;
}

static int run(struct goalloc_memstats *m)
{
	unsigned long bad = 0, reads = 0, calls = 0;
	u64 before = live_objects(m), misuses = m->misuses, after;
	struct task_struct *freer;
	unsigned long end;
	unsigned int i;

	for (i = 0; i < nr_workers; i++)
		start(&workers[i], i);
	freer = kthread_run(free_os_memory, &calls, "gostress/free");
	for (end = jiffies + seconds * HZ; time_before(jiffies, end); reads++) {
		goalloc_read_memstats(m);
		bad += identities_broken(m);
		cond_resched();
	}
	if (!IS_ERR(freer))
		kthread_stop(freer);
	pr_info("MemStats read %lu times, %lu identities broken; memory given back %lu times\n",
		reads, bad, calls);
	bad += stop_all() + !calls;
	after = live_objects(m);
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
		err = run(m);
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
