// SPDX-License-Identifier: GPL-2.0
/*
 * goplant: mistakes, one for each of the kernel's checkers, to see that they see.
 *
 * plant= says which.  The addresses that are to be reported, or not, are
 * printed, where kmemleak does not look.  tests/guest/plant.sh knows what
 * each checker has to say.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/goalloc.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *plant = "";
module_param(plant, charp, 0444);
MODULE_PARM_DESC(plant, "what to do wrong");

/* Here kmemleak looks. */
static void **held[3];

/* An object of the kernel's that only @holder knows. */
static bool hold(void **holder, const char *what)
{
	void *p = kmalloc(1536, GFP_KERNEL);

	if (!holder || !p)
		return false;
	holder[1] = p;
	/* kmemleak shows addresses as they are, too. */
	pr_info("%s: %px in %px\n", what, p, holder);
	return true;
}

/* Nobody knows these any more. */
static noinline bool lose(void)
{
	void **leaked = gozalloc(1000, GFP_KERNEL);
	void **large = gozalloc(100000, GFP_KERNEL);
	void **freed = gozalloc(1000, GFP_KERNEL);
	void **noscan = gomalloc_noscan(1000, GFP_KERNEL | __GFP_ZERO);
	bool ok;

	ok = hold(leaked, "lost in leaked") && hold(large, "lost in large") &&
	     hold(freed, "lost in freed") && hold(noscan, "lost in noscan");
	held[2] = noscan;
	gofree(freed);
	return ok;
}

/* The module knows these. */
static noinline bool keep(void)
{
	held[0] = gozalloc(1000, GFP_KERNEL);
	held[1] = gozalloc(100000, GFP_KERNEL);
	return hold(held[0], "kept in small") && hold(held[1], "kept in large");
}

/* What is left of pointers on this stack is none of kmemleak's business. */
static noinline void wipe_stack(void)
{
	char space[1024];

	memset(space, 0, sizeof(space));
	OPTIMIZER_HIDE_VAR(held[0]);
	barrier_data(space);
}

static int plant_leak(void)
{
	bool ok = lose() && keep();

	wipe_stack();
	return ok ? 0 : -ENOMEM;
}

static int plant_overflow(void)
{
	u8 *p = kmalloc(64, GFP_KERNEL);
	unsigned int i = 64;

	if (!p)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(i);
	WRITE_ONCE(p[i], 1);
	kfree(p);
	return 0;
}

static DEFINE_SPINLOCK(lock);
static DEFINE_RAW_SPINLOCK(one);
static DEFINE_RAW_SPINLOCK(other);

static int plant_inversion(void)
{
	raw_spin_lock(&one);
	raw_spin_lock(&other);
	raw_spin_unlock(&other);
	raw_spin_unlock(&one);

	raw_spin_lock(&other);
	raw_spin_lock(&one);
	raw_spin_unlock(&one);
	raw_spin_unlock(&other);
	return 0;
}

static int plant_sleep(void)
{
	raw_spin_lock(&one);
	might_sleep();
	raw_spin_unlock(&one);
	return 0;
}

/* The fast path has an object ready: it would not sleep this time. */
static int plant_gfp(void)
{
	void *p = gomalloc(64, GFP_KERNEL);

	gofree(p);
	spin_lock(&lock);
	p = gomalloc(64, GFP_KERNEL);
	spin_unlock(&lock);
	gofree(p);
	return 0;
}

static unsigned long raced;

static int plant_race_thread(void *unused)
{
	while (!kthread_should_stop()) {
		raced++;
		cond_resched();
	}
	return 0;
}

static int plant_race(void)
{
	struct task_struct *task[2];
	unsigned int i;

	for (i = 0; i < 2; i++)
		task[i] = kthread_run(plant_race_thread, NULL, "goplant/%u", i);
	msleep(10000);
	for (i = 0; i < 2; i++)
		if (!IS_ERR(task[i]))
			kthread_stop(task[i]);
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(void);
} plants[] = {
	{ "leak", plant_leak },
	{ "overflow", plant_overflow },
	{ "inversion", plant_inversion },
	{ "sleep", plant_sleep },
	{ "gfp", plant_gfp },
	{ "race", plant_race },
};

static int __init goplant_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(plants); i++)
		if (!strcmp(plant, plants[i].name))
			return plants[i].fn();
	return -EINVAL;
}
module_init(goplant_init);

static void __exit goplant_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(held); i++) {
		if (!held[i])
			continue;
		kfree(held[i][1]);
		gofree(held[i]);
	}
}
module_exit(goplant_exit);

MODULE_DESCRIPTION("Makes mistakes for the kernel's checkers to find");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
