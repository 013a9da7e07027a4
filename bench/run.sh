#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The switch beside what it is compared with, end to end, on one machine, in one run.
#
#   run.sh [--rounds N] [--quick] [--plans LIST] [--paths LIST] [--journal FILE] [--lock FILE]
#
#   plans: main, ipv6, rules, flows, ports, cores (all of these unless told); quick; smoke
#
# Builds a world (world.sh) for each path (paths/), checks that what may pass passes and what may not
# does not, and lets the worlds take turns: each measure (measures/) takes one sample in every world, then
# the next round begins, so that a machine's fast and slow phases meet all alike. Each sample is a
# line of JSON in the journal, at once: a run that was killed leaves what it has measured, and a run
# with the same journal adds to it. report.py makes the report of it.
#
# --lock: holds that file's lock while a round is being measured, for machines that others build on.

set -u
BENCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILD=${BUILD:-build}
[[ $BUILD = /* ]] || BUILD=$BENCH/../$BUILD
TRAFFIC=$BUILD/bench/traffic/traffic
SLUICE=$BUILD/sluice
. "$BENCH/world.sh"
. "$BENCH/rules.sh"
. "$BENCH/plans.sh"

rounds=7 plans=main,ipv6,rules,flows,ports,cores paths='' journal=$BUILD/bench.jsonl lock=/dev/null
FLOWS=524288 # how many connections the switch has room for; each port may have all of them

while [ $# -gt 0 ]; do
	case $1 in
	--quick) rounds=3 plans=quick ;;
	--rounds | --plans | --paths | --journal | --lock) declare "${1#--}=$2"; shift ;;
	*) sed -n 's/^#   //p' "$0" >&2; exit 1 ;;
	esac
	shift
done

[ "$(id -u)" = 0 ] || { echo "bench: needs root, for network namespaces" >&2; exit 1; }
curve_rounds=$(((rounds + 2) / 3))
conntrack_max=/proc/sys/net/netfilter/nf_conntrack_max
sweep
work=$(mktemp -d "/tmp/$P.XXXXXX")
worlds=()
declare -A path_of rules_of guests_of note_of filters_of napi_of about_of usable

say() { printf '\r\033[K%s' "$*" >&2; [ -t 2 ] || echo >&2; }

# In a world's path: the functions and variables of its file, in a subshell.
in_path() # WORLD COMMAND...
{
	(
		WORLD=$1 HOST=$(host_of "$1") RULES=${rules_of[$1]} GUESTS=${guests_of[$1]}
		about='' note='' filters=no needs_napi=no
		. "$BENCH/paths/${path_of[$1]}.sh"
		"${@:2}"
	)
}

worlds_down()
{
	local world name
	for world in "${worlds[@]}"; do
		in_path "$world" path_down_if_any
	done
	for name in $(ip netns list | grep -oE "^$P-[^ ]+"); do ip netns del "$name"; done
	worlds=() usable=()
} 2>/dev/null
path_down_if_any() { ! declare -F path_down >/dev/null || path_down; }

# How many connections the kernel tracks in all is one setting of the machine: it comes back in the end.
allow_tracked()
{
	[ -e $conntrack_max ] && [ ! -e "$work/conntrack_max" ] && [ "$(cat $conntrack_max)" -lt "$1" ] || return 0
	cat $conntrack_max >"$work/conntrack_max"
	echo "$1" >$conntrack_max
}

end()
{
	trap '' INT TERM HUP
	[ ! -e "$work/conntrack_max" ] || cat "$work/conntrack_max" >$conntrack_max
	worlds_down
	rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM HUP

write() { echo "$1" >>"$journal"; }

quoted() { printf '"%s"' "$(printf %s "$1" | tr '\n"\\' "   ")"; }

did_not_run() # PLAN PATH RULES REASON
{
	say "$1: $2 with $3 rules does not run: $4"; echo >&2
	write "{\"plan\":\"$1\",\"path\":\"$2\",\"rules\":$3,\"didNotRun\":$(quoted "$4")}"
}

# In the foreground, and in no condition, which would switch set -e off: whoever interrupts waits until
# the path is up, and can be taken down.
build_path()
{
	local reason=''
	! declare -F path_reason >/dev/null || reason=$(path_reason)
	[ -z "$reason" ] || { echo "reason $reason"; return; }
	set -e -o pipefail
	path_up 2>"$work/up.log" >&2
	echo "note $note"
	echo "about $about"
	echo "filters $filters"
	echo "napi $needs_napi"
}

# What may pass passes; what may not does not, where somebody filters.
proven()
{
	local from to
	from=$(guest_of "$1" 1) to=$(guest_of "$1" 2)
	[ "$("$TRAFFIC" probe "$from" "$to" 20000)" = arrived ] &&
		[ "$("$TRAFFIC" probe "$to" "$from" 20000)" = arrived ] ||
		{ echo "what may pass does not arrive"; return; }
	[ "${filters_of[$1]}" = no ] || [ "$("$TRAFFIC" probe "$from" "$to" 40000)" = silent ] ||
		echo "what may not pass arrives"
} 2>&1

add_world() # PLAN PATH RULES GUESTS
{
	local world=w${#worlds[@]} line reason=''
	[ -z "$paths" ] || [[ ",$paths," = *",$2,"* ]] || return 0
	say "$1: building $2 with $3 rules, $4 guests"
	path_of[$world]=$2 rules_of[$world]=$3 guests_of[$world]=$4
	worlds+=("$world")
	world_up "$world" "$4"
	in_path "$world" build_path >"$work/built"
	# shellcheck disable=SC2181 # a condition would switch set -e off
	[ $? = 0 ] || reason="it could not be set up: $(grep -im1 error "$work/up.log" || grep . "$work/up.log" | tail -1)"
	while IFS= read -r line; do
		case $line in
		reason*) reason=${line#reason } ;;
		note*) note_of[$world]=${line#note } ;;
		about*) about_of[$world]=${line#about } ;;
		filters*) filters_of[$world]=${line#filters } ;;
		napi*) napi_of[$world]=${line#napi } ;;
		esac
	done <"$work/built"
	[ -n "$reason" ] || reason=$(proven "$world")
	if [ -n "$reason" ]; then
		did_not_run "$1" "$2" "$3" "$reason"
		return
	fi
	usable[$world]=yes
	write "{\"plan\":\"$1\",\"path\":\"$2\",\"rules\":$3,\"guests\":$4,\"filters\":\"${filters_of[$world]}\",\"about\":$(quoted "${about_of[$world]}"),\"note\":$(quoted "${note_of[$world]}")}"
}

# The pairs of guests that talk: 1 to 2, 3 to 4, as many as PAIRS says.
take_sample() # WORLD
{
	local n pairs=()
	for ((n = 1; n < 2 * ${PAIRS:-1}; n += 2)); do
		pairs+=("$(guest_of "$1" $n)" "$(guest_of "$1" $((n + 1)))")
	done
	sample
}

# measure PLAN MEASURE ROUNDS [NAME=VALUE...]: the values are the sample's settings, in capitals, and are
# written beside it.
measure()
{
	local plan=$1 name=$2 times=$3 world round line settings=''
	shift 3
	for line; do
		declare "${line?}"
		settings="$settings,\"${line%%=*}\":${line#*=}"
	done
	. "$BENCH/measures/$name.sh"
	for world in "${worlds[@]}"; do
		[ -n "${usable[$world]:-}" ] || continue
		if [ "$ends" = frames ]; then
			napi "$world" $((2 * ${PAIRS:-1})) on
		elif [ "${napi_of[$world]}" = no ]; then
			napi "$world" $((2 * ${PAIRS:-1})) off
		fi
	done
	for ((round = 1; round <= times; round++)); do
		exec 9>>"$lock"
		flock -x 9
		for world in "${worlds[@]}"; do
			[ -n "${usable[$world]:-}" ] || continue
			say "$plan: $title, round $round of $times: ${path_of[$world]}, ${rules_of[$world]} rules$settings"
			if line=$(in_path "$world" take_sample "$world" 2>"$work/sample.log"); then
				write "{\"plan\":\"$plan\",\"measure\":\"$name\",\"path\":\"${path_of[$world]}\",\"rules\":${rules_of[$world]},\"guests\":${guests_of[$world]}$settings,\"round\":$round,\"sample\":$line}"
			else
				write "{\"plan\":\"$plan\",\"measure\":\"$name\",\"path\":\"${path_of[$world]}\",\"rules\":${rules_of[$world]},\"guests\":${guests_of[$world]}$settings,\"round\":$round,\"failed\":$(quoted "$(tail -1 "$work/sample.log")")}"
			fi
		done
		exec 9>&-
	done
}

write "$(/usr/bin/python3 "$BENCH/machine.py")"
for plan in ${plans//,/ }; do
	declare -F "plan_$plan" >/dev/null || { echo "bench: no plan is called $plan" >&2; exit 1; }
done
for plan in ${plans//,/ }; do
	"plan_$plan"
	worlds_down
done
say "done"; echo >&2
