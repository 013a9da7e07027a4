// SPDX-License-Identifier: BSD-2-Clause
/*
 * Flows on their way out of a switch: each live one of a port, or of all, as a line of the file of
 * loader/flow_file.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader/flow_file.h"
#include "loader/switch.h"

struct export {
	struct sluice_moved moved; /* what its head says */
	int *place;                /* of the port in a slot, in moved.ports; -1: not exported */
	unsigned int *vni;         /* of each of moved.ports */
	size_t count;
	sluice_line_visitor visit;
	void *context;
	struct sluice_error *error;
};

static void turn(const struct sluice_flow *flow, struct sluice_moved_flow *moved)
{
	for (int i = 0; i < 2; i++) {
		int end = i ^ (flow->originator & 1);

		moved->address[i] = flow->key.address[end];
		moved->number[i] = ntohs(flow->key.port[end]);
		moved->packets[i] = flow->packets[end];
		moved->bytes[i] = flow->bytes[end];
		moved->tcp_ack[i] = flow->tcp_ack[end];
		moved->tcp_acks |= (flow->tcp_acks >> end & 1) << i;
		moved->tcp_fins |= (flow->tcp_fins >> end & 1) << i;
	}
}

/* The port at an end of the flow, or -1. One that has another vnet by now has no part in it. */
static int port_of(const struct export *export, const struct sluice_flow *flow, int end)
{
	__u16 slot = flow->slot[end];
	int port = slot < SLUICE_MAX_PORTS ? export->place[slot] : -1;

	return port >= 0 && export->vni[port] == flow->key.vni_protocol >> 8 ? port : -1;
}

static int hand_over(struct export *export, json_t *line)
{
	int stop;

	if (!line)
		return sluice_error_set(export->error, -ENOMEM, "memory is short");
	stop = export->visit(line, export->context);
	json_decref(line);
	return stop;
}

static int export_flow(const struct sluice_flow *flow, unsigned int idle_seconds, void *context)
{
	struct export *export = context;
	int from = flow->originator & 1;
	struct sluice_moved_flow moved = {
		.port = { port_of(export, flow, from), port_of(export, flow, !from) },
		.idle_seconds = idle_seconds,
		.age_seconds = (flow_tick() - flow->created) / FLOW_TICKS_PER_SECOND,
		.protocol = flow->key.vni_protocol & 0xff,
		.state = flow->state,
		.keep = flow->keep,
	};

	if (moved.port[0] < 0 && moved.port[1] < 0)
		return 0;
	turn(flow, &moved);
	export->count++;
	return hand_over(export, flow_file_line(&export->moved, &moved));
}

static unsigned int vni_of(const struct sluice_config *config, const char *vnet)
{
	for (size_t i = 0; i < config->vnet_count; i++)
		if (!strcmp(config->vnets[i].name, vnet))
			return config->vnets[i].vni;
	return 0;
}

static void gather_ports(struct sluice *sw, const struct sluice_config *config, const char *port,
			struct export *export)
{
	for (size_t i = 0; i < config->port_count; i++) {
		const struct sluice_port *from = &config->ports[i];
		__u32 slot = ids_find(sw->slots, from->name);
		struct sluice_moved_port *to = &export->moved.ports[export->moved.port_count];

		if (!slot || slot >= SLUICE_MAX_PORTS || (port && strcmp(port, from->name)))
			continue;
		snprintf(to->name, sizeof(to->name), "%s", from->name);
		snprintf(to->vnet, sizeof(to->vnet), "%s", from->vnet);
		memcpy(to->mac, from->mac, sizeof(to->mac));
		to->addresses = from->addresses; /* lent */
		to->address_count = from->address_count;
		export->vni[export->moved.port_count] = vni_of(config, from->vnet);
		export->place[slot] = (int)export->moved.port_count++;
	}
}

static int export_begin(struct sluice *sw, const struct sluice_config *config, const char *port,
			struct export *export)
{
	export->moved.ports = calloc(config->port_count + 1, sizeof(*export->moved.ports));
	export->vni = calloc(config->port_count + 1, sizeof(*export->vni));
	export->place = malloc(SLUICE_MAX_PORTS * sizeof(*export->place));
	if (!export->moved.ports || !export->vni || !export->place)
		return sluice_error_set(export->error, -ENOMEM, "memory is short");
	for (int slot = 0; slot < SLUICE_MAX_PORTS; slot++)
		export->place[slot] = -1;
	snprintf(export->moved.switch_name, sizeof(export->moved.switch_name), "%s", config->name);
	export->moved.time = time(NULL);
	gather_ports(sw, config, port, export);
	return 0;
}

int sluice_flows_export(struct sluice *sw, const char *port, sluice_line_visitor visit,
			void *context, struct sluice_error *error)
{
	const struct sluice_config *config = switch_config(sw, error);
	struct export export = { .visit = visit, .context = context, .error = error };
	int result;

	if (!config)
		return -EIO;
	if (port && sluice_port_slot(sw, port, error) < 0)
		return -ENOENT;
	result = export_begin(sw, config, port, &export);
	if (!result)
		result = hand_over(&export, flow_file_head(&export.moved));
	if (!result)
		result = sluice_flows(sw, port, export_flow, &export, error);
	if (!result)
		result = hand_over(&export,
				   json_pack("{sI}", "flows", (json_int_t)export.count));
	free(export.moved.ports);
	free(export.vni);
	free(export.place);
	return result;
}
