// SPDX-License-Identifier: GPL-2.0
/*
 * mmap(2) of /dev/goalloc: which objects can be mapped and how.  A mapped
 * object stays until its last area is unmapped, even if its handle is freed,
 * the descriptor closed or the process killed.
 *
 * Run as root with goalloc loaded and nothing else using it.  Output is TAP.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "dev_common.h"
#include "dev_threads.h"

#define LENGTH	(1UL << 16)

FIXTURE(map)
{
	int fd;
	long page;
	__u64 before;	/* live objects at the start */
	__u64 handle;	/* an object of LENGTH bytes */
	off_t offset;	/* its offset for mmap() */
};

FIXTURE_SETUP(map)
{
	struct goalloc_ioc_stat st;

	self->page = sysconf(_SC_PAGESIZE);
	self->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	self->before = live_objects();
	ASSERT_EQ(do_alloc(self->fd, LENGTH, 0, &self->handle, NULL), 0);
	ASSERT_EQ(do_stat(self->fd, self->handle, &st), 0);
	ASSERT_EQ(st.map_length, LENGTH);
	EXPECT_EQ(st.map_offset, self->handle * self->page);
	self->offset = st.map_offset;
}

FIXTURE_TEARDOWN(map)
{
	close(self->fd);
}

static unsigned char *map(int fd, size_t length, off_t offset)
{
	return mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    offset);
}

static int map_errno(int fd, size_t length, int prot, int flags, off_t offset)
{
	void *p = mmap(NULL, length, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		return errno;
	munmap(p, length);
	return 0;
}

TEST_F(map, shows_the_object)
{
	unsigned char *p = map(self->fd, LENGTH, self->offset);
	unsigned char c = 0;
	size_t i;

	ASSERT_NE(p, MAP_FAILED);
	EXPECT_TRUE(all_bytes(p, LENGTH, 0));
	for (i = 0; i < LENGTH; i += 1000) {
		p[i] = i / 1000 + 1;
		ASSERT_EQ(do_read(self->fd, self->handle, i, &c, 1), 0);
		EXPECT_EQ(c, p[i]);
	}
	ASSERT_EQ(do_write(self->fd, self->handle, LENGTH - 1, "!", 1), 0);
	EXPECT_EQ(p[LENGTH - 1], '!');
	EXPECT_EQ(munmap(p, LENGTH), 0);
}

/* An object of any size is mapped as a whole or not at all. */
TEST_F(map, sizes)
{
	static const __u64 sizes[] = {
		1, 64, 1024, 4096, 5000, 6144, 8192, 9472, 12288, 16384, 20480,
		24576, 28672, 32768, 32769, 40960, 100000, 1 << 20, 4 << 20,
	};
	struct goalloc_ioc_stat st;
	unsigned char *p;
	unsigned int i;
	__u64 handle;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(do_alloc(self->fd, sizes[i], 0, &handle, NULL), 0);
		ASSERT_EQ(do_stat(self->fd, handle, &st), 0);
		EXPECT_EQ(st.map_length % self->page, 0);
		if (st.usable < (__u64)self->page)
			EXPECT_EQ(st.map_length, 0);
		if (sizes[i] > 32768)
			EXPECT_EQ(st.map_length, st.usable);
		if (!st.map_length) {
			EXPECT_EQ(map_errno(self->fd, self->page, PROT_READ,
					    MAP_SHARED, handle * self->page),
				  EINVAL);
		} else {
			ASSERT_EQ(st.map_length, st.usable);
			p = map(self->fd, st.map_length, st.map_offset);
			ASSERT_NE(p, MAP_FAILED);
			EXPECT_TRUE(all_bytes(p, st.map_length, 0));
			memset(p, 0x5a, st.map_length);
			EXPECT_EQ(munmap(p, st.map_length), 0);
		}
		EXPECT_EQ(do_free(self->fd, handle), 0);
	}
}

TEST_F(map, refuses)
{
	int fd = self->fd;
	int rw = PROT_READ | PROT_WRITE;
	off_t none = self->offset + self->page;
	int ro, other;
	void *p;

	/* Parts of an object, and more than it has. */
	EXPECT_EQ(map_errno(fd, self->page, rw, MAP_SHARED, self->offset),
		  EINVAL);
	EXPECT_EQ(map_errno(fd, LENGTH - self->page, rw, MAP_SHARED,
			    self->offset), EINVAL);
	EXPECT_EQ(map_errno(fd, LENGTH + 1, rw, MAP_SHARED, self->offset),
		  EINVAL);
	EXPECT_EQ(map_errno(fd, 2 * LENGTH, rw, MAP_SHARED, self->offset),
		  EINVAL);
	/* Offsets that name no object of this descriptor. */
	EXPECT_EQ(map_errno(fd, LENGTH, rw, MAP_SHARED, 0), ENOENT);
	EXPECT_EQ(map_errno(fd, LENGTH, rw, MAP_SHARED, none), ENOENT);
	/* The C library of 32-bit programs refuses these offsets. */
	if (sizeof(long) == 8) {
		EXPECT_EQ(map_errno(fd, LENGTH, rw, MAP_SHARED,
				    (off_t)(1ULL << 62)), ENOENT);
		EXPECT_EQ(map_errno(fd, LENGTH, rw, MAP_SHARED, (off_t)
				    ((1ULL << 32) * self->page) + self->offset),
			  ENOENT);
	}
	other = open(DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(other, 0);
	EXPECT_EQ(map_errno(other, LENGTH, rw, MAP_SHARED, self->offset),
		  ENOENT);
	close(other);
	/* Private copies, and executable areas. */
	EXPECT_EQ(map_errno(fd, LENGTH, rw, MAP_PRIVATE, self->offset), EINVAL);
	EXPECT_EQ(map_errno(fd, LENGTH, PROT_READ, MAP_PRIVATE, self->offset),
		  EINVAL);
	EXPECT_EQ(map_errno(fd, LENGTH, rw | PROT_EXEC, MAP_SHARED,
			    self->offset), EINVAL);
	p = map(fd, LENGTH, self->offset);
	ASSERT_NE(p, MAP_FAILED);
	EXPECT_EQ(mprotect(p, LENGTH, PROT_READ | PROT_EXEC), -1);
	EXPECT_EQ(errno, EACCES);
	munmap(p, LENGTH);
	/* A freed object. */
	EXPECT_EQ(do_free(fd, self->handle), 0);
	EXPECT_EQ(map_errno(fd, LENGTH, rw, MAP_SHARED, self->offset), ENOENT);
	/* Writable areas of a read-only descriptor. */
	ro = open(DEVICE, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(ro, 0);
	EXPECT_EQ(map_errno(ro, LENGTH, rw, MAP_SHARED, self->offset), EACCES);
	close(ro);
	EXPECT_EQ(live_objects(), self->before);
}

/* The mapping outlives the handle and then the descriptor. */
TEST_F(map, outlives_name_and_descriptor)
{
	unsigned char *p = map(self->fd, LENGTH, self->offset);
	__u64 handle;
	int i;

	ASSERT_NE(p, MAP_FAILED);
	memset(p, 0x77, LENGTH);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-maps"), 1);
	EXPECT_EQ(do_free(self->fd, self->handle), 0);
	EXPECT_EQ(do_free(self->fd, self->handle), -ENOENT);
	/* It still counts, so that a mapping cannot evade a limit. */
	EXPECT_EQ(fdinfo(self->fd, "goalloc-objects"), 1);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-bytes"),
		  LENGTH + handle_bytes());
	EXPECT_EQ(live_objects(), self->before + 1);
	/* Its pages are not handed out again. */
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(do_alloc(self->fd, LENGTH, 0, &handle, NULL), 0);
		ASSERT_EQ(do_write(self->fd, handle, 0, p, LENGTH / 2), 0);
		ASSERT_EQ(do_free(self->fd, handle), 0);
	}
	EXPECT_TRUE(all_bytes(p, LENGTH, 0x77));
	close(self->fd);
	EXPECT_EQ(live_objects(), self->before + 1);
	memset(p, 0x78, LENGTH);
	EXPECT_TRUE(all_bytes(p, LENGTH, 0x78));
	EXPECT_EQ(munmap(p, LENGTH), 0);
	EXPECT_EQ(live_objects(), self->before);
	self->fd = -1;
}

TEST_F(map, twice_and_in_parts)
{
	unsigned char *p = map(self->fd, LENGTH, self->offset);
	unsigned char *q = map(self->fd, LENGTH, self->offset);
	size_t third = LENGTH / 3 / self->page * self->page;
	struct goalloc_ioc_stat st;

	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	memset(p, 0x11, LENGTH);
	EXPECT_TRUE(all_bytes(q, LENGTH, 0x11));
	/* A hole splits one area into two. */
	EXPECT_EQ(munmap(p + third, self->page), 0);
	ASSERT_EQ(do_stat(self->fd, self->handle, &st), 0);
	EXPECT_EQ(st.maps, 3);
	p[0] = 1;
	p[LENGTH - 1] = 2;
	EXPECT_EQ(q[0], 1);
	EXPECT_EQ(q[LENGTH - 1], 2);
	EXPECT_EQ(do_free(self->fd, self->handle), 0);
	EXPECT_EQ(munmap(q, LENGTH), 0);
	EXPECT_EQ(munmap(p, third), 0);
	EXPECT_EQ(live_objects(), self->before + 1);
	EXPECT_EQ(p[LENGTH - 1], 2);
	EXPECT_EQ(munmap(p + third + self->page, LENGTH - third - self->page),
		  0);
	EXPECT_EQ(live_objects(), self->before);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-maps"), 0);
}

TEST_F(map, moves_but_does_not_grow)
{
	unsigned char *p = map(self->fd, LENGTH, self->offset), *q, *r;

	ASSERT_NE(p, MAP_FAILED);
	memset(p, 0x33, LENGTH);
	EXPECT_EQ(mremap(p, LENGTH, 2 * LENGTH, MREMAP_MAYMOVE), MAP_FAILED);
	EXPECT_EQ(errno, EFAULT);
	/* An old length of 0 asks for a second area of the same object. */
	EXPECT_EQ(mremap(p, 0, LENGTH, MREMAP_MAYMOVE), MAP_FAILED);
	r = mmap(NULL, LENGTH, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(r, MAP_FAILED);
	q = mremap(p, LENGTH, LENGTH, MREMAP_MAYMOVE | MREMAP_FIXED, r);
	ASSERT_EQ(q, r);
	EXPECT_TRUE(all_bytes(q, LENGTH, 0x33));
	EXPECT_EQ(fdinfo(self->fd, "goalloc-maps"), 1);
	EXPECT_EQ(do_free(self->fd, self->handle), 0);
	q[5] = 5;
	/* Shrinking unmaps the tail. */
	EXPECT_EQ(mremap(q, LENGTH, self->page, 0), q);
	EXPECT_EQ(q[5], 5);
	EXPECT_EQ(live_objects(), self->before + 1);
	EXPECT_EQ(munmap(q, self->page), 0);
	EXPECT_EQ(live_objects(), self->before);
}

TEST_F(map, fork)
{
	unsigned char *p = map(self->fd, LENGTH, self->offset);
	int to[2], from[2], status;
	pid_t pid;
	char c;

	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(pipe(to), 0);
	ASSERT_EQ(pipe(from), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		close(self->fd);
		p[1] = 1;
		if (write(from[1], "", 1) != 1 || read(to[0], &c, 1) != 1)
			_exit(1);
		/* Meanwhile the parent has freed, unmapped and closed. */
		p[2] = 2;
		_exit(p[1] == 1 && p[3] == 3 ? 0 : 2);
	}
	ASSERT_EQ(read(from[0], &c, 1), 1);
	EXPECT_EQ(p[1], 1);
	p[3] = 3;
	EXPECT_EQ(do_free(self->fd, self->handle), 0);
	EXPECT_EQ(munmap(p, LENGTH), 0);
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(live_objects(), self->before + 1);
	ASSERT_EQ(write(to[1], "", 1), 1);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(live_objects(), self->before);
}

TEST_F(map, killed_while_mapped)
{
	int ready[2], status, i;
	pid_t pid;
	char c;

	ASSERT_EQ(pipe(ready), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int fd = open(DEVICE, O_RDWR);
		__u64 handle;

		for (i = 0; i < 20; i++) {
			if (do_alloc(fd, LENGTH, 0, &handle, NULL))
				_exit(1);
			memset(map(fd, LENGTH, handle * self->page), i, LENGTH);
			if (i % 2)
				do_free(fd, handle);
		}
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	EXPECT_EQ(live_objects(), self->before + 21);
	kill(pid, SIGKILL);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(live_objects(), self->before + 1);
}

/* A mapped object does not move. */
TEST_F(map, realloc)
{
	unsigned char *p = map(self->fd, LENGTH, self->offset);
	__u64 usable;

	ASSERT_NE(p, MAP_FAILED);
	memset(p, 0x44, LENGTH);
	EXPECT_EQ(do_realloc(self->fd, self->handle, 2 * LENGTH, NULL), -EBUSY);
	EXPECT_EQ(do_realloc(self->fd, self->handle, 0, NULL), -EBUSY);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-bytes"),
		  LENGTH + handle_bytes());
	EXPECT_TRUE(all_bytes(p, LENGTH, 0x44));
	EXPECT_EQ(do_realloc(self->fd, self->handle, 100, &usable), 0);
	EXPECT_EQ(usable, LENGTH);
	EXPECT_TRUE(all_bytes(p, 100, 0x44));
	EXPECT_TRUE(all_bytes(p + 100, LENGTH - 100, 0));
	EXPECT_EQ(munmap(p, LENGTH), 0);
	EXPECT_EQ(do_realloc(self->fd, self->handle, 2 * LENGTH, &usable), 0);
	EXPECT_EQ(usable, 2 * LENGTH);
}

/* Read-only descriptors and areas. */
TEST_F(map, read_only)
{
	char path[64];
	void *p;
	int ro;

	/* Opening the path makes another open file, without our handles. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(ro, 0);
	EXPECT_EQ(map_errno(ro, LENGTH, PROT_READ, MAP_SHARED, self->offset),
		  ENOENT);
	close(ro);
	p = mmap(NULL, LENGTH, PROT_READ, MAP_SHARED, self->fd, self->offset);
	ASSERT_NE(p, MAP_FAILED);
	EXPECT_EQ(mprotect(p, LENGTH, PROT_READ | PROT_WRITE), 0);
	*(char *)p = 1;
	EXPECT_EQ(munmap(p, LENGTH), 0);
}

/* --- threads free, reallocate, map, read and write the same objects ------ */

#define NR_SLOTS	4
#define NR_ROUNDS	1500

static struct {
	int fd;
	__u64 slot[NR_SLOTS];
} shared;

static void map_and_check(__u64 handle)
{
	struct goalloc_ioc_stat st;
	unsigned char *p;

	if (do_stat(shared.fd, handle, &st) || !st.map_length)
		return;
	p = map(shared.fd, st.map_length, st.map_offset);
	if (p == MAP_FAILED) {
		/* By now it is freed, about to move, or of another size. */
		failed_unless(errno == ENOENT || errno == EBUSY ||
			      errno == EINVAL);
		return;
	}
	/* A write fills the front with one byte; all other bytes are zero. */
	failed_unless(p[0] == p[100] || !p[100] || !p[0]);
	p[st.map_length - 1] = 0;
	failed_unless(!munmap(p, st.map_length));
}

static void *use_shared_slots(void *arg)
{
	unsigned int seed = (intptr_t)arg + 1, i;
	unsigned char buf[4096];
	__u64 handle, old;
	int err;

	for (i = 0; i < NR_ROUNDS; i++) {
		__u64 *slot = &shared.slot[rand_r(&seed) % NR_SLOTS];

		handle = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
		switch (rand_r(&seed) % 6) {
		case 0:
			map_and_check(handle);
			continue;
		case 1:
			memset(buf, rand_r(&seed), sizeof(buf));
			err = do_write(shared.fd, handle, 0, buf, sizeof(buf));
			break;
		case 2:
			err = do_read(shared.fd, handle, 0, buf, sizeof(buf));
			break;
		case 3:
			err = do_free(shared.fd, handle);
			break;
		case 4:
			err = do_realloc(shared.fd, handle,
					 LENGTH << rand_r(&seed) % 3, NULL);
			if (err == -EBUSY)
				err = 0;
			break;
		default:
			failed_unless(!do_alloc(shared.fd, LENGTH, 0, &handle,
						NULL));
			old = __atomic_exchange_n(slot, handle,
						  __ATOMIC_ACQ_REL);
			err = do_free(shared.fd, old);
		}
		failed_unless(!err || err == -ENOENT);
	}
	return NULL;
}

TEST_F_TIMEOUT(map, threads, 300)
{
	int i;

	shared.fd = self->fd;
	EXPECT_EQ(run_threads(use_shared_slots), 0);
	for (i = 0; i < NR_SLOTS; i++)
		do_free(self->fd, shared.slot[i]);
	EXPECT_EQ(live_objects(), self->before + 1);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-maps"), 0);
}

TEST_HARNESS_MAIN
