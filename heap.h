/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Heap: the pages of a node, under its lock: heap.c.
 */
#ifndef GOALLOC_HEAP_H
#define GOALLOC_HEAP_H

#include "fixalloc.h"
#include "hooks.h"

struct gospan *goheap_take(struct gonode *node, unsigned long npages,
			   unsigned long align, struct gospan *spare[2],
			   bool reserve);
struct gospan *goheap_take_behind(struct gonode *node, struct gospan *s,
				  unsigned long npages, struct gospan *spare[2]);
void goheap_end_run(struct goheap *h, struct gospan *s, bool give_back);
void goheap_free(struct goheap *h, struct gospan *s);
struct gospan *goheap_adopt(struct goheap *h, struct page *page,
			    unsigned long n, unsigned long npages, gfp_t gfp);
bool goheap_pair_half(struct goheap *h, struct page *page);
void goheap_disown(struct gonode *node, struct gospan *s,
		   enum goscavenger who);
void goheap_release(struct gonode *node, struct gospan *s);
struct goarena *goheap_retire_arena(struct gonode *node);
bool goheap_must_give_back(const struct gospan *s);

/* Has the node arenas without a page, which are to be retired?  Any context. */
static inline bool goheap_has_empty(const struct gonode *node)
{
	return READ_ONCE(node->runs.narenas[GO_USE_EMPTY]);
}

/*
 * Get the descriptors that cutting a run takes, as @gfp permits: one for the
 * pages that are cut out, which must be new to all readers if they may be
 * carved, and a second one if @align is above 1.  False if one is missing.
 */
static inline bool goheap_get_spares(struct gonode *node,
				     struct gospan *spare[2],
				     unsigned long align, bool carve,
				     gfp_t gfp)
{
	struct gofixalloc *f = &node->fix[GO_FIX_SPAN];

	if (!spare[0] && !carve)
		spare[0] = gofixalloc_reuse(f);
	if (!spare[0])
		spare[0] = gofixalloc_alloc(f, gfp);
	if (!spare[1] && align > 1)
		spare[1] = gofixalloc_reuse(f) ?: gofixalloc_alloc(f, gfp);
	if (gofixalloc_low(f))
		gohooks_kick(node->heap);
	return spare[0] && (spare[1] || align == 1);
}

/* Put back those that were not needed. */
static inline void goheap_put_spares(struct goheap *h, struct gospan *spare[2])
{
	if (spare[0])
		gofixalloc_free_rcu(h, spare[0]);
	if (spare[1])
		gofixalloc_free_rcu(h, spare[1]);
}

#endif /* GOALLOC_HEAP_H */
