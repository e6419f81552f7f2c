// SPDX-License-Identifier: GPL-2.0
/*
 * Dropin_text: debugfs' file dropin: what a module built with
 * <linux/goalloc_dropin.h> has left to the kernel, and its caches.
 */

#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include "../dropin.h"
#include "../dropin_cache.h"
#include "observe.h"

static const char * const event_names[GODROPIN_NR_EVENTS] = {
	[GODROPIN_ZONE] = "for a zone",
	[GODROPIN_HUGE] = "above 4 MiB",
	[GODROPIN_VIRTUAL] = "virtually contiguous",
	[GODROPIN_CACHE] = "the kernel's caches",
	[GODROPIN_FOREIGN] = "foreign frees",
	[GODROPIN_LEFT] = "left in caches",
};

static int dropin_show(struct seq_file *m, void *unused)
{
	const struct godropin_cache *c;
	unsigned int i;

	seq_puts(m, "# goalloc-dropin v1\n");
	for (i = 0; i < GODROPIN_NR_EVENTS; i++)
		seq_printf(m, "%s: %ld\n", event_names[i],
			   atomic_long_read(&godropin_events[i]));
	mutex_lock(&godropin_caches_lock);
	list_for_each_entry(c, &godropin_caches, list)
		seq_printf(m, "cache %s: %u bytes, %ld objects%s\n", c->name,
			   c->size, godropin_cache_live(c),
			   c->ctor ? ", constructed" : "");
	mutex_unlock(&godropin_caches_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(dropin);

/**
 * godropin_files - make the file
 * @dir: debugfs' directory of goalloc
 *
 * Context: task.
 */
void godropin_files(struct dentry *dir)
{
	debugfs_create_file("dropin", 0400, dir, NULL, &dropin_fops);
}
