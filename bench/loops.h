/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The loops, for one allocator.  loops.c includes this file once for each, with
 * ALLOCATOR defined as the prefix of the names of its functions, and ONE_SIZE
 * defined if it has objects of one size only.  peers.c includes it for user
 * space, where some of the loops are missing.  So all allocators are measured
 * with the same code, and none is called through a pointer.  Interrupts are off
 * in all but the timed loop, hence GFP_NOWAIT.
 */

#define LOOP(name)	__PASTE(ALLOCATOR, name)

static void LOOP(warm)(struct bench *b)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < b->n; i++) {
		obj = LOOP(alloc)(b, b->size, GFP_NOWAIT);
		barrier_data(obj);
		LOOP(free)(b, obj);
	}
}

static void LOOP(zeroed)(struct bench *b)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < b->n; i++) {
		obj = LOOP(zalloc)(b, b->size, GFP_NOWAIT);
		barrier_data(obj);
		LOOP(free)(b, obj);
	}
}

static void LOOP(tiny)(struct bench *b)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < b->n; i++) {
		obj = LOOP(alloc_tiny)(b, b->size, GFP_NOWAIT);
		barrier_data(obj);
		LOOP(free)(b, obj);
	}
}

static void LOOP(fill)(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < b->n; i++)
		b->p[i] = LOOP(alloc)(b, b->size, GFP_NOWAIT);
}

static void LOOP(drain)(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < b->n; i++)
		LOOP(free)(b, b->p[i]);
}

static void LOOP(fifo)(struct bench *b)
{
	unsigned int rep, i;

	for (rep = 0; rep < b->reps; rep++) {
		for (i = 0; i < b->n; i++)
			b->p[i] = LOOP(alloc)(b, b->size, GFP_NOWAIT);
		for (i = 0; i < b->n; i++)
			LOOP(free)(b, b->p[i]);
	}
}

static void LOOP(lifo)(struct bench *b)
{
	unsigned int rep, i;

	for (rep = 0; rep < b->reps; rep++) {
		for (i = 0; i < b->n; i++)
			b->p[i] = LOOP(alloc)(b, b->size, GFP_NOWAIT);
		for (i = b->n; i > 0; i--)
			LOOP(free)(b, b->p[i - 1]);
	}
}

static void LOOP(random)(struct bench *b)
{
	unsigned int rep, i;

	for (rep = 0; rep < b->reps; rep++) {
		for (i = 0; i < b->n; i++)
			b->p[i] = LOOP(alloc)(b, b->size, GFP_NOWAIT);
		for (i = 0; i < b->n; i++)
			LOOP(free)(b, b->p[b->order[i]]);
	}
}

static void LOOP(tiny_batch)(struct bench *b)
{
	unsigned int rep, i;

	for (rep = 0; rep < b->reps; rep++) {
		for (i = 0; i < b->n; i++)
			b->p[i] = LOOP(alloc_tiny)(b, b->size, GFP_NOWAIT);
		for (i = 0; i < b->n; i++)
			LOOP(free)(b, b->p[i]);
	}
}

/* The loops up to the next #endif need more than malloc() and free(). */
#ifdef __KERNEL__

static void LOOP(sized)(struct bench *b)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < b->n; i++) {
		obj = LOOP(alloc)(b, b->size, GFP_NOWAIT);
		barrier_data(obj);
		LOOP(free_sized)(b, obj, b->size);
	}
}

static void LOOP(bulk)(struct bench *b)
{
	unsigned int rep;

	for (rep = 0; rep < b->reps; rep++) {
		LOOP(alloc_bulk)(b, b->size, b->n, b->p);
		LOOP(free_bulk)(b, b->n, b->p);
	}
}

#endif /* __KERNEL__ */

/* The loops below need more than one size. */
#ifndef ONE_SIZE

#define CONST_LOOP(bytes)						\
static void LOOP(const_##bytes)(struct bench *b)			\
{									\
	unsigned int i;							\
	void *obj;							\
									\
	for (i = 0; i < b->n; i++) {					\
		obj = LOOP(alloc)(b, bytes, GFP_NOWAIT);		\
		barrier_data(obj);					\
		LOOP(free)(b, obj);					\
	}								\
}

CONST_LOOP(8)
CONST_LOOP(64)
CONST_LOOP(512)
CONST_LOOP(1024)
CONST_LOOP(8192)
#undef CONST_LOOP

static void LOOP(realloc)(struct bench *b)
{
	unsigned int rep;
	size_t size;
	void *p;

	for (rep = 0; rep < b->reps; rep++) {
		p = LOOP(alloc)(b, 16, GFP_NOWAIT);
		for (size = 32; size <= 32768; size *= 2)
			p = LOOP(resize)(p, size, GFP_NOWAIT);
		LOOP(free)(b, p);
	}
}

#ifdef __KERNEL__

/* Most callers that know the size know it at compile time, from a type. */
static void LOOP(const_sized_64)(struct bench *b)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < b->n; i++) {
		obj = LOOP(alloc)(b, 64, GFP_NOWAIT);
		barrier_data(obj);
		LOOP(free_sized)(b, obj, 64);
	}
}

/* Random replacement, as in larson: the number of live objects is constant. */
static void LOOP(fill_sizes)(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < b->slots; i++)
		b->p[i] = LOOP(alloc)(b, b->sizes[i % BENCH_SIZES], GFP_KERNEL);
}

static void LOOP(replace)(struct bench *b)
{
	unsigned int i;
	size_t size;
	void **p;
	u32 r;

	for (i = 0; i < b->n; i++) {
		r = bench_random(&b->rnd);
		p = &b->p[r % b->slots];
		size = b->sizes[(r >> 20) % BENCH_SIZES];

		LOOP(free)(b, *p);
		*p = LOOP(alloc)(b, size, GFP_NOWAIT);
	}
}

/* The same with each operation timed, and interrupts on. */
static void LOOP(timed_replace)(struct bench *b)
{
	unsigned int i;
	size_t size, old;
	struct moment m;
	void **p;
	u32 r;

	for (i = 0; i < b->n; i++) {
		r = bench_random(&b->rnd);
		p = &b->p[r % b->slots];
		size = b->sizes[(r >> 20) % BENCH_SIZES];

		old = LOOP(usable)(*p);
		moment_start(&m);
		LOOP(free)(b, *p);
		latency_add(&b->lat[1], moment_end(&m), old);

		moment_start(&m);
		*p = LOOP(alloc)(b, size, GFP_KERNEL);
		latency_add(&b->lat[0], moment_end(&m), size);
	}
}

#endif /* __KERNEL__ */
#endif /* ONE_SIZE */

#undef LOOP
#undef ALLOCATOR
#undef ONE_SIZE
