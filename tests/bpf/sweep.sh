#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The sweeper of old flows looks at no more buckets at a time in a table eight times as large as the
# usual one, and gives quotas back there, too (bench/sweep.c).

name=sweeper_of_a_large_table_holds_no_cpu_for_longer_and_gives_quotas_back
if "${BUILD:-build}/bench/sweep" --assert; then
	echo "ok 1 - $name"
else
	echo "not ok 1 - $name"
	exit 1
fi
