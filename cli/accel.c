// SPDX-License-Identifier: BSD-2-Clause
/*
 * accel show: how a port's frames are delivered.
 */
#include <string.h>

#include "cli/cli.h"

static bool accelerated(const struct sluice_port_status *port)
{
	return port->delivery == DELIVERY_AF_XDP;
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
	if (!port)
		code = refuse_text(invocation, "there is no port \"%s\" (see: sluice port list)",
				   name);
	else if (invocation->json)
		print_json(json_pack("{ssssssss}", "port", name, "mode",
				     accelerated(port) ? "af_xdp" : "off", "delivery",
				     sluice_delivery_name(port->delivery), "why", port->why));
	else
		printf("%s: acceleration %s, delivered by %s (%s)\n", name,
		       accelerated(port) ? "af_xdp" : "off", sluice_delivery_name(port->delivery), port->why);
	sluice_status_free(status);
	sluice_close(sw);
	return code;
}
