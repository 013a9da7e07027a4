/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference model's policies; see reference.h. */
#ifndef SLUICE_TESTS_REFERENCE_POLICY_H
#define SLUICE_TESTS_REFERENCE_POLICY_H

#include "tests/harness/reference.h"

struct reference_tuple {
	struct ip_address source;
	struct ip_address destination;
	unsigned int protocol;
	unsigned int source_port;
	unsigned int destination_port;
	unsigned int icmp_type;
	unsigned int icmp_code;
};

/* What one list of rules says. */
struct reference_verdict {
	bool present; /* there is such a policy; where there is none, it allows */
	enum access access;
	char rule[REFERENCE_RULE_TEXT]; /* "" when no rule matched */
};

bool reference_is_ipv4(const struct ip_address *address);
bool reference_same(const struct ip_address *a, const struct ip_address *b);
bool reference_in_prefix(const struct ip_address *address, const struct sluice_prefix *prefix);
const struct sluice_vnet *reference_vnet(const struct sluice_config *config, const char *name);
const struct sluice_subnet *reference_subnet(const struct sluice_config *config,
					     const struct sluice_port *port);

/* Every ACL for the whole switch, in the order of the document, as one list. Names mean what they
 * mean in the vnet. */
void reference_switch_acl(const struct sluice_config *config, const char *vnet,
			  enum direction direction, const struct reference_tuple *tuple,
			  struct reference_verdict *verdict);
void reference_port_acl(const struct sluice_config *config, const struct sluice_port *port,
			enum direction direction, const struct reference_tuple *tuple,
			struct reference_verdict *verdict);
/* name NULL: no NSG. The vnet is the one of the port that is policed. */
void reference_nsg(const struct sluice_config *config, const char *name, const char *vnet,
		   enum direction direction, const struct reference_tuple *tuple,
		   struct reference_verdict *verdict);
/* Whether an NSG lets existing flows be; one that is not there does. */
bool reference_keeps(const struct sluice_config *config, const char *nsg);

/* The port that the vnet's first steer rule to match leads to; NULL: none does. */
const char *reference_steer(const struct sluice_config *config, const char *vnet,
			    const struct reference_tuple *tuple);

#endif
