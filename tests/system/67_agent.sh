#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The agent: what devices do, without anybody who types a command.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
each_hook

agent_up()
{
	start "$HOST" "$work/agent" "$SLUICE" --switch "$SWITCH" -j agent
	agent=$!
	echo $agent >"$work/agent.pid"
}

drift() { sluice -j status | json "[p['drift'] for p in d['ports'] if p['name'] == '$1'][0]"; }
no_drift() { [ "$(drift "$1")" = None ]; }
detached() { [ "$(sluice -j status | json "[p['ifindex'] for p in d['ports'] if p['name'] == '$1'][0]")" = 0 ]; }

# The guest's eth0 goes with the host's end; its namespace, and the sockets in it, stay.
unplug() { ip -n "$HOST" link del "$1"; }
plug_in()
{
	ip -n "$HOST" link add "$1" type veth peer name eth0 netns "$P-$1" address "$2"
	ip -n "$HOST" link set "$1" up
	guest_configure "$@"
}

a_connection_goes_on_when_a_ports_device_was_made_again()
{
	hold_open web1 10.1.1.5 80
	hears 2000
	unplug web1
	until_true 5 detached web1
	plug_in web1 52:54:00:00:01:04 10.1.1.4 fd00:1:0:1::4
	until_true 5 no_drift web1
	hears 10000
	hold_close
	passes web2 tcp fd00:1:0:1::4 80
	sluice status
}

the_agent_says_each_version_it_made_and_history_says_why()
{
	json_lines 'all(x["version"] > 1 for x in d), len(d) >= 2' <"$work/agent" | grep -xF '(True, True)'
	sluice history | grep 'agent: devices changed'
}

what_does_not_concern_the_switch_makes_no_version()
{
	local before
	before=$(version)
	ip -n "$HOST" link add stranger type veth peer name stranger1
	ip -n "$HOST" link del stranger
	# Events come in order: when this one was served, the stranger's were.
	unplug web1
	until_true 5 detached web1
	[ "$(version)" = $((before + 1)) ]
	plug_in web1 52:54:00:00:01:04 10.1.1.4 fd00:1:0:1::4
	until_true 5 no_drift web1
}

a_change_that_waits_to_be_confirmed_is_left_alone()
{
	local before
	sed 's/5432/5433/' "$work/world.yaml" >"$work/changed.yaml"
	sluice apply -f "$work/changed.yaml" --confirm 60
	before=$(version)
	unplug web1
	plug_in web1 52:54:00:00:01:04 10.1.1.4 fd00:1:0:1::4
	[ "$(version)" = "$before" ]
	sluice confirm
	ip -n "$HOST" link set web1 down
	ip -n "$HOST" link set web1 up
	until_true 5 no_drift web1
	passes web2 tcp 10.1.1.4 80
}

the_agent_ends_with_its_switch()
{
	sluice down
	until_true 5 grep -q 'taken off' "$work/agent"
	until_true 5 ended "$(cat "$work/agent.pid")"
}

ended() { ! kill -0 "$1"; }

must world_up
must agent_up
run_tests a_connection_goes_on_when_a_ports_device_was_made_again \
	the_agent_says_each_version_it_made_and_history_says_why \
	what_does_not_concern_the_switch_makes_no_version \
	a_change_that_waits_to_be_confirmed_is_left_alone the_agent_ends_with_its_switch
finish
