# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the tests in virtual machines share. Such a test is a file that calls
#
#   inside SUITE SECONDS [sriov]
#
# first: from there on it runs in the virtual machine with that suite's kernel, and with a network card
# that has SR-IOV where that is said. Where there is none, the file is skipped, with the reason.

set -u

inside()
{
	local name reason

	[ -z "${SLUICE_VM:-}" ] || return 0
	if ! reason=$("$(dirname "$0")/kernel.sh" "$1" 2>&1) ||
		{ [ "${3:-}" = sriov ] && ! reason=$("$(dirname "$0")/qemu.sh" 2>&1); }; then
		name=$(basename "$0" .sh)
		echo "ok - ${name#[0-9][0-9]_}_in_a_virtual_machine # SKIP $reason"
		exit 0
	fi
	VM_SRIOV=${3:+1} exec "$(dirname "$0")/run.sh" "$1" "$2" bash "$0"
}

# each PROGRAM... : runs test programs one after the other. What one says is TAP already, unless it
# ends before it has said what went wrong.
each()
{
	local program said code all=0

	export CMOCKA_MESSAGE_OUTPUT=TAP
	said=$(mktemp)
	for program in "$@"; do
		echo "# $program"
		"$program" >"$said" 2>&1
		code=$?
		cat "$said"
		[ $code = 0 ] || all=1
		grep -q '^not ok' "$said" && continue
		if [ $code != 0 ] || ! grep -q '^ok' "$said"; then
			echo "not ok - $program ended with $code and said nothing"
			all=1
		fi
	done
	rm -f "$said"
	return $all
}
