// SPDX-License-Identifier: GPL-2.0
/*
 * Objects and their names.
 *
 * A handle is an index into the XArray of one open file.  It is meaningless
 * elsewhere, and no kernel address ever leaves.  Indices are handed out
 * cyclically, so that a handle that was freed stays unknown for the next four
 * billion allocations instead of naming somebody else's object at once.
 *
 * A name is given in two steps, because telling the caller may fail: it is
 * reserved, told, and then published.  Who guesses it meanwhile is told that
 * there is none.
 *
 * The XArray does not hold the objects themselves but a small record of each.
 * ZERO_SIZE_PTR and tiny objects, which may be odd, are no legal entries; what
 * others still use needs a count of them; and bounds are checked against a
 * size that is known without asking the heap.  The records are kmalloc()ed and
 * charged to the caller's memory cgroup, so MemStats shows what the process
 * asked for and nothing of ours.
 *
 * User space always gets zeroed memory, with or without GOALLOC_ALLOC_ZERO:
 * every byte of an object can be read back, the ones behind the size that was
 * asked for included, and what a previous owner in the kernel has left there
 * is nobody's business.
 */

#include <linux/nodemask.h>
#include <linux/slab.h>
#include "dev.h"

/**
 * godev_check_alloc - is this something that can be allocated at all?
 * @size: bytes
 * @flags: GOALLOC_ALLOC_*
 * @node: a node, zero without %GOALLOC_ALLOC_NODE
 *
 * What is impossible for ever is not -ENOMEM, which may pass.
 *
 * Context: any.
 * Return: 0 or -EINVAL.
 */
int godev_check_alloc(u64 size, u32 flags, u32 node)
{
	if (size > GOALLOC_MAX_SIZE || flags & ~GOALLOC_ALLOC_FLAGS)
		return -EINVAL;
	if (!(flags & GOALLOC_ALLOC_NODE))
		return node ? -EINVAL : 0;
	/* There is no gomalloc_noscan_node(). */
	if (flags & GOALLOC_ALLOC_NOSCAN)
		return -EINVAL;
	return node < nr_node_ids && node_state(node, N_MEMORY) ? 0 : -EINVAL;
}

static void *allocate(u64 size, u32 flags, u32 node)
{
	if (flags & GOALLOC_ALLOC_NODE)
		return gomalloc_node(size, GODEV_GFP | __GFP_THISNODE, node);
	if (flags & GOALLOC_ALLOC_NOSCAN)
		return gomalloc_noscan(size, GODEV_GFP);
	return gomalloc(size, GODEV_GFP);
}

/**
 * godev_object_new - allocate an object, without a name
 * @f: whose account is charged
 * @size: bytes, as godev_check_alloc() found right
 * @flags: GOALLOC_ALLOC_*
 * @node: with %GOALLOC_ALLOC_NODE, where
 *
 * Context: task, may sleep.
 * Return: the object with one reference, -ENOMEM or -EDQUOT.
 */
struct godev_object *godev_object_new(struct godev_file *f, u64 size, u32 flags,
				      u32 node)
{
	struct godev_object *obj;
	int err;

	obj = kzalloc(sizeof(*obj), GFP_KERNEL_ACCOUNT);
	if (!obj)
		return ERR_PTR(-ENOMEM);
	obj->charged = gomalloc_size_roundup(size);
	err = godev_charge(f, 1, obj->charged);
	if (err)
		goto err_free;
	err = -ENOMEM;
	obj->p = allocate(size, flags, node);
	if (!obj->p)
		goto err_uncharge;
	refcount_set(&obj->ref, 1);
	init_rwsem(&obj->lock);
	obj->file = f;
	obj->size = size;
	obj->flags = flags;
	obj->usable = gosize(obj->p);
	return obj;

err_uncharge:
	godev_uncharge(f, 1, obj->charged);
err_free:
	kfree(obj);
	return ERR_PTR(err);
}

/**
 * godev_object_put - done with an object
 * @obj: the object; with the last reference it goes
 *
 * Context: task.
 */
void godev_object_put(struct godev_object *obj)
{
	if (!refcount_dec_and_test(&obj->ref))
		return;
	gofree(obj->p);
	godev_uncharge(obj->file, 1, obj->charged);
	kfree_rcu(obj, rcu);
}

/**
 * godev_object_get - whom does a handle name?
 * @f: the file
 * @handle: any value; the index has the CPU's width, so it is looked at first
 *
 * Context: task.
 * Return: the object with a reference for the caller, or -ENOENT.
 */
struct godev_object *godev_object_get(struct godev_file *f, u64 handle)
{
	struct godev_object *obj = NULL;

	rcu_read_lock();
	if (handle <= U32_MAX)
		obj = xa_load(&f->objects, handle);
	/* Without a reference it is on its way out, and so is its name. */
	if (obj && !refcount_inc_not_zero(&obj->ref))
		obj = NULL;
	rcu_read_unlock();
	return obj ?: ERR_PTR(-ENOENT);
}

/**
 * godev_object_take - take an object's name away
 * @f: the file
 * @handle: any value
 *
 * Of two that try, one gets it.  A name that is only reserved stays.
 *
 * Context: task.
 * Return: the object with the reference that was the name's, or -ENOENT.
 */
struct godev_object *godev_object_take(struct godev_file *f, u64 handle)
{
	struct godev_object *obj = NULL;

	if (handle > U32_MAX)
		return ERR_PTR(-ENOENT);
	xa_lock(&f->objects);
	obj = xa_load(&f->objects, handle);
	if (obj)
		__xa_erase(&f->objects, handle);
	xa_unlock(&f->objects);
	return obj ?: ERR_PTR(-ENOENT);
}

/* Say that the bytes are about to move, unless somebody maps them. */
static int begin_move(struct godev_object *obj)
{
	struct godev_file *f = obj->file;
	int err = 0;

	spin_lock(&f->lock);
	if (obj->maps)
		err = -EBUSY;
	else
		obj->moving = true;
	spin_unlock(&f->lock);
	return err;
}

static void end_move(struct godev_object *obj, void *p)
{
	struct godev_file *f = obj->file;

	spin_lock(&f->lock);
	obj->moving = false;
	if (p) {
		obj->p = p;
		obj->usable = gosize(p);
	}
	spin_unlock(&f->lock);
}

/* gorealloc() knows the kind of an object that has bytes; of others we do. */
static void *reallocate(struct godev_object *obj, u64 size)
{
	if (obj->p == ZERO_SIZE_PTR)
		return allocate(size, obj->flags & ~GOALLOC_ALLOC_NODE, 0);
	return gorealloc(obj->p, size, GODEV_GFP);
}

/* It does not fit where it is, or it is to have no bytes at all. */
static int move(struct godev_object *obj, u64 size)
{
	u64 charge = gomalloc_size_roundup(size);
	struct godev_file *f = obj->file;
	void *p;
	int err;

	/* Both are there for a moment. */
	err = godev_charge(f, 0, charge);
	if (err)
		return err;
	err = begin_move(obj);
	if (err)
		goto err_uncharge;
	p = reallocate(obj, size);
	end_move(obj, p);
	err = -ENOMEM;
	if (!p)
		goto err_uncharge;
	godev_uncharge(f, 0, obj->charged);
	obj->charged = charge;
	return 0;

err_uncharge:
	godev_uncharge(f, 0, charge);
	return err;
}

/**
 * godev_object_resize - change the size of an object
 * @obj: the object, locked exclusively
 * @size: bytes, at most GOALLOC_MAX_SIZE
 *
 * What it has beyond @size is zero afterwards.  An object of a node may come to
 * lie on another.
 *
 * Context: task, may sleep.
 * Return: 0, -ENOMEM, -EDQUOT, or -EBUSY if it would have to move and is
 * mapped; then nothing has changed.
 */
int godev_object_resize(struct godev_object *obj, u64 size)
{
	int err = 0;

	lockdep_assert_held_write(&obj->lock);
	if (size > obj->usable || (!size && obj->usable))
		err = move(obj, size);
	else
		memset(obj->p + size, 0, obj->usable - size);
	if (!err)
		obj->size = size;
	return err;
}

/**
 * godev_reserve - find a name
 * @f: the file
 * @handle: the name
 *
 * Context: task, may sleep.
 * Return: 0 or -ENOMEM.
 */
int godev_reserve(struct godev_file *f, u64 *handle)
{
	u32 index;
	int err;

	err = xa_alloc_cyclic(&f->objects, &index, NULL, xa_limit_32b,
			      &f->next, GFP_KERNEL);
	if (err < 0)
		return err;
	*handle = index;
	return 0;
}

/**
 * godev_unreserve - a name is not needed
 * @f: the file
 * @handle: what godev_reserve() found
 *
 * Context: task.
 */
void godev_unreserve(struct godev_file *f, u64 handle)
{
	xa_release(&f->objects, handle);
}

/**
 * godev_publish - from now on the name names the object
 * @f: the file
 * @handle: what godev_reserve() found
 * @obj: the object, whose first reference becomes the name's
 *
 * Context: task, may sleep.
 * Return: 0; -ENOMEM is not expected, since the place was reserved.
 */
int godev_publish(struct godev_file *f, u64 handle, struct godev_object *obj)
{
	return xa_err(xa_store(&f->objects, handle, obj, GFP_KERNEL));
}
