/* SPDX-License-Identifier: BSD-2-Clause */
/* compile_added(): a version with a rule added says what the whole document, compiled, says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/overlay.h"
#include "loader/schema.h"
#include "tests/harness/compile_bench.h"
#include "tests/harness/random.h"
#include "tests/harness/reference_policy.h"
#include "tests/harness/walk.h"

#define LINES (1U << 16)

static const char world[] =
	"apiVersion: sluice/v1\n"
	"vnets:\n"
	"  - {name: blue, vni: 1, prefixes: [10.1.0.0/16], subnets: [{name: web, nsg: shared, "
	"prefixes: [10.1.1.0/24]}]}\n"
	"  - {name: red, vni: 2, prefixes: [10.2.0.0/16, \"fd00:2::/32\"], subnets: [{name: web, "
	"prefixes: [10.2.1.0/24, \"fd00:2:0:1::/64\"]}]}\n"
	"tags: {admin: [198.51.100.0/24, 10.1.0.0/16]}\n"
	"asgs: [front, back]\n"
	"acls:\n"
	"  - name: first\n"
	"    appliesTo: switch\n"
	"    rules:\n"
	"      - {name: a, direction: Inbound, access: Deny, protocol: Tcp, sources: [10.1.1.6]}\n"
	"      - {name: b, direction: Outbound, access: Deny, protocol: Tcp, sources: [10.1.1.6]}\n"
	"  - name: own\n"
	"    appliesTo: ports\n"
	"    rules:\n"
	"      - {name: a, direction: Inbound, access: Allow, protocol: Udp}\n"
	"      - {name: b, direction: Inbound, access: Deny, protocol: \"*\"}\n"
	"  - name: second\n"
	"    appliesTo: switch\n"
	"    rules:\n"
	"      - {name: a, direction: Inbound, access: Deny, protocol: Udp, sources: [10.2.1.5]}\n"
	"nsgs:\n"
	"  shared: {rules: [{name: a, priority: 1000, direction: Inbound, access: Allow, protocol: "
	"Tcp}]}\n"
	"  mine: {rules: []}\n"
	"ports:\n"
	"  - {name: p1, device: d1, vnet: blue, subnet: web, mac: \"02:00:00:00:00:01\", addresses: "
	"[10.1.1.4], nsg: mine, acl: own, asgs: [front]}\n"
	"  - {name: p2, device: d2, vnet: blue, subnet: web, mac: \"02:00:00:00:00:02\", addresses: "
	"[10.1.1.5], asgs: [back]}\n"
	"  - {name: p3, device: d3, vnet: red, subnet: web, mac: \"02:00:00:00:00:03\", addresses: "
	"[10.2.1.4, \"fd00:2:0:1::4\"], nsg: shared, asgs: [front, back]}\n"
	"  - {name: p4, device: d4, vnet: red, subnet: web, mac: \"02:00:00:00:00:04\", addresses: "
	"[10.2.1.5], nsg: mine, acl: own}\n";

struct town {
	struct bench bench;
	struct overlays *overlays;
	struct random random;
	__u32 root;
	unsigned int added;
	unsigned int whole; /* how often the whole had to be compiled */
};

static void lay_whole(struct town *town)
{
	struct bench *bench = &town->bench;
	struct sluice_error error = { 0 };

	assert_int_equal(tables_begin(&bench->tables, town->root, &error), 0);
	if (compile(&bench->tables, bench->config, bench->placements, NULL, bench->slots, bench->rules,
		    town->root ? bench->root->version + 1 : 1, &town->root, &error))
		fail_msg("%s", error.message);
	tables_end(&bench->tables);
	bench->root = (const struct root *)&bench->lines[town->root];
}

static void open_town(struct town *town, unsigned int seed)
{
	*town = (struct town){ .random = { seed } };
	bench_open(&town->bench, bench_read(world), LINES);
	lay_whole(town);
}

static void close_town(struct town *town)
{
	overlays_free(town->overlays);
	bench_close(&town->bench);
}

/* --- rules --- */

static const char *const selectors[] = { "10.1.1.4",  "10.1.0.0/16", "10.2.1.4-10.2.1.5",
					 "admin",     "fd00:2::/32", "VirtualNetwork",
					 "asg:front", "asg:back",    "Internet",
					 "10.1.1.5" };
#define PLAIN_SELECTORS 3 /* the first so many are no names */

static void set(struct sluice_rule *rule, enum sluice_kind kind, const char *key, const char *value)
{
	assert_int_equal(object_set(schema_kind(kind), rule, schema_field(schema_kind(kind), key),
				    &value, 1, NULL),
			 0);
}

static void draw_lists(struct town *town, struct sluice_rule *rule, enum sluice_kind kind)
{
	struct random *random = &town->random;
	static const char *const keys[] = { "sources", "destinations" };
	static const char *const ports[] = { "22", "1000-2000", "443" };

	for (int i = 0; i < 2; i++)
		for (unsigned int count = random_below(random, 3); count; count--)
			set(rule, kind, keys[i],
			    selectors[random_below(random, kind == SLUICE_ACL_RULE &&
									   random_below(random, 4)
								   ? PLAIN_SELECTORS
								   : 10)]);
	if (rule->protocol != 1 && !random_below(random, 3))
		set(rule, kind, "destinationPorts", ports[random_below(random, 3)]);
}

/* A rule for one of the policies, and where it goes. */
static struct sluice_rule *draw_rule(struct town *town, struct added_rule *added)
{
	static const char *const protocols[] = { "Tcp", "Udp", "Icmp", "*" };
	static const char *const accesses[] = { "Allow", "Deny" };
	static const char *const directions[] = { "Inbound", "Outbound" };
	const struct sluice_config *config = town->bench.config;
	struct random *random = &town->random;
	enum sluice_kind kind;
	char name[32], priority[8];
	void *rule;

	added->acl = random_below(random, 2);
	kind = added->acl ? SLUICE_ACL_RULE : SLUICE_NSG_RULE;
	added->owner = random_below(
		random, (unsigned int)(added->acl ? config->acl_count : config->nsg_count));
	snprintf(name, sizeof(name), "r%u", town->added++);
	assert_int_equal(config_make(kind, name, &rule, NULL), 0);
	set(rule, kind, "protocol", protocols[random_below(random, 4)]);
	set(rule, kind, "access", accesses[random_below(random, 2)]);
	set(rule, kind, "direction", directions[random_below(random, 4) == 0]);
	snprintf(priority, sizeof(priority), "%u", 100 + random_below(random, 2000));
	if (!added->acl)
		set(rule, kind, "priority", priority);
	draw_lists(town, rule, kind);
	added->position = random_below(
		random, 1 + (unsigned int)(added->acl ? config->acls[added->owner].rule_count
						      : config->nsgs[added->owner].rule_count));
	added->rule = rule;
	return rule;
}

static __u32 take_number(struct town *town, const struct added_rule *added)
{
	const struct sluice_config *config = town->bench.config;
	char key[200];

	if (added->acl)
		snprintf(key, sizeof(key), "acl/%s/%s", config->acls[added->owner].name,
			 added->rule->name);
	else
		snprintf(key, sizeof(key), "nsg/%s/%s/%s", config->nsgs[added->owner].name,
			 added->rule->direction == DIRECTION_INBOUND ? "in" : "out",
			 added->rule->name);
	return ids_take(town->bench.rules, key, NULL);
}

/* Adds a rule to what runs; -EAGAIN when the whole must be compiled. */
static int lay_added(struct town *town, const struct added_rule *added)
{
	struct bench *bench = &town->bench;
	struct sluice_error error = { 0 };
	__u32 root = 0;
	int result;

	assert_int_equal(tables_begin(&bench->tables, town->root, &error), 0);
	result = compile_added(&bench->tables, bench->config, added, bench->slots, bench->rules,
			       &town->overlays, bench->root->version + 1, &root, &error);
	tables_end(&bench->tables);
	if (result)
		return result;
	town->root = root;
	bench->root = (const struct root *)&bench->lines[root];
	return 0;
}

/* Adds a random rule to what runs and to the document. */
static void add_rule(struct town *town)
{
	struct sluice_config *config = town->bench.config;
	struct added_rule added;
	struct sluice_rule *rule = draw_rule(town, &added);
	const char *parent =
		added.acl ? config->acls[added.owner].name : config->nsgs[added.owner].name;
	int result;

	if (!config_may_add(config, added.acl, added.owner, rule)) {
		config_drop(added.acl ? SLUICE_ACL_RULE : SLUICE_NSG_RULE, rule);
		return;
	}
	added.number = take_number(town, &added);
	result = lay_added(town, &added);
	if (result != -EAGAIN)
		assert_int_equal(result, 0);
	assert_int_equal(config_insert(config, added.acl ? SLUICE_ACL_RULE : SLUICE_NSG_RULE,
				       parent, rule, added.position, NULL),
			 0);
	if (result == -EAGAIN) {
		town->whole++;
		lay_whole(town);
	}
}

/* --- what is asked --- */

static struct reference_tuple draw_tuple(struct random *random)
{
	static const char *const addresses[2][7] = {
		{ "10.1.1.4", "10.1.1.5", "10.1.1.6", "10.2.1.4", "10.2.1.5", "198.51.100.7",
		  "203.0.113.9" },
		{ "fd00:2:0:1::4", "fd00:2:0:1::4", "fd00:2::1", "fd00:1::4", "fd00:2:0:1::5",
		  "2001:db8::1", "fe80::1" },
	};
	const char *const *ones = addresses[!random_below(random, 4)]; /* of one family */
	static const __u8 protocols[] = { 6, 17, 1, 50 };
	struct reference_tuple tuple = { .protocol = protocols[random_below(random, 4)] };

	sluice_address_parse(ones[random_below(random, 7)], &tuple.source);
	sluice_address_parse(ones[random_below(random, 7)], &tuple.destination);
	if (tuple.protocol == 6 || tuple.protocol == 17) {
		tuple.source_port = 40000;
		tuple.destination_port = random_below(random, 2) ? 22 : 1500;
	}
	return tuple;
}

static void same_verdict(const struct town *town, __u32 line, const struct reference_tuple *tuple,
			 const struct reference_verdict *expected)
{
	struct walk_verdict verdict;

	walk_classify(town->bench.lines, line, tuple, &verdict);
	assert_string_equal(verdict.rule ? ids_key(town->bench.rules, verdict.rule) : "",
			    expected->rule);
	assert_int_equal(verdict.access, expected->access);
}

static void compare(struct town *town, const struct sluice_port *from, enum direction direction)
{
	const struct sluice_config *config = town->bench.config;
	const struct port *port = bench_port(&town->bench, from->name);
	struct reference_tuple tuple = draw_tuple(&town->random);
	struct reference_verdict expected;

	reference_switch_acl(config, from->vnet, direction, &tuple, &expected);
	same_verdict(town, port->switch_acl[direction], &tuple, &expected);
	reference_port_acl(config, from, direction, &tuple, &expected);
	same_verdict(town, port->acl[direction], &tuple, &expected);
	reference_nsg(config, from->nsg, from->vnet, direction, &tuple, &expected);
	same_verdict(town, port->nic_nsg[direction], &tuple, &expected);
	reference_nsg(config, reference_subnet(config, from)->nsg, from->vnet, direction, &tuple,
		      &expected);
	same_verdict(town, port->subnet_nsg[direction], &tuple, &expected);
}

static void compare_all(struct town *town, int times)
{
	for (int i = 0; i < times; i++)
		for (size_t at = 0; at < town->bench.config->port_count; at++)
			for (int direction = 0; direction < DIRECTION_COUNT; direction++)
				compare(town, &town->bench.config->ports[at], direction);
}

static void rules_added_one_by_one_say_what_the_document_says(void **state)
{
	unsigned int added = 0, whole = 0;

	(void)state;
	for (unsigned int seed = 0; seed < 20; seed++) {
		struct town town;

		open_town(&town, seed);
		for (int i = 0; i < 100; i++) {
			add_rule(&town);
			compare_all(&town, 3);
			if (random_below(&town.random, 10))
				continue;
			overlays_free(town.overlays); /* another process goes on */
			town.overlays = NULL;
		}
		added += town.added;
		whole += town.whole;
		close_town(&town);
	}
	print_message("%u rules added, %u times the whole was compiled\n", added, whole);
	assert_true(whole * 10 < added);
}

/* The hash is kept right rule by rule: compiled whole, the same policies are found again. */
static void what_was_added_to_is_taken_over_by_a_whole_version(void **state)
{
	(void)state;
	for (unsigned int seed = 100; seed < 120; seed++) {
		struct port before[5];
		struct town town;

		open_town(&town, seed);
		for (int i = 0; i < 50; i++)
			add_rule(&town);
		memcpy(before, &town.bench.lines[town.bench.root->ports], sizeof(before));
		lay_whole(&town);
		for (int slot = 1; slot < 5; slot++) {
			const struct port *after =
				(const void *)&town.bench.lines[town.bench.root->ports + slot];

			assert_memory_equal(after->nic_nsg, before[slot].nic_nsg,
					    sizeof(after->nic_nsg));
			assert_memory_equal(after->subnet_nsg, before[slot].subnet_nsg,
					    sizeof(after->subnet_nsg));
			assert_memory_equal(after->acl, before[slot].acl, sizeof(after->acl));
			assert_memory_equal(after->switch_acl, before[slot].switch_acl,
					    sizeof(after->switch_acl));
		}
		compare_all(&town, 10);
		close_town(&town);
	}
}

/* Rule after rule before the same one, behind the same one, at the head, at the end. */
static void rules_are_added_at_one_place_as_often_as_an_overlay_takes(void **state)
{
	(void)state;
	for (int way = 0; way < 4; way++) {
		struct town town;
		int laid = 0;

		open_town(&town, 0);
		for (int result = 0; !result;) {
			struct added_rule added = { .acl = true, .owner = 0 };
			size_t last = town.bench.config->acls[0].rule_count;
			const size_t positions[] = { 0, last, last - 1, 1 };
			char name[32];
			void *rule;

			snprintf(name, sizeof(name), "r%d", laid);
			assert_int_equal(config_make(SLUICE_ACL_RULE, name, &rule, NULL), 0);
			set(rule, SLUICE_ACL_RULE, "direction", "Inbound");
			set(rule, SLUICE_ACL_RULE, "protocol", "Udp");
			added.rule = rule;
			added.position = positions[way];
			added.number = take_number(&town, &added);
			result = lay_added(&town, &added);
			laid += !result;
			assert_int_equal(config_insert(town.bench.config, SLUICE_ACL_RULE, "first",
						       rule, added.position, NULL),
					 0);
		}
		assert_int_equal(laid, OVERLAY_MAX);
		close_town(&town);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_added_one_by_one_say_what_the_document_says),
		cmocka_unit_test(what_was_added_to_is_taken_over_by_a_whole_version),
		cmocka_unit_test(rules_are_added_at_one_place_as_often_as_an_overlay_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
