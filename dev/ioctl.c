// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls for one object, and those that only look.
 *
 * Each gets its argument, finds the object and holds a reference while it is at
 * work.  A page fault may be waited for with the object locked shared, but
 * never with an object half written.  What takes long looks whether the caller
 * has been killed meanwhile.
 */

#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "dev.h"
#include "observe/observe.h"

/* How much is done between two looks at the clock. */
#define STEP	SZ_64K

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

/* What is only read may be asked for in any age's size, but in whole words. */
static bool bad_size(const struct godev_call *call)
{
	return !call->usize || call->usize % sizeof(u64);
}

/**
 * godev_info - GOALLOC_IOC_INFO
 * @call: the call
 *
 * Context: task, may sleep.
 * Return: 0 or an errno, as the ABI says; so for all the functions below.
 */
long godev_info(const struct godev_call *call)
{
	struct goalloc_ioc_info *info;
	long err;

	if (bad_size(call))
		return -EINVAL;
	info = kzalloc(sizeof(*info), GFP_KERNEL);
	if (!info)
		return -ENOMEM;
	fill_info(call->f, info);
	err = godev_put(call, info, sizeof(*info));
	kfree(info);
	return err;
}

/* Name an object and tell the caller its name; if he cannot be told, nobody. */
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
 * The answer can be given before the deed, but for how large the object is
 * then: where it cannot be stored nothing is done.
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
	obj = godev_object_get(call->f, arg.handle);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	err = godev_put(call, &arg, sizeof(arg)) ?:
	      down_write_killable(&obj->lock);
	if (err)
		goto out;
	err = godev_object_resize(obj, arg.size);
	arg.usable = obj->usable;
	arg.size_class = object_class(obj);
	up_write(&obj->lock);
	if (!err)
		err = godev_put(call, &arg, sizeof(arg));
out:
	godev_object_put(obj);
	return err;
}

/* Does the object have these bytes, without overflowing? */
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
	obj = godev_object_get(call->f, io.handle);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	err = down_read_killable(&obj->lock);
	if (err)
		goto out;
	if (!has_bytes(obj, io.offset, io.len))
		err = -EINVAL;
	else if (copy_to_user(u64_to_user_ptr(io.buf), obj->p + io.offset,
			      io.len))
		err = -EFAULT;
	up_read(&obj->lock);
out:
	godev_object_put(obj);
	return err;
}

static long write_bytes(struct godev_object *obj, u64 offset, u64 len,
			const void *bytes)
{
	long err = down_write_killable(&obj->lock);

	if (err)
		return err;
	if (has_bytes(obj, offset, len))
		memcpy(obj->p + offset, bytes, len);
	else
		err = -EINVAL;
	up_write(&obj->lock);
	return err;
}

/**
 * godev_write - GOALLOC_IOC_WRITE
 * @call: the call
 *
 * The bytes are fetched before the object is locked: a fault half way through
 * them has then changed nothing, and waiting for one holds no lock.
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
	/* No object is larger; and the copy must be bounded. */
	if (io.len > GOALLOC_MAX_SIZE)
		return -EINVAL;
	obj = godev_object_get(call->f, io.handle);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	bytes = vmemdup_user(u64_to_user_ptr(io.buf), io.len);
	if (IS_ERR(bytes)) {
		err = PTR_ERR(bytes);
	} else {
		err = write_bytes(obj, io.offset, io.len, bytes);
		kvfree(bytes);
	}
	godev_object_put(obj);
	return err;
}

/* Eight bytes of a pattern; see struct goalloc_ioc_pattern. */
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
 * Write or compare some bytes of an object; returns how many were written or
 * are as they should be.
 */
static u64 pattern_bytes(struct godev_object *obj, u64 offset, u64 len,
			 const struct goalloc_ioc_pattern *arg, bool compare)
{
	u8 *p = obj->p + offset;
	u64 word = 0, i;
	u8 byte;

	for (i = 0; i < len; i++, offset++) {
		if (!i || !(offset % 8))
			word = pattern_word(arg, offset / 8);
		byte = word >> offset % 8 * 8;
		if (!compare)
			p[i] = byte;
		else if (p[i] != byte)
			break;
	}
	return i;
}

static long pattern_locked(struct godev_object *obj,
			   struct goalloc_ioc_pattern *arg, bool compare)
{
	u64 n, step;

	if (!has_bytes(obj, arg->offset, arg->len))
		return -EINVAL;
	for (n = 0; n < arg->len; n += step) {
		step = min_t(u64, STEP, arg->len - n);
		arg->good += pattern_bytes(obj, arg->offset + n, step, arg,
					   compare);
		if (arg->good < n + step)
			break;
		/* Then nobody asks for the rest. */
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static long pattern(const struct godev_call *call, bool compare)
{
	struct goalloc_ioc_pattern arg;
	struct godev_object *obj;
	long err;

	err = godev_get(call, &arg, sizeof(arg), GOALLOC_PATTERN_SIZE_VER0);
	if (err)
		return err;
	if (arg.pad || arg.pattern > GOALLOC_PATTERN_MIX)
		return -EINVAL;
	obj = godev_object_get(call->f, arg.handle);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	arg.good = 0;
	/* An answer that cannot be stored: before, not after the deed. */
	err = godev_put(call, &arg, sizeof(arg));
	if (err)
		goto out;
	err = compare ? down_read_killable(&obj->lock) :
			down_write_killable(&obj->lock);
	if (err)
		goto out;
	err = pattern_locked(obj, &arg, compare);
	if (compare)
		up_read(&obj->lock);
	else
		up_write(&obj->lock);
	if (!err)
		err = godev_put(call, &arg, sizeof(arg));
out:
	godev_object_put(obj);
	return err;
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
	return pattern(call, false);
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
	return pattern(call, true);
}

static void fill_stat(struct godev_object *obj, struct goalloc_ioc_stat *st)
{
	st->size = obj->size;
	st->usable = obj->usable;
	st->flags = obj->flags;
	st->size_class = object_class(obj);
	st->node = obj->usable ? page_to_nid(virt_to_page(obj->p)) : U32_MAX;
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
	obj = godev_object_get(call->f, arg.handle);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	arg = (struct goalloc_ioc_stat){ .handle = arg.handle };
	err = down_read_killable(&obj->lock);
	if (!err) {
		fill_stat(obj, &arg);
		up_read(&obj->lock);
		spin_lock(&call->f->lock);
		arg.maps = obj->maps;
		spin_unlock(&call->f->lock);
		err = godev_put(call, &arg, sizeof(arg));
	}
	godev_object_put(obj);
	return err;
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

	if (bad_size(call))
		return -EINVAL;
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	goalloc_read_memstats(m);
	err = godev_put(call, m, sizeof(*m));
	kfree(m);
	return err;
}

static long put_classes(const struct goalloc_class_stats *st, unsigned int nr,
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
	err = put_classes(st, min(nr, arg.nr), &arg);
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

	if (bad_size(call))
		return -EINVAL;
	/* Memory for the answer first, as everywhere. */
	err = godev_put(call, &arg, sizeof(arg));
	if (err)
		return err;
	arg.released = goalloc_free_os_memory();
	return godev_put(call, &arg, sizeof(arg));
}
