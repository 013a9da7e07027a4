// SPDX-License-Identifier: BSD-2-Clause
/*
 * up, down, upgrade: the switch as a whole.
 */
#include <string.h>

#include "cli/cli.h"

static int wanted_document(struct invocation *invocation, struct sluice_config **config)
{
	struct sluice_error error = { 0 };

	if (option_given(invocation, "file"))
		return read_document(invocation, config);
	if (sluice_config_new(invocation->switch_name ? invocation->switch_name
						      : SLUICE_DEFAULT_SWITCH,
			      config, &error))
		return refuse(invocation, &error);
	return 0;
}

/* What `up --what-if` prints: everything that the document would bring. */
static int say_what_if(struct invocation *invocation, const struct sluice_config *config)
{
	struct sluice_error error = { 0 };
	struct sluice_config *empty;
	json_t *diff;

	if (sluice_config_new(config->name, &empty, &error))
		return refuse(invocation, &error);
	diff = sluice_config_diff(empty, config);
	sluice_config_free(empty);
	if (!diff)
		return refuse_text(invocation, "out of memory");
	if (invocation->json)
		print_json(json_pack("{sssiso}", "switch", config->name, "version", 0, "changes",
				     diff));
	else
		print_diff(invocation, diff);
	return EXIT_DONE;
}

/* An `up` that is not confirmed ends in a `down`. */
static int arm(struct invocation *invocation, struct sluice *sw)
{
	struct sluice_error error = { 0 };

	if (sluice_lock(sw, 10, &error) ||
	    sluice_arm_rollback(sw, 0, invocation->confirm_seconds, &error)) {
		struct sluice_options options = switch_options(invocation);
		struct sluice_error ignored = { 0 };

		/* Without the way back that was asked for, it shall not stay up. */
		sluice_unlock(sw);
		sluice_down(&options, &ignored);
		return refuse(invocation, &error);
	}
	sluice_unlock(sw);
	return 0;
}

static void print_up(const struct invocation *invocation, struct sluice *sw,
		     const struct sluice_status *status)
{
	json_t *warnings = tell_warnings(invocation, sw, 0);

	if (invocation->json) {
		print_json(json_pack("{sssisisiso}", "switch", status->name, "version",
				     (int)status->version, "ports", (int)status->port_count,
				     "uplinks", (int)status->uplink_count, "warnings", warnings));
		return;
	}
	json_decref(warnings);
	printf("switch %s is up (version %u): %zu port%s, %zu uplink%s\n", status->name,
	       status->version, status->port_count, status->port_count == 1 ? "" : "s",
	       status->uplink_count, status->uplink_count == 1 ? "" : "s");
	for (size_t i = 0; i < status->uplink_count; i++)
		printf("uplink %s: %s%s%s\n", status->uplinks[i].device, status->uplinks[i].hook,
		       status->uplinks[i].why[0] ? ", " : "", status->uplinks[i].why);
	if (invocation->confirm_given)
		printf("it goes down in %u seconds unless you run: sluice%s%s confirm\n",
		       invocation->confirm_seconds, invocation->switch_name ? " --switch " : "",
		       invocation->switch_name ? invocation->switch_name : "");
}

static int bring_up(struct invocation *invocation, const struct sluice_config *config)
{
	struct sluice_options options = switch_options(invocation);
	struct sluice_error error = { 0 };
	struct sluice_status *status;
	struct sluice *sw;
	int code;

	if (sluice_up(&options, config, &error))
		return refuse(invocation, &error);
	code = open_switch(invocation, &sw);
	if (code)
		return code;
	if (invocation->confirm_given)
		code = arm(invocation, sw);
	if (!code && sluice_status_get(sw, &status, &error)) {
		code = refuse(invocation, &error);
	} else if (!code) {
		print_up(invocation, sw, status);
		sluice_status_free(status);
	}
	sluice_close(sw);
	return code;
}

int run_up(struct invocation *invocation)
{
	struct sluice_config *config;
	int code;

	if (option_given(invocation, "demo")) {
		if (option_given(invocation, "file"))
			return usage_error(invocation, "--demo brings its own document");
		return demo_up(invocation);
	}
	code = wanted_document(invocation, &config);
	if (code)
		return code;
	code = invocation->what_if ? say_what_if(invocation, config) : bring_up(invocation, config);
	sluice_config_free(config);
	return code;
}

int run_down(struct invocation *invocation)
{
	struct sluice_options options = switch_options(invocation);
	const char *name = options.name ? options.name : SLUICE_DEFAULT_SWITCH;
	struct sluice_error error = { 0 };

	if (option_given(invocation, "demo"))
		return demo_down(invocation);
	if (sluice_down(&options, &error))
		return refuse(invocation, &error);
	if (invocation->json)
		print_json(json_pack("{sssb}", "switch", name, "up", 0));
	else
		printf("switch %s is down\n", name);
	return EXIT_DONE;
}

int run_upgrade(struct invocation *invocation)
{
	struct sluice_error error = { 0 };
	struct sluice *sw;
	int code;

	code = open_switch(invocation, &sw);
	if (code)
		return code;
	if (sluice_lock(sw, 10, &error) || sluice_upgrade(sw, &error))
		code = refuse(invocation, &error);
	else if (invocation->json)
		print_json(json_pack("{sb}", "upgraded", 1));
	else
		printf("programs replaced; flows and counters kept\n");
	sluice_close(sw);
	return code;
}
