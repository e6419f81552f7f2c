// SPDX-License-Identifier: GPL-2.0
/*
 * goalloc: Go's memory allocator as a kernel module.
 *
 * This file starts the parts in order, ends them in reverse, and holds the
 * parameters that concern all of them.  It knows nothing of allocation.
 */

#include <linux/init.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include "api.h"
#include "dev/dev.h"
#include "dropin_cache.h"
#include "gc/gc.h"
#include "gov.h"
#include "hooks.h"
#include "lifecycle.h"
#include "observe/observe.h"
#include "reclaim/reclaim.h"
#include "shape.h"

/*
 * Off is for tested modules where each instruction counts: then a free believes
 * its pointer, and a double free is found only at the object's span.
 */
static bool check = true;
module_param(check, bool, 0444);
MODULE_PARM_DESC(check, "verify every free at the call (default on; load time only)");

static int debug_param_set(const char *val, const struct kernel_param *kp)
{
	return godebug_set(val);
}

static int debug_param_get(char *buf, const struct kernel_param *kp)
{
	return godebug_get(buf);
}

/* As slab_debug=, but at any time: to suspect a client takes no reboot. */
static const struct kernel_param_ops debug_ops = {
	.set = debug_param_set,
	.get = debug_param_get,
};
module_param_cb(debug, &debug_ops, NULL, 0644);
MODULE_PARM_DESC(debug, "F sanity, Z red zone, P poison, U users; \"LETTERS[,SIZE|,FUNCTION|,MODULE]\", empty for none (default); needs check=1");

static int leaks_param_set(const char *val, const struct kernel_param *kp)
{
	return goverdict_set_leaks(val);
}

static int leaks_param_get(char *buf, const struct kernel_param *kp)
{
	return goverdict_get_leaks(buf);
}

static const struct kernel_param_ops leaks_ops = {
	.set = leaks_param_set,
	.get = leaks_param_get,
};
module_param_cb(leaks, &leaks_ops, NULL, 0644);
MODULE_PARM_DESC(leaks, "what to do when an unloaded module has left objects: off, warn (default), or error, which is a WARN");
static int profile_rate_set(const char *val, const struct kernel_param *kp)
{
	return goprofile_set_rate(val);
}

static int profile_stacks_set(const char *val, const struct kernel_param *kp)
{
	return goprofile_set_stacks(val);
}

static int profile_get(char *buf, const struct kernel_param *kp)
{
	/* Any argument tells the two from each other. */
	return goprofile_get(buf, kp->arg);
}

/* Go's MemProfileRate.  A heap in use tells nothing of itself when it is off. */
static const struct kernel_param_ops profile_rate_ops = {
	.set = profile_rate_set,
	.get = profile_get,
};
module_param_cb(profile_rate, &profile_rate_ops, NULL, 0644);
MODULE_PARM_DESC(profile_rate, "heap profile: bytes between two samples (default 524288); 1 for everything, 0 for none; needs check=1");

static const struct kernel_param_ops profile_stacks_ops = {
	.set = profile_stacks_set,
	.get = profile_get,
};
module_param_cb(profile_stacks, &profile_stacks_ops, &check, 0644);
MODULE_PARM_DESC(profile_stacks, "heap profile: stacks that it has room for (default 1024; 16 to 65536)");

static int inittrace_param_set(const char *val, const struct kernel_param *kp)
{
	return goinittrace_set(val);
}

static int inittrace_param_get(char *buf, const struct kernel_param *kp)
{
	return goinittrace_get(buf);
}

static const struct kernel_param_ops inittrace_ops = {
	.set = inittrace_param_set,
	.get = inittrace_param_get,
};
module_param_cb(inittrace, &inittrace_ops, NULL, 0644);
MODULE_PARM_DESC(inittrace, "log what each module allocates in its init: 1, or 0 (default)");

static int allocfree_param_set(const char *val, const struct kernel_param *kp)
{
	return goallocfree_set(val);
}

static int allocfree_param_get(char *buf, const struct kernel_param *kp)
{
	return goallocfree_get(buf);
}

static const struct kernel_param_ops allocfree_ops = {
	.set = allocfree_param_set,
	.get = allocfree_param_get,
};
module_param_cb(allocfreetrace, &allocfree_ops, NULL, 0644);
MODULE_PARM_DESC(allocfreetrace, "log each allocation and free with its stack: \"module=NAME\", \"size=N\", \"size=N-M\", or \"off\" (default)");

static int __init goalloc_init(void)
{
	int err;

	if (!check && static_key_enabled(&goalloc_debug)) {
		pr_err("goalloc: debug= needs check=1\n");
		return -EINVAL;
	}
	/* As parameters do, before any other code can get at ours. */
	if (!check)
		static_branch_disable(&goalloc_check);
	if (want_init_on_alloc(0))
		static_branch_inc(&goalloc_detour);
	if (want_init_on_free())
		static_branch_inc(&goalloc_free_detour);

	goshape_init();
	goreport_init();
	golimit_init();
	goscavenge_init();
	err = godrain_hotplug_init();
	if (err)
		return err;
	err = gocycle_start();
	if (err)
		goto err_hotplug;
	err = golifecycle_begin(&goalloc_heap);
	if (err)
		goto err_cycle;
	err = goprofile_init(check);
	if (err)
		goto err_heap;
	err = golimit_start(&goalloc_heap);
	if (err)
		goto err_profile;
	err = goallocfree_start();
	if (err)
		goto err_allocfree;
	err = goshrink_init();
	if (err)
		goto err_allocfree;
	err = goclient_init();
	if (err)
		goto err_shrink;
	err = godev_init();
	if (err)
		goto err_client;
	/* Nothing may fail once there are files: one of them may be open. */
	godebugfs_init();
	godev_show_clients();
	gobackground_start(&goalloc_heap);
	return 0;

err_client:
	goclient_exit();
err_shrink:
	goshrink_exit();
err_allocfree:
	goallocfree_stop();
	golimit_stop();
err_profile:
	goprofile_exit();
err_heap:
	golifecycle_end(&goalloc_heap);
err_cycle:
	gocycle_end();
err_hotplug:
	godrain_hotplug_exit();
	return err;
}
module_init(goalloc_init);

static void __exit goalloc_exit(void)
{
	godebugfs_exit();
	godev_exit();
	goclient_exit();
	goshrink_exit();
	goallocfree_stop();
	golimit_stop();
	/* Wait for objects on their way through gofree_rcu(). */
	rcu_barrier();
	godropin_cache_exit();
	gosites_exit();
	goprofile_exit();
	gov_exit();
	golifecycle_end(&goalloc_heap);
	gocycle_end();
	godrain_hotplug_exit();
}
module_exit(goalloc_exit);

MODULE_DESCRIPTION("Go's memory allocator for kernel modules");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
