// SPDX-License-Identifier: BSD-2-Clause
/*
 * effective-rules: everything a port is under, in the order a packet meets it.
 */
#include <string.h>

#include "cli/cli.h"

/* The rules that every NSG ends with (DESIGN section 4). */
static const struct {
	enum direction direction;
	unsigned int priority;
	const char *access;
	const char *source;
	const char *destination;
} built_in[] = {
	{ DIRECTION_INBOUND, 65000, "Allow", "VirtualNetwork", "VirtualNetwork" },
	{ DIRECTION_INBOUND, 65001, "Allow", "LoadBalancer", "*" },
	{ DIRECTION_INBOUND, 65500, "Deny", "*", "*" },
	{ DIRECTION_OUTBOUND, 65000, "Allow", "VirtualNetwork", "VirtualNetwork" },
	{ DIRECTION_OUTBOUND, 65001, "Allow", "*", "Internet" },
	{ DIRECTION_OUTBOUND, 65500, "Deny", "*", "*" },
};

static const char *const direction_names[] = {
	[DIRECTION_INBOUND] = "Inbound",
	[DIRECTION_OUTBOUND] = "Outbound",
};

struct effective {
	const struct sluice_config *config;
	const struct sluice_port *port;
	json_t *rules;
};

static void add_rule(struct effective *effective, const char *level, const char *kind,
		     const char *owner, json_t *rule)
{
	json_t *whole = json_pack("{ssss}", "level", level, kind, owner);

	json_object_update(whole, rule);
	json_array_append_new(effective->rules, whole);
}

static bool runs(const json_t *rule, enum direction direction)
{
	return !strcmp(cell_text(json_object_get(rule, "direction")), direction_names[direction]);
}

static void add_built_in(struct effective *effective, const char *level, const char *nsg,
			 enum direction direction)
{
	for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++) {
		char name[16];
		json_t *rule;

		if (built_in[i].direction != direction)
			continue;
		snprintf(name, sizeof(name), "%u", built_in[i].priority);
		rule = json_pack("{sssissssss s[s] s[s] s[s] s[s]}", "name", name, "priority",
				 (int)built_in[i].priority, "direction", direction_names[direction],
				 "access", built_in[i].access, "protocol", "*", "sources",
				 built_in[i].source, "sourcePorts", "*", "destinations",
				 built_in[i].destination, "destinationPorts", "*");
		add_rule(effective, level, "nsg", nsg, rule);
		json_decref(rule);
	}
}

static void add_nsg(struct effective *effective, const char *level, const char *nsg,
		    enum direction direction)
{
	json_t *rules, *rule;
	size_t index;

	if (!nsg)
		return;
	rules = sluice_config_json(effective->config, SLUICE_NSG_RULE, nsg, NULL);
	rules = sorted_rules(rules);
	json_array_foreach(rules, index, rule) if (runs(rule, direction))
		add_rule(effective, level, "nsg", nsg, rule);
	json_decref(rules);
	add_built_in(effective, level, nsg, direction);
}

static void add_acl(struct effective *effective, const char *acl, enum direction direction)
{
	json_t *rules = sluice_config_json(effective->config, SLUICE_ACL_RULE, acl, NULL);
	json_t *rule;
	size_t index;

	json_array_foreach(rules, index, rule) if (runs(rule, direction))
		add_rule(effective, "acl", "acl", acl, rule);
	json_decref(rules);
}

static const char *subnet_nsg(const struct sluice_config *config, const struct sluice_port *port)
{
	for (size_t v = 0; v < config->vnet_count; v++) {
		const struct sluice_vnet *vnet = &config->vnets[v];

		if (strcmp(vnet->name, port->vnet))
			continue;
		for (size_t s = 0; s < vnet->subnet_count; s++)
			if (!strcmp(vnet->subnets[s].name, port->subnet))
				return vnet->subnets[s].nsg;
	}
	return NULL;
}

/* ACLs first; then towards a port its subnet's NSG before its own, from it the other way round. */
static void add_direction(struct effective *effective, enum direction direction)
{
	const struct sluice_config *config = effective->config;
	const struct sluice_port *port = effective->port;
	const char *subnet = subnet_nsg(config, port);

	for (size_t i = 0; i < config->acl_count; i++)
		if (!config->acls[i].applies_to_ports)
			add_acl(effective, config->acls[i].name, direction);
	if (port->acl)
		add_acl(effective, port->acl, direction);
	if (direction == DIRECTION_INBOUND)
		add_nsg(effective, "subnet", subnet, direction);
	add_nsg(effective, "nic", port->nsg, direction);
	if (direction == DIRECTION_OUTBOUND)
		add_nsg(effective, "subnet", subnet, direction);
}

static void print_rules(const struct invocation *invocation, const json_t *rules)
{
	static const struct table_column columns[] = {
		{ "DIRECTION", false }, { "LEVEL", false },  { "RULE", false },
		{ "PRIORITY", true },   { "ACCESS", false }, { "PROTOCOL", false },
		{ "SOURCES", false },   { "PORTS", false },  { "DESTINATIONS", false },
		{ "PORTS", false },
	};
	static const char *const keys[] = { "priority",        "access",      "protocol",
					    "sources",         "sourcePorts", "destinations",
					    "destinationPorts" };
	struct table *table = table_new(invocation, columns, 10);
	json_t *rule;
	size_t index;

	json_array_foreach(rules, index, rule)
	{
		json_t *owner = json_object_get(rule, "nsg");

		table_row(table);
		table_cell(table, 0, SHADE_PLAIN, "%s",
			   cell_text(json_object_get(rule, "direction")));
		table_cell(table, 1, SHADE_PLAIN, "%s", cell_text(json_object_get(rule, "level")));
		table_cell(table, 2, SHADE_PLAIN, "%s/%s",
			   cell_text(owner ? owner : json_object_get(rule, "acl")),
			   cell_text(json_object_get(rule, "name")));
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			const char *text = cell_text(json_object_get(rule, keys[i]));
			enum shade shade = !strcmp(text, "Allow")  ? SHADE_GOOD
					   : !strcmp(text, "Deny") ? SHADE_BAD
								   : SHADE_PLAIN;

			table_cell(table, 3 + i, shade, "%s", text);
		}
	}
	table_end(table, "no ACL and no NSG: everything is allowed");
}

int run_effective_rules(struct invocation *invocation)
{
	struct effective effective = { 0 };
	struct sluice_error error = { 0 };
	struct sluice_config *config;
	unsigned int version;
	struct sluice *sw;
	int code;

	code = open_switch(invocation, &sw);
	if (code)
		return code;
	if (sluice_running(sw, &version, &config, &error)) {
		sluice_close(sw);
		return refuse(invocation, &error);
	}
	effective.config = config;
	for (size_t i = 0; i < config->port_count; i++)
		if (!strcmp(config->ports[i].name, invocation->arguments[0]))
			effective.port = &config->ports[i];
	effective.rules = json_array();
	if (!effective.port) {
		code = refuse_text(invocation, "there is no port \"%s\" (see: sluice port list)",
				   invocation->arguments[0]);
	} else {
		add_direction(&effective, DIRECTION_INBOUND);
		add_direction(&effective, DIRECTION_OUTBOUND);
		if (invocation->json)
			print_json(json_incref(effective.rules));
		else
			print_rules(invocation, effective.rules);
	}
	json_decref(effective.rules);
	sluice_config_free(config);
	sluice_close(sw);
	return code;
}
