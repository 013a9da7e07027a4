/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limit_size: a packet that is larger than its way's MTU goes no further, and its sender is told how
 * large it may be (RFC 1191, RFC 8201). The switch cuts nothing into fragments, so that IPv4 senders are
 * told whether or not they forbid that: XDP can not, and who learns the MTU cuts better itself.
 */
#ifndef SLUICE_BPF_MTU_H
#define SLUICE_BPF_MTU_H

#include "bpf/headers.h"
#include "bpf/icmp_error.h"

#define GSO_BY_FRAGMENTS 0xffff /* the skb is a list of packets as their sender has made them */

#define IPV4_LEAST_MTU 68   /* RFC 791, 3.2 */
#define IPV6_LEAST_MTU 1280 /* RFC 8200, 5 */

/*
 * Whether a packet that the skb will be cut into, with so much payload each, is no longer than the frame
 * may be. Of UDP's two kinds of cutting one counts its header to the payload: none is lost for that.
 */
static __always_inline bool segments_fit(const struct packet *packet, __u8 protocol, __u32 l4,
					 __u32 segment, __u32 most)
{
	const struct tcp_header *tcp = NULL;

	if (protocol == PROTOCOL_TCP)
		tcp = frame_at(packet, l4, TCP_HEADER);
	return segment == GSO_BY_FRAGMENTS ||
	       l4 + (tcp ? (tcp->data_offset >> 4) * 4 : 0) + segment <= most;
}

/* Whether the receiver's way takes the frame, in one piece or in those that it will be cut into. */
static __always_inline bool fits_way(const struct packet *packet, __u8 protocol, __u32 l4)
{
	__u32 most = packet->out->mtu + ETHERNET_HEADER;
	__u32 segment;

	if (packet->length <= most)
		return true;
	segment = frame_segment(packet);
	return segment && segments_fit(packet, protocol, l4, segment, most);
}

static __noinline int answer_size(struct packet *packet)
{
	__u32 mtu;

	if (!packet->out || fits_way(packet, packet->tuple.protocol, packet->l4))
		return 0;
	mtu = packet->out->mtu;
	packet->stages |= 1 << STAGE_ROUTE;
	/* What is no way for this version of IP has no size to be told. */
	if (mtu < (packet->ipv6 ? IPV6_LEAST_MTU : IPV4_LEAST_MTU))
		return DROP_TOO_BIG;
	return answer_error(packet, DROP_TOO_BIG, mtu);
}

static __always_inline int limit_size(struct packet *packet)
{
	if (!packet->out || packet->length <= packet->out->mtu + ETHERNET_HEADER)
		return 0;
	return answer_size(packet);
}

#endif
