// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/goalloc: the allocator for user space.
 *
 * What this file knows: how a process names objects (handles), how long they
 * live (until freed, or until the descriptor is closed), and how bytes get in
 * and out.  It knows nothing of spans and caches: it is a client of
 * <linux/goalloc.h> like any other module, and of nothing else.
 *
 * A handle is an index into the XArray of one open file.  It is meaningless
 * elsewhere, and no kernel address ever leaves.  Indices are handed out
 * cyclically, so that a handle that was freed stays unknown for the next four
 * billion allocations instead of naming somebody else's object at once.
 *
 * User space always gets zeroed memory, with or without GOALLOC_ALLOC_ZERO:
 * every byte of an object can be read back, the ones behind the size that was
 * asked for included, and what a previous owner in the kernel has left there
 * is nobody's business.
 *
 * The XArray does not hold the objects themselves but a small record of each.
 * ZERO_SIZE_PTR and tiny objects, which may be odd, are no legal entries, and
 * bounds are checked against a size that is known without asking the heap.
 * The records are kmalloc()ed and charged to the caller's memory cgroup; so
 * MemStats shows what the process asked for and nothing of ours.
 *
 * Locking: goalloc_file.lock, one for each open file.  Who looks at a record
 * or reads an object holds it shared; who writes an object, adds or removes a
 * record holds it exclusively.  Hence the calls of several threads happen one
 * after the other as far as anybody can see, and none meets freed memory.  A
 * page fault may be waited for with the lock held (so every acquisition can be
 * killed), but never with an object half written.
 *
 * The rights are those of the descriptor, as for read(2) and write(2): READ
 * needs one that is open for reading, ALLOC, FREE and WRITE one that is open
 * for writing.  SIZE and MEMSTATS are always allowed, so that mode 0640 lets a
 * group watch.
 */

#include <linux/fs.h>
#include <linux/goalloc.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "internal.h"

/* A size no heap could serve is the user's mistake, not worth a backtrace. */
#define GOALLOC_DEV_GFP		(GFP_KERNEL | __GFP_NOWARN | __GFP_ZERO)

/**
 * struct goalloc_file - one open file
 * @lock: see the head of this file
 * @objects: handle to &struct goalloc_object
 * @next: where the search for a free handle starts
 */
struct goalloc_file {
	struct rw_semaphore lock;
	struct xarray objects;
	u32 next;
};

/**
 * struct goalloc_object - what a handle stands for
 * @p: the object; ZERO_SIZE_PTR if it has no bytes
 * @usable: its gosize()
 */
struct goalloc_object {
	void *p;
	size_t usable;
};

/* The ABI: these may never change, MEMSTATS may only grow. */
static_assert(sizeof(struct goalloc_ioc_alloc) == 32);
static_assert(sizeof(struct goalloc_ioc_size) == 16);
static_assert(sizeof(struct goalloc_ioc_io) == 32);
static_assert(offsetof(struct goalloc_memstats, failures) == 6008);

static int goalloc_dev_open(struct inode *inode, struct file *file)
{
	struct goalloc_file *gf;

	gf = kzalloc(sizeof(*gf), GFP_KERNEL_ACCOUNT);
	if (!gf)
		return -ENOMEM;
	init_rwsem(&gf->lock);
	xa_init_flags(&gf->objects, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	file->private_data = gf;
	return nonseekable_open(inode, file);
}

static void goalloc_object_free(struct goalloc_object *obj)
{
	gofree(obj->p);
	kfree(obj);
}

/* The last reference is gone: nobody else can be in here, no lock needed. */
static int goalloc_dev_release(struct inode *inode, struct file *file)
{
	struct goalloc_file *gf = file->private_data;
	struct goalloc_object *obj;
	unsigned long handle;

	xa_for_each(&gf->objects, handle, obj) {
		goalloc_object_free(obj);
		cond_resched();
	}
	xa_destroy(&gf->objects);
	kfree(gf);
	return 0;
}

static struct goalloc_object *goalloc_object_new(size_t size, u32 flags)
{
	struct goalloc_object *obj;

	obj = kmalloc(sizeof(*obj), GFP_KERNEL_ACCOUNT);
	if (!obj)
		return NULL;
	if (flags & GOALLOC_ALLOC_NOSCAN)
		obj->p = gomalloc_noscan(size, GOALLOC_DEV_GFP);
	else
		obj->p = gomalloc(size, GOALLOC_DEV_GFP);
	if (!obj->p) {
		kfree(obj);
		return NULL;
	}
	obj->usable = gosize(obj->p);
	return obj;
}

/* Whom a handle names.  It may have any value, the index has the CPU's width. */
static struct goalloc_object *goalloc_object_find(struct goalloc_file *gf,
						  u64 handle)
{
	lockdep_assert_held(&gf->lock);
	return handle > U32_MAX ? NULL : xa_load(&gf->objects, handle);
}

/*
 * Name an object and tell the caller its name.  If he cannot be told, nobody
 * else has seen the handle either: the lock is held throughout.
 */
static int goalloc_object_publish(struct goalloc_file *gf,
				  struct goalloc_object *obj,
				  struct goalloc_ioc_alloc *arg,
				  struct goalloc_ioc_alloc __user *uarg)
{
	u32 handle;
	int err;

	lockdep_assert_held_write(&gf->lock);
	err = xa_alloc_cyclic(&gf->objects, &handle, obj, xa_limit_32b,
			      &gf->next, GFP_KERNEL);
	if (err < 0)
		return err;
	arg->handle = handle;
	arg->usable = obj->usable;
	if (copy_to_user(uarg, arg, sizeof(*arg))) {
		xa_erase(&gf->objects, handle);
		return -EFAULT;
	}
	return 0;
}

static int goalloc_dev_alloc(struct goalloc_file *gf,
			     struct goalloc_ioc_alloc __user *uarg)
{
	struct goalloc_ioc_alloc arg;
	struct goalloc_object *obj;
	int err;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.pad || arg.flags & ~GOALLOC_ALLOC_FLAGS)
		return -EINVAL;
	/* Impossible for ever, so not ENOMEM, which may pass. */
	if (arg.size > GOALLOC_MAX_SIZE)
		return -EINVAL;

	obj = goalloc_object_new(arg.size, arg.flags);
	if (!obj)
		return -ENOMEM;
	err = down_write_killable(&gf->lock);
	if (!err) {
		err = goalloc_object_publish(gf, obj, &arg, uarg);
		up_write(&gf->lock);
	}
	if (err)
		goalloc_object_free(obj);
	return err;
}

static int goalloc_dev_free(struct goalloc_file *gf, u64 __user *uarg)
{
	struct goalloc_object *obj;
	u64 handle;
	int err;

	if (copy_from_user(&handle, uarg, sizeof(handle)))
		return -EFAULT;
	err = down_write_killable(&gf->lock);
	if (err)
		return err;
	obj = goalloc_object_find(gf, handle);
	if (obj)
		xa_erase(&gf->objects, handle);
	up_write(&gf->lock);

	if (!obj)
		return -ENOENT;
	goalloc_object_free(obj);
	return 0;
}

/* The object of an I/O request if it has the bytes, without overflowing. */
static struct goalloc_object *goalloc_object_range(struct goalloc_file *gf,
						   const struct goalloc_ioc_io *io)
{
	struct goalloc_object *obj = goalloc_object_find(gf, io->handle);

	if (!obj)
		return ERR_PTR(-ENOENT);
	if (io->offset > obj->usable || io->len > obj->usable - io->offset)
		return ERR_PTR(-EINVAL);
	return obj;
}

static int goalloc_dev_read(struct goalloc_file *gf,
			    struct goalloc_ioc_io __user *uarg)
{
	struct goalloc_object *obj;
	struct goalloc_ioc_io io;
	int err;

	if (copy_from_user(&io, uarg, sizeof(io)))
		return -EFAULT;
	err = down_read_killable(&gf->lock);
	if (err)
		return err;
	obj = goalloc_object_range(gf, &io);
	if (IS_ERR(obj))
		err = PTR_ERR(obj);
	else if (copy_to_user(u64_to_user_ptr(io.buf), obj->p + io.offset,
			      io.len))
		err = -EFAULT;
	up_read(&gf->lock);
	return err;
}

/*
 * The bytes are fetched before the object is looked up: a fault half way
 * through them has then changed nothing, and waiting for one holds no lock.
 */
static int goalloc_dev_write(struct goalloc_file *gf,
			     struct goalloc_ioc_io __user *uarg)
{
	struct goalloc_object *obj;
	struct goalloc_ioc_io io;
	void *bytes;
	int err;

	if (copy_from_user(&io, uarg, sizeof(io)))
		return -EFAULT;
	/* No object is larger; and the copy must be bounded. */
	if (io.len > GOALLOC_MAX_SIZE)
		return -EINVAL;
	bytes = vmemdup_user(u64_to_user_ptr(io.buf), io.len);
	if (IS_ERR(bytes))
		return PTR_ERR(bytes);

	err = down_write_killable(&gf->lock);
	if (err)
		goto out;
	obj = goalloc_object_range(gf, &io);
	if (IS_ERR(obj))
		err = PTR_ERR(obj);
	else
		memcpy(obj->p + io.offset, bytes, io.len);
	up_write(&gf->lock);
out:
	kvfree(bytes);
	return err;
}

static int goalloc_dev_size(struct goalloc_file *gf,
			    struct goalloc_ioc_size __user *uarg)
{
	struct goalloc_object *obj;
	struct goalloc_ioc_size arg;
	int err;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	err = down_read_killable(&gf->lock);
	if (err)
		return err;
	obj = goalloc_object_find(gf, arg.handle);
	if (obj)
		arg.usable = obj->usable;
	up_read(&gf->lock);

	if (!obj)
		return -ENOENT;
	return copy_to_user(uarg, &arg, sizeof(arg)) ? -EFAULT : 0;
}

/*
 * The structure may grow.  An old program gets the fields it knows, a new one
 * gets zeroes for the fields that we do not know.
 */
static int goalloc_dev_memstats(void __user *uarg, size_t size)
{
	size_t known = min(size, sizeof(struct goalloc_memstats));
	struct goalloc_memstats *m;
	int err = 0;

	if (!size || size % sizeof(u64))
		return -EINVAL;
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	goalloc_read_memstats(m);
	if (copy_to_user(uarg, m, known) ||
	    clear_user(uarg + known, size - known))
		err = -EFAULT;
	kfree(m);
	return err;
}

/* MEMSTATS is recognised whatever its size, all others must match in whole. */
static bool goalloc_is_memstats(unsigned int cmd)
{
	return _IOC_TYPE(cmd) == GOALLOC_IOC_MAGIC &&
	       _IOC_NR(cmd) == _IOC_NR(GOALLOC_IOC_MEMSTATS) &&
	       _IOC_DIR(cmd) == _IOC_READ;
}

/* What the descriptor must be open for. */
static fmode_t goalloc_dev_needs(unsigned int cmd)
{
	switch (cmd) {
	case GOALLOC_IOC_ALLOC:
	case GOALLOC_IOC_FREE:
	case GOALLOC_IOC_WRITE:
		return FMODE_WRITE;
	case GOALLOC_IOC_READ:
		return FMODE_READ;
	default:
		return 0;
	}
}

static long goalloc_dev_ioctl(struct file *file, unsigned int cmd,
			      unsigned long arg)
{
	struct goalloc_file *gf = file->private_data;
	void __user *uarg = (void __user *)arg;
	fmode_t needs = goalloc_dev_needs(cmd);

	if ((file->f_mode & needs) != needs)
		return -EBADF;
	if (goalloc_is_memstats(cmd))
		return goalloc_dev_memstats(uarg, _IOC_SIZE(cmd));

	switch (cmd) {
	case GOALLOC_IOC_ALLOC:
		return goalloc_dev_alloc(gf, uarg);
	case GOALLOC_IOC_FREE:
		return goalloc_dev_free(gf, uarg);
	case GOALLOC_IOC_READ:
		return goalloc_dev_read(gf, uarg);
	case GOALLOC_IOC_WRITE:
		return goalloc_dev_write(gf, uarg);
	case GOALLOC_IOC_SIZE:
		return goalloc_dev_size(gf, uarg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations goalloc_dev_fops = {
	.owner		= THIS_MODULE,
	.open		= goalloc_dev_open,
	.release	= goalloc_dev_release,
	.unlocked_ioctl	= goalloc_dev_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice goalloc_dev = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "goalloc",
	.fops	= &goalloc_dev_fops,
	/* Kernel memory without a quota is for the administrator to give. */
	.mode	= 0600,
};

int goalloc_dev_init(void)
{
	return misc_register(&goalloc_dev);
}

void goalloc_dev_exit(void)
{
	misc_deregister(&goalloc_dev);
}
