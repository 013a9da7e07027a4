#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# IPv4 rules made against classifiers cost at most six times what ordinary ones of their number do
# (bench/classify.c).

# shellcheck source=tests/harness/verdict.sh
. "$(dirname "$0")/../harness/verdict.sh"

bench_holds hostile_rules_cost_at_most_six_times_ordinary_ones \
	'5 9 15' classify --quick --hostile
