// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether peerings and route tables make sense: peers are there and apart, and each next hop is a port
 * in reach of the subnets whose routes name it, one that may send on what is not from it.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/reach.h"
#include "loader/validate.h"

/* A prefix of a vnet or of a peer of it. */
struct claim {
	struct ip_address first;
	struct ip_address last;
	const struct sluice_prefix *prefix;
	size_t vnet;
};

static int compare_claims(const void *a, const void *b)
{
	const struct claim *first = a, *second = b;

	return prefix_compare(first->prefix, second->prefix);
}

static size_t add_claims(const struct sluice_config *config, size_t vnet, struct claim *claims)
{
	const struct sluice_vnet *from = &config->vnets[vnet];

	for (size_t i = 0; i < from->prefix_count; i++)
		claims[i] = (struct claim){ prefix_first(&from->prefixes[i]),
					    prefix_last(&from->prefixes[i]), &from->prefixes[i],
					    vnet };
	return from->prefix_count;
}

static int refuse_claims(struct validation *validation, size_t vnet, const struct claim *one,
			 const struct claim *other)
{
	const struct sluice_vnet *vnets = validation->config->vnets;
	const struct claim *own = one->vnet == vnet ? one : other;
	const struct claim *peer = own == one ? other : one;
	char text[TEXT_MAX], peer_text[TEXT_MAX];

	text_prefix(own->prefix, text);
	text_prefix(peer->prefix, peer_text);
	if (own->vnet == vnet)
		return refuse(validation, &vnets[vnet], NULL, 0,
			      "vnet \"%s\": its prefix %s overlaps %s of its peer \"%s\"; an address "
			      "in reach must be one vnet's",
			      vnets[vnet].name, text, peer_text, vnets[peer->vnet].name);
	return refuse(validation, &vnets[vnet], NULL, 0,
		      "vnet \"%s\": prefix %s of its peer \"%s\" overlaps %s of its peer \"%s\"; an "
		      "address in reach must be one vnet's",
		      vnets[vnet].name, text, vnets[own->vnet].name, peer_text,
		      vnets[peer->vnet].name);
}

/* What a vnet and its peers have must be apart. */
static int validate_apart(struct validation *validation, const struct reach *reach, size_t vnet)
{
	const struct sluice_config *config = validation->config;
	size_t count = config->vnets[vnet].prefix_count, peer_count;
	const struct reach_peering *peers = reach_peers(reach, vnet, &peer_count);
	const struct claim *before = NULL;
	struct claim *claims;
	int code = 0;

	for (size_t i = 0; i < peer_count; i++)
		count += config->vnets[peers[i].peer].prefix_count;
	claims = calloc(count + 1, sizeof(*claims));
	if (!claims)
		return sluice_error_set(validation->error, -ENOMEM, "memory is short");
	count = add_claims(config, vnet, claims);
	for (size_t i = 0; i < peer_count; i++)
		count += add_claims(config, peers[i].peer, &claims[count]);
	qsort(claims, count, sizeof(*claims), compare_claims);
	for (size_t i = 0; !code && i < count; i++) {
		if (before && before->prefix->ipv6 == claims[i].prefix->ipv6 &&
		    address_compare(&claims[i].first, &before->last) <= 0)
			code = refuse_claims(validation, vnet, before, &claims[i]);
		before = &claims[i];
	}
	free(claims);
	return code;
}

static int validate_peers(struct validation *validation, const struct reach *reach, size_t vnet)
{
	const struct sluice_vnet *from = &validation->config->vnets[vnet];
	char text[128];

	for (size_t i = 0; i < from->peer_count; i++) {
		const char *peer = from->peers[i];

		if (!strcmp(peer, from->name))
			return refuse(validation, from, "peers", i,
				      "vnet \"%s\" can not be its own peer", from->name);
		if (names_find(&validation->vnets, peer) < 0)
			return refuse(validation, from, "peers", i,
				      "vnet \"%s\" %s, but is a peer of vnet \"%s\"%s", peer,
				      names_missing(validation), from->name,
				      names_suggest(validation, &validation->vnets, peer, text));
	}
	return validate_apart(validation, reach, vnet);
}

/* The next hop of a route, as a subnet of the vnet would take it. */
static int validate_hop(struct validation *validation, const struct reach *reach, size_t vnet,
			const struct sluice_subnet *subnet, const struct sluice_route *route)
{
	const struct sluice_config *config = validation->config;
	const char *name = config->vnets[vnet].name;
	const struct sluice_port *port;
	struct ip_address address;
	ssize_t index;

	if (route_next_hop(route, &address) != NEXT_HOP_ADDRESS)
		return 0;
	index = reach_port(reach, vnet, &address);
	if (index < 0)
		return refuse(validation, route, "nextHop", 0,
			      "route \"%s/%s\": no port in reach of subnet \"%s/%s\", which uses it, "
			      "has the address %s; name one of a port of the vnet or of a peer of it",
			      subnet->routes, route->prefix, name, subnet->name, route->next_hop);
	port = &config->ports[index];
	if (!port->allow_spoofing)
		return refuse(validation, route, "nextHop", 0,
			      "route \"%s/%s\": port \"%s\", which has its next hop %s, may not send on "
			      "what is not from it; set guards.spoofing: allow there",
			      subnet->routes, route->prefix, port->name, route->next_hop);
	return 0;
}

static int validate_subnet_routes(struct validation *validation, const struct reach *reach,
				  size_t vnet, const struct sluice_subnet *subnet)
{
	const struct sluice_route_table *table = reach_table(reach, validation->config, subnet);
	char text[128];
	int code = 0;

	if (subnet->routes && !table)
		return refuse(validation, subnet, "routes", 0,
			      "route table \"%s\" %s, but subnet \"%s/%s\" uses it%s", subnet->routes,
			      names_missing(validation), validation->config->vnets[vnet].name,
			      subnet->name,
			      names_suggest(validation, &validation->route_tables, subnet->routes,
					    text));
	for (size_t i = 0; table && !code && i < table->route_count; i++)
		code = validate_hop(validation, reach, vnet, subnet, &table->routes[i]);
	return code;
}

static int validate_table(struct validation *validation, const struct sluice_route_table *table)
{
	struct name_table routes = { 0 };
	char owner[128];
	int code;

	snprintf(owner, sizeof(owner), "route table \"%s\": ", table->name);
	code = names_collect(validation, schema_place_of(SLUICE_ROUTE), table, owner, &routes);
	names_free(&routes);
	return code;
}

int validate_routes(struct validation *validation)
{
	const struct sluice_config *config = validation->config;
	struct reach reach;
	int code = reach_build(config, &reach);

	if (code)
		code = sluice_error_set(validation->error, code, "memory is short");
	for (size_t i = 0; !code && i < config->route_table_count; i++)
		code = validate_table(validation, &config->route_tables[i]);
	for (size_t i = 0; !code && i < config->vnet_count; i++)
		code = validate_peers(validation, &reach, i);
	for (size_t i = 0; !code && i < config->vnet_count; i++)
		for (size_t j = 0; !code && j < config->vnets[i].subnet_count; j++)
			code = validate_subnet_routes(validation, &reach, i,
						      &config->vnets[i].subnets[j]);
	reach_free(&reach);
	return code;
}
