#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# An established packet costs at most three times the floor (bench/quick.c). The ratio is a median
# over interleaved rounds; a machine busy with something else gets two more tries.

name=established_packet_costs_at_most_three_floors
for rounds in 9 15 25; do
	if "${BUILD:-build}/bench/quick" --assert --rounds $rounds; then
		echo "ok 1 - $name"
		exit 0
	fi
done
echo "not ok 1 - $name"
exit 1
