// SPDX-License-Identifier: BSD-2-Clause
/*
 * Opening a switch, and the one way in which every command changes it: read the running document,
 * edit a copy, commit it as the next version.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define LOCK_SECONDS 10

struct sluice_options switch_options(const struct invocation *invocation)
{
	struct sluice_options options = {
		.name = invocation->switch_name,
		.netns = invocation->netns,
	};

	return options;
}

int open_switch(const struct invocation *invocation, struct sluice **sw)
{
	struct sluice_options options = switch_options(invocation);
	struct sluice_error error = { 0 };

	if (sluice_open(&options, sw, &error))
		return refuse(invocation, &error);
	return 0;
}

int read_document(struct invocation *invocation, struct sluice_config **config)
{
	struct sluice_error error = { 0 };
	struct sluice_config *read;
	char *name;

	if (sluice_config_read(option_text(invocation, "file"), &read, &error))
		return refuse(invocation, &error);
	if (!invocation->switch_name) {
		invocation->switch_name = read->name;
	} else if (strcmp(invocation->switch_name, read->name)) {
		name = strdup(invocation->switch_name);
		if (!name) {
			sluice_config_free(read);
			return refuse_text(invocation, "out of memory");
		}
		free(read->name);
		read->name = name;
	}
	*config = read;
	return 0;
}

int change_begin(struct invocation *invocation, struct change *change)
{
	struct sluice_error error = { 0 };
	int code;

	memset(change, 0, sizeof(*change));
	code = open_switch(invocation, &change->sw);
	if (code)
		return code;
	/* --what-if only reads, and readers never wait. */
	if ((!invocation->what_if && sluice_lock(change->sw, LOCK_SECONDS, &error)) ||
	    sluice_running(change->sw, &change->version, &change->running, &error) ||
	    sluice_config_copy(change->running, &change->wanted, &error)) {
		code = refuse(invocation, &error);
		change_end(change);
		return code;
	}
	/* What is wrong after an edit is the edit's fault, not that of a line in the version's file. */
	free(change->wanted->file);
	change->wanted->file = NULL;
	return 0;
}

void change_end(struct change *change)
{
	sluice_config_free(change->running);
	sluice_config_free(change->wanted);
	sluice_close(change->sw);
	memset(change, 0, sizeof(*change));
}

static void print_update(const json_t *from, const json_t *to)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)to, key, value)
	{
		json_t *old = json_object_get(from, key);

		if (json_equal(old, value) || (!old && json_is_null(value)))
			continue;
		if (!strcmp(key, "rules") || !strcmp(key, "subnets"))
			continue;
		printf("    %s: %s -> %s\n", key, cell_text(old), cell_text(value));
	}
	json_object_foreach((json_t *)from, key,
			    value) if (!json_object_get(to, key) && !json_is_null(value))
		printf("    %s: %s ->\n", key, cell_text(value));
}

void print_diff(const struct invocation *invocation, json_t *diff)
{
	json_t *item;
	size_t index;

	json_array_foreach(diff, index, item)
	{
		const char *change = cell_text(json_object_get(item, "change"));
		bool added = !strcmp(change, "add"), removed = !strcmp(change, "remove");

		printf("%s%s %s %s%s\n",
		       shade(invocation, added     ? SHADE_GOOD
					 : removed ? SHADE_BAD
						   : SHADE_PLAIN),
		       added     ? "+"
		       : removed ? "-"
				 : "~",
		       cell_text(json_object_get(item, "kind")),
		       cell_text(json_object_get(item, "name")), shade(invocation, SHADE_PLAIN));
		if (!added && !removed)
			print_update(json_object_get(item, "from"), json_object_get(item, "to"));
	}
	if (!json_array_size(diff))
		printf("nothing to change\n");
	json_decref(diff);
}

static int finish_what_if(struct invocation *invocation, struct change *change)
{
	struct sluice_error error = { 0 };
	json_t *diff;

	if (sluice_check(change->sw, change->wanted, &error))
		return refuse(invocation, &error);
	diff = sluice_config_diff(change->running, change->wanted);
	if (!diff)
		return refuse_text(invocation, "out of memory");
	if (invocation->json)
		print_json(json_pack("{sisbso}", "version", (int)change->version, "changed", 0,
				     "changes", diff));
	else
		print_diff(invocation, diff);
	return EXIT_DONE;
}

/* A rule attaches nothing. */
static json_t *warnings_of(const struct invocation *invocation, const struct change *change)
{
	enum sluice_kind kind = invocation->command->kind;

	if (kind == SLUICE_NSG_RULE || kind == SLUICE_ACL_RULE)
		return json_array();
	return tell_warnings(invocation, change->sw, change->version);
}

static void print_committed(const struct invocation *invocation, const struct change *change,
			    unsigned int version, const char *done)
{
	bool changed = version != change->version;
	json_t *warnings = warnings_of(invocation, change);

	if (invocation->json) {
		json_t *answer = json_pack("{sssisb}", "switch", change->wanted->name, "version",
					   (int)version, "changed", changed);
		json_t *diff = sluice_config_diff(change->running, change->wanted);

		if (diff)
			json_object_set_new(answer, "changes", diff);
		json_object_set_new(answer, "warnings", warnings);
		print_json(answer);
		return;
	}
	json_decref(warnings);
	if (!changed)
		printf("nothing to change (version %u)\n", version);
	else
		printf("%s (version %u)\n", done, version);
	if (changed && invocation->confirm_given)
		printf("version %u comes back in %u seconds unless you run: sluice%s%s confirm\n",
		       change->version, invocation->confirm_seconds,
		       invocation->switch_name ? " --switch " : "",
		       invocation->switch_name ? invocation->switch_name : "");
}

/* Armed before the change: whatever that does to this session, the way back is already there. */
static int arm(const struct invocation *invocation, struct change *change)
{
	struct sluice_error error = { 0 };

	if (!invocation->confirm_given)
		return 0;
	if (sluice_pending(change->sw) >= 0)
		return refuse_text(invocation, "a change before this one is not confirmed yet; run "
					       "\"sluice confirm\" or \"sluice rollback\" first");
	if (sluice_arm_rollback(change->sw, change->version, invocation->confirm_seconds, &error))
		return refuse(invocation, &error);
	return 0;
}

/* Nothing has changed: there is nothing to come back from. */
static void disarm(const struct invocation *invocation, struct change *change)
{
	struct sluice_error ignored = { 0 };

	if (invocation->confirm_given)
		sluice_confirm(change->sw, &ignored);
}

int change_finish(struct invocation *invocation, struct change *change, const char *why,
		  const char *done)
{
	struct sluice_error error = { 0 };
	unsigned int version;
	int code;

	if (invocation->what_if)
		return finish_what_if(invocation, change);
	code = arm(invocation, change);
	if (code)
		return code;
	if (sluice_commit(change->sw, change->wanted, why, &version, &error)) {
		disarm(invocation, change);
		return refuse(invocation, &error);
	}
	if (version == change->version)
		disarm(invocation, change);
	sluice_unlock(change->sw);
	print_committed(invocation, change, version, done);
	return EXIT_DONE;
}

int change_at_once(struct invocation *invocation, const struct sluice_edit *edit, const char *why,
		   const char *done,
		   int (*refuse_edit)(const struct invocation *invocation,
				      const struct sluice_error *error))
{
	struct sluice_error error = { 0 };
	struct change change = { 0 };
	unsigned int version;
	int code = open_switch(invocation, &change.sw);

	if (code)
		return code;
	if (sluice_lock(change.sw, LOCK_SECONDS, &error))
		code = refuse(invocation, &error);
	change.version = code ? 0 : sluice_running_version(change.sw);
	code = code ? code : arm(invocation, &change);
	if (!code && sluice_change(change.sw, edit, why, &version, &error)) {
		disarm(invocation, &change);
		code = refuse_edit(invocation, &error);
	} else if (!code) {
		if (version == change.version)
			disarm(invocation, &change);
		sluice_unlock(change.sw);
		print_committed(invocation, &change, version, done);
	}
	change_end(&change);
	return code;
}
