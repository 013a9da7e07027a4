/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every reason for which the switch does not deliver a packet. One list gives the enum, the size
 * of the counters, the names the CLI prints and the help. Append only at the end of a group's
 * meaning; the number is not stable across builds, the name is.
 *
 * X(IDENTIFIER, "name in output", STAGE, "what it means, for help and the man page")
 */
#ifndef SLUICE_MAPS_DROP_REASONS_H
#define SLUICE_MAPS_DROP_REASONS_H

#define DROP_REASONS(X)                                                                            \
	X(FRAME_SHORT, "frame-short", PARSE, "shorter than its Ethernet or VLAN header")         \
	X(VLAN_DEPTH, "vlan-depth", PARSE, "more than two VLAN tags")                            \
	X(ETHERTYPE, "ethertype", PARSE, "neither ARP, IPv4 nor IPv6")                           \
	X(IP_HEADER, "ip-header", PARSE, "IP version, header length or total length is wrong")   \
	X(IP_ADDRESS, "ip-address", PARSE, "source or destination can not be a host's address")  \
	X(IP_OPTIONS, "ip-options", PARSE, "source routing or malformed IPv4 options")           \
	X(IPV6_EXTENSIONS, "ipv6-extensions", PARSE,                                             \
	  "extension headers cut short, out of bounds or too many")                                \
	X(L4_HEADER, "l4-header", PARSE,                                                         \
	  "transport header cut short, its lengths are wrong, or ICMP of the other IP version")    \
	X(TCP_FLAGS, "tcp-flags", PARSE, "TCP flags no stack sends: SYN+FIN, SYN+RST, none, Xmas")\
	X(FRAGMENT_TINY, "fragment-tiny", PARSE,                                                 \
	  "first fragment without the whole header chain (RFC 7112), or offset inside it")         \
	X(ARP_MALFORMED, "arp-malformed", PARSE, "not Ethernet/IPv4 ARP of the right length")    \
	X(ND_MALFORMED, "nd-malformed", PARSE, "neighbor discovery message breaks RFC 4861, 7.1")\
	X(TUNNEL_HEADER, "tunnel-header", PARSE,                                                 \
	  "from a remote: headers cut short, lengths that lie, or flags that change what follows") \
	X(TUNNEL_REMOTE, "tunnel-remote", ADMIT, "tunnelled by a host that is no remote")        \
	X(TUNNEL_VNI, "tunnel-vni", ADMIT, "tunnelled with a VNI of no vnet that is on remotes")  \
	X(TUNNEL_ECN, "tunnel-ecn", ADMIT,                                                       \
	  "congested on its way between hosts, and its ends do not understand ECN (RFC 6040)")     \
	X(PORT_UNBOUND, "port-unbound", ADMIT, "the device is no port of the running version")   \
	X(VLAN_TAGGED, "vlan-tagged", ADMIT, "VLAN tag on an access port")                       \
	X(MAC_SPOOFED, "mac-spoofed", ADMIT, "source MAC is not the port's")                     \
	X(IP_SPOOFED, "ip-spoofed", ADMIT, "source address is not one of the port's")            \
	X(ARP_SPOOFED, "arp-spoofed", ADMIT, "ARP sender is not the port")                       \
	X(ND_SPOOFED, "nd-spoofed", ADMIT, "ND source or target is not the port's to claim")     \
	X(DHCP_SERVER, "dhcp-server", ADMIT, "DHCP server message from a guest")                 \
	X(ROUTER_ADVERT, "router-advert", ADMIT, "router advertisement or redirect from a guest")\
	X(L2_BROADCAST, "l2-broadcast", ADMIT, "broadcast or multicast frame; a vnet floods nothing")\
	X(ARP_UNANSWERED, "arp-unanswered", ANSWER, "ARP for an address nobody in reach has")    \
	X(ND_UNANSWERED, "nd-unanswered", ANSWER, "ND for an address nobody in reach has")       \
	X(FRAGMENT_ORPHAN, "fragment-orphan", FLOW, "later fragment whose first was not seen")   \
	X(FRAGMENT_OVERLAP, "fragment-overlap", FLOW, "fragment overlaps or repeats another")    \
	X(FRAGMENT_LIMIT, "fragment-limit", FLOW, "datagram in more separate pieces than are kept")\
	X(TCP_STATE, "tcp-state", FLOW, "TCP segment that does not fit the connection's state")  \
	X(ICMP_UNRELATED, "icmp-unrelated", FLOW, "ICMP error that quotes no live flow")         \
	X(ICMP_RATE, "icmp-rate", FLOW, "more ICMP errors about one flow than are believed")       \
	X(FLOW_TABLE_FULL, "flow-table-full", FLOW, "no room for a new flow")                    \
	X(FLOW_LIMIT, "flow-limit", FLOW, "the port is at its flowLimit")                        \
	X(FLOW_LEGS, "flow-legs", FLOW, "the connection passes more than one appliance of its vnet")\
	X(ACL_DENY, "acl-deny", POLICE, "an ACL rule denies")                                    \
	X(NSG_DENY, "nsg-deny", POLICE, "an NSG rule denies")                                    \
	X(NO_ROUTE, "no-route", ROUTE, "no route leads to the destination")                      \
	X(ROUTE_NONE, "route-none", ROUTE, "the route to the destination says nextHop: none")    \
	X(NO_ENDPOINT, "no-endpoint", ROUTE, "nobody has the destination address")               \
	X(NO_WAY_OUT, "no-way-out", ROUTE,                                                       \
	  "destination is outside the vnet, where no nat gives the sender an address")             \
	X(GATEWAY_ONLY_ECHO, "gateway-only-echo", ROUTE, "the gateway answers echo and nothing else")\
	X(HOP_LIMIT, "hop-limit", ROUTE, "TTL or hop limit ran out and no error could be sent")  \
	X(TOO_BIG, "too-big", ROUTE,                                                             \
	  "larger than the MTU of the receiver's device, and no error could be sent")              \
	X(DEVICE_GONE, "device-gone", DELIVER, "the destination port's device is not there")     \
	X(REWRITE_FAILED, "rewrite-failed", DELIVER, "the kernel had no room to rewrite the frame")\
	X(NO_CONSUMER, "no-consumer", DELIVER,                                                   \
	  "no AF_XDP socket reads it; counted at the receiver or, steered, the sender")

enum drop_reason {
	DROP_NONE = 0, /* not dropped */
#define X(identifier, name, stage, text) DROP_##identifier,
	DROP_REASONS(X)
#undef X
	DROP_REASON_COUNT
};

#endif
