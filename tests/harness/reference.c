/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference model; see reference.h. */
#include "tests/harness/reference.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/reference_journey.h"

struct reference *reference_new(void)
{
	return calloc(1, sizeof(struct reference));
}

void reference_free(struct reference *reference)
{
	free(reference->incarnation);
	free(reference->connection);
	free(reference);
}

void reference_forget_connections(struct reference *reference)
{
	reference->connection_count = 0;
}

size_t reference_connection_count(const struct reference *reference)
{
	return reference->connection_count;
}

const struct sluice_port *reference_find_port(const struct sluice_config *config, const char *name)
{
	for (size_t i = 0; i < config->port_count; i++)
		if (!strcmp(config->ports[i].name, name))
			return &config->ports[i];
	return NULL;
}

/* --- ports that come and go --- */

static struct incarnation *find_incarnation(const struct reference *reference, const char *port)
{
	for (size_t i = 0; i < reference->incarnation_count; i++)
		if (!strcmp(reference->incarnation[i].port, port))
			return &reference->incarnation[i];
	return NULL;
}

void reference_set_device(struct reference *reference, const char *port, bool is_there)
{
	find_incarnation(reference, port)->device_gone = !is_there;
}

void reference_set_config(struct reference *reference, const struct sluice_config *config)
{
	reference->config = config;
	reference->version++;
	for (size_t i = 0; i < reference->incarnation_count; i++)
		if (!reference_find_port(config, reference->incarnation[i].port))
			reference->incarnation[i].present = false;
	for (size_t i = 0; i < config->port_count; i++) {
		struct incarnation *known = find_incarnation(reference, config->ports[i].name);

		if (!known) {
			size_t count = ++reference->incarnation_count;

			reference->incarnation = reallocarray(reference->incarnation, count,
							      sizeof(*reference->incarnation));
			known = &reference->incarnation[count - 1];
			*known = (struct incarnation){ .count = 0 };
			snprintf(known->port, sizeof(known->port), "%s", config->ports[i].name);
		}
		known->count += !known->present;
		known->present = true;
	}
}

struct reference_end reference_end_of(const struct reference *reference,
				      const struct sluice_port *port)
{
	struct reference_end end = { .incarnation =
					     find_incarnation(reference, port->name)->count };

	snprintf(end.port, sizeof(end.port), "%s", port->name);
	return end;
}

bool reference_is_end(const struct reference *reference, const struct reference_end *end,
		      const struct sluice_port *port)
{
	struct reference_end same = reference_end_of(reference, port);

	return !strcmp(end->port, same.port) && end->incarnation == same.incarnation;
}

/* --- who has which address --- */

const struct sluice_port *reference_port_at(const struct sluice_config *config, const char *vnet,
					    const struct ip_address *address)
{
	for (size_t i = 0; i < config->port_count; i++)
		for (size_t j = 0; j < config->ports[i].address_count; j++)
			if (!strcmp(config->ports[i].vnet, vnet) &&
			    reference_same(&config->ports[i].addresses[j], address))
				return &config->ports[i];
	return NULL;
}

/* The first host address of one of the vnet's subnets' prefixes. */
bool reference_is_gateway(const struct sluice_config *config, const char *vnet_name,
			  const struct ip_address *address)
{
	const struct sluice_vnet *vnet = reference_vnet(config, vnet_name);

	for (size_t i = 0; i < vnet->subnet_count; i++) {
		for (size_t j = 0; j < vnet->subnets[i].prefix_count; j++) {
			struct ip_address gateway = vnet->subnets[i].prefixes[j].address;

			gateway.bytes[15] |= 1;
			if (reference_same(&gateway, address))
				return true;
		}
	}
	return false;
}

bool reference_in_a_subnet(const struct sluice_config *config, const char *vnet_name,
			   const struct ip_address *address)
{
	const struct sluice_vnet *vnet = reference_vnet(config, vnet_name);

	for (size_t i = 0; i < vnet->subnet_count; i++)
		for (size_t j = 0; j < vnet->subnets[i].prefix_count; j++)
			if (reference_in_prefix(address, &vnet->subnets[i].prefixes[j]))
				return true;
	return false;
}

struct reference_tuple reference_tuple_of(const struct reference_packet *packet)
{
	return (struct reference_tuple){
		.source = packet->source,
		.destination = packet->destination,
		.protocol = packet->protocol,
		.source_port = packet->source_port,
		.destination_port = packet->destination_port,
		.icmp_type = packet->icmp_type,
		.icmp_code = packet->icmp_code,
	};
}

/* --- leaving --- */

bool journey_drop(struct journey *journey, enum drop_reason reason)
{
	journey->outcome->verdict = TRACE_DROP;
	journey->outcome->reason = reason;
	return false;
}

bool journey_answer(struct journey *journey)
{
	journey->outcome->verdict = TRACE_DELIVER;
	journey->outcome->answered = true;
	return false;
}

void reference_send(struct reference *reference, const struct reference_packet *packet, bool keep,
		    struct reference_outcome *outcome)
{
	struct journey journey = {
		.reference = reference,
		.packet = packet,
		.outcome = outcome,
		.keep = keep,
		.in = reference_find_port(reference->config, packet->port),
	};

	memset(outcome, 0, sizeof(*outcome));
	if (!journey_admit(&journey) || !journey_judge(&journey))
		return;
	if (find_incarnation(reference, journey.out->name)->device_gone) {
		journey_drop(&journey, DROP_DEVICE_GONE);
		return;
	}
	outcome->routed = strcmp(journey.in->subnet, journey.out->subnet);
	outcome->verdict = TRACE_DELIVER;
	snprintf(outcome->out_port, sizeof(outcome->out_port), "%s", journey.out->name);
	for (int i = 0; i < FLOW_RULES; i++)
		if (journey.rule[i][0])
			memcpy(outcome->rule, journey.rule[i], sizeof(outcome->rule));
}

/* --- questions --- */

void reference_query(struct reference *reference, const struct reference_packet *packet,
		     enum direction direction, struct reference_answer *answer)
{
	const struct sluice_config *config = reference->config;
	const struct sluice_port *port = reference_find_port(config, packet->port);
	const char *subnet_nsg = reference_subnet(config, port)->nsg;
	struct reference_tuple tuple = reference_tuple_of(packet);
	struct reference_verdict verdict[4];
	bool inbound = direction == DIRECTION_INBOUND;
	const enum police_level level[4] = { LEVEL_ACL, LEVEL_ACL,
					     inbound ? LEVEL_SUBNET : LEVEL_NIC,
					     inbound ? LEVEL_NIC : LEVEL_SUBNET };

	reference_switch_acl(config, port->vnet, direction, &tuple, &verdict[0]);
	reference_port_acl(config, port, direction, &tuple, &verdict[1]);
	reference_nsg(config, inbound ? subnet_nsg : port->nsg, port->vnet, direction, &tuple,
		      &verdict[2]);
	reference_nsg(config, inbound ? port->nsg : subnet_nsg, port->vnet, direction, &tuple,
		      &verdict[3]);
	*answer = (struct reference_answer){ .access = ACCESS_ALLOW };
	for (int i = 0; i < 4 && answer->access == ACCESS_ALLOW; i++) {
		answer->access = verdict[i].access;
		if (verdict[i].access == ACCESS_ALLOW && (i < 2 || !verdict[i].present))
			continue;
		answer->level = level[i];
		memcpy(answer->rule, verdict[i].rule, sizeof(answer->rule));
	}
}

bool reference_pick_connection(const struct reference *reference, unsigned int which, bool reply,
			       struct reference_packet *packet)
{
	const struct reference_connection *connection;
	const struct reference_way *first;

	if (!reference->connection_count)
		return false;
	connection = &reference->connection[which % reference->connection_count];
	first = &connection->first;
	if (!reference_find_port(reference->config, connection->end[reply].port))
		return false;
	snprintf(packet->port, sizeof(packet->port), "%s", connection->end[reply].port);
	packet->protocol = first->protocol;
	packet->source = reply ? first->destination : first->source;
	packet->destination = reply ? first->source : first->destination;
	packet->source_port = reply ? first->destination_port : first->source_port;
	packet->destination_port = reply ? first->source_port : first->destination_port;
	packet->icmp_type = first->icmp_type;
	packet->icmp_code = first->icmp_code;
	packet->icmp_id = first->icmp_id;
	if (reply && first->exchange == EXCHANGE_ECHO)
		packet->icmp_type = first->protocol == IPPROTO_ICMP ? 8 - first->icmp_type
								    : 257 - first->icmp_type;
	if (reply && first->exchange == EXCHANGE_TIMESTAMP)
		packet->icmp_type = 27 - first->icmp_type;
	packet->tcp_sequence = connection->wants[!reply];
	packet->tcp_acknowledgment = connection->wants[reply];
	return true;
}
