// SPDX-License-Identifier: GPL-2.0
/*
 * Objects of /dev/goalloc in an address space: which can be mapped and how, and
 * that what is mapped stays until the last area is gone, whatever happens to
 * the name, the descriptor and the process.
 *
 * Run as root with goalloc loaded and nothing else using it.  Output is TAP.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "dev_common.h"

#define LENGTH	(1UL << 16)

FIXTURE(map)
{
	int fd;
	long page;
	__u64 before;	/* objects live */
	__u64 handle;	/* one of LENGTH bytes */
	off_t offset;	/* its */
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

/* Every size is mapped whole or not at all; what is behind it is not there. */
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

	/* Parts, and more than there is. */
	EXPECT_EQ(map_errno(fd, self->page, rw, MAP_SHARED, self->offset),
		  EINVAL);
	EXPECT_EQ(map_errno(fd, LENGTH - self->page, rw, MAP_SHARED,
			    self->offset), EINVAL);
	EXPECT_EQ(map_errno(fd, LENGTH + 1, rw, MAP_SHARED, self->offset),
		  EINVAL);
	EXPECT_EQ(map_errno(fd, 2 * LENGTH, rw, MAP_SHARED, self->offset),
		  EINVAL);
	/* Offsets that name nothing, or nothing of this descriptor. */
	EXPECT_EQ(map_errno(fd, LENGTH, rw, MAP_SHARED, 0), ENOENT);
	EXPECT_EQ(map_errno(fd, LENGTH, rw, MAP_SHARED, none), ENOENT);
	/* A 32-bit program cannot say these: its C library refuses them. */
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
	/* Copies and code. */
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
	/* What was freed. */
	EXPECT_EQ(do_free(fd, self->handle), 0);
	EXPECT_EQ(map_errno(fd, LENGTH, rw, MAP_SHARED, self->offset), ENOENT);
	/* More than the descriptor may. */
	ro = open(DEVICE, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(ro, 0);
	EXPECT_EQ(map_errno(ro, LENGTH, rw, MAP_SHARED, self->offset), EACCES);
	close(ro);
	EXPECT_EQ(live_objects(), self->before);
}

/* The name goes, then the descriptor: the mapping does not care. */
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
	/* It still counts: nobody gets around a limit this way. */
	EXPECT_EQ(fdinfo(self->fd, "goalloc-objects"), 1);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-bytes"),
		  LENGTH + handle_bytes());
	EXPECT_EQ(live_objects(), self->before + 1);
	/* Its pages are nobody else's. */
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
	size_t third = 5 * self->page;
	struct goalloc_ioc_stat st;

	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	memset(p, 0x11, LENGTH);
	EXPECT_TRUE(all_bytes(q, LENGTH, 0x11));
	/* A hole makes two areas of one. */
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
	/* A second area of nothing at all: from a length of 0. */
	EXPECT_EQ(mremap(p, 0, LENGTH, MREMAP_MAYMOVE), MAP_FAILED);
	r = mmap(NULL, LENGTH, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(r, MAP_FAILED);
	q = mremap(p, LENGTH, LENGTH, MREMAP_MAYMOVE | MREMAP_FIXED, r);
	ASSERT_EQ(q, r);
	EXPECT_TRUE(all_bytes(q, LENGTH, 0x33));
	EXPECT_EQ(fdinfo(self->fd, "goalloc-maps"), 1);
	EXPECT_EQ(do_free(self->fd, self->handle), 0);
	q[5] = 5;
	/* Shrinking is a munmap() of the tail. */
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
		/* The parent has freed, unmapped and closed. */
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

/* What is mapped stays where it is. */
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

/* A descriptor that may only be read gives areas that may only be read. */
TEST_F(map, read_only)
{
	char path[64];
	void *p;
	int ro;

	/* The same open file cannot change its mode; a duplicate has its own. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(ro, 0);
	/* It is another open file, so it does not know our handles. */
	EXPECT_EQ(map_errno(ro, LENGTH, PROT_READ, MAP_SHARED, self->offset),
		  ENOENT);
	close(ro);
	p = mmap(NULL, LENGTH, PROT_READ, MAP_SHARED, self->fd, self->offset);
	ASSERT_NE(p, MAP_FAILED);
	EXPECT_EQ(mprotect(p, LENGTH, PROT_READ | PROT_WRITE), 0);
	*(char *)p = 1;
	EXPECT_EQ(munmap(p, LENGTH), 0);
}

/* --- threads: free, realloc, mmap, read and write, all of the same ------- */

#define NR_THREADS	4
#define NR_SLOTS	4
#define NR_ROUNDS	1500

static struct {
	int fd;
	int failed;
	__u64 slot[NR_SLOTS];
} shared;

static void failed_unless(int ok)
{
	if (!ok)
		__atomic_add_fetch(&shared.failed, 1, __ATOMIC_RELAXED);
}

static void map_and_look(__u64 handle)
{
	struct goalloc_ioc_stat st;
	unsigned char *p;

	if (do_stat(shared.fd, handle, &st) || !st.map_length)
		return;
	p = map(shared.fd, st.map_length, st.map_offset);
	if (p == MAP_FAILED) {
		/* Gone, moving, or of another size by now. */
		failed_unless(errno == ENOENT || errno == EBUSY ||
			      errno == EINVAL);
		return;
	}
	/* Nobody writes anything but one byte all over, or zeroes behind it. */
	failed_unless(p[0] == p[100] || !p[100] || !p[0]);
	p[st.map_length - 1] = 0;
	failed_unless(!munmap(p, st.map_length));
}

static void *everything(void *arg)
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
			map_and_look(handle);
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
	pthread_t threads[NR_THREADS];
	intptr_t i;

	shared.fd = self->fd;
	for (i = 0; i < NR_THREADS; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, everything,
					 (void *)i), 0);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(shared.failed, 0);
	for (i = 0; i < NR_SLOTS; i++)
		do_free(self->fd, shared.slot[i]);
	EXPECT_EQ(live_objects(), self->before + 1);
	EXPECT_EQ(fdinfo(self->fd, "goalloc-maps"), 0);
}

TEST_HARNESS_MAIN
