/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the command's files share: an invocation, its options, and how answers and errors leave.
 *
 * cli/commands.c holds the one table of commands; cli/options.c reads a command line by it and
 * prints the help from it. A command's function gets a struct invocation, prints its answer on
 * standard output (text, or JSON when invocation->json) and returns an exit code.
 */
#ifndef SLUICE_CLI_H
#define SLUICE_CLI_H

#include "loader/sluice.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_USAGE = 1,       /* the command line is wrong; nothing was tried */
	EXIT_REFUSED = 2,     /* refused or failed, and nothing changed */
	EXIT_DRIFT = 3,       /* the switch is not what its document says */
	EXIT_ROLLED_BACK = 4, /* confirmed too late */
};

enum option_type {
	OPTION_FLAG,
	OPTION_TEXT,
	OPTION_NUMBER,
	OPTION_LIST, /* several words, or one with commas */
};

/* `--name VALUE`, `--name=VALUE` and `name VALUE` mean the same. */
struct cli_option {
	char name[40];
	char letter; /* 0: none */
	enum option_type type;
	const char *value; /* what help calls the value */
	const char *help;
	const char *aliases; /* other long names, separated by spaces; NULL: none */
	const char *key;    /* the document's key that it sets; NULL: the command reads it itself */
	const char *prefix; /* put before each value for the document; NULL: nothing */
	bool required;
};

struct option_values {
	bool given;
	const char **values;
	size_t count;
};

#define MAX_OPTIONS   40
#define MAX_ARGUMENTS 64

enum color_mode {
	COLOR_AUTO,
	COLOR_ALWAYS,
	COLOR_NEVER,
};

struct invocation {
	const struct command *command; /* NULL until it is known */
	bool json;
	bool what_if;
	bool confirm_given;
	unsigned int confirm_seconds;
	const char *netns;
	const char *switch_name; /* as given, or NULL */
	enum color_mode color;
	const char *arguments[MAX_ARGUMENTS];
	size_t argument_count;
	struct cli_option options[MAX_OPTIONS];
	struct option_values values[MAX_OPTIONS];
	size_t option_count;
};

enum command_flags {
	COMMAND_FIELDS = 1 << 0,  /* takes the document's keys of its kind as options */
	COMMAND_PARTIAL = 1 << 1, /* none of them is required */
	COMMAND_WRITES = 1 << 2,  /* takes --what-if and --confirm */
	COMMAND_WHAT_IF = 1 << 3, /* takes --what-if alone */
};

struct command {
	const char *noun; /* "nsg rule"; or the whole command: "status" */
	const char *verb; /* NULL: the noun is the command */
	int (*run)(struct invocation *invocation);
	const char *help;      /* one phrase */
	const char *arguments; /* as help shows them; NULL: none */
	unsigned int least;    /* how many arguments it needs */
	unsigned int most;
	const struct cli_option *options; /* ended by an empty name; NULL: none */
	unsigned int flags;               /* enum command_flags */
	enum sluice_kind kind;            /* of document edits */
};

/* --- commands.c: the table ------------------------------------------------------------------ */

extern const struct command commands[]; /* ended by one without a noun */
/* Commands of the interface that this version can not do: noun and verb (NULL: any). */
struct absent_command {
	const char *noun;
	const char *verb;
};
extern const struct absent_command absent_commands[];

/* --- find_command.c -------------------------------------------------------------------------- */

/* Finds the command; *used: how many words name it. NULL: an error or help was printed, *code
 * says which. */
const struct command *find_command(struct invocation *invocation, int argc, char **argv, int *used,
				   int *code);

/* --- options.c ------------------------------------------------------------------------------ */

/* Reads the options before the noun. Returns the index of the first word behind them, or a
 * negative exit code, -1 - EXIT_*, when the command line ends there. */
int read_global_options(struct invocation *invocation, int argc, char **argv);
/* Reads what follows the command's name. *run: whether to run it (help is no run). */
int read_arguments(struct invocation *invocation, int argc, char **argv, bool *run);
void free_arguments(struct invocation *invocation);

bool option_given(const struct invocation *invocation, const char *name);
/* The value, or NULL when it is not given. */
const char *option_text(const struct invocation *invocation, const char *name);
/* Whether text is a whole number that fits; *number is set only then. */
bool parse_number(const char *text, unsigned long long most, unsigned long long *number);

/* --- help.c --------------------------------------------------------------------------------- */

void print_overview(FILE *stream);
void print_noun_help(FILE *stream, const char *noun);
void print_command_help(FILE *stream, struct invocation *invocation);
/* Fills invocation->options for its command. */
void build_options(struct invocation *invocation);
/* The kind that holds a kind ("vnet" for subnets), as an option's name, or NULL. */
const char *parent_option(enum sluice_kind kind);
/* The document's key that names a thing of this kind. */
const char *name_key(enum sluice_kind kind);

/* --- output.c ------------------------------------------------------------------------------- */

/* Both print one line and give the exit code: EXIT_USAGE, EXIT_REFUSED. */
int usage_error(const struct invocation *invocation, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int refuse(const struct invocation *invocation, const struct sluice_error *error);
int refuse_text(const struct invocation *invocation, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
json_t *error_json(const struct sluice_error *error);

/* Prints and releases a JSON document, or one line of a stream. */
void print_json(json_t *json);
void print_json_line(json_t *json);

bool colored(const struct invocation *invocation);
enum shade {
	SHADE_PLAIN,
	SHADE_GOOD,
	SHADE_BAD,
	SHADE_FAINT,
};
/* The escape sequence that begins a shade, or "" without colors; SHADE_PLAIN ends any. */
const char *shade(const struct invocation *invocation, enum shade shade);

/* Tables for people. */
struct table;
struct table_column {
	const char *header;
	bool right; /* numbers */
};
struct table *table_new(const struct invocation *invocation, const struct table_column *columns,
			size_t count);
void table_row(struct table *table);
void table_cell(struct table *table, size_t column, enum shade shade, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Prints it, or `nothing` when it has no row, and frees it. */
void table_end(struct table *table, const char *nothing);

/* What a JSON value looks like in a table; in a static ring of buffers. */
const char *cell_text(const json_t *value);

/* --- list.c --------------------------------------------------------------------------------- */

/* NSG rules by direction and priority, as they are asked; takes the reference, gives a new one. */
json_t *sorted_rules(json_t *rules);

/* --- session.c ------------------------------------------------------------------------------ */

/* Opens the invocation's switch; prints the error and returns an exit code. */
int open_switch(const struct invocation *invocation, struct sluice **sw);
struct sluice_options switch_options(const struct invocation *invocation);

/* One edit of the running document, from reading it to committing it. */
struct change {
	struct sluice *sw;
	unsigned int version; /* running when it began */
	struct sluice_config *running;
	struct sluice_config *wanted; /* a copy, to be edited */
};
int change_begin(struct invocation *invocation, struct change *change);
/* Commits, or with --what-if says what would change; prints `done` and the version. */
int change_finish(struct invocation *invocation, struct change *change, const char *why,
		  const char *done);
void change_end(struct change *change);
/* One edit and its commit, without a copy of the document to compare with: where nobody asked for the
 * difference (--what-if, -j). refuse_edit tells of a failure. */
int change_at_once(struct invocation *invocation, const struct sluice_edit *edit, const char *why,
		   const char *done,
		   int (*refuse_edit)(const struct invocation *invocation,
				      const struct sluice_error *error));
/* What the doctor has against devices that versions after `since` attached: an array, which people are
 * told of on stderr, a line each. Empty, with the reason said, when the host can not be asked. */
json_t *tell_warnings(const struct invocation *invocation, struct sluice *sw, unsigned int since);
/* Prints what differs; the reference to diff is taken. */
void print_diff(const struct invocation *invocation, json_t *diff);
/* Reads the document that -f names, for the switch of --switch or else the document's own, which
 * then is the invocation's. */
int read_document(struct invocation *invocation, struct sluice_config **config);

/* --- text.c: addresses as people write them ------------------------------------------------- */

/* "10.1.1.4:443", "[fd00::4]:443", or without a port (*has_port false). */
int parse_endpoint(const char *text, struct ip_address *address, __u16 *port, bool *has_port,
		   struct sluice_error *error);
/* The same text; port is left out when has_port is false. In a static ring of buffers. */
const char *endpoint_text(const struct ip_address *address, __u16 port, bool has_port);
const char *protocol_text(int protocol);
/* The same, or "Arp". */
const char *packet_text(unsigned int ether_type, int protocol);
bool protocol_has_ports(int protocol);
#define ETHER_TYPE_ARP 0x0806

/* --- the nouns ------------------------------------------------------------------------------ */

int run_up(struct invocation *invocation);
int run_down(struct invocation *invocation);
int run_upgrade(struct invocation *invocation);
int demo_up(struct invocation *invocation);
int demo_down(struct invocation *invocation);
int run_apply(struct invocation *invocation);
int run_export(struct invocation *invocation);
int run_confirm(struct invocation *invocation);
int run_rollback(struct invocation *invocation);
int run_history(struct invocation *invocation);
int run_status(struct invocation *invocation);
int run_doctor(struct invocation *invocation);
int run_add(struct invocation *invocation);
int run_set(struct invocation *invocation);
int run_delete(struct invocation *invocation);
int run_list(struct invocation *invocation);
int run_show(struct invocation *invocation);
int run_effective_rules(struct invocation *invocation);
int run_test_ip_flow(struct invocation *invocation);
int run_next_hop(struct invocation *invocation);
int run_trace(struct invocation *invocation);
int run_flow_list(struct invocation *invocation);
int run_flow_show(struct invocation *invocation);
int run_flow_flush(struct invocation *invocation);
int run_flow_export(struct invocation *invocation);
int run_flow_import(struct invocation *invocation);
int run_stats(struct invocation *invocation);
int run_observe(struct invocation *invocation);
int run_agent(struct invocation *invocation);
int run_accel_show(struct invocation *invocation);
int run_accel_on(struct invocation *invocation);
int run_accel_off(struct invocation *invocation);
int run_accel_hand_over(struct invocation *invocation);
int run_version(struct invocation *invocation);
int run_help(struct invocation *invocation);

#endif
