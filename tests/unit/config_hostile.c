// SPDX-License-Identifier: BSD-2-Clause
/*
 * Documents made to hurt: cut short, bent, deep, huge, not text at all. Each ends as a document or
 * as a refusal with a place, never otherwise. Under the sanitizers this says the most.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "loader/sluice.h"
#include "tests/harness/document.h"
#include "tests/harness/unit.h"

#define HEAD "apiVersion: sluice/v1\n"

static int parse(const char *text, size_t length, struct sluice_error *error)
{
	struct sluice_config *config = NULL;
	int code = sluice_config_parse(text, length, "bad.yaml", &config, error);

	sluice_config_free(config);
	return code;
}

static void assert_read_or_refused(const char *text, size_t length)
{
	const char *wrong = document_check(text, length);

	if (wrong)
		fail_msg("%s:\n%.*s", wrong, (int)length, text);
}

static void a_document_cut_short_anywhere(void **state)
{
	size_t length = strlen(document_full);

	(void)state;
	for (size_t i = 0; i < length; i++) {
		char *cut = malloc(i + 1); /* of its size, so that reading on is seen */

		memcpy(cut, document_full, i);
		assert_read_or_refused(cut, i);
		free(cut);
	}
}

static void a_document_with_any_byte_changed(void **state)
{
	static const char bytes[] = { '{', '}', '[', '"',  ':',    '\n',
				      '*', '0', '-', '\0', '\xff', '\t' };
	char *bent = strdup(document_full);

	(void)state;
	for (size_t i = 0; bent[i]; i++) {
		char kept = bent[i];

		bent[i] = bytes[i % sizeof(bytes)];
		assert_read_or_refused(bent, strlen(document_full));
		bent[i] = bytes[(i * 7 + 3) % sizeof(bytes)];
		assert_read_or_refused(bent, strlen(document_full));
		bent[i] = kept;
	}
	free(bent);
}

static void three_thousand_bent_documents(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		size_t length;
		char *text = document_bent(seed, &length);

		assert_read_or_refused(text, length);
		free(text);
	}
}

/* before, then filler count times. */
static char *filled(const char *before, const char *filler, size_t count, size_t *length)
{
	size_t head = strlen(before), size = strlen(filler);
	char *text = malloc(head + size * count + 1);

	assert_non_null(text);
	memcpy(text, before, head);
	for (size_t i = 0; i < count; i++)
		memcpy(text + head + i * size, filler, size);
	*length = head + size * count;
	text[*length] = '\0';
	return text;
}

static void nesting_without_end(void **state)
{
	static const char *const befores[] = { "",
					       HEAD "asgs: ",
					       HEAD "remotes: ",
					       HEAD "nsgs: {a: ",
					       HEAD "tags: {a: ",
					       HEAD "switch: {name: " };
	struct sluice_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(befores) / sizeof(befores[0]); i++) {
		for (int j = 0; j < 3; j++) {
			size_t length;
			char *text = filled(befores[i], (const char *[]){ "[", "{a: ", "- " }[j],
					    2000000, &length);

			assert_int_equal(parse(text, length, &error), -EINVAL);
			free(text);
		}
	}
}

static void a_thousand_million_laughs(void **state)
{
	struct sluice_error error;
	const char *text = HEAD "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n";

	(void)state;
	assert_int_equal(parse(text, strlen(text), &error), -EINVAL);
	text = HEAD "asgs: &a [a, *a]\n";
	assert_int_equal(parse(text, strlen(text), &error), -EINVAL);
	assert_non_null(strstr(error.message, "aliases"));
}

static void what_is_not_text_is_refused_where_it_stands(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		unsigned int line;
		unsigned int column;
	} bad[] = {
		{ HEAD "asgs: [a\xff]\n", 32, 2, 9 },
		/* the byte that does not go on */
		{ HEAD "asgs: [a\xc3]\n", 32, 2, 10 },
		{ HEAD "asgs: [a\0b]\n", 33, 2, 9 },
		{ HEAD "asgs: [\xc3\xa4\x07]\n", 34, 2, 9 },
		{ "\x7f"
		  "ELF\2\1\1\0\0",
		  9, 1, 1 },
	};
	struct sluice_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i].text, bad[i].length, &error), -EINVAL);
		assert_non_null(strstr(error.message, "this is not text in UTF-8"));
		assert_int_equal(error.line, bad[i].line);
		assert_int_equal(error.column, bad[i].column);
	}
}

static void a_message_is_one_line_of_printable_text(void **state)
{
	static const char *const bad[] = {
		HEAD "asgs: [\"\\e]0;owned\\a\"]\n",
		HEAD "\"\\r\\nforged: line\": 1\n",
		HEAD "asgs: [\"\xe2\x80\xae\"]\n",
		HEAD "uplinks: [{device: eth0, hook: \"a\\nb\"}]\n",
	};
	struct sluice_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i], strlen(bad[i]), &error), -EINVAL);
		for (const char *c = error.message; *c; c++)
			assert_in_range((unsigned char)*c, ' ', '~');
	}
}

static void a_value_of_a_megabyte(void **state)
{
	static const char *const befores[] = { HEAD "asgs: [", HEAD,
					       HEAD "uplinks: [{device: ", HEAD "tags: {a: [",
					       HEAD "switch: {tcp: " };
	struct sluice_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(befores) / sizeof(befores[0]); i++) {
		size_t length;
		char *text = filled(befores[i], "1", 1 << 20, &length);

		assert_int_equal(parse(text, length, &error), -EINVAL);
		free(text);
	}
}

static void more_values_than_any_switch_needs(void **state)
{
	struct sluice_error error;
	size_t length;
	char *text = filled(HEAD "asgs: [a", ",a", 4000000, &length);

	(void)state;
	assert_int_equal(parse(text, length, &error), -EINVAL);
	assert_string_equal(error.message, "the document has too many values, more than 4000000");
	free(text);
}

static void a_file_without_end(void **state)
{
	struct sluice_config *config = NULL;
	struct sluice_error error;

	(void)state;
	assert_int_equal(sluice_config_read("/dev/zero", &config, &error), -EFBIG);
	assert_string_equal(error.message, "can not read /dev/zero: it is larger than 64 MiB");
}

static void more_vnets_and_ports_than_there_can_be(void **state)
{
	struct sluice_error error;
	char *text;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	(void)state;
	fputs(HEAD "vnets:\n", stream);
	for (int i = 0; i < 100000; i++)
		fprintf(stream, "- {name: v%d, prefixes: [10.0.0.0/8]}\n", i);
	fclose(stream);
	assert_int_equal(parse(text, length, &error), -EINVAL);
	assert_string_equal(error.message, "100000 vnets are too many; a switch has at most 4096");
	assert_int_equal(error.line, 2 + 4097);
	free(text);
}

/* Every kind of check over as many things as it can meet: nothing is compared with everything. */
static void a_hundred_thousand_rules_are_read_at_once(void **state)
{
	struct sluice_error error;
	char *text;
	size_t length;
	FILE *stream = open_memstream(&text, &length);
	clock_t begun;

	(void)state;
	fputs(HEAD "tags:\n", stream);
	for (int i = 0; i < 2000; i++)
		fprintf(stream, "  tag%d: [10.%d.%d.0/24]\n", i, i >> 8, i & 255);
	fputs("acls:\n- name: a\n  rules:\n", stream);
	for (int i = 0; i < 100000; i++)
		fprintf(stream,
			"  - {name: r%d, direction: Inbound, access: Deny, protocol: Tcp, sources: "
			"[10.%d.%d.0/24, tag%d], destinationPorts: [%d]}\n",
			i, i >> 8 & 255, i & 255, i % 2000, i % 60000);
	fclose(stream);
	begun = clock();
	assert_int_equal(parse(text, length, &error), 0);
	assert_true(clock() - begun < 10 * CLOCKS_PER_SEC);
	free(text);
}

static void a_full_nsg_is_read(void **state)
{
	struct sluice_error error;
	char *text;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	(void)state;
	fputs(HEAD "nsgs:\n  full:\n    rules:\n", stream);
	for (int i = 0; i < 2 * 3997; i++) {
		fprintf(stream,
			"    - {name: r%d, priority: %d, direction: %s, access: Deny, sources: [",
			i, 100 + i / 2, i & 1 ? "Inbound" : "Outbound");
		for (int j = 0; j < (i ? 10 : 4000); j++)
			fprintf(stream, "%s10.%d.%d.0/24", j ? ", " : "", j >> 8, j & 255);
		fputs("]}\n", stream);
	}
	fclose(stream);
	assert_read_or_refused(text, length);
	assert_int_equal(parse(text, length, &error), 0);
	free(text);
}

static void thousands_of_subnets_and_ports_are_read_at_once(void **state)
{
	struct sluice_error error;
	char *text;
	size_t length;
	FILE *stream = open_memstream(&text, &length);
	clock_t begun;

	(void)state;
	fputs(HEAD "vnets:\n- name: v\n  prefixes: [10.0.0.0/8, \"fd00::/16\"]\n  subnets:\n",
	      stream);
	for (int i = 0; i < 30000; i++)
		fprintf(stream, "  - {name: s%d, prefixes: [10.%d.%d.0/24, \"fd00:%x::/64\"]}\n", i,
			i >> 8, i & 255, i);
	fputs("ports:\n", stream);
	for (int i = 0; i < 4095; i++)
		fprintf(stream,
			"- {name: p%d, device: tap%d, vnet: v, subnet: s%d, mac: 52:54:00:00:%02x:%02x,"
			" addresses: [10.%d.%d.4, \"fd00:%x::4\"]}\n",
			i, i, i, i >> 8, i & 255, i >> 8, i & 255, i);
	fclose(stream);
	begun = clock();
	if (parse(text, length, &error))
		fail_msg("%u: %s", error.line, error.message);
	assert_true(clock() - begun < 10 * CLOCKS_PER_SEC);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_cut_short_anywhere),
		cmocka_unit_test(a_document_with_any_byte_changed),
		cmocka_unit_test(three_thousand_bent_documents),
		cmocka_unit_test(nesting_without_end),
		cmocka_unit_test(a_thousand_million_laughs),
		cmocka_unit_test(what_is_not_text_is_refused_where_it_stands),
		cmocka_unit_test(a_message_is_one_line_of_printable_text),
		cmocka_unit_test(a_value_of_a_megabyte),
		cmocka_unit_test(more_values_than_any_switch_needs),
		cmocka_unit_test(a_file_without_end),
		cmocka_unit_test(more_vnets_and_ports_than_there_can_be),
		cmocka_unit_test(a_hundred_thousand_rules_are_read_at_once),
		cmocka_unit_test(a_full_nsg_is_read),
		cmocka_unit_test(thousands_of_subnets_and_ports_are_read_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
