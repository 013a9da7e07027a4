/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the sender's routes lead (maps/route.h): to a next hop, or to whoever has the destination.
 */
#ifndef SLUICE_BPF_REACH_H
#define SLUICE_BPF_REACH_H

#include "bpf/lookup.h"

/* 1 if a < b, else 0: without branches, because the verifier would follow each. */
static __always_inline __u64 is_lower(__u64 a, __u64 b)
{
	return ((~a & b) | ((~a | b) & (a - b))) >> 63;
}

/* Which of a line's pieces an address, in host order, belongs to. */
static __always_inline __u32 route_piece(const struct route_line *line, __u64 high, __u64 low)
{
	__u32 piece = 0;

	for (int i = 0; i < ROUTE_KEYS; i++) {
		__u64 key = line->key[i][0];
		__u64 above = is_lower(high, key) |
			      ((is_lower(key, high) ^ 1) & is_lower(low, line->key[i][1]));

		piece += above ^ 1;
	}
	return piece;
}

/* What a tree (0: there is none) says of an address: enum route_kind << ROUTE_KIND_SHIFT | value. */
__noinline __u32 route_search(const struct ip_address *address, __u32 root)
{
	__u32 next = root | ROUTE_DEEPER;
	__u64 high, low;

	if (!address || !root)
		return 0;
	high = bpf_be64_to_cpu(address->halves[0]);
	low = bpf_be64_to_cpu(address->halves[1]);
	for (int i = 0; i < ROUTE_DEPTH && next & ROUTE_DEEPER; i++) {
		const struct route_line *line = table_at(next & ~ROUTE_DEEPER);
		__u32 piece;

		if (!line)
			return 0;
		piece = route_piece(line, high, low);
		barrier_var(piece);
		next = line->piece[piece & (ROUTE_PIECES - 1)];
	}
	return next & ROUTE_DEEPER ? 0 : next;
}

static __always_inline __u32 sender_routes(const struct packet *packet)
{
	const struct subnet *subnet = table_at(packet->in->subnet);

	return subnet ? subnet->routes : 0;
}

/* Who gets what the sender addresses to an address, an endpoint as endpoint_find() gives it, or 0. A
 * port that is its own next hop, as an appliance among its clients is, goes on without that route. */
static __noinline __u32 find_target(const struct packet *packet, const struct ip_address *address)
{
	const struct vnet *vnet = table_at(packet->in->vnet);
	__u32 routes = sender_routes(packet), way, value;

	if (!vnet)
		return 0;
	if (routes) {
		way = route_search(address, routes);
		value = way & ROUTE_VALUE_MASK;
		switch (way >> ROUTE_KIND_SHIFT) {
		case ROUTE_PORT:
			if (value == packet->in_slot)
				break;
			return (__u32)ENDPOINT_PORT << ENDPOINT_KIND_SHIFT | value;
		case ROUTE_NONE:
		case ROUTE_INTERNET:
			return 0;
		}
	}
	return endpoint_find(vnet, address);
}

/* The slot by which such an endpoint is reached, or 0. */
static __always_inline __u32 slot_of_target(const struct packet *packet, __u32 target)
{
	const struct vnet *vnet = table_at(packet->in->vnet);

	return vnet ? endpoint_slot(vnet, target) : 0;
}

static __always_inline __u32 target_slot(const struct packet *packet,
					 const struct ip_address *address)
{
	return slot_of_target(packet, find_target(packet, address));
}

#endif
