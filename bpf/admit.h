/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * admit: is this frame one that the port may send? Who it says it is from must be who it is from,
 * in every header that says so, and it must not speak a server's part.
 */
#ifndef SLUICE_BPF_ADMIT_H
#define SLUICE_BPF_ADMIT_H

#include "bpf/frame.h"
#include "bpf/headers.h"
#include "bpf/lookup.h"

#define DHCP_SERVER_PORT 67
#define DHCPV6_SERVER_PORT 547

static __always_inline bool mac_equal(const __u8 *a, const __u8 *b)
{
	return *(const __u32 *)a == *(const __u32 *)b &&
	       *(const __u16 *)(a + 4) == *(const __u16 *)(b + 4);
}

static __always_inline bool address_is_zero(const struct ip_address *address)
{
	return !address->halves[0] && !address->halves[1];
}

static __always_inline bool address_is_link_local(const struct ip_address *address)
{
	return address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

/* Who the sender's vnet says has the address: an endpoint as endpoint_find gives it, or 0. */
static __always_inline __u32 endpoint_in_reach(const struct packet *packet,
					       const struct ip_address *address)
{
	const struct vnet *vnet = table_at(packet->in->vnet);

	return vnet ? endpoint_find(vnet, address) : 0;
}

static __always_inline __u32 own_endpoint(const struct packet *packet)
{
	return (__u32)ENDPOINT_PORT << ENDPOINT_KIND_SHIFT | packet->in_slot;
}

/* An ARP sender is the port, or nobody yet: a probe (RFC 5227) claims nothing. */
static __noinline int admit_arp(const struct packet *packet)
{
	const struct arp_header *arp = frame_at(packet, ETHERNET_HEADER, ARP_LENGTH);

	if (!arp)
		return DROP_ARP_MALFORMED;
	if (!mac_equal(arp->sender_mac, packet->in->mac))
		return DROP_ARP_SPOOFED;
	if (!packet->tuple.source.words[3])
		return 0;
	return endpoint_in_reach(packet, &packet->tuple.source) == own_endpoint(packet) ?
		       0 :
		       DROP_ARP_SPOOFED;
}

/* May the port speak for this address in neighbor discovery? Link-local addresses are nobody's by
 * configuration and reach nobody, but every IPv6 stack asks from its own. */
static __always_inline bool may_claim(const struct packet *packet,
				      const struct ip_address *address)
{
	__u32 endpoint = endpoint_in_reach(packet, address);

	return endpoint == own_endpoint(packet) || (!endpoint && address_is_link_local(address));
}

/* An advertisement claims its target; so does a solicitation from nobody (duplicate address
 * detection). Whoever has a source address claims that. */
static __noinline int admit_nd(const struct packet *packet)
{
	const struct nd_header *nd = frame_at(packet, packet->l4, sizeof(*nd));
	bool nobody = address_is_zero(&packet->tuple.source);
	const struct nd_link_option *link;
	struct ip_address target;

	if (!nd)
		return DROP_ND_MALFORMED;
	target = nd->target;
	if (packet->nd_link) {
		link = frame_at(packet, packet->nd_link, sizeof(*link));
		if (!link || !mac_equal(link->mac, packet->in->mac))
			return DROP_ND_SPOOFED;
	}
	if (!nobody && !may_claim(packet, &packet->tuple.source))
		return DROP_ND_SPOOFED;
	if ((nobody || packet->tuple.icmp_type == ICMPV6_NEIGHBOR_ADVERTISEMENT) &&
	    !may_claim(packet, &target))
		return DROP_ND_SPOOFED;
	return 0;
}

static __always_inline bool is_dhcp_server(const struct packet *packet)
{
	__u16 port = packet->ipv6 ? DHCPV6_SERVER_PORT : DHCP_SERVER_PORT;

	return packet->tuple.protocol == PROTOCOL_UDP && packet->tuple.has_ports &&
	       packet->tuple.source_port == bpf_htons(port);
}

static __always_inline bool is_router_message(const struct packet *packet)
{
	__u8 type = packet->tuple.icmp_type;

	if (!(packet->has & PARSED_ICMP))
		return false;
	if (packet->ipv6)
		return type == ICMPV6_ROUTER_ADVERTISEMENT || type == ICMPV6_REDIRECT;
	return type == ICMP_ROUTER_ADVERTISEMENT || type == ICMP_REDIRECT;
}

/* What only a server or a router sends. */
static __always_inline int admit_roles(const struct packet *packet)
{
	__u8 flags = packet->in->flags;

	if (!(flags & PORT_MAY_SERVE_DHCP) && is_dhcp_server(packet))
		return DROP_DHCP_SERVER;
	if (!(flags & PORT_MAY_ADVERTISE) && is_router_message(packet))
		return DROP_ROUTER_ADVERT;
	return 0;
}

static __always_inline int admit_ip(const struct packet *packet, bool group)
{
	int reason = admit_roles(packet);

	if (reason)
		return reason;
	return group ? DROP_L2_BROADCAST : 0;
}

/* The rest of admit, which find_flow asks for: is the IP source the port's? A flow whose verdict
 * holds answers that already, since its end has the address under this version; only who
 * has none must look the address up. */
static __always_inline int admit_source(const struct packet *packet)
{
	if (packet->in->flags & PORT_MAY_SPOOF)
		return 0;
	return endpoint_in_reach(packet, &packet->tuple.source) == own_endpoint(packet) ?
		       0 :
		       DROP_IP_SPOOFED;
}

static __always_inline int admit(struct packet *packet)
{
	const struct ethernet_header *ethernet = frame_at(packet, 0, ETHERNET_HEADER);
	bool may_spoof = packet->in->flags & PORT_MAY_SPOOF;
	bool group;

	packet->stages |= 1 << STAGE_ADMIT;
	if (!ethernet)
		return DROP_FRAME_SHORT;
	/* From here on the IP header is known to stand right behind the Ethernet header. */
	if (packet->vlan_count)
		return DROP_VLAN_TAGGED;
	if (!may_spoof && !mac_equal(ethernet->source, packet->in->mac))
		return DROP_MAC_SPOOFED;
	group = ethernet->destination[0] & 1;
	if (packet->kind == PACKET_ARP)
		return may_spoof ? 0 : admit_arp(packet);
	if (packet->kind == PACKET_ND)
		return may_spoof ? 0 : admit_nd(packet);
	return admit_ip(packet, group);
}

#endif
