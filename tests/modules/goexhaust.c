// SPDX-License-Identifier: GPL-2.0
/*
 * goexhaust: allocate until there is no memory left.
 *
 * It is meant for a machine with little memory.  It allocates small and large
 * objects until every size has failed, with each of the flags that do not
 * invoke the OOM killer, so that a real shortage exercises the heap's error
 * paths.  An object must be good to its last byte, or NULL.  After all objects
 * have been freed, about as much must be available again.
 *
 * The objects form a list through their own first bytes, because there is no
 * memory for any other bookkeeping.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goalloc.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

/**
 * struct obj - an object
 * @next: the object that was allocated before it
 * @size: its size in bytes
 * @fill: the byte that @rest is filled with
 * @rest: its other bytes
 */
struct obj {
	struct obj *next;
	size_t size;
	u8 fill;
	u8 rest[];
};

static const size_t small[] = {
	64, 520, 1024, 4096, 8192, 20480, 32768,
};

static const size_t mixed[] = {
	SZ_1M, 40000, SZ_256K, 4096, 64, 100000, 20480,
};

/**
 * struct round - one way to use up all memory
 * @name: name to print
 * @gfp: flags to allocate with
 * @size: sizes to allocate in turn
 * @nr: number of sizes
 */
struct round {
	const char *name;
	gfp_t gfp;
	const size_t *size;
	unsigned int nr;
};

static const struct round rounds[] = {
	{ "GFP_NOWAIT, small", GFP_NOWAIT | __GFP_NOWARN,
	  small, ARRAY_SIZE(small) },
	{ "GFP_NOWAIT, mixed", GFP_NOWAIT | __GFP_NOWARN,
	  mixed, ARRAY_SIZE(mixed) },
	{ "GFP_KERNEL, small", GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN,
	  small, ARRAY_SIZE(small) },
	{ "GFP_KERNEL, mixed", GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN,
	  mixed, ARRAY_SIZE(mixed) },
	{ "GFP_ATOMIC, small", GFP_ATOMIC | __GFP_NOWARN,
	  small, ARRAY_SIZE(small) },
	{ "GFP_ATOMIC, mixed", GFP_ATOMIC | __GFP_NOWARN,
	  mixed, ARRAY_SIZE(mixed) },
};

/* With check=0 nobody gets the kernel's last pages. */
static bool checked = true;
module_param(checked, bool, 0444);
MODULE_PARM_DESC(checked, "goalloc has check=1");

static struct goalloc_memstats *m;

static bool goexhaust_stats_sound(void)
{
	goalloc_read_memstats(m);
	return m->heap_sys == m->heap_idle + m->heap_inuse &&
	       m->heap_alloc <= m->heap_inuse &&
	       m->heap_objects == m->mallocs - m->frees && !m->misuses;
}

static struct obj *goexhaust_alloc(struct obj *next, size_t size, gfp_t gfp,
				   u8 fill)
{
	struct obj *o = gomalloc(size, gfp);

	if (!o)
		return NULL;
	o->next = next;
	o->size = size;
	o->fill = fill;
	memset(o->rest, fill, size - offsetof(struct obj, rest));
	return o;
}

/* Allocate until every size has failed once; returns the list of objects. */
static struct obj *goexhaust_fill_memory(const struct round *r,
					 unsigned long *n,
					 unsigned long *bytes)
{
	struct obj *list = NULL, *o;
	unsigned long gone = 0;
	unsigned int i;

	*n = 0;
	*bytes = 0;
	for (i = 0; gone != BIT(r->nr) - 1; i = (i + 1) % r->nr) {
		if (gone & BIT(i))
			continue;
		o = goexhaust_alloc(list, r->size[i], r->gfp, *n);
		if (!o) {
			gone |= BIT(i);
			continue;
		}
		list = o;
		++*n;
		*bytes += o->size;
		if (gfpflags_allow_blocking(r->gfp))
			cond_resched();
	}
	return list;
}

/* Free all objects; returns how many had changed contents. */
static unsigned long goexhaust_free_list(struct obj *list)
{
	unsigned long bad = 0;
	struct obj *o;

	while (list) {
		o = list;
		list = o->next;
		bad += !!memchr_inv(o->rest, o->fill,
				    o->size - offsetof(struct obj, rest));
		gofree(o);
	}
	return bad;
}

static bool goexhaust_play_round(const struct round *r, unsigned long *bytes)
{
	unsigned long n, bad;
	struct obj *list;
	u64 live, failures;
	bool ok = true;

	goalloc_free_os_memory();
	ok &= goexhaust_stats_sound();
	live = m->heap_objects;
	failures = m->failures;
	list = goexhaust_fill_memory(r, &n, bytes);
	ok &= goexhaust_stats_sound();
	/* Each size has failed once, and MemStats counts the failures. */
	ok &= m->heap_objects == live + n && m->failures == failures + r->nr;
	bad = goexhaust_free_list(list);
	ok &= goexhaust_stats_sound();
	ok &= m->heap_objects == live && !bad;
	goalloc_free_os_memory();
	ok &= goexhaust_stats_sound();
	pr_info("%s: %lu objects, %lu KiB, %lu changed, %llu KiB left: %s\n",
		r->name, n, *bytes >> 10, bad, m->heap_sys >> 10,
		ok ? "ok" : "WRONG");
	return ok;
}

/* Take the small objects that there are without the kernel's last pages. */
static struct obj *goexhaust_take_small(struct obj *list)
{
	struct obj *o;

	while ((o = goexhaust_alloc(list, 64, GFP_ATOMIC | __GFP_NOWARN, 1)))
		list = o;
	return list;
}

/*
 * A task that frees memory gets what the kernel keeps for it, and no other task
 * gets that with it: neither the rest of its page nor, when it is freed, the
 * page.  Others may free memory meanwhile, so it is tried some times.
 */
static bool goexhaust_last_pages_are_apart(void)
{
	unsigned long n, bytes;
	struct obj *list = goexhaust_fill_memory(&rounds[4], &n, &bytes);
	struct obj *last, *with = NULL, *after = NULL;
	bool apart = false, ok;
	unsigned int flags, i;

	for (i = 0; i < 10 && !apart; i++) {
		list = goexhaust_take_small(list);
		flags = memalloc_noreclaim_save();
		last = goexhaust_alloc(NULL, 64, GFP_ATOMIC | __GFP_NOWARN, 2);
		memalloc_noreclaim_restore(flags);
		with = goexhaust_alloc(list, 64, GFP_ATOMIC | __GFP_NOWARN, 3);
		list = with ?: list;
		if (last)
			gofree_sized(last, 64);
		after = goexhaust_alloc(list, 64, GFP_ATOMIC | __GFP_NOWARN, 4);
		list = after ?: list;
		apart = last && !with && !after;
	}
	pr_info("last pages: %s after %u tries\n", apart ? "apart" : "SHARED",
		i);
	ok = !goexhaust_free_list(list) && goexhaust_stats_sound();
	return ok && (apart || !checked);
}

/*
 * The second time at least three quarters of the first must be available: the
 * rest of the kernel may have allocated meanwhile.
 */
static int goexhaust_run(void)
{
	unsigned long first, again;
	unsigned int i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(rounds); i++) {
		ok &= goexhaust_play_round(&rounds[i], &first);
		ok &= goexhaust_play_round(&rounds[i], &again);
		if (!first || again < first - first / 4) {
			pr_err("%s: %lu KiB, and then %lu KiB\n",
			       rounds[i].name, first >> 10, again >> 10);
			ok = false;
		}
	}
	ok &= goexhaust_last_pages_are_apart();
	return ok ? 0 : -EIO;
}

static int __init goexhaust_init(void)
{
	int err;

	m = kmalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	err = goexhaust_run();
	kfree(m);
	return err;
}
module_init(goexhaust_init);

static void __exit goexhaust_exit(void)
{
}
module_exit(goexhaust_exit);

MODULE_DESCRIPTION("Uses up all memory with goalloc, for a test");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
