#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# kernel.sh SUITE : gets the kernel of a Debian suite (bookworm: 6.1, trixie: 6.12) by apt, without
# installing it, and makes what run.sh boots: $BUILD/vm/SUITE/{vmlinuz,initramfs,modules/}. What is
# there already stays. When the machine lacks something, says what in one line, and fails.

# shellcheck disable=SC2086 # lists of options and names
set -u
cd "$(dirname "$0")/../.." || exit 1
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C
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

mkdir -p "$place.new/lists/partial" "$place.new/archives/partial" "$place.new/root" || exit 1
work=$(cd "$place.new" && pwd)
trap 'rm -rf "$work"' EXIT
say=$work/said

refuse()
{
	echo "$1: $(tail -1 "$say" 2>/dev/null | cut -c1-200)" >&2
	exit 1
}

# The mirror that this machine uses for Debian, with lists of our own: its apt stays as it is.
mirror=$(apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
	awk '$1 == "Debian" && $2 == "main" { print $3; exit }')
echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
	"${mirror:-http://deb.debian.org/debian/} $suite main" >"$work/sources.list"
options="-q -o Dir::Etc::sourcelist=$work/sources.list -o Dir::Etc::sourceparts=/dev/null
	-o Dir::State::lists=$work/lists -o Dir::Cache=$work -o Acquire::Languages=none
	-o APT::Architecture=amd64 -o APT::Sandbox::User=$(id -un)
	-o APT::Update::Error-Mode=any
	-o Acquire::Retries=1 -o Acquire::http::Timeout=20"

timeout 120 apt-get $options update >"$say" 2>&1 || refuse "apt does not get the lists of $suite"
image=$(apt-cache $options show --no-all-versions linux-image-amd64 2>"$say" |
	sed -nE 's/^Depends: (linux-image-[^ ,]+).*/\1/p')
[ -n "$image" ] || refuse "$suite has no linux-image-amd64"
(cd "$work" && timeout 300 apt-get $options download "$image") >"$say" 2>&1 ||
	refuse "apt does not get $image"
dpkg -x "$work/$image"_*.deb "$work/root" >"$say" 2>&1 || refuse "$image can not be unpacked"
rm -f "$work/$image"_*.deb

version=${image#linux-image-}
root=$work/root
modules=$root/lib/modules
[ -d "$modules" ] || modules=$root/usr/lib/modules
mkdir -p "$work/modules" && mv "$modules/$version" "$work/modules/$version" &&
	mv "$root/boot/vmlinuz-$version" "$work/vmlinuz" || refuse "$image is not laid out as expected"

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
