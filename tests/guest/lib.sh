# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# What the guest's scripts share: how they speak TAP, on fd 3, and how they ask
# whether the heap is sound.

debugfs=/sys/kernel/debug/goalloc
count=0

begin() { echo "TAP version 13" >&3; }
plan() { echo "1..$count" >&3; }

# check NAME COMMAND...: one test.
check() {
	local name=$1 not=
	shift
	count=$((count + 1))
	"$@" || not="not "
	echo "${not}ok $count $name"
	echo "${not}ok $count $name" >&3
}

skip() {
	count=$((count + 1))
	echo "ok $count $1 # SKIP $2" >&3
}

refused() { ! "$@" 2>/dev/null; }

in_and_out() {
	local module=$1
	shift
	insmod "$module.ko" "$@" && rmmod "$module"
}

# within SECONDS COMMAND...: does it come true so soon?
within() {
	local tries=$(($1 * 10))
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# The kernel keeps the counts of modules that are gone.
save_coverage() {
	local gcov=/sys/kernel/debug/gcov file
	[ -d $gcov ] || return 0
	find $gcov -name '*.gcda' | while read -r file; do
		cat "$file" >"/results/keep/${file##*/}" || return
	done
}

# While something moves, the sums cannot be compared: the worker may still be at
# it, for a moment.  What is broken is broken, though, at once.
verify_ok() {
	local answer tries=100
	while [ $tries -gt 0 ]; do
		answer=$(cat $debugfs/verify)
		case $answer in
		ok)	return 0 ;;
		"ok (in motion"*) ;;
		*)	break ;;
		esac
		tries=$((tries - 1))
	done
	echo "verify: $answer"
	return 1
}
