// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of call sites: what is live of each is counted exactly, however an object
 * came and went, and everything else about it is as without.
 *
 * This file opts in, and finds its own sites as goalloc does, among the parameters
 * of its module.  Modules that come and go are made up.
 */

#define GOALLOC_SITES

#include <linux/fault-inject.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "calls.h"
#include "hooks.h"
#include "observe/observe.h"
#include "owner.h"
#include "site.h"
#include "span.h"

/* The number of the only site, or the first, in a function of this module. */
static unsigned int site_in(const char *function)
{
	const struct goalloc_site *site;
	unsigned int i;

	for (i = 0; i < THIS_MODULE->num_kp; i++) {
		site = THIS_MODULE->kp[i].arg;
		if (!strcmp(THIS_MODULE->kp[i].name, GOALLOC_SITE_PARAM) &&
		    !strcmp(site->function, function))
			return site->id;
	}
	return 0;
}

static void expect_site(struct kunit *test, unsigned int id,
			unsigned long objects, unsigned long bytes)
{
	struct gosite_count sum = gosites_read(id);

	KUNIT_EXPECT_NE(test, id, 0);
	KUNIT_EXPECT_EQ(test, sum.objects, objects);
	KUNIT_EXPECT_EQ(test, sum.bytes, bytes);
}

static unsigned long held_by_us(struct kunit *test)
{
	struct goowners_count *c;
	unsigned long n = 0;
	unsigned int i;

	mutex_lock(&goowners_lock);
	c = goowners_count(&goalloc_heap);
	mutex_unlock(&goowners_lock);
	KUNIT_ASSERT_NOT_NULL(test, c);
	for (i = 0; i < GO_NR_CLASSES; i++)
		n += c[(__goalloc_owner - GO_OBJ_LIVE) * GOOWNERS_CLASSES + i].bytes;
	kvfree(c);
	return n;
}

static int sites_init(struct kunit *test)
{
	if (!static_key_enabled(&goalloc_check))
		kunit_skip(test, "check=0 counts no sites");
	return gotest_api_init(test);
}

static void sites_exit(struct kunit *test)
{
	if (static_key_enabled(&goalloc_check))
		gotest_api_exit(test);
}

static void *way_const(gfp_t gfp) { return gomalloc(64, gfp); }
static void *way_size(gfp_t gfp) { return gomalloc(HIDE(100UL), gfp); }
static void *way_zeroed(gfp_t gfp) { return gozalloc(HIDE(300UL), gfp); }
static void *way_tiny(gfp_t gfp) { return gomalloc_noscan(5, gfp); }
static void *way_tiny_8(gfp_t gfp) { return gomalloc_noscan(8, gfp); }
static void *way_noscan(gfp_t gfp) { return gomalloc_noscan(500, gfp); }
static void *way_page(gfp_t gfp) { return gomalloc(4096, gfp); }
static void *way_most(gfp_t gfp) { return gomalloc(HIDE(32764UL), gfp); }
static void *way_array(gfp_t gfp) { return gomalloc_array(HIDE(7UL), 10, gfp); }
static void *way_calloc(gfp_t gfp) { return gocalloc(HIDE(10UL), 10, gfp); }
static void *way_new(gfp_t gfp) { return gorealloc(NULL, 77, gfp); }
static void *way_memdup(gfp_t gfp) { return gomemdup("0123456789", 10, gfp); }
static void *way_strdup(gfp_t gfp) { return gostrdup("a string", gfp); }
static void *way_large(gfp_t gfp) { return gomalloc(HIDE(100000UL), gfp); }

static void *way_new_array(gfp_t gfp)
{
	return gorealloc_array(NULL, HIDE(3UL), 9, gfp);
}

static void *way_node(gfp_t gfp)
{
	return gomalloc_node(HIDE(64UL), gfp, first_memory_node);
}

static void *way_large_node(gfp_t gfp)
{
	return gomalloc_node(HIDE(50000UL), gfp, first_memory_node);
}

static void *way_any_node(gfp_t gfp)
{
	return gomalloc_node(HIDE(48UL), gfp, NUMA_NO_NODE);
}

static void *way_bulk(gfp_t gfp)
{
	void *p;

	return gomalloc_bulk(gfp, 48, 1, &p) ? p : NULL;
}

static noinline void *way_moved(gfp_t gfp)
{
	void *p = (gomalloc)(8, gfp), *q = p ? gorealloc(p, 2000, gfp) : NULL;

	if (!q)
		gofree(p);
	return q;
}

/* Each is the only site of its function, and the bytes are gosize()'s. */
#define WAY(way, bytes)	{ #way, way, bytes }

static const struct way {
	const char *name;
	void *(*alloc)(gfp_t gfp);
	size_t bytes;
} ways[] = {
	WAY(way_const, 64), WAY(way_size, 112), WAY(way_zeroed, 320),
	WAY(way_tiny, 5), WAY(way_tiny_8, 8), WAY(way_noscan, 512),
	WAY(way_page, 4096), WAY(way_most, 32768), WAY(way_array, 80),
	WAY(way_calloc, 112), WAY(way_new, 80), WAY(way_memdup, 16),
	WAY(way_strdup, 16), WAY(way_new_array, 32), WAY(way_node, 64),
	WAY(way_any_node, 48), WAY(way_bulk, 48), WAY(way_moved, 2048),
	/* The others cannot be had in NMI. */
	WAY(way_large, 106496), WAY(way_large_node, 57344),
};

#define NR_SMALL_WAYS	(ARRAY_SIZE(ways) - 2)

KUNIT_ARRAY_PARAM_DESC(way, ways, name);

/* Each way to get an object. */
static void sites_ways(struct kunit *test)
{
	const struct way *way = test->param_value;
	unsigned long before = held_by_us(test);
	unsigned int id = site_in(way->name), i;
	void *p[10];

	expect_site(test, id, 0, 0);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = way->alloc(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_EQ(test, gosize(p[i]), way->bytes);
		/* All of it may be written to. */
		memset(p[i], 0xff, gosize(p[i]));
		expect_site(test, id, i + 1, (i + 1) * way->bytes);
	}
	KUNIT_EXPECT_EQ(test, held_by_us(test) - before, 10 * way->bytes);
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		gofree(p[i]);
	expect_site(test, id, 0, 0);
	KUNIT_EXPECT_EQ(test, held_by_us(test), before);
}

struct late {
	long value[30];
	struct rcu_head rcu;
};

static void *site_free(size_t size) { return gomalloc(size, GFP_KERNEL); }

/* Each way to lose one. */
static void sites_frees(struct kunit *test)
{
	static const size_t sizes[] = { 8, 64, 100, 256, 5000, 32768, 70000 };
	unsigned int id = site_in("site_free"), i;
	void *p[7];

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		gofree(site_free(sizes[i]));
		gofree_sized(site_free(sizes[i]), HIDE(sizes[i]));
		gofree_sensitive(site_free(sizes[i]));
		KUNIT_EXPECT_PTR_EQ(test, gorealloc(site_free(sizes[i]), 0, GFP_KERNEL),
				    ZERO_SIZE_PTR);
		p[i] = site_free(sizes[i]);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	gofree_sized(site_free(64), 64);
	KUNIT_EXPECT_EQ(test, gosites_read(id).objects, ARRAY_SIZE(sizes));
	gofree_bulk(ARRAY_SIZE(p), p);
	expect_site(test, id, 0, 0);

	p[0] = site_free(sizeof(struct late));
	KUNIT_ASSERT_NOT_NULL(test, p[0]);
	gofree_rcu((struct late *)p[0], rcu);
	rcu_barrier();
	expect_site(test, id, 0, 0);
}

/* The alignment and the size are those without a record. */
static void sites_as_without(struct kunit *test)
{
	size_t size;
	void *p, *q;

	for (size = 1; size <= 33000; size += size < 300 ? 1 : 61) {
		p = gomalloc(HIDE(size), GFP_KERNEL | __GFP_ZERO);
		q = gomalloc_noscan(HIDE(size), GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_ASSERT_NOT_NULL(test, q);
		KUNIT_EXPECT_EQ(test, gosize(p), gomalloc_size_roundup(size));
		KUNIT_EXPECT_EQ(test, gosize(q), size < 16 ? size :
				gomalloc_size_roundup(size));
		KUNIT_EXPECT_TRUE(test, gotest_all_zero(p, gosize(p)));
		KUNIT_EXPECT_TRUE(test, gotest_all_zero(q, size < 16 ? size :
							gosize(q)));
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p,
						   align_of(size)));
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)q,
						   align_of(size)));
		gofree(p);
		gofree(q);
	}
	for (size = 8; size <= 32768; size *= 2) {
		p = gomalloc(HIDE(size), GFP_KERNEL);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p, size));
		gofree_sized(p, HIDE(size));
	}
	KUNIT_EXPECT_PTR_EQ(test, gomalloc(HIDE(0UL), GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_NULL(test, gomalloc(HIDE(TOO_MUCH), GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, gomalloc_array(HIDE(SIZE_MAX), 2, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, gomalloc_node(64, GFP_KERNEL, HIDE(-7)));
	KUNIT_EXPECT_NULL(test, gostrdup(NULL, GFP_KERNEL));
}

static noinline void *site_old(size_t size) { return gomalloc(size, GFP_KERNEL); }

static noinline void *site_moves(void *p, size_t size)
{
	return gorealloc(p, size, GFP_KERNEL);
}

/* What stays is counted where it was, with what it has now; what moves is not. */
static void sites_realloc(struct kunit *test)
{
	unsigned int old = site_in("site_old"), moved = site_in("site_moves");
	size_t size;
	void *p, *q;

	p = site_old(100);
	q = site_moves(p, 110);
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	expect_site(test, old, 1, 112);
	p = site_moves(q, 1000);
	expect_site(test, old, 0, 0);
	expect_site(test, moved, 1, 1024);
	gofree(p);

	p = site_old(70000);
	for (size = 80000; p && size < 300000; size += 8192) {
		q = p;
		p = site_moves(p, size);
		KUNIT_ASSERT_NOT_NULL(test, p);
		if (p != q)
			break;
		expect_site(test, old, 1, round_up(size, 8192));
	}
	if (p != q)
		expect_site(test, old, 0, 0);
	gofree(p);
	expect_site(test, old, 0, 0);
	expect_site(test, moved, 0, 0);
}

/* A record that was written over is misuse; its object is said to be lost. */
static noinline void *site_lost(void) { return gomalloc(64, GFP_KERNEL); }

static void sites_overwritten(struct kunit *test)
{
	long caught = atomic_long_read(&goalloc_heap.misuse[GO_OVERFLOW]);
	long lost = atomic_long_read(&gosite_lost);
	unsigned int id = site_in("site_lost");
	struct gospan *s;
	u64 *p = site_lost();

	KUNIT_ASSERT_NOT_NULL(test, p);
	OPTIMIZER_HIDE_VAR(p);
	s = gotest_span_of(&goalloc_heap, p);
	p[s->elemsize / sizeof(*p) - 1] ^= BIT(9);
	KUNIT_EXPECT_EQ(test, gosize(p), s->elemsize - sizeof(u64));
	gofree(p);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&gosite_lost), lost + 1);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&goalloc_heap.misuse[GO_OVERFLOW]),
			caught + 1);
	KUNIT_EXPECT_GE(test, gosites_read(id).objects, 1);
	/* Twice is found, too. */
	p = site_lost();
	caught = atomic_long_read(&goalloc_heap.misuse[GO_DOUBLE_FREE]);
	gofree(p);
	gofree(HIDE(p));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&goalloc_heap.misuse[GO_DOUBLE_FREE]),
			caught + 1);
}

KUNIT_ARRAY_PARAM_DESC(context, gotest_contexts, name);

static void alloc_all(void *arg)
{
	void **p = arg;
	unsigned int i;

	for (i = 0; i < NR_SMALL_WAYS; i++)
		p[i] = ways[i].alloc(GFP_ATOMIC);
}

static void free_all(void *arg)
{
	void **p = arg;
	unsigned int i;

	for (i = 0; i < NR_SMALL_WAYS; i++)
		gofree(p[i]);
}

/*
 * Of what was had each is counted, or is said not to be: in NMI there may be an
 * object of one class and none of that with room for a record.
 */
static void expect_all(struct kunit *test, void **p, long missed)
{
	unsigned int i, got = 0, counted = 0;
	struct gosite_count sum;

	for (i = 0; i < NR_SMALL_WAYS; i++) {
		sum = gosites_read(site_in(ways[i].name));
		KUNIT_EXPECT_LE(test, sum.objects, p[i] ? 1 : 0);
		KUNIT_EXPECT_EQ(test, sum.bytes, sum.objects * ways[i].bytes);
		counted += sum.objects;
		got += p[i] ? 1 : 0;
	}
	KUNIT_EXPECT_GT(test, counted, 0);
	KUNIT_EXPECT_EQ(test, counted + atomic_long_read(&gosite_missed) - missed,
			got);
}

/* Allocated in any context, and freed there or in a task. */
static void sites_contexts(struct kunit *test)
{
	const struct gotest_context_param *c = test->param_value;
	void *p[NR_SMALL_WAYS] = {};
	unsigned int i, turn;
	long missed;

	/* So that NMIs find spans. */
	alloc_all(p);
	free_all(p);
	for (turn = 0; turn < 2; turn++) {
		missed = atomic_long_read(&gosite_missed);
		gotest_run_in(turn ? GOTEST_TASK : c->context, alloc_all, p);
		expect_all(test, p, missed);
		if (turn || c->context != GOTEST_NMI)
			KUNIT_EXPECT_EQ(test, atomic_long_read(&gosite_missed),
					missed);
		gotest_run_in(turn ? c->context : GOTEST_TASK, free_all, p);
		gotest_settle(&goalloc_heap);
		for (i = 0; i < NR_SMALL_WAYS; i++)
			expect_site(test, site_in(ways[i].name), 0, 0);
	}
}

/* With everything sampled, and with everything suspected. */
static void sites_watched(struct kunit *test)
{
	long forgotten = goprofile_forgotten();
	unsigned int i;
	void *p;

	KUNIT_ASSERT_EQ(test, goprofile_set_rate("1"), 0);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		p = ways[i].alloc(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_TRUE_MSG(test, goprofile_has(p), "%s", ways[i].name);
		expect_site(test, site_in(ways[i].name), 1, ways[i].bytes);
		KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
		gofree(p);
		KUNIT_EXPECT_FALSE(test, goprofile_has(p));
	}
	KUNIT_EXPECT_EQ(test, goprofile_set_rate("524288"), 0);
	KUNIT_EXPECT_EQ(test, goprofile_forgotten(), forgotten);

	KUNIT_ASSERT_EQ(test, godebug_set("FZPU"), 0);
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		p = ways[i].alloc(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		expect_site(test, site_in(ways[i].name), 1, gosize(p));
		gofree(p);
		expect_site(test, site_in(ways[i].name), 0, 0);
	}
	KUNIT_EXPECT_EQ(test, godebug_set(""), 0);
}

static void *traded(struct goheap *h, unsigned int i, gfp_t gfp)
{
	return gomalloc(16 + i, gfp);
}

static size_t traded_size(unsigned int i)
{
	return 16 + i;
}

static void free_traded(struct goheap *h, void *p)
{
	gofree(p);
}

static const struct gotest_kind trade = {
	.alloc = traded,
	.size = traded_size,
	.free = free_traded,
};

/* Objects that all CPUs allocate and others free. */
static void sites_under_load(struct kunit *test)
{
	unsigned int id = site_in("traded"), i;
	struct gotest_exchange *x;
	struct gotest_crew crew;

	x = gotest_exchange_new(test, &goalloc_heap, &trade, 64);
	gotest_crew_start(test, &crew, gotest_trade, x);
	for (i = 0; i < 50; i++)
		KUNIT_EXPECT_LE(test, gosites_read(id).objects, 64 + 2 * crew.n);
	gotest_crew_stop(test, &crew);
	gotest_exchange_end(test, x);
	expect_site(test, id, 0, 0);
}

/**
 * struct actor - a module that does not exist, with call sites
 * @mod: what the kernel would tell of it
 * @kp: its parameters
 * @site: its sites
 */
struct actor {
	struct module mod;
	struct kernel_param *kp;
	struct goalloc_site *site;
};

static struct actor *actor_new(struct kunit *test, unsigned int n)
{
	struct actor *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, a);
	a->kp = kvcalloc(n, sizeof(*a->kp), GFP_KERNEL);
	a->site = kvcalloc(n, sizeof(*a->site), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, a->kp && a->site);
	for (i = 0; i < n; i++) {
		const struct kernel_param kp = {
			.name = GOALLOC_SITE_PARAM,
			.ops = &param_ops_byte,
			.arg = &a->site[i],
		};

		a->site[i] = (struct goalloc_site){
			.file = "some/where.c",
			.function = "some_function",
			.line = i + 1,
			.owner = GOALLOC_OWNER_UNKNOWN,
		};
		memcpy(&a->kp[i], &kp, sizeof(kp));
	}
	strscpy(a->mod.name, "actor", sizeof(a->mod.name));
	a->mod.kp = a->kp;
	a->mod.num_kp = n;
	return a;
}

static void actor_end(struct actor *a)
{
	gosites_leave(&a->mod);
	kvfree(a->kp);
	kvfree(a->site);
}

/* More than a block has; what is left when the module goes keeps its name. */
static void sites_left(struct kunit *test)
{
	struct actor *a = actor_new(test, 2 * GO_SITES + 9);
	unsigned int i, first, last;
	char name[80];
	void *p, *q;

	gosites_add(&a->mod, __goalloc_owner);
	for (i = 0; i < a->mod.num_kp; i++) {
		KUNIT_ASSERT_NE(test, a->site[i].id, 0);
		KUNIT_EXPECT_EQ(test, a->site[i].owner, __goalloc_owner);
		KUNIT_EXPECT_TRUE(test, !i || a->site[i].id != a->site[i - 1].id);
	}
	first = a->site[3].id;
	last = a->site[i - 1].id;
	p = gomalloc_at(HIDE(80UL), GFP_KERNEL, &a->site[i - 1]);
	q = gomalloc_at(HIDE(90000UL), GFP_KERNEL, &a->site[i - 1]);
	expect_site(test, last, 2, 80 + 90112);
	actor_end(a);
	KUNIT_EXPECT_EQ(test, gosites_name(name, sizeof(name), first), 0);
	expect_site(test, last, 2, 80 + 90112);
	gosites_name(name, sizeof(name), last);
	KUNIT_EXPECT_STREQ(test, name, " at where.c:137 [actor] func:some_function");
	gofree(p);
	gofree(q);
	/* The next that comes finds it empty. */
	a = actor_new(test, 1);
	gosites_add(&a->mod, __goalloc_owner);
	actor_end(a);
	KUNIT_EXPECT_EQ(test, gosites_name(name, sizeof(name), last), 0);
}

/* What the tables take is held, is in Sys, and goes with the module. */
static void sites_are_held(struct kunit *test)
{
	struct actor *a = actor_new(test, GO_SITES + 1);
	const size_t block = sizeof(struct gosites) + GO_SITES *
			     sizeof(struct gosite_count) * num_possible_cpus();
	struct goalloc_memstats *m;
	unsigned long sites;

	/* Other tests' modules have left nothing by now. */
	gosites_add(&a->mod, __goalloc_owner);
	actor_end(a);
	sites = goalloc_heap.sites;
	a = actor_new(test, GO_SITES + 1);
	gosites_add(&a->mod, __goalloc_owner);
	KUNIT_EXPECT_GE(test, goalloc_heap.sites, sites + 2 * block +
			(GO_SITES + 1) * strlen("where.c:1 [actor] func:some_function"));
	m = gotest_memstats(test, &goalloc_heap);
	KUNIT_EXPECT_EQ(test, m->buck_hash_sys,
			goalloc_heap.profile + goalloc_heap.sites);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&goalloc_heap.held), m->sys);
	gotest_expect_identities(test, m);
	actor_end(a);
	KUNIT_EXPECT_EQ(test, goalloc_heap.sites, sites);
}

/* Without a number a site counts nothing, and that is counted. */
static void expect_missed(struct kunit *test, struct goalloc_site *site)
{
	long missed = atomic_long_read(&gosite_missed);
	void *p = gomalloc_at(HIDE(80UL), GFP_KERNEL, site);

	KUNIT_EXPECT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&gosite_missed), missed + 1);
	gofree(p);
}

static void sites_too_many(struct kunit *test)
{
	unsigned int i, n = GO_SITES * GO_NR_SITE_BLOCKS;
	struct actor *a = actor_new(test, n);

	gosites_add(&a->mod, __goalloc_owner);
	for (i = 0; i < n && a->site[i].id; i++)
		;
	KUNIT_EXPECT_GT(test, i, n - 64 * GO_SITES);
	KUNIT_EXPECT_LT(test, i, n);
	if (i < n)
		expect_missed(test, &a->site[i]);
	actor_end(a);
	a = actor_new(test, 1);
	gosites_add(&a->mod, __goalloc_owner);
	KUNIT_EXPECT_NE(test, a->site[0].id, 0);
	actor_end(a);
}

#ifdef CONFIG_FAULT_INJECTION
static void fail_after(int space)
{
	goalloc_fail.verbose = 0;
	goalloc_fail.interval = 1;
	goalloc_fail.task_filter = true;
	atomic_set(&goalloc_fail.space, space);
	atomic_set(&goalloc_fail.times, 1);
	current->make_it_fail = 1;
	WRITE_ONCE(goalloc_fail.probability, 100);
}

static void fail_no_more(void)
{
	WRITE_ONCE(goalloc_fail.probability, 0);
	current->make_it_fail = 0;
	goalloc_fail.task_filter = false;
}

/* The module is loaded without memory: each step fails in turn. */
static void sites_no_memory(struct kunit *test)
{
	struct actor *a;
	int n;

	for (n = 0; n < 3; n++) {
		a = actor_new(test, 1);
		fail_after(n);
		gosites_add(&a->mod, __goalloc_owner);
		fail_no_more();
		KUNIT_EXPECT_EQ(test, a->site[0].id, 0);
		KUNIT_EXPECT_EQ(test, a->site[0].owner, __goalloc_owner);
		expect_missed(test, &a->site[0]);
		actor_end(a);
	}
}

static noinline void *site_bare(void) { return gomalloc(64, GFP_NOWAIT); }

/* No memory for a record, and some for the object. */
static void sites_no_record(struct kunit *test)
{
	long missed = atomic_long_read(&gosite_missed);
	void *p, *q;

	gotest_pin(test, &goalloc_heap);
	gotest_cool(&goalloc_heap);
	/* It is another task, for which nothing fails, and would fill the reserve. */
	disable_work_sync(&goalloc_heap.work);
	/* One of 64 bytes is in the cache, and none of 128. */
	gofree((gomalloc)(HIDE(64UL), GFP_KERNEL));
	goalloc_fail.verbose = 0;
	goalloc_fail.interval = 1;
	goalloc_fail.task_filter = true;
	atomic_set(&goalloc_fail.space, 0);
	atomic_set(&goalloc_fail.times, -1);
	current->make_it_fail = 1;
	WRITE_ONCE(goalloc_fail.probability, 100);
	/* The reserve serves some first. */
	for (q = NULL; atomic_long_read(&gosite_missed) == missed; q = p) {
		p = site_bare();
		if (!p)
			break;
		*(void **)p = q;
	}
	fail_no_more();
	enable_work(&goalloc_heap.work);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&gosite_missed), missed + 1);
	for (; q; q = p) {
		p = *(void **)q;
		gofree(q);
	}
	expect_site(test, site_in("site_bare"), 0, 0);
}
#endif

static struct kunit_case sites_cases[] = {
	KUNIT_CASE_PARAM(sites_ways, way_gen_params),
	KUNIT_CASE(sites_frees),
	KUNIT_CASE(sites_as_without),
	KUNIT_CASE(sites_realloc),
	KUNIT_CASE(sites_overwritten),
	KUNIT_CASE_PARAM(sites_contexts, context_gen_params),
	KUNIT_CASE(sites_watched),
	KUNIT_CASE(sites_under_load),
	KUNIT_CASE(sites_left),
	KUNIT_CASE(sites_are_held),
	KUNIT_CASE(sites_too_many),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE(sites_no_memory),
	KUNIT_CASE(sites_no_record),
#endif
	{}
};

static struct kunit_suite sites_suite = {
	.name = "goalloc_sites",
	.init = sites_init,
	.exit = sites_exit,
	.test_cases = sites_cases,
};

kunit_test_suite(sites_suite);
