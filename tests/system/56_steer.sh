#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Steering: chosen flows of web1 to web2 go to a network function in user space instead, which answers
# as web2 would.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
each_hook tc xdp

consumer=
FORWARD=$BUILD/tests/examples/xsk_forward

world()
{
	host_up
	guest_veth web1 52:54:00:00:01:04 10.1.1.4 fd00:1:0:1::4
	guest_veth web2 52:54:00:00:01:05 10.1.1.5 fd00:1:0:1::5
	cat >"$work/net.yaml" <<END
apiVersion: sluice/v1
switch: {name: $SWITCH}
vnets:
  - name: blue
    prefixes: [10.1.0.0/16, "fd00:1::/48"]
    subnets: [{name: web, prefixes: [10.1.1.0/24, "fd00:1:0:1::/64"]}]
ports:
  - {name: web1, device: web1, hook: $HOOK, vnet: blue, subnet: web, mac: 52:54:00:00:01:04, addresses: [10.1.1.4, "fd00:1:0:1::4"]}
  - {name: web2, device: web2, hook: $HOOK, vnet: blue, subnet: web, mac: 52:54:00:00:01:05, addresses: [10.1.1.5, "fd00:1:0:1::5"]}
  - {name: nf, device: nf, hook: $HOOK, vnet: blue, subnet: web, mac: 52:54:00:00:01:09, addresses: [10.1.1.9, "fd00:1:0:1::9"], guards: {spoofing: allow}, acceleration: {mode: af_xdp, queues: 2}}
steers:
  - {name: dns, vnet: blue, priority: 100, to: nf, protocol: Udp, destinationPorts: ["53"]}
  - {name: ntp, vnet: blue, priority: 110, to: nf, whenDead: drop, protocol: Udp, sources: [10.1.1.4, "fd00:1:0:1::4"], destinationPorts: ["123"]}
END
	sluice up -f "$work/net.yaml"
	serve web2 udp:53 udp:54 udp:123 tcp:80
}

forward()
{
	: >"$work/forward"
	start "$HOST" "$work/forward" "$FORWARD" --switch "$SWITCH" nf
	consumer=$!
	until_true 5 grep -q ready "$work/forward"
}

end_forward()
{
	kill -TERM "$consumer"
	wait "$consumer" || true
}

kill_forward()
{
	kill -KILL "$consumer"
	wait "$consumer" || true
}

reset()
{
	[ -z "$consumer" ] || end_forward
	sluice apply -f "$work/net.yaml"
}

sent_to() { sluice -j stats "$1" | json 'd["tx"]["packets"]'; }

# goes_to PORT COMMAND...: the packets of the command reach that port.
goes_to()
{
	local before
	before=$(sent_to "$1")
	"${@:2}"
	[ "$(sent_to "$1")" -gt "$before" ]
}

stays_from()
{
	local before
	before=$(sent_to "$1")
	"${@:2}"
	[ "$(sent_to "$1")" = "$before" ]
}

chosen_flows_go_to_user_space_and_are_answered()
{
	forward
	goes_to nf passes web1 udp 10.1.1.5 53
	goes_to nf passes web1 udp fd00:1:0:1::5 53
	stays_from web2 passes web1 udp 10.1.1.5 53
	stays_from nf passes web1 udp 10.1.1.5 54
	stays_from nf passes web1 udp fd00:1:0:1::5 54
	stays_from nf passes web1 tcp 10.1.1.5 80
	end_forward
}

# The rule's words fit what web2 answers as well, but a flow goes where its first packet went.
what_answers_an_unsteered_flow_goes_straight_back()
{
	local family
	for family in 10.1.1. fd00:1:0:1::; do
		sluice steer add back --vnet blue --priority 300 --to nf --protocol Udp \
			--sources ${family}5
		forward
		stays_from nf goes_to web2 passes web1 udp ${family}5 54
		goes_to nf passes web2 udp ${family}4 4444
		end_forward
		sluice steer delete back
	done
}

the_trace_says_where_a_steered_packet_goes()
{
	forward
	[ "$(sluice -j trace web1 udp 10.1.1.4:4000 10.1.1.5:53 | json 'd["port"]')" = nf ]
	[ "$(sluice -j trace web1 udp 10.1.1.4:4000 10.1.1.5:54 | json 'd["port"]')" = web2 ]
	end_forward
}

an_address_nobody_has_can_be_served_in_user_space()
{
	# Within web1's own subnet nobody would answer for its MAC: it is behind the gateway.
	sluice steer add vip --vnet blue --priority 200 --to nf --protocol Udp --destinations 10.1.200.1
	forward
	goes_to nf passes web1 udp 10.1.200.1 4444
	end_forward
	dropped_as no-route web1 silent web1 udp 10.1.200.1 4445
	sluice steer delete vip
}

without_a_consumer_new_flows_fall_back_or_are_dropped_by_the_rule()
{
	goes_to web2 passes web1 udp 10.1.1.5 53
	goes_to web2 passes web1 udp fd00:1:0:1::5 53
	dropped_as no-consumer web1 silent web1 udp 10.1.1.5 123
	dropped_as no-consumer web1 silent web1 udp fd00:1:0:1::5 123
	forward
	goes_to nf passes web1 udp 10.1.1.5 123
	kill_forward
	dropped_as no-consumer web1 silent web1 udp 10.1.1.5 123
	goes_to web2 passes web1 udp 10.1.1.5 53
}

# The frame that finds nobody at the far end is lost, and counted there.
established_flows_of_a_dead_consumer_go_to_who_has_their_destination()
{
	local to
	for to in 10.1.1.5 fd00:1:0:1::5; do
		forward
		hold_open web1 $to 53 udp
		goes_to nf hears 5000
		kill_forward
		dropped_as no-consumer nf deaf "$SILENCE"
		stays_from nf goes_to web2 hears 5000
		# They stay there, also when somebody reads again.
		forward
		stays_from nf goes_to web2 hears 5000
		end_forward
		hold_close
	done
}

established_flows_of_a_dead_consumer_are_dropped_if_the_rule_says_so()
{
	local to
	for to in 10.1.1.5 fd00:1:0:1::5; do
		forward
		hold_open web1 $to 123 udp
		goes_to nf hears 5000
		kill_forward
		dropped_as no-consumer nf deaf "$SILENCE"
		stays_from web2 stays_from nf dropped_as no-consumer web1 deaf "$SILENCE"
		forward
		goes_to nf hears 5000
		end_forward
		hold_close
	done
}

# A mirror is a peer that opens at the same moment, and then an echo.
connections_to_a_dead_consumer_hear_from_who_has_their_destination()
{
	local to before
	sluice steer add http --vnet blue --priority 300 --to nf --protocol Tcp --destination-ports 80
	for to in 10.1.1.5 fd00:1:0:1::5; do
		forward
		hold_open web1 $to 80
		goes_to nf hears 5000
		before=$(drops nf no-consumer)
		kill_forward
		# The first frame is lost (it may be an acknowledgment that was yet to come). Data is sent again,
		# and comes to web2, which knows nothing of the connection and says so.
		goes_to web2 closed 5000
		[ "$(drops nf no-consumer)" -gt "$before" ]
		hold_close
	done
	sluice steer delete http
}

what_user_space_answers_as_another_needs_the_guard_opened()
{
	sluice port set nf --guards-spoofing deny
	forward
	dropped_as ip-spoofed nf silent web1 udp 10.1.1.5 53
	end_forward
	sluice port set nf --guards-spoofing allow
}

a_new_rule_leaves_connections_where_they_are()
{
	forward
	hold_open web1 10.1.1.5 80
	sluice steer add http --vnet blue --priority 300 --to nf --protocol Tcp --destination-ports 80
	hears 5000
	hold_close
	# Whatever comes of a connection to an echo of frames: it goes there.
	goes_to nf in_guest web1 "$GUEST" tcp 10.1.1.5 80 400
	sluice steer delete http
	passes web1 tcp 10.1.1.5 80
	end_forward
}

steer_rules_are_things_of_the_document()
{
	sluice steer list | grep -q 'dns.*nf'
	[ "$(sluice -j steer list | json '[(s["name"], s["to"], s["whenDead"]) for s in d]')" = \
		"[('dns', 'nf', 'pass'), ('ntp', 'nf', 'drop')]" ]
	[ "$(sluice -j steer show ntp | json 'd["destinationPorts"]')" = "['123']" ]
	sluice export >"$work/exported"
	sluice --what-if apply -f "$work/exported" | grep -qi 'nothing'
	sluice steer set dns --when-dead drop
	sluice --what-if -j apply -f "$work/net.yaml" | grep -q '"steer"'
	sluice apply -f "$work/net.yaml"
	sluice steer add x --vnet blue --priority 100 --to nf 2>"$work/said" && return 1
	grep -q 'same priority 100' "$work/said"
	sluice steer add x --vnet blue --priority 101 --to nobody 2>"$work/said" && return 1
	grep -q 'port "nobody" does not exist' "$work/said"
	sluice port delete nf 2>"$work/said" && return 1
	grep -q 'steer "dns" leads to it' "$work/said"
}

must world
run_tests chosen_flows_go_to_user_space_and_are_answered \
	what_answers_an_unsteered_flow_goes_straight_back the_trace_says_where_a_steered_packet_goes \
	an_address_nobody_has_can_be_served_in_user_space \
	without_a_consumer_new_flows_fall_back_or_are_dropped_by_the_rule \
	established_flows_of_a_dead_consumer_go_to_who_has_their_destination \
	established_flows_of_a_dead_consumer_are_dropped_if_the_rule_says_so \
	connections_to_a_dead_consumer_hear_from_who_has_their_destination \
	what_user_space_answers_as_another_needs_the_guard_opened \
	a_new_rule_leaves_connections_where_they_are steer_rules_are_things_of_the_document
finish
