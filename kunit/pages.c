// SPDX-License-Identifier: GPL-2.0
/*
 * What the suites of the page heap share; see pages.h.
 *
 * goruns_find() and gofixalloc_alloc() are the copies that runs_kunit.c and
 * fixalloc_kunit.c include.
 */

#include <linux/hash.h>
#include <linux/irq_work.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include "fixalloc.h"
#include "heap.h"
#include "numa.h"
#include "pages.h"
#include "reclaim/reclaim.h"
#include "runs.h"
#include "source.h"
#include "span.h"

void gotest_worker(struct goheap *h, bool on)
{
	if (on) {
		enable_work(&h->work);
		return;
	}
	irq_work_sync(&h->kick);
	disable_work_sync(&h->work);
}

int gotest_pages_init(struct kunit *test)
{
	int nid, err = gotest_heap_init(test);
	struct goheap *h = gotest_heap(test);

	if (err)
		return err;
	gotest_worker(h, false);
	for_each_gonode(h, nid)
		h->node[nid]->reserve = 0;
	goscavenge_all(h);
	return 0;
}

void gotest_pages_exit(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);

	if (!h)
		return;
	h->limit = 0;
	gotest_worker(h, true);
	gotest_heap_exit(test);
}

struct gonode *gotest_node(struct kunit *test)
{
	return gotest_heap(test)->node[first_memory_node];
}

unsigned long gotest_arenas(const struct gonode *node)
{
	unsigned long n = 0;
	unsigned int i;

	for (i = 0; i < GO_NR_USES; i++)
		n += node->runs.narenas[i];
	return n;
}

struct gospan *gotest_run_new(struct kunit *test, unsigned long npages,
			      unsigned long align)
{
	struct gospan *s;

	s = gosource_pages(gotest_heap(test), first_memory_node, npages, align,
			   GFP_KERNEL | __GFP_THISNODE);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, s->npages, npages);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(s->base, align * GO_PAGE_SIZE));
	return s;
}

struct gospan *gotest_run_take(struct kunit *test, unsigned long npages,
			       unsigned long align)
{
	struct gonode *node = gotest_node(test);
	struct gofixalloc *fix = &node->fix[GO_FIX_SPAN];
	struct gospan *spare[2], *s;
	unsigned long flags;
	int i;

	spare[0] = gofixalloc_alloc(fix, GFP_KERNEL);
	spare[1] = gofixalloc_alloc(fix, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, spare[0]);
	KUNIT_ASSERT_NOT_NULL(test, spare[1]);
	raw_spin_lock_irqsave(&node->lock, flags);
	s = goruns_find(&node->runs, npages, align);
	if (s)
		s = goruns_cut(&node->runs, gospan_arena(node->heap, s->base),
			       s, npages, align, spare);
	raw_spin_unlock_irqrestore(&node->lock, flags);
	for (i = 0; i < 2; i++)
		if (spare[i])
			gofixalloc_free_rcu(node->heap, spare[i]);
	return s;
}

struct gospan *gotest_run_find(struct gonode *node, unsigned long npages)
{
	unsigned long flags;
	struct gospan *s;

	raw_spin_lock_irqsave(&node->lock, flags);
	s = goruns_find(&node->runs, npages, 1);
	raw_spin_unlock_irqrestore(&node->lock, flags);
	return s;
}

void gotest_run_end(struct kunit *test, struct gospan *s)
{
	goheap_free(gotest_heap(test), s);
}

unsigned long gotest_arena_new(struct kunit *test)
{
	struct gospan *s = gotest_run_new(test, GO_ARENA_PAGES, 1);
	unsigned long base = s->base;

	gotest_run_end(test, s);
	return base;
}

void gotest_run_fill(const struct gospan *s)
{
	memset((void *)s->base, hash_long(s->base, 8),
	       s->npages * GO_PAGE_SIZE);
}

bool gotest_run_intact(const struct gospan *s)
{
	return !memchr_inv((void *)s->base, (u8)hash_long(s->base, 8),
			   s->npages * GO_PAGE_SIZE);
}
