// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading a command line by the command table.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

bool parse_number(const char *text, unsigned long long most, unsigned long long *number)
{
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || value > most)
		return false;
	*number = value;
	return true;
}

/* --- global options ------------------------------------------------------------------------- */

enum global {
	GLOBAL_JSON,
	GLOBAL_NETNS,
	GLOBAL_SWITCH,
	GLOBAL_WHAT_IF,
	GLOBAL_CONFIRM,
	GLOBAL_COLOR,
	GLOBAL_VERSION,
	GLOBAL_HELP,
	GLOBAL_COUNT,
};

static const struct {
	const char *name;
	char letter;
	bool has_value;
} globals[GLOBAL_COUNT] = {
	[GLOBAL_JSON] = { "json", 'j', false },       [GLOBAL_NETNS] = { "netns", 'n', true },
	[GLOBAL_SWITCH] = { "switch", 0, true },      [GLOBAL_WHAT_IF] = { "what-if", 0, false },
	[GLOBAL_CONFIRM] = { "confirm", 0, true },    [GLOBAL_COLOR] = { "color", 0, true },
	[GLOBAL_VERSION] = { "version", 'V', false }, [GLOBAL_HELP] = { "help", 'h', false },
};

/* Whether word is this option with dashes; *value: what follows "=" in the same word, or NULL. */
static bool word_is(const char *word, const char *name, char letter, const char **value)
{
	size_t length = strlen(name);

	*value = NULL;
	if (word[0] != '-')
		return false;
	if (word[1] != '-')
		return letter && word[1] == letter && !word[2];
	if (strncmp(word + 2, name, length))
		return false;
	if (word[2 + length] == '=')
		*value = word + 3 + length;
	return *value || !word[2 + length];
}

static enum global match_global(const char *word, const char **value)
{
	enum global global = 0;

	while (global < GLOBAL_COUNT &&
	       !word_is(word, globals[global].name, globals[global].letter, value))
		global++;
	return global;
}

static int set_global(struct invocation *invocation, enum global global, const char *value)
{
	unsigned long long seconds;

	switch (global) {
	case GLOBAL_JSON:
		invocation->json = true;
		return 0;
	case GLOBAL_WHAT_IF:
		invocation->what_if = true;
		return 0;
	case GLOBAL_NETNS:
		invocation->netns = value;
		return 0;
	case GLOBAL_SWITCH:
		invocation->switch_name = value;
		return 0;
	case GLOBAL_CONFIRM:
		if (!parse_number(value, 86400, &seconds) || !seconds)
			return usage_error(invocation,
					   "--confirm wants seconds, 1 to 86400, not \"%s\"",
					   value);
		invocation->confirm_given = true;
		invocation->confirm_seconds = seconds;
		return 0;
	default:
		break;
	}
	if (!strcmp(value, "auto"))
		invocation->color = COLOR_AUTO;
	else if (!strcmp(value, "always"))
		invocation->color = COLOR_ALWAYS;
	else if (!strcmp(value, "never"))
		invocation->color = COLOR_NEVER;
	else
		return usage_error(invocation, "--color is auto, always or never, not \"%s\"",
				   value);
	return 0;
}

/* Takes the global option at argv[*at] and moves *at behind it. */
static int take_global(struct invocation *invocation, enum global global, const char *value,
		       int argc, char **argv, int *at)
{
	const char *word = argv[(*at)++];

	if (!globals[global].has_value) {
		if (value)
			return usage_error(invocation, "--%s takes no value", globals[global].name);
	} else if (!value) {
		if (*at >= argc)
			return usage_error(invocation, "%s wants a value", word);
		value = argv[(*at)++];
	}
	return set_global(invocation, global, value);
}

int read_global_options(struct invocation *invocation, int argc, char **argv)
{
	int at = 1, code;

	while (at < argc && argv[at][0] == '-') {
		const char *value;
		enum global global = match_global(argv[at], &value);

		switch (global) {
		case GLOBAL_COUNT:
			code = usage_error(invocation, "unknown option %s (see: sluice -h)",
					   argv[at]);
			return -1 - code;
		case GLOBAL_HELP:
			print_overview(stdout);
			return -1 - EXIT_DONE;
		case GLOBAL_VERSION:
			run_version(invocation);
			return -1 - EXIT_DONE;
		default:
			code = take_global(invocation, global, value, argc, argv, &at);
			if (code)
				return -1 - code;
		}
	}
	if (at < argc)
		return at;
	print_overview(stderr);
	return -1 - EXIT_USAGE;
}

/* --- what follows --------------------------------------------------------------------------- */

static bool alias_is(const char *aliases, const char *word, size_t length)
{
	while (aliases && *aliases) {
		size_t alias = strcspn(aliases, " ");

		if (alias == length && !strncmp(aliases, word, length))
			return true;
		aliases += alias + strspn(aliases + alias, " ");
	}
	return false;
}

/* The index of the option that word names, with or without dashes, or -1. */
static int match_option(const struct invocation *invocation, const char *word, const char **value)
{
	const char *name = word;
	size_t length;

	*value = NULL;
	if (word[0] == '-' && word[1] == '-') {
		name = word + 2;
		length = strcspn(name, "=");
		if (name[length])
			*value = name + length + 1;
	} else if (word[0] == '-') {
		for (size_t i = 0; i < invocation->option_count; i++)
			if (invocation->options[i].letter &&
			    word[1] == invocation->options[i].letter && !word[2])
				return i;
		return -1;
	} else {
		length = strlen(name);
	}
	for (size_t i = 0; i < invocation->option_count; i++) {
		const struct cli_option *option = &invocation->options[i];

		if (alias_is(option->name, name, length) ||
		    alias_is(option->aliases, name, length) || alias_is(option->key, name, length))
			return i;
	}
	return -1;
}

static void keep_value(struct option_values *values, const char *text)
{
	const char **more = realloc(values->values, (values->count + 1) * sizeof(*more));

	if (!more) {
		fprintf(stderr, "sluice: out of memory\n");
		exit(EXIT_REFUSED);
	}
	values->values = more;
	values->values[values->count++] = text;
}

/* Keeps the parts of a word between commas. The words are the process's own arguments, which it
 * may write to. */
static void keep_parts(struct option_values *values, char *word)
{
	char *rest, *part;

	for (part = strtok_r(word, ",", &rest); part; part = strtok_r(NULL, ",", &rest))
		keep_value(values, part);
}

static bool is_option_word(const struct invocation *invocation, const char *word)
{
	const char *value;

	if (word[0] == '-' && isalpha((unsigned char)word[1] ? word[1] : '0'))
		return true;
	if (word[0] == '-' && word[1] == '-')
		return true;
	return match_option(invocation, word, &value) >= 0;
}

/* Takes the option at argv[*at] and its values, and moves *at behind them. */
static int take_option(struct invocation *invocation, int index, const char *value, int argc,
		       char **argv, int *at)
{
	const struct cli_option *option = &invocation->options[index];
	struct option_values *values = &invocation->values[index];
	unsigned long long number;

	(*at)++;
	if (values->given && option->type != OPTION_LIST)
		return usage_error(invocation, "--%s is given twice", option->name);
	values->given = true;
	if (option->type == OPTION_FLAG)
		return value ? usage_error(invocation, "--%s takes no value", option->name) : 0;
	if (!value) {
		if (*at >= argc)
			return usage_error(invocation, "--%s wants %s", option->name,
					   option->value);
		value = argv[(*at)++];
	}
	if (option->type == OPTION_NUMBER && !parse_number(value, 0xffffffff, &number))
		return usage_error(invocation, "--%s wants a number, not \"%s\"", option->name,
				   value);
	if (option->type != OPTION_LIST) {
		keep_value(values, value);
		return 0;
	}
	keep_parts(values, (char *)value);
	while (*at < argc && !is_option_word(invocation, argv[*at]))
		keep_parts(values, argv[(*at)++]);
	return 0;
}

static int keep_argument(struct invocation *invocation, const char *word)
{
	const struct command *command = invocation->command;

	if (invocation->argument_count >= command->most ||
	    invocation->argument_count >= MAX_ARGUMENTS) {
		if (word[0] == '-' && word[1])
			return usage_error(invocation, "unknown option %s", word);
		return usage_error(invocation, "\"%s\" is neither an option nor wanted here", word);
	}
	if (word[0] == '-' && isalpha((unsigned char)word[1]))
		return usage_error(invocation, "unknown option %s", word);
	if (word[0] == '-' && word[1] == '-')
		return usage_error(invocation, "unknown option %s", word);
	invocation->arguments[invocation->argument_count++] = word;
	return 0;
}

static int take_word(struct invocation *invocation, int argc, char **argv, int *at)
{
	const char *word = argv[*at];
	const char *value;
	enum global global;
	int index;

	index = match_option(invocation, word, &value);
	if (index >= 0)
		return take_option(invocation, index, value, argc, argv, at);
	global = match_global(word, &value);
	if (global != GLOBAL_COUNT && global != GLOBAL_VERSION)
		return take_global(invocation, global, value, argc, argv, at);
	(*at)++;
	return keep_argument(invocation, word);
}

static int check_complete(struct invocation *invocation)
{
	const struct command *command = invocation->command;

	if (invocation->what_if && !(command->flags & (COMMAND_WRITES | COMMAND_WHAT_IF)))
		return usage_error(invocation, "--what-if is for commands that change something");
	if (invocation->confirm_given && !(command->flags & COMMAND_WRITES))
		return usage_error(invocation, "--confirm is for commands that change something");
	if (invocation->argument_count < command->least)
		return usage_error(invocation, "it wants %s", command->arguments);
	for (size_t i = 0; i < invocation->option_count; i++)
		if (invocation->options[i].required && !invocation->values[i].given)
			return usage_error(invocation, "--%s is missing",
					   invocation->options[i].name);
	return 0;
}

int read_arguments(struct invocation *invocation, int argc, char **argv, bool *run)
{
	int at = 0, code;

	build_options(invocation);
	*run = false;
	for (int i = 0; i < argc; i++)
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
			print_command_help(stdout, invocation);
			return EXIT_DONE;
		}
	while (at < argc) {
		if (!strcmp(argv[at], "--")) {
			for (at++; at < argc; at++) {
				code = keep_argument(invocation, argv[at]);
				if (code)
					return code;
			}
			break;
		}
		code = take_word(invocation, argc, argv, &at);
		if (code)
			return code;
	}
	code = check_complete(invocation);
	*run = !code;
	return code;
}

void free_arguments(struct invocation *invocation)
{
	for (size_t i = 0; i < invocation->option_count; i++)
		free(invocation->values[i].values);
}

static const struct option_values *find_values(const struct invocation *invocation,
					       const char *name)
{
	for (size_t i = 0; i < invocation->option_count; i++)
		if (!strcmp(invocation->options[i].name, name))
			return &invocation->values[i];
	return NULL;
}

bool option_given(const struct invocation *invocation, const char *name)
{
	const struct option_values *values = find_values(invocation, name);

	return values && values->given;
}

const char *option_text(const struct invocation *invocation, const char *name)
{
	const struct option_values *values = find_values(invocation, name);

	return values && values->count ? values->values[0] : NULL;
}
