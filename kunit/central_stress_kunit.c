// SPDX-License-Identifier: GPL-2.0
/*
 * mcentral: what comes back twice, anything at any time, and many holders at
 * once.
 */

#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include "central.h"
#include "compat.h"
#include "holder.h"
#include "observe/observe.h"
#include "source.h"
#include "span.h"

static const struct twice {
	const char *name;
	bool is_current;
	bool merged;
	unsigned int at;
	unsigned int n;
} twice[] = {
	{ "alone", false, false, 0, 1 },
	{ "first of a batch", false, false, 0, 6 },
	{ "amid a batch", false, false, 3, 6 },
	{ "last of a batch", false, false, 5, 6 },
	{ "first of the second batch", false, false, 32, 40 },
	{ "in a current span", true, false, 2, 4 },
	{ "handed to the span's own bits", false, true, 1, 3 },
};

KUNIT_ARRAY_PARAM_DESC(twice, twice, name);

/* A double free that got as far as the span is found there and does no harm. */
static void double_free(struct kunit *test)
{
	const struct twice *t = test->param_value;
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(10, 0), 1);
	struct goslot bad, slot;
	struct gospan *s;
	unsigned int left;

	while (r->n < 48)
		gotest_holder_refill(r, 16);
	if (!t->is_current) {
		gocentral_uncache(r->h, r->cur);
		r->cur = NULL;
	}
	/* The lowest of all, which is what the next one to ask gets. */
	if (t->merged)
		gotest_holder_put(r, 15, 1);
	bad = r->slot[t->at];
	s = gotest_span_of(r->h, bad.obj);
	gotest_holder_put(r, t->at, 1);
	if (t->merged) {
		/* It is taken again, and the rest that was back can be taken. */
		KUNIT_EXPECT_TRUE(test, gocentral_take(r->c, 128, &slot));
		KUNIT_EXPECT_PTR_NE(test, slot.obj, bad.obj);
		KUNIT_EXPECT_EQ(test, s->nback, 0);
		gocentral_free(r->h, &slot, 1, true);
	}
	left = s->navail + s->nback;

	memmove(r->slot + t->at + 1, r->slot + t->at,
		(r->n++ - t->at) * sizeof(bad));
	r->slot[t->at] = bad;
	gotest_holder_put_again(r, r->slot, t->n);
	r->n -= t->n;
	memmove(r->slot, r->slot + t->n, r->n * sizeof(r->slot[0]));
	KUNIT_EXPECT_EQ(test, gotest_misuses(r->h, GO_DOUBLE_FREE), 1);
	KUNIT_EXPECT_EQ(test, s->navail + s->nback, left + t->n - 1);
	gotest_expect_lists(r, 1);
	gotest_holder_put_all(r);
	KUNIT_EXPECT_EQ(test, gotest_misuses(r->h, GO_DOUBLE_FREE), 1);
	gotest_expect_lists(r, 1);
}

/* A double free is balanced by an allocation: what is live stays what it is. */
static void double_free_count(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(10, 0), 2);
	struct goslot slot[3];

	KUNIT_ASSERT_TRUE(test, gocentral_take(r->c, 128, &slot[0]));
	KUNIT_ASSERT_TRUE(test, gocentral_take(r->c, 128, &slot[1]));
	slot[2] = slot[0];
	gocentral_free(r->h, slot, 3, true);
	KUNIT_EXPECT_EQ(test, r->c->mallocs, 3);
	KUNIT_EXPECT_EQ(test, r->c->frees, 3);
	KUNIT_EXPECT_EQ(test, gotest_misuses(r->h, GO_DOUBLE_FREE), 1);
	KUNIT_EXPECT_EQ(test, goverify(r->h, NULL), 0);
}

/* The span has gone to the heap: the object belongs to no mcentral. */
static void double_free_gone(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(10, 0), 1);
	struct goslot slot[2];

	KUNIT_ASSERT_TRUE(test, gocentral_take(r->c, 128, &slot[0]));
	slot[1] = slot[0];
	gocentral_free(r->h, slot, 1, true);
	gocentral_trim(r->c, UINT_MAX);
	gocentral_free(r->h, slot, 2, true);
	KUNIT_EXPECT_EQ(test, gotest_misuses(r->h, GO_DOUBLE_FREE), 2);
	KUNIT_EXPECT_EQ(test, r->c->frees, 1);
}

/* What was never an object of the span is not taken for one. */
static void not_an_object(struct kunit *test)
{
	/* 341 objects of 24 bytes, and 8 bytes that would be the 342nd. */
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(3, 0), 1);
	struct goslot slot;
	struct gospan *s;

	KUNIT_EXPECT_EQ(test, gotest_holder_refill(r, 8), 8);
	s = r->cur;
	gocentral_uncache(r->h, s);
	r->cur = NULL;
	slot = r->slot[0];
	slot.obj += 8;
	gotest_holder_put_again(r, &slot, 1);
	KUNIT_EXPECT_EQ(test, s->nback, 0);
	slot.obj = gospan_object(s, s->nelems);
	slot.state = s->objstate + s->nelems;
	gotest_holder_put_again(r, &slot, 1);
	KUNIT_EXPECT_EQ(test, s->nback, 0);
	KUNIT_EXPECT_EQ(test, s->navail, 341 - 8);
	KUNIT_EXPECT_EQ(test, gotest_misuses(r->h, GO_DOUBLE_FREE), 2);
	gotest_holder_put_all(r);
}

static void random_step(struct gotest_holder *r, u32 what, u32 n)
{
	switch (what % 8) {
	case 0:
		if (r->c->nspans < 12)
			KUNIT_EXPECT_PTR_EQ(r->test,
					    gosource_span(r->h,
							  r->c->node->nid,
							   r->c->spanclass,
							   GFP_KERNEL), r->c);
		break;
	case 1:
	case 2:
		if (r->n < GOTEST_HOLDER_MAX - GO_BATCH)
			gotest_holder_refill(r, 1 + n % GO_BATCH);
		break;
	case 3:
		if (r->n < GOTEST_HOLDER_MAX - GO_BATCH)
			gotest_holder_take(r, n % GO_BATCH);
		break;
	case 4:
		gocentral_trim(r->c, UINT_MAX);
		break;
	case 5:
		if (r->cur)
			gocentral_uncache(r->h, r->cur);
		r->cur = NULL;
		break;
	default:
		if (!r->n)
			break;
		gotest_holder_put(r, n % r->n, min(r->n - n % r->n, n / 1024 % 64));
	}
}

static const unsigned int random_classes[] = { 1, 3, 18, 32, 44, 51, 65 };

static void class_name(const unsigned int *class, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%u", go_class_size[*class]);
}

KUNIT_ARRAY_PARAM(class, random_classes, class_name);

static void random_order(struct kunit *test)
{
	const unsigned int *class = test->param_value;
	unsigned int i, steps = IS_ENABLED(CONFIG_KASAN) ? 300 : 5000;
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(*class, 0), 1);
	struct rnd_state rnd;

	gotest_random(test, &rnd);
	for (i = 0; i < steps; i++) {
		random_step(r, prandom_u32_state(&rnd),
			    prandom_u32_state(&rnd));
		if (i % 16 == 0)
			gotest_holder_shuffle(r, &rnd);
		gotest_expect_lists(r, r->c->nspans);
	}
	gotest_holder_put_all(r);
	gocentral_trim(r->c, UINT_MAX);
	gotest_expect_lists(r, 0);
	KUNIT_EXPECT_EQ(test, gotest_pages_inuse(r->h), 0);
	KUNIT_EXPECT_EQ(test, gotest_misuses(r->h, GO_DOUBLE_FREE), 0);
}

struct trader {
	struct work_struct work;
	struct gotest_holder *r;
	struct goslot *market;
	spinlock_t *lock;	/* of the market */
	struct gospan *cur;
	struct rnd_state rnd;
	unsigned int bad;
};

#define STALLS	64

/* See that each was free, mark it taken, and swap it with one left here. */
static void trade_batch(struct trader *t, struct goslot *slot, unsigned int n)
{
	while (n--) {
		t->bad += READ_ONCE(*slot[n].state) >= GO_OBJ_LIVE;
		WRITE_ONCE(*slot[n].state, GO_OBJ_LIVE);
		spin_lock(t->lock);
		swap(slot[n], t->market[n % STALLS]);
		spin_unlock(t->lock);
	}
}

static void trade_fn(struct work_struct *work)
{
	struct trader *t = container_of(work, struct trader, work);
	unsigned int i, n, k, steps = IS_ENABLED(CONFIG_KASAN) ? 200 : 5000;
	struct gotest_holder *r = t->r;
	struct goslot slot[GO_BATCH];

	for (i = 0; i < steps; i++) {
		n = 1 + prandom_u32_state(&t->rnd) % GO_BATCH;
		k = t->cur ? gospan_take(t->cur, slot, n) : 0;
		if (!k)
			k = gocentral_refill(r->h, r->c, &t->cur, slot, n);
		if (!k)
			gosource_span(r->h, r->c->node->nid, r->c->spanclass,
				      GFP_KERNEL);
		trade_batch(t, slot, k);
		for (n = 0; n < k; n++)
			if (slot[n].obj)
				gocentral_free(r->h, slot + n, 1, false);
		if (i % 64 == 0)
			gocentral_trim(r->c, UINT_MAX);
		cond_resched();
	}
	if (t->cur)
		gocentral_uncache(r->h, t->cur);
}

static void market(struct kunit *test)
{
	struct gotest_holder *r = gotest_holder_new(test, GO_SPC(18, 0), 1);
	struct trader *t;
	struct rnd_state rnd;
	spinlock_t lock;	/* of the market */
	unsigned int i;

	spin_lock_init(&lock);
	t = kunit_kcalloc(test, 6, sizeof(*t), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);
	gotest_random(test, &rnd);
	for (i = 0; i < 6; i++) {
		t[i].r = r;
		t[i].market = r->slot;
		t[i].lock = &lock;
		prandom_seed_state(&t[i].rnd, prandom_u32_state(&rnd));
		INIT_WORK(&t[i].work, trade_fn);
		queue_work(system_dfl_wq, &t[i].work);
	}
	for (i = 0; i < 6; i++) {
		flush_work(&t[i].work);
		KUNIT_EXPECT_EQ(test, t[i].bad, 0);
	}
	for (i = 0; i < STALLS; i++)
		if (r->slot[i].obj)
			gocentral_free(r->h, &r->slot[i], 1, false);
	gotest_expect_lists(r, r->c->nspans);
	gocentral_trim(r->c, UINT_MAX);
	gotest_expect_lists(r, 0);
	KUNIT_EXPECT_EQ(test, gotest_pages_inuse(r->h), 0);
	KUNIT_EXPECT_EQ(test, gotest_misuses(r->h, GO_DOUBLE_FREE), 0);
}

static struct kunit_case central_stress_cases[] = {
	KUNIT_CASE_PARAM(double_free, twice_gen_params),
	KUNIT_CASE(double_free_count),
	KUNIT_CASE(double_free_gone),
	KUNIT_CASE(not_an_object),
	KUNIT_CASE_PARAM(random_order, class_gen_params),
	KUNIT_CASE(market),
	{}
};

static struct kunit_suite central_stress_suite = {
	.name = "goalloc_central_stress",
	.init = gotest_heap_init,
	.exit = gotest_heap_exit,
	.test_cases = central_stress_cases,
};

kunit_test_suite(central_stress_suite);
