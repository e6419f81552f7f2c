#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Check that the kernel's checkers work on goalloc.  Each mistake that goplant
# makes must be reported by the right checker with the right backtrace, and
# nothing else may be reported.  The kernel must not panic on a warning;
# scripts/test then expects that scripts/run-vm calls this run failed.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

# plant WHAT: make a mistake, and keep what the kernel logs in /tmp/said.
plant() {
	dmesg -c >/dev/null
	insmod goplant.ko plant="$1"
	dmesg >/tmp/said
}

unplant() { rmmod goplant 2>/dev/null; }

# said WHAT [WHERE]: a report begins with WHAT, and function WHERE is in its
# backtrace.
said() {
	grep -q "$1" /tmp/said || return 1
	[ -z "$2" ] || sed -n "/$1/,\$p" /tmp/said | grep -q " $2+0x"
}

# addresses WHAT: of kmalloc's object, and of goalloc's that points to it.
addresses() {
	sed -n "s/.*goplant: $1: \([0-9a-f]*\) in \([0-9a-f]*\)/\1 \2/p" /tmp/said
}

# leaks WHAT COUNT: kmemleak reports so many objects of the pair.
leaks() {
	local what=$1 n=0 address
	for address in $(addresses "$what"); do
		! grep -q "unreferenced object 0x$address " /tmp/leaks ||
			n=$((n + 1))
	done
	[ "$(addresses "$what" | wc -w)" = 2 ] && [ "$n" = "$2" ]
}

kmemleak_scan_off
check "insmod" insmod goalloc.ko

if [ -e $kmemleak ]; then
	plant leak
	kmemleak_scan
	cat $kmemleak >/tmp/leaks
	check "kmemleak: a leaked object and its target" \
		leaks "lost in leaked" 2
	check "kmemleak: a leaked large object and its target" \
		leaks "lost in large" 2
	check "kmemleak: the target of a freed object" leaks "lost in freed" 1
	check "kmemleak: the target of a noscan object" leaks "lost in noscan" 1
	check "kmemleak: not the target of a live object" \
		leaks "kept in small" 0
	check "kmemleak: not the target of a live large object" \
		leaks "kept in large" 0
	check "kmemleak: nothing else" \
		[ "$(grep -c '^unreferenced object' /tmp/leaks)" = 6 ]
	unplant
	echo clear >$kmemleak
else
	skip "kmemleak" "this kernel has none"
fi

if grep -q ' __might_sleep$' /proc/kallsyms; then
	plant sleep
	check "DEBUG_ATOMIC_SLEEP: a sleep under a lock" said \
		"BUG: sleeping function called from invalid context" goplant_sleep
	unplant
	sleep 2		# the kernel prints this report once a second at most
	plant gfp
	check "DEBUG_ATOMIC_SLEEP: gomalloc(GFP_KERNEL) under a lock" said \
		"BUG: sleeping function called from invalid context" "gomalloc.*"
	unplant
else
	skip "DEBUG_ATOMIC_SLEEP" "this kernel does not have it"
fi

if [ -e /sys/kernel/debug/kcsan ]; then
	plant race
	check "KCSAN: a data race" said "BUG: KCSAN: data-race in" \
		goplant_race_thread
	unplant
else
	skip "KCSAN: a data race" "this kernel has none"
fi

if [ -e /proc/lockdep_stats ]; then
	plant inversion
	check "lockdep: two locks in either order" said \
		"WARNING: possible circular locking dependency" goplant_inversion
	unplant
else
	skip "lockdep" "this kernel has none"
fi

# KASAN comes last: after its report lockdep is off.
if grep -q ' kasan_report$' /proc/kallsyms; then
	plant overflow
	check "KASAN: a write behind an object" \
		said "BUG: KASAN: slab-out-of-bounds" goplant_overflow
	unplant
else
	skip "KASAN" "this kernel has none"
fi

check "verify" verify_ok
plan
exit 0
