/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a change costs: rules added one by one to a live switch, by the library and by the command.
 *
 *   update [--additions N] [--most RULES] [--assert]
 *
 * Builds two ports in a network namespace of its own and a switch with an ACL of 10, 1,000, 10,000
 * and 100,000 rules. "live" is from the call of sluice_change(), the switch open and locked and its
 * document in memory, to the store that makes the packet path judge by the new rule; "done" is to
 * the call's return. Rules go to random places of the list. With --assert the process fails where a
 * 99th percentile is above its limit. Figures also go to build/bench-update.json.
 */
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loader/sluice.h"
#include "tests/harness/namespace.h"
#include "tests/harness/random.h"

#define COMMANDS 5

extern char **environ;
void sluice_test_step(const char *step);

static const struct size {
	unsigned int rules;
	double limit_ms; /* of the 99th percentile, live; 0: none */
} sizes[] = { { 10, 0 }, { 1000, 1 }, { 10000, 0 }, { 100000, 10 } };
#define SIZES (sizeof(sizes) / sizeof(*sizes))

static struct timespec published;

/* The library's weak hook, replaced. */
void sluice_test_step(const char *step)
{
	if (!strcmp(step, "published"))
		clock_gettime(CLOCK_MONOTONIC, &published);
}

static double us_between(const struct timespec *from, const struct timespec *to)
{
	return (double)(to->tv_sec - from->tv_sec) * 1e6 +
	       (double)(to->tv_nsec - from->tv_nsec) / 1e3;
}

static void die(const char *what, const struct sluice_error *error)
{
	fprintf(stderr, "update: %s: %s\n", what, error->message);
	exit(2);
}

static int compare(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

struct figures {
	double median, p99, most;
};

static struct figures figures_of(double *samples, size_t count)
{
	qsort(samples, count, sizeof(*samples), compare);
	return (struct figures){ samples[count / 2], samples[count * 99 / 100],
				 samples[count - 1] };
}

/* --- the switch --- */

static char name[32];

static struct sluice_config *document(unsigned int rules)
{
	struct sluice_error error = { 0 };
	struct sluice_config *config;
	char *text;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	fprintf(stream,
		"apiVersion: sluice/v1\n"
		"switch: {name: %s}\n"
		"vnets: [{name: blue, vni: 1, prefixes: [10.0.0.0/8], subnets: [{name: web, "
		"prefixes: [10.255.0.0/16]}]}]\n"
		"ports:\n"
		"  - {name: a, device: p1, vnet: blue, subnet: web, mac: \"02:00:00:00:00:01\", "
		"addresses: [10.255.0.4]}\n"
		"  - {name: b, device: p2, vnet: blue, subnet: web, mac: \"02:00:00:00:00:02\", "
		"addresses: [10.255.0.5]}\n"
		"acls:\n  - name: main\n    appliesTo: switch\n    rules:\n",
		name);
	for (unsigned int i = 0; i < rules; i++)
		fprintf(stream,
			"    - {name: r%u, direction: Inbound, access: Deny, protocol: Tcp, "
			"sources: [10.%u.%u.0/24], destinations: [10.%u.%u.1/32], "
			"destinationPorts: [\"%u\"]}\n",
			i, i >> 16, i >> 8 & 255, i >> 16, i & 255, i & 65535);
	fclose(stream);
	if (sluice_config_parse(text, length, "bench", &config, &error))
		die("document", &error);
	free(text);
	return config;
}

/* How long up takes, in seconds: most of it loads the programs. */
static double put_up(const struct sluice_config *config)
{
	struct sluice_options options = { .name = name };
	struct sluice_error error = { 0 };
	struct timespec begun, done;

	clock_gettime(CLOCK_MONOTONIC, &begun);
	if (sluice_up(&options, config, &error))
		die("up", &error);
	clock_gettime(CLOCK_MONOTONIC, &done);
	return us_between(&begun, &done) / 1e6;
}

/* --- changes --- */

struct run {
	const struct size *size;
	struct figures live, done, command;
	double whole; /* seconds to compile and switch all rules */
};

static void add(struct sluice *sw, unsigned int number, unsigned int rules, struct random *random,
		double *live, double *done)
{
	char rule[32], before[32], source[32], port[8];
	const char *const values[] = { "Inbound", "Deny", "Tcp", source, port };
	const struct sluice_setting settings[] = { { "direction", &values[0], 1 },
						   { "access", &values[1], 1 },
						   { "protocol", &values[2], 1 },
						   { "sources", &values[3], 1 },
						   { "destinationPorts", &values[4], 1 } };
	struct sluice_edit edit = { .verb = SLUICE_EDIT_ADD,
				    .kind = SLUICE_ACL_RULE,
				    .parent = "main",
				    .name = rule,
				    .settings = settings,
				    .setting_count = 5,
				    .before = before };
	struct sluice_error error = { 0 };
	struct timespec begun, ended;
	unsigned int version;

	snprintf(rule, sizeof(rule), "added%u", number);
	snprintf(before, sizeof(before), "r%u", random_below(random, rules));
	snprintf(source, sizeof(source), "10.200.%u.%u", number >> 8 & 255, number & 255);
	snprintf(port, sizeof(port), "%u", 1 + random_below(random, 65535));
	clock_gettime(CLOCK_MONOTONIC, &begun);
	if (sluice_change(sw, &edit, "bench", &version, &error))
		die("change", &error);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	*live = us_between(&begun, &published);
	*done = us_between(&begun, &ended);
}

static void add_by_library(struct run *run, unsigned int additions)
{
	struct sluice_options options = { .name = name };
	struct random random = { 1 };
	double *live = calloc(additions, sizeof(*live)), *done = calloc(additions, sizeof(*done));
	struct sluice_error error = { 0 };
	struct sluice_config *config;
	struct sluice *sw;

	if (sluice_open(&options, &sw, &error) || sluice_running(sw, NULL, &config, &error))
		die("open", &error);
	sluice_config_free(config); /* the switch has its own in memory now */
	for (unsigned int i = 0; i < additions; i++) {
		if (sluice_lock(sw, 5, &error))
			die("lock", &error);
		add(sw, i, run->size->rules, &random, &live[i], &done[i]);
		sluice_unlock(sw);
	}
	sluice_close(sw);
	run->live = figures_of(live, additions);
	run->done = figures_of(done, additions);
	free(live);
	free(done);
}

static void run_command(char *const words[])
{
	pid_t child;
	int status;

	if (posix_spawn(&child, words[0], NULL, NULL, words, environ) ||
	    waitpid(child, &status, 0) != child || status) {
		fprintf(stderr, "update: %s failed\n", words[0]);
		exit(2);
	}
}

/* The whole command, from its start to its end. */
static void add_by_command(struct run *run)
{
	const char *build = getenv("BUILD") ?: "build";
	double took[COMMANDS];
	char path[256], rule[32];

	snprintf(path, sizeof(path), "%s/sluice", build);
	for (int i = 0; i < COMMANDS; i++) {
		char *words[] = { path,   "--color",     "never",   "--switch",
				  name,   "acl",         "rule",    "add",
				  rule,   "--direction", "Inbound", "--access",
				  "Deny", "--protocol",  "Tcp",     NULL };
		struct timespec begun, done;

		snprintf(rule, sizeof(rule), "main/command%d", i);
		clock_gettime(CLOCK_MONOTONIC, &begun);
		run_command(words);
		clock_gettime(CLOCK_MONOTONIC, &done);
		took[i] = us_between(&begun, &done);
	}
	run->command = figures_of(took, COMMANDS);
}

/* A whole commit of another document of the same size. */
static void commit_whole(struct run *run)
{
	struct sluice_options options = { .name = name };
	struct sluice_config *config = document(run->size->rules);
	struct sluice_error error = { 0 };
	struct timespec begun, done;
	unsigned int version;
	struct sluice *sw;

	config->acls[0].rules[0].access = ACCESS_ALLOW;
	if (sluice_open(&options, &sw, &error) || sluice_lock(sw, 5, &error))
		die("open", &error);
	clock_gettime(CLOCK_MONOTONIC, &begun);
	if (sluice_commit(sw, config, "bench", &version, &error))
		die("commit", &error);
	clock_gettime(CLOCK_MONOTONIC, &done);
	run->whole = us_between(&begun, &done) / 1e6;
	sluice_close(sw);
	sluice_config_free(config);
}

static void measure(struct run *run, unsigned int additions)
{
	struct sluice_options options = { .name = name };
	struct sluice_config *config = document(run->size->rules);
	struct sluice_error error = { 0 };

	put_up(config);
	sluice_config_free(config);
	add_by_library(run, additions);
	add_by_command(run);
	commit_whole(run);
	if (sluice_down(&options, &error))
		die("down", &error);
}

/* --- output --- */

static void print(const struct run *run)
{
	printf("%7u  %8.2f %8.2f %8.1f  %8.2f %8.2f %8.1f  %9.1f %9.2f\n", run->size->rules,
	       run->live.median / 1e3, run->live.p99 / 1e3, run->live.most / 1e3,
	       run->done.median / 1e3, run->done.p99 / 1e3, run->done.most / 1e3,
	       run->command.median / 1e3, run->whole);
	fflush(stdout);
}

static json_t *json_of(const struct figures *figures)
{
	return json_pack("{s:f, s:f, s:f}", "median", figures->median, "p99", figures->p99, "max",
			 figures->most);
}

static int write_json(const struct run *runs, size_t count, unsigned int additions)
{
	const char *build = getenv("BUILD") ?: "build";
	json_t *list = json_array();
	char path[256];

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			list, json_pack("{s:i, s:i, s:o, s:o, s:o, s:f}", "rules",
					(int)runs[i].size->rules, "additions", (int)additions,
					"liveUs", json_of(&runs[i].live), "doneUs",
					json_of(&runs[i].done), "commandUs",
					json_of(&runs[i].command), "wholeSeconds", runs[i].whole));
	snprintf(path, sizeof(path), "%s/bench-update.json", build);
	if (json_dump_file(list, path, JSON_INDENT(1))) {
		fprintf(stderr, "update: cannot write %s\n", path);
		return 1;
	}
	json_decref(list);
	return 0;
}

int main(int count, char **word)
{
	unsigned int additions = 1000, most = ~0U;
	struct run runs[SIZES] = { 0 };
	bool assert_limits = false;
	size_t done = 0;
	int code = 0;

	for (int i = 1; i < count; i++) {
		if (!strcmp(word[i], "--additions") && i + 1 < count)
			additions = (unsigned int)atoi(word[++i]);
		else if (!strcmp(word[i], "--most") && i + 1 < count)
			most = (unsigned int)atoi(word[++i]);
		else if (!strcmp(word[i], "--assert"))
			assert_limits = true;
		else
			additions = 0;
	}
	if (!additions) {
		fprintf(stderr, "usage: update [--additions N] [--most RULES] [--assert]\n");
		return 2;
	}
	snprintf(name, sizeof(name), "update-%d", getpid());
	enter_test_namespace(2);
	printf("one rule added, ms   live: median, 99th, max   done: median, 99th, max   "
	       "command   all rules anew, s\n");
	for (; done < SIZES && sizes[done].rules <= most; done++) {
		struct run *run = &runs[done];

		run->size = &sizes[done];
		measure(run, additions);
		print(run);
		if (assert_limits && run->size->limit_ms &&
		    run->live.p99 > run->size->limit_ms * 1e3)
			code = 1;
	}
	return write_json(runs, done, additions) ?: code;
}
