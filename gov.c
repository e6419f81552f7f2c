// SPDX-License-Identifier: GPL-2.0
/*
 * Gov: memory that need not be physically contiguous, as kvmalloc() has it.
 *
 * Up to GOALLOC_MAX_SIZE the heap is asked first, without trying hard: memory that
 * is contiguous is cheaper to get, to reach and to free.  What the heap has not, and
 * what is longer, comes from vmalloc().  A heap of our own for such areas would save
 * the calls of vmalloc(), which cost thousands of instructions and the flushes of all
 * CPUs' TLBs, and could keep areas for the next.  But the kernel's already keeps them
 * and puts its flushes off, and an area that is large enough to need this is rarely
 * short-lived.
 *
 * Each area has a record in a tree by address.  That makes a free of anything else
 * misuse and not a crash, and counts exactly; the kernel's own record of an area is
 * not for modules.  The record is the kernel's memory: it is about as rare as a call
 * of vmalloc(), and must not need the heap which has just had nothing.
 *
 * Areas count towards the limit like all that is held, in MemStats' VmallocSys, and
 * as their owner's large objects; the heap profile and the tracepoints see them.
 *
 * govmalloc() may be called where gomalloc() may, and where it must not sleep it is
 * gomalloc(); govfree() of an area is vfree(), and so not for NMI, and on
 * PREEMPT_RT not for code that cannot be preempted.
 */

#include <linux/export.h>
#include <linux/gov.h>
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "api.h"
#include "free.h"
#include "gfp.h"
#include "gov.h"
#include "held.h"
#include "owner.h"
#include "sample.h"
#include "trace.h"

#undef pr_fmt
#define pr_fmt(fmt) "goalloc: " fmt

/**
 * struct area - a virtually contiguous object
 * @rb: in the tree
 * @addr: its address
 * @bytes: its length, whole pages
 * @owner: whose it is
 * @is_sampled: the heap profile has a sample of it
 */
struct area {
	struct rb_node rb;
	unsigned long addr;
	size_t bytes;
	u8 owner;
	bool is_sampled;
};

/* Guards the tree and the counts; a few steps, any context but NMI. */
static DEFINE_RAW_SPINLOCK(areas_lock);
static struct rb_root areas = RB_ROOT;
static struct gov_stats stats;

/* The area at or before an address, or NULL. */
static struct area *find_before(unsigned long addr)
{
	struct rb_node *n = areas.rb_node;
	struct area *a, *best = NULL;

	lockdep_assert_held(&areas_lock);
	while (n) {
		a = rb_entry(n, struct area, rb);
		if (a->addr <= addr)
			best = a;
		n = a->addr <= addr ? n->rb_right : n->rb_left;
	}
	return best;
}

static void enter_area(struct area *new)
{
	struct rb_node **link = &areas.rb_node, *parent = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&areas_lock, flags);
	while (*link) {
		parent = *link;
		link = new->addr < rb_entry(parent, struct area, rb)->addr ?
		       &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&new->rb, parent, link);
	rb_insert_color(&new->rb, &areas);
	stats.mallocs++;
	stats.bytes += new->bytes;
	raw_spin_unlock_irqrestore(&areas_lock, flags);
}

/* Take an area out of the tree; NULL if none begins at @p. */
static struct area *remove_area(const void *p)
{
	unsigned long flags;
	struct area *a;

	raw_spin_lock_irqsave(&areas_lock, flags);
	a = find_before((unsigned long)p);
	if (a && a->addr == (unsigned long)p) {
		rb_erase(&a->rb, &areas);
		stats.frees++;
		stats.bytes -= a->bytes;
	} else {
		a = NULL;
	}
	raw_spin_unlock_irqrestore(&areas_lock, flags);
	return a;
}

/* The bytes of the area that begins at @p; 0 if none does. */
static size_t area_bytes(const void *p)
{
	size_t bytes = 0;
	unsigned long flags;
	struct area *a;

	raw_spin_lock_irqsave(&areas_lock, flags);
	a = find_before((unsigned long)p);
	if (a && a->addr == (unsigned long)p)
		bytes = a->bytes;
	raw_spin_unlock_irqrestore(&areas_lock, flags);
	return bytes;
}

/* Tell those that watch, and keep a sample if one is due. */
static void tell_area(struct area *a, size_t size, gfp_t gfp,
		      unsigned long caller)
{
	void *p = (void *)a->addr;
	unsigned int due = gosample_past(&goalloc_heap, size);

	if (due)
		a->is_sampled = gohooks_sample(p, size, due, caller);
	if (!static_branch_unlikely(&goalloc_watch))
		return;
	goowner_note(a->owner, a->bytes);
	if (trace_malloc_enabled())
		trace_malloc(caller, p, size, a->bytes, gfp, NUMA_NO_NODE);
}

/* Get an area of the kernel; NULL if it has none, or is not to be asked. */
static void *get_area(size_t size, gfp_t gfp, unsigned long caller,
		      unsigned long owner)
{
	size_t bytes = PAGE_ALIGN(size);
	struct area *a;

	a = gohooks_fault() ? NULL :
	    kmalloc(sizeof(*a), gfp & ~(__GFP_ZERO | __GFP_ACCOUNT));
	if (!a)
		return NULL;
	while (!goheld_charge(&goalloc_heap, bytes, gfp))
		if (!gohooks_make_room(&goalloc_heap, bytes, gfp))
			goto err_record;
	*a = (struct area) { .bytes = bytes, .owner = owner };
	a->addr = gohooks_fault() ? 0 : (unsigned long)__vmalloc(bytes, gfp);
	if (!a->addr)
		goto err_charge;
	tell_area(a, size, gfp, caller);
	enter_area(a);
	return (void *)a->addr;

err_charge:
	goheld_uncharge(&goalloc_heap, bytes);
err_record:
	kfree(a);
	return NULL;
}

static void *alloc_any(size_t size, gfp_t gfp, unsigned long caller,
		       unsigned long owner)
{
	void *p = goapi_alloc(size, gogfp_at_first(gfp, size), NUMA_NO_NODE, false,
			      caller, owner);

	if (p || size <= PAGE_SIZE || size > GOV_MAX_SIZE ||
	    gfp & GO_GFP_FORBIDDEN || !gfpflags_allow_blocking(gfp))
		return p;
	while (!(p = get_area(size, gfp, caller, owner)) && gfp & __GFP_NOFAIL)
		schedule_timeout_uninterruptible(1);
	/* One failure if there is none, and none if there is. */
	if (p && size <= GOALLOC_MAX_SIZE)
		atomic_long_dec(&goalloc_heap.failures);
	else if (!p && size > GOALLOC_MAX_SIZE)
		atomic_long_inc(&goalloc_heap.failures);
	return p;
}

void *govmalloc_by(size_t size, gfp_t gfp, unsigned long owner)
{
	return alloc_any(size, gfp, _RET_IP_, owner);
}
EXPORT_SYMBOL_GPL(govmalloc_by);

/* Free what vmalloc() has given us, or report what it has not. */
static noinline void free_area(void *p, unsigned long caller)
{
	struct area *a = remove_area(p);

	if (unlikely(!a)) {
		gohooks_misuse(&goalloc_heap, GO_FOREIGN, p, 0, caller);
		return;
	}
	if (a->is_sampled)
		gohooks_unsample(p, true);
	if (trace_free_enabled())
		trace_free(caller, p, a->bytes);
	vfree(p);
	goheld_uncharge(&goalloc_heap, a->bytes);
	kfree(a);
}

void govfree(const void *p)
{
	if (is_vmalloc_addr(p))
		free_area((void *)p, _RET_IP_);
	else
		gofree_any(&goalloc_heap, (void *)p, false);
}
EXPORT_SYMBOL_GPL(govfree);

size_t govsize(const void *p)
{
	size_t bytes;

	if (!is_vmalloc_addr(p))
		return gosize(p);
	bytes = area_bytes(p);
	if (!bytes)
		gohooks_misuse(&goalloc_heap, GO_FOREIGN, p, 0, _RET_IP_);
	return bytes;
}
EXPORT_SYMBOL_GPL(govsize);

/* May what has @old bytes stay where it is?  It does not keep many for nothing. */
static bool can_stay(size_t old, size_t size)
{
	return size <= old && size > old / 2;
}

/* Something else of @size bytes takes the place of @p, which has @old. */
static void *move(const void *p, size_t old, size_t size, gfp_t gfp,
		  unsigned long caller, unsigned long owner)
{
	void *new = alloc_any(size, gfp, caller, owner);

	if (!new)
		return NULL;
	memcpy(new, p, min(old, size));
	govfree(p);
	return new;
}

void *govrealloc_by(const void *p, size_t size, gfp_t gfp, unsigned long owner)
{
	size_t old;
	void *new;

	if (ZERO_OR_NULL_PTR(p))
		return alloc_any(size, gfp, _RET_IP_, owner);
	if (!size) {
		govfree(p);
		return ZERO_SIZE_PTR;
	}
	old = govsize(p);
	if (!old)
		return NULL;
	if (!is_vmalloc_addr(p) && size <= GOALLOC_MAX_SIZE) {
		new = goapi_realloc(p, size, gogfp_at_first(gfp, size), _RET_IP_,
				    owner);
		if (new || size <= PAGE_SIZE || gfp & GO_GFP_FORBIDDEN)
			return new;
		/* The heap is asked once more, and will count it again. */
		atomic_long_dec(&goalloc_heap.failures);
	}
	if (is_vmalloc_addr(p) && can_stay(old, size)) {
		if (want_init_on_alloc(gfp))
			memset((void *)p + size, 0, old - size);
		return (void *)p;
	}
	return move(p, old, size, gfp, _RET_IP_, owner);
}
EXPORT_SYMBOL_GPL(govrealloc_by);

/**
 * gov_read - read the counts of virtually contiguous objects
 * @st: filled in, all at one moment
 *
 * Context: any but NMI.
 */
void gov_read(struct gov_stats *st)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&areas_lock, flags);
	*st = stats;
	raw_spin_unlock_irqrestore(&areas_lock, flags);
}

/**
 * gov_next - find the next virtually contiguous object
 * @after: the one before, or NULL for the first
 * @f: filled in
 *
 * Context: any but NMI.
 * Return: false if there is none.
 */
bool gov_next(const void *after, struct gov_found *f)
{
	unsigned long flags;
	struct rb_node *n;
	struct area *a;

	raw_spin_lock_irqsave(&areas_lock, flags);
	a = find_before((unsigned long)after);
	n = a ? rb_next(&a->rb) : rb_first(&areas);
	if (n) {
		a = rb_entry(n, struct area, rb);
		*f = (struct gov_found) {
			.p = (void *)a->addr,
			.bytes = a->bytes,
			.owner = a->owner,
			.is_sampled = a->is_sampled,
		};
	}
	raw_spin_unlock_irqrestore(&areas_lock, flags);
	return n;
}

/**
 * gov_exit - forget what is left when the module goes
 *
 * The memory stays, as that of all objects that are left.
 *
 * Context: task, when nobody calls any more.
 */
void gov_exit(void)
{
	struct area *a, *next;

	if (stats.bytes)
		pr_warn("leaked: %llu virtually contiguous objects, %llu bytes\n",
			stats.mallocs - stats.frees, stats.bytes);
	rbtree_postorder_for_each_entry_safe(a, next, &areas, rb)
		kfree(a);
	areas = RB_ROOT;
}
