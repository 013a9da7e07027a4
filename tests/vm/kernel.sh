#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# kernel.sh SUITE : gets the kernel of a Debian suite (bookworm: 6.1, trixie: 6.12, trixie-backports: the
# newest) by apt, without installing it, and makes what run.sh boots:
# $BUILD/vm/SUITE/{vmlinuz,initramfs,modules/}. What is there already stays. When the machine lacks
# something, says what in one line, and fails.

set -u
cd "$(dirname "$0")/../.." || exit 1
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C
# shellcheck source=tests/vm/debian.sh
. tests/vm/debian.sh
suite=$1
place=${BUILD:-build}/vm/$suite
if [ "$(uname -m)" != x86_64 ]; then
	echo "the virtual machine is an x86_64 one, this machine is not" >&2
	exit 1
fi
if ! lacking=$(tests/harness/packages.sh vm 2>&1); then
	echo "$lacking" | head -1 >&2
	exit 1
fi
[ ! -e "$place/initramfs" ] || exit 0

mkdir -p "$place.new/root" || exit 1
work=$(cd "$place.new" && pwd)
trap 'rm -rf "$work"' EXIT
say=$work/said
debian_lists "$work" "$suite"
# What a package needs of those whose names hold a kernel's version. Newer ones are in several packages.
parts_of()
{
	apt-cache "${apt[@]}" show --no-all-versions "$1" 2>"$say" | sed -nE 's/^Depends: //p' |
		tr ',|' '\n\n' | sed -nE 's/^ *(linux-(image|binary|modules)-[0-9][^ ]*).*/\1/p'
}

image=$(parts_of linux-image-amd64 | head -1)
[ -n "$image" ] || refuse "$suite has no linux-image-amd64"
mapfile -t packages < <(parts_of "$image")
(cd "$work" && timeout 300 apt-get "${apt[@]}" download "$image" "${packages[@]}") >"$say" 2>&1 ||
	refuse "apt does not get $image"
for package in "$work"/*.deb; do
	dpkg -x "$package" "$work/root" >"$say" 2>&1 || refuse "$package can not be unpacked"
	rm -f "$package"
done

version=${image#linux-image-}
root=$work/root
modules=$root/lib/modules
[ -d "$modules/$version/kernel" ] || modules=$root/usr/lib/modules
vmlinuz=$root/boot/vmlinuz-$version
[ -e "$vmlinuz" ] || vmlinuz=$modules/$version/vmlinuz
mkdir -p "$work/modules" && mv "$vmlinuz" "$work/vmlinuz" &&
	mv "$modules/$version" "$work/modules/$version" || refuse "$image is not laid out as expected"

# depmod and modprobe look below lib/modules.
mkdir -p "$work/files"/{bin,dev,proc,sys,host,upper,root,modules} "$work/base/lib"
ln -s "$work/modules" "$work/base/lib/modules"
depmod -b "$work/base" "$version" >"$say" 2>&1 || refuse "depmod fails on $image"

# What the initramfs needs to reach this machine's files, in the order in which it is loaded.
number=100
for module in $(modprobe -d "$work/base" -S "$version" --show-depends -a \
	virtio_pci 9pnet_virtio 9p overlay 2>"$say" | sed -n 's/^insmod //p' | awk '!seen[$1]++'); do
	name=$work/files/modules/$((number++))-$(basename "$module")
	case $module in
	*.xz) xz -dc "$module" >"${name%.xz}" ;;
	*) cp "$module" "$name" ;;
	esac || refuse "a module of $image can not be read"
done
[ $number -gt 100 ] || refuse "$image has no 9p"
cp "$(command -v busybox)" "$work/files/bin/busybox" &&
	(cd "$work/files" && find . | busybox cpio -o -H newc 2>"$say" | gzip -1 >../initramfs) ||
	refuse "no initramfs could be made"

mkdir -p "$(dirname "$place")" && rm -rf "$place" && mkdir "$place" &&
	mv "$work/vmlinuz" "$work/modules" "$work/initramfs" "$place" || refuse "$place can not be written"
