#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# The tests that need no KUnit, so that they run on a distribution's kernel too.
# The device's test programs print TAP themselves; the other steps are tests of
# this script's own TAP document.  goalloc_reads=N on the kernel's command line
# is how often dev_debugfs reads under load.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

readable() { cat "$debugfs/$1" >/dev/null; }
# What tracefs has of a run is what MemStats has counted.
tracing=/sys/kernel/tracing
events() { grep -c " $1: " /tmp/trace; }
moved() { echo $(($(memstat "$1") - $2)); }
traced_run() {
	local mallocs frees
	[ -d /sys/kernel/tracing ] || return 0
	mount -t tracefs tracefs "$tracing" 2>/dev/null
	[ -d "$tracing/events/goalloc" ] || { [ ! -e "$tracing/trace" ]; return; }
	echo 8192 >"$tracing"/buffer_size_kb
	mallocs=$(memstat Mallocs) frees=$(memstat Frees)
	echo 1 >"$tracing"/events/goalloc/malloc/enable &&
		echo 1 >"$tracing"/events/goalloc/free/enable &&
		./goallocctl run sizes=16-4K+100000 count=3000 live=50 \
			>/dev/null || return
	cat "$tracing/trace" >/tmp/trace
	echo 0 >"$tracing"/events/goalloc/enable
	echo >"$tracing"/trace
	# An event and a count for each, on all CPUs, and no event overwritten.
	echo "guest: $(events malloc) events of $(moved Mallocs "$mallocs") allocations"
	[ "$(events malloc)" -gt 1000 ] &&
		[ "$(events malloc)" = "$(moved Mallocs "$mallocs")" ] &&
		[ "$(events free)" = "$(moved Frees "$frees")" ] &&
		grep -q 'malloc: call_site=.*\[goalloc\] ptr=.* bytes_req=100000 bytes_alloc=106496 gfp_flags=GFP_KERNEL|__GFP_NOWARN|__GFP_NORETRY node=-1 accounted=false' /tmp/trace
}
# Once switched off the two are silent; others can be on alone.
traced_span_only() {
	[ -d "$tracing/events/goalloc" ] || return 0
	echo 1 >"$tracing"/events/goalloc/span_carve/enable &&
		./goallocctl alloc 10000 count=500 >/dev/null || return
	cat "$tracing/trace" >/tmp/trace
	echo 0 >"$tracing"/events/goalloc/enable
	[ "$(events span_carve)" -gt 10 ] && [ "$(events malloc)" = 0 ] &&
		grep -q 'elemsize=10240 nelems=4 noscan=0' /tmp/trace
}
# A line for each allocation and free, or a number of those that are dropped.
allocfree=/sys/module/goalloc/parameters/allocfreetrace
set_allocfree() { echo "$1" >"$allocfree"; }
there_is_tracing() { [ -d /sys/kernel/tracing ]; }
allocfree_refuses() {
	local value
	for value in module= module=a-b size= size=0 size=1-x size=9-3 size=-1 all \
		"size=1,module=a" module="$(seq 100 | tr -d '\n')" "$(echo off; echo off)"
	do
		refused set_allocfree "$value" || { echo "took $value"; return 1; }
		[ "$(cat "$allocfree")" = off ] || return 1
	done
}
# The log, from a mark on.
mark_log() { echo "guest: mark $1" >/dev/kmsg; }
since_mark() { dmesg | sed -n "/guest: mark $1/,\$p"; }
allocfree_module() {
	there_is_tracing || return 0
	mark_log module
	set_allocfree module=goclient && [ "$(cat "$allocfree")" = module=goclient ] &&
		./goallocctl alloc 64 count=5 >/dev/null &&
		load_and_unload goclient && sleep 1 && set_allocfree off || return
	since_mark module >/tmp/log
	grep -qE 'goalloc: malloc 576 bytes at .*: round_play\+.* \[goclient\] < use_task\+.* < do_one_initcall\+' /tmp/log &&
		grep -qE 'goalloc: free [0-9]+ bytes at .* \[goclient\]' /tmp/log &&
		! grep -E 'goalloc: (malloc|free) [0-9]+ bytes' /tmp/log |
			grep -v goclient
}
allocfree_counts() {
	local before lines lost
	there_is_tracing || return 0
	mark_log counts
	before=$(($(memstat Mallocs) + $(memstat Frees)))
	set_allocfree size=1-4M &&
		./goallocctl run sizes=16-4K+100000 count=2000 live=50 >/dev/null &&
		sleep 1 && set_allocfree off || return
	before=$(($(memstat Mallocs) + $(memstat Frees) - before))
	lines=$(since_mark counts | grep -cE 'goalloc: (malloc|free) [0-9]+ bytes')
	lost=$(since_mark counts |
		sed -n 's/.*allocfreetrace: \([0-9]*\) lines dropped/\1/p' |
		awk '{ n += $1 } END { print n + 0 }')
	echo "guest: allocfreetrace: $lines lines, $lost dropped, of $before"
	[ "$lines" -ge 64 ] && [ "$lost" -gt 0 ] && [ $((lines + lost)) = "$before" ]
}
mode_0600() { [ "$(stat -c %a /dev/goalloc)" = 600 ]; }

# rmmod fails while the device is open.
rmmod_while_open() {
	exec 4</dev/goalloc
	refused rmmod goalloc
	local status=$?
	exec 4<&-
	return "$status"
}

# CPU 1 goes down and up while a replay runs.  Objects that an offline CPU had
# cached must not be lost.
hotplug() {
	[ -e "$cpu1" ] || return 0
	insmod goreplay.ko trace=/goalloc/fs.gotrace \
		"events=${goalloc_events:-0}" &
	cycle_cpu1 running $! && wait $! && rmmod goreplay
}

# At rmmod goalloc lists by class what an unloaded client has leaked, and keeps
# only the pages of those objects.
leak_and_go() {
	insmod goforget.ko && rmmod goforget || return 1
	[ "$(memstat HeapObjects)" = 5 ] || return 1
	rmmod goalloc &&
		says "leaked: 3 objects of 64 bytes" &&
		says "leaked: 1 objects of 1024 bytes, noscan" &&
		says "leaked: 1 large objects, 106496 bytes" &&
		says "5 objects leaked"
}

# holds NAME OBJECTS BYTES [STATE]: what owners says of a module.
holds() {
	grep -qE "^$1 +$2 +$3 +[0-9]+ +[0-9]+ ${4:-}" "$debugfs/owners" ||
		{ grep "^$1 " "$debugfs/owners"; return 1; }
}

leaks_is() {
	echo "$1" >/sys/module/goalloc/parameters/leaks &&
		[ "$(cat /sys/module/goalloc/parameters/leaks)" = "$1" ]
}

# Two clients with parameters of their own, whose files share a number each.
two_owners() {
	insmod goowner_a.ko && insmod goowner_b.ko rounds=3 || return 1
	holds goowner_a 23 108783 loaded &&
		holds goowner_b 69 326349 loaded &&
		holds unknown 0 0 &&
		grep -qE '^goowner_b +6 +64 +30 +1920$' \
			"$debugfs/owners_classes" &&
		grep -qE '^goowner_b +0 +0 +3 +319488$' \
			"$debugfs/owners_classes" || return 1
	refused grep -q . /sys/module/goowner_a/parameters/*goalloc* &&
		[ "$(find /sys/module/goowner_a/parameters -type f |
			wc -l)" = 2 ] || return 1
	rmmod goowner_a && refused grep -q ^goowner_a "$debugfs/owners" &&
		holds goowner_b 69 326349 loaded && rmmod goowner_b &&
		! says "goowner_[ab] left"
}

# on_cpu1 COMMAND...: busybox's.
on_cpu1() { taskset 2 /bin/busybox "$@"; }

# CPU 1 goes with objects of the one in its stacks that the other has freed there.
# What is cached is nobody's; what each has is still its own, and the other way round
# when the CPU has come back.
owners_hotplug() {
	[ -e "$cpu1" ] || return 0
	on_cpu1 insmod goowner_a.ko && on_cpu1 insmod goowner_b.ko rounds=8 &&
		on_cpu1 rmmod goowner_b || return 1
	echo 0 >"$cpu1" || return 1
	holds goowner_a 23 108783 loaded && holds unknown 0 0 &&
		refused grep -q ^goowner_b "$debugfs/owners" &&
		insmod goowner_b.ko rounds=8 &&
		holds goowner_b 184 870264 loaded && rmmod goowner_a &&
		holds goowner_b 184 870264 loaded || return 1
	echo 1 >"$cpu1" || return 1
	on_cpu1 insmod goowner_a.ko && on_cpu1 rmmod goowner_b &&
		holds goowner_a 23 108783 loaded && holds unknown 0 0 &&
		rmmod goowner_a && ! says "goowner_[ab] left"
}

nobody_sets_it() {
	insmod goowner_a.ko goalloc=__goalloc_owner=200 \
		__goalloc_owner=200 || return 1
	holds goowner_a 23 108783 loaded && rmmod goowner_a
}

# Clients of an older header: theirs if that is certain, else nobody's.
old_clients() {
	insmod goold.ko || return 1
	holds goold 12 554 loaded && holds unknown 0 0 &&
		insmod goold_user.ko || return 1
	holds goold 12 554 && if [ "$(uname -m)" = x86_64 ] &&
		[ ! -e /proc/sysemu ]
	then
		holds goold_user 4 448 && holds unknown 2 416
	else
		holds goold_user 0 0 && holds unknown 6 864
	fi || return 1
	rmmod goold_user && rmmod goold && holds unknown 0 0
}

verdict() {
	local left
	insmod goowner_a.ko leave=3 && rmmod goowner_a || return 1
	says 'goowner_a left 3 objects, 192 bytes: 3 of 64$' &&
		holds goowner_a 3 192 gone &&
		[ "$(memstat LeftObjects)" = 3 ] &&
		[ "$(memstat LeftBytes)" = 192 ] || return 1
	# Loaded again it is not blamed for that.
	insmod goowner_a.ko && holds goowner_a 23 108783 loaded &&
		holds goowner_a 3 192 gone && rmmod goowner_a &&
		[ "$(memstat LeftObjects)" = 3 ] || return 1
	# Callers, where debug=U knows them.
	echo U,64 >/sys/module/goalloc/parameters/debug
	insmod goowner_b.ko leave=2 && rmmod goowner_b
	echo >/sys/module/goalloc/parameters/debug
	left=$(dmesg | grep -c 'goowner_b left 2 objects, 128 bytes: 2 of 64 by get_round+0x.* \[goowner_b\]$')
	[ "$left" = 1 ]
}

verdict_off() {
	leaks_is off && insmod goowner_b.ko leave=5 && rmmod goowner_b &&
		! says 'goowner_b left 5' && [ "$(memstat LeftObjects)" = 10 ] &&
		leaks_is warn && refused leaks_is loud && refused leaks_is ''
}

# Without the module the tools exit with status 3 and a hint.
hints() {
	"$@" >/tmp/said 2>&1
	[ $? = 3 ] && grep -q 'is the module loaded' /tmp/said
}

pattern_is_there() { ./goallocctl alloc 5000 , fill $ 7 , verify $ 7; }
pattern_is_another() { refused ./goallocctl alloc 5000 , fill $ 7 , verify $ 8; }

# goalloctop shows the objects that another process, goallocctl, holds.
ctl_and_top() {
	echo "alloc 3000 count=1000
hold 100" | ./goallocctl - >/dev/null &
	local holder=$! status=1 tries=20
	while [ "$tries" -gt 0 ] && [ "$status" != 0 ]; do
		sleep 1
		./goalloctop -o | grep -qE '^ +41 +3072 +yes +[0-9]+ +1000 '
		status=$?
		tries=$((tries - 1))
	done
	./goalloctop -o | grep -E '^(Sys|inuse) '
	kill "$holder"
	wait "$holder" 2>/dev/null
	return "$status"
}

# senseless COMMAND...: the command is refused with status 2.
senseless() {
	"$@" >/tmp/said 2>&1
	[ $? = 2 ] || { echo "$* said:"; cat /tmp/said; return 1; }
}

# site BYTES OBJECTS FUNCTION [END]: what sites says of a place of gosites.
site() {
	grep -qE "^ +$1 +$2 gosites.c:[0-9]+ \[gosites\] func:$3${4:-}$" \
		"$debugfs/sites" || { cat "$debugfs/sites"; return 1; }
}

# Each place of a client with what it holds, the most bytes first; what is left
# when the client goes keeps its name.
counted_sites() {
	insmod gosites.ko && holds gosites 19 119439 loaded || return 1
	site 106496 1 get_others && site 12288 3 get_others &&
		site 640 10 get_small && site 15 5 get_others &&
		sed 1,2d "$debugfs/sites" | sort -rnc -k1,1 &&
		[ "$(head -n 1 "$debugfs/sites")" = '# goalloc-sites v1' ] &&
		./goallocctl sites | sed -n 2p |
			grep -qE '^ +106496 +1 gosites.c:[0-9]+ \[gosites\] func:get_others$' &&
		./goallocctl -j sites |
			grep -qE '^\[\{"bytes":106496,"objects":1,"file":"gosites.c","line":[0-9]+,"module":"gosites","function":"get_others","gone":false\},.*\]$' ||
			return 1
	rmmod gosites && refused grep -q gosites "$debugfs/sites" &&
		! says 'gosites left'
}

left_sites() {
	insmod gosites.ko leave=2 && rmmod gosites || return 1
	says 'gosites left 2 objects, 128 bytes: 2 of 64 at gosites.c:[0-9]* \[gosites\] func:get_small$' &&
		site 128 2 get_small ' gone' && holds gosites 2 128 gone &&
		./goallocctl -j sites |
			grep -q '"bytes":128,"objects":2,.*"gone":true' || return 1
	# Loaded again it begins anew.
	insmod gosites.ko && site 640 10 get_small && site 128 2 get_small ' gone' &&
		rmmod gosites && senseless ./goallocctl sites all
}

sites_cost() {
	insmod gosites.ko bench=1 && rmmod gosites &&
		dmesg | grep 'gosites: .* a pair'
}

inittrace_is() {
	echo "$1" >/sys/module/goalloc/parameters/inittrace &&
		[ "$(cat /sys/module/goalloc/parameters/inittrace)" = "$1" ]
}

# What a module allocates in its init, one of an older header too; and nothing of
# one that was refused, or once it is off.
traced_init() {
	local line='@[0-9]+\.[0-9] ms, [0-9]+\.[0-9]{2} ms clock'
	for bad in 2 -1 on ""; do
		refused inittrace_is "$bad" 2>/dev/null || return 1
	done
	mark_log inits
	inittrace_is 1 && insmod goowner_b.ko rounds=2 && rmmod goowner_b &&
		insmod gosites.ko && rmmod gosites && insmod goold.ko &&
		rmmod goold && refused insmod gosites.ko leave=11 2>/dev/null &&
		inittrace_is 0 && insmod goowner_a.ko && rmmod goowner_a || return 1
	since_mark inits | grep ': init '
	since_mark inits |
		grep -qE "goalloc: init goowner_b $line, 217566 bytes, 46 allocs$" &&
		since_mark inits |
		grep -qE "goalloc: init gosites $line, 119439 bytes, 19 allocs$" &&
		since_mark inits | grep -qE "goalloc: init goold $line, " &&
		[ "$(since_mark inits | grep -c ': init ')" = 3 ]
}

tools_show_owners() {
	insmod goowner_b.ko rounds=2 &&
		./goallocctl owners | sed -n 2p |
			grep -qE '^goowner_b +46 +217566 +46 +217566 loaded$' &&
		./goallocctl owners classes |
			grep -qE '^goowner_b +6 +64 +20 +1280$' &&
		./goallocctl -j owners | grep -qE '^\[\{"owner":"goowner_b","objects":46,"bytes":217566,"peak-objects":46,"peak-bytes":217566,"state":"loaded"\},.*\]$' &&
		./goallocctl -j owners classes |
			grep -q '{"owner":"goowner_b","class":6,"size":64,"objects":20,"bytes":1280}' &&
		./goalloctop -o -O | grep -qE '^goowner_b +46 +212K +212K +[0-9.]+% loaded$' &&
		rmmod goowner_b && senseless ./goallocctl owners all
}

ctl_refuses() {
	senseless ./goallocctl zork &&
		senseless ./goallocctl alloc &&
		senseless ./goallocctl alloc 64 zreo &&
		senseless ./goallocctl alloc 64 node=4294967296 &&
		senseless ./goallocctl alloc 64 node=-1 &&
		senseless ./goallocctl alloc 16777216T &&
		senseless ./goallocctl alloc 18446744073709551616 &&
		senseless ./goallocctl stat 1x &&
		senseless ./goallocctl run live=4294967297 count=1 &&
		senseless ./goallocctl run sizes=4294967360 count=1 &&
		senseless ./goallocctl run remote=4294967296 count=1 &&
		senseless ./goallocctl run ms=18446744073710 &&
		senseless ./goallocctl memstats , info now &&
		! grep -q HeapSys /tmp/said
}

# told TEXT ARGUMENT...: goallocctl fails and says why.
told() {
	local text=$1
	shift
	if ./goallocctl "$@" >/tmp/said 2>&1 || ! grep -qF "$text" /tmp/said
	then
		echo "$* said:"
		cat /tmp/said
		return 1
	fi
}

ctl_tells_why() {
	told 'stands alone' alloc 100, stat &&
		told 'count=3: given twice' alloc 64 count=2 count=3 &&
		told 'zero: given twice' alloc 64 zero zero &&
		told 'in decimal' alloc 0x10 &&
		told 'larger than 4194304' alloc 5M &&
		told 'larger than 4194304' alloc 64 , realloc \$ 5M &&
		told 'does not go with noscan' alloc 64 noscan node=0 &&
		told 'no memory' alloc 64 node=1000 &&
		told 'no object has' free 5 &&
		told 'live=0: not 1 to 65536' run live=0 &&
		told 'realloc=101: not 0 to 100' run realloc=101 &&
		told 'remote=101: not 0 to 100' run remote=101 &&
		told '0: not 1 to 4194304' run sizes=64+0 &&
		told '512: ' run sizes=512-16 &&
		told 'none is given' run sizes= &&
		told 'not 1 to 65535' run sizes=64:0 &&
		told 'cpus=0-: no list' run cpus=0- &&
		told 'not online' run cpus=1000 count=1 &&
		[ "$(./goallocctl alloc 010 | grep ^size)" = 'size: 10' ] &&
		[ "$(./goallocctl alloc 0 | grep ^node)" = 'node: none' ] &&
		./goallocctl --version | grep -q '^goallocctl [0-9]' &&
		./goallocctl --help | grep -q free-os-memory
}

# with_limit NAME VALUE COMMAND...: the command runs under that limit.
with_limit() {
	local file=/sys/module/goalloc/parameters/$1 old status
	old=$(cat "$file")
	echo "$2" >"$file"
	shift 2
	"$@"
	status=$?
	echo "$old" >"$file"
	return "$status"
}

ctl_tells_limit() {
	with_limit dev_max_objects 1 told dev_max_objects=1 \
		alloc 64 , alloc 64 &&
		with_limit dev_max_bytes 1000 told dev_max_bytes=1000 \
			alloc 9000 &&
		with_limit dev_max_total 1000 told dev_max_total=1000 \
			alloc 9000 &&
		with_limit dev_max_objects 10 told dev_max_objects=10 \
			run live=100 count=100
}

# Who may only read can read commands, too.
ctl_only_reads() {
	local status
	mkdir -p /etc &&
		printf '%s\n' root:x:0:0::/:/bin/sh u:x:1000:1000::/:/bin/sh \
			>/etc/passwd &&
		chmod 644 /dev/goalloc &&
		echo info | su u -c './goallocctl -' | grep -q '^version: ' &&
		echo alloc 64 | su u -c './goallocctl -' 2>&1 |
			grep -q 'may only read'
	status=$?
	chmod 600 /dev/goalloc
	return "$status"
}

# The bytes in use are the sum of what they are said to be.  The background may
# move some between two readings, so there are more of them.
ledger_is_true() {
	./goalloctop -b -n 20 -d 0.1 >/tmp/said
	grep -q '^inuse .* - idle spans [0-9].* moving 0B$' /tmp/said ||
		{ cat /tmp/said; return 1; }
}

top_ends_when_full() {
	timeout 20 ./goalloctop -b -d 0.1 >/dev/full 2>/tmp/said
	[ $? = 1 ] && grep -q 'No space left' /tmp/said
}

top_refuses() {
	local delay
	for delay in nan inf -1 0 1e99 3s ""; do
		senseless ./goalloctop -o -d "$delay" || return
	done
	senseless ./goalloctop -b -n 0 && senseless ./goalloctop -o -s y
}

# Neither a terminal that ncurses knows nor one at all.
top_without_terminal() {
	! TERM=goalloc ./goalloctop </dev/null >/tmp/said 2>&1 &&
		grep -q 'try -b or -o' /tmp/said
}

# goallocctl reads a line of 100 commands, and one of 100 handles.
long_lines() {
	{
		seq 100 | sed 's/.*/alloc & ,/' | tr '\n' ' '
		echo
		echo free "$(seq 100 | tr '\n' ' ')"
	} | ./goallocctl - >/tmp/said && [ "$(grep -c ^handle: /tmp/said)" = 100 ]
}

on_node() {
	./goallocctl alloc 64 count=3000 node=0 , stat | grep -q '^node: 0$' &&
		refused ./goallocctl alloc 64 count=2 node=1000
}

heap_is_sound() {
	[ "$(./goallocctl alloc 64 , fill , verify \$ | tail -n 1)" = ok ] &&
		./goallocctl -j alloc 64 , fill , verify '$' |
			grep -qx '{"ok":1,"good":64}' &&
		./goallocctl -j verify | grep -qx '{"says":\["ok[^"]*"\],"ok":1}'
}

members() {
	./goallocctl -j memstats |
		grep -qE '^\{"Alloc":[0-9]+,.*"BySize":\[\{"Size":0,.*\]\}$'
}

workload() {
	./goallocctl run sizes=16-1K:3+4K ms=300 order=lifo remote=10 |
		grep -q '^status: time$'
}

check "goallocctl without the module" hints ./goallocctl info
check "goalloctop without the module" hints ./goalloctop -o
check "insmod" insmod goalloc.ko
check "verify after insmod" verify_ok
for file in memstats metrics sizeclasses pageheap heapmap spans clients mcaches
do
	check "debugfs $file" readable $file
done
check "a trace has each object of a run" traced_run
check "a trace of another kind has none" traced_span_only
check "allocfreetrace refuses what makes no sense" allocfree_refuses
check "allocfreetrace tells of a module" allocfree_module
check "allocfreetrace tells or drops, and counts" allocfree_counts
check "/dev/goalloc is for root alone" mode_0600
check "rmmod is refused while the device is open" rmmod_while_open
check "client" load_and_unload goclient
check "verify after the client" verify_ok
check "two clients, each with its objects" two_owners
check "nobody sets a client's number" nobody_sets_it
check "clients of an older header" old_clients
check "call sites are counted" counted_sites
check "what a client gets in its init" traced_init
check "what counting costs" sites_cost
check "verify after these" verify_ok
check "raw spinlock and NMI" load_and_unload gocontext
check "verify after raw spinlock and NMI" verify_ok
check "CPUs go down and come back" hotplug
check "verify after CPU hotplug" verify_ok
check "a CPU goes with another's objects in its stacks" owners_hotplug
check "verify after that" verify_ok
for trace in fs net; do
	check "replay of $trace" load_and_unload goreplay \
		"trace=/goalloc/$trace.gotrace" "copies=${goalloc_copies:-1}" \
		"events=${goalloc_events:-0}"
	check "verify after the replay of $trace" verify_ok
done
check "round trip" ./dev_roundtrip
check "goallocctl info" ./goallocctl info
check "goallocctl memstats as JSON" members
check "goallocctl fill and verify" pattern_is_there
check "goallocctl verify of another pattern" pattern_is_another
check "goallocctl run" workload
check "goallocctl refuses what makes no sense" ctl_refuses
check "goallocctl tells why" ctl_tells_why
check "goallocctl and goalloctop show owners" tools_show_owners
check "goallocctl tells which limit" ctl_tells_limit
check "goallocctl for who may only read" ctl_only_reads
check "goallocctl reads lines of any length" long_lines
check "goallocctl alloc with node and count" on_node
check "goallocctl verify, as text and JSON" heap_is_sound
check "goalloctop refuses what makes no sense" top_refuses
check "goalloctop without a terminal" top_without_terminal
check "goalloctop shows what goallocctl holds" ctl_and_top
check "goalloctop's ledger is true at rest" ledger_is_true
check "goalloctop ends when it cannot write" top_ends_when_full

# The programs below count objects exactly.  The scavenger would free the tiny
# block that a CPU holds, so it is switched off.
echo 0 >/sys/module/goalloc/parameters/scavenge_window_ms
export GOALLOC_READS="${goalloc_reads:-2000}"
# dev_fault skips its tests if the kernel has no fault injection.
for program in dev_test dev_calls dev_mmap dev_run dev_debugfs dev_fault; do
	./$program >/tmp/tap.$program 2>&1
	check "verify after $program" verify_ok
done
# The same as 32-bit programs, if the kernel runs them.
if ./dev_run32 -h 2>&1 | grep -q '^Usage'; then
	for program in dev_test32 dev_calls32 dev_mmap32 dev_run32; do
		./$program >/tmp/tap.$program 2>&1
		check "verify after $program" verify_ok
	done
else
	skip "32-bit programs" "this kernel does not run them"
fi
# A short run; the device-* cells make many more calls.
./dev_fuzz 5000 >/tmp/tap.fuzz 2>&1
check "verify after dev_fuzz" verify_ok

# Memory of a node that had none: first such as only movable pages may have.
node1=/sys/devices/system/node/node1
has_heap() { grep -q '^node 1: ' "$debugfs/pageheap"; }
not_on_node1() { refused ./goallocctl alloc 64 node=1; }
on_node1() {
	./goallocctl alloc 64 count=3000 node=1 , stat | grep -q '^node: 1$' &&
		taskset 8 ./goallocctl alloc 1000 count=3000 , stat |
			grep -q '^node: 1$'
}
reserve_is_full() {
	[ "$(sed -n 's/^node 1: .*, \([0-9]*\) free,.*/\1/p' \
		"$debugfs/pageheap")" -ge 524288 ]
}
set -- $node1/memory[0-9]*
if [ $# = 2 ] && ! has_heap; then
	check "memory comes that is movable" eval \
		"echo online_movable >$1/state"
	check "that is none of ours" refused has_heap
	check "none on that node" not_on_node1
	check "verify after that" verify_ok
	check "memory comes to a node" eval "echo online_kernel >$2/state"
	check "the node has a heap" has_heap
	check "its reserve gets filled" within 10 reserve_is_full
	check "objects on that node" on_node1
	check "verify after memory has come" verify_ok
else
	skip "memory that comes" "there is none"
fi
check "rmmod" rmmod goalloc
check "insmod with check=0" insmod goalloc.ko check=0
check "client with check=0" load_and_unload goclient
check "no sites with check=0" grep -q 'sites need check=1' "$debugfs/sites"
check "no owners with check=0" grep -q 'owners need check=1' "$debugfs/owners"
check "verify with check=0" verify_ok
check "raw spinlock and NMI with check=0" load_and_unload gocontext
check "rmmod, again" rmmod goalloc
check "insmod once more" insmod goalloc.ko
check "a verdict on a client that leaves objects" verdict
check "no verdict with leaks=off" verdict_off
check "sites outlive their client" left_sites
check "verify after verdicts" verify_ok
check "rmmod after verdicts" rmmod goalloc
check "insmod for a leak" insmod goalloc.ko
check "rmmod with objects leaked" leak_and_go
check "insmod after a leak" insmod goalloc.ko
check "verify after a leak" verify_ok
check "rmmod after a leak" rmmod goalloc
plan

for tap in /tmp/tap.*; do
	cat "$tap"
	cat "$tap" >&3
done
exit 0
