#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a hostile guest does to the wire, and that nobody else ever sees it. The numbers are those of
# the threats that ARCHITECTURE.md lists.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
each_hook

# refused REASON SCENARIO [KEY=VALUE...]: web1 sends it, it counts as REASON, db1 does not see it.
refused() { dropped_as "$1" web1 unseen db1 frames web1 "${@:2}"; }

threat_01_spoofed_addresses_of_every_kind_are_dropped()
{
	seen db1 frames web1 udp4
	refused mac-spoofed udp4 mac=52:54:00:00:01:05
	refused ip-spoofed udp4 src=10.1.1.5
	refused ip-spoofed udp6 src6=fd00:1:0:1::5
	refused arp-spoofed arp_claim src=10.1.1.5
	refused arp-spoofed arp_ask src=10.1.1.5 dst=10.1.2.4
	refused nd-spoofed nd_claim dst6=fd00:1:0:1::5
}

threat_01_a_device_without_bindings_admits_nothing()
{
	guest_veth new 52:54:00:00:01:06 10.1.1.6 fd00:1:0:1::6
	unseen db1 frames new udp4
	silent new ping 10.1.1.1
	# With the port's addresses missing it is still shut.
	sluice port add new --device new --hook "$HOOK" --vnet blue --subnet web --mac 52:54:00:00:01:06
	unseen db1 frames new udp4
	sluice port set new --addresses 10.1.1.6 fd00:1:0:1::6
	passes new ping 10.1.1.1
	passes new udp 10.1.2.4 53
	sluice port del new
	silent new ping 10.1.1.1
	ip netns del "$P-new"
}

threat_02_dhcp_servers_and_router_adverts_are_dropped_unless_allowed()
{
	local before
	refused dhcp-server dhcp_offer
	refused dhcp-server dhcp6_advertise
	refused router-advert router_advert
	sluice port set web1 --guards.dhcpServer allow
	before=$(drops web1 dhcp-server)
	frames web1 dhcp_offer
	[ "$(drops web1 dhcp-server)" = "$before" ]
	sluice port set web1 --guards.dhcpServer deny
	sluice port set web1 --guards.spoofing allow
	seen db1 frames web1 udp4 src=10.1.1.77
	sluice port set web1 --guards.spoofing deny
	refused ip-spoofed udp4 src=10.1.1.77
}

threat_03_vlan_tags_do_not_hop()
{
	refused vlan-tagged vlan
	refused vlan-tagged qinq
	refused vlan-depth three_tags
	unseen red2 frames web1 vlan
}

threat_04_a_later_fragment_without_its_first_is_dropped()
{
	refused fragment-orphan orphan_fragment
	refused fragment-orphan orphan_fragment6
}

threat_05_a_later_fragment_is_not_read_as_a_header()
{
	refused fragment-orphan fragment_as_syn
	[ "$(sluice -j flow list | json_lines '[f for f in d if f["sourcePort"] == 20]')" = '[]' ]
}

threat_06_tiny_and_overlapping_fragments_are_dropped()
{
	refused fragment-tiny tiny_fragment
	# The first of the two fragments is in order and may pass; what overlaps it may not.
	dropped_as fragment-overlap web1 frames web1 overlap_fragment
}

threat_07_a_first_fragment_without_its_whole_chain_is_dropped()
{
	refused fragment-tiny chain_in_fragments
}

threat_08_headers_that_lie_are_dropped()
{
	refused ipv6-extensions long_chain
	refused ip-header bad_ihl
	refused ip-options source_route
}

threat_10_segments_no_stack_sends_are_dropped()
{
	refused tcp-flags bad_flags
	refused tcp-state lone_ack
}

threat_11_forged_icmp_errors_are_dropped()
{
	refused icmp-unrelated forged_icmp
	refused icmp-unrelated forged_icmp6
}

threat_12_a_guest_at_its_flow_limit_harms_nobody_else()
{
	sluice flow flush
	sluice port set web1 --flow-limit 100
	hold_open web2 10.1.2.4 5432
	dropped_as flow-limit web1 frames web1 many_flows
	[ "$(sluice -j flow list --port web1 | json_lines 'len(d)')" -le 101 ]
	hears 5000
	passes web2 tcp 10.1.2.4 5432
	passes db1 udp 10.1.1.5 53
	hold_close
	sluice port set web1 --flow-limit ''
	sluice flow flush
	passes web1 tcp 10.1.2.4 5432
}

threat_15_a_guests_own_tunnel_stays_data()
{
	refused nsg-deny own_vxlan
	unseen red2 frames web1 own_vxlan
}

broadcast_and_unknown_protocols_go_nowhere()
{
	refused l2-broadcast broadcast
	refused ethertype other_ethertype
}

the_world_still_works_after_all_that()
{
	passes web1 tcp 10.1.2.4 5432
	passes web2 ping fd00:1:0:2::4
	sluice stats --drops
}

must world_up
run_tests threat_01_spoofed_addresses_of_every_kind_are_dropped \
	threat_01_a_device_without_bindings_admits_nothing \
	threat_02_dhcp_servers_and_router_adverts_are_dropped_unless_allowed \
	threat_03_vlan_tags_do_not_hop threat_04_a_later_fragment_without_its_first_is_dropped \
	threat_05_a_later_fragment_is_not_read_as_a_header \
	threat_06_tiny_and_overlapping_fragments_are_dropped \
	threat_07_a_first_fragment_without_its_whole_chain_is_dropped \
	threat_08_headers_that_lie_are_dropped threat_10_segments_no_stack_sends_are_dropped \
	threat_11_forged_icmp_errors_are_dropped \
	threat_12_a_guest_at_its_flow_limit_harms_nobody_else \
	threat_15_a_guests_own_tunnel_stays_data broadcast_and_unknown_protocols_go_nowhere \
	the_world_still_works_after_all_that
finish
