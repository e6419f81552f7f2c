/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/goalloc: what its parts know of each other.
 *
 *   dev.c      the file: open, close, and which ioctl is whose
 *   account.c  who holds how much, and how much he may
 *   object.c   handles: names of objects, and how long those live
 *   ioctl.c    the calls for one object, and those that only look
 *   bulk.c     the calls for thousands
 *   mmap.c     objects of whole pages in a process' address space
 *   run.c      workloads
 *
 * Above all that is <linux/goalloc.h>: none of it knows of spans and caches.
 *
 * What keeps an object alive are references: one of its handle, one of each
 * call at work on it and one of each area that maps it.  A handle is looked up
 * under RCU and the object found is worth nothing until the reference is had.
 * So a FREE takes the name away at once, and the memory goes when the last one
 * who is at it is done: none of them ever meets freed memory, and each
 * call is before the FREE or after it.
 *
 *   godev_object.lock  the object's bytes, and where they are: shared to read,
 *                      exclusive to write and to move.  A page fault may be
 *                      waited for while it is held, so mmap_lock nests in it
 *                      and mmap() may not take it; every acquisition can be
 *                      killed.
 *   godev_file.lock    a spinlock: godev_object.maps, .moving, .p and .usable
 *                      of its objects: what mmap() has to know.  The last two
 *                      change with both locks held, so either will do to read.
 *   accounts           one spinlock for all, in account.c: a limit that is
 *                      for all descriptors together is exact.
 *   list of files      a mutex, in dev.c; nests in nothing, holds accounts'.
 *   the run            a mutex, in run.c, tried only: one at a time.
 *
 * Only tasks come here; nothing of it is called by the allocator.
 */
#ifndef GOALLOC_DEV_H
#define GOALLOC_DEV_H

#include <linux/fs.h>
#include <linux/goalloc.h>
#include <linux/mm.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

/* A size no heap could serve is the user's mistake, not worth a backtrace. */
#define GODEV_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_ZERO)

/**
 * struct godev_account - what a descriptor holds
 * @objects: objects
 * @bytes: their bytes, rounded up to classes
 * @peak_objects: the most that @objects ever was
 * @peak_bytes: the most that @bytes ever was
 * @refused: requests that a limit did not allow
 */
struct godev_account {
	u64 objects;
	u64 bytes;
	u64 peak_objects;
	u64 peak_bytes;
	u64 refused;
};

/**
 * struct godev_limits - how much may be held; 0: as much as there is
 * @objects: objects of a descriptor
 * @bytes: bytes of a descriptor
 * @total: bytes of all descriptors
 */
struct godev_limits {
	u64 objects;
	u64 bytes;
	u64 total;
};

/**
 * struct godev_file - one open file
 * @objects: handle to &struct godev_object; an entry that is reserved names
 *	nothing yet
 * @next: where the search for a free handle starts
 * @lock: see above
 * @account: what it holds; by godev_account_read()
 * @maps: areas that map an object of it
 * @list: of all files
 * @owner: the process that opened it
 * @comm: its name then
 */
struct godev_file {
	struct xarray objects;
	u32 next;
	spinlock_t lock;	/* maps, moving, p and usable of the objects */
	struct godev_account account;
	atomic_t maps;
	struct list_head list;
	struct pid *owner;
	char comm[TASK_COMM_LEN];
};

/**
 * struct godev_object - what a handle stands for
 * @ref: see above
 * @maps: areas that map it
 * @moving: a REALLOC is about to change @p
 * @flags: GOALLOC_ALLOC_*, as allocated
 * @lock: see above
 * @p: the object; ZERO_SIZE_PTR if it has no bytes
 * @size: bytes asked for
 * @usable: its gosize()
 * @charged: bytes that it stands for in the account
 * @file: whose; outlives it, for calls and areas hold the open file
 * @rcu: to free it by
 */
struct godev_object {
	refcount_t ref;
	u32 maps;
	bool moving;
	u32 flags;
	struct rw_semaphore lock;	/* the bytes */
	void *p;
	u64 size;
	size_t usable;
	u64 charged;
	struct godev_file *file;
	struct rcu_head rcu;
};

/**
 * struct godev_call - an ioctl
 * @f: the file
 * @uarg: the argument, in user space
 * @usize: bytes of the argument, as the program knows it
 */
struct godev_call {
	struct godev_file *f;
	void __user *uarg;
	size_t usize;
};

/* dev.c */
int goalloc_dev_init(void);
void goalloc_dev_exit(void);
int godev_get(const struct godev_call *call, void *arg, size_t size,
	      size_t oldest);
int godev_put(const struct godev_call *call, const void *arg, size_t size);

/* account.c */
int godev_charge(struct godev_file *f, u64 objects, u64 bytes);
void godev_uncharge(struct godev_file *f, u64 objects, u64 bytes);
void godev_account_read(struct godev_file *f, struct godev_account *account,
			struct godev_limits *limits, u64 *total);
void godev_account_init(void);

/* object.c */
int godev_check_alloc(u64 size, u32 flags, u32 node);
struct godev_object *godev_object_new(struct godev_file *f, u64 size, u32 flags,
				      u32 node);
struct godev_object *godev_object_get(struct godev_file *f, u64 handle);
struct godev_object *godev_object_take(struct godev_file *f, u64 handle);
void godev_object_put(struct godev_object *obj);
int godev_object_resize(struct godev_object *obj, u64 size);
int godev_reserve(struct godev_file *f, u64 *handle);
void godev_unreserve(struct godev_file *f, u64 handle);
int godev_publish(struct godev_file *f, u64 handle, struct godev_object *obj);

/* ioctl.c */
long godev_info(const struct godev_call *call);
long godev_alloc(const struct godev_call *call);
long godev_free(const struct godev_call *call);
long godev_realloc(const struct godev_call *call);
long godev_read(const struct godev_call *call);
long godev_write(const struct godev_call *call);
long godev_fill(const struct godev_call *call);
long godev_verify(const struct godev_call *call);
long godev_stat(const struct godev_call *call);
long godev_memstats(const struct godev_call *call);
long godev_bysize(const struct godev_call *call);
long godev_free_os_memory(const struct godev_call *call);

/* bulk.c */
long godev_alloc_bulk(const struct godev_call *call);
long godev_free_bulk(const struct godev_call *call);

/* mmap.c */
u64 godev_map_length(const struct godev_object *obj);
int godev_mmap(struct file *file, struct vm_area_struct *vma);

/* run.c */
long godev_run(const struct godev_call *call);

#endif /* GOALLOC_DEV_H */
