// SPDX-License-Identifier: BSD-2-Clause
/* Peerings and who has which address, as lists to search in. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/reach.h"
#include "loader/text.h"

static int compare_numbers(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int compare_peerings(const void *a, const void *b)
{
	const struct reach_peering *first = a, *second = b;

	return compare_numbers(first->vnet, second->vnet) ?:
		       compare_numbers(first->peer, second->peer);
}

static int compare_addresses(const void *a, const void *b)
{
	const struct reach_address *first = a, *second = b;

	return compare_numbers(first->vnet, second->vnet) ?:
		       address_compare(&first->address, &second->address);
}

/* Both ways of what each vnet says, once. */
static int build_peerings(const struct sluice_config *config, struct reach *reach)
{
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < config->vnet_count; i++)
		count += 2 * config->vnets[i].peer_count;
	reach->peering = calloc(count + 1, sizeof(*reach->peering));
	if (!reach->peering)
		return -ENOMEM;
	count = 0;
	for (size_t i = 0; i < config->vnet_count; i++)
		for (size_t j = 0; j < config->vnets[i].peer_count; j++) {
			ssize_t peer = name_index_find(&reach->vnets, config->vnets[i].peers[j]);

			if (peer < 0 || (size_t)peer == i)
				continue;
			reach->peering[count++] = (struct reach_peering){ i, (size_t)peer };
			reach->peering[count++] = (struct reach_peering){ (size_t)peer, i };
		}
	qsort(reach->peering, count, sizeof(*reach->peering), compare_peerings);
	for (size_t i = 0; i < count; i++)
		if (!i || compare_peerings(&reach->peering[i - 1], &reach->peering[i]))
			reach->peering[kept++] = reach->peering[i];
	reach->peering_count = kept;
	return 0;
}

static int build_addresses(const struct sluice_config *config, struct reach *reach)
{
	size_t count = 0;

	for (size_t i = 0; i < config->port_count; i++)
		count += config->ports[i].address_count;
	reach->address = calloc(count + 1, sizeof(*reach->address));
	if (!reach->address)
		return -ENOMEM;
	for (size_t i = 0; i < config->port_count; i++) {
		const struct sluice_port *port = &config->ports[i];
		ssize_t vnet = port->vnet ? name_index_find(&reach->vnets, port->vnet) : -1;

		for (size_t j = 0; vnet >= 0 && j < port->address_count; j++)
			reach->address[reach->address_count++] =
				(struct reach_address){ (size_t)vnet, port->addresses[j], i };
	}
	qsort(reach->address, reach->address_count, sizeof(*reach->address), compare_addresses);
	return 0;
}

int reach_build(const struct sluice_config *config, struct reach *reach)
{
	memset(reach, 0, sizeof(*reach));
	if (name_index_build(&reach->vnets, config->vnets, sizeof(*config->vnets),
			     config->vnet_count) ||
	    name_index_build(&reach->tables, config->route_tables, sizeof(*config->route_tables),
			     config->route_table_count))
		return -ENOMEM;
	return build_peerings(config, reach) ?: build_addresses(config, reach);
}

void reach_free(struct reach *reach)
{
	name_index_free(&reach->vnets);
	name_index_free(&reach->tables);
	free(reach->peering);
	free(reach->address);
}

const struct reach_peering *reach_peers(const struct reach *reach, size_t vnet, size_t *count)
{
	size_t low = 0, high = reach->peering_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (reach->peering[middle].vnet < vnet)
			low = middle + 1;
		else
			high = middle;
	}
	for (*count = 0; low + *count < reach->peering_count; (*count)++)
		if (reach->peering[low + *count].vnet != vnet)
			break;
	return &reach->peering[low];
}

static ssize_t port_in_vnet(const struct reach *reach, size_t vnet,
			    const struct ip_address *address)
{
	struct reach_address wanted = { .vnet = vnet, .address = *address };
	const struct reach_address *found =
		bsearch(&wanted, reach->address, reach->address_count, sizeof(*reach->address),
			compare_addresses);

	return found ? (ssize_t)found->port : -1;
}

ssize_t reach_port(const struct reach *reach, size_t vnet, const struct ip_address *address)
{
	ssize_t port = port_in_vnet(reach, vnet, address);
	size_t count;
	const struct reach_peering *peers = reach_peers(reach, vnet, &count);

	for (size_t i = 0; port < 0 && i < count; i++)
		port = port_in_vnet(reach, peers[i].peer, address);
	return port;
}

const struct sluice_route_table *reach_table(const struct reach *reach,
					     const struct sluice_config *config,
					     const struct sluice_subnet *subnet)
{
	ssize_t table = subnet->routes ? name_index_find(&reach->tables, subnet->routes) : -1;

	return table < 0 ? NULL : &config->route_tables[table];
}

enum next_hop_kind route_next_hop(const struct sluice_route *route, struct ip_address *address)
{
	if (!strcmp(route->next_hop, "internet"))
		return NEXT_HOP_INTERNET;
	if (!strcmp(route->next_hop, "none"))
		return NEXT_HOP_NONE;
	text_parse_address(route->next_hop, address, NULL);
	return NEXT_HOP_ADDRESS;
}

struct sluice_prefix route_prefix(const struct sluice_route *route)
{
	struct sluice_prefix prefix = { 0 };

	text_parse_prefix(route->prefix, &prefix, NULL);
	return prefix;
}
