/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading `tables`: from a line number to a typed structure, and the three small tables found
 * there. Nothing here writes.
 */
#ifndef SLUICE_BPF_LOOKUP_H
#define SLUICE_BPF_LOOKUP_H

#include "bpf/packet.h"
#include "maps/control.h"
#include "maps/tunnel.h"

/* The structure that starts at a line of `tables`, or NULL. The caller names a type of one line. */
static __always_inline void *table_at(__u32 line)
{
	return bpf_map_lookup_elem(&tables, &line);
}

static __always_inline const struct control *control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

/* What device buckets say of a device, or NULL. */
static __always_inline const struct device_entry *find_device(__u32 buckets, __u32 mask,
							       __u32 ifindex)
{
	const struct device_bucket *bucket = table_at(buckets + (ifindex & mask));

	if (!bucket || !ifindex)
		return NULL;
	for (int i = 0; i < DEVICES_PER_BUCKET; i++)
		if (bucket->entry[i].ifindex == ifindex)
			return &bucket->entry[i];
	return NULL;
}

/* The slot of the port behind a device, or 0. */
static __always_inline __u32 slot_of_device(const struct root *root, __u32 ifindex)
{
	const struct device_entry *entry = find_device(root->devices, root->device_mask, ifindex);

	return entry ? entry->slot : 0;
}

/* The port in a slot of this version, or NULL. */
static __always_inline const struct port *port_at(const struct root *root, __u32 slot)
{
	const struct port *port;

	if (slot >= root->port_count)
		return NULL;
	port = table_at(root->ports + slot);
	if (!port || !(port->flags & PORT_IN_USE))
		return NULL;
	return port;
}

/* What the flows of a port's vnet are keyed with. */
static __always_inline __u32 port_vni(const struct port *port)
{
	const struct vnet *vnet;

	if (port->vni)
		return port->vni;
	vnet = table_at(port->vnet);
	return vnet ? vnet->vni : 0;
}

static __always_inline bool address_equal(const struct ip_address *a, const struct ip_address *b)
{
	return a->halves[0] == b->halves[0] && a->halves[1] == b->halves[1];
}

static __always_inline bool address_is_ipv4(const struct ip_address *address)
{
	return address->halves[0] == 0 && address->words[2] == bpf_htonl(0xffff);
}

/* What endpoint buckets say of an address: kind << ENDPOINT_KIND_SHIFT | value, or 0. */
static __always_inline __u32 endpoint_in(__u32 buckets, __u32 mask, __u32 seed,
					 const struct ip_address *address)
{
	const struct endpoint_bucket *bucket =
		table_at(buckets + (endpoint_hash(address, seed) & mask));

	if (!bucket)
		return 0;
	for (int i = 0; i < ENDPOINTS_PER_BUCKET; i++)
		if (bucket->target[i] && address_equal(&bucket->address[i], address))
			return bucket->target[i];
	return 0;
}

/* Who has an address in a vnet. */
static __always_inline __u32 endpoint_find(const struct vnet *vnet,
					   const struct ip_address *address)
{
	return endpoint_in(vnet->endpoints, vnet->endpoint_mask, vnet->endpoint_seed, address);
}

/* What an endpoint is that lives on a remote, or NULL. */
static __always_inline const struct remote_address *remote_address_of(const struct vnet *vnet,
								      __u32 target)
{
	__u32 number = target & ENDPOINT_VALUE_MASK;
	const struct remote_addresses *addresses;

	if (target >> ENDPOINT_KIND_SHIFT != ENDPOINT_REMOTE)
		return NULL;
	addresses = table_at(vnet->remotes + number / REMOTE_ADDRESSES_PER_LINE);
	return addresses ? &addresses->address[number % REMOTE_ADDRESSES_PER_LINE] : NULL;
}

/* The slot by which an endpoint is reached: a port's, or a tunnel's end. 0: by none. */
static __always_inline __u32 endpoint_slot(const struct vnet *vnet, __u32 target)
{
	const struct remote_address *remote = remote_address_of(vnet, target);

	if (remote)
		return remote->slot;
	return target >> ENDPOINT_KIND_SHIFT == ENDPOINT_PORT ? target & ENDPOINT_VALUE_MASK : 0;
}

#endif
