/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The marks by which gobench tells scripts/qemu-sharing.c what to count.
 *
 * A mark is a long nop: MARK_BYTES and then the number of the mark, which is
 * the last byte of its displacement.  Both the module and the plugin include
 * this file.
 */
#ifndef GOALLOC_BENCH_MARKS_H
#define GOALLOC_BENCH_MARKS_H

#define MARK_BYTES	0x0f, 0x1f, 0x80, 0x47, 0x4f, 0x42

/**
 * enum mark - an order to the plugin
 * @MARK_BEGIN: count what this CPU does
 * @MARK_END: stop counting on this CPU
 * @MARK_FORGET: set all counts to zero
 * @MARK_PRINT: print the counts as a row
 * @MARK_START: start to instrument the guest
 * @MARK_LOCK: the next instruction loads from a function that takes a lock
 */
enum mark {
	MARK_BEGIN = 1,
	MARK_END,
	MARK_FORGET,
	MARK_PRINT,
	MARK_START,
	MARK_LOCK,
};

#endif /* GOALLOC_BENCH_MARKS_H */
