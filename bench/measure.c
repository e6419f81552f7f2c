// SPDX-License-Identifier: GPL-2.0
/*
 * gobench: from loops to rows.
 *
 * There are two ways to measure a loop.
 *
 * By the clock: rounds in which each allocator has its turn, so that whatever
 * else the machine does meets them alike.  Of instructions the least of all
 * rounds is kept: they are the same each time but for what the first round had
 * to set up.  Of nanoseconds the median and the quartiles.  What the empty loop
 * takes is taken away here.
 *
 * By marks (QEMU only): an instruction that does nothing, and that
 * scripts/qemu-sharing.c knows, stands before and behind each loop.  That plugin
 * counts for the CPU between them instructions, lock acquisitions and shared
 * cache lines, and a third mark ends a row, in the order of the rows here.
 */

#include <linux/goalloc.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/stringify.h>
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
	asm volatile(".byte " __stringify(MARK_BYTES) ", %c0"
		     : : "i" (mark) : "memory");
}

static __always_inline void mark_lock(void *function)
{
	asm volatile(".byte " __stringify(MARK_BYTES) ", %c0\n\t"
		     "movb (%1), %%al"
		     : : "i" (MARK_LOCK), "r" (function) : "eax", "memory");
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

bool bench_marks(void)
{
	return with_marks;
}

/* Xorshift: good enough, and short. */
u32 bench_random(u32 *state)
{
	u32 x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	*state = x;
	return x;
}

void bench_row(const char *workload, const char *param,
	       enum bench_allocator a, const char *measure, u64 total, u64 ops)
{
	text.size += scnprintf(text.data + text.size, TEXT_BYTES - text.size,
			       "BENCH %s,%s,%s,%s,%llu,%llu\n", workload,
			       param, bench_names[a], measure, total, ops);
}

/*
 * Run a loop; its time.  Interrupts would be counted as well, so they are off;
 * but on PREEMPT_RT kmalloc() may not be called so, and where it is time that is
 * measured, medians do, and UML's kmalloc() is faster with them off than it ever
 * is in earnest.
 */
static u64 once(bench_loop fn, struct bench *b)
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

void bench_once(bench_loop fn, struct bench *b)
{
	once(fn, b);
}

struct call {
	bench_loop fn;
	struct bench *b;
};

static long call_fn(void *arg)
{
	struct call *call = arg;

	once(call->fn, call->b);
	return 0;
}

/* The caller sleeps meanwhile: nothing else is run. */
int bench_on_cpu(int cpu, bench_loop fn, struct bench *b)
{
	struct call call = { fn, b };

	return work_on_cpu(cpu, call_fn, &call);
}

/* From here on loops are between marks, or no more. */
void bench_count(bool on)
{
	counting = on;
	if (on)
		mark(MARK_FORGET);
}

/* The row of what has been counted since. */
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
			once(loop->fn[a], b);
		bench_count(true);
		for (i = 0; i < MARK_ROUNDS; i++)
			once(loop->fn[a], b);
		bench_counted(workload, param, a, ops * MARK_ROUNDS);
	}
}

static int cmp_u64(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static u64 minus(u64 a, u64 b)
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
				  minus(t[a][0], t[NONE][0]), ops);
			continue;
		}
		bench_row(workload, param, a, "ns",
			  minus(t[a][n / 2], t[NONE][n / 2]), ops);
		bench_row(workload, param, a, "ns_q1",
			  minus(t[a][n / 4], t[NONE][n / 2]), ops);
		bench_row(workload, param, a, "ns_q3",
			  minus(t[a][3 * n / 4], t[NONE][n / 2]), ops);
	}
}

/* A failed allocation is cheap: such a figure is none. */
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
 * How long a store and a load of the same word take depends on the address, and
 * a pair always gets the same object.  So before each round whoever is next has
 * to part with that one.
 */
static void move_on(struct bench *b, void *held[2])
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
		move_on(b, held[i]);
		for (a = 0; a < NR_ALLOCATORS && !err; a++) {
			if (!loop->fn[a])
				continue;
			t[a][i] = once(loop->fn[a], b);
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
