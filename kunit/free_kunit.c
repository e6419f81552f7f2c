// SPDX-License-Identifier: GPL-2.0
/*
 * Free: in NMI, for other CPUs, and what is left to the worker.
 */

#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include "objects.h"
#include "observe/observe.h"
#include "source.h"

#define SPC_64		GO_SPC(6, 0)

struct nmi_free {
	struct goheap *h;
	void *p;
};

static void free_in_nmi(void *arg)
{
	struct nmi_free *w = arg;

	gotest_free(w->h, w->p);
}

/* What an NMI frees is free in the end, and can be had again. */
static void free_nmi(struct kunit *test)
{
	struct nmi_free w = { .h = gotest_heap(test) };
	struct gomcache *c = gotest_pin(test, w.h);
	u64 frees = 0;
	int busy;

	for (busy = 0; busy < 2; busy++) {
		w.p = gotest_alloc(w.h, SPC_64, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, w.p);
		gotest_fill(w.p, 64);
		preempt_disable();
		c->busy = busy;
		gotest_run_in(GOTEST_NMI, free_in_nmi, &w);
		c->busy = 0;
		preempt_enable();
		gotest_settle(w.h);
		KUNIT_EXPECT_TRUE(test, llist_empty(&w.h->deferred));
		KUNIT_EXPECT_EQ(test, gotest_memstats(test, w.h)->frees,
				++frees);
		KUNIT_EXPECT_EQ(test, goverify(w.h, NULL), 0);
	}
	/* Every object of the span: kmemleak must not think it still there. */
	KUNIT_EXPECT_TRUE(test, gotest_burst(w.h, SPC_64, 256));
}

static void free_twice_in_nmi(void *arg)
{
	struct nmi_free *w = arg;

	gotest_free(w->h, w->p);
	gotest_free(w->h, w->p);
	gotest_free(w->h, w->p + 8);
}

/* A large object that an NMI has freed waits for the worker, dead already. */
static void free_nmi_large(struct kunit *test)
{
	struct nmi_free w = { .h = gotest_heap(test) };
	struct gospan *s;

	s = gosource_large(w.h, NUMA_NO_NODE, 40000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	w.p = (void *)s->base;
	gotest_run_in(GOTEST_NMI, free_twice_in_nmi, &w);
	KUNIT_EXPECT_EQ(test, gotest_misuses(w.h, GO_DOUBLE_FREE), 1);
	KUNIT_EXPECT_EQ(test, gotest_misuses(w.h, GO_INTERIOR), 1);
	gotest_settle(w.h);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, w.h)->large_alloc, 0);
}

#define NR_OBJECTS	100

struct remote {
	struct goheap *h;
	void *p[NR_OBJECTS];
	unsigned int bad;
};

static long alloc_remotely(void *arg)
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
static void free_remotely(void *arg)
{
	struct remote *r = arg;
	int i;

	for (i = 0; i < ARRAY_SIZE(r->p); i++) {
		r->bad += !gotest_intact(r->p[i], 64);
		gotest_free(r->h, r->p[i]);
	}
}

static void free_for_others(struct kunit *test)
{
	struct remote *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct goheap *h = gotest_heap(test);
	struct gomcache *there, *here;
	int cpu, round;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->h = h;
	here = gotest_pin(test, h);
	cpu = gotest_other_cpu();
	if (cpu >= nr_cpu_ids)
		kunit_skip(test, "takes two CPUs");
	there = per_cpu_ptr(h->mcache, cpu);
	for (round = 1; round <= 10; round++) {
		alloc_remotely(r);
		smp_call_function_single(cpu, free_remotely, r, 1);
		work_on_cpu(cpu, alloc_remotely, r);
		free_remotely(r);
		KUNIT_EXPECT_EQ(test, r->bad, 0);
	}
	KUNIT_EXPECT_EQ(test, here->stack[SPC_64].mallocs, 1000);
	KUNIT_EXPECT_EQ(test, here->stack[SPC_64].frees, 1000);
	KUNIT_EXPECT_EQ(test, there->stack[SPC_64].mallocs, 1000);
	KUNIT_EXPECT_EQ(test, there->stack[SPC_64].frees, 1000);
	/* The last that came is the first that goes, from whichever CPU. */
	KUNIT_EXPECT_PTR_EQ(test, gotest_alloc(h, SPC_64, GFP_KERNEL),
			    r->p[NR_OBJECTS - 1]);
	gotest_free(h, r->p[NR_OBJECTS - 1]);
}

static struct kunit_case free_cases[] = {
	KUNIT_CASE(free_nmi),
	KUNIT_CASE(free_nmi_large),
	KUNIT_CASE(free_for_others),
	{}
};

static struct kunit_suite free_suite = {
	.name = "goalloc_free",
	.init = gotest_heap_init,
	.exit = gotest_heap_exit,
	.test_cases = free_cases,
};

kunit_test_suite(free_suite);
