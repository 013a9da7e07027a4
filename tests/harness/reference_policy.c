/* SPDX-License-Identifier: BSD-2-Clause */
/* First match over a document's lists; see reference.h. */
#include "tests/harness/reference_policy.h"

#include <netinet/in.h>
#include <string.h>

#define PROTOCOL_ICMPV6 58

bool reference_same(const struct ip_address *a, const struct ip_address *b)
{
	return memcmp(a->bytes, b->bytes, 16) == 0;
}

bool reference_is_ipv4(const struct ip_address *address)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
}

bool reference_in_prefix(const struct ip_address *address, const struct sluice_prefix *prefix)
{
	unsigned int skip = prefix->ipv6 ? 0 : 96;

	if (reference_is_ipv4(address) == prefix->ipv6)
		return false;
	for (unsigned int bit = skip; bit < skip + prefix->length; bit++) {
		unsigned char mask = 0x80 >> (bit % 8);

		if ((address->bytes[bit / 8] ^ prefix->address.bytes[bit / 8]) & mask)
			return false;
	}
	return true;
}

static bool in_range(const struct ip_address *address, const struct sluice_selector *range)
{
	return reference_is_ipv4(address) == reference_is_ipv4(&range->first) &&
	       memcmp(address->bytes, range->first.bytes, 16) >= 0 &&
	       memcmp(address->bytes, range->last.bytes, 16) <= 0;
}

const struct sluice_vnet *reference_vnet(const struct sluice_config *config, const char *name)
{
	for (size_t i = 0; i < config->vnet_count; i++)
		if (!strcmp(config->vnets[i].name, name))
			return &config->vnets[i];
	return NULL;
}

const struct sluice_subnet *reference_subnet(const struct sluice_config *config,
					     const struct sluice_port *port)
{
	const struct sluice_vnet *vnet = reference_vnet(config, port->vnet);

	for (size_t i = 0; i < vnet->subnet_count; i++)
		if (!strcmp(vnet->subnets[i].name, port->subnet))
			return &vnet->subnets[i];
	return NULL;
}

static bool in_virtual_network(const struct sluice_config *config, const char *vnet_name,
			       const struct ip_address *address)
{
	const struct sluice_vnet *vnet = reference_vnet(config, vnet_name);

	for (size_t i = 0; i < vnet->prefix_count; i++)
		if (reference_in_prefix(address, &vnet->prefixes[i]))
			return true;
	return false;
}

static bool in_asg(const struct sluice_config *config, const char *vnet, const char *asg,
		   const struct ip_address *address)
{
	for (size_t i = 0; i < config->port_count; i++) {
		const struct sluice_port *port = &config->ports[i];
		bool member = false, has = false;

		for (size_t j = 0; j < port->asg_count; j++)
			member |= !strcmp(port->asgs[j], asg);
		for (size_t j = 0; j < port->address_count; j++)
			has |= reference_same(&port->addresses[j], address);
		if (member && has && !strcmp(port->vnet, vnet))
			return true;
	}
	return false;
}

static bool in_tag(const struct sluice_config *config, const char *vnet, const char *tag,
		   const struct ip_address *address)
{
	if (!strcmp(tag, "VirtualNetwork"))
		return in_virtual_network(config, vnet, address);
	if (!strcmp(tag, "Internet"))
		return !in_virtual_network(config, vnet, address);
	for (size_t i = 0; i < config->tag_count; i++)
		for (size_t j = 0; j < config->tags[i].prefix_count; j++)
			if (!strcmp(config->tags[i].name, tag) &&
			    in_range(address, &config->tags[i].prefixes[j]))
				return true;
	return false;
}

static bool selected(const struct sluice_config *config, const char *vnet,
		     const struct sluice_selector *list, size_t count,
		     const struct ip_address *address)
{
	if (!count)
		return true;
	for (size_t i = 0; i < count; i++) {
		if (list[i].kind == SLUICE_SELECT_ANY)
			return true;
		if (list[i].kind == SLUICE_SELECT_RANGE && in_range(address, &list[i]))
			return true;
		if (list[i].kind == SLUICE_SELECT_TAG &&
		    in_tag(config, vnet, list[i].name, address))
			return true;
		if (list[i].kind == SLUICE_SELECT_ASG &&
		    in_asg(config, vnet, list[i].name, address))
			return true;
	}
	return false;
}

static bool port_listed(const struct sluice_port_range *list, size_t count, unsigned int protocol,
			unsigned int port)
{
	if (!count)
		return true;
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP && protocol != IPPROTO_SCTP)
		return false;
	for (size_t i = 0; i < count; i++)
		if (port >= list[i].first && port <= list[i].last)
			return true;
	return false;
}

static bool protocol_matches(const struct sluice_rule *rule, const struct reference_tuple *tuple)
{
	if (rule->protocol != SLUICE_ANY && rule->protocol != (int)tuple->protocol &&
	    !(rule->protocol == IPPROTO_ICMP && tuple->protocol == PROTOCOL_ICMPV6))
		return false;
	return (rule->icmp_type == SLUICE_ANY || rule->icmp_type == (int)tuple->icmp_type) &&
	       (rule->icmp_code == SLUICE_ANY || rule->icmp_code == (int)tuple->icmp_code);
}

static bool matches(const struct sluice_config *config, const char *vnet,
		    const struct sluice_rule *rule, const struct reference_tuple *tuple)
{
	return protocol_matches(rule, tuple) &&
	       selected(config, vnet, rule->sources, rule->source_count, &tuple->source) &&
	       selected(config, vnet, rule->destinations, rule->destination_count,
			&tuple->destination) &&
	       port_listed(rule->source_ports, rule->source_port_count, tuple->protocol,
			   tuple->source_port) &&
	       port_listed(rule->destination_ports, rule->destination_port_count, tuple->protocol,
			   tuple->destination_port);
}

/* --- ACLs --- */

/* Goes through one ACL; true: a rule decided. */
static bool try_acl(const struct sluice_config *config, const char *vnet,
		    const struct sluice_acl *acl, enum direction direction,
		    const struct reference_tuple *tuple, struct reference_verdict *verdict)
{
	for (size_t i = 0; i < acl->rule_count; i++) {
		const struct sluice_rule *rule = &acl->rules[i];

		if (rule->direction != direction)
			continue;
		verdict->present = true;
		if (!matches(config, vnet, rule, tuple))
			continue;
		verdict->access = rule->access;
		snprintf(verdict->rule, sizeof(verdict->rule), "acl/%s/%s", acl->name, rule->name);
		return true;
	}
	return false;
}

void reference_switch_acl(const struct sluice_config *config, const char *vnet,
			  enum direction direction, const struct reference_tuple *tuple,
			  struct reference_verdict *verdict)
{
	*verdict = (struct reference_verdict){ .access = ACCESS_ALLOW };
	for (size_t i = 0; i < config->acl_count; i++)
		if (!config->acls[i].applies_to_ports &&
		    try_acl(config, vnet, &config->acls[i], direction, tuple, verdict))
			return;
}

void reference_port_acl(const struct sluice_config *config, const struct sluice_port *port,
			enum direction direction, const struct reference_tuple *tuple,
			struct reference_verdict *verdict)
{
	*verdict = (struct reference_verdict){ .access = ACCESS_ALLOW };
	for (size_t i = 0; port->acl && i < config->acl_count; i++)
		if (!strcmp(config->acls[i].name, port->acl))
			try_acl(config, port->vnet, &config->acls[i], direction, tuple, verdict);
}

/* --- steering --- */

const char *reference_steer(const struct sluice_config *config, const char *vnet,
			    const struct reference_tuple *tuple)
{
	const struct sluice_steer *best = NULL;

	for (size_t i = 0; i < config->steer_count; i++)
		if (!strcmp(config->steers[i].vnet, vnet) &&
		    (!best || config->steers[i].match.priority < best->match.priority) &&
		    matches(config, vnet, &config->steers[i].match, tuple))
			best = &config->steers[i];
	return best ? best->to : NULL;
}

/* --- NSGs --- */

static const struct sluice_nsg *find_nsg(const struct sluice_config *config, const char *name)
{
	for (size_t i = 0; i < config->nsg_count; i++)
		if (!strcmp(config->nsgs[i].name, name))
			return &config->nsgs[i];
	return NULL;
}

bool reference_keeps(const struct sluice_config *config, const char *nsg)
{
	return !nsg || find_nsg(config, nsg)->keep_existing_flows;
}

/* The rules nobody had to write: which one matches, and whether it allows. */
static const char *built_in_rule(const struct sluice_config *config, const char *vnet,
				 enum direction direction, const struct reference_tuple *tuple,
				 enum access *access)
{
	bool from_vnet = in_virtual_network(config, vnet, &tuple->source);
	bool to_vnet = in_virtual_network(config, vnet, &tuple->destination);

	*access = ACCESS_ALLOW;
	if (from_vnet && to_vnet)
		return "65000";
	if (direction == DIRECTION_OUTBOUND && !to_vnet)
		return "65001";
	*access = ACCESS_DENY;
	return "65500";
}

void reference_nsg(const struct sluice_config *config, const char *name, const char *vnet,
		   enum direction direction, const struct reference_tuple *tuple,
		   struct reference_verdict *verdict)
{
	const struct sluice_nsg *nsg;
	const struct sluice_rule *best = NULL;
	const char *rule;

	*verdict = (struct reference_verdict){ .access = ACCESS_ALLOW };
	if (!name)
		return;
	nsg = find_nsg(config, name);
	for (size_t i = 0; i < nsg->rule_count; i++)
		if (nsg->rules[i].direction == direction &&
		    (!best || nsg->rules[i].priority < best->priority) &&
		    matches(config, vnet, &nsg->rules[i], tuple))
			best = &nsg->rules[i];
	verdict->present = true;
	if (best) {
		verdict->access = best->access;
		rule = best->name;
	} else {
		rule = built_in_rule(config, vnet, direction, tuple, &verdict->access);
	}
	snprintf(verdict->rule, sizeof(verdict->rule), "nsg/%s/%s/%s", name,
		 direction == DIRECTION_INBOUND ? "in" : "out", rule);
}
