#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the build and the tests need from Debian 12 or 13, and how to get it.
#
#   packages.sh build        says what the build lacks and the command that gets it; 1 when it does
#   packages.sh all          the same for the build and the tests
#   packages.sh vm           the same for the tests in a virtual machine, which are left out without them
#   packages.sh bench        installs what `make bench` compares with, as far as it can be had (root)
#   packages.sh install      installs what is missing (root), and mounts bpffs where it is not
#
# A need is probed for by what it provides, so that a library somebody built serves as well as the
# package does.

set -u
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

# package | what it must provide: cmd:NAME, static:NAME, pkg:NAME, header:PATH,
# or python:MODULE
build_needs="
gcc|cmd:gcc
libc6-dev|header:stdio.h
linux-libc-dev|header:linux/bpf.h
pkg-config|cmd:pkg-config
CLANG|clang
bpftool|cmd:bpftool
libbpf-dev|pkg:libbpf
libxdp-dev|pkg:libxdp
libelf-dev|pkg:libelf
zlib1g-dev|pkg:zlib
libjansson-dev|pkg:jansson
libyaml-dev|pkg:yaml-0.1
libsmartcols-dev|pkg:smartcols
libmnl-dev|pkg:libmnl
libcap-ng-dev|pkg:libcap-ng
libpcap-dev|pkg:libpcap
"
test_needs="
libcmocka-dev|pkg:cmocka
iproute2|cmd:ip
iputils-ping|cmd:ping
ethtool|cmd:ethtool
xdp-tools|cmd:xdp-loader
util-linux|cmd:nsenter
procps|cmd:ps
python3|cmd:/usr/bin/python3
python3-scapy|python:scapy
mandoc|cmd:mandoc
shellcheck|cmd:shellcheck
"
vm_needs="
qemu-system-x86|cmd:qemu-system-x86_64
busybox-static|static:busybox
kmod|cmd:depmod
xz-utils|cmd:xz
"
# What the switch is compared with; the bench does without what can not be had, and says so.
bench_needs="
nftables|cmd:nft
iptables|cmd:iptables
conntrack|cmd:conntrack
openvswitch-switch|cmd:ovs-vswitchd
gnuplot-nox|cmd:gnuplot
"
oldest_clang=16

newest_clang()
{
	find /usr/bin /usr/local/bin -name 'clang-[0-9]*' 2>/dev/null | sed 's/.*clang-//' |
		grep -E '^[0-9]+$' | sort -n | tail -1
}

provides()
{
	case $1 in
	cmd:*) command -v "${1#*:}" >/dev/null ;;
	static:*) command -v "${1#*:}" >/dev/null && ! ldd "$(command -v "${1#*:}")" >/dev/null 2>&1 ;;
	pkg:*) pkg-config --exists "${1#*:}" 2>/dev/null ;;
	header:*) echo "#include <${1#*:}>" | gcc -E -x c - >/dev/null 2>&1 ;;
	python:*) /usr/bin/python3 -c "import importlib.util, sys
sys.exit(importlib.util.find_spec('${1#*:}') is None)" 2>/dev/null ;;
	clang) [ "$(newest_clang || echo 0)" -ge $oldest_clang ] 2>/dev/null ;;
	esac
}

# The clang that the programs are verified with every day, which Debian 12 and 13 both have; where it is
# not offered, the newest that is. The build takes the newest on the machine.
clang_package()
{
	local offered
	offered=$(apt-cache search --names-only '^clang-[0-9]+$' 2>/dev/null | cut -d' ' -f1 |
		sort -t- -k2 -n)
	if [ -z "$offered" ] || echo "$offered" | grep -qx clang-19; then
		echo clang-19
	else
		echo "$offered" | tail -1
	fi
}

missing()
{
	local need package
	for need in $1; do
		package=${need%%|*}
		provides "${need#*|}" && continue
		[ "$package" = CLANG ] && package=$(clang_package)
		printf '%s ' "$package"
	done
}

tell()
{
	local absent
	absent=$(missing "$1")
	[ -z "$absent" ] && return 0
	echo "sluice needs packages that this machine does not have: $absent" >&2
	echo "get them with:  apt-get update && apt-get install -y --no-install-recommends $absent" >&2
	[ "$1" = "$vm_needs" ] || echo "(as root; 'make check' and 'make demo' do it themselves)" >&2
	return 1
}

install()
{
	local absent
	absent=$(missing "$build_needs $test_needs")
	if [ -n "$absent" ]; then
		[ "$(id -u)" = 0 ] || { tell "$build_needs $test_needs"; return 1; }
		apt-get update -q || return 1
		# Asked again: which clang is offered is known only after the update.
		absent=$(missing "$build_needs $test_needs")
		# shellcheck disable=SC2086 # a list of names
		DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $absent ||
			return 1
		tell "$build_needs $test_needs" || return 1
	fi
	if [ "$(id -u)" = 0 ] && ! mountpoint -q /sys/fs/bpf; then
		mount -t bpf bpf /sys/fs/bpf || return 1
	fi
}

# Debian starts an Open vSwitch that it installs; the bench runs one of its own.
install_bench()
{
	local absent package
	absent=$(missing "$bench_needs")
	[ -n "$absent" ] || return 0
	[ "$(id -u)" = 0 ] && apt-get update -q || return 0
	for package in $absent; do
		DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$package" ||
			echo "the bench does without $package" >&2
		[ "$package" != openvswitch-switch ] || service "$package" stop >/dev/null 2>&1 || true
	done
}

case ${1:-} in
bench) install_bench ;;
build) tell "$build_needs" ;;
all) tell "$build_needs $test_needs" ;;
vm) tell "$vm_needs" ;;
install) install ;;
*) sed -n 's/^#   //p' "$0"; exit 1 ;;
esac
