/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference model: which frames a port may send, and ARP's and ND's answers. Each step returns
 * whether the packet goes on. */
#include "tests/harness/reference_journey.h"

#include <netinet/in.h>
#include <string.h>

/* What no stack sends. */
static bool parse(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;
	unsigned int flags = packet->tcp_flags;
	bool fin = flags & 0x01, syn = flags & 0x02, rst = flags & 0x04, ack = flags & 0x10;

	if (packet->vlan_count > 2)
		return journey_drop(journey, DROP_VLAN_DEPTH);
	if (packet->kind == REFERENCE_IP && packet->protocol == IPPROTO_TCP &&
	    !packet->later_fragment &&
	    ((syn && fin) || (syn && rst) || (fin && rst) || (!syn && !rst && !ack)))
		return journey_drop(journey, DROP_TCP_FLAGS);
	return true;
}

static bool owns(const struct sluice_port *port, const struct ip_address *address)
{
	for (size_t i = 0; i < port->address_count; i++)
		if (reference_same(&port->addresses[i], address))
			return true;
	return false;
}

static bool admit_arp(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;
	static const struct ip_address nobody = { .bytes = { [10] = 0xff, 0xff } };

	if (memcmp(packet->sender_mac, journey->in->mac, 6))
		return journey_drop(journey, DROP_ARP_SPOOFED);
	if (!owns(journey->in, &packet->source) && !reference_same(&packet->source, &nobody))
		return journey_drop(journey, DROP_ARP_SPOOFED);
	return true;
}

static bool admit_solicitation(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;

	if (memcmp(packet->sender_mac, journey->in->mac, 6) || !owns(journey->in, &packet->source))
		return journey_drop(journey, DROP_ND_SPOOFED);
	return true;
}

static bool admit_ip(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;
	const struct sluice_port *in = journey->in;
	bool ipv4 = reference_is_ipv4(&packet->source);
	bool has_l4 = !packet->later_fragment;

	if (has_l4 && !in->allow_dhcp_server && packet->protocol == IPPROTO_UDP &&
	    packet->source_port == (ipv4 ? 67 : 547))
		return journey_drop(journey, DROP_DHCP_SERVER);
	if (has_l4 && !in->allow_router_advert &&
	    ((ipv4 && packet->protocol == IPPROTO_ICMP &&
	      (packet->icmp_type == 9 || packet->icmp_type == 5)) ||
	     (!ipv4 && packet->protocol == IPPROTO_ICMPV6 &&
	      (packet->icmp_type == 134 || packet->icmp_type == 137))))
		return journey_drop(journey, DROP_ROUTER_ADVERT);
	if (packet->destination_mac[0] & 1)
		return journey_drop(journey, DROP_L2_BROADCAST);
	if (!in->allow_spoofing && !owns(in, &packet->source))
		return journey_drop(journey, DROP_IP_SPOOFED);
	return true;
}

static bool admit(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;
	bool may_spoof = journey->in->allow_spoofing;

	if (packet->vlan_count)
		return journey_drop(journey, DROP_VLAN_TAGGED);
	if (!may_spoof && memcmp(packet->source_mac, journey->in->mac, 6))
		return journey_drop(journey, DROP_MAC_SPOOFED);
	if (packet->kind == REFERENCE_ARP)
		return may_spoof || admit_arp(journey);
	if (packet->kind == REFERENCE_SOLICIT)
		return may_spoof || admit_solicitation(journey);
	return admit_ip(journey);
}

/* The switch answers for everybody in the vnet but the asker. */
static bool answer_neighbors(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;
	const struct sluice_config *config = journey->reference->config;
	bool arp = packet->kind == REFERENCE_ARP;
	const struct ip_address *target = arp ? &packet->destination : &packet->target;
	const struct sluice_port *has = reference_port_at(config, journey->in->vnet, target);

	if (!arp && packet->kind != REFERENCE_SOLICIT)
		return true;
	if ((has && has != journey->in) || reference_is_gateway(config, journey->in->vnet, target))
		return journey_answer(journey);
	return journey_drop(journey, arp ? DROP_ARP_UNANSWERED : DROP_ND_UNANSWERED);
}

bool journey_admit(struct journey *journey)
{
	return parse(journey) && admit(journey) && answer_neighbors(journey);
}
