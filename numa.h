/* SPDX-License-Identifier: GPL-2.0 */
/*
 * NUMA: which nodes there are, and which one a call gets: numa.c.
 */
#ifndef GOALLOC_NUMA_H
#define GOALLOC_NUMA_H

#include <linux/nodemask.h>
#include "types.h"

int gonuma_node(void);
int gonuma_nearest(int nid, nodemask_t *left);
nodemask_t gonuma_others(struct goheap *h, int nid);

/* Has a node a page heap of its own?  It may get one at any time. */
static inline bool gonuma_is_own(const struct goheap *h, int nid)
{
	const struct gonode *node = READ_ONCE(h->node[nid]);

	return node && node->nid == nid;
}

/* The first node from @i on that has a page heap of its own. */
static inline int gonuma_next(const struct goheap *h, int i)
{
	while (i < nr_node_ids && !gonuma_is_own(h, i))
		i++;
	return i;
}

#define for_each_gonode(h, i)						\
	for ((i) = gonuma_next(h, 0); (i) < nr_node_ids;		\
	     (i) = gonuma_next(h, (i) + 1))

/* The page heap for a node, or with NUMA_NO_NODE for the caller. */
static inline struct gonode *gonuma_heap(struct goheap *h, int nid)
{
	return READ_ONCE(h->node[nid == NUMA_NO_NODE ? gonuma_node() : nid]);
}

#endif /* GOALLOC_NUMA_H */
