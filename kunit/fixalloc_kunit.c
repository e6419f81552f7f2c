// SPDX-License-Identifier: GPL-2.0
/*
 * fixalloc: objects of one size, on nodes of the test's own.
 *
 * fixalloc.c is included; nothing of it is exported for this.
 *
 * What must hold is little: no two objects overlap, they are aligned, the
 * counts are true, the reserve is only for contexts that cannot get more, and
 * chunks not in use can go back while all others stay.  Objects are filled with
 * what is theirs and looked at again before they go, which is how an overlap or
 * a chunk given back too early would show.
 */

#include <linux/hash.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "../fixalloc.c"

#include "common.h"
#include "fixalloc.h"
#include "lifecycle.h"
#include "numa.h"

static const unsigned int sizes[] = {
	8, 20, 64, 128, 168, 256, 1000, 2048, 2704, 4096, GO_ARENA_TABLE + 40,
};

static void size_name(const unsigned int *size, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%u", *size);
}

KUNIT_ARRAY_PARAM(size, sizes, size_name);

static struct goheap *heap_of(const struct gofixalloc *f)
{
	return f->node->heap;
}

static void *zeroed(struct kunit *test, size_t bytes)
{
	void *p = kunit_kzalloc(test, bytes, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	return p;
}

static void no_worker(struct irq_work *kick)
{
}

/* A heap with nothing but nodes without memory; nid 1 may be no real node. */
static struct goheap *new_heap(struct kunit *test, unsigned int nodes)
{
	struct goheap *h = zeroed(test, sizeof(*h));
	unsigned int kind;
	int nid;

	init_irq_work(&h->kick, no_worker);
	h->node = zeroed(test, max(nr_node_ids, nodes) * sizeof(*h->node));
	for (nid = 0; nid < nodes; nid++) {
		h->node[nid] = zeroed(test, sizeof(struct gonode));
		h->node[nid]->heap = h;
		h->node[nid]->nid = nid;
		for (kind = 0; kind < GO_NR_FIX; kind++)
			gofixalloc_init(h->node[nid], kind, 64, 0);
	}
	for (; nid < nr_node_ids; nid++)
		h->node[nid] = h->node[0];
	return h;
}

/* An allocator; the test's end leaves its memory to end_fix(). */
static struct gofixalloc *new_fix(struct kunit *test, unsigned int size,
				  unsigned int reserve)
{
	struct goheap *h = new_heap(test, 1);
	struct gofixalloc *f = &h->node[0]->fix[GO_FIX_SPAN];

	gofixalloc_init(h->node[0], GO_FIX_SPAN, size, reserve);
	KUNIT_EXPECT_GE(test, f->size, size);
	return f;
}

/* The end of an allocator, of which nothing may be in use. */
static void end_fix(struct kunit *test, struct gofixalloc *f)
{
	unsigned long chunks = f->nchunks;
	LIST_HEAD(out);

	KUNIT_EXPECT_EQ(test, f->inuse, 0);
	gofixalloc_settle(heap_of(f));
	irq_work_sync(&heap_of(f)->kick);
	KUNIT_EXPECT_EQ(test, f->nwait, 0);
	KUNIT_EXPECT_EQ(test, f->nfree, f->nchunks * f->perchunk);
	f->reserve = 0;
	KUNIT_EXPECT_EQ(test, gofixalloc_detach(f, &out),
			chunks * PAGE_SIZE << f->order);
	KUNIT_EXPECT_EQ(test, f->nchunks, 0);
	KUNIT_EXPECT_EQ(test, f->nfree, 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&f->chunks));
	KUNIT_EXPECT_NULL(test, gofixalloc_pop(f));
	gofixalloc_release(heap_of(f), &out);
}

static void **pointers(struct kunit *test, unsigned int n)
{
	void **p = kunit_kcalloc(test, n, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	return p;
}

static u8 mark_of(const void *p)
{
	return hash_long((unsigned long)p, 8);
}

static void fill(struct gofixalloc *f, void *p)
{
	memset(p, mark_of(p), f->size);
}

static bool intact(struct gofixalloc *f, void *p)
{
	return !memchr_inv(p, mark_of(p), f->size);
}

static void expect_counts(struct kunit *test, struct gofixalloc *f,
			  unsigned long inuse)
{
	KUNIT_EXPECT_EQ(test, f->inuse, inuse);
	KUNIT_EXPECT_EQ(test, f->inuse + f->nwait + f->nfree,
			f->nchunks * f->perchunk);
}

static void shuffle(struct rnd_state *rnd, void **p, unsigned int n)
{
	while (n > 1) {
		unsigned int i = prandom_u32_state(rnd) % n--;

		swap(p[i], p[n]);
	}
}

/* More than three chunks of them, freed in no order. */
static void distinct(struct kunit *test)
{
	const unsigned int *size = test->param_value;
	struct gofixalloc *f = new_fix(test, *size, 0);
	unsigned int i, n = 3 * f->perchunk + 1;
	void **p = pointers(test, n);
	struct rnd_state rnd;

	gotest_random(test, &rnd);
	for (i = 0; i < n; i++) {
		p[i] = gofixalloc_alloc(f, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		fill(f, p[i]);
		expect_counts(test, f, i + 1);
	}
	KUNIT_EXPECT_EQ(test, f->nchunks, 4);
	shuffle(&rnd, p, n);
	for (i = 0; i < n; i++) {
		if (!intact(f, p[i]))
			KUNIT_FAIL(test, "object %p was written to", p[i]);
		gofixalloc_free(heap_of(f), p[i]);
	}
	end_fix(test, f);
}

static void objects_are_aligned(struct kunit *test)
{
	const unsigned int *size = test->param_value;
	struct gofixalloc *f = new_fix(test, *size, 0);
	unsigned long align = max(8UL, min(64UL, 1UL << __ffs(f->size)));
	unsigned int i, n = f->perchunk + 1;
	void **p = pointers(test, n);

	for (i = 0; i < n; i++) {
		p[i] = gofixalloc_alloc(f, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_TRUE_MSG(test,
				      IS_ALIGNED((unsigned long)p[i], align),
				      "%p of %u bytes", p[i], f->size);
	}
	while (i--)
		gofixalloc_free(heap_of(f), p[i]);
	end_fix(test, f);
}

/*
 * Of all that a heap has, a chunk is one page, and at most a sixteenth of that
 * is waste.  One kind stands alone in its own and does not fill it: what a span of
 * tiny objects has.
 */
static void little_waste(struct kunit *test)
{
	struct goheap *h = zeroed(test, sizeof(*h));
	struct gofixalloc *f;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, golifecycle_begin(h), 0);
	for (i = 0; i < GO_NR_FIX; i++) {
		f = &h->node[first_memory_node]->fix[i];
		KUNIT_EXPECT_FALSE(test, gofixalloc_low(f));
		KUNIT_EXPECT_EQ(test, f->order, 0);
		if (f->size < PAGE_SIZE / 2 || f->size == PAGE_SIZE)
			KUNIT_EXPECT_GE_MSG(test, f->perchunk * f->size,
					    PAGE_SIZE - PAGE_SIZE / 16,
					    "objects of %u bytes", f->size);
	}
	golifecycle_end(h);
}

/* What a node's allocator hands out is on that node, if it has memory. */
static void chunks_are_local(struct kunit *test)
{
	struct goheap *h = zeroed(test, sizeof(*h));
	unsigned int i, kind;
	void *p[40];
	int nid;

	KUNIT_ASSERT_EQ(test, golifecycle_begin(h), 0);
	for_each_gonode(h, nid) {
		for (kind = 0; kind < GO_NR_FIX; kind++) {
			for (i = 0; i < ARRAY_SIZE(p); i++) {
				p[i] = gofixalloc_alloc(&h->node[nid]->fix[kind],
							GFP_KERNEL);
				KUNIT_ASSERT_NOT_NULL(test, p[i]);
				KUNIT_EXPECT_EQ(test, nid,
						page_to_nid(virt_to_page(p[i])));
			}
			while (i--)
				gofixalloc_free(h, p[i]);
		}
	}
	golifecycle_end(h);
}

/* Without memory another node's object is better than none; it goes home. */
static void other_nodes_help(struct kunit *test)
{
	struct goheap *h = new_heap(test, 2);
	struct gofixalloc *f[2];
	void *p[64], *q;
	unsigned int i;

	if (nr_node_ids < 2)
		kunit_skip(test, "needs a kernel with two nodes");
	for (i = 0; i < 2; i++) {
		f[i] = &h->node[i]->fix[GO_FIX_BITS];
		gofixalloc_init(h->node[i], GO_FIX_BITS, 64, 8);
	}
	KUNIT_ASSERT_TRUE(test, gofixalloc_top_up(f[1], GFP_KERNEL));
	/* At its limit, the heap gets nothing from the page allocator. */
	h->limit = 1;
	for (i = 0; i < 64; i++) {
		p[i] = gofixalloc_alloc(f[0], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	KUNIT_EXPECT_EQ(test, f[0]->inuse, 0);
	KUNIT_EXPECT_EQ(test, f[1]->inuse, 64);
	q = gofixalloc_alloc(f[0], GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, q);
	while (i--)
		gofixalloc_free(h, p[i]);
	KUNIT_EXPECT_EQ(test, f[1]->nfree, 64);
	end_fix(test, f[0]);
	end_fix(test, f[1]);
}

/* What is freed last is used first, and chunks in use before empty ones. */
static void reuse(struct kunit *test)
{
	struct gofixalloc *f = new_fix(test, 1000, 0);
	unsigned int i, n = 2 * f->perchunk;
	void **p = pointers(test, n), *again;

	for (i = 0; i < n; i++)
		p[i] = gofixalloc_alloc(f, GFP_KERNEL);
	/* The first chunk empties but for one, the second altogether. */
	for (i = 1; i < n; i++)
		gofixalloc_free(heap_of(f), p[i]);
	again = gofixalloc_alloc(f, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, (unsigned long)again & -(PAGE_SIZE << f->order),
			(unsigned long)p[0] & -(PAGE_SIZE << f->order));
	KUNIT_EXPECT_EQ(test, f->nchunks, 2);
	gofixalloc_free(heap_of(f), again);
	gofixalloc_free(heap_of(f), p[0]);
	end_fix(test, f);
}

/* A caller that may get more does so before it touches the reserve. */
static void reserve_is_left_alone(struct kunit *test)
{
	struct gofixalloc *f = new_fix(test, 1000, 3);
	unsigned int i, n = 5 * f->perchunk;
	void **p = pointers(test, n);

	KUNIT_EXPECT_TRUE(test, gofixalloc_low(f));
	KUNIT_EXPECT_TRUE(test, gofixalloc_top_up(f, GFP_KERNEL));
	KUNIT_EXPECT_FALSE(test, gofixalloc_low(f));
	KUNIT_EXPECT_EQ(test, f->nchunks, 1);
	for (i = 0; i < n; i++) {
		p[i] = gofixalloc_alloc(f, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_ASSERT_FALSE(test, gofixalloc_low(f));
	}
	while (i--)
		gofixalloc_free(heap_of(f), p[i]);
	end_fix(test, f);
}

/* One that may not gets the reserve to its last object, and then nothing. */
static void reserve_is_there(struct kunit *test)
{
	struct gofixalloc *f = new_fix(test, 1000, 3);
	void **p = pointers(test, f->perchunk);
	unsigned int i;

	KUNIT_EXPECT_NULL(test, gofixalloc_pop(f));
	gofixalloc_top_up(f, GFP_KERNEL);
	for (i = 0; i < f->perchunk; i++) {
		KUNIT_EXPECT_EQ(test, gofixalloc_low(f), f->perchunk - i < 3);
		p[i] = gofixalloc_pop(f);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	KUNIT_EXPECT_NULL(test, gofixalloc_pop(f));
	KUNIT_EXPECT_EQ(test, f->nchunks, 1);
	expect_counts(test, f, f->perchunk);

	KUNIT_EXPECT_TRUE(test, gofixalloc_top_up(f, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, f->nchunks, 2);
	while (i--)
		gofixalloc_free(heap_of(f), p[i]);
	end_fix(test, f);
}

/* With preemption off the reserve goes first, and growing comes last. */
static void reserve_when_atomic(struct kunit *test)
{
	struct gofixalloc *f = new_fix(test, 1000, 3);
	void **p = pointers(test, f->perchunk + 1);
	unsigned int i;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "no growing with preemption off");
	gofixalloc_top_up(f, GFP_KERNEL);
	preempt_disable();
	for (i = 0; i < f->perchunk; i++)
		p[i] = gofixalloc_alloc(f, GFP_NOWAIT);
	preempt_enable();
	/* Without a preemption count the code cannot tell that it is off. */
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT))
		KUNIT_EXPECT_EQ(test, f->nchunks, 1);
	for (i = 0; i < f->perchunk; i++)
		KUNIT_EXPECT_NOT_NULL(test, p[i]);

	preempt_disable();
	p[i] = gofixalloc_alloc(f, GFP_NOWAIT);
	preempt_enable();
	KUNIT_EXPECT_NOT_NULL(test, p[i]);
	KUNIT_EXPECT_EQ(test, f->nchunks, 2);
	for (i = 0; i <= f->perchunk; i++)
		gofixalloc_free(heap_of(f), p[i]);
	end_fix(test, f);
}

/* Chunks in use stay, and so does what the reserve needs. */
static void detach(struct kunit *test)
{
	struct gofixalloc *f = new_fix(test, 1000, 1);
	unsigned int i, n = 4 * f->perchunk;
	void **p = pointers(test, n);
	LIST_HEAD(out);

	for (i = 0; i < n; i++) {
		p[i] = gofixalloc_alloc(f, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		fill(f, p[i]);
	}
	KUNIT_EXPECT_EQ(test, gofixalloc_detach(f, &out), 0);
	/* Of each chunk but the first, all but the last object goes. */
	for (i = f->perchunk; i < n; i++)
		if ((i + 1) % f->perchunk)
			gofixalloc_free(heap_of(f), p[i]);
	KUNIT_EXPECT_EQ(test, f->nchunks, 5);
	KUNIT_EXPECT_EQ(test, gofixalloc_detach(f, &out), PAGE_SIZE << f->order);
	/* Then the last objects too; of the free ones one must stay. */
	for (i = 2 * f->perchunk - 1; i < n; i += f->perchunk)
		gofixalloc_free(heap_of(f), p[i]);
	expect_counts(test, f, f->perchunk);
	KUNIT_EXPECT_EQ(test, gofixalloc_detach(f, &out),
			2 * PAGE_SIZE << f->order);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&out), 3);
	KUNIT_EXPECT_FALSE(test, gofixalloc_low(f));
	expect_counts(test, f, f->perchunk);
	gofixalloc_release(heap_of(f), &out);
	for (i = 0; i < f->perchunk; i++) {
		KUNIT_EXPECT_TRUE(test, intact(f, p[i]));
		gofixalloc_free(heap_of(f), p[i]);
	}
	end_fix(test, f);
}

/*
 * While a reader may know of an object it is not handed out, but reused on
 * demand; all that is in it stays but for the first word.
 */
static void readers_are_waited_for(struct kunit *test)
{
	struct gofixalloc *f = new_fix(test, 1000, 0);
	unsigned int i, n = f->perchunk;
	void **p = pointers(test, n), *q[8];
	LIST_HEAD(out);

	for (i = 0; i < n; i++) {
		p[i] = gofixalloc_alloc(f, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		fill(f, p[i]);
	}
	preempt_disable();
	for (i = 0; i < n; i++)
		gofixalloc_free_rcu(heap_of(f), p[i]);
	expect_counts(test, f, 0);
	KUNIT_EXPECT_EQ(test, f->nwait, n);
	/* Each asks whether the grace period has ended. */
	for (i = 0; i < ARRAY_SIZE(q); i++)
		KUNIT_EXPECT_NULL(test, gofixalloc_pop(f));
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(p[i] + sizeof(long),
						   mark_of(p[i]),
						   f->size - sizeof(long)));
	KUNIT_EXPECT_EQ(test, gofixalloc_detach(f, &out), 0);
	/* What was noted at once, and what is freed after that. */
	q[0] = gofixalloc_reuse(f);
	KUNIT_EXPECT_NOT_NULL(test, q[0]);
	expect_counts(test, f, 1);
	if (q[0])
		gofixalloc_free_rcu(heap_of(f), q[0]);
	preempt_enable();

	gofixalloc_settle(heap_of(f));
	KUNIT_EXPECT_EQ(test, f->nwait, 0);
	KUNIT_EXPECT_EQ(test, f->nfree, n);
	KUNIT_EXPECT_NULL(test, gofixalloc_reuse(f));
	end_fix(test, f);
}

/* When the grace period is over, the next that needs one finds them. */
static void wait_ends_by_itself(struct kunit *test)
{
	struct gofixalloc *f = new_fix(test, 64, 0);
	unsigned int i, n = f->perchunk;
	void **p = pointers(test, n);

	for (i = 0; i < n; i++)
		p[i] = gofixalloc_alloc(f, GFP_KERNEL);
	for (i = 0; i < n; i++)
		gofixalloc_free_rcu(heap_of(f), p[i]);
	/* The first one to ask notes which grace period it is. */
	KUNIT_EXPECT_NULL(test, gofixalloc_pop(f));
	synchronize_rcu();
	for (i = 0; i < n; i++) {
		p[i] = gofixalloc_alloc(f, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	KUNIT_EXPECT_EQ(test, f->nchunks, 1);
	KUNIT_EXPECT_EQ(test, f->nwait, 0);
	while (i--)
		gofixalloc_free(heap_of(f), p[i]);
	end_fix(test, f);
}

/* Anything at any time: allocate, free, reuse, settle, detach. */
static void random_order(struct kunit *test)
{
	unsigned int n = 0, steps = IS_ENABLED(CONFIG_KASAN) ? 4000 : 100000;
	struct gofixalloc *f = new_fix(test, 400, 5);
	const unsigned int most = 300;
	void **p = pointers(test, most);
	struct rnd_state rnd;
	LIST_HEAD(out);

	gotest_random(test, &rnd);
	while (steps--) {
		u32 r = prandom_u32_state(&rnd);
		bool grow = r / 4096 % most > n / 2;

		if (r % 1024 == 1) {
			gofixalloc_settle(heap_of(f));
		} else if (r % 256 == 0) {
			gofixalloc_detach(f, &out);
			gofixalloc_release(heap_of(f), &out);
			INIT_LIST_HEAD(&out);
		} else if (grow && n < most) {
			p[n] = r & BIT(20) ? gofixalloc_reuse(f) : NULL;
			p[n] = p[n] ?: gofixalloc_alloc(f, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p[n]);
			fill(f, p[n++]);
		} else if (n) {
			swap(p[r / 256 % n], p[n - 1]);
			KUNIT_ASSERT_TRUE(test, intact(f, p[--n]));
			if (r & BIT(21))
				gofixalloc_free_rcu(heap_of(f), p[n]);
			else
				gofixalloc_free(heap_of(f), p[n]);
		}
	}
	expect_counts(test, f, n);
	while (n)
		gofixalloc_free(heap_of(f), p[--n]);
	end_fix(test, f);
}

static struct kunit_case fixalloc_cases[] = {
	KUNIT_CASE_PARAM(distinct, size_gen_params),
	KUNIT_CASE_PARAM(objects_are_aligned, size_gen_params),
	KUNIT_CASE(little_waste),
	KUNIT_CASE(chunks_are_local),
	KUNIT_CASE(other_nodes_help),
	KUNIT_CASE(reuse),
	KUNIT_CASE(reserve_is_left_alone),
	KUNIT_CASE(reserve_is_there),
	KUNIT_CASE(reserve_when_atomic),
	KUNIT_CASE(detach),
	KUNIT_CASE(readers_are_waited_for),
	KUNIT_CASE(wait_ends_by_itself),
	KUNIT_CASE(random_order),
	{}
};

static struct kunit_suite fixalloc_suite = {
	.name = "goalloc_fixalloc",
	.test_cases = fixalloc_cases,
};

kunit_test_suites(&fixalloc_suite);
