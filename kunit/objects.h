/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites above the mcentrals share: objects of any heap, every
 * context there is, and crews of threads.
 *
 * An NMI cannot be had on demand, but what makes code believe in one can:
 * in_nmi() looks at the preemption count.
 */
#ifndef GOALLOC_KUNIT_OBJECTS_H
#define GOALLOC_KUNIT_OBJECTS_H

#include <linux/kthread.h>
#include <linux/prandom.h>
#include "common.h"

/* Long loops are for kernels that are not slowed down by checkers. */
#define GOTEST_LOOPS(n)		(IS_ENABLED(CONFIG_KASAN) ? (n) / 10 : (n))

/* As gomalloc() and gofree(), on any heap and for a span class. */
void *gotest_alloc(struct goheap *h, unsigned int spc, gfp_t gfp);
void gotest_free(struct goheap *h, void *p);

/* Write something all over an object; is it still there? */
void gotest_fill(void *p, size_t size);
bool gotest_intact(const void *p, size_t size);

/*
 * For the .init and .exit of suites that use the API: what a case leaves live
 * on the default heap is a failure, and so is what goverify() finds.
 */
int gotest_api_init(struct kunit *test);
void gotest_api_exit(struct kunit *test);

/*
 * These two stop the default heap's background meanwhile, which takes what it
 * thinks is idle from under cases that count to one.  On again for those that
 * do not, and off before their end.
 */
void gotest_background(bool on);

/* Stay on this CPU for the rest of the case; returns its cache. */
struct gomcache *gotest_pin(struct kunit *test, struct goheap *h);

/* Wait for the heap's worker. */
void gotest_settle(struct goheap *h);

/**
 * enum gotest_context - where code may run
 * @GOTEST_TASK: as tasks do
 * @GOTEST_IRQS_OFF: with interrupts off
 * @GOTEST_RAW_LOCK: holding a raw spinlock
 * @GOTEST_SOFTIRQ: in a timer
 * @GOTEST_HARDIRQ: in a hard interrupt
 * @GOTEST_NMI: in what in_nmi() takes for one
 */
enum gotest_context {
	GOTEST_TASK,
	GOTEST_IRQS_OFF,
	GOTEST_RAW_LOCK,
	GOTEST_SOFTIRQ,
	GOTEST_HARDIRQ,
	GOTEST_NMI,
};

struct gotest_context_param {
	enum gotest_context context;
	const char *name;
};

void gotest_run_in(enum gotest_context context, void (*fn)(void *arg),
		   void *arg);

#define GOTEST_CREW_MAX		16

/**
 * struct gotest_crew - a thread on each CPU
 * @n: how many there are
 * @task: the threads
 */
struct gotest_crew {
	unsigned int n;
	struct task_struct *task[GOTEST_CREW_MAX];
};

/* Each runs @fn until kthread_should_stop(), and returns what it found wrong. */
void gotest_crew_start(struct kunit *test, struct gotest_crew *crew,
		       int (*fn)(void *arg), void *arg);
void gotest_crew_stop(struct kunit *test, struct gotest_crew *crew);

#endif /* GOALLOC_KUNIT_OBJECTS_H */
