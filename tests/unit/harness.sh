#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# That the runner counts what it should, and that a machine without the packages is told so.

set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

program() # NAME LINES... : a test program that says so; a line "exit N" ends it
{
	{
		echo '#!/bin/sh'
		printf '%s\n' "${@:2}"
	} >"$work/$1"
	chmod +x "$work/$1"
}

run() { BUILD=$work tests/harness/run part "${@/#/$work/}"; }

check() # NAME COMMAND...
{
	if "${@:2}" >"$work/said" 2>&1; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		sed 's/^/#   /' "$work/said"
		failed=1
	fi
}

ends_with() # CODE LINE PROGRAM...
{
	local said code=0
	said=$(run "${@:3}") || code=$?
	echo "$said"
	[ "$code" = "$1" ] && [ "$(echo "$said" | tail -1)" = "$2" ]
}

program good 'echo "ok 1 - a"' 'echo "ok 2 - b"'
program bad 'echo "ok 1 - a"' 'echo "not ok 2 - b"' 'exit 1'
program crash 'echo "ok 1 - a"' 'kill -SEGV $$'
program mute 'exit 0'
program skip 'echo "ok 1 - a # SKIP no such device"'
program older 'echo "not ok 1 # SKIP a"' 'echo "ok 2 - b"'

check passes_are_counted ends_with 0 '2 passed, 0 failed, 0 skipped' good
check a_failure_fails_the_part ends_with 1 '3 passed, 1 failed, 0 skipped' good bad
check a_crash_is_a_failure ends_with 1 '1 passed, 1 failed, 0 skipped' crash
check silence_is_a_failure ends_with 1 '0 passed, 1 failed, 0 skipped' mute
check a_skip_is_no_pass ends_with 0 '0 passed, 0 failed, 1 skipped' skip
check cmockas_way_to_skip_is_understood ends_with 0 '1 passed, 0 failed, 1 skipped' older

a_skip_names_its_reason() { run skip | grep -q 'SKIP no such device'; }
check a_skip_names_its_reason a_skip_names_its_reason

a_part_that_did_not_end_fails_the_sum()
{
	rm -f "$work/check/other.total"
	run good >/dev/null
	[ "$(BUILD=$work tests/harness/sum part)" = '2 passed, 0 failed, 0 skipped' ] &&
		! BUILD=$work tests/harness/sum part other
}
check a_part_that_did_not_end_fails_the_sum a_part_that_did_not_end_fails_the_sum

missing_packages_are_named_with_the_command()
{
	local said code=0
	said=$(PKG_CONFIG_LIBDIR=/nonexistent PKG_CONFIG_PATH='' tests/harness/packages.sh build 2>&1) ||
		code=$?
	echo "$said"
	[ $code = 1 ] && [[ $said == *libbpf-dev* && $said == *'apt-get install -y'* ]]
}
check missing_packages_are_named_with_the_command missing_packages_are_named_with_the_command

exit $failed
