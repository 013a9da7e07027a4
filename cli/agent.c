// SPDX-License-Identifier: BSD-2-Clause
/*
 * agent: follows devices that come and go, until it is told to end.
 */
#include <signal.h>
#include <string.h>

#include "cli/cli.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	(void)signal;
	interrupted = 1;
}

static bool should_stop(void *context)
{
	(void)context;
	return interrupted;
}

static void on_look(unsigned int version, const struct sluice_error *error, void *context)
{
	const struct invocation *invocation = context;

	if (error)
		refuse(invocation, error);
	else if (invocation->json)
		print_json_line(json_pack("{si}", "version", (int)version));
	else
		printf("devices changed: version %u\n", version);
	fflush(stdout);
}

int run_agent(struct invocation *invocation)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct sluice_error error = { 0 };
	struct sluice *sw;
	int code = open_switch(invocation, &sw);

	if (code)
		return code;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (sluice_agent(sw, on_look, should_stop, invocation, &error))
		code = refuse(invocation, &error);
	sluice_close(sw);
	return code;
}
