// SPDX-License-Identifier: BSD-2-Clause
/*
 * Document to YAML: canonical, what holds its default left out, and quoted wherever another
 * reader of YAML could take a value for something else than text.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "loader/schema.h"

/* Whether text without quotes is text to every reader of YAML. */
static bool is_plain(const char *text)
{
	static const char *const words[] = { "null", "true", "false", "yes", "no",
					     "on",   "off",  "y",     "n",   NULL };
	size_t length = strlen(text);

	for (const char *const *word = words; *word; word++) {
		if (!strcasecmp(text, *word))
			return false;
	}
	/* IPv4 addresses, prefixes and ranges: three dots make no number. */
	if (text[0] >= '0' && text[0] <= '9' && strspn(text, "0123456789./-") == length) {
		int dots = 0;

		for (const char *c = text; *c; c++)
			dots += *c == '.';
		return dots >= 3;
	}
	return ((text[0] | 0x20) >= 'a' && (text[0] | 0x20) <= 'z') &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-") ==
		       length;
}

static void write_text(FILE *stream, const char *text)
{
	if (is_plain(text)) {
		fputs(text, stream);
		return;
	}
	/* Everything the schema takes is printable ASCII. */
	putc('"', stream);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', stream);
		putc(*text, stream);
	}
	putc('"', stream);
}

static bool is_number(enum schema_type type, const char *text)
{
	return (type == SCHEMA_NUMBER || type == SCHEMA_ICMP || type == SCHEMA_PROTOCOL) &&
	       text[0] >= '0' && text[0] <= '9';
}

static void write_item(FILE *stream, const struct sluice_field *field, const void *item)
{
	char buffer[TEXT_MAX];
	const char *text = value_text(field, item, buffer);

	if (!text)
		fputs("null", stream);
	else if (is_number(field->value->type, text))
		fputs(text, stream);
	else
		write_text(stream, text);
}

static void write_value(FILE *stream, const struct sluice_field *field, const void *object)
{
	const struct schema_value *value = field->value;
	size_t size = value_size(value->type);
	struct schema_list list;

	if (!field->list) {
		write_item(stream, field, object_value(object, field));
		return;
	}
	list = schema_list(object, value->offset, value->count);
	putc('[', stream);
	for (size_t i = 0; i < *list.count; i++) {
		if (i)
			fputs(", ", stream);
		write_item(stream, field, list_item(&list, size, i));
	}
	putc(']', stream);
}

/* What stands before a key: the separator of a map in braces, or a line's indent. */
static void begin_key(FILE *stream, const char *key, size_t length, bool *first, int indent)
{
	if (indent < 0)
		fputs(*first ? "" : ", ", stream);
	else if (!*first)
		fprintf(stream, "%*s", indent, "");
	*first = false;
	fprintf(stream, "%.*s:", (int)length, key);
}

/* The nested map that begins with this field, in braces; gives the last field of it. */
static const struct sluice_field *write_nested(FILE *stream, const struct sluice_field *field,
					       size_t length, const void *object, bool *first,
					       int indent)
{
	const struct sluice_field *last = field;
	bool inner_first = true;

	for (; field->key && !strncmp(field->key, last->key, length + 1); field++) {
		last = field;
		if (object_field_initial(field, object))
			continue;
		if (inner_first) {
			begin_key(stream, field->key, length, first, indent);
			fputs(" {", stream);
		}
		begin_key(stream, field->key + length + 1, strlen(field->key + length + 1),
			  &inner_first, -1);
		putc(' ', stream);
		write_value(stream, field, object);
	}
	if (!inner_first)
		fputs(indent < 0 ? "}" : "}\n", stream);
	return last;
}

/* Name and fields, each on its line at indent, or separated by commas when it is -1. */
static void write_fields(FILE *stream, const struct schema_kind *kind, const void *object,
			 bool *first, int indent)
{
	if (kind->name_key && !kind->keyed) {
		begin_key(stream, kind->name_key, strlen(kind->name_key), first, indent);
		putc(' ', stream);
		write_text(stream, *object_name(kind, object));
		if (indent >= 0)
			putc('\n', stream);
	}
	for (const struct sluice_field *field = kind->fields; field->key; field++) {
		size_t length = strcspn(field->key, ".");

		if (field->key[length]) {
			field = write_nested(stream, field, length, object, first, indent);
			continue;
		}
		if (object_field_initial(field, object))
			continue;
		begin_key(stream, field->key, length, first, indent);
		putc(' ', stream);
		write_value(stream, field, object);
		if (indent >= 0)
			putc('\n', stream);
	}
}

static void write_children(FILE *stream, const struct schema_child *child, const void *object,
			   bool *first, int indent);

/* Whether anything would be written but the name: a map of nothing needs its braces. */
static bool is_bare(const struct schema_kind *kind, const void *object)
{
	for (const struct sluice_field *field = kind->fields; field->key; field++) {
		if (!object_field_initial(field, object))
			return false;
	}
	for (const struct schema_child *child = kind->children; child->key; child++) {
		if (*schema_list(object, child->offset, child->count).count)
			return false;
	}
	return true;
}

static void write_object(FILE *stream, const struct schema_kind *kind, const void *object,
			 bool *first, int indent)
{
	if (!kind->block) {
		*first = true;
		putc('{', stream);
		write_fields(stream, kind, object, first, -1);
		fputs("}\n", stream);
		return;
	}
	write_fields(stream, kind, object, first, indent);
	for (const struct schema_child *child = kind->children; child->key; child++)
		write_children(stream, child, object, first, indent);
}

static void write_child(FILE *stream, const struct schema_child *child, const void *item,
			int indent)
{
	const struct schema_kind *kind = schema_kind(child->kind);
	bool first = child->shape == SHAPE_LIST;

	if (child->shape == SHAPE_LIST) {
		fprintf(stream, "%*s- ", indent + 2, "");
		write_object(stream, kind, item, &first, indent + 4);
		return;
	}
	fprintf(stream, "%*s", indent + 2, "");
	write_text(stream, *object_name(kind, item));
	putc(':', stream);
	if (child->shape == SHAPE_BARE) {
		putc(' ', stream);
		write_value(stream, &kind->fields[0], item);
		putc('\n', stream);
	} else if (child->shape == SHAPE_LISTS) {
		struct schema_list list =
			schema_list(item, kind->children->offset, kind->children->count);
		size_t size = schema_kind(kind->children->kind)->size;

		fputs(*list.count ? "\n" : " []\n", stream);
		for (size_t i = 0; i < *list.count; i++)
			write_child(stream, kind->children, list_item(&list, size, i), indent + 2);
	} else if (is_bare(kind, item)) {
		fputs(" {}\n", stream);
	} else {
		putc('\n', stream);
		write_object(stream, kind, item, &first, indent + 4);
	}
}

static void write_children(FILE *stream, const struct schema_child *child, const void *object,
			   bool *first, int indent)
{
	const struct schema_kind *kind = schema_kind(child->kind);
	struct schema_list list = schema_list(object, child->offset, child->count);

	if (child->shape != SHAPE_ONE ? !*list.count : !kind->name_key && is_bare(kind, object))
		return;
	begin_key(stream, child->key, strlen(child->key), first, indent);
	if (child->shape == SHAPE_ONE) {
		putc(' ', stream);
		write_object(stream, kind, object, first, indent);
		*first = false;
	} else if (child->shape == SHAPE_NAMES) {
		fputs(" [", stream);
		for (size_t i = 0; i < *list.count; i++) {
			fputs(i ? ", " : "", stream);
			write_text(stream, *object_name(kind, list_item(&list, kind->size, i)));
		}
		fputs("]\n", stream);
	} else {
		putc('\n', stream);
		for (size_t i = 0; i < *list.count; i++)
			write_child(stream, child, list_item(&list, kind->size, i), indent);
	}
}

int sluice_config_write(const struct sluice_config *config, FILE *stream,
			struct sluice_error *error)
{
	bool first = true;

	errno = 0;
	write_object(stream, schema_kind(SCHEMA_DOCUMENT), config, &first, 0);
	if (fflush(stream) || ferror(stream)) {
		int code = errno ? -errno : -EIO;

		return sluice_error_set(error, code, "can not write the document: %s",
					strerror(-code));
	}
	return 0;
}
