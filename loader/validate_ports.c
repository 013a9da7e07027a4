// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether ports make sense: where they are plugged in, who they are, what they name.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/function.h"
#include "loader/validate.h"

/* Something only one port may have: a device in the switch, a MAC or an address in a vnet. */
struct claim {
	const char *device;
	long vnet;
	struct ip_address address; /* or the MAC in its first bytes */
	size_t port;
	size_t index; /* of the address */
};

static int compare_claims(const void *a, const void *b)
{
	const struct claim *first = a, *second = b;
	int order = first->device && second->device ? strcmp(first->device, second->device) : 0;

	if (!order)
		order = first->vnet < second->vnet ? -1 : first->vnet > second->vnet;
	if (!order)
		order = address_compare(&first->address, &second->address);
	return order;
}

static int compare_claims_in_order(const void *a, const void *b)
{
	const struct claim *first = a, *second = b;
	int order = compare_claims(a, b);

	if (!order)
		order = first->port < second->port ? -1 : first->port > second->port;
	if (!order)
		order = first->index < second->index ? -1 : first->index > second->index;
	return order;
}

/* The second of two equal claims, or NULL. */
static const struct claim *find_conflict(struct claim *claims, size_t count)
{
	qsort(claims, count, sizeof(*claims), compare_claims_in_order);
	for (size_t i = 1; i < count; i++) {
		if (!compare_claims(&claims[i - 1], &claims[i]))
			return &claims[i];
	}
	return NULL;
}

static int validate_references(struct validation *validation, const struct sluice_port *port)
{
	long acl;
	char text[128];

	if (port->nsg && names_find(&validation->nsgs, port->nsg) < 0)
		return refuse(validation, port, "nsg", 0,
			      "nsg \"%s\" %s, but port \"%s\" uses it%s", port->nsg,
			      names_missing(validation), port->name,
			      names_suggest(validation, &validation->nsgs, port->nsg, text));
	for (size_t i = 0; i < port->asg_count; i++) {
		if (names_find(&validation->asgs, port->asgs[i]) < 0)
			return refuse(validation, port, "asgs", i,
				      "asg \"%s\" %s, but port \"%s\" is in it%s",
				      port->asgs[i], names_missing(validation), port->name,
				      names_suggest(validation, &validation->asgs, port->asgs[i], text));
	}
	if (!port->acl)
		return 0;
	acl = names_find(&validation->acls, port->acl);
	if (acl < 0)
		return refuse(validation, port, "acl", 0,
			      "acl \"%s\" %s, but port \"%s\" uses it%s", port->acl,
			      names_missing(validation), port->name,
			      names_suggest(validation, &validation->acls, port->acl, text));
	if (!validation->config->acls[acl].applies_to_ports)
		return refuse(
			validation, port, "acl", 0,
			"port \"%s\": acl \"%s\" applies to the switch; a port takes one with "
			"\"appliesTo: ports\"",
			port->name, port->acl);
	return 0;
}

const struct sluice_prefix *prefix_that_has(const struct sluice_prefix *prefixes, size_t count,
					    const struct ip_address *address)
{
	bool ipv6 = !sluice_address_is_ipv4(address);

	for (size_t i = 0; i < count; i++) {
		struct ip_address first = prefix_first(&prefixes[i]);
		struct ip_address last = prefix_last(&prefixes[i]);

		if (prefixes[i].ipv6 == ipv6 && address_compare(&first, address) <= 0 &&
		    address_compare(address, &last) <= 0)
			return &prefixes[i];
	}
	return NULL;
}

const char *why_unusable(const struct sluice_prefix *prefix, const struct ip_address *address)
{
	struct ip_address first = prefix_first(prefix), last = prefix_last(prefix);
	struct ip_address gateway = first;
	const unsigned char *ipv4 = address->bytes + 12;
	static const struct ip_address loopback = { .bytes = { [15] = 1 } };

	gateway.bytes[15]++; /* no carry: a subnet's first address is even */
	if (!address_compare(address, &first))
		return "the network's own address";
	if (!address_compare(address, &gateway))
		return "the gateway's, which the switch answers";
	if (!prefix->ipv6 && !address_compare(address, &last))
		return "the broadcast address";
	if (prefix->ipv6 ? address->bytes[0] == 0xff : (ipv4[0] & 0xf0) == 0xe0)
		return "a multicast address";
	if (prefix->ipv6 ? !address_compare(address, &loopback) : ipv4[0] == 127)
		return "a loopback address";
	if (!prefix->ipv6 && (ipv4[0] == 0 || ipv4[0] >= 240))
		return "not an address of a host";
	return NULL;
}

static int validate_addresses(struct validation *validation, const struct sluice_port *port,
			      const struct sluice_subnet *subnet)
{
	for (size_t i = 0; i < port->address_count; i++) {
		const struct sluice_prefix *prefix = 
			prefix_that_has(subnet->prefixes, subnet->prefix_count, &port->addresses[i]);
		char address[TEXT_MAX], text[TEXT_MAX];
		const char *why;

		sluice_address_text(&port->addresses[i], address);
		if (!prefix)
			return refuse(validation, port, "addresses", i,
				      "port \"%s\": address %s is outside subnet \"%s/%s\" (%s%s)",
				      port->name, address, port->vnet, port->subnet,
				      text_prefix(&subnet->prefixes[0], text),
				      subnet->prefix_count > 1 ? ", ..." : "");
		why = why_unusable(prefix, &port->addresses[i]);
		if (why)
			return refuse(validation, port, "addresses", i,
				      "port \"%s\": address %s is %s; choose another one of %s",
				      port->name, address, why, text_prefix(prefix, text));
	}
	return 0;
}

/* A representor is one device, which hands packets to tc. */
static int validate_offload(struct validation *validation, const struct sluice_port *port)
{
	if (port->hook == SLUICE_HOOK_XDP || port->hook == SLUICE_HOOK_XDP_GENERIC)
		return refuse(validation, port, "acceleration.mode", 0,
			      "port \"%s\": acceleration.mode offload works through tc: set hook: "
			      "auto", port->name);
	if (port->fast_device)
		return refuse(validation, port, "acceleration.mode", 0,
			      "port \"%s\": acceleration.mode offload takes no "
			      "acceleration.device: the representor is the port's device",
			      port->name);
	return 0;
}

static int validate_function(struct validation *validation, const struct sluice_port *port,
			     const struct sluice_uplink *uplink)
{
	const struct sluice_config *config = validation->config;

	if (uplink->hook == SLUICE_HOOK_TC || uplink->hook == SLUICE_HOOK_XDP_GENERIC)
		return refuse(validation, port, "acceleration.device", 0,
			      "port \"%s\": frames of VFs need native XDP, but hook of uplink \"%s\" "
			      "is another: write \"auto\" or \"xdp\" there", port->name,
			      uplink->device);
	if (uplink->vfs && port->vf != SLUICE_ANY && (unsigned int)port->vf >= uplink->vfs)
		return refuse(validation, port, "acceleration.vf", 0,
			      "port \"%s\": VF %d of uplink \"%s\" would be beyond its vfs: %u, which "
			      "begin with VF 0", port->name, port->vf, uplink->device, uplink->vfs);
	for (const struct sluice_port *other = config->ports; other < port; other++)
		if (port->vf != SLUICE_ANY && other->vf == port->vf &&
		    function_uplink(config, other) == uplink)
			return refuse(validation, port, "acceleration.vf", 0,
				      "port \"%s\": VF %d of \"%s\" is port \"%s\"'s already",
				      port->name, port->vf, uplink->device, other->name);
	return 0;
}

/* Each mode with what it needs. */
static int validate_acceleration(struct validation *validation, const struct sluice_port *port)
{
	const struct sluice_uplink *uplink = function_uplink(validation->config, port);

	switch (port->acceleration) {
	case SLUICE_ACCELERATION_OFF:
		return uplink ? validate_function(validation, port, uplink) : 0;
	case SLUICE_ACCELERATION_AF_XDP:
		return 0;
	case SLUICE_ACCELERATION_VF:
		if (uplink)
			return validate_function(validation, port, uplink);
		return refuse(validation, port,
			      port->fast_device ? "acceleration.device" : "acceleration.mode", 0,
			      "port \"%s\": acceleration.mode vf needs acceleration.device, the NIC "
			      "whose VF the port has, which is an uplink of the switch", port->name);
	case SLUICE_ACCELERATION_AUTO:
		if (uplink)
			return refuse(validation, port, "acceleration.mode", 0,
				      "port \"%s\": \"%s\" is an uplink, of which the port can have "
				      "a VF: write \"vf\" in place of \"auto\"", port->name,
				      port->fast_device);
		if (port->fast_device && strcmp(port->fast_device, port->device))
			return 0;
		return refuse(validation, port, "acceleration.mode", 0,
			      "port \"%s\": acceleration.mode auto needs acceleration.device, a "
			      "second device of the port beside \"%s\"", port->name, port->device);
	case SLUICE_ACCELERATION_OFFLOAD:
		return validate_offload(validation, port);
	}
	return 0;
}

static int validate_port(struct validation *validation, const struct sluice_port *port, long *vnet)
{
	const struct sluice_config *config = validation->config;
	static const unsigned char no_mac[6];
	char text[128];
	long subnet;
	int code;

	*vnet = names_find(&validation->vnets, port->vnet);
	if (*vnet < 0)
		return refuse(validation, port, "vnet", 0,
			      "vnet \"%s\" %s, but port \"%s\" is in it%s", port->vnet,
			      names_missing(validation), port->name,
			      names_suggest(validation, &validation->vnets, port->vnet, text));
	subnet = names_find(&validation->subnets[*vnet], port->subnet);
	if (subnet < 0)
		return refuse(validation, port, "subnet", 0,
			      "subnet \"%s/%s\" %s, but port \"%s\" is in it%s",
			      port->vnet, port->subnet, names_missing(validation), port->name,
			      names_suggest(validation, &validation->subnets[*vnet], port->subnet, text));
	if (!memcmp(port->mac, no_mac, sizeof(no_mac)))
		return refuse(validation, port, "mac", 0, "port \"%s\": the MAC is all zero",
			      port->name);
	if (port->mac[0] & 1)
		return refuse(validation, port, "mac", 0,
			      "port \"%s\": MAC %s is a group's (multicast), no device can have it",
			      port->name, text_mac(port->mac, text));
	code = validate_references(validation, port);
	if (!code)
		code = validate_acceleration(validation, port);
	return code ? code
		    : validate_addresses(validation, port, &config->vnets[*vnet].subnets[subnet]);
}

static int conflict_of_addresses(struct validation *validation, struct claim *claims, size_t count)
{
	const struct claim *second = find_conflict(claims, count);
	const struct sluice_port *port;
	char address[TEXT_MAX];

	if (!second)
		return 0;
	port = &validation->config->ports[second->port];
	sluice_address_text(&second->address, address);
	return refuse(validation, port, "addresses", second->index,
		      "port \"%s\": address %s is port \"%s\"'s already, in vnet \"%s\"",
		      port->name, address, validation->config->ports[second[-1].port].name,
		      port->vnet);
}

static int conflict_of_macs(struct validation *validation, struct claim *claims, size_t count)
{
	const struct claim *second = find_conflict(claims, count);
	const struct sluice_port *port;
	char mac[TEXT_MAX];

	if (!second)
		return 0;
	port = &validation->config->ports[second->port];
	return refuse(validation, port, "mac", 0,
		      "port \"%s\": MAC %s is port \"%s\"'s already, in vnet \"%s\"", port->name,
		      text_mac(port->mac, mac), validation->config->ports[second[-1].port].name,
		      port->vnet);
}

/* Uplinks claim their devices too; they come before the ports. */
static int conflict_of_devices(struct validation *validation, struct claim *claims)
{
	const struct sluice_config *config = validation->config;
	const struct claim *second;
	size_t count = 0, first;

	for (size_t i = 0; i < config->uplink_count; i++, count++)
		claims[count] =
			(struct claim){ .device = config->uplinks[i].device, .port = count };
	for (size_t i = 0; i < config->port_count; i++, count++)
		claims[count] = (struct claim){ .device = config->ports[i].device, .port = count };
	second = find_conflict(claims, count);
	if (!second)
		return 0;
	/* Uplinks are told apart by their devices: the second is a port. */
	first = second[-1].port;
	return refuse(validation, &config->ports[second->port - config->uplink_count], "device", 0,
		      "port \"%s\": device %s is %s%s%s already",
		      config->ports[second->port - config->uplink_count].name, second->device,
		      first < config->uplink_count ? "an uplink" : "port \"",
		      first < config->uplink_count
			      ? ""
			      : config->ports[first - config->uplink_count].name,
		      first < config->uplink_count ? "" : "\"'s");
}

static int validate_claims(struct validation *validation, const long *vnets, struct claim *claims)
{
	const struct sluice_config *config = validation->config;
	size_t count = 0;
	int code;

	for (size_t i = 0; i < config->port_count; i++) {
		claims[i] = (struct claim){ .vnet = vnets[i], .port = i };
		memcpy(claims[i].address.bytes, config->ports[i].mac, 6);
	}
	code = conflict_of_macs(validation, claims, config->port_count);
	if (code)
		return code;
	for (size_t i = 0; i < config->port_count; i++) {
		for (size_t j = 0; j < config->ports[i].address_count; j++)
			claims[count++] =
				(struct claim){ .vnet = vnets[i],
						.port = i,
						.index = j,
						.address = config->ports[i].addresses[j] };
	}
	code = conflict_of_addresses(validation, claims, count);
	return code ? code : conflict_of_devices(validation, claims);
}

int validate_ports(struct validation *validation)
{
	const struct sluice_config *config = validation->config;
	size_t room = config->uplink_count + config->port_count + 1;
	struct claim *claims;
	long *vnets;
	int code = 0;

	if (config->port_count >= SLUICE_MAX_PORTS)
		return refuse(validation, &config->ports[SLUICE_MAX_PORTS - 1], NULL, 0,
			      "%zu ports are too many; a switch has at most %u", config->port_count,
			      SLUICE_MAX_PORTS - 1);
	for (size_t i = 0; i < config->port_count; i++)
		room += config->ports[i].address_count;
	claims = calloc(room, sizeof(*claims));
	vnets = calloc(config->port_count + 1, sizeof(*vnets));
	if (!claims || !vnets)
		code = sluice_error_set(validation->error, -ENOMEM, "memory is short");
	for (size_t i = 0; !code && i < config->port_count; i++)
		code = validate_port(validation, &config->ports[i], &vnets[i]);
	if (!code)
		code = validate_claims(validation, vnets, claims);
	free(claims);
	free(vnets);
	return code;
}
