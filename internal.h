/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of goalloc know of each other.
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

#include <linux/atomic.h>
#include <linux/irq_work.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/preempt.h>
#include <linux/rbtree.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/goalloc.h>
#include "compat.h"
#include "sizeclass.h"

#define GO_PAGE_SHIFT		13
#define GO_PAGE_SIZE		(1UL << GO_PAGE_SHIFT)
#define GO_PAGE_ORDER		(GO_PAGE_SHIFT - PAGE_SHIFT)
#define GO_ARENA_SHIFT		22
#define GO_ARENA_SIZE		(1UL << GO_ARENA_SHIFT)
#define GO_ARENA_PAGES		(GO_ARENA_SIZE >> GO_PAGE_SHIFT)

#ifndef CONFIG_64BIT
#error "goalloc needs a 64-bit kernel"
#endif
#if PAGE_SHIFT > GO_PAGE_SHIFT
#error "goalloc needs pages of at most 8 KiB"
#endif

/* A span class is a size class and a noscan bit, as in Go. */
#define GO_NR_SPANCLASSES	(2 * GO_NR_CLASSES)
#define GO_SPC(class, noscan)	((class) << 1 | (noscan))
#define GO_SPC_CLASS(spc)	((spc) >> 1)
#define GO_SPC_NOSCAN(spc)	((spc) & 1)

/* Tiny objects are packed into objects of class 2, noscan. */
#define GO_TINY_SIZE		16
#define GO_TINY_SPC		GO_SPC(2, 1)

/* The most objects that move under one hold of a lock. */
#define GO_BATCH		32

/* Bytes and objects that one CPU may keep cached. */
#define GO_MCACHE_BUDGET	(768UL << 10)
#define GO_STACK_BYTES		(64UL << 10)
#define GO_STACK_MIN		8
#define GO_STACK_MAX		256

/* Free runs have trees by length up to here, and one for all longer ones. */
#define GO_RUN_MAX		128

/* In goarena.order: this 8 KiB page is of single pages, not of a block. */
#define GO_ORDER_SPLIT		0xff

/* Kept for contexts that cannot call the page allocator, in 8 KiB pages. */
#define GO_RESERVE_PAGES	64
#define GO_RESERVE_RUN		16

/* The recent peak is that of so many ticks of the background. */
#define GO_PEAKS		10

/* The zones we do not have; asking for them is a caller's bug. */
#define GO_GFP_FORBIDDEN	(__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM)

/**
 * enum goobj_state - what an object's state byte says
 * @GO_OBJ_FRESH: never handed out since its span was carved from zeroed pages
 * @GO_OBJ_FREE: free, contents unknown
 * @GO_OBJ_POISONED: free, contents known: see debug.c
 * @GO_OBJ_LIVE: handed out
 * @GO_OBJ_TINY: a block that holds tiny objects
 * @GO_OBJ_DEBUG: handed out with a red zone and a record behind it
 * @GO_NR_OBJ_STATES: how many there are
 *
 * With check=0 only %GO_OBJ_FRESH and %GO_OBJ_FREE are kept, and of free
 * objects that are not in an mcache only.
 */
enum goobj_state {
	GO_OBJ_FRESH,
	GO_OBJ_FREE,
	GO_OBJ_POISONED,
	GO_OBJ_LIVE,
	GO_OBJ_TINY,
	GO_OBJ_DEBUG,
	GO_NR_OBJ_STATES,
};

/**
 * enum gospan_state - what a span descriptor describes
 * @GO_SPAN_NONE: nothing
 * @GO_SPAN_FREE: a free run of pages
 * @GO_SPAN_SMALL: objects of a size class
 * @GO_SPAN_LARGE: one object of whole pages
 * @GO_SPAN_DYING: one whose freeing has begun: whoever made it so owns it
 */
enum gospan_state {
	GO_SPAN_NONE,
	GO_SPAN_FREE,
	GO_SPAN_SMALL,
	GO_SPAN_LARGE,
	GO_SPAN_DYING,
};

/* The bits of a tiny block's word. */
#define GO_TINY_START(off)	BIT(off)	/* an object starts at 0..15 */
#define GO_TINY_HOLD		BIT(16)		/* some CPU's current block */
#define GO_TINY_END(off)	BIT(16 + (off))	/* one ended at 1..15 */
#define GO_TINY_LIVE		GENMASK(16, 0)

/**
 * enum goscavenger - who gives memory back
 * @GO_BY_BACKGROUND: background.c
 * @GO_BY_SHRINKER: the kernel, short of memory
 * @GO_BY_LIMIT: memory_limit
 * @GO_BY_HAND: goalloc_free_os_memory()
 * @GO_NR_SCAVENGERS: how many there are
 */
enum goscavenger {
	GO_BY_BACKGROUND,
	GO_BY_SHRINKER,
	GO_BY_LIMIT,
	GO_BY_HAND,
	GO_NR_SCAVENGERS,
};

struct gocentral;
struct goheap;
struct gonode;

/**
 * struct gospan - a run of pages with one purpose
 * @base: address of the first byte
 * @objstate: a state byte for each object, and one more, never live, for the
 *	waste at the end of the span
 * @magic: ceil(2^32 / @elemsize); 0 unless the span is small
 * @elemsize: bytes of an object
 * @spanclass: of a small span
 * @needzero: the memory may be dirty
 * @cached: an mcache's current span
 * @pushclass: @spanclass; 0, whose stack is always full, where with check=0 a
 *	free has more to do than to push
 * @state: enum gospan_state
 * @nelems: how many objects fit
 * @navail: bits set in @avail
 * @nback: bits set in @back
 * @accounted: a large object whose pages are charged to a memory cgroup
 * @bucket: which of its mcentral's lists it is on
 * @npages: length in 8 KiB pages
 * @avail: objects that the owner may still hand out (Go's allocBits, inverted)
 * @back: objects that have come back since (Go's gcmarkBits, turned round)
 * @tiny: a word for each object, in spans of GO_TINY_SPC only
 * @central: the mcentral it belongs to
 * @list: on a list of its mcentral, or of spans on their way to the heap
 * @rb: in a tree of free runs
 *
 * Conservation: @navail + @nback + objects in mcaches + live ones = @nelems.
 */
struct gospan {
	/* What every free reads. */
	unsigned long base;
	u8 *objstate;
	u32 magic;
	u32 elemsize;
	u8 spanclass;
	u8 needzero;
	u8 cached;
	u8 pushclass;
	/* The rest. */
	u32 state;
	u16 nelems;
	u16 navail;
	u16 nback;
	u8 accounted;
	u8 bucket;
	u32 npages;
	unsigned long *avail;
	unsigned long *back;
	atomic_t *tiny;
	struct gocentral *central;
	union {
		struct list_head list;
		struct rb_node rb;
	};
};

/**
 * struct goarena - 4 MiB of aligned physical memory that holds pages of ours
 * @list: on @node's list of arenas.  First, where fixalloc links what is free:
 *	nobody follows it without the lock
 * @span: what each 8 KiB page belongs to; a free run is entered at its first
 *	and last page only, everything else is &gospan_nil
 * @order: 1 + order of the block of the page allocator that starts at a page
 * @base: address of its first byte, ours or not
 * @node: the node its pages are on
 * @npages: pages that are ours
 * @nfree: pages of those that are free
 */
struct goarena {
	struct list_head list;
	struct gospan *span[GO_ARENA_PAGES];
	u8 order[GO_ARENA_PAGES];
	unsigned long base;
	struct gonode *node;
	unsigned int npages;
	unsigned int nfree;
};

/**
 * struct goarenamap - the arena of each 4 MiB of the linear map
 * @rcu: to free it by
 * @base: the address that the first entry is for
 * @nr: entries
 * @arena: never NULL: where nothing is ours it is &goarena_nil
 */
struct goarenamap {
	struct rcu_head rcu;
	unsigned long base;
	unsigned long nr;
	struct goarena *arena[];
};

/**
 * struct goslot - a free object in a stack
 * @obj: the object
 * @state: its state byte; with check=0 NULL once the object has been used
 */
struct goslot {
	void *obj;
	u8 *state;
};

/**
 * struct gostack - the free objects that a CPU keeps of a span class
 * @top: above the last object; @slot when there is none
 * @slot: storage, NULL until first used
 * @limit: @top goes no higher now
 * @mallocs: objects handed out
 * @frees: objects taken back
 * @requested: bytes asked for
 * @span: the current span, whose @avail is ours
 * @mark: @mallocs + @frees when last asked whether the stack is idle
 * @seen: @mallocs + @frees at the background's last tick, which writes it
 */
struct gostack {
	struct goslot *top;
	struct goslot *slot;
	struct goslot *limit;
	unsigned long mallocs;
	unsigned long frees;
	unsigned long requested;
	struct gospan *span;
	u32 mark;
	u32 seen;
} __aligned(64);

/**
 * struct gomcache - what a CPU has for itself
 * @busy: somebody on this CPU is at it; Go's mp.mallocing
 * @stack: by span class
 * @heap: whose it is
 * @bytes: sum of the stacks' capacities, in bytes
 * @hand: where the search for an idle stack goes on
 * @refills: stacks found empty
 * @flushes: stacks found full
 * @nested: operations that found @busy set
 * @tiny: the current 16-byte block, or 0
 * @tiny_off: its bytes handed out
 * @tiny_word: its word
 * @tiny_mallocs: tiny objects handed out; this_cpu_inc()
 * @tiny_frees: tiny objects taken back; this_cpu_inc()
 * @deferred: objects freed where not even a lock could be had
 * @drain: empties this cache, on its CPU
 * @trim: empties the stacks that are idle, on their CPU
 * @tiny_seen: as gostack.seen
 */
struct gomcache {
	bool busy;
	struct gostack stack[GO_NR_SPANCLASSES];
	struct goheap *heap;
	unsigned long bytes;
	unsigned int hand;
	unsigned long refills;
	unsigned long flushes;
	unsigned long nested;
	unsigned long tiny;
	unsigned int tiny_off;
	atomic_t *tiny_word;
	unsigned long tiny_mallocs;
	unsigned long tiny_frees;
	struct llist_head deferred;
	struct work_struct drain;
	struct work_struct trim;
	u32 tiny_seen;
};

/*
 * Lists of an mcentral: by the number of bits of the objects not in the span.  A
 * full one is on none, nor is one that an mcache has.
 */
#define GO_BUCKETS		(ilog2(GO_MAX_NELEMS) + 1)
#define GO_BUCKET_NONE		0xff

/**
 * struct gocentral - the spans of one span class on one node
 * @lock: see above
 * @spanclass: which class
 * @node: whose
 * @nspans: spans of the class, wherever they are
 * @idle: wholly free ones, those on @partial[0]
 * @idle_low: the fewest of these since the background last asked
 * @nonempty: which of @partial hold spans
 * @partial: spans with something to give; fuller spans in higher lists
 * @mallocs: objects handed out past the mcaches
 * @frees: objects taken back past the mcaches
 * @requested: bytes asked for past the mcaches
 */
struct gocentral {
	raw_spinlock_t lock;
	unsigned int spanclass;
	struct gonode *node;
	unsigned int nspans;
	unsigned int idle;
	unsigned int idle_low;
	unsigned long nonempty;
	struct list_head partial[GO_BUCKETS];
	unsigned long mallocs;
	unsigned long frees;
	unsigned long requested;
} ____cacheline_internodealigned_in_smp;

/**
 * struct gonode - the page heap of a NUMA node, and its mcentrals
 * @lock: see above
 * @heap: whose
 * @nid: which node
 * @nonempty: which of @runs hold any
 * @runs: free runs by length, those of one length by address; [GO_RUN_MAX]
 *	holds the longer ones by length and address
 * @arenas: all arenas of the node
 * @accounted: objects that were @gospan.accounted and are freed: their pages
 *	are on their way back to the kernel, and the charge with them
 * @sys: pages held
 * @free: of those, free ones
 * @big: of those, in runs of at least GO_RESERVE_RUN
 * @reserve: what of @big is left to contexts that cannot grow the heap
 * @released: pages ever given back
 * @scavenged: of those, by whom
 * @peak: the most pages in use since the last tick of the background
 * @peaks: the same of the ticks before; the background's
 * @changes: how often @free or @sys has changed
 * @large_mallocs: large objects ever allocated
 * @large_frees: large objects ever freed
 * @large_alloced: bytes ever allocated in them
 * @large_freed: bytes ever freed in them
 * @large_requested: bytes ever asked for in them
 * @central: by span class
 */
struct gonode {
	raw_spinlock_t lock;
	struct goheap *heap;
	int nid;
	DECLARE_BITMAP(nonempty, GO_RUN_MAX + 1);
	struct rb_root_cached runs[GO_RUN_MAX + 1];
	struct list_head arenas;
	struct list_head accounted;
	unsigned long sys;
	unsigned long free;
	unsigned long big;
	unsigned long reserve;
	unsigned long released;
	unsigned long scavenged[GO_NR_SCAVENGERS];
	unsigned long peak;
	unsigned long peaks[GO_PEAKS];
	unsigned long changes;
	unsigned long large_mallocs;
	unsigned long large_frees;
	unsigned long large_alloced;
	unsigned long large_freed;
	unsigned long large_requested;
	struct gocentral central[GO_NR_SPANCLASSES];
};

/**
 * struct gofix - an allocator of metadata objects of one size
 * @lock: see above
 * @heap: whose memory_limit its chunks count against, or NULL
 * @chunks: chunks with free objects, the full ones are on no list
 * @size: bytes of an object
 * @order: of a chunk
 * @perchunk: objects in a chunk
 * @reserve: free objects left to contexts that cannot get more
 * @nfree: free objects
 * @nchunks: chunks held
 * @inuse: objects handed out
 */
struct gofix {
	raw_spinlock_t lock;
	struct goheap *heap;
	struct list_head chunks;
	unsigned int size;
	unsigned int order;
	unsigned int perchunk;
	unsigned int reserve;
	unsigned long nfree;
	unsigned long nchunks;
	unsigned long inuse;
};

/* Which gofix is for what: descriptors, arenas, bit blocks, stack storage. */
#define GO_NR_FIX_BITS		6
#define GO_NR_FIX_STACK		5
enum {
	GO_FIX_SPAN,
	GO_FIX_ARENA,
	GO_FIX_BITS,
	GO_FIX_STACK = GO_FIX_BITS + GO_NR_FIX_BITS,
	GO_NR_FIX = GO_FIX_STACK + GO_NR_FIX_STACK,
};

/**
 * enum gomisuse - what a caller did wrong
 * @GO_DOUBLE_FREE: the object is not live
 * @GO_INTERIOR: the pointer is inside an object
 * @GO_FOREIGN: the pointer is not ours
 * @GO_WRONG_SIZE: gofree_sized() with another class's size
 * @GO_BAD_ZONE: memory of a zone we do not have was asked for
 * @GO_OVERFLOW: somebody wrote behind an object; debug=Z
 * @GO_USED_FREE: somebody wrote to a free object; debug=P
 * @GO_INSANE: a span is not as it should be; debug=F
 * @GO_NR_MISUSES: how many kinds there are
 */
enum gomisuse {
	GO_DOUBLE_FREE,
	GO_INTERIOR,
	GO_FOREIGN,
	GO_WRONG_SIZE,
	GO_BAD_ZONE,
	GO_OVERFLOW,
	GO_USED_FREE,
	GO_INSANE,
	GO_NR_MISUSES,
};

/**
 * struct goheap - a heap; there is one for the API, tests make their own
 * @mcache: of each CPU
 * @map: address -> arena
 * @node: page heaps by node; nodes without memory share another's
 * @map_lock: see above
 * @fix: metadata
 * @kick: gets @work queued, from any context
 * @work: what was put off: deferred frees, reserves, whole free arenas
 * @stopped: @work is not to be queued any more
 * @give_back: see above
 * @finish: see above
 * @dead: arenas that have left the map; reaped after a grace period
 * @background: the background's next turn
 * @next_tick: when its next tick is due, in jiffies
 * @next_turn: when it may give back again
 * @ticks: how many there were
 * @draining: drains that are under way
 * @drained: who waits for them
 * @trim_ns: spent in trims, and in keeping the limit with the ticks, since the
 *	background last looked
 * @cycles: passes that gave something back
 * @scavenge_ns: time spent in giving back
 * @held: bytes held of the kernel; atomic
 * @limit: the most that may be, 0 for no limit
 * @misuse: caught, by enum gomisuse
 * @report: the last report, for those who test
 * @reporting: somebody is writing @report
 * @failures: allocations that failed for want of memory
 * @online: hotplug instance
 */
struct goheap {
	struct gomcache __percpu *mcache;
	struct goarenamap __rcu *map;
	struct gonode **node;
	raw_spinlock_t map_lock;
	struct gofix fix[GO_NR_FIX];
	struct irq_work kick;
	struct work_struct work;
	bool stopped;
	struct mutex give_back;	/* giving back sleeps */
	struct mutex finish;
	struct list_head dead;
	struct delayed_work background;
	unsigned long next_tick;
	unsigned long next_turn;
	unsigned int ticks;
	atomic_t draining;
	wait_queue_head_t drained;
	atomic64_t trim_ns;
	atomic_long_t cycles;
	atomic64_t scavenge_ns;
	atomic_long_t held;
	unsigned long limit;
	atomic_long_t misuse[GO_NR_MISUSES];
	char report[384];
	atomic_t reporting;
	atomic_long_t failures;
	struct hlist_node online;
};

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
