/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whom a packet is for that is addressed to a translated address, or leaves its vnet, and what its
 * receiver is to see: asked when a flow begins, and when it is judged again.
 */
#ifndef SLUICE_BPF_NAT_H
#define SLUICE_BPF_NAT_H

#include "bpf/packet.h"
#include "maps/nat.h"

/*
 * A plan: what becomes of the packets of a flow. It stands in `translations` from route to
 * remember_flow. The originator's key is packet->tuple under port_vni(packet->in); the responder's is
 * made of `other` under `vni`. When the packet's flow has an entry, the plan is for the flow's first
 * direction all the same.
 */
struct translation {
	struct tuple other;     /* the packet as its receiver gets it */
	__u32 vni;              /* of the network that the receiver is in; 0: outside */
	__be16 icmp_identifier; /* the receiver's, for echo and timestamp messages */
	__u16 port_low; /* other.source_port, or the identifier, is to be one of these that no
				  * other flow has, host order; low 0: it stays what it is */
	__u16 port_high;
	__u16 port_first; /* which one to try first: the sender's own where it is one of them, else
				  * one that nobody can guess (RFC 6056) */
	__u8 planned;     /* there is a plan: the flow is a translated one */
	__u8 padding[3];
};

/* One of what a CPU's real packet plans, and one of what a test run does, which packets interrupt. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct translation);
} translations SEC(".maps");

/* The packet's plan; NULL never happens. */
static __always_inline struct translation *translation_of(const struct packet *packet)
{
	__u32 which = packet->tracing || packet->read_only;

	return bpf_map_lookup_elem(&translations, &which);
}

#endif
