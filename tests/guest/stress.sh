#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Run gostress on all CPUs and in all contexts, while CPU 1 goes down and up and
# every file in debugfs is read, verify included.  goalloc_seconds=N on the
# kernel's command line is how long.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

# The helpers run while /tmp/running exists, and report failures in /tmp/bad.
hotplug() {
	[ -e "$cpu1" ] || return 0
	cycle_cpu1 [ -e /tmp/running ] ||
		echo "CPU 1 does not go down or up" >>/tmp/bad
}

# verify may say "in motion", but never "broken".
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

# The last has a sample of each object, as far as there is room.
for with in check=1 check=0 "profile_rate=1 profile_stacks=4096"; do
	# shellcheck disable=SC2086 # separate parameters
	check "insmod with $with" insmod goalloc.ko $with
	check "stress with $with" stress
	check "readers and CPU hotplug with $with" nothing_bad
	check "verify with $with" verify_ok
	check "nothing is live with $with" nothing_live
	check "nor in the profile with $with" \
		grep -q '^heap profile: 0: 0 ' "$debugfs/heap"
	check "rmmod with $with" rmmod goalloc
done
plan
exit 0
