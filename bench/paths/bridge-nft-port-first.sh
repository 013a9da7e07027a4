# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The same rules as bridge-nft.sh with their two conditions the other way round. nftables compares in the order
# in which a rule is written; with the address first, one comparison is enough to leave a rule that is
# about another one, with the port first it is that of the protocol, which all have, and that of the port.

. "$BENCH/paths/bridge-nft.sh"
about="Linux bridge, nftables: established first, then the same rules with the port before the address"

chain_rules() { fillers "udp dport PORT ip saddr ADDRESS ACTION"; }
