// SPDX-License-Identifier: GPL-2.0
/*
 * The exported functions: from sizes to classes, and nothing else.
 *
 * Zero, tiny, small or large is decided here; alloc.c and free.c do the rest.
 * Their fast halves are inlines, so that an exported function has all of its
 * common path in one piece and the address of the default heap as a constant.
 * A heap as an argument would serve other heaps too, but every allocation would
 * pay for it; tests instantiate the inlines for heaps of their own.
 *
 * The contracts are in include/linux/goalloc.h.
 */

#include <linux/export.h>
#include <linux/goalloc.h>
#include <linux/rcupdate.h>
#include "alloc.h"
#include "api.h"
#include "free.h"
#include "gfp.h"
#include "numa.h"
#include "owner.h"
#include "redzone.h"
#include "site.h"
#include "tiny.h"
#include "trace.h"

struct goheap goalloc_heap;

static size_t small_size(const struct gospan *s, unsigned int idx)
{
	struct gosite_record r;
	u8 state;

	if (!static_branch_likely(&goalloc_check))
		return s->elemsize;
	state = READ_ONCE(s->objstate[idx]);
	if (goobj_is_plain(state) || goobj_is_sampled(state))
		return s->elemsize;
	if (state == GO_OBJ_SITED) {
		gosite_read(s, idx, &r);
		return r.bytes;
	}
	return state == GO_OBJ_DEBUG ? goredzone_size(s, idx) : 0;
}

/* The bytes of a live object, 0 if there is none; and its span class. */
static size_t object_size(const void *p, unsigned int *spc)
{
	unsigned long idx;
	struct gospan *s;
	size_t size = 0;

	preempt_disable();
	s = gospan_with(&goalloc_heap, p);
	*spc = s->spanclass;
	if (gotiny_holds(s, p))
		size = gotiny_size(s, p);
	else if (s->state == GO_SPAN_LARGE && s->base == (unsigned long)p)
		size = s->elemsize;
	else if (gospan_index(s, p, &idx) && idx < s->nelems)
		size = small_size(s, idx);
	preempt_enable();
	return size;
}

/**
 * goapi_tell - tell those that watch of an allocation
 * @p: the object; NULL if it has failed
 * @size: what was asked for
 * @gfp: as for gomalloc()
 * @nid: the node that was asked for, or NUMA_NO_NODE
 * @caller: by which caller
 * @owner: whose it is
 *
 * Context: any.
 */
void goapi_tell(const void *p, size_t size, gfp_t gfp, int nid,
		unsigned long caller, unsigned long owner)
{
	unsigned int spc;
	size_t bytes;

	if (!p)
		return;
	bytes = object_size(p, &spc);
	goowner_note(owner, bytes);
	if (trace_malloc_enabled())
		trace_malloc(caller, p, size, bytes, gfp, nid);
}

/* Allocate a small object that nobody watches, as the fast path leaves it. */
static __always_inline void *alloc_plain(size_t size, gfp_t gfp, int nid,
					 bool noscan, unsigned long caller,
					 unsigned long owner)
{
	unsigned int spc;

	if (noscan && size < GO_TINY_SIZE)
		return goalloc_tiny(size, gfp, owner, &goalloc_heap, caller);
	spc = GO_SPC(gosizeclass_of(size), noscan);
	if (nid == NUMA_NO_NODE)
		return goalloc_pop(&goalloc_heap, spc, size, gfp, owner, true,
				   caller);
	return goalloc_on_node(&goalloc_heap, nid, spc, size, gfp, owner,
			       caller);
}

/* Allocate a small object for debug=, those that watch, or both. */
static noinline void *alloc_watched(size_t size, gfp_t gfp, int nid,
				    bool noscan, unsigned long caller,
				    unsigned long owner)
{
	unsigned int flags = 0;
	void *p;

	if (static_branch_unlikely(&goalloc_debug) && nid == NUMA_NO_NODE)
		flags = goredzone_suspects(size, caller);
	p = flags ? goalloc_suspected(&goalloc_heap, size, gfp, noscan, flags,
				      caller, owner, 0) :
		    alloc_plain(size, gfp, nid, noscan, caller, owner);
	goapi_tell(p, size, gfp, nid, caller, owner);
	return p;
}

/* Allocate a small object with what the fast path leaves out. */
static noinline void *alloc_small(size_t size, gfp_t gfp, int nid, bool noscan,
				  unsigned long caller, unsigned long owner)
{
	if (static_branch_unlikely(&goalloc_watch))
		return alloc_watched(size, gfp, nid, noscan, caller, owner);
	return alloc_plain(size, gfp, nid, noscan, caller, owner);
}

/* Allocate an object of whole pages for those that watch. */
static noinline void *alloc_large_watched(size_t size, gfp_t gfp, int nid,
					  bool noscan, unsigned long caller,
					  unsigned long owner)
{
	void *p = goalloc_large(&goalloc_heap, nid, size, noscan, gfp, owner,
				caller);

	goapi_tell(p, size, gfp, nid, caller, owner);
	return p;
}

/**
 * goapi_alloc - allocate whatever is asked for, the fast way or not
 * @size: as for gomalloc()
 * @gfp: as for gomalloc()
 * @nid: the node to take it from if possible, or NUMA_NO_NODE
 * @noscan: it will hold no pointers
 * @caller: by which caller
 * @owner: whose it will be
 *
 * Context: any that @gfp permits.
 * Return: as gomalloc().
 */
noinline void *goapi_alloc(size_t size, gfp_t gfp, int nid, bool noscan,
			   unsigned long caller, unsigned long owner)
{
	if (gfp & GO_GFP_FORBIDDEN) {
		gohooks_misuse(&goalloc_heap, GO_BAD_ZONE, NULL, size, caller);
		return NULL;
	}
	if (!size)
		return ZERO_SIZE_PTR;
	if (size > GOALLOC_MAX_SIZE)
		return NULL;
	if (size > GO_MAX_SMALL && static_branch_unlikely(&goalloc_watch))
		return alloc_large_watched(size, gfp, nid, noscan, caller, owner);
	if (size > GO_MAX_SMALL)
		return goalloc_large(&goalloc_heap, nid, size, noscan, gfp,
				     owner, caller);
	return alloc_small(size, gfp, nid, noscan, caller, owner);
}

/*
 * The inlines below take a caller of 0 for that of the exported function.  To read
 * its address is then left to the paths that need it.
 */
static __always_inline void *alloc_class(unsigned long class, size_t size,
					 gfp_t gfp, bool noscan,
					 unsigned long caller, unsigned long owner)
{
	if (static_branch_unlikely(&goalloc_detour))
		return alloc_small(size, gfp, NUMA_NO_NODE, noscan,
				   caller ?: _RET_IP_, owner);
	return goalloc_pop(&goalloc_heap, GO_SPC(class, noscan), size, gfp,
			   owner, false, caller);
}

static __always_inline void *alloc_object(size_t size, gfp_t gfp, bool noscan,
					  unsigned long caller, unsigned long owner)
{
	size_t least = noscan ? GO_TINY_SIZE : 1;

	if (unlikely(gfp & (GO_GFP_FORBIDDEN | __GFP_ZERO)))
		return goapi_alloc(size, gfp, NUMA_NO_NODE, noscan,
				   caller ?: _RET_IP_, owner);
	if (unlikely(size - least > GO_MAX_SMALL - least)) {
		if (noscan && size - 1 < GO_TINY_SIZE - 1 &&
		    !static_branch_unlikely(&goalloc_detour))
			return goalloc_pop_tiny(size, gfp, owner,
						&goalloc_heap, false, caller);
		return goapi_alloc(size, gfp, NUMA_NO_NODE, noscan,
				   caller ?: _RET_IP_, owner);
	}
	return alloc_class(gosizeclass_of(size), size, gfp, noscan, caller,
			   owner);
}

void *__gomalloc_by(size_t size, gfp_t gfp, unsigned long owner)
{
	return alloc_object(size, gfp, false, 0, owner);
}
EXPORT_SYMBOL_GPL(__gomalloc_by);

void *gomalloc_class_by(size_t size, gfp_t gfp, unsigned long class, unsigned long owner)
{
	if (unlikely(gfp & (GO_GFP_FORBIDDEN | __GFP_ZERO)))
		return goapi_alloc(size, gfp, NUMA_NO_NODE, false, _RET_IP_,
				   owner);
	return alloc_class(class, size, gfp, false, 0, owner);
}
EXPORT_SYMBOL_GPL(gomalloc_class_by);

void *gomalloc_noscan_by(size_t size, gfp_t gfp, unsigned long owner)
{
	return alloc_object(size, gfp, true, 0, owner);
}
EXPORT_SYMBOL_GPL(gomalloc_noscan_by);

/**
 * goapi_has_node - may memory be got where a caller wants it?
 * @node: the node
 * @gfp: as for gomalloc_node()
 *
 * Context: any.
 * Return: whether it may.
 */
bool goapi_has_node(int node, gfp_t gfp)
{
	if (node < 0 || node >= nr_node_ids)
		return false;
	/* A node without memory shares another's heap. */
	return !(gfp & __GFP_THISNODE) || gonuma_is_own(&goalloc_heap, node);
}

/**
 * goapi_alloc_node - allocate memory of one node
 * @size: as for gomalloc_node()
 * @gfp: as for gomalloc_node()
 * @node: as for gomalloc_node()
 * @caller: by which caller
 * @owner: whose it will be
 *
 * Context: any that @gfp permits.
 * Return: as gomalloc_node().
 */
void *goapi_alloc_node(size_t size, gfp_t gfp, int node, unsigned long caller,
		       unsigned long owner)
{
	if (node == NUMA_NO_NODE)
		return alloc_object(size, gfp, false, caller, owner);
	if (!goapi_has_node(node, gfp))
		return NULL;
	return goapi_alloc(size, gfp, node, false, caller, owner);
}

void *gomalloc_node_by(size_t size, gfp_t gfp, int node, unsigned long owner)
{
	return goapi_alloc_node(size, gfp, node, _RET_IP_, owner);
}
EXPORT_SYMBOL_GPL(gomalloc_node_by);

void gofree(const void *p)
{
	gofree_fast(&goalloc_heap, (void *)p);
}
EXPORT_SYMBOL_GPL(gofree);

/* As object_size(), but @p is reported if no live object starts there. */
static size_t checked_size(const void *p, unsigned int *spc,
			   unsigned long caller)
{
	size_t size = object_size(p, spc);
	enum gomisuse kind;

	if (likely(size))
		return size;
	preempt_disable();
	kind = gofree_classify(&goalloc_heap, p);
	preempt_enable();
	gohooks_misuse(&goalloc_heap, kind, p, 0, caller);
	return 0;
}

size_t gosize(const void *p)
{
	unsigned int spc;

	return ZERO_OR_NULL_PTR(p) ? 0 : checked_size(p, &spc, _RET_IP_);
}
EXPORT_SYMBOL_GPL(gosize);

bool goalloc_owns(const void *p)
{
	struct gospan *s;
	u32 state;

	preempt_disable();
	s = gospan_with(&goalloc_heap, p);
	state = READ_ONCE(s->state);
	preempt_enable();
	return state != GO_SPAN_NONE && state != GO_SPAN_FREE;
}
EXPORT_SYMBOL_GPL(goalloc_owns);

size_t gomalloc_size_roundup(size_t size)
{
	if (!size || size > GOALLOC_MAX_SIZE)
		return size;
	if (size > GO_MAX_SMALL)
		return round_up(size, GO_PAGE_SIZE);
	return go_class_size[gosizeclass_of(size)];
}
EXPORT_SYMBOL_GPL(gomalloc_size_roundup);

/*
 * Could an object of @bytes have been allocated with @size?  Tiny ones and
 * those with a red zone have just the bytes that were asked for; a small one of
 * the kernel's last pages is a large object.
 */
static bool size_fits(size_t size, size_t bytes, unsigned int spc)
{
	size_t pages = size <= PAGE_SIZE ? PAGE_SIZE :
					   round_up(size, GO_PAGE_SIZE);

	return size == bytes || gomalloc_size_roundup(size) == bytes ||
	       ((!GO_SPC_CLASS(spc) || goshape_is_cache(spc)) && size &&
		pages == bytes);
}

/* The size may be wrong, or there is more to do than to push. */
static noinline void free_sized_slow(const void *p, size_t size,
				     unsigned long caller)
{
	unsigned int spc;
	size_t bytes;

	if (static_branch_likely(&goalloc_check) && !ZERO_OR_NULL_PTR(p)) {
		bytes = object_size(p, &spc);
		if (unlikely(bytes && !size_fits(size, bytes, spc))) {
			gohooks_misuse(&goalloc_heap, GO_WRONG_SIZE, p, size,
				       caller);
			return;
		}
	}
	gofree_slow((void *)p, &goalloc_heap, caller);
}

/* With check=0 the size is believed, so nothing has to be looked up. */
static __always_inline bool try_free_sized(void *p, unsigned long class)
{
	struct gomcache *c;

	if (static_branch_likely(&goalloc_check))
		return gofree_try(&goalloc_heap, gospan_of(&goalloc_heap, p),
				  p, true, class, true);
	if (static_branch_unlikely(&goalloc_free_detour) ||
	    unlikely(ZERO_OR_NULL_PTR(p)))
		return false;
	c = this_cpu_ptr(goalloc_heap.mcache);
	return gofree_push(c, gostack_at(c, gostack_offset(GO_SPC(class, 0))), p,
			   NULL, false);
}

static __always_inline void free_sized(const void *p, unsigned long class,
				       size_t size)
{
	preempt_disable();
	if (likely(try_free_sized((void *)p, class))) {
		preempt_enable();
		return;
	}
	preempt_enable();
	free_sized_slow(p, size, _RET_IP_);
}

void __gofree_sized(const void *p, size_t size)
{
	if (likely(size - 1 < GO_MAX_SMALL))
		free_sized(p, gosizeclass_of(size), size);
	else
		free_sized_slow(p, size, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__gofree_sized);

void gofree_class(const void *p, size_t size, unsigned long class)
{
	free_sized(p, class, size);
}
EXPORT_SYMBOL_GPL(gofree_class);

void gofree_sensitive(const void *p)
{
	unsigned int spc;
	size_t size;

	if (ZERO_OR_NULL_PTR(p))
		return;
	size = object_size(p, &spc);
	if (size)
		memzero_explicit((void *)p, size);
	gofree_fast(&goalloc_heap, (void *)p);
}
EXPORT_SYMBOL_GPL(gofree_sensitive);

/*
 * May an object of @old bytes be one of @size where it is?  The address must suit
 * the new size, and whole pages may have to be got behind it.
 */
static bool can_stay(const void *p, size_t old, size_t size, gfp_t gfp,
		     unsigned long caller)
{
	size_t align = size > GO_MAX_SMALL ? size : goalloc_class_size(size);

	if (!IS_ALIGNED((unsigned long)p, align & -align))
		return false;
	return size <= old ||
	       (old > GO_MAX_SMALL &&
		goalloc_extend(&goalloc_heap, (void *)p, size, gfp, caller));
}

/* Would an object of the new size leave half of the pages to others? */
static bool wastes_pages(size_t old, size_t size)
{
	return old > GO_MAX_SMALL && size <= old / 2;
}

static void *clear_tail(void *p, size_t old, size_t size, gfp_t gfp)
{
	if (size < old && want_init_on_alloc(gfp))
		memset(p + size, 0, old - size);
	return p;
}

/*
 * A new object is @owner's, or what @alloc makes of @site; one that stays where it
 * is stays whose it was.
 */
static __always_inline void *realloc_object(const void *p, size_t size,
					    gfp_t gfp, unsigned long caller,
					    unsigned long owner,
					    goapi_alloc_fn alloc,
					    const struct goalloc_site *site)
{
	unsigned int spc;
	bool stays;
	size_t old;
	void *new;

	if (ZERO_OR_NULL_PTR(p))
		return alloc ? alloc(size, gfp, false, caller, site) :
			       alloc_object(size, gfp, false, caller, owner);
	if (!size) {
		gofree_fast(&goalloc_heap, (void *)p);
		return ZERO_SIZE_PTR;
	}
	old = checked_size(p, &spc, caller ?: _RET_IP_);
	if (!old)
		return NULL;
	stays = can_stay(p, old, size, gfp, _RET_IP_);
	if (stays && !wastes_pages(old, size))
		return clear_tail((void *)p, old, size, gfp);
	new = alloc ? alloc(size, gfp, GO_SPC_NOSCAN(spc), caller, site) :
		      alloc_object(size, gfp, GO_SPC_NOSCAN(spc), caller, owner);
	if (!new)
		return stays ? clear_tail((void *)p, old, size, gfp) : NULL;
	memcpy(new, p, min(old, size));
	gofree_fast(&goalloc_heap, (void *)p);
	return new;
}

/**
 * goapi_realloc - change the size of an object
 * @p: as for gorealloc()
 * @size: as for gorealloc()
 * @gfp: as for gorealloc()
 * @caller: by which caller
 * @owner: whose a new object will be
 *
 * Context: any that @gfp permits.
 * Return: as gorealloc().
 */
void *goapi_realloc(const void *p, size_t size, gfp_t gfp, unsigned long caller,
		    unsigned long owner)
{
	return realloc_object(p, size, gfp, caller, owner, NULL, NULL);
}

/**
 * goapi_realloc_by - the same, with another way to get a new object
 * @p: as for gorealloc()
 * @size: as for gorealloc()
 * @gfp: as for gorealloc()
 * @caller: by which caller
 * @alloc: the way
 * @site: the call site, which @alloc is told
 *
 * Context: any that @gfp permits.
 * Return: as gorealloc().
 */
void *goapi_realloc_by(const void *p, size_t size, gfp_t gfp,
		       unsigned long caller, goapi_alloc_fn alloc,
		       const struct goalloc_site *site)
{
	return realloc_object(p, size, gfp, caller, 0, alloc, site);
}

void *gorealloc_by(const void *p, size_t size, gfp_t gfp, unsigned long owner)
{
	return realloc_object(p, size, gfp, 0, owner, NULL, NULL);
}
EXPORT_SYMBOL_GPL(gorealloc_by);

static __always_inline size_t alloc_bulk(gfp_t gfp, size_t size, size_t n,
					 void **p, unsigned long caller,
					 unsigned long owner)
{
	bool plain = !(gfp & (GO_GFP_FORBIDDEN | __GFP_ZERO)) &&
		     size - 1 < GO_MAX_SMALL;
	unsigned int spc = plain ? GO_SPC(gosizeclass_of(size), 0) : 0;
	size_t i = 0, end;

	while (i < n) {
		end = min_t(size_t, n, i + GO_BULK);
		if (plain && !static_branch_unlikely(&goalloc_detour))
			i += goalloc_pop_many(&goalloc_heap, spc, size, gfp,
					      owner, end - i, p + i);
		if (likely(i == end))
			continue;
		/* The slow way, which also refills the stack. */
		p[i] = alloc_object(size, gfp, false, caller, owner);
		if (unlikely(!p[i])) {
			gofree_bulk(i, p);
			return 0;
		}
		i++;
	}
	return n;
}

/**
 * goapi_bulk - allocate many objects of one size
 * @gfp: as for gomalloc_bulk()
 * @size: as for gomalloc_bulk()
 * @n: as for gomalloc_bulk()
 * @p: as for gomalloc_bulk()
 * @caller: by which caller
 * @owner: whose they will be
 *
 * Context: any that @gfp permits.
 * Return: as gomalloc_bulk().
 */
size_t goapi_bulk(gfp_t gfp, size_t size, size_t n, void **p,
		  unsigned long caller, unsigned long owner)
{
	return alloc_bulk(gfp, size, n, p, caller, owner);
}

size_t gomalloc_bulk_by(gfp_t gfp, size_t size, size_t n, void **p, unsigned long owner)
{
	return alloc_bulk(gfp, size, n, p, 0, owner);
}
EXPORT_SYMBOL_GPL(gomalloc_bulk_by);

void gofree_bulk(size_t n, void **p)
{
	size_t left;

	for (; n; n = left) {
		left = gofree_many(&goalloc_heap, n, p, 0);
		if (unlikely(left == n))
			gofree_fast(&goalloc_heap, p[--left]);
	}
}
EXPORT_SYMBOL_GPL(gofree_bulk);

void *gomemdup_by(const void *src, size_t len, gfp_t gfp, unsigned long owner)
{
	void *p = alloc_object(len, gfp, false, 0, owner);

	if (p && len)
		memcpy(p, src, len);
	return p;
}
EXPORT_SYMBOL_GPL(gomemdup_by);

char *gostrdup_by(const char *s, gfp_t gfp, unsigned long owner)
{
	size_t len = s ? strlen(s) + 1 : 0;
	void *p = s ? alloc_object(len, gfp, false, 0, owner) : NULL;

	return p ? memcpy(p, s, len) : NULL;
}
EXPORT_SYMBOL_GPL(gostrdup_by);

/* The rcu_head may be anywhere in the object; the span knows the start. */
static void free_by_rcu(struct rcu_head *head)
{
	struct gospan *s;
	unsigned long p = (unsigned long)head;

	preempt_disable();
	s = gospan_of(&goalloc_heap, head);
	if (s->state == GO_SPAN_SMALL)
		p -= (p - s->base) % s->elemsize;
	else if (s->state == GO_SPAN_LARGE)
		p = s->base;
	preempt_enable();
	gofree_fast(&goalloc_heap, (void *)p);
}

/**
 * goalloc_call_rcu - the function behind gofree_rcu()
 * @head: a struct rcu_head in the object
 *
 * Context: any but NMI.
 */
void goalloc_call_rcu(struct rcu_head *head)
{
	call_rcu(head, free_by_rcu);
}
EXPORT_SYMBOL_GPL(goalloc_call_rcu);
