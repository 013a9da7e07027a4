// SPDX-License-Identifier: BSD-2-Clause
/*
 * status: the switch as it is, and where that is not what its document says.
 */
#include <string.h>

#include "cli/cli.h"

static void mac_text(const unsigned char mac[6], char text[18])
{
	snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
}

/* "32.0 MiB" */
static const char *bytes_text(unsigned long long bytes, char text[16])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB" };
	double amount = (double)bytes;
	int unit = 0;

	for (; amount >= 1024 && unit < 3; unit++)
		amount /= 1024;
	snprintf(text, 16, unit ? "%.1f %s" : "%.0f %s", amount, units[unit]);
	return text;
}

static unsigned long long drop_sum(const struct port_counters *counters)
{
	unsigned long long sum = 0;

	for (int reason = 1; reason < DROP_REASON_COUNT; reason++)
		sum += counters->drops[reason];
	return sum;
}

static json_t *text_or_null(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

static json_t *queues_json(const struct sluice_queues *placed)
{
	return json_pack("{si si so ss so so}", "rx", (int)placed->receive, "tx", (int)placed->send,
			 "node", placed->node < 0 ? json_null() : json_integer(placed->node),
			 "by", placed->interrupts ? "interrupts" : placed->cpus[0] ? "rps" : "sender",
			 "cpus", text_or_null(placed->cpus), "note", text_or_null(placed->note));
}

static json_t *port_json(struct sluice *sw, const struct sluice_port_status *port)
{
	struct port_counters counters = { 0 };
	struct sluice_error error;
	json_t *json;

	/* A port that went meanwhile has no counters; that is no failure of status. */
	sluice_port_counters(sw, port->name, &counters, &error);
	json = json_pack("{ss ss ss ss si si ss ss so so s{sIsI} s{sIsI} sI s{sIsI}}", "name", port->name,
			 "device", port->device, "vnet", port->vnet, "subnet", port->subnet, "slot",
			 (int)port->slot, "ifindex", (int)port->ifindex, "delivery",
			 sluice_delivery_name(port->delivery), "why", port->why, "drift",
			 text_or_null(port->drift), "queues", queues_json(&port->placed), "rx",
			 "packets",
			 (json_int_t)counters.rx_packets, "bytes", (json_int_t)counters.rx_bytes,
			 "tx", "packets", (json_int_t)counters.tx_packets, "bytes",
			 (json_int_t)counters.tx_bytes, "drops", (json_int_t)drop_sum(&counters),
			 "flows", "used", (json_int_t)port->flows, "limit",
			 (json_int_t)port->flow_limit);
	if (port->delivery == DELIVERY_AF_XDP)
		json_object_set_new(json, "afXdp",
				    json_pack("{so ss si si sb sI sI}", "device",
					      text_or_null(port->far_end), "map", port->sockets,
					      "queues", (int)port->queues, "read",
					      (int)port->consumers, "zeroCopy",
					      (int)port->zero_copy, "unread",
					      (json_int_t)counters.unread, "overrun",
					      (json_int_t)port->overrun));
	if (port->delivery == DELIVERY_OFFLOAD)
		json_object_set_new(json, "offload",
				    json_pack("{sI sI}", "carried", (json_int_t)port->carried,
					      "refused", (json_int_t)port->refused));
	return json;
}

static void print_status_json(struct sluice *sw, const struct sluice_status *status)
{
	json_t *ports = json_array(), *uplinks = json_array();
	int pending = sluice_pending(sw);
	char mac[18];

	for (size_t i = 0; i < status->port_count; i++)
		json_array_append_new(ports, port_json(sw, &status->ports[i]));
	for (size_t i = 0; i < status->uplink_count; i++) {
		const struct sluice_uplink_status *uplink = &status->uplinks[i];

		json_array_append_new(uplinks, json_pack("{sssisssbsssoso}", "device", uplink->device,
							 "ifindex", (int)uplink->ifindex, "hook",
							 uplink->hook, "dispatcher",
							 uplink->dispatcher, "why", uplink->why,
							 "drift", text_or_null(uplink->drift),
							 "queues", queues_json(&uplink->placed)));
	}
	mac_text(status->mac, mac);
	print_json(json_pack("{ss si so ss so s{sisi} s{sIsI} so s{sIsIsIsI} so so}", "switch",
			     status->name, "version", (int)status->version, "netns",
			     text_or_null(status->netns), "mac", mac,
			     "pendingSeconds", pending >= 0 ? json_integer(pending) : json_null(),
			     "tables", "lines", (int)status->table_lines, "used",
			     (int)status->table_lines_used, "flows", "capacity",
			     (json_int_t)status->flow_capacity, "used", (json_int_t)status->flows,
			     "flowWarning", text_or_null(status->flow_warning),
			     "memoryBytes", "flows", (json_int_t)status->memory.flows, "tables",
			     (json_int_t)status->memory.tables, "counters",
			     (json_int_t)status->memory.counters, "other",
			     (json_int_t)status->memory.other, "ports", ports, "uplinks", uplinks));
}

static void print_ports(const struct invocation *invocation, struct sluice *sw,
			const struct sluice_status *status)
{
	static const struct table_column columns[] = {
		{ "PORT", false },     { "DEVICE", false }, { "VNET/SUBNET", false },
		{ "DELIVERY", false }, { "RX", true },      { "TX", true },
		{ "DROPS", true },     { "FLOWS", true },   { "WHY", false },
	};
	struct table *table = table_new(invocation, columns, 9);

	for (size_t i = 0; i < status->port_count; i++) {
		const struct sluice_port_status *port = &status->ports[i];
		struct port_counters counters = { 0 };
		struct sluice_error error;
		unsigned long long drops;

		sluice_port_counters(sw, port->name, &counters, &error);
		drops = drop_sum(&counters);
		table_row(table);
		table_cell(table, 0, SHADE_PLAIN, "%s", port->name);
		table_cell(table, 1, SHADE_PLAIN, "%s", port->device);
		table_cell(table, 2, SHADE_PLAIN, "%s/%s", port->vnet, port->subnet);
		table_cell(table, 3, SHADE_PLAIN, "%s", sluice_delivery_name(port->delivery));
		table_cell(table, 4, SHADE_PLAIN, "%llu", (unsigned long long)counters.rx_packets);
		table_cell(table, 5, SHADE_PLAIN, "%llu", (unsigned long long)counters.tx_packets);
		table_cell(table, 6, SHADE_PLAIN, "%llu", drops);
		table_cell(table, 7, SHADE_PLAIN, "%llu/%u", port->flows, port->flow_limit);
		if (port->drift[0])
			table_cell(table, 8, SHADE_BAD, "%s", port->drift);
		else
			table_cell(table, 8, SHADE_FAINT, "%s", port->why);
	}
	table_end(table, "no ports");
}

static void print_uplinks(const struct invocation *invocation, const struct sluice_status *status)
{
	static const struct table_column columns[] = { { "UPLINK", false },
						       { "HOOK", false },
						       { "WHY", false } };
	struct table *table;

	if (!status->uplink_count)
		return;
	printf("\n");
	table = table_new(invocation, columns, 3);
	for (size_t i = 0; i < status->uplink_count; i++) {
		const struct sluice_uplink_status *uplink = &status->uplinks[i];

		table_row(table);
		table_cell(table, 0, SHADE_PLAIN, "%s", uplink->device);
		table_cell(table, 1, SHADE_PLAIN, "%s%s", uplink->hook,
			   uplink->dispatcher ? " (shared)" : "");
		if (uplink->drift[0])
			table_cell(table, 2, SHADE_BAD, "%s", uplink->drift);
		else
			table_cell(table, 2, SHADE_FAINT, "%s", uplink->why);
	}
	table_end(table, NULL);
}

/* A device of software with one queue of each kind says nothing here on a host of one node. */
static bool worth_a_line(const struct sluice_queues *placed)
{
	return placed->receive > 1 || placed->send > 1 || placed->interrupts || placed->cpus[0] ||
	       placed->nodes > 1;
}

static void print_queues_of(struct table *table, const char *device,
			    const struct sluice_queues *placed)
{
	if (!placed->receive || !worth_a_line(placed))
		return;
	table_row(table);
	table_cell(table, 0, SHADE_PLAIN, "%s", device);
	table_cell(table, 1, SHADE_PLAIN, "%u", placed->receive);
	table_cell(table, 2, SHADE_PLAIN, "%u", placed->send);
	if (placed->node >= 0)
		table_cell(table, 3, SHADE_PLAIN, "%d", placed->node);
	else
		table_cell(table, 3, SHADE_PLAIN, "-");
	table_cell(table, 4, SHADE_PLAIN, "%s%s",
		   placed->interrupts ? "interrupts " : placed->cpus[0] ? "RPS " : "the sender's",
		   placed->cpus);
	table_cell(table, 5, SHADE_BAD, "%s", placed->note);
}

static void print_queues(const struct invocation *invocation, const struct sluice_status *status)
{
	static const struct table_column columns[] = {
		{ "QUEUES OF", false }, { "RX", true },    { "TX", true },
		{ "NODE", true },       { "CPUS", false }, { "NOTE", false },
	};
	struct table *table;
	bool any = false;

	for (size_t i = 0; i < status->uplink_count; i++)
		any |= worth_a_line(&status->uplinks[i].placed);
	for (size_t i = 0; i < status->port_count; i++)
		any |= worth_a_line(&status->ports[i].placed);
	if (!any)
		return;
	printf("\n");
	table = table_new(invocation, columns, 6);
	for (size_t i = 0; i < status->uplink_count; i++)
		print_queues_of(table, status->uplinks[i].device, &status->uplinks[i].placed);
	for (size_t i = 0; i < status->port_count; i++)
		print_queues_of(table, status->ports[i].device, &status->ports[i].placed);
	table_end(table, NULL);
}

static void print_status(const struct invocation *invocation, struct sluice *sw,
			 const struct sluice_status *status)
{
	int pending = sluice_pending(sw);
	char mac[18], text[4][16];

	mac_text(status->mac, mac);
	printf("switch %s, version %u, mac %s", status->name, status->version, mac);
	if (status->netns[0])
		printf(", in namespace %s", status->netns);
	printf("\n%llu of %llu flows, %u of %u lines of policy; memory: flows %s, policy %s, counters "
	       "%s, other %s\n",
	       status->flows, status->flow_capacity, status->table_lines_used, status->table_lines,
	       bytes_text(status->memory.flows, text[0]), bytes_text(status->memory.tables, text[1]),
	       bytes_text(status->memory.counters, text[2]),
	       bytes_text(status->memory.other, text[3]));
	if (status->flow_warning[0])
		printf("%s%s%s\n", shade(invocation, SHADE_BAD), status->flow_warning,
		       shade(invocation, SHADE_PLAIN));
	if (pending >= 0)
		printf("%sunconfirmed: rolled back in %d s unless you run: sluice confirm%s\n",
		       shade(invocation, SHADE_BAD), pending, shade(invocation, SHADE_PLAIN));
	printf("\n");
	print_ports(invocation, sw, status);
	print_uplinks(invocation, status);
	print_queues(invocation, status);
}

static bool drifted(const struct sluice_status *status)
{
	for (size_t i = 0; i < status->port_count; i++)
		if (status->ports[i].drift[0])
			return true;
	for (size_t i = 0; i < status->uplink_count; i++)
		if (status->uplinks[i].drift[0])
			return true;
	return false;
}

int run_status(struct invocation *invocation)
{
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
	if (invocation->json)
		print_status_json(sw, status);
	else
		print_status(invocation, sw, status);
	code = drifted(status) ? EXIT_DRIFT : EXIT_DONE;
	sluice_status_free(status);
	sluice_close(sw);
	return code;
}
