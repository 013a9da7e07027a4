/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the work of uplinks and ports is done, and whether that is as the document asks. A port's
 * frames come from the first uplink that is hardware, as a rule, so that one's node is where its work
 * belongs.
 */
#include <string.h>

#include "loader/cpus.h"
#include "loader/status.h"

struct placing {
	const struct devices *devices;
	struct queue_view view;
	bool home_known;
	struct queues home; /* of the NIC that ports' frames come from */
	char address[32];   /* of that NIC */
};

static void check_asked(const struct placing *placing, const struct queue_owner *owner,
			const char *cpus, struct sluice_queues *placed)
{
	struct cpu_settings wanted = {};

	if (cpu_settings_want(&placing->view, owner, cpus, placing->address, &wanted, NULL) ||
	    !cpu_settings_in_place(&placing->view, &wanted))
		snprintf(placed->note, sizeof(placed->note), "not as cpus: %.64s asks, which "
			 "irqbalance may have changed: apply the document again", cpus);
	cpu_settings_free(&wanted);
}

static void place(struct placing *placing, __u32 ifindex, bool uplink, const char *cpus,
		  struct sluice_queues *placed)
{
	const struct device *device = device_by_index(placing->devices, ifindex);
	char address[32] = "";
	struct queue_owner owner = { .net = placing->view.net, .bus_info = address };
	struct queues queues;

	placed->node = -1;
	if (!device)
		return;
	owner.name = device->name;
	/* Devices of software are on no bus, and may be thousands. */
	if (!device->kind[0])
		device_address(device, address);
	queues_read(&placing->view.survey, &owner, &queues);
	if (uplink && !placing->home_known && queues.node >= 0) {
		placing->home_known = true;
		placing->home = queues;
		memcpy(placing->address, address, sizeof(address));
	}
	placed->receive = queues.receive;
	placed->send = queues.send;
	placed->node = queues.node;
	placed->nodes = queues.nodes;
	placed->interrupts = queues.interrupts;
	cpu_list_text(queues.interrupts ? &queues.irq_cpus : &queues.rps_cpus, placed->cpus,
		      sizeof(placed->cpus));
	queues_note(&queues, placing->home_known && queues.node < 0 ? &placing->home : NULL,
		    placed->note, sizeof(placed->note));
	if (cpus)
		check_asked(placing, &owner, cpus, placed);
}

/* Ports and uplinks of status are in config's order, but those that have no device yet may lack. */
static const char *asked_by_port(const struct sluice_config *config, const char *name)
{
	for (size_t i = 0; i < config->port_count; i++)
		if (!strcmp(config->ports[i].name, name))
			return config->ports[i].cpus;
	return NULL;
}

static const char *asked_by_uplink(const struct sluice_config *config, const char *device)
{
	for (size_t i = 0; i < config->uplink_count; i++)
		if (!strcmp(config->uplinks[i].device, device))
			return config->uplinks[i].cpus;
	return NULL;
}

static bool anybody_asks(const struct sluice_config *config)
{
	bool any = false;

	for (size_t i = 0; i < config->port_count; i++)
		any |= !!config->ports[i].cpus;
	return any;
}

void status_queues(const struct sluice_config *config, const struct devices *devices,
		   struct sluice_status *status)
{
	struct placing placing = { .devices = devices };
	bool ask = anybody_asks(config);

	queue_view_open(&placing.view);
	for (size_t i = 0; i < status->uplink_count; i++)
		place(&placing, status->uplinks[i].ifindex, true,
		      asked_by_uplink(config, status->uplinks[i].device),
		      &status->uplinks[i].placed);
	for (size_t i = 0; i < status->port_count; i++)
		place(&placing, status->ports[i].ifindex, false,
		      ask ? asked_by_port(config, status->ports[i].name) : NULL,
		      &status->ports[i].placed);
	queue_view_close(&placing.view);
}
