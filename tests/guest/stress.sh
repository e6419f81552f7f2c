#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Everybody at once: gostress on all CPUs and in all contexts, while CPU 1 goes
# down and comes back, somebody reads every file in debugfs, and verify walks.
# goalloc_seconds=N on the command line is how long.

cpu1=/sys/devices/system/cpu/cpu1/online

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

# While gostress runs; what goes wrong is left in /tmp/bad.
hotplug() {
	local n=0
	[ -e "$cpu1" ] || return 0
	while [ -e /tmp/running ]; do
		echo 0 >"$cpu1" && echo 1 >"$cpu1" ||
			echo "CPU 1 does not go or come" >>/tmp/bad
		n=$((n + 1))
	done
	echo "guest: CPU 1 went and came $n times"
}

# verify may say that something moves, but never that something is broken.
readers() {
	local n=0 file
	while [ -e /tmp/running ]; do
		for file in "$debugfs"/*; do
			cat "$file" >/tmp/read ||
				echo "$file cannot be read" >>/tmp/bad
			! grep broken /tmp/read >>/tmp/bad ||
				echo "in $file" >>/tmp/bad
		done
		n=$((n + 1))
	done
	echo "guest: debugfs read $n times"
}

stress() {
	local status readers hotplug
	: >/tmp/running
	readers &
	readers=$!
	hotplug &
	hotplug=$!
	insmod gostress.ko seconds="${goalloc_seconds:-10}" "$@"
	status=$?
	rm /tmp/running
	wait "$readers" "$hotplug"
	[ "$status" = 0 ] && rmmod gostress
}

nothing_bad() {
	[ -s /tmp/bad ] || return 0
	cat /tmp/bad
	rm /tmp/bad
	return 1
}

nothing_live() {
	[ "$(sed -n 's/^HeapObjects: //p' "$debugfs/memstats")" = 0 ]
}

for check in 1 0; do
	check "insmod with check=$check" insmod goalloc.ko check=$check
	check "stress with check=$check" stress
	check "readers and CPU hotplug with check=$check" nothing_bad
	check "verify with check=$check" verify_ok
	check "nothing is live with check=$check" nothing_live
	check "rmmod with check=$check" rmmod goalloc
done
plan
exit 0
