// SPDX-License-Identifier: GPL-2.0
/*
 * Profile: Go's heap profile, with the lifetimes of objects.
 *
 * sample.c decides which allocations are sampled.  Here a sample is what is kept
 * of one while the object lives, and a site is what is kept for good: a stack of
 * callers and a size, with the counts of what was allocated there, what was
 * freed, and at which age.  As in Go a site has one size, because the reader
 * multiplies by 1 / (1 - exp(-size / rate)), which is right for one size only.
 *
 * Both are in tables of a fixed length, which are made when the rate is set, so
 * that any context may sample, NMI included.  There is no lock.  A place in a
 * table is claimed with cmpxchg(), and found by looking at all that an address or
 * a hash may be at.  A sample is removed by whoever frees its object, and nobody
 * else can have claimed that.  With a lock for each bucket an NMI would have to
 * drop what it frees, and then the sample would stay behind and its address come
 * back as another object's.  What finds no place is dropped and counted, and its
 * object is not marked, so that what is in use is never too much.
 *
 * The kernel's stack depot would share stacks with others, but not each kernel
 * has it, it has no counters, and it keeps no names.
 *
 * A change of the rate or the bound makes new tables, and the profile begins
 * anew: one header cannot give two rates.  Objects that were samples stay marked
 * until they are freed; they are counted as forgotten.  The old tables go after a
 * grace period; those that use them have preemption off.
 *
 * Names are those of the moment when the profile is read.  When a module goes,
 * the names in its stacks are kept as text, and the site is closed: what is
 * loaded at its addresses later gets a site of its own.  Modules that come and go
 * would fill the table so.  When a stack finds no place in it, closed sites of which
 * nothing lives are removed, those that were closed first: the older half of them
 * at a time, so that what has gone lately can still be looked at.  Nobody finds a
 * closed site any more; those that have found it before have preemption off, so
 * that it goes after a grace period.
 *
 * Without state bytes a free could not tell that it frees a sample, so with
 * check=0 there is no profile.
 *
 * profile_text.c has the files.
 */

#include <linux/irq_work.h>
#include <linux/kmemleak.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/stacktrace.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>
#include "api.h"
#include "held.h"
#include "hooks.h"
#include "observe.h"
#include "param.h"
#include "profile.h"
#include "sample.h"

/* So many samples there is room for, for each site. */
#define SAMPLES_PER_SITE	8

/* An entry is at most so many places behind the one that its hash names. */
#define PROBES			16

/* Frames of our own that stand before those that are kept. */
#define OUR_FRAMES		12

/* Of a site that is closed: no stack has this hash. */
#define CLOSED			1UL

/* What the profile is; NULL without one.  Changes under goprofile_setting. */
static struct goprofile __rcu *profile;

DEFINE_MUTEX(goprofile_setting);	/* what changes the tables, or reads them */

/* The parameters, and whether there is a heap that has to follow. */
static unsigned long rate = GO_SAMPLE_RATE;
static unsigned int nsites = 1024;
static bool begun;
static bool is_given;

/* Marked objects whose samples went with a table. */
static atomic_long_t forgotten;

/* Closed sites are to make room; not more often than once in a second. */
static void make_room(struct work_struct *work);
static DECLARE_DELAYED_WORK(room_work, make_room);

static void ask_for_room(struct irq_work *work)
{
	schedule_delayed_work(&room_work, HZ);
}

static DEFINE_IRQ_WORK(no_place, ask_for_room);

static unsigned long mix(unsigned long x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9UL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebUL;
	return x ^ x >> 31;
}

/* Take a stack, and the caller as its first frame; returns how many frames. */
static unsigned int take_stack(unsigned long *frame, unsigned long caller)
{
	unsigned long all[OUR_FRAMES + GOPROFILE_DEPTH];
	unsigned int i, n, skip = 0;

	n = stack_trace_save(all, ARRAY_SIZE(all), 1);
	/* It begins in here, or cannot be had at all. */
	while (skip < n && all[skip] != caller)
		skip++;
	/*
	 * Where gcc has made no tail call, the caller is an exported function.  The
	 * device's frames go with it: it is the process that asks.
	 */
	while (skip < n && within_module(all[skip], THIS_MODULE))
		skip++;
	n = skip < n ? min(n - skip, GOPROFILE_DEPTH) : 0;
	for (i = 0; i < n; i++)
		frame[i] = all[skip + i];
	if (n)
		return n;
	frame[0] = caller;
	return 1;
}

static unsigned long hash_stack(const unsigned long *frame, unsigned int n,
				size_t size)
{
	unsigned long hash = size;

	while (n--)
		hash = mix(hash + frame[n]) + n;
	return hash > CLOSED ? hash : CLOSED + 1;
}

static void fill_site(struct goprofile_site *s, const unsigned long *frame,
		      unsigned int n, size_t size)
{
	memcpy(s->frame, frame, n * sizeof(*frame));
	s->size = size;
	smp_store_release(&s->nframes, n);	/* what it counts first */
}

/*
 * Find the site of a stack, or make it.  Whoever finds one need not look at its
 * frames, nor wait until they are there: two stacks with one hash of 64 bits do
 * not happen.  It may stand behind a place that was given up, so all are looked at
 * before one is claimed.
 */
static struct goprofile_site *find_site(struct goprofile *f,
					const unsigned long *frame,
					unsigned int n, size_t size)
{
	unsigned long hash = hash_stack(frame, n, size), was;
	struct goprofile_site *s;
	unsigned int i;

	for (i = 0; i < PROBES; i++) {
		s = &f->site[(hash + i) & (f->nsites - 1)];
		if (READ_ONCE(s->hash) == hash)
			return s;
	}
	for (i = 0; i < PROBES; i++) {
		s = &f->site[(hash + i) & (f->nsites - 1)];
		was = READ_ONCE(s->hash);
		if (!was)
			was = cmpxchg(&s->hash, 0, hash);
		if (!was)
			fill_site(s, frame, n, size);
		if (!was || was == hash)
			return s;
	}
	if (READ_ONCE(f->closings))
		irq_work_queue(&no_place);
	return NULL;
}

/* A place for the sample of an address, which is claimed, or NULL. */
static struct goprofile_sample *claim_sample(struct goprofile *f,
					     unsigned long addr)
{
	struct goprofile_sample *s;
	unsigned int i;

	for (i = 0; i < PROBES; i++) {
		s = &f->sample[(mix(addr) + i) & (f->nsamples - 1)];
		if (!READ_ONCE(s->addr) && !cmpxchg(&s->addr, 0, GOPROFILE_CLAIMED))
			return s;
	}
	return NULL;
}

static struct goprofile_sample *find_sample(struct goprofile *f,
					    unsigned long addr)
{
	struct goprofile_sample *s;
	unsigned int i;

	for (i = 0; f && i < PROBES; i++) {
		s = &f->sample[(mix(addr) + i) & (f->nsamples - 1)];
		if (smp_load_acquire(&s->addr) == addr)	/* then the rest */
			return s;
	}
	return NULL;
}

/* Add a sample to the tables; false if there is no place. */
static bool add_sample(struct goprofile *f, unsigned long addr, size_t size,
		       unsigned int due, unsigned long caller)
{
	unsigned long frame[GOPROFILE_DEPTH];
	struct goprofile_sample *s = claim_sample(f, addr);
	struct goprofile_site *site;

	if (!s) {
		atomic_long_inc(&f->no_sample);
		return false;
	}
	site = find_site(f, frame, take_stack(frame, caller), size);
	if (!site) {
		atomic_long_inc(&f->no_site);
		WRITE_ONCE(s->addr, 0);
		return false;
	}
	s->site = site;
	s->when = ktime_get_mono_fast_ns();
	s->weight = gosample_weigh(f->rate, size, due);
	s->marked = !(due & GOSAMPLE_UNMARKED);
	atomic_long_add(s->weight, &site->allocs);
	smp_store_release(&s->addr, addr);	/* the rest first */
	return true;
}

/* Keep a sample; see struct gohooks. */
static noinline bool keep_sample(const void *p, size_t size, unsigned int due,
				 unsigned long caller)
{
	struct goprofile *f;
	bool kept;

	preempt_disable();
	f = rcu_dereference_sched(profile);
	kept = f && add_sample(f, (unsigned long)p, size, due, caller);
	preempt_enable();
	return kept;
}

/* Which bucket of the histogram an age belongs to: see GOPROFILE_AGES. */
static unsigned int age_bucket(u64 ns)
{
	u64 us = ns / NSEC_PER_USEC;

	return us < 2 ? 0 : min(ilog2(us), GOPROFILE_AGES - 1);
}

/* Its object is freed; see struct gohooks. */
static void end_sample(const void *p, bool marked)
{
	struct goprofile_sample *s;
	struct goprofile_site *site;
	u64 age;

	preempt_disable();
	s = find_sample(rcu_dereference_sched(profile), (unsigned long)p);
	if (s) {
		site = s->site;
		age = ktime_get_mono_fast_ns() - s->when;
		/* It may be a little late with what another CPU has noted. */
		atomic_long_add(s->weight, &site->age[(s64)age < 0 ? 0 :
						      age_bucket(age)]);
		atomic_long_add(s->weight, &site->frees);
		smp_store_release(&s->addr, 0);	/* read before */
	} else if (marked) {
		atomic_long_dec(&forgotten);
	}
	preempt_enable();
}

/**
 * goprofile_has - is there a sample of an object?
 * @p: the object
 *
 * Context: any.
 * Return: whether there is.
 */
bool goprofile_has(const void *p)
{
	bool has;

	preempt_disable();
	has = find_sample(rcu_dereference_sched(profile), (unsigned long)p);
	preempt_enable();
	return has;
}

/**
 * goprofile_caller - which caller allocated an object
 * @p: the object
 *
 * Context: any.
 * Return: the caller; 0 if there is no sample of it.
 */
unsigned long goprofile_caller(const void *p)
{
	struct goprofile_sample *s;
	unsigned long caller = 0;

	preempt_disable();
	s = find_sample(rcu_dereference_sched(profile), (unsigned long)p);
	/* It may be another CPU that still writes the frames down. */
	if (s && goprofile_frames(s->site))
		caller = s->site->frame[0];
	preempt_enable();
	return caller;
}

/* The name that is kept of a site's first frame, if that is in the module. */
static size_t name_in_module(const struct goprofile_site *s, const char *module,
			     char *buf, size_t len)
{
	/* "#\t0x1234\tfunction+0x1/0x2 [module]\n" */
	const char *name = strchr(s->names + 2, '\t') + 1;
	size_t n = strchrnul(name, '\n') - name, end = strlen(module) + 2;

	if (n < end || name[n - end] != '[' || name[n - 1] != ']' ||
	    strncmp(name + n - end + 1, module, end - 2))
		return 0;
	return scnprintf(buf, len, "%.*s", (int)n, name);
}

/**
 * goprofile_name - the name of a caller whose code has gone
 * @caller: where it called from
 * @module: the module that it was of
 * @buf: where to write
 * @len: how much room there is
 *
 * Context: task, may sleep.
 * Return: bytes written; 0 if the name was not kept.
 */
size_t goprofile_name(unsigned long caller, const char *module, char *buf,
		      size_t len)
{
	const struct goprofile_site *s;
	struct goprofile *f;
	size_t n = 0;

	mutex_lock(&goprofile_setting);
	f = goprofile_now();
	for (s = f ? f->site : NULL; f && !n && s < f->site + f->nsites; s++)
		if (s->names && s->frame[0] == caller)
			n = name_in_module(s, module, buf, len);
	mutex_unlock(&goprofile_setting);
	return n;
}

/**
 * goprofile_walk - look at the addresses of all samples
 * @is_wrong: is told each; any context
 * @data: for it
 *
 * Context: task, may sleep.
 * Return: how many @is_wrong has said are.
 */
unsigned long goprofile_walk(bool (*is_wrong)(const void *p, void *data),
			     void *data)
{
	unsigned long addr, n = 0;
	struct goprofile *f;
	unsigned int i;

	mutex_lock(&goprofile_setting);
	f = goprofile_now();
	for (i = 0; f && i < f->nsamples; i++) {
		addr = READ_ONCE(f->sample[i].addr);
		n += addr > GOPROFILE_CLAIMED && is_wrong((void *)addr, data);
		cond_resched();
	}
	mutex_unlock(&goprofile_setting);
	return n;
}

/**
 * goprofile_forgotten - objects that are marked, and whose samples have gone
 *
 * Context: any.
 * Return: how many there are.
 */
long goprofile_forgotten(void)
{
	return atomic_long_read(&forgotten);
}

/**
 * goprofile_now - what the profile is
 *
 * Context: task; goprofile_setting is held.
 * Return: its tables; NULL if there are none.
 */
struct goprofile *goprofile_now(void)
{
	return rcu_dereference_protected(profile,
					 lockdep_is_held(&goprofile_setting));
}

static size_t table_bytes(const struct goprofile *f)
{
	return f->nsites * sizeof(*f->site) + f->nsamples * sizeof(*f->sample);
}

static void free_tables(struct goprofile *f)
{
	unsigned int i;

	if (!f)
		return;
	for (i = 0; f->site && i < f->nsites; i++)
		kfree(f->site[i].names);
	kvfree(f->site);
	kvfree(f->sample);
	kfree(f);
}

static struct goprofile *new_tables(unsigned long mean, unsigned int n)
{
	struct goprofile *f = gohooks_fault() ? NULL :
			      kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return NULL;
	f->rate = mean;
	f->nsites = roundup_pow_of_two(n);
	f->nsamples = f->nsites * SAMPLES_PER_SITE;
	f->site = gohooks_fault() ? NULL :
		  kvcalloc(f->nsites, sizeof(*f->site), GFP_KERNEL);
	f->sample = gohooks_fault() ? NULL :
		    kvcalloc(f->nsamples, sizeof(*f->sample), GFP_KERNEL);
	if (f->site && f->sample) {
		/* What only a sample points to has leaked. */
		kmemleak_no_scan(f->sample);
		return f;
	}
	free_tables(f);
	return NULL;
}

static void count_bytes(long bytes)
{
	lockdep_assert_held(&goprofile_setting);
	if (bytes > 0)
		goheld_charge(&goalloc_heap, bytes, __GFP_NOFAIL);
	else
		goheld_uncharge(&goalloc_heap, -bytes);
	WRITE_ONCE(goalloc_heap.profile, goalloc_heap.profile + bytes);
}

/* The marked objects of samples; nobody uses the tables any more. */
static long count_marked(const struct goprofile *f)
{
	unsigned int i;
	long n = 0;

	for (i = 0; i < f->nsamples; i++)
		n += f->sample[i].addr && f->sample[i].marked;
	return n;
}

/* Put tables in the place of those that are there; either may be NULL. */
static void replace_tables(struct goprofile *f)
{
	struct goprofile *old = goprofile_now();

	if (f)
		count_bytes(table_bytes(f));
	rcu_assign_pointer(profile, f);
	if (!old)
		return;
	synchronize_rcu();
	atomic_long_add(count_marked(old), &forgotten);
	count_bytes(-(long)(table_bytes(old) + old->text));
	free_tables(old);
}

/*
 * Begin anew, with other parameters.  Meanwhile nothing is sampled, for what was
 * drawn by the old rate would be counted by the new.  That of a task that is
 * preempted just before it hands its sample over still is.
 */
static int begin_anew(unsigned long mean, unsigned int n)
{
	struct goprofile *f = NULL;

	lockdep_assert_held(&goprofile_setting);
	if (mean && begun) {
		f = new_tables(mean, n);
		if (!f)
			return -ENOMEM;
	}
	rate = mean;
	nsites = n;
	if (!begun)
		return 0;
	gosample_set_rate(&goalloc_heap, 0);
	replace_tables(f);
	if (mean)
		gosample_set_rate(&goalloc_heap, mean);
	return 0;
}

/**
 * goprofile_set_rate - set the parameter profile_rate
 * @val: bytes; 1 samples everything, 0 nothing
 *
 * Context: task, may sleep.
 * Return: 0 or an error, and nothing has changed: -ENOMEM; -EINVAL if it is no
 * such number, or not 0 with check=0.
 */
int goprofile_set_rate(const char *val)
{
	u64 bytes;
	int err = goparam_size(val, &bytes);

	if (err)
		return err;
	if (bytes > GO_SAMPLE_RATE_MAX ||
	    (bytes && !static_key_enabled(&goalloc_check)))
		return -EINVAL;
	mutex_lock(&goprofile_setting);
	is_given = bytes;
	err = begin_anew(bytes, nsites);
	mutex_unlock(&goprofile_setting);
	return err;
}

/**
 * goprofile_set_stacks - set the parameter profile_stacks
 * @val: for how many stacks there is to be room
 *
 * Context: task, may sleep.
 * Return: 0, -EINVAL or -ENOMEM; with an error nothing has changed.
 */
int goprofile_set_stacks(const char *val)
{
	unsigned int n;
	int err = goparam_uint(val, 16, 1 << 16, &n);

	if (err)
		return err;
	mutex_lock(&goprofile_setting);
	err = begin_anew(rate, n);
	mutex_unlock(&goprofile_setting);
	return err;
}

/**
 * goprofile_get - get the parameter profile_rate or profile_stacks
 * @buf: a page to write it to
 * @stacks: which of them
 *
 * Context: task, may sleep.
 * Return: its length.
 */
int goprofile_get(char *buf, bool stacks)
{
	int n;

	mutex_lock(&goprofile_setting);
	n = scnprintf(buf, PAGE_SIZE, "%lu\n", stacks ? nsites : rate);
	mutex_unlock(&goprofile_setting);
	return n;
}

static bool has_frame_in(const struct goprofile_site *s, const struct module *mod,
			 bool (*within)(unsigned long, const struct module *))
{
	unsigned int i, n = goprofile_frames(s);

	for (i = 0; i < n; i++)
		if (within(s->frame[i], mod))
			return true;
	return false;
}

/* The comments with the names of a site's frames, as profile_text.c has them. */
static char *compose_names(const struct goprofile_site *s)
{
	char *buf = kmalloc(PAGE_SIZE, GFP_KERNEL), *names;
	unsigned int i, n, used = 0;

	if (!buf)
		return NULL;
	buf[0] = '\0';
	for (i = 0; i < s->nframes; i++) {
		n = snprintf(buf + used, PAGE_SIZE - used, "#\t0x%lx\t%pB\n",
			     s->frame[i], (void *)s->frame[i]);
		if (n >= PAGE_SIZE - used) {
			buf[used] = '\0';
			break;
		}
		used += n;
	}
	names = kstrdup(buf, GFP_KERNEL);
	kfree(buf);
	return names;
}

/* Keep the names of a site as they are now, and let no stack find it again. */
static void close_site(struct goprofile *f, struct goprofile_site *s)
{
	lockdep_assert_held(&goprofile_setting);
	WRITE_ONCE(s->hash, CLOSED);
	s->closed = f->closings;
	s->names = gohooks_fault() ? NULL : compose_names(s);
	if (!s->names) {
		atomic_long_inc(&f->no_names);
		return;
	}
	f->text += ksize(s->names);
	count_bytes(ksize(s->names));
}

/**
 * goprofile_close - close the sites of code that is about to go
 * @mod: the module that it is of
 * @init: only that of its init
 *
 * Context: task, may sleep.
 */
void goprofile_close(const struct module *mod, bool init)
{
	struct goprofile_site *s;
	struct goprofile *f;

	mutex_lock(&goprofile_setting);
	f = goprofile_now();
	if (f)
		WRITE_ONCE(f->closings, f->closings + 1);
	for (s = f ? f->site : NULL; f && s < f->site + f->nsites; s++) {
		cond_resched();
		if (!s->names && READ_ONCE(s->hash) > CLOSED &&
		    has_frame_in(s, mod, init ? within_module_init : within_module))
			close_site(f, s);
	}
	mutex_unlock(&goprofile_setting);
}

/* A module has run its exit, or its init, whose text goes with the names. */
static int note_module(struct notifier_block *nb, unsigned long action,
		       void *data)
{
	if (action != MODULE_STATE_GOING && action != MODULE_STATE_LIVE)
		return NOTIFY_DONE;
	goprofile_close(data, action == MODULE_STATE_LIVE);
	return NOTIFY_OK;
}

/*
 * Mark the sites that can go, and say when the first and the last of them were
 * closed.
 */
static bool mark_old(struct goprofile *f, unsigned int *first,
		     unsigned int *last)
{
	struct goprofile_site *s;

	lockdep_assert_held(&goprofile_setting);
	*first = UINT_MAX;
	*last = 0;
	/* Those that have found one before it was closed count there first. */
	synchronize_rcu();
	for (s = f->site; s < f->site + f->nsites; s++) {
		cond_resched();
		s->goes = READ_ONCE(s->hash) == CLOSED &&
			  atomic_long_read(&s->allocs) ==
			  atomic_long_read(&s->frees);
		if (!s->goes)
			continue;
		*first = min(*first, s->closed);
		*last = max(*last, s->closed);
	}
	return *last;
}

static void remove_site(struct goprofile *f, struct goprofile_site *s)
{
	lockdep_assert_held(&goprofile_setting);
	if (s->names) {
		f->text -= ksize(s->names);
		count_bytes(-(long)ksize(s->names));
		kfree(s->names);
	}
	memset_after(s, 0, hash);
	f->made_room++;
	smp_store_release(&s->hash, 0);	/* whoever claims it finds it empty */
}

/* Remove the older half of the sites that are closed and of which nothing lives. */
static void make_room(struct work_struct *work)
{
	unsigned int first, last;
	struct goprofile_site *s;
	struct goprofile *f;

	mutex_lock(&goprofile_setting);
	f = goprofile_now();
	if (f && mark_old(f, &first, &last)) {
		/* The last free of one may still be at work. */
		synchronize_rcu();
		for (s = f->site; s < f->site + f->nsites; s++)
			if (s->goes && s->closed - first <= (last - first) / 2)
				remove_site(f, s);
	}
	mutex_unlock(&goprofile_setting);
}

static struct notifier_block modules = { .notifier_call = note_module };

/**
 * goprofile_init - begin, now that there is a heap
 * @check: the parameter check=
 *
 * Context: task, may sleep.
 * Return: 0 or an error.
 */
int goprofile_init(bool check)
{
	int err;

	if (!check && is_given)
		return -EINVAL;
	err = register_module_notifier(&modules);
	if (err)
		return err;
	gosample_seed(&goalloc_heap, get_random_u64());
	gohooks.sample = keep_sample;
	gohooks.unsample = end_sample;
	mutex_lock(&goprofile_setting);
	begun = true;
	err = begin_anew(check ? rate : 0, nsites);
	begun = !err;
	mutex_unlock(&goprofile_setting);
	if (err)
		unregister_module_notifier(&modules);
	return err;
}

/**
 * goprofile_exit - end, while there still is a heap that nothing uses
 *
 * Context: task, may sleep.
 */
void goprofile_exit(void)
{
	unregister_module_notifier(&modules);
	gosample_stop();
	irq_work_sync(&no_place);
	cancel_delayed_work_sync(&room_work);
	mutex_lock(&goprofile_setting);
	replace_tables(NULL);
	begun = false;
	mutex_unlock(&goprofile_setting);
}
