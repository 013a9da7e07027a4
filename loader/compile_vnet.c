/* SPDX-License-Identifier: BSD-2-Clause */
/* One vnet: its subnets, who has which address, and what is in reach. */
#include "loader/compiler.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ip_address prefix_gateway(const struct sluice_prefix *prefix)
{
	struct address_range range = prefix_range(prefix);

	if (!memcmp(&range.first, &range.last, sizeof(range.first)))
		return (struct ip_address){ 0 };
	return number_to_address(address_to_number(&range.first) + 1);
}

static bool is_zero(const struct ip_address *address)
{
	return !address->halves[0] && !address->halves[1];
}

void add_endpoint(struct endpoints *endpoints, const struct ip_address *address,
		  enum endpoint_kind kind, __u32 value)
{
	endpoints->endpoint[endpoints->count++] =
		(struct endpoint){ *address, (__u32)kind << ENDPOINT_KIND_SHIFT | value };
}

/* Lays each struct subnet and takes its gateways for endpoints. */
static int lay_subnets(struct compiler *compiler, struct vnet_build *build,
		       struct endpoints *endpoints)
{
	for (size_t i = 0; i < build->vnet->subnet_count; i++) {
		const struct sluice_subnet *from = &build->vnet->subnets[i];
		__u32 line = compiler_take(compiler, 1);
		struct subnet *subnet;

		if (!line)
			return -ENOSPC;
		build->subnet_line[i] = line;
		subnet = tables_line(compiler->tables, line);
		subnet->vnet = build->line;
		for (size_t j = 0; j < from->prefix_count; j++) {
			struct ip_address gateway = prefix_gateway(&from->prefixes[j]);
			struct ip_address *first =
				from->prefixes[j].ipv6 ? &subnet->gateway6 : &subnet->gateway4;

			if (is_zero(&gateway))
				continue;
			add_endpoint(endpoints, &gateway, ENDPOINT_GATEWAY, line);
			if (is_zero(first))
				*first = gateway;
		}
	}
	return 0;
}

/* Ports of the vnet and of its peers: whose address it is, the slot says. */
static void add_ports(struct compiler *compiler, struct vnet_build *build,
		      struct endpoints *endpoints)
{
	const struct sluice_config *config = compiler->config;

	for (size_t i = 0; i < config->port_count; i++) {
		if (!build->in_reach[compiler->port_vnet[i]])
			continue;
		for (size_t j = 0; j < config->ports[i].address_count; j++)
			add_endpoint(endpoints, &config->ports[i].addresses[j], ENDPOINT_PORT,
				     compiler->port_slot[i]);
	}
}

static int compare_endpoints(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ip_address));
}

static int refuse_twins(struct compiler *compiler, const struct vnet_build *build,
			struct endpoints *endpoints)
{
	char text[46];

	qsort(endpoints->endpoint, endpoints->count, sizeof(*endpoints->endpoint),
	      compare_endpoints);
	for (size_t i = 1; i < endpoints->count; i++)
		if (!compare_endpoints(&endpoints->endpoint[i - 1], &endpoints->endpoint[i]))
			return sluice_error_set(
				compiler->error, -EINVAL,
				"vnet %s: the address %s is taken twice, by two ports or by a "
				"port and its subnet's gateway",
				build->vnet->name,
				sluice_address_text(&endpoints->endpoint[i].address, text));
	return 0;
}

/* Whether no bucket gets more than it holds. fill is scratch, one byte per bucket. */
static bool seed_fits(const struct endpoints *endpoints, __u32 seed, __u32 mask, __u8 *fill)
{
	memset(fill, 0, (size_t)mask + 1);
	for (size_t i = 0; i < endpoints->count; i++) {
		__u32 bucket = endpoint_hash(&endpoints->endpoint[i].address, seed) & mask;

		if (fill[bucket]++ == ENDPOINTS_PER_BUCKET)
			return false;
	}
	return true;
}

/* How many seeds are tried before the table is doubled: it saves a doubling for a few thousand
 * endpoints. */
#define SEEDS_PER_SIZE 64

/* The smallest table, and a seed for it, in which every bucket holds its endpoints. */
static int choose_table(struct compiler *compiler, const struct endpoints *endpoints,
			struct vnet *vnet)
{
	__u32 buckets = 1;

	while ((size_t)buckets * ENDPOINTS_PER_BUCKET < endpoints->count)
		buckets *= 2;
	for (; buckets <= compiler->tables->count; buckets *= 2) {
		__u8 *fill = malloc(buckets);
		__u32 seed = 0;

		if (!fill)
			return compiler_no_memory(compiler);
		while (seed < SEEDS_PER_SIZE && !seed_fits(endpoints, seed, buckets - 1, fill))
			seed++;
		free(fill);
		if (seed == SEEDS_PER_SIZE)
			continue;
		vnet->endpoint_seed = seed;
		vnet->endpoint_mask = buckets - 1;
		vnet->endpoints = compiler_take(compiler, buckets);
		return vnet->endpoints ? 0 : -ENOSPC;
	}
	return sluice_error_set(compiler->error, -ENOSPC,
				"the table has no room for the addresses of a vnet");
}

int lay_endpoints(struct compiler *compiler, const struct endpoints *endpoints, struct vnet *vnet)
{
	struct endpoint_bucket *buckets;
	int result = choose_table(compiler, endpoints, vnet);

	if (result)
		return result;
	buckets = tables_line(compiler->tables, vnet->endpoints);
	for (size_t i = 0; i < endpoints->count; i++) {
		const struct endpoint *from = &endpoints->endpoint[i];
		struct endpoint_bucket *bucket =
			&buckets[endpoint_hash(&from->address, vnet->endpoint_seed) &
				 vnet->endpoint_mask];
		int at = 0;

		while (bucket->target[at])
			at++;
		bucket->address[at] = from->address;
		bucket->target[at] = from->target;
	}
	return 0;
}

static size_t prefix_count(const struct sluice_vnet *vnet)
{
	size_t count = vnet->prefix_count;

	for (size_t i = 0; i < vnet->subnet_count; i++)
		count += vnet->subnets[i].prefix_count;
	return count;
}

/* Lays the addresses that live on remotes, and takes them for endpoints. */
static int lay_remote_addresses(struct compiler *compiler, struct vnet_build *build,
				struct vnet *vnet, struct endpoints *endpoints)
{
	const struct sluice_vnet *from = build->vnet;
	size_t index = (size_t)(build - compiler->vnet), per_line = REMOTE_ADDRESSES_PER_LINE;
	struct remote_addresses *lines;

	if (!from->address_count)
		return 0;
	vnet->remotes = compiler_take(compiler,
				      (__u32)((from->address_count + per_line - 1) / per_line));
	if (!vnet->remotes)
		return -ENOSPC;
	lines = tables_line(compiler->tables, vnet->remotes);
	for (size_t i = 0; i < from->address_count; i++) {
		struct remote_address *to = &lines[i / per_line].address[i % per_line];
		struct ip_address address;

		if (sluice_address_parse(from->addresses[i].address, &address))
			return sluice_error_set(compiler->error, -EINVAL,
						"vnet %s: \"%s\" is no address", from->name,
						from->addresses[i].address);
		to->slot = (__u16)compiler->end_slot[tunnel_end_of(
			compiler->config, &compiler->ends, index, &from->addresses[i])];
		memcpy(to->mac, from->addresses[i].mac, sizeof(to->mac));
		add_endpoint(endpoints, &address, ENDPOINT_REMOTE, (__u32)i);
	}
	return 0;
}

static size_t endpoint_count(const struct compiler *compiler, const struct vnet_build *build)
{
	const struct sluice_config *config = compiler->config;
	size_t count = prefix_count(build->vnet) + build->vnet->address_count + config->lb_count;

	for (size_t i = 0; i < config->port_count; i++)
		if (build->in_reach[compiler->port_vnet[i]])
			count += config->ports[i].address_count;
	return count;
}

int compile_vnet(struct compiler *compiler, struct vnet_build *build)
{
	struct endpoints endpoints = { 0 };
	struct vnet *vnet;
	int result;

	build->line = compiler_take(compiler, 1);
	if (!build->line)
		return -ENOSPC;
	vnet = tables_line(compiler->tables, build->line);
	vnet->vni = build->vnet->vni;
	endpoints.endpoint =
		calloc(endpoint_count(compiler, build) + 1, sizeof(*endpoints.endpoint));
	if (!endpoints.endpoint)
		return compiler_no_memory(compiler);
	result = lay_subnets(compiler, build, &endpoints) ?:
		 lay_remote_addresses(compiler, build, vnet, &endpoints) ?:
		 compile_frontends(compiler, build, &endpoints);
	if (!result) {
		add_ports(compiler, build, &endpoints);
		result = refuse_twins(compiler, build, &endpoints);
	}
	if (!result)
		result = lay_endpoints(compiler, &endpoints, vnet);
	if (!result)
		result = compile_routes(compiler, build);
	free(endpoints.endpoint);
	return result;
}
