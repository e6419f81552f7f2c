#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# package_test.sh PACKAGES RPMS ROOT DIR CLOUD OLD RT
#
# Installs the Debian packages in PACKAGES in a Debian 12 that stands in ROOT, lets
# kernels come and go, and purges them.  TAP comes out; what the commands say goes to
# stderr.  ROOT is not written to: the files are in a layer above it, in DIR, and all
# mounts are in a namespace of their own.  CLOUD is the release of the kernel that is
# there; OLD and RT are those of the kernels whose packages lie in ROOT/kernels.
#
# Half way, DIR/disk.img is made of it for a guest that boots CLOUD.

set -uo pipefail

if [ "${PACKAGE_TEST_INSIDE:-}" != 1 ]; then
	PACKAGE_TEST_INSIDE=1 exec unshare -m "$0" "$@"
fi

packages=$1 rpms=$2 below=$3 dir=$4 cloud=$5 old=$6 rt=$7
version=$(dpkg-deb -f "$packages"/goalloc-dkms_*.deb Version) || exit
root=$dir/root
arch=$(dpkg --print-architecture)
debs=("/debs/goalloc-dkms_${version}_all.deb" "/debs/goalloc-doc_${version}_all.deb"
	/debs/{goalloc-tools,libgoalloc0,libgoalloc-dev}"_${version}_$arch.deb")
headers=/usr/src/goalloc-headers-$version
count=0

in_root() {
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
		DEBIAN_FRONTEND=noninteractive INITRD=No "$@"
}

# check NAME COMMAND...: one test, whose output is a diagnostic if it fails.
check() {
	local name=$1 status
	shift
	count=$((count + 1))
	"$@" >"$dir/said" 2>&1
	status=$?
	{ echo "== $name: status $status"; cat "$dir/said"; } >&2
	if [ "$status" = 0 ]; then
		echo "ok $count $name"
	else
		tail -n 20 "$dir/said" | sed 's/^/# /'
		echo "not ok $count $name"
	fi
	return "$status"
}

need() { "$@" || { echo "not so: $*"; return 1; }; }
there() { need in_root test -e "$1"; }
gone() { need in_root test ! -e "$1" && need in_root test ! -L "$1"; }

# There are no package lists, so what it needs must be there.
apt_get() { in_root apt-get -qq -y -o Dpkg::Use-Pty=0 "$@"; }

# module KERNEL [NAME]: the file of a module that DKMS has installed.
module() { find "$root/lib/modules/$1/updates/dkms" -name "${2:-goalloc}.ko*"; }

lintian_likes() {
	lintian --fail-on error,warning,info --display-info --show-overrides \
		--allow-root "$packages"/goalloc_*.changes
}

# No distribution that uses RPM is at hand; but DKMS gets the same from it.
same_tree() {
	mkdir -p "$dir/deb" "$dir/rpm" &&
		dpkg-deb -x "$packages/goalloc-dkms_${version}_all.deb" "$dir/deb" &&
		(cd "$dir/rpm" && rpm2cpio "$rpms/goalloc-dkms-$version-1.noarch.rpm" |
			cpio -idm --quiet) &&
		diff -r "$dir/deb/usr/src" "$dir/rpm/usr/src"
}

install() {
	mkdir -p "$root/debs" && cp "$packages"/*.deb "$root/debs" &&
		rm "$root"/debs/*-dbgsym_*.deb &&
		apt_get install --no-install-recommends "${debs[@]}"
}

# installed KERNEL [NAME]: DKMS has built the module for this kernel, and depmod and
# modinfo know it; it is compressed as the kernel's own modules are.
installed() {
	local name=${2:-goalloc} magic file
	file=$(module "$1" "$name")
	need test -n "$file" || return
	magic=$(in_root modinfo -k "$1" -F vermagic "$name") || return
	need test "${magic%% *}" = "$1" || return
	need in_root modprobe -S "$1" -D "$name" || return
	[ "$name" != goalloc ] ||
		need test "$(in_root modinfo -k "$1" -F version goalloc)" = "$version"
}

compressed() { [[ $(module "$cloud") = *.ko.xz ]]; }

# signed KERNEL: with DKMS' key; the signature is good of the file that the kernel
# gets to see, which is what xz unpacks.
signed() {
	local file=$dir/signed.ko sig len
	need test "$(in_root modinfo -k "$1" -F signer goalloc)" = "DKMS module signing key" ||
		return
	xz -dc "$(module "$1")" >"$file" || return
	# At the end: the signature, 12 bytes of which the last 4 are its length, and
	# a line of 28 bytes.
	tail -c 28 "$file" | grep -q '^~Module signature appended~$' || return
	sig=$dir/signed.p7s
	len=$(tail -c 32 "$file" | head -c 4 | od -An -tu4 --endian=big)
	tail -c $((len + 40)) "$file" | head -c "$len" >"$sig" &&
		head -c -$((len + 40)) "$file" >"$file.content" &&
		openssl x509 -inform DER -in "$root/var/lib/dkms/mok.pub" -out "$dir/mok.pem" &&
		openssl smime -verify -binary -inform DER -in "$sig" \
			-content "$file.content" -certfile "$dir/mok.pem" -nointern \
			-noverify -out /dev/null
}

# The tree that DKMS builds from has the allocator and nothing else.
allocator_alone() {
	local file tree=/usr/src/goalloc-$version
	there "$tree/dkms.conf" && there "$tree/include/linux/goalloc.h" || return
	for file in tests tools kunit bench scripts traces Documentation; do
		gone "$tree/$file" || return
	done
}

has_headers() {
	there "$headers/$1/Module.symvers" &&
		there "$headers/$1/include/linux/goalloc.h" &&
		need in_root grep -q "__gomalloc" "$headers/$1/Module.symvers"
}

# As a stranger would, who has read install.md.
dependent() {
	in_root cp -r /usr/share/doc/goalloc-doc/examples /root/client &&
		in_root make -C /root/client "KVER=$1" &&
		in_root modinfo -F depends /root/client/goclient.ko | grep -qx goalloc
}

# The same module by DKMS, under a name that DKMS comes to before goalloc.
dependent_by_dkms() {
	in_root cp -r /usr/share/doc/goalloc-doc/examples /usr/src/client-1 &&
		in_root sed -i 's/^PACKAGE_NAME=.*/PACKAGE_NAME=client/' \
			/usr/src/client-1/dkms.conf &&
		in_root dkms install client/1 -k "$cloud" && installed "$cloud" goclient &&
		in_root modprobe -S "$cloud" -D goclient |
			tee /dev/stderr | head -n 1 | grep -q /goalloc.ko
}

# A module that does not call goalloc, but wants it to be there first.
softdep() {
	echo "softdep virtio_blk pre: goalloc" >"$root/etc/modprobe.d/softdep.conf" &&
		in_root modprobe -S "$cloud" -D virtio_blk | tee /dev/stderr |
			grep -q /goalloc.ko
	local status=$?
	rm "$root/etc/modprobe.d/softdep.conf"
	return "$status"
}

# The lines of install.md, as they stand there, on a module that is not compressed.
sign_by_hand() {
	xz -dc "$(module "$cloud")" >"$root/root/goalloc.ko" &&
		sed -n '/^    openssl req/,/^    modinfo -F signer/p' \
			"$root/usr/share/doc/goalloc-doc/Documentation/install.md" |
		sed "s/\$(uname -r)/$cloud/" >"$root/root/sign" &&
		need test "$(in_root sh -ec 'cd /root; . ./sign')" = "my modules"
}

library() {
	cat >"$root/root/try.c" <<-'END'
		#include <goalloc.h>
		#include <errno.h>
		#include <fcntl.h>
		#include <stdio.h>

		int main(void)
		{
			int fd = goalloc_open(O_RDONLY);

			if (fd != -ENOENT)
				return 1;
			return puts(goalloc_open_hint(fd)) < 0;
		}
	END
	program "" && program -static
}

# program FLAG: compile and run it.
program() {
	# shellcheck disable=SC2046,SC2086 # they print separate words
	in_root gcc -Wall -Werror $1 -o /root/try /root/try.c \
		$(in_root pkgconf ${1:+-}$1 --cflags --libs libgoalloc) &&
		in_root /root/try
}

tools_run() {
	local said
	said=$(in_root goallocctl info 2>&1)
	echo "$said"
	[[ $said = *"(modprobe goalloc)" ]] && in_root sh -c 'goallocctl --help && goalloctop --help' &&
		there /usr/share/man/man8/goallocctl.8.gz &&
		there /usr/share/man/man1/goalloctop.1.gz &&
		there /usr/share/man/man3/libgoalloc.3.gz &&
		there /usr/share/doc/goalloc-doc/Documentation/install.md
}

group() { need in_root getent group goalloc; }

# Nothing is set that the administrator has not asked for.
off_by_default() {
	there /etc/modprobe.d/goalloc.conf && there /etc/modules-load.d/goalloc.conf &&
		! grep -v '^#' "$root"/etc/mod*/goalloc.conf
}

# What the guest needs of it, without what kernels are built with.
make_disk() {
	local stage=$dir/disk
	rm -rf "$stage" "$dir/disk.img" && mkdir -p "$stage" &&
		tar -C "$root" -c --one-file-system --exclude=./usr/src \
			--exclude=./usr/lib/gcc --exclude='./usr/lib/linux-*' \
			--exclude=./usr/include --exclude=./usr/share --exclude=./var \
			--exclude=./boot --exclude=./kernels --exclude=./debs \
			--exclude=./usr/lib/x86_64-linux-gnu/perl --exclude='*.a' \
			--exclude='./usr/lib/modules/*/kernel' . | tar -C "$stage" -x &&
		mkdir -p "$stage/var" "$stage/goalloc" &&
		truncate -s 600M "$dir/disk.img" &&
		/usr/sbin/mkfs.ext4 -q -O ^has_journal -d "$stage" "$dir/disk.img" &&
		rm -rf "$stage"
}

# arrives NAME: a kernel's packages are installed, whose hooks call DKMS.
arrives() { in_root sh -c "dpkg -i /kernels/$1/*.deb"; }

# Of a kernel that goalloc is not for, DKMS says so, and builds nothing.
strange_kernel() {
	local strange=6.99.0-cloud-amd64 said
	mkdir -p "$root/lib/modules/$strange" &&
		ln -s "/usr/src/linux-headers-$cloud" "$root/lib/modules/$strange/build"
	said=$(in_root /etc/kernel/header_postinst.d/dkms "$strange" 2>&1)
	echo "$said"
	need test -z "$(find "$root/lib/modules/$strange" -name '*.ko*')" || return
	rm -r "$root/lib/modules/$strange"
	[[ $said = *"goalloc includes a BUILD_EXCLUSIVE directive"* ]]
}

# Its hooks have DKMS remove what was for it.
leaves() {
	apt_get purge "linux-image-$1" "linux-headers-$1" &&
		gone "/lib/modules/$1/updates" && gone "$headers/$1" &&
		gone "/var/lib/dkms/goalloc/$version/$1" && has_headers "$cloud"
}

# The old modules go, the new ones come, and the dependent stays.
upgrade() {
	apt_get install --reinstall "${debs[0]}" &&
		installed "$cloud" && has_headers "$cloud" && installed "$cloud" goclient
}

purge() {
	in_root dkms remove client/1 --all &&
		apt_get purge goalloc-dkms libgoalloc0 libgoalloc-dev goalloc-tools \
			goalloc-doc
}

# What is there now and was not before.  DKMS keeps the key that it made; Debian
# keeps the groups of packages that are gone.
leftovers() {
	local left
	left=$(listing | comm -13 "$dir/before" - | grep -vE \
		-e '^/(boot|debs|kernels|root|tmp)(/|$)|^/usr/src/(linux-|client-)' \
		-e '^/usr/(lib|share/doc|share/lintian/overrides)/linux-' \
		-e '^/var/(log|cache|lib/(dpkg|apt))/|^/var/lib/dkms/mok\.(key|pub)$' \
		-e '^/etc/(group|gshadow)-?$')
	[ -z "$left" ] || { echo "left: $left"; return 1; }
	need test -z "$(find "$root/usr/lib/modules" -name 'go*.ko*')"
}

listing() { (cd "$root" && find . -xdev | sed 's/^\.//' | LC_ALL=C sort); }

mkdir -p "$dir/above" "$dir/work" "$root"
mount -t tmpfs -o size=4G tmpfs "$dir/above" &&
	mkdir "$dir/above/files" "$dir/above/work" &&
	mount -t overlay -o "lowerdir=$below,upperdir=$dir/above/files,workdir=$dir/above/work" \
		overlay "$root" && mount -t proc proc "$root/proc" || exit
listing >"$dir/before"

echo "TAP version 13"
check "lintian" lintian_likes
check "the RPM has the same tree for DKMS" same_tree
check "the packages install" install || { echo "1..$count"; exit 1; }
check "the tree of DKMS is the allocator alone" allocator_alone
check "built for $cloud" installed "$cloud"
check "compressed as its kernel's modules are" compressed
check "signed before it was compressed" signed "$cloud"
check "headers and Module.symvers of $cloud" has_headers "$cloud"
check "a dependent builds" dependent "$cloud"
check "a dependent builds by DKMS" dependent_by_dkms
check "a softdep" softdep
check "signed by hand" sign_by_hand
check "a program builds with libgoalloc" library
check "tools and man pages" tools_run
check "the group goalloc" group
check "parameters and loading are left to the administrator" off_by_default
check "a disk for the guest" make_disk
check "the package is installed again" upgrade
check "6.1 arrives" arrives 6.1
check "built for $old" installed "$old"
check "headers and Module.symvers of $old" has_headers "$old"
check "the dependent built for $old" installed "$old" goclient
check "6.12 rt arrives" arrives rt
check "built for $rt" installed "$rt"
check "headers and Module.symvers of $rt" has_headers "$rt"
check "a kernel that it is not for" strange_kernel
check "6.1 leaves" leaves "$old"
check "6.12 rt leaves" leaves "$rt"
check "purge" purge
check "nothing is left" leftovers
echo "1..$count"
