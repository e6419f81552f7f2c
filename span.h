/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Span: what a run of pages is made into, and how an address finds it: span.c.
 */
#ifndef GOALLOC_SPAN_H
#define GOALLOC_SPAN_H

#include <linux/compiler.h>
#include <linux/kasan.h>
#include "types.h"

/* What the map has where the heap has nothing: they fail every check. */
extern struct gospan gospan_nil;
extern struct goarena goarena_nil;

int gospan_map_init(struct goheap *h);
void gospan_map_exit(struct goheap *h);
size_t gospan_map_bytes(const struct goheap *h);
bool gospan_map_cover(struct goheap *h, unsigned long addr, gfp_t gfp);
bool gospan_in_free_run(struct goheap *h, const void *p);
struct goarena *gospan_arena_new(struct gonode *node, unsigned long addr,
				 gfp_t gfp);
void gospan_arena_free(struct goheap *h, struct goarena *a);
bool gospan_arena_enter(struct goheap *h, struct goarena *a);
void gospan_arena_leave(struct goheap *h, struct goarena *a);
struct goarena *gospan_next_arena(struct goheap *h, unsigned long *number);
unsigned int gospan_nelems(const struct gospan *s, unsigned int spc);
void gospan_fix_init(struct gonode *node);
bool gospan_carve(struct goheap *h, struct gospan *s, unsigned int spc,
		  gfp_t gfp);
void gospan_uncarve(struct goheap *h, struct gospan *s);
unsigned int gospan_take(struct gospan *s, struct goslot *slot,
			 unsigned int want);
void gospan_walk_arenas(struct goheap *h,
			void (*fn)(struct goarena *a, void *data), void *data);
void gospan_walk(struct goheap *h,
		 void (*fn)(struct gospan *s, void *data), void *data);

/* The number of a page in its arena. */
static inline unsigned int gospan_page_index(const struct goarena *a,
					     unsigned long addr)
{
	return (addr - a->base) >> GO_PAGE_SHIFT;
}

/*
 * The arena of an address in the linear map, or &goarena_nil.  A node's lock is
 * held, or preemption is off.
 */
static inline struct goarena *gospan_arena(struct goheap *h, unsigned long addr)
{
	unsigned long phys = addr + h->map->shift;
	struct goarenal2 *l2 = READ_ONCE(h->map->l2[phys >> GO_L2_SHIFT]);

	return READ_ONCE(l2->arena[(u32)phys >> GO_ARENA_SHIFT]);
}

/* The node that the pages of a span are on, which stays ours.  Any context. */
static inline struct gonode *gospan_node(struct goheap *h,
					 const struct gospan *s)
{
	struct gonode *node;

	preempt_disable();
	node = gospan_arena(h, s->base)->node;
	preempt_enable();
	return node;
}

/*
 * Read a pointer once that other CPUs change.  READ_ONCE() is a volatile
 * access, for which gcc computes the address in an instruction of its own; here
 * the asm keeps the compiler from reading twice.
 */
#define go_read_pointer(p)						\
({									\
	/* Only once, because of the asm below. */			\
	typeof(p) read = data_race(p);					\
									\
	OPTIMIZER_HIDE_VAR(read);					\
	read;								\
})

/* As gospan_of(), for a loop: @map and its @shift stay in registers. */
static __always_inline struct gospan *
gospan_of_shifted(struct goarenamap *map, unsigned long shift,
		  const void *p)
{
	unsigned long phys = (unsigned long)kasan_reset_tag(p) + shift;
	struct goarenal2 *l2;
	struct gospan **spans;

	if (unlikely(phys >> GO_L2_SHIFT >= map->nr))
		return &gospan_nil;
	l2 = go_read_pointer(map->l2[phys >> GO_L2_SHIFT]);
	spans = (void *)go_read_pointer(l2->spans[(u32)phys >> GO_ARENA_SHIFT]);
	return go_read_pointer(spans[(u32)phys >> GO_PAGE_SHIFT]);
}

/*
 * The span of an address, or &gospan_nil.  Preemption is off.  The address is
 * only ever compared: a foreign one is never dereferenced.
 *
 * The lower half of the physical address needs no mask but a 32-bit register,
 * and as the map has subtracted what is before an arena's table, so does the
 * page number.  Each load's address depends on what came before, from @p on,
 * and the map is where it has always been.  So whoever has got @p in a way that
 * orders its contents, be it by rcu_dereference(), finds what was entered
 * before.
 */
static __always_inline struct gospan *gospan_of(struct goheap *h,
						const void *p)
{
	return gospan_of_shifted(h->map, h->map->shift, p);
}

/*
 * The index of an object by one multiplication: with m = ceil(2^32 / size) the
 * upper half of offset * m is the index, and the lower half is below m if and
 * only if the offset is a multiple of the size.  @magic 0, in every span that
 * is not small, makes that false.
 *
 * The base is read first.  While a reader looks, a span may cease to be small,
 * and as a free run get another base; but the magic is 0 before.  And what the
 * magic is said to lead to, the state bytes and their address, is read after it:
 * gospan_carve() writes the magic last.  See span.c.
 */
static __always_inline bool gospan_index(const struct gospan *s, const void *p,
					 unsigned long *idx)
{
	unsigned long off = (unsigned long)kasan_reset_tag(p) - s->base;
	u32 magic;
	u64 q;

	/* The base first.  To acquire it would cost x86 an instruction. */
	smp_rmb();
	/* And what is said of the state bytes afterwards. */
	magic = smp_load_acquire(&s->magic);
	q = off * (u64)magic;
	/* In this order, for which gcc needs fewer registers. */
	if (unlikely((u32)q >= magic))
		return false;
	/* Before the span, in the other half of its page, below 0. */
	*idx = (s64)q >> 32;
	return true;
}

static inline void *gospan_object(const struct gospan *s, unsigned int idx)
{
	return (void *)(s->base + (unsigned long)idx * s->elemsize);
}

/* Is a page of an arena the first of a span? */
static inline bool gospan_begins_at(const struct gospan *s,
				    const struct goarena *a, unsigned int i)
{
	return round_down(READ_ONCE(s->base), GO_PAGE_SIZE) ==
	       a->base + ((unsigned long)i << GO_PAGE_SHIFT);
}

/* Pages of the kernel that a span has.  Half of 8 KiB is one of 4 KiB. */
static inline unsigned long gospan_nr_pages(const struct gospan *s)
{
	return (unsigned long)s->npages << GO_PAGE_ORDER >> s->half;
}

static inline unsigned long gospan_bytes(const struct gospan *s)
{
	return gospan_nr_pages(s) << PAGE_SHIFT;
}

/*
 * What gospan_of() has found if the address is in it, else &gospan_nil.  Of an 8
 * KiB page the heap may have half, and gospan_of() finds the span from the other
 * half, too; the fast paths can do with that.
 */
static inline struct gospan *gospan_if_with(struct gospan *s, const void *p)
{
	return s->half &&
	       (unsigned long)kasan_reset_tag(p) - s->base >= PAGE_SIZE ?
	       &gospan_nil : s;
}

/* The span that an address is in, or &gospan_nil.  Preemption is off. */
static inline struct gospan *gospan_with(struct goheap *h, const void *p)
{
	return gospan_if_with(gospan_of(h, p), p);
}

static inline bool gospan_needs_tiny(unsigned int spc)
{
	return spc == GO_TINY_SPC;
}

#endif /* GOALLOC_SPAN_H */
