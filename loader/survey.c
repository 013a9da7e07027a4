/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of findings, and files below the survey's root; see survey.h. */
#include "loader/survey.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add(struct survey *survey, enum sluice_finding_level level, const char *subject,
		const char *remedy, const char *format, va_list arguments)
{
	struct sluice_finding *list, *finding;

	list = realloc(survey->list, (survey->count + 1) * sizeof(*list));
	if (!list) {
		survey->short_of_memory = true;
		return;
	}
	survey->list = list;
	finding = &list[survey->count++];
	memset(finding, 0, sizeof(*finding));
	finding->level = level;
	snprintf(finding->subject, sizeof(finding->subject), "%s", subject);
	snprintf(finding->remedy, sizeof(finding->remedy), "%s", remedy);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
}

void finding_add(struct survey *survey, enum sluice_finding_level level, const char *subject,
		 const char *remedy, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(survey, level, subject, remedy, format, arguments);
	va_end(arguments);
}

void device_finding_add(struct survey *survey, const char *device, enum sluice_finding_level level,
			const char *what, const char *remedy, const char *format, ...)
{
	char subject[sizeof(((struct sluice_finding *)0)->subject)];
	va_list arguments;

	snprintf(subject, sizeof(subject), "%s: %s", device, what);
	va_start(arguments, format);
	add(survey, level, subject, remedy, format, arguments);
	va_end(arguments);
}

/* The path below the root, of what `format` and `arguments` say. */
static void path_of(const struct survey *survey, char path[PATH_MAX], const char *format,
		    va_list arguments)
{
	int length = snprintf(path, PATH_MAX, "%s", survey->root);

	if (length >= 0 && length < PATH_MAX)
		vsnprintf(path + length, PATH_MAX - (size_t)length, format, arguments);
}

bool survey_has(const struct survey *survey, const char *format, ...)
{
	char path[PATH_MAX];
	va_list arguments;

	va_start(arguments, format);
	path_of(survey, path, format, arguments);
	va_end(arguments);
	return !access(path, F_OK);
}

static bool first_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	char *line = file ? fgets(text, (int)size, file) : NULL;

	if (file)
		fclose(file);
	if (line)
		line[strcspn(line, "\n")] = '\0';
	return line;
}

bool survey_text(const struct survey *survey, char *text, size_t size, const char *format, ...)
{
	char path[PATH_MAX];
	va_list arguments;

	va_start(arguments, format);
	path_of(survey, path, format, arguments);
	va_end(arguments);
	return first_line(path, text, size);
}

bool survey_number(const struct survey *survey, long long *number, const char *format, ...)
{
	char path[PATH_MAX], text[64], *end;
	va_list arguments;
	long long read;

	va_start(arguments, format);
	path_of(survey, path, format, arguments);
	va_end(arguments);
	if (!first_line(path, text, sizeof(text)))
		return false;
	read = strtoll(text, &end, 0);
	if (end == text)
		return false;
	*number = read;
	return true;
}

bool survey_link(const struct survey *survey, char *name, size_t size, const char *format, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	va_list arguments;
	ssize_t length;
	char *slash;

	va_start(arguments, format);
	path_of(survey, path, format, arguments);
	va_end(arguments);
	length = readlink(path, target, sizeof(target) - 1);
	if (length <= 0)
		return false;
	target[length] = '\0';
	slash = strrchr(target, '/');
	snprintf(name, size, "%s", slash ? slash + 1 : target);
	return true;
}

FILE *survey_open(const struct survey *survey, const char *format, ...)
{
	char path[PATH_MAX];
	va_list arguments;

	va_start(arguments, format);
	path_of(survey, path, format, arguments);
	va_end(arguments);
	return fopen(path, "re");
}

size_t survey_each(const struct survey *survey, bool (*visit)(const char *entry, void *context),
		   void *context, const char *format, ...)
{
	struct dirent **entries;
	char path[PATH_MAX];
	va_list arguments;
	size_t seen = 0;
	bool on = true;
	int count;

	va_start(arguments, format);
	path_of(survey, path, format, arguments);
	va_end(arguments);
	count = scandir(path, &entries, NULL, versionsort);
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.') {
			seen++;
			on = on && visit && visit(entries[i]->d_name, context);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return seen;
}
