// SPDX-License-Identifier: GPL-2.0
/*
 * Fault injection: no memory, on purpose.
 *
 * Every place where the core asks the kernel for memory asks here first whether
 * it is to get none this time: the page heap's growth, fixalloc's chunks, the
 * arena map, and what a heap is made of.  Failures of the page allocator itself
 * cannot be had at will for all of these: what it does for larger blocks is
 * retried with smaller ones, and fail_page_alloc hits everybody.
 *
 * It is the kernel's own fault injection, with all its knobs, under
 * /sys/kernel/debug/goalloc/fail_goalloc: so that 'space' and 'times' name the
 * nth request, 'task-filter' a task, and /proc/self/fail-nth counts our sites
 * with all others.
 *
 * On kernels without CONFIG_FAULT_INJECTION this file is not built and
 * gofault() is false for the compiler.  No fast path has a site.
 */

#include <linux/fault-inject.h>
#include "internal.h"

DECLARE_FAULT_ATTR(goalloc_fail);

/**
 * gofault - is this request for memory to fail?
 *
 * Context: any in which memory may be asked for.
 * Return: whether it is.
 */
bool gofault(void)
{
	return should_fail(&goalloc_fail, 1);
}

/**
 * gofault_init - show the knobs
 * @dir: where in debugfs; they go with it
 *
 * Context: task.
 */
void gofault_init(struct dentry *dir)
{
	fault_create_debugfs_attr("fail_goalloc", dir, &goalloc_fail);
}
