// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls for one object, and those that only look.
 *
 * A call on an object has one frame: hold_object() finds the object, takes a
 * reference and the lock, and release_object() undoes both.  A FREE at the same
 * time removes the handle only; the memory goes with the last reference.
 *
 * Copying from and to user space can fault, and with userfaultfd(2) a fault
 * lasts as long as the program likes.  A READ copies with the object locked
 * shared, which delays writers and nothing else.  A WRITE copies into a buffer
 * before it locks the object, at the price of a second copy: copying straight
 * into the object would let one process stop all others that use the
 * descriptor.  A thread keeps its buffer for as long as a fault lasts, so the
 * buffer is no larger than the thread's own stack and is charged to the memory
 * cgroup of the caller.  A WRITE that is longer comes in pieces.
 *
 * Where a call changes something and answers, the answer is copied out once
 * before, so that a bad address is found while nothing has changed.  Long loops
 * check now and then whether the caller has been killed.
 */

#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "dev.h"
#include "observe/observe.h"

/* Bytes of a pattern between two checks for a signal. */
#define PATTERN_STEP	SZ_64K
/* Bytes of a WRITE that the object gets at one moment; the ABI says so, too. */
#define WRITE_STEP	SZ_16K

enum lock_mode {
	SHARED,
	EXCLUSIVE,
};

static int lock_object(struct godev_object *obj, enum lock_mode mode)
{
	return mode == SHARED ? down_read_killable(&obj->lock) :
				down_write_killable(&obj->lock);
}

static void unlock_object(struct godev_object *obj, enum lock_mode mode)
{
	if (mode == SHARED)
		up_read(&obj->lock);
	else
		up_write(&obj->lock);
}

/*
 * Get an object and lock it.  In between @reply, of @size bytes, is copied out,
 * so that a bad address is found first; @size 0 copies nothing.
 */
static struct godev_object *hold_object(const struct godev_call *call,
					u64 handle, enum lock_mode mode,
					const void *reply, size_t size)
{
	struct godev_object *obj = godev_object_get(call->f, handle);
	int err = 0;

	if (IS_ERR(obj))
		return obj;
	if (size)
		err = godev_put(call, reply, size);
	if (!err)
		err = lock_object(obj, mode);
	if (!err)
		return obj;
	godev_object_put(obj);
	return ERR_PTR(err);
}

static void release_object(struct godev_object *obj, enum lock_mode mode)
{
	unlock_object(obj, mode);
	godev_object_put(obj);
}

static void fill_info(struct godev_file *f, struct goalloc_ioc_info *info)
{
	struct godev_account account;
	struct godev_limits max;

	godev_account_read(f, &account, &max, &info->total);
	info->version = GOALLOC_ABI_VERSION;
	info->features = GOALLOC_FEATURE_MMAP | GOALLOC_FEATURE_RUN;
	info->max_size = GOALLOC_MAX_SIZE;
	info->max_bulk = GOALLOC_BULK_MAX;
	info->max_objects = max.objects;
	info->max_bytes = max.bytes;
	info->max_total = max.total;
	info->objects = account.objects;
	info->bytes = account.bytes;
	info->peak_bytes = account.peak_bytes;
	info->nr_cpus = num_online_cpus();
	info->nr_nodes = num_node_state(N_MEMORY);
	goclasses_info(info);
}

/* A structure that only answers may have any size in whole words. */
static bool is_bad_size(const struct godev_call *call)
{
	return !call->usize || call->usize % sizeof(u64);
}

/**
 * godev_info - GOALLOC_IOC_INFO
 * @call: the call
 *
 * Context: task, may sleep.
 * Return: 0 or an errno of the ABI, as all functions below.
 */
long godev_info(const struct godev_call *call)
{
	struct goalloc_ioc_info *info;
	long err;

	if (is_bad_size(call))
		return -EINVAL;
	info = kzalloc(sizeof(*info), GFP_KERNEL_ACCOUNT);
	if (!info)
		return -ENOMEM;
	fill_info(call->f, info);
	err = godev_put(call, info, sizeof(*info));
	kfree(info);
	return err;
}

/*
 * Give an object a handle and tell the caller.  The handle is published last,
 * so that it names nothing if the caller cannot be told.
 */
static long name_object(const struct godev_call *call,
			struct godev_object *obj, struct goalloc_ioc_alloc *arg)
{
	long err = godev_reserve(call->f, &arg->handle);

	if (err)
		return err;
	arg->usable = obj->usable;
	arg->size_class = goclasses_find(arg->size,
					 arg->flags & GOALLOC_ALLOC_NOSCAN);
	err = godev_put(call, arg, sizeof(*arg));
	if (!err)
		err = godev_publish(call->f, arg->handle, obj);
	if (err)
		godev_unreserve(call->f, arg->handle);
	return err;
}

/**
 * godev_alloc - GOALLOC_IOC_ALLOC
 * @call: the call
 *
 * Context: task, may sleep.
 * Return: as godev_info().
 */
long godev_alloc(const struct godev_call *call)
{
	struct goalloc_ioc_alloc arg;
	struct godev_object *obj;
	long err;

	err = godev_get(call, &arg, sizeof(arg), GOALLOC_ALLOC_SIZE_VER0);
	if (err)
		return err;
	if (arg.pad)
		return -EINVAL;
	err = godev_check_alloc(arg.size, arg.flags, arg.node);
	if (err)
		return err;
	obj = godev_object_new(call->f, arg.size, arg.flags, arg.node);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	err = name_object(call, obj, &arg);
	if (err)
		godev_object_put(obj);
	return err;
}

/**
 * godev_free - GOALLOC_IOC_FREE
 * @call: the call
 *
 * Context: task, may sleep.
 * Return: as godev_info().
 */
long godev_free(const struct godev_call *call)
{
	struct godev_object *obj;
	u64 handle;
	long err;

	err = godev_get(call, &handle, sizeof(handle), sizeof(handle));
	if (err)
		return err;
	obj = godev_object_take(call->f, handle);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	godev_object_put(obj);
	return 0;
}

static u32 object_class(const struct godev_object *obj)
{
	return goclasses_find(obj->usable, obj->flags & GOALLOC_ALLOC_NOSCAN);
}

/**
 * godev_realloc - GOALLOC_IOC_REALLOC
 * @call: the call
 *
 * Context: task, may sleep.
 * Return: as godev_info().
 */
long godev_realloc(const struct godev_call *call)
{
	struct goalloc_ioc_realloc arg;
	struct godev_object *obj;
	long err;

	err = godev_get(call, &arg, sizeof(arg), GOALLOC_REALLOC_SIZE_VER0);
	if (err)
		return err;
	if (arg.pad || arg.size > GOALLOC_MAX_SIZE)
		return -EINVAL;
	obj = hold_object(call, arg.handle, EXCLUSIVE, &arg, sizeof(arg));
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	err = godev_object_resize(obj, arg.size);
	arg.usable = obj->usable;
	arg.size_class = object_class(obj);
	release_object(obj, EXCLUSIVE);
	return err ?: godev_put(call, &arg, sizeof(arg));
}

/* Whether an object has all of these bytes; the sum may overflow. */
static bool has_bytes(const struct godev_object *obj, u64 offset, u64 len)
{
	return offset <= obj->usable && len <= obj->usable - offset;
}

/**
 * godev_read - GOALLOC_IOC_READ
 * @call: the call
 *
 * Context: task, may sleep.
 * Return: as godev_info().
 */
long godev_read(const struct godev_call *call)
{
	struct goalloc_ioc_io io;
	struct godev_object *obj;
	long err;

	err = godev_get(call, &io, sizeof(io), GOALLOC_IO_SIZE_VER0);
	if (err)
		return err;
	obj = hold_object(call, io.handle, SHARED, NULL, 0);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	if (!has_bytes(obj, io.offset, io.len))
		err = -EINVAL;
	else if (copy_to_user(u64_to_user_ptr(io.buf), obj->p + io.offset,
			      io.len))
		err = -EFAULT;
	release_object(obj, SHARED);
	return err;
}

/* Look before anything is copied.  The object may still change afterwards. */
static bool had_bytes(struct godev_object *obj, u64 offset, u64 len)
{
	bool had;

	spin_lock(&obj->file->lock);
	had = has_bytes(obj, offset, len);
	spin_unlock(&obj->file->lock);
	return had;
}

static long write_piece(struct godev_object *obj, u64 offset, const void *bytes,
			size_t len)
{
	long err = lock_object(obj, EXCLUSIVE);

	if (err)
		return err;
	if (has_bytes(obj, offset, len))
		memcpy(obj->p + offset, bytes, len);
	else
		err = -EINVAL;
	unlock_object(obj, EXCLUSIVE);
	return err;
}

static long write_object(struct godev_object *obj,
			 const struct goalloc_ioc_io *io, void *bytes)
{
	const void __user *from = u64_to_user_ptr(io->buf);
	size_t step;
	u64 n = 0;
	long err;

	do {
		step = min_t(u64, WRITE_STEP, io->len - n);
		if (copy_from_user(bytes, from + n, step))
			return -EFAULT;
		err = write_piece(obj, io->offset + n, bytes, step);
		if (err)
			return err;
		n += step;
		cond_resched();
	} while (n < io->len);
	return 0;
}

/**
 * godev_write - GOALLOC_IOC_WRITE
 * @call: the call
 *
 * Whatever can be refused is refused before the bytes are copied.
 *
 * Context: task, may sleep.
 * Return: as godev_info().
 */
long godev_write(const struct godev_call *call)
{
	struct goalloc_ioc_io io;
	struct godev_object *obj;
	void *bytes;
	long err;

	err = godev_get(call, &io, sizeof(io), GOALLOC_IO_SIZE_VER0);
	if (err)
		return err;
	obj = godev_object_get(call->f, io.handle);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	err = -EINVAL;
	if (!had_bytes(obj, io.offset, io.len))
		goto out;
	err = -ENOMEM;
	bytes = kmalloc(min_t(u64, WRITE_STEP, io.len), GFP_KERNEL_ACCOUNT);
	if (!bytes)
		goto out;
	err = write_object(obj, &io, bytes);
	kfree(bytes);
out:
	godev_object_put(obj);
	return err;
}

/* Compute 8 bytes of a pattern, see struct goalloc_ioc_pattern. */
static u64 pattern_word(const struct goalloc_ioc_pattern *arg, u64 i)
{
	u64 x = arg->seed + (i + 1) * 0x9e3779b97f4a7c15ULL;

	if (arg->pattern == GOALLOC_PATTERN_BYTE)
		return (arg->seed & 0xff) * 0x0101010101010101ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/*
 * Write some bytes of a pattern, or compare them in shared mode.  Returns how
 * many were written, or come before the first that differs.
 */
static u64 apply_pattern_step(struct godev_object *obj, u64 offset, u64 len,
			      const struct goalloc_ioc_pattern *arg,
			      enum lock_mode mode)
{
	u8 *p = obj->p + offset;
	u64 word = 0, i;
	u8 byte;

	for (i = 0; i < len; i++, offset++) {
		if (!i || !(offset % 8))
			word = pattern_word(arg, offset / 8);
		byte = word >> offset % 8 * 8;
		if (mode == EXCLUSIVE)
			p[i] = byte;
		else if (p[i] != byte)
			break;
	}
	return i;
}

static long apply_pattern(struct godev_object *obj,
			  struct goalloc_ioc_pattern *arg, enum lock_mode mode)
{
	u64 n, step;

	if (!has_bytes(obj, arg->offset, arg->len))
		return -EINVAL;
	for (n = 0; n < arg->len; n += step) {
		step = min_t(u64, PATTERN_STEP, arg->len - n);
		arg->good += apply_pattern_step(obj, arg->offset + n, step,
						arg, mode);
		if (arg->good < n + step)
			break;
		/* The caller is dying and will not see an answer. */
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static long serve_pattern(const struct godev_call *call, enum lock_mode mode)
{
	struct goalloc_ioc_pattern arg;
	struct godev_object *obj;
	long err;

	err = godev_get(call, &arg, sizeof(arg), GOALLOC_PATTERN_SIZE_VER0);
	if (err)
		return err;
	if (arg.pad || arg.pattern > GOALLOC_PATTERN_MIX)
		return -EINVAL;
	arg.good = 0;
	obj = hold_object(call, arg.handle, mode, &arg, sizeof(arg));
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	err = apply_pattern(obj, &arg, mode);
	release_object(obj, mode);
	return err ?: godev_put(call, &arg, sizeof(arg));
}

/**
 * godev_fill - GOALLOC_IOC_FILL
 * @call: the call
 *
 * Context: task, may sleep.
 * Return: as godev_info().
 */
long godev_fill(const struct godev_call *call)
{
	return serve_pattern(call, EXCLUSIVE);
}

/**
 * godev_verify - GOALLOC_IOC_VERIFY
 * @call: the call
 *
 * Context: task, may sleep.
 * Return: as godev_info().
 */
long godev_verify(const struct godev_call *call)
{
	return serve_pattern(call, SHARED);
}

static void fill_stat(struct godev_object *obj, struct goalloc_ioc_stat *st)
{
	st->size = obj->size;
	st->usable = obj->usable;
	st->flags = obj->flags;
	st->size_class = object_class(obj);
	st->node = obj->usable ? page_to_nid(virt_to_page(obj->p)) : U32_MAX;
	spin_lock(&obj->file->lock);
	st->maps = obj->maps;
	spin_unlock(&obj->file->lock);
	st->map_length = godev_map_length(obj);
	if (st->map_length)
		st->map_offset = st->handle << PAGE_SHIFT;
}

/**
 * godev_stat - GOALLOC_IOC_STAT
 * @call: the call
 *
 * Context: task, may sleep.
 * Return: as godev_info().
 */
long godev_stat(const struct godev_call *call)
{
	struct goalloc_ioc_stat arg;
	struct godev_object *obj;
	long err;

	err = godev_get(call, &arg, sizeof(arg), GOALLOC_STAT_SIZE_VER0);
	if (err)
		return err;
	obj = hold_object(call, arg.handle, SHARED, NULL, 0);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	arg = (struct goalloc_ioc_stat){ .handle = arg.handle };
	fill_stat(obj, &arg);
	release_object(obj, SHARED);
	return godev_put(call, &arg, sizeof(arg));
}

/**
 * godev_memstats - GOALLOC_IOC_MEMSTATS
 * @call: the call
 *
 * Context: task, may sleep.
 * Return: as godev_info().
 */
long godev_memstats(const struct godev_call *call)
{
	struct goalloc_memstats *m;
	long err;

	if (is_bad_size(call))
		return -EINVAL;
	m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (!m)
		return -ENOMEM;
	goalloc_read_memstats(m);
	err = godev_put(call, m, sizeof(*m));
	kfree(m);
	return err;
}

static long copy_out_classes(const struct goalloc_class_stats *st,
			     unsigned int nr,
			     const struct goalloc_ioc_bysize *arg)
{
	struct godev_call entry = {
		.uarg = u64_to_user_ptr(arg->buf), .usize = arg->entry_size,
	};
	long err = 0;

	while (nr-- && !err) {
		err = godev_put(&entry, st++, sizeof(*st));
		entry.uarg += entry.usize;
	}
	return err;
}

/**
 * godev_bysize - GOALLOC_IOC_BYSIZE
 * @call: the call
 *
 * Context: task, may sleep.
 * Return: as godev_info().
 */
long godev_bysize(const struct godev_call *call)
{
	struct goalloc_ioc_bysize arg;
	struct goalloc_class_stats *st;
	unsigned int nr;
	long err;

	err = godev_get(call, &arg, sizeof(arg), GOALLOC_BYSIZE_SIZE_VER0);
	if (err)
		return err;
	if (!arg.entry_size || arg.entry_size % sizeof(u64) ||
	    arg.entry_size > PAGE_SIZE)
		return -EINVAL;
	st = goclasses_read(&nr);
	if (!st)
		return -ENOMEM;
	err = copy_out_classes(st, min(nr, arg.nr), &arg);
	kvfree(st);
	arg.nr = nr;
	return err ?: godev_put(call, &arg, sizeof(arg));
}

/**
 * godev_free_os_memory - GOALLOC_IOC_FREE_OS_MEMORY
 * @call: the call
 *
 * Context: task, may sleep.
 * Return: as godev_info().
 */
long godev_free_os_memory(const struct godev_call *call)
{
	struct goalloc_ioc_free_os_memory arg = {};
	long err;

	if (is_bad_size(call))
		return -EINVAL;
	/* Find a bad address before anything is given back. */
	err = godev_put(call, &arg, sizeof(arg));
	if (err)
		return err;
	arg.released = goalloc_free_os_memory();
	return godev_put(call, &arg, sizeof(arg));
}
