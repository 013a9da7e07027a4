#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# After all the other files: none of their names is on this machine any more.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

# The names of tests that still run beside this one, somebody else's, are not counted.
strangers()
{
	local name
	grep -oE 'slt[0-9]+' | sort -u | while read -r name; do
		[ "$name" = "$P" ] || [ -d "/proc/${name#slt}" ] || echo "$name"
	done
}

no_namespace_device_pin_or_state_is_left()
{
	local left
	left=$({
		ip netns list
		ip -o link
		ls /sys/fs/bpf /sys/fs/bpf/sluice /run/sluice 2>/dev/null
	} | strangers)
	echo "$left"
	[ -z "$left" ]
}

no_process_is_left()
{
	local left
	left=$(ps -eo args | grep -E 'guest (serve|wire|hold|watch)|sluice .*slt' | grep -v grep | strangers)
	echo "$left"
	[ -z "$left" ]
}

run_tests no_namespace_device_pin_or_state_is_left no_process_is_left
finish
