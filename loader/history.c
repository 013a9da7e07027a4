/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Documents of the versions that were: read back from their files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/confirm.h"
#include "loader/edits.h"

static int read_whole(struct sluice *sw, unsigned int number, struct sluice_config **config,
		      struct sluice_error *error)
{
	char path[STATE_PATH_MAX], name[64];
	size_t length;
	char *text;
	int result;

	snprintf(name, sizeof(name), "versions/%u.yaml", number);
	state_path(sw, name, path);
	result = state_read(sw, name, &text, &length, error);
	if (result)
		return result;
	result = sluice_config_parse(text, length, path, config, error);
	free(text);
	return result;
}

static int read_edited(struct sluice *sw, unsigned int number, struct sluice_config **config,
		       struct sluice_error *error)
{
	struct sluice_config *read;
	struct edits edits;
	int result;

	result = edits_read(sw, number, &edits, error);
	if (result)
		return result;
	result = read_whole(sw, edits.base, &read, error);
	if (!result) {
		result = edits_apply(&edits, read, error);
		if (result)
			sluice_config_free(read);
		else
			*config = read;
	}
	edits_free(&edits);
	return result;
}

int sluice_version_config(struct sluice *sw, unsigned int number, struct sluice_config **config,
			  struct sluice_error *error)
{
	int result = read_edited(sw, number, config, error);

	if (result == -ENOENT)
		result = read_whole(sw, number, config, error);
	if (result == -ENOENT)
		return sluice_error_set(error, -ENOENT,
					"version %u is not kept: see 'sluice history' for those that are",
					number);
	return result;
}

const struct sluice_config *switch_config(struct sluice *sw, struct sluice_error *error)
{
	struct sluice_config *config;
	__u32 version = switch_root(sw)->version;

	if (!__atomic_load_n(&sw->control->root, __ATOMIC_ACQUIRE)) {
		sluice_error_set(error, -ENOTCONN, "switch %s is not up", sw->name);
		return NULL;
	}
	if (sw->config && sw->config_version == version)
		return sw->config;
	/* Names and numbers of another process's version come with it. */
	if (sluice_version_config(sw, version, &config, error) || switch_read_ids(sw, error))
		return NULL;
	sluice_config_free(sw->config);
	sw->config = config;
	sw->config_version = version;
	return config;
}

unsigned int sluice_running_version(const struct sluice *sw)
{
	return switch_root(sw)->version;
}

int sluice_running(struct sluice *sw, unsigned int *version, struct sluice_config **config,
		   struct sluice_error *error)
{
	const struct sluice_config *running = switch_config(sw, error);
	int result;

	if (!running)
		return -EIO;
	result = sluice_config_copy(running, config, error);
	if (!result && version)
		*version = sw->config_version;
	return result;
}

/* The oldest of the last VERSIONS_KEPT. */
static unsigned int shown_from(const struct version_file *files, size_t count, __u32 running)
{
	while (count && files[count - 1].number > running)
		count--;
	return count > VERSIONS_KEPT ? files[count - VERSIONS_KEPT].number : 0;
}

int sluice_history(struct sluice *sw, struct sluice_version **versions, size_t *count,
		   struct sluice_error *error)
{
	__u32 running = switch_root(sw)->version;
	struct sluice_version *list;
	unsigned int pending = confirm_target(sw);
	struct version_file *files;
	size_t found, used = 0;
	int result;

	result = state_versions(sw, &files, &found, error);
	if (result)
		return result;
	list = calloc(found + 1, sizeof(*list));
	if (!list)
		result = sluice_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < found && !result; i++) {
		struct version_head head;

		/* A writer's next version is no version before it runs. */
		if (files[i].number > running)
			break;
		/* What is there only because others were made from it is no version to go back to. */
		if (shown_from(files, found, running) > files[i].number &&
		    files[i].number != pending)
			continue;
		result = state_read_head(sw, files[i].number, &head, error);
		if (result == -ENOENT) { /* pruned at this moment */
			result = 0;
			continue;
		}
		if (result)
			break;
		list[used] = (struct sluice_version){ .number = files[i].number,
						      .time = head.time,
						      .running = files[i].number == running };
		snprintf(list[used].why, sizeof(list[used].why), "%s", head.why);
		used++;
	}
	free(files);
	if (result) {
		free(list);
		return result;
	}
	*versions = list;
	*count = used;
	return 0;
}
