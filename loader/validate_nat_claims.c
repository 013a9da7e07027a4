// SPDX-License-Identifier: BSD-2-Clause
/*
 * That translation gives nothing out twice: addresses, ports of addresses, ways out of a subnet.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/validate_nat.h"

/* Who has an address, or a port of it. protocol and port 0: the whole address. */
struct claim {
	struct ip_address address;
	unsigned int protocol;
	unsigned int port;
	bool shared;                  /* by others that share it: gateways */
	const struct sluice_nat *nat; /* NULL: lb's */
	const struct sluice_lb *lb;
	size_t index; /* in addresses */
};

static int compare_claims(const void *a, const void *b)
{
	const struct claim *first = a, *second = b;
	int order = address_compare(&first->address, &second->address);

	if (!order)
		order = (first->protocol > second->protocol) - (first->protocol < second->protocol);
	if (!order)
		order = (first->port > second->port) - (first->port < second->port);
	return order;
}

static const char *claimant(const struct claim *claim)
{
	return claim->nat ? claim->nat->name : claim->lb->name;
}

/* Fails with a sentence about the claim's own value. */
#define refuse_claim(validation, claim, ...)                                                       \
	((claim)->nat ? refuse(validation, (claim)->nat,                                           \
			       (claim)->nat->type == SLUICE_NAT_GATEWAY ? "addresses" : "address", \
			       (claim)->index, __VA_ARGS__)                                        \
		      : refuse(validation, (claim)->lb, "frontend", 0, __VA_ARGS__))

/* Why nobody can be asked at an address, or NULL. */
static const char *unusable(const struct ip_address *address)
{
	const unsigned char *ipv4 = address->bytes + 12;
	static const struct ip_address loopback = { .bytes = { [15] = 1 } }, none;

	if (sluice_address_is_ipv4(address))
		return !ipv4[0] || ipv4[0] == 127 || ipv4[0] >= 224
			       ? "no address that a host can have"
			       : NULL;
	if (address->bytes[0] == 0xff || !address_compare(address, &loopback) ||
	    !address_compare(address, &none) ||
	    (address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80))
		return "no address that is reached from outside";
	return NULL;
}

/* A frontend in its vnet is nobody else's address there. */
static int validate_inner_frontend(struct validation *validation, const struct claim *claim)
{
	const struct sluice_config *config = validation->config;
	char text[TEXT_MAX];

	sluice_address_text(&claim->address, text);
	for (size_t i = 0; i < config->port_count; i++)
		for (size_t j = 0; j < config->ports[i].address_count; j++)
			if (!strcmp(config->ports[i].vnet, claim->lb->vnet) &&
			    !address_compare(&config->ports[i].addresses[j], &claim->address))
				return refuse_claim(
					validation, claim,
					"lb \"%s\": address %s is port \"%s\"'s already",
					claim->lb->name, text, config->ports[i].name);
	return 0;
}

static int validate_claim(struct validation *validation, const struct claim *claim)
{
	const struct sluice_vnet *vnet = vnet_holding(validation->config, &claim->address);
	const char *why = unusable(&claim->address);
	char text[TEXT_MAX];

	sluice_address_text(&claim->address, text);
	if (why)
		return refuse_claim(validation, claim, "%s \"%s\": %s is %s",
				    claim->nat ? "nat" : "lb", claimant(claim), text, why);
	if (claim->lb && vnet && !strcmp(vnet->name, claim->lb->vnet))
		return validate_inner_frontend(validation, claim);
	if (vnet)
		return refuse_claim(validation, claim,
				    "%s \"%s\": %s is inside vnet \"%s\"; an address that is seen "
				    "outside can not be",
				    claim->nat ? "nat" : "lb", claimant(claim), text, vnet->name);
	if (claim->lb && !validation->config->uplink_count)
		return refuse(
			validation, claim->lb, "frontend", 0,
			"lb \"%s\": %s is outside vnet \"%s\", and the switch has no uplink by "
			"which anything could reach it",
			claim->lb->name, text, claim->lb->vnet);
	return 0;
}

static int validate_conflicts(struct validation *validation, struct claim *claims, size_t count)
{
	char text[TEXT_MAX];

	qsort(claims, count, sizeof(*claims), compare_claims);
	for (size_t i = 1; i < count; i++) {
		const struct claim *first = &claims[i - 1], *second = &claims[i];

		if (compare_claims(first, second) || (first->shared && second->shared))
			continue;
		sluice_address_text(&second->address, text);
		if (second->port)
			return refuse_claim(validation, second,
					    "\"%s\" and \"%s\" both have port %u of %s",
					    claimant(first), claimant(second), second->port, text);
		return refuse_claim(validation, second,
				    "nat \"%s\" and \"%s\" both have the address %s, which is one "
				    "port's alone",
				    claimant(first), claimant(second), text);
	}
	return 0;
}

static size_t collect_claims(const struct sluice_config *config, struct claim *claims)
{
	size_t count = 0;

	for (size_t i = 0; i < config->nat_count; i++) {
		const struct sluice_nat *nat = &config->nat[i];

		for (size_t j = 0; j < nat->address_count; j++)
			claims[count++] = (struct claim){
				.address = nat->addresses[j], .shared = true, .nat = nat, .index = j
			};
		if (nat->type == SLUICE_NAT_PUBLIC)
			claims[count++] = (struct claim){ .address = nat->address, .nat = nat };
		else if (nat->type == SLUICE_NAT_FORWARD)
			claims[count++] = (struct claim){ .address = nat->address,
							  .protocol = nat->protocol,
							  .port = nat->destination_port,
							  .nat = nat };
	}
	for (size_t i = 0; i < config->lb_count; i++)
		claims[count++] = (struct claim){ .address = config->lbs[i].frontend.address,
						  .protocol = config->lbs[i].protocol,
						  .port = config->lbs[i].frontend.port,
						  .lb = &config->lbs[i] };
	return count;
}

static bool leads_out(const struct sluice_nat *nat, const char *subnet)
{
	for (size_t i = 0; i < nat->subnet_count; i++)
		if (!strcmp(nat->subnets[i], subnet))
			return true;
	return !nat->subnet_count;
}

/* A subnet of both, or NULL. */
static const char *common_subnet(const struct sluice_vnet *vnet, const struct sluice_nat *a,
				 const struct sluice_nat *b)
{
	for (size_t i = 0; i < vnet->subnet_count; i++)
		if (leads_out(a, vnet->subnets[i].name) && leads_out(b, vnet->subnets[i].name))
			return vnet->subnets[i].name;
	return NULL;
}

/* A port leaves by one address of each IP version, a subnet by one gateway. */
static int validate_ways_out(struct validation *validation, const struct sluice_nat *nat)
{
	if (nat->type == SLUICE_NAT_FORWARD)
		return 0;
	for (const struct sluice_nat *other = validation->config->nat; other < nat; other++) {
		const char *subnet;

		if (other->type != nat->type)
			continue;
		if (nat->type == SLUICE_NAT_PUBLIC && !strcmp(nat->port, other->port) &&
		    sluice_address_is_ipv4(&nat->address) ==
			    sluice_address_is_ipv4(&other->address))
			return refuse(
				validation, nat, "port", 0,
				"nat \"%s\": port \"%s\" has the public address of nat \"%s\" "
				"already; it can have one of each IP version",
				nat->name, nat->port, other->name);
		if (nat->type != SLUICE_NAT_GATEWAY || strcmp(nat->vnet, other->vnet))
			continue;
		subnet = common_subnet(
			&validation->config->vnets[names_find(&validation->vnets, nat->vnet)], nat,
			other);
		if (subnet)
			return refuse(validation, nat, "vnet", 0,
				      "nat \"%s\": subnet \"%s/%s\" has the gateway \"%s\" already",
				      nat->name, nat->vnet, subnet, other->name);
	}
	return 0;
}

int validate_nat_claims(struct validation *validation)
{
	const struct sluice_config *config = validation->config;
	size_t room = config->nat_count + config->lb_count + 1, count;
	struct claim *claims;
	int code = 0;

	for (size_t i = 0; i < config->nat_count; i++)
		room += config->nat[i].address_count;
	claims = calloc(room, sizeof(*claims));
	if (!claims)
		return sluice_error_set(validation->error, -ENOMEM, "memory is short");
	count = collect_claims(config, claims);
	for (size_t i = 0; !code && i < count; i++)
		code = validate_claim(validation, &claims[i]);
	if (!code)
		code = validate_conflicts(validation, claims, count);
	for (size_t i = 0; !code && i < config->nat_count; i++)
		code = validate_ways_out(validation, &config->nat[i]);
	free(claims);
	return code;
}
