#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# /dev/goalloc for longer: calls at random, and stress-ng at the device.
# goalloc_fuzz=N on the command line is how many calls, goalloc_seed=N their
# seed, goalloc_seconds=N how long stress-ng may take.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

# Its libraries are beside it; it wants a directory of its own for files.
stress_ng() {
	mkdir -p /tmp/stress &&
		LD_LIBRARY_PATH=/goalloc ./ld-linux-x86-64.so.2 ./stress-ng \
			--dev 1 --dev-file /dev/goalloc --temp-path /tmp/stress \
			--timeout "${goalloc_seconds:-60}" --verify \
			--metrics-brief
}

nothing_live() {
	[ "$(sed -n 's/^HeapObjects: //p' "$debugfs/memstats")" = 0 ]
}

no_clients() { [ "$(wc -l <"$debugfs/clients")" = 2 ]; }

check "insmod" insmod goalloc.ko
check "calls at random" ./dev_fuzz "${goalloc_fuzz:-100000}" \
	"${goalloc_seed:-1}"
check "verify after calls at random" verify_ok
check "stress-ng --dev" stress_ng
check "verify after stress-ng" verify_ok
check "nothing is live" nothing_live
check "no client is left" no_clients
check "rmmod" rmmod goalloc
plan
exit 0
