/* SPDX-License-Identifier: BSD-2-Clause */
/* Flows, next hops and names, read from a switch that lies in plain memory. */
#include "tests/harness/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loader/switch.h"
#include "tests/harness/document.h"

#define LINES   4096
#define BUCKETS 8

static const char text[] =
	"apiVersion: sluice/v1\n"
	"vnets:\n"
	"  - name: blue\n"
	"    vni: 7\n"
	"    prefixes: [10.1.0.0/16, \"fd00:1::/48\"]\n"
	"    subnets:\n"
	"      - {name: web, prefixes: [10.1.1.0/24, \"fd00:1:0:1::/64\"], nsg: web}\n"
	"      - {name: db, prefixes: [10.1.2.0/24]}\n"
	"nsgs:\n"
	"  web:\n"
	"    rules: [{name: https, priority: 100, direction: Inbound, access: Allow, protocol: Tcp}]\n"
	"ports:\n"
	"  - {name: vm1, device: a, vnet: blue, subnet: web, mac: 52:54:00:00:00:01,\n"
	"     addresses: [10.1.1.4, \"fd00:1:0:1::4\"]}\n"
	"  - {name: vm2, device: b, vnet: blue, subnet: db, mac: 52:54:00:00:00:02,\n"
	"     addresses: [10.1.2.4]}\n";

struct world {
	struct sluice sw;
	struct control control;
	struct placement placements[2];
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct sluice *sw = &world->sw;
	struct tables tables = { .count = LINES };

	sw->control = &world->control;
	sw->lines = aligned_alloc(64, LINES * sizeof(struct table_line));
	memset(sw->lines, 0, LINES * sizeof(struct table_line));
	sw->line_count = LINES;
	sw->flows = aligned_alloc(64, BUCKETS * sizeof(struct flow_bucket));
	memset(sw->flows, 0, BUCKETS * sizeof(struct flow_bucket));
	sw->flow_details = calloc(BUCKETS, sizeof(struct flow_details));
	sw->flow_tags = calloc(BUCKETS, sizeof(__u64));
	sw->flow_buckets = BUCKETS;
	sw->flow_usage = calloc(SLUICE_MAX_PORTS, sizeof(__u64));
	sw->slots = ids_new(SLUICE_MAX_PORTS);
	sw->rules = ids_new(SLUICE_MAX_RULES);
	sw->config = document_read(text);
	sw->config_version = 1;
	tables.lines = sw->lines;
	assert_int_equal(tables_begin(&tables, 0, NULL), 0);
	assert_int_equal(compile(&tables, sw->config, world->placements, NULL, sw->slots, sw->rules, 1,
				 &world->control.root, NULL),
			 0);
	tables_end(&tables);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	struct sluice *sw = &world->sw;

	free(sw->lines);
	free(sw->flows);
	free(sw->flow_details);
	free(sw->flow_tags);
	free(sw->flow_usage);
	ids_free(sw->slots);
	ids_free(sw->rules);
	sluice_config_free(sw->config);
	free(world);
	return 0;
}

static __u32 tick_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (__u32)((now.tv_sec * 1000000000ULL + now.tv_nsec) >> FLOW_TICK_SHIFT);
}

/* A flow between two ports, last seen that many seconds ago. */
static struct flow *put_flow(struct sluice *sw, int bucket, int way, int seconds, int from, int to)
{
	struct flow *flow = &sw->flows[bucket].way[way];

	flow->state = FLOW_UDP;
	flow->last_seen = tick_now() - seconds * FLOW_TICKS_PER_SECOND;
	flow->slot[0] = from;
	flow->slot[1] = to;
	flow->claim = 2;
	sw->flow_tags[bucket] |= (__u64)FLOW_TAG_USED << way * 8;
	sw->flow_usage[from]++;
	return flow;
}

static int count_flow(const struct sluice_flow *flow, unsigned int idle, void *context)
{
	int *seen = context;

	(void)flow;
	seen[0]++;
	seen[1] = idle;
	return 0;
}

static int stop_at_once(const struct sluice_flow *flow, unsigned int idle, void *context)
{
	(void)flow;
	(void)idle;
	++*(int *)context;
	return 42;
}

static void live_flows_are_visited_and_those_whose_time_is_out_are_not(void **state)
{
	struct sluice *sw = &((struct world *)*state)->sw;
	int seen[2] = { 0 };

	put_flow(sw, 0, 3, 100, 1, 2);
	put_flow(sw, 5, 0, 300, 1, 2); /* a UDP flow lives for 180 s */
	assert_int_equal(sluice_flows(sw, NULL, count_flow, seen, NULL), 0);
	assert_int_equal(seen[0], 1);
	assert_in_range(seen[1], 99, 101);
}

static void a_flow_that_is_being_rewritten_is_left_out(void **state)
{
	struct sluice *sw = &((struct world *)*state)->sw;
	int seen[2] = { 0 };

	put_flow(sw, 1, 1, 0, 1, 2)->claim = 3;
	assert_int_equal(sluice_flows(sw, NULL, count_flow, seen, NULL), 0);
	assert_int_equal(seen[0], 0);
}

static void a_visitor_ends_the_walk_with_its_own_value(void **state)
{
	struct sluice *sw = &((struct world *)*state)->sw;
	int seen = 0;

	put_flow(sw, 1, 1, 0, 1, 2);
	put_flow(sw, 2, 1, 0, 1, 2);
	assert_int_equal(sluice_flows(sw, NULL, stop_at_once, &seen, NULL), 42);
	assert_int_equal(seen, 1);
}

static void flushing_a_port_frees_its_flows_and_gives_the_quota_back(void **state)
{
	struct sluice *sw = &((struct world *)*state)->sw;
	int vm1 = sluice_port_slot(sw, "vm1", NULL), vm2 = sluice_port_slot(sw, "vm2", NULL);
	struct flow *own = put_flow(sw, 0, 0, 0, vm1, vm2);
	struct flow *other = put_flow(sw, 1, 0, 0, vm2, vm2);
	struct flow *old = put_flow(sw, 2, 0, 1000, vm1, vm1);
	size_t count = 77;

	assert_int_equal(sluice_flows_flush(sw, "vm1", &count, NULL), 0);
	assert_int_equal(count, 1); /* the old one was dead before */
	assert_int_equal(own->state, FLOW_FREE);
	assert_int_equal(old->state, FLOW_FREE);
	assert_int_equal(other->state, FLOW_UDP);
	assert_int_equal(own->claim, 4);
	assert_int_equal(sw->flow_tags[0], 0);
	assert_int_equal(sw->flow_tags[1], FLOW_TAG_USED);
	assert_int_equal(sw->flow_usage[vm1], 0);
	assert_int_equal(sw->flow_usage[vm2], 1);
	assert_int_equal(sluice_flows_flush(sw, NULL, &count, NULL), 0);
	assert_int_equal(count, 1);
	assert_int_equal(sw->flow_usage[vm2], 0);
}

static void an_unknown_port_has_no_flows_to_show_or_flush(void **state)
{
	struct sluice *sw = &((struct world *)*state)->sw;
	struct sluice_error error = { 0 };
	int seen[2] = { 0 };
	size_t count = 77;

	assert_int_equal(sluice_flows(sw, "none", count_flow, seen, &error), -ENOENT);
	assert_non_null(strstr(error.message, "no port \"none\""));
	assert_int_equal(sluice_flows_flush(sw, "none", &count, &error), -ENOENT);
	assert_int_equal(count, 77);
}

static void expect_hop(struct sluice *sw, const char *address, const char *type, const char *to,
		       const char *prefix)
{
	struct sluice_next_hop hop;
	struct ip_address destination;

	assert_int_equal(sluice_address_parse(address, &destination), 0);
	assert_int_equal(sluice_next_hop(sw, "vm1", &destination, &hop, NULL), 0);
	assert_string_equal(hop.type, type);
	assert_string_equal(hop.to, to);
	assert_string_equal(hop.prefix, prefix);
}

static void a_next_hop_is_a_port_a_gateway_or_none(void **state)
{
	struct sluice *sw = &((struct world *)*state)->sw;

	expect_hop(sw, "10.1.2.4", "Port", "vm2", "10.1.2.0/24");
	expect_hop(sw, "fd00:1:0:1::4", "Port", "vm1", "fd00:1:0:1::/64");
	expect_hop(sw, "10.1.2.1", "Gateway", "db", "10.1.2.0/24");
	expect_hop(sw, "fd00:1:0:1::1", "Gateway", "web", "fd00:1:0:1::/64");
	expect_hop(sw, "10.1.2.77", "None", "", "10.1.2.0/24");
	expect_hop(sw, "192.0.2.1", "None", "", "");
}

static void rules_slots_and_vnets_have_their_names(void **state)
{
	struct sluice *sw = &((struct world *)*state)->sw;

	assert_string_equal(sluice_rule_name(sw, ids_find(sw->rules, "nsg/web/in/https")),
			    "web/https");
	assert_string_equal(sluice_rule_name(sw, ids_find(sw->rules, "nsg/web/out/65500")),
			    "web/65500");
	assert_null(sluice_rule_name(sw, 0));
	assert_null(sluice_rule_name(sw, SLUICE_MAX_RULES - 1));
	assert_string_equal(sluice_slot_name(sw, sluice_port_slot(sw, "vm2", NULL)), "vm2");
	assert_null(sluice_slot_name(sw, 0));
	assert_string_equal(sluice_vni_name(sw, 7), "blue");
	assert_null(sluice_vni_name(sw, 8));
}

static void every_drop_reason_has_a_name_of_its_own_and_a_meaning(void **state)
{
	(void)state;
	for (int i = 1; i < DROP_REASON_COUNT; i++) {
		assert_true(strlen(sluice_drop_reason_name(i)) > 0);
		assert_true(strlen(sluice_drop_reason_help(i)) > 0);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(sluice_drop_reason_name(i),
						sluice_drop_reason_name(j));
	}
	assert_string_equal(sluice_drop_reason_name(DROP_REASON_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(live_flows_are_visited_and_those_whose_time_is_out_are_not),
		TEST(a_flow_that_is_being_rewritten_is_left_out),
		TEST(a_visitor_ends_the_walk_with_its_own_value),
		TEST(flushing_a_port_frees_its_flows_and_gives_the_quota_back),
		TEST(an_unknown_port_has_no_flows_to_show_or_flush),
		TEST(a_next_hop_is_a_port_a_gateway_or_none),
		TEST(rules_slots_and_vnets_have_their_names),
		TEST(every_drop_reason_has_a_name_of_its_own_and_a_meaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
