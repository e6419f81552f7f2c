// SPDX-License-Identifier: GPL-2.0
/*
 * Cache: named caches of objects of one size.
 *
 * A cache is a span class, and nothing else: behind those of the size classes there
 * are GO_NR_CACHES more, which have a stack on each CPU, a transfer cache and an
 * mcentral on each node like them, and get a shape when a cache is created.  So all
 * that knows span classes knows caches: the fast paths of allocation and free, NUMA,
 * hotplug, drain and idle trimming, shrinker, limit, verify, owners, the heap profile
 * and the tracepoints.  gofree() frees an object of a cache as fast as any other, and
 * nothing has to find out first what it has before it.
 *
 * The other way is a cache with stacks and mcentrals of its own, as kmem_cache has:
 * any number of them, and no memory for those that there are not.  Then each of the
 * parts above needs a second walk over something that comes and goes, and a free of an
 * object has to find its cache by its span before it finds a stack.  What this costs
 * instead is memory: 73 bytes for each place on each CPU, and 384 on each node, 4.6
 * KiB and 24 KiB in all.  A place that was never used is never walked over.
 *
 * kmem_cache merges caches of like sizes.  Here none is, for an object's size, its
 * state and its cache would then be less than exact; what that takes is at most a
 * partly filled span for each cache and node, and what stacks hold.
 *
 * **A constructor** runs for all objects of a span when that is made, as in SLUB, and
 * not when one is first handed out: then the state byte would have to say more, and
 * with check=0 says nothing.  A free never writes to an object, so that what it holds
 * is kept without more ado.  Two things do write to free objects: init_on_free=1,
 * which leaves these alone, and a free in NMI, which links the object to others.  For
 * that it has 8 bytes at its end.  SLUB has its link there, too.
 *
 * **GOCACHE_TYPESAFE_BY_RCU.** A reader under RCU may have an object that was freed.
 * It may be handed out again at once, by this cache, but its span must not become
 * something else.  A span becomes something else only when all its objects are back
 * and it is taken off its mcentral's list of idle ones: central.c notes the grace
 * period when it gets there, and takes it off only after that.  Nobody has to wait or
 * to be called back; until then it is an idle span like others.
 *
 * **Destroyed** is a cache at once, and its place is free for another when nothing of
 * it is left: no span, and no storage in the stack of any CPU.  Objects that are left
 * keep the place, so that to free them later is no mistake, and those in the stacks of
 * other CPUs go as those of idle stacks go.  Thus nobody waits for a CPU that has no
 * time, and a pointer into a cache that has gone can never meet another cache's span
 * class while it is an object.  observe/caches.c does that and says what is left; here
 * is what it takes in the heap.
 *
 * debug= does not suspect objects of caches, and call sites do not count them: both
 * make an object longer, and so of another class.
 */

#include <linux/cache.h>
#include <linux/export.h>
#include <linux/rcupdate.h>
#include "alloc.h"
#include "api.h"
#include "cache.h"
#include "central.h"
#include "free.h"
#include "gfp.h"
#include "numa.h"
#include "stack.h"
#include "transfer.h"

struct gocache gocaches[GO_NR_CACHES] __read_mostly;
struct gocache_past gocaches_past;
/* Guards both; it may be held while a grace period ends, or a walk goes on. */
DEFINE_MUTEX(gocaches_lock);
seqcount_mutex_t gocaches_seq = SEQCNT_MUTEX_ZERO(gocaches_seq, &gocaches_lock);

/* What objects are aligned to: smaller ones need not have a cache line each. */
static size_t real_alignment(size_t size, size_t align, unsigned int flags)
{
	size_t line = cache_line_size();

	if (flags & GOCACHE_HWCACHE_ALIGN) {
		while (size <= line / 2)
			line /= 2;
		align = max(align, line);
	}
	return max_t(size_t, align, __alignof__(unsigned long long));
}

/**
 * gocache_fit - find the shape of a cache
 * @shape: filled in
 * @size: bytes of an object
 * @align: what it is aligned to; 0 for what everything is
 * @flags: GOCACHE_*
 * @ctor: its constructor, or NULL
 *
 * Context: any.
 * Return: false if there can be no such cache.
 */
bool gocache_fit(struct goshape *shape, size_t size, size_t align,
		 unsigned int flags, void (*ctor)(void *obj))
{
	bool typesafe = flags & GOCACHE_TYPESAFE_BY_RCU;
	size_t whole = size;

	if (!size || size > GOCACHE_MAX_SIZE || align > GOCACHE_MAX_ALIGN ||
	    (align & (align - 1)) ||
	    flags & ~(GOCACHE_HWCACHE_ALIGN | GOCACHE_TYPESAFE_BY_RCU))
		return false;
	BUILD_BUG_ON(GOCACHE_MAX_ALIGN > GO_PAGE_SIZE);
	BUILD_BUG_ON(GO_ALL_SPANCLASSES > U8_MAX + 1);
	if (ctor || typesafe)
		whole = ALIGN(whole, 8) + sizeof(struct llist_node);
	whole = ALIGN(whole, real_alignment(size, align, flags));
	if (!goshape_fit(shape, whole))
		return false;
	shape->keeps = ctor || typesafe;
	shape->typesafe = typesafe;
	shape->ctor = ctor;
	return true;
}

/**
 * gocache_open - have a place be a cache
 * @name: what it is called
 * @size: bytes of an object
 * @align: as asked for
 * @flags: as asked for
 * @shape: from gocache_fit()
 * @owner: whose its objects are
 *
 * Context: task; gocaches_lock is held.
 * Return: the cache, or NULL if no place is free.
 */
struct gocache *gocache_open(const char *name, size_t size, unsigned int align,
			     unsigned int flags, const struct goshape *shape,
			     unsigned long owner)
{
	struct goheap *h = &goalloc_heap;
	struct gocache *c = gocaches;
	int nid;

	lockdep_assert_held(&gocaches_lock);
	while (c < gocaches + GO_NR_CACHES && c->state != GO_CACHE_FREE)
		c++;
	if (c == gocaches + GO_NR_CACHES)
		return NULL;
	c->spc = GO_NR_SPANCLASSES + (c - gocaches);
	c->size = size;
	c->owner = owner;
	c->align = align;
	c->flags = flags;
	strscpy(c->name, name, sizeof(c->name));
	write_seqcount_begin(&gocaches_seq);
	goshapes[c->spc] = *shape;
	write_seqcount_end(&gocaches_seq);
	/* A node that comes now looks at the shape when it is there. */
	smp_mb();
	for_each_gonode(h, nid)
		gotransfer_shape(&h->node[nid]->transfer[c->spc], c->spc);
	/* Its transfer caches first. */
	smp_store_release(&goshape_end, max(goshape_end, (unsigned int)c->spc + 1));
	c->state = GO_CACHE_HERE;
	return c;
}

/**
 * gocache_close - let nothing more be allocated from a cache
 * @c: the cache
 *
 * Its constructor may be gone when this returns.
 *
 * Context: task; gocaches_lock is held.
 */
void gocache_close(struct gocache *c)
{
	lockdep_assert_held(&gocaches_lock);
	goshapes[c->spc].closed = true;
	goshapes[c->spc].ctor = NULL;
	c->state = GO_CACHE_GONE;
}

/* Empty this CPU's stack of a span class; is any other CPU's not empty? */
static bool is_in_stacks(struct goheap *h, unsigned int spc)
{
	struct gomcache *c;
	int cpu;

	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	gomcache_enter(c);
	gostack_empty(h, c, spc);
	gomcache_leave(c);
	preempt_enable();
	for_each_gomcache(h, cpu)
		if (READ_ONCE(per_cpu_ptr(h->mcache, cpu)->stack[spc].slot))
			return true;
	return false;
}

/* Give the idle spans of a span class to the heap; how many others are there? */
static unsigned int trim_spans(struct goheap *h, unsigned int spc)
{
	unsigned int left, n, others = 0;
	struct gonode *node;
	int nid;

	for_each_gonode(h, nid) {
		node = h->node[nid];
		gotransfer_empty(&node->transfer[spc]);
		left = READ_ONCE(node->central[spc].idle);
		while (left && (n = gocentral_trim(&node->central[spc], left))) {
			left -= n;
			cond_resched();
		}
		others += READ_ONCE(node->central[spc].nspans);
	}
	return others;
}

/* What a span class has counted, of which nothing is live, counts as past. */
static void forget_counters(struct goheap *h, unsigned int spc)
{
	struct gostack *s;
	struct gonode *node;
	u64 n = 0;
	int i;

	write_seqcount_begin(&gocaches_seq);
	for_each_gomcache(h, i) {
		s = &per_cpu_ptr(h->mcache, i)->stack[spc];
		n += s->mallocs;
		WRITE_ONCE(s->mallocs, 0);
		WRITE_ONCE(s->frees, 0);
	}
	for_each_gonode(h, i) {
		node = h->node[i];
		n += node->central[spc].mallocs + node->transfer[spc].mallocs;
		WRITE_ONCE(node->central[spc].mallocs, 0);
		WRITE_ONCE(node->central[spc].frees, 0);
		WRITE_ONCE(node->transfer[spc].mallocs, 0);
	}
	gocaches_past.objects += n;
	gocaches_past.bytes += n * goshapes[spc].size;
	write_seqcount_end(&gocaches_seq);
}

/**
 * gocache_retire - free the place of a cache that was destroyed, if that can be
 * @c: the cache
 *
 * Context: task, may sleep; gocaches_lock is held.
 * Return: whether it is free now.
 */
bool gocache_retire(struct gocache *c)
{
	struct goheap *h = &goalloc_heap;
	bool in_stacks = is_in_stacks(h, c->spc);

	lockdep_assert_held(&gocaches_lock);
	/* In this order: what leaves a stack goes the same way. */
	if (trim_spans(h, c->spc) || in_stacks)
		return false;
	forget_counters(h, c->spc);
	c->state = GO_CACHE_FREE;
	return true;
}

/* Allocate with what the fast path leaves out. */
static noinline void *alloc_special(struct gocache *c, gfp_t gfp, int nid,
				    unsigned long caller)
{
	struct goheap *h = &goalloc_heap;
	void *p;

	if (gfp & GO_GFP_FORBIDDEN) {
		gohooks_misuse(h, GO_BAD_ZONE, NULL, c->size, caller);
		return NULL;
	}
	if (gfp & __GFP_ZERO && goshapes[c->spc].ctor) {
		gohooks_misuse(h, GO_BAD_CACHE, NULL, c->size, caller);
		return NULL;
	}
	if (nid == NUMA_NO_NODE)
		p = gfp & __GFP_ZERO || !goshapes[c->spc].keeps ?
		    goalloc_pop(h, c->spc, c->size, gfp, c->owner, true, caller) :
		    goalloc_pop(h, c->spc, c->size, gfp, c->owner, false, caller);
	else
		p = goalloc_on_node(h, nid, c->spc, c->size, gfp, c->owner,
				    caller);
	if (static_branch_unlikely(&goalloc_watch))
		goapi_tell(p, c->size, gfp, nid, caller, c->owner);
	return p;
}

static __always_inline void *alloc_object(struct gocache *c, gfp_t gfp,
					  unsigned long caller)
{
	if (static_branch_unlikely(&goalloc_detour) ||
	    unlikely(gfp & (GO_GFP_FORBIDDEN | __GFP_ZERO)))
		return alloc_special(c, gfp, NUMA_NO_NODE, caller ?: _RET_IP_);
	return goalloc_pop(&goalloc_heap, c->spc, c->size, gfp, c->owner, false,
			   caller);
}

void *gocache_alloc(struct gocache *c, gfp_t gfp)
{
	return alloc_object(c, gfp, 0);
}
EXPORT_SYMBOL_GPL(gocache_alloc);

void *gocache_alloc_node(struct gocache *c, gfp_t gfp, int node)
{
	if (node == NUMA_NO_NODE)
		return alloc_object(c, gfp, 0);
	return goapi_has_node(node, gfp) ?
	       alloc_special(c, gfp, node, _RET_IP_) : NULL;
}
EXPORT_SYMBOL_GPL(gocache_alloc_node);

/*
 * Is an address in a span that has objects, and none of a cache?  One that was got of
 * the kernel's last pages is a large object.
 */
static bool is_of_another(const struct gocache *c, const void *p)
{
	const struct gospan *s;
	bool another;

	preempt_disable();
	s = gospan_with(&goalloc_heap, p);
	another = (s->state == GO_SPAN_SMALL || s->state == GO_SPAN_LARGE) &&
		  s->spanclass != c->spc;
	preempt_enable();
	return another;
}

static noinline void free_special(struct gocache *c, void *p,
				  unsigned long caller)
{
	if (static_branch_likely(&goalloc_check) && is_of_another(c, p))
		gohooks_misuse(&goalloc_heap, GO_WRONG_CACHE, p, 0, caller);
	else
		gofree_slow(p, &goalloc_heap, caller);
}

/* With check=0 the cache is believed, so nothing has to be looked up. */
static __always_inline bool try_free(const struct gocache *c, void *p)
{
	struct gomcache *mcache = this_cpu_ptr(goalloc_heap.mcache);
	struct gostack *stack = &mcache->stack[c->spc];
	unsigned long idx;
	struct gospan *s;
	u8 *state;

	if (static_branch_unlikely(&goalloc_free_detour))
		return false;
	if (!static_branch_likely(&goalloc_check))
		return likely(!ZERO_OR_NULL_PTR(p)) &&
		       gofree_push(mcache, stack, p, NULL, false);
	s = gospan_of(&goalloc_heap, p);
	if (unlikely(!gospan_index(s, p, &idx)) ||
	    unlikely(s->spanclass != c->spc))
		return false;
	state = s->objstate + idx;
	return likely(goobj_is_plain(*state)) &&
	       gofree_push(mcache, stack, p, state, true);
}

void gocache_free(struct gocache *c, void *p)
{
	preempt_disable();
	if (likely(try_free(c, p))) {
		preempt_enable();
		return;
	}
	preempt_enable();
	free_special(c, p, _RET_IP_);
}
EXPORT_SYMBOL_GPL(gocache_free);

size_t gocache_alloc_bulk(struct gocache *c, gfp_t gfp, size_t n, void **p)
{
	size_t i = 0;

	while (i < n) {
		if (!(gfp & (GO_GFP_FORBIDDEN | __GFP_ZERO)) &&
		    !static_branch_unlikely(&goalloc_detour))
			i += goalloc_pop_many(&goalloc_heap, c->spc, c->size,
					      gfp, c->owner,
					      min_t(size_t, n - i, GO_BULK),
					      p + i);
		if (i == n)
			break;
		/* The slow way, which also refills the stack. */
		p[i] = alloc_object(c, gfp, 0);
		if (unlikely(!p[i])) {
			gocache_free_bulk(c, i, p);
			return 0;
		}
		i++;
	}
	return n;
}
EXPORT_SYMBOL_GPL(gocache_alloc_bulk);

void gocache_free_bulk(struct gocache *c, size_t n, void **p)
{
	size_t left;

	for (; n; n = left) {
		left = n;
		if (static_branch_likely(&goalloc_check))
			left = gofree_many(&goalloc_heap, n, p, c->spc);
		if (unlikely(left == n))
			gocache_free(c, p[--left]);
	}
}
EXPORT_SYMBOL_GPL(gocache_free_bulk);

size_t gocache_size(const struct gocache *c)
{
	return c->size;
}
EXPORT_SYMBOL_GPL(gocache_size);

void gocache_shrink(struct gocache *c)
{
	trim_spans(&goalloc_heap, c->spc);
}
EXPORT_SYMBOL_GPL(gocache_shrink);
