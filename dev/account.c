// SPDX-License-Identifier: GPL-2.0
/*
 * Accounts: who holds how much through /dev/goalloc, and how much he may.
 *
 * Every descriptor has an account of its own, charged before an object is
 * allocated and relieved when its memory is gone, which for a mapped object is
 * after the last unmapping: nobody gets around a limit by mapping what he
 * frees.  Charged is what the object costs, rounded up to its class; our
 * records of it are charged to the memory cgroup instead.
 *
 * One spinlock guards all accounts and the total.  A user-space call is a
 * thousand instructions; what matters more is that limits are exact: two who
 * ask at the same moment never both get what only one may have, nor are both
 * refused.
 *
 * The limits are parameters of the module that may change at any time.  Who
 * holds more than a new limit keeps it, and gets no more.
 */

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/sysfs.h>
#include "dev.h"
#include "param.h"

static DEFINE_SPINLOCK(lock);
static struct godev_account all;

/* The administrator said nothing: see godev_account_init(). */
#define UNSET	U64_MAX

static struct godev_limits limit = {
	.objects = 1 << 20,
	.total = UNSET,
};

static int set_dev_limit(const char *val, const struct kernel_param *kp)
{
	u64 *where = kp->arg, value;

	/* The ABI has one error for all that is no limit. */
	if (goparam_size(val, &value) || value == UNSET)
		return -EINVAL;
	spin_lock(&lock);
	*where = value;
	spin_unlock(&lock);
	return 0;
}

static int get_dev_limit(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%llu\n", *(u64 *)kp->arg);
}

static const struct kernel_param_ops dev_limit_ops = {
	.set = set_dev_limit,
	.get = get_dev_limit,
};

module_param_cb(dev_max_objects, &dev_limit_ops, &limit.objects, 0644);
MODULE_PARM_DESC(dev_max_objects, "objects that a descriptor of /dev/goalloc may hold (default 1048576; 0: no limit)");
module_param_cb(dev_max_bytes, &dev_limit_ops, &limit.bytes, 0644);
MODULE_PARM_DESC(dev_max_bytes, "bytes that a descriptor of /dev/goalloc may hold, K, M, G, T allowed (default 0: no limit)");
module_param_cb(dev_max_total, &dev_limit_ops, &limit.total, 0644);
MODULE_PARM_DESC(dev_max_total, "bytes that all descriptors of /dev/goalloc may hold together, K, M, G, T allowed (default half of the memory; 0: no limit)");

/* Would @more on top of @now be above a limit?  Nothing more never is. */
static bool above(u64 now, u64 more, u64 max)
{
	return max && more && (more > max || now > max - more);
}

/**
 * godev_charge - have something put on an account
 * @f: whose
 * @objects: how many objects
 * @bytes: their bytes
 *
 * Context: task.
 * Return: 0, or -EDQUOT if a limit does not allow it; then nothing is charged.
 */
int godev_charge(struct godev_file *f, u64 objects, u64 bytes)
{
	struct godev_account *a = &f->account;
	int err = 0;

	spin_lock(&lock);
	if (above(a->objects, objects, limit.objects) ||
	    above(a->bytes, bytes, limit.bytes) ||
	    above(all.bytes, bytes, limit.total)) {
		a->refused++;
		err = -EDQUOT;
	} else {
		a->objects += objects;
		a->bytes += bytes;
		a->peak_objects = max(a->peak_objects, a->objects);
		a->peak_bytes = max(a->peak_bytes, a->bytes);
		all.bytes += bytes;
	}
	spin_unlock(&lock);
	return err;
}

/**
 * godev_uncharge - take something off an account
 * @f: whose
 * @objects: how many objects
 * @bytes: their bytes
 *
 * Context: task.
 */
void godev_uncharge(struct godev_file *f, u64 objects, u64 bytes)
{
	spin_lock(&lock);
	f->account.objects -= objects;
	f->account.bytes -= bytes;
	all.bytes -= bytes;
	spin_unlock(&lock);
}

/**
 * godev_account_read - read an account, all of one moment
 * @f: whose
 * @account: filled in
 * @limits: filled in, unless NULL
 * @total: bytes on all accounts, unless NULL
 *
 * Context: task.
 */
void godev_account_read(struct godev_file *f, struct godev_account *account,
			struct godev_limits *limits, u64 *total)
{
	spin_lock(&lock);
	*account = f->account;
	if (limits)
		*limits = limit;
	if (total)
		*total = all.bytes;
	spin_unlock(&lock);
}

/**
 * godev_account_init - choose the limits that nobody has chosen
 *
 * Context: task, before the device is there.
 */
void godev_account_init(void)
{
	spin_lock(&lock);
	if (limit.total == UNSET)
		limit.total = (u64)totalram_pages() << PAGE_SHIFT >> 1;
	spin_unlock(&lock);
}
