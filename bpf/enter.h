/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * enter: which version judges the frame, and which port sent it.
 */
#ifndef SLUICE_BPF_ENTER_H
#define SLUICE_BPF_ENTER_H

#include "bpf/count.h"
#include "bpf/frame.h"
#include "bpf/lookup.h"
#include "bpf/observe.h"

/* Sets what parse fills to a zero that neither the compiler nor the verifier knows to be one.
 * Both follow known values down every path of the program, and a known "no fragment" or "not
 * IPv6" would make them go through all later stages once for each combination. */
static __always_inline void blank(struct packet *packet, __u32 zero)
{
	packet->has = zero;
	packet->kind = zero;
	packet->ipv6 = zero;
	packet->vlan_count = zero;
	packet->ttl = zero;
	packet->fragment = zero;
	packet->fragment_more = zero;
	packet->fragment_begin = zero;
	packet->fragment_end = zero;
	packet->fragment_id = zero;
	packet->tcp_flags = zero;
	packet->tcp_sequence = zero;
	packet->tcp_acknowledgment = zero;
	packet->icmp_identifier = zero;
	packet->nd_link = zero;
	packet->l4 = zero;
	packet->tuple.source_port = zero;
	packet->tuple.destination_port = zero;
	packet->tuple.protocol = zero;
	packet->tuple.icmp_type = zero;
	packet->tuple.icmp_code = zero;
	packet->tuple.has_ports = zero;
}

/* Begins with the running version; false when there is none. `root` is read here and nowhere else:
 * a packet sees one version. */
static __always_inline bool enter_version(struct packet *packet)
{
	const struct control *control = control_get();

	packet->length = frame_length(packet);
	packet->now = bpf_ktime_get_coarse_ns() >> FLOW_TICK_SHIFT;
	if (!control)
		return false;
	blank(packet, control->zero);
	packet->root = table_at(*(const volatile __u32 *)&control->root);
	return packet->root && packet->root->version;
}

/* The frame came from a device that is no port of the running version. */
static __noinline bool refuse_device(struct packet *packet)
{
	packet->in_slot = 0;
	count_drop(packet, DROP_PORT_UNBOUND);
	observe_drop(packet, DROP_PORT_UNBOUND);
	return false;
}

/* Lets a frame in at a device. False: it is no port, and the frame is to be dropped. */
static __always_inline bool enter(struct packet *packet, __u32 ifindex)
{
	if (!enter_version(packet))
		return refuse_device(packet);
	packet->in_slot = slot_of_device(packet->root, ifindex);
	packet->in = port_at(packet->root, packet->in_slot);
	if (!packet->in)
		return refuse_device(packet);
	count_received(packet);
	return true;
}

#endif
