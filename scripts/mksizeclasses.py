#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Generate sizeclass.h: Go's size classes, by the rules that Go uses.

The rules, not the numbers, are the source: an alignment that grows with the
size, spans that grow until at most an eighth is lost at their end, classes
merged when a span would hold as many of the larger objects, and sizes raised
until they fill their span.  The result goes to standard output; 'make check'
compares it with the committed file.  Every property that the C code relies on
is asserted here, by brute force, before a line is printed.
"""

import sys

PAGE = 8192			# Go's page; two or more of the kernel's
MAX_SMALL = 32768		# larger objects come straight from the heap
SMALL_MAX = 1024		# up to here classes are looked up by 8 bytes
SMALL_DIV = 8
LARGE_DIV = 128			# above by 128
ALIGN_DIV = 256			# kmalloc's promise is looked up by 256


def lowbit(n):
    """The largest power of two that divides n."""
    return n & -n


class SizeClass:
    def __init__(self, size, pages):
        self.size = size
        self.pages = pages

    @property
    def span(self):
        return self.pages * PAGE

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
        """Pages a span must be aligned to, so that its objects are."""
        return max(1, lowbit(self.size) // PAGE)

    def max_waste(self, below):
        """Percent of a span lost when each object is as small as can be."""
        return 100 * ((self.size - below - 1) * self.nelems + self.tail) / self.span


def step_after(size, step):
    """Distance to the next candidate size: about an eighth of the size."""
    if lowbit(size) != size:
        return step
    if size >= 2048:
        return 256
    if size >= 128:
        return size // 8
    if size >= 32:
        return 16
    return step


def span_pages(size):
    """The fewest pages of which at most an eighth is lost at the end."""
    pages = 1
    while pages * PAGE % size > pages * PAGE // 8:
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


def smallest(classes, size, align=1):
    """The smallest class for objects of this size and alignment."""
    return next(i for i, c in enumerate(classes)
                if c and c.size >= size and c.size % align == 0)


def lookup_tables(classes):
    by8 = [0] + [smallest(classes, i * SMALL_DIV)
                 for i in range(1, SMALL_MAX // SMALL_DIV + 1)]
    by128 = [smallest(classes, SMALL_MAX + i * LARGE_DIV)
             for i in range((MAX_SMALL - SMALL_MAX) // LARGE_DIV + 1)]
    by256 = [0] + [smallest(classes, i * ALIGN_DIV, lowbit(i * ALIGN_DIV))
                   for i in range(1, MAX_SMALL // ALIGN_DIV + 1)]
    return by8, by128, by256


def verify(classes, by8, by128, by256):
    """Assert all that the C code takes for granted; return the step-ups."""
    assert len(classes) == 68
    for c in classes[1:]:
        assert c.nelems <= 1024 and c.pages < 256
        for offset in range(c.span):
            assert offset * c.magic >> 32 == offset // c.size
    stepped = []
    for size in range(1, MAX_SMALL + 1):
        if size <= SMALL_MAX:
            plain = by8[(size + SMALL_DIV - 1) // SMALL_DIV]
        else:
            plain = by128[(size - SMALL_MAX + LARGE_DIV - 1) // LARGE_DIV]
        assert plain == smallest(classes, size)
        chosen = plain if size % ALIGN_DIV else by256[size // ALIGN_DIV]
        assert classes[chosen].size >= size
        # An object of size 8 may lie anywhere a multiple of 8 lies, and so on.
        assert lowbit(classes[chosen].size) >= lowbit(size)
        if chosen != plain:
            stepped.append(size)
    return stepped


def print_table(comment, decl, values):
    """An array that all see and the one .c file that asks for it defines."""
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

#include <linux/types.h>

/*
 * Go's size classes.  Tail waste is what is left at the end of a span; max
 * waste is that and the rounding, when every object is the smallest that the
 * class serves.
 *
 * class  bytes/obj  bytes/span  objects  tail waste  max waste  min align"""


def main():
    classes = make_classes()
    tables = lookup_tables(classes)
    stepped = verify(classes, *tables)

    print(HEAD)
    below = 0
    for i, c in enumerate(classes[1:], 1):
        print(f" * {i:5} {c.size:10} {c.span:11} {c.nelems:8} {c.tail:11}"
              f" {c.max_waste(below):9.2f}% {min(lowbit(c.size), PAGE):10}")
        below = c.size
    print(" */")
    print()
    print(f"#define GO_NR_CLASSES\t\t{len(classes)}")
    print(f"#define GO_MAX_SMALL\t\t{MAX_SMALL}")
    print(f"#define GO_SMALL_SIZE_MAX\t{SMALL_MAX}\t"
          "/* limit of the table by 8 */")
    print(f"#define GO_MAX_NELEMS\t\t{max(c.nelems for c in classes[1:])}"
          "\t/* objects in a span */")

    def column(name):
        return [getattr(c, name) if c else 0 for c in classes]

    print_table(["/* Bytes of an object. */"],
                "u16 go_class_size[GO_NR_CLASSES]", column("size"))
    print_table(["/* Pages (of 8 KiB) of a span. */"],
                "u8 go_class_pages[GO_NR_CLASSES]", column("pages"))
    print_table(["/* Objects of a span. */"],
                "u16 go_class_nelems[GO_NR_CLASSES]", column("nelems"))
    print_table(["/* ceil(2^32 / size): offset * magic >> 32 == offset / size,",
                 " * for every offset in a span.",
                 " */"],
                "u32 go_class_magic[GO_NR_CLASSES]", [
                    f"{m}U" for m in column("magic")])
    print_table(["/* Pages that a span must be aligned to. */"],
                "u8 go_class_align[GO_NR_CLASSES]",
                [c.align if c else 1 for c in classes])
    print_table(["/* Class by (size + 7) / 8, for sizes up to 1024. */"],
                f"u8 go_size_to_class8[{len(tables[0])}]", tables[0])
    print_table(["/* Class by (size - 1024 + 127) / 128, for larger ones. */"],
                f"u8 go_size_to_class128[{len(tables[1])}]", tables[1])
    print_table(["/*",
                 " * Class by size / 256, for multiples of 256: the one that"
                 " keeps kmalloc's",
                 " * promise, alignment to the largest power of two that"
                 " divides the size.",
                 f" * {len(stepped)} sizes need a larger class for it than by"
                 " the tables above.",
                 " */"],
                f"u8 go_size_to_class256[{len(tables[2])}]", tables[2])
    print()
    print("#endif /* _GOALLOC_SIZECLASS_H */")
    return 0


if __name__ == "__main__":
    sys.exit(main())
