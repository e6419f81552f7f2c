// SPDX-License-Identifier: GPL-2.0
/*
 * What all suites share; see common.h.
 */

#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/preempt.h>
#include <linux/random.h>
#include <linux/slab.h>
#include "api.h"
#include "common.h"
#include "compat.h"
#include "lifecycle.h"
#include "numa.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "span.h"

int gotest_heap_init(struct kunit *test)
{
	struct goheap *h = kzalloc(sizeof(*h), GFP_KERNEL);
	int err;

	if (!h)
		return -ENOMEM;
	err = golifecycle_begin(h);
	if (err) {
		kfree(h);
		return err;
	}
	test->priv = h;
	return 0;
}

void gotest_heap_exit(struct kunit *test)
{
	struct goheap *h = test->priv;
	struct goalloc_memstats *m;

	if (!h)
		return;
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
	godrain_all(h);
	KUNIT_EXPECT_EQ(test, goverify(h, NULL), 0);
	m = gotest_memstats(test, h);
	gotest_expect_identities(test, m);
	KUNIT_EXPECT_EQ_MSG(test, m->heap_objects, 0, "the case leaked");
	golifecycle_end(h);
	kfree(h);
}

void gotest_verify_exit(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	gotest_expect_identities(test, gotest_memstats(test, &goalloc_heap));
}

struct gospan *gotest_span_of(struct goheap *h, const void *p)
{
	struct gospan *s;

	preempt_disable();
	s = gospan_of(h, p);
	preempt_enable();
	return s;
}

struct goalloc_memstats *gotest_memstats(struct kunit *test, struct goheap *h)
{
	struct goalloc_memstats *m;

	m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m);
	gostats_read(h, m);
	return m;
}

void gotest_expect_identities(struct kunit *test,
			      const struct goalloc_memstats *m)
{
	u64 mallocs = 0, frees = 0;
	unsigned int i;

	for (i = 0; i < GOALLOC_NR_CLASSES; i++) {
		mallocs += m->by_size[i].mallocs;
		frees += m->by_size[i].frees;
	}
	KUNIT_EXPECT_EQ(test, m->heap_sys, m->heap_idle + m->heap_inuse);
	KUNIT_EXPECT_LE(test, m->heap_alloc, m->heap_inuse);
	KUNIT_EXPECT_EQ(test, m->heap_objects, m->mallocs - m->frees);
	KUNIT_EXPECT_EQ(test, m->alloc, m->heap_alloc);
	KUNIT_EXPECT_EQ(test, mallocs + m->cache_mallocs, m->mallocs);
	KUNIT_EXPECT_EQ(test, frees + m->cache_frees, m->frees);
	KUNIT_EXPECT_LE(test, m->cache_alloc, m->cache_total_alloc);
	KUNIT_EXPECT_LE(test, m->total_requested, m->total_alloc);
	KUNIT_EXPECT_LE(test, m->mspan_inuse, m->mspan_sys);
	KUNIT_EXPECT_LE(test, m->mcache_inuse, m->mcache_sys);
	KUNIT_EXPECT_EQ(test, m->sys, m->heap_sys + m->stack_sys +
			m->mspan_sys + m->mcache_sys + m->buck_hash_sys +
			m->gc_sys + m->other_sys + m->vmalloc_sys);
}

unsigned long gotest_fix_inuse(struct goheap *h, unsigned int kind)
{
	unsigned long n = 0;
	int nid;

	for_each_gonode(h, nid)
		n += h->node[nid]->fix[kind].inuse;
	return n;
}

size_t gotest_scavenge(struct goheap *h, bool all)
{
	struct goscavenge sc = {
		.who = GO_BY_BACKGROUND,
		.nid = NUMA_NO_NODE,
		.want_of = gobackground_excess,
		.until = U64_MAX,
	};

	if (all)
		return goscavenge_all(h);
	return goscavenge(h, &sc) << GO_PAGE_SHIFT;
}

bool gotest_warns;
module_param_named(warns, gotest_warns, bool, 0444);
MODULE_PARM_DESC(warns, "run what makes the kernel warn");

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "what random tests begin with; 0 for another each time");

void gotest_random(struct kunit *test, struct rnd_state *rnd)
{
	unsigned long s = seed ?: get_random_u32() | 1;

	kunit_info(test, "seed=%lu", s);
	prandom_seed_state(rnd, s);
}

MODULE_IMPORT_NS(GOALLOC_KUNIT_NS);
MODULE_DESCRIPTION("Tests of goalloc");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
