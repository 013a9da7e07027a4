// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether tags and rules make sense: a rule that can never match is a mistake, and one that
 * names what is not there would silently match nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "loader/validate.h"

/* Their names are their priorities; counters are kept by name. */
static const char *const built_in_rules[] = { "65000", "65001", "65500" };

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define PRIORITY_MAX  4096

/* Where a priority was met last: in which nsg (counted from 1) and by which of its rules. */
struct taken {
	size_t nsg;
	size_t rule;
};

int validate_tags(struct validation *validation)
{
	const struct sluice_config *config = validation->config;

	for (size_t i = 0; i < config->tag_count; i++) {
		const struct sluice_tag *tag = &config->tags[i];

		if (built_in_tag_meant(tag->name))
			return refuse(validation, tag, "name", 0,
				      "tag \"%s\": %s is built in; choose another name",
				      tag->name, built_in_tag_meant(tag->name));
		if (text_is_range(tag->name))
			return refuse(validation, tag, "name", 0,
				      "tag \"%s\" would read as an address; give it a letter",
				      tag->name);
	}
	return 0;
}

/* "nsg rule \"web/https\"" of a rule in the words of a message. */
struct owner {
	const char *kind; /* nsg, acl */
	const char *name;
};

static int unknown_tag(struct validation *validation, const struct owner *owner,
		       const struct sluice_rule *rule, const char *key, size_t index,
		       const char *name)
{
	const char *best = NULL;
	unsigned int distance = 0;
	char text[128];

	names_suggest(validation, &validation->tags, name, text);
	for (size_t i = 0; !validation->config->thinned && !*text && i < BUILT_IN_TAGS; i++)
		schema_nearest(name, built_in_tags[i].meant, &best, &distance);
	if (best)
		snprintf(text, sizeof(text), "; did you mean \"%s\"?", best);
	return refuse(validation, rule, key, index,
		      "%s rule \"%s/%s\": %s: tag \"%s\" %s%s", owner->kind,
		      owner->name, rule->name, key, name, names_missing(validation), text);
}

static int validate_selectors(struct validation *validation, const struct owner *owner,
			      const struct sluice_rule *rule, const char *key,
			      const struct sluice_selector *selectors, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *name = selectors[i].name;
		char text[128];

		if (selectors[i].kind == SLUICE_SELECT_ASG &&
		    names_find(&validation->asgs, name) < 0)
			return refuse(validation, rule, key, i,
				      "%s rule \"%s/%s\": %s: asg \"%s\" %s%s",
				      owner->kind, owner->name, rule->name, key, name,
				      names_missing(validation),
				      names_suggest(validation, &validation->asgs, name, text));
		if (selectors[i].kind != SLUICE_SELECT_TAG)
			continue;
		if (!built_in_tag_meant(name) && names_find(&validation->tags, name) < 0)
			return unknown_tag(validation, owner, rule, key, i, name);
	}
	return 0;
}

static bool protocol_has_ports(int protocol)
{
	return protocol == SLUICE_ANY || protocol == 6 || protocol == 17 || protocol == 132;
}

static bool protocol_is_icmp(int protocol)
{
	return protocol == 1 || protocol == 58;
}

static int validate_rule(struct validation *validation, const struct owner *owner,
			 const struct sluice_rule *rule)
{
	bool source_ports = rule->source_port_count;
	bool icmp_type = rule->icmp_type != SLUICE_ANY;
	char protocol[8];
	int code;

	if ((source_ports || rule->destination_port_count) && !protocol_has_ports(rule->protocol))
		return refuse(
			validation, rule, source_ports ? "sourcePorts" : "destinationPorts", 0,
			"%s rule \"%s/%s\" can never match: protocol %s has no ports; take the "
			"ports out",
			owner->kind, owner->name, rule->name,
			sluice_protocol_text(rule->protocol, protocol));
	if ((icmp_type || rule->icmp_code != SLUICE_ANY) && !protocol_is_icmp(rule->protocol))
		return refuse(validation, rule, icmp_type ? "icmpType" : "icmpCode", 0,
			      "%s rule \"%s/%s\": %s needs protocol Icmp, not %s", owner->kind,
			      owner->name, rule->name, icmp_type ? "icmpType" : "icmpCode",
			      sluice_protocol_text(rule->protocol, protocol));
	code = validate_selectors(validation, owner, rule, "sources", rule->sources,
				  rule->source_count);
	return code ? code
		    : validate_selectors(validation, owner, rule, "destinations",
					 rule->destinations, rule->destination_count);
}

int validate_match(struct validation *validation, const char *vnet,
		   const struct sluice_rule *match)
{
	const struct owner owner = { "steer", vnet };

	return validate_rule(validation, &owner, match);
}

static bool name_is_built_in(const char *name)
{
	for (size_t i = 0; i < LENGTH(built_in_rules); i++)
		if (!strcmp(name, built_in_rules[i]))
			return true;
	return false;
}

static int validate_priority(struct validation *validation, struct taken *taken, size_t number,
			     size_t index)
{
	const struct sluice_nsg *nsg = &validation->config->nsgs[number];
	const struct sluice_rule *rule = &nsg->rules[index];
	struct taken *slot;

	if (name_is_built_in(rule->name))
		return refuse(validation, rule, "name", 0,
			      "nsg rule \"%s/%s\": that is the name of a built-in rule; choose "
			      "another one",
			      nsg->name, rule->name);
	if (rule->priority < 100 || rule->priority > PRIORITY_MAX)
		return refuse(validation, rule, "priority", 0,
			      "nsg rule \"%s/%s\": priority %u is not within 100 to %u", nsg->name,
			      rule->name, rule->priority, PRIORITY_MAX);
	slot = &taken[rule->direction * (PRIORITY_MAX + 1) + rule->priority];
	if (slot->nsg == number + 1)
		return refuse(
			validation, rule, "priority", 0,
			"nsg rules \"%s/%s\" and \"%s/%s\" have the same priority %u %s; it must "
			"be unique in a direction",
			nsg->name, nsg->rules[slot->rule].name, nsg->name, rule->name,
			rule->priority,
			rule->direction == DIRECTION_INBOUND ? "Inbound" : "Outbound");
	*slot = (struct taken){ number + 1, index };
	return 0;
}

/* Whether an NSG has a rule of that priority in that direction. */
static bool priority_taken(const struct sluice_nsg *nsg, const struct sluice_rule *rule)
{
	for (size_t i = 0; i < nsg->rule_count; i++)
		if (nsg->rules[i].priority == rule->priority &&
		    nsg->rules[i].direction == rule->direction)
			return true;
	return false;
}

static bool names_nothing(const struct sluice_selector *selectors, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (selectors[i].kind == SLUICE_SELECT_TAG || selectors[i].kind == SLUICE_SELECT_ASG)
			return false;
	return true;
}

bool config_may_add(const struct sluice_config *config, bool acl, size_t owner,
		    const struct sluice_rule *rule)
{
	const struct owner whose = { acl ? "acl" : "nsg",
				     acl ? config->acls[owner].name : config->nsgs[owner].name };
	struct schema_at at = { 0 };
	struct validation validation = { .config = config, .at = &at };
	int code = 0;

	if (!acl && (name_is_built_in(rule->name) || rule->priority < 100 ||
		     rule->priority > PRIORITY_MAX || priority_taken(&config->nsgs[owner], rule)))
		return false;
	if (!names_nothing(rule->sources, rule->source_count) ||
	    !names_nothing(rule->destinations, rule->destination_count)) {
		code = names_collect(&validation, schema_place_of(SLUICE_TAG), config, "",
				     &validation.tags);
		code = code ? code
			    : names_collect(&validation, schema_place_of(SLUICE_ASG), config, "",
					    &validation.asgs);
	}
	if (!code)
		code = validate_rule(&validation, &whose, rule);
	names_free(&validation.tags);
	names_free(&validation.asgs);
	return !code;
}

static int validate_nsgs(struct validation *validation, struct taken *taken)
{
	const struct sluice_config *config = validation->config;
	int code = 0;

	for (size_t i = 0; !code && i < config->nsg_count; i++) {
		const struct sluice_nsg *nsg = &config->nsgs[i];
		const struct owner owner = { "nsg", nsg->name };
		struct name_table names = { 0 };
		char text[128];

		snprintf(text, sizeof(text), "nsg \"%s\": ", nsg->name);
		code = names_collect(validation, schema_place_of(SLUICE_NSG_RULE), nsg, text,
				     &names);
		names_free(&names);
		for (size_t j = 0; !code && j < nsg->rule_count; j++) {
			code = validate_priority(validation, taken, i, j);
			if (!code)
				code = validate_rule(validation, &owner, &nsg->rules[j]);
		}
	}
	return code;
}

static int validate_acls(struct validation *validation)
{
	const struct sluice_config *config = validation->config;
	int code = 0;

	for (size_t i = 0; !code && i < config->acl_count; i++) {
		const struct sluice_acl *acl = &config->acls[i];
		const struct owner owner = { "acl", acl->name };
		struct name_table names = { 0 };
		char text[128];

		snprintf(text, sizeof(text), "acl \"%s\": ", acl->name);
		code = names_collect(validation, schema_place_of(SLUICE_ACL_RULE), acl, text,
				     &names);
		names_free(&names);
		for (size_t j = 0; !code && j < acl->rule_count; j++)
			code = validate_rule(validation, &owner, &acl->rules[j]);
	}
	return code;
}

int validate_rules(struct validation *validation)
{
	struct taken *taken = calloc(DIRECTION_COUNT * (PRIORITY_MAX + 1), sizeof(*taken));
	int code;

	if (!taken)
		return sluice_error_set(validation->error, -ENOMEM, "memory is short");
	code = validate_nsgs(validation, taken);
	free(taken);
	return code ? code : validate_acls(validation);
}
