/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reclaim: how memory goes back to the kernel, and what a heap puts off.
 *
 *   drain.c       the caches of CPUs are emptied
 *   scavenge.c    free pages go back: which
 *   limit.c       memory_limit
 *   background.c  what has not been needed for a while goes: when, how much
 *   shrink.c      the kernel is short of memory
 *   worker.c      what cannot be done where a free may happen
 */
#ifndef GOALLOC_RECLAIM_H
#define GOALLOC_RECLAIM_H

#include "types.h"

/* drain.c */
void godrain_deferred(struct goheap *h);
void godrain_trim_idle(struct goheap *h);
void godrain_node(struct goheap *h, int nid);
void godrain_all(struct goheap *h);
int godrain_init(struct goheap *h);
void godrain_exit(struct goheap *h);
int godrain_hotplug_init(void);
void godrain_hotplug_exit(void);

/**
 * struct goscavenge - an order to give memory back
 * @who: for whom
 * @nid: the node it is to come from, or NUMA_NO_NODE for all
 * @harder: if free pages are not enough, idle spans and what CPUs cache, too
 * @idle_spans: the idle spans first, in any case
 * @want: how many pages are yet to go
 * @want_of: if set, says for each node how many are to go
 * @until: when to stop, by ktime_get_ns()
 */
struct goscavenge {
	enum goscavenger who;
	int nid;
	bool harder;
	bool idle_spans;
	unsigned long want;
	unsigned long (*want_of)(struct gonode *node);
	u64 until;
};

/* scavenge.c */
void goscavenge_init(void);
unsigned long goscavenge(struct goheap *h, struct goscavenge *sc);
bool goscavenge_has_arenas(struct goheap *h);
size_t goscavenge_reap(struct goheap *h);
size_t goscavenge_all(struct goheap *h);

/* limit.c */
void golimit_keep(struct goheap *h, bool caches);
void golimit_set(struct goheap *h, unsigned long bytes);
void golimit_init(void);
void golimit_start(struct goheap *h);
void golimit_stop(void);

/* background.c */
unsigned long gobackground_excess(struct gonode *node);
void gobackground_tick(struct goheap *h);
bool gobackground_turn(struct goheap *h);
void gobackground_init(struct goheap *h);
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
