// SPDX-License-Identifier: GPL-2.0
/*
 * A round trip over /dev/goalloc, step by step, for people to read: allocate,
 * write, read back, ask for the size, free, and compare MemStats.  The exit
 * status is 0 if every step succeeded.  Bad input is tested in dev_test.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <linux/goalloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char text[] = "a gopher in the kernel";

static int fd;

static void die(const char *what)
{
	printf("FAILED: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct goalloc_memstats memstats(void)
{
	struct goalloc_memstats m;

	if (ioctl(fd, GOALLOC_IOC_MEMSTATS, &m))
		die("memstats");
	return m;
}

static __u64 allocate(__u64 size)
{
	struct goalloc_ioc_alloc arg = { .size = size };

	if (ioctl(fd, GOALLOC_IOC_ALLOC, &arg))
		die("alloc");
	printf("alloc    %8llu bytes: handle %llu, %llu usable\n",
	       (unsigned long long)size, (unsigned long long)arg.handle,
	       (unsigned long long)arg.usable);
	return arg.handle;
}

static void copy(unsigned long cmd, __u64 handle, __u64 offset, void *buf,
		 size_t len)
{
	struct goalloc_ioc_io io = {
		.handle = handle,
		.offset = offset,
		.len = len,
		.buf = (uintptr_t)buf,
	};

	if (ioctl(fd, cmd, &io))
		die(cmd == GOALLOC_IOC_READ ? "read" : "write");
}

static void write_and_read(__u64 handle, __u64 offset)
{
	char in[sizeof(text)], back[sizeof(text)] = "";

	memcpy(in, text, sizeof(text));
	copy(GOALLOC_IOC_WRITE, handle, offset, in, sizeof(in));
	copy(GOALLOC_IOC_READ, handle, offset, back, sizeof(back));
	errno = EIO;
	if (memcmp(back, text, sizeof(text)))
		die("what was read is not what was written");
	printf("readback at byte %8llu: \"%s\"\n", (unsigned long long)offset,
	       back);
}

/* Write and read at the first usable byte, and up to the last. */
static void round_trip(__u64 handle)
{
	struct goalloc_ioc_stat size = { .handle = handle };

	if (ioctl(fd, GOALLOC_IOC_STAT, &size))
		die("size");
	write_and_read(handle, 0);
	write_and_read(handle, size.usable - sizeof(text));
}

static void show(const char *when, const struct goalloc_memstats *m)
{
	const struct {
		const char *name;
		__u64 value;
	} rows[] = {
		{ "HeapObjects", m->heap_objects },
		{ "HeapAlloc", m->heap_alloc },
		{ "HeapInuse", m->heap_inuse },
		{ "HeapSys", m->heap_sys },
		{ "Sys", m->sys },
		{ "Mallocs", m->mallocs },
		{ "Frees", m->frees },
		{ NULL, 0 },
	};
	int i;

	printf("MemStats %s:", when);
	for (i = 0; rows[i].name; i++)
		printf(" %s %llu", rows[i].name,
		       (unsigned long long)rows[i].value);
	putchar('\n');
}

int main(void)
{
	enum { NR = 4 };
	static const __u64 sizes[NR] = { 24, 520, 32768, 4 << 20 };
	struct goalloc_memstats before, held, after;
	__u64 handles[NR];
	int i;

	fd = open("/dev/goalloc", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("open /dev/goalloc");
	before = memstats();
	show("before", &before);

	for (i = 0; i < NR; i++) {
		handles[i] = allocate(sizes[i]);
		round_trip(handles[i]);
	}
	held = memstats();
	show("holding them", &held);

	for (i = 0; i < NR; i++) {
		if (ioctl(fd, GOALLOC_IOC_FREE, &handles[i]))
			die("free");
		printf("free     handle %llu\n",
		       (unsigned long long)handles[i]);
	}
	after = memstats();
	show("after", &after);

	errno = EIO;
	if (held.heap_objects != before.heap_objects + NR)
		die("HeapObjects did not grow by what was allocated");
	if (after.heap_objects != before.heap_objects)
		die("HeapObjects is not what it was");
	if (close(fd))
		die("close");
	puts("round trip ok");
	return 0;
}
