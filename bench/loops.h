/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The loops, for one allocator.  loops.c includes this once for each, with
 *
 *   LOOP(name)			the name of the loop
 *   ALLOC(b, size, gfp)	FREE(b, p)		FREE_SIZED(b, p, size)
 *   ZALLOC(b, size, gfp)	ALLOC_TINY(b, size, gfp)
 *   ALLOC_BULK(b, size, n, p)	FREE_BULK(b, n, p)	REALLOC(p, size, gfp)
 *   ONE_SIZE			if it has objects of one size only
 *
 * so that everybody is measured in the same instructions and nobody through a
 * pointer.  Interrupts are off in all but the timed loop, hence GFP_NOWAIT.
 */

static void LOOP(warm)(struct bench *b)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < b->n; i++) {
		obj = ALLOC(b, b->size, GFP_NOWAIT);
		barrier_data(obj);
		FREE(b, obj);
	}
}

static void LOOP(sized)(struct bench *b)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < b->n; i++) {
		obj = ALLOC(b, b->size, GFP_NOWAIT);
		barrier_data(obj);
		FREE_SIZED(b, obj, b->size);
	}
}

static void LOOP(zeroed)(struct bench *b)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < b->n; i++) {
		obj = ZALLOC(b, b->size, GFP_NOWAIT);
		barrier_data(obj);
		FREE(b, obj);
	}
}

static void LOOP(tiny)(struct bench *b)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < b->n; i++) {
		obj = ALLOC_TINY(b, b->size, GFP_NOWAIT);
		barrier_data(obj);
		FREE(b, obj);
	}
}

static void LOOP(fill)(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < b->n; i++)
		b->p[i] = ALLOC(b, b->size, GFP_NOWAIT);
}

static void LOOP(drain)(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < b->n; i++)
		FREE(b, b->p[i]);
}

static void LOOP(fifo)(struct bench *b)
{
	unsigned int rep, i;

	for (rep = 0; rep < b->reps; rep++) {
		for (i = 0; i < b->n; i++)
			b->p[i] = ALLOC(b, b->size, GFP_NOWAIT);
		for (i = 0; i < b->n; i++)
			FREE(b, b->p[i]);
	}
}

static void LOOP(lifo)(struct bench *b)
{
	unsigned int rep, i;

	for (rep = 0; rep < b->reps; rep++) {
		for (i = 0; i < b->n; i++)
			b->p[i] = ALLOC(b, b->size, GFP_NOWAIT);
		for (i = b->n; i > 0; i--)
			FREE(b, b->p[i - 1]);
	}
}

static void LOOP(random)(struct bench *b)
{
	unsigned int rep, i;

	for (rep = 0; rep < b->reps; rep++) {
		for (i = 0; i < b->n; i++)
			b->p[i] = ALLOC(b, b->size, GFP_NOWAIT);
		for (i = 0; i < b->n; i++)
			FREE(b, b->p[b->order[i]]);
	}
}

static void LOOP(tiny_batch)(struct bench *b)
{
	unsigned int rep, i;

	for (rep = 0; rep < b->reps; rep++) {
		for (i = 0; i < b->n; i++)
			b->p[i] = ALLOC_TINY(b, b->size, GFP_NOWAIT);
		for (i = 0; i < b->n; i++)
			FREE(b, b->p[i]);
	}
}

static void LOOP(bulk)(struct bench *b)
{
	unsigned int rep;

	for (rep = 0; rep < b->reps; rep++) {
		ALLOC_BULK(b, b->size, b->n, b->p);
		FREE_BULK(b, b->n, b->p);
	}
}

/* What follows wants more sizes than one. */
#ifndef ONE_SIZE

#define CONST_LOOP(bytes)						\
static void LOOP(const_##bytes)(struct bench *b)			\
{									\
	unsigned int i;							\
	void *obj;							\
									\
	for (i = 0; i < b->n; i++) {					\
		obj = ALLOC(b, bytes, GFP_NOWAIT);			\
		barrier_data(obj);					\
		FREE(b, obj);						\
	}								\
}

CONST_LOOP(8)
CONST_LOOP(64)
CONST_LOOP(512)
CONST_LOOP(1024)
CONST_LOOP(8192)
#undef CONST_LOOP

/* Random replacement, as in larson: what is live stays as much as it was. */
static void LOOP(fill_sizes)(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < b->slots; i++)
		b->p[i] = ALLOC(b, b->sizes[i % BENCH_SIZES], GFP_KERNEL);
}

static void LOOP(replace)(struct bench *b)
{
	unsigned int i;
	u32 r;

	for (i = 0; i < b->n; i++) {
		r = bench_random(&b->rnd);
		FREE(b, b->p[r % b->slots]);
		b->p[r % b->slots] = ALLOC(b, b->sizes[(r >> 20) % BENCH_SIZES],
					   GFP_NOWAIT);
	}
}

/* The same with the clock read around each operation, interrupts on. */
static void LOOP(timed_replace)(struct bench *b)
{
	unsigned int i;
	struct moment m;
	size_t size;
	void **p;
	u32 r;

	for (i = 0; i < b->n; i++) {
		r = bench_random(&b->rnd);
		p = &b->p[r % b->slots];
		size = b->sizes[(r >> 20) % BENCH_SIZES];

		moment_start(&m);
		FREE(b, *p);
		latency_add(&b->lat[1], moment_end(&m), 0);

		moment_start(&m);
		*p = ALLOC(b, size, GFP_KERNEL);
		latency_add(&b->lat[0], moment_end(&m), size);
	}
}

static void LOOP(realloc)(struct bench *b)
{
	unsigned int rep;
	size_t size;
	void *p;

	for (rep = 0; rep < b->reps; rep++) {
		p = ALLOC(b, 16, GFP_NOWAIT);
		for (size = 32; size <= 32768; size *= 2)
			p = REALLOC(p, size, GFP_NOWAIT);
		FREE(b, p);
	}
}

#endif /* ONE_SIZE */

#undef LOOP
#undef ALLOC
#undef FREE
#undef FREE_SIZED
#undef ZALLOC
#undef ALLOC_TINY
#undef ALLOC_BULK
#undef FREE_BULK
#undef REALLOC
#undef ONE_SIZE
