// SPDX-License-Identifier: GPL-2.0
/*
 * Limit: memory_limit, Go's GOMEMLIMIT, on all that the heap holds of the
 * kernel, which is MemStats' Sys.
 *
 * Go's limit is soft: its collector works harder, and the heap grows all the
 * same.  Here it is hard.  Whoever asks the page allocator for the heap or its
 * metadata charges it first; what would go beyond the limit fails, and in the
 * end NULL is returned, as kernel callers expect.  While more is held than
 * the limit says, because it was lowered, no pages are taken from the heap at
 * all: what is free goes.  Objects that caches and spans already have are still
 * handed out: they cost nothing more.
 *
 * From 95 % on, as in Go, free pages go: when somebody takes more, by a worker
 * at once, else with the next tick of the background, if there is one.  Who would fail and may
 * sleep first empties the caches and gives back himself.
 *
 * __GFP_NOFAIL goes beyond the limit, as it does for memory cgroups: who waited
 * for somebody to raise it might wait for ever, holding locks.
 */

#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include "internal.h"

/* What a span may need besides its pages, at most. */
#define ROOM_FOR_METADATA	(64UL << 10)

/* Under the lock of the module's parameters. */
static unsigned long memory_limit;
static bool running;

static unsigned long limit_of(const struct goheap *h)
{
	return READ_ONCE(h->limit) ?: ULONG_MAX;
}

/* What is held should stay below this. */
static unsigned long comfort(const struct goheap *h)
{
	return limit_of(h) / 20 * 19;
}

static unsigned long held(const struct goheap *h)
{
	return atomic_long_read(&h->held);
}

/**
 * golimit_charge - memory is about to be asked of the kernel: may it?
 * @h: the heap; NULL for none, which has no limit
 * @bytes: how much
 * @gfp: what it is asked with; with __GFP_NOFAIL it may
 *
 * Context: any but NMI.
 * Return: false when that is beyond the limit; else it is charged.
 */
bool golimit_charge(struct goheap *h, unsigned long bytes, gfp_t gfp)
{
	unsigned long now;

	if (!h)
		return true;
	now = atomic_long_add_return(bytes, &h->held);
	if (now > limit_of(h) && !(gfp & __GFP_NOFAIL)) {
		atomic_long_sub(bytes, &h->held);
		return false;
	}
	if (now > comfort(h))
		goheap_kick(h);
	return true;
}

/**
 * golimit_uncharge - memory has gone back to the kernel
 * @h: the heap, or NULL
 * @bytes: how much
 *
 * Context: any.
 */
void golimit_uncharge(struct goheap *h, unsigned long bytes)
{
	if (h)
		atomic_long_sub(bytes, &h->held);
}

/**
 * golimit_over - is more held than the limit says?
 * @h: the heap
 *
 * Context: any.
 * Return: whether it is.
 */
bool golimit_over(const struct goheap *h)
{
	return unlikely(held(h) > limit_of(h));
}

/* Give back so many bytes, or all that can go. */
static unsigned long give_back(struct goheap *h, unsigned long bytes, bool all)
{
	struct goscavenge sc = {
		.who = GO_BY_LIMIT,
		.want = DIV_ROUND_UP(bytes, GO_PAGE_SIZE),
		.until = U64_MAX,
	};
	u64 start = ktime_get_ns();
	unsigned long pages = 0;
	int nid;

	mutex_lock(&h->give_back);
	for_each_gonode(h, nid)
		pages += all ? goscavenge_harder(h->node[nid], &sc) :
			       goscavenge_node(h->node[nid], &sc);
	mutex_unlock(&h->give_back);
	goscavenge_account(h, start, pages);
	if (pages)
		goheap_kick(h);
	return pages;
}

/**
 * golimit_keep - give back what is held beyond 95 % of the limit
 * @h: the heap
 * @caches: beyond the limit itself empty caches and kept spans, too
 *
 * Context: task, may sleep.
 */
void golimit_keep(struct goheap *h, bool caches)
{
	unsigned long now = held(h), most = comfort(h);

	if (now > most)
		give_back(h, now - most, caches && golimit_over(h));
}

/**
 * golimit_make_room - an allocation has failed: does it help to give back?
 * @h: the heap
 * @bytes: what it needs
 * @gfp: what it was asked for with
 *
 * Context: what @gfp permits.
 * Return: whether some went, so that it is worth trying again.
 */
bool golimit_make_room(struct goheap *h, unsigned long bytes, gfp_t gfp)
{
	unsigned long now = held(h), limit = limit_of(h);

	bytes += ROOM_FOR_METADATA;
	if (now + bytes <= limit)
		return false;
	if (!gfpflags_allow_blocking(gfp)) {
		goheap_kick(h);
		return false;
	}
	return give_back(h, now + bytes - limit, true);
}

/**
 * golimit_set - change the limit
 * @h: the heap
 * @bytes: the new one, 0 for none; it may be below what is in use
 *
 * Context: any but NMI.
 */
void golimit_set(struct goheap *h, unsigned long bytes)
{
	WRITE_ONCE(h->limit, bytes);
	goheap_kick(h);
}

/**
 * golimit_start - heed the parameter
 * @h: the heap of the API
 *
 * Context: task.
 */
void golimit_start(struct goheap *h)
{
	kernel_param_lock(THIS_MODULE);
	running = true;
	golimit_set(h, memory_limit);
	kernel_param_unlock(THIS_MODULE);
}

/**
 * golimit_stop - heed it no more
 *
 * Context: task, may sleep.
 */
void golimit_stop(void)
{
	kernel_param_lock(THIS_MODULE);
	running = false;
	kernel_param_unlock(THIS_MODULE);
}

/* As GOMEMLIMIT: "off", or a number with B, KiB, MiB, GiB or TiB behind it. */
static int parse(const char *val, unsigned long *bytes)
{
	static const char * const suffix[] = {
		"B", "KiB", "MiB", "GiB", "TiB",
	};
	char buf[32], *end;
	unsigned int i;

	if (strscpy(buf, val, sizeof(buf)) < 0)
		return -EINVAL;
	end = strim(buf);
	if (!strcmp(end, "off")) {
		*bytes = 0;
		return 0;
	}
	val = end;
	end += strspn(end, "0123456789");
	for (i = 0; i < ARRAY_SIZE(suffix); i++)
		if (!strcmp(end, suffix[i]))
			break;
	if (*end && i == ARRAY_SIZE(suffix))
		return -EINVAL;
	i = *end ? i : 0;
	*end = '\0';
	if (kstrtoul(val, 10, bytes))
		return -EINVAL;
	return check_mul_overflow(*bytes, 1UL << (10 * i), bytes) ? -ERANGE :
								    0;
}

static int limit_param_set(const char *val, const struct kernel_param *kp)
{
	unsigned long bytes;
	int err = parse(val, &bytes);

	if (err)
		return err;
	memory_limit = bytes;
	if (running)
		golimit_set(&goalloc_heap, bytes);
	return 0;
}

static const struct kernel_param_ops limit_ops = {
	.set = limit_param_set,
	.get = param_get_ulong,
};
module_param_cb(memory_limit, &limit_ops, &memory_limit, 0644);
MODULE_PARM_DESC(memory_limit, "the most that may be held of the kernel: bytes, or with B, KiB, MiB, GiB, TiB; 0 or off for no limit (default)");
