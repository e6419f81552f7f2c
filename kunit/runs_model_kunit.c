// SPDX-License-Identifier: GPL-2.0
/*
 * Runs beside a model that is too dumb to be wrong: a byte for each page.
 */

#include <linux/prandom.h>
#include <linux/string.h>
#include "field.h"

#define MODEL_ARENAS	3
#define MODEL_PAGES	(MODEL_ARENAS * GO_ARENA_PAGES)
#define MODEL_RUNS	255

struct model {
	struct gotest_field *f;
	u8 owner[MODEL_PAGES];
	struct gospan *run[MODEL_RUNS + 1];
	unsigned int live;
};

/* Free pages from one on, in its arena. */
static unsigned int model_free(const struct model *m, unsigned int page)
{
	unsigned int n = 0;

	do {
		if (m->owner[page + n])
			break;
		n++;
	} while ((page + n) % GO_ARENA_PAGES);
	return n;
}

/* Best fit, lowest address; and how long the longest run is. */
static int model_find(const struct model *m, unsigned int npages,
		      unsigned int *longest)
{
	unsigned int page, n, best = UINT_MAX;
	int found = -1;

	*longest = 0;
	for (page = 0; page < MODEL_PAGES; page += max(n, 1U)) {
		n = model_free(m, page);
		*longest = max(*longest, n);
		if (n >= npages && n < best) {
			best = n;
			found = page;
		}
	}
	return found;
}

static void model_take(struct model *m, unsigned int npages,
		       unsigned int align)
{
	struct gospan *s = gotest_field_take(m->f, npages, align);
	struct kunit *test = m->f->test;
	unsigned int longest, owner = 1;
	int page = model_find(m, npages, &longest);

	if (!s) {
		KUNIT_EXPECT_LT_MSG(test, longest, npages + align - 1,
				    "%u pages aligned to %u", npages, align);
		return;
	}
	if (align == 1) {
		KUNIT_ASSERT_GE(test, page, 0);
		KUNIT_ASSERT_EQ(test, s->base,
				GOTEST_FIELD_BASE + page * GO_PAGE_SIZE);
	}
	page = (s->base - GOTEST_FIELD_BASE) / GO_PAGE_SIZE;
	KUNIT_ASSERT_LT(test, page, MODEL_PAGES);
	KUNIT_ASSERT_EQ(test, s->npages, npages);
	KUNIT_ASSERT_TRUE(test, IS_ALIGNED(s->base - GOTEST_FIELD_BASE,
					   align * GO_PAGE_SIZE));
	KUNIT_ASSERT_GE(test, model_free(m, page), npages);
	while (m->run[owner])
		owner++;
	m->run[owner] = s;
	m->live++;
	memset(m->owner + page, owner, npages);
}

static void model_end(struct model *m, unsigned int owner)
{
	struct gospan *s = m->run[owner];
	unsigned int page;

	if (!s)
		return;
	page = (s->base - GOTEST_FIELD_BASE) / GO_PAGE_SIZE;
	KUNIT_ASSERT_NULL(m->f->test, memchr_inv(m->owner + page, owner,
						 s->npages));
	memset(m->owner + page, 0, s->npages);
	m->run[owner] = NULL;
	m->live--;
	gotest_field_free(m->f, s);
}

/* Every page is in the run that the model says; free runs are as long. */
static void model_compare(struct model *m)
{
	unsigned int page, free = 0, bad = 0, n;
	struct goarena *a = m->f->arena;
	struct gospan *s;

	for (page = 0; page < MODEL_PAGES; page++) {
		s = a[page / GO_ARENA_PAGES].span[page % GO_ARENA_PAGES];
		free += !m->owner[page];
		if (m->owner[page]) {
			bad += s != m->run[m->owner[page]];
		} else if (!(page % GO_ARENA_PAGES) || m->owner[page - 1]) {
			n = model_free(m, page);
			bad += s->state != GO_SPAN_FREE || s->npages != n ||
			       s->base != GOTEST_FIELD_BASE + page * GO_PAGE_SIZE;
		}
	}
	KUNIT_ASSERT_EQ(m->f->test, bad, 0);
	KUNIT_ASSERT_EQ(m->f->test, free, m->f->runs.free);
	gotest_field_expect_sound(m->f);
}

/* Mostly short runs, some long, some aligned. */
static void model_step(struct model *m, struct rnd_state *rnd)
{
	u32 r = prandom_u32_state(rnd);
	unsigned int npages = 1 + (r >> 8) % (r % 4 ? 8 : r % 64 ? 60 : 512);
	unsigned int align = r % 3 ? 1 : 1 << (r >> 20) % 10;

	/* Long stretches of mostly allocating, then of mostly freeing. */
	if (m->live < MODEL_RUNS &&
	    (r >> 4) % 16 < (prandom_u32_state(rnd) % 64 ? 9 : 16))
		model_take(m, npages, align);
	else
		model_end(m, 1 + r % MODEL_RUNS);
}

static void random_walk(struct kunit *test)
{
	unsigned int i, steps = IS_ENABLED(CONFIG_KASAN) ? 3000 : 60000;
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct rnd_state rnd;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->f = gotest_field_new(test, MODEL_ARENAS);
	gotest_random(test, &rnd);
	for (i = 0; i < steps; i++) {
		model_step(m, &rnd);
		if (i % 64 == 0)
			model_compare(m);
	}
	for (i = 1; i <= MODEL_RUNS; i++)
		model_end(m, i);
	model_compare(m);
	gotest_field_end(m->f);
}

static struct kunit_case runs_model_cases[] = {
	KUNIT_CASE(random_walk),
	{}
};

static struct kunit_suite runs_model_suite = {
	.name = "goalloc_runs_model",
	.test_cases = runs_model_cases,
};

kunit_test_suite(runs_model_suite);
