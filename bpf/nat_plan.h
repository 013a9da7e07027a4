/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Translation, a part of the stage route: a packet to a translated address, or to one outside its
 * vnet, gets a plan (bpf/nat.h) and the slot that the plan leads to. Asked for a flow's first
 * direction only.
 */
#ifndef SLUICE_BPF_NAT_PLAN_H
#define SLUICE_BPF_NAT_PLAN_H

#include "bpf/flow.h"
#include "bpf/nat.h"

static __always_inline void begin_plan(const struct packet *packet, struct translation *plan)
{
	plan->other = packet->tuple;
	plan->icmp_identifier = packet->icmp_identifier;
	plan->port_low = 0;
	plan->port_high = 0;
	plan->port_first = 0;
	plan->planned = 0;
}

/* The packet is not translated. */
static __always_inline void plan_nothing(const struct packet *packet)
{
	struct translation *plan = translation_of(packet);

	if (plan)
		plan->planned = 0;
}

/* --- whom it is for --- */

/* What is asked for at the address on the packet's port: kind << 32 | line, or 0. */
static __noinline __u64 find_service(const struct packet *packet, const struct nat_address *address)
{
	__u16 port = bpf_ntohs(packet->tuple.destination_port);
	const struct nat_service_bucket *bucket;

	if (!address || !address->services || !packet->tuple.has_ports)
		return 0;
	bucket = table_at(address->services + (port & address->service_mask));
	if (!bucket)
		return 0;
	for (int i = 0; i < NAT_SERVICES_PER_BUCKET; i++) {
		const struct nat_service *service = &bucket->service[i];

		if (service->kind && service->port == port &&
		    service->protocol == packet->tuple.protocol)
			return (__u64)service->kind << 32 | service->line;
	}
	return 0;
}

static __always_inline __u64 mix(__u64 sum, __u64 word)
{
	sum = (sum ^ word) * 0x9e3779b97f4a7c15ULL;
	return sum ^ sum >> 32;
}

/* Which entry of a balancer's table the flow has: under a secret, so that nobody outside can choose one. */
static __always_inline __u32 balancer_entry(const struct tuple *tuple, __u8 affinity, __u64 seed)
{
	__u64 sum = mix(seed, tuple->source.halves[0]);

	sum = mix(sum, tuple->source.halves[1]);
	sum = mix(sum, tuple->destination.halves[0]);
	sum = mix(sum, tuple->destination.halves[1]);
	if (affinity != NAT_AFFINITY_2_TUPLE)
		sum = mix(sum, tuple->protocol);
	if (affinity == NAT_AFFINITY_5_TUPLE)
		sum = mix(sum, (__u32)tuple->source_port << 16 | tuple->destination_port);
	return (__u64)(__u32)sum * NAT_BALANCER_ENTRIES >> 32;
}

struct target_search {
	__u32 first;
	__u32 slot;
	__u32 line; /* of the target with that slot; 0: there is none */
};

static long target_step(__u32 index, void *context)
{
	struct target_search *search = context;
	const struct nat_target *target = table_at(search->first + index);

	if (!target || target->slot != search->slot)
		return 0;
	search->line = search->first + index;
	return 1;
}

/* The line of the flow's target, or 0. A flow stays with its target for as long as it is one. */
static __noinline __u32 balance(const struct packet *packet, __u32 line)
{
	const struct nat_balancer *balancer = table_at(line);
	const struct control *control = control_get();
	const struct nat_entries *entries;
	__u32 entry, target;

	if (!balancer || !control || !balancer->target_count)
		return 0;
	if (packet->flow) {
		struct target_search search = {
			.first = balancer->targets,
			.slot = packet->flow->slot[far_end(packet)],
		};

		bpf_loop(balancer->target_count, target_step, &search, 0);
		if (search.line)
			return search.line;
	}
	entry = balancer_entry(&packet->tuple, balancer->affinity, control->hash_seed[4]);
	entries = table_at(balancer->entries + entry / NAT_ENTRIES_PER_LINE);
	if (!entries)
		return 0;
	target = entries->target[entry % NAT_ENTRIES_PER_LINE];
	return target < balancer->target_count ? balancer->targets + target : 0;
}

static __always_inline int plan_target(struct packet *packet, struct translation *plan, __u32 line)
{
	const struct nat_target *target = line ? table_at(line) : NULL;

	if (!target)
		return DROP_NO_ENDPOINT;
	plan->other.destination = target->address;
	plan->other.destination_port = bpf_htons(target->port);
	packet->out_slot = target->slot;
	return 0;
}

/* line: of the struct nat_address that the packet is sent to. */
static __noinline int plan_destination(struct packet *packet, struct translation *plan, __u32 line)
{
	const struct nat_address *address = table_at(line);
	__u64 service = find_service(packet, address);

	if (!address || !plan)
		return DROP_NO_ENDPOINT;
	if (service >> 32 == NAT_SERVICE_FORWARD)
		return plan_target(packet, plan, (__u32)service);
	if (service >> 32 == NAT_SERVICE_BALANCER)
		return plan_target(packet, plan, balance(packet, (__u32)service));
	if (!address->slot)
		return DROP_NO_ENDPOINT;
	plan->other.destination = address->inner;
	packet->out_slot = address->slot;
	return 0;
}

/* --- whom it is from --- */

/* The ports that a gateway may give, and which to try first. */
static __always_inline void plan_ports(const struct packet *packet, struct translation *plan,
				       const struct nat_gateway *gateway)
{
	__u16 own = bpf_ntohs(packet->tuple.has_ports ? packet->tuple.source_port
						       : packet->icmp_identifier);
	__u32 count = gateway->port_high - gateway->port_low + 1;

	/* Without ports or an identifier there is nothing to tell flows apart by: what comes first
	 * has the address. */
	if (!packet->tuple.has_ports && !packet->icmp_identifier)
		return;
	plan->port_low = gateway->port_low;
	plan->port_high = gateway->port_high;
	if (own >= gateway->port_low && own <= gateway->port_high)
		plan->port_first = own;
	else
		plan->port_first = gateway->port_low +
				   (__u16)((__u64)bpf_get_prandom_u32() * count >> 32);
}

/* All flows of one sender come from one address (RFC 4787, REQ-2). */
static __always_inline const struct ip_address *
pool_address(const struct packet *packet, const struct nat_gateway *gateway)
{
	bool ipv6 = packet->ipv6;
	__u32 count = ipv6 ? gateway->address_count[1] : gateway->address_count[0];
	__u32 first = ipv6 ? gateway->addresses[1] : gateway->addresses[0];
	__u64 sum = mix(mix(0, packet->tuple.source.halves[0]), packet->tuple.source.halves[1]);
	__u32 at = (__u64)(__u32)sum * count >> 32;
	const struct nat_addresses *addresses;

	if (!count)
		return NULL;
	addresses = table_at(first + at / NAT_ADDRESSES_PER_LINE);
	return addresses ? &addresses->address[at % NAT_ADDRESSES_PER_LINE] : NULL;
}

/* What the sender is seen as outside its vnet. */
static __noinline int plan_source(const struct packet *packet, struct translation *plan)
{
	const struct vnet *vnet = table_at(packet->in->vnet);
	const struct vnet *publics = vnet && vnet->publics ? table_at(vnet->publics) : NULL;
	__u32 target = publics ? endpoint_find(publics, &packet->tuple.source) : 0;
	const struct nat_address *own = target ? table_at(target & ENDPOINT_VALUE_MASK) : NULL;
	const struct subnet *subnet = table_at(packet->in->subnet);
	const struct nat_gateway *gateway;
	const struct ip_address *address;

	if (!plan)
		return DROP_NO_WAY_OUT;
	if (own) {
		plan->other.source = own->address;
		return 0;
	}
	gateway = subnet && subnet->gateway_nat ? table_at(subnet->gateway_nat) : NULL;
	address = gateway ? pool_address(packet, gateway) : NULL;
	if (!address)
		return DROP_NO_WAY_OUT;
	plan->other.source = *address;
	plan_ports(packet, plan, gateway);
	return 0;
}

/* --- the whole --- */

/* No router hands these on (RFC 3927, 7; RFC 4291, 2.5.6). */
static __always_inline bool stays_on_link(const struct ip_address *address)
{
	return address_is_link_local(address) ||
	       (address_is_ipv4(address) && address->bytes[12] == 169 && address->bytes[13] == 254);
}

/* target: the destination's endpoint in the sender's vnet, translated; or 0: it lies outside. */
static __noinline int route_translated(struct packet *packet, __u32 target)
{
	struct translation *plan = translation_of(packet);
	bool leaves = !target;
	int reason = 0;

	if (!plan || (leaves && stays_on_link(&packet->tuple.destination)))
		return DROP_NO_ROUTE;
	begin_plan(packet, plan);
	if (leaves) {
		const struct vnet *outside = table_at(packet->root->outside);

		if (!outside)
			return DROP_NO_ROUTE;
		packet->out_slot = outside->uplink;
		target = endpoint_find(outside, &packet->tuple.destination);
		reason = plan_source(packet, plan);
	}
	if (!reason && target)
		reason = plan_destination(packet, plan, target & ENDPOINT_VALUE_MASK);
	if (reason)
		return reason;
	packet->out = port_at(packet->root, packet->out_slot);
	if (!packet->out || packet->out_slot == packet->in_slot)
		return leaves && !target ? DROP_NO_ROUTE : DROP_NO_ENDPOINT;
	plan->vni = port_vni(packet->out);
	plan->planned = 1;
	return 0;
}

#endif
