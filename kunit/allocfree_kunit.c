// SPDX-License-Identifier: GPL-2.0
/*
 * goalloc_allocfree: what allocfreetrace= takes, and what it leaves.
 *
 * The lines themselves are in the kernel log, where tests/guest/system.sh counts
 * them.  Here is what a script cannot see: no memory, the keys, and that a text
 * which is refused changes nothing.
 */

#include <linux/fault-inject.h>
#include <linux/sched.h>
#include <linux/string.h>
#include "calls.h"
#include "hooks.h"
#include "observe/observe.h"
#include "trace.h"

static int allocfree_init(struct kunit *test)
{
	return gotest_api_init(test);
}

static void allocfree_exit(struct kunit *test)
{
	goallocfree_set("off");
	gotest_api_exit(test);
}

static void expect_text(struct kunit *test, const char *want)
{
	char *page = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_EXPECT_EQ(test, goallocfree_get(page), strlen(want));
	KUNIT_EXPECT_STREQ(test, page, want);
}

static void need_tracepoints(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "this kernel has no tracepoints");
}

static const struct text {
	const char *val;
} bad_texts[] = {
	{ "on" }, { "module" }, { "module=" }, { "module=a b" },
	{ "module=a,size=1" }, { "size=" }, { "size=0" }, { "size=-1" },
	{ "size=1-" }, { "size=5-4" }, { "size=1K-1" }, { "size=18446744073709551616" },
	{ "off\noff" }, { " off" },
	{ "module=a_name_that_is_longer_than_any_module_may_have_in_this_kernel" },
};

/* What is wrong is refused, on and off, and changes nothing. */
static void allocfree_refuses(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(bad_texts); i++)
		KUNIT_EXPECT_EQ_MSG(test, goallocfree_set(bad_texts[i].val),
				    -EINVAL, "%s", bad_texts[i].val);
	expect_text(test, "off\n");
	need_tracepoints(test);
	KUNIT_ASSERT_EQ(test, goallocfree_set("size=3000000-4M\n"), 0);
	for (i = 0; i < ARRAY_SIZE(bad_texts); i++)
		KUNIT_EXPECT_EQ_MSG(test, goallocfree_set(bad_texts[i].val),
				    -EINVAL, "%s", bad_texts[i].val);
	expect_text(test, "size=3000000-4M\n");
	KUNIT_EXPECT_TRUE(test, static_key_enabled(&goalloc_watch));
	KUNIT_EXPECT_EQ(test, goallocfree_set(""), 0);
	expect_text(test, "off\n");
	KUNIT_EXPECT_FALSE(test, static_key_enabled(&goalloc_watch));
}

/* A kernel without tracepoints says so. */
static void allocfree_needs(struct kunit *test)
{
	if (IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "this kernel has tracepoints");
	KUNIT_EXPECT_EQ(test, goallocfree_set("size=64"), -EOPNOTSUPP);
	expect_text(test, "off\n");
	KUNIT_EXPECT_EQ(test, goallocfree_set("off"), 0);
}

#ifdef CONFIG_FAULT_INJECTION
/* Without memory for the lines it is off, and may be tried again. */
static void allocfree_no_memory(struct kunit *test)
{
	need_tracepoints(test);
	goallocfree_stop();
	KUNIT_EXPECT_EQ(test, goallocfree_start(), 0);
	goalloc_fail.verbose = 0;
	goalloc_fail.interval = 1;
	goalloc_fail.task_filter = true;
	atomic_set(&goalloc_fail.space, 0);
	atomic_set(&goalloc_fail.times, 1);
	current->make_it_fail = 1;
	WRITE_ONCE(goalloc_fail.probability, 100);
	KUNIT_EXPECT_EQ(test, goallocfree_set("size=64"), -ENOMEM);
	WRITE_ONCE(goalloc_fail.probability, 0);
	current->make_it_fail = 0;
	goalloc_fail.task_filter = false;
	expect_text(test, "off\n");
	KUNIT_EXPECT_FALSE(test, static_key_enabled(&goalloc_watch));
	KUNIT_EXPECT_EQ(test, goallocfree_set("size=64"), 0);
	expect_text(test, "size=64\n");
}
#endif

KUNIT_ARRAY_PARAM_DESC(allocfree_context, gotest_contexts, name);

static void come_and_go(void *arg)
{
	int i;

	for (i = 0; i < 50; i++)
		gofree(gomalloc(HIDE((size_t)72), GFP_ATOMIC));
}

/* More lines than there is room for, from any context. */
static void allocfree_contexts(struct kunit *test)
{
	const struct gotest_context_param *param = test->param_value;
	void *p;

	need_tracepoints(test);
	p = gomalloc(HIDE((size_t)72), GFP_KERNEL);
	gofree(p);
	KUNIT_ASSERT_EQ(test, goallocfree_set("module=goalloc_kunit"), 0);
	gotest_run_in(param->context, come_and_go, NULL);
	KUNIT_EXPECT_EQ(test, goallocfree_set("off"), 0);
	gotest_settle(&goalloc_heap);
}

static struct kunit_case allocfree_cases[] = {
	KUNIT_CASE(allocfree_refuses),
	KUNIT_CASE(allocfree_needs),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE(allocfree_no_memory),
#endif
	KUNIT_CASE_PARAM(allocfree_contexts, allocfree_context_gen_params),
	{}
};

static struct kunit_suite allocfree_suite = {
	.name = "goalloc_allocfree",
	.init = allocfree_init,
	.exit = allocfree_exit,
	.test_cases = allocfree_cases,
};

kunit_test_suite(allocfree_suite);
