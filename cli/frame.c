// SPDX-License-Identifier: BSD-2-Clause
/*
 * Building one frame, with the lengths and checksums a stack would give it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <string.h>

#include "cli/frame.h"

#define PROTOCOL_ICMP   1
#define PROTOCOL_TCP    6
#define PROTOCOL_UDP    17
#define PROTOCOL_ICMPV6 58
#define PROTOCOL_SCTP   132
#define HOP_LIMIT       64
#define OTHER_BYTES     16 /* of a protocol that is not looked into */

int tcp_flags_parse(const char *text, __u8 *flags)
{
	static const char letters[] = "FSRPAU";
	__u8 bits = 0;

	for (; *text; text++) {
		const char *letter = strchr(letters, *text >= 'a' ? *text - 'a' + 'A' : *text);

		if (!letter)
			return -EINVAL;
		bits |= 1 << (letter - letters);
	}
	*flags = bits;
	return 0;
}

static __u32 sum_words(const void *data, size_t length, __u32 sum)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < length; i++)
		sum += i & 1 ? bytes[i] : (__u32)bytes[i] << 8;
	return sum;
}

static __be16 fold(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((__u16)~sum);
}

/* The transport header and its payload behind the IP header. Gives their length. */
static size_t put_transport(const struct frame_plan *plan, int protocol, unsigned char *at)
{
	struct tcphdr tcp = { 0 };
	struct udphdr udp = { 0 };
	struct icmphdr icmp = { 0 };

	switch (protocol) {
	case PROTOCOL_TCP:
		tcp.source = htons(plan->source_port);
		tcp.dest = htons(plan->destination_port);
		tcp.doff = sizeof(tcp) / 4;
		tcp.window = htons(65535);
		memcpy(at, &tcp, sizeof(tcp));
		at[13] = plan->tcp_flags;
		return sizeof(tcp);
	case PROTOCOL_UDP:
		udp.source = htons(plan->source_port);
		udp.dest = htons(plan->destination_port);
		udp.len = htons(sizeof(udp) + OTHER_BYTES);
		memcpy(at, &udp, sizeof(udp));
		return sizeof(udp) + OTHER_BYTES;
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		icmp.type = protocol == PROTOCOL_ICMP ? ICMP_ECHO : ICMPV6_ECHO_REQUEST;
		icmp.un.echo.id = htons(1);
		icmp.un.echo.sequence = htons(1);
		memcpy(at, &icmp, sizeof(icmp));
		return sizeof(icmp) + OTHER_BYTES;
	case PROTOCOL_SCTP:
		memcpy(at, &(__be16){ htons(plan->source_port) }, 2);
		memcpy(at + 2, &(__be16){ htons(plan->destination_port) }, 2);
		return OTHER_BYTES;
	default:
		return OTHER_BYTES;
	}
}

static void put_checksum(const struct frame_plan *plan, int protocol, unsigned char *at,
			 size_t length)
{
	bool ipv4 = sluice_address_is_ipv4(&plan->source);
	size_t skip = ipv4 ? 12 : 0;
	size_t place = protocol == PROTOCOL_TCP ? 16 : protocol == PROTOCOL_UDP ? 6 : 2;
	__u32 sum = 0;
	__be16 checksum;

	if (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP && protocol != PROTOCOL_ICMP &&
	    protocol != PROTOCOL_ICMPV6)
		return;
	if (protocol != PROTOCOL_ICMP) {
		sum = sum_words(plan->source.bytes + skip, 16 - skip, sum);
		sum = sum_words(plan->destination.bytes + skip, 16 - skip, sum);
		sum += (__u32)length + (__u32)protocol;
	}
	checksum = fold(sum_words(at, length, sum));
	memcpy(at + place, &checksum, sizeof(checksum));
}

static size_t put_ip(const struct frame_plan *plan, int protocol, unsigned char *at, size_t payload)
{
	struct iphdr ip4 = { .version = 4, .ihl = 5, .ttl = HOP_LIMIT, .protocol = protocol };
	struct ipv6hdr ip6 = { .version = 6, .nexthdr = protocol, .hop_limit = HOP_LIMIT };

	if (sluice_address_is_ipv4(&plan->source)) {
		ip4.tot_len = htons(sizeof(ip4) + payload);
		ip4.frag_off = htons(0x4000);
		memcpy(&ip4.saddr, plan->source.bytes + 12, 4);
		memcpy(&ip4.daddr, plan->destination.bytes + 12, 4);
		ip4.check = fold(sum_words(&ip4, sizeof(ip4), 0));
		memcpy(at, &ip4, sizeof(ip4));
		return sizeof(ip4);
	}
	ip6.payload_len = htons(payload);
	memcpy(&ip6.saddr, plan->source.bytes, 16);
	memcpy(&ip6.daddr, plan->destination.bytes, 16);
	memcpy(at, &ip6, sizeof(ip6));
	return sizeof(ip6);
}

size_t frame_build(const struct frame_plan *plan, unsigned char frame[FRAME_BUILD_MAX])
{
	bool ipv4 = sluice_address_is_ipv4(&plan->source);
	size_t header = ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	int protocol = plan->protocol;
	unsigned char *transport = frame + ETH_HLEN + header;
	struct ethhdr ethernet;
	size_t length;

	if (protocol == PROTOCOL_ICMP && !ipv4)
		protocol = PROTOCOL_ICMPV6;
	memset(frame, 0, FRAME_BUILD_MAX);
	memcpy(ethernet.h_dest, plan->destination_mac, 6);
	memcpy(ethernet.h_source, plan->source_mac, 6);
	ethernet.h_proto = htons(ipv4 ? ETH_P_IP : ETH_P_IPV6);
	memcpy(frame, &ethernet, sizeof(ethernet));
	length = put_transport(plan, protocol, transport);
	put_checksum(plan, protocol, transport, length);
	put_ip(plan, protocol, frame + ETH_HLEN, length);
	length += ETH_HLEN + header;
	return length < 60 ? 60 : length; /* as short as Ethernet frames get */
}
