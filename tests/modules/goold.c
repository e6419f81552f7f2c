// SPDX-License-Identifier: GPL-2.0
/*
 * goold: a client that was built against an older header.
 *
 * It does not say whose its objects are, so goalloc finds it by the addresses that
 * its calls return to.  While it is loaded it holds 12 objects of 554 bytes.
 * goold_jump() ends in a call, which the compiler makes a jump: what goold_user
 * gets by it looks as if goold_user had called.
 */

#include <linux/module.h>
#include <linux/numa.h>
#include <linux/slab.h>
#include "goold.h"

static void *kept[12];

void *goold_jump(size_t size)
{
	return __gomalloc(size, GFP_KERNEL);
}
EXPORT_SYMBOL_GPL(goold_jump);

static int __init goold_init(void)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		kept[i] = __gomalloc(100, GFP_KERNEL);
	kept[3] = gomalloc_noscan(5, GFP_KERNEL);
	kept[4] = gomalloc_noscan(5, GFP_KERNEL);
	kept[5] = gomalloc_class(64, GFP_KERNEL, 6);
	kept[6] = gorealloc(NULL, 32, GFP_KERNEL);
	kept[7] = gomemdup("12345678", 8, GFP_KERNEL);
	kept[8] = gostrdup("abc", GFP_KERNEL);
	kept[9] = gomalloc_node(64, GFP_KERNEL, NUMA_NO_NODE);
	if (gomalloc_bulk(GFP_KERNEL, 16, 2, kept + 10) != 2)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(kept); i++)
		if (!kept[i])
			return -ENOMEM;
	return 0;
}
module_init(goold_init);

static void __exit goold_exit(void)
{
	gofree_bulk(ARRAY_SIZE(kept), kept);
}
module_exit(goold_exit);

MODULE_DESCRIPTION("Holds goalloc objects as an older client, for a test");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
