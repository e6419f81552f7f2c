/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Compile the ABI header as C90 and as C++, for 64 and 32 bits.  It is included
 * first, so it must include all that it needs.  The values below are part of
 * the ABI and never change; only the size of MemStats may grow.
 */
#include <linux/goalloc.h>
#include <stddef.h>

#define SAME(name, a, b) extern char name[(a) == (b) ? 1 : -1]

SAME(size_info, sizeof(struct goalloc_ioc_info), 1192);
SAME(size_alloc, sizeof(struct goalloc_ioc_alloc), 40);
SAME(size_realloc, sizeof(struct goalloc_ioc_realloc), 32);
SAME(size_stat, sizeof(struct goalloc_ioc_stat), 56);
SAME(size_io, sizeof(struct goalloc_ioc_io), 32);
SAME(size_pattern, sizeof(struct goalloc_ioc_pattern), 48);
SAME(size_alloc_bulk, sizeof(struct goalloc_ioc_alloc_bulk), 40);
SAME(size_free_bulk, sizeof(struct goalloc_ioc_free_bulk), 24);
SAME(size_bysize, sizeof(struct goalloc_ioc_bysize), 16);
SAME(size_class_stats, sizeof(struct goalloc_class_stats), 96);
SAME(size_free_os_memory, sizeof(struct goalloc_ioc_free_os_memory), 8);
SAME(size_run, sizeof(struct goalloc_ioc_run), 1192);
SAME(size_by_size, sizeof(struct goalloc_by_size), 24);
SAME(size_memstats, sizeof(struct goalloc_memstats), 6160);

SAME(ver0_alloc, GOALLOC_ALLOC_SIZE_VER0, 40);
SAME(ver0_realloc, GOALLOC_REALLOC_SIZE_VER0, 32);
SAME(ver0_stat, GOALLOC_STAT_SIZE_VER0, 56);
SAME(ver0_io, GOALLOC_IO_SIZE_VER0, 32);
SAME(ver0_pattern, GOALLOC_PATTERN_SIZE_VER0, 48);
SAME(ver0_alloc_bulk, GOALLOC_ALLOC_BULK_SIZE_VER0, 40);
SAME(ver0_free_bulk, GOALLOC_FREE_BULK_SIZE_VER0, 24);
SAME(ver0_bysize, GOALLOC_BYSIZE_SIZE_VER0, 16);
SAME(ver0_run, GOALLOC_RUN_SIZE_VER0, 1192);

SAME(at_classes, offsetof(struct goalloc_ioc_info, classes), 104);
SAME(at_handle, offsetof(struct goalloc_ioc_alloc, handle), 16);
SAME(at_usable, offsetof(struct goalloc_ioc_alloc, usable), 24);
SAME(at_map_offset, offsetof(struct goalloc_ioc_stat, map_offset), 40);
SAME(at_buf, offsetof(struct goalloc_ioc_io, buf), 24);
SAME(at_good, offsetof(struct goalloc_ioc_pattern, good), 40);
SAME(at_status, offsetof(struct goalloc_ioc_run, status), 432);
SAME(at_free_hist, offsetof(struct goalloc_ioc_run, free_hist), 840);
SAME(at_by_size, offsetof(struct goalloc_memstats, by_size), 4328);
SAME(at_failures, offsetof(struct goalloc_memstats, failures), 6008);
SAME(at_memory_limit, offsetof(struct goalloc_memstats, memory_limit), 6064);
SAME(at_pages_shared, offsetof(struct goalloc_memstats, pages_shared), 6072);

SAME(cmd_alloc, GOALLOC_IOC_ALLOC, 0xc0286780U);
SAME(cmd_free, GOALLOC_IOC_FREE, 0x40086781U);
SAME(cmd_read, GOALLOC_IOC_READ, 0x40206782U);
SAME(cmd_write, GOALLOC_IOC_WRITE, 0x40206783U);
SAME(cmd_stat, GOALLOC_IOC_STAT, 0xc0386784U);
SAME(cmd_memstats, GOALLOC_IOC_MEMSTATS, 0x98106785U);
SAME(cmd_info, GOALLOC_IOC_INFO, 0x84a86786U);
SAME(cmd_realloc, GOALLOC_IOC_REALLOC, 0xc0206787U);
SAME(cmd_fill, GOALLOC_IOC_FILL, 0xc0306788U);
SAME(cmd_verify, GOALLOC_IOC_VERIFY, 0xc0306789U);
SAME(cmd_alloc_bulk, GOALLOC_IOC_ALLOC_BULK, 0xc028678aU);
SAME(cmd_free_bulk, GOALLOC_IOC_FREE_BULK, 0xc018678bU);
SAME(cmd_bysize, GOALLOC_IOC_BYSIZE, 0xc010678cU);
SAME(cmd_free_os_memory, GOALLOC_IOC_FREE_OS_MEMORY, 0x8008678dU);
SAME(cmd_run, GOALLOC_IOC_RUN, 0xc4a8678eU);
