// SPDX-License-Identifier: GPL-2.0
/*
 * Limit: memory_limit, Go's GOMEMLIMIT, on all that the heap holds of the
 * kernel, which is MemStats' Sys.
 *
 * Go's limit is soft: its collector works harder, and the heap grows all the
 * same.  Here no collector can make room, so the limit is hard.  Code that asks
 * the page allocator for the heap or its metadata charges it first (held.h); a
 * charge beyond the limit fails, and in the end the caller gets NULL, as kernel
 * callers expect.  While more is held than the limit permits, because it was
 * lowered, no free pages are handed out at all: they go back.  Objects that
 * caches and spans have are still handed out, since they cost nothing more.
 *
 * From 95 % on, as in Go, free pages go back: by the worker when a charge finds
 * that mark passed, else at the next tick of the background, if the heap has
 * one.  A caller that would fail and may sleep gives back itself before it
 * does, down to what the caches hold.
 *
 * __GFP_NOFAIL goes beyond the limit, as it does for memory cgroups: a caller
 * that waited for the limit to be raised might wait for ever, with locks held.
 */

#include <linux/moduleparam.h>
#include "api.h"
#include "held.h"
#include "hooks.h"
#include "param.h"
#include "reclaim.h"
#include "trace.h"

/* The most that a span may need besides its pages. */
#define ROOM_FOR_METADATA	(64UL << 10)

/*
 * What the parameter says, and whether the heap of the API heeds it.  Guarded
 * by kernel_param_lock().
 */
static unsigned long memory_limit;
static bool heeded;

/**
 * golimit_keep - give back what is held beyond 95 % of the limit
 * @h: the heap
 * @caches: if the limit itself is exceeded, take idle spans and caches too
 * @until: when to stop, by ktime_get_ns(); U64_MAX for no end
 *
 * Context: task, may sleep.
 * Return: whether the time was used up, so that there may be more to do.
 */
bool golimit_keep(struct goheap *h, bool caches, u64 until)
{
	unsigned long now = goheld_bytes(h), most = goheld_comfort(h);
	struct goscavenge sc = {
		.who = GO_BY_LIMIT,
		.nid = NUMA_NO_NODE,
		.caches = caches && goheld_over(h),
		.until = until,
	};

	if (now <= most)
		return false;
	sc.want = DIV_ROUND_UP(now - most, GO_PAGE_SIZE);
	goscavenge(h, &sc);
	return sc.stopped;
}

/* Give back what an allocation lacks at the limit: see struct gohooks. */
static bool make_room(struct goheap *h, unsigned long bytes, gfp_t gfp)
{
	unsigned long now = goheld_bytes(h), limit = goheld_most(h);
	struct goscavenge sc = {
		.who = GO_BY_LIMIT,
		.nid = NUMA_NO_NODE,
		.caches = true,
		.until = U64_MAX,
	};

	bytes += ROOM_FOR_METADATA;
	if (now + bytes <= limit)
		return false;
	trace_limit(now, limit, bytes, gfp);
	if (!gfpflags_allow_blocking(gfp)) {
		gohooks_kick(h);
		return false;
	}
	sc.want = DIV_ROUND_UP(now + bytes - limit, GO_PAGE_SIZE);
	return goscavenge(h, &sc);
}

/**
 * golimit_set - change the limit
 * @h: the heap
 * @bytes: the new limit, 0 for none; it may be below what is in use
 *
 * Context: any.
 */
void golimit_set(struct goheap *h, unsigned long bytes)
{
	WRITE_ONCE(h->limit, bytes);
	gohooks_kick(h);
}

/**
 * golimit_init - register the hook of allocations that meet the limit
 *
 * Context: task, before there is a heap.
 */
void golimit_init(void)
{
	gohooks.make_room = make_room;
}

/**
 * golimit_start - heed the parameter
 * @h: the heap of the API, which holds its reserves and nothing else
 *
 * A limit may be lowered below what is held later, and then makes memory go.  At
 * load such a limit would only make every allocation fail.
 *
 * Context: task, may sleep.
 * Return: 0, or -EINVAL if the limit is below what an empty heap holds.
 */
int golimit_start(struct goheap *h)
{
	unsigned long held = goheld_bytes(h);
	int err = 0;

	kernel_param_lock(THIS_MODULE);
	if (memory_limit && memory_limit < held) {
		pr_err("goalloc: memory_limit=%lu is below the %lu bytes that an empty heap holds\n",
		       memory_limit, held);
		err = -EINVAL;
	} else {
		heeded = true;
		golimit_set(h, memory_limit);
	}
	kernel_param_unlock(THIS_MODULE);
	return err;
}

/**
 * golimit_stop - no longer heed the parameter
 *
 * Context: task, may sleep.
 */
void golimit_stop(void)
{
	kernel_param_lock(THIS_MODULE);
	heeded = false;
	kernel_param_unlock(THIS_MODULE);
}

static int limit_param_set(const char *val, const struct kernel_param *kp)
{
	u64 bytes;
	int err = goparam_limit(val, &bytes);

	if (err)
		return err;
	memory_limit = bytes;
	if (heeded)
		golimit_set(&goalloc_heap, bytes);
	return 0;
}

static const struct kernel_param_ops limit_ops = {
	.set = limit_param_set,
	.get = param_get_ulong,
};
module_param_cb(memory_limit, &limit_ops, &memory_limit, 0644);
MODULE_PARM_DESC(memory_limit, "the most that may be held of the kernel: bytes, or with K, M, G, T, or KiB, MiB, GiB, TiB; 0 or off for no limit (default)");
