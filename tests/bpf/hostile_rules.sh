#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# IPv4 rules made against classifiers cost at most six times what ordinary ones of their number do
# (bench/classify.c). A machine busy with something else gets two more tries.

name=hostile_rules_cost_at_most_six_times_ordinary_ones
for rounds in 5 9 15; do
	if "${BUILD:-build}/bench/classify" --quick --hostile --assert --rounds $rounds; then
		echo "ok 1 - $name"
		exit 0
	fi
done
echo "not ok 1 - $name"
exit 1
