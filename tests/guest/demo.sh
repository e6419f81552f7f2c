#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# What 'make demo' runs in the virtual machine.  The first step that fails ends
# it, and names itself on fd 3.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh

section() { printf '\n--- %s\n' "$*"; }

fail() {
	echo "FAILED: $*"
	echo "$*" >&3
	exit 1
}

verify() {
	verify_ok || fail "the heap is not sound after $1"
	echo "verify: ok"
}

copies() { [ "$1" = 1 ] && echo "1 copy" || echo "$1 copies"; }

# replay TRACE COPIES: the module does its work while it loads.
replay() {
	section "kernel traffic, recorded and played back: $1, $(copies "$2")"
	insmod goreplay.ko "trace=/goalloc/$1.gotrace" "copies=$2" ||
		fail "replay of $1, $(copies "$2")"
	rmmod goreplay || fail "rmmod goreplay"
	verify "the replay of $1"
}

section "insmod goalloc.ko on $(uname -r), $(nproc) CPUs"
insmod goalloc.ko || fail "insmod goalloc"
verify "loading"

section "a client module: task, softirq and hardirq context, and bulk"
insmod goclient.ko || fail "insmod goclient"
rmmod goclient || fail "rmmod goclient"
verify "the client"

section "who holds this memory: the client again, which forgets 3 objects"
insmod goclient.ko leak=3 >/dev/null || fail "insmod goclient leak=3"
grep -E '^(owner|goclient|dev)' $debugfs/owners ||
	fail "the client has no line in owners"
rmmod goclient || fail "rmmod goclient"
dmesg | grep 'goalloc: goclient left 3 objects, 1728 bytes' ||
	fail "goalloc does not say what the client has left"
verify "the client that forgets"

for trace in fs net; do
	replay $trace 1
	replay $trace "${goalloc_copies:-64}"
done

section "user space: a round trip over /dev/goalloc"
./dev_roundtrip || fail "the round trip over /dev/goalloc"
verify "the round trip"

# Leave out MemStats' lines for each class: sizeclasses shows them as a table.
for file in memstats sizeclasses pageheap; do
	section "$debugfs/$file"
	cat $debugfs/$file >/tmp/$file || fail "$file cannot be read"
	grep -v '^BySize' /tmp/$file
done

section "rmmod goalloc"
rmmod goalloc || fail "rmmod goalloc"
