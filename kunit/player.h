/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A player: a thread that makes calls of the API at random, and the model that it
 * plays beside.
 *
 * The model is one array of the address ranges that are live, sorted, under one
 * lock.  A range enters it when a call has returned it and leaves it before it is
 * freed; one that overlaps its neighbours is memory handed out twice.  Each
 * object is filled to its last usable byte with a byte of its own, looked for
 * when it is freed and at random times in between.
 */
#ifndef GOALLOC_KUNIT_PLAYER_H
#define GOALLOC_KUNIT_PLAYER_H

#include <linux/prandom.h>
#include <linux/spinlock.h>
#include "objects.h"

#define GOTEST_PLAYER_OBJS	512
#define GOTEST_PLAYER_SWAPS	64

/**
 * struct gotest_obj - what the model knows of an object
 * @p: where it is
 * @size: what it was asked for with
 * @usable: what gosize() said
 * @fill: the byte that all of it is filled with
 * @owner: whose it is
 * @noscan: of gomalloc_noscan()
 * @resized: realloc has been here: only gosize() is its size for sure
 */
struct gotest_obj {
	u8 *p;
	size_t size;
	size_t usable;
	u8 fill;
	u8 owner;
	bool noscan;
	bool resized;
};

struct gotest_extent {
	unsigned long start;
	unsigned long end;
	u8 owner;
	bool tiny;
};

/**
 * struct gotest_live - the model
 * @lock: of all that follows
 * @n: live ranges
 * @max: how many there is room for
 * @bytes: in them
 * @bad: what the model has found wrong
 * @range: by address
 */
struct gotest_live {
	spinlock_t lock;	/* the model is dumb: one lock for all of it */
	unsigned int n;
	unsigned int max;
	unsigned long bytes;
	unsigned long bad;
	struct gotest_extent *range;
};

/**
 * struct gotest_player - a thread and what it holds
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
struct gotest_player {
	struct rnd_state rnd;
	struct gotest_live *live;
	struct gotest_obj **swap;
	struct gotest_obj obj[GOTEST_PLAYER_OBJS];
	unsigned long bytes;
	unsigned int serial;
	unsigned long bad;
	unsigned long nulls;
	const char *why;
};

/* A number below @n. */
u32 gotest_player_random(struct gotest_player *pl, u32 n);

/* Make some call, or look at an object. */
void gotest_player_step(struct gotest_player *pl);

/* Free an object, or all that the player holds. */
void gotest_player_free(struct gotest_player *pl, struct gotest_obj *o);
void gotest_player_free_all(struct gotest_player *pl);

#endif /* GOALLOC_KUNIT_PLAYER_H */
