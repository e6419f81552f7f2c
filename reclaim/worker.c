// SPDX-License-Identifier: GPL-2.0
/*
 * Worker: does what has to wait for a task that may sleep.
 *
 * That is: frees that an NMI put off, reserves that an atomic caller has used,
 * large objects that an atomic free left, a limit that is nearly reached,
 * arenas that wait for a grace period, and a background that rests though there
 * is something to do.  Reclaim may depend on it, so that its workqueue has a
 * rescuer.
 *
 * Any context may ask for it by gohooks_kick(), which raises an irq_work.  The
 * caller could not queue the work itself: queue_work() takes the lock of a
 * worker pool and wakes a task, and an NMI, or a free inside the scheduler, may
 * have interrupted the code that holds either lock.
 *
 * There is one work item for each heap, and it looks for all of the above.
 * Flags for what each kick was for would have to be set and cleared without
 * losing one; looking where there is nothing to do costs little.
 */

#include <linux/irq_work.h>
#include <linux/workqueue.h>
#include "fixalloc.h"
#include "numa.h"
#include "reclaim.h"
#include "shape.h"
#include "source.h"
#include "transfer.h"

/**
 * goworker_top_up - fill the reserves
 * @h: the heap
 *
 * Context: task, may sleep.
 */
void goworker_top_up(struct goheap *h)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY |
			  __GFP_NOMEMALLOC;
	unsigned int i, spc;
	struct gonode *node;
	int nid;

	for_each_gonode(h, nid) {
		node = h->node[nid];
		gosource_top_up(node, gfp);
		/* Last, as pages take descriptors. */
		for (i = 0; i < GO_NR_FIX; i++)
			gofixalloc_top_up(&node->fix[i], gfp);
		for_each_goshape(spc)
			gotransfer_top_up(&node->transfer[spc], gfp);
	}
}

static void run_worker(struct work_struct *work)
{
	struct goheap *h = container_of(work, struct goheap, work);

	godrain_deferred(h);
	golimit_keep(h, true, U64_MAX);
	if (goscavenge_has_arenas(h))
		goscavenge_reap(h);
	goidle_tell(h);
	gobackground_resume(h);
	/* Last, for it may wait for memory. */
	goworker_top_up(h);
}

static void queue_worker(struct irq_work *kick)
{
	struct goheap *h = container_of(kick, struct goheap, kick);

	if (!READ_ONCE(h->stopped))
		queue_work(goreclaim_wq, &h->work);
}

/**
 * goworker_init - make the worker
 * @h: the heap
 *
 * Context: task.
 */
void goworker_init(struct goheap *h)
{
	mutex_init(&h->finish);
	INIT_WORK(&h->work, run_worker);
	init_irq_work(&h->kick, queue_worker);
}

/**
 * goworker_stop - stop the worker for good
 * @h: the heap, which is no longer used
 *
 * Context: task, may sleep.
 */
void goworker_stop(struct goheap *h)
{
	WRITE_ONCE(h->stopped, true);
	/* A kick that did not see the flag may still queue the work. */
	irq_work_sync(&h->kick);
	cancel_work_sync(&h->work);
	/* The work may have kicked, which queues nothing now. */
	irq_work_sync(&h->kick);
}
