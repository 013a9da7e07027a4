// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where a port's vnet would send a packet: the running version's tables, read as route and
 * endpoint lookup read them.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "loader/switch.h"
#include "maps/vnet.h"

static const void *line_at(const struct sluice *sw, __u32 line)
{
	return line < sw->line_count ? &sw->lines[line] : NULL;
}

/* Numbers as routes hold them: host order, high half first. */
static void address_numbers(const struct ip_address *address, __u64 number[2])
{
	number[0] = be64toh(address->halves[0]);
	number[1] = be64toh(address->halves[1]);
}

static int compare_numbers(const __u64 a[2], const __u64 b[2])
{
	if (a[0] != b[0])
		return a[0] < b[0] ? -1 : 1;
	return a[1] < b[1] ? -1 : a[1] > b[1];
}

static const struct route *find_route(const struct sluice *sw, const struct vnet *vnet,
				      const struct ip_address *destination)
{
	__u64 number[2];

	address_numbers(destination, number);
	for (__u32 i = 0; i < vnet->route_count; i++) {
		const struct route *route = line_at(sw, vnet->routes + i);

		if (route && compare_numbers(route->low, number) <= 0 &&
		    compare_numbers(number, route->high) <= 0)
			return route;
	}
	return NULL;
}

static __u32 find_endpoint(const struct sluice *sw, const struct vnet *vnet,
			   const struct ip_address *destination)
{
	const struct endpoint_bucket *bucket =
		line_at(sw, vnet->endpoints + (endpoint_hash(destination, vnet->endpoint_seed) &
					       vnet->endpoint_mask));

	for (int i = 0; bucket && i < ENDPOINTS_PER_BUCKET; i++)
		if (bucket->target[i] &&
		    !memcmp(&bucket->address[i], destination, sizeof(*destination)))
			return bucket->target[i];
	return 0;
}

static bool prefix_holds(const struct sluice_prefix *prefix, const struct ip_address *address)
{
	unsigned int bits = prefix->ipv6 ? prefix->length : prefix->length + 96u;
	unsigned int whole = bits / 8, rest = bits % 8;
	__u8 mask = (__u8)(0xff00 >> rest);

	if (sluice_address_is_ipv4(address) == prefix->ipv6)
		return false;
	if (memcmp(prefix->address.bytes, address->bytes, whole))
		return false;
	return !rest || !((prefix->address.bytes[whole] ^ address->bytes[whole]) & mask);
}

/* The subnet that holds the destination, by the document; it names what the tables only number. */
static void name_subnet(const struct sluice_config *config, const char *port,
			const struct ip_address *destination, struct sluice_next_hop *hop)
{
	const char *vnet = NULL;

	for (size_t i = 0; i < config->port_count; i++)
		if (!strcmp(config->ports[i].name, port))
			vnet = config->ports[i].vnet;
	for (size_t i = 0; vnet && i < config->vnet_count; i++) {
		const struct sluice_vnet *v = &config->vnets[i];

		if (strcmp(v->name, vnet))
			continue;
		for (size_t s = 0; s < v->subnet_count; s++)
			for (size_t p = 0; p < v->subnets[s].prefix_count; p++) {
				const struct sluice_prefix *prefix = &v->subnets[s].prefixes[p];
				char text[INET6_ADDRSTRLEN];

				if (!prefix_holds(prefix, destination))
					continue;
				snprintf(hop->subnet, sizeof(hop->subnet), "%s",
					 v->subnets[s].name);
				snprintf(hop->prefix, sizeof(hop->prefix), "%s/%u",
					 sluice_address_text(&prefix->address, text),
					 prefix->length);
			}
	}
}

static void fill_hop(struct sluice *sw, const struct vnet *vnet, const char *port,
		     const struct ip_address *destination, struct sluice_next_hop *hop)
{
	const struct route *route = find_route(sw, vnet, destination);
	const char *name;
	__u32 target;

	memset(hop, 0, sizeof(*hop));
	snprintf(hop->type, sizeof(hop->type), "None");
	if (!route || route->kind != ROUTE_SUBNET)
		return;
	name_subnet(sw->config, port, destination, hop);
	target = find_endpoint(sw, vnet, destination);
	switch (target >> ENDPOINT_KIND_SHIFT) {
	case ENDPOINT_PORT:
		snprintf(hop->type, sizeof(hop->type), "Port");
		name = ids_key(sw->slots, target & ENDPOINT_VALUE_MASK);
		snprintf(hop->to, sizeof(hop->to), "%s", name ? name : "");
		break;
	case ENDPOINT_GATEWAY:
		snprintf(hop->type, sizeof(hop->type), "Gateway");
		snprintf(hop->to, sizeof(hop->to), "%s", hop->subnet);
		break;
	}
}

int sluice_next_hop(struct sluice *sw, const char *port, const struct ip_address *destination,
		    struct sluice_next_hop *hop, struct sluice_error *error)
{
	struct sluice_next_hop found;

	/* A version published meanwhile may reuse the lines that were read: then look again. */
	for (int attempt = 0; attempt < 10; attempt++) {
		__u32 running = __atomic_load_n(&sw->control->root, __ATOMIC_ACQUIRE);
		int slot = sluice_port_slot(sw, port, error);
		const struct root *root = line_at(sw, running);
		const struct port *line;
		const struct vnet *vnet;

		if (slot < 0)
			return slot;
		if (!running || !root || (__u32)slot >= root->port_count)
			continue;
		line = line_at(sw, root->ports + slot);
		vnet = line ? line_at(sw, line->vnet) : NULL;
		if (!vnet)
			continue;
		fill_hop(sw, vnet, port, destination, &found);
		if (__atomic_load_n(&sw->control->root, __ATOMIC_ACQUIRE) == running) {
			*hop = found;
			return 0;
		}
	}
	return sluice_error_set(error, -EAGAIN,
				"the switch changes too fast to be read; try again");
}
