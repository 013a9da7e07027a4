/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference model: connections, routes, policies, and what is remembered. Each step returns
 * whether the packet goes on. */
#include "tests/harness/reference_journey.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* No connection is there that the packet could belong to: may it begin one? */
static bool begin(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;
	bool is_reply = reference_way_of("", packet, false).is_reply;

	journey->connection = NULL;
	journey->one_way = is_reply;
	journey->outcome->state = TRACE_STATE_INVALID;
	if (packet->kind == REFERENCE_ICMP_ERROR)
		return journey_drop(journey, DROP_ICMP_UNRELATED);
	if (packet->protocol == IPPROTO_TCP && !journey->reference->config->tcp_loose &&
	    (packet->tcp_flags & 0x12) != 0x02)
		return journey_drop(journey, DROP_TCP_STATE);
	journey->outcome->state = TRACE_STATE_NEW;
	return true;
}

static struct reference_connection *
find_connection(struct reference *reference, const struct reference_way *way, unsigned int *from)
{
	for (size_t i = 0; i < reference->connection_count; i++)
		if (reference_way_belongs(&reference->connection[i], way, from))
			return &reference->connection[i];
	return NULL;
}

/* An error belongs to the connection of the packet it quotes, and only the port which that packet
 * went to is believed. */
static bool find_quoted(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;
	struct reference_way way = reference_way_quoted(journey->in->vnet, packet);
	unsigned int quoted_from;

	journey->connection = find_connection(journey->reference, &way, &quoted_from);
	if (!journey->connection || !reference_same(&packet->destination, &packet->quoted.source) ||
	    !reference_is_end(journey->reference, &journey->connection->end[!quoted_from],
			      journey->in)) {
		journey->outcome->state = TRACE_STATE_INVALID;
		return journey_drop(journey, DROP_ICMP_UNRELATED);
	}
	journey->from = !quoted_from;
	journey->outcome->state = TRACE_STATE_RELATED;
	return true;
}

static bool find_flow(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;
	struct reference_way way = reference_way_of(journey->in->vnet, packet, false);
	struct reference_connection after;

	if (packet->kind == REFERENCE_ICMP_ERROR)
		return find_quoted(journey);
	if (packet->later_fragment) {
		journey->outcome->state = TRACE_STATE_INVALID;
		return journey_drop(journey, DROP_FRAGMENT_ORPHAN);
	}
	journey->connection = find_connection(journey->reference, &way, &journey->from);
	if (!journey->connection && way.is_reply) {
		way = reference_way_of(journey->in->vnet, packet, true);
		journey->one_way = true;
		journey->connection = find_connection(journey->reference, &way, &journey->from);
	}
	if (!journey->connection ||
	    !reference_is_end(journey->reference, &journey->connection->end[journey->from],
			      journey->in))
		return begin(journey);
	after = *journey->connection;
	switch (reference_connection_step(&after, packet, journey->from)) {
	case STEP_INVALID:
		journey->outcome->state = TRACE_STATE_INVALID;
		return journey_drop(journey, DROP_TCP_STATE);
	case STEP_REOPENS:
		return begin(journey);
	case STEP_FITS:
		break;
	}
	journey->outcome->state = TRACE_STATE_ESTABLISHED;
	/* Where nothing is left to be judged the packet counts at once, even if its hops are used
	 * up; where something is, only when it passes. */
	journey->counted =
		after.version == journey->reference->version && after.passed[journey->from];
	if (journey->counted && journey->keep)
		*journey->connection = after;
	return true;
}

/* A gateway answers a ping and nothing else. */
static bool answer_gateway(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;

	if (!packet->icmp_code &&
	    ((packet->protocol == IPPROTO_ICMP && packet->icmp_type == 8) ||
	     (packet->protocol == IPPROTO_ICMPV6 && packet->icmp_type == 128)))
		return journey_answer(journey);
	return journey_drop(journey, DROP_GATEWAY_ONLY_ECHO);
}

/* Which port gets it, where `owner` (NULL: nobody) has the destination: replies are not steered, nor
 * what began with the owner, nor what the steer rule's own port sends. */
static const struct sluice_port *steered(const struct journey *journey,
					 const struct sluice_port *owner)
{
	const struct reference_connection *connection = journey->connection;
	const struct sluice_config *config = journey->reference->config;
	struct reference_tuple tuple = connection ? reference_first_tuple(connection) :
						    reference_tuple_of(journey->packet);
	const char *to;

	if (connection && (journey->from == 1 ||
			   (owner && reference_is_end(journey->reference, &connection->end[1],
						      owner))))
		return owner;
	to = reference_steer(config, journey->in->vnet, &tuple);
	return to && strcmp(to, journey->in->name) ? reference_find_port(config, to) : owner;
}

static bool route(struct journey *journey)
{
	const struct sluice_config *config = journey->reference->config;
	const char *vnet = journey->in->vnet;
	const struct ip_address *destination = &journey->packet->destination;

	if (reference_is_gateway(config, vnet, destination))
		return answer_gateway(journey);
	journey->out = steered(journey, reference_port_at(config, vnet, destination));
	if (!journey->out)
		return journey_drop(journey, reference_in_a_subnet(config, vnet, destination)
						     ? DROP_NO_ENDPOINT
						     : DROP_NO_ROUTE);
	if (journey->out == journey->in)
		return journey_drop(journey, DROP_NO_ENDPOINT);
	if (journey->connection &&
	    !reference_is_end(journey->reference, &journey->connection->end[!journey->from],
			      journey->out))
		return begin(journey);
	return true;
}

/* --- policies --- */

static bool denied(struct journey *journey, const struct reference_verdict *verdict,
		   enum drop_reason reason)
{
	if (verdict->access == ACCESS_ALLOW)
		return false;
	memcpy(journey->outcome->rule, verdict->rule, sizeof(verdict->rule));
	journey_drop(journey, reason);
	return true;
}

static bool police_acls(struct journey *journey)
{
	const struct sluice_config *config = journey->reference->config;
	struct reference_tuple tuple = reference_tuple_of(journey->packet);
	struct reference_verdict verdict;

	reference_switch_acl(config, journey->in->vnet, DIRECTION_OUTBOUND, &tuple, &verdict);
	if (denied(journey, &verdict, DROP_ACL_DENY))
		return false;
	reference_port_acl(config, journey->in, DIRECTION_OUTBOUND, &tuple, &verdict);
	if (denied(journey, &verdict, DROP_ACL_DENY))
		return false;
	reference_switch_acl(config, journey->in->vnet, DIRECTION_INBOUND, &tuple, &verdict);
	if (denied(journey, &verdict, DROP_ACL_DENY))
		return false;
	reference_port_acl(config, journey->out, DIRECTION_INBOUND, &tuple, &verdict);
	return !denied(journey, &verdict, DROP_ACL_DENY);
}

/* The four levels, about a connection's first direction. */
static bool judge(struct journey *journey, const struct sluice_port *sender,
		  const struct sluice_port *receiver, const struct reference_tuple *tuple)
{
	const struct sluice_config *config = journey->reference->config;
	const struct {
		const char *nsg;
		enum direction direction;
	} levels[FLOW_RULES] = {
		{ sender->nsg, DIRECTION_OUTBOUND },
		{ reference_subnet(config, sender)->nsg, DIRECTION_OUTBOUND },
		{ reference_subnet(config, receiver)->nsg, DIRECTION_INBOUND },
		{ receiver->nsg, DIRECTION_INBOUND },
	};
	struct reference_verdict verdict;

	for (int i = 0; i < FLOW_RULES; i++) {
		reference_nsg(config, levels[i].nsg, sender->vnet, levels[i].direction, tuple,
			      &verdict);
		memcpy(journey->rule[i], verdict.rule, sizeof(verdict.rule));
		if (denied(journey, &verdict, DROP_NSG_DENY))
			return false;
	}
	return true;
}

/* Every NSG on the way from one port to the other lets existing flows be. */
static bool all_keep(const struct sluice_config *config, const struct sluice_port *sender,
		     const struct sluice_port *receiver)
{
	return reference_keeps(config, sender->nsg) &&
	       reference_keeps(config, reference_subnet(config, sender)->nsg) &&
	       reference_keeps(config, reference_subnet(config, receiver)->nsg) &&
	       reference_keeps(config, receiver->nsg);
}

static void forget(struct reference *reference, struct reference_connection *connection)
{
	*connection = reference->connection[--reference->connection_count];
}

static bool police_nsgs(struct journey *journey)
{
	struct reference *reference = journey->reference;
	struct reference_connection *connection = journey->connection;
	const struct sluice_port *sender = journey->in, *receiver = journey->out;
	struct reference_tuple tuple;

	if (!connection) {
		tuple = reference_tuple_of(journey->packet);
		journey->judged_keep = all_keep(reference->config, sender, receiver);
		return judge(journey, sender, receiver, &tuple);
	}
	if (journey->from == 1) {
		sender = journey->out;
		receiver = journey->in;
	}
	journey->judged_keep = all_keep(reference->config, sender, receiver);
	if (connection->version == reference->version ||
	    (connection->keep && journey->judged_keep)) {
		memcpy(journey->rule, connection->rule, sizeof(journey->rule));
		return true;
	}
	tuple = reference_first_tuple(connection);
	if (judge(journey, sender, receiver, &tuple))
		return true;
	if (journey->keep)
		forget(reference, connection);
	return false;
}

/* Between subnets a packet loses a hop; the last one is used up here. */
static bool limit_hops(struct journey *journey)
{
	if (!strcmp(journey->in->subnet, journey->out->subnet) || journey->packet->ttl > 1)
		return true;
	if (journey->packet->kind == REFERENCE_ICMP_ERROR)
		return journey_drop(journey, DROP_HOP_LIMIT);
	return journey_answer(journey);
}

/* --- remembering --- */

static unsigned int owned(const struct reference *reference, const struct sluice_port *port)
{
	unsigned int count = 0;

	for (size_t i = 0; i < reference->connection_count; i++)
		count += reference_is_end(reference, &reference->connection[i].end[0], port);
	return count;
}

static void store(struct journey *journey)
{
	struct reference *reference = journey->reference;
	struct reference_way way =
		reference_way_of(journey->in->vnet, journey->packet, journey->one_way);
	struct reference_connection *connection;
	unsigned int from;

	connection = find_connection(reference, &way, &from);
	if (connection)
		forget(reference, connection);
	if (reference->connection_count == reference->connection_room) {
		reference->connection_room = 2 * reference->connection_room + 16;
		reference->connection =
			reallocarray(reference->connection, reference->connection_room,
				     sizeof(*reference->connection));
	}
	connection = &reference->connection[reference->connection_count++];
	*connection = (struct reference_connection){
		.first = way,
		.end = { reference_end_of(reference, journey->in),
			 reference_end_of(reference, journey->out) },
		.version = reference->version,
		.passed = { true, false },
		.keep = journey->judged_keep,
	};
	memcpy(connection->rule, journey->rule, sizeof(connection->rule));
	reference_connection_begin(connection, journey->packet);
}

/* Keeps the verdict on a packet of a connection that was there. */
static void renew(struct journey *journey)
{
	struct reference_connection *connection = journey->connection;

	reference_connection_step(connection, journey->packet, journey->from);
	if (connection->version != journey->reference->version) {
		connection->version = journey->reference->version;
		connection->keep = journey->judged_keep;
		connection->passed[!journey->from] = false;
	}
	connection->passed[journey->from] = true;
	memcpy(connection->rule, journey->rule, sizeof(journey->rule));
}

static bool remember(struct journey *journey)
{
	if (journey->packet->kind == REFERENCE_ICMP_ERROR)
		return true;
	if (!journey->connection) {
		if (owned(journey->reference, journey->in) >= journey->in->flow_limit)
			return journey_drop(journey, DROP_FLOW_LIMIT);
		if (journey->keep)
			store(journey);
		return true;
	}
	if (journey->keep && !journey->counted)
		renew(journey);
	return true;
}

bool journey_judge(struct journey *journey)
{
	return find_flow(journey) && route(journey) && police_acls(journey) &&
	       police_nsgs(journey) && limit_hops(journey) && remember(journey);
}
