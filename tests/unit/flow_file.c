// SPDX-License-Identifier: BSD-2-Clause
/*
 * The file of moved flows: what is written is read back; what another host made up is refused with
 * its line, whatever it is. Under the sanitizers this says the most.
 */
#include "tests/harness/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/flow_file.h"
#include "tests/harness/random.h"

#define HEAD                                                                            \
	"{\"sluiceFlows\":1,\"switch\":\"sw0\",\"time\":1790000000,\"ports\":["         \
	"{\"name\":\"vm1\",\"vnet\":\"blue\",\"mac\":\"52:54:00:12:34:56\","            \
	"\"addresses\":[\"10.1.1.4\",\"fd00:1:0:1::4\"]},"                              \
	"{\"name\":\"vm2\",\"vnet\":\"blue\",\"mac\":\"52:54:00:12:34:57\",\"addresses\":[]}]}\n"
#define TCP_LINE                                                                        \
	"{\"from\":\"vm1\",\"to\":\"vm2\",\"protocol\":\"Tcp\",\"source\":\"10.1.1.4\"," \
	"\"sourcePort\":40000,\"destination\":\"10.1.2.4\",\"destinationPort\":443,"    \
	"\"state\":\"fin-wait\",\"packets\":[9,7],\"bytes\":[900,700],"                 \
	"\"idleSeconds\":3,\"ageSeconds\":12,\"keep\":false,\"fins\":[true,false],"     \
	"\"wants\":[4294967295,null]}\n"
#define UDP_LINE                                                                        \
	"{\"to\":\"vm1\",\"protocol\":\"Udp\",\"source\":\"10.1.2.4\","                  \
	"\"sourcePort\":5000,\"destination\":\"10.1.1.4\",\"destinationPort\":53,"      \
	"\"state\":\"udp-one-way\",\"packets\":[1,0],\"bytes\":[60,0],"                 \
	"\"idleSeconds\":30,\"ageSeconds\":30,\"keep\":true}\n"
#define ICMP_LINE                                                                       \
	"{\"from\":\"vm1\",\"protocol\":\"Icmp\",\"source\":\"fd00:1:0:1::4\","          \
	"\"sourcePort\":77,\"destination\":\"fd00:1:0:2::4\",\"destinationPort\":78,"   \
	"\"state\":\"icmp\",\"packets\":[1,1],\"bytes\":[98,98],"                       \
	"\"idleSeconds\":0,\"ageSeconds\":0,\"keep\":false}\n"
#define WHOLE HEAD TCP_LINE UDP_LINE ICMP_LINE "{\"flows\":3}\n"

static int read_text(const char *text, size_t length, size_t most, struct sluice_moved **moved,
		     struct sluice_error *error)
{
	FILE *stream = length ? fmemopen((void *)text, length, "r") : fopen("/dev/null", "r");
	int err;

	assert_non_null(stream);
	err = sluice_moved_read(stream, "flows", most, moved, error);
	fclose(stream);
	return err;
}

static struct sluice_moved *read_whole(const char *text)
{
	struct sluice_error error = { 0 };
	struct sluice_moved *moved = NULL;

	if (read_text(text, strlen(text), 100, &moved, &error))
		fail_msg("%s:%u: %s", error.file, error.line, error.message);
	return moved;
}

static void what_is_written_is_read_back(void **state)
{
	struct sluice_moved *moved = read_whole(WHOLE);
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	json_t *line = flow_file_head(moved);

	(void)state;
	json_dumpf(line, out, JSON_COMPACT);
	json_decref(line);
	for (size_t i = 0; i < moved->flow_count; i++) {
		line = flow_file_line(moved, &moved->flows[i]);
		fputc('\n', out);
		json_dumpf(line, out, JSON_COMPACT);
		json_decref(line);
	}
	fprintf(out, "\n{\"flows\":3}\n");
	fclose(out);
	assert_string_equal(text, WHOLE);
	free(text);
	sluice_moved_free(moved);
}

static void every_value_arrives(void **state)
{
	struct sluice_moved *moved = read_whole(WHOLE);
	const struct sluice_moved_flow *tcp = &moved->flows[0], *icmp = &moved->flows[2];

	(void)state;
	assert_string_equal(moved->switch_name, "sw0");
	assert_int_equal(moved->time, 1790000000);
	assert_int_equal(moved->port_count, 2);
	assert_int_equal(moved->ports[0].mac[5], 0x56);
	assert_int_equal(moved->ports[0].address_count, 2);
	assert_int_equal(tcp->port[0], 0);
	assert_int_equal(tcp->port[1], 1);
	assert_int_equal(tcp->number[0], 40000);
	assert_int_equal(tcp->state, FLOW_FIN_WAIT);
	assert_int_equal(tcp->packets[1], 7);
	assert_int_equal(tcp->bytes[0], 900);
	assert_int_equal(tcp->idle_seconds, 3);
	assert_int_equal(tcp->age_seconds, 12);
	assert_int_equal(tcp->tcp_fins, 1);
	assert_int_equal(tcp->tcp_acks, 1);
	assert_int_equal(tcp->tcp_ack[0], 0xffffffff);
	assert_int_equal(moved->flows[1].port[0], -1);
	assert_true(moved->flows[1].keep);
	assert_int_equal(icmp->protocol, 58);
	sluice_moved_free(moved);
}

struct bad {
	const char *from; /* of WHOLE, the first time it is there */
	const char *to;
	unsigned int line;
	const char *says;
};

static char *bent(const char *from, const char *to)
{
	const char *at = strstr(WHOLE, from);
	char *text = NULL;

	if (!at)
		fail_msg("there is no %s", from);
	assert_true(asprintf(&text, "%.*s%s%s", (int)(at - WHOLE), WHOLE, to, at + strlen(from)) >
		    0);
	return text;
}

static void what_is_wrong_is_said_by_line(void **state)
{
	static const struct bad all[] = {
		{ "{\"sluiceFlows\":1", "{\"sluiceFlows\":2", 1, "format 2, and this build reads" },
		{ "{\"sluiceFlows\":1", "{\"apiVersion\":1", 1, "these are no exported flows" },
		{ "{\"sluiceFlows\":1", "[{\"sluiceFlows\":1", 1, "not JSON" },
		{ "\"time\":1790000000", "\"time\":-1", 1, "time: -1 is not" },
		{ "\"time\":1790000000", "\"time\":1.5", 1, "Expected integer" },
		{ "\"switch\":\"sw0\"", "\"switch\":\"../sw0\"", 1, "switch: " },
		{ "\"switch\":\"sw0\"", "\"switch\":\"sw0\",\"more\":1", 1, "left unpacked: more" },
		{ "\"name\":\"vm2\"", "\"name\":\"vm1\"", 1, "port vm1 is there twice" },
		{ "\"vnet\":\"blue\"", "\"vnet\":\"\"", 1, "vnet: " },
		{ "52:54:00:12:34:56", "52:54:00:12:34", 1, "mac: " },
		{ "[\"10.1.1.4\"", "[\"10.1.1.400\"", 1, "addresses: " },
		{ "[\"10.1.1.4\"", "[7", 1, "addresses: not a text" },
		{ "\"from\":\"vm1\"", "\"from\":\"vm9\"", 2, "port \"vm9\" is not among" },
		{ "\"from\":\"vm1\"", "\"from\":1", 2, "Expected string" },
		{ "\"protocol\":\"Tcp\"", "\"protocol\":\"*\"", 2, "protocol: " },
		{ "\"protocol\":\"Tcp\"", "\"protocol\":\"256\"", 2, "protocol: " },
		{ "\"protocol\":\"Tcp\"", "\"protocol\":\"Udp\"", 2, "state: \"fin-wait\" is none" },
		{ "\"source\":\"10.1.1.4\"", "\"source\":\"10.1.1.x\"", 2, "source: " },
		{ "\"source\":\"10.1.1.4\"", "\"source\":\"fd00::1\"", 2, "not of the same IP version" },
		{ "\"source\":\"10.1.1.4\"", "\"source\":\"10.1.2.4\"", 2, "are the same" },
		{ "\"sourcePort\":40000", "\"sourcePort\":65536", 2, "65536 is not 0 to 65535" },
		{ "\"destinationPort\":443,", "", 2, "destinationPort" },
		{ "\"state\":\"fin-wait\"", "\"state\":\"free\"", 2, "state: \"free\" is none" },
		{ "\"packets\":[9,7]", "\"packets\":[9]", 2, "out of range" },
		{ "\"packets\":[9,7]", "\"packets\":[9,7,5]", 2, "left unpacked" },
		{ "\"packets\":[9,7]", "\"packets\":[9,-7]", 2, "packets: -7" },
		{ "\"bytes\":[900,700]", "\"bytes\":[900,99999999999999999999]", 2, "not JSON" },
		{ "\"idleSeconds\":3", "\"idleSeconds\":241", 2, "idleSeconds: 241 is not 0 to 240" },
		{ "\"ageSeconds\":12", "\"ageSeconds\":9999999999", 2, "ageSeconds: " },
		{ "\"keep\":false", "\"keep\":0", 2, "Expected true or false" },
		{ "\"keep\":false", "\"keep\":false,\"keep\":true", 2, "duplicate object key" },
		{ "\"keep\":false", "\"keep\":false,\"slot\":7", 2, "left unpacked: slot" },
		{ "\"fins\":[true,false],", "", 2, "\"fins\" and \"wants\" are what TCP has" },
		{ ",\"wants\":[4294967295,null]", "", 2, "\"fins\" and \"wants\" are what TCP has" },
		{ "4294967295", "4294967296", 2, "wants: 4294967296" },
		{ "4294967295", "\"1\"", 2, "wants: not a number" },
		{ "\"keep\":true", "\"keep\":true,\"fins\":[false,false]", 3, "are what TCP has" },
		{ "{\"to\":\"vm1\",\"protocol\"", "{\"protocol\"", 3, "neither \"from\" nor \"to\"" },
		{ "\"idleSeconds\":30", "\"idleSeconds\":31", 3, "idleSeconds: 31 is not 0 to 30" },
		{ "\"state\":\"icmp\"", "\"state\":\"other\"", 4, "state: \"other\" is none" },
		{ "{\"flows\":3}\n", "{\"flows\":4}\n", 5, "there are 4 flows, and there are 3" },
		{ "{\"flows\":3}\n", "{\"flows\":-1}\n", 5, "there are -1 flows" },
		{ "{\"flows\":3}\n", "{\"flows\":3,\"x\":1}\n", 5, "left unpacked: x" },
		{ "{\"flows\":3}\n", "{\"flows\":3}\n\n", 6, "comes after the last line" },
		{ "{\"flows\":3}\n", "{\"flows\":3}", 5, "cut off within this line" },
		{ "{\"flows\":3}\n", "", 5, "the file was cut off: its last line" },
		{ "{\"flows\":3}\n", "\n{\"flows\":3}\n", 5, "not JSON" },
		{ "{\"flows\":3}\n", "[]\n", 5, "not a JSON object" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char *text = bent(all[i].from, all[i].to);
		struct sluice_error error = { 0 };
		struct sluice_moved *moved = NULL;

		if (read_text(text, strlen(text), 100, &moved, &error) != -EINVAL || moved)
			fail_msg("%s for %s was read", all[i].to, all[i].from);
		if (error.line != all[i].line || !strstr(error.message, all[i].says) ||
		    strcmp(error.file, "flows"))
			fail_msg("%s for %s: %s:%u: %s", all[i].to, all[i].from, error.file,
				 error.line, error.message);
		free(text);
	}
}

static void more_than_there_is_room_for_is_refused(void **state)
{
	struct sluice_error error = { 0 };
	struct sluice_moved *moved = NULL;

	(void)state;
	assert_int_equal(read_text(WHOLE, strlen(WHOLE), 2, &moved, &error), -E2BIG);
	assert_non_null(strstr(error.message, "more than the 2 flows"));
	assert_int_equal(error.line, 4);
	assert_int_equal(read_text(WHOLE, strlen(WHOLE), 3, &moved, &error), 0);
	sluice_moved_free(moved);
}

/* Read, or refused with a line and no flows left behind. */
static void expect_read_or_refused(const char *text, size_t length)
{
	struct sluice_error error = { 0 };
	struct sluice_moved *moved = NULL;
	int err = read_text(text, length, 100, &moved, &error);

	if (!err)
		sluice_moved_free(moved);
	else if (moved || err != -EINVAL || !error.message[0] || !error.line)
		fail_msg("%d, line %u, '%s':\n%.*s", err, error.line, error.message, (int)length,
			 text);
}

static void a_file_cut_short_anywhere_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < strlen(WHOLE); i++) {
		char *cut = malloc(i + 1); /* of its size, so that reading on is seen */
		struct sluice_error error = { 0 };
		struct sluice_moved *moved = NULL;

		memcpy(cut, WHOLE, i);
		assert_int_equal(read_text(cut, i, 100, &moved, &error), -EINVAL);
		assert_true(error.line > 0);
		free(cut);
	}
}

static void ten_thousand_bent_files_are_read_or_refused(void **state)
{
	static const char bytes[] = "{}[]\":,0-9.eE\\\n\t\0\xff null true";
	size_t length = strlen(WHOLE);

	(void)state;
	for (uint64_t seed = 1; seed <= 10000; seed++) {
		struct random random = { seed };
		char *text = malloc(length);

		memcpy(text, WHOLE, length);
		for (unsigned int i = 1 + random_below(&random, 4); i; i--)
			text[random_below(&random, (unsigned int)length)] =
				bytes[random_below(&random, sizeof(bytes) - 1)];
		expect_read_or_refused(text, length);
		free(text);
	}
}

/* Deep, long, and without end. */
static void files_made_to_hurt_are_refused(void **state)
{
	size_t length = 5U << 20;
	char *text = malloc(length);

	(void)state;
	memset(text, '[', length);
	expect_read_or_refused(text, length);
	expect_read_or_refused(text, 10000);
	text[9999] = '\n';
	expect_read_or_refused(text, 10000);
	memset(text, '\n', length);
	expect_read_or_refused(text, length);
	memset(text, 0, length);
	text[100] = '\n';
	expect_read_or_refused(text, length);
	free(text);
	expect_read_or_refused("", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(every_value_arrives),
		cmocka_unit_test(what_is_wrong_is_said_by_line),
		cmocka_unit_test(more_than_there_is_room_for_is_refused),
		cmocka_unit_test(a_file_cut_short_anywhere_is_refused),
		cmocka_unit_test(ten_thousand_bent_files_are_read_or_refused),
		cmocka_unit_test(files_made_to_hurt_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
