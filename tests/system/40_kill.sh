#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kill -9 at any moment of a change: the old version or the new one runs, whole, and the next
# command carries on.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

KILLS=${KILLS:-25}

# Two documents that differ in a rule, a port and what a port may say: `late` is a port and db1:22 is
# open in the second only.
documents()
{
	guest_veth late 52:54:00:00:01:07 10.1.1.7 fd00:1:0:1::7
	{
		sed 's/\["5432"\]/["22", "5432"]/' "$work/world.yaml"
		echo "  - {name: late, device: late, hook: $HOOK, vnet: blue, subnet: web," \
			'mac: "52:54:00:00:01:07", addresses: [10.1.1.7, "fd00:1:0:1::7"]}'
	} >"$work/second.yaml"
}

# which_runs: "first" or "second"; fails when it is a mixture, or when what both allow does not pass.
which_runs()
{
	local ssh late
	passes web1 tcp 10.1.2.4 5432 >&2 || return 1
	ssh=$(in_guest web1 "$GUEST" tcp 10.1.2.4 22 "$SILENCE")
	late=$(in_guest late "$GUEST" tcp 10.1.2.4 5432 "$SILENCE")
	case $ssh-$late in
	silence-silence) echo first ;;
	reached-reached) echo second ;;
	*) echo "a mixture: ssh $ssh, late $late" >&2; return 1 ;;
	esac
}

carries_on()
{
	local target
	# The next command must do its work whatever was left.
	for target in world second world; do
		sluice apply -f "$work/$target.yaml"
		[ "$(which_runs)" = "$([ $target = world ] && echo first || echo second)" ]
		sluice status
	done
}

threat_18_killed_at_each_step_of_a_change()
{
	local step steps
	sluice apply -f "$work/world.yaml"
	steps=$(host "$STEPS" "$SWITCH" apply "$work/second.yaml")
	[ "$(echo "$steps" | wc -l)" -ge 4 ]
	for step in $(echo "$steps" | sort -u); do
		for target in world second; do
			sluice apply -f "$work/$([ $target = world ] && echo second || echo world).yaml"
			host "$STEPS" "$SWITCH" apply "$work/$target.yaml" "$step" && false
			which_runs
			sluice status
			sluice -j history | json 'len(d)'
		done
		carries_on
	done
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
	carries_on
}

threat_18_killed_at_each_step_of_up()
{
	local step steps
	sluice down
	steps=$(host "$STEPS" "$SWITCH" up "$work/world.yaml")
	sluice down
	for step in $(echo "$steps" | sort -u); do
		host "$STEPS" "$SWITCH" up "$work/world.yaml" "$step" && false
		# Whole or not at all; then `up`, or `down` and `up`, bring it back.
		if sluice status; then
			[ "$(which_runs)" = first ]
			sluice down
		else
			unseen db1 frames web1 udp4
		fi
		sluice up -f "$work/world.yaml"
		[ "$(which_runs)" = first ]
		sluice down
		[ ! -e "/sys/fs/bpf/sluice/$SWITCH" ]
		[ ! -e "/run/sluice/$SWITCH" ]
	done
	sluice up -f "$work/world.yaml"
}

threat_18_killed_during_down()
{
	local i victim
	for ((i = 0; i < 8; i++)); do
		nsenter --net="/run/netns/$HOST" "$SLUICE" --switch "$SWITCH" down &
		victim=$!
		sleep "0.0$((RANDOM % 60 + 10))"
		kill -9 $victim || true
		wait $victim || true
		sluice down || true
		[ ! -e "/sys/fs/bpf/sluice/$SWITCH" ]
		[ ! -e "/run/sluice/$SWITCH" ]
		sluice up -f "$work/world.yaml"
		[ "$(which_runs)" = first ]
	done
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
run_tests threat_18_killed_at_each_step_of_a_change threat_18_killed_at_random_moments_of_a_change \
	threat_18_killed_at_each_step_of_up threat_18_killed_during_down \
	nothing_piles_up_over_many_killed_changes
finish
