#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The flow table's size: said by the document, settled by `up`, shown by `status`, and never lost sight of.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

sized() { host "$SLUICE" --switch "$P-sized" "$@"; }

sized_document()
{
	printf 'apiVersion: sluice/v1\nswitch: {name: %s, flows: %s}\n' "$P-sized" "$1" \
		>"$work/sized.yaml"
}

the_document_sizes_the_table_and_status_shows_it()
{
	sized_document 5000
	sized up -f "$work/sized.yaml"
	# The power of two at or above it; 161 bytes a flow, and the maps' own heads.
	sized -j status | json "d['flows'], d['memoryBytes']['flows'] >> 20" |
		grep -xF "({'capacity': 8192, 'used': 0}, 1)"
	sized status | grep -F '0 of 8192 flows'
	sized export | grep -F 'flows: 5000'
	sized down
}

another_size_is_refused_before_anything_changes()
{
	local code command
	sized_document 8192
	sized up -f "$work/sized.yaml"
	sized_document 8193
	for command in "apply -f $work/sized.yaml" "--what-if apply -f $work/sized.yaml" \
		"switch set --flows 4096"; do
		code=0
		# shellcheck disable=SC2086
		sized $command 2>"$work/said" || code=$?
		[ $code = 2 ]
		grep -F "say flows: 8192, or run 'sluice down' and 'sluice up'" "$work/said"
	done
	sized -j status | json "d['version'], d['flows']['capacity']" | grep -xF '(1, 8192)'
	printf 'apiVersion: sluice/v1\nswitch: {name: %s}\n' "$P-sized" >"$work/sized.yaml"
	code=0
	sized apply -f "$work/sized.yaml" 2>"$work/said" || code=$?
	[ $code = 2 ]
	grep -F 'switch.flows: 262144 (the default) is another size' "$work/said"
	# What comes to the same size is no change of it.
	sized switch set --flows 5000
	sized down
}

new_programs_take_over_a_table_of_any_size()
{
	sized_document 4096
	sized up -f "$work/sized.yaml"
	sized upgrade
	sized -j status | json "d['flows']['capacity']" | grep -xF 4096
	sized down
}

a_size_out_of_range_is_refused_by_line()
{
	local code flows
	for flows in 4095 16777217; do
		code=0
		sized_document $flows
		sized up -f "$work/sized.yaml" 2>"$work/said" || code=$?
		[ $code = 2 ]
		grep -F "sized.yaml:2:" "$work/said"
		grep -F 'is not within 4096 to 16777216' "$work/said"
	done
}

flows_in_use_are_counted()
{
	passes web1 tcp 10.1.2.4 5432
	sluice -j status | json "d['flows']['used'] > 0 and d['flows']['capacity'] == 262144" |
		grep -xF True
}

ports_that_could_fill_the_table_are_named()
{
	local port ports
	ports=$(sluice -j status | json "' '.join(p['name'] for p in d['ports'])")
	# Nobody is told anything while nobody asked for anything, and all together fit in.
	sluice -j status | json "d['flowWarning'], sum(p['flows']['limit'] for p in d['ports']) <= 209715" |
		grep -xF '(None, True)'
	for port in $ports; do
		sluice port set "$port" --flow-limit 1000
	done
	sluice -j status | json "d['flowWarning']" | grep -xF None
	[ -z "$(sluice doctor | grep -F 'flow table')" ]
	sluice port set web1 --flow-limit 209716
	sluice status | grep -F 'port web1 alone can shut the others out of the flow table'
	sluice doctor | grep -F 'port web1 alone can shut the others out of the flow table'
	for port in $ports; do
		sluice port set "$port" --flow-limit 209000
	done
	sluice status | grep -F 'ports can together shut others out of the flow table'
	sluice doctor | grep -F 'ports can together shut others out of the flow table'
}

what_one_is_given_the_others_share_no_more_and_no_flow_is_ended()
{
	local before count port
	for port in $(sluice -j status | json "' '.join(p['name'] for p in d['ports'])"); do
		sluice port set "$port" --flow-limit ''
	done
	count=$(sluice -j status | json "len(d['ports'])")
	passes web1 tcp 10.1.2.4 5432
	before=$(sluice -j flow list --port web1 | wc -l)
	[ "$before" -gt 0 ]
	sluice port set db1 --flow-limit 150000
	sluice -j status | json "[p['flows']['limit'] for p in d['ports'] if p['name'] == 'web1']" |
		grep -xF "[$(((209715 - 150000) / (count - 1)))]"
	[ "$(sluice -j flow list --port web1 | wc -l)" = "$before" ]
	sluice -j status | json "[p['flows']['used'] > 0 for p in d['ports'] if p['name'] == 'web1']" |
		grep -xF "[True]"
	sluice status | grep -E '^db1 .* [0-9]+/150000 '
}

must world_up
run_tests the_document_sizes_the_table_and_status_shows_it \
	another_size_is_refused_before_anything_changes new_programs_take_over_a_table_of_any_size \
	a_size_out_of_range_is_refused_by_line flows_in_use_are_counted \
	ports_that_could_fill_the_table_are_named \
	what_one_is_given_the_others_share_no_more_and_no_flow_is_ended
finish
