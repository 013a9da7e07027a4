#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Flows handed over to a device. No NIC that takes them can be emulated, so the kernel's own flower
# stands for one (skip_hw): without tcx its rules are asked before our programs, and what they
# carry these do not see. Then the devices that refuse, on a kernel that has flower.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/vm/lib.sh
. tests/vm/lib.sh
inside bookworm 900
modprobe -a veth cls_flower act_pedit act_csum act_mirred
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

# As `steps` says: the switch's library, with the kernel's flower as the NIC.
soft() { host env SOFT_FLOWER=web1 "$STEPS" "$SWITCH" "$@"; }
rules() { host tc filter show dev "$1" ingress | grep -c '^filter.*flower.*handle' || true; }

offload_world()
{
	world_up
	sed -E '/^ports:/,$s/addresses: (\[[^]]*\])/addresses: \1, acceleration: {mode: offload}/' \
		"$work/world.yaml" >"$work/offload.yaml"
	sed 's/destinationPorts: \["80"\]/destinationPorts: ["81"]/' "$work/offload.yaml" >"$work/closed.yaml"
	soft apply "$work/offload.yaml"
}

# What a failed test left is not the next one's.
reset()
{
	soft apply "$work/offload.yaml"
	soft flush
}

counted() { sluice -j stats "$1" | json "d['rx']['packets']"; }
sent() { ip -n "$P-$1" -s -j link show eth0 | json "d[0]['stats64']['tx']['packets']"; }
received() { ip -n "$P-$1" -s -j link show eth0 | json "d[0]['stats64']['rx']['packets']"; }

# talks TIMES: that many echoes come back over the held connection.
talks()
{
	local left
	for ((left = $1; left > 0; left--)); do hears 5000; done
}

# unseen_by_programs COMMAND...: frames of web1 reach others while it runs, and no program counts any.
unseen_by_programs()
{
	local counted_before sent_before
	counted_before=$(counted web1)
	sent_before=$(sent web1)
	"$@"
	[ "$(sent web1)" -gt $((sent_before + 5)) ]
	[ "$(counted web1)" -le $((counted_before + 1)) ]
}

# carried_to ADDRESS PORT RULES: a connection is handed over, carried by so many rules of its sender's
# device, counted to the packet, and comes back when it ends.
carried_to()
{
	local counted_before sent_before
	hold_open web1 "$1" "$2"
	hears 5000
	counted_before=$(counted web1)
	sent_before=$(sent web1)
	[ "$(soft hand-over)" = '2 2 0 0' ]
	[ "$(rules web1)" = "$3" ]
	unseen_by_programs talks 10
	sluice -j flow list | json_lines "[x['offload'] for x in d if x['destinationPort'] == $2 and x['state'] == 'established']" |
		grep "'carried': True.*'carried': True"
	[ "$(soft hand-over)" = '2 0 0 0' ]
	[ $(($(counted web1) - counted_before)) = $(($(sent web1) - sent_before)) ]
	sluice -j flow list | json_lines "[x['packets'] for x in d if x['destinationPort'] == $2 and x['state'] == 'established']" \
		>>"$work/figures"
	hold_close
	until_true 5 ended "$2"
	[ "$(soft hand-over)" = '0 0 2 0' ]
	[ "$(rules web1)" = 0 ]
	soft flush
}
ended() { sluice -j flow list | json_lines "any(x['destinationPort'] == $1 and x['state'] == 'established' for x in d)" | grep False; }

a_connection_in_a_subnet_is_carried_without_a_program()
{
	carried_to 10.1.1.5 80 1
	carried_to fd00:1:0:1::5 80 1
}

a_routed_connection_is_carried_without_a_program()
{
	carried_to 10.1.2.4 5432 2
	carried_to fd00:1:0:2::4 5432 2
}

before_a_version_holds_nothing_is_carried_under_the_one_before()
{
	hold_open web1 10.1.1.5 80
	hears 5000
	[ "$(soft hand-over)" = '2 2 0 0' ]
	soft apply "$work/closed.yaml" >"$work/steps"
	grep 'filled: 1 rules' "$work/steps"
	grep 'published: 0 rules' "$work/steps"
	deaf 400
	[ "$(soft hand-over)" = '0 0 0 0' ]
	deaf 400
	soft apply "$work/offload.yaml"
	hold_close
	soft flush
}

a_rule_added_takes_all_back_before_it_holds()
{
	hold_open web1 10.1.1.5 80
	hears 5000
	[ "$(soft hand-over)" = '2 2 0 0' ]
	soft allow web/more/200/8080 >"$work/steps"
	grep 'compiled: 1 rules' "$work/steps"
	grep 'published: 0 rules' "$work/steps"
	hears 5000
	[ "$(soft hand-over)" = '2 2 0 0' ]
	soft apply "$work/offload.yaml"
	hears 5000
	hold_close
	soft flush
}

what_is_flushed_is_not_carried_on()
{
	hold_open web1 10.1.1.5 80
	[ "$(soft hand-over)" = '2 2 0 0' ]
	soft flush
	[ "$(rules web1)" = 0 ]
	deaf 400
	hold_close
}

# agent_carries: an agent, in $agent, has handed the held connection over.
agent_carries()
{
	start "$HOST" "$work/agent" env SOFT_FLOWER=web1 "$STEPS" "$SWITCH" agent
	agent=$!
	until_true 20 has_rules
}
has_rules() { [ "$(rules web1)" = 1 ]; }
gone() { ! kill -0 "$1"; }
more_counted() { [ "$(counted web1)" -gt "$1" ]; }

the_agent_hands_over_reads_back_and_takes_back_when_it_ends()
{
	local before
	hold_open web1 10.1.1.5 80
	agent_carries
	before=$(counted web1)
	talks 5
	until_true 20 more_counted $((before + 4))
	kill "$agent"
	until_true 20 gone "$agent"
	[ "$(rules web1)" = 0 ]
	[ ! -s "$work/agent" ]
	hears 5000
	hold_close
	soft flush
}

what_a_killed_agent_left_is_found_by_the_next_change()
{
	hold_open web1 10.1.1.5 80
	agent_carries
	kill -9 "$agent"
	until_true 20 gone "$agent"
	unseen_by_programs talks 10
	soft apply "$work/closed.yaml"
	[ "$(rules web1)" = 0 ]
	deaf 400
	hold_close
	soft apply "$work/offload.yaml"
	soft flush
}

down_leaves_nothing_behind()
{
	hold_open web1 10.1.1.5 80
	[ "$(soft hand-over)" = '2 2 0 0' ]
	soft down "$work/offload.yaml"
	[ "$(rules web1)" = 0 ]
	[ "$(host tc qdisc show | grep -c clsact)" = 0 ]
	hold_close
}

must offload_world
run_tests a_connection_in_a_subnet_is_carried_without_a_program \
	a_routed_connection_is_carried_without_a_program \
	before_a_version_holds_nothing_is_carried_under_the_one_before \
	a_rule_added_takes_all_back_before_it_holds what_is_flushed_is_not_carried_on \
	the_agent_hands_over_reads_back_and_takes_back_when_it_ends \
	what_a_killed_agent_left_is_found_by_the_next_change down_leaves_nothing_behind
world_down
each tests/system/69_offload.sh || failed=1
finish
