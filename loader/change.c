/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One edit and its commit. A rule added is not compiled, validated and written with all others: it is
 * looked at alone, laid over what runs (loader/overlay.h) and written as an edit (loader/edits.h).
 * Whatever is not that plain a case, and whatever is wrong with it, goes the whole way
 * (loader/commit.c), which also says what is wrong. The steps and their traces are those of a
 * commit, so a killed writer's are healed by the same code.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/commit.h"
#include "loader/edits.h"
#include "loader/offload.h"
#include "loader/overlay.h"
#include "loader/schema.h"

struct quick_change {
	struct sluice *sw;
	const struct sluice_edit *edit;
	struct sluice_config *config;
	struct sluice_rule *rule;
	struct added_rule added;
	struct edits edits;
	char key[200];
	__u32 version;
	__u32 root;
};

static size_t find_owner(const struct quick_change *change)
{
	const struct sluice_config *config = change->config;
	const char *parent = change->edit->parent;
	size_t i = 0;

	if (change->added.acl)
		while (i < config->acl_count && strcmp(config->acls[i].name, parent))
			i++;
	else
		while (i < config->nsg_count && strcmp(config->nsgs[i].name, parent))
			i++;
	return i;
}

/* Every rule of the running version has a number, so one without is new. */
static bool is_new(struct quick_change *change)
{
	const struct sluice_edit *edit = change->edit;
	enum direction direction = change->rule->direction;
	static const char *const ways[] = {
		[DIRECTION_INBOUND] = "in", [DIRECTION_OUTBOUND] = "out"
	};

	if (change->added.acl) {
		snprintf(change->key, sizeof(change->key), "acl/%s/%s", edit->parent, edit->name);
		return !ids_find(change->sw->rules, change->key);
	}
	for (int i = 0; i < DIRECTION_COUNT; i++) {
		snprintf(change->key, sizeof(change->key), "nsg/%s/%s/%s", edit->parent, ways[i],
			 edit->name);
		if (ids_find(change->sw->rules, change->key))
			return false;
	}
	snprintf(change->key, sizeof(change->key), "nsg/%s/%s/%s", edit->parent, ways[direction],
		 edit->name);
	return true;
}

static bool find_position(struct quick_change *change)
{
	const struct sluice_config *config = change->config;
	size_t owner = change->added.owner;
	const void *parent = change->added.acl ? (const void *)&config->acls[owner]
					       : (const void *)&config->nsgs[owner];

	change->added.position =
		change->added.acl ? config->acls[owner].rule_count : config->nsgs[owner].rule_count;
	return !change->edit->before || object_find(schema_place_of(change->edit->kind), parent,
						    change->edit->before, &change->added.position);
}

/* Makes the rule. Whether it is a plain case. */
static bool prepare(struct quick_change *change)
{
	const struct sluice_edit *edit = change->edit;
	size_t count;
	void *item;

	if (edit->verb != SLUICE_EDIT_ADD || !edit->parent || !edit->name ||
	    (edit->kind != SLUICE_NSG_RULE && edit->kind != SLUICE_ACL_RULE))
		return false;
	change->added.acl = edit->kind == SLUICE_ACL_RULE;
	count = change->added.acl ? change->config->acl_count : change->config->nsg_count;
	change->added.owner = find_owner(change);
	if (change->added.owner == count || config_make(edit->kind, edit->name, &item, NULL))
		return false;
	change->rule = item;
	change->added.rule = item;
	return !config_set(edit->kind, edit->name, item, edit->settings, edit->setting_count,
			   NULL) &&
	       is_new(change) && find_position(change) &&
	       config_may_add(change->config, change->added.acl, change->added.owner, change->rule);
}

/* The edits of the running version. */
static int read_edits(struct quick_change *change, struct sluice_error *error)
{
	__u32 running = switch_root(change->sw)->version;
	int result = edits_read(change->sw, running, &change->edits, error);

	if (result == -ENOENT) {
		change->edits.base = running;
		return 0;
	}
	return result ?: change->edits.count >= EDITS_MAX ? -EAGAIN : 0;
}

static int take_number(struct quick_change *change, struct sluice_error *error)
{
	struct sluice *sw = change->sw;
	bool fresh;

	change->added.number = ids_take(sw->rules, change->key, &fresh);
	if (!change->added.number)
		return -EAGAIN; /* the whole way says that there are no more */
	return numbers_clear_rule(sw, change->added.number, error);
}

static int lay(struct quick_change *change, struct sluice_error *error)
{
	struct sluice *sw = change->sw;
	struct tables tables = { .lines = sw->lines, .count = sw->line_count };
	int result;

	result = tables_begin(&tables, sw->control->root, error)
			 ?: compile_added(&tables, change->config, &change->added, sw->slots,
					  sw->rules, &sw->overlays, change->version, &change->root,
					  error);
	tables_end(&tables);
	/* Laid whole, with what was added in place, it may fit. */
	return result == -ENOSPC ? -EAGAIN : result;
}

static int write_version(struct quick_change *change, const char *why, struct sluice_error *error)
{
	const struct sluice_edit *edit = change->edit;
	struct version_head head = { .number = change->version, .time = time(NULL) };
	struct edit written = {
		.kind = edit->kind,
		.parent = edit->parent,
		.name = edit->name,
		.settings = edit->settings,
		.setting_count = edit->setting_count,
		.position = change->added.position,
		.number = change->added.number,
		.key = change->key,
	};

	snprintf(head.why, sizeof(head.why), "%s", why ? why : "");
	return edits_add(&change->edits, &written, error)
		       ?: edits_write(change->sw, &head, &change->edits, error);
}

static int build(struct quick_change *change, const char *why, struct sluice_error *error)
{
	int result;

	change->version = switch_root(change->sw)->version + 1;
	result = read_edits(change, error) ?: state_mark(change->sw, "changing", error);
	sluice_test_step("changing");
	result = result ?: take_number(change, error);
	sluice_test_step("numbered");
	result = result ?: lay(change, error);
	sluice_test_step("compiled");
	result = result ?: write_version(change, why, error);
	sluice_test_step("written");
	return result ?: offload_withdraw(change->sw, error);
}

/* The rule goes into the document that is kept in memory; without room there, it is read anew. */
static void remember(struct quick_change *change)
{
	struct sluice *sw = change->sw;

	sw->config_version = change->version;
	sw->numbered_version = change->version;
	if (config_insert(sw->config, change->edit->kind, change->edit->parent, change->rule,
			  change->added.position, NULL)) {
		sluice_config_free(sw->config);
		sw->config = NULL;
		overlays_free(sw->overlays);
		sw->overlays = NULL;
	}
	change->rule = NULL;
}

static void tidy(struct sluice *sw, __u32 version)
{
	/* What could not be tidied keeps its mark; the next writer goes on. */
	if (!state_prune_versions(sw, version, confirm_target(sw), NULL))
		state_remove(sw, "changing", NULL);
	sluice_test_step("tidied");
}

/* -EAGAIN: it is no plain case. */
static int change_quickly(struct quick_change *change, const char *why, unsigned int *version,
			  struct sluice_error *error)
{
	struct sluice *sw = change->sw;
	int result = prepare(change) ? build(change, why, error) : -EAGAIN;

	if (!result) {
		__atomic_store_n(&sw->control->root, change->root, __ATOMIC_RELEASE);
		sluice_test_step("published");
		remember(change);
		*version = change->version;
		tidy(sw, change->version);
	} else {
		overlays_free(sw->overlays);
		sw->overlays = NULL;
		/* Also before the whole way is gone: it begins where nothing is left. */
		switch_heal(sw, NULL);
	}
	config_drop(change->edit->kind, change->rule);
	edits_free(&change->edits);
	return result;
}

static int edit_config(struct sluice_config *config, const struct sluice_edit *edit,
		       struct sluice_error *error)
{
	switch (edit->verb) {
	case SLUICE_EDIT_ADD:
		return sluice_config_add(config, edit->kind, edit->parent, edit->name,
					 edit->settings, edit->setting_count, edit->before, error);
	case SLUICE_EDIT_UPDATE:
		return sluice_config_update(config, edit->kind, edit->parent, edit->name,
					    edit->settings, edit->setting_count, error);
	case SLUICE_EDIT_DELETE:
		return sluice_config_delete(config, edit->kind, edit->parent, edit->name, error);
	}
	return sluice_error_set(error, -EINVAL, "there is no such edit");
}

static int change_whole(struct sluice *sw, const struct sluice_edit *edit, const char *why,
			unsigned int *version, struct sluice_error *error)
{
	const struct sluice_config *running = switch_config(sw, error);
	struct sluice_config *wanted;
	int result;

	if (!running)
		return -EIO;
	result = sluice_config_copy(running, &wanted, error);
	if (result)
		return result;
	/* What is wrong after an edit is the edit's fault, not that of a line in the version's file. */
	free(wanted->file);
	wanted->file = NULL;
	result = edit_config(wanted, edit, error) ?: sluice_commit(sw, wanted, why, version, error);
	sluice_config_free(wanted);
	return result;
}

int sluice_change(struct sluice *sw, const struct sluice_edit *edit, const char *why,
		  unsigned int *version, struct sluice_error *error)
{
	struct quick_change change = { .sw = sw, .edit = edit };
	int result;

	if (sw->lock_fd < 0)
		return sluice_error_set(error, -EINVAL, "a change needs the switch's lock");
	if (!switch_config(sw, error))
		return -EIO;
	change.config = sw->config;
	result = change_quickly(&change, why, version, error);
	return result == -EAGAIN ? change_whole(sw, edit, why, version, error) : result;
}
