// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where a port's vnet would send a packet: the running version's tables, read as route and
 * endpoint lookup read them.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "loader/reach.h"
#include "loader/switch.h"
#include "loader/text.h"
#include "maps/vnet.h"

static const void *line_at(const struct sluice *sw, __u32 line)
{
	return line < sw->line_count ? &sw->lines[line] : NULL;
}

static bool is_above(const __u64 key[2], __u64 high, __u64 low)
{
	return key[0] != high ? key[0] > high : key[1] > low;
}

/* What a tree of routes says, as route_search() of the programs finds it. */
static __u32 search_routes(const struct sluice *sw, __u32 root, const struct ip_address *address)
{
	__u64 high = be64toh(address->halves[0]), low = be64toh(address->halves[1]);
	__u32 next = root | ROUTE_DEEPER;

	for (int depth = 0; depth < ROUTE_DEPTH && next & ROUTE_DEEPER; depth++) {
		const struct route_line *line = line_at(sw, next & ~ROUTE_DEEPER);
		int piece = 0;

		if (!line)
			return 0;
		while (piece < ROUTE_KEYS && !is_above(line->key[piece], high, low))
			piece++;
		next = line->piece[piece];
	}
	return next & ROUTE_DEEPER ? 0 : next;
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

/* The route of the document that decides, as the tree was made of it. */
struct deciding {
	const struct ip_address *destination;
	const struct sluice_prefix *prefix;
	const char *subnet;
	const char *table;
	struct sluice_prefix own; /* of a route table's route */
	const char *next_hop;
};

/* Whether a prefix is longer than the one before it, or as long: then the later one decides. */
static bool decides(struct deciding *deciding, const struct sluice_prefix *prefix)
{
	if (!prefix_holds(prefix, deciding->destination) ||
	    (deciding->prefix && deciding->prefix->length > prefix->length))
		return false;
	deciding->prefix = prefix;
	deciding->subnet = NULL;
	return true;
}

static void consider_vnet(struct deciding *deciding, const struct sluice_vnet *vnet)
{
	for (size_t i = 0; i < vnet->prefix_count; i++)
		decides(deciding, &vnet->prefixes[i]);
	for (size_t s = 0; s < vnet->subnet_count; s++)
		for (size_t i = 0; i < vnet->subnets[s].prefix_count; i++)
			if (decides(deciding, &vnet->subnets[s].prefixes[i]))
				deciding->subnet = vnet->subnets[s].name;
}

static void consider_table(struct deciding *deciding, const struct sluice_route_table *table)
{
	for (size_t i = 0; table && i < table->route_count; i++) {
		struct sluice_prefix prefix = route_prefix(&table->routes[i]);

		if (!decides(deciding, &prefix))
			continue;
		deciding->own = prefix;
		deciding->prefix = &deciding->own;
		deciding->table = table->name;
		deciding->next_hop = table->routes[i].next_hop;
	}
}

static const struct sluice_port *find_port(const struct sluice_config *config, const char *name)
{
	for (size_t i = 0; i < config->port_count; i++)
		if (!strcmp(config->ports[i].name, name))
			return &config->ports[i];
	return NULL;
}

/* Names what the tables only number. without_table: the port is its own next hop. */
static int name_route(const struct sluice_config *config, const char *name, bool without_table,
		      struct deciding *deciding)
{
	const struct sluice_port *port = find_port(config, name);
	const struct reach_peering *peers;
	struct reach reach;
	ssize_t vnet;
	size_t count;

	if (!port || reach_build(config, &reach))
		return port ? -ENOMEM : 0;
	vnet = name_index_find(&reach.vnets, port->vnet);
	if (vnet >= 0) {
		const struct sluice_vnet *own = &config->vnets[vnet];

		peers = reach_peers(&reach, (size_t)vnet, &count);
		for (size_t i = 0; i < count; i++)
			consider_vnet(deciding, &config->vnets[peers[i].peer]);
		consider_vnet(deciding, own);
		for (size_t i = 0; i < own->subnet_count && !without_table; i++)
			if (!strcmp(own->subnets[i].name, port->subnet))
				consider_table(deciding,
					       reach_table(&reach, config, &own->subnets[i]));
	}
	reach_free(&reach);
	return 0;
}

static void name_port(const struct sluice *sw, const char *type, __u32 slot,
		      struct sluice_next_hop *hop)
{
	const char *name = ids_key(sw->slots, slot);

	snprintf(hop->type, sizeof(hop->type), "%s", type);
	snprintf(hop->to, sizeof(hop->to), "%s", name ? name : "");
}

/* The remote that an address of a vnet lives on, by the address's number. */
static const char *remote_of(const struct sluice_config *config, __u32 vni, __u32 number)
{
	for (size_t i = 0; i < config->vnet_count; i++)
		if (config->vnets[i].vni == vni && number < config->vnets[i].address_count)
			return config->vnets[i].addresses[number].remote;
	return "";
}

/* Who has the destination, where no route of a table says otherwise. Of remotes there are addresses in no
 * subnet of this host. */
static void fill_endpoint(const struct sluice *sw, const struct vnet *vnet,
			  const struct ip_address *destination, struct sluice_next_hop *hop)
{
	__u32 target = find_endpoint(sw, vnet, destination);

	switch (target >> ENDPOINT_KIND_SHIFT) {
	case ENDPOINT_PORT:
		name_port(sw, "Port", target & ENDPOINT_VALUE_MASK, hop);
		break;
	case ENDPOINT_REMOTE:
		snprintf(hop->type, sizeof(hop->type), "Remote");
		snprintf(hop->to, sizeof(hop->to), "%s",
			 remote_of(sw->config, vnet->vni, target & ENDPOINT_VALUE_MASK));
		break;
	case ENDPOINT_GATEWAY:
		snprintf(hop->type, sizeof(hop->type), "Gateway");
		snprintf(hop->to, sizeof(hop->to), "%s", hop->subnet);
		break;
	}
}

static int fill_hop(struct sluice *sw, const struct port *line, const char *port,
		    const struct ip_address *destination, struct sluice_next_hop *hop)
{
	const struct vnet *vnet = line_at(sw, line->vnet);
	const struct subnet *subnet = line_at(sw, line->subnet);
	__u32 routes = subnet && subnet->routes ? subnet->routes : vnet->routes;
	__u32 way = search_routes(sw, routes, destination);
	bool itself = way == ((__u32)ROUTE_PORT << ROUTE_KIND_SHIFT | line->slot);
	struct deciding deciding = { .destination = destination };
	char text[TEXT_MAX];

	if (itself)
		way = search_routes(sw, vnet->routes, destination);
	memset(hop, 0, sizeof(*hop));
	snprintf(hop->type, sizeof(hop->type), "None");
	if (name_route(sw->config, port, itself, &deciding))
		return -ENOMEM;
	if (deciding.prefix)
		snprintf(hop->prefix, sizeof(hop->prefix), "%s", text_prefix(deciding.prefix, text));
	snprintf(hop->subnet, sizeof(hop->subnet), "%s", deciding.subnet ? deciding.subnet : "");
	snprintf(hop->table, sizeof(hop->table), "%s", deciding.table ? deciding.table : "");
	switch (way >> ROUTE_KIND_SHIFT) {
	case ROUTE_SUBNET:
	case ROUTE_UNUSED:
		fill_endpoint(sw, vnet, destination, hop);
		break;
	case ROUTE_PORT:
		name_port(sw, "VirtualAppliance", way & ROUTE_VALUE_MASK, hop);
		snprintf(hop->address, sizeof(hop->address), "%s",
			 deciding.next_hop ? deciding.next_hop : "");
		break;
	case ROUTE_INTERNET:
		snprintf(hop->type, sizeof(hop->type), "Internet");
		break;
	}
	return 0;
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

		if (slot < 0)
			return slot;
		if (!running || !root || (__u32)slot >= root->port_count)
			continue;
		line = line_at(sw, root->ports + slot);
		if (!line || !line_at(sw, line->vnet))
			continue;
		if (fill_hop(sw, line, port, destination, &found))
			return sluice_error_set(error, -ENOMEM, "memory is short");
		if (__atomic_load_n(&sw->control->root, __ATOMIC_ACQUIRE) == running) {
			*hop = found;
			return 0;
		}
	}
	return sluice_error_set(error, -EAGAIN,
				"the switch changes too fast to be read; try again");
}
