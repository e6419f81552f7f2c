/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What <linux/goalloc_dropin.h> compiles to; apart from it, since where these
 * functions are made the names of <linux/slab.h> are the kernel's.
 */
#ifndef _LINUX_GOALLOC_DROPIN_CALLS_H
#define _LINUX_GOALLOC_DROPIN_CALLS_H

#include <linux/slab.h>
#include <linux/types.h>

void *godropin_pass(size_t size, gfp_t gfp, int node) __alloc_size(1);
void *godropin_kvmalloc_by(size_t size, gfp_t gfp, int node,
			   unsigned long owner) __alloc_size(1);
void *godropin_krealloc_by(const void *p, size_t size, gfp_t gfp,
			   unsigned long owner) __realloc_size(2);
void *godropin_kvrealloc_by(const void *p, size_t old, size_t size, gfp_t gfp,
			    unsigned long owner) __realloc_size(3);
void godropin_free(const void *p);
void godropin_free_bulk(size_t n, void **p);
void godropin_free_sensitive(const void *p);
void godropin_free_const(const void *p);
void godropin_free_mightsleep(const void *p);
size_t godropin_ksize(const void *p);

struct kmem_cache *
godropin_cache_create_by(const char *name, unsigned int size,
			 unsigned int align, slab_flags_t flags,
			 void (*ctor)(void *));
bool godropin_cache_is_ours(const struct kmem_cache *s);
struct kmem_cache *godropin_cache_pass(struct kmem_cache *s);
void godropin_cache_destroy(struct kmem_cache *s);
void *godropin_cache_alloc_by(struct kmem_cache *s, gfp_t gfp, int node,
			      unsigned long owner);
int godropin_cache_alloc_bulk_by(struct kmem_cache *s, gfp_t gfp, size_t n,
				 void **p, unsigned long owner);
void godropin_cache_free(struct kmem_cache *s, void *p);
void godropin_cache_free_bulk(struct kmem_cache *s, size_t n, void **p);
unsigned int godropin_cache_size(struct kmem_cache *s);
int godropin_cache_shrink(struct kmem_cache *s);

#endif /* _LINUX_GOALLOC_DROPIN_CALLS_H */
