#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The demo is what a newcomer sees first: it runs, shows what it says, and goes away whole.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

the_demo_shows_what_it_says()
{
	"$here/demo.sh"
}

the_playground_stays_and_down_removes_all_of_it()
{
	"$SLUICE" --switch demo status
	ip netns list | grep sluice-demo
	"$SLUICE" down --demo
	[ "$(ip netns list | grep -c sluice-demo)" = 0 ]
	[ "$(ip -o link | grep -c demo)" = 0 ]
	[ ! -e /sys/fs/bpf/sluice/demo ]
	[ ! -e /run/sluice/demo ]
	[ "$(pgrep -fc 'sluice.*demo')" = 0 ]
}

if [ -e /run/sluice/demo ]; then
	echo "ok - the_demo # SKIP a playground is up on this machine: 'sluice down --demo' first"
	exit 0
fi
run_tests the_demo_shows_what_it_says the_playground_stays_and_down_removes_all_of_it
finish
