/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translation: each address that is no port's with what it leads to, what ports are seen as outside, and
 * outside itself (maps/nat.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/compile_nat.h"

static bool same_address(const struct ip_address *a, const struct ip_address *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool holds(const struct sluice_prefix *prefix, const struct ip_address *address)
{
	struct address_range range = prefix_range(prefix);

	return prefix->ipv6 != sluice_address_is_ipv4(address) &&
	       memcmp(&range.first, address, sizeof(*address)) <= 0 &&
	       memcmp(address, &range.last, sizeof(*address)) <= 0;
}

bool nat_is_inside(const struct sluice_vnet *vnet, const struct ip_address *address)
{
	for (size_t i = 0; i < vnet->prefix_count; i++)
		if (holds(&vnet->prefixes[i], address))
			return true;
	return false;
}

ssize_t nat_port_index(const struct sluice_config *config, const char *name)
{
	for (size_t i = 0; i < config->port_count; i++)
		if (!strcmp(config->ports[i].name, name))
			return (ssize_t)i;
	return -1;
}

/* The port's first address of the IP version of another. */
static const struct ip_address *address_like(const struct sluice_port *port,
					     const struct ip_address *address)
{
	for (size_t i = 0; i < port->address_count; i++)
		if (sluice_address_is_ipv4(&port->addresses[i]) ==
		    sluice_address_is_ipv4(address))
			return &port->addresses[i];
	return NULL;
}

int nat_find_target(struct compiler *compiler, const char *name, const struct ip_address *like,
		    struct nat_target *target)
{
	ssize_t index = nat_port_index(compiler->config, name);
	const struct ip_address *address =
		index < 0 ? NULL : address_like(&compiler->config->ports[index], like);

	if (!address)
		return sluice_error_set(compiler->error, -EINVAL,
					"port %s, which translation leads to, is not there or has no "
					"address of the IP version", name);
	target->address = *address;
	target->slot = compiler->port_slot[index];
	return 0;
}

/* --- addresses --- */

/* A port has the whole of the address. */
static int lay_whole(struct compiler *compiler, struct nat_address *to, const char *port)
{
	struct nat_target target = { 0 };
	int result = nat_find_target(compiler, port, &to->address, &target);

	if (!result) {
		to->inner = target.address;
		to->slot = target.slot;
	}
	return result;
}

/* vnet NULL: outside. */
static int lay_address(struct compiler *compiler, const struct sluice_vnet *vnet,
		       const struct ip_address *address, __u32 *line)
{
	const struct sluice_config *config = compiler->config;
	struct nat_address *to;
	int result;

	*line = compiler_take(compiler, 1);
	if (!*line)
		return -ENOSPC;
	to = tables_line(compiler->tables, *line);
	to->address = *address;
	result = compile_services(compiler, vnet, to);
	for (size_t i = 0; i < config->nat_count && !vnet && !result; i++)
		if (config->nat[i].type == SLUICE_NAT_PUBLIC &&
		    same_address(&config->nat[i].address, address))
			result = lay_whole(compiler, to, config->nat[i].port);
	return result;
}

/* Whether it was taken before; what has the address for another reason stands in its way. */
static bool is_there(const struct endpoints *endpoints, const struct ip_address *address)
{
	for (size_t i = 0; i < endpoints->count; i++)
		if (endpoints->endpoint[i].target >> ENDPOINT_KIND_SHIFT == ENDPOINT_TRANSLATED &&
		    same_address(&endpoints->endpoint[i].address, address))
			return true;
	return false;
}

/* Lays an address that is met for the first time and takes it for an endpoint. */
static int add_translated(struct compiler *compiler, const struct sluice_vnet *vnet,
			  const struct ip_address *address, struct endpoints *endpoints)
{
	__u32 line;
	int result;

	if (is_there(endpoints, address))
		return 0;
	result = lay_address(compiler, vnet, address, &line);
	if (!result)
		add_endpoint(endpoints, address, ENDPOINT_TRANSLATED, line);
	return result;
}

int compile_frontends(struct compiler *compiler, const struct vnet_build *build,
		      struct endpoints *endpoints)
{
	const struct sluice_config *config = compiler->config;
	int result = 0;

	for (size_t i = 0; i < config->lb_count && !result; i++)
		if (!strcmp(config->lbs[i].vnet, build->vnet->name) &&
		    nat_is_inside(build->vnet, &config->lbs[i].frontend.address))
			result = add_translated(compiler, build->vnet,
						&config->lbs[i].frontend.address, endpoints);
	return result;
}

/* --- what ports are seen as --- */

/* The vnet of the port in a slot, or NULL. */
static const struct vnet_build *vnet_of_slot(const struct compiler *compiler, __u32 slot)
{
	for (size_t i = 0; slot && i < compiler->config->port_count; i++)
		if (compiler->port_slot[i] == slot)
			return &compiler->vnet[compiler->port_vnet[i]];
	return NULL;
}

/* Of each endpoint outside, by index: the vnet of the port that has the whole of it, or NULL. */
static const struct vnet_build **find_owners(const struct compiler *compiler,
					     const struct endpoints *outside)
{
	const struct vnet_build **owners = calloc(outside->count + 1, sizeof(*owners));

	for (size_t i = 0; owners && i < outside->count; i++) {
		__u32 line = outside->endpoint[i].target & ENDPOINT_VALUE_MASK;
		const struct nat_address *address = tables_line(compiler->tables, line);

		owners[i] = vnet_of_slot(compiler, address->slot);
	}
	return owners;
}

static int lay_publics(struct compiler *compiler, const struct vnet_build *build,
		       const struct endpoints *outside, const struct vnet_build *const *owners,
		       struct endpoints *publics)
{
	struct vnet *vnet = tables_line(compiler->tables, build->line);

	publics->count = 0;
	for (size_t i = 0; i < outside->count; i++) {
		__u32 line = outside->endpoint[i].target & ENDPOINT_VALUE_MASK;
		const struct nat_address *address = tables_line(compiler->tables, line);

		if (owners[i] == build)
			add_endpoint(publics, &address->inner, ENDPOINT_TRANSLATED, line);
	}
	if (!publics->count)
		return 0;
	vnet->publics = compiler_take(compiler, 1);
	if (!vnet->publics)
		return -ENOSPC;
	return lay_endpoints(compiler, publics, tables_line(compiler->tables, vnet->publics));
}

/* The gateway's addresses of one IP version. */
static int lay_pool(struct compiler *compiler, const struct sluice_nat *nat, bool ipv6,
		    struct nat_gateway *to)
{
	struct nat_addresses *lines;
	__u32 count = 0;

	for (size_t i = 0; i < nat->address_count; i++)
		count += sluice_address_is_ipv4(&nat->addresses[i]) != ipv6;
	if (!count)
		return 0;
	to->addresses[ipv6] = compiler_take(
		compiler, (__u32)((count + NAT_ADDRESSES_PER_LINE - 1) / NAT_ADDRESSES_PER_LINE));
	if (!to->addresses[ipv6])
		return -ENOSPC;
	lines = tables_line(compiler->tables, to->addresses[ipv6]);
	for (size_t i = 0; i < nat->address_count; i++) {
		__u32 at = to->address_count[ipv6];

		if (sluice_address_is_ipv4(&nat->addresses[i]) == ipv6)
			continue;
		lines[at / NAT_ADDRESSES_PER_LINE].address[at % NAT_ADDRESSES_PER_LINE] =
			nat->addresses[i];
		to->address_count[ipv6]++;
	}
	return 0;
}

/* Gives the gateway to its subnets. */
static void give_gateway(struct compiler *compiler, const struct vnet_build *build,
			 const struct sluice_nat *nat, __u32 line)
{
	for (size_t i = 0; i < build->vnet->subnet_count; i++) {
		struct subnet *subnet = tables_line(compiler->tables, build->subnet_line[i]);
		bool named = !nat->subnet_count;

		for (size_t j = 0; j < nat->subnet_count; j++)
			named |= !strcmp(nat->subnets[j], build->vnet->subnets[i].name);
		if (named)
			subnet->gateway_nat = line;
	}
}

static int lay_gateway(struct compiler *compiler, const struct sluice_nat *nat)
{
	ssize_t vnet = name_index_find(&compiler->vnets, nat->vnet);
	__u32 line = compiler_take(compiler, 1);
	struct nat_gateway *to;
	int result;

	if (vnet < 0)
		return sluice_error_set(compiler->error, -EINVAL, "nat %s: there is no vnet %s",
					nat->name, nat->vnet);
	if (!line)
		return -ENOSPC;
	to = tables_line(compiler->tables, line);
	to->port_low = nat->ports.first ?: NAT_DEFAULT_PORT_LOW;
	to->port_high = nat->ports.last ?: NAT_DEFAULT_PORT_HIGH;
	result = lay_pool(compiler, nat, false, to) ?: lay_pool(compiler, nat, true, to);
	if (!result)
		give_gateway(compiler, &compiler->vnet[vnet], nat, line);
	return result;
}

/* --- outside --- */

static int collect_outside(struct compiler *compiler, struct endpoints *outside)
{
	const struct sluice_config *config = compiler->config;
	int result = 0;

	for (size_t i = 0; i < config->nat_count && !result; i++) {
		const struct sluice_nat *nat = &config->nat[i];

		if (nat->type != SLUICE_NAT_GATEWAY)
			result = add_translated(compiler, NULL, &nat->address, outside);
		for (size_t j = 0; j < nat->address_count && !result; j++)
			result = add_translated(compiler, NULL, &nat->addresses[j], outside);
	}
	for (size_t i = 0; i < config->lb_count && !result; i++) {
		const struct sluice_lb *lb = &config->lbs[i];
		ssize_t vnet = name_index_find(&compiler->vnets, lb->vnet);

		if (vnet < 0 || !nat_is_inside(&config->vnets[vnet], &lb->frontend.address))
			result = add_translated(compiler, NULL, &lb->frontend.address, outside);
	}
	return result;
}

static int lay_outside_vnet(struct compiler *compiler, const struct endpoints *outside,
			    struct root *root)
{
	root->outside = compiler_take(compiler, 1);
	if (!root->outside)
		return -ENOSPC;
	return lay_endpoints(compiler, outside, tables_line(compiler->tables, root->outside));
}

static int lay_outside(struct compiler *compiler, const struct endpoints *outside,
		       struct endpoints *publics, struct root *root)
{
	const struct sluice_config *config = compiler->config;
	const struct vnet_build **owners;
	int result;

	if (!outside->count)
		return 0;
	owners = find_owners(compiler, outside);
	if (!owners)
		return compiler_no_memory(compiler);
	result = lay_outside_vnet(compiler, outside, root);
	for (size_t i = 0; i < config->vnet_count && !result; i++)
		result = lay_publics(compiler, &compiler->vnet[i], outside, owners, publics);
	free(owners);
	for (size_t i = 0; i < config->nat_count && !result; i++)
		if (config->nat[i].type == SLUICE_NAT_GATEWAY)
			result = lay_gateway(compiler, &config->nat[i]);
	return result;
}

int compile_nat(struct compiler *compiler, struct root *root)
{
	const struct sluice_config *config = compiler->config;
	struct endpoints outside = { 0 }, publics = { 0 };
	size_t room = config->nat_count + config->lb_count + 1;
	int result = 0;

	for (size_t i = 0; i < config->nat_count; i++)
		room += config->nat[i].address_count;
	outside.endpoint = calloc(room, sizeof(*outside.endpoint));
	publics.endpoint = calloc(room, sizeof(*publics.endpoint));
	if (!outside.endpoint || !publics.endpoint)
		result = compiler_no_memory(compiler);
	result = result ?: collect_outside(compiler, &outside) ?:
		 lay_outside(compiler, &outside, &publics, root);
	free(outside.endpoint);
	free(publics.endpoint);
	return result;
}
