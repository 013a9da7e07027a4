/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * "Time exceeded", built in place around the packet whose hops ran out: the frame is cut to what
 * is quoted, and the room for the new headers is opened in front of it.
 */
#ifndef SLUICE_BPF_ICMP_ERROR_H
#define SLUICE_BPF_ICMP_ERROR_H

#include "bpf/answer_echo.h"

#define ERROR_QUOTED_PAYLOAD 64 /* bytes quoted behind the packet's own IP header */
#define ERROR_QUOTED_WORDS ((60 + ERROR_QUOTED_PAYLOAD) / 4)
#define IPV4_NETWORK_CONTROL 0xc0 /* the type of service of errors (RFC 1812, 4.3.2.5) */

struct ipv4_error {
	struct ethernet_header ethernet;
	struct ipv4_header ip;
	struct icmp_header icmp;
} __attribute__((packed));

struct ipv6_error {
	struct ethernet_header ethernet;
	struct ipv6_header ip;
	struct icmp_header icmp;
} __attribute__((packed));

/* Sum of the quoted bytes, which begin at offset. */
static __always_inline __u64 sum_quoted(const struct packet *packet, __u32 offset, __u32 size)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < ERROR_QUOTED_WORDS; i++) {
		const __u32 *word;

		if (i * 4 >= size)
			break;
		word = frame_at(packet, offset + i * 4, sizeof(*word));
		if (!word)
			break;
		sum += *word;
	}
	return sum;
}

static __always_inline int write_ipv4_error(const struct packet *packet, __be32 gateway,
					    __u32 quoted)
{
	__u64 sum = sum_quoted(packet, sizeof(struct ipv4_error), quoted);
	struct ipv4_error *error = frame_at(packet, 0, sizeof(*error));

	if (!error)
		return DROP_REWRITE_FAILED;
	return_ethernet(packet, error);
	error->ethernet.type = bpf_htons(ETHERTYPE_IPV4);
	error->ip = (struct ipv4_header){
		.version_length = 4 << 4 | IPV4_HEADER / 4,
		.service = IPV4_NETWORK_CONTROL,
		.total_length = bpf_htons(IPV4_HEADER + ICMP_HEADER + quoted),
		.ttl = ANSWER_HOP_LIMIT,
		.protocol = PROTOCOL_ICMP,
		.source = gateway,
		.destination = packet->tuple.source.words[3],
	};
	error->ip.checksum = checksum_fold(checksum_add(0, &error->ip, IPV4_HEADER));
	error->icmp = (struct icmp_header){.type = ICMP_TIME_EXCEEDED};
	error->icmp.checksum = checksum_fold(checksum_add(sum, &error->icmp, ICMP_HEADER));
	return LEAVE_ANSWERED;
}

static __always_inline int write_ipv6_error(const struct packet *packet,
					    const struct ip_address *gateway, __u32 quoted)
{
	__u64 sum = sum_quoted(packet, sizeof(struct ipv6_error), quoted);
	struct ipv6_error *error = frame_at(packet, 0, sizeof(*error));

	if (!error)
		return DROP_REWRITE_FAILED;
	return_ethernet(packet, error);
	error->ethernet.type = bpf_htons(ETHERTYPE_IPV6);
	error->ip = (struct ipv6_header){
		.version_flow = bpf_htonl(6U << 28),
		.payload_length = bpf_htons(ICMP_HEADER + quoted),
		.next = PROTOCOL_ICMPV6,
		.hop_limit = ANSWER_HOP_LIMIT,
		.source = *gateway,
		.destination = packet->tuple.source,
	};
	error->icmp = (struct icmp_header){.type = ICMPV6_TIME_EXCEEDED};
	sum += bpf_htonl(ICMP_HEADER + quoted) + (__u64)bpf_htonl(PROTOCOL_ICMPV6);
	sum = checksum_add(sum, &error->ip.source, 2 * sizeof(struct ip_address));
	error->icmp.checksum = checksum_fold(checksum_add(sum, &error->icmp, ICMP_HEADER));
	return LEAVE_ANSWERED;
}

/* Answers from the gateway of the sender's subnet. Nobody is told of an error in an error or in a
 * later fragment (RFC 1122, 3.2.2; RFC 4443, 2.4), and without a gateway there is no sender. */
static __noinline int answer_time_exceeded(struct packet *packet)
{
	const struct subnet *subnet = table_at(packet->in->subnet);
	__u32 header = packet->ipv6 ? IPV6_HEADER : packet->l4 - ETHERNET_HEADER;
	__u32 quoted = header + ERROR_QUOTED_PAYLOAD;
	const struct ip_address *gateway;

	if (!subnet || packet->kind == PACKET_ICMP_ERROR ||
	    packet->fragment == TRACE_FRAGMENT_LATER)
		return DROP_HOP_LIMIT;
	gateway = packet->ipv6 ? &subnet->gateway6 : &subnet->gateway4;
	if (address_is_zero(gateway))
		return DROP_HOP_LIMIT;
	if (quoted > packet->ip_length)
		quoted = packet->ip_length;
	quoted &= ~3U; /* whole words: the last odd bytes tell nobody anything */
	if (frame_set_length(packet, ETHERNET_HEADER + quoted))
		return DROP_REWRITE_FAILED;
	if (packet->ipv6) {
		if (frame_grow_front(packet, sizeof(struct ipv6_error) - ETHERNET_HEADER))
			return DROP_REWRITE_FAILED;
		return write_ipv6_error(packet, gateway, quoted);
	}
	if (frame_grow_front(packet, sizeof(struct ipv4_error) - ETHERNET_HEADER))
		return DROP_REWRITE_FAILED;
	return write_ipv4_error(packet, gateway->words[3], quoted);
}

#endif
