# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the host's scripts share: paths, messages, kernels, static tools, and
# what a guest or the benchmark needs of Debian's packages.

GOALLOC_CACHE=${GOALLOC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/goalloc}
export GOALLOC_CACHE
# A make that a script starts must not join the jobs of the make that called it.
unset MAKEFLAGS MFLAGS MAKELEVEL
mkdir -p "$GOALLOC_CACHE/src" "$GOALLOC_CACHE/kernels"

scripts=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck disable=SC2034 # for the scripts that source this file
top=$(dirname "$scripts")

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$@" >&2; exit 1; }

# be_alone_in DIR: wait until no other shell is there; until this one ends.
be_alone_in() {
	mkdir -p "$1"
	exec 9>"$1/.lock"
	flock 9
}

# progress NAME: read a build's output, show warnings and errors, and a line for
# every 250 steps.
progress() {
	awk -v name="$1" '
		NR % 250 == 0 { printf "   %s: %d steps\n", name, NR; fflush() }
		/[Ww]arning:|[Ee]rror:/ { print; fflush() }'
}

# headers PATTERN: print the newest installed kernel headers that match.
headers() {
	local dirs
	dirs=$(compgen -G "/usr/src/linux-headers-$1" | sort -V | tail -1) ||
		true
	[ -n "$dirs" ] || die "no kernel headers $1: run scripts/setup"
	echo "$dirs"
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		command -v sudo >/dev/null || die "need root or sudo to: $*"
		sudo "$@"
	fi
}

# in_root ROOT COMMAND...: run a command in a root of scripts/kernel-root.  It sees
# this tree and the cached sources where they are; files that it makes there are the
# caller's.
in_root() {
	local root=$1 user=0:0
	shift
	[ "$1" != make ] || user=$(id -u):$(id -g)
	# shellcheck disable=SC2016 # for the inner shell
	as_root unshare --mount sh -ec '
		root=$1 user=$2 top=$3 src=$4
		shift 4
		for dir in "$top" "$src"; do
			mkdir -p "$root$dir"
			mount --bind "$dir" "$root$dir"
		done
		mount -t proc proc "$root/proc"
		exec chroot "--userspec=$user" "$root" "$@"' sh \
		"$root" "$user" "$top" "$GOALLOC_CACHE/src" "$@"
}

# root_of FLAVOUR KERNEL_DIR: print the root that a kernel is in, nothing if it is
# in that of this machine.
root_of() {
	case $1 in
	7.3|7.3-rt|arm64*) echo "${2%/usr/src/*}" ;;
	esac
}

# cross FLAVOUR: print what make has to be told if the kernel is for another
# machine.
cross() {
	case $1 in
	arm64*)	echo ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- ;;
	esac
}

# kernel_dir FLAVOUR: print the directory to build modules against.  cloud, rt
# and 6.1 are Debian's packages; 7.3, 7.3-rt, arm64 and arm64-16k are, too, in a
# root of their own; any other flavour is scripts/configs/FLAVOUR.config.
kernel_dir() {
	case $1 in
	cloud)	headers '6.12.*-cloud-amd64' ;;
	rt)	headers '6.12.*-rt-amd64' ;;
	6.1)	headers '6.1.*-cloud-amd64' ;;
	7.3|7.3-rt|arm64*) "$scripts/kernel-root" "$1" ;;
	*)	"$scripts/build-kernel" "$1" ;;
	esac
}

# kernel_image FLAVOUR: print the image to boot.
kernel_image() {
	local dir image
	dir=$(kernel_dir "$1") || return
	case $1 in
	cloud|rt|6.1|7.3|7.3-rt|arm64*)
		image=$(root_of "$1" "$dir")/boot/vmlinuz-${dir##*/linux-headers-} ;;
	uml*)		image=$dir/linux ;;
	*)		image=$dir/arch/x86/boot/bzImage ;;
	esac
	[ -r "$image" ] || die "no kernel $image: run scripts/setup"
	echo "$image"
}

# kernel_release FLAVOUR: print what 'uname -r' says on that kernel.
kernel_release() {
	local dir
	dir=$(kernel_dir "$1") || return
	case $1 in
	cloud|rt|6.1|7.3|7.3-rt|arm64*)
		echo "${dir##*/linux-headers-}" ;;
	*)		cat "$dir/include/config/kernel.release" ;;
	esac
}

# make_for FLAVOUR ARG...: run make for programs that a guest with that kernel runs.
make_for() {
	local dir
	case $1 in
	arm64*)	dir=$(kernel_dir "$1") || return
		in_root "${dir%/usr/src/*}" make CC=aarch64-linux-gnu-gcc-14 \
			AR=aarch64-linux-gnu-ar "${@:2}" ;;
	*)	make "${@:2}" ;;
	esac
}

# programs_of FLAVOUR: print what the directories of its guests' programs end with.
programs_of() {
	case $1 in
	arm64*)	echo -arm64 ;;
	esac
}

# static_tools [FLAVOUR]: build the tools for a guest without libraries, and print
# where they are.
static_tools() {
	local flavour=${1:-cloud} out
	out=$top/build/tools-static$(programs_of "$flavour")
	(
		be_alone_in "$out"
		make_for "$flavour" -s -C "$top/tools" "O=$out" STATIC=1 \
			"$out/goallocctl" "$out/goalloctop" >&2
	) || return
	echo "$out"
}

# libraries PROGRAM: print the libraries that a program from a Debian package
# needs in the guest.
libraries() { ldd "$1" | sed -n 's/^.*=> \(\/[^ ]*\).*/\1/p; s/^\t\(\/[^ ]*\).*/\1/p'; }

# peer_package PEER: print the package of an allocator that bench compares with.
peer_package() {
	case $1 in
	tcmalloc)	echo libtcmalloc-minimal4 ;;
	jemalloc)	echo libjemalloc2 ;;
	mimalloc)	echo libmimalloc2.0 ;;
	go)		echo golang-go ;;
	*)		die "no peer $1" ;;
	esac
}
