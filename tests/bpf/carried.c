/* SPDX-License-Identifier: BSD-2-Clause */
/* What a NIC carried (bpf/carried.h) counts as if its packets had been here, and keeps the flow alive. */
#include "tests/harness/talk.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "bpf/sluice.skel.h"
#include "maps/offload.h"

#define RULES                                                                          \
	"nsgs: {n: {rules: ["                                                          \
	"{name: any, priority: 100, direction: Inbound, access: Allow}]}}"

/* Tells of packets carried in the direction that began the flow; the program's answer. */
static __u32 tell(struct bpf_switch *sw, const struct known_flow *flow, __u32 claim, __u32 idle,
		  __u64 packets, bool goes_on)
{
	struct carried carried = { .place = flow->line->place,
				   .claim = claim,
				   .direction = flow->now.originator,
				   .idle = idle,
				   .packets = packets,
				   .bytes = packets * 1000,
				   .goes_on = goes_on };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = &carried,
		    .data_size_in = sizeof(carried), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(
				 bpf_program__fd(sw->skeleton->progs.sluice_carried), &options), 0);
	return options.retval;
}

static void carried_packets_count_for_flow_rule_and_ports(void **state)
{
	struct bpf_switch *sw = *state;
	__u32 sender = bpf_switch_slot(sw, "alice"), receiver = bpf_switch_slot(sw, "bob");

	TOWN(sw, .bob = "nsg: n", .rest = RULES);
	FOR_EACH_FAMILY(family) {
		struct port_counters from, to;
		struct rule_counters rule;
		const struct known_flow *flow;
		int here;

		send_via(sw, VIA_TC, &alice, datagram(&alice, &bob, family, 4000, 53));
		flow = known_between(sw, &alice, &bob, family);
		here = flow->now.originator;
		rule = rule_counters_of(sw, "nsg/n/in/any");
		from = counters_of(sw, sender);
		to = counters_of(sw, receiver);
		assert_int_equal(tell(sw, flow, flow->line->claim, 0, 7, true), 0);
		assert_int_equal(flow->detail->packets[here], 8);
		assert_int_equal(flow->detail->packets[!here], 0);
		assert_int_equal(rule_counters_of(sw, "nsg/n/in/any").packets - rule.packets, 7);
		assert_int_equal(rule_counters_of(sw, "nsg/n/in/any").bytes - rule.bytes, 7000);
		assert_int_equal(counters_of(sw, sender).rx_packets - from.rx_packets, 7);
		assert_int_equal(counters_of(sw, sender).tx_packets, from.tx_packets);
		assert_int_equal(counters_of(sw, receiver).tx_bytes - to.tx_bytes, 7000);
		flows_clear(sw);
	}
}

/* The time of the device's last packet counts, not that of the look. */
static void a_carried_flow_lives_on_from_the_last_carried_packet(void **state)
{
	struct bpf_switch *sw = *state;
	const struct known_flow *flow;
	__u32 begun;

	send_via(sw, VIA_TC, &alice, datagram(&alice, &bob, AF_INET, 4000, 53));
	flow = known_between(sw, &alice, &bob, AF_INET);
	begun = flow->line->last_seen;
	flows_age(sw, 25);
	assert_int_equal(tell(sw, flow, flow->line->claim, 0, 0, true), 0);
	assert_in_range(begun - flow->line->last_seen, 20 * FLOW_TICKS_PER_SECOND,
			30 * FLOW_TICKS_PER_SECOND);
	assert_int_equal(tell(sw, flow, flow->line->claim, 10 * FLOW_TICKS_PER_SECOND, 1, true), 0);
	assert_in_range(begun - flow->line->last_seen, 8 * FLOW_TICKS_PER_SECOND,
			10 * FLOW_TICKS_PER_SECOND);
	/* It never makes a flow older than packets here have made it. */
	assert_int_equal(tell(sw, flow, flow->line->claim, 20 * FLOW_TICKS_PER_SECOND, 1, true), 0);
	assert_in_range(begun - flow->line->last_seen, 8 * FLOW_TICKS_PER_SECOND,
			10 * FLOW_TICKS_PER_SECOND);
}

static void what_was_carried_of_a_flow_that_is_gone_counts_for_nobody(void **state)
{
	struct bpf_switch *sw = *state;
	const struct known_flow *flow;

	send_via(sw, VIA_TC, &alice, datagram(&alice, &bob, AF_INET, 4000, 53));
	flow = known_between(sw, &alice, &bob, AF_INET);
	assert_int_not_equal(tell(sw, flow, flow->line->claim + 2, 0, 7, true), 0);
	assert_int_equal(flow->detail->packets[0] + flow->detail->packets[1], 0);
}

/* While megabytes pass elsewhere nobody here knows the numbers of the connection. */
static void a_reset_of_a_carried_connection_is_believed(void **state)
{
	struct bpf_switch *sw = *state;

	FOR_EACH_FAMILY(family)
		for (int carried = 0; carried < 2; carried++) {
			struct connection c = connection_between(sw, &alice, &bob, family);
			const struct known_flow *flow;

			shake_hands(&c);
			flow = known_between(sw, &alice, &bob, family);
			if (carried)
				tell(sw, flow, flow->line->claim, 0, 1, true);
			c.client_next += 0x10000000;
			if (carried) {
				/* What comes here meanwhile says nothing of what passes there. */
				assert_delivered(client_says(&c, FLAG_ACK, 10), &bob);
				assert_delivered(server_says(&c, FLAG_ACK, 10), &alice);
				c.client_next += 0x10000000;
				assert_delivered(client_says(&c, FLAG_RST, 0), &bob);
			} else {
				assert_dropped(client_forges(&c, FLAG_RST, c.client_next, 0),
					       DROP_TCP_STATE);
			}
			flows_clear(sw);
		}
}

static void a_connection_taken_back_is_followed_again(void **state)
{
	struct bpf_switch *sw = *state;
	struct connection c = connection_between(sw, &alice, &bob, AF_INET);
	const struct known_flow *flow;

	shake_hands(&c);
	flow = known_between(sw, &alice, &bob, AF_INET);
	tell(sw, flow, flow->line->claim, 0, 1, true);
	c.client_next += 0x10000000;
	tell(sw, flow, flow->line->claim, 0, 1, false);
	assert_delivered(client_says(&c, FLAG_ACK, 10), &bob);
	assert_delivered(server_says(&c, FLAG_ACK, 10), &alice);
	assert_dropped(client_forges(&c, FLAG_RST, c.client_next + 0x10000000, 0), DROP_TCP_STATE);
	assert_delivered(client_says(&c, FLAG_RST, 0), &bob);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(carried_packets_count_for_flow_rule_and_ports),
		TEST(a_carried_flow_lives_on_from_the_last_carried_packet),
		TEST(what_was_carried_of_a_flow_that_is_gone_counts_for_nobody),
		TEST(a_reset_of_a_carried_connection_is_believed),
		TEST(a_connection_taken_back_is_followed_again),
	};

	return RUN_TESTS(tests);
}
