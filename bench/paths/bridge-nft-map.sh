# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The best nftables can do with rules that are all of one shape, as these are: one look-up in a verdict map
# instead of a chain. Rules of different shapes, with ranges and prefixes that overlap, have no such map.

. "$BENCH/paths/bridge-nft.sh"
about="Linux bridge, nftables: established first, then the rules as one verdict map"

map_rules()
{
	echo "map verdicts { type ipv4_addr . inet_service : verdict; elements = {"
	fillers "ADDRESS . PORT : ACTION,"
	echo "} }"
}

chain_rules() { echo "ip saddr . udp dport vmap @verdicts"; }
