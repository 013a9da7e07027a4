#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A verdict at 100,000 rules looks at no more than five times the lines that one at 100 does, and one
# in a thousand at no more than three times the median's, over both IP versions; the times that they
# take have wider limits (bench/classify.c, which says why).

# shellcheck source=tests/harness/verdict.sh
. "$(dirname "$0")/../harness/verdict.sh"

bench_holds a_hundred_thousand_rules_take_at_most_five_times_the_lines_of_a_hundred \
	'9 13 16' classify --quick --ordinary
