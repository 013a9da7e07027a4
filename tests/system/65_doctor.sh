#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The doctor on what can be provoked here: each thing that people trip over is done, and is then
# named with its remedy. Hardware that is not here: tests/unit/doctor.c.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
HOOK=xdp

# finding DEVICE SUBJECT: "LEVEL TEXT" of what the doctor says of it.
finding()
{
	sluice -j doctor "$1" |
		json "[f['level'] + ' ' + f['text'] for f in d if f['subject'] == '$2']"
}

remedy() { sluice -j doctor "$1" | json "[f['remedy'] for f in d if f['subject'] == '$2'][0]"; }

# mended_by COMMAND: what a person would paste, where the switch runs.
mended_by() { host bash -c "PATH=$BUILD:\$PATH; $1"; }

drift() { sluice -j status | json "[p['drift'] for p in d['ports'] if p['name'] == '$1'][0]"; }

a_far_end_without_gro_is_named_and_mended()
{
	local code=0
	passes web1 ping 10.1.1.5
	[ "$(drift web2)" = None ]
	in_guest web2 ethtool -K eth0 gro off
	silent web1 ping 10.1.1.5
	sluice status >"$work/said" || code=$?
	[ $code = 3 ]
	grep 'web2 .*GRO switched off at the far end' "$work/said"
	finding web2 'web2: far end GRO' | grep "cannot off at eth0: frames that XDP sends there vanish"
	finding web2 port | grep 'web2 of .*GRO switched off'
	mended_by "$(remedy web2 'web2: far end GRO')"
	[ "$(drift web2)" = None ]
	passes web1 ping 10.1.1.5
}

a_far_end_that_leaves_checksums_out_is_named_and_mended()
{
	in_guest web1 ethtool -K eth0 tx on
	passes web1 ping 10.1.1.5
	silent web1 tcp 10.1.1.5 80
	drift web1 | grep 'checksums switched on at the far end'
	finding web1 'web1: far end checksums' | grep 'cannot on at eth0'
	mended_by "$(remedy web1 'web1: far end checksums')"
	[ "$(drift web1)" = None ]
	passes web1 tcp 10.1.1.5 80
}

applying_the_document_again_mends_far_ends()
{
	in_guest web1 ethtool -K eth0 tx on
	in_guest web2 ethtool -K eth0 gro off
	sluice apply -f "$work/world.yaml"
	sluice status
	passes web1 tcp 10.1.1.5 80
	passes web2 tcp 10.1.1.4 80
}

# Nor is what the guest had before forgotten over it.
down_gives_a_mended_far_end_back_as_it_was()
{
	sluice down
	in_guest web1 ethtool -k eth0 | grep 'tx-checksumming: on'
	in_guest web1 ethtool -k eth0 | grep 'generic-receive-offload: off'
	sluice up -f "$work/world.yaml"
	passes web1 tcp 10.1.1.5 80
}

a_veth_says_what_native_xdp_costs_on_it()
{
	ip -n "$HOST" link add pair0 type veth peer name pair1
	finding pair0 'pair0: veth' | grep 'slower .*takes GSO away'
	finding pair0 'pair0: far end GRO' | grep 'slower off at pair1'
	mended_by "$(remedy pair0 'pair0: far end GRO')"
	[ "$(finding pair0 'pair0: far end GRO')" = '[]' ]
	finding pair0 'pair0: AF_XDP' | grep 'slower copy mode'
	ip -n "$HOST" link del pair0
	finding web1 'web1: XDP program' | grep 'ok ours; tcpdump does not see'
}

an_mtu_above_the_drivers_limit_is_named_and_mended()
{
	ip -n "$HOST" link add pair0 mtu 9000 type veth peer name pair1
	finding pair0 'pair0: MTU' | grep 'slower MTU 9000 is above 3506'
	mended_by "$(remedy pair0 'pair0: MTU')"
	finding pair0 'pair0: MTU' | grep 'ok 3506'
	ip -n "$HOST" link del pair0
}

a_vlans_child_is_named()
{
	ip -n "$HOST" link add pair0 type veth peer name pair1
	ip -n "$HOST" link add link pair0 name pair0.5 type vlan id 5 ||
		{ ip -n "$HOST" link del pair0; skip "this kernel has no VLAN devices"; }
	finding pair0.5 'pair0.5: VLAN device' | grep 'cannot .*attach the parent'
	ip -n "$HOST" link del pair0
}

a_bridges_port_is_named_and_taken_off()
{
	ip -n "$HOST" link add pair0 type veth peer name pair1
	ip -n "$HOST" link add br0 type bridge
	ip -n "$HOST" link set pair0 master br0
	finding pair0 'pair0: master' | grep 'slower belongs to br0'
	mended_by "$(remedy pair0 'pair0: master')"
	[ "$(finding pair0 'pair0: master')" = '[]' ]
	ip -n "$HOST" link del pair0
	ip -n "$HOST" link del br0
}

a_persons_ssh_session_is_named_by_address_and_by_route()
{
	ip netns add "$P-person"
	ip -n "$HOST" link add up0 type veth peer name eth0 netns "$P-person"
	ip -n "$HOST" link add other0 type veth peer name other1
	ip -n "$HOST" link set up0 up
	ip -n "$HOST" addr add 192.0.2.1/24 dev up0
	ip -n "$HOST" addr add 198.51.100.1/32 dev lo
	ip -n "$P-person" link set eth0 up
	ip -n "$P-person" addr add 192.0.2.2/24 dev eth0
	ip -n "$P-person" route add 198.51.100.1 via 192.0.2.1
	start "$HOST" "$work/sshd" "$GUEST" serve tcp:22
	until_true 5 grep -q ready "$work/sshd"
	[ "$(finding up0 'up0: SSH')" = '[]' ]
	hold_open person 192.0.2.1 22
	finding up0 'up0: SSH' | grep 'slower an SSH session runs over this interface'
	[ "$(finding other0 'other0: SSH')" = '[]' ]
	hold_close
	hold_open person 198.51.100.1 22
	finding up0 'up0: SSH' | grep 'slower an SSH session'
	hold_close
	ip -n "$HOST" link del up0
	ip -n "$HOST" link del other0
}

# --- what `up`, `port add` and the like say by themselves ---

# told WHAT COMMAND...: the command's stderr is one warning that has WHAT in it.
told()
{
	"${@:2}" 2>"$work/told"
	cat "$work/told"
	[ "$(wc -l <"$work/told")" = 1 ]
	grep "^warning: .*$1" "$work/told"
}

# warnings COMMAND...: subjects of what its JSON has.
warnings() { "$@" | json "[w['subject'] for w in d['warnings']]"; }

# add_pair HOOK [OPTION]
add_pair()
{
	sluice "${@:2}" port add pair --device pair0 --hook "$1" --vnet blue --subnet web \
		--mac 52:54:00:00:01:09 --addresses 10.1.1.9
}
forget_pair()
{
	sluice port delete pair 2>"$work/told"
	[ ! -s "$work/told" ]
	ip -n "$HOST" link del pair0
}
make_pair() { ip -n "$HOST" link add pair0 "$@" type veth peer name pair1; }

adding_a_port_says_what_applies_to_it_and_nothing_else()
{
	make_pair
	add_pair tc 2>"$work/told"
	[ ! -s "$work/told" ]
	told 'pair0: veth: native XDP takes GSO away' sluice port set pair --hook xdp
	# What runs already was said.
	sluice port set web1 --nsg web 2>"$work/told"
	[ ! -s "$work/told" ]
	forget_pair
	make_pair mtu 9000
	[ "$(warnings add_pair xdp -j)" = "['pair0: MTU', 'pair0: veth']" ]
	forget_pair
	ip -n "$HOST" link add br0 type bridge
	make_pair master br0
	told 'pair0: master: belongs to br0.*; run: ip link set pair0 nomaster' add_pair tc
	forget_pair
	ip -n "$HOST" link del br0
	make_pair
	told 'pair0: AF_XDP: copy mode' sluice port add pair --device pair0 --acceleration af_xdp --vnet blue \
		--subnet web --mac 52:54:00:00:01:09 --addresses 10.1.1.9
	forget_pair
}

applying_and_bringing_up_say_it_too()
{
	local document=$work/warned.yaml
	make_pair mtu 9000
	{
		cat "$work/world.yaml"
		echo "  - {name: pair, device: pair0, hook: xdp, vnet: blue, subnet: web," \
			'mac: "52:54:00:00:01:09", addresses: [10.1.1.9]}'
	} >"$document"
	[ "$(warnings sluice -j apply -f "$document")" = "['pair0: MTU', 'pair0: veth']" ]
	[ "$(warnings sluice -j apply -f "$document")" = '[]' ]
	sluice down
	sluice up -f "$document" 2>"$work/told"
	grep 'warning: pair0: MTU: MTU 9000 is above 3506.*; run: ip link set pair0 mtu 3506' "$work/told"
	# The ports of the world are on XDP as well.
	[ "$(grep -c '^warning: .*: veth: ' "$work/told")" = 6 ]
	forget_pair
}

an_uplink_that_carries_a_persons_session_is_warned_of()
{
	ip netns add "$P-person2"
	ip -n "$HOST" link add up0 type veth peer name eth0 netns "$P-person2"
	ip -n "$HOST" link set up0 up
	ip -n "$HOST" addr add 192.0.2.1/24 dev up0
	ip -n "$P-person2" link set eth0 up
	ip -n "$P-person2" addr add 192.0.2.2/24 dev eth0
	start "$HOST" "$work/sshd2" "$GUEST" serve tcp:22
	until_true 5 grep -q ready "$work/sshd2"
	hold_open person2 192.0.2.1 22
	told 'up0: SSH: an SSH session.*--confirm' sluice uplink add up0 --hook tc
	hold_close
	sluice uplink delete up0
	ip -n "$HOST" link del up0
}

missing_privileges_are_named_one_by_one()
{
	host setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$SLUICE" doctor >"$work/said"
	grep -E 'cannot +privileges +missing: cap_net_admin' "$work/said"
	grep 'run: sudo sluice doctor' "$work/said"
}

a_hidden_bpf_file_system_is_named()
{
	ip netns exec "$HOST" "$SLUICE" doctor >"$work/said"
	grep -E "cannot +bpf file system .*'ip netns exec' hides it" "$work/said"
	grep "run: sluice -n $HOST doctor" "$work/said"
}

the_limit_of_locked_memory_is_told()
{
	(ulimit -l 64 && sluice doctor) | grep -E 'ok +locked memory +limit 65536 bytes'
}

# Mounts that end with the command.
without() { host unshare -m bash -c "mount -t tmpfs none $1 && exec $SLUICE doctor"; }

a_missing_dispatcher_and_a_missing_btf_are_named()
{
	local place
	place=$(sluice -j doctor | json "[f['text'] for f in d if f['subject'] == 'libxdp dispatcher'][0]")
	without "$(dirname "$place")" >"$work/said"
	grep -E 'slower +libxdp dispatcher +xdp-dispatcher.o not found' "$work/said"
	grep 'run: apt-get install libxdp1' "$work/said"
	without /sys/kernel/btf >"$work/said"
	grep -E 'cannot +kernel BTF' "$work/said"
}

the_table_and_the_json_say_the_same()
{
	sluice doctor web1 >"$work/said"
	head -1 "$work/said" | grep -E '^LEVEL +SUBJECT +FINDING'
	sluice -j doctor web1 | json "(sorted(set(k for f in d for k in f)),
		[f for f in d if f['level'] not in ('ok', 'slower', 'cannot')])" |
		grep -xF "(['level', 'remedy', 'subject', 'text'], [])"
	[ "$(tail -n +2 "$work/said" | grep -vc '^  *run: ')" = \
		"$(sluice -j doctor web1 | json 'len(d)')" ]
}

must world_up
run_tests a_far_end_without_gro_is_named_and_mended \
	a_far_end_that_leaves_checksums_out_is_named_and_mended \
	applying_the_document_again_mends_far_ends down_gives_a_mended_far_end_back_as_it_was \
	a_veth_says_what_native_xdp_costs_on_it an_mtu_above_the_drivers_limit_is_named_and_mended \
	a_vlans_child_is_named a_bridges_port_is_named_and_taken_off \
	a_persons_ssh_session_is_named_by_address_and_by_route \
	adding_a_port_says_what_applies_to_it_and_nothing_else applying_and_bringing_up_say_it_too \
	an_uplink_that_carries_a_persons_session_is_warned_of \
	missing_privileges_are_named_one_by_one a_hidden_bpf_file_system_is_named \
	the_limit_of_locked_memory_is_told a_missing_dispatcher_and_a_missing_btf_are_named \
	the_table_and_the_json_say_the_same
finish
