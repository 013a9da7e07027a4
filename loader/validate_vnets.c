// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether vnets and their subnets make sense: each address of a vnet is in one subnet at most.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/validate.h"

/* A prefix and where it comes from: of the vnet itself (subnet NULL) or of a subnet. */
struct extent {
	struct ip_address first;
	struct ip_address last;
	const struct sluice_prefix *prefix;
	const struct sluice_subnet *subnet;
	size_t index;
};

static int compare_extents(const void *a, const void *b)
{
	const struct extent *first = a, *second = b;

	return prefix_compare(first->prefix, second->prefix);
}

static size_t add_extents(struct extent *extents, size_t count,
			  const struct sluice_prefix *prefixes, size_t prefix_count,
			  const struct sluice_subnet *subnet)
{
	for (size_t i = 0; i < prefix_count; i++)
		extents[count++] =
			(struct extent){ prefix_first(&prefixes[i]), prefix_last(&prefixes[i]),
					 &prefixes[i], subnet, i };
	return count;
}

/* The first two extents that overlap: prefixes overlap only when one holds the other. */
static const struct extent *find_overlap(const struct extent *extents, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		const struct extent *before = &extents[i - 1], *extent = &extents[i];

		if (before->prefix->ipv6 == extent->prefix->ipv6 &&
		    address_compare(&extent->first, &before->last) <= 0)
			return before;
	}
	return NULL;
}

static int refuse_overlap(struct validation *validation, const struct sluice_vnet *vnet,
			  const struct extent *first)
{
	const struct extent *second = first + 1;
	char one[TEXT_MAX], other[TEXT_MAX];

	/* The one further down in the file is the one to look at. */
	if (first->subnet > second->subnet ||
	    (first->subnet == second->subnet && first->index > second->index)) {
		second = first;
		first = first + 1;
	}
	text_prefix(first->prefix, one);
	text_prefix(second->prefix, other);
	if (!second->subnet)
		return refuse(validation, vnet, "prefixes", second->index,
			      "vnet \"%s\": prefix %s overlaps its prefix %s", vnet->name, other,
			      one);
	return refuse(validation, second->subnet, "prefixes", second->index,
		      "subnet \"%s/%s\": prefix %s overlaps %s of subnet \"%s/%s\"", vnet->name,
		      second->subnet->name, other, one, vnet->name, first->subnet->name);
}

/* The vnet's prefixes are sorted and apart: the last one that begins no later decides. */
static bool inside(const struct extent *extent, const struct extent *whole, size_t count)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_extents(&whole[middle], extent) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low && whole[low - 1].prefix->ipv6 == extent->prefix->ipv6 &&
	       address_compare(&extent->last, &whole[low - 1].last) <= 0;
}

static int validate_subnet_extent(struct validation *validation, const struct sluice_vnet *vnet,
				  const struct extent *extent, const struct extent *whole,
				  size_t whole_count)
{
	const struct sluice_prefix *prefix = extent->prefix;
	unsigned int longest = prefix->ipv6 ? 126 : 30;
	char text[TEXT_MAX];

	text_prefix(prefix, text);
	if (!inside(extent, whole, whole_count))
		return refuse(validation, extent->subnet, "prefixes", extent->index,
			      "subnet \"%s/%s\": prefix %s is not inside a prefix of the vnet",
			      vnet->name, extent->subnet->name, text);
	if (prefix->length > longest)
		return refuse(
			validation, extent->subnet, "prefixes", extent->index,
			"subnet \"%s/%s\": prefix %s has no room for a gateway and a guest; the "
			"longest is /%u",
			vnet->name, extent->subnet->name, text, longest);
	return 0;
}

static int validate_extents(struct validation *validation, const struct sluice_vnet *vnet,
			    struct extent *extents, size_t whole_count)
{
	struct extent *subnets = extents + whole_count;
	const struct extent *overlap;
	size_t count = 0;
	int code = 0;

	for (size_t i = 0; i < vnet->subnet_count; i++)
		count = add_extents(subnets, count, vnet->subnets[i].prefixes,
				    vnet->subnets[i].prefix_count, &vnet->subnets[i]);
	qsort(extents, whole_count, sizeof(*extents), compare_extents);
	overlap = find_overlap(extents, whole_count);
	if (overlap)
		return refuse_overlap(validation, vnet, overlap);
	for (size_t i = 0; !code && i < count; i++)
		code = validate_subnet_extent(validation, vnet, &subnets[i], extents, whole_count);
	if (code)
		return code;
	qsort(subnets, count, sizeof(*subnets), compare_extents);
	overlap = find_overlap(subnets, count);
	return overlap ? refuse_overlap(validation, vnet, overlap) : 0;
}

static int validate_vnet(struct validation *validation, const struct sluice_vnet *vnet,
			 struct name_table *names)
{
	size_t total = vnet->prefix_count, whole_count;
	struct extent *extents;
	char text[128];
	int code;

	snprintf(text, sizeof(text), "vnet \"%s\": ", vnet->name);
	code = names_collect(validation, schema_place_of(SLUICE_SUBNET), vnet, text, names);
	if (code)
		return code;
	for (size_t i = 0; i < vnet->subnet_count; i++) {
		const struct sluice_subnet *subnet = &vnet->subnets[i];

		total += subnet->prefix_count;
		if (subnet->nsg && names_find(&validation->nsgs, subnet->nsg) < 0)
			return refuse(validation, subnet, "nsg", 0,
				      "nsg \"%s\" %s, but subnet \"%s/%s\" uses it%s",
				      subnet->nsg, names_missing(validation), vnet->name, subnet->name,
				      names_suggest(validation, &validation->nsgs, subnet->nsg, text));
	}
	extents = calloc(total + 1, sizeof(*extents));
	if (!extents)
		return sluice_error_set(validation->error, -ENOMEM, "memory is short");
	whole_count = add_extents(extents, 0, vnet->prefixes, vnet->prefix_count, NULL);
	code = validate_extents(validation, vnet, extents, whole_count);
	free(extents);
	return code;
}

static int compare_vnis(const void *a, const void *b)
{
	const struct sluice_vnet *first = *(const struct sluice_vnet *const *)a;
	const struct sluice_vnet *second = *(const struct sluice_vnet *const *)b;

	if (first->vni != second->vni)
		return first->vni < second->vni ? -1 : 1;
	return first < second ? -1 : first > second;
}

static int validate_vnis(struct validation *validation)
{
	const struct sluice_config *config = validation->config;
	const struct sluice_vnet **sorted = calloc(config->vnet_count + 1, sizeof(*sorted));
	int code = 0;

	if (!sorted)
		return sluice_error_set(validation->error, -ENOMEM, "memory is short");
	for (size_t i = 0; i < config->vnet_count; i++)
		sorted[i] = &config->vnets[i];
	qsort(sorted, config->vnet_count, sizeof(*sorted), compare_vnis);
	for (size_t i = 1; !code && i < config->vnet_count; i++) {
		if (sorted[i - 1]->vni == sorted[i]->vni)
			code = refuse(validation, sorted[i], "vni", 0,
				      "vnet \"%s\": vni %u is vnet \"%s\"'s already",
				      sorted[i]->name, sorted[i]->vni, sorted[i - 1]->name);
	}
	free(sorted);
	return code;
}

int validate_vnets(struct validation *validation)
{
	const struct sluice_config *config = validation->config;
	int code = 0;

	if (config->vnet_count > CONFIG_VNETS_MAX)
		return refuse(validation, &config->vnets[CONFIG_VNETS_MAX], NULL, 0,
			      "%zu vnets are too many; a switch has at most %u", config->vnet_count,
			      CONFIG_VNETS_MAX);
	for (size_t i = 0; !code && i < config->vnet_count; i++)
		code = validate_vnet(validation, &config->vnets[i], &validation->subnets[i]);
	return code ? code : validate_vnis(validation);
}
