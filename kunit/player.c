// SPDX-License-Identifier: GPL-2.0
/*
 * A player: calls of the API at random, beside the model; see player.h.
 */

#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "player.h"

#define MAX_BULK	32
#define MAX_BYTES	SZ_16M

static bool is_tiny(const struct gotest_obj *o)
{
	return o->noscan && o->size < GO_TINY_SIZE && !o->resized;
}

/* How many ranges start below an address. */
static unsigned int below(const struct gotest_live *l, unsigned long addr)
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

static bool live_add(struct gotest_live *l, const struct gotest_obj *o)
{
	struct gotest_extent r = {
		.start = (unsigned long)o->p,
		.end = (unsigned long)o->p + o->usable,
		.owner = o->owner,
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

static bool live_del(struct gotest_live *l, const struct gotest_obj *o)
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

static void note_wrong(struct gotest_player *pl, const char *why)
{
	if (!pl->bad++)
		pl->why = why;
}

static void expect_that(struct gotest_player *pl, bool ok, const char *what)
{
	if (unlikely(!ok))
		note_wrong(pl, what);
}

u32 gotest_player_random(struct gotest_player *pl, u32 n)
{
	return prandom_u32_state(&pl->rnd) % n;
}

static bool is_filled(const struct gotest_obj *o, size_t bytes)
{
	return !memchr_inv(o->p, o->fill, bytes);
}

/* Small ones mostly, around the edges of classes, and some of every size. */
static size_t any_size(struct gotest_player *pl)
{
	u32 r = gotest_player_random(pl, 1024);

	if (r < 500)
		return 1 + gotest_player_random(pl, 256);
	if (r < 800)
		return go_class_size[1 + gotest_player_random(pl, GO_NR_CLASSES - 1)] - 1 +
		       gotest_player_random(pl, 3);
	if (r < 900)
		return 1 + gotest_player_random(pl, GO_MAX_SMALL);
	if (r < 1000)
		return 1UL << gotest_player_random(pl, 16);
	if (r < 1022 || pl->bytes > MAX_BYTES / 2)
		return GO_MAX_SMALL + 1 + gotest_player_random(pl, SZ_128K);
	return 1 + gotest_player_random(pl, GOALLOC_MAX_SIZE);
}

static gfp_t any_gfp(struct gotest_player *pl)
{
	static const gfp_t gfps[] = {
		GFP_KERNEL, GFP_KERNEL, GFP_NOWAIT, GFP_ATOMIC, GFP_NOFS,
		GFP_NOIO, GFP_KERNEL | __GFP_NORETRY,
		GFP_KERNEL | __GFP_RETRY_MAYFAIL, GFP_KERNEL | __GFP_NOFAIL,
		GFP_KERNEL_ACCOUNT,
	};
	gfp_t gfp = gfps[gotest_player_random(pl, ARRAY_SIZE(gfps))];

	if (!gotest_player_random(pl, 4))
		gfp |= __GFP_ZERO;
	return gfp & __GFP_NOFAIL ? gfp : gfp | __GFP_NOWARN;
}

/* What a call has returned is looked at, filled and entered. */
static bool enter_object(struct gotest_player *pl, struct gotest_obj *o,
			 gfp_t gfp, void *p)
{
	o->p = p;
	if (!p) {
		expect_that(pl, !(gfp & __GFP_NOFAIL), "NULL, and __GFP_NOFAIL");
		pl->nulls++;
		return false;
	}
	o->usable = gosize(p);
	o->owner = __goalloc_owner;
	expect_that(pl, o->usable == (is_tiny(o) ? o->size :
				 gomalloc_size_roundup(o->size)), "gosize()");
	expect_that(pl, IS_ALIGNED((unsigned long)p, o->size & -o->size),
		    "alignment");
	if (!live_add(pl->live, o)) {
		/* Hands off: it belongs to another. */
		note_wrong(pl, "an object overlaps another");
		o->p = NULL;
		return false;
	}
	if (gfp & __GFP_ZERO)
		expect_that(pl, !memchr_inv(p, 0, o->usable), "not zero");
	o->fill = ++pl->serial % 255 + 1;
	memset(p, o->fill, o->usable);
	pl->bytes += o->usable;
	return true;
}

/* Before it goes. */
static void leave_object(struct gotest_player *pl, struct gotest_obj *o)
{
	expect_that(pl, is_filled(o, o->usable), "contents");
	expect_that(pl, live_del(pl->live, o), "not in the model");
	pl->bytes -= o->usable;
}

static void *call_alloc(struct gotest_player *pl, struct gotest_obj *o,
			gfp_t *gfp)
{
	switch (gotest_player_random(pl, 10)) {
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

static void do_alloc(struct gotest_player *pl, struct gotest_obj *o)
{
	gfp_t gfp = any_gfp(pl);
	void *p;

	memset(o, 0, sizeof(*o));
	o->size = any_size(pl);
	p = call_alloc(pl, o, &gfp);
	enter_object(pl, o, gfp, p);
}

static void do_tiny(struct gotest_player *pl, struct gotest_obj *o)
{
	gfp_t gfp = any_gfp(pl);

	memset(o, 0, sizeof(*o));
	o->size = 1 + gotest_player_random(pl, GO_TINY_SIZE - 1);
	o->noscan = true;
	enter_object(pl, o, gfp, gomalloc_noscan(o->size, gfp));
}

/* A copy of another object's bytes, or of as many as fit a string. */
static void do_dup(struct gotest_player *pl, struct gotest_obj *o)
{
	struct gotest_obj *from = &pl->obj[gotest_player_random(pl, GOTEST_PLAYER_OBJS)];
	gfp_t gfp = any_gfp(pl) & ~__GFP_ZERO;
	char text[32];
	void *p;

	memset(o, 0, sizeof(*o));
	if (from != o && from->p && from->size <= GO_MAX_SMALL) {
		o->size = from->size;
		p = gomemdup(from->p, o->size, gfp);
		if (p)
			expect_that(pl, !memcmp(p, from->p, o->size), "gomemdup()");
	} else {
		o->size = 1 + gotest_player_random(pl, sizeof(text));
		memset(text, 'x', o->size - 1);
		text[o->size - 1] = 0;
		p = gostrdup(text, gfp);
		if (p)
			expect_that(pl, !strcmp(p, text), "gostrdup()");
	}
	enter_object(pl, o, gfp, p);
}

/* Too much, or nothing. */
static void do_odd(struct gotest_player *pl)
{
	size_t huge = GOALLOC_MAX_SIZE + 1 + gotest_player_random(pl, SZ_1G);
	gfp_t gfp = any_gfp(pl);

	OPTIMIZER_HIDE_VAR(huge);
	expect_that(pl, !gomalloc(huge, gfp), "too large");
	expect_that(pl, !gomalloc_array(huge, SIZE_MAX / 2, gfp), "overflow");
	expect_that(pl, gomalloc(0, gfp) == ZERO_SIZE_PTR, "size 0");
	gofree(NULL);
	gofree(ZERO_SIZE_PTR);
}

static void do_realloc(struct gotest_player *pl, struct gotest_obj *o)
{
	gfp_t gfp = any_gfp(pl) & ~__GFP_ZERO;
	size_t size = gotest_player_random(pl, 4) ? any_size(pl) :
		      1 + gotest_player_random(pl, o->usable);
	struct gotest_obj old = *o;
	bool suits = IS_ALIGNED((unsigned long)o->p, size & -size);
	bool large = o->usable > GO_MAX_SMALL;
	/* Whole pages move when half of them can be left to others. */
	bool stays = suits && size <= o->usable &&
		     !(large && size <= o->usable / 2);
	void *p;

	leave_object(pl, o);
	if (gotest_player_random(pl, 2))
		p = gorealloc(o->p, size, gfp);
	else
		p = gorealloc_array(o->p, size, 1, gfp);
	if (p == old.p || !p) {
		/* It is where it was, or as it was. */
		expect_that(pl, p || !suits || size > o->usable,
			    "cannot shrink");
		expect_that(pl, !p || suits, "realloc in place, alignment");
		expect_that(pl, !p || large || size <= o->usable,
			    "grown in place");
		expect_that(pl, p || !(gfp & __GFP_NOFAIL), "no realloc");
		pl->nulls += !p;
		o->usable = gosize(old.p);
		expect_that(pl, p && size > old.usable ? o->usable >= size :
			    o->usable == old.usable, "realloc, gosize()");
		/* With init_on_alloc what is beyond the new size is zeroed. */
		expect_that(pl, is_filled(&old, min(p ? size : old.usable,
						    old.usable)), "realloc in place");
		memset(old.p, old.fill, o->usable);
		expect_that(pl, live_add(pl->live, o), "realloc in place, model");
		pl->bytes += o->usable;
		/* A tiny object is a tiny one still, whatever its size. */
		o->resized |= !is_tiny(o);
		return;
	}
	expect_that(pl, !stays, "moved, and did fit");
	old.p = p;
	expect_that(pl, is_filled(&old, min(old.size, size)),
		    "realloc, moved");
	o->size = size;
	o->resized = false;
	enter_object(pl, o, gfp, p);
}

struct with_rcu {
	u64 pad;
	struct rcu_head rcu;
};

/* As many as the size allows. */
static void call_free(struct gotest_player *pl, struct gotest_obj *o)
{
	struct with_rcu *r = (void *)o->p;

	switch (gotest_player_random(pl, 8)) {
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
		expect_that(pl, gorealloc(o->p, 0, GFP_KERNEL) == ZERO_SIZE_PTR,
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

void gotest_player_free(struct gotest_player *pl, struct gotest_obj *o)
{
	static const enum gotest_context contexts[] = {
		GOTEST_IRQS_OFF, GOTEST_RAW_LOCK, GOTEST_NMI,
	};

	leave_object(pl, o);
	if (gotest_player_random(pl, 64))
		call_free(pl, o);
	else
		gotest_run_in(contexts[gotest_player_random(pl, 3)], free_fn, o->p);
	o->p = NULL;
}

/* Many in a row, where there is room for them. */
static void do_bulk(struct gotest_player *pl)
{
	unsigned int first = gotest_player_random(pl, GOTEST_PLAYER_OBJS - MAX_BULK), i, k = 0;
	size_t size = min_t(size_t, any_size(pl), SZ_64K), n;
	gfp_t gfp = any_gfp(pl);
	void *p[MAX_BULK];

	n = gomalloc_bulk(gfp, size, 1 + gotest_player_random(pl, MAX_BULK), p);
	if (!n) {
		expect_that(pl, !(gfp & __GFP_NOFAIL), "bulk, NULL");
		pl->nulls++;
		return;
	}
	for (i = 0; i < n; i++) {
		struct gotest_obj *o = &pl->obj[first + i];

		if (o->p)
			gotest_player_free(pl, o);
		memset(o, 0, sizeof(*o));
		o->size = size;
		enter_object(pl, o, gfp, p[i]);
	}
	if (gotest_player_random(pl, 2))
		return;
	for (i = 0; i < n; i++) {
		struct gotest_obj *o = &pl->obj[first + i];

		if (!o->p)
			continue;
		leave_object(pl, o);
		p[k++] = o->p;
		o->p = NULL;
	}
	gofree_bulk(k, p);
}

/* Leave an object for another player, and take what the last one left. */
static void do_swap(struct gotest_player *pl, struct gotest_obj *o)
{
	struct gotest_obj *parcel = kmalloc(sizeof(*parcel), GFP_KERNEL), *got;

	if (!parcel)
		return;
	*parcel = *o;
	pl->bytes -= o->usable;
	o->p = NULL;
	got = xchg(&pl->swap[gotest_player_random(pl, GOTEST_PLAYER_SWAPS)], parcel);
	if (!got)
		return;
	*o = *got;
	pl->bytes += o->usable;
	expect_that(pl, is_filled(o, o->usable), "contents, swapped");
	kfree(got);
}

static void with_object(struct gotest_player *pl, struct gotest_obj *o)
{
	u32 r = gotest_player_random(pl, 32);

	if (r < 3) {
		do_realloc(pl, o);
	} else if (r < 6) {
		expect_that(pl, is_filled(o, o->usable), "contents, looked at");
		expect_that(pl, gosize(o->p) == o->usable, "gosize(), later");
	} else if (r < 9 && pl->swap) {
		do_swap(pl, o);
	} else {
		gotest_player_free(pl, o);
	}
}

void gotest_player_step(struct gotest_player *pl)
{
	struct gotest_obj *o = &pl->obj[gotest_player_random(pl, GOTEST_PLAYER_OBJS)];
	u32 r;

	if (o->p) {
		with_object(pl, o);
		return;
	}
	/* Long stretches with many live, and with few. */
	if (pl->bytes > MAX_BYTES || (pl->serial >> 12 & 1 && gotest_player_random(pl, 4)))
		return;
	r = gotest_player_random(pl, 64);
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

void gotest_player_free_all(struct gotest_player *pl)
{
	unsigned int i;

	for (i = 0; i < GOTEST_PLAYER_OBJS; i++)
		if (pl->obj[i].p)
			gotest_player_free(pl, &pl->obj[i]);
	expect_that(pl, !pl->bytes, "bytes are left");
}
