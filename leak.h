/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Leak: tell kmemleak of every object.
 *
 * kmemleak scans our pages only for the objects that it knows.  Without these
 * calls it would report each kmalloc() object that only one of ours points to.
 * They are left out where kmemleak cannot allocate its own objects; without
 * CONFIG_DEBUG_KMEMLEAK the compiler removes them.
 */
#ifndef GOALLOC_LEAK_H
#define GOALLOC_LEAK_H

#include <linux/irqflags.h>
#include <linux/kmemleak.h>
#include <linux/preempt.h>

static __always_inline void goleak_alloc(const void *p, size_t size, bool scan,
					 gfp_t gfp)
{
	if (!IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) || irqs_disabled() ||
	    (IS_ENABLED(CONFIG_PREEMPT_RT) && !preemptible()))
		return;
	kmemleak_alloc(p, size, 1, gfp & ~__GFP_ZERO);
	if (!scan)
		kmemleak_no_scan(p);
}

static __always_inline void goleak_free(const void *p)
{
	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) && !in_nmi())
		kmemleak_free(p);
}

#endif /* GOALLOC_LEAK_H */
