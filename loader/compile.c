/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a document to the tables of one version: names are resolved, vnets and the device buckets
 * laid, then ports, which lay the policies they use, and last the root that ties them together.
 */
#include "loader/compiler.h"
#include "loader/flow_share.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

__u32 compiler_take(struct compiler *compiler, __u32 count)
{
	__u32 line = tables_take(compiler->tables, count);

	if (!line && compiler->tables->failed)
		sluice_error_set(compiler->error, compiler->tables->failed,
				 "cannot wait for packets under way: %s",
				 strerror(-compiler->tables->failed));
	else if (!line)
		sluice_error_set(compiler->error, -ENOSPC,
				 "the table of %u lines has no room for this configuration; "
				 "use fewer or shorter rules",
				 compiler->tables->count);
	return line;
}

int compiler_no_memory(struct compiler *compiler)
{
	return sluice_error_set(compiler->error, -ENOMEM, "out of memory");
}

void switch_mac(const char *name, unsigned char mac[6])
{
	__u64 hash = 0xcbf29ce484222325ULL; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3ULL;
	mac[0] = 0x02; /* locally administered, unicast */
	for (int i = 1; i < 6; i++)
		mac[i] = (unsigned char)(hash >> (8 * i));
}

/* --- names --- */

static int index_names(struct compiler *compiler)
{
	const struct sluice_config *config = compiler->config;

	if (name_index_build(&compiler->vnets, config->vnets, sizeof(*config->vnets),
			     config->vnet_count) ||
	    name_index_build(&compiler->tags, config->tags, sizeof(*config->tags),
			     config->tag_count) ||
	    name_index_build(&compiler->asgs, config->asgs, sizeof(*config->asgs),
			     config->asg_count) ||
	    name_index_build(&compiler->nsgs, config->nsgs, sizeof(*config->nsgs),
			     config->nsg_count) ||
	    name_index_build(&compiler->acls, config->acls, sizeof(*config->acls),
			     config->acl_count))
		return compiler_no_memory(compiler);
	return 0;
}

/* Marks the vnet and its peers. */
static void note_reach(struct compiler *compiler, struct vnet_build *build)
{
	size_t own = (size_t)(build - compiler->vnet), count;
	const struct reach_peering *peers = reach_peers(&compiler->reach, own, &count);

	build->in_reach[own] = true;
	for (size_t i = 0; i < count; i++)
		build->in_reach[peers[i].peer] = true;
}

static int new_vnet_build(struct compiler *compiler, struct vnet_build *build,
			  const struct sluice_vnet *vnet)
{
	const struct sluice_config *config = compiler->config;

	build->vnet = vnet;
	build->in_reach = calloc(config->vnet_count + 1, sizeof(*build->in_reach));
	build->subnet_line = calloc(vnet->subnet_count + 1, sizeof(*build->subnet_line));
	build->asg = calloc(config->asg_count + 1, sizeof(*build->asg));
	build->nsg = calloc(config->nsg_count + 1, sizeof(*build->nsg));
	build->acl = calloc(config->acl_count + 1, sizeof(*build->acl));
	if (!build->in_reach || !build->subnet_line || !build->asg || !build->nsg || !build->acl ||
	    name_index_build(&build->subnets, vnet->subnets, sizeof(*vnet->subnets),
			     vnet->subnet_count))
		return compiler_no_memory(compiler);
	note_reach(compiler, build);
	return 0;
}

/* Finds each port's vnet and gives it its slot. */
static int place_ports(struct compiler *compiler)
{
	const struct sluice_config *config = compiler->config;

	for (size_t i = 0; i < config->port_count; i++) {
		const struct sluice_port *port = &config->ports[i];
		ssize_t vnet = name_index_find(&compiler->vnets, port->vnet);

		if (vnet < 0)
			return sluice_error_set(compiler->error, -EINVAL,
						"port %s: there is no vnet %s", port->name,
						port->vnet);
		compiler->port_vnet[i] = (size_t)vnet;
		compiler->port_slot[i] = ids_take(compiler->slots, port->name, NULL);
		if (!compiler->port_slot[i] || compiler->port_slot[i] >= SLUICE_MAX_PORTS)
			return sluice_error_set(compiler->error, -ENOSPC,
						"no slot is left for port %s: one switch can have "
						"%u ports; remove some",
						port->name, SLUICE_MAX_PORTS - 1);
	}
	return 0;
}

int compiler_begin(struct compiler *compiler)
{
	const struct sluice_config *config = compiler->config;
	int result;

	compiler->tag = calloc(config->tag_count + 1, sizeof(*compiler->tag));
	compiler->vnet = calloc(config->vnet_count + 1, sizeof(*compiler->vnet));
	compiler->port_vnet = calloc(config->port_count + 1, sizeof(*compiler->port_vnet));
	compiler->port_slot = calloc(config->port_count + 1, sizeof(*compiler->port_slot));
	if (!compiler->tag || !compiler->vnet || !compiler->port_vnet || !compiler->port_slot)
		return compiler_no_memory(compiler);
	result = reach_build(config, &compiler->reach) ? compiler_no_memory(compiler)
						      : index_names(compiler);
	for (size_t i = 0; i < config->vnet_count && !result; i++)
		result = new_vnet_build(compiler, &compiler->vnet[i], &config->vnets[i]);
	if (!result)
		result = place_ports(compiler);
	result = result ?: place_tunnel_ends(compiler) ?: compile_names_resolve(compiler);
	return result;
}

static void free_vnet_build(struct compiler *compiler, struct vnet_build *build)
{
	for (size_t i = 0; build->asg && i < compiler->config->asg_count; i++)
		ranges_free(&build->asg[i]);
	free(build->asg);
	free(build->nsg);
	free(build->acl);
	free(build->subnet_line);
	free(build->in_reach);
	ranges_free(&build->virtual_network);
	ranges_free(&build->internet);
	name_index_free(&build->subnets);
}

void compiler_end(struct compiler *compiler)
{
	const struct sluice_config *config = compiler->config;

	for (size_t i = 0; compiler->vnet && i < config->vnet_count; i++)
		free_vnet_build(compiler, &compiler->vnet[i]);
	for (size_t i = 0; compiler->tag && i < config->tag_count; i++)
		ranges_free(&compiler->tag[i]);
	free(compiler->vnet);
	free(compiler->tag);
	free(compiler->port_vnet);
	free(compiler->port_slot);
	tunnel_ends_free(&compiler->ends);
	free(compiler->end_slot);
	free(compiler->end_line);
	free(compiler->record);
	free(compiler->extents.extent);
	reach_free(&compiler->reach);
	name_index_free(&compiler->vnets);
	name_index_free(&compiler->tags);
	name_index_free(&compiler->asgs);
	name_index_free(&compiler->nsgs);
	name_index_free(&compiler->acls);
}

/* --- ports --- */

/* Whether an NSG, where there is one, lets existing flows live on. */
static bool keeps_flows(const struct compiler *compiler, const char *nsg)
{
	ssize_t index = nsg ? name_index_find(&compiler->nsgs, nsg) : -1;

	return index < 0 || compiler->config->nsgs[index].keep_existing_flows;
}

static __u8 port_flags(const struct compiler *compiler, const struct sluice_port *from,
		       const struct placement *placement, const char *subnet_nsg)
{
	__u8 flags = PORT_IN_USE;

	if (from->allow_spoofing)
		flags |= PORT_MAY_SPOOF;
	if (from->allow_dhcp_server)
		flags |= PORT_MAY_SERVE_DHCP;
	if (from->allow_router_advert)
		flags |= PORT_MAY_ADVERTISE;
	if (placement->redirect_peer)
		flags |= PORT_REDIRECT_PEER;
	if (from->pass_unread)
		flags |= PORT_PASS_UNREAD;
	if (keeps_flows(compiler, from->nsg) && keeps_flows(compiler, subnet_nsg))
		flags |= PORT_KEEP_NSG_IN | PORT_KEEP_NSG_OUT;
	return flags;
}

__u16 way_mtu(const struct placement *placement)
{
	if (!placement->mtu || placement->mtu > SLUICE_MTU_ANY)
		return SLUICE_MTU_ANY;
	return (__u16)placement->mtu;
}

static int lay_port(struct compiler *compiler, size_t index, struct port *port)
{
	const struct sluice_port *from = &compiler->config->ports[index];
	struct vnet_build *build = &compiler->vnet[compiler->port_vnet[index]];
	ssize_t subnet = name_index_find(&build->subnets, from->subnet);
	const char *subnet_nsg;
	int result = 0;

	if (subnet < 0)
		return sluice_error_set(compiler->error, -EINVAL,
					"port %s: there is no subnet %s in vnet %s", from->name,
					from->subnet, from->vnet);
	subnet_nsg = build->vnet->subnets[subnet].nsg;
	port->slot = (__u16)compiler->port_slot[index];
	port->mtu = way_mtu(&compiler->placements[index]);
	port->vnet = build->line;
	port->vni = build->vnet->vni;
	port->subnet = build->subnet_line[subnet];
	memcpy(port->mac, from->mac, sizeof(port->mac));
	port->flags = port_flags(compiler, from, &compiler->placements[index], subnet_nsg);
	port->delivery = compiler->placements[index].delivery;
	port->queues = compiler->placements[index].queues;
	port->second = compiler->placements[index].second ||
		       compiler->placements[index].function.carries;
	port->vlan = function_vlan(&compiler->placements[index].function);
	port->flow_limit = from->flow_limit ?: compiler->flow_share;
	for (int i = 0; i < DIRECTION_COUNT && !result; i++) {
		result = compile_switch_acls(compiler, build, i, &port->switch_acl[i]);
		if (!result)
			result = compile_port_acl(compiler, build, from->acl, i, &port->acl[i]);
		if (!result)
			result = compile_nsg(compiler, build, from->nsg, i, &port->nic_nsg[i]);
		if (!result)
			result = compile_nsg(compiler, build, subnet_nsg, i, &port->subnet_nsg[i]);
	}
	return result;
}

/* Ports refer to policies, so policies are laid here, and the ports stand in memory until then. */
static int lay_ports(struct compiler *compiler, struct root *root, struct port **ports)
{
	int result = 0;

	root->port_count = 1;
	compiler->flow_share = flow_share(compiler->config);
	for (size_t i = 0; i < compiler->config->port_count; i++)
		if (compiler->port_slot[i] >= root->port_count)
			root->port_count = compiler->port_slot[i] + 1;
	for (size_t i = 0; i < compiler->ends.count; i++)
		if (compiler->end_slot[i] >= root->port_count)
			root->port_count = compiler->end_slot[i] + 1;
	*ports = calloc(root->port_count, sizeof(**ports));
	if (!*ports)
		return compiler_no_memory(compiler);
	for (size_t i = 0; i < compiler->config->port_count && !result; i++)
		result = lay_port(compiler, i, &(*ports)[compiler->port_slot[i]]);
	lay_tunnel_ports(compiler, *ports);
	return result;
}

/* --- the whole --- */

static int lay_network(struct compiler *compiler, struct root *root)
{
	int result = 0;

	for (size_t i = 0; i < compiler->config->vnet_count && !result; i++)
		result = compile_vnet(compiler, &compiler->vnet[i]);
	result = result ?: compile_tunnels(compiler, root) ?: compile_nat(compiler, root) ?:
		 compile_devices(compiler, root);
	for (size_t i = 0; i < compiler->tables->taken.count && !result; i++)
		if (extents_add(&compiler->extents, &compiler->tables->taken.extent[i]))
			result = compiler_no_memory(compiler);
	root->network_extents = (__u32)compiler->extents.count;
	return result;
}

static int lay_version(struct compiler *compiler, struct root *root, __u32 *line)
{
	struct port *ports = NULL;
	int result = compiler_begin(compiler);

	if (!result)
		result = lay_network(compiler, root);
	if (!result)
		result = lay_ports(compiler, root, &ports);
	for (size_t i = 0; i < compiler->config->vnet_count && !result; i++)
		result = compile_steers(compiler, &compiler->vnet[i]);
	if (!result)
		result = compile_root(compiler, ports, root, line);
	free(ports);
	return result;
}

static int compile_once(struct tables *tables, const struct sluice_config *config,
			const struct placement *placements, const struct placement *uplink, struct ids *slots,
			struct ids *rules, __u32 version, __u32 *root_line, struct sluice_error *error)
{
	struct compiler compiler = {
		.tables = tables,
		.config = config,
		.placements = placements,
		.uplink = uplink,
		.slots = slots,
		.rules = rules,
		.error = error,
	};
	struct root root = { .version = version, .tcp_loose = config->tcp_loose };
	int result;

	switch_mac(config->name, root.mac);
	result = lay_version(&compiler, &root, root_line);
	compiler_end(&compiler);
	return result;
}

int compile(struct tables *tables, const struct sluice_config *config,
	    const struct placement *placements, const struct placement *uplink,
	    struct ids *slots, struct ids *rules,
	    __u32 version, __u32 *root_line, struct sluice_error *error)
{
	int result = compile_once(tables, config, placements, uplink, slots, rules, version, root_line,
				  error);

	if (result == -ENOSPC && tables_again(tables))
		result = compile_once(tables, config, placements, uplink, slots, rules, version, root_line,
				      error);
	return result;
}
