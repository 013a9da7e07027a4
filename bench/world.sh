# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# A world: a host in a network namespace with guests in others, each behind a veth, and one path
# between them. Every path gets a world of its own, so that they can take turns without being rebuilt.
#
# Guest N is $P-WORLD-gN with eth0, whose other end is gN in $P-WORLD-h; its address is in
# 10.1.0.0/16. Everything that is made is named after the process, and goes when it ends.

P=slb$$
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

host_of() { echo "$P-$1-h"; }
guest_of() { echo "$P-$1-g$2"; }
address_of() { echo "10.1.$(($1 / 200)).$(($1 % 200 + 4))"; }
# The IPv4 address in the last four bytes, as bench/traffic/frames.c has it.
address6_of() { printf 'fd00:1::a01:%x' $(($1 / 200 * 256 + $1 % 200 + 4)); }
mac_of() { printf '52:54:00:00:%02x:%02x' $(($1 / 256)) $(($1 % 256)); }

# In the world's host: by the thread that asks, without a mount namespace of its own.
in_host() { nsenter --net="/run/netns/$P-$WORLD-h" -- "$@"; }
in_guest() { nsenter --net="/run/netns/$P-$WORLD-g$1" -- "${@:2}"; }

# world_up WORLD GUESTS
world_up()
{
	local host guest n
	host=$(host_of "$1")
	ip netns add "$host"
	nsenter --net="/run/netns/$host" -- sysctl -qw net.ipv6.conf.default.disable_ipv6=1 \
		net.ipv6.conf.all.disable_ipv6=1
	ip -n "$host" link set lo up
	for n in $(seq "$2"); do
		guest=$(guest_of "$1" "$n")
		ip netns add "$guest"
		nsenter --net="/run/netns/$guest" -- sysctl -qw net.ipv6.conf.default.disable_ipv6=1
		ip -n "$host" link add "g$n" type veth peer name eth0 netns "$guest" address "$(mac_of "$n")"
		ip -n "$host" link set "g$n" up
		ip -n "$guest" -batch - <<-END
			link set lo up
			addr add $(address_of "$n")/16 dev eth0
			link set eth0 up
		END
	done
}

# napi WORLD GUESTS on|off: frames without an skb can enter a veth only when its far end polls, which GRO
# makes it do. It is on at both ends of each veth while frames are counted, and off, as it is by
# default, for the stacks' own traffic, except where the path needs it.
napi()
{
	local n
	for n in $(seq "$2"); do
		nsenter --net="/run/netns/$(host_of "$1")" -- ethtool -K "g$n" gro "$3" >/dev/null
		nsenter --net="/run/netns/$(guest_of "$1" "$n")" -- ethtool -K eth0 gro "$3" >/dev/null
	done
}

# What a process of this bench that was killed outright left behind goes, too.
sweep()
{
	local name host
	for name in /run/sluice/slb*-w*; do
		[ -e "$name" ] && gone "${name##*/}" || continue
		host=/run/netns/${name##*/}-h
		[ -e "$host" ] || host=/proc/self/ns/net
		nsenter --net="$host" -- "$SLUICE" --switch "${name##*/}" down >/dev/null 2>&1
	done
	for name in $(ip netns list | grep -oE '^slb[0-9]+-[^ ]+'); do
		! gone "$name" || ip netns del "$name"
	done
	for name in /tmp/slb*.*; do
		[ -d "$name" ] && gone "$(basename "${name%.*}")" || continue
		end_daemons "$name"
		[ ! -e "$name/conntrack_max" ] || cat "$name/conntrack_max" >"$conntrack_max"
		rm -rf "$name"
	done
}

# A path's daemons note their ids in *.pid in the world's directory; the id may be somebody else's by now.
end_daemons() # DIRECTORY
{
	local file pid
	for file in "$1"/*.pid "$1"/*/*.pid; do
		[ -e "$file" ] && pid=$(cat "$file") && [ -d "/proc/$pid" ] || continue
		! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q "pidfile=$file" || kill "$pid"
	done
}

# Whether the process is over that named it.
gone()
{
	local pid=${1%%-*}
	[ ! -d "/proc/${pid#slb}" ]
}
