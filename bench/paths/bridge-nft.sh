# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# A bridge whose frames go through nftables with connection tracking: in the bridge family where the kernel
# tracks connections there, else in the ip family by br_netfilter. Established first, then the
# rules one by one, as they would come from a person or an orchestrator; bridge-nft-map.sh has them otherwise.

about="Linux bridge, nftables: established first, then the rules in a chain"
filters=yes

chain_rules() { fillers "ip saddr ADDRESS udp dport PORT ACTION"; }

ruleset() # FAMILY
{
	ALLOW=accept DENY=drop
	echo "table $1 guests {"
	! declare -F map_rules >/dev/null || map_rules
	echo "chain forward { type filter hook forward priority 0; policy drop;"
	[ "$1" != bridge ] || echo "ether type arp accept"
	echo "ct state established,related accept"
	chain_rules
	echo "meta l4proto { tcp, udp } th dport 16384-32767 accept"
	echo "ip protocol icmp accept"
	printf "}\n}\n"
}

path_reason() { command -v nft >/dev/null && command -v conntrack >/dev/null || echo "nft or conntrack is not installed"; }

path_up()
{
	(. "$BENCH/paths/bridge.sh" && path_up)
	if ruleset bridge | in_host nft -f - 2>/dev/null; then
		note="nftables family bridge"
	else
		in_host sysctl -qw net.bridge.bridge-nf-call-iptables=1
		ruleset ip | in_host nft -f -
		note="nftables family ip, by br_netfilter"
	fi
}

path_forget() { in_host conntrack -F 2>/dev/null; }
