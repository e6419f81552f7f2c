#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Load and unload, again and again, with each set of parameters that switches
# static keys on the way; an oops in any of these breaks the cell off.
# goalloc_loads=N on the kernel's command line is how often.

# shellcheck source=tests/guest/lib.sh
. ./lib.sh
begin

# load_and_unload_often N [PARAMETER...]
load_and_unload_often() {
	local left=$1
	shift
	while [ "$left" -gt 0 ]; do
		load_and_unload goalloc "$@" || return
		left=$((left - 1))
	done
}

each=$((${goalloc_loads:-500} / 5))
for param in check=1 check=0 debug=FZPU memory_limit=64MiB \
	scavenge_window_ms=100; do
	check "$each loads with $param" load_and_unload_often "$each" "$param"
done
plan
exit 0
