#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A guest that makes one interface of its port's two devices: a bond in active-backup, as sluice(8) says.
# Here, because the kernel it is made with must have bonding.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/vm/lib.sh
. tests/vm/lib.sh
inside bookworm 600
modprobe -a veth bonding
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
# shellcheck source=tests/system/failover.sh
. tests/system/failover.sh

in_web1() { ip -n "$P-web1" "$@"; }

# The fast device comes; the guest, as udev would for it, puts it into the bond.
plug_in_fast()
{
	ip -n "$HOST" link add fast1 type veth peer name fast0 netns "$P-web1" \
		address 52:54:00:00:01:04
	quiet_host fast1
	in_web1 link set fast0 master bond0
	in_web1 link set bond0 type bond primary fast0
	ip -n "$HOST" link set fast1 up
}

unplug_fast() { ip -n "$HOST" link del fast1; }
reset_fast()
{
	ip -n "$HOST" link set fast1 down
	until_true 10 carried_by web1
	ip -n "$HOST" link set fast1 up
}

active() { in_web1 -d -j link show bond0 | json "d[0]['linkinfo']['info_data'].get('active_slave')"; }
active_is() { [ "$(active)" = "$1" ]; }

bond_world()
{
	world_up
	quiet_host web1
	in_web1 link add bond0 type bond mode active-backup miimon 10 all_slaves_active 1
	in_web1 addr flush dev eth0
	in_web1 link set eth0 down
	in_web1 link set eth0 master bond0
	in_web1 link set bond0 address 52:54:00:00:01:04 up
	plug_in_fast
	in_web1 addr add 10.1.1.4/24 dev bond0
	in_web1 route add default via 10.1.1.1
	in_web1 -6 addr add fd00:1:0:1::4/64 dev bond0 nodad
	in_web1 -6 route add default via fd00:1:0:1::1
	sluice port set web1 --acceleration auto --acceleration-device fast1
	agent_up
	until_true 10 carried_by fast1
	until_true 10 active_is fast0
}

# both_ways_by DEVICE HOST_DEVICE: guest and switch have chosen the same one.
both_ways_by()
{
	until_true 10 active_is "$1"
	until_true 10 carried_by "$2"
	sent_before=$(sent "$1")
	arrive_by "$1" hears 5000
	[ "$(sent "$1")" -gt "$sent_before" ]
}
sent() { in_web1 -s -j link show "$1" | json "d[0]['stats64']['tx']['packets']"; }

# An emulated processor takes its time: 20 ms hold a round trip and what the kernel does meanwhile.
goes_and_returns() # SERVER ADDRESS
{
	hold_open web1 "$1" 80
	both_ways_by fast0 fast1
	lost_while 150 20 "$2" unplug_fast
	figure 'bond, fast device gone'
	[ "$lost" -le 1 ]
	both_ways_by eth0 web1
	lost_while 150 20 "$2" plug_in_fast
	figure 'bond, fast device back'
	[ "$lost" -le 1 ]
	both_ways_by fast0 fast1
	hold_close
}

a_bond_goes_on_when_the_fast_device_goes_and_returns()
{
	goes_and_returns 10.1.1.5 10.1.1.4
	goes_and_returns fd00:1:0:1::5 fd00:1:0:1::4
}

a_bond_goes_on_when_the_fast_device_is_reset()
{
	hold_open web1 10.1.1.5 80
	both_ways_by fast0 fast1
	lost_while 150 20 10.1.1.4 reset_fast
	figure 'bond, fast device reset'
	both_ways_by fast0 fast1
	hold_close
}

# Nobody tells the guest: it goes on sending by the fast device, and must take from the other one.
a_bond_goes_on_when_acceleration_is_switched_off_and_on()
{
	hold_open web1 fd00:1:0:1::5 80
	lost_while 150 20 10.1.1.4 sluice accel off web1
	figure 'bond, acceleration off'
	[ "$lost" = 0 ]
	arrive_by eth0 hears 5000
	lost_while 150 20 10.1.1.4 sluice accel on web1
	figure 'bond, acceleration on'
	[ "$lost" = 0 ]
	both_ways_by fast0 fast1
	hold_close
}

must bond_world
run_tests a_bond_goes_on_when_the_fast_device_goes_and_returns \
	a_bond_goes_on_when_the_fast_device_is_reset \
	a_bond_goes_on_when_acceleration_is_switched_off_and_on
finish
