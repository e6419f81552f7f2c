/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A holder: an mcache, as far as an mcentral can tell.
 *
 * It takes batches and a current span, and gives objects back in other orders
 * than it got them.  An object that is out has its state byte at live, as it
 * would above, so that goverify() sees what is handed out twice.
 */
#ifndef GOALLOC_KUNIT_HOLDER_H
#define GOALLOC_KUNIT_HOLDER_H

#include <linux/prandom.h>
#include "common.h"

/* The most objects that a test has out at a time. */
#define GOTEST_HOLDER_MAX	(4 * GO_MAX_NELEMS)

/**
 * struct gotest_holder - an mcache, as far as an mcentral can tell
 * @test: whose
 * @h: the heap
 * @c: the mcentral
 * @cur: the current span
 * @n: objects held
 * @slot: the objects
 */
struct gotest_holder {
	struct kunit *test;
	struct goheap *h;
	struct gocentral *c;
	struct gospan *cur;
	unsigned int n;
	struct goslot slot[GOTEST_HOLDER_MAX + GO_BATCH];
};

/* Make a span and give it to the mcentral of its class, which is returned. */
struct gocentral *gotest_span_new(struct kunit *test, unsigned int spc);

/* A holder of nothing, at an mcentral with some fresh spans. */
struct gotest_holder *gotest_holder_new(struct kunit *test, unsigned int spc,
					unsigned int spans);

/* Get a batch and a current span, as an mcache does; returns how many came. */
unsigned int gotest_holder_refill(struct gotest_holder *r, unsigned int want);

/* @n objects that are in @slot already are held, and live, from now on. */
void gotest_holder_note(struct gotest_holder *r, unsigned int n);

/* Take from the current span, without a lock. */
unsigned int gotest_holder_take(struct gotest_holder *r, unsigned int want);

/* Take all there is. */
void gotest_holder_take_all(struct gotest_holder *r);

/* Give back some, from any place among those held. */
void gotest_holder_put(struct gotest_holder *r, unsigned int first,
		       unsigned int n);

/* Give back what is free already.  A stack that had it would have counted it. */
void gotest_holder_put_again(struct gotest_holder *r, struct goslot *slot,
			     unsigned int n);

/* Give back everything, the current span too. */
void gotest_holder_put_all(struct gotest_holder *r);

/* Have what is held in no order. */
void gotest_holder_shuffle(struct gotest_holder *r, struct rnd_state *rnd);

/* Sort what is held, so that a span's objects are together. */
void gotest_holder_sort(struct gotest_holder *r);

/* There are so many spans, and each stands on the list that its bits ask for. */
void gotest_expect_lists(struct gotest_holder *r, unsigned int spans);

/* Pages of the heap that are not free. */
unsigned long gotest_pages_inuse(struct goheap *h);

#endif /* GOALLOC_KUNIT_HOLDER_H */
