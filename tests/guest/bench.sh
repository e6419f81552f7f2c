#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# What 'make bench' runs inside the virtual machine: the same loops with and
# without the check of every free.

for check in 0 1; do
	insmod goalloc.ko check=$check || exit 1
	echo "check=$check" >&3
	insmod gobench.ko || exit 1
	dmesg | sed -n 's/.*gobench: RESULT //p' | tail -n "${works:-9}" >&3
	rmmod gobench
	rmmod goalloc || exit 1
done
