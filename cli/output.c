// SPDX-License-Identifier: BSD-2-Clause
/*
 * How answers and errors leave the command: one line or one JSON object for an error, tables for
 * people, JSON for programs.
 */
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

json_t *error_json(const struct sluice_error *error)
{
	json_t *inner = json_pack("{ss}", "message", error->message);

	if (error->file[0])
		json_object_set_new(inner, "file", json_string(error->file));
	if (error->file[0] && error->line)
		json_object_set_new(inner, "line", json_integer(error->line));
	if (error->file[0] && error->column)
		json_object_set_new(inner, "column", json_integer(error->column));
	return json_pack("{so}", "error", inner);
}

static void print_error(const struct invocation *invocation, const struct sluice_error *error)
{
	fflush(stdout);
	if (error->file[0] && error->line)
		fprintf(stderr, "sluice: %s:%u:%u: %s\n", error->file, error->line, error->column,
			error->message);
	else if (error->file[0])
		fprintf(stderr, "sluice: %s: %s\n", error->file, error->message);
	else
		fprintf(stderr, "sluice: %s\n", error->message);
	if (invocation->json)
		print_json(error_json(error));
}

int usage_error(const struct invocation *invocation, const char *format, ...)
{
	struct sluice_error error = { 0 };
	size_t length;
	va_list list;

	va_start(list, format);
	vsnprintf(error.message, sizeof(error.message), format, list);
	va_end(list);
	length = strlen(error.message);
	if (invocation->command)
		snprintf(error.message + length, sizeof(error.message) - length,
			 " (see: sluice %s%s%s -h)", invocation->command->noun,
			 invocation->command->verb ? " " : "",
			 invocation->command->verb ? invocation->command->verb : "");
	print_error(invocation, &error);
	return EXIT_USAGE;
}

int refuse(const struct invocation *invocation, const struct sluice_error *error)
{
	print_error(invocation, error);
	return EXIT_REFUSED;
}

int refuse_text(const struct invocation *invocation, const char *format, ...)
{
	struct sluice_error error = { 0 };
	va_list list;

	va_start(list, format);
	vsnprintf(error.message, sizeof(error.message), format, list);
	va_end(list);
	return refuse(invocation, &error);
}

void print_json(json_t *json)
{
	json_dumpf(json, stdout, isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT);
	putchar('\n');
	json_decref(json);
}

void print_json_line(json_t *json)
{
	json_dumpf(json, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(json);
}

bool colored(const struct invocation *invocation)
{
	if (invocation->color == COLOR_AUTO)
		return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	return invocation->color == COLOR_ALWAYS;
}

const char *shade(const struct invocation *invocation, enum shade shade)
{
	static const char *const sequences[] = {
		[SHADE_PLAIN] = "\033[0m",
		[SHADE_GOOD] = "\033[32m",
		[SHADE_BAD] = "\033[31m",
		[SHADE_FAINT] = "\033[2m",
	};

	return colored(invocation) ? sequences[shade] : "";
}

/* --- tables --------------------------------------------------------------------------------- */

struct table {
	struct libscols_table *scols;
	struct libscols_line *line;
	bool colors;
};

static void out_of_memory(void)
{
	fprintf(stderr, "sluice: out of memory\n");
	exit(EXIT_REFUSED);
}

struct table *table_new(const struct invocation *invocation, const struct table_column *columns,
			size_t count)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		out_of_memory();
	table->scols = scols_new_table();
	if (!table->scols)
		out_of_memory();
	table->colors = colored(invocation);
	scols_table_enable_colors(table->scols, table->colors);
	for (size_t i = 0; i < count; i++)
		if (!scols_table_new_column(table->scols, columns[i].header, 0,
					    columns[i].right ? SCOLS_FL_RIGHT : 0))
			out_of_memory();
	return table;
}

void table_row(struct table *table)
{
	table->line = scols_table_new_line(table->scols, NULL);
	if (!table->line)
		out_of_memory();
}

void table_cell(struct table *table, size_t column, enum shade shade, const char *format, ...)
{
	static const char *const names[] = {
		[SHADE_GOOD] = "green", [SHADE_BAD] = "red", [SHADE_FAINT] = "gray"
	};
	va_list list;
	char *text;
	int length;

	va_start(list, format);
	length = vasprintf(&text, format, list);
	va_end(list);
	if (length < 0 || scols_line_refer_data(table->line, column, text))
		out_of_memory();
	if (table->colors && shade != SHADE_PLAIN)
		scols_cell_set_color(scols_line_get_cell(table->line, column), names[shade]);
}

void table_end(struct table *table, const char *nothing)
{
	if (scols_table_get_nlines(table->scols))
		scols_print_table(table->scols);
	else if (nothing)
		printf("%s\n", nothing);
	scols_unref_table(table->scols);
	free(table);
}

/* Appends one value's text. An array's values are separated by spaces; of an object that has a
 * name, that is shown, of another all its keys. */
static void append_value(char *text, size_t size, const json_t *value)
{
	size_t length = strlen(text);
	const char *key;
	json_t *item;
	size_t index;

	switch (json_typeof(value)) {
	case JSON_STRING:
		snprintf(text + length, size - length, "%s", json_string_value(value));
		return;
	case JSON_INTEGER:
		snprintf(text + length, size - length, "%lld",
			 (long long)json_integer_value(value));
		return;
	case JSON_REAL:
		snprintf(text + length, size - length, "%g", json_real_value(value));
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		snprintf(text + length, size - length, "%s", json_is_true(value) ? "yes" : "no");
		return;
	case JSON_NULL:
		return;
	case JSON_ARRAY:
		json_array_foreach(value, index, item)
		{
			if (index && strlen(text) + 1 < size)
				strcat(text, " ");
			append_value(text, size, item);
		}
		return;
	case JSON_OBJECT:
		item = json_object_get(value, "name");
		if (item) {
			append_value(text, size, item);
			return;
		}
		json_object_foreach((json_t *)value, key, item)
		{
			length = strlen(text);
			snprintf(text + length, size - length, "%s%s=", length ? " " : "", key);
			append_value(text, size, item);
		}
		return;
	}
}

const char *cell_text(const json_t *value)
{
	static char ring[8][4096];
	static unsigned int next;
	char *text = ring[next++ % 8];

	text[0] = '\0';
	if (value)
		append_value(text, sizeof(ring[0]), value);
	return text;
}
