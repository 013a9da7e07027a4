# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The switch between the guests of a world; sluice-tc.sh and sluice-xdp.sh say by which hook. Up to
# 3,900 rules are one NSG of the ports, inbound; up to four times as many are spread evenly over the
# four lists that a packet is judged by (the sender's port and subnet, outbound, the receiver's subnet and
# port, inbound), each of which ends with the rule that lets it pass; what is more is an ACL before
# them, which, being stateless, judges established packets, too.

MOST_OF_NSG=3900

switch_() { in_host "$SLUICE" --switch "$P-$WORLD" "$@"; }

direction() # RULES DIRECTION LETTER
{
	RULES=$1 fillers "    - {name: $3NUMBER, priority: PRIORITY, direction: $2, access: ACTION, protocol: Udp, sources: ['ADDRESS'], destinationPorts: [PORT]}" |
		awk '{ sub(/PRIORITY/, 100 + NR - 1); print }'
	echo "    - {name: $3-udp, priority: 4080, direction: $2, access: Allow, protocol: Udp, destinationPorts: ['16384-32767']}"
	echo "    - {name: $3-tcp, priority: 4081, direction: $2, access: Allow, protocol: Tcp, destinationPorts: ['16384-32767']}"
	echo "    - {name: $3-rest, priority: 4096, direction: $2, access: Deny, protocol: '*'}"
}

document()
{
	local nsgs=$RULES subnet='' vnet
	ALLOW=Allow DENY=Deny
	[ "$nsgs" -le $MOST_OF_NSG ] || subnet=', nsg: subnet'
	[ "$nsgs" -le $((4 * MOST_OF_NSG)) ] || nsgs=$((4 * MOST_OF_NSG))
	cat <<-END
		apiVersion: sluice/v1
		switch: {name: $P-$WORLD, flows: $FLOWS}
		vnets:
	END
	for vnet in $vnets; do
		cat <<-END
			  - name: $vnet
			    prefixes: [10.1.0.0/16, 'fd00:1::/64']
			    subnets: [{name: all, prefixes: [10.1.0.0/16, 'fd00:1::/64']$subnet}]
		END
	done
	if [ "$RULES" -gt "$nsgs" ]; then
		printf 'acls:\n  - name: long\n    appliesTo: switch\n    rules:\n'
		RULES=$((RULES - nsgs + 1)) fillers "    - {name: aNUMBER, direction: Inbound, access: ACTION, protocol: Udp, sources: ['ADDRESS'], destinationPorts: [PORT]}"
	fi
	printf 'nsgs:\n  port:\n    rules:\n'
	if [ -z "$subnet" ]; then
		direction "$nsgs" Inbound i
	else
		direction $((nsgs / 4)) Inbound i
		direction $((nsgs / 4)) Outbound o
		printf '  subnet:\n    rules:\n'
		direction $((nsgs / 4)) Inbound i
		direction $((nsgs / 4)) Outbound o
	fi
	echo "ports:"
	ports
}

# port NAME VNET NUMBER GUEST [FIELD]: with the MAC of that number and that guest's addresses.
port()
{
	echo "- {name: $1, device: $1, hook: $HOOK, vnet: $2, subnet: all, nsg: port," \
		"mac: '$(mac_of "$3")', addresses: [$(address_of "$4"), '$(address6_of "$4")'], flowLimit: $FLOWS${5:-}}"
}

vnets=blue
ports()
{
	local n
	for n in $(seq "$GUESTS"); do port "g$n" blue "$n" "$n"; done
}

path_up()
{
	document >"$work/$WORLD.yaml"
	switch_ up -f "$work/$WORLD.yaml" >/dev/null
	note="$("$SLUICE" -V)"
}

path_forget() { switch_ flow flush >/dev/null; }

path_down() { switch_ down >/dev/null; }
