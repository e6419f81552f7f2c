#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Memory goes back, in a guest that has little of it: to whom is short of it, by
# itself, by hand, by the limit; when CPUs go, and when memory itself is to go.
# Under scripts/guest-init.

params=/sys/module/goalloc/parameters
cpu1=/sys/devices/system/cpu/cpu1/online
blocks=/sys/devices/system/memory

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

memstat() { sed -n "s/^$1: //p" "$debugfs/memstats"; }
meminfo() { sed -n "s/^$1: *\([0-9]*\) kB/\1/p" /proc/meminfo; }
mib() { echo $(($1 >> 20)); }

# set_to PARAMETER VALUE...
set_to() { echo "$2" >"$params/$1"; }

# taken_none PARAMETER VALUE...: none is taken, and nothing changes.
taken_none() {
	local param=$1 was value
	was=$(cat "$params/$param")
	shift
	for value; do
		! set_to "$param" "$value" 2>/dev/null || return 1
		[ "$(cat "$params/$param")" = "$was" ] || return 1
	done
}

# taken PARAMETER VALUE SHOWN: and then the default again.
taken() {
	local was status=0
	was=$(cat "$params/$1")
	set_to "$1" "$2" || return 1
	[ "$(cat "$params/$1")" = "$3" ] || status=1
	set_to "$1" "$was" && return "$status"
}

# churn MIB [PARAMETER...]: that much live, and then freed.
churn() {
	local live=$1
	shift
	insmod gochurn.ko "live_mib=$live" ops=1000 rest=0 "$@" && rmmod gochurn
}

# idle MIB: have so much idle, and keep it so.
idle() {
	set_to scavenge_window_ms 0 && churn "$1" || return 1
	[ "$(mib "$(memstat HeapIdle)")" -ge "$1" ]
}

nobody_killed() { ! dmesg | grep -qiE "out of memory|oom-kill"; }

# Somebody else fills the memory, past what is free, up to half of our idle.
squeeze() {
	local before idle room
	idle 48 || return 1
	before=$(memstat ScavengedShrinker)
	idle=$(mib "$(memstat HeapIdle)")
	room=$(($(meminfo MemFree) / 1024))
	mkdir -p /tmp/fill && mount -t tmpfs -o size=95% none /tmp/fill ||
		return 1
	dd if=/dev/zero of=/tmp/fill/file bs=1M count=$((room + idle / 2)) \
		2>/dev/null || return 1
	umount /tmp/fill
	echo "guest: $idle MiB idle, $room MiB free, filled" \
		"$((room + idle / 2)) MiB; the shrinker gave back" \
		"$(mib $(($(memstat ScavengedShrinker) - before))) MiB"
	[ "$(mib $(($(memstat ScavengedShrinker) - before)))" -ge \
		$((idle / 4)) ]
}

# What is not needed goes by itself, and takes less than 1 % of a CPU.
background() {
	local i ns before
	idle 48 || return 1
	before=$(memstat ScavengedBackground)
	ns=$(memstat ScavengeNs)
	set_to scavenge_window_ms 2000
	for i in 1 2 3 4 5 6 7 8 9 10; do
		sleep 1
		echo "guest: after $i s $(memstat HeapIdle) bytes are idle"
		[ "$(mib "$(memstat HeapIdle)")" -gt 2 ] || break
	done
	ns=$(($(memstat ScavengeNs) - ns))
	echo "guest: that took $((ns / 1000)) us"
	set_to scavenge_window_ms 10000
	[ "$i" -lt 6 ] && [ "$ns" -lt $((i * 20000000)) ] &&
		[ "$(mib $(($(memstat ScavengedBackground) - before)))" -ge 40 ]
}

by_hand() {
	local said
	idle 32 || return 1
	echo 1 >"$debugfs/free_os_memory" || return 1
	said=$(cat "$debugfs/free_os_memory")
	echo "guest: by hand $said bytes"
	[ "$(mib "$said")" -ge 32 ] && [ "$(memstat HeapIdle)" -le 2097152 ] &&
		! echo 2 2>/dev/null >"$debugfs/free_os_memory"
}

# below BYTES: is no more held than that?
below() { [ "$(memstat Sys)" -le "$1" ]; }

# holds MIB: are there objects of so much?
holds() { [ "$(mib "$(memstat HeapAlloc)")" -ge "$1" ]; }

# No more than the limit, NULL beyond it, and lowering it takes effect.
limited() {
	set_to memory_limit 24MiB && within 10 below $((24 << 20)) &&
		[ "$(memstat ScavengedLimit)" -gt 0 ] && churn 12 &&
		! insmod gochurn.ko live_mib=32 ops=1000 2>/dev/null &&
		below $((24 << 20)) &&
		[ "$(memstat Failures)" -gt 0 ] &&
		[ "$(memstat HeapObjects)" = 0 ]
}

limit() {
	local status=0
	idle 32 || return 1
	limited || status=1
	set_to memory_limit off && churn 32 && return "$status"
}

# Objects in caches, by sizeclasses.
cached() { awk '!/^#/ && NR > 4 { n += $7 } END { print n + 0 }' \
	"$debugfs/sizeclasses"; }

# What a dead CPU had cached is not stranded.
dead_cpu() {
	local had left
	set_to scavenge_window_ms 0
	echo 1 >"$debugfs/free_os_memory"
	[ "$(cached)" = 0 ] || return 1
	# shellcheck disable=SC2016 # for the other shell
	taskset 2 sh -c 'insmod gochurn.ko live_mib=4 ops=1000 rest=0' ||
		return 1
	rmmod gochurn
	had=$(cached)
	echo 0 >"$cpu1" || return 1
	left=$(cached)
	echo 1 >"$cpu1" || return 1
	set_to scavenge_window_ms 10000
	echo "guest: cached by CPU 1: $had objects; after it went: $left"
	[ "$had" -gt 0 ] && [ "$left" -lt $((had / 10)) ]
}

# CPUs go and come under load.
cpus_under_load() {
	local n=0
	insmod gochurn.ko live_mib=8 ops=300000 rest=2 &
	while kill -0 $! 2>/dev/null; do
		echo 0 >"$cpu1" && echo 1 >"$cpu1" || return 1
		n=$((n + 1))
	done
	wait $! && rmmod gochurn || return 1
	echo "guest: CPU 1 went and came $n times"
	[ "$(memstat HeapObjects)" = 0 ]
}

# Memory with objects of ours cannot go; whoever tries is told, and no harm done.
hot_remove() {
	local block tried=0 went=0
	insmod gochurn.ko live_mib=48 ops=200000 rest=4 drop=90 &
	within 60 holds 40 || { wait $!; rmmod gochurn; return 1; }
	for block in "$blocks"/memory*; do
		[ "$(cat "$block/state")" = online ] || continue
		tried=$((tried + 1))
		echo offline 2>/dev/null >"$block/state" || continue
		went=$((went + 1))
		echo online >"$block/state" || return 1
	done
	wait $! && rmmod gochurn || return 1
	echo "guest: of $tried blocks of memory $went went, and came back"
	[ "$tried" -gt "$went" ] && [ "$(memstat HeapObjects)" = 0 ]
}

check "insmod with parameters" insmod goalloc.ko scavenge_window_ms=5000 \
	scavenge_retain=120 scavenge_cpu=2 memory_limit=1GiB
check "they are there" [ "$(cat $params/scavenge_window_ms \
	$params/scavenge_retain $params/scavenge_cpu $params/memory_limit |
	tr '\n' ' ')" = "5000 120 2 1073741824 " ]
check "MemStats has the limit" [ "$(memstat MemoryLimit)" = 1073741824 ]
check "rmmod" rmmod goalloc
for bad in scavenge_window_ms=99 scavenge_retain=99 scavenge_cpu=0 \
	memory_limit=-1; do
	check "no insmod with $bad" eval "! insmod goalloc.ko $bad 2>/dev/null"
done
check "insmod" insmod goalloc.ko
check "bad windows" taken_none scavenge_window_ms -1 1 99 3600001 x "" 1s
check "bad shares" taken_none scavenge_retain -1 0 99 1001 x ""
check "bad percents" taken_none scavenge_cpu -1 0 101 x ""
check "bad limits" taken_none memory_limit -1 x "" 1KB 1kib "1 MiB" MiB \
	99999999999999999999 99999999999TiB 1MiBB
check "no window" taken scavenge_window_ms 0 0
check "the longest window" taken scavenge_window_ms 3600000 3600000
check "a share" taken scavenge_retain 200 200
check "a percent" taken scavenge_cpu 100 100
check "a limit in bytes" taken memory_limit 123456789 123456789
check "a limit in B" taken memory_limit 123456789B 123456789
check "a limit in MiB" taken memory_limit 64MiB 67108864
check "a limit in M" taken memory_limit 064M 67108864
check "a limit in TiB" taken memory_limit 2TiB 2199023255552
check "no limit" taken memory_limit off 0

check "goes to who is short of memory" squeeze
check "nobody was killed for it" nobody_killed
check "verify after that" verify_ok
check "goes by itself" background
check "goes by hand" by_hand
check "stays below the limit" limit
check "verify after the limit" verify_ok
if [ -e "$cpu1" ]; then
	check "a dead CPU's cache" dead_cpu
	check "CPUs under load" cpus_under_load
	check "verify after CPUs" verify_ok
else
	skip "CPUs that go" "they are there for good"
fi
if [ -e "$blocks/block_size_bytes" ]; then
	check "memory that is to go" hot_remove
	check "verify after that" verify_ok
else
	skip "memory that goes" "it is there for good"
fi
check "nobody was killed at all" nobody_killed
check "rmmod at the end" rmmod goalloc
save_coverage || exit 1
plan
exit 0
