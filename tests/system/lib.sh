# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the system tests share: a host in a network namespace of its own, guests in others, the
# switch between them, and words for traffic.
#
# A test is a function whose name is a sentence. `run_tests NAME...` runs each in a subshell under
# set -e and says in TAP what came of it; a failed one shows its commands. `skip REASON` skips.

set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
BUILD=${BUILD:-build}
[[ $BUILD = /* ]] || BUILD=$root/$BUILD
SLUICE=$BUILD/sluice
GUEST=$BUILD/tests/system/guest
export STEPS=$BUILD/tests/system/steps
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C

# Every name of ours begins with it, so that what is left can be found and nothing else is touched.
P=slt$$
HOST=$P-host
SWITCH=$P
HOOK=${HOOK:-tc}
SILENCE=${SILENCE:-400} # ms after which nothing more is expected of something that must not come
work=$(mktemp -d "/tmp/$P.XXXXXX")
failed=0

host() { nsenter --net="/run/netns/$HOST" -- "$@"; }
in_guest() { nsenter --net="/run/netns/$P-$1" -- "${@:2}"; }

# start NETNS OUTPUT COMMAND...: in the background, until the end of the test file; $! is its id.
start()
{
	nsenter --net="/run/netns/$1" -- "${@:3}" >"$2" 2>&1 &
	echo $! >>"$work/pids"
}

sluice() { host "$SLUICE" --switch "$SWITCH" "$@"; }

# json EXPRESSION: of the document on stdin, called d.
json()
{
	/usr/bin/python3 -c '
import json, sys
d = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$1"
}

# The same for a stream of documents, one a line: d is the list of them.
json_lines()
{
	/usr/bin/python3 -c '
import json, sys
d = [json.loads(line) for line in sys.stdin if line.strip()]
print(eval(sys.argv[1]))' "$1"
}

# --- building the world ---

host_up()
{
	ip netns add "$HOST"
	ip -n "$HOST" link set lo up
}

# guest_veth NAME MAC IPV4 IPV6: namespace $P-NAME with eth0, whose other end is NAME on the host.
guest_veth()
{
	ip netns add "$P-$1"
	ip -n "$HOST" link add "$1" type veth peer name eth0 netns "$P-$1" address "$2"
	ip -n "$HOST" link set "$1" up
	guest_configure "$@"
}

# guest_tap NAME MAC IPV4 IPV6: the same behind a tap, with a process for a virtual NIC.
guest_tap()
{
	ip netns add "$P-$1"
	start "$HOST" "$work/wire.$1" "$GUEST" wire "$P-$1" "$1"
	until_true 5 grep -q ready "$work/wire.$1"
	ip -n "$P-$1" link set eth0 address "$2"
	ip -n "$HOST" link set "$1" up
	guest_configure "$@"
}

guest_configure()
{
	local ns=$P-$1 ipv4=$3 ipv6=$4

	ip -n "$ns" link set lo up
	in_guest "$1" sysctl -qw net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.eth0.accept_ra=0 \
		net.ipv6.conf.eth0.accept_dad=0 net.ipv6.icmp.ratelimit=0 net.ipv4.icmp_ratelimit=0
	ip -n "$ns" link set eth0 up
	ip -n "$ns" addr add "$ipv4/24" dev eth0
	ip -n "$ns" route add default via "${ipv4%.*}.1"
	ip -n "$ns" -6 addr add "$ipv6/64" dev eth0 nodad
	ip -n "$ns" -6 route add default via "${ipv6%::*}::1"
}

# serve NAME WHAT...: `guest serve` in a guest, until the end of the test file.
serve()
{
	local said=$work/serve.$1.$RANDOM

	start "$P-$1" "$said" "$GUEST" serve "${@:2}"
	until_true 5 grep -q ready "$said"
}

# The two vnets with the same addresses that most tests use: web1, web2 and db1 in blue, red1 and red2
# in red. NSG web lets 80, 53 and pings in; NSG db lets 5432 in from the web subnet.
world_up()
{
	host_up
	guest_veth web1 52:54:00:00:01:04 10.1.1.4 fd00:1:0:1::4
	guest_veth web2 52:54:00:00:01:05 10.1.1.5 fd00:1:0:1::5
	guest_veth db1 52:54:00:00:02:04 10.1.2.4 fd00:1:0:2::4
	guest_veth red1 52:54:00:00:01:04 10.1.1.4 fd00:1:0:1::4
	guest_veth red2 52:54:00:00:02:04 10.1.2.4 fd00:1:0:2::4
	world_document >"$work/world.yaml"
	sluice up -f "$work/world.yaml"
	serve web1 tcp:80 tcp:22 udp:53 sink:9000
	serve web2 tcp:80 tcp:22 udp:53 sink:9000
	serve db1 tcp:5432 tcp:80 tcp:22 udp:53 udp:54 sink:9000
	serve red2 tcp:5432 tcp:80 udp:53
}

world_document()
{
	local first=$HOOK

	# "mixed": every way from one hook to the other.
	[ "$HOOK" != mixed ] || local HOOK=tc first=xdp
	cat <<END
apiVersion: sluice/v1
switch: {name: $SWITCH}
vnets:
  - name: blue
    vni: 5001
    prefixes: [10.1.0.0/16, "fd00:1::/48"]
    subnets:
      - {name: web, prefixes: [10.1.1.0/24, "fd00:1:0:1::/64"], nsg: web}
      - {name: db, prefixes: [10.1.2.0/24, "fd00:1:0:2::/64"], nsg: db}
  - name: red
    vni: 5002
    prefixes: [10.1.0.0/16, "fd00:1::/48"]
    subnets:
      - {name: web, prefixes: [10.1.1.0/24, "fd00:1:0:1::/64"]}
      - {name: db, prefixes: [10.1.2.0/24, "fd00:1:0:2::/64"]}
nsgs:
  web:
    rules:
      - {name: http, priority: 100, direction: Inbound, access: Allow, protocol: Tcp, destinationPorts: ["80"]}
      - {name: dns, priority: 110, direction: Inbound, access: Allow, protocol: Udp, destinationPorts: ["53"]}
      - {name: ping, priority: 120, direction: Inbound, access: Allow, protocol: Icmp}
      - {name: rest, priority: 4096, direction: Inbound, access: Deny, protocol: "*"}
  db:
    rules:
      - {name: sql, priority: 100, direction: Inbound, access: Allow, protocol: Tcp, sources: [10.1.1.0/24, "fd00:1:0:1::/64"], destinationPorts: ["5432"]}
      - {name: bulk, priority: 105, direction: Inbound, access: Allow, protocol: Tcp, destinationPorts: ["9000"]}
      - {name: dns, priority: 110, direction: Inbound, access: Allow, protocol: Udp, destinationPorts: ["53"]}
      - {name: ping, priority: 120, direction: Inbound, access: Allow, protocol: Icmp}
      - {name: rest, priority: 4096, direction: Inbound, access: Deny, protocol: "*"}
ports:
  - {name: web1, device: web1, hook: $first, vnet: blue, subnet: web, mac: 52:54:00:00:01:04, addresses: [10.1.1.4, "fd00:1:0:1::4"]}
  - {name: web2, device: web2, hook: $HOOK, vnet: blue, subnet: web, mac: 52:54:00:00:01:05, addresses: [10.1.1.5, "fd00:1:0:1::5"]}
  - {name: db1, device: db1, hook: $HOOK, vnet: blue, subnet: db, mac: 52:54:00:00:02:04, addresses: [10.1.2.4, "fd00:1:0:2::4"]}
  - {name: red1, device: red1, hook: $first, vnet: red, subnet: web, mac: 52:54:00:00:01:04, addresses: [10.1.1.4, "fd00:1:0:1::4"]}
  - {name: red2, device: red2, hook: $HOOK, vnet: red, subnet: db, mac: 52:54:00:00:02:04, addresses: [10.1.2.4, "fd00:1:0:2::4"]}
END
}

# Ends what this file started, by the ids it noted, and takes down what has its prefix.
world_down()
{
	local pid name

	while read -r pid; do kill "$pid" 2>/dev/null; done <"$work/pids"
	for name in /sys/fs/bpf/sluice/"$P"* /run/sluice/"$P"*; do
		[ ! -e "$name" ] || host "$SLUICE" --switch "${name##*/}" down >/dev/null
	done
	rm -f /sys/fs/bpf/"$P"-*
	for name in $(ip netns list | grep -oE "^$P-[a-z0-9-]+"); do
		ip netns del "$name"
	done
	rm -rf "$work"
} 2>/dev/null
touch "$work/pids"
trap world_down EXIT

# --- running tests ---

skip()
{
	echo "$*" >"$work/skipped"
	exit 77
}

run_tests()
{
	local name code
	for name in "$@"; do
		(
			trap - EXIT
			# The trace goes beside stderr, which tests read.
			exec 2>&1 5>&1
			BASH_XTRACEFD=5
			set -ex
			"$name"
		) >"$work/log"
		code=$?
		if [ $code = 0 ]; then
			echo "ok - ${name}${SUFFIX:-}"
			# What a test measured is worth reading when it passes, too.
			[ ! -s "$work/figures" ] || sed 's/^/# figures: /' "$work/figures"
			rm -f "$work/figures"
		elif [ $code = 77 ]; then
			echo "ok - ${name}${SUFFIX:-} # SKIP $(cat "$work/skipped")"
		else
			echo "not ok - ${name}${SUFFIX:-}"
			tail -25 "$work/log" | cut -c1-300 | sed 's/^/#   /'
			failed=1
			# What it left half done must not fail the next as well.
			! declare -F reset >/dev/null || reset >/dev/null 2>&1
		fi
	done
}

# For what all tests of a file stand on.
must()
{
	(
		trap - EXIT
		set -ex
		"$@"
	) >"$work/must" 2>&1
	# shellcheck disable=SC2181 # a condition would switch set -e off
	[ $? != 0 ] || return 0
	echo "not ok - $1${SUFFIX:-}: could not be set up"
	tail -25 "$work/must" | sed 's/^/#   /'
	exit 1
}

finish() { exit $failed; }

# Runs the calling file once a hook: with delivery by tc and by XDP unless told.
each_hook()
{
	local hook

	[ -z "${HOOK_GIVEN:-}" ] || return 0
	[ $# -gt 0 ] || set -- tc xdp
	for hook; do
		HOOK_GIVEN=1 HOOK=$hook SUFFIX=_on_$hook bash "$0" || failed=1
	done
	finish
}

# --- words for traffic: each fails the test when what it says is not so ---

# passes GUEST tcp|udp ADDRESS PORT [MS [SIZE]] | passes GUEST ping ADDRESS
passes()
{
	case $2 in
	ping) in_guest "$1" ping -c 1 -W 5 "${@:4}" "$3" ;;
	*) in_guest "$1" "$GUEST" "$2" "$3" "$4" "${5:-5000}" "${6:-32}" ;;
	esac
}

# Nothing comes back: neither an answer nor a refusal.
silent()
{
	case $2 in
	ping) ! in_guest "$1" timeout "0.$SILENCE" ping -c 1 "$3" ;;
	*) [ "$(in_guest "$1" "$GUEST" "$2" "$3" "$4" "$SILENCE")" = silence ] ;;
	esac
}

# drops PORT REASON: how many so far.
drops() { sluice -j stats "$1" | json "d['drops'].get('$2', 0)"; }

# rule_hits NSG RULE: packets so far.
rule_hits()
{
	sluice -j stats --rules |
		json "sum(r['packets'] for r in d if (r['nsg'], r['rule']) == ('$1', '$2'))"
}

# dropped_as REASON PORT COMMAND...: the command makes the port's counter of that reason go up.
dropped_as()
{
	local before
	before=$(drops "$2" "$1")
	"${@:3}"
	[ "$(drops "$2" "$1")" -gt "$before" ]
}

# frames GUEST SCENARIO [ARGUMENT...]: what tests/system/frames.py can send from a guest's eth0.
frames() { in_guest "$1" /usr/bin/python3 "$here/frames.py" "${@:2}"; }

# watched GUEST COMMAND...: how many frames with the mark reach the guest while the command runs,
# into $seen.
watched()
{
	local watcher

	rm -f "$work/watch"
	mkfifo "$work/watch"
	in_guest "$1" "$GUEST" watch sluice-mark <"$work/watch" >"$work/watched" &
	watcher=$!
	exec 8>"$work/watch"
	until_true 5 grep -q ready "$work/watched"
	"${@:2}"
	exec 8>&-
	wait $watcher
	seen=$(tail -1 "$work/watched")
}

unseen()
{
	watched "$@"
	[ "$seen" = 0 ]
}

seen()
{
	watched "$@"
	[ "$seen" -gt 0 ]
}

# hold_open GUEST ADDRESS PORT [udp]: a TCP connection, or a socket, that stays; one at a time. Then
# `hears MS`: an echo comes back over it within MS; `deaf MS`: none does; `closed MS`: the other end ends it.
hold_open()
{
	rm -f "$work/hold.in" "$work/hold.out"
	mkfifo "$work/hold.in" "$work/hold.out"
	in_guest "$1" "$GUEST" hold "${@:2}" <"$work/hold.in" >"$work/hold.out" &
	echo $! >>"$work/pids"
	exec 6>"$work/hold.in" 7<"$work/hold.out"
	[ "$(hold_answer)" = open ]
}

hold_answer()
{
	local answer
	read -rt 20 answer <&7 && echo "$answer"
}

hears()
{
	echo "$1" >&6
	[ "$(hold_answer)" = heard ]
}

deaf()
{
	echo "$1" >&6
	[ "$(hold_answer)" != heard ]
}

closed()
{
	echo "$1" >&6
	[ "$(hold_answer)" = closed ]
}

hold_close() { exec 6>&- 7<&-; }

version() { sluice -j status | json "d['version']"; }

# until_true SECONDS COMMAND...: asks until it is so; for what happens at a time of its own.
until_true()
{
	local end=$((SECONDS + $1))
	until "${@:2}"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
