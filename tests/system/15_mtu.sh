#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Ways that take less than their senders do: what guests' stacks make of what the switch tells them.
# All but db1 have a large MTU.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
each_hook

# The most that native XDP on a veth takes is 3506.
WIDE=9000
[ "$HOOK" != xdp ] || WIDE=3500

widen()
{
	ip -n "$P-$1" link set eth0 mtu "$WIDE"
	ip -n "$HOST" link set "$1" mtu "$WIDE"
}

mtu_world_up()
{
	world_up
	for guest in web1 web2 red1 red2; do
		widen "$guest"
	done
	serve red2 sink:9000
	sluice apply -f "$work/world.yaml"
}

# learned GUEST ADDRESS: the MTU that the guest's stack has learned for the way, or nothing.
learned() { in_guest "$1" ip route get "$2" | grep -o 'mtu [0-9]*' | cut -d' ' -f2; }

forget_what_was_learned()
{
	in_guest web1 ip route flush cache
	in_guest web1 ip -6 route flush cache
}

a_ping_that_is_too_large_is_told_the_mtu()
{
	in_guest web1 ping -M "do" -c 1 -W 5 -s 2000 10.1.2.4 |
		grep 'From 10.1.1.1 .*Frag needed and DF set (mtu = 1500)'
	in_guest web1 ping -M "do" -c 1 -W 5 -s 2000 fd00:1:0:2::4 |
		grep 'From fd00:1:0:1::1 .*Packet too big: mtu=1500'
	[ "$(learned web1 10.1.2.4)" = 1500 ]
	[ "$(learned web1 fd00:1:0:2::4)" = 1500 ]
}

what_was_learned_is_used()
{
	# The stack cuts what it now knows to be too large; the whole comes back.
	in_guest web1 ping -M want -c 2 -i 0.2 -W 5 -s 3000 10.1.2.4 | grep ' 0% packet loss'
	in_guest web1 ping -M want -c 2 -i 0.2 -W 5 -s 3000 fd00:1:0:2::4 | grep ' 0% packet loss'
}

a_sender_that_allows_fragments_is_told_as_well()
{
	forget_what_was_learned
	in_guest web1 ping -M dont -c 3 -i 0.3 -W 5 -s 2000 10.1.2.4 || :
	[ "$(learned web1 10.1.2.4)" = 1500 ]
	in_guest web1 ping -M dont -c 1 -W 5 -s 2000 10.1.2.4
}

ends_that_take_as_much_are_told_nothing()
{
	in_guest web1 ping -M "do" -c 2 -i 0.2 -W 5 -s $((WIDE - 28)) 10.1.1.5 | grep ' 0% packet loss'
	in_guest web1 ping -M "do" -c 2 -i 0.2 -W 5 -s $((WIDE - 48)) fd00:1:0:1::5 |
		grep ' 0% packet loss'
	[ -z "$(learned web1 10.1.1.5)" ]
}

# Both ends of the connection believe in 9000: neither's SYN tells of the way between.
tcp_finds_the_way_narrower_than_both_its_ends()
{
	ip -n "$P-db1" link set eth0 mtu "$WIDE"
	forget_what_was_learned
	in_guest web1 timeout 60 "$GUEST" bulk 10.1.2.4 9000 20
	in_guest web1 timeout 60 "$GUEST" bulk fd00:1:0:2::4 9000 20
	[ "$(learned web1 10.1.2.4)" = 1500 ]
	[ "$(learned web1 fd00:1:0:2::4)" = 1500 ]
	ip -n "$P-db1" link set eth0 mtu 1500
}

bulk_tcp_between_equals_is_not_told_anything()
{
	in_guest red1 timeout 60 "$GUEST" bulk 10.1.2.4 9000 100
	in_guest red1 timeout 60 "$GUEST" bulk fd00:1:0:2::4 9000 100
	[ -z "$(learned red1 10.1.2.4)" ]
	[ -z "$(learned red1 fd00:1:0:2::4)" ]
}

# Datagrams of a sender that does not care what it is told (IP_PMTUDISC_PROBE).
send_deaf()
{
	in_guest web1 /usr/bin/python3 -c '
import errno, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 10, 3)
for i in range(2000):
    s.sendto(bytes(1600), ("10.1.2.4", 53))'
}

a_flood_is_counted_where_it_is_not_answered()
{
	dropped_as too-big web1 send_deaf
}

another_mtu_is_another_version()
{
	local before
	before=$(version)
	sluice apply -f "$work/world.yaml"
	[ "$(version)" = "$before" ]
	ip -n "$P-db1" link set eth0 mtu 1400
	ip -n "$HOST" link set db1 mtu 1400
	sluice apply -f "$work/world.yaml"
	[ "$(version)" = $((before + 1)) ]
	in_guest web2 ping -M "do" -c 1 -W 5 -s 1450 10.1.2.4 | grep 'mtu = 1400'
}

the_agent_follows_a_devices_mtu()
{
	local before
	before=$(version)
	start "$HOST" "$work/agent" "$SLUICE" --switch "$SWITCH" agent
	ip -n "$HOST" link set db1 mtu 1300
	until_true 10 is_version $((before + 1))
	in_guest web2 ping -M "do" -c 1 -W 5 -s 1350 10.1.2.4 | grep 'mtu = 1300'
}
is_version() { [ "$(version)" = "$1" ]; }

must mtu_world_up
run_tests a_ping_that_is_too_large_is_told_the_mtu what_was_learned_is_used \
	a_sender_that_allows_fragments_is_told_as_well ends_that_take_as_much_are_told_nothing \
	tcp_finds_the_way_narrower_than_both_its_ends bulk_tcp_between_equals_is_not_told_anything \
	a_flood_is_counted_where_it_is_not_answered another_mtu_is_another_version \
	the_agent_follows_a_devices_mtu
finish
