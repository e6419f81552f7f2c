/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Latencies of single operations: a clock and a histogram.
 *
 * The clock is the TSC, which counts instructions under QEMU's -icount.
 * Without a TSC, as in User Mode Linux, it is the time in nanoseconds.
 *
 * If the timer ticked during an operation, or another task ran, its latency
 * says nothing about the allocator.  Such samples are counted, but left out of
 * the histogram.  On one CPU nearly all interrupts are ticks.
 */
#ifndef GOALLOC_BENCH_LATENCY_H
#define GOALLOC_BENCH_LATENCY_H

#include <linux/bitops.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timex.h>

static __always_inline u64 clock_now(void)
{
	return get_cycles() ?: ktime_get_ns();
}

/**
 * struct moment - the start of an operation
 * @switches: context switches of this task so far
 * @tick: jiffies
 * @start: the clock
 */
struct moment {
	unsigned long switches;
	u64 tick;
	u64 start;
};

static __always_inline unsigned long moment_switches(void)
{
	return current->nvcsw + current->nivcsw;
}

static __always_inline void moment_start(struct moment *m)
{
	m->switches = moment_switches();
	m->tick = get_jiffies_64();
	m->start = clock_now();
}

#define MOMENT_DISTURBED	U64_MAX

static __always_inline u64 moment_end(const struct moment *m)
{
	u64 t = clock_now() - m->start;

	if (time_after64(get_jiffies_64(), m->tick) ||
	    moment_switches() != m->switches)
		return MOMENT_DISTURBED;
	return t;
}

/* Buckets are exact up to 127; above there are 64 for each power of two. */
#define LATENCY_BITS	6
#define LATENCY_BUCKETS	((32 - LATENCY_BITS) << LATENCY_BITS)

/**
 * struct latency - a histogram
 * @n: number of samples
 * @sum: sum of all samples
 * @max: the longest sample
 * @max_size: bytes of the object of the longest sample
 * @max_at: number of the longest sample
 * @disturbed: samples left out
 * @bucket: number of samples in each bucket
 */
struct latency {
	u64 n;
	u64 sum;
	u64 max;
	u64 max_size;
	u64 max_at;
	u64 disturbed;
	u32 bucket[LATENCY_BUCKETS];
};

static inline unsigned int latency_bucket(u64 t)
{
	unsigned int e;

	t = min_t(u64, t, U32_MAX >> 1);
	if (t >> (LATENCY_BITS + 1) == 0)
		return t;
	e = fls64(t) - (LATENCY_BITS + 1);
	return (e << LATENCY_BITS) + (t >> e);
}

/* The lower bound of a bucket. */
static inline u64 latency_value(unsigned int bucket)
{
	unsigned int e;

	if (bucket >> (LATENCY_BITS + 1) == 0)
		return bucket;
	e = (bucket >> LATENCY_BITS) - 1;
	return (u64)(bucket - (e << LATENCY_BITS)) << e;
}

static inline void latency_add(struct latency *l, u64 t, size_t size)
{
	if (t == MOMENT_DISTURBED) {
		l->disturbed++;
		return;
	}
	l->n++;
	l->sum += t;
	l->bucket[latency_bucket(t)]++;
	if (t > l->max) {
		l->max = t;
		l->max_size = size;
		l->max_at = l->n + l->disturbed;
	}
}

/* @of10k of 10,000 samples are not longer than the result. */
static inline u64 latency_quantile(const struct latency *l, unsigned int of10k)
{
	u64 want = div_u64(l->n * of10k + 9999, 10000);
	u64 seen = 0;
	unsigned int i;

	for (i = 0; i < LATENCY_BUCKETS; i++) {
		seen += l->bucket[i];
		if (seen >= want)
			break;
	}
	return latency_value(i);
}

/**
 * struct latency_figure - a figure that summarizes a histogram
 * @name: its name
 * @total: its value
 * @ops: the number to divide @total by
 */
struct latency_figure {
	const char *name;
	u64 total;
	u64 ops;
};

#define LATENCY_FIGURES	8

static inline u64 latency_less(u64 t, u64 overhead)
{
	return t > overhead ? t - overhead : 0;
}

/* All figures; @overhead, the time of an empty operation, is subtracted. */
static inline void latency_figures(const struct latency *l, u64 overhead,
				   struct latency_figure fig[LATENCY_FIGURES])
{
	const struct latency_figure all[LATENCY_FIGURES] = {
		{ "p50", latency_less(latency_quantile(l, 5000), overhead), 1 },
		{ "p99", latency_less(latency_quantile(l, 9900), overhead), 1 },
		{ "p99.9", latency_less(latency_quantile(l, 9990), overhead), 1 },
		{ "max", latency_less(l->max, overhead), 1 },
		{ "max_size", l->max_size, 1 },
		{ "max_at", l->max_at, 1 },
		{ "mean", latency_less(l->sum, l->n * overhead), l->n },
		{ "left_out", l->disturbed, 1 },
	};

	memcpy(fig, all, sizeof(all));
}

#endif /* GOALLOC_BENCH_LATENCY_H */
