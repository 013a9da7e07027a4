#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A vnet over two hosts, of which the other is the kernel's own: a vxlan device in a namespace.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

# overlay_document LOCAL REMOTE: web1 lives here, 10.1.1.9 and 10.1.3.9 on the other host.
overlay_document()
{
	cat <<END
apiVersion: sluice/v1
switch: {name: $SWITCH}
uplinks: [{device: up0}]
tunnel: {local: "$1"}
remotes: [{name: other, address: "$2"}]
vnets:
  - name: blue
    vni: 5001
    prefixes: [10.1.0.0/16, "fd00:1::/48"]
    subnets:
      - {name: web, prefixes: [10.1.1.0/24, "fd00:1:0:1::/64"]}
    addresses:
      - {address: 10.1.1.9, mac: "52:54:00:00:09:09", remote: other}
      - {address: "fd00:1:0:1::9", mac: "52:54:00:00:09:09", remote: other}
      - {address: 10.1.3.9, mac: "52:54:00:00:09:09", remote: other}
      - {address: "fd00:1:0:3::9", mac: "52:54:00:00:09:09", remote: other}
ports:
  - {name: web1, device: web1, vnet: blue, subnet: web, mac: "52:54:00:00:01:04",
     addresses: [10.1.1.4, "fd00:1:0:1::4"]}
END
}

in_other() { nsenter --net="/run/netns/$P-other" -- "$@"; }

# other_has DEVICE OPTION...: the kernel's tunnel device, as guest 10.1.1.9 of the vnet.
other_has()
{
	local switch_mac

	in_other ip link del over 2>/dev/null || true
	in_other ip link add over address 52:54:00:00:09:09 type "$@"
	in_other sysctl -qw net.ipv6.conf.over.accept_dad=0
	in_other ip link set over up
	in_other ip addr add 10.1.1.9/24 dev over
	in_other ip addr add 10.1.3.9/32 dev over
	in_other ip -6 addr add fd00:1:0:1::9/64 dev over nodad
	in_other ip -6 addr add fd00:1:0:3::9/128 dev over nodad
	switch_mac=$(sluice -j status | json 'd["mac"]')
	in_other ip neigh replace 10.1.1.4 lladdr "$switch_mac" dev over
	in_other ip neigh replace fd00:1:0:1::4 lladdr "$switch_mac" dev over
}

overlay_world()
{
	host_up
	ip netns add "$P-other"
	ip -n "$P-other" link set lo up
	ip -n "$HOST" link add up0 mtu 1600 type veth peer name eth0 netns "$P-other"
	ip -n "$P-other" link set eth0 mtu 1600 up
	ip -n "$HOST" link set up0 up
	ip -n "$HOST" addr add 192.0.2.1/24 dev up0
	ip -n "$HOST" -6 addr add 2001:db8::1/64 dev up0 nodad
	ip -n "$P-other" addr add 192.0.2.2/24 dev eth0
	ip -n "$P-other" -6 addr add 2001:db8::2/64 dev eth0 nodad
	guest_veth web1 52:54:00:00:01:04 10.1.1.4 fd00:1:0:1::4
	overlay_document 192.0.2.1 192.0.2.2 >"$work/v4.yaml"
	overlay_document 2001:db8::1 2001:db8::2 >"$work/v6.yaml"
	sluice up -f "$work/v4.yaml"
	serve web1 tcp:80 sink:9000
	start "$P-other" "$work/served" "$GUEST" serve tcp:80 sink:9000
	until_true 5 grep -q ready "$work/served"
	in_other sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
}

over_ipv4()
{
	sluice apply -f "$work/v4.yaml" || return 1
	other_has vxlan id 5001 local 192.0.2.2 remote 192.0.2.1 dstport 4789 dev eth0
}

over_ipv6()
{
	sluice apply -f "$work/v6.yaml" || return 1
	other_has vxlan id 5001 local 2001:db8::2 remote 2001:db8::1 dstport 4789 dev eth0 \
		udp6zerocsumrx udp6zerocsumtx
}

# Every address of either side from the other one, with the largest packets that fit.
both_ways()
{
	local address
	for address in 10.1.1.9 10.1.3.9 fd00:1:0:1::9 fd00:1:0:3::9; do
		in_guest web1 ping -c 2 -i 0.1 -W 2 "$address"
		in_guest web1 ping -c 2 -i 0.1 -W 2 -M "do" -s 1452 "$address"
	done
	for address in 10.1.1.4 fd00:1:0:1::4; do
		in_other ping -c 2 -i 0.1 -W 2 "$address"
		in_other ping -c 2 -i 0.1 -W 2 -M "do" -s 1452 "$address"
	done
}

guests_reach_each_other_over_ipv4() { over_ipv4; both_ways; }
guests_reach_each_other_over_ipv6() { over_ipv6; both_ways; }

bulk()
{
	local address
	for address in 10.1.1.9 fd00:1:0:1::9; do
		in_guest web1 "$GUEST" bulk "$address" 9000 "$@"
	done
	for address in 10.1.1.4 fd00:1:0:1::4; do
		in_other "$GUEST" bulk "$address" 9000 "$@"
	done
}

threat_15_a_guest_of_another_vni_is_not_heard()
{
	over_ipv4
	other_has vxlan id 5002 local 192.0.2.2 remote 192.0.2.1 dstport 4789 dev eth0
	if in_other ping -c 1 -W 1 10.1.1.4; then return 1; fi
	over_ipv4
	in_other ping -c 1 -W 1 10.1.1.4
}

next_hop_names_the_remote()
{
	sluice next-hop web1 --dest-ip 10.1.3.9 | grep -x 'Remote other, by route 10.1.0.0/16'
	sluice next-hop web1 --dest-ip 10.1.1.9 | grep 'Remote other, by route 10.1.1.0/24'
}

bulk_tcp_runs_both_ways_over_ipv4() { over_ipv4; bulk 50; }
bulk_tcp_runs_both_ways_over_ipv6() { over_ipv6; bulk 50; }

must overlay_world
run_tests guests_reach_each_other_over_ipv4 bulk_tcp_runs_both_ways_over_ipv4 \
	next_hop_names_the_remote threat_15_a_guest_of_another_vni_is_not_heard \
	guests_reach_each_other_over_ipv6 bulk_tcp_runs_both_ways_over_ipv6
finish
