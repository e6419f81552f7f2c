// SPDX-License-Identifier: GPL-2.0
/*
 * What the suites above the mcentrals share; see objects.h.
 */

#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/hash.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include "alloc.h"
#include "api.h"
#include "compat.h"
#include "free.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"

void *gotest_alloc(struct goheap *h, unsigned int spc, gfp_t gfp)
{
	return goalloc_pop(h, spc, go_class_size[GO_SPC_CLASS(spc)], gfp,
			   GO_OBJ_LIVE, true, 0);
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

bool gotest_all_zero(const void *p, size_t size)
{
	return p && !memchr_inv(p, 0, size);
}

bool gotest_burst(struct goheap *h, unsigned int spc, unsigned int n)
{
	size_t size = go_class_size[GO_SPC_CLASS(spc)];
	void **p = kvcalloc(n, sizeof(*p), GFP_KERNEL);
	unsigned int i, got, bad = 0;

	if (!p)
		return false;
	for (got = 0; got < n; got++) {
		p[got] = gotest_alloc(h, spc, GFP_KERNEL);
		if (!p[got])
			break;
		gotest_fill(p[got], size);
	}
	for (i = 0; i < got; i++) {
		bad += !gotest_intact(p[i], size);
		gotest_free(h, p[i]);
	}
	kvfree(p);
	return got == n && !bad;
}

void gotest_expect_empty(struct kunit *test, struct goheap *h, int cpu)
{
	const struct gomcache *c = per_cpu_ptr(h->mcache, cpu);
	unsigned int spc, left = 0;

	for (spc = 0; spc < GO_ALL_SPANCLASSES; spc++)
		left += c->stack[spc].top || c->stack[spc].limit ||
			c->stack[spc].slot || c->stack[spc].span;
	KUNIT_EXPECT_EQ(test, left, 0);
	KUNIT_EXPECT_EQ(test, c->bytes, 0);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(c->used, GO_ALL_SPANCLASSES));
	KUNIT_EXPECT_EQ(test, c->tiny, 0);
	KUNIT_EXPECT_EQ(test, c->busy, 0);
	KUNIT_EXPECT_TRUE(test, llist_empty(&h->deferred));
}

/* Live objects, without the blocks that CPUs keep for tiny ones. */
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
		mod_delayed_work(system_dfl_wq, &h->background, 0);
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

int gotest_other_cpu(void)
{
	return cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
}

void gotest_settle(struct goheap *h)
{
	unsigned int rounds = 10;

	/* When it has given something back, the worker calls itself again. */
	do {
		irq_work_sync(&h->kick);
		flush_work(&h->work);
	} while (--rounds && (irq_work_is_busy(&h->kick) ||
			      work_busy(&h->work)));
}

void gotest_cool(struct goheap *h)
{
	godrain_all(h);
	gotest_settle(h);
	goscavenge_all(h);
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
	timer_destroy_on_stack(&e->timer);
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

const struct gotest_context_param gotest_contexts[] = {
	{ GOTEST_TASK, "task" },
	{ GOTEST_IRQS_OFF, "irqs off" },
	{ GOTEST_RAW_LOCK, "raw spinlock" },
	{ GOTEST_SOFTIRQ, "timer" },
	{ GOTEST_HARDIRQ, "hardirq" },
	{ GOTEST_NMI, "NMI" },
};

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

struct gotest_batch *gotest_batch_new(struct kunit *test, struct goheap *h,
				      const struct gotest_kind *kind,
				      unsigned int n)
{
	struct gotest_batch *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_ASSERT_LE(test, n, ARRAY_SIZE(b->p));
	b->h = h;
	b->kind = kind;
	b->n = n;
	return b;
}

/* Returns the object filled, or NULL. */
static void *make_object(const struct gotest_kind *kind, struct goheap *h,
			 unsigned int i, gfp_t gfp)
{
	void *p = kind->alloc(h, i, gfp);

	if (p)
		gotest_fill(p, kind->size(i));
	return p;
}

/* Returns whether the object was as make_object() left it. */
static bool end_object(const struct gotest_kind *kind, struct goheap *h,
		       unsigned int i, void *p)
{
	bool ok = gotest_intact(p, kind->size(i)) &&
		  (!kind->sane || kind->sane(p, i));

	if (kind->free)
		kind->free(h, p);
	else
		gotest_free(h, p);
	return ok;
}

void gotest_batch_alloc(void *batch)
{
	struct gotest_batch *b = batch;
	unsigned int i;

	for (i = 0; i < b->n; i++) {
		b->p[i] = make_object(b->kind, b->h, i, GFP_ATOMIC);
		b->bad += !b->p[i];
	}
}

void gotest_batch_free(void *batch)
{
	struct gotest_batch *b = batch;
	unsigned int i;

	for (i = 0; i < b->n; i++) {
		if (b->p[i])
			b->bad += !end_object(b->kind, b->h, i, b->p[i]);
		b->p[i] = NULL;
	}
}

/* What a thread of a crew begins with. */
struct start {
	int (*fn)(void *arg);
	void *arg;
	struct completion begun;
};

static int begin_in_crew(void *arg)
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
		task = kthread_run_on_cpu(begin_in_crew, &start, cpu, "gotest/%u");
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

struct gotest_exchange *gotest_exchange_new(struct kunit *test,
					    struct goheap *h,
					    const struct gotest_kind *kind,
					    unsigned int n)
{
	struct gotest_exchange *x = kunit_kzalloc(test, sizeof(*x), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, x);
	KUNIT_ASSERT_LE(test, n, ARRAY_SIZE(x->shelf));
	x->h = h;
	x->kind = kind;
	x->n = n;
	return x;
}

int gotest_trade(void *exchange)
{
	struct gotest_exchange *x = exchange;
	unsigned int i, bad = 0;
	struct rnd_state rnd;
	void *p, *old;

	prandom_seed_state(&rnd, (unsigned long)current);
	while (!kthread_should_stop()) {
		i = prandom_u32_state(&rnd) % x->n;
		p = make_object(x->kind, x->h, i, GFP_KERNEL);
		old = xchg(&x->shelf[i], p);
		if (old)
			bad += !end_object(x->kind, x->h, i, old);
		if (!(i % 16))
			cond_resched();
	}
	return bad;
}

void gotest_exchange_end(struct kunit *test, struct gotest_exchange *x)
{
	unsigned int i, bad = 0;

	for (i = 0; i < x->n; i++)
		if (x->shelf[i])
			bad += !end_object(x->kind, x->h, i, x->shelf[i]);
	KUNIT_EXPECT_EQ(test, bad, 0);
}
