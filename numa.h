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

/* The first node from @i on that has a page heap of its own. */
static inline int gonuma_next(const struct goheap *h, int i)
{
	while (i < nr_node_ids && (!h->node[i] || h->node[i]->nid != i))
		i++;
	return i;
}

#define for_each_gonode(h, i)						\
	for ((i) = gonuma_next(h, 0); (i) < nr_node_ids;		\
	     (i) = gonuma_next(h, (i) + 1))

/* The page heap for a node, or with NUMA_NO_NODE for the caller. */
static inline struct gonode *gonuma_heap(struct goheap *h, int nid)
{
	return h->node[nid == NUMA_NO_NODE ? gonuma_node() : nid];
}

#endif /* GOALLOC_NUMA_H */
