// SPDX-License-Identifier: GPL-2.0
/*
 * gocontext: allocate and free where kmalloc() may not be called.
 *
 * Under a raw spinlock with interrupts off, and in NMI: a real one, raised by
 * the processor's own instruction for it.  A client like any other, so that it
 * runs on distribution kernels and on PREEMPT_RT, where these contexts have
 * nothing but the caches and the reserve.  Whatever can be had there must be
 * good memory, what cannot must be NULL, and nothing may be lost: MemStats has
 * to say so at the end.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goalloc.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
/* User Mode Linux says it is x86, too. */
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

static size_t size_of(unsigned int i)
{
	return sizes[i % ARRAY_SIZE(sizes)];
}

static bool good(unsigned int i)
{
	return !memchr_inv(objs[i], i & 0xff, lens[i]);
}

/* Allocate as many as there are; returns how many. */
static unsigned int take(unsigned int max)
{
	unsigned int i;

	for (i = 0; i < max; i++) {
		lens[i] = size_of(i);
		objs[i] = gomalloc(lens[i], GFP_ATOMIC | __GFP_NOWARN);
		if (!objs[i])
			break;
		memset(objs[i], i & 0xff, lens[i]);
	}
	return i;
}

/* Free them; returns how many had changed. */
static unsigned int give(unsigned int n)
{
	unsigned int i, bad = 0;

	for (i = 0; i < n; i++) {
		bad += !good(i);
		gofree(objs[i]);
	}
	return bad;
}

static u64 live_objects(struct goalloc_memstats *m)
{
	goalloc_free_os_memory();
	goalloc_read_memstats(m);
	return m->heap_objects;
}

/*
 * A reserve of 512 KiB must serve a round of all sizes at the very least.  More
 * is had of the page allocator, where it may be asked under a raw spinlock;
 * lockdep, if it is to think of PREEMPT_RT, says that it may not.
 */
static bool under_raw_lock(void)
{
	unsigned int n, bad;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	n = take(IS_ENABLED(CONFIG_PROVE_RAW_LOCK_NESTING) ? ARRAY_SIZE(sizes) :
							     MANY);
	bad = give(n);
	raw_spin_unlock_irqrestore(&lock, flags);
	pr_info("raw spinlock: %u objects, %u changed\n", n, bad);
	return n >= ARRAY_SIZE(sizes) && !bad;
}

#ifdef CAN_RAISE_NMI
static unsigned int nmi_taken, nmi_bad;
static bool nmi_seen;

static int nmi_handler(unsigned int type, struct pt_regs *regs)
{
	nmi_seen = in_nmi();
	nmi_bad = give(MANY);
	nmi_taken = take(16);
	nmi_bad += give(nmi_taken);
	return NMI_HANDLED;
}

/* What a task allocated is freed in NMI, more than the stacks can take. */
static bool in_an_nmi(void)
{
	unsigned int n = take(MANY);
	unsigned long flags;

	if (n < MANY) {
		give(n);
		return false;
	}
	if (register_nmi_handler(NMI_LOCAL, nmi_handler, 0, "gocontext"))
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
static bool in_an_nmi(void)
{
	pr_info("NMI: no way to raise one here\n");
	return true;
}
#endif

static int run(struct goalloc_memstats *m)
{
	u64 before = live_objects(m), misuses = m->misuses, after;
	bool ok;

	ok = under_raw_lock();
	ok &= in_an_nmi();
	after = live_objects(m);
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
		err = run(m);
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
