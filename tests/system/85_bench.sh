#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The parts of `make bench` work: every path carries what it may, every measure measures, the report is
# made, nothing is left. What anything costs is not judged here, but by an order of magnitude.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

every_path_is_measured_by_every_measure()
{
	local pid
	"$root/bench/run.sh" --plans smoke --journal "$work/journal" &
	pid=$!
	wait $pid
	/usr/bin/python3 -B "$root/bench/report.py" "$work/journal" "$work"
	json "(not d['didNotRun'] and not d['failed'] and len(d['figures']) == 36) or d" <"$work/bench.json" |
		grep -x True
	! ps -eo args | grep "[p]idfile=/tmp/slb$pid"
}

known_connections_cost_no_multiple_of_a_bare_redirect()
{
	json "(lambda f: f['sluice-xdp'] > f['bare-xdp'] / 10 and f['sluice-tc'] > f['bare-tc-peer'] / 10)(
		{c['path']: c['median'] for c in d['figures'] if c['measure'] == 'established' and c['family'] == 4})" \
		<"$work/bench.json" | grep -x True
}

a_bench_that_is_interrupted_leaves_nothing()
{
	local pid
	"$root/bench/run.sh" --plans smoke --journal "$work/interrupted" >"$work/said" 2>&1 &
	pid=$!
	echo $pid >>"$work/pids"
	until_true 60 grep -q sample "$work/interrupted"
	kill -TERM $pid
	! wait $pid || return 1
	! ip netns list | grep "slb$pid-" || return 1
	! ls -d /sys/fs/bpf/sluice/"slb$pid"* /run/sluice/"slb$pid"* /tmp/"slb$pid".* || return 1
	! ps -eo args | grep "[p]idfile=/tmp/slb$pid"
}

run_tests every_path_is_measured_by_every_measure \
	known_connections_cost_no_multiple_of_a_bare_redirect \
	a_bench_that_is_interrupted_leaves_nothing
finish
