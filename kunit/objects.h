/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites above the mcentrals share: objects of any heap, every
 * context there is, and crews of threads that free each other's objects.
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

bool gotest_all_zero(const void *p, size_t size);

/*
 * Allocate so many, use them, and free them, the oldest first; false when memory
 * is out or one was written to.
 */
bool gotest_burst(struct goheap *h, unsigned int spc, unsigned int n);

/* The cache of a CPU holds nothing. */
void gotest_expect_empty(struct kunit *test, struct goheap *h, int cpu);

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

/* Another CPU that is online; nr_cpu_ids or more if there is none. */
int gotest_other_cpu(void);

/* Wait for the heap's worker. */
void gotest_settle(struct goheap *h);

/* Empty the caches, and give back all that can go. */
void gotest_cool(struct goheap *h);

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

/* All of them, for KUNIT_ARRAY_PARAM_DESC(). */
extern const struct gotest_context_param gotest_contexts[GOTEST_NMI + 1];

void gotest_run_in(enum gotest_context context, void (*fn)(void *arg),
		   void *arg);

/**
 * struct gotest_kind - the objects that a suite has to do with, by number
 * @alloc: allocate the object of a number; NULL when it is not as it should be
 * @size: its bytes
 * @free: free it; gotest_free() if NULL
 * @sane: is it still as it should be?  Not asked if NULL
 */
struct gotest_kind {
	void *(*alloc)(struct goheap *h, unsigned int i, gfp_t gfp);
	size_t (*size)(unsigned int i);
	void (*free)(struct goheap *h, void *p);
	bool (*sane)(const void *p, unsigned int i);
};

#define GOTEST_BATCH_MAX	100

/**
 * struct gotest_batch - objects that one context allocates and another frees
 * @h: the heap
 * @kind: what objects
 * @n: how many, from number 0 on
 * @bad: how many were not had, or not found again as they were left
 * @p: the objects
 */
struct gotest_batch {
	struct goheap *h;
	const struct gotest_kind *kind;
	unsigned int n;
	unsigned int bad;
	void *p[GOTEST_BATCH_MAX];
};

struct gotest_batch *gotest_batch_new(struct kunit *test, struct goheap *h,
				      const struct gotest_kind *kind,
				      unsigned int n);

/* Allocate a batch, and free it; for gotest_run_in(). */
void gotest_batch_alloc(void *batch);
void gotest_batch_free(void *batch);

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

#define GOTEST_SHELF_MAX	256

/**
 * struct gotest_exchange - where a crew leaves objects for others to free
 * @h: the heap
 * @kind: what objects
 * @n: places on the shelf
 * @shelf: an object of each number, or NULL
 */
struct gotest_exchange {
	struct goheap *h;
	const struct gotest_kind *kind;
	unsigned int n;
	void *shelf[GOTEST_SHELF_MAX];
};

struct gotest_exchange *gotest_exchange_new(struct kunit *test,
					    struct goheap *h,
					    const struct gotest_kind *kind,
					    unsigned int n);

/* What each thread of a crew does: put an object on the shelf, free the old one. */
int gotest_trade(void *exchange);

/* The crew has stopped: free what is left on the shelf. */
void gotest_exchange_end(struct kunit *test, struct gotest_exchange *x);

#endif /* GOALLOC_KUNIT_OBJECTS_H */
