#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Memory goes back to the kernel, in a guest that has little of it: when the
# kernel is short of memory, after a while by itself, on request, at the limit,
# when a CPU goes offline, and when a block of memory is to go offline.

params=/sys/module/goalloc/parameters
blocks=/sys/devices/system/memory

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

mib() { echo $(($1 >> 20)); }

# set_to PARAMETER VALUE
set_to() { echo "$2" >"$params/$1"; }

# rejects PARAMETER VALUE...: each value is refused and the parameter stays.
rejects() {
	local param=$1 was value
	was=$(cat "$params/$param")
	shift
	for value; do
		! set_to "$param" "$value" 2>/dev/null || return 1
		[ "$(cat "$params/$param")" = "$was" ] || return 1
	done
}

# accepts PARAMETER VALUE SHOWN: the value is taken and reads back as SHOWN.
# The old value is restored.
accepts() {
	local was status=0
	was=$(cat "$params/$1")
	set_to "$1" "$2" || return 1
	[ "$(cat "$params/$1")" = "$3" ] || status=1
	set_to "$1" "$was" && return "$status"
}

# churn MIB [PARAMETER...]: allocate that much, then free it.
churn() {
	local live=$1
	shift
	insmod gochurn.ko "live_mib=$live" ops=1000 rest=0 "$@" && rmmod gochurn
}

# MiB that are not live: free pages, idle spans, and what caches hold.
spare() { mib $(($(memstat HeapSys) - $(memstat HeapAlloc))); }

# make_idle MIB: get so much idle memory.  The scavenger is off, so that it
# stays, part of it in transfer caches.
make_idle() {
	set_to scavenge_window_ms 0 && churn "$1" || return 1
	[ "$(spare)" -ge "$1" ]
}

# Fill a tmpfs with all free memory and half of our idle memory.
squeeze() {
	local before idle room
	make_idle 48 || return 1
	before=$(memstat ScavengedShrinker)
	idle=$(spare)
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

# The scavenger returns idle memory by itself, with less than 2 % of a CPU.
background() {
	local i ns before
	make_idle 48 || return 1
	before=$(memstat ScavengedBackground)
	ns=$(memstat ScavengeNs)
	set_to scavenge_window_ms 2000
	# All of its work is in 1 %, which takes long where a CPU is emulated.
	for i in $(seq 30); do
		sleep 1
		echo "guest: after $i s $(spare) MiB are idle"
		[ "$(spare)" -gt 2 ] || break
	done
	ns=$(($(memstat ScavengeNs) - ns))
	echo "guest: that took $((ns / 1000)) us"
	set_to scavenge_window_ms 10000
	[ "$i" -lt 30 ] && [ "$ns" -lt $((i * 20000000)) ] &&
		[ "$(mib $(($(memstat ScavengedBackground) - before)))" -ge 40 ]
}

# What all kworkers have used, in microseconds, as the scheduler counts it.
kworkers() {
	local dir name ns sum=0
	for dir in /proc/[0-9]*; do
		read -r name 2>/dev/null <"$dir/comm" || continue
		case $name in
		kworker*)
			read -r ns _ 2>/dev/null <"$dir/schedstat" || continue
			sum=$((sum + ns / 1000)) ;;
		esac
	done
	echo "$sum"
}

# Objects in many spans are freed at once.  The background takes one percent of a
# CPU, in any second, and MemStats tells most of what all kworkers use.
share() {
	local i now before first ns worst=0
	make_idle 96 || return 1
	ns=$(memstat ScavengeNs)
	before=$(kworkers)
	first=$before
	set_to scavenge_window_ms 2000
	for i in 1 2 3 4 5 6 7 8; do
		sleep 1
		now=$(kworkers)
		[ $((now - before)) -le "$worst" ] || worst=$((now - before))
		before=$now
	done
	set_to scavenge_window_ms 10000
	ns=$(($(memstat ScavengeNs) - ns))
	echo "guest: kworkers used $((now - first)) us, at most $worst us in" \
		"a second; ScavengeNs says $((ns / 1000)) us"
	[ "$worst" -le 30000 ] && [ $((ns / 250)) -ge $((now - first)) ]
}

# Pages that the kernel counts as reclaimable in memory of its own.
misc() {
	echo 1 2>/dev/null >/proc/sys/vm/stat_refresh
	sed -n 's/^nr_kernel_misc_reclaimable //p' /proc/vmstat
}

# Idle memory does not count as used: MemAvailable hardly falls.
available() {
	local was now
	set_to scavenge_window_ms 0
	echo 1 >"$debugfs/free_os_memory"
	sleep 2
	was=$(meminfo MemAvailable)
	make_idle 64 || return 1
	sleep 3
	now=$(meminfo MemAvailable)
	set_to scavenge_window_ms 10000
	echo "guest: 64 MiB idle lower MemAvailable by $((was - now)) KiB"
	[ $((was - now)) -le 16384 ]
}

# What CPU 1 has cached stays there although it is idle, for that CPU is not to be
# disturbed; but not when somebody asks for all of it.
isolated() {
	local had left
	set_to scavenge_window_ms 0
	echo 1 >"$debugfs/free_os_memory"
	# shellcheck disable=SC2016 # the other shell expands it
	taskset 2 sh -c 'insmod gochurn.ko live_mib=4 ops=1000 rest=0' ||
		return 1
	rmmod gochurn
	had=$(cached)
	set_to scavenge_window_ms 1000
	sleep 4
	left=$(cached)
	set_to scavenge_window_ms 10000
	echo 1 >"$debugfs/free_os_memory"
	echo "guest: cached by CPU 1: $had objects; after 4 s: $left; after" \
		"free_os_memory: $(cached)"
	[ "$left" -ge $((had / 2)) ] && [ "$left" -gt 0 ] && [ "$(cached)" = 0 ]
}

by_hand() {
	local said
	make_idle 32 || return 1
	echo 1 >"$debugfs/free_os_memory" || return 1
	said=$(cat "$debugfs/free_os_memory")
	echo "guest: by hand $said bytes"
	[ "$(mib "$said")" -ge 32 ] && [ "$(memstat HeapIdle)" -le 2097152 ] &&
		! echo 2 2>/dev/null >"$debugfs/free_os_memory"
}

# sys_at_most BYTES: goalloc holds no more than that.
sys_at_most() { [ "$(memstat Sys)" -le "$1" ]; }

# live_at_least MIB: live objects take at least that much.
live_at_least() { [ "$(mib "$(memstat HeapAlloc)")" -ge "$1" ]; }

# A lower limit returns memory at once; beyond it allocations return NULL.
limited() {
	set_to memory_limit 24MiB && within 10 sys_at_most $((24 << 20)) &&
		[ "$(memstat ScavengedLimit)" -gt 0 ] && churn 12 &&
		! insmod gochurn.ko live_mib=32 ops=1000 2>/dev/null &&
		sys_at_most $((24 << 20)) &&
		[ "$(memstat Failures)" -gt 0 ] && nothing_live
}

limit() {
	local status=0
	make_idle 32 || return 1
	limited || status=1
	set_to memory_limit off && churn 32 && return "$status"
}

# Objects in caches, as sizeclasses counts them.
cached() { awk '!/^#/ && NR > 4 { n += $7 } END { print n + 0 }' \
	"$debugfs/sizeclasses"; }

# Objects in the cache of CPU 1, as mcaches counts them.
cached_by_cpu1() { awk '$1 == "1" { print $2 }' "$debugfs/mcaches"; }

# An offline CPU keeps none of the objects that it had cached.
dead_cpu() {
	local had left
	set_to scavenge_window_ms 0
	echo 1 >"$debugfs/free_os_memory"
	[ "$(cached)" = 0 ] || return 1
	# shellcheck disable=SC2016 # the other shell expands it
	taskset 2 sh -c 'insmod gochurn.ko live_mib=4 ops=1000 rest=0' ||
		return 1
	rmmod gochurn
	had=$(cached_by_cpu1)
	echo 0 >"$cpu1" || return 1
	left=$(cached_by_cpu1)
	echo 1 >"$cpu1" || return 1
	set_to scavenge_window_ms 10000
	echo "guest: cached by CPU 1: $had objects; after it went: $left"
	[ "$had" -gt 0 ] && [ "${left:-0}" = 0 ]
}

# A CPU goes offline and online while gochurn runs.
cpus_under_load() {
	insmod gochurn.ko live_mib=8 ops=300000 rest=2 &
	cycle_cpu1 running $! && wait $! && rmmod gochurn && nothing_live
}

# A block of memory that holds objects cannot go offline.  The attempt fails and
# does no harm.
hot_remove() {
	local block tried=0 went=0
	insmod gochurn.ko live_mib=48 ops=200000 rest=4 drop=90 &
	within 60 live_at_least 40 || { wait $!; rmmod gochurn; return 1; }
	for block in "$blocks"/memory*; do
		[ "$(cat "$block/state")" = online ] || continue
		tried=$((tried + 1))
		echo offline 2>/dev/null >"$block/state" || continue
		went=$((went + 1))
		echo online >"$block/state" || return 1
	done
	wait $! && rmmod gochurn || return 1
	echo "guest: of $tried blocks of memory $went went, and came back"
	[ "$tried" -gt "$went" ] && nothing_live
}

misc=$(misc)
check "insmod with parameters" insmod goalloc.ko scavenge_window_ms=5000 \
	scavenge_retain=120 scavenge_cpu=2 memory_limit=1GiB
check "the parameters read back" [ "$(cat $params/scavenge_window_ms \
	$params/scavenge_retain $params/scavenge_cpu $params/memory_limit |
	tr '\n' ' ')" = "5000 120 2 1073741824 " ]
check "MemStats has the limit" [ "$(memstat MemoryLimit)" = 1073741824 ]
check "rmmod" rmmod goalloc
for bad in scavenge_window_ms=99 scavenge_retain=99 scavenge_cpu=0 \
	memory_limit=-1 memory_limit=1; do
	check "no insmod with $bad" eval "! insmod goalloc.ko $bad 2>/dev/null"
done
check "insmod" insmod goalloc.ko
check "bad windows" rejects scavenge_window_ms -1 1 99 3600001 x "" 1s
check "bad shares" rejects scavenge_retain -1 0 99 1001 x ""
check "bad percents" rejects scavenge_cpu -1 0 101 x ""
check "bad limits" rejects memory_limit -1 x "" 1KB 1kib "1 MiB" MiB \
	99999999999999999999 99999999999TiB 1MiBB
check "no window" accepts scavenge_window_ms 0 0
check "the longest window" accepts scavenge_window_ms 3600000 3600000
check "a share" accepts scavenge_retain 200 200
check "a percent" accepts scavenge_cpu 100 100
check "a limit in bytes" accepts memory_limit 123456789 123456789
check "a limit in B" accepts memory_limit 123456789B 123456789
check "a limit in MiB" accepts memory_limit 64MiB 67108864
check "a limit in M" accepts memory_limit 064M 67108864
check "a limit in TiB" accepts memory_limit 2TiB 2199023255552
check "no limit" accepts memory_limit off 0

check "goes back under memory pressure" squeeze
check "no process was killed for it" no_oom_kill
check "verify after that" verify_ok
check "goes back by itself" background
if [ -e /proc/self/schedstat ]; then
	# What the host takes from the guest counts as used, so it may try again.
	check "goes back by itself, in its share of a CPU" eval "share || share"
else
	skip "goes back by itself, in its share of a CPU" "no schedstat"
fi
if grep -q isolcpus=1 /proc/cmdline; then
	check "the cache of an isolated CPU" isolated
else
	skip "the cache of an isolated CPU" "no CPU is isolated"
fi
check "is available when it is idle" available
check "goes back by hand" by_hand
check "stays below the limit" limit
check "verify after the limit" verify_ok
if [ -e "$cpu1" ]; then
	check "the cache of an offline CPU" dead_cpu
	check "CPU hotplug under load" cpus_under_load
	check "verify after CPU hotplug" verify_ok
else
	skip "CPU hotplug" "CPU 1 cannot go offline"
fi
if [ -e "$blocks/block_size_bytes" ]; then
	check "memory offlining" hot_remove
	check "verify after memory offlining" verify_ok
else
	skip "memory offlining" "memory cannot go offline"
fi
check "no process was killed at all" no_oom_kill
check "rmmod at the end" rmmod goalloc
check "the kernel counts nothing of ours" [ "$(misc)" = "$misc" ]
save_coverage || exit 1
plan
exit 0
