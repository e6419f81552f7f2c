// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/goalloc: the allocator for user space.
 *
 * This file knows the open file, the list of all open files, and which function
 * serves which ioctl.  dev.h says what the other parts are and which lock
 * protects what.
 *
 * An ioctl is recognised by its number and direction; the size that is encoded
 * in the command may be any.  It says how much of the structure the program
 * knows, and godev_get() and godev_put() copy accordingly, so that a structure
 * can grow and old programs still work.  The alternative is a new command for
 * each version of a structure, all of which have to be served for ever.
 *
 * The rights are those of the descriptor, as for read(2) and write(2).  A call
 * that shows an object's bytes needs a descriptor open for reading; one that
 * allocates, frees or changes an object needs one open for writing.  A call
 * that shows only statistics is always allowed, so that a group can watch with
 * mode 0640.
 */

#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/string_helpers.h>
#include "dev.h"
#include "observe/observe.h"

static LIST_HEAD(clients);
static DEFINE_MUTEX(clients_lock);

/* The ABI: a structure may grow at its end, and its fields stay in place. */
static_assert(sizeof(struct goalloc_ioc_info) == 1192);
static_assert(sizeof(struct goalloc_ioc_alloc) == GOALLOC_ALLOC_SIZE_VER0);
static_assert(sizeof(struct goalloc_ioc_realloc) == GOALLOC_REALLOC_SIZE_VER0);
static_assert(sizeof(struct goalloc_ioc_stat) == GOALLOC_STAT_SIZE_VER0);
static_assert(sizeof(struct goalloc_ioc_io) == GOALLOC_IO_SIZE_VER0);
static_assert(sizeof(struct goalloc_ioc_pattern) == GOALLOC_PATTERN_SIZE_VER0);
static_assert(sizeof(struct goalloc_ioc_alloc_bulk) ==
	      GOALLOC_ALLOC_BULK_SIZE_VER0);
static_assert(sizeof(struct goalloc_ioc_free_bulk) ==
	      GOALLOC_FREE_BULK_SIZE_VER0);
static_assert(sizeof(struct goalloc_class_stats) == 96);
static_assert(sizeof(struct goalloc_ioc_bysize) == GOALLOC_BYSIZE_SIZE_VER0);
static_assert(sizeof(struct goalloc_ioc_run) == GOALLOC_RUN_SIZE_VER0);
static_assert(offsetof(struct goalloc_memstats, failures) == 6008);

/**
 * struct godev_command - how to serve an ioctl
 * @cmd: the command, encoded with the present size of its argument
 * @needs: the mode that the descriptor must be open in
 * @call: the function that serves it
 */
struct godev_command {
	unsigned int cmd;
	fmode_t needs;
	long (*call)(const struct godev_call *call);
};

static const struct godev_command commands[] = {
	{ GOALLOC_IOC_ALLOC, FMODE_WRITE, godev_alloc },
	{ GOALLOC_IOC_FREE, FMODE_WRITE, godev_free },
	{ GOALLOC_IOC_READ, FMODE_READ, godev_read },
	{ GOALLOC_IOC_WRITE, FMODE_WRITE, godev_write },
	{ GOALLOC_IOC_STAT, 0, godev_stat },
	{ GOALLOC_IOC_MEMSTATS, 0, godev_memstats },
	{ GOALLOC_IOC_INFO, 0, godev_info },
	{ GOALLOC_IOC_REALLOC, FMODE_WRITE, godev_realloc },
	{ GOALLOC_IOC_FILL, FMODE_WRITE, godev_fill },
	{ GOALLOC_IOC_VERIFY, FMODE_READ, godev_verify },
	{ GOALLOC_IOC_ALLOC_BULK, FMODE_WRITE, godev_alloc_bulk },
	{ GOALLOC_IOC_FREE_BULK, FMODE_WRITE, godev_free_bulk },
	{ GOALLOC_IOC_BYSIZE, 0, godev_bysize },
	{ GOALLOC_IOC_FREE_OS_MEMORY, FMODE_WRITE, godev_free_os_memory },
	{ GOALLOC_IOC_RUN, FMODE_WRITE, godev_run },
};

static const struct godev_command *find_command(unsigned int cmd)
{
	const unsigned int size = _IOC_SIZEMASK << _IOC_SIZESHIFT;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if ((cmd & ~size) == (commands[i].cmd & ~size))
			return &commands[i];
	return NULL;
}

static long godev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const struct godev_command *command = find_command(cmd);
	const struct godev_call call = {
		.f = file->private_data,
		.uarg = (void __user *)arg,
		.usize = _IOC_SIZE(cmd),
	};

	if (!command)
		return -ENOTTY;
	if ((file->f_mode & command->needs) != command->needs)
		return -EBADF;
	return command->call(&call);
}

static int godev_open(struct inode *inode, struct file *file)
{
	struct godev_file *f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);

	if (!f)
		return -ENOMEM;
	xa_init_flags(&f->objects, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	spin_lock_init(&f->lock);
	f->owner = get_pid(task_tgid(current));
	get_task_comm(f->comm, current);
	file->private_data = f;

	mutex_lock(&clients_lock);
	list_add_tail(&f->list, &clients);
	mutex_unlock(&clients_lock);
	return nonseekable_open(inode, file);
}

/*
 * The last reference to the file has gone, so no call is under way and no area
 * maps an object: each of them would hold one.
 *
 * Each handle is erased on its own, and the nodes of the XArray go one by one.
 * xa_destroy() would free all of them with interrupts off, and a process decides
 * how many there are: handles that are far apart have a node each.
 */
static int godev_release(struct inode *inode, struct file *file)
{
	struct godev_file *f = file->private_data;
	struct godev_object *obj;
	unsigned long handle;

	mutex_lock(&clients_lock);
	list_del(&f->list);
	mutex_unlock(&clients_lock);

	xa_for_each(&f->objects, handle, obj) {
		xa_erase(&f->objects, handle);
		godev_object_put(obj);
		cond_resched();
	}
	xa_destroy(&f->objects);
	put_pid(f->owner);
	kfree(f);
	return 0;
}

static void godev_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct godev_file *f = file->private_data;
	struct godev_account a;
	struct godev_limits max;

	godev_account_read(f, &a, &max, NULL);
	seq_printf(m, "goalloc-objects:\t%llu\n", a.objects);
	seq_printf(m, "goalloc-bytes:\t%llu\n", a.bytes);
	seq_printf(m, "goalloc-peak-objects:\t%llu\n", a.peak_objects);
	seq_printf(m, "goalloc-peak-bytes:\t%llu\n", a.peak_bytes);
	seq_printf(m, "goalloc-max-objects:\t%llu\n", max.objects);
	seq_printf(m, "goalloc-max-bytes:\t%llu\n", max.bytes);
	seq_printf(m, "goalloc-refused:\t%llu\n", a.refused);
	seq_printf(m, "goalloc-maps:\t%d\n", atomic_read(&f->maps));
}

static void *godev_clients_start(struct seq_file *m, loff_t *pos)
{
	mutex_lock(&clients_lock);
	return seq_list_start_head(&clients, *pos);
}

static void *godev_clients_next(struct seq_file *m, void *v, loff_t *pos)
{
	return seq_list_next(v, &clients, pos);
}

static void godev_clients_stop(struct seq_file *m, void *v)
{
	mutex_unlock(&clients_lock);
}

static int godev_clients_show(struct seq_file *m, void *v)
{
	struct godev_account a;
	struct godev_file *f;

	if (v == &clients) {
		seq_puts(m, "# goalloc-clients v1\n");
		seq_puts(m, "    pid          objects            bytes     peak-objects       peak-bytes   maps  refused  command\n");
		return 0;
	}
	f = list_entry(v, struct godev_file, list);
	godev_account_read(f, &a, NULL, NULL);
	seq_printf(m, "%7d %16llu %16llu %16llu %16llu %6d %8llu  ",
		   pid_nr(f->owner), a.objects, a.bytes, a.peak_objects,
		   a.peak_bytes, atomic_read(&f->maps), a.refused);
	/* A process may choose any name; /proc escapes it in the same way. */
	seq_escape_str(m, f->comm, ESCAPE_SPACE | ESCAPE_SPECIAL, "\n\\");
	seq_putc(m, '\n');
	return 0;
}

static const struct seq_operations godev_clients_sops = {
	.start	= godev_clients_start,
	.next	= godev_clients_next,
	.stop	= godev_clients_stop,
	.show	= godev_clients_show,
};
DEFINE_SEQ_ATTRIBUTE(godev_clients);

static const struct file_operations godev_fops = {
	.owner		= THIS_MODULE,
	.open		= godev_open,
	.release	= godev_release,
	.unlocked_ioctl	= godev_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.mmap		= godev_mmap,
	.show_fdinfo	= godev_show_fdinfo,
};

static struct miscdevice godev = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "goalloc",
	.fops	= &godev_fops,
	/* The administrator decides which users may hold kernel memory. */
	.mode	= 0600,
};

/**
 * godev_init - make /dev/goalloc
 *
 * Context: task.
 * Return: 0 or an errno.
 */
int godev_init(void)
{
	godev_account_init();
	return misc_register(&godev);
}

/**
 * godev_show_clients - add the file of debugfs that lists open descriptors
 *
 * Context: task, after godebugfs_init(), which removes it in the end.
 */
void godev_show_clients(void)
{
	godebugfs_add("clients", &godev_clients_fops);
}

/**
 * godev_exit - remove /dev/goalloc
 *
 * No file of it is open, since each holds the module.
 *
 * Context: task.
 */
void godev_exit(void)
{
	misc_deregister(&godev);
}
