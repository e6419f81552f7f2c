/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reclaim: how memory goes back to the kernel, and what a heap puts off.
 *
 *   drain.c       empties the caches of CPUs
 *   scavenge.c    gives pages back, and decides which
 *   idle.c        counts what could go, and tells the kernel
 *   limit.c       keeps memory_limit
 *   background.c  gives back what was not needed lately: decides when, how much
 *   shrink.c      gives back when the kernel is short of memory
 *   worker.c      does what has to wait for a task
 *
 * A file calls only those above it in this list.
 */
#ifndef GOALLOC_RECLAIM_H
#define GOALLOC_RECLAIM_H

#include "types.h"

/* Has a rescuer, so that the worker and the background run in reclaim too. */
extern struct workqueue_struct *goreclaim_wq;

/* Count time of the background's: for MemStats, and for its next pause. */
static inline void goreclaim_spent(struct goheap *h, u64 ns)
{
	atomic64_add(ns, &h->scavenge_ns);
	atomic64_add(ns, &h->trim_ns);
}

/* drain.c */
void godrain_deferred(struct goheap *h);
bool godrain_trim_idle(struct goheap *h);
void godrain_node(struct goheap *h, int nid);
void godrain_all(struct goheap *h);
void godrain_end(struct goheap *h);
int godrain_init(struct goheap *h);
void godrain_exit(struct goheap *h);
int godrain_hotplug_init(void);
void godrain_hotplug_exit(void);

/**
 * struct goscavenge - a request to give memory back
 * @who: who asks, for MemStats
 * @nid: the node to take it from, or NUMA_NO_NODE for all
 * @caches: if free pages do not suffice, take idle spans too, and then what
 *	CPUs cache
 * @want: pages still to go; counts down
 * @want_of: if set, instead of @want: how many of a node; asked again as it
 *	gives back, with its give_back held
 * @until: when to stop, by ktime_get_ns(); U64_MAX for no end
 * @stopped: @until came before all was given back
 * @keep: if set, so many free pages of a node stay
 * @gone: how many pages went
 */
struct goscavenge {
	enum goscavenger who;
	int nid;
	bool caches;
	unsigned long want;
	unsigned long (*want_of)(struct gonode *node);
	u64 until;
	bool stopped;
	unsigned long keep;
	unsigned long gone;
};

/* scavenge.c */
void goscavenge_init(void);
unsigned long goscavenge(struct goheap *h, struct goscavenge *sc);
bool goscavenge_has_arenas(struct goheap *h);
size_t goscavenge_reap(struct goheap *h);
size_t goscavenge_all(struct goheap *h);

/* idle.c */
unsigned long goidle_pages(struct gonode *node);
void goidle_tell(struct goheap *h);
void goidle_start(struct goheap *h);
void goidle_stop(void);

/* limit.c */
bool golimit_keep(struct goheap *h, bool caches, u64 until);
void golimit_set(struct goheap *h, unsigned long bytes);
void golimit_init(void);
int golimit_start(struct goheap *h);
void golimit_stop(void);

/* background.c */
unsigned long gobackground_excess(struct gonode *node);
bool gobackground_tick(struct goheap *h);
bool gobackground_turn(struct goheap *h);
void gobackground_init(struct goheap *h);
void gobackground_resume(struct goheap *h);
void gobackground_start(struct goheap *h);
void gobackground_stop(struct goheap *h);

/* shrink.c */
unsigned long goshrink_count(struct goheap *h, int nid);
unsigned long goshrink_scan(struct goheap *h, int nid, unsigned long nr);
int goshrink_init(void);
void goshrink_exit(void);

/* worker.c */
void goworker_top_up(struct goheap *h);
void goworker_init(struct goheap *h);
void goworker_stop(struct goheap *h);

#endif /* GOALLOC_RECLAIM_H */
