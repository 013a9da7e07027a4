// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-ip-flow: one question to the loaded policies, or many of them as JSON lines.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/cli.h"

#define PROTOCOL_ICMP       1
#define PROTOCOL_ICMPV6     58
#define ICMP_ECHO_REQUEST   8
#define ICMPV6_ECHO_REQUEST 128

/* A question as it is asked. */
struct question {
	const char *port;
	const char *direction;
	const char *protocol;
	const char *local;
	const char *remote;
	int icmp_type; /* SLUICE_ANY: echo request */
	int icmp_code;
};

static int read_direction(const char *text, __u8 *direction, struct sluice_error *error)
{
	if (!strcasecmp(text, "Inbound"))
		*direction = DIRECTION_INBOUND;
	else if (!strcasecmp(text, "Outbound"))
		*direction = DIRECTION_OUTBOUND;
	else
		return sluice_error_set(error, -EINVAL,
					"direction is Inbound or Outbound, not \"%s\"", text);
	return 0;
}

static int check_end(const char *name, const char *text, int protocol, bool has_port,
		     struct sluice_error *error)
{
	if (protocol_has_ports(protocol) && !has_port)
		return sluice_error_set(error, -EINVAL, "%s \"%s\" wants a port, like %s", name,
					text, strchr(text, ':') ? "[fd00::4]:443" : "10.1.1.4:443");
	if (!protocol_has_ports(protocol) && has_port)
		return sluice_error_set(error, -EINVAL,
					"%s \"%s\" has a port, and protocol %s has none", name,
					text, protocol_text(protocol));
	return 0;
}

static void fill_icmp(const struct question *question, bool ipv4, struct query *query)
{
	bool echo = question->icmp_type == SLUICE_ANY;

	if (query->protocol != PROTOCOL_ICMP && query->protocol != PROTOCOL_ICMPV6)
		return;
	query->protocol = ipv4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
	query->icmp_type = !echo  ? question->icmp_type
			   : ipv4 ? ICMP_ECHO_REQUEST
				  : ICMPV6_ECHO_REQUEST;
	query->icmp_code = question->icmp_code;
}

static int read_question(struct sluice *sw, const struct question *question, struct query *query,
			 struct sluice_error *error)
{
	struct ip_address local, remote;
	__u16 local_port, remote_port;
	bool local_has, remote_has, inbound;
	int protocol, slot, err;

	if (!question->port || !question->direction || !question->protocol || !question->local ||
	    !question->remote)
		return sluice_error_set(
			error, -EINVAL,
			"a question has port, direction, protocol, local and remote");
	memset(query, 0, sizeof(*query));
	if (sluice_protocol_parse(question->protocol, &protocol) || protocol < 0)
		return sluice_error_set(
			error, -EINVAL,
			"protocol is Tcp, Udp, Icmp, Esp, Ah or a number, not \"%s\"",
			question->protocol);
	err = read_direction(question->direction, &query->direction, error)
		      ?: parse_endpoint(question->local, &local, &local_port, &local_has, error)
		      ?: parse_endpoint(question->remote, &remote, &remote_port, &remote_has, error)
		      ?: check_end("local", question->local, protocol, local_has, error)
		      ?: check_end("remote", question->remote, protocol, remote_has, error);
	if (err)
		return err;
	if (sluice_address_is_ipv4(&local) != sluice_address_is_ipv4(&remote))
		return sluice_error_set(error, -EINVAL,
					"local and remote are not of the same IP version");
	slot = sluice_port_slot(sw, question->port, error);
	if (slot < 0)
		return slot;
	inbound = query->direction == DIRECTION_INBOUND;
	query->slot = slot;
	query->protocol = protocol;
	query->source = inbound ? remote : local;
	query->destination = inbound ? local : remote;
	query->source_port = htons(inbound ? remote_port : local_port);
	query->destination_port = htons(inbound ? local_port : remote_port);
	fill_icmp(question, sluice_address_is_ipv4(&local), query);
	return 0;
}

static json_t *answer_json(struct sluice *sw, const struct trace_result *result)
{
	static const char *const levels[] = { NULL, "acl", "subnet", "nic" };
	const char *rule = result->rule ? sluice_rule_name(sw, result->rule) : NULL;
	const char *level = rule && result->level <= LEVEL_NIC ? levels[result->level] : NULL;

	return json_pack("{ss ss? ss?}", "access", result->access == ACCESS_ALLOW ? "Allow" : "Deny",
			 "rule", rule, "level", level);
}

/* -EINVAL: the question itself is wrong. */
static int ask(struct sluice *sw, const struct question *question, json_t **answer,
	       struct sluice_error *error)
{
	struct trace_result result;
	struct query query;
	int err;

	err = read_question(sw, question, &query, error);
	if (err)
		return err;
	if (sluice_query_run(sw, &query, &result, error))
		return -EIO;
	*answer = answer_json(sw, &result);
	return 0;
}

/* --- many ----------------------------------------------------------------------------------- */

static int question_from_json(const json_t *json, struct question *question,
			      struct sluice_error *error)
{
	const char **texts[] = { &question->port, &question->direction, &question->protocol,
				 &question->local, &question->remote };
	static const char *const keys[] = { "port", "direction", "protocol", "local", "remote" };
	static char number[16];

	if (!json_is_object(json))
		return sluice_error_set(error, -EINVAL, "a question is a JSON object");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *value = json_object_get(json, keys[i]);

		if (json_is_string(value)) {
			*texts[i] = json_string_value(value);
		} else if (json_is_integer(value) && texts[i] == &question->protocol) {
			snprintf(number, sizeof(number), "%lld",
				 (long long)json_integer_value(value));
			*texts[i] = number;
		} else {
			return sluice_error_set(error, -EINVAL, "\"%s\" is missing or no text",
						keys[i]);
		}
	}
	question->icmp_type = SLUICE_ANY;
	question->icmp_code = 0;
	if (json_is_integer(json_object_get(json, "icmpType")))
		question->icmp_type = json_integer_value(json_object_get(json, "icmpType")) & 0xff;
	if (json_is_integer(json_object_get(json, "icmpCode")))
		question->icmp_code = json_integer_value(json_object_get(json, "icmpCode")) & 0xff;
	return 0;
}

static json_t *answer_line(struct sluice *sw, const char *line, size_t length, const char *file,
			   unsigned int number, bool *failed)
{
	struct sluice_error error = { 0 };
	struct question question = { 0 };
	json_error_t where;
	json_t *json, *answer = NULL;

	json = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where);
	if (!json) {
		sluice_error_set(&error, -EINVAL, "no JSON: %s", where.text);
		error.column = where.column > 0 ? where.column : 1;
	} else if (!question_from_json(json, &question, &error)) {
		ask(sw, &question, &answer, &error);
	}
	if (!answer) {
		snprintf(error.file, sizeof(error.file), "%s", file);
		error.line = number;
		if (!error.column)
			error.column = 1;
		answer = error_json(&error);
		*failed = true;
	}
	json_decref(json);
	return answer;
}

static int run_batch(struct invocation *invocation, struct sluice *sw, const char *path)
{
	FILE *stream = strcmp(path, "-") ? fopen(path, "re") : stdin;
	unsigned int number = 0;
	bool failed = false;
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	if (!stream)
		return refuse_text(invocation, "%s: %s", path, strerror(errno));
	while ((length = getline(&line, &size, stream)) >= 0) {
		number++;
		if (strspn(line, " \t\r\n") == (size_t)length)
			continue;
		print_json_line(answer_line(sw, line, length, path, number, &failed));
	}
	free(line);
	if (ferror(stream)) {
		failed = true;
		refuse_text(invocation, "%s: %s", path, strerror(errno));
	}
	if (stream != stdin)
		fclose(stream);
	return failed ? EXIT_REFUSED : EXIT_DONE;
}

/* --- one ------------------------------------------------------------------------------------ */

static void print_answer(const struct invocation *invocation, const json_t *answer)
{
	const char *access = cell_text(json_object_get(answer, "access"));
	const char *rule = cell_text(json_object_get(answer, "rule"));

	printf("%s%s%s", shade(invocation, strcmp(access, "Allow") ? SHADE_BAD : SHADE_GOOD),
	       access, shade(invocation, SHADE_PLAIN));
	if (rule[0])
		printf(" by rule %s (%s)\n", rule, cell_text(json_object_get(answer, "level")));
	else
		printf(": no NSG and no ACL rule decides\n");
}

static int number_option(const struct invocation *invocation, const char *name, int fallback)
{
	const char *text = option_text(invocation, name);
	unsigned long long number;

	return text && parse_number(text, 255, &number) ? (int)number : fallback;
}

static int run_one(struct invocation *invocation, struct sluice *sw)
{
	struct question question = {
		.port = option_text(invocation, "port"),
		.direction = option_text(invocation, "direction"),
		.protocol = option_text(invocation, "protocol"),
		.local = option_text(invocation, "local"),
		.remote = option_text(invocation, "remote"),
		.icmp_type = number_option(invocation, "icmp-type", SLUICE_ANY),
		.icmp_code = number_option(invocation, "icmp-code", 0),
	};
	struct sluice_error error = { 0 };
	json_t *answer;
	int err;

	err = ask(sw, &question, &answer, &error);
	if (err == -EINVAL)
		return usage_error(invocation, "%s", error.message);
	if (err)
		return refuse(invocation, &error);
	if (invocation->json) {
		print_json(answer);
	} else {
		print_answer(invocation, answer);
		json_decref(answer);
	}
	return EXIT_DONE;
}

static int check_options(const struct invocation *invocation)
{
	static const char *const wanted[] = { "port", "direction", "protocol", "local", "remote" };
	static const char *const numbers[] = { "icmp-type", "icmp-code" };
	bool batch = option_given(invocation, "batch");
	unsigned long long number;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (batch && option_given(invocation, wanted[i]))
			return usage_error(invocation, "--batch has its questions in the file");
		if (!batch && !option_given(invocation, wanted[i]))
			return usage_error(invocation, "--%s is missing", wanted[i]);
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const char *text = option_text(invocation, numbers[i]);

		if (text && !parse_number(text, 255, &number))
			return usage_error(invocation, "--%s is 0 to 255, not %s", numbers[i],
					   text);
	}
	return 0;
}

int run_test_ip_flow(struct invocation *invocation)
{
	struct sluice *sw;
	int code;

	code = check_options(invocation);
	if (!code)
		code = open_switch(invocation, &sw);
	if (code)
		return code;
	if (option_given(invocation, "batch"))
		code = run_batch(invocation, sw, option_text(invocation, "batch"));
	else
		code = run_one(invocation, sw);
	sluice_close(sw);
	return code;
}
