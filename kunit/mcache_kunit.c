// SPDX-License-Identifier: GPL-2.0
/*
 * mcache: the window in which an interrupt finds the cache in use.
 *
 * It is some instructions wide.  Here @busy is set by hand and the interrupt comes
 * at leisure; and once a timer fires until it has hit the real window.  Then
 * objects change hands between all CPUs, while the caches are drained under
 * them.  The conservation law is checked after each case.
 */

#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include "alloc.h"
#include "compat.h"
#include "mcache.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "source.h"

#define SPC_64		GO_SPC(6, 0)

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

/* One alloc and one free while the cache is in use. */
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

	/* The free span behind the stack's own is for what goes past it. */
	warm = goalloc_on_node(h, numa_mem_id(), SPC_64, 64, GFP_KERNEL,
			       GO_OBJ_LIVE, _RET_IP_);
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

/* With no span anywhere an allocation past the cache has to grow. */
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
	KUNIT_EXPECT_TRUE(test, gotest_burst(h, SPC_64, 4));
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

static enum hrtimer_restart alloc_in_timer(struct hrtimer *timer)
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
	hrtimer_setup(&hits->timer, alloc_in_timer, CLOCK_MONOTONIC,
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

static const u8 kind_spc[] = {
	GO_SPC(1, 0), SPC_64, GO_SPC(6, 1), GO_SPC(20, 0), GO_SPC(32, 0),
	GO_SPC(38, 1),
};

static size_t mixed_size(unsigned int i)
{
	return go_class_size[GO_SPC_CLASS(kind_spc[i % ARRAY_SIZE(kind_spc)])];
}

static void *mixed_alloc(struct goheap *h, unsigned int i, gfp_t gfp)
{
	return gotest_alloc(h, kind_spc[i % ARRAY_SIZE(kind_spc)], gfp);
}

static const struct gotest_kind mixed = {
	.alloc = mixed_alloc,
	.size = mixed_size,
};

KUNIT_ARRAY_PARAM_DESC(context, gotest_contexts, name);

/* Run in a context, and wait for what an NMI leaves to the worker. */
static void run_batch(enum gotest_context context, void (*fn)(void *batch),
		      struct gotest_batch *b)
{
	gotest_run_in(context, fn, b);
	if (context == GOTEST_NMI)
		gotest_settle(b->h);
}

/*
 * From nothing but the reserve: first there, then half there and half here.  An
 * NMI has to find objects in the mcentrals.
 */
static void mcache_in_context(struct kunit *test)
{
	const struct gotest_context_param *param = test->param_value;
	struct goheap *h = gotest_heap(test);
	struct gotest_batch *b = gotest_batch_new(test, h, &mixed,
						  GOTEST_BATCH_MAX);

	if (param->context == GOTEST_NMI) {
		/* In those of this node: an NMI asks no other. */
		gotest_pin(test, h);
		gotest_batch_alloc(b);
		gotest_batch_free(b);
		godrain_all(h);
	}
	run_batch(param->context, gotest_batch_alloc, b);
	run_batch(param->context, gotest_batch_free, b);
	run_batch(param->context, gotest_batch_alloc, b);
	gotest_batch_free(b);
	gotest_batch_alloc(b);
	run_batch(param->context, gotest_batch_free, b);
	KUNIT_EXPECT_EQ(test, b->bad, 0);
	KUNIT_EXPECT_EQ(test, gotest_misuses(h, GO_DOUBLE_FREE), 0);
}

static size_t class_size(unsigned int i)
{
	return go_class_size[4 + i % 40];
}

static void *class_alloc(struct goheap *h, unsigned int i, gfp_t gfp)
{
	return gotest_alloc(h, GO_SPC(4 + i % 40, i & 1), gfp);
}

static const struct gotest_kind classes = {
	.alloc = class_alloc,
	.size = class_size,
};

/* Objects change hands on all CPUs while caches are drained under them. */
static void mcache_exchange(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gotest_exchange *x = gotest_exchange_new(test, h, &classes,
							GOTEST_SHELF_MAX);
	struct gotest_crew crew;
	int i;

	gotest_crew_start(test, &crew, gotest_trade, x);
	for (i = 0; i < GOTEST_LOOPS(50); i++) {
		KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
		usleep_range(4000, 8000);
		godrain_all(h);
		gotest_scavenge(h, i % 2);
	}
	gotest_crew_stop(test, &crew);
	gotest_exchange_end(test, x);
	for (i = 0; i < GO_NR_MISUSES; i++)
		KUNIT_EXPECT_EQ(test, gotest_misuses(h, i), 0);
}

static struct kunit_case mcache_cases[] = {
	KUNIT_CASE(mcache_window_goes_past),
	KUNIT_CASE(mcache_window_grows),
	KUNIT_CASE(mcache_window_interrupted),
	KUNIT_CASE(mcache_window_hit),
	KUNIT_CASE_PARAM(mcache_in_context, context_gen_params),
	KUNIT_CASE(mcache_exchange),
	{}
};

static struct kunit_suite mcache_suite = {
	.name = "goalloc_mcache",
	.init = gotest_heap_init,
	.exit = gotest_heap_exit,
	.test_cases = mcache_cases,
};

kunit_test_suite(mcache_suite);
