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

must world_up
run_tests \
	status_counts_the_queues_of_the_switchs_own_namespace \
	status_says_which_cpus_rps_hands_frames_to
finish
