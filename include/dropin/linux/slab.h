/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's <linux/slab.h>, and goalloc for what it declares. */
#include_next <linux/slab.h>
#include <linux/goalloc_dropin.h>
