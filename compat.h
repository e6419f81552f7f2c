/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Everything that differs between the kernels we support, and nothing else:
 * no other file asks for a kernel version.
 */
#ifndef GOALLOC_COMPAT_H
#define GOALLOC_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/version.h>

/* The largest order was exclusive before 6.4 and renamed in 6.8. */
#ifndef MAX_PAGE_ORDER
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define MAX_PAGE_ORDER	(MAX_ORDER - 1)
#else
#define MAX_PAGE_ORDER	MAX_ORDER
#endif
#endif

/* A timer was given its function by hand before 6.13. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

/* The flags of an area were the driver's to write before 6.3. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_clear(struct vm_area_struct *vma,
				  unsigned long flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* A namespace was a token before 6.13. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define GOALLOC_KUNIT_NS	EXPORTED_FOR_KUNIT_TESTING
#else
#define GOALLOC_KUNIT_NS	"EXPORTED_FOR_KUNIT_TESTING"
#endif

#endif /* GOALLOC_COMPAT_H */
