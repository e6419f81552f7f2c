# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What all of our scripts share: where things are cached, which kernels there
# are, and how the scripts speak.

GOALLOC_CACHE=${GOALLOC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/goalloc}
export GOALLOC_CACHE
# Makes that we start are no children of one that started us.
unset MAKEFLAGS MFLAGS MAKELEVEL
mkdir -p "$GOALLOC_CACHE/src" "$GOALLOC_CACHE/kernels"

scripts=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck disable=SC2034 # for those who source us
top=$(dirname "$scripts")

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$@" >&2; exit 1; }

# progress NAME: read a build's output and show every so often that it lives.
progress() {
	awk -v name="$1" '
		NR % 250 == 0 { printf "   %s: %d steps\n", name, NR; fflush() }
		/[Ww]arning:|[Ee]rror:/ { print; fflush() }'
}

# headers PATTERN: the newest installed kernel headers that match.
headers() {
	local dirs
	dirs=$(compgen -G "/usr/src/linux-headers-$1" | sort -V | tail -1) ||
		true
	[ -n "$dirs" ] || die "no kernel headers $1: run scripts/setup"
	echo "$dirs"
}

# kernel_dir FLAVOUR: where modules for that kernel are built.  The packaged
# ones have names of their own, all others are scripts/configs/FLAVOUR.config.
kernel_dir() {
	case $1 in
	cloud)	headers '6.12.*-cloud-amd64' ;;
	rt)	headers '6.12.*-rt-amd64' ;;
	6.1)	headers '6.1.*-cloud-amd64' ;;
	*)	"$scripts/build-kernel" "$1" ;;
	esac
}

# kernel_image FLAVOUR: what is booted.
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

# kernel_release FLAVOUR: what 'uname -r' says there.
kernel_release() {
	local dir
	dir=$(kernel_dir "$1") || return
	case $1 in
	cloud|rt|6.1)	echo "${dir#*linux-headers-}" ;;
	*)		cat "$dir/include/config/kernel.release" ;;
	esac
}
