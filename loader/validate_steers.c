// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether steer rules make sense: in which vnet they are, where they lead, and in which order they
 * are asked.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/validate.h"

static int compare_steers(const void *a, const void *b)
{
	const struct sluice_steer *first = *(const struct sluice_steer *const *)a;
	const struct sluice_steer *second = *(const struct sluice_steer *const *)b;
	int order = strcmp(first->vnet, second->vnet);

	if (order)
		return order;
	return (first->match.priority > second->match.priority) -
	       (first->match.priority < second->match.priority);
}

static int validate_priorities(struct validation *validation)
{
	const struct sluice_config *config = validation->config;
	const struct sluice_steer **sorted = calloc(config->steer_count + 1, sizeof(*sorted));
	int code = 0;

	if (!sorted)
		return sluice_error_set(validation->error, -ENOMEM, "memory is short");
	for (size_t i = 0; i < config->steer_count; i++)
		sorted[i] = &config->steers[i];
	qsort(sorted, config->steer_count, sizeof(*sorted), compare_steers);
	for (size_t i = 1; i < config->steer_count && !code; i++)
		if (!compare_steers(&sorted[i - 1], &sorted[i]))
			code = refuse(validation, &sorted[i]->match, "priority", 0,
				      "steers \"%s\" and \"%s\" have the same priority %u in vnet "
				      "\"%s\"; it must be unique there",
				      sorted[i - 1]->match.name, sorted[i]->match.name,
				      sorted[i]->match.priority, sorted[i]->vnet);
	free(sorted);
	return code;
}

static int validate_steer(struct validation *validation, const struct sluice_steer *steer)
{
	const struct sluice_rule *match = &steer->match;
	const struct sluice_port *port;
	char text[128];
	long to;

	if (names_find(&validation->vnets, steer->vnet) < 0)
		return refuse(validation, match, "vnet", 0,
			      "vnet \"%s\" %s, but steer \"%s\" is in it%s", steer->vnet,
			      names_missing(validation), match->name,
			      names_suggest(validation, &validation->vnets, steer->vnet, text));
	to = names_find(&validation->ports, steer->to);
	if (to < 0)
		return refuse(validation, match, "to", 0,
			      "port \"%s\" %s, but steer \"%s\" leads to it%s", steer->to,
			      names_missing(validation), match->name,
			      names_suggest(validation, &validation->ports, steer->to, text));
	port = &validation->config->ports[to];
	if (strcmp(port->vnet, steer->vnet))
		return refuse(validation, match, "to", 0,
			      "steer \"%s\": port \"%s\" is in vnet \"%s\"; flows of vnet \"%s\" "
			      "can be steered to a port of their own only",
			      match->name, port->name, port->vnet, steer->vnet);
	return validate_match(validation, steer->vnet, match);
}

int validate_steers(struct validation *validation)
{
	const struct sluice_config *config = validation->config;
	int code = 0;

	for (size_t i = 0; i < config->steer_count && !code; i++)
		code = validate_steer(validation, &config->steers[i]);
	return code ? code : validate_priorities(validation);
}
