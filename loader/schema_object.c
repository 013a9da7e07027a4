// SPDX-License-Identifier: BSD-2-Clause
/*
 * Things of the document, by their tables: made, set, copied, compared, freed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/schema.h"

void *list_append(struct schema_list list, size_t size)
{
	size_t count = *list.count;

	/* Full exactly when the count is a power of two: no capacity needs to be kept. */
	if (!(count & (count - 1))) {
		void *more = reallocarray(*list.items, count ? 2 * count : 1, size);

		if (!more)
			return NULL;
		*list.items = more;
	}
	*list.count = count + 1;
	return memset((char *)*list.items + count * size, 0, size);
}

void *list_allocate(size_t count, size_t size)
{
	size_t room = 1;

	while (room < count)
		room *= 2;
	return calloc(room, size);
}

void object_init(const struct schema_kind *kind, void *object)
{
	for (const struct sluice_field *field = kind->fields; field->key; field++) {
		const struct schema_value *value = field->value;

		if (field->list || value->type == SCHEMA_FIXED)
			continue;
		if (value->type == SCHEMA_FLAG)
			*(bool *)object_value(object, field) = value->initial;
		else if (value_size(value->type) == sizeof(int))
			*(int *)object_value(object, field) = value->initial;
	}
}

void object_clear_field(const struct sluice_field *field, void *object)
{
	const struct schema_value *value = field->value;

	if (field->list) {
		struct schema_list list = schema_list(object, value->offset, value->count);
		size_t size = value_size(value->type);

		for (size_t i = 0; i < *list.count; i++)
			value_clear(value->type, list_item(&list, size, i));
		free(*list.items);
		*list.items = NULL;
		*list.count = 0;
	} else {
		value_clear(value->type, object_value(object, field));
	}
}

static void clear_child(const struct schema_child *child, void *object)
{
	const struct schema_kind *kind = schema_kind(child->kind);
	struct schema_list list = schema_list(object, child->offset, child->count);

	if (child->shape == SHAPE_ONE) {
		object_clear(kind, object);
		return;
	}
	for (size_t i = 0; i < *list.count; i++)
		object_clear(kind, list_item(&list, kind->size, i));
	free(*list.items);
	*list.items = NULL;
	*list.count = 0;
}

void object_clear(const struct schema_kind *kind, void *object)
{
	if (kind->name_key) {
		free(*object_name(kind, object));
		*object_name(kind, object) = NULL;
	}
	for (const struct sluice_field *field = kind->fields; field->key; field++)
		object_clear_field(field, object);
	for (const struct schema_child *child = kind->children; child->key; child++)
		clear_child(child, object);
}

static int copy_field(const struct sluice_field *field, const void *from, void *to)
{
	const struct schema_value *value = field->value;
	size_t size = value_size(value->type);
	struct schema_list source, target;

	if (!field->list)
		return value_copy(value->type, object_value(from, field), object_value(to, field));
	source = schema_list(from, value->offset, value->count);
	target = schema_list(to, value->offset, value->count);
	if (!*source.count)
		return 0;
	*target.items = list_allocate(*source.count, size);
	if (!*target.items)
		/* cppcheck-suppress memleak; `to` holds the list */
		return -ENOMEM;
	for (; *target.count < *source.count; (*target.count)++) {
		if (value_copy(value->type, list_item(&source, size, *target.count),
			       list_item(&target, size, *target.count)))
			return -ENOMEM;
	}
	return 0;
}

/* What object_copy does, but on failure `to` holds what had been copied. */
static int copy_object(const struct schema_kind *kind, const void *from, void *to)
{
	if (kind->placed)
		*(struct sluice_place *)to = *(const struct sluice_place *)from;
	if (kind->name_key && *object_name(kind, from)) {
		*object_name(kind, to) = strdup(*object_name(kind, from));
		if (!*object_name(kind, to))
			return -ENOMEM;
	}
	for (const struct sluice_field *field = kind->fields; field->key; field++) {
		if (copy_field(field, from, to))
			return -ENOMEM;
	}
	for (const struct schema_child *child = kind->children; child->key; child++) {
		const struct schema_kind *inner = schema_kind(child->kind);
		struct schema_list source = schema_list(from, child->offset, child->count);
		struct schema_list target = schema_list(to, child->offset, child->count);

		if (child->shape == SHAPE_ONE) {
			if (copy_object(inner, from, to))
				return -ENOMEM;
			continue;
		}
		if (!*source.count)
			continue;
		*target.items = list_allocate(*source.count, inner->size);
		if (!*target.items)
			/* cppcheck-suppress memleak; `to` holds the list */
			return -ENOMEM;
		while (*target.count < *source.count) {
			size_t i = (*target.count)++;

			if (copy_object(inner, list_item(&source, inner->size, i),
					list_item(&target, inner->size, i)))
				return -ENOMEM;
		}
	}
	return 0;
}

int object_copy(const struct schema_kind *kind, const void *from, void *to)
{
	int code = copy_object(kind, from, to);

	if (code)
		object_clear(kind, to);
	return code;
}

static int set_list(const struct schema_kind *kind, void *object, const struct sluice_field *field,
		    const char *const *values, size_t count, struct sluice_error *error)
{
	const struct schema_value *value = field->value;
	size_t size = value_size(value->type);

	if (!count && field->required)
		return sluice_error_set(error, -EINVAL, "%s: the %s needs at least one", field->key,
					kind->name);
	for (size_t i = 0; i < count; i++) {
		struct schema_list list = schema_list(object, value->offset, value->count);
		void *item;
		int code;

		if (value->any && !strcmp(values[i], "*")) {
			object_clear_field(field, object);
			return 0;
		}
		item = list_append(list, size);
		if (!item)
			return sluice_error_set(error, -ENOMEM, "memory is short");
		code = value_parse(field, values[i], item, error);
		if (code)
			return code;
	}
	return 0;
}

int object_set(const struct schema_kind *kind, void *object, const struct sluice_field *field,
	       const char *const *values, size_t count, struct sluice_error *error)
{
	if (field->list)
		return set_list(kind, object, field, values, count, error);
	if (count > 1)
		return sluice_error_set(error, -EINVAL,
					"%s: takes one value, \"%.64s\" is one too many",
					field->key, values[1]);
	if (!count || !values[0][0]) {
		if (field->required)
			return sluice_error_set(error, -EINVAL, "%s: the %s needs one", field->key,
						kind->name);
		return 0;
	}
	return value_parse(field, values[0], object_value(object, field), error);
}

static bool is_zero(const unsigned char *bytes, size_t count)
{
	while (count && !bytes[count - 1])
		count--;
	return !count;
}

bool object_field_initial(const struct sluice_field *field, const void *object)
{
	const struct schema_value *value = field->value;

	if (field->list)
		return !*schema_list(object, value->offset, value->count).count;
	switch (value->type) {
	case SCHEMA_NAME:
	case SCHEMA_DEVICE:
	case SCHEMA_UPLINK:
	case SCHEMA_ADDRESS_NAME:
	case SCHEMA_CPUS:
	case SCHEMA_PREFIX_NAME:
	case SCHEMA_NEXT_HOP:
		return !*(char **)object_value(object, field);
	case SCHEMA_FLAG:
		return *(bool *)object_value(object, field) == !!value->initial;
	case SCHEMA_CHOICE:
	case SCHEMA_NUMBER:
	case SCHEMA_ICMP:
	case SCHEMA_PROTOCOL:
		return *(int *)object_value(object, field) == value->initial;
	case SCHEMA_TARGET:
		return !((const struct sluice_target *)object_value(object, field))->port;
	case SCHEMA_ADDRESS:
	case SCHEMA_PORTS:
		return is_zero(object_value(object, field), value_size(value->type));
	default:
		return value->type == SCHEMA_FIXED && !field->required;
	}
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The items' texts, sorted; one block, NULL when memory is short. */
static char **sorted_texts(const struct sluice_field *field, const struct schema_list *list)
{
	size_t count = *list->count, size = value_size(field->value->type);
	char **texts = malloc(count * (sizeof(char *) + TEXT_MAX));

	for (size_t i = 0; texts && i < count; i++) {
		char *own = (char *)(texts + count) + i * TEXT_MAX;
		const char *text = value_text(field, list_item(list, size, i), own);

		texts[i] = text == own ? own : (char *)text;
	}
	if (texts)
		qsort(texts, count, sizeof(*texts), compare_texts);
	return texts;
}

static bool same_set(const struct sluice_field *field, const struct schema_list *a,
		     const struct schema_list *b)
{
	char **a_texts = sorted_texts(field, a);
	char **b_texts = sorted_texts(field, b);
	bool same = a_texts && b_texts;

	for (size_t i = 0; same && i < *a->count; i++)
		same = !strcmp(a_texts[i], b_texts[i]);
	free(a_texts);
	free(b_texts);
	return same;
}

bool object_field_equal(const struct sluice_field *field, const void *a, const void *b)
{
	const struct schema_value *value = field->value;
	size_t size = value_size(value->type);
	struct schema_list first, second;

	if (value->type == SCHEMA_FIXED)
		return true;
	if (!field->list)
		return value_equal(value->type, object_value(a, field), object_value(b, field));
	first = schema_list(a, value->offset, value->count);
	second = schema_list(b, value->offset, value->count);
	if (*first.count != *second.count)
		return false;
	for (size_t i = 0; i < *first.count; i++) {
		if (value_equal(value->type, list_item(&first, size, i),
				list_item(&second, size, i)))
			continue;
		/* A subnet's errors come from the gateway of its first prefix: order counts. */
		return value->type != SCHEMA_PREFIX && same_set(field, &first, &second);
	}
	return true;
}

void *object_find(const struct schema_child *child, const void *parent, const char *name,
		  size_t *index)
{
	const struct schema_kind *kind = schema_kind(child->kind);
	struct schema_list list = schema_list(parent, child->offset, child->count);

	for (size_t i = 0; i < *list.count; i++) {
		void *item = list_item(&list, kind->size, i);

		if (!strcmp(*object_name(kind, item), name)) {
			if (index)
				*index = i;
			return item;
		}
	}
	return NULL;
}
