/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stage route: who in the vnet has the destination address.
 */
#ifndef SLUICE_BPF_ROUTE_H
#define SLUICE_BPF_ROUTE_H

#include "bpf/answer.h"
#include "bpf/classify.h"
#include "bpf/flow.h"
#include "bpf/nat_plan.h"
#include "bpf/steer.h"

struct route_walk {
	const struct ip_address *destination;
	__u32 first;
	__u32 kind; /* enum route_kind of the first route that holds it; 0: none does */
};

static __always_inline bool address_in(const struct ip_address *address, const __u64 *low,
				       const __u64 *high)
{
	__u64 first = bpf_be64_to_cpu(address->halves[0]);
	__u64 second = bpf_be64_to_cpu(address->halves[1]);

	return (first > low[0] || (first == low[0] && second >= low[1])) &&
	       (first < high[0] || (first == high[0] && second <= high[1]));
}

static long route_step(__u32 index, void *context)
{
	struct route_walk *walk = context;
	const struct route *route = table_at(walk->first + index);

	if (!route)
		return 1;
	if (!address_in(walk->destination, route->low, route->high))
		return 0;
	walk->kind = route->kind;
	return 1;
}

/* The kind of the destination's route; 0: it lies outside the vnet. */
static __noinline __u32 route_kind(const struct packet *packet, const struct vnet *vnet)
{
	struct route_walk walk = {
		.destination = &packet->tuple.destination,
		.first = vnet->routes,
	};

	bpf_loop(vnet->route_count, route_step, &walk, 0);
	return walk.kind;
}

/* Is the packet translated? By whom it is for: an address that is, or one outside. */
static __always_inline bool is_translated(const struct packet *packet, const struct vnet *vnet,
					  __u32 target)
{
	if (target)
		return target >> ENDPOINT_KIND_SHIFT == ENDPOINT_TRANSLATED;
	return packet->root->outside && !route_kind(packet, vnet);
}

/* Goes to the port that has the destination, slot, or to where a steer rule says. */
static __always_inline int route_to(struct packet *packet, const struct vnet *vnet, __u32 slot)
{
	if (vnet->steer)
		slot = steer(packet, vnet->steer, slot);
	if (slot == STEER_NOWHERE)
		return DROP_NO_CONSUMER;
	/* Nobody has the address: because nobody is there, or because it is not of this vnet? */
	if (!slot)
		return route_kind(packet, vnet) == ROUTE_SUBNET ? DROP_NO_ENDPOINT : DROP_NO_ROUTE;
	packet->out_slot = slot;
	packet->out = port_at(packet->root, slot);
	return !packet->out || slot == packet->in_slot ? DROP_NO_ENDPOINT : 0;
}

static __noinline int find_route(struct packet *packet)
{
	const struct vnet *vnet = table_at(packet->in->vnet);
	__u32 target;
	int reason;

	packet->stages |= 1 << STAGE_ROUTE;
	if (!vnet)
		return DROP_NO_ROUTE;
	target = endpoint_find(vnet, &packet->tuple.destination);
	if (target >> ENDPOINT_KIND_SHIFT == ENDPOINT_GATEWAY)
		return answer_gateway(packet);
	if (is_translated(packet, vnet, target)) {
		reason = route_translated(packet, target);
	} else {
		plan_nothing(packet);
		reason = route_to(packet, vnet, endpoint_slot(target));
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
