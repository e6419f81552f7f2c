/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's <linux/net.h>.  Pages of goalloc's must not be sent by reference,
 * as those of a slab.
 */
#ifndef _LINUX_GOALLOC_DROPIN_NET_H
#define _LINUX_GOALLOC_DROPIN_NET_H

#include_next <linux/net.h>
#include <linux/mm.h>
#include <linux/slab.h>

#define sendpage_ok(page)						\
	((sendpage_ok)(page) && !goalloc_owns(page_address(page)))
#define sendpages_ok(page, len, offset)					\
	((sendpages_ok)(page, len, offset) &&				\
	 !goalloc_owns(page_address(page)))

#endif /* _LINUX_GOALLOC_DROPIN_NET_H */
