/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Observe: what looks at the allocator and is called by no part of it.
 *
 *   debugfs.c       /sys/kernel/debug/goalloc
 *   debugfs_heap.c  its files that look at spans and pages
 *   client.c        the modules that come and go
 *   inittrace.c     the parameter inittrace=
 *   caches.c        named caches: how they begin and end, and what each holds
 *   verdict.c       what somebody who has gone has left
 *   owners.c        how much each of them holds
 *   sites.c         how much each call site of a module holds
 *   fault.c         the knobs of fault injection
 *   debug.c         the parameter debug=
 *   profile.c       the heap profile: samples, and stacks of callers
 *   profile_text.c  its files
 *   verify.c        walks everything and checks it
 *   report.c        says what is wrong, in words
 *   classes.c       the size classes: facts, and how full their spans are
 *   stats.c         MemStats: how the counters are read together
 *
 * The first section is for /dev/goalloc, which knows nothing of spans.  So
 * that this stays true, types of the allocator are only declared here.  The
 * files that look inside them include types.h.
 */
#ifndef GOALLOC_OBSERVE_H
#define GOALLOC_OBSERVE_H

#include <linux/fs.h>
#include <linux/types.h>
#include <uapi/linux/goalloc.h>

struct dentry;
struct goalloc_class_stats;
struct goalloc_ioc_info;
struct goalloc_memstats;
struct goheap;
struct gosite_count;
struct gospan;
struct module;
struct seq_file;

/* --- for dev/ ------------------------------------------------------------- */

/* classes.c */
void goclasses_info(struct goalloc_ioc_info *info);
u32 goclasses_find(size_t size, bool noscan);
struct goalloc_class_stats *goclasses_read(unsigned int *nr);

/* debugfs.c */
void godebugfs_add(const char *name, const struct file_operations *fops);

/* --- for lifecycle.c and goalloc_main.c ----------------------------------- */

/* stats.c */
size_t gostats_fixed(struct goheap *h);

/* report.c */
void goreport_init(void);
void goreport_leaks(struct goheap *h);

/* client.c */
int goclient_init(void);
void goclient_exit(void);

/* verdict.c */
int goverdict_set_leaks(const char *val);
int goverdict_get_leaks(char *buf);

/* sites.c */
void gosites_exit(void);

/* inittrace.c */
int goinittrace_set(const char *val);
int goinittrace_get(char *buf);
void goinittrace_init(void);

/* debug.c */
int godebug_set(const char *val);
int godebug_get(char *buf);

/* profile.c */
int goprofile_init(bool check);
void goprofile_exit(void);
int goprofile_set_rate(const char *val);
int goprofile_set_stacks(const char *val);
int goprofile_get(char *buf, bool stacks);
/* allocfree.c */
int goallocfree_set(const char *val);
int goallocfree_get(char *buf);
int goallocfree_start(void);
void goallocfree_stop(void);

/* debugfs.c */
void godebugfs_init(void);
void godebugfs_exit(void);

/* --- within observe/ ------------------------------------------------------ */

/*
 * As DEFINE_SHOW_ATTRIBUTE(), for a text of up to @bytes.  A longer one than the
 * buffer is composed anew in one of twice the size, and so on from a page up.
 */
#define DEFINE_SIZED_ATTRIBUTE(name, bytes)				\
static int name ## _open(struct inode *inode, struct file *file)	\
{									\
	return single_open_size(file, name ## _show, inode->i_private,	\
				bytes);					\
}									\
									\
static const struct file_operations name ## _fops = {			\
	.owner		= THIS_MODULE,					\
	.open		= name ## _open,				\
	.read		= seq_read,					\
	.llseek		= seq_lseek,					\
	.release	= single_release,				\
}

/* A counter of the stacks, summed over all CPUs. */
#define gostats_sum_cpus(h, counter)					\
({									\
	unsigned long __sum = 0;					\
	int __cpu;							\
									\
	for_each_gomcache(h, __cpu)					\
		__sum += READ_ONCE(per_cpu_ptr((h)->mcache,		\
					       __cpu)->counter);	\
	__sum;								\
})

/**
 * struct gostats_spc - the counters of a span class
 * @mallocs: objects handed out
 * @frees: objects taken back
 * @requested: bytes asked for
 * @cached: objects on the stacks of CPUs
 */
struct gostats_spc {
	unsigned long mallocs;
	unsigned long frees;
	unsigned long requested;
	unsigned long cached;
};

/**
 * struct gostats_large - the counters of large objects
 * @mallocs: objects handed out
 * @frees: objects taken back
 * @alloced: bytes handed out
 * @freed: bytes taken back
 * @requested: bytes asked for
 */
struct gostats_large {
	unsigned long mallocs;
	unsigned long frees;
	unsigned long alloced;
	unsigned long freed;
	unsigned long requested;
};

/* stats.c */
void gostats_read(struct goheap *h, struct goalloc_memstats *m);
void gostats_read_spc(struct goheap *h, unsigned int spc,
		      struct gostats_spc *st);
void gostats_read_large(struct goheap *h, struct gostats_large *large);

/**
 * struct goclass_occupancy - the spans of a class by how full they are
 * @spans: spans of the class, which need not be of one length
 * @bytes: bytes that they have
 * @objects: objects that they have room for
 * @free: objects that are free in them
 * @decile: spans with up to 10 %, 20 %, ... of their objects out
 */
struct goclass_occupancy {
	unsigned long spans;
	unsigned long bytes;
	unsigned long objects;
	unsigned long free;
	unsigned int decile[10];
};

/* classes.c */
unsigned int goclasses_used(const struct gospan *s, unsigned int nelems);
unsigned long goclasses_tail(const struct goclass_occupancy *o,
			     unsigned int size);
struct goclass_occupancy *goclasses_walk(struct goheap *h);

/**
 * struct goowners_found - live objects that are alike
 * @owner: whose they are, as a state byte says
 * @class: their size class, 0 for large ones, GO_NR_CLASSES for those of caches
 * @spc: their span class
 * @bytes: of each
 * @n: how many
 * @site: the caller that allocated them, 0 if that is not known
 * @at: the call site that counts them, or 0
 */
struct goowners_found {
	u8 owner;
	unsigned int class;
	unsigned int spc;
	size_t bytes;
	unsigned int n;
	unsigned long site;
	unsigned int at;
};

/**
 * struct goowners_count - what an owner has of a class
 * @objects: live objects
 * @bytes: their bytes
 */
struct goowners_count {
	unsigned long objects;
	unsigned long bytes;
};

/* Size classes, and one more for the objects of all caches. */
#define GOOWNERS_CLASSES	(GOALLOC_NR_CLASSES + 1)

/* owners.c */
int goowners_walk(struct goheap *h,
		  void (*found)(const struct goowners_found *f, void *data),
		  void *data);
struct goowners_count *goowners_count(struct goheap *h);
void goowners_init(struct dentry *dir);

/* A line names so many sizes or callers, and those of the most bytes. */
#define GOVERDICT_KINDS	8

/**
 * struct goverdict_kind - objects that are left and alike
 * @bytes: of each
 * @n: how many
 * @site: the caller that allocated them, 0 if that is not known
 * @at: the call site that has counted them, or 0
 */
struct goverdict_kind {
	size_t bytes;
	unsigned long n;
	unsigned long site;
	unsigned int at;
};

/**
 * struct goverdict - what has been left
 * @owner: whose; 0 if that does not matter
 * @spc: of which span class; 0 if that does not matter
 * @nr: kinds of objects
 * @objects: all objects
 * @bytes: their bytes
 * @others: objects of kinds that had no room
 * @kind: by bytes, the most first
 */
struct goverdict {
	u8 owner;
	unsigned int spc;
	unsigned int nr;
	unsigned long objects;
	unsigned long bytes;
	unsigned long others;
	struct goverdict_kind kind[GOVERDICT_KINDS];
};

/* verdict.c */
int goverdict_find(struct goheap *h, struct goverdict *v);
void goverdict_pronounce(const struct goverdict *v, const char *name,
			 const struct module *mod);

/* caches.c */
void gocaches_leave(u8 owner);
void gocaches_files(struct dentry *dir);

/* inittrace.c */
void goinittrace_begin(u8 owner);
void goinittrace_end(u8 owner, bool is_live);

/* sites.c */
void gosites_add(const struct module *mod, u8 owner);
void gosites_leave(const struct module *mod);
size_t gosites_name(char *buf, size_t len, unsigned int id);
struct gosite_count gosites_read(unsigned int id);
void gosites_files(struct dentry *dir);

/* dropin_text.c */
void godropin_files(struct dentry *dir);

/* verify.c */
unsigned int goverify(struct goheap *h, struct seq_file *m);

/* profile.c */
bool goprofile_has(const void *p);
unsigned long goprofile_caller(const void *p);
size_t goprofile_name(unsigned long caller, const char *module, char *buf,
		      size_t len);
long goprofile_forgotten(void);
unsigned long goprofile_walk(bool (*is_wrong)(const void *p, void *data),
			     void *data);

/* profile_text.c */
void goprofile_files(struct dentry *dir);

/* fault.c */
#ifdef CONFIG_FAULT_INJECTION
void gofault_init(struct dentry *dir);
#else
static inline void gofault_init(struct dentry *dir) { }
#endif

/* debugfs_heap.c */
void godebugfs_heap_init(struct dentry *dir);

#endif /* GOALLOC_OBSERVE_H */
