// SPDX-License-Identifier: GPL-2.0
/*
 * goplant: make mistakes that the kernel's checkers must report.
 *
 * plant= selects a mistake.  The addresses that kmemleak must report, or must
 * not, are printed: it does not scan the log.  tests/guest/plant.sh knows what
 * each checker must report.
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
MODULE_PARM_DESC(plant, "the mistake: leak, overflow, inversion, sleep, gfp or race");

/* kmemleak scans this array. */
static void **held[3];

/* Allocate an object with kmalloc() that only *@holder points to. */
static bool goplant_hold(void **holder, const char *what)
{
	void *p = kmalloc(1536, GFP_KERNEL);

	if (!holder || !p)
		return false;
	holder[1] = p;
	/* %px, because kmemleak prints addresses so. */
	pr_info("%s: %px in %px\n", what, p, holder);
	return true;
}

/* Leak objects: nothing points to them, or only a freed or noscan object. */
static noinline bool goplant_lose_objects(void)
{
	void **leaked = gozalloc(1000, GFP_KERNEL);
	void **large = gozalloc(100000, GFP_KERNEL);
	void **freed = gozalloc(1000, GFP_KERNEL);
	void **noscan = gomalloc_noscan(1000, GFP_KERNEL | __GFP_ZERO);
	bool ok;

	ok = goplant_hold(leaked, "lost in leaked") &&
	     goplant_hold(large, "lost in large") &&
	     goplant_hold(freed, "lost in freed") &&
	     goplant_hold(noscan, "lost in noscan");
	held[2] = noscan;
	gofree(freed);
	return ok;
}

/* The module points to these objects. */
static noinline bool goplant_keep_objects(void)
{
	held[0] = gozalloc(1000, GFP_KERNEL);
	held[1] = gozalloc(100000, GFP_KERNEL);
	return goplant_hold(held[0], "kept in small") &&
	       goplant_hold(held[1], "kept in large");
}

/* kmemleak scans stacks: overwrite the pointers that are left on this one. */
static noinline void goplant_wipe_stack(void)
{
	char space[1024];

	memset(space, 0, sizeof(space));
	OPTIMIZER_HIDE_VAR(held[0]);
	barrier_data(space);
}

static int goplant_leak(void)
{
	bool ok = goplant_lose_objects() && goplant_keep_objects();

	goplant_wipe_stack();
	return ok ? 0 : -ENOMEM;
}

static int goplant_overflow(void)
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

static int goplant_inversion(void)
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

static int goplant_sleep(void)
{
	raw_spin_lock(&one);
	might_sleep();
	raw_spin_unlock(&one);
	return 0;
}

/*
 * Under a lock, allocate with flags that may sleep.  The fast path has an
 * object ready, so the call does not sleep, but it must be reported all the
 * same.
 */
static int goplant_gfp(void)
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

static int goplant_race_thread(void *unused)
{
	while (!kthread_should_stop()) {
		raced++;
		cond_resched();
	}
	return 0;
}

static int goplant_race(void)
{
	struct task_struct *task[2];
	unsigned int i;

	for (i = 0; i < 2; i++)
		task[i] = kthread_run(goplant_race_thread, NULL, "goplant/%u",
				      i);
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
	{ "leak", goplant_leak },
	{ "overflow", goplant_overflow },
	{ "inversion", goplant_inversion },
	{ "sleep", goplant_sleep },
	{ "gfp", goplant_gfp },
	{ "race", goplant_race },
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
