// SPDX-License-Identifier: GPL-2.0
/*
 * mcentral: refill, private spans, what comes back, what is kept.
 *
 * The tests stand where the mcaches do: see holder.h.  After each case every
 * object must be home, and gotest_expect_lists() checks what goverify() does
 * not: that each span stands on the list that its bits ask for.
 */

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include "central.h"
#include "heap.h"
#include "holder.h"
#include "observe/observe.h"
#include "source.h"
#include "span.h"

/* Whole spans. */

/* Every object of a class once, in batches of many sizes, in any order back. */
static void everything_once_of(struct kunit *test, unsigned int spc,
			       struct rnd_state *rnd)
{
	unsigned int nelems = go_class_nelems[GO_SPC_CLASS(spc)];
	unsigned int pages = go_class_pages[GO_SPC_CLASS(spc)];
	struct gotest_holder *r = gotest_holder_new(test, spc, 2);
	unsigned int n;

	do {
		n = prandom_u32_state(rnd) % (GO_BATCH + 1);
		n = gotest_holder_take(r, n) + gotest_holder_refill(r, 1 + n % GO_BATCH);
	} while (n);
	KUNIT_EXPECT_EQ(test, r->n, 2 * nelems);
	KUNIT_EXPECT_NULL(test, r->cur);
	KUNIT_EXPECT_EQ(test, r->c->nonempty, 0);
	gotest_expect_lists(r, 2);

	gotest_holder_shuffle(r, rnd);
	gotest_holder_put_all(r);
	gotest_expect_lists(r, 2);
	KUNIT_EXPECT_EQ(test, r->c->idle, 2);
	KUNIT_EXPECT_EQ(test, gocentral_idle_pages(r->c->node),
			2 * pages << GO_PAGE_ORDER);
	KUNIT_EXPECT_EQ(test, gotest_pages_inuse(r->h), 2 * pages);
	KUNIT_EXPECT_EQ(test, gocentral_trim(r->c, 1), 1);
	gotest_expect_lists(r, 1);
	KUNIT_EXPECT_EQ(test, gotest_pages_inuse(r->h), pages);
	KUNIT_EXPECT_EQ(test, gocentral_trim(r->c, UINT_MAX), 1);
	gotest_expect_lists(r, 0);
	KUNIT_EXPECT_EQ(test, gocentral_idle_pages(r->c->node), 0);
	KUNIT_EXPECT_EQ(test, gotest_pages_inuse(r->h), 0);
}

static void everything_once(struct kunit *test)
{
	unsigned int class;
	struct rnd_state rnd;

	gotest_random(test, &rnd);
	for (class = 1; class < GO_NR_CLASSES; class++)
		everything_once_of(test, GO_SPC(class, class & 1), &rnd);
	everything_once_of(test, GO_TINY_SPC, &rnd);
}

/* What is popped first is the lowest, whatever the batch. */
static void lowest_first(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(10, 0), 1);
	unsigned int i, n, idx = 0;

	while ((n = gotest_holder_take(r, 5) ?: gotest_holder_refill(r, 5)))
		for (i = r->n; n--; idx++)
			KUNIT_EXPECT_PTR_EQ(test, r->slot[--i].obj,
					    gospan_object(gotest_span_of(r->h,
									 r->slot[i].obj),
							  idx));
	KUNIT_EXPECT_EQ(test, idx, 64);
	gotest_holder_put_all(r);
}

/* Memory for the state byte says never used, until it was. */
static void fresh_once(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(18, 0), 1);
	u8 first;
	unsigned int i;

	gotest_holder_refill(r, 1);
	first = *(r->slot[0].state + 1);
	KUNIT_EXPECT_EQ(test, first, gotest_span_of(r->h, r->slot[0].obj)->needzero ?
			GO_OBJ_FREE : GO_OBJ_FRESH);
	gotest_holder_take_all(r);
	for (i = 0; i < r->n; i += 2)
		gocentral_free(r->h, &r->slot[i], 1, false);
	for (i = 0; i < r->n; i += 2)
		KUNIT_EXPECT_EQ(test, *r->slot[i].state, GO_OBJ_FREE);
	for (i = 1; i < r->n; i += 2)
		gocentral_free(r->h, &r->slot[i], 1, false);
	r->n = 0;
}

/* The order of spans. */

/* From three full spans, leave as many objects out as said. */
static void leave_out(struct gotest_holder *r, const unsigned int out[3],
		      struct gospan *span[3])
{
	unsigned int i, nelems, first = 0;

	gotest_holder_take_all(r);
	gotest_holder_sort(r);
	for (i = 0; i < 3; i++) {
		span[i] = gotest_span_of(r->h, r->slot[first].obj);
		nelems = span[i]->nelems;
		gotest_holder_put(r, first + out[i], nelems - out[i]);
		first += out[i];
	}
	KUNIT_EXPECT_EQ(r->test, r->n, first);
}

static const struct order {
	const char *name;
	unsigned int out[3];
	unsigned int first;
	unsigned int second;
} orders[] = {
	{ "falling", { 20, 10, 3 }, 0, 1 },
	{ "rising", { 3, 10, 20 }, 2, 1 },
	{ "one free", { 31, 1, 8 }, 0, 2 },
	{ "one full", { 32, 4, 2 }, 1, 2 },
	{ "one empty", { 0, 2, 1 }, 1, 2 },
};

KUNIT_ARRAY_PARAM_DESC(order, orders, name);

static void fullest_first(struct kunit *test)
{
	const struct order *o = test->param_value;
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(18, 0), 3);
	struct goslot slot;
	struct gospan *span[3];
	unsigned int i, left;

	leave_out(r, o->out, span);
	gotest_expect_lists(r, 3);
	/* Past the mcache, one by one. */
	left = 32 - o->out[o->first];
	for (i = 0; i < left; i++) {
		KUNIT_EXPECT_TRUE(test, gocentral_take(r->c, 256, &slot));
		KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(r->h, slot.obj),
				    span[o->first]);
		*slot.state = GO_OBJ_LIVE;
		gocentral_free(r->h, &slot, 1, true);
	}
	/* And by a batch that needs one more than it has. */
	i = r->n;
	if (left < GO_BATCH) {
		KUNIT_EXPECT_EQ(test, gotest_holder_refill(r, left + 1), left + 1);
		for (; left--; i++)
			KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(r->h, r->slot[i].obj),
					    span[o->first]);
		KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(r->h, r->slot[i].obj),
				    span[o->second]);
		KUNIT_EXPECT_PTR_EQ(test, r->cur, span[o->second]);
	}
	gotest_holder_put_all(r);
}

/* The current span. */

static void current_is_private(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(18, 0), 1);
	struct gospan *s;
	struct goslot slot;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, gotest_holder_refill(r, 8), 8);
	s = r->cur;
	KUNIT_ASSERT_NOT_NULL(test, s);
	gotest_expect_lists(r, 1);
	KUNIT_EXPECT_FALSE(test, gocentral_take(r->c, 256, &slot));

	/* What comes back is not handed out by anybody while it is. */
	gotest_holder_put(r, 2, 4);
	KUNIT_EXPECT_EQ(test, s->nback, 4);
	KUNIT_EXPECT_FALSE(test, gocentral_take(r->c, 256, &slot));
	KUNIT_EXPECT_EQ(test, gotest_holder_take(r, GO_BATCH), 24);
	KUNIT_EXPECT_EQ(test, s->nback, 4);
	KUNIT_EXPECT_EQ(test, gotest_holder_take(r, GO_BATCH), 0);

	/* But it is when the span has been given back. */
	KUNIT_EXPECT_EQ(test, gotest_holder_refill(r, 3), 3);
	KUNIT_EXPECT_PTR_EQ(test, r->cur, s);
	KUNIT_EXPECT_EQ(test, s->nback, 0);
	KUNIT_EXPECT_EQ(test, gotest_holder_take(r, GO_BATCH), 1);
	KUNIT_EXPECT_EQ(test, gotest_holder_refill(r, GO_BATCH), 0);
	KUNIT_EXPECT_EQ(test, r->n, 32);
	for (i = 0; i < r->n; i++)
		KUNIT_EXPECT_EQ(test, *r->slot[i].state, GO_OBJ_LIVE);
	gotest_holder_put_all(r);
}

/* A batch that takes just all of a span leaves none current. */
static void exactly_all(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(18, 0), 1);

	KUNIT_EXPECT_EQ(test, gotest_holder_refill(r, 32), 32);
	KUNIT_EXPECT_NULL(test, r->cur);
	gotest_expect_lists(r, 1);
	KUNIT_EXPECT_EQ(test, r->c->nonempty, 0);
	gotest_holder_put_all(r);
}

/* A span all of whose objects came back while it was current. */
static const struct emptied {
	const char *name;
	unsigned int spans;
	bool refill;
} emptied[] = {
	{ "alone", 1, false },
	{ "beside another", 2, false },
	{ "alone and used", 1, true },
	{ "beside another and used", 2, true },
};

KUNIT_ARRAY_PARAM_DESC(emptied, emptied, name);

static void emptied_while_current(struct kunit *test)
{
	const struct emptied *e = test->param_value;
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(18, 0), e->spans);

	KUNIT_EXPECT_EQ(test, gotest_holder_refill(r, 8), 8);
	gotest_holder_put(r, 0, 8);
	/* Only its holder may let it go. */
	gotest_expect_lists(r, e->spans);
	KUNIT_EXPECT_NOT_NULL(test, r->cur);
	if (e->refill) {
		KUNIT_EXPECT_EQ(test, gotest_holder_refill(r, 8), 8);
		KUNIT_EXPECT_NOT_NULL(test, r->cur);
	} else {
		gocentral_uncache(r->h, r->cur);
		r->cur = NULL;
	}
	gotest_expect_lists(r, e->spans);
	gotest_holder_put_all(r);
	gotest_expect_lists(r, e->spans);
	KUNIT_EXPECT_EQ(test, r->c->idle, e->spans);
	KUNIT_EXPECT_EQ(test, gotest_pages_inuse(r->h), e->spans);
}

/* A span that is another node's goes home. */
static void other_node(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(18, 0), 1);
	struct gocentral *other = NULL;
	struct gospan *s;
	int nid;

	for_each_node_state(nid, N_MEMORY)
		if (r->h->node[nid] != r->c->node)
			other = &r->h->node[nid]->central[GO_SPC(18, 0)];
	if (!other)
		kunit_skip(test, "one node");

	KUNIT_EXPECT_EQ(test, gotest_holder_refill(r, 8), 8);
	s = r->cur;
	KUNIT_EXPECT_EQ(test, gocentral_refill(r->h, other, &r->cur,
					       r->slot + r->n, 8), 0);
	KUNIT_EXPECT_NULL(test, r->cur);
	KUNIT_EXPECT_FALSE(test, s->cached);
	gotest_expect_lists(r, 1);
	KUNIT_EXPECT_EQ(test, other->nspans, 0);
	gotest_holder_put_all(r);
}

/* Coming back. */

static void idle_spans_stay(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(18, 0), 4);
	unsigned int i;

	gotest_holder_take_all(r);
	gotest_holder_sort(r);
	for (i = 0; i < 4; i++) {
		gotest_holder_put(r, 0, 31);
		KUNIT_EXPECT_EQ(test, r->c->idle, i);
		gotest_holder_put(r, 0, 1);
		KUNIT_EXPECT_EQ(test, r->c->idle, i + 1);
		gotest_expect_lists(r, 4);
		KUNIT_EXPECT_EQ(test, gotest_pages_inuse(r->h), 4);
	}
	KUNIT_EXPECT_EQ(test, gocentral_trim(r->c, 3), 3);
	gotest_expect_lists(r, 1);
	KUNIT_EXPECT_EQ(test, gocentral_trim(r->c, 3), 1);
	KUNIT_EXPECT_EQ(test, gocentral_trim(r->c, 3), 0);
	gotest_expect_lists(r, 0);
	KUNIT_EXPECT_EQ(test, gotest_pages_inuse(r->h), 0);
}

/* What the background does at a tick and after it. */
static void tick(struct gocentral *c)
{
	gocentral_mark_idle(c);
	while (gocentral_trim_idle(c))
		;
}

/* The background takes spans that stayed idle since it last asked. */
static void trim_idle(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(18, 0), 4);

	tick(r->c);
	tick(r->c);
	gotest_expect_lists(r, 0);

	r = gotest_holder_new(test, GO_SPC(18, 0), 4);
	tick(r->c);
	gotest_expect_lists(r, 4);
	while (r->n < 3 * 32 && (gotest_holder_take(r, 16) || gotest_holder_refill(r, 16)))
		;
	gotest_holder_put_all(r);
	KUNIT_EXPECT_EQ(test, r->c->idle, 4);
	tick(r->c);
	gotest_expect_lists(r, 3);
	KUNIT_EXPECT_EQ(test, r->c->idle, 3);
	tick(r->c);
	gotest_expect_lists(r, 0);
}

/* Those that are used again meanwhile are left alone. */
static void trim_idle_used(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(18, 0), 4);

	gocentral_mark_idle(r->c);
	KUNIT_EXPECT_EQ(test, gocentral_mark_idle(r->c), 4);
	KUNIT_EXPECT_GT(test, gotest_holder_refill(r, 1), 0);
	KUNIT_EXPECT_EQ(test, gocentral_trim_idle(r->c), 3);
	KUNIT_EXPECT_EQ(test, gocentral_trim_idle(r->c), 0);
	gotest_holder_put_all(r);
	KUNIT_EXPECT_EQ(test, gocentral_trim_idle(r->c), 0);
	gotest_expect_lists(r, 1);
	tick(r->c);
	tick(r->c);
	gotest_expect_lists(r, 0);
}

/* More than move under one hold. */
static void trim_many(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(51, 0), 1);

	/* Growing takes idle spans first. */
	while (gotest_holder_refill(r, 1) && r->n <= 3 * GO_BATCH)
		gotest_span_new(test, GO_SPC(51, 0));
	gotest_holder_put_all(r);
	KUNIT_EXPECT_EQ(test, gocentral_trim(r->c, UINT_MAX), GO_BATCH);
	gotest_expect_lists(r, 2 * GO_BATCH + 1);
	/* Twice: what was idle all the time, and what is idle now. */
	tick(r->c);
	tick(r->c);
	gotest_expect_lists(r, 0);
}

/* Before the heap grows it takes what the mcentrals do not use. */
static void heap_takes_idle(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(51, 0), 1);
	struct gonode *node = r->c->node;
	unsigned long sys;
	struct gospan **s;
	unsigned int i, n = 160;

	s = kunit_kcalloc(test, n, sizeof(*s), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	while (gotest_holder_refill(r, 1) && r->n < n)
		gotest_span_new(test, GO_SPC(51, 0));
	gotest_holder_put_all(r);
	sys = node->sys;
	for (i = 0; i < n; i++) {
		s[i] = gosource_pages(r->h, node->nid, 1, 1, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, s[i]);
	}
	KUNIT_EXPECT_EQ(test, node->sys, sys);
	KUNIT_EXPECT_LT(test, r->c->idle, n);
	for (i = 0; i < n; i++)
		if (s[i])
			goheap_free(r->h, s[i]);
}

/* Trim takes every empty span and no other. */
static void trim(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(18, 0), 3);

	KUNIT_EXPECT_EQ(test, gotest_holder_refill(r, 1), 1);
	gocentral_trim(r->c, UINT_MAX);
	gotest_expect_lists(r, 1);
	KUNIT_EXPECT_EQ(test, gotest_pages_inuse(r->h), 1);
	gotest_holder_put_all(r);
}

/* A workload at the edge does not take and return the same span. */
static void no_ping_pong(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(51, 0), 1);
	unsigned long released = r->c->node->released;
	unsigned int i, before = gotest_pages_inuse(r->h);
	struct goslot slot;

	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_TRUE(test, gocentral_take(r->c, 8192, &slot));
		KUNIT_EXPECT_EQ(test, gotest_pages_inuse(r->h), before);
		gocentral_free(r->h, &slot, 1, true);
		KUNIT_EXPECT_EQ(test, gotest_pages_inuse(r->h), before);
	}
	KUNIT_EXPECT_EQ(test, r->c->node->released, released);
	gotest_expect_lists(r, 1);
}

/* Objects of many classes in one call each find their mcentral. */
static void mixed_batch(struct kunit *test)
{
	static const unsigned int spcs[] = { 2, 3, 36, 37, 102, 134 };
	struct gotest_holder *r[ARRAY_SIZE(spcs)];
	struct goslot *slot = kunit_kcalloc(test, 600, sizeof(*slot),
					    GFP_KERNEL);
	unsigned int i, n = 0;

	KUNIT_ASSERT_NOT_NULL(test, slot);
	for (i = 0; i < ARRAY_SIZE(spcs); i++) {
		r[i] = gotest_holder_new(test, spcs[i], 3);
		while (r[i]->n < 100 && (gotest_holder_take(r[i], 32) ||
					 gotest_holder_refill(r[i], 32)))
			;
	}
	/* One of each, round and round; then a long row of one. */
	while (r[0]->n > 40)
		for (i = 0; i < ARRAY_SIZE(spcs); i++)
			if (r[i]->n)
				slot[n++] = r[i]->slot[--r[i]->n];
	while (r[0]->n)
		slot[n++] = r[0]->slot[--r[0]->n];
	KUNIT_ASSERT_LE(test, n, 600);
	gocentral_free(r[0]->h, slot, n, false);
	for (i = 0; i < ARRAY_SIZE(spcs); i++)
		gotest_holder_put_all(r[i]);
	for (i = 0; i < ARRAY_SIZE(spcs); i++)
		gocentral_trim(r[i]->c, UINT_MAX);
	KUNIT_EXPECT_EQ(test, gotest_pages_inuse(r[0]->h), 0);
}

/* Past the mcache. */

static void take_counts(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(26, 0), 1);
	struct gocentral *c = r->c;
	unsigned int i;

	for (i = 0; gocentral_take(c, 500 + i, &r->slot[i]); i++)
		KUNIT_ASSERT_LT(test, i, 16);
	KUNIT_EXPECT_EQ(test, i, 16);
	gotest_holder_note(r, i);
	gotest_expect_lists(r, 1);
	KUNIT_EXPECT_EQ(test, c->mallocs, 16);
	KUNIT_EXPECT_EQ(test, c->requested, 16 * 500 + 120);
	KUNIT_EXPECT_EQ(test, c->frees, 0);
	KUNIT_EXPECT_EQ(test, goverify(r->h, NULL), 0);

	gocentral_free(r->h, r->slot, 7, true);
	KUNIT_EXPECT_EQ(test, c->frees, 7);
	gotest_expect_lists(r, 1);
	KUNIT_EXPECT_EQ(test, goverify(r->h, NULL), 0);
	gocentral_free(r->h, r->slot + 7, 9, true);
	KUNIT_EXPECT_EQ(test, c->frees, 16);
	KUNIT_EXPECT_EQ(test, c->mallocs, 16);
	KUNIT_EXPECT_EQ(test, goverify(r->h, NULL), 0);
}

static struct kunit_case central_cases[] = {
	KUNIT_CASE(everything_once),
	KUNIT_CASE(lowest_first),
	KUNIT_CASE(fresh_once),
	KUNIT_CASE_PARAM(fullest_first, order_gen_params),
	KUNIT_CASE(current_is_private),
	KUNIT_CASE(exactly_all),
	KUNIT_CASE_PARAM(emptied_while_current, emptied_gen_params),
	KUNIT_CASE(other_node),
	KUNIT_CASE(idle_spans_stay),
	KUNIT_CASE(trim_idle),
	KUNIT_CASE(trim_idle_used),
	KUNIT_CASE(heap_takes_idle),
	KUNIT_CASE(trim_many),
	KUNIT_CASE(trim),
	KUNIT_CASE(no_ping_pong),
	KUNIT_CASE(mixed_batch),
	KUNIT_CASE(take_counts),
	{}
};

static struct kunit_suite central_suite = {
	.name = "goalloc_central",
	.init = gotest_heap_init,
	.exit = gotest_heap_exit,
	.test_cases = central_cases,
};

kunit_test_suites(&central_suite);
