// SPDX-License-Identifier: GPL-2.0
/*
 * Collected heaps: what stays, what goes, and when a cycle may begin.
 *
 * Cases that need a cycle to stop on its way hold the lock of the roots: a cycle that
 * has begun to mark waits for it, with nothing scanned yet.  Random graphs are in
 * gc_graph_kunit.c.
 */

#include <linux/delay.h>
#include <linux/gogc.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>
#include "api.h"
#include "common.h"
#include "gc/gc.h"
#include "observe/observe.h"

#define SLOW		(IS_ENABLED(CONFIG_KASAN))

struct vertex {
	struct vertex *next;
	unsigned long id;
};

/* A case's heap and its roots. */
struct fixture {
	struct gogc *g;
	void *root[16];
	void *other;
};

static int begin_with(struct kunit *test, const struct gogc_options *options)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	f->g = gogc_create(options);
	if (IS_ERR(f->g))
		return PTR_ERR(f->g);
	test->priv = f;
	return gogc_add_roots(f->g, f->root, ARRAY_SIZE(f->root));
}

static int begin_case(struct kunit *test)
{
	/* Cycles come when the case says so. */
	return begin_with(test, &(struct gogc_options){ .name = "kunit",
							.percent = -1 });
}

static void end_case(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (!f)
		return;
	KUNIT_EXPECT_EQ(test, goverify(&gogcheap_of(f->g)->heap, NULL), 0);
	KUNIT_EXPECT_EQ(test, gogc_destroy(f->g), 0);
}

static u64 objects(struct kunit *test, struct gogc *g)
{
	struct goalloc_memstats *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	u64 n;

	KUNIT_ASSERT_NOT_NULL(test, m);
	gogc_read_memstats(g, m);
	gotest_expect_identities(test, m);
	n = m->heap_objects;
	kunit_kfree(test, m);
	return n;
}

static struct vertex *new_node(struct kunit *test, struct gogc *g, unsigned long id,
			       size_t size)
{
	struct vertex *n = gogc_alloc(g, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, n);
	KUNIT_ASSERT_NULL(test, n->next);
	KUNIT_ASSERT_EQ(test, n->id, 0);
	n->id = id;
	return n;
}

/* A list of nodes at a root. */
static void make_list(struct kunit *test, void **root, unsigned long len, size_t size)
{
	struct fixture *f = test->priv;
	struct vertex *n;
	unsigned long i;

	for (i = 0; i < len; i++) {
		guard(gogc)(f->g);
		n = new_node(test, f->g, i, size);
		n->next = *root;
		gogc_store(f->g, root, n);
	}
}

static void expect_list(struct kunit *test, struct vertex *n, unsigned long len)
{
	for (; n; n = n->next)
		if (n->id != --len)
			break;
	KUNIT_EXPECT_NULL(test, n);
	KUNIT_EXPECT_EQ(test, len, 0);
}

/* What a root reaches stays, the rest goes, of every size. */
static void roots_and_garbage(struct kunit *test)
{
	static const size_t sizes[] = { 16, 24, 64, 1000, 8192, 32768, 40000, 300000 };
	struct fixture *f = test->priv;
	unsigned int i, len, total = 0, pass;
	void *other;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		len = min(2000UL, SZ_4M / sizes[i]);
		make_list(test, &f->root[i], len, sizes[i]);
		KUNIT_ASSERT_EQ(test, gogc_add_root(f->g, &other), 0);
		other = NULL;
		make_list(test, &other, len, sizes[i]);
		KUNIT_ASSERT_EQ(test, gogc_remove_root(f->g, &other), 0);
		total += len;
	}
	KUNIT_EXPECT_EQ(test, objects(test, f->g), 2 * total);
	for (pass = 0; pass < 3; pass++) {
		gogc_collect(f->g);
		KUNIT_EXPECT_EQ(test, objects(test, f->g), total);
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			expect_list(test, f->root[i], min(2000UL, SZ_4M / sizes[i]));
	}
	/* What has come back is handed out, and is zero. */
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		len = min(2000UL, SZ_4M / sizes[i]);
		WRITE_ONCE(f->root[i], NULL);
		make_list(test, &f->root[i], len, sizes[i]);
	}
	gogc_collect(f->g);
	KUNIT_EXPECT_EQ(test, objects(test, f->g), total);
	memset(f->root, 0, sizeof(f->root));
	gogc_collect(f->g);
	KUNIT_EXPECT_EQ(test, objects(test, f->g), 0);
}

/* A list is as long as it likes: nothing recurses, and one buffer is enough. */
static void deep_list(struct kunit *test)
{
	unsigned long len = SLOW ? 100000 : 1000000;
	struct fixture *f = test->priv;

	make_list(test, &f->root[0], len, sizeof(struct vertex));
	gogc_collect(f->g);
	KUNIT_EXPECT_EQ(test, objects(test, f->g), len);
	expect_list(test, f->root[0], len);
}

/* More grey objects than there may be buffers for: spans are noted, nothing is lost. */
static void wide_arrays(struct kunit *test)
{
	unsigned int n = SZ_4M / sizeof(void *), i, k, most = SLOW ? 1 : 3;
	struct fixture *f = test->priv;
	struct vertex **array, *leaf;
	unsigned long lost = 0;

	for (k = 0; k < most; k++) {
		guard(gogc)(f->g);
		array = gogc_alloc(f->g, SZ_4M, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, array);
		gogc_store(f->g, (struct vertex ***)&f->root[k], array);
		for (i = 0; i < n; i++) {
			array[i] = new_node(test, f->g, i, sizeof(struct vertex));
			leaf = new_node(test, f->g, ~i, sizeof(struct vertex));
			array[i]->next = leaf;
		}
	}
	for (i = 0; i < 2; i++) {
		gogc_collect(f->g);
		KUNIT_EXPECT_EQ(test, objects(test, f->g), most * (2 * n + 1));
	}
	for (k = 0; k < most; k++) {
		array = f->root[k];
		for (i = 0; i < n; i++)
			lost += array[i]->id != i ||
				array[i]->next->id != (unsigned int)~i;
	}
	KUNIT_EXPECT_EQ(test, lost, 0);
	memset(f->root, 0, sizeof(f->root));
	gogc_collect(f->g);
	KUNIT_EXPECT_EQ(test, objects(test, f->g), 0);
}

/* Without any buffer at all it is slow, and right. */
static void no_buffers(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct gogcheap *g = gogcheap_of(f->g);
	unsigned int i;

	make_list(test, &f->root[0], 300, 64);
	for (i = 1; i < 5; i++)
		make_list(test, &f->root[i], 50, 40000);
	/* As if all that may be had were in use. */
	g->nbufs = ULONG_MAX / 2;
	gogc_collect(f->g);
	KUNIT_EXPECT_EQ(test, objects(test, f->g), 500);
	expect_list(test, f->root[0], 300);
	for (i = 1; i < 5; i++)
		expect_list(test, f->root[i], 50);
	KUNIT_EXPECT_NULL(test, g->full);
	KUNIT_EXPECT_NULL(test, g->empty);
	g->nbufs = 0;
}

/* A pointer to the inside keeps an object, one behind its end the next one. */
static void interior_pointers(struct kunit *test)
{
	static const size_t sizes[] = { 16, 48, 1000, 8192, 100000 };
	struct fixture *f = test->priv;
	unsigned int i;
	char *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		scoped_guard(gogc, f->g) {
			p = (void *)new_node(test, f->g, 77, sizes[i]);
			gogc_store(f->g, &f->root[0], (void *)(p + sizes[i] - 1));
		}
		gogc_collect(f->g);
		KUNIT_EXPECT_EQ(test, objects(test, f->g), 1);
		KUNIT_EXPECT_EQ(test, ((struct vertex *)p)->id, 77);
		f->root[0] = p - 1;
		gogc_collect(f->g);
		KUNIT_EXPECT_EQ(test, objects(test, f->g), 0);
	}
	f->root[0] = NULL;
}

/* What looks like no pointer, or like one to elsewhere, does no harm. */
static void foreign_words(struct kunit *test)
{
	struct fixture *f = test->priv;
	void *mine = kunit_kzalloc(test, 64, GFP_KERNEL);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(f->root); i++)
		f->root[i] = (void *)(BIT(i * 4) - (i & 1));
	f->root[0] = test;
	f->root[1] = mine;
	f->root[2] = (void *)ULONG_MAX;
	f->root[3] = (void *)foreign_words;
	make_list(test, &f->root[4], 10, 64);
	gogc_collect(f->g);
	/* The first node's end is not a pointer to a node. */
	KUNIT_EXPECT_EQ(test, objects(test, f->g), 10);
}

static void noscan_objects(struct kunit *test)
{
	static const size_t sizes[] = { 8, 16, 512, 50000 };
	struct fixture *f = test->priv;
	unsigned int i;
	void **p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		scoped_guard(gogc, f->g) {
			p = gogc_alloc_noscan(f->g, sizes[i], GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p);
			*p = new_node(test, f->g, 1, 64);
			gogc_store(f->g, &f->root[i], (void *)p);
		}
		gogc_collect(f->g);
		KUNIT_EXPECT_EQ(test, objects(test, f->g), i + 1);
	}
	scoped_guard(gogc, f->g) {
		char *s = gogc_strdup(f->g, "what is copied", GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, s);
		gogc_store(f->g, &f->root[8], (void *)s);
	}
	gogc_collect(f->g);
	KUNIT_EXPECT_STREQ(test, f->root[8], "what is copied");
	KUNIT_EXPECT_EQ(test, objects(test, f->g), ARRAY_SIZE(sizes) + 1);
}

struct typed {
	void *strong;
	void *no_pointer;
	unsigned long number;
};

/* Of a typed object, and of each element of an array, only the pointers count. */
static void typed_objects(struct kunit *test)
{
	static const unsigned long pointers[] = { BIT(0) };
	static const struct gogc_type type = { sizeof(struct typed), pointers };
	static const unsigned int counts[] = { 1, 2, 100, 5000, 20000 };
	struct fixture *f = test->priv;
	unsigned int i, k, n;
	struct typed *t;

	for (k = 0; k < ARRAY_SIZE(counts); k++) {
		n = counts[k];
		scoped_guard(gogc, f->g) {
			t = gogc_alloc_typed(f->g, &type, n, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, t);
			gogc_store(f->g, &f->root[0], (void *)t);
			for (i = 0; i < n; i++) {
				t[i].strong = new_node(test, f->g, i, 64);
				t[i].no_pointer = new_node(test, f->g, i, 64);
			}
		}
		gogc_collect(f->g);
		KUNIT_EXPECT_EQ(test, objects(test, f->g), n + 1);
		gogc_collect(f->g);
		KUNIT_EXPECT_EQ(test, objects(test, f->g), n + 1);
		for (i = 0; i < n; i++)
			if (((struct vertex *)t[i].strong)->id != i)
				break;
		KUNIT_EXPECT_EQ(test, i, n);
	}
	guard(gogc)(f->g);
	KUNIT_EXPECT_NULL(test, gogc_alloc_typed(f->g, &type, SIZE_MAX / 8, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, gogc_alloc_typed(f->g, &(struct gogc_type){ 12, pointers },
						 1, GFP_KERNEL));
}

static void bad_roots(struct kunit *test)
{
	struct fixture *f = test->priv;
	void *hole = (void *)(PAGE_SIZE * 4);

	KUNIT_EXPECT_EQ(test, gogc_add_roots(f->g, f->root, 1), -EEXIST);
	KUNIT_EXPECT_EQ(test, gogc_add_roots(f->g, NULL, 1), -EINVAL);
	/* UML has no other answer to that from a thread of the kernel than a panic. */
	if (!IS_ENABLED(CONFIG_UML))
		KUNIT_EXPECT_EQ(test, gogc_add_roots(f->g, hole, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, gogc_add_roots(f->g, (char *)f->root + 1, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, gogc_add_roots(f->g, f->root, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, gogc_add_roots(f->g, f->root, SIZE_MAX / 8), -EINVAL);
	KUNIT_EXPECT_EQ(test, gogc_remove_roots(f->g, f->root + 1), -ENOENT);
}

static int collect_thread(void *data)
{
	struct fixture *f = data;

	gogc_collect(f->g);
	while (!kthread_should_stop())
		schedule_timeout_idle(1);
	return 0;
}

/* Begin a cycle that gets no further than to the roots. */
static struct task_struct *begin_marking(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct task_struct *task;

	mutex_lock(&gogcheap_of(f->g)->roots_lock);
	task = kthread_run(collect_thread, f, "gogc_kunit");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	while (!READ_ONCE(f->g->marking))
		msleep(20);
	return task;
}

static void end_marking(struct kunit *test, struct task_struct *task)
{
	struct fixture *f = test->priv;
	struct gogcheap *g = gogcheap_of(f->g);
	unsigned long cycle = READ_ONCE(g->started);

	mutex_unlock(&g->roots_lock);
	while (READ_ONCE(g->swept) < cycle)
		msleep(20);
	kthread_stop(task);
}

/* What is overwritten while the heap is marked stays, and all that it reaches. */
static void barrier_keeps(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct task_struct *task;
	unsigned int n = 500, i;
	struct vertex *list, *keeper;

	for (i = 0; i < 10; i++)
		make_list(test, &f->root[i], n, 64);
	task = begin_marking(test);
	gogc_enter(f->g);
	for (i = 0; i < 10; i++) {
		list = f->root[i];
		keeper = new_node(test, f->g, i, 64);
		/* A new object is not scanned, and the root is by the time. */
		keeper->next = list;
		gogc_store(f->g, &f->root[i], NULL);
		f->root[i] = keeper;
	}
	gogc_exit(f->g);
	end_marking(test, task);
	KUNIT_EXPECT_EQ(test, objects(test, f->g), 10 * (n + 1));
	make_list(test, &f->root[15], 20 * n, 64);
	for (i = 0; i < 10; i++) {
		keeper = f->root[i];
		KUNIT_EXPECT_EQ(test, keeper->id, i);
		expect_list(test, keeper->next, n);
	}
	memset(f->root, 0, sizeof(f->root));
	gogc_collect(f->g);
	KUNIT_EXPECT_EQ(test, objects(test, f->g), 0);
}

/* Lists hang from new objects alone, whose roots are overwritten a thousand times. */
static void many_notes(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct task_struct *task;
	unsigned int n = 1000, i;
	struct vertex **array, **copy;

	scoped_guard(gogc, f->g) {
		array = gogc_alloc(f->g, n * sizeof(*array), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, array);
		for (i = 0; i < n; i++)
			array[i] = new_node(test, f->g, i, 64);
		gogc_store(f->g, &f->root[0], (void *)array);
	}
	task = begin_marking(test);
	scoped_guard(gogc, f->g) {
		copy = gogc_alloc(f->g, n * sizeof(*copy), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, copy);
		for (i = 0; i < n; i++) {
			copy[i] = array[i];
			gogc_store(f->g, &array[i], NULL);
		}
		gogc_store(f->g, &f->root[1], (void *)copy);
	}
	end_marking(test, task);
	KUNIT_EXPECT_EQ(test, objects(test, f->g), n + 2);
	for (i = 0; i < n; i++)
		if (copy[i]->id != i)
			break;
	KUNIT_EXPECT_EQ(test, i, n);
}

/* What is allocated while the heap is marked stays to the end of the section. */
static void born_marked(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct task_struct *task;
	struct vertex *small, *large;

	make_list(test, &f->root[0], 100, 64);
	task = begin_marking(test);
	gogc_enter(f->g);
	small = new_node(test, f->g, 5, 64);
	large = new_node(test, f->g, 6, 50000);
	end_marking(test, task);
	KUNIT_EXPECT_EQ(test, objects(test, f->g), 102);
	KUNIT_EXPECT_EQ(test, small->id, 5);
	KUNIT_EXPECT_EQ(test, large->id, 6);
	gogc_exit(f->g);
	gogc_collect(f->g);
	KUNIT_EXPECT_EQ(test, objects(test, f->g), 100);
}

static int remove_thread(void *data)
{
	struct fixture *f = data;
	int err = gogc_remove_root(f->g, &f->other);

	while (!kthread_should_stop())
		schedule_timeout_idle(1);
	return err;
}

/* Roots that go while the heap is marked were part of the snapshot. */
static void roots_removed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct gogcheap *g = gogcheap_of(f->g);
	struct task_struct *task, *remover;
	struct vertex *list;

	KUNIT_ASSERT_EQ(test, gogc_add_root(f->g, &f->other), 0);
	make_list(test, &f->other, 100, 64);
	/* As begin_marking(), but who removes the root comes before the cycle. */
	mutex_lock(&g->roots_lock);
	remover = kthread_run(remove_thread, f, "gogc_kunit");
	KUNIT_ASSERT_FALSE(test, IS_ERR(remover));
	msleep(50);
	task = kthread_run(collect_thread, f, "gogc_kunit");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	while (!READ_ONCE(f->g->marking))
		msleep(20);
	gogc_enter(f->g);
	list = f->other;
	mutex_unlock(&g->roots_lock);
	KUNIT_EXPECT_EQ(test, kthread_stop(remover), 0);
	f->root[0] = new_node(test, f->g, 0, 64);
	((struct vertex *)f->root[0])->next = list;
	gogc_exit(f->g);
	while (READ_ONCE(g->swept) < READ_ONCE(g->started))
		msleep(20);
	kthread_stop(task);
	KUNIT_EXPECT_EQ(test, objects(test, f->g), 101);
	expect_list(test, list, 100);
}

/* A section that stays open holds up cycles, and others hardly; it may nest. */
static void long_section(struct kunit *test)
{
	unsigned long end = jiffies + (SLOW ? HZ / 2 : HZ), entered = 0;
	struct fixture *f = test->priv;
	struct gogcheap *g = gogcheap_of(f->g);
	unsigned long start, longest = 0, refused = 0;
	struct task_struct *task;
	struct vertex *n;

	gogc_enter(f->g);
	n = new_node(test, f->g, 9, 64);
	task = kthread_run(collect_thread, f, "gogc_kunit");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	while (time_before(jiffies, end)) {
		refused += !gogc_tryenter(f->g) || (gogc_exit(f->g), false);
		start = jiffies;
		scoped_guard(gogc, f->g)
			entered++;
		longest = max(longest, jiffies - start);
		schedule_timeout_idle(1);
	}
	KUNIT_EXPECT_EQ(test, READ_ONCE(g->started), 0);
	KUNIT_EXPECT_EQ(test, n->id, 9);
	KUNIT_EXPECT_EQ(test, gogc_destroy(f->g), -EBUSY);
	gogc_exit(f->g);
	kthread_stop(task);
	KUNIT_EXPECT_EQ(test, READ_ONCE(g->swept), 1);
	KUNIT_EXPECT_EQ(test, objects(test, f->g), 0);
	kunit_info(test, "%lu sections, %lu refused, the longest wait %u ms", entered,
		   refused, jiffies_to_msecs(longest));
	KUNIT_EXPECT_GT(test, refused, 0);
	KUNIT_EXPECT_GT(test, entered, 3);
	KUNIT_EXPECT_LE(test, longest, HZ / 2);
}

/* Allocations that may not wait work within a section. */
static void atomic_allocations(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned long flags;
	unsigned int i, got = 0;

	guard(gogc)(f->g);
	for (i = 0; i < 1000; i++) {
		local_irq_save(flags);
		got += !!gogc_alloc(f->g, 64, GFP_ATOMIC | __GFP_NOWARN);
		local_irq_restore(flags);
	}
	KUNIT_EXPECT_GT(test, got, 500);
}

/* A cycle comes by itself, and the heap stays near its goal. */
static void pacing(struct kunit *test)
{
	struct goalloc_memstats *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned long i, n = (SLOW ? SZ_32M : SZ_256M) / 64;
	struct fixture *f = test->priv;
	u64 most = 0;

	KUNIT_ASSERT_NOT_NULL(test, m);
	gogc_set_percent(f->g, 100);
	make_list(test, &f->root[0], SZ_8M / 64, 64);
	for (i = 0; i < n; i++) {
		scoped_guard(gogc, f->g)
			new_node(test, f->g, i, 64);
		if (i % 4096)
			continue;
		gogc_read_memstats(f->g, m);
		if (i > n / 4)
			most = max(most, m->heap_sys);
	}
	gogc_read_memstats(f->g, m);
	expect_list(test, f->root[0], SZ_8M / 64);
	kunit_info(test, "%llu cycles, heap_sys at most %llu KiB of 8192 live, pauses %llu us in all, next_gc %llu KiB\n",
		   m->num_gc, most >> 10, div_u64(m->pause_total_ns, 1000),
		   m->next_gc >> 10);
	KUNIT_EXPECT_GE(test, m->num_gc, n * 64 / SZ_8M / 2);
	KUNIT_EXPECT_EQ(test, m->num_forced_gc, 0);
	/* The goal is 16 MiB; what a busy machine lets the cycle be late is not much. */
	KUNIT_EXPECT_LE(test, most, 6 * SZ_8M);
	KUNIT_EXPECT_EQ(test, m->enable_gc, 1);
	KUNIT_EXPECT_NE(test, m->last_gc, 0);
	KUNIT_EXPECT_GE(test, m->next_gc, SZ_16M);
	KUNIT_EXPECT_LE(test, m->next_gc, SZ_16M + SZ_8M);
}

static bool alloc_garbage(struct gogc *g)
{
	guard(gogc)(g);
	return gogc_alloc(g, 256, GFP_KERNEL);
}

/* A limit has cycles come sooner, and is never exceeded. */
static void limited(struct kunit *test)
{
	unsigned long i, failed = 0, n = (SLOW ? SZ_16M : SZ_128M) / 256;
	struct goalloc_memstats *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct fixture *f = test->priv;
	struct gogcheap *g = gogcheap_of(f->g);
	unsigned long limit = atomic_long_read(&g->heap.held) + SZ_16M;

	KUNIT_ASSERT_NOT_NULL(test, m);
	gogc_set_limit(f->g, limit);
	gogc_set_percent(f->g, 1000);
	make_list(test, &f->root[0], SZ_4M / 256, 256);
	for (i = 0; i < n; i++) {
		if (!alloc_garbage(f->g)) {
			/* With no section open a cycle can run; then there is room. */
			gogc_collect(f->g);
			failed++;
			KUNIT_ASSERT_TRUE(test, alloc_garbage(f->g));
		}
		KUNIT_ASSERT_LE(test, atomic_long_read(&g->heap.held), limit);
	}
	gogc_read_memstats(f->g, m);
	kunit_info(test, "%llu cycles, %lu of %lu failed\n", m->num_gc, failed, n);
	KUNIT_EXPECT_LE(test, failed, n / 100);
	KUNIT_EXPECT_GE(test, m->num_gc, n * 256 / SZ_16M);
	expect_list(test, f->root[0], SZ_4M / 256);
	KUNIT_EXPECT_EQ(test, gogc_set_limit(f->g, 0), limit);
}

/* An arena has no cycles, and goes as a whole. */
static void arena(struct kunit *test)
{
	struct gogc_options options = { .name = "arena", .percent = -1 };
	struct gogc *g = gogc_create(&options);
	unsigned long i, n = SLOW ? 100000 : 500000;
	u64 start;

	KUNIT_ASSERT_FALSE(test, IS_ERR(g));
	gogc_enter(g);
	for (i = 0; i < n; i++)
		new_node(test, g, i, 32);
	gogc_exit(g);
	KUNIT_EXPECT_EQ(test, READ_ONCE(gogcheap_of(g)->started), 0);
	KUNIT_EXPECT_EQ(test, objects(test, g), n);
	start = ktime_get_ns();
	KUNIT_EXPECT_EQ(test, gogc_destroy(g), 0);
	kunit_info(test, "%lu objects gone in %llu us\n", n,
		   div_u64(ktime_get_ns() - start, 1000));
}

/* A heap may go while it is marked, in whatever state that is. */
static void destroyed_while_marking(struct kunit *test)
{
	struct gogc_options options = { .percent = 100 };
	unsigned int turn, i;
	struct fixture *f = test->priv;
	struct gogc *mine = f->g;
	void *root;

	for (turn = 0; turn < 8; turn++) {
		f->g = gogc_create(&options);
		KUNIT_ASSERT_FALSE(test, IS_ERR(f->g));
		root = NULL;
		KUNIT_ASSERT_EQ(test, gogc_add_root(f->g, &root), 0);
		make_list(test, &root, SLOW ? 20000 : 100000, 64);
		gocycle_ask(gogcheap_of(f->g), GFP_KERNEL);
		/* All but the first find it on its way. */
		for (i = 0; i < turn; i++)
			schedule_timeout_idle(1);
		KUNIT_EXPECT_EQ(test, gogc_destroy(f->g), 0);
	}
	f->g = mine;
}

/* A collected object is none of gofree()'s. */
static void freed_by_hand(struct kunit *test)
{
	long before = gotest_misuses(&goalloc_heap, GO_FOREIGN);
	struct fixture *f = test->priv;
	struct vertex *n;

	guard(gogc)(f->g);
	n = new_node(test, f->g, 3, 64);
	gofree(n);
	KUNIT_EXPECT_EQ(test, gotest_misuses(&goalloc_heap, GO_FOREIGN), before + 1);
	KUNIT_EXPECT_EQ(test, n->id, 3);
}

static struct kunit_case gc_cases[] = {
	KUNIT_CASE(roots_and_garbage),
	KUNIT_CASE(deep_list),
	KUNIT_CASE(wide_arrays),
	KUNIT_CASE(no_buffers),
	KUNIT_CASE(interior_pointers),
	KUNIT_CASE(foreign_words),
	KUNIT_CASE(noscan_objects),
	KUNIT_CASE(typed_objects),
	KUNIT_CASE(bad_roots),
	KUNIT_CASE(barrier_keeps),
	KUNIT_CASE(many_notes),
	KUNIT_CASE(born_marked),
	KUNIT_CASE(roots_removed),
	KUNIT_CASE(long_section),
	KUNIT_CASE(atomic_allocations),
	KUNIT_CASE(pacing),
	KUNIT_CASE(limited),
	KUNIT_CASE(arena),
	KUNIT_CASE(destroyed_while_marking),
	KUNIT_CASE(freed_by_hand),
	{}
};

static struct kunit_suite gc_suite = {
	.name = "goalloc_gc",
	.init = begin_case,
	.exit = end_case,
	.test_cases = gc_cases,
};

kunit_test_suite(gc_suite);
