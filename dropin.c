// SPDX-License-Identifier: GPL-2.0
/*
 * Dropin: memory of a module that was written for kmalloc(), but for its caches.
 *
 * <linux/goalloc_dropin.h> turns the names of <linux/slab.h> into calls of
 * goalloc.  Most of them are inlines around gomalloc(), which cost what a client
 * of goalloc pays.  Here is what they cannot do.
 *
 * A module frees memory that the kernel has allocated for it, by kasprintf() or
 * memdup_user(), with the same kfree() as its own.  To ask goalloc_owns() first
 * would cost each free a second look-up.  So the fast half of godropin_free() is
 * that of gofree(), which finds no live object at such an address; only then is
 * it asked whose it is.  What is not in goalloc's pages is the kernel's: there is
 * no way to tell a pointer that is nobody's, so that this kernel's kfree() has to
 * find it, as it would have without goalloc.  Pages that the heap holds, free or
 * not, are goalloc's, so that a second free is misuse here as it is in gofree().
 *
 * The opposite, goalloc's memory that the kernel frees, never comes here; see
 * guard/.
 */

#include <linux/export.h>
#include <linux/goalloc.h>
#include <linux/goalloc_dropin_calls.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "api.h"
#include "compat.h"
#include "dropin.h"
#include "free.h"
#include "gfp.h"

atomic_long_t godropin_events[GODROPIN_NR_EVENTS];

/* As below; preemption is off. */
static bool is_foreign(const void *p)
{
	return !gospan_with(&goalloc_heap, p)->magic &&
	       gofree_classify(&goalloc_heap, p) == GO_FOREIGN;
}

/**
 * godropin_is_foreign - is an address in none of the heap's pages?
 * @p: any address
 *
 * Unlike goalloc_owns() this takes free pages of the heap for its own.
 *
 * Context: any.
 * Return: whether it is.
 */
bool godropin_is_foreign(const void *p)
{
	bool foreign;

	preempt_disable();
	foreign = is_foreign(p);
	preempt_enable();
	return foreign;
}

/*
 * Free what the fast half could not.  Preemption is off, and on again at the
 * end.
 */
static noinline void free_rest(void *p, struct gospan *s, unsigned long caller)
{
	if (likely(ZERO_OR_NULL_PTR(p) || !is_foreign(p))) {
		gofree_rest(p, s, &goalloc_heap, caller);
		return;
	}
	preempt_enable();
	godropin_count(GODROPIN_FOREIGN);
	kvfree(p);
}

/*
 * As gofree_any(), but with another slow half; and with check=0 a pointer into the
 * other half of a page is not believed.
 */
static __always_inline void free_object(void *p)
{
	struct gospan *s;

	preempt_disable();
	if (static_branch_likely(&goalloc_check)) {
		s = gospan_of(&goalloc_heap, p);
		if (likely(gofree_try(&goalloc_heap, s, p, false, 0, true))) {
			preempt_enable();
			return;
		}
	} else {
		s = gospan_with(&goalloc_heap, p);
		if (likely(gofree_try(&goalloc_heap, s, p, false, 0, false))) {
			preempt_enable();
			return;
		}
	}
	OPTIMIZER_HIDE_VAR(s);
	free_rest(p, s, _RET_IP_);
}

void godropin_free(const void *p)
{
	free_object((void *)p);
}
EXPORT_SYMBOL_GPL(godropin_free);

void godropin_free_bulk(size_t n, void **p)
{
	size_t left;

	for (; n; n = left) {
		left = n;
		/* With check=0 it would believe what is not ours. */
		if (static_branch_likely(&goalloc_check))
			left = gofree_many(&goalloc_heap, n, p, 0);
		if (unlikely(left == n))
			free_object(p[--left]);
	}
}
EXPORT_SYMBOL_GPL(godropin_free_bulk);

void godropin_free_sensitive(const void *p)
{
	if (ZERO_OR_NULL_PTR(p) || !godropin_is_foreign(p)) {
		gofree_sensitive(p);
		return;
	}
	godropin_count(GODROPIN_FOREIGN);
	kfree_sensitive(p);
}
EXPORT_SYMBOL_GPL(godropin_free_sensitive);

/* What kstrdup_const() has returned may be constant; the kernel can tell. */
void godropin_free_const(const void *p)
{
	if (ZERO_OR_NULL_PTR(p) || !godropin_is_foreign(p)) {
		gofree(p);
		return;
	}
	godropin_count(GODROPIN_FOREIGN);
	kfree_const(p);
}
EXPORT_SYMBOL_GPL(godropin_free_const);

/**
 * struct waiting - an object that has no rcu_head
 * @rcu: what RCU needs
 * @p: the object
 */
struct waiting {
	struct rcu_head rcu;
	const void *p;
};

static void free_waiting(struct rcu_head *rcu)
{
	struct waiting *w = container_of(rcu, struct waiting, rcu);

	godropin_free(w->p);
	gofree(w);
}

/* Where there is no memory to note the object, the caller waits itself. */
void godropin_free_mightsleep(const void *p)
{
	struct waiting *w;

	might_sleep();
	if (ZERO_OR_NULL_PTR(p))
		return;
	w = gomalloc(sizeof(*w), GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);
	if (w) {
		w->p = p;
		call_rcu(&w->rcu, free_waiting);
	} else {
		synchronize_rcu();
		godropin_free(p);
	}
}
EXPORT_SYMBOL_GPL(godropin_free_mightsleep);

size_t godropin_ksize(const void *p)
{
	return ZERO_OR_NULL_PTR(p) || !godropin_is_foreign(p) ? gosize(p) :
								ksize(p);
}
EXPORT_SYMBOL_GPL(godropin_ksize);

/* Allocate what goalloc has not got, and say why. */
void *godropin_pass(size_t size, gfp_t gfp, int node)
{
	godropin_count(gfp & GO_GFP_FORBIDDEN ? GODROPIN_ZONE : GODROPIN_HUGE);
	return kmalloc_node(size, gfp, node);
}
EXPORT_SYMBOL_GPL(godropin_pass);

static bool is_passed(size_t size, gfp_t gfp)
{
	return gfp & GO_GFP_FORBIDDEN || size > GOALLOC_MAX_SIZE;
}

/* Move an object of goalloc's to memory that is the kernel's. */
static void *move_out(const void *p, size_t size, gfp_t gfp)
{
	size_t old = gosize(p);
	void *new;

	if (!old)
		return NULL;
	new = godropin_pass(size, gfp, NUMA_NO_NODE);
	if (!new)
		return NULL;
	memcpy(new, p, min(old, size));
	gofree(p);
	return new;
}

void *godropin_krealloc_by(const void *p, size_t size, gfp_t gfp,
			   unsigned long owner)
{
	if (ZERO_OR_NULL_PTR(p) && is_passed(size, gfp))
		return godropin_pass(size, gfp, NUMA_NO_NODE);
	if (!ZERO_OR_NULL_PTR(p) && godropin_is_foreign(p))
		return krealloc(p, size, gfp);
	if (size && is_passed(size, gfp))
		return move_out(p, size, gfp);
	return goapi_realloc(p, size, gfp, _RET_IP_, owner);
}
EXPORT_SYMBOL_GPL(godropin_krealloc_by);

static void *alloc_virtual(size_t size, gfp_t gfp, int node,
			   unsigned long caller, unsigned long owner)
{
	bool tried = !is_passed(size, gfp);
	void *p;

	if (tried) {
		p = goapi_alloc_node(size, gogfp_at_first(gfp, size), node,
				     caller, owner);
		if (p || size <= PAGE_SIZE)
			return p;
	}
	godropin_count(gfp & GO_GFP_FORBIDDEN ? GODROPIN_ZONE :
						GODROPIN_VIRTUAL);
	p = kvmalloc_node(size, gfp, node);
	/* It was counted when the heap had none. */
	if (p && tried)
		atomic_long_dec(&goalloc_heap.failures);
	return p;
}

void *godropin_kvmalloc_by(size_t size, gfp_t gfp, int node,
			   unsigned long owner)
{
	return alloc_virtual(size, gfp, node, _RET_IP_, owner);
}
EXPORT_SYMBOL_GPL(godropin_kvmalloc_by);

/* @old counts where the kernel's kvrealloc() wants to know it. */
void *godropin_kvrealloc_by(const void *p, size_t old, size_t size, gfp_t gfp,
			    unsigned long owner)
{
	size_t had;
	void *new;

	if (ZERO_OR_NULL_PTR(p))
		return alloc_virtual(size, gfp, NUMA_NO_NODE, _RET_IP_, owner);
	if (godropin_is_foreign(p))
		return goalloc_kvrealloc(p, old, size, gfp);
	had = gosize(p);
	if (size <= PAGE_SIZE || size <= had)
		return godropin_krealloc_by(p, size, gfp, owner);
	if (!had)
		return NULL;
	new = alloc_virtual(size, gfp, NUMA_NO_NODE, _RET_IP_, owner);
	if (!new)
		return NULL;
	memcpy(new, p, had);
	gofree(p);
	return new;
}
EXPORT_SYMBOL_GPL(godropin_kvrealloc_by);
