/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ABI header, compiled as C90 and as C++, 64 and 32 bits wide.  It is the
 * first include: it must bring along all it needs.  What stands here has been
 * promised and may never change, with one exception: MemStats may grow.
 */
#include <linux/goalloc.h>
#include <stddef.h>

#define SAME(name, a, b) extern char name[(a) == (b) ? 1 : -1]

SAME(size_alloc, sizeof(struct goalloc_ioc_alloc), 32);
SAME(size_size, sizeof(struct goalloc_ioc_size), 16);
SAME(size_io, sizeof(struct goalloc_ioc_io), 32);
SAME(size_by_size, sizeof(struct goalloc_by_size), 24);
SAME(size_memstats, sizeof(struct goalloc_memstats), 6072);

SAME(at_handle, offsetof(struct goalloc_ioc_alloc, handle), 16);
SAME(at_usable, offsetof(struct goalloc_ioc_alloc, usable), 24);
SAME(at_buf, offsetof(struct goalloc_ioc_io, buf), 24);
SAME(at_by_size, offsetof(struct goalloc_memstats, by_size), 4328);
SAME(at_failures, offsetof(struct goalloc_memstats, failures), 6008);
SAME(at_memory_limit, offsetof(struct goalloc_memstats, memory_limit), 6064);

SAME(cmd_alloc, GOALLOC_IOC_ALLOC, 0xc0206780U);
SAME(cmd_free, GOALLOC_IOC_FREE, 0x40086781U);
SAME(cmd_read, GOALLOC_IOC_READ, 0x40206782U);
SAME(cmd_write, GOALLOC_IOC_WRITE, 0x40206783U);
SAME(cmd_size, GOALLOC_IOC_SIZE, 0xc0106784U);
SAME(cmd_memstats, GOALLOC_IOC_MEMSTATS, 0x97b86785U);
