// SPDX-License-Identifier: GPL-2.0
/*
 * Hooks: the switches themselves, and the calls through what is registered.
 *
 * A plain function pointer will do: hooks are called on paths that print or
 * sleep, where the cost of an indirect call does not matter.  The hooks belong
 * to the module and not to a heap, since the same higher files serve all heaps.
 */

#include "hooks.h"

DEFINE_STATIC_KEY_TRUE(goalloc_check);
DEFINE_STATIC_KEY_FALSE(goalloc_debug);
DEFINE_STATIC_KEY_FALSE(goalloc_watch);
DEFINE_STATIC_KEY_FALSE(goalloc_detour);
DEFINE_STATIC_KEY_FALSE(goalloc_free_detour);

#ifdef CONFIG_FAULT_INJECTION
DECLARE_FAULT_ATTR(goalloc_fail);

/* Blocks of the page allocator of a higher order are not to be had. */
u32 goalloc_fail_above = UINT_MAX;
#endif

struct gohooks gohooks;

/**
 * gohooks_misuse - count what a caller did wrong and have it reported
 * @h: the heap
 * @kind: what it did
 * @p: the pointer it passed
 * @size: the size it passed, if any
 * @caller: its address; 0 when the misuse was found later, at the object's span
 *
 * Context: any.
 */
void gohooks_misuse(struct goheap *h, enum gomisuse kind, const void *p,
		    size_t size, unsigned long caller)
{
	atomic_long_inc(&h->misuse[kind]);
	if (gohooks.misuse)
		gohooks.misuse(h, kind, p, size, caller);
}

/**
 * gohooks_make_room - have memory given back for an allocation at the limit
 * @h: the heap
 * @bytes: what the allocation needs
 * @gfp: what it was asked for with
 *
 * Context: what @gfp permits.
 * Return: whether some went, so that it is worth trying again.
 */
bool gohooks_make_room(struct goheap *h, unsigned long bytes, gfp_t gfp)
{
	return gohooks.make_room && gohooks.make_room(h, bytes, gfp);
}

/**
 * gohooks_shed - have free pages given back before the heap grows by more
 * @node: the node
 * @keep: those beyond so many
 *
 * Context: task, may sleep.
 */
void gohooks_shed(struct gonode *node, unsigned long keep)
{
	if (gohooks.shed)
		gohooks.shed(node, keep);
}

/**
 * gohooks_sample - have a sample of a new object kept
 * @p: the object
 * @size: what was asked for
 * @due: what gosample_is_due() or gosample_past() has said
 * @caller: by which caller
 *
 * Context: any.
 * Return: whether there is a sample, so that the object has to be marked.
 */
bool gohooks_sample(const void *p, size_t size, unsigned int due,
		    unsigned long caller)
{
	return gohooks.sample && gohooks.sample(p, size, due, caller);
}

/**
 * gohooks_unsample - an object goes of which there may be a sample
 * @p: the object, which the caller has claimed and not yet given to others
 * @marked: its state says that there is one
 *
 * Context: any.
 */
void gohooks_unsample(const void *p, bool marked)
{
	if (gohooks.unsample)
		gohooks.unsample(p, marked);
}
