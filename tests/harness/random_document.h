/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random documents that are valid, and random changes of them.
 *
 * A plan is the document's seeds, one for each thing in it. The text comes from the plan alone; a
 * change draws some seeds anew, so that everything else stays as it was. All vnets have the same
 * addresses, and few of them, so that rules, ports and packets meet often.
 */
#ifndef SLUICE_TESTS_RANDOM_DOCUMENT_H
#define SLUICE_TESTS_RANDOM_DOCUMENT_H

#include <stdio.h>

#include "loader/sluice.h"
#include "tests/harness/random.h"

#define PLAN_VNETS   3
#define PLAN_SUBNETS 4
#define PLAN_PORTS   20
#define PLAN_NSGS    5
#define PLAN_ACLS    4
#define PLAN_TAGS    4
#define PLAN_ASGS    4
#define PLAN_STEERS  6

#define PLAN_ADDED   6 /* rules that may be added to a policy, one by one */

struct random_policy {
	uint64_t seed;
	unsigned int rule_count;
	unsigned int redrawn; /* this rule is drawn from `salt` instead of the seed */
	uint64_t salt;
	unsigned int added_count;
	struct {
		uint64_t seed;
		unsigned int position; /* in the list as it was then */
	} added[PLAN_ADDED];
	bool keep;      /* NSG: existingFlows: keep */
	bool for_ports; /* ACL: appliesTo: ports */
};

struct random_plan {
	bool tcp_loose;
	unsigned int vnet_count;
	unsigned int subnet_count; /* in each vnet */
	unsigned int port_count;
	unsigned int nsg_count;
	unsigned int acl_count;
	unsigned int tag_count;
	unsigned int asg_count;
	struct random_policy nsg[PLAN_NSGS];
	struct random_policy acl[PLAN_ACLS];
	uint64_t tag[PLAN_TAGS];
	uint64_t subnet[PLAN_VNETS][PLAN_SUBNETS];
	uint64_t
		port[PLAN_PORTS]; /* its policies and guards; where it is follows from its number */
	bool port_absent[PLAN_PORTS];
	unsigned int steer_count;
	uint64_t steer[PLAN_STEERS];
};

void random_plan_draw(struct random_plan *plan, struct random *random);
void random_plan_change(struct random_plan *plan, struct random *random);
/* One rule more in a policy, and where. False: nothing has room for one. */
struct random_addition {
	bool acl;
	unsigned int owner;    /* which of the nsgs or acls */
	unsigned int position; /* in its list */
};
bool random_plan_add(struct random_plan *plan, struct random *random,
		     struct random_addition *addition);
void random_document_write(const struct random_plan *plan, FILE *stream);
/* The same, read. Prints the document and why, when it is not a valid one, and returns NULL. */
struct sluice_config *random_document_read(const struct random_plan *plan);

#endif
