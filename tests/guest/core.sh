#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# A heap to read out of a core: clients that hold objects, one that has gone and
# left some, and objects that debug= suspects.  The host then dumps the memory.
# What debugfs says of the owners goes to the console, between two marks.
#
# goalloc_core=without on the kernel's command line: no goalloc; check=0: with that.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh

parameters=/sys/module/goalloc/parameters

insmod qemu_fw_cfg.ko || die "the kernel cannot tell where its notes are"
if [ "${goalloc_core:=}" != without ]; then
	insmod goalloc.ko ${goalloc_core:+"$goalloc_core"} || die "no goalloc"
	[ "$goalloc_core" ] || echo ZU,72 >$parameters/debug || die "no debug="
	# The last one, so that nobody takes what it has freed.
	if ! { insmod goowner_a.ko rounds=3 && insmod goowner_b.ko &&
		insmod goclient.ko && insmod goforget.ko && rmmod goforget &&
		insmod gocore.ko; }
	then
		die "no clients"
	fi
	for file in owners owners_classes; do
		echo "core: $file begins"
		cat "$debugfs/$file"
		echo "core: $file ends"
	done
fi

exec 5<>/dev/ttyS2
stty -F /dev/ttyS2 raw -echo
echo dump >&5
read -r answer <&5
[ "$answer" = dumped ] || die "no dump: $answer"
