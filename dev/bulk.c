// SPDX-License-Identifier: GPL-2.0
/*
 * Many objects in one call.
 *
 * Semantics are those of write(2): what was done before something went wrong
 * stays done, the call says how much that was, and it fails only if nothing
 * was.  All or nothing, as gomalloc_bulk() has it, would mean to undo up to
 * 65,536 objects because of a signal, and would leave the caller of a
 * FREE_BULK that met a bad handle with objects that cannot come back.  So a
 * caller that is interrupted or runs into a limit always knows which objects
 * exist.  One that is killed in the middle need not know: the release of the
 * file frees all.
 *
 * Objects are allocated one by one and not with gomalloc_bulk(), since each
 * gets a record and a handle, which cost more than the object.
 */

#include <linux/uaccess.h>
#include "dev.h"

/*
 * Allocate one object and store its handle in the caller's array.  The handle
 * is published last, as by GOALLOC_IOC_ALLOC.
 */
static long alloc_bulk_one(struct godev_file *f,
			   const struct goalloc_ioc_alloc_bulk *arg,
			   u64 __user *where)
{
	struct godev_object *obj;
	u64 handle;
	long err;

	obj = godev_object_new(f, arg->size, arg->flags, arg->node);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	err = godev_reserve(f, &handle);
	if (err)
		goto err_put;
	err = put_user(handle, where) ?: godev_publish(f, handle, obj);
	if (!err)
		return 0;
	godev_unreserve(f, handle);
err_put:
	godev_object_put(obj);
	return err;
}

static long free_bulk_one(struct godev_file *f, u64 __user *where)
{
	struct godev_object *obj;
	u64 handle;

	if (get_user(handle, where))
		return -EFAULT;
	obj = godev_object_take(f, handle);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	godev_object_put(obj);
	return 0;
}

/* Whether to stop for a signal.  One object is always done, for progress. */
static bool bulk_interrupted(u64 done)
{
	cond_resched();
	return done && signal_pending(current);
}

/**
 * godev_alloc_bulk - GOALLOC_IOC_ALLOC_BULK
 * @call: the call
 *
 * Context: task, may sleep.
 * Return: 0, or an errno if nothing was allocated.
 */
long godev_alloc_bulk(const struct godev_call *call)
{
	struct goalloc_ioc_alloc_bulk arg;
	u64 __user *handles;
	long err;

	err = godev_get(call, &arg, sizeof(arg), GOALLOC_ALLOC_BULK_SIZE_VER0);
	if (err)
		return err;
	if (arg.count > GOALLOC_BULK_MAX)
		return -EINVAL;
	err = godev_check_alloc(arg.size, arg.flags, arg.node);
	if (err)
		return err;
	handles = u64_to_user_ptr(arg.handles);
	arg.done = 0;
	/* Find a bad address while nothing has changed. */
	err = godev_put(call, &arg, sizeof(arg));
	while (!err && arg.done < arg.count && !bulk_interrupted(arg.done)) {
		err = alloc_bulk_one(call->f, &arg, handles + arg.done);
		arg.done += !err;
	}
	if (err && !arg.done)
		return err;
	return godev_put(call, &arg, sizeof(arg));
}

/**
 * godev_free_bulk - GOALLOC_IOC_FREE_BULK
 * @call: the call
 *
 * Context: task, may sleep.
 * Return: 0, or an errno if nothing was freed.
 */
long godev_free_bulk(const struct godev_call *call)
{
	struct goalloc_ioc_free_bulk arg;
	u64 __user *handles;
	long err;

	err = godev_get(call, &arg, sizeof(arg), GOALLOC_FREE_BULK_SIZE_VER0);
	if (err)
		return err;
	if (arg.count > GOALLOC_BULK_MAX)
		return -EINVAL;
	handles = u64_to_user_ptr(arg.handles);
	arg.done = 0;
	err = godev_put(call, &arg, sizeof(arg));
	while (!err && arg.done < arg.count && !bulk_interrupted(arg.done)) {
		err = free_bulk_one(call->f, handles + arg.done);
		arg.done += !err;
	}
	if (err && !arg.done)
		return err;
	return godev_put(call, &arg, sizeof(arg));
}
