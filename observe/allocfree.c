// SPDX-License-Identifier: GPL-2.0
/*
 * Allocfree: the parameter allocfreetrace=, Go's GODEBUG word: a line in the kernel
 * log for each allocation and free of a module, or of some sizes, with its stack.
 *
 * It is two probes on goalloc:malloc and goalloc:free, and so costs what these do:
 * nothing while it is off.  perf does as much and more; this is for a machine that
 * has no tools, and for the console of one that is about to crash.
 *
 * An event may come in any context, under any lock of the caller's, where printk()
 * could wait for what that lock guards.  So the line is composed there, put into a
 * ring, and printed by a work item half a second later.  The ring is the rate
 * limit as well: what it has no room for is dropped and counted, and the log says
 * how much.  A line keeps its names even if the module goes before it is printed.
 *
 * A free counts as its caller's: what gofree_rcu() frees later is no module's.
 */

#include <linux/irq_work.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include "hooks.h"
#include "observe.h"
#include "param.h"
#include "trace.h"

#undef pr_fmt
#define pr_fmt(fmt) "goalloc: " fmt

#define NR_LINES	64
#define LINE_BYTES	384
#define FRAMES		16
#define PAUSE		(HZ / 2)

/**
 * struct filter - which objects are told of
 * @least: the fewest bytes asked for; of a free, that the object has
 * @most: the most bytes; 0 if nothing is told
 * @module: allocated or freed by this module only; empty for any
 */
struct filter {
	u64 least;
	u64 most;
	char module[MODULE_NAME_LEN];
};

/* The parameter as it was written; whether it is heeded; and their mutex. */
static DEFINE_MUTEX(setting);
static char text[MODULE_NAME_LEN + 8];
static bool heeded;
/* Changes only while there are no probes. */
static struct filter filter;

/* Lines that wait: in a ring, from @first on, which the lock guards. */
static DEFINE_RAW_SPINLOCK(lines_lock);
static char (*line)[LINE_BYTES];
static unsigned int first, nlines;
static atomic_long_t dropped;

static void print_lines(struct work_struct *work);
static DECLARE_DELAYED_WORK(printing, print_lines);

static void print_later(struct irq_work *work)
{
	schedule_delayed_work(&printing, PAUSE);
}

static struct irq_work kick = IRQ_WORK_INIT(print_later);

/* Take the oldest line out; false if there is none. */
static bool take_line(char buf[LINE_BYTES])
{
	unsigned long flags;
	bool is;

	raw_spin_lock_irqsave(&lines_lock, flags);
	is = nlines;
	if (is) {
		memcpy(buf, line[first], LINE_BYTES);
		first = (first + 1) % NR_LINES;
		nlines--;
	}
	raw_spin_unlock_irqrestore(&lines_lock, flags);
	return is;
}

static void print_lines(struct work_struct *work)
{
	unsigned int most = NR_LINES;
	char buf[LINE_BYTES];
	long lost;

	/* No more at once, because the ring is filled while the log is slow. */
	while (most-- && take_line(buf))
		pr_info("%s\n", buf);
	lost = atomic_long_xchg(&dropped, 0);
	if (lost)
		pr_info("allocfreetrace: %ld lines dropped\n", lost);
}

/* Put a line into the ring, if there is room. */
static bool put_line(const char buf[LINE_BYTES])
{
	bool room = nlines < NR_LINES;

	lockdep_assert_held(&lines_lock);
	if (room)
		memcpy(line[(first + nlines++) % NR_LINES], buf, LINE_BYTES);
	return room;
}

/* In NMI the lock may be that of what was interrupted. */
static void add_line(const char buf[LINE_BYTES])
{
	unsigned long flags;
	bool done = false;

	if (!in_nmi()) {
		raw_spin_lock_irqsave(&lines_lock, flags);
		done = put_line(buf);
		raw_spin_unlock_irqrestore(&lines_lock, flags);
	} else if (raw_spin_trylock_irqsave(&lines_lock, flags)) {
		done = put_line(buf);
		raw_spin_unlock_irqrestore(&lines_lock, flags);
	}
	if (!done)
		atomic_long_inc(&dropped);
	irq_work_queue(&kick);
}

/* Write the way to @site, which leads through frames of ours first. */
static void add_stack(char *buf, size_t len, unsigned long site)
{
	unsigned long frame[FRAMES];
	unsigned int i, k, n = stack_trace_save(frame, FRAMES, 0);

	for (i = 0; i < n && frame[i] != site; i++)
		;
	/* It is not there if the unwinder has lost its way. */
	k = scnprintf(buf, len, "%pS", (void *)site);
	for (i++; i < n; i++)
		k += scnprintf(buf + k, len - k, " < %pS", (void *)frame[i]);
}

static bool is_asked_for(size_t size, unsigned long site)
{
	char sym[KSYM_SYMBOL_LEN];

	if (size < filter.least || size > filter.most)
		return false;
	if (!filter.module[0])
		return true;
	snprintf(sym, sizeof(sym), "%pS", (void *)site);
	return goparam_names_module(filter.module, sym);
}

static void tell(const char *what, size_t size, const void *p,
		 unsigned long site)
{
	char buf[LINE_BYTES];
	size_t n;

	if (!is_asked_for(size, site))
		return;
	n = scnprintf(buf, sizeof(buf), "%s %zu bytes at %p: ", what, size, p);
	add_stack(buf + n, sizeof(buf) - n, site);
	add_line(buf);
}

static void tell_malloc(void *data, unsigned long site, const void *p,
			size_t req, size_t alloc, gfp_t gfp, int node)
{
	tell("malloc", req, p, site);
}

static void tell_free(void *data, unsigned long site, const void *p,
		      size_t alloc)
{
	tell("free", alloc, p, site);
}

/* Wait until no probe is at work. */
static void unplug(void)
{
	lockdep_assert_held(&setting);
	if (!filter.most)
		return;
	unregister_trace_free(tell_free, NULL);
	unregister_trace_malloc(tell_malloc, NULL);
#ifdef CONFIG_TRACEPOINTS
	tracepoint_synchronize_unregister();
#endif
	filter.most = 0;
}

static int plug_in(const struct filter *f)
{
	int err;

	lockdep_assert_held(&setting);
	if (!f->most)
		return 0;
	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		return -EOPNOTSUPP;
	if (!line && !gohooks_fault())
		line = kvcalloc(NR_LINES, LINE_BYTES, GFP_KERNEL);
	if (!line)
		return -ENOMEM;
	filter = *f;
	err = register_trace_malloc(tell_malloc, NULL);
	if (!err) {
		err = register_trace_free(tell_free, NULL);
		if (err)
			unregister_trace_malloc(tell_malloc, NULL);
	}
	if (err)
		filter.most = 0;
	return err;
}

/* "N" or "N-M": bytes, with units. */
static int parse_range(char *val, struct filter *f)
{
	char *to = strchr(val, '-');

	if (to)
		*to++ = '\0';
	if (goparam_size(val, &f->least) || goparam_size(to ?: val, &f->most))
		return -EINVAL;
	return f->most && f->least <= f->most ? 0 : -EINVAL;
}

/* "off", "module=NAME", "size=N" or "size=N-M". */
static int parse_filter(char *val, struct filter *f)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	if (!*val || !strcmp(val, "off"))
		return 0;
	if (!strncmp(val, "size=", 5))
		return parse_range(val + 5, f);
	if (strncmp(val, "module=", 7))
		return -EINVAL;
	val += 7;
	f->most = U64_MAX;
	if (!*val || val[strspn(val, letters)])
		return -EINVAL;
	return strscpy(f->module, val, sizeof(f->module)) < 0 ? -EINVAL : 0;
}

/**
 * goallocfree_set - set the parameter allocfreetrace=
 * @val: "module=NAME", "size=N", "size=N-M" or "off"
 *
 * Before goallocfree_start() it is only kept.
 *
 * Context: task, may sleep.
 * Return: 0; -EINVAL, and nothing has changed; -ENOMEM, or -EOPNOTSUPP without
 * tracepoints, and it is off.
 */
int goallocfree_set(const char *val)
{
	size_t len = strcspn(val, "\n");
	struct filter f = {};
	char copy[sizeof(text)];
	int err;

	if (len >= sizeof(copy) || (val[len] && val[len + 1]))
		return -EINVAL;
	memcpy(copy, val, len);
	copy[len] = '\0';
	err = parse_filter(copy, &f);
	if (err)
		return err;

	mutex_lock(&setting);
	unplug();
	if (heeded)
		err = plug_in(&f);
	strscpy(text, "off", sizeof(text));
	if (!err && f.most) {
		memcpy(text, val, len);
		text[len] = '\0';
	}
	mutex_unlock(&setting);
	return err;
}

/**
 * goallocfree_get - get the parameter allocfreetrace=
 * @buf: a page to write it to
 *
 * Context: task, may sleep.
 * Return: its length.
 */
int goallocfree_get(char *buf)
{
	int n;

	mutex_lock(&setting);
	n = scnprintf(buf, PAGE_SIZE, "%s\n", *text ? text : "off");
	mutex_unlock(&setting);
	return n;
}

/**
 * goallocfree_start - heed the parameter
 *
 * Context: task, may sleep; nothing can allocate yet.
 * Return: as goallocfree_set().
 */
int goallocfree_start(void)
{
	char val[sizeof(text)];

	mutex_lock(&setting);
	heeded = true;
	strscpy(val, text, sizeof(val));
	mutex_unlock(&setting);
	return goallocfree_set(val);
}

/**
 * goallocfree_stop - no longer heed the parameter
 *
 * Context: task, may sleep.
 */
void goallocfree_stop(void)
{
	mutex_lock(&setting);
	unplug();
	heeded = false;
	mutex_unlock(&setting);
	irq_work_sync(&kick);
	/* What waits is still printed. */
	flush_delayed_work(&printing);
	kvfree(line);
	line = NULL;
}
