#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Attaching where there is no tcx, and beside libxdp's dispatcher, which not every kernel can load.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/vm/lib.sh
. tests/vm/lib.sh
inside bookworm 600
modprobe -a veth tun
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

other=$BUILD/tests/system/other.bpf.o

uplink_world()
{
	host_up
	ip netns add "$P-outside"
	ip -n "$HOST" link add up0 type veth peer name eth0 netns "$P-outside"
	ip -n "$HOST" link set up0 up
	ip -n "$HOST" addr add 192.0.2.1/24 dev up0
	ip -n "$P-outside" link set eth0 up
	ip -n "$P-outside" addr add 192.0.2.2/24 dev eth0
	guest_veth web1 52:54:00:00:01:04 10.1.1.4 fd00:1:0:1::4
	for hook in tc xdp; do
		printf 'apiVersion: sluice/v1\nswitch: {name: %s}\nuplinks: [{device: up0, hook: %s}]\n' \
			"$SWITCH" $hook >"$work/$hook.yaml"
	done
	cat >>"$work/tc.yaml" <<END
vnets: [{name: blue, prefixes: [10.1.0.0/16], subnets: [{name: web, prefixes: [10.1.1.0/24]}]}]
ports: [{name: web1, device: web1, hook: tc, vnet: blue, subnet: web, mac: 52:54:00:00:01:04, addresses: [10.1.1.4]}]
END
}

reset()
{
	sluice down
	host xdp-loader unload -a up0
}

qdiscs() { host tc qdisc show | grep -c clsact; }
dispatched() { host xdp-loader status up0 | grep -c "$1"; }
reaches_the_host() { passes outside ping 192.0.2.1; }

without_tcx_the_qdisc_goes_with_the_switch()
{
	[ "$(qdiscs)" = 0 ]
	sluice up -f "$work/tc.yaml"
	[ "$(qdiscs)" = 2 ]
	sluice status
	reaches_the_host
	passes web1 ping 10.1.1.1
	sluice down
	[ "$(qdiscs)" = 0 ]
	reaches_the_host
}

somebody_elses_qdisc_and_filter_stay()
{
	host tc qdisc add dev up0 clsact
	host tc filter add dev up0 ingress protocol all prio 7 matchall action continue
	sluice up -f "$work/tc.yaml"
	reaches_the_host
	sluice down
	[ "$(qdiscs)" = 1 ]
	host tc filter show dev up0 ingress | grep 'pref 7'
	[ "$(host tc filter show dev up0 ingress | grep -c sluice)" = 0 ]
	host tc qdisc del dev up0 clsact
}

libxdps_dispatcher_is_joined_and_left()
{
	host xdp-loader load -m native up0 "$other"
	[ "$(dispatched xdp_dispatcher)" = 1 ]
	sluice up -f "$work/xdp.yaml"
	host xdp-loader status up0
	[ "$(dispatched other_pass)" = 1 ]
	[ "$(dispatched sluice_uplink)" = 1 ]
	reaches_the_host
	sluice upgrade
	host xdp-loader status up0
	[ "$(dispatched other_pass)" = 1 ]
	[ "$(dispatched sluice_uplink)" = 1 ]
	reaches_the_host
	sluice down
	host xdp-loader status up0
	[ "$(dispatched other_pass)" = 1 ]
	[ "$(dispatched sluice_uplink)" = 0 ]
	reaches_the_host
	host xdp-loader unload -a up0
}

must uplink_world
run_tests without_tcx_the_qdisc_goes_with_the_switch somebody_elses_qdisc_and_filter_stay \
	libxdps_dispatcher_is_joined_and_left
finish
