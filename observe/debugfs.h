/* SPDX-License-Identifier: GPL-2.0 */
/*
 * debugfs: the files of debugfs_heap.c, for debugfs.c, which makes them all.
 */
#ifndef GOALLOC_DEBUGFS_H
#define GOALLOC_DEBUGFS_H

#include <linux/fs.h>

extern const struct file_operations godebugfs_sizeclasses_fops;
extern const struct file_operations godebugfs_pageheap_fops;
extern const struct file_operations godebugfs_heapmap_fops;
extern const struct file_operations godebugfs_spans_fops;

#endif /* GOALLOC_DEBUGFS_H */
