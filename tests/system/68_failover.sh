#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A port with two devices: one that comes and goes, as a VF does, and one that stays. The guest sends
# by the fast one while it has it: both have the guest's MAC and addresses, the fast one the better route.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/failover.sh
. "$(dirname "$0")/failover.sh"
each_hook

# metric DEVICE NUMBER: how much the guest likes to send by a device.
metric()
{
	local ns=$P-web1
	ip -n "$ns" addr flush dev "$1"
	ip -n "$ns" -6 route del default dev "$1" || true
	ip -n "$ns" addr add 10.1.1.4/24 dev "$1" metric "$2"
	ip -n "$ns" route add default via 10.1.1.1 dev "$1" metric "$2"
	ip -n "$ns" -6 addr add fd00:1:0:1::4/64 dev "$1" nodad metric "$2"
	ip -n "$ns" -6 route add default via fd00:1:0:1::1 dev "$1" metric "$2"
}

plug_in_fast()
{
	ip -n "$HOST" link add fast1 type veth peer name fast0 netns "$P-web1" \
		address 52:54:00:00:01:04
	in_guest web1 sysctl -qw net.ipv4.conf.fast0.rp_filter=0
	ip -n "$P-web1" link set fast0 up
	quiet_host fast1
	ip -n "$HOST" link set fast1 up
	metric fast0 10
}

unplug_fast() { ip -n "$HOST" link del fast1; }

failover_world()
{
	world_up
	in_guest web1 sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
	quiet_host web1
	metric eth0 100
	plug_in_fast
	sluice port set web1 --acceleration auto --acceleration-device fast1
	agent_up
}

the_fast_device_carries_the_port_while_it_is_there()
{
	until_true 5 carried_by fast1
	why | grep 'auto: fast1 is up'
	arrive_by fast0 passes web2 tcp 10.1.1.4 80
	arrive_by fast0 passes web2 tcp fd00:1:0:1::4 80
	arrive_by fast0 passes web1 tcp 10.1.2.4 5432
}

# goes_and_returns SERVER ADDRESS: what is under way when the device goes is lost, which is one ping of
# 2 ms at most, and nothing when it returns.
goes_and_returns()
{
	hold_open web1 "$1" 80
	arrive_by fast0 hears 2000
	lost_while 1000 2 "$2" unplug_fast
	figure 'fast device gone'
	[ "$lost" -le 1 ]
	hears 2000
	until_true 5 carried_by web1
	why | grep 'auto: fast1 is not up'
	arrive_by eth0 hears 2000
	lost_while 1000 2 "$2" plug_in_fast
	figure 'fast device back'
	[ "$lost" = 0 ]
	until_true 5 carried_by fast1
	arrive_by fast0 hears 2000
	hold_close
}

a_connection_goes_on_when_the_fast_device_goes_and_returns()
{
	goes_and_returns 10.1.1.5 10.1.1.4
	goes_and_returns fd00:1:0:1::5 fd00:1:0:1::4
}

# A link that goes down, as on a reset.
a_connection_goes_on_when_the_fast_device_loses_its_link()
{
	hold_open web1 10.1.1.5 80
	ip -n "$HOST" link set fast1 down
	until_true 5 carried_by web1
	metric eth0 5
	arrive_by eth0 hears 3000
	metric eth0 100
	ip -n "$HOST" link set fast1 up
	until_true 5 carried_by fast1
	arrive_by fast0 hears 3000
	hold_close
}

acceleration_is_switched_off_and_on_by_hand()
{
	hold_open web1 10.1.1.5 80
	lost_while 1000 2 10.1.1.4 sluice accel off web1
	[ "$lost" = 0 ]
	sluice accel show web1 | grep 'acceleration off'
	carried_by web1
	metric eth0 5
	arrive_by eth0 hears 3000
	metric eth0 100
	lost_while 1000 2 fd00:1:0:1::4 sluice accel on web1
	[ "$lost" = 0 ]
	sluice accel show web1 | grep 'acceleration auto'
	carried_by fast1
	arrive_by fast0 hears 3000
	hold_close
}

both_devices_are_policed_alike()
{
	silent web1 tcp 10.1.2.4 22
	dropped_as mac-spoofed web1 frames web1 udp4 dev=fast0 mac=52:54:00:00:01:05
	dropped_as mac-spoofed web1 frames web1 udp4 dev=eth0 mac=52:54:00:00:01:05
	ip -n "$HOST" link set fast1 down
	until_true 5 carried_by web1
	metric eth0 5
	silent web1 tcp 10.1.2.4 22
	passes web1 tcp 10.1.2.4 5432
	metric eth0 100
	ip -n "$HOST" link set fast1 up
	until_true 5 carried_by fast1
}

ended() { ! kill -0 "$1"; }

# What a writer that dies leaves is put back by the next one to take the lock, even when that then
# changes nothing.
a_writer_killed_while_the_devices_change_places_leaves_them_as_they_were()
{
	local code=0
	sluice export | sed 's/mode: auto/mode: off/' >"$work/off.yaml"
	grep -c 'mode: off' "$work/off.yaml"
	host "$STEPS" "$SWITCH" apply "$work/off.yaml" filled || code=$?
	[ $code = 137 ]
	! sluice nsg rule delete --nsg web nobody || return 1
	arrive_by fast0 passes web2 tcp 10.1.1.4 80
	carried_by fast1
}

# Nobody has looked, and delivery has fallen back all the same.
without_the_agent_the_kernel_falls_back()
{
	local before
	kill "$(cat "$work/agent.pid")"
	until_true 5 ended "$(cat "$work/agent.pid")"
	before=$(version)
	unplug_fast
	sluice -j trace web2 tcp 10.1.1.5 10.1.1.4:80 | json "d['verdict']" | grep -x Deliver
	arrive_by eth0 passes web2 tcp 10.1.1.4 80
	arrive_by eth0 passes web2 tcp fd00:1:0:1::4 80
	[ "$(version)" = "$before" ]
}

must failover_world
run_tests the_fast_device_carries_the_port_while_it_is_there \
	a_connection_goes_on_when_the_fast_device_goes_and_returns \
	a_connection_goes_on_when_the_fast_device_loses_its_link \
	acceleration_is_switched_off_and_on_by_hand both_devices_are_policed_alike \
	a_writer_killed_while_the_devices_change_places_leaves_them_as_they_were \
	without_the_agent_the_kernel_falls_back
finish
