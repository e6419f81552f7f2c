// SPDX-License-Identifier: GPL-2.0
/*
 * Client: modules come and go.
 *
 * The kernel tells of each module before its first function runs and after its
 * last one has.  A module that calls goalloc gets a number then, and has its
 * byte filled: see owner.c.  When it has gone, all that it has allocated should
 * be free.  If something is not, that is said in one line, with the caller that
 * allocated it where GOALLOC_SITES or debug=U knows that or the heap profile has a
 * sample of it, and else with the size.
 *
 * A leak is what kmemleak finds, by looking through all memory for pointers, on
 * kernels that are built for it.  This one needs no search, since a module that
 * has gone has no pointers; but an object that it has handed to another module is
 * said to be left, too.  It is freed some day, and that is no mistake: so it is
 * a warning, unless leaks=error makes it more.
 *
 * A module that is loaded again gets another number, so that it is not blamed for
 * what it left the last time.  If there are no more numbers, what modules
 * allocate is nobody's.
 */

#include <linux/goalloc.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include "api.h"
#include "hooks.h"
#include "observe.h"
#include "owner.h"

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

/* A line names so many sizes or callers, and those of the most bytes. */
#define MAX_KINDS	8

/**
 * struct kind - objects that a module has left and that are alike
 * @bytes: of each
 * @n: how many
 * @site: the caller that allocated them, 0 if that is not known
 * @at: the call site that has counted them, or 0
 */
struct kind {
	size_t bytes;
	unsigned long n;
	unsigned long site;
	unsigned int at;
};

/**
 * struct verdict - what a module has left
 * @owner: its number
 * @nr: kinds of objects
 * @objects: all objects
 * @bytes: their bytes
 * @others: objects of kinds that had no room
 * @kind: by bytes, the most first
 */
struct verdict {
	u8 owner;
	unsigned int nr;
	unsigned long objects;
	unsigned long bytes;
	unsigned long others;
	struct kind kind[MAX_KINDS];
};

/**
 * goclient_set_leaks - set the parameter leaks=
 * @val: off, warn or error
 *
 * Context: task.
 * Return: 0 or -EINVAL.
 */
int goclient_set_leaks(const char *val)
{
	int i = sysfs_match_string(leaks_names, val);

	if (i >= 0)
		WRITE_ONCE(leaks, i);
	return i < 0 ? i : 0;
}

/**
 * goclient_get_leaks - say what the parameter leaks= is
 * @buf: where to write, a page
 *
 * Context: task.
 * Return: bytes written.
 */
int goclient_get_leaks(char *buf)
{
	return sysfs_emit(buf, "%s\n", leaks_names[READ_ONCE(leaks)]);
}

/* The byte that <linux/goalloc.h> has given a module, or NULL. */
static u8 *owner_byte(const struct module *mod)
{
	unsigned int i;

	for (i = 0; i < mod->num_kp; i++)
		if (mod->kp[i].ops == &param_ops_byte &&
		    !strcmp(mod->kp[i].name, GOALLOC_OWNER_PARAM))
			return mod->kp[i].arg;
	return NULL;
}

/* Does a module use goalloc?  It is the one that the kernel tells of. */
static bool uses_goalloc(const struct module *mod)
{
#ifdef CONFIG_MODULE_UNLOAD
	const struct goalloc_module_use *use;

	list_for_each_entry(use, &mod->target_list, target_list)
		if (use->target == THIS_MODULE)
			return true;
#endif
	return false;
}

static void client_comes(const struct module *mod)
{
	u8 owner, *byte = owner_byte(mod);

	if (!byte && !uses_goalloc(mod))
		return;
	mutex_lock(&goowners_lock);
	owner = goowner_take(mod, !byte);
	if (owner == GO_OWNER_UNKNOWN) {
		/* Numbers of modules that have gone may be free by now. */
		kvfree(goowners_count(&goalloc_heap));
		owner = goowner_take(mod, !byte);
	}
	goowners_full += owner == GO_OWNER_UNKNOWN;
	mutex_unlock(&goowners_lock);
	if (byte) {
		WRITE_ONCE(*byte, owner);
		gosites_add(mod, owner);
	}
	goinittrace_begin(owner);
}

/* A module's init has run, and its text is about to go. */
static void client_lives(const struct module *mod)
{
	u8 owner;

	mutex_lock(&goowners_lock);
	owner = goowner_of_module(mod);
	mutex_unlock(&goowners_lock);
	if (owner != GO_OWNER_UNKNOWN)
		goinittrace_end(owner, true);
}

/* Note objects among those of which there are the most bytes. */
static void add_kind(struct verdict *v, struct kind k)
{
	unsigned int i;

	for (i = 0; i < v->nr; i++)
		if (k.bytes * k.n > v->kind[i].bytes * v->kind[i].n)
			swap(k, v->kind[i]);
	if (v->nr < MAX_KINDS)
		v->kind[v->nr++] = k;
	else
		v->others += k.n;
}

static void judge(const struct goowners_found *f, void *data)
{
	struct kind k = { f->bytes, f->n, f->site, f->at };
	struct verdict *v = data;
	unsigned int i;

	if (f->owner != v->owner)
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

/* Look at what an owner has; objects on their way through RCU are not left. */
static int look(struct goheap *h, struct verdict *v, u8 owner)
{
	int err;

	memset(v, 0, sizeof(*v));
	v->owner = owner;
	err = goowners_walk(h, judge, v);
	if (err || !v->objects)
		return err;
	rcu_barrier();
	memset(v, 0, sizeof(*v));
	v->owner = owner;
	return goowners_walk(h, judge, v);
}

/*
 * Name a caller of a module's; what only runs when that is loaded has no name any
 * more, but for the one that the heap profile has kept.
 */
static size_t name_site(char *buf, size_t len, unsigned long site,
			const char *module)
{
	char sym[KSYM_SYMBOL_LEN];

	snprintf(sym, sizeof(sym), "%pS", (void *)site);
	if (strstarts(sym, "0x") &&
	    !goprofile_name(site, module, sym, sizeof(sym)))
		strscpy(sym, "init code", sizeof(sym));
	return scnprintf(buf, len, " by %s", sym);
}

/* Compose what is said of a module: "mod left 3 objects, 208 bytes: ...". */
static void compose(const struct verdict *v, const char *name, char *buf,
		    size_t len)
{
	const struct kind *k;
	size_t n = scnprintf(buf, len, "%s left %lu objects, %lu bytes", name,
			     v->objects, v->bytes);

	for (k = v->kind; k < v->kind + v->nr; k++) {
		n += scnprintf(buf + n, len - n, "%s %lu of %zu",
			       k == v->kind ? ":" : ",", k->n, k->bytes);
		if (k->at)
			n += gosites_name(buf + n, len - n, k->at);
		else if (k->site)
			n += name_site(buf + n, len - n, k->site, name);
	}
	if (v->others)
		scnprintf(buf + n, len - n, ", %lu others", v->others);
}

static void pronounce(const struct verdict *v, const char *name)
{
	char line[768];

	if (READ_ONCE(leaks) == LEAKS_OFF)
		return;
	compose(v, name, line, sizeof(line));
	if (READ_ONCE(leaks) == LEAKS_ERROR)
		WARN(1, "goalloc: %s\n", line);
	else
		pr_warn("%s\n", line);
}

/* A module has gone: has it left anything? */
static void client_goes(const struct module *mod)
{
	struct verdict v = {};
	u8 owner;
	int err;

	mutex_lock(&goowners_lock);
	owner = goowner_of_module(mod);
	if (owner != GO_OWNER_UNKNOWN) {
		goinittrace_end(owner, false);
		err = look(&goalloc_heap, &v, owner);
		/* Not to know is not to blame; a reading will find out. */
		goowner_leave(owner, err || v.objects);
	}
	mutex_unlock(&goowners_lock);
	if (v.objects) {
		atomic_long_add(v.objects, &goalloc_heap.left_objects);
		atomic_long_add(v.bytes, &goalloc_heap.left_bytes);
		pronounce(&v, mod->name);
	}
	gosites_leave(mod);
}

static int module_changes(struct notifier_block *nb, unsigned long state,
			  void *mod)
{
	if (state == MODULE_STATE_COMING)
		client_comes(mod);
	else if (state == MODULE_STATE_LIVE)
		client_lives(mod);
	else if (state == MODULE_STATE_GOING)
		client_goes(mod);
	return NOTIFY_DONE;
}

static struct notifier_block modules = {
	.notifier_call = module_changes,
};

/**
 * goclient_init - begin to give modules numbers
 *
 * What this module itself allocates by its API is the device's.
 *
 * Context: task, before other modules can call.
 * Return: 0 or an error.
 */
int goclient_init(void)
{
	BUILD_BUG_ON(GOALLOC_OWNER_UNKNOWN != GO_OWNER_UNKNOWN);
	__goalloc_owner = GO_OWNER_DEV;
	goinittrace_init();
	return register_module_notifier(&modules);
}

/**
 * goclient_exit - stop that
 *
 * Context: task, when no other module can call.
 */
void goclient_exit(void)
{
	unregister_module_notifier(&modules);
}
