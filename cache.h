/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cache: named caches of objects of one size: cache.c.
 */
#ifndef GOALLOC_CACHE_H
#define GOALLOC_CACHE_H

#include <linux/gocache.h>
#include <linux/mutex.h>
#include <linux/seqlock.h>
#include "shape.h"

/**
 * enum gocache_state - what has become of a cache
 * @GO_CACHE_FREE: there is none; its span class is nobody's
 * @GO_CACHE_HERE: it can be allocated from
 * @GO_CACHE_GONE: it has been destroyed, and its span class has objects or spans
 */
enum gocache_state {
	GO_CACHE_FREE,
	GO_CACHE_HERE,
	GO_CACHE_GONE,
};

/**
 * struct gocache - a cache
 * @spc: its span class
 * @size: bytes of an object, as asked for
 * @owner: whose its objects are
 * @state: enum gocache_state
 * @align: as asked for
 * @flags: as asked for
 * @name: what it is called
 */
struct gocache {
	unsigned long spc;
	unsigned long size;
	unsigned long owner;
	u8 state;
	unsigned int align;
	unsigned int flags;
	char name[GOCACHE_NAME_LEN];
};

/**
 * struct gocache_past - what caches have done that are gone
 * @objects: objects that they have handed out and taken back
 * @bytes: bytes of these
 */
struct gocache_past {
	u64 objects;
	u64 bytes;
};

/*
 * All of them.  They change under the lock.  gocaches_past changes with the counters
 * of a span class and its size; who adds these up tries again if gocaches_seq says so.
 */
extern struct gocache gocaches[GO_NR_CACHES];
extern struct gocache_past gocaches_past;
extern struct mutex gocaches_lock;
extern seqcount_mutex_t gocaches_seq;

/* The cache whose a span class is. */
static inline struct gocache *gocache_of(unsigned int spc)
{
	return &gocaches[spc - GO_NR_SPANCLASSES];
}

bool gocache_fit(struct goshape *shape, size_t size, size_t align,
		 unsigned int flags, void (*ctor)(void *obj));
struct gocache *gocache_open(const char *name, size_t size, unsigned int align,
			     unsigned int flags, const struct goshape *shape,
			     unsigned long owner);
void gocache_close(struct gocache *c);
bool gocache_retire(struct gocache *c);

#endif /* GOALLOC_CACHE_H */
