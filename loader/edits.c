/* SPDX-License-Identifier: BSD-2-Clause */
/* Versions written as what was added to an earlier one; see edits.h. */
#include "loader/edits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/schema.h"

#define SECOND_LINE "# with rules added to version %u\n"

void edits_free(struct edits *edits)
{
	free(edits->text);
	*edits = (struct edits){};
}

static int no_memory(struct sluice_error *error)
{
	return sluice_error_set(error, -ENOMEM, "out of memory");
}

static int damaged(const struct sluice *sw, unsigned int version, struct sluice_error *error)
{
	return sluice_error_set(error, -EINVAL, "%s/versions/%u.edits is damaged", sw->state,
				version);
}

int edits_read(const struct sluice *sw, unsigned int version, struct edits *edits,
	       struct sluice_error *error)
{
	struct edits read = {};
	struct version_head head;
	char name[64], *text, *line;
	int result, at = 0;

	snprintf(name, sizeof(name), "versions/%u.edits", version);
	result = state_read(sw, name, &text, NULL, error);
	if (result)
		return result;
	line = strchr(text, '\n');
	if (!line || !version_head_parse(text, &head) ||
	    sscanf(line + 1, SECOND_LINE "%n", &read.base, &at) != 1 || !at || !read.base) {
		free(text);
		return damaged(sw, version, error);
	}
	read.text = strdup(line + 1 + at);
	free(text);
	if (!read.text)
		return no_memory(error);
	read.length = strlen(read.text);
	for (const char *end = read.text; (end = strchr(end, '\n')); end++)
		read.count++;
	*edits = read;
	return 0;
}

static json_t *settings_json(const struct edit *edit)
{
	json_t *settings = json_object();

	for (size_t i = 0; i < edit->setting_count; i++) {
		json_t *values = json_array();

		for (size_t v = 0; v < edit->settings[i].count; v++)
			json_array_append_new(values, json_string(edit->settings[i].values[v]));
		json_object_set_new(settings, edit->settings[i].key, values);
	}
	return settings;
}

int edits_add(struct edits *edits, const struct edit *edit, struct sluice_error *error)
{
	json_t *json;
	char *line = NULL, *more = NULL;

	if (edits->count >= EDITS_MAX)
		return -ENOSPC;
	json = json_pack("{s:i, s:s, s:s, s:i, s:i, s:s, s:o}", "kind", edit->kind, "parent",
			 edit->parent, "name", edit->name, "position", (int)edit->position,
			 "number", (int)edit->number, "key", edit->key, "settings",
			 settings_json(edit));
	if (json)
		line = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (line)
		more = realloc(edits->text, edits->length + strlen(line) + 2);
	if (!more) {
		free(line);
		return no_memory(error);
	}
	edits->text = more;
	edits->length += (size_t)sprintf(more + edits->length, "%s\n", line);
	edits->count++;
	free(line);
	return 0;
}

int edits_write(const struct sluice *sw, const struct version_head *head, const struct edits *edits,
		struct sluice_error *error)
{
	char *text;
	int length, result;

	length = asprintf(&text, SECOND_LINE "%s", edits->base, edits->text);
	if (length < 0)
		return no_memory(error);
	result = state_write_edits(sw, head, text, (size_t)length, error);
	free(text);
	return result;
}

/* --- back from text --- */

/* A line's edit; its strings belong to the json. */
static int parse_edit(const char *line, size_t length, json_t **json, struct edit *edit)
{
	int kind, position, number;
	json_t *settings;

	*json = json_loadb(line, length, 0, NULL);
	if (json_unpack(*json, "{s:i, s:s, s:s, s:i, s:i, s:s, s:o}", "kind", &kind, "parent",
			&edit->parent, "name", &edit->name, "position", &position, "number",
			&number, "key", &edit->key, "settings", &settings) ||
	    (kind != SLUICE_NSG_RULE && kind != SLUICE_ACL_RULE))
		return -EINVAL;
	edit->kind = (enum sluice_kind)kind;
	edit->position = (size_t)position;
	edit->number = (__u32)number;
	return 0;
}

static int apply_setting(const struct schema_kind *kind, void *item, const char *key,
			 const json_t *array, struct sluice_error *error)
{
	const struct sluice_field *field = schema_field(kind, key);
	size_t count = json_array_size(array);
	const char **values = calloc(count + 1, sizeof(*values));
	int result;

	if (!values)
		return no_memory(error);
	for (size_t i = 0; i < count; i++)
		values[i] = json_string_value(json_array_get(array, i)) ?: "";
	result = field ? object_set(kind, item, field, values, count, error) : -EINVAL;
	free(values);
	return result;
}

static int apply_edit(const struct edit *edit, const json_t *json, struct sluice_config *config,
		      struct sluice_error *error)
{
	const struct schema_kind *kind = schema_kind(edit->kind);
	const char *key;
	json_t *values;
	void *item;
	int result;

	result = config_make(edit->kind, edit->name, &item, error);
	if (result)
		return result;
	json_object_foreach(json_object_get(json, "settings"), key, values)
	{
		result = apply_setting(kind, item, key, values, error);
		if (result)
			break;
	}
	return result
	       ? config_drop(edit->kind, item),
	       result
	       : config_insert(config, edit->kind, edit->parent, item, edit->position, error);
}

/* Calls visit for each edit. */
static int each_edit(const struct edits *edits, void *context, struct sluice_error *error,
		     int (*visit)(const struct edit *edit, const json_t *json, void *context,
				  struct sluice_error *error))
{
	const char *line = edits->text, *end;
	int result = 0;

	for (; line && (end = strchr(line, '\n')) && !result; line = end + 1) {
		struct edit edit = {};
		json_t *json;

		result = parse_edit(line, (size_t)(end - line), &json, &edit);
		if (result)
			sluice_error_set(error, result, "the edits of version %u are damaged",
					 edits->base);
		result = result ?: visit(&edit, json, context, error);
		json_decref(json);
	}
	return result;
}

static int visit_config(const struct edit *edit, const json_t *json, void *context,
			struct sluice_error *error)
{
	return apply_edit(edit, json, context, error);
}

int edits_apply(const struct edits *edits, struct sluice_config *config, struct sluice_error *error)
{
	return each_edit(edits, config, error, visit_config);
}

static int visit_ids(const struct edit *edit, const json_t *json, void *context,
		     struct sluice_error *error)
{
	(void)json;
	return ids_put(context, edit->number, edit->key) ? no_memory(error) : 0;
}

int edits_number(const struct edits *edits, struct ids *rules, struct sluice_error *error)
{
	return each_edit(edits, rules, error, visit_ids);
}
