/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of /dev/goalloc share: each ioctl as a function that returns
 * 0 or the negative errno, and what is said elsewhere of a descriptor.
 */
#ifndef DEV_COMMON_H
#define DEV_COMMON_H

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

#define MAYBE_UNUSED	__attribute__((unused))
#define DEVICE		"/dev/goalloc"
#define MAX_SIZE	(4UL << 20)
#define NO_HANDLE	0xfffffff0ULL
#define ZERO_NOSCAN	(GOALLOC_ALLOC_ZERO | GOALLOC_ALLOC_NOSCAN)

static MAYBE_UNUSED int call(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

static MAYBE_UNUSED int do_alloc(int fd, __u64 size, __u32 flags, __u64 *handle,
		    __u64 *usable)
{
	struct goalloc_ioc_alloc arg = { .size = size, .flags = flags };
	int err = call(fd, GOALLOC_IOC_ALLOC, &arg);

	*handle = arg.handle;
	if (usable)
		*usable = arg.usable;
	return err;
}

static MAYBE_UNUSED int do_free(int fd, __u64 handle)
{
	return call(fd, GOALLOC_IOC_FREE, &handle);
}

static MAYBE_UNUSED int do_io(int fd, unsigned long cmd, __u64 handle, __u64 offset,
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

static MAYBE_UNUSED int do_read(int fd, __u64 handle, __u64 offset, void *buf, __u64 len)
{
	return do_io(fd, GOALLOC_IOC_READ, handle, offset, buf, len);
}

static MAYBE_UNUSED int do_write(int fd, __u64 handle, __u64 offset, const void *buf,
		    __u64 len)
{
	return do_io(fd, GOALLOC_IOC_WRITE, handle, offset, buf, len);
}

static MAYBE_UNUSED int do_size(int fd, __u64 handle, __u64 *usable)
{
	struct goalloc_ioc_stat arg = { .handle = handle };
	int err = call(fd, GOALLOC_IOC_STAT, &arg);

	*usable = arg.usable;
	return err;
}

/*
 * Objects live, as MemStats has it; but the 16-byte blocks that CPUs fill with
 * tiny objects, which come and go by themselves, are emptied first.
 */
static MAYBE_UNUSED __u64 live_objects(void)
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

static MAYBE_UNUSED int all_bytes(const unsigned char *p, size_t n, unsigned char byte)
{
	while (n--)
		if (*p++ != byte)
			return 0;
	return 1;
}

/* Two pages of which only the first may be touched, or only be read. */
static MAYBE_UNUSED char *guarded_pages(int prot_first)
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

static MAYBE_UNUSED int do_stat(int fd, __u64 handle, struct goalloc_ioc_stat *st)
{
	*st = (struct goalloc_ioc_stat){ .handle = handle };
	return call(fd, GOALLOC_IOC_STAT, st);
}

static MAYBE_UNUSED int do_realloc(int fd, __u64 handle, __u64 size,
				   __u64 *usable)
{
	struct goalloc_ioc_realloc arg = { .handle = handle, .size = size };
	int err = call(fd, GOALLOC_IOC_REALLOC, &arg);

	if (usable)
		*usable = arg.usable;
	return err;
}

static MAYBE_UNUSED int do_alloc_bulk(int fd, __u64 size, __u64 count,
				      __u64 *handles, __u64 *done)
{
	struct goalloc_ioc_alloc_bulk arg = {
		.size = size, .count = count, .handles = (uintptr_t)handles,
	};
	int err = call(fd, GOALLOC_IOC_ALLOC_BULK, &arg);

	*done = arg.done;
	return err;
}

static MAYBE_UNUSED int do_free_bulk(int fd, __u64 count, __u64 *handles,
				     __u64 *done)
{
	struct goalloc_ioc_free_bulk arg = {
		.count = count, .handles = (uintptr_t)handles,
	};
	int err = call(fd, GOALLOC_IOC_FREE_BULK, &arg);

	*done = arg.done;
	return err;
}

/* A number in /proc/self/fdinfo; ~0 if it is not there. */
static MAYBE_UNUSED __u64 fdinfo(int fd, const char *name)
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
static MAYBE_UNUSED __u64 handle_bytes(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	__u64 handle, bytes = ~0ULL;

	if (!do_alloc(fd, 0, 0, &handle, NULL))
		bytes = fdinfo(fd, "goalloc-bytes");
	close(fd);
	return bytes;
}

/* Set a parameter of the module: 0 or the negative errno. */
static MAYBE_UNUSED int set_param(const char *name, const char *value)
{
	char path[128];
	int fd, err;

	snprintf(path, sizeof(path), "/sys/module/goalloc/parameters/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

static MAYBE_UNUSED int set_param_to(const char *name, __u64 value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return set_param(name, text);
}

#endif /* DEV_COMMON_H */
