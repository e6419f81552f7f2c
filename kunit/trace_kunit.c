// SPDX-License-Identifier: GPL-2.0
/*
 * goalloc_trace: an event for each object, and none for anything else.
 *
 * The cases put probes of their own on the tracepoints and count what comes by.
 * User Mode Linux has no tracepoints, so there they are skipped.
 */

#include <linux/cleanup.h>
#include <linux/sched.h>
#include <linux/string.h>
#include "api.h"
#include "calls.h"
#include "hooks.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "trace.h"

/**
 * struct seen - what has come by
 * @mallocs: events of goalloc:malloc
 * @frees: events of goalloc:free
 * @ptr: of the last event
 * @req: bytes_req of the last goalloc:malloc
 * @alloced: the sum of bytes_alloc
 * @freed: that of goalloc:free
 * @site: call_site of the last event
 * @carved: events of goalloc:span_carve
 * @released: events of goalloc:span_release
 * @grown: bytes of goalloc:heap_grow
 * @scavenged: bytes of goalloc:heap_scavenge
 * @limits: events of goalloc:limit
 * @reserves: events of goalloc:reserve
 * @misuse: by kind, events of goalloc:misuse
 */
static struct seen {
	atomic_long_t mallocs;
	atomic_long_t frees;
	const void *ptr;
	size_t req;
	atomic_long_t alloced;
	atomic_long_t freed;
	unsigned long site;
	atomic_long_t carved;
	atomic_long_t released;
	atomic_long_t grown;
	atomic_long_t scavenged;
	atomic_long_t limits;
	atomic_long_t reserves;
	atomic_long_t misuse[GO_NR_MISUSES];
} seen;

static void see_malloc(void *data, unsigned long site, const void *ptr,
		       size_t req, size_t alloc, gfp_t gfp, int node)
{
	atomic_long_inc(&seen.mallocs);
	atomic_long_add(alloc, &seen.alloced);
	seen.ptr = ptr;
	seen.req = req;
	seen.site = site;
}

static void see_free(void *data, unsigned long site, const void *ptr,
		     size_t alloc)
{
	atomic_long_inc(&seen.frees);
	atomic_long_add(alloc, &seen.freed);
	seen.ptr = ptr;
	seen.site = site;
}

static void see_carve(void *data, const struct gospan *s)
{
	atomic_long_inc(&seen.carved);
}

static void see_release(void *data, const struct gospan *s)
{
	atomic_long_inc(&seen.released);
}

static void see_grow(void *data, int node, const void *base, size_t bytes)
{
	atomic_long_add(bytes, &seen.grown);
}

static void see_scavenge(void *data, unsigned int by, unsigned long pages,
			 u64 ns)
{
	atomic_long_add(pages << GO_PAGE_SHIFT, &seen.scavenged);
}

static void see_limit(void *data, size_t held, size_t most, size_t bytes,
		      gfp_t gfp)
{
	atomic_long_inc(&seen.limits);
}

static void see_reserve(void *data, int node, unsigned long pages,
			unsigned long left)
{
	atomic_long_inc(&seen.reserves);
}

static void see_misuse(void *data, unsigned int kind, const void *ptr,
		       size_t size, unsigned long site)
{
	atomic_long_inc(&seen.misuse[kind]);
	seen.ptr = ptr;
	seen.site = site;
}

static int listen(void)
{
	return register_trace_malloc(see_malloc, NULL) ?:
	       register_trace_free(see_free, NULL) ?:
	       register_trace_span_carve(see_carve, NULL) ?:
	       register_trace_span_release(see_release, NULL) ?:
	       register_trace_heap_grow(see_grow, NULL) ?:
	       register_trace_heap_scavenge(see_scavenge, NULL) ?:
	       register_trace_limit(see_limit, NULL) ?:
	       register_trace_reserve(see_reserve, NULL) ?:
	       register_trace_misuse(see_misuse, NULL);
}

static void listen_no_more(void)
{
	unregister_trace_malloc(see_malloc, NULL);
	unregister_trace_free(see_free, NULL);
	unregister_trace_span_carve(see_carve, NULL);
	unregister_trace_span_release(see_release, NULL);
	unregister_trace_heap_grow(see_grow, NULL);
	unregister_trace_heap_scavenge(see_scavenge, NULL);
	unregister_trace_limit(see_limit, NULL);
	unregister_trace_reserve(see_reserve, NULL);
	unregister_trace_misuse(see_misuse, NULL);
	if (IS_ENABLED(CONFIG_TRACEPOINTS))
		tracepoint_synchronize_unregister();
}

static int trace_init(struct kunit *test)
{
	int err;

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		return 0;
	gotest_api_init(test);
	memset(&seen, 0, sizeof(seen));
	err = listen();
	if (err)
		listen_no_more();
	return err;
}

static void trace_exit(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		return;
	listen_no_more();
	gotest_api_exit(test);
}

static void need_tracepoints(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "this kernel has no tracepoints");
}

static void forget(void)
{
	memset(&seen, 0, sizeof(seen));
}

/* So many events since the last forget(); if as many, of as many bytes. */
static void expect_events(struct kunit *test, long mallocs, long frees)
{
	KUNIT_EXPECT_EQ(test, atomic_long_read(&seen.mallocs), mallocs);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&seen.frees), frees);
	if (mallocs == frees)
		KUNIT_EXPECT_EQ(test, atomic_long_read(&seen.alloced),
				atomic_long_read(&seen.freed));
	forget();
}

static const struct trace_size {
	const char *name;
	size_t size;
} trace_sizes[] = {
	{ "1 byte", 1 }, { "8 bytes", 8 }, { "24 bytes", 24 },
	{ "520 bytes", 520 }, { "4096 bytes", 4096 }, { "32768 bytes", 32768 },
	{ "40000 bytes", 40000 }, { "1 MiB", 1 << 20 },
};

KUNIT_ARRAY_PARAM_DESC(trace_size, trace_sizes, name);

/* One object, allocated in each way that there is, and freed in each. */
static void trace_each_way(struct kunit *test)
{
	size_t size = HIDE(((const struct trace_size *)test->param_value)->size);
	void *p;

	need_tracepoints(test);
	p = gomalloc(size, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, seen.ptr, (const void *)p);
	KUNIT_EXPECT_EQ(test, seen.req, size);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&seen.alloced), gosize(p));
	KUNIT_EXPECT_TRUE(test, seen.site >= (unsigned long)trace_each_way &&
			  seen.site < (unsigned long)trace_each_way + 4096);
	seen.ptr = NULL;
	gofree(p);
	KUNIT_EXPECT_PTR_EQ(test, seen.ptr, (const void *)p);
	expect_events(test, 1, 1);

	gofree(gozalloc(size, GFP_KERNEL));
	expect_events(test, 1, 1);
	gofree_sized(gomalloc_node(size, GFP_KERNEL, 0), size);
	expect_events(test, 1, 1);
	gofree(gomemdup(&seen, min(size, sizeof(seen)), GFP_KERNEL));
	expect_events(test, 1, 1);
	gofree_sensitive(gostrdup("five", GFP_KERNEL));
	expect_events(test, 1, 1);
}

/* Tiny objects are objects, and their blocks are none. */
static void trace_tiny(struct kunit *test)
{
	size_t size = HIDE((size_t)5);
	void *p[100];
	int i;

	need_tracepoints(test);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = gomalloc_noscan(size, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		gofree(p[i]);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&seen.freed),
			ARRAY_SIZE(p) * size);
	expect_events(test, ARRAY_SIZE(p), ARRAY_SIZE(p));
	goalloc_free_os_memory();
	expect_events(test, 0, 0);
}

/* In bulk each is told; what a failure takes back is told as freed. */
static void trace_bulk(struct kunit *test)
{
	size_t size = HIDE((size_t)64);
	void *p[50];

	need_tracepoints(test);
	KUNIT_ASSERT_EQ(test, gomalloc_bulk(GFP_KERNEL, size, 50, p), 50);
	expect_events(test, 50, 0);
	gofree_bulk(50, p);
	expect_events(test, 0, 50);
}

/* gorealloc() is told where the object moves. */
static void trace_realloc(struct kunit *test)
{
	void *p, *q;

	need_tracepoints(test);
	p = gomalloc(HIDE((size_t)100), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	forget();
	q = gorealloc(p, HIDE((size_t)112), GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, p, q);
	expect_events(test, 0, 0);
	p = gorealloc(q, HIDE((size_t)200), GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&seen.alloced), 208);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&seen.freed), 112);
	gofree(p);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&seen.freed), 112 + 208);
	expect_events(test, 1, 2);
}

static void be_freed(struct kunit *test, void *p)
{
	gofree(p);
}

/* Neither what fails nor what is wrong is an object. */
static void trace_nothing(struct kunit *test)
{
	void *p;

	need_tracepoints(test);
	KUNIT_EXPECT_NULL(test, gomalloc(HIDE(TOO_MUCH), GFP_KERNEL));
	KUNIT_EXPECT_PTR_EQ(test, gomalloc(HIDE((size_t)0), GFP_KERNEL),
			    ZERO_SIZE_PTR);
	gofree(NULL);
	gofree(ZERO_SIZE_PTR);
	expect_events(test, 0, 0);

	if (!static_key_enabled(&goalloc_check))
		return;
	p = gomalloc(HIDE((size_t)64), GFP_KERNEL);
	gofree(p);
	forget();
	be_freed(test, p);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&seen.misuse[GO_DOUBLE_FREE]),
			1);
	KUNIT_EXPECT_PTR_EQ(test, seen.ptr, (const void *)p);
	expect_events(test, 0, 0);
	gofree((void *)test);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&seen.misuse[GO_FOREIGN]), 1);
	expect_events(test, 0, 0);
}

/* Objects that debug= suspects are told once. */
static void trace_debug(struct kunit *test)
{
	need_tracepoints(test);
	if (!static_key_enabled(&goalloc_check))
		kunit_skip(test, "debug= needs check=1");
	KUNIT_ASSERT_EQ(test, godebug_set("FZPU"), 0);
	gofree(gomalloc(HIDE((size_t)100), GFP_KERNEL));
	godebug_set("");
	expect_events(test, 1, 1);
}

KUNIT_ARRAY_PARAM_DESC(trace_context, gotest_contexts, name);

static void come_and_go(void *arg)
{
	size_t size = HIDE((size_t)64);

	gofree(gomalloc(size, GFP_ATOMIC));
	gofree(gomalloc_noscan(7, GFP_ATOMIC));
}

static void trace_contexts(struct kunit *test)
{
	const struct gotest_context_param *param = test->param_value;
	void *p;

	need_tracepoints(test);
	/* So that there is an object in the span, which an NMI needs. */
	p = gomalloc(HIDE((size_t)64), GFP_KERNEL);
	gofree(p);
	gofree(gomalloc_noscan(HIDE((size_t)7), GFP_KERNEL));
	forget();
	gotest_run_in(param->context, come_and_go, NULL);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&seen.mallocs), 2);
	expect_events(test, 2, 2);
	gotest_settle(&goalloc_heap);
}

/* When nobody listens the keys are as they were, and nothing is told. */
static void trace_off(struct kunit *test)
{
	bool init = want_init_on_alloc(0);

	need_tracepoints(test);
	KUNIT_EXPECT_TRUE(test, static_key_enabled(&goalloc_watch));
	KUNIT_EXPECT_TRUE(test, static_key_enabled(&goalloc_detour));
	KUNIT_EXPECT_TRUE(test, static_key_enabled(&goalloc_free_detour));
	listen_no_more();
	KUNIT_EXPECT_FALSE(test, static_key_enabled(&goalloc_watch));
	KUNIT_EXPECT_EQ(test, static_key_enabled(&goalloc_detour), init);
	KUNIT_EXPECT_EQ(test, static_key_enabled(&goalloc_free_detour),
			want_init_on_free());
	gofree(gomalloc(HIDE((size_t)64), GFP_KERNEL));
	expect_events(test, 0, 0);
	KUNIT_EXPECT_EQ(test, listen(), 0);
}

#define NR_LARGE	40

/* The heap grows and shrinks, and what is told of it is what MemStats has. */
static void trace_heap(struct kunit *test)
{
	struct goalloc_memstats *before, *after;
	void **p = kunit_kcalloc(test, NR_LARGE, sizeof(*p), GFP_KERNEL);
	int i;

	need_tracepoints(test);
	KUNIT_ASSERT_NOT_NULL(test, p);
	gotest_cool(&goalloc_heap);
	before = memstats(test);
	forget();
	for (i = 0; i < NR_LARGE; i++)
		p[i] = gomalloc(HIDE((size_t)20480), GFP_KERNEL);
	KUNIT_EXPECT_GT(test, atomic_long_read(&seen.carved), 5);
	for (i = 0; i < NR_LARGE; i++)
		gofree(p[i]);
	gotest_cool(&goalloc_heap);
	after = memstats(test);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&seen.carved),
			atomic_long_read(&seen.released));
	KUNIT_EXPECT_GT(test, atomic_long_read(&seen.grown), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&seen.scavenged),
			after->heap_released - before->heap_released);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&seen.grown) -
			atomic_long_read(&seen.scavenged),
			(long)(after->heap_sys - before->heap_sys));
}

/* What is beyond the limit is told. */
static void trace_limit_met(struct kunit *test)
{
	need_tracepoints(test);
	gotest_cool(&goalloc_heap);
	forget();
	golimit_set(&goalloc_heap, memstats(test)->sys + SZ_1M);
	KUNIT_EXPECT_NULL(test, gomalloc(HIDE((size_t)SZ_4M), GFP_KERNEL));
	golimit_set(&goalloc_heap, 0);
	KUNIT_EXPECT_GT(test, atomic_long_read(&seen.limits), 0);
	expect_events(test, 0, 0);
}

/* Less than the reserve has: more would call the page allocator. */
#define NR_RESERVED	4

static void use_reserve(void *arg)
{
	void **p = arg;
	int i;

	for (i = 0; i < NR_RESERVED; i++)
		p[i] = gomalloc(HIDE((size_t)30000), GFP_ATOMIC);
}

/* A context that may not, or should not, call the page allocator. */
static void trace_reserve_used(struct kunit *test)
{
	void **p = kunit_kcalloc(test, NR_RESERVED, sizeof(*p), GFP_KERNEL);

	need_tracepoints(test);
	KUNIT_ASSERT_NOT_NULL(test, p);
	gotest_cool(&goalloc_heap);
	forget();
	gotest_run_in(GOTEST_RAW_LOCK, use_reserve, p);
	KUNIT_EXPECT_GT(test, atomic_long_read(&seen.reserves), 0);
	gofree_bulk(NR_RESERVED, p);
	gotest_settle(&goalloc_heap);
}

static struct kunit_case trace_cases[] = {
	KUNIT_CASE_PARAM(trace_each_way, trace_size_gen_params),
	KUNIT_CASE(trace_tiny),
	KUNIT_CASE(trace_bulk),
	KUNIT_CASE(trace_realloc),
	KUNIT_CASE(trace_nothing),
	KUNIT_CASE(trace_debug),
	KUNIT_CASE_PARAM(trace_contexts, trace_context_gen_params),
	KUNIT_CASE(trace_off),
	KUNIT_CASE(trace_heap),
	KUNIT_CASE(trace_limit_met),
	KUNIT_CASE(trace_reserve_used),
	{}
};

static struct kunit_suite trace_suite = {
	.name = "goalloc_trace",
	.init = trace_init,
	.exit = trace_exit,
	.test_cases = trace_cases,
};

kunit_test_suite(trace_suite);
