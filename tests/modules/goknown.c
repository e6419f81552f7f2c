// SPDX-License-Identifier: GPL-2.0
/*
 * goknown: a client whose functions hold known amounts, for the heap profile.
 *
 *	insmod goknown.ko small=3000
 *
 * So many objects of 500 bytes are of goknown_small(), a twentieth as many of 60000
 * are of goknown_large(), and half of each is freed again.  It sleeps now and then,
 * so that samples come no faster than all are kept.  Unloading it frees the rest.
 */

#include <linux/delay.h>
#include <linux/goalloc.h>
#include <linux/module.h>

static unsigned int small = 3000;
module_param(small, uint, 0444);
MODULE_PARM_DESC(small, "objects of 500 bytes (default 3000)");

static unsigned int pace;
module_param(pace, uint, 0444);
MODULE_PARM_DESC(pace, "sleep 40 ms after so many of them (default 0: never)");

/* What there is, linked through the first word. */
static void *objects;

static void keep(void *p)
{
	*(void **)p = objects;
	objects = p;
}

static noinline __noclone bool goknown_small(unsigned int i)
{
	void *p = gomalloc(500, GFP_KERNEL);

	if (p && i % 2)
		gofree(p);
	else if (p)
		keep(p);
	return p;
}

static noinline __noclone bool goknown_large(unsigned int i)
{
	void *p = gomalloc(60000, GFP_KERNEL);

	if (p && i % 2)
		gofree(p);
	else if (p)
		keep(p);
	return p;
}

static void goknown_exit(void)
{
	void *p;

	while (objects) {
		p = objects;
		objects = *(void **)p;
		gofree(p);
	}
}
module_exit(goknown_exit);

static int __init goknown_init(void)
{
	unsigned int i;

	for (i = 0; i < small; i++) {
		if (!goknown_small(i) ||
		    (!(i % 20) && !goknown_large(i / 20))) {
			goknown_exit();
			return -ENOMEM;
		}
		if (pace && !(i % pace))
			usleep_range(39000, 40000);
	}
	return 0;
}
module_init(goknown_init);

MODULE_DESCRIPTION("Holds known amounts of goalloc objects, for a test");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
