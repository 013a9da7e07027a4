#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What passes between guests, and that what is not allowed does not.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
each_hook tc xdp mixed

guests_of_a_subnet_reach_each_other()
{
	passes web1 ping 10.1.1.5
	passes web1 ping fd00:1:0:1::5
	passes web1 tcp 10.1.1.5 80
	passes web2 tcp fd00:1:0:1::4 80
	passes web2 udp 10.1.1.4 53
	passes web2 udp fd00:1:0:1::4 53
}

guests_of_two_subnets_reach_each_other()
{
	passes web1 ping 10.1.2.4
	passes db1 ping fd00:1:0:1::4
	passes web1 tcp 10.1.2.4 5432
	passes web2 tcp fd00:1:0:2::4 5432
	passes web1 udp 10.1.2.4 53
	passes web2 udp fd00:1:0:2::4 53
	passes db1 tcp 10.1.1.5 80
}

what_no_rule_allows_gets_no_answer_and_names_its_rule()
{
	local before
	before=$(rule_hits db rest)
	dropped_as nsg-deny web1 silent web1 tcp 10.1.2.4 22
	dropped_as nsg-deny web1 silent web1 udp fd00:1:0:2::4 54
	silent db1 tcp 10.1.1.4 22
	[ "$(rule_hits db rest)" -ge $((before + 2)) ]
	[ "$(sluice -j test-ip-flow --port db1 --direction Inbound --protocol TCP \
		--local 10.1.2.4:22 --remote 10.1.1.4:40000 | json 'd["access"], d["rule"], d["level"]')" \
		= "('Deny', 'db/rest', 'subnet')" ]
}

the_gateway_answers_pings_and_nothing_else()
{
	passes web1 ping 10.1.1.1
	passes web1 ping fd00:1:0:1::1
	passes db1 ping 10.1.2.1
	passes web1 ping 10.1.2.1
	dropped_as gateway-only-echo web1 silent web1 tcp 10.1.1.1 80
	dropped_as gateway-only-echo web1 silent web1 udp fd00:1:0:1::1 53
}

neighbors_are_answered_with_the_switchs_mac()
{
	local mac
	mac=$(sluice -j status | json 'd["mac"]')
	passes web1 ping 10.1.1.5
	passes web1 ping fd00:1:0:1::5
	in_guest web1 ip neigh
	in_guest web1 ip neigh show 10.1.1.5 | grep -qi "lladdr $mac"
	in_guest web1 ip neigh show fd00:1:0:1::5 | grep -qi "lladdr $mac"
}

an_address_nobody_has_is_not_answered()
{
	dropped_as arp-unanswered web1 silent web1 ping 10.1.1.99
	dropped_as nd-unanswered web1 silent web1 ping fd00:1:0:1::99
	dropped_as no-endpoint web1 silent web1 ping 10.1.2.99
	dropped_as no-route web1 silent web1 ping 192.0.2.1
}

a_router_hop_costs_one_ttl_and_a_subnet_none()
{
	in_guest web1 ping -c 1 -W 5 10.1.2.4 | grep ttl=63
	in_guest web1 ping -c 1 -W 5 fd00:1:0:2::4 | grep ttl=63
	in_guest web1 ping -c 1 -W 5 -t 1 10.1.1.5 | grep ttl=64
	in_guest web1 ping -c 1 -W 5 -t 1 fd00:1:0:1::5 | grep ttl=64
}

time_exceeded_comes_from_the_senders_gateway()
{
	in_guest web1 ping -c 1 -W 5 -t 1 10.1.2.4 | grep 'From 10.1.1.1 .*Time to live exceeded'
	in_guest web1 ping -c 1 -W 5 -t 1 fd00:1:0:2::4 |
		grep 'From fd00:1:0:1::1 .*Time exceeded: Hop limit'
}

datagrams_in_fragments_arrive_whole()
{
	in_guest web1 ping -c 3 -i 0.2 -W 5 -s 4000 10.1.2.4 | grep ' 0% packet loss'
	in_guest web1 ping -c 3 -i 0.2 -W 5 -s 4000 fd00:1:0:2::4 | grep ' 0% packet loss'
	passes web1 udp 10.1.2.4 53 5000 8000
	passes web2 udp fd00:1:0:1::4 53 5000 20000
}

bulk_tcp_arrives_whole()
{
	in_guest web1 timeout 60 "$GUEST" bulk 10.1.2.4 9000 200
	in_guest web1 timeout 60 "$GUEST" bulk fd00:1:0:2::4 9000 100
}

thousands_of_datagrams_all_come_back()
{
	in_guest web1 "$GUEST" burst 10.1.2.4 53 20000
	in_guest web1 "$GUEST" burst fd00:1:0:2::4 53 20000
}

two_vnets_with_the_same_addresses_do_not_meet()
{
	# The same question in both vnets is answered by each vnet's own guest, and seen by no other.
	passes red1 tcp 10.1.2.4 80
	silent web1 tcp 10.1.2.4 80
	unseen red2 frames web1 udp4
	unseen db1 frames red1 udp4
	unseen db1 frames red1 udp6
	seen red2 frames red1 udp4
	passes red1 udp fd00:1:0:2::4 53
	[ "$(sluice -j flow list | json_lines 'sorted({f["vnet"] for f in d})')" = "['blue', 'red']" ]
}

a_neighbor_in_another_vnet_is_not_answered()
{
	# web2's address is not red's: nobody there answers for it.
	dropped_as arp-unanswered red1 silent red1 ping 10.1.1.5
	dropped_as nd-unanswered red1 silent red1 ping fd00:1:0:1::5
}

an_icmp_error_about_a_live_flow_comes_back()
{
	# red has no NSG; nobody listens there.
	[ "$(in_guest red1 "$GUEST" udp 10.1.2.4 9999)" = refused ]
	[ "$(in_guest red1 "$GUEST" udp fd00:1:0:2::4 9999)" = refused ]
}

duplicate_address_detection_finds_no_duplicate()
{
	in_guest web2 sysctl -qw net.ipv6.conf.eth0.accept_dad=1
	ip -n "$P-web2" -6 addr del fd00:1:0:1::5/64 dev eth0
	ip -n "$P-web2" -6 addr add fd00:1:0:1::5/64 dev eth0
	until_true 10 address_is_settled
	[ "$(in_guest web2 ip -6 addr show dev eth0 dadfailed | wc -l)" = 0 ]
	passes web2 ping fd00:1:0:2::4
}

address_is_settled() { ! in_guest web2 ip -6 addr show dev eth0 tentative | grep fd00; }

a_guest_behind_a_tap_is_one_like_any_other()
{
	guest_tap vm1 52:54:00:00:01:09 10.1.1.9 fd00:1:0:1::9
	sluice port add vm1 --device vm1 --hook "${HOOK/mixed/auto}" --vnet blue --subnet web \
		--mac 52:54:00:00:01:09 --addresses 10.1.1.9 fd00:1:0:1::9
	serve vm1 tcp:80 tcp:22 udp:53 sink:9000
	passes vm1 ping 10.1.2.4
	passes web1 ping fd00:1:0:1::9
	passes vm1 tcp 10.1.2.4 5432
	passes web1 tcp fd00:1:0:1::9 80
	passes vm1 udp fd00:1:0:2::4 53 5000 8000
	in_guest vm1 timeout 60 "$GUEST" bulk 10.1.2.4 9000 20
	passes db1 udp 10.1.1.9 53 5000 8000
	dropped_as nsg-deny web1 silent web1 tcp 10.1.1.9 22
	sluice status
	sluice port del vm1
	silent vm1 ping 10.1.1.1
}

status_shows_the_delivery_asked_for()
{
	sluice status
	if [ "$HOOK" = mixed ]; then
		[ "$(sluice -j status | json '[p["delivery"] for p in d["ports"]][:2]')" = "['xdp', 'tc']" ]
	else
		[ "$(sluice -j status | json '{p["delivery"] for p in d["ports"]}')" = "{'$HOOK'}" ]
	fi
}

generic_xdp_carries_what_a_stack_would_segment_late()
{
	local port
	for port in web1 db1; do
		sluice port set $port --hook tc
		sluice port set $port --hook xdp-generic
	done
	sluice status
	bulk_tcp_arrives_whole
	passes web1 udp 10.1.2.4 53 5000 8000
	# There is one place for XDP: no frame shall pass while neither mode's program is there.
	sluice port set web1 --hook xdp 2>"$work/said" && return 1
	grep 'web1 has one place for XDP.*hook: tc first' "$work/said"
	for port in web1 db1; do
		sluice port set $port --hook tc
		sluice port set $port --hook "${HOOK/mixed/auto}"
	done
	passes web1 tcp 10.1.2.4 5432
}

# XDP's redirects would miss a device whose far end comes up polling after it.
a_port_attached_before_its_guest_is_up_hears()
{
	ip -n "$HOST" link del web2
	ip -n "$HOST" link add web2 type veth peer name eth0 netns "$P-web2" address 52:54:00:00:01:05
	ip -n "$HOST" link set web2 up
	sluice apply -f "$work/world.yaml"
	guest_configure web2 52:54:00:00:01:05 10.1.1.5 fd00:1:0:1::5
	passes web1 tcp 10.1.1.5 80
	passes web2 tcp fd00:1:0:2::4 5432
}

must world_up
run_tests guests_of_a_subnet_reach_each_other guests_of_two_subnets_reach_each_other \
	what_no_rule_allows_gets_no_answer_and_names_its_rule \
	the_gateway_answers_pings_and_nothing_else neighbors_are_answered_with_the_switchs_mac \
	an_address_nobody_has_is_not_answered a_router_hop_costs_one_ttl_and_a_subnet_none \
	time_exceeded_comes_from_the_senders_gateway datagrams_in_fragments_arrive_whole \
	bulk_tcp_arrives_whole thousands_of_datagrams_all_come_back \
	two_vnets_with_the_same_addresses_do_not_meet a_neighbor_in_another_vnet_is_not_answered \
	an_icmp_error_about_a_live_flow_comes_back duplicate_address_detection_finds_no_duplicate \
	a_guest_behind_a_tap_is_one_like_any_other status_shows_the_delivery_asked_for \
	generic_xdp_carries_what_a_stack_would_segment_late \
	a_port_attached_before_its_guest_is_up_hears
finish
