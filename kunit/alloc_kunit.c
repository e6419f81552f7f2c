// SPDX-License-Identifier: GPL-2.0
/*
 * Alloc: the slow half, in NMI and for a node of choice, and what is zeroed.
 */

#include <linux/mm.h>
#include <linux/string.h>
#include "alloc.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "source.h"

#define SPC_64		GO_SPC(6, 0)

struct nmi_alloc {
	struct goheap *h;
	void *p;
};

static void alloc_in_nmi(void *arg)
{
	struct nmi_alloc *w = arg;

	w->p = gotest_alloc(w->h, SPC_64, GFP_ATOMIC);
}

/* An NMI takes what is there, and NULL rather than a lock that is held. */
static void alloc_nmi(struct kunit *test)
{
	struct nmi_alloc w = { .h = gotest_heap(test) };
	struct gocentral *c;
	unsigned long flags;
	void *first;

	gotest_pin(test, w.h);
	gotest_run_in(GOTEST_NMI, alloc_in_nmi, &w);
	KUNIT_EXPECT_NULL_MSG(test, w.p, "an NMI cannot make spans");
	KUNIT_EXPECT_EQ(test, atomic_long_read(&w.h->failures), 1);

	c = gosource_span(w.h, NUMA_NO_NODE, SPC_64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c);
	gotest_run_in(GOTEST_NMI, alloc_in_nmi, &w);
	KUNIT_ASSERT_NOT_NULL(test, w.p);
	first = w.p;

	/* Where there is one CPU a lock is nothing. */
	if (IS_ENABLED(CONFIG_SMP)) {
		raw_spin_lock_irqsave(&c->lock, flags);
		gotest_run_in(GOTEST_NMI, alloc_in_nmi, &w);
		raw_spin_unlock_irqrestore(&c->lock, flags);
		KUNIT_EXPECT_NULL(test, w.p);
		KUNIT_EXPECT_EQ(test, atomic_long_read(&w.h->failures), 2);
	}
	gotest_free(w.h, first);
}

static void alloc_of_each_node(struct kunit *test)
{
	struct goheap *h = gotest_heap(test);
	unsigned int spc;
	int nid, i;
	void *p[4];

	gotest_pin(test, h);
	for_each_node_state(nid, N_MEMORY) {
		for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++) {
			size_t size = go_class_size[GO_SPC_CLASS(spc)];

			for (i = 0; i < ARRAY_SIZE(p); i++) {
				p[i] = goalloc_on_node(h, nid, spc, size,
						       GFP_KERNEL |
							   __GFP_THISNODE,
						       GO_OBJ_LIVE, _RET_IP_);
				KUNIT_ASSERT_NOT_NULL(test, p[i]);
				KUNIT_EXPECT_EQ(test, nid,
						page_to_nid(virt_to_page(p[i])));
			}
			/* They land in one stack, and go home from there. */
			for (i = 0; i < ARRAY_SIZE(p); i++)
				gotest_free(h, p[i]);
		}
	}
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
	godrain_all(h);
	for_each_node_state(nid, N_MEMORY)
		for (spc = GO_SPC(1, 0); spc < GO_NR_SPANCLASSES; spc++)
			KUNIT_EXPECT_EQ(test, h->node[nid]->central[spc].nspans,
					h->node[nid]->central[spc].idle);
}

/* The object at the start of a span, asked for with zeroes. */
static u8 *first_zeroed(struct kunit *test, struct goheap *h,
			const struct gospan *s, unsigned int spc)
{
	void *p = gotest_alloc(h, spc, GFP_KERNEL | __GFP_ZERO);

	KUNIT_EXPECT_PTR_EQ(test, p, (void *)s->base);
	return p;
}

/*
 * What the kernel has just zeroed is not zeroed again: where a span pretends
 * to be fresh, what is in it stays; but only the first time.
 */
static void alloc_zeroes_only_dirt(struct kunit *test)
{
	const unsigned int spc = GO_SPC(20, 0);
	struct goheap *h = gotest_heap(test);
	struct gocentral *c;
	struct gospan *s;
	u8 *p;

	c = gosource_span(h, NUMA_NO_NODE, spc, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c);
	s = list_first_entry(&c->partial[0], struct gospan, list);
	memset(s->objstate, GO_OBJ_FRESH, s->nelems);
	memset((void *)s->base, 0x5a, s->npages << GO_PAGE_SHIFT);
	p = first_zeroed(test, h, s, spc);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0x5a, s->elemsize));
	gotest_free(h, p);
	p = first_zeroed(test, h, s, spc);
	KUNIT_EXPECT_TRUE(test, gotest_all_zero(p, s->elemsize));
	memset(p, 0xff, s->elemsize);
	gotest_free(h, p);
	/* And once more, when it has been to its span and back. */
	godrain_all(h);
	p = first_zeroed(test, h, s, spc);
	KUNIT_EXPECT_TRUE(test, gotest_all_zero(p, s->elemsize));
	gotest_free(h, p);
}

static struct kunit_case alloc_cases[] = {
	KUNIT_CASE(alloc_nmi),
	KUNIT_CASE(alloc_of_each_node),
	KUNIT_CASE(alloc_zeroes_only_dirt),
	{}
};

static struct kunit_suite alloc_suite = {
	.name = "goalloc_alloc",
	.init = gotest_heap_init,
	.exit = gotest_heap_exit,
	.test_cases = alloc_cases,
};

kunit_test_suite(alloc_suite);
