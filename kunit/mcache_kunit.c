// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the mcaches: one CPU's, and what CPUs do to each other's objects.
 *
 * The first half looks into this CPU's cache of a private heap, where nobody
 * else moves: what a stack holds and in which order, when it grows, what makes
 * it give way, what a drain leaves.  The window in which an interrupt finds the
 * cache in use is one instruction wide; here @busy is set by hand and the
 * interrupt comes at leisure.  The second half frees what others allocated, on
 * other CPUs, in every context, and while CPUs come and go.  The conservation
 * law is checked after each case.
 */

#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/topology.h>
#include <linux/workqueue.h>
#include "alloc.h"
#include "compat.h"
#include "mcache.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "source.h"

#define SPC_64		GO_SPC(6, 0)
#define MANY		512

/* All classes, where that takes no time. */
#define CLASS_STEP	(IS_ENABLED(CONFIG_KASAN) ? 7 : 1)

static unsigned int stack_bytes(const struct gomcache *c, unsigned int spc)
{
	return gostack_cap(&c->stack[spc]) * go_class_size[GO_SPC_CLASS(spc)];
}

/* The cache's own sum of its capacities, against ours. */
static void expect_within_budget(struct kunit *test, const struct gomcache *c)
{
	unsigned long bytes = 0;
	unsigned int spc;

	for (spc = 0; spc < GO_NR_SPANCLASSES; spc++)
		bytes += stack_bytes(c, spc);
	KUNIT_EXPECT_EQ(test, c->bytes, bytes);
	KUNIT_EXPECT_LE(test, c->bytes, GO_MCACHE_BUDGET);
}

static void expect_sane_stack(struct kunit *test, const struct gomcache *c,
			      unsigned int spc)
{
	unsigned int size = go_class_size[GO_SPC_CLASS(spc)];
	const struct gostack *s = &c->stack[spc];

	KUNIT_EXPECT_LE(test, gostack_n(s), gostack_cap(s));
	KUNIT_EXPECT_LE(test, gostack_cap(s), GO_STACK_MAX);
	KUNIT_EXPECT_LE(test, stack_bytes(c, spc),
			max_t(unsigned int, GO_STACK_BYTES, 2 * size));
}

static void expect_empty(struct kunit *test, struct goheap *h, int cpu)
{
	const struct gomcache *c = per_cpu_ptr(h->mcache, cpu);
	unsigned int spc, left = 0;

	for (spc = 0; spc < GO_NR_SPANCLASSES; spc++)
		left += c->stack[spc].top || c->stack[spc].limit ||
			c->stack[spc].slot || c->stack[spc].span;
	KUNIT_EXPECT_EQ(test, left, 0);
	KUNIT_EXPECT_EQ(test, c->bytes, 0);
	KUNIT_EXPECT_EQ(test, c->tiny, 0);
	KUNIT_EXPECT_EQ(test, c->busy, 0);
	KUNIT_EXPECT_TRUE(test, llist_empty(&c->deferred));
}

/* Allocate up to @n, use them, free them oldest first; false when out of memory. */
static bool burst(struct goheap *h, unsigned int spc, unsigned int n)
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

static void mcache_is_lazy(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	unsigned int spc, used = 0;
	u64 before;
	void *p;

	expect_empty(test, h, raw_smp_processor_id());
	before = gotest_memstats(test, h)->mcache_inuse;
	p = gotest_alloc(h, SPC_64, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	for (spc = 0; spc < GO_NR_SPANCLASSES; spc++)
		used += !!c->stack[spc].slot;
	KUNIT_EXPECT_EQ(test, used, 1);
	KUNIT_EXPECT_EQ(test, c->bytes, stack_bytes(c, SPC_64));
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, h)->mcache_inuse - before,
			2 * GO_STACK_MIN * sizeof(struct goslot));
	gotest_free(h, p);
}

static void mcache_reuses_last_first(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	void *p[3], *q;
	int i;

	gotest_pin(test, h);
	for (i = 0; i < 3; i++)
		p[i] = gotest_alloc(h, SPC_64, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, p[1], p[0] + 64);
	KUNIT_EXPECT_PTR_EQ(test, p[2], p[1] + 64);
	for (i = 0; i < 3; i++)
		gotest_free(h, p[i]);
	for (i = 3; i-- > 0;) {
		q = gotest_alloc(h, SPC_64, GFP_KERNEL);
		KUNIT_EXPECT_PTR_EQ(test, q, p[i]);
	}
	for (i = 0; i < 3; i++)
		gotest_free(h, p[i]);
}

static void mcache_grows_on_misses(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	unsigned int spc, round, cap, size;

	for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc += CLASS_STEP) {
		size = go_class_size[GO_SPC_CLASS(spc)];
		for (round = 0, cap = 0; round < 8; round++) {
			KUNIT_EXPECT_TRUE(test, burst(h, spc, cap + 1));
			KUNIT_EXPECT_GE(test, gostack_cap(&c->stack[spc]), cap);
			cap = gostack_cap(&c->stack[spc]);
			expect_sane_stack(test, c, spc);
		}
		KUNIT_EXPECT_EQ(test, cap,
				clamp_t(unsigned int, GO_STACK_BYTES / size,
					2, GO_STACK_MAX));
		godrain_all(h);
	}
}

static void mcache_keeps_its_budget(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	unsigned int spc, round;

	for (round = 0; round < 4; round++) {
		for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES;
		     spc += CLASS_STEP) {
			KUNIT_EXPECT_TRUE(test, burst(h, spc, 4 << round));
			/* So that it is not for want of storage. */
			gotest_settle(h);
			expect_sane_stack(test, c, spc);
			expect_within_budget(test, c);
		}
	}
}

/* Who was busy long ago must not keep what the busy one needs. */
static void mcache_idle_gives_way(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	unsigned int spc, full, round;

	for (spc = GO_SPC(20, 0); spc < GO_NR_SPANCLASSES &&
	     c->bytes < GO_MCACHE_BUDGET * 15 / 16; spc++)
		for (round = 0; round < 5; round++)
			burst(h, spc, 110);
	full = min_t(unsigned int, GO_STACK_BYTES / 64, GO_STACK_MAX);
	for (round = 0; round < 20 && gostack_cap(&c->stack[SPC_64]) < full;
	     round++) {
		burst(h, SPC_64, MANY);
		/* Storage for larger stacks is the worker's to get. */
		gotest_settle(h);
	}
	KUNIT_EXPECT_EQ(test, gostack_cap(&c->stack[SPC_64]), full);
	expect_within_budget(test, c);
}

/* A full stack gives up its older half, and the newest stay on top. */
static void mcache_flushes_older_half(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	struct gostack *s = &c->stack[SPC_64];
	unsigned int i, cap;
	void **p;

	p = kunit_kcalloc(test, MANY, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < 16; i++)
		burst(h, SPC_64, MANY);
	cap = gostack_cap(s);
	for (i = 0; i < MANY; i++)
		p[i] = gotest_alloc(h, SPC_64, GFP_KERNEL);
	for (i = 0; i < MANY; i++) {
		unsigned int n = gostack_n(s);
		unsigned long flushes = c->flushes;

		gotest_free(h, p[i]);
		KUNIT_EXPECT_EQ(test, gostack_n(s),
				n == cap ? cap / 2 + 1 : n + 1);
		KUNIT_EXPECT_EQ(test, c->flushes - flushes, n == cap);
		KUNIT_EXPECT_PTR_EQ(test, s->top[-1].obj, p[i]);
		KUNIT_EXPECT_PTR_EQ(test, s->slot[0].obj,
				    p[i + 1 - gostack_n(s)]);
	}
}

static void mcache_drain_leaves_nothing(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned int spc, i;
	int cpu;

	for (i = 0; i < 2; i++) {
		for (spc = GO_SPC(1, i); spc < GO_NR_SPANCLASSES;
		     spc += CLASS_STEP)
			KUNIT_EXPECT_TRUE(test, burst(h, spc, 20));
		godrain_all(h);
		for_each_possible_cpu(cpu)
			expect_empty(test, h, cpu);
	}
	for (i = GO_FIX_STACK; i < GO_NR_FIX; i++)
		KUNIT_EXPECT_EQ(test, h->fix[i].inuse, 0);
}

/* Objects in stacks and current spans come back to their spans by a drain. */
static void mcache_drain_frees_spans(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct goalloc_memstats *m;

	KUNIT_EXPECT_TRUE(test, burst(h, SPC_64, MANY));
	godrain_all(h);
	goscavenge_all(h);
	m = gotest_memstats(test, h);
	KUNIT_EXPECT_EQ(test, m->heap_inuse, 0);
	KUNIT_EXPECT_LE(test, m->heap_sys, (u64)num_online_nodes() *
			GO_RESERVE_PAGES * GO_PAGE_SIZE);
}

/* The counters past the mcaches, over all nodes. */
static void read_central(struct goheap *h, unsigned int spc,
			 unsigned long *mallocs, unsigned long *frees)
{
	int nid;

	*mallocs = 0;
	*frees = 0;
	for_each_node_state(nid, N_MEMORY) {
		*mallocs += h->node[nid]->central[spc].mallocs;
		*frees += h->node[nid]->central[spc].frees;
	}
}

/* One alloc and one free with the cache in somebody's hands. */
static void *pair_in_window(struct goheap *h, void *victim)
{
	struct gomcache *c;
	void *p;

	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	gomcache_enter(c);
	p = gotest_alloc(h, SPC_64, GFP_ATOMIC);
	gotest_free(h, victim);
	gomcache_leave(c);
	preempt_enable();
	return p;
}

static void mcache_window_goes_past(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	unsigned long mallocs, frees, mallocs0, frees0;
	struct gostack before;
	void *p, *q, *warm;

	/* The free span behind the stack's own is for those who go past it. */
	warm = goalloc_on_node(h, numa_mem_id(), SPC_64, 64, GFP_KERNEL);
	gosource_span(h, NUMA_NO_NODE, SPC_64, GFP_KERNEL);
	p = gotest_alloc(h, SPC_64, GFP_KERNEL);
	before = c->stack[SPC_64];
	read_central(h, SPC_64, &mallocs0, &frees0);
	KUNIT_EXPECT_EQ(test, c->nested, 0);

	q = pair_in_window(h, p);
	KUNIT_EXPECT_NOT_NULL(test, q);
	KUNIT_EXPECT_EQ(test, c->nested, 2);
	KUNIT_EXPECT_MEMEQ(test, &c->stack[SPC_64], &before, sizeof(before));
	read_central(h, SPC_64, &mallocs, &frees);
	KUNIT_EXPECT_EQ(test, mallocs - mallocs0, 1);
	KUNIT_EXPECT_EQ(test, frees - frees0, 1);
	KUNIT_EXPECT_EQ(test, gotest_misuses(h, GO_DOUBLE_FREE), 0);
	gotest_free(h, q);
	gotest_free(h, warm);
}

/* With no span anywhere the one who goes past the cache has to grow. */
static void mcache_window_grows(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	void *p;

	preempt_disable();
	gomcache_enter(c);
	p = gotest_alloc(h, SPC_64, GFP_ATOMIC);
	gomcache_leave(c);
	preempt_enable();
	KUNIT_EXPECT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, gostack_cap(&c->stack[SPC_64]), 0);
	KUNIT_EXPECT_EQ(test, c->stack[SPC_64].mallocs, 0);
	if (p)
		gotest_free(h, p);
}

struct window {
	struct goheap *h;
	struct irq_work work;
	void *p[40];
	bool done;
	bool busy_kept;
};

static void interrupt_window(struct irq_work *work)
{
	struct window *w = container_of(work, struct window, work);
	int i;

	for (i = 0; i < ARRAY_SIZE(w->p); i++) {
		w->p[i] = gotest_alloc(w->h, SPC_64, GFP_ATOMIC);
		if (w->p[i])
			gotest_fill(w->p[i], 64);
	}
	for (i = 0; i < ARRAY_SIZE(w->p); i += 2) {
		gotest_free(w->h, w->p[i]);
		w->p[i] = NULL;
	}
	w->busy_kept = this_cpu_ptr(w->h->mcache)->busy;
	WRITE_ONCE(w->done, true);
}

/* A real interrupt in the window, which must leave @busy as it was. */
static void mcache_window_interrupted(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	struct window *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	struct gostack before;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	KUNIT_EXPECT_TRUE(test, burst(h, SPC_64, 4));
	w->h = h;
	w->work = IRQ_WORK_INIT_HARD(interrupt_window);
	before = c->stack[SPC_64];
	preempt_disable();
	gomcache_enter(c);
	irq_work_queue(&w->work);
	while (!READ_ONCE(w->done))
		cpu_relax();
	gomcache_leave(c);
	preempt_enable();
	irq_work_sync(&w->work);

	KUNIT_EXPECT_TRUE(test, w->busy_kept);
	KUNIT_EXPECT_GE(test, c->nested, 60);
	KUNIT_EXPECT_MEMEQ(test, &c->stack[SPC_64], &before, sizeof(before));
	for (i = 1; i < ARRAY_SIZE(w->p); i += 2) {
		KUNIT_ASSERT_NOT_NULL(test, w->p[i]);
		KUNIT_EXPECT_TRUE(test, gotest_intact(w->p[i], 64));
		gotest_free(h, w->p[i]);
	}
}

struct hits {
	struct goheap *h;
	struct hrtimer timer;
	ktime_t period;
};

static enum hrtimer_restart hit(struct hrtimer *timer)
{
	struct hits *hits = container_of(timer, struct hits, timer);
	void *p = gotest_alloc(hits->h, SPC_64, GFP_ATOMIC);

	if (p)
		gotest_free(hits->h, p);
	hrtimer_forward_now(timer, hits->period);
	return HRTIMER_RESTART;
}

/* The window as it is: a timer fires until it has hit it often enough. */
static void mcache_window_hit(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	ktime_t end = ktime_add_ms(ktime_get(), 30000);
	struct hits *hits = kunit_kzalloc(test, sizeof(*hits), GFP_KERNEL);
	unsigned long bad = 0;
	unsigned int i;
	void *p[2];

	KUNIT_ASSERT_NOT_NULL(test, hits);
	hits->h = h;
	hits->period = ns_to_ktime(IS_ENABLED(CONFIG_KASAN) ? 200000 : 20000);
	hrtimer_setup(&hits->timer, hit, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	hrtimer_start(&hits->timer, hits->period, HRTIMER_MODE_REL_PINNED_HARD);
	while (READ_ONCE(c->nested) < 20 && ktime_before(ktime_get(), end)) {
		for (i = 0; i < 1000; i++) {
			p[0] = gotest_alloc(h, SPC_64, GFP_KERNEL);
			p[1] = gotest_alloc(h, SPC_64, GFP_KERNEL);
			gotest_fill(p[0], 64);
			gotest_fill(p[1], 64);
			bad += !gotest_intact(p[0], 64);
			gotest_free(h, p[0]);
			gotest_free(h, p[1]);
		}
		cond_resched();
	}
	hrtimer_cancel(&hits->timer);
	KUNIT_EXPECT_GE(test, c->nested, 20);
	KUNIT_EXPECT_EQ(test, bad, 0);
	for (i = 0; i < GO_NR_MISUSES; i++)
		KUNIT_EXPECT_EQ(test, gotest_misuses(h, i), 0);
}

static const struct gotest_context_param contexts[] = {
	{ GOTEST_TASK, "task" },
	{ GOTEST_IRQS_OFF, "irqs off" },
	{ GOTEST_RAW_LOCK, "raw spinlock" },
	{ GOTEST_SOFTIRQ, "timer" },
	{ GOTEST_HARDIRQ, "hardirq" },
};

static void context_desc(const struct gotest_context_param *param, char *buf)
{
	strscpy(buf, param->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(contexts, contexts, context_desc);

#define NR_CTX_OBJECTS	100

static const u8 context_spc[] = {
	GO_SPC(1, 0), SPC_64, GO_SPC(6, 1), GO_SPC(20, 0), GO_SPC(32, 0),
	GO_SPC(38, 1),
};

struct context_work {
	struct goheap *h;
	void *p[NR_CTX_OBJECTS];
	unsigned int bad;
};

static unsigned int context_size(unsigned int i)
{
	unsigned int spc = context_spc[i % ARRAY_SIZE(context_spc)];

	return go_class_size[GO_SPC_CLASS(spc)];
}

static void context_alloc(void *arg)
{
	struct context_work *w = arg;
	int i;

	for (i = 0; i < NR_CTX_OBJECTS; i++) {
		w->p[i] = gotest_alloc(w->h,
				       context_spc[i % ARRAY_SIZE(context_spc)],
				       GFP_ATOMIC);
		if (w->p[i])
			gotest_fill(w->p[i], context_size(i));
		else
			w->bad++;
	}
}

static void context_free(void *arg)
{
	struct context_work *w = arg;
	int i;

	for (i = 0; i < NR_CTX_OBJECTS; i++) {
		if (!w->p[i])
			continue;
		w->bad += !gotest_intact(w->p[i], context_size(i));
		gotest_free(w->h, w->p[i]);
	}
}

/* From nothing but the reserve: first there, then half there and half here. */
static void mcache_in_context(struct kunit *test)
{
	const struct gotest_context_param *param = test->param_value;
	struct context_work *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->h = gotest_heap(test);
	gotest_run_in(param->context, context_alloc, w);
	gotest_run_in(param->context, context_free, w);
	gotest_run_in(param->context, context_alloc, w);
	context_free(w);
	context_alloc(w);
	gotest_run_in(param->context, context_free, w);
	KUNIT_EXPECT_EQ(test, w->bad, 0);
	KUNIT_EXPECT_EQ(test, gotest_misuses(w->h, GO_DOUBLE_FREE), 0);
}

struct nmi_work {
	struct goheap *h;
	void *in;
	void *out;
	raw_spinlock_t *lock;
};

static void nmi_alloc(void *arg)
{
	struct nmi_work *w = arg;

	w->out = gotest_alloc(w->h, SPC_64, GFP_ATOMIC);
}

static void nmi_free(void *arg)
{
	struct nmi_work *w = arg;

	gotest_free(w->h, w->in);
}

/* An NMI takes what is there, and NULL rather than a lock that is held. */
static void mcache_nmi_alloc(struct kunit *test)
{
	struct nmi_work w = { .h = gotest_heap(test) };
	struct gocentral *c;
	unsigned long flags;

	gotest_pin(test, w.h);
	gotest_run_in(GOTEST_NMI, nmi_alloc, &w);
	KUNIT_EXPECT_NULL_MSG(test, w.out, "an NMI cannot make spans");
	KUNIT_EXPECT_EQ(test, atomic_long_read(&w.h->failures), 1);

	c = gosource_span(w.h, NUMA_NO_NODE, SPC_64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c);
	gotest_run_in(GOTEST_NMI, nmi_alloc, &w);
	KUNIT_ASSERT_NOT_NULL(test, w.out);
	w.in = w.out;

	/* Where there is one CPU a lock is nothing. */
	if (IS_ENABLED(CONFIG_SMP)) {
		raw_spin_lock_irqsave(&c->lock, flags);
		gotest_run_in(GOTEST_NMI, nmi_alloc, &w);
		raw_spin_unlock_irqrestore(&c->lock, flags);
		KUNIT_EXPECT_NULL(test, w.out);
		KUNIT_EXPECT_EQ(test, atomic_long_read(&w.h->failures), 2);
	}
	gotest_free(w.h, w.in);
}

/* What an NMI frees is free in the end, and can be had again. */
static void mcache_nmi_free(struct kunit *test)
{
	struct nmi_work w = { .h = gotest_heap(test) };
	struct gomcache *c = gotest_pin(test, w.h);
	u64 frees = 0;
	int busy;

	for (busy = 0; busy < 2; busy++) {
		w.in = gotest_alloc(w.h, SPC_64, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, w.in);
		gotest_fill(w.in, 64);
		preempt_disable();
		c->busy = busy;
		gotest_run_in(GOTEST_NMI, nmi_free, &w);
		c->busy = 0;
		preempt_enable();
		gotest_settle(w.h);
		KUNIT_EXPECT_TRUE(test, llist_empty(&c->deferred));
		KUNIT_EXPECT_EQ(test, gotest_memstats(test, w.h)->frees,
				++frees);
		KUNIT_EXPECT_EQ(test, goverify(w.h, NULL), 0);
	}
	/* Every object of the span: kmemleak must not think it still there. */
	KUNIT_EXPECT_TRUE(test, burst(w.h, SPC_64, 256));
}

struct nmi_large {
	struct goheap *h;
	void *p;
};

static void nmi_free_twice(void *arg)
{
	struct nmi_large *w = arg;

	gotest_free(w->h, w->p);
	gotest_free(w->h, w->p);
	gotest_free(w->h, w->p + 8);
}

/* A large object that an NMI has freed waits for the worker, dead already. */
static void mcache_nmi_free_large(struct kunit *test)
{
	struct nmi_large w = { .h = gotest_heap(test) };
	struct gospan *s;

	s = gosource_large(w.h, NUMA_NO_NODE, 40000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	w.p = (void *)s->base;
	gotest_run_in(GOTEST_NMI, nmi_free_twice, &w);
	KUNIT_EXPECT_EQ(test, gotest_misuses(w.h, GO_DOUBLE_FREE), 1);
	KUNIT_EXPECT_EQ(test, gotest_misuses(w.h, GO_INTERIOR), 1);
	gotest_settle(w.h);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, w.h)->large_alloc, 0);
}

static void mcache_of_each_node(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned int spc;
	int nid, i;
	void *p[4];

	gotest_pin(test, h);
	for_each_node_state(nid, N_MEMORY) {
		for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++) {
			size_t size = go_class_size[GO_SPC_CLASS(spc)];

			for (i = 0; i < ARRAY_SIZE(p); i++) {
				p[i] = goalloc_on_node(h, nid, spc, size,
							   GFP_KERNEL |
							   __GFP_THISNODE);
				KUNIT_ASSERT_NOT_NULL(test, p[i]);
				KUNIT_EXPECT_EQ(test, nid,
						page_to_nid(virt_to_page(p[i])));
			}
			/* They land in one stack, and go home from there. */
			for (i = 0; i < ARRAY_SIZE(p); i++)
				gotest_free(h, p[i]);
		}
	}
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
	godrain_all(h);
	for_each_node_state(nid, N_MEMORY)
		for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++)
			KUNIT_EXPECT_EQ(test, h->node[nid]->central[spc].nspans,
					h->node[nid]->central[spc].idle);
}

static int other_cpu(void)
{
	return cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
}

struct remote {
	struct goheap *h;
	void *p[NR_CTX_OBJECTS];
	unsigned int bad;
};

static long remote_alloc(void *arg)
{
	struct remote *r = arg;
	int i;

	for (i = 0; i < ARRAY_SIZE(r->p); i++) {
		r->p[i] = gotest_alloc(r->h, SPC_64, GFP_KERNEL);
		if (r->p[i])
			gotest_fill(r->p[i], 64);
		else
			r->bad++;
	}
	return 0;
}

/* In a hard interrupt. */
static void remote_free(void *arg)
{
	struct remote *r = arg;
	int i;

	for (i = 0; i < ARRAY_SIZE(r->p); i++) {
		r->bad += !gotest_intact(r->p[i], 64);
		gotest_free(r->h, r->p[i]);
	}
}

static void mcache_frees_for_others(struct kunit *test)
{
	struct remote *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct goheap *h = gotest_heap(test);
	struct gomcache *there, *here;
	int cpu, round;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->h = h;
	here = gotest_pin(test, h);
	cpu = other_cpu();
	if (cpu >= nr_cpu_ids)
		kunit_skip(test, "takes two CPUs");
	there = per_cpu_ptr(h->mcache, cpu);
	for (round = 1; round <= 10; round++) {
		remote_alloc(r);
		smp_call_function_single(cpu, remote_free, r, 1);
		work_on_cpu(cpu, remote_alloc, r);
		remote_free(r);
		KUNIT_EXPECT_EQ(test, r->bad, 0);
	}
	KUNIT_EXPECT_EQ(test, here->stack[SPC_64].mallocs, 1000);
	KUNIT_EXPECT_EQ(test, here->stack[SPC_64].frees, 1000);
	KUNIT_EXPECT_EQ(test, there->stack[SPC_64].mallocs, 1000);
	KUNIT_EXPECT_EQ(test, there->stack[SPC_64].frees, 1000);
	/* The last that came is the first that goes, whoever had it before. */
	KUNIT_EXPECT_PTR_EQ(test, gotest_alloc(h, SPC_64, GFP_KERNEL),
			    r->p[NR_CTX_OBJECTS - 1]);
	gotest_free(h, r->p[NR_CTX_OBJECTS - 1]);
}

#define NR_SHELF	256

/* Where threads leave objects for others to free. */
struct exchange {
	struct goheap *h;
	void *shelf[NR_SHELF];
};

static size_t shelf_size(unsigned int i)
{
	return go_class_size[4 + i % 40];
}

static int trade(void *arg)
{
	struct exchange *x = arg;
	unsigned int i, bad = 0;
	struct rnd_state rnd;
	void *p, *old;

	prandom_seed_state(&rnd, (unsigned long)current);
	while (!kthread_should_stop()) {
		i = prandom_u32_state(&rnd) % NR_SHELF;
		p = gotest_alloc(x->h, GO_SPC(4 + i % 40, i & 1), GFP_KERNEL);
		if (p)
			gotest_fill(p, shelf_size(i));
		old = xchg(&x->shelf[i], p);
		if (old) {
			bad += !gotest_intact(old, shelf_size(i));
			gotest_free(x->h, old);
		}
		if (!(i % 16))
			cond_resched();
	}
	return bad;
}

/* Objects change hands on all CPUs while caches are drained under them. */
static void mcache_exchange(struct kunit *test)
{
	struct exchange *x = kunit_kzalloc(test, sizeof(*x), GFP_KERNEL);
	struct gotest_crew crew;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, x);
	x->h = gotest_heap(test);
	gotest_crew_start(test, &crew, trade, x);
	for (i = 0; i < GOTEST_LOOPS(50); i++) {
		KUNIT_EXPECT_EQ(test, goverify(x->h, NULL), 0);
		usleep_range(4000, 8000);
		godrain_all(x->h);
		gotest_scavenge(x->h, i % 2);
	}
	gotest_crew_stop(test, &crew);
	for (i = 0; i < NR_SHELF; i++) {
		if (!x->shelf[i])
			continue;
		KUNIT_EXPECT_TRUE(test, gotest_intact(x->shelf[i],
						      shelf_size(i)));
		gotest_free(x->h, x->shelf[i]);
	}
	for (i = 0; i < GO_NR_MISUSES; i++)
		KUNIT_EXPECT_EQ(test, gotest_misuses(x->h, i), 0);
}

#ifdef CONFIG_HOTPLUG_CPU

static long tiny_on_cpu(void *arg)
{
	struct remote *r = arg;

	r->p[0] = goalloc_tiny(r->h, 3, GFP_KERNEL);
	return 0;
}

/* A CPU's cache when it has gone, and when it has come back. */
static void offline_once(struct kunit *test, struct goheap *h, int cpu,
			 struct remote *r, struct remote *tiny)
{
	struct gomcache *c = per_cpu_ptr(h->mcache, cpu);

	work_on_cpu(cpu, tiny_on_cpu, tiny);
	work_on_cpu(cpu, remote_alloc, r);
	KUNIT_EXPECT_NE(test, c->bytes, 0);
	KUNIT_EXPECT_NE(test, c->tiny, 0);
	KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
	expect_empty(test, h, cpu);
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);

	/* What it allocated is still good, and a drain misses nobody. */
	remote_free(r);
	gotest_free(h, tiny->p[0]);
	godrain_all(h);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, h)->heap_objects, 0);

	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
	work_on_cpu(cpu, remote_alloc, r);
	KUNIT_EXPECT_NE(test, c->bytes, 0);
	smp_call_function_single(cpu, remote_free, r, 1);
	KUNIT_EXPECT_EQ(test, r->bad, 0);
}

static void mcache_cpu_goes(struct kunit *test)
{
	struct remote *r = kunit_kzalloc(test, 2 * sizeof(*r), GFP_KERNEL);
	struct goheap *h = gotest_heap(test);
	int cpu, i;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r[0].h = h;
	r[1].h = h;
	set_cpus_allowed_ptr(current, cpumask_of(cpumask_first(cpu_online_mask)));
	cpu = other_cpu();
	if (cpu >= nr_cpu_ids || !cpu_is_hotpluggable(cpu))
		kunit_skip(test, "no CPU can go");
	for (i = 0; i < 2; i++)
		offline_once(test, h, cpu, &r[0], &r[1]);
}

/* The same while everybody else works; their thread there is moved away. */
static void mcache_cpu_goes_in_traffic(struct kunit *test)
{
	struct exchange *x = kunit_kzalloc(test, sizeof(*x), GFP_KERNEL);
	struct gotest_crew crew;
	int cpu, i;

	KUNIT_ASSERT_NOT_NULL(test, x);
	x->h = gotest_heap(test);
	set_cpus_allowed_ptr(current, cpumask_of(cpumask_first(cpu_online_mask)));
	cpu = other_cpu();
	if (cpu >= nr_cpu_ids || !cpu_is_hotpluggable(cpu))
		kunit_skip(test, "no CPU can go");
	gotest_crew_start(test, &crew, trade, x);
	for (i = 0; i < 2; i++) {
		msleep(20);
		KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
		expect_empty(test, x->h, cpu);
		msleep(20);
		KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
	}
	gotest_crew_stop(test, &crew);
	for (i = 0; i < NR_SHELF; i++)
		if (x->shelf[i])
			gotest_free(x->h, x->shelf[i]);
}

#else

static void mcache_cpu_goes(struct kunit *test)
{
	kunit_skip(test, "CPUs are there for good");
}

static void mcache_cpu_goes_in_traffic(struct kunit *test)
{
	kunit_skip(test, "CPUs are there for good");
}

#endif

static struct kunit_case mcache_cases[] = {
	KUNIT_CASE(mcache_is_lazy),
	KUNIT_CASE(mcache_reuses_last_first),
	KUNIT_CASE(mcache_grows_on_misses),
	KUNIT_CASE(mcache_keeps_its_budget),
	KUNIT_CASE(mcache_idle_gives_way),
	KUNIT_CASE(mcache_flushes_older_half),
	KUNIT_CASE(mcache_drain_leaves_nothing),
	KUNIT_CASE(mcache_drain_frees_spans),
	KUNIT_CASE(mcache_window_goes_past),
	KUNIT_CASE(mcache_window_grows),
	KUNIT_CASE(mcache_window_interrupted),
	KUNIT_CASE(mcache_window_hit),
	KUNIT_CASE_PARAM(mcache_in_context, contexts_gen_params),
	KUNIT_CASE(mcache_nmi_alloc),
	KUNIT_CASE(mcache_nmi_free),
	KUNIT_CASE(mcache_nmi_free_large),
	KUNIT_CASE(mcache_of_each_node),
	KUNIT_CASE(mcache_frees_for_others),
	KUNIT_CASE(mcache_exchange),
	KUNIT_CASE(mcache_cpu_goes),
	KUNIT_CASE(mcache_cpu_goes_in_traffic),
	{}
};

static struct kunit_suite mcache_suite = {
	.name = "goalloc_mcache",
	.init = gotest_heap_init,
	.exit = gotest_heap_exit,
	.test_cases = mcache_cases,
};

kunit_test_suite(mcache_suite);
