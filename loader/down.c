/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking a switch off, whole or in whatever state a killed command left it.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/attach.h"
#include "loader/cpus.h"
#include "loader/function.h"
#include "loader/lock.h"
#include "loader/offload.h"
#include "loader/xsk.h"

#define DOWN_WAIT_SECONDS 10

static int detach_all(struct sluice *sw, struct sluice_error *error)
{
	struct attachments recorded = {}, none = {};
	int result, first = 0;

	/* A damaged record names nothing; links are found by their pins all the same. */
	if (attachments_read(sw, &recorded, NULL))
		recorded = none;
	for (size_t i = 0; i < recorded.count; i++) {
		result = detach(sw, &recorded.list[i], &none, first ? NULL : error);
		first = first ?: result;
	}
	first = first ?: functions_detach_others(sw, &recorded, &none, error) ?:
			 functions_unmake_others(sw, NULL, error);
	result = cpus_put_back_others(sw, NULL, NULL, &none, first ? NULL : error);
	first = first ?: result;
	attachments_free(&recorded);
	first = first ?: xsk_detach_others(sw, NULL, &none, error) ?:
			 xsk_devices_remove_others(sw, NULL, error);
	result = links_remove_others(sw, &none, first ? NULL : error);
	return first ?: result;
}

/* Everything of the state directory but the lock, which others may wait for. */
static int remove_state(const struct sluice *sw, struct sluice_error *error)
{
	static const char *const files[] = { "attachments.json", "slots", "rules", "switch.json",
					     "changing", "pending", "rolled-back" };
	char path[STATE_PATH_MAX];
	int result;

	state_path(sw, "versions", path);
	result = remove_tree(path, error);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && !result; i++)
		result = state_remove(sw, files[i], error);
	return result;
}

int switch_clear(struct sluice *sw, struct sluice_error *error)
{
	int result;

	result = offload_withdraw(sw, error);
	if (result)
		return result;
	/* From here on it is not up, and its ports pass nothing. */
	if (sw->control)
		__atomic_store_n(&sw->control->root, 0, __ATOMIC_RELEASE);
	sluice_test_step("closed");
	result = detach_all(sw, error);
	sluice_test_step("detached all");
	return result ?: remove_tree(sw->pins, error) ?: remove_state(sw, error);
}

int switch_remove(struct sluice *sw, struct sluice_error *error)
{
	char path[STATE_PATH_MAX];
	int result;

	result = switch_clear(sw, error);
	if (result)
		return result;
	state_path(sw, "lock", path);
	unlink(path);
	/* Not empty when another switch is up, or another `up` has begun. */
	remove_tree(sw->state, error);
	rmdir(SLUICE_STATE_ROOT);
	rmdir(SLUICE_PIN_ROOT);
	return 0;
}

static int check_there(const struct sluice *sw, struct sluice_error *error)
{
	int state, pins, result;

	result = state_check_directory(SLUICE_STATE_ROOT, error);
	state = result ?: state_check_directory(sw->state, error);
	if (state && state != -ENOENT)
		return state;
	result = state_check_directory(SLUICE_PIN_ROOT, error);
	pins = result ?: state_check_directory(sw->pins, error);
	if (pins && pins != -ENOENT)
		return pins;
	if (state && pins)
		return sluice_error_set(error, -ENOTCONN, "switch %s is not up", sw->name);
	return state_private_directory(SLUICE_STATE_ROOT, error) ?:
	       state_private_directory(sw->state, error);
}

static int take_down(struct sluice *sw, struct sluice_error *error)
{
	bool gone;
	int result;

	result = host_check(error) ?: check_there(sw, error) ?:
		 lock_take(sw, DOWN_WAIT_SECONDS, true, error);
	if (result)
		return result;
	result = state_check_netns(sw, &gone, error);
	if (result)
		return result;
	/* A half of a switch has no maps to close; what there is of it goes the same way. */
	if (!switch_open_pins(sw, NULL))
		switch_map_memory(sw, NULL);
	return switch_remove(sw, error);
}

int sluice_down(const struct sluice_options *options, struct sluice_error *error)
{
	struct sluice *sw;
	int result;

	result = switch_new(options, &sw, error);
	if (result)
		return result;
	result = take_down(sw, error);
	sluice_close(sw);
	return result;
}
