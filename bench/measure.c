// SPDX-License-Identifier: GPL-2.0
/*
 * gobench: run the loops and print rows of results.
 *
 * There are two ways to measure a loop.
 *
 * By the clock: there are several rounds, and in each round every allocator has
 * its turn, so that disturbances meet them alike.  For instructions the minimum
 * of all rounds counts: they differ only by what the first round has to set up.
 * For nanoseconds the median and the quartiles count.  The cost of the empty
 * loop is subtracted here.
 *
 * By marks (QEMU only): before and after each loop there is an instruction that
 * does nothing but tell scripts/qemu-sharing.c to start or stop counting on
 * this CPU, see marks.h.  It counts instructions, locks and shared cache lines,
 * and prints its rows in the order of the rows here.
 */

#include <linux/goalloc.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <linux/debugfs.h>
#include "gobench.h"
#include "latency.h"
#include "marks.h"

#define TEXT_BYTES	(512UL << 10)
#define MAX_ROUNDS	64
#define MARK_WARMUPS	3
#define MARK_ROUNDS	5

const char *const bench_names[NR_ALLOCATORS] = {
	"none", "goalloc", "kmalloc", "kmem_cache"
};

static struct debugfs_blob_wrapper text;
static struct dentry *dir;
static bool with_marks, counting;
static unsigned int nr_rounds;

#if defined(CONFIG_X86_64) && defined(CONFIG_SMP)
static __always_inline void mark(const enum mark mark)
{
	asm volatile("nopl %c0(%%rax)"
		     : : "i" (MARK_DISP | mark << MARK_SHIFT) : "memory");
}

static __always_inline void mark_lock(void *function)
{
	asm volatile("nopl %c0(%%rax)\n\t"
		     "movb (%1), %%al"
		     : : "i" (MARK_DISP | MARK_LOCK << MARK_SHIFT),
		     "r" (function) : "eax", "memory");
}

/* Start the plugin, and tell it which functions take a lock. */
static void marks_start(void)
{
	mark_lock(_raw_spin_lock);
	mark_lock(_raw_spin_lock_bh);
	mark_lock(_raw_spin_lock_irq);
	mark_lock(_raw_spin_lock_irqsave);
	mark_lock(_raw_spin_trylock);
	mark_lock(_raw_spin_trylock_bh);
	mark(MARK_START);
}

#else
static inline void mark(const enum mark mark)
{
}

static inline void marks_start(void)
{
}
#endif

bool bench_in_ns(void)
{
	return !get_cycles();
}

void bench_row(const char *workload, const char *param,
	       enum bench_allocator a, const char *measure, u64 total, u64 ops)
{
	text.size += scnprintf(text.data + text.size, TEXT_BYTES - text.size,
			       "BENCH %s,%s,%s,%s,%llu,%llu\n", workload,
			       param, bench_names[a], measure, total, ops);
}

/*
 * Run a loop; returns its time.  Interrupts are off, because their instructions
 * would be counted as well.  They stay on where kmalloc() does not allow it
 * (PREEMPT_RT), and where time is measured: there the median is not disturbed,
 * and UML's kmalloc() would be faster than it is in practice.
 */
static u64 run_loop(bench_loop fn, struct bench *b)
{
	bool off = !IS_ENABLED(CONFIG_PREEMPT_RT) && !bench_in_ns();
	unsigned long flags = 0;
	u64 t;

	if (off)
		local_irq_save(flags);
	if (counting)
		mark(MARK_BEGIN);
	t = clock_now();
	fn(b);
	t = clock_now() - t;
	if (counting)
		mark(MARK_END);
	if (off)
		local_irq_restore(flags);
	cond_resched();
	return t;
}

struct call {
	bench_loop fn;
	struct bench *b;
};

static long run_call(void *arg)
{
	struct call *call = arg;

	run_loop(call->fn, call->b);
	return 0;
}

/* Run a loop on another CPU, while the caller sleeps. */
int bench_on_cpu(int cpu, bench_loop fn, struct bench *b)
{
	struct call call = { fn, b };

	return work_on_cpu(cpu, run_call, &call);
}

/* Put marks around the loops from here on, or no longer. */
void bench_count(bool on)
{
	counting = on;
	if (on)
		mark(MARK_FORGET);
}

/* Stop counting, and print a row. */
void bench_counted(const char *workload, const char *param,
		   enum bench_allocator a, u64 ops)
{
	bench_count(false);
	mark(MARK_PRINT);
	bench_row(workload, param, a, "mark", 0, ops);
}

static void measure_marks(const char *workload, const char *param,
			  const struct loop *loop, struct bench *b, u64 ops)
{
	unsigned int a, i;

	for (a = 0; a < NR_ALLOCATORS; a++) {
		if (!loop->fn[a])
			continue;
		for (i = 0; i < MARK_WARMUPS; i++)
			run_loop(loop->fn[a], b);
		bench_count(true);
		for (i = 0; i < MARK_ROUNDS; i++)
			run_loop(loop->fn[a], b);
		bench_counted(workload, param, a, ops * MARK_ROUNDS);
	}
}

static int cmp_u64(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static u64 subtract(u64 a, u64 b)
{
	return a > b ? a - b : 0;
}

static void report_rounds(const char *workload, const char *param,
			  const struct loop *loop, u64 t[][MAX_ROUNDS],
			  u64 ops)
{
	unsigned int a, n = nr_rounds;

	for (a = 0; a < NR_ALLOCATORS; a++)
		sort(t[a], n, sizeof(t[a][0]), cmp_u64, NULL);
	for (a = GO; a < NR_ALLOCATORS; a++) {
		if (!loop->fn[a])
			continue;
		if (!bench_in_ns()) {
			bench_row(workload, param, a, "instructions",
				  subtract(t[a][0], t[NONE][0]), ops);
			continue;
		}
		bench_row(workload, param, a, "ns",
			  subtract(t[a][n / 2], t[NONE][n / 2]), ops);
		bench_row(workload, param, a, "ns_q1",
			  subtract(t[a][n / 4], t[NONE][n / 2]), ops);
		bench_row(workload, param, a, "ns_q3",
			  subtract(t[a][3 * n / 4], t[NONE][n / 2]), ops);
	}
}

/* A failed allocation is cheap, so a batch with one has no figure. */
static int check_batch(const char *workload, const struct bench *b)
{
	unsigned int i;

	for (i = 0; b->p && i < b->n; i++) {
		if (!b->p[i]) {
			pr_err("%s: not enough memory for %zu bytes\n",
			       workload, b->size);
			return -ENOMEM;
		}
	}
	return 0;
}

/*
 * In a loop of pairs an allocator returns the same object every time, and the
 * time of a store and a load depends on its address.  So before each round take
 * that object away from goalloc and kmalloc: the round gets another one.
 */
static void hold_objects(struct bench *b, void *held[2])
{
	held[0] = NULL;
	held[1] = NULL;
	if (!bench_in_ns() || b->p || b->size > PAGE_SIZE)
		return;
	held[0] = gomalloc(b->size, GFP_KERNEL);
	held[1] = kmalloc(b->size, GFP_KERNEL);
}

/* Measure a loop of @ops operations for every allocator that has it. */
int bench_measure(const char *workload, const char *param,
		  const struct loop *loop, struct bench *b, u64 ops)
{
	static u64 t[NR_ALLOCATORS][MAX_ROUNDS];
	static void *held[MAX_ROUNDS][2];
	unsigned int a, i;
	int err = 0;

	if (with_marks) {
		measure_marks(workload, param, loop, b, ops);
		return check_batch(workload, b);
	}
	for (i = 0; i < nr_rounds; i++) {
		hold_objects(b, held[i]);
		for (a = 0; a < NR_ALLOCATORS && !err; a++) {
			if (!loop->fn[a])
				continue;
			t[a][i] = run_loop(loop->fn[a], b);
			err = check_batch(workload, b);
		}
	}
	for (i = 0; i < nr_rounds; i++) {
		gofree(held[i][0]);
		kfree(held[i][1]);
	}
	if (!err)
		report_rounds(workload, param, loop, t, ops);
	return err;
}

int bench_measure_init(bool marks, unsigned int rounds)
{
	with_marks = marks;
	nr_rounds = clamp(rounds, 1U, (unsigned int)MAX_ROUNDS);
	text.data = vmalloc(TEXT_BYTES);
	if (!text.data)
		return -ENOMEM;
	dir = debugfs_create_dir("gobench", NULL);
	debugfs_create_blob("results", 0400, dir, &text);
	if (with_marks)
		marks_start();
	return 0;
}

void bench_measure_exit(void)
{
	debugfs_remove(dir);
	vfree(text.data);
}
