// SPDX-License-Identifier: GPL-2.0
/*
 * Stacks: the free objects that a CPU keeps of a span class.
 *
 * For every span class a CPU has a stack of free objects and, behind it, a
 * current span.  A grown stack has two magazines, as Bonwick's CPU caches have:
 * it works with one, and turns to the other when that is empty or full, so that
 * a load at the edge of a magazine does not make it go back and forth.  When
 * both are empty it takes a full one from the transfer cache, when both are full
 * it leaves one there.  If there is none to take it is refilled from the span's
 * own bits without a lock, and from the mcentral only when the span has nothing
 * left.  So every free is a fast one, whichever CPU allocated the object.  Go's
 * mcache has the span alone: there an object can only be freed by the sweeper,
 * so that nothing ever comes back to a CPU.
 *
 * A stack has no storage until it is first used.  Each miss, an empty stack
 * met by an allocation or a full one met by a free, doubles its capacity, up to
 * a magazine's length, and then adds the second one, as long as the CPU's budget
 * lasts; when that is used up, a stack that has been idle since it was last looked at
 * gives way, which costs the caller hardly anything, because its magazines too only
 * change hands.  A small stack takes a few objects at a time from where a
 * grown one takes a magazine, and puts its older half into the spans.  A fixed
 * capacity would be too small for a batch or too large for 134 classes on every
 * CPU.
 *
 * The caller owns the cache: see mcache.h.  Any context but NMI.
 */

#include <linux/mm.h>
#include "block.h"
#include "central.h"
#include "fixalloc.h"
#include "hooks.h"
#include "mcache.h"
#include "numa.h"
#include "shape.h"
#include "span.h"
#include "stack.h"
#include "transfer.h"

/* One in so many flushes looks at the pages of an object. */
#define FLUSHES_PER_LOOK	64

/* The stack works with @slot, has @n objects there, and may hold @cap. */
static void set_storage(struct gostack *s, struct goslot *slot, unsigned int n,
			unsigned int cap)
{
	WRITE_ONCE(s->slot, slot);
	WRITE_ONCE(s->top, slot + n);
	s->limit = slot + cap;
}

/* The stack works with magazine @m from now on; @other is its other one. */
static void load_magazine(struct gostack *s, struct gomagazine *m,
			  struct gomagazine *other, unsigned int cap)
{
	WRITE_ONCE(m->next, other);
	set_storage(s, m->slot, m->n, cap);
}

/* Work with the other magazine. */
static void swap_magazines(struct gostack *s)
{
	struct gomagazine *m = gostack_magazine(s);

	WRITE_ONCE(m->n, gostack_n(s));
	load_magazine(s, m->next, m, gostack_cap(s));
}

static unsigned int class_size(unsigned int spc)
{
	return goshapes[spc].size;
}

/* The stacks may hold so many objects of a class more than before, or fewer. */
static void count_capacity(struct goheap *h, struct gomcache *c,
			   unsigned int spc, long objects)
{
	long bytes = objects * class_size(spc);

	if (!c->bytes) {
		WRITE_ONCE(c->node, gonuma_heap(h, numa_mem_id()));
		gohooks_wake(h);
	}
	WRITE_ONCE(c->bytes, c->bytes + bytes);
	atomic_long_add(bytes, &c->node->cached);
}

/* The stack of a class has storage now, or has lost it. */
static void note_storage(struct gomcache *c, unsigned int spc, bool has)
{
	unsigned long bit = BIT_MASK(spc), *used = &c->used[BIT_WORD(spc)];

	WRITE_ONCE(*used, has ? *used | bit : *used & ~bit);
}

/* The storage of a stack goes, in which there was so much room, and its span. */
static void forget_storage(struct goheap *h, struct gomcache *c,
			   unsigned int spc, unsigned int room)
{
	struct gostack *s = &c->stack[spc];

	count_capacity(h, c, spc, -(long)room);
	note_storage(c, spc, false);
	set_storage(s, NULL, 0, 0);
	if (s->span)
		gocentral_uncache(h, s->span);
	WRITE_ONCE(s->span, NULL);
}

/**
 * gostack_empty - give up a stack: its objects, its span, its storage
 * @h: the heap
 * @c: the cache, which is the caller's
 * @spc: the span class
 *
 * Without storage it has neither of the others.
 *
 * Context: any but NMI.
 */
void gostack_empty(struct goheap *h, struct gomcache *c, unsigned int spc)
{
	struct gostack *s = &c->stack[spc];
	struct gomagazine *m, *other;

	if (!s->slot)
		return;
	m = gostack_magazine(s);
	other = m->next;
	if (s->top != s->slot)
		gocentral_free(h, s->slot, gostack_n(s), false);
	gomcache_count(&c->flushes, 1);
	forget_storage(h, c, spc, gostack_room(s));
	if (other) {
		gocentral_free(h, other->slot, other->n, false);
		gofixalloc_free(h, other);
	}
	gofixalloc_free(h, m);
}

/*
 * Give back objects that have been on a stack longest, but no more than a free may
 * be asked to pay for.
 */
static void flush_oldest(struct goheap *h, struct gostack *s, unsigned int n)
{
	unsigned int left;

	n = min(n, GO_FLUSH);
	left = gostack_n(s) - n;
	gocentral_free(h, s->slot, n, false);
	memmove(s->slot, s->slot + n, left * sizeof(*s->slot));
	WRITE_ONCE(s->top, s->slot + left);
}

/*
 * An idle stack gives way.  A caller waits, so its magazines change hands, and
 * where they cannot no more than GO_FLUSH objects go to their spans: the next that
 * needs room comes again.
 */
static void give_way(struct goheap *h, struct gomcache *c, unsigned int spc)
{
	struct gostack *s = &c->stack[spc];
	struct gomagazine *m = gostack_magazine(s), *other = m->next;
	unsigned int cap = gostack_cap(s);

	if (other) {
		if (!gotransfer_store(h, spc, other))
			return;
		WRITE_ONCE(m->next, NULL);
		count_capacity(h, c, spc, -(long)cap);
		return;
	}
	WRITE_ONCE(m->n, gostack_n(s));
	if (cap == gotransfer_cap(spc) && gotransfer_store(h, spc, m)) {
		forget_storage(h, c, spc, cap);
		return;
	}
	WRITE_ONCE(s->top, s->slot + m->n);
	if (gostack_n(s) > GO_FLUSH)
		flush_oldest(h, s, GO_FLUSH);
	else
		gostack_empty(h, c, spc);
}

/* Find room in the budget: look at some stacks for one that is idle. */
static void empty_idle_stack(struct goheap *h, struct gomcache *c,
			     const struct gostack *but)
{
	unsigned int tries = 3, end = READ_ONCE(goshape_end);
	struct gostack *s;
	u32 mark;

	while (tries--) {
		if (++c->hand >= end)
			c->hand = 0;
		s = &c->stack[c->hand];
		if (s == but || !s->slot)
			continue;
		mark = s->mallocs + s->frees;
		if (s->mark == mark) {
			give_way(h, c, c->hand);
			return;
		}
		s->mark = mark;
	}
}

/* Give a stack its second magazine. */
static void add_other(struct goheap *h, struct gomcache *c, unsigned int spc)
{
	struct gostack *s = &c->stack[spc];
	unsigned int cap = gostack_cap(s);
	struct gomagazine *m = gotransfer_new(h, cap);

	if (!m)
		return;
	WRITE_ONCE(gostack_magazine(s)->next, m);
	count_capacity(h, c, spc, cap);
}

/* Give a stack a magazine for @cap objects. */
static void replace_magazine(struct goheap *h, struct gomcache *c,
			     unsigned int spc, unsigned int cap)
{
	struct gostack *s = &c->stack[spc];
	unsigned int n = gostack_n(s), old = gostack_cap(s);
	struct gomagazine *m;

	if (old && gotransfer_suits(old, cap)) {
		s->limit = s->slot + cap;
	} else {
		m = gotransfer_new(h, cap);
		if (!m)
			return;
		gomcache_note_use(h);
		if (old) {
			memcpy(m->slot, s->slot, n * sizeof(*s->slot));
			gofixalloc_free(h, gostack_magazine(s));
		}
		set_storage(s, m->slot, n, cap);
		note_storage(c, spc, true);
	}
	count_capacity(h, c, spc, (long)cap - old);
}

/*
 * Let a stack that has one magazine hold more.  Not inline: most misses are of
 * stacks that cannot grow, and should not save registers for this.
 */
static noinline void raise_cap(struct goheap *h, struct gomcache *c,
			       unsigned int spc)
{
	unsigned int most = gotransfer_cap(spc), old, cap;
	struct gostack *s = &c->stack[spc];
	unsigned long more;

	old = gostack_cap(s);
	cap = min(old ? 2 * old + 1 : GO_STACK_MIN, most);
	more = (old == most ? most : cap - old) * class_size(spc);
	if (c->bytes + more > h->cpu_budget)
		empty_idle_stack(h, c, s);
	if (c->bytes + more > h->cpu_budget)
		return;
	if (old == most)
		add_other(h, c, spc);
	else
		replace_magazine(h, c, spc, cap);
}

/* Take a magazine, or a few objects, that other stacks have left. */
static bool take_transferred(struct gostack *s, struct gotransfer *t,
			     unsigned int want)
{
	struct gomagazine *m, *old = gostack_magazine(s), *other = old->next;
	unsigned int cap = gostack_cap(s);

	if (cap < t->cap) {
		WRITE_ONCE(s->top, s->slot + gotransfer_copy(t, s->slot, want));
		return s->top != s->slot;
	}
	WRITE_ONCE(old->n, 0);
	m = gotransfer_take(t, old);
	if (!m)
		return false;
	load_magazine(s, m, other, cap);
	return true;
}

/**
 * gostack_refill - fill an empty stack
 * @h: the heap
 * @c: the cache, which is the caller's
 * @spc: the span class
 * @from: the mcentral to ask when the current span has nothing left
 *
 * Context: any but NMI.
 * Return: whether there is an object on the stack now.
 */
bool gostack_refill(struct goheap *h, struct gomcache *c, unsigned int spc,
		    struct gocentral *from)
{
	struct gostack *s = &c->stack[spc];
	struct gotransfer *t = &from->node->transfer[spc];
	struct gospan *span = s->span;
	struct gomagazine *other = gostack_other(s);
	unsigned int want, n = 0;

	gomcache_count(&c->refills, 1);
	if (other && other->n) {
		swap_magazines(s);
		return true;
	}
	if (!other)
		raise_cap(h, c, spc);
	if (!s->slot)
		return false;
	want = gostack_cap(s);
	if (want < t->cap)
		want = max(want / 2, 1U);
	want = min(want, GO_BATCH);
	if (gotransfer_has(t) && take_transferred(s, t, want))
		return true;
	if (span)
		n = gospan_take(span, s->slot, want);
	if (!n)
		n = gocentral_refill(h, from, &span, s->slot, want);
	WRITE_ONCE(s->span, span);
	WRITE_ONCE(s->top, s->slot + n);
	return n;
}

/*
 * Has somebody put references of ours to the pages of an object?  To look at those
 * of each would cost a large one an eighth of its free; verify and giving back find
 * what this misses.
 */
static noinline void report_lost_pages(struct goheap *h, void *p, size_t size)
{
	unsigned long n = PAGE_ALIGN(offset_in_page(p) + size) >> PAGE_SHIFT;

	if (unlikely(goblock_lost(virt_to_page(p), n)))
		gohooks_misuse(h, GO_LOST_PAGE, p, 0, 0);
}

/* Make room on a full stack that has storage. */
static void make_room(struct goheap *h, struct gomcache *c, unsigned int spc)
{
	struct gostack *s = &c->stack[spc];
	struct gomagazine *m = gostack_magazine(s), *other = m->next;
	unsigned int cap = gostack_cap(s);

	if (cap < gotransfer_cap(spc)) {
		flush_oldest(h, s, (cap + 1) / 2);
	} else if (!other) {
		WRITE_ONCE(m->n, cap);
		load_magazine(s, gotransfer_leave(h, spc, m), NULL, cap);
	} else {
		if (other->n == cap)
			WRITE_ONCE(m->next, gotransfer_leave(h, spc, other));
		swap_magazines(s);
	}
	if (s->top == s->limit)
		flush_oldest(h, s, cap);
}

/**
 * gostack_push - push an object that is already marked free
 * @h: the heap
 * @c: the cache, which is the caller's
 * @spc: the span class
 * @p: the object
 * @state: its state byte; NULL with check=0
 *
 * If the stack has no storage and gets none, the object goes to its span.
 *
 * Context: any but NMI.
 */
void gostack_push(struct goheap *h, struct gomcache *c, unsigned int spc,
		  void *p, u8 *state)
{
	struct gostack *s = &c->stack[spc];

	if (s->top == s->limit) {
		gomcache_count(&c->flushes, 1);
		if (unlikely(!(c->flushes % FLUSHES_PER_LOOK)))
			report_lost_pages(h, p, class_size(spc));
		if (!gostack_other(s))
			raise_cap(h, c, spc);
	}
	if (!s->slot) {
		gocentral_free_one(h, p);
		return;
	}
	if (s->top == s->limit)
		make_room(h, c, spc);
	s->top->obj = p;
	s->top->state = state;
	WRITE_ONCE(s->top, s->top + 1);
	gomcache_count(&s->frees, 1);
}

/**
 * gostack_init - decide how much the stacks of a CPU may hold
 * @h: the heap
 *
 * Context: any.
 */
void gostack_init(struct goheap *h)
{
	h->cpu_budget = clamp(GO_MCACHES_BUDGET / num_possible_cpus(),
			      GO_MCACHE_LEAST, GO_MCACHE_BUDGET);
}
