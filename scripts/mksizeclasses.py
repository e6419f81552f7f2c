#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""mksizeclasses.py [--api]: compute Go's size classes by Go's rules.

Prints sizeclass.h, or with --api include/linux/goalloc_class.h, by which the
compiler computes the class of a constant size.  'make check' compares the
output with the committed files.

The rules are Go's: candidate sizes are about an eighth apart, a span grows
until at most an eighth is lost at its end, two classes are merged if a span
holds as many of the larger objects as of the smaller ones, and sizes are raised
until they fill their span.  Where pages of the kernel are larger than Go's, the
sizes stay, since the API promises them, and only the spans are computed anew.
Every property that the C code relies on is asserted here, for each length of a
page and by brute force, before a line is printed.
"""

import sys

GO_SHIFT = 13			# Go's page is of 8 KiB
SHIFTS = (GO_SHIFT, 14, 16)	# and the kernel's may be larger: 16 or 64 KiB
PAGE = 1 << GO_SHIFT
MAX_SMALL = 32768		# larger objects come straight from the heap
LARGE_DIV = 128			# sizes are raised in steps of this
TINY_SIZE = 16			# of a block of tiny objects
SMALL_DIV = 8			# the look-up table has an entry for 8 bytes,
ALIGN_DIV = 256			# and one more for each multiple of 256


def lowbit(n):
    """Return the largest power of two that divides n."""
    return n & -n


class SizeClass:
    def __init__(self, size, pages, page=PAGE):
        self.size = size
        self.pages = pages
        self.page = page

    @property
    def span(self):
        return self.pages * self.page

    @property
    def nelems(self):
        return self.span // self.size

    @property
    def tail(self):
        return self.span - self.nelems * self.size

    @property
    def magic(self):
        """offset * magic >> 32 is offset / size, for offsets in the span"""
        return -(-2**32 // self.size)

    @property
    def align(self):
        """Pages that a span must be aligned to, so that its objects are."""
        return max(1, lowbit(self.size) // self.page)

    def max_waste(self, below):
        """Percent of a span lost if each object is the smallest of its class."""
        return 100 * ((self.size - below - 1) * self.nelems + self.tail) / self.span


def step_after(size, step):
    """Return the distance to the next size: about an eighth of the size."""
    if lowbit(size) != size:
        return step
    if size >= 2048:
        return 256
    if size >= 128:
        return size // 8
    if size >= 32:
        return 16
    return step


def span_pages(size, page=PAGE):
    """Return the fewest pages of which at most an eighth is lost at the end."""
    pages = 1
    while pages * page % size > pages * page // 8:
        pages += 1
    return pages


def make_classes():
    classes = []
    size = step = 8
    while size <= MAX_SMALL:
        step = step_after(size, step)
        new = SizeClass(size, span_pages(size))
        last = classes[-1] if classes else None
        if last and (last.pages, last.nelems) == (new.pages, new.nelems):
            last.size = size	# the smaller class would save nothing
        else:
            classes.append(new)
        size += step
    for c in classes:		# fill the span
        c.size = max(c.size, c.span // c.nelems // LARGE_DIV * LARGE_DIV)
    return [None] + classes	# class 0 stands for large objects


def with_pages(classes, shift):
    """Return the same sizes in spans of longer pages."""
    if shift == GO_SHIFT:
        return classes
    page = 1 << shift
    return [c and SizeClass(c.size, span_pages(c.size, page), page)
            for c in classes]


def bits_size(nelems, tiny=False):
    """Return the bytes of a bit block, as span.c computes them."""
    words = -(-nelems // 64)
    size = 2 * words * 8 + (nelems * 6 if tiny else 0) + nelems + 1
    return -(-size // 8) * 8


def bits_sizes(classes):
    """Return the sizes of bit blocks: for spans of so many objects, and tiny ones."""
    most = max(c.nelems for c in classes[1:])
    sizes, n = [64], 128
    while n <= most:
        sizes.append(bits_size(n))
        n *= 2
    tiny = next(c for c in classes[1:] if c.size == TINY_SIZE)
    return sizes + [bits_size(tiny.nelems, tiny=True)]


def smallest(classes, size, align=1):
    """Return the smallest class for objects of this size and alignment."""
    return next(i for i, c in enumerate(classes)
                if c and c.size >= size and c.size % align == 0)


def table_index(size):
    """A multiple of 256 has an entry of its own; eight other sizes share one."""
    return (size - 1) // SMALL_DIV + size // ALIGN_DIV


def lookup_table(classes):
    """Return the classes by table_index(), and the sizes that are stepped up.

    A size is stepped up if the smallest class that holds it does not align its
    objects to the largest power of two that divides the size.
    """
    table = [0] * (table_index(MAX_SMALL) + 1)
    stepped = []
    for size in range(1, MAX_SMALL + 1):
        chosen = smallest(classes, size, lowbit(size))
        if chosen != smallest(classes, size):
            stepped.append(size)
        assert table[table_index(size)] in (0, chosen)
        table[table_index(size)] = chosen
    assert 0 not in table
    return table, stepped


def verify(classes):
    """Assert what the C code takes for granted."""
    assert len(classes) == 68
    for c in classes[1:]:
        assert c.nelems <= 8192 and c.pages < 256
        assert lowbit(c.align) == c.align and c.align * c.page >= lowbit(c.size)
        for offset in range(c.span):
            product = offset * c.magic
            assert product >> 32 == offset // c.size
            # By this gospan_index() knows the beginning of an object.
            assert (product % 2**32 < c.magic) == (offset % c.size == 0)
    # Chunks of metadata are single pages of the kernel; that may be half of ours.
    page = classes[1].page
    assert max(bits_sizes(classes)) <= (page // 2 if page == PAGE else page)


def print_table(comment, decl, values):
    """Print an array: every file declares it, the one that asks defines it."""
    print()
    for line in comment:
        print(line)
    print(f"extern const {decl};")
    print("#ifdef GO_SIZECLASS_TABLES")
    print(f"const {decl} = {{")
    width = max(len(str(v)) for v in values) + 2
    per_line = 72 // width
    for i in range(0, len(values), per_line):
        row = values[i:i + per_line]
        print("\t" + " ".join(f"{v}," for v in row))
    print("};")
    print("#endif")


HEAD = """\
/* SPDX-License-Identifier: GPL-2.0 */
/* Code generated by scripts/mksizeclasses.py; DO NOT EDIT. */
#ifndef _GOALLOC_SIZECLASS_H
#define _GOALLOC_SIZECLASS_H

#ifndef PAGE_SHIFT
#include <asm/page.h>
#endif
#include <linux/goalloc_align.h>
#include <linux/types.h>

/*
 * Go's size classes are made for pages of 8 KiB.  Where those of the kernel are
 * larger the sizes are the same, and spans are longer."""


SPANS_HEAD = """\

/*
 * Spans of pages of %d KiB.  Tail waste is what is left at the end of a span; max
 * waste is that and the rounding, when every object is the smallest that the
 * class serves.
 *
 * class  bytes/obj  bytes/span  objects  tail waste  max waste  min align"""


API_HEAD = """\
/* SPDX-License-Identifier: GPL-2.0 */
/* Code generated by scripts/mksizeclasses.py; DO NOT EDIT. */
#ifndef _LINUX_GOALLOC_CLASS_H
#define _LINUX_GOALLOC_CLASS_H

#include <linux/compiler.h>
#include <linux/goalloc_align.h>
#include <linux/types.h>

#define GOALLOC_CLASS_MAX_SIZE\t%d

/*
 * goalloc_size_class - the size class of a constant size
 * @size: 1 to GOALLOC_CLASS_MAX_SIZE
 *
 * The compiler evaluates it, so that no code is left.
 *
 * Return: the class that gomalloc() would look up.
 */
static __always_inline unsigned int goalloc_size_class(size_t size)
{
	size = goalloc_class_size(size);
	/* Sizes whose alignment needs a larger class. */
	switch (size) {"""


def print_api(classes, table, stepped):
    print(API_HEAD % MAX_SMALL)
    for size in stepped:
        print(f"\tcase {size}:\treturn {table[table_index(size)]};")
    print("\t}")
    for i, c in enumerate(classes[1:-1], 1):
        print(f"\tif (size <= {c.size})")
        print(f"\t\treturn {i};")
    print(f"\treturn {len(classes) - 1};")
    print("}")
    print()
    print("#endif /* _LINUX_GOALLOC_CLASS_H */")
    return 0


CLASS_OF = """
/* Size 1..GO_MAX_SMALL to class. */
static __always_inline unsigned int gosizeclass_of(size_t size)
{
	size = goalloc_class_size(size);
	return go_size_to_class[(size - 1) / 8 + size / 256];
}
"""


def column(classes, name, none=0):
    return [getattr(c, name) if c else none for c in classes]


def print_spans(classes):
    """Print what depends on the length of a page."""
    page = classes[1].page
    sizes = bits_sizes(classes)
    print(SPANS_HEAD % (page // 1024))
    below = 0
    for i, c in enumerate(classes[1:], 1):
        print(f" * {i:5} {c.size:10} {c.span:11} {c.nelems:8} {c.tail:11}"
              f" {c.max_waste(below):9.2f}% {min(lowbit(c.size), page):10}")
        below = c.size
    print(" */")
    print()
    print(f"#define GO_PAGE_SHIFT\t\t{page.bit_length() - 1}")
    print(f"#define GO_MAX_NELEMS\t\t{max(column(classes, 'nelems'))}"
          "\t/* objects in a span */")
    print(f"#define GO_MAX_SPAN_PAGES\t{max(column(classes, 'pages'))}")
    print(f"#define GO_NR_FIX_BITS\t\t{len(sizes)}\t/* sizes of bit blocks */")
    print_table(["/* Pages of a span. */"],
                "u8 go_class_pages[GO_NR_CLASSES]", column(classes, "pages"))
    print_table(["/* Objects of a span. */"],
                "u16 go_class_nelems[GO_NR_CLASSES]", column(classes, "nelems"))
    print_table(["/* Pages that a span must be aligned to. */"],
                "u8 go_class_align[GO_NR_CLASSES]", column(classes, "align", 1))
    print_table(["/* Bytes of bit blocks: see span.c. */"],
                "u16 go_bits_sizes[GO_NR_FIX_BITS]", sizes)


def main():
    classes = make_classes()
    for shift in SHIFTS:
        verify(with_pages(classes, shift))
    table, stepped = lookup_table(classes)
    if sys.argv[1:] == ["--api"]:
        return print_api(classes, table, stepped)

    print(HEAD)
    print(" */")
    print()
    print(f"#define GO_NR_CLASSES\t\t{len(classes)}")
    print(f"#define GO_MAX_SMALL\t\t{MAX_SMALL}")
    for shift in SHIFTS:
        print()
        print(f"#if PAGE_SHIFT <= {shift}" if shift == GO_SHIFT else
              f"#elif PAGE_SHIFT == {shift}")
        print_spans(with_pages(classes, shift))
    print()
    print("#else")
    print('#error "goalloc needs pages of 4, 8, 16 or 64 KiB"')
    print("#endif")
    print_table(["/* Bytes of an object. */"],
                "u16 go_class_size[GO_NR_CLASSES]", column(classes, "size"))
    print_table(["/*",
                 " * ceil(2^32 / size): offset * magic >> 32 == offset / size,"
                 " for every offset in",
                 " * a span.",
                 " */"],
                "u32 go_class_magic[GO_NR_CLASSES]", [
                    f"{m}U" for m in column(classes, "magic")])
    print_table(["/*",
                 " * Class by (size - 1) / 8 + size / 256: so every multiple of"
                 " 256 has an entry",
                 " * of its own.  The class keeps kmalloc's promise, alignment"
                 " to the largest",
                 " * power of two that divides the size; for that"
                 f" {len(stepped)} sizes need a larger",
                 " * class than the smallest that holds them.",
                 " */"],
                f"u8 go_size_to_class[{len(table)}]", table)
    print(CLASS_OF)
    print("#endif /* _GOALLOC_SIZECLASS_H */")
    return 0


if __name__ == "__main__":
    sys.exit(main())
