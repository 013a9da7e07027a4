// SPDX-License-Identifier: BSD-2-Clause
/*
 * YAML to document, event by event along the schema: nothing of the file is kept but what the
 * schema has a place for, so a hostile file costs no more memory than its values, and its nesting
 * ends where the schema's does. Aliases are refused, which leaves nothing to expand.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "loader/schema.h"

/* How many values and things a document's lists can hold in all; 100,000 rules with ten addresses
 * and ports each stay well below. */
#define YAML_VALUES_MAX 4000000U

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	bool has_event;
	const char *text;
	const char *name;
	size_t values;
	const struct schema_at *wanted; /* yaml_locate: the value sought */
	struct sluice_place found;
	struct sluice_error *error;
};

static struct sluice_place place_of(const yaml_mark_t *mark)
{
	return (struct sluice_place){ mark->line + 1, mark->column + 1 };
}

/* Adds the place to an error that has its sentence. */
static int at_place(struct reader *reader, struct sluice_place place, int code)
{
	if (code && reader->error) {
		snprintf(reader->error->file, sizeof(reader->error->file), "%s", reader->name);
		reader->error->line = place.line;
		reader->error->column = place.column;
	}
	return code;
}

static struct sluice_place here(const struct reader *reader)
{
	return place_of(&reader->event.start_mark);
}

#define fail(reader, place, ...) \
	at_place(reader, place, sluice_error_set((reader)->error, -EINVAL, __VA_ARGS__))

static int no_memory(struct reader *reader)
{
	return at_place(reader, here(reader),
			sluice_error_set(reader->error, -ENOMEM, "memory is short"));
}

/* Where a byte of the file is, for errors of the encoding, which libyaml gives by offset. */
static struct sluice_place place_of_offset(const char *text, size_t offset)
{
	struct sluice_place place = { 1, 1 };

	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if ((text[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	return place;
}

static int parser_failed(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;

	if (parser->error == YAML_MEMORY_ERROR)
		return no_memory(reader);
	if (parser->error == YAML_READER_ERROR)
		return fail(reader, place_of_offset(reader->text, parser->problem_offset),
			    "this is not text in UTF-8: %s", parser->problem);
	return fail(reader, place_of(&parser->problem_mark), "this is not YAML: %s%s%s",
		    parser->problem, parser->context ? " " : "",
		    parser->context ? parser->context : "");
}

static bool has_tag(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.tag;
	default:
		return false;
	}
}

/* Goes on to the next event. */
static int next(struct reader *reader)
{
	if (reader->has_event)
		yaml_event_delete(&reader->event);
	reader->has_event = false;
	if (!yaml_parser_parse(&reader->parser, &reader->event))
		return parser_failed(reader);
	reader->has_event = true;
	if (reader->event.type == YAML_ALIAS_EVENT)
		return fail(reader, here(reader),
			    "aliases (\"*%.48s\") are not read here; write the value "
			    "out, or in quotes if it shall begin with a star",
			    reader->event.data.alias.anchor);
	if (has_tag(&reader->event))
		return fail(reader, here(reader),
			    "tags (\"!...\") are not read here; a key's type is known");
	if (reader->event.type == YAML_SCALAR_EVENT &&
	    memchr(reader->event.data.scalar.value, '\0', reader->event.data.scalar.length))
		return fail(reader, here(reader), "a value can not hold a NUL character");
	return 0;
}

/* One more item of a list, within what a document may hold. */
static int append(struct reader *reader, struct schema_list list, size_t size, void **item)
{
	if (++reader->values > YAML_VALUES_MAX)
		return fail(reader, here(reader), "the document has too many values, more than %u",
			    YAML_VALUES_MAX);
	*item = list_append(list, size);
	return *item ? 0 : no_memory(reader);
}

static bool is(const struct reader *reader, yaml_event_type_t type)
{
	return reader->event.type == type;
}

static const char *scalar(const struct reader *reader)
{
	return (const char *)reader->event.data.scalar.value;
}

/* Nothing was written, or ~ or null without quotes. */
static bool is_null(const struct reader *reader)
{
	return is(reader, YAML_SCALAR_EVENT) &&
	       reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*scalar(reader) || !strcmp(scalar(reader), "~") ||
		!strcasecmp(scalar(reader), "null"));
}

static const char *what_it_is(const struct reader *reader)
{
	switch (reader->event.type) {
	case YAML_SEQUENCE_START_EVENT:
		return "a list";
	case YAML_MAPPING_START_EVENT:
		return "a map";
	default:
		return "a single value";
	}
}

static int wrong_shape(struct reader *reader, const char *key, const char *right)
{
	return fail(reader, here(reader), "%s: here stands %s; it is %s", key, what_it_is(reader),
		    right);
}

/* yaml_locate: remembers the current event's place when it is the value sought. */
static void note_place(struct reader *reader, const void *object, const char *key, size_t index)
{
	const struct sluice_place *place = object;

	if (reader->wanted && reader->wanted->key && !strcmp(reader->wanted->key, key) &&
	    reader->wanted->index == index && place->line == reader->wanted->place.line &&
	    place->column == reader->wanted->place.column)
		reader->found = here(reader);
}

/* --- values --- */

static int read_list(struct reader *reader, const struct schema_kind *kind,
		     const struct sluice_field *field, void *object)
{
	const struct schema_value *value = field->value;
	struct schema_list list = schema_list(object, value->offset, value->count);
	struct sluice_place start = here(reader);
	bool any = false;
	size_t index = 0;
	int code;

	if (!is(reader, YAML_SEQUENCE_START_EVENT))
		return wrong_shape(reader, field->key, "a list, [A, B]");
	while (!(code = next(reader)) && !is(reader, YAML_SEQUENCE_END_EVENT)) {
		void *item = NULL;

		if (!is(reader, YAML_SCALAR_EVENT))
			return wrong_shape(reader, field->key, "a list of single values");
		note_place(reader, object, field->key, index++);
		if (value->any && !strcmp(scalar(reader), "*")) {
			any = true;
			continue;
		}
		code = append(reader, list, value_size(value->type), &item);
		if (code)
			return code;
		code = value_parse(field, scalar(reader), item, reader->error);
		if (code)
			return at_place(reader, here(reader), code);
	}
	if (code)
		return code;
	/* Whoever wrote an empty list of sources did not mean everybody. */
	if (!index && value->any)
		return fail(reader, start,
			    "%s: the list is empty; leave it out, or write [\"*\"], for any",
			    field->key);
	if (!index && field->required)
		return fail(reader, start, "%s: the %s needs at least one", field->key, kind->name);
	if (any)
		object_clear_field(field, object);
	return 0;
}

/* The current event is the field's value. */
static int read_value(struct reader *reader, const struct schema_kind *kind,
		      const struct sluice_field *field, void *object)
{
	if (is_null(reader)) {
		if (field->required)
			return fail(reader, here(reader), "%s: a value is missing", field->key);
		return 0;
	}
	if (field->list)
		return read_list(reader, kind, field, object);
	if (!is(reader, YAML_SCALAR_EVENT))
		return wrong_shape(reader, field->key, "a single value");
	if (kind->placed)
		note_place(reader, object, field->key, 0);
	return at_place(
		reader, here(reader),
		value_parse(field, scalar(reader), object_value(object, field), reader->error));
}

/* The current event is the name of a thing. */
static int read_name(struct reader *reader, const struct schema_kind *kind, void *object)
{
	const struct schema_value value = { .type = kind->name_type };
	const struct sluice_field field = { .key = kind->name_key, .value = &value };

	if (!is(reader, YAML_SCALAR_EVENT))
		return wrong_shape(reader, field.key, "a single value");
	if (kind->placed)
		note_place(reader, object, field.key, 0);
	if (!kind->placed) {
		free(*object_name(kind, object));
		*object_name(kind, object) = NULL;
	}
	return at_place(
		reader, here(reader),
		value_parse(&field, scalar(reader), object_name(kind, object), reader->error));
}

/* --- things --- */

/* Which keys of a map were there: bits for fields, then children, then the name, then the keys
 * of later versions. */
struct seen {
	unsigned long long keys;
	unsigned long long nested; /* by the first field of the nested map */
};

static int once(struct reader *reader, unsigned long long *bits, unsigned int bit, const char *key)
{
	if (*bits & 1ULL << bit)
		return fail(reader, here(reader), "%s: the key is there twice", key);
	*bits |= 1ULL << bit;
	return next(reader);
}

static int read_children(struct reader *reader, const struct schema_child *child, void *object);
static int read_map(struct reader *reader, const struct schema_kind *kind, const char *prefix,
		    struct seen *seen, void *object);

/* A key of CONTRACT that only a later version can do: nothing may be in it. */
static int read_unsupported(struct reader *reader, const char *key)
{
	struct sluice_place start = here(reader);
	bool empty = is_null(reader);
	int code = 0;

	if (is(reader, YAML_SEQUENCE_START_EVENT) || is(reader, YAML_MAPPING_START_EVENT)) {
		code = next(reader);
		empty = is(reader, YAML_SEQUENCE_END_EVENT) || is(reader, YAML_MAPPING_END_EVENT);
	}
	if (!code && !empty)
		return fail(reader, start, "%s: this version can not do that yet; take it out",
			    key);
	return code;
}

static unsigned int count_fields(const struct schema_kind *kind)
{
	unsigned int count = 0;

	while (kind->fields[count].key)
		count++;
	return count;
}

/* A key that no field has by itself: a nested map ("guards"), a child, the name or a later one. */
static int read_other_key(struct reader *reader, const struct schema_kind *kind, const char *prefix,
			  const char *key, struct seen *seen, void *object)
{
	unsigned int fields = count_fields(kind), bit = fields;
	char nested[64];
	int length = snprintf(nested, sizeof(nested), "%s%s.", prefix, key);
	int code;

	for (unsigned int i = 0; i < fields; i++) {
		if (strncmp(kind->fields[i].key, nested, length))
			continue;
		code = once(reader, &seen->nested, i, key);
		if (code || is_null(reader))
			return code;
		if (!is(reader, YAML_MAPPING_START_EVENT))
			return wrong_shape(reader, key, "a map, {KEY: VALUE}");
		return read_map(reader, kind, nested, seen, object);
	}
	for (const struct schema_child *child = kind->children; !*prefix && child->key;
	     child++, bit++) {
		if (!strcmp(child->key, key)) {
			code = once(reader, &seen->keys, bit, key);
			return code ? code : read_children(reader, child, object);
		}
	}
	if (!*prefix && kind->name_key && !kind->keyed && !strcmp(kind->name_key, key)) {
		code = once(reader, &seen->keys, 62, key);
		return code ? code : read_name(reader, kind, object);
	}
	for (const char *const *later = kind->unsupported; !*prefix && later && *later;
	     later++, bit++) {
		if (!strcmp(*later, key)) {
			code = once(reader, &seen->keys, bit, key);
			return code ? code : read_unsupported(reader, key);
		}
	}
	return at_place(reader, here(reader), schema_unknown_key(kind, prefix, key, reader->error));
}

/* The current event begins the map; on success it is its end. */
static int read_map(struct reader *reader, const struct schema_kind *kind, const char *prefix,
		    struct seen *seen, void *object)
{
	int code;

	while (!(code = next(reader)) && !is(reader, YAML_MAPPING_END_EVENT)) {
		const struct sluice_field *field;
		char whole[64], key[48];

		if (!is(reader, YAML_SCALAR_EVENT))
			return fail(reader, here(reader), "here stands %s; a key is a single word",
				    what_it_is(reader));
		snprintf(key, sizeof(key), "%s", scalar(reader));
		snprintf(whole, sizeof(whole), "%.15s%s", prefix, key);
		field = strchr(key, '.') ? NULL : schema_field(kind, whole);
		if (field) {
			code = once(reader, &seen->keys, field - kind->fields, whole);
			if (!code)
				code = read_value(reader, kind, field, object);
		} else {
			code = read_other_key(reader, kind, prefix, key, seen, object);
		}
		if (code)
			return code;
	}
	return code;
}

static int missing_key(struct reader *reader, const struct schema_kind *kind, const void *object,
		       struct sluice_place start, const char *key)
{
	const char *name = kind->name_key ? *object_name(kind, object) : NULL;

	if (name)
		return fail(reader, start, "%s \"%s\" has no \"%s\"", kind->name, name, key);
	return fail(reader, start, "this %s has no \"%s\"", kind->name, key);
}

/* The current event begins the thing's map. */
static int read_object(struct reader *reader, const struct schema_kind *kind, void *object)
{
	struct sluice_place start = here(reader);
	struct seen seen = { 0 };
	int code;

	if (!is(reader, YAML_MAPPING_START_EVENT))
		return wrong_shape(reader, kind->name, "a map, {KEY: VALUE}");
	code = read_map(reader, kind, "", &seen, object);
	if (code)
		return code;
	if (kind->name_key && !*object_name(kind, object))
		return missing_key(reader, kind, object, start, kind->name_key);
	for (unsigned int i = 0; kind->fields[i].key; i++) {
		if (kind->fields[i].required && !(seen.keys & 1ULL << i))
			return missing_key(reader, kind, object, start, kind->fields[i].key);
	}
	return 0;
}

/* One element of a list, or one key of a map with what it holds. */
static int read_child(struct reader *reader, const struct schema_child *child, void *item)
{
	const struct schema_kind *kind = schema_kind(child->kind);
	int code;

	*(struct sluice_place *)item = here(reader);
	object_init(kind, item);
	if (child->shape == SHAPE_LIST)
		return read_object(reader, kind, item);
	code = read_name(reader, kind, item);
	if (code || child->shape == SHAPE_NAMES)
		return code;
	code = next(reader);
	if (code)
		return code;
	if (child->shape == SHAPE_BARE)
		return read_value(reader, kind, &kind->fields[0], item);
	if (child->shape == SHAPE_LISTS)
		return read_children(reader, kind->children, item);
	return is_null(reader) ? 0 : read_object(reader, kind, item);
}

static int read_children(struct reader *reader, const struct schema_child *child, void *object)
{
	bool map = child->shape == SHAPE_MAP || child->shape == SHAPE_BARE ||
		   child->shape == SHAPE_LISTS;
	yaml_event_type_t start = map ? YAML_MAPPING_START_EVENT : YAML_SEQUENCE_START_EVENT;
	yaml_event_type_t end = map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	int code;

	if (is_null(reader))
		return 0;
	if (child->shape == SHAPE_ONE)
		return read_object(reader, schema_kind(child->kind), object);
	if (!is(reader, start))
		return wrong_shape(reader, child->key,
				   map ? "a map, {NAME: ...}"
				   : child->shape == SHAPE_NAMES
					   ? "a list of names"
					   : "a list of maps, [{KEY: VALUE}]");
	while (!(code = next(reader)) && !is(reader, end)) {
		void *item = NULL;

		code = append(reader, schema_list(object, child->offset, child->count),
			      schema_kind(child->kind)->size, &item);
		if (!code)
			code = read_child(reader, child, item);
		if (code)
			return code;
	}
	return code;
}

static int read_document(struct reader *reader, struct sluice_config *config)
{
	int code = next(reader);

	if (!code)
		code = next(reader);
	if (code)
		return code;
	if (!is(reader, YAML_DOCUMENT_START_EVENT))
		return fail(reader, here(reader),
			    "the file is empty; it begins with "
			    "\"apiVersion: sluice/v1\"");
	code = next(reader);
	if (!code)
		code = read_object(reader, schema_kind(SCHEMA_DOCUMENT), config);
	if (!code)
		code = next(reader);
	if (!code)
		code = next(reader);
	if (!code && !is(reader, YAML_STREAM_END_EVENT))
		return fail(reader, here(reader), "a second document begins here; a file has one");
	return code;
}

static int read_all(struct reader *reader, size_t length, struct sluice_config *config)
{
	int code;

	if (!yaml_parser_initialize(&reader->parser))
		return sluice_error_set(reader->error, -ENOMEM, "memory is short");
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->text, length);
	code = read_document(reader, config);
	if (reader->has_event)
		yaml_event_delete(&reader->event);
	yaml_parser_delete(&reader->parser);
	return code;
}

int yaml_read(const char *text, size_t length, const char *name, struct sluice_config *config,
	      struct sluice_error *error)
{
	struct reader reader = { .text = text, .name = name, .error = error };

	return read_all(&reader, length, config);
}

int yaml_locate(const char *text, size_t length, const struct schema_at *at,
		struct sluice_place *place)
{
	struct reader reader = { .text = text, .name = "", .wanted = at };
	struct sluice_config config = { 0 };

	/* The text was read before; what can still fail comes after what was found. */
	read_all(&reader, length, &config);
	object_clear(schema_kind(SCHEMA_DOCUMENT), &config);
	if (!reader.found.line)
		return -ENOENT;
	*place = reader.found;
	return 0;
}
