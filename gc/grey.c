// SPDX-License-Identifier: GPL-2.0
/*
 * Grey: objects that are marked and not yet scanned.
 *
 * Everybody who marks has a buffer of a page for itself, as in Go, and full ones go
 * to a list from which others take them.  A buffer is a stack: what was marked last is
 * still in the CPU's cache.  So a list of a million nodes takes one entry, for each node
 * is taken off before the next is put on.
 *
 * A wide array takes an entry for each object it points to, and memory may be short
 * when a cycle begins.  So the number of buffers has a bound, a small part of the
 * heap; and when there is none nobody waits: the span of the object is noted,
 * whose marked objects are all scanned later.  That takes no memory at all, and no
 * work is lost.  Boehm's collector does the same.
 *
 * Any context but NMI.
 */

#include <linux/gfp.h>
#include <linux/mm.h>
#include "gc/gc.h"
#include "held.h"
#include "hooks.h"

/* So many buffers in any case, and one for so many bytes held. */
#define BUFS_LEAST	16
#define BYTES_PER_BUF	(32 * PAGE_SIZE)

/**
 * gogrey_init - begin without a buffer
 * @g: the heap
 *
 * Context: task.
 */
void gogrey_init(struct gogcheap *g)
{
	raw_spin_lock_init(&g->grey_lock);
}

static struct gogreybuf *pop(struct gogreybuf **list)
{
	struct gogreybuf *b = *list;

	if (b)
		*list = b->next;
	return b;
}

static void push(struct gogreybuf **list, struct gogreybuf *b)
{
	b->next = *list;
	WRITE_ONCE(*list, b);
}

/* May there be one buffer more?  Count it if so. */
static bool count_buf(struct gogcheap *g)
{
	unsigned long most = max_t(unsigned long, BUFS_LEAST,
				   goheld_bytes(&g->heap) / BYTES_PER_BUF);

	lockdep_assert_held(&g->grey_lock);
	if (g->nbufs >= most)
		return false;
	g->nbufs++;
	return true;
}

static struct gogreybuf *new_buf(struct gogcheap *g)
{
	const gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC;
	struct gogreybuf *b = NULL;
	unsigned long flags;

	/* Where the page allocator may not be called, the span is noted. */
	if ((!IS_ENABLED(CONFIG_PREEMPT_RT) || preemptible()) &&
	    goheld_charge(&g->heap, PAGE_SIZE, gfp)) {
		b = gohooks_fault() ? NULL : (void *)__get_free_page(gfp);
		if (!b)
			goheld_uncharge(&g->heap, PAGE_SIZE);
	}
	if (b) {
		b->n = 0;
		return b;
	}
	raw_spin_lock_irqsave(&g->grey_lock, flags);
	g->nbufs--;
	raw_spin_unlock_irqrestore(&g->grey_lock, flags);
	return NULL;
}

static struct gogreybuf *get_empty(struct gogcheap *g)
{
	struct gogreybuf *b;
	unsigned long flags;
	bool more = false;

	raw_spin_lock_irqsave(&g->grey_lock, flags);
	b = pop(&g->empty);
	if (!b)
		more = count_buf(g);
	raw_spin_unlock_irqrestore(&g->grey_lock, flags);
	return more ? new_buf(g) : b;
}

/* Put few objects into a buffer that waits, if there is room. */
static bool merge(struct gogcheap *g, struct gogreybuf *b)
{
	struct gogreybuf *full = g->full;

	lockdep_assert_held(&g->grey_lock);
	if (b->n > GO_BATCH || !full || full->n + b->n > GOGREY_MAX)
		return false;
	memcpy(full->obj + full->n, b->obj, b->n * sizeof(*b->obj));
	full->n += b->n;
	b->n = 0;
	return true;
}

/* Leave a buffer to others. */
static void put_buf(struct gogcheap *g, struct gogreybuf *b)
{
	lockdep_assert_held(&g->grey_lock);
	if (b->n && !merge(g, b))
		push(&g->full, b);
	else
		push(&g->empty, b);
}

/**
 * gogrey_begin - begin to mark
 * @m: set to a marker
 * @g: the heap
 *
 * Before what is marked is taken from where the cycle would look for it, so that it
 * sees that there is somebody who has it.
 *
 * Context: any but NMI.
 */
void gogrey_begin(struct gomarker *m, struct gogcheap *g)
{
	*m = (struct gomarker){ .g = g };
	atomic_inc(&g->begun);
	/* That is seen before anything is taken. */
	smp_mb__after_atomic();
}

/**
 * gogrey_end - end marking
 * @m: the marker, whose objects others will scan
 *
 * Context: any but NMI.
 */
void gogrey_end(struct gomarker *m)
{
	struct gogcheap *g = m->g;
	unsigned long flags;

	if (m->buf) {
		raw_spin_lock_irqsave(&g->grey_lock, flags);
		put_buf(g, m->buf);
		raw_spin_unlock_irqrestore(&g->grey_lock, flags);
	}
	atomic_long_add(m->marked, &g->found);
	/* Its objects are on the list before. */
	smp_mb__before_atomic();
	atomic_inc(&g->ended);
}

/**
 * gogrey_make_room - get a marker a buffer with room
 * @m: the marker, whose buffer has none
 *
 * Context: any but NMI.
 * Return: false if there is none; the marker has what it had.
 */
bool gogrey_make_room(struct gomarker *m)
{
	struct gogreybuf *b = get_empty(m->g);
	unsigned long flags;

	if (!b)
		return false;
	if (m->buf) {
		raw_spin_lock_irqsave(&m->g->grey_lock, flags);
		push(&m->g->full, m->buf);
		raw_spin_unlock_irqrestore(&m->g->grey_lock, flags);
	}
	m->buf = b;
	return true;
}

/**
 * gogrey_stock - have an empty buffer ready
 * @g: the heap
 *
 * For those that will need one where the page allocator cannot be called.
 *
 * Context: any but NMI.
 */
void gogrey_stock(struct gogcheap *g)
{
	struct gogreybuf *b;
	unsigned long flags;

	if (READ_ONCE(g->empty))
		return;
	b = get_empty(g);
	if (!b)
		return;
	raw_spin_lock_irqsave(&g->grey_lock, flags);
	push(&g->empty, b);
	raw_spin_unlock_irqrestore(&g->grey_lock, flags);
}

/**
 * gogrey_take - take a buffer that another marker has filled
 * @m: the marker, whose own is empty
 *
 * Context: any but NMI.
 * Return: whether there was one.
 */
bool gogrey_take(struct gomarker *m)
{
	struct gogcheap *g = m->g;
	struct gogreybuf *b;
	unsigned long flags;

	if (!READ_ONCE(g->full))
		return false;
	raw_spin_lock_irqsave(&g->grey_lock, flags);
	b = pop(&g->full);
	if (b) {
		if (m->buf)
			push(&g->empty, m->buf);
		m->buf = b;
	}
	raw_spin_unlock_irqrestore(&g->grey_lock, flags);
	return b;
}

/**
 * gogrey_has - are there grey objects that nobody has taken?
 * @g: the heap
 *
 * Context: any.
 * Return: whether there are.
 */
bool gogrey_has(struct gogcheap *g)
{
	return READ_ONCE(g->full);
}

/**
 * gogrey_is_quiet - does nobody mark but the cycle?
 * @g: the heap
 * @begun: set to how often somebody had begun
 *
 * As many have ended as have begun later on: so at that moment nobody was at it.
 *
 * Context: any.
 * Return: true if there was a moment when nobody did.
 */
bool gogrey_is_quiet(struct gogcheap *g, int *begun)
{
	int ended = atomic_read(&g->ended);

	smp_mb();	/* in this order */
	*begun = atomic_read(&g->begun);
	smp_mb();	/* and what they have left is seen after */
	return *begun == ended;
}

/**
 * gogrey_trim - free buffers that are not in use
 * @g: the heap
 * @keep: but so many in all
 *
 * Context: task.
 */
void gogrey_trim(struct gogcheap *g, unsigned long keep)
{
	struct gogreybuf *b;
	unsigned long flags;

	do {
		raw_spin_lock_irqsave(&g->grey_lock, flags);
		b = g->nbufs > keep ? pop(&g->empty) : NULL;
		if (b)
			g->nbufs--;
		raw_spin_unlock_irqrestore(&g->grey_lock, flags);
		if (b) {
			free_page((unsigned long)b);
			goheld_uncharge(&g->heap, PAGE_SIZE);
		}
	} while (b);
}

/**
 * gogrey_exit - free all buffers
 * @g: the heap, which nobody marks
 *
 * Context: task.
 */
void gogrey_exit(struct gogcheap *g)
{
	struct gogreybuf *b;

	while ((b = pop(&g->full)))
		push(&g->empty, b);
	gogrey_trim(g, 0);
	WARN_ON(g->nbufs);
}
