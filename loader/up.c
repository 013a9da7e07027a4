/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Putting a switch on. It is up when control.root is stored, which is the last thing that happens: what a
 * killed `up` leaves is not up, and the next one removes it first.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/lock.h"
#include "maps/layout.h"

#define UP_WAIT_SECONDS 10

/* What another made is looked at before anything in it is removed as a leftover. */
static int check_pins(const struct sluice *sw, struct sluice_error *error)
{
	const char *const places[] = { SLUICE_PIN_ROOT, sw->pins };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int result = state_check_directory(places[i], error);

		if (result && result != -ENOENT)
			return result;
	}
	return 0;
}

static int make_places(struct sluice *sw, struct sluice_error *error)
{
	return check_pins(sw, error) ?: state_private_directory(SLUICE_STATE_ROOT, error) ?:
	       state_private_directory(sw->state, error) ?:
	       lock_take(sw, UP_WAIT_SECONDS, true, error);
}

/* Whether the switch of this name runs. */
static bool is_up(const struct sluice *sw)
{
	struct sluice_options options = { .name = sw->name };
	struct sluice *probe;
	bool up;

	if (switch_new(&options, &probe, NULL))
		return false;
	up = !switch_open_pins(probe, NULL) && !switch_map_memory(probe, NULL) &&
	     probe->control->root;
	sluice_close(probe);
	return up;
}

static int make_empty_files(struct sluice *sw, struct sluice_error *error)
{
	char path[STATE_PATH_MAX];
	int result;

	state_path(sw, "versions", path);
	result = state_private_directory(path, error);
	state_path(sw, "slots", path);
	result = result ?: ids_save(sw->slots, path, error);
	state_path(sw, "rules", path);
	return result ?: ids_save(sw->rules, path, error) ?: state_write_netns(sw, error);
}

static int begin_control(struct sluice *sw, struct sluice_error *error)
{
	sw->control->layout = SLUICE_LAYOUT;
	if (getrandom(sw->control->hash_seed, sizeof(sw->control->hash_seed), 0) !=
	    sizeof(sw->control->hash_seed))
		return sluice_error_set(error, -EIO, "no random numbers");
	return 0;
}

static int start(struct sluice *sw, const struct sluice_config *config,
		 struct sluice_error *error)
{
	char links[STATE_PATH_MAX];
	unsigned int version;
	int result;

	snprintf(links, sizeof(links), "%s/links", sw->pins);
	result = state_private_directory(SLUICE_PIN_ROOT, error) ?:
		 state_private_directory(sw->pins, error) ?:
		 state_private_directory(links, error) ?: switch_load(sw, config->flows, error) ?:
		 switch_map_memory(sw, error) ?: make_empty_files(sw, error) ?:
		 begin_control(sw, error);
	sluice_test_step("loaded");
	return result ?: switch_start_sweep(sw, error) ?:
	       switch_commit(sw, config, "up", 0, &version, error);
}

static int check_config(const struct sluice *sw, const struct sluice_config *config,
			struct sluice_error *error)
{
	if (config->name && strcmp(config->name, sw->name))
		return sluice_error_set(error, -EINVAL,
					"the document is for switch %s, not for %s: say --switch %s, "
					"or change switch.name", config->name, sw->name,
					config->name);
	return sluice_config_validate(config, error);
}

int sluice_up(const struct sluice_options *options, const struct sluice_config *config,
	      struct sluice_error *error)
{
	struct sluice *sw;
	int result;

	result = switch_new(options, &sw, error);
	if (result)
		return result;
	result = host_check(error) ?: check_config(sw, config, error) ?: make_places(sw, error);
	if (result)
		goto out;
	if (is_up(sw)) {
		result = sluice_error_set(error, -EEXIST,
					  "switch %s is up already: change it with 'sluice apply', or "
					  "take it off with 'sluice down'", sw->name);
		goto out;
	}
	result = switch_clear(sw, error);
	if (!result) {
		result = start(sw, config, error);
		if (result)
			switch_remove(sw, NULL);
	}
out:
	sluice_close(sw);
	return result;
}
