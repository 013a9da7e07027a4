/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device serves one switch: the one that got it first would take every frame, and the other's
 * policies would never be asked.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "loader/attach.h"
#include "loader/state.h"

/* Refuses what `wanted` newly takes and `other` already has. */
static int refuse_shared(const struct sluice *other, const struct attachments *wanted,
			 struct sluice_error *error)
{
	struct attachments theirs;
	int result = 0;

	/* A state directory that cannot be read is no switch that runs. */
	if (attachments_read(other, &theirs, NULL))
		return 0;
	for (size_t i = 0; i < wanted->count && !result; i++) {
		const struct attachment *mine = &wanted->list[i];

		for (size_t k = 0; k < theirs.count && mine->ifindex && !result; k++)
			if (theirs.list[k].ifindex == mine->ifindex &&
			    !strcmp(theirs.list[k].ifname, mine->ifname))
				result = sluice_error_set(
					error, -EBUSY,
					"%s %s: the device %s belongs to switch %s; take it off "
					"there first",
					mine->uplink ? "uplink" : "port", mine->owner,
					mine->ifname, other->name);
	}
	attachments_free(&theirs);
	return result;
}

int attachments_refuse_shared(const struct sluice *sw, const struct attachments *wanted,
			      struct sluice_error *error)
{
	DIR *directory = opendir(SLUICE_STATE_ROOT);
	struct dirent *entry;
	int result = 0;

	while (directory && !result && (entry = readdir(directory))) {
		struct sluice other = { .lock_fd = -1 };
		char control[STATE_PATH_MAX];

		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, sw->name) ||
		    strlen(entry->d_name) >= sizeof(other.name))
			continue;
		strcpy(other.name, entry->d_name);
		snprintf(other.state, sizeof(other.state), SLUICE_STATE_ROOT "/%s", other.name);
		snprintf(control, sizeof(control), SLUICE_PIN_ROOT "/%s/control", other.name);
		/* What has no maps does not run; in another namespace the same number is another
		 * device. */
		if (access(control, F_OK) || state_check_netns(&other, NULL, NULL))
			continue;
		result = refuse_shared(&other, wanted, error);
	}
	if (directory)
		closedir(directory);
	return result;
}
