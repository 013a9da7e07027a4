/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * act: what happens to a packet that may pass. It gets the receiver's MAC and, when it crosses
 * from one subnet to another, one hop less to live. Its flow's entry counts it for the rules that let
 * it pass (bpf/settle.h); an ICMP error, which is in no entry, is counted here.
 */
#ifndef SLUICE_BPF_ACT_H
#define SLUICE_BPF_ACT_H

#include "bpf/count.h"
#include "bpf/hops.h"

static __always_inline void take_hop(struct packet *packet, void *header)
{
	struct ipv4_header *ipv4 = header;
	struct ipv6_header *ipv6 = header;
	__u16 before = bpf_htons(packet->ttl << 8);
	__u16 after = bpf_htons((packet->ttl - 1) << 8);

	if (packet->ipv6) {
		ipv6->hop_limit = packet->ttl - 1;
		return;
	}
	ipv4->checksum = checksum_replace(ipv4->checksum, before, after);
	ipv4->ttl = packet->ttl - 1;
}

/* The frame goes on from the switch to the receiver. */
static __always_inline void readdress(struct packet *packet, struct ethernet_header *ethernet)
{
	__builtin_memcpy(ethernet->destination, packet->out->mac, MAC_LENGTH);
	__builtin_memcpy(ethernet->source, packet->root->mac, MAC_LENGTH);
	if (is_routed(packet)) {
		take_hop(packet, ethernet + 1);
		if (packet->ipv6)
			frame_hop_taken(packet);
	}
}

static __always_inline int act(struct packet *packet)
{
	struct ethernet_header *ethernet =
		frame_at(packet, 0, ETHERNET_HEADER + IPV4_HEADER);

	packet->stages |= 1 << STAGE_ACT;
	if (!ethernet || !packet->out)
		return DROP_REWRITE_FAILED;
	readdress(packet, ethernet);
	if (packet->state == TRACE_STATE_RELATED)
		count_apart(packet);
	count_rule(packet, packet->acl_rule);
	return 0;
}

#endif
