/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the reference model share; see reference.h. */
#ifndef SLUICE_TESTS_REFERENCE_JOURNEY_H
#define SLUICE_TESTS_REFERENCE_JOURNEY_H

#include "tests/harness/reference_flows.h"

/* A port that was ever there, and how often it came. */
struct incarnation {
	char port[16];
	unsigned int count;
	bool present;
	bool device_gone;
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

/* reference.c: who is who in the document. */
const struct sluice_port *reference_find_port(const struct sluice_config *config, const char *name);
const struct sluice_port *reference_port_at(const struct sluice_config *config, const char *vnet,
					    const struct ip_address *address);
bool reference_is_gateway(const struct sluice_config *config, const char *vnet_name,
			  const struct ip_address *address);
bool reference_in_a_subnet(const struct sluice_config *config, const char *vnet_name,
			   const struct ip_address *address);
struct reference_end reference_end_of(const struct reference *reference,
				      const struct sluice_port *port);
bool reference_is_end(const struct reference *reference, const struct reference_end *end,
		      const struct sluice_port *port);
struct reference_tuple reference_tuple_of(const struct reference_packet *packet);

/* The packet ends here: dropped, or answered by the switch. Both return false, as every step
 * below does for a packet that does not go on. */
bool journey_drop(struct journey *journey, enum drop_reason reason);
bool journey_answer(struct journey *journey);

/* reference_admit.c: may the port send this at all; ARP and solicitations end there. */
bool journey_admit(struct journey *journey);
/* reference_judge.c: the connection, the receiver, the policies, and what is remembered. */
bool journey_judge(struct journey *journey);

#endif
