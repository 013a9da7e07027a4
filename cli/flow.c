// SPDX-License-Identifier: BSD-2-Clause
/*
 * flow list, show and flush.
 */
#include <arpa/inet.h>
#include <string.h>

#include "cli/cli.h"

#define PROTOCOL_ICMP   1
#define PROTOCOL_ICMPV6 58

/* Two lines of an entry say who sent first; everything is shown from that end. */
struct view {
	int from; /* the originator's end, which is also the direction of its packets */
	int to;
	int protocol;
	const char *vnet;
};

static struct view view_of(struct sluice *sw, const struct sluice_flow *flow)
{
	struct view view = {
		.from = flow->originator & 1,
		.to = !(flow->originator & 1),
		.protocol = flow->key.vni_protocol & 0xff,
		.vnet = sluice_vni_name(sw, flow->key.vni_protocol >> 8),
	};

	return view;
}

/* What stands for ports in an ICMP flow's key (maps/flow.h): "id 7" of an echo or timestamp, or
 * "type 3 code 1"; "" of other protocols. */
static const char *icmp_text(const struct sluice_flow *flow, const struct view *view)
{
	static char text[32];
	__u16 from = ntohs(flow->key.port[view->from]), to = ntohs(flow->key.port[view->to]);

	if (view->protocol != PROTOCOL_ICMP && view->protocol != PROTOCOL_ICMPV6)
		return "";
	if ((__u16)(to - from) == FLOW_ICMP_OTHER)
		snprintf(text, sizeof(text), " type %u code %u", from >> 8, from & 0xff);
	else
		snprintf(text, sizeof(text), " id %u", from);
	return text;
}

/* Of each direction, from the originator's on: whether a NIC carries it, and why or why not; NULL where
 * that is no question. */
static json_t *offload_json(const struct sluice_offloads *offloads, const struct sluice_flow *flow,
			    const struct view *view)
{
	const int order[2] = { view->from, view->to };
	json_t *list = json_array();

	for (int i = 0; i < 2; i++) {
		char why[SLUICE_OFFLOAD_WHY];
		bool carried;

		if (sluice_flow_offload(offloads, flow, order[i], &carried, why))
			json_array_append_new(list, json_pack("{sb ss}", "carried", (int)carried,
							      "why", why));
	}
	if (json_array_size(list))
		return list;
	json_decref(list);
	return NULL;
}

static json_t *flow_json(struct sluice *sw, const struct sluice_offloads *offloads,
			 const struct sluice_flow *flow, unsigned int idle)
{
	struct view view = view_of(sw, flow);
	bool ports = protocol_has_ports(view.protocol);
	char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
	const char *icmp = icmp_text(flow, &view);
	json_t *json, *rules = json_array(), *offload = offload_json(offloads, flow, &view);

	for (int i = 0; i < FLOW_RULES; i++) {
		const char *name = flow->rule[i] ? sluice_rule_name(sw, flow->rule[i]) : NULL;

		if (name)
			json_array_append_new(rules, json_string(name));
	}
	json = json_pack("{ss? ss ss si ss si ss s[II] s[II] so si si}", "vnet", view.vnet,
			 "protocol", protocol_text(view.protocol), "source",
			 sluice_address_text(&flow->key.address[view.from], source), "sourcePort",
			 ports ? ntohs(flow->key.port[view.from]) : 0, "destination",
			 sluice_address_text(&flow->key.address[view.to], destination),
			 "destinationPort", ports ? ntohs(flow->key.port[view.to]) : 0, "state",
			 sluice_flow_state_name(flow->state), "packets",
			 (json_int_t)flow->packets[view.from], (json_int_t)flow->packets[view.to],
			 "bytes", (json_int_t)flow->bytes[view.from],
			 (json_int_t)flow->bytes[view.to], "rules", rules, "idleSeconds", (int)idle,
			 "version", (int)flow->version);
	if (icmp[0])
		json_object_set_new(json, "icmp", json_string(icmp + 1));
	if (offload)
		json_object_set_new(json, "offload", offload);
	return json;
}

/* --- list ----------------------------------------------------------------------------------- */

struct flow_list {
	struct sluice *sw;
	struct sluice_offloads *offloads;
	struct table *table; /* NULL: JSON lines */
	size_t count;
};

static const struct table_column list_columns[] = {
	{ "VNET", false },        { "PROTOCOL", false }, { "SOURCE", false },
	{ "DESTINATION", false }, { "STATE", false },    { "PACKETS", true },
	{ "BYTES", true },        { "IDLE", true },      { "RULES", false },
};

static int list_flow(const struct sluice_flow *flow, unsigned int idle, void *context)
{
	struct flow_list *list = context;
	struct view view = view_of(list->sw, flow);
	bool ports = protocol_has_ports(view.protocol);
	char rules[512] = "";

	list->count++;
	if (!list->table) {
		print_json_line(flow_json(list->sw, list->offloads, flow, idle));
		return 0;
	}
	for (int i = 0; i < FLOW_RULES; i++) {
		const char *name = flow->rule[i] ? sluice_rule_name(list->sw, flow->rule[i]) : NULL;
		size_t length = strlen(rules);

		if (name)
			snprintf(rules + length, sizeof(rules) - length, "%s%s", length ? " " : "",
				 name);
	}
	table_row(list->table);
	table_cell(list->table, 0, SHADE_PLAIN, "%s", view.vnet ? view.vnet : "?");
	table_cell(list->table, 1, SHADE_PLAIN, "%s%s", protocol_text(view.protocol),
		   icmp_text(flow, &view));
	table_cell(list->table, 2, SHADE_PLAIN, "%s",
		   endpoint_text(&flow->key.address[view.from], ntohs(flow->key.port[view.from]),
				 ports));
	table_cell(
		list->table, 3, SHADE_PLAIN, "%s",
		endpoint_text(&flow->key.address[view.to], ntohs(flow->key.port[view.to]), ports));
	table_cell(list->table, 4, SHADE_PLAIN, "%s", sluice_flow_state_name(flow->state));
	table_cell(list->table, 5, SHADE_PLAIN, "%llu/%llu",
		   (unsigned long long)flow->packets[view.from],
		   (unsigned long long)flow->packets[view.to]);
	table_cell(list->table, 6, SHADE_PLAIN, "%llu/%llu",
		   (unsigned long long)flow->bytes[view.from],
		   (unsigned long long)flow->bytes[view.to]);
	table_cell(list->table, 7, SHADE_PLAIN, "%us", idle);
	table_cell(list->table, 8, SHADE_PLAIN, "%s", rules);
	return 0;
}

int run_flow_list(struct invocation *invocation)
{
	struct sluice_error error = { 0 };
	struct flow_list list = { 0 };
	int code;

	code = open_switch(invocation, &list.sw);
	if (code)
		return code;
	if (!invocation->json)
		list.table = table_new(invocation, list_columns,
				       sizeof(list_columns) / sizeof(list_columns[0]));
	if (sluice_offloads_open(list.sw, &list.offloads, &error) ||
	    sluice_flows(list.sw, option_text(invocation, "port"), list_flow, &list, &error))
		code = refuse(invocation, &error);
	sluice_offloads_close(list.offloads);
	if (list.table)
		table_end(list.table, code ? NULL : "no flows");
	sluice_close(list.sw);
	return code;
}

/* --- show ----------------------------------------------------------------------------------- */

struct flow_search {
	struct sluice *sw;
	struct sluice_offloads *offloads;
	const struct invocation *invocation;
	bool by_tuple;
	int protocol;
	struct ip_address address[2];
	__u16 port[2];
	size_t found;
};

static bool end_matches(const struct flow_search *search, int asked, const struct sluice_flow *flow,
			int end)
{
	if (memcmp(&search->address[asked], &flow->key.address[end], sizeof(struct ip_address)))
		return false;
	return !protocol_has_ports(search->protocol) ||
	       search->port[asked] == ntohs(flow->key.port[end]);
}

static bool flow_matches(const struct flow_search *search, const struct sluice_flow *flow)
{
	if (!search->by_tuple)
		return true;
	/* Icmp means either family's, as everywhere. */
	if (strcmp(protocol_text(search->protocol), protocol_text(flow->key.vni_protocol & 0xff)))
		return false;
	return (end_matches(search, 0, flow, 0) && end_matches(search, 1, flow, 1)) ||
	       (end_matches(search, 0, flow, 1) && end_matches(search, 1, flow, 0));
}

static void print_offload(const struct sluice_offloads *offloads, const struct sluice_flow *flow,
			  int direction, const char *name)
{
	char why[SLUICE_OFFLOAD_WHY];
	bool carried;

	if (sluice_flow_offload(offloads, flow, direction, &carried, why))
		printf("  %s   by %s: %s\n", name, carried ? "the NIC" : "the programs", why);
}

static void print_flow(struct sluice *sw, const struct sluice_offloads *offloads,
		       const struct sluice_flow *flow, unsigned int idle)
{
	static const char *const levels[FLOW_RULES] = { "outbound nic", "outbound subnet",
							"inbound subnet", "inbound nic" };
	struct view view = view_of(sw, flow);
	bool ports = protocol_has_ports(view.protocol);
	const char *sender = sluice_slot_name(sw, flow->slot[view.from]);
	const char *receiver = sluice_slot_name(sw, flow->slot[view.to]);

	printf("%s%s %s (%s) -> %s (%s) in vnet %s\n", protocol_text(view.protocol),
	       icmp_text(flow, &view),
	       endpoint_text(&flow->key.address[view.from], ntohs(flow->key.port[view.from]),
			     ports),
	       sender ? sender : "?",
	       endpoint_text(&flow->key.address[view.to], ntohs(flow->key.port[view.to]), ports),
	       receiver ? receiver : "?", view.vnet ? view.vnet : "?");
	printf("  state     %s, idle for %u s\n", sluice_flow_state_name(flow->state), idle);
	printf("  forward   %llu packets, %llu bytes\n",
	       (unsigned long long)flow->packets[view.from],
	       (unsigned long long)flow->bytes[view.from]);
	printf("  reverse   %llu packets, %llu bytes\n", (unsigned long long)flow->packets[view.to],
	       (unsigned long long)flow->bytes[view.to]);
	printf("  judged    by version %u%s\n", flow->version,
	       flow->keep ? ", kept by later ones (existingFlows: keep)" : "");
	for (int i = 0; i < FLOW_RULES; i++) {
		const char *name = flow->rule[i] ? sluice_rule_name(sw, flow->rule[i]) : NULL;

		if (name)
			printf("  allowed   by %s (%s)\n", name, levels[i]);
	}
	print_offload(offloads, flow, view.from, "forward");
	print_offload(offloads, flow, view.to, "reverse");
}

static int show_flow(const struct sluice_flow *flow, unsigned int idle, void *context)
{
	struct flow_search *search = context;

	if (!flow_matches(search, flow))
		return 0;
	search->found++;
	if (search->invocation->json)
		print_json_line(flow_json(search->sw, search->offloads, flow, idle));
	else
		print_flow(search->sw, search->offloads, flow, idle);
	return 0;
}

static int read_tuple(const struct invocation *invocation, struct flow_search *search)
{
	struct sluice_error error = { 0 };
	bool has_port;

	if (sluice_protocol_parse(invocation->arguments[0], &search->protocol) ||
	    search->protocol < 0)
		return usage_error(invocation, "\"%s\" is no protocol", invocation->arguments[0]);
	for (int end = 0; end < 2; end++)
		if (parse_endpoint(invocation->arguments[1 + end], &search->address[end],
				   &search->port[end], &has_port, &error))
			return usage_error(invocation, "%s", error.message);
	search->by_tuple = true;
	return 0;
}

int run_flow_show(struct invocation *invocation)
{
	struct flow_search search = { .invocation = invocation };
	struct sluice_error error = { 0 };
	int code = 0;

	if (invocation->argument_count == 3)
		code = read_tuple(invocation, &search);
	else if (invocation->argument_count || !option_given(invocation, "port"))
		code = usage_error(invocation, "it wants PROTOCOL SOURCE DESTINATION, or --port");
	if (!code)
		code = open_switch(invocation, &search.sw);
	if (code)
		return code;
	if (sluice_offloads_open(search.sw, &search.offloads, &error) ||
	    sluice_flows(search.sw, option_text(invocation, "port"), show_flow, &search, &error))
		code = refuse(invocation, &error);
	else if (!search.found && search.by_tuple)
		code = refuse_text(invocation, "there is no such flow (see: sluice flow list)");
	else if (!search.found && !invocation->json)
		printf("no flows\n");
	sluice_offloads_close(search.offloads);
	sluice_close(search.sw);
	return code;
}

int run_flow_flush(struct invocation *invocation)
{
	struct sluice_error error = { 0 };
	struct sluice *sw;
	size_t count;
	int code;

	code = open_switch(invocation, &sw);
	if (code)
		return code;
	if (sluice_flows_flush(sw, option_text(invocation, "port"), &count, &error))
		code = refuse(invocation, &error);
	else if (invocation->json)
		print_json(json_pack("{si}", "flushed", (int)count));
	else
		printf("%zu flow%s flushed\n", count, count == 1 ? "" : "s");
	sluice_close(sw);
	return code;
}
