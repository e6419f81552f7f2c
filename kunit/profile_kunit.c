// SPDX-License-Identifier: GPL-2.0
/*
 * goalloc_profile: the heap profile is true.
 *
 * Each way to allocate has a function of its own here, by whose name its samples
 * are found again.  With a rate of 1 what the profile says is exact.  With any
 * other it is an estimate, and the tests ask two things of a hundred of them (four
 * with KASAN, which is slow), made with another seed each time: none is off by
 * more than 5 sigma, and their mean by no more than 5 of its own, which are a tenth.
 * Of a hundred that are right
 * three in ten thousand would be off by 3 each, so that a test which asks for 3
 * fails in a quarter of its runs; 5 fail in one of ten thousand.  A bias of half a
 * sigma, which no single run would show, fails the second.
 */

#include <linux/delay.h>
#include <linux/fault-inject.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "api.h"
#include "hooks.h"
#include "objects.h"
#include "observe/observe.h"
#include "observe/profile.h"
#include "sample.h"

/* Sizes are an eighth of the rate: an object is sampled with this probability. */
#define EIGHTH_PPM	117503UL

static u64 pause_was;

static void set_rate(struct kunit *test, const char *rate)
{
	KUNIT_ASSERT_EQ(test, goprofile_set_rate(rate), 0);
}

static int profile_init(struct kunit *test)
{
	if (!static_key_enabled(&goalloc_check))
		return 0;
	/* What is sampled must not depend on the time. */
	pause_was = gosample_pause;
	gosample_pause = 0;
	return gotest_api_init(test);
}

static void profile_exit(struct kunit *test)
{
	if (!static_key_enabled(&goalloc_check))
		return;
	gosample_pause = pause_was;
	KUNIT_EXPECT_EQ(test, goprofile_set_stacks("1024"), 0);
	KUNIT_EXPECT_EQ(test, goprofile_set_rate("524288"), 0);
	KUNIT_EXPECT_EQ(test, goprofile_forgotten(), 0);
	gotest_api_exit(test);
}

static void need_check(struct kunit *test)
{
	if (!static_key_enabled(&goalloc_check))
		kunit_skip(test, "the profile needs check=1");
}

/**
 * struct sum - what the profile says of the function of a name
 * @allocs: samples
 * @live: of these, live
 * @bytes: bytes of @allocs
 * @weight: of @allocs, exactly
 * @age: by age
 */
struct sum {
	unsigned long allocs;
	unsigned long live;
	unsigned long bytes;
	unsigned long weight;
	unsigned long age[GOPROFILE_AGES];
};

static bool is_of(const struct goprofile_site *s, const char *name)
{
	char sym[KSYM_SYMBOL_LEN];
	size_t len = strlen(name);

	snprintf(sym, sizeof(sym), "%pB", (void *)s->frame[0]);
	return !strncmp(sym, name, len) && (sym[len] == '+' || sym[len] == '.');
}

static struct sum sum_of_name(const char *name)
{
	struct goprofile_site *s;
	struct sum sum = {};
	struct goprofile *f;
	unsigned long n;
	int i;

	mutex_lock(&goprofile_setting);
	f = goprofile_now();
	for (s = f ? f->site : NULL; f && s < f->site + f->nsites; s++) {
		if (!s->nframes || !is_of(s, name))
			continue;
		n = atomic_long_read(&s->allocs);
		sum.weight += n;
		sum.allocs += n / GOSAMPLE_ONE;
		sum.bytes += n / GOSAMPLE_ONE * s->size;
		sum.live += (n - atomic_long_read(&s->frees)) / GOSAMPLE_ONE;
		for (i = 0; i < GOPROFILE_AGES; i++)
			sum.age[i] += atomic_long_read(&s->age[i]) /
				      GOSAMPLE_ONE;
	}
	mutex_unlock(&goprofile_setting);
	return sum;
}

static long caught(enum gomisuse kind)
{
	return gotest_misuses(&goalloc_heap, kind);
}

/* --- the ways to allocate ------------------------------------------------- */

#define SITE	static noinline __noclone void *

SITE site_variable(size_t size)
{
	void *p = gomalloc(size, GFP_KERNEL);

	barrier();
	return p;
}

SITE site_zeroed(size_t size)
{
	void *p = gozalloc(size, GFP_KERNEL);

	barrier();
	return p;
}

SITE site_noscan(size_t size)
{
	void *p = gomalloc_noscan(size, GFP_KERNEL);

	barrier();
	return p;
}

SITE site_node(size_t size)
{
	void *p = gomalloc_node(size, GFP_KERNEL, numa_mem_id());

	barrier();
	return p;
}

SITE site_memdup(size_t size)
{
	static const char text[512];
	void *p = gomemdup(text, size, GFP_KERNEL);

	barrier();
	return p;
}

/* One by realloc from nothing: as an allocation. */
SITE site_realloc(size_t size)
{
	void *p = gorealloc(NULL, size, GFP_KERNEL);

	barrier();
	return p;
}

#define HELD	50

/**
 * struct way - a way to allocate
 * @name: of the function
 * @alloc: the function
 * @size: of objects; a power of two
 * @rate: eight times that
 * @debug: under suspicion
 */
struct way {
	const char *name;
	void *(*alloc)(size_t size);
	size_t size;
	const char *rate;
	bool debug;
};

static const struct way ways[] = {
	{ "site_variable", site_variable, 64, "512" },
	{ "site_zeroed", site_zeroed, 128, "1K" },
	{ "site_noscan", site_noscan, 32, "256" },
	{ "site_noscan", site_noscan, 8, "64" },
	{ "site_noscan", site_noscan, 2, "16" },
	{ "site_variable", site_variable, 65536, "512K" },
	{ "site_node", site_node, 64, "512" },
	{ "site_memdup", site_memdup, 64, "512" },
	{ "site_realloc", site_realloc, 64, "512" },
	{ "site_variable", site_variable, 64, "512", true },
};

static void describe_way(const struct way *w, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %zu bytes%s", w->name,
		 w->size, w->debug ? ", debug" : "");
}

KUNIT_ARRAY_PARAM(way, ways, describe_way);

static void suspect(struct kunit *test, const struct way *w)
{
	if (w->debug)
		KUNIT_ASSERT_EQ(test, godebug_set("Z"), 0);
}

/* Pairs, which go back and forth on a stack. */
static void make_pairs(struct kunit *test, const struct way *w, unsigned int n)
{
	void *p;

	while (n--) {
		p = w->alloc(w->size);
		KUNIT_ASSERT_NOT_NULL(test, p);
		gofree(p);
	}
}

/* As many objects, of which many live at a time. */
static void make_batches(struct kunit *test, const struct way *w, unsigned int n)
{
	void *p[HELD];
	unsigned int i;

	for (; n; n -= HELD) {
		for (i = 0; i < HELD; i++) {
			p[i] = w->alloc(w->size);
			KUNIT_ASSERT_NOT_NULL(test, p[i]);
		}
		for (i = 0; i < HELD; i++)
			gofree(p[i]);
	}
}

static noinline __noclone void site_bulk(struct kunit *test,
					 const struct way *w, unsigned int n)
{
	void *p[HELD];

	for (; n; n -= HELD) {
		KUNIT_ASSERT_EQ(test, gomalloc_bulk(GFP_KERNEL, w->size, HELD,
						    p), HELD);
		gofree_bulk(HELD, p);
	}
}

/* --- estimates ------------------------------------------------------------ */

#define RUNS	(IS_ENABLED(CONFIG_KASAN) ? 4 : 100)

/* The square root of n p (1 - p), in thousandths. */
static long sigma_of(unsigned long n)
{
	return int_sqrt64((u64)n * EIGHTH_PPM * (1000000 - EIGHTH_PPM) /
			  1000000);
}

/* Compare what a hundred runs of @make say with what they have done. */
static void expect_unbiased(struct kunit *test, const struct way *w,
			    const char *name, unsigned int n,
			    void (*make)(struct kunit *test,
					 const struct way *w, unsigned int n))
{
	long mean = (long)(n * EIGHTH_PPM / 1000), sigma = sigma_of(n);
	long off, all = 0, worst = 0;
	struct rnd_state rnd;
	struct sum before, after;
	int run;

	gotest_random(test, &rnd);
	set_rate(test, w->rate);
	gosample_seed(&goalloc_heap, prandom_u32_state(&rnd));
	for (run = 0; run < RUNS; run++) {
		before = sum_of_name(name);
		make(test, w, n);
		after = sum_of_name(name);
		off = (long)(after.allocs - before.allocs) * 1000 - mean;
		KUNIT_EXPECT_LE(test, abs(off), 5 * sigma);
		KUNIT_EXPECT_EQ(test, after.live, 0);
		worst = max(worst, abs(off));
		all += off;
	}
	/* The mean of a hundred has a tenth of the sigma. */
	KUNIT_EXPECT_LE(test, abs(all), 5 * (long)int_sqrt(RUNS) * sigma);
	kunit_info(test, "%u of %zu bytes, %u times: mean off by %ld hundredths of sigma, worst by %ld",
		   n, w->size, RUNS, all * 100 / RUNS / sigma,
		   worst * 100 / sigma);
}

static void profile_pairs(struct kunit *test)
{
	const struct way *w = test->param_value;

	need_check(test);
	suspect(test, w);
	expect_unbiased(test, w, w->name, GOTEST_LOOPS(2000), make_pairs);
	godebug_set("");
}

static void profile_batches(struct kunit *test)
{
	const struct way *w = test->param_value;

	need_check(test);
	suspect(test, w);
	expect_unbiased(test, w, w->name, GOTEST_LOOPS(2000), make_batches);
	godebug_set("");
}

static void profile_bulk(struct kunit *test)
{
	need_check(test);
	expect_unbiased(test, &ways[0], "site_bulk", GOTEST_LOOPS(2000),
			site_bulk);
}

/*
 * Where samples come too fast there are fewer, and each counts for more.  Nothing
 * is known of their variance, which depends on the time; so the mean of many runs
 * is compared with the spread that they have.
 */
static void profile_thinned(struct kunit *test)
{
	const unsigned int n = 1000;
	s64 mean = (s64)n * EIGHTH_PPM / 1000, off, sum = 0, squares = 0;
	unsigned long samples = 0;
	struct sum before, after;
	int run;

	need_check(test);
	gosample_pause = 4000;
	for (run = 0; run < 3 * RUNS; run++) {
		/* So that it begins with the rate itself. */
		set_rate(test, "512");
		gosample_seed(&goalloc_heap, get_random_u64());
		before = sum_of_name("site_variable");
		make_pairs(test, &ways[0], n);
		after = sum_of_name("site_variable");
		off = (s64)(after.weight - before.weight) * 1000 /
		      (s64)GOSAMPLE_ONE - mean;
		sum += off;
		squares += off * off;
		samples += after.weight - before.weight;
		KUNIT_EXPECT_EQ(test, after.live, 0);
	}
	kunit_info(test, "%u pairs, 300 times: %ld%% of what it should be",
		   n, 100 + (long)(sum / 3 / mean));
	KUNIT_EXPECT_LE(test, abs(sum), 6 * (s64)int_sqrt64(squares));
	KUNIT_EXPECT_GT(test, samples, 0);
}

/* --- exactly -------------------------------------------------------------- */

static void profile_everything(struct kunit *test)
{
	const struct way *w = test->param_value;
	void *p[HELD];
	struct sum s;
	int i;

	need_check(test);
	suspect(test, w);
	set_rate(test, "1");
	for (i = 0; i < HELD; i++)
		p[i] = w->alloc(w->size);
	s = sum_of_name(w->name);
	KUNIT_EXPECT_EQ(test, s.allocs, HELD);
	KUNIT_EXPECT_EQ(test, s.live, HELD);
	KUNIT_EXPECT_EQ(test, s.bytes, HELD * w->size);
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	for (i = 0; i < HELD; i++) {
		KUNIT_EXPECT_EQ(test, gosize(p[i]), w->size);
		if (i % 2)
			gofree(p[i]);
		else
			gofree_sized(p[i], w->size);
	}
	s = sum_of_name(w->name);
	KUNIT_EXPECT_EQ(test, s.allocs, HELD);
	KUNIT_EXPECT_EQ(test, s.live, 0);
	godebug_set("");
}

static void profile_off(struct kunit *test)
{
	void *p;

	need_check(test);
	set_rate(test, "1");
	set_rate(test, "0");
	p = site_variable(64);
	KUNIT_EXPECT_EQ(test, sum_of_name("site_variable").allocs, 0);
	KUNIT_EXPECT_EQ(test, goalloc_heap.profile, 0);
	gofree(p);
	set_rate(test, "1");
	KUNIT_EXPECT_GT(test, goalloc_heap.profile, 0);
	KUNIT_EXPECT_EQ(test, gotest_memstats(test, &goalloc_heap)->buck_hash_sys,
			goalloc_heap.profile + goalloc_heap.sites);
	gofree(site_variable(64));
	KUNIT_EXPECT_EQ(test, sum_of_name("site_variable").allocs, 1);
}

static void profile_refuses(struct kunit *test)
{
	static const char * const bad[] = {
		"", "-1", "x", "12q", "1KB", "1099511627777", "0x10", "1 2",
	};
	char *text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, text);
	if (!static_key_enabled(&goalloc_check)) {
		KUNIT_EXPECT_EQ(test, goprofile_set_rate("512K"), -EINVAL);
		KUNIT_EXPECT_EQ(test, goprofile_set_rate("0"), 0);
		goprofile_get(text, false);
		KUNIT_EXPECT_STREQ(test, text, "0\n");
		return;
	}
	set_rate(test, "1M\n");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_NE_MSG(test, goprofile_set_rate(bad[i]), 0, "%s",
				    bad[i]);
	KUNIT_EXPECT_EQ(test, goprofile_set_stacks("15"), -EINVAL);
	KUNIT_EXPECT_EQ(test, goprofile_set_stacks("65537"), -EINVAL);
	KUNIT_EXPECT_EQ(test, goprofile_set_stacks("1K"), -EINVAL);
	goprofile_get(text, false);
	KUNIT_EXPECT_STREQ(test, text, "1048576\n");
	goprofile_get(text, true);
	KUNIT_EXPECT_STREQ(test, text, "1024\n");
}

static void profile_misuse(struct kunit *test)
{
	const struct way *w = test->param_value;
	long twice = caught(GO_DOUBLE_FREE), inside = caught(GO_INTERIOR);
	long size = caught(GO_WRONG_SIZE);
	char *p;

	need_check(test);
	set_rate(test, "1");
	p = w->alloc(w->size);
	KUNIT_ASSERT_NOT_NULL(test, p);
	OPTIMIZER_HIDE_VAR(p);
	if (w->size > 1) {
		gofree(p + 1);
		KUNIT_EXPECT_EQ(test, caught(GO_INTERIOR), inside + 1);
	}
	gofree_sized(p, 2 * w->size + 8);
	KUNIT_EXPECT_EQ(test, caught(GO_WRONG_SIZE), size + 1);
	KUNIT_EXPECT_EQ(test, sum_of_name(w->name).live, 1);
	gofree(p);
	KUNIT_EXPECT_EQ(test, sum_of_name(w->name).live, 0);
	gofree(p);
	KUNIT_EXPECT_EQ(test, caught(GO_DOUBLE_FREE), twice + 1);
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
}

static noinline __noclone void *site_grow(void *p, size_t size)
{
	p = gorealloc(p, size, GFP_KERNEL);
	barrier();
	return p;
}

/* A large object that grows where it is, and one that stays, and one that moves. */
static void profile_realloc(struct kunit *test)
{
	struct sum s;
	void *p;

	need_check(test);
	set_rate(test, "1");
	p = site_variable(40000);
	p = site_grow(p, 1000000);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, sum_of_name("site_variable").live, 0);
	s = sum_of_name("site_grow");
	KUNIT_EXPECT_EQ(test, s.live, 1);
	KUNIT_EXPECT_EQ(test, s.bytes, 1000000);
	p = site_grow(p, 999999);
	KUNIT_EXPECT_EQ(test, sum_of_name("site_grow").allocs, 1);
	p = site_grow(p, 100);
	s = sum_of_name("site_grow");
	KUNIT_EXPECT_EQ(test, s.live, 1);
	KUNIT_EXPECT_EQ(test, s.bytes, 1000100);
	gofree(p);
	KUNIT_EXPECT_EQ(test, sum_of_name("site_grow").live, 0);
}

/* --- storage -------------------------------------------------------------- */

#define MANY	400

static void profile_full(struct kunit *test)
{
	void **p = kunit_kcalloc(test, MANY, sizeof(*p), GFP_KERNEL);
	struct goprofile *f;
	struct sum s;
	int i;

	need_check(test);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_EQ(test, goprofile_set_stacks("16"), 0);
	set_rate(test, "1");
	for (i = 0; i < MANY; i++)
		p[i] = site_variable(64);
	s = sum_of_name("site_variable");
	KUNIT_EXPECT_EQ(test, s.allocs, 128);
	KUNIT_EXPECT_EQ(test, s.live, 128);
	mutex_lock(&goprofile_setting);
	f = goprofile_now();
	KUNIT_EXPECT_EQ(test, atomic_long_read(&f->no_sample), MANY - 128);
	mutex_unlock(&goprofile_setting);
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	for (i = 0; i < MANY; i++)
		gofree(p[i]);
	KUNIT_EXPECT_EQ(test, sum_of_name("site_variable").live, 0);

	/* Each size is a site of its own. */
	for (i = 0; i < 40; i++)
		gofree(site_variable(100 + i));
	mutex_lock(&goprofile_setting);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&f->no_site), 40 - 15);
	mutex_unlock(&goprofile_setting);
	KUNIT_EXPECT_EQ(test, sum_of_name("site_variable").live, 0);
}

/* How many sites there are of objects of so many bytes. */
static unsigned int sites_of_size(size_t size)
{
	const struct goprofile_site *s;
	struct goprofile *f;
	unsigned int n = 0;

	mutex_lock(&goprofile_setting);
	f = goprofile_now();
	for (s = f->site; s < f->site + f->nsites; s++)
		n += s->hash && s->size == size;
	mutex_unlock(&goprofile_setting);
	return n;
}

static unsigned long made_room(void)
{
	unsigned long n;

	mutex_lock(&goprofile_setting);
	n = goprofile_now()->made_room;
	mutex_unlock(&goprofile_setting);
	return n;
}

/* What the tables and the names that are kept take. */
static unsigned long profile_bytes(void)
{
	const struct goprofile_site *s;
	unsigned long bytes;
	struct goprofile *f;

	mutex_lock(&goprofile_setting);
	f = goprofile_now();
	bytes = f->nsites * sizeof(*f->site) + f->nsamples * sizeof(*f->sample);
	for (s = f->site; s < f->site + f->nsites; s++)
		bytes += s->names ? ksize(s->names) : 0;
	mutex_unlock(&goprofile_setting);
	return bytes;
}

/*
 * Modules come and go until the table is full.  Then the oldest sites make room, but
 * for those of which something lives, and a new stack finds a place.
 */
static void profile_makes_room(struct kunit *test)
{
	struct module *mod = kunit_kzalloc(test, sizeof(*mod), GFP_KERNEL);
	unsigned int i;
	void *p[2];

	need_check(test);
	KUNIT_ASSERT_NOT_NULL(test, mod);
	memcpy(mod->mem, THIS_MODULE->mem, sizeof(mod->mem));
	KUNIT_ASSERT_EQ(test, goprofile_set_stacks("16"), 0);
	set_rate(test, "1");
	p[0] = site_variable(64);
	for (i = 0; i < 6; i++)
		gofree(site_variable(100 + i));
	goprofile_close(mod, false);
	p[1] = site_variable(65);
	for (i = 0; i < 6; i++)
		gofree(site_variable(200 + i));
	goprofile_close(mod, false);
	KUNIT_EXPECT_EQ(test, made_room(), 0);
	/* Two places are left. */
	for (i = 0; i < 20; i++)
		gofree(site_variable(300 + i));
	KUNIT_EXPECT_EQ(test, sites_of_size(319), 0);
	for (i = 0; i < 100 && !made_room(); i++)
		msleep(100);
	KUNIT_EXPECT_EQ(test, made_room(), 6);
	for (i = 0; i < 6; i++) {
		KUNIT_EXPECT_EQ(test, sites_of_size(100 + i), 0);
		KUNIT_EXPECT_EQ(test, sites_of_size(200 + i), 1);
	}
	KUNIT_EXPECT_EQ(test, sites_of_size(64), 1);
	KUNIT_EXPECT_EQ(test, sites_of_size(65), 1);
	KUNIT_EXPECT_EQ(test, sum_of_name("site_variable").live, 2);
	KUNIT_EXPECT_EQ(test, goalloc_heap.profile, profile_bytes());
	gofree(site_variable(319));
	gofree(site_variable(319));
	/* Two calls, which may be two sites. */
	KUNIT_EXPECT_GE(test, sites_of_size(319), 1);
	gofree_bulk(2, p);
	KUNIT_EXPECT_EQ(test, sum_of_name("site_variable").live, 0);
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
}

#ifdef CONFIG_FAULT_INJECTION
/* Without memory for it nothing changes. */
static void profile_faults(struct kunit *test)
{
	unsigned long bytes;
	int n, err = -ENOMEM;
	void *p;

	need_check(test);
	set_rate(test, "1");
	p = site_variable(64);
	bytes = goalloc_heap.profile;
	for (n = 0; err && n < 10; n++) {
		goalloc_fail.verbose = 0;
		goalloc_fail.interval = 1;
		goalloc_fail.task_filter = true;
		atomic_set(&goalloc_fail.space, n);
		atomic_set(&goalloc_fail.times, 1);
		current->make_it_fail = 1;
		WRITE_ONCE(goalloc_fail.probability, 100);
		err = goprofile_set_rate("2");
		WRITE_ONCE(goalloc_fail.probability, 0);
		current->make_it_fail = 0;
		goalloc_fail.task_filter = false;
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
		KUNIT_EXPECT_EQ(test, goalloc_heap.profile, bytes);
		KUNIT_EXPECT_EQ(test, sum_of_name("site_variable").live, 1);
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, n, 4);
	KUNIT_EXPECT_EQ(test, goprofile_forgotten(), 1);
	gofree(p);
}
#else
static void profile_faults(struct kunit *test)
{
	kunit_skip(test, "no CONFIG_FAULT_INJECTION");
}
#endif

/* The profile begins anew; what was sampled before is freed without a sample. */
static void profile_begins_anew(struct kunit *test)
{
	void *small, *tiny, *large;

	need_check(test);
	set_rate(test, "1");
	small = site_variable(64);
	tiny = site_noscan(5);
	large = site_variable(100000);
	set_rate(test, "512K");
	KUNIT_EXPECT_EQ(test, goprofile_forgotten(), 3);
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	KUNIT_EXPECT_EQ(test, sum_of_name("site_variable").allocs, 0);
	KUNIT_EXPECT_EQ(test, gosize(small), 64);
	KUNIT_EXPECT_EQ(test, gosize(tiny), 5);
	gofree(small);
	gofree(tiny);
	gofree(large);
	KUNIT_EXPECT_EQ(test, goprofile_forgotten(), 0);
}

/* --- lifetimes and contexts ----------------------------------------------- */

static void profile_lifetimes(struct kunit *test)
{
	unsigned long fast = 0, slow = 0, never = 0;
	struct sum s;
	void *p;
	int i;

	need_check(test);
	set_rate(test, "1");
	for (i = 0; i < 10; i++)
		gofree(site_variable(64));
	p = site_variable(64);
	msleep(40);
	gofree(p);
	s = sum_of_name("site_variable");
	/* 2 << i microseconds; 32 ms lie in the bucket that begins there. */
	for (i = 0; i < GOPROFILE_AGES; i++)
		*(i < 14 ? &fast : i < 20 ? &slow : &never) += s.age[i];
	KUNIT_EXPECT_EQ(test, fast, 10);
	KUNIT_EXPECT_EQ(test, slow, 1);
	KUNIT_EXPECT_EQ(test, never, 0);
}

KUNIT_ARRAY_PARAM_DESC(context, gotest_contexts, name);

SITE site_atomic(size_t size)
{
	void *p = gomalloc(size, GFP_ATOMIC);

	barrier();
	return p;
}

static void alloc_in_context(void *data)
{
	*(void **)data = site_atomic(64);
}

static void free_in_context(void *data)
{
	gofree(*(void **)data);
}

static void profile_in_context(struct kunit *test)
{
	const struct gotest_context_param *c = test->param_value;
	void *p = NULL;

	need_check(test);
	set_rate(test, "1");
	gofree(gomalloc(64, GFP_KERNEL));
	gotest_run_in(c->context, alloc_in_context, &p);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, sum_of_name("site_atomic").live, 1);
	KUNIT_EXPECT_TRUE(test, goprofile_has(p));
	gotest_run_in(c->context, free_in_context, &p);
	gotest_settle(&goalloc_heap);
	KUNIT_EXPECT_EQ(test, sum_of_name("site_atomic").live, 0);
	KUNIT_EXPECT_EQ(test, sum_of_name("site_atomic").allocs, 1);
}

static void *alloc_any(struct goheap *h, unsigned int i, gfp_t gfp)
{
	return site_variable(16 + i);
}

static size_t size_any(unsigned int i)
{
	return 16 + i;
}

static void free_any(struct goheap *h, void *p)
{
	gofree(p);
}

/* Threads on all CPUs free each other's samples. */
static void profile_trade(struct kunit *test)
{
	static const struct gotest_kind kind = {
		.alloc = alloc_any, .size = size_any, .free = free_any,
	};
	struct gotest_exchange *x;
	struct gotest_crew crew;

	need_check(test);
	set_rate(test, "1");
	x = gotest_exchange_new(test, &goalloc_heap, &kind, 64);
	gotest_crew_start(test, &crew, gotest_trade, x);
	msleep(200);
	set_rate(test, "100");
	msleep(200);
	gotest_crew_stop(test, &crew);
	gotest_exchange_end(test, x);
	KUNIT_EXPECT_GT(test, sum_of_name("site_variable").allocs, 0);
	KUNIT_EXPECT_EQ(test, sum_of_name("site_variable").live, 0);
}

/* What verify has to find. */
static void profile_verified(struct kunit *test)
{
	struct gospan *s;
	u8 *state;
	void *p;

	need_check(test);
	set_rate(test, "0");
	p = site_variable(64);
	s = gotest_span_of(&goalloc_heap, p);
	state = s->objstate + ((unsigned long)p - s->base) / s->elemsize;
	*state = goobj_sampled_of(*state);
	KUNIT_EXPECT_NE(test, goverify(&goalloc_heap, NULL), 0);
	*state = goobj_sampled_owner(*state);
	gofree(p);
	set_rate(test, "1");
	p = site_variable(64);
	s = gotest_span_of(&goalloc_heap, p);
	state = s->objstate + ((unsigned long)p - s->base) / s->elemsize;
	KUNIT_EXPECT_TRUE(test, goobj_is_sampled(*state));
	*state = goobj_sampled_owner(*state);
	KUNIT_EXPECT_NE(test, goverify(&goalloc_heap, NULL), 0);
	*state = goobj_sampled_of(*state);
	KUNIT_EXPECT_EQ(test, goverify(&goalloc_heap, NULL), 0);
	gofree(p);
}

static struct kunit_case profile_cases[] = {
	KUNIT_CASE_PARAM(profile_pairs, way_gen_params),
	KUNIT_CASE_PARAM(profile_batches, way_gen_params),
	KUNIT_CASE(profile_bulk),
	KUNIT_CASE(profile_thinned),
	KUNIT_CASE_PARAM(profile_everything, way_gen_params),
	KUNIT_CASE(profile_off),
	KUNIT_CASE(profile_refuses),
	KUNIT_CASE_PARAM(profile_misuse, way_gen_params),
	KUNIT_CASE(profile_realloc),
	KUNIT_CASE(profile_full),
	KUNIT_CASE(profile_makes_room),
	KUNIT_CASE(profile_faults),
	KUNIT_CASE(profile_begins_anew),
	KUNIT_CASE(profile_lifetimes),
	KUNIT_CASE_PARAM(profile_in_context, context_gen_params),
	KUNIT_CASE(profile_trade),
	KUNIT_CASE(profile_verified),
	{}
};

static struct kunit_suite profile_suite = {
	.name = "goalloc_profile",
	.init = profile_init,
	.exit = profile_exit,
	.test_cases = profile_cases,
};

kunit_test_suite(profile_suite);
