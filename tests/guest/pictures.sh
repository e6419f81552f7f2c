#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# For scripts/pictures: fill the heap, run a random workload, and write to fd 3
# what debugfs and goalloctop show meanwhile.  Then take a profile of recorded
# traffic that is played beside two users of the device, and write its picture as
# lines "flame: LINE".

cd /goalloc || exit
insmod goalloc.ko dev_max_total=0 || exit

dump() { (cd /sys/kernel/debug/goalloc && cat "$@") >&3; }

# Objects of eight sizes, about 4 MB of each, held until the script ends.
fill() {
	for size in 64 520 1000 2000 5000 9000 30000 100000; do
		echo "alloc $size count=$((4000000 / size)) noscan"
	done
	echo "hold 3600"
}

fill | ./goallocctl - >/dev/null &
holder=$!
sleep 2
dump memstats
# A random workload leaves half of its slots empty at any time.
./goallocctl run ms=6000 live=2000 remote=10 untimed \
	sizes=16-1024:20+1025-32768:3+40000-300000:1 >/dev/null &
run=$!
./goalloctop -b -n 2 -d 2 >/tmp/top &
top=$!
for _ in 1 2 3 4 5; do
	sleep 1
	dump heapmap sizeclasses memstats
done
wait $top $run
dump memstats
kill $holder
wait $holder 2>/dev/null
dump memstats
rmmod goalloc

# holds OWNER MB: wait until a module holds so much, half a minute at most.
holds() {
	tries=300
	until awk -v "who=$1" -v "mb=$2" '
		$1 == who && $3 >= mb * 1e6 { found = 1 } END { exit !found }' \
		/sys/kernel/debug/goalloc/owners; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return
		sleep 0.1
	done
}

insmod goalloc.ko dev_max_total=0 || exit
fill | ./goallocctl - >/dev/null &
holder=$!
holds dev 30 || exit
./goallocctl run ms=30000 live=8000 untimed sizes=16-1024:20+1025-32768:3 \
	>/dev/null &
run=$!
insmod goreplay.ko trace=/goalloc/net.gotrace copies=30 allocator=goalloc &
replay=$!
holds goreplay 20 || exit
./goallocctl profile --flame /tmp/flame.svg || exit
sed 's/^/flame: /' /tmp/flame.svg >&3
kill $holder $run
wait $holder $run 2>/dev/null
wait $replay

# The second page of goalloctop: the first has no rates yet.
echo "goalloctop:" >&3
sed '1,/^$/d' /tmp/top | sed -n '/^goalloctop/,$p' >&3
