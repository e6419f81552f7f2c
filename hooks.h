/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooks: how a low file causes something higher up, and the switches that all
 * files read.
 *
 * Calls go down only.  Yet a free that finds misuse must have it reported, a
 * full stack must get the worker to run, and an allocation that meets the limit
 * must have memory given back first.  For these the low file calls a function
 * here, which sets state or calls what a higher file has registered.  The
 * alternative, an error code for each of them that every caller hands up, would
 * lengthen all slow paths and would still need code at the top that acts.
 */
#ifndef GOALLOC_HOOKS_H
#define GOALLOC_HOOKS_H

#include <linux/irq_work.h>
#include <linux/jump_label.h>
#include "compat.h"
#include "types.h"

/* The parameter check=. */
DECLARE_STATIC_KEY_TRUE(goalloc_check);
/* The parameter debug= is not empty. */
DECLARE_STATIC_KEY_FALSE(goalloc_debug);
/*
 * Allocations are looked at one by one: debug= is not empty, goalloc:malloc is on,
 * or inittrace= counts those of a module.
 */
DECLARE_STATIC_KEY_FALSE(goalloc_watch);
/* Small ones have more to do than to pop: they are watched, or init_on_alloc. */
DECLARE_STATIC_KEY_FALSE(goalloc_detour);
/* Frees have more to do than to push: goalloc:free is on, or init_on_free. */
DECLARE_STATIC_KEY_FALSE(goalloc_free_detour);

/**
 * struct gohooks - what higher files do for lower ones
 * @misuse: report what a caller did wrong; any context
 * @make_room: an allocation of @bytes has failed at the limit; give memory back
 *	and return whether some went; what @gfp permits
 * @shed: give free pages of a node back that are more than @keep; task, may
 *	sleep
 * @sample: keep a sample of a new object, of @size bytes that @caller has asked
 *	for, @due as gosample_is_due() says; false if there is no room for it; any
 *	context
 * @unsample: the object at @p is being freed; @marked if its state says that there
 *	is a sample of it; any context
 *
 * Each is set once, before there is a heap, and stays until the module goes.
 */
struct gohooks {
	void (*misuse)(struct goheap *h, enum gomisuse kind, const void *p,
		       size_t size, unsigned long caller);
	bool (*make_room)(struct goheap *h, unsigned long bytes, gfp_t gfp);
	void (*shed)(struct gonode *node, unsigned long keep);
	bool (*sample)(const void *p, size_t size, unsigned int due,
		       unsigned long caller);
	void (*unsample)(const void *p, bool marked);
};

extern struct gohooks gohooks;

void gohooks_misuse(struct goheap *h, enum gomisuse kind, const void *p,
		    size_t size, unsigned long caller);
bool gohooks_make_room(struct goheap *h, unsigned long bytes, gfp_t gfp);
void gohooks_shed(struct gonode *node, unsigned long keep);
bool gohooks_sample(const void *p, size_t size, unsigned int due,
		    unsigned long caller);
void gohooks_unsample(const void *p, bool marked);

/*
 * Get the heap's worker to run soon.  Any context, NMI included: an irq_work
 * may be raised where not even a lock may be taken.
 */
static inline void gohooks_kick(struct goheap *h)
{
	irq_work_queue(&h->kick);
}

/*
 * There may be something to do for the background.  Where it rests, the worker
 * has it go on.  Any context.
 */
static inline void gohooks_wake(struct goheap *h)
{
	if (unlikely(READ_ONCE(h->rest) == GO_RESTING)) {
		WRITE_ONCE(h->rest, GO_WOKEN);
		gohooks_kick(h);
	}
}

/*
 * Is this request for memory to fail?  Every place where the core asks the
 * kernel for memory asks here first.  Without fault injection the compiler
 * knows the answer.
 */
#ifdef CONFIG_FAULT_INJECTION
extern struct fault_attr goalloc_fail;
extern u32 goalloc_fail_above;

static inline bool gohooks_fault(void)
{
	return should_fail(&goalloc_fail, 1);
}

/* The same for a block of the page allocator: memory may be in short pieces. */
static inline bool gohooks_fault_block(unsigned int order)
{
	return order > READ_ONCE(goalloc_fail_above) || gohooks_fault();
}
#else
static inline bool gohooks_fault(void) { return false; }
static inline bool gohooks_fault_block(unsigned int order) { return false; }
#endif

#endif /* GOALLOC_HOOKS_H */
