// SPDX-License-Identifier: BSD-2-Clause
/*
 * sluice: the command.
 */
#include <string.h>

#include "cli/cli.h"

#define SLUICE_VERSION "0.1.0"

int run_version(struct invocation *invocation)
{
	if (invocation->json)
		print_json(json_pack("{ss}", "version", SLUICE_VERSION));
	else
		printf("sluice %s\n", SLUICE_VERSION);
	return EXIT_DONE;
}

int run_help(struct invocation *invocation)
{
	int used, code;
	bool known = false;

	if (!invocation->argument_count) {
		print_overview(stdout);
		return EXIT_DONE;
	}
	if (invocation->argument_count == 1)
		for (const struct command *command = commands; command->noun; command++)
			if (command->verb && !strcmp(command->noun, invocation->arguments[0]))
				known = true;
	if (known) {
		print_noun_help(stdout, invocation->arguments[0]);
		return EXIT_DONE;
	}
	invocation->command = NULL;
	invocation->command = find_command(invocation, invocation->argument_count,
					   (char **)invocation->arguments, &used, &code);
	if (!invocation->command)
		return code;
	build_options(invocation);
	print_command_help(stdout, invocation);
	return EXIT_DONE;
}

static int run_command(struct invocation *invocation, int argc, char **argv)
{
	int used, code;
	bool run;

	invocation->command = find_command(invocation, argc, argv, &used, &code);
	if (!invocation->command)
		return code;
	code = read_arguments(invocation, argc - used, argv + used, &run);
	if (run)
		code = invocation->command->run(invocation);
	free_arguments(invocation);
	return code;
}

int main(int argc, char **argv)
{
	struct invocation invocation = { 0 };
	int first, code;

	first = read_global_options(&invocation, argc, argv);
	code = first < 0 ? -1 - first : run_command(&invocation, argc - first, argv + first);
	if (fflush(stdout) || ferror(stdout)) {
		perror("sluice: standard output");
		return code ? code : EXIT_REFUSED;
	}
	return code;
}
