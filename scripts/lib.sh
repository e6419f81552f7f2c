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

# kernel_dir FLAVOUR: print the directory to build modules against.  cloud, rt
# and 6.1 are Debian's packages; any other flavour is
# scripts/configs/FLAVOUR.config.
kernel_dir() {
	case $1 in
	cloud)	headers '6.12.*-cloud-amd64' ;;
	rt)	headers '6.12.*-rt-amd64' ;;
	6.1)	headers '6.1.*-cloud-amd64' ;;
	*)	"$scripts/build-kernel" "$1" ;;
	esac
}

# kernel_image FLAVOUR: print the image to boot.
kernel_image() {
	local dir image
	dir=$(kernel_dir "$1") || return
	case $1 in
	cloud|rt|6.1)	image=/boot/vmlinuz-${dir#*linux-headers-} ;;
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
	cloud|rt|6.1)	echo "${dir#*linux-headers-}" ;;
	*)		cat "$dir/include/config/kernel.release" ;;
	esac
}

# static_tools: build the tools for a guest without libraries, and print where
# they are.
static_tools() {
	local out=$top/build/tools-static
	(
		be_alone_in "$out"
		make -s -C "$top/tools" "O=$out" STATIC=1 "$out/goallocctl" \
			"$out/goalloctop" >&2
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
