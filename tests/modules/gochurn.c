// SPDX-License-Identifier: GPL-2.0
/*
 * gochurn: measure how much memory an allocator holds in the long run.
 *
 *	insmod gochurn.ko allocator=goalloc live_mib=64 ops=10000000
 *
 * First, random objects are allocated and freed at a steady live size.  Sizes
 * are 16 bytes to 8 KiB, each power of two equally often; one object in a
 * thousand has up to 256 KiB.  Then random objects are freed until a part of
 * the live size is left, and the workload goes on at that size, at a low rate.
 * Both allocators get the same sequence.
 *
 * A sample compares the bytes held with the bytes asked for in live objects.
 * Held are, for goalloc, MemStats' Sys, and for kmalloc the slab pages of the
 * whole machine beyond those at the start: on a quiet machine they are its own.
 *
 * Module init does all the work; the module stays loaded only to be removed.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/goalloc.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>

static char *allocator = "goalloc";
module_param(allocator, charp, 0444);
MODULE_PARM_DESC(allocator, "goalloc or kmalloc (default goalloc)");

static unsigned int live_mib = 64;
module_param(live_mib, uint, 0444);
MODULE_PARM_DESC(live_mib, "live size in MiB, 1 to 4096 (default 64)");

static unsigned long ops = 10000000;
module_param(ops, ulong, 0444);
MODULE_PARM_DESC(ops, "allocations and frees at the live size (default 10000000)");

static unsigned int drop = 10;
module_param(drop, uint, 0444);
MODULE_PARM_DESC(drop, "percent of the live size to keep afterwards, 0 to 100 (default 10)");

static unsigned int rest = 20;
module_param(rest, uint, 0444);
MODULE_PARM_DESC(rest, "seconds to go on at that size (default 20)");

static unsigned int rate = 20000;
module_param(rate, uint, 0444);
MODULE_PARM_DESC(rate, "operations a second at that size (default 20000)");

static unsigned int samples;
module_param(samples, uint, 0444);
MODULE_PARM_DESC(samples, "samples to print at the live size (default 0: none)");

#define STEPS_A_SECOND	20

struct obj {
	void *p;
	u32 size;
};

/**
 * struct churn - a run
 * @go: goalloc is measured, not kmalloc
 * @obj: the live objects
 * @n: number of live objects
 * @max: room in @obj
 * @live: bytes asked for in live objects
 * @start: bytes in slab pages before the run
 * @rnd: state of the random numbers, which starts the same for both allocators
 * @m: buffer for MemStats
 */
struct churn {
	bool go;
	struct obj *obj;
	unsigned int n;
	unsigned int max;
	u64 live;
	u64 start;
	struct rnd_state rnd;
	struct goalloc_memstats *m;
};

static u32 gochurn_random_size(struct churn *c)
{
	u32 r = prandom_u32_state(&c->rnd);
	u32 order = 4 + r % 9;

	if (r >> 8 & 1023)
		return (1 << order) + prandom_u32_state(&c->rnd) % (1 << order);
	return SZ_8K + prandom_u32_state(&c->rnd) % (SZ_256K - SZ_8K);
}

static bool gochurn_alloc_one(struct churn *c)
{
	struct obj *o = &c->obj[c->n];

	if (c->n == c->max)
		return false;
	o->size = gochurn_random_size(c);
	o->p = c->go ? gomalloc(o->size, GFP_KERNEL) :
		       kmalloc(o->size, GFP_KERNEL);
	if (!o->p)
		return false;
	*(u8 *)o->p = 1;
	c->live += o->size;
	c->n++;
	return true;
}

static void gochurn_free_one(struct churn *c)
{
	struct obj *o = &c->obj[prandom_u32_state(&c->rnd) % c->n];

	if (c->go)
		gofree(o->p);
	else
		kfree(o->p);
	c->live -= o->size;
	*o = c->obj[--c->n];
}

static u64 gochurn_slab_bytes(void)
{
	s64 pages = global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B) +
		    global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B);

	return (u64)pages << PAGE_SHIFT;
}

static u64 gochurn_held_bytes(struct churn *c)
{
	if (!c->go)
		return gochurn_slab_bytes() -
		       min(gochurn_slab_bytes(), c->start);
	goalloc_read_memstats(c->m);
	return c->m->sys;
}

static void gochurn_print_sample(struct churn *c, const char *phase, u64 at)
{
	u64 now;

	if (!samples)
		return;
	now = gochurn_held_bytes(c);
	pr_info("SAMPLE allocator=%s phase=%s at=%llu live=%llu held=%llu percent=%llu alloc=%llu inuse=%llu idle=%llu\n",
		allocator, phase, at, c->live, now,
		c->live ? div64_u64(now * 100, c->live) : 0,
		c->m->heap_alloc, c->m->heap_inuse, c->m->heap_idle);
}

/* One operation: free if the live size is reached, else allocate. */
static bool gochurn_step(struct churn *c, u64 target)
{
	if (c->live >= target && c->n)
		gochurn_free_one(c);
	else if (!gochurn_alloc_one(c))
		return false;
	cond_resched();
	return !fatal_signal_pending(current);
}

static int gochurn_run_steady(struct churn *c, u64 target)
{
	unsigned long i, every = max(ops / max(samples, 1U), 1UL);

	while (c->live < target)
		if (!gochurn_step(c, target))
			return -ENOMEM;
	for (i = 0; i < ops; i++) {
		if (i % every == 0)
			gochurn_print_sample(c, "steady", i);
		if (!gochurn_step(c, target))
			return -ENOMEM;
	}
	gochurn_print_sample(c, "steady", ops);
	return 0;
}

static int gochurn_run_dropped(struct churn *c, u64 target)
{
	unsigned int i, k, n = rate / STEPS_A_SECOND;
	unsigned long start;

	while (c->n && c->live > target)
		gochurn_free_one(c);
	start = jiffies;
	for (i = 0; i <= rest * STEPS_A_SECOND; i++) {
		gochurn_print_sample(c, "dropped",
				     jiffies_to_msecs(jiffies - start));
		if (i == rest * STEPS_A_SECOND)
			break;
		for (k = 0; k < n; k++)
			if (!gochurn_step(c, target))
				return -ENOMEM;
		msleep(MSEC_PER_SEC / STEPS_A_SECOND);
	}
	return 0;
}

static int gochurn_run(struct churn *c)
{
	u64 target = (u64)live_mib << 20;
	int err;

	prandom_seed_state(&c->rnd, 1);
	c->start = gochurn_slab_bytes();
	err = gochurn_run_steady(c, target);
	if (!err && drop < 100)
		err = gochurn_run_dropped(c, div_u64(target * drop, 100));
	while (c->n)
		gochurn_free_one(c);
	gochurn_print_sample(c, "ended", 0);
	return err;
}

static int __init gochurn_init(void)
{
	struct churn c = { .go = !strcmp(allocator, "goalloc") };
	int err = -ENOMEM;

	if ((!c.go && strcmp(allocator, "kmalloc")) || !live_mib ||
	    live_mib > 4096 || drop > 100)
		return -EINVAL;
	/* Objects have more than 900 bytes on average. */
	c.max = ((u64)live_mib << 20) / 512;
	c.obj = vmalloc(array_size(c.max, sizeof(*c.obj)));
	c.m = vzalloc(sizeof(*c.m));
	if (c.obj && c.m)
		err = gochurn_run(&c);
	vfree(c.m);
	vfree(c.obj);
	return err;
}
module_init(gochurn_init);

static void __exit gochurn_exit(void)
{
}
module_exit(gochurn_exit);

MODULE_DESCRIPTION("Measures how much memory an allocator holds in the long run");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
