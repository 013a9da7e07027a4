/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The short way of nearly all packets: a whole TCP segment or UDP datagram without VLAN tag, IP
 * options or extension headers, of a flow that another packet of this direction has had judged
 * under this version, and that leaves the flow's state what it is. It is read, found, counted and
 * sent; whatever is different in any point goes the long way from its start.
 *
 * What the long way checks and this one does not is answered by the entry: `acl_allowed` says that
 * a packet with these addresses, protocol and ports was admitted from this port, allowed, and
 * routed to the entry's other port, all under this version. What may differ from that packet to
 * this one is checked here: MACs, lengths, flags and the hop limit.
 */
#ifndef SLUICE_BPF_SHORTCUT_H
#define SLUICE_BPF_SHORTCUT_H

#include "bpf/act.h"
#include "bpf/enter.h"
#include "bpf/flow.h"
#include "bpf/headers.h"
#include "bpf/mtu.h"

/* Behind the largest headers that go this way. */
#define PLAIN_HEADERS (ETHERNET_HEADER + IPV6_HEADER + TCP_HEADER)

/* What the short way takes from the headers. Addresses and ports are moved in registers: a load of
 * eight bytes just stored as two and four would wait for them. */
struct plain {
	struct flow_id id;
	__u32 l4;      /* offset of the transport's header */
	__u32 payload; /* bytes of the IP packet from there on */
	__u8 protocol;
	__u8 tcp_flags;
};

static __always_inline bool plain_ipv4(struct packet *packet, struct plain *plain)
{
	const struct ipv4_header *ip = frame_at(packet, ETHERNET_HEADER, IPV4_HEADER);
	__u64 source, destination;
	__u32 total;

	if (!ip || ip->version_length != (4 << 4 | IPV4_HEADER / 4) ||
	    ip->fragment & bpf_htons(IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET))
		return false;
	total = bpf_ntohs(ip->total_length);
	if (total < IPV4_HEADER || ETHERNET_HEADER + total > packet->length)
		return false;
	source = ip->source;
	destination = ip->destination;
	if (source == destination)
		return false;
	packet->direction = bpf_ntohl(source) > bpf_ntohl(destination);
	plain->id.addresses = packet->direction ? source << 32 | destination
						: destination << 32 | source;
	plain->protocol = ip->protocol;
	plain->l4 = ETHERNET_HEADER + IPV4_HEADER;
	plain->payload = total - IPV4_HEADER;
	packet->ipv6 = 0;
	packet->ttl = ip->ttl;
	return true;
}

static __always_inline bool plain_ipv6(struct packet *packet, const struct control *control,
				       struct plain *plain)
{
	const struct ipv6_header *ip = frame_at(packet, ETHERNET_HEADER, IPV6_HEADER);
	const struct ip_address *low, *high;

	if (!ip || (ip->version_flow & bpf_htonl(0xf0000000)) != bpf_htonl(0x60000000))
		return false;
	plain->payload = bpf_ntohs(ip->payload_length);
	if (ETHERNET_HEADER + IPV6_HEADER + plain->payload > packet->length ||
	    address_equal(&ip->source, &ip->destination))
		return false;
	packet->direction = end_is_higher(&ip->source, 0, &ip->destination, 0);
	low = packet->direction ? &ip->destination : &ip->source;
	high = packet->direction ? &ip->source : &ip->destination;
	barrier_var(low);
	barrier_var(high);
	plain->id.addresses = digest_addresses(control, low, high);
	plain->protocol = ip->next;
	plain->l4 = ETHERNET_HEADER + IPV6_HEADER;
	packet->ipv6 = 1;
	packet->ttl = ip->hop_limit;
	return true;
}

/* Completes the key with the ports, both of which stand at the start of the transport's header. */
static __always_inline void plain_ends(const struct packet *packet, struct plain *plain,
				       const void *transport)
{
	__u32 ports = *(const __u32 *)transport;
	__u32 vni_protocol = port_vni(packet->in) << 8 | plain->protocol;

	if (packet->direction)
		ports = ports << 16 | ports >> 16;
	plain->id.ends = (__u64)vni_protocol << 32 | ports;
}

static __always_inline bool plain_tcp(struct packet *packet, struct plain *plain)
{
	const struct tcp_header *tcp = frame_at(packet, plain->l4, TCP_HEADER);
	__u32 header;

	if (!tcp)
		return false;
	header = (tcp->data_offset >> 4) * 4;
	plain_ends(packet, plain, tcp);
	plain->tcp_flags = tcp->flags;
	packet->tcp_acknowledgment = bpf_ntohl(tcp->acknowledgment);
	return header >= TCP_HEADER && header <= plain->payload;
}

static __always_inline bool plain_udp(struct packet *packet, struct plain *plain)
{
	const struct udp_header *udp = frame_at(packet, plain->l4, UDP_HEADER);
	__u32 length;

	if (!udp)
		return false;
	length = bpf_ntohs(udp->length);
	plain_ends(packet, plain, udp);
	return length >= UDP_HEADER && length <= plain->payload;
}

/* The frame when it may go the short way as far as its headers tell, else NULL. */
static __always_inline struct ethernet_header *
read_plain(struct packet *packet, const struct control *control, struct plain *plain)
{
	struct ethernet_header *ethernet;
	bool fits;
	__be16 tag;

	if (!frame_at(packet, 0, PLAIN_HEADERS))
		frame_pull_headers(packet);
	ethernet = frame_at(packet, 0, ETHERNET_HEADER + IPV4_HEADER + UDP_HEADER);
	if (!ethernet || frame_hidden_vlan(packet, &tag))
		return NULL;
	if (ethernet->type == bpf_htons(ETHERTYPE_IPV4))
		fits = plain_ipv4(packet, plain);
	else
		fits = ethernet->type == bpf_htons(ETHERTYPE_IPV6) &&
		       plain_ipv6(packet, control, plain);
	if (!fits)
		return NULL;
	if (plain->protocol == PROTOCOL_TCP)
		fits = plain_tcp(packet, plain);
	else
		fits = plain->protocol == PROTOCOL_UDP && plain_udp(packet, plain);
	return fits ? ethernet : NULL;
}

/* The MACs that admit asks for. */
static __always_inline bool plain_macs(const struct packet *packet,
				       const struct ethernet_header *ethernet)
{
	return !(ethernet->destination[0] & 1) && (packet->in->flags & PORT_MAY_SPOOF ||
						   mac_equal(ethernet->source, packet->in->mac));
}

static __always_inline bool verdict_holds(const struct packet *packet, const struct plain *plain,
					  union flow_standing standing)
{
	__u32 here = near_end(packet);

	return standing.version == packet->root->version && standing.acl_allowed & 1 << here &&
	       flow_stays(standing, plain->tcp_flags, here);
}

/* The packet's own flow, if its verdict holds for this packet: packet->out is then whom it is for. */
static __always_inline struct flow *find_verdict(struct packet *packet,
						 const struct control *control,
						 const struct plain *plain,
						 union flow_standing *standing)
{
	struct flow *flow = flow_find(control, &plain->id, packet->now, &packet->flow_claim);

	if (!flow) {
		packet->shortcut = SHORTCUT_ABSENT;
		return NULL;
	}
	standing->word = READ_ONCE(flow->standing);
	if (flow->slot[near_end(packet)] != packet->in_slot ||
	    !verdict_holds(packet, plain, *standing))
		return NULL;
	packet->out_slot = flow->slot[far_end(packet)];
	packet->out = port_at(packet->root, packet->out_slot);
	return packet->out && flow_unchanged(flow, packet->flow_claim) ? flow : NULL;
}

/* True: the packet went the short way, and is to be delivered. Else nothing has happened to it. */
static __always_inline bool take_shortcut(struct packet *packet)
{
	const struct control *control = control_get();
	struct plain plain = {};
	struct ethernet_header *ethernet = control ? read_plain(packet, control, &plain) : NULL;
	union flow_standing standing;
	struct flow *flow;

	if (!ethernet || !plain_macs(packet, ethernet))
		return false;
	flow = find_verdict(packet, control, &plain, &standing);
	if (!flow || (is_routed(packet) && packet->ttl <= 1) ||
	    !fits_way(packet, plain.protocol, plain.l4))
		return false;
	if (plain.protocol == PROTOCOL_TCP)
		tcp_note_acknowledgment(flow, near_end(packet), packet->tcp_acknowledgment);
	flow_count(packet, flow, standing.state);
	readdress(packet, ethernet);
	packet->flow = flow;
	packet->shortcut = SHORTCUT_TAKEN;
	return true;
}

/* The packet can not be delivered: finds out what an observer is told of it. */
static __always_inline void unfold_shortcut(struct packet *packet)
{
	const struct flow_detail *detail = packet->flow ? flow_detail(packet->flow) : NULL;
	const struct flow *flow = packet->flow;
	__u32 out_slot = packet->out_slot;
	bool ipv6 = packet->ipv6;

	know_nothing(packet);
	packet->out_slot = out_slot;
	packet->ethertype = ipv6 ? bpf_htons(ETHERTYPE_IPV6) : bpf_htons(ETHERTYPE_IPV4);
	if (detail)
		flow_tuple(flow, detail, packet->direction & 1, &packet->tuple);
}

#endif
