/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections of the reference model; see reference.h and the table of states in maps/flow.h. */
#include "tests/harness/reference_flows.h"

#include <netinet/in.h>
#include <string.h>

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

/* How far beyond the number an end wants a number may lie and still be believed. */
#define WINDOW (4U << 20)

/* --- which connection --- */

static enum reference_exchange exchange_of(unsigned int protocol, unsigned int type,
					   unsigned int code, bool *is_reply)
{
	*is_reply = false;
	if (protocol != IPPROTO_ICMP && protocol != IPPROTO_ICMPV6)
		return EXCHANGE_NONE;
	if (code)
		return EXCHANGE_ONE_WAY;
	if (protocol == IPPROTO_ICMP && (type == 13 || type == 14)) {
		*is_reply = type == 14;
		return EXCHANGE_TIMESTAMP;
	}
	if ((protocol == IPPROTO_ICMP && (type == 8 || type == 0)) ||
	    (protocol == IPPROTO_ICMPV6 && (type == 128 || type == 129))) {
		*is_reply = type == 0 || type == 129;
		return EXCHANGE_ECHO;
	}
	return EXCHANGE_ONE_WAY;
}

struct reference_way reference_way_of(const char *vnet, const struct reference_packet *packet,
				      bool one_way)
{
	struct reference_way way = {
		.protocol = packet->protocol,
		.source = packet->source,
		.destination = packet->destination,
		.source_port = packet->source_port,
		.destination_port = packet->destination_port,
		.icmp_type = packet->icmp_type,
		.icmp_code = packet->icmp_code,
		.icmp_id = packet->icmp_id,
	};

	snprintf(way.vnet, sizeof(way.vnet), "%s", vnet);
	way.exchange = exchange_of(way.protocol, way.icmp_type, way.icmp_code, &way.is_reply);
	if (one_way && way.is_reply) {
		way.exchange = EXCHANGE_ONE_WAY;
		way.is_reply = false;
	}
	return way;
}

struct reference_way reference_way_quoted(const char *vnet, const struct reference_packet *packet)
{
	struct reference_packet quoted = {
		.protocol = packet->quoted.protocol,
		.source = packet->quoted.source,
		.destination = packet->quoted.destination,
		.source_port = packet->quoted.source_port,
		.destination_port = packet->quoted.destination_port,
		.icmp_type = packet->quoted.icmp_type,
		.icmp_code = packet->quoted.icmp_code,
		.icmp_id = packet->quoted.icmp_id,
	};

	return reference_way_of(vnet, &quoted, false);
}

static bool same_ends(const struct reference_way *a, const struct reference_way *b)
{
	return reference_same(&a->source, &b->source) &&
	       reference_same(&a->destination, &b->destination) &&
	       a->source_port == b->source_port && a->destination_port == b->destination_port;
}

static struct reference_way reversed(const struct reference_way *way)
{
	struct reference_way back = *way;

	back.source = way->destination;
	back.destination = way->source;
	back.source_port = way->destination_port;
	back.destination_port = way->source_port;
	return back;
}

bool reference_way_belongs(const struct reference_connection *connection,
			   const struct reference_way *way, unsigned int *from)
{
	const struct reference_way *first = &connection->first;
	struct reference_way back = reversed(way);

	if (strcmp(first->vnet, way->vnet) || first->protocol != way->protocol ||
	    first->exchange != way->exchange)
		return false;
	switch (way->exchange) {
	case EXCHANGE_NONE:
		*from = same_ends(first, way) ? 0 : 1;
		return !*from || same_ends(first, &back);
	case EXCHANGE_ONE_WAY:
		*from = 0;
		return same_ends(first, way) && first->icmp_type == way->icmp_type &&
		       first->icmp_code == way->icmp_code;
	default:
		/* Requests run one way and replies the other. */
		*from = first->is_reply != way->is_reply;
		return first->icmp_id == way->icmp_id && same_ends(first, *from ? &back : way);
	}
}

struct reference_tuple reference_first_tuple(const struct reference_connection *connection)
{
	const struct reference_way *first = &connection->first;

	return (struct reference_tuple){
		.source = first->source,
		.destination = first->destination,
		.protocol = first->protocol,
		.source_port = first->source_port,
		.destination_port = first->destination_port,
		.icmp_type = first->icmp_type,
		.icmp_code = first->icmp_code,
	};
}

/* --- TCP --- */

static bool near(unsigned int number, unsigned int wanted)
{
	return number - wanted < WINDOW;
}

/* What each end is known to want after this segment. */
static void note_numbers(struct reference_connection *connection,
			 const struct reference_packet *packet, unsigned int from)
{
	unsigned int to = !from;

	if (packet->tcp_flags & RST)
		return;
	if (packet->tcp_flags & SYN) {
		connection->wants[to] = packet->tcp_sequence + 1;
		connection->wants_known[to] = true;
	}
	if (!(packet->tcp_flags & ACK))
		return;
	if (!connection->wants_known[from] ||
	    (int)(packet->tcp_acknowledgment - connection->wants[from]) > 0)
		connection->wants[from] = packet->tcp_acknowledgment;
	connection->wants_known[from] = true;
}

static bool reset_is_believed(const struct reference_connection *connection,
			      const struct reference_packet *packet, unsigned int from)
{
	if (connection->state == FLOW_SYN_SENT && from == 1)
		return packet->tcp_flags & ACK &&
		       near(packet->tcp_acknowledgment, connection->wants[1]);
	return !connection->wants_known[!from] ||
	       near(packet->tcp_sequence, connection->wants[!from]);
}

/* A first SYN, or one sent again; the other end may have opened at the same time. */
static enum reference_step step_syn(struct reference_connection *connection, unsigned int from)
{
	if (connection->state == FLOW_CLOSED)
		return STEP_REOPENS;
	if (connection->state == FLOW_SYN_SENT && from == 1)
		connection->state = FLOW_SYN_RECEIVED;
	else if (connection->state != FLOW_SYN_SENT && connection->state != FLOW_SYN_RECEIVED)
		return STEP_INVALID;
	return STEP_FITS;
}

static enum reference_step step_syn_ack(struct reference_connection *connection,
					const struct reference_packet *packet, unsigned int from)
{
	bool answers = near(packet->tcp_acknowledgment, connection->wants[from]);

	if (connection->state == FLOW_SYN_SENT && from == 1 && answers)
		connection->state = FLOW_SYN_RECEIVED;
	else if (connection->state == FLOW_ESTABLISHED)
		/* Sent again, because the last part of the handshake was lost. */
		return from == 1 && packet->tcp_sequence + 1 == connection->wants[0] ? STEP_FITS
										     : STEP_INVALID;
	else if (connection->state != FLOW_SYN_RECEIVED || !answers)
		return STEP_INVALID;
	return STEP_FITS;
}

static enum reference_step step_segment(struct reference_connection *connection,
					const struct reference_packet *packet, unsigned int from)
{
	if (!(packet->tcp_flags & ACK) || connection->state == FLOW_SYN_SENT)
		return STEP_INVALID;
	if (connection->state == FLOW_SYN_RECEIVED && from == 0) {
		if (!near(packet->tcp_acknowledgment, connection->wants[0]))
			return STEP_INVALID;
		connection->state = FLOW_ESTABLISHED;
	}
	if (packet->tcp_flags & FIN && connection->state != FLOW_CLOSED) {
		connection->fin[from] = true;
		connection->state = connection->fin[!from] ? FLOW_CLOSED : FLOW_FIN_WAIT;
	}
	return STEP_FITS;
}

static enum reference_step step_tcp(struct reference_connection *connection,
				    const struct reference_packet *packet, unsigned int from)
{
	if (packet->tcp_flags & RST) {
		if (!reset_is_believed(connection, packet, from))
			return STEP_INVALID;
		connection->state = FLOW_CLOSED;
		return STEP_FITS;
	}
	if ((packet->tcp_flags & (SYN | ACK)) == SYN)
		return step_syn(connection, from);
	if (packet->tcp_flags & SYN)
		return step_syn_ack(connection, packet, from);
	return step_segment(connection, packet, from);
}

void reference_connection_begin(struct reference_connection *connection,
				const struct reference_packet *packet)
{
	connection->state = FLOW_OTHER;
	if (packet->protocol != IPPROTO_TCP)
		return;
	connection->state = FLOW_ESTABLISHED;
	if (packet->tcp_flags & RST)
		connection->state = FLOW_CLOSED;
	else if ((packet->tcp_flags & (SYN | ACK)) == SYN)
		connection->state = FLOW_SYN_SENT;
	connection->fin[0] = packet->tcp_flags & FIN;
	note_numbers(connection, packet, 0);
}

enum reference_step reference_connection_step(struct reference_connection *connection,
					      const struct reference_packet *packet,
					      unsigned int from)
{
	struct reference_connection after = *connection;
	enum reference_step step = STEP_FITS;

	if (packet->protocol == IPPROTO_TCP) {
		step = step_tcp(&after, packet, from);
		if (step != STEP_FITS)
			return step;
		note_numbers(&after, packet, from);
	}
	*connection = after;
	return STEP_FITS;
}
