#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Ports of mode offload on devices that carry nothing themselves: each flow says why, and goes on. What
# a device that does carry flows makes of them is tried in tests/vm/35_flower.sh.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

qdiscs() { host tc qdisc show | grep -c clsact || true; }

offload_world()
{
	world_up
	# The programs' own, without tcx.
	qdiscs >"$work/qdiscs"
	for port in web1 web2 db1; do sluice port set $port --acceleration offload; done
}

# offload SELECTION: [carried, why] of the first direction of flows, of which d's x fulfils SELECTION.
offload()
{
	sluice -j flow list |
		json_lines "[o for x in d if $1 for o in x.get('offload', [None])[:1]]"
}

of_port() { sluice -j status | json "[p for p in d['ports'] if p['name'] == '$1'][0]$2"; }

a_device_that_refuses_is_named_with_its_reason_and_the_flow_goes_on()
{
	local handed
	hold_open web1 10.1.1.5 80
	hears 2000
	handed=$(sluice -j accel hand-over)
	[ "$(json "d['carried'], d['handedOver'], d['refused']" <<<"$handed")" = '(0, 0, 2)' ]
	offload "x['destinationPort'] == 80" | grep "'carried': False" | grep 'the device refused it: .'
	sluice flow show --port web1 | grep 'forward   by the programs: the device refused it'
	[ "$(of_port web1 "['delivery']")" = offload ]
	[ "$(of_port web1 "['offload']")" = "{'carried': 0, 'refused': 1}" ]
	of_port web1 "['why']" | grep '0 carried, 1 refused; others by veth: tc'
	offload "x['destinationPort'] == 80" >>"$work/figures"
	hears 2000
	# It is not asked again at once.
	[ "$(sluice -j accel hand-over | json "d['refused']")" = 0 ]
	hold_close
}

what_may_not_be_handed_over_says_why()
{
	passes web1 ping 10.1.1.5
	hold_open web1 10.1.1.5 80
	offload "x['protocol'] == 'Icmp'" | grep 'only TCP and UDP are handed over'
	sluice port set web2 --acceleration off
	hears 2000
	offload "x['destinationPort'] == 80" | grep 'its receiver is no port of mode offload'
	sluice port set web2 --acceleration offload
	offload "x['destinationPort'] == 80" | grep 'not judged under the running version yet'
	hears 2000
	offload "x['destinationPort'] == 80" | grep 'not handed over yet'
	hold_close
	[ "$(sluice -j flow list --port red1 | wc -l)" = 0 ]
	passes red1 udp 10.1.2.4 53
	[ "$(sluice -j flow list --port red1 | json_lines "['offload' in x for x in d]")" = '[False]' ]
}

refused() { [ "$(of_port web1 "['offload']['refused']")" -gt 0 ]; }
ended() { ! kill -0 "$1"; }

the_agent_asks_by_itself()
{
	local agent
	hold_open web1 10.1.1.5 80
	start "$HOST" "$work/agent" "$SLUICE" --switch "$SWITCH" -j agent
	agent=$!
	until_true 5 refused
	kill $agent
	until_true 5 ended $agent
	[ ! -s "$work/agent" ]
	hears 2000
	hold_close
}

a_flow_that_is_flushed_takes_its_refusal_along()
{
	hold_open web1 10.1.1.5 80
	sluice accel hand-over
	refused
	sluice flow flush
	[ "$(of_port web1 "['offload']['refused']")" = 0 ]
}

switched_off_nothing_of_it_stays()
{
	for port in web1 web2 db1; do sluice port set $port --acceleration off; done
	[ "$(of_port web1 "['delivery']")" = tc ]
	[ "$(qdiscs)" = "$(cat "$work/qdiscs")" ]
	passes web1 tcp 10.1.1.5 80
	[ "$(sluice -j flow list | json_lines "any('offload' in x for x in d)")" = False ]
	sluice port set web1 --acceleration offload
	hold_open web1 10.1.1.5 80
	sluice port set web2 --acceleration offload
	hears 2000
	sluice accel hand-over
	sluice down
	[ "$(qdiscs)" = 0 ]
}

must offload_world
run_tests a_device_that_refuses_is_named_with_its_reason_and_the_flow_goes_on \
	what_may_not_be_handed_over_says_why \
	the_agent_asks_by_itself a_flow_that_is_flushed_takes_its_refusal_along \
	switched_off_nothing_of_it_stays
finish
