// SPDX-License-Identifier: GPL-2.0
/*
 * gobench: measure what allocations and frees cost, goalloc beside kmalloc.
 *
 *	insmod gobench.ko run=warm,batch
 *	cat /sys/kernel/debug/gobench/results
 *
 * This file has the workloads.  Each allocator runs the same loops in the same
 * boot.  What measure.c measures depends on the machine:
 *
 *   QEMU -icount		instructions, on one CPU
 *   User Mode Linux		nanoseconds
 *   QEMU with our plugin	marks=1: locks, shared cache lines and
 *				instructions, also of several CPUs, which
 *				take turns
 *
 * Module init does all the work; the module stays loaded so that the results
 * can be read.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/goalloc.h>
#include <linux/gocache.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "gobench.h"
#include "latency.h"
#include "pages.h"

static char *run = "";
module_param(run, charp, 0444);
MODULE_PARM_DESC(run, "workloads to run, separated by commas (default: all that can be measured here)");

static bool quick;
module_param(quick, bool, 0444);
MODULE_PARM_DESC(quick, "measure few sizes only");

static bool marks;
module_param(marks, bool, 0444);
MODULE_PARM_DESC(marks, "let the QEMU plugin count");

static unsigned int rounds = 5;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "how often each loop is run (default 5)");

static unsigned int settle = 5;
module_param(settle, uint, 0444);
MODULE_PARM_DESC(settle, "seconds to wait at first for the machine to become idle (default 5)");

static unsigned int steps = 1000000;
module_param(steps, uint, 0444);
MODULE_PARM_DESC(steps, "replacements in the churn workload (default 1000000)");

#define CHURN_SLOTS	8192	/* live objects of the long churn */
#define CHURN_SAMPLES	64
#define CPU_SLOTS	1024	/* live objects of a CPU in scale and larson */
#define CPU_STEPS	1024
#define CPU_ROUNDS	16
#define MAX_CPUS	8

static void **objects;
static u32 order[BENCH_BATCH];
static u32 sizes[BENCH_SIZES];

static const size_t few_sizes[] = { 8, 64, 512, 520, 1024, 4096, 8192 };

static void fill_sizes(void)
{
	u32 i, r, rnd = 1;

	/* 8 bytes to 4 KiB, each power of two equally often. */
	for (i = 0; i < BENCH_SIZES; i++) {
		r = 8U << (bench_random(&rnd) % 9);
		sizes[i] = r + bench_random(&rnd) % r;
	}
}

/* A clock needs longer loops than a counter of instructions. */
static unsigned int scale_for_clock(unsigned int n)
{
	return bench_in_ns() ? BENCH_CLOCK * n : n;
}

/* Measure a loop with objects of one size; in batches of @n if that is not 0. */
static int measure_size(const char *workload, const char *param,
			const struct loop *loop, size_t size, unsigned int n,
			u64 ops)
{
	struct bench b = { .size = size };
	void *cache;
	int err;

	if (n) {
		bench_shuffle(order, n);
		b.order = order;
		b.p = objects;
		b.n = n;
		b.reps = BENCH_REPS(n);
		if (n < BENCH_BATCH)
			b.reps = scale_for_clock(b.reps);
		ops = (u64)b.n * b.reps;
	} else {
		b.n = scale_for_clock(ops);
		ops = b.n;
	}
	cache = kmem_cache_create("gobench", size, 0, 0, NULL);
	if (!cache)
		return -ENOMEM;
	b.cache = cache;
	if (strstarts(workload, "cache"))
		b.named = gocache_create("gobench", size, 0, 0, NULL);
	err = bench_measure(workload, param, loop, &b, ops);
	gocache_destroy(b.named);
	kmem_cache_destroy(cache);
	return err;
}

static int measure_pairs(const char *workload, const struct loop *loop,
			 size_t size)
{
	char param[16];

	snprintf(param, sizeof(param), "%zu", size);
	return measure_size(workload, param, loop, size, 0, 1000);
}

static int measure_few_pairs(const char *workload, const struct loop *loop)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(few_sizes) && !err; i++)
		err = measure_pairs(workload, loop, few_sizes[i]);
	return err;
}

/* Every class, by its own size or the largest size that it serves. */
static int run_warm(void)
{
	size_t class, size;
	int err = 0;

	if (quick || marks)
		return measure_few_pairs("warm", &loop_warm);
	for (class = 0; class < 32768 && !err;) {
		class = gomalloc_size_roundup(class + 1);
		size = class;
		if (gomalloc_size_roundup(size) != class)
			size--;
		err = measure_pairs("warm", &loop_warm, size);
	}
	return err ?: measure_pairs("warm", &loop_warm, 520);
}

static int run_const(void)
{
	int err;

	err = measure_pairs("const", &loop_const_8, 8);
	err = err ?: measure_pairs("const", &loop_const_64, 64);
	err = err ?: measure_pairs("const", &loop_const_512, 512);
	err = err ?: measure_pairs("const", &loop_const_1024, 1024);
	err = err ?: measure_pairs("const", &loop_const_8192, 8192);
	return err ?: measure_pairs("const_sized", &loop_const_sized_64, 64);
}

static int run_sized(void)
{
	return measure_few_pairs("sized", &loop_sized);
}

static int measure_batch(const char *how, const struct loop *loop, size_t size,
			 unsigned int n)
{
	char param[24];

	snprintf(param, sizeof(param), "%ux%zu", n, size);
	return measure_size(how, param, loop, size, n, 0);
}

static int run_batch(void)
{
	static const size_t large[] = { 1024, 4096, 8192, 32768 };
	unsigned int i, n;
	int err = 0;

	for (n = 16; n <= BENCH_BATCH && !err; n *= 16) {
		err = measure_batch("fifo", &loop_fifo, 64, n);
		err = err ?: measure_batch("lifo", &loop_lifo, 64, n);
		err = err ?: measure_batch("random", &loop_random, 64, n);
	}
	err = err ?: measure_batch("random", &loop_random, 1024, BENCH_BATCH);
	for (i = 0; i < ARRAY_SIZE(large) && !err; i++)
		err = measure_batch("fifo", &loop_fifo, large[i], BENCH_BATCH);
	return err;
}

static int run_bulk(void)
{
	int err;

	err = measure_batch("bulk", &loop_bulk, 64, 16);
	err = err ?: measure_batch("bulk", &loop_bulk, 64, 64);
	err = err ?: measure_batch("bulk", &loop_bulk, 64, 256);
	return err ?: measure_batch("bulk", &loop_bulk, 1024, 64);
}

/* Caches of one size: goalloc's and the kernel's. */
static int run_cache(void)
{
	int err;

	err = measure_pairs("cache", &loop_cache_warm, 64);
	err = err ?: measure_pairs("cache", &loop_cache_warm, 520);
	err = err ?: measure_pairs("cache", &loop_cache_warm, 4096);
	err = err ?: measure_batch("cache_fifo", &loop_cache_fifo, 520, 256);
	err = err ?: measure_batch("cache_fifo", &loop_cache_fifo, 520, BENCH_BATCH);
	return err ?: measure_batch("cache_bulk", &loop_cache_bulk, 64, 64);
}

static int run_zeroed(void)
{
	int err;

	err = measure_pairs("zeroed", &loop_zeroed, 64);
	err = err ?: measure_pairs("zeroed", &loop_zeroed, 512);
	return err ?: measure_pairs("zeroed", &loop_zeroed, 4096);
}

static int run_tiny(void)
{
	int err;

	err = measure_pairs("tiny", &loop_tiny, 8);
	err = err ?: measure_pairs("tiny", &loop_tiny, 15);
	return err ?: measure_batch("tiny_fifo", &loop_tiny_batch, 8, 256);
}

/* An operation is one doubling: from 16 bytes to 32 KiB there are 11. */
static int run_realloc(void)
{
	struct bench b = { .reps = scale_for_clock(50) };

	return bench_measure("realloc", "16-32768", &loop_realloc, &b,
			     b.reps * 11);
}

/* The larger the object, the more its cost depends on the heap's free runs. */
static int run_large(void)
{
	size_t size, max = quick ? SZ_128K : GOALLOC_MAX_SIZE;
	char param[16];
	int err = 0;

	for (size = SZ_32K; size <= max && !err; size *= 2) {
		snprintf(param, sizeof(param), "%zu", size);
		err = measure_size("large", param, &loop_warm, size, 0, 50);
	}
	return err;
}

/* --- the long churn: pages and latencies --------------------------------- */

static void churn_latency_rows(enum bench_allocator a, const char *op,
			       const struct latency *l, u64 overhead)
{
	struct latency_figure fig[LATENCY_FIGURES];
	unsigned int i;
	char name[24];

	/* The host may interrupt UML at any time, so latencies mean nothing. */
	if (bench_in_ns())
		return;
	latency_figures(l, overhead, fig);
	for (i = 0; i < LATENCY_FIGURES; i++) {
		snprintf(name, sizeof(name), "%s_%s", op, fig[i].name);
		bench_row("churn", "all", a, name, fig[i].total, fig[i].ops);
	}
}

/* Pages held; for NONE the pages that the requested bytes would fill. */
static u64 held_pages(enum bench_allocator a, struct goalloc_memstats *m)
{
	u64 bytes = 0;
	unsigned int i;

	if (a == GO)
		return goalloc_pages(m);
	if (a == K)
		return kmalloc_pages();
	for (i = 0; i < CHURN_SLOTS; i++)
		bytes += (unsigned long)objects[i];
	return bytes >> PAGE_SHIFT;
}

static void churn_sample_row(enum bench_allocator a, const char *param,
			     const char *what, u64 base,
			     struct goalloc_memstats *m)
{
	u64 pages = held_pages(a, m);

	bench_row("churn", param, a, what, pages > base ? pages - base : 0, 1);
}

static void churn_metadata_rows(const char *param, struct goalloc_memstats *m)
{
	goalloc_read_memstats(m);
	bench_row("churn", param, GO, "metadata_bytes",
		  m->mspan_sys + m->gc_sys + m->other_sys, 1);
	bench_row("churn", param, GO, "percpu_bytes", m->mcache_inuse,
		  num_possible_cpus());
}

static void churn_run(enum bench_allocator a, struct bench *b,
		      struct goalloc_memstats *m)
{
	char param[16];
	unsigned int i;
	u64 base;

	goalloc_free_os_memory();
	memset(objects, 0, CHURN_SLOTS * sizeof(*objects));
	memset(b->lat, 0, 2 * sizeof(*b->lat));
	base = held_pages(a, m);
	if (a == GO)
		churn_metadata_rows("idle", m);
	b->rnd = 42;
	loop_fill_sizes.fn[a](b);
	for (i = 0; i < CHURN_SAMPLES; i++) {
		snprintf(param, sizeof(param), "%u", i);
		churn_sample_row(a, param, "pages", base, m);
		loop_timed_replace.fn[a](b);
		cond_resched();
	}
	churn_sample_row(a, "end", "pages", base, m);
	if (a == GO)
		churn_metadata_rows("end", m);
	b->n = CHURN_SLOTS;
	loop_drain.fn[a](b);
	if (a != NONE)
		churn_sample_row(a, "freed", "pages", base, m);
	goalloc_free_os_memory();
	if (a != NONE)
		churn_sample_row(a, "trimmed", "pages", base, m);
}

static int run_churn(void)
{
	struct bench b = { .p = objects, .slots = CHURN_SLOTS, .sizes = sizes };
	struct goalloc_memstats *m = kvzalloc(sizeof(*m), GFP_KERNEL);
	enum bench_allocator a;
	int err = -ENOMEM;
	u64 overhead = 0;

	b.lat = vzalloc(2 * sizeof(*b.lat));
	if (m && b.lat) {
		for (a = NONE; a <= K; a++) {
			b.n = steps / CHURN_SAMPLES;
			churn_run(a, &b, m);
			if (a == NONE) {
				overhead = latency_quantile(b.lat, 5000);
				continue;
			}
			churn_latency_rows(a, "alloc", &b.lat[0], overhead);
			churn_latency_rows(a, "free", &b.lat[1], overhead);
		}
		err = 0;
	}
	vfree(b.lat);
	kvfree(m);
	return err;
}

/* --- several CPUs, which take turns -------------------------------------- */

/* One CPU allocates and another frees; each object counts as one operation. */
static int measure_prodcons(size_t size)
{
	struct bench b = { .size = size, .n = BENCH_HANDED, .p = objects };
	unsigned int a, i;
	char param[16];

	for (a = NONE; a <= K; a++) {
		for (i = 0; i < 2 * BENCH_HANDOVERS; i++) {
			if (i == BENCH_HANDOVERS)
				bench_count(true);
			bench_on_cpu(0, loop_fill.fn[a], &b);
			bench_on_cpu(1, loop_drain.fn[a], &b);
		}
		snprintf(param, sizeof(param), "%zu", size);
		bench_counted("prodcons", param, a,
			      (u64)BENCH_HANDED * BENCH_HANDOVERS);
	}
	return 0;
}

static int run_prodcons(void)
{
	return measure_prodcons(64) ?: measure_prodcons(1024);
}

/*
 * Each CPU replaces its own objects at random.  With @pass_on, as in larson, it
 * gets the objects of the next CPU in each round.  An operation is an
 * allocation or a free.
 */
static void measure_cpus(const char *workload, unsigned int cpus, bool pass_on)
{
	struct bench b = { .n = CPU_STEPS, .slots = CPU_SLOTS, .sizes = sizes };
	unsigned int a, i, cpu;
	char param[16];

	snprintf(param, sizeof(param), "%u", cpus);
	for (a = NONE; a <= K; a++) {
		b.rnd = 7;
		for (cpu = 0; cpu < cpus; cpu++) {
			b.p = objects + cpu * CPU_SLOTS;
			loop_fill_sizes.fn[a](&b);
		}
		for (i = 0; i < 3 * CPU_ROUNDS; i++) {
			if (i == 2 * CPU_ROUNDS)
				bench_count(true);
			for (cpu = 0; cpu < cpus; cpu++) {
				b.p = objects + CPU_SLOTS *
				      ((cpu + i * pass_on) % cpus);
				bench_on_cpu(cpu, loop_replace.fn[a], &b);
			}
		}
		bench_counted(workload, param, a,
			      2ULL * CPU_STEPS * CPU_ROUNDS * cpus);
		b.p = objects;
		b.n = CPU_SLOTS * cpus;
		loop_drain.fn[a](&b);
		b.n = CPU_STEPS;
	}
}

static int run_scale(void)
{
	unsigned int cpus;

	for (cpus = 1; cpus <= min(num_online_cpus(), MAX_CPUS); cpus *= 2)
		measure_cpus("scale", cpus, false);
	return 0;
}

static int run_larson(void)
{
	measure_cpus("larson", min(num_online_cpus(), 4U), true);
	return 0;
}

/* --- the module ---------------------------------------------------------- */

/**
 * struct group - workloads that run together
 * @name: their name in the parameter run
 * @run: runs them
 * @clock: they can be measured by the clock
 * @marks: they can be measured by marks
 */
struct group {
	const char *name;
	int (*run)(void);
	bool clock;
	bool marks;
};

static const struct group groups[] = {
	{ "warm",	run_warm,	true,	true },
	{ "const",	run_const,	true,	false },
	{ "sized",	run_sized,	true,	false },
	{ "batch",	run_batch,	true,	true },
	{ "bulk",	run_bulk,	true,	true },
	{ "zeroed",	run_zeroed,	true,	false },
	{ "tiny",	run_tiny,	true,	true },
	{ "realloc",	run_realloc,	true,	true },
	{ "large",	run_large,	true,	true },
	{ "cache",	run_cache,	true,	true },
	{ "churn",	run_churn,	true,	false },
	{ "prodcons",	run_prodcons,	false,	true },
	{ "scale",	run_scale,	false,	true },
	{ "larson",	run_larson,	false,	true },
};

static bool group_is_wanted(const struct group *g)
{
	size_t len = strlen(g->name);
	const char *s;

	if (!*run)
		return marks ? g->marks : g->clock;
	for (s = strstr(run, g->name); s; s = strstr(s + 1, g->name)) {
		if ((s == run || s[-1] == ',') && (!s[len] || s[len] == ','))
			return true;
	}
	return false;
}

static int run_groups(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(groups) && !err; i++) {
		if (!group_is_wanted(&groups[i]))
			continue;
		pr_info("%s\n", groups[i].name);
		err = groups[i].run();
	}
	return err;
}

static int __init gobench_init(void)
{
	int err;

	err = bench_measure_init(marks, rounds);
	if (err)
		return err;
	err = -ENOMEM;
	objects = vzalloc(array_size(MAX_CPUS * CPU_SLOTS, sizeof(*objects)));
	if (objects) {
		fill_sizes();
		ssleep(settle);
		err = run_groups();
	}
	vfree(objects);
	if (err)
		bench_measure_exit();
	return err;
}
module_init(gobench_init);

static void __exit gobench_exit(void)
{
	bench_measure_exit();
}
module_exit(gobench_exit);

MODULE_DESCRIPTION("Measures what allocations cost, goalloc beside kmalloc");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
