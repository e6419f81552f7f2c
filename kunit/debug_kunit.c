// SPDX-License-Identifier: GPL-2.0
/*
 * goalloc_debug: what debug= promises.
 *
 * Each case says what is under suspicion, does something wrong or nothing at
 * all, and asserts the counter of the very kind and the words of the report.
 * The letters are taken back after each case, so that no other suite runs under
 * suspicion.
 */

#include <linux/irqflags.h>
#include <linux/poison.h>
#include <linux/preempt.h>
#include <linux/string.h>
#include "api.h"
#include "hooks.h"
#include "objects.h"
#include "observe/observe.h"
#include "span.h"

static int debug_init(struct kunit *test)
{
	if (!static_key_enabled(&goalloc_check))
		return 0;
	return gotest_api_init(test);
}

static void debug_exit(struct kunit *test)
{
	godebug_set("");
	if (static_key_enabled(&goalloc_check))
		gotest_api_exit(test);
}

static void debug_on(struct kunit *test, const char *letters)
{
	if (!static_key_enabled(&goalloc_check))
		kunit_skip(test, "debug= needs check=1");
	KUNIT_ASSERT_EQ(test, godebug_set(letters), 0);
}

static long caught(enum gomisuse kind)
{
	return gotest_misuses(&goalloc_heap, kind);
}

static long caught_any(void)
{
	long n = 0;
	int i;

	for (i = 0; i < GO_NR_MISUSES; i++)
		n += caught(i);
	return n;
}

static void expect_report(struct kunit *test, const char *words)
{
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(goalloc_heap.report, words),
				  "\"%s\" does not say \"%s\"",
				  goalloc_heap.report, words);
}

static const struct size {
	const char *name;
	size_t size;
} debug_sizes[] = {
	{ "1 byte", 1 }, { "8 bytes", 8 }, { "24 bytes", 24 },
	{ "64 bytes", 64 }, { "100 bytes", 100 }, { "1024 bytes", 1024 },
	{ "2560 bytes", 2560 }, { "4096 bytes", 4096 },
	{ "5000 bytes", 5000 }, { "16384 bytes", 16384 },
	{ "20000 bytes", 20000 },
};

KUNIT_ARRAY_PARAM_DESC(debug_size, debug_sizes, name);

/* Without a mistake nothing is reported, and all is as promised. */
static void debug_innocent(struct kunit *test)
{
	size_t size = ((const struct size *)test->param_value)->size;
	long before = caught_any();
	void *p[20];
	int i;

	debug_on(test, "FZPU");
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = i % 2 ? gomalloc(size, GFP_KERNEL) :
			       gozalloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_EQ(test, gosize(p[i]), size);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p[i],
						   size & -size));
		if (!(i % 2))
			KUNIT_EXPECT_NULL(test, memchr_inv(p[i], 0, size));
		memset(p[i], 0x11, size);
	}
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		if (i % 3)
			gofree(p[i]);
		else
			gofree_sized(p[i], size);
	}
	KUNIT_EXPECT_EQ(test, caught_any(), before);
}

/* One byte behind what was asked for, though well inside the class. */
static void debug_overflow(struct kunit *test)
{
	size_t size = ((const struct size *)test->param_value)->size;
	long before = caught(GO_OVERFLOW), all = caught_any();
	char *p;

	debug_on(test, "ZU");
	p = gomalloc(size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	OPTIMIZER_HIDE_VAR(p);
	p[size] = 0;
	gofree(p);
	KUNIT_EXPECT_EQ(test, caught(GO_OVERFLOW), before + 1);
	KUNIT_EXPECT_EQ(test, caught_any(), all + 1);
	expect_report(test, "write behind the end: ");
	expect_report(test, "bytes allocated by ");
	expect_report(test, __func__);
}

/* So far behind that even the record is gone. */
static void debug_overflow_far(struct kunit *test)
{
	long before = caught(GO_OVERFLOW);
	char *p;

	debug_on(test, "ZPU");
	p = gomalloc(64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	OPTIMIZER_HIDE_VAR(p);
	memset(p, 0, gomalloc_size_roundup(64 + 8 + 48));
	gofree(p);
	KUNIT_EXPECT_EQ(test, caught(GO_OVERFLOW), before + 1);
	expect_report(test, "record overwritten");
}

/* Found when the object is handed out again, to whomever is suspected too. */
static void debug_write_after_free(struct kunit *test)
{
	size_t size = ((const struct size *)test->param_value)->size;
	long before = caught(GO_USED_FREE), all = caught_any();
	char *p, *q;

	debug_on(test, "PU");
	p = gomalloc(size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	gofree(p);
	OPTIMIZER_HIDE_VAR(p);
	KUNIT_EXPECT_EQ(test, (u8)p[size / 2], POISON_FREE);
	p[size - 1] ^= 1;
	q = gomalloc(size, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	KUNIT_EXPECT_EQ(test, caught(GO_USED_FREE), before + 1);
	KUNIT_EXPECT_EQ(test, caught_any(), all + 1);
	expect_report(test, "write after free: ");
	expect_report(test, "freed by ");
	expect_report(test, __func__);
	gofree(q);
}

static void debug_double_free(struct kunit *test)
{
	long before = caught(GO_DOUBLE_FREE), all = caught_any();
	void *p;

	debug_on(test, "FZPU");
	p = gomalloc(100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	gofree(p);
	gofree(p);
	KUNIT_EXPECT_EQ(test, caught(GO_DOUBLE_FREE), before + 1);
	KUNIT_EXPECT_EQ(test, caught_any(), all + 1);
	expect_report(test, "double free: ");
	expect_report(test, "freed by ");
	expect_report(test, __func__);
}

static void debug_wrong_size(struct kunit *test)
{
	long before = caught(GO_WRONG_SIZE);
	void *p;

	debug_on(test, "Z");
	p = gomalloc(100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	gofree_sized(p, 200);
	KUNIT_EXPECT_EQ(test, caught(GO_WRONG_SIZE), before + 1);
	KUNIT_EXPECT_EQ(test, gosize(p), 100);
	gofree_sized(p, 100);
}

/* F: a span that says of a free object that it is live is noticed. */
static void debug_insane(struct kunit *test)
{
	long before = caught(GO_INSANE);
	unsigned int idx;
	struct gospan *s;
	void *p;
	u8 was;

	debug_on(test, "F");
	p = gomalloc(700, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	preempt_disable();
	s = gospan_of(&goalloc_heap, p);
	preempt_enable();
	idx = find_first_bit(s->avail, s->nelems);
	KUNIT_ASSERT_LT(test, idx, s->nelems);
	was = s->objstate[idx];
	s->objstate[idx] = GO_OBJ_LIVE;
	gofree(p);
	s->objstate[idx] = was;
	KUNIT_EXPECT_GT(test, caught(GO_INSANE), before);
	expect_report(test, "broken span: ");
}

/* Only those of the class. */
static void debug_one_class(struct kunit *test)
{
	void *p, *q;

	debug_on(test, "Z,64");
	p = gomalloc(60, GFP_KERNEL);
	q = gomalloc(100, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, gosize(p), 60);
	KUNIT_EXPECT_EQ(test, gosize(q), 112);
	gofree(p);
	gofree(q);
}

static noinline __noclone void *suspect(size_t size)
{
	void *p = gomalloc(size, GFP_KERNEL);

	barrier();
	return p;
}

/* Only what a function allocates, or a module. */
static void debug_one_caller(struct kunit *test)
{
	static const struct {
		const char *who;
		size_t mine, suspects;
	} c[] = {
		{ "suspect", 112, 100 },
		{ __func__, 100, 112 },
		{ "goalloc_kunit", 100, 100 },
		{ "goalloc", 112, 112 },
		{ "nobody", 112, 112 },
	};
	char letters[40];
	void *p, *q;
	int i;

	for (i = 0; i < ARRAY_SIZE(c); i++) {
		snprintf(letters, sizeof(letters), "Z,%s", c[i].who);
		debug_on(test, letters);
		p = gomalloc(100, GFP_KERNEL);
		q = suspect(100);
		KUNIT_EXPECT_EQ_MSG(test, gosize(p), c[i].mine, "%s",
				    letters);
		KUNIT_EXPECT_EQ_MSG(test, gosize(q), c[i].suspects, "%s",
				    letters);
		gofree(p);
		gofree(q);
	}
}

/* An object is freed as it was made, whatever is suspected by then. */
static void debug_switched(struct kunit *test)
{
	long before = caught_any();
	void *p, *q;

	debug_on(test, "");
	p = gomalloc(64, GFP_KERNEL);
	debug_on(test, "ZP");
	q = gomalloc(64, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, gosize(p), 64);
	gofree(p);
	debug_on(test, "");
	KUNIT_EXPECT_EQ(test, gosize(q), 64);
	((char *)q)[63] = 1;
	gofree(q);
	KUNIT_EXPECT_EQ(test, caught_any(), before);
}

/* What is no letter changes nothing. */
static void debug_refuses(struct kunit *test)
{
	static const char * const bad[] = {
		"X", "FZX", "z", "Z,", "Z,0", "Z,32769",
		"Z,a_name_that_is_longer_than_any_function_has_here",
		"F,-1", "F,64,32", "F,0x40", "F,a b",
	};
	char *text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, text);
	debug_on(test, "ZP,64");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, godebug_set(bad[i]), -EINVAL, "%s",
				    bad[i]);
	godebug_get(text);
	KUNIT_EXPECT_STREQ(test, text, "ZP,64\n");
	KUNIT_EXPECT_TRUE(test, static_key_enabled(&goalloc_debug));
	debug_on(test, "\n");
	KUNIT_EXPECT_FALSE(test, static_key_enabled(&goalloc_debug));
}

/* The rest of the API does not notice. */
static void debug_other_calls(struct kunit *test)
{
	long before = caught_any();
	char *p, *q;
	void *v[8];

	debug_on(test, "FZPU");
	p = gostrdup("suspicious", GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	p = gorealloc(p, 5000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_STREQ(test, p, "suspicious");
	q = gorealloc(p, 20, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	gofree_sensitive(q);

	p = gomalloc_noscan(3, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, gosize(p), 3);
	gofree(p);
	KUNIT_EXPECT_EQ(test, gomalloc_bulk(GFP_KERNEL, 40, ARRAY_SIZE(v), v),
			ARRAY_SIZE(v));
	gofree_bulk(ARRAY_SIZE(v), v);
	p = gomalloc(100000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	gofree(p);
	KUNIT_EXPECT_EQ(test, caught_any(), before);
}

KUNIT_ARRAY_PARAM_DESC(context, gotest_contexts, name);

static void use_object(void *data)
{
	void *p = gomalloc(64, GFP_ATOMIC);

	if (p)
		memset(p, 1, 64);
	gofree(p);
	*(bool *)data = p;
}

static void debug_in_context(struct kunit *test)
{
	const struct gotest_context_param *c = test->param_value;
	long before = caught_any();
	bool done = false;

	debug_on(test, "FZPU");
	gofree(gomalloc(64, GFP_KERNEL));
	gotest_run_in(c->context, use_object, &done);
	gotest_settle(&goalloc_heap);
	KUNIT_EXPECT_TRUE(test, done);
	KUNIT_EXPECT_EQ(test, caught_any(), before);
}

/* With check=0 it is refused, as at load: a free would find nothing. */
static void debug_needs_check(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, godebug_set("Z"),
			static_key_enabled(&goalloc_check) ? 0 : -EINVAL);
	KUNIT_EXPECT_EQ(test, static_key_enabled(&goalloc_debug),
			static_key_enabled(&goalloc_check));
	KUNIT_EXPECT_EQ(test, godebug_set(""), 0);
	KUNIT_EXPECT_FALSE(test, static_key_enabled(&goalloc_debug));
}

static struct kunit_case debug_cases[] = {
	KUNIT_CASE(debug_needs_check),
	KUNIT_CASE_PARAM(debug_innocent, debug_size_gen_params),
	KUNIT_CASE_PARAM(debug_overflow, debug_size_gen_params),
	KUNIT_CASE(debug_overflow_far),
	KUNIT_CASE_PARAM(debug_write_after_free, debug_size_gen_params),
	KUNIT_CASE(debug_double_free),
	KUNIT_CASE(debug_wrong_size),
	KUNIT_CASE(debug_insane),
	KUNIT_CASE(debug_one_class),
	KUNIT_CASE(debug_one_caller),
	KUNIT_CASE(debug_switched),
	KUNIT_CASE(debug_refuses),
	KUNIT_CASE(debug_other_calls),
	KUNIT_CASE_PARAM(debug_in_context, context_gen_params),
	{}
};

static struct kunit_suite debug_suite = {
	.name = "goalloc_debug",
	.init = debug_init,
	.exit = debug_exit,
	.test_cases = debug_cases,
};

kunit_test_suite(debug_suite);
