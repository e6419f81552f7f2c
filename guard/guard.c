// SPDX-License-Identifier: GPL-2.0
/*
 * goalloc_guard: goalloc's memory that the kernel frees goes home.
 *
 * A module that was built with <linux/goalloc_dropin.h> may hand an object to the
 * kernel, which calls kfree() when it is done: a symbolic link's target, the
 * private data of a file.  kfree() finds no slab there, takes the page for that
 * of a large object, warns, and puts a reference that is goalloc's; the object
 * stays allocated for ever.
 *
 * All such frees, and none of an object that is in a slab, pass one function of
 * the kernel's, free_large_kmalloc().  A kprobe there asks goalloc whose the
 * object is, and if it is goalloc's, has the call continue in gofree() instead.
 * So what never crosses pays nothing, but for kmalloc()'s own objects of more
 * than two pages, which pay a trap or a call and a look-up.
 *
 * The function is not part of any interface, so it is tried when this module is
 * loaded: a large object of the kernel's must pass the probe as it is, and one of
 * goalloc's must come home.  On a kernel where either fails the module is not
 * loaded.
 *
 * debugfs' file goalloc/crossings says which callers have freed how much.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/goalloc.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#define PROBED		"free_large_kmalloc"

/* So many different callers are told apart, each by so many return addresses. */
#define MAX_CROSSINGS	64
#define DEPTH		8

/**
 * struct crossing - a way that objects have come
 * @n: how many
 * @bytes: of these
 * @depth: return addresses that are known
 * @stack: these, the innermost first
 */
struct crossing {
	unsigned long n;
	unsigned long bytes;
	unsigned int depth;
	unsigned long stack[DEPTH];
};

/* All of them, those that had no room, and what protects both. */
static struct crossing crossings[MAX_CROSSINGS];
static unsigned int nr_crossings;
static unsigned long others;
static DEFINE_RAW_SPINLOCK(lock);

/* The object that the trial frees, and whether it has come by. */
static void *tried;
static bool seen;

static struct dentry *file;

/* The entry of a stack, a new one if it has none; NULL if there is no room. */
static struct crossing *crossing_of(const unsigned long *stack,
				    unsigned int depth)
{
	struct crossing *c;

	lockdep_assert_held(&lock);
	for (c = crossings; c < crossings + nr_crossings; c++)
		if (c->depth == depth &&
		    !memcmp(c->stack, stack, depth * sizeof(*stack)))
			return c;
	if (nr_crossings == MAX_CROSSINGS)
		return NULL;
	nr_crossings++;
	c->depth = depth;
	memcpy(c->stack, stack, depth * sizeof(*stack));
	return c;
}

static void note_crossing(const unsigned long *stack, unsigned int depth,
			  size_t bytes)
{
	struct crossing *c;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	c = crossing_of(stack, depth);
	if (c) {
		c->n++;
		c->bytes += bytes;
	} else {
		others++;
	}
	raw_spin_unlock_irqrestore(&lock, flags);
}

/*
 * What runs in place of the kernel's function, with its arguments, and returns to
 * its caller.
 */
static noinline notrace __used void send_home(void *page, void *object)
{
	unsigned long stack[DEPTH];

	if (unlikely(object == READ_ONCE(tried)))
		WRITE_ONCE(seen, true);
	else
		note_crossing(stack, stack_trace_save(stack, DEPTH, 1),
			      gosize(object));
	/* It may have come by kfree_sensitive(), which could not clear it. */
	gofree_sensitive(object);
}

static int judge_free(struct kprobe *p, struct pt_regs *regs)
{
	void *object = (void *)regs_get_kernel_argument(regs, 1);

	if (likely(!goalloc_owns(object))) {
		if (unlikely(object == READ_ONCE(tried)))
			WRITE_ONCE(seen, true);
		return 0;
	}
	instruction_pointer_set(regs, (unsigned long)send_home);
	return 1;
}

NOKPROBE_SYMBOL(judge_free);

/* A probe that has one is not optimized to a jump, which would not look at ip. */
static void after_free(struct kprobe *p, struct pt_regs *regs,
		       unsigned long flags)
{
}

NOKPROBE_SYMBOL(after_free);

static struct kprobe probe = {
	.symbol_name = PROBED,
	.pre_handler = judge_free,
	.post_handler = after_free,
};

/*
 * A frame of the kernel's free functions says nothing of their caller.  Most end
 * in a call of the next, which leaves no frame.
 */
static bool is_free_function(const char *name)
{
	static const char * const names[] = {
		PROBED, "kfree", "kvfree", "kfree_sensitive",
		"kvfree_sensitive", "kfree_const", "kmem_cache_free_bulk",
		"build_detached_freelist",
	};

	return match_string(names, ARRAY_SIZE(names), name) >= 0;
}

static void show_crossing(struct seq_file *m, const struct crossing *c)
{
	char name[KSYM_SYMBOL_LEN];
	unsigned int i = 0;

	for (; i + 1 < c->depth; i++) {
		snprintf(name, sizeof(name), "%ps", (void *)c->stack[i]);
		if (!is_free_function(name))
			break;
	}
	seq_printf(m, "%8lu %10lu", c->n, c->bytes);
	for (; i < c->depth; i++)
		seq_printf(m, " %pS", (void *)c->stack[i]);
	seq_putc(m, '\n');
}

static int crossings_show(struct seq_file *m, void *unused)
{
	struct crossing c;
	unsigned long flags, lost;
	unsigned int i = 0;
	bool more;

	seq_puts(m, "# goalloc-crossings v1\n");
	seq_puts(m, " objects      bytes callers, the innermost first\n");
	do {
		raw_spin_lock_irqsave(&lock, flags);
		more = i < nr_crossings;
		if (more)
			c = crossings[i++];
		lost = others;
		raw_spin_unlock_irqrestore(&lock, flags);
		if (more)
			show_crossing(m, &c);
	} while (more);
	if (lost)
		seq_printf(m, "%8lu by other callers\n", lost);
	if (probe.nmissed)
		seq_printf(m, "%8lu frees were not seen: another probe was running\n",
			   probe.nmissed);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(crossings);

/* Is the free of an object seen, whosever it is?  It is not counted. */
static bool comes_by(void *p)
{
	if (!p)
		return false;
	WRITE_ONCE(seen, false);
	WRITE_ONCE(tried, p);
	kfree(p);
	WRITE_ONCE(tried, NULL);
	return READ_ONCE(seen);
}

static void stop(void)
{
	unregister_kprobe(&probe);
	/* A task may still be on its way through send_home(). */
	synchronize_rcu_tasks();
}

static int __init guard_init(void)
{
	struct dentry *dir;
	int err = register_kprobe(&probe);

	if (err) {
		pr_err("no probe on %s(): %pe\n", PROBED, ERR_PTR(err));
		return err;
	}
	if (!comes_by(kmalloc(4 * PAGE_SIZE, GFP_KERNEL)) ||
	    !comes_by(gomalloc(64, GFP_KERNEL))) {
		stop();
		pr_err("this kernel does not free large objects by %s(), so it cannot be guarded\n",
		       PROBED);
		return -EOPNOTSUPP;
	}
	/* Where there is no directory there is nobody to read a file. */
	dir = debugfs_lookup("goalloc", NULL);
	if (dir)
		file = debugfs_create_file("crossings", 0400, dir, NULL,
					   &crossings_fops);
	dput(dir);
	return 0;
}
module_init(guard_init);

static void __exit guard_exit(void)
{
	debugfs_remove(file);
	stop();
}
module_exit(guard_exit);

MODULE_DESCRIPTION("goalloc's memory that the kernel frees goes home");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
