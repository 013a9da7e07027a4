#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The command line without a switch: help and manual name everything, and every wrong line gets its one
# sentence and exit code 1.

set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/harness/verdict.sh
. tests/harness/verdict.sh
sluice=${BUILD:-build}/sluice
manual=cli/sluice.8

# The commands as help lists them; the table behind it is what the parser runs.
commands=$("$sluice" help | sed -n '/^Commands:/,/^add is also/p' | grep -E '^  [a-z]' |
	sed -E 's/^  //; s/  .*//; s/ +$//' | awk 'length($0) <= 18')

verdict every_command_of_the_table_is_in_help "$(
	grep -oE '^	(ADD|SET|DELETE|LIST|LIST_IN|SHOW)\("[a-z ]+"' cli/commands.c |
		sed -E 's/.*\("([a-z ]+)"/\1/' | sort -u | while read -r noun; do
		echo "$commands" | grep -q "^$noun " || echo "$noun"
	done
	[ "$(echo "$commands" | wc -l)" -ge 60 ] || echo "only: $commands")"

verdict every_command_has_help_of_its_own "$(
	echo "$commands" | while read -r command; do
		# shellcheck disable=SC2086 # its words
		"$sluice" $command -h </dev/null 2>&1 | grep -q "sluice $command" || echo "$command"
	done)"

verdict every_command_is_in_the_manual "$(
	echo "$commands" | while read -r command; do
		grep -qE "^\.It Cm $command( |$)" $manual || echo "$command"
	done)"

verdict every_drop_reason_is_in_the_manual_with_its_meaning "$(
	tr -d '\\\n\t' <maps/drop_reasons.h | grep -oE 'X\([A-Z0-9_]+, *"[^"]+", *[A-Z]+, *"[^"]+"\)' |
		sed -E 's/X\([A-Z0-9_]+, *"([^"]+)", *[A-Z]+, *"([^"]+)"\)/\1|\2/' |
		while IFS='|' read -r name meaning; do
			sed -n "/^\.It Li $name\$/,/^\./p" $manual | sed '/^\.It/d' | paste -sd' ' |
				grep -qF "$meaning" || echo "$name"
		done)"

verdict the_manual_names_no_drop_reason_that_is_none "$(
	sed -n '/^\.Sh DROP REASONS/,/^\.Sh FILES/p' $manual | sed -n 's/^\.It Li //p' |
		while read -r name; do
			grep -qF "\"$name\"" maps/drop_reasons.h || echo "$name"
		done)"

if command -v mandoc >/dev/null; then
	verdict the_manual_is_well_formed "$(mandoc -Tlint $manual 2>&1 |
		grep -v -e 'referenced manual not found' -e 'outdated mandoc.db')"
else
	echo "ok - the_manual_is_well_formed # SKIP mandoc is not installed"
fi

# wrong WORDS SENTENCE: the command line ends with 1 and says so in one line on standard error.
wrong()
{
	local said code

	# shellcheck disable=SC2086 # its words
	said=$("$sluice" $1 2>&1 >/dev/null </dev/null)
	code=$?
	[ $code = 1 ] || echo "'$1' ended with $code"
	[ "$(echo "$said" | wc -l)" = 1 ] || echo "'$1' said more than one line"
	[[ $said == sluice:\ *"$2"* ]] || echo "'$1' said: $said"
}

verdict wrong_command_lines_are_usage_errors "$(
	wrong "nonsense" 'there is no command "nonsense"'
	wrong "vnet frobnicate" 'vnet can not "frobnicate"; it can add, set, delete, list, show'
	wrong "accel" 'accel what? It can on, off, show'
	wrong "status --frob" 'unknown option --frob'
	wrong "--frob status" 'unknown option --frob'
	wrong "status extra" '"extra" is neither an option nor wanted here'
	wrong "vnet add --prefixes 10.0.0.0/8" 'it wants the name of the vnet'
	wrong "vnet add blue" '--prefixes is missing'
	wrong "subnet add web --prefixes 10.0.0.0/24" '--vnet is missing'
	wrong "port set vm1" 'nothing to set'
	wrong "apply" '--file is missing'
	wrong "apply -f" '--file wants FILE'
	wrong "apply -f a -f b" '--file is given twice'
	wrong "status --what-if" '--what-if is for commands that change something'
	wrong "up --confirm soon" '--confirm wants seconds'
	wrong "--color pink status" '--color is auto, always or never'
	wrong "next-hop vm1 --dest-ip nowhere" '--dest-ip wants an address'
	wrong "trace vm1 tcp 10.1.1.4" 'it wants PORT PROTOCOL SOURCE DESTINATION'
	wrong "trace vm1 tcp 10.1.1.4 10.1.1.5" 'wants a port'
	wrong "trace vm1 icmp 10.1.1.4 10.1.1.5:7" 'protocol Icmp has no ports'
	wrong "trace vm1 tcp 10.1.1.4 [fd00::1]:80" 'not of one IP version'
	wrong "trace vm1 tcp 10.1.1.4 10.1.1.5:70000" 'a port is 0 to 65535'
	wrong "trace vm1 tcp 10.1.1.4 10.1.1.5:80 --flags X" '--flags is of F, S, R, P, A, U'
	wrong "test-ip-flow --port vm1" '--direction is missing'
	wrong "observe --verdict maybe" '--verdict is Dropped or Forwarded'
	wrong "observe --rate fast" '--rate wants a number'
	wrong "flow import -f - --confirm 5" '--confirm is for commands that change something'
	wrong "flow export --what-if" '--what-if is for commands that change something'
	wrong "rollback 1 2" '"2" is neither an option nor wanted here')"

# absent WORDS: a command of the interface that this version can not do.
absent()
{
	local said code

	# shellcheck disable=SC2086 # its words
	said=$("$sluice" $1 2>&1 >/dev/null </dev/null)
	code=$?
	[ $code = 2 ] || echo "'$1' ended with $code"
	[[ $said == "sluice: this version can not do \""* ]] || echo "'$1' said: $said"
	! "$sluice" help | grep -qE "^  $1 " || echo "'$1' is in help"
}

verdict commands_this_version_can_not_do_say_so "$(
	for command in segment "segment list"; do
		absent "$command"
	done)"

verdict errors_are_json_too "$(
	"$sluice" -j vnet add blue 2>/dev/null | grep -qE '^\{"error":\{"message":".*missing' ||
		echo "not: $("$sluice" -j vnet add blue 2>&1)")"

exit $failed
