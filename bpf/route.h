/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stage route: which port the packet goes to, by the sender's routes (bpf/reach.h).
 */
#ifndef SLUICE_BPF_ROUTE_H
#define SLUICE_BPF_ROUTE_H

#include "bpf/answer.h"
#include "bpf/classify.h"
#include "bpf/flow.h"
#include "bpf/nat_plan.h"
#include "bpf/reach.h"
#include "bpf/steer.h"

/* The kind of the destination's route, of the subnet's table or of what is in reach. */
static __noinline __u32 route_kind(const struct packet *packet)
{
	const struct vnet *vnet = table_at(packet->in->vnet);
	__u32 routes = sender_routes(packet);

	if (!routes && vnet)
		routes = vnet->routes;
	return route_search(&packet->tuple.destination, routes) >> ROUTE_KIND_SHIFT;
}

/* Is the packet translated? By whom it is for: an address that is, or one outside. */
static __always_inline bool is_translated(const struct packet *packet, __u32 target)
{
	__u32 kind;

	if (target)
		return target >> ENDPOINT_KIND_SHIFT == ENDPOINT_TRANSLATED;
	if (!packet->root->outside)
		return false;
	kind = route_kind(packet);
	return kind == ROUTE_NOWHERE || kind == ROUTE_INTERNET;
}

/* Why nobody gets it. */
static __noinline int unreachable(const struct packet *packet)
{
	switch (route_kind(packet)) {
	case ROUTE_SUBNET:
		return DROP_NO_ENDPOINT;
	case ROUTE_NONE:
		return DROP_ROUTE_NONE;
	}
	return DROP_NO_ROUTE;
}

/* Goes to the port that has the destination, slot, or to where a steer rule says. */
static __always_inline int route_to(struct packet *packet, __u32 slot)
{
	const struct vnet *vnet = table_at(packet->in->vnet);

	if (!vnet)
		return DROP_NO_ROUTE;
	if (vnet->steer)
		slot = steer(packet, vnet->steer, slot);
	if (slot == STEER_NOWHERE)
		return DROP_NO_CONSUMER;
	if (!slot)
		return unreachable(packet);
	packet->out_slot = slot;
	packet->out = port_at(packet->root, slot);
	if (!packet->out || slot == packet->in_slot)
		return DROP_NO_ENDPOINT;
	/* Remotes reach each other without this host; each would hand it on to the other. */
	return packet->in->delivery == DELIVERY_TUNNEL &&
			       packet->out->delivery == DELIVERY_TUNNEL ?
		       DROP_NO_ENDPOINT :
		       0;
}

/* What answers a port that sent on what was not from it goes back there, whatever routes say, as long
 * as it may do that and routes of the vnet lead to ports: an endpoint as find_target() gives it, or 0. */
static __always_inline __u32 forwarder(const struct packet *packet)
{
	const struct flow *flow = packet->flow;
	const struct port *port;
	__u32 slot;

	if (!flow || (flow->originator & 1) == near_end(packet) ||
	    !(vnet_sharing(packet) & VNET_FORWARDS))
		return 0;
	slot = flow->slot[far_end(packet)];
	port = port_at(packet->root, slot);
	return port && port->flags & PORT_MAY_SPOOF ?
		       (__u32)ENDPOINT_PORT << ENDPOINT_KIND_SHIFT | slot :
		       0;
}

static __noinline int find_route(struct packet *packet)
{
	__u32 target = forwarder(packet);
	int reason;

	packet->stages |= 1 << STAGE_ROUTE;
	if (!target)
		target = find_target(packet, &packet->tuple.destination);
	if (target >> ENDPOINT_KIND_SHIFT == ENDPOINT_GATEWAY)
		return answer_gateway(packet);
	if (is_translated(packet, target)) {
		reason = route_translated(packet, target);
	} else {
		plan_nothing(packet);
		reason = route_to(packet, slot_of_target(packet, target));
	}
	if (reason)
		return reason;
	/* The address moved to another port: that one has no part in the old flow. */
	if (packet->flow && packet->flow->slot[far_end(packet)] != packet->out_slot)
		return begin_flow(packet);
	return 0;
}

static __always_inline int route(struct packet *packet)
{
	return packet->known ? 0 : find_route(packet);
}

#endif
