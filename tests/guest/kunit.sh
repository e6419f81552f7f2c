#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Run the KUnit suites: on every test kernel, under scripts/guest-init.  The
# results go to fd 3 as KTAP, from debugfs, where they are apart from all else
# that the kernel says.

kmemleak=/sys/kernel/debug/kmemleak

# shellcheck source=tests/guest/lib.sh
. ./lib.sh

die() { echo "guest: $*"; exit 1; }

# Nothing of ours is loaded any more, so nothing may be left.  A leak counts
# when it is 5 seconds old and two scans have found nobody who points to it.
leak_scan() {
	[ -e $kmemleak ] || return 0
	echo "guest: looking for leaks"
	sleep 6
	echo scan >$kmemleak || die "kmemleak is off"
	echo scan >$kmemleak
	[ -z "$(cat $kmemleak)" ] && return
	cat $kmemleak
	die "kmemleak has found leaks"
}

[ ! -e $kmemleak ] || echo scan=off >$kmemleak	# but when we ask
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
leak_scan
save_coverage || die "the line counts cannot be saved"

# Lockdep gives up at its first complaint, or when it runs out of memory.
if [ -e /proc/lockdep_stats ]; then
	grep -q 'debug_locks: *1' /proc/lockdep_stats ||
		die "lockdep has turned itself off"
fi
exit 0
