// SPDX-License-Identifier: GPL-2.0
/*
 * Accounts: how much each descriptor of /dev/goalloc holds, and may hold.
 *
 * Every descriptor has an account of its own.  It is charged before an object
 * is allocated and relieved when the memory has gone, which for a mapped object
 * is after the last unmapping: otherwise a process could map its objects, free
 * them, and get around the limit.  The charge is what an object costs, rounded
 * up to its class, and what its handle costs: the record and a slot of the
 * XArray.  An object without bytes has these, too, so that no number of them is
 * free of charge.
 *
 * An account belongs to a descriptor and not to a user or a process, since a
 * descriptor can be inherited and sent to another.  What a process can hold
 * with many descriptors is bounded by the limit on the total.
 *
 * One spinlock guards all accounts and the total.  Per-CPU counters that are
 * folded now and then would scale better, but are exact only when they are
 * folded, and near a limit they would refuse what is allowed or allow what is
 * not.  A call from user space is a thousand instructions; the lock is not what
 * it spends its time on.
 *
 * The limits are parameters of the module and may change at any time.  A
 * descriptor that holds more than a new limit keeps it and gets no more.
 */

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include "dev.h"
#include "param.h"

static DEFINE_SPINLOCK(accounts_lock);
/* Bytes on all accounts. */
static u64 total_bytes;

/* Not set by the administrator; godev_account_init() chooses. */
#define UNSET	U64_MAX

static struct godev_limits limits = {
	.objects = 1 << 20,
	.total = UNSET,
};

static int set_dev_limit(const char *val, const struct kernel_param *kp)
{
	u64 *where = kp->arg, value;

	/* The ABI knows one error for everything that is no limit. */
	if (goparam_size(val, &value) || value == UNSET)
		return -EINVAL;
	spin_lock(&accounts_lock);
	*where = value;
	spin_unlock(&accounts_lock);
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

module_param_cb(dev_max_objects, &dev_limit_ops, &limits.objects, 0644);
MODULE_PARM_DESC(dev_max_objects, "objects that a descriptor of /dev/goalloc may hold (default 1048576; 0: no limit)");
module_param_cb(dev_max_bytes, &dev_limit_ops, &limits.bytes, 0644);
MODULE_PARM_DESC(dev_max_bytes, "bytes that a descriptor of /dev/goalloc may hold, K, M, G, T allowed (default 0: no limit)");
module_param_cb(dev_max_total, &dev_limit_ops, &limits.total, 0644);
MODULE_PARM_DESC(dev_max_total, "bytes that all descriptors of /dev/goalloc may hold together, K, M, G, T allowed (default half of the memory; 0: no limit)");

/**
 * godev_handle_bytes - tell what a handle costs
 *
 * A handle that is alone in its node of the XArray costs more, up to the node's
 * 576 bytes; the ABI says so.
 *
 * Context: any.
 * Return: bytes of the record of an object and of a slot.
 */
u64 godev_handle_bytes(void)
{
	return kmalloc_size_roundup(sizeof(struct godev_object)) +
	       DIV_ROUND_UP(sizeof(struct xa_node), XA_CHUNK_SIZE);
}

/* Whether @now + @more exceeds the limit @max.  With @more 0 it never does. */
static bool exceeds_limit(u64 now, u64 more, u64 max)
{
	return max && more && (more > max || now > max - more);
}

/**
 * godev_charge - charge objects to an account
 * @f: the file whose account it is
 * @objects: how many objects
 * @bytes: their bytes
 *
 * Context: task.
 * Return: 0, or -EDQUOT if a limit forbids it; then nothing is charged.
 */
int godev_charge(struct godev_file *f, u64 objects, u64 bytes)
{
	struct godev_account *a = &f->account;
	int err = 0;

	spin_lock(&accounts_lock);
	if (exceeds_limit(a->objects, objects, limits.objects) ||
	    exceeds_limit(a->bytes, bytes, limits.bytes) ||
	    exceeds_limit(total_bytes, bytes, limits.total)) {
		a->refused++;
		err = -EDQUOT;
	} else {
		a->objects += objects;
		a->bytes += bytes;
		a->peak_objects = max(a->peak_objects, a->objects);
		a->peak_bytes = max(a->peak_bytes, a->bytes);
		total_bytes += bytes;
	}
	spin_unlock(&accounts_lock);
	return err;
}

/**
 * godev_uncharge - take objects off an account
 * @f: the file whose account it is
 * @objects: how many objects
 * @bytes: their bytes
 *
 * Context: task.
 */
void godev_uncharge(struct godev_file *f, u64 objects, u64 bytes)
{
	spin_lock(&accounts_lock);
	f->account.objects -= objects;
	f->account.bytes -= bytes;
	total_bytes -= bytes;
	spin_unlock(&accounts_lock);
}

/**
 * godev_account_read - read an account, all of it at one moment
 * @f: the file whose account it is
 * @account: filled in
 * @max: filled in with the limits, unless NULL
 * @total: filled in with the bytes on all accounts, unless NULL
 *
 * Context: task.
 */
void godev_account_read(struct godev_file *f, struct godev_account *account,
			struct godev_limits *max, u64 *total)
{
	spin_lock(&accounts_lock);
	*account = f->account;
	if (max)
		*max = limits;
	if (total)
		*total = total_bytes;
	spin_unlock(&accounts_lock);
}

/**
 * godev_account_init - choose the limits that no parameter has set
 *
 * Context: task, before the device exists.
 */
void godev_account_init(void)
{
	spin_lock(&accounts_lock);
	if (limits.total == UNSET)
		limits.total = (u64)totalram_pages() << PAGE_SHIFT >> 1;
	spin_unlock(&accounts_lock);
}
