#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Do the kernel's checkers see us?  Each mistake that goplant makes must be
# reported, by the right one and in the right place; what is none must not be.
# It takes a kernel where a warning is no panic; scripts/test then makes sure
# that scripts/run-vm has called this run failed.

kmemleak=/sys/kernel/debug/kmemleak

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

# plant WHAT: make a mistake; /tmp/said is what the kernel says of it.
plant() {
	dmesg -c >/dev/null
	insmod goplant.ko plant="$1"
	dmesg >/tmp/said
}

unplant() { rmmod goplant 2>/dev/null; }

# said WHAT [WHERE]: a report begins so, and its backtrace has that function.
said() {
	grep -q "$1" /tmp/said || return 1
	[ -z "$2" ] || sed -n "/$1/,\$p" /tmp/said | grep -q " $2+0x"
}

# addresses WHAT: of the kernel's object and of the one of ours that holds it.
addresses() {
	sed -n "s/.*goplant: $1: \([0-9a-f]*\) in \([0-9a-f]*\)/\1 \2/p" /tmp/said
}

# Does kmemleak report both, one, or none of a pair?
leaks() {
	local what=$1 n=0 address
	for address in $(addresses "$what"); do
		! grep -q "unreferenced object 0x$address " /tmp/leaks ||
			n=$((n + 1))
	done
	[ "$(addresses "$what" | wc -w)" = 2 ] && [ "$n" = "$2" ]
}

# Only what is 5 seconds old and was not found twice is reported.
leak_scan() {
	sleep 6
	echo scan >$kmemleak
	echo scan >$kmemleak
	cat $kmemleak >/tmp/leaks
}

[ ! -e $kmemleak ] || echo scan=off >$kmemleak	# but when we ask
check "insmod" insmod goalloc.ko

if [ -e $kmemleak ]; then
	plant leak
	leak_scan
	check "kmemleak: a leaked object and what it holds" \
		leaks "lost in leaked" 2
	check "kmemleak: a large one and what it holds" leaks "lost in large" 2
	check "kmemleak: what a freed object has held" leaks "lost in freed" 1
	check "kmemleak: what a noscan object holds" leaks "lost in noscan" 1
	check "kmemleak: not what a live object holds" leaks "kept in small" 0
	check "kmemleak: not what a live large object holds" \
		leaks "kept in large" 0
	check "kmemleak: nor anything else" \
		[ "$(grep -c '^unreferenced object' /tmp/leaks)" = 6 ]
	unplant
	echo clear >$kmemleak
else
	skip "kmemleak" "this kernel has none"
fi

if grep -q ' __might_sleep$' /proc/kallsyms; then
	plant sleep
	check "DEBUG_ATOMIC_SLEEP: a sleep under a lock" said \
		"BUG: sleeping function called from invalid context" plant_sleep
	unplant
	sleep 2		# it speaks once a second
	plant gfp
	check "DEBUG_ATOMIC_SLEEP: gomalloc(GFP_KERNEL) under a lock" said \
		"BUG: sleeping function called from invalid context" "gomalloc.*"
	unplant
else
	skip "DEBUG_ATOMIC_SLEEP" "this kernel has it not"
fi

if [ -e /sys/kernel/debug/kcsan ]; then
	plant race
	check "KCSAN: a data race" said "BUG: KCSAN: data-race in" race
	unplant
else
	skip "KCSAN: a data race" "this kernel has none"
fi

if [ -e /proc/lockdep_stats ]; then
	plant inversion
	check "lockdep: two locks in either order" said \
		"WARNING: possible circular locking dependency" plant_inversion
	unplant
else
	skip "lockdep" "this kernel has none"
fi

# Last: when KASAN has spoken lockdep says no more.
if grep -q ' kasan_report$' /proc/kallsyms; then
	plant overflow
	check "KASAN: a write behind an object" \
		said "BUG: KASAN: slab-out-of-bounds" plant_overflow
	unplant
else
	skip "KASAN" "this kernel has none"
fi

check "verify" verify_ok
plan
exit 0
