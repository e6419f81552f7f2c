// SPDX-License-Identifier: GPL-2.0
/*
 * The random numbers and orders of the benchmark.  They are the same in every
 * run, for every allocator, in the kernel and in user space.
 */

#include "loop.h"

/* Xorshift. */
u32 bench_random(u32 *state)
{
	u32 x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	*state = x;
	return x;
}

/* Make @order a random permutation of 0 ... @n - 1. */
void bench_shuffle(u32 *order, unsigned int n)
{
	u32 i, r, old, rnd = 1;

	for (i = 0; i < n; i++)
		order[i] = i;
	for (i = n; i > 1; i--) {
		r = bench_random(&rnd) % i;
		old = order[i - 1];
		order[i - 1] = order[r];
		order[r] = old;
	}
}
