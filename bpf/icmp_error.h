/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a router tells the sender of a packet that it can not send on: "time exceeded", "fragmentation
 * needed" and "packet too big", built in place around that packet: the frame is cut to what is quoted,
 * and the room for the new headers is opened in front of it.
 */
#ifndef SLUICE_BPF_ICMP_ERROR_H
#define SLUICE_BPF_ICMP_ERROR_H

#include "bpf/answer_echo.h"
#include "maps/errors.h"

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
					    __u32 quoted, const struct icmp_header *says)
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
	error->icmp = *says;
	error->icmp.checksum = checksum_fold(checksum_add(sum, &error->icmp, ICMP_HEADER));
	return LEAVE_ANSWERED;
}

static __always_inline int write_ipv6_error(const struct packet *packet,
					    const struct ip_address *gateway, __u32 quoted,
					    const struct icmp_header *says)
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
	error->icmp = *says;
	sum += bpf_htonl(ICMP_HEADER + quoted) + (__u64)bpf_htonl(PROTOCOL_ICMPV6);
	sum = checksum_add(sum, &error->ip.source, 2 * sizeof(struct ip_address));
	error->icmp.checksum = checksum_fold(checksum_add(sum, &error->icmp, ICMP_HEADER));
	return LEAVE_ANSWERED;
}

/* Takes one from what the sender may be told in this second; false when it is used up. */
static __always_inline bool take_error(const struct packet *packet)
{
	__u32 slot = packet->in_slot, second = packet->now / FLOW_TICKS_PER_SECOND;
	struct error_budget *budget = bpf_map_lookup_elem(&error_budgets, &slot);

	if (packet->tracing)
		return true;
	if (!budget)
		return false;
	if (budget->second != second) {
		budget->second = second;
		budget->sent = 0;
	}
	if (budget->sent >= ERRORS_PER_SECOND)
		return false;
	budget->sent++;
	return true;
}

/* The gateway of the sender's subnet, which speaks for the switch; NULL: it has none. */
static __always_inline const struct ip_address *sender_gateway(const struct packet *packet)
{
	const struct subnet *subnet = table_at(packet->in->subnet);
	const struct ip_address *gateway;

	if (!subnet)
		return NULL;
	gateway = packet->ipv6 ? &subnet->gateway6 : &subnet->gateway4;
	return address_is_zero(gateway) ? NULL : gateway;
}

/* The header of the error that stands for a drop reason. An MTU that IPv4 has room for is all there is. */
static __always_inline struct icmp_header error_header(const struct packet *packet, int reason,
						       __u32 mtu)
{
	if (reason == DROP_HOP_LIMIT)
		return (struct icmp_header){
			.type = packet->ipv6 ? ICMPV6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED };
	return (struct icmp_header){
		.type = packet->ipv6 ? ICMPV6_PACKET_TOO_BIG : ICMP_UNREACHABLE,
		.code = packet->ipv6 ? 0 : ICMP_FRAGMENTATION_NEEDED,
		.sequence = bpf_htons(mtu),
	};
}

/* Cuts the packet to what is quoted of it, and opens the room for the error's headers. */
static __always_inline int make_room(struct packet *packet, __u32 quoted)
{
	__u32 headers = packet->ipv6 ? sizeof(struct ipv6_error) : sizeof(struct ipv4_error);

	return frame_set_length(packet, ETHERNET_HEADER + quoted) ?:
	       frame_grow_front(packet, headers - ETHERNET_HEADER);
}

/* Answers the packet, which for `reason` goes no further. Nobody is told of an error in an error or in a
 * later fragment (RFC 1122, 3.2.2; RFC 4443, 2.4), nor more often than ERRORS_PER_SECOND. */
static __noinline int answer_error(struct packet *packet, int reason, __u32 mtu)
{
	__u32 header = packet->ipv6 ? IPV6_HEADER : packet->l4 - ETHERNET_HEADER;
	__u32 quoted = header + ERROR_QUOTED_PAYLOAD;
	const struct ip_address *gateway = sender_gateway(packet);
	struct icmp_header says = error_header(packet, reason, mtu);

	packet->stages |= 1 << STAGE_ROUTE;
	if (!gateway || packet->kind == PACKET_ICMP_ERROR ||
	    packet->fragment == TRACE_FRAGMENT_LATER || !take_error(packet))
		return reason;
	if (quoted > packet->ip_length)
		quoted = packet->ip_length;
	quoted &= ~3U; /* whole words: the last odd bytes tell nobody anything */
	if (make_room(packet, quoted))
		return DROP_REWRITE_FAILED;
	if (packet->ipv6)
		return write_ipv6_error(packet, gateway, quoted, &says);
	return write_ipv4_error(packet, gateway->words[3], quoted, &says);
}

#endif
