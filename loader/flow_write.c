// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writing the file of moved flows (loader/flow_file.h).
 */
#include <arpa/inet.h>

#include "loader/flow_file.h"
#include "loader/text.h"

static json_t *port_json(const struct sluice_moved_port *port)
{
	char text[TEXT_MAX];
	json_t *addresses = json_array();

	for (size_t i = 0; i < port->address_count; i++)
		json_array_append_new(addresses,
				      json_string(sluice_address_text(&port->addresses[i], text)));
	return json_pack("{ss ss ss so}", "name", port->name, "vnet", port->vnet, "mac",
			 text_mac(port->mac, text), "addresses", addresses);
}

json_t *flow_file_head(const struct sluice_moved *moved)
{
	json_t *ports = json_array();

	for (size_t i = 0; i < moved->port_count; i++)
		json_array_append_new(ports, port_json(&moved->ports[i]));
	return json_pack("{si ss sI so}", "sluiceFlows", SLUICE_FLOWS_FORMAT, "switch",
			 moved->switch_name, "time", (json_int_t)moved->time, "ports", ports);
}

static json_t *wants_json(const struct sluice_moved_flow *flow, int end)
{
	return flow->tcp_acks & 1 << end ? json_integer(flow->tcp_ack[end]) : json_null();
}

json_t *flow_file_line(const struct sluice_moved *moved, const struct sluice_moved_flow *flow)
{
	static const char *const names[2] = { "from", "to" };
	char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN], protocol[8];
	json_t *json = json_object();

	for (int end = 0; end < 2; end++)
		if (flow->port[end] >= 0)
			json_object_set_new(json, names[end],
					    json_string(moved->ports[flow->port[end]].name));
	/* One name for both, as in rules. */
	sluice_protocol_text(flow->protocol == PROTOCOL_ICMPV6 ? PROTOCOL_ICMP : flow->protocol,
			     protocol);
	json_object_update_new(
		json,
		json_pack("{ss ss si ss si ss s[II] s[II] sI sI sb}", "protocol", protocol,
			  "source", sluice_address_text(&flow->address[0], source), "sourcePort",
			  flow->number[0], "destination",
			  sluice_address_text(&flow->address[1], destination), "destinationPort",
			  flow->number[1], "state", sluice_flow_state_name(flow->state), "packets",
			  (json_int_t)flow->packets[0], (json_int_t)flow->packets[1], "bytes",
			  (json_int_t)flow->bytes[0], (json_int_t)flow->bytes[1], "idleSeconds",
			  (json_int_t)flow->idle_seconds, "ageSeconds",
			  (json_int_t)flow->age_seconds, "keep", flow->keep));
	if (flow->protocol == PROTOCOL_TCP)
		json_object_update_new(json, json_pack("{s[bb] s[oo]}", "fins", flow->tcp_fins & 1,
						       flow->tcp_fins >> 1 & 1, "wants",
						       wants_json(flow, 0), wants_json(flow, 1)));
	return json;
}
