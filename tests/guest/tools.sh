#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Debian's tracing tools on goalloc's tracepoints.  They are on a disk of their own
# (scripts/build-tools-root) and run there by chroot.  The lines are those of
# Documentation/tracing.md, which is here as tracing.md: what the page says is what
# is run.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

prepare_disk() {
	mount_disk /proc /sys /dev /tmp /goalloc &&
		mount -t tracefs tracefs /sys/kernel/tracing &&
		mount -o bind /sys/kernel/tracing "$root/sys/kernel/tracing" &&
		mount -o bind /sys/kernel/debug "$root/sys/kernel/debug"
}

# in_root COMMAND: a shell's command there.
in_root() {
	chroot "$root" /bin/sh -c "export PATH=/goalloc:/usr/bin:/bin HOME=/tmp; cd /goalloc; $1" \
		>/tmp/said 2>&1
}

# oneliner WORD: run the line of the page that has this word.
oneliner() {
	local line
	line=$(grep '^    # ' tracing.md | grep -F "$1" | head -n 1)
	[ -n "$line" ] || return 1
	in_root "${line#    # }" || { tail -n 40 /tmp/said; return 1; }
}

said() { grep -qE "$1" /tmp/said || { tail -n 40 /tmp/said; return 1; }; }

# What a tool has counted is what MemStats has: $1 is the tool's number.
is_moved() {
	local by=$(($(memstat Mallocs) - $2))
	echo "guest: the tool saw $1 of $by allocations"
	[ "$1" -gt 1000 ] && [ "$1" = "$by" ]
}

hist() {
	oneliner 'hist:keys' && said 'call_site: .*\[goalloc\] .*hitcount: .*bytes_alloc: '
}

hist_total() {
	local before
	before=$(memstat Mallocs)
	oneliner 'hist:keys' || return
	is_moved "$(sed -n 's/^    Hits: //p' /tmp/said)" "$before"
}

perf_report() {
	oneliner 'perf record' && said 'Samples: .* of event .goalloc:malloc.' &&
		said 'go[a-z_]+'
}

perf_total() {
	local before
	before=$(memstat Mallocs)
	in_root 'perf record -q -a -m 2048 -e goalloc:malloc -o /tmp/perf.data load &&
		perf script -i /tmp/perf.data' || { cat /tmp/said; return 1; }
	is_moved "$(grep -c goalloc:malloc: /tmp/said)" "$before"
}

bpftrace_lives() { oneliner bpftrace && said '^@ns:' && said '@@'; }

bpftrace_total() {
	local before
	before=$(memstat Mallocs)
	in_root "bpftrace -e 'tracepoint:goalloc:malloc { @n = count(); }' -c '/bin/sh load'" ||
		{ cat /tmp/said; return 1; }
	is_moved "$(sed -n 's/^@n: //p' /tmp/said)" "$before"
}

grow() {
	./goallocctl free-os-memory >/dev/null
	oneliner 'trace-cmd record' && said 'heap_grow: .*node=0 base=.* bytes=[0-9]'
}

# memleak has its probes on when it has two perf events.
has_probes() {
	[ "$(find /proc/[0-9]*/fd -type l 2>/dev/null | while read -r f; do
		readlink "$f"; done | grep -c 'perf_event')" -ge 2 ]
}

# A client leaks three objects of 64 bytes, one of 1000 and one of 100,000, in its
# init function, whose name is gone with its text when the tool prints.
memleak() {
	oneliner '/tmp/memleak' &
	local tool=$!
	while running "$tool" && ! has_probes; do
		sleep 1
	done
	insmod goforget.ko || return
	wait "$tool" || return
	said '192 bytes in 3 allocations from stack' &&
		said '106496 bytes in 1 allocations from stack' &&
		said '\[goforget\]'
}

check "insmod" insmod goalloc.ko
check "the tools' disk" prepare_disk
check "ftrace: a histogram" hist
check "ftrace: it has every allocation" hist_total
check "perf: the way to an allocation" perf_report
check "perf: it has every allocation" perf_total
check "bpftrace: how long objects live" bpftrace_lives
check "bpftrace: it has every allocation" bpftrace_total
check "trace-cmd: when the heap grows" grow
check "bcc's memleak: what a client leaks" memleak
check "rmmod of the client" rmmod goforget
check "verify" verify_ok
plan
exit 0
