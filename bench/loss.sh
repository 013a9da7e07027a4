#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What a thousand rule changes under full traffic lose: tests/system/80_fire.sh, whose figures become
# bench-loss.json. loss.sh [CHANGES]

set -u
BENCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILD=${BUILD:-build}
said=$(CHANGES=${1:-1000} "$BENCH/../tests/system/80_fire.sh") || { echo "$said" >&2; exit 1; }

# "N changes, N a second; N rounds of 3, N datagrams a second", then
# "steady: N lost, N of all came twice; ..."; then the next hook's.
echo "$said" | awk '
	function number(before) { return match($0, "[0-9]+ " before) ? substr($0, RSTART) + 0 : "null" }
	BEGIN { print "[" }
	/^# figures:.* changes,/ {
		changes = number("changes"); pace = number("a second"); datagrams = number("datagrams a second")
	}
	/^# figures: steady:/ { lost = number("lost"); twice = number("of all came twice") }
	/^ok .*lose_and_misjudge/ { hook = $0; sub(/.*_on_/, "", hook) }
	/^# figures: steady:/ {
		# Of each hook first the changes of an NSG, then what is added to a list of 100,000.
		printf "%s{\"hook\":\"%s\",\"rules\":%s,\"changes\":%s,\"changes a second\":%s,\"datagrams a second\":%s,\"lost\":%s,\"doubled\":%s}\n",
			n++ ? "," : "", hook, seen[hook]++ ? 100000 : "\"few\"", changes, pace, datagrams, lost, twice
	}
	END { print "]" }' >"$BUILD/bench-loss.json"
