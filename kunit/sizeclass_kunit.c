// SPDX-License-Identifier: GPL-2.0
/*
 * Size classes: the generated tables and the arithmetic on them.
 *
 * Small enough to be tested whole: every request of a small size, and every
 * byte of a span of every class.  What is expected is worked out from the two
 * columns that are given, the classes' sizes and pages, by
 * division and by searching, the way the tables are there to avoid.
 */

#define GO_SIZECLASS_TABLES
#include <linux/math.h>
#include <linux/sizes.h>
#include "common.h"
#include "span.h"

/* Where a span might be: a multiple of any alignment that one may need. */
#define SPAN_BASE	0xffff888012340000UL

static unsigned long low_bit(unsigned long n)
{
	return n & -n;
}

static unsigned long class_bytes(unsigned int class)
{
	return (unsigned long)go_class_pages[class] << GO_PAGE_SHIFT;
}

/* What each object of a class is aligned to. */
static unsigned long class_promise(unsigned int class)
{
	unsigned long base = (unsigned long)go_class_align[class] <<
			     GO_PAGE_SHIFT;

	if (go_class_nelems[class] == 1)
		return base;
	return min(base, low_bit(go_class_size[class]));
}

/* The smallest class that fits and is aligned to @align at least. */
static unsigned int search_class(unsigned long size, unsigned long align)
{
	unsigned int class = 1;

	while (class < GO_NR_CLASSES && (go_class_size[class] < size ||
					 class_promise(class) < align))
		class++;
	return class;
}

static void columns_agree(struct kunit *test)
{
	unsigned int c, tail;

	for (c = 1; c < GO_NR_CLASSES; c++) {
		unsigned int size = go_class_size[c];

		KUNIT_EXPECT_GT_MSG(test, size, go_class_size[c - 1],
				    "class %u", c);
		KUNIT_EXPECT_EQ_MSG(test, size % 8, 0, "class %u", c);
		KUNIT_EXPECT_EQ_MSG(test, go_class_nelems[c],
				    class_bytes(c) / size, "class %u", c);
		KUNIT_EXPECT_EQ_MSG(test, go_class_magic[c],
				    DIV_ROUND_UP_ULL(1ULL << 32, size),
				    "class %u", c);
		tail = class_bytes(c) % size;
		KUNIT_EXPECT_LE_MSG(test, 8 * tail, class_bytes(c),
				    "class %u wastes its tail", c);
		KUNIT_EXPECT_TRUE_MSG(test, is_power_of_2(go_class_align[c]),
				      "class %u", c);
	}
}

static void limits(struct kunit *test)
{
	unsigned int c, most = 0;

	for (c = 0; c < GO_NR_CLASSES; c++)
		most = max_t(unsigned int, most, go_class_nelems[c]);
	KUNIT_EXPECT_EQ(test, most, GO_MAX_NELEMS);
	KUNIT_EXPECT_EQ(test, go_class_size[0], 0);
	KUNIT_EXPECT_EQ(test, go_class_size[1], 8);
	KUNIT_EXPECT_EQ(test, go_class_size[GO_NR_CLASSES - 1], GO_MAX_SMALL);
	KUNIT_EXPECT_EQ(test, go_class_size[GO_SPC_CLASS(GO_TINY_SPC)],
			GO_TINY_SIZE);
	KUNIT_EXPECT_TRUE(test, GO_SPC_NOSCAN(GO_TINY_SPC));
	KUNIT_EXPECT_EQ(test, gosizeclass_of(GO_MAX_SMALL), GO_NR_CLASSES - 1);
}

/* What is a length in bytes is the same with longer pages, or nearly. */
static void lengths_in_pages(struct kunit *test)
{
	unsigned int c, most = 0;

	for (c = 0; c < GO_NR_CLASSES; c++)
		most = max_t(unsigned int, most, go_class_pages[c]);
	KUNIT_EXPECT_EQ(test, GO_PAGE_SIZE, max_t(unsigned long, PAGE_SIZE, SZ_8K));
	KUNIT_EXPECT_EQ(test, most, GO_MAX_SPAN_PAGES);
	KUNIT_EXPECT_GE(test, GO_RESERVE_RUN, most);
	KUNIT_EXPECT_EQ(test, GO_RESERVE_PAGES * GO_PAGE_SIZE,
			(unsigned long)(PAGE_SIZE > SZ_16K ? SZ_1M : SZ_512K));
	KUNIT_EXPECT_EQ(test, GO_KEPT_MAX * GO_PAGE_SIZE, (unsigned long)SZ_1M);
	KUNIT_EXPECT_EQ(test, GO_KEPT_LEAST, (unsigned long)GO_KEPT_MAX);
}

/* Every offset of every span, the waste at its end included. */
static void magic_is_division(struct kunit *test)
{
	struct gospan s = { .base = SPAN_BASE };
	unsigned int c, size, bad = 0;
	unsigned long off, idx;
	bool start;

	for (c = 1; c < GO_NR_CLASSES; c++) {
		size = go_class_size[c];
		s.magic = go_class_magic[c];
		for (off = 0; off < class_bytes(c); off++) {
			start = gospan_index(&s, (void *)s.base + off, &idx);
			if (idx == off / size && start == (off % size == 0))
				continue;
			if (!bad++)
				KUNIT_FAIL(test, "class %u, offset %lu: index %lu, start %d",
					   c, off, idx, start);
		}
		/* What a byte of state is kept for: the waste is one object. */
		KUNIT_EXPECT_LE(test, (off - 1) / size, go_class_nelems[c]);
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
}

/* Magic 0, as in free runs, large objects and gospan_nil, finds nothing. */
static void no_magic_no_index(struct kunit *test)
{
	struct gospan s = { .base = SPAN_BASE };
	unsigned long off, idx;

	for (off = 0; off < GO_PAGE_SIZE; off++)
		KUNIT_ASSERT_FALSE(test, gospan_index(&s, (void *)s.base + off,
						      &idx));
	KUNIT_EXPECT_FALSE(test, gospan_index(&gospan_nil, NULL, &idx));
	KUNIT_EXPECT_FALSE(test, gospan_index(&gospan_nil, &s, &idx));
	KUNIT_EXPECT_EQ(test, gospan_nil.magic, 0);
	KUNIT_EXPECT_LT(test, *gospan_nil.objstate, GO_OBJ_LIVE);
}

/* The smallest class that fits and keeps kmalloc()'s promise, for each size. */
static void size_to_class(struct kunit *test)
{
	unsigned int size, class, best, stepped = 0;

	for (size = 1; size <= GO_MAX_SMALL; size++) {
		class = gosizeclass_of(size);
		best = search_class(size, low_bit(size));
		KUNIT_EXPECT_EQ(test, goalloc_size_class(size), class);
		if (class != best)
			KUNIT_FAIL(test, "size %u: class %u of %u bytes, not %u",
				   size, class, go_class_size[class], best);
		stepped += best != search_class(size, 1);
	}
	KUNIT_EXPECT_EQ(test, stepped, 26);
}

/* ARCH_KMALLOC_MINALIGN and ARCH_DMA_MINALIGN of some machines. */
static const struct machine {
	const char *name;
	unsigned int least;
	unsigned int dma;
} machines[] = {
	{ "x86", 8, 8 },
	{ "arm64 up to 6.4", 128, 128 },
	{ "arm64", 8, 128 },
	{ "riscv up to 6.4", 64, 64 },
	{ "riscv", 8, 64 },
	{ "parisc", 16, 32 },
};

KUNIT_ARRAY_PARAM_DESC(machine, machines, name);

/* What kmalloc() rounds a size up to. */
static unsigned int kmalloc_bytes(unsigned int size, unsigned int least)
{
	size = max(size, least);
	if (size > 64 && size <= 96 && least <= 32)
		return 96;
	if (size > 128 && size <= 192 && least <= 64)
		return 192;
	return max(roundup_pow_of_two(size), 8UL);
}

/*
 * Where kmalloc() would give an object its cache lines, or half of a pair, so do
 * we.  The power of two that divides @size is promised as ever.
 */
static void aligned_for_dma(struct kunit *test)
{
	const struct machine *m = test->param_value;
	unsigned int size, bytes, kmalloc, align, bad = 0;

	for (size = 1; size <= GO_MAX_SMALL; size++) {
		bytes = goalloc_dma_size(size, m->least, m->dma);
		bytes = go_class_size[search_class(bytes, low_bit(bytes))];
		kmalloc = kmalloc_bytes(size, m->least);
		align = max(low_bit(size), min(low_bit(kmalloc), m->dma));
		if (m->dma <= 8)
			align = low_bit(size);
		if (bytes >= size && bytes % min(align, 4096U) == 0)
			continue;
		if (!bad++)
			KUNIT_FAIL(test, "size %u: class of %u bytes, not aligned to %u",
				   size, bytes, align);
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
}

/* A machine with coherent DMA wastes nothing on the others. */
static void coherent_pays_nothing(struct kunit *test)
{
	unsigned int size;

	for (size = 1; size <= GO_MAX_SMALL; size++)
		KUNIT_ASSERT_EQ(test, goalloc_dma_size(size, 8, 8), size);
	if (IS_ENABLED(CONFIG_X86))
		KUNIT_EXPECT_EQ(test, goalloc_class_size(288), 288);
}

/* The sizes for which the promise costs a step, and where to. */
static const struct step {
	unsigned int size;
	unsigned int fits;
	unsigned int keeps;
} steps[] = {
	{ 2560, 2688, 3072 },	{ 3328, 3456, 4096 },	{ 4608, 4864, 6144 },
	{ 5120, 5376, 6144 },	{ 6400, 6528, 6912 },	{ 6656, 6784, 8192 },
	{ 8704, 9472, 9728 },	{ 9216, 9472, 10240 },	{ 10496, 10880, 12288 },
	{ 10752, 10880, 12288 }, { 12800, 13568, 14336 },
	{ 13312, 13568, 14336 }, { 18688, 19072, 20480 },
	{ 18944, 19072, 20480 }, { 20992, 21760, 24576 },
	{ 21504, 21760, 24576 }, { 24832, 27264, 28672 },
	{ 25088, 27264, 28672 }, { 25344, 27264, 28672 },
	{ 25600, 27264, 28672 }, { 25856, 27264, 28672 },
	{ 26112, 27264, 28672 }, { 26368, 27264, 28672 },
	{ 26624, 27264, 28672 }, { 26880, 27264, 28672 },
	{ 27136, 27264, 28672 },
};

static void step_name(const struct step *s, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%u", s->size);
}

KUNIT_ARRAY_PARAM(step, steps, step_name);

static void step_up(struct kunit *test)
{
	const struct step *s = test->param_value;
	unsigned long align = low_bit(s->size);
	void *p[4];
	int i;

	KUNIT_EXPECT_EQ(test, go_class_size[search_class(s->size, 1)], s->fits);
	KUNIT_EXPECT_NE(test, s->fits % align, 0);
	KUNIT_EXPECT_EQ(test, go_class_size[gosizeclass_of(s->size)], s->keeps);
	KUNIT_EXPECT_EQ(test, gomalloc_size_roundup(s->size), s->keeps);
	/* Its neighbours ask for less. */
	KUNIT_EXPECT_EQ(test, go_class_size[gosizeclass_of(s->size - 1)],
			s->fits);

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = gomalloc(s->size, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p[i], align));
	}
	while (i--)
		gofree(p[i]);
}

/* The promise on real memory, two objects of each size. */
static void promise(struct kunit *test)
{
	unsigned int size, step = IS_ENABLED(CONFIG_KASAN) ? 32 : 1;
	unsigned long p[2], both;

	for (size = step; size <= GO_MAX_SMALL; size += step) {
		p[0] = (unsigned long)gomalloc(size, GFP_KERNEL);
		p[1] = (unsigned long)gomalloc(size, GFP_KERNEL);
		KUNIT_EXPECT_NE(test, p[0], 0);
		KUNIT_EXPECT_NE(test, p[1], 0);
		both = p[0] | p[1];
		if (!IS_ALIGNED(both, low_bit(size)))
			KUNIT_FAIL(test, "size %u: objects at %lx and %lx",
				   size, p[0], p[1]);
		gofree((void *)p[0]);
		gofree((void *)p[1]);
	}
}

static void size_roundup(struct kunit *test)
{
	unsigned long size;

	KUNIT_EXPECT_EQ(test, gomalloc_size_roundup(0), 0);
	for (size = 1; size <= GO_MAX_SMALL; size++)
		KUNIT_ASSERT_EQ(test, gomalloc_size_roundup(size),
				go_class_size[search_class(size,
							   low_bit(size))]);
	for (; size <= GOALLOC_MAX_SIZE; size += 4093)
		KUNIT_ASSERT_EQ(test, gomalloc_size_roundup(size),
				round_up(size, GO_PAGE_SIZE));
	size = GOALLOC_MAX_SIZE;
	KUNIT_EXPECT_EQ(test, gomalloc_size_roundup(size), size);
	KUNIT_EXPECT_EQ(test, gomalloc_size_roundup(size + 1), size + 1);
	KUNIT_EXPECT_EQ(test, gomalloc_size_roundup(SIZE_MAX), SIZE_MAX);
}

static struct kunit_case sizeclass_cases[] = {
	KUNIT_CASE(columns_agree),
	KUNIT_CASE(limits),
	KUNIT_CASE(lengths_in_pages),
	KUNIT_CASE(magic_is_division),
	KUNIT_CASE(no_magic_no_index),
	KUNIT_CASE(size_to_class),
	KUNIT_CASE_PARAM(aligned_for_dma, machine_gen_params),
	KUNIT_CASE(coherent_pays_nothing),
	KUNIT_CASE_PARAM(step_up, step_gen_params),
	KUNIT_CASE(promise),
	KUNIT_CASE(size_roundup),
	{}
};

static struct kunit_suite sizeclass_suite = {
	.name = "goalloc_sizeclass",
	.exit = gotest_verify_exit,
	.test_cases = sizeclass_cases,
};

kunit_test_suites(&sizeclass_suite);
