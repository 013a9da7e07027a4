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
struct advertisement {
	struct ethernet_header ethernet;
	struct ipv6_header ip;
	struct nd_header nd;
	struct nd_link_option link;
} __attribute__((packed));

#define ADVERTISEMENT_PAYLOAD (sizeof(struct nd_header) + sizeof(struct nd_link_option))

static __always_inline void write_advertisement(const struct packet *packet,
						struct advertisement *frame,
						const struct ip_address *target)
{
	__u64 sum;

	return_ethernet(packet, frame);
	frame->ethernet.type = bpf_htons(ETHERTYPE_IPV6);
	frame->ip.version_flow = bpf_htonl(6U << 28);
	frame->ip.payload_length = bpf_htons(ADVERTISEMENT_PAYLOAD);
	frame->ip.next = PROTOCOL_ICMPV6;
	frame->ip.hop_limit = ND_HOP_LIMIT;
	frame->ip.source = *target;
	frame->ip.destination = packet->tuple.source;
	frame->nd.type = ICMPV6_NEIGHBOR_ADVERTISEMENT;
	frame->nd.code = 0;
	frame->nd.checksum = 0;
	frame->nd.flags = bpf_htonl(ND_SOLICITED | ND_OVERRIDE);
	frame->nd.target = *target;
	frame->link.type = ND_TARGET_LINK;
	frame->link.length = 1;
	__builtin_memcpy(frame->link.mac, packet->root->mac, MAC_LENGTH);
	sum = bpf_htonl(ADVERTISEMENT_PAYLOAD) + (__u64)bpf_htonl(PROTOCOL_ICMPV6);
	sum = checksum_add(sum, &frame->ip.source, 2 * sizeof(struct ip_address));
	sum = checksum_add(sum, &frame->nd, ADVERTISEMENT_PAYLOAD);
	frame->nd.checksum = checksum_fold(sum);
}

static __noinline int answer_nd(struct packet *packet)
{
	const struct nd_header *nd = frame_at(packet, packet->l4, sizeof(*nd));
	struct advertisement *frame;
	struct ip_address target;

	if (!nd || packet->tuple.icmp_type != ICMPV6_NEIGHBOR_SOLICITATION)
		return DROP_ND_UNANSWERED;
	target = nd->target;
	if (address_is_zero(&packet->tuple.source) || !answers_for(packet, &target))
		return DROP_ND_UNANSWERED;
	/* A solicitation may lack the option that the answer needs, or have others. */
	if (frame_length(packet) != sizeof(*frame) && frame_set_length(packet, sizeof(*frame)))
		return DROP_REWRITE_FAILED;
	frame = frame_at(packet, 0, sizeof(*frame));
	if (!frame)
		return DROP_REWRITE_FAILED;
	write_advertisement(packet, frame, &target);
	return LEAVE_ANSWERED;
}

#endif
