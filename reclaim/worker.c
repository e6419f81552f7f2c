// SPDX-License-Identifier: GPL-2.0
/*
 * Worker: what cannot be done where a free may happen.
 *
 * Frees that an NMI had to leave, reserves that an atomic caller has used, charged
 * pages that must go back and a limit that is exceeded all need a task that may
 * sleep.  Any context may ask for it by gohooks_kick(): an irq_work, because
 * queue_work() takes locks that a raw spinlock must not be held over and that an
 * NMI may have interrupted.  The irq_work queues a work item, one for each heap,
 * which looks for all of these: what each kick was for is not kept, so that no
 * kick can be lost.
 */

#include <linux/irq_work.h>
#include <linux/workqueue.h>
#include "fixalloc.h"
#include "numa.h"
#include "reclaim.h"
#include "source.h"

/**
 * goworker_top_up - fill the reserves
 * @h: the heap
 *
 * Context: task, may sleep.
 */
void goworker_top_up(struct goheap *h)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY;
	unsigned int i;
	int nid;

	for (i = 0; i < GO_NR_FIX; i++)
		gofixalloc_top_up(&h->fix[i], gfp);
	for_each_gonode(h, nid)
		gosource_top_up(h->node[nid], gfp);
}

static void worker_fn(struct work_struct *work)
{
	struct goheap *h = container_of(work, struct goheap, work);

	godrain_deferred(h);
	golimit_keep(h, true);
	goworker_top_up(h);
	if (goscavenge_has_arenas(h))
		goscavenge_reap(h);
}

static void kick_fn(struct irq_work *kick)
{
	struct goheap *h = container_of(kick, struct goheap, kick);

	if (!READ_ONCE(h->stopped))
		queue_work(system_unbound_wq, &h->work);
}

/**
 * goworker_init - make the worker
 * @h: the heap
 *
 * Context: task.
 */
void goworker_init(struct goheap *h)
{
	mutex_init(&h->give_back);
	mutex_init(&h->finish);
	INIT_LIST_HEAD(&h->dead);
	INIT_WORK(&h->work, worker_fn);
	init_irq_work(&h->kick, kick_fn);
}

/**
 * goworker_stop - wait for the worker, for good
 * @h: the heap, which is not used any more
 *
 * Context: task, may sleep.
 */
void goworker_stop(struct goheap *h)
{
	WRITE_ONCE(h->stopped, true);
	/* A kick that missed the flag may have queued work; its last one cannot. */
	irq_work_sync(&h->kick);
	cancel_work_sync(&h->work);
	irq_work_sync(&h->kick);
}
