// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses, prefixes, ranges, ports, MACs and protocols to and from text.
 */
#include <errno.h>
#include <string.h>

#include "loader/text.h"
#include "tests/harness/unit.h"

static void an_address_comes_back_as_its_text(void **state)
{
	static const char *const texts[] = { "0.0.0.0",
					     "10.1.1.4",
					     "255.255.255.255",
					     "::",
					     "::1",
					     "fd00:1:0:1::4",
					     "::1.2.3.4",
					     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };
	struct ip_address address;
	char text[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(sluice_address_parse(texts[i], &address), 0);
		assert_string_equal(sluice_address_text(&address, text), texts[i]);
		assert_int_equal(sluice_address_is_ipv4(&address), !strchr(texts[i], ':'));
	}
}

static void what_is_no_address_leaves_the_output_alone(void **state)
{
	static const char *const texts[] = { "",
					     "10.1.1",
					     "10.1.1.256",
					     "10.1.1.4 ",
					     " 10.1.1.4",
					     "010.1.1.4",
					     "10.1.1.4/32",
					     "::ffff:10.1.1.4",
					     "0:0:0:0:0:ffff:a01:104",
					     "fe80::1%lo",
					     "fd00:::1",
					     "12345::",
					     "0x0a.1.1.4",
					     "167837956" };
	struct ip_address address = { .bytes = { 1, 2, 3 } }, before = address;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(sluice_address_parse(texts[i], &address), -EINVAL);
		assert_memory_equal(&address, &before, sizeof(address));
	}
}

static void a_prefix_has_a_first_and_a_last_address(void **state)
{
	static const struct {
		const char *prefix, *first, *last;
	} rows[] = {
		{ "0.0.0.0/0", "0.0.0.0", "255.255.255.255" },
		{ "10.1.0.0/16", "10.1.0.0", "10.1.255.255" },
		{ "10.1.1.128/25", "10.1.1.128", "10.1.1.255" },
		{ "10.1.1.4/32", "10.1.1.4", "10.1.1.4" },
		{ "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "fd00:1:0:1::/63", NULL, NULL },
		{ "fd00:1::/63", "fd00:1::", "fd00:1:0:1:ffff:ffff:ffff:ffff" },
		{ "fd00::5/128", "fd00::5", "fd00::5" },
	};
	struct sluice_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sluice_prefix prefix;
		struct ip_address address;
		char text[TEXT_MAX];

		if (!rows[i].first) {
			assert_int_equal(text_parse_prefix(rows[i].prefix, &prefix, &error),
					 -EINVAL);
			continue;
		}
		assert_int_equal(text_parse_prefix(rows[i].prefix, &prefix, &error), 0);
		address = prefix_first(&prefix);
		assert_string_equal(sluice_address_text(&address, text), rows[i].first);
		address = prefix_last(&prefix);
		assert_string_equal(sluice_address_text(&address, text), rows[i].last);
		assert_string_equal(text_prefix(&prefix, text), rows[i].prefix);
	}
}

static void a_range_is_written_the_shortest_way(void **state)
{
	static const struct {
		const char *text, *canonical;
	} rows[] = {
		{ "10.1.1.4", "10.1.1.4" },
		{ "10.1.1.4/32", "10.1.1.4" },
		{ "10.1.1.4-10.1.1.4", "10.1.1.4" },
		{ "10.1.1.0/24", "10.1.1.0/24" },
		{ "10.1.1.4-10.1.1.9", "10.1.1.4-10.1.1.9" },
		{ "FD00:0::0-FD00::FFFF", "fd00::-fd00::ffff" },
		{ "fd00::/128", "fd00::" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};
	struct ip_address first, last;
	struct sluice_error error;
	char canonical[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(text_parse_range(rows[i].text, &first, &last, canonical, &error),
				 0);
		assert_string_equal(canonical, rows[i].canonical);
		assert_true(text_is_range(rows[i].text));
	}
	assert_int_equal(text_parse_range("10.1.1.4-", &first, &last, canonical, &error), -EINVAL);
	assert_int_equal(text_parse_range("-10.1.1.4", &first, &last, canonical, &error), -EINVAL);
	assert_int_equal(text_parse_range("", &first, &last, canonical, &error), -EINVAL);
	assert_false(text_is_range("Internet"));
	assert_false(text_is_range("my-tag.1"));
}

static void ports_are_one_or_a_range(void **state)
{
	static const char *const right[] = { "0", "443", "65535", "0-65535", "8080-8090" };
	static const char *const wrong[] = { "",
					     "-",
					     "1-",
					     "-1",
					     "1-2-3",
					     "65536",
					     "1-65536",
					     "2-1",
					     "080",
					     "0x50",
					     "+1",
					     " 1",
					     "1 ",
					     "99999999999999999999",
					     "99999999999999999999-1" };
	struct sluice_port_range ports;
	struct sluice_error error;
	char text[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_int_equal(text_parse_ports(right[i], &ports, &error), 0);
		assert_string_equal(text_ports(&ports, text), right[i]);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(text_parse_ports(wrong[i], &ports, &error), -EINVAL);
}

static void a_mac_has_six_pairs(void **state)
{
	static const char *const wrong[] = { "",
					     "52:54:00:12:34",
					     "52:54:00:12:34:5",
					     "52:54:00:12:34:567",
					     "52:54:00:12:34:5g",
					     "52.54.00.12.34.56",
					     "525400123456",
					     "52:54:00:12:34-56:" };
	unsigned char mac[6];
	struct sluice_error error;
	char text[TEXT_MAX];

	(void)state;
	assert_int_equal(text_parse_mac("aB-Cd-EF-01-23-45", mac, &error), 0);
	assert_string_equal(text_mac(mac, text), "ab:cd:ef:01:23:45");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(text_parse_mac(wrong[i], mac, &error), -EINVAL);
}

static void a_protocol_comes_back_as_its_name(void **state)
{
	static const struct {
		const char *text;
		int number;
		const char *canonical;
	} rows[] = {
		{ "tcp", 6, "Tcp" },      { "UDP", 17, "Udp" }, { "Icmp", 1, "Icmp" },
		{ "esp", 50, "Esp" },     { "AH", 51, "Ah" },   { "6", 6, "Tcp" },
		{ "58", 58, "58" },       { "0", 0, "0" },      { "255", 255, "255" },
		{ "*", SLUICE_ANY, "*" },
	};
	int protocol = 77;
	char text[8];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(sluice_protocol_parse(rows[i].text, &protocol), 0);
		assert_int_equal(protocol, rows[i].number);
		assert_string_equal(sluice_protocol_text(protocol, text), rows[i].canonical);
	}
	protocol = 77;
	assert_int_equal(sluice_protocol_parse("256", &protocol), -EINVAL);
	assert_int_equal(sluice_protocol_parse("Http", &protocol), -EINVAL);
	assert_int_equal(sluice_protocol_parse("", &protocol), -EINVAL);
	assert_int_equal(protocol, 77);
}

static void an_error_is_optional_and_keeps_its_code(void **state)
{
	struct sluice_error error = { .line = 7, .column = 7, .file = "old" };

	(void)state;
	assert_int_equal(sluice_error_set(NULL, -EBUSY, "x"), -EBUSY);
	assert_int_equal(sluice_error_set(&error, -EBUSY, "%s\n%d\x1b", "held by", 5), -EBUSY);
	assert_string_equal(error.message, "held by?5?");
	assert_int_equal(error.line, 0);
	assert_string_equal(error.file, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_comes_back_as_its_text),
		cmocka_unit_test(what_is_no_address_leaves_the_output_alone),
		cmocka_unit_test(a_prefix_has_a_first_and_a_last_address),
		cmocka_unit_test(a_range_is_written_the_shortest_way),
		cmocka_unit_test(ports_are_one_or_a_range),
		cmocka_unit_test(a_mac_has_six_pairs),
		cmocka_unit_test(a_protocol_comes_back_as_its_name),
		cmocka_unit_test(an_error_is_optional_and_keeps_its_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
