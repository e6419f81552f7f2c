// SPDX-License-Identifier: GPL-2.0
/*
 * Objects and their handles.
 *
 * A handle is an index into the XArray of one open file.  It is meaningless
 * elsewhere, and no kernel address ever leaves.  Indices are handed out
 * cyclically: a handle that was freed stays unknown for the next four billion
 * allocations.  With the lowest free index a program that uses a handle after
 * it has freed it would get at another of its objects, and not notice.
 *
 * A handle is given in two steps, because telling the caller may fail: it is
 * reserved, told, and then published.  A program that guesses it in between is
 * told that there is no such object.
 *
 * The XArray holds a small record of each object and not the object itself.
 * ZERO_SIZE_PTR and tiny objects, which may have odd addresses, are no legal
 * entries; an object needs a reference count; and offsets are checked against a
 * size that is known without asking the heap.  The records come from kmalloc()
 * and are charged to the account, as are their objects, and to the caller's
 * memory cgroup.  Were they goalloc objects, MemStats would show more than the
 * process has asked for.
 *
 * User space always gets zeroed memory, with or without GOALLOC_ALLOC_ZERO.
 * Every byte of an object can be read back, also those beyond the size that was
 * asked for, and must not show what its previous owner has left there.
 */

#include <linux/nodemask.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include "dev.h"

/**
 * godev_check_alloc - check that a request makes sense
 * @size: bytes
 * @flags: GOALLOC_ALLOC_*
 * @node: a node, zero without %GOALLOC_ALLOC_NODE
 *
 * -ENOMEM is for what may work later; a request that can never be served is
 * refused here.
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
	/* The API has no gomalloc_noscan_node(). */
	if (flags & GOALLOC_ALLOC_NOSCAN)
		return -EINVAL;
	return node < nr_node_ids && node_state(node, N_MEMORY) ? 0 : -EINVAL;
}

static void *alloc_bytes(u64 size, u32 flags, u32 node)
{
	if (flags & GOALLOC_ALLOC_NODE)
		return gomalloc_node(size, GODEV_GFP | __GFP_THISNODE, node);
	if (flags & GOALLOC_ALLOC_NOSCAN)
		return gomalloc_noscan(size, GODEV_GFP);
	return gomalloc(size, GODEV_GFP);
}

/* Allocate the bytes of an object that is charged, and count their pages. */
static int fill_object(struct godev_object *obj, u32 node)
{
	int err;

	obj->p = alloc_bytes(obj->size, obj->flags, node);
	if (!obj->p)
		return -ENOMEM;
	obj->usable = gosize(obj->p);
	err = godev_count_pages(obj->file, obj->p, obj->usable);
	if (err)
		gofree(obj->p);
	obj->counted = !err;
	return err;
}

/**
 * godev_object_new - allocate an object that no handle names yet
 * @f: the file that owns it and whose account is charged
 * @size: bytes
 * @flags: GOALLOC_ALLOC_*
 * @node: the node, with %GOALLOC_ALLOC_NODE
 *
 * @size, @flags and @node have passed godev_check_alloc().
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
	refcount_set(&obj->ref, 1);
	init_rwsem(&obj->lock);
	obj->file = f;
	obj->size = size;
	obj->flags = flags;
	obj->charged = gomalloc_size_roundup(size);
	err = godev_charge(f, 1, obj->charged + godev_handle_bytes());
	if (err)
		goto err_free;
	err = fill_object(obj, node);
	if (err)
		goto err_uncharge;
	return obj;

err_uncharge:
	godev_uncharge(f, 1, obj->charged + godev_handle_bytes());
err_free:
	kfree(obj);
	return ERR_PTR(err);
}

/**
 * godev_object_put - drop a reference, and free the object with the last
 * @obj: the object
 *
 * Context: task.
 */
void godev_object_put(struct godev_object *obj)
{
	if (!refcount_dec_and_test(&obj->ref))
		return;
	gofree(obj->p);
	if (obj->counted)
		godev_uncount_pages(obj->p, obj->usable);
	godev_uncharge(obj->file, 1, obj->charged + godev_handle_bytes());
	kfree_rcu(obj, rcu);
}

/**
 * godev_object_get - look up a handle
 * @f: the file
 * @handle: any value
 *
 * Context: task.
 * Return: the object with a reference for the caller, or -ENOENT.
 */
struct godev_object *godev_object_get(struct godev_file *f, u64 handle)
{
	struct godev_object *obj = NULL;

	rcu_read_lock();
	/* An index of the XArray may be narrower than a handle. */
	if (handle <= U32_MAX)
		obj = xa_load(&f->objects, handle);
	/* An object without references is being freed; its handle has gone. */
	if (obj && !refcount_inc_not_zero(&obj->ref))
		obj = NULL;
	rcu_read_unlock();
	return obj ?: ERR_PTR(-ENOENT);
}

/**
 * godev_object_take - remove a handle
 * @f: the file
 * @handle: any value
 *
 * Only one of several concurrent callers gets the object.  A handle that is
 * only reserved stays.
 *
 * Context: task.
 * Return: the object with the reference that the handle had, or -ENOENT.
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

/* Announce that the bytes will move.  Fails if an area maps them. */
static int begin_object_move(struct godev_object *obj)
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

static void end_object_move(struct godev_object *obj, void *p)
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

/* gorealloc() keeps an object noscan, but cannot see that of ZERO_SIZE_PTR. */
static void *realloc_bytes(struct godev_object *obj, u64 size)
{
	if (obj->p == ZERO_SIZE_PTR)
		return alloc_bytes(size, obj->flags & ~GOALLOC_ALLOC_NODE, 0);
	return gorealloc(obj->p, size, GODEV_GFP);
}

/*
 * Count the pages of an object that has moved.  It is too late to refuse: the old
 * place has gone.  godev_charge() has refused before, where the total has pages
 * beyond its limit.
 */
static void recount_pages(struct godev_object *obj, const void *old_p,
			  size_t old_size)
{
	if (obj->counted)
		godev_uncount_pages(old_p, old_size);
	obj->counted = !godev_count_pages(NULL, obj->p, obj->usable);
}

/* Resize an object that does not fit its place, or will have no bytes. */
static int move_object(struct godev_object *obj, u64 size)
{
	u64 charge = gomalloc_size_roundup(size);
	struct godev_file *f = obj->file;
	size_t old_size = obj->usable;
	void *p, *old_p = obj->p;
	int err;

	/* The old and the new bytes exist at the same time. */
	err = godev_charge(f, 0, charge);
	if (err)
		return err;
	err = begin_object_move(obj);
	if (err)
		goto err_uncharge;
	p = realloc_bytes(obj, size);
	end_object_move(obj, p);
	err = -ENOMEM;
	if (!p)
		goto err_uncharge;
	recount_pages(obj, old_p, old_size);
	godev_uncharge(f, 0, obj->charged);
	obj->charged = charge;
	return 0;

err_uncharge:
	godev_uncharge(f, 0, charge);
	return err;
}

/* Would an object of whole pages keep at least as many as it needs, idle? */
static bool wastes_pages(const struct godev_object *obj, u64 size)
{
	return obj->usable > SZ_32K && size <= obj->usable / 2;
}

/**
 * godev_object_resize - change the size of an object
 * @obj: the object, locked exclusively
 * @size: bytes, at most GOALLOC_MAX_SIZE
 *
 * The bytes beyond @size are zero afterwards.  An object that was allocated on
 * a node may move to another one.  One that shrinks by half or more moves to give
 * pages back, unless it is mapped or there is no room for both.
 *
 * Context: task, may sleep.
 * Return: 0, or with nothing changed -ENOMEM, -EDQUOT, or -EBUSY if the object
 * would have to move and is mapped.
 */
int godev_object_resize(struct godev_object *obj, u64 size)
{
	int err = 0;

	lockdep_assert_held_write(&obj->lock);
	if (size > obj->usable || (!size && obj->usable))
		err = move_object(obj, size);
	else if (!wastes_pages(obj, size) || move_object(obj, size))
		memset(obj->p + size, 0, obj->usable - size);
	if (!err)
		obj->size = size;
	return err;
}

/**
 * godev_reserve - reserve a handle
 * @f: the file
 * @handle: the handle
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
 * godev_unreserve - give up a handle that was not published
 * @f: the file
 * @handle: the handle that godev_reserve() found
 *
 * Context: task.
 */
void godev_unreserve(struct godev_file *f, u64 handle)
{
	xa_release(&f->objects, handle);
}

/**
 * godev_publish - make a handle name an object
 * @f: the file
 * @handle: the handle that godev_reserve() found
 * @obj: the object, whose first reference the handle takes over
 *
 * Context: task, may sleep.
 * Return: 0; -ENOMEM is not expected, since the entry was reserved.
 */
int godev_publish(struct godev_file *f, u64 handle, struct godev_object *obj)
{
	return xa_err(xa_store(&f->objects, handle, obj, GFP_KERNEL));
}
