/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dropin: what is behind <linux/goalloc_dropin.h>: dropin.c.
 */
#ifndef GOALLOC_DROPIN_H
#define GOALLOC_DROPIN_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include "types.h"

/**
 * enum godropin_event - what the drop-in has left to the kernel, and found
 * @GODROPIN_ZONE: an allocation for a zone that goalloc has no memory of
 * @GODROPIN_HUGE: one above GOALLOC_MAX_SIZE
 * @GODROPIN_VIRTUAL: kvmalloc() of memory that is contiguous virtually
 * @GODROPIN_CACHE: a cache that is the kernel's
 * @GODROPIN_FOREIGN: a free of the kernel's memory
 * @GODROPIN_LEFT: an object that a cache had when it was destroyed
 * @GODROPIN_NR_EVENTS: how many there are
 */
enum godropin_event {
	GODROPIN_ZONE,
	GODROPIN_HUGE,
	GODROPIN_VIRTUAL,
	GODROPIN_CACHE,
	GODROPIN_FOREIGN,
	GODROPIN_LEFT,
	GODROPIN_NR_EVENTS,
};

extern atomic_long_t godropin_events[GODROPIN_NR_EVENTS];

static inline void godropin_count(enum godropin_event event)
{
	atomic_long_inc(&godropin_events[event]);
}

bool godropin_is_foreign(const void *p);

#endif /* GOALLOC_DROPIN_H */
