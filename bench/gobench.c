// SPDX-License-Identifier: GPL-2.0
/*
 * gobench: what an allocation and a free cost, goalloc beside kmalloc.
 *
 * The same loops for both allocators in the same boot, with interrupts off
 * where kmalloc() may be called so, the
 * cost of the empty loop taken away, the least of several rounds reported.  In
 * QEMU with -icount, where the TSC ticks once for each instruction, the figures
 * are instructions and the same on every machine; where there is no TSC, as in
 * User Mode Linux, they are nanoseconds.
 *
 * All the work is done in module init; the module stays only to be removed.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/goalloc.h>
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timex.h>
#include <linux/vmalloc.h>

static unsigned int settle = 5;
module_param(settle, uint, 0444);
MODULE_PARM_DESC(settle, "seconds to wait for the machine to calm down (default 5)");

#define ROUNDS	7
#define PAIRS	10000
#define BATCH	4096

struct allocator {
	const char *name;
	void *(*alloc)(size_t size, gfp_t gfp);
	void (*free)(const void *p);
};

static void *none_alloc(size_t size, gfp_t gfp)
{
	return (void *)size;
}

static void none_free(const void *p)
{
}

static bool use_ns;

static u64 now(void)
{
	return use_ns ? ktime_get_ns() : get_cycles();
}

/*
 * The loops are written out for each allocator: a call through a pointer would
 * be part of what is measured.
 */
#define DEFINE_LOOPS(name, alloc, free)					\
static noinline u64 name##_pairs(size_t size, void **p)			\
{									\
	u64 start = now();						\
	unsigned int i;							\
	void *obj;							\
									\
	for (i = 0; i < PAIRS; i++) {					\
		obj = alloc(size, GFP_NOWAIT);				\
		barrier_data(obj);					\
		free(obj);						\
	}								\
	return now() - start;						\
}									\
									\
static noinline u64 name##_batch(size_t size, void **p)			\
{									\
	u64 start = now();						\
	unsigned int i;							\
									\
	for (i = 0; i < BATCH; i++)					\
		p[i] = alloc(size, GFP_NOWAIT);				\
	for (i = 0; i < BATCH; i++)					\
		free(p[i]);						\
	return now() - start;						\
}

DEFINE_LOOPS(none, none_alloc, none_free)
DEFINE_LOOPS(go, gomalloc, gofree)
DEFINE_LOOPS(k, kmalloc, kfree)

static u64 least(u64 (*loop)(size_t size, void **p), size_t size, void **p)
{
	u64 t, min = U64_MAX;
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		/* On PREEMPT_RT kmalloc() may not be called so. */
		if (!IS_ENABLED(CONFIG_PREEMPT_RT))
			local_irq_save(flags);
		t = loop(size, p);
		if (!IS_ENABLED(CONFIG_PREEMPT_RT))
			local_irq_restore(flags);
		min = min(min, t);
		cond_resched();
	}
	return min;
}

struct work {
	const char *name;
	u64 (*none)(size_t size, void **p);
	u64 (*go)(size_t size, void **p);
	u64 (*k)(size_t size, void **p);
	unsigned int ops;
	size_t size;
};

static const struct work works[] = {
	{ "warm pair", none_pairs, go_pairs, k_pairs, PAIRS, 8 },
	{ "warm pair", none_pairs, go_pairs, k_pairs, PAIRS, 64 },
	{ "warm pair", none_pairs, go_pairs, k_pairs, PAIRS, 520 },
	{ "warm pair", none_pairs, go_pairs, k_pairs, PAIRS, 1024 },
	{ "warm pair", none_pairs, go_pairs, k_pairs, PAIRS, 8192 },
	{ "4096, then free", none_batch, go_batch, k_batch, BATCH, 64 },
	{ "4096, then free", none_batch, go_batch, k_batch, BATCH, 1024 },
	{ "4096, then free", none_batch, go_batch, k_batch, BATCH, 8192 },
	{ "4096, then free", none_batch, go_batch, k_batch, BATCH, 32768 },
};

/* A failed allocation is cheap: such a figure is none. */
static bool any_null(const struct work *w, void **p)
{
	unsigned int i;

	for (i = 0; w->ops == BATCH && i < BATCH; i++)
		if (!p[i])
			return true;
	return false;
}

/* In tenths, so that no digit is lost. */
static int report(const struct work *w, void **p)
{
	u64 none = least(w->none, w->size, p);
	u64 go10, k10;
	bool failed;

	go10 = (least(w->go, w->size, p) - none) * 10 / w->ops;
	failed = any_null(w, p);
	k10 = (least(w->k, w->size, p) - none) * 10 / w->ops;
	if (failed || any_null(w, p)) {
		pr_err("not enough memory for %zu bytes\n", w->size);
		return -ENOMEM;
	}
	pr_info("RESULT work=\"%s\" size=%zu unit=%s goalloc=%llu.%llu kmalloc=%llu.%llu percent=%llu\n",
		w->name, w->size, use_ns ? "ns" : "instructions", go10 / 10,
		go10 % 10, k10 / 10, k10 % 10, k10 ? go10 * 100 / k10 : 0);
	return 0;
}

static int __init gobench_init(void)
{
	void **p = vmalloc(array_size(BATCH, sizeof(*p)));
	unsigned int i;
	int err = 0;

	if (!p)
		return -ENOMEM;
	use_ns = !get_cycles();
	ssleep(settle);
	for (i = 0; i < ARRAY_SIZE(works) && !err; i++)
		err = report(&works[i], p);
	vfree(p);
	return err;
}
module_init(gobench_init);

static void __exit gobench_exit(void)
{
}
module_exit(gobench_exit);

MODULE_DESCRIPTION("What an allocation costs, goalloc beside kmalloc");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
