/* SPDX-License-Identifier: BSD-2-Clause */
/* sluice_query: what the policies of one port say, without a packet. */
#include "tests/harness/bpf_switch.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct query question(const struct bpf_switch *sw, const struct actor *port, int family,
			     enum direction direction, __u16 destination_port)
{
	bool inbound = direction == DIRECTION_INBOUND;

	return (struct query){
		.slot = bpf_switch_slot(sw, port->name),
		.direction = (__u8)direction,
		.protocol = IPPROTO_TCP,
		.source = address_from(address_of(inbound ? &bob : port, family)),
		.destination = address_from(address_of(inbound ? port : &bob, family)),
		.source_port = htons(40000),
		.destination_port = htons(destination_port),
	};
}

static void expect_answer(struct bpf_switch *sw, struct query query, enum access access,
			  const char *key, enum police_level level)
{
	struct trace_result answer;

	assert_true(ask(sw, &query, &answer));
	assert_int_equal(answer.access, access);
	assert_int_equal(answer.level, level);
	if (answer.rule != (key ? bpf_switch_rule(sw, key) : 0))
		fail_msg("rule %s decided, not %s", ids_key(sw->rules, answer.rule),
			 key ? key : "none");
}

static void levels_are_asked_in_the_packet_s_order(void **state)
{
	static const struct {
		const char *key;
		enum police_level level;
	} inbound[] = { { "acl/s/in", LEVEL_ACL },
			{ "acl/p/in", LEVEL_ACL },
			{ "nsg/web/in/in", LEVEL_SUBNET },
			{ "nsg/hers/in/in", LEVEL_NIC } },
	  outbound[] = { { "acl/s/out", LEVEL_ACL },
			 { "acl/p/out", LEVEL_ACL },
			 { "nsg/hers/out/out", LEVEL_NIC },
			 { "nsg/web/out/out", LEVEL_SUBNET } };
	struct bpf_switch *sw = *state;

	/* Level n denies the ports 1..n. */
	TOWN(sw, .web = "nsg: web", .alice = "nsg: hers, acl: p",
	     .rest = "acls:\n"
		     "- {name: s, appliesTo: switch, rules: ["
		     "{name: in, direction: Inbound, access: Deny, destinationPorts: ['1']},"
		     "{name: out, direction: Outbound, access: Deny, destinationPorts: ['1']}]}\n"
		     "- {name: p, appliesTo: ports, rules: ["
		     "{name: in, direction: Inbound, access: Deny, destinationPorts: [1-2]},"
		     "{name: out, direction: Outbound, access: Deny, destinationPorts: [1-2]}]}\n"
		     "nsgs:\n"
		     "  web: {rules: ["
		     "{name: in, priority: 100, direction: Inbound, access: Deny,"
		     " destinationPorts: [1-3]},"
		     "{name: out, priority: 100, direction: Outbound, access: Deny,"
		     " destinationPorts: [1-4]}]}\n"
		     "  hers: {rules: ["
		     "{name: in, priority: 100, direction: Inbound, access: Deny,"
		     " destinationPorts: [1-4]},"
		     "{name: out, priority: 100, direction: Outbound, access: Deny,"
		     " destinationPorts: [1-3]}]}\n");
	FOR_EACH_FAMILY(family) {
		for (__u16 port = 1; port <= 4; port++) {
			expect_answer(sw, question(sw, &alice, family, DIRECTION_INBOUND, port),
				      ACCESS_DENY, inbound[port - 1].key, inbound[port - 1].level);
			expect_answer(sw, question(sw, &alice, family, DIRECTION_OUTBOUND, port),
				      ACCESS_DENY, outbound[port - 1].key,
				      outbound[port - 1].level);
		}
		/* Where all allow, the last NSG's rule is told. */
		expect_answer(sw, question(sw, &alice, family, DIRECTION_INBOUND, 5), ACCESS_ALLOW,
			      "nsg/hers/in/65000", LEVEL_NIC);
		expect_answer(sw, question(sw, &alice, family, DIRECTION_OUTBOUND, 5), ACCESS_ALLOW,
			      "nsg/web/out/65000", LEVEL_SUBNET);
	}
}

static void port_without_policies_allows_by_no_rule(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (int direction = 0; direction < DIRECTION_COUNT; direction++)
			expect_answer(sw,
				      question(sw, &alice, family, (enum direction)direction, 80),
				      ACCESS_ALLOW, NULL, LEVEL_NONE);
}

static void only_the_port_asked_about_is_asked(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .bob = "nsg: closed",
	     .rest = "nsgs: {closed: {rules: [{name: no, priority: 100, direction: Inbound,"
		     " access: Deny}]}}");
	FOR_EACH_FAMILY(family)
		expect_answer(sw, question(sw, &alice, family, DIRECTION_OUTBOUND, 80),
			      ACCESS_ALLOW, NULL, LEVEL_NONE);
}

static void questions_leave_no_flow(void **state)
{
	struct bpf_switch *sw = *state;
	struct query query = question(sw, &alice, AF_INET, DIRECTION_OUTBOUND, 80);
	struct trace_result answer;

	assert_true(ask(sw, &query, &answer));
	assert_int_equal(flow_count(sw), 0);
}

static void slot_without_a_port_gets_no_answer(void **state)
{
	struct bpf_switch *sw = *state;
	static const __u32 slots[] = { 0, 14, BPF_SWITCH_SLOTS, 0xffffffff };
	struct trace_result answer;

	for (int i = 0; i < 4; i++) {
		struct query query = question(sw, &alice, AF_INET, DIRECTION_OUTBOUND, 80);

		query.slot = slots[i];
		assert_false(ask(sw, &query, &answer));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(levels_are_asked_in_the_packet_s_order),
		TEST(port_without_policies_allows_by_no_rule),
		TEST(only_the_port_asked_about_is_asked),
		TEST(questions_leave_no_flow),
		TEST(slot_without_a_port_gets_no_answer),
	};

	return RUN_TESTS(tests);
}
