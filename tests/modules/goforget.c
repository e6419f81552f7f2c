// SPDX-License-Identifier: GPL-2.0
/*
 * goforget: a client that leaks objects on purpose.
 *
 * It tests goalloc's module exit, which must report the leaked objects, give
 * back all other pages, and keep the pages of these objects.
 */

#include <linux/goalloc.h>
#include <linux/module.h>

static int __init goforget_init(void)
{
	int i;

	for (i = 0; i < 3; i++)
		if (!gomalloc(64, GFP_KERNEL))
			return -ENOMEM;
	if (!gomalloc_noscan(1000, GFP_KERNEL) || !gomalloc(100000, GFP_KERNEL))
		return -ENOMEM;
	return 0;
}
module_init(goforget_init);

static void __exit goforget_exit(void)
{
}
module_exit(goforget_exit);

MODULE_DESCRIPTION("Leaks goalloc objects, for a test");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
