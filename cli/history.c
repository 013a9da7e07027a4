// SPDX-License-Identifier: BSD-2-Clause
/*
 * confirm, rollback, history: versions.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

int run_confirm(struct invocation *invocation)
{
	struct sluice_error error = { 0 };
	struct sluice *sw;
	int code, err;

	code = open_switch(invocation, &sw);
	if (code)
		return code;
	err = sluice_confirm(sw, &error);
	sluice_close(sw);
	if (err) {
		code = refuse(invocation, &error);
		return err == -ESTALE ? EXIT_ROLLED_BACK : code;
	}
	if (invocation->json)
		print_json(json_pack("{sb}", "confirmed", 1));
	else
		printf("confirmed\n");
	return EXIT_DONE;
}

/* The version to bring back: the one asked for, or the newest before the running one. */
static int find_version(struct invocation *invocation, struct sluice *sw, unsigned int *number)
{
	struct sluice_error error = { 0 };
	struct sluice_version *versions;
	unsigned long long wanted = 0;
	size_t count, running = 0;

	if (invocation->argument_count) {
		if (!parse_number(invocation->arguments[0], 0xffffffff, &wanted) || !wanted)
			return usage_error(invocation, "a version is a number, not \"%s\"",
					   invocation->arguments[0]);
		*number = wanted;
		return 0;
	}
	if (sluice_history(sw, &versions, &count, &error))
		return refuse(invocation, &error);
	for (size_t i = 0; i < count; i++)
		if (versions[i].running)
			running = i;
	*number = running ? versions[running - 1].number : 0;
	free(versions);
	if (!*number)
		return refuse_text(invocation, "there is no version before the running one");
	return 0;
}

int run_rollback(struct invocation *invocation)
{
	struct sluice_error error = { 0 };
	struct sluice_config *config;
	struct change change;
	unsigned int number;
	char text[64];
	int code;

	code = change_begin(invocation, &change);
	if (code)
		return code;
	code = find_version(invocation, change.sw, &number);
	if (!code && sluice_version_config(change.sw, number, &config, &error))
		code = refuse(invocation, &error);
	if (!code) {
		sluice_config_free(change.wanted);
		change.wanted = config;
		snprintf(text, sizeof(text), "rollback to version %u", number);
		code = change_finish(invocation, &change, text, text);
	}
	change_end(&change);
	return code;
}

static const char *time_text(long long time)
{
	static char text[32];
	time_t seconds = time;
	struct tm local;

	if (!localtime_r(&seconds, &local) ||
	    !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local))
		return "?";
	return text;
}

static void print_history(const struct invocation *invocation,
			  const struct sluice_version *versions, size_t count)
{
	static const struct table_column columns[] = {
		{ "VERSION", true }, { "", false }, { "TIME", false }, { "WHY", false }
	};
	struct table *table = table_new(invocation, columns, 4);

	for (size_t i = 0; i < count; i++) {
		table_row(table);
		table_cell(table, 0, SHADE_PLAIN, "%u", versions[i].number);
		table_cell(table, 1, SHADE_GOOD, "%s", versions[i].running ? "running" : "");
		table_cell(table, 2, SHADE_PLAIN, "%s", time_text(versions[i].time));
		table_cell(table, 3, SHADE_PLAIN, "%s", versions[i].why);
	}
	table_end(table, "no versions");
}

int run_history(struct invocation *invocation)
{
	struct sluice_error error = { 0 };
	struct sluice_version *versions;
	struct sluice *sw;
	size_t count;
	int code;

	code = open_switch(invocation, &sw);
	if (code)
		return code;
	if (sluice_history(sw, &versions, &count, &error)) {
		code = refuse(invocation, &error);
	} else if (invocation->json) {
		json_t *list = json_array();

		for (size_t i = 0; i < count; i++)
			json_array_append_new(
				list, json_pack("{sisIsbss}", "version", (int)versions[i].number,
						"time", (json_int_t)versions[i].time, "running",
						versions[i].running, "why", versions[i].why));
		print_json(list);
		free(versions);
	} else {
		print_history(invocation, versions, count);
		free(versions);
	}
	sluice_close(sw);
	return code;
}
