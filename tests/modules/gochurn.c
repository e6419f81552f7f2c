// SPDX-License-Identifier: GPL-2.0
/*
 * gochurn: what an allocator holds while objects come and go for a long time.
 *
 *	insmod gochurn.ko allocator=goalloc live_mib=64 ops=10000000
 *
 * Random objects are allocated and freed at a steady live size; sizes are even in
 * their logarithm, 16 bytes to 8 KiB, and one in a thousand is up to 256 KiB.
 * Then random ones are freed until only a part is left, and what is left goes on
 * at a leisurely rate for a while.  Both allocators get the same sequence.
 *
 * Held is, for goalloc, MemStats' Sys; for kmalloc what the kernel counts as slab
 * pages beyond those at the start, which on a quiet machine are its own.  Live is
 * what was asked for.
 *
 * All the work is done in module init; the module stays only to be removed.
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
MODULE_PARM_DESC(drop, "percent of the live size that is left then, 0 to 100 (default 10)");

static unsigned int rest = 20;
module_param(rest, uint, 0444);
MODULE_PARM_DESC(rest, "seconds to go on with that (default 20)");

static unsigned int rate = 20000;
module_param(rate, uint, 0444);
MODULE_PARM_DESC(rate, "operations a second then (default 20000)");

static unsigned int samples;
module_param(samples, uint, 0444);
MODULE_PARM_DESC(samples, "samples to show of the allocations and frees; none at all by default");

#define STEPS_A_SECOND	20

struct obj {
	void *p;
	u32 size;
};

/**
 * struct churn - a run
 * @go: it is goalloc's
 * @obj: the live objects
 * @n: how many
 * @max: the most there can be
 * @live: bytes asked for in them
 * @start: slab pages before anything
 * @rnd: the same sequence for both
 * @m: for MemStats
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

static u32 random_size(struct churn *c)
{
	u32 r = prandom_u32_state(&c->rnd);
	u32 order = 4 + r % 9;

	if (r >> 8 & 1023)
		return (1 << order) + prandom_u32_state(&c->rnd) % (1 << order);
	return SZ_8K + prandom_u32_state(&c->rnd) % (SZ_256K - SZ_8K);
}

static bool add(struct churn *c)
{
	struct obj *o = &c->obj[c->n];

	if (c->n == c->max)
		return false;
	o->size = random_size(c);
	o->p = c->go ? gomalloc(o->size, GFP_KERNEL) :
		       kmalloc(o->size, GFP_KERNEL);
	if (!o->p)
		return false;
	*(u8 *)o->p = 1;
	c->live += o->size;
	c->n++;
	return true;
}

static void take_away(struct churn *c)
{
	struct obj *o = &c->obj[prandom_u32_state(&c->rnd) % c->n];

	if (c->go)
		gofree(o->p);
	else
		kfree(o->p);
	c->live -= o->size;
	*o = c->obj[--c->n];
}

static u64 slab_bytes(void)
{
	s64 pages = global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B) +
		    global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B);

	return (u64)pages << PAGE_SHIFT;
}

static u64 held(struct churn *c)
{
	if (!c->go)
		return slab_bytes() - min(slab_bytes(), c->start);
	goalloc_read_memstats(c->m);
	return c->m->sys;
}

static void sample(struct churn *c, const char *phase, u64 at)
{
	u64 now;

	if (!samples)
		return;
	now = held(c);
	pr_info("SAMPLE allocator=%s phase=%s at=%llu live=%llu held=%llu percent=%llu alloc=%llu inuse=%llu idle=%llu\n",
		allocator, phase, at, c->live, now,
		c->live ? div64_u64(now * 100, c->live) : 0,
		c->m->heap_alloc, c->m->heap_inuse, c->m->heap_idle);
}

/* Up or down towards a live size, or about it. */
static bool step(struct churn *c, u64 target)
{
	if (c->live >= target && c->n)
		take_away(c);
	else if (!add(c))
		return false;
	cond_resched();
	return !fatal_signal_pending(current);
}

static int steady(struct churn *c, u64 target)
{
	unsigned long i, every = max(ops / max(samples, 1U), 1UL);

	while (c->live < target)
		if (!step(c, target))
			return -ENOMEM;
	for (i = 0; i < ops; i++) {
		if (i % every == 0)
			sample(c, "steady", i);
		if (!step(c, target))
			return -ENOMEM;
	}
	sample(c, "steady", ops);
	return 0;
}

static int dropped(struct churn *c, u64 target)
{
	unsigned int i, k, n = rate / STEPS_A_SECOND;
	unsigned long start;

	while (c->n && c->live > target)
		take_away(c);
	start = jiffies;
	for (i = 0; i <= rest * STEPS_A_SECOND; i++) {
		sample(c, "dropped", jiffies_to_msecs(jiffies - start));
		if (i == rest * STEPS_A_SECOND)
			break;
		for (k = 0; k < n; k++)
			if (!step(c, target))
				return -ENOMEM;
		msleep(MSEC_PER_SEC / STEPS_A_SECOND);
	}
	return 0;
}

static int run(struct churn *c)
{
	u64 target = (u64)live_mib << 20;
	int err;

	prandom_seed_state(&c->rnd, 1);
	c->start = slab_bytes();
	err = steady(c, target);
	if (!err && drop < 100)
		err = dropped(c, div_u64(target * drop, 100));
	while (c->n)
		take_away(c);
	sample(c, "ended", 0);
	return err;
}

static int __init gochurn_init(void)
{
	struct churn c = { .go = !strcmp(allocator, "goalloc") };
	int err = -ENOMEM;

	if ((!c.go && strcmp(allocator, "kmalloc")) || !live_mib ||
	    live_mib > 4096 || drop > 100)
		return -EINVAL;
	/* Objects have 900 bytes and more on average. */
	c.max = ((u64)live_mib << 20) / 512;
	c.obj = vmalloc(array_size(c.max, sizeof(*c.obj)));
	c.m = vzalloc(sizeof(*c.m));
	if (c.obj && c.m)
		err = run(&c);
	vfree(c.m);
	vfree(c.obj);
	return err;
}
module_init(gochurn_init);

static void __exit gochurn_exit(void)
{
}
module_exit(gochurn_exit);

MODULE_DESCRIPTION("What an allocator holds while objects come and go");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
