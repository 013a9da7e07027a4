/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The transport header at packet->l4. In a first fragment it must be there as a whole (RFC 7112);
 * in later fragments there is none, and nothing is read as if it were.
 */
#ifndef SLUICE_BPF_PARSE_TRANSPORT_H
#define SLUICE_BPF_PARSE_TRANSPORT_H

#include "bpf/parse_neighbor.h"

/* Bytes of IP payload behind packet->l4. */
static __always_inline __u32 transport_length(const struct packet *packet)
{
	return packet->l3 + packet->ip_length - packet->l4;
}

/* The header of size bytes at packet->l4, or NULL when the IP packet ends before it does. */
static __always_inline const void *transport_header(struct packet *packet, __u32 size)
{
	if (transport_length(packet) < size)
		return NULL;
	return frame_reach(packet, packet->l4, size);
}

/* Why a header that is not there as a whole gets the packet dropped. */
static __always_inline int transport_cut(const struct packet *packet)
{
	return packet->fragment ? DROP_FRAGMENT_TINY : DROP_L4_HEADER;
}

static __always_inline void set_ports(struct packet *packet, __be16 source, __be16 destination)
{
	packet->tuple.has_ports = 1;
	packet->tuple.source_port = source;
	packet->tuple.destination_port = destination;
	packet->has |= PARSED_PORTS;
}

/* Combinations of flags that no stack sends. Every segment but the first and a reset carries an
 * acknowledgment, which leaves nothing to null and Xmas scans. */
static __always_inline int check_tcp_flags(__u8 flags)
{
	if ((flags & TCP_SYN) && (flags & (TCP_FIN | TCP_RST)))
		return DROP_TCP_FLAGS;
	if ((flags & TCP_FIN) && (flags & TCP_RST))
		return DROP_TCP_FLAGS;
	return flags & (TCP_SYN | TCP_RST | TCP_ACK) ? 0 : DROP_TCP_FLAGS;
}

static __always_inline int parse_tcp(struct packet *packet)
{
	const struct tcp_header *tcp = transport_header(packet, TCP_HEADER);
	__u32 header;

	if (!tcp)
		return transport_cut(packet);
	set_ports(packet, tcp->source_port, tcp->destination_port);
	packet->tcp_flags = tcp->flags;
	packet->tcp_sequence = bpf_ntohl(tcp->sequence);
	packet->tcp_acknowledgment = bpf_ntohl(tcp->acknowledgment);
	packet->has |= PARSED_TCP_FLAGS;
	header = (tcp->data_offset >> 4) * 4;
	if (header < TCP_HEADER)
		return DROP_L4_HEADER;
	if (header > transport_length(packet))
		return transport_cut(packet);
	return check_tcp_flags(tcp->flags);
}

/* The length of UDP is that of the datagram, of which a first fragment holds a part. */
static __always_inline int parse_udp(struct packet *packet)
{
	const struct udp_header *udp = transport_header(packet, UDP_HEADER);
	__u32 length;

	if (!udp)
		return transport_cut(packet);
	set_ports(packet, udp->source_port, udp->destination_port);
	length = bpf_ntohs(udp->length);
	if (length < UDP_HEADER)
		return DROP_L4_HEADER;
	if (packet->fragment)
		return length < transport_length(packet) ? DROP_L4_HEADER : 0;
	return length > transport_length(packet) ? DROP_L4_HEADER : 0;
}

static __always_inline int parse_sctp(struct packet *packet)
{
	const struct sctp_header *sctp = transport_header(packet, SCTP_HEADER);

	if (!sctp)
		return transport_cut(packet);
	set_ports(packet, sctp->source_port, sctp->destination_port);
	return 0;
}

static __always_inline bool is_icmp_error(const struct packet *packet, __u8 type)
{
	if (packet->ipv6)
		return type < ICMPV6_FIRST_QUERY;
	return type == ICMP_UNREACHABLE || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER_PROBLEM;
}

/* Echo, and IPv4's timestamp, pair requests with replies by an identifier. */
static __always_inline bool has_identifier(const struct packet *packet, __u8 type)
{
	if (packet->ipv6)
		return type == ICMPV6_ECHO_REQUEST || type == ICMPV6_ECHO_REPLY;
	return type == ICMP_ECHO_REQUEST || type == ICMP_ECHO_REPLY ||
	       type == ICMP_TIMESTAMP_REQUEST || type == ICMP_TIMESTAMP_REPLY;
}

static __always_inline int parse_icmp(struct packet *packet)
{
	const struct icmp_header *icmp = transport_header(packet, ICMP_HEADER);
	__u8 type;

	if (!icmp)
		return transport_cut(packet);
	type = icmp->type;
	packet->tuple.icmp_type = type;
	packet->tuple.icmp_code = icmp->code;
	packet->has |= PARSED_ICMP;
	if (is_icmp_error(packet, type))
		packet->kind = PACKET_ICMP_ERROR;
	else if (has_identifier(packet, type))
		packet->icmp_identifier = icmp->identifier;
	if (packet->ipv6 && (type == ICMPV6_NEIGHBOR_SOLICITATION ||
			     type == ICMPV6_NEIGHBOR_ADVERTISEMENT))
		return parse_nd(packet);
	return 0;
}

/* Bytes of a transport's header that no later fragment may write over (RFC 1858, RFC 3128). */
static __always_inline __u32 fixed_header(const struct packet *packet)
{
	switch (packet->tuple.protocol) {
	case PROTOCOL_TCP:
		return TCP_HEADER;
	case PROTOCOL_SCTP:
		return SCTP_HEADER;
	}
	return 0;
}

static __always_inline int parse_transport(struct packet *packet)
{
	__u8 protocol = packet->tuple.protocol;

	if (packet->kind == PACKET_ARP)
		return 0;
	if (packet->fragment == TRACE_FRAGMENT_LATER) {
		packet->l4 = 0;
		return packet->fragment_begin * 8 < fixed_header(packet) ? DROP_FRAGMENT_TINY : 0;
	}
	if (protocol == PROTOCOL_TCP)
		return parse_tcp(packet);
	if (protocol == PROTOCOL_UDP)
		return parse_udp(packet);
	/* Rules and flows of ICMP must not meet the other family's, whose types mean other things. */
	if (is_icmp(protocol))
		return protocol == (packet->ipv6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP) ?
			       parse_icmp(packet) :
			       DROP_L4_HEADER;
	if (protocol == PROTOCOL_SCTP)
		return parse_sctp(packet);
	return 0;
}

#endif
