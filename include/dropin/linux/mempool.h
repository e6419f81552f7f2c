/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's <linux/mempool.h>; its pools take goalloc's caches. */
#include_next <linux/mempool.h>
#include <linux/slab.h>
