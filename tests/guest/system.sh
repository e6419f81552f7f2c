#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# The tests that need no KUnit: on a distribution's own kernel, or any other,
# under scripts/guest-init.  The device's tests speak TAP themselves; each
# other step here is a test of a TAP document of its own.

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

verify_ok() { [ "$(cat "$debugfs/verify")" = ok ]; }
readable() { cat "$debugfs/$1" >/dev/null; }
refused() { ! "$@" 2>/dev/null; }
mode_0600() { [ "$(stat -c %a /dev/goalloc)" = 600 ]; }

in_and_out() {
	local module=$1
	shift
	insmod "$module.ko" "$@" && rmmod "$module"
}

# The module cannot go while somebody holds its device open.
rmmod_while_open() {
	exec 4</dev/goalloc
	refused rmmod goalloc
	local status=$?
	exec 4<&-
	return "$status"
}

check "insmod" insmod goalloc.ko
check "verify after insmod" verify_ok
for file in memstats sizeclasses pageheap; do
	check "debugfs $file" readable $file
done
check "/dev/goalloc is for root alone" mode_0600
check "rmmod is refused while the device is open" rmmod_while_open
check "client" in_and_out goclient
check "verify after the client" verify_ok
for trace in fs net; do
	check "replay of $trace" in_and_out goreplay \
		"trace=/goalloc/$trace.gotrace" "copies=${goalloc_copies:-1}"
	check "verify after the replay of $trace" verify_ok
done
check "round trip" ./dev_roundtrip

./dev_test >/tmp/tap 2>&1
check "verify after dev_test" verify_ok
check "rmmod" rmmod goalloc
check "insmod with check=0" insmod goalloc.ko check=0
check "client with check=0" in_and_out goclient
check "verify with check=0" verify_ok
check "rmmod, again" rmmod goalloc
echo "1..$count" >&3

cat /tmp/tap
cat /tmp/tap >&3
exit 0
