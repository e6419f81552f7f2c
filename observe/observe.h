/* SPDX-License-Identifier: GPL-2.0 */
/*
 * observe/: what its files offer to the code above them and to each other.
 *
 * The first section is for /dev/goalloc, which knows nothing of spans.  So
 * that this stays true, types of the allocator are only declared here.  The
 * files that look inside them include types.h.
 */
#ifndef GOALLOC_OBSERVE_H
#define GOALLOC_OBSERVE_H

#include <linux/fs.h>
#include <linux/types.h>

struct dentry;
struct goalloc_class_stats;
struct goalloc_ioc_info;
struct goheap;
struct gospan;

/* --- for dev/ ------------------------------------------------------------- */

/* classes.c */
void goclasses_info(struct goalloc_ioc_info *info);
u32 goclasses_find(size_t size, bool noscan);
struct goalloc_class_stats *goclasses_read(unsigned int *nr);

/* debugfs.c */
void godebugfs_add(const char *name, const struct file_operations *fops);

/* --- for goalloc_main.c --------------------------------------------------- */

/* debugfs.c */
void godebugfs_init(void);
void godebugfs_exit(void);

/* --- within observe/ ------------------------------------------------------ */

/**
 * struct goclass_occupancy - the spans of a class by how full they are
 * @spans: spans of the class
 * @free: objects that are free in them
 * @decile: spans with up to 10 %, 20 %, ... of their objects out
 */
struct goclass_occupancy {
	unsigned long spans;
	unsigned long free;
	unsigned int decile[10];
};

/* classes.c */
unsigned int goclasses_used(const struct gospan *s, unsigned int nelems);
void goclasses_walk(struct goheap *h, struct goclass_occupancy *o);

/* debugfs_heap.c */
void godebugfs_heap_init(struct dentry *dir);

#endif /* GOALLOC_OBSERVE_H */
