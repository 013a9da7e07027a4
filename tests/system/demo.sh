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
		grep -q ready "$work/$1" && return
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

# try EXPECTED GUEST ping|tcp|udp ADDRESS [PORT]: says what came of it.
try()
{
	local got what="$3 from $2 to $4${5:+ port $5}"

	case $3 in
	ping) in_guest "$2" ping -c 1 -W 1 "$4" >/dev/null 2>&1 && got=reached || got=silence ;;
	*) got=$(in_guest "$2" "$GUEST" "$3" "$4" "$5" 600) ;;
	esac
	printf '   %-46s %s' "$what" "$([ "$got" = reached ] && echo passes || echo "is refused")"
	if [ "$3" != ping ] && [ "$2" = web1 ]; then
		printf '   by %s' "$(demo -j test-ip-flow --port db1 --direction Inbound \
			--protocol "$3" --local "$(endpoint "$4" "$5")" \
			--remote "$(endpoint "$(own "$4")" 40000)" | grep -oE '"rule": ?"[^"]*"' | cut -d'"' -f4)"
	fi
	echo
	[ "$got" = "$1" ] || surprise
}

own() { case $1 in *:*) echo fd00:1:0:1::4 ;; *) echo 10.1.1.4 ;; esac; }
endpoint() { case $1 in *:*) echo "[$1]:$2" ;; *) echo "$1:$2" ;; esac; }

[ "$(id -u)" = 0 ] || { echo "the demo builds namespaces: run it as root" >&2; exit 2; }
"$SLUICE" down --demo >/dev/null 2>&1

say "sluice up --demo: guests in namespaces, two vnets with the same addresses, one switch"
"$SLUICE" up --demo || exit 1
demo status
serve db1 tcp:5432 tcp:22 udp:53 udp:9999
serve web2 tcp:80
serve red2 tcp:5432 tcp:22

say "what passes, what is refused, and the rule that says so"
try reached web1 ping 10.1.2.4
try reached web1 ping fd00:1:0:2::4
try reached web1 ping 10.1.2.1
try reached web1 tcp 10.1.2.4 5432
try reached web1 tcp fd00:1:0:2::4 5432
try reached web1 udp 10.1.2.4 53
try silence web1 tcp 10.1.2.4 22
try silence web1 udp 10.1.2.4 9999
try reached db1 tcp 10.1.1.5 80

say "vnet red has the same addresses: its guest reaches its own neighbor, not blue's"
try reached red1 tcp 10.1.2.4 22
try silence red1 ping 10.1.1.5

say "what would become of a packet, asked of the loaded program itself"
demo trace web1 tcp 10.1.1.4:40000 10.1.2.4:22

say "a rule added while a transfer of 200,000 datagrams runs"
in_guest web1 "$GUEST" burst 10.1.2.4 53 200000 60000 >"$work/burst" &
transfer=$!
demo nsg rule create --nsg-name db -n ssh --priority 200 --direction Inbound --access Allow \
	--protocol Tcp --source-address-prefixes '*' --source-port-ranges '*' \
	--destination-address-prefixes '*' --destination-port-ranges 22
try reached web1 tcp 10.1.2.4 22
wait $transfer || surprise
echo "   the transfer: $(cat "$work/burst")"

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
