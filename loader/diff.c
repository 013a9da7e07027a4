// SPDX-License-Identifier: BSD-2-Clause
/*
 * What changes from one document to another. Things are told apart by their names; their order
 * means nothing but in an ACL.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/schema.h"

/* One thing of a list, sorted by name. */
struct entry {
	const char *name;
	const void *object;
	size_t index;
};

struct diff {
	json_t *changes;
	bool failed;
};

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static int compare_positions(const void *a, const void *b)
{
	const struct entry *first = a, *second = b;

	return first->index < second->index ? -1 : first->index > second->index;
}

static struct entry *collect(const struct schema_child *child, const void *object, size_t *count)
{
	const struct schema_kind *kind = schema_kind(child->kind);
	struct schema_list list = schema_list(object, child->offset, child->count);
	struct entry *entries =
		object ? calloc(*list.count + 1, sizeof(*entries)) : calloc(1, sizeof(*entries));

	*count = object ? *list.count : 0;
	for (size_t i = 0; entries && i < *count; i++) {
		const void *item = list_item(&list, kind->size, i);

		entries[i] = (struct entry){ *object_name(kind, item), item, i };
	}
	if (entries)
		qsort(entries, *count, sizeof(*entries), compare_entries);
	return entries;
}

static void add_change(struct diff *diff, const char *change, const struct schema_kind *kind,
		       const char *path, json_t *from, json_t *to)
{
	json_t *json =
		json_pack("{s:s, s:s, s:s}", "change", change, "kind", kind->name, "name", path);

	if (from && json)
		json_object_set_new(json, "from", from);
	if (to && json)
		json_object_set_new(json, "to", to);
	if (json_array_append_new(diff->changes, json))
		diff->failed = true;
}

static bool same_fields(const struct schema_kind *kind, const void *from, const void *to)
{
	for (const struct sluice_field *field = kind->fields; field->key; field++) {
		if (!object_field_equal(field, from, to))
			return false;
	}
	return true;
}

static void diff_children(struct diff *diff, const struct schema_child *child, const char *owner,
			  const void *from, const void *to);

/* What is added, with its position, from 1, where the order counts. */
static json_t *added_json(const struct schema_kind *kind, const struct entry *entry)
{
	json_t *json = object_json(kind, entry->object, false);

	if (kind == schema_kind(SLUICE_ACL_RULE))
		json_object_set_new(json, "position", json_integer(entry->index + 1));
	return json;
}

/* One thing, of which either side can be missing (NULL). */
static void diff_object(struct diff *diff, const struct schema_kind *kind, const char *owner,
			const struct entry *from, const struct entry *to)
{
	const struct entry *either = to ? to : from;
	char path[160];

	snprintf(path, sizeof(path), "%s%s%s", owner, *owner ? "/" : "", either->name);
	if (!from)
		add_change(diff, "add", kind, path, NULL, added_json(kind, either));
	else if (!to)
		add_change(diff, "remove", kind, path, object_json(kind, from->object, false),
			   NULL);
	else if (!same_fields(kind, from->object, to->object))
		add_change(diff, "update", kind, path, object_json(kind, from->object, false),
			   object_json(kind, to->object, false));
	for (const struct schema_child *child = kind->children; child->key; child++)
		diff_children(diff, child, path, from ? from->object : NULL,
			      to ? to->object : NULL);
}

static json_t *names_of(const struct schema_child *child, const void *object)
{
	const struct schema_kind *kind = schema_kind(child->kind);
	struct schema_list list = schema_list(object, child->offset, child->count);
	json_t *names = json_array();

	for (size_t i = 0; i < *list.count; i++)
		json_array_append_new(
			names, json_string(*object_name(kind, list_item(&list, kind->size, i))));
	return names;
}

/*
 * Whether the things both sides have stand in another order: an ACL's rules, and the ACLs of the
 * switch, which are asked one after the other. common: those of `from`, whose object is the entry
 * of `to`. kind, owner: what they are in.
 */
static void diff_order(struct diff *diff, const struct schema_child *child,
		       const struct schema_kind *kind, const char *owner, struct entry *common,
		       size_t count, const void *from, const void *to)
{
	size_t last = 0;

	qsort(common, count, sizeof(*common), compare_positions);
	for (size_t i = 0; i < count; i++) {
		const struct entry *entry = common[i].object;
		const struct sluice_acl *acl = entry->object;

		if (child->kind == SLUICE_ACL && acl->applies_to_ports)
			continue;
		if (entry->index < last) {
			add_change(diff, "update", kind, owner,
				   json_pack("{s:o}", child->key, names_of(child, from)),
				   json_pack("{s:o}", child->key, names_of(child, to)));
			return;
		}
		last = entry->index;
	}
}

/* Walks both sorted lists; keeps those on both sides in common. */
static size_t diff_sorted(struct diff *diff, const struct schema_kind *kind, const char *owner,
			  const struct entry *from, size_t from_count, const struct entry *to,
			  size_t to_count, struct entry *common)
{
	size_t i = 0, j = 0, both = 0;

	while (i < from_count || j < to_count) {
		int order = i == from_count ? 1
			    : j == to_count ? -1
					    : strcmp(from[i].name, to[j].name);

		if (order < 0) {
			diff_object(diff, kind, owner, &from[i], NULL);
			i++;
		} else if (order > 0) {
			diff_object(diff, kind, owner, NULL, &to[j]);
			j++;
		} else {
			diff_object(diff, kind, owner, &from[i], &to[j]);
			common[both++] = (struct entry){ from[i].name, &to[j], from[i].index };
			i++;
			j++;
		}
	}
	return both;
}

static void diff_children(struct diff *diff, const struct schema_child *child, const char *owner,
			  const void *from, const void *to)
{
	size_t from_count, to_count, both;
	struct entry *first = collect(child, from, &from_count);
	struct entry *second = collect(child, to, &to_count);
	struct entry *common = calloc(from_count + 1, sizeof(*common));

	if (first && second && common) {
		both = diff_sorted(diff, schema_kind(child->kind), owner, first, from_count, second,
				   to_count, common);
		if (child->kind == SLUICE_ACL_RULE && both)
			diff_order(diff, child, schema_kind(SLUICE_ACL), owner, common, both, from,
				   to);
		if (child->kind == SLUICE_ACL && both)
			diff_order(diff, child, schema_kind(SLUICE_SWITCH),
				   ((const struct sluice_config *)to)->name, common, both, from,
				   to);
	} else {
		diff->failed = true;
	}
	free(first);
	free(second);
	free(common);
}

json_t *sluice_config_diff(const struct sluice_config *from, const struct sluice_config *to)
{
	struct diff diff = { .changes = json_array() };
	const struct schema_kind *document = schema_kind(SCHEMA_DOCUMENT);
	const struct schema_kind *sw = schema_kind(SLUICE_SWITCH);
	const struct schema_kind *tunnel = schema_kind(SLUICE_TUNNEL);

	if (strcmp(from->name, to->name) || !same_fields(sw, from, to))
		add_change(&diff, "update", sw, to->name, object_json(sw, from, false),
			   object_json(sw, to, false));
	if (!same_fields(tunnel, from, to))
		add_change(&diff, "update", tunnel, "", object_json(tunnel, from, false),
			   object_json(tunnel, to, false));
	for (const struct schema_child *child = document->children; child->key; child++) {
		if (child->shape != SHAPE_ONE)
			diff_children(&diff, child, "", from, to);
	}
	if (!diff.failed)
		return diff.changes;
	json_decref(diff.changes);
	return NULL;
}
