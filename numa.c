// SPDX-License-Identifier: GPL-2.0
/*
 * NUMA: which node serves a call that names none, and which node comes next
 * when that one has no memory.
 *
 * The node is the CPU's, or what the task's memory policy asks for.  The kernel
 * exports no function that says which node a policy chooses, but the policy of
 * the current task can be read.  It decides where a stack is refilled from and
 * where large objects come from, so it holds for batches, not for each object;
 * to heed it for each would mean a look at it in the fast path.  It is a
 * preference: with MPOL_BIND, too, another node's memory is better than none.
 * cpusets are left to the page allocator.
 *
 * Only slow paths come here.  Any context.
 */

#include <linux/mempolicy.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/topology.h>
#include "numa.h"

/**
 * gonuma_nearest - the nearest of some nodes
 * @nid: the node that they should be near to
 * @left: nodes with heaps of their own; the nearest is removed
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
 * @nid: the node to leave out, or one that shares its heap
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
/* The node that MPOL_INTERLEAVE chose last, for all tasks. */
static int last_turn;

static int policy_node(const struct mempolicy *policy, int nid)
{
	/* It may change meanwhile, which gives no node, or an old one. */
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
 * gonuma_node - the node for a call that names none
 *
 * Context: any.
 * Return: a node, with a heap of its own or not.
 */
int gonuma_node(void)
{
	int nid = numa_mem_id();
#ifdef CONFIG_NUMA
	const struct mempolicy *policy = in_task() ? current->mempolicy : NULL;

	/* Only the task itself replaces it. */
	if (unlikely(policy))
		nid = policy_node(policy, nid);
#endif
	return nid;
}
