# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# A router between the guests, iptables with connection tracking in its FORWARD chain.

about="routing, iptables: established first, then the rules in a chain"
filters=yes

path_reason() { command -v iptables-restore >/dev/null && command -v conntrack >/dev/null || echo "iptables or conntrack is not installed"; }

path_up()
{
	local n
	in_host sysctl -qw net.ipv4.ip_forward=1
	for n in $(seq "$GUESTS"); do
		in_host sysctl -qw "net.ipv4.conf.g$n.proxy_arp=1" "net.ipv4.conf.g$n.rp_filter=0" \
			"net.ipv4.neigh.g$n.proxy_delay=0"
		ip -n "$HOST" route add "$(address_of "$n")/32" dev "g$n"
	done
	{
		ALLOW=ACCEPT DENY=DROP
		echo "*filter"
		echo ":FORWARD DROP [0:0]"
		echo "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
		fillers "-A FORWARD -s ADDRESS -p udp --dport PORT -j ACTION"
		echo "-A FORWARD -p udp --dport 16384:32767 -j ACCEPT"
		echo "-A FORWARD -p tcp --dport 16384:32767 -j ACCEPT"
		echo "COMMIT"
	} | in_host iptables-restore
	note=$(iptables --version)
}

path_forget() { in_host conntrack -F 2>/dev/null; }
