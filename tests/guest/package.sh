#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# What the packages do on a machine that boots: Debian's udev, kmod and systemd, and
# the modules that DKMS has built, on a disk that tests/host/package_test.sh has made.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

prepare_disk() {
	mount_disk /proc /sys /dev &&
		mount -t tmpfs tmpfs "$root/run" && mount -t tmpfs tmpfs "$root/tmp"
}

in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }

udev() {
	in_root /lib/systemd/systemd-udevd --daemon && in_root udevadm control --ping
}

load_at_boot() { in_root /lib/systemd/systemd-modules-load "$@"; }

not_loaded() { load_at_boot && [ ! -e /sys/module/goalloc ]; }

# As the administrator would uncomment it.
loaded() {
	sed 's/^#goalloc$/goalloc/' "$root/etc/modules-load.d/goalloc.conf" \
		>"$root/tmp/goalloc.conf" &&
		load_at_boot /tmp/goalloc.conf && [ -e /sys/module/goalloc ]
}

is_device() { [ "$(in_root stat -c '%a %G %F' /dev/goalloc)" = "$1" ]; }

# as GROUP COMMAND...: a user who is nobody, with a group.
as() {
	local group=$1
	shift
	in_root chroot --userspec=nobody --groups="$group" / "$@"
}

group_may_look() { as goalloc goallocctl info && as goalloc goallocctl memstats; }

group_may_not_allocate() {
	! as goalloc goallocctl alloc 100 && in_root goallocctl alloc 100
}

others_may_not_look() { ! as nogroup goallocctl info; }

# modprobe takes goalloc with it, and away again.
dependent() {
	in_root modprobe goclient && [ -e /sys/module/goalloc/holders/goclient ] &&
		dmesg | grep 'goclient: ' && in_root modprobe -r goclient
}

is_gone() { [ ! -e /sys/module/goalloc ] && [ ! -e /dev/goalloc ]; }

check "the packages' disk" prepare_disk
check "udev" udev
check "not loaded at boot" not_loaded
check "loaded at boot when asked for" loaded
check "udev has settled" in_root udevadm settle
check "the device's group and mode" within 10 is_device "640 goalloc character special file"
check "the group may look" group_may_look
check "the group may not allocate" group_may_not_allocate
check "others may not look" others_may_not_look
check "modprobe -r" in_root modprobe -r goalloc
check "module and device are gone" within 10 is_gone
check "modprobe of a dependent" dependent
check "they are gone, too" within 10 is_gone
plan
exit 0
