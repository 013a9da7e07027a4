/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a kind of rule set is like; see rule_set_kinds.c.
 *
 * How often which class of source stands beside which class of destination, the lengths in each
 * class, how often a prefix is a new one or one seen before, how new ones cluster and nest, and the
 * services. The figures were counted in published sets of the kinds and rounded;
 * tests/unit/rule_set.c holds what comes out against what was counted.
 */
#ifndef SLUICE_TESTS_RULE_SET_PROFILES_H
#define SLUICE_TESTS_RULE_SET_PROFILES_H

#include "tests/harness/rule_set.h"

enum prefix_class {
	CLASS_ANY,   /* /0 */
	CLASS_WIDE,  /* /1 to /8 */
	CLASS_BLOCK, /* /9 to /29 */
	CLASS_HOST,  /* /30 to /32 */
	CLASSES,
};

enum port_class {
	PORTS_ANY,  /* every port */
	PORTS_HIGH, /* 1024 to 65535 */
	PORTS_SOME, /* another range */
	PORTS_ONE,
};

/* Shares are in thousandths. */
struct side {
	unsigned short length[33];          /* weights inside the length's class */
	unsigned short new_prefix[CLASSES]; /* it is one that no rule had before... */
	unsigned short new_net;             /* ... not in a /24 that there was before... */
	unsigned short new_region;          /* ... and not in a /16 either */
	unsigned short nested;              /* a new one is inside a block, or around something */
};

struct service {
	int protocol;
	enum port_class source;
	enum port_class destination;
	unsigned int weight;
};

#define SERVICES 16
struct profile {
	unsigned short classes[CLASSES][CLASSES]; /* source, destination */
	unsigned short same_pair;                 /* both prefixes are those of an earlier rule */
	struct side side[2];
	struct service service[SERVICES];
	unsigned int single_ports; /* how many different ones there are */
	unsigned int port_ranges;
};

/* By kind, up to RULES_FIRST_HOSTILE. */
extern const struct profile rule_set_profiles[];

#endif
