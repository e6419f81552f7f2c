// SPDX-License-Identifier: GPL-2.0
/*
 * The contract of /dev/goalloc: good and bad input for every ioctl, handles,
 * descriptors, threads, and MemStats' identities.
 *
 * Run as root with goalloc loaded and nothing else using it: some tests count
 * live objects before and after.  Output is TAP.
 *
 * The harness's ASSERT_*() are more than one statement, so they cannot be the
 * whole body of a loop or an if.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/goalloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "dev_common.h"
#include "dev_threads.h"

FIXTURE(dev)
{
	int fd;
	unsigned char *buf;	/* room for the largest object, twice */
	unsigned char *back;
};

FIXTURE_SETUP(dev)
{
	self->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0)
		TH_LOG("cannot open " DEVICE ": %s", strerror(errno));
	self->buf = malloc(2 * MAX_SIZE);
	ASSERT_NE(self->buf, NULL);
	self->back = self->buf + MAX_SIZE;
}

FIXTURE_TEARDOWN(dev)
{
	free(self->buf);
	close(self->fd);
}

/* --- good input ---------------------------------------------------------- */

TEST_F(dev, node_is_for_root)
{
	struct stat st;

	ASSERT_EQ(stat(DEVICE, &st), 0);
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(st.st_mode & 0777, 0600);
}

TEST_F(dev, zero_size)
{
	__u64 a, b, usable;

	ASSERT_EQ(do_alloc(self->fd, 0, 0, &a, &usable), 0);
	EXPECT_EQ(usable, 0);
	ASSERT_EQ(do_alloc(self->fd, 0, ZERO_NOSCAN, &b, NULL), 0);
	EXPECT_NE(a, b);
	EXPECT_EQ(do_size(self->fd, a, &usable), 0);
	EXPECT_EQ(usable, 0);
	EXPECT_EQ(do_read(self->fd, a, 0, self->buf, 0), 0);
	EXPECT_EQ(do_write(self->fd, a, 0, self->buf, 0), 0);
	EXPECT_EQ(do_read(self->fd, a, 0, self->buf, 1), -EINVAL);
	EXPECT_EQ(do_write(self->fd, a, 0, self->buf, 1), -EINVAL);
	EXPECT_EQ(do_read(self->fd, a, 1, self->buf, 0), -EINVAL);
	EXPECT_EQ(do_free(self->fd, a), 0);
	EXPECT_EQ(do_free(self->fd, a), -ENOENT);
	EXPECT_EQ(do_free(self->fd, b), 0);
}

/* New memory is zero, and every byte can be written and read back. */
static void round_trip(struct __test_metadata *_metadata,
		       FIXTURE_DATA(dev) * self, __u64 size, __u32 flags)
{
	__u64 handle, usable, again, i;

	ASSERT_EQ(do_alloc(self->fd, size, flags, &handle, &usable), 0)
		TH_LOG("size %llu", (unsigned long long)size);
	ASSERT_GE(usable, size);
	ASSERT_LE(usable, MAX_SIZE);
	EXPECT_NE(handle, 0);
	ASSERT_EQ(do_size(self->fd, handle, &again), 0);
	EXPECT_EQ(again, usable);

	ASSERT_EQ(do_read(self->fd, handle, 0, self->back, usable), 0);
	EXPECT_TRUE(all_bytes(self->back, usable, 0))
		TH_LOG("size %llu is not zeroed", (unsigned long long)size);
	for (i = 0; i < usable; i++)
		self->buf[i] = i * 7 + (i >> 8) + size;
	ASSERT_EQ(do_write(self->fd, handle, 0, self->buf, usable), 0);
	ASSERT_EQ(do_read(self->fd, handle, 0, self->back, usable), 0);
	EXPECT_EQ(memcmp(self->buf, self->back, usable), 0);
	ASSERT_EQ(do_free(self->fd, handle), 0);
}

TEST_F(dev, round_trips)
{
	static const __u64 sizes[] = {
		1, 7, 8, 9, 15, 16, 17, 520, 1023, 1024, 1025, 2560, 4096,
		32767, 32768, 32769, 40960, 65536, 100000, 1 << 20,
		(2 << 20) - 1, MAX_SIZE - 1, MAX_SIZE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		round_trip(_metadata, self, sizes[i], 0);
		round_trip(_metadata, self, sizes[i], GOALLOC_ALLOC_ZERO);
		round_trip(_metadata, self, sizes[i], GOALLOC_ALLOC_NOSCAN);
		round_trip(_metadata, self, sizes[i], ZERO_NOSCAN);
	}
}

TEST_F(dev, class_edges)
{
	struct goalloc_memstats m;
	unsigned int class;

	ASSERT_EQ(call(self->fd, GOALLOC_IOC_MEMSTATS, &m), 0);
	for (class = 1; class < GOALLOC_NR_CLASSES; class++) {
		round_trip(_metadata, self, m.by_size[class].size - 1, 0);
		round_trip(_metadata, self, m.by_size[class].size, 0);
		round_trip(_metadata, self, m.by_size[class].size + 1, 0);
	}
}

TEST_F(dev, partial_io)
{
	__u64 handle, usable;

	ASSERT_EQ(do_alloc(self->fd, 64, 0, &handle, &usable), 0);
	ASSERT_EQ(do_write(self->fd, handle, 10, "gopher", 6), 0);
	ASSERT_EQ(do_read(self->fd, handle, 0, self->back, usable), 0);
	EXPECT_TRUE(all_bytes(self->back, 10, 0));
	EXPECT_EQ(memcmp(self->back + 10, "gopher", 6), 0);
	EXPECT_TRUE(all_bytes(self->back + 16, usable - 16, 0));
	self->back[3] = '!';
	ASSERT_EQ(do_read(self->fd, handle, 12, self->back, 3), 0);
	EXPECT_EQ(memcmp(self->back, "phe!", 4), 0);
}

/* New memory must not hold the contents of a freed object. */
TEST_F(dev, nothing_stale)
{
	enum { NR = 256 };
	__u64 handles[NR], usable;
	int round, i;

	memset(self->buf, 0xa5, MAX_SIZE);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < NR; i++) {
			ASSERT_EQ(do_alloc(self->fd, 1 + i * 37, 0,
					   &handles[i], &usable), 0);
			ASSERT_EQ(do_read(self->fd, handles[i], 0, self->back,
					  usable), 0);
			EXPECT_TRUE(all_bytes(self->back, usable, 0));
			ASSERT_EQ(do_write(self->fd, handles[i], 0, self->buf,
					   usable), 0);
		}
		for (i = 0; i < NR; i++)
			EXPECT_EQ(do_free(self->fd, handles[i]), 0);
	}
}

/* Several tiny objects share a block, but do not overlap. */
TEST_F(dev, tiny_neighbours)
{
	enum { NR = 256 };
	__u64 handles[NR], usable[NR];
	int i;

	for (i = 0; i < NR; i++) {
		ASSERT_EQ(do_alloc(self->fd, 1 + i % 16, GOALLOC_ALLOC_NOSCAN,
				   &handles[i], &usable[i]), 0);
		memset(self->buf, i, usable[i]);
		ASSERT_EQ(do_write(self->fd, handles[i], 0, self->buf,
				   usable[i]), 0);
	}
	for (i = 0; i < NR; i++) {
		ASSERT_EQ(do_read(self->fd, handles[i], 0, self->back,
				  usable[i]), 0);
		EXPECT_TRUE(all_bytes(self->back, usable[i], i));
		EXPECT_EQ(do_free(self->fd, handles[i]), 0);
	}
}

/* --- bad input returns an error and changes nothing ---------------------- */

TEST_F(dev, alloc_refuses)
{
	struct goalloc_ioc_alloc arg;
	__u64 before = live_objects();
	__u64 handle;
	int bit;

	EXPECT_EQ(do_alloc(self->fd, MAX_SIZE + 1, 0, &handle, NULL), -EINVAL);
	EXPECT_EQ(do_alloc(self->fd, 1ULL << 32, 0, &handle, NULL), -EINVAL);
	EXPECT_EQ(do_alloc(self->fd, 1ULL << 63, 0, &handle, NULL), -EINVAL);
	EXPECT_EQ(do_alloc(self->fd, ~0ULL, 0, &handle, NULL), -EINVAL);
	for (bit = 0; bit < 32; bit++) {
		if (GOALLOC_ALLOC_FLAGS & 1U << bit)
			continue;
		EXPECT_EQ(do_alloc(self->fd, 64, 1U << bit, &handle, NULL),
			  -EINVAL);
	}
	arg = (struct goalloc_ioc_alloc){ .size = 64, .pad = 1 };
	EXPECT_EQ(call(self->fd, GOALLOC_IOC_ALLOC, &arg), -EINVAL);
	EXPECT_EQ(arg.handle, 0);
	arg = (struct goalloc_ioc_alloc){ .size = 64, .node = 1 };
	EXPECT_EQ(call(self->fd, GOALLOC_IOC_ALLOC, &arg), -EINVAL);
	EXPECT_EQ(live_objects(), before);
}

TEST_F(dev, bad_handles)
{
	static const __u64 bad[] = {
		0, NO_HANDLE, 1ULL << 32, (1ULL << 32) + 1, ~0ULL,
	};
	__u64 usable, handle;
	unsigned int i;

	ASSERT_EQ(do_alloc(self->fd, 64, 0, &handle, NULL), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(do_free(self->fd, bad[i]), -ENOENT);
		EXPECT_EQ(do_size(self->fd, bad[i], &usable), -ENOENT);
		EXPECT_EQ(do_read(self->fd, bad[i], 0, self->buf, 1), -ENOENT);
		EXPECT_EQ(do_write(self->fd, bad[i], 0, self->buf, 1),
			  -ENOENT);
	}
	EXPECT_EQ(do_size(self->fd, handle | 1ULL << 32, &usable), -ENOENT);
	EXPECT_EQ(do_free(self->fd, handle), 0);
}

TEST_F(dev, handle_freed_twice)
{
	__u64 before = live_objects();
	__u64 a, b, usable;

	ASSERT_EQ(do_alloc(self->fd, 64, 0, &a, NULL), 0);
	ASSERT_EQ(do_free(self->fd, a), 0);
	EXPECT_EQ(do_free(self->fd, a), -ENOENT);
	EXPECT_EQ(do_size(self->fd, a, &usable), -ENOENT);
	EXPECT_EQ(do_read(self->fd, a, 0, self->buf, 1), -ENOENT);

	/* An old handle does not name the next object. */
	ASSERT_EQ(do_alloc(self->fd, 64, 0, &b, NULL), 0);
	EXPECT_NE(a, b);
	EXPECT_EQ(do_free(self->fd, a), -ENOENT);
	EXPECT_EQ(do_free(self->fd, b), 0);
	EXPECT_EQ(live_objects(), before);
}

TEST_F(dev, out_of_bounds)
{
	static const unsigned long cmds[] = {
		GOALLOC_IOC_READ, GOALLOC_IOC_WRITE,
	};
	__u64 h, usable;
	int i;

	ASSERT_EQ(do_alloc(self->fd, 100, 0, &h, &usable), 0);
	memset(self->buf, 0x11, 2 * MAX_SIZE);
	for (i = 0; i < 2; i++) {
		unsigned long cmd = cmds[i];
		int fd = self->fd;
		void *buf = self->buf;

		EXPECT_EQ(do_io(fd, cmd, h, usable, buf, 0), 0);
		EXPECT_EQ(do_io(fd, cmd, h, usable - 1, buf, 1), 0);
		EXPECT_EQ(do_io(fd, cmd, h, usable, buf, 1), -EINVAL);
		EXPECT_EQ(do_io(fd, cmd, h, usable + 1, buf, 0), -EINVAL);
		EXPECT_EQ(do_io(fd, cmd, h, 0, buf, usable + 1), -EINVAL);
		EXPECT_EQ(do_io(fd, cmd, h, 1, buf, usable), -EINVAL);
		EXPECT_EQ(do_io(fd, cmd, h, 0, buf, MAX_SIZE + 1), -EINVAL);
		EXPECT_EQ(do_io(fd, cmd, h, 0, buf, ~0ULL), -EINVAL);
		EXPECT_EQ(do_io(fd, cmd, h, 1, buf, ~0ULL), -EINVAL);
		EXPECT_EQ(do_io(fd, cmd, h, ~0ULL, buf, 1), -EINVAL);
		EXPECT_EQ(do_io(fd, cmd, h, ~0ULL, buf, 2), -EINVAL);
		EXPECT_EQ(do_io(fd, cmd, h, ~0ULL, buf, ~0ULL), -EINVAL);
		EXPECT_EQ(do_io(fd, cmd, h, 1ULL << 32, buf, 1), -EINVAL);
	}
	ASSERT_EQ(do_read(self->fd, h, 0, self->back, usable), 0);
	EXPECT_TRUE(all_bytes(self->back, usable - 1, 0));
}

TEST_F(dev, bad_pointers)
{
	static const unsigned long cmds[] = {
		GOALLOC_IOC_ALLOC, GOALLOC_IOC_FREE, GOALLOC_IOC_READ,
		GOALLOC_IOC_WRITE, GOALLOC_IOC_STAT, GOALLOC_IOC_MEMSTATS,
	};
	size_t page = sysconf(_SC_PAGESIZE);
	char *p = guarded_pages(PROT_READ | PROT_WRITE);
	__u64 before = live_objects();
	unsigned int i;

	ASSERT_NE(p, NULL);
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		EXPECT_EQ(call(self->fd, cmds[i], NULL), -EFAULT);
		EXPECT_EQ(call(self->fd, cmds[i], (void *)-4096L), -EFAULT);
		EXPECT_EQ(call(self->fd, cmds[i], p + page), -EFAULT);
		EXPECT_EQ(call(self->fd, cmds[i], p + page - 4), -EFAULT);
	}
	EXPECT_EQ(live_objects(), before);
}

/* If the handle cannot be stored, the object is freed again. */
TEST_F(dev, result_cannot_be_stored)
{
	char *p = guarded_pages(PROT_READ | PROT_WRITE);
	size_t page = sysconf(_SC_PAGESIZE);
	struct goalloc_ioc_alloc *arg;
	struct goalloc_ioc_stat *size;
	__u64 before = live_objects();
	__u64 next, usable, i;

	ASSERT_NE(p, NULL);
	arg = (void *)p;
	arg->size = 4096;
	size = (void *)(p + 512);
	ASSERT_EQ(do_alloc(self->fd, 64, 0, &next, NULL), 0);
	size->handle = next;
	ASSERT_EQ(mprotect(p, page, PROT_READ), 0);

	for (i = 0; i < 10; i++)
		EXPECT_EQ(call(self->fd, GOALLOC_IOC_ALLOC, arg), -EFAULT);
	EXPECT_EQ(arg->handle, 0);
	EXPECT_EQ(live_objects(), before + 1);
	for (i = 1; i < 20; i++)
		EXPECT_EQ(do_size(self->fd, next + i, &usable), -ENOENT);
	EXPECT_EQ(call(self->fd, GOALLOC_IOC_STAT, size), -EFAULT);
	EXPECT_EQ(do_free(self->fd, next), 0);
}

/* A buffer that faults half way leaves the object untouched. */
TEST_F(dev, buffer_faults_half_way)
{
	char *p = guarded_pages(PROT_READ | PROT_WRITE);
	size_t page = sysconf(_SC_PAGESIZE);
	__u64 handle, usable;

	ASSERT_NE(p, NULL);
	memset(p, 0x77, page);
	ASSERT_EQ(do_alloc(self->fd, 8192, 0, &handle, &usable), 0);
	memset(self->buf, 0x11, usable);
	ASSERT_EQ(do_write(self->fd, handle, 0, self->buf, usable), 0);

	EXPECT_EQ(do_write(self->fd, handle, 0, p + page - 100, 200), -EFAULT);
	EXPECT_EQ(do_write(self->fd, handle, 0, p, usable), -EFAULT);
	EXPECT_EQ(do_write(self->fd, handle, 0, NULL, 1), -EFAULT);
	EXPECT_EQ(do_write(self->fd, handle, 0, (void *)-4096L, 1), -EFAULT);
	ASSERT_EQ(do_read(self->fd, handle, 0, self->back, usable), 0);
	EXPECT_TRUE(all_bytes(self->back, usable, 0x11));

	EXPECT_EQ(do_read(self->fd, handle, 0, p + page - 100, 200), -EFAULT);
	EXPECT_EQ(do_read(self->fd, handle, 0, NULL, 1), -EFAULT);
	EXPECT_EQ(do_read(self->fd, handle, 0, (void *)-4096L, 1), -EFAULT);
	EXPECT_EQ(do_free(self->fd, handle), 0);
}

#define FIRST_NR	_IOC_NR(GOALLOC_IOC_ALLOC)
#define LAST_NR		_IOC_NR(GOALLOC_IOC_RUN)

TEST_F(dev, unknown_commands)
{
	char arg[8192] = { 0 };
	unsigned int nr;

	for (nr = 0; nr < 256; nr++) {
		EXPECT_EQ(call(self->fd, _IO('g', nr), arg), -ENOTTY);
		if (nr >= FIRST_NR && nr <= LAST_NR)
			continue;
		EXPECT_EQ(call(self->fd, _IOR('g', nr, __u64), arg), -ENOTTY);
		EXPECT_EQ(call(self->fd, _IOW('g', nr, __u64), arg), -ENOTTY);
		EXPECT_EQ(call(self->fd, _IOWR('g', nr, __u64), arg), -ENOTTY);
	}
	/* The right number with a wrong direction or type. */
	EXPECT_EQ(call(self->fd, _IOR('g', 0x81, __u64), arg), -ENOTTY);
	EXPECT_EQ(call(self->fd, _IOR('g', 0x82, struct goalloc_ioc_io), arg),
		  -ENOTTY);
	EXPECT_EQ(call(self->fd, _IOW('g', 0x85, struct goalloc_memstats),
		       arg), -ENOTTY);
	EXPECT_EQ(call(self->fd, _IOR('G', 0x85, struct goalloc_memstats),
		       arg), -ENOTTY);
	EXPECT_EQ(call(self->fd, 0, arg), -ENOTTY);
	EXPECT_EQ(call(self->fd, 0xffffffffUL, arg), -ENOTTY);
}

static unsigned long resized(unsigned long cmd, unsigned long size)
{
	return (cmd & ~((unsigned long)_IOC_SIZEMASK << _IOC_SIZESHIFT)) |
	       size << _IOC_SIZESHIFT;
}

/* A structure that is shorter than the first version, and a longer one. */
TEST_F(dev, structures_of_another_age)
{
	static const unsigned long cmds[] = {
		GOALLOC_IOC_ALLOC, GOALLOC_IOC_FREE, GOALLOC_IOC_READ,
		GOALLOC_IOC_WRITE, GOALLOC_IOC_STAT, GOALLOC_IOC_REALLOC,
		GOALLOC_IOC_FILL, GOALLOC_IOC_VERIFY, GOALLOC_IOC_ALLOC_BULK,
		GOALLOC_IOC_FREE_BULK, GOALLOC_IOC_BYSIZE, GOALLOC_IOC_RUN,
	};
	struct {
		struct goalloc_ioc_alloc arg;
		__u64 more;
	} future = { .arg = { .size = 64 } };
	__u64 before = live_objects();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		unsigned long size = _IOC_SIZE(cmds[i]);
		char arg[4096] = { 0 };

		EXPECT_EQ(call(self->fd, resized(cmds[i], 0), arg), -EINVAL);
		EXPECT_EQ(call(self->fd, resized(cmds[i], size - 1), arg),
			  -EINVAL);
		arg[size] = 1;
		EXPECT_EQ(call(self->fd, resized(cmds[i], size + 8), arg),
			  -E2BIG);
	}
	/* A longer structure is fine if the unknown field is zero. */
	ASSERT_EQ(call(self->fd, resized(GOALLOC_IOC_ALLOC, sizeof(future)),
		       &future), 0);
	EXPECT_GE(future.arg.usable, 64);
	EXPECT_EQ(do_free(self->fd, future.arg.handle), 0);
	EXPECT_EQ(live_objects(), before);
}

TEST_F(dev, not_a_file)
{
	char c = 0;

	EXPECT_EQ(read(self->fd, &c, 1), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(write(self->fd, &c, 1), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(lseek(self->fd, 0, SEEK_SET), -1);
	EXPECT_EQ(errno, ESPIPE);
}

/* --- descriptors --------------------------------------------------------- */

/* A handle means nothing to another descriptor. */
TEST_F(dev, descriptors_are_apart)
{
	int other = open(DEVICE, O_RDWR | O_CLOEXEC);
	__u64 mine, theirs, usable;

	ASSERT_GE(other, 0);
	ASSERT_EQ(do_alloc(self->fd, 64, 0, &mine, NULL), 0);
	EXPECT_EQ(do_size(other, mine, &usable), -ENOENT);
	EXPECT_EQ(do_read(other, mine, 0, self->buf, 1), -ENOENT);
	EXPECT_EQ(do_write(other, mine, 0, self->buf, 1), -ENOENT);
	EXPECT_EQ(do_free(other, mine), -ENOENT);

	/* Both descriptors may use the same number for their own objects. */
	ASSERT_EQ(do_alloc(other, 64, 0, &theirs, NULL), 0);
	ASSERT_EQ(do_write(self->fd, mine, 0, "mine", 5), 0);
	ASSERT_EQ(do_write(other, theirs, 0, "theirs", 7), 0);
	EXPECT_EQ(close(other), 0);
	ASSERT_EQ(do_read(self->fd, mine, 0, self->back, 5), 0);
	EXPECT_STREQ((char *)self->back, "mine");
}

TEST_F(dev, close_frees_everything)
{
	int other = open(DEVICE, O_RDWR | O_CLOEXEC);
	__u64 before = live_objects();
	__u64 handle;
	int i, copy;

	ASSERT_GE(other, 0);
	for (i = 0; i < 5000; i++)
		EXPECT_EQ(do_alloc(other, 16 + i % 3000, 0, &handle, NULL), 0);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(do_alloc(other, 1 << 20, 0, &handle, NULL), 0);
	EXPECT_EQ(live_objects(), before + 5004);

	/* A duplicate of the descriptor keeps the objects. */
	copy = dup(other);
	ASSERT_GE(copy, 0);
	EXPECT_EQ(close(other), 0);
	EXPECT_EQ(live_objects(), before + 5004);
	EXPECT_EQ(do_free(copy, handle), 0);
	EXPECT_EQ(close(copy), 0);
	EXPECT_EQ(live_objects(), before);
}

TEST_F(dev, killed_process_leaves_nothing)
{
	__u64 before = live_objects();
	int ready[2], status;
	char c;
	pid_t pid;

	ASSERT_EQ(pipe(ready), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int fd = open(DEVICE, O_RDWR);
		__u64 handle;
		int i;

		for (i = 0; i < 100; i++)
			if (do_alloc(fd, 1000, 0, &handle, NULL))
				_exit(1);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	EXPECT_EQ(live_objects(), before + 100);
	kill(pid, SIGKILL);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(live_objects(), before);
}

TEST_F(dev, read_only_may_look)
{
	int fd = open(DEVICE, O_RDONLY | O_CLOEXEC);
	struct goalloc_memstats m;
	__u64 handle, usable;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(call(fd, GOALLOC_IOC_MEMSTATS, &m), 0);
	EXPECT_EQ(do_alloc(fd, 64, 0, &handle, NULL), -EBADF);
	EXPECT_EQ(do_free(fd, 1), -EBADF);
	EXPECT_EQ(do_write(fd, 1, 0, self->buf, 1), -EBADF);
	EXPECT_EQ(do_read(fd, 1, 0, self->buf, 1), -ENOENT);
	EXPECT_EQ(do_size(fd, 1, &usable), -ENOENT);
	EXPECT_EQ(call(fd, _IO('g', 0x99), NULL), -ENOTTY);
	close(fd);

	fd = open(DEVICE, O_WRONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(do_alloc(fd, 64, 0, &handle, NULL), 0);
	EXPECT_EQ(do_write(fd, handle, 0, "x", 1), 0);
	EXPECT_EQ(do_read(fd, handle, 0, self->buf, 1), -EBADF);
	EXPECT_EQ(do_free(fd, handle), 0);
	close(fd);
}

/* --- threads ------------------------------------------------------------- */

#define NR_ROUNDS	2000
#define NR_SLOTS	8
#define SLOT_SIZE	512

static struct {
	int fd;
	int stop;
	__u64 slots[NR_SLOTS];
} shared;

/* Each thread has its own objects on the same descriptor. */
static void *own_objects(void *arg)
{
	unsigned char in[4096], out[4096];
	unsigned int me = (intptr_t)arg, i;
	__u64 handle, usable, size;

	for (i = 0; i < NR_ROUNDS; i++) {
		size = 1 + (i * 97 + me * 13) % sizeof(in);
		memset(in, i + me, size);
		if (do_alloc(shared.fd, size, 0, &handle, &usable)) {
			failed_unless(0);
			continue;
		}
		failed_unless(usable >= size);
		failed_unless(!do_write(shared.fd, handle, 0, in, size));
		failed_unless(!do_read(shared.fd, handle, 0, out, size));
		failed_unless(!memcmp(in, out, size));
		failed_unless(!do_free(shared.fd, handle));
	}
	return NULL;
}

TEST_F_TIMEOUT(dev, threads_apart, 300)
{
	__u64 before = live_objects();

	shared.fd = self->fd;
	EXPECT_EQ(run_threads(own_objects), 0);
	EXPECT_EQ(live_objects(), before);
}

/*
 * All threads read, write, free and replace the same few objects.  A write
 * fills an object with one byte, so a read that returns two different bytes has
 * seen half a write or another object's memory.
 */
static void *same_objects(void *arg)
{
	unsigned char buf[SLOT_SIZE];
	unsigned int seed = (intptr_t)arg + 1, i;
	__u64 handle, old;
	int err;

	for (i = 0; i < NR_ROUNDS; i++) {
		__u64 *slot = &shared.slots[rand_r(&seed) % NR_SLOTS];

		handle = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
		switch (rand_r(&seed) % 4) {
		case 0:
			memset(buf, rand_r(&seed), sizeof(buf));
			err = do_write(shared.fd, handle, 0, buf, sizeof(buf));
			failed_unless(!err || err == -ENOENT);
			break;
		case 1:
			err = do_free(shared.fd, handle);
			failed_unless(!err || err == -ENOENT);
			break;
		case 2:
			failed_unless(!do_alloc(shared.fd, SLOT_SIZE, 0,
						&handle, NULL));
			old = __atomic_exchange_n(slot, handle,
						  __ATOMIC_ACQ_REL);
			err = do_free(shared.fd, old);
			failed_unless(!err || err == -ENOENT);
			break;
		default:
			err = do_read(shared.fd, handle, 0, buf, sizeof(buf));
			failed_unless(!err || err == -ENOENT);
			failed_unless(err ||
				      all_bytes(buf, sizeof(buf), buf[0]));
		}
	}
	return NULL;
}

TEST_F_TIMEOUT(dev, threads_together, 300)
{
	__u64 before = live_objects();
	int i;

	shared.fd = self->fd;
	EXPECT_EQ(run_threads(same_objects), 0);
	for (i = 0; i < NR_SLOTS; i++)
		do_free(self->fd, shared.slots[i]);
	EXPECT_EQ(live_objects(), before);
}

/* --- MemStats ------------------------------------------------------------ */

/* Sums over all classes of MemStats. */
struct sums {
	__u64 mallocs, frees, live, total;
};

static struct sums sum_classes(const struct goalloc_memstats *m)
{
	struct sums s = {
		.mallocs = m->by_size[0].mallocs + m->cache_mallocs,
		.frees = m->by_size[0].frees + m->cache_frees,
		.live = m->large_alloc + m->cache_alloc,
		.total = m->large_total_alloc + m->cache_total_alloc,
	};
	int i;

	for (i = 1; i < GOALLOC_NR_CLASSES; i++) {
		const struct goalloc_by_size *c = &m->by_size[i];

		s.mallocs += c->mallocs;
		s.frees += c->frees;
		s.live += c->size * (c->mallocs - c->frees);
		s.total += c->size * c->mallocs;
	}
	return s;
}

static void check_identities(struct __test_metadata *_metadata,
			     const struct goalloc_memstats *m)
{
	struct sums s = sum_classes(m);

	ASSERT_EQ(m->mallocs, s.mallocs);
	ASSERT_EQ(m->frees, s.frees);
	ASSERT_EQ(m->heap_alloc, s.live);
	ASSERT_EQ(m->total_alloc, s.total);
	ASSERT_EQ(m->alloc, m->heap_alloc);
	ASSERT_EQ(m->heap_objects, m->mallocs - m->frees);
	ASSERT_EQ(m->heap_sys, m->heap_idle + m->heap_inuse);
	ASSERT_LE(m->heap_alloc, m->heap_inuse);
	ASSERT_LE(m->mspan_inuse, m->mspan_sys);
	ASSERT_LE(m->mcache_inuse, m->mcache_sys);
	ASSERT_EQ(m->sys, m->heap_sys + m->stack_sys + m->mspan_sys +
		  m->mcache_sys + m->buck_hash_sys + m->gc_sys + m->other_sys +
		  m->vmalloc_sys);
	ASSERT_LE(m->total_requested, m->total_alloc);
	ASSERT_LE(m->tiny_frees, m->tiny_allocs);
}

TEST_F(dev, memstats_classes)
{
	struct goalloc_memstats m;
	int i;

	ASSERT_EQ(call(self->fd, GOALLOC_IOC_MEMSTATS, &m), 0);
	EXPECT_EQ(m.by_size[1].size, 8);
	EXPECT_EQ(m.by_size[GOALLOC_NR_CLASSES - 1].size, 32768);
	for (i = 2; i < GOALLOC_NR_CLASSES; i++) {
		if (m.by_size[i].size <= m.by_size[i - 1].size)
			break;
	}
	EXPECT_EQ(i, GOALLOC_NR_CLASSES);
	EXPECT_EQ(m.num_gc, 0);
	EXPECT_EQ(m.stack_sys, 0);
	EXPECT_TRUE(all_bytes((void *)m.pause_ns, sizeof(m.pause_ns), 0));
}

TEST_F(dev, memstats_counts)
{
	struct goalloc_memstats a, b, c;
	__u64 handle, usable, large, large_usable;

	ASSERT_EQ(call(self->fd, GOALLOC_IOC_MEMSTATS, &a), 0);
	ASSERT_EQ(do_alloc(self->fd, 520, 0, &handle, &usable), 0);
	ASSERT_EQ(do_alloc(self->fd, 100000, 0, &large, &large_usable), 0);
	ASSERT_EQ(call(self->fd, GOALLOC_IOC_MEMSTATS, &b), 0);
	EXPECT_EQ(b.mallocs, a.mallocs + 2);
	EXPECT_EQ(b.heap_alloc, a.heap_alloc + usable + large_usable);
	EXPECT_EQ(b.large_alloc, a.large_alloc + large_usable);
	EXPECT_EQ(b.total_requested, a.total_requested + 520 + 100000);
	EXPECT_EQ(b.by_size[0].mallocs, a.by_size[0].mallocs + 1);
	ASSERT_EQ(do_free(self->fd, handle), 0);
	ASSERT_EQ(do_free(self->fd, large), 0);
	ASSERT_EQ(call(self->fd, GOALLOC_IOC_MEMSTATS, &c), 0);
	EXPECT_EQ(c.frees, a.frees + 2);
	EXPECT_EQ(c.heap_alloc, a.heap_alloc);
	EXPECT_EQ(c.large_alloc, a.large_alloc);
	EXPECT_EQ(c.misuses, a.misuses);
}

static void *alloc_and_free(void *arg)
{
	__u64 handles[64] = { 0 };
	unsigned int seed = (intptr_t)arg + 1, i;

	while (!__atomic_load_n(&shared.stop, __ATOMIC_RELAXED)) {
		i = rand_r(&seed) % 64;
		if (handles[i])
			failed_unless(!do_free(shared.fd, handles[i]));
		failed_unless(!do_alloc(shared.fd, rand_r(&seed) % 65536,
					rand_r(&seed) & ZERO_NOSCAN,
					&handles[i], NULL));
	}
	return NULL;
}

/* While threads allocate the identities hold, and totals never fall. */
TEST_F_TIMEOUT(dev, memstats_under_load, 300)
{
	struct goalloc_memstats m, last = { 0 };
	int i;

	shared.fd = self->fd;
	ASSERT_EQ(start_threads(alloc_and_free), 0);
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(call(self->fd, GOALLOC_IOC_MEMSTATS, &m), 0);
		check_identities(_metadata, &m);
		ASSERT_GE(m.mallocs, last.mallocs);
		ASSERT_GE(m.frees, last.frees);
		ASSERT_GE(m.total_alloc, last.total_alloc);
		ASSERT_GE(m.heap_released, last.heap_released);
		last = m;
	}
	__atomic_store_n(&shared.stop, 1, __ATOMIC_RELAXED);
	EXPECT_EQ(join_threads(), 0);
	EXPECT_GT(last.mallocs, 0);
}

/* An older program gets its fields; a newer one gets zeroes for the rest. */
TEST_F(dev, memstats_of_any_size)
{
	size_t size = sizeof(struct goalloc_memstats);
	unsigned char buf[16384];

	memset(buf, 0xff, sizeof(buf));
	ASSERT_EQ(call(self->fd, _IOC(_IOC_READ, 'g', 0x85, size + 512), buf),
		  0);
	EXPECT_TRUE(all_bytes(buf + size, 512, 0));
	EXPECT_TRUE(all_bytes(buf + size + 512, 512, 0xff));

	memset(buf, 0xff, sizeof(buf));
	ASSERT_EQ(call(self->fd, _IOC(_IOC_READ, 'g', 0x85, 24), buf), 0);
	EXPECT_FALSE(all_bytes(buf + 16, 8, 0xff));
	EXPECT_TRUE(all_bytes(buf + 24, 512, 0xff));

	EXPECT_EQ(call(self->fd, _IOC(_IOC_READ, 'g', 0x85, 0), buf), -EINVAL);
	EXPECT_EQ(call(self->fd, _IOC(_IOC_READ, 'g', 0x85, 20), buf),
		  -EINVAL);
}

TEST_HARNESS_MAIN
