// SPDX-License-Identifier: GPL-2.0
/*
 * Stacks: the free objects that a CPU keeps of a span class.
 *
 * For every span class a CPU has a stack of free objects and, behind it, a
 * current span.  An empty stack is refilled from the span's own bits without a
 * lock, and from the mcentral only when the span has nothing left.  A full one
 * gives its older half back; so every free is a fast one, whichever CPU
 * allocated the object.  Go's mcache has the span alone: there an object can
 * only be freed by the sweeper, so that nothing ever comes back to a CPU.
 *
 * A stack has no storage until it is first used.  Each miss, an empty stack
 * met by an allocation or a full one met by a free, doubles its capacity, up to
 * GO_STACK_MAX objects and GO_STACK_BYTES, but to two objects at least, and as
 * long as the CPU's budget lasts; when that is used up, a stack that has been
 * idle since it was last looked at gives all it has.  A fixed capacity would be
 * too small for a batch or too large for 134 classes on every CPU.
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
#include "span.h"
#include "stack.h"

#define STORAGE_MIN	16

/* One in so many flushes looks at the pages of an object. */
#define FLUSHES_PER_LOOK	64

/* How many slots the storage for @cap objects has. */
static unsigned int storage_slots(unsigned int cap)
{
	return cap ? max_t(unsigned int, roundup_pow_of_two(cap), STORAGE_MIN) :
		     0;
}

/* Get storage of the CPU's node.  Only the worker calls the page allocator. */
static struct goslot *get_storage(struct goheap *h, unsigned int slots)
{
	struct gonode *node = h->node[numa_mem_id()];
	struct gofixalloc *f = &node->fix[GO_FIX_STACK + ilog2(slots) -
					  ilog2(STORAGE_MIN)];
	struct goslot *slot = gofixalloc_pop(f);

	if (gofixalloc_low(f))
		gohooks_kick(h);
	return slot;
}

static unsigned int max_cap(unsigned int spc)
{
	return clamp_t(unsigned int,
		       GO_STACK_BYTES / go_class_size[GO_SPC_CLASS(spc)],
		       2, GO_STACK_MAX);
}

/* The stack has @slot for storage, @n objects there, and may hold @cap. */
static void set_storage(struct gostack *s, struct goslot *slot, unsigned int n,
			unsigned int cap)
{
	WRITE_ONCE(s->slot, slot);
	WRITE_ONCE(s->top, slot + n);
	s->limit = slot + cap;
}

/* The capacity of a stack grows by so many bytes, or goes with its storage. */
static void count_capacity(struct goheap *h, struct gomcache *c,
			   unsigned int spc, long bytes)
{
	unsigned long bit = BIT_MASK(spc), *used = &c->used[BIT_WORD(spc)];

	if (!c->bytes) {
		WRITE_ONCE(c->node, gonuma_heap(h, numa_mem_id()));
		gohooks_wake(h);
	}
	WRITE_ONCE(*used, bytes > 0 ? *used | bit : *used & ~bit);
	WRITE_ONCE(c->bytes, c->bytes + bytes);
	atomic_long_add(bytes, &c->node->cached);
}

/**
 * gostack_empty - give up a stack: its objects, its span, its storage
 * @h: the heap
 * @c: the cache, which is the caller's
 * @spc: the span class
 *
 * Context: any but NMI.
 */
void gostack_empty(struct goheap *h, struct gomcache *c, unsigned int spc)
{
	struct gostack *s = &c->stack[spc];

	if (s->top != s->slot)
		gocentral_free(h, s->slot, gostack_n(s), false);
	if (s->span)
		gocentral_uncache(h, s->span);
	WRITE_ONCE(s->span, NULL);
	if (!s->slot)
		return;
	gomcache_count(&c->flushes, 1);
	count_capacity(h, c, spc, -(long)gostack_cap(s) *
		       go_class_size[GO_SPC_CLASS(spc)]);
	gofixalloc_free(h, s->slot);
	set_storage(s, NULL, 0, 0);
}

/* Give back the objects that have been on a stack longest. */
static void flush_oldest(struct goheap *h, struct gostack *s, unsigned int n)
{
	unsigned int left = gostack_n(s) - n;

	gocentral_free(h, s->slot, n, false);
	memmove(s->slot, s->slot + n, left * sizeof(*s->slot));
	WRITE_ONCE(s->top, s->slot + left);
}

/* Find room in the budget: look at some stacks for one that is idle. */
static void empty_idle_stack(struct goheap *h, struct gomcache *c,
			     const struct gostack *but)
{
	unsigned int tries = 16;
	struct gostack *s;
	u32 mark;

	while (tries--) {
		if (++c->hand == GO_NR_SPANCLASSES)
			c->hand = 0;
		s = &c->stack[c->hand];
		if (s == but || !s->slot)
			continue;
		mark = s->mallocs + s->frees;
		if (s->mark == mark) {
			/* In steps, because a caller waits. */
			if (gostack_n(s) > GO_BATCH)
				flush_oldest(h, s, GO_BATCH);
			else
				gostack_empty(h, c, c->hand);
			return;
		}
		s->mark = mark;
	}
}

/*
 * Let a stack hold more.  False when it can hold nothing.  Not inline: most
 * misses are of stacks that cannot grow, and should not save registers for
 * this.
 */
static noinline bool raise_cap(struct goheap *h, struct gomcache *c,
			       unsigned int spc, unsigned int cap)
{
	unsigned int size = go_class_size[GO_SPC_CLASS(spc)];
	struct gostack *s = &c->stack[spc];
	unsigned int old = gostack_cap(s);
	unsigned int storage = storage_slots(cap);
	struct goslot *slot = s->slot;

	if (c->bytes + (cap - old) * size > GO_MCACHE_BUDGET)
		empty_idle_stack(h, c, s);
	if (c->bytes + (cap - old) * size > GO_MCACHE_BUDGET)
		return old;
	if (storage > storage_slots(old)) {
		slot = get_storage(h, storage);
		if (!slot)
			return old;
		gomcache_note_use(h);
		if (old) {
			memcpy(slot, s->slot, gostack_n(s) * sizeof(*slot));
			gofixalloc_free(h, s->slot);
		}
	}
	count_capacity(h, c, spc, (cap - old) * size);
	set_storage(s, slot, gostack_n(s), cap);
	return true;
}

/* The stack has missed: let it grow.  False when it can hold nothing. */
static bool note_miss(struct goheap *h, struct gomcache *c, unsigned int spc)
{
	unsigned int old = gostack_cap(&c->stack[spc]), most = max_cap(spc);

	return old == most ||
	       raise_cap(h, c, spc, min(old ? 2 * old : GO_STACK_MIN, most));
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
	struct gospan *span = s->span;
	unsigned int want, n = 0;

	gomcache_count(&c->refills, 1);
	if (!note_miss(h, c, spc))
		return false;
	want = clamp_t(unsigned int, gostack_cap(s) / 2, 1, GO_BATCH);
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
			report_lost_pages(h, p,
					  go_class_size[GO_SPC_CLASS(spc)]);
		note_miss(h, c, spc);
	}
	if (!s->slot) {
		gocentral_free_one(h, p);
		return;
	}
	if (s->top == s->limit)
		flush_oldest(h, s, (gostack_n(s) + 1) / 2);
	s->top->obj = p;
	s->top->state = state;
	WRITE_ONCE(s->top, s->top + 1);
	gomcache_count(&s->frees, 1);
}

/**
 * gostack_fix_init - make a node's allocators of the stacks' storage
 * @node: the node
 *
 * Context: any.
 */
void gostack_fix_init(struct gonode *node)
{
	unsigned int i;

	BUILD_BUG_ON(STORAGE_MIN << (GO_NR_FIX_STACK - 1) != GO_STACK_MAX);
	for (i = 0; i < GO_NR_FIX_STACK; i++)
		gofixalloc_init(node, GO_FIX_STACK + i,
				(STORAGE_MIN << i) * sizeof(struct goslot),
				i ? 2 : 16);
}
