// SPDX-License-Identifier: GPL-2.0
/*
 * A random graph in a collected heap, beside a model that knows what is reachable.
 *
 * Threads change graphs at random while cycles come as they like: each has nodes of
 * all sizes of its own, in one heap.  What a thread does to its graph it does to its
 * model, which has numbers in place of pointers.  Every so often the two are walked
 * side by side, and must be equal, with the contents of each node as they were
 * written.  So nothing that can be reached is lost.  When the threads have ended, two
 * cycles must leave just as many objects as the models reach.
 *
 * mutations= makes it longer; the seed is printed, and seed= repeats it.
 */

#include <linux/gogc.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "common.h"
#include "gc/gc.h"
#include "observe/observe.h"

static unsigned long mutations = IS_ENABLED(CONFIG_KASAN) ? 20000 : 200000;
module_param(mutations, ulong, 0444);
MODULE_PARM_DESC(mutations, "how often each thread changes its graph");

#define THREADS		3
#define ROOTS		32
#define EDGES		4
#define IDS		8192
#define NONE		0

/* A node of a graph: behind it are @bytes that its number says. */
struct vertex {
	struct vertex *edge[EDGES];
	u32 id;
	u32 bytes;
	u8 content[];
};

/* What the model knows of a node. */
struct shadow {
	u32 edge[EDGES];
	u32 bytes;
	bool used;
	bool seen;
};

/**
 * struct player - a thread, its graph and its model
 * @g: the heap
 * @rnd: its random numbers
 * @root: where its graph begins
 * @root_id: the same of the model
 * @shadow: by number
 * @queue: of numbers, for a walk
 * @node: of nodes, for the same walk
 * @last: the last number that was given
 * @wrong: differences that were found
 * @failed: allocations that were
 * @done: it has ended
 */
struct player {
	struct gogc *g;
	struct rnd_state rnd;
	struct vertex *root[ROOTS];
	u32 root_id[ROOTS];
	struct shadow shadow[IDS];
	u32 queue[IDS];
	struct vertex *node[IDS];
	u32 last;
	unsigned long wrong;
	unsigned long failed;
	struct completion done;
};

static u32 draw(struct player *p, u32 n)
{
	return prandom_u32_state(&p->rnd) % n;
}

/* No four bytes of it, with zeroes behind, are an address of UML's memory. */
static u8 content_of(u32 id, u32 i)
{
	return 0xc0 | (id * 31 + i);
}

/* A place for a pointer, in both. */
struct place {
	struct vertex **slot;
	u32 *id;
};

/* A place that can be reached: a root, or an edge at the end of a random path. */
static struct place draw_place(struct player *p)
{
	unsigned int r = draw(p, ROOTS), steps = draw(p, 12), e;
	struct place at = { &p->root[r], &p->root_id[r] };

	while (steps-- && *at.id) {
		e = draw(p, EDGES);
		at.slot = &(*at.slot)->edge[e];
		at.id = &p->shadow[*at.id].edge[e];
	}
	return at;
}

/* Is a node what the model says? */
static bool is_intact(const struct vertex *n, u32 id, const struct shadow *s)
{
	u32 i;

	if (n->id != id || n->bytes != s->bytes)
		return false;
	for (i = 0; i < s->bytes; i++)
		if (n->content[i] != content_of(id, i))
			return false;
	return true;
}

static void reach(struct player *p, const struct vertex *n, u32 id, u32 *tail)
{
	if (!n != !id)
		p->wrong++;
	if (!n || !id || p->shadow[id].seen)
		return;
	p->shadow[id].seen = true;
	p->queue[*tail] = id;
	p->node[(*tail)++] = (struct vertex *)n;
}

/* Walk both, and compare; numbers that cannot be reached are free again. */
static u32 compare(struct player *p)
{
	u32 head, tail = 0, i;
	struct shadow *s;
	struct vertex *n;

	for (i = 0; i < IDS; i++)
		p->shadow[i].seen = false;
	guard(gogc)(p->g);
	for (i = 0; i < ROOTS; i++)
		reach(p, p->root[i], p->root_id[i], &tail);
	for (head = 0; head < tail && !p->wrong; head++) {
		n = p->node[head];
		s = &p->shadow[p->queue[head]];
		p->wrong += !is_intact(n, p->queue[head], s);
		for (i = 0; i < EDGES; i++)
			reach(p, n->edge[i], s->edge[i], &tail);
	}
	for (i = 0; i < IDS; i++)
		p->shadow[i].used = p->shadow[i].seen;
	return tail;
}

/* A number that no node has; the graph is cut down when there is none. */
static u32 new_id(struct player *p)
{
	u32 tries = IDS, i;

	while (tries--) {
		p->last = p->last % (IDS - 1) + 1;
		if (!p->shadow[p->last].used)
			return p->last;
	}
	if (compare(p) < IDS / 2)
		return new_id(p);
	for (i = 0; i < ROOTS; i++)
		if (i % 4) {
			gogc_store(p->g, &p->root[i], NULL);
			p->root_id[i] = NONE;
		}
	return NONE;
}

static u32 draw_bytes(struct player *p)
{
	u32 r = draw(p, 1000);

	if (r == 0)
		return 33000 + draw(p, 30000);
	return r < 20 ? draw(p, 8000) : draw(p, 200);
}

/* A new node, whose edges lead to what can be reached. */
static struct vertex *make_node(struct player *p, u32 id)
{
	u32 bytes = draw_bytes(p), i;
	struct shadow *s = &p->shadow[id];
	struct place to;
	struct vertex *n = gogc_alloc(p->g, struct_size(n, content, bytes),
				    GFP_KERNEL);

	if (!n) {
		p->failed++;
		return NULL;
	}
	memset(s, 0, sizeof(*s));
	n->id = id;
	n->bytes = bytes;
	s->bytes = bytes;
	s->used = true;
	for (i = 0; i < bytes; i++)
		n->content[i] = content_of(id, i);
	for (i = 0; i < EDGES; i++) {
		to = draw_place(p);
		n->edge[i] = *to.slot;
		s->edge[i] = *to.id;
	}
	return n;
}

static void mutate(struct player *p)
{
	struct place at, from;
	struct vertex *n;
	u32 id;

	guard(gogc)(p->g);
	switch (draw(p, 8)) {
	case 0 ... 3:
		id = new_id(p);
		n = id ? make_node(p, id) : NULL;
		if (!n)
			return;
		at = draw_place(p);
		*at.id = id;
		gogc_store(p->g, at.slot, n);
		break;
	case 4 ... 6:
		at = draw_place(p);
		from = draw_place(p);
		id = *from.id;
		n = *from.slot;
		gogc_store(p->g, from.slot, *at.slot);
		*from.id = *at.id;
		gogc_store(p->g, at.slot, n);
		*at.id = id;
		break;
	default:
		at = draw_place(p);
		gogc_store(p->g, at.slot, NULL);
		*at.id = NONE;
	}
}

static int play(void *data)
{
	struct player *p = data;
	unsigned long i;

	for (i = 0; i < mutations && !p->wrong; i++) {
		mutate(p);
		if (i % 4096 == 0) {
			if (draw(p, 4) == 0)
				gogc_collect(p->g);
			compare(p);
		}
		cond_resched();
	}
	complete(&p->done);
	return 0;
}

static struct player *new_player(struct kunit *test, struct gogc *g,
				 struct rnd_state *rnd)
{
	struct player *p = vzalloc(sizeof(*p));

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->g = g;
	prandom_seed_state(&p->rnd, prandom_u32_state(rnd));
	init_completion(&p->done);
	KUNIT_ASSERT_EQ(test, gogc_add_roots(g, p->root, ROOTS), 0);
	return p;
}

static void expect_objects(struct kunit *test, struct gogc *g, u64 n)
{
	struct goalloc_memstats *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	gogc_collect(g);
	gogc_collect(g);
	gogc_read_memstats(g, m);
	gotest_expect_identities(test, m);
	/* A word of content may look like a pointer, but hardly ever does. */
	KUNIT_EXPECT_GE(test, m->heap_objects, n);
	KUNIT_EXPECT_LE(test, m->heap_objects, n + 3);
	kunit_info(test, "%llu cycles, %llu objects, %llu allocated, pauses %llu us\n",
		   m->num_gc, m->heap_objects, m->mallocs,
		   div_u64(m->pause_total_ns, 1000));
}

static void run_players(struct kunit *test, unsigned int threads, int percent)
{
	struct gogc_options options = { .name = "graph", .percent = percent };
	struct gogc *g = gogc_create(&options);
	struct player *p[THREADS];
	struct task_struct *task;
	struct rnd_state rnd;
	unsigned int i;
	u64 n = 0;

	KUNIT_ASSERT_FALSE(test, IS_ERR(g));
	gotest_random(test, &rnd);
	for (i = 0; i < threads; i++)
		p[i] = new_player(test, g, &rnd);
	for (i = 0; i < threads; i++) {
		task = kthread_run(play, p[i], "gogc_graph");
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	}
	for (i = 0; i < threads; i++)
		wait_for_completion(&p[i]->done);
	for (i = 0; i < threads; i++) {
		n += compare(p[i]);
		KUNIT_EXPECT_EQ(test, p[i]->wrong, 0);
		KUNIT_EXPECT_EQ(test, p[i]->failed, 0);
	}
	expect_objects(test, g, n);
	for (i = 0; i < threads; i++) {
		compare(p[i]);
		KUNIT_EXPECT_EQ(test, p[i]->wrong, 0);
		memset(p[i]->root, 0, sizeof(p[i]->root));
	}
	expect_objects(test, g, 0);
	KUNIT_EXPECT_EQ(test, goverify(&gogcheap_of(g)->heap, NULL), 0);
	KUNIT_EXPECT_EQ(test, gogc_destroy(g), 0);
	for (i = 0; i < threads; i++)
		vfree(p[i]);
}

static void one_thread(struct kunit *test)
{
	run_players(test, 1, 5);
}

static void threads(struct kunit *test)
{
	run_players(test, THREADS, 10);
}

static struct kunit_case gc_graph_cases[] = {
	KUNIT_CASE(one_thread),
	KUNIT_CASE(threads),
	{}
};

static struct kunit_suite gc_graph_suite = {
	.name = "goalloc_gc_graph",
	.test_cases = gc_graph_cases,
};

kunit_test_suite(gc_graph_suite);
