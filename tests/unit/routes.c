/* SPDX-License-Identifier: BSD-2-Clause */
/* Route tables as trees: who decides, ties, and a plain longest-prefix match beside them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/reach.h"
#include "loader/schema.h"
#include "tests/harness/compile_bench.h"
#include "tests/harness/random.h"
#include "tests/harness/seed.h"
#include "tests/harness/walk.h"

#define LINES 65536

static const char two_vnets[] =
	"apiVersion: sluice/v1\n"
	"vnets:\n"
	"  - {name: blue, prefixes: [10.1.0.0/16, 10.4.0.0/24, \"fd00:1::/48\"], subnets: [\n"
	"     {name: web, prefixes: [10.1.1.0/24, 10.4.0.0/24, \"fd00:1:0:1::/64\"], routes: rt}]}\n"
	"  - {name: red, prefixes: [10.2.0.0/16], peers: [blue], subnets: [\n"
	"     {name: app, prefixes: [10.2.1.0/24]}]}\n"
	"routes:\n"
	"  rt:\n"
	"    - {prefix: 0.0.0.0/0, nextHop: internet}\n"
	"    - {prefix: 10.1.1.0/24, nextHop: none}\n"
	"    - {prefix: 10.1.1.128/25, nextHop: 10.1.1.4}\n"
	"    - {prefix: 10.2.1.0/24, nextHop: 10.1.1.4}\n"
	"    - {prefix: \"::/0\", nextHop: none}\n"
	"    - {prefix: \"fd00:1:0:1::7/128\", nextHop: internet}\n"
	"    - {prefix: 255.255.255.0/24, nextHop: none}\n"
	"ports:\n"
	"  - {name: fw, device: d1, vnet: blue, subnet: web, mac: \"02:00:00:00:00:01\",\n"
	"     addresses: [10.1.1.4], guards: {spoofing: allow}}\n"
	"  - {name: app1, device: d2, vnet: red, subnet: app, mac: \"02:00:00:00:00:02\",\n"
	"     addresses: [10.2.1.4]}\n";

static struct ip_address address_of(const char *text)
{
	struct ip_address address;

	assert_int_equal(sluice_address_parse(text, &address), 0);
	return address;
}

static const struct subnet *subnet_of(const struct bench *bench, const char *port)
{
	return (const void *)&bench->lines[bench_port(bench, port)->subnet];
}

static void the_longest_prefix_decides_and_ties_go_by_rank(void **state)
{
	static const struct {
		const char *address;
		enum route_kind routed;  /* by the table of blue/web */
		enum route_kind reached; /* by red/app, which has none */
	} cases[] = {
		{ "10.1.1.4", ROUTE_NONE, ROUTE_SUBNET },   /* a route before a subnet */
		{ "10.1.1.127", ROUTE_NONE, ROUTE_SUBNET },
		{ "10.1.1.128", ROUTE_PORT, ROUTE_SUBNET },
		{ "10.1.1.255", ROUTE_PORT, ROUTE_SUBNET },
		{ "10.1.2.0", ROUTE_UNUSED, ROUTE_UNUSED }, /* the vnet before a shorter route */
		{ "10.4.0.9", ROUTE_SUBNET, ROUTE_SUBNET }, /* a subnet before its vnet */
		{ "10.2.1.4", ROUTE_PORT, ROUTE_SUBNET },   /* a route before a peer's subnet */
		{ "10.2.2.4", ROUTE_UNUSED, ROUTE_UNUSED },
		{ "10.3.0.1", ROUTE_INTERNET, ROUTE_NOWHERE },
		{ "0.0.0.0", ROUTE_INTERNET, ROUTE_NOWHERE },
		{ "255.255.254.255", ROUTE_INTERNET, ROUTE_NOWHERE },
		{ "255.255.255.255", ROUTE_NONE, ROUTE_NOWHERE },
		{ "fd00:1:0:1::4", ROUTE_SUBNET, ROUTE_SUBNET },
		{ "fd00:1:0:1::7", ROUTE_INTERNET, ROUTE_SUBNET },
		{ "fd00:1:0:1::8", ROUTE_SUBNET, ROUTE_SUBNET },
		{ "fd00:1:0:2::", ROUTE_UNUSED, ROUTE_UNUSED },
		{ "::1", ROUTE_NONE, ROUTE_NOWHERE },       /* ::/0 is IPv6's alone */
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ROUTE_NONE, ROUTE_NOWHERE },
	};
	struct bench bench;
	const struct vnet *red;

	(void)state;
	bench_open(&bench, bench_read(two_vnets), LINES);
	assert_int_equal(bench_compile(&bench, NULL), 0);
	red = (const void *)&bench.lines[bench_port(&bench, "app1")->vnet];
	assert_int_equal(subnet_of(&bench, "app1")->routes, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ip_address address = address_of(cases[i].address);
		__u32 way = walk_route(bench.lines, subnet_of(&bench, "fw")->routes, &address);

		assert_int_equal(way >> ROUTE_KIND_SHIFT, cases[i].routed);
		if (way >> ROUTE_KIND_SHIFT == ROUTE_PORT)
			assert_int_equal(way & ROUTE_VALUE_MASK, ids_find(bench.slots, "fw"));
		way = walk_route(bench.lines, red->routes, &address);
		assert_int_equal(way >> ROUTE_KIND_SHIFT, cases[i].reached);
	}
	bench_close(&bench);
}

static void vnets_say_whose_keys_they_share(void **state)
{
	const struct vnet *blue, *red;
	struct ip_address app1 = address_of("10.2.1.4"), fw = address_of("10.1.1.4");
	struct bench bench;

	(void)state;
	bench_open(&bench, bench_read(two_vnets), LINES);
	assert_int_equal(bench_compile(&bench, NULL), 0);
	blue = (const void *)&bench.lines[bench_port(&bench, "fw")->vnet];
	red = (const void *)&bench.lines[bench_port(&bench, "app1")->vnet];
	assert_int_equal(blue->sharing, VNET_FORWARDS | VNET_PEERED);
	assert_int_equal(red->sharing, VNET_PEERED);
	assert_int_equal(walk_endpoint(bench.lines, blue, &app1),
			 ENDPOINT_PORT << ENDPOINT_KIND_SHIFT | ids_find(bench.slots, "app1"));
	assert_int_equal(walk_endpoint(bench.lines, red, &fw),
			 ENDPOINT_PORT << ENDPOINT_KIND_SHIFT | ids_find(bench.slots, "fw"));
	bench_close(&bench);
}

/* --- many routes --- */

#define ROUTES 10000

static struct ip_address random_address(struct random *random)
{
	struct ip_address address = address_of(random_chance(random, 50) ? "10.0.0.0" : "fd00::");
	bool ipv4 = sluice_address_is_ipv4(&address);

	/* Close together, so that prefixes hold each other. */
	for (int i = ipv4 ? 13 : 6; i < 16; i++)
		address.bytes[i] = (__u8)random_below(random, random_chance(random, 50) ? 4 : 256);
	return address;
}

static void write_routes(FILE *out, struct random *random)
{
	fprintf(out, "apiVersion: sluice/v1\nvnets:\n  - {name: blue, prefixes: [10.9.0.0/16], "
		     "subnets: [{name: web, prefixes: [10.9.1.0/24], routes: rt}]}\n"
		     "ports:\n  - {name: fw, device: d1, vnet: blue, subnet: web, mac: "
		     "\"02:00:00:00:00:01\", addresses: [10.9.1.4], guards: {spoofing: allow}}\n"
		     "routes:\n  rt:\n");
	for (unsigned int i = 0; i < ROUTES; i++) {
		struct ip_address address = random_address(random);
		bool ipv4 = sluice_address_is_ipv4(&address);
		unsigned int length = ipv4 ? 8 + random_below(random, 25)
					   : 16 + random_below(random, 113);
		struct ip_address first = address_block_first(&address, length + (ipv4 ? 96 : 0));
		char text[46];

		fprintf(out, "    - {prefix: \"%s/%u\", nextHop: %s}\n",
			sluice_address_text(&first, text), length,
			(const char *[]){ "none", "internet", "10.9.1.4" }[random_below(random, 3)]);
	}
}

/* Of equal prefixes in the document the first stays: a table can not have two. */
static void drop_repetitions(struct sluice_route_table *table)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->route_count; i++) {
		bool there = false;

		for (size_t j = 0; j < kept && !there; j++)
			there = !strcmp(table->routes[j].prefix, table->routes[i].prefix);
		if (there) {
			free(table->routes[i].prefix);
			free(table->routes[i].next_hop);
		} else {
			table->routes[kept++] = table->routes[i];
		}
	}
	table->route_count = kept;
}

/* kind of the longest prefix that holds the address, one after the other. */
static unsigned int plain_match(const struct sluice_route_table *table,
				const struct ip_address *address)
{
	unsigned int kind = ROUTE_NOWHERE;
	int longest = -1;

	for (size_t i = 0; i < table->route_count; i++) {
		struct sluice_prefix prefix = route_prefix(&table->routes[i]);
		struct ip_address first = prefix_first(&prefix), last = prefix_last(&prefix), hop;
		static const unsigned int kinds[] = { [NEXT_HOP_ADDRESS] = ROUTE_PORT,
						      [NEXT_HOP_INTERNET] = ROUTE_INTERNET,
						      [NEXT_HOP_NONE] = ROUTE_NONE };

		if (prefix.ipv6 == sluice_address_is_ipv4(address) || prefix.length <= longest ||
		    address_compare(address, &first) < 0 || address_compare(address, &last) > 0)
			continue;
		longest = prefix.length;
		kind = kinds[route_next_hop(&table->routes[i], &hop)];
	}
	return kind;
}

static struct sluice_config *read_raw(const char *text)
{
	struct sluice_config *config = NULL;
	struct sluice_error error = { 0 };

	assert_int_equal(sluice_config_new("test", &config, &error), 0);
	if (yaml_read(text, strlen(text), "test", config, &error))
		fail_msg("%u: %s", error.line, error.message);
	config_assign_vnis(config);
	return config;
}

static void ten_thousand_routes_say_what_a_plain_match_says(void **state)
{
	struct random random = { test_seed[0] };
	struct sluice_config *config;
	struct bench bench;
	size_t length;
	char *text;
	FILE *out = open_memstream(&text, &length);

	(void)state;
	write_routes(out, &random);
	fclose(out);
	config = read_raw(text);
	drop_repetitions(&config->route_tables[0]);
	bench_open(&bench, config, LINES);
	assert_int_equal(bench_compile(&bench, NULL), 0);
	for (int i = 0; i < 2000; i++) {
		struct ip_address address = random_address(&random);
		__u32 way = walk_route(bench.lines, subnet_of(&bench, "fw")->routes, &address);

		assert_int_equal(way >> ROUTE_KIND_SHIFT,
				 plain_match(&config->route_tables[0], &address));
	}
	bench_close(&bench);
	free(text);
}

static void a_route_to_no_prefix_is_refused(void **state)
{
	static const char text[] = "apiVersion: sluice/v1\nroutes: {rt: [{prefix: web, nextHop: none}]}\n";
	struct sluice_config *config = NULL;
	struct sluice_error error = { 0 };

	(void)state;
	assert_int_equal(sluice_config_parse(text, strlen(text), "test", &config, &error), -EINVAL);
	assert_string_equal(error.message, "prefix: \"web\" is not a prefix; write one like "
					   "10.1.0.0/16 or fd00:1::/48");
	assert_int_equal(error.line, 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_to_no_prefix_is_refused),
		cmocka_unit_test(the_longest_prefix_decides_and_ties_go_by_rank),
		cmocka_unit_test(vnets_say_whose_keys_they_share),
		cmocka_unit_test(ten_thousand_routes_say_what_a_plain_match_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
