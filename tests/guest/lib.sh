# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# What the guest scripts share: TAP output on fd 3, and questions about the heap
# and the kernel.  scripts/run-vm puts this file beside every guest script.

debugfs=/sys/kernel/debug/goalloc
kmemleak=/sys/kernel/debug/kmemleak
# shellcheck disable=SC2034 # for the scripts that source this file
cpu1=/sys/devices/system/cpu/cpu1/online
count=0

die() { echo "guest: $*"; exit 1; }

begin() { echo "TAP version 13" >&3; }
plan() { echo "1..$count" >&3; }

# check NAME COMMAND...: run one test.  It passes if COMMAND succeeds.
check() {
	local name=$1 not=
	shift
	count=$((count + 1))
	"$@" || not="not "
	echo "${not}ok $count $name"
	echo "${not}ok $count $name" >&3
}

# skip NAME REASON: report a test as skipped.
skip() {
	count=$((count + 1))
	echo "ok $count $1 # SKIP $2" >&3
}

# refused COMMAND...: succeed if COMMAND fails.
refused() { ! "$@" 2>/dev/null; }

# load_and_unload MODULE [PARAMETER...]: for a module that works while it loads.
load_and_unload() {
	local module=$1
	shift
	insmod "$module.ko" "$@" && rmmod "$module"
}

# within SECONDS COMMAND...: retry COMMAND until it succeeds or time is up.
within() {
	local tries=$(($1 * 10))
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# memstat NAME: print a number of MemStats.
memstat() { sed -n "s/^$1: //p" "$debugfs/memstats"; }

nothing_live() { [ "$(memstat HeapObjects)" = 0 ]; }
all_freed() { [ "$(memstat Mallocs)" = "$(memstat Frees)" ]; }
no_misuse() { [ "$(memstat Misuses)" = 0 ]; }

# says PATTERN: goalloc has logged it.
says() { dmesg | grep -q "goalloc: $1"; }

# crossings: print what the kernel has freed of a module's on goalloc.
crossings() { sed 1,2d "$debugfs/crossings"; }

# meminfo NAME: print a number of the kernel's, in KiB.
meminfo() { sed -n "s/^$1: *\([0-9]*\) kB/\1/p" /proc/meminfo; }

# mount_disk DIR...: mount the disk that the machine was given at $root, and these
# there, too.  Its driver is a module of Debian's kernel.
root=/disk
mount_disk() {
	insmod virtio_blk.ko && mkdir -p "$root" &&
		mount -t ext4 -o ro /dev/vda "$root" || return
	for dir; do
		mount -o bind "$dir" "$root$dir" || return
	done
}

# no_oom_kill [PATTERN]: the kernel log has no OOM kill, and no line that
# matches.
no_oom_kill() { ! dmesg | grep -qiE "out of memory|oom-kill${1:+|$1}"; }

running() { kill -0 "$1" 2>/dev/null; }

# cycle_cpu1 COMMAND...: take CPU 1 down and up for as long as COMMAND succeeds.
cycle_cpu1() {
	local cycles=0
	while "$@"; do
		echo 0 >"$cpu1" && echo 1 >"$cpu1" || return 1
		cycles=$((cycles + 1))
	done
	echo "guest: CPU 1 went and came $cycles times"
}

# Stop kmemleak's own scans; kmemleak_scan starts one when a test needs it.
kmemleak_scan_off() { [ ! -e $kmemleak ] || echo scan=off >$kmemleak; }

# kmemleak reports an object that is 5 seconds old and that two scans in a row
# have found no pointer to.
kmemleak_scan() {
	sleep 6
	echo scan >$kmemleak && echo scan >$kmemleak
}

# Copy the line counts to the host.  The kernel keeps those of unloaded modules.
save_coverage() {
	local gcov=/sys/kernel/debug/gcov file
	[ -d $gcov ] || return 0
	find $gcov -name '*.gcda' | while read -r file; do
		cat "$file" >"/results/keep/${file##*/}" || return
	done
}

# Succeed if verify says "ok", also if others have references to our pages, as
# code that looks at any page has for a moment.  While the worker moves pages the sums cannot be
# compared, so "in motion" is read again; anything else fails at once.
verify_ok() {
	local answer tries=100
	while [ $tries -gt 0 ]; do
		answer=$(cat $debugfs/verify)
		case $answer in
		ok|"ok, others"*) return 0 ;;
		"ok (in motion"*) ;;
		*)	break ;;
		esac
		tries=$((tries - 1))
	done
	echo "verify: $answer"
	return 1
}
