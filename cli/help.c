// SPDX-License-Identifier: BSD-2-Clause
/*
 * The options of a command, and help: both made from the command table and the document's fields.
 */
#include <ctype.h>
#include <string.h>

#include "cli/cli.h"

/* --- options ------------------------------------------------------------------------------- */

/* Other names of the document's keys, az's among them. A prefix stands before each value. */
static const struct {
	const char *key;
	const char *names;
} aliases[] = {
	{ "prefixes", "address-prefixes address-prefix prefix" },
	{ "addresses", "address ip-addresses" },
	{ "sources", "source-address-prefixes source-address-prefix source" },
	{ "sourcePorts", "source-port-ranges source-port-range source-port" },
	{ "destinations", "destination-address-prefixes destination-address-prefix destination" },
	{ "destinationPorts", "destination-port-ranges destination-port-range destination-port" },
	{ "nsg", "network-security-group" },
	{ "vnet", "vnet-name" },
	{ "subnet", "subnet-name" },
	{ "asgs", "application-security-groups" },
	{ "guards.spoofing", "spoofing" },
	{ "guards.dhcpServer", "dhcp-server" },
	{ "guards.routerAdvert", "router-advert" },
	{ "acceleration.mode", "acceleration" },
};

static const struct cli_option rule_options[] = {
	{ .name = "source-asgs",
	  .type = OPTION_LIST,
	  .value = "ASG...",
	  .key = "sources",
	  .prefix = "asg:",
	  .help = "sources that are asgs" },
	{ .name = "destination-asgs",
	  .type = OPTION_LIST,
	  .value = "ASG...",
	  .key = "destinations",
	  .prefix = "asg:",
	  .help = "destinations that are asgs" },
	{ .name = "" },
};

const char *parent_option(enum sluice_kind kind)
{
	switch (kind) {
	case SLUICE_SUBNET:
	case SLUICE_VNET_ADDRESS:
		return "vnet";
	case SLUICE_ROUTE:
		return "table";
	case SLUICE_NSG_RULE:
		return "nsg";
	case SLUICE_ACL_RULE:
		return "acl";
	default:
		return NULL;
	}
}

const char *name_key(enum sluice_kind kind)
{
	return kind == SLUICE_UPLINK       ? "device"
	       : kind == SLUICE_VNET_ADDRESS ? "address"
	       : kind == SLUICE_ROUTE        ? "prefix"
					     : "name";
}

/* "guards.dhcpServer" -> "guards-dhcp-server". */
static void kebab(const char *key, char *name, size_t size)
{
	size_t length = 0;

	for (; *key && length + 3 < size; key++) {
		if (isupper((unsigned char)*key))
			name[length++] = '-';
		name[length++] = *key == '.' ? '-' : (char)tolower((unsigned char)*key);
	}
	name[length] = '\0';
}

static void add_option(struct invocation *invocation, const struct cli_option *option)
{
	if (invocation->option_count < MAX_OPTIONS)
		invocation->options[invocation->option_count++] = *option;
}

static void add_static_options(struct invocation *invocation, const struct cli_option *options)
{
	for (; options && options->name[0]; options++)
		add_option(invocation, options);
}

/* Things that stand in the document under their own command are no options of what holds them. */
static bool has_own_command(enum sluice_kind kind, const char *key)
{
	return !strcmp(key, name_key(kind)) || !strcmp(key, "rules") ||
	       (kind == SLUICE_VNET && !strcmp(key, "subnets"));
}

static void add_field_options(struct invocation *invocation)
{
	const struct command *command = invocation->command;
	const struct sluice_field *field;

	for (field = sluice_fields(command->kind); field && field->key; field++) {
		struct cli_option option = {
			.type = field->list ? OPTION_LIST : OPTION_TEXT,
			.value = field->type,
			.help = field->help,
			.key = field->key,
			.required = field->required && !(command->flags & COMMAND_PARTIAL),
		};

		if (has_own_command(command->kind, field->key))
			continue;
		kebab(field->key, option.name, sizeof(option.name));
		for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
			if (!strcmp(aliases[i].key, field->key))
				option.aliases = aliases[i].names;
		add_option(invocation, &option);
	}
	if (command->kind == SLUICE_NSG_RULE || command->kind == SLUICE_ACL_RULE ||
	    command->kind == SLUICE_STEER)
		add_static_options(invocation, rule_options);
}

static void add_name_options(struct invocation *invocation)
{
	const char *parent = parent_option(invocation->command->kind);
	struct cli_option name = { .name = "name",
				   .letter = 'n',
				   .type = OPTION_TEXT,
				   .value = "NAME",
				   .help = "its name, instead of the argument" };
	struct cli_option owner = { .type = OPTION_TEXT,
				    .value = "NAME",
				    .help = "what it is in, instead of OWNER/NAME" };
	static const char *const owner_aliases[SLUICE_KIND_COUNT] = {
		[SLUICE_SUBNET] = "vnet-name",
		[SLUICE_VNET_ADDRESS] = "vnet-name",
		[SLUICE_ROUTE] = "route-table-name",
		[SLUICE_NSG_RULE] = "nsg-name",
		[SLUICE_ACL_RULE] = "acl-name",
	};

	if (parent) {
		snprintf(owner.name, sizeof(owner.name), "%s", parent);
		owner.aliases = owner_aliases[invocation->command->kind];
		add_option(invocation, &owner);
	}
	if (invocation->command->run != run_list)
		add_option(invocation, &name);
}

/* Whether the command edits or shows one kind of thing of the document. */
static bool is_document_command(const struct command *command)
{
	return command->run == run_add || command->run == run_set || command->run == run_delete ||
	       command->run == run_list || command->run == run_show;
}

void build_options(struct invocation *invocation)
{
	const struct command *command = invocation->command;

	invocation->option_count = 0;
	add_static_options(invocation, command->options);
	if (is_document_command(command) && !sluice_kind_is_single(command->kind))
		add_name_options(invocation);
	if (command->flags & COMMAND_FIELDS)
		add_field_options(invocation);
}

/* --- help ---------------------------------------------------------------------------------- */

static void print_usage_line(FILE *stream, const struct command *command)
{
	fprintf(stream, "  sluice %s%s%s%s%s\n", command->noun, command->verb ? " " : "",
		command->verb ? command->verb : "", command->arguments ? " " : "",
		command->arguments ? command->arguments : "");
}

static const char global_help[] =
	"  -j, --json               one JSON document; one a line for streams\n"
	"  -n, --netns NAME         the switch's network namespace (before the command)\n"
	"      --switch NAME        which switch (sw0)\n"
	"      --what-if            say what would change, and change nothing\n"
	"      --confirm SECONDS    undo the change unless `sluice confirm` follows\n"
	"      --color WHEN         auto, always or never\n"
	"  -V, --version            the version\n"
	"  -h, --help               help, behind any command too\n";

void print_overview(FILE *stream)
{
	const char *noun = "";
	bool verbs = false;

	fprintf(stream, "Usage: sluice [OPTIONS] COMMAND ...\n\nCommands:\n");
	for (const struct command *command = commands; command->noun; command++) {
		char name[64];

		if (strcmp(noun, command->noun) && (verbs || command->verb))
			fputc('\n', stream);
		noun = command->noun;
		verbs = command->verb != NULL;
		snprintf(name, sizeof(name), "%s%s%s", command->noun, command->verb ? " " : "",
			 command->verb ? command->verb : "");
		fprintf(stream, "  %-18s %s\n", name, command->help);
	}
	fprintf(stream,
		"\nadd is also create, delete del, list ls, set update.\n"
		"An option may be written --priority 100, --priority=100 or priority 100.\n"
		"\nOptions:\n%s"
		"\nExit: 0 done, 1 usage, 2 refused and nothing changed, 3 drift, "
		"4 rolled back.\n",
		global_help);
}

void print_noun_help(FILE *stream, const char *noun)
{
	fprintf(stream, "Usage:\n");
	for (const struct command *command = commands; command->noun; command++)
		if (!strcmp(command->noun, noun))
			print_usage_line(stream, command);
	fprintf(stream, "\nMore: sluice %s VERB -h\n", noun);
}

static void print_option(FILE *stream, const struct cli_option *option)
{
	char left[96];

	snprintf(left, sizeof(left), "%c%c%c --%s%s%s", option->letter ? '-' : ' ',
		 option->letter ? option->letter : ' ', option->letter ? ',' : ' ', option->name,
		 option->value ? " " : "", option->value ? option->value : "");
	if (strlen(left) > 38)
		fprintf(stream, "  %s\n  %-38s", left, "");
	else
		fprintf(stream, "  %-38s", left);
	fprintf(stream, " %s%s\n", option->help, option->required ? " (required)" : "");
	if (option->aliases)
		fprintf(stream, "  %-38s also: %s\n", "", option->aliases);
}

void print_command_help(FILE *stream, struct invocation *invocation)
{
	const struct command *command = invocation->command;

	fprintf(stream, "Usage:\n");
	print_usage_line(stream, command);
	fprintf(stream, "\n%c%s.\n", toupper((unsigned char)command->help[0]), command->help + 1);
	if (invocation->option_count)
		fprintf(stream, "\nOptions:\n");
	for (size_t i = 0; i < invocation->option_count; i++)
		print_option(stream, &invocation->options[i]);
	fprintf(stream, "\nOptions of every command:\n%s", global_help);
}
