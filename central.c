// SPDX-License-Identifier: GPL-2.0
/*
 * mcentral: the spans of one span class on one node, under one lock.
 *
 * Spans with something to give are on lists by how many of their objects are
 * out.  The fullest is used first, so that nearly empty ones can drain.  Spans
 * with nothing to give are on no list.  Go's mcentral has lock-free sets of
 * spans instead; these keep no order, and what comes back to a span needs a
 * lock in any case.
 *
 * A span whose last object comes back is idle and stays on a list, too.  Given
 * to the heap at once it would be uncarved and carved again whenever a workload
 * goes up and down by one object.  source.c takes idle spans before the heap
 * grows, the background takes those that have been idle for a whole tick, and
 * the shrinker and the limit take them when they need memory.
 *
 * Objects move in batches of at most GO_BATCH under one hold.  A refill may
 * also hand out a span as the mcache's current one: then what it has to give
 * (@avail) is the mcache's alone, and only what comes back (@back) is still
 * kept here.
 *
 * stack.c, alloc.c and free.c take and put objects here, and so does
 * reclaim/drain.c; source.c adds spans; source.c and reclaim/ ask for idle
 * ones.  Any context, but in NMI only gocentral_take().
 */

#include <linux/rcupdate.h>
#include <linux/rcupdate_wait.h>
#include "central.h"
#include "gfp.h"
#include "heap.h"
#include "hooks.h"
#include "shape.h"
#include "span.h"

/* Take a span off its list. */
static void unlist_span(struct gocentral *c, struct gospan *s)
{
	unsigned int b = s->bucket;

	lockdep_assert_held(&c->lock);
	s->bucket = GO_BUCKET_NONE;
	list_del(&s->list);
	if (list_empty(&c->partial[b]))
		c->nonempty &= ~BIT(b);
	if (b == 0) {
		WRITE_ONCE(c->idle, c->idle - 1);
		WRITE_ONCE(c->idle_bytes, c->idle_bytes - s->bytes);
		if (unlikely(c->idle < c->idle_low))
			c->idle_low = c->idle;
		/* Before its objects are counted as handed out: see stats.c. */
		smp_wmb();
	}
}

/* Move a span to the list for the number of its objects that are out. */
static void place_span(struct gocentral *c, struct gospan *s)
{
	unsigned int left = s->navail + s->nback;
	unsigned int b = left ? fls(s->nelems - left) : GO_BUCKET_NONE;

	lockdep_assert_held(&c->lock);
	if (b == s->bucket)
		return;
	if (s->bucket != GO_BUCKET_NONE)
		unlist_span(c, s);
	s->bucket = b;
	if (b == GO_BUCKET_NONE)
		return;
	list_add(&s->list, &c->partial[b]);
	c->nonempty |= BIT(b);
	if (b)
		return;
	if (unlikely(goshapes[c->spanclass].typesafe))
		s->idle_since = get_state_synchronize_rcu();
	/* After the last of its objects was counted as freed: see stats.c. */
	smp_wmb();
	WRITE_ONCE(c->idle_bytes, c->idle_bytes + s->bytes);
	WRITE_ONCE(c->idle, c->idle + 1);
	if (c->idle == 1)
		gohooks_wake(c->node->heap);
}

/* So many objects more are free in spans that no mcache holds, or fewer. */
static void count_free(struct gocentral *c, long n)
{
	lockdep_assert_held(&c->lock);
	WRITE_ONCE(c->nfree, c->nfree + n);
}

/* An mcache lets go of a span. */
static void uncache_span(struct gocentral *c, struct gospan *s)
{
	lockdep_assert_held(&c->lock);
	s->cached = false;
	count_free(c, s->navail + s->nback);
	place_span(c, s);
}

/* Make what has come back available. */
static void merge_back(struct gospan *s)
{
	unsigned int w;

	lockdep_assert_held(&s->central->lock);
	if (!s->nback)
		return;
	for (w = 0; w < BITS_TO_LONGS(s->nelems); w++) {
		s->avail[w] |= s->back[w];
		s->back[w] = 0;
	}
	s->navail += s->nback;
	s->nback = 0;
}

static struct gospan *fullest_span(struct gocentral *c)
{
	lockdep_assert_held(&c->lock);
	if (!c->nonempty)
		return NULL;
	return list_first_entry(&c->partial[__fls(c->nonempty)],
				struct gospan, list);
}

/**
 * gocentral_refill - get objects for a stack
 * @h: the heap
 * @c: the mcentral
 * @cur: in: the span that the mcache has emptied, or NULL; out: the one it
 *	holds now, or NULL
 * @slot: where to put the objects
 * @want: how many, at most GO_BATCH
 *
 * Context: any but NMI; the caller owns the mcache.
 * Return: how many there were.
 */
unsigned int gocentral_refill(struct goheap *h, struct gocentral *c,
			      struct gospan **cur, struct goslot *slot,
			      unsigned int want)
{
	struct gospan *s = *cur;
	unsigned int n = 0, left = 0;
	unsigned long flags;

	/* A span of another node's mcentral goes back to its own. */
	if (s && s->central != c) {
		gocentral_uncache(h, s);
		s = NULL;
	}

	*cur = NULL;
	raw_spin_lock_irqsave(&c->lock, flags);
	if (s)
		uncache_span(c, s);
	while (n < want && (s = fullest_span(c))) {
		unlist_span(c, s);
		merge_back(s);
		left += s->navail;
		n += gospan_take(s, slot + n, want - n);
		if (!GO_KEEP_CURRENT) {
			left -= s->navail;
			place_span(c, s);
		} else if (s->navail) {
			s->cached = true;
			*cur = s;
		}
	}
	count_free(c, -(long)left);
	raw_spin_unlock_irqrestore(&c->lock, flags);
	return n;
}

/**
 * gocentral_take - get one object past the mcache
 * @c: the mcentral
 * @size: what was asked for
 * @slot: where to put the object
 *
 * Context: any, NMI included.
 * Return: false if there is none, or in NMI if the lock is taken.
 */
bool gocentral_take(struct gocentral *c, size_t size, struct goslot *slot)
{
	struct gospan *s;
	unsigned long flags;

	local_irq_save(flags);
	if (unlikely(in_nmi())) {
		/* The NMI may have interrupted the holder of the lock. */
		if (!raw_spin_trylock(&c->lock)) {
			local_irq_restore(flags);
			return false;
		}
	} else {
		raw_spin_lock(&c->lock);
	}
	s = fullest_span(c);
	if (s) {
		merge_back(s);
		gospan_take(s, slot, 1);
		count_free(c, -1);
		place_span(c, s);
		c->mallocs++;
		c->requested += size;
	}
	raw_spin_unlock_irqrestore(&c->lock, flags);
	return s;
}

/* Put an object back into its span; false if it is there already. */
static bool put_object_back(struct gospan *s, void *obj)
{
	unsigned long idx;

	lockdep_assert_held(&s->central->lock);
	/* The waste at the end of a span can look like an object. */
	if (!gospan_index(s, obj, &idx) || idx >= s->nelems ||
	    test_bit(idx, s->avail) || __test_and_set_bit(idx, s->back))
		return false;
	if (s->objstate[idx] != GO_OBJ_POISONED)
		s->objstate[idx] = GO_OBJ_FREE;
	s->nback++;
	return true;
}

/*
 * Put back the last of some objects and those before it that are in the same
 * span, for most often they come in a row.  Returns the end of the rest.
 */
static struct goslot *put_objects_back(struct gospan *s, struct goslot *first,
				       struct goslot *top, void **bad,
				       unsigned int *nbad)
{
	lockdep_assert_held(&s->central->lock);
	do {
		top--;
		if (unlikely(!put_object_back(s, top->obj)))
			bad[(*nbad)++] = top->obj;
	} while (top > first && (unsigned long)top[-1].obj - s->base < s->bytes);
	return top;
}

/*
 * Put back those of the first GO_BATCH objects that are this mcentral's, under
 * one hold of its lock, and move the others behind them.  So objects of several
 * nodes take one hold for each node, not for each object.  Returns how many
 * were this mcentral's.
 */
static unsigned int free_batch(struct goheap *h, struct gocentral *c,
			       struct goslot *slot, unsigned int n, bool count)
{
	struct goslot *top = slot + min_t(unsigned int, n, GO_BATCH);
	struct goslot *was, *end = top;
	void *bad[GO_BATCH] __uninitialized;
	unsigned int back, nbad = 0, nfree = 0;
	struct gospan *s;
	unsigned long flags;

	raw_spin_lock_irqsave(&c->lock, flags);
	while (top > slot) {
		s = gospan_of(h, top[-1].obj);
		if (unlikely(s->central != c)) {
			top--;
			end--;
			swap(*top, *end);
			continue;
		}
		was = top;
		back = s->nback;
		top = put_objects_back(s, slot, top, bad, &nbad);
		if (count)
			c->frees += was - top;
		if (!s->cached) {
			nfree += s->nback - back;
			place_span(c, s);
		}
	}
	count_free(c, nfree);
	/* These frees were counted too many, and no counter may fall. */
	c->mallocs += nbad;
	raw_spin_unlock_irqrestore(&c->lock, flags);

	while (nbad)
		gohooks_misuse(h, GO_DOUBLE_FREE, bad[--nbad], 0, 0);
	return end - slot;
}

/**
 * gocentral_free - give objects back to their spans
 * @h: the heap
 * @slot: the objects; each finds its mcentral itself
 * @n: how many
 * @count: whether to count them as freed, which a stack has already done
 *
 * Context: any but NMI.
 */
void gocentral_free(struct goheap *h, struct goslot *slot, unsigned int n,
		    bool count)
{
	struct gocentral *c;
	unsigned int done;

	preempt_disable();
	while (n) {
		c = gospan_of(h, slot->obj)->central;
		if (likely(c)) {
			done = free_batch(h, c, slot, n, count);
		} else {
			/* With check=0: freed twice, and its span is gone. */
			gohooks_misuse(h, GO_DOUBLE_FREE, slot->obj, 0, 0);
			done = 1;
		}
		slot += done;
		n -= done;
	}
	preempt_enable();
}

/**
 * gocentral_free_one - give an object back past the mcaches
 * @h: the heap
 * @p: the object
 *
 * Context: any but NMI.
 */
void gocentral_free_one(struct goheap *h, void *p)
{
	struct goslot slot = { .obj = p };

	gocentral_free(h, &slot, 1, true);
}

/**
 * gocentral_free_word - give many objects of one span back
 * @s: the span
 * @word: which word of its bits
 * @dead: which of the objects of that word: live until now, and marked free by the
 *	caller, whose they are
 *
 * So the sweep of a collected heap frees 64 objects for the price of one.
 *
 * Context: any but NMI.
 */
void gocentral_free_word(struct gospan *s, unsigned int word,
			 unsigned long dead)
{
	unsigned int n = hweight_long(dead);
	struct gocentral *c = s->central;
	unsigned long flags;

	raw_spin_lock_irqsave(&c->lock, flags);
	s->back[word] |= dead;
	s->nback += n;
	c->frees += n;
	if (!s->cached) {
		count_free(c, n);
		place_span(c, s);
	}
	raw_spin_unlock_irqrestore(&c->lock, flags);
}

/**
 * gocentral_add - take in a new span
 * @c: the mcentral
 * @s: the span, carved for its class, from its node
 *
 * Context: any but NMI.
 */
void gocentral_add(struct gocentral *c, struct gospan *s)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&c->lock, flags);
	s->central = c;
	WRITE_ONCE(c->nspans, c->nspans + 1);
	WRITE_ONCE(c->bytes, c->bytes + s->bytes);
	count_free(c, s->navail);
	place_span(c, s);
	raw_spin_unlock_irqrestore(&c->lock, flags);
}

/**
 * gocentral_uncache - give back an mcache's current span
 * @h: the heap
 * @s: the span
 *
 * Context: any but NMI; the caller owns the mcache.
 */
void gocentral_uncache(struct goheap *h, struct gospan *s)
{
	struct gocentral *c = s->central;
	unsigned long flags;

	raw_spin_lock_irqsave(&c->lock, flags);
	uncache_span(c, s);
	raw_spin_unlock_irqrestore(&c->lock, flags);
}

/*
 * Move idle spans to a list, to be given to the heap, those that have been idle
 * longest first.  Where the page allocator cannot be called, spans whose pages
 * have to go there stay; and those whose objects a reader may still have, of a class
 * that promises that they stay what they are.
 */
static unsigned int detach_idle_spans(struct gocentral *c, unsigned int want,
				      struct list_head *release)
{
	bool typesafe = goshapes[c->spanclass].typesafe;
	bool all = gogfp_may_free_pages();
	struct gospan *s, *prev;
	unsigned int n = 0;

	lockdep_assert_held(&c->lock);
	list_for_each_entry_safe_reverse(s, prev, &c->partial[0], list) {
		if (!want--)
			break;
		/* Those before it have been idle for less. */
		if (unlikely(typesafe) &&
		    !poll_state_synchronize_rcu(s->idle_since))
			break;
		if (unlikely(!all && goheap_must_give_back(s)))
			continue;
		unlist_span(c, s);
		/* Under the lock, so that others see that it has left. */
		s->central = NULL;
		WRITE_ONCE(c->nspans, c->nspans - 1);
		WRITE_ONCE(c->bytes, c->bytes - s->bytes);
		count_free(c, -(long)s->nelems);
		list_add(&s->list, release);
		n++;
	}
	return n;
}

/**
 * gocentral_trim - give idle spans to the heap
 * @c: the mcentral
 * @want: how many, at most GO_BATCH
 *
 * Context: any but NMI.
 * Return: how many went.
 */
unsigned int gocentral_trim(struct gocentral *c, unsigned int want)
{
	struct goheap *h = c->node->heap;
	struct gospan *s, *next;
	unsigned long flags;
	unsigned int n;
	LIST_HEAD(release);

	want = min_t(unsigned int, want, GO_BATCH);
	raw_spin_lock_irqsave(&c->lock, flags);
	n = detach_idle_spans(c, want, &release);
	raw_spin_unlock_irqrestore(&c->lock, flags);

	list_for_each_entry_safe(s, next, &release, list) {
		gospan_uncarve(h, s);
		goheap_free(h, s);
	}
	return n;
}

/**
 * gocentral_mark_idle - note how many spans were idle since the last call
 * @c: the mcentral
 *
 * If they have to wait for a grace period, it begins.
 *
 * Context: task.
 * Return: how many; gocentral_trim_idle() takes them.
 */
unsigned int gocentral_mark_idle(struct gocentral *c)
{
	unsigned long flags;
	unsigned int n;

	raw_spin_lock_irqsave(&c->lock, flags);
	n = c->idle_low;
	WRITE_ONCE(c->stale, n);
	c->idle_low = c->idle;
	raw_spin_unlock_irqrestore(&c->lock, flags);
	if (goshapes[c->spanclass].typesafe)
		start_poll_synchronize_rcu();
	return n;
}

/**
 * gocentral_trim_idle - give some of the spans to the heap that were marked
 * @c: the mcentral
 *
 * Those that have been used since are not taken.
 *
 * Context: any but NMI.
 * Return: how many went, at most GO_BATCH; 0 when all have gone.
 */
unsigned int gocentral_trim_idle(struct gocentral *c)
{
	unsigned long flags;
	unsigned int n;

	raw_spin_lock_irqsave(&c->lock, flags);
	n = min3(c->stale, c->idle_low, (unsigned int)GO_BATCH);
	WRITE_ONCE(c->stale, n ? c->stale - n : 0);
	raw_spin_unlock_irqrestore(&c->lock, flags);
	return n ? gocentral_trim(c, n) : 0;
}

/**
 * gocentral_wait_for_readers - let idle spans of typesafe caches go
 *
 * synchronize_rcu() may be expedited, of which what idle spans have noted knows nothing;
 * and where there is one CPU the other does not wait at all.
 *
 * Context: task, may sleep.
 */
void gocentral_wait_for_readers(void)
{
	if (IS_ENABLED(CONFIG_TINY_RCU))
		synchronize_rcu();
	else
		synchronize_rcu_mult(call_rcu);
}

/**
 * gocentral_is_sparse - would fewer spans do for the objects that are out?
 * @c: the mcentral
 *
 * The fullest span can be preferred only for objects that pass here.  Those that
 * go back and forth between callers and mcaches do not, so a load that has shrunk
 * keeps the spans of its peak, with an object or two in each.
 *
 * Context: any.
 * Return: whether so much is free in spans that are not idle; a guess.
 */
bool gocentral_is_sparse(const struct gocentral *c)
{
	const struct goshape *shape = &goshapes[c->spanclass];
	unsigned long span = (unsigned long)shape->npages << GO_PAGE_SHIFT;
	unsigned long idle = READ_ONCE(c->idle_bytes);
	unsigned long all = READ_ONCE(c->bytes);
	unsigned long nfree = READ_ONCE(c->nfree) * shape->size;

	return nfree > idle + GO_SPARSE_LEAST * span && all > idle &&
	       (nfree - idle) * GO_SPARSE_PART > all - idle;
}

/**
 * gocentral_idle_pages - pages of idle spans on a node
 * @node: the node
 *
 * While the node's lock is held, none of these pages can come from the free
 * runs or go there, so that the sum of both counts no page twice.
 *
 * Context: any but NMI.
 * Return: how many, in pages of the kernel.
 */
unsigned long gocentral_idle_pages(struct gonode *node)
{
	unsigned long n = 0;
	unsigned int spc;

	for_each_goshape(spc)
		n += READ_ONCE(node->central[spc].idle_bytes);
	return n >> PAGE_SHIFT;
}

/* Objects that a bitmap says are free and their state bytes say are live. */
static unsigned int count_live_in(const struct gospan *s,
				  const unsigned long *bits)
{
	unsigned int idx, n = 0;

	lockdep_assert_held(&s->central->lock);
	for_each_set_bit(idx, bits, s->nelems)
		n += goobj_is_live(s->objstate[idx]);
	return n;
}

/**
 * gocentral_check - what is wrong with a small span
 * @s: the span
 *
 * The list that it should be on is computed here once more, so that a fault in
 * place_span() is seen.
 *
 * Context: the lock of its mcentral is held.
 * Return: words that complete "a span ..."; NULL if nothing is wrong.
 */
const char *gocentral_check(const struct gospan *s)
{
	const struct goshape *shape = &goshapes[s->spanclass];
	unsigned int left = s->navail + s->nback;

	lockdep_assert_held(&s->central->lock);
	if (s->elemsize != shape->size ||
	    s->npages > shape->npages ||
	    s->bytes != gospan_bytes(s) ||
	    s->nelems != gospan_nelems(s, s->spanclass) ||
	    s->magic != shape->magic)
		return "is not as its class says";
	if (bitmap_weight(s->back, s->nelems) != s->nback)
		return "miscounts what came back";
	if (count_live_in(s, s->back))
		return "has live objects that came back";
	if (s->cached)
		return s->bucket == GO_BUCKET_NONE ? NULL :
						     "is cached and on a list";
	if (bitmap_weight(s->avail, s->nelems) != s->navail)
		return "miscounts what it has to give";
	if (bitmap_intersects(s->avail, s->back, s->nelems))
		return "has objects that are free twice";
	if (count_live_in(s, s->avail))
		return "has live objects to give";
	if (s->bucket != (left ? fls(s->nelems - left) : GO_BUCKET_NONE))
		return "is on the wrong list";
	return NULL;
}

/**
 * gocentral_is_sane - check one span
 * @s: the span
 *
 * Context: any but NMI.
 * Return: true if it is as it should be, or has left its mcentral.
 */
bool gocentral_is_sane(struct gospan *s)
{
	struct gocentral *c = READ_ONCE(s->central);
	unsigned long flags;
	bool sane = true;

	if (!c)
		return true;
	raw_spin_lock_irqsave(&c->lock, flags);
	if (s->state == GO_SPAN_SMALL && s->central == c)
		sane = !gocentral_check(s);
	raw_spin_unlock_irqrestore(&c->lock, flags);
	return sane;
}

/**
 * gocentral_init - make an mcentral
 * @c: the mcentral
 * @node: its node
 * @spc: its span class
 *
 * Context: any.
 */
void gocentral_init(struct gocentral *c, struct gonode *node,
		    unsigned int spc)
{
	unsigned int i;

	BUILD_BUG_ON(GO_BUCKETS > BITS_PER_LONG);
	raw_spin_lock_init(&c->lock);
	c->spanclass = spc;
	c->node = node;
	for (i = 0; i < GO_BUCKETS; i++)
		INIT_LIST_HEAD(&c->partial[i]);
}
