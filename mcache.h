/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mcache: the cache of a CPU, and how code gets hold of it.
 *
 * No lock, no atomic, no interrupts off: the code that uses a cache is on its
 * CPU with preemption off and has set @busy.  An interrupt that finds @busy set
 * has hit that window and goes past the cache.  An NMI may pop and push like
 * any interrupt, but does not refill or flush, which takes locks.  A
 * local_lock_t would be a sleeping lock on PREEMPT_RT, and to disable
 * interrupts costs more than to set a bit.
 *
 * Here are the inlines that allocation and freeing share.  Allocation is in
 * alloc.h and alloc.c, freeing in free.h and free.c, the stacks in stack.c.
 */
#ifndef GOALLOC_MCACHE_H
#define GOALLOC_MCACHE_H

#include <linux/cpumask.h>
#include <linux/percpu.h>
#include "types.h"

static inline unsigned int gostack_n(const struct gostack *s)
{
	return s->top - s->slot;
}

static inline unsigned int gostack_cap(const struct gostack *s)
{
	return s->limit - s->slot;
}

/* The magazine that a stack works with; it has storage. */
static inline struct gomagazine *gostack_magazine(const struct gostack *s)
{
	return container_of(s->slot, struct gomagazine, slot[0]);
}

/* The other one of its two, or NULL. */
static inline struct gomagazine *gostack_other(const struct gostack *s)
{
	return s->slot ? gostack_magazine(s)->next : NULL;
}

/* The objects that it may hold in all. */
static inline unsigned int gostack_room(const struct gostack *s)
{
	return gostack_other(s) ? 2 * gostack_cap(s) : gostack_cap(s);
}

/*
 * The objects on another CPU's stack, or about so many while it changes.  An RCU
 * reader: of a magazine that goes the storage stays.
 */
static inline unsigned int gostack_peek(const struct gostack *s)
{
	struct goslot *slot = READ_ONCE(s->slot);
	unsigned int n = READ_ONCE(s->top) - slot, other = 0;
	struct gomagazine *m;

	if (slot) {
		m = container_of(slot, struct gomagazine, slot[0]);
		m = READ_ONCE(m->next);
		other = m ? READ_ONCE(m->n) : 0;
	}
	return (n <= GO_MAGAZINE_MAX ? n : 0) +
	       (other <= GO_MAGAZINE_MAX ? other : 0);
}

/*
 * The CPUs whose stacks have ever held anything: those that statistics walk, and
 * not the hundreds that a machine may have room for.
 */
#define for_each_gomcache(h, cpu)	for_each_cpu(cpu, &(h)->cpus)

/* This CPU's cache is about to hold something.  Preemption is off. */
static inline void gomcache_note_use(struct goheap *h)
{
	unsigned int cpu = smp_processor_id();

	if (likely(cpumask_test_cpu(cpu, &h->cpus)))
		return;
	cpumask_set_cpu(cpu, &h->cpus);
	/* Before its objects are counted: see observe/stats.c. */
	smp_mb__after_atomic();
}

static __always_inline void gomcache_enter(struct gomcache *c)
{
	WRITE_ONCE(c->busy, 1);
	barrier();
}

/*
 * The same if it is not in use; else return false.  Not atomic, but an interrupt
 * in the middle of it leaves the bit as it was.  On x86 it is one instruction and a
 * jump, where to read and to write would be two and a jump.
 */
static __always_inline bool gomcache_try_enter(struct gomcache *c)
{
	if (unlikely(__test_and_set_bit(0, &c->busy)))
		return false;
	barrier();
	return true;
}

static __always_inline void gomcache_leave(struct gomcache *c)
{
	barrier();
	WRITE_ONCE(c->busy, 0);
}

/*
 * Move a stack's top.  The caller has read it into a register before; to add to
 * what is in memory then takes one instruction less than to add and to write.
 */
static __always_inline void gostack_move_top(struct gostack *s, long by)
{
	/* Or gcc knows what is in memory. */
	barrier();
	/* A reader of another CPU takes either value. */
	data_race(s->top += by);
}

/*
 * How far the stack of a span class is from the first.  Hidden from gcc, which would
 * put together what has to be added with this, and take one instruction more.
 */
static __always_inline unsigned long gostack_offset(unsigned long spc)
{
	unsigned long at = spc * sizeof(struct gostack);

	OPTIMIZER_HIDE_VAR(at);
	return at;
}

static __always_inline struct gostack *gostack_at(struct gomcache *c,
						  unsigned long offset)
{
	return (void *)c + offset + offsetof(struct gomcache, stack);
}

/* The stack that a free of an object of @span pushes on. */
static __always_inline struct gostack *gostack_of(struct gomcache *c,
						  const struct gospan *span)
{
	return gostack_at(c, span->push);
}

/*
 * Count bytes asked for; true if they reach the next sample.  The sign of the
 * counter says so, because the flags that the addition sets cost nothing, and a
 * comparison with a second word would cost three instructions.  The caller owns
 * the cache.
 */
static __always_inline bool gomcache_ask(struct gostack *s, size_t size)
{
	/* Or gcc loads the counter early, and has no flags of the addition. */
	barrier();
	/* A reader of another CPU takes either value. */
	return unlikely(data_race(s->requested += (long)size) >= 0);
}

/* The bytes asked for that a CPU has counted for a span class.  Any CPU, a task. */
static inline unsigned long gomcache_requested(const struct gomcache *c,
					       unsigned int spc)
{
	unsigned long requested;
	unsigned int moving;

	do {
		/* Its CPU has preemption off meanwhile. */
		while ((moving = smp_load_acquire(&c->moving)) & 1)
			cpu_relax();
		requested = READ_ONCE(c->due[spc]) +
			    READ_ONCE(c->stack[spc].requested);
		smp_rmb();	/* both before @moving is read again */
	} while (READ_ONCE(c->moving) != moving);
	return requested;
}

/* Only this CPU writes its counters. */
static __always_inline void gomcache_count(unsigned long *counter,
					   unsigned long by)
{
	/* A reader of another CPU takes either value. */
	data_race(*counter += by);
}

#endif /* GOALLOC_MCACHE_H */
