// SPDX-License-Identifier: GPL-2.0
/*
 * Objects of whole pages, mapped into a process.
 *
 * The offset names the object: it is the handle, in pages.  The length has to
 * be the object's, so that no mapping shows a part of one or what lies beside
 * it.  A mapping is shared; a private one would be a copy of what the process
 * can have with GOALLOC_IOC_READ.
 *
 * All pages are entered at once, as page frame numbers.  vm_insert_page()
 * would be the friendlier way, since the kernel can then do direct I/O to the
 * area, but it does not fit, for two reasons.  An object is part of a block of
 * the page allocator in which only the first page has a reference, and
 * vm_insert_page() refuses the others.  And pages that are inserted can be
 * held by any process that has them, with O_DIRECT or vmsplice(2), for longer
 * than this module would know.  Frame numbers are in the area and nowhere
 * else, so counting areas is enough: each holds a reference to the object,
 * also one that fork(2) makes, or munmap(2) of a middle part, or mremap(2),
 * which may move an area but not make it larger.
 *
 * Faulting pages in one by one would save work for objects of which little is
 * touched.  But an object has at most 4 MiB, its memory is there already, and a
 * fault would have to look out for a REALLOC that moves it.
 *
 * An area also holds the open file, as every area does.  So an object exists
 * until it is freed and all its areas are gone, in any order.
 */

#include <linux/io.h>
#include "compat.h"
#include "dev.h"

/**
 * godev_map_length - tell the length of an object's mapping
 * @obj: the object; its lock or that of its file is held
 *
 * Context: task.
 * Return: bytes, 0 if the object is not made of whole pages.
 */
u64 godev_map_length(const struct godev_object *obj)
{
	/* ZERO_SIZE_PTR is not aligned. */
	return PAGE_ALIGNED(obj->p) && PAGE_ALIGNED(obj->usable) ?
	       obj->usable : 0;
}

static void count_object_map(struct godev_object *obj, int n)
{
	struct godev_file *f = obj->file;

	spin_lock(&f->lock);
	obj->maps += n;
	spin_unlock(&f->lock);
	atomic_add(n, &f->maps);
}

/* There is one more area, after fork() or because one was split. */
static void godev_vm_open(struct vm_area_struct *vma)
{
	struct godev_object *obj = vma->vm_private_data;

	refcount_inc(&obj->ref);
	count_object_map(obj, 1);
}

static void godev_vm_close(struct vm_area_struct *vma)
{
	struct godev_object *obj = vma->vm_private_data;

	count_object_map(obj, -1);
	godev_object_put(obj);
}

static const struct vm_operations_struct godev_vm_ops = {
	.open	= godev_vm_open,
	.close	= godev_vm_close,
};

/*
 * Count a mapping of an object, so that no REALLOC moves it from here on.  The
 * caller holds a reference.
 */
static int pin_object(struct godev_object *obj, unsigned long length, void **p)
{
	struct godev_file *f = obj->file;
	int err = 0;

	spin_lock(&f->lock);
	if (obj->moving)
		err = -EBUSY;
	else if (length != godev_map_length(obj))
		err = -EINVAL;
	else
		obj->maps++;
	*p = obj->p;
	spin_unlock(&f->lock);
	if (!err)
		atomic_inc(&f->maps);
	return err;
}

/* Only shared mappings are allowed, read-only ones included, and no code. */
static bool is_allowed_map(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_MAYSHARE && !(vma->vm_flags & VM_EXEC);
}

/**
 * godev_mmap - map an object
 * @file: the open file
 * @vma: the area; its offset is a handle
 *
 * Context: task, with the address space locked, so the object's lock may not be
 * taken.
 * Return: 0; -ENOENT for an unknown handle; -EINVAL for an object that is not
 * made of whole pages, a length other than the object's, or a mapping that is
 * not shared; -EBUSY while the object is being moved; -ENOMEM.
 */
int godev_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long length = vma->vm_end - vma->vm_start;
	struct godev_object *obj;
	void *p;
	int err;

	if (!is_allowed_map(vma))
		return -EINVAL;
	obj = godev_object_get(file->private_data, vma->vm_pgoff);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	err = pin_object(obj, length, &p);
	if (err)
		goto err_put;
	vm_flags_clear(vma, VM_MAYEXEC);
	err = remap_pfn_range(vma, vma->vm_start, virt_to_phys(p) >> PAGE_SHIFT,
			      length, vma->vm_page_prot);
	if (err)
		goto err_unpin;
	/* The area owns the reference now. */
	vma->vm_private_data = obj;
	vma->vm_ops = &godev_vm_ops;
	return 0;

err_unpin:
	count_object_map(obj, -1);
err_put:
	godev_object_put(obj);
	return err;
}
