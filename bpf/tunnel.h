/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tunnels (maps/tunnel.h): what a frame to a remote is wrapped in, and what one from a remote must
 * be like to be let in. VXLAN by RFC 7348, ECN by RFC 6040.
 */
#ifndef SLUICE_BPF_TUNNEL_H
#define SLUICE_BPF_TUNNEL_H

#include "bpf/act.h"
#include "bpf/checksum.h"
#include "bpf/enter.h"
#include "bpf/headers.h"
#include "maps/tunnel.h"

#define VXLAN_HEADER 8
#define VXLAN_FLAGS  0x08000000 /* a VNI is there; whatever else is set changes what follows */

#define OUTER_IPV4 (IPV4_HEADER + UDP_HEADER + VXLAN_HEADER)
#define OUTER_IPV6 (IPV6_HEADER + UDP_HEADER + VXLAN_HEADER)

#define ECN_MASK 3
#define ECN_NONE 0 /* its ends do not understand ECN */
#define ECN_1    1
#define ECN_0    2
#define ECN_CE   3 /* congestion was experienced */

/* Behind the outer IP header. */
struct vxlan_headers {
	struct udp_header udp;
	__be32 flags;
	__be32 vni; /* VNI << 8 */
};

/* What stands before an inner packet, outermost first. */
struct wrapped_ipv4 {
	struct ethernet_header ethernet;
	struct ipv4_header ip;
	struct vxlan_headers vxlan;
	struct ethernet_header inner;
} __attribute__((packed, aligned(2)));

struct wrapped_ipv6 {
	struct ethernet_header ethernet;
	struct ipv6_header ip;
	struct vxlan_headers vxlan;
	struct ethernet_header inner;
} __attribute__((packed, aligned(2)));

/* DSCP and ECN of an IP header right behind the Ethernet header. */
static __always_inline __u8 traffic_class(const struct packet *packet)
{
	const __u16 *first = frame_at(packet, ETHERNET_HEADER, IPV4_HEADER);

	if (!first)
		return 0;
	return packet->ipv6 ? bpf_ntohs(*first) >> 4 : bpf_ntohs(*first);
}

/* Spreads flows over what lies between the hosts, and keeps each in one place. */
static __always_inline __u32 flow_entropy(const struct packet *packet)
{
	__u32 place = packet->flow ? packet->flow->place : packet->tuple.destination.words[3];

	return place * 0x9e3779b1U;
}

/* RFC 6335's dynamic ports. */
static __always_inline __be16 entropy_port(__u32 entropy)
{
	return bpf_htons(0xc000 | entropy >> 18);
}

/* The MAC that the receiver knows itself by; the remote's guests are told apart by addresses. */
static __always_inline void inner_macs(const struct packet *packet, const struct ip_address *address,
				       struct ethernet_header *inner)
{
	const struct vnet *vnet = table_at(packet->out->vnet);
	const struct remote_address *remote =
		vnet ? remote_address_of(vnet, endpoint_find(vnet, address)) : NULL;

	if (remote)
		__builtin_memcpy(inner->destination, remote->mac, MAC_LENGTH);
	else
		__builtin_memcpy(inner->destination, packet->root->mac, MAC_LENGTH);
	__builtin_memcpy(inner->source, packet->root->mac, MAC_LENGTH);
	inner->type = packet->ipv6 ? bpf_htons(ETHERTYPE_IPV6) : bpf_htons(ETHERTYPE_IPV4);
}

static __always_inline void outer_macs(const struct packet *packet, struct ethernet_header *outer,
				       __u16 type)
{
	/* The kernel, which knows the next hop, writes its own over these. */
	__builtin_memset(outer->destination, 0, MAC_LENGTH);
	__builtin_memcpy(outer->source, packet->root->mac, MAC_LENGTH);
	outer->type = bpf_htons(type);
}

/* length: of the inner frame. */
static __always_inline int put_ipv4(struct packet *packet, const struct tunnel *tunnel,
				    const struct ip_address *address, __u32 length, __u8 class)
{
	struct wrapped_ipv4 *frame = frame_at(packet, 0, sizeof(*frame));
	__be16 total = bpf_htons(OUTER_IPV4 + length);
	__u64 sum;

	if (!frame)
		return DROP_REWRITE_FAILED;
	__builtin_memcpy(&frame->ip, tunnel->headers, OUTER_IPV4);
	outer_macs(packet, (void *)frame, ETHERTYPE_IPV4);
	inner_macs(packet, address, (void *)frame + sizeof(*frame) - ETHERNET_HEADER);
	/* The template's own sum is of a packet without length and class. */
	sum = (__u16)~frame->ip.checksum + (__u64)total + bpf_htons(class);
	frame->ip.service = class;
	frame->ip.total_length = total;
	frame->ip.checksum = checksum_fold(sum);
	frame->vxlan.udp.source_port = entropy_port(flow_entropy(packet));
	frame->vxlan.udp.length = bpf_htons(OUTER_IPV4 - IPV4_HEADER + length);
	return 0;
}

static __always_inline int put_ipv6(struct packet *packet, const struct tunnel *tunnel,
				    const struct ip_address *address, __u32 length, __u8 class)
{
	struct wrapped_ipv6 *frame = frame_at(packet, 0, sizeof(*frame));
	__u32 entropy = flow_entropy(packet);

	if (!frame)
		return DROP_REWRITE_FAILED;
	__builtin_memcpy(&frame->ip, tunnel->headers, OUTER_IPV6);
	outer_macs(packet, (void *)frame, ETHERTYPE_IPV6);
	inner_macs(packet, address, (void *)frame + sizeof(*frame) - ETHERNET_HEADER);
	/* The flow label for those that look no further (RFC 6438). */
	frame->ip.version_flow = bpf_htonl(6U << 28 | (__u32)class << 20 | entropy >> 12);
	frame->ip.payload_length = bpf_htons(OUTER_IPV6 - IPV6_HEADER + length);
	frame->vxlan.udp.source_port = entropy_port(entropy);
	frame->vxlan.udp.length = frame->ip.payload_length;
	return 0;
}

/* Where the packet goes, from its header: the short way has noted no addresses. */
static __always_inline bool inner_destination(const struct packet *packet,
					      struct ip_address *address)
{
	const struct ipv4_header *ipv4;
	const struct ipv6_header *ipv6;

	if (packet->ipv6) {
		ipv6 = frame_at(packet, ETHERNET_HEADER, IPV6_HEADER);
		if (!ipv6)
			return false;
		*address = ipv6->destination;
		return true;
	}
	ipv4 = frame_at(packet, ETHERNET_HEADER, IPV4_HEADER);
	if (!ipv4)
		return false;
	address->halves[0] = 0;
	address->words[2] = bpf_htonl(0xffff);
	address->words[3] = ipv4->destination;
	return true;
}

/* Wraps the frame for the remote behind packet->out. */
static __noinline int wrap(struct packet *packet)
{
	const struct tunnel *tunnel = packet->out ? table_at(packet->out->tunnel) : NULL;
	__u32 length = frame_length(packet);
	struct ip_address address;
	__u8 class;

	if (!tunnel || !inner_destination(packet, &address))
		return DROP_REWRITE_FAILED;
	class = traffic_class(packet);
	if (frame_wrap(packet, tunnel->length == OUTER_IPV6, tunnel->length + ETHERNET_HEADER))
		return DROP_REWRITE_FAILED;
	return tunnel->length == OUTER_IPV6 ? put_ipv6(packet, tunnel, &address, length, class)
					    : put_ipv4(packet, tunnel, &address, length, class);
}

/* --- the way in --- */

/* What is known of a frame from a remote. */
struct arrival {
	struct ip_address source; /* the outer one; then the inner one */
	__u32 outer;              /* bytes before the inner Ethernet header, but for the outer one */
	__u32 vni;
	__u32 slot;               /* by which it enters */
	__u8 ecn;
};

/* Whether a frame is one of the tunnel's: to this host, of its protocol and port. What the kernel
 * would have to put together first is left to it. 0, LEAVE_HOST or a drop reason. */
static __always_inline int read_outer_ipv4(const struct packet *packet,
					   const struct tunnel_entry *entry,
					   struct arrival *arrival)
{
	const struct wrapped_ipv4 *frame =
		frame_at(packet, 0, ETHERNET_HEADER + IPV4_HEADER + UDP_HEADER);

	if (!frame || frame->ip.version_length != (4 << 4 | IPV4_HEADER / 4) ||
	    frame->ip.protocol != PROTOCOL_UDP ||
	    frame->ip.fragment & bpf_htons(IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET) ||
	    !address_is_ipv4(&entry->local) || frame->ip.destination != entry->local.words[3] ||
	    frame->vxlan.udp.destination_port != entry->port)
		return LEAVE_HOST;
	frame = frame_at(packet, 0, sizeof(*frame));
	if (!frame || frame->vxlan.flags != bpf_htonl(VXLAN_FLAGS) ||
	    frame->vxlan.vni & bpf_htonl(0xff))
		return DROP_TUNNEL_HEADER;
	arrival->source.halves[0] = 0;
	arrival->source.words[2] = bpf_htonl(0xffff);
	arrival->source.words[3] = frame->ip.source;
	arrival->outer = OUTER_IPV4;
	arrival->vni = bpf_ntohl(frame->vxlan.vni) >> 8;
	arrival->ecn = frame->ip.service & ECN_MASK;
	if (bpf_ntohs(frame->ip.total_length) > packet->length - ETHERNET_HEADER ||
	    bpf_ntohs(frame->vxlan.udp.length) != bpf_ntohs(frame->ip.total_length) - IPV4_HEADER)
		return DROP_TUNNEL_HEADER;
	return 0;
}

static __always_inline int read_outer_ipv6(const struct packet *packet,
					   const struct tunnel_entry *entry,
					   struct arrival *arrival)
{
	const struct wrapped_ipv6 *frame =
		frame_at(packet, 0, ETHERNET_HEADER + IPV6_HEADER + UDP_HEADER);
	struct ip_address destination;

	if (!frame)
		return LEAVE_HOST;
	destination = frame->ip.destination;
	if (frame->ip.next != PROTOCOL_UDP ||
	    !address_equal(&destination, &entry->local) ||
	    frame->vxlan.udp.destination_port != entry->port)
		return LEAVE_HOST;
	frame = frame_at(packet, 0, sizeof(*frame));
	if (!frame || frame->vxlan.flags != bpf_htonl(VXLAN_FLAGS) ||
	    frame->vxlan.vni & bpf_htonl(0xff))
		return DROP_TUNNEL_HEADER;
	arrival->source = frame->ip.source;
	arrival->outer = OUTER_IPV6;
	arrival->vni = bpf_ntohl(frame->vxlan.vni) >> 8;
	arrival->ecn = bpf_ntohl(frame->ip.version_flow) >> 20 & ECN_MASK;
	if (bpf_ntohs(frame->ip.payload_length) > packet->length - ETHERNET_HEADER - IPV6_HEADER ||
	    frame->vxlan.udp.length != frame->ip.payload_length)
		return DROP_TUNNEL_HEADER;
	return 0;
}

static __noinline int read_outer(const struct packet *packet, struct arrival *arrival)
{
	const struct tunnel_entry *entry = table_at(packet->root->tunnels);
	const struct ethernet_header *ethernet = frame_at(packet, 0, ETHERNET_HEADER);

	if (!packet->root->tunnels || !entry || !ethernet)
		return LEAVE_HOST;
	if (ethernet->type == bpf_htons(ETHERTYPE_IPV4))
		return read_outer_ipv4(packet, entry, arrival);
	if (ethernet->type == bpf_htons(ETHERTYPE_IPV6))
		return read_outer_ipv6(packet, entry, arrival);
	return LEAVE_HOST;
}

/* The congestion that the outer header tells of is the inner packet's (RFC 6040, 4.2). */
static __always_inline int merge_ecn(__u8 outer, __u8 *inner, struct ipv4_header *ipv4)
{
	__u8 shift = ipv4 ? 0 : 4;
	__u8 now = *inner >> shift & ECN_MASK, next = now;
	__u8 changed;

	if (outer == ECN_CE) {
		if (now == ECN_NONE)
			return DROP_TUNNEL_ECN;
		next = ECN_CE;
	} else if (outer == ECN_1 && now == ECN_0) {
		next = ECN_1;
	}
	if (next == now)
		return 0;
	changed = *inner ^ (now ^ next) << shift;
	if (ipv4)
		ipv4->checksum = checksum_replace(ipv4->checksum, bpf_htons(*inner),
						  bpf_htons(changed));
	*inner = changed;
	return 0;
}

/* Reads the inner source, by which it is told who sent it. */
static __noinline int read_inner(struct packet *packet, struct arrival *arrival)
{
	__u64 offset = ETHERNET_HEADER + arrival->outer;
	const struct ethernet_header *ethernet = frame_reach(packet, offset, ETHERNET_HEADER);
	struct ipv4_header *ipv4;
	struct ipv6_header *ipv6;
	__be16 type;

	if (!ethernet)
		return DROP_TUNNEL_HEADER;
	type = ethernet->type;
	offset += ETHERNET_HEADER;
	if (type == bpf_htons(ETHERTYPE_IPV4)) {
		ipv4 = frame_reach(packet, offset, IPV4_HEADER);
		if (!ipv4)
			return DROP_IP_HEADER;
		arrival->source.halves[0] = 0;
		arrival->source.words[2] = bpf_htonl(0xffff);
		arrival->source.words[3] = ipv4->source;
		return merge_ecn(arrival->ecn, &ipv4->service, ipv4);
	}
	if (type != bpf_htons(ETHERTYPE_IPV6))
		return DROP_ETHERTYPE;
	ipv6 = frame_reach(packet, offset, IPV6_HEADER);
	if (!ipv6)
		return DROP_IP_HEADER;
	arrival->source = ipv6->source;
	return merge_ecn(arrival->ecn, (__u8 *)ipv6 + 1, NULL);
}

/* The number of the remote that the outer source is, or 0. */
static __always_inline __u32 remote_number(const struct tunnel_entry *entry,
					   const struct ip_address *source)
{
	return endpoint_in(entry->remotes, entry->remote_mask, entry->remote_seed, source) &
	       ENDPOINT_VALUE_MASK;
}

/* Finds the slot by which it enters: that of its inner source, which must live on the remote that
 * sent it. */
static __noinline int find_arrival(struct packet *packet, struct arrival *arrival)
{
	const struct tunnel_entry *entry = table_at(packet->root->tunnels);
	const struct remote_address *address;
	const struct device_entry *known;
	const struct tunnel *tunnel;
	const struct port *port;
	const struct vnet *vnet;
	__u32 remote;
	int reason;

	remote = entry ? remote_number(entry, &arrival->source) : 0;
	if (!remote)
		return DROP_TUNNEL_REMOTE;
	known = find_device(entry->vnis, entry->vni_mask, arrival->vni);
	vnet = known ? table_at(known->vnet) : NULL;
	if (!vnet)
		return DROP_TUNNEL_VNI;
	reason = read_inner(packet, arrival);
	if (reason)
		return reason;
	address = remote_address_of(vnet, endpoint_find(vnet, &arrival->source));
	port = address ? port_at(packet->root, address->slot) : NULL;
	tunnel = port ? table_at(port->tunnel) : NULL;
	if (!tunnel || tunnel->remote != remote || !address->slot)
		return DROP_IP_SPOOFED;
	arrival->slot = address->slot;
	return 0;
}

static __noinline void refuse_arrival(struct packet *packet, int reason)
{
	know_nothing(packet);
	count_drop(packet, reason);
	observe_drop(packet, reason);
}

/* 0: the frame came from a remote, is unwrapped, and enters the switch. LEAVE_HOST: it is none of the
 * tunnel's. Else it is to be dropped, which is counted. */
static __noinline int enter_tunnel(struct packet *packet)
{
	struct arrival arrival;
	int reason;

	begin(packet);
	if (!enter_version(packet))
		return LEAVE_HOST;
	frame_pull_headers(packet);
	reason = read_outer(packet, &arrival);
	if (reason == LEAVE_HOST)
		return LEAVE_HOST;
	reason = reason ?: find_arrival(packet, &arrival) ?:
		 frame_unwrap(packet, arrival.outer + ETHERNET_HEADER,
			      address_is_ipv4(&arrival.source));
	if (reason) {
		refuse_arrival(packet, reason);
		return reason;
	}
	packet->length -= arrival.outer + ETHERNET_HEADER;
	return enter_slot(packet, arrival.slot) ? 0 : DROP_PORT_UNBOUND;
}

#endif
