#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Queues of ports and uplinks, and the CPUs that work on them. Two NUMA nodes and interrupts:
# tests/unit/queues.c.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

# queues PORT WHAT: of what status says.
queues() { sluice -j status | json "[p['queues']['$2'] for p in d['ports'] if p['name'] == '$1'][0]"; }

# A file of a device's queues, as the switch's namespace has it: `ip netns exec` mounts its sysfs.
in_sysfs() { ip netns exec "$HOST" sh -c "cd /sys/class/net; $1"; }

status_counts_the_queues_of_the_switchs_own_namespace()
{
	[ "$(queues web1 rx) $(queues web1 tx)" = '1 1' ]
	ip -n "$HOST" link add many numrxqueues 4 numtxqueues 3 type veth peer name far0
	host ethtool -L many rx 4 tx 3
	sluice port add many --device many --vnet blue --subnet web --mac 52:54:00:00:01:09 \
		--addresses 10.1.1.9
	[ "$(queues many rx) $(queues many tx)" = '4 3' ]
	[ "$(queues many by) $(queues many node)" = 'sender None' ]
	sluice status | grep -E '^ *many +4 +3 +- +the sender'
}

status_says_which_cpus_rps_hands_frames_to()
{
	in_sysfs 'echo 1 >many/queues/rx-2/rps_cpus'
	[ "$(queues many by) $(queues many cpus)" = 'rps 0' ]
	sluice status | grep -E '^ *many .*RPS 0'
	in_sysfs 'echo 0 >many/queues/rx-2/rps_cpus'
	[ "$(queues many by)" = sender ]
}

masks() { in_sysfs "cat $1/queues/rx-*/rps_cpus" | sed 's/[0,]*\(.\)/\1/' | paste -sd' '; }

refused()
{
	local code=0
	sluice "$@" >"$work/said" 2>&1 || code=$?
	cat "$work/said"
	[ $code != 0 ]
}

a_port_is_given_cpus_and_they_are_put_back_with_it()
{
	in_sysfs 'echo 2 >many/queues/rx-1/rps_cpus'
	sluice port set many --cpus 0
	[ "$(masks many)" = '1 1 1 1' ]
	sluice status | grep -E '^ *many .*RPS 0'
	sluice export | grep 'cpus: "\?0'
	# Another's setting, meanwhile, is named, mended, and what comes back in the end.
	in_sysfs 'echo 3 >many/queues/rx-3/rps_cpus'
	sluice status | grep -E '^ *many .*not as cpus: 0 asks'
	sluice export >"$work/with_cpus.yaml"
	sluice apply -f "$work/with_cpus.yaml"
	[ "$(masks many)" = '1 1 1 1' ]
	sluice rollback
	[ "$(masks many)" = '1 1 1 1' ]
	in_sysfs 'echo 2 >many/queues/rx-0/rps_cpus'
	sluice apply -f "$work/world.yaml"
	[ "$(masks many)" = '2 2 0 3' ]
	[ ! -e "/run/sluice/$SWITCH/cpus.json" ]
}

down_puts_back_what_it_had_set()
{
	sluice apply -f "$work/with_cpus.yaml"
	[ "$(masks many)" = '1 1 1 1' ]
	sluice down
	[ "$(masks many)" = '2 2 0 3' ]
	sluice up -f "$work/world.yaml"
}

# Received frames that RPS gave to a CPU, of all namespaces.
given_to() { echo $((0x$(sed -n "$(($1 + 1))p" /proc/net/softnet_stat | cut -d' ' -f10))); }

frames_are_worked_on_where_they_are_told_to()
{
	local before
	[ "$(nproc)" -gt 1 ] || skip "there is one CPU only"
	sluice port set web1 --cpus 0
	before=$(given_to 0)
	in_guest web1 taskset -c 1 ping -qc 20 -i 0.01 10.1.1.5
	[ $(($(given_to 0) - before)) -ge 20 ]
}

cpus_that_cannot_be_had_are_refused_and_nothing_changes()
{
	local before
	before=$(sluice export)
	refused port set web2 --cpus 0,900
	grep 'cpus: of 0,900 for web2 not all are online: name some of 0' "$work/said"
	refused port set web2 --cpus x
	grep 'neither node nor a list of CPUs' "$work/said"
	refused port set web2 --cpus 0 --hook xdp
	grep 'port web2: cpus: native XDP at a device of software runs where frames are sent' "$work/said"
	[ "$(sluice export)" = "$before" ]
	[ "$(masks web2)" = 0 ]
	passes web1 ping 10.1.1.5
}

must world_up
run_tests \
	status_counts_the_queues_of_the_switchs_own_namespace \
	status_says_which_cpus_rps_hands_frames_to \
	a_port_is_given_cpus_and_they_are_put_back_with_it down_puts_back_what_it_had_set \
	frames_are_worked_on_where_they_are_told_to \
	cpus_that_cannot_be_had_are_refused_and_nothing_changes
finish
