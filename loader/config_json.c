// SPDX-License-Identifier: BSD-2-Clause
/*
 * Things of the document as JSON, with the file's keys and every default spelled out.
 */
#include <string.h>

#include "loader/schema.h"

static json_t *item_json(const struct sluice_field *field, const void *item)
{
	char buffer[TEXT_MAX];
	const char *text = value_text(field, item, buffer);

	if (!text)
		return json_null();
	switch (field->value->type) {
	case SCHEMA_NUMBER:
		if (field->value->choices && *(const int *)item == field->value->choices[0].value)
			return json_string(text);
		return json_integer(*(const unsigned int *)item);
	case SCHEMA_ICMP:
		if (*(const int *)item != SLUICE_ANY)
			return json_integer(*(const int *)item);
		return json_string(text);
	default:
		return json_string(text);
	}
}

static json_t *field_json(const struct sluice_field *field, const void *object)
{
	const struct schema_value *value = field->value;
	size_t size = value_size(value->type);
	struct schema_list list;
	json_t *array;

	/* An address that is not given is no address. */
	if (!field->list && (value->type == SCHEMA_ADDRESS || value->type == SCHEMA_PORTS) &&
	    object_field_initial(field, object))
		return json_null();
	if (!field->list)
		return item_json(field, object_value(object, field));
	list = schema_list(object, value->offset, value->count);
	array = json_array();
	if (!*list.count && value->any)
		json_array_append_new(array, json_string("*"));
	for (size_t i = 0; i < *list.count; i++)
		json_array_append_new(array, item_json(field, list_item(&list, size, i)));
	return array;
}

/* The object a dotted key's last part goes into. */
static json_t *nested_json(json_t *json, const char *key, size_t length)
{
	char name[64];
	json_t *inner;

	snprintf(name, sizeof(name), "%.*s", (int)length, key);
	inner = json_object_get(json, name);
	if (!inner) {
		json_object_set_new(json, name, json_object());
		inner = json_object_get(json, name);
	}
	return inner;
}

json_t *object_json(const struct schema_kind *kind, const void *object, bool with_children)
{
	json_t *json = json_object();

	if (kind->name_key)
		json_object_set_new(json, kind->name_key, json_string(*object_name(kind, object)));
	for (const struct sluice_field *field = kind->fields; field->key; field++) {
		size_t length = strcspn(field->key, ".");

		if (field->key[length])
			json_object_set_new(nested_json(json, field->key, length),
					    field->key + length + 1, field_json(field, object));
		else
			json_object_set_new(json, field->key, field_json(field, object));
	}
	for (const struct schema_child *child = kind->children; with_children && child->key;
	     child++) {
		const struct schema_kind *inner = schema_kind(child->kind);
		struct schema_list list = schema_list(object, child->offset, child->count);
		json_t *array = json_array();

		for (size_t i = 0; i < *list.count; i++)
			json_array_append_new(
				array, object_json(inner, list_item(&list, inner->size, i), true));
		json_object_set_new(json, child->key, array);
	}
	return json;
}

json_t *sluice_config_json(const struct sluice_config *config, enum sluice_kind kind,
			   const char *parent, const char *name)
{
	const struct schema_child *child = schema_place_of(kind);
	const struct schema_kind *schema = schema_kind(kind);
	const void *owner = config, *item;
	struct schema_list list;
	json_t *array;

	if (sluice_kind_is_single(kind))
		return object_json(schema, config, true);
	if (schema_parent(kind) != SCHEMA_DOCUMENT)
		owner = parent ? object_find(schema_place_of(schema_parent(kind)), config, parent,
					     NULL)
			       : NULL;
	if (!owner)
		return NULL;
	if (name) {
		item = object_find(child, owner, name, NULL);
		return item ? object_json(schema, item, true) : NULL;
	}
	list = schema_list(owner, child->offset, child->count);
	array = json_array();
	for (size_t i = 0; i < *list.count; i++)
		json_array_append_new(array,
				      object_json(schema, list_item(&list, schema->size, i), true));
	return array;
}
