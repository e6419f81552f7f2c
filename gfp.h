/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gfp: what a caller's flags and context mean to us.
 *
 * The flags reach the page allocator with their meaning, but for those that
 * goalloc serves itself (__GFP_ZERO) or that ask for pages it does not keep.
 */
#ifndef GOALLOC_GFP_H
#define GOALLOC_GFP_H

#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/preempt.h>
#include <linux/sched.h>

/* The zones we do not have; asking for them is a caller's bug. */
#define GO_GFP_FORBIDDEN	(__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM)

/**
 * enum gogrow - may this context call the page allocator?
 * @GO_GROW_NEVER: no
 * @GO_GROW_LAST: only when the reserve is used up
 * @GO_GROW_FIRST: yes, and it leaves the reserve alone
 */
enum gogrow {
	GO_GROW_NEVER,
	GO_GROW_LAST,
	GO_GROW_FIRST,
};

/*
 * May the caller call the page allocator?  On PREEMPT_RT that takes sleeping
 * locks, so a caller that cannot be preempted must not.  Elsewhere such a
 * caller may hold a raw spinlock, which nests with none of the page allocator's
 * locks: it gets the reserve first.
 */
static inline enum gogrow gogfp_may_grow(gfp_t gfp)
{
	if (unlikely(in_nmi()))
		return GO_GROW_NEVER;
	if (gfpflags_allow_blocking(gfp) || preemptible())
		return GO_GROW_FIRST;
	return IS_ENABLED(CONFIG_PREEMPT_RT) ? GO_GROW_NEVER : GO_GROW_LAST;
}

/* May the caller free to the page allocator?  Never in NMI. */
static inline bool gogfp_may_free_pages(void)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) || preemptible();
}

/* For the page allocator, without the flags that concern the object. */
static inline gfp_t gogfp_for_pages(gfp_t gfp)
{
	return gfp & ~(__GFP_ZERO | __GFP_ACCOUNT | __GFP_MOVABLE | __GFP_COMP);
}

/* For a block larger than needed: take it only if there is plenty. */
static inline gfp_t gogfp_greedy(gfp_t gfp)
{
	gfp &= ~(__GFP_RECLAIM | __GFP_HIGH | __GFP_MEMALLOC |
		 __GFP_RETRY_MAYFAIL | __GFP_NOFAIL);
	return gfp | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC |
	       __GFP_THISNODE;
}

/*
 * For pages that everybody may get in the end: what the kernel has left for tasks
 * that free memory is not for them.
 */
static inline gfp_t gogfp_for_all(gfp_t gfp)
{
	return (gfp & ~__GFP_MEMALLOC) | __GFP_NOMEMALLOC;
}

/*
 * May the caller have of that?  As the page allocator decides, which exports no
 * way to ask.
 */
static inline bool gogfp_may_have_last_pages(gfp_t gfp)
{
	if (gfp & __GFP_NOMEMALLOC)
		return false;
	return gfp & __GFP_MEMALLOC ||
	       ((in_task() || in_serving_softirq()) &&
		current->flags & PF_MEMALLOC) ||
	       (in_task() && tsk_is_oom_victim(current));
}

/* For a span as long as is good, where a shorter one will do. */
static inline gfp_t gogfp_ideal(gfp_t gfp)
{
	return (gfp & ~(__GFP_RETRY_MAYFAIL | __GFP_NOFAIL)) | __GFP_NOWARN |
	       __GFP_NORETRY;
}

/*
 * For the heap, when vmalloc() is asked next: not to try hard, unless the caller says
 * so, for what is more than a page.  As kvmalloc().
 */
static inline gfp_t gogfp_at_first(gfp_t gfp, size_t size)
{
	if (size <= PAGE_SIZE)
		return gfp;
	if (!(gfp & __GFP_RETRY_MAYFAIL))
		gfp |= __GFP_NORETRY;
	return (gfp & ~__GFP_NOFAIL) | __GFP_NOWARN;
}

/* For pages of one node while others may have some: neither wait nor warn. */
static inline gfp_t gogfp_near(gfp_t gfp)
{
	return (gfp & ~(__GFP_DIRECT_RECLAIM | __GFP_NOFAIL)) | __GFP_NOWARN |
	       __GFP_THISNODE;
}

#endif /* GOALLOC_GFP_H */
