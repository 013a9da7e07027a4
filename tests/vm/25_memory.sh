#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A machine of two gigabytes has no room for the largest flow table: `up` says so and leaves nothing.
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
inside bookworm 120

SLUICE=$BUILD/sluice
document=$(mktemp)
printf 'apiVersion: sluice/v1\nswitch: {name: large, flows: 16777216}\n' >"$document"

a_flow_table_that_does_not_fit_is_refused_and_leaves_nothing()
{
	local code=0 said
	said=$("$SLUICE" --switch large up -f "$document" 2>&1) || code=$?
	echo "# $said"
	[ $code = 2 ] && [[ $said == *'for 16777216 flows takes 2576 MiB'*'switch.flows'* ]] &&
		[ ! -e /sys/fs/bpf/sluice/large ] && [ ! -e /run/sluice/large ]
}

if a_flow_table_that_does_not_fit_is_refused_and_leaves_nothing; then
	echo "ok - a_flow_table_that_does_not_fit_is_refused_and_leaves_nothing"
else
	echo "not ok - a_flow_table_that_does_not_fit_is_refused_and_leaves_nothing"
	exit 1
fi
