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

# dump NAME [FILE]: send a file to the host, that of debugfs or another.
dump() { sed "s/^/# $1: /" "${2:-$debugfs/$1}" >&3; }

# dump_binary FILE: the same for one that is no text.
dump_binary() { base64 "$1" | sed "s/^/# ${1##*/}: /" >&3; }

# profile OPTION...: what goallocctl says of the kernel's profile, in /tmp/said.
profile() { ./goallocctl profile "$@" >/tmp/said; }
said() { grep -qE "$1" /tmp/said; }

# row FLAT MODULE FUNCTION: a line of the table says so.
row() { said "^ *$1 +[0-9.]+% +[0-9]+ +[0-9.]+%  $3 \[$2\]$"; }

# The table has what goforget has left, by its init's name, and nothing else.
table_of_leaks() {
	profile && said '^inuse_space: 101192 bytes in 5 objects$' &&
		row 101192 goforget goforget_init && ! said '^dropped'
}

picture_of_leaks() {
	profile --flame /tmp/a.svg && [ ! -s /tmp/said ] &&
		grep -q '<title>goforget_init \[goforget\]: 98.8 KiB, 100.00 %</title>' \
			/tmp/a.svg
}

# Of 3000 objects goknown holds 1500 of 500 bytes, and 75 of 60000.
known_since() {
	profile -base "$1" &&
		said '^inuse_space: 5250000 bytes in 1575 objects$' &&
		row 4500000 goknown goknown_large && row 750000 goknown goknown_small
}

# And has allocated twice as much.
known_allocated() {
	profile -allocs -base "$1" &&
		said '^alloc_space: 10500000 bytes in 3150 objects$' &&
		row 9000000 goknown goknown_large && row 1500000 goknown goknown_small
}

nothing_since() {
	profile -base "$1" && said '^inuse_space: 0 bytes in 0 objects$'
}

# What is allocated meanwhile is the difference; and what was there is not.
known_meanwhile() {
	./goallocctl profile -seconds 5 >/tmp/said &
	sleep 1
	insmod goknown.ko || return
	wait $! && said '^inuse_space: 5250000 bytes in 1575 objects$' &&
		row 4500000 goknown goknown_large && ! said goforget
}

# A sample's bytes are those that were asked for, an owner's those of the class.
owner_of_known() {
	grep -qE '^goknown +1575 +5683200 ' "$debugfs/owners"
}

# verdict TEXT: goalloc has said so.
verdict() { dmesg | grep -qE "goalloc: $1"; }

# say_nothing REASON: without a profile the tool says why.
say_nothing() {
	! ./goallocctl profile 2>/tmp/said && said "no profile: $1$"
}

check "insmod" insmod goalloc.ko profile_rate=1
check "insmod of the client" insmod goforget.ko
check "its leaks are in the profile" leaks_are_there
check "with the names of its init" named goforget_init
check "and the kernel's behind them" deep
check "rmmod of the client" rmmod goforget
check "the verdict has the name of its init" verdict \
	'goforget left 5 objects, 107712 bytes: 1 of 106496 by goforget_init\+0x[0-9a-f/x]+ \[goforget\], 1 of 1024 by goforget_init\+.*, 3 of 64 by goforget_init\+[^,]* \[goforget\]$'
check "its leaks are still in the profile" leaks_are_there
check "with their names" named goforget_init
check "allocs says the same" cmp "$debugfs/heap" "$debugfs/allocs"
dump heap
check "a client that leaks nothing" load_and_unload goclient
check "its lifetimes are in the profile" lifetimes
check "raw spinlock and NMI" load_and_unload gocontext
check "verify" verify_ok
dump allocs
check "goallocctl: a table" table_of_leaks
check "goallocctl: a picture" picture_of_leaks
cp $debugfs/heap /tmp/before
check "goallocctl: no difference" nothing_since /tmp/before
check "a client of known amounts" insmod goknown.ko
check "goallocctl: the difference to a file" known_since /tmp/before
check "goallocctl: and what was allocated" known_allocated /tmp/before
check "owners say the same of it" owner_of_known
check "goallocctl: for pprof" profile -o /tmp/known.pb.gz -base /tmp/before
dump_binary /tmp/known.pb.gz
check "rmmod of it" rmmod goknown
check "goallocctl: it holds nothing" nothing_since /tmp/before
check "goallocctl: what was allocated is known" known_allocated /tmp/before
check "goallocctl: what comes in 5 seconds" known_meanwhile
check "rmmod of it" rmmod goknown
for value in x -1 1KB 0x10 2T 1.5; do
	check "profile_rate=$value is refused" refuses profile_rate $value
done
for value in x 0 15 65537 1K; do
	check "profile_stacks=$value is refused" refuses profile_stacks $value
done
# Neither the scheduler's bounds for real-time tasks nor its server for the others
# takes the CPU from one; then writing a rate ends while it runs, and is heard.
no_bounds() {
	echo -1 >/proc/sys/kernel/sched_rt_runtime_us || return
	for server in /sys/kernel/debug/sched/fair_server/cpu*/runtime; do
		[ ! -e "$server" ] || echo 0 >"$server" || return
	done
}

rate_despite_task() {
	local hog writer
	no_bounds || return
	./rt_hog 1 60 &
	hog=$!
	sleep 2
	echo 128K >"$param/profile_rate" &
	writer=$!
	within 20 ended "$writer"
	ended "$writer" || { kill "$hog"; return 1; }
	running "$hog" && kill "$hog" && [ "$(cat "$param/profile_rate")" = 131072 ]
}
ended() { ! running "$1"; }

check "another rate, though a real-time task has a CPU" rate_despite_task
check "another rate" eval "echo 64K >$param/profile_rate"
check "the profile begins anew" \
	grep -qxF 'heap profile: 0: 0 [0: 0] @ heap/131072' "$debugfs/heap"
check "5 objects are of the older one" \
	grep -q '; 5 objects of older profiles are live; 0 stacks made room$' "$debugfs/heap"
check "verify" verify_ok
echo 16K >$param/profile_rate
check "a client of known amounts, some sampled" insmod goknown.ko small=10000 pace=20
check "goallocctl: an estimate of them" profile -o /tmp/estimate.pb.gz --flame /tmp/estimate.svg --text
cat /tmp/said
dump_binary /tmp/estimate.pb.gz
check "verify" verify_ok
check "rmmod of it" rmmod goknown
check "replay" load_and_unload goreplay trace=/goalloc/net.gotrace allocator=goalloc
check "verify" verify_ok
check "no profile" eval "echo 0 >$param/profile_rate"
check "it says so" grep -qxF '# no profile: profile_rate is 0' "$debugfs/heap"
check "and so does goallocctl" say_nothing "profile_rate is 0"
check "BuckHashSys is 0" [ "$(memstat BuckHashSys)" = 0 ]
check "rmmod" rmmod goalloc
check "profile_rate= with check=0 is refused" \
	refused insmod goalloc.ko check=0 profile_rate=1
check "check=0 alone is not" insmod goalloc.ko check=0
check "profile_rate is 0 then" [ "$(cat $param/profile_rate)" = 0 ]
check "and stays so" refuses profile_rate 1
check "heap says why" grep -qxF '# no profile: it needs check=1' "$debugfs/heap"
check "and so does goallocctl" say_nothing "it needs check=1"
check "rmmod" rmmod goalloc
exit 0
