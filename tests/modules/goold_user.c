// SPDX-License-Identifier: GPL-2.0
/*
 * goold_user: another client that was built against an older header.
 *
 * It holds 4 objects of 448 bytes that it has allocated itself, and 2 of 416
 * bytes that goold has: those look like its own, but for the call.
 */

#include <linux/module.h>
#include <linux/slab.h>
#include "goold.h"

static void *kept[6];

static int __init goold_user_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kept); i++) {
		kept[i] = i < 4 ? __gomalloc(100, GFP_KERNEL) : goold_jump(200);
		if (!kept[i])
			return -ENOMEM;
	}
	return 0;
}
module_init(goold_user_init);

static void __exit goold_user_exit(void)
{
	gofree_bulk(ARRAY_SIZE(kept), kept);
}
module_exit(goold_user_exit);

MODULE_DESCRIPTION("Holds goalloc objects as an older client, for a test");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
