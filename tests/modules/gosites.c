// SPDX-License-Identifier: GPL-2.0
/*
 * gosites: a client that has its call sites counted.
 *
 * It holds 10 objects of 64 bytes, 3 of 4096, 5 tiny ones of 3 bytes and one of
 * 100,000.  On request it leaves some of the first behind.  With bench=1 it
 * measures instead what a pair of an allocation and a free takes, counted and not.
 */

#define GOALLOC_SITES

#include <linux/goalloc.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>

static unsigned int leave;
module_param(leave, uint, 0444);
MODULE_PARM_DESC(leave, "objects of 64 bytes to leave behind, 0 to 10");

static bool bench;
module_param(bench, bool, 0444);
MODULE_PARM_DESC(bench, "measure, and hold nothing");

#define PAIRS	200000

static void *kept[19];

static noinline bool get_small(void **p)
{
	unsigned int i;
	bool ok = true;

	for (i = 0; i < 10; i++) {
		p[i] = gomalloc(64, GFP_KERNEL);
		ok &= !!p[i];
	}
	return ok;
}

static noinline bool get_others(void **p)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		*p++ = gozalloc(4096, GFP_KERNEL);
	for (i = 0; i < 5; i++)
		*p++ = gomalloc_noscan(3, GFP_KERNEL);
	*p = gomalloc(100000, GFP_KERNEL);
	return *p;
}

/* Atomic, so that no other task runs meanwhile. */
static void measure(void)
{
	u64 start = ktime_get_ns(), middle, end;
	unsigned int i;

	for (i = 0; i < PAIRS; i++)
		gofree((gomalloc)(64, GFP_ATOMIC));
	middle = ktime_get_ns();
	for (i = 0; i < PAIRS; i++)
		gofree(gomalloc(64, GFP_ATOMIC));
	end = ktime_get_ns();
	pr_info("gosites: %llu ps a pair, %llu ps counted\n",
		div_u64((middle - start) * 1000, PAIRS),
		div_u64((end - middle) * 1000, PAIRS));
}

static int __init gosites_init(void)
{
	if (leave > 10)
		return -EINVAL;
	if (bench) {
		measure();
		return 0;
	}
	return get_small(kept) && get_others(kept + 10) ? 0 : -ENOMEM;
}
module_init(gosites_init);

static void __exit gosites_exit(void)
{
	unsigned int i;

	for (i = leave; i < ARRAY_SIZE(kept); i++)
		gofree(kept[i]);
}
module_exit(gosites_exit);

MODULE_DESCRIPTION("Holds goalloc objects that its call sites count, for a test");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
