// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether a document makes sense: names here, the rest in the files beside.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/validate.h"

static int compare_names(const void *a, const void *b)
{
	const struct name_entry *first = a, *second = b;
	int order = strcmp(first->name, second->name);

	if (order)
		return order;
	return first->index < second->index ? -1 : first->index > second->index;
}

void names_free(struct name_table *table)
{
	free(table->entries);
	table->entries = NULL;
	table->count = 0;
}

/* The entry that repeats a name and stands first in the document, or 0: entry 0 repeats none. */
static size_t find_repetition(const struct name_table *table)
{
	size_t repetition = 0;

	for (size_t i = 1; i < table->count; i++) {
		if (!strcmp(table->entries[i - 1].name, table->entries[i].name) &&
		    (!repetition || table->entries[i].index < table->entries[repetition].index))
			repetition = i;
	}
	return repetition;
}

int names_collect(struct validation *validation, const struct schema_child *child,
		  const void *parent, const char *owner, struct name_table *table)
{
	const struct schema_kind *kind = schema_kind(child->kind);
	struct schema_list list = schema_list(parent, child->offset, child->count);
	const struct sluice_asg *first, *second; /* all kinds begin like this one */
	size_t repetition;

	table->count = *list.count;
	table->entries = calloc(table->count + 1, sizeof(*table->entries));
	if (!table->entries)
		return sluice_error_set(validation->error, -ENOMEM, "memory is short");
	for (size_t i = 0; i < table->count; i++)
		table->entries[i] =
			(struct name_entry){ *object_name(kind, list_item(&list, kind->size, i)),
					     i };
	qsort(table->entries, table->count, sizeof(*table->entries), compare_names);
	repetition = find_repetition(table);
	if (!repetition)
		return 0;
	second = list_item(&list, kind->size, table->entries[repetition].index);
	first = list_item(&list, kind->size, table->entries[repetition - 1].index);
	if (first->place.line)
		return refuse(validation, second, kind->name_key, 0,
			      "%s%s \"%s\" is there twice, first in line %u", owner, kind->name,
			      table->entries[repetition].name, first->place.line);
	return refuse(validation, second, kind->name_key, 0, "%s%s \"%s\" is there twice", owner,
		      kind->name, table->entries[repetition].name);
}

long names_find(const struct name_table *table, const char *name)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, table->entries[middle].name);

		if (!order)
			return table->entries[middle].index;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

const char *names_suggest(const struct validation *validation, const struct name_table *table,
			  const char *name, char *text)
{
	const char *best = NULL;
	unsigned int distance = 0;

	for (size_t i = 0; i < table->count && i < 10000 && !validation->config->thinned; i++)
		schema_nearest(name, table->entries[i].name, &best, &distance);
	if (best)
		snprintf(text, 128, "; did you mean \"%.63s\"?", best);
	else
		text[0] = '\0';
	return text;
}

const char *names_missing(const struct validation *validation)
{
	return validation->config->thinned ? "would be gone" : "does not exist";
}

/* The names of everything but rules and subnets, which are collected where they are judged. */
static int collect_names(struct validation *validation)
{
	struct name_table uplinks = { 0 }, steers = { 0 }, nat = { 0 }, lbs = { 0 };
	const struct {
		enum sluice_kind kind;
		struct name_table *table;
	} tables[] = {
		{ SLUICE_UPLINK, &uplinks },
		{ SLUICE_VNET, &validation->vnets },
		{ SLUICE_TAG, &validation->tags },
		{ SLUICE_ASG, &validation->asgs },
		{ SLUICE_ACL, &validation->acls },
		{ SLUICE_NSG, &validation->nsgs },
		{ SLUICE_PORT, &validation->ports },
		{ SLUICE_STEER, &steers },
		{ SLUICE_REMOTE, &validation->remotes },
		{ SLUICE_NAT, &nat },
		{ SLUICE_LB, &lbs },
		{ SLUICE_ROUTE_TABLE, &validation->route_tables },
	};
	int code = 0;

	for (size_t i = 0; !code && i < sizeof(tables) / sizeof(tables[0]); i++)
		code = names_collect(validation, schema_place_of(tables[i].kind),
				     validation->config, "", tables[i].table);
	names_free(&uplinks);
	names_free(&steers);
	names_free(&nat);
	names_free(&lbs);
	return code;
}

int config_validate(const struct sluice_config *config, struct schema_at *at,
		    struct sluice_error *error)
{
	struct validation validation = { .config = config, .at = at, .error = error };
	int code = collect_names(&validation);

	validation.subnets = calloc(config->vnet_count + 1, sizeof(*validation.subnets));
	if (!code && !validation.subnets)
		code = sluice_error_set(error, -ENOMEM, "memory is short");
	if (!code)
		code = validate_vnets(&validation);
	if (!code)
		code = validate_tags(&validation);
	if (!code)
		code = validate_rules(&validation);
	if (!code)
		code = validate_ports(&validation);
	if (!code)
		code = validate_remotes(&validation);
	if (!code)
		code = validate_steers(&validation);
	if (!code)
		code = validate_nat(&validation);
	if (!code)
		code = validate_routes(&validation);
	for (size_t i = 0; validation.subnets && i < config->vnet_count; i++)
		names_free(&validation.subnets[i]);
	free(validation.subnets);
	names_free(&validation.vnets);
	names_free(&validation.route_tables);
	names_free(&validation.tags);
	names_free(&validation.asgs);
	names_free(&validation.acls);
	names_free(&validation.nsgs);
	names_free(&validation.ports);
	names_free(&validation.remotes);
	return code;
}

int sluice_config_validate(const struct sluice_config *config, struct sluice_error *error)
{
	struct schema_at at = { 0 };
	int code = config_validate(config, &at, error);

	if (code && error && config->file && at.place.line) {
		snprintf(error->file, sizeof(error->file), "%s", config->file);
		error->line = at.place.line;
		error->column = at.place.column;
	}
	return code;
}
