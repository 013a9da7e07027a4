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

int run_doctor(struct invocation *invocation)
{
	static const enum shade shades[] = {
		[SLUICE_OK] = SHADE_GOOD, [SLUICE_SLOWER] = SHADE_PLAIN, [SLUICE_CANNOT] = SHADE_BAD
	};
	struct sluice_error error = { 0 };
	struct sluice_finding *findings;
	json_t *list = json_array();
	size_t count;

	if (sluice_doctor(invocation->netns, invocation->argument_count ? invocation->arguments[0] : NULL,
			  &findings, &count, &error)) {
		json_decref(list);
		return refuse(invocation, &error);
	}
	for (size_t i = 0; i < count; i++) {
		const struct sluice_finding *finding = &findings[i];

		if (invocation->json) {
			json_array_append_new(
				list, json_pack("{ssssssss}", "level", level_names[finding->level],
						"subject", finding->subject, "text", finding->text,
						"remedy", finding->remedy));
			continue;
		}
		printf("%s%-6s%s  %s: %s\n", shade(invocation, shades[finding->level]),
		       level_names[finding->level], shade(invocation, SHADE_PLAIN),
		       finding->subject, finding->text);
		if (finding->remedy[0])
			printf("        run: %s\n", finding->remedy);
	}
	if (invocation->json)
		print_json(json_incref(list));
	json_decref(list);
	free(findings);
	return EXIT_DONE;
}
