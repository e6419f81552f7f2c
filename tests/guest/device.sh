#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# A long test of /dev/goalloc: random calls, and stress-ng's device stressor.
# On the kernel's command line, goalloc_fuzz=N is the number of random calls,
# goalloc_seed=N their seed, and goalloc_seconds=N how long stress-ng runs.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

# stress-ng is dynamically linked: its libraries are in /goalloc too.
stress_ng() {
	mkdir -p /tmp/stress &&
		LD_LIBRARY_PATH=/goalloc ./ld-linux-x86-64.so.2 ./stress-ng \
			--dev 1 --dev-file /dev/goalloc --temp-path /tmp/stress \
			--timeout "${goalloc_seconds:-60}" --verify \
			--metrics-brief
}

# The file begins with two lines of heading.
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
