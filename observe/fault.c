// SPDX-License-Identifier: GPL-2.0
/*
 * Fault injection: no memory, on purpose.
 *
 * Every place where the core asks the kernel for memory asks gohooks_fault() first
 * whether it is to get none this time: the page heap's growth, fixalloc's chunks,
 * the arena map, and what a heap is made of.  Failures of the page allocator
 * itself cannot be had at will for all of these: what it does for larger blocks is
 * retried with smaller ones, and fail_page_alloc hits every user.
 *
 * It is the kernel's own fault injection, with all its knobs, under
 * /sys/kernel/debug/goalloc/fail_goalloc: so that 'space' and 'times' name the
 * nth request, 'task-filter' a task, and /proc/self/fail-nth counts our sites
 * with all others.
 *
 * Kernels without CONFIG_FAULT_INJECTION do not build this file.  No fast path
 * has a site.
 */

#include "hooks.h"
#include "observe.h"

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
