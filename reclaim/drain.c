// SPDX-License-Identifier: GPL-2.0
/*
 * Drain: how mcaches begin and end, and are emptied for another task.
 *
 * An mcache has no lock: only code on its own CPU may touch it.  A task that
 * wants one emptied queues work on that CPU, as SLUB does: the background for
 * the stacks that were not used for a tick, a task short of memory for all of
 * them.  A lock would let any CPU empty any cache, and would cost each
 * allocation more than all the rest of it.  An IPI could find the cache busy in
 * the code that it interrupts, and would have to come again.  TCMalloc empties
 * a cache from another CPU after it has aborted what runs there, as restartable
 * sequences in user space permit.
 *
 * A CPU may run no worker for long, because a real-time task does not leave it.
 * It is asked, and waited for once; a caller who comes later does not wait for
 * it again, until it has answered.  Callers who are short of memory come in
 * crowds, and a drain takes from every CPU what it has use for, so that they
 * share drains, and make none for a moment after one that brought little.
 *
 * The cache of a CPU that is down is drained by another.  The frees that NMIs
 * put off are finished here, too.
 *
 * Task context only.  A task in reclaim may wait for a drain: the work
 * allocates nothing, its workqueue has a rescuer, and the wait has an end.
 */

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/ktime.h>
#include "central.h"
#include "compat.h"
#include "free.h"
#include "heap.h"
#include "hooks.h"
#include "large.h"
#include "leak.h"
#include "mcache.h"
#include "numa.h"
#include "reclaim.h"
#include "span.h"
#include "stack.h"
#include "tiny.h"
#include "transfer.h"

/* How long a caller that is short of memory waits for caches to be emptied. */
#define DRAIN_WAIT_MS	100

/* How long a caller that wants all of them emptied waits. */
#define DRAIN_ALL_WAIT_MS	2000

/* The pause after a drain that brought less than GO_RESERVE_RUN pages. */
#define DRAIN_PAUSE_NS	(10 * NSEC_PER_MSEC)

static enum cpuhp_state hotplug_state;
static struct workqueue_struct *drain_wq;

/* For work of all of reclaim/ that is bound to no CPU. */
struct workqueue_struct *goreclaim_wq;

/* Finish one free; @link is in the object. */
static void finish_free(struct goheap *h, struct llist_node *link)
{
	struct gospan *s;
	void *p;

	lockdep_assert_held(&h->finish);
	preempt_disable();
	s = gospan_of(h, link);
	preempt_enable();
	/* What is not freed yet keeps its span; with check=0 it may have been. */
	p = (void *)link - ((unsigned long)link - s->base) %
	    max(s->elemsize, 1U);
	goleak_free(p);
	/* The NMI has cleared the object, and then written the link. */
	if (want_init_on_free())
		memset(link, 0, sizeof(*link));
	gocentral_free_one(h, p);
}

/**
 * godrain_deferred - finish the frees that NMIs put off
 * @h: the heap
 *
 * Waits for all of them, including those that another task is finishing.
 *
 * Context: task, may sleep.
 */
void godrain_deferred(struct goheap *h)
{
	struct llist_node *link, *next;
	struct gospan *s, *more;

	mutex_lock(&h->finish);
	if (!llist_empty(&h->deferred)) {
		link = llist_del_all(&h->deferred);
		llist_for_each_safe(link, next, link)
			finish_free(h, link);
	}
	if (!llist_empty(&h->dying)) {
		link = llist_del_all(&h->dying);
		llist_for_each_entry_safe(s, more, link, dying) {
			goleak_free((void *)s->base);
			golarge_free(h, s, goheap_must_give_back(s));
		}
	}
	mutex_unlock(&h->finish);
}

/*
 * The parts of a cache that are drained one by one: its stacks, by span class,
 * and behind them the tiny block.
 */
#define PART_TINY	GO_ALL_SPANCLASSES
#define NR_PARTS	(PART_TINY + 1)

/**
 * enum godrain - what to empty of a cache
 * @DRAIN_IDLE: the parts that have not been used since last looked at, and what is
 *	of classes whose spans are sparse
 * @DRAIN_ALL: all parts
 * @DRAIN_DEAD: all parts; the cache is that of a dead CPU
 */
enum godrain {
	DRAIN_IDLE,
	DRAIN_ALL,
	DRAIN_DEAD,
};

/* How often a part has been used. */
static u32 operations_on(const struct gomcache *c, unsigned int i)
{
	const struct gostack *s = &c->stack[i];

	return i == PART_TINY ?
		READ_ONCE(c->tiny_mallocs) + READ_ONCE(c->tiny_frees) :
		READ_ONCE(s->mallocs) + READ_ONCE(s->frees);
}

/* The parts that have anything; most classes are not in use. */
static void find_parts(const struct gomcache *c, unsigned long *parts)
{
	unsigned int w;

	BUILD_BUG_ON(BITS_TO_LONGS(NR_PARTS) != ARRAY_SIZE(c->used));
	for (w = 0; w < ARRAY_SIZE(c->used); w++)
		parts[w] = READ_ONCE(c->used[w]);
	if (READ_ONCE(c->tiny))
		__set_bit(PART_TINY, parts);
}

/* Where it is noted how often a part had been used when last looked at. */
static u32 *seen_of(struct gomcache *c, unsigned int i)
{
	return i == PART_TINY ? &c->tiny_seen : &c->stack[i].seen;
}

/* Has a part, which has something, not been used since last looked at? */
static bool is_idle_part(struct gomcache *c, unsigned int i)
{
	u32 seen = READ_ONCE(*seen_of(c, i));

	return seen == operations_on(c, i);
}

/*
 * Is a part in use of a class whose spans are sparse?  What it has goes to the spans
 * once a tick, so that the next objects come from the fullest of them.
 */
static bool is_sparse_part(const struct gomcache *c, unsigned int i)
{
	/* A cache that is being used for the first time may have none yet. */
	struct gonode *node = READ_ONCE(c->node);

	return i != PART_TINY && node && gocentral_is_sparse(&node->central[i]);
}

static void note_operations(struct gomcache *c, unsigned int i)
{
	WRITE_ONCE(*seen_of(c, i), operations_on(c, i));
}

/*
 * Empty a part, if the cache is still this CPU's: if its CPU goes down
 * meanwhile, another CPU continues the work, and leaves the rest to
 * drain_dead_cpu().
 */
static bool drain_part(struct goheap *h, struct gomcache *c, unsigned int i,
		       enum godrain what)
{
	void *block;
	bool mine;

	preempt_disable();
	mine = what == DRAIN_DEAD || this_cpu_ptr(h->mcache) == c;
	if (mine && what == DRAIN_IDLE && !is_idle_part(c, i) &&
	    !is_sparse_part(c, i)) {
		note_operations(c, i);
	} else if (mine && i == PART_TINY) {
		block = gotiny_drain(c);
		if (block)
			gofree_block(block, h);
	} else if (mine) {
		gomcache_enter(c);
		gostack_empty(h, c, i);
		gomcache_leave(c);
	}
	preempt_enable();
	return mine;
}

/* Empty a cache, part by part. */
static void drain_cache(struct goheap *h, struct gomcache *c, enum godrain what)
{
	DECLARE_BITMAP(parts, NR_PARTS);
	unsigned int i;

	/* The tiny block first: it may end on a stack. */
	if (READ_ONCE(c->tiny) && !drain_part(h, c, PART_TINY, what))
		return;
	find_parts(c, parts);
	for_each_set_bit(i, parts, GO_ALL_SPANCLASSES)
		if (!drain_part(h, c, i, what))
			return;
}

/**
 * enum ask - is a cache to be emptied?
 * @ASK_NONE: nobody has asked for it
 * @ASK_QUEUED: its drain is queued
 * @ASK_RUNNING: its drain has begun
 * @ASK_LATE: as one of these two, for so long that nobody waits for it
 *
 * While it is queued or runs goheap.draining counts it.
 */
enum ask {
	ASK_NONE,
	ASK_QUEUED,
	ASK_RUNNING,
	ASK_LATE,
};

static void drain_this_cpu(struct work_struct *work)
{
	struct gomcache *c = container_of(work, struct gomcache, drain);
	struct goheap *h = c->heap;
	u64 start = ktime_get_ns();

	atomic_cmpxchg(&c->ask, ASK_QUEUED, ASK_RUNNING);
	drain_cache(h, c, DRAIN_ALL);
	atomic64_add(ktime_get_ns() - start, &h->scavenge_ns);
	if (atomic_xchg(&c->ask, ASK_NONE) != ASK_LATE)
		atomic_dec(&h->draining);
	/* Each time: godrain_all() does not wait for those that are late. */
	wake_up_all(&h->drained);
}

static void trim_this_cpu(struct work_struct *work)
{
	struct gomcache *c = container_of(work, struct gomcache, trim);
	u64 start = ktime_get_ns();

	drain_cache(c->heap, c, DRAIN_IDLE);
	goreclaim_spent(c->heap, ktime_get_ns() - start);
}

/*
 * Is a part of the cache idle?  If none is, note how often each has been used,
 * so that its CPU need not be disturbed for that.
 */
static bool look_for_idle(struct gomcache *c)
{
	DECLARE_BITMAP(parts, NR_PARTS);
	unsigned int i;

	find_parts(c, parts);
	for_each_set_bit(i, parts, NR_PARTS)
		if (is_idle_part(c, i) || is_sparse_part(c, i))
			return true;
	for_each_set_bit(i, parts, NR_PARTS)
		note_operations(c, i);
	return false;
}

/* Has the cache anything that a drain would take? */
static bool is_worth_draining(const struct gomcache *c)
{
	return READ_ONCE(c->bytes) || READ_ONCE(c->tiny);
}

/**
 * godrain_trim_idle - have stacks emptied that were idle since the last call
 * @h: the heap
 *
 * Does not wait: a CPU that runs no worker keeps what it has.  So does one that
 * is isolated, until it is drained for somebody who needs the memory.
 *
 * Context: task, may sleep.
 * Return: whether a CPU may have something to trim, now or later.
 */
bool godrain_trim_idle(struct goheap *h)
{
	struct gomcache *c;
	bool any = false;
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		c = per_cpu_ptr(h->mcache, cpu);
		if (!is_worth_draining(c) || goalloc_cpu_is_isolated(cpu))
			continue;
		any = true;
		if (look_for_idle(c))
			queue_work_on(cpu, drain_wq, &c->trim);
	}
	cpus_read_unlock();
	return any;
}

/*
 * Have a CPU's cache emptied, unless it has nothing or is being asked already.
 * Returns whether that has begun, so that it may miss what was freed since.
 */
static bool ask_cpu(struct goheap *h, int cpu)
{
	struct gomcache *c = per_cpu_ptr(h->mcache, cpu);
	int was = atomic_read(&c->ask);

	if (was != ASK_NONE || !is_worth_draining(c))
		return was == ASK_RUNNING;
	WRITE_ONCE(c->asked, jiffies);
	atomic_inc(&h->draining);
	was = atomic_cmpxchg(&c->ask, ASK_NONE, ASK_QUEUED);
	if (was == ASK_NONE)
		queue_work_on(cpu, drain_wq, &c->drain);
	else if (atomic_dec_and_test(&h->draining))
		wake_up_all(&h->drained);
	return was == ASK_RUNNING;
}

/* Was a CPU asked so long ago? */
static bool asked_before(const struct gomcache *c, unsigned int ms)
{
	return time_after_eq(jiffies,
			     READ_ONCE(c->asked) + msecs_to_jiffies(ms));
}

/* Wait no longer for the CPUs that were asked long ago. */
static void give_up_late_cpus(struct goheap *h)
{
	struct gomcache *c;
	int cpu, was;

	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(h->mcache, cpu);
		was = atomic_read(&c->ask);
		if (was == ASK_NONE || was == ASK_LATE ||
		    !asked_before(c, DRAIN_WAIT_MS))
			continue;
		/* If it has just begun, it is as good as done. */
		if (atomic_cmpxchg(&c->ask, was, ASK_LATE) == was &&
		    atomic_dec_and_test(&h->draining))
			wake_up_all(&h->drained);
	}
}

/* Wait for the drains that are under way, those of other callers too. */
static void wait_for_drains(struct goheap *h)
{
	if (atomic_read(&h->draining))
		give_up_late_cpus(h);
	if (!wait_event_timeout(h->drained, !atomic_read(&h->draining),
				msecs_to_jiffies(DRAIN_WAIT_MS)))
		give_up_late_cpus(h);
}

/*
 * Wait until a node may be drained.  False if another caller has begun to since
 * we came, which is as good, or if the caller is in reclaim: others may wait
 * for that, and the last drain has just shown how little there is.
 */
static bool claim_drain(struct gonode *node)
{
	int drains = atomic_read(&node->drains);
	u64 next, now;

	while ((next = READ_ONCE(node->next_drain)) > (now = ktime_get_ns())) {
		if (current->flags & PF_MEMALLOC)
			return false;
		wait_event_timeout(node->heap->drained,
				   READ_ONCE(node->next_drain) != next,
				   nsecs_to_jiffies(next - now) + 1);
		if (atomic_read(&node->drains) != drains)
			return false;
	}
	return atomic_cmpxchg(&node->drains, drains, drains + 1) == drains;
}

/* Pages of a node that no object is in, in pages of the kernel. */
static unsigned long pages_at_rest(struct gonode *node)
{
	return ((READ_ONCE(node->runs.free) + READ_ONCE(node->kept_pages)) <<
		GO_PAGE_ORDER) +
	       gocentral_idle_pages(node);
}

static void drain_node_now(struct gonode *node)
{
	unsigned long before = pages_at_rest(node);
	struct goheap *h = node->heap;
	int cpu;

	WRITE_ONCE(node->next_drain, ktime_get_ns() + DRAIN_PAUSE_NS);
	/* Reclaim must not wait for a CPU to come or go. */
	if (!cpus_read_trylock())
		return;
	for_each_online_cpu(cpu)
		if (READ_ONCE(per_cpu_ptr(h->mcache, cpu)->node) == node)
			ask_cpu(h, cpu);
	cpus_read_unlock();
	wait_for_drains(h);
	if (pages_at_rest(node) >=
	    before + (GO_RESERVE_RUN << GO_PAGE_ORDER)) {
		WRITE_ONCE(node->next_drain, 0);
		wake_up_all(&h->drained);
	}
}

/**
 * godrain_node - empty the caches of the CPUs of a node
 * @h: the heap
 * @nid: the node
 *
 * For a task that is short of memory.  It waits for DRAIN_WAIT_MS at most, and
 * does nothing while CPUs come or go.
 *
 * Context: task, may sleep; also in reclaim.
 */
void godrain_node(struct goheap *h, int nid)
{
	if (claim_drain(h->node[nid]))
		drain_node_now(h->node[nid]);
	else
		wait_for_drains(h);
}

/* Have all CPUs answered, but for those that were asked long ago? */
static bool have_all_answered(struct goheap *h)
{
	struct gomcache *c;
	int cpu;

	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(h->mcache, cpu);
		if (atomic_read(&c->ask) != ASK_NONE &&
		    !asked_before(c, DRAIN_ALL_WAIT_MS))
			return false;
	}
	return true;
}

/* Ask all CPUs; returns whether one had already begun. */
static bool ask_all_cpus(struct goheap *h)
{
	bool begun = false;
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		begun |= ask_cpu(h, cpu);
	cpus_read_unlock();
	return begun;
}

/* Put into their spans the objects that stacks have left for each other. */
static void flush_transfers(struct goheap *h)
{
	int nid;

	for_each_gonode(h, nid)
		gotransfer_flush_all(h->node[nid]);
}

/**
 * godrain_all - empty the caches of all CPUs, and what lies between them
 * @h: the heap
 *
 * A CPU that runs no worker is waited for until DRAIN_ALL_WAIT_MS after it was
 * first asked: it empties its cache when it can.  CPUs that have nothing are
 * left alone.
 *
 * Context: task, may sleep.
 */
void godrain_all(struct goheap *h)
{
	unsigned int tries = 2;
	bool again;

	godrain_deferred(h);
	do {
		again = ask_all_cpus(h);
		wait_event_timeout(h->drained, have_all_answered(h),
				   msecs_to_jiffies(DRAIN_ALL_WAIT_MS));
	} while (again && --tries);
	flush_transfers(h);
}

/**
 * godrain_end - empty the caches of a heap that is not used any more
 * @h: the heap, whose worker has stopped
 *
 * No CPU touches its cache any more, so that this one may empty them all.
 *
 * Context: task, may sleep.
 */
void godrain_end(struct goheap *h)
{
	struct gomcache *c;
	int cpu, pass;

	godrain_deferred(h);
	/* Against drain_dead_cpu(). */
	cpus_read_lock();
	/* An empty tiny block goes to this CPU's stack: hence twice. */
	for (pass = 0; pass < 2; pass++)
		for_each_possible_cpu(cpu) {
			c = per_cpu_ptr(h->mcache, cpu);
			cancel_work_sync(&c->drain);
			cancel_work_sync(&c->trim);
			drain_cache(h, c, DRAIN_DEAD);
		}
	cpus_read_unlock();
	flush_transfers(h);
}

/* The hotplug callback: another CPU runs it, and owns the cache for now. */
static int drain_dead_cpu(unsigned int cpu, struct hlist_node *node)
{
	struct goheap *h = hlist_entry(node, struct goheap, online);
	struct gomcache *c = per_cpu_ptr(h->mcache, cpu);

	godrain_deferred(h);
	drain_cache(h, c, DRAIN_DEAD);
	return 0;
}

/**
 * godrain_init - make the mcaches
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
	init_llist_head(&h->deferred);
	init_llist_head(&h->dying);
	h->mcache = gohooks_fault() ? NULL : alloc_percpu(struct gomcache);
	if (!h->mcache)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(h->mcache, cpu);
		c->heap = h;
		c->tiny_off = GO_TINY_SIZE;
		INIT_WORK(&c->drain, drain_this_cpu);
		INIT_WORK(&c->trim, trim_this_cpu);
	}

	err = gohooks_fault() ? -ENOMEM :
	      cpuhp_state_add_instance_nocalls(hotplug_state, &h->online);
	if (err)
		free_percpu(h->mcache);
	return err;
}

/**
 * godrain_exit - free the mcaches
 * @h: the heap; the mcaches are empty and no longer used
 *
 * Context: task, may sleep.
 */
void godrain_exit(struct goheap *h)
{
	cpuhp_state_remove_instance_nocalls(hotplug_state, &h->online);
	free_percpu(h->mcache);
	h->mcache = NULL;
}

/**
 * godrain_hotplug_init - make the workqueues and the hotplug state of all heaps
 *
 * Context: task.
 * Return: 0 or an error.
 */
int godrain_hotplug_init(void)
{
	int state;

	drain_wq = alloc_workqueue("goalloc", WQ_MEM_RECLAIM | WQ_PERCPU, 0);
	if (!drain_wq)
		return -ENOMEM;
	state = -ENOMEM;
	goreclaim_wq = alloc_workqueue("goalloc_unbound",
				       WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!goreclaim_wq)
		goto err_drain;
	state = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN, "goalloc:dead",
					NULL, drain_dead_cpu);
	if (state < 0)
		goto err_reclaim;
	hotplug_state = state;
	return 0;

err_reclaim:
	destroy_workqueue(goreclaim_wq);
err_drain:
	destroy_workqueue(drain_wq);
	return state;
}

/**
 * godrain_hotplug_exit - remove the workqueues and the hotplug state
 *
 * Context: task.
 */
void godrain_hotplug_exit(void)
{
	cpuhp_remove_multi_state(hotplug_state);
	destroy_workqueue(goreclaim_wq);
	destroy_workqueue(drain_wq);
}
