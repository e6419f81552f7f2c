/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Compat: what differs between the kernels that goalloc supports.  No other
 * file asks for a kernel version.
 */
#ifndef GOALLOC_COMPAT_H
#define GOALLOC_COMPAT_H

/* fault-inject.h of 6.1 needs the types, and does not include them. */
#include <linux/types.h>
#include <linux/fault-inject.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/rcupdate.h>
#include <linux/sched/isolation.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/version.h>
#include <linux/workqueue.h>

/* MAX_ORDER was exclusive before 6.4 and renamed in 6.8. */
#ifndef MAX_PAGE_ORDER
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define MAX_PAGE_ORDER	(MAX_ORDER - 1)
#else
#define MAX_PAGE_ORDER	MAX_ORDER
#endif
#endif

/*
 * Is a CPU kept from work that is not its own?  cpu_is_isolated() came in the
 * course of 6.x, and knows of cpusets since 6.7.
 */
static inline bool goalloc_cpu_is_isolated(int cpu)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	return !housekeeping_test_cpu(cpu, HK_TYPE_DOMAIN) ||
	       !housekeeping_test_cpu(cpu, HK_TYPE_TICK);
#else
	return cpu_is_isolated(cpu);
#endif
}

/* Before 6.13 a timer's function was assigned by hand. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

/*
 * Which grace periods have ended: struct rcu_gp_oldstate, or rcu_gp_seq as it is
 * named in 7.x.  It is what the kernel's function takes.
 */
struct rcu_gp_oldstate;
struct rcu_gp_seq;
#define GOALLOC_GRACE							\
	(*__builtin_choose_expr(					\
		__same_type(get_state_synchronize_rcu_full,		\
			    void (struct rcu_gp_oldstate *)),		\
		(struct rcu_gp_oldstate *)NULL, (struct rcu_gp_seq *)NULL))

/* Before 6.16 the functions of a timer on the stack had no common prefix. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
static inline void timer_destroy_on_stack(struct timer_list *timer)
{
	destroy_timer_on_stack(timer);
}
#endif

/*
 * Before 6.17 a workqueue without WQ_UNBOUND was one of each CPU, and nobody had
 * to say so; since 7.2 the kernel warns of one that says neither.  Some of the
 * older ones have got these names since.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define WQ_PERCPU		0
#define system_percpu_wq	system_wq
#define system_dfl_wq		system_unbound_wq
#endif

/* Before 6.3 drivers wrote the flags of an area themselves. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_clear(struct vm_area_struct *vma,
				  unsigned long flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* Before 6.13 a namespace was a token, not a string. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define GOALLOC_KUNIT_NS	EXPORTED_FOR_KUNIT_TESTING
#else
#define GOALLOC_KUNIT_NS	"EXPORTED_FOR_KUNIT_TESTING"
#endif

/*
 * Where does the call lead that returns to @ret, and how long is it?  0 if that
 * is not known.
 */
#ifdef __x86_64__
#define GOALLOC_CALL_BYTES	5

static inline unsigned long goalloc_called_at(unsigned long ret)
{
	const u8 *call = (const u8 *)ret - GOALLOC_CALL_BYTES;
	s32 distance;

	memcpy(&distance, call + 1, sizeof(distance));
	return *call == 0xe8 ? ret + distance : 0;
}
#else
#define GOALLOC_CALL_BYTES	0

static inline unsigned long goalloc_called_at(unsigned long ret)
{
	return 0;
}
#endif

/*
 * One module uses another: struct module_use, which since 7.x is the kernel's own.
 * Of it only @target is compared, nothing is followed.
 */
struct goalloc_module_use {
	struct list_head source_list;
	struct list_head target_list;
	struct module *source, *target;
};

/* A NUMA-aware shrinker; since 6.7 the kernel allocates it. */
typedef unsigned long goalloc_shrink_fn(struct shrinker *s,
					struct shrink_control *sc);

static inline struct shrinker *goalloc_shrinker_new(goalloc_shrink_fn *count,
						    goalloc_shrink_fn *scan,
						    long batch)
{
	struct shrinker *s;

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	s = kzalloc(sizeof(*s), GFP_KERNEL);
#else
	s = shrinker_alloc(SHRINKER_NUMA_AWARE, "goalloc");
#endif
	if (!s)
		return NULL;
	s->count_objects = count;
	s->scan_objects = scan;
	s->batch = batch;
	s->seeks = DEFAULT_SEEKS;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	s->flags = SHRINKER_NUMA_AWARE;
	if (register_shrinker(s, "goalloc")) {
		kfree(s);
		return NULL;
	}
#else
	shrinker_register(s);
#endif
	return s;
}

static inline void goalloc_shrinker_free(struct shrinker *s)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	unregister_shrinker(s);
	kfree(s);
#else
	shrinker_free(s);
#endif
}

/* Before 6.12 kvrealloc() was told the old size. */
static inline void *goalloc_kvrealloc(const void *p, size_t old, size_t size,
				      gfp_t gfp)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	return kvrealloc(p, old, size, gfp);
#else
	return kvrealloc(p, size, gfp);
#endif
}

#endif /* GOALLOC_COMPAT_H */
