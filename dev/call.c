// SPDX-License-Identifier: GPL-2.0
/*
 * Calls: the argument of an ioctl, in and out.
 *
 * A structure of the ABI may grow at its end, and old programs go on to work with
 * a new module and new programs with an old one.  The size that is encoded in the
 * number of the ioctl says how much the program knows; everything that copies an
 * argument goes through here, so that the rule for what one side does not know is
 * made once.
 */

#include <linux/minmax.h>
#include <linux/uaccess.h>
#include "dev.h"

/**
 * godev_get - copy an argument in
 * @call: the call
 * @arg: the argument; filled in completely
 * @size: size of @arg in bytes
 * @oldest: size of the first version of the structure
 *
 * Context: task, may sleep.
 * Return: 0, -EFAULT, -EINVAL if the program's structure is shorter than the
 * first version, or -E2BIG if it sets fields that this module does not know.
 */
int godev_get(const struct godev_call *call, void *arg, size_t size,
	      size_t oldest)
{
	if (call->usize < oldest)
		return -EINVAL;
	return copy_struct_from_user(arg, size, call->uarg, call->usize);
}

/**
 * godev_put - copy an argument out
 * @call: the call
 * @arg: the argument
 * @size: size of @arg in bytes
 *
 * An old program gets the fields that it knows.  A new one gets zeroes for the
 * fields that this module does not know.
 *
 * Context: task, may sleep.
 * Return: 0 or -EFAULT.
 */
int godev_put(const struct godev_call *call, const void *arg, size_t size)
{
	size_t known = min(size, call->usize);

	if (copy_to_user(call->uarg, arg, known) ||
	    clear_user(call->uarg + known, call->usize - known))
		return -EFAULT;
	return 0;
}
