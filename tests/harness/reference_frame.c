/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame that a packet of the reference model decodes. */
#include "tests/harness/reference.h"

#include <netinet/in.h>
#include <string.h>

#include "tests/harness/reference_policy.h"

/* Bytes as they are appended. */
struct writer {
	unsigned char *at;
};

static void put(struct writer *writer, const void *bytes, size_t count)
{
	memcpy(writer->at, bytes, count);
	writer->at += count;
}

static void put8(struct writer *writer, unsigned int value)
{
	*writer->at++ = (unsigned char)value;
}

static void put16(struct writer *writer, unsigned int value)
{
	put8(writer, value >> 8);
	put8(writer, value & 0xff);
}

static void put32(struct writer *writer, unsigned int value)
{
	put16(writer, value >> 16);
	put16(writer, value & 0xffff);
}

static void put_address(struct writer *writer, const struct ip_address *address)
{
	if (reference_is_ipv4(address))
		put(writer, address->bytes + 12, 4);
	else
		put(writer, address->bytes, 16);
}

static void put_ethernet(struct writer *writer, const struct reference_packet *packet,
			 unsigned int type)
{
	put(writer, packet->destination_mac, 6);
	put(writer, packet->source_mac, 6);
	for (unsigned int i = 0; i < packet->vlan_count; i++) {
		put16(writer, 0x8100);
		put16(writer, 100 + i);
	}
	put16(writer, type);
}

/* The Internet checksum of a header with an even number of bytes. */
static unsigned int checksum(const unsigned char *bytes, size_t count)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < count; i += 2)
		sum += bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* What the IP header says. */
struct ip {
	struct ip_address source;
	struct ip_address destination;
	unsigned int protocol;
	unsigned int ttl;
	bool later_fragment;
};

/* An IP header for a payload of length bytes. A later fragment lies far behind any header. */
static void put_ip(struct writer *writer, const struct ip *ip, size_t length)
{
	unsigned char *header = writer->at;
	const unsigned int offset = 100; /* in units of 8 bytes */

	if (reference_is_ipv4(&ip->source)) {
		put16(writer, 0x4500);
		put16(writer, (unsigned int)length + 20);
		put16(writer, 0x1234);
		put16(writer, ip->later_fragment ? offset : 0);
		put8(writer, ip->ttl);
		put8(writer, ip->protocol);
		put16(writer, 0);
		put_address(writer, &ip->source);
		put_address(writer, &ip->destination);
		writer->at = header + 10;
		put16(writer, checksum(header, 20));
		writer->at = header + 20;
		return;
	}
	put32(writer, 0x60000000);
	put16(writer, (unsigned int)length + (ip->later_fragment ? 8 : 0));
	put8(writer, ip->later_fragment ? IPPROTO_FRAGMENT : ip->protocol);
	put8(writer, ip->ttl);
	put_address(writer, &ip->source);
	put_address(writer, &ip->destination);
	if (ip->later_fragment) {
		put8(writer, ip->protocol);
		put8(writer, 0);
		put16(writer, offset << 3);
		put32(writer, 0x1234);
	}
}

static void put_tcp(struct writer *writer, const struct reference_packet *packet)
{
	put16(writer, packet->source_port);
	put16(writer, packet->destination_port);
	put32(writer, packet->tcp_sequence);
	put32(writer, packet->tcp_acknowledgment);
	put8(writer, 5 << 4);
	put8(writer, packet->tcp_flags);
	put16(writer, 1000);
	put32(writer, 0);
}

static void put_udp(struct writer *writer, unsigned int source, unsigned int destination)
{
	put16(writer, source);
	put16(writer, destination);
	put16(writer, 8);
	put16(writer, 0);
}

static void put_icmp(struct writer *writer, unsigned int type, unsigned int code, unsigned int id)
{
	put8(writer, type);
	put8(writer, code);
	put16(writer, 0);
	put16(writer, id);
	put16(writer, 1);
}

/* An error quotes the IP header and eight bytes. */
static void put_quoted(struct writer *writer, const struct reference_packet *packet)
{
	struct ip ip = { packet->quoted.source, packet->quoted.destination, packet->quoted.protocol,
			 63, false };

	put_icmp(writer, packet->icmp_type, packet->icmp_code, 0);
	put_ip(writer, &ip, 8);
	if (ip.protocol == IPPROTO_ICMP || ip.protocol == IPPROTO_ICMPV6)
		put_icmp(writer, packet->quoted.icmp_type, packet->quoted.icmp_code,
			 packet->quoted.icmp_id);
	else
		put_udp(writer, packet->quoted.source_port, packet->quoted.destination_port);
}

static void put_solicitation(struct writer *writer, const struct reference_packet *packet)
{
	put8(writer, 135);
	put8(writer, 0);
	put16(writer, 0);
	put32(writer, 0);
	put(writer, packet->target.bytes, 16);
	put8(writer, 1); /* source link-layer address */
	put8(writer, 1);
	put(writer, packet->sender_mac, 6);
}

static void put_transport(struct writer *writer, const struct reference_packet *packet)
{
	if (packet->kind == REFERENCE_ICMP_ERROR)
		put_quoted(writer, packet);
	else if (packet->kind == REFERENCE_SOLICIT)
		put_solicitation(writer, packet);
	else if (packet->protocol == IPPROTO_TCP)
		put_tcp(writer, packet);
	else if (packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6)
		put_icmp(writer, packet->icmp_type, packet->icmp_code, packet->icmp_id);
	else
		put_udp(writer, packet->source_port, packet->destination_port);
	if (packet->protocol == IPPROTO_SCTP)
		put32(writer, 0); /* its header has twelve bytes */
}

static void put_arp(struct writer *writer, const struct reference_packet *packet)
{
	static const unsigned char nobody[6];

	put16(writer, 1);
	put16(writer, 0x0800);
	put8(writer, 6);
	put8(writer, 4);
	put16(writer, 1); /* a request */
	put(writer, packet->sender_mac, 6);
	put(writer, packet->source.bytes + 12, 4);
	put(writer, nobody, 6);
	put(writer, packet->destination.bytes + 12, 4);
}

size_t reference_frame(const struct reference_packet *packet, unsigned char *frame)
{
	struct ip ip = { packet->source, packet->destination, packet->protocol, packet->ttl,
			 packet->later_fragment };
	unsigned char payload[128];
	struct writer writer = { payload }, out = { frame };

	if (packet->kind == REFERENCE_ARP) {
		put_ethernet(&out, packet, 0x0806);
		put_arp(&out, packet);
		return (size_t)(out.at - frame);
	}
	put_transport(&writer, packet);
	put_ethernet(&out, packet, reference_is_ipv4(&ip.source) ? 0x0800 : 0x86dd);
	put_ip(&out, &ip, (size_t)(writer.at - payload));
	put(&out, payload, (size_t)(writer.at - payload));
	return (size_t)(out.at - frame);
}
