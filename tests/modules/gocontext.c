// SPDX-License-Identifier: GPL-2.0
/*
 * gocontext: allocate and free where kmalloc() may not be called.
 *
 * The contexts are a raw spinlock with interrupts off, and an NMI, which "int
 * $2" raises.  The module is an ordinary client, so it runs on distribution
 * kernels and on PREEMPT_RT, where these contexts can only use the caches and
 * the reserve.  An allocation must return good memory or NULL, and at the end
 * MemStats must show that no object was lost.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goalloc.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
/* User Mode Linux defines CONFIG_X86_64, too. */
#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
#include <asm/nmi.h>
#define CAN_RAISE_NMI
#endif

#define MANY	600

static const size_t sizes[] = {
	8, 64, 520, 1024, 4096, 8192, 20480, 32768, 40000,
};

static DEFINE_RAW_SPINLOCK(lock);
static void **objs;
static size_t *lens;

static size_t gocontext_size(unsigned int i)
{
	return sizes[i % ARRAY_SIZE(sizes)];
}

static bool gocontext_is_intact(unsigned int i)
{
	return !memchr_inv(objs[i], i & 0xff, lens[i]);
}

/* Allocate up to @max objects; returns how many there were. */
static unsigned int gocontext_alloc_many(unsigned int max)
{
	unsigned int i;

	for (i = 0; i < max; i++) {
		lens[i] = gocontext_size(i);
		objs[i] = gomalloc(lens[i], GFP_ATOMIC | __GFP_NOWARN);
		if (!objs[i])
			break;
		memset(objs[i], i & 0xff, lens[i]);
	}
	return i;
}

/* Free @n objects; returns how many had changed contents. */
static unsigned int gocontext_free_many(unsigned int n)
{
	unsigned int i, bad = 0;

	for (i = 0; i < n; i++) {
		bad += !gocontext_is_intact(i);
		gofree(objs[i]);
	}
	return bad;
}

static u64 gocontext_live_objects(struct goalloc_memstats *m)
{
	goalloc_free_os_memory();
	goalloc_read_memstats(m);
	return m->heap_objects;
}

/*
 * The reserve must serve at least one object of each size.  For more, goalloc
 * asks the page allocator.  PREEMPT_RT does not allow that under a raw
 * spinlock, and PROVE_RAW_LOCK_NESTING reports it on other kernels, too.
 */
static bool gocontext_use_raw_lock(void)
{
	unsigned int n = MANY, bad;
	unsigned long flags;

	if (IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING))
		n = ARRAY_SIZE(sizes);
	raw_spin_lock_irqsave(&lock, flags);
	n = gocontext_alloc_many(n);
	bad = gocontext_free_many(n);
	raw_spin_unlock_irqrestore(&lock, flags);
	pr_info("raw spinlock: %u objects, %u changed\n", n, bad);
	return n >= ARRAY_SIZE(sizes) && !bad;
}

#ifdef CAN_RAISE_NMI
static unsigned int nmi_taken, nmi_bad;
static bool nmi_seen;

static int gocontext_nmi(unsigned int type, struct pt_regs *regs)
{
	nmi_seen = in_nmi();
	nmi_bad = gocontext_free_many(MANY);
	nmi_taken = gocontext_alloc_many(16);
	nmi_bad += gocontext_free_many(nmi_taken);
	return NMI_HANDLED;
}

/* A task allocates more objects than the stacks hold, and an NMI frees them. */
static bool gocontext_use_nmi(void)
{
	unsigned int n = gocontext_alloc_many(MANY);
	unsigned long flags;

	if (n < MANY) {
		gocontext_free_many(n);
		return false;
	}
	if (register_nmi_handler(NMI_LOCAL, gocontext_nmi, 0, "gocontext"))
		return false;
	local_irq_save(flags);
	asm volatile("int $2" : : : "memory");
	local_irq_restore(flags);
	unregister_nmi_handler(NMI_LOCAL, "gocontext");
	pr_info("NMI: %u objects freed, %u allocated, %u changed\n", n,
		nmi_taken, nmi_bad);
	return nmi_seen && !nmi_bad;
}
#else
static bool gocontext_use_nmi(void)
{
	pr_info("NMI: no way to raise one here\n");
	return true;
}
#endif

static int gocontext_run(struct goalloc_memstats *m)
{
	u64 before = gocontext_live_objects(m), misuses = m->misuses, after;
	bool ok;

	ok = gocontext_use_raw_lock();
	ok &= gocontext_use_nmi();
	after = gocontext_live_objects(m);
	if (after != before || m->misuses != misuses) {
		pr_err("%llu objects before, %llu after, %llu misuses\n",
		       before, after, m->misuses - misuses);
		ok = false;
	}
	return ok ? 0 : -EIO;
}

static int __init gocontext_init(void)
{
	struct goalloc_memstats *m = kmalloc(sizeof(*m), GFP_KERNEL);
	int err = -ENOMEM;

	objs = kcalloc(MANY, sizeof(*objs), GFP_KERNEL);
	lens = kcalloc(MANY, sizeof(*lens), GFP_KERNEL);
	if (m && objs && lens)
		err = gocontext_run(m);
	kfree(lens);
	kfree(objs);
	kfree(m);
	return err;
}
module_init(gocontext_init);

static void __exit gocontext_exit(void)
{
}
module_exit(gocontext_exit);

MODULE_DESCRIPTION("Allocates with goalloc where kmalloc() may not");
MODULE_AUTHOR("The goalloc authors");
MODULE_LICENSE("GPL");
