/* SPDX-License-Identifier: BSD-2-Clause */
/* compile(): what lies in the tables is what the document says, seen by a walk in user space. */
#include <errno.h>
#include <string.h>

#include "loader/flow_share.h"
#include "tests/harness/compile_bench.h"
#include "tests/harness/random_document.h"
#include "tests/harness/random_packet.h"
#include "tests/harness/walk.h"

#define LINES (1U << 17)

static struct ip_address address_of(const char *text)
{
	struct ip_address address;

	assert_int_equal(sluice_address_parse(text, &address), 0);
	return address;
}

/* --- policies --- */

/* Compares what a classifier says with what the model says. */
static void same_verdict(const struct bench *bench, __u32 line, const struct reference_tuple *tuple,
			 const struct reference_verdict *expected)
{
	struct walk_verdict verdict;
	const char *key;

	walk_classify(bench->lines, line, tuple, &verdict);
	key = verdict.rule ? ids_key(bench->rules, verdict.rule) : "";
	assert_string_equal(key, expected->rule);
	assert_int_equal(verdict.access, expected->access);
	assert_int_equal(line != 0, expected->present);
}

static void compare_policies(const struct bench *bench, const struct sluice_port *from,
			     enum direction direction, const struct reference_tuple *tuple)
{
	const struct sluice_config *config = bench->config;
	const struct port *port = bench_port(bench, from->name);
	struct reference_verdict expected;

	reference_switch_acl(config, from->vnet, direction, tuple, &expected);
	same_verdict(bench, port->switch_acl[direction], tuple, &expected);
	reference_port_acl(config, from, direction, tuple, &expected);
	same_verdict(bench, port->acl[direction], tuple, &expected);
	reference_nsg(config, from->nsg, from->vnet, direction, tuple, &expected);
	same_verdict(bench, port->nic_nsg[direction], tuple, &expected);
	reference_nsg(config, reference_subnet(config, from)->nsg, from->vnet, direction, tuple,
		      &expected);
	same_verdict(bench, port->subnet_nsg[direction], tuple, &expected);
}

static void policies_of_random_documents_say_what_the_document_says(void **state)
{
	(void)state;
	for (unsigned int seed = 0; seed < 150; seed++) {
		struct random random = { seed };
		struct random_plan plan;
		struct random_pool pool;
		struct sluice_error error;
		struct bench bench;

		random_plan_draw(&plan, &random);
		bench_open(&bench, random_document_read(&plan), LINES);
		assert_int_equal(bench_compile(&bench, &error), 0);
		random_pool_make(&pool, bench.config);
		for (int i = 0; i < 100; i++) {
			struct reference_tuple tuple;
			unsigned int port =
				random_below(&random, (unsigned int)bench.config->port_count);

			random_tuple_draw(&pool, &random, &tuple);
			compare_policies(&bench, &bench.config->ports[port],
					 random_below(&random, 2), &tuple);
		}
		random_pool_free(&pool);
		bench_close(&bench);
	}
}

static const char two_vnets[] =
	"apiVersion: sluice/v1\n"
	"vnets:\n"
	"  - {name: a, vni: 1, prefixes: [10.1.0.0/16], subnets: [{name: s, prefixes: [10.1.0.0/24]}]}\n"
	"  - {name: b, vni: 2, prefixes: [10.1.0.0/16], subnets: [{name: s, prefixes: [10.1.0.0/24]}]}\n"
	"ports:\n"
	"  - {name: vm1, device: d1, vnet: a, subnet: s, mac: \"02:00:00:00:00:01\", asgs: [g],\n"
	"     addresses: [10.1.0.4]}\n"
	"  - {name: vm2, device: d2, vnet: b, subnet: s, mac: \"02:00:00:00:00:02\",\n"
	"     addresses: [10.1.0.4]}\n"
	"asgs: [g]\n"
	"acls:\n"
	"  - name: all\n"
	"    appliesTo: switch\n"
	"    rules: [{name: r, direction: Inbound, access: Deny, protocol: Tcp, sources: [%s]}]\n";

/* vm2 has vm1's address, in another vnet, and is in no asg. */
static void a_switch_acl_is_shared_by_vnets_unless_its_names_differ(void **state)
{
	static const struct {
		const char *source;
		bool shared;
	} cases[] = { { "10.1.0.4/32", true }, { "asg:g", false } };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct reference_tuple tuple = { .protocol = 6, .source = address_of("10.1.0.4") };
		struct walk_verdict verdict;
		char text[2048], source[32];
		struct bench bench;
		__u32 one, other;

		snprintf(source, sizeof(source), "\"%s\"", cases[i].source);
		snprintf(text, sizeof(text), two_vnets, source);
		bench_open(&bench, bench_read(text), LINES);
		assert_int_equal(bench_compile(&bench, NULL), 0);
		one = bench_port(&bench, "vm1")->switch_acl[DIRECTION_INBOUND];
		other = bench_port(&bench, "vm2")->switch_acl[DIRECTION_INBOUND];
		assert_int_not_equal(one, 0);
		assert_int_equal(one == other, cases[i].shared);
		assert_int_equal(bench_port(&bench, "vm1")->switch_acl[DIRECTION_OUTBOUND], 0);
		walk_classify(bench.lines, one, &tuple, &verdict);
		assert_int_equal(verdict.access, ACCESS_DENY);
		walk_classify(bench.lines, other, &tuple, &verdict);
		assert_int_equal(verdict.access, cases[i].shared ? ACCESS_DENY : ACCESS_ALLOW);
		bench_close(&bench);
	}
}

/* --- who and where --- */

static void every_address_leads_to_its_port_and_no_other_does(void **state)
{
	(void)state;
	for (unsigned int seed = 0; seed < 60; seed++) {
		struct random random = { seed };
		struct random_plan plan;
		struct random_pool pool;
		struct bench bench;

		random_plan_draw(&plan, &random);
		bench_open(&bench, random_document_read(&plan), LINES);
		assert_int_equal(bench_compile(&bench, NULL), 0);
		random_pool_make(&pool, bench.config);
		for (size_t i = 0; i < bench.config->port_count; i++) {
			const struct sluice_port *asks = &bench.config->ports[i];
			const struct port *port = bench_port(&bench, asks->name);
			const struct vnet *vnet = (const void *)&bench.lines[port->vnet];

			for (size_t j = 0; j < pool.address_count[0]; j++) {
				const struct ip_address *address = &pool.address[0][j];
				__u32 expected = 0;

				for (size_t k = 0; k < bench.config->port_count; k++) {
					const struct sluice_port *has = &bench.config->ports[k];

					if (has->address_count && !strcmp(has->vnet, asks->vnet) &&
					    reference_same(&has->addresses[0], address))
						expected = ids_find(bench.slots, has->name) |
							   ENDPOINT_PORT << ENDPOINT_KIND_SHIFT;
				}
				if (walk_endpoint(bench.lines, vnet, address) >>
					    ENDPOINT_KIND_SHIFT !=
				    ENDPOINT_GATEWAY)
					assert_int_equal(walk_endpoint(bench.lines, vnet, address),
							 expected);
				else
					assert_int_equal(address->bytes[15], 1);
			}
		}
		random_pool_free(&pool);
		bench_close(&bench);
	}
}

static const char two_subnets[] =
	"apiVersion: sluice/v1\n"
	"vnets:\n"
	"  - name: blue\n"
	"    vni: 5001\n"
	"    prefixes: [10.1.0.0/16, \"fd00:1::/48\"]\n"
	"    subnets:\n"
	"      - {name: web, prefixes: [10.1.1.0/24, \"fd00:1:0:1::/64\"], nsg: web}\n"
	"      - {name: db, prefixes: [10.1.2.0/24]}\n"
	"nsgs:\n"
	"  web: {existingFlows: keep, rules: []}\n"
	"  strict: {rules: []}\n"
	"ports:\n"
	"  - {name: vm1, device: d1, vnet: blue, subnet: web, mac: \"02:00:00:00:00:01\",\n"
	"     addresses: [10.1.1.4, \"fd00:1:0:1::4\"], flowLimit: 7,\n"
	"     guards: {spoofing: allow, dhcpServer: allow, routerAdvert: allow}}\n"
	"  - {name: vm2, device: d2, vnet: blue, subnet: web, mac: \"02:00:00:00:00:02\",\n"
	"     addresses: [10.1.1.5], nsg: strict}\n"
	"  - {name: vm3, device: d3, vnet: blue, subnet: db, mac: \"02:00:00:00:00:03\",\n"
	"     addresses: []}\n";

static void gateways_and_routes_follow_the_prefixes(void **state)
{
	static const struct {
		const char *address;
		unsigned int endpoint; /* enum endpoint_kind */
		unsigned int route;    /* enum route_kind, 0: none */
	} cases[] = {
		{ "10.1.1.1", ENDPOINT_GATEWAY, ROUTE_SUBNET },
		{ "10.1.2.1", ENDPOINT_GATEWAY, ROUTE_SUBNET },
		{ "fd00:1:0:1::1", ENDPOINT_GATEWAY, ROUTE_SUBNET },
		{ "10.1.1.4", ENDPOINT_PORT, ROUTE_SUBNET },
		{ "10.1.1.255", ENDPOINT_NONE, ROUTE_SUBNET },
		{ "10.1.3.1", ENDPOINT_NONE, ROUTE_UNUSED },
		{ "fd00:1:0:2::1", ENDPOINT_NONE, ROUTE_UNUSED },
		{ "10.2.0.0", ENDPOINT_NONE, 0 },
		{ "fd00:2::", ENDPOINT_NONE, 0 },
		{ "::10.1.1.4", ENDPOINT_NONE, 0 },
	};
	const struct vnet *vnet;
	const struct subnet *subnet;
	struct bench bench;

	(void)state;
	bench_open(&bench, bench_read(two_subnets), LINES);
	assert_int_equal(bench_compile(&bench, NULL), 0);
	vnet = (const void *)&bench.lines[bench_port(&bench, "vm1")->vnet];
	assert_int_equal(vnet->vni, 5001);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ip_address address = address_of(cases[i].address);
		__u32 route = walk_route(bench.lines, vnet->routes, &address);

		assert_int_equal(walk_endpoint(bench.lines, vnet, &address) >> ENDPOINT_KIND_SHIFT,
				 cases[i].endpoint);
		assert_int_equal(route >> ROUTE_KIND_SHIFT, cases[i].route);
	}
	subnet = (const void *)&bench.lines[bench_port(&bench, "vm1")->subnet];
	assert_true(reference_same(
		&subnet->gateway4,
		&(struct ip_address){ .bytes = { [10] = 0xff, 0xff, 10, 1, 1, 1 } }));
	assert_int_equal(subnet->gateway6.bytes[15], 1);
	assert_int_equal(subnet->vnet, bench_port(&bench, "vm1")->vnet);
	bench_close(&bench);
}

static void ports_say_what_the_document_says_of_them(void **state)
{
	const struct port *vm1, *vm2, *vm3;
	struct bench bench;

	(void)state;
	bench_open(&bench, bench_read(two_subnets), LINES);
	bench.placements[0].redirect_peer = true;
	bench.placements[0].delivery = DELIVERY_XDP;
	assert_int_equal(bench_compile(&bench, NULL), 0);
	vm1 = bench_port(&bench, "vm1");
	vm2 = bench_port(&bench, "vm2");
	vm3 = bench_port(&bench, "vm3");
	assert_int_equal(vm1->flags, PORT_IN_USE | PORT_MAY_SPOOF | PORT_MAY_SERVE_DHCP |
					     PORT_MAY_ADVERTISE | PORT_REDIRECT_PEER |
					     PORT_KEEP_NSG_IN | PORT_KEEP_NSG_OUT);
	assert_int_equal(vm1->delivery, DELIVERY_XDP);
	assert_int_equal(vm1->flow_limit, 7);
	assert_int_equal(vm2->flow_limit, flow_share(bench.config));
	assert_int_equal(vm3->flow_limit, flow_share(bench.config));
	assert_int_equal(vm1->mac[5], 1);
	assert_int_equal(vm1->slot, ids_find(bench.slots, "vm1"));
	/* The subnet's NSG keeps flows, the port's own does not. */
	assert_int_equal(vm2->flags, PORT_IN_USE);
	assert_int_equal(vm2->delivery, DELIVERY_TC);
	assert_int_equal(vm1->nic_nsg[DIRECTION_INBOUND], 0);
	assert_int_equal(vm1->acl[DIRECTION_INBOUND], 0);
	assert_int_equal(vm3->subnet_nsg[DIRECTION_INBOUND], 0);
	/* One policy, laid once. */
	assert_int_not_equal(vm1->subnet_nsg[DIRECTION_INBOUND], 0);
	assert_int_equal(vm1->subnet_nsg[DIRECTION_INBOUND], vm2->subnet_nsg[DIRECTION_INBOUND]);
	assert_int_not_equal(vm1->subnet_nsg[DIRECTION_INBOUND],
			     vm1->subnet_nsg[DIRECTION_OUTBOUND]);
	bench_close(&bench);
}

static void a_port_without_device_or_address_admits_nothing(void **state)
{
	struct bench bench;
	struct ip_address vm2;
	const struct vnet *vnet;

	(void)state;
	bench_open(&bench, bench_read(two_subnets), LINES);
	bench.placements[1].ifindex = 0;
	assert_int_equal(bench_compile(&bench, NULL), 0);
	assert_int_equal(walk_device(bench.lines, bench.root, bench.placements[0].ifindex),
			 ids_find(bench.slots, "vm1"));
	assert_int_equal(walk_device(bench.lines, bench.root, bench.placements[2].ifindex), 0);
	assert_int_equal(walk_device(bench.lines, bench.root, 0), 0);
	assert_int_equal(walk_device(bench.lines, bench.root, 99), 0);
	/* Whoever sends to it learns that its device is gone, not that nobody has the address. */
	vm2 = address_of("10.1.1.5");
	vnet = (const void *)&bench.lines[bench_port(&bench, "vm2")->vnet];
	assert_int_equal(walk_endpoint(bench.lines, vnet, &vm2),
			 ENDPOINT_PORT << ENDPOINT_KIND_SHIFT | ids_find(bench.slots, "vm2"));
	bench_close(&bench);
}

static void one_device_for_two_ports_is_refused(void **state)
{
	struct sluice_error error = { 0 };
	struct bench bench;

	(void)state;
	bench_open(&bench, bench_read(two_subnets), LINES);
	bench.placements[1].ifindex = bench.placements[0].ifindex;
	assert_int_equal(bench_compile(&bench, &error), -EINVAL);
	assert_non_null(strstr(error.message, "vm1"));
	assert_non_null(strstr(error.message, "vm2"));
	bench_close(&bench);
}

/* --- numbers --- */

struct heard {
	unsigned int slots;
	unsigned int rules;
	__u32 last_slot;
};

static int hear(void *context, bool is_slot, __u32 number)
{
	struct heard *heard = context;

	heard->slots += is_slot;
	heard->rules += !is_slot;
	if (is_slot)
		heard->last_slot = number;
	return 0;
}

static void numbers_are_told_when_fresh_and_released_when_unused(void **state)
{
	struct heard heard = { 0 };
	struct bench bench;
	size_t ports;

	(void)state;
	bench_open(&bench, bench_read(two_subnets), LINES);
	assert_int_equal(
		compile_numbers(bench.config, bench.slots, bench.rules, hear, &heard, NULL), 0);
	assert_int_equal(heard.slots, 3);
	assert_int_equal(heard.rules, 12); /* two NSGs, three built-in rules each way */
	assert_true(ids_find(bench.rules, "nsg/web/in/65500") > 0);
	assert_true(ids_find(bench.rules, "nsg/strict/out/65001") > 0);
	heard = (struct heard){ 0 };
	assert_int_equal(bench_compile(&bench, NULL), 0);
	assert_int_equal(
		compile_numbers(bench.config, bench.slots, bench.rules, hear, &heard, NULL), 0);
	assert_int_equal(heard.slots + heard.rules, 0);
	ports = bench.config->port_count;
	bench.config->port_count = 2;
	assert_int_equal(
		compile_numbers(bench.config, bench.slots, bench.rules, hear, &heard, NULL), 0);
	assert_int_equal(ids_find(bench.slots, "vm3"), 0);
	bench.config->port_count = ports;
	assert_int_equal(
		compile_numbers(bench.config, bench.slots, bench.rules, hear, &heard, NULL), 0);
	assert_int_equal(heard.slots, 1);
	assert_int_equal(heard.last_slot, 4); /* not the 3 it had: that comes back last */
	bench_close(&bench);
}

static int refuse(void *context, bool is_slot, __u32 number)
{
	(void)is_slot;
	(void)number;
	return *(int *)context;
}

static void a_failure_to_clear_a_counter_ends_the_numbering(void **state)
{
	int result = -EIO;
	struct bench bench;

	(void)state;
	bench_open(&bench, bench_read(two_subnets), LINES);
	assert_int_equal(
		compile_numbers(bench.config, bench.slots, bench.rules, refuse, &result, NULL),
		-EIO);
	bench_close(&bench);
}

static void the_switch_has_a_mac_of_its_own(void **state)
{
	unsigned char one[6], same[6], other[6];

	(void)state;
	switch_mac("sw0", one);
	switch_mac("sw0", same);
	switch_mac("sw1", other);
	assert_memory_equal(one, same, 6);
	assert_memory_not_equal(one, other, 6);
	assert_int_equal(one[0] & 3, 2); /* locally administered, unicast */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies_of_random_documents_say_what_the_document_says),
		cmocka_unit_test(a_switch_acl_is_shared_by_vnets_unless_its_names_differ),
		cmocka_unit_test(every_address_leads_to_its_port_and_no_other_does),
		cmocka_unit_test(gateways_and_routes_follow_the_prefixes),
		cmocka_unit_test(ports_say_what_the_document_says_of_them),
		cmocka_unit_test(a_port_without_device_or_address_admits_nothing),
		cmocka_unit_test(one_device_for_two_ports_is_refused),
		cmocka_unit_test(numbers_are_told_when_fresh_and_released_when_unused),
		cmocka_unit_test(a_failure_to_clear_a_counter_ends_the_numbering),
		cmocka_unit_test(the_switch_has_a_mac_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
