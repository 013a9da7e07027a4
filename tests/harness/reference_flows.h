/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference model's connections; see reference.h. */
#ifndef SLUICE_TESTS_REFERENCE_FLOWS_H
#define SLUICE_TESTS_REFERENCE_FLOWS_H

#include "tests/harness/reference_policy.h"

/* A port as a connection remembers it: one that was removed and came back is another one. */
struct reference_end {
	char port[16];
	unsigned int incarnation;
};

/* How ICMP messages make connections: a request and its replies, or a message that stands for
 * itself and whose reverse is another connection. */
enum reference_exchange {
	EXCHANGE_NONE, /* not ICMP */
	EXCHANGE_ECHO,
	EXCHANGE_TIMESTAMP,
	EXCHANGE_ONE_WAY,
};

/* Whom a packet belongs to: what identifies its connection and which way it goes. */
struct reference_way {
	char vnet[16];
	unsigned int protocol;
	enum reference_exchange exchange;
	bool is_reply; /* answers a request */
	struct ip_address source;
	struct ip_address destination;
	unsigned int source_port; /* zero without ports */
	unsigned int destination_port;
	unsigned int icmp_type;
	unsigned int icmp_code;
	unsigned int icmp_id;
};

struct reference_connection {
	struct reference_way first; /* of the packet that made it; end 0 is its sender */
	struct reference_end end[2];
	unsigned int version;
	bool passed[2]; /* by sending end: a packet passed under this version */
	bool keep;
	char rule[FLOW_RULES][REFERENCE_RULE_TEXT];
	enum flow_state state;
	bool fin[2];           /* by end */
	unsigned int wants[2]; /* the sequence number each end expects next */
	bool wants_known[2];
};

enum reference_step {
	STEP_INVALID, /* does not fit the connection */
	STEP_FITS,
	STEP_REOPENS, /* begins a new connection in the place of an ended one */
};

/* The way of a packet of a vnet. A reply stands for itself when one_way is asked for. */
struct reference_way reference_way_of(const char *vnet, const struct reference_packet *packet,
				      bool one_way);
/* The same of the packet an error quotes. */
struct reference_way reference_way_quoted(const char *vnet, const struct reference_packet *packet);
/* Whether a packet of this way belongs to the connection; *from: the end that sends it. */
bool reference_way_belongs(const struct reference_connection *connection,
			   const struct reference_way *way, unsigned int *from);
/* The tuple of the connection's first direction, as rules see it. */
struct reference_tuple reference_first_tuple(const struct reference_connection *connection);

/* A connection as its first packet leaves it. */
void reference_connection_begin(struct reference_connection *connection,
				const struct reference_packet *packet);
/* What a packet from one end does; changes *connection only when it fits. */
enum reference_step reference_connection_step(struct reference_connection *connection,
					      const struct reference_packet *packet,
					      unsigned int from);

#endif
