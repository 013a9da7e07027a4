/* SPDX-License-Identifier: BSD-2-Clause */
/* ACLs and NSGs: who is asked in which order, what a rule matches, and what is counted. */
#include "tests/harness/bpf_switch.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

static struct frame udp(const struct actor *from, const struct actor *to, int family, __u16 source,
			__u16 destination)
{
	return SAY(.from = from, .to = to, .family = family, .source_port = source,
		   .destination_port = destination, .payload = 20);
}

/* The rule `key` dropped it, at that level. */
static void expect_denied(struct bpf_switch *sw, const struct actor *from, struct frame frame,
			  const char *key, enum police_level level)
{
	struct outcome outcome = send_frame(sw, from, frame);

	assert_dropped(outcome, level == LEVEL_ACL ? DROP_ACL_DENY : DROP_NSG_DENY);
	assert_int_equal(outcome.trace.level, level);
	if (outcome.trace.rule != bpf_switch_rule(sw, key) || !outcome.trace.rule)
		fail_msg("rule %s decided, not %s", ids_key(sw->rules, outcome.trace.rule), key);
}

static void levels_decide_in_their_order(void **state)
{
	/* Level n denies the ports 1..n, so that port n meets level n first. */
	static const struct {
		const char *key;
		enum police_level level;
	} order[] = {
		{ "acl/everyone/out", LEVEL_ACL }, { "acl/hers/out", LEVEL_ACL },
		{ "acl/everyone/in", LEVEL_ACL },  { "acl/carols/in", LEVEL_ACL },
		{ "nsg/alice/out/r", LEVEL_NIC },  { "nsg/web/out/r", LEVEL_SUBNET },
		{ "nsg/db/in/r", LEVEL_SUBNET },   { "nsg/carol/in/r", LEVEL_NIC },
	};
	struct bpf_switch *sw = *state;

	TOWN(sw, .web = "nsg: web", .db = "nsg: db", .alice = "nsg: alice, acl: hers",
	     .carol = "nsg: carol, acl: carols",
	     .rest = "acls:\n"
		     "- name: everyone\n"
		     "  appliesTo: switch\n"
		     "  rules:\n"
		     "  - {name: out, direction: Outbound, access: Deny, destinationPorts: ['1']}\n"
		     "  - {name: in, direction: Inbound, access: Deny, destinationPorts: [1-3]}\n"
		     "- name: hers\n"
		     "  appliesTo: ports\n"
		     "  rules:\n"
		     "  - {name: out, direction: Outbound, access: Deny, destinationPorts: [1-2]}\n"
		     "- name: carols\n"
		     "  appliesTo: ports\n"
		     "  rules:\n"
		     "  - {name: in, direction: Inbound, access: Deny, destinationPorts: [1-4]}\n"
		     "nsgs:\n"
		     "  alice: {rules: [{name: r, priority: 100, direction: Outbound,"
		     " access: Deny, destinationPorts: [1-5]}]}\n"
		     "  web: {rules: [{name: r, priority: 100, direction: Outbound,"
		     " access: Deny, destinationPorts: [1-6]}]}\n"
		     "  db: {rules: [{name: r, priority: 100, direction: Inbound,"
		     " access: Deny, destinationPorts: [1-7]}]}\n"
		     "  carol: {rules: [{name: r, priority: 100, direction: Inbound,"
		     " access: Deny, destinationPorts: [1-8]}]}\n");
	FOR_EACH_FAMILY(family) {
		struct outcome outcome;

		for (__u16 port = 1; port <= 8; port++)
			expect_denied(sw, &alice, udp(&alice, &carol, family, 4000, port),
				      order[port - 1].key, order[port - 1].level);
		assert_int_equal(flow_count(sw), family == AF_INET ? 0 : 1);
		outcome = send_frame(sw, &alice, udp(&alice, &carol, family, 4000, 9));
		assert_delivered(outcome, &carol);
		assert_int_equal(outcome.trace.rule, bpf_switch_rule(sw, "nsg/carol/in/65000"));
		assert_int_equal(outcome.trace.rules[0],
				 bpf_switch_rule(sw, "nsg/alice/out/65000"));
		assert_int_equal(outcome.trace.rules[1], bpf_switch_rule(sw, "nsg/web/out/65000"));
		assert_int_equal(outcome.trace.rules[2], bpf_switch_rule(sw, "nsg/db/in/65000"));
		assert_int_equal(outcome.trace.rules[3], bpf_switch_rule(sw, "nsg/carol/in/65000"));
	}
}

static void lowest_priority_number_decides(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .bob = "nsg: n",
	     .rest = "nsgs:\n"
		     "  n:\n"
		     "    rules:\n"
		     "    - {name: late, priority: 4096, direction: Inbound, access: Deny}\n"
		     "    - {name: low, priority: 200, direction: Inbound, access: Deny,"
		     " destinationPorts: [10-20]}\n"
		     "    - {name: first, priority: 100, direction: Inbound, access: Allow,"
		     " destinationPorts: ['15']}\n"
		     "    - {name: wide, priority: 300, direction: Inbound, access: Allow,"
		     " destinationPorts: [1-100]}\n");
	FOR_EACH_FAMILY(family) {
		assert_delivered(send_frame(sw, &alice, udp(&alice, &bob, family, 1, 15)), &bob);
		expect_denied(sw, &alice, udp(&alice, &bob, family, 1, 14), "nsg/n/in/low",
			      LEVEL_NIC);
		assert_delivered(send_frame(sw, &alice, udp(&alice, &bob, family, 1, 21)), &bob);
		expect_denied(sw, &alice, udp(&alice, &bob, family, 1, 101), "nsg/n/in/late",
			      LEVEL_NIC);
	}
}

static void built_in_rules_come_last(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .alice = "guards: {spoofing: allow}", .bob = "nsg: n", .rest = "nsgs: {n: {}}");
	FOR_EACH_FAMILY(family) {
		struct outcome outcome = send_frame(sw, &alice, udp(&alice, &bob, family, 1, 2));

		assert_delivered(outcome, &bob);
		assert_int_equal(outcome.trace.rule, bpf_switch_rule(sw, "nsg/n/in/65000"));
		/* From outside the vnet. */
		expect_denied(sw, &alice,
			      SAY(.from = &alice, .to = &bob, .family = family,
				  .source = family == AF_INET ? "192.0.2.1" : "2001:db8::1"),
			      "nsg/n/in/65500", LEVEL_NIC);
	}
}

static void rule_with_ports_is_for_protocols_that_have_ports(void **state)
{
	static const int with_ports[] = { IPPROTO_UDP, IPPROTO_TCP, IPPROTO_SCTP };
	static const int without[] = { IPPROTO_ICMP, IPPROTO_ESP, IPPROTO_GRE };
	struct bpf_switch *sw = *state;

	TOWN(sw, .bob = "nsg: n",
	     .rest = "nsgs: {n: {rules: [{name: r, priority: 100, direction: Inbound,"
		     " access: Deny, destinationPorts: [0-65535], sourcePorts: [1-65535]}]}}");
	FOR_EACH_FAMILY(family)
		for (int i = 0; i < 3; i++) {
			expect_denied(sw, &alice,
				      SAY(.from = &alice, .to = &bob, .family = family,
					  .protocol = with_ports[i], .flags = FLAG_SYN),
				      "nsg/n/in/r", LEVEL_NIC);
			assert_delivered(
				send_frame(sw, &alice,
					   SAY(.from = &alice, .to = &bob, .family = family,
					       .protocol = without[i], .payload = 20,
					       .icmp_type = family == AF_INET ? 8 : 128)),
				&bob);
		}
}

static void icmp_rules_cover_both_families_types_and_codes(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .bob = "nsg: n",
	     .rest = "nsgs:\n"
		     "  n:\n"
		     "    rules:\n"
		     "    - {name: echo4, priority: 100, direction: Inbound, access: Allow,"
		     " protocol: Icmp, icmpType: 8, icmpCode: 0}\n"
		     "    - {name: echo6, priority: 101, direction: Inbound, access: Allow,"
		     " protocol: Icmp, icmpType: 128}\n"
		     "    - {name: rest, priority: 110, direction: Inbound, access: Deny,"
		     " protocol: Icmp}\n");
	FOR_EACH_FAMILY(family) {
		__u8 echo = family == AF_INET ? 8 : 128;

		assert_delivered(
			send_frame(sw, &alice,
				   SAY(.from = &alice, .to = &bob, .family = family,
				       .protocol = IPPROTO_ICMP, .icmp_type = echo, .icmp_id = 1)),
			&bob);
		/* Timestamp, or a query of node information: not what the echo rules name. */
		expect_denied(sw, &alice,
			      SAY(.from = &alice, .to = &bob, .family = family,
				  .protocol = IPPROTO_ICMP, .payload = 12, .icmp_id = 1,
				  .icmp_type = family == AF_INET ? 13 : 139),
			      "nsg/n/in/rest", LEVEL_NIC);
		assert_delivered(send_frame(sw, &alice, udp(&alice, &bob, family, 5, 6)), &bob);
	}
	expect_denied(sw, &alice,
		      SAY(.from = &alice, .to = &bob, .family = AF_INET, .protocol = IPPROTO_ICMP,
			  .icmp_type = 8, .icmp_code = 1, .icmp_id = 2),
		      "nsg/n/in/rest", LEVEL_NIC);
}

static void protocols_by_name_and_number(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .bob = "nsg: n",
	     .rest = "nsgs:\n"
		     "  n:\n"
		     "    rules:\n"
		     "    - {name: esp, priority: 100, direction: Inbound, access: Deny,"
		     " protocol: Esp}\n"
		     "    - {name: gre, priority: 101, direction: Inbound, access: Deny,"
		     " protocol: 47}\n"
		     "    - {name: tcp, priority: 102, direction: Inbound, access: Deny,"
		     " protocol: tcp}\n");
	FOR_EACH_FAMILY(family) {
		expect_denied(sw, &alice,
			      SAY(.from = &alice, .to = &bob, .family = family,
				  .protocol = IPPROTO_ESP, .payload = 20),
			      "nsg/n/in/esp", LEVEL_NIC);
		expect_denied(sw, &alice,
			      SAY(.from = &alice, .to = &bob, .family = family,
				  .protocol = IPPROTO_GRE, .payload = 20),
			      "nsg/n/in/gre", LEVEL_NIC);
		expect_denied(sw, &alice,
			      SAY(.from = &alice, .to = &bob, .family = family,
				  .protocol = IPPROTO_TCP, .flags = FLAG_SYN),
			      "nsg/n/in/tcp", LEVEL_NIC);
		assert_delivered(send_frame(sw, &alice,
					    SAY(.from = &alice, .to = &bob, .family = family,
						.protocol = IPPROTO_AH, .payload = 20)),
				 &bob);
	}
}

static void sources_are_prefixes_ranges_tags_and_asgs(void **state)
{
	static const char *const sources[] = {
		"[10.1.1.4/32, 'fd00:1:0:1::4/128']",
		"[10.1.1.2-10.1.1.4, 'fd00:1:0:1::3-fd00:1:0:1::4']",
		"[hers]",
		"['asg:friends']",
		"[192.0.2.0/24, 'asg:friends']",
	};
	struct bpf_switch *sw = *state;

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		char rest[600];

		snprintf(rest, sizeof(rest),
			 "tags: {hers: [10.1.1.4, 'fd00:1:0:1::4']}\nasgs: [friends]\n"
			 "nsgs: {n: {rules: [{name: r, priority: 100, direction: Inbound,"
			 " access: Deny, sources: %s}]}}",
			 sources[i]);
		TOWN(sw, .alice = "asgs: [friends]", .carol = "nsg: n", .rest = rest);
		flows_clear(sw);
		FOR_EACH_FAMILY(family) {
			expect_denied(sw, &alice, udp(&alice, &carol, family, 1, 2), "nsg/n/in/r",
				      LEVEL_NIC);
			assert_delivered(send_frame(sw, &bob, udp(&bob, &carol, family, 1, 2)),
					 &carol);
		}
	}
}

static void asg_without_members_matches_nothing(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .bob = "nsg: n",
	     .rest = "asgs: [nobody]\n"
		     "nsgs: {n: {rules: [{name: r, priority: 100, direction: Inbound,"
		     " access: Deny, sources: ['asg:nobody']}]}}");
	FOR_EACH_FAMILY(family)
		assert_delivered(send_frame(sw, &alice, udp(&alice, &bob, family, 1, 2)), &bob);
}

static void nsg_is_stateful(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .alice = "nsg: n",
	     .rest = "nsgs: {n: {rules: [{name: r, priority: 100, direction: Inbound,"
		     " access: Deny}]}}");
	FOR_EACH_FAMILY(family) {
		expect_denied(sw, &bob, udp(&bob, &alice, family, 53, 4000), "nsg/n/in/r",
			      LEVEL_NIC);
		assert_delivered(send_frame(sw, &alice, udp(&alice, &bob, family, 4000, 53)), &bob);
		assert_delivered(send_frame(sw, &bob, udp(&bob, &alice, family, 53, 4000)), &alice);
		expect_denied(sw, &bob, udp(&bob, &alice, family, 53, 4001), "nsg/n/in/r",
			      LEVEL_NIC);
	}
}

static void acl_is_stateless(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .alice = "acl: a",
	     .rest = "acls: [{name: a, appliesTo: ports, rules: [{name: r, direction: Inbound,"
		     " access: Deny, sourcePorts: ['53']}]}]");
	FOR_EACH_FAMILY(family) {
		assert_delivered(send_frame(sw, &alice, udp(&alice, &bob, family, 4000, 53)), &bob);
		for (int i = 0; i < 3; i++)
			expect_denied(sw, &bob, udp(&bob, &alice, family, 53, 4000), "acl/a/r",
				      LEVEL_ACL);
		/* The denied replies end nothing for the other direction. */
		assert_delivered(send_frame(sw, &alice, udp(&alice, &bob, family, 4000, 53)), &bob);
	}
}

static void acl_that_allows_first_is_not_asked_further(void **state)
{
	struct bpf_switch *sw = *state;

	TOWN(sw, .rest = "acls: [{name: a, appliesTo: switch, rules: ["
			 "{name: yes, direction: Outbound, access: Allow, protocol: Udp,"
			 " destinationPorts: ['53']},"
			 "{name: no, direction: Outbound, access: Deny, protocol: Udp}]}]");
	FOR_EACH_FAMILY(family) {
		assert_delivered(send_frame(sw, &alice, udp(&alice, &bob, family, 4000, 53)), &bob);
		expect_denied(sw, &alice, udp(&alice, &bob, family, 4000, 54), "acl/a/no",
			      LEVEL_ACL);
	}
}

static void deciding_rule_counts_every_packet_of_its_flow(void **state)
{
	struct bpf_switch *sw = *state;
	struct frame frame;
	struct rule_counters before, after;

	TOWN(sw, .bob = "nsg: counted",
	     .rest = "nsgs: {counted: {rules: [{name: yes, priority: 100, direction: Inbound,"
		     " access: Allow, destinationPorts: ['53']},"
		     "{name: no, priority: 200, direction: Inbound, access: Deny}]}}");
	FOR_EACH_FAMILY(family) {
		before = rule_counters_of(sw, "nsg/counted/in/yes");
		frame = udp(&alice, &bob, family, 4000, 53);
		for (int i = 0; i < 5; i++)
			assert_delivered(send_frame(sw, &alice, frame), &bob);
		after = rule_counters_of(sw, "nsg/counted/in/yes");
		assert_int_equal(after.packets - before.packets, 5);
		assert_int_equal(after.bytes - before.bytes, 5 * frame.length);
		assert_int_equal(after.flows - before.flows, 1);
		before = rule_counters_of(sw, "nsg/counted/in/no");
		for (int i = 0; i < 3; i++)
			expect_denied(sw, &alice, udp(&alice, &bob, family, 4000, 54),
				      "nsg/counted/in/no", LEVEL_NIC);
		after = rule_counters_of(sw, "nsg/counted/in/no");
		assert_int_equal(after.packets - before.packets, 3);
		assert_int_equal(after.bytes - before.bytes, 3 * frame.length);
		assert_int_equal(after.flows - before.flows, 0);
	}
}

static void threat_13_last_of_a_thousand_rules_still_decides(void **state)
{
	struct bpf_switch *sw = *state;
	char *rest = NULL;
	size_t length;
	FILE *out = open_memstream(&rest, &length);

	assert_non_null(out);
	fprintf(out, "nsgs:\n  n:\n    rules:\n");
	for (int i = 0; i < 1000; i++)
		fprintf(out,
			"    - {name: r%d, priority: %d, direction: Inbound, access: %s,"
			" protocol: Udp, sources: [10.1.0.0/16, 'fd00:1::/48'],"
			" destinationPorts: ['%d']}\n",
			i, 100 + i, i % 2 ? "Deny" : "Allow", 1000 + i);
	fclose(out);
	TOWN(sw, .bob = "nsg: n", .rest = rest);
	free(rest);
	FOR_EACH_FAMILY(family) {
		struct outcome outcome;

		expect_denied(sw, &alice, udp(&alice, &bob, family, 4000, 1999), "nsg/n/in/r999",
			      LEVEL_NIC);
		outcome = send_frame(sw, &alice, udp(&alice, &bob, family, 4000, 1998));
		assert_delivered(outcome, &bob);
		assert_int_equal(outcome.trace.rule, bpf_switch_rule(sw, "nsg/n/in/r998"));
		outcome = send_frame(sw, &alice, udp(&alice, &bob, family, 4000, 2000));
		assert_delivered(outcome, &bob);
		assert_int_equal(outcome.trace.rule, bpf_switch_rule(sw, "nsg/n/in/65000"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(levels_decide_in_their_order),
		TEST(lowest_priority_number_decides),
		TEST(built_in_rules_come_last),
		TEST(rule_with_ports_is_for_protocols_that_have_ports),
		TEST(icmp_rules_cover_both_families_types_and_codes),
		TEST(protocols_by_name_and_number),
		TEST(sources_are_prefixes_ranges_tags_and_asgs),
		TEST(asg_without_members_matches_nothing),
		TEST(nsg_is_stateful),
		TEST(acl_is_stateless),
		TEST(acl_that_allows_first_is_not_asked_further),
		TEST(deciding_rule_counts_every_packet_of_its_flow),
		TEST(threat_13_last_of_a_thousand_rules_still_decides),
	};

	return RUN_TESTS(tests);
}
