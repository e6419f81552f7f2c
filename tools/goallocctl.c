// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl: /dev/goalloc from the command line; see goallocctl(8).
 *
 * Objects live as long as the descriptor does, so commands that make or use
 * them are worth most several at a time: from standard input, or separated by
 * commas on the command line.  A handle may be written as its number or as $,
 * the last one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "goalloc.h"

#define MAX_ARGS	32

static int fd;
static int json;
static uint64_t last_handle;

static int fail(const char *what, int err)
{
	fprintf(stderr, "goallocctl: %s: %s\n", what, strerror(-err));
	return 1;
}

static int complain(const char *what, const char *about)
{
	fprintf(stderr, "goallocctl: %s: %s\n", what, about);
	return 2;
}

/* A number with K, M or G behind it; $ is the last handle. */
static int number(const char *text, uint64_t *value)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;

	if (!strcmp(text, "$")) {
		*value = last_handle;
		return 0;
	}
	errno = 0;
	*value = strtoull(text, &end, 0);
	if (end == text || errno || *text == '-')
		return complain(text, "not a number");
	unit = *end ? strchr(units, *end & ~0x20) : NULL;
	if (unit) {
		*value <<= 10 * (unit - units + 1);
		end++;
	}
	return *end ? complain(text, "not a number") : 0;
}

/* "name=value" among the arguments, or a default. */
static int option(int argc, char **argv, const char *name, uint64_t *value)
{
	size_t len = strlen(name);
	int i;

	for (i = 1; i < argc; i++) {
		if (!strncmp(argv[i], name, len) && argv[i][len] == '=')
			return number(argv[i] + len + 1, value);
	}
	return 0;
}

static const char *word(int argc, char **argv, const char *name)
{
	size_t len = strlen(name);
	int i;

	for (i = 1; i < argc; i++) {
		if (!strncmp(argv[i], name, len) && argv[i][len] == '=')
			return argv[i] + len + 1;
	}
	return NULL;
}

static int has(int argc, char **argv, const char *name)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], name))
			return 1;
	}
	return 0;
}

/* --- output: "name: value" lines, or members of a JSON object ------------ */

static int members;

static void begin(void)
{
	members = 0;
	if (json)
		putchar('{');
}

static void end(void)
{
	if (json)
		puts("}");
}

static void put_name(const char *name)
{
	if (json)
		printf("%s\"%s\":", members++ ? "," : "", name);
	else
		printf("%s: ", name);
}

static void put(const char *name, uint64_t value)
{
	put_name(name);
	printf("%" PRIu64, value);
	if (!json)
		putchar('\n');
}

/* --- commands ------------------------------------------------------------ */

static int do_info(int argc, char **argv)
{
	struct goalloc_ioc_info info;
	int err = goalloc_info(fd, &info);

	(void)argc;
	(void)argv;
	if (err)
		return fail("info", err);
	begin();
	put("version", info.version);
	put("check", !!(info.features & GOALLOC_FEATURE_CHECK));
	put("debug", !!(info.features & GOALLOC_FEATURE_DEBUG));
	put("mmap", !!(info.features & GOALLOC_FEATURE_MMAP));
	put("run", !!(info.features & GOALLOC_FEATURE_RUN));
	put("max-size", info.max_size);
	put("page-size", info.page_size);
	put("max-bulk", info.max_bulk);
	put("max-objects", info.max_objects);
	put("max-bytes", info.max_bytes);
	put("max-total", info.max_total);
	put("total", info.total);
	put("classes", info.nr_classes);
	put("cpus", info.nr_cpus);
	put("nodes", info.nr_nodes);
	end();
	return 0;
}

static int do_memstats(int argc, char **argv)
{
	const struct goalloc_field *f = goalloc_memstats_fields;
	struct goalloc_memstats m;
	int err = goalloc_memstats(fd, &m);
	unsigned int i;

	(void)argc;
	(void)argv;
	if (err)
		return fail("memstats", err);
	begin();
	for (; f->name; f++)
		put(f->name, *(__u64 *)((char *)&m + f->offset));
	if (json) {
		printf(",\"BySize\":[");
		for (i = 0; i < GOALLOC_NR_CLASSES; i++)
			printf("%s{\"Size\":%llu,\"Mallocs\":%llu,\"Frees\":%llu}",
			       i ? "," : "", m.by_size[i].size,
			       m.by_size[i].mallocs, m.by_size[i].frees);
		putchar(']');
	}
	end();
	return 0;
}

static void put_class(const struct goalloc_class_stats *c, int first)
{
	if (!json) {
		printf("%5u %7llu %6u %7llu %9llu %9llu %8llu %9llu %11llu %9llu\n",
		       c->size_class, c->size, c->noscan, c->spans, c->objects,
		       c->live, c->cached, c->free, c->inuse, c->tail);
		return;
	}
	printf("%s{\"class\":%u,\"size\":%llu,\"noscan\":%u,\"spans\":%llu,\"objects\":%llu,\"mallocs\":%llu,\"frees\":%llu,\"requested\":%llu,\"live\":%llu,\"cached\":%llu,\"free\":%llu,\"inuse\":%llu,\"tail\":%llu}",
	       first ? "" : ",", c->size_class, c->size, c->noscan, c->spans,
	       c->objects, c->mallocs, c->frees, c->requested, c->live,
	       c->cached, c->free, c->inuse, c->tail);
}

static int do_classes(int argc, char **argv)
{
	struct goalloc_class_stats st[2 * GOALLOC_NR_CLASSES] = { 0 };
	int all = has(argc, argv, "all"), n, i, first = 1;

	n = goalloc_bysize(fd, st, 2 * GOALLOC_NR_CLASSES);
	if (n < 0)
		return fail("classes", n);
	if (json)
		putchar('[');
	else
		puts("class    size noscan   spans objs/span      live   cached      free       inuse      tail");
	for (i = 0; i < n && i < 2 * GOALLOC_NR_CLASSES; i++) {
		if (!all && !st[i].spans && !st[i].mallocs)
			continue;
		put_class(&st[i], first);
		first = 0;
	}
	if (json)
		puts("]");
	return 0;
}

static int do_stat(int argc, char **argv)
{
	struct goalloc_ioc_stat st;
	uint64_t handle = last_handle;
	int err;

	if (argc > 1 && number(argv[1], &handle))
		return 2;
	err = goalloc_stat(fd, handle, &st);
	if (err)
		return fail("stat", err);
	begin();
	put("handle", st.handle);
	put("size", st.size);
	put("usable", st.usable);
	put("class", st.size_class);
	put("zero", !!(st.flags & GOALLOC_ALLOC_ZERO));
	put("noscan", !!(st.flags & GOALLOC_ALLOC_NOSCAN));
	put("node", st.node);
	put("maps", st.maps);
	put("map-length", st.map_length);
	end();
	return 0;
}

static int alloc_one(int argc, char **argv, uint64_t size, unsigned int flags)
{
	uint64_t node = ~0ULL;
	int err;

	if (option(argc, argv, "node", &node))
		return 2;
	err = node == ~0ULL ? goalloc_alloc(fd, size, flags, &last_handle) :
	      goalloc_alloc_node(fd, size, flags, node, &last_handle);
	if (err)
		return fail("alloc", err);
	argc = 1;
	return do_stat(argc, argv);
}

static int alloc_many(uint64_t size, unsigned int flags, uint64_t count)
{
	uint64_t handles[1024], total = 0, n;
	int64_t done;

	while (total < count) {
		n = count - total;
		done = goalloc_alloc_bulk(fd, size, flags, handles,
					  n < 1024 ? n : 1024);
		if (done < 0)
			return fail("alloc", done);
		total += done;
		last_handle = handles[done - 1];
	}
	begin();
	put("allocated", total);
	put("last-handle", last_handle);
	end();
	return 0;
}

static int do_alloc(int argc, char **argv)
{
	uint64_t size, count = 1;
	unsigned int flags = 0;

	if (argc < 2)
		return complain("alloc", "how many bytes?");
	if (number(argv[1], &size) || option(argc, argv, "count", &count))
		return 2;
	if (has(argc, argv, "zero"))
		flags |= GOALLOC_ALLOC_ZERO;
	if (has(argc, argv, "noscan"))
		flags |= GOALLOC_ALLOC_NOSCAN;
	return count == 1 ? alloc_one(argc, argv, size, flags) :
			    alloc_many(size, flags, count);
}

static int do_free(int argc, char **argv)
{
	uint64_t handle;
	int i, err;

	if (argc < 2)
		return complain("free", "which handle?");
	for (i = 1; i < argc; i++) {
		if (number(argv[i], &handle))
			return 2;
		err = goalloc_free(fd, handle);
		if (err)
			return fail("free", err);
	}
	return 0;
}

static int do_realloc(int argc, char **argv)
{
	uint64_t handle, size;
	int err;

	if (argc < 3)
		return complain("realloc", "HANDLE SIZE");
	if (number(argv[1], &handle) || number(argv[2], &size))
		return 2;
	err = goalloc_realloc(fd, handle, size);
	if (err)
		return fail("realloc", err);
	last_handle = handle;
	return do_stat(1, argv);
}

static int do_fill(int argc, char **argv)
{
	uint64_t handle = last_handle, seed = 0;
	int err;

	if ((argc > 1 && number(argv[1], &handle)) ||
	    (argc > 2 && number(argv[2], &seed)))
		return 2;
	err = goalloc_fill(fd, handle, GOALLOC_PATTERN_MIX, seed);
	return err ? fail("fill", err) : 0;
}

/* With a handle: its pattern.  Without: the whole heap, by debugfs. */
static int do_verify(int argc, char **argv)
{
	uint64_t handle, seed = 0, good;
	char text[4096];
	ssize_t n;
	int err, in;

	if (argc > 1) {
		if (number(argv[1], &handle) ||
		    (argc > 2 && number(argv[2], &seed)))
			return 2;
		err = goalloc_verify(fd, handle, GOALLOC_PATTERN_MIX, seed,
				     &good);
		if (err == -EILSEQ)
			printf("differs at byte %" PRIu64 "\n", good);
		else if (err)
			return fail("verify", err);
		else
			puts("ok");
		return !!err;
	}
	in = open("/sys/kernel/debug/goalloc/verify", O_RDONLY);
	if (in < 0)
		return fail("/sys/kernel/debug/goalloc/verify (debugfs mounted? root?)",
			    -errno);
	n = read(in, text, sizeof(text) - 1);
	close(in);
	if (n < 0)
		return fail("verify", -errno);
	text[n] = 0;
	fputs(text, stdout);
	return strncmp(text, "ok", 2) != 0;
}

static int do_free_os_memory(int argc, char **argv)
{
	int64_t bytes = goalloc_free_os_memory(fd);

	(void)argc;
	(void)argv;
	if (bytes < 0)
		return fail("free-os-memory", bytes);
	begin();
	put("released", bytes);
	end();
	return 0;
}

/* "MIN-MAX:WEIGHT", of which MAX and WEIGHT may be missing; several, by '+'. */
static int parse_sizes(char *text, struct goalloc_ioc_run *run)
{
	char *one, *weight, *max;
	uint64_t value;

	for (one = strtok(text, "+"); one; one = strtok(NULL, "+")) {
		struct goalloc_run_size *s = &run->sizes[run->nr_sizes];

		if (run->nr_sizes == GOALLOC_RUN_SIZES)
			return complain("sizes", "too many");
		weight = strchr(one, ':');
		max = strchr(one, '-');
		if (weight)
			*weight++ = 0;
		if (max)
			*max++ = 0;
		if (number(one, &value))
			return 2;
		s->min = value;
		if (max && number(max, &value))
			return 2;
		s->max = value;
		value = 1;
		if (weight && number(weight, &value))
			return 2;
		s->weight = value;
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

/* CPUs as in /sys: "0,2-3". */
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
	uint64_t live = 1000, ms = 0, reallocs = 0, remote = 0, count = 0;
	uint64_t seed = 0;
	const char *text = word(argc, argv, "sizes");
	char *sizes = strdup(text ? text : "64");
	int err;

	if (!sizes)
		return complain("run", "no memory");
	err = parse_sizes(sizes, run);
	free(sizes);
	if (err || option(argc, argv, "count", &count) ||
	    option(argc, argv, "ms", &ms) || option(argc, argv, "live", &live) ||
	    option(argc, argv, "seed", &seed) ||
	    option(argc, argv, "realloc", &reallocs) ||
	    option(argc, argv, "remote", &remote))
		return 2;
	run->count = count;
	run->seed = seed;
	run->live = live;
	run->realloc_percent = reallocs;
	run->remote_percent = remote;
	run->duration_ns = ms * 1000000;
	if (!run->count && !ms)
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

static int do_run(int argc, char **argv)
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
	begin();
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
	end();
	return 0;
}

static int do_hold(int argc, char **argv)
{
	uint64_t seconds = 10;

	if (argc > 1 && number(argv[1], &seconds))
		return 2;
	fflush(stdout);
	sleep(seconds);
	return 0;
}

static const struct {
	const char *name;
	int flags;	/* what the device is to be opened for */
	int (*fn)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "info", O_RDONLY, do_info, "what module is this, and its limits" },
	{ "memstats", O_RDONLY, do_memstats, "Go's MemStats" },
	{ "classes", O_RDONLY, do_classes, "[all]: the size classes in use" },
	{ "alloc", O_RDWR, do_alloc,
	  "SIZE [count=N] [node=N] [zero] [noscan]: allocate" },
	{ "free", O_RDWR, do_free, "HANDLE...: free" },
	{ "realloc", O_RDWR, do_realloc, "HANDLE SIZE: change the size" },
	{ "stat", O_RDWR, do_stat, "[HANDLE]: what is known of an object" },
	{ "fill", O_RDWR, do_fill, "[HANDLE [SEED]]: write a pattern" },
	{ "verify", O_RDWR, do_verify,
	  "[HANDLE [SEED]]: is it there? Without a handle: is the heap sound?" },
	{ "free-os-memory", O_RDWR, do_free_os_memory,
	  "give back to the kernel what can go" },
	{ "run", O_RDWR, do_run,
	  "[sizes=MIN-MAX:WEIGHT+...] [count=N] [ms=N] [live=N] [order=random|fifo|lifo]\n"
	  "                  [cpus=0,2-3] [seed=N] [realloc=%] [remote=%] [touch] [untimed]: a workload" },
	{ "hold", O_RDWR, do_hold, "[SECONDS]: wait, holding what there is" },
};

#define NR_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static int find(const char *name)
{
	unsigned int i;

	for (i = 0; i < NR_COMMANDS; i++) {
		if (!strcmp(commands[i].name, name))
			return i;
	}
	return -1;
}

static void usage(FILE *to)
{
	unsigned int i;

	fprintf(to, "usage: goallocctl [-j] COMMAND [ARGUMENT]... [, COMMAND ...]...\n"
		    "       goallocctl [-j] -      commands from standard input, one a line\n\n");
	for (i = 0; i < NR_COMMANDS; i++)
		fprintf(to, "  %-14s  %s\n", commands[i].name,
			commands[i].help);
	fprintf(to, "\n-j: JSON. A handle is a number, or $ for the last one.\n");
}

static int execute(int argc, char **argv)
{
	int i = find(argv[0]);

	if (i < 0)
		return complain(argv[0], "no such command; see goallocctl -h");
	return commands[i].fn(argc, argv);
}

/* The command line, cut at commas. */
static int execute_all(int argc, char **argv)
{
	int i, start = 0, status = 0;

	for (i = 0; i <= argc && !status; i++) {
		if (i < argc && strcmp(argv[i], ","))
			continue;
		if (i > start)
			status = execute(i - start, argv + start);
		start = i + 1;
	}
	return status;
}

static int execute_lines(FILE *in)
{
	char *line = NULL, *args[MAX_ARGS], *save, *p;
	size_t room = 0;
	int n, status = 0;

	while (!status && getline(&line, &room, in) >= 0) {
		n = 0;
		for (p = strtok_r(line, " \t\n", &save); p && n < MAX_ARGS;
		     p = strtok_r(NULL, " \t\n", &save))
			args[n++] = p;
		if (n && args[0][0] != '#')
			status = execute(n, args);
		fflush(stdout);
	}
	free(line);
	return status;
}

/* To look, a descriptor that may only look is enough. */
static int open_for(int argc, char **argv)
{
	int i = find(argv[0]), flags = O_RDWR;

	if (argc > 0 && i >= 0 && !has(argc, argv, ","))
		flags = commands[i].flags;
	return goalloc_open(flags);
}

int main(int argc, char **argv)
{
	const char *hint;
	int c;

	while ((c = getopt(argc, argv, "+jh")) != -1) {
		switch (c) {
		case 'j':
			json = 1;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	argc -= optind;
	argv += optind;
	if (!argc) {
		usage(stderr);
		return 2;
	}
	fd = open_for(argc, argv);
	if (fd < 0) {
		hint = goalloc_open_hint(fd);
		fprintf(stderr, "goallocctl: %s: %s%s%s\n", GOALLOC_DEVICE,
			strerror(-fd), hint ? ": " : "", hint ? hint : "");
		return 3;
	}
	c = strcmp(argv[0], "-") ? execute_all(argc, argv) :
				   execute_lines(stdin);
	if (fflush(stdout) || ferror(stdout))
		return fail("standard output", -errno);
	goalloc_close(fd);
	return c;
}
