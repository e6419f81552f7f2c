#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Use up all memory, in a guest that has little of it.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

no_complaint() { no_oom_kill "page allocation failure"; }

check "insmod" insmod goalloc.ko
check "all memory, again and again" load_and_unload goexhaust
dmesg | grep goexhaust
check "verify after all memory" verify_ok
check "no process was killed and nothing was logged" no_complaint
check "a client after that" load_and_unload goclient
check "verify after the client" verify_ok
check "rmmod" rmmod goalloc
check "insmod with check=0" insmod goalloc.ko check=0
check "all memory with check=0" load_and_unload goexhaust checked=0
check "verify with check=0" verify_ok
check "rmmod, again" rmmod goalloc
plan
exit 0
