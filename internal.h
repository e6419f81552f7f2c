/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of goalloc know of each other: the rules of locking, and what
 * each offers.  The types are in types.h.
 *
 * The layers, each calling only downwards:
 *
 *   api      sizes to classes; what modules call
 *   mcache   a CPU's own objects, no lock              tiny   16-byte blocks
 *   central  the spans of one span class, one lock
 *   heap     runs of 8 KiB pages, one lock a node
 *   alloc_pages()
 *
 * span.c (what a span is, address -> span) and fixalloc.c (memory for all of
 * these descriptors) lie beneath; stats.c and verify.c look on.
 *
 * Locking
 * -------
 *
 * All locks are raw spinlocks taken with interrupts saved, so that every
 * context of every kernel, PREEMPT_RT included, may take them.  No two are
 * held at once, but for map_lock, which nests in a node's lock for the two
 * stores that enter or remove an arena.  Nothing sleeps, prints,
 * calls the page allocator or frees to it while holding one.  In NMI they are
 * only ever tried.
 *
 *   gocentral.lock   the lists of spans; of every span of the class: back,
 *                    nback, cached, bucket, and avail, navail while it is not
 *                    cached; the slow counters.  At most GO_BATCH
 *                    objects are moved under one hold.
 *   gonode.lock      the free runs, arenas' span[] and order[], page counts;
 *                    charged objects on their way to the kernel;
 *                    state, base, npages and needzero of spans in the heap;
 *                    the counters of large objects.
 *   goheap.map_lock  replacing the arena map, and writes to it; an arena's entry
 *                    changes under its node's lock as well.
 *   gofix.lock       that allocator's chunks and counts.
 *   goheap.give_back (a mutex) taking pages out of the heap for good, dead,
 *                    goarena.order[] of pages that go.  No arena leaves the
 *                    map without it.  Nothing allocates while holding it, so
 *                    that it may be taken in reclaim.
 *   goheap.finish    (a mutex) frees that NMIs have left, while they are being
 *                    finished.  Nothing allocates here either.
 *
 * Without a lock:
 *
 *   gomcache         belongs to its CPU.  Whoever uses it has preemption off
 *                    and has set @busy; an interrupt that finds @busy set has
 *                    hit that window and goes to the mcentral instead.  Plain
 *                    stores and barrier() are enough: only code on the same
 *                    CPU ever looks.  Counters are read by others with
 *                    READ_ONCE().  A dead CPU's cache belongs to the hotplug
 *                    callback.
 *   avail, navail    of a cached span belong to the mcache that holds it.
 *   state bytes      belong to the object's owner while it is live; a byte
 *                    each, so that neighbours never share one.
 *   tiny words       are atomic.
 *   the arena map    is read with preemption off, which is an RCU reader:
 *                    tables and the memory of descriptors go away only after
 *                    a grace period.  For a live object every word of the
 *                    look-up is stable; for any other address whatever is
 *                    found is checked, never trusted.
 */
#ifndef GOALLOC_INTERNAL_H
#define GOALLOC_INTERNAL_H

#include <linux/jump_label.h>
#include <linux/nodemask.h>
#include <linux/preempt.h>
#include <linux/seq_file.h>
#include <linux/goalloc.h>
#include "compat.h"
#include "types.h"

extern struct goheap goalloc_heap;
DECLARE_STATIC_KEY_TRUE(goalloc_check);
DECLARE_STATIC_KEY_FALSE(goalloc_debug);
DECLARE_STATIC_KEY_FALSE(goalloc_detour);

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

/* runs.c */
void gorun_insert(struct gonode *node, struct goarena *a, struct gospan *s);
void gorun_remove(struct gonode *node, struct gospan *s);
struct gospan *gorun_find(struct gonode *node, unsigned long npages,
			  unsigned long align);
struct gospan *gorun_next(struct gonode *node, struct gospan *s);
struct gospan *gorun_cut(struct gonode *node, struct gospan *s,
			 unsigned long npages, unsigned long align,
			 struct gospan *spare[2]);
void gorun_free(struct gonode *node, struct goarena *a, struct gospan *s,
		struct list_head *dead);
void gorun_enter(struct goarena *a, struct gospan *s);
void gorun_disown(struct gonode *node, struct goarena *a, struct gospan *s);

/* The number of a page in its arena. */
static inline unsigned int gorun_index(unsigned long addr)
{
	return (addr >> GO_PAGE_SHIFT) % GO_ARENA_PAGES;
}

/* heap.c */
enum gogrow goheap_may_grow(gfp_t gfp);
struct gospan *goheap_alloc(struct goheap *h, int nid, unsigned long npages,
			    unsigned long align, gfp_t gfp);
void goheap_free(struct goheap *h, struct gospan *s);
bool goheap_wait(struct goheap *h, gfp_t gfp);
struct gospan *goheap_alloc_large(struct goheap *h, int nid, size_t size,
				  gfp_t gfp);
void goheap_free_large(struct goheap *h, struct gospan *s);
void goheap_free_rest(struct page *page, unsigned long i, unsigned int order,
		      gfp_t gfp);
void goheap_top_up(struct gonode *node, gfp_t gfp);

/* lifecycle.c */
int goheap_init(struct goheap *h);
void goheap_exit(struct goheap *h);

/**
 * struct goscavenge - an order to give memory back
 * @who: who wants it
 * @want: how many pages are yet to go
 * @until: when to stop, by ktime_get_ns()
 */
struct goscavenge {
	enum goscavenger who;
	unsigned long want;
	u64 until;
};

/* scavenge.c */
unsigned long goscavenge_node(struct gonode *node, struct goscavenge *sc);
unsigned long goscavenge_harder(struct gonode *node, struct goscavenge *sc);
size_t goscavenge(struct goheap *h, bool all);
void goscavenge_account(struct goheap *h, u64 start, unsigned long pages);
size_t goscavenge_reap(struct goheap *h);
void goscavenge_top_up(struct goheap *h);
void goheap_kick(struct goheap *h);
void goscavenge_init(struct goheap *h);
void goscavenge_stop(struct goheap *h);

/* background.c */
unsigned long gobackground_excess(struct gonode *node);
void gobackground_tick(struct goheap *h);
bool gobackground_turn(struct goheap *h);
void gobackground_init(struct goheap *h);
void gobackground_start(struct goheap *h);
void gobackground_stop(struct goheap *h);

/* limit.c */
bool golimit_charge(struct goheap *h, unsigned long bytes, gfp_t gfp);
void golimit_uncharge(struct goheap *h, unsigned long bytes);
bool golimit_over(const struct goheap *h);
void golimit_keep(struct goheap *h, bool caches);
bool golimit_make_room(struct goheap *h, unsigned long bytes, gfp_t gfp);
void golimit_set(struct goheap *h, unsigned long bytes);
void golimit_start(struct goheap *h);
void golimit_stop(void);

/* shrink.c */
unsigned long goshrink_count(struct goheap *h, int nid);
unsigned long goshrink_scan(struct goheap *h, int nid, unsigned long nr);
int goshrink_init(void);
void goshrink_exit(void);

/* The first node from @i on that has a heap of its own: set at its start. */
static inline int goheap_next_node(const struct goheap *h, int i)
{
	while (i < nr_node_ids && (!h->node[i] || h->node[i]->nid != i))
		i++;
	return i;
}

#define for_each_gonode(h, i)						\
	for ((i) = goheap_next_node(h, 0); (i) < nr_node_ids;		\
	     (i) = goheap_next_node(h, (i) + 1))

/* numa.c */
int gonuma_node(void);
int gonuma_nearest(int nid, nodemask_t *left);
nodemask_t gonuma_others(struct goheap *h, int nid);

static inline struct gonode *goheap_node(struct goheap *h, int nid)
{
	return h->node[nid == NUMA_NO_NODE ? gonuma_node() : nid];
}

/* central.c */
unsigned int gocentral_refill(struct goheap *h, struct gocentral *c,
			      struct gospan **cur, struct goslot *slot,
			      unsigned int want);
bool gocentral_take(struct gocentral *c, size_t size, struct goslot *slot);
void gocentral_free(struct goheap *h, struct goslot *slot, unsigned int n,
		    bool count);
struct gocentral *gocentral_grow(struct goheap *h, int nid, unsigned int spc,
				 gfp_t gfp);
void gocentral_uncache(struct goheap *h, struct gospan *s);
unsigned int gocentral_trim(struct gocentral *c, unsigned int want);
unsigned int gocentral_trim_idle(struct gocentral *c);
unsigned long gocentral_idle_pages(struct gonode *node);
void gocentral_init(struct gocentral *c, struct gonode *node,
		    unsigned int spc);

/* mcache.c */
static inline unsigned int gostack_n(const struct gostack *s)
{
	return s->top - s->slot;
}

static inline unsigned int gostack_cap(const struct gostack *s)
{
	return s->limit - s->slot;
}

void *gomcache_alloc_slow(struct goheap *h, unsigned int spc, size_t size,
			  gfp_t gfp);
void gomcache_free_slow(struct goheap *h, void *p, unsigned long caller);
enum gomisuse gomcache_classify(struct goheap *h, const void *p);
bool gomcache_take(struct goheap *h, int nid, unsigned int spc, size_t size,
		   gfp_t gfp, struct goslot *slot);
void *gomcache_alloc_node(struct goheap *h, int nid, unsigned int spc,
			  size_t size, gfp_t gfp);
void *gomcache_hand_out_zeroed(void *obj, u8 *state, unsigned int spc,
			       gfp_t gfp);
void gomcache_defer(struct goheap *h, void *p);
void gomcache_empty_stack(struct goheap *h, struct gomcache *c,
			  unsigned int spc);
void gomcache_fix_init(struct goheap *h);

/* drain.c */
void gomcache_drain_all(struct goheap *h);
void gomcache_drain_node(struct goheap *h, int nid);
void gomcache_trim_idle(struct goheap *h);
void gomcache_drain_deferred(struct goheap *h);
int gomcache_init(struct goheap *h);
void gomcache_exit(struct goheap *h);
int gomcache_hotplug_init(void);
void gomcache_hotplug_exit(void);

/* tiny.c */
void *gotiny_alloc(struct goheap *h, size_t size, gfp_t gfp);
bool gotiny_holds(const struct gospan *s, const void *p);
bool gotiny_free(struct goheap *h, struct gospan *s, void *p, bool *last);
size_t gotiny_size(const struct gospan *s, const void *p);
bool gotiny_inside(const struct gospan *s, const void *p);
void gotiny_drain(struct goheap *h, struct gomcache *c);

/* span.c */
extern struct gospan gospan_nil;
extern struct goarena goarena_nil;
int gospan_map_init(struct goheap *h);
void gospan_map_exit(struct goheap *h);
bool gospan_map_cover(struct goheap *h, unsigned long addr, gfp_t gfp);
struct goarena *gospan_arena(struct goheap *h, unsigned long addr);
bool gospan_in_free_run(struct goheap *h, const void *p);
bool gospan_arena_enter(struct goheap *h, struct goarena *a);
void gospan_arena_leave(struct goheap *h, struct goarena *a);
void gospan_fix_init(struct goheap *h);
bool gospan_carve(struct goheap *h, struct gospan *s, unsigned int spc,
		  gfp_t gfp);
void gospan_uncarve(struct goheap *h, struct gospan *s);
unsigned int gospan_take(struct gospan *s, struct goslot *slot,
			 unsigned int want);
void gospan_walk_arenas(struct goheap *h,
			void (*fn)(struct goarena *a, void *data), void *data);
void gospan_walk(struct goheap *h,
		 void (*fn)(struct gospan *s, void *data), void *data);

/* fixalloc.c */
void gofix_init(struct gofix *f, unsigned int size, unsigned int reserve);
void *gofix_alloc(struct gofix *f, gfp_t gfp);
void *gofix_pop(struct gofix *f);
void gofix_free(struct gofix *f, void *p);
bool gofix_low(struct gofix *f);
bool gofix_top_up(struct gofix *f, gfp_t gfp);
size_t gofix_detach(struct gofix *f, struct list_head *out);
void gofix_release(struct goheap *h, struct list_head *chunks);

/* stats.c */
struct gostats_spc {
	unsigned long mallocs;
	unsigned long frees;
	unsigned long requested;
	unsigned long cached;
};

void gostats_read(struct goheap *h, struct goalloc_memstats *m);
size_t gostats_fixed(struct goheap *h);
void gostats_read_spc(struct goheap *h, unsigned int spc,
		      struct gostats_spc *st);

/* verify.c */
void gomisuse_report(struct goheap *h, enum gomisuse kind, const void *p,
		     size_t size, unsigned long caller);
unsigned int goverify(struct goheap *h, struct seq_file *m);
bool goverify_span(struct goheap *h, struct gospan *s);
void goverify_leaks(struct goheap *h);

/* debug.c */
int godebug_set(const char *val);
int godebug_get(char *buf);
void *godebug_alloc(struct goheap *h, size_t size, gfp_t gfp, bool noscan,
		    unsigned long caller);
void godebug_free(struct goheap *h, struct gospan *s, unsigned int idx,
		  unsigned long caller);
size_t godebug_size(const struct gospan *s, unsigned int idx);
void godebug_describe(const struct gospan *s, unsigned int idx, char *buf,
		      size_t len);

/* fault.c */
struct dentry;
struct fault_attr;

#ifdef CONFIG_FAULT_INJECTION
extern struct fault_attr goalloc_fail;
bool gofault(void);
void gofault_init(struct dentry *dir);
#else
static inline bool gofault(void) { return false; }
static inline void gofault_init(struct dentry *dir) { }
#endif

/* dev.c */
int goalloc_dev_init(void);
void goalloc_dev_exit(void);

/* debugfs.c */
void godebugfs_init(void);
void godebugfs_exit(void);

/*
 * Read a pointer that others change, once.  It is no volatile read, for which
 * gcc computes the address apart; that it is one is what the asm sees to.
 */
#define go_read_pointer(p)						\
({									\
	/* Once, by the asm below. */					\
	typeof(p) read = data_race(p);					\
									\
	OPTIMIZER_HIDE_VAR(read);					\
	read;								\
})

/*
 * The span of an address, or &gospan_nil.  Preemption is off.  The address is
 * only ever compared: a foreign one is never dereferenced.
 */
static __always_inline struct gospan *gospan_of(struct goheap *h,
						const void *p)
{
	struct goarenamap *map = rcu_dereference_raw(h->map);
	unsigned long off = (unsigned long)p - map->base;
	struct goarena *a;

	if (unlikely(off >> GO_ARENA_SHIFT >= map->nr))
		return &gospan_nil;
	a = go_read_pointer(map->arena[off >> GO_ARENA_SHIFT]);
	return go_read_pointer(a->span[(off >> GO_PAGE_SHIFT) %
				       GO_ARENA_PAGES]);
}

/*
 * The index of an object by one multiplication: with m = ceil(2^32 / size) the
 * upper half of offset * m is the index, and the lower half is below m if and
 * only if the offset is a multiple of the size.  @magic 0, in every span that
 * is not small, makes that false.
 */
static __always_inline bool gospan_index(const struct gospan *s, const void *p,
					 unsigned int *idx)
{
	u64 q = ((unsigned long)p - s->base) * (u64)s->magic;

	*idx = q >> 32;
	return likely((u32)q < s->magic);
}

static inline void *gospan_object(const struct gospan *s, unsigned int idx)
{
	return (void *)(s->base + (unsigned long)idx * s->elemsize);
}

static inline bool gospan_needs_tiny(unsigned int spc)
{
	return spc == GO_TINY_SPC;
}

#endif /* GOALLOC_INTERNAL_H */
