/* SPDX-License-Identifier: BSD-2-Clause */
/* The library's own switch over maps that nobody pinned; see detached.h. */
#include "tests/harness/detached.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/sluice.skel.h"
#include "loader/overlay.h"
#include "loader/schema.h"
#include "loader/state.h"
#include "maps/layout.h"

#define MOST_SETTINGS 16
#define MOST_VALUES   64

/* --- opening --- */

static int make_state(struct sluice *sw)
{
	char path[STATE_PATH_MAX];

	snprintf(sw->state, sizeof(sw->state), "/tmp/sluice-detached.XXXXXX");
	if (!mkdtemp(sw->state))
		return -errno;
	snprintf(sw->pins, sizeof(sw->pins), "%.100s/pins", sw->state);
	state_path(sw, "versions", path);
	if (mkdir(path, 0700))
		return -errno;
	sw->lock_fd = open(sw->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return sw->lock_fd < 0 ? -errno : 0;
}

struct sluice *detached_open(const struct sluice_bpf *skeleton, struct control *control,
			     const struct tables *tables, struct ids *slots, struct ids *rules)
{
	struct sluice *sw = calloc(1, sizeof(*sw));
	int result = sw ? 0 : -ENOMEM;

	if (!result) {
		snprintf(sw->name, sizeof(sw->name), "random");
		sw->lock_fd = -1;
#define X(name) sw->map.name = bpf_map__fd(skeleton->maps.name);
		SWITCH_MAPS(X)
#undef X
		sw->control = control;
		control->layout = SLUICE_LAYOUT;
		sw->lines = tables->lines;
		sw->line_count = tables->count;
		sw->slots = slots;
		sw->rules = rules;
		result = make_state(sw);
	}
	if (!result)
		return sw;
	fprintf(stderr, "a directory for the state: %s\n", strerror(-result));
	detached_close(sw);
	return NULL;
}

static void drop_memory(struct sluice *sw)
{
	sluice_config_free(sw->config);
	sw->config = NULL;
	overlays_free(sw->overlays);
	sw->overlays = NULL;
}

void detached_close(struct sluice *sw)
{
	if (!sw)
		return;
	drop_memory(sw);
	if (sw->lock_fd >= 0)
		close(sw->lock_fd);
	if (sw->state[0])
		remove_tree(sw->state, NULL);
	free(sw);
}

/* --- the whole --- */

static char *text_of(const struct sluice_config *config, struct sluice_error *error)
{
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);
	int result = stream ? sluice_config_write(config, stream, error) : -ENOMEM;

	if (stream && fclose(stream))
		result = -ENOMEM;
	if (!result)
		return text;
	free(text);
	return NULL;
}

static int save_numbers(struct sluice *sw, struct sluice_error *error)
{
	char slots[STATE_PATH_MAX], rules[STATE_PATH_MAX];

	state_path(sw, "slots", slots);
	state_path(sw, "rules", rules);
	return ids_save(sw->slots, slots, error) ?: ids_save(sw->rules, rules, error) ?:
	       switch_note_ids(sw, error);
}

int detached_note(struct sluice *sw, const struct sluice_config *config, struct sluice_error *error)
{
	struct version_head head = { .number = switch_root(sw)->version, .why = "whole" };
	char *text = text_of(config, error);
	int result;

	if (!text)
		return -ENOMEM;
	drop_memory(sw);
	result = state_write_version(sw, &head, text, strlen(text), error) ?:
		 save_numbers(sw, error) ?:
		 state_prune_versions(sw, head.number, 0, error) ?:
		 sluice_config_copy(config, &sw->config, error);
	sw->config_version = head.number;
	sw->numbered_version = head.number;
	free(text);
	return result;
}

int detached_forget(struct sluice *sw, struct sluice_error *error)
{
	drop_memory(sw);
	switch_doubt_ids(sw);
	return switch_read_ids(sw, error);
}

/* --- a rule more --- */

/* The words in which a person would have said the rule. */
struct words {
	struct sluice_setting setting[MOST_SETTINGS];
	size_t count;
	const char *value[MOST_VALUES];
	char text[MOST_VALUES][TEXT_MAX];
	size_t values;
};

static int say_field(struct words *words, const struct sluice_field *field, const void *rule)
{
	const struct schema_value *value = field->value;
	struct schema_list list = schema_list(rule, value->offset, value->count);
	size_t count = field->list ? *list.count : 1, size = value_size(value->type);
	struct sluice_setting *setting = &words->setting[words->count];

	if (words->count == MOST_SETTINGS || words->values + count > MOST_VALUES)
		return -E2BIG;
	*setting = (struct sluice_setting){ field->key, &words->value[words->values], count };
	for (size_t i = 0; i < count; i++, words->values++)
		words->value[words->values] = value_text(
			field, field->list ? list_item(&list, size, i) : object_value(rule, field),
			words->text[words->values]);
	words->count++;
	return 0;
}

static int say_rule(struct words *words, enum sluice_kind kind, const struct sluice_rule *rule)
{
	int result = 0;

	words->count = words->values = 0;
	for (const struct sluice_field *field = schema_kind(kind)->fields; field->key && !result;
	     field++)
		if (!object_field_initial(field, rule))
			result = say_field(words, field, rule);
	return result;
}

static bool same_document(const struct sluice_config *a, const struct sluice_config *b)
{
	char *left = text_of(a, NULL), *right = text_of(b, NULL);
	bool same = left && right && !strcmp(left, right);

	free(left);
	free(right);
	return same;
}

int detached_add(struct sluice *sw, const struct sluice_config *wanted,
		 const struct detached_rule *place, struct sluice_error *error)
{
	static struct words words;
	enum sluice_kind kind = place->acl ? SLUICE_ACL_RULE : SLUICE_NSG_RULE;
	const struct sluice_rule *rules =
		place->acl ? wanted->acls[place->owner].rules : wanted->nsgs[place->owner].rules;
	size_t count = place->acl ? wanted->acls[place->owner].rule_count
				  : wanted->nsgs[place->owner].rule_count;
	struct sluice_edit edit = {
		.verb = SLUICE_EDIT_ADD,
		.kind = kind,
		.parent = place->acl ? wanted->acls[place->owner].name
				     : wanted->nsgs[place->owner].name,
		.name = rules[place->position].name,
		.settings = words.setting,
		.before = place->position + 1 < count ? rules[place->position + 1].name : NULL,
	};
	unsigned int version;
	int result = say_rule(&words, kind, &rules[place->position]);

	edit.setting_count = words.count;
	result = result ?: sluice_change(sw, &edit, "a rule more", &version, error);
	if (result)
		return result;
	if (state_has(sw, "changing") || version != switch_root(sw)->version)
		return sluice_error_set(error, -EBADE, "the change has not come to its end");
	if (!same_document(sw->config, wanted))
		return sluice_error_set(error, -EBADE, "it holds another document than is wanted");
	return 0;
}
