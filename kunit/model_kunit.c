// SPDX-License-Identifier: GPL-2.0
/*
 * The model: all of the API at random, beside something too dumb to be wrong.
 *
 * The model is one array of the address ranges that are live, sorted, under one
 * lock.  A range enters it when a call has returned it and leaves it before it
 * is freed; one that overlaps its neighbours is memory handed out twice.  Each
 * object is filled to its last usable byte with a byte of its own, looked for
 * when it is freed and at random times in between.  Every so often the model
 * and MemStats count objects and bytes, class by class, and must agree.
 *
 * Alone, with the thread moving from CPU to CPU, so that most objects are freed
 * elsewhere; and with a thread on each CPU, all of which swap objects through a
 * table.  The seed is printed; seed= repeats a run, steps= makes it longer.
 *
 * The free runs have a model of their own in runs_kunit.c.
 */

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "api.h"
#include "objects.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"

static unsigned long steps = IS_ENABLED(CONFIG_KASAN) ? 20000 : 200000;
module_param(steps, ulong, 0444);
MODULE_PARM_DESC(steps, "how many calls of the API the model is compared with");

/**
 * struct obj - what the model knows of an object
 * @p: where it is
 * @size: what it was asked for with
 * @usable: what gosize() said
 * @fill: the byte that all of it is filled with
 * @noscan: of gomalloc_noscan()
 * @resized: realloc has been here: only gosize() is its size for sure
 */
struct obj {
	u8 *p;
	size_t size;
	size_t usable;
	u8 fill;
	bool noscan;
	bool resized;
};

static bool is_tiny(const struct obj *o)
{
	return o->noscan && o->size < GO_TINY_SIZE && !o->resized;
}

/* All live ranges, sorted. */

struct extent {
	unsigned long start;
	unsigned long end;
	bool tiny;
};

/**
 * struct live - the model
 * @lock: of all that follows
 * @n: live ranges
 * @max: how many there is room for
 * @bytes: in them
 * @bad: what the model has found wrong
 * @range: by address
 */
struct live {
	spinlock_t lock;	/* the model is dumb: one lock for all of it */
	unsigned int n;
	unsigned int max;
	unsigned long bytes;
	unsigned long bad;
	struct extent *range;
};

/* How many ranges start below an address. */
static unsigned int below(const struct live *l, unsigned long addr)
{
	unsigned int lo = 0, hi = l->n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (l->range[mid].start < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool live_add(struct live *l, const struct obj *o)
{
	struct extent r = {
		.start = (unsigned long)o->p,
		.end = (unsigned long)o->p + o->usable,
		.tiny = is_tiny(o),
	};
	unsigned int i;
	bool ok;

	spin_lock(&l->lock);
	i = below(l, r.start);
	ok = (!i || l->range[i - 1].end <= r.start) &&
	     (i == l->n || r.end <= l->range[i].start) && l->n < l->max;
	if (ok) {
		memmove(&l->range[i + 1], &l->range[i],
			(l->n - i) * sizeof(r));
		l->range[i] = r;
		l->n++;
		l->bytes += o->usable;
	}
	spin_unlock(&l->lock);
	return ok;
}

static bool live_del(struct live *l, const struct obj *o)
{
	unsigned int i;
	bool ok;

	spin_lock(&l->lock);
	i = below(l, (unsigned long)o->p);
	ok = i < l->n && l->range[i].start == (unsigned long)o->p &&
	     l->range[i].end == l->range[i].start + o->usable;
	if (ok) {
		l->n--;
		l->bytes -= o->usable;
		memmove(&l->range[i], &l->range[i + 1],
			(l->n - i) * sizeof(l->range[0]));
	}
	spin_unlock(&l->lock);
	return ok;
}

/* One who plays. */

#define NR_OBJS		512
#define NR_SWAPS	64
#define MAX_BULK	32
#define MAX_BYTES	SZ_16M

/**
 * struct player - a thread and what it holds
 * @rnd: its chances
 * @live: the model
 * @swap: objects on their way to others; NULL when alone
 * @obj: what it holds
 * @bytes: in that
 * @serial: for fill bytes
 * @bad: what it has found wrong
 * @nulls: calls that returned nothing
 * @why: what was wrong first
 */
struct player {
	struct rnd_state rnd;
	struct live *live;
	struct obj **swap;
	struct obj obj[NR_OBJS];
	unsigned long bytes;
	unsigned int serial;
	unsigned long bad;
	unsigned long nulls;
	const char *why;
};

static void wrong(struct player *pl, const char *why)
{
	if (!pl->bad++)
		pl->why = why;
}

static void expect(struct player *pl, bool ok, const char *what)
{
	if (unlikely(!ok))
		wrong(pl, what);
}

static u32 rnd(struct player *pl, u32 n)
{
	return prandom_u32_state(&pl->rnd) % n;
}

static bool intact(const struct obj *o, size_t bytes)
{
	return !memchr_inv(o->p, o->fill, bytes);
}

/* Small ones mostly, around the edges of classes, and some of every size. */
static size_t any_size(struct player *pl)
{
	u32 r = rnd(pl, 1024);

	if (r < 500)
		return 1 + rnd(pl, 256);
	if (r < 800)
		return go_class_size[1 + rnd(pl, GO_NR_CLASSES - 1)] - 1 +
		       rnd(pl, 3);
	if (r < 900)
		return 1 + rnd(pl, GO_MAX_SMALL);
	if (r < 1000)
		return 1UL << rnd(pl, 16);
	if (r < 1022 || pl->bytes > MAX_BYTES / 2)
		return GO_MAX_SMALL + 1 + rnd(pl, SZ_128K);
	return 1 + rnd(pl, GOALLOC_MAX_SIZE);
}

static gfp_t any_gfp(struct player *pl)
{
	static const gfp_t gfps[] = {
		GFP_KERNEL, GFP_KERNEL, GFP_NOWAIT, GFP_ATOMIC, GFP_NOFS,
		GFP_NOIO, GFP_KERNEL | __GFP_NORETRY,
		GFP_KERNEL | __GFP_RETRY_MAYFAIL, GFP_KERNEL | __GFP_NOFAIL,
		GFP_KERNEL_ACCOUNT,
	};
	gfp_t gfp = gfps[rnd(pl, ARRAY_SIZE(gfps))];

	if (!rnd(pl, 4))
		gfp |= __GFP_ZERO;
	return gfp & __GFP_NOFAIL ? gfp : gfp | __GFP_NOWARN;
}

/* What a call has returned is looked at, filled and entered. */
static bool take(struct player *pl, struct obj *o, gfp_t gfp, void *p)
{
	o->p = p;
	if (!p) {
		expect(pl, !(gfp & __GFP_NOFAIL), "NULL, and __GFP_NOFAIL");
		pl->nulls++;
		return false;
	}
	o->usable = gosize(p);
	expect(pl, o->usable == (is_tiny(o) ? o->size :
				 gomalloc_size_roundup(o->size)), "gosize()");
	expect(pl, IS_ALIGNED((unsigned long)p, o->size & -o->size),
	       "alignment");
	if (!live_add(pl->live, o)) {
		/* Hands off: it is somebody else's. */
		wrong(pl, "an object overlaps another");
		o->p = NULL;
		return false;
	}
	if (gfp & __GFP_ZERO)
		expect(pl, !memchr_inv(p, 0, o->usable), "not zero");
	o->fill = ++pl->serial % 255 + 1;
	memset(p, o->fill, o->usable);
	pl->bytes += o->usable;
	return true;
}

/* Before it goes. */
static void leave(struct player *pl, struct obj *o)
{
	expect(pl, intact(o, o->usable), "contents");
	expect(pl, live_del(pl->live, o), "not in the model");
	pl->bytes -= o->usable;
}

static void *call_alloc(struct player *pl, struct obj *o, gfp_t *gfp)
{
	switch (rnd(pl, 10)) {
	case 0:
		*gfp |= __GFP_ZERO;
		return gozalloc(o->size, *gfp & ~__GFP_ZERO);
	case 1:
		return gomalloc_array(1, o->size, *gfp);
	case 2:
		*gfp |= __GFP_ZERO;
		return gocalloc(o->size, 1, *gfp);
	case 3:
		return gomalloc_node(o->size, *gfp, NUMA_NO_NODE);
	case 4:
		return gomalloc_node(o->size, *gfp, first_memory_node);
	case 5:
		return gorealloc(NULL, o->size, *gfp);
	case 6:
	case 7:
		o->noscan = true;
		return gomalloc_noscan(o->size, *gfp);
	default:
		return gomalloc(o->size, *gfp);
	}
}

static void do_alloc(struct player *pl, struct obj *o)
{
	gfp_t gfp = any_gfp(pl);
	void *p;

	memset(o, 0, sizeof(*o));
	o->size = any_size(pl);
	p = call_alloc(pl, o, &gfp);
	take(pl, o, gfp, p);
}

static void do_tiny(struct player *pl, struct obj *o)
{
	gfp_t gfp = any_gfp(pl);

	memset(o, 0, sizeof(*o));
	o->size = 1 + rnd(pl, GO_TINY_SIZE - 1);
	o->noscan = true;
	take(pl, o, gfp, gomalloc_noscan(o->size, gfp));
}

/* A copy of another object's bytes, or of as many as fit a string. */
static void do_dup(struct player *pl, struct obj *o)
{
	struct obj *from = &pl->obj[rnd(pl, NR_OBJS)];
	gfp_t gfp = any_gfp(pl) & ~__GFP_ZERO;
	char text[32];
	void *p;

	memset(o, 0, sizeof(*o));
	if (from != o && from->p && from->size <= GO_MAX_SMALL) {
		o->size = from->size;
		p = gomemdup(from->p, o->size, gfp);
		if (p)
			expect(pl, !memcmp(p, from->p, o->size), "gomemdup()");
	} else {
		o->size = 1 + rnd(pl, sizeof(text));
		memset(text, 'x', o->size - 1);
		text[o->size - 1] = 0;
		p = gostrdup(text, gfp);
		if (p)
			expect(pl, !strcmp(p, text), "gostrdup()");
	}
	take(pl, o, gfp, p);
}

/* Too much, or nothing. */
static void do_odd(struct player *pl)
{
	size_t huge = GOALLOC_MAX_SIZE + 1 + rnd(pl, SZ_1G);
	gfp_t gfp = any_gfp(pl);

	OPTIMIZER_HIDE_VAR(huge);
	expect(pl, !gomalloc(huge, gfp), "too large");
	expect(pl, !gomalloc_array(huge, SIZE_MAX / 2, gfp), "overflow");
	expect(pl, gomalloc(0, gfp) == ZERO_SIZE_PTR, "size 0");
	gofree(NULL);
	gofree(ZERO_SIZE_PTR);
}

static void do_realloc(struct player *pl, struct obj *o)
{
	gfp_t gfp = any_gfp(pl) & ~__GFP_ZERO;
	size_t size = rnd(pl, 4) ? any_size(pl) : 1 + rnd(pl, o->usable);
	struct obj old = *o;
	bool suits = IS_ALIGNED((unsigned long)o->p, size & -size);
	bool large = o->usable > GO_MAX_SMALL;
	/* Whole pages move when half of them can be left to others. */
	bool stays = suits && size <= o->usable &&
		     !(large && size <= o->usable / 2);
	void *p;

	leave(pl, o);
	if (rnd(pl, 2))
		p = gorealloc(o->p, size, gfp);
	else
		p = gorealloc_array(o->p, size, 1, gfp);
	if (p == old.p || !p) {
		/* It is where it was, or as it was. */
		expect(pl, p || !suits || size > o->usable, "cannot shrink");
		expect(pl, !p || suits, "realloc in place, alignment");
		expect(pl, !p || large || size <= o->usable, "grown in place");
		expect(pl, p || !(gfp & __GFP_NOFAIL), "no realloc");
		pl->nulls += !p;
		o->usable = gosize(old.p);
		expect(pl, p && size > old.usable ? o->usable >= size :
		       o->usable == old.usable, "realloc, gosize()");
		/* With init_on_alloc what is beyond the new size is zeroed. */
		expect(pl, intact(&old, min(p ? size : old.usable,
					    old.usable)), "realloc in place");
		memset(old.p, old.fill, o->usable);
		expect(pl, live_add(pl->live, o), "realloc in place, model");
		pl->bytes += o->usable;
		/* A tiny object is a tiny one still, whatever its size. */
		o->resized |= !is_tiny(o);
		return;
	}
	expect(pl, !stays, "moved, and did fit");
	old.p = p;
	expect(pl, intact(&old, min(old.size, size)), "realloc, moved");
	o->size = size;
	o->resized = false;
	take(pl, o, gfp, p);
}

struct with_rcu {
	u64 pad;
	struct rcu_head rcu;
};

/* As many as the size allows. */
static void call_free(struct player *pl, struct obj *o)
{
	struct with_rcu *r = (void *)o->p;

	switch (rnd(pl, 8)) {
	case 0:
		if (o->noscan)
			gofree(o->p);
		else
			gofree_sized(o->p, o->resized ? o->usable : o->size);
		break;
	case 1:
		gofree_sensitive(o->p);
		break;
	case 2:
		if (o->size >= sizeof(*r) && o->size <= 4096 && !o->resized &&
		    IS_ALIGNED((unsigned long)r, 8))
			gofree_rcu(r, rcu);
		else
			gofree(o->p);
		break;
	case 3:
		gofree_bulk(1, (void **)&o->p);
		break;
	case 4:
		expect(pl, gorealloc(o->p, 0, GFP_KERNEL) == ZERO_SIZE_PTR,
		       "realloc to 0");
		break;
	default:
		gofree(o->p);
	}
}

static void free_fn(void *p)
{
	gofree(p);
}

static void do_free(struct player *pl, struct obj *o)
{
	static const enum gotest_context contexts[] = {
		GOTEST_IRQS_OFF, GOTEST_RAW_LOCK, GOTEST_NMI,
	};

	leave(pl, o);
	if (rnd(pl, 64))
		call_free(pl, o);
	else
		gotest_run_in(contexts[rnd(pl, 3)], free_fn, o->p);
	o->p = NULL;
}

/* Many in a row, where there is room for them. */
static void do_bulk(struct player *pl)
{
	unsigned int first = rnd(pl, NR_OBJS - MAX_BULK), i, k = 0;
	size_t size = min_t(size_t, any_size(pl), SZ_64K), n;
	gfp_t gfp = any_gfp(pl);
	void *p[MAX_BULK];

	n = gomalloc_bulk(gfp, size, 1 + rnd(pl, MAX_BULK), p);
	if (!n) {
		expect(pl, !(gfp & __GFP_NOFAIL), "bulk, NULL");
		pl->nulls++;
		return;
	}
	for (i = 0; i < n; i++) {
		struct obj *o = &pl->obj[first + i];

		if (o->p)
			do_free(pl, o);
		memset(o, 0, sizeof(*o));
		o->size = size;
		take(pl, o, gfp, p[i]);
	}
	if (rnd(pl, 2))
		return;
	for (i = 0; i < n; i++) {
		struct obj *o = &pl->obj[first + i];

		if (!o->p)
			continue;
		leave(pl, o);
		p[k++] = o->p;
		o->p = NULL;
	}
	gofree_bulk(k, p);
}

/* Leave an object to whoever comes next, and have what the last one left. */
static void do_swap(struct player *pl, struct obj *o)
{
	struct obj *parcel = kmalloc(sizeof(*parcel), GFP_KERNEL), *got;

	if (!parcel)
		return;
	*parcel = *o;
	pl->bytes -= o->usable;
	o->p = NULL;
	got = xchg(&pl->swap[rnd(pl, NR_SWAPS)], parcel);
	if (!got)
		return;
	*o = *got;
	pl->bytes += o->usable;
	expect(pl, intact(o, o->usable), "contents, swapped");
	kfree(got);
}

static void with_object(struct player *pl, struct obj *o)
{
	u32 r = rnd(pl, 32);

	if (r < 3) {
		do_realloc(pl, o);
	} else if (r < 6) {
		expect(pl, intact(o, o->usable), "contents, looked at");
		expect(pl, gosize(o->p) == o->usable, "gosize(), later");
	} else if (r < 9 && pl->swap) {
		do_swap(pl, o);
	} else {
		do_free(pl, o);
	}
}

static void step(struct player *pl)
{
	struct obj *o = &pl->obj[rnd(pl, NR_OBJS)];
	u32 r;

	if (o->p) {
		with_object(pl, o);
		return;
	}
	/* Long stretches with many live, and with few. */
	if (pl->bytes > MAX_BYTES || (pl->serial >> 12 & 1 && rnd(pl, 4)))
		return;
	r = rnd(pl, 64);
	if (r == 0)
		do_bulk(pl);
	else if (r == 1)
		do_odd(pl);
	else if (r < 4)
		do_dup(pl, o);
	else if (r < 14)
		do_tiny(pl, o);
	else
		do_alloc(pl, o);
}

static void free_all(struct player *pl)
{
	unsigned int i;

	for (i = 0; i < NR_OBJS; i++)
		if (pl->obj[i].p)
			do_free(pl, &pl->obj[i]);
	expect(pl, !pl->bytes, "bytes are left");
}

/* What MemStats must say. */
struct count {
	u64 objects;
	u64 bytes;
	u64 large;
	u64 tiny;
	u64 class[GO_NR_CLASSES];
};

static unsigned int class_of(size_t usable)
{
	unsigned int c = 1;

	while (c < GO_NR_CLASSES && go_class_size[c] != usable)
		c++;
	return c % GO_NR_CLASSES;
}

/* Tiny objects are counted by the block. */
static void count_range(struct count *c, const struct extent *r,
			unsigned long *block)
{
	size_t usable = r->end - r->start;
	unsigned int class = class_of(usable);

	if (r->tiny) {
		c->tiny++;
		if (*block == r->start / GO_TINY_SIZE)
			return;
		*block = r->start / GO_TINY_SIZE;
		usable = GO_TINY_SIZE;
		class = GO_SPC_CLASS(GO_TINY_SPC);
	}
	c->objects++;
	c->bytes += usable;
	c->class[class]++;
	if (!class)
		c->large += usable;
}

/**
 * struct game - what a case has
 * @live: the model
 * @base: MemStats before
 * @now: and now
 * @count: what there should be
 */
struct game {
	struct live live;
	struct goalloc_memstats base;
	struct goalloc_memstats now;
	struct count count;
};

static struct game *game_new(struct kunit *test, unsigned int players)
{
	struct game *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, g);
	spin_lock_init(&g->live.lock);
	g->live.max = players * NR_OBJS + NR_SWAPS;
	g->live.range = kunit_kcalloc(test, g->live.max + 1,
				      sizeof(struct extent), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, g->live.range);
	gostats_read(&goalloc_heap, &g->base);
	return g;
}

/* Nobody plays now: MemStats and the model agree. */
static void compare(struct kunit *test, struct game *g)
{
	struct goalloc_memstats *m = &g->now, *b = &g->base;
	unsigned long block = 0;
	unsigned int i;
	u64 live;

	rcu_barrier();
	gotest_settle(&goalloc_heap);
	/* The blocks that CPUs keep for tiny objects count, too. */
	godrain_all(&goalloc_heap);
	memset(&g->count, 0, sizeof(g->count));
	for (i = 0; i < g->live.n; i++)
		count_range(&g->count, &g->live.range[i], &block);

	gostats_read(&goalloc_heap, m);
	gotest_expect_identities(test, m);
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	KUNIT_EXPECT_EQ(test, m->heap_objects - b->heap_objects,
			g->count.objects);
	KUNIT_EXPECT_EQ(test, m->heap_alloc - b->heap_alloc, g->count.bytes);
	KUNIT_EXPECT_EQ(test, m->large_alloc - b->large_alloc, g->count.large);
	KUNIT_EXPECT_EQ(test, (m->tiny_allocs - m->tiny_frees) -
			(b->tiny_allocs - b->tiny_frees), g->count.tiny);
	KUNIT_EXPECT_EQ(test, m->misuses, b->misuses);
	for (i = 0; i < GO_NR_CLASSES; i++) {
		live = m->by_size[i].mallocs - m->by_size[i].frees -
		       (b->by_size[i].mallocs - b->by_size[i].frees);
		KUNIT_EXPECT_EQ_MSG(test, live, g->count.class[i], "class %u",
				    i);
	}
}

static void report(struct kunit *test, const struct player *pl)
{
	KUNIT_EXPECT_EQ_MSG(test, pl->bad, 0, "first: %s", pl->why);
}

static struct player *player_new(struct kunit *test, struct game *g, u64 seed)
{
	struct player *pl = kvzalloc(sizeof(*pl), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pl);
	prandom_seed_state(&pl->rnd, seed);
	pl->live = &g->live;
	return pl;
}

static void move_to_any_cpu(struct player *pl)
{
	unsigned int cpu = rnd(pl, nr_cpu_ids);

	if (cpu_online(cpu))
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
}

static void model_alone(struct kunit *test)
{
	struct game *g = game_new(test, 1);
	struct rnd_state seed;
	struct player *pl;
	unsigned long i;

	gotest_random(test, &seed);
	pl = player_new(test, g, prandom_u32_state(&seed));
	for (i = 1; i <= steps && !pl->bad; i++) {
		step(pl);
		if (i % 16 == 0)
			cond_resched();
		if (i % 256 == 0)
			move_to_any_cpu(pl);
		if (i % 4096 == 0)
			compare(test, g);
		if (i % 32768 == 0)
			goalloc_free_os_memory();
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	free_all(pl);
	KUNIT_EXPECT_EQ(test, g->live.n, 0);
	KUNIT_EXPECT_EQ(test, g->live.bytes, 0);
	compare(test, g);
	report(test, pl);
	kunit_info(test, "%lu steps, %u objects, %lu calls without memory",
		   i - 1, pl->serial, pl->nulls);
	kvfree(pl);
}

/* A thread on each CPU. */

struct thread {
	struct player *pl;
	struct task_struct *task;
	struct completion done;
	unsigned long steps;
};

static int thread_fn(void *arg)
{
	struct thread *t = arg;
	unsigned long i;

	for (i = 1; i <= t->steps && !t->pl->bad; i++) {
		step(t->pl);
		if (i % 16 == 0)
			cond_resched();
		if (i % 65536 == 0)
			goalloc_free_os_memory();
	}
	kthread_complete_and_exit(&t->done, 0);
}

/* The first player frees what is still on its way. */
static void empty_swaps(struct player *pl, struct obj **swap)
{
	unsigned int i;

	for (i = 0; i < NR_SWAPS; i++) {
		if (!swap[i])
			continue;
		pl->bytes += swap[i]->usable;
		do_free(pl, swap[i]);
		kfree(swap[i]);
	}
}

static void model_together(struct kunit *test)
{
	unsigned int n = clamp(num_online_cpus(), 2U, 16U), i;
	struct game *g = game_new(test, n);
	struct thread *t = kunit_kcalloc(test, n, sizeof(*t), GFP_KERNEL);
	struct obj **swap = kunit_kcalloc(test, NR_SWAPS, sizeof(*swap),
					  GFP_KERNEL);
	unsigned int cpu = cpumask_first(cpu_online_mask);
	struct rnd_state seed;

	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_ASSERT_NOT_NULL(test, swap);
	gotest_random(test, &seed);
	for (i = 0; i < n; i++) {
		t[i].pl = player_new(test, g, prandom_u32_state(&seed));
		t[i].pl->swap = swap;
		t[i].steps = steps / n;
		init_completion(&t[i].done);
		t[i].task = kthread_create(thread_fn, &t[i], "gomodel/%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(t[i].task));
		kthread_bind(t[i].task, cpu);
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
	}
	for (i = 0; i < n; i++)
		wake_up_process(t[i].task);
	for (i = 0; i < n; i++)
		wait_for_completion(&t[i].done);
	compare(test, g);
	empty_swaps(t[0].pl, swap);
	for (i = 0; i < n; i++) {
		free_all(t[i].pl);
		report(test, t[i].pl);
		kvfree(t[i].pl);
	}
	KUNIT_EXPECT_EQ(test, g->live.n, 0);
	compare(test, g);
}

/* With all that goes on behind a heap's back. */
static int model_init(struct kunit *test)
{
	int err = gotest_api_init(test);

	gotest_background(true);
	return err;
}

static void model_exit(struct kunit *test)
{
	gotest_background(false);
	gotest_api_exit(test);
}

static struct kunit_case model_cases[] = {
	KUNIT_CASE_SLOW(model_alone),
	KUNIT_CASE_SLOW(model_together),
	{}
};

static struct kunit_suite model_suite = {
	.name = "goalloc_model",
	.init = model_init,
	.exit = model_exit,
	.test_cases = model_cases,
};

kunit_test_suites(&model_suite);
