/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of /dev/goalloc share: ioctls as functions that return 0 or
 * the negative errno, and helpers that read fdinfo and set module parameters.
 */
#ifndef DEV_COMMON_H
#define DEV_COMMON_H

#include <errno.h>
#include <fcntl.h>
#include <linux/goalloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#define DEVICE		"/dev/goalloc"
#define MAX_SIZE	(4UL << 20)
#define NO_HANDLE	0xfffffff0ULL
#define ZERO_NOSCAN	(GOALLOC_ALLOC_ZERO | GOALLOC_ALLOC_NOSCAN)

static inline int call(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

static inline int do_alloc(int fd, __u64 size, __u32 flags, __u64 *handle,
			   __u64 *usable)
{
	struct goalloc_ioc_alloc arg = { .size = size, .flags = flags };
	int err = call(fd, GOALLOC_IOC_ALLOC, &arg);

	*handle = arg.handle;
	if (usable)
		*usable = arg.usable;
	return err;
}

static inline int do_free(int fd, __u64 handle)
{
	return call(fd, GOALLOC_IOC_FREE, &handle);
}

static inline int do_io(int fd, unsigned long cmd, __u64 handle, __u64 offset,
			const void *buf, __u64 len)
{
	struct goalloc_ioc_io io = {
		.handle = handle,
		.offset = offset,
		.len = len,
		.buf = (uintptr_t)buf,
	};

	return call(fd, cmd, &io);
}

static inline int do_read(int fd, __u64 handle, __u64 offset, void *buf,
			  __u64 len)
{
	return do_io(fd, GOALLOC_IOC_READ, handle, offset, buf, len);
}

static inline int do_write(int fd, __u64 handle, __u64 offset, const void *buf,
			   __u64 len)
{
	return do_io(fd, GOALLOC_IOC_WRITE, handle, offset, buf, len);
}

static inline int do_stat(int fd, __u64 handle, struct goalloc_ioc_stat *st)
{
	*st = (struct goalloc_ioc_stat){ .handle = handle };
	return call(fd, GOALLOC_IOC_STAT, st);
}

static inline int do_size(int fd, __u64 handle, __u64 *usable)
{
	struct goalloc_ioc_stat st;
	int err = do_stat(fd, handle, &st);

	*usable = st.usable;
	return err;
}

/*
 * MemStats' HeapObjects.  The 16-byte blocks that CPUs fill with tiny objects
 * count as objects; giving back memory first frees those that are empty.
 */
static inline __u64 live_objects(void)
{
	struct goalloc_ioc_free_os_memory arg;
	struct goalloc_memstats m = { 0 };
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	__u64 n = ~0ULL;

	if (!ioctl(fd, GOALLOC_IOC_FREE_OS_MEMORY, &arg) &&
	    !ioctl(fd, GOALLOC_IOC_MEMSTATS, &m))
		n = m.heap_objects;
	close(fd);
	return n;
}

static inline int all_bytes(const unsigned char *p, size_t n,
			    unsigned char byte)
{
	while (n--)
		if (*p++ != byte)
			return 0;
	return 1;
}

/* Two pages: the first with protection @prot_first, the second inaccessible. */
static inline char *guarded_pages(int prot_first)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	memset(p, 0, page);
	mprotect(p, page, prot_first);
	mprotect(p + page, page, PROT_NONE);
	return p;
}

static inline int do_realloc(int fd, __u64 handle, __u64 size, __u64 *usable)
{
	struct goalloc_ioc_realloc arg = { .handle = handle, .size = size };
	int err = call(fd, GOALLOC_IOC_REALLOC, &arg);

	if (usable)
		*usable = arg.usable;
	return err;
}

static inline int do_alloc_bulk(int fd, __u64 size, __u64 count,
				__u64 *handles, __u64 *done)
{
	struct goalloc_ioc_alloc_bulk arg = {
		.size = size, .count = count, .handles = (uintptr_t)handles,
	};
	int err = call(fd, GOALLOC_IOC_ALLOC_BULK, &arg);

	*done = arg.done;
	return err;
}

static inline int do_free_bulk(int fd, __u64 count, __u64 *handles,
			       __u64 *done)
{
	struct goalloc_ioc_free_bulk arg = {
		.count = count, .handles = (uintptr_t)handles,
	};
	int err = call(fd, GOALLOC_IOC_FREE_BULK, &arg);

	*done = arg.done;
	return err;
}

/* Read a number from /proc/self/fdinfo; ~0 if it is not there. */
static inline __u64 fdinfo(int fd, const char *name)
{
	char path[64], line[128];
	unsigned long long value;
	__u64 found = ~0ULL;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	if (!f)
		return found;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, name, strlen(name)) &&
		    sscanf(line + strlen(name), ":%llu", &value) == 1)
			found = value;
	}
	fclose(f);
	return found;
}

/* What a handle costs on an account, beside the bytes of its object. */
static inline __u64 handle_bytes(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	__u64 handle, bytes = ~0ULL;

	if (!do_alloc(fd, 0, 0, &handle, NULL))
		bytes = fdinfo(fd, "goalloc-bytes");
	close(fd);
	return bytes;
}

/* Write to a file in proc, sysfs, debugfs or cgroupfs. */
static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* Set a parameter of the module. */
static inline int set_param(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/goalloc/parameters/%s", name);
	return write_file(path, value);
}

static inline int set_param_to(const char *name, __u64 value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return set_param(name, text);
}

static inline void on_alarm(int sig)
{
	(void)sig;
}

/*
 * Send SIGALRM after @first microseconds, and then every @interval; 0 for
 * never.  The handler only interrupts system calls.
 */
static inline void alarm_us(long first, long interval)
{
	struct itimerval t = { { 0, interval }, { 0, first } };
	struct sigaction sa = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
}

/* The output function of splitmix64, whose state grows by the step. */
#define SPLITMIX64_STEP	0x9e3779b97f4a7c15ULL

static inline __u64 splitmix64(__u64 x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

#endif /* DEV_COMMON_H */
