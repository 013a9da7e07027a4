#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# testpmd.sh : prints the command, one word a line, that runs the testpmd of Debian 13's DPDK with its
# AF_XDP driver, which takes a pinned XSKMAP (Debian 12's, 22.11, puts a program of its own on a device
# instead). It is got by apt together with every library it needs, without installing any, and kept
# in $BUILD/dpdk. When it can not be had, says why in one line, and fails.

set -u
cd "$(dirname "$0")/../.." || exit 1
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C
# shellcheck source=tests/vm/debian.sh
. tests/vm/debian.sh
place=${BUILD:-build}/dpdk
suite=trixie

# Debian 13's programs need its C library, and so its loader, which brings the drivers along: DPDK itself
# takes none from below a directory that everybody may write to, as /tmp.
unpacked()
{
	local root

	root=$(cd "$place" && pwd)
	printf '%s\n' "$root/lib/ld-linux-x86-64.so.2" --library-path "$root/lib" \
		--preload librte_mempool_ring.so.25:librte_net_af_xdp.so.25 "$root/dpdk-testpmd"
}

works()
{
	local command

	[ -x "$place/dpdk-testpmd" ] && mapfile -t command < <(unpacked) &&
		"${command[@]}" -h 2>&1 | grep -q 'EAL common options'
}

if works; then
	unpacked
	exit 0
fi
[ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] ||
	{ echo "DPDK is got for Debian's amd64 only" >&2; exit 1; }
work=$place.new
rm -rf "$work" && mkdir -p "$work" || exit 1
work=$(cd "$work" && pwd)
say=$work/said
trap 'rm -rf "$work"' EXIT

debian_lists "$work" $suite
# What the program is linked with: what dpdk-dev names but for what one builds programs with. Nothing
# counts as installed, so that apt lists the C library, too.
: >"$work/nothing"
apt+=(-o "Dir::State::status=$work/nothing")
mapfile -t libraries < <(apt-cache "${apt[@]}" depends --no-recommends --no-suggests dpdk-dev |
	sed -nE 's/^ *Depends: (lib[^ ]*)$/\1/p' | grep -v -- -dev)
[ ${#libraries[@]} -gt 0 ] || refuse "apt knows no DPDK in $suite"
apt-get "${apt[@]}" -s install --no-install-recommends "${libraries[@]}" \
	librte-mempool-ring25 librte-net-af-xdp25 >"$say" 2>&1 ||
	refuse "apt finds no AF_XDP driver of DPDK in $suite"
mapfile -t packages < <(sed -nE 's/^Inst ([^ ]+) .*\(([^ ]+) .*/\1=\2/p' "$say")
debian_unpack "$work" dpdk-dev "${packages[@]}"
rm -rf "$place" && mkdir "$place" &&
	mv "$work/root/usr/lib/x86_64-linux-gnu" "$place/lib" &&
	mv "$work/root/usr/bin/dpdk-testpmd" "$place" || exit 1
works || { echo "the testpmd of $suite does not run here" >&2; exit 1; }
unpacked
