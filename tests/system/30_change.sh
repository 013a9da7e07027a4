#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Versions: whole, kept, given back; and who may change what when.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

reset() { sluice apply -f "$work/world.yaml" || sluice up -f "$work/world.yaml"; }

allow_ssh()
{
	sluice nsg rule create --nsg-name db -n ssh --priority 200 --direction Inbound \
		--access Allow --protocol Tcp --destination-port-ranges 22 "$@"
}

# code N COMMAND...: it ends with that exit code.
code()
{
	local got=0
	"${@:2}" || got=$?
	[ $got = "$1" ]
}

what_is_exported_is_read_back_and_changes_nothing()
{
	local before
	sluice export >"$work/export.yaml"
	before=$(version)
	sluice apply -f "$work/export.yaml"
	[ "$(version)" = "$before" ]
	sluice apply -f "$work/world.yaml"
	[ "$(version)" = "$before" ]
	sluice export >"$work/again.yaml"
	cmp "$work/export.yaml" "$work/again.yaml"
	sluice apply -f "$work/export.yaml" --what-if
	[ "$(version)" = "$before" ]
}

apply_makes_the_switch_what_the_file_says()
{
	sed 's/\["5432"\]/["22"]/' "$work/world.yaml" >"$work/other.yaml"
	sluice apply -f "$work/other.yaml" --what-if | grep sql
	passes web1 tcp 10.1.2.4 5432
	sluice apply -f "$work/other.yaml"
	passes web1 tcp 10.1.2.4 22
	silent web1 tcp 10.1.2.4 5432
	sluice apply -f "$work/world.yaml"
	passes web1 tcp 10.1.2.4 5432
}

what_if_changes_nothing()
{
	local before
	before=$(version)
	allow_ssh --what-if
	sluice --what-if nsg rule delete --nsg-name db -n sql
	[ "$(version)" = "$before" ]
	silent web1 tcp 10.1.2.4 22
	passes web1 tcp 10.1.2.4 5432
}

rollback_is_a_switch_back()
{
	local before
	before=$(version)
	allow_ssh
	passes web1 tcp 10.1.2.4 22
	sluice history
	[ "$(sluice -j history | json '[v["version"] for v in d if v["running"]]')" = "[$(version)]" ]
	sluice rollback
	silent web1 tcp 10.1.2.4 22
	allow_ssh
	sluice rollback "$before"
	silent web1 tcp 10.1.2.4 22
	code 2 sluice rollback 99999
}

# lets PORT: web1's connection comes to db1, where somebody listens or nobody does.
lets() { in_guest web1 "$GUEST" tcp 10.1.2.4 "$1" "$SILENCE" | grep -qx 'reached\|refused'; }

# Rules added one by one are versions as others are, though they are not written whole.
a_rule_added_is_a_version_like_any_other()
{
	local first i
	sluice apply -f "$work/world.yaml"
	for i in 1 2 3; do
		sluice nsg rule create --nsg-name db -n "r$i" --priority $((200 + i)) --direction Inbound \
			--access Allow --protocol Tcp --destination-port-ranges $((2000 + i)) \
			--source-address-prefixes VirtualNetwork
		[ "$i" != 1 ] || first=$(version)
		sluice export >"$work/version$i.yaml"
		lets $((2000 + i))
	done
	[ "$(version)" = $((first + 2)) ]
	[ -e "/run/sluice/$SWITCH/versions/$(version).edits" ]
	sluice -j history | json '[v["why"] for v in d][-3:]' | tee "$work/whys"
	[ "$(grep -c 'nsg rule create db/r1.*db/r2.*db/r3' "$work/whys")" = 1 ]
	# What is exported is what would have been written whole: applied, it is no change.
	sluice apply -f "$work/version3.yaml"
	[ "$(version)" = $((first + 2)) ]
	sluice rollback "$first"
	sluice export | cmp - "$work/version1.yaml"
	silent web1 tcp 10.1.2.4 2002
	lets 2001
	sluice rollback $((first + 1))
	sluice export | cmp - "$work/version2.yaml"
	lets 2002
}

# The same errors as for a document, and nothing changed.
a_rule_that_can_not_be_is_refused_as_in_a_document()
{
	local before
	sluice apply -f "$work/world.yaml"
	allow_ssh
	before=$(version)
	code 2 allow_ssh
	code 2 sluice nsg rule create --nsg-name db -n other --priority 200 --direction Inbound \
		--access Allow --protocol Tcp 2>"$work/error"
	cat "$work/error"
	grep -q 'same priority 200' "$work/error"
	code 2 sluice nsg rule create --nsg-name db -n other --priority 201 --direction Inbound \
		--access Allow --protocol Tcp --source-address-prefixes nobody
	code 2 sluice nsg rule create --nsg-name nobody -n other --priority 201 --direction Inbound \
		--access Allow --protocol Tcp
	code 2 sluice nsg rule create --nsg-name db -n 65000 --priority 201 --direction Inbound \
		--access Allow --protocol Tcp
	[ "$(version)" = "$before" ]
	[ ! -e "/run/sluice/$SWITCH/changing" ]
	sluice apply -f "$work/world.yaml"
}

an_unconfirmed_change_is_taken_back_by_itself()
{
	sed 's/\["5432"\]/["22"]/' "$work/world.yaml" >"$work/other.yaml"
	sluice apply -f "$work/other.yaml" --confirm 1
	passes web1 tcp 10.1.2.4 22
	until_true 10 passes web1 tcp 10.1.2.4 5432 200
	silent web1 tcp 10.1.2.4 22
	code 4 sluice confirm
}

a_confirmed_change_stays()
{
	sed 's/\["5432"\]/["22"]/' "$work/world.yaml" >"$work/other.yaml"
	sluice apply -f "$work/other.yaml" --confirm 2
	sluice confirm
	# Longer than it would have taken to be taken back.
	sleep 3
	passes web1 tcp 10.1.2.4 22
	code 2 sluice confirm
	sluice apply -f "$work/world.yaml"
}

an_unconfirmed_up_takes_the_switch_down()
{
	sluice down
	sluice up -f "$work/world.yaml" --confirm 1
	passes web1 tcp 10.1.2.4 5432
	until_true 10 code 2 sluice status
	until_true 5 [ ! -e "/sys/fs/bpf/sluice/$SWITCH" ]
	until_true 5 [ ! -e "/run/sluice/$SWITCH" ]
	sluice up -f "$work/world.yaml" --confirm 30
	sluice confirm
	passes web1 tcp 10.1.2.4 5432
}

threat_19_writers_take_turns_and_no_change_is_lost()
{
	local i writer pids=
	for writer in 1 2 3 4; do
		for i in 1 2 3 4 5 6 7 8; do
			sluice asg add "w$writer-$i" || exit 1
		done &
		pids="$pids $!"
	done
	for i in $pids; do wait "$i"; done
	[ "$(sluice -j asg list | json 'len(d)')" = 32 ]
	sluice apply -f "$work/world.yaml"
	[ "$(sluice -j asg list | json 'len(d)')" = 0 ]
}

threat_19_a_writer_that_holds_on_is_named_and_readers_do_not_wait()
{
	local holder begun
	flock --no-fork "/run/sluice/$SWITCH/lock" sleep 30 &
	holder=$!
	until_true 5 lock_is_held
	begun=$SECONDS
	sluice status
	sluice -j trace web1 tcp 10.1.1.4:40000 10.1.2.4:5432
	sluice stats web1
	[ $((SECONDS - begun)) -le 3 ]
	code 2 sluice asg add waiting 2>"$work/said"
	kill $holder
	wait $holder || true
	cat "$work/said"
	grep -qiE 'busy|hold|lock|turn|chang' "$work/said"
	# What held it is gone, and so is its lock.
	sluice asg add waiting
	sluice asg del waiting
}

lock_is_held() { ! flock -n "/run/sluice/$SWITCH/lock" true; }

a_second_up_is_refused_and_changes_nothing()
{
	code 2 sluice up -f "$work/world.yaml"
	passes web1 tcp 10.1.2.4 5432
}

# The second word of control (maps/control.h), set to what no build has.
set_layout()
{
	local pin="/sys/fs/bpf/sluice/$SWITCH/control" bytes

	bytes=$(bpftool -j map dump pinned "$pin" | python3 -c "
import json, sys
value = json.load(sys.stdin)[0]['value']
value[4:8] = ['0x%02x' % byte for byte in ($1).to_bytes(4, 'little')]
print(*value)") || return
	# shellcheck disable=SC2086 # one word a byte
	bpftool map update pinned "$pin" key 0 0 0 0 value $bytes
}

threat_23_another_layout_is_refused_before_anything_changes()
{
	local version

	version=$(sluice -j status | json 'd["version"]')
	set_layout 4242
	code 2 sluice upgrade
	code 2 sluice asg add other
	sluice upgrade 2>&1 | grep -q "'sluice export', 'down', 'up -f'"
	[ "$(sluice -j status | json 'd["version"]')" = "$version" ]
	passes web1 tcp 10.1.2.4 5432
	sluice export > "$work/exported.yaml"
	sluice down
	sluice up -f "$work/exported.yaml"
	sluice upgrade
	passes web1 tcp 10.1.2.4 5432
}

threat_23_an_upgrade_keeps_flows_counters_and_policy()
{
	local before programs
	hold_open web1 10.1.2.4 5432
	before=$(rule_hits db sql)
	programs=$(host bpftool -j prog show pinned "/sys/fs/bpf/sluice/$SWITCH/sluice_tc" | json 'd["id"]')
	in_guest web2 "$GUEST" burst 10.1.2.4 53 60000 30000 >"$work/burst" &
	sluice upgrade
	sluice upgrade
	wait $!
	cat "$work/burst"
	hears 1000
	hold_close
	[ "$(rule_hits db sql)" -gt "$before" ]
	[ "$(host bpftool -j prog show pinned "/sys/fs/bpf/sluice/$SWITCH/sluice_tc" |
		json 'd["id"]')" != "$programs" ]
	silent web1 tcp 10.1.2.4 22
	allow_ssh
	passes web1 tcp 10.1.2.4 22
	sluice rollback
}

a_vanished_device_is_reported_and_comes_back()
{
	ip -n "$HOST" link del web2
	code 3 sluice status
	sluice -j status | json '[p for p in d["ports"] if p["name"] == "web2"]' | grep -i -E 'vanish|gone|not there'
	dropped_as device-gone web1 silent web1 ping 10.1.1.5
	ip netns del "$P-web2"
	guest_veth web2 52:54:00:00:01:05 10.1.1.5 fd00:1:0:1::5
	sluice apply -f "$work/world.yaml"
	passes web1 ping 10.1.1.5
	passes web2 tcp fd00:1:0:2::4 5432
	sluice status
	serve web2 tcp:80 tcp:22 udp:53 sink:9000
}

threat_22_a_reused_ifindex_never_receives_anothers_traffic()
{
	local index
	index=$(host cat "/proc/net/dev_snmp6/web2" | sed -n 's/^ifIndex[[:space:]]*//p')
	ip -n "$HOST" link del web2
	# Another tenant's guest gets the very same number, and hears nothing of blue.
	ip netns add "$P-thief"
	ip -n "$HOST" link add thief index "$index" type veth peer name eth0 netns "$P-thief" \
		address 52:54:00:00:01:05
	ip -n "$HOST" link set thief up
	guest_configure thief 52:54:00:00:01:05 10.1.1.5 fd00:1:0:1::5
	unseen thief frames web1 udp4 dst=10.1.1.5
	unseen thief frames db1 udp4 dst=10.1.1.5
	# Nor is it let in where the other was.
	unseen db1 frames thief udp4
	# A command that commits does not attach it either: its name is not the port's.
	sluice asg add nudge
	unseen thief frames web1 udp4 dst=10.1.1.5
	unseen db1 frames thief udp4
	sluice asg del nudge
	ip netns del "$P-thief"
	ip netns del "$P-web2"
	until_true 5 test ! -e "/proc/sys/net/ipv6/conf/thief"
	guest_veth web2 52:54:00:00:01:05 10.1.1.5 fd00:1:0:1::5
	sluice apply -f "$work/world.yaml"
	passes web1 ping 10.1.1.5
}

ports_come_and_go_while_others_talk()
{
	guest_veth late 52:54:00:00:01:07 10.1.1.7 fd00:1:0:1::7
	hold_open web1 10.1.2.4 5432
	sluice port add late --device late --vnet blue --subnet web --mac 52:54:00:00:01:07 \
		--addresses 10.1.1.7,fd00:1:0:1::7
	hears 1000
	passes late ping 10.1.2.4
	passes web1 ping fd00:1:0:1::7
	sluice port show late
	sluice port del late
	hears 1000
	silent web1 ping 10.1.1.7
	hold_close
	ip netns del "$P-late"
}

a_guests_end_can_name_the_port()
{
	guest_veth inner 52:54:00:00:01:08 10.1.1.8 fd00:1:0:1::8
	sluice port add inner --device "$P-inner/eth0" --vnet blue --subnet web \
		--mac 52:54:00:00:01:08 --addresses 10.1.1.8 fd00:1:0:1::8
	passes inner ping 10.1.2.4
	sluice port del inner
	ip netns del "$P-inner"
}

the_switch_can_be_named_with_its_namespace()
{
	"$SLUICE" -n "$HOST" --switch "$SWITCH" status
	"$SLUICE" -n "$HOST" --switch "$SWITCH" asg add outside
	"$SLUICE" -n "$HOST" --switch "$SWITCH" asg del outside
	code 2 "$SLUICE" --switch "$SWITCH" asg add wrong
}

# The kernel gives a deleted namespace's inode to a new one.
takes_the_inode()
{
	ip netns add "$P-heir"
	[ "$(stat -Lc %i "/run/netns/$P-heir")" != "$1" ] || return 0
	ip netns del "$P-heir"
	return 1
}

a_namespace_is_not_taken_for_a_deleted_one()
{
	local inode
	ip netns add "$P-dead"
	inode=$(stat -Lc %i "/run/netns/$P-dead")
	"$SLUICE" -n "$P-dead" --switch "$P-orphan" up
	ip netns del "$P-dead"
	if ! until_true 10 takes_the_inode "$inode"; then
		"$SLUICE" --switch "$P-orphan" down
		skip 'no new namespace got the inode of the deleted one'
	fi
	code 2 "$SLUICE" -n "$P-heir" --switch "$P-orphan" status
	# The namespace is gone, and with it what was attached: anybody may clear what is left.
	"$SLUICE" -n "$P-heir" --switch "$P-orphan" down
	[ ! -e "/run/sluice/$P-orphan" ]
	ip netns del "$P-heir"
}

down_leaves_nothing()
{
	local pin ids="" id before
	for pin in "/sys/fs/bpf/sluice/$SWITCH"/sluice_*; do
		ids="$ids $(bpftool -j prog show pinned "$pin" | json 'd["id"]')"
	done
	[ -n "$ids" ]
	sluice down
	[ ! -e "/sys/fs/bpf/sluice/$SWITCH" ]
	[ ! -e "/run/sluice/$SWITCH" ]
	host bpftool net show | tee "$work/net"
	[ "$(grep -c sluice "$work/net")" = 0 ]
	[ "$(host tc qdisc show | grep -c clsact)" = 0 ]
	# The kernel frees a program a moment after its last user is gone.
	for id in $ids; do until_true 10 program_is_gone "$id"; done
	code 2 sluice status
	code 2 sluice down
	sluice up -f "$work/world.yaml"
	passes web1 tcp 10.1.2.4 5432
}

program_is_gone() { ! bpftool prog show id "$1"; }

pins_and_state_are_roots_alone()
{
	[ "$(stat -c '%a %u' "/sys/fs/bpf/sluice/$SWITCH")" = '700 0' ]
	[ "$(stat -c '%a %u' "/run/sluice/$SWITCH")" = '700 0' ]
}

must world_up
run_tests what_is_exported_is_read_back_and_changes_nothing \
	apply_makes_the_switch_what_the_file_says what_if_changes_nothing rollback_is_a_switch_back \
	a_rule_added_is_a_version_like_any_other a_rule_that_can_not_be_is_refused_as_in_a_document \
	an_unconfirmed_change_is_taken_back_by_itself a_confirmed_change_stays \
	an_unconfirmed_up_takes_the_switch_down threat_19_writers_take_turns_and_no_change_is_lost \
	threat_19_a_writer_that_holds_on_is_named_and_readers_do_not_wait \
	a_second_up_is_refused_and_changes_nothing threat_23_another_layout_is_refused_before_anything_changes \
	threat_23_an_upgrade_keeps_flows_counters_and_policy \
	a_vanished_device_is_reported_and_comes_back \
	threat_22_a_reused_ifindex_never_receives_anothers_traffic \
	ports_come_and_go_while_others_talk a_guests_end_can_name_the_port \
	the_switch_can_be_named_with_its_namespace a_namespace_is_not_taken_for_a_deleted_one \
	pins_and_state_are_roots_alone down_leaves_nothing
finish
