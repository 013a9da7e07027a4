/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The IP headers: from packet->l3 to packet->l4, with every length checked against the frame and
 * against each other. Bytes behind the IP packet are padding and ignored.
 */
#ifndef SLUICE_BPF_PARSE_IP_H
#define SLUICE_BPF_PARSE_IP_H

#include "bpf/frame.h"
#include "bpf/headers.h"

#define IPV4_OPTIONS_LENGTH 40
#define IPV6_EXTENSIONS 8 /* the most in one packet */
#define IP_LENGTH_LIMIT 65535

enum ipv4_option {
	IPV4_OPTION_END = 0,
	IPV4_OPTION_NOTHING = 1,
	IPV4_OPTION_LOOSE_ROUTE = 131,
	IPV4_OPTION_STRICT_ROUTE = 137,
};

enum address_class {
	ADDRESS_UNICAST,
	ADDRESS_UNSPECIFIED,
	ADDRESS_GROUP,  /* multicast or the limited broadcast */
	ADDRESS_NOBODY, /* never on a wire: loopback, 0.0.0.0/8, IPv4-mapped in an IPv6 header */
};

static __always_inline enum address_class address_class(const struct packet *packet,
							const struct ip_address *address)
{
	__u32 ipv4 = bpf_ntohl(address->words[3]);

	if (packet->ipv6) {
		if (address->bytes[0] == 0xff)
			return ADDRESS_GROUP;
		if (address->halves[0])
			return ADDRESS_UNICAST;
		if (!address->halves[1])
			return ADDRESS_UNSPECIFIED;
		return address->halves[1] == bpf_cpu_to_be64(1) ||
				       address->words[2] == bpf_htonl(0xffff) ?
			       ADDRESS_NOBODY :
			       ADDRESS_UNICAST;
	}
	if (!ipv4)
		return ADDRESS_UNSPECIFIED;
	if (ipv4 >> 24 == 0 || ipv4 >> 24 == 127)
		return ADDRESS_NOBODY;
	return ipv4 >> 28 == 14 || ipv4 == 0xffffffff ? ADDRESS_GROUP : ADDRESS_UNICAST;
}

/* A host that has no address yet speaks to groups only (DHCP, duplicate address detection); those
 * packets meet their own reasons later. */
static __always_inline int check_addresses(const struct packet *packet)
{
	enum address_class source = address_class(packet, &packet->tuple.source);
	enum address_class destination = address_class(packet, &packet->tuple.destination);

	if (source == ADDRESS_NOBODY || source == ADDRESS_GROUP)
		return DROP_IP_ADDRESS;
	if (source == ADDRESS_UNSPECIFIED && destination != ADDRESS_GROUP)
		return DROP_IP_ADDRESS;
	if (destination == ADDRESS_NOBODY || destination == ADDRESS_UNSPECIFIED)
		return DROP_IP_ADDRESS;
	return 0;
}

/* Notes what is wrong with the packet; the first fault is the one it is dropped for. */
static __always_inline void note_flaw(struct packet *packet, int reason)
{
	if (reason && !packet->flaw)
		packet->flaw = reason;
}

static __noinline int parse_ipv4_options(struct packet *packet, __u32 length)
{
	__u32 base = packet->l3 + IPV4_HEADER;
	__u32 offset = 0;

	for (int i = 0; i < IPV4_OPTIONS_LENGTH; i++) {
		const __u8 *kind, *size;

		if (offset >= length)
			return 0;
		kind = frame_at(packet, base + offset, 1);
		if (!kind || *kind == IPV4_OPTION_LOOSE_ROUTE || *kind == IPV4_OPTION_STRICT_ROUTE)
			return DROP_IP_OPTIONS;
		if (*kind == IPV4_OPTION_END)
			return 0;
		if (*kind == IPV4_OPTION_NOTHING) {
			offset++;
		} else {
			size = frame_at(packet, base + offset + 1, 1);
			if (!size || *size < 2 || offset + *size > length)
				return DROP_IP_OPTIONS;
			offset += *size;
		}
		/* The verifier then sees the same bounds in each turn. */
		offset &= 63;
	}
	return 0;
}

/* Marks the packet a fragment of bytes [offset, offset + length) of its datagram. offset is a
 * multiple of 8. */
static __always_inline int set_fragment(struct packet *packet, __u32 offset, __u32 length,
					bool more, int malformed)
{
	packet->fragment = offset ? TRACE_FRAGMENT_LATER : TRACE_FRAGMENT_FIRST;
	packet->fragment_more = more;
	packet->fragment_begin = offset / 8;
	packet->fragment_end = (offset + length + 7) / 8;
	if ((more && length % 8) || offset + length > IP_LENGTH_LIMIT)
		return malformed;
	return length ? 0 : DROP_FRAGMENT_TINY;
}

static __always_inline void set_mapped(struct ip_address *address, __be32 ipv4)
{
	address->halves[0] = 0;
	/* One store of eight bytes: the table compares as many, and a load of two stores waits. */
	address->halves[1] = bpf_cpu_to_be64(0xffff00000000ULL | bpf_ntohl(ipv4));
}

static __always_inline int parse_ipv4(struct packet *packet)
{
	const struct ipv4_header *ip = frame_reach(packet, packet->l3, IPV4_HEADER);
	__u32 header, total, fragment;

	if (!ip || ip->version_length >> 4 != 4)
		return DROP_IP_HEADER;
	header = (ip->version_length & 15) * 4;
	total = bpf_ntohs(ip->total_length);
	set_mapped(&packet->tuple.source, ip->source);
	set_mapped(&packet->tuple.destination, ip->destination);
	packet->tuple.protocol = ip->protocol;
	packet->ttl = ip->ttl;
	packet->ip_length = total;
	packet->has |= PARSED_ADDRESSES;
	fragment = bpf_ntohs(ip->fragment);
	if (fragment & (IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET)) {
		packet->fragment_id = ip->id;
		note_flaw(packet, set_fragment(packet, (fragment & IPV4_FRAGMENT_OFFSET) * 8,
					       total - header, fragment & IPV4_MORE_FRAGMENTS,
					       DROP_IP_HEADER));
		forget(packet);
	}
	if (header < IPV4_HEADER || total < header)
		return DROP_IP_HEADER;
	packet->l4 = packet->l3 + header;
	if (packet->l3 + total > packet->length)
		note_flaw(packet, DROP_IP_HEADER);
	if (header > IPV4_HEADER) {
		/* Makes the options linear; they lie within the packet, so this can not fail but
		 * for want of memory. */
		if (!frame_reach(packet, packet->l4 - 1, 1))
			return DROP_IP_OPTIONS;
		note_flaw(packet, parse_ipv4_options(packet, header - IPV4_HEADER));
		forget(packet);
	}
	note_flaw(packet, check_addresses(packet));
	return 0;
}

static __always_inline int parse_ipv6_fragment(struct packet *packet,
					       const struct ipv6_fragment *header, __u32 length)
{
	__u32 offset = bpf_ntohs(header->offset) & ~7U;
	bool more = bpf_ntohs(header->offset) & 1;

	packet->fragment_id = header->id;
	if (!offset && !more)
		return 0; /* an atomic fragment is a whole packet (RFC 6946) */
	return set_fragment(packet, offset, length, more, DROP_IPV6_EXTENSIONS);
}

static __always_inline bool is_extension(__u8 protocol)
{
	return protocol == PROTOCOL_HOP_BY_HOP || protocol == PROTOCOL_ROUTING ||
	       protocol == PROTOCOL_FRAGMENT || protocol == PROTOCOL_DESTINATION_OPTIONS;
}

/* What is wrong with the extension header of this kind, the first: nothing was before it. */
static __always_inline int check_extension(const struct packet *packet,
					   const struct ipv6_extension *extension, __u8 kind,
					   bool first)
{
	if (kind == PROTOCOL_HOP_BY_HOP && !first)
		return DROP_IPV6_EXTENSIONS;
	/* The destination in the header would not be where the packet ends up. */
	if (kind == PROTOCOL_ROUTING && (extension->type == 0 || extension->segments_left))
		return DROP_IP_OPTIONS;
	return 0;
}

/* Walks the extension headers up to the transport, or up to a later fragment's payload. */
static __noinline int parse_ipv6_extensions(struct packet *packet, __u8 kind)
{
	__u32 end = packet->l3 + packet->ip_length;
	__u32 offset = packet->l3 + IPV6_HEADER;
	bool fragmented = false;

	for (int i = 0; i < IPV6_EXTENSIONS && is_extension(kind); i++) {
		const struct ipv6_extension *extension = NULL;
		__u32 size = 8;
		int reason;

		if (offset + size <= end)
			extension = frame_reach(packet, offset, sizeof(*extension));
		if (extension && kind != PROTOCOL_FRAGMENT)
			size += extension->length * 8;
		if (!extension || offset + size > end)
			return packet->fragment ? DROP_FRAGMENT_TINY : DROP_IPV6_EXTENSIONS;
		offset += size;
		if (kind != PROTOCOL_FRAGMENT)
			reason = check_extension(packet, extension, kind, i == 0);
		else if (fragmented)
			return DROP_IPV6_EXTENSIONS;
		else
			reason = parse_ipv6_fragment(packet, (const void *)extension, end - offset);
		note_flaw(packet, reason);
		fragmented |= kind == PROTOCOL_FRAGMENT;
		kind = extension->next;
		packet->tuple.protocol = kind;
		if (packet->fragment == TRACE_FRAGMENT_LATER)
			return 0;
		packet->l4 = offset;
		if (offset > FRAME_HEADERS_LIMIT)
			return DROP_IPV6_EXTENSIONS;
	}
	return is_extension(kind) ? DROP_IPV6_EXTENSIONS : 0;
}

static __always_inline int parse_ipv6(struct packet *packet)
{
	const struct ipv6_header *ip = frame_reach(packet, packet->l3, IPV6_HEADER);
	__u32 total;
	__u8 next;

	if (!ip || bpf_ntohl(ip->version_flow) >> 28 != 6)
		return DROP_IP_HEADER;
	total = IPV6_HEADER + bpf_ntohs(ip->payload_length);
	packet->ipv6 = 1;
	packet->tuple.source = ip->source;
	packet->tuple.destination = ip->destination;
	packet->ttl = ip->hop_limit;
	packet->ip_length = total;
	packet->l4 = packet->l3 + IPV6_HEADER;
	packet->has |= PARSED_ADDRESSES;
	next = ip->next;
	packet->tuple.protocol = next;
	if (packet->l3 + total > packet->length)
		note_flaw(packet, DROP_IP_HEADER);
	if (is_extension(next)) {
		int reason = parse_ipv6_extensions(packet, next);

		forget(packet);
		if (reason)
			return reason;
	}
	note_flaw(packet, check_addresses(packet));
	return 0;
}

#endif
