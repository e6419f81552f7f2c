// SPDX-License-Identifier: GPL-2.0
/*
 * Fault injection: makes requests for memory fail on purpose.
 *
 * Code of the core that asks the kernel for memory first asks gohooks_fault()
 * whether to fail: for pages, for chunks of fixalloc, for the arena map, and
 * for what a heap is made of.  The page allocator's own faults are not enough:
 * a larger block that fails is retried with a smaller one, so that few of them
 * reach a caller, and fail_page_alloc hits every user of the machine.
 *
 * It is the kernel's own fault injection, with all its knobs, in
 * /sys/kernel/debug/goalloc/fail_goalloc.  'space' and 'times' name the nth
 * request, 'task-filter' a task, and /proc/self/fail-nth counts these sites
 * with all others.  One knob is our own: 'above-order' makes all requests for
 * blocks of a higher order fail, as in a machine whose memory is in pieces.
 *
 * Kernels without CONFIG_FAULT_INJECTION do not build this file.  No fast path
 * has a site.
 */

#include <linux/debugfs.h>
#include "hooks.h"
#include "observe.h"

/**
 * gofault_init - make the knobs
 * @dir: the directory in debugfs; they are removed with it
 *
 * Context: task.
 */
void gofault_init(struct dentry *dir)
{
	dir = fault_create_debugfs_attr("fail_goalloc", dir, &goalloc_fail);
	debugfs_create_u32("above-order", 0600, dir, &goalloc_fail_above);
}
