// SPDX-License-Identifier: GPL-2.0
/*
 * dev_fuzz [CALLS [SEED]]: make random calls to /dev/goalloc.
 *
 * A call starts out sensible, with handles that exist, sizes at the edges and
 * valid buffers.  Then a part of it is spoiled: flipped bits, other sizes in
 * the command, bad addresses, closed descriptors.  Several threads work on the
 * same few descriptors; they also open and close them, and map and unmap
 * objects.  Workloads run for a few operations only.
 *
 * A call fails the test only if it returns an errno that the ABI does not have.
 * Everything else is left to the kernel's checkers.  At the end no object may
 * be live.  The same seed gives each thread the same calls.  Output is TAP.
 */
#define _GNU_SOURCE
#include <sys/wait.h>

#include "dev_common.h"
#include "dev_threads.h"

#define NR_FILES	4
#define NR_HANDLES	64
#define BUF_SIZE	(1 << 16)

static int files[NR_FILES];
static __u64 handles[NR_HANDLES];
static unsigned long calls = 100000, seed = 1;
static unsigned long odd, good, freed;

/* Each thread has its own sequence of random numbers. */
static __thread __u64 state;

static __u64 rnd(void)
{
	return splitmix64(state += SPLITMIX64_STEP);
}

static int one_in(unsigned int n)
{
	return rnd() % n == 0;
}

static __u64 any_handle(void)
{
	if (one_in(10))
		return rnd() >> rnd() % 64;
	return __atomic_load_n(&handles[rnd() % NR_HANDLES], __ATOMIC_RELAXED);
}

static void remember(__u64 handle)
{
	__atomic_store_n(&handles[rnd() % NR_HANDLES], handle,
			 __ATOMIC_RELAXED);
}

/* Remember every fourth handle; the array may be unaligned. */
static void remember_bulk(const char *names, __u64 done)
{
	__u64 handle, i;

	for (i = 0; i < done; i += 4) {
		memcpy(&handle, names + 8 * i, 8);
		remember(handle);
	}
}

static __u64 any_size(void)
{
	static const __u64 edges[] = {
		0, 1, 8, 15, 16, 17, 1024, 4096, 8192, 32768, 32769, 65536,
		1 << 20, MAX_SIZE, MAX_SIZE + 1, 1ULL << 32, ~0ULL,
	};

	switch (rnd() % 4) {
	case 0:
		return edges[rnd() % (sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return rnd() >> rnd() % 64;
	default:
		return rnd() % 20000;
	}
}

static __u64 any_buffer(void *mine)
{
	switch (rnd() % 16) {
	case 0:
		return 0;
	case 1:
		return rnd() | 1ULL << 63;
	case 2:
		return (uintptr_t)mine + BUF_SIZE - rnd() % 100;
	default:
		return (uintptr_t)mine + rnd() % 100;
	}
}

/* Handles for FREE_BULK, so that some of its calls free something. */
static void fill_with_handles(__u64 *name, __u64 count)
{
	while (count--)
		*name++ = any_handle();
}

union argument {
	struct goalloc_ioc_alloc alloc;
	struct goalloc_ioc_realloc realloc;
	struct goalloc_ioc_stat stat;
	struct goalloc_ioc_io io;
	struct goalloc_ioc_pattern pattern;
	struct goalloc_ioc_alloc_bulk alloc_bulk;
	struct goalloc_ioc_free_bulk free_bulk;
	struct goalloc_ioc_bysize bysize;
	struct goalloc_ioc_run run;
	struct goalloc_ioc_info info;
	struct goalloc_memstats memstats;
	__u64 handle;
	unsigned char byte[16384];
};

static void make_run(struct goalloc_ioc_run *run)
{
	run->count = 1 + rnd() % 50;
	run->duration_ns = 1000000 + rnd() % 10000000;
	run->seed = rnd();
	run->live = 1 + rnd() % 20;
	run->order = rnd() % 3;
	run->realloc_percent = rnd() % 101;
	run->remote_percent = rnd() % 101;
	run->flags = rnd() & GOALLOC_RUN_FLAGS;
	run->nr_sizes = 1;
	run->cpus[0] = one_in(2);
	run->sizes[0].min = 1 + rnd() % 1000;
	run->sizes[0].max = run->sizes[0].min + rnd() % 60000;
	run->sizes[0].weight = 1 + rnd() % 10;
	run->sizes[0].flags = rnd() & ZERO_NOSCAN;
}

/* Make sensible arguments for a command. */
static void make_argument(unsigned int nr, union argument *a, void *buf)
{
	__u64 bits = rnd();

	memset(a, 0, sizeof(a->run));
	switch (nr) {
	case 0x80:
		a->alloc.size = any_size();
		a->alloc.flags = bits & ZERO_NOSCAN;
		if (one_in(8))
			a->alloc.flags = GOALLOC_ALLOC_NODE;
		break;
	case 0x82:
	case 0x83:
		a->io.handle = any_handle();
		a->io.offset = any_size();
		a->io.len = any_size();
		a->io.buf = any_buffer(buf);
		break;
	case 0x87:
		a->realloc.handle = any_handle();
		a->realloc.size = any_size();
		break;
	case 0x88:
	case 0x89:
		a->pattern.handle = any_handle();
		a->pattern.offset = one_in(2) ? 0 : any_size();
		a->pattern.len = any_size();
		a->pattern.seed = bits;
		a->pattern.pattern = bits & 1;
		break;
	case 0x8a:
		a->alloc_bulk.size = rnd() % 5000;
		a->alloc_bulk.flags = bits & ZERO_NOSCAN;
		a->alloc_bulk.count = rnd() % 64;
		a->alloc_bulk.handles = any_buffer(buf);
		break;
	case 0x8b:
		a->free_bulk.count = rnd() % 64;
		a->free_bulk.handles = any_buffer(buf);
		if (one_in(2)) {
			fill_with_handles(buf, a->free_bulk.count);
			a->free_bulk.handles = (uintptr_t)buf;
		}
		break;
	case 0x8c:
		a->bysize.buf = any_buffer(buf);
		a->bysize.entry_size = one_in(2) ? 96 : rnd() % 32 * 8;
		a->bysize.nr = rnd() % 200;
		break;
	case 0x8e:
		make_run(&a->run);
		break;
	default:
		a->handle = any_handle();
	}
}

/* Flip bits in the argument and in the command, or change the size. */
static unsigned long spoil(unsigned long cmd, union argument *a)
{
	unsigned int size = _IOC_SIZE(cmd), n;

	if (one_in(4)) {
		for (n = rnd() % 8; size && n; n--)
			a->byte[rnd() % size] ^= 1 << rnd() % 8;
	}
	if (one_in(16))
		return _IOC(_IOC_DIR(cmd), 'g', _IOC_NR(cmd),
			    rnd() % 2 ? rnd() % 16384 : size + rnd() % 17 - 8);
	if (one_in(64))
		return cmd ^ 1UL << rnd() % 32;
	return cmd;
}

/* A flipped bit must not make the kernel write to this program's own memory. */
static void keep_off(__u64 *address, void *buf)
{
	if (*address >= 65536 && *address >> 47 == 0 &&
	    *address - (uintptr_t)buf >= 2 * BUF_SIZE)
		*address |= 1ULL << 63;
}

static void keep_buffers_off(unsigned int nr, union argument *a, void *buf)
{
	switch (nr) {
	case 0x82:
	case 0x83:
		keep_off(&a->io.buf, buf);
		break;
	case 0x8a:
		keep_off(&a->alloc_bulk.handles, buf);
		break;
	case 0x8b:
		keep_off(&a->free_bulk.handles, buf);
		break;
	case 0x8c:
		keep_off(&a->bysize.buf, buf);
		break;
	}
}

static const unsigned long commands[] = {
	GOALLOC_IOC_ALLOC, GOALLOC_IOC_ALLOC, GOALLOC_IOC_ALLOC,
	GOALLOC_IOC_FREE, GOALLOC_IOC_FREE, GOALLOC_IOC_READ,
	GOALLOC_IOC_WRITE, GOALLOC_IOC_STAT, GOALLOC_IOC_MEMSTATS,
	GOALLOC_IOC_INFO, GOALLOC_IOC_REALLOC, GOALLOC_IOC_REALLOC,
	GOALLOC_IOC_FILL, GOALLOC_IOC_VERIFY, GOALLOC_IOC_ALLOC_BULK,
	GOALLOC_IOC_FREE_BULK, GOALLOC_IOC_BYSIZE, GOALLOC_IOC_FREE_OS_MEMORY,
	GOALLOC_IOC_RUN,
};

#define NR_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static int known(int err)
{
	switch (err) {
	case 0:
	case EBADF:
	case EBUSY:
	case E2BIG:
	case EDQUOT:
	case EFAULT:
	case EINTR:
	case EINVAL:
	case ENOENT:
	case ENOMEM:
	case ENOTTY:
		return 1;
	default:
		return 0;
	}
}

static int any_file(void)
{
	return __atomic_load_n(&files[rnd() % NR_FILES], __ATOMIC_RELAXED);
}

static void note(unsigned long cmd, int err)
{
	if (!err)
		__atomic_add_fetch(&good, 1, __ATOMIC_RELAXED);
	if (known(err))
		return;
	__atomic_add_fetch(&odd, 1, __ATOMIC_RELAXED);
	printf("# command %lx: unexpected errno %d\n", cmd, err);
}

static void call_at_random(union argument *a, void *buf)
{
	unsigned long cmd = commands[rnd() % NR_COMMANDS];
	void *arg = a;
	int err;

	/* BYSIZE, FREE_OS_MEMORY and RUN are slow, so they are rare. */
	if (_IOC_NR(cmd) >= 0x8c && !one_in(16))
		cmd = GOALLOC_IOC_ALLOC;
	make_argument(_IOC_NR(cmd), a, buf);
	cmd = spoil(cmd, a);
	if (_IOC_NR(cmd) == _IOC_NR(GOALLOC_IOC_RUN)) {
		/* A flipped bit must not make the run long. */
		a->run.duration_ns = 1000000 + rnd() % 1000000;
	}
	keep_buffers_off(_IOC_NR(cmd), a, buf);
	if (one_in(200))
		arg = (void *)(uintptr_t)(rnd() | 1ULL << 63);
	err = ioctl(any_file(), cmd, arg) ? errno : 0;
	note(cmd, err);
	if (err || arg != a)
		return;
	if (cmd == GOALLOC_IOC_ALLOC)
		remember(a->alloc.handle);
	if (cmd == GOALLOC_IOC_ALLOC_BULK)
		remember_bulk((void *)(uintptr_t)a->alloc_bulk.handles,
			      a->alloc_bulk.done);
	if (cmd == GOALLOC_IOC_FREE_BULK)
		__atomic_add_fetch(&freed, a->free_bulk.done, __ATOMIC_RELAXED);
}

/* Map an object; a later call writes to the area and unmaps it. */
static void map_at_random(void)
{
	static __thread struct {
		void *p;
		size_t length;
	} area[4];
	struct goalloc_ioc_stat st;
	unsigned int i = rnd() % 4;
	int fd = any_file();

	if (area[i].p) {
		memset(area[i].p, rnd(), area[i].length);
		munmap(area[i].p, area[i].length);
		area[i].p = NULL;
	}
	if (do_stat(fd, any_handle(), &st))
		return;
	if (one_in(8))
		st.map_length = 4096 * (rnd() % 64);
	area[i].length = st.map_length;
	area[i].p = mmap(NULL, st.map_length, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, st.map_offset);
	if (area[i].p == MAP_FAILED)
		area[i].p = NULL;
}

static void reopen(void)
{
	int fd = open(DEVICE, one_in(8) ? O_RDONLY : O_RDWR), old;

	if (fd < 0)
		return;
	old = __atomic_exchange_n(&files[rnd() % NR_FILES], fd,
				  __ATOMIC_RELAXED);
	close(old);
}

static void *fuzz(void *arg)
{
	union argument *a = malloc(sizeof(*a));
	void *buf = mmap(NULL, 2 * BUF_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long i;

	state = seed * 1000 + (intptr_t)arg;
	if (!a || buf == MAP_FAILED)
		exit(1);
	/* A copy beyond the end of the buffer faults. */
	mprotect((char *)buf + BUF_SIZE, BUF_SIZE, PROT_NONE);
	for (i = 0; i < calls / NR_THREADS; i++) {
		call_at_random(a, buf);
		if (one_in(32))
			map_at_random();
		if (one_in(500))
			reopen();
	}
	free(a);
	return NULL;
}

/* A process of its own, whose exit unmaps all areas and frees their objects. */
static int child(void)
{
	int i;

	for (i = 0; i < NR_FILES; i++)
		files[i] = open(DEVICE, O_RDWR);
	if (run_threads(fuzz))
		return 1;
	printf("# %lu calls, seed %lu, %lu good, %lu freed in bulk\n", calls,
	       seed, good, freed);
	fflush(stdout);
	return odd || !good || !freed;
}

int main(int argc, char **argv)
{
	int fd = open(DEVICE, O_RDONLY), status = 1;
	__u64 before, after;
	pid_t pid;

	if (argc > 1)
		calls = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoul(argv[2], NULL, 0);
	if (fd < 0) {
		perror(DEVICE);
		return 1;
	}
	printf("TAP version 13\n1..2\n");
	fflush(stdout);
	before = live_objects();
	pid = fork();
	if (!pid)
		_exit(child());
	waitpid(pid, &status, 0);
	printf("%sok 1 fuzz: only known errnos\n", status ? "not " : "");
	after = live_objects();
	printf("%sok 2 fuzz: nothing is left\n", after == before ? "" : "not ");
	return status || after != before;
}
