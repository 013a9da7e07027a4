/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Headers as they lie on the wire. Their layout is the protocols', not the kernel's, so they are
 * stated here instead of being relocated against the kernel's types.
 */
#ifndef SLUICE_BPF_HEADERS_H
#define SLUICE_BPF_HEADERS_H

#include "bpf/protocol.h"

struct ethernet_header {
	__u8 destination[MAC_LENGTH];
	__u8 source[MAC_LENGTH];
	__be16 type;
};

/* A tag, seen from behind the EtherType that announces it. */
struct vlan_header {
	__be16 tci;
	__be16 type;
};

struct arp_header {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_length;
	__u8 protocol_length;
	__be16 operation;
	__u8 sender_mac[MAC_LENGTH];
	__be32 sender;
	__u8 target_mac[MAC_LENGTH];
	__be32 target;
} __attribute__((packed));

struct ipv4_header {
	__u8 version_length; /* version << 4 | header length in words */
	__u8 service;
	__be16 total_length;
	__be16 id;
	__be16 fragment;     /* IPV4_MORE_FRAGMENTS | offset */
	__u8 ttl;
	__u8 protocol;
	__u16 checksum;
	__be32 source;
	__be32 destination;
};

#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_FRAGMENT_OFFSET 0x1fff

struct ipv6_header {
	__be32 version_flow; /* version << 28 | traffic class << 20 | flow label */
	__be16 payload_length;
	__u8 next;
	__u8 hop_limit;
	struct ip_address source;
	struct ip_address destination;
};

/* What hop-by-hop, routing and destination options headers have in common. */
struct ipv6_extension {
	__u8 next;
	__u8 length;        /* in units of 8 bytes, not counting the first */
	__u8 type;          /* routing header */
	__u8 segments_left; /* routing header */
	__be32 data;
};

struct ipv6_fragment {
	__u8 next;
	__u8 reserved;
	__be16 offset; /* offset << 3 | more */
	__be32 id;
};

struct tcp_header {
	__be16 source_port;
	__be16 destination_port;
	__be32 sequence;
	__be32 acknowledgment;
	__u8 data_offset; /* in words << 4 */
	__u8 flags;
	__be16 window;
	__u16 checksum;
	__be16 urgent;
};

struct udp_header {
	__be16 source_port;
	__be16 destination_port;
	__be16 length;
	__u16 checksum;
};

struct sctp_header {
	__be16 source_port;
	__be16 destination_port;
	__be32 tag;
	__be32 checksum;
};

/* ICMP and ICMPv6. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be16 identifier; /* of queries */
	__be16 sequence;
};

/* Neighbor solicitation and advertisement, without options. */
struct nd_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be32 flags; /* advertisement only */
	struct ip_address target;
};

#define ND_SOLICITED 0x40000000
#define ND_OVERRIDE 0x20000000

struct nd_link_option {
	__u8 type;
	__u8 length; /* in units of 8 bytes */
	__u8 mac[MAC_LENGTH];
};

#define ND_SOURCE_LINK 1
#define ND_TARGET_LINK 2

_Static_assert(sizeof(struct ethernet_header) == ETHERNET_HEADER, "as on the wire");
_Static_assert(sizeof(struct arp_header) == ARP_LENGTH, "as on the wire");
_Static_assert(sizeof(struct ipv4_header) == IPV4_HEADER, "as on the wire");
_Static_assert(sizeof(struct ipv6_header) == IPV6_HEADER, "as on the wire");
_Static_assert(sizeof(struct ipv6_extension) == 8, "as on the wire");
_Static_assert(sizeof(struct tcp_header) == TCP_HEADER, "as on the wire");
_Static_assert(sizeof(struct nd_header) == 24, "as on the wire");

#endif
