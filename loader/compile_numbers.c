/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers for the ports and rules of a document. */
#include "loader/compiler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char *compile_nsg_group(const char *nsg, enum direction direction)
{
	char *group;

	return asprintf(&group, "nsg/%s/%s", nsg, direction == DIRECTION_INBOUND ? "in" : "out") < 0
		       ? NULL
		       : group;
}

char *compile_acl_group(const char *acl)
{
	char *group;

	return asprintf(&group, "acl/%s", acl) < 0 ? NULL : group;
}

__u32 compile_rule_number(struct ids *rules, const char *group, const char *rule, bool *fresh,
			  struct sluice_error *error)
{
	__u32 number = 0;
	char *key;

	if (asprintf(&key, "%s/%s", group, rule) < 0) {
		sluice_error_set(error, -ENOMEM, "out of memory");
		return 0;
	}
	number = ids_take(rules, key, fresh);
	free(key);
	if (!number)
		sluice_error_set(error, -ENOSPC,
				 "no number is left for rule %s of %s: one switch can have %u "
				 "rules; remove some",
				 rule, group, SLUICE_MAX_RULES - 1);
	return number;
}

/* What the walks below hand down. */
struct numbering {
	struct ids *slots;
	struct ids *rules;
	compile_fresh fresh;
	void *context;
	struct sluice_error *error;
};

static int tell(struct numbering *numbering, bool is_fresh, bool is_slot, __u32 number)
{
	if (!is_fresh || !numbering->fresh)
		return 0;
	return numbering->fresh(numbering->context, is_slot, number);
}

static int number_rule(struct numbering *numbering, const char *group, const char *name)
{
	bool fresh;
	__u32 number = compile_rule_number(numbering->rules, group, name, &fresh, numbering->error);

	return number ? tell(numbering, fresh, false, number) : -ENOSPC;
}

static int number_nsg(struct numbering *numbering, const struct sluice_nsg *nsg,
		      enum direction direction)
{
	char *group = compile_nsg_group(nsg->name, direction);
	int result = 0;

	if (!group)
		return sluice_error_set(numbering->error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < nsg->rule_count && !result; i++)
		if (nsg->rules[i].direction == direction)
			result = number_rule(numbering, group, nsg->rules[i].name);
	for (int i = 0; i < BUILTIN_RULE_COUNT && !result; i++)
		result = number_rule(numbering, group, builtin_rules[direction][i].name);
	free(group);
	return result;
}

static int number_acl(struct numbering *numbering, const struct sluice_acl *acl)
{
	char *group = compile_acl_group(acl->name);
	int result = 0;

	if (!group)
		return sluice_error_set(numbering->error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < acl->rule_count && !result; i++)
		result = number_rule(numbering, group, acl->rules[i].name);
	free(group);
	return result;
}

static int number_port(struct numbering *numbering, const char *name)
{
	bool fresh;
	__u32 slot = ids_take(numbering->slots, name, &fresh);

	if (!slot)
		return sluice_error_set(numbering->error, -ENOSPC,
					"no slot is left for port %s: one switch can have %u "
					"ports; remove some",
					name, SLUICE_MAX_PORTS - 1);
	return tell(numbering, fresh, true, slot);
}

static int number_tunnel_ends(struct numbering *numbering, const struct sluice_config *config)
{
	struct tunnel_ends ends;
	char key[TUNNEL_END_KEY_MAX];
	int result = 0;

	if (tunnel_ends_find(config, &ends))
		return sluice_error_set(numbering->error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < ends.count && !result; i++) {
		tunnel_end_key(config, &ends.list[i], key);
		result = number_port(numbering, key);
	}
	tunnel_ends_free(&ends);
	return result;
}

int compile_numbers(const struct sluice_config *config, struct ids *slots, struct ids *rules,
		    compile_fresh fresh, void *context, struct sluice_error *error)
{
	struct numbering numbering = { slots, rules, fresh, context, error };
	int result = 0;

	ids_begin(slots);
	ids_begin(rules);
	for (size_t i = 0; i < config->port_count && !result; i++)
		result = number_port(&numbering, config->ports[i].name);
	result = result ?: number_tunnel_ends(&numbering, config);
	for (size_t i = 0; i < config->nsg_count && !result; i++) {
		result = number_nsg(&numbering, &config->nsgs[i], DIRECTION_INBOUND);
		if (!result)
			result = number_nsg(&numbering, &config->nsgs[i], DIRECTION_OUTBOUND);
	}
	for (size_t i = 0; i < config->acl_count && !result; i++)
		result = number_acl(&numbering, &config->acls[i]);
	if (result)
		return result;
	ids_release(slots);
	ids_release(rules);
	return 0;
}
