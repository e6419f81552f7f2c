// SPDX-License-Identifier: GPL-2.0
/*
 * Objects of whole pages, mapped into a process.
 *
 * The offset names the object: its handle, in pages; the length has to be the
 * object's, so that nobody maps a part of one, or what lies beside it.  A
 * mapping is shared; there is no private one, which would be a copy of what
 * the process can read(2) anyway.
 *
 * The pages are entered as page frame numbers, all at once.  What they are made
 * of are blocks of the page allocator in which only the first page has a
 * reference, so vm_insert_page() would refuse the others; and pages that it has
 * inserted can be held by anybody, by O_DIRECT or vmsplice(2), for longer than
 * we would know.  Frame numbers are entered in an area and nowhere else, so the
 * areas are all there is to count: each holds a reference to the object, also
 * the one that fork(2) makes, or a munmap(2) of the middle, or mremap(2), which
 * may move an area but not make it larger.  The price: the kernel does no
 * direct I/O to such an area.
 *
 * An area holds the open file as well, as every one does.  So the object is
 * there until it is freed and unmapped by everybody, whatever comes last.
 */

#include <linux/io.h>
#include "dev.h"
#include "compat.h"

/**
 * godev_map_length - what does an object look like in an address space?
 * @obj: the object; its lock or its file's is held
 *
 * Context: task.
 * Return: bytes of its mapping, 0 if it is not made of whole pages.
 */
u64 godev_map_length(const struct godev_object *obj)
{
	/* ZERO_SIZE_PTR has none and is in no page. */
	return PAGE_ALIGNED(obj->p) && PAGE_ALIGNED(obj->usable) ?
	       obj->usable : 0;
}

static void count_map(struct godev_object *obj, int n)
{
	struct godev_file *f = obj->file;

	spin_lock(&f->lock);
	obj->maps += n;
	spin_unlock(&f->lock);
	atomic_add(n, &f->maps);
}

/* One more area: after fork(), or when one is split. */
static void godev_vm_open(struct vm_area_struct *vma)
{
	struct godev_object *obj = vma->vm_private_data;

	refcount_inc(&obj->ref);
	count_map(obj, 1);
}

static void godev_vm_close(struct vm_area_struct *vma)
{
	struct godev_object *obj = vma->vm_private_data;

	count_map(obj, -1);
	godev_object_put(obj);
}

static const struct vm_operations_struct godev_vm_ops = {
	.open	= godev_vm_open,
	.close	= godev_vm_close,
};

/* From here on the object stays where it is; the caller has a reference. */
static int pin(struct godev_object *obj, unsigned long length, void **p)
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

static bool allowed(struct vm_area_struct *vma)
{
	/* Shared, though perhaps only to be read; and no code. */
	return vma->vm_flags & VM_MAYSHARE && !(vma->vm_flags & VM_EXEC);
}

/**
 * godev_mmap - map an object
 * @file: the open file
 * @vma: the area; its offset is a handle
 *
 * Context: task, with the address space locked: takes no object's lock.
 * Return: 0; -ENOENT for a wrong offset, -EINVAL for a length that is not the
 * object's, an object that is not of whole pages, or what is not shared, -EBUSY
 * for an object that is being moved, -ENOMEM.
 */
int godev_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long length = vma->vm_end - vma->vm_start;
	struct godev_object *obj;
	void *p;
	int err;

	if (!allowed(vma))
		return -EINVAL;
	obj = godev_object_get(file->private_data, vma->vm_pgoff);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	err = pin(obj, length, &p);
	if (err)
		goto err_put;
	vm_flags_clear(vma, VM_MAYEXEC);
	err = remap_pfn_range(vma, vma->vm_start, virt_to_phys(p) >> PAGE_SHIFT,
			      length, vma->vm_page_prot);
	if (err)
		goto err_unpin;
	/* The reference is now the area's. */
	vma->vm_private_data = obj;
	vma->vm_ops = &godev_vm_ops;
	return 0;

err_unpin:
	count_map(obj, -1);
err_put:
	godev_object_put(obj);
	return err;
}
