// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl advise: the events of the running kernel.
 *
 * An instance of tracefs of its own has the events, so that whoever else traces is not
 * disturbed, and nothing stays behind.  It is read while it fills: a machine has more
 * events in a few seconds than a buffer holds.  What the reader is too slow for is
 * lost, and the kernel says how much that is, in each CPU's stats: these are asked at
 * the end, since the text does not have all of it.
 *
 * Addresses would come hashed, to 32 bits: of a hundred thousand objects two would be
 * taken for one.  The instance is told not to.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "advise.h"
#include "ctl.h"

/**
 * struct live - an instance, and what is read of it
 * @a: where the events go
 * @dir: the instance
 * @pipe: its trace_pipe
 * @text: what has been read and is not yet a line
 * @len: how much
 * @line: lines so far
 */
struct live {
	struct advice *a;
	char dir[64];
	int pipe;
	char text[1 << 16];
	size_t len;
	size_t line;
};

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

/* Write to a file of the instance; 0, or -errno. */
static int set(const struct live *l, const char *file, const char *value)
{
	char path[160];
	int out, err = 0;

	snprintf(path, sizeof(path), "%s/%s", l->dir, file);
	out = open(path, O_WRONLY | O_CLOEXEC);
	if (out < 0)
		return -errno;
	if (write(out, value, strlen(value)) < 0)
		err = -errno;
	close(out);
	return err;
}

static int make_instance(struct live *l)
{
	static const char * const roots[] = {
		"/sys/kernel/tracing", "/sys/kernel/debug/tracing",
	};
	int err = -ENOENT, i;

	for (i = 0; i < 2; i++) {
		snprintf(l->dir, sizeof(l->dir), "%s/instances/goalloc-advise-%d",
			 roots[i], (int)getpid());
		if (!mkdir(l->dir, 0700))
			return 0;
		/* Of two reasons, not the one that the other place is not there. */
		if (errno != ENOENT || !i)
			err = -errno;
	}
	return fail_because("tracefs", err, err == -ENOENT ?
			    "mount -t tracefs tracefs /sys/kernel/tracing" :
			    "are you root?");
}

/* The events; those of older kernels need not be there. */
static int enable_events(const struct live *l)
{
	static const char * const events[] = {
		"kfree", "kmalloc", "kmalloc_node", "kmem_cache_alloc",
		"kmem_cache_alloc_node",
	};
	char file[64];
	size_t i;
	int err;

	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		snprintf(file, sizeof(file), "events/kmem/%s/enable", events[i]);
		err = set(l, file, "1");
		if (err && (i < 2 || err != -ENOENT))
			return fail_because(file, err, "this kernel's tracefs has no such event");
	}
	return 0;
}

static int begin(struct live *l, unsigned int kib)
{
	char value[16], path[96];
	int err;

	snprintf(value, sizeof(value), "%u", kib);
	err = set(l, "buffer_size_kb", value);
	if (err)
		return fail_because("buffer_size_kb", err, "is -buffer too large?");
	/* Before 5.12 there is no such option; the advice says so if they are. */
	set(l, "options/hash-ptr", "0");
	snprintf(path, sizeof(path), "%s/trace_pipe", l->dir);
	l->pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (l->pipe < 0)
		return fail(path, -errno);
	return enable_events(l);
}

/* Count the lines that are whole; what is left moves to the front. */
static int take_lines(struct live *l)
{
	char *line = l->text, *end;
	int err = 0;

	while (!err && (end = memchr(line, '\n', l->text + l->len - line))) {
		*end = '\0';
		err = advise_line(l->a, line, "trace_pipe", ++l->line);
		line = end + 1;
	}
	l->len -= line - l->text;
	memmove(l->text, line, l->len);
	if (!err && l->len == sizeof(l->text))
		return fail_at("trace_pipe", l->line + 1, "the line does not end");
	return err;
}

/* Read what is there; *more says whether there was anything. */
static int read_some(struct live *l, int *more)
{
	ssize_t n = read(l->pipe, l->text + l->len, sizeof(l->text) - l->len);

	*more = n > 0;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return fail("trace_pipe", -errno);
	if (n <= 0)
		return 0;
	l->len += n;
	return take_lines(l);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Until time is up, or the user has enough; then what is still in the buffer. */
static int collect(struct live *l, unsigned int seconds)
{
	int64_t end = now_ms() + seconds * 1000LL, left;
	int err = 0, more = 0;

	while (!err && !stopped && (left = end - now_ms()) > 0) {
		/* Not for each event: to wake up makes more of them. */
		if (!more)
			usleep((left < 20 ? left : 20) * 1000);
		err = read_some(l, &more);
	}
	set(l, "events/enable", "0");
	do {
		if (!err)
			err = read_some(l, &more);
	} while (!err && more);
	return err;
}

/* Of one CPU: what its buffer had no room for, or could not take in the middle. */
static uint64_t lost_of(const char *path)
{
	static const char * const names[] = {
		"overrun:", "commit overrun:", "dropped events:",
	};
	FILE *in = fopen(path, "r");
	char *line = NULL;
	uint64_t lost = 0;
	size_t room = 0, i;

	while (in && getline(&line, &room, in) > 0)
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strncmp(line, names[i], strlen(names[i])))
				lost += strtoull(line + strlen(names[i]), NULL,
						 10);
	free(line);
	if (in)
		fclose(in);
	return lost;
}

/* The text has lines of some losses; the kernel's own counts have all. */
static int count_lost(struct live *l)
{
	char pattern[128];
	glob_t found;
	size_t i;
	int err;

	snprintf(pattern, sizeof(pattern), "%s/per_cpu/cpu*/stats", l->dir);
	err = glob(pattern, 0, NULL, &found);
	if (err)
		return fail_at(pattern, 0, "cannot be read: events that were lost are not known");
	l->a->lost = 0;
	l->a->lost_some = 0;
	for (i = 0; i < found.gl_pathc; i++)
		l->a->lost += lost_of(found.gl_pathv[i]);
	globfree(&found);
	return 0;
}

/**
 * advise_live - count what the kernel does for some seconds
 * @a: the advice
 * @seconds: how long; a signal ends it before
 * @kib: of the buffer of each CPU
 *
 * Return: 0, or 1 with the reason printed.
 */
int advise_live(struct advice *a, unsigned int seconds, unsigned int kib)
{
	struct sigaction action = { .sa_handler = stop };
	static struct live l;
	int err;

	l.a = a;
	l.pipe = -1;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	if (make_instance(&l))
		return 1;
	err = begin(&l, kib) || collect(&l, seconds) || count_lost(&l);
	if (l.pipe >= 0)
		close(l.pipe);
	if (rmdir(l.dir))
		err |= fail(l.dir, -errno);
	if (!err && !a->total.all.objects)
		return fail_at("trace_pipe", 0, "nobody has called kmalloc()");
	return err;
}
