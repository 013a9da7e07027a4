/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A gateway answers echo requests, so that people can see that their network is there.
 */
#ifndef SLUICE_BPF_ANSWER_ECHO_H
#define SLUICE_BPF_ANSWER_ECHO_H

#include "bpf/answer_neighbor.h"
#include "bpf/checksum.h"
#include "bpf/frame.h"
#include "bpf/headers.h"

#define ANSWER_HOP_LIMIT 64

static __always_inline bool is_echo_request(const struct packet *packet)
{
	__u8 request = packet->ipv6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST;

	return packet->has & PARSED_ICMP && packet->tuple.icmp_type == request &&
	       !packet->tuple.icmp_code && !packet->fragment;
}

/* Addresses change places, which no checksum notices; the hop limit starts anew. */
static __always_inline int return_ip(struct packet *packet)
{
	struct ethernet_header *ethernet;
	struct ipv4_header *ipv4;
	struct ipv6_header *ipv6;

	if (packet->ipv6) {
		ethernet = frame_at(packet, 0, ETHERNET_HEADER + IPV6_HEADER);
		if (!ethernet)
			return DROP_REWRITE_FAILED;
		ipv6 = (void *)(ethernet + 1);
		ipv6->source = packet->tuple.destination;
		ipv6->destination = packet->tuple.source;
		ipv6->hop_limit = ANSWER_HOP_LIMIT;
	} else {
		ethernet = frame_at(packet, 0, ETHERNET_HEADER + IPV4_HEADER);
		if (!ethernet)
			return DROP_REWRITE_FAILED;
		ipv4 = (void *)(ethernet + 1);
		ipv4->source = packet->tuple.destination.words[3];
		ipv4->destination = packet->tuple.source.words[3];
		ipv4->checksum = checksum_replace(ipv4->checksum, bpf_htons(ipv4->ttl << 8),
						  bpf_htons(ANSWER_HOP_LIMIT << 8));
		ipv4->ttl = ANSWER_HOP_LIMIT;
	}
	return_ethernet(packet, ethernet);
	return 0;
}

static __noinline int answer_echo(struct packet *packet)
{
	__u8 reply = packet->ipv6 ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY;
	struct icmp_header *icmp;

	if (!is_echo_request(packet))
		return DROP_GATEWAY_ONLY_ECHO;
	if (return_ip(packet))
		return DROP_REWRITE_FAILED;
	icmp = frame_at(packet, packet->l4, sizeof(*icmp));
	if (!icmp)
		return DROP_REWRITE_FAILED;
	icmp->checksum = checksum_replace(icmp->checksum,
					  bpf_htons(packet->tuple.icmp_type << 8),
					  bpf_htons(reply << 8));
	icmp->type = reply;
	/* Both zeros of one's complement are right, except where all that is summed is zero. */
	if (!icmp->checksum)
		icmp->checksum = 0xffff;
	return LEAVE_ANSWERED;
}

#endif
