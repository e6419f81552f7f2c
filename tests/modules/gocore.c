// SPDX-License-Identifier: GPL-2.0
/*
 * gocore: a client that holds one object of each kind, and says where.
 *
 * It is for what reads a core: that is asked of each address that stands in the
 * kernel log, and must say what the word before it says.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goalloc.h>
#include <linux/module.h>
#include <linux/slab.h>

/* The last NR_FREED of these objects are freed again. */
static const struct {
	const char *name;
	size_t size;
	bool noscan;
} kinds[] = {
	{ "small", 64 },
	{ "wasteful", 700 },
	{ "noscan", 1000, true },
	{ "suspected", 72 },
	{ "tiny3", 3, true },
	{ "tiny5", 5, true },
	{ "large", 100000 },
	{ "tinyfreed", 3, true },
	{ "freed", 64 },
	{ "run", 40000 },
};

#define NR_KINDS	ARRAY_SIZE(kinds)
#define NR_FREED	3
#define NR_KEPT		(NR_KINDS - NR_FREED)

static void *held[NR_KINDS];
static void *foreign;

static void say(const char *name, const void *p)
{
	pr_info("%s 0x%px\n", name, p);
}

static void free_from(unsigned int i)
{
	for (; i < NR_KINDS; i++)
		gofree(held[i]);
}

static int __init gocore_init(void)
{
	bool ok = true;
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++) {
		held[i] = kinds[i].noscan ?
			  gomalloc_noscan(kinds[i].size, GFP_KERNEL) :
			  gomalloc(kinds[i].size, GFP_KERNEL);
		ok &= !!held[i];
	}
	foreign = kmalloc(64, GFP_KERNEL);
	if (!ok || !foreign) {
		free_from(0);
		kfree(foreign);
		return -ENOMEM;
	}
	free_from(NR_KEPT);
	for (i = 0; i < NR_KINDS; i++)
		say(kinds[i].name, held[i]);
	say("kmalloc", foreign);
	say("variable", held);
	return 0;
}
module_init(gocore_init);

static void __exit gocore_exit(void)
{
	unsigned int i;

	for (i = 0; i < NR_KEPT; i++)
		gofree(held[i]);
	kfree(foreign);
}
module_exit(gocore_exit);

MODULE_DESCRIPTION("Holds goalloc objects of each kind, for a test");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
