// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of misuse: what callers do wrong is caught, named, and harmless.
 *
 * Each case does one wrong thing and looks at everything: the counter of that
 * kind is one higher, all other counters are where they were, the objects that
 * are live still are, with what is in them, and the heap is sound.  Misuse must
 * not leave a trace that a later, blameless caller trips over; so the classes
 * at hand are used afterwards, and no object may come out twice.
 *
 * With check=0 nothing is caught at the call, and none of this is promised.
 * A zone that we do not have makes the kernel warn, once: that case only runs
 * where it is asked for, with warns=1.
 */

#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/poison.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "api.h"
#include "hooks.h"
#include "lifecycle.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "span.h"

#define NR_WITNESSES	8
#define NR_AFTER	200

/**
 * struct scene - what there is before the crime
 * @m: MemStats
 * @misuse: counters by kind
 * @size: of the objects at hand
 * @witness: live ones of that size
 */
struct scene {
	struct goalloc_memstats *m;
	long misuse[GO_NR_MISUSES];
	size_t size;
	void *witness[NR_WITNESSES];
};

static void *alloc(size_t size)
{
	return size < GO_TINY_SIZE ? gomalloc_noscan(size, GFP_KERNEL) :
				     gomalloc(size, GFP_KERNEL);
}

static struct scene *scene_open(struct kunit *test, size_t size)
{
	struct scene *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->size = size;
	for (i = 0; i < NR_WITNESSES; i++) {
		s->witness[i] = alloc(size);
		KUNIT_ASSERT_NOT_NULL(test, s->witness[i]);
		gotest_fill(s->witness[i], size);
	}
	return s;
}

/* From here on nothing is to change but one counter. */
static void scene_freeze(struct kunit *test, struct scene *s)
{
	int i;

	for (i = 0; i < GO_NR_MISUSES; i++)
		s->misuse[i] = gotest_misuses(&goalloc_heap, i);
	s->m = gotest_memstats(test, &goalloc_heap);
}

/*
 * The report, word for word but for the pointer, which is hashed, and where in
 * this module the call is: "KIND: POINTER[, size N], by FUNCTION [MODULE]: WHAT".
 */
static void expect_report(struct kunit *test, enum gomisuse kind)
{
	static const struct {
		const char *starts;
		const char *what[4];
	} words[] = {
		[GO_DOUBLE_FREE] = { "double free: ",
			{ "-byte objects", "in a free run of ", "in no span",
			  "in what was a large object of " } },
		[GO_INTERIOR] = { "free inside an object: ",
			{ "-byte objects", "in a large object of " } },
		[GO_FOREIGN] = { "not our pointer: ", { "in no span" } },
		[GO_WRONG_SIZE] = { "wrong size in gofree_sized(): ",
			{ "-byte objects", "in a large object of " } },
	};
	const char *report = goalloc_heap.report;
	const char *what = strstr(report, "[goalloc_kunit]: ");
	bool said = false;
	int i;

	KUNIT_EXPECT_TRUE_MSG(test, strstarts(report, words[kind].starts),
			      "%s", report);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(report, ", by "), "%s", report);
	KUNIT_ASSERT_NOT_NULL_MSG(test, what, "%s", report);
	for (i = 0; i < 4 && words[kind].what[i]; i++)
		said |= !!strstr(what, words[kind].what[i]);
	KUNIT_EXPECT_TRUE_MSG(test, said, "%s", report);
	if (kind == GO_WRONG_SIZE)
		KUNIT_EXPECT_NOT_NULL(test, strstr(report, ", size "));
}

static void expect_caught(struct kunit *test, struct scene *s,
			  enum gomisuse kind, long times)
{
	struct goalloc_memstats *m = gotest_memstats(test, &goalloc_heap);
	int i;

	for (i = 0; i < GO_NR_MISUSES; i++)
		KUNIT_EXPECT_EQ_MSG(test,
				    gotest_misuses(&goalloc_heap, i),
				    s->misuse[i] + (i == kind ? times : 0),
				    "kind %d, %d expected", i, kind);
	KUNIT_EXPECT_EQ(test, m->misuses, s->m->misuses + times);
	if (times && kind != GO_BAD_ZONE)
		expect_report(test, kind);
	KUNIT_EXPECT_EQ(test, m->mallocs, s->m->mallocs);
	KUNIT_EXPECT_EQ(test, m->frees, s->m->frees);
	KUNIT_EXPECT_EQ(test, m->tiny_allocs, s->m->tiny_allocs);
	KUNIT_EXPECT_EQ(test, m->tiny_frees, s->m->tiny_frees);
	KUNIT_EXPECT_EQ(test, m->heap_alloc, s->m->heap_alloc);
	KUNIT_EXPECT_EQ(test, m->heap_inuse, s->m->heap_inuse);
	KUNIT_EXPECT_EQ(test, m->failures, s->m->failures);
	for (i = 0; i < NR_WITNESSES; i++) {
		KUNIT_EXPECT_TRUE(test, gotest_intact(s->witness[i], s->size));
		KUNIT_EXPECT_GE(test, gosize(s->witness[i]), s->size);
	}
}

static int by_address(const void *a, const void *b)
{
	unsigned long x = *(unsigned long *)a, y = *(unsigned long *)b;

	return x < y ? -1 : x > y;
}

/* Later allocations return no object twice. */
static void scene_close(struct kunit *test, struct scene *s)
{
	unsigned int i, n = s->size > GO_MAX_SMALL ? 4 : NR_AFTER;
	struct goalloc_memstats *before, *m;
	void **p;

	before = gotest_memstats(test, &goalloc_heap);
	p = kunit_kcalloc(test, n + NR_WITNESSES, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < n; i++) {
		p[i] = alloc(s->size);
		KUNIT_EXPECT_NOT_NULL(test, p[i]);
	}
	memcpy(p + n, s->witness, sizeof(s->witness));
	n += NR_WITNESSES;
	sort(p, n, sizeof(*p), by_address, NULL);
	for (i = 1; i < n; i++)
		KUNIT_EXPECT_GE_MSG(test, p[i] - p[i - 1], s->size,
				    "handed out twice");
	gofree_bulk(n, p);
	m = gotest_memstats(test, &goalloc_heap);
	KUNIT_EXPECT_EQ(test, m->misuses, before->misuses);
}

/* A few sizes of every kind that is freed in its own way. */
static const size_t sizes[] = { 1, 12, 16, 64, 520, 8192, 32768, 40000, 1UL << 20 };

static void size_desc(const size_t *size, char *buf)
{
	snprintf(buf, KUNIT_PARAM_DESC_SIZE, "%zu bytes", *size);
}

KUNIT_ARRAY_PARAM(sizes, sizes, size_desc);

/* The inside of tiny objects is the tiny suite's. */
static const size_t plain_sizes[] = { 16, 64, 520, 8192, 32768, 40000, 1UL << 20 };

KUNIT_ARRAY_PARAM(plain_sizes, plain_sizes, size_desc);

static size_t param_size(struct kunit *test)
{
	return *(const size_t *)test->param_value;
}

static void misuse_double_free(struct kunit *test)
{
	struct scene *s = scene_open(test, param_size(test));
	void *p = alloc(s->size);

	gotest_pin(test, &goalloc_heap);
	gofree(p);
	scene_freeze(test, s);
	gofree(p);
	expect_caught(test, s, GO_DOUBLE_FREE, 1);
	gofree(p);
	expect_caught(test, s, GO_DOUBLE_FREE, 2);
	scene_close(test, s);
}

/* By all the functions that free. */
static void misuse_double_free_otherwise(struct kunit *test)
{
	struct scene *s = scene_open(test, param_size(test));
	void *p = alloc(s->size);

	gotest_pin(test, &goalloc_heap);
	gofree(p);
	scene_freeze(test, s);
	gofree_sensitive(p);
	expect_caught(test, s, GO_DOUBLE_FREE, 1);
	gofree_bulk(1, &p);
	expect_caught(test, s, GO_DOUBLE_FREE, 2);
	gofree_sized(p, s->size);
	expect_caught(test, s, GO_DOUBLE_FREE, 3);
	scene_close(test, s);
}

/* When the object has gone from the mcache to its span. */
static void misuse_double_free_after_drain(struct kunit *test)
{
	struct scene *s = scene_open(test, param_size(test));
	void *p = alloc(s->size);

	gofree(p);
	godrain_all(&goalloc_heap);
	scene_freeze(test, s);
	gofree(p);
	expect_caught(test, s, GO_DOUBLE_FREE, 1);
	scene_close(test, s);
}

/* When a full stack has been flushed. */
static void misuse_double_free_after_flush(struct kunit *test)
{
	struct scene *s = scene_open(test, 64);
	unsigned int i;
	void **p;

	p = kunit_kcalloc(test, 1000, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_EQ(test, gomalloc_bulk(GFP_KERNEL, 64, 1000, p), 1000);
	for (i = 0; i < 1000; i++)
		gofree(p[i]);
	scene_freeze(test, s);
	for (i = 0; i < 1000; i += 100)
		gofree(p[i]);
	for (i = 990; i < 1000; i++)
		gofree(p[i]);
	/* The pages of spans that went to the heap may not be ours any more. */
	for (i = 0; i < GO_NR_MISUSES; i++)
		s->misuse[i] = gotest_misuses(&goalloc_heap, i);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, &goalloc_heap)->misuses,
			s->m->misuses + 20);
	s->m->misuses += 20;
	expect_caught(test, s, GO_DOUBLE_FREE, 0);
	scene_close(test, s);
}

/* When the pages have gone back to the kernel. */
static void misuse_double_free_after_all(struct kunit *test)
{
	struct scene *s = scene_open(test, 64);
	void *p = gomalloc(1UL << 20, GFP_KERNEL);
	void *q = gomalloc(28672, GFP_KERNEL);

	gofree(p);
	gofree(q);
	goalloc_free_os_memory();
	scene_freeze(test, s);
	gofree(p);
	gofree(q);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, &goalloc_heap)->misuses,
			s->m->misuses + 2);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, &goalloc_heap)->frees,
			s->m->frees);
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	scene_close(test, s);
}

static void misuse_interior(struct kunit *test)
{
	size_t size = param_size(test);
	size_t offs[] = {
		1, size / 2, size - 1, round_down(size - 1, 8),
		round_down(size - 1, GO_PAGE_SIZE), 3 * size / 4,
	};
	struct scene *s = scene_open(test, size);
	void *p = alloc(size);
	long n = 0;
	int i;

	gotest_fill(p, size);
	scene_freeze(test, s);
	for (i = 0; i < ARRAY_SIZE(offs); i++) {
		if (!offs[i])
			continue;
		gofree(p + offs[i]);
		expect_caught(test, s, GO_INTERIOR, ++n);
		KUNIT_EXPECT_TRUE(test, gotest_intact(p, s->size));
	}
	gofree(p);
	scene_close(test, s);
}

/* The waste at the end of a span is no object. */
static void misuse_tail_of_span(struct kunit *test)
{
	struct scene *s = scene_open(test, 48);
	void *p = s->witness[0];
	unsigned long base;

	preempt_disable();
	base = gospan_of(&goalloc_heap, p)->base;
	preempt_enable();
	scene_freeze(test, s);
	/* 170 objects of 48 bytes leave 32 of 8192: no start of a live one. */
	gofree((void *)base + 170 * 48);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, &goalloc_heap)->misuses,
			s->m->misuses + 1);
	gofree((void *)base + 8192 - 8);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, &goalloc_heap)->misuses,
			s->m->misuses + 2);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, &goalloc_heap)->frees,
			s->m->frees);
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	scene_close(test, s);
}

static void expect_foreign(struct kunit *test, struct scene *s, const void *p)
{
	scene_freeze(test, s);
	gofree(p);
	expect_caught(test, s, GO_FOREIGN, 1);
	gofree_sized(p, 64);
	expect_caught(test, s, GO_FOREIGN, 2);
	gofree_sensitive(p);
	expect_caught(test, s, GO_FOREIGN, 3);
	KUNIT_EXPECT_EQ(test, gosize(p), 0);
	expect_caught(test, s, GO_FOREIGN, 4);
	KUNIT_EXPECT_NULL(test, gorealloc(p, 1000, GFP_KERNEL));
	expect_caught(test, s, GO_FOREIGN, 5);
}

static void misuse_foreign_memory(struct kunit *test)
{
	struct scene *s = scene_open(test, 64);
	u8 on_stack[64] __aligned(64);
	void *page = (void *)__get_free_page(GFP_KERNEL);
	void *vm = vmalloc(PAGE_SIZE);
	void *km = kmalloc(64, GFP_KERNEL);
	static u8 in_module[64] __aligned(64);

	memset(on_stack, 0x11, sizeof(on_stack));
	if (page && vm && km) {
		memset(km, 0x22, 64);
		memset(vm, 0x33, PAGE_SIZE);
		memset(page, 0x44, PAGE_SIZE);
		expect_foreign(test, s, on_stack);
		expect_foreign(test, s, in_module);
		expect_foreign(test, s, km);
		expect_foreign(test, s, km + 8);
		expect_foreign(test, s, vm);
		expect_foreign(test, s, page);
		KUNIT_EXPECT_NULL(test, memchr_inv(on_stack, 0x11, 64));
		KUNIT_EXPECT_NULL(test, memchr_inv(km, 0x22, 64));
		KUNIT_EXPECT_NULL(test, memchr_inv(vm, 0x33, PAGE_SIZE));
		KUNIT_EXPECT_NULL(test, memchr_inv(page, 0x44, PAGE_SIZE));
	}
	kfree(km);
	vfree(vm);
	free_page((unsigned long)page);
	scene_close(test, s);
}

/* Addresses that nothing can be at, or that must not be looked at. */
static void misuse_foreign_address(struct kunit *test)
{
	static const unsigned long addresses[] = {
		17, 24, 64, 4096, 0x400000, LONG_MAX, (unsigned long)LONG_MIN,
		-1UL, -8UL, -4096UL, -64UL << 20, 0x8000000000000000UL | 64,
		POISON_POINTER_DELTA + 0x100, 0x6b6b6b6b6b6b6b6bUL,
	};
	struct scene *s = scene_open(test, 64);
	int i;

	for (i = 0; i < ARRAY_SIZE(addresses); i++)
		expect_foreign(test, s, (void *)addresses[i]);
	expect_foreign(test, s, (void *)misuse_foreign_memory);
	expect_foreign(test, s, (void *)gofree);
	expect_foreign(test, s, (void *)PAGE_OFFSET);
	expect_foreign(test, s, (void *)PAGE_OFFSET - 8);
	expect_foreign(test, s, high_memory);
	expect_foreign(test, s, high_memory + (1UL << 40));
	scene_close(test, s);
}

/* Another heap's object is no object of ours. */
static void misuse_of_another_heap(struct kunit *test)
{
	struct goheap *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	struct scene *s = scene_open(test, 64);
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, h);
	KUNIT_ASSERT_EQ(test, golifecycle_begin(h), 0);
	p = gotest_alloc(h, GO_SPC(6, 0), GFP_KERNEL);
	expect_foreign(test, s, p);
	gotest_free(h, s->witness[0]);
	KUNIT_EXPECT_EQ(test, gotest_misuses(h, GO_FOREIGN), 1);
	gotest_free(h, p);
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
	golifecycle_end(h);
	scene_close(test, s);
}

struct wrong_size {
	size_t size;
	size_t said;
};

static const struct wrong_size wrong_sizes[] = {
	{ 64, 65 }, { 64, 48 }, { 64, 1 }, { 64, 0 }, { 64, 100000 },
	{ 64, SIZE_MAX }, { 1, 9 }, { 32768, 32769 }, { 40000, 32768 },
	{ 40000, 40961 }, { 1UL << 20, 64 }, { 1UL << 20, 1UL << 21 },
};

static void wrong_size_desc(const struct wrong_size *w, char *buf)
{
	snprintf(buf, KUNIT_PARAM_DESC_SIZE, "%zu said of %zu", w->said,
		 w->size);
}

KUNIT_ARRAY_PARAM(wrong_sizes, wrong_sizes, wrong_size_desc);

/* The object stays, and goes when the size is right. */
static void misuse_wrong_size(struct kunit *test)
{
	const struct wrong_size *w = test->param_value;
	struct scene *s = scene_open(test, w->size);
	void *p = gomalloc(w->size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	gotest_fill(p, w->size);
	scene_freeze(test, s);
	gofree_sized(p, w->said);
	expect_caught(test, s, GO_WRONG_SIZE, 1);
	KUNIT_EXPECT_TRUE(test, gotest_intact(p, w->size));
	gofree_sized(p, w->size);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, &goalloc_heap)->frees,
			s->m->frees + 1);
	scene_close(test, s);
}

/* What is no object has no size, and cannot be made larger. */
static void misuse_size_of_nothing(struct kunit *test)
{
	struct scene *s = scene_open(test, param_size(test));
	void *p = alloc(s->size);
	long before, n;
	int i;

	gotest_pin(test, &goalloc_heap);
	gofree(p);
	scene_freeze(test, s);
	for (i = 0, before = 0; i < GO_NR_MISUSES; i++)
		before += s->misuse[i];
	KUNIT_EXPECT_EQ(test, gosize(p), 0);
	KUNIT_EXPECT_EQ(test, gosize(p + 1), 0);
	KUNIT_EXPECT_NULL(test, gorealloc(p, 2 * s->size, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, gorealloc(p, 1, GFP_KERNEL));
	for (i = 0, n = -before; i < GO_NR_MISUSES; i++)
		n += gotest_misuses(&goalloc_heap, i);
	KUNIT_EXPECT_EQ(test, n, 4);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, &goalloc_heap)->mallocs,
			s->m->mallocs);
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	scene_close(test, s);
}

struct in_context {
	void *p;
};

static void free_fn(void *arg)
{
	struct in_context *w = arg;

	gofree(w->p);
}

/* A report of a pointer inside an object names that one, and not the first. */
static void misuse_names_the_object(struct kunit *test)
{
	void *p[3];
	struct gospan *s;
	char words[40];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = gomalloc(640, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		s = gotest_span_of(&goalloc_heap, p[i]);
		snprintf(words, sizeof(words), "object %lu of a span",
			 ((unsigned long)p[i] - s->base) / s->elemsize);
		gofree(p[i] + 8);
		KUNIT_EXPECT_NOT_NULL_MSG(test,
					  strstr(goalloc_heap.report, words),
					  "%s", goalloc_heap.report);
	}
	for (i = 0; i < ARRAY_SIZE(p); i++)
		gofree(p[i]);
}

/* It is no better in an interrupt, and reporting it there is safe. */
static void misuse_in_context(struct kunit *test)
{
	struct scene *s = scene_open(test, 64);
	struct in_context w;
	int context;

	w.p = gomalloc(64, GFP_KERNEL);
	gotest_pin(test, &goalloc_heap);
	gofree(w.p);
	for (context = GOTEST_TASK; context <= GOTEST_NMI; context++) {
		scene_freeze(test, s);
		gotest_run_in(context, free_fn, &w);
		expect_caught(test, s, GO_DOUBLE_FREE, 1);
	}
	w.p += 8;
	for (context = GOTEST_TASK; context <= GOTEST_NMI; context++) {
		scene_freeze(test, s);
		gotest_run_in(context, free_fn, &w);
		expect_caught(test, s, GO_INTERIOR, 1);
	}
	scene_close(test, s);
}

static void need_two_cpus(struct kunit *test)
{
	if (num_online_cpus() == 1)
		kunit_skip(test, "there is no other CPU");
}

/* Nor on another CPU: what says that it is free is the object's, not a CPU's. */
static void misuse_double_free_elsewhere(struct kunit *test)
{
	struct in_context w;
	struct scene *s;
	int cpu;

	need_two_cpus(test);
	s = scene_open(test, 64);
	w.p = gomalloc(64, GFP_KERNEL);
	gotest_pin(test, &goalloc_heap);
	gofree(w.p);
	for_each_online_cpu(cpu) {
		scene_freeze(test, s);
		smp_call_function_single(cpu, free_fn, &w, true);
		expect_caught(test, s, GO_DOUBLE_FREE, 1);
	}
	scene_close(test, s);
}

#define NR_RACES	50

struct race {
	atomic_t absent;
	void *p;
};

static void race_fn(void *arg)
{
	struct race *r = arg;

	atomic_dec(&r->absent);
	while (atomic_read(&r->absent))
		cpu_relax();
	gofree(r->p);
}

/*
 * Two CPUs free one object at the same moment.  Both may find it live, as there
 * are no atomics: then its span finds out.  Either way it is one misuse, and
 * one free.
 */
static void misuse_double_free_race(struct kunit *test)
{
	struct cpumask *two = kunit_kzalloc(test, cpumask_size(), GFP_KERNEL);
	struct scene *s;
	struct race r;
	int i, cpu;

	need_two_cpus(test);
	KUNIT_ASSERT_NOT_NULL(test, two);
	s = scene_open(test, 64);
	for_each_online_cpu(cpu)
		if (cpumask_weight(two) < 2)
			cpumask_set_cpu(cpu, two);
	scene_freeze(test, s);
	for (i = 0; i < NR_RACES; i++) {
		r.p = gomalloc(64, GFP_KERNEL);
		atomic_set(&r.absent, 2);
		on_each_cpu_mask(two, race_fn, &r, true);
		godrain_all(&goalloc_heap);
	}
	KUNIT_EXPECT_EQ(test, gotest_misuses(&goalloc_heap, GO_DOUBLE_FREE),
			s->misuse[GO_DOUBLE_FREE] + NR_RACES);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, &goalloc_heap)->heap_objects,
			s->m->heap_objects);
	scene_close(test, s);
}

/* So many objects do not fit into a stack. */
#define NR_LOST		(3 * GO_MAGAZINE_MAX)

/* One in 64 flushes of a stack looks at an object's pages, the last one too. */
static void misuse_lost_page(struct kunit *test)
{
	static const size_t sizes[] = { 64, 9472, 20480 };
	void **p = kunit_kcalloc(test, NR_LOST, sizeof(*p), GFP_KERNEL);
	struct gomcache *c = gotest_pin(test, &goalloc_heap);
	long before;
	int i, j;

	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < NR_LOST; j++) {
			p[j] = alloc(sizes[i]);
			KUNIT_ASSERT_NOT_NULL(test, p[j]);
			page_ref_sub(virt_to_page(p[j] + sizes[i] - 1), 1);
		}
		before = gotest_misuses(&goalloc_heap, GO_LOST_PAGE);
		c->flushes = round_up(c->flushes, 64) + 63;
		for (j = 0; j < NR_LOST; j++)
			gofree(p[j]);
		KUNIT_EXPECT_GT(test, gotest_misuses(&goalloc_heap,
						     GO_LOST_PAGE), before);
		for (j = 0; j < NR_LOST; j++)
			page_ref_add(virt_to_page(p[j] + sizes[i] - 1), 1);
	}
}

static void misuse_zone(struct kunit *test)
{
	static const gfp_t zones[] = {
		GFP_DMA, GFP_DMA32, GFP_KERNEL | __GFP_HIGHMEM,
		GFP_ATOMIC | __GFP_DMA, GFP_HIGHUSER,
	};
	struct scene *s;
	int i, n = 0;
	void *p[4];

	if (!gotest_warns)
		kunit_skip(test, "makes the kernel warn: load with warns=1");
	s = scene_open(test, 64);
	scene_freeze(test, s);
	for (i = 0; i < ARRAY_SIZE(zones); i++) {
		KUNIT_EXPECT_NULL(test, gomalloc(64, zones[i]));
		KUNIT_EXPECT_NULL(test, gomalloc_noscan(3, zones[i]));
		KUNIT_EXPECT_NULL(test, gozalloc(100000, zones[i]));
		KUNIT_EXPECT_NULL(test, gomalloc_node(64, zones[i], 0));
		KUNIT_EXPECT_EQ(test, gomalloc_bulk(zones[i], 64, 4, p), 0);
		n += 5;
		expect_caught(test, s, GO_BAD_ZONE, n);
	}
	scene_close(test, s);
}

static int misuse_init(struct kunit *test)
{
	if (!static_key_enabled(&goalloc_check))
		kunit_skip(test, "check=0 promises nothing");
	return gotest_api_init(test);
}

static void misuse_exit(struct kunit *test)
{
	if (static_key_enabled(&goalloc_check))
		gotest_api_exit(test);
}

static struct kunit_case misuse_cases[] = {
	KUNIT_CASE(misuse_names_the_object),
	KUNIT_CASE_PARAM(misuse_double_free, sizes_gen_params),
	KUNIT_CASE_PARAM(misuse_double_free_otherwise, sizes_gen_params),
	KUNIT_CASE_PARAM(misuse_double_free_after_drain, sizes_gen_params),
	KUNIT_CASE(misuse_double_free_after_flush),
	KUNIT_CASE(misuse_double_free_after_all),
	KUNIT_CASE_PARAM(misuse_interior, plain_sizes_gen_params),
	KUNIT_CASE(misuse_tail_of_span),
	KUNIT_CASE(misuse_foreign_memory),
	KUNIT_CASE(misuse_foreign_address),
	KUNIT_CASE(misuse_of_another_heap),
	KUNIT_CASE_PARAM(misuse_wrong_size, wrong_sizes_gen_params),
	KUNIT_CASE_PARAM(misuse_size_of_nothing, sizes_gen_params),
	KUNIT_CASE(misuse_in_context),
	KUNIT_CASE(misuse_double_free_elsewhere),
	KUNIT_CASE(misuse_double_free_race),
	KUNIT_CASE(misuse_lost_page),
	KUNIT_CASE(misuse_zone),
	{}
};

static struct kunit_suite misuse_suite = {
	.name = "goalloc_misuse",
	.init = misuse_init,
	.exit = misuse_exit,
	.test_cases = misuse_cases,
};

kunit_test_suite(misuse_suite);
