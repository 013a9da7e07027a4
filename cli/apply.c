// SPDX-License-Identifier: BSD-2-Clause
/*
 * apply and export: the document as a file.
 */
#include <string.h>

#include "cli/cli.h"

int run_apply(struct invocation *invocation)
{
	struct sluice_config *config;
	struct change change;
	char why[128];
	int code;

	code = read_document(invocation, &config);
	if (code)
		return code;
	code = change_begin(invocation, &change);
	if (code) {
		sluice_config_free(config);
		return code;
	}
	sluice_config_free(change.wanted);
	change.wanted = config;
	snprintf(why, sizeof(why), "apply %s", option_text(invocation, "file"));
	code = change_finish(invocation, &change, why, "applied");
	change_end(&change);
	return code;
}

/* A kind that the file writes as a map: name -> the rest, or for tags their prefixes. */
static json_t *by_name(json_t *list, const char *only)
{
	json_t *map = json_object(), *thing;
	size_t index;

	json_array_foreach(list, index, thing)
	{
		json_t *name = json_incref(json_object_get(thing, "name"));

		json_object_del(thing, "name");
		json_object_set(map, json_string_value(name),
				only ? json_object_get(thing, only) : thing);
		json_decref(name);
	}
	json_decref(list);
	return map;
}

/* Asgs are plain names. */
static json_t *names_of(json_t *list)
{
	json_t *names = json_array(), *thing;
	size_t index;

	json_array_foreach(list, index, thing) json_array_append(
		names, json_is_string(thing) ? thing : json_object_get(thing, "name"));
	json_decref(list);
	return names;
}

/* The document as JSON, which is YAML too: apply reads it. */
static json_t *document_json(const struct sluice_config *config)
{
	json_t *document = json_pack("{ss}", "apiVersion", "sluice/v1");

	json_object_set_new(document, "switch",
			    sluice_config_json(config, SLUICE_SWITCH, NULL, NULL));
	json_object_set_new(document, "uplinks",
			    sluice_config_json(config, SLUICE_UPLINK, NULL, NULL));
	json_object_set_new(document, "tunnel",
			    sluice_config_json(config, SLUICE_TUNNEL, NULL, NULL));
	json_object_set_new(document, "remotes",
			    sluice_config_json(config, SLUICE_REMOTE, NULL, NULL));
	json_object_set_new(document, "vnets", sluice_config_json(config, SLUICE_VNET, NULL, NULL));
	json_object_set_new(
		document, "routes",
		by_name(sluice_config_json(config, SLUICE_ROUTE_TABLE, NULL, NULL), "routes"));
	json_object_set_new(
		document, "tags",
		by_name(sluice_config_json(config, SLUICE_TAG, NULL, NULL), "prefixes"));
	json_object_set_new(document, "asgs",
			    names_of(sluice_config_json(config, SLUICE_ASG, NULL, NULL)));
	json_object_set_new(document, "acls", sluice_config_json(config, SLUICE_ACL, NULL, NULL));
	json_object_set_new(document, "nsgs",
			    by_name(sluice_config_json(config, SLUICE_NSG, NULL, NULL), NULL));
	json_object_set_new(document, "ports", sluice_config_json(config, SLUICE_PORT, NULL, NULL));
	json_object_set_new(document, "steers",
			    sluice_config_json(config, SLUICE_STEER, NULL, NULL));
	json_object_set_new(document, "nat", sluice_config_json(config, SLUICE_NAT, NULL, NULL));
	json_object_set_new(document, "lbs", sluice_config_json(config, SLUICE_LB, NULL, NULL));
	return document;
}

int run_export(struct invocation *invocation)
{
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
	if (invocation->json)
		print_json(document_json(config));
	else if (sluice_config_write(config, stdout, &error))
		code = refuse(invocation, &error);
	sluice_config_free(config);
	sluice_close(sw);
	return code;
}
