#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Run gochurn with kmalloc and with goalloc, and write its samples to fd 3.
# goalloc_churn= on the kernel's command line holds gochurn's parameters,
# separated by commas.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh

insmod goalloc.ko || die "goalloc does not load"
for allocator in kmalloc goalloc; do
	dmesg -c >/dev/null
	dmesg -n 1
	# shellcheck disable=SC2046,SC2154 # set by the kernel; splitting is meant
	insmod gochurn.ko allocator=$allocator samples=100 \
		$(echo "$goalloc_churn" | tr , ' ') || die "gochurn, $allocator"
	rmmod gochurn
	dmesg -n 8
	dmesg | sed -n 's/.*gochurn: SAMPLE //p' >&3
done
sed 's/^/memstats /' $debugfs/memstats | grep Scaveng >&3
rmmod goalloc
