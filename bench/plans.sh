# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What is compared with what. A plan puts worlds up and measures in them, in turns.

# For `make check`: whether every part works, with what every machine has.
plan_smoke()
{
	add_world smoke bare-xdp 0 2
	add_world smoke sluice-xdp 10 2
	add_world smoke sluice-af-xdp 10 2
	add_world smoke bare-tc-peer 0 2
	add_world smoke sluice-tc 10 2
	add_world smoke bridge 0 2
	measure smoke established 1
	measure smoke new 1
	measure smoke bulk 1
	measure smoke round-trip 1
	measure smoke established 1 FAMILY=6
	measure smoke new 1 FAMILY=6
}

plan_quick()
{
	add_world quick bare-xdp 0 2
	add_world quick sluice-xdp 1000 2
	add_world quick sluice-af-xdp 1000 2
	add_world quick bare-tc 0 2
	add_world quick bare-tc-peer 0 2
	add_world quick sluice-tc 1000 2
	add_world quick bridge 0 2
	add_world quick bridge-nft 1000 2
	measure quick established "$rounds"
	measure quick new "$rounds"
	measure quick bulk 5
	measure quick round-trip 3
}

plan_main()
{
	local rules
	add_world main bare-xdp 0 2
	add_world main sluice-xdp 1000 2
	add_world main sluice-af-xdp 1000 2
	add_world main bare-tc 0 2
	add_world main bare-tc-peer 0 2
	add_world main sluice-tc 1000 2
	add_world main bridge 0 2
	for rules in 10 1000 10000; do add_world main bridge-nft $rules 2; done
	add_world main bridge-nft-map 1000 2
	add_world main iptables 1000 2
	add_world main ovs 1000 2
	add_world main xdp-filter 1000 2
	measure main established "$rounds"
	measure main new "$rounds"
	measure main bulk "$rounds"
	measure main round-trip "$rounds"
}

# Frames over IPv6, rules about IPv6 addresses.
plan_ipv6()
{
	local FAMILY=6
	add_world ipv6 bare-xdp 0 2
	add_world ipv6 sluice-xdp 1000 2
	add_world ipv6 bare-tc 0 2
	add_world ipv6 bare-tc-peer 0 2
	add_world ipv6 sluice-tc 1000 2
	add_world ipv6 bridge 0 2
	measure ipv6 established "$rounds" FAMILY=6
	measure ipv6 new "$rounds" FAMILY=6
}

# Worlds of many rules stand beside each other.
plan_rules()
{
	local rules path
	for rules in 10 100 1000 10000 100000; do
		for path in sluice-xdp sluice-tc; do add_world rules $path $rules 2; done
		[ $rules -gt 10000 ] || for path in bridge-nft iptables; do add_world rules $path $rules 2; done
	done
	measure rules new "$curve_rounds"
	measure rules established "$curve_rounds"
}

plan_flows()
{
	local path connections
	add_world flows bare-xdp 0 2
	local FLOWS=2097152
	allow_tracked 4000000
	for path in sluice-xdp sluice-tc bridge-nft iptables; do add_world flows $path 10 2; done
	for connections in 1 100 10000 100000 1000000; do
		measure flows established "$curve_rounds" CONNECTIONS=$connections
	done
}

# Two of the guests talk, the others are there.
plan_ports()
{
	local guests path
	for guests in 2 16 64 256; do
		for path in sluice-xdp sluice-tc; do add_world ports $path 10 $guests; done
		add_world ports bridge 0 $guests
	done
	measure ports established "$curve_rounds"
}

# As many pairs talk at once as there are CPUs, up to each number.
plan_cores()
{
	local cpus pairs path
	cpus=$(nproc)
	add_world cores bare-xdp 0 $((2 * cpus))
	add_world cores bare-tc-peer 0 $((2 * cpus))
	add_world cores bridge 0 $((2 * cpus))
	for path in sluice-xdp sluice-tc bridge-nft; do add_world cores $path 10 $((2 * cpus)); done
	for ((pairs = 1; pairs <= cpus; pairs = pairs < 4 ? pairs + 1 : pairs * 2)); do
		measure cores established "$curve_rounds" PAIRS=$pairs
	done
}
