// SPDX-License-Identifier: GPL-2.0
/*
 * goallocctl: use /dev/goalloc from the command line; see goallocctl(8).
 *
 * Objects live as long as the descriptor does.  So several commands, separated
 * by commas or on lines of standard input, share a descriptor.  A handle is
 * written as its number, or as $ for the last one.
 *
 * The table of commands lists the arguments of each.  A line with an unknown
 * argument is refused before any of its commands runs.  A number that is too
 * large is refused when its command runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

#define DEBUGFS	"/sys/kernel/debug/goalloc/"
#define VERIFY	DEBUGFS "verify"

int fd;

static int do_info(int argc, char **argv)
{
	struct goalloc_ioc_info info;
	int err = goalloc_info(fd, &info);

	(void)argc;
	(void)argv;
	if (err)
		return fail("info", err);
	begin_answer();
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
	end_answer();
	return 0;
}

static int do_memstats(int argc, char **argv)
{
	const struct goalloc_field *f;
	struct goalloc_memstats m;
	int err = goalloc_memstats(fd, &m);
	unsigned int i;

	(void)argc;
	(void)argv;
	if (err)
		return fail("memstats", err);
	begin_answer();
	for (i = 0; (f = goalloc_memstats_field(i)); i++)
		put(f->name, *(__u64 *)((char *)&m + f->offset));
	if (json) {
		printf(",\"BySize\":[");
		for (i = 0; i < GOALLOC_NR_CLASSES; i++)
			printf("%s{\"Size\":%llu,\"Mallocs\":%llu,\"Frees\":%llu}",
			       i ? "," : "", m.by_size[i].size,
			       m.by_size[i].mallocs, m.by_size[i].frees);
		putchar(']');
	}
	end_answer();
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

	if (argc > 1 && handle_of(argv[1], &handle))
		return 2;
	err = goalloc_stat(fd, handle, &st);
	if (err)
		return fail("stat", err);
	begin_answer();
	put("handle", st.handle);
	put("size", st.size);
	put("usable", st.usable);
	put("class", st.size_class);
	put("zero", !!(st.flags & GOALLOC_ALLOC_ZERO));
	put("noscan", !!(st.flags & GOALLOC_ALLOC_NOSCAN));
	if (st.node == UINT32_MAX)
		put_none("node");
	else
		put("node", st.node);
	put("maps", st.maps);
	put("map-length", st.map_length);
	end_answer();
	return 0;
}

/* Say what was wrong with a request that the module has refused. */
static int fail_alloc(const char *what, int err, uint64_t size,
		      unsigned int flags)
{
	struct goalloc_ioc_info info = { 0 };
	char why[64];

	if (err == -EDQUOT)
		return fail_limit(what, 1, size);
	if (err != -EINVAL || goalloc_info(fd, &info))
		return fail(what, err);
	if (size > info.max_size) {
		snprintf(why, sizeof(why), "no object is larger than %llu bytes",
			 info.max_size);
		return fail_because(what, err, why);
	}
	if (!(flags & GOALLOC_ALLOC_NODE))
		return fail(what, err);
	return fail_because(what, err, flags & GOALLOC_ALLOC_NOSCAN ?
			    "node= does not go with noscan" :
			    "the node has no memory");
}

static int alloc_one(uint64_t size, unsigned int flags, uint32_t node)
{
	int err = flags & GOALLOC_ALLOC_NODE ?
		  goalloc_alloc_node(fd, size, flags, node, &last_handle) :
		  goalloc_alloc(fd, size, flags, &last_handle);

	return err ? fail_alloc("alloc", err, size, flags) : do_stat(1, NULL);
}

static int64_t alloc_some(uint64_t size, unsigned int flags, uint32_t node,
			  uint64_t *handles, size_t n)
{
	return flags & GOALLOC_ALLOC_NODE ?
	       goalloc_alloc_bulk_node(fd, size, flags, node, handles, n) :
	       goalloc_alloc_bulk(fd, size, flags, handles, n);
}

static int alloc_many(uint64_t size, unsigned int flags, uint32_t node,
		      uint64_t count)
{
	uint64_t handles[1024], total = 0, n;
	int64_t done = 0;

	while (total < count) {
		n = count - total;
		done = alloc_some(size, flags, node, handles,
				  n < 1024 ? n : 1024);
		if (done <= 0)
			break;
		total += done;
		last_handle = handles[done - 1];
	}
	begin_answer();
	put("allocated", total);
	put("last-handle", last_handle);
	end_answer();
	return done < 0 ? fail_alloc("alloc", done, size, flags) : 0;
}

static int do_alloc(int argc, char **argv)
{
	uint64_t size, count = 1;
	unsigned int flags = 0;
	uint32_t node = 0;

	if (number(argv[1], UINT64_MAX, &size) ||
	    option(argc, argv, "count", UINT64_MAX, &count) ||
	    option32(argc, argv, "node", &node))
		return 2;
	if (word(argc, argv, "node"))
		flags |= GOALLOC_ALLOC_NODE;
	if (has(argc, argv, "zero"))
		flags |= GOALLOC_ALLOC_ZERO;
	if (has(argc, argv, "noscan"))
		flags |= GOALLOC_ALLOC_NOSCAN;
	return count == 1 ? alloc_one(size, flags, node) :
			    alloc_many(size, flags, node, count);
}

static int do_free(int argc, char **argv)
{
	uint64_t handle;
	int i, err;

	for (i = 1; i < argc; i++) {
		if (handle_of(argv[i], &handle))
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

	(void)argc;
	if (handle_of(argv[1], &handle) ||
	    number(argv[2], UINT64_MAX, &size))
		return 2;
	err = goalloc_realloc(fd, handle, size);
	if (err)
		return fail_alloc("realloc", err, size, 0);
	last_handle = handle;
	return do_stat(1, NULL);
}

/* Parse "[HANDLE [SEED]]". */
static int handle_and_seed(int argc, char **argv, uint64_t *handle,
			   uint64_t *seed)
{
	*handle = last_handle;
	*seed = 0;
	if (argc > 1 && handle_of(argv[1], handle))
		return 2;
	return argc > 2 ? number(argv[2], UINT64_MAX, seed) : 0;
}

static int do_fill(int argc, char **argv)
{
	uint64_t handle, seed;
	int err;

	if (handle_and_seed(argc, argv, &handle, &seed))
		return 2;
	err = goalloc_fill(fd, handle, GOALLOC_PATTERN_MIX, seed);
	return err ? fail("fill", err) : 0;
}

static int verify_pattern(uint64_t handle, uint64_t seed)
{
	uint64_t good = 0;
	int err = goalloc_verify(fd, handle, GOALLOC_PATTERN_MIX, seed, &good);

	if (err && err != -EILSEQ)
		return fail("verify", err);
	if (json) {
		begin_answer();
		put("ok", !err);
		put("good", good);
		end_answer();
	} else if (err) {
		printf("differs at byte %" PRIu64 "\n", good);
	} else {
		puts("ok");
	}
	return !!err;
}

/* Print debugfs' verify: "ok", or a line for each thing that is broken. */
static int verify_heap(void)
{
	char *line = NULL;
	size_t room = 0;
	int ok = 1, n = 0;
	FILE *in = fopen(VERIFY, "r");

	if (!in)
		return fail_because(VERIFY, -errno, "debugfs mounted? root?");
	begin_answer();
	if (json) {
		put_name("says");
		putchar('[');
	}
	while (getline(&line, &room, in) >= 0) {
		line[strcspn(line, "\n")] = 0;
		ok &= !strncmp(line, "ok", 2);
		if (json)
			printf("%s\"%s\"", n ? "," : "", line);
		else
			puts(line);
		n++;
	}
	ok &= n > 0;
	if (json) {
		putchar(']');
		put("ok", ok);
	}
	end_answer();
	free(line);
	fclose(in);
	return !ok;
}

/* With a handle, verify its pattern; without one, the whole heap. */
static int do_verify(int argc, char **argv)
{
	uint64_t handle, seed;

	if (argc < 2)
		return verify_heap();
	if (handle_and_seed(argc, argv, &handle, &seed))
		return 2;
	return verify_pattern(handle, seed);
}

#define MAX_OWNERS	8192	/* lines: those of all classes */

/* A line of owners or owners_classes. */
struct owner {
	char name[64];
	char state[16];
	unsigned int class;
	uint64_t size;
	uint64_t objects;
	uint64_t bytes;
	uint64_t peak_objects;
	uint64_t peak_bytes;
};

static int compare_owners(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return strcmp(x->name, y->name);
}

static int parse_owner(const char *text, int classes, struct owner *o)
{
	memset(o, 0, sizeof(*o));
	if (classes)
		return sscanf(text, "%63s %u %" SCNu64 " %" SCNu64 " %" SCNu64,
			      o->name, &o->class, &o->size, &o->objects,
			      &o->bytes) == 5;
	return sscanf(text, "%63s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		      " %15s", o->name, &o->objects, &o->bytes,
		      &o->peak_objects, &o->peak_bytes, o->state) == 6;
}

static void put_owner(const struct owner *o, int classes, int first)
{
	if (json && classes)
		printf("%s{\"owner\":\"%s\",\"class\":%u,\"size\":%" PRIu64
		       ",\"objects\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
		       first ? "" : ",", o->name, o->class, o->size, o->objects,
		       o->bytes);
	else if (json)
		printf("%s{\"owner\":\"%s\",\"objects\":%" PRIu64
		       ",\"bytes\":%" PRIu64 ",\"peak-objects\":%" PRIu64
		       ",\"peak-bytes\":%" PRIu64 ",\"state\":\"%s\"}",
		       first ? "" : ",", o->name, o->objects, o->bytes,
		       o->peak_objects, o->peak_bytes, o->state);
	else if (classes)
		printf("%-24s %5u %7" PRIu64 " %12" PRIu64 " %14" PRIu64 "\n",
		       o->name, o->class, o->size, o->objects, o->bytes);
	else
		printf("%-24s %12" PRIu64 " %14" PRIu64 " %12" PRIu64 " %14"
		       PRIu64 " %s\n", o->name, o->objects, o->bytes,
		       o->peak_objects, o->peak_bytes, o->state);
}

static void print_owners(const struct owner *o, int n, int classes)
{
	int i;

	if (json)
		putchar('[');
	else if (classes)
		puts("owner                    class    size      objects          bytes");
	else
		puts("owner                         objects          bytes peak-objects     peak-bytes state");
	for (i = 0; i < n; i++)
		put_owner(o + i, classes, !i);
	if (json)
		puts("]");
}

/* Read debugfs' owners, sort and print it; whoever holds the most is first. */
static int do_owners(int argc, char **argv)
{
	static struct owner owners[MAX_OWNERS];
	int classes = has(argc, argv, "classes"), n = 0;
	const char *path = classes ? DEBUGFS "owners_classes" :
				     DEBUGFS "owners";
	FILE *in = fopen(path, "r");
	int needs_check = 0;
	char *line = NULL;
	size_t room = 0;

	if (!in)
		return fail_because(path, -errno, "debugfs mounted? root?");
	while (n < MAX_OWNERS && getline(&line, &room, in) >= 0) {
		needs_check |= !strncmp(line, "owners need", 11);
		n += parse_owner(line, classes, owners + n);
	}
	free(line);
	fclose(in);
	if (needs_check)
		return fail_because("owners", -ENODATA,
				    "the module was loaded with check=0");
	qsort(owners, n, sizeof(*owners), compare_owners);
	print_owners(owners, n, classes);
	return 0;
}

static int do_free_os_memory(int argc, char **argv)
{
	int64_t bytes = goalloc_free_os_memory(fd);

	(void)argc;
	(void)argv;
	if (bytes < 0)
		return fail("free-os-memory", bytes);
	begin_answer();
	put("released", bytes);
	end_answer();
	return 0;
}

static int do_hold(int argc, char **argv)
{
	uint64_t seconds = 10;

	if (argc > 1 && number(argv[1], UINT_MAX, &seconds))
		return 2;
	fflush(stdout);
	sleep(seconds);
	return 0;
}

static const struct command {
	const char *name;
	int flags;		/* to open the device with */
	int min;		/* the fewest and the most plain arguments */
	int max;
	const char *options;	/* their names; with = they take a value */
	int (*fn)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "info", O_RDONLY, 0, 0, "", do_info,
	  ": show the module's version, features and limits" },
	{ "memstats", O_RDONLY, 0, 0, "", do_memstats, ": show Go's MemStats" },
	{ "classes", O_RDONLY, 0, 0, "all", do_classes,
	  " [all]: show the size classes in use, or all" },
	{ "owners", O_RDONLY, 0, 0, "classes", do_owners,
	  " [classes]: show how much each module holds, or of each class" },
	{ "sites", O_RDONLY, 0, 0, "", do_sites,
	  ": show how much each call site holds, of modules that count them" },
	{ "alloc", O_RDWR, 1, 1, "count= node= zero noscan", do_alloc,
	  " SIZE [count=N] [node=N] [zero] [noscan]: allocate objects" },
	{ "free", O_RDWR, 1, INT_MAX, "", do_free, " HANDLE...: free objects" },
	{ "realloc", O_RDWR, 2, 2, "", do_realloc,
	  " HANDLE SIZE: change the size of an object" },
	{ "stat", O_RDONLY, 0, 1, "", do_stat,
	  " [HANDLE]: show size, class and node of an object" },
	{ "fill", O_RDWR, 0, 2, "", do_fill,
	  " [HANDLE [SEED]]: fill an object with a pattern" },
	{ "verify", O_RDONLY, 0, 2, "", do_verify,
	  " [HANDLE [SEED]]: check the pattern; without HANDLE check the heap" },
	{ "free-os-memory", O_RDWR, 0, 0, "", do_free_os_memory,
	  ": give free memory back to the kernel" },
	{ "run", O_RDWR, 0, 0,
	  "sizes= count= ms= live= order= cpus= seed= realloc= remote= touch untimed",
	  do_run,
	  " [sizes=MIN-MAX:WEIGHT+...] [count=N] [ms=N] [live=N]\n"
	  "      [order=random|fifo|lifo] [cpus=0,2-3] [seed=N] [realloc=%] [remote=%]\n"
	  "      [touch] [untimed]: run a workload in the kernel" },
	{ "hold", O_RDONLY, 0, 1, "", do_hold,
	  " [SECONDS]: wait, and keep the objects" },
};

#define NR_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static const struct command *find_command(const char *name)
{
	unsigned int i;

	for (i = 0; i < NR_COMMANDS; i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

static void usage(FILE *to)
{
	unsigned int i;

	fprintf(to, "usage: goallocctl [-j] COMMAND [ARGUMENT]... [, COMMAND ...]...\n"
		    "       goallocctl [-j] -      commands from standard input\n"
		    "       goallocctl profile " PROFILE_USAGE "\n"
		    "       goallocctl advise " ADVISE_USAGE "\n\n");
	for (i = 0; i < NR_COMMANDS; i++)
		fprintf(to, "  %s%s\n", commands[i].name, commands[i].help);
	fprintf(to, "\n-j, --json: JSON. -h, --help. -V, --version.\n"
		    "A handle is a number, or $ for the last one. Numbers are decimal and may have\n"
		    "K, M, G or T behind them. A comma between commands stands alone.\n");
}

/* Is it one of the options, with a value if the option takes one? */
static int is_option(const char *options, const char *arg)
{
	size_t len = strcspn(arg, "=");
	const char *p = options;

	len += arg[len] == '=';
	for (; *p; p += strspn(p, " ")) {
		if (strcspn(p, " ") == len && !strncmp(p, arg, len))
			return 1;
		p += strcspn(p, " ");
	}
	return 0;
}

static int refuse(const struct command *c, const char *what, const char *why)
{
	complain(what, why);
	fprintf(stderr, "usage: goallocctl %s%s\n", c->name, c->help);
	return 2;
}

/* Has the argument, or the option with another value, been given before? */
static int is_given_twice(const char *arg, char **argv, int n)
{
	size_t len = strcspn(arg, "=");
	int i;

	for (i = 0; i < n; i++) {
		if (strcspn(argv[i], "=") == len && !strncmp(argv[i], arg, len))
			return 1;
	}
	return 0;
}

/* Check a command's arguments, and set *flags if it needs to write. */
static int check_command(int argc, char **argv, int *flags)
{
	const struct command *c = find_command(argv[0]);
	int i, plain = 1;

	/* "alloc 100, stat": whatever else is wrong, this is why. */
	for (i = 0; i < argc; i++) {
		if (argv[i][strlen(argv[i]) - !!*argv[i]] == ',')
			return complain(argv[i], "the comma between commands stands alone: put a space before it");
	}
	if (!c)
		return complain(argv[0], "no such command; see goallocctl -h");
	while (plain < argc && !is_option(c->options, argv[plain]) &&
	       plain <= c->max)
		plain++;
	if (plain <= c->min)
		return refuse(c, argv[0], "an argument is missing");
	for (i = plain; i < argc; i++) {
		if (!is_option(c->options, argv[i]))
			return refuse(c, argv[i], "unknown argument");
		if (is_given_twice(argv[i], argv + plain, i - plain))
			return refuse(c, argv[i], "given twice");
	}
	if (c->flags != O_RDONLY)
		*flags = c->flags;
	return 0;
}

static int execute_command(int argc, char **argv, int *flags)
{
	(void)flags;
	return find_command(argv[0])->fn(argc, argv);
}

/* Call @fn for each command of a line; commas separate them. */
static int for_each_command(int argc, char **argv, int *flags,
			    int (*fn)(int argc, char **argv, int *flags))
{
	int i, start = 0, status = 0;

	for (i = 0; i <= argc && !status; i++) {
		if (i < argc && strcmp(argv[i], ","))
			continue;
		if (i > start)
			status = fn(i - start, argv + start, flags);
		start = i + 1;
	}
	return status;
}

static int execute_line(char *line)
{
	/* An argument and its separator take at least two characters. */
	char **args = malloc((strlen(line) / 2 + 1) * sizeof(*args)), *p, *save;
	int n = 0, flags, status = 0;

	if (!args)
		return complain("standard input", "no memory");
	for (p = strtok_r(line, " \t\n", &save); p;
	     p = strtok_r(NULL, " \t\n", &save))
		args[n++] = p;
	if (n && *args[0] != '#') {
		status = for_each_command(n, args, &flags, check_command);
		if (!status)
			status = for_each_command(n, args, &flags,
						  execute_command);
	}
	free(args);
	return status;
}

static int execute_lines(FILE *in)
{
	char *line = NULL;
	size_t room = 0;
	int status = 0;

	while (!status && getline(&line, &room, in) >= 0) {
		status = execute_line(line);
		fflush(stdout);
	}
	free(line);
	return status;
}

/* Commands that only read work for a user who may not write. */
static int open_device(int flags, int may_read_only)
{
	int err = goalloc_open(flags);

	if (may_read_only && (err == -EACCES || err == -EPERM))
		err = goalloc_open(O_RDONLY);
	return err;
}

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 }
};

/* Return an exit status, or -1 to go on. */
static int parse_options(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "+jhV", long_options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = 1;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts("goallocctl " VERSION);
			return 0;
		default:
			fputs("see goallocctl -h\n", stderr);
			return 2;
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	int lines, flags = O_RDONLY, status = parse_options(argc, argv);
	const char *hint;

	if (status >= 0)
		return status;
	argc -= optind;
	argv += optind;
	if (!argc) {
		usage(stderr);
		return 2;
	}
	/* They need no device, and stand alone. */
	if (!strcmp(argv[0], "profile"))
		return do_profile(argc, argv);
	if (!strcmp(argv[0], "advise"))
		return do_advise(argc, argv);
	lines = !strcmp(argv[0], "-");
	if (lines && argc > 1)
		return complain(argv[1], "after - commands come from standard input");
	if (lines)
		flags = O_RDWR;
	else if (for_each_command(argc, argv, &flags, check_command))
		return 2;
	fd = open_device(flags, lines);
	if (fd < 0) {
		hint = goalloc_open_hint(fd);
		fprintf(stderr, "goallocctl: %s: %s%s%s\n", GOALLOC_DEVICE,
			strerror(-fd), hint ? ": " : "", hint ? hint : "");
		return 3;
	}
	status = lines ? execute_lines(stdin) :
			 for_each_command(argc, argv, &flags, execute_command);
	if (fflush(stdout) || ferror(stdout))
		return fail("standard output", -errno);
	goalloc_close(fd);
	return status;
}
