// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl run: parse a workload, run it, and print its results.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

/* The module's bounds that the ABI's header does not name. */
#define MAX_SIZE	(4U << 20)
#define MAX_WEIGHT	65535

/* Parse "MIN[-MAX][:WEIGHT]". */
static int parse_size(char *one, struct goalloc_run_size *s)
{
	char *weight, *max;

	weight = strchr(one, ':');
	if (weight)
		*weight++ = 0;
	max = strchr(one, '-');
	if (max)
		*max++ = 0;
	s->weight = 1;
	if (number_in(one, 1, MAX_SIZE, &s->min) ||
	    number_in(max ? max : one, 1, MAX_SIZE, &s->max) ||
	    (weight && number_in(weight, 1, MAX_WEIGHT, &s->weight)))
		return 2;
	if (s->min > s->max)
		return complain(one, "the least size, above the largest");
	return 0;
}

/* Parse sizes, with a '+' between them. */
static int parse_sizes(char *text, struct goalloc_ioc_run *run)
{
	char *one;

	for (one = strtok(text, "+"); one; one = strtok(NULL, "+")) {
		if (run->nr_sizes == GOALLOC_RUN_SIZES)
			return complain("sizes", "more than 16 kinds");
		if (parse_size(one, &run->sizes[run->nr_sizes++]))
			return 2;
	}
	return run->nr_sizes ? 0 : complain("sizes", "none is given");
}

static int parse_order(const char *text, uint32_t *order)
{
	static const char * const names[] = { "random", "fifo", "lifo" };

	for (*order = 0; *order < 3; ++*order) {
		if (!strcmp(text, names[*order]))
			return 0;
	}
	return complain(text, "not random, fifo or lifo");
}

/* A number of a list of CPUs.  Only digits: strtoul() would take a sign. */
static const char *parse_cpu(const char *text, unsigned long *cpu)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return NULL;
	*cpu = strtoul(text, &end, 10);
	return *cpu < GOALLOC_RUN_CPUS ? end : NULL;
}

/* Parse a list of CPUs as /sys has them: "0,2-3". */
static int parse_cpus(const char *list, struct goalloc_ioc_run *run)
{
	const char *text = list;
	unsigned long a, b;

	for (;; text++) {
		text = parse_cpu(text, &a);
		b = a;
		if (text && *text == '-')
			text = parse_cpu(text + 1, &b);
		if (!text || a > b || (*text && *text != ','))
			return complain(list, "no list of CPUs");
		for (; a <= b; a++)
			run->cpus[a / 64] |= 1ULL << a % 64;
		if (!*text)
			return 0;
	}
}

static int parse_run(int argc, char **argv, struct goalloc_ioc_run *run)
{
	const char *text = word(argc, argv, "sizes");
	char *sizes = strdup(text ? text : "64");
	uint64_t ms = 0, count = 0, seed = 0;
	int err;

	if (!sizes)
		return complain("run", "no memory");
	err = parse_sizes(sizes, run);
	if (err)
		complain("in sizes", text);
	free(sizes);
	run->live = 1000;
	if (err || option(argc, argv, "count", UINT64_MAX, &count) ||
	    option(argc, argv, "ms", GOALLOC_RUN_MAX_NS / 1000000, &ms) ||
	    option(argc, argv, "seed", UINT64_MAX, &seed) ||
	    option_in(argc, argv, "live", 1, GOALLOC_RUN_MAX_LIVE,
		      &run->live) ||
	    option_in(argc, argv, "realloc", 0, 100, &run->realloc_percent) ||
	    option_in(argc, argv, "remote", 0, 100, &run->remote_percent))
		return 2;
	run->count = count;
	run->seed = seed;
	run->duration_ns = ms * 1000000;
	if (!count && !ms)
		run->count = 1000000;
	if (has(argc, argv, "touch"))
		run->flags |= GOALLOC_RUN_TOUCH;
	if (has(argc, argv, "untimed"))
		run->flags |= GOALLOC_RUN_UNTIMED;
	text = word(argc, argv, "order");
	if (text && parse_order(text, &run->order))
		return 2;
	text = word(argc, argv, "cpus");
	return text ? parse_cpus(text, run) : 0;
}

static void put_hist(const char *name, const struct goalloc_run_hist *h)
{
	static const double percents[] = { 50, 90, 99, 99.9 };
	char key[64];
	unsigned int i;

	if (!h->count)
		return;
	snprintf(key, sizeof(key), "%s-mean-ns", name);
	put(key, h->total_ns / h->count);
	snprintf(key, sizeof(key), "%s-min-ns", name);
	put(key, h->min_ns);
	for (i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		snprintf(key, sizeof(key), "%s-p%g-ns", name, percents[i]);
		put(key, goalloc_percentile(h, percents[i]));
	}
	snprintf(key, sizeof(key), "%s-max-ns", name);
	put(key, h->max_ns);
	snprintf(key, sizeof(key), "%s-histogram", name);
	put_name(key);
	for (i = 0; i < GOALLOC_RUN_BUCKETS; i++)
		printf("%s%llu", i ? (json ? "," : " ") : json ? "[" : "",
		       h->bucket[i]);
	printf(json ? "]" : "\n");
}

/* The CPUs that a workload runs on, as far as can be told from here. */
static uint64_t count_cpus(const struct goalloc_ioc_run *run)
{
	struct goalloc_ioc_info info = { 0 };
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < GOALLOC_RUN_CPUS / 64; i++)
		n += __builtin_popcountll(run->cpus[i]);
	if (!n && !goalloc_info(fd, &info))
		n = info.nr_cpus;
	return n ? n : 1;
}

/* What is left for the module to refuse. */
static int fail_run(const struct goalloc_ioc_run *run, int err)
{
	uint64_t objects = run->live * count_cpus(run);
	uint32_t i, largest = 0;

	for (i = 0; i < run->nr_sizes; i++)
		if (run->sizes[i].max > largest)
			largest = run->sizes[i].max;
	switch (err) {
	case -EDQUOT:
		return fail_limit("run", objects, objects * largest);
	case -EBUSY:
		return fail_because("run", err, "another run is under way");
	case -EPERM:
		return fail_because("run", err,
				    "its threads may not join your cgroups, or cpus= names some of your CPUs and there is a limit of CPU time");
	case -EINVAL:
		return fail_because("run", err,
				    "cpus: one is not online, or you may not use it");
	default:
		return fail("run", err);
	}
}

int do_run(int argc, char **argv)
{
	static const char * const status[] = { "complete", "time", "signal" };
	struct goalloc_ioc_run run = { 0 };
	uint64_t ops;
	int err = parse_run(argc, argv, &run);

	if (err)
		return err;
	err = goalloc_run(fd, &run);
	if (err)
		return fail_run(&run, err);
	ops = run.mallocs + run.frees + run.reallocs;
	begin_answer();
	put_name("status");
	printf(json ? "\"%s\"" : "%s\n", status[run.status % 3]);
	put("cpus", run.nr_cpus);
	put("elapsed-ns", run.elapsed_ns);
	put("mallocs", run.mallocs);
	put("frees", run.frees);
	put("reallocs", run.reallocs);
	put("failures", run.failures);
	put("bytes", run.bytes);
	put("calls-per-second",
	    run.elapsed_ns ? ops * 1e9 / run.elapsed_ns : 0);
	put_hist("malloc", &run.malloc_hist);
	put_hist("free", &run.free_hist);
	end_answer();
	return 0;
}
