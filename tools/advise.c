// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl advise: what would goalloc save on this machine?
 *
 * kmalloc() rounds up to powers of two, and its trace events say how much each call
 * asked for and got.  So a machine that has never loaded goalloc can be told, by call
 * site and by module, what goalloc's size classes would take instead.  The events
 * come from tracefs while the command waits, or from a text that perf or trace-cmd
 * has written of a trace, perhaps on another machine.
 *
 * A trace does not show everything, and the answer says what it has not seen: a
 * figure without that would be a promise.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "advise.h"
#include "ctl.h"

/**
 * struct request - what is asked for
 * @in: the file to read, "-" for standard input, NULL for the kernel
 * @kallsyms: where the modules of functions are found, or NULL
 * @svg: where to write the picture, or NULL
 * @seconds: how long to look at the kernel
 * @kib: of a CPU's buffer
 * @top: rows of the table
 * @live: @seconds or @kib was given
 */
struct request {
	const char *in, *kallsyms, *svg;
	uint32_t seconds, kib, top;
	int live;
};

static int read_file(struct advice *a, const char *path)
{
	FILE *in;
	int err;

	if (!strcmp(path, "-"))
		return advise_read(a, stdin, "standard input");
	in = fopen(path, "r");
	if (!in)
		return fail(path, -errno);
	err = advise_read(a, in, path);
	fclose(in);
	return err;
}

/* Beside the file, and then in its place: a failure leaves an old one. */
static int write_svg(const struct advice *a, const char *path)
{
	char *beside;
	FILE *out;
	int err;

	if (asprintf(&beside, "%s.new", path) < 0)
		return complain(path, "no memory");
	out = fopen(beside, "w");
	if (!out) {
		err = fail(path, -errno);
		free(beside);
		return err;
	}
	advise_svg(a, out);
	err = ferror(out) | fclose(out) || rename(beside, path);
	if (err) {
		err = fail(path, errno ? -errno : -EIO);
		unlink(beside);
	}
	free(beside);
	return err;
}

static const struct option options[] = {
	{ "seconds", required_argument, NULL, 's' },
	{ "buffer", required_argument, NULL, 'b' },
	{ "top", required_argument, NULL, 't' },
	{ "kallsyms", required_argument, NULL, 'k' },
	{ "svg", required_argument, NULL, 'g' },
	{ "json", no_argument, NULL, 'j' },
	{ 0 }
};

static int parse_option(int c, struct request *r)
{
	switch (c) {
	case 's':
		r->live = 1;
		return number_in(optarg, 1, 86400, &r->seconds);
	case 'b':
		r->live = 1;
		return number_in(optarg, 4, 1 << 20, &r->kib);
	case 't':
		return number_in(optarg, 1, UINT32_MAX, &r->top);
	case 'k':
		r->kallsyms = optarg;
		return 0;
	case 'g':
		r->svg = optarg;
		return 0;
	case 'j':
		json = 1;
		return 0;
	}
	fputs("usage: goallocctl advise " ADVISE_USAGE "\n", stderr);
	return 2;
}

static int parse_request(int argc, char **argv, struct request *r)
{
	int c, err;

	*r = (struct request){ .seconds = 10, .kib = 4096, .top = 20 };
	optind = 0;
	while ((c = getopt_long_only(argc, argv, "+j", options, NULL)) != -1) {
		err = parse_option(c, r);
		if (err)
			return err;
	}
	if (argc - optind > 1)
		return complain(argv[optind + 1], "one file at a time");
	r->in = argv[optind];
	if (r->kallsyms && !r->in)
		return complain(r->kallsyms, "-kallsyms is for a file: the kernel names its modules itself");
	if (r->in && r->live)
		return complain(r->in, "-seconds and -buffer are for the kernel, not for a file");
	return 0;
}

static int gather(struct advice *a, const struct request *r)
{
	struct names *names = NULL;
	int err;

	if (!r->in)
		return advise_live(a, r->seconds, r->kib);
	if (r->kallsyms) {
		names = advise_names(r->kallsyms);
		if (!names)
			return 1;
	}
	a->names = names;
	err = read_file(a, r->in);
	advise_names_free(names);
	return err;
}

int do_advise(int argc, char **argv)
{
	struct request r;
	struct advice a;
	int err = parse_request(argc, argv, &r);

	if (err)
		return err;
	advise_begin(&a);
	err = gather(&a, &r);
	if (!err)
		err = advise_end(&a) || (r.svg && write_svg(&a, r.svg));
	if (!err && json)
		advise_json(&a);
	else if (!err)
		advise_text(&a, r.top);
	advise_free(&a);
	if (fflush(stdout) || ferror(stdout))
		return fail("standard output", -errno);
	return err;
}
