/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dropin_cache: what a module's kmem_caches become: dropin_cache.c.
 */
#ifndef GOALLOC_DROPIN_CACHE_H
#define GOALLOC_DROPIN_CACHE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

/**
 * struct godropin_cache - what a module takes for a struct kmem_cache
 * @magic: tells it from the kernel's, where the kernel's has a per-CPU pointer
 * @size: bytes of an object, as the module has said
 * @bytes: with what its alignment takes
 * @account: what allocations have to add to their flags
 * @ctor: the constructor, or NULL
 * @live: objects out, the sum over all CPUs; this_cpu_add()
 * @name: its name
 * @list: on godropin_caches
 */
struct godropin_cache {
	unsigned long magic;
	unsigned int size;
	unsigned int bytes;
	gfp_t account;
	void (*ctor)(void *object);
	long __percpu *live;
	const char *name;
	struct list_head list;
};

/* All of them, under the lock. */
extern struct list_head godropin_caches;
extern struct mutex godropin_caches_lock;

long godropin_cache_live(const struct godropin_cache *c);
void godropin_cache_exit(void);

#endif /* GOALLOC_DROPIN_CACHE_H */
