// SPDX-License-Identifier: GPL-2.0
/*
 * Mark: from the roots to everything that can be reached.
 *
 * A word is a pointer into the heap if the arena map says so, as for a free: a span,
 * an index by one multiplication, a state byte.  Of most words that are none the first
 * test says so.  The mark is the state byte's colour: it lies where the next allocation
 * or free would look anyway, takes no memory, and needs no clearing, as the colours
 * change their meaning with each cycle.  A bitmap, as Go has, is denser, but a bit has
 * seven neighbours that other CPUs mark at the same time.
 *
 * Objects wait in buffers: see grey.c.  They are scanned a piece at a time, so that
 * an object of megabytes neither keeps a CPU nor goes to one worker alone.  While a
 * span is looked at preemption is off, so that its descriptor stays; an object that is
 * marked stays itself, and with it the span, until the next cycle's end.
 *
 * The end: there is no grey object left, nobody else is marking, the overwritten
 * pointers of all CPUs have been looked at, no span is noted, and nobody has begun to
 * mark since all that began.  Why that suffices is said in gc.c.
 */

#include <linux/delay.h>
#include <linux/prefetch.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include "gc/gc.h"
#include "hooks.h"
#include "span.h"

/* Words that are scanned with preemption off. */
#define WORDS_AT_ONCE	128

/* Bytes of an object that are scanned before others have their turn. */
#define PIECE		(32UL << 10)

/* Objects that are scanned between two looks at the clock. */
#define OBJECTS_AT_ONCE	32

/* Bytes that the cycle scans before it says so. */
#define CREDIT		(64UL << 10)

/**
 * struct roots - an array of pointers that are roots
 * @list: in gogcheap.roots
 * @start: the first
 * @n: how many
 */
struct roots {
	struct list_head list;
	unsigned long *start;
	size_t n;
};

/**
 * gomark_next_span - the next span or free run of a heap
 * @h: the heap
 * @c: where to look from; set to what is behind it
 *
 * Context: an RCU reader.
 * Return: the span, or NULL at the end.
 */
struct gospan *gomark_next_span(struct goheap *h, struct gocursor *c)
{
	struct goarena *a;
	struct gospan *s;
	unsigned long at;
	unsigned int i;

	for (;; c->arena++, c->page = 0) {
		at = c->arena;
		a = gospan_next_arena(h, &at);
		if (!a)
			return NULL;
		if (at != c->arena)
			*c = (struct gocursor){ .arena = at };
		while (c->page < GO_ARENA_PAGES) {
			i = c->page++;
			s = READ_ONCE(a->span[i]);
			if (s != &gospan_nil && gospan_begins_at(s, a, i))
				return s;
		}
	}
}

/**
 * struct object - an object that has been found
 * @s: its span
 * @base: where it begins
 * @state: its state byte
 */
struct object {
	struct gospan *s;
	unsigned long base;
	u8 *state;
};

/*
 * Find the object that an address is in; false if there is none.  Preemption is off.
 * The order of the loads is that of gospan_index().
 */
static __always_inline bool find_object(struct goarenamap *map,
					unsigned long shift, unsigned long addr,
					struct object *o)
{
	struct gospan *s = gospan_of_shifted(map, shift, (void *)addr);
	unsigned long base, off, idx;
	u32 magic;

	if (likely(s == &gospan_nil))
		return false;
	base = READ_ONCE(s->base);
	off = (unsigned long)kasan_reset_tag((void *)addr) - base;
	smp_rmb();	/* as in gospan_index() */
	/* A span that is just being carved: what it leads to is there. */
	magic = smp_load_acquire(&s->magic);
	o->s = s;
	if (!magic) {
		o->base = base;
		o->state = &s->owner;
		return READ_ONCE(s->state) == GO_SPAN_LARGE &&
		       off < READ_ONCE(s->elemsize) &&
		       READ_ONCE(s->large) == base;
	}
	idx = off * (u64)magic >> 32;
	if (off >= READ_ONCE(s->bytes) || idx >= READ_ONCE(s->nelems))
		return false;
	o->base = base + idx * READ_ONCE(s->elemsize);
	o->state = READ_ONCE(s->objstate) + idx;
	return true;
}

/* Mark an object; false if it is marked already, or not live. */
static __always_inline bool turn_colour(u8 *state, u8 colour)
{
	u8 old = READ_ONCE(*state);

	while (gogc_is_live(old) && (old & GOGC_COLOUR) != colour)
		if (try_cmpxchg(state, &old, (u8)(old ^ GOGC_COLOUR)))
			return true;
	return false;
}

/* Queue what is to be scanned from @addr on; false if there is no room. */
static __always_inline bool push_grey(struct gomarker *m, unsigned long addr)
{
	if (unlikely(!m->buf || m->buf->n == GOGREY_MAX) &&
	    !gogrey_make_room(m))
		return false;
	m->buf->obj[m->buf->n++] = (void *)addr;
	return true;
}

/* An object of a span is marked and could not be queued. */
static noinline void note_span(struct gogcheap *g, struct gospan *s)
{
	WRITE_ONCE(s->rescan, true);
	smp_mb();	/* the span is noted before that is said */
	WRITE_ONCE(g->overflowed, true);
}

/* A word has been found that may be a pointer.  Preemption is off. */
static __always_inline void visit_word(struct gomarker *m,
				       struct goarenamap *map,
				       unsigned long shift, u8 colour,
				       unsigned long word)
{
	struct object o;

	if (!find_object(map, shift, word, &o) ||
	    !turn_colour(o.state, colour))
		return;
	m->marked += o.s->elemsize;
	if (GO_SPC_NOSCAN(o.s->spanclass))
		return;
	prefetch((void *)o.base);
	if (unlikely(!push_grey(m, o.base)))
		note_span(m->g, o.s);
}

static void visit_one(struct gomarker *m, const void *p)
{
	struct goarenamap *map = m->g->heap.map;

	preempt_disable();
	visit_word(m, map, map->shift, m->g->colour, (unsigned long)p);
	preempt_enable();
}

/* Scan memory in which any word may be a pointer. */
static void scan_words(struct gomarker *m, const unsigned long *p,
		       const unsigned long *end)
{
	struct goarenamap *map = m->g->heap.map;
	unsigned long shift = map->shift;
	u8 colour = m->g->colour;
	const unsigned long *stop;

	while (p < end) {
		stop = min(p + WORDS_AT_ONCE, end);
		preempt_disable();
		for (; p < stop; p++)
			/* Whose object it is may be writing what is no pointer. */
			visit_word(m, map, shift, colour, data_race(READ_ONCE(*p)));
		preempt_enable();
	}
}

/* Scan elements of a known type. */
static void scan_typed(struct gomarker *m, const struct gogc_type *type,
		       unsigned long p, unsigned long end)
{
	unsigned long words = type->size / sizeof(long), i;

	for (; p + type->size <= end; p += type->size)
		for_each_set_bit(i, type->pointers, words)
			visit_one(m, READ_ONCE(((void **)p)[i]));
}

/* The type of an object; NULL if it has none.  It lies behind the elements. */
static const struct gogc_type *type_of(const struct object *o, u8 state)
{
	unsigned long end = o->base + o->s->elemsize;

	return state & GOGC_TYPED ? ((const struct gogc_type **)end)[-1] : NULL;
}

/* Bytes that are scanned at once: of typed ones, whole elements. */
static unsigned long piece_of(const struct gogc_type *type)
{
	if (!type)
		return PIECE;
	return type->size > PIECE ? type->size : rounddown(PIECE, type->size);
}

/* Where a grey object ends, and its type; false if it is none any more. */
static bool find_grey(struct gomarker *m, unsigned long addr,
		      const struct gogc_type **type, unsigned long *end)
{
	bool grey = false;
	struct object o;
	u8 state;

	preempt_disable();
	if (find_object(m->g->heap.map, m->g->heap.map->shift, addr, &o)) {
		/* Before the type that it says there is. */
		state = smp_load_acquire(o.state);
		grey = gogc_is_live(state) &&
		       (state & GOGC_COLOUR) == m->g->colour &&
		       !GO_SPC_NOSCAN(o.s->spanclass);
		if (grey) {
			*type = type_of(&o, state);
			*end = o.base + o.s->elemsize -
			       (*type ? sizeof(*type) : 0);
		}
	}
	preempt_enable();
	return grey;
}

/*
 * Scan a grey object, or what is left of it; of a long one a piece, and leave the rest
 * for later.  If that cannot be queued either, go on.
 */
static void scan_object(struct gomarker *m, unsigned long addr)
{
	const struct gogc_type *type;
	unsigned long end, stop, piece;
	bool later;

	if (!find_grey(m, addr, &type, &end))
		return;
	piece = piece_of(type);
	do {
		stop = end - addr > piece ? addr + piece : end;
		later = stop < end && push_grey(m, stop);
		m->scanned += stop - addr;
		if (type)
			scan_typed(m, type, addr, stop);
		else
			scan_words(m, (unsigned long *)addr,
				   (unsigned long *)stop);
		addr = stop;
	} while (addr < end && !later);
}

/* Scan grey objects until there are none, or so many bytes are scanned. */
static void drain_grey(struct gomarker *m, unsigned long bytes)
{
	unsigned int n = 0;

	while ((m->buf && m->buf->n) || gogrey_take(m)) {
		scan_object(m, (unsigned long)m->buf->obj[--m->buf->n]);
		if (m->scanned >= bytes || READ_ONCE(m->g->dying))
			break;
		if (++n % OBJECTS_AT_ONCE)
			continue;
		gogrey_stock(m->g);
		cond_resched();
	}
}

/* As the cycle, which says how far it is. */
static void drain_all(struct gomarker *m)
{
	unsigned long before;

	do {
		before = m->scanned;
		drain_grey(m, before + CREDIT);
		atomic_long_add(m->scanned - before, &m->g->credit);
		if (wq_has_sleeper(&m->g->lagging))
			wake_up_all(&m->g->lagging);
	} while (m->scanned - before >= CREDIT && !READ_ONCE(m->g->dying));
}

/* Scan an array of roots, which may be a long one. */
static void scan_array(struct gomarker *m, const struct roots *r)
{
	size_t i, n;

	for (i = 0; i < r->n; i += n) {
		n = min_t(size_t, r->n - i, PIECE / sizeof(long));
		scan_words(m, r->start + i, r->start + i + n);
		cond_resched();
	}
}

static void scan_roots(struct gomarker *m)
{
	struct roots *r;

	mutex_lock(&m->g->roots_lock);
	list_for_each_entry(r, &m->g->roots, list)
		scan_array(m, r);
	mutex_unlock(&m->g->roots_lock);
}

/* Scan the marked objects of a span that has some that could not be queued. */
static void scan_span(struct gomarker *m, unsigned long base, unsigned long size,
		      unsigned int n)
{
	for (; n && !READ_ONCE(m->g->dying); n--, base += size) {
		scan_object(m, base);
		drain_all(m);
	}
}

static void scan_noted_spans(struct gomarker *m)
{
	unsigned long base, size;
	struct gocursor c = {};
	struct gospan *s;
	unsigned int n;

	do {
		n = 0;
		rcu_read_lock();
		s = gomark_next_span(&m->g->heap, &c);
		if (s && READ_ONCE(s->rescan)) {
			WRITE_ONCE(s->rescan, false);
			smp_mb();	/* what could not be queued since is noted */
			base = READ_ONCE(s->base);
			size = READ_ONCE(s->elemsize);
			n = READ_ONCE(s->magic) ? READ_ONCE(s->nelems) :
			    READ_ONCE(s->state) == GO_SPAN_LARGE;
		}
		rcu_read_unlock();
		if (n)
			scan_span(m, base, size, n);
		cond_resched();
	} while (s && !READ_ONCE(m->g->dying));
}

/* Take what a CPU has overwritten.  Interrupts are off. */
static unsigned int take_overwritten(struct gogc_cpu *c, const void **old)
{
	unsigned int n = c->n;

	lockdep_assert_held(&c->lock);
	memcpy(old, c->old, n * sizeof(*old));
	c->n = 0;
	return n;
}

/**
 * gomark_overwritten - note a pointer that is about to be overwritten
 * @g: the heap, which is being marked
 * @old: the pointer
 *
 * Context: any but NMI.
 */
void gomark_overwritten(struct gogcheap *g, const void *old)
{
	const void *got[GOGC_OVERWRITTEN] __uninitialized;
	struct gogc_cpu *c = raw_cpu_ptr(g->cpu);
	struct gomarker m;
	unsigned long flags;
	unsigned int n;

	/* It may be another CPU's by now, which has a lock all the same. */
	raw_spin_lock_irqsave(&c->lock, flags);
	c->old[c->n++] = old;
	if (likely(c->n < GOGC_OVERWRITTEN)) {
		raw_spin_unlock_irqrestore(&c->lock, flags);
		return;
	}
	gogrey_begin(&m, g);
	n = take_overwritten(c, got);
	raw_spin_unlock_irqrestore(&c->lock, flags);
	while (n)
		visit_one(&m, got[--n]);
	gogrey_end(&m);
}

/* Look at what CPUs have overwritten. */
static void visit_overwritten(struct gomarker *m)
{
	const void *got[GOGC_OVERWRITTEN] __uninitialized;
	struct gogc_cpu *c;
	unsigned long flags;
	unsigned int n;
	int cpu;

	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(m->g->cpu, cpu);
		raw_spin_lock_irqsave(&c->lock, flags);
		n = take_overwritten(c, got);
		raw_spin_unlock_irqrestore(&c->lock, flags);
		while (n)
			visit_one(m, got[--n]);
	}
}

/**
 * gomark_forget_overwritten - begin anew
 * @g: the heap, in which no section is open
 *
 * What sections have noted after the last cycle had marked.
 *
 * Context: task.
 */
void gomark_forget_overwritten(struct gogcheap *g)
{
	struct gogc_cpu *c;
	unsigned long flags;
	int cpu;

	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(g->cpu, cpu);
		raw_spin_lock_irqsave(&c->lock, flags);
		c->n = 0;
		raw_spin_unlock_irqrestore(&c->lock, flags);
	}
}

/* Is there work that the cycle knows of? */
static bool has_grey(struct gomarker *m)
{
	return (m->buf && m->buf->n) || gogrey_has(m->g) ||
	       READ_ONCE(m->g->overflowed);
}

/* Has everything been marked?  If not, there is more to do, now or soon. */
static bool is_all_marked(struct gomarker *m)
{
	int begun, now;

	if (!gogrey_is_quiet(m->g, &begun)) {
		usleep_range(20, 100);
		return false;
	}
	if (has_grey(m))
		return false;
	visit_overwritten(m);
	return !has_grey(m) && gogrey_is_quiet(m->g, &now) && now == begun &&
	       !has_grey(m);
}

/**
 * gomark_all - mark everything that can be reached
 * @g: the heap, in which overwritten pointers are noted
 * @m: set to what was marked
 *
 * Stops early when the heap is being destroyed.
 *
 * Context: task, may sleep; only the cycle.
 */
void gomark_all(struct gogcheap *g, struct gomarker *m)
{
	gogrey_begin(m, g);
	/* The cycle is not to wait for itself. */
	atomic_inc(&g->ended);
	gogrey_stock(g);
	scan_roots(m);
	do {
		drain_all(m);
		if (READ_ONCE(g->overflowed)) {
			WRITE_ONCE(g->overflowed, false);
			smp_mb();	/* spans noted since are noted again */
			scan_noted_spans(m);
		}
	} while (!READ_ONCE(g->dying) && (has_grey(m) || !is_all_marked(m)));
	atomic_inc(&g->begun);
	gogrey_end(m);
}

/**
 * gomark_some - help to mark
 * @g: the heap
 * @bytes: how many are to be scanned
 *
 * Context: task, may sleep.
 * Return: how many were, at most about so many.
 */
unsigned long gomark_some(struct gogcheap *g, unsigned long bytes)
{
	struct gomarker m;

	gogrey_begin(&m, g);
	drain_grey(&m, bytes);
	gogrey_end(&m);
	return m.scanned;
}

/**
 * gomark_add_roots - see gogc_add_roots()
 * @g: the heap
 * @start: the first
 * @n: how many
 *
 * What is there already can be reached in another way, or is new, so that a cycle
 * that is under way need not look at it.
 *
 * Context: task, may sleep.
 * Return: 0 or an error.
 */
int gomark_add_roots(struct gogcheap *g, void *start, size_t n)
{
	struct roots *r, *other;
	unsigned long word;
	int err = 0;

	if (!start || !n || n > SIZE_MAX / sizeof(void *) ||
	    !IS_ALIGNED((unsigned long)start, sizeof(void *)) ||
	    (unsigned long)start + n * sizeof(void *) < (unsigned long)start ||
	    get_kernel_nofault(word, (unsigned long *)start) ||
	    get_kernel_nofault(word, (unsigned long *)start + n - 1))
		return -EINVAL;
	r = gohooks_fault() ? NULL : kmalloc(sizeof(*r), GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	r->start = start;
	r->n = n;
	mutex_lock(&g->roots_lock);
	list_for_each_entry(other, &g->roots, list)
		if (other->start == start)
			err = -EEXIST;
	if (!err)
		list_add(&r->list, &g->roots);
	mutex_unlock(&g->roots_lock);
	if (err)
		kfree(r);
	return err;
}

/* What roots hold that go was reachable when the running cycle began. */
static void visit_roots(struct gogcheap *g, struct roots *r)
{
	struct gomarker m;

	lockdep_assert_held(&g->roots_lock);
	gogrey_begin(&m, g);
	scan_array(&m, r);
	gogrey_end(&m);
}

/**
 * gomark_remove_roots - see gogc_remove_roots()
 * @g: the heap
 * @start: the first
 *
 * Context: task, may sleep.
 * Return: 0 or -ENOENT.
 */
int gomark_remove_roots(struct gogcheap *g, void *start)
{
	struct roots *r, *next;
	int err = -ENOENT;

	mutex_lock(&g->roots_lock);
	list_for_each_entry_safe(r, next, &g->roots, list) {
		if (r->start != start)
			continue;
		list_del(&r->list);
		if (READ_ONCE(g->pub.marking))
			visit_roots(g, r);
		kfree(r);
		err = 0;
		break;
	}
	mutex_unlock(&g->roots_lock);
	return err;
}

/**
 * gomark_init - make what CPUs note
 * @g: the heap
 *
 * Context: task.
 * Return: 0 or -ENOMEM.
 */
int gomark_init(struct gogcheap *g)
{
	int cpu;

	mutex_init(&g->roots_lock);
	INIT_LIST_HEAD(&g->roots);
	g->cpu = gohooks_fault() ? NULL : alloc_percpu(struct gogc_cpu);
	if (!g->cpu)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		raw_spin_lock_init(&per_cpu_ptr(g->cpu, cpu)->lock);
	return 0;
}

/**
 * gomark_exit - free them, and the roots
 * @g: the heap, which nobody uses
 *
 * Context: task.
 */
void gomark_exit(struct gogcheap *g)
{
	struct roots *r, *next;

	list_for_each_entry_safe(r, next, &g->roots, list)
		kfree(r);
	free_percpu(g->cpu);
}
