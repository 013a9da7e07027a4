#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# qemu.sh : prints the command, one word a line, that runs a QEMU which emulates a network card with
# SR-IOV (igb, from QEMU 8.0 on). Where this machine's can not, as Debian 12's, that of its backports is
# got by apt, without installing it, and kept in $BUILD/vm/qemu. When there is none, says why in one
# line, and fails.

set -u
cd "$(dirname "$0")/../.." || exit 1
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C
# shellcheck source=tests/vm/debian.sh
. tests/vm/debian.sh
place=${BUILD:-build}/vm/qemu

emulates_igb() { "$@" -device igb,help 2>/dev/null </dev/null | grep -q '^igb options'; }

# The command of the unpacked one.
unpacked()
{
	local root

	root=$(cd "$place" && pwd)
	printf '%s\n' env "LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu" \
		"QEMU_MODULE_DIR=$root/usr/lib/x86_64-linux-gnu/qemu" \
		"$root/usr/bin/qemu-system-x86_64" -L "$root/usr/share/qemu" -L "$root/usr/share/seabios"
}

works()
{
	local command

	[ -x "$place/usr/bin/qemu-system-x86_64" ] && mapfile -t command < <(unpacked) &&
		emulates_igb "${command[@]}"
}

if emulates_igb qemu-system-x86_64; then
	echo qemu-system-x86_64
	exit 0
fi
if works; then
	unpacked
	exit 0
fi

work=$place.new
rm -rf "$work" && mkdir -p "$work" || exit 1
work=$(cd "$work" && pwd)
say=$work/said
trap 'rm -rf "$work"' EXIT

release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
[ -n "$release" ] || { echo "QEMU 8 or newer is not here, and this is no Debian" >&2; exit 1; }
debian_lists "$work" "$release" "$release-backports"
# All that the newer one needs and this machine has not, at the version it needs.
apt-get "${apt[@]}" -s install -t "$release-backports" --no-install-recommends qemu-system-x86 \
	>"$say" 2>&1 || refuse "apt finds no QEMU in $release-backports"
mapfile -t packages < <(sed -nE 's/^Inst ([^ ]+) .*\(([^ ]+) .*/\1=\2/p' "$say")
[ ${#packages[@]} -gt 0 ] || refuse "$release-backports has no newer QEMU"
debian_unpack "$work" "${packages[@]}"
rm -rf "$place" && mv "$work/root" "$place" || exit 1
works || { echo "the QEMU of $release-backports does not run here, or has no igb" >&2; exit 1; }
unpacked
