#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# goallocctl advise on a kernel that has never loaded goalloc: its own reading of
# tracefs, and what perf, trace-cmd and a shell write of the same events.  They are on
# the disk of tests/guest/tools.sh.  goadvise.ko makes the calls whose sums are known.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin
tracing=/sys/kernel/tracing

prepare_disk() {
	mount_disk /proc /sys /dev /tmp /goalloc &&
		mount -t tracefs tracefs "$tracing" &&
		mount -o bind "$tracing" "$root$tracing"
}

in_root() {
	chroot "$root" /bin/sh -c "export PATH=/usr/bin:/bin HOME=/tmp; $1" \
		>/tmp/tool 2>&1 || { tail -n 20 /tmp/tool; return 1; }
}

# watched COMMAND: have a tool trace while goadvise is loaded; @ stands for what the
# tool has to run for so long.
watched() {
	local run tool
	run='/bin/sh -c ": >/tmp/started; until [ -e /tmp/stop ]; do sleep 0.2; done"'
	rm -f /tmp/started /tmp/stop
	in_root "${1%%@*} $run" &
	tool=$!
	within 120 [ -e /tmp/started ] && insmod goadvise.ko
	: >/tmp/stop
	wait "$tool" && [ -d /sys/module/goadvise ]
}

advise() { ./goallocctl -j advise "$@" >/tmp/said || { cat /tmp/said; return 1; }; }
said() {
	grep -qE "$1" /tmp/said && return
	echo "guest: not there: $1"
	grep -o '"site":"[^"]*goadvise[^}]*}[^}]*}[^}]*}' /tmp/said
	sed 's/,"modules".*//' /tmp/said
	return 1
}

# sums FUNCTION OBJECTS REQUESTED KMALLOC GOALLOC: of all that it has allocated.
sums() {
	said "\"site\":\"$1\\+0x[0-9a-f/x]+\",\"module\":\"goadvise\",\"peak\":[^}]*},\"all\":\\{\"objects\":$2,\"requested\":$3,\"kmalloc\":$4,\"goalloc\":$5,\"saved\":$(($4 - $5))\\}"
}

# Of each of its functions, and of all of it; and that its objects are live at the peak.
known_sums() {
	said '"lost":0,' && sums goadvise_pass 200 6600 12800 9600 &&
		sums goadvise_small 1000 520000 1024000 576000 &&
		sums goadvise_charged 50 10000 12800 10400 &&
		sums goadvise_large 10 400000 655360 409600 &&
		said '"modules":.*"module":"goadvise","peak":\{"objects":106[01],"requested":9300[0-9]+,"kmalloc":16921[0-9]+,.*"all":\{"objects":1260,"requested":936600,"kmalloc":1704960,"goalloc":1005600,' &&
		said '"accounted-objects":[1-9]' && said '"caches":\{"objects":[1-9]'
}

# The 200 that were freed at once are known to have been.
short_lives() { said 'goadvise_pass[^}]*}[^}]*},"freed":200,"lived-ns":[1-9]'; }

is_on() { grep -q 1 "$tracing"/instances/*/events/kmem/kfree/enable 2>/dev/null; }

live() {
	./goallocctl -j advise -seconds 8 --svg /tmp/live.svg >/tmp/said &
	within 20 is_on &&
		sleep 1 && insmod goadvise.ko
	wait $! && known_sums && short_lives && said '"hashed":0'
}

nothing_stays() {
	[ -z "$(ls "$tracing/instances")" ] && [ "$(cat "$tracing/events/kmem/kmalloc/enable")" = 0 ]
}

picture() { grep -q '<svg' /tmp/live.svg && grep -q 'goadvise_small+0x.*\[goadvise\]' /tmp/live.svg; }

# A signal ends it, and it still says what it has seen and cleans up.
interrupted() {
	./goallocctl advise -seconds 600 >/tmp/said &
	within 20 is_on && sleep 2
	kill -INT $!
	wait $! && said '^live at the peak ' && nothing_stays
}

# With next to no buffer events are lost, and it says so.
losses() {
	./goallocctl advise -seconds 600 -buffer 4 >/tmp/said &
	within 20 is_on
	kill -STOP $!
	insmod goadvise.ko && rmmod goadvise
	kill -CONT $!
	sleep 1
	kill -INT $!
	wait $! && said '^\* [0-9]+ events were lost'
}

# events: print what has perf and trace-cmd record them.
events() {
	for event in kmem:kmalloc kmem:kfree kmem:kmem_cache_alloc; do
		printf ' -e %s' "$event"
	done
}

# known_file FILE: what a tool has written has all that is known.
known_file() {
	advise -kallsyms /proc/kallsyms "$1" && known_sums && short_lives &&
		said '"hashed":0'
}

perf_file() {
	watched "perf record -q -a -m 4096$(events) -o /tmp/perf.data @" &&
		in_root "perf script -i /tmp/perf.data --show-lost-events >/tmp/perf.txt" &&
		known_file /tmp/perf.txt
}

trace_cmd_file() {
	watched "trace-cmd record -q -b 8192$(events) -o /tmp/trace.dat @" &&
		in_root "trace-cmd report -i /tmp/trace.dat >/tmp/trace.txt" &&
		known_file /tmp/trace.txt
}

shell_file() {
	echo 16384 >"$tracing/buffer_size_kb"
	echo 0 >"$tracing/options/hash-ptr"
	for event in kmalloc kfree kmem_cache_alloc; do
		echo 1 >"$tracing/events/kmem/$event/enable"
	done
	insmod goadvise.ko
	echo 0 >"$tracing/tracing_on"
	cat "$tracing/trace" >/tmp/shell.txt
	echo 0 >"$tracing/events/kmem/enable"
	echo 1 >"$tracing/tracing_on"
	advise /tmp/shell.txt && known_sums && short_lives && said '"hashed":0'
}

# Addresses are hashed, or hidden while the kernel has no key yet; the sums are right.
hashed_file() {
	echo 1 >"$tracing/options/hash-ptr"
	cat "$tracing/trace" >/tmp/hashed.txt
	advise /tmp/hashed.txt && sums goadvise_pass 200 6600 12800 9600 &&
		sums goadvise_large 10 400000 655360 409600 &&
		said '"hidden":[1-9]|"hashed":1'
}

# A tool's own file is no text; the answer says which tool makes one of it.
refuses() {
	! ./goallocctl advise "$1" 2>/tmp/said && said "$2"
}

check "no goalloc" [ ! -e /sys/module/goalloc ]
check "the tools' disk" prepare_disk
check "tracefs: the sums are known" live
check "tracefs: nothing stays" nothing_stays
check "a picture" picture
check "rmmod" rmmod goadvise
check "a signal ends it" interrupted
check "what is lost is told of" losses
check "perf script" perf_file
check "rmmod" rmmod goadvise
check "perf's own file is refused" refuses /tmp/perf.data "perf script -i"
check "trace-cmd report" trace_cmd_file
check "rmmod" rmmod goadvise
check "trace-cmd's own file is refused" refuses /tmp/trace.dat "trace-cmd report -i"
check "the file trace" shell_file
check "the file trace, addresses hashed" hashed_file
check "rmmod" rmmod goadvise
check "still no goalloc" [ ! -e /sys/module/goalloc ]
plan
exit 0
