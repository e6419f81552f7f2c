// SPDX-License-Identifier: GPL-2.0
/*
 * What the suites above the mcentrals share; see objects.h.
 */

#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/hash.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include "alloc.h"
#include "api.h"
#include "free.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"

void *gotest_alloc(struct goheap *h, unsigned int spc, gfp_t gfp)
{
	return goalloc_pop(h, spc, go_class_size[GO_SPC_CLASS(spc)], gfp, true);
}

void gotest_free(struct goheap *h, void *p)
{
	gofree_fast(h, p);
}

void gotest_fill(void *p, size_t size)
{
	memset(p, hash_ptr(p, 8), size);
}

bool gotest_intact(const void *p, size_t size)
{
	return !memchr_inv(p, hash_ptr(p, 8), size);
}

/* Live objects, and none of those that nobody asked for. */
static unsigned long live_objects(struct kunit *test)
{
	rcu_barrier();
	gotest_settle(&goalloc_heap);
	godrain_all(&goalloc_heap);
	return gotest_memstats(test, &goalloc_heap)->heap_objects;
}

void gotest_background(bool on)
{
	struct goheap *h = &goalloc_heap;
	int cpu;

	if (on) {
		enable_delayed_work(&h->background);
		mod_delayed_work(system_unbound_wq, &h->background, 0);
		return;
	}
	disable_delayed_work_sync(&h->background);
	for_each_possible_cpu(cpu)
		flush_work(&per_cpu_ptr(h->mcache, cpu)->trim);
}

int gotest_api_init(struct kunit *test)
{
	gotest_background(false);
	test->priv = (void *)live_objects(test);
	return 0;
}

void gotest_api_exit(struct kunit *test)
{
	gotest_background(true);
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	KUNIT_EXPECT_EQ_MSG(test, live_objects(test),
			    (unsigned long)test->priv, "the case leaked");
	gotest_verify_exit(test);
}

struct gomcache *gotest_pin(struct kunit *test, struct goheap *h)
{
	int cpu = get_cpu();

	put_cpu();
	KUNIT_ASSERT_EQ(test, 0,
			set_cpus_allowed_ptr(current, cpumask_of(cpu)));
	return per_cpu_ptr(h->mcache, cpu);
}

void gotest_settle(struct goheap *h)
{
	irq_work_sync(&h->kick);
	flush_work(&h->work);
}

/* Something to be run elsewhere. */
struct errand {
	void (*fn)(void *arg);
	void *arg;
	struct completion done;
	struct irq_work work;
	struct timer_list timer;
};

static void hardirq_fn(struct irq_work *work)
{
	struct errand *e = container_of(work, struct errand, work);

	e->fn(e->arg);
	complete(&e->done);
}

static void timer_fn(struct timer_list *timer)
{
	struct errand *e = container_of(timer, struct errand, timer);

	e->fn(e->arg);
	complete(&e->done);
}

static void run_in_timer(struct errand *e)
{
	timer_setup_on_stack(&e->timer, timer_fn, 0);
	mod_timer(&e->timer, jiffies);
	wait_for_completion(&e->done);
	timer_delete_sync(&e->timer);
	destroy_timer_on_stack(&e->timer);
}

static void run_in_hardirq(struct errand *e)
{
	e->work = IRQ_WORK_INIT_HARD(hardirq_fn);
	irq_work_queue(&e->work);
	wait_for_completion(&e->done);
	irq_work_sync(&e->work);
}

static void run_with_irqs_off(void (*fn)(void *arg), void *arg, bool nmi)
{
	unsigned long flags;

	local_irq_save(flags);
	if (nmi)
		__preempt_count_add(NMI_OFFSET + HARDIRQ_OFFSET);
	fn(arg);
	if (nmi)
		__preempt_count_sub(NMI_OFFSET + HARDIRQ_OFFSET);
	local_irq_restore(flags);
}

static DEFINE_RAW_SPINLOCK(raw_lock);

void gotest_run_in(enum gotest_context context, void (*fn)(void *arg),
		   void *arg)
{
	struct errand e = { .fn = fn, .arg = arg };
	unsigned long flags;

	init_completion(&e.done);
	switch (context) {
	case GOTEST_TASK:
		fn(arg);
		break;
	case GOTEST_IRQS_OFF:
	case GOTEST_NMI:
		run_with_irqs_off(fn, arg, context == GOTEST_NMI);
		break;
	case GOTEST_RAW_LOCK:
		raw_spin_lock_irqsave(&raw_lock, flags);
		fn(arg);
		raw_spin_unlock_irqrestore(&raw_lock, flags);
		break;
	case GOTEST_SOFTIRQ:
		run_in_timer(&e);
		break;
	case GOTEST_HARDIRQ:
		run_in_hardirq(&e);
		break;
	}
}

/* What a thread of a crew begins with. */
struct start {
	int (*fn)(void *arg);
	void *arg;
	struct completion begun;
};

static int begin(void *arg)
{
	struct start *start = arg;
	int (*fn)(void *arg) = start->fn;

	arg = start->arg;
	/* Nothing of @start is there after this. */
	complete(&start->begun);
	return fn(arg);
}

/* A thread that is stopped before it has begun never runs at all. */
void gotest_crew_start(struct kunit *test, struct gotest_crew *crew,
		       int (*fn)(void *arg), void *arg)
{
	struct start start = { .fn = fn, .arg = arg };
	struct task_struct *task;
	unsigned int i;
	int cpu;

	init_completion(&start.begun);
	crew->n = 0;
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		if (crew->n == GOTEST_CREW_MAX)
			break;
		task = kthread_run_on_cpu(begin, &start, cpu, "gotest/%u");
		KUNIT_EXPECT_FALSE(test, IS_ERR(task));
		if (!IS_ERR(task))
			crew->task[crew->n++] = get_task_struct(task);
	}
	cpus_read_unlock();
	for (i = 0; i < crew->n; i++)
		wait_for_completion(&start.begun);
}

void gotest_crew_stop(struct kunit *test, struct gotest_crew *crew)
{
	while (crew->n--) {
		KUNIT_EXPECT_EQ(test, kthread_stop(crew->task[crew->n]), 0);
		put_task_struct(crew->task[crew->n]);
	}
}
