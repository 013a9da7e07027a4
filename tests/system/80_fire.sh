#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Update under fire: a thousand changes, a hundred a second, and full traffic. tests/system/fire.c says
# what is counted.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
each_hook

CHANGES=${CHANGES:-1000}

rule() # NAME PRIORITY PORT ACCESS
{
	sluice nsg rule create --nsg-name db -n "$1" --priority "$2" --direction Inbound \
		--access "$4" --protocol Udp --destination-port-ranges "$3"
}

kernel_drops()
{
	in_guest "$1" awk '/^Udp:/ && $2 ~ /[0-9]/ { print $6 }' /proc/net/snmp
	awk '{ print "softnet", $2 }' /proc/net/softnet_stat
}

a_thousand_changes_under_full_traffic_lose_and_misjudge_nothing()
{
	rule steady 500 6000 Allow
	rule flip-a 501 6001 Allow
	rule flip-b 502 6002 Deny
	kernel_drops db1
	"$BUILD/tests/system/fire" "$SWITCH" "$HOST" "$P-web1" "$P-db1" 10.1.2.4 "$CHANGES" 100 db \
		>"$work/fire" || { cat "$work/fire"; kernel_drops db1; sluice stats --drops; false; }
	mv "$work/fire" "$work/figures"
}

# The NSG has the rules of the test before.
rules_added_to_a_hundred_thousand_under_traffic_lose_and_misjudge_nothing()
{
	{
		sluice export
		echo 'acls:'
		echo '  - name: long'
		echo '    appliesTo: switch'
		echo '    rules:'
		awk 'BEGIN { for (i = 0; i < 100000; i++) printf "      - {name: r%d, direction: Inbound, access: Deny, protocol: Tcp, sources: [172.%d.%d.%d], destinationPorts: [\"%d\"]}\n", i, 16 + i % 16, i / 4096, i / 16 % 256, 1 + i % 65535 }'
	} >"$work/long.yaml"
	sluice apply -f "$work/long.yaml"
	"$BUILD/tests/system/fire" "$SWITCH" "$HOST" "$P-web1" "$P-db1" 10.1.2.4 200 100 db long \
		>"$work/fire" || { cat "$work/fire"; kernel_drops db1; sluice stats --drops; false; }
	cat "$work/fire" >>"$work/figures"
	sluice apply -f "$work/world.yaml"
}

a_connection_opened_before_a_thousand_changes_still_talks()
{
	passes web1 tcp 10.1.2.4 5432
	passes web2 ping fd00:1:0:2::4
	sluice -j history | json 'len(d) <= 32 or d'
}

must world_up
run_tests a_thousand_changes_under_full_traffic_lose_and_misjudge_nothing \
	rules_added_to_a_hundred_thousand_under_traffic_lose_and_misjudge_nothing \
	a_connection_opened_before_a_thousand_changes_still_talks
finish
