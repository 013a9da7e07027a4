/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference model: what becomes of a packet; see reference.h. */
#include "tests/harness/reference.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/reference_flows.h"

/* A port that was ever there, and how often it came. */
struct incarnation {
	char port[16];
	unsigned int count;
	bool present;
};

struct reference {
	const struct sluice_config *config;
	unsigned int version;
	struct incarnation *incarnation;
	size_t incarnation_count;
	struct reference_connection *connection;
	size_t connection_count;
	size_t connection_room;
};

/* A packet on its way: what the steps below find out. */
struct journey {
	struct reference *reference;
	const struct reference_packet *packet;
	struct reference_outcome *outcome;
	bool keep;
	const struct sluice_port *in;
	const struct sluice_port *out;
	struct reference_connection *connection; /* NULL: none yet */
	unsigned int from;                       /* the end of the connection that sends */
	bool one_way;                            /* a reply to no request */
	bool counted;                            /* the connection has taken the packet in */
	bool judged_keep;
	char rule[FLOW_RULES][REFERENCE_RULE_TEXT];
};

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

static const struct sluice_port *find_port(const struct sluice_config *config, const char *name)
{
	for (size_t i = 0; i < config->port_count; i++)
		if (!strcmp(config->ports[i].name, name))
			return &config->ports[i];
	return NULL;
}

/* --- ports that come and go ---------------------------------------------------------------------- */

static struct incarnation *find_incarnation(const struct reference *reference, const char *port)
{
	for (size_t i = 0; i < reference->incarnation_count; i++)
		if (!strcmp(reference->incarnation[i].port, port))
			return &reference->incarnation[i];
	return NULL;
}

void reference_set_config(struct reference *reference, const struct sluice_config *config)
{
	reference->config = config;
	reference->version++;
	for (size_t i = 0; i < reference->incarnation_count; i++)
		if (!find_port(config, reference->incarnation[i].port))
			reference->incarnation[i].present = false;
	for (size_t i = 0; i < config->port_count; i++) {
		struct incarnation *known = find_incarnation(reference, config->ports[i].name);

		if (!known) {
			size_t count = ++reference->incarnation_count;

			reference->incarnation = reallocarray(reference->incarnation, count,
							      sizeof(*reference->incarnation));
			known = &reference->incarnation[count - 1];
			*known = (struct incarnation){.count = 0};
			snprintf(known->port, sizeof(known->port), "%s", config->ports[i].name);
		}
		known->count += !known->present;
		known->present = true;
	}
}

static struct reference_end end_of(const struct reference *reference,
				   const struct sluice_port *port)
{
	struct reference_end end = {.incarnation =
					    find_incarnation(reference, port->name)->count};

	snprintf(end.port, sizeof(end.port), "%s", port->name);
	return end;
}

static bool is_end(const struct reference *reference, const struct reference_end *end,
		   const struct sluice_port *port)
{
	struct reference_end same = end_of(reference, port);

	return !strcmp(end->port, same.port) && end->incarnation == same.incarnation;
}

/* --- who has which address ---------------------------------------------------------------------- */

static const struct sluice_port *port_at(const struct sluice_config *config, const char *vnet,
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
static bool is_gateway(const struct sluice_config *config, const char *vnet_name,
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

static bool in_a_subnet(const struct sluice_config *config, const char *vnet_name,
			const struct ip_address *address)
{
	const struct sluice_vnet *vnet = reference_vnet(config, vnet_name);

	for (size_t i = 0; i < vnet->subnet_count; i++)
		for (size_t j = 0; j < vnet->subnets[i].prefix_count; j++)
			if (reference_in_prefix(address, &vnet->subnets[i].prefixes[j]))
				return true;
	return false;
}

/* --- leaving ------------------------------------------------------------------------------------- */

static bool drop(struct journey *journey, enum drop_reason reason)
{
	journey->outcome->verdict = TRACE_DROP;
	journey->outcome->reason = reason;
	return false;
}

static bool answer(struct journey *journey)
{
	journey->outcome->verdict = TRACE_DELIVER;
	journey->outcome->answered = true;
	return false;
}

/* --- the steps: each returns whether the packet goes on -------------------------------------------- */

/* What no stack sends. */
static bool parse(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;
	unsigned int flags = packet->tcp_flags;
	bool fin = flags & 0x01, syn = flags & 0x02, rst = flags & 0x04, ack = flags & 0x10;

	if (packet->vlan_count > 2)
		return drop(journey, DROP_VLAN_DEPTH);
	if (packet->kind == REFERENCE_IP && packet->protocol == IPPROTO_TCP &&
	    !packet->later_fragment &&
	    ((syn && fin) || (syn && rst) || (fin && rst) || (!syn && !rst && !ack)))
		return drop(journey, DROP_TCP_FLAGS);
	return true;
}

static bool owns(const struct sluice_port *port, const struct ip_address *address)
{
	for (size_t i = 0; i < port->address_count; i++)
		if (reference_same(&port->addresses[i], address))
			return true;
	return false;
}

static bool admit_arp(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;
	static const struct ip_address nobody = {.bytes = {[10] = 0xff, 0xff}};

	if (memcmp(packet->sender_mac, journey->in->mac, 6))
		return drop(journey, DROP_ARP_SPOOFED);
	if (!owns(journey->in, &packet->source) && !reference_same(&packet->source, &nobody))
		return drop(journey, DROP_ARP_SPOOFED);
	return true;
}

static bool admit_solicitation(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;

	if (memcmp(packet->sender_mac, journey->in->mac, 6) ||
	    !owns(journey->in, &packet->source))
		return drop(journey, DROP_ND_SPOOFED);
	return true;
}

static bool admit_ip(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;
	const struct sluice_port *in = journey->in;
	bool ipv4 = reference_is_ipv4(&packet->source);
	bool has_l4 = !packet->later_fragment;

	if (has_l4 && !in->allow_dhcp_server && packet->protocol == IPPROTO_UDP &&
	    packet->source_port == (ipv4 ? 67 : 547))
		return drop(journey, DROP_DHCP_SERVER);
	if (has_l4 && !in->allow_router_advert &&
	    ((ipv4 && packet->protocol == IPPROTO_ICMP &&
	      (packet->icmp_type == 9 || packet->icmp_type == 5)) ||
	     (!ipv4 && packet->protocol == IPPROTO_ICMPV6 &&
	      (packet->icmp_type == 134 || packet->icmp_type == 137))))
		return drop(journey, DROP_ROUTER_ADVERT);
	if (packet->destination_mac[0] & 1)
		return drop(journey, DROP_L2_BROADCAST);
	if (!in->allow_spoofing && !owns(in, &packet->source))
		return drop(journey, DROP_IP_SPOOFED);
	return true;
}

static bool admit(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;
	bool may_spoof = journey->in->allow_spoofing;

	if (packet->vlan_count)
		return drop(journey, DROP_VLAN_TAGGED);
	if (!may_spoof && memcmp(packet->source_mac, journey->in->mac, 6))
		return drop(journey, DROP_MAC_SPOOFED);
	if (packet->kind == REFERENCE_ARP)
		return may_spoof || admit_arp(journey);
	if (packet->kind == REFERENCE_SOLICIT)
		return may_spoof || admit_solicitation(journey);
	return admit_ip(journey);
}

/* The switch answers for everybody in the vnet but the asker. */
static bool answer_neighbors(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;
	const struct sluice_config *config = journey->reference->config;
	bool arp = packet->kind == REFERENCE_ARP;
	const struct ip_address *target = arp ? &packet->destination : &packet->target;
	const struct sluice_port *has = port_at(config, journey->in->vnet, target);

	if (!arp && packet->kind != REFERENCE_SOLICIT)
		return true;
	if ((has && has != journey->in) || is_gateway(config, journey->in->vnet, target))
		return answer(journey);
	return drop(journey, arp ? DROP_ARP_UNANSWERED : DROP_ND_UNANSWERED);
}

/* No connection is there that the packet could belong to: may it begin one? */
static bool begin(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;
	bool is_reply = reference_way_of("", packet, false).is_reply;

	journey->connection = NULL;
	journey->one_way = is_reply;
	journey->outcome->state = TRACE_STATE_INVALID;
	if (packet->kind == REFERENCE_ICMP_ERROR)
		return drop(journey, DROP_ICMP_UNRELATED);
	if (packet->protocol == IPPROTO_TCP && !journey->reference->config->tcp_loose &&
	    (packet->tcp_flags & 0x12) != 0x02)
		return drop(journey, DROP_TCP_STATE);
	journey->outcome->state = TRACE_STATE_NEW;
	return true;
}

static struct reference_connection *find_connection(struct reference *reference,
						    const struct reference_way *way,
						    unsigned int *from)
{
	for (size_t i = 0; i < reference->connection_count; i++)
		if (reference_way_belongs(&reference->connection[i], way, from))
			return &reference->connection[i];
	return NULL;
}

/* An error belongs to the connection of the packet it quotes, and only the port which that packet went
 * to is believed. */
static bool find_quoted(struct journey *journey)
{
	const struct reference_packet *packet = journey->packet;
	struct reference_way way = reference_way_quoted(journey->in->vnet, packet);
	unsigned int quoted_from;

	journey->connection = find_connection(journey->reference, &way, &quoted_from);
	if (!journey->connection ||
	    !reference_same(&packet->destination, &packet->quoted.source) ||
	    !is_end(journey->reference, &journey->connection->end[!quoted_from], journey->in)) {
		journey->outcome->state = TRACE_STATE_INVALID;
		return drop(journey, DROP_ICMP_UNRELATED);
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
		return drop(journey, DROP_FRAGMENT_ORPHAN);
	}
	journey->connection = find_connection(journey->reference, &way, &journey->from);
	if (!journey->connection && way.is_reply) {
		way = reference_way_of(journey->in->vnet, packet, true);
		journey->one_way = true;
		journey->connection = find_connection(journey->reference, &way, &journey->from);
	}
	if (!journey->connection ||
	    !is_end(journey->reference, &journey->connection->end[journey->from], journey->in))
		return begin(journey);
	after = *journey->connection;
	switch (reference_connection_step(&after, packet, journey->from)) {
	case STEP_INVALID:
		journey->outcome->state = TRACE_STATE_INVALID;
		return drop(journey, DROP_TCP_STATE);
	case STEP_REOPENS:
		return begin(journey);
	case STEP_FITS:
		break;
	}
	journey->outcome->state = TRACE_STATE_ESTABLISHED;
	/* Where nothing is left to be judged the packet counts at once, even if its hops are used
	 * up; where something is, only when it passes. */
	journey->counted = after.version == journey->reference->version &&
			   after.passed[journey->from];
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
		return answer(journey);
	return drop(journey, DROP_GATEWAY_ONLY_ECHO);
}

static bool route(struct journey *journey)
{
	const struct sluice_config *config = journey->reference->config;
	const char *vnet = journey->in->vnet;
	const struct ip_address *destination = &journey->packet->destination;

	if (is_gateway(config, vnet, destination))
		return answer_gateway(journey);
	journey->out = port_at(config, vnet, destination);
	if (!journey->out)
		return drop(journey, in_a_subnet(config, vnet, destination) ? DROP_NO_ENDPOINT :
									    DROP_NO_ROUTE);
	if (journey->out == journey->in)
		return drop(journey, DROP_NO_ENDPOINT);
	if (journey->connection &&
	    !is_end(journey->reference, &journey->connection->end[!journey->from], journey->out))
		return begin(journey);
	return true;
}

/* --- policies ------------------------------------------------------------------------------------ */

static struct reference_tuple tuple_of(const struct reference_packet *packet)
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

static bool denied(struct journey *journey, const struct reference_verdict *verdict,
		   enum drop_reason reason)
{
	if (verdict->access == ACCESS_ALLOW)
		return false;
	memcpy(journey->outcome->rule, verdict->rule, sizeof(verdict->rule));
	drop(journey, reason);
	return true;
}

static bool police_acls(struct journey *journey)
{
	const struct sluice_config *config = journey->reference->config;
	struct reference_tuple tuple = tuple_of(journey->packet);
	struct reference_verdict verdict;

	reference_switch_acl(config, DIRECTION_OUTBOUND, &tuple, &verdict);
	if (denied(journey, &verdict, DROP_ACL_DENY))
		return false;
	reference_port_acl(config, journey->in, DIRECTION_OUTBOUND, &tuple, &verdict);
	if (denied(journey, &verdict, DROP_ACL_DENY))
		return false;
	reference_switch_acl(config, DIRECTION_INBOUND, &tuple, &verdict);
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
		{sender->nsg, DIRECTION_OUTBOUND},
		{reference_subnet(config, sender)->nsg, DIRECTION_OUTBOUND},
		{reference_subnet(config, receiver)->nsg, DIRECTION_INBOUND},
		{receiver->nsg, DIRECTION_INBOUND},
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
		tuple = tuple_of(journey->packet);
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
		return drop(journey, DROP_HOP_LIMIT);
	return answer(journey);
}

/* --- remembering --------------------------------------------------------------------------------- */

static unsigned int owned(const struct reference *reference, const struct sluice_port *port)
{
	unsigned int count = 0;

	for (size_t i = 0; i < reference->connection_count; i++)
		count += is_end(reference, &reference->connection[i].end[0], port);
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
		reference->connection = reallocarray(reference->connection,
						     reference->connection_room,
						     sizeof(*reference->connection));
	}
	connection = &reference->connection[reference->connection_count++];
	*connection = (struct reference_connection){
		.first = way,
		.end = {end_of(reference, journey->in), end_of(reference, journey->out)},
		.version = reference->version,
		.passed = {true, false},
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
			return drop(journey, DROP_FLOW_LIMIT);
		if (journey->keep)
			store(journey);
		return true;
	}
	if (journey->keep && !journey->counted)
		renew(journey);
	return true;
}

void reference_send(struct reference *reference, const struct reference_packet *packet, bool keep,
		    struct reference_outcome *outcome)
{
	struct journey journey = {
		.reference = reference,
		.packet = packet,
		.outcome = outcome,
		.keep = keep,
		.in = find_port(reference->config, packet->port),
	};

	memset(outcome, 0, sizeof(*outcome));
	if (!(parse(&journey) && admit(&journey) && answer_neighbors(&journey) &&
	      find_flow(&journey) && route(&journey) && police_acls(&journey) &&
	      police_nsgs(&journey) && limit_hops(&journey) && remember(&journey)))
		return;
	outcome->verdict = TRACE_DELIVER;
	snprintf(outcome->out_port, sizeof(outcome->out_port), "%s", journey.out->name);
	for (int i = 0; i < FLOW_RULES; i++)
		if (journey.rule[i][0])
			memcpy(outcome->rule, journey.rule[i], sizeof(outcome->rule));
}

/* --- questions ----------------------------------------------------------------------------------- */

void reference_query(struct reference *reference, const struct reference_packet *packet,
		     enum direction direction, struct reference_answer *answer)
{
	const struct sluice_config *config = reference->config;
	const struct sluice_port *port = find_port(config, packet->port);
	const char *subnet_nsg = reference_subnet(config, port)->nsg;
	struct reference_tuple tuple = tuple_of(packet);
	struct reference_verdict verdict[4];
	bool inbound = direction == DIRECTION_INBOUND;
	const enum police_level level[4] = {LEVEL_ACL, LEVEL_ACL,
					    inbound ? LEVEL_SUBNET : LEVEL_NIC,
					    inbound ? LEVEL_NIC : LEVEL_SUBNET};

	reference_switch_acl(config, direction, &tuple, &verdict[0]);
	reference_port_acl(config, port, direction, &tuple, &verdict[1]);
	reference_nsg(config, inbound ? subnet_nsg : port->nsg, port->vnet, direction, &tuple,
		      &verdict[2]);
	reference_nsg(config, inbound ? port->nsg : subnet_nsg, port->vnet, direction, &tuple,
		      &verdict[3]);
	*answer = (struct reference_answer){.access = ACCESS_ALLOW};
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
	if (!find_port(reference->config, connection->end[reply].port))
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
		packet->icmp_type = first->protocol == IPPROTO_ICMP ? 8 - first->icmp_type :
								      257 - first->icmp_type;
	if (reply && first->exchange == EXCHANGE_TIMESTAMP)
		packet->icmp_type = 27 - first->icmp_type;
	packet->tcp_sequence = connection->wants[!reply];
	packet->tcp_acknowledgment = connection->wants[reply];
	return true;
}
