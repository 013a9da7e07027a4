/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A change that dies on the way.
 *
 *   steps SWITCH apply|up|down FILE        make the switch what FILE says, naming each step
 *   steps SWITCH apply|up|down FILE STEP   the same, ended by SIGKILL at that step
 *   steps SWITCH allow NSG/NAME/PRIORITY/PORT [STEP]
 *                                          add one rule, which lets TCP in to that port
 *   steps SWITCH hand-over                 flows to NICs; says how many they carry, how many of these are
 *                                          new, how many were taken back, how many refused
 *   steps SWITCH flush                     forget all flows
 *   steps SWITCH agent                     until it is ended
 *
 * With SOFT_FLOWER=DEVICE the kernel's own flower stands for NICs (skip_hw), before the switch's programs,
 * and each step is named with how many rules that device then has.
 *
 * It runs in the switch's network namespace.
 */
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/flower.h"
#include "loader/sluice.h"
#include "loader/switch.h"

static const char *fatal_step, *soft_flower;
static volatile sig_atomic_t told_to_end;

/* The library's weak answer, replaced. */
bool sluice_test_software_flower(void)
{
	return soft_flower;
}

static int count_rule(const struct flower_seen *seen, void *context)
{
	(void)seen;
	++*(int *)context;
	return 0;
}

static void say_step(const char *step)
{
	int rules = 0;

	if (!soft_flower)
		puts(step);
	else if (flower_each(if_nametoindex(soft_flower), count_rule, &rules))
		printf("%s: the rules can not be read\n", step);
	else
		printf("%s: %d rules\n", step, rules);
}

/* The library's weak hook, replaced. */
void sluice_test_step(const char *step)
{
	if (!fatal_step)
		say_step(step);
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

static void on_signal(int number)
{
	(void)number;
	told_to_end = 1;
}

static bool should_stop(void *context)
{
	(void)context;
	return told_to_end;
}

static void on_look(unsigned int version, const struct sluice_error *error, void *context)
{
	(void)context;
	printf("version %u: %s\n", version, error ? error->message : "devices changed");
}

/* What needs no document. */
static int on_switch(const struct sluice_options *options, const char *verb)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct sluice_offload_look done = {0};
	struct sluice_error error = {0};
	struct sluice *sw = NULL;
	size_t forgotten;
	int result = sluice_open(options, &sw, &error);

	sigaction(SIGTERM, &action, NULL);
	if (!result && !strcmp(verb, "flush"))
		result = sluice_flows_flush(sw, NULL, &forgotten, &error);
	else if (!result && !strcmp(verb, "agent"))
		result = sluice_agent(sw, on_look, should_stop, NULL, &error);
	else if (!result)
		result = sluice_lock(sw, 10, &error) ?: sluice_offload_look_once(sw, &done, &error);
	sluice_close(sw);
	if (result)
		return fail(&error);
	if (!strcmp(verb, "hand-over"))
		printf("%zu %zu %zu %zu\n", done.carried, done.handed, done.returned, done.refused);
	return 0;
}

int main(int count, char **word)
{
	struct sluice_options options = {0};
	struct sluice_error error = {0};
	struct sluice_config *config = NULL;
	int code;

	if (count < 3)
		return 2;
	options.name = word[1];
	soft_flower = getenv("SOFT_FLOWER");
	setlinebuf(stdout);
	if (count == 3)
		return on_switch(&options, word[2]);
	fatal_step = word[4];
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
