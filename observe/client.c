// SPDX-License-Identifier: GPL-2.0
/*
 * Client: modules come and go.
 *
 * The kernel tells of each module before its first function runs and after its
 * last one has.  A module that calls goalloc gets a number then, and has its
 * byte filled: see owner.c.  When it has gone, all that it has allocated should
 * be free.  If something is not, that is said in one line: see verdict.c.
 *
 * A module that is loaded again gets another number, so that it is not blamed for
 * what it left the last time.  If there are no more numbers, what modules
 * allocate is nobody's.
 */

#include <linux/goalloc.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/string.h>
#include "api.h"
#include "hooks.h"
#include "observe.h"
#include "owner.h"

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

/* A module has gone: has it left anything? */
static void client_goes(const struct module *mod)
{
	struct goverdict v = {};
	u8 owner;
	int err;

	mutex_lock(&goowners_lock);
	owner = goowner_of_module(mod);
	if (owner != GO_OWNER_UNKNOWN) {
		goinittrace_end(owner, false);
		/* Before another module gets the number. */
		gocaches_leave(owner);
		v.owner = owner;
		err = goverdict_find(&goalloc_heap, &v);
		/* Not to know is not to blame; a reading will find out. */
		goowner_leave(owner, err || v.objects);
	}
	mutex_unlock(&goowners_lock);
	if (v.objects) {
		atomic_long_add(v.objects, &goalloc_heap.left_objects);
		atomic_long_add(v.bytes, &goalloc_heap.left_bytes);
		goverdict_pronounce(&v, mod->name, mod);
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
