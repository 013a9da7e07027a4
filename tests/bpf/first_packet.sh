#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A connection's first packet, on its whole way, takes at 100,000 rules at most five times what it takes
# at 100, and one in a thousand at most three times the median, over both IP versions and through both
# hooks (bench/first_packet.c).

# shellcheck source=tests/harness/verdict.sh
. "$(dirname "$0")/../harness/verdict.sh"

bench_holds first_packet_at_a_hundred_thousand_rules_takes_at_most_five_times_that_at_a_hundred \
	'5 9 13' first_packet --quick
