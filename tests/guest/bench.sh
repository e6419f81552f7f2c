#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# What scripts/bench runs in the guest: gobench's workloads, and every trace
# that is there, once for each value of check=; and then, in user space, the
# peers that are there.  Parameters on the kernel's command line:
#
#   goalloc_checks=0,1	the values of check=, separated by commas
#   goalloc_bench=	gobench's parameters, separated by colons; "no" leaves
#			gobench out
#   goalloc_rates=	values of profile_rate, one run for each, separated by commas;
#			as goalloc has it if there is none
#   goalloc_copies=	copies of a trace, one run for each, separated by commas

# words LIST SEPARATOR: the list as separate words.
words() { echo "$1" | tr "$2" ' '; }

# run CHECK [PARAMETER]: all of it, with goalloc loaded like that.
# shellcheck disable=SC2154,SC2046 # set by the kernel; splitting is meant
run() {
	insmod goalloc.ko "check=$1" ${2:+"$2"} || exit 1
	echo "HEAD kernel=$(uname -r)"
	echo "HEAD cmdline=$(cat /proc/cmdline)"
	echo "HEAD cpus=$(nproc)"
	echo "HEAD check=$1"
	if [ "$goalloc_bench" != no ]; then
		insmod gobench.ko $(words "$goalloc_bench" :) || exit 1
		cat /sys/kernel/debug/gobench/results
		rmmod gobench || exit 1
	fi
	for trace in *.gotrace; do
		[ -e "$trace" ] || continue
		for copies in $(words "${goalloc_copies:-1}" ,); do
			dmesg -c >/dev/null
			insmod goreplay.ko "trace=/goalloc/$trace" \
				"copies=$copies" timed=1 >&2 || exit 1
			dmesg | sed -n 's/.*goreplay: BENCH/BENCH/p'
			rmmod goreplay || exit 1
		done
	done
	rmmod goalloc || exit 1
}

# shellcheck disable=SC2154 # set by the kernel
for check in $(words "${goalloc_checks:-0,1}" ,); do
	for rate in $(words "${goalloc_rates:--}" ,); do
		[ "$rate" = - ] && rate= || echo "RATE $rate" >&3
		run "$check" "${rate:+profile_rate=$rate}" >&3
	done
done

# The program is dynamically linked: all libraries are in /goalloc, too.
# run_peer NAME [LIBRARY]
run_peer() {
	LD_LIBRARY_PATH=/goalloc LD_PRELOAD=${2:+/goalloc/$2} \
		./ld-linux-x86-64.so.2 ./peers "$1" instructions 5
}

[ -e peers ] || exit 0
{
	echo "HEAD check=-"
	run_peer glibc || exit 1
	for peer in tcmalloc jemalloc mimalloc; do
		[ ! -e "$peer.so" ] || run_peer "$peer" "$peer.so" || exit 1
	done
} >&3
