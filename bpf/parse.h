/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse: what the frame is. Fills struct packet as far as the frame can be understood, also when
 * it is then dropped: the trace shows what was read. So a fault that does not hide where the next
 * header is, like an address that no host has, is only noted, in packet->flaw.
 */
#ifndef SLUICE_BPF_PARSE_H
#define SLUICE_BPF_PARSE_H

#include "bpf/frame.h"
#include "bpf/headers.h"
#include "bpf/parse_ip.h"
#include "bpf/parse_neighbor.h"
#include "bpf/parse_transport.h"

static __always_inline bool is_vlan(__be16 type)
{
	return type == bpf_htons(ETHERTYPE_VLAN) || type == bpf_htons(ETHERTYPE_SERVICE_VLAN);
}

/* Reads the tag at packet->l3 into *tci and steps over it. */
static __always_inline int parse_vlan(struct packet *packet, __be16 *tci, __be16 *type)
{
	const struct vlan_header *vlan = frame_reach(packet, packet->l3, VLAN_HEADER);

	if (!vlan)
		return DROP_FRAME_SHORT;
	*tci = vlan->tci;
	*type = vlan->type;
	packet->vlan_count++;
	packet->l3 += VLAN_HEADER;
	forget(packet);
	return 0;
}

static __always_inline int parse_ethernet(struct packet *packet)
{
	const struct ethernet_header *ethernet;
	int reason = 0;
	__be16 type;

	frame_pull_headers(packet);
	ethernet = frame_at(packet, 0, ETHERNET_HEADER);
	if (!ethernet)
		return DROP_FRAME_SHORT;
	type = ethernet->type;
	packet->l3 = ETHERNET_HEADER;
	if (frame_hidden_vlan(packet, &packet->vlan[0]))
		packet->vlan_count = 1;
	else if (is_vlan(type))
		reason = parse_vlan(packet, &packet->vlan[0], &type);
	if (!reason && packet->vlan_count && is_vlan(type))
		reason = parse_vlan(packet, &packet->vlan[1], &type);
	if (reason)
		return reason;
	packet->ethertype = type;
	packet->has |= PARSED_ETHERNET;
	return is_vlan(type) ? DROP_VLAN_DEPTH : 0;
}

static __always_inline int parse_network(struct packet *packet)
{
	switch (packet->ethertype) {
	case bpf_htons(ETHERTYPE_IPV4):
		return parse_ipv4(packet);
	case bpf_htons(ETHERTYPE_IPV6):
		return parse_ipv6(packet);
	case bpf_htons(ETHERTYPE_ARP):
		return parse_arp(packet);
	}
	return DROP_ETHERTYPE;
}

static __always_inline int parse(struct packet *packet)
{
	int reason;

	packet->stages |= 1 << STAGE_PARSE;
	reason = parse_ethernet(packet) ?: parse_network(packet) ?: parse_transport(packet);
	return packet->flaw ?: reason;
}

#endif
