// SPDX-License-Identifier: GPL-2.0
/*
 * goclient: an example of a module that uses goalloc.
 *
 * Build (GOALLOC is a built goalloc tree, KDIR the headers of your kernel):
 *
 *	make GOALLOC=/path/to/goalloc KDIR=/lib/modules/$(uname -r)/build
 *
 * A client needs only <linux/goalloc.h>, whose functions are those of the
 * kmalloc() family with go for k.  When it is loaded, the module allocates,
 * fills, checks and frees objects: in task, softirq (a timer) and hardirq (an
 * irq_work) context, in bulk, with gorealloc(), and with gofree_rcu().  Each
 * step prints a line; if one fails, insmod fails.  It also works on PREEMPT_RT,
 * where kmalloc() must not be called in hardirq context.
 *
 * While it is loaded it keeps some objects, which are visible in
 * /sys/kernel/debug/goalloc/sizeclasses and owners.  They have 520 bytes, which
 * goalloc rounds up to 576, and kmalloc() to 1,024.
 *
 * With leak=N it forgets N of them when it is unloaded, and goalloc says so.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/goalloc.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/timer.h>

#define NR_KEPT		100
#define KEPT_SIZE	520
#define NR_BULK		64
#define BULK_SIZE	192

static void *kept[NR_KEPT];

static unsigned int leak;
module_param(leak, uint, 0444);
MODULE_PARM_DESC(leak, "objects to forget on unloading, up to 100");

static const size_t sizes[] = {
	1, 8, 24, 64, 100, 520, 1024, 4000,		/* in any context */
	8192, 20000, 32768, 32769, 100000, 1 << 20,	/* where one may sleep */
};

#define NR_SMALL	8

/**
 * struct round - allocations and frees in one context
 * @gfp: flags to allocate with
 * @count: number of objects, whose sizes are the first in the table
 * @failed: objects that were missing or had wrong contents
 * @bytes: usable bytes that were allocated
 * @timer: runs the round in softirq context
 * @work: runs the round in hardirq context
 * @done: completed when the timer has run
 */
struct round {
	gfp_t gfp;
	unsigned int count;
	unsigned int failed;
	size_t bytes;
	struct timer_list timer;
	struct irq_work work;
	struct completion done;
};

/* Does the object hold the pattern in all of its usable bytes? */
static bool holds(const void *p, u8 pattern)
{
	return !memchr_inv(p, pattern, gosize(p));
}

/*
 * All objects are live at the same time, so that an overlap would be noticed.
 * To use all bytes of its class, an object is allocated with its rounded-up
 * size: as with kmalloc(), the compiler knows only the size that was asked for.
 */
static void round_play(struct round *r)
{
	void *p[ARRAY_SIZE(sizes)];
	unsigned int i;

	for (i = 0; i < r->count; i++) {
		size_t size = gomalloc_size_roundup(sizes[i]);

		p[i] = gomalloc(size, r->gfp);
		if (!p[i])
			continue;
		memset(p[i], i + 1, size);
		r->bytes += size;
	}
	for (i = 0; i < r->count; i++) {
		if (!p[i] || gosize(p[i]) < sizes[i] || !holds(p[i], i + 1))
			r->failed++;
		gofree(p[i]);
	}
}

static int round_report(const struct round *r, const char *context)
{
	pr_info("%s: %u objects, %zu bytes: allocated, filled, checked, freed; %u failed\n",
		context, r->count, r->bytes, r->failed);
	return r->failed ? -EIO : 0;
}

static int use_task(void)
{
	struct round r = { .gfp = GFP_KERNEL, .count = ARRAY_SIZE(sizes) };

	round_play(&r);
	return round_report(&r, "task");
}

static void round_timer(struct timer_list *timer)
{
	struct round *r = container_of(timer, struct round, timer);

	round_play(r);
	complete(&r->done);
}

static int use_softirq(void)
{
	/* Kernels differ in how a timer on the stack is given up. */
	static struct round r = { .gfp = GFP_ATOMIC, .count = NR_SMALL };

	init_completion(&r.done);
	timer_setup(&r.timer, round_timer, 0);
	mod_timer(&r.timer, jiffies + 1);
	wait_for_completion(&r.done);
	timer_delete_sync(&r.timer);
	return round_report(&r, "softirq");
}

static void round_irq_work(struct irq_work *work)
{
	round_play(container_of(work, struct round, work));
}

/* IRQ_WORK_INIT_HARD() runs in hardirq context on PREEMPT_RT, too. */
static int use_hardirq(void)
{
	struct round r = { .gfp = GFP_ATOMIC, .count = NR_SMALL };

	r.work = IRQ_WORK_INIT_HARD(round_irq_work);
	irq_work_queue(&r.work);
	irq_work_sync(&r.work);
	return round_report(&r, "hardirq");
}

/* One call allocates all objects or none, and one call frees them. */
static int use_bulk(void)
{
	unsigned int i, failed = 0;
	void *p[NR_BULK];

	if (gomalloc_bulk(GFP_KERNEL, BULK_SIZE, NR_BULK, p) != NR_BULK)
		return -ENOMEM;
	for (i = 0; i < NR_BULK; i++)
		memset(p[i], i, gosize(p[i]));
	for (i = 0; i < NR_BULK; i++)
		failed += !holds(p[i], i);
	gofree_bulk(NR_BULK, p);

	pr_info("bulk: %d objects of %d bytes, %u failed\n", NR_BULK,
		BULK_SIZE, failed);
	return failed ? -EIO : 0;
}

/* A string keeps its contents while it grows from 8 bytes to 128 KiB. */
static int use_realloc(void)
{
	char *p, *grown;
	size_t size;

	p = gozalloc(8, GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	if (!holds(p, 0))
		goto bad;
	strscpy(p, "goalloc", 8);
	for (size = 16; size <= 128 << 10; size *= 2) {
		grown = gorealloc(p, size, GFP_KERNEL);
		if (!grown)
			goto bad;
		p = grown;
		if (strcmp(p, "goalloc") || gosize(p) < size)
			goto bad;
	}
	gofree(p);
	pr_info("gozalloc, gorealloc: zeroed, grown from 8 to %d bytes, nothing lost\n",
		128 << 10);
	return 0;
bad:
	gofree(p);
	return -EIO;
}

struct shared {
	int value;
	struct rcu_head rcu;
};

static struct shared __rcu *shared;

/* A reader that still holds the object can go on reading after gofree_rcu(). */
static int use_rcu(void)
{
	struct shared *p;
	int seen;

	p = gozalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	p->value = 42;
	rcu_assign_pointer(shared, p);

	rcu_read_lock();
	p = rcu_dereference(shared);
	RCU_INIT_POINTER(shared, NULL);
	gofree_rcu(p, rcu);
	seen = p->value;
	rcu_read_unlock();

	pr_info("gofree_rcu: freed under a reader, which still reads %d\n",
		seen);
	return seen == 42 ? 0 : -EIO;
}

static int keep_objects(void)
{
	if (!gomalloc_bulk(GFP_KERNEL, KEPT_SIZE, NR_KEPT, kept))
		return -ENOMEM;
	pr_info("keeping %d objects of %d bytes, %zu usable each, until rmmod\n",
		NR_KEPT, KEPT_SIZE, gosize(kept[0]));
	return 0;
}

static int __init goclient_init(void)
{
	static int (* const steps[])(void) __initconst = {
		use_task, use_softirq, use_hardirq, use_bulk, use_realloc,
		use_rcu,
	};
	unsigned int i;
	int err;

	if (leak > NR_KEPT)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		err = steps[i]();
		if (err)
			goto err_rcu;
	}
	err = keep_objects();
	if (err)
		goto err_rcu;
	pr_info("all is well\n");
	return 0;

err_rcu:
	rcu_barrier();
	pr_err("failed: %pe\n", ERR_PTR(err));
	return err;
}

/* rcu_barrier() waits until every gofree_rcu() of this module has finished. */
static void __exit goclient_exit(void)
{
	gofree_bulk(NR_KEPT - leak, kept + leak);
	rcu_barrier();
	pr_info("gone, %u objects left behind\n", leak);
}

module_init(goclient_init);
module_exit(goclient_exit);

MODULE_DESCRIPTION("Example client of goalloc");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
