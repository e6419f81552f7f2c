#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# All memory used up for good, in a guest that has little of it, under
# scripts/guest-init.

debugfs=/sys/kernel/debug/goalloc
count=0

echo "TAP version 13" >&3

# check NAME COMMAND...: one test.
check() {
	local name=$1 not=
	shift
	count=$((count + 1))
	"$@" || not="not "
	echo "${not}ok $count $name"
	echo "${not}ok $count $name" >&3
}

# The worker may be at it yet: "ok (in motion...".
verify_ok() {
	case $(cat "$debugfs/verify") in
	ok*)	return 0 ;;
	*)	return 1 ;;
	esac
}
nobody_killed() { ! dmesg | grep -qiE "out of memory|oom-kill|page allocation failure"; }

in_and_out() { insmod "$1.ko" && rmmod "$1"; }

check "insmod" insmod goalloc.ko
check "all memory, again and again" in_and_out goexhaust
dmesg | grep goexhaust
check "verify after all memory" verify_ok
check "nobody was killed and nothing was logged" nobody_killed
check "a client after that" in_and_out goclient
check "verify after the client" verify_ok
check "rmmod" rmmod goalloc
check "insmod with check=0" insmod goalloc.ko check=0
check "all memory with check=0" in_and_out goexhaust
check "verify with check=0" verify_ok
check "rmmod, again" rmmod goalloc
echo "1..$count" >&3
exit 0
