/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The types of goalloc, the numbers that shape it, and what protects what.
 *
 * Locking
 * -------
 *
 * The spinlocks are raw and taken with interrupts saved, so that every context
 * of every kernel, PREEMPT_RT included, may take them.  No two are held at
 * once, but for map_lock, which nests in a node's lock for the two stores that
 * enter or remove an arena.  Code that holds one does not sleep, print, call
 * the page allocator or free to it.  In NMI only gocentral.lock and
 * gotransfer.lock are used, and only tried.  A mutex is taken before a spinlock,
 * and never inside the other.
 *
 *   gocentral.lock      the lists and counts of the mcentral; of its spans
 *                       back[], nback, cached, bucket, central, idle_since and
 *                       list, and
 *                       while no mcache holds the span avail[] and navail.  At
 *                       most GO_BATCH objects are moved under one hold.
 *   gotransfer.lock     the lists and counts of the transfer cache, and of the
 *                       magazines on them all but the objects' own states.
 *   gonode.lock         the free runs, the kept runs and their list, the lists and
 *                       the counts of the node; of its arenas list, span[],
 *                       npages, nfree and use; of free runs base, npages,
 *                       needzero, state and rb.
 *   goheap.map_lock     writes to the arena map: a new second level, its next,
 *                       first and nl2; and an arena's entry, which needs the
 *                       lock of the arena's node as well.
 *   gofixalloc.lock     chunks, what page->private says of each but for where
 *                       it belongs, young, waiting, grace, and the counts.
 *   areas_lock          the tree of virtually contiguous objects, and their counts:
 *                       see gov.c.
 *   gocaches_lock       (a mutex) which caches there are, and the shapes of their
 *                       span classes.  Shapes and the counters of a span class
 *                       that goes from one cache to the next change under
 *                       gocaches_seq, too.  Memory may be allocated under it.
 *   gonode.give_back    (a mutex) taking free pages of an arena out of the
 *                       heap; no arena of the node leaves the map without it.
 *                       It is held for one arena or a millisecond.  Nothing
 *                       allocates or waits while it is held, so that it may be
 *                       taken in reclaim.
 *   goheap.finish       (a mutex) finishing the frees that NMIs have left.
 *                       Nothing allocates while it is held, either.
 *
 * Counts are written under their lock; statistics and decisions that may be a
 * little wrong read them without it.
 *
 * Without a lock:
 *
 *   gomcache.ask        changes by cmpxchg(); asked is written before, and, as
 *                       gonode.next_drain is, by whoever comes.
 *   gomcache, gostack   belong to their CPU.  The code that uses them has
 *                       preemption off and has set @busy; an interrupt that
 *                       finds @busy set has hit that window and goes to the
 *                       mcentral instead.  Plain stores and barrier() are
 *                       enough: only code on the same CPU acts on @busy.  Other
 *                       CPUs read counters, bytes, node, used, top, slot, span
 *                       and tiny, without relying on them.  A dead CPU's cache
 *                       belongs to the hotplug callback.
 *   gospan              belongs to the code that made or took it until it is an
 *                       mcentral's or a live object, and again when it has left
 *                       the mcentral or cmpxchg() has taken @large away.  In
 *                       between, the fields that no lock is named for do not
 *                       change.  A descriptor is carved only if no reader can
 *                       know it as another span or run: see span.c.
 *   due, moving         belong to the CPU as its counters do.  A reader of another
 *                       CPU adds due[] to gostack.requested and reads again if
 *                       moving says that they have changed meanwhile.  A rate
 *                       that changes has them written by an interrupt of that
 *                       CPU, which finds busy clear, or while it is offline.
 *   cpus                of a heap: each CPU sets its bit, once, before the first
 *                       object is in its mcache.
 *   avail[], navail     of a cached span belong to the mcache that holds it.
 *   gosites             changes under gosites_lock (a mutex); the blocks in it are
 *                       read with preemption off, and go after a grace period.
 *   godropin_caches     changes under godropin_caches_lock (a mutex); live of each
 *                       is this_cpu_add()'s.
 *   site, sampled       of a large object belong to the code that makes or frees
 *                       it, or lets it grow.  They are no bits of apart, which
 *                       changes under the node's lock meanwhile.
 *   state bytes         belong to whatever has the object: the caller while it
 *                       is live, a stack, or the mcentral.  A byte each, so
 *                       that neighbours never share one.
 *   tiny words          what was handed out is written by the CPU whose current
 *                       block it is, or by whoever has the block to itself;
 *                       what came back is atomic.
 *   the arena map       is read with preemption off, which is an RCU reader:
 *                       arenas and the memory of descriptors go away only after
 *                       a grace period, descriptors and bit blocks serve another
 *                       span only after one, and the tables go with the heap.
 *                       For a live object every word of the look-up is stable;
 *                       for any other address whatever is found is checked,
 *                       never trusted.  Stores to it come after what they lead
 *                       to; a span's magic is stored last: see span.c.
 *   gonode.transferred  is atomic, and changes under the lock of a transfer cache.
 *   goheap              uncarved, held, misuse, failures, left_objects, left_bytes,
 *                       draining, trim_ns, cycles, scavenge_ns and reporting are
 *                       atomic.  stopped is set once, rest, limit, profile
 *                       and sites are one word each; all are read without a lock.
 *   set at the start    before other code can see them: heap, node and nid in
 *                       every structure; spanclass of an mcentral; size, cap,
 *                       most and whole of a transfer cache; goruns.lock;
 *                       base of an arena; shift, nr and nil of a map, and where
 *                       it is; shift of free runs; size, order, kind and
 *                       perchunk of a gofixalloc, and where a chunk belongs;
 *                       mcache of a heap.
 *   node[]              of a heap: an entry changes once at most, from a node
 *                       that is shared to one of its own, by cmpxchg() after
 *                       that one's contents.  No gonode goes before its heap.
 *   reserve             changes once, to 0, when nothing uses the heap any
 *                       more.
 *   retry               belongs to the code that fills reserves: the worker, or
 *                       the beginning of a heap.
 *   in_pieces           is one word; all write it, as what they have found.
 *   rcu, work items     belong to the kernel, as do the irq_work, the wait
 *                       queue, the hotplug instance and the notifier block.
 *
 * From the small to the large: states of objects and spans, a span, an arena
 * and the map of these; a stack and an mcache; an mcentral, free runs,
 * metadata, a node; misuse, a heap.
 */
#ifndef GOALLOC_TYPES_H
#define GOALLOC_TYPES_H

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "compat.h"
#include "sizeclass.h"

/* GO_PAGE_SHIFT is 13, or PAGE_SHIFT where that is more: see sizeclass.h. */
#define GO_PAGE_SIZE		(1UL << GO_PAGE_SHIFT)
#define GO_PAGE_ORDER		(GO_PAGE_SHIFT - PAGE_SHIFT)
#define GO_ARENA_SHIFT		22
#define GO_ARENA_SIZE		(1UL << GO_ARENA_SHIFT)
#define GO_ARENA_PAGES		(GO_ARENA_SIZE >> GO_PAGE_SHIFT)

#ifndef CONFIG_64BIT
#error "goalloc needs a 64-bit kernel"
#endif

/* A span class is a size class and a noscan bit, as in Go. */
#define GO_NR_SPANCLASSES	(2 * GO_NR_CLASSES)
#define GO_SPC(class, noscan)	((class) << 1 | (noscan))
#define GO_SPC_CLASS(spc)	((spc) >> 1)
#define GO_SPC_NOSCAN(spc)	((spc) < GO_NR_SPANCLASSES && (spc) & 1)

/*
 * Behind those of the size classes are the span classes of named caches: see
 * cache.c.  A span has a byte for its class.
 */
#define GO_NR_CACHES		64
#define GO_ALL_SPANCLASSES	(GO_NR_SPANCLASSES + GO_NR_CACHES)

/* The span classes of the size classes of small objects. */
#define for_each_gospc(spc)						\
	for ((spc) = GO_SPC(1, 0); (spc) < GO_NR_SPANCLASSES; (spc)++)

/* Tiny objects are packed into objects of class 2, noscan. */
#define GO_TINY_SIZE		16
#define GO_TINY_SPC		GO_SPC(2, 1)

/* The most objects that move under one hold of a lock. */
#define GO_BATCH		32

/* The most objects that are allocated or freed in a row with preemption off. */
#define GO_BULK			64

/* The most that one free puts back into their spans. */
#define GO_FLUSH		16

/*
 * The spans of a class are sparse if more than one object in so many is free, and more
 * than fill so many spans.
 */
#define GO_SPARSE_PART		4
#define GO_SPARSE_LEAST		4

/* What a CPU may keep, and all of them together unless that is very little. */
#define GO_MCACHE_BUDGET	(768UL << 10)
#define GO_MCACHE_LEAST		(128UL << 10)
#define GO_MCACHES_BUDGET	(32UL << 20)

/*
 * Bytes and objects of a full magazine, of which a stack has two, and the
 * objects that a stack begins with.  A full magazine's storage is half a page.
 */
#define GO_MAGAZINE_BYTES	((64UL << 10) - 1)
#define GO_MAGAZINE_MIN		4
#define GO_MAGAZINE_MAX		125
#define GO_STACK_MIN		7

/*
 * Bytes that a transfer cache may hold, and of objects that are a span each, and
 * objects; and what all of a node's may of the others: a part of what the heap holds,
 * but not less than so many bytes.
 */
#define GO_TRANSFER_BYTES	(4UL << 20)
#define GO_TRANSFER_WHOLE	(128UL << 20)
#define GO_TRANSFER_MAX		(8UL << 10)
#define GO_TRANSFER_PART	8
#define GO_TRANSFER_LEAST	(8UL << 20)

/* Free runs have trees by length up to here, and one for all longer ones. */
#define GO_RUN_MAX		128

/*
 * References that we hold to each page.  Far below GUP_PIN_COUNTING_BIAS, from
 * which on a page is taken to be pinned for DMA.
 */
#define GO_PAGE_REFS		16

/*
 * A node's reserve for contexts that cannot call the page allocator, and the
 * shortest run that counts towards it, in which any span fits: 512 KiB and 128
 * KiB, and with pages of 64 KiB twice as much.
 */
#define GO_RESERVE_RUN		(GO_PAGE_SHIFT > 14 ? 4 : 128 >> (GO_PAGE_SHIFT - 10))
#define GO_RESERVE_PAGES	(4 * GO_RESERVE_RUN)

/*
 * Does an mcache keep the span that it was refilled from?  The spans of all
 * classes have 2.5 MiB with pages of 8 KiB, and 9.4 MiB with pages of 64 KiB: more
 * than each CPU should have.  There they stay with their mcentral.
 */
#define GO_KEEP_CURRENT		(GO_PAGE_SHIFT < 16)

/*
 * Arenas are on lists by their use: those without a page; those with free
 * pages, by the eighths of an arena that are in use, none to eight; and those
 * with none free.
 */
#define GO_USE_EMPTY		0
#define GO_USE_NONE		1
#define GO_USE_FULL		(GO_USE_NONE + 9)
#define GO_NR_USES		(GO_USE_FULL + 1)

/*
 * The longest runs that large objects leave and that are kept for the next; how much
 * of what the heap holds these may be, and how many pages in any case.
 */
#define GO_KEPT_MAX		(1024 >> (GO_PAGE_SHIFT - 10))
#define GO_KEPT_PART		64
#define GO_KEPT_LEAST		(1024UL >> (GO_PAGE_SHIFT - 10))

/* The recent peak is taken over this many ticks of the background. */
#define GO_PEAKS		10

/* Modules that a state byte can name; see owner.c. */
#define GO_NR_OWNERS		80

/**
 * enum goobj_state - what an object's state byte says
 * @GO_OBJ_FRESH: never handed out since its span was carved from zeroed pages
 * @GO_OBJ_FREE: free, contents unknown
 * @GO_OBJ_POISONED: free, contents known: see redzone.c
 * @GO_OBJ_DEBUG: handed out with a red zone and a record behind it, which says
 *	to whom
 * @GO_OBJ_SITED: handed out at a call site that counts; the record behind it says
 *	at which, and to whom: see site.c
 * @GO_OBJ_NR_SPECIAL: the states from here up to %GO_OBJ_TINY mean nothing
 * @GO_OBJ_TINY: a block that holds tiny objects of owner 0; that of the others
 *	follow
 * @GO_OBJ_SAMPLED: handed out to owner 0, and the heap profile has a sample of it;
 *	also of a block that holds one tiny object, the sample; those of the others
 *	follow
 * @GO_OBJ_LIVE: handed out to owner 0, which is unknown; the others follow
 *
 * The fast paths compare with the last: what they may free is above it.
 *
 * With check=0 the byte only tells %GO_OBJ_FRESH from the others, and only
 * until the object is first handed out.
 */
enum goobj_state {
	GO_OBJ_FRESH,
	GO_OBJ_FREE,
	GO_OBJ_POISONED,
	GO_OBJ_DEBUG,
	GO_OBJ_SITED,
	GO_OBJ_NR_SPECIAL,
	GO_OBJ_TINY = 16,
	GO_OBJ_SAMPLED = GO_OBJ_TINY + GO_NR_OWNERS,
	GO_OBJ_LIVE = GO_OBJ_SAMPLED + GO_NR_OWNERS,
};

/* Is an object out, in whatever way? */
static inline bool goobj_is_live(u8 state)
{
	return state > GO_OBJ_POISONED;
}

/* Is it out, and nothing special, so that a free need only push it? */
static __always_inline bool goobj_is_plain(u8 state)
{
	return state >= GO_OBJ_LIVE;
}

/* Is it a block that holds tiny objects? */
static inline bool goobj_is_tiny(u8 state)
{
	return state >= GO_OBJ_TINY && state < GO_OBJ_SAMPLED;
}

/* Has the heap profile a sample of it? */
static inline bool goobj_is_sampled(u8 state)
{
	return state >= GO_OBJ_SAMPLED && state < GO_OBJ_LIVE;
}

/* The state of an object of an owner's of which there is a sample. */
static inline u8 goobj_sampled_of(u8 owner)
{
	return owner - GO_OBJ_LIVE + GO_OBJ_SAMPLED;
}

/* And the owner of such an object. */
static inline u8 goobj_sampled_owner(u8 state)
{
	return state - GO_OBJ_SAMPLED + GO_OBJ_LIVE;
}

/* The state of a block whose tiny objects are those of an owner. */
static inline u8 goobj_tiny_of(u8 owner)
{
	return owner - GO_OBJ_LIVE + GO_OBJ_TINY;
}

/* And the owner of such a block. */
static inline u8 goobj_tiny_owner(u8 state)
{
	return state - GO_OBJ_TINY + GO_OBJ_LIVE;
}

/**
 * enum gospan_state - what a span descriptor describes
 * @GO_SPAN_NONE: nothing
 * @GO_SPAN_FREE: a free run of pages
 * @GO_SPAN_SMALL: objects of a size class
 * @GO_SPAN_LARGE: one object of whole pages
 * @GO_SPAN_DYING: a large object whose freeing has begun, or what is kept of it
 */
enum gospan_state {
	GO_SPAN_NONE,
	GO_SPAN_FREE,
	GO_SPAN_SMALL,
	GO_SPAN_LARGE,
	GO_SPAN_DYING,
};

/**
 * enum gospan_apart - what is particular about a span's pages
 * @GO_SPAN_COMMON: nothing: they are the heap's
 * @GO_SPAN_ACCOUNTED: of a large object: they are charged to a memory cgroup
 * @GO_SPAN_LAST: of a large object: they are of those that the kernel keeps for
 *	tasks that free memory
 * @GO_SPAN_PAIRED: of half an 8 KiB page: the heap has got the other half, too,
 *	and both will be a run when the span is given up
 */
enum gospan_apart {
	GO_SPAN_COMMON,
	GO_SPAN_ACCOUNTED = BIT(0),
	GO_SPAN_LAST = BIT(1),
	GO_SPAN_PAIRED = BIT(2),
};

/* The bits of a tiny block's two words: handed out, and come back. */
#define GO_TINY_LAST		14			/* where one may start */
#define GO_TINY_START(off)	BIT(off)		/* both: one starts here */
#define GO_TINY_STARTS		GENMASK(GO_TINY_LAST, 0)
#define GO_TINY_RETIRED		BIT(15)			/* back: by its CPU */
#define GO_TINY_END(off)	BIT_ULL(16 + (off))	/* out: one ends here */

/**
 * enum goscavenger - what gives memory back
 * @GO_BY_BACKGROUND: reclaim/background.c
 * @GO_BY_SHRINKER: the kernel, short of memory
 * @GO_BY_LIMIT: memory_limit
 * @GO_BY_HAND: goalloc_free_os_memory(), or the end of the heap
 * @GO_NR_SCAVENGERS: how many there are
 */
enum goscavenger {
	GO_BY_BACKGROUND,
	GO_BY_SHRINKER,
	GO_BY_LIMIT,
	GO_BY_HAND,
	GO_NR_SCAVENGERS,
};

/**
 * enum gorest - what the background does: see reclaim/background.c
 * @GO_TICKING: it ticks
 * @GO_RESTING: it has nothing to do, and its ticks have ended or will
 * @GO_WOKEN: there may be something to do; the worker has the ticks go on
 */
enum gorest {
	GO_TICKING,
	GO_RESTING,
	GO_WOKEN,
};

struct gocentral;
struct goheap;
struct gonode;

/**
 * struct gospan - a run of pages with one purpose
 * @base: address of the first byte
 * @objstate: a state byte for each object, and more, never live, for the waste at
 *	the end of the span and for the other half of a page
 * @magic: ceil(2^32 / @elemsize); 0 unless the span is small
 * @elemsize: bytes of an object
 * @spanclass: of a small span; of a large object noscan, or the cache that it is of
 * @push: where gomcache.stack has the stack that a free pushes on, in bytes:
 *	that of @spanclass; or, where a free with check=0 has more to do, 0, that
 *	of the stack that is always full
 * @apart: bits of enum gospan_apart
 * @state: enum gospan_state
 * @half: it has one page of the kernel, which is half of an 8 KiB page
 * @nelems: how many objects fit
 * @npages: length in 8 KiB pages; that of which it has half counts
 * @bytes: of a small span: its length
 * @avail: objects that its holder may hand out (Go's allocBits, inverted)
 * @back: objects that have come back since (Go's gcmarkBits, turned round)
 * @tiny: for each object what was handed out of it as tiny ones, 0 if it is no
 *	block of them; in spans of GO_TINY_SPC only.  Behind these words, for
 *	each object a half-word of what came back
 * @navail: bits set in @avail
 * @nback: bits set in @back
 * @cached: an mcache holds it as its current span
 * @bucket: which of its mcentral's lists it is on, or GO_BUCKET_NONE
 * @needzero: the memory may be dirty
 * @owner: of a large object: whose it is, as its state byte would say; 0 for
 *	all others
 * @sampled: of a large object: the heap profile has a sample of it; clear before
 *	the pages go anywhere
 * @rescan: of a collected heap: the marked objects of it are to be scanned
 * @central: the mcentral it belongs to; NULL for all others
 * @large: address of a large object while it is live; the caller that takes it
 *	away with cmpxchg() owns the span
 * @list: on a list of its mcentral, or of the code that owns it
 * @dying: a large object whose freeing the worker finishes
 * @rb: in a tree of free runs
 * @site: of a large object: the call site that counts it, or 0
 * @idle_since: of a span on list 0 whose class is typesafe: the grace period
 *	after which no reader has any of its objects
 *
 * Conservation: @navail + @nback + objects in mcaches + live ones = @nelems.
 */
struct gospan {
	/* What frees and refills read; it stays while the span lives. */
	unsigned long base;
	u8 *objstate;
	u32 magic;
	u32 elemsize;
	u16 push;
	u8 spanclass;
	u8 apart;
	u8 state;
	u8 half;
	u16 nelems;
	u32 npages;
	u32 bytes;
	unsigned long *avail;
	unsigned long *back;
	u32 *tiny;
	/* What is written as objects move, on a line of its own. */
	u16 navail __aligned(64);
	u16 nback;
	u8 cached;
	u8 bucket;
	u8 needzero;
	u8 owner;
	u8 sampled;
	u16 site;
	u8 rescan;
	struct gocentral *central;
	unsigned long large;
	union {
		struct list_head list;
		struct llist_node dying;
		struct rb_node rb;
	};
	unsigned long idle_since;
};

/**
 * struct goarena - 4 MiB of aligned physical memory with pages of the heap
 * @list: on one of its node's lists, or of the code that has retired it
 * @span: a table of what each 8 KiB page belongs to; a free run is entered at
 *	its first and last page only, everything else is &gospan_nil
 * @base: address of its first byte, whether the heap holds that or not
 * @node: the node its pages are on
 * @npages: pages that the heap holds
 * @nfree: pages of those that are free
 * @use: which list it is on
 */
struct goarena {
	struct list_head list;
	struct gospan **span;
	unsigned long base;
	struct gonode *node;
	unsigned int npages;
	unsigned int nfree;
	unsigned int use;
};

/* Bytes of an arena's table: with pages of 4 KiB, one. */
#define GO_ARENA_TABLE		(GO_ARENA_PAGES * sizeof(struct gospan *))

/* The arenas of a second level of the map: the lower half of an address. */
#define GO_L2_SHIFT		32
#define GO_L2_ARENAS		(1U << (GO_L2_SHIFT - GO_ARENA_SHIFT))

/**
 * struct goarenal2 - the second level of the map: the arenas of 4 GiB
 * @spans: of each arena the address of its table, less the size of the tables of
 *	all arenas before it; that of &goarena_nil where the heap has none
 * @arena: the arenas themselves, for what is not as fast as a free
 * @next: the next second level there is, by its place in the first
 */
struct goarenal2 {
	unsigned long spans[GO_L2_ARENAS];
	struct goarena *arena[GO_L2_ARENAS];
	unsigned long next;
};

/**
 * struct goarenamap - the arena of each 4 MiB of physical memory
 * @shift: what an address and this are the sum of: its physical address
 * @nr: how many entries the first level has
 * @nil: a second level of &goarena_nil alone
 * @first: the first second level there is, @nr if there is none
 * @nl2: how many there are
 * @l2: the first level: @nil, not NULL, where the heap has had nothing
 */
struct goarenamap {
	unsigned long shift;
	unsigned long nr;
	struct goarenal2 *nil;
	unsigned long first;
	unsigned long nl2;
	struct goarenal2 *l2[];
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
 * struct gomagazine - an array of free objects
 * @next: on a list of its transfer cache; of the magazine that a stack works
 *	with, the other one, or NULL
 * @n: how many objects there are, while no stack works with it
 * @slot: the objects
 */
struct gomagazine {
	struct gomagazine *next;
	unsigned int n;
	struct goslot slot[];
};

/**
 * struct gostack - the free objects that a CPU keeps of a span class
 * @top: above the last object; @slot when there is none
 * @slot: those of its magazine, NULL until first used
 * @limit: the end of what @top may reach now
 * @mallocs: objects handed out
 * @frees: objects taken back
 * @requested: bytes asked for, less what @gomcache.due says; below 0 until an
 *	allocation is due to be sampled: see sample.c
 * @span: the current span, whose avail[] belongs to this CPU
 * @mark: @mallocs + @frees when empty_idle_stack() last looked
 * @seen: @mallocs + @frees at the background's last tick; written by that tick
 *	from any CPU, or by @gomcache.trim
 */
struct gostack {
	struct goslot *top;
	struct goslot *slot;
	struct goslot *limit;
	unsigned long mallocs;
	unsigned long frees;
	long requested;
	struct gospan *span;
	u32 mark;
	u32 seen;
} __aligned(64);

/**
 * struct gotaken - the last batch that a CPU has allocated
 * @stack: where it was
 * @top: the stack's top before
 * @misses: refills and flushes of the cache then; with another sum, stacks may have
 *	got other storage since
 * @uncarved: the heap's then; with another, states may have gone
 */
struct gotaken {
	struct gostack *stack;
	struct goslot *top;
	unsigned long misses;
	long uncarved;
};

/**
 * struct gomcache - what a CPU has for itself
 * @busy: bit 0: code on this CPU is using the cache; Go's mp.mallocing
 * @stack: by span class
 * @heap: the heap it belongs to
 * @bytes: sum of the stacks' capacities, in bytes
 * @node: where @bytes are counted as well; changes only while @bytes is 0
 * @used: the stacks that have storage
 * @hand: where the search for an idle stack goes on
 * @refills: stacks found empty
 * @flushes: stacks found full, or emptied
 * @taken: the last batch
 * @nested: operations that went past it, as @busy was set or in NMI;
 *	this_cpu_inc()
 * @tiny: the current 16-byte block, or 0
 * @tiny_off: how many of its bytes are handed out; GO_TINY_SIZE without one
 * @tiny_owner: whose its objects are
 * @tiny_out: its word of what was handed out
 * @tiny_back: that of what came back
 * @tiny_mallocs: tiny objects handed out; this_cpu_inc()
 * @tiny_frees: tiny objects taken back; this_cpu_inc()
 * @ask: whether this cache is to be emptied: see reclaim/drain.c
 * @asked: when it was last asked for, in jiffies
 * @drain: empties this cache, on its CPU
 * @trim: empties the stacks that are idle, on their CPU
 * @tiny_seen: as gostack.seen
 * @moving: odd while @due and gostack.requested change together
 * @drawn: random numbers drawn for sampling; this_cpu_inc_return()
 * @last_sample: the time of the last sample, in ns: earlier than it came where few
 *	have come of late
 * @thin_of: by span class, and last of those past the mcache: how often the rate
 *	was halved for the next sample
 * @left: bytes past the mcache until an allocation there is sampled, 0 before the
 *	first; this_cpu_sub_return()
 * @due: by span class: what was taken from gostack.requested; 0 until a stack
 *	has first been used
 */
struct gomcache {
	unsigned long busy;
	struct gostack stack[GO_ALL_SPANCLASSES];
	struct goheap *heap;
	unsigned long bytes;
	struct gonode *node;
	DECLARE_BITMAP(used, GO_ALL_SPANCLASSES);
	unsigned int hand;
	unsigned long refills;
	unsigned long flushes;
	struct gotaken taken;
	unsigned long nested;
	unsigned long tiny;
	unsigned int tiny_off;
	u8 tiny_owner;
	u32 *tiny_out;
	u16 *tiny_back;
	unsigned long tiny_mallocs;
	unsigned long tiny_frees;
	atomic_t ask;
	unsigned long asked;
	struct work_struct drain;
	struct work_struct trim;
	u32 tiny_seen;
	unsigned int moving;
	unsigned long drawn;
	u64 last_sample;
	u8 thin_of[GO_ALL_SPANCLASSES + 1];
	long left;
	unsigned long due[GO_ALL_SPANCLASSES];
};

/*
 * An mcentral's lists: by fls() of how many objects of a span are out.  A span
 * with nothing to give is on none, nor is one that an mcache holds.
 */
#define GO_BUCKETS		(ilog2(GO_MAX_NELEMS) + 1)
#define GO_BUCKET_NONE		0xff

/**
 * struct gocentral - the spans of one span class on one node
 * @lock: see the table
 * @spanclass: which class
 * @node: which node
 * @nspans: its spans, on a list or not
 * @idle: wholly free ones, those on @partial[0]
 * @idle_bytes: bytes of these
 * @idle_low: the fewest of these since the background's last tick
 * @stale: what that was at the tick: so many the background still takes
 * @nonempty: which of @partial hold spans
 * @nfree: free objects in spans that no mcache holds
 * @bytes: of all its spans
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
	unsigned long idle_bytes;
	unsigned int stale;
	unsigned long nonempty;
	unsigned long nfree;
	unsigned long bytes;
	struct list_head partial[GO_BUCKETS];
	unsigned long mallocs;
	unsigned long frees;
	unsigned long requested;
} ____cacheline_internodealigned_in_smp;

/**
 * struct gotransfer - magazines of one span class on one node
 * @lock: see the table
 * @size: bytes of an object
 * @whole: each is a span
 * @cap: objects of a full magazine
 * @most: magazines with objects that it may hold
 * @nfull: magazines with objects
 * @nempty: magazines without
 * @full_low: the fewest of the former since the last tick of the background
 * @empty_low: the fewest of the latter
 * @full: those with objects; they may be partly filled
 * @empty: those without
 * @objects: sum of the objects
 * @node: its node
 * @stale_full: those that the last tick found were not needed
 * @stale_empty: the same of those without objects
 * @wanted: magazines that were lacking since the worker last added some
 * @leaving: magazines that are being broken up
 * @left: those that ever were
 * @mallocs: objects handed out past the mcaches
 * @requested: bytes asked for past the mcaches
 */
struct gotransfer {
	raw_spinlock_t lock;
	unsigned int size;
	bool whole;
	unsigned short cap;
	unsigned short most;
	unsigned int nfull;
	unsigned int nempty;
	unsigned int full_low;
	unsigned int empty_low;
	struct gomagazine *full;
	struct gomagazine *empty;
	unsigned long objects;
	struct gonode *node;
	unsigned int stale_full;
	unsigned int stale_empty;
	unsigned int wanted;
	unsigned int leaving;
	unsigned int left;
	unsigned long mallocs;
	unsigned long requested;
} ____cacheline_aligned_in_smp;

/**
 * struct goruns - free runs of pages
 * @lock: their owner's lock, which guards them
 * @nonempty: which of @tree hold any
 * @shift: as in their heap's map
 * @tree: runs by length, those of one length by address; [GO_RUN_MAX] holds the
 *	longer ones by length and address
 * @free: pages in them
 * @big: of those, in runs of at least GO_RESERVE_RUN
 * @changes: how often the runs, or the pages of their owner, have changed
 * @arenas: all arenas, by their use
 * @narenas: how many are on each list
 */
struct goruns {
	raw_spinlock_t *lock;
	unsigned long shift;
	DECLARE_BITMAP(nonempty, GO_RUN_MAX + 1);
	struct rb_root_cached tree[GO_RUN_MAX + 1];
	unsigned long free;
	unsigned long big;
	unsigned long changes;
	struct list_head arenas[GO_NR_USES];
	unsigned long narenas[GO_NR_USES];
};

/**
 * struct gofixalloc - an allocator of metadata objects of one size, on a node
 * @lock: see the table
 * @node: the node, whose heap is charged for the chunks
 * @kind: which of the node's it is
 * @size: bytes of an object
 * @order: of a chunk: 0, but for objects longer than a page
 * @perchunk: objects in a chunk
 * @reserve: free objects left to contexts that cannot get more
 * @chunks: chunks with free objects; the others are on no list
 * @young: freed objects that readers may still look at, linked through their
 *	first word
 * @waiting: more of these, for which @grace has been noted
 * @grace: when it has ended, @waiting are free
 * @nwait: objects on both
 * @nfree: free objects
 * @nchunks: chunks held
 * @inuse: objects handed out
 */
struct gofixalloc {
	raw_spinlock_t lock;
	struct gonode *node;
	unsigned int kind;
	unsigned int size;
	unsigned int order;
	unsigned int perchunk;
	unsigned int reserve;
	struct list_head chunks;
	void **young;
	void **waiting;
	typeof(GOALLOC_GRACE) grace;
	unsigned long nwait;
	unsigned long nfree;
	unsigned long nchunks;
	unsigned long inuse;
} ____cacheline_aligned_in_smp;

/* Which is for what: descriptors, arenas, their tables, bit blocks, storage. */
#define GO_NR_FIX_STACK		4
enum {
	GO_FIX_SPAN,
	GO_FIX_ARENA,
	GO_FIX_TABLE,
	GO_FIX_BITS,
	GO_FIX_STACK = GO_FIX_BITS + GO_NR_FIX_BITS,
	GO_NR_FIX = GO_FIX_STACK + GO_NR_FIX_STACK,
};

/**
 * struct gonode - the page heap of a NUMA node, and its mcentrals
 * @lock: see the table
 * @heap: the heap it belongs to
 * @nid: which node
 * @fix: metadata
 * @give_back: see the table
 * @runs: the free runs and the arenas
 * @sys: pages held, in 8 KiB
 * @halves: those of which the heap has only half
 * @paired: those of which one half is a span and the other of no use
 * @reserve: what of @runs.big is left to contexts that cannot grow the heap
 * @retry: when to try again to fill it, in jiffies
 * @in_pieces: until when its memory is taken to be in short pieces, in jiffies
 * @released: kernel pages ever given back
 * @shared: of those, pages that somebody else had a reference to
 * @lost: pages that stay for good: references of ours were put by others
 * @scavenged: of @released, by enum goscavenger
 * @kept: runs that large objects have left, by length, the newest first
 * @kept_pages: pages in these
 * @kept_changes: how often @kept has changed
 * @kept_low: the fewest of @kept_pages since the last tick of the background
 * @kept_stale: what that was at the tick: so many still go; the background's
 * @peak: the most pages in use since the last tick of the background
 * @peaks: the same of the ticks before
 * @cached: bytes of the mcaches that are counted here
 * @transferred: bytes of the objects in @transfer, by gotransfer.whole
 * @drains: how often these were drained for want of memory
 * @next_drain: not before this, by ktime_get_ns()
 * @told: what the kernel believes could go, in its pages: see reclaim/idle.c
 * @large_mallocs: large objects ever allocated
 * @large_frees: large objects ever freed
 * @large_alloced: bytes ever allocated in them
 * @large_freed: bytes ever freed in them
 * @large_requested: bytes ever asked for in them
 * @transfer: by span class
 * @central: by span class
 */
struct gonode {
	raw_spinlock_t lock;
	struct goheap *heap;
	int nid;
	struct gofixalloc fix[GO_NR_FIX];
	struct mutex give_back;	/* giving back sleeps */
	struct goruns runs;
	unsigned long sys;
	unsigned long halves;
	unsigned long paired;
	unsigned long reserve;
	unsigned long retry;
	unsigned long in_pieces;
	unsigned long released;
	unsigned long shared;
	unsigned long lost;
	unsigned long scavenged[GO_NR_SCAVENGERS];
	struct list_head kept[GO_KEPT_MAX + 1];
	unsigned long kept_pages;
	unsigned long kept_changes;
	unsigned long kept_low;
	unsigned long kept_stale;
	unsigned long peak;
	unsigned long peaks[GO_PEAKS];
	atomic_long_t cached;
	atomic_long_t transferred[2];
	atomic_t drains;
	u64 next_drain;
	unsigned long told;
	unsigned long large_mallocs;
	unsigned long large_frees;
	unsigned long large_alloced;
	unsigned long large_freed;
	unsigned long large_requested;
	struct gotransfer transfer[GO_ALL_SPANCLASSES];
	struct gocentral central[GO_ALL_SPANCLASSES];
};

/**
 * enum gomisuse - what a caller did wrong
 * @GO_DOUBLE_FREE: the object is not live
 * @GO_INTERIOR: the pointer is inside an object
 * @GO_FOREIGN: the pointer is to no memory of the heap
 * @GO_WRONG_SIZE: gofree_sized() with another class's size
 * @GO_BAD_ZONE: memory of a zone we do not have was asked for
 * @GO_OVERFLOW: the bytes behind an object were overwritten; any debug=, or the
 *	record of a call site
 * @GO_USED_FREE: a free object was written to; debug=P
 * @GO_INSANE: a span is not as it should be; debug=F
 * @GO_LOST_PAGE: put_page() or kfree() of a page that is ours
 * @GO_WRONG_CACHE: gocache_free() of what is no object of that cache
 * @GO_BAD_CACHE: a cache is asked for what it has not, or is destroyed twice or
 *	while it has objects
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
	GO_LOST_PAGE,
	GO_WRONG_CACHE,
	GO_BAD_CACHE,
	GO_NR_MISUSES,
};

/**
 * struct goheap - a heap; there is one for the API, tests make their own
 * @mcache: of each CPU
 * @cpus: those whose mcaches have ever held anything
 * @map: address -> arena
 * @node: page heaps by node; nodes without memory share another's
 * @rest: what the background does
 * @uncarved: how many spans have ever ceased to be small ones
 * @map_lock: see the table
 * @kick: queues @work, from any context
 * @work: what was put off: see reclaim/worker.c
 * @stopped: @work is not to be queued any more
 * @deferred: objects freed in NMI, for the worker to finish; lockless
 * @dying: the same, for the spans of large objects
 * @finish: see the table
 * @background: the background's next turn
 * @next_tick: when its next tick is due, in jiffies; written by @background,
 *	and without a lock by a parameter that changes
 * @next_turn: when it may give back again; as @next_tick
 * @ticks: how many there were; @background's own
 * @reaped: how many there were when arenas and metadata were last freed;
 *	@background's own
 * @draining: drains that are under way, and not late
 * @drained: where callers wait for them
 * @trim_ns: spent in ticks, and by CPUs on trims, since the background's last
 *	turn
 * @cycles: passes that gave something back
 * @scavenge_ns: time spent in giving back
 * @cpu_budget: bytes that the stacks of a CPU may hold
 * @held: bytes held of the kernel
 * @limit: the most that may be held, 0 for no limit
 * @misuse: caught, by enum gomisuse
 * @report: the last report, for tests; written by the caller that has set
 *	@reporting
 * @reporting: @report is being written
 * @failures: allocations that failed for want of memory
 * @left_objects: objects that modules had when they had gone
 * @left_bytes: the bytes of these
 * @profile: bytes of the heap profile's tables: see observe/profile.c
 * @sites: bytes of the tables of call sites: see observe/sites.c
 * @online: hotplug instance
 * @memory: is told when a node gets memory
 */
struct goheap {
	struct gomcache __percpu *mcache;
	struct cpumask cpus;
	struct goarenamap *map;
	struct gonode **node;
	enum gorest rest;
	atomic_long_t uncarved;
	raw_spinlock_t map_lock;
	struct irq_work kick;
	struct work_struct work;
	bool stopped;
	struct llist_head deferred;
	struct llist_head dying;
	struct mutex finish;	/* finishing a free may sleep */
	struct delayed_work background;
	unsigned long next_tick;
	unsigned long next_turn;
	unsigned int ticks;
	unsigned int reaped;
	atomic_t draining;
	wait_queue_head_t drained;
	atomic64_t trim_ns;
	atomic_long_t cycles;
	atomic64_t scavenge_ns;
	unsigned long cpu_budget;
	atomic_long_t held;
	unsigned long limit;
	atomic_long_t misuse[GO_NR_MISUSES];
	char report[384];
	atomic_t reporting;
	atomic_long_t failures;
	atomic_long_t left_objects;
	atomic_long_t left_bytes;
	unsigned long profile;
	unsigned long sites;
	struct hlist_node online;
	struct notifier_block memory;
};

#endif /* GOALLOC_TYPES_H */
