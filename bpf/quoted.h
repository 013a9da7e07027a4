/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors quote the packet that caused them. An error is related to the flow of that packet if
 * the flow lives, and believed only from the port the quoted packet went to: nobody else was in a
 * position to see it. (The switch's own errors are made behind this stage.)
 */
#ifndef SLUICE_BPF_QUOTED_H
#define SLUICE_BPF_QUOTED_H

#include "bpf/frame.h"
#include "bpf/legs.h"

#define ICMP_ERROR_BURST  64
#define QUOTED_EXTENSIONS 6 /* IPv6 extension headers looked behind */

struct quoted {
	struct tuple tuple;
	__be16 icmp_identifier;
};

static __always_inline void quoted_ipv4_address(struct ip_address *address, __be32 ipv4)
{
	address->halves[0] = 0;
	address->words[2] = bpf_htonl(0xffff);
	address->words[3] = ipv4;
}

/* Offset of the quoted transport header, or 0 when there is none to read. */
static __always_inline __u32 quoted_ipv4(struct packet *packet, struct quoted *quoted)
{
	__u32 offset = packet->l4 + ICMP_HEADER;
	const struct iphdr *ip = frame_reach(packet, offset, sizeof(*ip));

	if (!ip || ip->version != 4 || ip->ihl < 5 || bpf_ntohs(ip->frag_off) & 0x1fff)
		return 0;
	quoted_ipv4_address(&quoted->tuple.source, ip->saddr);
	quoted_ipv4_address(&quoted->tuple.destination, ip->daddr);
	quoted->tuple.protocol = ip->protocol;
	return offset + ip->ihl * 4;
}

static __always_inline __u32 quoted_ipv6(struct packet *packet, struct quoted *quoted)
{
	__u32 offset = packet->l4 + ICMP_HEADER;
	const struct ipv6hdr *ip = frame_reach(packet, offset, sizeof(*ip));
	__u8 protocol;

	if (!ip || ip->version != 6)
		return 0;
	__builtin_memcpy(&quoted->tuple.source, &ip->saddr, sizeof(struct ip_address));
	__builtin_memcpy(&quoted->tuple.destination, &ip->daddr, sizeof(struct ip_address));
	protocol = ip->nexthdr;
	offset += sizeof(*ip);
	for (int i = 0; i < QUOTED_EXTENSIONS; i++) {
		const __u8 *extension;

		quoted->tuple.protocol = protocol;
		if (protocol != PROTOCOL_HOP_BY_HOP && protocol != PROTOCOL_ROUTING &&
		    protocol != PROTOCOL_DESTINATION_OPTIONS && protocol != PROTOCOL_FRAGMENT)
			return offset;
		extension = frame_reach(packet, offset, 8);
		if (!extension)
			return 0;
		if (protocol == PROTOCOL_FRAGMENT) {
			if (extension[2] || extension[3] & 0xf8)
				return 0; /* a later fragment */
			offset += 8;
		} else {
			offset += (extension[1] + 1) * 8;
		}
		protocol = extension[0];
	}
	return 0;
}

static __always_inline bool quoted_transport(struct packet *packet, struct quoted *quoted,
					     __u32 offset)
{
	struct tuple *tuple = &quoted->tuple;
	const __be16 *words;

	tuple->has_ports = protocol_has_ports(tuple->protocol);
	if (!tuple->has_ports && !is_icmp(tuple->protocol))
		return true;
	words = frame_reach(packet, offset, 8);
	if (!words)
		return false;
	if (tuple->has_ports) {
		tuple->source_port = words[0];
		tuple->destination_port = words[1];
		return true;
	}
	tuple->icmp_type = bpf_ntohs(words[0]) >> 8;
	tuple->icmp_code = bpf_ntohs(words[0]) & 0xff;
	quoted->icmp_identifier = words[2];
	return true;
}

static __always_inline bool read_quoted(struct packet *packet, struct quoted *quoted)
{
	__u32 offset;

	if (packet->fragment != TRACE_FRAGMENT_NO)
		return false;
	offset = packet->ipv6 ? quoted_ipv6(packet, quoted) : quoted_ipv4(packet, quoted);
	return offset && quoted_transport(packet, quoted, offset) &&
	       address_equal(&packet->tuple.destination, &quoted->tuple.source);
}

/*
 * Each error about a flow uses up one tick of its allowance, which grows with time up to
 * ICMP_ERROR_BURST ticks: fifteen errors a second in the long run. Two CPUs that count at once may let
 * one more pass.
 */
static __always_inline bool error_is_due(const struct packet *packet, struct flow *flow)
{
	struct flow_detail *detail = flow_detail(flow);
	__u32 due;

	if (!detail)
		return false;
	due = READ_ONCE(detail->error_due);
	if ((__s32)(due - packet->now) < 0)
		due = packet->now;
	if (due - packet->now >= ICMP_ERROR_BURST)
		return false;
	if (!packet->read_only)
		WRITE_ONCE(detail->error_due, due + 1);
	return true;
}

/* Finds the flow an ICMP error belongs to. The error runs against the packet it quotes. */
static __noinline int find_quoted_flow(struct packet *packet)
{
	struct quoted quoted = {};
	struct flow *flow;

	packet->state = TRACE_STATE_INVALID;
	if (!read_quoted(packet, &quoted))
		return DROP_ICMP_UNRELATED;
	flow = find_leg(packet, &quoted.tuple,
			quoted.icmp_identifier | KEY_QUOTED << LEG_FORM_SHIFT,
			port_vni(packet->in));
	if (!flow || !is_own_leg(packet, flow, KEY_QUOTED) ||
	    !flow_unchanged(flow, packet->flow_claim))
		return DROP_ICMP_UNRELATED;
	if (!error_is_due(packet, flow))
		return DROP_ICMP_RATE;
	packet->direction = far_end(packet);
	packet->flow = flow;
	packet->state = TRACE_STATE_RELATED;
	return 0;
}

#endif
