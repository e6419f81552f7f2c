// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs while all CPUs allocate and free: every file can be read and has the
 * documented format, and MemStats' identities hold in memstats and in metrics.
 *
 * One child runs workloads by GOALLOC_IOC_RUN on all CPUs; others open, fill
 * and close descriptors.  GOALLOC_READS in the environment is how often
 * memstats and metrics are read (default 2000).
 *
 * Run as root with goalloc loaded.  Output is TAP.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "dev_common.h"

#define DIR	"/sys/kernel/debug/goalloc/"
#define MAX_TEXT	(4 << 20)
#define NR_FILLERS	2

FIXTURE(debugfs)
{
	char *text;
	pid_t pid[1 + NR_FILLERS];
};

/* Workloads of all orders and sizes, with remote frees, until killed. */
static void run_workloads(void)
{
	struct goalloc_ioc_run run = {
		.duration_ns = 1000000000, .live = 500, .realloc_percent = 10,
		.remote_percent = 20, .flags = GOALLOC_RUN_UNTIMED,
		.nr_sizes = 4,
		.sizes = {
			{ 1, 1024, 20, 0 }, { 1, 15, 5, GOALLOC_ALLOC_NOSCAN },
			{ 1025, 32768, 5, 0 }, { 32769, 200000, 1, 0 },
		},
	};
	int fd = open(DEVICE, O_RDWR);

	for (;;) {
		struct goalloc_ioc_run arg = run;

		ioctl(fd, GOALLOC_IOC_RUN, &arg);
		run.seed++;
		run.order = run.seed % 3;
	}
}

static void fill_and_close(void)
{
	static __u64 handles[1000];
	struct goalloc_ioc_free_os_memory arg;
	__u64 done;
	int fd;

	for (;;) {
		fd = open(DEVICE, O_RDWR);
		do_alloc_bulk(fd, 700, 1000, handles, &done);
		do_alloc_bulk(fd, 70000, 10, handles, &done);
		ioctl(fd, GOALLOC_IOC_FREE_OS_MEMORY, &arg);
		close(fd);
	}
}

FIXTURE_SETUP(debugfs)
{
	int i;

	self->text = malloc(MAX_TEXT);
	ASSERT_NE(self->text, NULL);
	for (i = 0; i <= NR_FILLERS; i++) {
		self->pid[i] = fork();
		ASSERT_GE(self->pid[i], 0);
		if (!self->pid[i]) {
			if (i)
				fill_and_close();
			run_workloads();
		}
	}
}

FIXTURE_TEARDOWN(debugfs)
{
	int i;

	for (i = 0; i <= NR_FILLERS; i++) {
		kill(self->pid[i], SIGKILL);
		waitpid(self->pid[i], NULL, 0);
	}
	free(self->text);
}

/* Read a whole file; returns its length, or -errno. */
static long slurp(const char *name, char *text)
{
	char path[128];
	long n = 0, got;
	int fd;

	snprintf(path, sizeof(path), DIR "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((got = read(fd, text + n, MAX_TEXT - 1 - n)) > 0)
		n += got;
	if (got < 0)
		n = -errno;
	close(fd);
	if (n >= 0)
		text[n] = 0;
	return n;
}

/* Return the number in a "Name: value" line, or ~0 if there is none. */
static __u64 value(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (!strncmp(text, name, len) && text[len] == ':')
			return strtoull(text + len + 1, NULL, 10);
	}
	return ~0ULL;
}

#define V(name)	value(self->text, name)

static unsigned int reads(void)
{
	const char *n = getenv("GOALLOC_READS");

	return n ? atoi(n) : 2000;
}

/* Sum up BySize[i]'s lines in one pass. */
static void sum_by_size(const char *text, __u64 *mallocs, __u64 *frees)
{
	unsigned long long size = 0, n;
	const char *p = text;
	unsigned int i;

	*mallocs = 0;
	*frees = 0;
	while ((p = strstr(p, "\nBySize["))) {
		p++;
		if (sscanf(p, "BySize[%u].Size: %llu", &i, &size) == 2)
			continue;
		if (sscanf(p, "BySize[%u].Mallocs: %llu", &i, &n) == 2)
			*mallocs += n;
		else if (sscanf(p, "BySize[%u].Frees: %llu", &i, &n) == 2)
			*frees += n;
	}
}

struct monotone {
	__u64 mallocs, frees, total, released;
};

static void check_memstats(struct __test_metadata *_metadata,
			   FIXTURE_DATA(debugfs) * self, struct monotone *last)
{
	__u64 mallocs, frees;

	ASSERT_EQ(strncmp(self->text, "# goalloc-memstats v1\n", 22), 0);
	ASSERT_EQ(V("HeapSys"), V("HeapIdle") + V("HeapInuse"));
	ASSERT_LE(V("HeapAlloc"), V("HeapInuse"));
	ASSERT_LE(V("MSpanInuse"), V("MSpanSys"));
	ASSERT_LE(V("MCacheInuse"), V("MCacheSys"));
	ASSERT_EQ(V("Alloc"), V("HeapAlloc"));
	ASSERT_EQ(V("HeapObjects"), V("Mallocs") - V("Frees"));
	ASSERT_EQ(V("Sys"), V("HeapSys") + V("StackSys") + V("MSpanSys") +
		  V("MCacheSys") + V("BuckHashSys") + V("GCSys") +
		  V("OtherSys") + V("VmallocSys"));
	ASSERT_LE(V("TotalRequested"), V("TotalAlloc"));
	sum_by_size(self->text, &mallocs, &frees);
	ASSERT_EQ(V("Mallocs"), mallocs + V("CacheMallocs"));
	ASSERT_EQ(V("Frees"), frees + V("CacheFrees"));
	ASSERT_GE(V("Mallocs"), last->mallocs);
	ASSERT_GE(V("Frees"), last->frees);
	ASSERT_GE(V("TotalAlloc"), last->total);
	ASSERT_GE(V("HeapReleased"), last->released);
	last->mallocs = V("Mallocs");
	last->frees = V("Frees");
	last->total = V("TotalAlloc");
	last->released = V("HeapReleased");
}

TEST_F_TIMEOUT(debugfs, memstats_identities, 1500)
{
	struct monotone last = { 0 };
	unsigned int i, n = reads();
	__u64 first;

	ASSERT_GT(slurp("memstats", self->text), 0);
	first = V("Mallocs");
	for (i = 0; i < n; i++) {
		ASSERT_GT(slurp("memstats", self->text), 0);
		check_memstats(_metadata, self, &last);
	}
	/* The children were at work meanwhile. */
	EXPECT_GT(last.mallocs, first + n);
	TH_LOG("%u reads, %llu mallocs meanwhile", n,
	       (unsigned long long)(last.mallocs - first));
}

/* The sum of all /memory/classes/ but the total, which must equal it. */
static __u64 sum_memory_classes(const char *text)
{
	const char *p = text;
	__u64 sum = 0;

	while ((p = strstr(p, "\n/memory/classes/"))) {
		p++;
		if (strncmp(p, "/memory/classes/total:", 22))
			sum += strtoull(strstr(p, "bytes: ") + 7, NULL, 10);
	}
	return sum;
}

static __u64 sum_histogram(const char *text, const char *name)
{
	const char *p = text;
	__u64 sum = 0;

	while ((p = strstr(p, name))) {
		p = strstr(p, "]: ") + 3;
		sum += strtoull(p, NULL, 10);
	}
	return sum;
}

TEST_F_TIMEOUT(debugfs, metrics_identities, 1500)
{
	unsigned int i, n = reads();

	for (i = 0; i < n; i++) {
		ASSERT_GT(slurp("metrics", self->text), 0);
		ASSERT_EQ(strncmp(self->text, "# goalloc-metrics v1\n", 21), 0);
		ASSERT_EQ(V("/memory/classes/total:bytes"),
			  sum_memory_classes(self->text));
		ASSERT_EQ(V("/gc/heap/objects:objects"),
			  V("/gc/heap/allocs:objects") -
			  V("/gc/heap/frees:objects"));
		ASSERT_EQ(V("/memory/classes/heap/objects:bytes"),
			  V("/gc/heap/allocs:bytes") -
			  V("/gc/heap/frees:bytes"));
		ASSERT_EQ(V("/gc/heap/allocs:objects"),
			  sum_histogram(self->text, "\n/gc/heap/allocs-by-"));
		ASSERT_EQ(V("/gc/heap/frees:objects"),
			  sum_histogram(self->text, "\n/gc/heap/frees-by-"));
		/* A negative difference would be a very large number. */
		ASSERT_LT(V("/memory/classes/heap/unused:bytes"), 1ULL << 40);
		ASSERT_LT(V("/memory/classes/metadata/mspan/free:bytes"),
			  1ULL << 40);
		ASSERT_LT(V("/memory/classes/metadata/mcache/free:bytes"),
			  1ULL << 40);
	}
}

/* Without a limit MemStats shows 0, and metrics Go's largest number. */
TEST_F(debugfs, memory_limit)
{
	ASSERT_EQ(set_param("memory_limit", "1TiB"), 0);
	EXPECT_GT(slurp("memstats", self->text), 0);
	EXPECT_EQ(V("MemoryLimit"), 1ULL << 40);
	EXPECT_GT(slurp("metrics", self->text), 0);
	EXPECT_EQ(V("/gc/gomemlimit:bytes"), 1ULL << 40);
	ASSERT_EQ(set_param("memory_limit", "off"), 0);
	EXPECT_GT(slurp("memstats", self->text), 0);
	EXPECT_EQ(V("MemoryLimit"), 0);
	EXPECT_GT(slurp("metrics", self->text), 0);
	EXPECT_EQ(V("/gc/gomemlimit:bytes"), INT64_MAX);
}

/* The text behind the version line and other comments. */
static char *body(char *text)
{
	while (*text == '#')
		text = strchr(text, '\n') + 1;
	return text;
}

TEST_F_TIMEOUT(debugfs, heapmap, 300)
{
	unsigned int round, arena, used, lines = 0;
	char page[520], *p;
	int node;

	for (round = 0; round < 200; round++) {
		ASSERT_GT(slurp("heapmap", self->text), 0);
		ASSERT_EQ(strncmp(self->text, "# goalloc-heapmap v1\n", 21), 0);
		for (p = body(self->text); *p; p = strchr(p, '\n') + 1) {
			ASSERT_EQ(sscanf(p, "%u %d %519s", &arena, &node, page),
				  3);
			ASSERT_EQ(strlen(page), 512);
			used = strspn(page, "-.Lc0123456789?");
			ASSERT_EQ(used, 512);
			lines++;
		}
	}
	EXPECT_GT(lines, 0);
}

TEST_F_TIMEOUT(debugfs, spans, 300)
{
	unsigned int round, arena, page, pages, class, size, noscan, n, used;
	unsigned int cached, lines = 0;
	char state[16], *p;

	for (round = 0; round < 100; round++) {
		ASSERT_GT(slurp("spans", self->text), 0);
		ASSERT_EQ(strncmp(self->text, "# goalloc-spans v1\n", 19), 0);
		p = strchr(body(self->text), '\n') + 1;
		for (; *p; p = strchr(p, '\n') + 1) {
			ASSERT_EQ(sscanf(p, "%u %u %u %15s %u %u %u %u %u %u",
					 &arena, &page, &pages, state, &class,
					 &size, &noscan, &n, &used, &cached),
				  10);
			ASSERT_LE(page + pages, 512);
			ASSERT_LT(class, GOALLOC_NR_CLASSES);
			ASSERT_LE(used, n);
			lines++;
		}
	}
	EXPECT_GT(lines, 100);
}

/* Every file begins with its name, and is not empty. */
TEST_F_TIMEOUT(debugfs, every_file, 300)
{
	static const char * const names[] = {
		"memstats", "metrics", "sizeclasses", "pageheap", "heapmap",
		"spans", "clients", "mcaches",
	};
	unsigned int round, i;
	char want[64];

	for (round = 0; round < 50; round++) {
		for (i = 0; i < ARRAY_SIZE(names); i++) {
			snprintf(want, sizeof(want), "# goalloc-%s v1\n",
				 names[i]);
			ASSERT_GT(slurp(names[i], self->text), 0);
			ASSERT_EQ(strncmp(self->text, want, strlen(want)), 0);
			ASSERT_NE(*body(self->text), 0);
			/* No kernel address. */
			ASSERT_EQ(strstr(self->text, "ffff"), NULL);
		}
		ASSERT_GT(slurp("verify", self->text), 0);
		ASSERT_EQ(strstr(self->text, "broken"), NULL)
			TH_LOG("%s", self->text);
	}
}

/* The index is 0 for one page, and never smaller for more pages. */
TEST_F(debugfs, unusable_free_index)
{
	unsigned int round, want, whole, thousandths, index, last;
	char *p;
	int n;

	for (round = 0; round < 50; round++) {
		ASSERT_GT(slurp("pageheap", self->text), 0);
		p = strstr(self->text, "wanted-pages");
		ASSERT_NE(p, NULL);
		p = strchr(p, '\n') + 1;
		for (last = 0, n = 0; *p; p = strchr(p, '\n') + 1, n++) {
			ASSERT_EQ(sscanf(p, "%u %u.%u", &want, &whole,
					 &thousandths), 3);
			index = 1000 * whole + thousandths;
			ASSERT_EQ(want, 1U << n);
			ASSERT_LE(index, 1000);
			ASSERT_GE(index, last);
			if (!n)
				ASSERT_EQ(index, 0);
			last = index;
		}
		ASSERT_EQ(n, 10);
	}
}

TEST_HARNESS_MAIN
