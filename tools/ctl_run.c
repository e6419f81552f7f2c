// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl run: parse a workload, run it, and print its results.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

/* Parse "MIN[-MAX][:WEIGHT]", and more of these after a '+'. */
static int parse_sizes(char *text, struct goalloc_ioc_run *run)
{
	char *one, *weight, *max;

	for (one = strtok(text, "+"); one; one = strtok(NULL, "+")) {
		struct goalloc_run_size *s = &run->sizes[run->nr_sizes];

		if (run->nr_sizes == GOALLOC_RUN_SIZES)
			return complain("sizes", "too many");
		weight = strchr(one, ':');
		if (weight)
			*weight++ = 0;
		max = strchr(one, '-');
		if (max)
			*max++ = 0;
		s->weight = 1;
		if (number32(one, &s->min) ||
		    number32(max ? max : one, &s->max) ||
		    (weight && number32(weight, &s->weight)))
			return 2;
		run->nr_sizes++;
	}
	return 0;
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

/* Parse a list of CPUs as /sys has them: "0,2-3". */
static int parse_cpus(const char *text, struct goalloc_ioc_run *run)
{
	unsigned long a, b;
	char *end;

	for (;; text = end + 1) {
		a = strtoul(text, &end, 10);
		b = a;
		if (end != text && *end == '-') {
			text = end + 1;
			b = strtoul(text, &end, 10);
		}
		if (end == text || b >= GOALLOC_RUN_CPUS || a > b)
			return complain(text, "no list of CPUs");
		for (; a <= b; a++)
			run->cpus[a / 64] |= 1ULL << a % 64;
		if (!*end)
			return 0;
		if (*end != ',')
			return complain(text, "no list of CPUs");
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
	free(sizes);
	run->live = 1000;
	if (err || option(argc, argv, "count", UINT64_MAX, &count) ||
	    option(argc, argv, "ms", GOALLOC_RUN_MAX_NS / 1000000, &ms) ||
	    option(argc, argv, "seed", UINT64_MAX, &seed) ||
	    option32(argc, argv, "live", &run->live) ||
	    option32(argc, argv, "realloc", &run->realloc_percent) ||
	    option32(argc, argv, "remote", &run->remote_percent))
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
		return fail("run", err);
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
