// SPDX-License-Identifier: GPL-2.0
/*
 * mcentral: refill, private spans, what comes back, what is kept.
 *
 * The tests stand where the mcaches do: they take batches and a current span,
 * and give objects back in other orders than they got them.  An object that is
 * out has its state byte at live, as it would above, so that goverify() sees
 * what is handed out twice; after each case every object must be home, and
 * expect_lists() checks what it does not: that each span stands on the list
 * that its bits ask for.
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
#include "common.h"
#include "heap.h"
#include "observe/observe.h"
#include "source.h"
#include "span.h"

/* The most objects that a test has out at a time. */
#define MOST	(4 * GO_MAX_NELEMS)

/**
 * struct holder - an mcache, as far as an mcentral can tell
 * @test: whose
 * @h: the heap
 * @c: the mcentral
 * @cur: the current span
 * @n: objects held
 * @slot: the objects
 */
struct holder {
	struct kunit *test;
	struct goheap *h;
	struct gocentral *c;
	struct gospan *cur;
	unsigned int n;
	struct goslot slot[MOST + GO_BATCH];
};

KUNIT_DEFINE_ACTION_WRAPPER(free_holder, kvfree, const void *)

static struct gocentral *grow(struct kunit *test, unsigned int spc)
{
	struct gocentral *c;

	c = gosource_span(gotest_heap(test), NUMA_NO_NODE, spc, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_EXPECT_EQ(test, c->spanclass, spc);
	return c;
}

/* A holder of nothing, at an mcentral with some fresh spans. */
static struct holder *holder_new(struct kunit *test, unsigned int spc,
				 unsigned int spans)
{
	struct holder *r = kvzalloc(sizeof(*r), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, r);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_holder, r),
			0);
	r->test = test;
	r->h = gotest_heap(test);
	/* All from the node that the first comes from. */
	r->c = grow(test, spc);
	for (i = 1; i < spans; i++)
		KUNIT_EXPECT_PTR_EQ(test,
				    gosource_span(r->h, r->c->node->nid, spc,
						   GFP_KERNEL), r->c);
	KUNIT_EXPECT_EQ(test, r->c->nspans, spans);
	return r;
}

/* What has just been got must be free objects' starts, in their class. */
static void note_new(struct holder *r, unsigned int n)
{
	struct goslot *slot;
	struct gospan *s;
	unsigned int idx;

	while (n--) {
		slot = &r->slot[r->n++];
		s = gotest_span_of(r->h, slot->obj);
		KUNIT_EXPECT_PTR_EQ(r->test, s->central, r->c);
		KUNIT_EXPECT_TRUE(r->test, gospan_index(s, slot->obj, &idx));
		KUNIT_EXPECT_LT(r->test, idx, s->nelems);
		KUNIT_EXPECT_PTR_EQ(r->test, slot->state, s->objstate + idx);
		/* Live means that somebody has it already. */
		KUNIT_EXPECT_LT(r->test, *slot->state, GO_OBJ_LIVE);
		*slot->state = GO_OBJ_LIVE;
	}
}

static unsigned int refill(struct holder *r, unsigned int want)
{
	unsigned int n;

	KUNIT_ASSERT_LE(r->test, r->n, MOST);
	n = gocentral_refill(r->h, r->c, &r->cur, r->slot + r->n, want);
	KUNIT_EXPECT_LE(r->test, n, want);
	if (r->cur) {
		KUNIT_EXPECT_TRUE(r->test, r->cur->cached);
		KUNIT_EXPECT_EQ(r->test, n, want);
		KUNIT_EXPECT_GT(r->test, r->cur->navail, 0);
	}
	note_new(r, n);
	return n;
}

/* From the current span, without a lock. */
static unsigned int take(struct holder *r, unsigned int want)
{
	unsigned int n = 0;

	if (r->cur)
		n = gospan_take(r->cur, r->slot + r->n, want);
	note_new(r, n);
	return n;
}

static void hold_all(struct holder *r)
{
	while (take(r, GO_BATCH) || refill(r, GO_BATCH))
		;
	KUNIT_EXPECT_NULL(r->test, r->cur);
}

/* Give back some, from any place among those held. */
static void put(struct holder *r, unsigned int first, unsigned int n)
{
	gocentral_free(r->h, r->slot + first, n, false);
	r->n -= n;
	memmove(r->slot + first, r->slot + first + n,
		(r->n - first) * sizeof(r->slot[0]));
}

/* What is free already: a stack that had it has counted it, and so do we. */
static void put_again(struct holder *r, struct goslot *slot, unsigned int n)
{
	raw_cpu_ptr(r->h->mcache)->stack[r->c->spanclass].frees++;
	gocentral_free(r->h, slot, n, false);
}

static void put_all(struct holder *r)
{
	put(r, 0, r->n);
	if (r->cur)
		gocentral_uncache(r->h, r->cur);
	r->cur = NULL;
}

static void shuffle(struct holder *r, struct rnd_state *rnd)
{
	unsigned int i, n;

	for (n = r->n; n > 1; n--) {
		i = prandom_u32_state(rnd) % n;
		swap(r->slot[i], r->slot[n - 1]);
	}
}

/* Sort those held so that a span's are together; the span of the first. */
static void by_span(struct holder *r)
{
	unsigned int i, k, sorted = 0;

	while (sorted < r->n) {
		struct gospan *s = gotest_span_of(r->h, r->slot[sorted].obj);

		for (i = k = sorted; i < r->n; i++)
			if (gotest_span_of(r->h, r->slot[i].obj) == s) {
				swap(r->slot[i], r->slot[k]);
				k++;
			}
		sorted = k;
	}
}

/* Each span is on the list that its bits ask for; returns how many. */
static unsigned int count_lists(struct gocentral *c, unsigned int *bad)
{
	unsigned int b, left, n = 0;
	struct gospan *s;

	for (b = 0; b < GO_BUCKETS; b++) {
		*bad += !!(c->nonempty & BIT(b)) != !list_empty(&c->partial[b]);
		list_for_each_entry(s, &c->partial[b], list) {
			left = bitmap_weight(s->avail, s->nelems) +
			       bitmap_weight(s->back, s->nelems);
			*bad += s->bucket != b || s->cached || !left ||
				fls(s->nelems - left) != b;
			n++;
		}
	}
	return n;
}

struct full {
	struct gocentral *c;
	unsigned int n;
};

/* Those that have nothing to give are on no list: only a walk finds them. */
static void count_full(struct gospan *s, void *data)
{
	struct full *full = data;

	full->n += s->central == full->c && s->bucket == GO_BUCKET_NONE &&
		   !s->cached && !s->navail && !s->nback;
}

/* There are so many spans, and all but the holder's stand where they should. */
static void expect_lists(struct holder *r, unsigned int spans)
{
	struct full full = { .c = r->c };
	unsigned int n, bad = 0;
	unsigned long flags;

	raw_spin_lock_irqsave(&r->c->lock, flags);
	n = count_lists(r->c, &bad) + !!r->cur;
	raw_spin_unlock_irqrestore(&r->c->lock, flags);
	gospan_walk(r->h, count_full, &full);
	n += full.n;
	KUNIT_EXPECT_EQ(r->test, bad, 0);
	KUNIT_EXPECT_EQ(r->test, n, spans);
	KUNIT_EXPECT_EQ(r->test, r->c->nspans, spans);
}

static unsigned long pages_inuse(struct goheap *h)
{
	unsigned long n = 0;
	int nid;

	for_each_node_state(nid, N_MEMORY)
		n += h->node[nid]->sys - h->node[nid]->runs.free;
	return n;
}

/* Whole spans. */

/* Every object of a class once, in batches of many sizes, in any order back. */
static void everything_once_of(struct kunit *test, unsigned int spc,
			       struct rnd_state *rnd)
{
	unsigned int nelems = go_class_nelems[GO_SPC_CLASS(spc)];
	unsigned int pages = go_class_pages[GO_SPC_CLASS(spc)];
	struct holder *r = holder_new(test, spc, 2);
	unsigned int n;

	do {
		n = prandom_u32_state(rnd) % (GO_BATCH + 1);
		n = take(r, n) + refill(r, 1 + n % GO_BATCH);
	} while (n);
	KUNIT_EXPECT_EQ(test, r->n, 2 * nelems);
	KUNIT_EXPECT_NULL(test, r->cur);
	KUNIT_EXPECT_EQ(test, r->c->nonempty, 0);
	expect_lists(r, 2);

	shuffle(r, rnd);
	put_all(r);
	expect_lists(r, 2);
	KUNIT_EXPECT_EQ(test, r->c->idle, 2);
	KUNIT_EXPECT_EQ(test, gocentral_idle_pages(r->c->node), 2 * pages);
	KUNIT_EXPECT_EQ(test, pages_inuse(r->h), 2 * pages);
	KUNIT_EXPECT_EQ(test, gocentral_trim(r->c, 1), 1);
	expect_lists(r, 1);
	KUNIT_EXPECT_EQ(test, pages_inuse(r->h), pages);
	KUNIT_EXPECT_EQ(test, gocentral_trim(r->c, UINT_MAX), 1);
	expect_lists(r, 0);
	KUNIT_EXPECT_EQ(test, gocentral_idle_pages(r->c->node), 0);
	KUNIT_EXPECT_EQ(test, pages_inuse(r->h), 0);
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
	struct holder *r = holder_new(test, GO_SPC(10, 0), 1);
	unsigned int i, n, idx = 0;

	while ((n = take(r, 5) ?: refill(r, 5)))
		for (i = r->n; n--; idx++)
			KUNIT_EXPECT_PTR_EQ(test, r->slot[--i].obj,
					    gospan_object(gotest_span_of(r->h,
								  r->slot[i].obj),
							  idx));
	KUNIT_EXPECT_EQ(test, idx, 64);
	put_all(r);
}

/* Memory for the state byte says never used, until it was. */
static void fresh_once(struct kunit *test)
{
	struct holder *r = holder_new(test, GO_SPC(18, 0), 1);
	u8 first;
	unsigned int i;

	refill(r, 1);
	first = *(r->slot[0].state + 1);
	KUNIT_EXPECT_EQ(test, first, gotest_span_of(r->h, r->slot[0].obj)->needzero ?
			GO_OBJ_FREE : GO_OBJ_FRESH);
	hold_all(r);
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
static void leave_out(struct holder *r, const unsigned int out[3],
		      struct gospan *span[3])
{
	unsigned int i, nelems, first = 0;

	hold_all(r);
	by_span(r);
	for (i = 0; i < 3; i++) {
		span[i] = gotest_span_of(r->h, r->slot[first].obj);
		nelems = span[i]->nelems;
		put(r, first + out[i], nelems - out[i]);
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
	struct holder *r = holder_new(test, GO_SPC(18, 0), 3);
	struct goslot slot;
	struct gospan *span[3];
	unsigned int i, left;

	leave_out(r, o->out, span);
	expect_lists(r, 3);
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
		KUNIT_EXPECT_EQ(test, refill(r, left + 1), left + 1);
		for (; left--; i++)
			KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(r->h, r->slot[i].obj),
					    span[o->first]);
		KUNIT_EXPECT_PTR_EQ(test, gotest_span_of(r->h, r->slot[i].obj),
				    span[o->second]);
		KUNIT_EXPECT_PTR_EQ(test, r->cur, span[o->second]);
	}
	put_all(r);
}

/* The current span. */

static void current_is_private(struct kunit *test)
{
	struct holder *r = holder_new(test, GO_SPC(18, 0), 1);
	struct gospan *s;
	struct goslot slot;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, refill(r, 8), 8);
	s = r->cur;
	KUNIT_ASSERT_NOT_NULL(test, s);
	expect_lists(r, 1);
	KUNIT_EXPECT_FALSE(test, gocentral_take(r->c, 256, &slot));

	/* What comes back is not handed out by anybody while it is. */
	put(r, 2, 4);
	KUNIT_EXPECT_EQ(test, s->nback, 4);
	KUNIT_EXPECT_FALSE(test, gocentral_take(r->c, 256, &slot));
	KUNIT_EXPECT_EQ(test, take(r, GO_BATCH), 24);
	KUNIT_EXPECT_EQ(test, s->nback, 4);
	KUNIT_EXPECT_EQ(test, take(r, GO_BATCH), 0);

	/* But it is when the span has been given back. */
	KUNIT_EXPECT_EQ(test, refill(r, 3), 3);
	KUNIT_EXPECT_PTR_EQ(test, r->cur, s);
	KUNIT_EXPECT_EQ(test, s->nback, 0);
	KUNIT_EXPECT_EQ(test, take(r, GO_BATCH), 1);
	KUNIT_EXPECT_EQ(test, refill(r, GO_BATCH), 0);
	KUNIT_EXPECT_EQ(test, r->n, 32);
	for (i = 0; i < r->n; i++)
		KUNIT_EXPECT_EQ(test, *r->slot[i].state, GO_OBJ_LIVE);
	put_all(r);
}

/* A batch that takes just all of a span leaves none current. */
static void exactly_all(struct kunit *test)
{
	struct holder *r = holder_new(test, GO_SPC(18, 0), 1);

	KUNIT_EXPECT_EQ(test, refill(r, 32), 32);
	KUNIT_EXPECT_NULL(test, r->cur);
	expect_lists(r, 1);
	KUNIT_EXPECT_EQ(test, r->c->nonempty, 0);
	put_all(r);
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
	struct holder *r = holder_new(test, GO_SPC(18, 0), e->spans);

	KUNIT_EXPECT_EQ(test, refill(r, 8), 8);
	put(r, 0, 8);
	/* It is nobody else's to let go. */
	expect_lists(r, e->spans);
	KUNIT_EXPECT_NOT_NULL(test, r->cur);
	if (e->refill) {
		KUNIT_EXPECT_EQ(test, refill(r, 8), 8);
		KUNIT_EXPECT_NOT_NULL(test, r->cur);
	} else {
		gocentral_uncache(r->h, r->cur);
		r->cur = NULL;
	}
	expect_lists(r, e->spans);
	put_all(r);
	expect_lists(r, e->spans);
	KUNIT_EXPECT_EQ(test, r->c->idle, e->spans);
	KUNIT_EXPECT_EQ(test, pages_inuse(r->h), e->spans);
}

/* A span that is another node's goes home. */
static void other_node(struct kunit *test)
{
	struct holder *r = holder_new(test, GO_SPC(18, 0), 1);
	struct gocentral *other = NULL;
	struct gospan *s;
	int nid;

	for_each_node_state(nid, N_MEMORY)
		if (r->h->node[nid] != r->c->node)
			other = &r->h->node[nid]->central[GO_SPC(18, 0)];
	if (!other)
		kunit_skip(test, "one node");

	KUNIT_EXPECT_EQ(test, refill(r, 8), 8);
	s = r->cur;
	KUNIT_EXPECT_EQ(test, gocentral_refill(r->h, other, &r->cur,
					       r->slot + r->n, 8), 0);
	KUNIT_EXPECT_NULL(test, r->cur);
	KUNIT_EXPECT_FALSE(test, s->cached);
	expect_lists(r, 1);
	KUNIT_EXPECT_EQ(test, other->nspans, 0);
	put_all(r);
}

/* Coming back. */

static void idle_spans_stay(struct kunit *test)
{
	struct holder *r = holder_new(test, GO_SPC(18, 0), 4);
	unsigned int i;

	hold_all(r);
	by_span(r);
	for (i = 0; i < 4; i++) {
		put(r, 0, 31);
		KUNIT_EXPECT_EQ(test, r->c->idle, i);
		put(r, 0, 1);
		KUNIT_EXPECT_EQ(test, r->c->idle, i + 1);
		expect_lists(r, 4);
		KUNIT_EXPECT_EQ(test, pages_inuse(r->h), 4);
	}
	KUNIT_EXPECT_EQ(test, gocentral_trim(r->c, 3), 3);
	expect_lists(r, 1);
	KUNIT_EXPECT_EQ(test, gocentral_trim(r->c, 3), 1);
	KUNIT_EXPECT_EQ(test, gocentral_trim(r->c, 3), 0);
	expect_lists(r, 0);
	KUNIT_EXPECT_EQ(test, pages_inuse(r->h), 0);
}

/* The background takes what nobody has needed since it last asked. */
static void trim_idle(struct kunit *test)
{
	struct holder *r = holder_new(test, GO_SPC(18, 0), 4);

	gocentral_trim_idle(r->c);
	gocentral_trim_idle(r->c);
	expect_lists(r, 0);

	r = holder_new(test, GO_SPC(18, 0), 4);
	gocentral_trim_idle(r->c);
	expect_lists(r, 4);
	while (r->n < 3 * 32 && (take(r, 16) || refill(r, 16)))
		;
	put_all(r);
	KUNIT_EXPECT_EQ(test, r->c->idle, 4);
	gocentral_trim_idle(r->c);
	expect_lists(r, 3);
	KUNIT_EXPECT_EQ(test, r->c->idle, 3);
	gocentral_trim_idle(r->c);
	expect_lists(r, 0);
}

/* More than move under one hold. */
static void trim_many(struct kunit *test)
{
	struct holder *r = holder_new(test, GO_SPC(51, 0), 1);

	/* Growing takes idle spans first. */
	while (refill(r, 1) && r->n <= 3 * GO_BATCH)
		grow(test, GO_SPC(51, 0));
	put_all(r);
	KUNIT_EXPECT_EQ(test, gocentral_trim(r->c, UINT_MAX), GO_BATCH);
	expect_lists(r, 2 * GO_BATCH + 1);
	/* Twice: what was idle all the time, and what is idle now. */
	gocentral_trim_idle(r->c);
	gocentral_trim_idle(r->c);
	expect_lists(r, 0);
}

/* Before the heap grows it takes what the mcentrals do not use. */
static void heap_takes_idle(struct kunit *test)
{
	struct holder *r = holder_new(test, GO_SPC(51, 0), 1);
	struct gonode *node = r->c->node;
	unsigned long sys;
	struct gospan **s;
	unsigned int i, n = 160;

	s = kunit_kcalloc(test, n, sizeof(*s), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	while (refill(r, 1) && r->n < n)
		grow(test, GO_SPC(51, 0));
	put_all(r);
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
	struct holder *r = holder_new(test, GO_SPC(18, 0), 3);

	KUNIT_EXPECT_EQ(test, refill(r, 1), 1);
	gocentral_trim(r->c, UINT_MAX);
	expect_lists(r, 1);
	KUNIT_EXPECT_EQ(test, pages_inuse(r->h), 1);
	put_all(r);
}

/* A workload at the edge does not take and return the same span. */
static void no_ping_pong(struct kunit *test)
{
	struct holder *r = holder_new(test, GO_SPC(51, 0), 1);
	unsigned long released = r->c->node->released;
	unsigned int i, before = pages_inuse(r->h);
	struct goslot slot;

	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_TRUE(test, gocentral_take(r->c, 8192, &slot));
		KUNIT_EXPECT_EQ(test, pages_inuse(r->h), before);
		gocentral_free(r->h, &slot, 1, true);
		KUNIT_EXPECT_EQ(test, pages_inuse(r->h), before);
	}
	KUNIT_EXPECT_EQ(test, r->c->node->released, released);
	expect_lists(r, 1);
}

/* Objects of many classes in one call each find their mcentral. */
static void mixed_batch(struct kunit *test)
{
	static const unsigned int spcs[] = { 2, 3, 36, 37, 102, 134 };
	struct holder *r[ARRAY_SIZE(spcs)];
	struct goslot *slot = kunit_kcalloc(test, 600, sizeof(*slot),
					    GFP_KERNEL);
	unsigned int i, n = 0;

	KUNIT_ASSERT_NOT_NULL(test, slot);
	for (i = 0; i < ARRAY_SIZE(spcs); i++) {
		r[i] = holder_new(test, spcs[i], 3);
		while (r[i]->n < 100 && (take(r[i], 32) || refill(r[i], 32)))
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
		put_all(r[i]);
	for (i = 0; i < ARRAY_SIZE(spcs); i++)
		gocentral_trim(r[i]->c, UINT_MAX);
	KUNIT_EXPECT_EQ(test, pages_inuse(r[0]->h), 0);
}

/* Past the mcache. */

static void take_counts(struct kunit *test)
{
	struct holder *r = holder_new(test, GO_SPC(26, 0), 1);
	struct gocentral *c = r->c;
	unsigned int i;

	for (i = 0; gocentral_take(c, 500 + i, &r->slot[i]); i++)
		KUNIT_ASSERT_LT(test, i, 16);
	KUNIT_EXPECT_EQ(test, i, 16);
	note_new(r, i);
	expect_lists(r, 1);
	KUNIT_EXPECT_EQ(test, c->mallocs, 16);
	KUNIT_EXPECT_EQ(test, c->requested, 16 * 500 + 120);
	KUNIT_EXPECT_EQ(test, c->frees, 0);
	KUNIT_EXPECT_EQ(test, goverify(r->h, NULL), 0);

	gocentral_free(r->h, r->slot, 7, true);
	KUNIT_EXPECT_EQ(test, c->frees, 7);
	expect_lists(r, 1);
	KUNIT_EXPECT_EQ(test, goverify(r->h, NULL), 0);
	gocentral_free(r->h, r->slot + 7, 9, true);
	KUNIT_EXPECT_EQ(test, c->frees, 16);
	KUNIT_EXPECT_EQ(test, c->mallocs, 16);
	KUNIT_EXPECT_EQ(test, goverify(r->h, NULL), 0);
}

/* Twice. */

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

/* A double free that got as far as the span is found, and harms nobody. */
static void double_free(struct kunit *test)
{
	const struct twice *t = test->param_value;
	struct holder *r = holder_new(test, GO_SPC(10, 0), 1);
	struct goslot bad, slot;
	struct gospan *s;
	unsigned int left;

	while (r->n < 48)
		refill(r, 16);
	if (!t->is_current) {
		gocentral_uncache(r->h, r->cur);
		r->cur = NULL;
	}
	/* The lowest of all, which is what the next one to ask gets. */
	if (t->merged)
		put(r, 15, 1);
	bad = r->slot[t->at];
	s = gotest_span_of(r->h, bad.obj);
	put(r, t->at, 1);
	if (t->merged) {
		/* Somebody takes it, and what else was back can be taken. */
		KUNIT_EXPECT_TRUE(test, gocentral_take(r->c, 128, &slot));
		KUNIT_EXPECT_PTR_NE(test, slot.obj, bad.obj);
		KUNIT_EXPECT_EQ(test, s->nback, 0);
		gocentral_free(r->h, &slot, 1, true);
	}
	left = s->navail + s->nback;

	memmove(r->slot + t->at + 1, r->slot + t->at,
		(r->n++ - t->at) * sizeof(bad));
	r->slot[t->at] = bad;
	put_again(r, r->slot, t->n);
	r->n -= t->n;
	memmove(r->slot, r->slot + t->n, r->n * sizeof(r->slot[0]));
	KUNIT_EXPECT_EQ(test, gotest_misuses(r->h, GO_DOUBLE_FREE), 1);
	KUNIT_EXPECT_EQ(test, s->navail + s->nback, left + t->n - 1);
	expect_lists(r, 1);
	put_all(r);
	KUNIT_EXPECT_EQ(test, gotest_misuses(r->h, GO_DOUBLE_FREE), 1);
	expect_lists(r, 1);
}

/* A double free is balanced by an allocation: what is live stays what it is. */
static void double_free_count(struct kunit *test)
{
	struct holder *r = holder_new(test, GO_SPC(10, 0), 2);
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

/* When its span has gone to the heap an object is nobody's. */
static void double_free_gone(struct kunit *test)
{
	struct holder *r = holder_new(test, GO_SPC(10, 0), 1);
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
	struct holder *r = holder_new(test, GO_SPC(3, 0), 1);
	struct goslot slot;
	struct gospan *s;

	KUNIT_EXPECT_EQ(test, refill(r, 8), 8);
	s = r->cur;
	gocentral_uncache(r->h, s);
	r->cur = NULL;
	slot = r->slot[0];
	slot.obj += 8;
	put_again(r, &slot, 1);
	KUNIT_EXPECT_EQ(test, s->nback, 0);
	slot.obj = gospan_object(s, s->nelems);
	slot.state = s->objstate + s->nelems;
	put_again(r, &slot, 1);
	KUNIT_EXPECT_EQ(test, s->nback, 0);
	KUNIT_EXPECT_EQ(test, s->navail, 341 - 8);
	KUNIT_EXPECT_EQ(test, gotest_misuses(r->h, GO_DOUBLE_FREE), 2);
	put_all(r);
}

/* Anything at any time. */

static void random_step(struct holder *r, u32 what, u32 n)
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
		if (r->n < MOST - GO_BATCH)
			refill(r, 1 + n % GO_BATCH);
		break;
	case 3:
		if (r->n < MOST - GO_BATCH)
			take(r, n % GO_BATCH);
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
		put(r, n % r->n, min(r->n - n % r->n, n / 1024 % 64));
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
	struct holder *r = holder_new(test, GO_SPC(*class, 0), 1);
	struct rnd_state rnd;

	gotest_random(test, &rnd);
	for (i = 0; i < steps; i++) {
		random_step(r, prandom_u32_state(&rnd),
			    prandom_u32_state(&rnd));
		if (i % 16 == 0)
			shuffle(r, &rnd);
		expect_lists(r, r->c->nspans);
	}
	put_all(r);
	gocentral_trim(r->c, UINT_MAX);
	expect_lists(r, 0);
	KUNIT_EXPECT_EQ(test, pages_inuse(r->h), 0);
	KUNIT_EXPECT_EQ(test, gotest_misuses(r->h, GO_DOUBLE_FREE), 0);
}

/* Many holders at one mcentral, who free each other's objects. */

struct trader {
	struct work_struct work;
	struct holder *r;
	struct goslot *market;
	spinlock_t *lock;	/* of the market */
	struct gospan *cur;
	struct rnd_state rnd;
	unsigned int bad;
};

#define STALLS	64

/* Mark, look whether somebody else has it, and swap with who knows whom. */
static void trade(struct trader *t, struct goslot *slot, unsigned int n)
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
	struct holder *r = t->r;
	struct goslot slot[GO_BATCH];

	for (i = 0; i < steps; i++) {
		n = 1 + prandom_u32_state(&t->rnd) % GO_BATCH;
		k = t->cur ? gospan_take(t->cur, slot, n) : 0;
		if (!k)
			k = gocentral_refill(r->h, r->c, &t->cur, slot, n);
		if (!k)
			gosource_span(r->h, r->c->node->nid, r->c->spanclass,
				       GFP_KERNEL);
		trade(t, slot, k);
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
	struct holder *r = holder_new(test, GO_SPC(18, 0), 1);
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
		queue_work(system_unbound_wq, &t[i].work);
	}
	for (i = 0; i < 6; i++) {
		flush_work(&t[i].work);
		KUNIT_EXPECT_EQ(test, t[i].bad, 0);
	}
	for (i = 0; i < STALLS; i++)
		if (r->slot[i].obj)
			gocentral_free(r->h, &r->slot[i], 1, false);
	expect_lists(r, r->c->nspans);
	gocentral_trim(r->c, UINT_MAX);
	expect_lists(r, 0);
	KUNIT_EXPECT_EQ(test, pages_inuse(r->h), 0);
	KUNIT_EXPECT_EQ(test, gotest_misuses(r->h, GO_DOUBLE_FREE), 0);
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
	KUNIT_CASE(heap_takes_idle),
	KUNIT_CASE(trim_many),
	KUNIT_CASE(trim),
	KUNIT_CASE(no_ping_pong),
	KUNIT_CASE(mixed_batch),
	KUNIT_CASE(take_counts),
	KUNIT_CASE_PARAM(double_free, twice_gen_params),
	KUNIT_CASE(double_free_count),
	KUNIT_CASE(double_free_gone),
	KUNIT_CASE(not_an_object),
	KUNIT_CASE_PARAM(random_order, class_gen_params),
	KUNIT_CASE(market),
	{}
};

static struct kunit_suite central_suite = {
	.name = "goalloc_central",
	.init = gotest_heap_init,
	.exit = gotest_heap_exit,
	.test_cases = central_cases,
};

kunit_test_suites(&central_suite);
