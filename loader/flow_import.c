// SPDX-License-Identifier: BSD-2-Clause
/*
 * Flows on their way into a switch: each is handed to the program sluice_import (maps/import.h), which
 * judges it and makes its entry.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/switch.h"
#include "maps/import.h"

/* The frame of a run. */
struct import_frame {
	unsigned char ethernet[14];
	struct imported_flow flow;
} __attribute__((packed));

static const struct sluice_port *config_port(const struct sluice_config *config, const char *name)
{
	for (size_t i = 0; i < config->port_count; i++)
		if (!strcmp(config->ports[i].name, name))
			return &config->ports[i];
	return NULL;
}

/* The slot of the port that has its name here, if it is the same guest's in the same network. */
static int slot_of(struct sluice *sw, const struct sluice_config *config,
		   const struct sluice_moved_port *port, struct sluice_error *error)
{
	int slot = sluice_port_slot(sw, port->name, error);
	const struct sluice_port *here = config_port(config, port->name);

	if (slot < 0 || !here)
		return -ENOENT;
	if (strcmp(here->vnet, port->vnet))
		return sluice_error_set(error, -EINVAL,
					"port %s is in vnet %s, and its flows are of vnet %s",
					port->name, here->vnet, port->vnet);
	if (memcmp(here->mac, port->mac, sizeof(port->mac)))
		return sluice_error_set(error, -EINVAL,
					"port %s has another MAC than the one whose flows these "
					"are", port->name);
	return slot;
}

/* The slots of the ports whose flows are wanted; the others' are 0. */
static int find_slots(struct sluice *sw, const struct sluice_moved *moved, const char *wanted,
		      __u16 *slots, struct sluice_error *error)
{
	const struct sluice_config *config = switch_config(sw, error);
	bool found = !wanted;

	if (!config)
		return -EIO;
	for (size_t i = 0; i < moved->port_count; i++) {
		int slot;

		if (wanted && strcmp(wanted, moved->ports[i].name))
			continue;
		found = true;
		slot = slot_of(sw, config, &moved->ports[i], error);
		if (slot < 0)
			return slot;
		slots[i] = slot;
	}
	return found ? 0
		     : sluice_error_set(error, -ENOENT, "no flows of port \"%s\" were exported",
					wanted);
}

static void fill(const struct sluice_moved_flow *flow, const __u16 *slots, bool what_if,
		 struct imported_flow *import)
{
	*import = (struct imported_flow){
		.idle = flow->idle_seconds * FLOW_TICKS_PER_SECOND,
		.age = flow->age_seconds * FLOW_TICKS_PER_SECOND,
		.tcp_acks = flow->tcp_acks,
		.tcp_fins = flow->tcp_fins,
		.protocol = flow->protocol,
		.state = flow->state,
		.keep = flow->keep,
		.what_if = what_if,
	};
	for (int end = 0; end < 2; end++) {
		import->address[end] = flow->address[end];
		import->packets[end] = flow->packets[end];
		import->bytes[end] = flow->bytes[end];
		import->port[end] = htons(flow->number[end]);
		import->slot[end] = flow->port[end] >= 0 ? slots[flow->port[end]] : 0;
		import->tcp_ack[end] = flow->tcp_ack[end];
	}
}

/* Has the program judge one flow; its answer is in *flow then. -ENOTCONN: no version runs. */
static int run(const struct sluice *sw, struct imported_flow *flow)
{
	struct import_frame frame = { .flow = *flow }, answer = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = &frame, .data_size_in = sizeof(frame),
		    .data_out = &answer, .data_size_out = sizeof(answer), .repeat = 1);

	if (bpf_prog_test_run_opts(sw->program.sluice_import, &options))
		return -errno;
	if (options.data_size_out != sizeof(answer) || answer.flow.outcome == IMPORT_NONE)
		return -ENOTCONN;
	*flow = answer.flow;
	return 0;
}

static int import_all(const struct sluice *sw, const struct sluice_moved *moved,
		      const struct sluice_import *import, const __u16 *slots,
		      struct sluice_import_counts *counts, struct sluice_error *error)
{
	for (size_t i = 0; i < moved->flow_count; i++) {
		struct imported_flow flow;
		int err;

		fill(&moved->flows[i], slots, import->what_if, &flow);
		if (!flow.slot[0] && !flow.slot[1])
			continue; /* of a port that is not wanted */
		err = run(sw, &flow);
		if (err)
			return sluice_error_set(error, err,
						"flows can not be imported: %s; %zu were carried "
						"before that, and another import carries the rest",
						strerror(-err), counts->carried);
		counts->carried += flow.outcome == IMPORT_CARRIED;
		counts->stayed += flow.outcome == IMPORT_STAYED;
		counts->refused += flow.outcome == IMPORT_REFUSED;
		if (flow.outcome == IMPORT_REFUSED && import->refused)
			import->refused(&moved->flows[i], flow.reason, flow.rule, import->context);
	}
	return 0;
}

int sluice_flows_import(struct sluice *sw, const struct sluice_moved *moved,
			const struct sluice_import *import, struct sluice_import_counts *counts,
			struct sluice_error *error)
{
	__u16 *slots = calloc(moved->port_count + 1, sizeof(*slots));
	int err;

	if (!slots)
		return sluice_error_set(error, -ENOMEM, "memory is short");
	err = switch_check_layout(sw, error) ?: find_slots(sw, moved, import->port, slots, error);
	if (!err) {
		*counts = (struct sluice_import_counts){ 0 };
		err = import_all(sw, moved, import, slots, counts, error);
	}
	free(slots);
	return err;
}
