// SPDX-License-Identifier: GPL-2.0
/*
 * The model: all of the API at random, beside something too dumb to be wrong.
 *
 * Players make the calls and keep the model: see player.h.  Every so often the
 * model, MemStats and the owners count objects and bytes, class by class, and must
 * agree.
 *
 * Alone, with the thread moving from CPU to CPU, so that most objects are freed
 * elsewhere, and taking turns as one module and another; and with a thread on each
 * CPU, all of which swap objects through a table.  The seed is printed; seed=
 * repeats a run, steps= makes it longer.
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
#include "hooks.h"
#include "observe/observe.h"
#include "owner.h"
#include "player.h"
#include "reclaim/reclaim.h"

static unsigned long steps = IS_ENABLED(CONFIG_KASAN) ? 20000 : 200000;
module_param(steps, ulong, 0444);
MODULE_PARM_DESC(steps, "how many calls of the API the model is compared with");

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
static void count_range(struct count *c, const struct gotest_extent *r,
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

/* What an owner has. */
struct held {
	u64 objects;
	u64 bytes;
};

/* The other module that a player is at times; it does not exist. */
static struct module other = { .name = "other" };

/**
 * struct game - what a case has
 * @owner: this module's number, and the other's; both the same with check=0, where
 *	there are none
 * @held: what these had before
 * @live: the model
 * @base: MemStats before
 * @now: and now
 * @count: what there should be
 */
struct game {
	u8 owner[2];
	struct held held[2];
	struct gotest_live live;
	struct goalloc_memstats base;
	struct goalloc_memstats now;
	struct count count;
};

static struct held held_by(struct kunit *test, u8 owner)
{
	struct goowners_count *all, *c;
	struct held h = {};
	unsigned int i;

	mutex_lock(&goowners_lock);
	all = goowners_count(&goalloc_heap);
	mutex_unlock(&goowners_lock);
	KUNIT_ASSERT_NOT_NULL(test, all);
	c = all + (owner - GO_OBJ_LIVE) * GOOWNERS_CLASSES;
	for (i = 0; i < GOOWNERS_CLASSES; i++) {
		h.objects += c[i].objects;
		h.bytes += c[i].bytes;
	}
	kvfree(all);
	return h;
}

static void take_owners(struct kunit *test, struct game *g)
{
	unsigned int i;

	g->owner[0] = __goalloc_owner;
	g->owner[1] = __goalloc_owner;
	if (!static_key_enabled(&goalloc_check))
		return;
	mutex_lock(&goowners_lock);
	g->owner[1] = goowner_take(&other, false);
	mutex_unlock(&goowners_lock);
	KUNIT_ASSERT_NE(test, g->owner[1], GO_OWNER_UNKNOWN);
	for (i = 0; i < 2; i++)
		g->held[i] = held_by(test, g->owner[i]);
}

static void leave_owners(struct game *g)
{
	__goalloc_owner = g->owner[0];
	if (!static_key_enabled(&goalloc_check))
		return;
	mutex_lock(&goowners_lock);
	goowner_leave(g->owner[1], false);
	mutex_unlock(&goowners_lock);
}

/* The model and the owners agree, tiny objects included. */
static void compare_owners(struct kunit *test, const struct game *g)
{
	const struct gotest_extent *r = g->live.range;
	struct held should[2] = {}, is;
	unsigned int i, k;

	if (!static_key_enabled(&goalloc_check))
		return;
	for (i = 0; i < g->live.n; i++) {
		k = r[i].owner == g->owner[1];
		should[k].objects++;
		should[k].bytes += r[i].end - r[i].start;
	}
	for (k = 0; k < 2; k++) {
		is = held_by(test, g->owner[k]);
		KUNIT_EXPECT_EQ(test, is.objects - g->held[k].objects,
				should[k].objects);
		KUNIT_EXPECT_EQ(test, is.bytes - g->held[k].bytes,
				should[k].bytes);
	}
}

static struct game *game_new(struct kunit *test, unsigned int players)
{
	struct game *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, g);
	spin_lock_init(&g->live.lock);
	g->live.max = players * GOTEST_PLAYER_OBJS + GOTEST_PLAYER_SWAPS;
	g->live.range = kunit_kcalloc(test, g->live.max + 1,
				      sizeof(struct gotest_extent), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, g->live.range);
	take_owners(test, g);
	gostats_read(&goalloc_heap, &g->base);
	return g;
}

/* While no player moves, MemStats and the model agree. */
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
	compare_owners(test, g);
}

static void report(struct kunit *test, const struct gotest_player *pl)
{
	KUNIT_EXPECT_EQ_MSG(test, pl->bad, 0, "first: %s", pl->why);
}

static struct gotest_player *player_new(struct kunit *test, struct game *g, u64 seed)
{
	struct gotest_player *pl = kvzalloc(sizeof(*pl), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pl);
	prandom_seed_state(&pl->rnd, seed);
	pl->live = &g->live;
	return pl;
}

static void move_to_any_cpu(struct gotest_player *pl)
{
	unsigned int cpu = gotest_player_random(pl, nr_cpu_ids);

	if (cpu_online(cpu))
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
}

static void model_alone(struct kunit *test)
{
	struct game *g = game_new(test, 1);
	struct rnd_state seed;
	struct gotest_player *pl;
	unsigned long i;

	gotest_random(test, &seed);
	pl = player_new(test, g, prandom_u32_state(&seed));
	for (i = 1; i <= steps && !pl->bad; i++) {
		__goalloc_owner = g->owner[gotest_player_random(pl, 2)];
		gotest_player_step(pl);
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
	gotest_player_free_all(pl);
	KUNIT_EXPECT_EQ(test, g->live.n, 0);
	KUNIT_EXPECT_EQ(test, g->live.bytes, 0);
	compare(test, g);
	report(test, pl);
	kunit_info(test, "%lu steps, %u objects, %lu calls without memory",
		   i - 1, pl->serial, pl->nulls);
	kvfree(pl);
	leave_owners(g);
}

/* A thread on each CPU. */

struct thread {
	struct gotest_player *pl;
	struct task_struct *task;
	struct completion done;
	unsigned long steps;
};

static int thread_fn(void *arg)
{
	struct thread *t = arg;
	unsigned long i;

	for (i = 1; i <= t->steps && !t->pl->bad; i++) {
		gotest_player_step(t->pl);
		if (i % 16 == 0)
			cond_resched();
		if (i % 65536 == 0)
			goalloc_free_os_memory();
	}
	kthread_complete_and_exit(&t->done, 0);
}

/* The first player frees what is still on its way. */
static void empty_swaps(struct gotest_player *pl, struct gotest_obj **swap)
{
	unsigned int i;

	for (i = 0; i < GOTEST_PLAYER_SWAPS; i++) {
		if (!swap[i])
			continue;
		pl->bytes += swap[i]->usable;
		gotest_player_free(pl, swap[i]);
		kfree(swap[i]);
	}
}

static void model_together(struct kunit *test)
{
	unsigned int n = clamp(num_online_cpus(), 2U, 16U), i;
	struct game *g = game_new(test, n);
	struct thread *t = kunit_kcalloc(test, n, sizeof(*t), GFP_KERNEL);
	struct gotest_obj **swap = kunit_kcalloc(test, GOTEST_PLAYER_SWAPS, sizeof(*swap),
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
		gotest_player_free_all(t[i].pl);
		report(test, t[i].pl);
		kvfree(t[i].pl);
	}
	KUNIT_EXPECT_EQ(test, g->live.n, 0);
	compare(test, g);
	leave_owners(g);
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
