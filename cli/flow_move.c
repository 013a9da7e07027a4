// SPDX-License-Identifier: BSD-2-Clause
/*
 * flow export and import: connections that move with their guest from one host to another.
 */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"

#define LOCK_SECONDS 10

/* --- export --------------------------------------------------------------------------------- */

static int print_line(const json_t *line, void *context)
{
	(void)context;
	if (json_dumpf(line, stdout, JSON_COMPACT) || putchar('\n') == EOF)
		return -EIO;
	return 0;
}

int run_flow_export(struct invocation *invocation)
{
	struct sluice_error error = { 0 };
	struct sluice *sw;
	int code = open_switch(invocation, &sw);
	int err;

	if (code)
		return code;
	err = sluice_flows_export(sw, option_text(invocation, "port"), print_line, NULL, &error);
	if (fflush(stdout) || ferror(stdout))
		code = refuse_text(invocation, "the flows can not be written: %s",
				   strerror(errno));
	else if (err)
		code = refuse(invocation, &error);
	sluice_close(sw);
	return code;
}

/* --- import --------------------------------------------------------------------------------- */

struct report {
	struct sluice *sw;
	const struct invocation *invocation;
	json_t *refused; /* a list; NULL: tell at once */
};

static json_t *refused_json(const struct sluice_moved_flow *flow, enum drop_reason reason,
			    const char *rule)
{
	bool ports = protocol_has_ports(flow->protocol);
	char source[46], destination[46];

	return json_pack("{ss ss si ss si ss ss ss?}", "protocol", protocol_text(flow->protocol),
			 "source", sluice_address_text(&flow->address[0], source), "sourcePort",
			 ports ? flow->number[0] : 0, "destination",
			 sluice_address_text(&flow->address[1], destination), "destinationPort",
			 ports ? flow->number[1] : 0, "state", sluice_flow_state_name(flow->state),
			 "reason", sluice_drop_reason_name(reason), "rule", rule);
}

static void tell_refused(const struct sluice_moved_flow *flow, enum drop_reason reason,
			 unsigned int id, void *context)
{
	struct report *report = context;
	const char *rule = id ? sluice_rule_name(report->sw, id) : NULL;
	bool ports = protocol_has_ports(flow->protocol);

	if (report->refused) {
		json_array_append_new(report->refused, refused_json(flow, reason, rule));
		return;
	}
	printf("%srefused%s  %s %s -> %s: %s%s%s\n", shade(report->invocation, SHADE_BAD),
	       shade(report->invocation, SHADE_PLAIN), protocol_text(flow->protocol),
	       endpoint_text(&flow->address[0], flow->number[0], ports),
	       endpoint_text(&flow->address[1], flow->number[1], ports),
	       sluice_drop_reason_name(reason), rule ? " by rule " : "", rule ? rule : "");
}

static int tell_counts(const struct invocation *invocation,
		       const struct sluice_import_counts *counts, json_t *refused)
{
	if (refused)
		print_json(json_pack("{sI sI sI sO}", "carried", (json_int_t)counts->carried,
				     "stayed", (json_int_t)counts->stayed, "refused",
				     (json_int_t)counts->refused, "flows", refused));
	else
		printf("%zu flow%s %s, %zu here already, %zu refused\n", counts->carried,
		       counts->carried == 1 ? "" : "s",
		       invocation->what_if ? "would be carried" : "carried", counts->stayed,
		       counts->refused);
	if (counts->refused && !counts->carried && !counts->stayed)
		return EXIT_REFUSED;
	return EXIT_DONE;
}

static int import(struct invocation *invocation, struct sluice *sw,
		  const struct sluice_moved *moved)
{
	struct report report = {
		.sw = sw,
		.invocation = invocation,
		.refused = invocation->json ? json_array() : NULL,
	};
	struct sluice_import wanted = {
		.port = option_text(invocation, "port"),
		.what_if = invocation->what_if,
		.refused = tell_refused,
		.context = &report,
	};
	struct sluice_import_counts counts;
	struct sluice_error error = { 0 };
	int code;

	/* --what-if only reads, and readers never wait. */
	if (!invocation->what_if && sluice_lock(sw, LOCK_SECONDS, &error))
		code = refuse(invocation, &error);
	else if (sluice_flows_import(sw, moved, &wanted, &counts, &error))
		code = refuse(invocation, &error);
	else
		code = tell_counts(invocation, &counts, report.refused);
	json_decref(report.refused);
	return code;
}

int run_flow_import(struct invocation *invocation)
{
	const char *path = option_text(invocation, "file");
	bool standard_input = !path || !strcmp(path, "-");
	FILE *stream = standard_input ? stdin : fopen(path, "re");
	struct sluice_error error = { 0 };
	struct sluice_moved *moved;
	struct sluice *sw;
	int code;

	if (!stream)
		return refuse_text(invocation, "%s: %s", path, strerror(errno));
	code = open_switch(invocation, &sw);
	if (!code) {
		if (sluice_moved_read(stream, standard_input ? "<stdin>" : path,
				      sluice_flow_capacity(sw), &moved, &error)) {
			code = refuse(invocation, &error);
		} else {
			code = import(invocation, sw, moved);
			sluice_moved_free(moved);
		}
		sluice_close(sw);
	}
	if (!standard_input)
		fclose(stream);
	return code;
}
