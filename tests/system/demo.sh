#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The show of `make demo`: real ping, TCP and UDP between namespaces, what passes and what is refused
# and by which rule, a rule added while a transfer runs, counters. It leaves the playground that
# `sluice up --demo` builds, and says how to take it away.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-build}
[[ $BUILD = /* ]] || BUILD=$root/$BUILD
SLUICE=$BUILD/sluice
GUEST=$BUILD/tests/system/guest
export LC_ALL=C
work=$(mktemp -d)
surprises=0
servers=

clean_up()
{
	local server
	for server in $servers; do kill "$server" 2>/dev/null; done
	rm -rf "$work"
}
trap clean_up EXIT

say() { printf '\n== %s\n' "$*"; }
in_guest() { nsenter --net="/run/netns/sluice-demo-$1" -- "${@:2}"; }
demo() { "$SLUICE" --switch demo "$@"; }

serve()
{
	nsenter --net="/run/netns/sluice-demo-$1" -- "$GUEST" serve "${@:2}" >"$work/$1" 2>&1 &
	servers="$servers $!"
	disown
	for _ in $(seq 100); do
		grep -qs ready "$work/$1" && return
		sleep 0.05
	done
	echo "no server in $1: $(cat "$work/$1")" >&2
	exit 1
}

surprise()
{
	echo "   ^^^ NOT what this demo expects" >&2
	surprises=$((surprises + 1))
}

declare -A ipv4=([web1]=10.1.1.4 [web2]=10.1.1.5 [db1]=10.1.2.4 [vm1]=10.1.2.5)
declare -A ipv6=([web1]=fd00:1:0:1::4 [web2]=fd00:1:0:1::5 [db1]=fd00:1:0:2::4 [vm1]=fd00:1:0:2::5)

# try EXPECTED FROM ping|tcp|udp TO 4|6 [PORT]: says what came of it, and by which rule.
try()
{
	local from=${ipv4[$2]} to=${ipv4[$4]} got

	[ "$5" = 4 ] || from="[${ipv6[$2]}]" to="[${ipv6[$4]}]"
	case $3 in
	ping) in_guest "$2" ping -c 1 -W 1 "${to//[][]/}" >/dev/null 2>&1 && got=reached || got=silence ;;
	*) got=$(in_guest "$2" "$GUEST" "$3" "${to//[][]/}" "$6" 600) ;;
	esac
	printf '   %-9s %-5s -> %-4s %-22s %s' "${3}${6:+/$6}" "$2" "$4" "${to//[][]/}" \
		"$([ "$got" = reached ] && echo 'passes    ' || echo 'is refused')"
	[ "$3" = ping ] || rule_for "$from:40000" "$to:$6" "$4" "$3"
	echo
	[ "$got" = "$1" ] || surprise
}

rule_for() # FROM TO PORT PROTOCOL
{
	printf '  by %s' "$(demo -j test-ip-flow --port "$3" --direction Inbound --protocol "$4" \
		--local "$2" --remote "$1" | grep -oE '"rule": ?"[^"]*"' | cut -d'"' -f4)"
}

[ "$(id -u)" = 0 ] || { echo "the demo builds namespaces: run it as root" >&2; exit 2; }
"$SLUICE" down --demo >/dev/null 2>&1

say "sluice up --demo: guests in namespaces, two vnets with the same addresses, one switch"
"$SLUICE" up --demo || exit 1
demo status
serve db1 tcp:5432 tcp:22 udp:53
serve vm1 tcp:5432 tcp:22
serve web1 tcp:80 udp:53
serve web2 tcp:80 tcp:22
serve red2 tcp:22

say "what passes, what is refused, and the rule that says so"
try reached web1 ping db1 4
try reached web1 ping db1 6
try reached web1 tcp db1 4 5432
try reached web2 tcp db1 6 5432
try reached web1 tcp vm1 4 5432
try reached db1 tcp web2 4 80
try reached vm1 udp web1 6 53
try silence web1 tcp db1 4 22
try silence web1 tcp vm1 6 22
try reached web1 udp db1 4 53
try silence web1 udp db1 6 9999
try silence db1 tcp web2 4 22

say "vnet red has the same addresses: its guests reach each other, never blue's"
for question in "tcp 10.1.2.4 22 reached" "tcp 10.1.1.5 80 silence"; do
	read -r kind address port expected <<<"$question"
	got=$(in_guest red1 "$GUEST" "$kind" "$address" "$port" 600)
	printf '   %-9s red1  -> %-27s %s\n' "$kind/$port" "$address" "$got"
	[ "$got" = "$expected" ] || surprise
done

say "what would become of a packet, asked of the loaded program itself"
demo trace web1 tcp 10.1.1.4:40000 10.1.2.4:22

say "a rule added while a transfer of 200,000 datagrams and their echoes runs"
in_guest db1 "$GUEST" burst 10.1.1.4 53 200000 60000 >"$work/burst" &
transfer=$!
demo nsg rule create --nsg-name db -n ssh --priority 200 --direction Inbound --access Allow \
	--protocol Tcp --source-address-prefixes '*' --source-port-ranges '*' \
	--destination-address-prefixes '*' --destination-port-ranges 22
try reached web1 tcp db1 4 22
wait $transfer || surprise
echo "   the transfer, in datagrams sent and echoes heard: $(cat "$work/burst")"

say "counters"
demo stats web1
demo stats --rules

say "the playground stays; three commands to try next"
cat <<END
   $SLUICE --switch demo observe -f          then, elsewhere: ip netns exec sluice-demo-web1 ping 10.1.2.99
   $SLUICE --switch demo nsg rule delete --nsg-name db -n ping
   $SLUICE --switch demo rollback
and '$SLUICE down --demo' removes all of it.
END
[ $surprises = 0 ] || { echo "$surprises surprises" >&2; exit 1; }
