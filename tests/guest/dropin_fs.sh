#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# A file system and the disk under it, both built with <linux/goalloc_dropin.h>:
# XFS on null_blk.  Files are unpacked, compared by checksum before and after
# the file system was away, and removed, and the disk is sound.
#
# Without goalloc.ko the modules are the kernel's own build of the same, and the
# figures are what to compare with.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

disk=/dev/nullb0

# dynamic PROGRAM ARGUMENT...: its libraries are in /goalloc, too.
dynamic() {
	local program=/goalloc/$1
	shift
	LD_LIBRARY_PATH=/goalloc /goalloc/ld-linux-x86-64.so.2 "$program" "$@"
}

crossed() { [ -n "$(crossings)" ]; }
said() { dmesg | grep -q "$@"; }

mounted() { mount -t xfs "$disk" /tmp/fs; }
unpack() { tar -C /tmp/fs -xf /goalloc/files.tar; }
intact() { (cd /tmp/fs && sha256sum -c -s /goalloc/files.sums); }

link_all() {
	mkdir /tmp/fs/links || return
	find /tmp/fs/files -type f | while read -r file; do
		ln -s "$file" "/tmp/fs/links/$(echo "$file" | tr / _)" || return
	done
}

# A symbolic link's target is an object that the kernel frees.
follow_all() {
	local link
	for link in /tmp/fs/links/*; do
		[ -f "$link" ] && [ -n "$(readlink "$link")" ] || return
	done
}

# Copies, renames and removals, at the end of which nothing has changed.
stir() {
	cp -r /tmp/fs/files /tmp/fs/copy &&
		mv /tmp/fs/copy /tmp/fs/moved &&
		diff -r /tmp/fs/files /tmp/fs/moved &&
		rm -r /tmp/fs/moved
}

# figures WHEN: KiB of the kernel's slabs and of goalloc, and time in the kernel.
figures() {
	local heap=0 system
	[ ! -e $debugfs/memstats ] || heap=$(($(memstat HeapSys) >> 10))
	read -r _ _ _ system _ </proc/stat
	echo "figure $1 slabs $(meminfo Slab) heap $heap ticks $system"
}

insmod libcrc32c.ko
insmod configfs.ko
if [ -e goalloc.ko ]; then
	check "insmod" insmod goalloc.ko
	check "insmod goalloc_guard" insmod goalloc_guard.ko
fi
figures begin
check "null_blk" insmod null_blk.ko nr_devices=1 memory_backed=1 gb=1
check "xfs" insmod xfs.ko
check "mkfs" dynamic mkfs.xfs -q $disk
mkdir /tmp/fs
check "mount" mounted
check "unpack" unpack
check "checksums" intact
check "symbolic links" link_all
check "they lead to files" follow_all
figures full
[ ! -e $debugfs ] || cat $debugfs/dropin
check "copy, rename, compare, remove" stir
check "umount" umount /tmp/fs
check "mount again" mounted
check "checksums after that" intact
check "links after that" follow_all
[ ! -e $debugfs ] || check "verify while it is mounted" verify_ok
check "remove all" rm -r /tmp/fs/files /tmp/fs/links
check "umount again" umount /tmp/fs
check "xfs_repair finds nothing" dynamic xfs_repair -n $disk
figures end
check "rmmod xfs" rmmod xfs
check "rmmod null_blk" rmmod null_blk
if [ -e $debugfs ]; then
	cat $debugfs/dropin
	cat $debugfs/crossings
	check "mallocs = frees" within 5 all_freed
	check "no misuse" no_misuse
	check "verify" verify_ok
	check "the kernel has freed some of it" crossed
	check "nothing was said to be left" refused said "left [0-9]* objects"
	check "rmmod goalloc_guard" rmmod goalloc_guard
	check "rmmod" rmmod goalloc
fi
plan
exit 0
