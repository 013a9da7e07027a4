// SPDX-License-Identifier: BSD-2-Clause
/*
 * stats: packets and bytes by port, drops by reason, hits by rule.
 */
#include <stdlib.h>

#include "cli/cli.h"

static json_t *drops_json(const struct port_counters *counters)
{
	json_t *drops = json_object();

	for (int reason = 1; reason < DROP_REASON_COUNT; reason++)
		if (counters->drops[reason])
			json_object_set_new(drops, sluice_drop_reason_name(reason),
					    json_integer((json_int_t)counters->drops[reason]));
	return drops;
}

static json_t *counters_json(const char *port, const struct port_counters *counters)
{
	return json_pack("{ss? s{sIsI} s{sIsI} so}", "port", port, "rx", "packets",
			 (json_int_t)counters->rx_packets, "bytes", (json_int_t)counters->rx_bytes,
			 "tx", "packets", (json_int_t)counters->tx_packets, "bytes",
			 (json_int_t)counters->tx_bytes, "drops", drops_json(counters));
}

/* --- rules ---------------------------------------------------------------------------------- */

static int stats_of_rules(struct invocation *invocation, struct sluice *sw)
{
	static const struct table_column columns[] = {
		{ "RULE", false }, { "DIRECTION", false }, { "PACKETS", true },
		{ "BYTES", true }, { "FLOWS", true },
	};
	struct sluice_error error = { 0 };
	struct sluice_rule_stat *stats;
	struct table *table = NULL;
	json_t *list = json_array();
	size_t count;

	if (sluice_rule_stats(sw, &stats, &count, &error)) {
		json_decref(list);
		return refuse(invocation, &error);
	}
	if (!invocation->json)
		table = table_new(invocation, columns, 5);
	for (size_t i = 0; i < count; i++) {
		const struct sluice_rule_stat *stat = &stats[i];
		const char *direction =
			stat->direction == DIRECTION_INBOUND ? "Inbound" : "Outbound";

		if (!table) {
			json_array_append_new(
				list,
				json_pack("{ssssss sIsIsI}", stat->acl ? "acl" : "nsg", stat->owner,
					  "rule", stat->rule, "direction", direction, "packets",
					  (json_int_t)stat->counters.packets, "bytes",
					  (json_int_t)stat->counters.bytes, "flows",
					  (json_int_t)stat->counters.flows));
			continue;
		}
		table_row(table);
		table_cell(table, 0, SHADE_PLAIN, "%s%s/%s", stat->acl ? "acl " : "", stat->owner,
			   stat->rule);
		table_cell(table, 1, SHADE_PLAIN, "%s", direction);
		table_cell(table, 2, SHADE_PLAIN, "%llu",
			   (unsigned long long)stat->counters.packets);
		table_cell(table, 3, SHADE_PLAIN, "%llu", (unsigned long long)stat->counters.bytes);
		table_cell(table, 4, SHADE_PLAIN, "%llu", (unsigned long long)stat->counters.flows);
	}
	free(stats);
	if (table)
		table_end(table, "no rules");
	else
		print_json(json_incref(list));
	json_decref(list);
	return EXIT_DONE;
}

/* --- ports ---------------------------------------------------------------------------------- */

struct port_stats {
	const char **names; /* NULL: frames from no port */
	struct port_counters *counters;
	size_t count;
};

static void free_port_stats(struct port_stats *stats)
{
	free(stats->names);
	free(stats->counters);
}

static bool any_drop(const struct port_counters *counters)
{
	for (int reason = 1; reason < DROP_REASON_COUNT; reason++)
		if (counters->drops[reason])
			return true;
	return false;
}

static int add_port(struct sluice *sw, struct port_stats *stats, const char *name,
		    struct sluice_error *error)
{
	int err = sluice_port_counters(sw, name, &stats->counters[stats->count], error);

	if (!err)
		stats->names[stats->count++] = name;
	return err;
}

/* only: one port's name, or NULL for all, with what came from no port as the last. */
static int read_port_stats(struct sluice *sw, const struct sluice_config *config, const char *only,
			   struct port_stats *stats, struct sluice_error *error)
{
	size_t room = config->port_count + 1;
	int err = 0;

	stats->count = 0;
	stats->names = calloc(room, sizeof(*stats->names));
	stats->counters = calloc(room, sizeof(*stats->counters));
	if (!stats->names || !stats->counters)
		err = sluice_error_set(error, -1, "out of memory");
	else if (only)
		return add_port(sw, stats, only, error);
	for (size_t i = 0; i < config->port_count && !err; i++)
		err = add_port(sw, stats, config->ports[i].name, error);
	if (!err)
		err = add_port(sw, stats, NULL, error);
	if (!err && !any_drop(&stats->counters[stats->count - 1]))
		stats->count--;
	return err;
}

static void print_stats_json(const struct port_stats *stats, bool one)
{
	json_t *list = json_array();

	if (one) {
		json_decref(list);
		print_json(counters_json(stats->names[0], &stats->counters[0]));
		return;
	}
	for (size_t i = 0; i < stats->count; i++)
		json_array_append_new(list, counters_json(stats->names[i], &stats->counters[i]));
	print_json(list);
}

static void print_packets(const struct invocation *invocation, const struct port_stats *stats)
{
	static const struct table_column columns[] = {
		{ "PORT", false },      { "RX PACKETS", true }, { "RX BYTES", true },
		{ "TX PACKETS", true }, { "TX BYTES", true },   { "DROPS", true },
	};
	struct table *table = table_new(invocation, columns, 6);

	for (size_t i = 0; i < stats->count; i++) {
		const struct port_counters *counters = &stats->counters[i];
		unsigned long long drops = 0;

		for (int reason = 1; reason < DROP_REASON_COUNT; reason++)
			drops += counters->drops[reason];
		table_row(table);
		table_cell(table, 0, SHADE_PLAIN, "%s",
			   stats->names[i] ? stats->names[i] : "(no port)");
		table_cell(table, 1, SHADE_PLAIN, "%llu", (unsigned long long)counters->rx_packets);
		table_cell(table, 2, SHADE_PLAIN, "%llu", (unsigned long long)counters->rx_bytes);
		table_cell(table, 3, SHADE_PLAIN, "%llu", (unsigned long long)counters->tx_packets);
		table_cell(table, 4, SHADE_PLAIN, "%llu", (unsigned long long)counters->tx_bytes);
		table_cell(table, 5, drops ? SHADE_BAD : SHADE_PLAIN, "%llu", drops);
	}
	table_end(table, "no ports");
}

static void print_drops(const struct invocation *invocation, const struct port_stats *stats)
{
	static const struct table_column columns[] = {
		{ "PORT", false }, { "REASON", false }, { "DROPS", true }, { "MEANING", false }
	};
	struct table *table = table_new(invocation, columns, 4);

	for (size_t i = 0; i < stats->count; i++)
		for (int reason = 1; reason < DROP_REASON_COUNT; reason++) {
			unsigned long long drops = stats->counters[i].drops[reason];

			if (!drops)
				continue;
			table_row(table);
			table_cell(table, 0, SHADE_PLAIN, "%s",
				   stats->names[i] ? stats->names[i] : "(no port)");
			table_cell(table, 1, SHADE_BAD, "%s", sluice_drop_reason_name(reason));
			table_cell(table, 2, SHADE_PLAIN, "%llu", drops);
			table_cell(table, 3, SHADE_FAINT, "%s", sluice_drop_reason_help(reason));
		}
	table_end(table, "no drops");
}

static int stats_of_ports(struct invocation *invocation, struct sluice *sw)
{
	const char *only = invocation->argument_count ? invocation->arguments[0] : NULL;
	struct port_stats stats = { 0 };
	struct sluice_error error = { 0 };
	struct sluice_config *config;
	unsigned int version;
	int code = EXIT_DONE;

	if (sluice_running(sw, &version, &config, &error))
		return refuse(invocation, &error);
	if (read_port_stats(sw, config, only, &stats, &error)) {
		code = refuse(invocation, &error);
	} else if (invocation->json) {
		print_stats_json(&stats, only != NULL);
	} else if (option_given(invocation, "drops")) {
		print_drops(invocation, &stats);
	} else {
		print_packets(invocation, &stats);
		if (only) {
			printf("\n");
			print_drops(invocation, &stats);
		}
	}
	free_port_stats(&stats);
	sluice_config_free(config);
	return code;
}

int run_stats(struct invocation *invocation)
{
	struct sluice *sw;
	int code;

	if (option_given(invocation, "rules") && invocation->argument_count)
		return usage_error(invocation, "--rules is of the whole switch");
	code = open_switch(invocation, &sw);
	if (code)
		return code;
	code = option_given(invocation, "rules") ? stats_of_rules(invocation, sw)
						 : stats_of_ports(invocation, sw);
	sluice_close(sw);
	return code;
}
