// SPDX-License-Identifier: BSD-2-Clause
/*
 * Single things of the document: added, changed, taken out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/schema.h"

/* What a change works on. */
struct target {
	const struct schema_kind *kind;
	const struct schema_child *child; /* the list it is in */
	void *owner;                      /* what has that list */
	char path[160];                   /* "web/https" for messages */
};

static int find_target(struct sluice_config *config, enum sluice_kind kind, const char *parent,
		       const char *name, struct target *target, struct sluice_error *error)
{
	unsigned int parent_kind = schema_parent(kind);

	if (!name && !sluice_kind_is_single(kind))
		return sluice_error_set(error, -EINVAL, "the %s is not named",
					sluice_kind_name(kind));
	target->kind = schema_kind(kind);
	target->child = schema_place_of(kind);
	target->owner = config;
	snprintf(target->path, sizeof(target->path), "%.64s", name ? name : "");
	if (parent_kind == SCHEMA_DOCUMENT)
		return 0;
	if (!parent)
		return sluice_error_set(error, -EINVAL, "which %s is the %s in? It is not named",
					schema_kind(parent_kind)->name, target->kind->name);
	target->owner = object_find(schema_place_of(parent_kind), config, parent, NULL);
	if (!target->owner)
		return sluice_error_set(error, -ENOENT, "there is no %s \"%.64s\"",
					schema_kind(parent_kind)->name, parent);
	snprintf(target->path, sizeof(target->path), "%.64s/%.64s", parent, name ? name : "");
	return 0;
}

static int set_name(const struct schema_kind *kind, const char *name, void *object,
		    struct sluice_error *error)
{
	const struct schema_value value = { .type = kind->name_type };
	const struct sluice_field field = { .key = kind->name_key, .value = &value };

	return value_parse(&field, name, object_name(kind, object), error);
}

/* The thing of the target's list that is named, which may be spelled in another way than it is kept. */
static void *find_named(const struct target *target, const char *name, size_t *index)
{
	struct ip_address address;
	char canonical[TEXT_MAX];

	if (target->kind->name_type == SCHEMA_ADDRESS_NAME && !sluice_address_parse(name, &address))
		name = sluice_address_text(&address, canonical);
	return object_find(target->child, target->owner, name, index);
}

/* Sets fields of a fresh object. *given: a bit for each field that was set. */
static int apply_settings(const struct schema_kind *kind, void *object,
			  const struct sluice_setting *settings, size_t count,
			  unsigned long long *given, struct sluice_error *error)
{
	*given = 0;
	for (size_t i = 0; i < count; i++) {
		const struct sluice_field *field = schema_field(kind, settings[i].key);
		unsigned long long bit;
		int code;

		if (!field)
			return schema_unknown_key(kind, "", settings[i].key, error);
		bit = 1ULL << (field - kind->fields);
		if (*given & bit)
			return sluice_error_set(error, -EINVAL, "%s: given twice", field->key);
		*given |= bit;
		code = object_set(kind, object, field, settings[i].values, settings[i].count,
				  error);
		if (code)
			return code;
	}
	return 0;
}

static int check_required(const struct schema_kind *kind, const char *path,
			  unsigned long long given, struct sluice_error *error)
{
	for (unsigned int i = 0; kind->fields[i].key; i++) {
		if (kind->fields[i].required && !(given & 1ULL << i))
			return sluice_error_set(error, -EINVAL, "%s: %s \"%s\" needs one (%s)",
						kind->fields[i].key, kind->name, path,
						kind->fields[i].type);
	}
	return 0;
}

/* An edited document is no longer the file's: errors must not send people to its lines. */
static void leave_file(struct sluice_config *config)
{
	free(config->file);
	config->file = NULL;
}

/* Puts a finished item into the list, which takes over what it holds. */
static int insert(const struct target *target, const void *item, size_t position,
		  struct sluice_error *error)
{
	struct schema_list list =
		schema_list(target->owner, target->child->offset, target->child->count);
	size_t size = target->kind->size, last = *list.count;
	char *place;

	if (!list_append(list, size))
		return sluice_error_set(error, -ENOMEM, "memory is short");
	place = list_item(&list, size, position);
	memmove(place + size, place, (last - position) * size);
	memcpy(place, item, size);
	return 0;
}

int config_make(enum sluice_kind kind, const char *name, void **item, struct sluice_error *error)
{
	const struct schema_kind *schema = schema_kind(kind);
	void *made = calloc(1, schema->size);
	int code;

	if (!made)
		return sluice_error_set(error, -ENOMEM, "memory is short");
	object_init(schema, made);
	code = set_name(schema, name, made, error);
	if (code)
		config_drop(kind, made);
	else
		*item = made;
	return code;
}

void config_drop(enum sluice_kind kind, void *item)
{
	if (item)
		object_clear(schema_kind(kind), item);
	free(item);
}

int config_set(enum sluice_kind kind, const char *path, void *item,
	       const struct sluice_setting *settings, size_t count, struct sluice_error *error)
{
	const struct schema_kind *schema = schema_kind(kind);
	unsigned long long given;
	int code = apply_settings(schema, item, settings, count, &given, error);

	return code ? code : check_required(schema, path, given, error);
}

int config_insert(struct sluice_config *config, enum sluice_kind kind, const char *parent,
		  void *item, size_t position, struct sluice_error *error)
{
	struct target target;
	int code = find_target(config, kind, parent, *object_name(schema_kind(kind), item),
			       &target, error);

	if (!code && position > *schema_list(target.owner, target.child->offset,
					     target.child->count).count)
		code = sluice_error_set(error, -EINVAL, "there is no position %zu in the list",
					position);
	if (!code)
		code = insert(&target, item, position, error);
	if (code) {
		config_drop(kind, item);
		return code;
	}
	free(item);
	leave_file(config);
	config_assign_vnis(config);
	return 0;
}

static int find_position(const struct target *target, const char *before, size_t *position,
			 struct sluice_error *error)
{
	*position = *schema_list(target->owner, target->child->offset, target->child->count).count;
	if (before && !object_find(target->child, target->owner, before, position))
		return sluice_error_set(error, -ENOENT, "there is no %s \"%.64s\" to stand before",
					target->kind->name, before);
	return 0;
}

static bool is_single(enum sluice_kind kind, const char *verb, struct sluice_error *error)
{
	if (kind == SLUICE_SWITCH)
		sluice_error_set(error, -EINVAL, "the switch itself can not be %s", verb);
	else if (sluice_kind_is_single(kind))
		sluice_error_set(error, -EINVAL, "the %s can not be %s, only set",
				 sluice_kind_name(kind), verb);
	return sluice_kind_is_single(kind);
}

int sluice_config_add(struct sluice_config *config, enum sluice_kind kind, const char *parent,
		      const char *name, const struct sluice_setting *settings, size_t count,
		      const char *before, struct sluice_error *error)
{
	struct target target;
	size_t position;
	void *item;
	int code;

	if (is_single(kind, "added", error))
		return -EINVAL;
	code = find_target(config, kind, parent, name, &target, error);
	if (!code)
		code = find_position(&target, before, &position, error);
	if (code)
		return code;
	if (find_named(&target, name, NULL))
		return sluice_error_set(error, -EEXIST, "%s \"%s\" is there already",
					target.kind->name, target.path);
	code = config_make(kind, name, &item, error);
	if (code)
		return code;
	code = config_set(kind, target.path, item, settings, count, error);
	if (code) {
		config_drop(kind, item);
		return code;
	}
	return config_insert(config, kind, parent, item, position, error);
}

/* Exchanges what two objects hold in one field. */
static void swap_bytes(char *a, char *b, size_t size)
{
	for (; size--; a++, b++) {
		char held = *a;

		*a = *b;
		*b = held;
	}
}

static void swap_field(const struct sluice_field *field, char *a, char *b)
{
	const struct schema_value *value = field->value;

	if (field->list) {
		swap_bytes(a + value->offset, b + value->offset, sizeof(void *));
		swap_bytes(a + value->count, b + value->count, sizeof(size_t));
	} else {
		swap_bytes(a + value->offset, b + value->offset, value_size(value->type));
	}
}

int sluice_config_update(struct sluice_config *config, enum sluice_kind kind, const char *parent,
			 const char *name, const struct sluice_setting *settings, size_t count,
			 struct sluice_error *error)
{
	unsigned long long given;
	struct target target;
	void *item = config, *fresh;
	int code = find_target(config, kind, parent, name, &target, error);

	if (code)
		return code;
	if (!sluice_kind_is_single(kind))
		item = find_named(&target, name, NULL);
	if (!item)
		return sluice_error_set(error, -ENOENT, "there is no %s \"%s\"", target.kind->name,
					target.path);
	/* The values are made beside the object and put in when all are right. */
	fresh = calloc(1, target.kind->size);
	if (!fresh)
		return sluice_error_set(error, -ENOMEM, "memory is short");
	object_init(target.kind, fresh);
	code = apply_settings(target.kind, fresh, settings, count, &given, error);
	for (unsigned int i = 0; !code && target.kind->fields[i].key; i++) {
		if (given & 1ULL << i)
			swap_field(&target.kind->fields[i], item, fresh);
	}
	object_clear(target.kind, fresh);
	free(fresh);
	if (code)
		return code;
	leave_file(config);
	config_assign_vnis(config);
	return 0;
}

int sluice_config_delete(struct sluice_config *config, enum sluice_kind kind, const char *parent,
			 const char *name, struct sluice_error *error)
{
	struct schema_list list;
	struct target target;
	size_t index;
	char *item;
	int code;

	if (is_single(kind, "deleted", error))
		return -EINVAL;
	code = find_target(config, kind, parent, name, &target, error);
	if (code)
		return code;
	item = find_named(&target, name, &index);
	if (!item)
		return sluice_error_set(error, -ENOENT, "there is no %s \"%s\"", target.kind->name,
					target.path);
	object_clear(target.kind, item);
	list = schema_list(target.owner, target.child->offset, target.child->count);
	memmove(item, item + target.kind->size, (*list.count - index - 1) * target.kind->size);
	(*list.count)--;
	config->thinned = true;
	leave_file(config);
	return 0;
}
