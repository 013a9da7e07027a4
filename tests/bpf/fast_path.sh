#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The same packet of an established flow again costs at most twice the floor, through both hooks and
# over both IP versions (bench/quick.c, which says what is promised).

# shellcheck source=tests/harness/verdict.sh
. "$(dirname "$0")/../harness/verdict.sh"

bench_holds established_packet_costs_at_most_two_floors \
	'9 15 25' quick --few
