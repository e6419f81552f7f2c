#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# For scripts/pictures: fill the heap, run a random workload, and write to fd 3
# what debugfs and goalloctop show meanwhile.

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
# The second page of goalloctop: the first has no rates yet.
echo "goalloctop:" >&3
sed '1,/^$/d' /tmp/top | sed '1,/^goalloctop/{/^goalloctop/!d}' >&3
rmmod goalloc
