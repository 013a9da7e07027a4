#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A client of an AF_XDP port that is not ours: DPDK's testpmd, which enters its socket into the pinned
# XSKMAP by itself. What it is sent and what it sends is policed, and both count the same.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
each_hook tc xdp

NF_MAC=52:54:00:00:01:09
consumer=

document()
{
	cat <<END
apiVersion: sluice/v1
switch: {name: $SWITCH}
vnets:
  - name: blue
    prefixes: [10.1.0.0/16, "fd00:1::/48"]
    subnets: [{name: web, prefixes: [10.1.1.0/24, "fd00:1:0:1::/64"]}]
nsgs:
  nf:
    rules:
      - {name: no-telnet, priority: 100, direction: Inbound, access: Deny, protocol: Udp, destinationPorts: ["23"]}
      - {name: no-leaks, priority: 110, direction: Outbound, access: Deny, protocol: Udp, destinationPorts: ["99"]}
ports:
  - {name: web1, device: web1, hook: $HOOK, vnet: blue, subnet: web, mac: 52:54:00:00:01:04, addresses: [10.1.1.4, "fd00:1:0:1::4"]}
  - {name: nf, device: nf, hook: $HOOK, vnet: blue, subnet: web, mac: $NF_MAC, addresses: [10.1.1.9, "fd00:1:0:1::9"], nsg: nf, acceleration: {mode: af_xdp}}
END
}

world()
{
	host_up
	guest_veth web1 52:54:00:00:01:04 10.1.1.4 fd00:1:0:1::4
	document >"$work/net.yaml"
	sluice up -f "$work/net.yaml"
}

# testpmd OPTION...: reads and sends as nf, forwarding as told, until it is ended.
testpmd()
{
	: >"$work/testpmd"
	# shellcheck disable=SC2054 # commas are DPDK's
	start "$HOST" "$work/testpmd" env "RUNTIME_DIRECTORY=$work" "${command[@]}" --no-huge -m 256 \
		--no-shconf --no-pci --no-telemetry --lcores '0@0,1@0' \
		--vdev "net_af_xdp0,iface=nf-xsk,use_pinned_map=1,dp_path=/sys/fs/bpf/sluice/$SWITCH/xsks/nf" \
		-- --total-num-mbufs=8192 --stats-period=1 "$@"
	consumer=$!
	until_true 20 is_read
}

queues_read()
{
	sluice -j status | json '[p for p in d["ports"] if p["name"] == "nf"][0]["afXdp"]["read"]'
}

is_read() { [ "$(queues_read)" = 1 ]; }
is_not_read() { [ "$(queues_read)" = 0 ]; }

end_testpmd()
{
	kill -TERM "$consumer"
	wait "$consumer" || true
}

reset() { [ -z "$consumer" ] || end_testpmd; }

# What testpmd says it received, and sent, in all.
received() { said RX; }
sent() { said TX; }
said()
{
	sed -n '/Accumulated forward statistics/,$p' "$work/testpmd" |
		sed -nE "s/.*$1-packets: ([0-9]+) .*/\1/p"
}

packets() { sluice -j stats "$1" | json "d['$2']['packets']"; }

guests_are_answered_by_dpdk_and_both_count_the_same()
{
	local before_tx before_rx
	before_tx=$(packets nf tx)
	before_rx=$(packets nf rx)
	testpmd --forward-mode=5tswap
	passes web1 udp 10.1.1.9 53
	passes web1 udp fd00:1:0:1::9 53
	in_guest web1 "$GUEST" burst 10.1.1.9 54 3000 | grep 'heard 3000'
	in_guest web1 "$GUEST" burst fd00:1:0:1::9 54 3000 | grep 'heard 3000'
	dropped_as nsg-deny web1 silent web1 udp 10.1.1.9 23
	dropped_as nsg-deny web1 silent web1 udp fd00:1:0:1::9 23
	end_testpmd
	[ "$(received)" -ge 6002 ]
	[ "$(received)" = $(($(packets nf tx) - before_tx)) ]
	[ "$(sent)" = $(($(packets nf rx) - before_rx)) ]
}

# sends_first ADDRESS PORT: 32 datagrams of testpmd's from that address to web1, by the switch's MAC.
sends_first()
{
	testpmd --forward-mode=rxonly --tx-first --eth-peer="0,$(sluice -j status | json 'd["mac"]')" \
		--tx-ip="$1,10.1.1.4" --tx-udp="4000,$2"
	until_true 5 grep -q 'TX-packets: 32 ' "$work/testpmd"
	end_testpmd
	[ "$(sent)" = 32 ]
}

what_dpdk_sends_is_policed()
{
	local before denied spoofed
	before=$(packets web1 tx)
	denied=$(drops nf nsg-deny)
	spoofed=$(drops nf ip-spoofed)
	sends_first 10.1.1.9 98
	[ $(($(packets web1 tx) - before)) = 32 ]
	sends_first 10.1.1.9 99
	[ $(($(drops nf nsg-deny) - denied)) = 32 ]
	sends_first 10.1.1.77 98
	[ $(($(drops nf ip-spoofed) - spoofed)) = 32 ]
	[ $(($(packets web1 tx) - before)) = 32 ]
}

frames_of_a_dead_dpdk_are_dropped_and_counted()
{
	testpmd --forward-mode=5tswap
	passes web1 udp 10.1.1.9 53
	kill -KILL "$consumer"
	wait "$consumer" || true
	consumer=
	until_true 5 is_not_read
	dropped_as no-consumer nf silent web1 udp 10.1.1.9 53
	dropped_as no-consumer nf silent web1 udp fd00:1:0:1::9 53
}

if ! reason=$("$here/testpmd.sh" 2>&1 >"$work/command"); then
	echo "ok - guests_are_answered_by_dpdk_and_both_count_the_same${SUFFIX:-} # SKIP $reason"
	exit 0
fi
mapfile -t command <"$work/command"
must world
run_tests guests_are_answered_by_dpdk_and_both_count_the_same what_dpdk_sends_is_policed \
	frames_of_a_dead_dpdk_are_dropped_and_counted
finish
