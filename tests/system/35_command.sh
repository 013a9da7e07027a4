#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What the command answers: to people, to programs, and to those who spell it differently.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

ask_db1()
{
	sluice -j test-ip-flow --port db1 --direction Inbound --protocol "$1" --local "$2" \
		--remote "$3"
}

test_ip_flow_names_the_rule_that_decides()
{
	local answer
	answer=$(ask_db1 Tcp 10.1.2.4:5432 10.1.1.4:40000)
	[ "$answer" = '{"access":"Allow","rule":"db/sql","level":"subnet"}' ]
	answer=$(ask_db1 tcp '[fd00:1:0:2::4]:22' '[fd00:1:0:1::4]:40000')
	[ "$answer" = '{"access":"Deny","rule":"db/rest","level":"subnet"}' ]
	answer=$(ask_db1 icmp 10.1.2.4 10.1.1.4)
	[ "$answer" = '{"access":"Allow","rule":"db/ping","level":"subnet"}' ]
	answer=$(sluice -j test-ip-flow --port red1 --direction Outbound --protocol udp \
		--local 10.1.1.4:1 --remote 10.1.2.4:2)
	[ "$answer" = '{"access":"Allow","rule":null,"level":null}' ]
	answer=$(sluice -j test-ip-flow --port web1 --direction Outbound --protocol 50 \
		--local 10.1.1.4 --remote 10.1.2.4)
	[ "$answer" = '{"access":"Allow","rule":"web/65000","level":"subnet"}' ]
}

a_batch_answers_line_by_line_and_says_which_lines_are_wrong()
{
	local code=0
	cat >"$work/questions" <<END
{"port":"db1","direction":"Inbound","protocol":"Tcp","local":"10.1.2.4:5432","remote":"10.1.1.4:1"}
{"port":"none","direction":"Inbound","protocol":"Tcp","local":"10.1.2.4:5432","remote":"10.1.1.4:1"}

no json
{"port":"db1","direction":"Inbound","protocol":"Tcp","local":"10.1.2.4","remote":"10.1.1.4:1"}
{"port":"db1","direction":"Inbound","protocol":6,"local":"10.1.2.4:22","remote":"10.1.1.4:1"}
END
	sluice test-ip-flow --batch "$work/questions" >"$work/answers" || code=$?
	[ $code = 2 ]
	json_lines "[a.get('rule') or a['error']['line'] for a in d]" <"$work/answers" |
		grep -xF "['db/sql', 2, 4, 5, 'db/rest']"
	head -1 "$work/questions" | sluice test-ip-flow --batch - |
		grep -xF '{"access":"Allow","rule":"db/sql","level":"subnet"}'
}

trace_tells_each_stage_and_agrees_with_the_wire()
{
	sluice -j trace web1 tcp 10.1.1.4:40000 10.1.2.4:5432 >"$work/trace"
	json "d['verdict'], d['reason'], d['rule'], d['port'], d['uplink']" <"$work/trace" |
		grep -xF "('Deliver', None, 'db/sql', 'db1', None)"
	json "[s['stage'] for s in d['stages']]" <"$work/trace" |
		grep -xF "['parse', 'admit', 'flow', 'route', 'police', 'act', 'deliver']"
	# To the receiver's MAC, one hop spent.
	json "d['out'][:12], int(d['out'][44:46], 16)" <"$work/trace" | grep -xF "('525400000204', 63)"
	sluice -j trace web1 tcp 10.1.1.4 10.1.2.4:22 |
		json "d['verdict'], d['reason'], d['rule'], d['port'], d['out'], d['stages'][-1]['stage']" |
		grep -xF "('Drop', 'nsg-deny', 'db/rest', None, None, 'police')"
	sluice -j trace web1 udp 10.1.1.77 10.1.2.4:53 | json "d['reason'], d['rule']" |
		grep -xF "('ip-spoofed', None)"
	sluice -j trace web1 icmp fd00:1:0:1::4 fd00:1:0:1::1 | json "d['verdict'], d['port']" |
		grep -xF "('Deliver', 'web1')"
	sluice trace web1 tcp 10.1.1.4 10.1.2.4:22 | grep -x 'police .*nsg-deny.*db/rest'
}

a_trace_makes_no_flow_unless_told_to()
{
	sluice flow flush
	sluice trace web1 udp 10.1.1.4:1234 10.1.2.4:53 --pcap "$work/one.pcap"
	sluice trace web1 --replay "$work/one.pcap"
	[ -z "$(sluice -j flow list)" ]
	sluice -j stats web1 >"$work/before"
	sluice trace web1 udp 10.1.1.4:1234 10.1.2.4:53
	sluice -j stats web1 | cmp - "$work/before"
	sluice trace web1 --replay "$work/one.pcap" --keep-flows
	sluice -j flow list | json_lines "[f['sourcePort'] for f in d]" | grep -xF '[1234]'
	sluice flow flush
}

a_replay_says_what_became_of_each_frame()
{
	# The frame as it came, and as it was sent: with a MAC that is not web1's.
	sluice trace web1 tcp 10.1.1.4:7 10.1.2.4:5432 --pcap "$work/two.pcap"
	sluice -j trace web1 --replay "$work/two.pcap" >"$work/replay"
	json_lines "[(f['frame'], f['verdict'], f['reason'], f['state']) for f in d]" \
		<"$work/replay" | grep -xF \
		"[(1, 'Deliver', None, 'new'), (2, 'Drop', 'mac-spoofed', 'none')]"
	json_lines "d[0]['parsed']" <"$work/replay" | grep -xF "{'vlans': [], 'etherType': 2048, \
'source': '10.1.1.4', 'destination': '10.1.2.4', 'protocol': 6, 'fragment': 'no', \
'sourcePort': 7, 'destinationPort': 5432, 'tcpFlags': 2}"
	printf '\324\303\262\241\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\161\0\0\0' >"$work/cooked.pcap"
	sluice trace web1 --replay "$work/cooked.pcap" 2>"$work/refused" && return 1
	grep 'only Ethernet' "$work/refused"
	sluice trace nobody --replay "$work/two.pcap" 2>"$work/refused" && return 1
	grep '^sluice: switch .* has no port "nobody"' "$work/refused"
}

# capture_of LENGTH CAPTURED FRAME-AS-HEX: a capture with one frame of LENGTH bytes, of which CAPTURED
# were kept; zeros follow what is given.
capture_of()
{
	/usr/bin/python3 -c '
import struct, sys
length, captured, frame = int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(sys.argv[3])
sys.stdout.buffer.write(struct.pack(">IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, 1) +
	struct.pack(">IIII", 1, 1, captured, length) + frame.ljust(captured, b"\0")[:captured])' "$@"
}

a_replay_takes_frames_of_every_length()
{
	local switch_mac frame

	switch_mac=$(sluice -j status | json "d['mac'].replace(':', '')")
	# web1 to db1: UDP with 10, then 9000 bytes.
	frame=${switch_mac}5254000001040800450000260000000040110000
	frame+=0a0101040a01020407d00035001200000000
	capture_of 60 60 "$frame" >"$work/whole.pcap"
	capture_of 60 42 "$frame" >"$work/cut.pcap"
	capture_of 60 40 "$frame" >"$work/no-udp.pcap"
	capture_of 60 30 "$frame" >"$work/stump.pcap"
	frame=${switch_mac}52540000010408004500233c0000000040110000
	frame+=0a0101040a01020407d00035232800000000
	capture_of 9034 9034 "$frame" >"$work/jumbo.pcap"
	capture_of 9033 9033 "$frame" >"$work/jumbo-cut.pcap"
	for name in whole cut no-udp stump jumbo jumbo-cut; do
		sluice -j trace web1 --replay "$work/$name.pcap"
	done >"$work/replay"
	json_lines "[(f['verdict'], f['reason'], len(f['parsed'])) for f in d]" \
		<"$work/replay" | grep -xF "[('Deliver', None, 8), ('Deliver', None, 8), \
('Drop', 'l4-header', 6), ('Drop', 'ip-header', 2), ('Deliver', None, 8), \
('Drop', 'ip-header', 8)]"
}

flows_are_listed_from_the_end_that_began()
{
	sluice flow flush
	passes web1 tcp 10.1.2.4 5432
	sluice -j flow list --port db1 >"$work/flows"
	json_lines "[(f['vnet'], f['protocol'], f['source'], f['destination'], f['destinationPort'],
		f['rules']) for f in d]" <"$work/flows" | grep -xF \
		"[('blue', 'Tcp', '10.1.1.4', '10.1.2.4', 5432, ['web/65000', 'db/sql'])]"
	json_lines "all(f['packets'][0] > 1 and f['packets'][1] > 1 and f['bytes'][0] > 100 and
		f['idleSeconds'] >= 0 and f['state'] for f in d)" <"$work/flows" | grep -x True
	[ -z "$(sluice -j flow list --port red1)" ]
	sluice flow show tcp 10.1.1.4:"$(json_lines "d[0]['sourcePort']" <"$work/flows")" \
		10.1.2.4:5432 | grep 'allowed .* db/sql'
	sluice flow flush --port db1 | grep -x '1 flow flushed'
	[ -z "$(sluice -j flow list)" ]
}

counters_are_told_by_port_reason_and_rule()
{
	local hits
	hits=$(rule_hits db ping)
	passes web1 ping 10.1.2.4
	[ "$(rule_hits db ping)" -ge $((hits + 2)) ]
	sluice -j stats web1 | json "sorted(d), sorted(d['rx']), sorted(d['tx'])" | grep -xF \
		"(['drops', 'port', 'rx', 'tx'], ['bytes', 'packets'], ['bytes', 'packets'])"
	dropped_as nsg-deny web1 silent web1 tcp 10.1.2.4 22
	sluice stats --drops | grep 'web1 .*nsg-deny .*an NSG rule denies'
	sluice -j stats --rules | json "len([r for r in d if r['nsg'] == 'db' and r['rule'] == '65500'])" |
		grep -x 2
}

# A sender's packets are counted by the CPU it runs on; what is told is the sum.
counters_sum_what_every_cpu_counted()
{
	local cpu hits cpus
	cpus=$(nproc)
	[ "$cpus" -gt 1 ] || skip "there is one CPU"
	hits=$(rule_hits db ping)
	for cpu in $(seq 0 $((cpus - 1))); do
		in_guest web1 taskset -c "$cpu" ping -q -c 5 -i 0.2 -W 2 10.1.2.4
	done
	[ "$(rule_hits db ping)" = $((hits + 10 * cpus)) ]
}

# Whether the programs were told to tell.
observing()
{
	bpftool -j map dump pinned "/sys/fs/bpf/sluice/$SWITCH/control" |
		json "d[0]['formatted']['value']['observe_until'] > 0" | grep -x True
}

observe_shows_drops_and_new_flows_and_what_it_left_out()
{
	local watcher
	sluice flow flush
	start "$HOST" "$work/events" "$SLUICE" --switch "$SWITCH" -j observe -f
	watcher=$!
	until_true 10 eval 'silent web1 tcp 10.1.2.4 22 && grep -q nsg-deny "$work/events"'
	sluice observe 2>"$work/busy" && return 1
	grep 'one at a time' "$work/busy"
	passes web1 ping 10.1.2.4
	until_true 10 grep -q Forwarded "$work/events"
	kill $watcher
	wait $watcher
	json_lines "sorted({(e['verdict'], e['reason'], e['rule'], e['port']) for e in d
		if e.get('port') == 'web1' and e.get('rule')}, key=str)" <"$work/events" | grep -xF \
		"[('Dropped', 'nsg-deny', 'db/rest', 'web1'), ('Forwarded', None, 'db/ping', 'web1')]"
	start "$HOST" "$work/events" "$SLUICE" --switch "$SWITCH" -j observe -f --rate 1 \
		--verdict dropped --port web1
	watcher=$!
	# Thirty drops in a third of a second, to nobody's address.
	until_true 20 eval 'in_guest web1 ping -q -i 0.01 -c 30 -W 1 10.1.2.99
		grep -q leftOut "$work/events"'
	kill $watcher
	wait $watcher
	[ "$(grep -c Forwarded "$work/events")" = 0 ]
	# Nothing but what was left out, told at the end.
	start "$HOST" "$work/events" "$SLUICE" --switch "$SWITCH" -j observe -f --rate 0
	watcher=$!
	until_true 10 observing
	silent web1 tcp 10.1.2.4 22
	kill $watcher
	wait $watcher
	json_lines "len(d), d[0]['leftOut'] > 0" <"$work/events" | grep -xF '(1, True)'
}

effective_rules_are_told_in_the_order_they_are_asked()
{
	sluice acl add guard
	sluice acl rule add guard/smtp --direction Outbound --access Deny --protocol tcp \
		--destination-ports 25
	sluice nsg create nic
	sluice port set db1 --nsg nic
	sluice -j effective-rules db1 | json "[(r['direction'][:3], r['level'], r['name']) for r in d
		if r['name'] in ('smtp', 'sql', 'rest', '65500')]" | grep -xF "[('Inb', 'subnet', 'sql'), \
('Inb', 'subnet', 'rest'), ('Inb', 'subnet', '65500'), ('Inb', 'nic', '65500'), \
('Out', 'acl', 'smtp'), ('Out', 'nic', '65500'), ('Out', 'subnet', '65500')]"
	sluice port set db1 --nsg ''
	sluice nsg delete nic
	sluice acl delete guard
}

next_hop_says_where_a_packet_would_go()
{
	sluice -j next-hop web1 --dest-ip 10.1.2.4 | json "d['nextHopType'], d['nextHop']" |
		grep -xF "('Port', 'db1')"
	sluice -j next-hop red1 --dest-ip 10.1.2.4 | json "d['nextHop']" | grep -x red2
	sluice -j next-hop web1 --dest-ip fd00:1:0:2::1 | json "d['nextHopType']" | grep -x Gateway
	sluice -j next-hop web1 --dest-ip 192.0.2.1 | json "d['nextHopType']" | grep -x None
}

an_option_may_be_written_in_three_ways_and_in_azs_words()
{
	local before
	before=$(version)
	sluice nsg rule create db/a --priority 300 --direction Inbound --access Deny --protocol Udp \
		--sources 10.1.1.0/24,10.1.2.0/24 --destination-ports 7
	sluice nsg rule create db/b priority 301 direction=Inbound 2>/dev/null && return 1
	sluice nsg rule create nsg db name b priority 301 direction inbound access deny \
		protocol udp sources 10.1.1.0/24 10.1.2.0/24 destination-ports 7
	sluice nsg rule create --nsg-name=db -n c --priority=302 --direction=Inbound --access=Deny \
		--protocol=Udp --source-address-prefixes 10.1.1.0/24 10.1.2.0/24 \
		--source-port-ranges '*' --destination-address-prefixes '*' \
		--destination-port-ranges 7
	sluice -j nsg rule list db | json "len({str({k: v for k, v in r.items()
		if k not in ('name', 'priority')}) for r in d if r['name'] in 'abc'})" | grep -x 1
	# Several go in one version.
	sluice nsg rule delete db/a db/b db/c
	[ "$(version)" = $((before + 4)) ]
}

what_if_says_what_would_change()
{
	local before
	before=$(version)
	sluice nsg rule update db/sql --priority 101 --what-if >"$work/said"
	grep -x '~ nsg rule db/sql' "$work/said"
	grep 'priority: 100 -> 101' "$work/said"
	sluice --what-if port set web1 --subnet nowhere 2>"$work/said" && return 1
	grep nowhere "$work/said"
	[ "$(version)" = "$before" ]
}

the_document_as_json_is_what_apply_reads_too()
{
	sluice -j export >"$work/export.json"
	json "d['apiVersion'], len(d['ports']), sorted(d['nsgs'])" <"$work/export.json" |
		grep -xF "('sluice/v1', 5, ['db', 'web'])"
	sluice apply -f "$work/export.json" | grep 'nothing to change'
}

an_error_is_one_line_and_one_json_object()
{
	local code=0
	sluice -j port set nothere --nsg web >"$work/out" 2>"$work/err" || code=$?
	[ $code = 2 ]
	[ "$(grep -c '^sluice: ' "$work/err")" = 1 ]
	json "d['error']['message']" <"$work/out" | grep nothere
	sluice nsg rule update db/sql --destination-port-ranges 80000 2>"$work/err" && return 1
	grep '^sluice: --destination-ports: 80000 ' "$work/err"
	sed 's/^vnets:/vnetz:/' "$work/world.yaml" >"$work/bad.yaml"
	sluice -j apply -f "$work/bad.yaml" 2>/dev/null |
		json "d['error']['file'].endswith('bad.yaml'), d['error']['line'], d['error']['column']" |
		grep -xF '(True, 3, 1)'
}

status_tells_delivery_and_drift()
{
	local code=0
	sluice -j status | json "d['switch'], [(p['name'], p['delivery'], bool(p['why'])) for p in
		d['ports'] if p['name'] == 'web1'], d['uplinks']" | grep -xF \
		"('$SWITCH', [('web1', '$HOOK', True)], [])"
	ip -n "$HOST" link del red2
	sluice status >"$work/said" || code=$?
	[ $code = 3 ]
	grep 'red2 .*vanished' "$work/said"
	sluice port del red2
	sluice status
}

doctor_looks_at_devices_where_the_switch_is()
{
	"$SLUICE" -n "$HOST" doctor web1 | grep 'web1: native XDP'
	"$SLUICE" doctor web1 2>"$work/said" && return 1
	grep 'no device web1' "$work/said"
}

observe_ends_with_the_switch()
{
	local watcher code=0
	start "$HOST" "$work/events" "$SLUICE" --switch "$SWITCH" -j observe -f
	watcher=$!
	until_true 10 observing
	sluice down
	wait $watcher || code=$?
	[ $code = 2 ]
	grep 'taken off' "$work/events"
}

must world_up
run_tests test_ip_flow_names_the_rule_that_decides \
	a_batch_answers_line_by_line_and_says_which_lines_are_wrong \
	trace_tells_each_stage_and_agrees_with_the_wire a_trace_makes_no_flow_unless_told_to \
	a_replay_says_what_became_of_each_frame a_replay_takes_frames_of_every_length \
	flows_are_listed_from_the_end_that_began \
	counters_are_told_by_port_reason_and_rule counters_sum_what_every_cpu_counted \
	observe_shows_drops_and_new_flows_and_what_it_left_out \
	effective_rules_are_told_in_the_order_they_are_asked next_hop_says_where_a_packet_would_go \
	an_option_may_be_written_in_three_ways_and_in_azs_words what_if_says_what_would_change \
	the_document_as_json_is_what_apply_reads_too an_error_is_one_line_and_one_json_object \
	status_tells_delivery_and_drift doctor_looks_at_devices_where_the_switch_is \
	observe_ends_with_the_switch
finish
