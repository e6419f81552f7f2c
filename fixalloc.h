/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fixalloc: memory for the allocator's own metadata: fixalloc.c.
 */
#ifndef GOALLOC_FIXALLOC_H
#define GOALLOC_FIXALLOC_H

#include "types.h"

void gofixalloc_init(struct gonode *node, unsigned int kind, unsigned int size,
		     unsigned int reserve);
void *gofixalloc_alloc(struct gofixalloc *f, gfp_t gfp);
void *gofixalloc_pop(struct gofixalloc *f);
void *gofixalloc_reuse(struct gofixalloc *f);
void gofixalloc_free(struct goheap *h, void *p);
void gofixalloc_free_rcu(struct goheap *h, void *p);
void gofixalloc_settle(struct goheap *h);
bool gofixalloc_top_up(struct gofixalloc *f, gfp_t gfp);
size_t gofixalloc_detach(struct gofixalloc *f, struct list_head *out);
void gofixalloc_release(struct goheap *h, struct list_head *chunks);

/* Has the reserve been touched, so that it is to be topped up?  Any context. */
static inline bool gofixalloc_low(struct gofixalloc *f)
{
	return READ_ONCE(f->nfree) < f->reserve;
}

#endif /* GOALLOC_FIXALLOC_H */
