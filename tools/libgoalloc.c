// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * libgoalloc: functions for the ioctls of /dev/goalloc, see libgoalloc(3).
 *
 * The library keeps no state: the descriptor is the caller's, and the module
 * has all the rest.  An older module fills the fields that it does not know
 * with zeroes, so a program works with older and newer modules.
 */
#define _GNU_SOURCE
/* An offset for mmap() is a handle times the page size: more than 32 bits. */
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "goalloc.h"

_Static_assert(sizeof(off_t) == 8, "mmap() could not say every handle");

static int call(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

int goalloc_open(int flags)
{
	int fd = open(GOALLOC_DEVICE, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int goalloc_close(int fd)
{
	return close(fd) ? -errno : 0;
}

const char *goalloc_open_hint(int err)
{
	switch (-err) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return "is the module loaded? (modprobe goalloc)";
	case EACCES:
	case EPERM:
		return "only root, or a group that a udev rule names, may open it: see 70-goalloc.rules";
	default:
		return NULL;
	}
}

int goalloc_info(int fd, struct goalloc_ioc_info *info)
{
	return call(fd, GOALLOC_IOC_INFO, info);
}

int goalloc_memstats(int fd, struct goalloc_memstats *m)
{
	return call(fd, GOALLOC_IOC_MEMSTATS, m);
}

int goalloc_bysize(int fd, struct goalloc_class_stats *st, unsigned int room)
{
	struct goalloc_ioc_bysize arg = {
		.buf = (uintptr_t)st, .entry_size = sizeof(*st), .nr = room,
	};
	int err = call(fd, GOALLOC_IOC_BYSIZE, &arg);

	return err ? err : (int)arg.nr;
}

static int alloc(int fd, struct goalloc_ioc_alloc *arg, uint64_t *handle)
{
	int err = call(fd, GOALLOC_IOC_ALLOC, arg);

	if (!err)
		*handle = arg->handle;
	return err;
}

int goalloc_alloc(int fd, uint64_t size, unsigned int flags, uint64_t *handle)
{
	struct goalloc_ioc_alloc arg = { .size = size, .flags = flags };

	return alloc(fd, &arg, handle);
}

int goalloc_alloc_node(int fd, uint64_t size, unsigned int flags,
		       unsigned int node, uint64_t *handle)
{
	struct goalloc_ioc_alloc arg = {
		.size = size, .flags = flags | GOALLOC_ALLOC_NODE, .node = node,
	};

	return alloc(fd, &arg, handle);
}

int goalloc_realloc(int fd, uint64_t handle, uint64_t size)
{
	struct goalloc_ioc_realloc arg = { .handle = handle, .size = size };

	return call(fd, GOALLOC_IOC_REALLOC, &arg);
}

int goalloc_free(int fd, uint64_t handle)
{
	return call(fd, GOALLOC_IOC_FREE, &handle);
}

int goalloc_stat(int fd, uint64_t handle, struct goalloc_ioc_stat *st)
{
	*st = (struct goalloc_ioc_stat){ .handle = handle };
	return call(fd, GOALLOC_IOC_STAT, st);
}

static int io(int fd, unsigned long cmd, uint64_t handle, uint64_t offset,
	      const void *buf, size_t len)
{
	struct goalloc_ioc_io arg = {
		.handle = handle, .offset = offset, .len = len,
		.buf = (uintptr_t)buf,
	};

	return call(fd, cmd, &arg);
}

int goalloc_read(int fd, uint64_t handle, uint64_t offset, void *buf,
		 size_t len)
{
	return io(fd, GOALLOC_IOC_READ, handle, offset, buf, len);
}

int goalloc_write(int fd, uint64_t handle, uint64_t offset, const void *buf,
		  size_t len)
{
	return io(fd, GOALLOC_IOC_WRITE, handle, offset, buf, len);
}

/* Fill or verify all usable bytes of an object. */
static int pattern_io(int fd, unsigned long cmd, uint64_t handle,
		      unsigned int pattern, uint64_t seed,
		      struct goalloc_ioc_pattern *arg)
{
	struct goalloc_ioc_stat st;
	int err = goalloc_stat(fd, handle, &st);

	if (err)
		return err;
	*arg = (struct goalloc_ioc_pattern){
		.handle = handle, .len = st.usable, .seed = seed,
		.pattern = pattern,
	};
	return call(fd, cmd, arg);
}

int goalloc_fill(int fd, uint64_t handle, unsigned int which, uint64_t seed)
{
	struct goalloc_ioc_pattern arg;

	return pattern_io(fd, GOALLOC_IOC_FILL, handle, which, seed, &arg);
}

int goalloc_verify(int fd, uint64_t handle, unsigned int which, uint64_t seed,
		   uint64_t *good)
{
	struct goalloc_ioc_pattern arg;
	int err = pattern_io(fd, GOALLOC_IOC_VERIFY, handle, which, seed, &arg);

	if (err)
		return err;
	if (good)
		*good = arg.good;
	return arg.good == arg.len ? 0 : -EILSEQ;
}

static int64_t alloc_bulk(int fd, struct goalloc_ioc_alloc_bulk *arg)
{
	int err = call(fd, GOALLOC_IOC_ALLOC_BULK, arg);

	return err ? err : (int64_t)arg->done;
}

int64_t goalloc_alloc_bulk(int fd, uint64_t size, unsigned int flags,
			   uint64_t *handles, size_t count)
{
	struct goalloc_ioc_alloc_bulk arg = {
		.size = size, .flags = flags, .count = count,
		.handles = (uintptr_t)handles,
	};

	return alloc_bulk(fd, &arg);
}

int64_t goalloc_alloc_bulk_node(int fd, uint64_t size, unsigned int flags,
				unsigned int node, uint64_t *handles,
				size_t count)
{
	struct goalloc_ioc_alloc_bulk arg = {
		.size = size, .flags = flags | GOALLOC_ALLOC_NODE, .node = node,
		.count = count, .handles = (uintptr_t)handles,
	};

	return alloc_bulk(fd, &arg);
}

int64_t goalloc_free_bulk(int fd, const uint64_t *handles, size_t count)
{
	struct goalloc_ioc_free_bulk arg = {
		.count = count, .handles = (uintptr_t)handles,
	};
	int err = call(fd, GOALLOC_IOC_FREE_BULK, &arg);

	return err ? err : (int64_t)arg.done;
}

void *goalloc_map(int fd, uint64_t handle, int prot, size_t *length)
{
	struct goalloc_ioc_stat st;
	void *p;
	int err = goalloc_stat(fd, handle, &st);

	if (!err && !st.map_length)
		err = -EINVAL;
	if (err) {
		errno = -err;
		return NULL;
	}
	p = mmap(NULL, st.map_length, prot, MAP_SHARED, fd, st.map_offset);
	if (p == MAP_FAILED)
		return NULL;
	*length = st.map_length;
	return p;
}

int64_t goalloc_free_os_memory(int fd)
{
	struct goalloc_ioc_free_os_memory arg = { 0 };
	int err = call(fd, GOALLOC_IOC_FREE_OS_MEMORY, &arg);

	return err ? err : (int64_t)arg.released;
}

int goalloc_run(int fd, struct goalloc_ioc_run *run)
{
	return call(fd, GOALLOC_IOC_RUN, run);
}

/* The upper bound of the percentile's bucket, or the maximum if it is less. */
uint64_t goalloc_percentile(const struct goalloc_run_hist *hist, double percent)
{
	double want = hist->count * percent / 100;
	uint64_t seen = 0, end;
	unsigned int i;

	for (i = 0; i < GOALLOC_RUN_BUCKETS; i++) {
		seen += hist->bucket[i];
		end = (1ULL << i) - 1;
		if (seen && seen >= want)
			return end < hist->max_ns ? end : hist->max_ns;
	}
	return hist->max_ns;
}

#define FIELD(name, field)	{ name, offsetof(struct goalloc_memstats, field) }

static const struct goalloc_field memstats_fields[] = {
	FIELD("Alloc", alloc),
	FIELD("TotalAlloc", total_alloc),
	FIELD("Sys", sys),
	FIELD("Lookups", lookups),
	FIELD("Mallocs", mallocs),
	FIELD("Frees", frees),
	FIELD("HeapAlloc", heap_alloc),
	FIELD("HeapSys", heap_sys),
	FIELD("HeapIdle", heap_idle),
	FIELD("HeapInuse", heap_inuse),
	FIELD("HeapReleased", heap_released),
	FIELD("HeapObjects", heap_objects),
	FIELD("StackInuse", stack_inuse),
	FIELD("StackSys", stack_sys),
	FIELD("MSpanInuse", mspan_inuse),
	FIELD("MSpanSys", mspan_sys),
	FIELD("MCacheInuse", mcache_inuse),
	FIELD("MCacheSys", mcache_sys),
	FIELD("BuckHashSys", buck_hash_sys),
	FIELD("GCSys", gc_sys),
	FIELD("OtherSys", other_sys),
	FIELD("NextGC", next_gc),
	FIELD("LastGC", last_gc),
	FIELD("PauseTotalNs", pause_total_ns),
	FIELD("NumGC", num_gc),
	FIELD("NumForcedGC", num_forced_gc),
	FIELD("GCCPUFraction", gc_cpu_fraction),
	FIELD("EnableGC", enable_gc),
	FIELD("DebugGC", debug_gc),
	FIELD("TotalRequested", total_requested),
	FIELD("LargeAlloc", large_alloc),
	FIELD("LargeTotalAlloc", large_total_alloc),
	FIELD("TinyAllocs", tiny_allocs),
	FIELD("TinyFrees", tiny_frees),
	FIELD("Misuses", misuses),
	FIELD("Failures", failures),
	FIELD("ScavengedBackground", scavenged_background),
	FIELD("ScavengedShrinker", scavenged_shrinker),
	FIELD("ScavengedLimit", scavenged_limit),
	FIELD("ScavengedByHand", scavenged_by_hand),
	FIELD("ScavengeCycles", scavenge_cycles),
	FIELD("ScavengeNs", scavenge_ns),
	FIELD("MemoryLimit", memory_limit),
	FIELD("PagesShared", pages_shared),
	FIELD("PagesLost", pages_lost),
	FIELD("LeftObjects", left_objects),
	FIELD("LeftBytes", left_bytes),
	FIELD("CacheMallocs", cache_mallocs),
	FIELD("CacheFrees", cache_frees),
	FIELD("CacheTotalAlloc", cache_total_alloc),
	FIELD("CacheAlloc", cache_alloc),
	FIELD("VmallocSys", vmalloc_sys),
	FIELD("VmallocMallocs", vmalloc_mallocs),
	FIELD("VmallocFrees", vmalloc_frees),
};

#define NR_FIELDS	(sizeof(memstats_fields) / sizeof(memstats_fields[0]))

const struct goalloc_field *goalloc_memstats_field(unsigned int i)
{
	return i < NR_FIELDS ? &memstats_fields[i] : NULL;
}
