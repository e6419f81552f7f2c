#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# The heap profile of a client that leaks, and has been unloaded; the names are
# kept, of its init as well.  The files go to the host, which has pprof, on the
# channel of the results, as comments "# NAME: LINE".  The host writes the plan.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

param=/sys/module/goalloc/parameters

# What goforget leaks: 3 objects of 64 bytes, 1 of 1000 and 1 of 100000.
leaks_are_there() {
	head -n 1 "$debugfs/heap" |
		grep -qxF 'heap profile: 5: 101192 [5: 101192] @ heap/2' &&
		grep -q '^3: 192 \[3: 192\] @ 0x' "$debugfs/heap" &&
		grep -q '^1: 1000 \[1: 1000\] @ 0x' "$debugfs/heap" &&
		grep -q '^1: 100000 \[1: 100000\] @ 0x' "$debugfs/heap"
}

# named FUNCTION: the frame of each leak is there by name.
named() {
	[ "$(grep -cE "^#	0x[0-9a-f]+	$1\+0x[0-9a-f]+/0x[0-9a-f]+ \[goforget\]$" \
		"$debugfs/heap")" -ge 3 ]
}

# The first frame is the client's, and behind it come those of the kernel.
deep() {
	grep -A 2 '^3: 192' "$debugfs/heap" | sed -n 2p | grep -q '\[goforget\]' &&
		grep -qE '^#	0x[0-9a-f]+	(do_one_initcall|do_init_module)\+' \
			"$debugfs/heap"
}

lifetimes() {
	grep -qE '^# lifetimes( <[0-9]+us:[0-9]+)+$' "$debugfs/heap"
}

refuses() { refused sh -c "echo $2 >$param/$1"; }

# dump NAME: send a file to the host.
dump() { sed "s/^/# $1: /" "$debugfs/$1" >&3; }

check "insmod" insmod goalloc.ko profile_rate=1
check "insmod of the client" insmod goforget.ko
check "its leaks are in the profile" leaks_are_there
check "with the names of its init" named goforget_init
check "and the kernel's behind them" deep
check "rmmod of the client" rmmod goforget
check "its leaks are still in the profile" leaks_are_there
check "with their names" named goforget_init
check "allocs says the same" cmp "$debugfs/heap" "$debugfs/allocs"
dump heap
check "a client that leaks nothing" load_and_unload goclient
check "its lifetimes are in the profile" lifetimes
check "raw spinlock and NMI" load_and_unload gocontext
check "verify" verify_ok
dump allocs
for value in x -1 1KB 0x10 2T 1.5; do
	check "profile_rate=$value is refused" refuses profile_rate $value
done
for value in x 0 15 65537 1K; do
	check "profile_stacks=$value is refused" refuses profile_stacks $value
done
check "another rate" eval "echo 64K >$param/profile_rate"
check "the profile begins anew" \
	grep -qxF 'heap profile: 0: 0 [0: 0] @ heap/131072' "$debugfs/heap"
check "5 objects are of the older one" \
	grep -q '; 5 objects of older profiles are live$' "$debugfs/heap"
check "verify" verify_ok
check "replay" load_and_unload goreplay trace=/goalloc/net.gotrace allocator=goalloc
check "verify" verify_ok
check "no profile" eval "echo 0 >$param/profile_rate"
check "it says so" grep -qxF '# no profile: profile_rate is 0' "$debugfs/heap"
check "BuckHashSys is 0" [ "$(memstat BuckHashSys)" = 0 ]
check "rmmod" rmmod goalloc
check "profile_rate= with check=0 is refused" \
	refused insmod goalloc.ko check=0 profile_rate=1
check "check=0 alone is not" insmod goalloc.ko check=0
check "profile_rate is 0 then" [ "$(cat $param/profile_rate)" = 0 ]
check "and stays so" refuses profile_rate 1
check "heap says why" grep -qxF '# no profile: it needs check=1' "$debugfs/heap"
check "rmmod" rmmod goalloc
exit 0
