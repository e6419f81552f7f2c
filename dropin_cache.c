// SPDX-License-Identifier: GPL-2.0
/*
 * Dropin_cache: the caches of a module that was written for kmem_cache.
 *
 * A cache is a size, an alignment and a constructor.  What the kernel's gain by
 * slabs of their own, no rounding and no look-up of a size, goalloc's classes
 * have nearly all of; so the objects are those of gomalloc().  They may serve
 * anybody next, so that the constructor runs once for each allocation, not once
 * for each slab.  Its contract permits that: an object is freed as it was
 * constructed.  Where memory has to stay what it was after it is freed, which is
 * SLAB_TYPESAFE_BY_RCU, the cache stays the kernel's.
 *
 * The module holds a pointer that it takes for a struct kmem_cache.  A cache of
 * the kernel's is handed out as it is, and the functions here tell the two by the
 * first word.  So a module may use caches that it has got from the kernel, too,
 * as an inline of <linux/jbd2.h> does in ext4.
 *
 * How many objects are out is counted for each CPU, at kmem_cache_alloc() and
 * kmem_cache_free().  kmem_cache_destroy() wants none: if there are, it says so
 * and keeps the cache, as the kernel does, for the module may still free them.
 * An object that goes by kfree() or kfree_rcu(), which newer kernels permit, is
 * free, but its cache does not know.  To ask each free for a cache would cost all
 * of them; so what is said then is that it did not go through the cache.
 * Whether a module leaves anything is told exactly when it is unloaded.
 */

#include <linux/cache.h>
#include <linux/export.h>
#include <linux/goalloc.h>
#include <linux/goalloc_dropin_calls.h>
#include <linux/log2.h>
#include <linux/panic.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "dropin.h"
#include "dropin_cache.h"

#undef pr_fmt
#define pr_fmt(fmt) "goalloc: " fmt

/* No per-CPU pointer, nor any other: not even canonical. */
#define CACHE_MAGIC		0x676f64726f70696eUL

LIST_HEAD(godropin_caches);
DEFINE_MUTEX(godropin_caches_lock);	/* guards the list */

static bool is_ours(const struct kmem_cache *s)
{
	return *(const unsigned long *)s == CACHE_MAGIC;
}

static struct godropin_cache *ours(struct kmem_cache *s)
{
	return (struct godropin_cache *)s;
}

bool godropin_cache_is_ours(const struct kmem_cache *s)
{
	return is_ours(s);
}
EXPORT_SYMBOL_GPL(godropin_cache_is_ours);

/* Count a cache that stays the kernel's. */
struct kmem_cache *godropin_cache_pass(struct kmem_cache *s)
{
	if (s)
		godropin_count(GODROPIN_CACHE);
	return s;
}
EXPORT_SYMBOL_GPL(godropin_cache_pass);

/* As the kernel does: small objects share a line, but none is on two. */
static unsigned int alignment(unsigned int size, unsigned int align,
			      slab_flags_t flags)
{
	unsigned int line = cache_line_size();

	if (flags & SLAB_HWCACHE_ALIGN) {
		while (size <= line / 2)
			line /= 2;
		align = max(align, line);
	}
	return max_t(unsigned int, align, sizeof(void *));
}

static void free_cache(struct godropin_cache *c)
{
	free_percpu(c->live);
	kfree_const(c->name);
	kfree(c);
}

static struct godropin_cache *new_cache(const char *name, unsigned int size,
					unsigned int align, slab_flags_t flags,
					void (*ctor)(void *))
{
	struct godropin_cache *c;

	align = alignment(size, align, flags);
	if (!name || !size || !is_power_of_2(align) ||
	    ALIGN((size_t)size, align) > GOALLOC_MAX_SIZE)
		return NULL;
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return NULL;
	c->live = alloc_percpu(long);
	c->name = kstrdup_const(name, GFP_KERNEL);
	if (!c->live || !c->name) {
		free_cache(c);
		return NULL;
	}
	c->magic = CACHE_MAGIC;
	c->size = size;
	/* A multiple of the alignment has it. */
	c->bytes = ALIGN(size, align);
	c->ctor = ctor;
	if (flags & SLAB_ACCOUNT)
		c->account = __GFP_ACCOUNT;
	return c;
}

struct kmem_cache *
godropin_cache_create_by(const char *name, unsigned int size,
			 unsigned int align, slab_flags_t flags,
			 void (*ctor)(void *))
{
	struct godropin_cache *c = new_cache(name, size, align, flags, ctor);

	if (!c) {
		if (flags & SLAB_PANIC)
			panic("goalloc: no cache %s of %u bytes\n", name, size);
		return NULL;
	}
	mutex_lock(&godropin_caches_lock);
	list_add_tail(&c->list, &godropin_caches);
	mutex_unlock(&godropin_caches_lock);
	return (struct kmem_cache *)c;
}
EXPORT_SYMBOL_GPL(godropin_cache_create_by);

/**
 * godropin_cache_live - how many objects of a cache are out?
 * @c: the cache
 *
 * Context: any; exact only while nobody allocates or frees.
 * Return: so many, by its own count.
 */
long godropin_cache_live(const struct godropin_cache *c)
{
	long live = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		live += READ_ONCE(*per_cpu_ptr(c->live, cpu));
	return live;
}

void godropin_cache_destroy(struct kmem_cache *s)
{
	struct godropin_cache *c = ours(s);
	long live;

	if (!s)
		return;
	if (!is_ours(s)) {
		kmem_cache_destroy(s);
		return;
	}
	if (godropin_cache_live(c))
		rcu_barrier();
	live = godropin_cache_live(c);
	if (live) {
		atomic_long_add(live, &godropin_events[GODROPIN_LEFT]);
		pr_info("kmem_cache_destroy: %ld objects of %s were not freed by kmem_cache_free(), when %pS destroyed it\n",
			live, c->name, (void *)_RET_IP_);
		return;
	}
	mutex_lock(&godropin_caches_lock);
	list_del(&c->list);
	mutex_unlock(&godropin_caches_lock);
	free_cache(c);
}
EXPORT_SYMBOL_GPL(godropin_cache_destroy);

void *godropin_cache_alloc_by(struct kmem_cache *s, gfp_t gfp, int node,
			      unsigned long owner)
{
	struct godropin_cache *c = ours(s);
	void *p;

	if (unlikely(!is_ours(s)))
		return kmem_cache_alloc_node(s, gfp, node);
	gfp |= c->account;
	p = node == NUMA_NO_NODE ? __gomalloc_by(c->bytes, gfp, owner) :
				   gomalloc_node_by(c->bytes, gfp, node, owner);
	if (unlikely(!p))
		return NULL;
	this_cpu_inc(*c->live);
	if (c->ctor)
		c->ctor(p);
	return p;
}
EXPORT_SYMBOL_GPL(godropin_cache_alloc_by);

int godropin_cache_alloc_bulk_by(struct kmem_cache *s, gfp_t gfp, size_t n,
				 void **p, unsigned long owner)
{
	struct godropin_cache *c = ours(s);
	size_t i;

	if (unlikely(!is_ours(s)))
		return kmem_cache_alloc_bulk(s, gfp, n, p);
	if (!gomalloc_bulk_by(gfp | c->account, c->bytes, n, p, owner))
		return 0;
	this_cpu_add(*c->live, n);
	for (i = 0; c->ctor && i < n; i++)
		c->ctor(p[i]);
	return n;
}
EXPORT_SYMBOL_GPL(godropin_cache_alloc_bulk_by);

void godropin_cache_free(struct kmem_cache *s, void *p)
{
	struct godropin_cache *c = ours(s);

	if (unlikely(!is_ours(s))) {
		kmem_cache_free(s, p);
		return;
	}
	if (unlikely(!p))
		return;
	this_cpu_dec(*c->live);
	godropin_free(p);
}
EXPORT_SYMBOL_GPL(godropin_cache_free);

/* Without a cache it is kfree_bulk(). */
void godropin_cache_free_bulk(struct kmem_cache *s, size_t n, void **p)
{
	if (s && unlikely(!is_ours(s))) {
		kmem_cache_free_bulk(s, n, p);
		return;
	}
	if (s)
		this_cpu_sub(*ours(s)->live, n);
	godropin_free_bulk(n, p);
}
EXPORT_SYMBOL_GPL(godropin_cache_free_bulk);

unsigned int godropin_cache_size(struct kmem_cache *s)
{
	return is_ours(s) ? ours(s)->size : kmem_cache_size(s);
}
EXPORT_SYMBOL_GPL(godropin_cache_size);

/* There are no slabs of its own to give back. */
int godropin_cache_shrink(struct kmem_cache *s)
{
	return is_ours(s) ? 0 : kmem_cache_shrink(s);
}
EXPORT_SYMBOL_GPL(godropin_cache_shrink);

/**
 * godropin_cache_exit - forget the caches that were left
 *
 * Context: task, when no other module can call.
 */
void godropin_cache_exit(void)
{
	struct godropin_cache *c, *next;

	list_for_each_entry_safe(c, next, &godropin_caches, list)
		free_cache(c);
}
