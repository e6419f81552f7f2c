// SPDX-License-Identifier: GPL-2.0
/*
 * Verdict: what somebody who has gone has left, in one line.
 *
 * It names the callers that allocated it where GOALLOC_SITES or debug=U knows them or
 * the heap profile has a sample, and else the sizes.  It is asked for when a module has
 * been unloaded, and when a named cache is destroyed.
 *
 * A leak is what kmemleak finds, by looking through all memory for pointers, on
 * kernels that are built for it.  This one needs no search, since a module that
 * has gone has no pointers; but an object that it has handed to another module is
 * said to be left, too.  It is freed some day, and that is no mistake: so it is
 * a warning, unless leaks=error makes it more.
 */

#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include "observe.h"

#undef pr_fmt
#define pr_fmt(fmt) "goalloc: " fmt

/* What the parameter leaks= may be. */
enum leaks {
	LEAKS_OFF,
	LEAKS_WARN,
	LEAKS_ERROR,
};

static const char * const leaks_names[] = {
	[LEAKS_OFF] = "off",
	[LEAKS_WARN] = "warn",
	[LEAKS_ERROR] = "error",
};

static enum leaks leaks = LEAKS_WARN;

/**
 * goverdict_set_leaks - set the parameter leaks=
 * @val: off, warn or error
 *
 * Context: task.
 * Return: 0 or -EINVAL.
 */
int goverdict_set_leaks(const char *val)
{
	int i = sysfs_match_string(leaks_names, val);

	if (i >= 0)
		WRITE_ONCE(leaks, i);
	return i < 0 ? i : 0;
}

/**
 * goverdict_get_leaks - say what the parameter leaks= is
 * @buf: where to write, a page
 *
 * Context: task.
 * Return: bytes written.
 */
int goverdict_get_leaks(char *buf)
{
	return sysfs_emit(buf, "%s\n", leaks_names[READ_ONCE(leaks)]);
}

/* Note objects among those of which there are the most bytes. */
static void add_kind(struct goverdict *v, struct goverdict_kind k)
{
	unsigned int i;

	for (i = 0; i < v->nr; i++)
		if (k.bytes * k.n > v->kind[i].bytes * v->kind[i].n)
			swap(k, v->kind[i]);
	if (v->nr < GOVERDICT_KINDS)
		v->kind[v->nr++] = k;
	else
		v->others += k.n;
}

static void judge(const struct goowners_found *f, void *data)
{
	struct goverdict_kind k = { f->bytes, f->n, f->site, f->at };
	struct goverdict *v = data;
	unsigned int i;

	if ((v->owner && f->owner != v->owner) || (v->spc && f->spc != v->spc))
		return;
	v->objects += f->n;
	v->bytes += f->n * f->bytes;
	for (i = 0; i < v->nr; i++) {
		if (v->kind[i].bytes != k.bytes || v->kind[i].site != k.site ||
		    v->kind[i].at != k.at)
			continue;
		/* It goes, and comes again where it belongs. */
		k.n += v->kind[i].n;
		v->nr--;
		memmove(v->kind + i, v->kind + i + 1,
			(v->nr - i) * sizeof(k));
		break;
	}
	add_kind(v, k);
}

/* Look once. */
static int look(struct goheap *h, struct goverdict *v)
{
	*v = (struct goverdict) { .owner = v->owner, .spc = v->spc };
	return goowners_walk(h, judge, v);
}

/**
 * goverdict_find - look at what has been left
 * @h: the heap
 * @v: says whose, or of which span class; filled in
 *
 * Objects on their way through RCU are not left.
 *
 * Context: task, may sleep.
 * Return: 0 or -ENOMEM.
 */
int goverdict_find(struct goheap *h, struct goverdict *v)
{
	int err = look(h, v);

	if (err || !v->objects)
		return err;
	rcu_barrier();
	return look(h, v);
}

/*
 * Name a caller of a module's.  What only runs when that is loaded has no name any
 * more, but for the one that the heap profile has kept; and where it was, another
 * module may be by now, whose function has not done it.
 */
static size_t name_site(char *buf, size_t len, unsigned long site,
			const struct module *mod)
{
	char sym[KSYM_SYMBOL_LEN];

	if (!mod || within_module(site, mod))
		snprintf(sym, sizeof(sym), "%pS", (void *)site);
	else if (!goprofile_name(site, mod->name, sym, sizeof(sym)))
		strscpy(sym, "init code", sizeof(sym));
	return scnprintf(buf, len, " by %s", sym);
}

/* Compose what is said of a module: "mod left 3 objects, 208 bytes: ...". */
static void compose(const struct goverdict *v, const char *name,
		    const struct module *mod, char *buf, size_t len)
{
	const struct goverdict_kind *k;
	size_t n = scnprintf(buf, len, "%s left %lu objects, %lu bytes", name,
			     v->objects, v->bytes);

	for (k = v->kind; k < v->kind + v->nr; k++) {
		n += scnprintf(buf + n, len - n, "%s %lu of %zu",
			       k == v->kind ? ":" : ",", k->n, k->bytes);
		if (k->at)
			n += gosites_name(buf + n, len - n, k->at);
		else if (k->site)
			n += name_site(buf + n, len - n, k->site, mod);
	}
	if (v->others)
		scnprintf(buf + n, len - n, ", %lu others", v->others);
}

/**
 * goverdict_pronounce - say what has been left
 * @v: what was found
 * @name: by whom
 * @mod: the module that has allocated it; NULL if several may have
 *
 * Context: task.
 */
void goverdict_pronounce(const struct goverdict *v, const char *name,
			 const struct module *mod)
{
	char line[768];

	if (READ_ONCE(leaks) == LEAKS_OFF)
		return;
	compose(v, name, mod, line, sizeof(line));
	if (READ_ONCE(leaks) == LEAKS_ERROR)
		WARN(1, "goalloc: %s\n", line);
	else
		pr_warn("%s\n", line);
}
