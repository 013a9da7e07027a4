/* SPDX-License-Identifier: BSD-2-Clause */
/* Random documents; see random_document.h. */
#include "tests/harness/random_document.h"

#include <stdlib.h>
#include <string.h>

/* --- the plan --- */

static void draw_policy(struct random_policy *policy, struct random *random)
{
	policy->seed = random_next(random);
	policy->rule_count = random_below(random, random_chance(random, 10) ? 120 : 14);
	policy->redrawn = ~0U;
	policy->keep = random_chance(random, 35);
	policy->for_ports = random_chance(random, 60);
}

void random_plan_draw(struct random_plan *plan, struct random *random)
{
	memset(plan, 0, sizeof(*plan));
	plan->tcp_loose = random_chance(random, 15);
	plan->vnet_count = 1 + random_below(random, PLAN_VNETS);
	plan->subnet_count = 1 + random_below(random, PLAN_SUBNETS);
	plan->port_count = 2 + random_below(random, PLAN_PORTS - 1);
	plan->nsg_count = random_below(random, PLAN_NSGS + 1);
	plan->acl_count = random_chance(random, 60) ? random_below(random, PLAN_ACLS + 1) : 0;
	plan->tag_count = random_below(random, PLAN_TAGS + 1);
	plan->asg_count = random_below(random, PLAN_ASGS + 1);
	for (int i = 0; i < PLAN_NSGS; i++)
		draw_policy(&plan->nsg[i], random);
	for (int i = 0; i < PLAN_ACLS; i++)
		draw_policy(&plan->acl[i], random);
	for (int i = 0; i < PLAN_TAGS; i++)
		plan->tag[i] = random_next(random);
	for (int i = 0; i < PLAN_VNETS * PLAN_SUBNETS; i++)
		plan->subnet[i / PLAN_SUBNETS][i % PLAN_SUBNETS] = random_next(random);
	for (int i = 0; i < PLAN_PORTS; i++)
		plan->port[i] = random_next(random);
	plan->steer_count = random_chance(random, 50) ? random_below(random, PLAN_STEERS + 1) : 0;
	for (int i = 0; i < PLAN_STEERS; i++)
		plan->steer[i] = random_next(random);
}

/* One rule anew, all of them, or only whether flows are kept. */
static void change_policy(struct random_policy *policy, struct random *random)
{
	switch (random_below(random, 4)) {
	case 0:
		policy->seed = random_next(random);
		policy->rule_count = random_below(random, 14);
		policy->added_count = 0;
		break;
	case 1:
		policy->keep = !policy->keep;
		break;
	default:
		policy->redrawn = random_below(random, policy->rule_count);
		policy->salt = random_next(random);
	}
}

void random_plan_change(struct random_plan *plan, struct random *random)
{
	unsigned int vnet, subnet;

	for (unsigned int i = 0; i < 1 + random_below(random, 3); i++) {
		switch (random_below(random, 9)) {
		case 0:
		case 1:
		case 2:
			change_policy(&plan->nsg[random_below(random, PLAN_NSGS)], random);
			break;
		case 3:
			change_policy(&plan->acl[random_below(random, PLAN_ACLS)], random);
			break;
		case 4:
			plan->tag[random_below(random, PLAN_TAGS)] = random_next(random);
			break;
		case 5:
			vnet = random_below(random, PLAN_VNETS);
			subnet = random_below(random, PLAN_SUBNETS);
			plan->subnet[vnet][subnet] = random_next(random);
			break;
		case 6:
			plan->port[random_below(random, PLAN_PORTS)] = random_next(random);
			break;
		case 7:
			plan->steer[random_below(random, PLAN_STEERS)] = random_next(random);
			break;
		default:
			plan->port_absent[random_below(random, PLAN_PORTS)] ^= 1;
		}
	}
}

/* An NSG's rule goes to the end of the list, its priority is its place; an ACL's goes anywhere. */
bool random_plan_add(struct random_plan *plan, struct random *random,
		     struct random_addition *addition)
{
	struct random_policy *policy;

	addition->acl = plan->acl_count && (!plan->nsg_count || random_chance(random, 50));
	if (!addition->acl && !plan->nsg_count)
		return false;
	addition->owner = random_below(random, addition->acl ? plan->acl_count : plan->nsg_count);
	policy = addition->acl ? &plan->acl[addition->owner] : &plan->nsg[addition->owner];
	if (policy->added_count == PLAN_ADDED)
		return false;
	addition->position = policy->rule_count + policy->added_count;
	if (addition->acl)
		addition->position = random_below(random, addition->position + 1);
	policy->added[policy->added_count].seed = random_next(random);
	policy->added[policy->added_count++].position = addition->position;
	return true;
}

/* --- addresses --- */

/* A prefix that cuts through the ports' addresses: its host bits are zero by construction. */
static void write_prefix(FILE *stream, struct random *random, bool ipv6)
{
	static const unsigned int host_bits[] = { 0, 0, 1, 2, 3 };
	unsigned int bits = host_bits[random_below(random, 5)];
	unsigned int subnet = random_below(random, PLAN_SUBNETS + 1);
	unsigned int host = random_below(random, 16) >> bits << bits;

	if (random_chance(random, 30))
		fprintf(stream, ipv6 ? "\"fd00:1:0:%x::/64\"" : "10.1.%u.0/24", subnet);
	else if (random_chance(random, 15))
		fprintf(stream, "%s", ipv6 ? "\"::/0\"" : "0.0.0.0/0");
	else if (random_chance(random, 15))
		fprintf(stream, "%s", ipv6 ? "\"fd00:1::/32\"" : "10.0.0.0/8");
	else if (ipv6)
		fprintf(stream, "\"fd00:1:0:%x::%x/%u\"", subnet, host, 128 - bits);
	else
		fprintf(stream, "10.1.%u.%u/%u", subnet, host, 32 - bits);
}

static void write_range(FILE *stream, struct random *random, bool ipv6)
{
	unsigned int subnet = random_below(random, PLAN_SUBNETS);
	unsigned int last_subnet = subnet + random_below(random, 2);
	unsigned int host = random_below(random, 12);
	unsigned int last_host = host + random_below(random, 6);

	if (ipv6)
		fprintf(stream, "\"fd00:1:0:%x::%x-fd00:1:0:%x::%x\"", subnet, host, last_subnet,
			last_host);
	else
		fprintf(stream, "10.1.%u.%u-10.1.%u.%u", subnet, host, last_subnet, last_host);
}

static void write_addresses(FILE *stream, struct random *random)
{
	bool ipv6 = random_chance(random, 40);

	if (random_chance(random, 25))
		write_range(stream, random, ipv6);
	else if (random_chance(random, 10))
		fprintf(stream, "%s", ipv6 ? "\"2001:db8::/32\"" : "198.51.100.0/24");
	else
		write_prefix(stream, random, ipv6);
}

/* --- rules --- */

static void write_selector(FILE *stream, struct random *random, const struct random_plan *plan)
{
	static const char *const built_in[] = { "VirtualNetwork", "Internet", "LoadBalancer" };
	unsigned int kind = random_below(random, 10);

	if (kind == 0)
		fprintf(stream, "%s", built_in[random_below(random, 3)]);
	else if (kind <= 2 && plan->asg_count)
		fprintf(stream, "\"asg:a%u\"", random_below(random, plan->asg_count));
	else if (kind == 3 && plan->tag_count)
		fprintf(stream, "t%u", random_below(random, plan->tag_count));
	else
		write_addresses(stream, random);
}

static void write_selectors(FILE *stream, struct random *random, const struct random_plan *plan,
			    const char *key)
{
	unsigned int count = 1 + random_below(random, 4);

	if (random_chance(random, 35))
		return; /* a missing list means any */
	fprintf(stream, ", %s: [", key);
	if (random_chance(random, 5))
		fprintf(stream, "\"*\", ");
	for (unsigned int i = 0; i < count; i++) {
		fprintf(stream, "%s", i ? ", " : "");
		write_selector(stream, random, plan);
	}
	fprintf(stream, "]");
}

static void write_ports(FILE *stream, struct random *random, const char *key)
{
	static const unsigned int interesting[] = {
		0, 1, 22, 53, 80, 443, 1023, 1024, 8080, 65534
	};
	unsigned int count = 1 + random_below(random, 3);

	fprintf(stream, ", %s: [", key);
	for (unsigned int i = 0; i < count; i++) {
		unsigned int first = interesting[random_below(random, 10)];
		unsigned int span = random_chance(random, 50) ? 0 : random_below(random, 12);
		unsigned int last = first + span > 65535 ? 65535 : first + span;

		fprintf(stream, last > first ? "%s\"%u-%u\"" : "%s\"%u\"", i ? ", " : "", first,
			last);
	}
	fprintf(stream, "]");
}

/* Protocol, and what only some protocols have. */
static void write_protocol(FILE *stream, struct random *random)
{
	static const char *const protocols[] = { "Tcp",   "Tcp",  "Udp",  "Udp", "\"*\"",
						 "\"*\"", "Icmp", "Icmp", "Esp", "Ah",
						 "132",   "47",   "58" };
	static const unsigned int types[] = { 0, 3, 8, 11, 13, 128, 129, 1 };
	const char *protocol = protocols[random_below(random, 13)];
	bool has_ports = strchr("TU\"1", protocol[0]);

	fprintf(stream, ", protocol: %s", protocol);
	if (has_ports && random_chance(random, 20))
		write_ports(stream, random, "sourcePorts");
	if (has_ports && random_chance(random, 50))
		write_ports(stream, random, "destinationPorts");
	if (protocol[0] == 'I' && random_chance(random, 60)) {
		fprintf(stream, ", icmpType: %u", types[random_below(random, 8)]);
		if (random_chance(random, 40))
			fprintf(stream, ", icmpCode: %u", random_below(random, 2));
	}
}

/* Rules from this number on are added ones. */
#define FIRST_ADDED 1000

static void write_rule(FILE *stream, const struct random_policy *policy,
		       const struct random_plan *plan, bool is_nsg, unsigned int number)
{
	struct random random = { (number == policy->redrawn ? policy->salt : policy->seed) +
				 number * 1000003ULL };
	bool added = number >= FIRST_ADDED;

	if (added)
		random.state = policy->added[number - FIRST_ADDED].seed;
	fprintf(stream, "      - {name: %c%u, direction: %s, access: %s", added ? 'a' : 'r',
		added ? number - FIRST_ADDED : number,
		random_chance(&random, 50) ? "Inbound" : "Outbound",
		random_chance(&random, is_nsg ? 60 : 40) ? "Allow" : "Deny");
	if (is_nsg) /* unique, because 37 and 3997 share no factor */
		fprintf(stream, ", priority: %u",
			100 + (unsigned int)((policy->seed + 37 * number) % 3997));
	write_protocol(stream, &random);
	write_selectors(stream, &random, plan, "sources");
	write_selectors(stream, &random, plan, "destinations");
	fprintf(stream, "}\n");
}

static void write_rules(FILE *stream, const struct random_policy *policy,
			const struct random_plan *plan, bool is_nsg)
{
	unsigned int order[256], count = policy->rule_count;

	if (!count && !policy->added_count) {
		fprintf(stream, "    rules: []\n");
		return;
	}
	for (unsigned int i = 0; i < count; i++)
		order[i] = i;
	for (unsigned int i = 0; i < policy->added_count; i++, count++) {
		unsigned int position = policy->added[i].position;

		memmove(&order[position + 1], &order[position],
			(count - position) * sizeof(*order));
		order[position] = FIRST_ADDED + i;
	}
	fprintf(stream, "    rules:\n");
	for (unsigned int i = 0; i < count; i++)
		write_rule(stream, policy, plan, is_nsg, order[i]);
}

/* --- the document --- */

static void write_vnets(FILE *stream, const struct random_plan *plan)
{
	fprintf(stream, "vnets:\n");
	for (unsigned int i = 0; i < plan->vnet_count; i++) {
		fprintf(stream, "  - name: v%u\n    vni: %u\n", i, 100 + i);
		fprintf(stream, "    prefixes: [10.1.0.0/16, \"fd00:1::/48\"]\n    subnets:\n");
		for (unsigned int j = 0; j < plan->subnet_count; j++) {
			struct random random = { plan->subnet[i][j] };

			fprintf(stream,
				"      - {name: s%u, prefixes: [10.1.%u.0/24, "
				"\"fd00:1:0:%x::/64\"]",
				j, j, j);
			if (plan->nsg_count && random_chance(&random, 60))
				fprintf(stream, ", nsg: n%u",
					random_below(&random, plan->nsg_count));
			fprintf(stream, "}\n");
		}
	}
}

static void write_sets(FILE *stream, const struct random_plan *plan)
{
	fprintf(stream, "asgs: [");
	for (unsigned int i = 0; i < plan->asg_count; i++)
		fprintf(stream, "%sa%u", i ? ", " : "", i);
	fprintf(stream, "]\n");
	if (plan->tag_count)
		fprintf(stream, "tags:\n");
	for (unsigned int i = 0; i < plan->tag_count; i++) {
		struct random random = { plan->tag[i] };
		unsigned int count = 1 + random_below(&random, 4);

		fprintf(stream, "  t%u: [", i);
		for (unsigned int j = 0; j < count; j++) {
			fprintf(stream, "%s", j ? ", " : "");
			write_prefix(stream, &random, random_chance(&random, 40));
		}
		fprintf(stream, "]\n");
	}
}

static void write_policies(FILE *stream, const struct random_plan *plan)
{
	if (plan->acl_count)
		fprintf(stream, "acls:\n");
	for (unsigned int i = 0; i < plan->acl_count; i++) {
		const struct random_policy *acl = &plan->acl[i];

		fprintf(stream, "  - name: c%u\n    appliesTo: %s\n", i,
			acl->for_ports ? "ports" : "switch");
		write_rules(stream, acl, plan, false);
	}
	if (plan->nsg_count)
		fprintf(stream, "nsgs:\n");
	for (unsigned int i = 0; i < plan->nsg_count; i++) {
		fprintf(stream, "  n%u:\n    existingFlows: %s\n", i,
			plan->nsg[i].keep ? "keep" : "recheck");
		write_rules(stream, &plan->nsg[i], plan, true);
	}
}

static void write_port_policies(FILE *stream, const struct random_plan *plan, struct random *random)
{
	unsigned int acl = random_below(random, PLAN_ACLS);

	if (plan->nsg_count && random_chance(random, 60))
		fprintf(stream, ", nsg: n%u", random_below(random, plan->nsg_count));
	if (acl < plan->acl_count && plan->acl[acl].for_ports)
		fprintf(stream, ", acl: c%u", acl);
	fprintf(stream, ", asgs: [");
	for (unsigned int i = 0, written = 0; i < plan->asg_count; i++)
		if (random_chance(random, 40))
			fprintf(stream, "%sa%u", written++ ? ", " : "", i);
	fprintf(stream, "]");
	fprintf(stream, ", guards: {spoofing: %s, dhcpServer: %s, routerAdvert: %s}",
		random_chance(random, 10) ? "allow" : "deny",
		random_chance(random, 20) ? "allow" : "deny",
		random_chance(random, 20) ? "allow" : "deny");
	fprintf(stream, ", flowLimit: %u", random_chance(random, 12) ? 3 : 1000);
}

static void write_port(FILE *stream, const struct random_plan *plan, unsigned int number)
{
	unsigned int vnet = number % plan->vnet_count;
	unsigned int subnet = number / plan->vnet_count % plan->subnet_count;
	unsigned int host = 2 + number / (plan->vnet_count * plan->subnet_count);
	struct random random = { plan->port[number] };
	/* Which families it has follows from its number, so that a change leaves them. */
	unsigned int families = number % 5;

	fprintf(stream,
		"  - {name: p%u, device: dev%u, vnet: v%u, subnet: s%u, "
		"mac: \"02:aa:00:00:00:%02x\", addresses: [",
		number, number, vnet, subnet, number);
	if (families != 1)
		fprintf(stream, "10.1.%u.%u", subnet, host);
	if (families != 1 && families != 2)
		fprintf(stream, ", ");
	if (families != 2)
		fprintf(stream, "\"fd00:1:0:%x::%x\"", subnet, host);
	fprintf(stream, "]");
	write_port_policies(stream, plan, &random);
	fprintf(stream, "}\n");
}

/* Flows of the vnet of the port that a steer leads to; one that is absent has no steers. */
static void write_steers(FILE *stream, const struct random_plan *plan)
{
	unsigned int written = 0;

	for (unsigned int i = 0; i < plan->steer_count; i++) {
		struct random random = { plan->steer[i] };
		unsigned int to = random_below(&random, plan->port_count);

		if (plan->port_absent[to])
			continue;
		fprintf(stream, "%s  - {name: f%u, vnet: v%u, priority: %u, to: p%u, whenDead: %s",
			written++ ? "" : "steers:\n", i, to % plan->vnet_count,
			100 + (unsigned int)(plan->steer[i] % 600) * 6 + i, to,
			random_chance(&random, 50) ? "drop" : "pass");
		write_protocol(stream, &random);
		write_selectors(stream, &random, plan, "sources");
		write_selectors(stream, &random, plan, "destinations");
		fprintf(stream, "}\n");
	}
}

void random_document_write(const struct random_plan *plan, FILE *stream)
{
	unsigned int written = 0;

	fprintf(stream, "apiVersion: sluice/v1\nswitch: {name: random, tcp: %s}\n",
		plan->tcp_loose ? "loose" : "strict");
	write_vnets(stream, plan);
	write_sets(stream, plan);
	write_policies(stream, plan);
	for (unsigned int i = 0; i < plan->port_count; i++) {
		if (plan->port_absent[i])
			continue;
		if (!written++)
			fprintf(stream, "ports:\n");
		write_port(stream, plan, i);
	}
	write_steers(stream, plan);
}

struct sluice_config *random_document_read(const struct random_plan *plan)
{
	struct sluice_config *config = NULL;
	struct sluice_error error = { 0 };
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);

	if (!stream)
		return NULL;
	random_document_write(plan, stream);
	fclose(stream);
	if (sluice_config_parse(text, length, "random", &config, &error)) {
		fprintf(stderr, "%s\nrandom:%u:%u: %s\n", text, error.line, error.column,
			error.message);
		config = NULL;
	}
	free(text);
	return config;
}
