#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# A part of what system.sh tests, for machines that are emulated at a tenth of the
# speed: the client, all contexts, recorded traffic, threads on all CPUs, owners,
# the device, and what is left.  goalloc_page=N on the kernel's command line is how
# long the heap's pages have to be, goalloc_seconds=N how long the threads run.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

play() { load_and_unload goreplay "trace=/goalloc/$1.gotrace" events=100000; }

pages_are() {
	./goallocctl info | grep -E "^page-size: " &&
		./goallocctl info | grep -qx "page-size: $1"
}

# holds NAME OBJECTS: what owners says of a module.  The bytes are not the same on
# all machines: where DMA may not be coherent, objects are longer.
holds() {
	grep -qE "^$1 +$2 +[0-9]+ " "$debugfs/owners" ||
		{ cat "$debugfs/owners"; return 1; }
}

two_owners() {
	insmod goowner_a.ko && insmod goowner_b.ko rounds=3 &&
		holds goowner_a 23 && holds goowner_b 69 &&
		rmmod goowner_a && rmmod goowner_b
}

# program NAME ARGUMENT...: a test of the device's; its output only if it fails.
program() {
	local name=$1
	shift
	"./$name" "$@" >/tmp/said 2>&1 || { grep -v '^ok' /tmp/said; return 1; }
}

gives_back() {
	./goallocctl free-os-memory >/dev/null || return
	[ "$(memstat HeapIdle)" -le $((1 << 20)) ] ||
		{ cat "$debugfs/pageheap"; return 1; }
}

leak_and_go() {
	insmod goforget.ko && rmmod goforget && [ "$(memstat HeapObjects)" = 5 ] &&
		rmmod goalloc && says "5 objects leaked"
}

echo "guest: $(uname -r) on $(uname -m)"
page=${goalloc_page:-8192}
for check in 1 0; do
	check "insmod with check=$check" insmod goalloc.ko check=$check
	check "pages are of $page bytes" pages_are "$page"
	check "client" load_and_unload goclient
	check "raw spinlock and NMI" load_and_unload gocontext
	check "verify after contexts" verify_ok
	[ $check = 0 ] || check "two clients, each with its objects" two_owners
	for trace in fs net; do
		check "replay of $trace" play $trace
		check "verify after the replay of $trace" verify_ok
	done
	check "threads on all CPUs" load_and_unload gostress \
		seconds="${goalloc_seconds:-5}"
	check "verify after threads" verify_ok
	check "dev_roundtrip" program dev_roundtrip
	check "dev_mmap" program dev_mmap
	check "dev_fuzz" program dev_fuzz 3000
	check "verify after the device" verify_ok
	check "nothing is live" nothing_live
	check "memory goes back" gives_back
	check "rmmod" rmmod goalloc
done
check "insmod for a leak" insmod goalloc.ko
check "rmmod with objects leaked" leak_and_go
check "insmod after a leak" insmod goalloc.ko
check "verify after a leak" verify_ok
check "rmmod after a leak" rmmod goalloc
plan
exit 0
