#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Modules of the kernel's own source, built with <linux/goalloc_dropin.h>: they
# work, and when they have gone nothing of theirs is left.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

said() { dmesg | grep -q "$@"; }
used() { [ "$(memstat Mallocs)" -gt "$1" ]; }
event() { sed -n "s/^$1: //p" $debugfs/dropin; }

# gone NAME: what a module has left behind, which is nothing.
gone() {
	check "$1: mallocs = frees" within 5 all_freed
	check "$1: no misuse" no_misuse
	check "$1: verify" verify_ok
}

# run_once MODULE [PARAMETER...]: for one that works while it is loaded.
run_once() {
	local module=$1 before
	before=$(memstat Mallocs)
	check "$module works" load_and_unload "$@"
	check "$module has used goalloc" used "$before"
	gone "$module"
}

no_crossing() { [ -z "$(crossings)" ]; }
crossed() { crossings | grep -q "^ *$1 .*$2"; }

check "insmod" insmod goalloc.ko
if [ -e goalloc_guard.ko ]; then
	check "insmod goalloc_guard" insmod goalloc_guard.ko
	check "nothing has crossed" no_crossing
fi

run_once godropin
if [ -e goalloc_guard.ko ]; then
	check "nothing of that has crossed" no_crossing
	check "godropin hands over 14 objects" insmod godropin.ko cross=14
	check "they have come home, and by which caller" crossed 14 hand_over
	check "rmmod godropin" rmmod godropin
	gone "godropin, which has handed over"
	crossings
fi
run_once godropin leave=3
check "3 objects were left in a cache" [ "$(event "left in caches")" = 3 ]
check "which was said" said "3 objects of godropin_left were not freed"
check "and it has gone since" refused grep -q "^cache" $debugfs/dropin

[ ! -e rhashtables.ko ] || run_once rhashtables parm_entries=2000 runs=1 tcount=2

cat $debugfs/dropin
check "nothing was said to be left" refused said "left [0-9]* objects"
if [ -e goalloc_guard.ko ]; then
	check "rmmod goalloc_guard" rmmod goalloc_guard
fi
# It has no exit, so that it and goalloc stay.
if [ -e test_meminit.ko ]; then
	check "test_meminit works" insmod test_meminit.ko
	check "it says so" said "test_meminit: all [0-9]* tests passed!"
	gone test_meminit
else
	check "rmmod" rmmod goalloc
fi
plan
exit 0
