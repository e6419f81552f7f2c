#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Objects come and go for a long time, with kmalloc and with goalloc: the samples
# go to fd 3.  goalloc_churn=PARAMETERS, separated by commas, are gochurn's.

fail() { echo "guest: $*"; exit 1; }

insmod goalloc.ko || fail "no goalloc"
for allocator in kmalloc goalloc; do
	dmesg -c >/dev/null
	dmesg -n 1
	# shellcheck disable=SC2046,SC2154 # words of the command line
	insmod gochurn.ko allocator=$allocator samples=100 \
		$(echo "$goalloc_churn" | tr , ' ') || fail "$allocator"
	rmmod gochurn
	dmesg -n 8
	dmesg | sed -n 's/.*gochurn: SAMPLE //p' >&3
done
sed 's/^/memstats /' /sys/kernel/debug/goalloc/memstats | grep Scaveng >&3
rmmod goalloc
