#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Run the KUnit suites and write their results to fd 3 as KTAP.  They are read
# from debugfs, because on the console other messages come between them.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh

# Our modules are gone, so none of their memory may be left.
check_leaks() {
	[ -e "$kmemleak" ] || return 0
	echo "guest: looking for leaks"
	kmemleak_scan || die "kmemleak is off"
	[ -z "$(cat "$kmemleak")" ] && return
	cat "$kmemleak"
	die "kmemleak has found leaks"
}

kmemleak_scan_off
insmod kunit.ko enable=1 filter_glob="${goalloc_suites:-*}" || die "no KUnit"
insmod goalloc.ko check="${goalloc_check:-1}" || die "no goalloc"
insmod goalloc_kunit.ko warns="${goalloc_warns:-0}" \
	${goalloc_steps:+steps=$goalloc_steps} || die "the suites do not load"
for results in /sys/kernel/debug/kunit/*/results; do
	cat "$results" >&3 || die "no results"
done
verify_ok || die "verify: not ok"
rmmod goalloc_kunit || die "the suites do not unload"
rmmod goalloc || die "goalloc does not unload"
check_leaks
save_coverage || die "the line counts cannot be saved"

# Lockdep turns itself off at its first report, or when its tables are full.
if [ -e /proc/lockdep_stats ]; then
	grep -q 'debug_locks: *1' /proc/lockdep_stats ||
		die "lockdep has turned itself off"
fi
exit 0
