// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of failure: every request for memory of every call fails in its turn.
 *
 * A sweep makes one call again and again.  First its first request fails, then
 * its second, and so on until the call makes fewer requests than that; and all
 * of it twice, with that one request failing and with all from there on.  It
 * starts from a heap that holds nothing at all, not even a reserve; from one
 * that has its reserve; and from one that has done the same before.
 *
 * Whatever fails, the answer is NULL or good memory, an old object is as it was,
 * the heap is sound, MemStats agrees with itself and counts as many objects as
 * before, and no page is lost.  Only requests of this task fail: the worker
 * goes its own way, as it does in life.
 */

#include <linux/fault-inject.h>
#include <linux/gocache.h>
#include <linux/gov.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "api.h"
#include "heap.h"
#include "hooks.h"
#include "lifecycle.h"
#include "numa.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "source.h"
#include "span.h"

/* The bytes of an object of the cache that sweeps use. */
#define CACHED		1000

static struct gocache *cache;

#ifdef CONFIG_FAULT_INJECTION

/* More requests than any call makes. */
#define FOR_EVER	1000000

/* The nth request of this task, and @times in all, are to fail. */
static void arm(unsigned int nth, unsigned int times)
{
	goalloc_fail.verbose = 0;
	goalloc_fail.interval = 1;
	goalloc_fail.task_filter = true;
	atomic_set(&goalloc_fail.space, nth);
	atomic_set(&goalloc_fail.times, times);
	current->make_it_fail = 1;
	WRITE_ONCE(goalloc_fail.probability, 100);
}

/* Returns how many have not failed. */
static unsigned int disarm(void)
{
	WRITE_ONCE(goalloc_fail.probability, 0);
	current->make_it_fail = 0;
	goalloc_fail.task_filter = false;
	return atomic_read(&goalloc_fail.times);
}

static int fault_init(struct kunit *test)
{
	cache = gocache_create("fault", CACHED, 0, 0, NULL);
	return cache ? gotest_api_init(test) : -ENOMEM;
}

#else

#define FOR_EVER	1

static void arm(unsigned int nth, unsigned int times) { }
static unsigned int disarm(void) { return 0; }

static int fault_init(struct kunit *test)
{
	kunit_skip(test, "no CONFIG_FAULT_INJECTION");
}

#endif

/* Long sweeps are for kernels that are not slowed down by checkers. */
#define EVERY		(IS_ENABLED(CONFIG_KASAN) ? 8 : 32)

/* A heap without reserves holds nothing when nothing is live. */

struct reserves {
	struct goheap *h;
	unsigned int fix[GO_NR_FIX];
	unsigned long pages;
};

static void take_reserves(struct goheap *h, struct reserves *r)
{
	struct gonode *node = h->node[first_memory_node];
	unsigned int i;
	int nid;

	r->h = h;
	r->pages = node->reserve;
	for (i = 0; i < GO_NR_FIX; i++)
		r->fix[i] = node->fix[i].reserve;
	for_each_gonode(h, nid) {
		h->node[nid]->reserve = 0;
		for (i = 0; i < GO_NR_FIX; i++)
			h->node[nid]->fix[i].reserve = 0;
	}
}

static void give_reserves(const struct reserves *r)
{
	unsigned int i;
	int nid;

	for_each_gonode(r->h, nid) {
		r->h->node[nid]->reserve = r->pages;
		for (i = 0; i < GO_NR_FIX; i++)
			r->h->node[nid]->fix[i].reserve = r->fix[i];
	}
	goworker_top_up(r->h);
}

enum start {
	BARE,
	RESERVE,
	WARM,
};

#define MANY		40

/**
 * struct job - one call, to be made many times
 * @call: what to call
 * @gfp: what with
 * @atomically: with interrupts off
 * @old: for realloc: the object there is
 * @p: what was allocated
 * @n: and how many
 */
struct job {
	const struct call *call;
	gfp_t gfp;
	bool atomically;
	void *old;
	void *p[MANY];
	size_t n;
};

/**
 * struct call - a call of the API
 * @name: the function, and what is particular
 * @fn: makes it
 * @size: with this size
 * @old: for realloc: of an object of this size
 * @noscan: which gomalloc_noscan() made
 * @zero: the memory must be zero
 */
struct call {
	const char *name;
	void (*fn)(struct job *j);
	size_t size;
	size_t old;
	bool noscan;
	bool zero;
};

static void one(struct job *j, void *p)
{
	j->p[0] = p;
	j->n = p ? 1 : 0;
}

static void do_malloc(struct job *j)
{
	one(j, gomalloc(j->call->size, j->gfp));
}

static void do_noscan(struct job *j)
{
	one(j, gomalloc_noscan(j->call->size, j->gfp));
}

static void do_node(struct job *j)
{
	one(j, gomalloc_node(j->call->size, j->gfp, first_memory_node));
}

static void do_this_node(struct job *j)
{
	one(j, gomalloc_node(j->call->size, j->gfp | __GFP_THISNODE,
			     first_memory_node));
}

static void do_zalloc(struct job *j)
{
	one(j, gozalloc(j->call->size, j->gfp));
}

static void do_array(struct job *j)
{
	one(j, gomalloc_array(10, j->call->size / 10, j->gfp));
}

static void do_calloc(struct job *j)
{
	one(j, gocalloc(10, j->call->size / 10, j->gfp));
}

static void do_realloc(struct job *j)
{
	one(j, gorealloc(j->old, j->call->size, j->gfp));
}

static void do_realloc_array(struct job *j)
{
	one(j, gorealloc_array(j->old, j->call->size / 10, 10, j->gfp));
}

static void do_bulk(struct job *j)
{
	size_t n = j->call->size > GO_MAX_SMALL ? 3 : MANY;

	j->n = gomalloc_bulk(j->gfp, j->call->size, n, j->p);
}

static void do_cache(struct job *j)
{
	one(j, gocache_alloc(cache, j->gfp));
}

static void do_cache_zalloc(struct job *j)
{
	one(j, gocache_zalloc(cache, j->gfp));
}

static void do_cache_bulk(struct job *j)
{
	j->n = gocache_alloc_bulk(cache, j->gfp, MANY, j->p);
}

static void do_gov(struct job *j)
{
	one(j, govmalloc(j->call->size, j->gfp));
}

static void do_govzalloc(struct job *j)
{
	one(j, govzalloc(j->call->size, j->gfp));
}

static void do_govrealloc(struct job *j)
{
	one(j, govrealloc(j->old, j->call->size, j->gfp));
}

static const char text[] = "fourteen bytes";

static void do_memdup(struct job *j)
{
	one(j, gomemdup(text, sizeof(text), j->gfp));
}

static void do_strdup(struct job *j)
{
	one(j, gostrdup(text, j->gfp));
}

static const struct call calls[] = {
	{ "gomalloc, 1 byte", do_malloc, 1 },
	{ "gomalloc, 64 bytes", do_malloc, 64 },
	{ "gomalloc, aligned to 4 KiB", do_malloc, 4096 },
	{ "gomalloc, 32 KiB", do_malloc, 32768 },
	{ "gomalloc, large", do_malloc, 100000 },
	{ "gomalloc, large and aligned", do_malloc, SZ_256K },
	{ "gomalloc, more than half", do_malloc, SZ_2M + SZ_64K },
	{ "gomalloc, largest", do_malloc, GOALLOC_MAX_SIZE },
	{ "gomalloc_noscan, tiny", do_noscan, 5 },
	{ "gomalloc_noscan", do_noscan, 500 },
	{ "gomalloc_noscan, large", do_noscan, 50000 },
	{ "gomalloc_node", do_node, 200 },
	{ "gomalloc_node, large", do_node, 200000 },
	{ "gomalloc_node, no other", do_this_node, 2000 },
	{ "gozalloc", do_zalloc, 1000, .zero = true },
	{ "gozalloc, large", do_zalloc, 300000, .zero = true },
	{ "gomalloc_array", do_array, 700 },
	{ "gocalloc", do_calloc, 7000, .zero = true },
	{ "gorealloc of nothing", do_realloc, 300 },
	{ "gorealloc", do_realloc, 3000, 300 },
	{ "gorealloc, tiny", do_realloc, 90, 7, .noscan = true },
	{ "gorealloc, to large", do_realloc, 60000, 600 },
	{ "gorealloc, large", do_realloc, 800000, 60000 },
	{ "gorealloc_array", do_realloc_array, 5000, 50 },
	{ "gomalloc_bulk", do_bulk, 1024 },
	{ "gomalloc_bulk, many spans", do_bulk, 20480 },
	{ "gomalloc_bulk, large", do_bulk, 40000 },
	{ "gomemdup", do_memdup, sizeof(text) },
	{ "gostrdup", do_strdup, sizeof(text) },
	{ "gocache_alloc", do_cache, CACHED },
	{ "gocache_zalloc", do_cache_zalloc, CACHED, .zero = true },
	{ "gocache_alloc_bulk", do_cache_bulk, CACHED },
	{ "govmalloc", do_gov, 300 },
	{ "govmalloc, large", do_gov, SZ_2M + SZ_64K },
	{ "govzalloc, large", do_govzalloc, 300000, .zero = true },
	{ "govrealloc, to large", do_govrealloc, 800000, 600 },
	{ "govrealloc, large", do_govrealloc, 800000, 60000 },
};

KUNIT_ARRAY_PARAM_DESC(calls, calls, name);

static void call_fn(void *arg)
{
	struct job *j = arg;

	j->call->fn(j);
}

static void make_call(struct job *j)
{
	gotest_run_in(j->atomically ? GOTEST_IRQS_OFF : GOTEST_TASK, call_fn,
		      j);
}

/* Before the first, and what a call frees must be there before each. */
static void prepare(struct kunit *test, struct job *j)
{
	const struct call *c = j->call;

	memset(j->p, 0xa5, sizeof(j->p));
	j->n = 0;
	if (!c->old || j->old)
		return;
	j->old = c->noscan ? gomalloc_noscan(c->old, GFP_KERNEL) :
			     gomalloc(c->old, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, j->old);
	memset(j->old, 0x5a, c->old);
}

/* Good memory, all of it ours to write. */
static void expect_good(struct kunit *test, struct job *j)
{
	const struct call *c = j->call;
	size_t i, same = min(c->old, c->size);

	if (c->old)
		KUNIT_EXPECT_NULL(test, memchr_inv(j->p[0], 0x5a, same));
	if (c->zero)
		KUNIT_EXPECT_NULL(test, memchr_inv(j->p[0], 0, c->size));
	if (c->fn == do_memdup || c->fn == do_strdup)
		KUNIT_EXPECT_STREQ(test, j->p[0], text);
	for (i = 0; i < j->n; i++) {
		KUNIT_EXPECT_GE(test, govsize(j->p[i]), c->size);
		memset(j->p[i], 0xff, govsize(j->p[i]));
	}
	if (is_vmalloc_addr(j->p[0]))
		govfree(j->p[0]);
	else
		gofree_bulk(j->n, j->p);
	/* realloc has freed it. */
	j->old = NULL;
}

static void expect_old_intact(struct kunit *test, struct job *j)
{
	if (j->old)
		KUNIT_EXPECT_NULL(test, memchr_inv(j->old, 0x5a, j->call->old));
}

static void expect_sound(struct kunit *test, struct goheap *h,
			 struct goalloc_memstats *m)
{
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
	gostats_read(h, m);
	gotest_expect_identities(test, m);
}

/**
 * struct sweep - what all sweeps of a case share
 * @start: from which state of the heap
 * @before: MemStats before a call
 * @after: and after it
 * @hits: requests that failed
 * @nulls: calls that did
 */
struct sweep {
	enum start start;
	struct goalloc_memstats before;
	struct goalloc_memstats after;
	unsigned long hits;
	unsigned long nulls;
};

static void make_start(struct kunit *test, struct sweep *sw, struct job *j)
{
	prepare(test, j);
	if (sw->start != WARM)
		gotest_cool(&goalloc_heap);
}

/* One call, the nth request of which fails.  False when there is no nth. */
static bool fail_once(struct kunit *test, struct sweep *sw, struct job *j,
		      unsigned int nth, unsigned int times)
{
	struct goalloc_memstats *b = &sw->before, *a = &sw->after;
	unsigned int left;
	u64 live;

	make_start(test, sw, j);
	gostats_read(&goalloc_heap, b);
	/* Objects, not the block that a CPU keeps for tiny ones. */
	live = b->heap_objects;

	arm(nth, times);
	make_call(j);
	left = disarm();

	expect_sound(test, &goalloc_heap, a);
	KUNIT_EXPECT_EQ(test, a->misuses, b->misuses);
	sw->hits += times - left;
	if (j->n) {
		KUNIT_EXPECT_EQ(test, a->failures, b->failures);
		expect_good(test, j);
	} else {
		sw->nulls++;
		/* There are contexts on RT where nothing may be requested. */
		if (!IS_ENABLED(CONFIG_PREEMPT_RT) || !j->atomically)
			KUNIT_EXPECT_LT(test, left, times);
		KUNIT_EXPECT_EQ(test, a->failures, b->failures + 1);
		KUNIT_EXPECT_EQ(test, a->heap_objects, live);
		KUNIT_EXPECT_EQ(test, a->vmalloc_sys, b->vmalloc_sys);
		KUNIT_EXPECT_EQ(test, a->tiny_allocs - a->tiny_frees,
				b->tiny_allocs - b->tiny_frees);
		expect_old_intact(test, j);
	}
	return left < times;
}

static void sweep(struct kunit *test, struct sweep *sw, struct job *j)
{
	unsigned int nth;

	for (nth = 1; fail_once(test, sw, j, nth, 1); nth++)
		;
	KUNIT_EXPECT_LT(test, nth, 100);
	for (nth = 1; fail_once(test, sw, j, nth, FOR_EVER); nth++)
		;
	gofree(j->old);
	j->old = NULL;
}

/* Where a checker slows everything down each call has one of them in turn. */
static const struct how {
	gfp_t gfp;
	bool atomically;
} hows[] = {
	{ GFP_KERNEL | __GFP_NOWARN },
	{ GFP_NOWAIT | __GFP_NOWARN },
	{ GFP_ATOMIC | __GFP_NOWARN },
	{ GFP_ATOMIC | __GFP_NOWARN, true },
};

static void sweep_from(struct kunit *test, enum start start)
{
	struct sweep *sw = kunit_kzalloc(test, sizeof(*sw), GFP_KERNEL);
	struct job *j = kunit_kzalloc(test, sizeof(*j), GFP_KERNEL);
	const struct call *call = test->param_value;
	unsigned int i, n = 0;

	KUNIT_ASSERT_NOT_NULL(test, sw);
	KUNIT_ASSERT_NOT_NULL(test, j);
	sw->start = start;
	for (i = 0; i < ARRAY_SIZE(hows); i++) {
		if (IS_ENABLED(CONFIG_KASAN) &&
		    (call - calls + start) % ARRAY_SIZE(hows) != i)
			continue;
		j->call = call;
		j->gfp = hows[i].gfp;
		j->atomically = hows[i].atomically;
		sweep(test, sw, j);
		/* Where there is nothing there is no call without a request. */
		if (start == BARE)
			KUNIT_EXPECT_GE(test, sw->nulls, ++n);
	}
	kunit_info(test, "%lu requests failed, %lu calls", sw->hits, sw->nulls);
}

static void fault_from_nothing(struct kunit *test)
{
	unsigned long before;
	struct reserves r;

	take_reserves(&goalloc_heap, &r);
	gotest_cool(&goalloc_heap);
	before = gotest_memstats(test, &goalloc_heap)->heap_sys;
	sweep_from(test, BARE);
	gotest_cool(&goalloc_heap);
	/* A run that was taken and forgotten would still be held. */
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, &goalloc_heap)->heap_sys,
			before);
	give_reserves(&r);
}

static void fault_from_reserve(struct kunit *test)
{
	sweep_from(test, RESERVE);
}

static void fault_from_warm(struct kunit *test)
{
	sweep_from(test, WARM);
}

/* With __GFP_NOFAIL a call waits until there is memory. */
static void fault_nofail(struct kunit *test)
{
	const unsigned int times = 4;
	unsigned int i, left;
	struct reserves r;
	struct job *j = kunit_kzalloc(test, sizeof(*j), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, j);
	take_reserves(&goalloc_heap, &r);
	j->gfp = GFP_KERNEL | __GFP_NOFAIL;
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		j->call = &calls[i];
		prepare(test, j);
		gotest_cool(&goalloc_heap);
		arm(1, times);
		make_call(j);
		left = disarm();
		KUNIT_EXPECT_EQ_MSG(test, left, 0, "%s", calls[i].name);
		KUNIT_EXPECT_NE_MSG(test, j->n, 0, "%s", calls[i].name);
		KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
		if (j->n)
			expect_good(test, j);
		gofree(j->old);
		j->old = NULL;
	}
	give_reserves(&r);
}

/* An object of the kernel's last pages is one of its cache, and goes to it. */
static void fault_last_pages(struct kunit *test)
{
	const gfp_t gfp = GFP_ATOMIC | __GFP_MEMALLOC | __GFP_NOWARN;
	long wrong = gotest_misuses(&goalloc_heap, GO_WRONG_CACHE);
	unsigned int n, alone = 0;
	struct gospan *s;
	struct reserves r;
	void *p;

	if (!static_branch_likely(&goalloc_check))
		kunit_skip(test, "not with check=0");
	take_reserves(&goalloc_heap, &r);
	for (n = 1; n < 30; n++) {
		gotest_cool(&goalloc_heap);
		arm(1, n);
		p = gocache_alloc(cache, gfp);
		disarm();
		if (!p)
			continue;
		s = gotest_span_of(&goalloc_heap, p);
		alone += s->state == GO_SPAN_LARGE;
		KUNIT_EXPECT_GE(test, gosize(p), CACHED);
		memset(p, 0x5a, gosize(p));
		gocache_free(cache, p);
	}
	give_reserves(&r);
	KUNIT_EXPECT_GT(test, alone, 0);
	KUNIT_EXPECT_EQ(test, gotest_misuses(&goalloc_heap, GO_WRONG_CACHE), wrong);
}

/* What is longer than the heap has takes two requests, and either may fail. */
static void fault_area(struct kunit *test)
{
	size_t size = GOALLOC_MAX_SIZE + 1;
	struct goalloc_memstats *was;
	unsigned int nth;
	void *p;

	OPTIMIZER_HIDE_VAR(size);
	for (nth = 1; nth <= 2; nth++) {
		was = gotest_memstats(test, &goalloc_heap);
		arm(nth, 1);
		p = govmalloc(size, GFP_KERNEL | __GFP_NOWARN);
		KUNIT_EXPECT_EQ(test, disarm(), 0);
		KUNIT_EXPECT_NULL(test, p);
		KUNIT_EXPECT_EQ(test, gotest_memstats(test,
						      &goalloc_heap)->failures,
				was->failures + 1);
		arm(nth, 1);
		p = govmalloc(size, GFP_KERNEL | __GFP_NOFAIL);
		KUNIT_EXPECT_EQ(test, disarm(), 0);
		KUNIT_EXPECT_NOT_NULL(test, p);
		govfree(p);
	}
}

struct fault_rcu {
	char before[24];
	struct rcu_head rcu;
};

/* Freeing and looking needs no memory. */
static void fault_no_need(struct kunit *test)
{
	struct goalloc_memstats *m = gotest_memstats(test, &goalloc_heap);
	struct fault_rcu *rcu;
	struct reserves r;
	void *p[9];
	int i;

	take_reserves(&goalloc_heap, &r);
	gotest_cool(&goalloc_heap);
	for (i = 0; i < 6; i++)
		p[i] = gomalloc(i % 2 ? 100 : 100000, GFP_KERNEL);
	p[6] = gomalloc_noscan(5, GFP_KERNEL);
	p[7] = gomalloc(200, GFP_KERNEL);
	p[8] = gomalloc(20480, GFP_KERNEL);
	rcu = gomalloc(sizeof(*rcu), GFP_KERNEL);
	for (i = 0; i < 9; i++)
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	KUNIT_ASSERT_NOT_NULL(test, rcu);

	arm(1, FOR_EVER);
	KUNIT_EXPECT_GE(test, gosize(p[0]), 100000);
	KUNIT_EXPECT_PTR_EQ(test, gorealloc(p[7], 100, GFP_KERNEL), p[7]);
	KUNIT_EXPECT_PTR_EQ(test, gomalloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	gofree(p[0]);
	gofree(p[1]);
	gofree_sized(p[2], 100000);
	gofree_sized(p[3], 100);
	gofree_sensitive(p[4]);
	gofree_sensitive(p[5]);
	gofree_bulk(3, p + 6);
	gofree_rcu(rcu, rcu);
	goalloc_read_memstats(m);
	KUNIT_EXPECT_EQ(test, disarm(), FOR_EVER);
	gotest_expect_identities(test, m);

	/* Giving back may need a descriptor; then it gives back later. */
	arm(1, FOR_EVER);
	goalloc_free_os_memory();
	disarm();
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	give_reserves(&r);
}

static unsigned long free_bytes(void)
{
	struct sysinfo info;

	si_meminfo(&info);
	return info.freeram * PAGE_SIZE;
}

/*
 * What the page allocator gave goes back when the rest cannot be had.  Each
 * round would lose more than 1 MiB.
 */
static void fault_loses_no_pages(struct kunit *test)
{
	static const struct call large[] = {
		{ "a block", do_malloc, GOALLOC_MAX_SIZE },
		{ "part of a block", do_malloc, SZ_1M + SZ_64K },
		{ "a span", do_malloc, 64 },
	};
	struct job *j = kunit_kzalloc(test, sizeof(*j), GFP_KERNEL);
	struct sweep *sw = kunit_kzalloc(test, sizeof(*sw), GFP_KERNEL);
	unsigned long before, after;
	unsigned int i, k, nth;
	struct reserves r;
	bool hit;

	KUNIT_ASSERT_NOT_NULL(test, j);
	KUNIT_ASSERT_NOT_NULL(test, sw);
	take_reserves(&goalloc_heap, &r);
	j->gfp = GFP_KERNEL | __GFP_NOWARN;
	for (i = 0; i < ARRAY_SIZE(large); i++) {
		j->call = &large[i];
		for (nth = 1, hit = true; hit; nth++) {
			gotest_cool(&goalloc_heap);
			before = free_bytes();
			for (k = 0; k < EVERY && hit; k++)
				hit = fail_once(test, sw, j, nth, 1);
			gotest_cool(&goalloc_heap);
			after = free_bytes();
			KUNIT_EXPECT_LT_MSG(test, before,
					    after + EVERY * SZ_512K,
					    "%s, request %u", j->call->name,
					    nth);
		}
		KUNIT_EXPECT_GT(test, nth, 4);
	}
	give_reserves(&r);
}

/* A heap of one's own that cannot be made, or only just. */

static void use_heap(struct kunit *test, struct goheap *h)
{
	struct goalloc_memstats *m = gotest_memstats(test, h);
	struct gospan *s;
	void *p;

	s = gosource_pages(h, NUMA_NO_NODE, 3, 1, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, s);
	p = gotest_alloc(h, GO_SPC(5, 1), GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	if (p)
		gotest_free(h, p);
	if (s)
		goheap_free(h, s);
	expect_sound(test, h, m);
}

static void fault_heap_init(struct kunit *test)
{
	struct goheap *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	unsigned int nth, left, failed = 0, once;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, h);
	for (once = 0; once < 2; once++) {
		nth = 0;
		do {
			arm(++nth, once ? 1 : FOR_EVER);
			err = golifecycle_begin(h);
			left = disarm();
			if (err) {
				failed++;
				KUNIT_EXPECT_EQ(test, err, -ENOMEM);
				KUNIT_EXPECT_NULL(test, h->node);
				KUNIT_EXPECT_NULL(test, h->map);
				continue;
			}
			use_heap(test, h);
			golifecycle_end(h);
		} while (left < (once ? 1 : FOR_EVER));
	}
	/* The array of nodes, a node, the map, the caches, hotplug. */
	KUNIT_EXPECT_GE(test, failed, 2 * 5);
}

/* What a heap has got with some requests failing it gives back in the end. */
static void fault_heap_exit(struct kunit *test)
{
	struct goheap *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	unsigned long before, after;
	unsigned int nth, i;
	struct gospan *s[8];
	void *p[8];

	KUNIT_ASSERT_NOT_NULL(test, h);
	before = free_bytes();
	for (nth = 1; nth < 2 * EVERY; nth++) {
		KUNIT_ASSERT_EQ(test, golifecycle_begin(h), 0);
		arm(nth, 1 + nth % 3);
		for (i = 0; i < 8; i++) {
			s[i] = gosource_pages(h, NUMA_NO_NODE, 1 + 60 * i,
					      1 << i, GFP_KERNEL | __GFP_NOWARN);
			p[i] = gotest_alloc(h, GO_SPC(1 + 9 * i, i & 1),
					    GFP_KERNEL | __GFP_NOWARN);
		}
		disarm();
		KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
		for (i = 0; i < 8; i++) {
			if (s[i])
				goheap_free(h, s[i]);
			if (p[i])
				gotest_free(h, p[i]);
		}
		KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
		golifecycle_end(h);
	}
	after = free_bytes();
	/* Checkers keep some for themselves, and so does every CPU. */
	if (!IS_ENABLED(CONFIG_KASAN) && num_online_cpus() == 1)
		KUNIT_EXPECT_LT(test, before, after + EVERY * SZ_512K);
}

/* Give a quiet heap's map room for 4 GiB that are not there. */
static unsigned long lengthen_map(struct kunit *test, struct goheap *h)
{
	struct goarenamap *old = h->map, *map;
	unsigned long nr = old->nr;

	map = kvzalloc(struct_size(map, l2, nr + 1), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, map);
	memcpy(map, old, struct_size(map, l2, nr));
	map->nr = nr + 1;
	map->l2[nr] = map->nil;
	map->l2[map->first]->next += map->l2[map->first]->next == nr;
	h->map = map;
	kvfree(old);
	return (nr << GO_L2_SHIFT) - map->shift;
}

/* The map grows, or not; then it is as it was. */
static void fault_map(struct kunit *test)
{
	struct goheap *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	unsigned long end, nl2;
	long held;

	KUNIT_ASSERT_NOT_NULL(test, h);
	KUNIT_ASSERT_EQ(test, golifecycle_begin(h), 0);
	gotest_settle(h);
	nl2 = h->map->nl2;
	if (nl2 != 1) {
		golifecycle_end(h);
		kunit_skip(test, "memory in one place only is simple");
	}
	end = lengthen_map(test, h);
	held = atomic_long_read(&h->held);

	arm(1, 1);
	KUNIT_EXPECT_FALSE(test, gospan_map_cover(h, end, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, disarm(), 0);
	KUNIT_EXPECT_EQ(test, h->map->nl2, nl2);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&h->held), held);
	use_heap(test, h);
	KUNIT_EXPECT_TRUE(test, gospan_map_cover(h, end, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, h->map->nl2, nl2 + 1);
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
	golifecycle_end(h);
}

static void fault_exit(struct kunit *test)
{
	disarm();
	if (!IS_ENABLED(CONFIG_FAULT_INJECTION))
		return;
	/* What was not had does not count against memory_limit. */
	gocache_destroy(cache);
	gotest_settle(&goalloc_heap);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&goalloc_heap.held),
			gotest_memstats(test, &goalloc_heap)->sys);
	gotest_api_exit(test);
}

static struct kunit_case fault_cases[] = {
	KUNIT_CASE_PARAM(fault_from_nothing, calls_gen_params),
	KUNIT_CASE_PARAM(fault_from_reserve, calls_gen_params),
	KUNIT_CASE_PARAM(fault_from_warm, calls_gen_params),
	KUNIT_CASE(fault_nofail),
	KUNIT_CASE(fault_last_pages),
	KUNIT_CASE(fault_area),
	KUNIT_CASE(fault_no_need),
	KUNIT_CASE(fault_loses_no_pages),
	KUNIT_CASE(fault_heap_init),
	KUNIT_CASE(fault_heap_exit),
	KUNIT_CASE(fault_map),
	{}
};

static struct kunit_suite fault_suite = {
	.name = "goalloc_fault",
	.init = fault_init,
	.exit = fault_exit,
	.test_cases = fault_cases,
};

kunit_test_suites(&fault_suite);
