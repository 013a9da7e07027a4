// SPDX-License-Identifier: BSD-2-Clause
/*
 * The tables of keys of what is translated: nat and lbs.
 */
#include "loader/schema_tables.h"

static const struct schema_choice nat_types[] = {
	{ "public", SLUICE_NAT_PUBLIC },
	{ "gateway", SLUICE_NAT_GATEWAY },
	{ "forward", SLUICE_NAT_FORWARD },
	{ 0 },
};
static const struct schema_choice affinities[] = {
	{ "5-tuple", NAT_AFFINITY_5_TUPLE },
	{ "3-tuple", NAT_AFFINITY_3_TUPLE },
	{ "2-tuple", NAT_AFFINITY_2_TUPLE },
	{ 0 },
};

/* Which of them a type needs and which it has no use for, validate_nat.c says. */
const struct sluice_field nat_fields[] = {
	{ "type", "public|gateway|forward", "how it translates", true, false,
	  VALUE(SCHEMA_CHOICE, AT(sluice_nat, type), .choices = nat_types, .initial = -1) },
	{ "address", "address", "public, forward: the address as it is seen outside", false, false,
	  VALUE(SCHEMA_ADDRESS, AT(sluice_nat, address)) },
	{ "port", "port", "public: the port whose address it is", false, false,
	  VALUE(SCHEMA_NAME, AT(sluice_nat, port)) },
	{ "vnet", "vnet", "gateway: the vnet whose ports leave by it", false, false,
	  VALUE(SCHEMA_NAME, AT(sluice_nat, vnet)) },
	{ "subnets", "subnet list", "gateway: those of the vnet; without them all", false, true,
	  VALUE(SCHEMA_NAME, LIST(sluice_nat, subnets, subnet_count)) },
	{ "addresses", "address list", "gateway: the addresses that the ports are seen as", false,
	  true, VALUE(SCHEMA_ADDRESS, LIST(sluice_nat, addresses, address_count)) },
	{ "ports", "a-b", "gateway: the source ports it uses (1024-65535)", false, false,
	  VALUE(SCHEMA_PORTS, AT(sluice_nat, ports)) },
	{ "protocol", "Tcp|Udp", "forward: of what is forwarded", false, false,
	  VALUE(SCHEMA_PROTOCOL, AT(sluice_nat, protocol), .initial = SLUICE_ANY) },
	{ "destinationPort", "number", "forward: the port outside", false, false,
	  VALUE(SCHEMA_NUMBER, AT(sluice_nat, destination_port), .low = 1, .high = 65535) },
	{ "to", "port:number", "forward: the port that gets it, and on which number", false, false,
	  VALUE(SCHEMA_TARGET, AT(sluice_nat, to)) },
	{ 0 },
};

const struct sluice_field lb_fields[] = {
	{ "vnet", "vnet", "the vnet that its backends are in", true, false,
	  VALUE(SCHEMA_NAME, AT(sluice_lb, vnet)) },
	{ "frontend", "address:port", "where it is asked: in the vnet, or a public address", true,
	  false, VALUE(SCHEMA_FRONTEND, AT(sluice_lb, frontend)) },
	{ "protocol", "Tcp|Udp", "what it balances", true, false,
	  VALUE(SCHEMA_PROTOCOL, AT(sluice_lb, protocol), .initial = SLUICE_ANY) },
	{ "backends", "port list", "the ports that serve it", false, true,
	  VALUE(SCHEMA_NAME, LIST(sluice_lb, backends, backend_count)) },
	{ "backendPort", "number", "the port there; without it the frontend's", false, false,
	  VALUE(SCHEMA_NUMBER, AT(sluice_lb, backend_port), .low = 1, .high = 65535) },
	{ "affinity", "5-tuple|3-tuple|2-tuple", "what of a flow chooses its backend", false, false,
	  VALUE(SCHEMA_CHOICE, AT(sluice_lb, affinity), .choices = affinities) },
	{ 0 },
};
