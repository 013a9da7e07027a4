# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the tests of port web1 with two devices share: its guest, whose namespace has eth0 and fast0, and
# the host's ends of them, web1 and fast1. Sourced after lib.sh.

# shellcheck disable=SC2154 # $work is lib.sh's
agent_up()
{
	start "$HOST" "$work/agent" "$SLUICE" --switch "$SWITCH" -j agent
	echo $! >"$work/agent.pid"
}

# What the host's own stack would say to the guest is not counted as the switch's.
quiet_host() { host sysctl -qw "net.ipv6.conf.$1.disable_ipv6=1"; }

why() { sluice -j status | json "[p['why'] for p in d['ports'] if p['name'] == 'web1'][0]"; }
carried_by()
{
	sluice -j status | json "[p['ifindex'] for p in d['ports'] if p['name'] == 'web1'][0]" |
		grep -xF "$(index_of "$1")"
}
index_of() { ip -n "$HOST" -o link show "$1" | cut -d: -f1; }

# received DEVICE: frames that the guest got by it so far.
received() { ip -n "$P-web1" -s -j link show "$1" | json "d[0]['stats64']['rx']['packets']"; }

# arrive_by DEVICE COMMAND...: the guest gets frames by that device while the command runs, and none
# by the other.
arrive_by()
{
	local other=eth0 before other_before=
	[ "$1" = fast0 ] || other=fast0
	before=$(received "$1")
	! carried "$other" || other_before=$(received "$other")
	"${@:2}"
	[ "$(received "$1")" -gt "$before" ]
	[ -z "$other_before" ] || [ "$(received "$other")" = "$other_before" ]
}
carried() { ip -n "$P-web1" link show "$1" >/dev/null 2>&1; }

# lost_while COUNT MS ADDRESS COMMAND...: how many of that many pings to web1, so many ms apart, come
# to nothing while the command runs, into $lost.
lost_while()
{
	local pinger before
	in_guest web2 ping -i "$(printf '0.%03d' "$2")" -c "$1" -W 1 -q "$3" >"$work/pinged" &
	pinger=$!
	before=$(sent_to_port)
	until_true 5 pings_run
	"${@:4}"
	wait $pinger || true
	lost=$(sed -nE 's/^([0-9]+) packets transmitted, ([0-9]+) received.*/\1 \2/p' "$work/pinged" |
		{ read -r sent got; echo $((sent - got)); })
	echo "$HOOK, $3: $lost of $1 pings lost, $2 ms apart; $(sed -n 's/^rtt/round trip/p' "$work/pinged")" \
		>"$work/lost"
}
figure() { echo "$1: $(cat "$work/lost")" >>"$work/figures"; }
sent_to_port() { sluice -j stats web1 | json "d['tx']['packets']"; }
pings_run() { [ "$(sent_to_port)" -gt $((before + 20)) ]; }
