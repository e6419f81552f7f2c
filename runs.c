// SPDX-License-Identifier: GPL-2.0
/*
 * Runs: the free pages of a node as a data structure.
 *
 * A free run has a descriptor and stands in a tree: one for each length below
 * GO_RUN_MAX, by address, with a bitmap of those that hold any, and one by
 * length and address for the rest.  (Go had lists for the short ones; a tree
 * finds the lowest address of a length in bounded time.)  The choice is best
 * fit, lowest address; what is left over of a run goes back, and a freed run
 * merges with its neighbours, which the arena map finds.  Runs do not cross
 * arenas, so that an arena with no page in use can be given back whole.
 *
 * Only heap.c calls this, with the node's lock held.
 */

#include "internal.h"

/*
 * How many runs that are long enough to try for one that aligns, before one that
 * does for sure is taken; and in all, when there is none such.
 */
#define ALIGN_TRIES	8
#define ALIGN_LIMIT	64

static unsigned int tree_index(unsigned long npages)
{
	return min_t(unsigned long, npages, GO_RUN_MAX);
}

/* The order of the trees: by length, then by address. */
static bool run_before(struct rb_node *a, const struct rb_node *b)
{
	const struct gospan *x = rb_entry(a, struct gospan, rb);
	const struct gospan *y = rb_entry(b, struct gospan, rb);

	return x->npages != y->npages ? x->npages < y->npages :
					x->base < y->base;
}

static void count_free(struct gonode *node, long npages)
{
	node->free += npages;
	node->changes++;
	if (abs(npages) >= GO_RESERVE_RUN)
		node->big += npages;
}

/**
 * gorun_insert - put a run in its tree and in the map
 * @node: its node, locked
 * @a: its arena
 * @s: the run
 *
 * Context: the node's lock is held.
 */
void gorun_insert(struct gonode *node, struct goarena *a, struct gospan *s)
{
	unsigned int i = gorun_index(s->base), t = tree_index(s->npages);

	lockdep_assert_held(&node->lock);
	s->state = GO_SPAN_FREE;
	rb_add_cached(&s->rb, &node->runs[t], run_before);
	__set_bit(t, node->nonempty);
	count_free(node, s->npages);
	WRITE_ONCE(a->span[i], s);
	WRITE_ONCE(a->span[i + s->npages - 1], s);
}

/**
 * gorun_remove - take a run out of its tree
 * @node: its node, locked
 * @s: the run; the map is the caller's to change
 *
 * Context: the node's lock is held.
 */
void gorun_remove(struct gonode *node, struct gospan *s)
{
	unsigned int t = tree_index(s->npages);

	lockdep_assert_held(&node->lock);
	rb_erase_cached(&s->rb, &node->runs[t]);
	if (RB_EMPTY_ROOT(&node->runs[t].rb_root))
		__clear_bit(t, node->nonempty);
	count_free(node, -(long)s->npages);
	s->state = GO_SPAN_NONE;
}

static void set_pages(struct goarena *a, unsigned int i, unsigned int n,
		      struct gospan *s)
{
	while (n--)
		WRITE_ONCE(a->span[i++], s);
}

/* The first run of at least a length, in the order of the trees. */
static struct gospan *first_run(struct gonode *node, unsigned long npages)
{
	unsigned int t = find_next_bit(node->nonempty, GO_RUN_MAX + 1,
				       tree_index(npages));
	struct rb_node *rb, *best = NULL;
	struct gospan *s;

	if (t > GO_RUN_MAX)
		return NULL;
	if (t < GO_RUN_MAX)
		return rb_entry(rb_first_cached(&node->runs[t]), struct gospan,
				rb);

	for (rb = node->runs[t].rb_root.rb_node; rb;) {
		s = rb_entry(rb, struct gospan, rb);
		if (s->npages >= npages) {
			best = rb;
			rb = rb->rb_left;
		} else {
			rb = rb->rb_right;
		}
	}
	return best ? rb_entry(best, struct gospan, rb) : NULL;
}

/**
 * gorun_next - the run after another in the order of the trees
 * @node: their node, locked
 * @s: the other
 *
 * Context: the node's lock is held.
 * Return: the run, or NULL.
 */
struct gospan *gorun_next(struct gonode *node, struct gospan *s)
{
	struct rb_node *rb = rb_next(&s->rb);

	if (rb)
		return rb_entry(rb, struct gospan, rb);
	return s->npages < GO_RUN_MAX ? first_run(node, s->npages + 1) : NULL;
}

/* Pages before the first aligned one of a run. */
static unsigned long misaligned(const struct gospan *s, unsigned long align)
{
	return -gorun_index(s->base) & (align - 1);
}

/**
 * gorun_find - the best fit
 * @node: the node, locked
 * @npages: how many pages
 * @align: power of two, in pages
 *
 * With an alignment the first few runs that are long enough may not do; one
 * that is longer by the alignment always does, and so does a whole arena.
 *
 * Context: the node's lock is held.
 * Return: the shortest run that holds them, of these the one at the lowest
 * address; or NULL.
 */
struct gospan *gorun_find(struct gonode *node, unsigned long npages,
			  unsigned long align)
{
	struct gospan *s = first_run(node, npages);
	struct gospan *sure;
	unsigned int tries;

	for (tries = 1; s; tries++) {
		if (misaligned(s, align) + npages <= s->npages)
			return s;
		if (tries == ALIGN_TRIES) {
			sure = first_run(node, min(npages + align - 1,
						   GO_ARENA_PAGES));
			if (sure)
				return sure;
		}
		s = tries < ALIGN_LIMIT ? gorun_next(node, s) : NULL;
	}
	return NULL;
}

/**
 * gorun_cut - cut pages out of a run
 * @node: its node, locked
 * @s: what gorun_find() returned
 * @npages: how many pages
 * @align: power of two, in pages
 * @spare: two descriptors, the second only if @align is above 1; those that
 *	are used for what is left of the run are set to NULL
 *
 * Context: the node's lock is held.
 * Return: the pages, in no state.
 */
struct gospan *gorun_cut(struct gonode *node, struct gospan *s,
			 unsigned long npages, unsigned long align,
			 struct gospan *spare[2])
{
	struct goarena *a = gospan_arena(node->heap, s->base);
	unsigned long front = misaligned(s, align);
	unsigned long back = s->npages - front - npages;
	struct gospan *r = s, *b = s;

	gorun_remove(node, s);
	if (front || back) {
		r = spare[0];
		spare[0] = NULL;
		*r = *s;
		r->base += front << GO_PAGE_SHIFT;
		r->npages = npages;
	}
	if (back) {
		if (front) {
			b = spare[1];
			spare[1] = NULL;
			*b = *s;
		}
		b->base = r->base + (npages << GO_PAGE_SHIFT);
		b->npages = back;
		gorun_insert(node, a, b);
	}
	if (front) {
		s->npages = front;
		gorun_insert(node, a, s);
	}
	a->nfree -= npages;
	set_pages(a, gorun_index(r->base), npages, r);
	return r;
}

/**
 * gorun_free - make a run free and merge it with its neighbours
 * @node: its node, locked
 * @a: its arena
 * @s: the run
 * @dead: where descriptors that are no longer needed go
 *
 * Context: the node's lock is held.
 */
void gorun_free(struct gonode *node, struct goarena *a, struct gospan *s,
		struct list_head *dead)
{
	unsigned int i = gorun_index(s->base), n = s->npages;
	struct gospan *l, *r;

	lockdep_assert_held(&node->lock);
	set_pages(a, i, n, &gospan_nil);
	a->nfree += n;

	l = i ? a->span[i - 1] : &gospan_nil;
	if (l->state == GO_SPAN_FREE) {
		gorun_remove(node, l);
		WRITE_ONCE(a->span[i - 1], &gospan_nil);
		s->base = l->base;
		s->npages += l->npages;
		s->needzero |= l->needzero;
		list_add(&l->list, dead);
	}
	r = i + n < GO_ARENA_PAGES ? a->span[i + n] : &gospan_nil;
	if (r->state == GO_SPAN_FREE) {
		gorun_remove(node, r);
		WRITE_ONCE(a->span[i + n], &gospan_nil);
		s->npages += r->npages;
		s->needzero |= r->needzero;
		list_add(&r->list, dead);
	}
	gorun_insert(node, a, s);
}

/**
 * gorun_enter - enter pages in the map that are in use from the start
 * @a: their arena
 * @s: the pages
 *
 * Context: the lock of the arena's node is held.
 */
void gorun_enter(struct goarena *a, struct gospan *s)
{
	set_pages(a, gorun_index(s->base), s->npages, s);
}

/**
 * gorun_disown - forget pages that go back to the kernel
 * @node: their node, locked
 * @a: their arena; forgotten too when it holds no other
 * @s: the pages, cut out
 *
 * Context: the node's lock is held.
 */
void gorun_disown(struct gonode *node, struct goarena *a, struct gospan *s)
{
	lockdep_assert_held(&node->lock);
	set_pages(a, gorun_index(s->base), s->npages, &gospan_nil);
	a->npages -= s->npages;
	node->sys -= s->npages;
	node->changes++;
	node->released += s->npages;
	if (!a->npages) {
		list_del(&a->list);
		gospan_arena_leave(node->heap, a);
	}
}
