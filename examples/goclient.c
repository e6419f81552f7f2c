// SPDX-License-Identifier: GPL-2.0
/*
 * goclient: a small module that uses goalloc, as you would write it.
 *
 * Build (GOALLOC is a built goalloc tree, KDIR the headers of your kernel):
 *
 *	make GOALLOC=/path/to/goalloc KDIR=/lib/modules/$(uname -r)/build
 *
 * What it shows: <linux/goalloc.h> is all one needs, and the functions are
 * kmalloc()'s with go for k.  On insertion it allocates, fills, checks and
 * frees objects in task, softirq (a timer) and hardirq (an irq_work) context,
 * in bulk, while they grow, and after a grace period.  Each step prints a
 * line; a failed one makes the insertion fail.  On PREEMPT_RT too, where
 * kmalloc() must not be called from hardirq.
 *
 * While it is loaded it keeps a few objects, so that there is something to see
 * in /sys/kernel/debug/goalloc/sizeclasses: 520 bytes each, which the class of
 * 576 serves and kmalloc() would serve with 1,024.
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

static const size_t sizes[] = {
	1, 8, 24, 64, 100, 520, 1024, 4000,		/* in any context */
	8192, 20000, 32768, 32769, 100000, 1 << 20,	/* where one may sleep */
};

#define NR_SMALL	8

/**
 * struct round - allocating and freeing in one context
 * @gfp: how
 * @count: how many of @sizes
 * @failed: how many were not as they should be
 * @bytes: usable bytes that were handed out
 * @timer: brings us to softirq context
 * @work: brings us to hardirq context
 * @done: the timer has run
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

/* An object holds its own pattern from the first usable byte to the last. */
static bool holds(const void *p, u8 pattern)
{
	return !memchr_inv(p, pattern, gosize(p));
}

/*
 * All are live at the same time, so that two that overlap would be noticed.
 * Whoever wants to use what rounding up leaves asks for it beforehand, as with
 * kmalloc(): the compiler holds us to the size we asked for.
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
	struct round r = { .gfp = GFP_ATOMIC, .count = NR_SMALL };

	init_completion(&r.done);
	timer_setup_on_stack(&r.timer, round_timer, 0);
	mod_timer(&r.timer, jiffies + 1);
	wait_for_completion(&r.done);
	timer_delete_sync(&r.timer);
	destroy_timer_on_stack(&r.timer);
	return round_report(&r, "softirq");
}

static void round_irq_work(struct irq_work *work)
{
	round_play(container_of(work, struct round, work));
}

/* IRQ_WORK_INIT_HARD: in hardirq context even where PREEMPT_RT has threads. */
static int use_hardirq(void)
{
	struct round r = { .gfp = GFP_ATOMIC, .count = NR_SMALL };

	r.work = IRQ_WORK_INIT_HARD(round_irq_work);
	irq_work_queue(&r.work);
	irq_work_sync(&r.work);
	return round_report(&r, "hardirq");
}

/* All or none: one call for what would be 64, and one to give them back. */
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

/* A string that grows from 8 bytes to 128 KiB keeps what was written. */
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

/* A reader that comes too early sees the old object, never freed memory. */
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

	pr_info("gofree_rcu: freed under a reader, who still reads %d\n", seen);
	return seen == 42 ? 0 : -EIO;
}

static void drop_kept(void)
{
	gofree_bulk(NR_KEPT, kept);
}

static int keep_some(void)
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

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		err = steps[i]();
		if (err)
			goto err_rcu;
	}
	err = keep_some();
	if (err)
		goto err_rcu;
	pr_info("all is well\n");
	return 0;

err_rcu:
	rcu_barrier();
	pr_err("failed: %pe\n", ERR_PTR(err));
	return err;
}

/* After the barrier no gofree_rcu() of ours is under way. */
static void __exit goclient_exit(void)
{
	drop_kept();
	rcu_barrier();
	pr_info("gone, nothing left behind\n");
}

module_init(goclient_init);
module_exit(goclient_exit);

MODULE_DESCRIPTION("Example client of goalloc");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
