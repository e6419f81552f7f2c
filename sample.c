// SPDX-License-Identifier: GPL-2.0
/*
 * Sample: which allocations the heap profile sees.
 *
 * As in Go, samples are the events of a Poisson process in the bytes that are
 * asked for: between two of them lie bytes that are distributed exponentially,
 * with the rate as their mean.  So an object of s bytes is sampled with the
 * probability 1 - exp(-s / rate), whatever was allocated before it, and the
 * reader of the profile divides by that.  Each stack of each CPU has such a
 * process, and what goes past the mcaches has one on each CPU.  Independent
 * processes add up to one.
 *
 * The bytes are those that were asked for, not those of the class, as Go counts:
 * there is a counter of them already, which every allocation adds to.  Slow code
 * sets that counter back so far that the addition which reaches the next sample
 * makes it 0 or more, and the fast path jumps on the sign.  One instruction, not
 * taken.  gomcache.due has what was set back, and statistics add the two.
 *
 * The stack's floor would be cheaper still: refill knows how many objects there
 * are until the next sample, and hides the rest from the fast path.  But a floor
 * counts how far a stack goes down, not what is allocated: a pair that allocates
 * and frees one object for ever stands above it and would never be sampled,
 * while a batch of the same bytes would be; and what is sampled in the long run
 * would be objects that live long.  No factor undoes that.
 *
 * A count of objects, drawn geometrically for the class, would lie beside the
 * counter of allocations and cost the same.  Bytes are what a tiny block, a
 * batch and an object of whole pages have in common.
 *
 * A sample costs thousands of instructions, since a stack has to be walked, and a
 * loop that allocates and frees 32 KiB takes a hundred for a pair: at Go's rate
 * such a loop would take eleven times as many.  So a CPU may keep one in 16
 * milliseconds, and BURST at once if it has kept none for as long before.  A
 * sample that comes before its time is only kept with a probability of one in a
 * power of two, and those of its class are drawn at a fraction of the rate from
 * then on, until they come late.  Each sample says how often its chances
 * were halved, and counts for as many as it stands for, so that the profile stays
 * unbiased and takes a few thousandths of a CPU whatever runs there.  The price is
 * noise: what is allocated fastest has no more samples than what is not.  A rate of
 * 1 means everything, always.
 *
 * The profile needs state bytes, which tell a free that it frees a sample.  So
 * with check=0 the rate is 0: see observe/profile.c.
 *
 * Any context.
 */

#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/math64.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>
#include "mcache.h"
#include "sample.h"

/* So many bytes are never asked for; half of what the counter can count to. */
#define NEVER		BIT(62)

/* The fraction bits of a logarithm, and ln 2 times 2^32. */
#define LOG_BITS	20
#define LN2		0xb17217f8U

/* Samples of a CPU come this far apart on average, in ns, or there are fewer. */
u64 gosample_pause = 16 * NSEC_PER_MSEC;

/* So many may come at once, if there were none for as long before. */
#define BURST		2

/*
 * So often a CPU is interrupted to take over a rate.  One that was in the window
 * each time goes on with what it has drawn by the old one.
 */
#define HANDOVERS	1000

/* The mean of the bytes between two samples; 0 for no samples. */
static unsigned long mean;

/* What all CPUs' random numbers begin with. */
static u64 seed;

/*
 * The next random number of this CPU: a number in a sequence that all CPUs have a
 * part of, mixed as splitmix64 does.  An interrupt in between gets another.
 */
static u64 next_random(struct goheap *h)
{
	u64 x = this_cpu_inc_return(h->mcache->drawn);

	x += (u64)raw_smp_processor_id() << 40;
	x = READ_ONCE(seed) + x * 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* -log2(x / 2^64), with LOG_BITS bits behind the point; @x is not 0. */
static u32 minus_log2(u64 x)
{
	u32 whole = __builtin_clzll(x), fraction = 0;
	u64 m = x << whole >> 32;	/* 1 to 2, with 31 bits behind the point */
	unsigned int i;

	/* Squaring doubles the logarithm, so that its next bit comes out. */
	for (i = 0; i < LOG_BITS; i++) {
		m = m * m >> 31;
		fraction = fraction << 1 | m >> 32;
		m >>= m >> 32;
	}
	return ((whole + 1) << LOG_BITS) - fraction;
}

/* Draw how many bytes are asked for before those of the next sample. */
static unsigned long draw_bytes(struct goheap *h, unsigned int thin)
{
	unsigned long rate = READ_ONCE(mean);
	u64 log;

	if (!rate)
		return NEVER;
	/* All of them, and not only the 63 % that have a sample in a byte. */
	if (rate == 1)
		return 0;
	log = minus_log2(next_random(h) ?: 1);
	return mul_u64_u32_shr(rate << thin, mul_u64_u32_shr(log, LN2, 32),
			       LOG_BITS);
}

/*
 * A sample is due, of a class that has been thinned @thin times.  If it comes
 * before its time it is kept with a probability of 1 in a power of two, and its
 * class is thinned; if late, less so.  Returns as gosample_is_due().
 */
static unsigned int keep_or_not(struct goheap *h, struct gomcache *c, u8 *thin)
{
	u64 now = ktime_get_mono_fast_ns(), least = READ_ONCE(gosample_pause);
	u64 pause = now - c->last_sample;
	/* Past the mcaches an interrupt may change it meanwhile. */
	u8 was = READ_ONCE(*thin);
	unsigned int due = GOSAMPLE_DUE | was, halved;

	if (READ_ONCE(mean) == 1)
		return GOSAMPLE_DUE;
	if (pause >= least) {
		if (pause > 4 * least && was)
			WRITE_ONCE(*thin, was - 1);
		/* One that is long overdue leaves some time for the next. */
		c->last_sample = now - min(pause - least, (BURST - 1) * least);
		return due;
	}
	halved = min(1 + ilog2(least / (pause + 1)), GOSAMPLE_HALVED_MAX);
	WRITE_ONCE(*thin, min(was + halved, GOSAMPLE_THIN_MAX));
	if (next_random(h) >> (64 - halved))
		return 0;
	c->last_sample = now;
	return due | halved << GOSAMPLE_HALVED;
}

/* There are @bytes until the next sample of a stack.  The caller owns @c. */
static void set_due(struct gomcache *c, struct gostack *s, unsigned long bytes)
{
	unsigned int spc = s - c->stack;
	long requested = -(long)bytes - 1;

	WRITE_ONCE(c->moving, c->moving + 1);
	smp_wmb();	/* odd before the two change */
	WRITE_ONCE(c->due[spc], c->due[spc] + s->requested - requested);
	WRITE_ONCE(s->requested, requested);
	smp_wmb();	/* even when both have */
	WRITE_ONCE(c->moving, c->moving + 1);
}

/**
 * gosample_is_due - the counter of a stack says that a sample is due
 * @h: the heap
 * @s: the stack, whose counter has reached 0; its cache is the caller's
 * @size: what was last counted
 *
 * A stack that is used for the first time has drawn nothing yet.
 *
 * Context: any; preemption is off.
 * Return: 0 if the object of @size is not to be sampled; else GOSAMPLE_DUE and how
 * often the rate was halved, before the sample was drawn and afterwards.
 */
unsigned int gosample_is_due(struct goheap *h, struct gostack *s, size_t size)
{
	struct gomcache *c = this_cpu_ptr(h->mcache);
	unsigned int spc = s - c->stack, due;
	u8 *thin = &c->thin_of[spc];
	unsigned long bytes;

	if (!c->due[spc]) {
		bytes = draw_bytes(h, *thin);
		if (bytes >= size) {
			set_due(c, s, bytes - size);
			return 0;
		}
	}
	due = keep_or_not(h, c, thin);
	set_due(c, s, draw_bytes(h, *thin));
	return due;
}

/**
 * gosample_past_is_due - the bytes past the mcaches reach the next sample
 * @h: the heap
 * @size: what was asked for
 * @left: the bytes that were left before, 0 if none have been drawn
 *
 * An interrupt that comes before the new number is there finds one below 0 and
 * draws for itself, and what it leaves is overwritten.  That is as good: what is
 * left of an exponential distribution is distributed like the whole.
 *
 * Context: any.
 * Return: as gosample_is_due().
 */
unsigned int gosample_past_is_due(struct goheap *h, size_t size, long left)
{
	unsigned long rate, bytes;
	unsigned int due = 0;
	struct gomcache *c;
	u8 *thin;

	preempt_disable();
	c = this_cpu_ptr(h->mcache);
	thin = &c->thin_of[GO_ALL_SPANCLASSES];
	do {
		rate = READ_ONCE(mean);
		bytes = left > 0 ? 0 : draw_bytes(h, READ_ONCE(*thin));
		if (bytes < size) {
			due = due ?: keep_or_not(h, c, thin);
			bytes = draw_bytes(h, READ_ONCE(*thin)) + size;
		}
		WRITE_ONCE(c->left, bytes + 1 - size);
		/* The handover sees the number, or this the rate. */
		smp_mb();
		left = 0;
	} while (unlikely(READ_ONCE(mean) != rate));
	preempt_enable();
	return due;
}

/* exp(-x), both with 16 bits behind the point. */
static u64 exp_minus(u64 x)
{
	/* Of 2^-f with f from 0 to 1, the five first terms behind the 1. */
	static const int term[] = { -87, 630, -3638, 15744, -45426, 65536 };
	u64 log = x * 94548 >> 16;	/* log2(e) */
	s64 y = 0, f = log & 0xffff;
	unsigned int i;

	if (log >> 16 > 16)
		return 0;
	for (i = 0; i < ARRAY_SIZE(term); i++)
		y = (y * f >> 16) + term[i];
	return y >> (log >> 16);
}

/**
 * gosample_weigh - what a sample counts for
 * @rate: the mean of the bytes between two samples
 * @size: bytes of the object
 * @due: what gosample_is_due() has said
 *
 * The reader multiplies by 1 / (1 - exp(-x)), x being the size in means, and what
 * was drawn at the rate halved n times stands for 1 / (1 - exp(-x / 2^n)).  As
 * 1 - exp(-x) is (1 - exp(-x/2)) (1 + exp(-x/2)), each halving leaves a factor.
 * One of its chances to be kept leaves 2.
 *
 * Context: any.
 * Return: the number, in parts of GOSAMPLE_ONE.
 */
unsigned long gosample_weigh(unsigned long rate, size_t size, unsigned int due)
{
	unsigned int thin = GOSAMPLE_THIN(due);
	u64 x = ((u64)size << 16) / rate, w = (u64)GOSAMPLE_ONE << 16;

	while (thin--) {
		x >>= 1;
		w = (w >> 16) * (65536 + exp_minus(x)) +
		    ((w & 0xffff) * (65536 + exp_minus(x)) >> 16);
	}
	return w >> 16 << GOSAMPLE_HALVINGS(due);
}

/*
 * Have a stack draw at its next allocation, by the rate of then, as one does that has
 * not been used.  The caller owns @c.
 */
static void forget_due(struct gomcache *c, struct gostack *s)
{
	unsigned int spc = s - c->stack;

	WRITE_ONCE(c->moving, c->moving + 1);
	smp_wmb();	/* odd before the two change */
	WRITE_ONCE(s->requested, s->requested + c->due[spc]);
	WRITE_ONCE(c->due[spc], 0);
	smp_wmb();	/* even when both have */
	WRITE_ONCE(c->moving, c->moving + 1);
}

/* Have a CPU draw anew.  It is this one, or offline. */
static void draw_anew(struct gomcache *c)
{
	struct gostack *s;

	gomcache_enter(c);
	memset(c->thin_of, 0, sizeof(c->thin_of));
	for (s = c->stack; s < c->stack + GO_ALL_SPANCLASSES; s++)
		if (c->due[s - c->stack])
			forget_due(c, s);
	WRITE_ONCE(c->left, 0);
	gomcache_leave(c);
}

/* Has a CPU drawn anything?  Most have not when the module is loaded. */
static bool has_drawn(struct goheap *h, int cpu)
{
	return cpumask_test_cpu(cpu, &h->cpus) ||
	       READ_ONCE(per_cpu_ptr(h->mcache, cpu)->left);
}

/**
 * struct handover - a CPU is to take over a rate
 * @h: the heap
 * @done: it has
 */
struct handover {
	struct goheap *h;
	bool done;
};

/* In an interrupt of that CPU, which may have come while its cache is in use. */
static void draw_anew_here(void *data)
{
	struct handover *to = data;
	struct gomcache *c = this_cpu_ptr(to->h->mcache);

	to->done = !READ_ONCE(c->busy);
	if (to->done)
		draw_anew(c);
}

/* No hotplug callback may touch the cache meanwhile. */
static void draw_anew_offline(struct handover *to, int cpu)
{
	cpus_read_lock();
	to->done = !cpu_online(cpu);
	if (to->done) {
		preempt_disable();
		draw_anew(per_cpu_ptr(to->h->mcache, cpu));
		preempt_enable();
	}
	cpus_read_unlock();
}

/**
 * gosample_set_rate - change how much is sampled
 * @h: the heap whose CPUs draw anew; those of others have drawn already, and the
 *	new rate is theirs from their next sample on
 * @rate: the mean of the bytes between two samples; 1 samples everything, 0
 *	nothing; up to GO_SAMPLE_RATE_MAX
 *
 * Each CPU that has drawn is interrupted, isolated ones too, for nobody else may touch
 * what it counts with.  A task that does not leave it, a real-time one for example,
 * is not waited for, nor stopped for more than that.  An interrupt that comes
 * into the window in which the cache is in use leaves it alone, and comes again: the
 * window has some twenty instructions, of which not one can sleep.
 *
 * Context: task, may sleep; calls must not overlap.
 */
void gosample_set_rate(struct goheap *h, unsigned long rate)
{
	struct handover to;
	unsigned int tries;
	int cpu;

	WRITE_ONCE(mean, rate);
	/* A CPU that is not seen to have drawn sees the rate: gomcache_note_use(). */
	smp_mb();
	for_each_possible_cpu(cpu) {
		to = (struct handover){ .h = h, .done = !has_drawn(h, cpu) };
		for (tries = 0; !to.done && tries < HANDOVERS; tries++) {
			if (tries)
				usleep_range(50, 100);
			if (smp_call_function_single(cpu, draw_anew_here, &to,
						     true))
				draw_anew_offline(&to, cpu);
		}
	}
}

/**
 * gosample_stop - sample nothing any more
 *
 * For the end, when no CPU uses the heap.
 *
 * Context: any.
 */
void gosample_stop(void)
{
	WRITE_ONCE(mean, 0);
}

/**
 * gosample_leave_out - sample nothing of a heap, ever
 * @h: the heap, which nobody has used yet
 *
 * Context: any.
 */
void gosample_leave_out(struct goheap *h)
{
	struct gomcache *c;
	struct gostack *s;
	int cpu;

	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(h->mcache, cpu);
		for (s = c->stack; s < c->stack + GO_NR_SPANCLASSES; s++)
			set_due(c, s, NEVER);
		WRITE_ONCE(c->left, NEVER);
	}
}

/**
 * gosample_seed - say what random numbers begin with
 * @h: a heap whose CPUs begin anew
 * @start: where
 *
 * Context: task; for a sequence that can be repeated nothing else allocates.
 */
void gosample_seed(struct goheap *h, u64 start)
{
	int cpu;

	WRITE_ONCE(seed, start);
	for_each_possible_cpu(cpu)
		WRITE_ONCE(per_cpu_ptr(h->mcache, cpu)->drawn, 0);
}
