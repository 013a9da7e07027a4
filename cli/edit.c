// SPDX-License-Identifier: BSD-2-Clause
/*
 * Adding, changing and deleting one thing of the document, whatever its kind: the options of
 * these commands are the document's own keys.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* What a command names: a thing, and for kinds that stand in another the one it is in. */
struct target {
	char parent[128];
	char name[128];
};

static int copy_name(const struct invocation *invocation, char *to, size_t size, const char *from,
		     size_t length)
{
	if (length >= size)
		return usage_error(invocation, "the name \"%.40s...\" is too long", from);
	memcpy(to, from, length);
	to[length] = '\0';
	return 0;
}

/* argument: NAME or OWNER/NAME, or NULL when --name has it. */
static int read_target(const struct invocation *invocation, const char *argument,
		       struct target *target)
{
	const char *option = parent_option(invocation->command->kind);
	const char *parent = option ? option_text(invocation, option) : NULL;
	const char *name = argument ? argument : option_text(invocation, "name");
	const char *slash;

	memset(target, 0, sizeof(*target));
	if (sluice_kind_is_single(invocation->command->kind))
		return 0;
	if (!name)
		return usage_error(invocation, "it wants the name of the %s",
				   sluice_kind_name(invocation->command->kind));
	slash = option && !parent ? strchr(name, '/') : NULL;
	if (slash) {
		int code = copy_name(invocation, target->parent, sizeof(target->parent), name,
				     slash - name);

		if (code)
			return code;
		name = slash + 1;
	} else if (parent) {
		int code = copy_name(invocation, target->parent, sizeof(target->parent), parent,
				     strlen(parent));

		if (code)
			return code;
	} else if (option) {
		return usage_error(invocation, "--%s is missing", option);
	}
	return copy_name(invocation, target->name, sizeof(target->name), name, strlen(name));
}

static const char *parent_of(const struct target *target)
{
	return target->parent[0] ? target->parent : NULL;
}

static const char *target_text(const struct target *target)
{
	static char text[2 * 128 + 2];

	snprintf(text, sizeof(text), "%s%s%s", target->parent, target->parent[0] ? "/" : "",
		 target->name);
	return text;
}

/* --- options become settings ---------------------------------------------------------------- */

struct settings {
	struct sluice_setting list[MAX_OPTIONS];
	size_t count;
	char **owned; /* values that were put together here */
	size_t owned_count;
};

static void settings_free(struct settings *settings)
{
	for (size_t i = 0; i < settings->count; i++)
		free((void *)settings->list[i].values);
	for (size_t i = 0; i < settings->owned_count; i++)
		free(settings->owned[i]);
	free(settings->owned);
}

static struct sluice_setting *setting_of(struct settings *settings, const char *key)
{
	for (size_t i = 0; i < settings->count; i++)
		if (!strcmp(settings->list[i].key, key))
			return &settings->list[i];
	settings->list[settings->count].key = key;
	return &settings->list[settings->count++];
}

static int append(struct settings *settings, struct sluice_setting *setting, const char *prefix,
		  const char *value)
{
	const char **values =
		realloc((void *)setting->values, (setting->count + 1) * sizeof(*values));

	if (!values)
		return -1;
	setting->values = values;
	if (prefix && *value) {
		char **owned =
			realloc(settings->owned, (settings->owned_count + 1) * sizeof(*owned));
		char *whole;

		if (!owned)
			return -1;
		settings->owned = owned;
		if (asprintf(&whole, "%s%s", prefix, value) < 0)
			return -1;
		settings->owned[settings->owned_count++] = whole;
		value = whole;
	}
	values[setting->count++] = value;
	return 0;
}

/* Two options may set one key (--sources and --source-asgs): their values are put together. An
 * empty value leaves the key without one. */
static int read_settings(const struct invocation *invocation, struct settings *settings)
{
	memset(settings, 0, sizeof(*settings));
	for (size_t i = 0; i < invocation->option_count; i++) {
		const struct cli_option *option = &invocation->options[i];
		const struct option_values *values = &invocation->values[i];
		struct sluice_setting *setting;

		if (!option->key || !values->given)
			continue;
		setting = setting_of(settings, option->key);
		for (size_t v = 0; v < values->count; v++)
			if (values->values[v][0] &&
			    append(settings, setting, option->prefix, values->values[v]))
				return refuse_text(invocation, "out of memory");
	}
	return 0;
}

/* --- the commands --------------------------------------------------------------------------- */

/* The whole command line, for the history. */
static void say_why(const struct invocation *invocation, const char *names, char *why, size_t size)
{
	const struct command *command = invocation->command;

	snprintf(why, size, "%s %s %s", command->noun, command->verb, names);
}

/* English of what was done, "port vm1 added". */
static const char *done_text(const struct invocation *invocation, const char *names)
{
	static char text[640];
	const char *verb = invocation->command->verb;
	bool e = verb[strlen(verb) - 1] == 'e';

	if (sluice_kind_is_single(invocation->command->kind))
		snprintf(text, sizeof(text), "switch changed");
	else if (invocation->command->run == run_set)
		snprintf(text, sizeof(text), "%s %s changed", invocation->command->noun, names);
	else
		snprintf(text, sizeof(text), "%s %s %s%s", invocation->command->noun, names, verb,
			 e ? "d" : "ed");
	return text;
}

static int finish(struct invocation *invocation, struct change *change, const char *names)
{
	char why[480];

	say_why(invocation, names, why, sizeof(why));
	return change_finish(invocation, change, why, done_text(invocation, names));
}

/* The library names the document's key; who wrote an option is told of that. */
static int refuse_setting(const struct invocation *invocation, const struct sluice_error *error)
{
	struct sluice_error said = *error;

	for (size_t i = 0; i < invocation->option_count; i++) {
		const struct cli_option *option = &invocation->options[i];
		size_t length = option->key ? strlen(option->key) : 0;

		if (!length || !invocation->values[i].given ||
		    strncmp(error->message, option->key, length) || error->message[length] != ':')
			continue;
		snprintf(said.message, sizeof(said.message), "--%s%.400s", option->name,
			 error->message + length);
		break;
	}
	return refuse(invocation, &said);
}

static const char *only_argument(const struct invocation *invocation)
{
	return invocation->argument_count ? invocation->arguments[0] : NULL;
}

static int edit_at_once(struct invocation *invocation, bool add, const struct target *target,
			const struct settings *settings)
{
	enum sluice_kind kind = invocation->command->kind;
	const struct sluice_edit edit = {
		.verb = add ? SLUICE_EDIT_ADD : SLUICE_EDIT_UPDATE,
		.kind = kind,
		.parent = parent_of(target),
		.name = sluice_kind_is_single(kind) ? NULL : target->name,
		.settings = settings->list,
		.setting_count = settings->count,
		.before = add ? option_text(invocation, "before") : NULL,
	};
	char why[480];

	say_why(invocation, target_text(target), why, sizeof(why));
	return change_at_once(invocation, &edit, why, done_text(invocation, target_text(target)),
			      refuse_setting);
}

static int add_or_set(struct invocation *invocation, bool add)
{
	enum sluice_kind kind = invocation->command->kind;
	struct sluice_error error = { 0 };
	struct settings settings;
	struct target target;
	struct change change;
	int code, err;

	code = read_target(invocation, only_argument(invocation), &target);
	if (code)
		return code;
	code = read_settings(invocation, &settings);
	if (!code && !add && !settings.count)
		code = usage_error(invocation, "nothing to set");
	if (!code && !invocation->what_if && !invocation->json) {
		code = edit_at_once(invocation, add, &target, &settings);
		settings_free(&settings);
		return code;
	}
	if (!code)
		code = change_begin(invocation, &change);
	if (code) {
		settings_free(&settings);
		return code;
	}
	if (add)
		err = sluice_config_add(change.wanted, kind, parent_of(&target), target.name,
					settings.list, settings.count,
					option_text(invocation, "before"), &error);
	else
		err = sluice_config_update(change.wanted, kind, parent_of(&target),
					   sluice_kind_is_single(kind) ? NULL : target.name,
					   settings.list, settings.count, &error);
	code = err ? refuse_setting(invocation, &error)
		   : finish(invocation, &change, target_text(&target));
	settings_free(&settings);
	change_end(&change);
	return code;
}

int run_add(struct invocation *invocation)
{
	return add_or_set(invocation, true);
}

int run_set(struct invocation *invocation)
{
	return add_or_set(invocation, false);
}

static int delete_one(struct invocation *invocation, struct change *change, const char *argument,
		      char *names, size_t size)
{
	struct sluice_error error = { 0 };
	struct target target;
	size_t length = strlen(names);
	int code;

	code = read_target(invocation, argument, &target);
	if (code)
		return code;
	if (sluice_config_delete(change->wanted, invocation->command->kind, parent_of(&target),
				 target.name, &error))
		return refuse(invocation, &error);
	snprintf(names + length, size - length, "%s%s", length ? ", " : "", target_text(&target));
	return 0;
}

/* Several names go in one version. */
int run_delete(struct invocation *invocation)
{
	struct change change;
	struct target target;
	char names[480] = "";
	int code;

	code = read_target(invocation, only_argument(invocation), &target);
	if (code)
		return code;
	code = change_begin(invocation, &change);
	if (code)
		return code;
	if (!invocation->argument_count)
		code = delete_one(invocation, &change, NULL, names, sizeof(names));
	for (size_t i = 0; i < invocation->argument_count && !code; i++)
		code = delete_one(invocation, &change, invocation->arguments[i], names,
				  sizeof(names));
	if (!code)
		code = finish(invocation, &change, names);
	change_end(&change);
	return code;
}
