/* SPDX-License-Identifier: BSD-2-Clause */
/* What names stand for: tags in the switch, asgs and the built-in tags inside each vnet. */
#include "loader/compiler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int resolve_tag(const struct sluice_tag *tag, struct ranges *ranges)
{
	for (size_t i = 0; i < tag->prefix_count; i++) {
		struct address_range range = { tag->prefixes[i].first, tag->prefixes[i].last };
		int result = ranges_add_written(ranges, &range);

		if (result)
			return result;
	}
	ranges_normalize(ranges);
	return 0;
}

static int add_prefix(struct ranges *ranges, const struct sluice_prefix *prefix)
{
	struct address_range range = prefix_range(prefix);

	return ranges_add_written(ranges, &range);
}

/* What a subnet's routes lead into the network: prefixes behind a port. A default route does not make
 * the world a part of it. */
static int add_routed(const struct compiler *compiler, const struct sluice_subnet *subnet,
		      struct ranges *ranges)
{
	const struct sluice_route_table *table =
		reach_table(&compiler->reach, compiler->config, subnet);
	int result = 0;

	for (size_t i = 0; table && i < table->route_count && !result; i++) {
		struct sluice_prefix prefix = route_prefix(&table->routes[i]);
		struct ip_address address;

		if (prefix.length &&
		    route_next_hop(&table->routes[i], &address) == NEXT_HOP_ADDRESS)
			result = add_prefix(ranges, &prefix);
	}
	return result;
}

/* The vnet's prefixes, its peers', and what its subnets' routes lead to ports. */
static int resolve_virtual_network(const struct compiler *compiler, struct vnet_build *build)
{
	const struct sluice_config *config = compiler->config;
	int result = 0;

	for (size_t v = 0; v < config->vnet_count && !result; v++)
		for (size_t i = 0; build->in_reach[v] && i < config->vnets[v].prefix_count && !result;
		     i++)
			result = add_prefix(&build->virtual_network, &config->vnets[v].prefixes[i]);
	for (size_t i = 0; i < build->vnet->subnet_count && !result; i++)
		result = add_routed(compiler, &build->vnet->subnets[i], &build->virtual_network);
	if (result)
		return result;
	ranges_normalize(&build->virtual_network);
	return ranges_complement(&build->virtual_network, &build->internet);
}

/* Adds a port's addresses to every asg it lists, as its vnet sees them. */
static int join_asgs(struct compiler *compiler, const struct sluice_port *port,
		     struct vnet_build *build)
{
	for (size_t i = 0; i < port->asg_count; i++) {
		ssize_t asg = name_index_find(&compiler->asgs, port->asgs[i]);

		if (asg < 0)
			return sluice_error_set(compiler->error, -EINVAL,
						"port %s: there is no asg %s", port->name,
						port->asgs[i]);
		for (size_t j = 0; j < port->address_count; j++) {
			struct address_range one = { port->addresses[j], port->addresses[j] };

			if (ranges_add(&build->asg[asg], &one))
				return compiler_no_memory(compiler);
		}
	}
	return 0;
}

int compile_names_resolve(struct compiler *compiler)
{
	const struct sluice_config *config = compiler->config;

	for (size_t i = 0; i < config->tag_count; i++)
		if (resolve_tag(&config->tags[i], &compiler->tag[i]))
			return compiler_no_memory(compiler);
	for (size_t i = 0; i < config->vnet_count; i++)
		if (resolve_virtual_network(compiler, &compiler->vnet[i]))
			return compiler_no_memory(compiler);
	for (size_t i = 0; i < config->port_count; i++) {
		int result = join_asgs(compiler, &config->ports[i],
				       &compiler->vnet[compiler->port_vnet[i]]);

		if (result)
			return result;
	}
	for (size_t i = 0; i < config->vnet_count; i++)
		for (size_t j = 0; j < config->asg_count; j++)
			ranges_normalize(&compiler->vnet[i].asg[j]);
	return 0;
}

/* The set a tag or asg stands for, or NULL and the error filled. */
static const struct ranges *named_set(struct compiler *compiler, const struct vnet_build *build,
				      const struct sluice_selector *selector)
{
	static const struct ranges empty;
	const char *name = selector->name;
	bool is_tag = selector->kind == SLUICE_SELECT_TAG;
	ssize_t found;

	if (is_tag && !strcmp(name, "VirtualNetwork"))
		return &build->virtual_network;
	if (is_tag && !strcmp(name, "Internet"))
		return &build->internet;
	if (is_tag && !strcmp(name, "LoadBalancer"))
		return &empty; /* the switch has no load balancers to probe its ports from */
	found = name_index_find(is_tag ? &compiler->tags : &compiler->asgs, name);
	if (found < 0) {
		sluice_error_set(compiler->error, -EINVAL, "there is no %s %s",
				 is_tag ? "tag" : "asg", name);
		return NULL;
	}
	return is_tag ? &compiler->tag[found] : &build->asg[found];
}

static bool is_name(const struct sluice_selector *selector)
{
	return selector->kind == SLUICE_SELECT_TAG || selector->kind == SLUICE_SELECT_ASG;
}

static int add_selector(struct compiler *compiler, const struct vnet_build *build,
			const struct sluice_selector *selector, struct ranges *ranges)
{
	struct address_range one = { selector->first, selector->last };
	const struct ranges *set;

	if (!is_name(selector))
		return ranges_add_written(ranges, &one) ? compiler_no_memory(compiler) : 0;
	set = named_set(compiler, build, selector);
	if (!set)
		return -EINVAL;
	return ranges_add_all(ranges, set) ? compiler_no_memory(compiler) : 0;
}

int compile_selectors(struct compiler *compiler, const struct vnet_build *build,
		      const struct sluice_selector *selectors, size_t count, bool *any,
		      struct ranges *own, const struct ranges **ranges)
{
	*any = !count;
	*ranges = own;
	/* A name alone is its set: thousands of rules can name one of thousands of prefixes. */
	if (count == 1 && is_name(selectors)) {
		*ranges = named_set(compiler, build, selectors);
		return *ranges ? 0 : -EINVAL;
	}
	for (size_t i = 0; i < count; i++) {
		int result = 0;

		if (selectors[i].kind == SLUICE_SELECT_ANY)
			*any = true;
		else
			result = add_selector(compiler, build, &selectors[i], own);
		if (result)
			return result;
	}
	ranges_normalize(own);
	return 0;
}
