#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The same packet of an established flow again costs at most twice the floor, through both hooks and
# over both IP versions. Over a million flows, packets of established ones stay near cache lines and below
# the kernel's hash, and a new flow costs at most five of them (bench/quick.c, which says what is promised
# and what is watched).

# shellcheck source=tests/harness/verdict.sh
. "$(dirname "$0")/../harness/verdict.sh"

bench_holds established_packet_costs_at_most_two_floors \
	'9 15 25' quick --few || failed=1
bench_holds a_million_flows_stay_near_what_their_cache_lines_cost \
	'5 9 15' quick || failed=1
exit $failed
