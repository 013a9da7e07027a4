// SPDX-License-Identifier: BSD-2-Clause
/*
 * accel: how a port's frames are delivered, and its acceleration switched on and off.
 */
#include <string.h>

#include "cli/cli.h"

/* A port's acceleration as the running document has it; a new reference, or NULL. */
static json_t *running_acceleration(struct sluice *sw, const char *name)
{
	struct sluice_config *config;
	unsigned int version;
	json_t *port, *acceleration;

	if (sluice_running(sw, &version, &config, NULL))
		return NULL;
	port = sluice_config_json(config, SLUICE_PORT, NULL, name);
	acceleration = json_incref(json_object_get(port, "acceleration"));
	json_decref(port);
	sluice_config_free(config);
	return acceleration;
}

static int show(const struct invocation *invocation, struct sluice *sw,
		const struct sluice_port_status *port)
{
	json_t *acceleration = running_acceleration(sw, port->name);
	const char *mode = json_string_value(json_object_get(acceleration, "mode"));

	if (!mode)
		return refuse_text(invocation, "the document of port \"%s\" cannot be read",
				   port->name);
	if (invocation->json)
		print_json(json_pack("{ssssssss}", "port", port->name, "mode", mode, "delivery",
				     sluice_delivery_name(port->delivery), "why", port->why));
	else
		printf("%s: acceleration %s, delivered by %s (%s)\n", port->name, mode,
		       sluice_delivery_name(port->delivery), port->why);
	json_decref(acceleration);
	return EXIT_DONE;
}

int run_accel_show(struct invocation *invocation)
{
	const char *name = invocation->arguments[0];
	const struct sluice_port_status *port = NULL;
	struct sluice_error error = { 0 };
	struct sluice_status *status;
	struct sluice *sw;
	int code;

	code = open_switch(invocation, &sw);
	if (code)
		return code;
	if (sluice_status_get(sw, &status, &error)) {
		sluice_close(sw);
		return refuse(invocation, &error);
	}
	for (size_t i = 0; i < status->port_count; i++)
		if (!strcmp(status->ports[i].name, name))
			port = &status->ports[i];
	code = port ? show(invocation, sw, port) :
		      refuse_text(invocation, "there is no port \"%s\" (see: sluice port list)",
				  name);
	sluice_status_free(status);
	sluice_close(sw);
	return code;
}

static int set_mode(struct invocation *invocation, const char *mode)
{
	const struct sluice_setting setting = { "acceleration.mode", &mode, 1 };
	const char *name = invocation->arguments[0];
	const struct sluice_edit edit = { .verb = SLUICE_EDIT_UPDATE,
					  .kind = SLUICE_PORT,
					  .name = name,
					  .settings = &setting,
					  .setting_count = 1 };
	bool on = strcmp(mode, "off");
	char why[128], done[128];

	snprintf(why, sizeof(why), "accel %s %s", on ? "on" : "off", name);
	snprintf(done, sizeof(done), "port %s: acceleration %s", name, on ? "on" : "off");
	return change_at_once(invocation, &edit, why, done, refuse);
}

/* Whether the port's acceleration is a VF: of an uplink. */
static bool is_function(const struct sluice_config *config, const char *name)
{
	for (size_t i = 0; i < config->port_count; i++)
		for (size_t k = 0; k < config->uplink_count; k++)
			if (!strcmp(config->ports[i].name, name) && config->ports[i].fast_device &&
			    !strcmp(config->ports[i].fast_device, config->uplinks[k].device))
				return true;
	return false;
}

int run_accel_on(struct invocation *invocation)
{
	struct sluice_error error = { 0 };
	struct sluice_config *config;
	unsigned int version;
	struct sluice *sw;
	bool function;
	int code;

	code = open_switch(invocation, &sw);
	if (code)
		return code;
	if (sluice_running(sw, &version, &config, &error)) {
		sluice_close(sw);
		return refuse(invocation, &error);
	}
	function = is_function(config, invocation->arguments[0]);
	sluice_config_free(config);
	sluice_close(sw);
	return set_mode(invocation, function ? "vf" : "auto");
}

int run_accel_off(struct invocation *invocation)
{
	return set_mode(invocation, "off");
}

int run_accel_hand_over(struct invocation *invocation)
{
	struct sluice_offload_look done = { 0 };
	struct sluice_error error = { 0 };
	struct sluice *sw;
	int code;

	code = open_switch(invocation, &sw);
	if (code)
		return code;
	if (sluice_lock(sw, 10, &error) ||
	    sluice_offload_look_once(sw, &done, &error))
		code = refuse(invocation, &error);
	else if (invocation->json)
		print_json(json_pack("{sI sI sI sI}", "carried", (json_int_t)done.carried, "handedOver",
				     (json_int_t)done.handed, "returned",
				     (json_int_t)done.returned, "refused",
				     (json_int_t)done.refused));
	else
		printf("directions of flows: %zu with NICs, of which %zu new; %zu taken back, %zu "
		       "refused\n", done.carried, done.handed, done.returned, done.refused);
	sluice_close(sw);
	return code;
}
