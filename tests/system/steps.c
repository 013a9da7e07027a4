/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A change that dies on the way.
 *
 *   steps SWITCH apply|up|down FILE        make the switch what FILE says, naming each step
 *   steps SWITCH apply|up|down FILE STEP   the same, ended by SIGKILL at that step
 *   steps SWITCH allow NSG/NAME/PRIORITY/PORT [STEP]
 *                                          add one rule, which lets TCP in to that port
 *
 * It runs in the switch's network namespace.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/sluice.h"
#include "loader/switch.h"

static const char *fatal_step;

/* The library's weak hook, replaced. */
void sluice_test_step(const char *step)
{
	if (!fatal_step)
		puts(step);
	if (fatal_step && !strcmp(step, fatal_step))
		kill(getpid(), SIGKILL);
}

static int fail(const struct sluice_error *error)
{
	fprintf(stderr, "steps: %s\n", error->message);
	return 2;
}

static int apply(const struct sluice_options *options, const struct sluice_config *config)
{
	struct sluice_error error = {0};
	unsigned int version = 0;
	struct sluice *sw = NULL;

	if (sluice_open(options, &sw, &error) || sluice_lock(sw, 10, &error) ||
	    sluice_commit(sw, config, "steps", &version, &error))
		return fail(&error);
	sluice_unlock(sw);
	sluice_close(sw);
	return 0;
}

static int allow(const struct sluice_options *options, char *text)
{
	const char *nsg = strtok(text, "/"), *name = strtok(NULL, "/");
	const char *priority = strtok(NULL, "/"), *port = strtok(NULL, "/");
	static const char *const inbound = "Inbound", *const access = "Allow", *const tcp = "Tcp";
	const struct sluice_setting settings[] = {{"priority", &priority, 1},
						  {"direction", &inbound, 1},
						  {"access", &access, 1}, {"protocol", &tcp, 1},
						  {"destinationPorts", &port, 1}};
	const struct sluice_edit edit = {.verb = SLUICE_EDIT_ADD, .kind = SLUICE_NSG_RULE,
					 .parent = nsg, .name = name, .settings = settings,
					 .setting_count = 5};
	struct sluice_error error = {0};
	unsigned int version = 0;
	struct sluice *sw = NULL;

	if (!port || sluice_open(options, &sw, &error) || sluice_lock(sw, 10, &error) ||
	    sluice_change(sw, &edit, "steps", &version, &error))
		return fail(&error);
	sluice_close(sw);
	return 0;
}

int main(int count, char **word)
{
	struct sluice_options options = {0};
	struct sluice_error error = {0};
	struct sluice_config *config = NULL;
	int code;

	if (count < 4)
		return 2;
	options.name = word[1];
	fatal_step = word[4];
	setlinebuf(stdout);
	if (!strcmp(word[2], "allow"))
		return allow(&options, word[3]);
	if (sluice_config_read(word[3], &config, &error))
		return fail(&error);
	if (!strcmp(word[2], "apply"))
		code = apply(&options, config);
	else if (!strcmp(word[2], "down"))
		code = sluice_down(&options, &error) ? fail(&error) : 0;
	else
		code = sluice_up(&options, config, &error) ? fail(&error) : 0;
	sluice_config_free(config);
	return code;
}
