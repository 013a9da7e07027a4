#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kill -9 at any moment of a change: the old version or the new one runs, whole, and the next
# command carries on.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

KILLS=${KILLS:-20}

# Two documents that differ in a rule, two ports and what a port may say: `late` is a port, db1:22 is
# open and `nf` is an AF_XDP port, whose device the switch makes, in the second only.
documents()
{
	guest_veth late 52:54:00:00:01:07 10.1.1.7 fd00:1:0:1::7
	{
		sed 's/\["5432"\]/["22", "5432"]/' "$work/world.yaml"
		echo "  - {name: late, device: late, hook: $HOOK, vnet: blue, subnet: web," \
			'mac: "52:54:00:00:01:07", addresses: [10.1.1.7, "fd00:1:0:1::7"]}'
		echo "  - {name: nf, device: nf, hook: $HOOK, vnet: blue, subnet: web," \
			'mac: "52:54:00:00:01:09", addresses: [10.1.1.9, "fd00:1:0:1::9"],' \
			'acceleration: {mode: af_xdp, queues: 2}}'
	} >"$work/second.yaml"
}

# which_runs: "first" or "second"; fails when it is a mixture, or when what both allow does not pass.
which_runs()
{
	local ssh late
	passes web1 tcp 10.1.2.4 5432 >&2 || return 1
	ssh=$(in_guest web1 "$GUEST" tcp 10.1.2.4 22 "$SILENCE") || true
	late=$(in_guest late "$GUEST" tcp 10.1.2.4 5432 "$SILENCE") || true
	[ "$late" != refused ] || late=silence # by its own stack: nobody answers its ARP
	case $ssh-$late in
	silence-silence) echo first ;;
	reached-reached) echo second ;;
	*) echo "a mixture: ssh $ssh, late $late" >&2; return 1 ;;
	esac
}

# The next command must do its work whatever was left.
carries_on() # DOCUMENT
{
	sluice apply -f "$work/$1.yaml"
	[ "$(which_runs)" = "$([ "$1" = world ] && echo first || echo second)" ]
	sluice status
	devices_made "$([ "$1" = world ] && echo 0 || echo 2)"
}

# How many devices of the switch's own making there are, whole or not: both ends of nf's pair, or none.
# A pair that is not done yet has a name beginning with slx.
devices_made()
{
	host ip -o link show | grep -cE ': (nf|nf-xsk|slx[0-9a-f]*)@' | grep -x "$1"
	[ "$1" = 0 ] || sluice -j status |
		json '[p["afXdp"]["queues"] for p in d["ports"] if p["name"] == "nf"]' | grep -F '[2]'
}

# steps_of VERB FILE: the names of its steps, one a line, each once.
steps_of() { host "$STEPS" "$SWITCH" "$1" "$work/$2.yaml" | sort -u; }

# killed_at STEP VERB FILE
killed_at()
{
	local code=0
	host "$STEPS" "$SWITCH" "$2" "$work/$3.yaml" "$1" || code=$?
	[ $code = 137 ]
}

threat_18_killed_at_each_step_of_a_change()
{
	local step target
	sluice apply -f "$work/world.yaml"
	steps_of apply second >"$work/steps"
	[ "$(wc -l <"$work/steps")" -ge 9 ]
	grep -x made "$work/steps"
	while read -r step; do
		for target in world second; do
			# A step that this direction does not come to (no port to attach, no device to make)
			# kills nothing.
			sluice apply -f "$work/$([ $target = world ] && echo second || echo world).yaml"
			killed_at "$step" apply "$target" || [[ $step = 'attached one' || $step = made ]]
			which_runs
			sluice status
			carries_on "$target"
		done
	done <"$work/steps"
}

# Whether the rule that lets TCP in to db1:22 runs: "yes" or "no".
ssh_runs()
{
	passes web1 tcp 10.1.2.4 5432 >&2 || return 1
	case $(in_guest web1 "$GUEST" tcp 10.1.2.4 22 "$SILENCE") in
	reached) echo yes ;;
	*) echo no ;;
	esac
}

threat_18_killed_at_each_step_of_a_rule_added()
{
	local step runs
	sluice apply -f "$work/world.yaml"
	host "$STEPS" "$SWITCH" allow db/ssh/200/22 | sort -u >"$work/steps"
	[ "$(wc -l <"$work/steps")" -ge 6 ]
	[ "$(ssh_runs)" = yes ]
	# The version was written as a rule added to the one before.
	[ -e "/run/sluice/$SWITCH/versions/$(version).edits" ]
	while read -r step; do
		sluice apply -f "$work/world.yaml"
		host "$STEPS" "$SWITCH" allow db/first/300/2222
		if host "$STEPS" "$SWITCH" allow db/ssh/200/22 "$step"; then false; else [ $? = 137 ]; fi
		runs=$(ssh_runs)
		sluice export | tee "$work/export.yaml"
		grep -q first "$work/export.yaml"
		[ "$(grep -c ssh "$work/export.yaml")" = "$([ "$runs" = yes ] && echo 1 || echo 0)" ]
		[ "$runs" = yes ] || host "$STEPS" "$SWITCH" allow db/ssh/200/22
		host "$STEPS" "$SWITCH" allow db/third/400/3333
		[ "$(ssh_runs)" = yes ]
		sluice -j stats --rules | json '[r["rule"] for r in d if r["nsg"] == "db"]' | tee "$work/names"
		for name in first ssh third sql; do grep -q "'$name'" "$work/names"; done
		[ ! -e "/run/sluice/$SWITCH/changing" ]
	done <"$work/steps"
	sluice apply -f "$work/world.yaml"
	[ "$(ssh_runs)" = no ]
}

threat_18_killed_at_random_moments_of_a_change()
{
	local i victim target=second
	for ((i = 0; i < KILLS; i++)); do
		nsenter --net="/run/netns/$HOST" "$SLUICE" --switch "$SWITCH" apply -f "$work/$target.yaml" &
		victim=$!
		sleep "0.0$((RANDOM % 60 + 10))"
		kill -9 $victim || true
		wait $victim || true
		target=$(which_runs)
		target=$([ "$target" = first ] && echo second || echo world)
	done
	carries_on second
	carries_on world
}

threat_18_killed_at_each_step_of_up()
{
	local step turn=0
	sluice down
	steps_of up world >"$work/steps"
	sluice down
	while read -r step; do
		killed_at "$step" up world
		# Whole or not at all.
		if sluice status; then
			[ "$(which_runs)" = first ]
		else
			unseen db1 frames web1 udp4
			# The next `up` clears what is left; in turn with `down`, which does as well.
			if [ $((turn++ % 2)) = 0 ]; then
				sluice up -f "$work/world.yaml"
				[ "$(which_runs)" = first ]
			fi
		fi
		sluice down || true
		[ ! -e "/sys/fs/bpf/sluice/$SWITCH" ]
		[ ! -e "/run/sluice/$SWITCH" ]
		host bpftool net show | tee "$work/net"
		[ "$(grep -c sluice "$work/net")" = 0 ]
	done <"$work/steps"
	sluice up -f "$work/world.yaml"
}

threat_18_killed_at_each_step_of_down()
{
	local step
	steps_of down world >"$work/steps"
	[ -s "$work/steps" ]
	while read -r step; do
		sluice up -f "$work/world.yaml"
		killed_at "$step" down world
		sluice down || true
		[ ! -e "/sys/fs/bpf/sluice/$SWITCH" ]
		[ ! -e "/run/sluice/$SWITCH" ]
		host bpftool net show | tee "$work/net"
		[ "$(grep -c sluice "$work/net")" = 0 ]
	done <"$work/steps"
	sluice up -f "$work/world.yaml"
	[ "$(which_runs)" = first ]
}

nothing_piles_up_over_many_killed_changes()
{
	sluice apply -f "$work/world.yaml"
	[ "$(find "/run/sluice/$SWITCH" -type f | wc -l)" -lt 60 ]
	sluice down
	host bpftool net show | tee "$work/net"
	[ "$(grep -c sluice "$work/net")" = 0 ]
	sluice up -f "$work/world.yaml"
}

must world_up
must documents
run_tests threat_18_killed_at_each_step_of_a_change threat_18_killed_at_each_step_of_a_rule_added \
	threat_18_killed_at_random_moments_of_a_change \
	threat_18_killed_at_each_step_of_up threat_18_killed_at_each_step_of_down \
	nothing_piles_up_over_many_killed_changes
finish
