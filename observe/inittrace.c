// SPDX-License-Identifier: GPL-2.0
/*
 * Inittrace: the parameter inittrace=, Go's GODEBUG word: what each module has
 * allocated in its init.
 *
 * While the init of a client runs, every allocation takes the slow half, as for
 * the tracepoint goalloc:malloc, and those of that client are counted there by the
 * owner that the call passes.  A difference of MemStats, which Go takes, would
 * have in it what all other modules allocate meanwhile, and the difference of two
 * walks over the owners would miss what is freed again.  What the module allocates
 * from other contexts meanwhile is counted, too.
 *
 * A line is printed when the init has succeeded.  While it is off this costs
 * nothing.
 *
 * Task context only; may sleep.
 */

#include <linux/jump_label.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/sysfs.h>
#include "hooks.h"
#include "observe.h"
#include "owner.h"
#include "param.h"
#include "trace.h"

#undef pr_fmt
#define pr_fmt(fmt) "goalloc: " fmt

/* The parameter. */
static unsigned int inittrace;

/* When goalloc was loaded; and when each owner's init has begun, in ns. */
static u64 loaded;
static u64 began[GO_NR_OWNERS];

/**
 * goinittrace_set - set the parameter inittrace=
 * @val: 0 or 1
 *
 * A module whose init has begun is not affected.
 *
 * Context: task.
 * Return: 0 or -EINVAL.
 */
int goinittrace_set(const char *val)
{
	unsigned int on;
	int err = goparam_uint(val, 0, 1, &on);

	if (!err)
		WRITE_ONCE(inittrace, on);
	return err;
}

/**
 * goinittrace_get - get the parameter inittrace=
 * @buf: a page to write it to
 *
 * Context: task.
 * Return: its length.
 */
int goinittrace_get(char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(inittrace));
}

/**
 * goinittrace_init - begin to count the time
 *
 * Context: task.
 */
void goinittrace_init(void)
{
	loaded = ktime_get_ns();
}

/**
 * goinittrace_begin - the init of a module is about to run
 * @owner: its number
 *
 * Context: task, may sleep.
 */
void goinittrace_begin(u8 owner)
{
	struct goowner *o = goowner_of(owner);

	if (!READ_ONCE(inittrace) || owner == GO_OWNER_UNKNOWN)
		return;
	atomic_long_set(&o->noted, 0);
	atomic_long_set(&o->noted_bytes, 0);
	WRITE_ONCE(o->is_noted, true);
	gotrace_watch_mallocs();
	began[owner - GO_OBJ_LIVE] = ktime_get_ns();
}

static void print_line(const struct goowner *o, u64 began_at, u64 now)
{
	u64 at = div_u64(began_at - loaded, 100 * NSEC_PER_USEC);
	u64 clock = div_u64(now - began_at, 10 * NSEC_PER_USEC);

	pr_info("init %s @%llu.%llu ms, %llu.%02llu ms clock, %ld bytes, %ld allocs\n",
		o->name, at / 10, at % 10, clock / 100, clock % 100,
		atomic_long_read(&o->noted_bytes), atomic_long_read(&o->noted));
}

/**
 * goinittrace_end - the init of a module has run
 * @owner: its number
 * @is_live: it has succeeded
 *
 * Context: task, may sleep.
 */
void goinittrace_end(u8 owner, bool is_live)
{
	struct goowner *o = goowner_of(owner);
	u64 now = ktime_get_ns();

	if (!READ_ONCE(o->is_noted))
		return;
	WRITE_ONCE(o->is_noted, false);
	gotrace_unwatch_mallocs();
	if (is_live)
		print_line(o, began[owner - GO_OBJ_LIVE], now);
}
