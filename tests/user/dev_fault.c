// SPDX-License-Identifier: GPL-2.0
/*
 * What /dev/goalloc does when there is no memory: every ioctl, with every
 * request for memory that it makes failing in its turn.
 *
 * Faults come from the kernel's own fault injection, so that the tests are
 * skipped where goalloc has no fail_goalloc in debugfs.  /proc/self/fail-nth
 * names the request that is to fail, be it ours, kmalloc()'s or the page
 * allocator's; fail_goalloc itself uses up what the heap has first, and makes
 * everything fail for as long as it is on.
 *
 * Run as root with goalloc loaded and nothing else using it.  Output is TAP.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/goalloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define DEVICE		"/dev/goalloc"
#define DEBUGFS		"/sys/kernel/debug/"
#define OURS		DEBUGFS "goalloc/fail_goalloc/"
#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define MAX_SIZE	(4UL << 20)
#define MAX_HANDLES	20000
/* More requests than any ioctl makes. */
#define MANY		64

static int put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ok;

	if (fd < 0)
		return 0;
	ok = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	close(fd);
	return ok;
}

static int verify_ok(void)
{
	int fd = open(DEBUGFS "goalloc/verify", O_RDONLY | O_CLOEXEC);
	char buf[16] = "";
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	close(fd);
	/* "ok (in motion...": the worker may be giving back. */
	return n > 2 && !strncmp(buf, "ok", 2);
}

static __u64 live_objects(int fd)
{
	struct goalloc_memstats m;

	return ioctl(fd, GOALLOC_IOC_MEMSTATS, &m) ? ~0ULL : m.heap_objects;
}

FIXTURE(fault)
{
	int fd;
	int nth;
	unsigned int n;
	__u64 *handle;		/* what uses up the heap */
	unsigned char *buf;
};

/* No memory for us, until it is switched off. */
static void no_memory(int on)
{
	put(OURS "times", "-1");
	put(OURS "space", "0");
	put(OURS "probability", on ? "100" : "0");
}

FIXTURE_SETUP(fault)
{
	if (access(OURS, F_OK))
		SKIP(return, "goalloc has no fail_goalloc in debugfs");
	self->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	self->nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->nth, 0);
	self->handle = calloc(MAX_HANDLES, sizeof(*self->handle));
	ASSERT_NE(self->handle, NULL);
	self->buf = malloc(MAX_SIZE);
	ASSERT_NE(self->buf, NULL);
	/* A page that is touched later may not be had. */
	memset(self->buf, 0x5a, MAX_SIZE);

	no_memory(0);
	put(OURS "verbose", "0");
	put(OURS "task-filter", "N");
	put(DEBUGFS "failslab/verbose", "0");
	put(DEBUGFS "fail_page_alloc/verbose", "0");
	/* GFP_KERNEL, too. */
	put(DEBUGFS "failslab/ignore-gfp-wait", "N");
	put(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N");
}

FIXTURE_TEARDOWN(fault)
{
	no_memory(0);
	if (self->nth > 0)
		close(self->nth);
	if (self->fd > 0)
		close(self->fd);
	free(self->handle);
	free(self->buf);
}

static int do_alloc(int fd, __u64 size, __u32 flags, __u64 *handle)
{
	struct goalloc_ioc_alloc arg = { .size = size, .flags = flags };
	int err = ioctl(fd, GOALLOC_IOC_ALLOC, &arg) ? -errno : 0;

	*handle = arg.handle;
	return err;
}

/* No ioctl, but one of the calls all the same. */
#define MMAP	0

/* One ioctl with what it needs; flags is the new size for REALLOC. */
struct request {
	const char *name;
	unsigned long cmd;
	__u64 size;
	__u32 flags;
};

static const struct request requests[] = {
	{ "ALLOC, small", GOALLOC_IOC_ALLOC, 1024, 0 },
	{ "ALLOC, zeroed", GOALLOC_IOC_ALLOC, 8192, GOALLOC_ALLOC_ZERO },
	{ "ALLOC, tiny", GOALLOC_IOC_ALLOC, 9, GOALLOC_ALLOC_NOSCAN },
	{ "ALLOC, noscan", GOALLOC_IOC_ALLOC, 20480, GOALLOC_ALLOC_NOSCAN },
	{ "ALLOC, large", GOALLOC_IOC_ALLOC, 100000, 0 },
	{ "ALLOC, largest", GOALLOC_IOC_ALLOC, MAX_SIZE, 0 },
	{ "ALLOC, nothing", GOALLOC_IOC_ALLOC, 0, 0 },
	{ "READ", GOALLOC_IOC_READ, 5000, 0 },
	{ "WRITE", GOALLOC_IOC_WRITE, 5000, 0 },
	{ "STAT", GOALLOC_IOC_STAT, 5000, 0 },
	{ "MEMSTATS", GOALLOC_IOC_MEMSTATS, 5000, 0 },
	{ "FREE", GOALLOC_IOC_FREE, 5000, 0 },
	{ "REALLOC, in place", GOALLOC_IOC_REALLOC, 5000, 5100 },
	{ "REALLOC, small", GOALLOC_IOC_REALLOC, 5000, 30000 },
	{ "REALLOC, large", GOALLOC_IOC_REALLOC, 5000, 1 << 20 },
	{ "REALLOC, to nothing", GOALLOC_IOC_REALLOC, 5000, 0 },
	{ "FILL", GOALLOC_IOC_FILL, 5000, 0 },
	{ "VERIFY", GOALLOC_IOC_VERIFY, 5000, 0 },
	{ "INFO", GOALLOC_IOC_INFO, 64, 0 },
	{ "BYSIZE", GOALLOC_IOC_BYSIZE, 64, 0 },
	{ "FREE_OS_MEMORY", GOALLOC_IOC_FREE_OS_MEMORY, 64, 0 },
	{ "ALLOC_BULK", GOALLOC_IOC_ALLOC_BULK, 3000, 0 },
	{ "FREE_BULK", GOALLOC_IOC_FREE_BULK, 3000, 0 },
	{ "RUN", GOALLOC_IOC_RUN, 64, 0 },
	{ "mmap", MMAP, 65536, 0 },
};

/* Take objects of a size until the heap has none left; returns how many. */
static unsigned int use_up(int fd, const struct request *r, __u64 *handle)
{
	unsigned int n = 0;

	no_memory(1);
	while (n < MAX_HANDLES && !do_alloc(fd, r->size, r->flags, handle + n))
		n++;
	no_memory(0);
	return n;
}

static void give_back(int fd, unsigned int n, __u64 *handle)
{
	while (n--)
		ioctl(fd, GOALLOC_IOC_FREE, handle + n);
}

static int make_bulk(int fd, __u64 size)
{
	__u64 handles[3];
	struct goalloc_ioc_alloc_bulk arg = {
		.size = size, .count = 3, .handles = (uintptr_t)handles,
	};

	if (ioctl(fd, GOALLOC_IOC_ALLOC_BULK, &arg))
		return -errno;
	/* To free needs no memory. */
	while (arg.done--)
		if (ioctl(fd, GOALLOC_IOC_FREE, &handles[arg.done]))
			return -EIO;
	return 0;
}

static int make_run(int fd)
{
	struct goalloc_ioc_run arg = {
		.count = 10, .live = 5, .nr_sizes = 1,
		.sizes = { { 64, 64, 1, 0 } },
	};

	return ioctl(fd, GOALLOC_IOC_RUN, &arg) ? -errno : 0;
}

static int make_map(int fd, __u64 size, __u64 handle)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       handle * sysconf(_SC_PAGESIZE));

	if (p == MAP_FAILED)
		return -errno;
	return munmap(p, size) ? -errno : 0;
}

/* Make the request, on an object if it is not for one. */
static int make(int fd, const struct request *r, __u64 *handle, void *buf)
{
	union {
		struct goalloc_ioc_io io;
		struct goalloc_ioc_stat stat;
		struct goalloc_ioc_realloc realloc;
		struct goalloc_ioc_pattern pattern;
		struct goalloc_ioc_bysize bysize;
		struct goalloc_ioc_free_bulk free_bulk;
		struct goalloc_ioc_info info;
		struct goalloc_memstats memstats;
	} arg;

	memset(&arg, 0, sizeof(arg));
	/* Where there is a handle it is the first member. */
	arg.stat.handle = *handle;
	switch (r->cmd) {
	case GOALLOC_IOC_ALLOC:
		return do_alloc(fd, r->size, r->flags, handle);
	case GOALLOC_IOC_ALLOC_BULK:
		return make_bulk(fd, r->size);
	case GOALLOC_IOC_RUN:
		return make_run(fd);
	case MMAP:
		return make_map(fd, r->size, *handle);
	case GOALLOC_IOC_READ:
	case GOALLOC_IOC_WRITE:
		arg.io.len = r->size;
		arg.io.buf = (uintptr_t)buf;
		break;
	case GOALLOC_IOC_REALLOC:
		arg.realloc.size = r->flags;
		break;
	case GOALLOC_IOC_BYSIZE:
		arg.bysize.buf = (uintptr_t)buf;
		arg.bysize.entry_size = sizeof(struct goalloc_class_stats);
		arg.bysize.nr = GOALLOC_NR_CLASSES;
		break;
	case GOALLOC_IOC_FREE_BULK:
		arg.free_bulk.count = 1;
		arg.free_bulk.handles = (uintptr_t)handle;
		break;
	}
	return ioctl(fd, r->cmd, &arg) ? -errno : 0;
}

/* The same with the nth request for memory failing; *left: if there is none. */
static int make_with_nth(int fd, int nth_fd, unsigned int nth, int *left,
			 const struct request *r, __u64 *handle, void *buf)
{
	char text[16];
	ssize_t n;
	int err;

	n = snprintf(text, sizeof(text), "%u", nth);
	if (pwrite(nth_fd, text, n, 0) != n)
		return -EIO;
	err = make(fd, r, handle, buf);
	n = pread(nth_fd, text, sizeof(text) - 1, 0);
	if (n < 0 || pwrite(nth_fd, "0", 1, 0) != 1)
		return -EIO;
	text[n] = 0;
	*left = atoi(text);
	return err;
}

/*
 * Until it needs no more memory than that.  The answer is ENOMEM or good, and
 * after ENOMEM everything is as before.
 */
static void sweep(struct __test_metadata *_metadata, int fd, int nth_fd,
		  const struct request *r, __u64 *used, unsigned char *buf)
{
	int alloc = r->cmd == GOALLOC_IOC_ALLOC, left = 0, err;
	unsigned int nth, n = 0, failed = 0;
	struct request want = *r;
	__u64 handle, live;

	/* What the heap is not to have. */
	if (r->cmd == GOALLOC_IOC_REALLOC) {
		want.size = r->flags;
		want.flags = 0;
	} else if (!alloc) {
		want.size = 0;
	}
	for (nth = 1; !left; nth++) {
		ASSERT_LT(nth, MANY)
			TH_LOG("%s: no end of it", r->name);
		handle = 0;
		if (!alloc)
			ASSERT_EQ(do_alloc(fd, r->size, 0, &handle), 0);
		if (want.size)
			n = use_up(fd, &want, used);
		live = live_objects(fd);
		err = make_with_nth(fd, nth_fd, nth, &left, r, &handle, buf);
		EXPECT_TRUE(!err || err == -ENOMEM)
			TH_LOG("%s, request %u: %d", r->name, nth, err);
		EXPECT_TRUE(!err || !left);
		EXPECT_TRUE(verify_ok())
			TH_LOG("%s, request %u", r->name, nth);
		failed += !!err;
		if (err)
			EXPECT_EQ(live_objects(fd), live);
		if (r->cmd != GOALLOC_IOC_FREE &&
		    r->cmd != GOALLOC_IOC_FREE_BULK && !(alloc && err))
			EXPECT_EQ(ioctl(fd, GOALLOC_IOC_FREE, &handle), 0);
		give_back(fd, n, used);
		n = 0;
	}
	/* FREE has to work without. */
	if (r->cmd == GOALLOC_IOC_FREE || r->cmd == GOALLOC_IOC_FREE_BULK)
		EXPECT_EQ(failed, 0);
	/* Where the heap is used up no object comes without. */
	if (alloc && r->size)
		EXPECT_GE(nth, 3);
	TH_LOG("%s: %u requests for memory, %u of them vital", r->name,
	       nth - 2, failed);
}

TEST_F_TIMEOUT(fault, every_request_of_every_ioctl, 300)
{
	unsigned int i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		sweep(_metadata, self->fd, self->nth, &requests[i],
		      self->handle, self->buf);
}

/* open(2) makes a record; what is half open leaves none. */
TEST_F(fault, open)
{
	unsigned int nth;
	char text[16];
	int fd, left = 0;
	ssize_t n;

	for (nth = 1; !left && nth < MANY; nth++) {
		n = snprintf(text, sizeof(text), "%u", nth);
		ASSERT_EQ(pwrite(self->nth, text, n, 0), n);
		fd = open(DEVICE, O_RDWR | O_CLOEXEC);
		n = fd < 0 ? errno : 0;
		EXPECT_TRUE(fd >= 0 || n == ENOMEM || n == ENFILE);
		n = pread(self->nth, text, sizeof(text) - 1, 0);
		ASSERT_GE(n, 0);
		ASSERT_EQ(pwrite(self->nth, "0", 1, 0), 1);
		text[n] = 0;
		left = atoi(text);
		if (fd >= 0)
			close(fd);
	}
	EXPECT_TRUE(left);
}

/* While there is none: ENOMEM, and what there is stays usable. */
TEST_F_TIMEOUT(fault, no_memory_for_long, 120)
{
	static const struct request big = { "", GOALLOC_IOC_ALLOC, 65536, 0 };
	unsigned char back[5000];
	__u64 handle, none;
	unsigned int n, i;

	ASSERT_EQ(do_alloc(self->fd, sizeof(back), 0, &handle), 0);
	n = use_up(self->fd, &big, self->handle);
	ASSERT_LT(n, MAX_HANDLES);
	no_memory(1);
	for (i = 0; i < 100; i++)
		EXPECT_EQ(do_alloc(self->fd, MAX_SIZE, 0, &none), -ENOMEM);
	{
		struct goalloc_ioc_io io = {
			.handle = handle, .len = sizeof(back),
			.buf = (uintptr_t)self->buf,
		};

		EXPECT_EQ(ioctl(self->fd, GOALLOC_IOC_WRITE, &io), 0);
		io.buf = (uintptr_t)back;
		EXPECT_EQ(ioctl(self->fd, GOALLOC_IOC_READ, &io), 0);
		EXPECT_EQ(memcmp(back, self->buf, sizeof(back)), 0);
	}
	EXPECT_TRUE(verify_ok());
	EXPECT_EQ(ioctl(self->fd, GOALLOC_IOC_FREE, &handle), 0);
	no_memory(0);
	/* And it is over. */
	ASSERT_EQ(do_alloc(self->fd, MAX_SIZE, 0, &handle), 0);
	EXPECT_EQ(ioctl(self->fd, GOALLOC_IOC_FREE, &handle), 0);
	give_back(self->fd, n, self->handle);
	EXPECT_TRUE(verify_ok());
}

TEST_HARNESS_MAIN
