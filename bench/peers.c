// SPDX-License-Identifier: GPL-2.0
/*
 * peers: what malloc() and free() cost in user space, on the loops by which
 * gobench measures the kernel's allocators.
 *
 *	LD_PRELOAD=libtcmalloc_minimal.so.4 peers tcmalloc instructions 5
 *	peers glibc ns 31
 *	peers glibc version
 *
 * One program serves all allocators: which one it measures is a matter of
 * LD_PRELOAD.  If that cannot load a library, the program runs with glibc's.  So
 * it first makes sure that the one it was told of is the one in use.
 *
 * Instructions are what the TSC counts under QEMU's -icount.  It counts the
 * kernel's as well, so page faults and system calls are part of a figure, and
 * so is a timer tick; but the least of all rounds counts, and in the later ones
 * most pages are there already.  Rows and rules are those of measure.c.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "loop.h"
#include "none.h"

#define MAX_ROUNDS	64
#define PAGE_BYTES	4096

/* --- malloc() and free() -------------------------------------------------- */

static __always_inline void *peer_alloc(struct bench *b, size_t size, gfp_t gfp)
{
	return malloc(size);
}

static __always_inline void peer_free(struct bench *b, void *p)
{
	free(p);
}

static __always_inline void *peer_zalloc(struct bench *b, size_t size,
					 gfp_t gfp)
{
	return calloc(1, size);
}

static __always_inline void *peer_alloc_tiny(struct bench *b, size_t size,
					     gfp_t gfp)
{
	return malloc(size);
}

static __always_inline void *peer_resize(void *p, size_t size, gfp_t gfp)
{
	return realloc(p, size);
}

#define ALLOCATOR peer_
#include "loops.h"

/* --- which allocator it is ------------------------------------------------ */

typedef const char *(*tc_version_fn)(int *major, int *minor,
				     const char **patch);
typedef int (*mallctl_fn)(const char *name, void *old, size_t *len, void *new,
			  size_t new_len);
typedef int (*mi_version_fn)(void);

static const char *glibc_version(void *fn)
{
	return gnu_get_libc_version();
}

static const char *tcmalloc_version(void *fn)
{
	int major, minor;
	const char *patch;

	return ((tc_version_fn)fn)(&major, &minor, &patch);
}

static const char *jemalloc_version(void *fn)
{
	const char *version;
	size_t len = sizeof(version);

	if (((mallctl_fn)fn)("version", &version, &len, NULL, 0))
		return "of no version";
	return version;
}

static const char *mimalloc_version(void *fn)
{
	static char version[16];
	int v = ((mi_version_fn)fn)();

	snprintf(version, sizeof(version), "%d.%d.%d", v / 100, v / 10 % 10,
		 v % 10);
	return version;
}

/**
 * struct peer - an allocator of user space
 * @name: its name
 * @symbol: a function that only its library has
 * @version: asks that function for the version
 */
struct peer {
	const char *name;
	const char *symbol;
	const char *(*version)(void *fn);
};

static const struct peer known[] = {
	{ "glibc",	"gnu_get_libc_version",	glibc_version },
	{ "tcmalloc",	"tc_version",		tcmalloc_version },
	{ "jemalloc",	"mallctl",		jemalloc_version },
	{ "mimalloc",	"mi_version",		mimalloc_version },
};

static const struct peer *peer;

/* Which file a function is from that a call from here would reach. */
static void library_of(const char *function, char path[PATH_MAX])
{
	unsigned long from, to, fn = (unsigned long)dlsym(RTLD_DEFAULT, function);
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[PATH_MAX + 128];
	bool found = false;

	while (maps && !found && fgets(line, sizeof(line), maps))
		found = sscanf(line, "%lx-%lx %*s %*s %*s %*s %4095s", &from,
			       &to, path) == 3 && fn >= from && fn < to;
	if (!found)
		snprintf(path, PATH_MAX, "nobody");
	if (maps)
		fclose(maps);
}

static bool in_use(void)
{
	static const char *const calls[] = {
		"malloc", "free", "calloc", "realloc"
	};
	static char its[PATH_MAX], lib[PATH_MAX];
	unsigned int i;

	library_of(peer->symbol, its);
	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		library_of(calls[i], lib);
		if (!strcmp(its, lib))
			continue;
		fprintf(stderr, "peers: %s() is that of %s, not %s's\n",
			calls[i], lib, peer->name);
		return false;
	}
	return true;
}

/* --- one thread ----------------------------------------------------------- */

/**
 * struct work - a row of results
 * @name: the workload
 * @none: the loop without an allocator
 * @loop: the loop
 * @size: bytes of an object
 * @batch: objects in a batch, or 0 for pairs
 * @pairs: how many pairs
 */
struct work {
	const char *name;
	bench_loop none;
	bench_loop loop;
	size_t size;
	unsigned int batch;
	unsigned int pairs;
};

#define PAIRS(what, loop, size)						\
	{ what, none_##loop, peer_##loop, size, 0, 1000 }
#define LARGE(size)							\
	{ "large", none_warm, peer_warm, size, 0, 50 }
#define BATCH(what, loop, n, size)					\
	{ what, none_##loop, peer_##loop, size, n, 0 }

/* The order is gobench's: what one leaves behind is there for the next. */
static const struct work works[] = {
	PAIRS("warm", warm, 8), PAIRS("warm", warm, 64),
	PAIRS("warm", warm, 512), PAIRS("warm", warm, 520),
	PAIRS("warm", warm, 1024), PAIRS("warm", warm, 4096),
	PAIRS("warm", warm, 8192),
	PAIRS("const", const_8, 8), PAIRS("const", const_64, 64),
	PAIRS("const", const_512, 512), PAIRS("const", const_1024, 1024),
	PAIRS("const", const_8192, 8192),
	BATCH("fifo", fifo, 16, 64), BATCH("lifo", lifo, 16, 64),
	BATCH("random", random, 16, 64),
	BATCH("fifo", fifo, 256, 64), BATCH("lifo", lifo, 256, 64),
	BATCH("random", random, 256, 64),
	BATCH("fifo", fifo, 4096, 64), BATCH("lifo", lifo, 4096, 64),
	BATCH("random", random, 4096, 64), BATCH("random", random, 4096, 1024),
	BATCH("fifo", fifo, 4096, 1024), BATCH("fifo", fifo, 4096, 4096),
	BATCH("fifo", fifo, 4096, 8192), BATCH("fifo", fifo, 4096, 32768),
	PAIRS("zeroed", zeroed, 64), PAIRS("zeroed", zeroed, 512),
	PAIRS("zeroed", zeroed, 4096),
	PAIRS("tiny", tiny, 8), PAIRS("tiny", tiny, 15),
	BATCH("tiny_fifo", tiny_batch, 256, 8),
	LARGE(32768), LARGE(65536), LARGE(131072),
};

static bool in_ns;
static unsigned int rounds;
static void *objects[BENCH_BATCH];
static u32 order[BENCH_BATCH];

static u64 clock_now(void)
{
	struct timespec ts;

	if (!in_ns)
		return __builtin_ia32_rdtsc();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static u64 run_loop(bench_loop fn, struct bench *b)
{
	u64 t = clock_now();

	fn(b);
	return clock_now() - t;
}

static int cmp_u64(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void row(const char *workload, const char *param, const char *measure,
		u64 t, u64 none, u64 ops)
{
	printf("BENCH %s,%s,%s,%s,%llu,%llu\n", workload, param, peer->name,
	       measure, t > none ? t - none : 0, ops);
}

static void report_rounds(const char *workload, const char *param, u64 *none,
			  u64 *t, u64 ops)
{
	unsigned int n = rounds;

	qsort(none, n, sizeof(*none), cmp_u64);
	qsort(t, n, sizeof(*t), cmp_u64);
	if (!in_ns) {
		row(workload, param, "instructions", t[0], none[0], ops);
		return;
	}
	row(workload, param, "ns", t[n / 2], none[n / 2], ops);
	row(workload, param, "ns_q1", t[n / 4], none[n / 2], ops);
	row(workload, param, "ns_q3", t[3 * n / 4], none[n / 2], ops);
}

/* A failed allocation is cheap, so a batch with one has no figure. */
static void check_batch(const struct bench *b)
{
	unsigned int i;

	for (i = 0; b->p && i < b->n; i++) {
		if (!b->p[i]) {
			fprintf(stderr, "peers: not enough memory\n");
			exit(1);
		}
	}
}

static void measure(const char *workload, const char *param, bench_loop none,
		    bench_loop loop, struct bench *b, u64 ops)
{
	bool hold = in_ns && !b->p && b->size <= PAGE_BYTES;
	u64 t[2][MAX_ROUNDS];
	void *held[MAX_ROUNDS];
	unsigned int i;

	/* Each round of pairs gets another object, as in measure.c. */
	for (i = 0; i < rounds; i++) {
		held[i] = hold ? malloc(b->size) : NULL;
		t[0][i] = run_loop(none, b);
		t[1][i] = run_loop(loop, b);
		check_batch(b);
	}
	for (i = 0; i < rounds; i++)
		free(held[i]);
	report_rounds(workload, param, t[0], t[1], ops);
}

static unsigned int scale_for_clock(unsigned int n)
{
	return in_ns ? BENCH_CLOCK * n : n;
}

static void run_work(const struct work *w)
{
	struct bench b = { .size = w->size };
	char param[24];

	if (!w->batch) {
		b.n = scale_for_clock(w->pairs);
		snprintf(param, sizeof(param), "%zu", w->size);
		measure(w->name, param, w->none, w->loop, &b, b.n);
		return;
	}
	bench_shuffle(order, w->batch);
	b.order = order;
	b.p = objects;
	b.n = w->batch;
	b.reps = BENCH_REPS(b.n);
	if (b.n < BENCH_BATCH)
		b.reps = scale_for_clock(b.reps);
	snprintf(param, sizeof(param), "%ux%zu", b.n, w->size);
	measure(w->name, param, w->none, w->loop, &b, (u64)b.n * b.reps);
}

static void run_realloc(void)
{
	struct bench b = { .reps = scale_for_clock(50) };

	measure("realloc", "16-32768", none_realloc, peer_realloc, &b,
		b.reps * 11);
}

/* --- two threads, which take turns ---------------------------------------- */

static sem_t filled, drained;
static struct bench handed = { .n = BENCH_HANDED, .p = objects };
static bench_loop drain;
static u64 drain_time;

static void *consume(void *arg)
{
	for (;;) {
		sem_wait(&filled);
		if (!drain)
			return NULL;
		drain_time = run_loop(drain, &handed);
		sem_post(&drained);
	}
}

/* The time of BENCH_HANDOVERS rounds, after as many that are not timed. */
static u64 run_handovers(bench_loop fill, bench_loop empty)
{
	unsigned int i;
	u64 t = 0;

	drain = empty;
	for (i = 0; i < 2 * BENCH_HANDOVERS; i++) {
		if (i == BENCH_HANDOVERS)
			t = 0;
		t += run_loop(fill, &handed);
		check_batch(&handed);
		sem_post(&filled);
		sem_wait(&drained);
		t += drain_time;
	}
	return t;
}

/* One thread allocates and another frees; each object is one operation. */
static void run_prodcons(size_t size)
{
	u64 t[2][MAX_ROUNDS];
	unsigned int i;
	char param[24];

	handed.size = size;
	for (i = 0; i < rounds; i++) {
		t[0][i] = run_handovers(none_fill, none_drain);
		t[1][i] = run_handovers(peer_fill, peer_drain);
	}
	snprintf(param, sizeof(param), "%zu", size);
	report_rounds("prodcons", param, t[0], t[1],
		      (u64)BENCH_HANDED * BENCH_HANDOVERS);
}

/* They come last: glibc takes its locks only once there was a second thread. */
static int run_threads(void)
{
	pthread_t consumer;

	sem_init(&filled, 0, 0);
	sem_init(&drained, 0, 0);
	if (pthread_create(&consumer, NULL, consume, NULL)) {
		fprintf(stderr, "peers: no second thread\n");
		return 1;
	}
	run_prodcons(64);
	run_prodcons(1024);
	drain = NULL;
	sem_post(&filled);
	pthread_join(consumer, NULL);
	return 0;
}

/* --- the program ---------------------------------------------------------- */

static int help(void)
{
	fprintf(stderr, "usage: peers glibc|tcmalloc|jemalloc|mimalloc\n"
		"             version | instructions ROUNDS | ns ROUNDS\n");
	return 2;
}

static const struct peer *find_peer(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(known[i].name, name))
			return &known[i];
	return NULL;
}

int main(int argc, char **argv)
{
	static char buffer[BUFSIZ];
	unsigned int i;

	/* stdout would allocate one between two rows. */
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	peer = argc > 2 ? find_peer(argv[1]) : NULL;
	if (!peer)
		return help();
	if (!in_use())
		return 1;
	printf("HEAD %s=%s\n", peer->name,
	       peer->version(dlsym(RTLD_DEFAULT, peer->symbol)));
	if (!strcmp(argv[2], "version"))
		return 0;
	in_ns = !strcmp(argv[2], "ns");
	rounds = argc == 4 ? atoi(argv[3]) : 0;
	if ((!in_ns && strcmp(argv[2], "instructions")) || !rounds ||
	    rounds > MAX_ROUNDS)
		return help();
	for (i = 0; i < sizeof(works) / sizeof(*works); i++)
		run_work(&works[i]);
	run_realloc();
	/* In User Mode Linux there is one CPU, and nothing to compare with. */
	return in_ns ? 0 : run_threads();
}
