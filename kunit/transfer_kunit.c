// SPDX-License-Identifier: GPL-2.0
/*
 * Transfer caches: magazines change hands whole, within a share, and go home
 * when nobody needs them; objects of several nodes are parted; none is lost
 * when storage is short.
 *
 * All of it on a private heap, where nothing else moves.  The conservation law
 * is checked after each case.
 */

#include "../transfer.c"

#include <linux/slab.h>
#include "alloc.h"
#include "heap.h"
#include "mcache.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "source.h"

#define SPC_64		GO_SPC(6, 0)
#define MANY		1000

/* Objects of one class, and the transfer cache of this CPU's node. */
struct lot {
	struct goheap *h;
	struct gomcache *c;
	struct gostack *s;
	struct gotransfer *t;
	struct gocentral *central;
	unsigned int n;
	void *p[MANY];
};

static void lot_alloc(struct kunit *test, struct lot *l, unsigned int n)
{
	while (l->n < n) {
		l->p[l->n] = gotest_alloc(l->h, SPC_64, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, l->p[l->n]);
		l->n++;
	}
}

static void lot_free(struct lot *l, unsigned int n)
{
	while (n--)
		gotest_free(l->h, l->p[--l->n]);
}

/* A stack of two magazines, and storage for all that a lot may leave. */
static struct lot *lot_new(struct kunit *test)
{
	struct lot *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, l);
	l->h = gotest_heap(test);
	l->c = gotest_pin(test, l->h);
	l->s = &l->c->stack[SPC_64];
	l->central = &gonuma_heap(l->h, NUMA_NO_NODE)->central[SPC_64];
	l->t = &l->central->node->transfer[SPC_64];
	for (i = 0; i < 8; i++) {
		lot_alloc(test, l, MANY);
		lot_free(l, MANY);
		gotest_settle(l->h);
	}
	KUNIT_ASSERT_NOT_NULL(test, gostack_other(l->s));
	return l;
}

/* The objects that the stack and the transfer cache have. */
static unsigned long lot_cached(const struct lot *l)
{
	return gostack_peek(l->s) + l->t->objects;
}

/* As the background does: a tick marks, and turns give up. */
static void lot_tick(struct lot *l)
{
	gotransfer_mark_idle(l->t);
	while (gotransfer_trim_idle(l->t))
		;
}

/* What is freed goes round without its spans. */
static void transfer_exchanges(struct kunit *test)
{
	struct lot *l = lot_new(test);
	unsigned long refilled, freed;

	KUNIT_EXPECT_GE(test, lot_cached(l), MANY);
	KUNIT_EXPECT_GT(test, l->t->nfull, 0);
	refilled = lot_cached(l);
	lot_alloc(test, l, MANY);
	KUNIT_EXPECT_EQ(test, lot_cached(l), refilled - MANY);
	freed = lot_cached(l);
	lot_free(l, MANY);
	KUNIT_EXPECT_EQ(test, lot_cached(l), freed + MANY);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, l->h)->heap_objects, 0);
}

/*
 * At the edge of a magazine, allocations and frees in turn only go from one of
 * the stack's two to the other.
 */
static void transfer_does_not_thrash(struct kunit *test)
{
	struct lot *l = lot_new(test);
	unsigned int i, nfull;

	while (gostack_n(l->s) || gostack_other(l->s)->n)
		lot_alloc(test, l, l->n + 1);
	/* One full, one empty. */
	lot_free(l, gostack_cap(l->s));
	nfull = l->t->nfull;
	for (i = 0; i < 20; i++) {
		lot_free(l, 2);
		lot_alloc(test, l, l->n + 4);
		lot_free(l, 2);
	}
	KUNIT_EXPECT_EQ(test, l->t->nfull, nfull);
	lot_free(l, l->n);
}

/* What does not fit goes to its spans. */
static void transfer_keeps_its_share(struct kunit *test)
{
	struct lot *l = lot_new(test);

	lot_alloc(test, l, MANY);
	l->t->most = l->t->nfull + 2;
	lot_free(l, MANY);
	KUNIT_EXPECT_EQ(test, l->t->nfull, l->t->most);
	KUNIT_EXPECT_EQ(test, goverify(l->h, NULL), 0);
	KUNIT_EXPECT_LT(test, lot_cached(l), MANY);
}

/* A stack that gives way leaves no storage beyond what there is a use for. */
static void transfer_bounds_empties(struct kunit *test)
{
	struct lot *l = lot_new(test);
	struct gomagazine *m, *empty = gotransfer_new(l->h, l->t->cap);

	KUNIT_ASSERT_NOT_NULL(test, empty);
	preempt_disable();
	m = gotransfer_take(l->t, empty);
	if (m) {
		l->t->most = l->t->nfull + l->t->nempty;
		KUNIT_EXPECT_TRUE(test, gotransfer_store(l->h, SPC_64, m));
		KUNIT_EXPECT_EQ(test, l->t->nfull + l->t->nempty, l->t->most);
	}
	preempt_enable();
	KUNIT_EXPECT_NOT_NULL(test, m);
}

/* Nor does what would be too much with what other classes have. */
static void transfer_shares_with_all(struct kunit *test)
{
	struct lot *l = lot_new(test);
	unsigned int nfull;

	lot_alloc(test, l, MANY);
	nfull = l->t->nfull;
	atomic_long_add(GO_TRANSFER_LEAST, &l->t->node->transferred[false]);
	lot_free(l, MANY);
	KUNIT_EXPECT_EQ(test, l->t->nfull, nfull);
	atomic_long_sub(GO_TRANSFER_LEAST, &l->t->node->transferred[false]);
	lot_alloc(test, l, MANY);
	lot_free(l, MANY);
	KUNIT_EXPECT_GT(test, l->t->nfull, nfull);
}

/* What is not needed for a whole tick goes, with its storage. */
static void transfer_trims_idle(struct kunit *test)
{
	struct lot *l = lot_new(test);
	unsigned int had;

	lot_tick(l);
	had = l->t->nfull;
	KUNIT_EXPECT_GT(test, had, 2);
	/* All but two are needed in this tick. */
	while (l->t->nfull > 2)
		lot_alloc(test, l, l->n + 1);
	lot_free(l, l->n);
	had = l->t->nfull;
	lot_tick(l);
	KUNIT_EXPECT_EQ(test, l->t->nfull, had - 2);
	lot_tick(l);
	KUNIT_EXPECT_EQ(test, l->t->nfull, 0);
	lot_tick(l);
	KUNIT_EXPECT_EQ(test, l->t->nempty, 0);
	KUNIT_EXPECT_EQ(test, l->t->objects, 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&l->t->node->transferred[false]), 0);
	godrain_all(l->h);
	KUNIT_EXPECT_EQ(test, storage_fix(l->t->node, l->t->cap)->inuse, 0);
}

/* Ticks and turns do that, and ticks go on until nothing is left. */
static void transfer_keeps_ticking(struct kunit *test)
{
	struct lot *l = lot_new(test);
	struct gomagazine *m;
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_GT(test, l->t->nfull, 0);
		gobackground_tick(l->h);
	}
	while (gobackground_turn(l->h))
		;
	KUNIT_EXPECT_EQ(test, l->t->nfull, 0);

	godrain_all(l->h);
	goscavenge_all(l->h);
	KUNIT_EXPECT_FALSE(test, gobackground_tick(l->h));
	m = gotransfer_new(l->h, l->t->cap);
	KUNIT_ASSERT_NOT_NULL(test, m);
	raw_spin_lock_irqsave(&l->t->lock, flags);
	push_empty(l->t, m);
	raw_spin_unlock_irqrestore(&l->t->lock, flags);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_TRUE(test, gobackground_tick(l->h));
	gobackground_turn(l->h);
	KUNIT_EXPECT_FALSE(test, gobackground_tick(l->h));
}

/* The kernel is told of what lies there. */
static void transfer_is_counted(struct kunit *test)
{
	struct lot *l = lot_new(test);
	int nid = l->central->node->nid;
	unsigned long n = goshrink_count(l->h, nid);

	atomic_long_add(64 * PAGE_SIZE, &l->t->node->transferred[false]);
	KUNIT_EXPECT_EQ(test, goshrink_count(l->h, nid), n + 64);
	atomic_long_sub(64 * PAGE_SIZE, &l->t->node->transferred[false]);
}

/* A background that rests is told that there is something again. */
static void transfer_ends_rest(struct kunit *test)
{
	struct lot *l = lot_new(test);

	lot_alloc(test, l, MANY);
	gotransfer_flush(l->t, UINT_MAX);
	WRITE_ONCE(l->h->rest, GO_RESTING);
	while (!l->t->nfull && l->n)
		lot_free(l, 1);
	KUNIT_EXPECT_GT(test, l->n, 0);
	gotest_settle(l->h);
	KUNIT_EXPECT_NE(test, l->h->rest, GO_RESTING);
	cancel_delayed_work_sync(&l->h->background);
	lot_free(l, l->n);
}

/* What transfer caches hold keeps no heap growing: its spans go first. */
static void transfer_gives_way_to_growth(struct kunit *test)
{
	struct lot *l = lot_new(test);
	struct gonode *node = l->central->node;
	struct gospan *s;

	lot_alloc(test, l, MANY);
	lot_free(l, MANY);
	KUNIT_EXPECT_GT(test, l->t->nfull, 0);
	s = gosource_pages(l->h, node->nid, GO_ARENA_PAGES, 1, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, l->t->nfull, 0);
	if (s)
		goheap_free(l->h, s);
}

/* Storage is out: the objects go to their spans, and the worker gets more. */
static void transfer_without_storage(struct kunit *test)
{
	struct lot *l = lot_new(test);
	struct gofixalloc *fix = storage_fix(l->t->node, l->t->cap);
	void **taken, *first = NULL;

	lot_alloc(test, l, MANY);
	gotransfer_flush_all(l->t->node);
	KUNIT_EXPECT_EQ(test, l->t->nempty, 0);
	l->t->most = 2;
	disable_work_sync(&l->h->work);
	while ((taken = gofixalloc_pop(fix))) {
		*taken = first;
		first = taken;
	}
	lot_free(l, MANY);
	KUNIT_EXPECT_EQ(test, l->t->nfull, 0);
	/* No more than there is room for, however many were lacking. */
	KUNIT_EXPECT_EQ(test, l->t->wanted, l->t->most);
	while ((taken = first)) {
		first = *taken;
		gofixalloc_free(l->h, taken);
	}
	enable_work(&l->h->work);
	gotransfer_top_up(l->t, GFP_KERNEL);
	KUNIT_EXPECT_GT(test, l->t->nempty, 0);
	KUNIT_EXPECT_EQ(test, l->t->wanted, 0);
	lot_alloc(test, l, MANY);
	lot_free(l, MANY);
	KUNIT_EXPECT_GT(test, l->t->nfull, 0);
}

/* A context that goes past the mcaches finds what lies here, too. */
static void take_one(void *arg)
{
	struct lot *l = arg;
	struct goslot slot = {};

	if (!gotransfer_take_one(l->t, 64, &slot))
		return;
	l->p[l->n++] = slot.obj;
	if (slot.state)
		*slot.state = GO_OBJ_LIVE;
}

static void transfer_serves_nmi(struct kunit *test)
{
	struct lot *l = lot_new(test);
	unsigned long flags, objects = l->t->objects;

	gotest_run_in(GOTEST_NMI, take_one, l);
	KUNIT_ASSERT_EQ(test, l->n, 1);
	KUNIT_EXPECT_EQ(test, l->t->objects, objects - 1);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, l->h)->heap_objects, 1);

	/* Without SMP a spinlock is nothing that could be taken. */
	raw_spin_lock_irqsave(&l->t->lock, flags);
	if (IS_ENABLED(CONFIG_SMP))
		gotest_run_in(GOTEST_NMI, take_one, l);
	raw_spin_unlock_irqrestore(&l->t->lock, flags);
	KUNIT_EXPECT_EQ(test, l->n, 1);
	lot_free(l, 1);
}

/* Objects of several nodes on one stack: each goes to its own. */
static void transfer_parts_nodes(struct kunit *test)
{
	struct lot *l = lot_new(test);
	struct gonode *here = l->central->node, *there = NULL;
	struct gomagazine *m;
	unsigned int i;
	int nid;

	for_each_gonode(l->h, nid)
		if (l->h->node[nid] != here)
			there = l->h->node[nid];
	if (!there)
		kunit_skip(test, "one node");
	godrain_all(l->h);
	gotransfer_flush(l->t, UINT_MAX);
	for (i = 0; i < MANY; i++)
		l->p[i] = goalloc_on_node(l->h, i % 3 ? there->nid : here->nid,
					  SPC_64, 64, GFP_KERNEL, GO_OBJ_LIVE, _RET_IP_);
	l->n = MANY;
	lot_free(l, MANY);
	gotest_settle(l->h);
	KUNIT_EXPECT_GT(test, here->transfer[SPC_64].nfull +
			      there->transfer[SPC_64].nfull, 0);
	preempt_disable();
	for (m = here->transfer[SPC_64].full; m; m = m->next)
		for (i = 0; i < m->n; i++)
			KUNIT_EXPECT_PTR_EQ(test, node_of(l->h, &m->slot[i]),
					    here);
	for (m = there->transfer[SPC_64].full; m; m = m->next)
		for (i = 0; i < m->n; i++)
			KUNIT_EXPECT_PTR_EQ(test, node_of(l->h, &m->slot[i]),
					    there);
	preempt_enable();
}

/* Whatever is wrong is said. */
static void transfer_is_checked(struct kunit *test)
{
	struct lot *l = lot_new(test);
	struct gomagazine *m = l->t->full;

	KUNIT_EXPECT_EQ(test, goverify(l->h, NULL), 0);
	l->t->objects++;
	KUNIT_EXPECT_GT(test, goverify(l->h, NULL), 0);
	l->t->objects--;
	l->t->nfull++;
	KUNIT_EXPECT_GT(test, goverify(l->h, NULL), 0);
	l->t->nfull--;
	l->t->nempty++;
	KUNIT_EXPECT_GT(test, goverify(l->h, NULL), 0);
	l->t->nempty--;
	l->t->most -= 1 + l->t->most - l->t->nfull;
	KUNIT_EXPECT_GT(test, goverify(l->h, NULL), 0);
	l->t->most = l->t->nfull;
	if (m->slot[0].state && static_branch_likely(&goalloc_check)) {
		*m->slot[0].state = GO_OBJ_LIVE;
		KUNIT_EXPECT_GT(test, goverify(l->h, NULL), 0);
		*m->slot[0].state = GO_OBJ_FREE;
	}
	KUNIT_EXPECT_EQ(test, goverify(l->h, NULL), 0);
}

static struct kunit_case transfer_cases[] = {
	KUNIT_CASE(transfer_exchanges),
	KUNIT_CASE(transfer_does_not_thrash),
	KUNIT_CASE(transfer_keeps_its_share),
	KUNIT_CASE(transfer_bounds_empties),
	KUNIT_CASE(transfer_shares_with_all),
	KUNIT_CASE(transfer_trims_idle),
	KUNIT_CASE(transfer_keeps_ticking),
	KUNIT_CASE(transfer_is_counted),
	KUNIT_CASE(transfer_ends_rest),
	KUNIT_CASE(transfer_gives_way_to_growth),
	KUNIT_CASE(transfer_without_storage),
	KUNIT_CASE(transfer_serves_nmi),
	KUNIT_CASE(transfer_parts_nodes),
	KUNIT_CASE(transfer_is_checked),
	{}
};

static struct kunit_suite transfer_suite = {
	.name = "goalloc_transfer",
	.init = gotest_heap_init,
	.exit = gotest_heap_exit,
	.test_cases = transfer_cases,
};

kunit_test_suite(transfer_suite);
