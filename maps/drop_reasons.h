/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every reason for which the switch does not deliver a packet. One list gives the enum, the size
 * of the counters, the names the CLI prints and the help. Append only at the end of a group's
 * meaning; the number is not stable across builds, the name is.
 *
 * X(IDENTIFIER, "name in output", "stage", "what it means, for help and the man page")
 */
#ifndef SLUICE_MAPS_DROP_REASONS_H
#define SLUICE_MAPS_DROP_REASONS_H

#define DROP_REASONS(X)                                                                            \
	X(FRAME_SHORT, "frame-short", "parse", "shorter than its Ethernet or VLAN header")         \
	X(VLAN_DEPTH, "vlan-depth", "parse", "more than two VLAN tags")                            \
	X(ETHERTYPE, "ethertype", "parse", "neither ARP, IPv4 nor IPv6")                           \
	X(IP_HEADER, "ip-header", "parse", "IP version, header length or total length is wrong")   \
	X(IP_ADDRESS, "ip-address", "parse", "source or destination can not be a host's address")  \
	X(IP_OPTIONS, "ip-options", "parse", "source routing or malformed IPv4 options")           \
	X(IPV6_EXTENSIONS, "ipv6-extensions", "parse",                                             \
	  "extension headers cut short, out of bounds or too many")                                \
	X(L4_HEADER, "l4-header", "parse",                                                         \
	  "transport header cut short, its lengths are wrong, or ICMP of the other IP version")    \
	X(TCP_FLAGS, "tcp-flags", "parse", "TCP flags no stack sends: SYN+FIN, SYN+RST, none, Xmas")\
	X(FRAGMENT_TINY, "fragment-tiny", "parse",                                                 \
	  "first fragment without the whole header chain (RFC 7112), or offset inside it")         \
	X(ARP_MALFORMED, "arp-malformed", "parse", "not Ethernet/IPv4 ARP of the right length")    \
	X(ND_MALFORMED, "nd-malformed", "parse", "neighbor discovery message breaks RFC 4861, 7.1")\
	X(PORT_UNBOUND, "port-unbound", "admit", "the device is no port of the running version")   \
	X(VLAN_TAGGED, "vlan-tagged", "admit", "VLAN tag on an access port")                       \
	X(MAC_SPOOFED, "mac-spoofed", "admit", "source MAC is not the port's")                     \
	X(IP_SPOOFED, "ip-spoofed", "admit", "source address is not one of the port's")            \
	X(ARP_SPOOFED, "arp-spoofed", "admit", "ARP sender is not the port")                       \
	X(ND_SPOOFED, "nd-spoofed", "admit", "ND source or target is not the port's to claim")     \
	X(DHCP_SERVER, "dhcp-server", "admit", "DHCP server message from a guest")                 \
	X(ROUTER_ADVERT, "router-advert", "admit", "router advertisement or redirect from a guest")\
	X(L2_BROADCAST, "l2-broadcast", "admit", "broadcast or multicast frame; a vnet floods nothing")\
	X(ARP_UNANSWERED, "arp-unanswered", "answer", "ARP for an address nobody in reach has")    \
	X(ND_UNANSWERED, "nd-unanswered", "answer", "ND for an address nobody in reach has")       \
	X(FRAGMENT_ORPHAN, "fragment-orphan", "flow", "later fragment whose first was not seen")   \
	X(FRAGMENT_OVERLAP, "fragment-overlap", "flow", "fragment overlaps or repeats another")    \
	X(FRAGMENT_LIMIT, "fragment-limit", "flow", "datagram in more separate pieces than are kept")\
	X(TCP_STATE, "tcp-state", "flow", "TCP segment that does not fit the connection's state")  \
	X(ICMP_UNRELATED, "icmp-unrelated", "flow", "ICMP error that quotes no live flow")         \
	X(FLOW_TABLE_FULL, "flow-table-full", "flow", "no room for a new flow")                    \
	X(FLOW_LIMIT, "flow-limit", "flow", "the port is at its flowLimit")                        \
	X(ACL_DENY, "acl-deny", "police", "an ACL rule denies")                                    \
	X(NSG_DENY, "nsg-deny", "police", "an NSG rule denies")                                    \
	X(NO_ROUTE, "no-route", "route", "destination is in no prefix of the vnet")                \
	X(NO_ENDPOINT, "no-endpoint", "route", "nobody has the destination address")               \
	X(GATEWAY_ONLY_ECHO, "gateway-only-echo", "route", "the gateway answers echo and nothing else")\
	X(HOP_LIMIT, "hop-limit", "route", "TTL or hop limit ran out and no error could be sent")  \
	X(DEVICE_GONE, "device-gone", "deliver", "the destination port's device is not there")     \
	X(REWRITE_FAILED, "rewrite-failed", "deliver", "the kernel had no room to rewrite the frame")

enum drop_reason {
	DROP_NONE = 0, /* not dropped */
#define X(identifier, name, stage, text) DROP_##identifier,
	DROP_REASONS(X)
#undef X
	DROP_REASON_COUNT
};

#endif
