// SPDX-License-Identifier: BSD-2-Clause
/*
 * Looking at things of the running document: list and show of every kind.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

struct list_column {
	const char *header;
	const char *key;
	bool right;
};

#define MAX_COLUMNS 12

#define RULE_COLUMNS                                                                          \
	{ "DIRECTION", "direction", false }, { "ACCESS", "access", false },                   \
		{ "PROTOCOL", "protocol", false }, { "SOURCES", "sources", false },           \
		{ "PORTS", "sourcePorts", false }, { "DESTINATIONS", "destinations", false }, \
	{                                                                                     \
		"PORTS", "destinationPorts", false                                            \
	}

static const struct list_column columns[SLUICE_KIND_COUNT][MAX_COLUMNS] = {
	[SLUICE_UPLINK] = { { "DEVICE", "device", false }, { "HOOK", "hook", false } },
	[SLUICE_VNET] = { { "NAME", "name", false },
			  { "VNI", "vni", true },
			  { "PREFIXES", "prefixes", false },
			  { "SUBNETS", "subnets", false },
			  { "PEERS", "peers", false } },
	[SLUICE_SUBNET] = { { "VNET", "vnet", false },
			    { "NAME", "name", false },
			    { "PREFIXES", "prefixes", false },
			    { "NSG", "nsg", false },
			    { "ROUTES", "routes", false } },
	[SLUICE_ROUTE_TABLE] = { { "NAME", "name", false }, { "ROUTES", "routes", false } },
	[SLUICE_ROUTE] = { { "TABLE", "table", false },
			   { "PREFIX", "prefix", false },
			   { "NEXT HOP", "nextHop", false } },
	[SLUICE_REMOTE] = { { "NAME", "name", false }, { "ADDRESS", "address", false } },
	[SLUICE_VNET_ADDRESS] = { { "VNET", "vnet", false },
				  { "ADDRESS", "address", false },
				  { "MAC", "mac", false },
				  { "REMOTE", "remote", false } },
	[SLUICE_TAG] = { { "NAME", "name", false }, { "PREFIXES", "prefixes", false } },
	[SLUICE_ASG] = { { "NAME", "name", false }, { "PORTS", "ports", false } },
	[SLUICE_ACL] = { { "NAME", "name", false },
			 { "APPLIES TO", "appliesTo", false },
			 { "RULES", "rules", false } },
	[SLUICE_ACL_RULE] = { { "ACL", "acl", false }, { "NAME", "name", false }, RULE_COLUMNS },
	[SLUICE_NSG] = { { "NAME", "name", false },
			 { "EXISTING FLOWS", "existingFlows", false },
			 { "RULES", "rules", false } },
	[SLUICE_NSG_RULE] = { { "NSG", "nsg", false },
			      { "NAME", "name", false },
			      { "PRIORITY", "priority", true },
			      RULE_COLUMNS },
	[SLUICE_PORT] = { { "NAME", "name", false },
			  { "DEVICE", "device", false },
			  { "VNET", "vnet", false },
			  { "SUBNET", "subnet", false },
			  { "MAC", "mac", false },
			  { "ADDRESSES", "addresses", false },
			  { "NSG", "nsg", false },
			  { "ACL", "acl", false },
			  { "ASGS", "asgs", false } },
	[SLUICE_NAT] = { { "NAME", "name", false },
			 { "TYPE", "type", false },
			 { "ADDRESS", "address", false },
			 { "ADDRESSES", "addresses", false },
			 { "PROTOCOL", "protocol", false },
			 { "DESTINATION PORT", "destinationPort", true },
			 { "PORT", "port", false },
			 { "TO", "to", false },
			 { "VNET", "vnet", false },
			 { "SUBNETS", "subnets", false },
			 { "PORTS", "ports", false } },
	[SLUICE_LB] = { { "NAME", "name", false },
			{ "VNET", "vnet", false },
			{ "FRONTEND", "frontend", false },
			{ "PROTOCOL", "protocol", false },
			{ "BACKENDS", "backends", false },
			{ "BACKEND PORT", "backendPort", true },
			{ "AFFINITY", "affinity", false } },
	[SLUICE_STEER] = { { "VNET", "vnet", false },
			   { "PRIORITY", "priority", true },
			   { "NAME", "name", false },
			   { "PROTOCOL", "protocol", false },
			   { "SOURCES", "sources", false },
			   { "PORTS", "sourcePorts", false },
			   { "DESTINATIONS", "destinations", false },
			   { "PORTS", "destinationPorts", false },
			   { "TO", "to", false },
			   { "WHEN DEAD", "whenDead", false } },
};

/* The ports that list an asg: its members. */
static json_t *asg_members(const struct sluice_config *config, const char *name)
{
	json_t *members = json_array();

	for (size_t i = 0; i < config->port_count; i++)
		for (size_t a = 0; a < config->ports[i].asg_count; a++)
			if (!strcmp(config->ports[i].asgs[a], name))
				json_array_append_new(members, json_string(config->ports[i].name));
	return members;
}

/* One thing as JSON, with what it is in and, for an asg, its members; takes the reference. */
static json_t *complete(const struct sluice_config *config, enum sluice_kind kind,
			const char *parent, json_t *thing)
{
	json_t *whole = json_object();
	const char *name;

	if (parent)
		json_object_set_new(whole, parent_option(kind), json_string(parent));
	if (json_is_string(thing))
		json_object_set(whole, "name", thing);
	else
		json_object_update(whole, thing);
	json_decref(thing);
	name = json_string_value(json_object_get(whole, "name"));
	if (kind == SLUICE_ASG && name)
		json_object_set_new(whole, "ports", asg_members(config, name));
	return whole;
}

static int by_direction_and_priority(const void *a, const void *b)
{
	const json_t *one = *(json_t *const *)a, *other = *(json_t *const *)b;
	int direction = strcmp(cell_text(json_object_get(one, "direction")),
			       cell_text(json_object_get(other, "direction")));
	json_int_t p = json_integer_value(json_object_get(one, "priority"));
	json_int_t q = json_integer_value(json_object_get(other, "priority"));

	return direction ? direction : p < q ? -1 : p > q;
}

json_t *sorted_rules(json_t *rules)
{
	size_t count = json_array_size(rules);
	json_t **list = calloc(count ? count : 1, sizeof(*list));
	json_t *sorted = json_array();

	for (size_t i = 0; list && i < count; i++)
		list[i] = json_array_get(rules, i);
	if (list)
		qsort(list, count, sizeof(*list), by_direction_and_priority);
	for (size_t i = 0; list && i < count; i++)
		json_array_append(sorted, list[i]);
	free(list);
	json_decref(rules);
	return sorted;
}

/* Adds everything of a kind that is in parent (NULL: in the document itself). */
static int collect(const struct sluice_config *config, enum sluice_kind kind, const char *parent,
		   json_t *into)
{
	json_t *list = sluice_config_json(config, kind, parent, NULL);
	json_t *thing;
	size_t index;

	if (!list)
		return -1;
	if (kind == SLUICE_NSG_RULE)
		list = sorted_rules(list);
	json_array_foreach(list, index, thing)
		json_array_append_new(into, complete(config, kind, parent, json_incref(thing)));
	json_decref(list);
	return 0;
}

/* Every thing that can hold things of this kind. */
static int collect_from_all(const struct sluice_config *config, enum sluice_kind kind, json_t *into)
{
	int err = 0;

	switch (kind) {
	case SLUICE_SUBNET:
	case SLUICE_VNET_ADDRESS:
		for (size_t i = 0; i < config->vnet_count && !err; i++)
			err = collect(config, kind, config->vnets[i].name, into);
		return err;
	case SLUICE_ROUTE:
		for (size_t i = 0; i < config->route_table_count && !err; i++)
			err = collect(config, kind, config->route_tables[i].name, into);
		return err;
	case SLUICE_NSG_RULE:
		for (size_t i = 0; i < config->nsg_count && !err; i++)
			err = collect(config, kind, config->nsgs[i].name, into);
		return err;
	case SLUICE_ACL_RULE:
		for (size_t i = 0; i < config->acl_count && !err; i++)
			err = collect(config, kind, config->acls[i].name, into);
		return err;
	default:
		return collect(config, kind, NULL, into);
	}
}

static void print_things(const struct invocation *invocation, enum sluice_kind kind,
			 const json_t *things)
{
	struct table_column headers[MAX_COLUMNS];
	char nothing[64];
	struct table *table;
	json_t *thing;
	size_t index, count = 0;

	for (; count < MAX_COLUMNS && columns[kind][count].header; count++) {
		headers[count].header = columns[kind][count].header;
		headers[count].right = columns[kind][count].right;
	}
	table = table_new(invocation, headers, count);
	json_array_foreach(things, index, thing)
	{
		table_row(table);
		for (size_t i = 0; i < count; i++) {
			const json_t *value = json_object_get(thing, columns[kind][i].key);
			const char *text = cell_text(value);
			enum shade shade = SHADE_PLAIN;

			if (!strcmp(text, "Allow"))
				shade = SHADE_GOOD;
			else if (!strcmp(text, "Deny"))
				shade = SHADE_BAD;
			if (json_is_object(json_array_get(value, 0)))
				table_cell(table, i, shade, "%zu", json_array_size(value));
			else
				table_cell(table, i, shade, "%s", text);
		}
	}
	snprintf(nothing, sizeof(nothing), "no %s", sluice_kind_name(kind));
	table_end(table, nothing);
}

static int running_document(struct invocation *invocation, struct sluice **sw,
			    struct sluice_config **config)
{
	struct sluice_error error = { 0 };
	unsigned int version;
	int code;

	code = open_switch(invocation, sw);
	if (code)
		return code;
	if (sluice_running(*sw, &version, config, &error)) {
		sluice_close(*sw);
		return refuse(invocation, &error);
	}
	return 0;
}

int run_list(struct invocation *invocation)
{
	enum sluice_kind kind = invocation->command->kind;
	const char *option = parent_option(kind);
	const char *parent = invocation->argument_count ? invocation->arguments[0]
			     : option                   ? option_text(invocation, option)
							: NULL;
	json_t *things = json_array();
	struct sluice_config *config;
	struct sluice *sw;
	int code, err;

	code = running_document(invocation, &sw, &config);
	if (code) {
		json_decref(things);
		return code;
	}
	err = parent ? collect(config, kind, parent, things)
		     : collect_from_all(config, kind, things);
	if (err)
		code = refuse_text(invocation, "there is no %s \"%s\"", option ? option : "list",
				   parent ? parent : "");
	else if (invocation->json)
		print_json(json_incref(things));
	else
		print_things(invocation, kind, things);
	json_decref(things);
	sluice_config_free(config);
	sluice_close(sw);
	return code;
}

/* Key by key; lists of things that have a name of their own as tables below. */
static void print_thing(const struct invocation *invocation, enum sluice_kind kind,
			const json_t *thing)
{
	enum sluice_kind of_rules = kind == SLUICE_ACL		 ? SLUICE_ACL_RULE
				    : kind == SLUICE_ROUTE_TABLE ? SLUICE_ROUTE
								 : SLUICE_NSG_RULE;
	const char *rules = of_rules == SLUICE_ROUTE ? "routes" : "rules";
	json_t *value, *rule;
	const char *key;
	size_t index;

	json_object_foreach((json_t *)thing, key, value)
		if (!json_is_array(value) || strcmp(key, rules) != 0)
			printf("%-16s %s\n", key, cell_text(value));
	value = json_object_get(thing, rules);
	if (!json_is_array(value))
		return;
	if (!json_array_size(value))
		return;
	json_array_foreach(value, index, rule)
		json_object_set(rule, parent_option(of_rules), json_object_get(thing, "name"));
	printf("\n");
	print_things(invocation, of_rules, value);
}

int run_show(struct invocation *invocation)
{
	enum sluice_kind kind = invocation->command->kind;
	const char *option = parent_option(kind);
	const char *parent = option ? option_text(invocation, option) : NULL;
	const char *name = invocation->argument_count ? invocation->arguments[0]
						      : option_text(invocation, "name");
	struct sluice_config *config;
	char owner[128] = "";
	struct sluice *sw;
	json_t *thing;
	int code;

	if (!name && !sluice_kind_is_single(kind))
		return usage_error(invocation, "it wants the name of the %s",
				   sluice_kind_name(kind));
	if (option && !parent && strchr(name, '/')) {
		snprintf(owner, sizeof(owner), "%.*s", (int)strcspn(name, "/"), name);
		parent = owner;
		name = strchr(name, '/') + 1;
	}
	if (option && !parent)
		return usage_error(invocation, "--%s is missing", option);
	code = running_document(invocation, &sw, &config);
	if (code)
		return code;
	thing = sluice_config_json(config, kind, parent, name);
	if (!thing) {
		code = refuse_text(invocation, "there is no %s \"%s%s%s\"", sluice_kind_name(kind),
				   parent ? parent : "", parent ? "/" : "", name ? name : "");
	} else {
		thing = complete(config, kind, parent, thing);
		if (invocation->json)
			print_json(json_incref(thing));
		else
			print_thing(invocation, kind, thing);
		json_decref(thing);
	}
	sluice_config_free(config);
	sluice_close(sw);
	return code;
}
