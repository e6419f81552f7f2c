// SPDX-License-Identifier: GPL-2.0
/*
 * goadvise: known calls of kmalloc(), for goallocctl advise.
 *
 * It does not use goalloc, which must not be loaded then.  Each function calls with
 * one size, which kmalloc() rounds to a power of two, and goalloc to less.  Those of
 * goadvise_pass() are freed at once, and the others when it is unloaded.
 */

#include <linux/module.h>
#include <linux/slab.h>

/* What there is, linked through the first word. */
static void *objects;

static bool keep(void *p)
{
	if (!p)
		return false;
	*(void **)p = objects;
	objects = p;
	return true;
}

static noinline __noclone bool goadvise_pass(void)
{
	void *p = kmalloc(33, GFP_KERNEL);

	if (!p)
		return false;
	kfree(p);
	return true;
}

static noinline __noclone bool goadvise_small(void)
{
	return keep(kmalloc(520, GFP_KERNEL));
}

static noinline __noclone bool goadvise_charged(void)
{
	return keep(kmalloc(200, GFP_KERNEL_ACCOUNT));
}

static noinline __noclone bool goadvise_large(void)
{
	return keep(kmalloc(40000, GFP_KERNEL));
}

static bool repeat(unsigned int times, bool (*fn)(void))
{
	while (times--)
		if (!fn())
			return false;
	return true;
}

static void goadvise_exit(void)
{
	void *p;

	while (objects) {
		p = objects;
		objects = *(void **)p;
		kfree(p);
	}
}
module_exit(goadvise_exit);

static int __init goadvise_init(void)
{
	if (repeat(200, goadvise_pass) && repeat(1000, goadvise_small) &&
	    repeat(50, goadvise_charged) && repeat(10, goadvise_large))
		return 0;
	goadvise_exit();
	return -ENOMEM;
}
module_init(goadvise_init);

MODULE_DESCRIPTION("Calls kmalloc() so and so often, for a test");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
