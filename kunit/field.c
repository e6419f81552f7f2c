// SPDX-License-Identifier: GPL-2.0
/*
 * Runs without a heap; see field.h.
 */

#include <linux/bitmap.h>
#include <linux/slab.h>
#include "field.h"
#include "runs.h"
#include "span.h"

static struct goarena *arena_of_run(struct gotest_field *f,
				    const struct gospan *s)
{
	return &f->arena[(s->base - GOTEST_FIELD_BASE) >> GO_ARENA_SHIFT];
}

struct gospan *gotest_descriptor_new(struct kunit *test)
{
	struct gospan *s = kzalloc(sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	return s;
}

void gotest_field_free(struct gotest_field *f, struct gospan *s)
{
	struct gospan *next;
	LIST_HEAD(dead);

	gotest_field_lock(f);
	goruns_free(&f->runs, arena_of_run(f, s), s, &dead);
	gotest_field_unlock(f);
	list_for_each_entry_safe(s, next, &dead, list)
		kfree(s);
}

struct gospan *gotest_field_take(struct gotest_field *f, unsigned long npages,
				 unsigned long align)
{
	struct gospan *spare[2], *s;

	spare[0] = gotest_descriptor_new(f->test);
	spare[1] = gotest_descriptor_new(f->test);
	gotest_field_lock(f);
	s = goruns_find(&f->runs, npages, align);
	if (s)
		s = goruns_cut(&f->runs, arena_of_run(f, s), s, npages, align,
			       spare);
	gotest_field_unlock(f);
	kfree(spare[0]);
	kfree(spare[1]);
	return s;
}

struct gotest_field *gotest_field_new(struct kunit *test, unsigned int n)
{
	struct gotest_field *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	unsigned int i, k;
	struct gospan *s;

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->n = n;
	raw_spin_lock_init(&f->lock);
	goruns_init(&f->runs, &f->lock, -GOTEST_FIELD_BASE);
	for (i = 0; i < n; i++) {
		f->arena[i].span = f->table[i];
		f->arena[i].base = GOTEST_FIELD_BASE + i * GO_ARENA_SIZE;
		f->arena[i].npages = GO_ARENA_PAGES;
		for (k = 0; k < GO_ARENA_PAGES; k++)
			f->arena[i].span[k] = &gospan_nil;
		gotest_field_lock(f);
		goruns_add_arena(&f->runs, &f->arena[i]);
		gotest_field_unlock(f);
		s = gotest_descriptor_new(test);
		s->base = f->arena[i].base;
		s->npages = GO_ARENA_PAGES;
		gotest_field_free(f, s);
	}
	return f;
}

void gotest_field_end(struct gotest_field *f)
{
	struct gospan *s;
	unsigned int i;

	KUNIT_EXPECT_EQ(f->test, f->runs.free, f->n * GO_ARENA_PAGES);
	for (i = 0; i < f->n; i++) {
		s = f->arena[i].span[0];
		KUNIT_EXPECT_EQ(f->test, s->npages, GO_ARENA_PAGES);
		gotest_field_lock(f);
		goruns_remove(&f->runs, s);
		gotest_field_unlock(f);
		kfree(s);
	}
	KUNIT_EXPECT_EQ(f->test, f->runs.free, 0);
	KUNIT_EXPECT_EQ(f->test, f->runs.big, 0);
	KUNIT_EXPECT_TRUE(f->test, bitmap_empty(f->runs.nonempty,
						GO_RUN_MAX + 1));
}

/* The map of an arena is right; returns its free pages. */
static unsigned long check_map(struct goarena *a, unsigned int *bad)
{
	unsigned long nfree = 0;
	struct gospan *s, *want;
	unsigned int i, k;

	for (i = 0; i < GO_ARENA_PAGES; i += s->npages) {
		s = a->span[i];
		if (s == &gospan_nil || !s->npages ||
		    s->base != a->base + i * GO_PAGE_SIZE ||
		    i + s->npages > GO_ARENA_PAGES) {
			++*bad;
			return 0;
		}
		for (k = 1; k < s->npages; k++) {
			want = s->state == GO_SPAN_FREE && k < s->npages - 1 ?
			       &gospan_nil : s;
			*bad += a->span[i + k] != want;
		}
		if (s->state != GO_SPAN_FREE)
			continue;
		nfree += s->npages;
		if (i + s->npages < GO_ARENA_PAGES)
			*bad += a->span[i + s->npages]->state == GO_SPAN_FREE;
	}
	*bad += nfree != a->nfree;
	return nfree;
}

/* By length, then by address. */
static bool in_order(const struct gospan *a, const struct gospan *b)
{
	return a->npages < b->npages ||
	       (a->npages == b->npages && a->base < b->base);
}

/* Each arena is on the list that it belongs on, and counted there. */
static unsigned int check_lists(struct gotest_field *f)
{
	unsigned int i, n, all = 0, bad = 0;
	struct goarena *a;

	for (i = 0; i < GO_NR_USES; i++) {
		n = 0;
		list_for_each_entry(a, &f->runs.arenas[i], list) {
			bad += a->use != i || goruns_use(a) != i;
			n++;
		}
		bad += f->runs.narenas[i] != n;
		all += n;
	}
	return bad + (all != f->n);
}

unsigned int gotest_field_expect_sound(struct gotest_field *f)
{
	unsigned long nfree = 0, in_trees = 0, big = 0;
	unsigned int i, bad = 0, runs = 0;
	struct gospan *s, *last = NULL;

	for (i = 0; i < f->n; i++)
		nfree += check_map(&f->arena[i], &bad);
	for (i = 0; i <= GO_RUN_MAX; i++)
		bad += test_bit(i, f->runs.nonempty) ==
		       RB_EMPTY_ROOT(&f->runs.tree[i].rb_root);
	gotest_field_lock(f);
	bad += check_lists(f);
	for (s = goruns_after(&f->runs, 0, 0); s;
	     s = goruns_after(&f->runs, s->npages, s->base)) {
		bad += s->state != GO_SPAN_FREE;
		bad += last && !in_order(last, s);
		in_trees += s->npages;
		big += s->npages >= GO_RESERVE_RUN ? s->npages : 0;
		last = s;
		runs++;
	}
	gotest_field_unlock(f);
	KUNIT_EXPECT_EQ(f->test, bad, 0);
	KUNIT_EXPECT_EQ(f->test, in_trees, nfree);
	KUNIT_EXPECT_EQ(f->test, f->runs.free, nfree);
	KUNIT_EXPECT_EQ(f->test, f->runs.big, big);
	return runs;
}
