// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of owners: every object counts as the module's that has allocated it,
 * exactly, and as nobody else's.
 *
 * Modules that come and go are made up here: what client.c looks at of one is its
 * name, where it is and the byte for its number.  They are where this module is,
 * which passes the number of whichever it plays, by its own byte.
 */

#include "../observe/verdict.c"
#include "../observe/client.c"

#include <linux/fault-inject.h>
#include <linux/panic.h>
#include <linux/sched.h>
#include "calls.h"
#include "span.h"
#include "tiny.h"

/* What <linux/goalloc.h> named before its functions passed an owner. */
void *old_malloc(size_t size, gfp_t gfp) __asm__("__gomalloc");
void *old_class(size_t size, gfp_t gfp, unsigned long class)
	__asm__("gomalloc_class");
void *old_noscan(size_t size, gfp_t gfp) __asm__("gomalloc_noscan");
void *old_node(size_t size, gfp_t gfp, int node) __asm__("gomalloc_node");
void *old_realloc(const void *p, size_t size, gfp_t gfp) __asm__("gorealloc");
size_t old_bulk(gfp_t gfp, size_t size, size_t n, void **p)
	__asm__("gomalloc_bulk");
void *old_memdup(const void *src, size_t len, gfp_t gfp) __asm__("gomemdup");
char *old_strdup(const char *s, gfp_t gfp) __asm__("gostrdup");

/**
 * struct actor - a module that does not exist
 * @mod: what the kernel would tell of it
 * @kp: the parameter that its header has
 * @byte: its number
 */
struct actor {
	struct module mod;
	struct kernel_param kp;
	u8 byte;
};

static u8 own_byte;

static struct actor *actor_new(struct kunit *test, const char *name)
{
	struct actor *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	const struct kernel_param kp = {
		.name = GOALLOC_OWNER_PARAM,
		.ops = &param_ops_byte,
		.arg = a ? &a->byte : NULL,
	};

	KUNIT_ASSERT_NOT_NULL(test, a);
	memcpy(&a->kp, &kp, sizeof(kp));
	strscpy(a->mod.name, name, sizeof(a->mod.name));
	a->mod.kp = &a->kp;
	a->mod.num_kp = 1;
	memcpy(a->mod.mem, THIS_MODULE->mem, sizeof(a->mod.mem));
	client_comes(&a->mod);
	return a;
}

static int owners_init(struct kunit *test)
{
	if (!static_key_enabled(&goalloc_check))
		kunit_skip(test, "check=0 knows no owners");
	own_byte = __goalloc_owner;
	leaks = LEAKS_OFF;
	return gotest_api_init(test);
}

static void owners_exit(struct kunit *test)
{
	if (!static_key_enabled(&goalloc_check))
		return;
	__goalloc_owner = own_byte;
	KUNIT_EXPECT_EQ(test, goprofile_set_rate("524288"), 0);
	gotest_api_exit(test);
}

/* What an owner has now; of one class, or of all if that is GO_NR_CLASSES. */
static struct goowners_count held_of(struct kunit *test, u8 owner,
				     unsigned int class)
{
	struct goowners_count sum = {}, *c;
	unsigned int i;

	mutex_lock(&goowners_lock);
	c = goowners_count(&goalloc_heap);
	mutex_unlock(&goowners_lock);
	KUNIT_ASSERT_NOT_NULL(test, c);
	for (i = 0; i < GO_NR_CLASSES; i++) {
		if (class != GO_NR_CLASSES && class != i)
			continue;
		sum.objects += c[(owner - GO_OBJ_LIVE) * GOOWNERS_CLASSES + i].objects;
		sum.bytes += c[(owner - GO_OBJ_LIVE) * GOOWNERS_CLASSES + i].bytes;
	}
	kvfree(c);
	return sum;
}

static void expect_held(struct kunit *test, u8 owner, unsigned long objects,
			unsigned long bytes)
{
	struct goowners_count sum = held_of(test, owner, GO_NR_CLASSES);

	KUNIT_EXPECT_EQ(test, sum.objects, objects);
	KUNIT_EXPECT_EQ(test, sum.bytes, bytes);
}

static void *way_const(void) { return gomalloc(64, GFP_KERNEL); }
static void *way_size(void) { return gomalloc(HIDE(100UL), GFP_KERNEL); }
static void *way_zeroed(void) { return gozalloc(HIDE(300UL), GFP_KERNEL); }
static void *way_tiny(void) { return gomalloc_noscan(5, GFP_KERNEL); }
static void *way_noscan(void) { return gomalloc_noscan(500, GFP_KERNEL); }
static void *way_large(void) { return gomalloc(HIDE(100000UL), GFP_KERNEL); }
static void *way_array(void) { return gocalloc(HIDE(10UL), 10, GFP_KERNEL); }
static void *way_new(void) { return gorealloc(NULL, 77, GFP_KERNEL); }
static void *way_memdup(void) { return gomemdup("0123456789", 10, GFP_KERNEL); }
static void *way_strdup(void) { return gostrdup("a string", GFP_KERNEL); }

static void *way_node(void)
{
	return gomalloc_node(64, GFP_KERNEL, first_memory_node);
}

static void *way_large_node(void)
{
	return gomalloc_node(50000, GFP_KERNEL, first_memory_node);
}

static void *way_bulk(void)
{
	void *p;

	return gomalloc_bulk(GFP_KERNEL, 48, 1, &p) ? p : NULL;
}

static void *way_moved(void)
{
	void *p;

	__goalloc_owner = GO_OWNER_UNKNOWN;
	p = gomalloc(8, GFP_KERNEL);
	__goalloc_owner = own_byte;
	return p ? gorealloc(p, 2000, GFP_KERNEL) : NULL;
}

/* A pointer to the function; the compiler does not know to which. */
static void *way_pointer(void)
{
	void *(*fn)(size_t size, gfp_t gfp) = gomalloc;

	return HIDE(fn)(64, GFP_KERNEL);
}

static noinline void *way_suspected(void)
{
	void *p;

	if (godebug_set("ZU"))
		return NULL;
	p = gomalloc(100, GFP_KERNEL);
	godebug_set("");
	return p;
}

static void *way_old(void) { return old_malloc(100, GFP_KERNEL); }
static void *way_old_class(void) { return old_class(64, GFP_KERNEL, 6); }
static void *way_old_noscan(void) { return old_noscan(7, GFP_KERNEL); }
static void *way_old_new(void) { return old_realloc(NULL, 9, GFP_KERNEL); }
static void *way_old_memdup(void) { return old_memdup("abc", 3, GFP_KERNEL); }
static void *way_old_strdup(void) { return old_strdup("abc", GFP_KERNEL); }

static void *way_old_node(void)
{
	return old_node(64, GFP_KERNEL, first_memory_node);
}

static void *way_old_bulk(void)
{
	void *p;

	return old_bulk(GFP_KERNEL, 48, 1, &p) ? p : NULL;
}

struct way {
	const char *name;
	void *(*alloc)(void);
	bool old;
};

static const struct way ways[] = {
	{ "const", way_const }, { "size", way_size },
	{ "zeroed", way_zeroed }, { "tiny", way_tiny },
	{ "noscan", way_noscan }, { "large", way_large },
	{ "array", way_array }, { "new", way_new },
	{ "memdup", way_memdup }, { "strdup", way_strdup },
	{ "node", way_node }, { "large_node", way_large_node },
	{ "bulk", way_bulk }, { "moved", way_moved },
	{ "pointer", way_pointer }, { "suspected", way_suspected },
	{ "old", way_old, true }, { "old_class", way_old_class, true },
	{ "old_noscan", way_old_noscan, true },
	{ "old_new", way_old_new, true },
	{ "old_memdup", way_old_memdup, true },
	{ "old_strdup", way_old_strdup, true },
	{ "old_node", way_old_node, true },
	{ "old_bulk", way_old_bulk, true },
};

KUNIT_ARRAY_PARAM_DESC(way, ways, name);

/* An object of this way is this module's, and only while it is live. */
static void expect_own(struct kunit *test, const struct way *way,
		       void (*meanwhile)(struct kunit *test, const void *p))
{
	u8 plain, owner = own_byte;
	void *p;

	mutex_lock(&goowners_lock);
	plain = goowner_take(THIS_MODULE, true);
	mutex_unlock(&goowners_lock);
	KUNIT_ASSERT_NE(test, plain, GO_OWNER_UNKNOWN);
	if (way->old)
		owner = plain;

	p = way->alloc();
	KUNIT_ASSERT_NOT_NULL(test, p);
	expect_held(test, owner, 1, gosize(p));
	expect_held(test, GO_OWNER_UNKNOWN, 0, 0);
	expect_held(test, way->old ? own_byte : plain, 0, 0);
	if (meanwhile) {
		meanwhile(test, p);
		expect_held(test, owner, 1, gosize(p));
		expect_held(test, GO_OWNER_UNKNOWN, 0, 0);
	}
	gofree(p);
	expect_held(test, owner, 0, 0);

	mutex_lock(&goowners_lock);
	goowner_leave(plain, false);
	mutex_unlock(&goowners_lock);
	/* Nobody claims it any more. */
	p = way->alloc();
	expect_held(test, way->old ? GO_OWNER_UNKNOWN : own_byte, 1, gosize(p));
	gofree(p);
}

static void owners_ways(struct kunit *test)
{
	expect_own(test, test->param_value, NULL);
}

static void set_rate(struct kunit *test, const char *rate)
{
	KUNIT_ASSERT_EQ(test, goprofile_set_rate(rate), 0);
}

static void expect_sample(struct kunit *test, const void *p)
{
	KUNIT_EXPECT_TRUE(test, goprofile_has(p));
}

/* The same if the heap profile has a sample of every object. */
static void owners_sampled(struct kunit *test)
{
	set_rate(test, "1");
	expect_own(test, test->param_value, expect_sample);
}

static void forget_sample(struct kunit *test, const void *p)
{
	KUNIT_EXPECT_TRUE(test, goprofile_has(p));
	set_rate(test, "64K");
	KUNIT_EXPECT_FALSE(test, goprofile_has(p));
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
}

/* And if its samples are forgotten while they live. */
static void owners_forgotten(struct kunit *test)
{
	set_rate(test, "1");
	expect_own(test, test->param_value, forget_sample);
	KUNIT_EXPECT_EQ(test, goprofile_forgotten(), 0);
}

/* If others may have jumped there, a call is its caller's only if it is seen. */
static void owners_old_among_others(struct kunit *test)
{
	struct actor *a = actor_new(test, "other");
	u8 plain, other;
	void *p;

	mutex_lock(&goowners_lock);
	plain = goowner_take(THIS_MODULE, true);
	other = goowner_take(&a->mod, true);
	mutex_unlock(&goowners_lock);
	p = old_malloc(100, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, held_of(test, plain, GO_NR_CLASSES).objects +
			held_of(test, GO_OWNER_UNKNOWN, GO_NR_CLASSES).objects, 1);
	expect_held(test, other, 0, 0);
	gofree(p);
	/* From elsewhere, and from here but without a call. */
	KUNIT_EXPECT_EQ(test, goowner_of_call((unsigned long)&jiffies, old_malloc),
			GO_OWNER_UNKNOWN);
	KUNIT_EXPECT_EQ(test, goowner_of_call((unsigned long)owners_ways + 8,
					      old_malloc), GO_OWNER_UNKNOWN);
	mutex_lock(&goowners_lock);
	goowner_leave(plain, false);
	goowner_leave(other, false);
	mutex_unlock(&goowners_lock);
	client_goes(&a->mod);
}

/* What stays where it is stays whose it was. */
static void owners_realloc(struct kunit *test)
{
	struct actor *a = actor_new(test, "first"), *b = actor_new(test, "second");
	void *p, *q;

	__goalloc_owner = a->byte;
	p = gomalloc(HIDE(100UL), GFP_KERNEL);
	__goalloc_owner = b->byte;
	q = gorealloc(p, 110, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, p, q);
	expect_held(test, a->byte, 1, 112);
	q = gorealloc(q, 1000, GFP_KERNEL);
	expect_held(test, a->byte, 0, 0);
	expect_held(test, b->byte, 1, 1024);
	gofree(q);
	client_goes(&a->mod);
	client_goes(&b->mod);
}

/* A block of tiny objects is never shared by two. */
static void owners_tiny(struct kunit *test)
{
	struct actor *a = actor_new(test, "first"), *b = actor_new(test, "second");
	unsigned int i;
	void *p[40];

	gotest_pin(test, &goalloc_heap);
	for (i = 0; i < 40; i++) {
		__goalloc_owner = i & 1 ? b->byte : a->byte;
		p[i] = gomalloc_noscan(3, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	expect_held(test, a->byte, 20, 60);
	expect_held(test, b->byte, 20, 60);
	for (i = 0; i < 40; i += 2)
		gofree(p[i]);
	expect_held(test, a->byte, 0, 0);
	expect_held(test, b->byte, 20, 60);
	for (i = 1; i < 40; i += 2)
		gofree(p[i]);
	expect_held(test, b->byte, 0, 0);

	/* And one of one's own is filled. */
	__goalloc_owner = a->byte;
	p[0] = gomalloc_noscan(8, GFP_KERNEL);
	p[1] = gomalloc_noscan(8, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, p[1], p[0] + 8);
	expect_held(test, a->byte, 2, 16);
	expect_held(test, b->byte, 0, 0);
	gofree(p[0]);
	gofree(p[1]);
	client_goes(&a->mod);
	client_goes(&b->mod);
}

struct late {
	long value;
	struct rcu_head rcu;
};

static void owners_rcu(struct kunit *test)
{
	struct actor *a = actor_new(test, "late");
	struct late *p;

	__goalloc_owner = a->byte;
	p = gomalloc(sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	gofree_rcu(p, rcu);
	/* On its way, so it is not left. */
	client_goes(&a->mod);
	KUNIT_EXPECT_FALSE(test, goowner_is_taken(a->byte));
	expect_held(test, a->byte, 0, 0);
}

/* A number is taken for as long as anything is left, and free then. */
static void owners_reuse(struct kunit *test)
{
	struct actor *a = actor_new(test, "leaver"), *b;
	long objects = atomic_long_read(&goalloc_heap.left_objects);
	long bytes = atomic_long_read(&goalloc_heap.left_bytes);
	u8 owner = a->byte;
	void *p, *q;

	__goalloc_owner = owner;
	p = gomalloc(64, GFP_KERNEL);
	q = gomalloc(HIDE(70000UL), GFP_KERNEL);
	client_goes(&a->mod);
	KUNIT_EXPECT_EQ(test, goowner_of(owner)->state, GO_OWNER_GONE);
	KUNIT_EXPECT_STREQ(test, goowner_of(owner)->name, "leaver");
	KUNIT_EXPECT_EQ(test, atomic_long_read(&goalloc_heap.left_objects),
			objects + 2);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&goalloc_heap.left_bytes),
			bytes + 64 + 73728);
	/* Under the same name it is another. */
	b = actor_new(test, "leaver");
	KUNIT_EXPECT_NE(test, b->byte, owner);
	gofree(p);
	expect_held(test, owner, 1, 73728);
	KUNIT_EXPECT_EQ(test, goowner_of(owner)->state, GO_OWNER_GONE);
	gofree(q);
	client_goes(&b->mod);
	KUNIT_EXPECT_FALSE(test, goowner_is_taken(b->byte));
	expect_held(test, owner, 0, 0);
	KUNIT_EXPECT_FALSE(test, goowner_is_taken(owner));
	a = actor_new(test, "next");
	KUNIT_EXPECT_TRUE(test, goowner_is_taken(a->byte));
	KUNIT_EXPECT_EQ(test, goowner_of(a->byte)->objects, 0);
	client_goes(&a->mod);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&goalloc_heap.left_objects),
			objects + 2);
}

/* With no number left a module's objects are nobody's; one may come free. */
static void owners_full(struct kunit *test)
{
	struct actor *a[GO_NR_OWNERS];
	unsigned int n = 0, i, full = goowners_full;
	void *p, *q;

	do
		a[n] = actor_new(test, "crowd");
	while (a[n++]->byte != GO_OWNER_UNKNOWN && n < GO_NR_OWNERS);
	KUNIT_ASSERT_EQ(test, a[n - 1]->byte, GO_OWNER_UNKNOWN);
	KUNIT_EXPECT_EQ(test, goowners_full, full + 1);
	KUNIT_EXPECT_GE(test, n, GO_NR_OWNERS - 10);

	__goalloc_owner = a[n - 1]->byte;
	p = gomalloc(64, GFP_KERNEL);
	expect_held(test, GO_OWNER_UNKNOWN, 1, 64);
	/* The number of one that has left something comes free with that. */
	__goalloc_owner = a[0]->byte;
	q = gomalloc(64, GFP_KERNEL);
	client_goes(&a[0]->mod);
	gofree(q);
	client_goes(&a[n - 1]->mod);
	a[n - 1] = actor_new(test, "late");
	KUNIT_EXPECT_EQ(test, a[n - 1]->byte, a[0]->byte);
	gofree(p);
	for (i = 1; i < n; i++)
		client_goes(&a[i]->mod);
	goowners_full = full;
}

/* What a verdict says: the kinds of the most bytes first, and callers if known. */
static void owners_verdict(struct kunit *test)
{
	struct actor *a = actor_new(test, "mymod");
	char *line = kunit_kzalloc(test, 768, GFP_KERNEL);
	struct goverdict v = { .owner = a->byte };
	unsigned int i;
	void *p[20];

	KUNIT_ASSERT_NOT_NULL(test, line);
	__goalloc_owner = a->byte;
	p[0] = gomalloc(16, GFP_KERNEL);
	p[1] = gomalloc(96, GFP_KERNEL);
	p[2] = gomalloc(96, GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, goverdict_find(&goalloc_heap, &v), 0);
	compose(&v, "mymod", &a->mod, line, 768);
	KUNIT_EXPECT_STREQ(test, line,
			   "mymod left 3 objects, 208 bytes: 2 of 96, 1 of 16");
	p[3] = way_suspected();
	KUNIT_ASSERT_EQ(test, goverdict_find(&goalloc_heap, &v), 0);
	compose(&v, "mymod", &a->mod, line, 768);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(line, "1 of 100 by way_suspected+"),
				  "%s", line);
	/* More kinds than a line has room for. */
	for (i = 4; i < 20; i++)
		p[i] = gomalloc(HIDE(go_class_size[i + 10] + 0UL), GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, goverdict_find(&goalloc_heap, &v), 0);
	KUNIT_EXPECT_EQ(test, v.objects, 20);
	KUNIT_EXPECT_EQ(test, v.nr, GOVERDICT_KINDS);
	for (i = 1; i < v.nr; i++)
		KUNIT_EXPECT_GE(test, v.kind[i - 1].bytes * v.kind[i - 1].n,
				v.kind[i].bytes * v.kind[i].n);
	compose(&v, "mymod", &a->mod, line, 768);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(line, ", 12 others"), "%s", line);
	for (i = 0; i < 20; i++)
		gofree(p[i]);
	client_goes(&a->mod);
	KUNIT_EXPECT_FALSE(test, goowner_is_taken(a->byte));
}

#define EXPECT_SAID(test, line, what)					\
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(line, what), "%s", line)

static noinline __noclone void *leak_one(size_t size)
{
	void *p = gomalloc(size, GFP_KERNEL);

	barrier();
	return p;
}

static noinline __noclone void *leak_const(void)
{
	void *p = gomalloc(64, GFP_KERNEL);

	barrier();
	return p;
}

static noinline __noclone void *leak_tiny(void)
{
	void *p = gomalloc_noscan(5, GFP_KERNEL);

	barrier();
	return p;
}

static void say_verdict(struct kunit *test, const struct actor *a, char *line)
{
	struct goverdict v = { .owner = a->byte };

	KUNIT_ASSERT_EQ(test, goverdict_find(&goalloc_heap, &v), 0);
	compose(&v, "mymod", &a->mod, line, 768);
}

/* Of what the heap profile has a sample the caller is named, and of no other. */
static void owners_verdict_callers(struct kunit *test)
{
	struct actor *a = actor_new(test, "mymod");
	char *line = kunit_kzalloc(test, 768, GFP_KERNEL);
	void *p[6];

	KUNIT_ASSERT_NOT_NULL(test, line);
	__goalloc_owner = a->byte;
	set_rate(test, "0");
	p[0] = leak_one(96);
	set_rate(test, "1");
	p[1] = leak_one(90);
	p[2] = leak_one(96);
	p[3] = leak_const();
	p[4] = leak_tiny();
	p[5] = leak_one(100000);
	say_verdict(test, a, line);
	EXPECT_SAID(test, line, "mymod left 6 objects, 106853 bytes: ");
	EXPECT_SAID(test, line, ": 1 of 106496 by leak_one+0x");
	EXPECT_SAID(test, line, ", 2 of 96 by leak_one+0x");
	EXPECT_SAID(test, line, ", 1 of 96,");
	EXPECT_SAID(test, line, ", 1 of 64 by leak_const+0x");
	EXPECT_SAID(test, line, ", 1 of 5 by leak_tiny+0x");
	gofree_bulk(6, p);
	client_goes(&a->mod);
}

/*
 * The code that has allocated is gone, as that of an init is, and another module is
 * where it was: that one has not done it.
 */
static void owners_verdict_init(struct kunit *test)
{
	struct actor *a = actor_new(test, "mymod");
	char *line = kunit_kzalloc(test, 768, GFP_KERNEL);
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, line);
	__goalloc_owner = a->byte;
	set_rate(test, "1");
	p = leak_one(96);
	memset(a->mod.mem, 0, sizeof(a->mod.mem));
	say_verdict(test, a, line);
	KUNIT_EXPECT_STREQ(test, line,
			   "mymod left 1 objects, 96 bytes: 1 of 96 by init code");
	gofree(p);
	client_goes(&a->mod);
}

/* With another rate the callers are forgotten, and nothing else. */
static void owners_verdict_forgotten(struct kunit *test)
{
	struct actor *a = actor_new(test, "mymod");
	char *line = kunit_kzalloc(test, 768, GFP_KERNEL);
	void *p[3];

	KUNIT_ASSERT_NOT_NULL(test, line);
	__goalloc_owner = a->byte;
	set_rate(test, "1");
	p[0] = leak_one(96);
	p[1] = leak_tiny();
	p[2] = leak_one(100000);
	set_rate(test, "64K");
	say_verdict(test, a, line);
	KUNIT_EXPECT_STREQ(test, line,
			   "mymod left 3 objects, 106597 bytes: 1 of 106496, 1 of 96, 1 of 5");
	gofree_bulk(3, p);
	client_goes(&a->mod);
	KUNIT_EXPECT_EQ(test, goprofile_forgotten(), 0);
}

static void owners_leaks(struct kunit *test)
{
	static const char * const bad[] = { "", "on", "warning", "0", "err", "WARN" };
	char *page = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, goverdict_set_leaks("error"), 0);
	KUNIT_EXPECT_EQ(test, leaks, LEAKS_ERROR);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, goverdict_set_leaks(bad[i]), -EINVAL,
				    "%s", bad[i]);
	KUNIT_EXPECT_EQ(test, leaks, LEAKS_ERROR);
	KUNIT_EXPECT_EQ(test, goverdict_set_leaks("warn\n"), 0);
	KUNIT_EXPECT_EQ(test, leaks, LEAKS_WARN);
	KUNIT_EXPECT_EQ(test, goverdict_set_leaks("off"), 0);
	KUNIT_EXPECT_EQ(test, leaks, LEAKS_OFF);
	if (page && IS_ALIGNED((unsigned long)page, PAGE_SIZE)) {
		goverdict_get_leaks(page);
		KUNIT_EXPECT_STREQ(test, page, "off\n");
	}
}

/* Once a kernel has warned, only a run of this case alone tells. */
static void owners_error(struct kunit *test)
{
	struct actor *a = actor_new(test, "culprit");
	void *p;

	if (!gotest_warns) {
		client_goes(&a->mod);
		kunit_skip(test, "makes the kernel warn: load with warns=1");
	}
	__goalloc_owner = a->byte;
	p = gomalloc(64, GFP_KERNEL);
	leaks = LEAKS_ERROR;
	client_goes(&a->mod);
	KUNIT_EXPECT_TRUE(test, test_taint(TAINT_WARN));
	gofree(p);
}

struct errand {
	void *p[3];
};

static void run_errand(void *arg)
{
	struct errand *e = arg;

	e->p[0] = gomalloc(64, GFP_ATOMIC);
	e->p[1] = gomalloc_noscan(9, GFP_ATOMIC);
	e->p[2] = gomalloc_noscan(3000, GFP_ATOMIC);
}

static void end_errand(void *arg)
{
	struct errand *e = arg;

	gofree_bulk(3, e->p);
}

KUNIT_ARRAY_PARAM_DESC(context, gotest_contexts, name);

static void owners_contexts(struct kunit *test)
{
	const struct gotest_context_param *param = test->param_value;
	struct actor *a = actor_new(test, "anywhere");
	struct errand e;
	void *p;

	/* So that an NMI finds spans of these classes. */
	p = gomalloc_noscan(3000, GFP_KERNEL);
	gofree(gomalloc(64, GFP_KERNEL));
	gofree(gomalloc_noscan(16, GFP_KERNEL));
	__goalloc_owner = a->byte;
	gotest_run_in(param->context, run_errand, &e);
	KUNIT_EXPECT_NOT_NULL(test, e.p[0]);
	KUNIT_EXPECT_NOT_NULL(test, e.p[1]);
	expect_held(test, a->byte, 2 + !!e.p[2],
		    64 + 9 + (e.p[2] ? gosize(e.p[2]) : 0));
	/* Freed in an NMI or not, it is no more at once. */
	gotest_run_in(param->context, end_errand, &e);
	expect_held(test, a->byte, 0, 0);
	gofree(p);
	gotest_settle(&goalloc_heap);
	client_goes(&a->mod);
}

static int churn(void *arg)
{
	void *p[8] = {};
	unsigned int i = 0;

	while (!kthread_should_stop()) {
		gofree(p[i % 8]);
		p[i % 8] = i % 3 ? gomalloc(HIDE(i % 500 + 1UL), GFP_KERNEL) :
				   gomalloc_noscan(i % 15 + 1, GFP_KERNEL);
		i++;
		cond_resched();
	}
	gofree_bulk(8, p);
	return 0;
}

/* What stays is counted exactly, whatever comes and goes meanwhile. */
static void owners_under_load(struct kunit *test)
{
	struct actor *a = actor_new(test, "still"), *b = actor_new(test, "busy");
	unsigned long bytes = 0;
	struct gotest_crew crew;
	unsigned int i;
	void *p[50];

	__goalloc_owner = a->byte;
	for (i = 0; i < 50; i++) {
		p[i] = i % 2 ? gomalloc(HIDE(i * 40UL), GFP_KERNEL) :
			       gomalloc_noscan(i % 15 + 1, GFP_KERNEL);
		bytes += gosize(p[i]);
	}
	__goalloc_owner = b->byte;
	gotest_crew_start(test, &crew, churn, NULL);
	for (i = 0; i < GOTEST_LOOPS(200); i++) {
		expect_held(test, a->byte, 50, bytes);
		KUNIT_EXPECT_LE(test, held_of(test, b->byte, GO_NR_CLASSES).objects,
				16 * GOTEST_CREW_MAX);
		cond_resched();
	}
	gotest_crew_stop(test, &crew);
	expect_held(test, b->byte, 0, 0);
	for (i = 0; i < 50; i++)
		gofree(p[i]);
	client_goes(&a->mod);
	client_goes(&b->mod);
}

/* An object of nobody is broken, and so is a state that there is not. */
static void owners_verified(struct kunit *test)
{
	void *p = gomalloc(64, GFP_KERNEL), *t = gomalloc_noscan(3, GFP_KERNEL);
	void *l = gomalloc(HIDE(70000UL), GFP_KERNEL);
	struct gospan *s = gotest_span_of(&goalloc_heap, p);
	struct gospan *ts = gotest_span_of(&goalloc_heap, t);
	struct gospan *ls = gotest_span_of(&goalloc_heap, l);
	unsigned long idx;
	u8 *state, *tiny;

	KUNIT_ASSERT_TRUE(test, gospan_index(s, p, &idx));
	state = s->objstate + idx;
	tiny = ts->objstate + gotiny_index(ts, t);
	KUNIT_ASSERT_FALSE(test, goowner_is_taken(U8_MAX));
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	*state = U8_MAX;
	KUNIT_EXPECT_NE(test, goverify(&goalloc_heap, NULL), 0);
	*state = GO_OBJ_NR_SPECIAL;
	KUNIT_EXPECT_NE(test, goverify(&goalloc_heap, NULL), 0);
	*state = own_byte;
	*tiny = GO_OBJ_LIVE - 1;
	KUNIT_EXPECT_NE(test, goverify(&goalloc_heap, NULL), 0);
	*tiny = goobj_tiny_of(own_byte);
	ls->owner = U8_MAX;
	KUNIT_EXPECT_NE(test, goverify(&goalloc_heap, NULL), 0);
	ls->owner = own_byte;
	gofree(l);
	/* So that whoever gets the pages next is not taken for this module. */
	KUNIT_EXPECT_EQ(test, ls->owner, 0);
	gofree(t);
	gofree(p);
}

#ifdef CONFIG_FAULT_INJECTION
/* No memory for the walk: nothing is said, and the number is not given away. */
static void owners_fault(struct kunit *test)
{
	struct actor *a = actor_new(test, "unlucky");
	struct goowners_count *c;
	unsigned int n;
	void *p;

	__goalloc_owner = a->byte;
	p = gomalloc(64, GFP_KERNEL);
	for (n = 0; n < 2; n++) {
		goalloc_fail.verbose = 0;
		goalloc_fail.interval = 1;
		goalloc_fail.task_filter = true;
		atomic_set(&goalloc_fail.space, n);
		atomic_set(&goalloc_fail.times, 1);
		current->make_it_fail = 1;
		WRITE_ONCE(goalloc_fail.probability, 100);
		mutex_lock(&goowners_lock);
		c = goowners_count(&goalloc_heap);
		mutex_unlock(&goowners_lock);
		KUNIT_EXPECT_NULL(test, c);
		atomic_set(&goalloc_fail.space, 0);
		atomic_set(&goalloc_fail.times, 1);
		if (n)
			client_goes(&a->mod);
		WRITE_ONCE(goalloc_fail.probability, 0);
		current->make_it_fail = 0;
		goalloc_fail.task_filter = false;
		kvfree(c);
	}
	KUNIT_EXPECT_EQ(test, goowner_of(a->byte)->state, GO_OWNER_GONE);
	expect_held(test, a->byte, 1, 64);
	gofree(p);
	expect_held(test, a->byte, 0, 0);
	KUNIT_EXPECT_FALSE(test, goowner_is_taken(a->byte));
}
#endif

/* What a module allocates in its init is counted, freed or not, and no other's. */
static void owners_inittrace(struct kunit *test)
{
	static const char * const bad[] = { "", "2", "-1", "on", "1 1" };
	struct actor *a, *b = actor_new(test, "other");
	struct goowner *o;
	unsigned int i;
	void *p;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ(test, goinittrace_set(bad[i]), -EINVAL);
	KUNIT_ASSERT_EQ(test, goinittrace_set("1"), 0);
	a = actor_new(test, "traced");
	KUNIT_EXPECT_EQ(test, goinittrace_set("0"), 0);
	o = goowner_of(a->byte);
	KUNIT_EXPECT_TRUE(test, o->is_noted);
	KUNIT_EXPECT_TRUE(test, static_key_enabled(&goalloc_watch));
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		__goalloc_owner = a->byte;
		if (!ways[i].old && ways[i].alloc != way_moved)
			gofree(ways[i].alloc());
		__goalloc_owner = b->byte;
		gofree(gomalloc(64, GFP_KERNEL));
	}
	/* 64 + 112 + 320 + 5 + 512 + 106496 + 112 + 80 + 16 + 16 + 64 + 57344 + ... */
	KUNIT_EXPECT_EQ(test, atomic_long_read(&o->noted), 15);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&o->noted_bytes), 165353);
	client_lives(&a->mod);
	client_lives(&a->mod);
	KUNIT_EXPECT_FALSE(test, static_key_enabled(&goalloc_watch));
	__goalloc_owner = a->byte;
	p = gomalloc(64, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&o->noted), 15);
	gofree(p);
	client_goes(&a->mod);

	/* An init that fails ends, too. */
	KUNIT_ASSERT_EQ(test, goinittrace_set("1"), 0);
	a = actor_new(test, "fails");
	KUNIT_EXPECT_EQ(test, goinittrace_set("0"), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&goowner_of(a->byte)->noted), 0);
	client_goes(&a->mod);
	KUNIT_EXPECT_FALSE(test, static_key_enabled(&goalloc_watch));
	client_goes(&b->mod);
}

static struct kunit_case owners_cases[] = {
	KUNIT_CASE_PARAM(owners_ways, way_gen_params),
	KUNIT_CASE_PARAM(owners_sampled, way_gen_params),
	KUNIT_CASE_PARAM(owners_forgotten, way_gen_params),
	KUNIT_CASE(owners_old_among_others),
	KUNIT_CASE(owners_realloc),
	KUNIT_CASE(owners_tiny),
	KUNIT_CASE(owners_rcu),
	KUNIT_CASE(owners_reuse),
	KUNIT_CASE(owners_full),
	KUNIT_CASE(owners_verdict),
	KUNIT_CASE(owners_verdict_callers),
	KUNIT_CASE(owners_verdict_init),
	KUNIT_CASE(owners_verdict_forgotten),
	KUNIT_CASE(owners_leaks),
	KUNIT_CASE(owners_error),
	KUNIT_CASE_PARAM(owners_contexts, context_gen_params),
	KUNIT_CASE(owners_under_load),
	KUNIT_CASE(owners_verified),
	KUNIT_CASE(owners_inittrace),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE(owners_fault),
#endif
	{}
};

static struct kunit_suite owners_suite = {
	.name = "goalloc_owners",
	.init = owners_init,
	.exit = owners_exit,
	.test_cases = owners_cases,
};

kunit_test_suite(owners_suite);
