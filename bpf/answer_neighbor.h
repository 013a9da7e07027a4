/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The switch answers for everybody in reach, with its own MAC: guests see no other.
 */
#ifndef SLUICE_BPF_ANSWER_NEIGHBOR_H
#define SLUICE_BPF_ANSWER_NEIGHBOR_H

#include "bpf/admit.h"
#include "bpf/checksum.h"
#include "bpf/parse_neighbor.h"

/* Turns the Ethernet header round: from the switch, to the port. */
static __always_inline void return_ethernet(const struct packet *packet, void *frame)
{
	struct ethernet_header *ethernet = frame;

	__builtin_memcpy(ethernet->destination, packet->in->mac, MAC_LENGTH);
	__builtin_memcpy(ethernet->source, packet->root->mac, MAC_LENGTH);
}

/* Does the switch answer for this address? Not to the one who has it. */
static __always_inline bool answers_for(const struct packet *packet,
					const struct ip_address *address)
{
	__u32 endpoint = endpoint_in_reach(packet, address);

	return endpoint && endpoint != own_endpoint(packet);
}

static __noinline int answer_arp(struct packet *packet)
{
	struct {
		struct ethernet_header ethernet;
		struct arp_header arp;
	} __attribute__((packed)) *frame;
	__be32 asked;

	if (!answers_for(packet, &packet->tuple.destination))
		return DROP_ARP_UNANSWERED;
	frame = frame_at(packet, 0, sizeof(*frame));
	if (!frame || frame->arp.operation != bpf_htons(ARP_REQUEST))
		return DROP_ARP_UNANSWERED;
	asked = frame->arp.target;
	return_ethernet(packet, frame);
	frame->arp.operation = bpf_htons(ARP_REPLY);
	__builtin_memcpy(frame->arp.target_mac, packet->in->mac, MAC_LENGTH);
	frame->arp.target = frame->arp.sender;
	__builtin_memcpy(frame->arp.sender_mac, packet->root->mac, MAC_LENGTH);
	frame->arp.sender = asked;
	return LEAVE_ANSWERED;
}

/* A neighbor advertisement with the one option it needs. */
#define ADVERTISEMENT_PAYLOAD (sizeof(struct nd_header) + sizeof(struct nd_link_option))
#define ADVERTISEMENT_LENGTH (ETHERNET_HEADER + IPV6_HEADER + ADVERTISEMENT_PAYLOAD)

/* Headers follow each other without a structure around them: it would have to be packed, and be
 * written byte by byte. */
static __always_inline void write_advertisement(const struct packet *packet, void *frame,
						const struct ip_address *target)
{
	struct ipv6_header *ip = frame + ETHERNET_HEADER;
	struct nd_header *nd = (void *)(ip + 1);
	struct nd_link_option *link = (void *)(nd + 1);
	__u64 sum = bpf_htonl(ADVERTISEMENT_PAYLOAD) + (__u64)bpf_htonl(PROTOCOL_ICMPV6);

	return_ethernet(packet, frame);
	ip->version_flow = bpf_htonl(6U << 28);
	ip->payload_length = bpf_htons(ADVERTISEMENT_PAYLOAD);
	ip->next = PROTOCOL_ICMPV6;
	ip->hop_limit = ND_HOP_LIMIT;
	ip->source = *target;
	ip->destination = packet->tuple.source;
	nd->type = ICMPV6_NEIGHBOR_ADVERTISEMENT;
	nd->code = 0;
	nd->checksum = 0;
	nd->flags = bpf_htonl(ND_SOLICITED | ND_OVERRIDE);
	nd->target = *target;
	link->type = ND_TARGET_LINK;
	link->length = 1;
	__builtin_memcpy(link->mac, packet->root->mac, MAC_LENGTH);
	/* Sums what is written, instead of keeping all of it at hand from before. */
	barrier();
	sum = checksum_add(sum, &ip->source, 2 * sizeof(struct ip_address));
	sum = checksum_add(sum, nd, ADVERTISEMENT_PAYLOAD);
	nd->checksum = checksum_fold(sum);
}

static __noinline int answer_nd(struct packet *packet)
{
	const struct nd_header *nd = frame_at(packet, packet->l4, sizeof(*nd));
	struct ip_address target;
	void *frame;

	if (!nd || packet->tuple.icmp_type != ICMPV6_NEIGHBOR_SOLICITATION)
		return DROP_ND_UNANSWERED;
	target = nd->target;
	if (address_is_zero(&packet->tuple.source) || !answers_for(packet, &target))
		return DROP_ND_UNANSWERED;
	/* A solicitation may lack the option that the answer needs, or have others. */
	if (frame_length(packet) != ADVERTISEMENT_LENGTH &&
	    frame_set_length(packet, ADVERTISEMENT_LENGTH))
		return DROP_REWRITE_FAILED;
	frame = frame_at(packet, 0, ADVERTISEMENT_LENGTH);
	if (!frame)
		return DROP_REWRITE_FAILED;
	write_advertisement(packet, frame, &target);
	return LEAVE_ANSWERED;
}

#endif
