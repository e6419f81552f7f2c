// SPDX-License-Identifier: GPL-2.0
/*
 * qemu-sharing: a QEMU plugin that counts locks and shared cache lines.
 *
 *	-plugin qemu-sharing.so,out=FILE
 *
 * While a CPU is between MARK_BEGIN and MARK_END (bench/marks.h) it counts
 *
 *   instructions
 *   locks	calls of the kernel's functions that take a spinlock.  The guest
 *		tells their addresses.  A trylock that fails counts as well.
 *   writes	stores to a 64-byte line that another CPU has used since this
 *		one last wrote it: the line must be taken from that CPU
 *   reads	loads from a line that another CPU has written since this one
 *		last used it
 *
 * The model has caches without limit and goes by virtual addresses (kernel
 * addresses are the same on all CPUs), so a line moves only because it is
 * shared.  Rows of counts are printed in the order of the guest's rows.
 *
 * Nothing is instrumented before MARK_START: a boot would take minutes.
 *
 * Debian packages no header for plugins.  The declarations here are the stable
 * interface of version 1 (docs/devel/tcg-plugins.rst in QEMU).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../bench/marks.h"

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum { QEMU_PLUGIN_CB_NO_REGS };
/* QEMU 7.2 reports no loads at all if only loads are asked for. */
enum { QEMU_PLUGIN_MEM_RW = 3 };

typedef void (*tb_trans_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*insn_cb)(unsigned int vcpu, void *data);
typedef void (*mem_cb)(unsigned int vcpu, qemu_plugin_meminfo_t info,
		       uint64_t vaddr, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_trans_cb cb);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    insn_cb cb, int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, mem_cb cb,
				      int flags, int rw, void *data);
void qemu_plugin_reset(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t id));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t info);

EXPORT int qemu_plugin_version = 1;

#define MAX_CPUS	64
#define MAX_LOCKS	32
#define LINE_SHIFT	6
#define TABLE_BITS	22	/* room for 2^22 cache lines */

/* nopl MARK_DISP(%rax), without the byte that is the number of the mark. */
static const unsigned char mark_bytes[] = {
	0x0f, 0x1f, 0x80,
	MARK_DISP & 0xff, MARK_DISP >> 8 & 0xff, MARK_DISP >> 16 & 0xff,
};

/* Which CPUs have a cache line, and which one wrote it last. */
struct line {
	uint64_t number;
	uint64_t sharers;
	int writer;
};

static struct line *table;
static uint64_t locks[MAX_LOCKS];
static unsigned int nr_locks;
static bool started, inside[MAX_CPUS];
static uint64_t instructions, taken, writes, reads;
static qemu_plugin_id_t self;
static FILE *out;

static struct line *find_line(uint64_t number)
{
	uint64_t i = number * 0x9e3779b97f4a7c15ULL >> (64 - TABLE_BITS);
	unsigned int tries;

	for (tries = 0; tries < 1U << TABLE_BITS; tries++) {
		struct line *l = &table[i];

		if (l->number == number)
			return l;
		if (!l->number) {
			l->number = number;
			l->writer = -1;
			return l;
		}
		i = (i + 1) & ((1U << TABLE_BITS) - 1);
	}
	fprintf(stderr, "qemu-sharing: more lines than there is room for\n");
	abort();
}

static void on_access(unsigned int vcpu, qemu_plugin_meminfo_t info,
		      uint64_t vaddr, void *data)
{
	uint64_t me = 1ULL << vcpu;
	struct line *l;

	/* User addresses mean different memory in different processes. */
	if (!(vaddr >> 63))
		return;
	l = find_line(vaddr >> LINE_SHIFT);
	if (qemu_plugin_mem_is_store(info)) {
		writes += inside[vcpu] && (l->sharers & ~me);
		l->sharers = me;
		l->writer = vcpu;
	} else {
		reads += inside[vcpu] && !(l->sharers & me) && l->writer >= 0;
		l->sharers |= me;
	}
}

static void on_insn(unsigned int vcpu, void *data)
{
	instructions += inside[vcpu];
}

static void on_lock(unsigned int vcpu, void *data)
{
	taken += inside[vcpu];
}

static void on_lock_address(unsigned int vcpu, qemu_plugin_meminfo_t info,
			    uint64_t vaddr, void *data)
{
	if (nr_locks < MAX_LOCKS)
		locks[nr_locks++] = vaddr;
}

static void on_restart(qemu_plugin_id_t id);

static void on_mark(unsigned int vcpu, void *data)
{
	switch ((intptr_t)data) {
	case MARK_BEGIN:
		inside[vcpu] = true;
		break;
	case MARK_END:
		inside[vcpu] = false;
		break;
	case MARK_FORGET:
		instructions = taken = writes = reads = 0;
		break;
	case MARK_START:
		if (!started)
			qemu_plugin_reset(self, on_restart);
		started = true;
		break;
	case MARK_PRINT:
		if (!nr_locks) {
			fprintf(stderr, "qemu-sharing: no locks were shown\n");
			abort();
		}
		fprintf(out, "COUNT %llu %llu %llu %llu\n",
			(unsigned long long)instructions,
			(unsigned long long)taken, (unsigned long long)writes,
			(unsigned long long)reads);
		fflush(out);
		break;
	}
}

static int mark_of(const struct qemu_plugin_insn *insn)
{
	const unsigned char *bytes = qemu_plugin_insn_data(insn);

	if (qemu_plugin_insn_size(insn) != sizeof(mark_bytes) + 1 ||
	    memcmp(bytes, mark_bytes, sizeof(mark_bytes)))
		return 0;
	return bytes[sizeof(mark_bytes)];
}

static void count_insn(struct qemu_plugin_insn *insn)
{
	uint64_t vaddr = qemu_plugin_insn_vaddr(insn);
	unsigned int i;

	qemu_plugin_register_vcpu_insn_exec_cb(insn, on_insn,
					       QEMU_PLUGIN_CB_NO_REGS, NULL);
	qemu_plugin_register_vcpu_mem_cb(insn, on_access,
					 QEMU_PLUGIN_CB_NO_REGS,
					 QEMU_PLUGIN_MEM_RW, NULL);
	for (i = 0; i < nr_locks; i++) {
		if (vaddr == locks[i])
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_lock,
				QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	intptr_t mark = 0;

	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (mark == MARK_LOCK)
			qemu_plugin_register_vcpu_mem_cb(insn, on_lock_address,
				QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, NULL);
		mark = mark_of(insn);
		if (mark)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark,
				QEMU_PLUGIN_CB_NO_REGS, (void *)mark);
		else if (started)
			count_insn(insn);
	}
}

static void on_restart(qemu_plugin_id_t id)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
			       char **argv)
{
	self = id;
	if (argc == 1 && !strncmp(argv[0], "out=", 4))
		out = fopen(argv[0] + 4, "w");
	table = calloc(1U << TABLE_BITS, sizeof(*table));
	if (!out || !table) {
		fprintf(stderr, "qemu-sharing: out=FILE is needed, and memory\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	return 0;
}
