#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Rules of every kind, changed while traffic runs.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
each_hook

reset()
{
	sluice apply -f "$work/world.yaml"
	sluice flow flush
}

allow() # NSG NAME PRIORITY PROTOCOL PORT [MORE OPTIONS]
{
	sluice nsg rule create --nsg-name "$1" -n "$2" --priority "$3" --direction Inbound \
		--access Allow --protocol "$4" --destination-port-ranges "$5" "${@:6}"
}

forget() { sluice nsg rule delete --nsg-name "$1" -n "$2"; }

a_rule_added_live_lets_new_traffic_in_and_deleted_no_more()
{
	silent web1 tcp 10.1.2.4 22
	allow db ssh 200 Tcp 22
	passes web1 tcp 10.1.2.4 22
	passes web1 tcp fd00:1:0:2::4 22
	forget db ssh
	silent web1 tcp 10.1.2.4 22
}

threat_26_an_old_connection_is_judged_again_after_a_new_deny()
{
	local before
	hold_open web1 10.1.2.4 5432
	hears 5000
	sluice nsg rule create --nsg-name db -n stop --priority 101 --direction Inbound \
		--access Deny --protocol Tcp --destination-port-ranges 5432
	hears 5000 # priority 100 still comes first
	sluice nsg rule update --nsg-name db -n stop --priority 111
	# A late acknowledgment may be the first to be refused, before anything is said.
	before=$(drops web1 nsg-deny)
	sluice nsg rule update --nsg-name db -n sql --access Deny
	deaf "$SILENCE"
	[ "$(drops web1 nsg-deny)" -gt "$before" ]
	sluice nsg rule update --nsg-name db -n sql --access Allow
	forget db stop
	# The denied connection is forgotten; a new one is welcome.
	dropped_as tcp-state web1 deaf 2000
	hold_close
	passes web1 tcp 10.1.2.4 5432
}

existing_flows_keep_lets_an_old_connection_live_on()
{
	# Every NSG that has a say must say keep: the sender's subnet's and the receiver's.
	sluice nsg update web --existing-flows keep
	sluice nsg update db --existing-flows keep
	hold_open web1 fd00:1:0:2::4 5432
	sluice nsg rule update --nsg-name db -n sql --access Deny
	hears 5000
	silent web1 tcp fd00:1:0:2::4 5432
	sluice nsg rule update --nsg-name db -n sql --access Allow
	sluice nsg update web --existing-flows recheck
	sluice nsg update db --existing-flows recheck
	hold_close
}

established_connection_survives_an_unrelated_change()
{
	local i
	hold_open web1 10.1.2.4 5432
	for i in 1 2 3 4 5; do
		allow web "extra$i" $((300 + i)) Tcp $((7000 + i))
		hears 5000
	done
	for i in 1 2 3 4 5; do forget web "extra$i"; done
	hears 5000
	hold_close
}

subnet_and_nic_must_both_allow()
{
	sluice nsg create nic
	allow nic web 100 Tcp 80
	sluice nsg rule create --nsg-name nic -n rest --priority 4096 --direction Inbound \
		--access Deny --protocol '*'
	sluice port set db1 --nsg nic
	silent web1 tcp 10.1.2.4 5432   # the subnet's allows, the NIC's does not
	silent web1 tcp 10.1.2.4 80     # the other way round
	allow db web 200 Tcp 80
	passes web1 tcp 10.1.2.4 80
	forget db web
	sluice port set db1 --nsg ''
	sluice nsg delete nic
	passes web1 tcp 10.1.2.4 5432
}

an_asg_names_ports_wherever_their_addresses_are()
{
	sluice asg add trusted
	allow db asg 200 Tcp 22 --source-asgs trusted
	silent web1 tcp 10.1.2.4 22
	sluice port set web1 --asgs trusted
	passes web1 tcp 10.1.2.4 22
	passes web1 tcp fd00:1:0:2::4 22
	silent web2 tcp 10.1.2.4 22
	sluice port set web1 --asgs ''
	forget db asg
	sluice asg del trusted
}

a_tag_names_prefixes()
{
	sluice tag add admins --prefixes 10.1.1.5/32 fd00:1:0:1::5/128
	allow db tag 200 Tcp 22 --source-address-prefixes admins
	passes web2 tcp 10.1.2.4 22
	passes web2 tcp fd00:1:0:2::4 22
	silent web1 tcp 10.1.2.4 22
	sluice tag add moment --prefixes 192.0.2.0/24
	sluice tag del moment
	forget db tag
	sluice tag del admins
}

ranges_and_lists_match_their_edges()
{
	allow db edges 200 Tcp 20-22 --source-address-prefixes 10.1.1.2-10.1.1.4 \
		--source-port-ranges 1024-65535
	passes web1 tcp 10.1.2.4 22
	silent web2 tcp 10.1.2.4 22
	sluice nsg rule update --nsg-name db -n edges --destination-port-ranges 21 23-100
	silent web1 tcp 10.1.2.4 22
	passes web1 tcp 10.1.2.4 80
	forget db edges
}

icmp_types_are_told_apart()
{
	passes web1 ping 10.1.2.4
	sluice nsg rule update --nsg-name db -n ping --icmp-type 3
	silent web1 ping 10.1.2.4
	sluice nsg rule update --nsg-name db -n ping --icmp-type 8
	passes web1 ping 10.1.2.4
	sluice nsg rule update --nsg-name db -n ping --icmp-type '*'
	passes web1 ping fd00:1:0:2::4
}

the_built_in_rules_stand_last_and_can_be_overridden()
{
	# red has no NSG at all: everything inside the vnet passes. With an empty one VirtualNetwork still does.
	passes red1 tcp 10.1.2.4 80
	sluice nsg create plain
	sluice subnet update --vnet red db --nsg plain
	passes red1 tcp 10.1.2.4 80
	sluice -j test-ip-flow --port red2 --direction Inbound --protocol TCP --local 10.1.2.4:80 \
		--remote 10.1.1.4:4000 | grep plain/65000
	sluice nsg rule create --nsg-name plain -n none --priority 4096 --direction Inbound \
		--access Deny --protocol '*'
	silent red1 tcp 10.1.2.4 80
	sluice subnet update --vnet red db --nsg ''
	sluice nsg delete plain
	passes red1 tcp 10.1.2.4 80
}

an_acl_is_judged_before_every_nsg_and_for_replies_too()
{
	sluice acl add platform --applies-to switch
	sluice acl rule add --acl platform no-sql --direction Outbound --access Deny --protocol Tcp \
		--destination-port-ranges 5432
	dropped_as acl-deny web1 silent web1 tcp 10.1.2.4 5432
	sluice acl rule del --acl platform no-sql
	passes web1 tcp 10.1.2.4 5432
	# Stateless: what db1 says is judged though web1 opened the connection.
	hold_open web1 10.1.2.4 5432
	sluice acl rule add --acl platform no-answers --direction Outbound --access Deny \
		--protocol Tcp --source-port-ranges 5432
	dropped_as acl-deny db1 deaf "$SILENCE"
	sluice acl del platform
	hears 10000
	hold_close
}

a_ports_own_acl_concerns_that_port_only()
{
	sluice acl add quiet --applies-to ports
	sluice acl rule add --acl quiet no-pings --direction Inbound --access Deny --protocol Icmp
	sluice port set web2 --acl quiet
	dropped_as acl-deny web1 silent web1 ping 10.1.1.5
	passes db1 ping 10.1.1.4
	sluice port set web2 --acl ''
	sluice acl del quiet
	passes web1 ping fd00:1:0:1::5
}

a_thousand_rules_in_each_nsg_hold()
{
	# Before the rules that matter stand a thousand that match other ports and addresses.
	/usr/bin/python3 - "$work/world.yaml" >"$work/thousand.yaml" <<'END'
import sys
for line in open(sys.argv[1]):
    if "name: http" in line or "name: sql" in line:
        # The rules that were there stand behind the thousand.
        for i in range(1000):
            print(f"      - {{name: r{i}, priority: {1000 + i}, direction: Inbound, access: Allow, "
                  f"protocol: Tcp, sources: [10.1.{i % 200}.{i % 250 + 1}/32], "
                  f"destinationPorts: [\"{20000 + i}\"]}}")
        line = line.replace("priority: 100", "priority: 3000")
    print(line, end="")
END
	sluice apply -f "$work/thousand.yaml"
	passes web1 tcp 10.1.2.4 5432
	passes db1 tcp fd00:1:0:1::4 80
	silent web1 tcp 10.1.2.4 22
	sluice apply -f "$work/world.yaml"
}

rules_count_what_they_decided()
{
	local before
	before=$(rule_hits db sql)
	passes web1 tcp 10.1.2.4 5432
	[ "$(rule_hits db sql)" -gt "$before" ]
	sluice stats --rules
	sluice stats web1
	sluice stats --drops
	[ "$(sluice -j stats web1 | json 'd["rx"]["packets"] > 0 and d["tx"]["bytes"] > 0')" = True ]
}

flows_are_listed_and_forgotten()
{
	sluice flow flush
	passes web1 tcp 10.1.2.4 5432
	sluice flow list
	[ "$(sluice -j flow list --port web1 | json_lines \
		'[f["state"] for f in d if f["destinationPort"] == 5432 or f["sourcePort"] == 5432] != []')" = True ]
	sluice flow flush
	[ "$(sluice -j flow list | json_lines 'len(d)')" -lt 3 ]
}

answers_agree_with_traffic()
{
	sluice trace web1 tcp 10.1.1.4:40000 10.1.2.4:5432
	[ "$(sluice -j trace web1 tcp 10.1.1.4:40000 10.1.2.4:5432 |
		json 'd["verdict"], d["rule"], d["port"]')" = "('Deliver', 'db/sql', 'db1')" ]
	[ "$(sluice -j trace web1 tcp 10.1.1.4:40000 10.1.2.4:22 |
		json 'd["verdict"], d["reason"], d["rule"]')" = "('Drop', 'nsg-deny', 'db/rest')" ]
	[ "$(sluice -j next-hop web1 --dest-ip 10.1.2.4 | json 'str(d)' | grep -c db1)" = 1 ]
	sluice effective-rules db1 | grep sql
}

observe_shows_drops_and_new_flows_as_they_happen()
{
	local observer
	start "$HOST" "$work/seen" "$SLUICE" --switch "$SWITCH" -j observe -f --port web1
	observer=$!
	# It is not said when the observer is ready; a question is asked until it is seen.
	until_true 10 ask_and_see nsg-deny 22
	until_true 10 ask_and_see 5432 5432
	kill "$observer"
	head -3 "$work/seen"
}

ask_and_see()
{
	in_guest web1 "$GUEST" tcp 10.1.2.4 "$2" 200 || true
	grep -q "$1" "$work/seen"
}

must world_up
run_tests a_rule_added_live_lets_new_traffic_in_and_deleted_no_more \
	threat_26_an_old_connection_is_judged_again_after_a_new_deny \
	existing_flows_keep_lets_an_old_connection_live_on \
	established_connection_survives_an_unrelated_change subnet_and_nic_must_both_allow \
	an_asg_names_ports_wherever_their_addresses_are a_tag_names_prefixes \
	ranges_and_lists_match_their_edges icmp_types_are_told_apart \
	the_built_in_rules_stand_last_and_can_be_overridden \
	an_acl_is_judged_before_every_nsg_and_for_replies_too \
	a_ports_own_acl_concerns_that_port_only a_thousand_rules_in_each_nsg_hold rules_count_what_they_decided \
	flows_are_listed_and_forgotten answers_agree_with_traffic \
	observe_shows_drops_and_new_flows_as_they_happen
finish
