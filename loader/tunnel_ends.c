/* SPDX-License-Identifier: BSD-2-Clause */
/* Which ends of tunnels a document has; see tunnel_ends.h. */
#include "loader/tunnel_ends.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/text.h"

static bool prefix_has(const struct sluice_prefix *prefix, const struct ip_address *address)
{
	struct ip_address first = prefix_first(prefix), last = prefix_last(prefix);

	return prefix->ipv6 == !sluice_address_is_ipv4(address) &&
	       address_compare(&first, address) <= 0 && address_compare(address, &last) <= 0;
}

size_t subnet_of_address(const struct sluice_vnet *vnet, const struct ip_address *address)
{
	for (size_t i = 0; i < vnet->subnet_count; i++)
		for (size_t j = 0; j < vnet->subnets[i].prefix_count; j++)
			if (prefix_has(&vnet->subnets[i].prefixes[j], address))
				return i;
	return NO_SUBNET;
}

static int compare_numbers(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int compare_ends(const void *a, const void *b)
{
	const struct tunnel_end *first = a, *second = b;
	int order = compare_numbers(first->vnet, second->vnet);

	if (!order)
		order = compare_numbers(first->remote, second->remote);
	return order ? order : compare_numbers(first->subnet, second->subnet);
}

static size_t remote_named(const struct sluice_config *config, const char *name)
{
	size_t i = 0;

	while (i < config->remote_count && strcmp(config->remotes[i].name, name) != 0)
		i++;
	return i;
}

static struct tunnel_end end_of(const struct sluice_config *config, size_t vnet,
				const struct sluice_vnet_address *from)
{
	struct ip_address address = { 0 };

	sluice_address_parse(from->address, &address);
	return (struct tunnel_end){ vnet, remote_named(config, from->remote),
				    subnet_of_address(&config->vnets[vnet], &address) };
}

int tunnel_ends_find(const struct sluice_config *config, struct tunnel_ends *ends)
{
	size_t room = 1, count = 0;

	for (size_t i = 0; i < config->vnet_count; i++)
		room += config->vnets[i].address_count;
	ends->count = 0;
	ends->list = calloc(room, sizeof(*ends->list));
	if (!ends->list)
		return -ENOMEM;
	for (size_t i = 0; i < config->vnet_count; i++)
		for (size_t j = 0; j < config->vnets[i].address_count; j++)
			ends->list[count++] = end_of(config, i, &config->vnets[i].addresses[j]);
	qsort(ends->list, count, sizeof(*ends->list), compare_ends);
	for (size_t i = 0; i < count; i++)
		if (!i || compare_ends(&ends->list[ends->count - 1], &ends->list[i]))
			ends->list[ends->count++] = ends->list[i];
	return 0;
}

void tunnel_ends_free(struct tunnel_ends *ends)
{
	free(ends->list);
	*ends = (struct tunnel_ends){ 0 };
}

size_t tunnel_end_of(const struct sluice_config *config, const struct tunnel_ends *ends, size_t vnet,
		     const struct sluice_vnet_address *address)
{
	struct tunnel_end wanted = end_of(config, vnet, address);
	const struct tunnel_end *found =
		bsearch(&wanted, ends->list, ends->count, sizeof(wanted), compare_ends);

	return (size_t)(found - ends->list);
}

void tunnel_end_key(const struct sluice_config *config, const struct tunnel_end *end,
		    char key[TUNNEL_END_KEY_MAX])
{
	const struct sluice_vnet *vnet = &config->vnets[end->vnet];
	bool none = end->subnet == NO_SUBNET;

	snprintf(key, TUNNEL_END_KEY_MAX, "remote/%.63s/%.63s%s%.63s",
		 config->remotes[end->remote].name, vnet->name, none ? "" : "/",
		 none ? "" : vnet->subnets[end->subnet].name);
}
