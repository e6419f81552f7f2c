/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The marks by which gobench tells scripts/qemu-sharing.c what to count.
 *
 * A mark is the instruction "nopl MARK_DISP(%rax)" with the number of the mark
 * in the highest byte of the displacement.  Both the module and the plugin
 * include this file.
 */
#ifndef GOALLOC_BENCH_MARKS_H
#define GOALLOC_BENCH_MARKS_H

#define MARK_DISP	0x424f47	/* "GOB" */
#define MARK_SHIFT	24

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
