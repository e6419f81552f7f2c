// SPDX-License-Identifier: GPL-2.0
/*
 * Runs: the free pages of a node as a data structure.
 *
 * A free run has a descriptor and is in a tree: there is one for each length
 * below GO_RUN_MAX, by address, with a bitmap of those that hold any, and one
 * by length and address for the rest.  Go had lists for the short ones and has
 * a radix tree of summaries now; a list does not find the lowest address of a
 * length in bounded time, and summaries pay off in an address space reserved as
 * a whole, which the linear map is not.  The choice is best fit, lowest
 * address: it leaves long runs whole, and what stays in use gathers at one end.
 * What is left over of a run goes back, and a freed run merges with its
 * neighbours, which the map of its arena finds.  Runs do not cross arenas, so
 * that an arena with no page in use can be given back whole.
 *
 * Arenas are on lists by how much of them is in use.  That costs a few
 * instructions for each run taken or freed, and a move for one in 64 pages; it
 * lets giving back begin with the least used one, and find at once that there
 * is nothing.
 *
 * Nothing here knows a heap.  The runs' owner passes the lock that guards them
 * to goruns_init(), and holds it for all other calls.
 */

#include "runs.h"
#include "span.h"

/*
 * How many runs that are long enough are tried for alignment before one is
 * taken that is certain to align; and how many in all if there is no such run.
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

static void count_free_pages(struct goruns *r, long npages)
{
	lockdep_assert_held(r->lock);
	r->free += npages;
	r->changes++;
	if (abs(npages) >= GO_RESERVE_RUN)
		r->big += npages;
}

/**
 * goruns_init - make an empty set of runs
 * @r: the runs
 * @lock: what guards them
 * @shift: what makes an address of theirs a physical one when added
 *
 * Context: any.
 */
void goruns_init(struct goruns *r, raw_spinlock_t *lock, unsigned long shift)
{
	unsigned int i;

	memset(r, 0, sizeof(*r));
	r->lock = lock;
	r->shift = shift;
	for (i = 0; i < GO_NR_USES; i++)
		INIT_LIST_HEAD(&r->arenas[i]);
	for (i = 0; i <= GO_RUN_MAX; i++)
		r->tree[i] = RB_ROOT_CACHED;
}

/**
 * goruns_insert - put a run in its tree
 * @r: the runs
 * @s: the run
 *
 * Context: the lock of @r is held.
 */
void goruns_insert(struct goruns *r, struct gospan *s)
{
	unsigned int t = tree_index(s->npages);

	lockdep_assert_held(r->lock);
	s->state = GO_SPAN_FREE;
	rb_add_cached(&s->rb, &r->tree[t], run_before);
	__set_bit(t, r->nonempty);
	count_free_pages(r, s->npages);
}

/**
 * goruns_remove - take a run out of its tree
 * @r: the runs
 * @s: the run; the map is the caller's to change
 *
 * Context: the lock of @r is held.
 */
void goruns_remove(struct goruns *r, struct gospan *s)
{
	unsigned int t = tree_index(s->npages);

	lockdep_assert_held(r->lock);
	rb_erase_cached(&s->rb, &r->tree[t]);
	if (RB_EMPTY_ROOT(&r->tree[t].rb_root))
		__clear_bit(t, r->nonempty);
	count_free_pages(r, -(long)s->npages);
	s->state = GO_SPAN_NONE;
}

/* The first run of a tree that is behind a length and an address, or NULL. */
static struct gospan *first_run_behind(struct goruns *r, unsigned int t,
				       unsigned long npages, unsigned long base)
{
	struct rb_node *rb = r->tree[t].rb_root.rb_node;
	struct gospan *s, *best = NULL;

	lockdep_assert_held(r->lock);
	while (rb) {
		s = rb_entry(rb, struct gospan, rb);
		if (s->npages > npages ||
		    (s->npages == npages && s->base > base)) {
			best = s;
			rb = rb->rb_left;
		} else {
			rb = rb->rb_right;
		}
	}
	return best;
}

/* The first run of at least a length, in the order of the trees. */
static struct gospan *first_run_from(struct goruns *r, unsigned long npages)
{
	unsigned int t = find_next_bit(r->nonempty, GO_RUN_MAX + 1,
				       tree_index(npages));

	lockdep_assert_held(r->lock);
	if (t > GO_RUN_MAX)
		return NULL;
	if (t < GO_RUN_MAX)
		return rb_entry(rb_first_cached(&r->tree[t]), struct gospan,
				rb);
	return first_run_behind(r, t, npages, 0);
}

/**
 * goruns_after - the first run behind a place in the order of the trees
 * @r: the runs
 * @npages: the length of the place; 0 before all
 * @base: its address
 *
 * Context: the lock of @r is held.
 * Return: the run, or NULL.
 */
struct gospan *goruns_after(struct goruns *r, unsigned long npages,
			    unsigned long base)
{
	unsigned int t = tree_index(npages);
	struct gospan *s = first_run_behind(r, t, npages, base);

	lockdep_assert_held(r->lock);
	return s || t == GO_RUN_MAX ? s : first_run_from(r, t + 1);
}

/**
 * goruns_next - the run behind another in the order of the trees
 * @r: the runs
 * @s: the other
 *
 * As goruns_after(), without a descent.
 *
 * Context: the lock of @r is held.
 * Return: the run, or NULL.
 */
struct gospan *goruns_next(struct goruns *r, struct gospan *s)
{
	struct rb_node *rb = rb_next(&s->rb);

	lockdep_assert_held(r->lock);
	if (rb)
		return rb_entry(rb, struct gospan, rb);
	return s->npages < GO_RUN_MAX ? first_run_from(r, s->npages + 1) : NULL;
}

/*
 * Pages before the first aligned one of a run.  What counts is the physical
 * address, as for the page allocator: no other could suit a whole arena.
 */
static unsigned long misaligned_pages(const struct goruns *r,
				      const struct gospan *s,
				      unsigned long align)
{
	return -((s->base + r->shift) >> GO_PAGE_SHIFT) & (align - 1);
}

/**
 * goruns_find - the best fit
 * @r: the runs
 * @npages: how many pages
 * @align: power of two, in pages
 *
 * With an alignment the first few runs that are long enough may not do; one
 * that is longer by the alignment always does, and so does a whole arena.
 *
 * Context: the lock of @r is held.
 * Return: the shortest run that holds them, of these the one at the lowest
 * address; or NULL.
 */
struct gospan *goruns_find(struct goruns *r, unsigned long npages,
			   unsigned long align)
{
	struct gospan *s = first_run_from(r, npages);
	struct gospan *sure;
	unsigned int tries;

	lockdep_assert_held(r->lock);
	for (tries = 1; s; tries++) {
		if (misaligned_pages(r, s, align) + npages <= s->npages)
			return s;
		if (tries == ALIGN_TRIES) {
			sure = first_run_from(r, min(npages + align - 1,
						     GO_ARENA_PAGES));
			if (sure)
				return sure;
		}
		s = tries < ALIGN_LIMIT ? goruns_next(r, s) : NULL;
	}
	return NULL;
}

/**
 * goruns_map - enter what the pages of a run belong to in their arena
 * @a: their arena
 * @s: the pages
 * @to: @s itself, or &gospan_nil
 *
 * Context: the lock of the runs' owner is held, which the callers assert.
 */
void goruns_map(struct goarena *a, struct gospan *s, struct gospan *to)
{
	unsigned int i = gospan_page_index(a, s->base), n = s->npages;

	/* What it says first: readers follow the pointer without a lock. */
	smp_wmb();
	while (n--)
		WRITE_ONCE(a->span[i++], to);
}

/**
 * goruns_add_arena - take an arena in
 * @r: the runs
 * @a: the arena
 *
 * Context: the lock of @r is held.
 */
void goruns_add_arena(struct goruns *r, struct goarena *a)
{
	lockdep_assert_held(r->lock);
	a->use = goruns_use(a);
	r->narenas[a->use]++;
	list_add_tail(&a->list, &r->arenas[a->use]);
}

/**
 * goruns_remove_arena - forget an arena
 * @r: the runs
 * @a: the arena, which has no pages
 *
 * Context: the lock of @r is held.
 */
void goruns_remove_arena(struct goruns *r, struct goarena *a)
{
	lockdep_assert_held(r->lock);
	r->narenas[a->use]--;
	list_del(&a->list);
}

/* Behind the others there, which a walk then comes to first. */
static void move_arena(struct goruns *r, struct goarena *a, unsigned int use)
{
	lockdep_assert_held(r->lock);
	r->narenas[a->use]--;
	r->narenas[use]++;
	a->use = use;
	list_move_tail(&a->list, &r->arenas[use]);
}

static __always_inline void file_arena(struct goruns *r, struct goarena *a)
{
	unsigned int use = goruns_use(a);

	lockdep_assert_held(r->lock);
	if (unlikely(use != a->use))
		move_arena(r, a, use);
}

/**
 * goruns_file_arena - put an arena on the list that it belongs on
 * @r: the runs
 * @a: the arena, whose npages or nfree has changed
 *
 * Context: the lock of @r is held.
 */
void goruns_file_arena(struct goruns *r, struct goarena *a)
{
	file_arena(r, a);
}

/* A free run is in the map at its first and last page only. */
static void insert_and_map(struct goruns *r, struct goarena *a,
			   struct gospan *s)
{
	unsigned int i = gospan_page_index(a, s->base);

	lockdep_assert_held(r->lock);
	goruns_insert(r, s);
	/* What it says first, as in goruns_map(). */
	smp_wmb();
	WRITE_ONCE(a->span[i], s);
	WRITE_ONCE(a->span[i + s->npages - 1], s);
}

/**
 * goruns_cut - cut pages out of a run
 * @r: the runs
 * @a: the arena of @s
 * @s: what goruns_find() returned
 * @npages: how many pages
 * @align: power of two, in pages
 * @spare: two descriptors, the second only if @align is above 1; the first
 *	may be missing if all of the run is taken; those that are used are set
 *	to NULL
 *
 * The pages get a descriptor of their own even if they are all of the run, and
 * then that of the run is left in @spare: it may not be carved, see span.c.
 *
 * Context: the lock of @r is held.
 * Return: the pages, in state %GO_SPAN_NONE.
 */
struct gospan *goruns_cut(struct goruns *r, struct goarena *a,
			  struct gospan *s, unsigned long npages,
			  unsigned long align, struct gospan *spare[2])
{
	unsigned long front = misaligned_pages(r, s, align);
	unsigned long back = s->npages - front - npages;
	struct gospan *mid = s, *rest = s;

	lockdep_assert_held(r->lock);
	goruns_remove(r, s);
	if (spare[0]) {
		mid = spare[0];
		spare[0] = front || back ? NULL : s;
		*mid = *s;
		mid->base += front << GO_PAGE_SHIFT;
		mid->npages = npages;
	}
	if (back) {
		if (front) {
			rest = spare[1];
			spare[1] = NULL;
			*rest = *s;
		}
		rest->base = mid->base + (npages << GO_PAGE_SHIFT);
		rest->npages = back;
		insert_and_map(r, a, rest);
	}
	if (front) {
		s->npages = front;
		insert_and_map(r, a, s);
	}
	a->nfree -= npages;
	file_arena(r, a);
	goruns_map(a, mid, mid);
	return mid;
}

/* Take a free neighbour out of its tree and merge it into the run. */
static void absorb_neighbour(struct goruns *r, struct goarena *a,
			     unsigned int edge, struct gospan *s,
			     struct list_head *dead)
{
	struct gospan *old = a->span[edge];

	lockdep_assert_held(r->lock);
	goruns_remove(r, old);
	WRITE_ONCE(a->span[edge], &gospan_nil);
	s->base = min(s->base, old->base);
	s->npages += old->npages;
	s->needzero |= old->needzero;
	list_add(&old->list, dead);
}

/**
 * goruns_free - make a run free and merge it with its neighbours
 * @r: the runs
 * @a: the arena of @s
 * @s: the run
 * @dead: where descriptors that are no longer needed go
 *
 * Context: the lock of @r is held.
 */
void goruns_free(struct goruns *r, struct goarena *a, struct gospan *s,
		 struct list_head *dead)
{
	unsigned int i = gospan_page_index(a, s->base), n = s->npages;

	lockdep_assert_held(r->lock);
	goruns_map(a, s, &gospan_nil);
	a->nfree += n;
	if (i && a->span[i - 1]->state == GO_SPAN_FREE)
		absorb_neighbour(r, a, i - 1, s, dead);
	if (i + n < GO_ARENA_PAGES && a->span[i + n]->state == GO_SPAN_FREE)
		absorb_neighbour(r, a, i + n, s, dead);
	insert_and_map(r, a, s);
	file_arena(r, a);
}
