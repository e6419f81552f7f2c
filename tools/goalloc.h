/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * libgoalloc: functions for the ioctls of /dev/goalloc.
 *
 * Each function returns 0 or a positive result, or a negative errno; errno
 * itself is not touched on success.  A handle is valid only on the descriptor
 * that it came from.  Several threads may call the functions at once.
 *
 * The structures are those of the <linux/goalloc.h> that the library was built
 * with.  When one of them grows, the library gets another soname.
 */
#ifndef LIBGOALLOC_H
#define LIBGOALLOC_H

#include <linux/goalloc.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GOALLOC_DEVICE	"/dev/goalloc"

int goalloc_open(int flags);
int goalloc_close(int fd);
const char *goalloc_open_hint(int err);

int goalloc_info(int fd, struct goalloc_ioc_info *info);
int goalloc_memstats(int fd, struct goalloc_memstats *m);
int goalloc_bysize(int fd, struct goalloc_class_stats *st, unsigned int room);

int goalloc_alloc(int fd, uint64_t size, unsigned int flags, uint64_t *handle);
int goalloc_alloc_node(int fd, uint64_t size, unsigned int flags,
		       unsigned int node, uint64_t *handle);
int goalloc_realloc(int fd, uint64_t handle, uint64_t size);
int goalloc_free(int fd, uint64_t handle);
int goalloc_stat(int fd, uint64_t handle, struct goalloc_ioc_stat *st);
int goalloc_read(int fd, uint64_t handle, uint64_t offset, void *buf,
		 size_t len);
int goalloc_write(int fd, uint64_t handle, uint64_t offset, const void *buf,
		  size_t len);
int goalloc_fill(int fd, uint64_t handle, unsigned int pattern, uint64_t seed);
int goalloc_verify(int fd, uint64_t handle, unsigned int pattern,
		   uint64_t seed, uint64_t *good);
int64_t goalloc_alloc_bulk(int fd, uint64_t size, unsigned int flags,
			   uint64_t *handles, size_t count);
int64_t goalloc_alloc_bulk_node(int fd, uint64_t size, unsigned int flags,
				unsigned int node, uint64_t *handles,
				size_t count);
int64_t goalloc_free_bulk(int fd, const uint64_t *handles, size_t count);
void *goalloc_map(int fd, uint64_t handle, int prot, size_t *length);
int64_t goalloc_free_os_memory(int fd);
int goalloc_run(int fd, struct goalloc_ioc_run *run);
uint64_t goalloc_percentile(const struct goalloc_run_hist *hist,
			    double percent);

/**
 * struct goalloc_field - name and place of a number in a structure
 * @name: its name in Go
 * @offset: its offset in the structure; all numbers are 64 bits wide
 */
struct goalloc_field {
	const char *name;
	size_t offset;
};

const struct goalloc_field *goalloc_memstats_field(unsigned int i);

#ifdef __cplusplus
}
#endif

#endif /* LIBGOALLOC_H */
