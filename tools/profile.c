// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl profile: who holds the memory, by stack.
 *
 * It reads debugfs' heap, or a file that was copied from it, and writes what other
 * tools read (-o, for pprof), a picture (--flame), or a table (--text, which is
 * also what it does when nothing else is asked for).  It needs no device and no
 * module: a profile can be looked at elsewhere.
 *
 * A file is written under another name and renamed when it is whole, so that a
 * failure leaves none, and an old one stays.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"
#include "profile.h"

#define DEBUGFS		"/sys/kernel/debug/goalloc/"
#define NR_LINES	30

/**
 * struct job - what is asked for
 * @in: the file to read, NULL for debugfs
 * @base: the profile to subtract, or NULL
 * @pprof: where to write it for pprof, or NULL
 * @flame: where to write the picture, or NULL
 * @text: print the table
 * @allocs: of all that was allocated, not of what is in use
 * @seconds: read twice, so far apart; 0 for once
 */
struct job {
	const char *in, *base, *pprof, *flame;
	int text;
	int allocs;
	uint64_t seconds;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int read_text(struct profile *p, const char *path)
{
	FILE *in = fopen(path, "r");
	int err;

	if (!in) {
		err = errno;
		if (strncmp(path, DEBUGFS, strlen(DEBUGFS)))
			return fail(path, -err);
		return fail_because(path, -err, err == ENOENT ?
				    "is the module loaded, and debugfs mounted?" :
				    "are you root?");
	}
	p->taken_ns = now_ns();
	err = profile_read(p, in, path);
	fclose(in);
	return err;
}

/* A file is gzipped, or text. */
static int read_any(struct profile *p, const char *path)
{
	FILE *in = fopen(path, "r");
	int first, second;

	if (!in)
		return fail(path, -errno);
	first = getc(in);
	second = getc(in);
	fclose(in);
	return first == 0x1f && second == 0x8b ? pprof_read(p, path) :
						 read_text(p, path);
}

static int subtract_file(struct profile *p, const char *path)
{
	struct profile base = { 0 };
	int err = read_any(&base, path) || profile_subtract(p, &base);

	profile_free(&base);
	return err;
}

/* Read it, and read it again after so many seconds. */
static int read_interval(struct profile *p, const char *path, uint64_t seconds)
{
	struct profile before = { 0 };
	int err = read_text(&before, path);

	if (!err) {
		sleep(seconds);
		err = read_text(p, path) || profile_subtract(p, &before);
	}
	profile_free(&before);
	return err;
}

static int load_profile(struct profile *p, const struct job *job)
{
	const char *path = job->allocs ? DEBUGFS "allocs" : DEBUGFS "heap";

	if (job->in) {
		if (read_any(p, job->in))
			return 1;
	} else if (job->seconds) {
		if (read_interval(p, path, job->seconds))
			return 1;
	} else if (read_text(p, path)) {
		return 1;
	}
	return job->base && subtract_file(p, job->base);
}

/* Write with @fn beside the file, then put it in its place. */
static int write_file(const struct profile *p, const char *path, int type,
		      int (*fn)(const struct profile *p, const char *path,
				int type))
{
	char *beside;
	int err;

	if (asprintf(&beside, "%s.new", path) < 0)
		return complain(path, "no memory");
	err = fn(p, beside, type);
	if (!err && rename(beside, path))
		err = fail(path, -errno);
	if (err)
		unlink(beside);
	free(beside);
	return err;
}

static int write_flame(const struct profile *p, const char *path, int type)
{
	FILE *out = fopen(path, "w");
	int err;

	if (!out)
		return fail(path, -errno);
	err = flame_write(p, out, type);
	if (ferror(out) | fclose(out))
		err = err ? err : fail(path, errno ? -errno : -EIO);
	return err;
}

/**
 * struct row - a function in the table
 * @frame: the first frame of it
 * @flat: what it has allocated itself
 * @cum: that, and what those that it calls have
 * @seen: the last sample that was counted in @cum, plus 1
 */
struct row {
	const struct frame *frame;
	int64_t flat;
	int64_t cum;
	size_t seen;
};

static int same_function(const struct frame *a, const struct frame *b)
{
	return !strcmp(a->name, b->name) &&
	       !strcmp(a->module ? a->module : "", b->module ? b->module : "");
}

static int64_t size_of(int64_t v)
{
	return v < 0 ? -v : v;
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (size_of(x->flat) != size_of(y->flat))
		return size_of(x->flat) < size_of(y->flat) ? 1 : -1;
	if (size_of(x->cum) != size_of(y->cum))
		return size_of(x->cum) < size_of(y->cum) ? 1 : -1;
	return strcmp(x->frame->name, y->frame->name);
}

/* Rows by frame; those of one function share the row of its first frame. */
static size_t *row_numbers(const struct profile *p, struct row *row,
			   size_t *nrows)
{
	size_t *of = calloc(p->nframes + 1, sizeof(*of)), i, k;

	*nrows = 0;
	for (i = 0; of && i < p->nframes; i++) {
		for (k = 0; k < *nrows; k++)
			if (same_function(row[k].frame, &p->frames[i]))
				break;
		if (k == *nrows)
			row[(*nrows)++].frame = &p->frames[i];
		of[i] = k;
	}
	return of;
}

static void add_rows(const struct profile *p, struct row *row,
		     const size_t *of, int type)
{
	const struct sample *s;
	unsigned int k;
	struct row *r;
	size_t i;

	for (i = 0; i < p->nsamples; i++) {
		s = &p->samples[i];
		if (s->nframes)
			row[of[s->frame[0]]].flat += s->value[type];
		for (k = 0; k < s->nframes; k++) {
			r = &row[of[s->frame[k]]];
			/* One that calls itself counts once. */
			if (r->seen == i + 1)
				continue;
			r->seen = i + 1;
			r->cum += s->value[type];
		}
	}
}

static double percent(int64_t part, int64_t all)
{
	return all ? 100.0 * part / all : 0;
}

static int print_text(const struct profile *p, int type)
{
	struct row *row = calloc(p->nframes + 1, sizeof(*row)), *r;
	int64_t total = profile_total(p, type);
	size_t nrows = 0, *of = row ? row_numbers(p, row, &nrows) : NULL;
	int err = !of;

	if (!err) {
		add_rows(p, row, of, type);
		qsort(row, nrows, sizeof(*row), compare_rows);
		printf("%s: %" PRId64 " bytes in %" PRId64 " objects\n"
		       "%14s %7s %14s %7s  %s\n",
		       value_name[type], total, profile_total(p, type - 1),
		       "flat", "flat%", "cum", "cum%", "function");
	}
	/* Of a difference, those in which nothing has changed are last. */
	for (r = row; !err && r < row + nrows && r < row + NR_LINES &&
	     (r->flat || r->cum); r++)
		printf("%14" PRId64 " %6.2f%% %14" PRId64 " %6.2f%%  %s%s%s%s\n",
		       r->flat, percent(r->flat, total), r->cum,
		       percent(r->cum, total), r->frame->name,
		       r->frame->module ? " [" : "",
		       r->frame->module ? r->frame->module : "",
		       r->frame->module ? "]" : "");
	if (!err && p->dropped && strpbrk(p->dropped, "123456789"))
		printf("dropped: %s\n", p->dropped);
	free(row);
	free(of);
	return err ? complain("profile", "no memory") : 0;
}

static int write_all(const struct profile *p, const struct job *job)
{
	int type = job->allocs ? ALLOC_SPACE : INUSE_SPACE;

	if (job->pprof && write_file(p, job->pprof, type, pprof_write))
		return 1;
	if (job->flame && write_file(p, job->flame, type, write_flame))
		return 1;
	if (job->text || (!job->pprof && !job->flame))
		return print_text(p, type);
	return 0;
}

static const struct option options[] = {
	{ "seconds", required_argument, NULL, 's' },
	{ "base", required_argument, NULL, 'b' },
	{ "allocs", no_argument, NULL, 'a' },
	{ "flame", required_argument, NULL, 'f' },
	{ "text", no_argument, NULL, 't' },
	{ "output", required_argument, NULL, 'o' },
	{ 0 }
};

static int parse_job(int argc, char **argv, struct job *job)
{
	int c;

	optind = 0;
	while ((c = getopt_long_only(argc, argv, "+o:", options, NULL)) != -1) {
		switch (c) {
		case 's':
			if (number(optarg, UINT_MAX, &job->seconds))
				return 2;
			if (!job->seconds)
				return complain(optarg, "not 1 second or more");
			break;
		case 'b':
			job->base = optarg;
			break;
		case 'a':
			job->allocs = 1;
			break;
		case 'f':
			job->flame = optarg;
			break;
		case 't':
			job->text = 1;
			break;
		case 'o':
			job->pprof = optarg;
			break;
		default:
			fputs("usage: goallocctl profile " PROFILE_USAGE "\n",
			      stderr);
			return 2;
		}
	}
	if (argc - optind > 1)
		return complain(argv[optind + 1], "one file at a time");
	job->in = argv[optind];
	if (job->in && job->seconds)
		return complain(job->in, "a file does not change: -seconds is for the kernel");
	return 0;
}

int do_profile(int argc, char **argv)
{
	struct profile p = { 0 };
	struct job job = { 0 };
	int err = parse_job(argc, argv, &job);

	if (err)
		return err;
	err = load_profile(&p, &job) || write_all(&p, &job);
	profile_free(&p);
	if (fflush(stdout) || ferror(stdout))
		return fail("standard output", -errno);
	return err;
}
