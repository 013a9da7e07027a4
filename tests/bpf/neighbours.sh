#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A port that floods the flow table, below its quota and at it, costs its neighbours at most half as
# much again as one that talks on as many flows (bench/neighbours.c). The ratios are medians over
# interleaved rounds; a machine busy with something else gets two more tries. Programs that free other
# ports' entries of the bucket when a port is at its quota come to 1.7 to 2.0 times in all three.

name=threat_12_flood_of_new_flows_costs_neighbours_no_more_than_talk
for rounds in 3 7 11; do
	if "${BUILD:-build}/bench/neighbours" --assert --rounds $rounds; then
		echo "ok 1 - $name"
		exit 0
	fi
done
echo "not ok 1 - $name"
exit 1
