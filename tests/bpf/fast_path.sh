#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The same packet of an established flow again costs at most twice the floor, through both hooks and
# over both IP versions (bench/quick.c, which says what is promised). The ratios are medians over
# interleaved rounds; a machine busy with something else gets two more tries.

name=established_packet_costs_at_most_two_floors
for rounds in 9 15 25; do
	if "${BUILD:-build}/bench/quick" --assert --few --rounds $rounds; then
		echo "ok 1 - $name"
		exit 0
	fi
done
echo "not ok 1 - $name"
exit 1
