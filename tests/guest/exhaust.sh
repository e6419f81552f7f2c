#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# All memory used up for good, in a guest that has little of it, under
# scripts/guest-init.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

nobody_killed() { ! dmesg | grep -qiE "out of memory|oom-kill|page allocation failure"; }

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
plan
exit 0
