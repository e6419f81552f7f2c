// SPDX-License-Identifier: GPL-2.0
/*
 * goowner_client: goowner_a, a client that holds a known number of objects while it
 * is loaded.
 *
 * Its two files share a number, and it has parameters of its own beside the one
 * by which goalloc finds that.  Each round is 23 objects of 108,783 bytes.  On
 * request it leaves some of 64 bytes behind.  goowner_b is the same once more.
 */

#include <linux/goalloc.h>
#include <linux/module.h>
#include "goowner.h"

#define MAX_ROUNDS	8

static unsigned int rounds = 1;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "how often to allocate the objects, 1 to 8");

static unsigned int leave;
module_param(leave, uint, 0444);
MODULE_PARM_DESC(leave, "objects of 64 bytes to leave behind, 0 to 10");

static void *kept[MAX_ROUNDS][23];

/* Not in the init function, whose name is gone when the module goes. */
static noinline bool get_round(void **p)
{
	void *(*fn)(size_t size, gfp_t gfp) = gomalloc;
	unsigned int i;

	OPTIMIZER_HIDE_VAR(fn);
	for (i = 0; i < 10; i++)
		*p++ = gomalloc(64, GFP_KERNEL);
	for (i = 0; i < 5; i++)
		*p++ = gomalloc_noscan(3, GFP_KERNEL);
	*p++ = gomalloc(100000, GFP_KERNEL);
	*p++ = fn(200, GFP_KERNEL);
	*p++ = fn(200, GFP_KERNEL);
	*p++ = goowner_more();
	return gomalloc_bulk(GFP_KERNEL, 48, 4, p);
}

static int __init goowner_init(void)
{
	unsigned int i, k;
	bool ok = true;

	if (!rounds || rounds > MAX_ROUNDS || leave > 10)
		return -EINVAL;
	for (i = 0; i < rounds; i++) {
		ok &= get_round(kept[i]);
		for (k = 0; k < ARRAY_SIZE(kept[0]); k++)
			ok &= !!kept[i][k];
	}
	return ok ? 0 : -ENOMEM;
}
module_init(goowner_init);

static void __exit goowner_exit(void)
{
	unsigned int i, k;

	for (i = 0; i < rounds; i++)
		for (k = i ? 0 : leave; k < ARRAY_SIZE(kept[0]); k++)
			gofree(kept[i][k]);
}
module_exit(goowner_exit);

MODULE_DESCRIPTION("Holds goalloc objects, for a test");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
