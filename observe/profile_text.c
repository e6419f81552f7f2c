// SPDX-License-Identifier: GPL-2.0
/*
 * Profile, as text: the files heap and allocs.
 *
 * They are in the older of pprof's two formats, which Go's runtime writes with
 * debug=1: a header, a line of numbers and addresses for each site, and behind it
 * comments for people.  `go tool pprof` reads them as they are.  The newer format
 * is a compressed protobuf, for which a kernel has no use; goallocctl makes it of
 * these files, and takes the names from the comments, so that it need not know
 * where the kernel and its modules lie.
 *
 * The numbers are those of the samples.  The reader multiplies them, by the rate
 * that the header has: twice, since that is how pprof has always been told.
 *
 * heap and allocs are the same, as they are in Go: there only the sample type
 * that a reader shows first differs, and the text has no place for it.
 *
 * One site is written at a time, under a mutex that only a change of the rate and
 * modules that come or go wait for.
 */

#include <linux/debugfs.h>
#include <linux/jump_label.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include "hooks.h"
#include "observe.h"
#include "profile.h"

/**
 * struct site_counts - what a site says, at about one moment
 * @allocs: samples
 * @live: of these, live objects
 *
 * A sample that stands for several counts as so many.
 */
struct site_counts {
	unsigned long allocs;
	unsigned long live;
};

static unsigned long in_samples(unsigned long weight)
{
	return DIV_ROUND_CLOSEST(weight, GOSAMPLE_ONE);
}

static struct site_counts read_counts(const struct goprofile_site *s)
{
	struct site_counts c;
	unsigned long frees = atomic_long_read(&s->frees);

	/* What is seen freed must be seen allocated. */
	smp_rmb();
	c.allocs = atomic_long_read(&s->allocs);
	c.live = in_samples(c.allocs - frees);
	c.allocs = in_samples(c.allocs);
	return c;
}

static void show_lifetimes(struct seq_file *m, const struct goprofile_site *s)
{
	unsigned long n;
	unsigned int i;
	bool any = false;

	for (i = 0; i < GOPROFILE_AGES; i++) {
		n = in_samples(atomic_long_read(&s->age[i]));
		if (!n)
			continue;
		if (!any)
			seq_puts(m, "# lifetimes");
		any = true;
		if (i < GOPROFILE_AGES - 1)
			seq_printf(m, " <%lluus:%lu", 2ULL << i, n);
		else
			seq_printf(m, " <inf:%lu", n);
	}
	if (any)
		seq_putc(m, '\n');
}

static void show_site(struct seq_file *m, const struct goprofile_site *s)
{
	unsigned int i, n = goprofile_frames(s);
	struct site_counts c = read_counts(s);

	seq_printf(m, "%lu: %lu [%lu: %lu] @", c.live, c.live * s->size,
		   c.allocs, c.allocs * s->size);
	for (i = 0; i < n; i++)
		seq_printf(m, " 0x%lx", s->frame[i]);
	seq_putc(m, '\n');
	if (s->names)
		seq_puts(m, s->names);
	for (i = 0; !s->names && i < n; i++)
		seq_printf(m, "#\t0x%lx\t%pB\n", s->frame[i],
			   (void *)s->frame[i]);
	show_lifetimes(m, s);
}

static void show_header(struct seq_file *m, const struct goprofile *f)
{
	unsigned long live = 0, bytes = 0, allocs = 0, alloced = 0;
	const struct goprofile_site *s;
	struct site_counts c;

	for (s = f ? f->site : NULL; f && s < f->site + f->nsites; s++) {
		c = read_counts(s);
		live += c.live;
		bytes += c.live * s->size;
		allocs += c.allocs;
		alloced += c.allocs * s->size;
	}
	seq_printf(m, "heap profile: %lu: %lu [%lu: %lu] @ heap/%lu\n", live,
		   bytes, allocs, alloced, f ? 2 * f->rate : 0);
	if (!static_key_enabled(&goalloc_check))
		seq_puts(m, "# no profile: it needs check=1\n");
	else if (!f)
		seq_puts(m, "# no profile: profile_rate is 0\n");
}

static void show_dropped(struct seq_file *m, const struct goprofile *f)
{
	seq_printf(m, "# dropped: %lu samples, %lu stacks, %lu names; %ld objects of older profiles are live; %lu stacks made room\n",
		   f ? atomic_long_read(&f->no_sample) : 0,
		   f ? atomic_long_read(&f->no_site) : 0,
		   f ? atomic_long_read(&f->no_names) : 0,
		   goprofile_forgotten(), f ? f->made_room : 0);
}

/* What stands for the last line. */
static const char the_end;

static int profile_show(struct seq_file *m, void *v)
{
	if (v == SEQ_START_TOKEN)
		show_header(m, goprofile_now());
	else if (v == &the_end)
		show_dropped(m, goprofile_now());
	else
		show_site(m, v);
	return 0;
}

/* What is at @pos or behind it: the header, the sites in use, the last line. */
static void *profile_at(loff_t *pos)
{
	struct goprofile *f = goprofile_now();
	unsigned int n = f ? f->nsites : 0;

	if (!*pos)
		return SEQ_START_TOKEN;
	for (; *pos <= n; ++*pos)
		if (goprofile_frames(&f->site[*pos - 1]))
			return &f->site[*pos - 1];
	return *pos == n + 1 ? (void *)&the_end : NULL;
}

static void *profile_start(struct seq_file *m, loff_t *pos)
{
	mutex_lock(&goprofile_setting);
	return profile_at(pos);
}

static void *profile_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return profile_at(pos);
}

static void profile_stop(struct seq_file *m, void *v)
{
	mutex_unlock(&goprofile_setting);
}

static const struct seq_operations profile_sops = {
	.start	= profile_start,
	.next	= profile_next,
	.stop	= profile_stop,
	.show	= profile_show,
};
DEFINE_SEQ_ATTRIBUTE(profile);

/**
 * goprofile_files - make the files of the profile
 * @dir: the directory
 *
 * Context: task.
 */
void goprofile_files(struct dentry *dir)
{
	debugfs_create_file("heap", 0400, dir, NULL, &profile_fops);
	debugfs_create_file("allocs", 0400, dir, NULL, &profile_fops);
}
