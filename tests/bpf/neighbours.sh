#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A port that floods the flow table, below its quota and at it, costs its neighbours at most half as
# much again as one that talks on as many flows (bench/neighbours.c). Programs that free other
# ports' entries of the bucket when a port is at its quota come to 1.7 to 2.0 times in all three.

# shellcheck source=tests/harness/verdict.sh
. "$(dirname "$0")/../harness/verdict.sh"

bench_holds threat_12_flood_of_new_flows_costs_neighbours_no_more_than_talk \
	'3 7 11' neighbours
