// SPDX-License-Identifier: GPL-2.0
/*
 * Drain: how mcaches begin and end, and are emptied by others than their owner.
 *
 * A cache may be touched on its own CPU only, so whoever wants it emptied queues
 * work there: the background for the stacks that nobody has used for a tick,
 * those short of memory for all of them.  A CPU that goes down is drained when it
 * is dead, by another.  What NMIs had to leave is finished here, too.
 *
 * Task context only.  Who waits for a drain in reclaim is helped by a workqueue
 * with a rescuer, and does not wait for ever.
 */

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/ktime.h>
#include "central.h"
#include "free.h"
#include "heap.h"
#include "hooks.h"
#include "leak.h"
#include "mcache.h"
#include "numa.h"
#include "reclaim.h"
#include "span.h"
#include "stack.h"
#include "tiny.h"

/* How long a caller who is short of memory waits for caches to be emptied. */
#define DRAIN_WAIT_MS	100

static enum cpuhp_state hotplug_state;
static struct workqueue_struct *drain_wq;

/**
 * godrain_deferred - finish the frees that NMIs had to leave
 * @h: the heap
 *
 * Context: task.
 */
void godrain_deferred(struct goheap *h)
{
	struct llist_node *node, *next;
	struct gospan *s;
	int cpu;

	/* Who returns knows that they are finished, and not by whom. */
	mutex_lock(&h->finish);
	for_each_possible_cpu(cpu) {
		node = llist_del_all(&per_cpu_ptr(h->mcache, cpu)->deferred);
		llist_for_each_safe(node, next, node) {
			goleak_free(node);
			if (want_init_on_free())
				memset(node, 0, sizeof(*node));
			/* Claimed: it stays what it is. */
			preempt_disable();
			s = gospan_of(h, node);
			preempt_enable();
			if (s->state == GO_SPAN_DYING)
				goheap_free_large(h, s);
			else
				gocentral_free_one(h, node);
		}
	}
	mutex_unlock(&h->finish);
}

/**
 * enum godrain - what to empty of a cache
 * @DRAIN_IDLE: the stacks that have not been used for a tick of the background
 * @DRAIN_ALL: all of them
 * @DRAIN_DEAD: all of them; the cache is a dead CPU's
 */
enum godrain {
	DRAIN_IDLE,
	DRAIN_ALL,
	DRAIN_DEAD,
};

/* What has been done with a stack, or with the last, the tiny block. */
static u32 operations_on(const struct gomcache *c, unsigned int i)
{
	const struct gostack *s = &c->stack[i];

	return i == GO_NR_SPANCLASSES ?
		READ_ONCE(c->tiny_mallocs) + READ_ONCE(c->tiny_frees) :
		READ_ONCE(s->mallocs) + READ_ONCE(s->frees);
}

static bool has_objects(const struct gomcache *c, unsigned int i)
{
	return i == GO_NR_SPANCLASSES ? !!READ_ONCE(c->tiny) :
					!!READ_ONCE(c->stack[i].slot);
}

/* Has it something, and not been used since it was last seen? */
static bool idle_since(const struct gomcache *c, unsigned int i)
{
	u32 seen = i == GO_NR_SPANCLASSES ? READ_ONCE(c->tiny_seen) :
					    READ_ONCE(c->stack[i].seen);

	return has_objects(c, i) && seen == operations_on(c, i);
}

static void note_operations(struct gomcache *c, unsigned int i)
{
	WRITE_ONCE(*(i == GO_NR_SPANCLASSES ? &c->tiny_seen :
					      &c->stack[i].seen), operations_on(c, i));
}

/*
 * A cache may be touched on its own CPU only.  Should that go down, its work is
 * done on another one, which leaves the cache to drain_dead_cpu().
 */
static void drain_cache(struct goheap *h, struct gomcache *c, enum godrain what)
{
	void *block;
	int i;

	/* The tiny block first: it may end on a stack. */
	for (i = GO_NR_SPANCLASSES; i >= 0; i--) {
		preempt_disable();
		if (what != DRAIN_DEAD && this_cpu_ptr(h->mcache) != c) {
			preempt_enable();
			return;
		}
		if (what == DRAIN_IDLE && !idle_since(c, i)) {
			note_operations(c, i);
		} else if (i == GO_NR_SPANCLASSES) {
			block = gotiny_drain(c);
			if (block)
				gofree_block(h, block);
		} else {
			gomcache_enter(c);
			gostack_empty(h, c, i);
			gomcache_leave(c);
		}
		preempt_enable();
	}
}

static void finish_drain(struct goheap *h)
{
	if (atomic_dec_and_test(&h->draining))
		wake_up_all(&h->drained);
}

static void drain_fn(struct work_struct *work)
{
	struct gomcache *c = container_of(work, struct gomcache, drain);

	drain_cache(c->heap, c, DRAIN_ALL);
	finish_drain(c->heap);
}

static void trim_fn(struct work_struct *work)
{
	struct gomcache *c = container_of(work, struct gomcache, trim);
	u64 start = ktime_get_ns();

	drain_cache(c->heap, c, DRAIN_IDLE);
	atomic64_add(ktime_get_ns() - start, &c->heap->trim_ns);
}

/* Is anything idle?  If so, its CPU sees to it; else remember how far all is. */
static bool look_for_idle(struct gomcache *c)
{
	unsigned int i;

	for (i = 0; i <= GO_NR_SPANCLASSES; i++)
		if (idle_since(c, i))
			return true;
	for (i = 0; i <= GO_NR_SPANCLASSES; i++)
		if (has_objects(c, i))
			note_operations(c, i);
	return false;
}

/**
 * godrain_trim_idle - have the stacks emptied that were idle since last asked
 * @h: the heap
 *
 * Nobody waits for it: a CPU that lets no worker run keeps what it has.
 *
 * Context: task, may sleep.
 */
void godrain_trim_idle(struct goheap *h)
{
	struct gomcache *c;
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		c = per_cpu_ptr(h->mcache, cpu);
		if (look_for_idle(c))
			queue_work_on(cpu, drain_wq, &c->trim);
	}
	cpus_read_unlock();
}

/* False when it is queued already: that CPU may let no worker run for long. */
static bool queue_drain(struct goheap *h, int cpu)
{
	atomic_inc(&h->draining);
	if (queue_work_on(cpu, drain_wq, &per_cpu_ptr(h->mcache, cpu)->drain))
		return true;
	finish_drain(h);
	return false;
}

/**
 * godrain_node - empty the caches of the CPUs of a node
 * @h: the heap
 * @nid: the node
 *
 * For those short of memory.  The caches are emptied by a workqueue that has a
 * rescuer, and who waits for it allocates nothing.  But for a CPU that lets no
 * worker run, or for hotplug, nobody waits for ever.
 *
 * Context: task, may sleep, in reclaim too.
 */
void godrain_node(struct goheap *h, int nid)
{
	bool queued = false;
	int cpu;

	if (!cpus_read_trylock())
		return;
	for_each_online_cpu(cpu)
		if (gonuma_heap(h, cpu_to_mem(cpu))->nid == nid &&
		    READ_ONCE(per_cpu_ptr(h->mcache, cpu)->bytes))
			queued |= queue_drain(h, cpu);
	if (queued)
		wait_event_timeout(h->drained, !atomic_read(&h->draining),
				   msecs_to_jiffies(DRAIN_WAIT_MS));
	cpus_read_unlock();
}

/**
 * godrain_all - empty the caches of all CPUs
 * @h: the heap
 *
 * Context: task, may sleep.
 */
void godrain_all(struct goheap *h)
{
	int cpu;

	godrain_deferred(h);
	cpus_read_lock();
	for_each_online_cpu(cpu)
		queue_drain(h, cpu);
	for_each_online_cpu(cpu)
		flush_work(&per_cpu_ptr(h->mcache, cpu)->drain);
	cpus_read_unlock();
}

static int drain_dead_cpu(unsigned int cpu, struct hlist_node *node)
{
	struct goheap *h = hlist_entry(node, struct goheap, online);
	struct gomcache *c = per_cpu_ptr(h->mcache, cpu);

	godrain_deferred(h);
	drain_cache(h, c, DRAIN_DEAD);
	return 0;
}

/**
 * godrain_init - make the caches
 * @h: the heap
 *
 * Context: task.
 * Return: 0 or an error.
 */
int godrain_init(struct goheap *h)
{
	struct gomcache *c;
	int cpu, err;

	init_waitqueue_head(&h->drained);
	h->mcache = gohooks_fault() ? NULL : alloc_percpu(struct gomcache);
	if (!h->mcache)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(h->mcache, cpu);
		c->heap = h;
		init_llist_head(&c->deferred);
		INIT_WORK(&c->drain, drain_fn);
		INIT_WORK(&c->trim, trim_fn);
	}

	err = gohooks_fault() ? -ENOMEM :
	      cpuhp_state_add_instance_nocalls(hotplug_state, &h->online);
	if (err)
		free_percpu(h->mcache);
	return err;
}

/**
 * godrain_exit - end the caches
 * @h: the heap; they are empty and nobody uses them any more
 *
 * Context: task, may sleep.
 */
void godrain_exit(struct goheap *h)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		cancel_work_sync(&per_cpu_ptr(h->mcache, cpu)->drain);
		cancel_work_sync(&per_cpu_ptr(h->mcache, cpu)->trim);
	}
	cpuhp_state_remove_instance_nocalls(hotplug_state, &h->online);
	free_percpu(h->mcache);
	h->mcache = NULL;
}

/**
 * godrain_hotplug_init - be told of dead CPUs, and have work done on live ones
 *
 * Context: task.
 * Return: 0 or an error.
 */
int godrain_hotplug_init(void)
{
	int state;

	drain_wq = alloc_workqueue("goalloc", WQ_MEM_RECLAIM, 0);
	if (!drain_wq)
		return -ENOMEM;
	state = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN, "goalloc:dead",
					NULL, drain_dead_cpu);
	if (state < 0) {
		destroy_workqueue(drain_wq);
		return state;
	}
	hotplug_state = state;
	return 0;
}

/**
 * godrain_hotplug_exit - be told no more
 *
 * Context: task.
 */
void godrain_hotplug_exit(void)
{
	cpuhp_remove_multi_state(hotplug_state);
	destroy_workqueue(drain_wq);
}
