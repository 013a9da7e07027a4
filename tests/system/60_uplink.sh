#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The switch on a real interface: up0 of a host that has an address there, a neighbor outside, and a
# connection that runs.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

uplink_world()
{
	host_up
	ip netns add "$P-outside"
	ip -n "$HOST" link add up0 type veth peer name eth0 netns "$P-outside"
	ip -n "$HOST" link add up1 type veth peer name eth1 netns "$P-outside"
	ip -n "$HOST" link set up0 up
	ip -n "$HOST" link set up1 up
	ip -n "$HOST" addr add 192.0.2.1/24 dev up0
	ip -n "$HOST" -6 addr add 2001:db8::1/64 dev up0 nodad
	ip -n "$P-outside" link set eth0 up
	ip -n "$P-outside" link set eth1 up
	ip -n "$P-outside" addr add 192.0.2.2/24 dev eth0
	ip -n "$P-outside" -6 addr add 2001:db8::2/64 dev eth0 nodad
	start "$HOST" "$work/served" "$GUEST" serve tcp:8080 sink:9000
	until_true 5 grep -q ready "$work/served"
	for hook in auto tc xdp xdp-generic; do
		printf 'apiVersion: sluice/v1\nswitch: {name: %s}\nuplinks: [{device: up0, hook: %s}]\n' \
			"$SWITCH" $hook >"$work/$hook.yaml"
	done
	printf 'apiVersion: sluice/v1\nswitch: {name: %s}\nuplinks: [{device: up0}, {device: up1, hook: xdp}]\n' \
		"$SWITCH" >"$work/two.yaml"
}

reset()
{
	sluice down
	host xdp-loader unload -a up0
	host bpftool net detach xdp dev up0
	host bpftool net detach xdp dev up1
}

addresses() { host ip -o addr show up0 | sed 's/ tentative//'; }
xdp_program() { host ip -d link show "$1" | grep -oE 'prog/xdp.* id [0-9]+' | grep -oE '[0-9]+$'; }
nothing_of_ours()
{
	host bpftool net show | tee "$work/net"
	[ "$(grep -c sluice "$work/net")" = 0 ]
	[ ! -e "/sys/fs/bpf/sluice/$SWITCH" ]
	[ ! -e "/run/sluice/$SWITCH" ]
}

the_host_keeps_its_address_and_its_connections()
{
	local hook pinger before
	before=$(addresses)
	hold_open outside 192.0.2.1 8080
	start "$P-outside" "$work/ping" ping -i 0.005 -W 1 192.0.2.1
	pinger=$!
	for hook in tc xdp xdp-generic auto; do
		sluice up -f "$work/$hook.yaml"
		hears 1000
		sluice status
		passes outside ping 2001:db8::1
		in_guest outside "$GUEST" bulk 192.0.2.1 9000 20
		[ "$(addresses)" = "$before" ]
		sluice down
		hears 1000
		[ "$(addresses)" = "$before" ]
		nothing_of_ours
	done
	kill -INT $pinger
	wait $pinger || true
	tail -3 "$work/ping"
	# One may be under way when ping is told to end.
	[ $(($(sed -nE 's/^([0-9]+) packets transmitted, ([0-9]+) received.*/\1-\2/p' "$work/ping"))) -le 1 ]
	hold_close
}

status_says_which_hook_and_why()
{
	sluice up -f "$work/auto.yaml"
	[ "$(sluice -j status | json 'd["uplinks"][0]["device"], d["uplinks"][0]["hook"] in ("xdp", "tc")')" \
		= "('up0', True)" ]
	sluice uplink list
	[ -n "$(xdp_program up0)" ]
	sluice down
	[ -z "$(xdp_program up0)" ]
}

an_uplink_comes_and_goes_live()
{
	sluice up
	hold_open outside 192.0.2.1 8080
	sluice uplink add up0
	hears 1000
	[ -n "$(xdp_program up0)" ]
	sluice uplink del up0
	hears 1000
	[ -z "$(xdp_program up0)" ]
	hold_close
	sluice down
}

load_other()
{
	rm -f "/sys/fs/bpf/$P-other"
	bpftool prog load "$BUILD/tests/system/other.bpf.o" "/sys/fs/bpf/$P-other" type xdp
	host bpftool net attach xdp pinned "/sys/fs/bpf/$P-other" dev "$1"
	rm -f "/sys/fs/bpf/$P-other"
}

threat_19_another_xdp_program_is_not_evicted()
{
	local before code=0
	load_other up0
	before=$(xdp_program up0)
	sluice up -f "$work/xdp.yaml" 2>"$work/said" || code=$?
	cat "$work/said"
	[ $code = 2 ]
	[ "$(wc -l <"$work/said")" = 1 ]
	grep -q other_pass "$work/said"
	[ "$(xdp_program up0)" = "$before" ]
	nothing_of_ours
	# Beside it, by tc, there is room.
	sluice up -f "$work/tc.yaml"
	[ "$(xdp_program up0)" = "$before" ]
	passes outside ping 192.0.2.1
	sluice down
	[ "$(xdp_program up0)" = "$before" ]
	host bpftool net detach xdp dev up0
}

libxdps_dispatcher_is_shared()
{
	host xdp-loader load -m native up0 "$BUILD/tests/system/other.bpf.o" ||
		skip "xdp-loader can not load here"
	host xdp-loader status up0 | grep other_pass
	if ! host xdp-loader status up0 | grep xdp_dispatcher; then
		host xdp-loader unload -a up0
		skip "this kernel refuses libxdp's dispatcher (freplace): xdp-loader loads without it"
	fi
	sluice up -f "$work/xdp.yaml"
	host xdp-loader status up0
	host xdp-loader status up0 | grep other_pass
	host xdp-loader status up0 | grep sluice_uplink
	passes outside ping 192.0.2.1
	sluice status
	sluice down
	host xdp-loader status up0 | grep other_pass
	[ "$(host xdp-loader status up0 | grep -c sluice_uplink)" = 0 ]
	host xdp-loader unload -a up0
	passes outside ping 192.0.2.1
}

threat_21_an_attach_that_fails_half_way_leaves_nothing()
{
	local code=0
	load_other up1
	sluice up -f "$work/two.yaml" || code=$?
	[ $code = 2 ]
	nothing_of_ours
	[ -z "$(xdp_program up0)" ]
	host bpftool net detach xdp dev up1
	sluice up -f "$work/two.yaml"
	sluice down
	nothing_of_ours
}

an_uplink_that_is_not_there_is_named()
{
	local code=0
	sed 's/up0/nodev0/' "$work/auto.yaml" >"$work/bad.yaml"
	sluice up -f "$work/bad.yaml" 2>"$work/said" || code=$?
	cat "$work/said"
	[ $code = 2 ]
	grep -q nodev0 "$work/said"
	nothing_of_ours
}

the_doctor_sees_another_program()
{
	load_other up0
	sluice doctor up0 | grep other_pass
	host bpftool net detach xdp dev up0
}

must uplink_world
run_tests the_host_keeps_its_address_and_its_connections status_says_which_hook_and_why \
	an_uplink_comes_and_goes_live threat_19_another_xdp_program_is_not_evicted \
	libxdps_dispatcher_is_shared threat_21_an_attach_that_fails_half_way_leaves_nothing \
	an_uplink_that_is_not_there_is_named the_doctor_sees_another_program
finish
