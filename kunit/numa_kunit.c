// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes: local first, then what others have, then what others can get; exact on
 * demand; objects go home; a task's memory policy is heeded; a node that gets
 * memory late gets a page heap, and one that has none left is left alone.
 *
 * memory_limit makes a node that has no memory left: then no node gets more.
 */

#include "../numa.c"

#include <linux/irq_work.h>
#include <linux/memory.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/sched/task.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/workqueue.h>
#include "alloc.h"
#include "central.h"
#include "heap.h"
#include "numa.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "source.h"

#define SPC	GO_SPC(30, 0)

static int numa_init(struct kunit *test)
{
	int nid, err = gotest_heap_init(test);
	struct goheap *h = gotest_heap(test);

	if (err)
		return err;
	/* The worker would give back what is to be had elsewhere. */
	irq_work_sync(&h->kick);
	disable_work_sync(&h->work);
	for_each_gonode(h, nid)
		h->node[nid]->reserve = 0;
	goscavenge_all(h);
	return 0;
}

static void numa_exit(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);

	if (!h)
		return;
	h->limit = 0;
	enable_work(&h->work);
	gotest_heap_exit(test);
}

/* This CPU's node, and another one with memory, or no test. */
static struct gonode *here_and_there(struct kunit *test, struct gonode **there)
{
	struct goheap *h = gotest_heap(test);
	struct gonode *here;
	nodemask_t others;
	int nid;

	gotest_pin(test, h);
	here = gonuma_heap(h, numa_mem_id());
	others = gonuma_others(h, here->nid);
	nid = gonuma_nearest(here->nid, &others);
	if (nid == NUMA_NO_NODE)
		kunit_skip(test, "one node");
	*there = h->node[nid];
	return here;
}

static int nid_of(const void *p)
{
	return page_to_nid(virt_to_page(p));
}

static void *on_node(struct kunit *test, struct gonode *node)
{
	void *p = goalloc_on_node(gotest_heap(test), node->nid, SPC,
				      go_class_size[GO_SPC_CLASS(SPC)],
				      GFP_KERNEL | __GFP_THISNODE, GO_OBJ_LIVE, _RET_IP_);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, nid_of(p), node->nid);
	return p;
}

static void numa_nearest(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	int nid, next, last, n;
	nodemask_t left;

	for_each_gonode(h, nid) {
		left = gonuma_others(h, nid);
		KUNIT_EXPECT_FALSE(test, node_isset(nid, left));
		n = nodes_weight(left);
		last = 0;
		while ((next = gonuma_nearest(nid, &left)) != NUMA_NO_NODE) {
			KUNIT_EXPECT_GE(test, node_distance(nid, next), last);
			KUNIT_EXPECT_EQ(test, h->node[next]->nid, next);
			last = node_distance(nid, next);
			n--;
		}
		KUNIT_EXPECT_EQ(test, n, 0);
	}
}

/* The CPU's node serves, though another has objects ready. */
static void numa_local_first(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gonode *there, *here = here_and_there(test, &there);
	void *p, *far = on_node(test, there);

	KUNIT_EXPECT_GT(test, there->central[SPC].nonempty, 0);
	p = gotest_alloc(h, SPC, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, nid_of(p), here->nid);
	gotest_free(h, p);
	gotest_free(h, far);
}

/* A node that gets no more: first what another's mcentral has is handed out. */
static void numa_far_objects_first(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gonode *there, *here = here_and_there(test, &there);
	void *p, *far = on_node(test, there);
	unsigned int nspans = there->central[SPC].nspans;

	h->limit = atomic_long_read(&h->held);
	p = gotest_alloc(h, SPC, GFP_NOWAIT);
	KUNIT_EXPECT_NOT_NULL(test, p);
	if (p) {
		KUNIT_EXPECT_EQ(test, nid_of(p), there->nid);
		gotest_free(h, p);
	}
	KUNIT_EXPECT_EQ(test, there->central[SPC].nspans, nspans);
	KUNIT_EXPECT_EQ(test, here->central[SPC].nspans, 0);
	h->limit = 0;
	gotest_free(h, far);
}

/* Then what another's heap has, of which a span is carved. */
static void numa_far_pages_next(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gonode *there, *here = here_and_there(test, &there);
	struct gospan *s = gosource_pages(h, there->nid, 100, 1,
					GFP_KERNEL | __GFP_THISNODE);
	LIST_HEAD(all);
	void *p, *q;

	KUNIT_ASSERT_NOT_NULL(test, s);
	/* So that metadata is there. */
	q = gotest_alloc(h, SPC + 2, GFP_KERNEL);
	goheap_free(h, s);
	h->limit = atomic_long_read(&h->held) + SZ_64K;
	while ((s = gosource_pages(h, here->nid, 1, 1,
				   GFP_NOWAIT | __GFP_NOWARN | __GFP_THISNODE)))
		list_add(&s->list, &all);
	/* Nor half a page. */
	h->limit = atomic_long_read(&h->held);
	p = gotest_alloc(h, SPC, GFP_NOWAIT);
	KUNIT_EXPECT_NOT_NULL(test, p);
	if (p) {
		KUNIT_EXPECT_EQ(test, nid_of(p), there->nid);
		gotest_free(h, p);
	}
	/* On demand it is this node or none. */
	KUNIT_EXPECT_NULL(test, goalloc_on_node(h, here->nid, SPC + 4, 64,
						GFP_NOWAIT | __GFP_NOWARN |
						    __GFP_THISNODE,
						GO_OBJ_LIVE, _RET_IP_));
	h->limit = 0;
	while ((s = list_first_entry_or_null(&all, struct gospan, list))) {
		list_del(&s->list);
		goheap_free(h, s);
	}
	gotest_free(h, q);
}

/* Objects of both nodes, freed here in turns, are on their nodes after. */
static void numa_objects_go_home(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gonode *there, *here = here_and_there(test, &there);
	unsigned int i;
	void *p[200];

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = on_node(test, i % 2 ? here : there);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		gotest_free(h, p[i]);
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
	godrain_all(h);
	gocentral_trim(&here->central[SPC], UINT_MAX);
	gocentral_trim(&there->central[SPC], UINT_MAX);
	KUNIT_EXPECT_EQ(test, here->central[SPC].nspans, 0);
	KUNIT_EXPECT_EQ(test, there->central[SPC].nspans, 0);
	KUNIT_EXPECT_EQ(test, here->runs.free, here->sys);
	KUNIT_EXPECT_EQ(test, there->runs.free, there->sys);
}

/* What the kernel tells of a page, when memory comes or goes. */
static int tell(struct goheap *h, unsigned long action, struct page *page)
{
	struct memory_notify what = {
		.start_pfn = page_to_pfn(page), .nr_pages = 1,
	};

	return h->memory.notifier_call(&h->memory, action, &what);
}

/* The last node has lost its page heap, as if it had no memory yet. */
static void numa_late_node(struct kunit *test)
{
	struct gonode *shared = kunit_kzalloc(test, sizeof(*shared), GFP_KERNEL);
	struct goheap *h = gotest_heap(test);
	struct gonode *old = NULL;
	unsigned long held;
	struct page *page;
	int i, nid = 0;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, shared);
	for_each_gonode(h, i)
		nid = i;
	page = alloc_pages_node(nid, GFP_KERNEL | __GFP_THISNODE, 0);
	KUNIT_ASSERT_NOT_NULL(test, page);
	old = h->node[nid];
	KUNIT_ASSERT_EQ(test, old->sys, 0);
	shared->nid = NUMA_NO_NODE;
	h->node[nid] = shared;
	held = atomic_long_read(&h->held);

	tell(h, MEM_CANCEL_ONLINE, page);
	tell(h, MEM_GOING_OFFLINE, page);
	KUNIT_EXPECT_PTR_EQ(test, h->node[nid], shared);
	KUNIT_EXPECT_EQ(test, tell(h, MEM_GOING_ONLINE, page), NOTIFY_OK);
	KUNIT_EXPECT_TRUE(test, gonuma_is_own(h, nid));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&h->held),
			held + sizeof(struct gonode));
	shared = h->node[nid];
	KUNIT_EXPECT_EQ(test, tell(h, MEM_ONLINE, page), NOTIFY_OK);
	KUNIT_EXPECT_PTR_EQ(test, h->node[nid], shared);
	p = on_node(test, h->node[nid]);
	gotest_free(h, p);
	__free_page(page);
	kvfree(old);
}

/* A reserve that cannot be filled is not tried again at once, but later. */
static void numa_no_memory_left(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	struct gonode *node = h->node[gonuma_next(h, 0)];
	unsigned long due = node->retry;

	node->reserve = GO_RESERVE_PAGES;
	h->limit = atomic_long_read(&h->held);
	goworker_top_up(h);
	KUNIT_EXPECT_EQ(test, node->runs.big, 0);
	KUNIT_EXPECT_TRUE(test, time_after(node->retry, due));
	h->limit = 0;
	node->retry = jiffies + HZ;
	goworker_top_up(h);
	KUNIT_EXPECT_EQ(test, node->runs.big, 0);
	node->retry = jiffies;
	goworker_top_up(h);
	KUNIT_EXPECT_GE(test, node->runs.big, node->reserve);
	node->reserve = 0;
}

#ifdef CONFIG_NUMA
static struct mempolicy *policy_begin(struct mempolicy *policy, int mode)
{
	struct mempolicy *old;

	policy->mode = mode;
	atomic_set(&policy->refcnt, 1);
	task_lock(current);
	old = current->mempolicy;
	current->mempolicy = policy;
	task_unlock(current);
	return old;
}

static void policy_end(struct mempolicy *old)
{
	task_lock(current);
	current->mempolicy = old;
	task_unlock(current);
}

static void note_node(void *arg)
{
	*(int *)arg = gonuma_node();
}

static void numa_policy(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	int nid, got, a, b, in_irq = NUMA_NO_NODE;
	struct mempolicy policy = {}, *old;
	struct gospan *s;

	gotest_pin(test, h);
	for_each_gonode(h, nid) {
		policy.nodes = nodemask_of_node(nid);
		old = policy_begin(&policy, MPOL_BIND);
		got = gonuma_node();
		gotest_run_in(GOTEST_HARDIRQ, note_node, &in_irq);
		s = gosource_large(h, NUMA_NO_NODE, SZ_64K, GFP_KERNEL);
		policy_end(old);
		KUNIT_EXPECT_EQ(test, got, nid);
		KUNIT_EXPECT_EQ(test, in_irq, numa_mem_id());
		KUNIT_ASSERT_NOT_NULL(test, s);
		KUNIT_EXPECT_EQ(test, nid_of((void *)s->base), nid);
		gotest_free(h, (void *)s->base);

		old = policy_begin(&policy, MPOL_LOCAL);
		got = gonuma_node();
		policy_end(old);
		KUNIT_EXPECT_EQ(test, got, numa_mem_id());
	}

	policy.nodes = node_states[N_MEMORY];
	old = policy_begin(&policy, MPOL_PREFERRED_MANY);
	got = gonuma_node();
	policy_end(old);
	KUNIT_EXPECT_EQ(test, got, numa_mem_id());

	old = policy_begin(&policy, MPOL_INTERLEAVE);
	a = gonuma_node();
	b = gonuma_node();
	policy_end(old);
	KUNIT_EXPECT_EQ(test, b, next_node_in(a, policy.nodes));

	policy.nodes = NODE_MASK_NONE;
	old = policy_begin(&policy, MPOL_INTERLEAVE);
	got = gonuma_node();
	policy_end(old);
	KUNIT_EXPECT_EQ(test, got, numa_mem_id());
}
#endif

static struct kunit_case numa_cases[] = {
	KUNIT_CASE(numa_nearest),
	KUNIT_CASE(numa_local_first),
	KUNIT_CASE(numa_far_objects_first),
	KUNIT_CASE(numa_far_pages_next),
	KUNIT_CASE(numa_objects_go_home),
	KUNIT_CASE(numa_late_node),
	KUNIT_CASE(numa_no_memory_left),
#ifdef CONFIG_NUMA
	KUNIT_CASE(numa_policy),
#endif
	{}
};

static struct kunit_suite numa_suite = {
	.name = "goalloc_numa",
	.init = numa_init,
	.exit = numa_exit,
	.test_cases = numa_cases,
};

kunit_test_suites(&numa_suite);
