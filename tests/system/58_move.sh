#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A guest moves from one host to another and takes its connections along: `flow export` here, `flow
# import` there. The hosts are two namespaces with a switch each, of other secrets and VNIs; a bridge
# between them has the guest's peer, whom both know as a port.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

there() { nsenter --net="/run/netns/$P-there" -- "$SLUICE" --switch "$P-there" "$@"; }
trap '[ ! -e /run/netns/$P-there ] || there down >/dev/null; world_down' EXIT

# document SWITCH VNI [RULES [VM-PORT-KEYS]]: what a host with the guest says. The guest lets nothing in
# but what it serves on port 5432.
document()
{
	cat <<-END
	apiVersion: sluice/v1
	switch: {name: $1}
	vnets:
	  - name: blue
	    vni: $2
	    prefixes: [10.1.0.0/16, "fd00:1::/48"]
	    subnets:
	      - {name: web, prefixes: [10.1.1.0/24, "fd00:1:0:1::/64"]}
	      - {name: db, prefixes: [10.1.2.0/24, "fd00:1:0:2::/64"]}
	nsgs:
	  guest:
	    rules:
	      - {name: sql, priority: 100, direction: Inbound, access: Allow, protocol: Tcp, destinationPorts: ["5432"]}
	      - {name: rest, priority: 4096, direction: Inbound, access: Deny}
	${3:-}
	ports:
	  - {name: peer, device: wire, hook: $HOOK, vnet: blue, subnet: db, mac: 52:54:00:00:02:04, addresses: [10.1.2.4, "fd00:1:0:2::4"]}
	  - {name: vm, device: vm, hook: $HOOK, vnet: blue, subnet: web, nsg: guest, flowLimit: 150000, mac: 52:54:00:00:01:04, addresses: [10.1.1.4, "fd00:1:0:1::4"]${4:-}}
	END
}

without_the_guest() { grep -v 'name: vm,'; }

# wire NETNS NAME: a host's line to the bridge.
wire()
{
	ip -n "$1" link add wire type veth peer name "$2" netns "$P-net"
	ip -n "$P-net" link set "$2" master br0
	ip -n "$1" link set wire up
}

hosts_up()
{
	local ns
	host_up
	ip netns add "$P-there"
	ip netns add "$P-net"
	ip -n "$P-net" link add br0 type bridge
	ip -n "$P-net" link set br0 up
	wire "$HOST" here
	wire "$P-there" there
	guest_veth vm 52:54:00:00:01:04 10.1.1.4 fd00:1:0:1::4
	ip netns add "$P-peer"
	ip -n "$P-net" link add peer type veth peer name eth0 netns "$P-peer" address 52:54:00:00:02:04
	ip -n "$P-net" link set peer master br0 up
	guest_configure peer 52:54:00:00:02:04 10.1.2.4 fd00:1:0:2::4
	for ns in "$HOST" "$P-there"; do
		nsenter --net="/run/netns/$ns" -- sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	done
	ip -n "$P-net" link set here up
	document "$SWITCH" 5001 >"$work/here.yaml"
	document "$P-there" 7001 >"$work/there.yaml"
	without_the_guest <"$work/there.yaml" >"$work/empty.yaml"
	sluice up -f "$work/here.yaml"
	there up -f "$work/empty.yaml"
	serve peer tcp:80 tcp:22 udp:53 sink:9000
	serve vm tcp:5432
}

# The guest stops, and what it had is written down.
pause()
{
	ip -n "$HOST" link set vm down
	sluice flow export --port vm >"$work/flows"
}

# Its device is plugged in at the other host, whose line is the one that is up.
replug()
{
	sluice port delete vm
	ip -n "$HOST" link set vm netns "$P-there"
	ip -n "$P-net" link set here down
	ip -n "$P-net" link set there up
	there apply -f "${1:-$work/there.yaml}"
}

resume() { ip -n "$P-there" link set vm up; }

# Back to how it was before.
reset()
{
	[ ! -e /proc/self/fd/6 ] || hold_close
	ip -n "$P-there" link show vm >/dev/null 2>&1 || return 0
	there apply -f "$work/empty.yaml"
	there flow flush
	ip -n "$P-there" link set vm netns "$HOST"
	ip -n "$P-net" link set there down
	ip -n "$P-net" link set here up
	ip -n "$HOST" link set vm up
	sluice apply -f "$work/here.yaml"
	# Meanwhile the guest may have asked in vain who its neighbors are.
	until_true 10 passes vm udp 10.1.2.4 53
	until_true 10 passes vm udp fd00:1:0:2::4 53
	sluice flow flush
}

without_its_flows_a_connection_dies()
{
	hold_open vm 10.1.2.4 80
	hears 5000
	pause
	replug
	resume
	deaf 3000
	[ "$(there -j stats vm | json "d['drops'].get('tcp-state', 0)")" -gt 0 ]
	reset
}

established_connections_go_on()
{
	local address here
	for address in 10.1.2.4 fd00:1:0:2::4; do
		hold_open vm $address 80
		hears 5000
		pause
		here=$(grep -c . "$work/flows")
		[ "$here" = 3 ]
		replug
		there flow import -f "$work/flows" | grep -xF '1 flow carried, 0 here already, 0 refused'
		resume
		hears 10000
		# Its packets are counted on.
		there flow export >"$work/after"
		counts "$work/flows" >"$work/before.counts"
		counts "$work/after" >"$work/after.counts"
		/usr/bin/python3 -c '
import sys
before, after = [eval(open(name).read()) for name in sys.argv[1:]]
assert all(a > b for a, b in zip(after, before)), (before, after)' "$work/before.counts" "$work/after.counts"
		reset
	done
}

# counts FILE: packets and bytes of the one TCP flow in it.
counts() { json_lines "[n for l in d if l.get('protocol') == 'Tcp' for n in l['packets'] + l['bytes']]" <"$1"; }

# The peer began it, by a rule; the guest's own side never sends first.
connections_to_the_guest_go_on()
{
	hold_open peer 10.1.1.4 5432
	hears 5000
	pause
	replug
	there flow import --port vm <"$work/flows"
	resume
	hears 10000
	there -j flow list | json_lines "d[0]['rules'], d[0]['state'], d[0]['source']" |
		grep -F "'guest/sql'], 'established', '10.1.2.4'"
	reset
}

bulk_data_goes_on_with_loss_only_while_the_guest_moves()
{
	local begin bulk lost
	in_guest vm "$GUEST" bulk 10.1.2.4 9000 1500 >"$work/bulk" &
	bulk=$!
	until_true 10 moving
	begin=${EPOCHREALTIME/./}
	pause
	replug
	there flow import -f "$work/flows"
	lost=$(lost)
	resume
	echo "moved one guest under load in $(((${EPOCHREALTIME/./} - begin) / 1000)) ms" >"$work/figures"
	[ -s "$work/bulk" ] && return 1 # it ended before the guest moved
	wait $bulk
	cat "$work/bulk"
	[ "$(lost)" = "$lost" ]
	# What was sent at both hosts is all in the one flow.
	there -j flow list | json_lines "max(f['bytes'][0] for f in d) >= 1500 << 20" | grep -xF True
	reset
}

# What the other host has dropped of connections that it did not know or let in.
lost()
{
	local port
	for port in vm peer; do
		there -j stats $port | json "d['drops'].get('tcp-state', 0) + d['drops'].get('nsg-deny', 0)"
	done
}

moving() { sluice -j flow list | json_lines "any(f['bytes'][0] > 10 << 20 for f in d)" | grep -qxF True; }

denied_by_the_receiving_policy_stays_out()
{
	local code=0
	hold_open vm 10.1.2.4 80
	passes vm udp 10.1.2.4 53
	pause
	document "$P-there" 7001 "      - {name: no-web, priority: 100, direction: Outbound, access: Deny, protocol: Tcp, destinationPorts: [\"80\"]}" >"$work/strict.yaml"
	replug "$work/strict.yaml"
	there flow import -f "$work/flows" --what-if | tee "$work/said"
	grep -E 'refused +Tcp 10.1.1.4:[0-9]+ -> 10.1.2.4:80: nsg-deny by rule guest/no-web' "$work/said"
	grep -xF '1 flow would be carried, 0 here already, 1 refused' "$work/said"
	[ "$(there -j flow list | wc -l)" = 0 ]
	there -j flow import -f "$work/flows" |
		json "d['carried'], d['refused'], d['flows'][0]['reason'], d['flows'][0]['rule']" |
		grep -xF "(1, 1, 'nsg-deny', 'guest/no-web')"
	[ "$(there -j flow list | wc -l)" = 1 ]
	# Nothing of it is carried: refused.
	grep -v Udp "$work/flows" | sed 's/"flows":2/"flows":1/' >"$work/none"
	there flow import -f "$work/none" || code=$?
	[ $code = 2 ]
	resume
	deaf 3000
	reset
}

# refused TEXT FILE: nothing of the file is taken in.
refused()
{
	local code=0
	there flow import -f "$2" 2>"$work/said" || code=$?
	[ $code = 2 ]
	grep -F "$1" "$work/said"
	[ "$(there -j flow list | wc -l)" = 0 ]
}

flows_of_another_guest_or_a_broken_file_change_nothing()
{
	hold_open vm 10.1.2.4 80
	pause
	refused 'has no port "vm"' "$work/flows"
	replug
	sed 's/52:54:00:00:01:04/52:54:00:00:01:05/' "$work/flows" >"$work/bad"
	refused 'port vm has another MAC' "$work/bad"
	sed 's/"vnet":"blue"/"vnet":"red"/' "$work/flows" >"$work/bad"
	refused 'port vm is in vnet blue, and its flows are of vnet red' "$work/bad"
	sed 's/"source":"10.1.1.4"/"source":"10.1.1.5"/' "$work/flows" >"$work/bad"
	code=0
	there flow import -f "$work/bad" >"$work/said" || code=$?
	[ $code = 2 ]
	grep -F 'ip-spoofed' "$work/said"
	head -2 "$work/flows" >"$work/bad"
	refused "bad:3:1: the file was cut off" "$work/bad"
	head -c -20 "$work/flows" >"$work/bad"
	refused 'cut off' "$work/bad"
	sed 's/"state"/"slot":1,"state"/' "$work/flows" >"$work/bad"
	refused 'bad:2:1: 1 object item(s) left unpacked: slot' "$work/bad"
	refused 'not JSON' "$work/there.yaml"
	refused 'No such file' "$work/nothing"
	there flow import -f "$work/flows" --port peer 2>"$work/said" && return 1
	grep -F 'no flows of port "peer" were exported' "$work/said"
	# Who exports before the guest stops and once more after that has the later word.
	there flow import -f "$work/flows"
	sed -E 's/"packets":\[[0-9]+/"packets":[77777/' "$work/flows" | there flow import
	there -j flow list | json_lines "d[0]['packets'][0]" | grep -xF 77777
	reset
}

# many COUNT: as if the guest had that many connections.
many()
{
	/usr/bin/python3 - "$1" "$work/flows" >"$work/many" <<-'END'
	import json, sys
	count = int(sys.argv[1])
	lines = open(sys.argv[2]).read().splitlines()
	flow = next(json.loads(l) for l in lines if '"Tcp"' in l)
	print(lines[0])
	for i in range(count):
	    flow.update(sourcePort=1 + i % 50000, destinationPort=1000 + i // 50000, packets=[i + 1, i], bytes=[64 * i, 0])
	    print(json.dumps(flow, separators=(",", ":")))
	print(json.dumps({"flows": count}, separators=(",", ":")))
	END
}

# A file's flows without what time does to them, sorted.
timeless() { sed -E 's/"(idle|age)Seconds":[0-9]+,//g' "$1" | grep '"Tcp"' | sort; }

ms_of()
{
	local begin=${EPOCHREALTIME/./}
	"${@:2}" >"$1"
	took=$(((${EPOCHREALTIME/./} - begin) / 1000))
}

a_hundred_thousand_flows_come_through_whole()
{
	local looked taken_in
	hold_open vm 10.1.2.4 80
	pause
	replug
	many 100000
	ms_of "$work/said" there flow import -f "$work/many" --what-if
	looked=$took
	grep -F '100000 flows would be carried' "$work/said"
	ms_of "$work/said" there flow import -f "$work/many"
	taken_in=$took
	grep -xF '100000 flows carried, 0 here already, 0 refused' "$work/said"
	ms_of "$work/again" there flow export --port vm
	echo "100,000 flows: import $taken_in ms (what-if $looked ms), export $took ms" >"$work/figures"
	cmp <(timeless "$work/many") <(timeless "$work/again")
	there -j status | json "d['flows']['used']" | grep -xF 100000
	reset
}

# An import dies between its first flow and its last, how many of which came in is in $left. False: it was
# done before it could be killed.
killed_halfway()
{
	local importer
	there flow flush
	nsenter --net="/run/netns/$P-there" -- "$SLUICE" --switch "$P-there" flow import \
		-f "$work/many" >"$work/said" &
	importer=$!
	until_true 20 some_are_in
	kill -9 $importer || true
	wait $importer || true
	there flow export --port vm >"$work/part"
	left=$(grep -c '"Tcp"' "$work/part")
	[ "$left" -gt 0 ] && [ "$left" -lt 100000 ]
}

# Each flow is in whole or not at all, and who imports again has them all.
a_killed_import_leaves_whole_flows_and_is_finished_by_the_next()
{
	local left
	hold_open vm 10.1.2.4 80
	pause
	replug
	many 100000
	until_true 60 killed_halfway
	echo "killed after $left of 100000 flows" >"$work/figures"
	comm -13 <(timeless "$work/many") <(timeless "$work/part") | wc -l | grep -xF 0
	there flow import -f "$work/many" | grep -xF '100000 flows carried, 0 here already, 0 refused'
	there flow export --port vm >"$work/again"
	cmp <(timeless "$work/many") <(timeless "$work/again")
	reset
}

some_are_in() { [ "$(there -j status | json "d['flows']['used']")" -gt 0 ]; }

each_hook
must hosts_up
# What is first counts drops: ends of connections that later tests break off are among them for a while.
run_tests bulk_data_goes_on_with_loss_only_while_the_guest_moves \
	without_its_flows_a_connection_dies established_connections_go_on \
	connections_to_the_guest_go_on denied_by_the_receiving_policy_stays_out \
	flows_of_another_guest_or_a_broken_file_change_nothing \
	a_hundred_thousand_flows_come_through_whole \
	a_killed_import_leaves_whole_flows_and_is_finished_by_the_next
finish
