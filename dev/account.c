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
 * What objects cost is not all that they hold: one that is left on a page of the
 * heap keeps the whole page.  So the device counts its objects on each page, and
 * the total has the larger of what the objects on pages cost and what the pages
 * do.  Only the total: a page may have objects of many descriptors, and a limit of
 * one would depend on what the others do.  A page is all that can be known here.
 * The allocator keeps a span of several pages for one object, at most six times as
 * many bytes as are counted; see limits_count_pages in tests/user/dev_calls.c.
 *
 * An account belongs to a descriptor and not to a user or a process, since a
 * descriptor can be inherited and sent to another.  What a process can hold
 * with many descriptors is bounded by the limit on the total.
 *
 * One spinlock guards all accounts and the totals.  Per-CPU counters that are
 * folded now and then would scale better, but are exact only when they are
 * folded, and near a limit they would refuse what is allowed or allow what is
 * not.  A call from user space is a thousand instructions; the lock is not what
 * it spends its time on.
 *
 * The limits are parameters of the module and may change at any time.  A
 * descriptor that holds more than a new limit keeps it and gets no more.
 */

#include <linux/io.h>
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
/* Of these, the bytes of objects that share pages, and those of the pages. */
static u64 shared_bytes, page_bytes;

/* A page of the heap, which INFO tells as page_size. */
#define HEAP_PAGE_SHIFT	max(PAGE_SHIFT, 13)
#define HEAP_PAGE_SIZE	(1UL << HEAP_PAGE_SHIFT)
/* Objects up to this size share pages. */
#define SHARED_MAX	SZ_32K

/*
 * How many objects are on a page, by its physical address.  Its nodes are charged
 * to the memory cgroup of whoever has the first object there.
 */
static DEFINE_XARRAY_FLAGS(heap_pages, XA_FLAGS_ACCOUNT);

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
MODULE_PARM_DESC(dev_max_total, "bytes that all descriptors of /dev/goalloc may hold together, with the pages that they keep, K, M, G, T allowed (default half of the memory; 0: no limit)");

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

/* What pages cost beyond the objects on them. */
static u64 excess_bytes(void)
{
	lockdep_assert_held(&accounts_lock);
	return max(page_bytes, shared_bytes) - shared_bytes;
}

/* Whether @now + @more exceeds the limit @max.  With @more 0 it never does. */
static bool exceeds_limit(u64 now, u64 more, u64 max)
{
	return max && more && (more > max || now > max - more);
}

/*
 * Whether a charge exceeds a limit.  A single object may find room on a page that
 * is counted anyhow, and godev_count_pages() sees whether it did.
 */
static bool is_refused(const struct godev_account *a, u64 objects, u64 bytes)
{
	u64 total = total_bytes + (objects == 1 ? 0 : excess_bytes());

	return exceeds_limit(a->objects, objects, limits.objects) ||
	       exceeds_limit(a->bytes, bytes, limits.bytes) ||
	       exceeds_limit(total, bytes, limits.total);
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
	if (is_refused(a, objects, bytes)) {
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

/* Count an object on a page.  Returns 1 if it is the first there, or an errno. */
static int add_to_page(unsigned long page)
{
	void *entry;
	int err;

	do {
		xa_lock(&heap_pages);
		entry = xa_load(&heap_pages, page);
		if (entry) {
			entry = xa_mk_value(xa_to_value(entry) + 1);
			err = xa_err(__xa_store(&heap_pages, page, entry, 0));
		} else {
			/* May unlock for a moment, and then be too late. */
			err = __xa_insert(&heap_pages, page, xa_mk_value(1),
					  GFP_KERNEL | __GFP_NOWARN) ?: 1;
		}
		xa_unlock(&heap_pages);
	} while (err == -EBUSY);
	return err;
}

/* Returns 1 if no object is left there. */
static int take_from_page(unsigned long page)
{
	unsigned long n;

	xa_lock(&heap_pages);
	n = xa_to_value(xa_load(&heap_pages, page)) - 1;
	if (n)
		__xa_store(&heap_pages, page, xa_mk_value(n), 0);
	else
		__xa_erase(&heap_pages, page);
	xa_unlock(&heap_pages);
	return !n;
}

static unsigned long first_page(const void *p)
{
	return virt_to_phys((void *)p) >> HEAP_PAGE_SHIFT;
}

static void leave_pages(const void *p, size_t size, unsigned int pages)
{
	unsigned long page = first_page(p), gone = 0;

	while (pages--)
		gone += take_from_page(page++);
	spin_lock(&accounts_lock);
	shared_bytes -= size;
	page_bytes -= gone << HEAP_PAGE_SHIFT;
	spin_unlock(&accounts_lock);
}

/* Pages that an object lies on, if others may lie there, too. */
static unsigned int count_shared_pages(const void *p, size_t size)
{
	if (!size || size > SHARED_MAX)
		return 0;
	return first_page(p + size - 1) - first_page(p) + 1;
}

/* Whether the total is exceeded, now that there are @fresh pages more. */
static int enter_pages(struct godev_file *f, size_t size, unsigned long fresh)
{
	int err = 0;

	spin_lock(&accounts_lock);
	shared_bytes += size;
	page_bytes += fresh << HEAP_PAGE_SHIFT;
	if (f && fresh && limits.total &&
	    total_bytes + excess_bytes() > limits.total) {
		f->account.refused++;
		err = -EDQUOT;
	}
	spin_unlock(&accounts_lock);
	return err;
}

/**
 * godev_count_pages - count the pages that an object lies on
 * @f: the file that owns it; NULL if no limit may refuse it
 * @p: the object
 * @size: gosize() of it
 *
 * Context: task, may sleep.
 * Return: 0; -ENOMEM; or -EDQUOT if the object takes pages that no other was on
 * and the limit on the total forbids it.  After an error nothing is counted.
 */
int godev_count_pages(struct godev_file *f, const void *p, size_t size)
{
	unsigned int pages = count_shared_pages(p, size), n;
	unsigned long fresh = 0;
	int err = 0;

	for (n = 0; n < pages; n++) {
		err = add_to_page(first_page(p) + n);
		if (err < 0)
			break;
		fresh += err;
	}
	if (!pages)
		return 0;
	err = enter_pages(f, size, fresh) ?: min(err, 0);
	if (err)
		leave_pages(p, size, n);
	return err;
}

/**
 * godev_uncount_pages - an object no longer lies on its pages
 * @p: where it was
 * @size: gosize() of it, as it was counted
 *
 * Context: task.
 */
void godev_uncount_pages(const void *p, size_t size)
{
	unsigned int pages = count_shared_pages(p, size);

	if (pages)
		leave_pages(p, size, pages);
}

/**
 * godev_account_read - read an account, all of it at one moment
 * @f: the file whose account it is
 * @account: filled in
 * @max: filled in with the limits, unless NULL
 * @total: filled in with the bytes on all accounts, and what pages cost beyond
 *	them, unless NULL
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
		*total = total_bytes + excess_bytes();
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
