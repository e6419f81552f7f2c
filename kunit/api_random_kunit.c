// SPDX-License-Identifier: GPL-2.0
/*
 * The API at random, against a model that knows only what was asked for.
 */

#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/string.h>
#include "api.h"
#include "calls.h"
#include "observe/observe.h"

#define NR_SLOTS	256

/**
 * struct slot - an object as the model knows it
 * @p: where it is
 * @size: what was asked for
 * @pattern: what it is full of
 * @noscan: how it was asked for
 */
struct slot {
	u8 *p;
	size_t size;
	u8 pattern;
	bool noscan;
};

static size_t random_size(struct rnd_state *rnd)
{
	u32 r = prandom_u32_state(rnd), bits = r % 100;

	r >>= 8;
	if (bits < 20)
		return 1 + r % 16;
	if (bits < 70)
		return 1 + r % 512;
	if (bits < 95)
		return 1 + r % GO_MAX_SMALL;
	return 1 + r % 200000;
}

/* Fill a slot anew; returns whether what it got is as promised. */
static bool model_alloc(struct slot *s, struct rnd_state *rnd)
{
	u32 r = prandom_u32_state(rnd);
	gfp_t gfp = r & 1 ? GFP_KERNEL : GFP_NOWAIT;
	unsigned long align;
	bool ok = true;

	s->size = random_size(rnd);
	s->noscan = r & 2;
	s->pattern = r >> 8;
	align = align_of(s->size);
	if (s->noscan && s->size < GO_TINY_SIZE)
		align = min(align, 8UL);
	gfp |= r & 4 ? __GFP_ZERO : 0;
	s->p = s->noscan ? gomalloc_noscan(s->size, gfp) :
			   gomalloc(s->size, gfp);
	if (!s->p)
		return !(r & 1);
	ok = IS_ALIGNED((unsigned long)s->p, align) && gosize(s->p) >= s->size;
	if (r & 4)
		ok = ok && gotest_all_zero(s->p, s->size);
	memset(s->p, s->pattern, s->size);
	return ok;
}

static bool model_resize(struct slot *s, struct rnd_state *rnd)
{
	size_t size = random_size(rnd), kept = min(size, s->size);
	u8 *p = gorealloc(s->p, size, GFP_KERNEL);

	if (!p)
		return false;
	s->p = p;
	s->size = size;
	if (memchr_inv(p, s->pattern, kept) || gosize(p) < size)
		return false;
	memset(p, s->pattern, size);
	return true;
}

static void model_free(struct slot *s, unsigned int how)
{
	if (how == 0 && !s->noscan)
		gofree_sized(s->p, gosize(s->p));
	else if (how == 1)
		gofree_sensitive(s->p);
	else
		gofree(s->p);
	s->p = NULL;
}

static void api_random(struct kunit *test)
{
	unsigned int i, bad = 0, n = GOTEST_LOOPS(100000);
	struct slot *slots, *s;
	struct rnd_state rnd;
	u32 r;

	slots = kunit_kcalloc(test, NR_SLOTS, sizeof(*slots), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, slots);
	gotest_random(test, &rnd);
	for (i = 0; i < n && !bad; i++) {
		r = prandom_u32_state(&rnd);
		s = &slots[r % NR_SLOTS];
		r /= NR_SLOTS;
		if (!s->p) {
			bad += !model_alloc(s, &rnd);
			continue;
		}
		bad += !!memchr_inv(s->p, s->pattern, s->size);
		if (r % 4 == 0)
			bad += !model_resize(s, &rnd);
		else
			model_free(s, r % 8);
		if (!(i % 1024)) {
			cond_resched();
			bad += goverify(&goalloc_heap, NULL);
		}
	}
	for (s = slots; s < slots + NR_SLOTS; s++)
		if (s->p)
			gofree(s->p);
	KUNIT_EXPECT_EQ_MSG(test, bad, 0, "at step %u", i);
}

static struct kunit_case api_random_cases[] = {
	KUNIT_CASE(api_random),
	{}
};

static struct kunit_suite api_random_suite = {
	.name = "goalloc_api_random",
	.init = gotest_api_init,
	.exit = gotest_api_exit,
	.test_cases = api_random_cases,
};

kunit_test_suite(api_random_suite);
