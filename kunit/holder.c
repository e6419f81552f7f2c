// SPDX-License-Identifier: GPL-2.0
/*
 * What stands where an mcache does; see holder.h.
 */

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/string.h>
#include "central.h"
#include "holder.h"
#include "source.h"
#include "span.h"

KUNIT_DEFINE_ACTION_WRAPPER(free_holder, kvfree, const void *)

struct gocentral *gotest_span_new(struct kunit *test, unsigned int spc)
{
	struct gocentral *c;

	c = gosource_span(gotest_heap(test), NUMA_NO_NODE, spc, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_EXPECT_EQ(test, c->spanclass, spc);
	return c;
}

/* A holder of nothing, at an mcentral with some fresh spans. */
struct gotest_holder *gotest_holder_new(struct kunit *test, unsigned int spc,
					unsigned int spans)
{
	struct gotest_holder *r = kvzalloc(sizeof(*r), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, r);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_holder, r),
			0);
	r->test = test;
	r->h = gotest_heap(test);
	/* All from the node that the first comes from. */
	r->c = gotest_span_new(test, spc);
	for (i = 1; i < spans; i++)
		KUNIT_EXPECT_PTR_EQ(test,
				    gosource_span(r->h, r->c->node->nid, spc,
						  GFP_KERNEL), r->c);
	KUNIT_EXPECT_EQ(test, r->c->nspans, spans);
	return r;
}

/* What has just been got must be free objects' starts, in their class. */
void gotest_holder_note(struct gotest_holder *r, unsigned int n)
{
	struct goslot *slot;
	struct gospan *s;
	unsigned long idx;

	while (n--) {
		slot = &r->slot[r->n++];
		s = gotest_span_of(r->h, slot->obj);
		KUNIT_EXPECT_PTR_EQ(r->test, s->central, r->c);
		KUNIT_EXPECT_TRUE(r->test, gospan_index(s, slot->obj, &idx));
		KUNIT_EXPECT_LT(r->test, idx, s->nelems);
		KUNIT_EXPECT_PTR_EQ(r->test, slot->state, s->objstate + idx);
		/* Live means that it was handed out already. */
		KUNIT_EXPECT_LT(r->test, *slot->state, GO_OBJ_LIVE);
		*slot->state = GO_OBJ_LIVE;
	}
}

unsigned int gotest_holder_refill(struct gotest_holder *r, unsigned int want)
{
	unsigned int n;

	KUNIT_ASSERT_LE(r->test, r->n, GOTEST_HOLDER_MAX);
	n = gocentral_refill(r->h, r->c, &r->cur, r->slot + r->n, want);
	KUNIT_EXPECT_LE(r->test, n, want);
	if (r->cur) {
		KUNIT_EXPECT_TRUE(r->test, r->cur->cached);
		KUNIT_EXPECT_EQ(r->test, n, want);
		KUNIT_EXPECT_GT(r->test, r->cur->navail, 0);
	}
	gotest_holder_note(r, n);
	return n;
}

/* From the current span, without a lock. */
unsigned int gotest_holder_take(struct gotest_holder *r, unsigned int want)
{
	unsigned int n = 0;

	if (r->cur)
		n = gospan_take(r->cur, r->slot + r->n, want);
	gotest_holder_note(r, n);
	return n;
}

void gotest_holder_take_all(struct gotest_holder *r)
{
	while (gotest_holder_take(r, GO_BATCH) || gotest_holder_refill(r, GO_BATCH))
		;
	KUNIT_EXPECT_NULL(r->test, r->cur);
}

/* Give back some, from any place among those held. */
void gotest_holder_put(struct gotest_holder *r, unsigned int first,
		       unsigned int n)
{
	gocentral_free(r->h, r->slot + first, n, false);
	r->n -= n;
	memmove(r->slot + first, r->slot + first + n,
		(r->n - first) * sizeof(r->slot[0]));
}

/* What is free already: a stack that had it has counted it, and so do we. */
void gotest_holder_put_again(struct gotest_holder *r, struct goslot *slot,
			     unsigned int n)
{
	/* As the first object of an mcache would. */
	cpumask_set_cpu(raw_smp_processor_id(), &r->h->cpus);
	raw_cpu_ptr(r->h->mcache)->stack[r->c->spanclass].frees++;
	gocentral_free(r->h, slot, n, false);
}

void gotest_holder_put_all(struct gotest_holder *r)
{
	gotest_holder_put(r, 0, r->n);
	if (r->cur)
		gocentral_uncache(r->h, r->cur);
	r->cur = NULL;
}

void gotest_holder_shuffle(struct gotest_holder *r, struct rnd_state *rnd)
{
	unsigned int i, n;

	for (n = r->n; n > 1; n--) {
		i = prandom_u32_state(rnd) % n;
		swap(r->slot[i], r->slot[n - 1]);
	}
}

/* Sort those held so that a span's are together; the span of the first. */
void gotest_holder_sort(struct gotest_holder *r)
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
void gotest_expect_lists(struct gotest_holder *r, unsigned int spans)
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

unsigned long gotest_pages_inuse(struct goheap *h)
{
	unsigned long n = 0;
	int nid;

	for_each_node_state(nid, N_MEMORY)
		n += h->node[nid]->sys - h->node[nid]->runs.free;
	return n;
}
