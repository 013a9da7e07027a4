/* SPDX-License-Identifier: BSD-2-Clause */
/* From version to version: a policy that means the same keeps its lines, another is laid anew. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/compile_bench.h"

#define LINES 4096

static const char world[] =
	"apiVersion: sluice/v1\n"
	"vnets:\n"
	"  - {name: blue, vni: 1, prefixes: [10.1.0.0/16], subnets: [{name: web, prefixes: "
	"[10.1.1.0/24]}]}\n"
	"  - {name: red, vni: 2, prefixes: [10.2.0.0/16], subnets: [{name: web, prefixes: "
	"[10.2.1.0/24]}]}\n"
	"tags: {admin: [198.51.100.0/24]}\n"
	"asgs: [front]\n"
	"acls:\n"
	"  - name: all\n"
	"    appliesTo: switch\n"
	"    rules:\n"
	"      - {name: a, direction: Inbound, access: Deny, protocol: Tcp, sources: [192.0.2.1]}\n"
	"      - {name: b, direction: Inbound, access: Deny, protocol: Tcp, sources: [192.0.2.2]}\n"
	"nsgs:\n"
	"  plain: {rules: [{name: a, priority: 100, direction: Inbound, access: Allow, protocol: "
	"Tcp}]}\n"
	"  tagged: {rules: [{name: a, priority: 100, direction: Inbound, access: Allow, protocol: "
	"Tcp, sources: [admin]}]}\n"
	"  asged: {rules: [{name: a, priority: 100, direction: Inbound, access: Allow, protocol: "
	"Tcp, sources: [\"asg:front\"]}]}\n"
	"ports:\n"
	"  - {name: p1, device: d1, vnet: blue, subnet: web, mac: \"02:00:00:00:00:01\", addresses: "
	"[10.1.1.4], nsg: plain, asgs: [front]}\n"
	"  - {name: p2, device: d2, vnet: blue, subnet: web, mac: \"02:00:00:00:00:02\", addresses: "
	"[10.1.1.5], nsg: tagged}\n"
	"  - {name: p3, device: d3, vnet: blue, subnet: web, mac: \"02:00:00:00:00:03\", addresses: "
	"[10.1.1.6], nsg: asged}\n"
	"  - {name: p4, device: d4, vnet: red, subnet: web, mac: \"02:00:00:00:00:04\", addresses: "
	"[10.2.1.4], nsg: plain}\n";

/* The classifiers of the ports, as a version has them. */
struct lines {
	__u32 root, acl, plain, tagged, asged, plain_red;
};

static struct lines lay(struct bench *bench, __u32 running)
{
	struct sluice_error error = { 0 };
	struct lines lines = { 0 };

	assert_int_equal(tables_begin(&bench->tables, running, &error), 0);
	if (compile(&bench->tables, bench->config, bench->placements, NULL, bench->slots, bench->rules, 1,
		    &lines.root, &error))
		fail_msg("%s", error.message);
	tables_end(&bench->tables);
	bench->root = (const struct root *)&bench->lines[lines.root];
	lines.acl = bench_port(bench, "p1")->switch_acl[DIRECTION_INBOUND];
	lines.plain = bench_port(bench, "p1")->nic_nsg[DIRECTION_INBOUND];
	lines.tagged = bench_port(bench, "p2")->nic_nsg[DIRECTION_INBOUND];
	lines.asged = bench_port(bench, "p3")->nic_nsg[DIRECTION_INBOUND];
	lines.plain_red = bench_port(bench, "p4")->nic_nsg[DIRECTION_INBOUND];
	return lines;
}

/* Lays the world, edits it with the next two arguments of sluice_config_update, lays it again. */
static void change(enum sluice_kind kind, const char *parent, const char *name, const char *key,
		   const char *value, struct lines *before, struct lines *after)
{
	struct sluice_setting setting = { key, &value, 1 };
	struct bench bench;

	bench_open(&bench, bench_read(world), LINES);
	*before = lay(&bench, 0);
	if (kind != SLUICE_KIND_COUNT)
		assert_int_equal(
			sluice_config_update(bench.config, kind, parent, name, &setting, 1, NULL),
			0);
	*after = lay(&bench, before->root);
	assert_int_not_equal(after->root, before->root);
	bench_close(&bench);
}

static void what_stays_the_same_keeps_its_lines(void **state)
{
	struct lines before, after;

	(void)state;
	change(SLUICE_KIND_COUNT, NULL, NULL, NULL, NULL, &before, &after);
	after.root = before.root;
	assert_memory_equal(&before, &after, sizeof(before));
}

static void only_the_policy_that_changed_is_laid_anew(void **state)
{
	struct lines before, after;

	(void)state;
	change(SLUICE_NSG_RULE, "tagged", "a", "access", "Deny", &before, &after);
	assert_int_not_equal(after.tagged, before.tagged);
	after.tagged = before.tagged;
	after.root = before.root;
	assert_memory_equal(&before, &after, sizeof(before));
}

static void another_tag_is_another_policy(void **state)
{
	struct lines before, after;

	(void)state;
	change(SLUICE_TAG, NULL, "admin", "prefixes", "198.51.101.0/24", &before, &after);
	assert_int_not_equal(after.tagged, before.tagged);
	assert_int_equal(after.plain, before.plain);
	assert_int_equal(after.asged, before.asged);
}

static void another_member_of_an_asg_is_another_policy(void **state)
{
	struct lines before, after;

	(void)state;
	change(SLUICE_PORT, NULL, "p2", "asgs", "front", &before, &after);
	assert_int_not_equal(after.asged, before.asged);
	assert_int_equal(after.plain, before.plain);
	assert_int_equal(after.tagged, before.tagged);
}

/* Every NSG ends with what VirtualNetwork may do. */
static void another_prefix_of_the_vnet_is_another_policy_in_that_vnet(void **state)
{
	struct lines before, after;

	(void)state;
	change(SLUICE_VNET, NULL, "red", "prefixes", "10.2.0.0/17", &before, &after);
	assert_int_not_equal(after.plain_red, before.plain_red);
	assert_int_equal(after.plain, before.plain);
	assert_int_equal(after.acl, before.acl);
}

static void another_priority_is_another_policy(void **state)
{
	struct lines before, after;

	(void)state;
	change(SLUICE_NSG_RULE, "plain", "a", "priority", "101", &before, &after);
	assert_int_not_equal(after.plain, before.plain);
	assert_int_not_equal(after.plain_red, before.plain_red);
	assert_int_equal(after.tagged, before.tagged);
}

static void the_order_of_an_acl_is_part_of_it(void **state)
{
	struct lines before, after;
	struct sluice_rule rule;
	struct bench bench;

	(void)state;
	bench_open(&bench, bench_read(world), LINES);
	before = lay(&bench, 0);
	rule = bench.config->acls[0].rules[0];
	bench.config->acls[0].rules[0] = bench.config->acls[0].rules[1];
	bench.config->acls[0].rules[1] = rule;
	after = lay(&bench, before.root);
	assert_int_not_equal(after.acl, before.acl);
	assert_int_equal(after.plain, before.plain);
	bench_close(&bench);
}

static unsigned int lines_of(const struct bench *bench)
{
	unsigned int count;

	assert_int_equal(tables_count_lines(bench->lines, bench->root, &count), 0);
	return count;
}

/* A version lists all lines that its policies use, wherever they were laid. */
static void kept_lines_stay_listed_over_many_versions(void **state)
{
	static const char *const accesses[] = { "Allow", "Deny" };
	struct lines first, last;
	struct bench bench;
	__u32 most;

	(void)state;
	bench_open(&bench, bench_read(world), LINES);
	first = last = lay(&bench, 0);
	most = lines_of(&bench);
	bench.tables.count = 4 * most; /* the next versions go round in it many times */
	for (int i = 0; i < 300; i++) {
		struct sluice_setting setting = { "access", &accesses[i % 2], 1 };
		struct table_line plain = bench.lines[first.plain];
		const struct extent *extents;
		bool listed = false;

		assert_int_equal(sluice_config_update(bench.config, SLUICE_NSG_RULE, "tagged", "a",
						      &setting, 1, NULL),
				 0);
		last = lay(&bench, last.root);
		assert_int_equal(last.plain, first.plain);
		assert_memory_equal(&bench.lines[first.plain], &plain, sizeof(plain));
		extents = (const void *)&bench.lines[bench.root->extents];
		for (__u32 at = 0; at < bench.root->extent_count; at++)
			listed |= first.plain - extents[at].first < extents[at].count;
		assert_true(listed);
		assert_true(lines_of(&bench) <= most + 1);
	}
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stays_the_same_keeps_its_lines),
		cmocka_unit_test(only_the_policy_that_changed_is_laid_anew),
		cmocka_unit_test(another_tag_is_another_policy),
		cmocka_unit_test(another_member_of_an_asg_is_another_policy),
		cmocka_unit_test(another_prefix_of_the_vnet_is_another_policy_in_that_vnet),
		cmocka_unit_test(another_priority_is_another_policy),
		cmocka_unit_test(the_order_of_an_acl_is_part_of_it),
		cmocka_unit_test(kept_lines_stay_listed_over_many_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
