#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# README's first five minutes, run as they stand there.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

# The commands, with names of this test's own, and an end for what would go on for ever.
minutes()
{
	echo "set -ex"
	echo "PATH=$BUILD:\$PATH"
	echo "cd $work"
	sed -n '/^## The first five minutes/,/^## Where/p' "$root/README.md" | awk '
		/^```/ { inside = !inside; next }
		inside { print }' |
		sed -E -e "s/\bvm(4|5|\\\$i)\b/$P-vm\1/g" -e "s/tap-$P-vm/tap-vm/g" -e "s/\bsw0\b/$SWITCH/" \
			-e "s/^( *)sluice /\1sluice --switch $SWITCH /" -e 's/^(sluice.* observe -f)/timeout 1 \1 || true/'
}

the_first_five_minutes_are_as_the_readme_says()
{
	host_up
	ip -n "$HOST" link add eth0 type veth peer name eth0far
	ip -n "$HOST" link set eth0 up
	ip -n "$HOST" link set eth0far up
	ip -n "$HOST" addr add 192.0.2.1/24 dev eth0
	minutes >"$work/minutes"
	cat "$work/minutes"
	# `ip netns exec` of a guest works from here as it does from the host's own namespace.
	host bash "$work/minutes"
	ip netns del "$P-vm4"
	ip netns del "$P-vm5"
	[ ! -e "/run/sluice/$SWITCH" ]
	host bpftool net show | tee "$work/net"
	[ "$(grep -c sluice "$work/net")" = 0 ]
}

run_tests the_first_five_minutes_are_as_the_readme_says
finish
