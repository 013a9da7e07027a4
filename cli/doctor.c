// SPDX-License-Identifier: BSD-2-Clause
/*
 * doctor: what this host and a device can do.
 */
#include <stdlib.h>

#include "cli/cli.h"

static const char *const level_names[] = {
	[SLUICE_OK] = "ok",
	[SLUICE_SLOWER] = "slower",
	[SLUICE_CANNOT] = "cannot",
};

static json_t *findings_json(const struct sluice_finding *findings, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{ssssssss}", "level",
						      level_names[findings[i].level], "subject",
						      findings[i].subject, "text", findings[i].text,
						      "remedy", findings[i].remedy));
	return list;
}

static void print_findings(const struct invocation *invocation,
			   const struct sluice_finding *findings, size_t count)
{
	static const enum shade shades[] = {
		[SLUICE_OK] = SHADE_GOOD, [SLUICE_SLOWER] = SHADE_PLAIN, [SLUICE_CANNOT] = SHADE_BAD
	};
	static const struct table_column columns[] = { { "LEVEL", false },
						       { "SUBJECT", false },
						       { "FINDING", false } };
	struct table *table = table_new(invocation, columns, 3);

	for (size_t i = 0; i < count; i++) {
		const struct sluice_finding *finding = &findings[i];

		table_row(table);
		table_cell(table, 0, shades[finding->level], "%s", level_names[finding->level]);
		table_cell(table, 1, SHADE_PLAIN, "%s", finding->subject);
		table_cell(table, 2, SHADE_PLAIN, "%s", finding->text);
		if (!finding->remedy[0])
			continue;
		table_row(table);
		table_cell(table, 2, SHADE_FAINT, "run: %s", finding->remedy);
	}
	table_end(table, NULL);
}

json_t *tell_warnings(const struct invocation *invocation, struct sluice *sw, unsigned int since)
{
	struct sluice_error error = { 0 };
	struct sluice_finding *findings;
	json_t *list;
	size_t count;

	if (sluice_warnings(sw, since, &findings, &count, &error)) {
		fprintf(stderr, "warning: the devices could not be looked at: %s\n", error.message);
		return json_array();
	}
	for (size_t i = 0; i < count && !invocation->json; i++)
		fprintf(stderr, "warning: %s: %s%s%s\n", findings[i].subject, findings[i].text,
			findings[i].remedy[0] ? "; run: " : "", findings[i].remedy);
	list = findings_json(findings, count);
	free(findings);
	return list;
}

int run_doctor(struct invocation *invocation)
{
	struct sluice_error error = { 0 };
	struct sluice_finding *findings;
	size_t count;

	if (sluice_doctor(invocation->netns, invocation->argument_count ? invocation->arguments[0] : NULL,
			  &findings, &count, &error))
		return refuse(invocation, &error);
	if (invocation->json)
		print_json(findings_json(findings, count));
	else
		print_findings(invocation, findings, count);
	free(findings);
	return EXIT_DONE;
}
