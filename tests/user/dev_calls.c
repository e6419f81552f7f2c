// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of /dev/goalloc that dev_test.c does not test: INFO, REALLOC,
 * STAT, FILL, VERIFY, BULK, BYSIZE, FREE_OS_MEMORY; and accounts, limits and
 * cgroups.
 *
 * Run as root with goalloc loaded and nothing else using it: some tests count
 * live objects, and some set limits.  Output is TAP.
 */
#define _GNU_SOURCE
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "dev_common.h"
#include "dev_threads.h"

#define NR_BULK		10000

FIXTURE(calls)
{
	int fd;
	__u64 before;
	__u64 cost;		/* of a handle */
	__u64 *handles;
};

FIXTURE_SETUP(calls)
{
	self->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	self->before = live_objects();
	self->cost = handle_bytes();
	self->handles = calloc(GOALLOC_BULK_MAX + 1, sizeof(__u64));
	ASSERT_NE(self->handles, NULL);
}

FIXTURE_TEARDOWN(calls)
{
	set_param("dev_max_objects", "1048576");
	set_param("dev_max_bytes", "0");
	set_param("dev_max_total", "0");
	free(self->handles);
	close(self->fd);
}

/* --- INFO, BYSIZE, FREE_OS_MEMORY; no answer holds a kernel address ------ */

static int looks_like_an_address(const void *buf, size_t size)
{
	const __u64 *word = buf;
	size_t i;

	for (i = 0; i < size / 8; i++)
		if (word[i] >> 47 && word[i] != ~0ULL)
			return 1;
	return 0;
}

TEST_F(calls, info)
{
	struct goalloc_ioc_info info, again;
	struct goalloc_memstats m;
	unsigned int i;

	memset(&info, 0xff, sizeof(info));
	ASSERT_EQ(call(self->fd, GOALLOC_IOC_INFO, &info), 0);
	EXPECT_EQ(info.version, GOALLOC_ABI_VERSION);
	EXPECT_EQ(info.nr_classes, GOALLOC_NR_CLASSES);
	EXPECT_EQ(info.max_size, MAX_SIZE);
	EXPECT_EQ(info.max_bulk, GOALLOC_BULK_MAX);
	EXPECT_EQ(info.objects, 0);
	EXPECT_EQ(info.bytes, 0);
	EXPECT_GE(info.nr_cpus, 1);
	EXPECT_GE(info.nr_nodes, 1);
	EXPECT_EQ(info.features >> 4, 0);
	EXPECT_TRUE(info.features & GOALLOC_FEATURE_MMAP);
	EXPECT_FALSE(looks_like_an_address(&info, sizeof(info)));
	ASSERT_EQ(call(self->fd, GOALLOC_IOC_MEMSTATS, &m), 0);
	for (i = 0; i < GOALLOC_NR_CLASSES; i++) {
		EXPECT_EQ(info.classes[i].size, m.by_size[i].size);
		EXPECT_LE(info.classes[i].size * info.classes[i].objects,
			  info.classes[i].pages * info.page_size);
		EXPECT_EQ(info.classes[i].pad, 0);
	}
	/* A program whose structure has one word only. */
	memset(&again, 0xff, sizeof(again));
	ASSERT_EQ(call(self->fd, _IOC(_IOC_READ, 'g', 0x86, 8), &again), 0);
	EXPECT_EQ(again.version, info.version);
	EXPECT_EQ(again.max_size, ~0ULL);
	EXPECT_EQ(call(self->fd, _IOC(_IOC_READ, 'g', 0x86, 12), &again),
		  -EINVAL);
}

static int read_classes(int fd, void *buf, unsigned int entry_size,
			unsigned int *nr)
{
	struct goalloc_ioc_bysize arg = {
		.buf = (uintptr_t)buf, .entry_size = entry_size, .nr = *nr,
	};
	int err = call(fd, GOALLOC_IOC_BYSIZE, &arg);

	*nr = arg.nr;
	return err;
}

TEST_F(calls, bysize)
{
	enum { ROOM = 2 * GOALLOC_NR_CLASSES };
	static struct goalloc_class_stats st[ROOM];
	static __u64 longer[ROOM][13], shorter[ROOM][2];
	struct goalloc_memstats m, after;
	int tries = 100;
	__u64 live = 0, mallocs = 0, inuse = 0, handle, done;
	unsigned int nr = ROOM, i;

	ASSERT_EQ(do_alloc_bulk(self->fd, 500, 1000, self->handles, &done), 0);
	ASSERT_EQ(do_alloc(self->fd, 100000, 0, &handle, NULL), 0);
	/* Retry: the worker may give back memory between two readings. */
	do {
		nr = ROOM;
		memset(st, 0, sizeof(st));
		ASSERT_EQ(call(self->fd, GOALLOC_IOC_MEMSTATS, &m), 0);
		ASSERT_EQ(read_classes(self->fd, st, sizeof(*st), &nr), 0);
		ASSERT_EQ(call(self->fd, GOALLOC_IOC_MEMSTATS, &after), 0);
	} while (tries-- && (m.heap_inuse != after.heap_inuse ||
			     m.mallocs != after.mallocs ||
			     m.frees != after.frees));
	EXPECT_EQ(nr, ROOM - 1);
	EXPECT_FALSE(looks_like_an_address(st, sizeof(st)));
	for (i = 0; i < nr; i++) {
		live += st[i].live;
		mallocs += st[i].mallocs;
		inuse += st[i].inuse;
		EXPECT_EQ(st[i].live, st[i].mallocs - st[i].frees);
		EXPECT_EQ(st[i].size, m.by_size[st[i].size_class].size);
		if (st[i].size_class)
			EXPECT_EQ(st[i].inuse, st[i].tail + st[i].spans *
				  st[i].objects * st[i].size);
		/* The others are cached, free, or in an mcache's span. */
		EXPECT_LE(st[i].live, st[i].spans * st[i].objects);
	}
	EXPECT_EQ(live, m.heap_objects);
	EXPECT_EQ(mallocs, m.mallocs);
	EXPECT_EQ(inuse, m.heap_inuse);

	/* Entries of other sizes: those of newer and older programs. */
	nr = 3;
	memset(longer, 0xff, sizeof(longer));
	ASSERT_EQ(read_classes(self->fd, longer, sizeof(longer[0]), &nr), 0);
	EXPECT_EQ(nr, ROOM - 1);
	EXPECT_EQ(longer[2][12], 0);
	EXPECT_EQ(longer[2][1], st[2].size);
	EXPECT_EQ(longer[3][0], ~0ULL);
	ASSERT_EQ(read_classes(self->fd, shorter, sizeof(shorter[0]), &nr), 0);
	EXPECT_EQ(shorter[nr - 1][1], 32768);
	nr = 0;
	ASSERT_EQ(read_classes(self->fd, NULL, sizeof(*st), &nr), 0);
	EXPECT_EQ(nr, ROOM - 1);
	EXPECT_EQ(read_classes(self->fd, NULL, sizeof(*st), &nr), -EFAULT);
	EXPECT_EQ(read_classes(self->fd, st, 0, &nr), -EINVAL);
	EXPECT_EQ(read_classes(self->fd, st, 12, &nr), -EINVAL);
	EXPECT_EQ(read_classes(self->fd, st, 1 << 20, &nr), -EINVAL);
}

TEST_F(calls, free_os_memory)
{
	struct goalloc_ioc_free_os_memory arg = { 0 };
	struct goalloc_memstats a, b;
	__u64 done;
	int i;

	/* Larger objects are charged to a cgroup, and go back by themselves. */
	ASSERT_EQ(do_alloc_bulk(self->fd, 32768, 256, self->handles, &done),
		  0);
	ASSERT_EQ(do_free_bulk(self->fd, 256, self->handles, &done), 0);
	ASSERT_EQ(call(self->fd, GOALLOC_IOC_MEMSTATS, &a), 0);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(call(self->fd, GOALLOC_IOC_FREE_OS_MEMORY, &arg), 0);
	ASSERT_EQ(call(self->fd, GOALLOC_IOC_MEMSTATS, &b), 0);
	EXPECT_GT(b.heap_released, a.heap_released);
	EXPECT_LT(b.heap_sys, a.heap_sys);
	EXPECT_EQ(call(self->fd, GOALLOC_IOC_FREE_OS_MEMORY, NULL), -EFAULT);
}

/* --- STAT, REALLOC, nodes ------------------------------------------------ */

TEST_F(calls, stat)
{
	struct goalloc_ioc_stat st;
	__u64 handle;

	ASSERT_EQ(do_alloc(self->fd, 500, GOALLOC_ALLOC_NOSCAN, &handle, NULL),
		  0);
	ASSERT_EQ(do_stat(self->fd, handle, &st), 0);
	EXPECT_EQ(st.handle, handle);
	EXPECT_EQ(st.size, 500);
	EXPECT_EQ(st.usable, 512);
	EXPECT_EQ(st.flags, GOALLOC_ALLOC_NOSCAN);
	EXPECT_LT(st.node, 1024);
	EXPECT_EQ(st.maps, 0);
	EXPECT_EQ(st.map_length, 0);
	EXPECT_EQ(st.map_offset, 0);
	EXPECT_FALSE(looks_like_an_address(&st, sizeof(st)));
	ASSERT_EQ(do_alloc(self->fd, 0, 0, &handle, NULL), 0);
	ASSERT_EQ(do_stat(self->fd, handle, &st), 0);
	EXPECT_EQ(st.node, ~0U);
	EXPECT_EQ(st.map_length, 0);
	EXPECT_EQ(do_stat(self->fd, handle + 1, &st), -ENOENT);
}

TEST_F(calls, nodes)
{
	struct goalloc_ioc_alloc arg = {
		.size = 1000, .flags = GOALLOC_ALLOC_NODE,
	};
	struct goalloc_ioc_stat st;
	struct goalloc_ioc_info info;
	unsigned int node, found = 0;
	int err;

	ASSERT_EQ(call(self->fd, GOALLOC_IOC_INFO, &info), 0);
	for (node = 0; node < 64; node++) {
		arg.node = node;
		err = call(self->fd, GOALLOC_IOC_ALLOC, &arg);
		if (err == -EINVAL)
			continue;
		ASSERT_EQ(err, 0);
		ASSERT_EQ(do_stat(self->fd, arg.handle, &st), 0);
		EXPECT_EQ(st.node, node);
		EXPECT_EQ(st.flags, GOALLOC_ALLOC_NODE);
		found++;
	}
	EXPECT_EQ(found, info.nr_nodes);
	arg.node = ~0U;
	EXPECT_EQ(call(self->fd, GOALLOC_IOC_ALLOC, &arg), -EINVAL);
	arg.node = 1 << 20;
	EXPECT_EQ(call(self->fd, GOALLOC_IOC_ALLOC, &arg), -EINVAL);
	arg.node = 0;
	arg.flags |= GOALLOC_ALLOC_NOSCAN;
	EXPECT_EQ(call(self->fd, GOALLOC_IOC_ALLOC, &arg), -EINVAL);
}

/* Through all sizes, up and down: old bytes stay, and new bytes are zero. */
TEST_F(calls, realloc)
{
	static const __u64 sizes[] = {
		0, 5, 16, 100, 520, 4096, 32768, 40000, 1 << 20, MAX_SIZE,
		100000, 8192, 1, 0, 64,
	};
	static unsigned char back[MAX_SIZE];
	__u64 handle, usable, last, kept = 0;
	unsigned int flags, i;

	for (flags = 0; flags <= ZERO_NOSCAN; flags++) {
		ASSERT_EQ(do_alloc(self->fd, 3, flags, &handle, &last), 0);
		kept = last;
		ASSERT_EQ(do_write(self->fd, handle, 0, "\x5a\x5a\x5a", 3), 0);
		kept = 3;
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			ASSERT_EQ(do_realloc(self->fd, handle, sizes[i],
					     &usable), 0);
			ASSERT_GE(usable, sizes[i]);
			/* Pages that are not needed go. */
			if (last > 32768 && sizes[i] <= last / 2)
				EXPECT_LE(usable, last / 2 + 8192);
			if (sizes[i] < kept)
				kept = sizes[i];
			ASSERT_EQ(do_read(self->fd, handle, 0, back, usable),
				  0);
			EXPECT_TRUE(all_bytes(back, kept, 0x5a));
			EXPECT_TRUE(all_bytes(back + kept, usable - kept, 0))
				TH_LOG("from %llu to %llu",
				       (unsigned long long)last,
				       (unsigned long long)usable);
			memset(back, 0x5a, sizes[i]);
			ASSERT_EQ(do_write(self->fd, handle, 0, back, sizes[i]),
				  0);
			kept = sizes[i];
			last = usable;
			EXPECT_EQ(fdinfo(self->fd, "goalloc-objects"), 1);
		}
		EXPECT_EQ(fdinfo(self->fd, "goalloc-bytes"), 64 + self->cost);
		EXPECT_EQ(do_free(self->fd, handle), 0);
		EXPECT_EQ(fdinfo(self->fd, "goalloc-bytes"), 0);
	}
	EXPECT_EQ(live_objects(), self->before);
}

TEST_F(calls, realloc_refuses)
{
	struct goalloc_ioc_realloc arg = { .size = 10, .pad = 1 };
	struct goalloc_ioc_stat st;
	__u64 handle;

	ASSERT_EQ(do_alloc(self->fd, 100, 0, &handle, NULL), 0);
	EXPECT_EQ(do_realloc(self->fd, handle, MAX_SIZE + 1, NULL), -EINVAL);
	EXPECT_EQ(do_realloc(self->fd, handle, ~0ULL, NULL), -EINVAL);
	EXPECT_EQ(do_realloc(self->fd, handle + 1, 10, NULL), -ENOENT);
	EXPECT_EQ(do_realloc(self->fd, 0, 10, NULL), -ENOENT);
	arg.handle = handle;
	EXPECT_EQ(call(self->fd, GOALLOC_IOC_REALLOC, &arg), -EINVAL);
	EXPECT_EQ(call(self->fd, GOALLOC_IOC_REALLOC, NULL), -EFAULT);
	ASSERT_EQ(set_param("dev_max_bytes", "1000"), 0);
	EXPECT_EQ(do_realloc(self->fd, handle, 2000, NULL), -EDQUOT);
	ASSERT_EQ(do_stat(self->fd, handle, &st), 0);
	EXPECT_EQ(st.size, 100);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-bytes"), st.usable + self->cost);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-refused"), 1);
}

/* --- FILL and VERIFY ----------------------------------------------------- */

static unsigned char mix_byte(__u64 seed, __u64 i)
{
	return splitmix64(seed + (i / 8 + 1) * SPLITMIX64_STEP) >> i % 8 * 8;
}

static int do_pattern(int fd, unsigned long cmd,
		      const struct goalloc_ioc_pattern *what, __u64 *good)
{
	struct goalloc_ioc_pattern arg = *what;
	int err = call(fd, cmd, &arg);

	*good = arg.good;
	return err;
}

TEST_F(calls, patterns)
{
	static const __u64 offsets[] = { 0, 1, 7, 8, 13, 4093 };
	static const __u64 lengths[] = { 0, 1, 9, 1000, 70000 };
	static unsigned char back[131072];
	unsigned int o, l, k, i;
	__u64 handle, good;

	ASSERT_EQ(do_alloc(self->fd, sizeof(back), 0, &handle, NULL), 0);
	for (o = 0; o < ARRAY_SIZE(offsets); o++)
	for (l = 0; l < ARRAY_SIZE(lengths); l++)
	for (k = 0; k < 2; k++) {
		struct goalloc_ioc_pattern p = {
			.handle = handle, .offset = offsets[o],
			.len = lengths[l], .seed = 77 * o + l, .pattern = k,
		};
		__u64 at = p.offset + p.len / 2;
		unsigned char c;

		ASSERT_EQ(do_pattern(self->fd, GOALLOC_IOC_FILL, &p, &good), 0);
		EXPECT_EQ(good, p.len);
		ASSERT_EQ(do_read(self->fd, handle, 0, back, sizeof(back)), 0);
		for (i = 0; i < p.len; i++) {
			c = k ? mix_byte(p.seed, p.offset + i) : p.seed;
			if (back[p.offset + i] != c)
				break;
		}
		EXPECT_EQ(i, p.len);
		ASSERT_EQ(do_pattern(self->fd, GOALLOC_IOC_VERIFY, &p, &good),
			  0);
		EXPECT_EQ(good, p.len);
		if (!p.len)
			continue;
		/* One wrong byte is found, at its place. */
		c = back[at] ^ 1;
		ASSERT_EQ(do_write(self->fd, handle, at, &c, 1), 0);
		ASSERT_EQ(do_pattern(self->fd, GOALLOC_IOC_VERIFY, &p, &good),
			  0);
		EXPECT_EQ(good, p.len / 2);
	}
}

TEST_F(calls, patterns_refuse)
{
	static const unsigned long cmds[] = {
		GOALLOC_IOC_FILL, GOALLOC_IOC_VERIFY,
	};
	struct goalloc_ioc_pattern p;
	__u64 handle, good;
	int i;

	ASSERT_EQ(do_alloc(self->fd, 64, 0, &handle, NULL), 0);
	for (i = 0; i < 2; i++) {
		p = (struct goalloc_ioc_pattern){ .handle = handle, .len = 65 };
		EXPECT_EQ(do_pattern(self->fd, cmds[i], &p, &good), -EINVAL);
		p.len = ~0ULL;
		EXPECT_EQ(do_pattern(self->fd, cmds[i], &p, &good), -EINVAL);
		p.offset = ~0ULL;
		p.len = 2;
		EXPECT_EQ(do_pattern(self->fd, cmds[i], &p, &good), -EINVAL);
		p.offset = 0;
		p.pad = 1;
		EXPECT_EQ(do_pattern(self->fd, cmds[i], &p, &good), -EINVAL);
		p.pad = 0;
		p.pattern = 2;
		EXPECT_EQ(do_pattern(self->fd, cmds[i], &p, &good), -EINVAL);
		p.pattern = 0;
		p.handle = 0;
		EXPECT_EQ(do_pattern(self->fd, cmds[i], &p, &good), -ENOENT);
	}
}

/* --- WRITE, in pieces ---------------------------------------------------- */

#define PIECE		16384

/* What comes before a bad address is written, in whole pieces, and no more. */
TEST_F(calls, write_faults_half_way)
{
	size_t page = sysconf(_SC_PAGESIZE), size = 3 * PIECE;
	unsigned char *p, *back = malloc(size);
	__u64 handle;

	ASSERT_NE(back, NULL);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(p, MAP_FAILED);
	memset(p, 0x77, size);
	ASSERT_EQ(do_alloc(self->fd, size, 0, &handle, NULL), 0);
	ASSERT_EQ(do_write(self->fd, handle, 0, p, size), 0);
	memset(p, 0x11, size);
	ASSERT_EQ(munmap(p + size - page, page), 0);
	EXPECT_EQ(do_write(self->fd, handle, 0, p, size), -EFAULT);
	ASSERT_EQ(do_read(self->fd, handle, 0, back, size), 0);
	EXPECT_TRUE(all_bytes(back, 2 * PIECE, 0x11));
	EXPECT_TRUE(all_bytes(back + 2 * PIECE, PIECE, 0x77));
	/* Bytes that the object has not are refused before any is copied. */
	EXPECT_EQ(do_write(self->fd, handle, 1, p, size), -EINVAL);
	EXPECT_EQ(do_write(self->fd, handle, size, p + size - page, 1),
		  -EINVAL);
	ASSERT_EQ(do_read(self->fd, handle, 0, back, size), 0);
	EXPECT_TRUE(all_bytes(back, 2 * PIECE, 0x11));
	EXPECT_TRUE(all_bytes(back + 2 * PIECE, PIECE, 0x77));
	munmap(p, size - page);
	free(back);
}

#define NR_WRITERS	16

static struct {
	int fd;
	__u64 handle;
	void *area;
} writers;

static void *write_all(void *arg)
{
	do_write(writers.fd, writers.handle, 0, writers.area, MAX_SIZE);
	return NULL;
}

static long mem_free_kb(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "MemFree: %ld", &kb);
	if (f)
		fclose(f);
	return kb;
}

/* Who reads this memory waits until the descriptor is closed. */
static int endless_fault(void *area)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)area, MAX_SIZE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		return fd;
	if (!ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &reg))
		return fd;
	close(fd);
	return -1;
}

/* Calls that wait for a page fault hold little: not what they will copy. */
TEST_F_TIMEOUT(calls, write_holds_little, 60)
{
	pthread_t threads[NR_WRITERS];
	int fault, i;
	long before;

	writers.fd = self->fd;
	writers.area = mmap(NULL, MAX_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(writers.area, MAP_FAILED);
	ASSERT_EQ(do_alloc(self->fd, MAX_SIZE, 0, &writers.handle, NULL), 0);
	fault = endless_fault(writers.area);
	if (fault < 0)
		SKIP(return, "no userfaultfd");
	before = mem_free_kb();
	for (i = 0; i < NR_WRITERS; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, write_all, NULL),
			  0);
	usleep(500000);
	/* A thread's own stacks and such are some 100 KiB. */
	EXPECT_LT(before - mem_free_kb(), NR_WRITERS * 1024);
	close(fault);
	for (i = 0; i < NR_WRITERS; i++)
		pthread_join(threads[i], NULL);
}

/* --- BULK ---------------------------------------------------------------- */

TEST_F(calls, bulk)
{
	__u64 *h = self->handles, usable, done, i;

	ASSERT_EQ(do_alloc_bulk(self->fd, 100, NR_BULK, h, &done), 0);
	ASSERT_EQ(done, NR_BULK);
	EXPECT_EQ(live_objects(), self->before + NR_BULK);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-objects"), NR_BULK);
	for (i = 0; i < NR_BULK; i += 100) {
		EXPECT_EQ(do_size(self->fd, h[i], &usable), 0);
		EXPECT_GE(usable, 100);
		/* Each handle names a different object: each can be freed. */
		EXPECT_EQ(do_free(self->fd, h[i]), 0);
		ASSERT_EQ(do_alloc(self->fd, 100, 0, &h[i], NULL), 0);
	}
	ASSERT_EQ(do_free_bulk(self->fd, NR_BULK, h, &done), 0);
	EXPECT_EQ(done, NR_BULK);
	EXPECT_EQ(live_objects(), self->before);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-objects"), 0);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-peak-objects"), NR_BULK);
	EXPECT_EQ(do_free_bulk(self->fd, 1, h, &done), -ENOENT);
	EXPECT_EQ(do_alloc_bulk(self->fd, 100, 0, NULL, &done), 0);
	EXPECT_EQ(done, 0);
}

TEST_F(calls, bulk_refuses)
{
	struct goalloc_ioc_alloc_bulk arg = {
		.count = 10, .handles = (uintptr_t)self->handles,
	};
	__u64 done;

	EXPECT_EQ(do_alloc_bulk(self->fd, 8, GOALLOC_BULK_MAX + 1,
				self->handles, &done), -EINVAL);
	EXPECT_EQ(do_free_bulk(self->fd, GOALLOC_BULK_MAX + 1,
			       self->handles, &done), -EINVAL);
	EXPECT_EQ(do_alloc_bulk(self->fd, MAX_SIZE + 1, 1, self->handles,
				&done), -EINVAL);
	EXPECT_EQ(do_alloc_bulk(self->fd, 8, 10, NULL, &done), -EFAULT);
	EXPECT_EQ(do_free_bulk(self->fd, 10, NULL, &done), -EFAULT);
	arg.flags = 1U << 9;
	EXPECT_EQ(call(self->fd, GOALLOC_IOC_ALLOC_BULK, &arg), -EINVAL);
	arg.flags = 0;
	arg.node = 3;
	EXPECT_EQ(call(self->fd, GOALLOC_IOC_ALLOC_BULK, &arg), -EINVAL);
	EXPECT_EQ(live_objects(), self->before);
}

/* A call that fails half way keeps what is done, and says how much that is. */
TEST_F(calls, bulk_in_part)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *p = guarded_pages(PROT_READ | PROT_WRITE);
	__u64 *tail = (__u64 *)(p + page) - 10, done;

	ASSERT_NE(p, NULL);
	ASSERT_EQ(do_alloc_bulk(self->fd, 64, 20, tail, &done), 0);
	EXPECT_EQ(done, 10);
	EXPECT_EQ(live_objects(), self->before + 10);
	tail[5] = ~0ULL;
	ASSERT_EQ(do_free_bulk(self->fd, 20, tail, &done), 0);
	EXPECT_EQ(done, 5);
	ASSERT_EQ(do_free_bulk(self->fd, 20, tail + 6, &done), 0);
	EXPECT_EQ(done, 4);
	EXPECT_EQ(live_objects(), self->before + 1);

	ASSERT_EQ(set_param("dev_max_objects", "100"), 0);
	ASSERT_EQ(do_alloc_bulk(self->fd, 64, 200, self->handles, &done), 0);
	EXPECT_EQ(done, 99);
	EXPECT_EQ(do_alloc_bulk(self->fd, 64, 200, self->handles, &done),
		  -EDQUOT);
}

/* If the answer cannot be stored, nothing is done. */
TEST_F(calls, bulk_without_an_answer)
{
	char *p = guarded_pages(PROT_READ | PROT_WRITE);
	struct goalloc_ioc_alloc_bulk *arg = (void *)p;

	ASSERT_NE(p, NULL);
	arg->size = 64;
	arg->count = 10;
	arg->handles = (uintptr_t)self->handles;
	ASSERT_EQ(mprotect(p, sysconf(_SC_PAGESIZE), PROT_READ), 0);
	EXPECT_EQ(call(self->fd, GOALLOC_IOC_ALLOC_BULK, arg), -EFAULT);
	EXPECT_EQ(live_objects(), self->before);
}

/* A signal ends a call early, and the answer is the number of objects made. */
TEST_F_TIMEOUT(calls, bulk_interrupted, 120)
{
	__u64 done, freed, at, early = 0;
	int i;

	for (i = 0; i < 200 && early < 3; i++) {
		alarm_us(2000 + 100 * i, 2000 + 100 * i);
		ASSERT_EQ(do_alloc_bulk(self->fd, 32, GOALLOC_BULK_MAX,
					self->handles, &done), 0);
		alarm_us(0, 0);
		EXPECT_GE(done, 1);
		early += done < GOALLOC_BULK_MAX;
		EXPECT_EQ(fdinfo(self->fd, "goalloc-objects"), done);
		for (at = 0; at < done; at += freed)
			ASSERT_EQ(do_free_bulk(self->fd, done - at,
					       self->handles + at, &freed), 0);
		EXPECT_EQ(live_objects(), self->before);
	}
	EXPECT_GE(early, 3);
}

TEST_F_TIMEOUT(calls, bulk_killed, 120)
{
	int i, status;
	pid_t pid;

	for (i = 0; i < 10; i++) {
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			int fd = open(DEVICE, O_RDWR);
			__u64 done;

			while (!do_alloc_bulk(fd, 16, 20000, self->handles,
					      &done) &&
			       !do_free_bulk(fd, done, self->handles, &done))
				;
			_exit(1);
		}
		usleep(20000 + 3000 * i);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(live_objects(), self->before);
	}
}

/* --- accounts and limits ------------------------------------------------- */

TEST_F(calls, limits)
{
	int other = open(DEVICE, O_RDWR | O_CLOEXEC);
	struct goalloc_ioc_info info;
	__u64 a, b, c, one = 8192 + self->cost;

	ASSERT_GE(other, 0);
	ASSERT_EQ(set_param_to("dev_max_bytes", 2 * one), 0);
	ASSERT_EQ(do_alloc(self->fd, 8192, 0, &a, NULL), 0);
	ASSERT_EQ(do_alloc(self->fd, 8192, 0, &b, NULL), 0);
	EXPECT_EQ(do_alloc(self->fd, 1, 0, &c, NULL), -EDQUOT);
	EXPECT_EQ(do_alloc(self->fd, MAX_SIZE, 0, &c, NULL), -EDQUOT);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-refused"), 2);
	/* Each descriptor has a limit of its own; dev_max_total is for all. */
	EXPECT_EQ(do_alloc(other, 8192, 0, &c, NULL), 0);
	ASSERT_EQ(set_param_to("dev_max_total", 3 * one), 0);
	EXPECT_EQ(do_alloc(other, 8192, 0, &c, NULL), -EDQUOT);
	ASSERT_EQ(call(other, GOALLOC_IOC_INFO, &info), 0);
	EXPECT_EQ(info.max_bytes, 2 * one);
	EXPECT_EQ(info.max_total, 3 * one);
	EXPECT_EQ(info.bytes, one);
	EXPECT_EQ(info.total, 3 * one);
	/* A limit below what there is takes nothing away. */
	ASSERT_EQ(set_param("dev_max_bytes", "1"), 0);
	EXPECT_EQ(do_write(self->fd, a, 0, "x", 1), 0);
	EXPECT_EQ(do_free(self->fd, a), 0);
	EXPECT_EQ(do_alloc(self->fd, 8, 0, &a, NULL), -EDQUOT);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-bytes"), one);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-peak-bytes"), 2 * one);
	/* No bytes cost a handle. */
	EXPECT_EQ(do_alloc(self->fd, 0, 0, &a, NULL), -EDQUOT);
	close(other);
	ASSERT_EQ(call(self->fd, GOALLOC_IOC_INFO, &info), 0);
	EXPECT_EQ(info.total, one);
}

/* Objects without bytes end at the limits, too, and take what they cost. */
TEST_F(calls, limits_count_records)
{
	int other = open(DEVICE, O_RDWR | O_CLOEXEC);
	__u64 done;

	ASSERT_GE(other, 0);
	/* A record is no smaller than what it has to hold, and no page. */
	EXPECT_GE(self->cost, 64);
	EXPECT_LT(self->cost, 1024);
	ASSERT_EQ(set_param_to("dev_max_bytes", 1000 * self->cost), 0);
	ASSERT_EQ(do_alloc_bulk(self->fd, 0, 2000, self->handles, &done), 0);
	EXPECT_EQ(done, 1000);
	ASSERT_EQ(set_param_to("dev_max_total", 1500 * self->cost), 0);
	ASSERT_EQ(do_alloc_bulk(other, 0, 2000, self->handles, &done), 0);
	EXPECT_EQ(done, 500);
	EXPECT_EQ(do_alloc_bulk(other, 0, 1, self->handles, &done), -EDQUOT);
	close(other);
	ASSERT_EQ(set_param("dev_max_bytes", "0"), 0);
	ASSERT_EQ(do_alloc_bulk(self->fd, 0, 2000, self->handles, &done), 0);
	EXPECT_EQ(done, 500);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-bytes"), 1500 * self->cost);
}

/* The most that the allocator keeps for what is counted of a page. */
#define PINNED_MAX	6
#define SOME_MB		(4ULL << 20)

static __u64 read_total(int fd, struct goalloc_ioc_info *info)
{
	return call(fd, GOALLOC_IOC_INFO, info) ? ~0ULL : info->total;
}

static __u64 heap_inuse(int fd)
{
	struct goalloc_ioc_free_os_memory arg;
	struct goalloc_memstats m;

	if (call(fd, GOALLOC_IOC_FREE_OS_MEMORY, &arg) ||
	    call(fd, GOALLOC_IOC_MEMSTATS, &m))
		return ~0ULL;
	return m.heap_inuse;
}

/* As many objects of a class as there may be, and then one in each span. */
static void leave_one_in_each_span(int fd, const struct goalloc_class *class,
				   __u32 flags, __u64 *handles)
{
	struct goalloc_ioc_alloc_bulk arg = {
		.size = class->size, .flags = flags, .count = GOALLOC_BULK_MAX,
		.handles = (uintptr_t)handles,
	};
	__u64 i;

	if (call(fd, GOALLOC_IOC_ALLOC_BULK, &arg))
		return;
	for (i = 0; i < arg.done; i++)
		if (i % class->objects)
			do_free(fd, handles[i]);
}

/*
 * One object left in each span holds much and costs little: what its page costs is
 * in the total, and the total is bounded.  So is what the heap holds.
 */
TEST_F_TIMEOUT(calls, limits_count_pages, 300)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	struct goalloc_ioc_info info;
	__u64 before = heap_inuse(fd), held = 0, bytes, most = 0, handle;
	unsigned int i, noscan;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(set_param_to("dev_max_total", SOME_MB), 0);
	ASSERT_EQ(read_total(fd, &info), 0);
	for (i = 1; i < GOALLOC_NR_CLASSES; i++)
	for (noscan = 0; noscan < 2; noscan++) {
		if (info.classes[i].objects < 2)
			continue;
		leave_one_in_each_span(fd, &info.classes[i],
				       noscan ? GOALLOC_ALLOC_NOSCAN : 0,
				       self->handles);
		held = heap_inuse(fd) - before;
		EXPECT_LE(read_total(fd, &info), SOME_MB);
		/* What one CPU or another has at hand is nobody's. */
		EXPECT_LE(held, PINNED_MAX * info.total + (1 << 20));
		if (held > most)
			most = held;
	}
	bytes = fdinfo(fd, "goalloc-bytes");
	TH_LOG("%llu bytes on the account hold %llu, at most %llu",
	       (unsigned long long)bytes, (unsigned long long)held,
	       (unsigned long long)most);
	/* It was not what the objects cost. */
	EXPECT_LT(bytes, SOME_MB / 2);
	EXPECT_GT(read_total(fd, &info), SOME_MB * 3 / 4);
	EXPECT_LE(most, PINNED_MAX * SOME_MB);
	close(fd);
	EXPECT_EQ(read_total(self->fd, &info), 0);
	/* An object that moves takes its page along. */
	ASSERT_EQ(do_alloc(self->fd, 100, 0, &handle, NULL), 0);
	EXPECT_EQ(read_total(self->fd, &info), 8192 + self->cost);
	ASSERT_EQ(do_realloc(self->fd, handle, 8192, NULL), 0);
	EXPECT_EQ(read_total(self->fd, &info), 8192 + self->cost);
	EXPECT_EQ(do_free(self->fd, handle), 0);
	EXPECT_EQ(read_total(self->fd, &info), 0);
}

TEST_F(calls, limits_must_make_sense)
{
	static const char * const bad[] = {
		"", "x", "-1", "12q", "1 2", "K", "18446744073709551615",
		"18446744073709551616", "16E", "16777216T", "18014398509481984K",
		"1KK", "1\nK", "1K\n\n",
		"0000000000000000000000000000000000000001",
	};
	struct goalloc_ioc_info info;
	unsigned int i;

	ASSERT_EQ(set_param("dev_max_bytes", "123"), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (bad[i][0])
			EXPECT_EQ(set_param("dev_max_bytes", bad[i]), -EINVAL);
	}
	ASSERT_EQ(call(self->fd, GOALLOC_IOC_INFO, &info), 0);
	EXPECT_EQ(info.max_bytes, 123);
	ASSERT_EQ(set_param("dev_max_bytes", "16777215T\n"), 0);
	ASSERT_EQ(call(self->fd, GOALLOC_IOC_INFO, &info), 0);
	EXPECT_EQ(info.max_bytes, 16777215ULL << 40);
	/* A number is decimal, whatever it begins with. */
	EXPECT_EQ(set_param("dev_max_bytes", "0x10k"), -EINVAL);
	ASSERT_EQ(set_param("dev_max_bytes", "010KiB"), 0);
	ASSERT_EQ(call(self->fd, GOALLOC_IOC_INFO, &info), 0);
	EXPECT_EQ(info.max_bytes, 10240);
}

static struct {
	int fd;
	__u64 got;
} race;

static void *alloc_up_to_limit(void *arg)
{
	__u64 handles[64], done;

	while (!do_alloc_bulk(race.fd, 64, 64, handles, &done))
		__atomic_add_fetch(&race.got, done, __ATOMIC_RELAXED);
	return NULL;
}

/* Threads that reach the limit together get exactly what it allows. */
TEST_F(calls, limits_are_exact)
{
	ASSERT_EQ(set_param_to("dev_max_bytes", 1000 * (64 + self->cost)), 0);
	race.fd = self->fd;
	race.got = 0;
	ASSERT_EQ(run_threads(alloc_up_to_limit), 0);
	EXPECT_EQ(race.got, 1000);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-objects"), 1000);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-bytes"), 1000 * (64 + self->cost));
}

/* --- memory cgroups: large objects are charged to the caller's ----------- */

#define CGROUP	"/tmp/cgroup"
#define MINE	CGROUP "/goalloc"

static __u64 charged(void)
{
	char text[32] = "";
	int fd = open(MINE "/memory.current", O_RDONLY | O_CLOEXEC);

	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return strtoull(text, NULL, 10);
}

static int enter_cgroup(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	mkdir(CGROUP, 0755);
	if (mount("none", CGROUP, "cgroup2", 0, NULL) && errno != EBUSY)
		return -errno;
	write_file(CGROUP "/cgroup.subtree_control", "+memory");
	mkdir(MINE, 0755);
	if (access(MINE "/memory.current", R_OK))
		return -errno;
	return write_file(MINE "/cgroup.procs", pid);
}

/* Wait until less than @below is charged: the worker gives back the pages. */
static __u64 wait_charged_below(__u64 below)
{
	int i;

	for (i = 0; i < 500 && charged() >= below; i++)
		usleep(10000);
	return charged();
}

TEST_F_TIMEOUT(calls, memory_cgroup, 60)
{
	/* SLACK is for other memory that is charged to the group. */
	enum { NR = 16, SLACK = 512 << 10 };
	__u64 done, handle, base;
	int i, err;

	err = enter_cgroup();
	if (err)
		SKIP(return, "no memory controller of cgroup 2");
	base = charged();
	ASSERT_EQ(do_alloc_bulk(self->fd, 1 << 20, NR, self->handles, &done),
		  0);
	ASSERT_EQ(done, NR);
	EXPECT_GE(charged(), base + (NR << 20) - SLACK);
	/* An object is charged its own size, not that of the buddy block. */
	ASSERT_EQ(do_alloc(self->fd, (2 << 20) + 8192, 0, &handle, NULL), 0);
	EXPECT_GE(charged(), base + ((NR + 2) << 20) - SLACK);
	EXPECT_LT(charged(), base + ((NR + 4) << 20));
	ASSERT_EQ(do_free(self->fd, handle), 0);
	ASSERT_EQ(do_free_bulk(self->fd, NR, self->handles, &done), 0);
	EXPECT_LT(wait_charged_below(base + (4 << 20)), base + (4 << 20));

	/* At the group's limit: ENOMEM, and no OOM kill. */
	ASSERT_EQ(write_file(MINE "/memory.max", "33554432"), 0);
	for (i = 0; i < 64; i++) {
		err = do_alloc(self->fd, 1 << 20, 0, &handle, NULL);
		if (err)
			break;
	}
	EXPECT_EQ(err, -ENOMEM);
	EXPECT_GT(i, 8);
	EXPECT_LT(i, 33);
	ASSERT_EQ(write_file(MINE "/memory.max", "max"), 0);
	write_file(CGROUP "/cgroup.procs", "0");
}

/* debugfs shows the process and what it holds. */
TEST_F(calls, clients)
{
	FILE *f = fopen("/sys/kernel/debug/goalloc/clients", "r");
	unsigned long long objects, bytes;
	__u64 done, found = 0;
	char line[256];
	int pid;

	ASSERT_NE(f, NULL);
	ASSERT_EQ(do_alloc_bulk(self->fd, 512, 7, self->handles, &done), 0);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%d %llu %llu", &pid, &objects, &bytes) == 3 &&
		    pid == getpid() && objects == 7 &&
		    bytes == 7 * (512 + self->cost))
			found++;
	}
	fclose(f);
	EXPECT_EQ(found, 1);
}

/* A newline in a process's name does not make a line of its own. */
TEST_F(calls, clients_escapes_names)
{
	FILE *f = fopen("/sys/kernel/debug/goalloc/clients", "r");
	char line[256], name[16];
	int fd, found = 0;

	ASSERT_NE(f, NULL);
	ASSERT_EQ(prctl(PR_GET_NAME, name), 0);
	ASSERT_EQ(prctl(PR_SET_NAME, "a\n1 2\\"), 0);
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	prctl(PR_SET_NAME, name);
	ASSERT_GE(fd, 0);
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "  a\\n1 2\\\\\n"))
			found++;
	}
	fclose(f);
	close(fd);
	EXPECT_EQ(found, 1);
}

/* --- close ---------------------------------------------------------------- */

#define TRACING	"/tmp/tracing"
#define PROBE	TRACING "/events/kprobes/goalloc_close"

/* See which callbacks this process leaves to RCU, and with interrupts on or off. */
static int probe_call_rcu(void)
{
	char filter[64];

	mkdir(TRACING, 0755);
	if (mount("none", TRACING, "tracefs", 0, NULL) && errno != EBUSY)
		return -errno;
	if (write_file(TRACING "/kprobe_events",
		     "p:goalloc_close call_rcu func=$arg2:symbol"))
		return -ENOENT;
	snprintf(filter, sizeof(filter), "common_pid == %d", getpid());
	write_file(PROBE "/filter", filter);
	return write_file(PROBE "/enable", "1");
}

/* Nodes of an XArray that went, and how many of them with interrupts off. */
static void count_nodes(unsigned int *nodes, unsigned int *irqs_off)
{
	FILE *f = fopen(TRACING "/trace", "r");
	char line[256], *flags;

	*nodes = 0;
	*irqs_off = 0;
	while (f && fgets(line, sizeof(line), f)) {
		flags = strstr(line, "] ");
		if (!flags || !strstr(line, "radix_tree_node_rcu_free"))
			continue;
		++*nodes;
		*irqs_off += flags[2] == 'd';
	}
	if (f)
		fclose(f);
	write_file(PROBE "/enable", "0");
	write_file(TRACING "/kprobe_events", "-:goalloc_close");
}

/*
 * A close frees node by node, with interrupts on, however many the handles need:
 * here 16 with one handle each.
 */
TEST_F(calls, close_in_steps)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	unsigned int i, nodes, irqs_off;
	__u64 done;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(do_alloc_bulk(fd, 16, 1024, self->handles, &done), 0);
	ASSERT_EQ(done, 1024);
	for (i = 0; i < 1024; i++) {
		if (self->handles[i] % 64)
			EXPECT_EQ(do_free(fd, self->handles[i]), 0);
	}
	if (probe_call_rcu())
		SKIP(return, "no probe of call_rcu()");
	EXPECT_EQ(close(fd), 0);
	count_nodes(&nodes, &irqs_off);
	EXPECT_GE(nodes, 16);
	EXPECT_EQ(irqs_off, 0);
	EXPECT_EQ(live_objects(), self->before);
}

TEST_HARNESS_MAIN
