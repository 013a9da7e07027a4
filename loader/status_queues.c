/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the work of uplinks and ports is done. A port's frames come from the first uplink that is
 * hardware, as a rule, so that one's node is where its work belongs.
 */
#include <string.h>

#include "loader/queues.h"
#include "loader/status.h"

static void read_device(const struct queue_view *view, const struct devices *devices, __u32 ifindex,
			struct queues *queues)
{
	const struct device *device = device_by_index(devices, ifindex);
	struct queue_owner owner = { .net = view->net, .name = "", .bus_info = "" };
	char address[32] = "";

	if (device) {
		owner.name = device->name;
		/* Devices of software are on no bus, and may be thousands. */
		if (!device->kind[0])
			device_address(device, address);
		owner.bus_info = address;
	}
	queues_read(&view->survey, &owner, queues);
}

static void describe(const struct queues *queues, const struct queues *home,
		     struct sluice_queues *placed)
{
	placed->receive = queues->receive;
	placed->send = queues->send;
	placed->node = queues->node;
	placed->nodes = queues->nodes;
	placed->interrupts = queues->interrupts;
	cpu_list_text(queues->interrupts ? &queues->irq_cpus : &queues->rps_cpus, placed->cpus,
		      sizeof(placed->cpus));
	queues_note(queues, home, placed->note, sizeof(placed->note));
}

void status_queues(const struct devices *devices, struct sluice_status *status)
{
	struct queues home, queues;
	struct queue_view view;
	bool known = false;

	queue_view_open(&view);
	for (size_t i = 0; i < status->uplink_count; i++) {
		read_device(&view, devices, status->uplinks[i].ifindex, &queues);
		describe(&queues, NULL, &status->uplinks[i].placed);
		if (!known && queues.node >= 0) {
			home = queues;
			known = true;
		}
	}
	for (size_t i = 0; i < status->port_count; i++) {
		read_device(&view, devices, status->ports[i].ifindex, &queues);
		describe(&queues, known && queues.node < 0 ? &home : NULL,
			 &status->ports[i].placed);
	}
	queue_view_close(&view);
}
