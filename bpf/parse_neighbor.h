/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The messages with which hosts look for each other: ARP, and IPv6's neighbor discovery.
 */
#ifndef SLUICE_BPF_PARSE_NEIGHBOR_H
#define SLUICE_BPF_PARSE_NEIGHBOR_H

#include "bpf/forget.h"
#include "bpf/parse_ip.h"

#define ARP_ETHERNET 1
#define ARP_REQUEST 1
#define ARP_REPLY 2

#define ND_OPTIONS 8 /* the most in one message */
#define ND_HOP_LIMIT 255

/* ARP's addresses go into the tuple: it is what an observer wants to see of the frame. */
static __noinline int parse_arp(struct packet *packet)
{
	const struct arp_header *arp = frame_reach(packet, packet->l3, ARP_LENGTH);

	packet->kind = PACKET_ARP;
	if (!arp)
		return DROP_ARP_MALFORMED;
	if (arp->hardware != bpf_htons(ARP_ETHERNET) ||
	    arp->protocol != bpf_htons(ETHERTYPE_IPV4) || arp->hardware_length != MAC_LENGTH ||
	    arp->protocol_length != sizeof(__be32))
		return DROP_ARP_MALFORMED;
	set_mapped(&packet->tuple.source, arp->sender);
	set_mapped(&packet->tuple.destination, arp->target);
	return 0;
}

/* Finds the one link-layer address option that the message may carry. */
static __always_inline int parse_nd_options(struct packet *packet)
{
	__u32 end = packet->l3 + packet->ip_length;
	__u32 offset = packet->l4 + sizeof(struct nd_header);

	for (int i = 0; i < ND_OPTIONS; i++) {
		const struct nd_link_option *option;
		__u32 size;

		if (offset >= end)
			return 0;
		if (offset + sizeof(*option) > end)
			return DROP_ND_MALFORMED;
		option = frame_reach(packet, offset, sizeof(*option));
		if (!option)
			return DROP_ND_MALFORMED;
		size = option->length * 8;
		/* What kind of option it is must not narrow the size: two ways in each turn. */
		asm volatile("" : "+r"(size));
		if (!size || offset + size > end)
			return DROP_ND_MALFORMED;
		if (option->type == ND_SOURCE_LINK || option->type == ND_TARGET_LINK) {
			if (packet->nd_link || option->length != 1)
				return DROP_ND_MALFORMED;
			packet->nd_link = offset;
		}
		offset += size;
	}
	return offset >= end ? 0 : DROP_ND_MALFORMED;
}

/* The checks of RFC 4861, 7.1 that need no state, and RFC 6980's ban of fragments. */
static __noinline int parse_nd(struct packet *packet)
{
	bool to_group, from_nobody, advertisement;
	const struct nd_header *nd;
	int reason;

	forget(packet);
	packet->kind = PACKET_ND;
	to_group = packet->tuple.destination.bytes[0] == 0xff;
	from_nobody = !packet->tuple.source.halves[0] && !packet->tuple.source.halves[1];
	nd = frame_reach(packet, packet->l4, sizeof(*nd));
	if (!nd || packet->l4 + sizeof(*nd) > packet->l3 + packet->ip_length)
		return DROP_ND_MALFORMED;
	if (packet->ttl != ND_HOP_LIMIT || nd->code || packet->fragment ||
	    nd->target.bytes[0] == 0xff)
		return DROP_ND_MALFORMED;
	advertisement = nd->type == ICMPV6_NEIGHBOR_ADVERTISEMENT;
	if (advertisement && to_group && (nd->flags & bpf_htonl(ND_SOLICITED)))
		return DROP_ND_MALFORMED;
	reason = parse_nd_options(packet);
	if (!reason && from_nobody && (!to_group || (!advertisement && packet->nd_link)))
		return DROP_ND_MALFORMED;
	return reason;
}

#endif
