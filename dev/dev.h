/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/goalloc: what its parts know of each other.
 *
 *   dev.c      the file: open, close, and which function serves which ioctl
 *   call.c     the argument of an ioctl, in and out
 *   account.c  how much each descriptor holds, and may hold
 *   object.c   handles, the objects that they name, and how long these live
 *   ioctl.c    the calls for one object, and those that only look
 *   bulk.c     the calls for many objects
 *   mmap.c     objects of whole pages in the address space of a process
 *   run.c      workloads
 *
 * All of it is a client of the allocator, as any module is: it uses
 * <linux/goalloc.h>, for statistics and debugfs observe/observe.h, and from the
 * ground param.h and compat.h.  It knows nothing of spans and caches.
 *
 * An object is kept alive by references: one of its handle, one of each call at
 * work on it and one of each area that maps it.  A handle is looked up under
 * RCU, and the record that is found may be used only once a reference has been
 * taken.  So FREE removes the handle at once, and the memory goes with the last
 * reference: no call meets freed memory, and each happens either before the
 * FREE or after it.  A lock of the file around each call would be simpler, and
 * would let a call that waits for a page fault stop all others.
 *
 *   godev_object.lock  the object's bytes, and where they are: shared to read,
 *                      exclusive to write and to move.  A page fault may be
 *                      waited for while it is held, so mmap_lock nests in it
 *                      and mmap() may not take it.  A task that waits for it
 *                      can be killed.
 *   godev_file.lock    a spinlock: maps, moving, p and usable of the file's
 *                      objects, which is what mmap() has to know.  p and usable
 *                      change with both locks held, so either will do to read.
 *   accounts_lock      a spinlock for all accounts, in account.c.  That of the
 *                      XArray of pages is beside it; neither nests.
 *   clients_lock       a mutex for the list of files, in dev.c; accounts_lock
 *                      nests in it.
 *   run_lock           a mutex, in run.c, which is only tried: one run at a
 *                      time.
 *
 * Only tasks come here, and the allocator never calls any of it.
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

/* A process that asks for more than there is causes no warning. */
#define GODEV_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_ZERO)

/**
 * struct godev_account - what a descriptor holds
 * @objects: objects held
 * @bytes: their bytes, rounded up to classes, and those of their handles
 * @peak_objects: the highest value of @objects so far
 * @peak_bytes: the highest value of @bytes so far
 * @refused: requests that a limit has refused
 */
struct godev_account {
	u64 objects;
	u64 bytes;
	u64 peak_objects;
	u64 peak_bytes;
	u64 refused;
};

/**
 * struct godev_limits - how much may be held; 0 is no limit
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
 * @objects: handle to &struct godev_object; a reserved entry names no object
 *	yet
 * @next: where the search for a free handle starts
 * @lock: see above
 * @account: what the file holds; read with godev_account_read()
 * @maps: areas that map an object of the file
 * @list: entry in the list of all files
 * @owner: the process that opened it
 * @comm: the name of @owner at that time
 */
struct godev_file {
	struct xarray objects;
	u32 next;
	spinlock_t lock;	/* maps, moving, p and usable of objects */
	struct godev_account account;
	atomic_t maps;
	struct list_head list;
	struct pid *owner;
	char comm[TASK_COMM_LEN];
};

/**
 * struct godev_object - the record of an object, which a handle names
 * @ref: references, see above
 * @maps: areas that map the object
 * @moving: a REALLOC is about to change @p
 * @flags: GOALLOC_ALLOC_*, as allocated
 * @lock: see above
 * @p: the object; ZERO_SIZE_PTR if it has no bytes
 * @size: bytes asked for
 * @usable: gosize() of @p
 * @counted: its pages are counted
 * @charged: bytes charged to the account of @file, without the handle's
 * @file: the file that owns it; outlives it, since calls and areas hold the
 *	open file
 * @rcu: frees the record after a grace period
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
	bool counted;
	u64 charged;
	struct godev_file *file;
	struct rcu_head rcu;
};

/**
 * struct godev_call - an ioctl under way
 * @f: the file
 * @uarg: the argument, in user space
 * @usize: size of the argument, in bytes, as the program knows it
 */
struct godev_call {
	struct godev_file *f;
	void __user *uarg;
	size_t usize;
};

/* dev.c */
int godev_init(void);
void godev_exit(void);
void godev_show_clients(void);

/* call.c */
int godev_get(const struct godev_call *call, void *arg, size_t size,
	      size_t oldest);
int godev_put(const struct godev_call *call, const void *arg, size_t size);

/* account.c */
u64 godev_handle_bytes(void);
int godev_charge(struct godev_file *f, u64 objects, u64 bytes);
void godev_uncharge(struct godev_file *f, u64 objects, u64 bytes);
int godev_count_pages(struct godev_file *f, const void *p, size_t size);
void godev_uncount_pages(const void *p, size_t size);
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
