// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which command of the table a line's first words name.
 */
#include <string.h>

#include "cli/cli.h"

static bool same_verb(const char *verb, const char *word)
{
	static const char *const pairs[][2] = {
		{ "add", "create" }, { "delete", "del" }, { "list", "ls" },
		{ "set", "update" }, { "delete", "rm" },
	};

	if (!strcmp(verb, word))
		return true;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if ((!strcmp(verb, pairs[i][0]) && !strcmp(word, pairs[i][1])) ||
		    (!strcmp(verb, pairs[i][1]) && !strcmp(word, pairs[i][0])))
			return true;
	return false;
}

/* How many words of argv the noun takes, or 0 when they are others. */
static int noun_words(const char *noun, int argc, char **argv)
{
	const char *rest = noun;
	int words = 0;

	while (words < argc) {
		size_t length = strcspn(rest, " ");

		if (strlen(argv[words]) != length || strncmp(argv[words], rest, length))
			return 0;
		words++;
		if (!rest[length])
			return words;
		rest += length + 1;
	}
	return 0;
}

static bool absent(const struct invocation *invocation, int argc, char **argv, int *code)
{
	for (const struct absent_command *command = absent_commands; command->noun; command++) {
		int words = noun_words(command->noun, argc, argv);

		if (!words)
			continue;
		if (command->verb && (words >= argc || !same_verb(command->verb, argv[words])))
			continue;
		*code = refuse_text(invocation, "this version can not do \"%s%s%s\"", command->noun,
				    command->verb ? " " : "", command->verb ? command->verb : "");
		return true;
	}
	return false;
}

static bool wants_help(const char *word)
{
	return !strcmp(word, "-h") || !strcmp(word, "--help") || !strcmp(word, "help");
}

/* The noun is known, its verb is not. */
static int unknown_verb(struct invocation *invocation, const char *noun, const char *word)
{
	char verbs[256] = "";

	for (const struct command *command = commands; command->noun; command++) {
		size_t length = strlen(verbs);

		if (strcmp(command->noun, noun) || !command->verb)
			continue;
		snprintf(verbs + length, sizeof(verbs) - length, "%s%s", length ? ", " : "",
			 command->verb);
	}
	if (word)
		return usage_error(invocation, "%s can not \"%s\"; it can %s", noun, word, verbs);
	return usage_error(invocation, "%s what? It can %s", noun, verbs);
}

const struct command *find_command(struct invocation *invocation, int argc, char **argv, int *used,
				   int *code)
{
	const char *noun = NULL;
	int longest = 0;

	if (absent(invocation, argc, argv, code))
		return NULL;
	for (const struct command *command = commands; command->noun; command++) {
		int words = noun_words(command->noun, argc, argv);

		if (words > longest) {
			longest = words;
			noun = command->noun;
		}
	}
	if (!noun) {
		*code = usage_error(invocation, "there is no command \"%s\" (see: sluice help)",
				    argv[0]);
		return NULL;
	}
	for (const struct command *command = commands; command->noun; command++) {
		if (strcmp(command->noun, noun))
			continue;
		if (command->verb && (longest >= argc || !same_verb(command->verb, argv[longest])))
			continue;
		*used = longest + (command->verb ? 1 : 0);
		return command;
	}
	if (longest < argc && wants_help(argv[longest])) {
		print_noun_help(stdout, noun);
		*code = EXIT_DONE;
		return NULL;
	}
	*code = unknown_verb(invocation, noun, longest < argc ? argv[longest] : NULL);
	return NULL;
}
