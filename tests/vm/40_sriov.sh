#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# VFs of a NIC as ports: web1 and web2 have one beside their veths, db1 has none. On the other end of the
# NIC's wire is `outside`. The guests' VFs have the better routes while they are there.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/vm/lib.sh
. tests/vm/lib.sh
inside trixie 1200 sriov
modprobe -a veth tun 8021q bonding virtio_net igb igbvf
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
SILENCE=900

with_driver()
{
	local device
	for device in /sys/class/net/*; do
		[ "$(basename "$(readlink -f "$device/device/driver")")" != "$1" ] || basename "$device"
	done
}

vf_of() { ls "/sys/bus/pci/devices/$NIC/virtfn$1/net" 2>/dev/null; }
vf_is_there() { [ -n "$(vf_of "$1")" ]; }

metric()
{
	local ns=$P-$1 mac4=10.1.1.$4 mac6=fd00:1:0:1::$4
	ip -n "$ns" addr flush dev "$2"
	ip -n "$ns" addr add "$mac4/24" dev "$2" metric "$3"
	ip -n "$ns" route add default via 10.1.1.1 dev "$2" metric "$3"
	ip -n "$ns" -6 addr add "$mac6/64" dev "$2" nodad metric "$3"
	ip -n "$ns" -6 route add default via fd00:1:0:1::1 dev "$2" metric "$3"
}

# plug_in GUEST NUMBER LAST: the VF of that number becomes the guest's device vf0.
plug_in()
{
	until_true 20 vf_is_there "$2"
	ip link set "$(vf_of "$2")" netns "$P-$1" name vf0
	in_guest "$1" sysctl -qw net.ipv4.conf.vf0.rp_filter=0 net.ipv6.conf.vf0.accept_ra=0 \
		net.ipv6.conf.vf0.accept_dad=0
	ip -n "$P-$1" link set vf0 up
	metric "$1" vf0 10 "$3"
	neighbors "$1" "$3"
	until_true 20 link_is_up "$1"
}
# Guests are told here whom they would ask for, as the emulated NIC hands its own device no multicasts of VFs:
# told to take all, igb sets MPME, and QEMU knows only ROMPE with a hash of groups. tests/bpf/function.c shows that
# neighbor solicitations are answered.
neighbors()
{
	local neighbor
	for neighbor in 1 4 5; do
		[ $neighbor = "$2" ] || ip -n "$P-$1" -6 neigh replace fd00:1:0:1::$neighbor dev vf0 \
			lladdr "$(switch_mac)" nud permanent
	done
}
link_is_up() { ip -n "$P-$1" link show vf0 | grep -q LOWER_UP; }

delivery() { sluice -j status | json "[p['delivery'] for p in d['ports'] if p['name'] == '$1'][0]"; }
is_delivered() { [ "$(delivery "$1")" = "$2" ]; }

# Whether the version lets its VF have what is for a port, as soon as the guest sends by it.
is_carried() { sluice accel show "$1" | grep -qE 'delivered by vf|VF . of its NIC is there'; }

sriov_world()
{
	local card wire name
	card=$(with_driver igb) wire=$(with_driver virtio_net)
	NIC=$(basename "$(readlink -f "/sys/class/net/$card/device")")
	echo "$NIC" >"$work/nic"
	HOOK=tc world_up
	ip link set "$card" netns "$HOST" name nic0
	ip -n "$HOST" addr add 192.0.2.1/24 dev nic0
	ip -n "$HOST" link set nic0 up
	ip netns add "$P-outside"
	ip link set "$wire" netns "$P-outside" name wire0
	ip -n "$P-outside" link set wire0 up promisc on
	for name in web1 web2; do
		in_guest $name sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
		# What the host's own stack would say to the guest is not counted as the switch's.
		host sysctl -qw "net.ipv6.conf.$name.disable_ipv6=1"
	done
	metric web1 eth0 100 4
	metric web2 eth0 100 5
	until_true 20 nic_is_up
	sluice uplink add nic0 --vfs 3
	sluice port set web1 --acceleration vf --acceleration-device nic0
	sluice port set web2 --acceleration vf --acceleration-device nic0 --acceleration-vf 2
	start "$HOST" "$work/agent" "$SLUICE" --switch "$SWITCH" -j agent
	plug_in web1 0 4
	plug_in web2 2 5
}
nic_is_up() { ip -n "$HOST" link show nic0 | grep -q LOWER_UP; }

a_vf_has_the_ports_mac_and_a_vlan_of_its_own()
{
	ip -n "$HOST" link show nic0 >"$work/link"
	grep 'vf 0 .*52:54:00:00:01:04.* vlan 3840, spoof checking on.* trust off' "$work/link"
	grep 'vf 2 .*52:54:00:00:01:05.* vlan 3842, spoof checking on.* trust off' "$work/link"
	[ "$(in_guest web1 cat /proc/sys/net/ipv6/conf/vf0/disable_ipv6)" = 0 ]
	ip -n "$P-web1" link show vf0 | grep 52:54:00:00:01:04
	until_true 10 is_carried web1
	is_delivered web1 tc
	passes web1 ping 10.1.1.5
	is_delivered web1 vf
	is_delivered web2 vf
	sluice status
	sluice accel show web1 | grep 'acceleration vf, delivered by vf (VF 0 of nic0'
}

received() { ip -n "$P-$1" -s -j link show "$2" | json "d[0]['stats64']['rx']['packets']"; }

# by_vf GUEST COMMAND...: the guest gets frames by its VF while the command runs, and none by its veth.
by_vf()
{
	local before before_veth
	before=$(received "$1" vf0) before_veth=$(received "$1" eth0)
	"${@:2}"
	[ "$(received "$1" vf0)" -gt "$before" ]
	[ "$(received "$1" eth0)" = "$before_veth" ]
}

traffic_goes_by_vfs()
{
	by_vf web2 by_vf web1 passes web1 ping 10.1.1.5
	by_vf web2 by_vf web1 passes web1 ping fd00:1:0:1::5
	by_vf web2 by_vf web1 passes web1 tcp 10.1.1.5 80
	by_vf web2 by_vf web1 passes web1 udp fd00:1:0:1::5 53
	by_vf web1 passes web1 tcp 10.1.2.4 5432
	by_vf web1 passes web1 tcp fd00:1:0:2::4 5432
	by_vf web1 passes db1 tcp 10.1.1.4 80
	by_vf web1 passes db1 udp fd00:1:0:1::4 53
	by_vf web1 passes web1 ping 10.1.1.1
	by_vf web1 passes web1 ping fd00:1:0:1::1
}

policy_holds_for_vfs_and_changes_at_once()
{
	silent web1 tcp 10.1.1.5 22
	silent web1 tcp 10.1.2.4 22
	silent db1 tcp fd00:1:0:1::4 22
	sluice nsg rule create --nsg-name web -n ssh --priority 130 --direction Inbound --access Allow \
		--protocol Tcp --destination-port-ranges 22
	by_vf web2 passes web1 tcp 10.1.1.5 22
	hold_open web1 10.1.1.5 22
	hears 4000
	sluice nsg rule delete --nsg-name web -n ssh
	deaf 1000
	hold_close
}

switch_mac() { sluice -j status | json "d['mac']"; }
nic_mac() { ip -n "$HOST" -j link show nic0 | json "d[0]['address']"; }

# escape WAY FROM TO [VLAN...]: from web1's VF.
escape() { in_guest web1 /usr/bin/python3 tests/vm/escapes.py vf0 "$@"; }

# watch_all COMMAND...: how many marked frames come to web2, db1 and outside meanwhile, in $seen_web2 ...
watch_all()
{
	local name watchers=()
	for name in web2 db1 outside; do
		rm -f "$work/watch.$name"
		mkfifo "$work/watch.$name"
		in_guest "$name" "$GUEST" watch sluice-mark <"$work/watch.$name" >"$work/watched.$name" &
		watchers+=($!)
	done
	exec 8>"$work/watch.web2" 9>"$work/watch.db1" 10>"$work/watch.outside"
	for name in web2 db1 outside; do
		until_true 10 grep -q ready "$work/watched.$name"
	done
	"$@"
	exec 8>&- 9>&- 10>&-
	wait "${watchers[@]}"
	seen_web2=$(tail -1 "$work/watched.web2") seen_db1=$(tail -1 "$work/watched.db1")
	seen_outside=$(tail -1 "$work/watched.outside")
}

# nobody_sees WHAT COMMAND...: no guest does; what leaves on the wire is told.
nobody_sees()
{
	watch_all "${@:2}"
	[ "$seen_web2" = 0 ]
	[ "$seen_db1" = 0 ]
	echo "$1: $seen_outside frames left on the wire" >>"$work/figures"
}

W1=52:54:00:00:01:04 W2=52:54:00:00:01:05 ALL=ff:ff:ff:ff:ff:ff

an_honest_frame_is_seen_where_it_is_for()
{
	watch_all escape honest $W1 "$(switch_mac)"
	[ "$seen_web2" -ge 2 ] # what web2 answers holds the mark, too
	[ "$seen_db1" = 0 ]
	[ "$seen_outside" = 0 ]
}

# Is answered by the switch, or refused and counted.
threat_01_spoofed_addresses_do_not_leave_a_vf()
{
	local switch
	switch=$(switch_mac)
	nobody_sees "forged MAC" escape honest $W2 "$switch"
	nobody_sees "spoofed addresses" dropped_as ip-spoofed web1 escape addresses $W1 "$switch"
	nobody_sees "others' neighbors" dropped_as arp-spoofed web1 dropped_as nd-spoofed web1 \
		escape neighbors $W1 $ALL
}

threat_03_vlan_tags_do_not_leave_a_vf()
{
	local switch vlans
	switch=$(switch_mac)
	for vlans in 3842 3840 "3840 3842" "1 3842"; do
		# shellcheck disable=SC2086 # several words
		nobody_sees "tagged $vlans to the switch" escape honest $W1 "$switch" $vlans
		# shellcheck disable=SC2086
		nobody_sees "tagged $vlans to the other VF" escape honest $W1 $W2 $vlans
	done
}

threat_27_a_vf_reaches_nobody_past_the_switch()
{
	nobody_sees "to the other VF" escape honest $W1 $W2
	nobody_sees "to the wire's other end" escape honest $W1 52:54:00:00:fe:02
	nobody_sees "broadcast" dropped_as l2-broadcast web1 escape honest $W1 $ALL
	nobody_sees "multicast" escape honest $W1 01:00:5e:00:00:fb
	nobody_sees "to the host" dropped_as no-route web1 escape host $W1 "$(nic_mac)"
	nobody_sees "unknown MAC" escape honest $W1 02:12:34:56:78:9a
}

wire() { in_guest outside /usr/bin/python3 tests/vm/escapes.py wire0 "$@"; }

threat_27_the_wire_reaches_no_vf()
{
	local switch
	switch=$(switch_mac)
	nobody_sees "from the wire, untagged to a VF" wire honest $W1 $W2
	nobody_sees "from the wire, untagged to the switch" wire honest $W1 "$switch"
	watch_all wire honest $W1 $W2 3842
	echo "from the wire, in a VF's VLAN to the VF: it sees $seen_web2" >>"$work/figures"
	watch_all wire honest $W1 "$switch" 3840
	echo "from the wire, in a VF's VLAN to the switch: web2 sees $seen_web2" >>"$work/figures"
}

# lost_while COMMAND...: how many pings to web1 come to nothing meanwhile, into $lost.
lost_while()
{
	local pinger before
	in_guest web2 ping -i 0.01 -c 300 -W 1 -q 10.1.1.4 >"$work/pinged" &
	pinger=$!
	before=$(sent_to_port)
	until_true 10 pings_run
	"$@"
	wait $pinger || true
	lost=$(sed -nE 's/^([0-9]+) packets transmitted, ([0-9]+) received.*/\1 \2/p' "$work/pinged" |
		{ read -r sent got; echo $((sent - got)); })
	sed -n 's/^rtt/round trip/p' "$work/pinged" >"$work/rtt"
}
sent_to_port() { sluice -j stats web1 | json "d['tx']['packets']"; }
pings_run() { [ "$(sent_to_port)" -gt $((before + 5)) ]; }

acceleration_is_switched_off_and_on_under_a_connection()
{
	hold_open web1 10.1.1.5 80
	hears 4000
	lost_while sluice accel off web1
	is_delivered web1 tc
	hears 4000
	echo "accel off: $lost of 300 pings lost, 10 ms apart; $(cat "$work/rtt")" >>"$work/figures"
	[ "$lost" = 0 ]
	lost_while sluice accel on web1
	is_delivered web1 vf
	by_vf web1 hears 4000
	echo "accel on: $lost of 300 pings lost" >>"$work/figures"
	[ "$lost" = 0 ]
	hold_close
}

# The guest web1 pairs its devices itself. The NIC lets no guest set its VF's MAC, which a bond does unless
# it takes the active device's.
bond_up()
{
	local ns=$P-web1
	ip -n "$ns" addr flush dev eth0
	ip -n "$ns" addr flush dev vf0
	ip -n "$ns" link add bond0 type bond mode active-backup miimon 10 fail_over_mac active
	ip -n "$ns" link set eth0 down
	ip -n "$ns" link set eth0 master bond0
	ip -n "$ns" link set vf0 down
	ip -n "$ns" link set vf0 master bond0
	ip -n "$ns" link set bond0 type bond primary vf0
	ip -n "$ns" link set bond0 up
	metric web1 bond0 10 4
	until_true 20 is_active vf0
}
is_active() { ip -n "$P-web1" -d link show bond0 | grep -q "active_slave $1"; }
shut_vf()
{
	ip -n "$P-web1" link set vf0 down
	until_true 20 is_active eth0
}
open_vf()
{
	ip -n "$P-web1" link set vf0 up
	until_true 20 is_active vf0
}

# The host is not told that a guest shuts its VF: what the guest sends says so.
a_bond_in_a_guest_fails_over_and_back()
{
	local version
	until_true 10 is_carried web1
	bond_up
	version=$(sluice -j status | json "d['version']")
	hold_open web1 10.1.1.5 80
	by_vf web1 hears 4000
	is_delivered web1 vf
	lost_while shut_vf
	echo "VF shut in a bond: $lost of 300 pings lost, 10 ms apart; $(cat "$work/rtt")" >>"$work/figures"
	[ "$lost" -le 10 ] # until the bond looks
	hears 4000
	is_delivered web1 tc
	sluice accel show web1 | grep 'its guest sends by web1'
	lost_while open_vf
	echo "VF opened in a bond: $lost of 300 pings lost" >>"$work/figures"
	[ "$lost" -le 2 ] # of one round trip
	by_vf web1 hears 4000
	is_delivered web1 vf
	[ "$(sluice -j status | json "d['version']")" = "$version" ]
	hold_close
}

# Under one version a frame for a port is tagged for its VF, under the next it is not.
switched()
{
	local pinger before
	start "$P-web2" "$work/pinged" ping -i 0.002 -q \
		-p "$(printf sluice-mark | od -An -tx1 | tr -d ' ')" 10.1.1.4
	pinger=$!
	before=$(sent_to_port)
	until_true 10 pings_run
	for _ in 1 2 3 4 5 6; do
		sluice accel off web1
		sluice accel on web1
	done
	kill -INT $pinger
	wait $pinger
}

switching_shows_no_frame_to_the_wire()
{
	watch_all switched
	echo "switched 12 times: $(grep received "$work/pinged")" >>"$work/figures"
	[ "$seen_web2" -gt 100 ]
	[ "$seen_outside" = 0 ]
}

# refused TEXT COMMAND...
refused()
{
	! sluice "${@:2}" >"$work/refused" 2>&1 || return 1
	cat "$work/refused"
	grep -qF -- "$1" "$work/refused"
}

what_the_nic_can_not_give_is_named()
{
	local version
	version=$(sluice -j status | json "d['version']")
	refused 'VF 2 of "nic0" is port "web2"' port set db1 --acceleration vf \
		--acceleration-device nic0 --acceleration-vf 2
	refused 'beyond its vfs: 3' port set db1 --acceleration vf --acceleration-device nic0 \
		--acceleration-vf 3
	sluice export | sed 's/vfs: 3/vfs: 5/' >"$work/more.yaml"
	refused 'takes them from their guests first' apply -f "$work/more.yaml"
	[ "$(sluice -j status | json "d['version']")" = "$version" ]
	by_vf web1 passes web1 ping 10.1.1.5
}

address_of_vf() { basename "$(readlink -f "/sys/bus/pci/devices/$NIC/virtfn$1")"; }
unplug() { address_of_vf 0 >/sys/bus/pci/drivers/igbvf/unbind; }
plug_again()
{
	address_of_vf 0 >/sys/bus/pci/drivers/igbvf/bind
	plug_in web1 0 4
}

a_connection_goes_on_when_the_vf_is_unplugged_and_back()
{
	hold_open web1 10.1.1.5 80
	by_vf web1 hears 4000
	lost_while unplug
	echo "VF unplugged: $lost of 300 pings lost, 10 ms apart; $(cat "$work/rtt")" >>"$work/figures"
	until_true 10 is_delivered web1 tc
	sluice accel show web1 | grep 'VF 0 of nic0 has no driver'
	hears 4000
	lost_while plug_again
	echo "VF back: $lost of 300 pings lost" >>"$work/figures"
	[ "$lost" -le 2 ] # of one round trip
	until_true 10 is_carried web1
	hears 4000
	is_delivered web1 vf
	by_vf web1 hears 4000
	hold_close
}

a_connection_goes_on_when_all_vfs_are_reset()
{
	hold_open web1 10.1.1.5 80
	hears 4000
	echo 0 >"/sys/bus/pci/devices/$NIC/sriov_numvfs"
	hears 6000
	# The agent makes them again, as the document wants them.
	plug_in web1 0 4
	plug_in web2 2 5
	until_true 10 is_carried web1
	until_true 10 is_carried web2
	hears 4000
	by_vf web1 by_vf web2 hears 4000
	is_delivered web1 vf
	hold_close
}

nic_device() { with_driver igb; }
nic_is_here() { [ -n "$(nic_device)" ]; }
vfs_are_made() { [ "$(cat "/sys/bus/pci/devices/$NIC/sriov_numvfs")" = 3 ]; }
is_without_vf() { ! is_carried web1; }

a_connection_goes_on_when_the_nics_driver_is_loaded_anew()
{
	hold_open web1 10.1.1.5 80
	hears 4000
	echo "$NIC" >/sys/bus/pci/drivers/igb/unbind
	hears 6000
	until_true 10 is_without_vf
	echo "$NIC" >/sys/bus/pci/drivers/igb/bind
	until_true 20 nic_is_here
	ip link set "$(nic_device)" netns "$HOST" name nic0
	ip -n "$HOST" link set nic0 up
	until_true 20 vfs_are_made
	plug_in web1 0 4
	plug_in web2 2 5
	until_true 20 is_carried web1
	until_true 20 is_carried web2
	hears 6000
	by_vf web1 by_vf web2 hears 4000
	hold_close
}

taken_off_the_nic_is_as_it_was()
{
	host ethtool -k nic0 | grep '^rx-vlan-offload: off'
	ip -n "$HOST" -d link show nic0 | grep 'allmulti 1'
	sluice down
	host ethtool -k nic0 | grep '^rx-vlan-offload: on'
	ip -n "$HOST" -d link show nic0 | grep 'allmulti 0'
	[ "$(cat "/sys/bus/pci/devices/$NIC/sriov_numvfs")" = 0 ]
	! ip -n "$HOST" link | grep slv || return 1
	[ -z "$(ls /run/sluice 2>/dev/null)" ]
}

must sriov_world
NIC=$(cat "$work/nic")
run_tests a_vf_has_the_ports_mac_and_a_vlan_of_its_own traffic_goes_by_vfs \
	what_the_nic_can_not_give_is_named \
	policy_holds_for_vfs_and_changes_at_once an_honest_frame_is_seen_where_it_is_for \
	threat_01_spoofed_addresses_do_not_leave_a_vf threat_03_vlan_tags_do_not_leave_a_vf \
	threat_27_a_vf_reaches_nobody_past_the_switch threat_27_the_wire_reaches_no_vf \
	acceleration_is_switched_off_and_on_under_a_connection switching_shows_no_frame_to_the_wire \
	a_connection_goes_on_when_the_vf_is_unplugged_and_back \
	a_connection_goes_on_when_all_vfs_are_reset \
	a_connection_goes_on_when_the_nics_driver_is_loaded_anew \
	a_bond_in_a_guest_fails_over_and_back taken_off_the_nic_is_as_it_was
finish
