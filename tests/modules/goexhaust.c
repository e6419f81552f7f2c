// SPDX-License-Identifier: GPL-2.0
/*
 * goexhaust: all the memory there is, and then some.
 *
 * For a machine with little of it.  Takes objects of small and large sizes with
 * each of the flags that must not wait until there are none, so that the heap's
 * own error paths are walked by real shortage and not by injected one.  What
 * was had must be good to the last byte, what was not NULL; nobody else may be
 * killed for it; and when all is freed the same can be had again.
 *
 * The objects form a list through their own first bytes: there is no memory
 * for any other book-keeping.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goalloc.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

/**
 * struct obj - the front of every object
 * @next: the one before it
 * @size: its bytes
 * @fill: what the rest is filled with
 * @rest: all of its other bytes
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
 * @name: what to call it
 * @gfp: what to ask with
 * @size: bytes, in turn; from the end when one is not to be had
 * @nr: how many sizes
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

static struct goalloc_memstats *m;

static bool sound(void)
{
	goalloc_read_memstats(m);
	return m->heap_sys == m->heap_idle + m->heap_inuse &&
	       m->heap_alloc <= m->heap_inuse &&
	       m->heap_objects == m->mallocs - m->frees && !m->misuses;
}

static struct obj *take(struct obj *next, size_t size, gfp_t gfp, u8 fill)
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

/* All there is: a size that cannot be had is not asked for any more. */
static struct obj *fill_up(const struct round *r, unsigned long *n,
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
		o = take(list, r->size[i], r->gfp, *n);
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

static unsigned long give_back(struct obj *list)
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

static bool play(const struct round *r, unsigned long *bytes)
{
	unsigned long n, bad;
	struct obj *list;
	u64 live, failures;
	bool ok = true;

	goalloc_free_os_memory();
	ok &= sound();
	live = m->heap_objects;
	failures = m->failures;
	list = fill_up(r, &n, bytes);
	ok &= sound();
	/* Each size has come to its end, and each end has been counted. */
	ok &= m->heap_objects == live + n && m->failures == failures + r->nr;
	bad = give_back(list);
	ok &= sound();
	ok &= m->heap_objects == live && !bad;
	goalloc_free_os_memory();
	ok &= sound();
	pr_info("%s: %lu objects, %lu KiB, %lu changed, %llu KiB left: %s\n",
		r->name, n, *bytes >> 10, bad, m->heap_sys >> 10,
		ok ? "ok" : "WRONG");
	return ok;
}

/* As much as the first time, but for what others have taken meanwhile. */
static int run(void)
{
	unsigned long first, again;
	unsigned int i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(rounds); i++) {
		ok &= play(&rounds[i], &first);
		ok &= play(&rounds[i], &again);
		if (!first || again < first - first / 4) {
			pr_err("%s: %lu KiB, and then %lu KiB\n",
			       rounds[i].name, first >> 10, again >> 10);
			ok = false;
		}
	}
	return ok ? 0 : -EIO;
}

static int __init goexhaust_init(void)
{
	int err;

	m = kmalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	err = run();
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
