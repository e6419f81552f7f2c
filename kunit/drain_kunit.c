// SPDX-License-Identifier: GPL-2.0
/*
 * Drain: what is emptied of a cache, when, and what is left of a CPU that goes.
 *
 * Ticks are made by the tests; no case waits for time to pass.
 */

#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/smp.h>
#include <linux/workqueue.h>
#include "alloc.h"
#include "central.h"
#include "compat.h"
#include "mcache.h"
#include "numa.h"
#include "objects.h"
#include "observe/observe.h"
#include "pages.h"
#include "reclaim/reclaim.h"

#define SPC_64		GO_SPC(6, 0)

#define MANY		512

/* All classes, where that takes no time. */
#define CLASS_STEP	(IS_ENABLED(CONFIG_KASAN) ? 7 : 1)

static int drain_init(struct kunit *test)
{
	int err = gotest_heap_init(test);

	/* What the heap's first worker does must not count as use. */
	if (!err)
		gotest_settle(gotest_heap(test));
	return err;
}

static void drain_leaves_nothing(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned int spc, i;
	int cpu;

	for (i = 0; i < 2; i++) {
		for (spc = GO_SPC(1, i); spc < GO_NR_SPANCLASSES;
		     spc += CLASS_STEP)
			KUNIT_EXPECT_TRUE(test, gotest_burst(h, spc, 20));
		godrain_all(h);
		for_each_possible_cpu(cpu)
			gotest_expect_empty(test, h, cpu);
	}
	for (i = GO_FIX_STACK; i < GO_NR_FIX; i++)
		KUNIT_EXPECT_EQ(test, gotest_fix_inuse(h, i), 0);
}

/* Objects in stacks and current spans come back to their spans by a drain. */
static void drain_frees_spans(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct goalloc_memstats *m;

	KUNIT_EXPECT_TRUE(test, gotest_burst(h, SPC_64, MANY));
	godrain_all(h);
	goscavenge_all(h);
	m = gotest_memstats(test, h);
	KUNIT_EXPECT_EQ(test, m->heap_inuse, 0);
	KUNIT_EXPECT_LE(test, m->heap_sys, (u64)num_online_nodes() *
			GO_RESERVE_PAGES * GO_PAGE_SIZE);
}

static void free_in_nmi(void *arg)
{
	void **heap_and_object = arg;

	gotest_free(heap_and_object[0], heap_and_object[1]);
}

/* What an NMI has left is finished by a drain too, without the worker. */
static void drain_finishes_deferred(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	void *p = gotest_alloc(h, SPC_64, GFP_KERNEL);
	void *arg[] = { h, p };

	KUNIT_ASSERT_NOT_NULL(test, p);
	gotest_worker(h, false);
	/* In the window, or the object would go on the stack. */
	preempt_disable();
	gomcache_enter(c);
	gotest_run_in(GOTEST_NMI, free_in_nmi, arg);
	gomcache_leave(c);
	preempt_enable();
	KUNIT_EXPECT_FALSE(test, llist_empty(&h->deferred));
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, h)->frees, 0);
	godrain_all(h);
	KUNIT_EXPECT_TRUE(test, llist_empty(&h->deferred));
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, h)->frees, 1);
	gotest_worker(h, true);
}

/* What has not been used for a tick. */

#define SPC_BUSY	GO_SPC(8, 0)
#define SPC_IDLE	GO_SPC(9, 0)

static void use_stack(struct goheap *h, unsigned int spc)
{
	gotest_free(h, gotest_alloc(h, spc, GFP_KERNEL));
}

/* A tick, and what it has queued is done. */
static void tick_and_wait(struct goheap *h)
{
	int cpu;

	gobackground_tick(h);
	for_each_online_cpu(cpu)
		flush_work(&per_cpu_ptr(h->mcache, cpu)->trim);
}

static void drain_idle_stack(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	unsigned int i;

	use_stack(h, SPC_IDLE);
	for (i = 0; i < 3; i++) {
		use_stack(h, SPC_BUSY);
		KUNIT_EXPECT_GT(test, gostack_cap(&c->stack[SPC_BUSY]), 0);
		/* Used since the last tick, and only then. */
		KUNIT_EXPECT_EQ(test, gostack_cap(&c->stack[SPC_IDLE]) > 0, i < 2);
		tick_and_wait(h);
		KUNIT_EXPECT_GT(test, gostack_cap(&c->stack[SPC_BUSY]), 0);
	}
	KUNIT_EXPECT_EQ(test, gostack_n(&c->stack[SPC_IDLE]), 0);
	KUNIT_EXPECT_NULL(test, c->stack[SPC_IDLE].slot);
	KUNIT_EXPECT_NULL(test, c->stack[SPC_IDLE].span);
	tick_and_wait(h);
	KUNIT_EXPECT_EQ(test, gostack_cap(&c->stack[SPC_BUSY]), 0);
	KUNIT_EXPECT_EQ(test, c->bytes, 0);
}

#define SPC_SPARSE	GO_SPC(32, 0)
#define SPARSE_SPANS	(4 * GO_SPARSE_LEAST)

/* Spans with one object each, and a stack that is in use. */
static void leave_sparse_spans(struct kunit *test, void **p)
{
	struct goheap *h = gotest_heap(test);
	unsigned int n = SPARSE_SPANS * go_class_nelems[GO_SPC_CLASS(SPC_SPARSE)];
	unsigned int i, kept = 0;

	for (i = 0; i < n; i++) {
		p[i] = gotest_alloc(h, SPC_SPARSE, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	for (i = 0; i < n; i++) {
		if (i % (n / SPARSE_SPANS) == 0)
			p[kept++] = p[i];
		else
			gotest_free(h, p[i]);
	}
	godrain_all(h);
}

/* What circulates is sorted once a tick, or sparse spans would never empty. */
static void drain_sparse_stack(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	struct gocentral *from;
	unsigned int i;
	void **p;

	p = kunit_kcalloc(test, SPARSE_SPANS *
			  go_class_nelems[GO_SPC_CLASS(SPC_SPARSE)],
			  sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	leave_sparse_spans(test, p);
	from = &c->node->central[SPC_SPARSE];
	KUNIT_EXPECT_TRUE(test, gocentral_is_sparse(from));
	for (i = 0; i < 3; i++) {
		use_stack(h, SPC_SPARSE);
		KUNIT_EXPECT_GT(test, gostack_cap(&c->stack[SPC_SPARSE]), 0);
		tick_and_wait(h);
		KUNIT_EXPECT_EQ(test, gostack_cap(&c->stack[SPC_SPARSE]), 0);
	}
	for (i = 0; i < SPARSE_SPANS; i++)
		gotest_free(h, p[i]);
	/* Idle spans are not sparse. */
	godrain_all(h);
	KUNIT_EXPECT_FALSE(test, gocentral_is_sparse(from));
}

static void drain_idle_tiny(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);

	gotest_free(h, goalloc_tiny(3, GFP_KERNEL, GO_OBJ_LIVE, h, _RET_IP_));
	KUNIT_EXPECT_NE(test, c->tiny, 0);
	tick_and_wait(h);
	gotest_free(h, goalloc_tiny(3, GFP_KERNEL, GO_OBJ_LIVE, h, _RET_IP_));
	tick_and_wait(h);
	KUNIT_EXPECT_NE(test, c->tiny, 0);
	tick_and_wait(h);
	KUNIT_EXPECT_EQ(test, c->tiny, 0);
}

/* The tiny block that a drain retires is on no stack afterwards. */
static void drain_tiny(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);

	gotest_free(h, goalloc_tiny(3, GFP_KERNEL, GO_OBJ_LIVE, h, _RET_IP_));
	godrain_all(h);
	KUNIT_EXPECT_EQ(test, c->tiny, 0);
	KUNIT_EXPECT_EQ(test, c->bytes, 0);
	gotest_free(h, goalloc_tiny(3, GFP_KERNEL, GO_OBJ_LIVE, h, _RET_IP_));
	godrain_node(h, h->node[numa_mem_id()]->nid);
	KUNIT_EXPECT_EQ(test, c->bytes, 0);
}

/* The caches of a node's CPUs are emptied, those of others are not. */
static void drain_one_node(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	int nid, mine = gonuma_heap(h, NUMA_NO_NODE)->nid;
	struct gomcache *c = gotest_pin(test, h);

	mine = h->node[numa_mem_id()]->nid;
	use_stack(h, SPC_BUSY);
	for_each_gonode(h, nid)
		if (nid != mine)
			godrain_node(h, nid);
	KUNIT_EXPECT_GT(test, c->bytes, 0);
	godrain_node(h, mine);
	KUNIT_EXPECT_EQ(test, c->bytes, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&h->draining), 0);
}

/* CPUs that do not answer, and callers that come in crowds. */

static unsigned int ms_of_drain(struct goheap *h, int nid)
{
	u64 start = ktime_get_ns();

	if (nid == NUMA_NO_NODE)
		godrain_all(h);
	else
		godrain_node(h, nid);
	return div_u64(ktime_get_ns() - start, NSEC_PER_MSEC);
}

/* It is waited for once, and asked again when it has answered. */
static void drain_late_cpu(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	unsigned int i, ms = 0;
	int nid;

	use_stack(h, SPC_BUSY);
	nid = c->node->nid;
	/* As on a CPU that a real-time task does not leave. */
	disable_work_sync(&c->drain);
	KUNIT_EXPECT_GE(test, ms_of_drain(h, nid), 80);
	KUNIT_EXPECT_GT(test, c->bytes, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&h->draining), 0);
	for (i = 0; i < 5; i++)
		ms += ms_of_drain(h, nid);
	KUNIT_EXPECT_LT(test, ms, 400);
	KUNIT_EXPECT_GE(test, ms_of_drain(h, NUMA_NO_NODE), 500);
	KUNIT_EXPECT_LT(test, ms_of_drain(h, NUMA_NO_NODE), 1000);

	enable_work(&c->drain);
	queue_work_on(raw_smp_processor_id(), system_percpu_wq, &c->drain);
	flush_work(&c->drain);
	KUNIT_EXPECT_EQ(test, c->bytes, 0);
	use_stack(h, SPC_BUSY);
	godrain_node(h, nid);
	KUNIT_EXPECT_EQ(test, c->bytes, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&h->draining), 0);
}

/* After one that brought little there is a pause, which reclaim sits out. */
static void drain_pauses(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	struct gonode *node = h->node[numa_mem_id()];
	unsigned int i, noreclaim;

	use_stack(h, SPC_BUSY);
	godrain_node(h, node->nid);
	KUNIT_EXPECT_NE(test, node->next_drain, 0);
	node->next_drain = ktime_get_ns() + 100 * NSEC_PER_MSEC;
	use_stack(h, SPC_BUSY);
	noreclaim = memalloc_noreclaim_save();
	godrain_node(h, node->nid);
	memalloc_noreclaim_restore(noreclaim);
	KUNIT_EXPECT_GT(test, c->bytes, 0);
	KUNIT_EXPECT_GE(test, ms_of_drain(h, node->nid), 50);
	KUNIT_EXPECT_EQ(test, c->bytes, 0);

	for (i = 50; i < GO_NR_CLASSES; i++)
		KUNIT_EXPECT_TRUE(test, gotest_burst(h, GO_SPC(i, 0), 2));
	godrain_node(h, node->nid);
	KUNIT_EXPECT_EQ(test, node->next_drain, 0);
}

#define CROWD	8

struct crowd {
	struct goheap *h;
	int nid;
	atomic_t here;
	atomic_t left;
	struct completion end;
};

static int drain_with_others(void *arg)
{
	struct crowd *crowd = arg;

	atomic_inc(&crowd->here);
	godrain_node(crowd->h, crowd->nid);
	if (atomic_dec_and_test(&crowd->left))
		complete_all(&crowd->end);
	return 0;
}

/* Callers that wait for the same pause to end share a drain. */
static void drain_is_shared(struct kunit *test)
{
	struct crowd crowd = {
		.h = gotest_heap(test),
		.nid = gotest_heap(test)->node[numa_mem_id()]->nid,
		.left = ATOMIC_INIT(CROWD),
	};
	struct gonode *node = crowd.h->node[crowd.nid];
	unsigned int i;
	int drains;

	init_completion(&crowd.end);
	drains = atomic_read(&node->drains);
	node->next_drain = U64_MAX;
	for (i = 0; i < CROWD; i++)
		if (IS_ERR(kthread_run(drain_with_others, &crowd, "gotest")))
			atomic_dec(&crowd.left);
	while (atomic_read(&crowd.here) < atomic_read(&crowd.left))
		msleep(20);
	msleep(200);
	node->next_drain = ktime_get_ns() + NSEC_PER_MSEC;
	wake_up_all(&crowd.h->drained);
	if (atomic_read(&crowd.left))
		wait_for_completion(&crowd.end);
	KUNIT_EXPECT_GE(test, atomic_read(&node->drains), drains + 1);
	KUNIT_EXPECT_LE(test, atomic_read(&node->drains), drains + CROWD / 4);
}

/* What is looked at, instead of all caches, agrees with them. */
static void drain_sums(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gomcache *c = gotest_pin(test, h);
	unsigned long bytes = 0;
	unsigned int i;
	int cpu, nid;

	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_TRUE(test, gotest_burst(h, SPC_64 + 20 * i, 50));
	for (i = 0; i < GO_NR_SPANCLASSES; i++)
		KUNIT_EXPECT_EQ(test, test_bit(i, c->used), !!c->stack[i].slot);
	for_each_possible_cpu(cpu)
		bytes += per_cpu_ptr(h->mcache, cpu)->bytes;
	KUNIT_EXPECT_GT(test, c->bytes, 0);
	for_each_gonode(h, nid)
		bytes -= atomic_long_read(&h->node[nid]->cached);
	KUNIT_EXPECT_EQ(test, bytes, 0);
	godrain_all(h);
	for_each_gonode(h, nid)
		KUNIT_EXPECT_EQ(test, atomic_long_read(&h->node[nid]->cached),
				0);
}

/* CPUs that go. */

#ifdef CONFIG_HOTPLUG_CPU

#define NR_OBJECTS	100

struct on_cpu {
	struct goheap *h;
	void *p[NR_OBJECTS];
	void *tiny;
	unsigned int bad;
};

static long alloc_on_cpu(void *arg)
{
	struct on_cpu *w = arg;
	int i;

	w->tiny = goalloc_tiny(3, GFP_KERNEL, GO_OBJ_LIVE, w->h, _RET_IP_);
	for (i = 0; i < NR_OBJECTS; i++) {
		w->p[i] = gotest_alloc(w->h, SPC_64, GFP_KERNEL);
		if (w->p[i])
			gotest_fill(w->p[i], 64);
		else
			w->bad++;
	}
	return 0;
}

/* Here, or there in a hard interrupt. */
static void free_on_cpu(void *arg)
{
	struct on_cpu *w = arg;
	int i;

	for (i = 0; i < NR_OBJECTS; i++) {
		w->bad += !gotest_intact(w->p[i], 64);
		gotest_free(w->h, w->p[i]);
	}
	gotest_free(w->h, w->tiny);
}

/* A CPU's cache when it has gone, and when it has come back. */
static void offline_once(struct kunit *test, struct on_cpu *w, int cpu)
{
	struct gomcache *c = per_cpu_ptr(w->h->mcache, cpu);

	work_on_cpu(cpu, alloc_on_cpu, w);
	KUNIT_EXPECT_NE(test, c->bytes, 0);
	KUNIT_EXPECT_NE(test, c->tiny, 0);
	KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
	gotest_expect_empty(test, w->h, cpu);
	KUNIT_EXPECT_EQ(test, goverify(w->h, NULL), 0);

	/* What it allocated is still good, and a drain leaves nothing out. */
	free_on_cpu(w);
	godrain_all(w->h);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, w->h)->heap_objects, 0);

	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
	work_on_cpu(cpu, alloc_on_cpu, w);
	KUNIT_EXPECT_NE(test, c->bytes, 0);
	smp_call_function_single(cpu, free_on_cpu, w, 1);
	KUNIT_EXPECT_EQ(test, w->bad, 0);
}

/* Stay on the first CPU; returns another one that can go, or skips the case. */
static int cpu_that_goes(struct kunit *test)
{
	int cpu;

	set_cpus_allowed_ptr(current,
			     cpumask_of(cpumask_first(cpu_online_mask)));
	cpu = gotest_other_cpu();
	if (cpu >= nr_cpu_ids || !cpu_is_hotpluggable(cpu))
		kunit_skip(test, "no CPU can go");
	return cpu;
}

static void drain_cpu_goes(struct kunit *test)
{
	struct on_cpu *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	int cpu = cpu_that_goes(test), i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->h = gotest_heap(test);
	for (i = 0; i < 2; i++)
		offline_once(test, w, cpu);
}

static size_t traffic_size(unsigned int i)
{
	return go_class_size[4 + i % 40];
}

static void *traffic_alloc(struct goheap *h, unsigned int i, gfp_t gfp)
{
	return gotest_alloc(h, GO_SPC(4 + i % 40, i & 1), gfp);
}

static const struct gotest_kind traffic = {
	.alloc = traffic_alloc,
	.size = traffic_size,
};

/* The same while all CPUs work; the thread of the one that goes is moved. */
static void drain_cpu_goes_in_traffic(struct kunit *test)
{
	int cpu = cpu_that_goes(test), i;
	struct gotest_exchange *x;
	struct gotest_crew crew;

	x = gotest_exchange_new(test, gotest_heap(test), &traffic,
				GOTEST_SHELF_MAX);
	gotest_crew_start(test, &crew, gotest_trade, x);
	for (i = 0; i < 2; i++) {
		msleep(20);
		KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
		gotest_expect_empty(test, x->h, cpu);
		msleep(20);
		KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
	}
	gotest_crew_stop(test, &crew);
	gotest_exchange_end(test, x);
}

#else

static void drain_cpu_goes(struct kunit *test)
{
	kunit_skip(test, "CPUs are there for good");
}

static void drain_cpu_goes_in_traffic(struct kunit *test)
{
	kunit_skip(test, "CPUs are there for good");
}

#endif

static struct kunit_case drain_cases[] = {
	KUNIT_CASE(drain_leaves_nothing),
	KUNIT_CASE(drain_frees_spans),
	KUNIT_CASE(drain_finishes_deferred),
	KUNIT_CASE(drain_idle_stack),
	KUNIT_CASE(drain_sparse_stack),
	KUNIT_CASE(drain_idle_tiny),
	KUNIT_CASE(drain_tiny),
	KUNIT_CASE(drain_one_node),
	KUNIT_CASE(drain_late_cpu),
	KUNIT_CASE(drain_pauses),
	KUNIT_CASE(drain_is_shared),
	KUNIT_CASE(drain_sums),
	KUNIT_CASE(drain_cpu_goes),
	KUNIT_CASE(drain_cpu_goes_in_traffic),
	{}
};

static struct kunit_suite drain_suite = {
	.name = "goalloc_drain",
	.init = drain_init,
	.exit = gotest_heap_exit,
	.test_cases = drain_cases,
};

kunit_test_suite(drain_suite);
