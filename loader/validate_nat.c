// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether translation makes sense: each type has what it needs, what it names is there, and nothing is
 * given out twice.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/validate.h"
#include "loader/validate_nat.h"

#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

const struct sluice_vnet *vnet_holding(const struct sluice_config *config,
				       const struct ip_address *address)
{
	for (size_t i = 0; i < config->vnet_count; i++)
		for (size_t j = 0; j < config->vnets[i].prefix_count; j++) {
			const struct sluice_prefix *prefix = &config->vnets[i].prefixes[j];
			struct ip_address first = prefix_first(prefix), last = prefix_last(prefix);

			if (prefix->ipv6 != sluice_address_is_ipv4(address) &&
			    address_compare(&first, address) <= 0 &&
			    address_compare(address, &last) <= 0)
				return &config->vnets[i];
		}
	return NULL;
}

const struct ip_address *port_address_like(const struct sluice_port *port,
					   const struct ip_address *address)
{
	bool ipv4 = sluice_address_is_ipv4(address);

	for (size_t i = 0; i < port->address_count; i++)
		if (sluice_address_is_ipv4(&port->addresses[i]) == ipv4)
			return &port->addresses[i];
	return NULL;
}

/* --- what stands where --- */

/* Which keys a type needs and which it may have beside; "" ends. */
static const struct {
	const char *name;
	const char *needs[5];
	const char *may[3];
} types[] = {
	[SLUICE_NAT_PUBLIC] = { "public", { "address", "port", "" }, { "" } },
	[SLUICE_NAT_GATEWAY] = { "gateway",
				 { "vnet", "addresses", "" },
				 { "subnets", "ports", "" } },
	[SLUICE_NAT_FORWARD] = { "forward",
				 { "address", "protocol", "destinationPort", "to", "" },
				 { "" } },
};

static bool among(const char *const *keys, const char *key)
{
	while (**keys && strcmp(*keys, key))
		keys++;
	return **keys;
}

static int validate_keys(struct validation *validation, const struct sluice_nat *nat)
{
	const struct sluice_field *fields = sluice_fields(SLUICE_NAT);

	/* The first is the type itself. */
	for (const struct sluice_field *field = fields + 1; field->key; field++) {
		bool given = !object_field_initial(field, nat);

		if (!given && among(types[nat->type].needs, field->key))
			return refuse(validation, nat, NULL, 0, "nat \"%s\": type %s needs %s (%s)",
				      nat->name, types[nat->type].name, field->key, field->type);
		if (given && !among(types[nat->type].needs, field->key) &&
		    !among(types[nat->type].may, field->key))
			return refuse(validation, nat, field->key, 0,
				      "nat \"%s\": type %s has no use for %s; take it out",
				      nat->name, types[nat->type].name, field->key);
	}
	return 0;
}

/* --- what is named --- */

static int validate_protocol(struct validation *validation, const struct sluice_place *place,
			     const char *kind, const char *name, int protocol)
{
	const struct {
		struct sluice_place place;
	} thing = { *place };

	if (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP)
		return 0;
	return refuse(validation, &thing, "protocol", 0,
		      "%s \"%s\": protocol is Tcp or Udp, which have ports that can be translated",
		      kind, name);
}

/* A port of the switch that gets what was sent to an address. */
static int validate_receiver(struct validation *validation, const struct sluice_nat *nat,
			     const char *key, const char *port)
{
	long index = names_find(&validation->ports, port);
	char text[128];

	if (index < 0)
		return refuse(validation, nat, key, 0,
			      "port \"%s\" %s, but nat \"%s\" leads to it%s", port,
			      names_missing(validation), nat->name,
			      names_suggest(validation, &validation->ports, port, text));
	if (port_address_like(&validation->config->ports[index], &nat->address))
		return 0;
	return refuse(validation, nat, key, 0,
		      "nat \"%s\": port \"%s\" has no %s address, as %s is", nat->name, port,
		      sluice_address_is_ipv4(&nat->address) ? "IPv4" : "IPv6",
		      sluice_address_text(&nat->address, text));
}

static int validate_gateway(struct validation *validation, const struct sluice_nat *nat)
{
	long vnet = names_find(&validation->vnets, nat->vnet);
	char text[128];

	if (vnet < 0)
		return refuse(validation, nat, "vnet", 0,
			      "vnet \"%s\" %s, but nat \"%s\" is its gateway%s", nat->vnet,
			      names_missing(validation), nat->name,
			      names_suggest(validation, &validation->vnets, nat->vnet, text));
	for (size_t i = 0; i < nat->subnet_count; i++)
		if (names_find(&validation->subnets[vnet], nat->subnets[i]) < 0)
			return refuse(validation, nat, "subnets", i,
				      "subnet \"%s/%s\" %s, but nat \"%s\" is its gateway%s",
				      nat->vnet, nat->subnets[i], names_missing(validation),
				      nat->name,
				      names_suggest(validation, &validation->subnets[vnet],
						    nat->subnets[i], text));
	if (nat->ports.last && !nat->ports.first)
		return refuse(validation, nat, "ports", 0,
			      "nat \"%s\": 0 is no port that a connection can have; begin with 1",
			      nat->name);
	return 0;
}

static int validate_one(struct validation *validation, const struct sluice_nat *nat)
{
	int code = validate_keys(validation, nat);

	if (code)
		return code;
	if (!validation->config->uplink_count)
		return refuse(validation, nat, NULL, 0,
			      "nat \"%s\": the switch has no uplink by which anything could reach "
			      "its addresses; add one to \"uplinks\"",
			      nat->name);
	switch (nat->type) {
	case SLUICE_NAT_PUBLIC:
		return validate_receiver(validation, nat, "port", nat->port);
	case SLUICE_NAT_GATEWAY:
		return validate_gateway(validation, nat);
	case SLUICE_NAT_FORWARD:
		return validate_protocol(validation, &nat->place, "nat", nat->name, nat->protocol)
			       ?: validate_receiver(validation, nat, "to", nat->to.port);
	}
	return 0;
}

static int validate_backend(struct validation *validation, const struct sluice_lb *lb, size_t i)
{
	long index = names_find(&validation->ports, lb->backends[i]);
	const struct sluice_port *port;
	char text[128];

	if (index < 0)
		return refuse(validation, lb, "backends", i,
			      "port \"%s\" %s, but lb \"%s\" has it for a backend%s",
			      lb->backends[i], names_missing(validation), lb->name,
			      names_suggest(validation, &validation->ports, lb->backends[i], text));
	port = &validation->config->ports[index];
	if (strcmp(port->vnet, lb->vnet))
		return refuse(validation, lb, "backends", i,
			      "lb \"%s\": backend \"%s\" is in vnet \"%s\", not in \"%s\"",
			      lb->name, port->name, port->vnet, lb->vnet);
	if (!port_address_like(port, &lb->frontend.address))
		return refuse(validation, lb, "backends", i,
			      "lb \"%s\": backend \"%s\" has no address of the frontend's IP "
			      "version",
			      lb->name, port->name);
	for (size_t j = 0; j < i; j++)
		if (!strcmp(lb->backends[j], lb->backends[i]))
			return refuse(validation, lb, "backends", i,
				      "lb \"%s\": backend \"%s\" is there twice", lb->name,
				      lb->backends[i]);
	return 0;
}

static int validate_lb(struct validation *validation, const struct sluice_lb *lb)
{
	int code = validate_protocol(validation, &lb->place, "lb", lb->name, lb->protocol);
	char text[128];

	if (code)
		return code;
	if (names_find(&validation->vnets, lb->vnet) < 0)
		return refuse(validation, lb, "vnet", 0, "vnet \"%s\" %s, but lb \"%s\" is in it%s",
			      lb->vnet, names_missing(validation), lb->name,
			      names_suggest(validation, &validation->vnets, lb->vnet, text));
	if (lb->backend_count > NAT_BALANCER_TARGETS)
		return refuse(validation, lb, "backends", NAT_BALANCER_TARGETS,
			      "lb \"%s\": %zu backends are too many; it can have %u", lb->name,
			      lb->backend_count, NAT_BALANCER_TARGETS);
	for (size_t i = 0; !code && i < lb->backend_count; i++)
		code = validate_backend(validation, lb, i);
	return code;
}

int validate_nat(struct validation *validation)
{
	const struct sluice_config *config = validation->config;
	int code = 0;

	for (size_t i = 0; !code && i < config->nat_count; i++)
		code = validate_one(validation, &config->nat[i]);
	for (size_t i = 0; !code && i < config->lb_count; i++)
		code = validate_lb(validation, &config->lbs[i]);
	return code ? code : validate_nat_claims(validation);
}
