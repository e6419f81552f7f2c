// SPDX-License-Identifier: GPL-2.0
/*
 * goalloctop: show goalloc's size classes as slabtop shows slabs.
 * See goalloctop(1).
 *
 * A page is composed as text first.  ncurses shows it on a terminal; with -b
 * and -o it is printed.  So the text can be tested, and works without a
 * terminal.
 *
 * The ledger at the top shows how many bytes goalloc holds, and how they are
 * used.  The classes count all their spans, MemStats only those that are in
 * use: the difference are the spans without an object, which are idle.  MemStats
 * and the classes are read one after the other; the difference that other CPUs
 * make meanwhile is shown as moving.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <ncurses.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "goalloc.h"

#define MAX_CLASSES	(2 * GOALLOC_NR_CLASSES)
#define MAX_LINES	(MAX_CLASSES + 8)
#define HEAD		6	/* lines above the first row */
#define LINE		160

/* A reading. */
struct sample {
	struct goalloc_memstats m;
	struct goalloc_class_stats c[MAX_CLASSES];
	int nr;
	double when;
};

struct row {
	const struct goalloc_class_stats *c;
	double mallocs;		/* per second */
	double frees;		/* per second */
	double use;		/* percent of its spans' objects that are live */
	double waste;		/* bytes of its spans outside of live objects */
};

/* How much a module holds: a line of debugfs' owners. */
struct owner {
	char name[64];
	char state[16];
	unsigned long long objects;
	unsigned long long bytes;
	unsigned long long peak;
};

#define MAX_OWNERS	128
#define OWNERS		"/sys/kernel/debug/goalloc/owners"
#define CACHES		"/sys/kernel/debug/goalloc/caches"

static struct owner owners[MAX_OWNERS];
static int nr_owners;
static int view;		/* O: rows are owners, C: caches, 0: classes */

static struct sample samples[2], *now = &samples[0], *before = &samples[1];
static struct row rows[MAX_CLASSES];
static int nr_rows;
static char text[MAX_LINES][LINE];
static int nr_lines;
static int key = 'c';
static int fd;

static double clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int take_sample(void)
{
	struct sample *old = before;
	int err;

	before = now;
	now = old;
	memset(now, 0, sizeof(*now));
	now->when = clock_now();
	err = goalloc_memstats(fd, &now->m);
	if (err)
		return err;
	now->nr = goalloc_bysize(fd, now->c, MAX_CLASSES);
	if (now->nr < 0)
		return now->nr;
	/* A newer module may have more classes than fit. */
	if (now->nr > MAX_CLASSES)
		now->nr = MAX_CLASSES;
	return 0;
}

static double rate(__u64 a, __u64 b)
{
	double t = now->when - before->when;

	return before->when && t > 0 && a >= b ? (a - b) / t : 0;
}

/* Format what happens per second.  One reading does not tell. */
static const char *per_second(double n)
{
	static char buf[4][24];
	static unsigned int next;
	char *s = buf[next++ % 4];

	if (!before->when)
		return "-";
	snprintf(s, 24, "%.0f", n);
	return s;
}

static void make_rows(void)
{
	const struct goalloc_class_stats *c, *old;
	struct row *r = rows;
	int i;

	for (i = 0; i < now->nr; i++) {
		c = &now->c[i];
		old = &before->c[i];
		if (!c->spans && !c->mallocs)
			continue;
		r->c = c;
		r->mallocs = rate(c->mallocs, old->mallocs);
		r->frees = rate(c->frees, old->frees);
		r->waste = c->size ? (double)c->inuse - c->live * c->size : 0;
		if (r->waste < 0)
			r->waste = 0;
		r->use = c->spans ? 100.0 * c->live / (c->spans * c->objects) :
				    0;
		r++;
	}
	nr_rows = r - rows;
}

/* The value that the key sorts by.  Keys are slabtop's where it has the same. */
static double sort_value(const struct row *r)
{
	switch (key) {
	case 'a':
		return r->c->live;
	case 'b':
		return r->c->objects;
	case 'f':
		return r->frees;
	case 'k':
		return r->c->cached;
	case 'l':
	case 'v':
		return r->c->spans;
	case 'n':
		return -(double)r->c->size_class;
	case 'o':
		return r->c->spans * r->c->objects;
	case 'p':
		return r->c->spans ? r->c->inuse / r->c->spans : 0;
	case 'r':
		return r->mallocs;
	case 's':
		return r->c->size;
	case 'u':
		return r->use;
	case 'w':
		return r->waste;
	default:
		return r->c->inuse;
	}
}

static const char keys[] = "abcfklnoprsuvw";

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	double u = sort_value(x), v = sort_value(y);

	if (u != v)
		return u < v ? 1 : -1;
	return (x->c->size_class > y->c->size_class) -
	       (x->c->size_class < y->c->size_class);
}

/* Format bytes in up to five characters. */
static const char *human(double n)
{
	static char buf[16][16];
	static unsigned int next;
	static const char units[] = "BKMGT";
	const char *unit = units;
	char *s = buf[next++ % 16];

	while (n >= 1000 && unit[1]) {
		n /= 1024;
		unit++;
	}
	snprintf(s, 16, n < 10 && unit > units ? "%.1f%c" : "%.0f%c", n, *unit);
	return s;
}

__attribute__((format(printf, 1, 2)))
static void line(const char *fmt, ...)
{
	va_list args;

	if (nr_lines == MAX_LINES)
		return;
	va_start(args, fmt);
	vsnprintf(text[nr_lines++], LINE, fmt, args);
	va_end(args);
}

static void compose_ledger(void)
{
	const struct goalloc_memstats *m = &now->m;
	double live = 0, cached = 0, held = 0, tail = 0, spans = 0;
	double idle, moving;
	char when[16];
	time_t t = time(NULL);
	int i;

	for (i = 0; i < now->nr; i++) {
		const struct goalloc_class_stats *c = &now->c[i];

		live += c->size ? c->live * c->size : c->inuse;
		cached += c->cached * c->size;
		held += c->free * c->size;
		tail += c->tail;
		spans += c->inuse;
	}
	live += m->cache_alloc;
	idle = spans > m->heap_inuse ? spans - m->heap_inuse : 0;
	moving = m->heap_inuse + idle - live - cached - held - tail;
	strftime(when, sizeof(when), "%H:%M:%S", localtime(&t));
	line("goalloctop - %s   objects %llu   mallocs/s %s   frees/s %s   misuses %llu   failures %llu",
	     when, m->heap_objects,
	     per_second(rate(m->mallocs, before->m.mallocs)),
	     per_second(rate(m->frees, before->m.frees)), m->misuses,
	     m->failures);
	line("Sys   %6s = inuse %s + idle %s + spans %s + mcaches %s + maps %s + other %s   (given back in all: %s)",
	     human(m->sys), human(m->heap_inuse), human(m->heap_idle),
	     human(m->mspan_sys), human(m->mcache_sys), human(m->gc_sys),
	     human(m->other_sys + m->vmalloc_sys), human(m->heap_released));
	line("inuse %6s = live %s + cached %s + free %s + tails %s - idle spans %s%s%s",
	     human(m->heap_inuse), human(live), human(cached), human(held),
	     human(tail), human(idle), moving < 0 ? " - moving " : " + moving ",
	     human(moving < 0 ? -moving : moving));
	line("asked for in all: %s of %s handed out (%.1f%% lost to rounding up)",
	     human(m->total_requested), human(m->total_alloc),
	     m->total_alloc ? 100.0 - 100.0 * m->total_requested /
	     m->total_alloc : 0);
}

static int compare_owners(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

/* Read the owners, those of the most bytes first; none if that may not be. */
static void read_owners(void)
{
	FILE *in = fopen(OWNERS, "r");
	char row[256];

	nr_owners = 0;
	while (in && nr_owners < MAX_OWNERS && fgets(row, sizeof(row), in)) {
		struct owner *o = &owners[nr_owners];

		nr_owners += sscanf(row, "%63s %llu %llu %*u %llu %15s",
				    o->name, &o->objects, &o->bytes, &o->peak,
				    o->state) == 5;
	}
	if (in)
		fclose(in);
	qsort(owners, nr_owners, sizeof(*owners), compare_owners);
}

static void compose_owners(void)
{
	int i;

	read_owners();
	line("%-32s %12s %8s %8s %6s %s", "OWNER", "OBJECTS", "BYTES", "PEAK",
	     "SHARE", "STATE");
	for (i = 0; i < nr_owners; i++)
		line("%-32s %12llu %8s %8s %5.1f%% %s", owners[i].name,
		     owners[i].objects, human(owners[i].bytes),
		     human(owners[i].peak), now->m.heap_alloc ?
		     100.0 * owners[i].bytes / now->m.heap_alloc : 0,
		     owners[i].state);
	if (!nr_owners)
		line("%s: cannot be read, or the module has check=0", OWNERS);
	nr_rows = nr_owners;
}

/* The named caches, as the module says it of them. */
static void compose_caches(void)
{
	FILE *in = fopen(CACHES, "r");
	char row[256];
	int n = 0;

	while (in && fgets(row, sizeof(row), in)) {
		if (*row == '#')
			continue;
		line("%.*s", (int)strcspn(row, "\n"), row);
		n++;
	}
	if (in)
		fclose(in);
	else
		line("%s: cannot be read", CACHES);
	nr_rows = n ? n - 1 : 0;
}

static void compose(void)
{
	int i;

	nr_lines = 0;
	make_rows();
	qsort(rows, nr_rows, sizeof(*rows), compare_rows);
	compose_ledger();
	line(" O: %s   C: %s   h: keys   q: quit",
	     view == 'O' ? "classes" : "owners",
	     view == 'C' ? "classes" : "caches");
	if (view == 'O') {
		compose_owners();
		return;
	}
	if (view == 'C') {
		compose_caches();
		return;
	}
	line("%5s %7s %3s %8s %8s %8s %8s %5s %7s %7s %10s %10s", "CLASS",
	     "SIZE", "PTR", "SPANS", "LIVE", "CACHED", "FREE", "USE", "INUSE",
	     "WASTE", "MALLOCS/S", "FREES/S");
	for (i = 0; i < nr_rows; i++) {
		const struct goalloc_class_stats *c = rows[i].c;
		char size[24] = "large";

		if (c->size)
			snprintf(size, sizeof(size), "%llu", c->size);
		line("%5u %7s %3s %8llu %8llu %8llu %8llu %4.0f%% %7s %7s %10s %10s",
		     c->size_class, size, c->noscan ? "-" : "yes", c->spans,
		     c->live, c->cached, c->free, rows[i].use, human(c->inuse),
		     human(rows[i].waste), per_second(rows[i].mallocs),
		     per_second(rows[i].frees));
	}
}

static int show_batch(void)
{
	int i;

	for (i = 0; i < nr_lines; i++)
		puts(text[i]);
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	fprintf(stderr, "goalloctop: standard output: %s\n", strerror(errno));
	return 1;
}

static const char * const help_text[] = {
	"These keys sort:",
	"",
	"  a  live objects          n  class",
	"  b  objects of a span     o  objects that fit into the spans",
	"  c  bytes in spans        p  pages of a span",
	"  f  frees per second      r  allocations per second",
	"  k  cached objects        s  size",
	"  l  spans                 u  use",
	"  v  spans with objects    w  waste",
	"",
	"O shows the owners, the modules whose objects there are, C the named caches;",
	"either key again shows the classes.",
	"The arrows, page up and down, home and end scroll.",
	"The space bar takes a reading at once, q quits, h and ? show this.",
	"Any key goes back.",
};

#define HELP_LINES	((int)(sizeof(help_text) / sizeof(help_text[0])))

static int helping;	/* the help is on the screen */
static int first;	/* the first row on the screen */

static int room(void)
{
	return LINES > HEAD ? LINES - HEAD : 0;
}

static void show_help(void)
{
	int i;

	for (i = 0; i < HELP_LINES && i < LINES; i++)
		mvaddnstr(i, 0, help_text[i], COLS);
}

/* The head stays, the rows below it scroll. */
static void show_rows(void)
{
	int i;

	if (first > nr_rows - room())
		first = nr_rows - room();
	if (first < 0)
		first = 0;
	for (i = 0; i < nr_lines && i < LINES; i++) {
		if (i == HEAD - 1)
			attron(A_REVERSE);
		if (i < HEAD || i + first < nr_lines)
			mvaddnstr(i, 0, text[i < HEAD ? i : i + first], COLS);
		attroff(A_REVERSE);
	}
}

static void show_screen(void)
{
	erase();
	if (helping)
		show_help();
	else
		show_rows();
	refresh();
}

static volatile sig_atomic_t quit;

static void on_signal(int sig)
{
	(void)sig;
	quit = 1;
}

static int scroll_rows(int c)
{
	switch (c) {
	case KEY_UP:
		first--;
		return 1;
	case KEY_DOWN:
		first++;
		return 1;
	case KEY_PPAGE:
		first -= room();
		return 1;
	case KEY_NPAGE:
		first += room();
		return 1;
	case KEY_HOME:
		first = 0;
		return 1;
	case KEY_END:
		first = nr_rows;
		return 1;
	default:
		return 0;
	}
}

/* Do what a key asks for, and return whether it is a new reading. */
static int use_key(int c)
{
	if (c == 'q' || c == 'Q')
		quit = 1;
	else if (c == KEY_RESIZE)
		;
	else if (helping)
		helping = 0;
	else if (c == ' ')
		return 1;
	else if (c == 'h' || c == '?')
		helping = 1;
	else if (c == 'O' || c == 'C')
		view = view == c ? 0 : c;
	else if (c > 0 && c < 128 && strchr(keys, c))
		key = c;
	else if (!scroll_rows(c))
		return 0;
	compose();
	show_screen();
	return 0;
}

/* Wait for the next reading.  A key shows the last one in another way. */
static void wait_for_key(double delay)
{
	double until = clock_now() + delay;

	for (;;) {
		double left = until - clock_now();
		int c;

		if (quit || left <= 0)
			return;
		timeout(left * 1000 + 1);
		c = getch();
		/* A terminal that has gone would be asked again and again. */
		if (c == ERR && !isatty(STDIN_FILENO))
			quit = 1;
		if (c != ERR && use_key(c))
			return;
	}
}

static int run_screen(double delay)
{
	SCREEN *screen = NULL;
	int err = 0;

	/* Reading keys from a file would never wait. */
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		fputs("goalloctop: no terminal that ncurses knows; try -b or -o\n",
		      stderr);
		return 1;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	while (!quit && !(err = take_sample())) {
		compose();
		show_screen();
		wait_for_key(delay);
	}
	endwin();
	delscreen(screen);
	return err;
}

static int run_batch(double delay, long times)
{
	struct timespec t = { delay, (delay - (long)delay) * 1e9 };
	int err;

	for (;;) {
		err = take_sample();
		if (err)
			return err;
		compose();
		err = show_batch();
		if (err || quit || (times && !--times))
			return err;
		nanosleep(&t, NULL);
		if (quit)
			return 0;
		putchar('\n');
	}
}

static void usage(FILE *to)
{
	fputs("usage: goalloctop [-b] [-o] [-O | -C] [-d SECONDS] [-n TIMES] [-s KEY]\n\n"
	      "  -b  batch: print text, use no terminal\n"
	      "  -o  print one reading as text\n"
	      "  -O  show owners, the modules whose objects there are, instead of classes\n"
	      "  -C  show named caches\n"
	      "  -d  seconds between two readings, 0.1 to 86400 [3]\n"
	      "  -n  with -b: number of readings\n"
	      "  -s  sort by a live, b objects of a span, c bytes in spans (default), f frees/s,\n"
	      "      k cached, l spans, n class, o objects, p pages of a span, r mallocs/s,\n"
	      "      s size, u use, v spans with objects (the same as l), w waste\n\n"
	      "On the terminal these keys sort, O shows owners and C caches, the arrows scroll, the space bar reads at once,\n"
	      "h shows the keys, q quits.  --version says which this is.\n", to);
}

/* Parse a delay of a tenth of a second to a day. */
static int parse_delay(const char *arg, double *delay)
{
	char *end;

	*delay = strtod(arg, &end);
	/* This form of the comparison refuses NaN, too. */
	return end == arg || *end || !(*delay >= 0.1 && *delay <= 86400);
}

static int parse_times(const char *arg, long *times)
{
	char *end;

	*times = strtol(arg, &end, 10);
	return end == arg || *end || *times <= 0 || *times == LONG_MAX;
}

static int parse_key(const char *arg)
{
	key = *arg;
	return !key || arg[1] || !strchr(keys, key);
}

static const struct option long_options[] = {
	{ "batch", no_argument, NULL, 'b' },
	{ "once", no_argument, NULL, 'o' },
	{ "owners", no_argument, NULL, 'O' },
	{ "caches", no_argument, NULL, 'C' },
	{ "delay", required_argument, NULL, 'd' },
	{ "sort", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 }
};

static int parse_args(int argc, char **argv, int *batch, double *delay,
		      long *times)
{
	int c, bad = 0;

	while (!bad && (c = getopt_long(argc, argv, "bod:n:s:hVOC", long_options,
					NULL)) != -1) {
		switch (c) {
		case 'o':
			*times = 1;
			/* fallthrough */
		case 'b':
			*batch = 1;
			break;
		case 'O':
		case 'C':
			view = c;
			break;
		case 'd':
			bad = parse_delay(optarg, delay);
			break;
		case 'n':
			bad = parse_times(optarg, times);
			break;
		case 's':
			bad = parse_key(optarg);
			break;
		case 'h':
			usage(stdout);
			exit(0);
		case 'V':
			puts("goalloctop " VERSION);
			exit(0);
		default:
			return 1;
		}
	}
	if (bad)
		fprintf(stderr, "goalloctop: -%c %s: makes no sense\n", c,
			optarg);
	return bad || optind != argc || (*times && !*batch);
}

int main(int argc, char **argv)
{
	double delay = 3;
	int batch = 0, err;
	long times = 0;
	const char *hint;

	if (parse_args(argc, argv, &batch, &delay, &times)) {
		usage(stderr);
		return 2;
	}
	fd = goalloc_open(O_RDONLY);
	if (fd < 0) {
		hint = goalloc_open_hint(fd);
		fprintf(stderr, "goalloctop: %s: %s%s%s\n", GOALLOC_DEVICE,
			strerror(-fd), hint ? ": " : "", hint ? hint : "");
		return 3;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGQUIT, on_signal);
	signal(SIGHUP, on_signal);
	err = batch ? run_batch(delay, times) : run_screen(delay);
	if (err < 0)
		fprintf(stderr, "goalloctop: %s\n", strerror(-err));
	goalloc_close(fd);
	return !!err;
}
