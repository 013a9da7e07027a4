/* SPDX-License-Identifier: BSD-2-Clause */
/* compile() of large documents: what fits, how long it takes, and what is refused. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/harness/compile_bench.h"
#include "tests/harness/walk.h"

#define LINES (1U << 18)

/* A document with many ports, in one subnet, whose devices have the given indices. */
static struct sluice_config *many_ports(unsigned int count)
{
	struct sluice_config *config;
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	fprintf(stream, "apiVersion: sluice/v1\nvnets:\n  - name: v\n    prefixes: [10.0.0.0/8]\n"
			"    subnets: [{name: s, prefixes: [10.0.0.0/8]}]\nports:\n");
	for (unsigned int i = 0; i < count; i++)
		fprintf(stream,
			"  - {name: p%u, device: d%u, vnet: v, subnet: s, "
			"mac: \"02:00:00:00:%02x:%02x\", addresses: [10.0.%u.%u]}\n",
			i, i, i >> 8, i & 255, 1 + (i >> 8), i & 255);
	fclose(stream);
	config = bench_read(text);
	free(text);
	return config;
}

static void thousands_of_ports_find_room_in_their_buckets(void **state)
{
	static const unsigned int strides[] = { 1, 8, 64 };
	const unsigned int count = SLUICE_MAX_PORTS - 1;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct bench bench;

		bench_open(&bench, many_ports(count), LINES);
		for (unsigned int port = 0; port < count; port++)
			bench.placements[port].ifindex = 5 + port * strides[i];
		assert_int_equal(bench_compile(&bench, NULL), 0);
		for (unsigned int port = 0; port < count; port++) {
			const struct sluice_port *from = &bench.config->ports[port];
			__u32 slot = ids_find(bench.slots, from->name);
			const struct vnet *vnet =
				(const void *)&bench.lines[bench_port(&bench, from->name)->vnet];

			assert_int_equal(
				walk_device(bench.lines, bench.root, 5 + port * strides[i]), slot);
			assert_int_equal(walk_endpoint(bench.lines, vnet, &from->addresses[0]),
					 ENDPOINT_PORT << ENDPOINT_KIND_SHIFT | slot);
		}
		bench_close(&bench);
	}
}

/* An NSG of many rules, each with one source and one port. */
static struct sluice_config *many_rules(unsigned int count)
{
	struct sluice_config *config;
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	fprintf(stream, "apiVersion: sluice/v1\nvnets:\n  - name: v\n    prefixes: [10.0.0.0/8]\n"
			"    subnets: [{name: s, prefixes: [10.0.0.0/8], nsg: n}]\n"
			"ports:\n  - {name: p, device: d, vnet: v, subnet: s, "
			"mac: \"02:00:00:00:00:01\", addresses: [10.0.0.2]}\n"
			"nsgs:\n  n:\n    rules:\n");
	for (unsigned int i = 0; i < count; i++)
		fprintf(stream,
			"    - {name: r%u, priority: %u, direction: Inbound, "
			"access: Allow, protocol: Tcp, sources: [10.1.%u.%u/32], "
			"destinationPorts: [\"%u\"]}\n",
			i, 100 + i, i >> 8, i & 255, i);
	fclose(stream);
	config = bench_read(text);
	free(text);
	return config;
}

static void a_thousand_rules_compile_in_milliseconds(void **state)
{
	struct timespec begun, done;
	long best = LONG_MAX;
	struct bench bench;

	(void)state;
	bench_open(&bench, many_rules(1000), LINES);
	for (int i = 0; i < 10; i++) {
		long took;

		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
		assert_int_equal(bench_compile(&bench, NULL), 0);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &done);
		took = (done.tv_sec - begun.tv_sec) * 1000000 +
		       (done.tv_nsec - begun.tv_nsec) / 1000;
		best = took < best ? took : best;
	}
	print_message("1,000 rules: %ld us\n", best);
	assert_true(best < 50000); /* with room for the sanitizers */
	bench_close(&bench);
}

static void a_document_that_does_not_fit_leaves_root_untouched(void **state)
{
	struct sluice_error error;
	struct bench bench;

	(void)state;
	bench_open(&bench, many_rules(200), LINES);
	for (__u32 limit = 1;; limit++) {
		__u32 root = 4711;
		int result;

		memset(&bench.lines[0], 0, sizeof(bench.lines[0]));
		bench.tables.count = limit;
		assert_int_equal(tables_begin(&bench.tables, 0, NULL), 0);
		error.message[0] = '\0';
		result = compile(&bench.tables, bench.config, bench.placements, NULL, bench.slots,
				 bench.rules, 1, &root, &error);
		tables_end(&bench.tables);
		if (!result)
			break;
		assert_int_equal(result, -ENOSPC);
		assert_int_equal(root, 4711);
		assert_non_null(strstr(error.message, "no room"));
		assert_true(limit < 1000);
	}
	bench_close(&bench);
}

/* An ACL of many rules, each with a source, a destination and a port. */
static struct sluice_config *long_acl(unsigned int count)
{
	struct sluice_config *config;
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	fprintf(stream, "apiVersion: sluice/v1\nacls:\n  - name: a\n    appliesTo: switch\n"
			"    rules:\n");
	for (unsigned int i = 0; i < count; i++)
		fprintf(stream,
			"    - {name: r%u, direction: Inbound, access: Deny, protocol: Tcp, "
			"sources: [10.%u.%u.0/24], destinations: [10.%u.%u.1/32], "
			"destinationPorts: [\"%u\"]}\n",
			i, i >> 16, i >> 8 & 255, i >> 16, i >> 8 & 255, i & 65535);
	fclose(stream);
	config = bench_read(text);
	free(text);
	return config;
}

static void a_hundred_thousand_rules_can_be_replaced_by_as_many(void **state)
{
	struct bench bench;
	struct sluice_error error = { 0 };
	__u32 root = 0;

	(void)state;
	bench_open(&bench, long_acl(100000), SLUICE_DEFAULT_TABLE_LINES);
	for (__u32 version = 1; version <= 5; version++) {
		int result;

		assert_int_equal(tables_begin(&bench.tables, root, &error), 0);
		result = compile(&bench.tables, bench.config, bench.placements, NULL, bench.slots,
				 bench.rules, version, &root, &error);
		tables_end(&bench.tables);
		assert_int_equal(result, 0);
	}
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thousands_of_ports_find_room_in_their_buckets),
		cmocka_unit_test(a_thousand_rules_compile_in_milliseconds),
		cmocka_unit_test(a_document_that_does_not_fit_leaves_root_untouched),
		cmocka_unit_test(a_hundred_thousand_rules_can_be_replaced_by_as_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
