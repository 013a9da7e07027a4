/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sluice_import: takes in a flow that another switch had (maps/import.h).
 *
 * The flow is judged as its first packet would be, by the stages that packets pass: whose addresses
 * these are, where they lead, what ACLs and NSGs say. What an NSG denies is let in only where every
 * NSG said and says `existingFlows: keep`. The first packet of each direction is admitted and
 * asked about in ACLs all the same.
 */
#ifndef SLUICE_BPF_IMPORT_H
#define SLUICE_BPF_IMPORT_H

#include "bpf/enter.h"
#include "bpf/flow.h"
#include "bpf/police.h"
#include "bpf/route.h"

/* Who sent the flow's first packet: the port that is named or, when only the receiver is, whoever
 * has the address in its vnet. */
static __always_inline __u32 import_sender(const struct packet *packet,
					   const struct imported_flow *import)
{
	const struct port *receiver;
	const struct vnet *vnet;

	if (import->slot[0])
		return import->slot[0];
	receiver = port_at(packet->root, import->slot[1]);
	vnet = receiver ? table_at(receiver->vnet) : NULL;
	return vnet ? endpoint_slot(vnet, endpoint_find(vnet, &packet->tuple.source)) : 0;
}

static __noinline int import_route(struct packet *packet, const struct imported_flow *import)
{
	int reason;

	packet->tuple.source = import->address[0];
	packet->tuple.destination = import->address[1];
	tuple_of_ends(&packet->tuple, import->protocol, bpf_ntohs(import->port[0]),
		      bpf_ntohs(import->port[1]));
	packet->icmp_identifier = is_icmp(import->protocol) ? import->port[0] : 0;
	packet->form = is_icmp_reply(&packet->tuple) ? KEY_UNSOLICITED : 0;
	packet->in_slot = import_sender(packet, import);
	packet->in = packet->in_slot ? port_at(packet->root, packet->in_slot) : NULL;
	if (!packet->in)
		return DROP_NO_ENDPOINT;
	reason = admit_source(packet);
	if (reason)
		return reason;
	reason = route_to(packet, target_slot(packet, &packet->tuple.destination));
	if (!reason && import->slot[1] && packet->out_slot != import->slot[1])
		reason = DROP_NO_ENDPOINT;
	return reason;
}

/* The live entry that stands for the same flow, or NULL. */
static __noinline struct flow *import_find(struct packet *packet)
{
	struct flow *flow = find_leg(packet, &packet->tuple,
				     packet->icmp_identifier | packet->form << LEG_FORM_SHIFT,
				     port_vni(packet->in));

	return flow && flow_serves(flow, packet) ? flow : NULL;
}

static __noinline int import_police(struct packet *packet, const struct imported_flow *import)
{
	int reason = police_packet(packet);

	if (reason != DROP_NSG_DENY || !import->keep || !packet->keep)
		return reason;
	/* No rule allows it, so none gets its packets. */
	__builtin_memset(packet->rule, 0, sizeof(packet->rule));
	packet->decided_by = 0;
	return 0;
}

static __noinline int import_insert(struct packet *packet, const struct imported_flow *import)
{
	return flow_insert_as(packet, port_vni(packet->in), import);
}

/* What comes of the flow: an outcome, and the reason of one that is refused. */
static __always_inline enum import_outcome import_judged(struct packet *packet,
							 const struct imported_flow *import,
							 int *reason)
{
	const struct flow *known;

	*reason = import_route(packet, import);
	if (*reason)
		return IMPORT_REFUSED;
	known = import_find(packet);
	if (known && !(READ_ONCE(known->acl_allowed) & FLOW_UNMET))
		return IMPORT_STAYED;
	*reason = import_police(packet, import);
	if (*reason)
		return IMPORT_REFUSED;
	packet->read_only = import->what_if;
	*reason = import_insert(packet, import);
	if (*reason == FLOW_JOINS)
		return IMPORT_STAYED;
	if (*reason)
		return IMPORT_REFUSED;
	if (!known)
		count_flow_for_rules(packet);
	return IMPORT_CARRIED;
}

/* The frame holds the flow. Until all is judged, nothing is counted. */
static __always_inline int import_flow(struct packet *packet)
{
	struct imported_flow *import;
	int reason;
	__u8 outcome;

	if (!enter_version(packet))
		return IMPORT_NONE;
	import = frame_at(packet, ETHERNET_HEADER, sizeof(*import));
	if (!import)
		return IMPORT_NONE;
	outcome = import_judged(packet, import, &reason);
	import->outcome = outcome;
	import->reason = outcome == IMPORT_REFUSED ? reason : DROP_NONE;
	import->rule = packet->decided_by;
	return outcome;
}

#endif
