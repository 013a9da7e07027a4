/* SPDX-License-Identifier: BSD-2-Clause */
/* Where in its policy a rule stands; see place.h. */
#include "loader/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/compiler.h"

static __u32 number_of(const struct ids *rules, const char *group, const char *rule)
{
	char key[256];

	/* Names have at most 63 characters. */
	snprintf(key, sizeof(key), "%s/%s", group, rule);
	return ids_find(rules, key);
}

static __u32 acl_rule_number(const struct ids *rules, const struct sluice_acl *acl,
			     const struct sluice_rule *rule)
{
	char group[128];

	snprintf(group, sizeof(group), "acl/%s", acl->name);
	return number_of(rules, group, rule->name);
}

/* Whether an ACL's rules are in the same policy as those of the added one's. */
static bool same_policy(const struct sluice_config *config, size_t owner, size_t acl)
{
	return acl == owner ||
	       (!config->acls[owner].applies_to_ports && !config->acls[acl].applies_to_ports);
}

/* The next rule of the direction from a position on; by: 1 forwards, -1 backwards. */
static __u32 find_neighbour(const struct sluice_config *config, const struct ids *rules,
			    const struct added_rule *added, ssize_t at, int by)
{
	for (ssize_t i = (ssize_t)added->owner; i >= 0 && i < (ssize_t)config->acl_count; i += by) {
		const struct sluice_acl *acl = &config->acls[i];

		if (!same_policy(config, added->owner, (size_t)i))
			continue;
		if (i != (ssize_t)added->owner)
			at = by > 0 ? 0 : (ssize_t)acl->rule_count - 1;
		for (; at >= 0 && at < (ssize_t)acl->rule_count; at += by)
			if (acl->rules[at].direction == added->rule->direction)
				return acl_rule_number(rules, acl, &acl->rules[at]);
	}
	return 0;
}

struct acl_neighbours acl_neighbours(const struct sluice_config *config, const struct ids *rules,
				     const struct added_rule *added)
{
	ssize_t position = (ssize_t)added->position;

	return (struct acl_neighbours){
		.before = find_neighbour(config, rules, added, position - 1, -1),
		.behind = find_neighbour(config, rules, added, position, 1),
	};
}

/* --- orders --- */

#define ORDER_END (1U << 31)

struct known_order {
	__u32 order;
	bool in_overlay;
};

static bool find_in(const struct rule_place *places, __u32 count, __u32 rule, __u32 *order)
{
	for (__u32 i = 0; i < count; i++)
		if (places[i].rule == rule) {
			*order = places[i].order;
			return true;
		}
	return false;
}

static bool find_order(const struct tables *tables, const struct policy_record *record, __u32 rule,
		       struct known_order *known)
{
	known->in_overlay = find_in(tables_line(tables, record->overlay), record->overlay_count,
				    rule, &known->order);
	return known->in_overlay || find_in(tables_line(tables, record->places),
					    record->place_count, rule, &known->order);
}

/* Rules are often added one after the other at the same place: then each takes a small part of the
 * room there is on that side, not half of it. */
static __u32 order_within(const struct known_order *before, const struct known_order *behind,
			  __u32 step)
{
	__u32 half = (behind->order - before->order) / 2, part = step / (2 * OVERLAY_MAX);

	if (!part)
		part = 1;
	if (part > half)
		part = half;
	if (before->in_overlay && !behind->in_overlay)
		return before->order + part;
	if (behind->in_overlay && !before->in_overlay)
		return behind->order - part;
	return before->order + half;
}

int acl_order_between(const struct tables *tables, const struct policy_record *record,
		      const struct acl_neighbours *neighbours, __u32 *order)
{
	__u32 step = acl_order_step(record->place_count);
	struct known_order before = { 0 }, behind = { .order = ORDER_END };

	if ((neighbours->before && !find_order(tables, record, neighbours->before, &before)) ||
	    (neighbours->behind && !find_order(tables, record, neighbours->behind, &behind)))
		return -EAGAIN;
	if (behind.order < before.order || behind.order - before.order < 2)
		return -EAGAIN;
	if (!neighbours->behind && behind.order - before.order > step)
		*order = before.order + step;
	else if (!neighbours->before && behind.order > step)
		*order = behind.order - step;
	else
		*order = order_within(&before, &behind, step);
	return 0;
}

/* --- all rules --- */

static int each_of(const struct sluice_rule *list, size_t count, const struct ids *rules,
		   const char *group, enum direction direction,
		   int (*visit)(const struct sluice_rule *rule, __u32 number, void *context),
		   void *context)
{
	int result = 0;

	for (size_t i = 0; i < count && !result; i++)
		if (list[i].direction == direction)
			result = visit(&list[i], number_of(rules, group, list[i].name), context);
	return result;
}

int each_policy_rule(const struct sluice_config *config, const struct ids *rules,
		     const struct added_rule *added,
		     int (*visit)(const struct sluice_rule *rule, __u32 number, void *context),
		     void *context)
{
	enum direction direction = added->rule->direction;
	char group[128];
	int result = 0;

	if (!added->acl) {
		const struct sluice_nsg *nsg = &config->nsgs[added->owner];

		snprintf(group, sizeof(group), "nsg/%s/%s", nsg->name,
			 direction == DIRECTION_INBOUND ? "in" : "out");
		return each_of(nsg->rules, nsg->rule_count, rules, group, direction, visit,
			       context);
	}
	for (size_t i = 0; i < config->acl_count && !result; i++) {
		const struct sluice_acl *acl = &config->acls[i];

		if (!same_policy(config, added->owner, i))
			continue;
		snprintf(group, sizeof(group), "acl/%s", acl->name);
		result = each_of(acl->rules, acl->rule_count, rules, group, direction, visit,
				 context);
	}
	return result;
}
