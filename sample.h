/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sample: which allocations the heap profile sees: sample.c.
 */
#ifndef GOALLOC_SAMPLE_H
#define GOALLOC_SAMPLE_H

#include <linux/percpu.h>
#include "types.h"

/* What the module begins with is Go's; a mean of a terabyte is the largest. */
#define GO_SAMPLE_RATE		(512UL << 10)
#define GO_SAMPLE_RATE_MAX	BIT(40)

/*
 * What is said of a sample that is due: that it is, how often the rate was halved
 * when it was drawn, and how often its chances were since; and by the allocation,
 * that the object has no mark that says so.
 */
#define GOSAMPLE_DUE		BIT(16)
#define GOSAMPLE_THIN(due)	((due) & 0xff)
#define GOSAMPLE_HALVED		8
#define GOSAMPLE_HALVINGS(due)	((due) >> GOSAMPLE_HALVED & 0xff)
#define GOSAMPLE_UNMARKED	BIT(17)
#define GOSAMPLE_THIN_MAX	14
#define GOSAMPLE_HALVED_MAX	5

/* What a sample counts for whose chances were those of the rate. */
#define GOSAMPLE_ONE		1024UL

extern u64 gosample_pause;

unsigned long gosample_weigh(unsigned long rate, size_t size, unsigned int due);

unsigned int gosample_is_due(struct goheap *h, struct gostack *s, size_t size);
unsigned int gosample_past_is_due(struct goheap *h, size_t size, long left);
void gosample_stop(void);
void gosample_leave_out(struct goheap *h);
void gosample_set_rate(struct goheap *h, unsigned long rate);
void gosample_seed(struct goheap *h, u64 start);

/*
 * Is an object to be sampled that goes past the mcaches?  Returns as
 * gosample_is_due().  Any context.
 */
static __always_inline unsigned int gosample_past(struct goheap *h, size_t size)
{
	long left = this_cpu_sub_return(h->mcache->left, (long)size);

	if (likely(left > 0))
		return 0;
	return gosample_past_is_due(h, size, left + (long)size);
}

#endif /* GOALLOC_SAMPLE_H */
