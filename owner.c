// SPDX-License-Identifier: GPL-2.0
/*
 * Owner: the modules whose objects there are.
 *
 * The state byte of a live object says whose it is, so that to know who holds
 * the memory costs nothing but the load of a constant.  A counter for each
 * module would cost every allocation and free an addition, and each free a
 * look-up of whom to take it from.
 *
 * A client passes its number with each call: <linux/goalloc.h> gives each module
 * a byte for it, which observe/client.c fills.  A client that was built against
 * a header without that byte is known by the address that its calls return to.
 * That is believed only if nobody else can have made the call: a function that
 * ends in a call jumps there instead, and the address is then its caller's.
 *
 * Half of the numbers that a byte has are used up by blocks of tiny objects,
 * which are no plain objects and still someone's.  Bytes of their own would let
 * the owners be twice as many, and would take the bits of each span of tiny
 * objects over the end of a page.
 *
 * A number is free again when its module has gone and nothing of it is left.
 * Objects that outlive their module keep it, and its name.
 */

#include <linux/lockdep.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include "compat.h"
#include "owner.h"

/* Guards the table below; it may be held while a walk goes on. */
DEFINE_MUTEX(goowners_lock);

struct goowner goowners[GO_NR_OWNERS] = {
	[GO_OWNER_UNKNOWN - GO_OBJ_LIVE] = {
		.name = "unknown",
		.state = GO_OWNER_HERE,
	},
	[GO_OWNER_DEV - GO_OBJ_LIVE] = {
		.name = "dev",
		.state = GO_OWNER_HERE,
	},
};

unsigned int goowners_full;

/* How many have @plain. */
static unsigned int nr_plain;

/**
 * goowner_is_taken - can there be objects of an owner?
 * @owner: what a state byte says
 *
 * Context: any.
 * Return: whether there can.
 */
bool goowner_is_taken(u8 owner)
{
	return goobj_is_plain(owner) &&
	       READ_ONCE(goowner_of(owner)->state) != GO_OWNER_FREE;
}

/**
 * goowner_take - give a module a number
 * @mod: the module
 * @plain: its calls do not say whose they are
 *
 * Context: goowners_lock is held.
 * Return: the owner; GO_OWNER_UNKNOWN if there are too many.
 */
u8 goowner_take(const struct module *mod, bool plain)
{
	struct goowner *o;

	lockdep_assert_held(&goowners_lock);
	for (o = goowners; o < goowners + GO_NR_OWNERS; o++)
		if (o->state == GO_OWNER_FREE)
			goto found;
	return GO_OWNER_UNKNOWN;
found:
	strscpy(o->name, mod->name, sizeof(o->name));
	o->objects = 0;
	o->bytes = 0;
	o->mod = mod;
	WRITE_ONCE(o->state, GO_OWNER_HERE);
	if (plain) {
		WRITE_ONCE(nr_plain, nr_plain + 1);
		smp_store_release(&o->plain, mod);	/* the count first */
	}
	return GO_OBJ_LIVE + (o - goowners);
}

/**
 * goowner_leave - a module goes, or what it has left has gone
 * @owner: the owner
 * @left: there are still objects of it
 *
 * Context: goowners_lock is held; may sleep.
 */
void goowner_leave(u8 owner, bool left)
{
	struct goowner *o = goowner_of(owner);

	lockdep_assert_held(&goowners_lock);
	o->mod = NULL;
	if (o->plain) {
		WRITE_ONCE(o->plain, NULL);
		WRITE_ONCE(nr_plain, nr_plain - 1);
		/* What still looks at the module has it until then. */
		synchronize_rcu();
	}
	WRITE_ONCE(o->state, left ? GO_OWNER_GONE : GO_OWNER_FREE);
}

/**
 * goowner_of_module - the owner that a module is
 * @mod: the module
 *
 * Context: goowners_lock is held.
 * Return: the owner; GO_OWNER_UNKNOWN if it is none.
 */
u8 goowner_of_module(const struct module *mod)
{
	unsigned int i;

	lockdep_assert_held(&goowners_lock);
	for (i = 0; i < GO_NR_OWNERS; i++)
		if (goowners[i].mod == mod)
			return GO_OBJ_LIVE + i;
	return GO_OWNER_UNKNOWN;
}

/* Did the module call the function, and not another function that jumped? */
static bool has_called(const struct module *mod, unsigned long caller,
		       const void *fn)
{
	unsigned long to;

	/* Only such modules call these functions, and there is one. */
	if (READ_ONCE(nr_plain) == 1)
		return true;
	if (!within_module(caller - GOALLOC_CALL_BYTES, mod))
		return false;
	/* The kernel may have moved the call to what it puts before a function. */
	to = goalloc_called_at(caller);
	return to - ((unsigned long)fn - 16) <= 32;
}

/**
 * goowner_of_call - the owner who has called a function that is told no owner
 * @caller: where the call returns to
 * @fn: the function
 *
 * Context: any.
 * Return: the owner; GO_OWNER_UNKNOWN if that cannot be known for certain.
 */
u8 goowner_of_call(unsigned long caller, const void *fn)
{
	const struct module *mod;
	u8 owner = GO_OWNER_UNKNOWN;
	unsigned int i;

	if (!READ_ONCE(nr_plain))
		return owner;
	preempt_disable();
	for (i = 0; i < GO_NR_OWNERS; i++) {
		mod = READ_ONCE(goowners[i].plain);
		if (!mod || !within_module(caller, mod))
			continue;
		if (has_called(mod, caller, fn))
			owner = GO_OBJ_LIVE + i;
		break;
	}
	preempt_enable();
	return owner;
}
