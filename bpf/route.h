/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stage route: who in the vnet has the destination address.
 */
#ifndef SLUICE_BPF_ROUTE_H
#define SLUICE_BPF_ROUTE_H

#include "bpf/answer.h"
#include "bpf/classify.h"
#include "bpf/flow.h"
#include "bpf/steer.h"

struct route_walk {
	const struct ip_address *destination;
	__u32 first;
	__u32 kind; /* enum route_kind of the first route that holds it */
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

/* Nobody has the address: because nobody is there, or because it is not of this vnet? */
static __noinline int unreachable(const struct packet *packet, const struct vnet *vnet)
{
	struct route_walk walk = {
		.destination = &packet->tuple.destination,
		.first = vnet->routes,
		.kind = ROUTE_NONE,
	};

	bpf_loop(vnet->route_count, route_step, &walk, 0);
	return walk.kind == ROUTE_SUBNET ? DROP_NO_ENDPOINT : DROP_NO_ROUTE;
}

static __noinline int find_route(struct packet *packet)
{
	const struct vnet *vnet = table_at(packet->in->vnet);
	__u32 target, value;

	packet->stages |= 1 << STAGE_ROUTE;
	if (!vnet)
		return DROP_NO_ROUTE;
	target = endpoint_find(vnet, &packet->tuple.destination);
	value = target & ENDPOINT_VALUE_MASK;
	if (target >> ENDPOINT_KIND_SHIFT == ENDPOINT_GATEWAY)
		return answer_gateway(packet);
	if (target >> ENDPOINT_KIND_SHIFT != ENDPOINT_PORT)
		value = 0;
	if (vnet->steer)
		value = steer(packet, vnet->steer, value);
	if (value == STEER_NOWHERE)
		return DROP_NO_CONSUMER;
	if (!value)
		return unreachable(packet, vnet);
	packet->out_slot = value;
	packet->out = port_at(packet->root, value);
	if (!packet->out || value == packet->in_slot)
		return DROP_NO_ENDPOINT;
	/* The address moved to another port: that one has no part in the old flow. */
	if (packet->flow && packet->flow->slot[far_end(packet)] != value)
		return begin_flow(packet);
	return 0;
}

static __always_inline int route(struct packet *packet)
{
	return packet->known ? 0 : find_route(packet);
}

#endif
