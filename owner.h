/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Owner: the modules whose objects there are: owner.c.
 */
#ifndef GOALLOC_OWNER_H
#define GOALLOC_OWNER_H

#include <linux/module.h>
#include <linux/mutex.h>
#include "types.h"

/* Owners that have no module of their own. */
#define GO_OWNER_UNKNOWN	GO_OBJ_LIVE
#define GO_OWNER_DEV		(GO_OBJ_LIVE + 1)

/**
 * enum goowner_state - what has become of an owner
 * @GO_OWNER_FREE: nobody has the number
 * @GO_OWNER_HERE: it may allocate
 * @GO_OWNER_GONE: its module has gone and has left objects
 */
enum goowner_state {
	GO_OWNER_FREE,
	GO_OWNER_HERE,
	GO_OWNER_GONE,
};

/**
 * struct goowner - who allocates
 * @name: its module's
 * @state: enum goowner_state
 * @mod: its module; NULL once that has gone
 * @plain: the same, if its calls do not say whose they are
 * @objects: the most that any reading has found
 * @bytes: the most that any reading has found
 * @is_noted: allocations are counted in what follows: see inittrace.c
 * @noted: allocations
 * @noted_bytes: their bytes
 */
struct goowner {
	char name[MODULE_NAME_LEN];
	u8 state;
	const struct module *mod;
	const struct module *plain;
	unsigned long objects;
	unsigned long bytes;
	bool is_noted;
	atomic_long_t noted;
	atomic_long_t noted_bytes;
};

/* All of them; written, and read but for state and plain, under the lock. */
extern struct goowner goowners[GO_NR_OWNERS];
extern struct mutex goowners_lock;
/* Modules that have got no number, as all were taken; under the lock. */
extern unsigned int goowners_full;

/* The entry of an owner. */
static inline struct goowner *goowner_of(u8 owner)
{
	return &goowners[owner - GO_OBJ_LIVE];
}

/* Count an allocation, if those of its owner are counted.  Any context. */
static inline void goowner_note(u8 owner, size_t bytes)
{
	struct goowner *o = goowner_of(owner);

	if (!READ_ONCE(o->is_noted))
		return;
	atomic_long_inc(&o->noted);
	atomic_long_add(bytes, &o->noted_bytes);
}

bool goowner_is_taken(u8 owner);
u8 goowner_take(const struct module *mod, bool plain);
void goowner_leave(u8 owner, bool left);
u8 goowner_of_module(const struct module *mod);
u8 goowner_of_call(unsigned long caller, const void *fn);

#endif /* GOALLOC_OWNER_H */
