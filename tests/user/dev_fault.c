// SPDX-License-Identifier: GPL-2.0
/*
 * What /dev/goalloc does when there is no memory.  For every ioctl each of its
 * requests for memory fails in turn.
 *
 * Faults come from the kernel's fault injection, so the tests are skipped if
 * goalloc has no fail_goalloc in debugfs.  fail-nth selects the request that
 * fails: one to the heap, to kmalloc() or to the page allocator.  fail_goalloc
 * makes every request of the heap fail while it is on; with it a test first
 * uses up the heap's free memory.
 *
 * Run as root with goalloc loaded and nothing else using it.  Output is TAP.
 */
#define _GNU_SOURCE
#include "kselftest_harness.h"
#include "dev_common.h"

#define DEBUGFS		"/sys/kernel/debug/"
#define OURS		DEBUGFS "goalloc/fail_goalloc/"
#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define MAX_HANDLES	20000
/* More requests for memory than any ioctl makes. */
#define MAX_REQUESTS	64

static int verify_ok(void)
{
	int fd = open(DEBUGFS "goalloc/verify", O_RDONLY | O_CLOEXEC);
	char buf[16] = "";
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	close(fd);
	/* "ok (in motion" is good: the worker may be giving back memory. */
	return n > 2 && !strncmp(buf, "ok", 2);
}

/* Unlike live_objects() it does not give back memory, which would need some. */
static __u64 heap_objects(int fd)
{
	struct goalloc_memstats m;

	return call(fd, GOALLOC_IOC_MEMSTATS, &m) ? ~0ULL : m.heap_objects;
}

FIXTURE(fault)
{
	int fd;
	int nth;
	unsigned int n;
	__u64 *handle;		/* the objects that use up the heap */
	unsigned char *buf;
};

/* While it is on, every request of the heap for memory fails. */
static void no_memory(int on)
{
	write_file(OURS "times", "-1");
	write_file(OURS "space", "0");
	write_file(OURS "probability", on ? "100" : "0");
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
	/* Touch the pages now: later there may be no memory for them. */
	memset(self->buf, 0x5a, MAX_SIZE);

	no_memory(0);
	write_file(OURS "verbose", "0");
	write_file(OURS "task-filter", "N");
	write_file(DEBUGFS "failslab/verbose", "0");
	write_file(DEBUGFS "fail_page_alloc/verbose", "0");
	/* Let GFP_KERNEL fail, too. */
	write_file(DEBUGFS "failslab/ignore-gfp-wait", "N");
	write_file(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N");
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

/* Stands for mmap(2) among the ioctls. */
#define MMAP	0

/* An ioctl and its arguments; for REALLOC flags is the new size. */
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

/* Allocate until the heap has no memory for the request; returns how many. */
static unsigned int use_up(int fd, const struct request *r, __u64 *handle)
{
	unsigned int n = 0;

	no_memory(1);
	while (n < MAX_HANDLES && !do_alloc(fd, r->size, r->flags, handle + n,
					   NULL))
		n++;
	no_memory(0);
	return n;
}

static void give_back(int fd, unsigned int n, __u64 *handle)
{
	while (n--)
		do_free(fd, handle[n]);
}

static int make_bulk(int fd, __u64 size)
{
	__u64 handles[3], done;
	int err = do_alloc_bulk(fd, size, 3, handles, &done);

	if (err)
		return err;
	/* Freeing needs no memory. */
	while (done--)
		if (do_free(fd, handles[done]))
			return -EIO;
	return 0;
}

static int make_run(int fd)
{
	struct goalloc_ioc_run arg = {
		.count = 10, .live = 5, .nr_sizes = 1,
		.sizes = { { 64, 64, 1, 0 } },
	};

	return call(fd, GOALLOC_IOC_RUN, &arg);
}

static int make_map(int fd, __u64 size, __u64 handle)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       handle * sysconf(_SC_PAGESIZE));

	if (p == MAP_FAILED)
		return -errno;
	return munmap(p, size) ? -errno : 0;
}

/* Make the request: ALLOC stores *@handle, all others use it. */
static int make_request(int fd, const struct request *r, __u64 *handle,
			void *buf)
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
	/* The handle is the first member of every structure that has one. */
	arg.stat.handle = *handle;
	switch (r->cmd) {
	case GOALLOC_IOC_ALLOC:
		return do_alloc(fd, r->size, r->flags, handle, NULL);
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
	return call(fd, r->cmd, &arg);
}

/* From here the nth request of this thread for memory fails. */
static int start_fail_nth(int nth_fd, unsigned int nth)
{
	char text[16];
	ssize_t n = snprintf(text, sizeof(text), "%u", nth);

	return pwrite(nth_fd, text, n, 0) == n ? 0 : -EIO;
}

/* No request fails from here; *@left is 0 if one has failed meanwhile. */
static int stop_fail_nth(int nth_fd, int *left)
{
	char text[16];
	ssize_t n = pread(nth_fd, text, sizeof(text) - 1, 0);

	if (n < 0 || pwrite(nth_fd, "0", 1, 0) != 1)
		return -EIO;
	text[n] = 0;
	*left = atoi(text);
	return 0;
}

/*
 * Make a request again and again while its first request for memory fails, then
 * the second, and so on, until it makes fewer.  It must succeed or return
 * ENOMEM, and ENOMEM must leave everything as it was.
 */
static void fail_each(struct __test_metadata *_metadata, int fd, int nth_fd,
		      const struct request *r, __u64 *used, unsigned char *buf)
{
	int alloc = r->cmd == GOALLOC_IOC_ALLOC, left = 0, err;
	unsigned int nth, n = 0, failed = 0;
	struct request want = *r;
	__u64 handle, live;

	/* Use up memory of the size that the request will need. */
	if (r->cmd == GOALLOC_IOC_REALLOC) {
		want.size = r->flags;
		want.flags = 0;
	} else if (!alloc) {
		want.size = 0;
	}
	for (nth = 1; !left; nth++) {
		ASSERT_LT(nth, MAX_REQUESTS)
			TH_LOG("%s: too many requests", r->name);
		handle = 0;
		if (!alloc)
			ASSERT_EQ(do_alloc(fd, r->size, 0, &handle, NULL), 0);
		if (want.size)
			n = use_up(fd, &want, used);
		live = heap_objects(fd);
		ASSERT_EQ(start_fail_nth(nth_fd, nth), 0);
		err = make_request(fd, r, &handle, buf);
		ASSERT_EQ(stop_fail_nth(nth_fd, &left), 0);
		EXPECT_TRUE(!err || err == -ENOMEM)
			TH_LOG("%s, request %u: %d", r->name, nth, err);
		EXPECT_TRUE(!err || !left);
		EXPECT_TRUE(verify_ok())
			TH_LOG("%s, request %u", r->name, nth);
		failed += !!err;
		if (err)
			EXPECT_EQ(heap_objects(fd), live);
		if (r->cmd != GOALLOC_IOC_FREE &&
		    r->cmd != GOALLOC_IOC_FREE_BULK && !(alloc && err))
			EXPECT_EQ(do_free(fd, handle), 0);
		give_back(fd, n, used);
		n = 0;
	}
	/* FREE must work without memory. */
	if (r->cmd == GOALLOC_IOC_FREE || r->cmd == GOALLOC_IOC_FREE_BULK)
		EXPECT_EQ(failed, 0);
	/* With the heap used up, an allocation makes two requests at least. */
	if (alloc && r->size)
		EXPECT_GE(nth, 3);
	TH_LOG("%s: %u requests for memory, %u of them vital", r->name,
	       nth - 2, failed);
}

TEST_F_TIMEOUT(fault, every_request_of_every_ioctl, 300)
{
	unsigned int i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		fail_each(_metadata, self->fd, self->nth, &requests[i],
			  self->handle, self->buf);
}

/* The same for open(2): it fails with ENOMEM or ENFILE and leaves nothing. */
TEST_F(fault, open)
{
	int fd, err, left = 0;
	unsigned int nth;

	for (nth = 1; !left && nth < MAX_REQUESTS; nth++) {
		ASSERT_EQ(start_fail_nth(self->nth, nth), 0);
		fd = open(DEVICE, O_RDWR | O_CLOEXEC);
		err = fd < 0 ? errno : 0;
		ASSERT_EQ(stop_fail_nth(self->nth, &left), 0);
		EXPECT_TRUE(!err || err == ENOMEM || err == ENFILE);
		if (fd >= 0)
			close(fd);
	}
	EXPECT_TRUE(left);
}

/* Without memory allocations return ENOMEM, and live objects stay usable. */
TEST_F_TIMEOUT(fault, no_memory_for_long, 120)
{
	static const struct request big = { "", GOALLOC_IOC_ALLOC, 65536, 0 };
	unsigned char back[5000];
	__u64 handle, none;
	unsigned int n, i;

	ASSERT_EQ(do_alloc(self->fd, sizeof(back), 0, &handle, NULL), 0);
	n = use_up(self->fd, &big, self->handle);
	ASSERT_LT(n, MAX_HANDLES);
	no_memory(1);
	for (i = 0; i < 100; i++)
		EXPECT_EQ(do_alloc(self->fd, MAX_SIZE, 0, &none, NULL),
			  -ENOMEM);
	EXPECT_EQ(do_write(self->fd, handle, 0, self->buf, sizeof(back)), 0);
	EXPECT_EQ(do_read(self->fd, handle, 0, back, sizeof(back)), 0);
	EXPECT_EQ(memcmp(back, self->buf, sizeof(back)), 0);
	EXPECT_TRUE(verify_ok());
	EXPECT_EQ(do_free(self->fd, handle), 0);
	no_memory(0);
	/* With memory again, allocations succeed. */
	ASSERT_EQ(do_alloc(self->fd, MAX_SIZE, 0, &handle, NULL), 0);
	EXPECT_EQ(do_free(self->fd, handle), 0);
	give_back(self->fd, n, self->handle);
	EXPECT_TRUE(verify_ok());
}

TEST_HARNESS_MAIN
