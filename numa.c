// SPDX-License-Identifier: GPL-2.0
/*
 * NUMA: which node's memory a call gets that names none, and where it goes on
 * when that node has no more.
 *
 * The node is the CPU's, or what the task's memory policy asks for.  A module
 * cannot ask the kernel to apply a policy, but it can read the one of the task
 * it runs in.  It decides where a stack is refilled from and where large objects
 * come from, so it holds for batches, not for each object; and as a preference:
 * with MPOL_BIND, too, another node's memory is better than none.  cpusets are
 * the page allocator's business.
 *
 * All of this is for slow paths; with one node the compiler or the first test
 * leaves it.
 */

#include <linux/mempolicy.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/topology.h>
#include "numa.h"

/**
 * gonuma_nearest - the nearest of some nodes
 * @nid: near to which
 * @left: the nodes with heaps of their own that are left; it loses that one
 *
 * Context: any.
 * Return: the node, or %NUMA_NO_NODE when none is left.
 */
int gonuma_nearest(int nid, nodemask_t *left)
{
	int i, best = NUMA_NO_NODE;

	for_each_node_mask(i, *left)
		if (best == NUMA_NO_NODE ||
		    node_distance(nid, i) < node_distance(nid, best))
			best = i;
	if (best != NUMA_NO_NODE)
		node_clear(best, *left);
	return best;
}

/**
 * gonuma_others - all nodes with heaps of their own but one
 * @h: the heap
 * @nid: that one
 *
 * Context: any.
 * Return: the nodes.
 */
nodemask_t gonuma_others(struct goheap *h, int nid)
{
	nodemask_t others = NODE_MASK_NONE;
	int i;

	for_each_gonode(h, i)
		if (i != h->node[nid]->nid)
			node_set(i, others);
	return others;
}

#ifdef CONFIG_NUMA
/* Nodes take turns, whoever asks. */
static int last_turn;

static int policy_node(const struct mempolicy *policy, int nid)
{
	/* It may change as we read: what we get then is no node, or an old one. */
	nodemask_t nodes = policy->nodes;

	if (nodes_empty(nodes))
		return nid;
	switch (policy->mode) {
	case MPOL_BIND:
	case MPOL_PREFERRED:
	case MPOL_PREFERRED_MANY:
		return node_isset(nid, nodes) ? nid :
						gonuma_nearest(nid, &nodes);
	case MPOL_INTERLEAVE:
		nid = next_node_in(READ_ONCE(last_turn), nodes);
		WRITE_ONCE(last_turn, nid);
		return nid;
	default:
		return nid;
	}
}
#endif

/**
 * gonuma_node - the node for who names none
 *
 * Context: any.
 * Return: a node, with a heap of its own or not.
 */
int gonuma_node(void)
{
	int nid = numa_mem_id();
#ifdef CONFIG_NUMA
	const struct mempolicy *policy = in_task() ? current->mempolicy : NULL;

	/* Nobody but the task itself replaces it. */
	if (unlikely(policy))
		nid = policy_node(policy, nid);
#endif
	return nid;
}
