// SPDX-License-Identifier: GPL-2.0
/*
 * Sites: how much each call site holds.
 *
 * A client that says GOALLOC_SITES has a list of its call sites among its
 * parameters.  When it is loaded they get numbers and counters, in blocks of
 * GO_SITES; site.c has what is done with these.  A client that is unloaded leaves
 * the blocks of which something is live, with their texts, until a reading or the
 * next such client finds nothing left.  What the blocks take is part of the heap's
 * Sys, as the tables of the profile are.
 *
 * The kernel's own /proc/allocinfo has the same columns.
 *
 * Task context only; may sleep.
 */

#include <linux/debugfs.h>
#include <linux/goalloc.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include "api.h"
#include "held.h"
#include "hooks.h"
#include "observe.h"
#include "site.h"

/* Call sites that have got no number, for want of memory or of numbers. */
static unsigned long refused;

/**
 * struct line - what a reading has found of a site
 * @bytes: of live objects
 * @objects: live objects
 * @block: where its text is
 * @id: its number
 */
struct line {
	unsigned long bytes;
	unsigned long objects;
	const struct gosites *block;
	unsigned int id;
};

static struct gosites *block_at(unsigned int i)
{
	/* A record of debug= may have been written over. */
	return i < GO_NR_SITE_BLOCKS ?
	       rcu_dereference_protected(gosites[i],
					 lockdep_is_held(&gosites_lock)) : NULL;
}

/* The heap holds so many bytes more for a block, or less. */
static void count_bytes(struct gosites *b, long bytes)
{
	lockdep_assert_held(&gosites_lock);
	if (bytes > 0)
		goheld_charge(&goalloc_heap, bytes, __GFP_NOFAIL);
	else
		goheld_uncharge(&goalloc_heap, -bytes);
	b->bytes += bytes;
	WRITE_ONCE(goalloc_heap.sites, goalloc_heap.sites + bytes);
}

static void free_block(struct gosites *b)
{
	unsigned int i;

	count_bytes(b, -(long)b->bytes);
	for (i = 0; i < b->n; i++)
		kfree(b->text[i]);
	free_percpu(b->count);
	kfree(b);
}

/* What is live of a site, of this moment or so. */
static struct gosite_count sum_of(const struct gosites *b, unsigned int i)
{
	struct gosite_count *c, sum = {};
	int cpu;

	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(b->count, cpu) + i;
		sum.bytes += READ_ONCE(c->bytes);
		sum.objects += READ_ONCE(c->objects);
	}
	/* What was allocated on a CPU that was read, and freed on one later. */
	if ((long)sum.objects <= 0 || (long)sum.bytes < 0)
		sum = (struct gosite_count){};
	return sum;
}

/* Nobody allocates there any more, so that what is added up is never too little. */
static bool is_settled(const struct gosites *b)
{
	unsigned int i;

	for (i = 0; i < b->n; i++)
		if (sum_of(b, i).objects)
			return false;
	return true;
}

/*
 * Free the blocks of modules that have gone of which nothing is left.  The free that
 * was the last may still be at work, so a grace period ends first: one for all.
 */
static void settle(void)
{
	struct gosites *b, *settled = NULL;
	unsigned int i;

	lockdep_assert_held(&gosites_lock);
	for (i = 1; i < GO_NR_SITE_BLOCKS; i++) {
		b = block_at(i);
		if (!b || b->mod || !is_settled(b))
			continue;
		RCU_INIT_POINTER(gosites[i], NULL);
		b->next = settled;
		settled = b;
	}
	if (settled)
		synchronize_rcu();
	while (settled) {
		b = settled;
		settled = b->next;
		free_block(b);
	}
}

static struct gosites *new_block(const struct module *mod)
{
	struct gosites *b = gohooks_fault() ? NULL :
			    kzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return NULL;
	b->mod = mod;
	b->count = gohooks_fault() ? NULL :
		   __alloc_percpu(GO_SITES * sizeof(*b->count),
				  sizeof(unsigned long));
	if (!b->count) {
		kfree(b);
		return NULL;
	}
	count_bytes(b, ksize(b) + GO_SITES * sizeof(*b->count) *
				  num_possible_cpus());
	return b;
}

/* Find a number for a block; 0 if all are taken, or if there is no memory. */
static unsigned int add_block(const struct module *mod)
{
	struct gosites *b;
	unsigned int i;

	lockdep_assert_held(&gosites_lock);
	for (i = 1; i < GO_NR_SITE_BLOCKS && block_at(i); i++)
		;
	b = i < GO_NR_SITE_BLOCKS ? new_block(mod) : NULL;
	if (!b)
		return 0;
	rcu_assign_pointer(gosites[i], b);
	return i;
}

/* Enter a site, in the block or in a new one. */
static void add_site(const struct module *mod, struct goalloc_site *site,
		     unsigned int *block)
{
	struct gosites *b;
	char *text;

	lockdep_assert_held(&gosites_lock);
	if (!*block || block_at(*block)->n == GO_SITES)
		*block = add_block(mod);
	text = !*block || gohooks_fault() ? NULL :
	       kasprintf(GFP_KERNEL, "%s:%u [%s] func:%s",
			 kbasename(site->file), site->line, mod->name,
			 site->function);
	if (!text) {
		refused++;
		return;
	}
	b = block_at(*block);
	count_bytes(b, ksize(text));
	b->text[b->n] = text;
	WRITE_ONCE(site->id, *block << GO_SITES_SHIFT | b->n);
	b->n++;
}

/**
 * gosites_add - a module is being loaded: enter its call sites
 * @mod: the module
 * @owner: its number
 *
 * Those that cannot be entered have number 0, and what they allocate is counted as
 * missed.
 *
 * Context: task, may sleep; no function of the module has run.
 */
void gosites_add(const struct module *mod, u8 owner)
{
	struct goalloc_site *site;
	unsigned int i, block = 0;

	mutex_lock(&gosites_lock);
	settle();
	for (i = 0; i < mod->num_kp; i++) {
		if (mod->kp[i].ops != &param_ops_byte ||
		    strcmp(mod->kp[i].name, GOALLOC_SITE_PARAM))
			continue;
		site = mod->kp[i].arg;
		WRITE_ONCE(site->owner, owner);
		add_site(mod, site, &block);
	}
	mutex_unlock(&gosites_lock);
}

/**
 * gosites_leave - a module has gone
 * @mod: the module
 *
 * Context: task, may sleep.
 */
void gosites_leave(const struct module *mod)
{
	struct gosites *b;
	unsigned int i;

	mutex_lock(&gosites_lock);
	for (i = 1; i < GO_NR_SITE_BLOCKS; i++) {
		b = block_at(i);
		if (b && b->mod == mod)
			b->mod = NULL;
	}
	settle();
	mutex_unlock(&gosites_lock);
}

/**
 * gosites_name - say which call site has a number
 * @buf: where to write
 * @len: how much room there is
 * @id: the number
 *
 * Context: task, may sleep.
 * Return: bytes written, 0 if nobody has the number.
 */
size_t gosites_name(char *buf, size_t len, unsigned int id)
{
	const struct gosites *b;
	size_t n = 0;

	mutex_lock(&gosites_lock);
	b = block_at(id >> GO_SITES_SHIFT);
	id &= GO_SITES - 1;
	if (b && id < b->n)
		n = scnprintf(buf, len, " at %s", b->text[id]);
	mutex_unlock(&gosites_lock);
	return n;
}

/**
 * gosites_read - read the counters of a site
 * @id: the site
 *
 * Context: task, may sleep.
 * Return: what is live of it; nothing if nobody has the number.
 */
struct gosite_count gosites_read(unsigned int id)
{
	struct gosite_count sum = {};
	const struct gosites *b;

	mutex_lock(&gosites_lock);
	b = block_at(id >> GO_SITES_SHIFT);
	if (b)
		sum = sum_of(b, id & (GO_SITES - 1));
	mutex_unlock(&gosites_lock);
	return sum;
}

static int compare_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->id < y->id ? -1 : 1;
}

static unsigned int count_lines(void)
{
	unsigned int i, n = 0;

	lockdep_assert_held(&gosites_lock);
	for (i = 1; i < GO_NR_SITE_BLOCKS; i++)
		n += block_at(i) ? block_at(i)->n : 0;
	return n;
}

static void read_lines(struct line *line)
{
	struct gosite_count sum;
	struct gosites *b;
	unsigned int i, k;

	lockdep_assert_held(&gosites_lock);
	for (i = 1; i < GO_NR_SITE_BLOCKS; i++) {
		b = block_at(i);
		for (k = 0; b && k < b->n; k++) {
			sum = sum_of(b, k);
			*line++ = (struct line){
				sum.bytes, sum.objects, b,
				i << GO_SITES_SHIFT | k,
			};
		}
		cond_resched();
	}
}

static int show_lines(struct seq_file *m)
{
	unsigned int i, n = count_lines();
	struct line *line;

	lockdep_assert_held(&gosites_lock);
	line = gohooks_fault() ? NULL :
	       kvcalloc(n + 1, sizeof(*line), GFP_KERNEL);
	if (!line)
		return -ENOMEM;
	read_lines(line);
	sort(line, n, sizeof(*line), compare_lines, NULL);
	for (i = 0; i < n; i++)
		seq_printf(m, "%14lu %10lu %s%s\n", line[i].bytes,
			   line[i].objects,
			   line[i].block->text[line[i].id & (GO_SITES - 1)],
			   line[i].block->mod ? "" : " gone");
	kvfree(line);
	return 0;
}

/* Say what is not in the lines, if anything. */
static void show_missing(struct seq_file *m)
{
	long missed = atomic_long_read(&gosite_missed);
	long lost = atomic_long_read(&gosite_lost);

	if (refused)
		seq_printf(m, "not counted: %lu call sites, for want of memory or numbers\n",
			   refused);
	if (missed)
		seq_printf(m, "not counted: %ld allocations\n", missed);
	if (lost)
		seq_printf(m, "never counted as freed: %ld objects that were written behind\n",
			   lost);
}

static int sites_show(struct seq_file *m, void *unused)
{
	int err;

	seq_puts(m, "# goalloc-sites v1\n");
	if (!static_branch_likely(&goalloc_check)) {
		seq_puts(m, "sites need check=1\n");
		return 0;
	}
	seq_puts(m, "         bytes    objects site\n");
	mutex_lock(&gosites_lock);
	settle();
	err = show_lines(m);
	show_missing(m);
	mutex_unlock(&gosites_lock);
	return err;
}
DEFINE_SIZED_ATTRIBUTE(sites, SZ_16K);

/**
 * gosites_files - make the file in debugfs
 * @dir: where
 *
 * Context: task.
 */
void gosites_files(struct dentry *dir)
{
	debugfs_create_file("sites", 0400, dir, NULL, &sites_fops);
}

/**
 * gosites_exit - free everything
 *
 * Context: task; no client is loaded, and no object is freed any more.
 */
void gosites_exit(void)
{
	unsigned int i;

	mutex_lock(&gosites_lock);
	for (i = 1; i < GO_NR_SITE_BLOCKS; i++) {
		if (block_at(i))
			free_block(block_at(i));
		RCU_INIT_POINTER(gosites[i], NULL);
	}
	mutex_unlock(&gosites_lock);
}
