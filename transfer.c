// SPDX-License-Identifier: GPL-2.0
/*
 * Transfer caches: magazines of free objects between the stacks of the CPUs and
 * the mcentrals.
 *
 * A magazine is an array of free objects that changes hands whole.  A stack
 * that is full leaves one here and gets an empty one, a stack that is empty
 * leaves the empty one and takes the other: pointers change hands under a lock,
 * whatever the number of objects.  To put an object back into the bits of its
 * span and to take it out again costs sixty instructions and more.  So the
 * objects that one CPU frees and another needs do not pass their spans.
 *
 * This is Bonwick's depot, which SLUB has as the barn of its sheaves.  TCMalloc
 * copies batches of pointers into one array instead; a slot here is twice as
 * long, and to copy it in and out would cost more than all the rest.
 *
 * What lies here is free, but no span and no other class can use it.  So there
 * are bounds: GO_TRANSFER_BYTES and GO_TRANSFER_MAX for a class and a node, and
 * has_room() for all classes; a magazine that nothing has needed for a whole tick
 * of the background goes back to the spans (Bonwick's working set); and so do some
 * before the heap grows, and all when there is no other memory.
 *
 * Magazines hold objects of one node.  A stack may have others, freed by its CPU
 * on behalf of another; on the way here these are picked out, and go to their
 * spans.
 *
 * Any context, but in NMI only gotransfer_take_one().
 */

#include <linux/nodemask.h>
#include <linux/sched.h>
#include "central.h"
#include "fixalloc.h"
#include "hooks.h"
#include "numa.h"
#include "shape.h"
#include "span.h"
#include "transfer.h"

/* Storage for up to 15, 31, 63 and GO_MAGAZINE_MAX objects. */
static const unsigned int storage_bytes[GO_NR_FIX_STACK] = {
	256, 512, 1024, 2016,
};

static struct gofixalloc *storage_fix(struct gonode *node, unsigned int cap)
{
	return &node->fix[GO_FIX_STACK + max(fls(cap), 4) - 4];
}

/**
 * gotransfer_new - make an empty magazine
 * @h: the heap
 * @cap: the most objects that it shall hold
 *
 * Its storage is of the CPU's node.  Only the worker may call the page allocator,
 * so it is asked when storage gets low.
 *
 * Context: any but NMI.
 * Return: the magazine, or NULL.
 */
struct gomagazine *gotransfer_new(struct goheap *h, unsigned int cap)
{
	struct gofixalloc *fix = storage_fix(gonuma_heap(h, numa_mem_id()), cap);
	struct gomagazine *m = gofixalloc_pop(fix);

	if (gofixalloc_low(fix))
		gohooks_kick(h);
	if (m) {
		WRITE_ONCE(m->next, NULL);
		WRITE_ONCE(m->n, 0);
	}
	return m;
}

/* There are so many objects more, or fewer. */
static void count_objects(struct gotransfer *t, long n)
{
	lockdep_assert_held(&t->lock);
	WRITE_ONCE(t->objects, t->objects + n);
	atomic_long_add(n * t->size, &t->node->transferred[t->whole]);
}

static void push_full(struct gotransfer *t, struct gomagazine *m)
{
	lockdep_assert_held(&t->lock);
	WRITE_ONCE(m->next, t->full);
	t->full = m;
	WRITE_ONCE(t->nfull, t->nfull + 1);
	count_objects(t, m->n);
	if (t->nfull == 1)
		gohooks_wake(t->node->heap);
}

static struct gomagazine *pop_full(struct gotransfer *t)
{
	struct gomagazine *m = t->full;

	lockdep_assert_held(&t->lock);
	if (!m)
		return NULL;
	t->full = m->next;
	WRITE_ONCE(t->nfull, t->nfull - 1);
	t->full_low = min(t->full_low, t->nfull);
	count_objects(t, -(long)m->n);
	return m;
}

static void push_empty(struct gotransfer *t, struct gomagazine *m)
{
	lockdep_assert_held(&t->lock);
	WRITE_ONCE(m->next, t->empty);
	t->empty = m;
	WRITE_ONCE(t->nempty, t->nempty + 1);
	if (t->nempty == 1)
		gohooks_wake(t->node->heap);
}

static struct gomagazine *pop_empty(struct gotransfer *t)
{
	struct gomagazine *m = t->empty;

	lockdep_assert_held(&t->lock);
	if (!m)
		return NULL;
	t->empty = m->next;
	WRITE_ONCE(t->nempty, t->nempty - 1);
	t->empty_low = min(t->empty_low, t->nempty);
	return m;
}

/**
 * gotransfer_take - take a magazine with objects
 * @t: the transfer cache
 * @empty: an empty one, which is left if there is another
 *
 * Context: any but NMI.
 * Return: the magazine, or NULL if there is none; then @empty is the caller's.
 */
struct gomagazine *gotransfer_take(struct gotransfer *t,
				   struct gomagazine *empty)
{
	struct gomagazine *m;
	unsigned long flags;

	if (!gotransfer_has(t))
		return NULL;
	raw_spin_lock_irqsave(&t->lock, flags);
	m = pop_full(t);
	if (m)
		push_empty(t, empty);
	raw_spin_unlock_irqrestore(&t->lock, flags);
	return m;
}

/* Take objects out of the first magazine; returns how many there were. */
static unsigned int take_objects(struct gotransfer *t, struct goslot *slot,
				 unsigned int want)
{
	struct gomagazine *m = t->full;
	unsigned int n = min(want, m->n);

	lockdep_assert_held(&t->lock);
	WRITE_ONCE(m->n, m->n - n);
	count_objects(t, -(long)n);
	memcpy(slot, m->slot + m->n, n * sizeof(*slot));
	if (!m->n)
		push_empty(t, pop_full(t));
	return n;
}

/**
 * gotransfer_copy - take some objects
 * @t: the transfer cache
 * @slot: where to put them
 * @want: how many, at most GO_BATCH
 *
 * For a stack that is too small for a magazine.
 *
 * Context: any but NMI.
 * Return: how many there were.
 */
unsigned int gotransfer_copy(struct gotransfer *t, struct goslot *slot,
			     unsigned int want)
{
	unsigned long flags;
	unsigned int n = 0;

	if (!gotransfer_has(t))
		return 0;
	raw_spin_lock_irqsave(&t->lock, flags);
	if (t->full)
		n = take_objects(t, slot, want);
	raw_spin_unlock_irqrestore(&t->lock, flags);
	return n;
}

/**
 * gotransfer_take_one - get one object past the mcache
 * @t: the transfer cache
 * @size: what was asked for
 * @slot: where to put the object
 *
 * Context: any, NMI included.
 * Return: false if there is none, or in NMI if the lock is taken.
 */
bool gotransfer_take_one(struct gotransfer *t, size_t size,
			 struct goslot *slot)
{
	unsigned long flags;
	bool got;

	local_irq_save(flags);
	if (unlikely(in_nmi())) {
		/* The NMI may have interrupted the holder of the lock. */
		if (!raw_spin_trylock(&t->lock)) {
			local_irq_restore(flags);
			return false;
		}
	} else {
		raw_spin_lock(&t->lock);
	}
	got = t->full && take_objects(t, slot, 1);
	if (got) {
		t->mallocs++;
		t->requested += size;
	}
	raw_spin_unlock_irqrestore(&t->lock, flags);
	return got;
}

/**
 * gotransfer_top_up - add the empty magazines that were lacking
 * @t: the transfer cache
 * @gfp: as for alloc_pages()
 *
 * Context: what @gfp permits.
 */
void gotransfer_top_up(struct gotransfer *t, gfp_t gfp)
{
	unsigned int wanted, cap;
	struct gomagazine *m;
	unsigned long flags;
	bool fits;

	if (!READ_ONCE(t->wanted))
		return;
	raw_spin_lock_irqsave(&t->lock, flags);
	wanted = t->wanted;
	WRITE_ONCE(t->wanted, 0);
	raw_spin_unlock_irqrestore(&t->lock, flags);
	while (wanted--) {
		cap = READ_ONCE(t->cap);
		m = gofixalloc_alloc(storage_fix(t->node, cap), gfp);
		if (!m)
			break;
		WRITE_ONCE(m->n, 0);
		raw_spin_lock_irqsave(&t->lock, flags);
		/* The span class may be another cache's by now. */
		fits = t->cap == cap;
		if (fits)
			push_empty(t, m);
		raw_spin_unlock_irqrestore(&t->lock, flags);
		if (!fits)
			gofixalloc_free(t->node->heap, m);
	}
}

/* Free a magazine, and put its objects into their spans. */
static void break_up(struct goheap *h, struct gomagazine *m)
{
	if (m->n)
		gocentral_free(h, m->slot, m->n, false);
	gofixalloc_free(h, m);
}

/* The node of an object; NULL if it is none, which only check=0 lets in. */
static struct gonode *node_of(struct goheap *h, const struct goslot *slot)
{
	struct gocentral *c = gospan_of(h, slot->obj)->central;

	return c ? c->node : NULL;
}

/*
 * Leave objects of one node in a magazine, that of the last one, and put the others
 * into their spans, but no more than a free may be asked to pay for.  Returns the node;
 * NULL if the magazine is empty now, or not of one node yet.
 */
static struct gonode *keep_one_node(struct goheap *h, struct gomagazine *m)
{
	struct gonode *node = node_of(h, &m->slot[m->n - 1]);
	unsigned int i, n = m->n, others;

	for (i = n; i--;) {
		if (node && node_of(h, &m->slot[i]) == node)
			continue;
		n--;
		swap(m->slot[i], m->slot[n]);
	}
	others = m->n - n;
	n = min(others, GO_FLUSH);
	if (n)
		gocentral_free(h, m->slot + m->n - n, n, false);
	WRITE_ONCE(m->n, m->n - n);
	return others == n ? node : NULL;
}

static struct gonode *home_of(struct goheap *h, struct gomagazine *m)
{
	return nr_node_ids == 1 ? h->node[0] : keep_one_node(h, m);
}

/*
 * Has the class's share room, and that of all classes of the node?  Objects that are a
 * span each have only their own: they are as good as the idle spans that they would be.
 */
static bool has_room(const struct gotransfer *t)
{
	unsigned long all = READ_ONCE(t->node->sys) << GO_PAGE_SHIFT;

	return READ_ONCE(t->nfull) < t->most &&
	       (t->whole || atomic_long_read(&t->node->transferred[false]) <
			    max(all / GO_TRANSFER_PART, GO_TRANSFER_LEAST));
}

/* Have the worker add a magazine, unless all that there is room for will be. */
static void note_lack(struct gotransfer *t)
{
	lockdep_assert_held(&t->lock);
	if (t->nfull + t->nempty + t->wanted < t->most)
		WRITE_ONCE(t->wanted, t->wanted + 1);
}

/**
 * gotransfer_leave - leave a magazine with objects for an empty one
 * @h: the heap
 * @spc: the span class
 * @m: the magazine
 *
 * There may be no room, or no other magazine.
 *
 * Context: any but NMI; preemption is off.
 * Return: an empty magazine, or @m with what is left in it.
 */
struct gomagazine *gotransfer_leave(struct goheap *h, unsigned int spc,
				    struct gomagazine *m)
{
	struct gonode *node = home_of(h, m);
	struct gomagazine *empty = NULL;
	struct gotransfer *t;
	unsigned long flags;
	bool left;

	if (!node)
		return m;
	t = &node->transfer[spc];
	if (has_room(t) && !READ_ONCE(t->empty))
		empty = gotransfer_new(h, t->cap);
	raw_spin_lock_irqsave(&t->lock, flags);
	left = has_room(t);
	if (left && !empty)
		empty = pop_empty(t);
	if (left && empty)
		push_full(t, m);
	else if (left)
		note_lack(t);
	raw_spin_unlock_irqrestore(&t->lock, flags);
	if (left && empty)
		return empty;
	if (left)
		gohooks_kick(h);
	if (empty)
		gofixalloc_free(h, empty);
	return m;
}

/* Let go of a magazine, or at least of a few of its objects. */
static bool give_up_some(struct goheap *h, struct gomagazine *m)
{
	unsigned int n = min(m->n, GO_FLUSH);

	WRITE_ONCE(m->n, m->n - n);
	gocentral_free(h, m->slot + m->n, n, false);
	if (m->n)
		return false;
	gofixalloc_free(h, m);
	return true;
}

/**
 * gotransfer_store - leave a magazine for good
 * @h: the heap
 * @spc: the span class
 * @m: the magazine, with or without objects
 *
 * Context: any but NMI; preemption is off.
 * Return: whether it is gone; else it has lost a few objects, as there is no room.
 */
bool gotransfer_store(struct goheap *h, unsigned int spc, struct gomagazine *m)
{
	struct gonode *node = m->n ? home_of(h, m) : NULL;
	struct gomagazine *empty = NULL;
	struct gotransfer *t;
	unsigned long flags;
	bool left = false;

	if (node) {
		t = &node->transfer[spc];
		raw_spin_lock_irqsave(&t->lock, flags);
		left = has_room(t);
		if (left)
			push_full(t, m);
		/* It does not take one with it, as others do. */
		if (t->nfull + t->nempty > t->most)
			empty = pop_empty(t);
		raw_spin_unlock_irqrestore(&t->lock, flags);
	}
	if (empty)
		gofixalloc_free(h, empty);
	return left || give_up_some(h, m);
}

/* Take a magazine out, to break it up; put_detached() comes when that is done. */
static struct gomagazine *detach(struct gotransfer *t, bool full)
{
	struct gomagazine *m;
	unsigned long flags;

	raw_spin_lock_irqsave(&t->lock, flags);
	m = full ? pop_full(t) : pop_empty(t);
	if (m)
		WRITE_ONCE(t->leaving, t->leaving + 1);
	raw_spin_unlock_irqrestore(&t->lock, flags);
	return m;
}

/* Break up what has been taken out.  Meanwhile its objects are nowhere. */
static void put_detached(struct gotransfer *t, struct gomagazine *m)
{
	unsigned long flags;

	break_up(t->node->heap, m);
	raw_spin_lock_irqsave(&t->lock, flags);
	WRITE_ONCE(t->leaving, t->leaving - 1);
	WRITE_ONCE(t->left, t->left + 1);
	raw_spin_unlock_irqrestore(&t->lock, flags);
}

/**
 * gotransfer_flush - put objects back into their spans
 * @t: the transfer cache
 * @want: how many magazines; but no more than there are now, because a busy load
 *	may leave more of them as fast
 *
 * Context: any but NMI.
 * Return: how many went.
 */
unsigned int gotransfer_flush(struct gotransfer *t, unsigned int want)
{
	struct gomagazine *m;
	unsigned int n;

	want = min(want, READ_ONCE(t->nfull));
	for (n = 0; n < want && (m = detach(t, true)); n++)
		put_detached(t, m);
	return n;
}

static void free_empties(struct gotransfer *t)
{
	unsigned int n = READ_ONCE(t->nempty);
	struct gomagazine *m;

	while (n-- && (m = detach(t, false)))
		put_detached(t, m);
}

/**
 * gotransfer_empty - put all objects back into their spans
 * @t: the transfer cache
 *
 * The storage goes, too.
 *
 * Context: task, may sleep.
 */
void gotransfer_empty(struct gotransfer *t)
{
	unsigned int left;

	for (left = READ_ONCE(t->nfull); left && gotransfer_flush(t, 1); left--)
		cond_resched();
	free_empties(t);
}

/**
 * gotransfer_flush_all - put all objects of a node's back into their spans
 * @node: the node
 *
 * Context: task, may sleep.
 */
void gotransfer_flush_all(struct gonode *node)
{
	unsigned int spc;

	for_each_goshape(spc)
		gotransfer_empty(&node->transfer[spc]);
}

static unsigned int count_magazines(const struct gotransfer *t)
{
	return READ_ONCE(t->nfull) + READ_ONCE(t->nempty);
}

/**
 * gotransfer_any - has a node any magazines in its transfer caches?
 * @node: the node
 *
 * Context: any.
 * Return: whether it has.
 */
bool gotransfer_any(const struct gonode *node)
{
	unsigned int spc;

	for_each_goshape(spc)
		if (count_magazines(&node->transfer[spc]))
			return true;
	return false;
}

/**
 * gotransfer_mark_idle - note how much was not needed since the last call
 * @t: the transfer cache
 *
 * gotransfer_trim_idle() gives it up.
 *
 * Context: any but NMI.
 */
void gotransfer_mark_idle(struct gotransfer *t)
{
	unsigned long flags;

	if (!count_magazines(t))
		return;
	raw_spin_lock_irqsave(&t->lock, flags);
	WRITE_ONCE(t->stale_full, t->full_low);
	WRITE_ONCE(t->stale_empty, t->empty_low);
	t->full_low = t->nfull;
	t->empty_low = t->nempty;
	raw_spin_unlock_irqrestore(&t->lock, flags);
}

/* Take out a magazine that was marked and has not been needed since. */
static struct gomagazine *detach_idle(struct gotransfer *t)
{
	unsigned int full = min(t->stale_full, t->full_low);
	unsigned int empty = min(t->stale_empty, t->empty_low);

	lockdep_assert_held(&t->lock);
	WRITE_ONCE(t->stale_full, full ? full - 1 : 0);
	if (full)
		return pop_full(t);
	WRITE_ONCE(t->stale_empty, empty ? empty - 1 : 0);
	return empty ? pop_empty(t) : NULL;
}

/**
 * gotransfer_trim_idle - give up a magazine that was marked
 * @t: the transfer cache
 *
 * Context: any but NMI.
 * Return: false when all have gone.
 */
bool gotransfer_trim_idle(struct gotransfer *t)
{
	struct gomagazine *m;
	unsigned long flags;

	if (!READ_ONCE(t->stale_full) && !READ_ONCE(t->stale_empty))
		return false;
	raw_spin_lock_irqsave(&t->lock, flags);
	m = detach_idle(t);
	if (m)
		WRITE_ONCE(t->leaving, t->leaving + 1);
	raw_spin_unlock_irqrestore(&t->lock, flags);
	if (m)
		put_detached(t, m);
	return m;
}

/**
 * gotransfer_left - count the magazines of a node that have been broken up
 * @node: the node
 *
 * Context: any.
 * Return: a number that changes when objects have gone to their spans.
 */
unsigned int gotransfer_left(const struct gonode *node)
{
	unsigned int sum = 0, spc;

	for_each_goshape(spc)
		sum += READ_ONCE(node->transfer[spc].left);
	return sum;
}

/**
 * gotransfer_is_leaving - are objects between the transfer caches and the spans?
 * @node: the node
 *
 * Context: any.
 * Return: whether some are.
 */
bool gotransfer_is_leaving(const struct gonode *node)
{
	unsigned int spc;

	for_each_goshape(spc)
		if (READ_ONCE(node->transfer[spc].leaving))
			return true;
	return false;
}

/**
 * gotransfer_shape - have a transfer cache suit the shape of its span class
 * @t: the transfer cache, which has no objects
 * @spc: the span class
 *
 * Context: any but NMI.
 */
void gotransfer_shape(struct gotransfer *t, unsigned int spc)
{
	unsigned int size = goshapes[spc].size;
	unsigned long flags;

	if (!size)
		return;
	raw_spin_lock_irqsave(&t->lock, flags);
	t->size = size;
	WRITE_ONCE(t->cap, gotransfer_cap(spc));
	t->whole = goshapes[spc].npages << GO_PAGE_SHIFT == size;
	t->most = min((t->whole ? GO_TRANSFER_WHOLE : GO_TRANSFER_BYTES) /
		      (size * t->cap), GO_TRANSFER_MAX / t->cap);
	WRITE_ONCE(t->wanted, 0);
	raw_spin_unlock_irqrestore(&t->lock, flags);
	/* The worker may have added some of the old length since it was emptied. */
	free_empties(t);
}

/**
 * gotransfer_init - make a transfer cache
 * @t: the transfer cache
 * @node: its node
 * @spc: the span class
 *
 * Context: any.
 */
void gotransfer_init(struct gotransfer *t, struct gonode *node,
		     unsigned int spc)
{
	raw_spin_lock_init(&t->lock);
	t->node = node;
	gotransfer_shape(t, spc);
}

/**
 * gotransfer_fix_init - make a node's allocators of magazines
 * @node: the node
 *
 * Context: any.
 */
void gotransfer_fix_init(struct gonode *node)
{
	unsigned int i;

	BUILD_BUG_ON(sizeof(struct gomagazine) != sizeof(struct goslot));
	for (i = 0; i < GO_NR_FIX_STACK; i++)
		gofixalloc_init(node, GO_FIX_STACK + i, storage_bytes[i],
				i ? 4 : 16);
}
