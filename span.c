// SPDX-License-Identifier: GPL-2.0
/*
 * Spans: what a run of pages is made into, and how an address finds it.
 *
 * A small span is carved into objects of one class.  It has two bitmaps.
 * @avail says which objects may be handed out; while an mcache holds the span,
 * this bitmap is that CPU's alone, so taking from it needs no lock.  @back
 * collects, under the mcentral's lock, what has come back since; the mcentral
 * merges the two when the span is its own again.  SLUB links free objects
 * through their own memory instead.  That needs no metadata, but it touches
 * memory that is not in use, and a double free corrupts the list; here it finds
 * a bit that is already set.
 *
 * Beside the bitmaps is a state byte for each object, which makes a bad free
 * visible at the call.  A bit would do, but CPUs that free neighbours at the
 * same time would need an atomic to set it.
 *
 * Address -> span is Go's arena map.  Physical memory is cut into arenas of 4
 * MiB.  The map's first level has a pointer for each 4 GiB, a second level an
 * entry for each arena, and the arena a pointer for each page.  A field of struct
 * page would save loads, but kernels keep changing that structure, and the
 * field of a foreign page could hold anything.  Where the heap has nothing
 * there are a second level of &goarena_nil and an arena of &gospan_nil.  These
 * fail every check, so the look-up has a single test, against the first level's
 * end.
 *
 * One level would do with a load and two instructions less.  It takes 2 MiB for
 * each TiB from the lowest to the highest address, though, and has to be
 * replaced by a longer one when memory appears beyond its end.  Of two levels
 * the first is made once, for all memory that may ever come, and a second level
 * stays until the heap ends: 16 KiB for each 4 GiB in which the heap has ever
 * had pages.  So nothing is copied, and whoever has an object need not fear to
 * read an old map.  The two instructions are saved again: by what an entry is
 * (struct goarenal2), by 4 GiB, whose arena and page are found in the lower
 * half of an address without a mask, and in gospan_index() and gofree_rest().
 *
 * Arenas lie as blocks of the page allocator do, by physical address: where RAM
 * begins in the midst of 4 MiB, the linear map is shifted against them.  The
 * physical address is the sum of an address and a constant; __pa() would test
 * which of the kernel's maps it is of.
 *
 * A bad free, of an object that was freed before, may find a span that is no
 * more, for between its loads any time may pass.  It has preemption off, and
 * what it reads stays consistent until that ends:
 *
 *   - A descriptor is carved only if no reader knows it.  It comes from
 *     gofixalloc_alloc(), which waits for a grace period, and not from a free
 *     run: goruns_cut() sees to that.
 *   - The map leads to it only when it has been filled in: goruns_map().
 *   - So a reader that sees a magic sees the only one that there has been.  It
 *     has read the base before, and a base changes only after gospan_uncarve()
 *     has set the magic to 0.  Hence an index is that of an object of the span
 *     that was there, or of the waste at its end.
 *   - The magic is stored last, with release, and loaded with acquire before the
 *     state bytes' address is: whoever sees it sees these bytes cleared, and not
 *     what the bit block's memory held for another span.
 *   - Its state byte is in the bit block, which serves no other span before the
 *     grace period ends and says that nothing is live, or in nil_state.
 *   - A large object is claimed by a cmpxchg() of its address, which fails
 *     whatever the descriptor has become.  Descriptors of large objects and of
 *     free runs have no magic and may become each other's at once.
 *
 * On x86 all of these orders are free.  A good free needs none of them: its loads
 * depend on the object's address, which has come from the caller that allocated it
 * and so after all that was written before.
 *
 * source.c carves spans and central.c uncarves them; heap.c and runs.c decide
 * what the map says; any file may look an address up.
 */

#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "fixalloc.h"
#include "held.h"
#include "hooks.h"
#include "shape.h"
#include "span.h"
#include "trace.h"

/*
 * As long as the longest: the look-up of a bad address may have computed its
 * index with the magic of a span that is no more.
 */
#define NIL_BEFORE	(PAGE_SIZE / 8)
static u8 nil_states[NIL_BEFORE + GO_MAX_NELEMS + 1];
#define nil_state	(nil_states + NIL_BEFORE)

struct gospan gospan_nil = {
	.objstate = nil_state,
};

static struct gospan *nil_table[GO_ARENA_PAGES] = {
	[0 ... GO_ARENA_PAGES - 1] = &gospan_nil,
};

struct goarena goarena_nil = {
	.span = nil_table,
};

/*
 * More than this is covered only where memory is at load: 128 KiB of first
 * level.
 */
#define MAP_MOST	(64ULL << 40)

/* One more than the physical address of the last byte that may ever be ours. */
static u64 end_of_memory(void)
{
	u64 end = 0, later = 0;
	int nid;

	for_each_online_node(nid)
		end = max_t(u64, end, PFN_PHYS(node_end_pfn(nid)));
#ifdef CONFIG_MEMORY_HOTPLUG
	later = min_t(u64, mhp_get_pluggable_range(true).end, MAP_MOST - 1) + 1;
#endif
	return max(end, later);
}

/* What is added to an address of the linear map to make it a physical one. */
static unsigned long linear_shift(void)
{
	phys_addr_t start = PFN_PHYS(node_start_pfn(first_memory_node));

	return start - (unsigned long)__va(start);
}

static struct goarenal2 *new_l2(gfp_t gfp)
{
	struct goarenal2 *l2;
	unsigned int i;

	l2 = gohooks_fault() ? NULL :
	     kvmalloc(sizeof(*l2), gfp & ~__GFP_NOFAIL);
	if (!l2)
		return NULL;
	for (i = 0; i < GO_L2_ARENAS; i++) {
		l2->spans[i] = (unsigned long)nil_table - i * GO_ARENA_TABLE;
		l2->arena[i] = &goarena_nil;
	}
	return l2;
}

/**
 * gospan_map_init - make the arena map
 * @h: the heap
 *
 * Context: task.
 * Return: 0 or -ENOMEM.
 */
int gospan_map_init(struct goheap *h)
{
	unsigned long i, nr = ((end_of_memory() - 1) >> GO_L2_SHIFT) + 1;
	struct goarenamap *map;

	map = gohooks_fault() ? NULL :
	      kvzalloc(struct_size(map, l2, nr), GFP_KERNEL);
	if (!map)
		return -ENOMEM;
	map->nil = new_l2(GFP_KERNEL);
	if (!map->nil) {
		kvfree(map);
		return -ENOMEM;
	}
	map->shift = linear_shift();
	map->nr = nr;
	map->first = nr;
	for (i = 0; i < nr; i++)
		map->l2[i] = map->nil;
	h->map = map;
	return 0;
}

/**
 * gospan_map_exit - free the arena map
 * @h: the heap, in which nothing is looked up any more
 *
 * Context: task.
 */
void gospan_map_exit(struct goheap *h)
{
	struct goarenamap *map = h->map;
	struct goarenal2 *l2;
	unsigned long i, next;

	for (i = map->first; i < map->nr; i = next) {
		l2 = map->l2[i];
		next = l2->next;
		kvfree(l2);
	}
	kvfree(map->nil);
	kvfree(map);
	h->map = NULL;
}

/**
 * gospan_map_bytes - how much memory the arena map takes
 * @h: the heap
 *
 * Context: any.
 * Return: bytes.
 */
size_t gospan_map_bytes(const struct goheap *h)
{
	const struct goarenamap *map = h->map;

	return struct_size(map, l2, map->nr) +
	       (READ_ONCE(map->nl2) + 1) * sizeof(*map->nil);
}

/* The first second level there is from a place in the first level on. */
static unsigned long first_l2(const struct goarenamap *map, unsigned long i)
{
	unsigned long at = READ_ONCE(map->first);

	if (i < map->nr && READ_ONCE(map->l2[i]) != map->nil)
		return i;
	while (at < i)
		at = READ_ONCE(map->l2[at]->next);
	return at;
}

/* What links the second levels before a place and behind it, or nearly. */
static unsigned long *find_link(struct goarenamap *map, unsigned long i)
{
	while (i--)
		if (READ_ONCE(map->l2[i]) != map->nil)
			return &map->l2[i]->next;
	return &map->first;
}

/* Enter a second level if there is none yet, for readers without a lock. */
static bool enter_l2(struct goheap *h, unsigned long i, struct goarenal2 *l2,
		     unsigned long *link)
{
	struct goarenamap *map = h->map;

	lockdep_assert_held(&h->map_lock);
	if (map->l2[i] != map->nil)
		return false;
	/* Others may have come between. */
	while (*link < i)
		link = &map->l2[*link]->next;
	l2->next = *link;
	/* After its contents, for look-ups; and then, for walks. */
	smp_store_release(&map->l2[i], l2);
	/* Likewise. */
	smp_store_release(link, i);
	WRITE_ONCE(map->nl2, map->nl2 + 1);
	return true;
}

/**
 * gospan_map_cover - make sure that arenas can be entered at an address
 * @h: the heap
 * @addr: the address
 * @gfp: as for kmalloc()
 *
 * Context: what @gfp permits.
 * Return: whether they can.
 */
bool gospan_map_cover(struct goheap *h, unsigned long addr, gfp_t gfp)
{
	unsigned long i = (addr + h->map->shift) >> GO_L2_SHIFT, flags;
	struct goarenal2 *l2;
	unsigned long *link;
	bool entered = false;

	if (i >= h->map->nr)
		return false;
	if (likely(READ_ONCE(h->map->l2[i]) != h->map->nil))
		return true;
	if (!goheld_charge(h, sizeof(*l2), gfp))
		return false;
	l2 = new_l2(gfp);
	if (l2) {
		link = find_link(h->map, i);
		raw_spin_lock_irqsave(&h->map_lock, flags);
		entered = enter_l2(h, i, l2, link);
		raw_spin_unlock_irqrestore(&h->map_lock, flags);
	}
	if (!entered) {
		kvfree(l2);
		goheld_uncharge(h, sizeof(*l2));
	}
	return l2;
}

/**
 * gospan_in_free_run - is an address in pages that are free?
 * @h: the heap
 * @p: any address
 *
 * A free run is in the map at its ends only, so this searches backwards for its
 * beginning.  That is slow, and only reports of misuse need it.
 *
 * Context: preemption is off.
 * Return: whether it is.
 */
bool gospan_in_free_run(struct goheap *h, const void *p)
{
	unsigned long addr = (unsigned long)kasan_reset_tag(p);
	struct gospan *s = &gospan_nil;
	struct goarena *a;
	unsigned int i;

	if ((addr + h->map->shift) >> GO_L2_SHIFT >= h->map->nr)
		return false;
	a = gospan_arena(h, addr);
	if (a == &goarena_nil)
		return false;
	for (i = gospan_page_index(a, addr) + 1; i-- && s == &gospan_nil;)
		s = READ_ONCE(a->span[i]);
	return READ_ONCE(s->state) == GO_SPAN_FREE &&
	       addr - READ_ONCE(s->base) < (unsigned long)s->npages <<
					   GO_PAGE_SHIFT;
}

/* Have an arena's place in the map lead to @to. */
static void write_entry(struct goheap *h, unsigned long base,
			struct goarena *to)
{
	unsigned long phys = base + h->map->shift;
	struct goarenal2 *l2 = h->map->l2[phys >> GO_L2_SHIFT];
	unsigned int i = (u32)phys >> GO_ARENA_SHIFT;

	lockdep_assert_held(&h->map_lock);
	/* After the arena's contents, for readers without a lock. */
	smp_store_release(&l2->arena[i], to);
	/* Likewise: whoever finds a span finds its arena. */
	smp_store_release(&l2->spans[i],
			  (unsigned long)to->span - i * GO_ARENA_TABLE);
}

/**
 * gospan_arena_new - make an arena for new pages
 * @node: the node they are on
 * @addr: an address of theirs, which the map covers
 * @gfp: what the caller may do to get memory
 *
 * Context: what @gfp permits, any but NMI.
 * Return: the arena, in no map yet, or NULL.
 */
struct goarena *gospan_arena_new(struct gonode *node, unsigned long addr,
				 gfp_t gfp)
{
	struct goarena *a = gofixalloc_alloc(&node->fix[GO_FIX_ARENA], gfp);
	struct gospan **table;

	if (!a)
		return NULL;
	table = gofixalloc_alloc(&node->fix[GO_FIX_TABLE], gfp);
	if (!table) {
		gofixalloc_free(node->heap, a);
		return NULL;
	}
	memcpy(table, nil_table, GO_ARENA_TABLE);
	*a = goarena_nil;
	a->span = table;
	a->base = addr - (addr + node->heap->map->shift) % GO_ARENA_SIZE;
	a->node = node;
	return a;
}

/**
 * gospan_arena_free - free an arena
 * @h: its heap
 * @a: the arena, in no map, or not since a grace period
 *
 * Context: any but NMI.
 */
void gospan_arena_free(struct goheap *h, struct goarena *a)
{
	gofixalloc_free(h, a->span);
	gofixalloc_free(h, a);
}

/**
 * gospan_arena_enter - enter an arena in the map
 * @h: the heap
 * @a: the arena, whose addresses the map covers
 *
 * Context: the lock of the arena's node is held.
 * Return: false when another node has entered it for pages of its own.
 */
bool gospan_arena_enter(struct goheap *h, struct goarena *a)
{
	bool ok;

	lockdep_assert_held(&a->node->lock);
	raw_spin_lock(&h->map_lock);
	ok = gospan_arena(h, a->base) == &goarena_nil;
	if (ok)
		write_entry(h, a->base, a);
	raw_spin_unlock(&h->map_lock);
	return ok;
}

/**
 * gospan_arena_leave - take an arena out of the map
 * @h: the heap
 * @a: the arena
 *
 * Context: the lock of the arena's node is held.
 */
void gospan_arena_leave(struct goheap *h, struct goarena *a)
{
	lockdep_assert_held(&a->node->lock);
	raw_spin_lock(&h->map_lock);
	write_entry(h, a->base, &goarena_nil);
	raw_spin_unlock(&h->map_lock);
}

/**
 * gospan_nelems - how many objects of a span class fit into a span
 * @s: the span, carved or not
 * @spc: the span class
 *
 * Spans of a class are of the length that wastes little, or shorter where
 * memory is in short pieces.
 *
 * Context: any.
 * Return: how many.
 */
unsigned int gospan_nelems(const struct gospan *s, unsigned int spc)
{
	return (u32)gospan_bytes(s) / goshapes[spc].size;
}

/*
 * State bytes before that of the first object.  A span that has half a page is
 * found from the other half, too, which may lie before it: the fast path of
 * gofree() then looks at these, or at those behind the last object, and finds
 * that nothing is live.
 */
static unsigned int states_before(const struct gospan *s, unsigned int spc)
{
	return s->half ? DIV_ROUND_UP(PAGE_SIZE, goshapes[spc].size) : 0;
}

/* State bytes from that of the first of @n objects on. */
static unsigned int states_after(const struct gospan *s, unsigned int spc,
				 unsigned int n)
{
	return s->half ? GO_PAGE_SIZE / goshapes[spc].size + 1 : n + 1;
}

/* Of an object of a span with tiny ones: what is out, and what came back. */
#define TINY_BYTES	(sizeof(u32) + sizeof(u16))

/* Bytes of a bit block: @avail, @back, the tiny words if any, state bytes. */
static unsigned int bits_size(const struct gospan *s, unsigned int spc,
			      unsigned int n)
{
	return 2 * BITS_TO_LONGS(n) * sizeof(long) +
	       (gospan_needs_tiny(spc) ? n * TINY_BYTES : 0) +
	       states_before(s, spc) + states_after(s, spc, n);
}

static struct gofixalloc *bits_fix(struct gonode *node, const struct gospan *s,
				   unsigned int spc, unsigned int n)
{
	unsigned int size = bits_size(s, spc, n), i = 0;

	/* There is an allocator for each of these sizes. */
	while (go_bits_sizes[i] < size)
		i++;
	return &node->fix[GO_FIX_BITS + i];
}

/**
 * gospan_fix_init - make a node's allocators of spans, arenas and bit blocks
 * @node: the node
 *
 * Context: any.
 */
void gospan_fix_init(struct gonode *node)
{
	unsigned int i;

	BUILD_BUG_ON(GO_MAX_NELEMS % BITS_PER_LONG);
	BUILD_BUG_ON(sizeof(struct gospan) > 128);
	/* No CPU that frees shares a line with one that refills. */
	BUILD_BUG_ON(offsetof(struct gospan, navail) != 64);
	BUILD_BUG_ON(offsetofend(struct gospan, tiny) > 64);
	BUILD_BUG_ON(GO_TINY_SIZE > 16);
	BUILD_BUG_ON(GO_MAX_SPAN_PAGES > GO_RESERVE_RUN);

	gofixalloc_init(node, GO_FIX_SPAN, ALIGN(sizeof(struct gospan), 64),
			32);
	gofixalloc_init(node, GO_FIX_ARENA, sizeof(struct goarena), 2);
	gofixalloc_init(node, GO_FIX_TABLE, GO_ARENA_TABLE, 1);
	for (i = 0; i < GO_NR_FIX_BITS; i++)
		gofixalloc_init(node, GO_FIX_BITS + i, go_bits_sizes[i], 8);
}

/* What a free adds to find its stack; with check=0 it cannot tell a tiny object. */
static u16 push_of(unsigned int spc)
{
	BUILD_BUG_ON(GO_ALL_SPANCLASSES * sizeof(struct gostack) > U16_MAX);
	if (gospan_needs_tiny(spc) && !static_branch_likely(&goalloc_check))
		return 0;
	return spc * sizeof(struct gostack);
}

/**
 * gospan_carve - make a run of pages into a small span
 * @h: the heap
 * @s: the run, from gosource_pages()
 * @spc: the span class
 * @gfp: what the caller may do to get memory
 *
 * Context: what @gfp permits, any but NMI.
 * Return: false when there is no memory for the bits; @s is as it was.
 */
bool gospan_carve(struct goheap *h, struct gospan *s, unsigned int spc,
		  gfp_t gfp)
{
	unsigned int n = gospan_nelems(s, spc);
	struct gofixalloc *f = bits_fix(gospan_node(h, s), s, spc, n);
	unsigned long *bits = gofixalloc_alloc(f, gfp);
	void *rest;

	if (gofixalloc_low(f))
		gohooks_kick(h);
	if (!bits)
		return false;

	s->bytes = gospan_bytes(s);
	s->nelems = n;
	s->navail = n;
	s->nback = 0;
	s->elemsize = goshapes[spc].size;
	s->spanclass = spc;
	s->push = push_of(spc);
	s->cached = false;
	s->bucket = GO_BUCKET_NONE;
	s->avail = bits;
	s->back = bits + BITS_TO_LONGS(n);
	bitmap_zero(s->avail, n);
	bitmap_set(s->avail, 0, n);
	bitmap_zero(s->back, n);

	rest = s->back + BITS_TO_LONGS(n);
	s->tiny = NULL;
	if (gospan_needs_tiny(spc)) {
		memset(rest, 0, n * TINY_BYTES);
		/* A reader of a bad address finds them, if anything, clear. */
		smp_store_release(&s->tiny, rest);
		rest += n * TINY_BYTES;
	}
	s->objstate = rest + states_before(s, spc);
	memset(rest, GO_OBJ_FREE,
	       states_before(s, spc) + states_after(s, spc, n));
	if (!s->needzero)
		memset(s->objstate, GO_OBJ_FRESH, n);

	s->state = GO_SPAN_SMALL;
	/* After all that it leads to. */
	smp_store_release(&s->magic, goshapes[spc].magic);
	trace_span_carve(s);
	return true;
}

/**
 * gospan_uncarve - make a small span a run of pages again
 * @h: the heap
 * @s: the span, which the caller owns: no object is live or cached
 *
 * Context: any but NMI.
 */
void gospan_uncarve(struct goheap *h, struct gospan *s)
{
	unsigned long *bits = s->avail;

	trace_span_release(s);
	/* Before the states go: whoever may have kept addresses of them looks. */
	atomic_long_inc(&h->uncarved);
	WRITE_ONCE(s->magic, 0);
	WRITE_ONCE(s->tiny, NULL);
	/* Before its base changes; see gospan_index(). */
	smp_wmb();
	s->state = GO_SPAN_NONE;
	s->objstate = nil_state;
	s->avail = NULL;
	s->back = NULL;
	s->spanclass = 0;
	s->push = 0;
	WRITE_ONCE(s->nelems, 0);
	s->needzero = true;
	gofixalloc_free_rcu(h, bits);
}

/**
 * gospan_take - take objects out of a span
 * @s: the span
 * @slot: where to put them: the one at the lowest address last, to be popped
 *	first
 * @want: how many
 *
 * Context: the caller's mcache holds the span, or its mcentral's lock is held.
 * Return: how many there were.
 */
unsigned int gospan_take(struct gospan *s, struct goslot *slot,
			 unsigned int want)
{
	unsigned int i, w, n = min_t(unsigned int, want, s->navail);
	struct goslot *top = slot + n;
	unsigned long bits;

	for (w = 0; top > slot; w++) {
		bits = s->avail[w];
		while (bits && top > slot) {
			i = w * BITS_PER_LONG + __ffs(bits);
			bits &= bits - 1;
			top--;
			top->obj = gospan_object(s, i);
			top->state = s->objstate + i;
		}
		/* Frees on other CPUs test bits of this word meanwhile. */
		WRITE_ONCE(s->avail[w], bits);
	}
	WRITE_ONCE(s->navail, s->navail - n);
	return n;
}

/**
 * gospan_next_arena - the first arena from a place in the map on
 * @h: the heap
 * @number: the place, in arenas from the beginning of the map; set to that of
 *	the arena
 *
 * Context: in an RCU read-side section.  The arena may leave the map meanwhile,
 * but its memory stays until the section ends.
 * Return: the arena, or NULL if there is none.
 */
struct goarena *gospan_next_arena(struct goheap *h, unsigned long *number)
{
	unsigned long i = *number / GO_L2_ARENAS, k = *number % GO_L2_ARENAS;
	unsigned long at = first_l2(h->map, i);
	struct goarenal2 *l2;
	struct goarena *a;

	for (k = at == i ? k : 0; at < h->map->nr; at = READ_ONCE(l2->next)) {
		l2 = READ_ONCE(h->map->l2[at]);
		for (; k < GO_L2_ARENAS; k++) {
			a = READ_ONCE(l2->arena[k]);
			if (a == &goarena_nil)
				continue;
			*number = at * GO_L2_ARENAS + k;
			return a;
		}
		k = 0;
	}
	return NULL;
}

/**
 * gospan_walk_arenas - call a function for every arena
 * @h: the heap
 * @fn: the function, called in an RCU read-side section: the arena may leave
 *	the map meanwhile, but its memory stays until the section ends
 * @data: passed to @fn
 *
 * Context: task, may sleep between arenas.
 */
void gospan_walk_arenas(struct goheap *h,
			void (*fn)(struct goarena *a, void *data), void *data)
{
	unsigned long i;
	struct goarena *a;

	for (i = 0;; i++) {
		rcu_read_lock();
		a = gospan_next_arena(h, &i);
		if (a)
			fn(a, data);
		rcu_read_unlock();
		if (!a)
			return;
		cond_resched();
	}
}

/* What a walk over all spans does with each. */
struct span_walk {
	void (*fn)(struct gospan *s, void *data);
	void *data;
};

static void walk_spans_of(struct goarena *a, void *data)
{
	struct span_walk *w = data;
	struct gospan *s;
	unsigned int i;

	for (i = 0; i < GO_ARENA_PAGES; i++) {
		s = READ_ONCE(a->span[i]);
		if (s != &gospan_nil && gospan_begins_at(s, a, i))
			w->fn(s, w->data);
	}
}

/**
 * gospan_walk - call a function for every span and free run
 * @h: the heap
 * @fn: the function, as for gospan_walk_arenas(); a span may become another one
 *	meanwhile, so it has to be looked at again under the lock that guards it
 * @data: passed to @fn
 *
 * Context: task, may sleep between arenas.
 */
void gospan_walk(struct goheap *h,
		 void (*fn)(struct gospan *s, void *data), void *data)
{
	struct span_walk w = { .fn = fn, .data = data };

	gospan_walk_arenas(h, walk_spans_of, &w);
}
