#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Route tables, a virtual appliance that forwards by Linux's own stack, and peered vnets.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
each_hook

# web1 and db1 in blue, between them fw in a subnet of its own; app1 in red, a peer of blue; far1 in
# green, a peer of blue that is none of red.
world()
{
	host_up
	guest_veth web1 52:54:00:00:01:04 10.1.1.4 fd00:1:0:1::4
	guest_veth web2 52:54:00:00:01:05 10.1.1.5 fd00:1:0:1::5
	guest_veth db1 52:54:00:00:02:04 10.1.2.4 fd00:1:0:2::4
	guest_veth fw 52:54:00:00:09:04 10.1.9.4 fd00:1:0:9::4
	guest_veth app1 52:54:00:00:03:04 10.2.1.4 fd00:2:0:1::4
	guest_veth far1 52:54:00:00:04:04 10.3.1.4 fd00:3:0:1::4
	forwarding 1
	in_guest fw sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
	document >"$work/net.yaml"
	sluice up -f "$work/net.yaml"
	for guest in web1 web2 db1 app1 far1; do
		serve "$guest" tcp:80 udp:53
	done
}

forwarding() { in_guest fw sysctl -qw net.ipv4.ip_forward="$1" net.ipv6.conf.all.forwarding="$1"; }

document()
{
	cat <<END
apiVersion: sluice/v1
switch: {name: $SWITCH}
vnets:
  - name: blue
    prefixes: [10.1.0.0/16, "fd00:1::/48"]
    peers: [red, green]
    subnets:
      - {name: web, prefixes: [10.1.1.0/24, "fd00:1:0:1::/64"], routes: inner}
      - {name: db, prefixes: [10.1.2.0/24, "fd00:1:0:2::/64"], routes: inner}
      - {name: dmz, prefixes: [10.1.9.0/24, "fd00:1:0:9::/64"]}
  - name: red
    prefixes: [10.2.0.0/16, "fd00:2::/48"]
    subnets: [{name: app, prefixes: [10.2.1.0/24, "fd00:2:0:1::/64"], routes: to-green}]
  - name: green
    prefixes: [10.3.0.0/16, "fd00:3::/48"]
    subnets: [{name: far, prefixes: [10.3.1.0/24, "fd00:3:0:1::/64"], routes: to-red}]
routes:
  inner:
    - {prefix: 10.1.0.0/16, nextHop: none}
    - {prefix: 10.1.1.0/24, nextHop: 10.1.9.4}
    - {prefix: 10.1.1.5/32, nextHop: none}
    - {prefix: 10.1.2.0/24, nextHop: 10.1.9.4}
    - {prefix: "fd00:1:0:1::/64", nextHop: "fd00:1:0:9::4"}
    - {prefix: "fd00:1:0:2::/64", nextHop: "fd00:1:0:9::4"}
    - {prefix: "fd00:1:0:1::5/128", nextHop: none}
    - {prefix: 192.0.2.0/24, nextHop: none}
    - {prefix: "2001:db8::/32", nextHop: internet}
  to-green:
    - {prefix: 10.3.0.0/16, nextHop: 10.1.9.4}
    - {prefix: "fd00:3::/48", nextHop: "fd00:1:0:9::4"}
  to-red:
    - {prefix: 10.2.0.0/16, nextHop: 10.1.9.4}
    - {prefix: "fd00:2::/48", nextHop: "fd00:1:0:9::4"}
ports:
  - {name: web1, device: web1, hook: $HOOK, vnet: blue, subnet: web, mac: 52:54:00:00:01:04, addresses: [10.1.1.4, "fd00:1:0:1::4"]}
  - {name: web2, device: web2, hook: $HOOK, vnet: blue, subnet: web, mac: 52:54:00:00:01:05, addresses: [10.1.1.5, "fd00:1:0:1::5"]}
  - {name: db1, device: db1, hook: $HOOK, vnet: blue, subnet: db, mac: 52:54:00:00:02:04, addresses: [10.1.2.4, "fd00:1:0:2::4"]}
  - {name: fw, device: fw, hook: $HOOK, vnet: blue, subnet: dmz, mac: 52:54:00:00:09:04, addresses: [10.1.9.4, "fd00:1:0:9::4"], guards: {spoofing: allow}}
  - {name: app1, device: app1, hook: $HOOK, vnet: red, subnet: app, mac: 52:54:00:00:03:04, addresses: [10.2.1.4, "fd00:2:0:1::4"]}
  - {name: far1, device: far1, hook: $HOOK, vnet: green, subnet: far, mac: 52:54:00:00:04:04, addresses: [10.3.1.4, "fd00:3:0:1::4"]}
END
}

reset()
{
	forwarding 1
	sluice apply -f "$work/net.yaml"
	sluice flow flush
}

# through_fw COMMAND...: passes, and what passed went through fw, which sends on every packet.
through_fw()
{
	local before
	before=$(sluice -j stats fw | json "d['rx']['packets']")
	"$@"
	[ "$(sluice -j stats fw | json "d['rx']['packets']")" -gt "$((before + 1))" ]
}

# past_fw COMMAND...: passes without it.
past_fw()
{
	local before
	before=$(sluice -j stats fw | json "d['tx']['packets']")
	"$@"
	[ "$(sluice -j stats fw | json "d['tx']['packets']")" = "$before" ]
}

connections_pass_an_appliance_in_both_directions()
{
	reset
	through_fw passes web1 tcp 10.1.2.4 80
	through_fw passes web1 tcp fd00:1:0:2::4 80
	through_fw passes db1 tcp 10.1.1.4 80
	through_fw passes db1 tcp fd00:1:0:1::4 80
	through_fw passes web1 udp 10.1.2.4 53
	through_fw passes web1 udp fd00:1:0:2::4 53
	through_fw passes web1 ping 10.1.2.4
	through_fw passes db1 ping fd00:1:0:1::4
	# Each connection is two flows, one on either side of it.
	sluice flow flush
	passes web1 tcp 10.1.2.4 80
	[ "$(sluice -j flow list | json_lines "len(d)")" = 2 ]
}

without_its_forwarding_nothing_passes()
{
	reset
	forwarding 0
	silent web1 tcp 10.1.2.4 80
	silent web1 udp 10.1.2.4 53
}

fragments_and_errors_pass_an_appliance()
{
	reset
	through_fw passes web1 ping 10.1.2.4 -s 3000
	through_fw passes web1 ping fd00:1:0:2::4 -s 3000
	through_fw refused web1 udp 10.1.2.4 9
	through_fw refused web1 udp fd00:1:0:2::4 9
}

refused() { [ "$(in_guest "$1" "$GUEST" "$2" "$3" "$4" 5000)" = refused ]; }

# Routes of the far subnet do not say so, and yet the appliance sees both directions.
answers_take_the_way_that_the_packets_took()
{
	reset
	sluice subnet set blue/db --routes ""
	past_fw passes db1 tcp 10.2.1.4 80
	through_fw passes web1 tcp 10.1.2.4 80
	through_fw passes web1 tcp fd00:1:0:2::4 80
	hold_open web1 10.1.2.4 80
	hears 5000
	sluice asg add another-version
	hears 5000
	hold_close
}

the_longest_prefix_decides_and_of_equal_ones_the_users()
{
	reset
	dropped_as route-none web1 silent web1 tcp 192.0.2.1 80
	dropped_as route-none web1 silent web1 tcp 10.1.1.5 80
	dropped_as route-none db1 silent db1 udp fd00:1:0:1::5 53
	dropped_as no-route web1 silent web1 udp 2001:db8::1 53
	dropped_as no-endpoint web1 silent web1 tcp 10.2.1.9 80
	sluice route delete inner/10.1.1.5/32
	through_fw passes web1 tcp 10.1.1.5 80
	sluice route set inner/10.1.1.0/24 --next-hop none
	dropped_as route-none web1 silent web1 tcp 10.1.1.5 80
}

peers_reach_each_other_in_both_directions()
{
	reset
	past_fw passes web1 tcp 10.2.1.4 80
	past_fw passes web1 tcp fd00:2:0:1::4 80
	past_fw passes app1 tcp 10.1.1.4 80
	past_fw passes app1 tcp fd00:1:0:1::4 80
	past_fw passes app1 udp 10.1.2.4 53
	past_fw passes db1 ping fd00:2:0:1::4
	past_fw passes app1 ping 10.1.2.4 -s 3000
	refused app1 udp 10.1.2.4 9
	sluice subnet set red/app --routes ""
	sluice vnet set blue --peers green
	dropped_as no-route web1 silent web1 tcp 10.2.1.4 80
}

vnets_that_are_no_peers_meet_in_an_appliance_of_both()
{
	reset
	through_fw passes app1 tcp 10.3.1.4 80
	through_fw passes far1 tcp fd00:2:0:1::4 80
	through_fw passes far1 ping 10.2.1.4
	sluice route delete to-green/10.3.0.0/16
	dropped_as no-route app1 silent app1 tcp 10.3.1.4 80
}

a_new_peering_leaves_connections_alone()
{
	reset
	sluice subnet set red/app --routes ""
	sluice vnet set blue --peers green
	hold_open web1 10.1.2.4 80
	hears 5000
	sluice vnet set blue --peers green red
	hears 5000
	hold_close
}

next_hop_tells_which_route_decides()
{
	reset
	[ "$(sluice next-hop web1 --dest-ip 10.1.2.4)" = \
		"VirtualAppliance fw 10.1.9.4, by route inner/10.1.2.0/24" ]
	[ "$(sluice next-hop web1 --dest-ip fd00:1:0:2::9)" = \
		"VirtualAppliance fw fd00:1:0:9::4, by route inner/fd00:1:0:2::/64" ]
	[ "$(sluice next-hop web1 --dest-ip 10.1.7.7)" = "None, by route inner/10.1.0.0/16" ]
	[ "$(sluice next-hop web1 --dest-ip 192.0.2.1)" = "None, by route inner/192.0.2.0/24" ]
	[ "$(sluice next-hop web1 --dest-ip 2001:db8::1)" = "Internet, by route inner/2001:db8::/32" ]
	[ "$(sluice next-hop web1 --dest-ip 10.2.1.4)" = "Port app1, by route 10.2.1.0/24 (subnet app)" ]
	[ "$(sluice next-hop fw --dest-ip 10.1.2.4)" = "Port db1, by route 10.1.2.0/24 (subnet db)" ]
	sluice -j next-hop web1 --dest-ip 10.1.2.4 | json "d['routeTable'] == 'inner'" | grep -q True
}

declined() { if "$@"; then return 1; fi; }

tables_and_routes_are_edited_one_by_one()
{
	reset
	sluice route table add spare
	sluice route add spare/10.9.0.0/16 --next-hop 10.1.9.4
	sluice route add --table spare -n 10.8.0.0/16 --next-hop none
	sluice -j route list spare | json "len(d) == 2" | grep -q True
	sluice route table show spare | grep -q 10.9.0.0/16
	sluice subnet set blue/dmz --routes spare
	[ "$(sluice next-hop fw --dest-ip 10.9.1.1)" = "None: no route" ]
	declined sluice route table delete spare
	sluice export >"$work/out.yaml"
	sluice apply -f "$work/out.yaml" | grep -q "nothing to change"
	sluice subnet set blue/dmz --routes ""
	sluice route table delete spare
	declined sluice port set fw --guards-spoofing deny
}

must world
run_tests connections_pass_an_appliance_in_both_directions without_its_forwarding_nothing_passes \
	fragments_and_errors_pass_an_appliance answers_take_the_way_that_the_packets_took \
	the_longest_prefix_decides_and_of_equal_ones_the_users \
	peers_reach_each_other_in_both_directions \
	vnets_that_are_no_peers_meet_in_an_appliance_of_both a_new_peering_leaves_connections_alone \
	next_hop_tells_which_route_decides tables_and_routes_are_edited_one_by_one
finish
